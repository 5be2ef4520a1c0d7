"""Deployed nodes, 2020-05-18: GetNode, ListNodes, GetNodeCode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import find_node
from airflow_provider_dataworks.emulator.backend.resources.node_runs import has_name
from airflow_provider_dataworks.emulator.backend.resources.nodes import (
    FILE_TYPE,
    NODES,
    PROGRAM_TYPE,
    RERUN_MODES,
    Node,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer


def get_node(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one node."""
    node = _node(state, arguments)
    return answer({**_details(node), "Repeatability": node.rerun_mode})


def get_node_code(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the content of one node."""
    return answer(_node(state, arguments).content)


def list_nodes(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the nodes of a workspace."""
    state.check_project(arguments["ProjectId"])
    nodes = [_details(node) for node in state[NODES].all() if _matches(node, arguments)]
    return answer(page(nodes, arguments, "Nodes"))


def answer(data: Any, *, changed: bool = False) -> ActionResult:
    """Return the content with which these actions answer."""
    return ActionResult({"HttpStatusCode": 200, "Success": True, "Data": data}, changed)


def _node(state: State, arguments: Mapping[str, Any]) -> Node:
    node = find_node(state, arguments["NodeId"], arguments["ProjectEnv"])
    if node is None:
        raise assumptions.unknown("NodeId", arguments["NodeId"])
    return node


def _matches(node: Node, arguments: Mapping[str, Any]) -> bool:
    return (
        node.project_id == arguments["ProjectId"]
        and node.is_in(arguments["ProjectEnv"])
        and has_name(node.name, arguments["NodeName"])
        and arguments["SchedulerType"] in (None, node.scheduler_type)
        and arguments["ProgramType"] in (None, "", PROGRAM_TYPE)
        and arguments["Owner"] in (None, "", assumptions.NODE_OWNER)
        and arguments["BizName"] in (None, "", assumptions.BUSINESS_NAME)
    )


def _details(node: Node) -> dict[str, Any]:
    details: dict[str, Any] = {
        "NodeId": node.node_id,
        "NodeName": node.name,
        "ProjectId": node.project_id,
        "OwnerId": assumptions.NODE_OWNER,
        "Description": "",
        "ProgramType": PROGRAM_TYPE,
        "FileType": FILE_TYPE,
        "SchedulerType": node.scheduler_type,
        "CronExpress": node.cron,
        "ParamValues": node.param_values,
        "ResGroupIdentifier": node.resource_group,
        "ResGroupName": node.resource_group,
        "Connection": "",
        "Priority": 1,
        "Repeatability": node.rerun_mode != "ALL_DENIED",
        "RepeatMode": list(RERUN_MODES.values()).index(node.rerun_mode),
        "RepeatInterval": int(node.rerun_seconds * 1000),
        "CreateTime": node.created_time * 1000,
        "ModifyTime": node.updated_time * 1000,
        "DeployDate": node.updated_time * 1000,
        "FileVersion": 1,
    }
    return details if node.file_id is None else {**details, "FileId": node.file_id}


ENVIRONMENT = Parameter("ProjectEnv", "form", choice("PROD", "DEV"), required=True)
_NODE = (Parameter("NodeId", "form", integer(), required=True), ENVIRONMENT)

ACTIONS = (
    Action("GetNode", _NODE, get_node),
    Action("GetNodeCode", _NODE, get_node_code),
    Action(
        "ListNodes",
        (
            Parameter("ProjectId", "form", integer(1, MAX_PROJECT_ID), required=True),
            ENVIRONMENT,
            Parameter("NodeName", "form", str),
            Parameter("BizName", "form", str),
            Parameter("Owner", "form", str),
            Parameter("ProgramType", "form", str),
            Parameter("SchedulerType", "form", choice("NORMAL", "MANUAL", "PAUSE", "SKIP")),
            Parameter("PageNumber", "form", integer(1, 100), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_nodes,
    ),
)
