"""Instances of nodes, 2020-05-18: lists, logs, what can be done to them, and RunTriggerNode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.node_operations import (
    find_instance,
    find_node,
    listed_instances,
    log_of,
    trigger_instance,
)
from airflow_provider_dataworks.emulator.actions.nodes import ENVIRONMENT, answer
from airflow_provider_dataworks.emulator.backend.business_dates import (
    day_of,
    milliseconds,
    parse_clock,
    parse_day,
)
from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.resources.node_instances import (
    STATUSES,
    TASK_TYPES,
    NodeInstance,
    to_milliseconds,
)
from airflow_provider_dataworks.emulator.backend.resources.node_runs import has_name
from airflow_provider_dataworks.emulator.backend.resources.nodes import PROGRAM_TYPE
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer


def list_instances(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the instances of a workspace."""
    state.check_project(arguments["ProjectId"])
    known = listed_instances(
        state,
        arguments["ProjectId"],
        arguments["ProjectEnv"],
        _days(arguments),
        scheduled=arguments["DagId"] is None,
    )
    instances = [instance for instance in known if _matches(instance, arguments)]
    by_creation = arguments["OrderBy"] == "CREATE_TIME_DESC"
    instances.sort(key=lambda each: (each.created_time if by_creation else 0, each.instance_id), reverse=True)
    shown = [{**_details(state, instance), "ErrorMessage": ""} for instance in instances]
    return answer(page(shown, arguments, "Instances"))


def get_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one instance."""
    instance = _instance(state, arguments)
    details = {"PeriodNumber": instance.period_number, "Owner": assumptions.NODE_OWNER}
    return answer({**_details(state, instance), **details})


def get_instance_log(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the log of an instance, of its last attempt or of one in its history."""
    instance = _instance(state, arguments)
    number = arguments["InstanceHistoryId"]
    if number is not None:
        number -= instance.instance_id * 100
        if number not in [attempt.number for attempt in instance.history(monotonic())]:
            raise assumptions.unknown("InstanceHistoryId", arguments["InstanceHistoryId"])
    return answer(log_of(state, instance, number))


def list_instance_history(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the attempts of an instance before the last one."""
    instance, now = _instance(state, arguments), monotonic()
    details = _details(state, instance)
    same = ("InstanceId", "NodeId", "NodeName", "DagId", "DagType", "Bizdate", "CycTime", "CreateTime", "TaskType")
    past = [
        {
            **{name: details[name] for name in same},
            "InstanceHistoryId": instance.instance_id * 100 + attempt.number,
            "Status": attempt.outcome if attempt.halted is None else "FAILURE",
            "BeginRunningTime": to_milliseconds(attempt.wall),
            "FinishTime": to_milliseconds(attempt.wall_at(attempt.ends)),
            "ModifyTime": to_milliseconds(attempt.wall_at(attempt.ends)),
        }
        for attempt in instance.history(now)
        if attempt.number < instance.run_number
    ]
    return ActionResult({"Success": True, "Instances": past})


def stop_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop an instance; it fails a little later."""
    return _operate(state, arguments, "StopInstance", lambda each: each.stop(state.settings, monotonic()))


def restart_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Run an instance that has ended once more."""
    return _operate(state, arguments, "RestartInstance", lambda each: each.rerun(state.settings, monotonic()))


def set_success_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Set an instance that has failed to successful."""
    return _operate(state, arguments, "SetSuccessInstance", lambda each: each.set_success(monotonic()))


def suspend_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Keep an instance from running."""
    return _operate(state, arguments, "SuspendInstance", lambda each: each.suspend(monotonic()))


def resume_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Let a suspended instance run."""
    return _operate(state, arguments, "ResumeInstance", lambda each: each.resume(state.settings, monotonic()))


def run_trigger_node(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Fire the instance of a trigger node."""
    state.check_project(arguments["AppId"])
    node = find_node(state, arguments["NodeId"], "PROD")
    if node is None or node.project_id != arguments["AppId"]:
        raise assumptions.unknown("NodeId", arguments["NodeId"])
    day = day_of(arguments["BizDate"], state.settings.zone)
    if day is None:
        raise ApiRefusal(400, "InvalidParameter", "BizDate must be midnight of a business date in milliseconds.")
    trigger_instance(state, node, arguments["CycleTime"], day)
    return ActionResult({"Success": True}, changed=True)


def _operate(
    state: State, arguments: Mapping[str, Any], action: str, operation: Callable[[NodeInstance], bool]
) -> ActionResult:
    instance = _instance(state, arguments)
    status = instance.status or ""
    if not operation(instance):
        raise assumptions.wrong_instance_status(instance.instance_id, status, action)
    return answer(True, changed=True)


def _instance(state: State, arguments: Mapping[str, Any]) -> NodeInstance:
    instance = find_instance(state, arguments["InstanceId"], arguments["ProjectEnv"])
    if instance is None:
        raise assumptions.unknown("InstanceId", arguments["InstanceId"])
    return instance


def _days(arguments: Mapping[str, Any]) -> list[date] | None:
    if arguments["Bizdate"] is not None:
        return [arguments["Bizdate"]]
    first, last = arguments["BeginBizdate"], arguments["EndBizdate"]
    if first is None or last is None:
        return None
    length = min((last - first).days + 1, 10 * assumptions.RETENTION_DAYS)
    return [first + timedelta(days=number) for number in range(length)]


def _matches(instance: NodeInstance, arguments: Mapping[str, Any]) -> bool:
    first, last = arguments["BeginBizdate"], arguments["EndBizdate"]
    return (
        arguments["NodeId"] in (None, instance.node_id)
        and arguments["DagId"] in (None, instance.run_id)
        and arguments["Status"] in (None, instance.status)
        and has_name(instance.node.name, arguments["NodeName"])
        and arguments["ProgramType"] in (None, "", PROGRAM_TYPE)
        and arguments["Owner"] in (None, "", assumptions.NODE_OWNER)
        and arguments["BizName"] in (None, "", assumptions.BUSINESS_NAME)
        and (first is None or instance.day >= first)
        and (last is None or instance.day <= last)
    )


def _details(state: State, instance: NodeInstance) -> dict[str, Any]:
    number = TASK_TYPES[instance.task_type][0]
    details = {
        "InstanceId": instance.instance_id,
        "NodeId": instance.node_id,
        "NodeName": instance.node.name,
        "DagId": instance.run_id,
        "DagType": instance.run_type,
        "Status": instance.status,
        "TaskType": f"{instance.task_type}({number})" if state.settings.numbered_task_types else instance.task_type,
        "TaskRerunTime": instance.rerun_left,
        "Bizdate": milliseconds(instance.day, state.settings.zone),
        "CycTime": to_milliseconds(instance.cycle_time),
        "CreateTime": to_milliseconds(instance.created_time),
        "ModifyTime": to_milliseconds(instance.modified_time),
        "BeginWaitTimeTime": to_milliseconds(instance.waiting_since),
        "BeginWaitResTime": to_milliseconds(instance.resource_since),
        "BeginRunningTime": to_milliseconds(instance.started_time),
        "FinishTime": to_milliseconds(instance.finished_time),
        "ParamValues": instance.parameters,
        "CreateUser": assumptions.NODE_OWNER,
        "Connection": "",
        "Priority": 1,
        "Repeatability": instance.node.rerun_mode != "ALL_DENIED",
        "RepeatInterval": int(instance.node.rerun_seconds * 1000),
    }
    return {name: value for name, value in details.items() if value is not None}


def _day_and_time(value: str) -> date:
    day, blank, clock = value.partition(" ")
    if not blank:
        raise ValueError("it must be a date like 2026-11-24 00:00:00")
    parse_clock(clock)
    return parse_day(day)


_INSTANCE = (Parameter("InstanceId", "form", integer(), required=True), ENVIRONMENT)

ACTIONS = (
    Action(
        "ListInstances",
        (
            Parameter("ProjectId", "form", integer(1, MAX_PROJECT_ID), required=True),
            ENVIRONMENT,
            Parameter("NodeId", "form", integer()),
            Parameter("NodeName", "form", str),
            Parameter("DagId", "form", integer()),
            Parameter("Bizdate", "form", _day_and_time),
            Parameter("BeginBizdate", "form", _day_and_time),
            Parameter("EndBizdate", "form", _day_and_time),
            Parameter("BizName", "form", str),
            Parameter("Owner", "form", str),
            Parameter("ProgramType", "form", str),
            Parameter("Status", "form", choice(*STATUSES)),
            Parameter("OrderBy", "form", choice("CREATE_TIME_DESC", "INSTANCE_ID_DESC"), default="INSTANCE_ID_DESC"),
            Parameter("PageNumber", "form", integer(1, 100), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_instances,
    ),
    Action("GetInstance", _INSTANCE, get_instance),
    Action("GetInstanceLog", (*_INSTANCE, Parameter("InstanceHistoryId", "form", integer())), get_instance_log),
    Action("ListInstanceHistory", _INSTANCE, list_instance_history),
    Action("StopInstance", _INSTANCE, stop_instance),
    Action("RestartInstance", _INSTANCE, restart_instance),
    Action("SetSuccessInstance", _INSTANCE, set_success_instance),
    Action("SuspendInstance", _INSTANCE, suspend_instance),
    Action("ResumeInstance", _INSTANCE, resume_instance),
    Action(
        "RunTriggerNode",
        (
            Parameter("AppId", "form", integer(1, MAX_PROJECT_ID), required=True),
            Parameter("NodeId", "form", integer(), required=True),
            Parameter("CycleTime", "form", integer(10**12, 10**13 - 1), required=True),
            Parameter("BizDate", "form", integer(10**12, 10**13 - 1), required=True),
        ),
        run_trigger_node,
        enterprise=True,
    ),
)
