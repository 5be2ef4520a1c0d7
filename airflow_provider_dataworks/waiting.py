"""Decides from a status whether a wait is over; the worker and the triggerer both ask here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.models import JobStatus, MigrationType, TaskType

#: Failed polls in a row that end a wait, unless the task says otherwise.
DEFAULT_MAX_POLL_FAILURES = 10

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


#: Statuses that a job leaves by itself, so that another one proves no start.
_LEFT_BY_ITSELF = frozenset({str(JobStatus.RUNNING), str(JobStatus.STOPPING)})


def new_run_shows(
    status: str | None,
    started_time: Any,
    old_status: str | None,
    old_started_time: Any,
    *,
    left_by_itself: frozenset[str] = _LEFT_BY_ITSELF,
) -> bool:
    """Whether a job or a solution shows the run that was started after the old facts were read.

    There is no run id: StartedTime moved, or the status left its old value, unless a run leaves that by itself. What
    an answer does not give proves nothing.

    :param left_by_itself: statuses that change without a start; default a job's Running and Stopping.
    """
    if started_time is not None and started_time != old_started_time:
        return True
    now, before = normal_status(status), normal_status(old_status)
    return "" not in (now, before) and now != before and before not in left_by_itself


def solution_start_shows(status: str | None, started: Any, old_status: str | None, old_started: Any) -> bool:
    """Whether a solution shows the start that came after the old facts were read."""
    return new_run_shows(status, started, old_status, old_started, left_by_itself=assumptions.SOLUTION_RUNS)


@dataclass
class InstanceWait:
    """Judges a real-time task or a solution after our start, whose old state may still show for a while.

    :param task_type: DI_REALTIME or DI_SOLUTION.
    :param old_status: the status before the start.
    :param old_started: StartTime before the start, for a solution.
    :param show_by: the moment (Unix time) by which the start must show.
    :param shown: whether the start showed already.
    """

    task_type: str
    old_status: str | None
    old_started: str | None
    show_by: float
    shown: bool = False

    def judge(self, status: str | None, started: str | None, now: float) -> Verdict:
        """Judge a status.

        :param status: Data.Status of GetDISyncInstanceInfo, or SolutionDetail.Status of GetDISyncTask.
        :param started: SolutionDetail.StartTime.
        :param now: the Unix time.
        """
        if self.task_type == TaskType.DI_SOLUTION:
            self.shown = self.shown or solution_start_shows(status, started, self.old_status, self.old_started)
            reached, ended = assumptions.SOLUTION_REACHED, assumptions.SOLUTION_ENDED
        else:
            self.shown = self.shown or status != self.old_status or status in assumptions.REALTIME_START_ARRIVED
            reached, ended = assumptions.REALTIME_REACHED, assumptions.REALTIME_ENDED
        if self.shown and status in reached:
            return Verdict.REACHED
        if (self.shown and status in ended) or (not self.shown and now >= self.show_by):
            return Verdict.FAILED
        return Verdict.GO_ON


def execution_deadline(started: float, execution_timeout: timedelta | None) -> float | None:
    """The moment at which a wait ends itself, a little before Airflow's execution_timeout would.

    :param started: when the task's try began, Unix time.
    :param execution_timeout: the task's.
    :return: Unix time, None without an execution_timeout.
    """
    if execution_timeout is None:
        return None
    seconds = execution_timeout.total_seconds()
    return started + seconds - min(30.0, seconds / 4)
