"""The actions of API version 2024-05-18 that this package calls.

StartDIJob, StopDIJob and DeleteDIJob are GET with an effect: only this package's own policy may send them again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action, Envelope, Repeat
from airflow_provider_dataworks.client.bizdates import midnight_milliseconds, midnight_string
from airflow_provider_dataworks.client.catalog import data_sources
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions, read_job, read_page
from airflow_provider_dataworks.client.catalog.nodes import (
    NodeActions,
    RunRequest,
    TriggerRequest,
    read_creation,
    read_instance,
    read_instance_page,
    read_log,
    read_node,
    read_nodes,
    read_run,
    read_runs,
)
from airflow_provider_dataworks.client.catalog.paging import read_entries

VERSION = "2024-05-18"

#: Tables of one DI job that are read at most.
MOST_TABLES = 10_000

_get = partial(Action, version=VERSION, method="GET")
_post = partial(Action, version=VERSION, method="POST")

_PAGE = ("PageNumber", "PageSize")

# DI jobs

LIST_DI_JOBS = _get(
    "ListDIJobs",
    query=(
        "ProjectId",
        "Name",
        "MigrationType",
        "SourceDataSourceType",
        "DestinationDataSourceType",
        "SpecType",
        *_PAGE,
    ),
    envelope=Envelope("PagingInfo", read=read_page),
)
# Nothing is paged here; the answer's object has that name all the same.
GET_DI_JOB = _get(
    "GetDIJob",
    query=("Id", "ProjectId", "WithDetails"),
    envelope=Envelope("PagingInfo", read=partial(read_job, di_job_id=0)),
)
START_DI_JOB = _get(
    "StartDIJob",
    query=("Id", "ForceToRerun", "RealtimeStartSettings"),
    repeat=Repeat.AFTER_CONFIRMATION,
)
STOP_DI_JOB = _get("StopDIJob", query=("Id", "InstanceId"))
DELETE_DI_JOB = _get("DeleteDIJob", query=("Id", "ProjectId"))
CREATE_DI_JOB = _post(
    "CreateDIJob",
    query=(
        "ProjectId",
        "Name",
        "JobType",
        "MigrationType",
        "SourceDataSourceType",
        "DestinationDataSourceType",
        "Owner",
    ),
    body=(
        "Description",
        "FileSpec",
        "SourceDataSourceSettings",
        "DestinationDataSourceSettings",
        "ResourceSettings",
        "TransformationRules",
        "TableMappings",
        "JobSettings",
    ),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(integer="Id"),
)
UPDATE_DI_JOB = _post(
    "UpdateDIJob",
    query=("Id", "ProjectId", "Owner"),
    body=("Description", "FileSpec", "ResourceSettings", "TransformationRules", "TableMappings", "JobSettings"),
)
LIST_DI_JOB_RUN_DETAILS = _get(
    "ListDIJobRunDetails",
    query=("DIJobId", "InstanceId", *_PAGE),
    envelope=Envelope("PagingInfo", read=partial(read_entries, name="JobRunInfos")),
)
LIST_DI_JOB_EVENTS = _get(
    "ListDIJobEvents",
    query=("DIJobId", "EventType", "StartTime", "EndTime", *_PAGE),
    envelope=Envelope("PagingInfo", read=partial(read_entries, name="DIJobEvent")),
)
GET_DI_JOB_LOG = _get(
    "GetDIJobLog",
    query=("Id", "InstanceId", "FailoverId", "NodeType", "PageNumber"),
    envelope=Envelope(string="Log"),
)

DI_JOBS = DIJobActions(
    list_jobs=LIST_DI_JOBS,
    get_job=GET_DI_JOB,
    start_job=START_DI_JOB,
    stop_job=STOP_DI_JOB,
    create_job=CREATE_DI_JOB,
    update_job=UPDATE_DI_JOB,
    delete_job=DELETE_DI_JOB,
    id_parameter="Id",
    name_parameter="Name",
    # Without it, jobs in script mode may be left out.
    list_defaults={"SpecType": "ALL"},
    gives_started_time=False,
)

# Nodes in Data Studio, and how they are deployed

LIST_NODES = _get(
    "ListNodes",
    query=("ProjectId", "Name", "ContainerId", "Recurrence", "RerunMode", "Scene", *_PAGE),
    envelope=Envelope("PagingInfo", read=partial(read_entries, name="Nodes")),
)
GET_NODE = _get("GetNode", query=("Id", "ProjectId"), envelope=Envelope("Node", integer="Id"))
CREATE_NODE = _post(
    "CreateNode",
    body=("ProjectId", "Scene", "Spec", "ContainerId"),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(integer="Id"),
)
UPDATE_NODE = _post("UpdateNode", body=("Id", "ProjectId", "Spec"))

CREATE_PIPELINE_RUN = _post(
    "CreatePipelineRun",
    body=("ProjectId", "Type", "ObjectIds", "Description", "RunMode", "AutoRunUntilStage"),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(string="Id"),
)
# A repeat of what was carried out is refused.
EXEC_PIPELINE_RUN_STAGE = _post(
    "ExecPipelineRunStage", query=("ProjectId",), body=("Id", "Code"), repeat=Repeat.AFTER_CONFIRMATION
)
# The status inside is the pipeline run's.
GET_PIPELINE_RUN = _get(
    "GetPipelineRun", query=("ProjectId", "Id"), envelope=Envelope("Pipeline", status_is_content=True)
)
LIST_PIPELINE_RUNS = _get(
    "ListPipelineRuns",
    query=("ProjectId", "Creator", "ObjectId", "Status", *_PAGE),
    envelope=Envelope("PagingInfo", read=partial(read_entries, name="PipelineRuns")),
)
LIST_PIPELINE_RUN_ITEMS = _get(
    "ListPipelineRunItems",
    query=("ProjectId", "PipelineRunId", *_PAGE),
    envelope=Envelope("PagingInfo", read=partial(read_entries, name="PipelineRunItems")),
)

# Workspaces

LIST_PROJECTS = _post("ListProjects", body=_PAGE)
GET_PROJECT = _get("GetProject", query=("Id",))

# Data sources

LIST_DATA_SOURCES = _get(
    "ListDataSources",
    query=("ProjectId", "Name", "EnvType", *_PAGE),
    envelope=Envelope("PagingInfo", read=data_sources.read_page),
)
DATA_SOURCES = data_sources.DataSourceActions(LIST_DATA_SOURCES, {"Dev": "Dev", "Prod": "Prod"})

# Nodes in Operation Center, where they are called tasks

GET_TASK = _get("GetTask", query=("Id", "ProjectEnv"), envelope=Envelope("Task", read=read_node))
LIST_TASKS = _post(
    "ListTasks",
    body=("ProjectId", "ProjectEnv", "Name", *_PAGE),
    envelope=Envelope("PagingInfo", read=read_nodes),
)
# No token makes the service recognise a repeat: it would be a second run.
CREATE_WORKFLOW_INSTANCES = _post(
    "CreateWorkflowInstances",
    body=(
        "ProjectId",
        "EnvType",
        "WorkflowId",
        "Type",
        "Name",
        "Periods",
        "DefaultRunProperties",
        "TaskParameters",
        "AutoStartEnabled",
    ),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(string="OperationId"),
)
GET_CREATE_WORKFLOW_INSTANCES_RESULT = _get(
    "GetCreateWorkflowInstancesResult",
    query=("OperationId",),
    envelope=Envelope("Result", status_is_content=True, read=read_creation),
)
LIST_WORKFLOW_INSTANCES = _post(
    "ListWorkflowInstances",
    body=("ProjectId", "BizDate", "EnvType", "Name", *_PAGE),
    envelope=Envelope("PagingInfo", read=read_runs),
)
GET_WORKFLOW_INSTANCE = _get(
    "GetWorkflowInstance",
    query=("Id",),
    envelope=Envelope("WorkflowInstance", status_is_content=True, read=read_run),
)
LIST_TASK_INSTANCES = _post(
    "ListTaskInstances",
    body=(
        "ProjectId",
        "Bizdate",
        "ProjectEnv",
        "WorkflowInstanceId",
        "WorkflowInstanceType",
        "TaskId",
        "TaskIds",
        "Ids",
        *_PAGE,
    ),
    envelope=Envelope("PagingInfo", read=partial(read_instance_page, name="TaskInstances")),
)
GET_TASK_INSTANCE = _get(
    "GetTaskInstance",
    query=("Id",),
    envelope=Envelope("TaskInstance", status_is_content=True, read=read_instance),
)
GET_TASK_INSTANCE_LOG = _get(
    "GetTaskInstanceLog",
    query=("Id", "RunNumber"),
    envelope=Envelope(read=partial(read_log, name="TaskInstanceLog")),
)
STOP_TASK_INSTANCES = _post("StopTaskInstances", body=("Ids",), envelope=Envelope(results="SuccessInfo"))
# A trigger that has had its effect is refused the second time.
TRIGGER_SCHEDULER_TASK_INSTANCE = _post(
    "TriggerSchedulerTaskInstance",
    query=("EnvType",),
    body=("TaskId", "TriggerTime"),
    repeat=Repeat.AFTER_CONFIRMATION,
    envelope=Envelope(accepted="Success"),
)

#: The WorkflowId of nodes that belong to no workflow of their own.
_NO_WORKFLOW = 1


def _run_parameters(run: RunRequest) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "ProjectId": run.project_id,
        "EnvType": run.environment.capitalize(),
        "WorkflowId": _NO_WORKFLOW,
        "Type": "SupplementData",
        "Name": run.name,
        "AutoStartEnabled": True,
        "Periods": {"BizDates": [{"EndBizDate": run.bizdate, "StartBizDate": run.bizdate}]},
        # One root and nothing else to include: the node runs alone.
        "DefaultRunProperties": {
            "Analysis": {"Blocked": False, "Enabled": False},
            "Mode": "ManualSelection",
            "Parallelism": 1,
            "RootTaskIds": [run.node_id],
            # Without Immediately it waits for its hour where that lies ahead.
            "RunPolicy": {"EndTime": "23:59:59", "Immediately": True, "StartTime": "00:00:00", "Type": "Daily"},
        },
    }
    if run.parameters is not None:
        parameters["TaskParameters"] = {str(run.node_id): run.parameters}
    return parameters


def _amended_parameters(run: RunRequest, message: str) -> dict[str, Any] | None:
    if assumptions.WANTS_INTERVALS not in message:
        return None
    parameters, moment = _run_parameters(run), midnight_string(run.bizdate)
    intervals = [{"EndDate": moment, "StartDate": moment}]
    return {**parameters, "Periods": {**parameters["Periods"], assumptions.WANTS_INTERVALS: intervals}}


def _trigger_parameters(trigger: TriggerRequest) -> dict[str, Any]:
    return {
        "EnvType": trigger.environment.capitalize(),
        "TaskId": trigger.node_id,
        "TriggerTime": trigger.cycle_time,
    }


NODES = NodeActions(
    get_node=GET_TASK,
    list_nodes=LIST_TASKS,
    run_node=CREATE_WORKFLOW_INSTANCES,
    get_run=GET_WORKFLOW_INSTANCE,
    list_runs=LIST_WORKFLOW_INSTANCES,
    list_instances=LIST_TASK_INSTANCES,
    get_instance=GET_TASK_INSTANCE,
    get_log=GET_TASK_INSTANCE_LOG,
    stop_instance=STOP_TASK_INSTANCES,
    trigger_instance=TRIGGER_SCHEDULER_TASK_INSTANCE,
    node_parameter="TaskId",
    run_parameter="WorkflowInstanceId",
    run_id_parameter="Id",
    instance_parameter="Id",
    name_parameter="Name",
    ids_parameter="Ids",
    node_ids_parameter="TaskIds",
    largest_page=500,
    needs_bizdate=True,
    spell_environment=str.capitalize,
    spell_bizdate=midnight_milliseconds,
    build_run=_run_parameters,
    amend_run=_amended_parameters,
    build_trigger=_trigger_parameters,
    triggers_in=("PROD", "DEV"),
    scheduled_filter={"WorkflowInstanceType": "Normal"},
)

#: All of them.
ACTIONS = tuple(value for value in list(vars().values()) if isinstance(value, Action))
