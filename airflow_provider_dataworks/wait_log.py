"""Tells a wait in a task's log: each change of status, a heartbeat every ten minutes, how it ended."""

from __future__ import annotations

import time
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.waiting import KNOWN_STATUSES

HEARTBEAT_SECONDS = 600.0


class WaitLog:
    """The log of one wait.

    :param log: the task's logger.
    :param what: what is waited for, such as ``DI job 1001``.
    :param known: the statuses that are documented; any other is warned of, once each.
    :param meanings: words for statuses that are mere numbers.
    :param since: when the wait began (Unix time), if that was in another process; None for now.
    """

    def __init__(
        self,
        log: Any,
        what: str,
        known: frozenset[str] | None = None,
        meanings: dict[str, str] | None = None,
        since: float | None = None,
    ) -> None:
        self._log = log
        self._what = what
        self._known = known
        self._meanings = meanings or {}
        self._warned: set[str | None] = set()
        self._status: str | None = None
        self._began = self._changed = self._spoke = time.monotonic()
        self._saw_it_change = False
        if since is not None:
            self._began -= max(0.0, time.time() - since)

    @classmethod
    def of_job(cls, log: Any, di_job_id: int, since: float | None = None) -> WaitLog:
        """The log of a wait for a DI job."""
        return cls(log, f"DI job {di_job_id}", KNOWN_STATUSES | set(assumptions.STATUS_ALIASES), since=since)

    @classmethod
    def of_instance(cls, log: Any, task_type: str, file_id: int, since: float | None = None) -> WaitLog:
        """The log of a wait for a real-time task or a solution, whose numbers it turns into words."""
        what = f"{task_type} {file_id}"
        if task_type == TaskType.DI_SOLUTION:
            return cls(log, what, frozenset(assumptions.SOLUTION_STATUS), assumptions.SOLUTION_STATUS, since)
        return cls(log, what, assumptions.REALTIME_STATUSES, since=since)

    def waited(self) -> str:
        """How long the wait has taken, for people."""
        return duration(time.monotonic() - self._began)

    def until_heartbeat(self) -> float:
        """Seconds until the next heartbeat is due."""
        return max(0.0, self._spoke + HEARTBEAT_SECONDS - time.monotonic())

    def see(self, status: str | None) -> None:
        """Take note of a status; one line if it changed or a heartbeat is due."""
        now = time.monotonic()
        word = self.word(status)
        if status == self._status:
            self.heartbeat()
            return
        if self._status is None:
            self._log.info("%s is %s", self._what, word)
        else:
            # The first status was there before it was first seen.
            since = f"{'' if self._saw_it_change else 'at least '}{duration(now - self._changed)}"
            self._log.info("%s is %s; it was %s for %s", self._what, word, self.word(self._status), since)
            self._saw_it_change = True
        if self._known is not None and status not in self._known and status not in self._warned:
            self._warned.add(status)
            self._log.warning("%s has the unknown status %r; waiting on, until the limit", self._what, status)
        self._status, self._changed, self._spoke = status, now, now

    def heartbeat(self, remark: str = "") -> None:
        """Say that the wait goes on, if nothing was said for ten minutes."""
        if self.until_heartbeat() <= 0:
            self._spoke = time.monotonic()
            self._log.info("%s is still %s after %s%s", self._what, self.word(self._status), self.waited(), remark)

    def end(self, status: str | None, migration_type: str | None = None) -> None:
        """Say how the wait ended."""
        kind = f" (MigrationType {printable(migration_type)})" if migration_type else ""
        self._log.info("%s: the wait ended at %s%s after %s", self._what, self.word(status), kind, self.waited())

    def word(self, status: str | None) -> str:
        meaning = self._meanings.get(status or "")
        return f"{status} ({meaning})" if meaning else printable(status)


def duration(seconds: float) -> str:
    """Seconds as people say them: 8 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
