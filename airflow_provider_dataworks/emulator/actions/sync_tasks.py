"""Sync tasks (files and their instances) and workspaces, 2020-05-18."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.resources.files import (
    FILES,
    OFFLINE,
    REALTIME,
    SOLUTION,
    TASK_TYPES,
    File,
)
from airflow_provider_dataworks.emulator.backend.resources.sync_task_configs import SYNC_TASK_CONFIGS
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer, json_string, json_value

log = logging.getLogger(__name__)


def create_di_sync_task(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Create a file, once per client token."""
    project_id, token = arguments["ProjectId"], arguments["ClientToken"] or ""
    state.check_project(project_id)
    parameters = {name: value for name, value in arguments.items() if name != "ClientToken"}
    if token:
        known = state.recall("CreateDISyncTask", project_id, token, parameters)
        if known is not None:
            return _success(state, "CreateDISyncTask", FileId=known)
    param = json.loads(arguments["TaskParam"] or "{}")
    problem = _storage_problem(state, param) or _content_problem(state, arguments)
    if problem:
        return _failure(problem)
    if any(file.project_id == project_id and file.task_name == arguments["TaskName"] for file in state[FILES].all()):
        raise ApiRefusal(400, "Invalid.DI.Parameter.File.Existed", "The file name already exists.")
    file = File(state[FILES].new_id(), project_id, arguments["TaskType"], arguments["TaskName"])
    file.task_content, file.task_param = arguments["TaskContent"], arguments["TaskParam"] or ""
    file.client_token, file.creations = token, 1
    state[FILES].add(file)
    if token:
        state.remember("CreateDISyncTask", project_id, token, parameters, file.file_id)
    return _success(state, "CreateDISyncTask", changed=True, FileId=file.file_id)


def _storage_problem(state: State, param: Mapping[str, Any]) -> str | None:
    if state.settings.any_folder:
        return None
    folder = param.get("FileFolderPath") or assumptions.DEFAULT_FOLDER
    if folder not in (*state.settings.folders, assumptions.DEFAULT_FOLDER):
        return f"Invalid path: {folder}"
    group = param.get("ResourceGroup")
    if group and group not in state.settings.resource_groups:
        return f"ResourceGroup:[{group}] is invalid."
    return None


def _content_problem(state: State, arguments: Mapping[str, Any]) -> str | None:
    task_type = arguments["TaskType"]
    if task_type == OFFLINE or not state.settings.require_generated_content:
        return None
    content = json.loads(arguments["TaskContent"])
    generated = (
        json.loads(config.task_content)
        for config in state[SYNC_TASK_CONFIGS].all()
        if config.task_content and (config.project_id, config.task_type) == (arguments["ProjectId"], task_type)
    )
    return None if content in generated else assumptions.content_not_generated(task_type)


def start_di_sync_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Start a real-time file or a solution."""
    if arguments["TaskType"] == REALTIME and arguments["StartParam"]:
        try:
            json_value(dict)(arguments["StartParam"])
        except ValueError as error:
            raise ApiRefusal(400, _INVALID, f"The specified parameter StartParam is not valid: {error}.") from None
    file = _file(state, arguments)
    if file is None:
        return _invalid_file(arguments)
    if file.task_type == REALTIME and not file.deployed:
        if state.settings.require_deploy:
            return _failure(assumptions.start_of_undeployed_file(file.file_id))
        log.warning("File %s is started although it is not deployed; DataWorks may refuse that", file.file_id)
    if file.busy:
        if state.settings.start_running == "refuse" or file.status == "KILLING":
            return _failure(assumptions.start_of_running_file(file.file_id))
        return _success(state, "StartDISyncInstance")
    file.start_params.append(arguments["StartParam"])
    file.start(state.settings, monotonic(), unix_time())
    return _success(state, "StartDISyncInstance", changed=True)


def stop_di_sync_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop a real-time file."""
    file = _file(state, arguments)
    if file is None:
        return _invalid_file(arguments)
    changed = file.stop(state.settings, monotonic())
    return _success(state, "StopDISyncInstance", changed=changed)


def terminate_di_sync_instance(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Undeploy a real-time file."""
    file = _file(state, arguments)
    if file is None:
        return _invalid_file(arguments)
    return _success(state, "TerminateDISyncInstance", changed=file.terminate())


def deploy_di_sync_task(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Submit and deploy a real-time file or a solution."""
    file = _file(state, arguments)
    if file is None:
        return _invalid_file(arguments)
    changed = not file.deployed
    file.deployed = True
    file.submitted_time = int(unix_time())
    return _success(state, "DeployDISyncTask", changed=changed)


def get_di_sync_instance_info(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the state of a real-time file or a solution."""
    file = _file(state, arguments)
    if file is None:
        return _invalid_file(arguments)
    return ActionResult({"Success": True, "Data": file.instance_info()})


def get_di_sync_task(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return a real-time file or a solution."""
    file = _file(state, arguments)
    if file is None:
        return _invalid_file(arguments)
    return ActionResult({"Success": True, "Data": file.details()})


def _file(state: State, arguments: Mapping[str, Any]) -> File | None:
    state.check_project(arguments["ProjectId"])
    file = state[FILES].find(arguments["FileId"])
    fits = file is not None and (file.project_id, file.task_type) == (arguments["ProjectId"], arguments["TaskType"])
    return file if fits else None


def _success(state: State, action: str, *, changed: bool = False, **data: Any) -> ActionResult:
    message_beside_success = (
        assumptions.MESSAGE_BESIDE_SUCCESS.get(action) if state.settings.message_beside_success else None
    )
    message: dict[str, Any] = (
        {"Message": message_beside_success} if message_beside_success or action != "CreateDISyncTask" else {}
    )
    return ActionResult({"Success": True, "Data": {"Status": "success", **message, **data}}, changed)


def _failure(message: str) -> ActionResult:
    return ActionResult({"Success": True, "Data": {"Status": "fail", "Message": message}})


def _invalid_file(arguments: Mapping[str, Any]) -> ActionResult:
    return _failure(f"fileId:[{arguments['FileId']}] is invalid.")


def _check_task_param(value: dict[str, Any]) -> None:
    unknown = set(value) - {"FileFolderPath", "ResourceGroup", "Cu"}
    if unknown:
        raise ValueError(f"it has no key {', '.join(sorted(unknown))}")
    for name in ("FileFolderPath", "ResourceGroup"):
        if not isinstance(value.get(name, ""), str):
            raise ValueError(f"{name} must be a string")
    units = value.get("Cu", 0.5)
    if type(units) not in (int, float, str) or not re.fullmatch(r"[0-9]{1,6}(\.[05])?", str(units)) or not float(units):
        raise ValueError("Cu must be a multiple of 0.5")


_PROJECT_ID = Parameter("ProjectId", "query", integer(1, MAX_PROJECT_ID), required=True)
_FILE_ID = Parameter("FileId", "query", integer(), required=True)
_ANY_INSTANCE = (
    _PROJECT_ID,
    Parameter("TaskType", "query", choice(REALTIME, SOLUTION), required=True),
    _FILE_ID,
)
_REALTIME_INSTANCE = (_PROJECT_ID, Parameter("TaskType", "query", choice(REALTIME), required=True), _FILE_ID)
_INVALID = "Param.Invalid"

ACTIONS = (
    Action(
        "CreateDISyncTask",
        (
            _PROJECT_ID,
            Parameter("TaskType", "query", choice(*TASK_TYPES), required=True),
            Parameter("TaskContent", "form", json_string(dict), required=True),
            Parameter("TaskParam", "query", json_string(dict, _check_task_param)),
            Parameter("TaskName", "query", str, required=assumptions.TASK_NAME_REQUIRED),
            Parameter("ClientToken", "query", str),
        ),
        create_di_sync_task,
        "Invalid.DI.Parameter",
    ),
    Action(
        "StartDISyncInstance",
        (*_ANY_INSTANCE, Parameter("StartParam", "query", str)),
        start_di_sync_instance,
        _INVALID,
    ),
    Action("StopDISyncInstance", _REALTIME_INSTANCE, stop_di_sync_instance, _INVALID),
    Action("TerminateDISyncInstance", _REALTIME_INSTANCE, terminate_di_sync_instance, _INVALID),
    Action("DeployDISyncTask", _ANY_INSTANCE, deploy_di_sync_task, _INVALID),
    Action("GetDISyncInstanceInfo", _ANY_INSTANCE, get_di_sync_instance_info, _INVALID),
    Action("GetDISyncTask", _ANY_INSTANCE, get_di_sync_task, _INVALID),
)
