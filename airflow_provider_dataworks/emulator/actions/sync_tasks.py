"""Sync tasks (files and their instances) and workspaces, 2020-05-18."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resources.files import (
    FILES,
    REALTIME,
    SOLUTION,
    TASK_TYPES,
    File,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer, json_text, json_value

log = logging.getLogger(__name__)


def create_di_sync_task(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Make a file, once for a client token."""
    project_id, token = given["ProjectId"], given["ClientToken"] or ""
    state.check_project(project_id)
    parameters = {name: value for name, value in given.items() if name != "ClientToken"}
    if token:
        known = state.recall("CreateDISyncTask", project_id, token, parameters)
        if known is not None:
            return _answer(state, "CreateDISyncTask", FileId=known)
    param = json.loads(given["TaskParam"] or "{}")
    problem = _storage_problem(state, param)
    if problem:
        return _failed(problem)
    if any(file.project_id == project_id and file.task_name == given["TaskName"] for file in state[FILES].all()):
        raise ApiRefusal(400, "Invalid.DI.Parameter.File.Existed", "The file name already exists.")
    file = File(state[FILES].new_id(), project_id, given["TaskType"], given["TaskName"])
    file.task_content, file.task_param = given["TaskContent"], given["TaskParam"] or ""
    file.client_token, file.creations = token, 1
    state[FILES].add(file)
    if token:
        state.remember("CreateDISyncTask", project_id, token, parameters, file.file_id)
    return _answer(state, "CreateDISyncTask", changed=True, FileId=file.file_id)


def _storage_problem(state: State, param: Mapping[str, Any]) -> str | None:
    folder = param.get("FileFolderPath") or assumptions.DEFAULT_FOLDER
    if folder not in (*state.settings.folders, assumptions.DEFAULT_FOLDER):
        return f"Invalid path: {folder}"
    group = param.get("ResourceGroup")
    if group and group not in state.settings.resource_groups:
        return f"ResourceGroup:[{group}] is invalid."
    return None


def start_di_sync_instance(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Start a real-time file or a solution."""
    if given["TaskType"] == REALTIME and given["StartParam"]:
        try:
            json_value(dict)(given["StartParam"])
        except ValueError as error:
            raise ApiRefusal(400, _INVALID, f"The specified parameter StartParam is not valid: {error}.") from None
    file = _file(state, given)
    if file is None:
        return _invalid_file(given)
    if file.task_type == REALTIME and not file.deployed:
        if state.settings.require_deploy:
            return _failed(assumptions.start_of_undeployed_file(file.file_id))
        log.warning("File %s is started although it is not deployed; DataWorks may refuse that", file.file_id)
    if file.busy:
        if state.settings.start_running == "refuse" or file.status == "KILLING":
            return _failed(assumptions.start_of_running_file(file.file_id))
        return _answer(state, "StartDISyncInstance")
    file.start_params.append(given["StartParam"])
    file.start(state.settings, time.monotonic(), time.time())
    return _answer(state, "StartDISyncInstance", changed=True)


def stop_di_sync_instance(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop a real-time file."""
    file = _file(state, given)
    if file is None:
        return _invalid_file(given)
    changed = file.stop(state.settings, time.monotonic())
    return _answer(state, "StopDISyncInstance", changed=changed)


def terminate_di_sync_instance(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Undeploy a real-time file."""
    file = _file(state, given)
    if file is None:
        return _invalid_file(given)
    return _answer(state, "TerminateDISyncInstance", changed=file.terminate())


def deploy_di_sync_task(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Submit and deploy a real-time file or a solution."""
    file = _file(state, given)
    if file is None:
        return _invalid_file(given)
    changed = not file.deployed
    file.deployed = True
    file.submitted_time = int(time.time())
    return _answer(state, "DeployDISyncTask", changed=changed)


def get_di_sync_instance_info(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Show the state of a real-time file or a solution."""
    file = _file(state, given)
    if file is None:
        return _invalid_file(given)
    return ActionResult({"Success": True, "Data": file.instance_info()})


def get_di_sync_task(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Show a real-time file or a solution."""
    file = _file(state, given)
    if file is None:
        return _invalid_file(given)
    return ActionResult({"Success": True, "Data": file.details()})


def list_projects(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Show one page of the workspaces."""
    projects = [_project(state, project_id) for project_id in state.project_ids()]
    if given["ResourceManagerResourceGroupId"] or given["Tags"]:
        projects = []
    number, size = given["PageNumber"], given["PageSize"]
    page = projects[(number - 1) * size : number * size]
    paging = {"PageNumber": number, "PageSize": size, "TotalCount": len(projects), "ProjectList": page}
    return ActionResult({"PageResult": paging})


def _project(state: State, project_id: int) -> dict[str, Any]:
    return {
        "ProjectId": project_id,
        "ProjectIdentifier": f"emulated_{project_id}",
        "ProjectName": f"Emulated workspace {project_id}",
        "ProjectDescription": "",
        "ProjectOwnerBaseId": "260000000000000001",
        "ProjectStatus": 0,
        "ProjectStatusCode": "AVAILABLE",
        "IsDefault": int(project_id == state.settings.project_id),
        "DisableDevelopment": False,
        "TablePrivacyMode": 0,
        "UseProxyOdpsAccount": False,
        "Tags": [],
    }


def _file(state: State, given: Mapping[str, Any]) -> File | None:
    state.check_project(given["ProjectId"])
    file = state[FILES].find(given["FileId"])
    fits = file is not None and (file.project_id, file.task_type) == (given["ProjectId"], given["TaskType"])
    return file if fits else None


def _answer(state: State, action: str, *, changed: bool = False, **data: Any) -> ActionResult:
    beside = assumptions.MESSAGE_BESIDE_SUCCESS.get(action) if state.settings.message_beside_success else None
    message: dict[str, Any] = {"Message": beside} if beside or action != "CreateDISyncTask" else {}
    return ActionResult({"Success": True, "Data": {"Status": "success", **message, **data}}, changed)


def _failed(message: str) -> ActionResult:
    return ActionResult({"Success": True, "Data": {"Status": "fail", "Message": message}})


def _invalid_file(given: Mapping[str, Any]) -> ActionResult:
    return _failed(f"fileId:[{given['FileId']}] is invalid.")


def _check_task_param(value: dict[str, Any]) -> None:
    unknown = set(value) - {"FileFolderPath", "ResourceGroup", "Cu"}
    if unknown:
        raise ValueError(f"it has no key {', '.join(sorted(unknown))}")
    for name in ("FileFolderPath", "ResourceGroup"):
        if not isinstance(value.get(name, ""), str):
            raise ValueError(f"{name} must be a text")
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
            Parameter("TaskContent", "form", json_text(dict), required=True),
            Parameter("TaskParam", "query", json_text(dict, _check_task_param)),
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
    Action(
        "ListProjects",
        (
            Parameter("PageNumber", "query", integer(1, 100), default=1),
            Parameter("PageSize", "query", integer(1, 100), default=10),
            Parameter("ResourceManagerResourceGroupId", "query", str),
            Parameter("Tags", "query", json_value(list)),
        ),
        list_projects,
    ),
)
