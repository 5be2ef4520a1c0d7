"""The actions of API version 2020-05-18 that this package calls."""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow_provider_dataworks.client.actions import Action, Envelope, Repeat
from airflow_provider_dataworks.client.bizdates import midnight_string
from airflow_provider_dataworks.client.catalog import data_sources
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions, read_job, read_page
from airflow_provider_dataworks.client.catalog.generated_content import read_generated_content
from airflow_provider_dataworks.client.catalog.nodes import (
    NodeActions,
    RunRequest,
    TriggerRequest,
    read_instance,
    read_instance_page,
    read_log,
    read_node,
    read_nodes,
    read_run,
    read_run_ids,
)
from airflow_provider_dataworks.client.catalog.paging import read_entries

VERSION = "2020-05-18"

_action = partial(Action, version=VERSION)

# DI jobs

LIST_DI_JOBS = _action(
    "ListDIJobs",
    body=("ProjectId", "JobName", "SourceDataSourceType", "DestinationDataSourceType", "PageNumber", "PageSize"),
    envelope=Envelope("DIJobPaging", read=read_page),
)
# The answer need not repeat the id that was asked for.
GET_DI_JOB = _action(
    "GetDIJob", body=("DIJobId", "WithDetails"), envelope=Envelope("Data", read=partial(read_job, di_job_id=0))
)
START_DI_JOB = _action(
    "StartDIJob",
    body=("DIJobId", "RealtimeStartSettings", "ForceToRerun"),
    repeat=Repeat.AFTER_CONFIRMATION,
)
STOP_DI_JOB = _action("StopDIJob", body=("DIJobId",))
CREATE_DI_JOB = _action(
    "CreateDIJob",
    body=(
        "ProjectId",
        "JobName",
        "Description",
        "MigrationType",
        "SourceDataSourceType",
        "DestinationDataSourceType",
        "SourceDataSourceSettings",
        "DestinationDataSourceSettings",
        "ResourceSettings",
        "TransformationRules",
        "TableMappings",
        "JobSettings",
    ),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(integer="DIJobId"),
)
UPDATE_DI_JOB = _action(
    "UpdateDIJob",
    body=("DIJobId", "Description", "ResourceSettings", "TransformationRules", "TableMappings", "JobSettings"),
)
DELETE_DI_JOB = _action("DeleteDIJob", body=("DIJobId",))

DI_JOBS = DIJobActions(
    list_jobs=LIST_DI_JOBS,
    get_job=GET_DI_JOB,
    start_job=START_DI_JOB,
    stop_job=STOP_DI_JOB,
    create_job=CREATE_DI_JOB,
    update_job=UPDATE_DI_JOB,
    delete_job=DELETE_DI_JOB,
    id_parameter="DIJobId",
    name_parameter="JobName",
)

# Nodes

_INSTANCE = ("InstanceId", "ProjectEnv")

GET_NODE = _action("GetNode", body=("NodeId", "ProjectEnv"), envelope=Envelope("Data", read=read_node))
LIST_NODES = _action(
    "ListNodes",
    body=("ProjectId", "ProjectEnv", "NodeName", "PageNumber", "PageSize"),
    envelope=Envelope("Data", read=read_nodes),
)
# No token makes the service recognise a repeat: it would be a second run.
RUN_CYCLE_DAG_NODES = _action(
    "RunCycleDagNodes",
    body=(
        "ProjectEnv",
        "Name",
        "RootNodeId",
        "IncludeNodeIds",
        "StartBizDate",
        "EndBizDate",
        "BizBeginTime",
        "BizEndTime",
        "Parallelism",
        "NodeParams",
        "StartFutureInstanceImmediately",
    ),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(read=read_run_ids),
)
GET_DAG = _action(
    "GetDag", body=("DagId", "ProjectEnv"), envelope=Envelope("Data", status_is_content=True, read=read_run)
)
LIST_INSTANCES = _action(
    "ListInstances",
    body=("ProjectId", "ProjectEnv", "NodeId", "DagId", "Bizdate", "OrderBy", "PageNumber", "PageSize"),
    envelope=Envelope("Data", read=partial(read_instance_page, name="Instances")),
)
GET_INSTANCE = _action(
    "GetInstance", body=_INSTANCE, envelope=Envelope("Data", status_is_content=True, read=read_instance)
)
LIST_INSTANCE_HISTORY = _action(
    "ListInstanceHistory", body=_INSTANCE, envelope=Envelope(read=partial(read_entries, name="Instances"))
)
GET_INSTANCE_LOG = _action(
    "GetInstanceLog",
    body=(*_INSTANCE, "InstanceHistoryId"),
    envelope=Envelope(read=partial(read_log, name="Data")),
)
STOP_INSTANCE = _action("StopInstance", body=_INSTANCE, envelope=Envelope(accepted="Data"))

# A trigger that has had its effect is refused the second time.
RUN_TRIGGER_NODE = _action(
    "RunTriggerNode",
    body=("AppId", "NodeId", "CycleTime", "BizDate"),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(accepted="Success"),
)


def _run_parameters(run: RunRequest) -> dict[str, Any]:
    # The root has to be named among those that run, and an hourly node wants the times of the day.
    parameters: dict[str, Any] = {
        "ProjectEnv": run.environment,
        "Name": run.name,
        "RootNodeId": run.node_id,
        "IncludeNodeIds": str(run.node_id),
        "StartBizDate": midnight_string(run.bizdate),
        "EndBizDate": midnight_string(run.bizdate),
        "Parallelism": False,
        "StartFutureInstanceImmediately": True,
    }
    if run.parameters is not None:
        parameters["NodeParams"] = {str(run.node_id): run.parameters}
    if run.hourly:
        parameters.update(BizBeginTime="00:00:00", BizEndTime="23:59:59")
    return parameters


def _trigger_parameters(trigger: TriggerRequest) -> dict[str, Any]:
    return {
        "AppId": trigger.project_id,
        "NodeId": trigger.node_id,
        "CycleTime": trigger.cycle_time,
        "BizDate": trigger.bizdate,
    }


NODES = NodeActions(
    get_node=GET_NODE,
    list_nodes=LIST_NODES,
    run_node=RUN_CYCLE_DAG_NODES,
    get_run=GET_DAG,
    list_runs=None,
    list_instances=LIST_INSTANCES,
    get_instance=GET_INSTANCE,
    get_log=GET_INSTANCE_LOG,
    stop_instance=STOP_INSTANCE,
    trigger_instance=RUN_TRIGGER_NODE,
    node_parameter="NodeId",
    run_parameter="DagId",
    run_id_parameter="DagId",
    instance_parameter="InstanceId",
    name_parameter="NodeName",
    ids_parameter=None,
    node_ids_parameter=None,
    largest_page=100,
    needs_bizdate=False,
    spell_environment=str.upper,
    spell_bizdate=lambda bizdate, _: midnight_string(bizdate),
    build_run=_run_parameters,
    amend_run=lambda run, message: None,
    build_trigger=_trigger_parameters,
    triggers_in=("PROD",),
    scheduled_filter={},
)

# Sync tasks

_FILE = ("ProjectId", "TaskType", "FileId")

# The service recognises the ClientToken of a repeat.
CREATE_DI_SYNC_TASK = _action(
    "CreateDISyncTask",
    query=("ProjectId", "TaskType", "TaskName", "TaskParam", "ClientToken"),
    body=("TaskContent",),
    repeat=Repeat.ALWAYS,
    envelope=Envelope("Data", integer="FileId", says_status=True),
)
START_DI_SYNC_INSTANCE = _action(
    "StartDISyncInstance",
    query=(*_FILE, "StartParam"),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope("Data", says_status=True),
)
STOP_DI_SYNC_INSTANCE = _action("StopDISyncInstance", query=_FILE, envelope=Envelope("Data", says_status=True))
GET_DI_SYNC_INSTANCE_INFO = _action("GetDISyncInstanceInfo", query=_FILE, envelope=Envelope("Data"))
GET_DI_SYNC_TASK = _action("GetDISyncTask", query=_FILE, envelope=Envelope("Data", nested="SolutionDetail"))

DEPLOY_DI_SYNC_TASK = _action("DeployDISyncTask", query=_FILE, envelope=Envelope("Data", says_status=True))

GENERATE_DI_SYNC_TASK_CONFIG = _action(
    "GenerateDISyncTaskConfigForCreating",
    query=("ProjectId", "TaskType", "TaskParam", "ClientToken"),
    envelope=Envelope("Data", integer="ProcessId", says_status=True),
)
# Its status is the generation's.
QUERY_DI_SYNC_TASK_CONFIG = _action(
    "QueryDISyncTaskConfigProcessResult",
    query=("ProjectId", "TaskType", "AsyncProcessId"),
    envelope=Envelope("Data", status_is_content=True, read=read_generated_content),
)

# Files and deployments

#: The parameters of UpdateFile that say how a node is scheduled and run.
SCHEDULE_PARAMETERS = (
    "AdvancedSettings",
    "ApplyScheduleImmediately",
    "AutoParsing",
    "AutoRerunIntervalMillis",
    "AutoRerunTimes",
    "ConnectionName",
    "CronExpress",
    "CycleType",
    "DependentNodeIdList",
    "DependentType",
    "EndEffectDate",
    "FileDescription",
    "IgnoreParentSkipRunningProperty",
    "ImageId",
    "InputList",
    "InputParameters",
    "OutputList",
    "OutputParameters",
    "Owner",
    "ParaValue",
    "RerunMode",
    "ResourceGroupIdentifier",
    "SchedulerType",
    "StartEffectDate",
    "StartImmediately",
    "Stop",
    "Timeout",
)

GET_FILE = _action("GetFile", body=("ProjectId", "FileId", "NodeId"), envelope=Envelope("Data", nested="File"))
# A repeat of what was carried out is refused: it would change nothing.
UPDATE_FILE = _action(
    "UpdateFile",
    body=("ProjectId", "FileId", "FileName", "FileFolderPath", "Content", *SCHEDULE_PARAMETERS),
    repeat=Repeat.AFTER_CONFIRMATION,
)
# Their answers' Data is the id of the deployment.
SUBMIT_FILE = _action(
    "SubmitFile",
    body=("ProjectId", "FileId", "Comment", "SkipAllDeployFileExtensions"),
    envelope=Envelope(integer="Data"),
)
DEPLOY_FILE = _action(
    "DeployFile", body=("ProjectId", "FileId", "NodeId", "Comment"), envelope=Envelope(integer="Data")
)
# The status inside is the deployment's.
GET_DEPLOYMENT = _action(
    "GetDeployment", body=("ProjectId", "DeploymentId"), envelope=Envelope("Data", nested="Deployment")
)
LIST_DEPLOYMENTS = _action(
    "ListDeployments",
    body=("ProjectId", "Status", "PageNumber", "PageSize"),
    envelope=Envelope("Data", read=partial(read_entries, name="Deployments")),
)

# Workspaces

LIST_PROJECTS = _action("ListProjects", query=("PageNumber", "PageSize"))
GET_PROJECT = _action("GetProject", query=("ProjectId",))

# Data sources

LIST_DATA_SOURCES = _action(
    "ListDataSources",
    method="GET",
    query=("ProjectId", "Name", "EnvType", "PageNumber", "PageSize"),
    envelope=Envelope("Data", read=data_sources.read_page),
)
DATA_SOURCES = data_sources.DataSourceActions(LIST_DATA_SOURCES, {"Dev": 0, "Prod": 1})

#: All of them.
ACTIONS = tuple(value for value in list(vars().values()) if isinstance(value, Action))
