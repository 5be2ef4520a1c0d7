"""Task instances, 2024-05-18: lists, logs, what can be done to them, and TriggerSchedulerTaskInstance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import (
    MAX_INT,
    find_instance,
    find_node,
    json_ids,
    listed_instances,
    log_of,
    sorted_by,
    trigger_instance,
)
from airflow_provider_dataworks.emulator.backend.business_dates import day_of, milliseconds
from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.resources.node_instances import (
    RUN_TYPES,
    STATUSES,
    TASK_TYPES,
    NodeInstance,
    to_milliseconds,
)
from airflow_provider_dataworks.emulator.backend.resources.node_runs import has_name
from airflow_provider_dataworks.emulator.backend.resources.nodes import RERUN_MODES
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, boolean, choice, integer, json_value

VERSION = "2024-05-18"
#: The statuses that ListTaskInstances filters by.
FILTERED = ("NotRun", "Running", "Failure", "Success", "WaitTime", "WaitResource")
ENVIRONMENTS = ("Prod", "Dev")


def list_task_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the task instances of a business date."""
    state.check_project(arguments["ProjectId"])
    day, now = day_of(arguments["Bizdate"], state.settings.zone), monotonic()
    environment = arguments["ProjectEnv"].upper()
    known = [] if day is None else listed_instances(state, arguments["ProjectId"], environment, [day])
    instances = [instance for instance in known if _matches(instance, arguments)]
    try:
        instances = sorted_by(instances, arguments["SortBy"], _SORT_KEYS)
    except ValueError as error:
        raise ApiRefusal(400, "InvalidParameter", f"SortBy is not valid: {error}.") from None
    shown = []
    for instance in instances:
        details = _details(state, instance)
        shown.append({**details, "ScriptParameters": instance.parameters})
        if arguments["Id"] is not None:
            shown += [
                {
                    **details,
                    "RunNumber": attempt.number,
                    "Status": STATUSES[(attempt.outcome if attempt.halted is None else None) or "FAILURE"],
                    "StartedTime": to_milliseconds(attempt.wall),
                    "FinishedTime": to_milliseconds(attempt.wall_at(attempt.ends)),
                }
                for attempt in reversed(instance.history(now))
                if attempt.number < instance.run_number
            ]
    return ActionResult({"PagingInfo": page(shown, arguments, "TaskInstances")})


def get_task_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one task instance."""
    instance = _instance(state, arguments)
    script = {"Content": instance.node.content, "Parameters": instance.parameters}
    return ActionResult({"TaskInstance": {**_details(state, instance), "Script": script}})


def get_task_instance_log(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the log of an attempt of a task instance."""
    return ActionResult({"TaskInstanceLog": log_of(state, _instance(state, arguments), arguments["RunNumber"])})


def stop_task_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop task instances; they fail a little later."""
    return _operate(state, arguments["Ids"], lambda each: each.stop(state.settings, monotonic()))


def rerun_task_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Run task instances that have ended once more."""
    return _operate(state, arguments["Ids"], lambda each: each.rerun(state.settings, monotonic()))


def set_success_task_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Set task instances that have failed to successful."""
    return _operate(state, arguments["Ids"], lambda each: each.set_success(monotonic()))


def suspend_task_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Keep task instances from running."""
    return _operate(state, arguments["Ids"], lambda each: each.suspend(monotonic()))


def resume_task_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Let suspended task instances run."""
    return _operate(state, arguments["Ids"], lambda each: each.resume(state.settings, monotonic()))


def trigger_scheduler_task_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Fire the instance of a trigger node that is due at a time."""
    node = find_node(state, arguments["TaskId"], arguments["EnvType"].upper())
    if node is None:
        raise assumptions.unknown("TaskId", arguments["TaskId"])
    trigger_instance(state, node, arguments["TriggerTime"], None)
    return ActionResult({"Success": True}, changed=True)


def _operate(state: State, ids: list[int], operation: Callable[[NodeInstance], bool]) -> ActionResult:
    results: dict[str, Any] = {}
    for instance_id in ids:
        instance = find_instance(state, instance_id)
        if instance is None:
            message = f"The task instance {instance_id} does not exist."
        else:
            message = f"The status of the task instance is {STATUSES[instance.status or 'NOT_RUN']}."
        done = instance is not None and operation(instance)
        results[str(instance_id)] = {"Success": True} if done else {"Success": False, "Message": message}
    changed = any(result["Success"] for result in results.values())
    return ActionResult({"SuccessInfo": results}, changed)


def _instance(state: State, arguments: Mapping[str, Any]) -> NodeInstance:
    instance = find_instance(state, arguments["Id"])
    if instance is None:
        raise assumptions.unknown("TaskInstanceId", arguments["Id"])
    return instance


def _matches(instance: NodeInstance, arguments: Mapping[str, Any]) -> bool:
    return (
        arguments["WorkflowInstanceId"] in (None, instance.run_id)
        and arguments["UnifiedWorkflowInstanceId"] in (None, instance.run_id)
        and arguments["WorkflowInstanceType"] in (None, RUN_TYPES[instance.run_type])
        and arguments["WorkflowId"] in (None, 1)
        and arguments["TaskId"] in (None, instance.node_id)
        and (arguments["TaskIds"] is None or instance.node_id in arguments["TaskIds"])
        and arguments["Id"] in (None, instance.instance_id)
        and (arguments["Ids"] is None or instance.instance_id in arguments["Ids"])
        and has_name(instance.node.name, arguments["TaskName"])
        and arguments["TaskType"] in (None, "", assumptions.NODE_TASK_TYPE)
        and arguments["Status"] in (None, STATUSES[instance.status or "NOT_RUN"])
        and arguments["TriggerRecurrence"] in (None, TASK_TYPES[instance.task_type][1])
        and arguments["TriggerType"] in (None, _trigger_type(instance))
        and arguments["Owner"] in (None, "", assumptions.NODE_OWNER)
        and arguments["RuntimeResource"] in (None, "", instance.node.resource_group)
        and _in_times(instance, arguments["Filter"] or {})
    )


def _in_times(instance: NodeInstance, wanted: Mapping[str, Any]) -> bool:
    times = {
        "startedTime": instance.started_time,
        "finishedTime": instance.finished_time,
        "createTime": instance.created_time,
    }
    for name, moment in times.items():
        first, last = wanted.get(f"{name}Start"), wanted.get(f"{name}End")
        shown = to_milliseconds(moment)
        if first is not None and (shown is None or shown < int(first)):
            return False
        if last is not None and (shown is None or shown > int(last)):
            return False
    return True


def _trigger_type(instance: NodeInstance) -> str:
    return "Manual" if instance.run_type == "MANUAL" else "Scheduler"


def _details(state: State, instance: NodeInstance) -> dict[str, Any]:
    node = instance.node
    details = {
        "Id": instance.instance_id,
        "TaskId": instance.node_id,
        "TaskName": node.name,
        "TaskType": assumptions.NODE_TASK_TYPE,
        "ProjectId": instance.project_id,
        "ProjectEnv": instance.environment.capitalize(),
        "Status": STATUSES[instance.status or "NOT_RUN"],
        "RunNumber": instance.run_number,
        "PeriodNumber": instance.period_number,
        "Bizdate": milliseconds(instance.day, state.settings.zone),
        "TriggerTime": to_milliseconds(instance.cycle_time),
        "TriggerType": _trigger_type(instance),
        "TriggerRecurrence": TASK_TYPES[instance.task_type][1],
        "RerunMode": next(word for word, mode in RERUN_MODES.items() if mode == node.rerun_mode),
        "CreateTime": to_milliseconds(instance.created_time),
        "ModifyTime": to_milliseconds(instance.modified_time),
        "WaitingTriggerTime": to_milliseconds(instance.waiting_since),
        "WaitingResourceTime": to_milliseconds(instance.resource_since),
        "StartedTime": to_milliseconds(instance.started_time),
        "FinishedTime": to_milliseconds(instance.finished_time),
        "WorkflowId": 1,
        "WorkflowInstanceId": instance.run_id,
        "UnifiedWorkflowInstanceId": instance.run_id,
        "WorkflowInstanceType": RUN_TYPES[instance.run_type],
        "Priority": 1,
        "Timeout": 0,
        "Owner": assumptions.NODE_OWNER,
        "CreateUser": assumptions.NODE_OWNER,
        "ModifyUser": assumptions.NODE_OWNER,
        "OperationType": instance.operation or None,
        "RuntimeResource": {"ResourceGroupId": node.resource_group},
    }
    return {name: value for name, value in details.items() if value is not None}


_SORT_KEYS: dict[str, Callable[[NodeInstance], Any]] = {
    "Id": lambda each: each.instance_id,
    "TriggerTime": lambda each: each.cycle_time,
    "StartedTime": lambda each: each.started_time,
    "FinishedTime": lambda each: each.finished_time,
    "CreateTime": lambda each: each.created_time,
}
_ID = Parameter("Id", "query", integer(), required=True)
_IDS = (Parameter("Ids", "form", json_ids, required=True), Parameter("Comment", "form", str))

ACTIONS = (
    Action(
        "ListTaskInstances",
        (
            Parameter("ProjectId", "form", integer(1, MAX_PROJECT_ID), required=True),
            Parameter("Bizdate", "form", integer(), required=True),
            Parameter("ProjectEnv", "form", choice(*ENVIRONMENTS), default="Prod"),
            Parameter("WorkflowInstanceId", "form", integer()),
            Parameter("UnifiedWorkflowInstanceId", "form", integer()),
            Parameter("WorkflowInstanceType", "form", str),
            Parameter("WorkflowId", "form", integer()),
            Parameter("TaskId", "form", integer()),
            Parameter("TaskIds", "form", json_ids),
            Parameter("Id", "form", integer()),
            Parameter("Ids", "form", json_ids),
            Parameter("TaskName", "form", str),
            Parameter("TaskType", "form", str),
            Parameter("Status", "form", choice(*FILTERED)),
            Parameter("TriggerType", "form", choice("Scheduler", "Manual")),
            Parameter("TriggerRecurrence", "form", choice("Pause", "Skip", "Normal")),
            Parameter("Owner", "form", str),
            Parameter("RuntimeResource", "form", str),
            Parameter("Filter", "form", json_value(dict)),
            Parameter("SortBy", "form", str),
            Parameter("PageNumber", "form", integer(1, MAX_INT), default=1),
            Parameter("PageSize", "form", integer(1, 500), default=10),
        ),
        list_task_instances,
        version=VERSION,
    ),
    Action("GetTaskInstance", (_ID,), get_task_instance, version=VERSION, method="GET"),
    Action(
        "GetTaskInstanceLog",
        (_ID, Parameter("RunNumber", "query", integer())),
        get_task_instance_log,
        version=VERSION,
        method="GET",
    ),
    Action("StopTaskInstances", _IDS, stop_task_instances, version=VERSION),
    Action(
        "RerunTaskInstances",
        (*_IDS, Parameter("UseLatestConfig", "form", boolean)),
        rerun_task_instances,
        version=VERSION,
    ),
    Action("SetSuccessTaskInstances", _IDS, set_success_task_instances, version=VERSION),
    Action("SuspendTaskInstances", _IDS, suspend_task_instances, version=VERSION),
    Action("ResumeTaskInstances", _IDS, resume_task_instances, version=VERSION),
    Action(
        "TriggerSchedulerTaskInstance",
        (
            Parameter("EnvType", "query", choice(*ENVIRONMENTS), default="Prod"),
            Parameter("TaskId", "form", integer(), required=True),
            Parameter("TriggerTime", "form", integer(10**12, 10**13 - 1), required=True),
        ),
        trigger_scheduler_task_instance,
        version=VERSION,
    ),
)
