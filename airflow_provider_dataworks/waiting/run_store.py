"""Keeps across a task's tries which run it started, in Airflow's task state store (Airflow 3.3+)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.waiting.target import RunState, StartTarget, StatusSnapshot

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

KEY = "dataworks_started_run"

_NOT_READ = object()

_log = logging.getLogger(__name__)


class RunStore:
    """What a task recorded of the run that it started, or attached to; empty on Airflow before 3.3.

    The record outlives a success: what Airflow does after ``execute`` may still fail, and then the task is retried. It
    holds no time, because the next try may run on a machine with another clock.

    :param context: the task's context.
    :param target: what is started.
    """

    def __init__(self, context: Context, target: StartTarget) -> None:
        self._store: Any = context.get("task_state_store")
        self._max_tries = getattr(context["ti"], "max_tries", None)
        self._target = target
        self._replaced: dict[str, Any] | None = None
        self._known: Any = _NOT_READ

    def record_start(self, before: StatusSnapshot) -> None:
        """Record, right before a start, what the target is like; the new run is the one that differs.

        :param before: what a poll saw.
        """
        self._replaced = self._record()
        marked = {} if before.marker is None else {"marker": before.marker}
        self._write({"ours": True, "status": before.status, "started_time": before.started, **marked})

    def withdraw(self) -> None:
        """Take back the last :meth:`record_start`: the start was surely not executed. What it replaced holds again."""
        self._write_if_possible(self._replaced)

    def record_shown(self, now: StatusSnapshot) -> None:
        """Record that the started run shows, and what distinguishes it from later runs.

        :param now: what a poll saw.
        """
        if (record := self._record()) is not None:
            self._write_if_possible({**record, "shown": True, "run": now.started})

    def record_attached(self, now: StatusSnapshot) -> None:
        """Record a run that this task did not start and waits for.

        :param now: what a poll saw.
        """
        self._write_if_possible({"ours": False, "shown": True, "run": now.started})

    def record_done(self, *, ended: bool) -> None:
        """Record that the task's work is done: a retry, which only a later failure can cause, starts nothing.

        :param ended: whether the run is over.
        """
        if (record := self._record()) is not None:
            self._write_if_possible({**record, "done": True, "ended": ended, "max_tries": self._max_tries})

    def take_over(self) -> None:
        """Take over, after a clear, the run that was started before it."""
        if (record := self._record()) is not None and record.get("max_tries") != self._max_tries:
            self._write_if_possible({**record, "max_tries": self._max_tries})

    def is_recorded_run(self, now: StatusSnapshot) -> bool:
        """Whether the target's last run is the one that an earlier try of this task started or attached to.

        :param now: what a poll saw.
        """
        record = self._record()
        if record is None or self._is_over(record):
            return False
        if record.get("run") is None and record.get("ended"):
            # Nothing identifies the run, but it had succeeded: another status is that of a later run.
            return self._target.run_state(now) is RunState.SUCCEEDED
        if record.get("shown"):
            return record.get("run") in (None, now.started)
        before = StatusSnapshot(record.get("status", now.status), started=record.get("started_time"))
        return self._target.shows_new_run(now, before)

    @property
    def is_own_run(self) -> bool:
        """Whether the recorded run was started by this task, so that a kill stops it."""
        record = self._record()
        return record is not None and bool(record.get("ours", True))

    def may_yet_show(self, now: StatusSnapshot) -> bool:
        """Whether an earlier try recorded a start whose run does not show yet.

        :param now: what a poll saw.
        """
        record = self._record()
        if record is None or record.get("shown") or self._is_over(record):
            return False
        return not self.is_recorded_run(now)

    @property
    def marker_before(self) -> str | None:
        """What distinguished the run before the recorded start, where a poll does not; else None."""
        marker = (self._record() or {}).get("marker")
        return marker if isinstance(marker, str) else None

    def was_done(self, now: StatusSnapshot) -> bool:
        """Whether an earlier try did the task's work, and what failed came after it.

        Not if the run was stopped or failed since, as by a kill after ``execute``; nor after a clear.

        :param now: what a poll saw.
        """
        record = self._record()
        if record is None or not record.get("done") or self._is_over(record):
            return False
        useless = self._target.run_state(now) in (RunState.FAILED, RunState.STOPPING)
        return not (useless and self.is_recorded_run(now))

    @property
    def was_cleared(self) -> bool:
        """Whether the task was cleared since the record: a clear raises max_tries, a retry does not."""
        record = self._record()
        return record is not None and record.get("max_tries") != self._max_tries

    def forget(self) -> None:
        """Forget a run that ended badly."""
        self._write(None)

    def _is_over(self, record: dict[str, Any]) -> bool:
        """Whether the task had done its work and was cleared: it is to do it anew."""
        return bool(record.get("done")) and record.get("max_tries") != self._max_tries

    def _write(self, record: dict[str, Any] | None) -> None:
        if self._store is None:
            return
        if record is None:
            self._store.delete(KEY)
        else:
            record = {"max_tries": self._max_tries, **record, self._target.id_name: self._target.id}
            self._store.set(KEY, record)
        self._known = record

    def _write_if_possible(self, record: dict[str, Any] | None) -> None:
        try:
            self._write(record)
        except Exception as error:  # noqa: BLE001 - a store that fails must not fail a task whose job runs
            _log.warning("%s: the task state store did not record its run: %s", self._target.describe(), error)

    def _record(self) -> dict[str, Any] | None:
        if self._known is _NOT_READ:
            # Each read is a request to Airflow's API server.
            self._known = self._store.get(KEY, None) if self._store is not None else None
        record = self._known
        if not isinstance(record, dict):
            return None
        return record if record.get(self._target.id_name) == self._target.id else None
