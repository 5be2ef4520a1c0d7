"""The operator that fires HTTP-trigger nodes. A DAG imports it from ``operators.node``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.bizdates import day_before
from airflow_provider_dataworks.client.models import NodeInstance, NodeStatus
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
)
from airflow_provider_dataworks.task import ConnectionArguments, DataWorksTask, business_date_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

#: What an instance is once it was fired, and has not failed.
_FIRED = (NodeStatus.WAIT_RESOURCE, NodeStatus.RUNNING, NodeStatus.CHECKING, NodeStatus.SUCCESS)


@dataclass(frozen=True)
class _TriggerNodeArguments(ConnectionArguments):
    """The arguments of :class:`TriggerNodeOperator`, as the API takes them."""

    node_id: int
    bizdate: str | None
    trigger_time: Any
    project_env: str


class TriggerNodeOperator(DataWorksTask, BaseOperator):
    """Fires the scheduled instance of an HTTP-trigger node (API pages: RunTriggerNode, TriggerSchedulerTaskInstance).

    The task does not wait for the end of the instance; use
    :class:`~airflow_provider_dataworks.sensors.node.NodeInstanceSensor` for that. If the instance has already been
    fired and has not failed, the task succeeds with a warning.

    :param node_id: the node's id in Operation Center.
    :param bizdate: the instance's business date: a date, or ``YYYY-MM-DD`` or ``YYYYMMDD``. None (default) is that of
        ``trigger_time``; without one, the date of data_interval_start in the DAG's time zone, or, without an interval
        or where it has no length (cron expressions on Airflow 3), the day before the run.
    :param trigger_time: when the instance is due: a datetime, an ISO 8601 string (without a zone in the connection's
        ``time_zone``) or Unix milliseconds. Needed where a date has several instances; default None.
    :param project_id: workspace id; None (default) for the connection's.
    :param project_env: ``PROD`` (default) or, with api_version 2024-05-18, ``DEV``.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the node's id, int.
    :raises DataWorksNotFoundError: there is no such node, or no such instance yet.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries; the message says if it
        may have been fired.
    """

    template_fields: Sequence[str] = (
        "dataworks_node_id",
        "bizdate",
        "trigger_time",
        "project_id",
        "project_env",
        "dataworks_conn_id",
        "region_id",
    )
    ui_color = "#fdebd9"

    def __init__(
        self,
        *,
        node_id: int | str | XComArg,
        bizdate: date | str | XComArg | None = None,
        trigger_time: datetime | str | int | XComArg | None = None,
        project_id: int | str | XComArg | None = None,
        project_env: str | XComArg = "PROD",
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # BaseOperator has a read-only property node_id.
        self.dataworks_node_id: Any = node_id
        self.bizdate = bizdate
        self.trigger_time = trigger_time
        self.project_id = project_id
        self.project_env = project_env
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self.check_arguments()

    def read_arguments(self) -> _TriggerNodeArguments:
        return _TriggerNodeArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            node_id=self.read("dataworks_node_id", self.dataworks_node_id, arguments.identifier),
            bizdate=self.read("bizdate", self.bizdate, arguments.optional_business_date),
            trigger_time=self.read("trigger_time", self.trigger_time, arguments.optional_trigger_time),
            project_env=self.read(
                "project_env", self.project_env, lambda _, value: arguments.project_environment(value)
            ),
        )

    def execute(self, context: Context) -> int:
        """Fire the instance.

        :param context: the task instance's, from Airflow.
        :return: the node's id.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        given = self.read_arguments()
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        bizdate = given.bizdate
        if bizdate is None and given.trigger_time is None:
            bizdate = business_date_of(context)
        try:
            self.hook.trigger_node(
                node_id=given.node_id,
                bizdate=bizdate,
                trigger_time=given.trigger_time,
                project_id=project_id,
                project_env=given.project_env,
            )
        except (DataWorksNotFoundError, DataWorksParameterError):
            raise
        except DataWorksPermanentError:
            fired = self._fired(project_id, given, bizdate)
            if fired is None:
                raise
            self.log.warning(
                "Node %s was fired before: its instance %s for %s is %s",
                given.node_id,
                fired.id,
                fired.bizdate,
                fired.status,
            )
        return given.node_id

    def _fired(self, project_id: int, given: _TriggerNodeArguments, bizdate: str | None) -> NodeInstance | None:
        """The instance that was to be fired, if it has been and has not failed."""
        zone, due = self.hook.settings.time_zone, None
        if given.trigger_time is not None:
            moment = arguments.trigger_time("trigger_time", given.trigger_time, zone)
            due, bizdate = round(moment.timestamp() * 1000), bizdate or day_before(moment, zone)
        instances = self.hook.read_node_instances(
            project_id=project_id,
            node_id=given.node_id,
            bizdate=bizdate,
            project_env=given.project_env,
            scheduled_only=True,
        )
        meant = [each for each in instances if due in (None, each.fields.get("CycTime"))]
        return meant[0] if len(meant) == 1 and meant[0].status in _FIRED else None
