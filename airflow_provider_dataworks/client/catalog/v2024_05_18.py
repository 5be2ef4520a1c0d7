"""The actions of API version 2024-05-18 that this package calls.

StartDIJob, StopDIJob and DeleteDIJob are GET with an effect: only this package's own policy may send them again.
"""

from __future__ import annotations

from functools import partial

from airflow_provider_dataworks.client.actions import Action, Envelope, Repeat
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

#: All of them.
ACTIONS = tuple(value for value in list(vars().values()) if isinstance(value, Action))
