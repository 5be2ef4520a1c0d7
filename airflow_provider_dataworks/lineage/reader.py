"""Reads what lineage needs of the service, within a bounded time; what cannot be read is missing, never an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from airflow_provider_dataworks.client.catalog import v2020_05_18, v2024_05_18
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.lineage.content import read_content
from airflow_provider_dataworks.lineage.di_jobs import read_di_job
from airflow_provider_dataworks.lineage.models import Copy, DatasetReference
from airflow_provider_dataworks.lineage.naming import DatasetName, Workspace, dataset_name

if TYPE_CHECKING:
    from airflow_provider_dataworks.client.models import DataSource
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

T = TypeVar("T")

#: Seconds that all requests for one event may take: Airflow ends the extraction after ten.
LONGEST = 6.0
#: Seconds that one request may take.
LONGEST_REQUEST = 2.5
#: Of a job with more tables, only these are reported.
MOST_TABLES = 1000


class LineageReader:
    """Reads contents, jobs and data sources for one event; to be closed.

    :param hook: the task's hook; requests are sent by one of shorter timeouts.
    :param log: the task's log.
    :param project_id: the workspace; None (default) for the connection's.
    :param environment: whose data sources are meant, ``Prod`` (default) or ``Dev``.
    """

    def __init__(
        self,
        hook: DataWorksHook,
        log: Any,
        *,
        project_id: int | None = None,
        environment: Literal["Prod", "Dev"] = "Prod",
    ) -> None:
        self._hook = hook.with_short_timeouts(within=LONGEST_REQUEST)
        self._log = log
        self._deadline = clock.monotonic() + LONGEST
        self._environment: Literal["Prod", "Dev"] = environment
        self._sources: dict[str, DataSource | None] = {}
        self.project_id = project_id or hook.settings.project_id
        self.region_id = hook.settings.region_id

    def close(self) -> None:
        """Close the connections."""
        self._hook.close()

    def name(self, reference: DatasetReference) -> DatasetName:
        """Name a dataset; its data source is read once.

        :param reference: the dataset.
        :return: its name.
        """
        workspace = Workspace(self.region_id, self.project_id or 0)
        return dataset_name(reference, workspace, self._source(reference.datasource))

    def name_by_data_source(self, reference: DatasetReference) -> DatasetName:
        """Name a dataset by its data source, whatever is known of its address.

        :param reference: the dataset.
        :return: the name that it has where nothing is known.
        """
        return dataset_name(
            DatasetReference(
                reference.kind, reference.name, reference.datasource, reference.database, reference.schema
            ),
            Workspace(self.region_id, self.project_id or 0),
        )

    def di_job(self, di_job_id: int) -> tuple[dict[str, Any], tuple[Copy, ...]]:
        """Read a DI job and, where the API version has them, the tables of its run.

        :param di_job_id: the job's id.
        :return: the job as the API gives it, and its copies; empty ones where it cannot be read.
        """
        job = self._read(f"DI job {di_job_id}", lambda hook: hook.get_di_job(di_job_id=di_job_id, with_details=True))
        if job is None:
            return {}, ()
        self.project_id = self.project_id or job.get("ProjectId")
        tables: list[dict[str, Any]] = []
        if self._hook.settings.api_version == v2024_05_18.VERSION:
            tables = self._read(f"the tables of DI job {di_job_id}", lambda hook: self._tables(hook, di_job_id)) or []
        return dict(job), read_di_job(job, tables)

    def file(self, task_type: str, file_id: int) -> tuple[Copy, ...]:
        """Read a sync task by its file.

        :param task_type: DI_OFFLINE, DI_REALTIME or DI_SOLUTION.
        :param file_id: the file's id.
        :return: its copies; none where it cannot be read.
        """
        content = self._read(
            f"the content of file {file_id}", lambda hook: self._file_content(hook, task_type, file_id)
        )
        return read_content(content or {})

    def node(self, node_id: int, project_env: str = "PROD") -> tuple[Copy, ...]:
        """Read a deployed batch sync task by its node.

        :param node_id: the node's id.
        :param project_env: PROD (default) or DEV.
        :return: its copies; none where it cannot be read.
        """
        content = self._read(f"the content of node {node_id}", lambda hook: _node_content(hook, node_id, project_env))
        return read_content(content or {})

    def node_id(self, *, node_name: str | None, file_id: int | None, project_env: str) -> int | None:
        """Find a node.

        :param node_name: its name; None where ``file_id`` names it.
        :param file_id: its file; None where ``node_name`` names it.
        :param project_env: PROD or DEV.
        :return: its id; None where it cannot be found.
        """
        found = self._read(
            f"the node {node_name or file_id}",
            lambda hook: hook.find_node(
                node_name=node_name, file_id=file_id, project_id=self.project_id, project_env=project_env
            ),
        )
        return None if found is None else int(found["NodeId"])

    def _source(self, name: str | None) -> DataSource | None:
        if not name or not self.project_id:
            return None
        if name not in self._sources:
            self._sources[name] = self._read(
                f"the data source {name}",
                lambda hook: hook.read_data_source(
                    name=name, project_id=self.project_id, environment=self._environment
                ),
            )
        return self._sources[name]

    def _tables(self, hook: DataWorksHook, di_job_id: int) -> list[dict[str, Any]]:
        tables: list[dict[str, Any]] = []
        for table in hook.list_di_job_run_details(di_job_id=di_job_id):
            tables.append(table)
            if len(tables) >= MOST_TABLES or (len(tables) % 100 == 0 and clock.monotonic() >= self._deadline):
                self._log.info("OpenLineage: only %s tables of DI job %s are reported", len(tables), di_job_id)
                break
        return tables

    def _file_content(self, hook: DataWorksHook, task_type: str, file_id: int) -> Any:
        place = {"ProjectId": self.project_id, "FileId": file_id}
        if task_type == TaskType.DI_OFFLINE:
            answer = hook.call("GetFile", body=place, version=v2020_05_18.VERSION)
            return answer["Data"]["File"]["Content"]
        if task_type == TaskType.DI_SOLUTION:
            return hook.get_solution_detail(project_id=self.project_id, file_id=file_id).get("ProcessContent")
        query = {**place, "TaskType": task_type}
        return hook.call("GetDISyncTask", query=query, version=v2020_05_18.VERSION)["Data"]["Code"]

    def _read(self, what: str, read: Callable[[DataWorksHook], T]) -> T | None:
        if clock.monotonic() >= self._deadline:
            self._log.info("OpenLineage: %s is not read, for there is no time left", what)
            return None
        try:
            return read(self._hook)
        except Exception as error:  # noqa: BLE001 - lineage is never a reason to fail
            self._log.info("OpenLineage: %s cannot be read (%s)", what, error)
            return None


def _node_content(hook: DataWorksHook, node_id: int, project_env: str) -> Any:
    if hook.settings.api_version == v2024_05_18.VERSION:
        query = {"Id": node_id, "ProjectEnv": project_env.capitalize()}
        return hook.call("GetTask", query=query, version=v2024_05_18.VERSION)["Task"]["Script"]["Content"]
    body = {"NodeId": node_id, "ProjectEnv": project_env.upper()}
    return hook.call("GetNodeCode", body=body, version=v2020_05_18.VERSION)["Data"]
