"""Remembers across a task's tries which run it started, in Airflow's task state store (Airflow 3.3+)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.models import Job, JobStatus
from airflow_provider_dataworks.waiting import new_run_shows, normal_status

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

KEY = "dataworks_started_run"

#: Statuses of a run that a retry replaces by a new one.
_OF_NO_USE = frozenset({str(JobStatus.FAILED), str(JobStatus.STOPPED), str(JobStatus.STOPPING)})

_NOT_READ = object()

_log = logging.getLogger(__name__)


class RunMemory:
    """What this task noted of the run that it started, or attached to; empty on Airflow before 3.3.

    The note outlives a success: what Airflow does after ``execute`` may still fail, and then the task is retried. It
    holds no moment, because the next try may run on a machine with another clock.

    :param context: the task's context.
    :param di_job_id: the job.
    """

    def __init__(self, context: Context, di_job_id: int) -> None:
        self._store: Any = context.get("task_state_store")
        self._max_tries = getattr(context["ti"], "max_tries", None)
        self._di_job_id = di_job_id
        self._replaced: dict[str, Any] | None = None
        self._known: Any = _NOT_READ

    def note(self, job: Job) -> None:
        """Note, right before a start, what the job is like; the new run is the one that differs."""
        self._replaced = self._note()
        self._write({"ours": True, "status": job.get("JobStatus"), "started_time": job.get("StartedTime")})

    def withdraw(self) -> None:
        """Take back the last :meth:`note`: the start was surely not executed. What it replaced is valid again."""
        self._write_if_possible(self._replaced)

    def note_shown(self, job: Job) -> None:
        """Note that the started run shows, and its StartedTime, which tells it from later runs."""
        if (note := self._note()) is not None:
            self._write_if_possible({**note, "shown": True, "run": job.get("StartedTime")})

    def note_attached(self, job: Job) -> None:
        """Note a run of somebody else that this task waits for."""
        self._write_if_possible({"ours": False, "shown": True, "run": job.get("StartedTime")})

    def note_done(self) -> None:
        """Note that the task's work is done: a retry, which only a later failure can cause, starts nothing."""
        if (note := self._note()) is not None:
            self._write_if_possible({**note, "done": True, "max_tries": self._max_tries})

    def adopt(self) -> None:
        """Take over, after a clear, the run that was started before it."""
        if (note := self._note()) is not None and note.get("max_tries") != self._max_tries:
            self._write_if_possible({**note, "max_tries": self._max_tries})

    def knows_run(self, job: Job) -> bool:
        """Whether the job's last run is the one that an earlier try of this task started or attached to."""
        note = self._note()
        if note is None or self._is_over(note):
            return False
        if note.get("shown"):
            return note.get("run") in (None, job.get("StartedTime"))
        old_status = note.get("status", job.get("JobStatus"))
        return new_run_shows(job.get("JobStatus"), job.get("StartedTime"), old_status, note.get("started_time"))

    def run_is_ours(self) -> bool:
        """Whether the noted run was started by this task, so that a kill stops it."""
        note = self._note()
        return note is not None and bool(note.get("ours", True))

    def may_yet_show(self, job: Job) -> bool:
        """Whether an earlier try noted a start whose run does not show yet.

        :param job: the job as it is now.
        """
        note = self._note()
        return note is not None and not note.get("shown") and not self._is_over(note) and not self.knows_run(job)

    def was_done(self, job: Job) -> bool:
        """Whether an earlier try did the task's work, and what failed came after it.

        Not if the run was stopped or failed since, as by a kill after ``execute``; nor after a clear.

        :param job: the job as it is now.
        """
        note = self._note()
        if note is None or not note.get("done") or self._is_over(note):
            return False
        return not (self.knows_run(job) and normal_status(job.get("JobStatus")) in _OF_NO_USE)

    def was_cleared(self) -> bool:
        """Whether the task was cleared since the note: a clear raises max_tries, a retry does not."""
        note = self._note()
        return note is not None and note.get("max_tries") != self._max_tries

    def forget(self) -> None:
        """Forget a run that ended badly."""
        self._write(None)

    def _is_over(self, note: dict[str, Any]) -> bool:
        """Whether the task had done its work and was cleared: it is to do it anew."""
        return bool(note.get("done")) and note.get("max_tries") != self._max_tries

    def _write(self, note: dict[str, Any] | None) -> None:
        if self._store is None:
            return
        if note is None:
            self._store.delete(KEY)
        else:
            note = {"max_tries": self._max_tries, **note, "di_job_id": self._di_job_id}
            self._store.set(KEY, note)
        self._known = note

    def _write_if_possible(self, note: dict[str, Any] | None) -> None:
        try:
            self._write(note)
        except Exception as error:  # noqa: BLE001 - a store that fails must not fail a task whose job runs
            _log.warning("DI job %s: the task state store took no note of its run: %s", self._di_job_id, error)

    def _note(self) -> dict[str, Any] | None:
        if self._known is _NOT_READ:
            # Each read is a request to Airflow's API server.
            self._known = self._store.get(KEY, None) if self._store is not None else None
        note = self._known
        return note if isinstance(note, dict) and note.get("di_job_id") == self._di_job_id else None
