"""Real-time tasks and solutions after StartDISyncInstance: how they are polled and what their statuses mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.client.runs import solution_start_shows
from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.links.dataworks import workspace_url
from airflow_provider_dataworks.waiting.target import (
    Evaluation,
    RunState,
    StartTarget,
    StatusSnapshot,
    StatusWords,
    WaitState,
)

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

DEFAULT_START_TIMEOUT = 60.0

_REALTIME_WORDS = StatusWords(assumptions.REALTIME_STATUSES)
_SOLUTION_WORDS = StatusWords(frozenset(assumptions.SOLUTION_STATUS), assumptions.SOLUTION_STATUS)
_REALTIME_STATES = {
    **dict.fromkeys(assumptions.REALTIME_START_ARRIVED, RunState.RUNNING),
    **dict.fromkeys(assumptions.REALTIME_ENDED, RunState.FAILED),
    assumptions.REALTIME_STOPPING: RunState.STOPPING,
}
_SOLUTION_STATES = {
    **dict.fromkeys(assumptions.SOLUTION_RUNS, RunState.RUNNING),
    **dict.fromkeys(assumptions.SOLUTION_REACHED, RunState.SUCCEEDED),
    **dict.fromkeys(assumptions.SOLUTION_ENDED, RunState.FAILED),
}


@dataclass(frozen=True)
class SyncInstanceTarget(StartTarget):
    """A real-time task that is to run, or a solution that is to succeed (API pages: GetDISyncInstanceInfo,
    GetDISyncTask).

    :param project_id: the workspace.
    :param file_id: the file id.
    :param task_type: DI_REALTIME or DI_SOLUTION.
    :param old_status: the status before the start; default None, not known.
    :param old_started: a solution's StartTime before the start; default None.
    :param start_timeout: seconds within which the start must show, counted from when the wait begins; default 60.
    :param shown: whether it has shown already; default False.
    :param until_stopped: whether a real-time task is to stop, not to run; default False.
    """

    file_id: int
    task_type: str
    old_status: str | None = None
    old_started: str | None = None
    start_timeout: float = DEFAULT_START_TIMEOUT
    shown: bool = False
    until_stopped: bool = False

    kind: ClassVar[str] = "sync instance"
    id_name: ClassVar[str] = "file_id"
    confirms_start: ClassVar[bool] = False

    @property
    def id(self) -> int:
        return self.file_id

    @property
    def group(self) -> str:
        return self.task_type

    @property
    def words(self) -> StatusWords:
        return _SOLUTION_WORDS if self._is_solution else _REALTIME_WORDS

    @property
    def shows_within(self) -> float | None:
        return None if self.shown else self.start_timeout

    @property
    def why_not_stopped(self) -> str | None:
        return "the API stops no solutions" if self._is_solution else None

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        if self._is_solution:
            detail = hook.get_solution_detail(project_id=self.project_id, file_id=self.file_id)
            return StatusSnapshot(str(detail.get("Status")), started=detail.get("StartTime"))
        info = hook.get_di_sync_instance_info(
            project_id=self.project_id, task_type=self.task_type, file_id=self.file_id
        )
        return StatusSnapshot(str(info.get("Status")), name=info.get("Name"))

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        if self.until_stopped:
            stopped = snapshot.status in assumptions.REALTIME_ENDED
            return Evaluation(WaitState.SUCCEEDED if stopped else WaitState.PENDING)
        seen = self.shown or new_run_seen or self._shows_start(snapshot, self.old_status, self.old_started)
        if self._is_solution:
            reached, ended = assumptions.SOLUTION_REACHED, assumptions.SOLUTION_ENDED
        else:
            reached, ended = assumptions.REALTIME_REACHED, assumptions.REALTIME_ENDED
        if seen and snapshot.status in reached:
            return Evaluation(WaitState.SUCCEEDED)
        if (seen and snapshot.status in ended) or (not seen and start_overdue):
            return Evaluation(WaitState.FAILED, new_run_seen=seen)
        return Evaluation(WaitState.PENDING, new_run_seen=seen)

    def run_state(self, snapshot: StatusSnapshot) -> RunState:
        states = _SOLUTION_STATES if self._is_solution else _REALTIME_STATES
        return states.get(snapshot.status, RunState.IDLE)

    def shows_new_run(self, now: StatusSnapshot, before: StatusSnapshot) -> bool:
        return self._shows_start(now, before.status, before.started)

    def after_start(self, before: StatusSnapshot, start_timeout: float) -> SyncInstanceTarget:
        return replace(self, old_status=before.status, old_started=before.started, start_timeout=start_timeout)

    def attached(self) -> SyncInstanceTarget:
        return replace(self, shown=True)

    def stop(self, hook: DataWorksHook) -> None:
        hook.stop_di_sync_instance(project_id=self.project_id, task_type=self.task_type, file_id=self.file_id)

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        status = self.words.describe(snapshot.status)
        return DataWorksJobError(
            f"{self.describe(snapshot.name)} is {status} after its start: it ended, or the start did not show within "
            f"start_timeout ({self.start_timeout:g} s). Its log is in the DataWorks console.",
            job_id=self.file_id,
            status=snapshot.status,
            job_name=snapshot.name,
            console_url=workspace_url(hook, self.project_id) if self.project_id else None,
        )

    def _shows_start(self, snapshot: StatusSnapshot, old_status: str | None, old_started: Any) -> bool:
        if self._is_solution:
            return solution_start_shows(snapshot.status, snapshot.started, old_status, old_started)
        return snapshot.status != old_status or snapshot.status in assumptions.REALTIME_START_ARRIVED

    @property
    def _is_solution(self) -> bool:
        return self.task_type == TaskType.DI_SOLUTION
