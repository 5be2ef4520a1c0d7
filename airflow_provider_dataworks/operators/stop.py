"""The operators that stop: a DI job, a real-time task. A DAG imports them from ``operators.data_integration``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.exceptions import job_not_found
from airflow_provider_dataworks.operators.base import StopOperator
from airflow_provider_dataworks.task import ConnectionArguments
from airflow_provider_dataworks.waiting.di_job import TERMINAL_STATUSES, DIJobTarget, snapshot_of
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.sync_instance import SyncInstanceTarget

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from airflow_provider_dataworks.triggers.base import WaitTrigger
    from airflow_provider_dataworks.waiting.target import StatusSnapshot


@dataclass(frozen=True)
class _StopDIJobArguments(ConnectionArguments):
    """The arguments of :class:`StopDIJobOperator`, as the API takes them."""

    di_job_id: int


@dataclass(frozen=True)
class _StopDISyncInstanceArguments(ConnectionArguments):
    """The arguments of :class:`StopDISyncInstanceOperator`, as the API takes them."""

    file_id: int


class StopDIJobOperator(StopOperator):
    """Stops a DI job, and waits until it has stopped (API page: StopDIJob).

    If the job is not running, the task succeeds and logs that. It also succeeds if the job ends for another reason
    while it is being stopped.

    :param di_job_id: the job's id.
    :param project_id: workspace id; None (default) for the connection's, or else the job's own.
    :param wait_for_completion: whether to wait until it has stopped; default True.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``. It has no
        effect without ``wait_for_completion``.
    :param poll_interval: seconds between two polls; default 30.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
    :param end_from_trigger: whether success ends the deferred task without a worker; default False. Airflow 3.3 encodes
        a trigger's XCom twice: ``xcom_pull`` then gives the id as a string.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the job id, int.
    :raises DataWorksTimeoutError: execution_timeout is over before it has stopped.
    :raises DataWorksNotFoundError: there is no such job.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries, or too many failed polls.
    """

    template_fields: Sequence[str] = ("di_job_id", "project_id", "dataworks_conn_id", "region_id")

    def __init__(
        self,
        *,
        di_job_id: int | str | XComArg,
        project_id: int | str | XComArg | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        end_from_trigger: bool = False,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            max_poll_failures=max_poll_failures,
            end_from_trigger=end_from_trigger,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.di_job_id: Any = di_job_id
        self.check_arguments()

    def read_arguments(self) -> _StopDIJobArguments:
        return _StopDIJobArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            di_job_id=self.read("di_job_id", self.di_job_id, arguments.identifier),
        )

    def find(self, project_id: int | None) -> tuple[DIJobTarget, StatusSnapshot]:
        job = self.hook.read_di_job(di_job_id=self.read_arguments().di_job_id)
        project_id = self.hook.resolve_project_id(project_id or job.project_id)
        target = self.named_target(project_id)
        if job.project_id not in (None, project_id):
            raise job_not_found(f"with id {target.id}", project_id)
        return target, snapshot_of(job)

    def named_target(self, project_id: int) -> DIJobTarget:
        return DIJobTarget(project_id, self.read_arguments().di_job_id, tuple(sorted(TERMINAL_STATUSES)), ())

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

        return DIJobStatusTrigger


class StopDISyncInstanceOperator(StopOperator):
    """Stops a real-time task, and waits until it has stopped (API page: StopDISyncInstance).

    If the real-time task is not running, the Airflow task succeeds and logs that. The API cannot stop solutions.

    :param file_id: the file id of the real-time task.
    :param project_id: workspace id; None (default) for the connection's.
    :param wait_for_completion: whether to wait until it has stopped; default True.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``. It has no
        effect without ``wait_for_completion``.
    :param poll_interval: seconds between two polls; default 30.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
    :param end_from_trigger: whether success ends the deferred task without a worker; default False. Airflow 3.3 encodes
        a trigger's XCom twice: ``xcom_pull`` then gives the id as a string.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the file id, int.
    :raises DataWorksTimeoutError: execution_timeout is over before it has stopped.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries, or too many failed polls.
    """

    template_fields: Sequence[str] = ("file_id", "project_id", "dataworks_conn_id", "region_id")

    def __init__(
        self,
        *,
        file_id: int | str | XComArg,
        project_id: int | str | XComArg | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        end_from_trigger: bool = False,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            max_poll_failures=max_poll_failures,
            end_from_trigger=end_from_trigger,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.file_id: Any = file_id
        self.check_arguments()

    def read_arguments(self) -> _StopDISyncInstanceArguments:
        return _StopDISyncInstanceArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            file_id=self.read("file_id", self.file_id, arguments.identifier),
        )

    def find(self, project_id: int | None) -> tuple[SyncInstanceTarget, StatusSnapshot]:
        target = self.named_target(self.hook.resolve_project_id(project_id))
        return target, target.poll(self.hook)

    def named_target(self, project_id: int) -> SyncInstanceTarget:
        running = SyncInstanceTarget(project_id, self.read_arguments().file_id, str(TaskType.DI_REALTIME))
        return replace(running, until_stopped=True, shown=True)

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.data_integration import DISyncInstanceTrigger

        return DISyncInstanceTrigger
