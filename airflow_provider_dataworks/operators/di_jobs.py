"""The operators that create and delete DI jobs. A DAG imports them from ``operators.data_integration``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.exceptions import DataWorksNotFoundError
from airflow_provider_dataworks.task import ConnectionArguments, DataWorksTask

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import Context, XComArg

#: Under which key of the task state store a creation is recorded before it is sent.
CREATION_KEY = "dataworks_created_job"


@dataclass(frozen=True)
class _CreateDIJobArguments(ConnectionArguments):
    """The arguments of :class:`CreateDIJobOperator`, as the API takes them."""

    job_name: str
    migration_type: str
    source_data_source_type: str
    destination_data_source_type: str
    job_type: str | None
    settings: dict[str, Any]


@dataclass(frozen=True)
class _DeleteDIJobArguments(ConnectionArguments):
    """The arguments of :class:`DeleteDIJobOperator`, as the API takes them."""

    di_job_id: int


class CreateDIJobOperator(DataWorksTask, BaseOperator):
    """Creates a DI job, without starting it (API page: CreateDIJob).

    A lost response never leads to a second job. On Airflow 3.3 and later, a retry returns the job that an earlier try
    of the task created, even if that try died before it had the response.

    :param job_name: the job's name, unique in the workspace.
    :param migration_type: such as Full or FullAndRealtimeIncremental.
    :param source_data_source_type: such as MySQL.
    :param destination_data_source_type: such as Hologres.
    :param job_type: such as DatabaseOfflineMigration; with api_version 2024-05-18 only. Default None.
    :param settings: the job's settings by the API's own names, such as ``SourceDataSourceSettings``,
        ``DestinationDataSourceSettings``, ``ResourceSettings``, ``TableMappings`` and ``JobSettings``: dict, JSON
        string, or the path of a ``.json`` file. Default None.
    :param project_id: workspace id; None (default) for the connection's.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: DIJobId, int.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries; the message says if it
        may have been created.
    """

    template_fields: Sequence[str] = (
        "job_name",
        "migration_type",
        "source_data_source_type",
        "destination_data_source_type",
        "job_type",
        "settings",
        "project_id",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"settings": "json"}
    ui_color = "#fdebd9"

    def __init__(
        self,
        *,
        job_name: str | XComArg,
        migration_type: str | XComArg,
        source_data_source_type: str | XComArg,
        destination_data_source_type: str | XComArg,
        job_type: str | XComArg | None = None,
        settings: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        project_id: int | str | XComArg | None = None,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.job_name = job_name
        self.migration_type = migration_type
        self.source_data_source_type = source_data_source_type
        self.destination_data_source_type = destination_data_source_type
        self.job_type = job_type
        self.settings = settings
        self.project_id = project_id
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self.check_arguments()

    def read_arguments(self) -> _CreateDIJobArguments:
        return _CreateDIJobArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            job_name=self.read("job_name", self.job_name, arguments.text),
            migration_type=self.read("migration_type", self.migration_type, arguments.text),
            source_data_source_type=self.read("source_data_source_type", self.source_data_source_type, arguments.text),
            destination_data_source_type=self.read(
                "destination_data_source_type", self.destination_data_source_type, arguments.text
            ),
            job_type=self.read("job_type", self.job_type, arguments.optional_text),
            settings=self.read("settings", self.settings, arguments.optional_json_object),
        )

    def execute(self, context: Context) -> int:
        """Create the job, or take the one that an earlier try of the task created.

        :param context: the task instance's, from Airflow.
        :return: DIJobId.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        given = self.read_arguments()
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        store: Any = context.get("task_state_store")
        record = {"job_name": given.job_name, "max_tries": getattr(context["ti"], "max_tries", None)}
        if store is not None and store.get(CREATION_KEY, None) == record:
            try:
                job = self.hook.find_di_job(project_id=project_id, job_name=given.job_name)
            except DataWorksNotFoundError:
                pass
            else:
                self.log.info(
                    "DI job %s (%s) was created by an earlier try of this task", job["DIJobId"], given.job_name
                )
                return job["DIJobId"]
        if store is not None:
            store.set(CREATION_KEY, record)
        return self.hook.create_di_job(
            project_id=project_id,
            job_name=given.job_name,
            migration_type=given.migration_type,
            source_data_source_type=given.source_data_source_type,
            destination_data_source_type=given.destination_data_source_type,
            job_type=given.job_type,
            **given.settings,
        )


class DeleteDIJobOperator(DataWorksTask, BaseOperator):
    """Deletes a DI job that is not running (API page: DeleteDIJob).

    If the job does not exist, the task succeeds and logs that.

    :param di_job_id: the job's id.
    :param project_id: workspace id, for the console link; None (default) for the connection's.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the job id, int.
    :raises DataWorksPermanentError: the service refused, for example because the job is running; or an argument is
        invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries.
    """

    template_fields: Sequence[str] = ("di_job_id", "project_id", "dataworks_conn_id", "region_id")
    ui_color = "#fdebd9"

    def __init__(
        self,
        *,
        di_job_id: int | str | XComArg,
        project_id: int | str | XComArg | None = None,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.di_job_id: Any = di_job_id
        self.project_id = project_id
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self.check_arguments()

    def read_arguments(self) -> _DeleteDIJobArguments:
        return _DeleteDIJobArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            di_job_id=self.read("di_job_id", self.di_job_id, arguments.identifier),
        )

    def execute(self, context: Context) -> int:
        """Delete the job.

        :param context: the task instance's, from Airflow.
        :return: the job id.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        given = self.read_arguments()
        project_id = given.project_id or self.hook.settings.project_id
        if project_id is not None:
            self.push_console_link(context, project_id)
        try:
            self.hook.delete_di_job(di_job_id=given.di_job_id)
        except DataWorksNotFoundError:
            self.log.info("DI job %s is gone: there is nothing to delete", given.di_job_id)
        return given.di_job_id
