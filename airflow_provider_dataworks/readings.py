"""What one look at a DI job, a real-time task or a solution saw; worker and triggerer look the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.exceptions import DataWorksNotFoundError, job_not_found

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook


@dataclass(frozen=True)
class Reading:
    """What one poll saw of a subject.

    :param status: as the API gave it.
    :param migration_type: of a job.
    :param name: of a job.
    :param started: StartedTime of a job read by id, StartTime of a solution.
    :param error_message: of a job read by id.
    :param by_id: whether it was asked for by its id; default False: a page of the list had it, and the list may lag.
    """

    status: str
    migration_type: str | None = None
    name: str | None = None
    started: Any = None
    error_message: str | None = None
    by_id: bool = False


def read_job(hook: DataWorksHook, *, project_id: int, di_job_id: int) -> Reading:
    """One job by id; one of another workspace is as absent as the workspace's listing says it is."""
    missing = job_not_found(f"with id {di_job_id}", project_id)
    try:
        job = hook.get_di_job(di_job_id=di_job_id)
    except DataWorksNotFoundError:
        raise missing from None
    if job.get("ProjectId") not in (None, project_id):
        raise missing
    return Reading(
        str(job.get("JobStatus")),
        job.get("MigrationType"),
        job.get("JobName"),
        job.get("StartedTime"),
        job.get("ErrorMessage"),
        by_id=True,
    )


def read_instance(hook: DataWorksHook, *, project_id: int, task_type: str, file_id: int) -> Reading:
    """A real-time task by GetDISyncInstanceInfo, a solution by GetDISyncTask."""
    if task_type == TaskType.DI_SOLUTION:
        detail = hook.get_solution_detail(project_id=project_id, file_id=file_id)
        return Reading(str(detail.get("Status")), started=detail.get("StartTime"), by_id=True)
    info = hook.get_di_sync_instance_info(project_id=project_id, task_type=task_type, file_id=file_id)
    return Reading(str(info.get("Status")), name=info.get("Name"), by_id=True)
