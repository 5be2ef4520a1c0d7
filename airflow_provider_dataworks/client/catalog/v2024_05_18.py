"""The actions of API version 2024-05-18 that this package calls.

StartDIJob, StopDIJob and DeleteDIJob are GET with an effect: only this package's own policy may send them again.
"""

from __future__ import annotations

from functools import partial

from airflow_provider_dataworks.client.actions import Action, Envelope, Repeat
from airflow_provider_dataworks.client.catalog import data_sources
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions, read_job, read_page
from airflow_provider_dataworks.client.catalog.paging import read_entries

VERSION = "2024-05-18"

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

#: All of them.
ACTIONS = tuple(value for value in list(vars().values()) if isinstance(value, Action))
