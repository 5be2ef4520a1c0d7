"""Decides from a status whether a wait is over; the worker and the triggerer both ask here."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.models import JobStatus, MigrationType

DEFAULT_FAILURE_STATUSES = (str(JobStatus.FAILED), str(JobStatus.STOPPED))
KNOWN_STATUSES = frozenset(str(status) for status in JobStatus)
TERMINAL_STATUSES = frozenset({str(JobStatus.FINISHED), str(JobStatus.FAILED), str(JobStatus.STOPPED)})


class Verdict(str, Enum):
    """What a status means for somebody who waits."""

    REACHED = "reached"
    FAILED = "failed"
    GO_ON = "go on"


def normal_status(status: str | None) -> str:
    """A job status in its documented spelling."""
    text = "" if status is None else str(status)
    return assumptions.STATUS_ALIASES.get(text, text)


def judge(status: str | None, target_statuses: Iterable[str], failure_statuses: Iterable[str]) -> Verdict:
    """Judge a job's status; a status that is in neither list, an unknown one too, means to go on.

    :param status: JobStatus as the API gave it.
    :param target_statuses: statuses that end the wait well; they win over ``failure_statuses``.
    :param failure_statuses: statuses that end it badly.
    """
    normal = normal_status(status)
    if normal in {normal_status(target) for target in target_statuses}:
        return Verdict.REACHED
    if normal in {normal_status(failure) for failure in failure_statuses}:
        return Verdict.FAILED
    return Verdict.GO_ON


def default_targets(migration_type: str | None) -> tuple[str, ...]:
    """The statuses that mean success after a start: Running for the types that never end, Finished for the others."""
    return (str(JobStatus.RUNNING),) if MigrationType.never_ends(migration_type) else (str(JobStatus.FINISHED),)


def new_run_shows(
    status: str | None, started_time: int | None, old_status: str | None, old_started_time: int | None
) -> bool:
    """Whether a job shows the run that was started after the old facts were read.

    There is no run id: StartedTime moved, or the status left its old value.
    """
    return started_time != old_started_time or normal_status(status) != normal_status(old_status)


def judge_realtime(status: str | None, start_shows: bool) -> Verdict:
    """Judge a DI_REALTIME instance's status after our start.

    :param status: Data.Status of GetDISyncInstanceInfo.
    :param start_shows: whether the start showed already, or had all the time it needs to; before that the
        status may be the old one.
    """
    if status in assumptions.REALTIME_REACHED:
        return Verdict.REACHED
    if status in assumptions.REALTIME_ENDED and start_shows:
        return Verdict.FAILED
    return Verdict.GO_ON


def judge_solution(status: str | None, start_shows: bool) -> Verdict:
    """Judge SolutionDetail.Status of GetDISyncTask after our start; arguments as in :func:`judge_realtime`."""
    if status in assumptions.SOLUTION_REACHED and start_shows:
        return Verdict.REACHED
    if status in assumptions.SOLUTION_ENDED and start_shows:
        return Verdict.FAILED
    return Verdict.GO_ON
