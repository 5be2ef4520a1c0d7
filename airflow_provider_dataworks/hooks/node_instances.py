"""The hook's methods for the instances of batch nodes, the same in both API versions as far as these allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action, whole_number
from airflow_provider_dataworks.client.bizdates import day_before, midnight_milliseconds
from airflow_provider_dataworks.client.catalog import NODES, v2020_05_18
from airflow_provider_dataworks.client.catalog.nodes import (
    NodeActions,
    TriggerRequest,
    content,
    read_instance,
    read_instance_page,
    read_run,
)
from airflow_provider_dataworks.client.catalog.paging import read_entries
from airflow_provider_dataworks.client.errors import ApiError
from airflow_provider_dataworks.client.models import NodeInstance, NodeInstancePage, NodeRun, NodeStatus
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
)
from airflow_provider_dataworks.hooks.base import DataWorksBaseHook

#: The statuses in which an instance has ended.
ENDED = (NodeStatus.SUCCESS, NodeStatus.FAILURE)

_MOST_IDS = 500


class NodeInstancesHook(DataWorksBaseHook):
    """The part of the hook that is about instances of nodes."""

    @property
    def _node_actions(self) -> NodeActions:
        """The actions on nodes that the connection's API version has."""
        return NODES[self.settings.api_version]

    def list_node_instances(
        self,
        *,
        project_id: int | str | None = None,
        node_id: int | str | None = None,
        bizdate: Any = None,
        run_id: int | str | None = None,
        project_env: str = "PROD",
        page_size: int = 100,
    ) -> Iterator[dict[str, Any]]:
        """List instances of nodes, page by page on demand (API pages: ListInstances, ListTaskInstances).

        :param project_id: workspace id; None for the connection's.
        :param node_id: the node; None (default) for all.
        :param bizdate: the business date: a date, a datetime (its own date), YYYY-MM-DD or YYYYMMDD; None (default) for
            all in API version 2020-05-18, and for that of ``run_id`` in 2024-05-18.
        :param run_id: the run that they belong to; None (default) for any.
        :param project_env: PROD (default) or DEV.
        :param page_size: instances a request, 1 to 100; default 100.
        :return: a lazy iterator of instances, each once, with InstanceId, NodeId, NodeName, Bizdate (Unix
            milliseconds), Status and DagId by these names in both API versions.
        :raises DataWorksParameterError: an argument is invalid; in 2024-05-18 also when there is neither ``bizdate``
            nor ``run_id``.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = self._instance_filter(project_id, node_id, bizdate, run_id, project_env)
        size = arguments.page_size(page_size)
        return (dict(instance.fields) for instance in self._instances(parameters, size))

    def read_node_instances(
        self,
        *,
        project_id: int | str | None = None,
        node_id: int | str | None = None,
        bizdate: Any = None,
        run_id: int | str | None = None,
        instance_ids: Sequence[int | str] | None = None,
        project_env: str = "PROD",
        scheduled_only: bool = False,
    ) -> tuple[NodeInstance, ...]:
        """Read instances of nodes into models, in the fewest requests (API pages: ListInstances, ListTaskInstances).

        :param project_id: workspace id; None for the connection's.
        :param node_id: the node; None (default) for all.
        :param bizdate: as :meth:`list_node_instances` takes it; default None.
        :param run_id: the run that they belong to; None (default) for any.
        :param instance_ids: the instances' ids; None (default) for all.
        :param project_env: PROD (default) or DEV.
        :param scheduled_only: whether only those count that the nodes' own schedules have made; default False.
        :return: the instances, each once.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        actions = self._node_actions
        parameters = self._instance_filter(project_id, node_id, bizdate, run_id, project_env)
        if scheduled_only:
            parameters.update(actions.scheduled_filter)
        wanted = None if instance_ids is None else _identifiers("instance_ids", instance_ids)
        filters: list[dict[str, Any]] = [{}]
        if wanted is not None and actions.ids_parameter is not None:
            begins = range(0, len(wanted), _MOST_IDS)
            filters = [{actions.ids_parameter: wanted[begin : begin + _MOST_IDS]} for begin in begins]
        listed = (each for some in filters for each in self._instances({**parameters, **some}, actions.largest_page))
        return tuple(each for each in listed if _is_wanted(each, wanted, scheduled_only))

    def list_node_instances_page(
        self,
        *,
        project_id: int | str | None = None,
        bizdate: Any = None,
        node_id: int | str | None = None,
        run_id: int | str | None = None,
        instance_ids: Sequence[int | str] | None = None,
        node_ids: Sequence[int | str] | None = None,
        project_env: str = "PROD",
        scheduled_only: bool = False,
        page_number: int = 1,
        page_size: int | None = None,
    ) -> NodeInstancePage:
        """Read one page of the list of instances, in one request (API pages: ListInstances, ListTaskInstances).

        :param project_id: workspace id; None for the connection's.
        :param bizdate: as :meth:`list_node_instances` takes it; default None.
        :param node_id: the node; None (default) for all.
        :param run_id: the run that they belong to; None (default) for any.
        :param instance_ids: up to 500 ids; None (default) for all. What API version 2020-05-18 cannot select, this,
            ``node_ids`` and ``scheduled_only``, is left out of the page, and counts in the total all the same.
        :param node_ids: up to 500 nodes; None (default) for all.
        :param project_env: PROD (default) or DEV.
        :param scheduled_only: whether only those count that the nodes' own schedules have made; default False.
        :param page_number: from 1; default 1.
        :param page_size: instances a page; None (default) for the most: 100 in API version 2020-05-18, 500 in
            2024-05-18.
        :return: the page.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        actions = self._node_actions
        largest = actions.largest_page
        parameters = self._instance_filter(project_id, node_id, bizdate, run_id, project_env)
        parameters["PageNumber"] = arguments.identifier("page_number", page_number)
        parameters["PageSize"] = (
            largest if page_size is None else arguments.identifier("page_size", page_size, highest=largest)
        )
        if scheduled_only:
            parameters.update(actions.scheduled_filter)
        wanted = None if instance_ids is None else _up_to_500("instance_ids", instance_ids)
        nodes = None if node_ids is None else _up_to_500("node_ids", node_ids)
        by_id = {actions.ids_parameter: wanted, actions.node_ids_parameter: nodes}
        parameters.update({name: ids for name, ids in by_id.items() if name is not None})
        page = self._instance_page(parameters)
        shown = (each for each in page.instances if _is_wanted(each, wanted, scheduled_only, nodes))
        return NodeInstancePage(tuple(shown), page.total)

    def read_node_instance(self, *, instance_id: int | str, project_env: str = "PROD") -> NodeInstance:
        """Read one instance of a node into a model (API pages: GetInstance, GetTaskInstance).

        :param instance_id: the instance's id.
        :param project_env: PROD (default) or DEV.
        :return: the instance.
        :raises DataWorksNotFoundError: there is no such instance.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        action = self._node_actions.get_instance
        answer = self._send_known(action, self._one_instance(instance_id, project_env))
        return read_instance(content(action, answer))

    def get_node_instance_log(
        self, *, instance_id: int | str, project_env: str = "PROD", run_number: int | str | None = None
    ) -> str:
        """Read the log of an instance of a node (API pages: GetInstanceLog, GetTaskInstanceLog).

        :param instance_id: the instance's id.
        :param project_env: PROD (default) or DEV.
        :param run_number: which execution, from 1; None (default) for the last one.
        :return: the log; empty before there is any, and once it is gone (after 7 to 30 days, as the resource group has
            it).
        :raises DataWorksNotFoundError: there is no such instance.
        :raises DataWorksParameterError: it has not been executed so often, or an argument is invalid.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = self._one_instance(instance_id, project_env)
        number = arguments.optional_identifier("run_number", run_number)
        action = self._node_actions.get_log
        if number is not None and "RunNumber" in action.parameters:
            parameters["RunNumber"] = number
        elif number is not None and (history_id := self._history_id(parameters, number)):
            parameters["InstanceHistoryId"] = history_id
        answer = self._send_known(action, parameters)
        return str(answer.get("Data") or answer.get("TaskInstanceLog") or "")

    def stop_node_instance(self, *, instance_id: int | str, project_env: str = "PROD") -> None:
        """Stop an instance of a node; it ends as FAILURE. One that has ended stays as it is.

        API pages: StopInstance, StopTaskInstances.

        :param instance_id: the instance's id.
        :param project_env: PROD (default) or DEV.
        :raises DataWorksNotFoundError: there is no such instance.
        :raises DataWorksPermanentError: refused, such as for an instance that waits for another one.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        number = arguments.identifier("instance_id", instance_id)
        environment = arguments.project_environment(project_env)
        actions = self._node_actions
        parameters = self._one_instance(number, environment)
        if actions.ids_parameter is not None:
            parameters = {actions.ids_parameter: [number]}
        try:
            answer = self._send_known(actions.stop_instance, parameters)
        except DataWorksNotFoundError:
            raise
        except DataWorksPermanentError as error:
            # The repeat of a stop whose answer was lost may be refused a moment before the instance ends.
            pauses = (0.0, *assumptions.START_SHOWS_AFTER) if error.outcome_unknown else (0.0,)
            if not self._ends_within(number, environment, pauses):
                raise
            self.log.info("Node instance %s had ended when it was to be stopped", number)
        else:
            self.log.info("Stopping node instance %s (RequestId %s)", number, answer.get("RequestId"))

    def trigger_node(
        self,
        *,
        node_id: int | str,
        bizdate: Any = None,
        trigger_time: Any = None,
        project_id: int | str | None = None,
        project_env: str = "PROD",
    ) -> None:
        """Fire the scheduled instance of an HTTP-trigger node, once.

        API pages: RunTriggerNode, TriggerSchedulerTaskInstance. After a lost response the instance is read, and the
        trigger is sent again only if it still waits; the service refuses a second one.

        :param node_id: the node's id in Operation Center.
        :param bizdate: the instance's business date, as :meth:`list_node_instances` takes it; None (default) for the
            day before ``trigger_time``. One of the two is needed.
        :param trigger_time: when the instance is due: a datetime, an ISO 8601 string (without a zone in the
            connection's ``time_zone``), or Unix milliseconds; None (default) for the instance of ``bizdate`` that has
            not begun, of which there must be one.
        :param project_id: workspace id; None for the connection's.
        :param project_env: PROD (default) or, in API version 2024-05-18, DEV.
        :raises DataWorksNotFoundError: there is no such node, or no such instance yet.
        :raises DataWorksParameterError: an argument is invalid, or several instances have not begun.
        :raises DataWorksPermanentError: refused, such as for an instance that was fired already.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may have
            been fired.
        """
        actions, zone = self._node_actions, self.settings.time_zone
        project, node = self.resolve_project_id(project_id), arguments.identifier("node_id", node_id)
        environment = arguments.project_environment(project_env)
        if environment not in actions.triggers_in:
            problem = f"must be {' or '.join(actions.triggers_in)}: {actions.trigger_instance.name} fires in no other"
            raise DataWorksParameterError("project_env", problem)
        day = arguments.optional_business_date("bizdate", bizdate)
        if arguments.optional(trigger_time) is not None:
            moment = arguments.trigger_time("trigger_time", trigger_time, zone)
            cycle_time, day = round(moment.timestamp() * 1000), day or day_before(moment, zone)
        elif day is not None:
            cycle_time = self._cycle_time(project, node, environment, day)
        else:
            raise DataWorksParameterError("bizdate", "give bizdate or trigger_time")
        request = TriggerRequest(project, node, environment, cycle_time, midnight_milliseconds(day, zone))

        def read_effect(error: ApiError) -> dict[str, Any] | None:
            due = (
                each
                for each in self._scheduled(project, node, environment, day)
                if each.fields.get("CycTime") == cycle_time
            )
            return {"RequestId": error.request_id} if any(map(_has_begun, due)) else None

        confirm_effect = self._confirm_by_reading(
            actions.trigger_instance,
            read_effect,
            warning="It may have been fired: see the instance in Operation Center.",
        )
        answer = self._send(actions.trigger_instance, actions.build_trigger(request), confirm_effect=confirm_effect)
        self.log.info("Fired node %s for %s (RequestId %s)", node, day, answer.get("RequestId"))

    def _scheduled(self, project: int, node: int, environment: str, day: str) -> tuple[NodeInstance, ...]:
        return self.read_node_instances(
            project_id=project, node_id=node, bizdate=day, project_env=environment, scheduled_only=True
        )

    def _cycle_time(self, project: int, node: int, environment: str, day: str) -> int:
        """When the one instance of a date that has not begun is due, in Unix milliseconds."""
        instances = self._scheduled(project, node, environment, day)
        due = [each for each in instances if not _has_begun(each) and each.fields.get("CycTime")]
        if len(due) == 1:
            return int(due[0].fields["CycTime"])
        if not instances:
            raise self._in_context(
                DataWorksNotFoundError(
                    f"There is no such instance yet: node {node} has none for {day}. DataWorks makes those of a date "
                    "in the evening of that date."
                ),
                project,
            )
        if not due:
            statuses = ", ".join(f"{each.id} is {each.status}" for each in instances)
            error = DataWorksPermanentError(f"No instance waits for a trigger: of node {node} for {day}, {statuses}.")
            raise self._in_context(error, project)
        times = ", ".join(str(each.fields["CycTime"]) for each in due)
        problem = f"is missing: node {node} has {len(due)} instances for {day} that have not begun, due at {times}"
        raise DataWorksParameterError("trigger_time", problem)

    def _ends_within(self, instance_id: int, environment: str, pauses: Sequence[float]) -> bool:
        for pause in pauses:
            if pause:
                self.client.sleep(pause)
            if self.read_node_instance(instance_id=instance_id, project_env=environment).status in ENDED:
                return True
        return False

    def _read_run(self, run_id: int, environment: str) -> NodeRun:
        actions = self._node_actions
        parameters = {
            actions.run_id_parameter: run_id,
            "ProjectEnv": actions.spell_environment(environment),
        }
        return read_run(content(actions.get_run, self._send_known(actions.get_run, parameters)))

    def _instance_filter(
        self,
        project_id: int | str | None,
        node_id: int | str | None,
        bizdate: Any,
        run_id: int | str | None,
        project_env: str,
    ) -> dict[str, Any]:
        """The parameters of a list of instances."""
        actions, environment = self._node_actions, arguments.project_environment(project_env)
        run = arguments.optional_identifier("run_id", run_id)
        parameters: dict[str, Any] = {
            "ProjectId": self.resolve_project_id(project_id),
            "ProjectEnv": actions.spell_environment(environment),
            actions.node_parameter: arguments.optional_identifier("node_id", node_id),
            actions.run_parameter: run,
        }
        day = arguments.optional_business_date("bizdate", bizdate)
        if day is None and actions.needs_bizdate:
            if run is None:
                problem = f"is missing: API version {actions.version} lists the instances of one date, or of one run_id"
                raise DataWorksParameterError("bizdate", problem)
            day = self._read_run(run, environment).bizdate
        if day is not None:
            parameters["Bizdate"] = actions.spell_bizdate(day, self.settings.time_zone)
        return parameters

    def _one_instance(self, instance_id: int | str, project_env: str) -> dict[str, Any]:
        actions = self._node_actions
        return {
            actions.instance_parameter: arguments.identifier("instance_id", instance_id),
            "ProjectEnv": actions.spell_environment(arguments.project_environment(project_env)),
        }

    def _history_id(self, instance: dict[str, Any], number: int) -> int | None:
        """The id of an execution that is not the last one."""
        answer = self._send(v2020_05_18.LIST_INSTANCE_HISTORY, instance)
        known = (
            whole_number(entry.get("InstanceHistoryId")) for entry in read_entries(answer, name="Instances").entries
        )
        ids = sorted(each for each in known if each)
        if number > len(ids) + 1:
            problem = f"must be at most {len(ids) + 1}, which is how often the instance was executed, not {number}"
            raise DataWorksParameterError("run_number", problem)
        return ids[number - 1] if number <= len(ids) else None

    def _instances(self, parameters: dict[str, Any], size: int) -> Iterator[NodeInstance]:
        def read(number: int) -> tuple[Sequence[NodeInstance], int | None]:
            page = self._instance_page({**parameters, "PageNumber": number, "PageSize": size})
            return page.instances, page.total

        return self._pages(read, size, lambda each: each.id, self._node_actions.list_instances.name)

    def _instance_page(self, parameters: dict[str, Any]) -> NodeInstancePage:
        action = self._node_actions.list_instances
        answer = content(action, self._send(action, parameters))
        return read_instance_page(answer, name="Instances" if "Instances" in answer else "TaskInstances")

    def _send_known(self, action: Action, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call an action with those of the parameters that it has in this API version."""
        return self._send(action, {name: value for name, value in parameters.items() if name in action.parameters})


def _identifiers(name: str, values: Sequence[int | str]) -> list[int]:
    ids = arguments.optional_identifiers(name, values)
    if ids is None:
        raise DataWorksParameterError(name, "must have at least one id")
    return list(ids) if isinstance(ids, tuple) else [ids]


def _up_to_500(name: str, values: Sequence[int | str]) -> list[int]:
    if len(ids := _identifiers(name, values)) > _MOST_IDS:
        raise DataWorksParameterError(name, f"must have at most {_MOST_IDS} ids, not {len(ids)}")
    return ids


def _is_wanted(
    instance: NodeInstance, ids: Sequence[int] | None, scheduled_only: bool, node_ids: Sequence[int] | None = None
) -> bool:
    named = (ids is None or instance.id in ids) and (node_ids is None or instance.node_id in node_ids)
    return named and (instance.scheduled is not False or not scheduled_only)


def _has_begun(instance: NodeInstance) -> bool:
    return instance.status in (*ENDED, NodeStatus.RUNNING, NodeStatus.CHECKING, NodeStatus.CHECKING_CONDITION)
