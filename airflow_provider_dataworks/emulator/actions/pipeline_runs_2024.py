"""Pipeline runs, 2024-05-18: the deployment of a node, stage by stage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import MAX_INT
from airflow_provider_dataworks.emulator.actions.nodes_2024 import studio_node
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.flow_spec import definition, parse_spec
from airflow_provider_dataworks.emulator.backend.resources.node_instances import to_milliseconds
from airflow_provider_dataworks.emulator.backend.resources.nodes import (
    ENVIRONMENTS,
    MANUAL,
    NODES,
    STUDIO_ID_BASE,
    Node,
)
from airflow_provider_dataworks.emulator.backend.resources.pipeline_runs import (
    BUILD,
    INIT,
    PIPELINE_RUNS,
    STAGE_TYPES,
    STATUSES,
    SUCCESS,
    PipelineRun,
    details,
    stage_codes,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer, json_value

VERSION = "2024-05-18"


def create_pipeline_run(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Begin the deployment of a node; the first stage, or all until one, run by themselves."""
    state.check_project(arguments["ProjectId"])
    node = studio_node(state, arguments["ObjectIds"][0], arguments["ProjectId"])
    codes = stage_codes(arguments["Type"], state.settings.workspace_mode)
    run = PipelineRun(state[PIPELINE_RUNS].new_id(), node.project_id, node.node_id, arguments["Type"])
    run.description, run.created_time = arguments["Description"] or "", unix_time()
    run.stages = dict.fromkeys(codes, INIT)
    until = BUILD
    if arguments["RunMode"] == "Auto":
        until = arguments["AutoRunUntilStage"] or codes[-1]
        if until not in codes:
            raise ApiRefusal(400, "InvalidParameter", f"AutoRunUntilStage must be one of {', '.join(codes)}.")
    state[PIPELINE_RUNS].add(run)
    _execute(state, run, node, codes[: codes.index(until) + 1])
    return ActionResult({"Id": run.pipeline_id}, changed=True)


def exec_pipeline_run_stage(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Begin the next stage."""
    run, code = _run(state, arguments["Id"], arguments["ProjectId"]), arguments["Code"]
    if code != run.next_stage:
        raise assumptions.wrong_stage(code, run.next_stage)
    node = state[NODES].find(run.node_id)
    if node is None:
        raise assumptions.unknown("NodeId", run.node_id)
    _execute(state, run, node, [code])
    return ActionResult({"Success": True}, changed=True)


def get_pipeline_run(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one pipeline run."""
    run = _run(state, arguments["Id"], arguments["ProjectId"])
    return ActionResult({"Pipeline": {**details(run), "Creator": assumptions.NODE_OWNER}})


def list_pipeline_runs(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the pipeline runs of a workspace, the newest first."""
    state.check_project(arguments["ProjectId"])
    runs = [
        {**details(run), "Creator": assumptions.NODE_OWNER}
        for run in reversed(state[PIPELINE_RUNS].all())
        if run.project_id == arguments["ProjectId"]
        and arguments["Status"] in (None, run.status)
        and arguments["Creator"] in (None, "", assumptions.NODE_OWNER)
        and arguments["ObjectId"] in (None, "", str(STUDIO_ID_BASE + run.node_id))
    ]
    return ActionResult({"PagingInfo": page(runs, arguments, "PipelineRuns")})


def list_pipeline_run_items(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return what a pipeline run deploys."""
    run = _run(state, arguments["PipelineRunId"], arguments["ProjectId"])
    shown, node = details(run), state[NODES].find(run.node_id)
    item = {
        "Id": str(STUDIO_ID_BASE + run.node_id),
        "Name": node.name if node else "",
        "Type": "Node",
        "Status": run.status,
        "Message": shown["Message"],
        "Version": 1,
        "CreateTime": to_milliseconds(run.created_time),
        "ModifyTime": to_milliseconds(run.created_time),
    }
    return ActionResult({"PagingInfo": page([item], arguments, "PipelineRunItems")})


def abolish_pipeline_run(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Cancel a pipeline run that has not ended."""
    run = _run(state, arguments["Id"], arguments["ProjectId"])
    if run.status == SUCCESS:
        raise ApiRefusal(400, "InvalidParameter", "The pipeline run has ended.")
    run.timeline.clear()
    run.cancelled = True
    return ActionResult({"Success": True}, changed=True)


def _run(state: State, identifier: str, project_id: int) -> PipelineRun:
    run = state[PIPELINE_RUNS].find(identifier)
    if run is None or run.project_id != project_id:
        raise assumptions.unknown("PipelineRunId", identifier)
    return run


def _execute(state: State, run: PipelineRun, node: Node, codes: list[str]) -> None:
    now = monotonic()
    failure = node.deploy_error if run.kind == "Online" else None
    ends = run.execute(codes, now, state.settings.deploy_seconds, failure)
    for code in (code for code in codes if code in ENVIRONMENTS and code in ends):
        if run.kind == "Offline":
            left = [each for each in node.environments if each != code]
            node.timeline.schedule(ends[code], environments=left)
        else:
            values = definition(parse_spec(node.effective_spec())) if node.spec else {}
            if node.scheduler_type == MANUAL:
                values["scheduler_type"] = MANUAL
            node.deploy([each for each in codes if ends.get(each, math.inf) <= ends[code]], ends[code], **values)
    run.advance(now)
    node.advance(now)


def _check_objects(value: list[Any]) -> None:
    if not value or not all(isinstance(item, str) for item in value):
        raise ValueError("it must be an array of ids as strings")


_PROJECT = integer(1, MAX_PROJECT_ID)
_PAGE = (
    Parameter("PageNumber", "query", integer(1, MAX_INT), default=1),
    Parameter("PageSize", "query", integer(1, 100), default=10),
)
_NEEDED_PROJECT = Parameter("ProjectId", "query", _PROJECT, required=True)

ACTIONS = (
    Action(
        "CreatePipelineRun",
        (
            Parameter("ProjectId", "form", _PROJECT, required=True),
            Parameter("Type", "form", choice("Online", "Offline"), required=True),
            Parameter("ObjectIds", "form", json_value(list, _check_objects), required=True),
            Parameter("Description", "form", str),
            Parameter("RunMode", "form", choice("Normal", "Auto"), default="Normal"),
            Parameter("AutoRunUntilStage", "form", str),
        ),
        create_pipeline_run,
        version=VERSION,
    ),
    Action(
        "ExecPipelineRunStage",
        (
            _NEEDED_PROJECT,
            Parameter("Id", "form", str, required=True),
            Parameter("Code", "form", choice(*STAGE_TYPES), required=True),
        ),
        exec_pipeline_run_stage,
        version=VERSION,
    ),
    Action(
        "GetPipelineRun",
        (_NEEDED_PROJECT, Parameter("Id", "query", str, required=True)),
        get_pipeline_run,
        version=VERSION,
        method="GET",
    ),
    Action(
        "ListPipelineRuns",
        (
            _NEEDED_PROJECT,
            Parameter("Creator", "query", str),
            Parameter("ObjectId", "query", str),
            Parameter("Status", "query", choice(*STATUSES)),
            *_PAGE,
        ),
        list_pipeline_runs,
        version=VERSION,
        method="GET",
    ),
    Action(
        "ListPipelineRunItems",
        (_NEEDED_PROJECT, Parameter("PipelineRunId", "query", str, required=True), *_PAGE),
        list_pipeline_run_items,
        version=VERSION,
        method="GET",
    ),
    Action(
        "AbolishPipelineRun",
        (Parameter("ProjectId", "form", _PROJECT, required=True), Parameter("Id", "form", str, required=True)),
        abolish_pipeline_run,
        version=VERSION,
    ),
)
