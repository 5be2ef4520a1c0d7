"""Whether what was read of a job or a solution is a run that was started after it was read before."""

from __future__ import annotations

from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.models import JobStatus

#: Statuses that a job leaves by itself, so that another one proves no start.
_LEFT_BY_ITSELF = frozenset({str(JobStatus.RUNNING), str(JobStatus.STOPPING)})

#: Statuses of a run that is over: only then do its counters stay as they are.
ENDED = frozenset({str(JobStatus.FINISHED), str(JobStatus.FAILED), str(JobStatus.STOPPED)})


def normal_status(status: str | None) -> str:
    """A job status in its documented spelling.

    :param status: as the API gave it.
    :return: the spelling of ListDIJobs in 2020-05-18; empty for None.
    """
    word = "" if status is None else str(status)
    return assumptions.STATUS_ALIASES.get(word, word)


def new_run_shows(
    status: str | None,
    started_time: Any,
    old_status: str | None,
    old_started_time: Any,
    *,
    left_by_itself: frozenset[str] = _LEFT_BY_ITSELF,
) -> bool:
    """Whether a job or a solution shows a run that was started after the old values were read.

    There is no run id: StartedTime changed, or the status is no longer the old one, unless a run leaves that one by
    itself. What an answer does not give proves nothing.

    :param status: the status now.
    :param started_time: when it was last started, as the API gives it now.
    :param old_status: the status before the start.
    :param old_started_time: when it was last started, as the API gave it before.
    :param left_by_itself: statuses that change without a start; default a job's Running and Stopping.
    """
    if started_time is not None and started_time != old_started_time:
        return True
    now, before = normal_status(status), normal_status(old_status)
    return "" not in (now, before) and now != before and before not in left_by_itself


def solution_start_shows(status: str | None, started: Any, old_status: str | None, old_started: Any) -> bool:
    """Whether a solution shows a start that came after the old values were read.

    :param status: SolutionDetail.Status now.
    :param started: SolutionDetail.StartTime now.
    :param old_status: SolutionDetail.Status before the start.
    :param old_started: SolutionDetail.StartTime before the start.
    """
    return new_run_shows(status, started, old_status, old_started, left_by_itself=assumptions.SOLUTION_RUNS)
