"""Files of DataStudio, 2020-05-18: GetFile, ListFiles, UpdateFile, and their deployment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.nodes import answer
from airflow_provider_dataworks.emulator.actions.projects import project_of
from airflow_provider_dataworks.emulator.backend.business_dates import cycles
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.resources.deployments import (
    DEPLOYMENTS,
    FAILED,
    SUCCESSFUL,
    TO_DEV,
    TO_PROD,
    Deployment,
)
from airflow_provider_dataworks.emulator.backend.resources.files import FILES, OFFLINE, REALTIME, File
from airflow_provider_dataworks.emulator.backend.resources.node_runs import has_name
from airflow_provider_dataworks.emulator.backend.resources.nodes import (
    CYCLE_TYPES,
    DEV,
    FILE_TYPE,
    NODES,
    PROD,
    RERUN_MODES,
    SCHEDULER_TYPES,
    Node,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, boolean, choice, integer
from airflow_provider_dataworks.emulator.settings import PROJECT_IDENTIFIER as IDENTIFIER
from airflow_provider_dataworks.emulator.settings import STANDARD

REALTIME_FILE_TYPE = 900
MAX_RERUN_INTERVAL = 1_800_000


def get_file(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one file, with the node that it was deployed as and the properties of its schedule."""
    file = _file(state, arguments)
    return answer({"File": {**_details(file), "Content": file.task_content}, "NodeConfiguration": _schedule(file)})


def list_files(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the files of a workspace."""
    project_id = project_of(state, arguments)
    _complete(state)
    files = [file for file in state[FILES].all() if file.project_id == project_id and _matches(file, arguments)]
    shown = []
    for file in files:
        details = _details(file)
        if arguments["NeedContent"]:
            details["Content"] = file.task_content
        if arguments["NeedAbsoluteFolderPath"]:
            details["AbsoluteFolderPath"] = assumptions.DEFAULT_FOLDER
        shown.append(details)
    return answer(page(shown, arguments, "Files"))


def update_file(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Change a file, which then has to be submitted again."""
    file = _file(state, arguments)
    for name in (arguments["InputList"] or "").split(","):
        if name and name not in _outputs(state, file.project_id):
            raise assumptions.unknown_output(name)
    given = {name: arguments[name] for name in _PROPERTIES if arguments[name] is not None}
    name, content = arguments["FileName"] or file.task_name, arguments["Content"] or file.task_content
    known = {key: file.schedule.get(key) for key in given}
    if known == given and (name, content) == (file.task_name, file.task_content):
        raise assumptions.unchanged_file()
    file.schedule = {**file.schedule, **given}
    file.task_name, file.task_content, file.committed = name, content, False
    return ActionResult({"HttpStatusCode": 200, "Success": True}, changed=True)


def submit_file(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Submit a file: to the development environment or, in the basic mode, to the only one."""
    file = _file(state, arguments)
    if file.task_type == OFFLINE and not file.schedule.get("InputList"):
        raise assumptions.no_inputs()
    is_standard = state.settings.workspace_mode == STANDARD
    deployment = _begin(state, file, TO_DEV if is_standard else TO_PROD, arguments["Comment"])
    return answer(deployment.deployment_id, changed=True)


def deploy_file(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Deploy a submitted file to the production environment."""
    file = _file(state, arguments)
    if not file.committed:
        raise assumptions.file_is_not_submitted(file.file_id)
    return answer(_begin(state, file, TO_PROD, arguments["Comment"]).deployment_id, changed=True)


def get_deployment(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one deployment."""
    project_id = project_of(state, arguments)
    deployment = state[DEPLOYMENTS].find(arguments["DeploymentId"])
    if deployment is None or deployment.project_id != project_id:
        raise assumptions.unknown("DeploymentId", arguments["DeploymentId"])
    shown = {
        **_deployment(deployment),
        "FromEnvironment": 0 if deployment.environment == TO_DEV else 1,
        "ToEnvironment": deployment.environment,
        "CreatorId": assumptions.NODE_OWNER,
        "HandlerId": assumptions.NODE_OWNER,
    }
    item = {"FileId": deployment.file_id, "FileVersion": 1, "Status": deployment.status}
    return answer({"Deployment": shown, "DeployedItems": [item]})


def list_deployments(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the deployments of a workspace, the newest first."""
    project_id = project_of(state, arguments)
    shown = [
        {
            **_deployment(deployment),
            "Id": deployment.deployment_id,
            "Creator": assumptions.NODE_OWNER,
            "Executor": assumptions.NODE_OWNER,
        }
        for deployment in reversed(state[DEPLOYMENTS].all())
        if deployment.project_id == project_id
        and arguments["Status"] in (None, deployment.status)
        and arguments["Creator"] in (None, "", assumptions.NODE_OWNER)
        and arguments["Executor"] in (None, "", assumptions.NODE_OWNER)
        and has_name(deployment.comment, arguments["Keyword"])
        and deployment.created_time * 1000 <= (arguments["EndCreateTime"] or float("inf"))
        and deployment.created_time * 1000 <= (arguments["EndExecuteTime"] or float("inf"))
    ]
    return ActionResult({"Data": page(shown, arguments, "Deployments")})


def _file(state: State, arguments: Mapping[str, Any]) -> File:
    project_id = project_of(state, arguments)
    _complete(state)
    file_id, node_id = arguments["FileId"], arguments.get("NodeId")
    if file_id is None and node_id is None:
        raise ApiRefusal(400, "MissingFileId", "FileId is mandatory for this action.")
    file = state[FILES].find(file_id) if file_id is not None else _file_of(state, node_id)
    if file is None or file.project_id != project_id:
        raise assumptions.unknown("FileId", file_id or node_id)
    return file


def _file_of(state: State, node_id: int | None) -> File | None:
    return next((file for file in state[FILES].all() if file.node_id == node_id), None)


def _complete(state: State) -> None:
    """Make the files of nodes that are deployed, but were not made of a file."""
    for node in state[NODES].all():
        if node.file_id is None or node.spec or state[FILES].find(node.file_id):
            continue
        file = File(node.file_id, node.project_id, OFFLINE, node.name, task_content=node.content)
        file.node_id, file.committed, file.deployed = node.node_id, bool(node.environments), node.is_in(PROD)
        file.schedule["ParaValue"], file.schedule["CronExpress"] = node.param_values, node.cron
        file.schedule["SchedulerType"], file.schedule["CycleType"] = node.scheduler_type, node.cycle_type
        file.schedule["InputList"] = f"{IDENTIFIER.format(node.project_id)}_root"
        state[FILES].add(file)


def _begin(state: State, file: File, environment: int, comment: str | None) -> Deployment:
    now, settings = monotonic(), state.settings
    deployment = Deployment(state[DEPLOYMENTS].new_id(), file.project_id, file.file_id, environment)
    deployment.created_time, deployment.comment = unix_time(), comment or ""
    state[DEPLOYMENTS].add(deployment)
    ends = now + settings.deploy_seconds
    if file.deploy_error is not None:
        deployment.timeline.schedule(ends, status=FAILED, error_message=file.deploy_error)
    else:
        deployment.timeline.schedule(ends, status=SUCCESSFUL, error_message="Success")
        _deploy(state, file, ends, environment)
    for subject in (deployment, file):
        subject.advance(now)
    return deployment


def _deploy(state: State, file: File, at: float, environment: int) -> None:
    node = next((node for node in state[NODES].all() if node.file_id == file.file_id), None)
    if node is None:
        node = Node(state[NODES].new_id(), file.project_id, file.task_name, file.file_id, environments=[])
        state[NODES].add(node)
    schedule = file.schedule
    node.deploy(
        [DEV] if environment == TO_DEV else [PROD],
        at,
        name=file.task_name,
        content=file.task_content,
        param_values=schedule.get("ParaValue") or "",
        cron=schedule["CronExpress"],
        cycle_type=schedule["CycleType"],
        scheduler_type="PAUSE" if schedule.get("Stop") else schedule["SchedulerType"],
        rerun_mode=schedule["RerunMode"],
        rerun_times=schedule["AutoRerunTimes"],
        rerun_seconds=schedule["AutoRerunIntervalMillis"] / 1000,
        resource_group=schedule.get("ResourceGroupIdentifier") or "",
    )
    deployed = file.deployed or environment == TO_PROD
    file.timeline.schedule(at, node_id=node.node_id, committed=True, deployed=deployed)
    node.advance(monotonic())


def _outputs(state: State, project_id: int) -> set[str]:
    identifier = IDENTIFIER.format(project_id)
    files = (file for file in state[FILES].all() if file.project_id == project_id and file.node_id is not None)
    outputs = {assumptions.output_name(identifier, file.file_id) for file in files}
    return {f"{identifier}_root", *outputs}


def _matches(file: File, arguments: Mapping[str, Any]) -> bool:
    wanted_ids = [item for item in (arguments["FileIdIn"] or "").split(",") if item]
    types = [item for item in (arguments["FileTypes"] or "").split(",") if item]
    return (
        has_name(file.task_name, arguments["Keyword"])
        and arguments["ExactFileName"] in (None, "", file.task_name)
        and arguments["NodeId"] in (None, file.node_id)
        and (not wanted_ids or str(file.file_id) in wanted_ids)
        and (not types or str(_type(file)) in types)
        and arguments["FileFolderPath"] in (None, "", assumptions.DEFAULT_FOLDER)
        and arguments["Owner"] in (None, "", assumptions.NODE_OWNER)
        and arguments["LastEditUser"] in (None, "", assumptions.NODE_OWNER)
        and arguments["UseType"] in (None, "NORMAL")
    )


def _type(file: File) -> int:
    return REALTIME_FILE_TYPE if file.task_type == REALTIME else FILE_TYPE


def _details(file: File) -> dict[str, Any]:
    details: dict[str, Any] = {
        "FileId": file.file_id,
        "FileName": file.task_name,
        "FileType": _type(file),
        "UseType": "NORMAL",
        "CommitStatus": int(file.committed),
        "CurrentVersion": 1,
        "Owner": assumptions.NODE_OWNER,
        "CreateUser": assumptions.NODE_OWNER,
        "FileDescription": "",
        "DeletedStatus": "NORMAL",
    }
    return details if file.node_id is None else {**details, "NodeId": file.node_id}


def _schedule(file: File) -> dict[str, Any]:
    shown = {name: value for name, value in file.schedule.items() if name not in (*_LISTS, *_NOT_SHOWN)}
    for name, field in _LISTS.items():
        values = (file.schedule.get(name) or "").split(",")
        shown[name] = [{field: value} for value in values if value]
    output = assumptions.output_name(IDENTIFIER.format(file.project_id), file.file_id)
    shown["OutputList"] = [*shown["OutputList"], {"Output": output}]
    return shown


def _deployment(deployment: Deployment) -> dict[str, Any]:
    stamp = int(deployment.created_time * 1000)
    return {
        "Name": f"deployment_{deployment.deployment_id}",
        "Status": deployment.status,
        "ErrorMessage": deployment.error_message,
        "CreateTime": stamp,
        "ExecuteTime": stamp,
    }


def _cron(value: str) -> str:
    cycles(value)
    return value


#: The lists among the properties: the name of an item in GetFile.
_LISTS = {"InputList": "Input", "OutputList": "Output"}
#: What NodeConfiguration of GetFile has no field for; Owner and FileDescription are fields of File.
_NOT_SHOWN = (
    "AdvancedSettings",
    "AutoParsing",
    "ConnectionName",
    "FileDescription",
    "Owner",
    "ResourceGroupIdentifier",
)
_PROJECT = (
    Parameter("ProjectId", "form", integer(1, MAX_PROJECT_ID)),
    Parameter("ProjectIdentifier", "form", str),
)
_FILE_ID = Parameter("FileId", "form", integer())
_NODE_ID = Parameter("NodeId", "form", integer())
_NEEDED_FILE_ID = Parameter("FileId", "form", integer(), required=True)
_COMMENT = Parameter("Comment", "form", str)
#: The parameters of UpdateFile that are properties of the schedule.
_SCHEDULE = (
    Parameter("AdvancedSettings", "form", str),
    Parameter("ApplyScheduleImmediately", "form", boolean),
    Parameter("AutoParsing", "form", boolean),
    Parameter("AutoRerunIntervalMillis", "form", integer(0, MAX_RERUN_INTERVAL)),
    Parameter("AutoRerunTimes", "form", integer(0, 10)),
    Parameter("ConnectionName", "form", str),
    Parameter("CronExpress", "form", _cron),
    Parameter("CycleType", "form", choice(*CYCLE_TYPES)),
    Parameter("DependentNodeIdList", "form", str),
    Parameter("DependentType", "form", choice("SELF", "CHILD", "USER_DEFINE", "NONE", "USER_DEFINE_AND_SELF")),
    Parameter("EndEffectDate", "form", integer(0)),
    Parameter("FileDescription", "form", str),
    Parameter("IgnoreParentSkipRunningProperty", "form", boolean),
    Parameter("ImageId", "form", str),
    Parameter("InputList", "form", str),
    Parameter("InputParameters", "form", str),
    Parameter("OutputList", "form", str),
    Parameter("OutputParameters", "form", str),
    Parameter("Owner", "form", str),
    Parameter("ParaValue", "form", str),
    Parameter("RerunMode", "form", choice(*RERUN_MODES.values())),
    Parameter("ResourceGroupIdentifier", "form", str),
    Parameter("SchedulerType", "form", choice(*SCHEDULER_TYPES.values())),
    Parameter("StartEffectDate", "form", integer(0)),
    Parameter("StartImmediately", "form", boolean),
    Parameter("Stop", "form", boolean),
    Parameter("Timeout", "form", integer(0)),
)
_PROPERTIES = tuple(parameter.name for parameter in _SCHEDULE)

ACTIONS = (
    Action("GetFile", (*_PROJECT, _FILE_ID, _NODE_ID), get_file),
    Action(
        "ListFiles",
        (
            *_PROJECT,
            Parameter("ExactFileName", "form", str),
            Parameter("FileFolderPath", "form", str),
            Parameter("FileIdIn", "form", str),
            Parameter("FileTypes", "form", str),
            Parameter("Keyword", "form", str),
            Parameter("LastEditUser", "form", str),
            Parameter("NeedAbsoluteFolderPath", "form", boolean),
            Parameter("NeedContent", "form", boolean),
            _NODE_ID,
            Parameter("Owner", "form", str),
            Parameter("UseType", "form", choice("NORMAL", "MANUAL", "MANUAL_BIZ", "SKIP", "ADHOCQUERY", "COMPONENT")),
            Parameter("PageNumber", "form", integer(1, 2**31 - 1), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_files,
    ),
    Action(
        "UpdateFile",
        (
            *_PROJECT,
            _NEEDED_FILE_ID,
            Parameter("FileName", "form", str),
            Parameter("FileFolderPath", "form", str),
            Parameter("Content", "form", str),
            *_SCHEDULE,
        ),
        update_file,
    ),
    Action(
        "SubmitFile",
        (*_PROJECT, _NEEDED_FILE_ID, _COMMENT, Parameter("SkipAllDeployFileExtensions", "form", boolean)),
        submit_file,
    ),
    Action("DeployFile", (*_PROJECT, _FILE_ID, _NODE_ID, _COMMENT), deploy_file),
    Action(
        "GetDeployment",
        (*_PROJECT, Parameter("DeploymentId", "form", integer(), required=True)),
        get_deployment,
    ),
    Action(
        "ListDeployments",
        (
            *_PROJECT,
            Parameter("Creator", "form", str),
            Parameter("EndCreateTime", "form", integer(0)),
            Parameter("EndExecuteTime", "form", integer(0)),
            Parameter("Executor", "form", str),
            Parameter("Keyword", "form", str),
            Parameter("Status", "form", integer(0, 6)),
            Parameter("PageNumber", "form", integer(1, 2**31 - 1), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_deployments,
    ),
)
