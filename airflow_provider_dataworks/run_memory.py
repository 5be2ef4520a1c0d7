"""Remembers across a task's tries which run it started, in Airflow's task state store (Airflow 3.3+)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.models import Job

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

KEY = "dataworks_started_run"


class RunMemory:
    """What this task noted down before it started a job; empty on Airflow before 3.3.

    :param context: the task's context.
    :param di_job_id: the job.
    """

    def __init__(self, context: Context, di_job_id: int) -> None:
        self._store: Any = context.get("task_state_store")
        self._max_tries = getattr(context["ti"], "max_tries", None)
        self._di_job_id = di_job_id

    def note(self, job: Job) -> None:
        """Note, right before a start, what the job looked like; the new run is the one that differs."""
        self._write(job.get("StartedTime"), time.time())

    def adopt(self) -> None:
        """Take over, after a clear, the run that was started before it."""
        if (note := self._note()) is not None:
            self._write(note.get("started_time"), note.get("noted_at"))

    def knows_run(self, job: Job) -> bool:
        """Whether the job's last run was started by an earlier try of this task."""
        note = self._note()
        return note is not None and note.get("started_time") != job.get("StartedTime")

    def seconds_to_show(self, job: Job, start_timeout: float) -> float:
        """How long a start that an earlier try noted may still take to show; 0 if there is none or it shows.

        :param job: the job as it is now.
        :param start_timeout: seconds that a start may take to show.
        """
        note = self._note()
        if note is None or self.knows_run(job):
            return 0.0
        return max(0.0, min(start_timeout, float(note.get("noted_at") or 0.0) + start_timeout - time.time()))

    def was_cleared(self) -> bool:
        """Whether the task was cleared since the note: a clear raises max_tries, a retry does not."""
        note = self._note()
        return note is not None and note.get("max_tries") != self._max_tries

    def forget(self) -> None:
        """Forget the run: a task that ends here and is cleared later runs its job anew."""
        if self._store is not None:
            self._store.delete(KEY)

    def _write(self, started_time: int | None, noted_at: float | None) -> None:
        if self._store is not None:
            self._store.set(
                KEY,
                {
                    "di_job_id": self._di_job_id,
                    "started_time": started_time,
                    "noted_at": noted_at,
                    "max_tries": self._max_tries,
                },
            )

    def _note(self) -> dict[str, Any] | None:
        note = self._store.get(KEY, None) if self._store is not None else None
        return note if isinstance(note, dict) and note.get("di_job_id") == self._di_job_id else None
