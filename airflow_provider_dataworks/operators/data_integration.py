"""The operators: create a sync task, start a real-time task or solution, start a DI job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.actions import whole_number
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.exceptions import DataWorksError, job_not_found
from airflow_provider_dataworks.lineage.emitting import EmitsLineage
from airflow_provider_dataworks.lineage.models import TaskLineage
from airflow_provider_dataworks.operators.base import StartOperator
from airflow_provider_dataworks.operators.deploy import DeployDISyncTaskOperator
from airflow_provider_dataworks.operators.di_jobs import CreateDIJobOperator, DeleteDIJobOperator
from airflow_provider_dataworks.operators.stop import StopDIJobOperator, StopDISyncInstanceOperator
from airflow_provider_dataworks.task import ConnectionArguments, DataWorksTask, client_token_for
from airflow_provider_dataworks.waiting.di_job import (
    DEFAULT_FAILURE_STATUSES,
    DIJobTarget,
    default_targets,
    snapshot_of,
    warn_if_it_never_ends,
)
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.sync_instance import SyncInstanceTarget

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dataworks.lineage.reader import LineageReader
    from airflow_provider_dataworks.triggers.base import WaitTrigger
    from airflow_provider_dataworks.waiting.target import StartTarget, StatusSnapshot

__all__ = [
    "CreateDIJobOperator",
    "CreateDISyncTaskOperator",
    "DeleteDIJobOperator",
    "DeployDISyncTaskOperator",
    "StartDIJobOperator",
    "StartDISyncInstanceOperator",
    "StopDIJobOperator",
    "StopDISyncInstanceOperator",
    "client_token_for",
]

_STARTABLE = (TaskType.DI_REALTIME, TaskType.DI_SOLUTION)


@dataclass(frozen=True)
class _CreateDISyncTaskArguments(ConnectionArguments):
    """The arguments of :class:`CreateDISyncTaskOperator`, as the API takes them."""

    task_name: str
    task_content: str
    task_type: str
    task_param: str | None
    client_token: str | None


@dataclass(frozen=True)
class _StartDISyncInstanceArguments(ConnectionArguments):
    """The arguments of :class:`StartDISyncInstanceOperator`, as the API takes them."""

    file_id: int
    task_type: str
    start_param: str | None


@dataclass(frozen=True)
class _StartDIJobArguments(ConnectionArguments):
    """The arguments of :class:`StartDIJobOperator`, as the API takes them."""

    di_job_id: int
    realtime_start_settings: dict[str, Any] | None
    force_to_rerun: bool | None
    target_statuses: tuple[str, ...] | None
    failure_statuses: tuple[str, ...]
    if_running: str


class CreateDISyncTaskOperator(EmitsLineage, DataWorksTask, BaseOperator):
    """Creates a sync task, as a draft in DataStudio (API page: CreateDISyncTask).

    A retry creates nothing twice: all tries of a task in a run send the same client token, until the task is cleared.
    With api_version 2024-05-18 a DI_OFFLINE becomes a node of Data Studio (API page: CreateNode). That version has no
    client token: if the folder has a node of the same name and content, its id is returned; other content is an error.
    The other types are refused with that version; use DI jobs instead.

    :param task_name: the file's name, unique in its folder.
    :param task_content: the job definition in script mode: dict, JSON string, or the path of a ``.json`` file.
    :param task_type: DI_OFFLINE (default), DI_REALTIME or DI_SOLUTION.
    :param project_id: workspace id; None (default) for the connection's.
    :param task_param: ``FileFolderPath``, ``ResourceGroup`` and ``Cu``: dict, JSON string, or the path of a ``.json``
        file; default None.
    :param client_token: None (default) derives one from DAG id, task id, run id, map index and the clears of the task.
        It has no effect with api_version 2024-05-18.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: FileId, int; with api_version 2024-05-18 the node's id in Data Studio.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries.
    """

    template_fields: Sequence[str] = (
        "task_name",
        "task_content",
        "di_task_type",
        "project_id",
        "task_param",
        "client_token",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"task_content": "json", "task_param": "json"}
    ui_color = "#fdebd9"

    def __init__(
        self,
        *,
        task_name: str | XComArg,
        task_content: dict[str, Any] | str | os.PathLike[str] | XComArg,
        task_type: str | XComArg = "DI_OFFLINE",
        project_id: int | str | XComArg | None = None,
        task_param: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        client_token: str | XComArg | None = None,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.task_name = task_name
        self.task_content = task_content
        # BaseOperator has a read-only property task_type.
        self.di_task_type = task_type
        self.project_id = project_id
        self.task_param = task_param
        self.client_token = client_token
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self.check_arguments()

    def read_arguments(self) -> _CreateDISyncTaskArguments:
        return _CreateDISyncTaskArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            task_name=self.read("task_name", self.task_name, arguments.text),
            task_content=self.read("task_content", self.task_content, arguments.json_text),
            task_type=self.read("di_task_type", self.di_task_type, lambda _, value: arguments.task_type(value)),
            task_param=self.read("task_param", self.task_param, arguments.optional_json_text),
            client_token=self.read("client_token", self.client_token, arguments.optional_text),
        )

    def execute(self, context: Context) -> int:
        """Create the task.

        :param context: the task instance's, from Airflow.
        :return: FileId.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        given = self.read_arguments()
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        return self.hook.create_di_sync_task(
            project_id=project_id,
            task_type=given.task_type,
            task_name=given.task_name,
            task_content=given.task_content,
            task_param=given.task_param,
            client_token=given.client_token or client_token_for(context),
        )

    def lineage_facts(self) -> dict[str, Any]:
        given = self.read_arguments()
        return {"taskType": given.task_type, "taskName": given.task_name}

    def read_lineage(self, reader: LineageReader, task_instance: Any) -> TaskLineage:
        from airflow_provider_dataworks.lineage.content import read_content

        file_id = whole_number(self.pulled(task_instance))
        return TaskLineage(read_content(self.read_arguments().task_content), {"fileId": file_id})


class StartDISyncInstanceOperator(EmitsLineage, StartOperator):
    """Starts a real-time task or a solution, unless it is already running (API page: StartDISyncInstance).

    With ``wait_for_completion`` it waits until a real-time task is RUN
    (it never ends), or until a solution has succeeded.

    :param file_id: the file id of the real-time task or the solution.
    :param task_type: DI_REALTIME (default) or DI_SOLUTION.
    :param project_id: workspace id; None (default) for the connection's.
    :param start_param: failover, dirty-record and DDL settings of a DI_REALTIME: dict, JSON string, or a ``.json``
        file; default None.
    :param wait_for_completion: whether to wait; default False.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``. It has no
        effect without ``wait_for_completion``.
    :param poll_interval: seconds between two polls; default 30.
    :param cancel_on_kill: whether a real-time task that this task started is stopped when the task is killed or reaches
        execution_timeout; default True. The API cannot stop solutions.
    :param start_timeout: seconds in which the start must become visible, and a real-time task that is being stopped
        must have stopped; default 60.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
    :param end_from_trigger: whether success and failure end the deferred task without a worker; default False. Airflow
        3.3 encodes a trigger's XCom twice: ``xcom_pull`` then gives the id as a string.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the file id, int.
    :raises DataWorksJobError: it ended in a failure status.
    :raises DataWorksTimeoutError: execution_timeout is over; the message says what became of it.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries, or too many failed polls.
    """

    template_fields: Sequence[str] = (
        "file_id",
        "di_task_type",
        "project_id",
        "start_param",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"start_param": "json"}

    def __init__(
        self,
        *,
        file_id: int | str | XComArg,
        task_type: str | XComArg = "DI_REALTIME",
        project_id: int | str | XComArg | None = None,
        start_param: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        cancel_on_kill: bool = True,
        start_timeout: float = 60.0,
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
            cancel_on_kill=cancel_on_kill,
            start_timeout=start_timeout,
            max_poll_failures=max_poll_failures,
            end_from_trigger=end_from_trigger,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.file_id = file_id
        self.di_task_type = task_type
        self.start_param = start_param
        self.check_arguments()

    def read_arguments(self) -> _StartDISyncInstanceArguments:
        return _StartDISyncInstanceArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            file_id=self.read("file_id", self.file_id, arguments.identifier),
            task_type=self.read(
                "di_task_type", self.di_task_type, lambda _, value: arguments.task_type(value, _STARTABLE)
            ),
            start_param=self.read("start_param", self.start_param, arguments.optional_json_text),
        )

    def find(self, project_id: int | None) -> tuple[SyncInstanceTarget, StatusSnapshot]:
        target = self.named_target(self.hook.resolve_project_id(project_id))
        return target, target.poll(self.hook)

    def start(self, target: StartTarget, before: StatusSnapshot) -> str | None:
        given = self.read_arguments()
        self.hook.start_di_sync_instance(
            project_id=target.project_id,
            task_type=given.task_type,
            file_id=given.file_id,
            start_param=given.start_param,
            solution_before={"Status": before.status, "StartTime": before.started},
        )
        return None

    def attach(self, target: StartTarget, snapshot: StatusSnapshot) -> None:
        self.log.warning(
            "%s is %s already: it is not started again, start_param is not applied",
            target.describe(snapshot.name),
            snapshot.status,
        )

    def named_target(self, project_id: int) -> SyncInstanceTarget:
        given = self.read_arguments()
        return SyncInstanceTarget(project_id, given.file_id, given.task_type, start_timeout=self.start_timeout)

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.data_integration import DISyncInstanceTrigger

        return DISyncInstanceTrigger

    def lineage_facts(self) -> dict[str, Any]:
        given = self.read_arguments()
        return {"taskType": given.task_type, "fileId": given.file_id}

    def read_lineage(self, reader: LineageReader, task_instance: Any) -> TaskLineage:
        given = self.read_arguments()
        return TaskLineage(reader.file(given.task_type, given.file_id))


class StartDIJobOperator(EmitsLineage, StartOperator):
    """Starts a DI job once, and can wait for it (API page: StartDIJob).

    The task ends, or begins to wait, when the new run is visible. A job that is already Running is not started again.
    On Airflow 3.3 and later, a retry recognizes the run that an earlier try started, even if it has ended; on earlier
    versions it attaches to a job that is Running.

    :param di_job_id: the job's id.
    :param project_id: workspace id; None (default) for the connection's, or else the job's own.
    :param realtime_start_settings: ``StartTime`` (Unix seconds, datetime or ISO 8601 string) and ``FailoverSettings``:
        dict, JSON string, or a ``.json`` file. None (default) resumes at the last offset.
    :param force_to_rerun: True runs all steps again; None (default) runs only steps that have not run yet.
    :param wait_for_completion: whether to wait for ``target_statuses``; default False.
    :param target_statuses: statuses to wait for; None (default) means Running for real-time jobs, which never end, and
        Finished for others.
    :param failure_statuses: statuses that fail the task; default Failed and Stopped.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``. It has no
        effect without ``wait_for_completion``.
    :param poll_interval: seconds between two polls; default 30.
    :param if_running: what to do with a job that is Running: ``attach`` (default) or ``fail``.
    :param cancel_on_kill: whether the job that this task started is stopped when the task is killed or reaches
        execution_timeout; default True.
    :param start_timeout: seconds in which the new run must become visible, and a Stopping job must have stopped;
        default 60.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
    :param end_from_trigger: whether success and failure end the deferred task without a worker; default False. Airflow
        3.3 encodes a trigger's XCom twice: ``xcom_pull`` then gives the id as a string.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the job id, int.
    :raises DataWorksJobError: the job ended in one of ``failure_statuses``.
    :raises DataWorksTimeoutError: start_timeout or execution_timeout is over; the message says what became of the job.
    :raises DataWorksNotFoundError: there is no such job.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries, or too many failed polls.
    """

    template_fields: Sequence[str] = (
        "di_job_id",
        "project_id",
        "realtime_start_settings",
        "force_to_rerun",
        "target_statuses",
        "failure_statuses",
        "if_running",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"realtime_start_settings": "json"}

    def __init__(
        self,
        *,
        di_job_id: int | str | XComArg,
        project_id: int | str | XComArg | None = None,
        realtime_start_settings: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        force_to_rerun: bool | str | XComArg | None = None,
        wait_for_completion: bool = False,
        target_statuses: Sequence[str] | str | XComArg | None = None,
        failure_statuses: Sequence[str] | str | XComArg = DEFAULT_FAILURE_STATUSES,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        if_running: Literal["attach", "fail"] | XComArg = "attach",
        cancel_on_kill: bool = True,
        start_timeout: float = 60.0,
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
            cancel_on_kill=cancel_on_kill,
            start_timeout=start_timeout,
            max_poll_failures=max_poll_failures,
            end_from_trigger=end_from_trigger,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.di_job_id: Any = di_job_id
        self.realtime_start_settings = realtime_start_settings
        self.force_to_rerun = force_to_rerun
        self.target_statuses = target_statuses
        self.failure_statuses = failure_statuses
        self.if_running = if_running
        self.check_arguments()

    def read_arguments(self) -> _StartDIJobArguments:
        return _StartDIJobArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            di_job_id=self.read("di_job_id", self.di_job_id, arguments.identifier),
            realtime_start_settings=self.read(
                "realtime_start_settings",
                self.realtime_start_settings,
                lambda _, value: arguments.realtime_start_settings(value),
            ),
            force_to_rerun=self.read("force_to_rerun", self.force_to_rerun, arguments.boolean),
            target_statuses=self.read("target_statuses", self.target_statuses, arguments.optional_statuses),
            failure_statuses=self.read("failure_statuses", self.failure_statuses, arguments.failure_statuses),
            if_running=self.read(
                "if_running", self.if_running, lambda name, value: arguments.one_of(name, value, ("attach", "fail"))
            ),
        )

    def find(self, project_id: int | None) -> tuple[DIJobTarget, StatusSnapshot]:
        given = self.read_arguments()
        job = self.hook.read_di_job(di_job_id=given.di_job_id)
        project_id = self.hook.resolve_project_id(project_id or job.project_id)
        if job.project_id not in (None, project_id):
            raise job_not_found(f"with id {given.di_job_id}", project_id)
        target = DIJobTarget(
            project_id,
            given.di_job_id,
            given.target_statuses or default_targets(job.migration_type),
            given.failure_statuses,
        )
        warn_if_it_never_ends(self.log, target, job.migration_type)
        return target, snapshot_of(job)

    def start(self, target: StartTarget, before: StatusSnapshot) -> str | None:
        given = self.read_arguments()
        request_id = self.hook.start_di_job(
            di_job_id=given.di_job_id,
            realtime_start_settings=given.realtime_start_settings,
            force_to_rerun=given.force_to_rerun,
            job_before={"JobStatus": before.status, "StartedTime": before.started},
            counters_before=before.marker,
        )
        return request_id or None

    def attach(self, target: StartTarget, snapshot: StatusSnapshot) -> None:
        given = self.read_arguments()
        if given.if_running == "fail":
            raise DataWorksError(f"{target.describe(snapshot.name)} is Running already, and if_running is 'fail'.")
        settings = [name for name in ("realtime_start_settings", "force_to_rerun") if getattr(given, name) is not None]
        self.log.warning(
            "%s is Running already: it is not started again%s",
            target.describe(snapshot.name),
            f", {' and '.join(settings)} are not applied" if settings else "",
        )

    def named_target(self, project_id: int) -> DIJobTarget:
        return DIJobTarget(project_id, self.read_arguments().di_job_id)

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

        return DIJobStatusTrigger

    def not_shown_hint(self) -> str:
        return " If all of its steps ran before, only force_to_rerun=True runs them again."

    def lineage_facts(self) -> dict[str, Any]:
        return {"diJobId": self.read_arguments().di_job_id}

    def read_lineage(self, reader: LineageReader, task_instance: Any) -> TaskLineage:
        job, copies = reader.di_job(self.read_arguments().di_job_id)
        facts = {
            "jobName": job.get("JobName"),
            "migrationType": job.get("MigrationType"),
            "status": job.get("JobStatus"),
        }
        return TaskLineage(copies, facts, job.get("ErrorMessage") if facts["status"] == "Failed" else None)
