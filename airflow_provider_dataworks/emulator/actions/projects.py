"""Workspaces, in both API versions: GetProject and ListProjects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, boolean, choice, integer, json_value
from airflow_provider_dataworks.emulator.settings import PROJECT_IDENTIFIER as IDENTIFIER
from airflow_provider_dataworks.emulator.settings import STANDARD

VERSION_2024 = "2024-05-18"
OWNER = "260000000000000001"
STATUSES = (
    "Available", "Initializing", "InitFailed", "Forbidden", "Deleting", "DeleteFailed", "Frozen", "Updating",
    "UpdateFailed",
)  # fmt: skip


def get_project(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one workspace, 2020-05-18."""
    project_id = project_of(state, arguments)
    is_standard = state.settings.workspace_mode == STANDARD
    data = {
        **_project(state, project_id),
        "ProjectMode": 3 if is_standard else 2,
        "EnvTypes": ["DEV", "PROD"] if is_standard else ["PROD"],
        "Status": 0,
        "DevelopmentType": 0,
        "ProtectedMode": 0,
        "SchedulerMaxRetryTimes": 3,
        "SchedulerRetryInterval": 120000,
    }
    return ActionResult({"HttpStatusCode": 200, "Success": True, "Data": data})


def project_of(state: State, arguments: Mapping[str, Any]) -> int:
    """
    Return the workspace that ProjectId or ProjectIdentifier names.

    :raises ApiRefusal: it does not exist.
    """
    project_id = arguments["ProjectId"]
    if project_id is None:
        identifier = arguments["ProjectIdentifier"]
        if not identifier:
            raise ApiRefusal(400, "MissingProjectId", "ProjectId is mandatory for this action.")
        project_id = next((known for known in state.project_ids() if IDENTIFIER.format(known) == identifier), 0)
    state.check_project(project_id)
    return int(project_id)


def list_projects(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the workspaces, 2020-05-18."""
    projects = [_project(state, project_id) for project_id in state.project_ids()]
    if arguments["ResourceManagerResourceGroupId"] or arguments["Tags"]:
        projects = []
    return ActionResult({"PageResult": page(projects, arguments, "ProjectList")})


def get_project_2024(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one workspace, 2024-05-18."""
    state.check_project(arguments["Id"])
    return ActionResult({"Project": _project_2024(state, arguments["Id"])})


def list_projects_2024(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the workspaces, 2024-05-18."""
    projects = [_project_2024(state, project_id) for project_id in state.project_ids()]
    wanted = {
        "DevEnvironmentEnabled": arguments["DevEnvironmentEnabled"],
        "DevRoleDisabled": arguments["DevRoleDisabled"],
        "PaiTaskEnabled": arguments["PaiTaskEnabled"],
        "Status": arguments["Status"],
    }
    projects = [
        project
        for project in projects
        if (arguments["Ids"] is None or project["Id"] in arguments["Ids"])
        and (arguments["Names"] is None or project["Name"] in arguments["Names"])
        and all(value is None or project[name] == value for name, value in wanted.items())
    ]
    if arguments["AliyunResourceGroupId"] or arguments["AliyunResourceTags"]:
        projects = []
    return ActionResult({"PagingInfo": page(projects, arguments, "Projects")})


def _project(state: State, project_id: int) -> dict[str, Any]:
    return {
        "ProjectId": project_id,
        "ProjectIdentifier": IDENTIFIER.format(project_id),
        "ProjectName": f"Emulated workspace {project_id}",
        "ProjectDescription": "",
        "ProjectOwnerBaseId": OWNER,
        "ProjectStatus": 0,
        "ProjectStatusCode": "AVAILABLE",
        "IsDefault": int(project_id == state.settings.project_id),
        "DisableDevelopment": False,
        "TablePrivacyMode": 0,
        "UseProxyOdpsAccount": False,
        "Tags": [],
    }


def _project_2024(state: State, project_id: int) -> dict[str, Any]:
    return {
        "Id": project_id,
        "Name": IDENTIFIER.format(project_id),
        "DisplayName": f"Emulated workspace {project_id}",
        "Description": "",
        "Owner": OWNER,
        "Status": "Available",
        "DevEnvironmentEnabled": state.settings.workspace_mode == STANDARD,
        "DevRoleDisabled": False,
        "PaiTaskEnabled": False,
        "AliyunResourceTags": [],
    }


ACTIONS = (
    Action(
        "GetProject",
        (
            Parameter("ProjectId", "query", integer(1, MAX_PROJECT_ID)),
            Parameter("ProjectIdentifier", "query", str),
        ),
        get_project,
    ),
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
    Action(
        "GetProject",
        (Parameter("Id", "query", integer(1, MAX_PROJECT_ID), required=True),),
        get_project_2024,
        version=VERSION_2024,
        method="GET",
    ),
    Action(
        "ListProjects",
        (
            Parameter("AliyunResourceGroupId", "form", str),
            Parameter("AliyunResourceTags", "form", json_value(list)),
            Parameter("DevEnvironmentEnabled", "form", boolean),
            Parameter("DevRoleDisabled", "form", boolean),
            Parameter("Ids", "form", json_value(list)),
            Parameter("Names", "form", json_value(list)),
            Parameter("PageNumber", "form", integer(1, 2**31 - 1), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
            Parameter("PaiTaskEnabled", "form", boolean),
            Parameter("Status", "form", choice(*STATUSES)),
        ),
        list_projects_2024,
        version=VERSION_2024,
    ),
)
