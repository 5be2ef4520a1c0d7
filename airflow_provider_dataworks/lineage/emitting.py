"""The methods that Airflow's OpenLineage provider calls on operators. Importing this loads nothing of OpenLineage."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_dataworks.lineage.models import TaskLineage
from airflow_provider_dataworks.links.dataworks import workspace_url

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
    from airflow_provider_dataworks.lineage.reader import LineageReader


class EmitsLineage:
    """Mixed into operators that copy data, before Airflow's base class.

    All that an event says is read again from the rendered arguments and the service, by whatever process emits it:
    deferred, failed and re-attached tasks emit what others do. No method raises.
    """

    if TYPE_CHECKING:
        log: Any
        task_id: str

        @property
        def hook(self) -> DataWorksHook: ...

        def read_project_id(self) -> int | None: ...

    def lineage_facts(self) -> dict[str, Any]:
        """Give what the arguments say of the run, without a request.

        :return: fields of the run facet.
        """
        raise NotImplementedError

    def read_lineage(self, reader: LineageReader, task_instance: Any) -> TaskLineage:
        """Read what the task copies.

        :param reader: reads it from the service, within a bounded time.
        :param task_instance: from Airflow; :meth:`pulled` gives what the task has pushed.
        :return: the copies, and what else is known of the run.
        """
        raise NotImplementedError

    def lineage_environment(self) -> Literal["Prod", "Dev"]:
        """Say whose data sources the task means.

        :return: default ``Prod``.
        """
        return "Prod"

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any] | None:
        """Give the facets of an event of a task that begins: no request is sent before the work.

        :return: a run facet, without datasets; None if nothing is known.
        """
        return self._lineage(None, ended=False)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Give the facets of an event of a task that has succeeded.

        :param task_instance: from Airflow.
        :return: datasets and facets; None if nothing is known.
        """
        return self._lineage(task_instance, ended=True)

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any] | None:
        """Give the facets of an event of a task that has failed, as of one that has succeeded.

        :param task_instance: from Airflow.
        :return: datasets and facets; None if nothing is known.
        """
        return self._lineage(task_instance, ended=True)

    def _lineage(self, task_instance: Any, *, ended: bool) -> OperatorLineage[Any, Any] | None:
        try:
            return self._operator_lineage(task_instance, ended=ended)
        except Exception as error:  # noqa: BLE001 - lineage is never a reason to fail
            self.log.warning("OpenLineage: no lineage of this task (%s: %s)", type(error).__name__, error)
            return None

    def _operator_lineage(self, task_instance: Any, *, ended: bool) -> OperatorLineage[Any, Any]:
        from airflow_provider_dataworks.lineage.events import operator_lineage
        from airflow_provider_dataworks.lineage.reader import LineageReader

        settings = self.hook.settings
        facts = {"regionId": settings.region_id, "apiVersion": settings.api_version, **self.lineage_facts()}
        project_id = self.read_project_id() or settings.project_id
        if not ended:
            facts["projectId"] = project_id
            return operator_lineage(TaskLineage((), facts), None, self._console_url(project_id))
        environment = self.lineage_environment()
        with closing(LineageReader(self.hook, self.log, project_id=project_id, environment=environment)) as reader:
            lineage = self.read_lineage(reader, task_instance)
            facts = {**facts, **lineage.facts, "projectId": reader.project_id}
            whole = TaskLineage(lineage.copies, facts, lineage.error)
            return operator_lineage(whole, reader, self._console_url(reader.project_id))

    def pulled(self, task_instance: Any, key: str = "return_value") -> Any:
        """Pull what the task has pushed, in this process or in an earlier one.

        :param task_instance: from Airflow.
        :param key: the XCom's key; default that of the task's result.
        :return: the value; None where there is none.
        """
        try:
            return task_instance.xcom_pull(task_ids=self.task_id, key=key, map_indexes=task_instance.map_index)
        except Exception:  # noqa: BLE001 - whatever keeps it back, the rest of the event is known
            return None

    def _console_url(self, project_id: int | None) -> str | None:
        return workspace_url(self.hook, project_id) if project_id is not None else None
