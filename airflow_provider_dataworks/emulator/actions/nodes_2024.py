"""Nodes of DataStudio and tasks of the scheduler, 2024-05-18."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import MAX_INT, find_node, json_ids, sorted_by
from airflow_provider_dataworks.emulator.backend.flow_spec import definition, parse_spec, path_of
from airflow_provider_dataworks.emulator.backend.resources.node_runs import has_name
from airflow_provider_dataworks.emulator.backend.resources.nodes import (
    MANUAL,
    NODES,
    PROGRAM_TYPE,
    RERUN_MODES,
    SPEC_RERUN_MODES,
    STUDIO_ID_BASE,
    Node,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer

VERSION = "2024-05-18"
#: The scenes of CreateNode, and as ListNodes spells them; CreateNode takes both spellings.
SCENES = {
    "DATAWORKS_PROJECT": "DataworksProject",
    "DATAWORKS_MANUAL_TASK": "DataworksManualTask",
    "DATAWORKS_MANUAL_WORKFLOW": "DataworksManualWorkflow",
}


def create_node(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Create a node that is not deployed."""
    project_id, scene = arguments["ProjectId"], arguments["Scene"]
    state.check_project(project_id)
    spec = parse_spec(arguments["Spec"])
    if "WORKFLOW" in scene.upper():
        raise assumptions.unknown("ContainerId", arguments["ContainerId"])
    if any(node.project_id == project_id and node.name == spec["name"] for node in state[NODES].all()):
        raise assumptions.existing_node_name(spec["name"])
    node = Node(state[NODES].new_id(), project_id, spec["name"], environments=[], spec=arguments["Spec"])
    node.param_values = node.content = ""
    if "MANUAL" in scene.upper():
        node.scheduler_type = MANUAL
    state[NODES].add(node)
    return ActionResult({"Id": node.studio_id}, changed=True)


def update_node(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Replace the FlowSpec of a node; its task changes when it is deployed."""
    node = studio_node(state, arguments["Id"], arguments["ProjectId"])
    node.spec = arguments["Spec"]
    if not node.environments:
        node.name = parse_spec(node.spec)["name"]
    return ActionResult({"Success": True}, changed=True)


def delete_node(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Delete a node that is not deployed."""
    node = studio_node(state, arguments["Id"], arguments["ProjectId"])
    if node.environments:
        raise ApiRefusal(400, "InvalidParameter", "The node is deployed; take it offline first.")
    state[NODES].remove(node)
    return ActionResult({"Success": True}, changed=True)


def get_node(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one node; it has a TaskId once it is deployed."""
    node = studio_node(state, arguments["Id"], arguments["ProjectId"])
    details = {
        "Id": node.studio_id,
        "Name": node.name,
        "ProjectId": node.project_id,
        "Owner": assumptions.NODE_OWNER,
        "Spec": node.effective_spec(),
        "CreateTime": node.created_time * 1000,
        "ModifyTime": node.updated_time * 1000,
    }
    return ActionResult({"Node": {**details, **({"TaskId": node.node_id} if node.environments else {})}})


def list_nodes(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the nodes of a workspace, deployed or not."""
    state.check_project(arguments["ProjectId"])
    nodes = [_summary(node) for node in state[NODES].all() if _matches(node, arguments)]
    paging = page(nodes, arguments, "Nodes")
    counters = {name: str(paging[name]) for name in ("TotalCount", "PageNumber", "PageSize")}
    return ActionResult({"PagingInfo": {**paging, **counters}})


def get_task(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the task of a deployed node."""
    node = find_node(state, arguments["Id"], arguments["ProjectEnv"].upper())
    if node is None:
        raise assumptions.unknown("TaskId", arguments["Id"])
    script = {"Content": node.content, "Parameters": node.param_values}
    return ActionResult({"Task": {**_task(node, arguments), "Script": script}})


def list_tasks(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the tasks of a workspace."""
    state.check_project(arguments["ProjectId"])
    tasks = [node for node in state[NODES].all() if _is_wanted(node, arguments)]
    keys = {
        "Id": lambda node: node.node_id,
        "CreateTime": lambda node: node.created_time,
        "ModifyTime": lambda node: node.updated_time,
    }
    try:
        tasks = sorted_by(tasks, arguments["SortBy"], keys)
    except ValueError as error:
        raise ApiRefusal(400, "InvalidParameter", f"SortBy is not valid: {error}.") from None
    shown = [{**_task(node, arguments), "ScriptParameters": node.param_values} for node in tasks]
    return ActionResult({"PagingInfo": page(shown, arguments, "Tasks")})


def studio_node(state: State, identifier: str, project_id: int) -> Node:
    """
    Return a node by its id in DataStudio.

    :raises ApiRefusal: there is none.
    """
    number = int(identifier) - STUDIO_ID_BASE if identifier.isdigit() else 0
    node = state[NODES].find(number)
    if node is None or node.project_id != project_id:
        raise assumptions.unknown("NodeId", identifier)
    return node


def check_spec(value: str) -> str:
    """
    Check a FlowSpec, and return it.

    :raises ValueError: it does not describe one node.
    """
    definition(parse_spec(value))
    return value


def _matches(node: Node, arguments: Mapping[str, Any]) -> bool:
    scene = SCENES["DATAWORKS_MANUAL_TASK" if node.scheduler_type == MANUAL else "DATAWORKS_PROJECT"]
    return (
        node.project_id == arguments["ProjectId"]
        and has_name(node.name, arguments["Name"])
        and not arguments["ContainerId"]
        and arguments["Recurrence"] in (None, node.recurrence)
        and arguments["RerunMode"] in (None, _spec_rerun_mode(node))
        and arguments["Scene"] in (None, scene)
    )


def _is_wanted(node: Node, arguments: Mapping[str, Any]) -> bool:
    return (
        node.project_id == arguments["ProjectId"]
        and node.is_in(arguments["ProjectEnv"].upper())
        and (arguments["Ids"] is None or node.node_id in arguments["Ids"])
        and has_name(node.name, arguments["Name"])
        and arguments["TaskType"] in (None, "", assumptions.NODE_TASK_TYPE)
        and arguments["TriggerRecurrence"] in (None, node.recurrence)
        and arguments["TriggerType"] in (None, _trigger_type(node))
        and arguments["Owner"] in (None, "", assumptions.NODE_OWNER)
        and arguments["RuntimeResource"] in (None, "", node.resource_group)
        and arguments["WorkflowId"] in (None, 1)
    )


def _spec_rerun_mode(node: Node) -> str:
    return next(word for word, mode in SPEC_RERUN_MODES.items() if mode == node.rerun_mode)


def _trigger_type(node: Node) -> str:
    return "Manual" if node.scheduler_type == MANUAL else "Scheduler"


def _summary(node: Node) -> dict[str, Any]:
    details = {
        "Id": node.studio_id,
        "Name": node.name,
        "ProjectId": node.project_id,
        "Owner": assumptions.NODE_OWNER,
        "Description": "",
        "Recurrence": node.recurrence,
        "Script": {"Path": path_of(node.effective_spec()), "Runtime": {"Command": PROGRAM_TYPE}},
        "Strategy": {
            "InstanceMode": "T+1",
            "RerunMode": _spec_rerun_mode(node),
            "RerunTimes": node.rerun_times,
            "RerunInterval": int(node.rerun_seconds * 1000),
            "Timeout": 0,
        },
        "Trigger": {"Type": _trigger_type(node), "Cron": node.cron},
        "RuntimeResource": {"ResourceGroup": node.resource_group},
        "CreateTime": node.created_time * 1000,
        "ModifyTime": node.updated_time * 1000,
    }
    return {**details, "TaskId": node.node_id} if node.environments else details


def _task(node: Node, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Id": node.node_id,
        "Name": node.name,
        "Type": assumptions.NODE_TASK_TYPE,
        "ProjectId": node.project_id,
        "ProjectEnv": arguments["ProjectEnv"],
        "EnvType": arguments["ProjectEnv"],
        "WorkflowId": 1,
        "Owner": assumptions.NODE_OWNER,
        "Description": "",
        "Priority": 1,
        "Timeout": 0,
        "InstanceMode": "T+1",
        "RerunMode": next(word for word, mode in RERUN_MODES.items() if mode == node.rerun_mode),
        "RerunTimes": node.rerun_times,
        "RerunInterval": int(node.rerun_seconds),
        "Trigger": {"Type": _trigger_type(node), "Recurrence": node.recurrence, "Cron": node.cron},
        "RuntimeResource": {"ResourceGroupId": node.resource_group},
        "CreateTime": node.created_time * 1000,
        "ModifyTime": node.updated_time * 1000,
        "CreateUser": assumptions.NODE_OWNER,
        "ModifyUser": assumptions.NODE_OWNER,
    }


_PROJECT = integer(1, MAX_PROJECT_ID)
_FORM_ID = (
    Parameter("Id", "form", str, required=True),
    Parameter("ProjectId", "form", _PROJECT, required=True),
)
_ENVIRONMENT = choice("Prod", "Dev")

ACTIONS = (
    Action(
        "CreateNode",
        (
            Parameter("ProjectId", "form", _PROJECT, required=True),
            Parameter("Scene", "form", choice(*SCENES, *SCENES.values()), required=True),
            Parameter("Spec", "form", check_spec, required=True),
            Parameter("ContainerId", "form", str),
        ),
        create_node,
        version=VERSION,
    ),
    Action(
        "UpdateNode", (*_FORM_ID, Parameter("Spec", "form", check_spec, required=True)), update_node, version=VERSION
    ),
    Action("DeleteNode", _FORM_ID, delete_node, version=VERSION),
    Action(
        "GetNode",
        (Parameter("Id", "query", str, required=True), Parameter("ProjectId", "query", _PROJECT, required=True)),
        get_node,
        version=VERSION,
        method="GET",
    ),
    Action(
        "ListNodes",
        (
            Parameter("ProjectId", "query", _PROJECT, required=True),
            Parameter("Name", "query", str),
            Parameter("ContainerId", "query", str),
            Parameter("Recurrence", "query", choice("Normal", "Pause", "Skip")),
            Parameter("RerunMode", "query", choice(*SPEC_RERUN_MODES)),
            Parameter("Scene", "query", choice(*SCENES.values())),
            Parameter("PageNumber", "query", integer(1, MAX_INT), default=1),
            Parameter("PageSize", "query", integer(1, 100), default=10),
        ),
        list_nodes,
        version=VERSION,
        method="GET",
    ),
    Action(
        "GetTask",
        (
            Parameter("Id", "query", integer(), required=True),
            Parameter("ProjectEnv", "query", _ENVIRONMENT, default="Prod"),
        ),
        get_task,
        version=VERSION,
        method="GET",
    ),
    Action(
        "ListTasks",
        (
            Parameter("ProjectId", "form", _PROJECT, required=True),
            Parameter("ProjectEnv", "form", _ENVIRONMENT, default="Prod"),
            Parameter("Ids", "form", json_ids),
            Parameter("Name", "form", str),
            Parameter("Owner", "form", str),
            Parameter("TaskType", "form", str),
            Parameter("TriggerType", "form", choice("Scheduler", "Manual")),
            Parameter("TriggerRecurrence", "form", choice("Pause", "Skip", "Normal")),
            Parameter("RuntimeResource", "form", str),
            Parameter("WorkflowId", "form", integer()),
            Parameter("SortBy", "form", str),
            Parameter("PageNumber", "form", integer(1, MAX_INT), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_tasks,
        version=VERSION,
    ),
)
