"""Runs of nodes, 2020-05-18: RunCycleDagNodes, RunSmokeTest, GetDag, ListDags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import (
    check_name,
    find_node,
    find_run,
    node_parameters,
)
from airflow_provider_dataworks.emulator.actions.nodes import ENVIRONMENT, answer
from airflow_provider_dataworks.emulator.backend.business_dates import (
    milliseconds,
    parse_clock,
    parse_day,
    parse_midnight,
)
from airflow_provider_dataworks.emulator.backend.resources.node_instances import DAILY, to_milliseconds
from airflow_provider_dataworks.emulator.backend.resources.node_runs import NODE_RUNS, NodeRun
from airflow_provider_dataworks.emulator.backend.resources.nodes import Node
from airflow_provider_dataworks.emulator.backend.scheduler import RunRequest, make_runs
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, boolean, choice, integer


def run_cycle_dag_nodes(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Run nodes for business dates, and return a DAG for each date."""
    root, environment = arguments["RootNodeId"], arguments["ProjectEnv"]
    if root not in arguments["IncludeNodeIds"]:
        raise assumptions.root_is_not_included(root)
    excluded = arguments["ExcludeNodeIds"] or []
    included = [each for each in dict.fromkeys((root, *arguments["IncludeNodeIds"])) if each not in excluded]
    nodes = [_node(state, node_id, environment) for node_id in included]
    clock = (arguments["BizBeginTime"], arguments["BizEndTime"])
    if any(node.is_hourly for node in nodes):
        for name, value in zip(("BizBeginTime", "BizEndTime"), clock, strict=True):
            if value is None:
                raise ApiRefusal(400, f"Missing{name}", f"{name} is mandatory for an hourly node.")
    if None not in clock and clock[0] >= clock[1]:
        raise ApiRefusal(400, "InvalidParameter", "BizBeginTime must be before BizEndTime.")
    parallel = (arguments["ConcurrentRuns"] or 2) if arguments["Parallelism"] else 1
    runs = make_runs(
        state,
        RunRequest(
            action="RunCycleDagNodes",
            request_id=request_id,
            name=arguments["Name"],
            run_type="SUPPLY_DATA",
            environment=environment,
            nodes=nodes,
            excluded=[_node(state, node_id, environment) for node_id in excluded],
            days=_days(arguments["StartBizDate"], arguments["EndBizDate"]),
            clock=(clock[0] or 0, 86399 if clock[1] is None else clock[1]),
            parameters=arguments["NodeParams"] or {},
            parallel=parallel,
            immediately=bool(arguments["StartFutureInstanceImmediately"]),
        ),
    )
    return answer([run.run_id for run in runs], changed=True)


def run_smoke_test(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Run a node for one business date as a test, and return the DAG."""
    node = _node(state, arguments["NodeId"], arguments["ProjectEnv"])
    parameters = arguments["NodeParams"]
    if isinstance(parameters, str):
        parameters = {str(node.node_id): parameters}
    (run,) = make_runs(
        state,
        RunRequest(
            action="RunSmokeTest",
            request_id=request_id,
            name=arguments["Name"],
            run_type="SMOKE_TEST",
            environment=arguments["ProjectEnv"],
            nodes=[node],
            days=[arguments["Bizdate"]],
            parameters=parameters or {},
        ),
    )
    return answer(run.run_id, changed=True)


def get_dag(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one DAG that a call made."""
    run = find_run(state, arguments["DagId"], arguments["ProjectEnv"])
    if run is None or run.run_type == DAILY:
        raise assumptions.unknown("DagId", arguments["DagId"])
    return answer(_details(state, run))


def list_dags(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the DAGs of one call."""
    dags = [
        _details(state, run)
        for run in state[NODE_RUNS].all()
        if (run.sequence, run.environment) == (arguments["OpSeq"], arguments["ProjectEnv"])
        and run.run_type != DAILY
        and find_run(state, run.run_id)
    ]
    return answer({"Dags": dags})


def _node(state: State, node_id: int, environment: str) -> Node:
    node = find_node(state, node_id, environment)
    if node is None:
        raise assumptions.unknown("NodeId", node_id)
    return node


def _days(first: date, last: date) -> list[date]:
    if last < first:
        raise ApiRefusal(400, "InvalidParameter", "EndBizDate must not be before StartBizDate.")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _details(state: State, run: NodeRun) -> dict[str, Any]:
    finished = run.finished_time
    details: dict[str, Any] = {
        "DagId": run.run_id,
        "OpSeq": run.sequence,
        "Name": run.name,
        "Type": run.run_type,
        "Status": run.status,
        "Bizdate": milliseconds(date.fromisoformat(run.bizdate), state.settings.zone),
        "Gmtdate": milliseconds(date.fromisoformat(run.bizdate) + timedelta(days=1), state.settings.zone),
        "ProjectId": run.project_id,
        "CreateTime": to_milliseconds(run.created_time),
        "CreateUser": run.user,
        "ModifyTime": to_milliseconds(finished or run.started_time or run.created_time),
    }
    if run.started_time is not None:
        details["StartTime"] = to_milliseconds(run.started_time)
    if finished is not None:
        details["FinishTime"] = to_milliseconds(finished)
    return details


def _ids(value: str) -> list[int]:
    if not re.fullmatch(r"\d{1,19}(,\d{1,19})*", value):
        raise ValueError("it must be ids with commas between them")
    return [int(item) for item in value.split(",")]


def _optional_ids(value: str) -> list[int]:
    return _ids(value) if value else []


def _day_and_time(value: str) -> date:
    day, blank, clock = value.partition(" ")
    if not blank:
        raise ValueError("it must be a date like 2026-11-24 00:00:00")
    parse_clock(clock)
    return parse_day(day)


def _test_parameters(value: str) -> dict[str, str] | str:
    return node_parameters(value) if value.lstrip().startswith("{") else value


_NAME = Parameter("Name", "form", check_name, required=True)

ACTIONS = (
    Action(
        "RunCycleDagNodes",
        (
            ENVIRONMENT,
            _NAME,
            Parameter("RootNodeId", "form", integer(), required=True),
            Parameter("IncludeNodeIds", "form", _ids, required=True),
            Parameter("ExcludeNodeIds", "form", _optional_ids),
            Parameter("StartBizDate", "form", parse_midnight, required=True),
            Parameter("EndBizDate", "form", parse_midnight, required=True),
            Parameter("BizBeginTime", "form", parse_clock),
            Parameter("BizEndTime", "form", parse_clock),
            Parameter("Parallelism", "form", boolean, required=True),
            Parameter("ConcurrentRuns", "form", integer(2, 10)),
            Parameter("NodeParams", "form", node_parameters),
            Parameter("StartFutureInstanceImmediately", "form", boolean),
            Parameter("AlertType", "form", choice("SUCCESS", "FAILURE", "SUCCESS_FAILURE")),
            Parameter("AlertNoticeType", "form", choice("SMS", "MAIL", "SMS_MAIL")),
        ),
        run_cycle_dag_nodes,
        enterprise=True,
    ),
    Action(
        "RunSmokeTest",
        (
            ENVIRONMENT,
            _NAME,
            Parameter("Bizdate", "form", _day_and_time, required=True),
            Parameter("NodeId", "form", integer(), required=True),
            Parameter("NodeParams", "form", _test_parameters),
        ),
        run_smoke_test,
    ),
    Action("GetDag", (ENVIRONMENT, Parameter("DagId", "form", integer(), required=True)), get_dag),
    Action("ListDags", (ENVIRONMENT, Parameter("OpSeq", "form", integer(), required=True)), list_dags),
)
