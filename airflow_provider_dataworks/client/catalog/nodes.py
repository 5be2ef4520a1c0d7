"""What the API versions have in common about batch nodes: their actions by purpose, and models of the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action, UnreadableContentError, whole_number
from airflow_provider_dataworks.client.bizdates import bizdate_of
from airflow_provider_dataworks.client.catalog.paging import read_entries, total_count
from airflow_provider_dataworks.client.models import Node, NodeInstance, NodeInstancePage, NodeRun, NodeStatus

#: The fields of an instance that hold integers, by the names of 2020-05-18, and what 2024-05-18 calls them.
_INSTANCE_IDS = {"InstanceId": "Id", "NodeId": "TaskId", "DagId": "WorkflowInstanceId"}
_STATUSES = frozenset(map(str, NodeStatus))


@dataclass(frozen=True)
class RunRequest:
    """A node to be run once, for one business date.

    :param project_id: the workspace.
    :param node_id: the node.
    :param bizdate: ``YYYY-MM-DD``.
    :param name: the run's name.
    :param environment: PROD or DEV.
    :param parameters: in the node's own syntax; None (default) for the node's own.
    :param hourly: whether a business date has more than one instance; default False.
    """

    project_id: int
    node_id: int
    bizdate: str
    name: str
    environment: str
    parameters: str | None = None
    hourly: bool = False


@dataclass(frozen=True)
class TriggerRequest:
    """An instance of an HTTP-trigger node that is to be fired.

    :param project_id: the workspace.
    :param node_id: the node.
    :param environment: PROD or DEV.
    :param cycle_time: when the instance is due, in Unix milliseconds.
    :param bizdate: when its business date begins, in Unix milliseconds.
    """

    project_id: int
    node_id: int
    environment: str
    cycle_time: int
    bizdate: int


@dataclass(frozen=True)
class NodeActions:
    """The actions on nodes of one API version, by purpose, and what differs in their parameters.

    :param list_runs: lists runs by business date and name; None where only the instances say which runs there are.
    :param node_parameter: the parameter that names a node.
    :param run_parameter: the parameter that names a run where its instances are listed.
    :param run_id_parameter: the parameter that names a run where it is read.
    :param instance_parameter: the parameter that names an instance.
    :param name_parameter: the parameter that names the nodes to list.
    :param ids_parameter: the parameter that names the instances to list; None where there is none.
    :param node_ids_parameter: the parameter that names several nodes whose instances to list; None where there is none.
    :param largest_page: how many instances a page has at most.
    :param needs_bizdate: whether instances are listed of one business date only.
    :param spell_environment: writes PROD and DEV as this version does.
    :param spell_bizdate: writes a business date as this version does, given the workspace's time zone.
    :param build_run: the parameters of ``run_node``.
    :param amend_run: the parameters of ``run_node`` to send after a refusal with this message; None if nothing in it
        says what to change.
    :param build_trigger: the parameters of ``trigger_instance``.
    :param triggers_in: the environments in which ``trigger_instance`` fires.
    :param scheduled_filter: parameters with which only instances of the nodes' own schedules are listed; others have to
        be left out of what is listed all the same.
    """

    get_node: Action
    list_nodes: Action
    run_node: Action
    get_run: Action
    list_runs: Action | None
    list_instances: Action
    get_instance: Action
    get_log: Action
    stop_instance: Action
    trigger_instance: Action
    node_parameter: str
    run_parameter: str
    run_id_parameter: str
    instance_parameter: str
    name_parameter: str
    ids_parameter: str | None
    node_ids_parameter: str | None
    largest_page: int
    needs_bizdate: bool
    spell_environment: Callable[[str], str]
    spell_bizdate: Callable[[str, str], Any]
    build_run: Callable[[RunRequest], dict[str, Any]]
    amend_run: Callable[[RunRequest, str], dict[str, Any] | None]
    build_trigger: Callable[[TriggerRequest], dict[str, Any]]
    triggers_in: tuple[str, ...]
    scheduled_filter: Mapping[str, Any]

    @property
    def version(self) -> str:
        """The API version."""
        return self.run_node.version


def content(action: Action, answer: Mapping[str, Any]) -> Any:
    """The part of an answer that the action is about.

    :param action: the action.
    :param answer: the answer, complete.
    """
    return answer if action.envelope.content is None else answer[action.envelope.content]


def read_node(entry: Mapping[str, Any]) -> Node:
    """Build a node from what GetNode, ListNodes, GetTask or ListTasks says of it.

    :param entry: the answer's object, with the field names of either API version.
    :return: the node.
    :raises UnreadableContentError: it has no id, or an id is no number.
    """
    node_id = _integer(entry, "NodeId", "Id")
    if node_id is None:
        raise UnreadableContentError("a node has no id")
    name = str(entry.get("NodeName") or entry.get("Name") or "")
    trigger = _mapping(entry.get("Trigger"))
    parameters = (
        entry.get("ParamValues") or entry.get("ScriptParameters") or _mapping(entry.get("Script")).get("Parameters")
    )
    reruns = whole_number(entry.get("RerunTimes"))
    return Node(
        id=node_id,
        name=name,
        parameters=str(parameters or ""),
        recurrence=_recurrence(entry.get("SchedulerType") or trigger.get("Recurrence")),
        reruns=0 if reruns is not None and entry.get("RerunMode") == "AllDenied" else reruns,
        hourly=_is_hourly(entry.get("CronExpress") or trigger.get("Cron")),
        fields={**entry, "NodeId": node_id, "NodeName": name},
    )


def read_nodes(paging: Mapping[str, Any]) -> tuple[tuple[Node, ...], int | None]:
    """Read a page of ListNodes or ListTasks.

    :param paging: the object that holds the list and TotalCount.
    :return: the nodes on it, and how many there are in all (None where the answer does not say).
    :raises UnreadableContentError: it holds no list, or an entry is no node.
    """
    page = read_entries(paging, name="Nodes" if "Nodes" in paging else "Tasks")
    return tuple(map(read_node, page.entries)), page.total


def read_run_ids(answer: Mapping[str, Any]) -> tuple[int, ...]:
    """Read which DAGs RunCycleDagNodes has made.

    :param answer: the whole answer, whose Data is a list.
    :return: their ids, at least one.
    :raises UnreadableContentError: there is none.
    """
    data = answer.get("Data")
    ids = [whole_number(each) for each in data] if isinstance(data, list) else [whole_number(data)]
    known = tuple(each for each in ids if each)
    if not known or len(known) < len(ids):
        raise UnreadableContentError("Data has no DagId")
    return known


@dataclass(frozen=True)
class Creation:
    """How far CreateWorkflowInstances is.

    :param run_id: the run that it has made; None while there is none.
    :param failure: why it has failed; None if it has not.
    """

    run_id: int | None
    failure: str | None


def read_creation(result: Mapping[str, Any]) -> Creation:
    """Read how far CreateWorkflowInstances is.

    :param result: Result of GetCreateWorkflowInstancesResult.
    :raises UnreadableContentError: it has been carried out, and does not say what it has made.
    """
    status = result.get("Status")
    if status == assumptions.CREATION_FAILED:
        return Creation(None, str(result.get("FailureMessage") or "without a FailureMessage"))
    ids = result.get("WorkflowInstanceIds")
    run_id = whole_number(ids[0]) if isinstance(ids, list) and ids else None
    if not run_id and status == assumptions.CREATION_DONE:
        raise UnreadableContentError("WorkflowInstanceIds is missing")
    return Creation(run_id or None, None)


def read_run(entry: Mapping[str, Any]) -> NodeRun:
    """Build a run from what GetDag, GetWorkflowInstance or ListWorkflowInstances says of it.

    :param entry: the answer's object, with the field names of either API version.
    :return: the run.
    :raises UnreadableContentError: it has no id.
    """
    run_id = _integer(entry, "DagId", "Id")
    if run_id is None:
        raise UnreadableContentError("a run has no id")
    begins = _integer(entry, "Bizdate", "BizDate")
    status = entry.get("Status")
    return NodeRun(
        run_id=run_id,
        name=str(entry.get("Name") or ""),
        bizdate=(bizdate_of(begins) if begins is not None else None) or "",
        status=None if status is None else _status(status, assumptions.RUN_STATUS_ALIASES),
    )


def read_runs(paging: Mapping[str, Any]) -> tuple[tuple[NodeRun, ...], int | None]:
    """Read a page of ListWorkflowInstances.

    :param paging: its PagingInfo.
    :return: the runs on it, and how many there are in all (None where the answer does not say).
    :raises UnreadableContentError: it holds no list, or an entry is no run.
    """
    page = read_entries(paging, name="WorkflowInstances")
    return tuple(map(read_run, page.entries)), page.total


def read_instance(entry: Any) -> NodeInstance:
    """Build an instance from what an answer says of it.

    :param entry: the answer's object, with the field names of either API version.
    :return: the instance.
    :raises UnreadableContentError: it is no instance, or a field has another type than the documented one.
    """
    if not isinstance(entry, dict):
        raise UnreadableContentError(f"an instance is {entry!r:.50}")
    ids = {name: _integer(entry, name, newer) for name, newer in _INSTANCE_IDS.items()}
    instance_id, node_id = ids["InstanceId"], ids["NodeId"]
    if instance_id is None or node_id is None:
        raise UnreadableContentError("an instance has no id, or its node has none")
    name, begins = entry.get("NodeName") or entry.get("TaskName"), _integer(entry, "Bizdate")
    status = _status(entry.get("Status") or "")
    run_type = entry.get("DagType") or entry.get("WorkflowInstanceType")
    due = _integer(entry, "CycTime", "TriggerTime")
    known = {**ids, "NodeName": name, "Bizdate": begins, "CycTime": due, "Status": status}
    return NodeInstance(
        id=instance_id,
        node_id=node_id,
        status=status,
        node_name=None if name is None else str(name),
        bizdate=None if begins is None else bizdate_of(begins),
        run_id=ids["DagId"],
        recurrence=_recurrence(entry.get("TriggerRecurrence") or entry.get("TaskType")),
        reruns_left=whole_number(entry.get("TaskRerunTime")),
        run_number=whole_number(entry.get("RunNumber")),
        started_time=_seconds(entry.get("BeginRunningTime") or entry.get("StartedTime")),
        finished_time=_seconds(entry.get("FinishTime") or entry.get("FinishedTime")),
        scheduled=str(run_type).upper() in assumptions.SCHEDULED_TYPES if run_type else None,
        fields={**entry, **{field: value for field, value in known.items() if value is not None}},
    )


def read_instance_page(paging: Mapping[str, Any], *, name: str) -> NodeInstancePage:
    """Build a page of a list of instances.

    :param paging: the object that holds the list and TotalCount.
    :param name: the list's name.
    :return: the page.
    :raises UnreadableContentError: it holds no list, an entry is no instance, or TotalCount is no number.
    """
    entries = paging.get(name) or []
    if not isinstance(entries, list):
        raise UnreadableContentError(f"{name} is no list")
    return NodeInstancePage(tuple(map(read_instance, entries)), total_count(paging))


def read_log(answer: Mapping[str, Any], *, name: str) -> str:
    """Read the log of an instance.

    :param answer: the whole answer.
    :param name: the field that holds it.
    :return: the log; empty where there is none yet, or none any more.
    :raises UnreadableContentError: it is no string.
    """
    log = answer.get(name, "")
    if not isinstance(log, (str, type(None))):
        raise UnreadableContentError(f"{name} is no string")
    return log or ""


def neutral_word(word: object) -> str:
    """A word of the API in the spelling of 2020-05-18, without a number behind it.

    :param word: such as ``WaitTime``, ``WAIT_TIME`` or ``NORMAL(0)``.
    """
    bare = re.sub(r"\([0-9]+\)$", "", str(word))
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", bare).upper()


def _status(status: object, aliases: Mapping[str, str] | None = None) -> str:
    word = neutral_word(status)
    word = (aliases or {}).get(word, word)
    return word if word in _STATUSES else str(status)


def _recurrence(word: object) -> str | None:
    neutral = neutral_word(word)
    neutral = assumptions.RECURRENCE_ALIASES.get(neutral, neutral)
    return neutral if neutral in assumptions.RECURRENCES else None


def _is_hourly(cron: object) -> bool | None:
    """Whether a cron expression with seconds fires more than once a day; None if it is none."""
    parts = str(cron or "").split()
    return None if len(parts) < 6 else not all(part.isdigit() for part in parts[:3])


def _integer(entry: Mapping[str, Any], *names: str) -> int | None:
    value = next((entry[name] for name in names if entry.get(name) is not None), None)
    number = whole_number(value)
    if value is not None and number is None:
        raise UnreadableContentError(f"{names[0]} is {value!r:.50}")
    return number


def _seconds(milliseconds: object) -> float | None:
    number = whole_number(milliseconds)
    return number / 1000 if number else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
