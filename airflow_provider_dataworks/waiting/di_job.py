"""DI jobs: how they are polled, which statuses end a wait, and what shows that a new run has begun."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import DIJob, JobPage, JobStatus, MigrationType
from airflow_provider_dataworks.client.runs import new_run_shows, normal_status
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    job_not_found,
)
from airflow_provider_dataworks.links.dataworks import workspace_url
from airflow_provider_dataworks.waiting import di_job_runs
from airflow_provider_dataworks.waiting.pages import PAGE_SIZE, PageMap
from airflow_provider_dataworks.waiting.target import (
    BatchPoll,
    Evaluation,
    RunState,
    StartTarget,
    StatusSnapshot,
    StatusWords,
    WaitState,
)

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

DEFAULT_FAILURE_STATUSES = (str(JobStatus.FAILED), str(JobStatus.STOPPED))
KNOWN_STATUSES = frozenset(str(status) for status in JobStatus)
TERMINAL_STATUSES = frozenset({str(JobStatus.FINISHED), str(JobStatus.FAILED), str(JobStatus.STOPPED)})

_WORDS = StatusWords(KNOWN_STATUSES | set(assumptions.STATUS_ALIASES))
_RUN_STATES = {
    str(JobStatus.RUNNING): RunState.RUNNING,
    str(JobStatus.STOPPING): RunState.STOPPING,
    str(JobStatus.FINISHED): RunState.SUCCEEDED,
    str(JobStatus.FAILED): RunState.FAILED,
    str(JobStatus.STOPPED): RunState.FAILED,
}


def default_targets(migration_type: str | None) -> tuple[str, ...]:
    """The statuses that mean success after a start: Running for the types that never end, Finished for the others.

    :param migration_type: the job's.
    """
    return (str(JobStatus.RUNNING),) if MigrationType.never_ends(migration_type) else (str(JobStatus.FINISHED),)


def evaluate_status(status: str | None, target_statuses: Iterable[str], failure_statuses: Iterable[str]) -> WaitState:
    """Decide what a job's status means; one that is in neither list, an unknown one too, is waited through.

    :param status: JobStatus as the API gave it.
    :param target_statuses: statuses that end the wait well; they win over ``failure_statuses``.
    :param failure_statuses: statuses that end it badly.
    """
    normal = normal_status(status)
    if normal in {normal_status(target) for target in target_statuses}:
        return WaitState.SUCCEEDED
    if normal in {normal_status(failure) for failure in failure_statuses}:
        return WaitState.FAILED
    return WaitState.PENDING


@dataclass(frozen=True)
class DIJobTarget(StartTarget):
    """A DI job that is to reach a status (API pages: ListDIJobs, GetDIJob).

    :param project_id: the workspace.
    :param di_job_id: the job.
    :param target_statuses: statuses that end the wait well; default Finished.
    :param failure_statuses: statuses that end it badly; default Failed and Stopped.
    :param old_status: a terminal status that the job had before it was started, and that a list may show for a while;
        None (default) if it had none.
    :param old_started_time: StartedTime (Unix seconds) that goes with it; default None.
    :param new_run_seen: whether the task has seen the new run by GetDIJob already, so that only a list may lag; default
        False.
    """

    di_job_id: int
    target_statuses: tuple[str, ...] = (str(JobStatus.FINISHED),)
    failure_statuses: tuple[str, ...] = DEFAULT_FAILURE_STATUSES
    old_status: str | None = None
    old_started_time: int | None = None
    new_run_seen: bool = False

    kind: ClassVar[str] = "DI job"
    id_name: ClassVar[str] = "di_job_id"

    @property
    def id(self) -> int:
        return self.di_job_id

    @property
    def words(self) -> StatusWords:
        return _WORDS

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        try:
            job = hook.read_di_job(di_job_id=self.di_job_id, project_id=self.project_id)
        except DataWorksNotFoundError:
            raise job_not_found(f"with id {self.di_job_id}", self.project_id) from None
        return snapshot_of(job)

    def batch(self) -> BatchPoll:
        return JobPages()

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        state = evaluate_status(snapshot.status, self.target_statuses, self.failure_statuses)
        seen = new_run_seen or (self.old_status is None and not self.new_run_seen)
        if not seen and not snapshot.exact:
            # A list may lag: nothing but a status that the job did not have before is surely of the new run.
            new = self.old_status is not None or normal_status(snapshot.status) not in TERMINAL_STATUSES
            seen = new and normal_status(snapshot.status) != normal_status(self.old_status)
        if state is WaitState.PENDING or seen or (snapshot.exact and self._is_of_new_run(snapshot)):
            return Evaluation(state, new_run_seen=seen)
        return Evaluation(WaitState.PENDING, new_run_seen=False, confirm=True)

    def _is_of_new_run(self, snapshot: StatusSnapshot) -> bool:
        """Whether what GetDIJob gives is about the run that is waited for."""
        return (
            normal_status(snapshot.status) != normal_status(self.old_status)
            or snapshot.started != self.old_started_time
            or (snapshot.started is None and self.new_run_seen)
        )

    def run_state(self, snapshot: StatusSnapshot) -> RunState:
        return _RUN_STATES.get(normal_status(snapshot.status), RunState.IDLE)

    def shows_new_run(self, now: StatusSnapshot, before: StatusSnapshot) -> bool:
        return new_run_shows(now.status, now.started, before.status, before.started)

    def after_start(self, before: StatusSnapshot, start_timeout: float) -> DIJobTarget:
        ended = self.run_state(before).has_ended
        return replace(
            self,
            old_status=before.status if ended else None,
            old_started_time=before.started if ended else None,
            # The wait begins only when the new run shows.
            new_run_seen=True,
        )

    def run_marker(self, hook: DataWorksHook) -> Any:
        return di_job_runs.counters(hook, self.di_job_id)

    def progress(self, hook: DataWorksHook) -> str:
        return di_job_runs.progress(hook, self.di_job_id)

    def stop(self, hook: DataWorksHook) -> None:
        hook.stop_di_job(di_job_id=self.di_job_id)

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        name, project_id, error_message = snapshot.name, self.project_id or hook.settings.project_id, None
        try:
            job = hook.read_di_job(di_job_id=self.di_job_id)
            name, project_id = job.name or name, job.project_id or project_id
            error_message = job.error_message or di_job_runs.failure_reasons(hook, self.di_job_id, log)
        except DataWorksError as error:
            log.warning("The reason of the failure of DI job %s cannot be read: %s", self.di_job_id, error)
        reason = printable(error_message) if error_message else "it gives no ErrorMessage"
        try:
            console_url = workspace_url(hook, project_id)
        except DataWorksParameterError:
            console_url = None
        return DataWorksJobError(
            f"{self.describe(name)} is {printable(snapshot.status)}: {reason.rstrip('. ')}. "
            f"See {console_url or 'the DataWorks console'}",
            job_id=self.di_job_id,
            status=snapshot.status,
            error_message=error_message,
            job_name=name,
            console_url=console_url,
        )


def snapshot_of(job: DIJob, *, exact: bool = True) -> StatusSnapshot:
    """A job as a poll saw it.

    :param job: the job.
    :param exact: whether the job itself was read, not a list; default True.
    """
    return StatusSnapshot(
        job.status,
        exact=exact,
        started=job.started_time,
        name=job.name,
        detail=f"MigrationType {printable(job.migration_type)}" if job.migration_type else "",
        type=job.migration_type,
    )


def warn_if_it_never_ends(log: Any, target: DIJobTarget, migration_type: str | None) -> None:
    """Warn of a wait for the end of a job that has none.

    :param log: the task's logger.
    :param target: the job, and what is waited for.
    :param migration_type: the job's.
    """
    if MigrationType.never_ends(migration_type) and JobStatus.RUNNING not in target.target_statuses:
        log.warning(
            "%s has MigrationType %s, which never ends by itself: it will not be %s. Wait for Running instead",
            target.describe(),
            migration_type,
            " or ".join(target.target_statuses),
        )


class JobPages(BatchPoll):
    """Pages of ListDIJobs, as long as they answer more jobs than asking one by one would."""

    def __init__(self) -> None:
        self._map = PageMap()

    def begin_tick(self) -> None:
        self._map.begin_tick()

    def next_request(self, wanted: frozenset[int]) -> int | None:
        return self._map.next_page(wanted)

    def fetch(self, hook: DataWorksHook, project_id: int, request: Any) -> JobPage:
        return hook.list_di_jobs_page(project_id=project_id, page_number=request, page_size=PAGE_SIZE)

    def read(self, request: Any, answer: JobPage, watched: frozenset[int]) -> dict[int, StatusSnapshot]:
        found = {job.id: snapshot_of(job, exact=False) for job in answer.jobs if job.id in watched}
        self._map.take(request, answer.total, found)
        return found

    def forget(self, target_id: int) -> None:
        self._map.forget(target_id)
