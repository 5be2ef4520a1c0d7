"""DI jobs, 2024-05-18: the DIJob actions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.actions.di_job_operations import (
    CHANGEABLE,
    SETTINGS,
    add_job,
    check_start_settings,
    delete_job,
    find_job,
    has_name,
    job_page,
    start_job,
    update_job,
    visible_jobs,
)
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.di_job_runs import BYTES_PER_RECORD, TableState, local_time
from airflow_provider_dataworks.emulator.backend.resources.di_jobs import (
    EVENT_FIELDS,
    EVENT_TYPES,
    JOB_TYPES,
    MIGRATION_TYPES,
    REALTIME_TYPES,
    Job,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, boolean, choice, integer, json_value

VERSION = "2024-05-18"
MAX_INT = 2**31 - 1
SOURCES = (
    "PolarDB", "MySQL", "Kafka", "LogHub", "Hologres", "Oracle", "OceanBase", "MongoDB", "RedShift", "Hive",
    "SQLServer", "Doris", "ClickHouse",
)  # fmt: skip
DESTINATIONS = (
    "Hologres", "OSS-HDFS", "OSS", "MaxCompute", "LogHub", "StarRocks", "DataHub", "AnalyticDB_For_MySQL", "Kafka",
    "Hive",
)  # fmt: skip
SPEC_TYPES = ("FILESPEC", "CLASSIC", "ALL")
FILE_SPEC = "FileSpec"
METRICS = (
    "resourceUtilization", "delayTime", "totalRecordsRead", "speedRecordsRead", "totalRecordsWrite",
    "speedRecordsWrite", "JobDelay",
)  # fmt: skip


def create_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Create a job, Initialized, under a name that the workspace does not have."""
    name = arguments["Name"] or arguments["JobName"]
    if not name:
        raise ApiRefusal(400, "MissingName", "Name is mandatory for this action.")
    state.check_project(arguments["ProjectId"])
    known = (job for job in visible_jobs(state, VERSION) if job.project_id == arguments["ProjectId"])
    if any(job.job_name == name for job in known):
        raise assumptions.existing_job_name(name)
    job = add_job(state, arguments, name, VERSION, (*SETTINGS, FILE_SPEC))
    job.job_type = arguments["JobType"]
    job.owner = arguments["Owner"] or job.owner
    return ActionResult({"Id": job.di_job_id, "DIJobId": job.di_job_id}, changed=True)


def update_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Replace settings of a job."""
    job = _job(state, arguments)
    update_job(job, arguments, (*CHANGEABLE, FILE_SPEC))
    job.owner = arguments["Owner"] or job.owner
    return ActionResult({"Success": True}, changed=True)


def start_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Start a run of a job."""
    return ActionResult(
        {"Success": True}, changed=start_job(state, _job(state, arguments), arguments, VERSION, request_id)
    )


def stop_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop a running job."""
    return ActionResult({"Success": True}, changed=_job(state, arguments).stop(state.settings, monotonic()))


def delete_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Delete a job that is not running."""
    delete_job(state, _job(state, arguments))
    return ActionResult({"Success": True}, changed=True)


def get_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one job."""
    job = _job(state, arguments)
    content = {
        "Id": job.di_job_id,
        "DIJobId": str(job.di_job_id),
        "ProjectId": job.project_id,
        "JobName": job.job_name,
        "JobType": job.job_type or _fitting_job_type(job),
        "MigrationType": job.migration_type,
        "JobStatus": assumptions.STATUSES_OF_GET_2024.get(job.job_status, job.job_status),
        "Owner": job.owner,
        "SourceDataSourceType": job.source_data_source_type,
        "DestinationDataSourceType": job.destination_data_source_type,
    }
    if "Description" in job.definition:
        content["Description"] = job.definition["Description"]
    if arguments["WithDetails"]:
        details = {name: value for name, value in job.definition.items() if name != FILE_SPEC}
        content.update({"TableMappings": [], "TransformationRules": [], **details})
    return ActionResult({"PagingInfo": content})


def list_di_jobs(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the jobs of a workspace."""
    state.check_project(arguments["ProjectId"])
    jobs = [_summary(job) for job in visible_jobs(state, VERSION) if _matches(job, arguments)]
    return ActionResult({"PagingInfo": job_page(state, jobs, arguments)})


def list_di_job_run_details(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the tables of a job's current or last run. The counters of the pages are strings."""
    job = _job(state, arguments)
    rows = [_run_info(job, table) for table in job.table_states(monotonic())]
    wanted = {
        "SourceDatasourceName": arguments["SourceDataSourceName"],
        "SourceDatabaseName": arguments["SourceDatabaseName"],
        "SourceSchemaName": arguments["SourceSchemaName"],
        "SourceTableName": arguments["SourceTableName"],
    }
    rows = [row for row in rows if all(row[name] == value for name, value in wanted.items() if value)]
    paging = page(rows, arguments, "JobRunInfos")
    counters = {name: str(paging[name]) for name in ("TotalCount", "PageNumber", "PageSize")}
    return ActionResult({"PagingInfo": {**paging, **counters}})


def get_di_job_log(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the log of a job's current or last run."""
    lines = _job(state, arguments).log(arguments["NodeType"], monotonic())
    begins = (arguments["PageNumber"] - 1) * assumptions.LOG_PAGE_LINES
    text = "".join(f"{line}\n" for line in lines[begins : begins + assumptions.LOG_PAGE_LINES])
    return ActionResult({"Log": text})


def list_di_job_events(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of a job's events of one type, the oldest first."""
    job = _job(state, arguments)
    events = [
        event
        for event in sorted([*job.events, *job.failures], key=lambda event: int(event["time"]))
        if event["EventType"] == arguments["EventType"]
        and arguments["StartTime"] <= event["time"] <= arguments["EndTime"]
    ]
    shown = [
        {
            "Id": str(number),
            "CreateTime": local_time(event["time"]),
            **{name: event[name] for name in EVENT_FIELDS if name in event},
        }
        for number, event in enumerate(events, start=1)
    ]
    return ActionResult({"PagingInfo": page(shown, arguments, "DIJobEvent")})


def list_di_job_metrics(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return the samples of a job's current or last run."""
    job = _job(state, arguments)
    samples = _samples(job, arguments["StartTime"], arguments["EndTime"])
    metrics = [{"Name": name, "SeriesList": _series(name, samples)} for name in arguments["MetricName"]]
    return ActionResult({"PagingInfo": {"JobMetrics": metrics}})


def _job(state: State, arguments: Mapping[str, Any]) -> Job:
    identifier = arguments.get("Id") or arguments["DIJobId"]
    if identifier is None:
        raise ApiRefusal(400, "MissingId", "Id is mandatory for this action.")
    job = find_job(state, identifier, VERSION)
    if job is None or arguments.get("ProjectId") not in (None, job.project_id):
        raise assumptions.unknown_job_2024(identifier)
    return job


def _fitting_job_type(job: Job) -> str:
    return "DatabaseRealtimeMigration" if job.migration_type in REALTIME_TYPES else "DatabaseOfflineMigration"


def _summary(job: Job) -> dict[str, Any]:
    spelled = assumptions.TYPES_OF_LIST_2024
    return {
        "Id": job.di_job_id,
        **job.summary(),
        "SourceDataSourceType": spelled.get(job.source_data_source_type, job.source_data_source_type),
        "DestinationDataSourceType": spelled.get(job.destination_data_source_type, job.destination_data_source_type),
        "Owner": job.owner,
    }


def _matches(job: Job, arguments: Mapping[str, Any]) -> bool:
    spec_type = FILE_SPEC.upper() if FILE_SPEC in job.definition else "CLASSIC"
    types = (
        (arguments["SourceDataSourceType"], job.source_data_source_type),
        (arguments["DestinationDataSourceType"], job.destination_data_source_type),
    )
    return (
        job.project_id == arguments["ProjectId"]
        and has_name(job, arguments["Name"])
        and arguments["MigrationType"] in (None, job.migration_type)
        and arguments["SpecType"] in ("ALL", spec_type)
        and all(not wanted or wanted.lower() == own.lower() for wanted, own in types)
    )


def _run_info(job: Job, table: TableState) -> dict[str, Any]:
    info: dict[str, Any] = {
        "SourceDatasourceName": _data_source(job, "Source"),
        "SourceDatabaseName": "demo",
        "SourceSchemaName": "",
        "SourceTableName": table.name,
        "DestinationDatasourceName": _data_source(job, "Destination"),
        "DestinationDatabaseName": "demo",
        "DestinationSchemaName": "public",
        "DestinationTableName": table.name,
        **{f"{phase}MigrationStatus": word for phase, word in table.statuses.items()},
        "OfflineTotalRecords": table.records,
        "OfflineTotalBytes": table.records * BYTES_PER_RECORD,
        "OfflineErrorRecords": table.error_records,
    }
    if table.error:
        info[f"{table.error[0]}MigrationErrorMessage"] = table.error[1]
    return info


def _data_source(job: Job, side: str) -> str:
    settings = job.definition.get(f"{side}DataSourceSettings") or [{}]
    first = settings[0] if isinstance(settings[0], dict) else {}
    kind = job.source_data_source_type if side == "Source" else job.destination_data_source_type
    return str(first.get("DataSourceName") or f"demo_{kind.lower()}")


def _samples(job: Job, start_time: int, end_time: int) -> list[tuple[int, int, float]]:
    """Return time, records and seconds since the run began, for each sample in a range of Unix seconds."""
    run, now, wall = job.shown_run(), monotonic(), unix_time()
    if run is None:
        return []
    samples = []
    step = assumptions.METRIC_SECONDS
    first = max(start_time, math.ceil(run.wall))
    for at in range(first, min(end_time, int(wall)) + 1, step):
        moment = now - (wall - at)
        records = sum(table.records for table in run.states(job.job_status, "", moment))
        samples.append((at, records, at - run.wall))
    return samples


def _series(name: str, samples: list[tuple[int, int, float]]) -> list[dict[str, Any]]:
    if name.startswith("total"):
        return [{"Time": at, "Value": float(records)} for at, records, _ in samples]
    if name.startswith("speed"):
        return [{"Time": at, "Value": records / elapsed if elapsed else 0.0} for at, records, elapsed in samples]
    return [{"Time": at, "Value": 0.0} for at, _, _ in samples]


def _check_metrics(value: list[Any]) -> None:
    unknown = [name for name in value if name not in METRICS]
    if unknown or not value:
        raise ValueError(f"it must name some of {', '.join(METRICS)}")


def _get(name: str, parameters: tuple[Parameter, ...], run: Any, **options: Any) -> Action:
    return Action(name, parameters, run, version=VERSION, method="GET", **options)


_ID = (Parameter("Id", "query", integer()), Parameter("DIJobId", "query", integer()))
_DI_JOB_ID = Parameter("DIJobId", "query", integer(), required=True)
_PROJECT_ID = Parameter("ProjectId", "query", integer(1, MAX_PROJECT_ID))
_INSTANCE_ID = Parameter("InstanceId", "query", integer())
_NEEDED_PROJECT_ID = Parameter("ProjectId", "query", integer(1, MAX_PROJECT_ID), required=True)
_PAGE = (
    Parameter("PageNumber", "query", integer(1, MAX_INT), default=1),
    Parameter("PageSize", "query", integer(1, 100), default=10),
)
_PERIOD = (
    Parameter("StartTime", "query", integer(0, assumptions.MAX_START_TIME), required=True),
    Parameter("EndTime", "query", integer(0, assumptions.MAX_START_TIME), required=True),
)
_CHANGEABLE = (
    Parameter("Description", "form", str),
    Parameter(FILE_SPEC, "form", str),
    Parameter("ResourceSettings", "form", json_value(dict)),
    Parameter("JobSettings", "form", json_value(dict)),
    Parameter("TableMappings", "form", json_value(list)),
    Parameter("TransformationRules", "form", json_value(list)),
)

ACTIONS = (
    _get(
        "ListDIJobs",
        (
            _NEEDED_PROJECT_ID,
            Parameter("Name", "query", str),
            Parameter("MigrationType", "query", choice(*MIGRATION_TYPES)),
            Parameter("SourceDataSourceType", "query", str),
            Parameter("DestinationDataSourceType", "query", str),
            Parameter("SpecType", "query", choice(*SPEC_TYPES), default=assumptions.DEFAULT_SPEC_TYPE),
            *_PAGE,
        ),
        list_di_jobs,
    ),
    _get("GetDIJob", (*_ID, _PROJECT_ID, Parameter("WithDetails", "query", boolean, default=True)), get_di_job),
    _get(
        "StartDIJob",
        (
            *_ID,
            Parameter("ForceToRerun", "query", boolean),
            Parameter("RealtimeStartSettings", "query", json_value(dict, check_start_settings)),
        ),
        start_di_job,
    ),
    _get("StopDIJob", (*_ID, _INSTANCE_ID), stop_di_job),
    _get("DeleteDIJob", (*_ID, _PROJECT_ID), delete_di_job),
    Action(
        "CreateDIJob",
        (
            _NEEDED_PROJECT_ID,
            Parameter("Name", "query", str),
            Parameter("JobName", "query", str),
            Parameter("JobType", "query", choice(*JOB_TYPES)),
            Parameter("MigrationType", "query", choice(*MIGRATION_TYPES), required=True),
            Parameter("SourceDataSourceType", "query", choice(*SOURCES), required=True),
            Parameter("DestinationDataSourceType", "query", choice(*DESTINATIONS), required=True),
            Parameter("Owner", "query", str),
            Parameter("SourceDataSourceSettings", "form", json_value(list)),
            Parameter("DestinationDataSourceSettings", "form", json_value(list)),
            *_CHANGEABLE,
        ),
        create_di_job,
        version=VERSION,
    ),
    Action(
        "UpdateDIJob",
        (*_ID, _PROJECT_ID, Parameter("Owner", "query", str), *_CHANGEABLE),
        update_di_job,
        version=VERSION,
    ),
    _get(
        "ListDIJobRunDetails",
        (
            _DI_JOB_ID,
            _INSTANCE_ID,
            Parameter("SourceDataSourceName", "query", str),
            Parameter("SourceDatabaseName", "query", str),
            Parameter("SourceSchemaName", "query", str),
            Parameter("SourceTableName", "query", str),
            *_PAGE,
        ),
        list_di_job_run_details,
    ),
    _get(
        "GetDIJobLog",
        (
            *_ID,
            _INSTANCE_ID,
            Parameter("FailoverId", "query", integer()),
            Parameter("NodeType", "query", choice("MASTER", "WORKER"), default="MASTER"),
            Parameter("PageNumber", "query", integer(1, MAX_INT), default=1),
        ),
        get_di_job_log,
    ),
    _get(
        "ListDIJobEvents",
        (_DI_JOB_ID, Parameter("EventType", "query", choice(*EVENT_TYPES), required=True), *_PERIOD, *_PAGE),
        list_di_job_events,
    ),
    _get(
        "ListDIJobMetrics",
        (_DI_JOB_ID, Parameter("MetricName", "query", json_value(list, _check_metrics), required=True), *_PERIOD),
        list_di_job_metrics,
    ),
)
