"""The actions of API version 2020-05-18 that this package calls."""

from __future__ import annotations

from functools import partial

from airflow_provider_dataworks.client.actions import Action, Envelope, Repeat
from airflow_provider_dataworks.client.catalog import data_sources
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions, read_job, read_page
from airflow_provider_dataworks.client.catalog.generated_content import read_generated_content

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
