"""The sensor for batch nodes: waits until DataWorks' own schedule has run a node for a business date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.sensors.base import Polled, StatusSensor
from airflow_provider_dataworks.task import ConnectionArguments, business_date_of
from airflow_provider_dataworks.waiting.events import read_event
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.node_schedule import (
    NOT_GENERATED,
    NodeScheduleTarget,
    statuses_of,
    warn_of_idle,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, PokeReturnValue, XComArg

    from airflow_provider_dataworks.triggers.base import WaitTrigger


@dataclass(frozen=True)
class _NodeInstanceArguments(ConnectionArguments):
    """The arguments of :class:`NodeInstanceSensor`, as the API takes them."""

    node_id: int | None
    node_name: str | None
    bizdate: str | None
    project_env: str


class NodeInstanceSensor(StatusSensor):
    """Waits until DataWorks has run a scheduled node for a business date (API pages: ListInstances, ListTaskInstances).

    All instances of an hourly node have to succeed. The sensor also waits for instances that do not exist yet, and for
    automatic reruns of failed ones; it ignores backfills and tests. Deferred, all sensors of a triggerer that share
    connection, workspace, date and ``poke_interval`` share their requests. The sensor never stops anything.

    :param node_id: the node's id in Operation Center; default None.
    :param node_name: the node's exact name; default None. Exactly one of the two is needed.
    :param bizdate: the business date: a date, or ``YYYY-MM-DD`` or ``YYYYMMDD``. None (default) is the date of
        data_interval_start in the DAG's time zone; without an interval, or where it has no length (cron expressions
        on Airflow 3), the day before the run.
    :param project_id: workspace id; None (default) for the connection's.
    :param project_env: ``PROD`` (default) or ``DEV``.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``.
    :param end_from_trigger: whether success and failure end the deferred task without a worker; default False. Airflow
        3.3 encodes a trigger's XCom twice: ``xcom_pull`` then gives a string.
    :param fail_fast: whether the first of an hourly node's instances that fails fails the task at once; default True.
        Otherwise it fails when all have ended.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
        In mode ``reschedule``, where each poke is a process of its own, they are not counted.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :param kwargs: Airflow's own: ``poke_interval`` (seconds, default 60), ``timeout``, ``mode``, ``soft_fail`` ...
    :return: a dict, from the instances' ids (str) to their statuses.
    :raises DataWorksJobError: an instance failed, with code and description from its log, or because it is frozen.
    :raises DataWorksTimeoutError: execution_timeout is over.
    :raises DataWorksNotFoundError: there is no such node.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: too many failed polls.
    """

    template_fields: Sequence[str] = (
        "dataworks_node_id",
        "node_name",
        "bizdate",
        "project_id",
        "project_env",
        "dataworks_conn_id",
        "region_id",
    )

    def __init__(
        self,
        *,
        node_id: int | str | XComArg | None = None,
        node_name: str | XComArg | None = None,
        bizdate: date | str | XComArg | None = None,
        project_id: int | str | XComArg | None = None,
        project_env: str | XComArg = "PROD",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        end_from_trigger: bool = False,
        fail_fast: bool = True,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            deferrable=deferrable,
            end_from_trigger=end_from_trigger,
            fail_fast=fail_fast,
            max_poll_failures=max_poll_failures,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        # BaseOperator has a read-only property node_id.
        self.dataworks_node_id: Any = node_id
        self.node_name = node_name
        self.bizdate = bizdate
        self.project_env = project_env
        #: What the arguments leave to the run of the DAG, and to the service.
        self._day: str | None = None
        self._node: int | None = None
        self.check_arguments()

    def read_arguments(self) -> _NodeInstanceArguments:
        given = _NodeInstanceArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            node_id=self.read("dataworks_node_id", self.dataworks_node_id, arguments.optional_identifier),
            node_name=self.read("node_name", self.node_name, arguments.optional_text),
            bizdate=self.read("bizdate", self.bizdate, arguments.optional_business_date),
            project_env=self.read(
                "project_env", self.project_env, lambda _, value: arguments.project_environment(value)
            ),
        )
        if (given.node_id is None) == (given.node_name is None):
            raise DataWorksParameterError("node_id", "give exactly one of node_id and node_name")
        return given

    def execute(self, context: Context) -> Any:
        """Wait in the worker, or poll once and wait in the triggerer.

        :param context: the task instance's, from Airflow.
        :return: the dict of statuses.
        """
        self._day = self._business_date(context)
        return super().execute(context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once.

        :param context: the task instance's, from Airflow.
        :return: False to go on; otherwise done, with the XCom.
        """
        self._day = self._business_date(context)
        return super().poke(context)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Resume after the trigger fires, with the same outcome as a poke.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the dict of statuses.
        """
        self._day = self._business_date(context)
        return super().execute_complete(context, event)

    def find(self, project_id: int) -> Polled:
        given = self.read_arguments()
        if self._node is None and given.node_id is None:
            found = self.hook.find_node(node_name=given.node_name, project_id=project_id, project_env=given.project_env)
            self._node = int(found["NodeId"])
        target = self.named_target(project_id, self._node or given.node_id or 0)
        snapshot = target.poll(self.hook)
        if self._node is None and snapshot.status == NOT_GENERATED:
            # An id that does not exist would be waited for until the time-out.
            self.hook.read_node(node_id=target.node_id, project_env=target.project_env)
        self._node = target.node_id
        return [(target, snapshot)]

    def describe(self) -> str:
        given = self.read_arguments()
        return f"node {self._node or given.node_id or repr(given.node_name)} for {self._day or given.bizdate}"

    def named_target(self, project_id: int, target_id: int) -> NodeScheduleTarget:
        given = self.read_arguments()
        # What execute, poke and execute_complete have decided.
        day = str(self._day or given.bizdate)
        return NodeScheduleTarget(project_id, target_id, day, given.project_env, await_all=not self.fail_fast)

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.node import NodeScheduleTrigger

        return NodeScheduleTrigger

    def _business_date(self, context: Context) -> str:
        return self.read_arguments().bizdate or business_date_of(context)

    def _complete(self, event: dict[str, Any] | None) -> Any:
        super()._complete(event)
        self._node = read_event(event).target_id
        # The trigger sends one status for all instances.
        return self._result(self.find(self.hook.resolve_project_id(self.read_arguments().project_id)))

    def _result(self, polled: Polled) -> Any:
        ((target, snapshot),) = polled
        if isinstance(target, NodeScheduleTarget):
            warn_of_idle(target, snapshot, self.log)
        return statuses_of(snapshot)
