"""DI jobs, 2020-05-18: the DIJob actions."""

from __future__ import annotations

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
from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.resources.di_jobs import MIGRATION_TYPES, Job
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import DEFAULT_VERSION, MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import (
    Parameter,
    boolean,
    choice,
    integer,
    json_value,
)


def create_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Create a job with the status Initialized."""
    job = add_job(state, arguments, arguments["JobName"], DEFAULT_VERSION, SETTINGS)
    return ActionResult({"DIJobId": job.di_job_id}, changed=True)


def update_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Replace settings of a job."""
    update_job(_job(state, arguments), arguments, CHANGEABLE)
    return ActionResult({}, changed=True)


def start_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Start a run of a job."""
    return ActionResult({}, changed=start_job(state, _job(state, arguments), arguments, DEFAULT_VERSION, request_id))


def stop_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop a running job."""
    job = _job(state, arguments)
    return ActionResult({}, changed=job.stop(state.settings, monotonic()))


def delete_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Delete a job that is not running."""
    delete_job(state, _job(state, arguments))
    return ActionResult({}, changed=True)


def get_di_job(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one job."""
    job = _job(state, arguments)
    return ActionResult({"Data": job.details(with_settings=arguments["WithDetails"])})


def list_di_jobs(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the jobs of a workspace."""
    state.check_project(arguments["ProjectId"])
    jobs = [job.summary() for job in visible_jobs(state, DEFAULT_VERSION) if _matches(job, arguments)]
    return ActionResult({"DIJobPaging": job_page(state, jobs, arguments)})


def _job(state: State, arguments: Mapping[str, Any]) -> Job:
    job = find_job(state, arguments["DIJobId"], DEFAULT_VERSION)
    if job is None:
        raise assumptions.unknown_job(arguments["DIJobId"])
    return job


def _matches(job: Job, arguments: Mapping[str, Any]) -> bool:
    return (
        job.project_id == arguments["ProjectId"]
        and has_name(job, arguments["JobName"])
        and arguments["SourceDataSourceType"] in (None, "", job.source_data_source_type)
        and arguments["DestinationDataSourceType"] in (None, "", job.destination_data_source_type)
    )


_JOB_ID = Parameter("DIJobId", "form", integer(), required=True)
_PROJECT_ID = Parameter("ProjectId", "form", integer(1, MAX_PROJECT_ID), required=True)

ACTIONS = (
    Action(
        "CreateDIJob",
        (
            _PROJECT_ID,
            Parameter("JobName", "form", str, required=True),
            Parameter("MigrationType", "form", choice(*MIGRATION_TYPES), required=True),
            Parameter("SourceDataSourceType", "form", choice("MySQL"), required=True),
            Parameter("DestinationDataSourceType", "form", choice("Hologres", "Hive"), required=True),
            Parameter("Description", "form", str),
            Parameter("SourceDataSourceSettings", "form", json_value(list)),
            Parameter("DestinationDataSourceSettings", "form", json_value(list)),
            Parameter("ResourceSettings", "form", json_value(dict)),
            Parameter("TransformationRules", "form", json_value(list)),
            Parameter("TableMappings", "form", json_value(list)),
            Parameter("JobSettings", "form", json_value(dict)),
            Parameter("SystemDebug", "query", boolean),
        ),
        create_di_job,
        enterprise=True,
    ),
    Action(
        "UpdateDIJob",
        (
            _JOB_ID,
            Parameter("Description", "form", str),
            Parameter("ResourceSettings", "form", json_value(dict)),
            Parameter("TransformationRules", "form", json_value(list)),
            Parameter("TableMappings", "form", json_value(list)),
            Parameter("JobSettings", "form", json_value(dict)),
        ),
        update_di_job,
        enterprise=True,
    ),
    Action(
        "GetDIJob",
        (_JOB_ID, Parameter("WithDetails", "form", boolean, default=True)),
        get_di_job,
        enterprise=True,
    ),
    Action(
        "ListDIJobs",
        (
            _PROJECT_ID,
            Parameter("JobName", "form", str),
            Parameter("SourceDataSourceType", "form", str),
            Parameter("DestinationDataSourceType", "form", str),
            Parameter("PageNumber", "form", integer(1, 2**31 - 1), default=1),
            Parameter("PageSize", "form", integer(1, 100), default=10),
        ),
        list_di_jobs,
        enterprise=True,
    ),
    Action(
        "StartDIJob",
        (
            _JOB_ID,
            Parameter("RealtimeStartSettings", "form", json_value(dict, check_start_settings)),
            Parameter("ForceToRerun", "form", boolean),
        ),
        start_di_job,
        enterprise=True,
    ),
    Action("StopDIJob", (_JOB_ID,), stop_di_job, enterprise=True),
    Action("DeleteDIJob", (_JOB_ID,), delete_di_job, enterprise=True),
)
