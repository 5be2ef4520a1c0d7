"""Workflow instances, 2024-05-18: their creation, lists, start and stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import (
    MAX_INT,
    check_name,
    find_node,
    find_run,
    json_ids,
    node_parameters,
    sorted_by,
)
from airflow_provider_dataworks.emulator.backend.business_dates import day_of, milliseconds, parse_clock, parse_day
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.resources.node_instances import RUN_TYPES, to_milliseconds
from airflow_provider_dataworks.emulator.backend.resources.node_runs import (
    NODE_RUNS,
    RUN_STATUSES,
    NodeRun,
    has_name,
    shown,
)
from airflow_provider_dataworks.emulator.backend.resources.nodes import MANUAL, Node
from airflow_provider_dataworks.emulator.backend.resources.operations import CREATED, FAILED, OPERATIONS, Operation
from airflow_provider_dataworks.emulator.backend.scheduler import RunRequest, generate, make_runs, start_run
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, boolean, choice, integer, json_value

VERSION = "2024-05-18"
#: The WorkflowId of everything that is scheduled outside workflows.
WORKFLOW_ID = 1
TYPES = ("SupplementData", "Manual", "ManualWorkflow", "SmokeTest", "TriggerWorkflow")
MODES = ("General", "ManualSelection", "Chain", "AllDownstream")
MAX_RANGES = 7


def create_workflow_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Run tasks for business dates, a workflow instance for each date."""
    state.check_project(arguments["ProjectId"])
    kind, properties = arguments["Type"], arguments["DefaultRunProperties"] or {}
    if kind in ("ManualWorkflow", "TriggerWorkflow") or arguments["WorkflowId"] != WORKFLOW_ID:
        raise assumptions.unknown("WorkflowId", arguments["WorkflowId"])
    environment = arguments["EnvType"].upper()
    included, excluded = _task_ids(kind, properties)
    nodes = _tasks(state, arguments["ProjectId"], included, environment)
    days, clock = _periods(kind, arguments["Periods"], state)
    if kind == "Manual" and any(node.scheduler_type != MANUAL for node in nodes):
        raise ApiRefusal(400, "InvalidParameter", "Type Manual runs manually triggered tasks only.")
    settings, now = state.settings, monotonic()
    operation = Operation(state[OPERATIONS].new_id(), arguments["ProjectId"])
    state[OPERATIONS].add(operation)
    ends = now + settings.creation_seconds
    failure = next((node.creation_failure for node in nodes if node.creation_failure), None)
    if failure:
        operation.timeline.schedule(ends, status=FAILED, message=failure)
        return ActionResult({"OperationId": operation.operation_id}, changed=True)
    runs = make_runs(
        state,
        RunRequest(
            action="CreateWorkflowInstances",
            request_id=request_id,
            name=arguments["Name"],
            run_type=next(old for old, new in RUN_TYPES.items() if new == kind),
            environment=environment,
            nodes=nodes,
            excluded=_tasks(state, arguments["ProjectId"], excluded, environment),
            days=days[::-1] if properties.get("Order") == "Desc" else days,
            clock=clock,
            parameters=arguments["TaskParameters"] or {},
            parallel=properties.get("Parallelism", 1),
            immediately=kind == "Manual" or bool((properties.get("RunPolicy") or {}).get("Immediately")),
            auto_start=arguments["AutoStartEnabled"],
            delay=settings.creation_seconds,
        ),
    )
    operation.timeline.schedule(
        ends,
        status=CREATED,
        run_ids=[run.run_id for run in runs],
        instance_ids=[instance for run in runs for instance in run.instance_ids],
    )
    return ActionResult({"OperationId": operation.operation_id}, changed=True)


def get_create_workflow_instances_result(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return what has become of a creation."""
    operation = state[OPERATIONS].find(arguments["OperationId"])
    if operation is None:
        raise assumptions.unknown("OperationId", arguments["OperationId"])
    result: dict[str, Any] = {"Status": operation.status}
    if operation.status == FAILED:
        result["FailureMessage"] = operation.message
    elif operation.status == CREATED:
        result["WorkflowInstanceIds"] = operation.run_ids
        result["WorkflowTaskInstanceIds"] = operation.instance_ids
        result["UnifiedWorkflowInstanceIds"] = operation.run_ids
    return ActionResult({"Result": result})


def get_workflow_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one workflow instance."""
    run = find_run(state, arguments["Id"])
    if run is None:
        raise assumptions.unknown("WorkflowInstanceId", arguments["Id"])
    return ActionResult({"WorkflowInstance": _details(state, run)})


def list_workflow_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the workflow instances of a business date."""
    state.check_project(arguments["ProjectId"])
    environment, now = arguments["EnvType"].upper(), monotonic()
    day = day_of(arguments["BizDate"], state.settings.zone)
    if day is not None:
        generate(state, arguments["ProjectId"], environment, [day])
    runs = [
        run
        for run in state[NODE_RUNS].all()
        if (run.project_id, run.environment) == (arguments["ProjectId"], environment)
        and day is not None
        and run.bizdate == day.isoformat()
        and shown(run, now, in_list=True)
        and _matches(run, arguments)
    ]
    try:
        runs = sorted_by(runs, arguments["SortBy"], _SORT_KEYS)
    except ValueError as error:
        raise ApiRefusal(400, "InvalidParameter", f"SortBy is not valid: {error}.") from None
    return ActionResult({"PagingInfo": page([_details(state, run) for run in runs], arguments, "WorkflowInstances")})


def start_workflow_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Start workflow instances that do not start by themselves."""
    return _operate(state, arguments["Ids"], lambda run: start_run(state, run, monotonic()))


def stop_workflow_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop all task instances of workflow instances."""
    return _operate(state, arguments["Ids"], lambda run: _stop(state, run))


def _stop(state: State, run: NodeRun) -> str | None:
    stopped = [instance.stop(state.settings, monotonic()) for instance in run.instances]
    return None if any(stopped) else f"The status of the workflow instance is {RUN_STATUSES[run.status]}."


def _operate(state: State, ids: list[int], operation: Callable[[NodeRun], str | None]) -> ActionResult:
    results: dict[str, Any] = {}
    for run_id in ids:
        run = find_run(state, run_id)
        message = f"The workflow instance {run_id} does not exist." if run is None else operation(run)
        results[str(run_id)] = {"Success": True} if message is None else {"Success": False, "Message": message}
    changed = any(result["Success"] for result in results.values())
    return ActionResult({"SuccessInfo": results}, changed)


def _task_ids(kind: str, properties: Mapping[str, Any]) -> tuple[list[int], list[int]]:
    roots, mode = properties.get("RootTaskIds") or [], properties.get("Mode", "ManualSelection")
    if kind != "SupplementData":
        if not roots:
            raise _missing("RootTaskIds")
        return roots, []
    for name in ("Analysis", "Parallelism"):
        if name not in properties:
            raise _missing(name)
    included = properties.get("IncludeTaskIds") or []
    if mode == "Chain":
        if roots or len(included) != 2:
            raise ApiRefusal(400, "InvalidParameter", "Mode Chain needs two IncludeTaskIds and no RootTaskIds.")
    elif not roots:
        raise _missing("RootTaskIds")
    elif mode != "ManualSelection" and len(roots) != 1:
        raise ApiRefusal(400, "InvalidParameter", f"Mode {mode} needs one RootTaskIds.")
    excluded = properties.get("ExcludeTaskIds") or []
    wanted = included or roots
    return [each for each in dict.fromkeys(wanted) if each not in excluded], excluded


def _tasks(state: State, project_id: int, ids: list[int], environment: str) -> list[Node]:
    found = [find_node(state, task_id, environment) for task_id in ids]
    unknown = [
        task_id for task_id, node in zip(ids, found, strict=True) if node is None or node.project_id != project_id
    ]
    if unknown:
        raise assumptions.unknown_tasks(unknown)
    return [node for node in found if node is not None]


def _periods(kind: str, periods: Mapping[str, Any] | None, state: State) -> tuple[list[date], tuple[int, int]]:
    if periods is None:
        if kind == "SupplementData":
            raise _missing("Periods")
        return [assumptions.business_date_of(unix_time(), state.settings.zone)], (0, 86399)
    days: dict[date, None] = {}
    for each in periods["BizDates"]:
        first, last = parse_day(each["StartBizDate"]), parse_day(each["EndBizDate"])
        days.update(dict.fromkeys(first + timedelta(days=number) for number in range((last - first).days + 1)))
    clock = (parse_clock(periods.get("StartTime", "00:00:00")), parse_clock(periods.get("EndTime", "23:59:59")))
    return sorted(days), clock


def _missing(name: str) -> ApiRefusal:
    return ApiRefusal(400, f"Missing{name}", f"{name} is mandatory for this action.")


def _matches(run: NodeRun, arguments: Mapping[str, Any]) -> bool:
    return (
        has_name(run.name, arguments["Name"])
        and (arguments["Ids"] is None or run.run_id in arguments["Ids"])
        and arguments["Type"] in (None, RUN_TYPES[run.run_type])
        and arguments["WorkflowId"] in (None, WORKFLOW_ID)
        and arguments["Owner"] in (None, "", run.user)
        and arguments["UnifiedWorkflowInstanceId"] in (None, run.run_id)
        and not arguments["Tags"]
        and (arguments["Filter"] or {}).get("status", RUN_STATUSES[run.status]) == RUN_STATUSES[run.status]
    )


def _details(state: State, run: NodeRun) -> dict[str, Any]:
    finished = run.finished_time
    details = {
        "Id": run.run_id,
        "Name": run.name,
        "ProjectId": run.project_id,
        "EnvType": run.environment.capitalize(),
        "Type": RUN_TYPES[run.run_type],
        "WorkflowId": WORKFLOW_ID,
        "UnifiedWorkflowInstanceId": run.run_id,
        "BizDate": milliseconds(date.fromisoformat(run.bizdate), state.settings.zone),
        "Status": RUN_STATUSES[run.status],
        "CreateTime": to_milliseconds(run.created_time),
        "ModifyTime": to_milliseconds(finished or run.started_time or run.created_time),
        "StartedTime": to_milliseconds(run.started_time),
        "FinishedTime": to_milliseconds(finished),
        "CreateUser": run.user,
        "ModifyUser": run.user,
        "Owner": run.user,
    }
    return {name: value for name, value in details.items() if value is not None}


def _check_keys(name: str, value: Any, *known: str) -> None:
    if not isinstance(value, dict) or not set(value) <= set(known):
        raise ValueError(f"{name} must be an object with {', '.join(known)}")


def _check_periods(value: dict[str, Any]) -> None:
    _check_keys("it", value, "BizDates", "StartTime", "EndTime", *assumptions.FURTHER_KEYS_OF_PERIODS)
    ranges = value.get("BizDates")
    if not isinstance(ranges, list) or not 1 <= len(ranges) <= MAX_RANGES:
        raise ValueError(f"BizDates must have 1 to {MAX_RANGES} ranges")
    for each in ranges:
        _check_keys("BizDates", each, "StartBizDate", "EndBizDate")
        if parse_day(str(each.get("StartBizDate"))) > parse_day(str(each.get("EndBizDate"))):
            raise ValueError("EndBizDate must not be before StartBizDate")
    if ("StartTime" in value) != ("EndTime" in value):
        raise ValueError("StartTime and EndTime must be given together")
    if "StartTime" in value and parse_clock(str(value["StartTime"])) > parse_clock(str(value["EndTime"])):
        raise ValueError("StartTime must not be after EndTime")


def _check_properties(value: dict[str, Any]) -> None:
    _check_keys(
        "it", value, "Alert", "Analysis", "DataSourceNameMappings", "ExcludeProjectIds", "ExcludeTaskIds",
        "IncludeProjectIds", "IncludeTaskIds", "Mode", "Order", "Parallelism", "Priority", "PriorityWeightStrategy",
        "RootTaskIds", "RunPolicy", "RuntimeResource",
    )  # fmt: skip
    for name in ("RootTaskIds", "IncludeTaskIds", "ExcludeTaskIds"):
        ids = value.get(name, [])
        if not isinstance(ids, list) or not all(type(each) is int for each in ids):
            raise ValueError(f"{name} must be an array of whole numbers")
    if value.get("Mode", MODES[0]) not in MODES:
        raise ValueError(f"Mode must be one of {', '.join(MODES)}")
    if value.get("Order", "Asc") not in ("Asc", "Desc"):
        raise ValueError("Order must be Asc or Desc")
    parallelism = value.get("Parallelism", 1)
    if type(parallelism) is not int or not 1 <= parallelism <= 10:
        raise ValueError("Parallelism must be a whole number from 1 to 10")
    if "Analysis" in value:
        _check_keys("Analysis", value["Analysis"], "Blocked", "Enabled")
        if not all(type(value["Analysis"].get(name)) is bool for name in ("Blocked", "Enabled")):
            raise ValueError("Analysis needs Blocked and Enabled, true or false")
    policy = value.get("RunPolicy")
    if policy is not None:
        _check_keys("RunPolicy", policy, "EndTime", "Immediately", "StartTime", "Type")
        if policy.get("Type") not in ("Daily", "Weekend"):
            raise ValueError("RunPolicy.Type must be Daily or Weekend")
        parse_clock(str(policy.get("StartTime")))
        parse_clock(str(policy.get("EndTime")))
        if type(policy.get("Immediately", False)) is not bool:
            raise ValueError("RunPolicy.Immediately must be true or false")


_SORT_KEYS: dict[str, Callable[[NodeRun], Any]] = {
    "Id": lambda run: run.run_id,
    "CreateTime": lambda run: run.created_time,
    "StartedTime": lambda run: run.started_time,
    "FinishedTime": lambda run: run.finished_time,
    "TriggerTime": lambda run: min((each.cycle_time or 0.0 for each in run.instances), default=0.0),
}
_PROJECT_ID = Parameter("ProjectId", "form", integer(1, MAX_PROJECT_ID), required=True)
_IDS = (Parameter("Ids", "form", json_ids, required=True), Parameter("Comment", "form", str))

ACTIONS = (
    Action(
        "CreateWorkflowInstances",
        (
            _PROJECT_ID,
            Parameter("EnvType", "form", choice("Prod", "Dev"), default="Prod"),
            Parameter("WorkflowId", "form", integer(), required=True),
            Parameter("Type", "form", choice(*TYPES), required=True),
            Parameter("Name", "form", check_name, required=True),
            Parameter("Periods", "form", json_value(dict, _check_periods)),
            Parameter("DefaultRunProperties", "form", json_value(dict, _check_properties)),
            Parameter("TaskParameters", "form", node_parameters),
            Parameter("WorkflowParameters", "form", str),
            Parameter("AutoStartEnabled", "form", boolean, default=True),
            Parameter("Comment", "form", str),
            Parameter("TagCreationPolicy", "form", choice("Append", "Overwrite")),
            Parameter("Tags", "form", json_value(list)),
        ),
        create_workflow_instances,
        version=VERSION,
    ),
    Action(
        "GetCreateWorkflowInstancesResult",
        (Parameter("OperationId", "query", str, required=True),),
        get_create_workflow_instances_result,
        version=VERSION,
        method="GET",
    ),
    Action(
        "GetWorkflowInstance",
        (Parameter("Id", "query", integer(), required=True),),
        get_workflow_instance,
        version=VERSION,
        method="GET",
    ),
    Action(
        "ListWorkflowInstances",
        (
            _PROJECT_ID,
            Parameter("BizDate", "form", integer(), required=True),
            Parameter("EnvType", "form", choice("Prod", "Dev"), default="Prod"),
            Parameter("Type", "form", choice("Normal", *TYPES)),
            Parameter("WorkflowId", "form", integer()),
            Parameter("Ids", "form", json_ids),
            Parameter("Name", "form", str),
            Parameter("Owner", "form", str),
            Parameter("Tags", "form", json_value(list)),
            Parameter("Filter", "form", json_value(dict)),
            Parameter("UnifiedWorkflowInstanceId", "form", integer()),
            Parameter("SortBy", "form", str),
            Parameter("PageNumber", "form", integer(1, MAX_INT), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_workflow_instances,
        version=VERSION,
    ),
    Action("StartWorkflowInstances", _IDS, start_workflow_instances, version=VERSION),
    Action("StopWorkflowInstances", _IDS, stop_workflow_instances, version=VERSION),
)
