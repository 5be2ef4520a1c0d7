"""DI jobs, 2020-05-18: CreateDIJob, GetDIJob, ListDIJobs, StartDIJob, StopDIJob, DeleteDIJob."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resources.di_jobs import DI_JOBS, MIGRATION_TYPES, Job
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import (
    Parameter,
    boolean,
    choice,
    integer,
    json_value,
)

SETTINGS = (
    "Description",
    "SourceDataSourceSettings",
    "DestinationDataSourceSettings",
    "ResourceSettings",
    "TransformationRules",
    "TableMappings",
    "JobSettings",
)


def create_di_job(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Make a job, Initialized."""
    state.check_project(given["ProjectId"])
    job = Job(
        state[DI_JOBS].new_id(),
        given["ProjectId"],
        given["JobName"],
        given["MigrationType"],
        given["SourceDataSourceType"],
        given["DestinationDataSourceType"],
        definition={name: given[name] for name in SETTINGS if given[name] is not None},
    )
    state[DI_JOBS].add(job)
    return ActionResult({"DIJobId": job.di_job_id}, changed=True)


def start_di_job(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Begin a run of a job."""
    job = _job(state, given)
    runs = job.busy
    if runs and (state.settings.start_running == "refuse" or job.job_status == "Stopping"):
        raise assumptions.wrong_job_status(job.di_job_id, job.activity, "StartDIJob")
    job.start_requests.append(
        {
            "time": time.time(),
            "RealtimeStartSettings": given["RealtimeStartSettings"],
            "ForceToRerun": given["ForceToRerun"],
            "request_id": request_id,
        }
    )
    if not runs:
        job.start(state.settings, time.monotonic(), time.time())
    return ActionResult({}, changed=not runs)


def stop_di_job(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Stop a job that runs."""
    job = _job(state, given)
    return ActionResult({}, changed=job.stop(state.settings, time.monotonic()))


def delete_di_job(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Delete a job that does not run."""
    job = _job(state, given)
    if job.busy:
        raise assumptions.wrong_job_status(job.di_job_id, job.activity, "DeleteDIJob")
    state[DI_JOBS].remove(job)
    return ActionResult({}, changed=True)


def get_di_job(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Show one job."""
    job = _job(state, given)
    return ActionResult({"Data": job.details(with_settings=given["WithDetails"])})


def list_di_jobs(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    """Show one page of the jobs of a workspace."""
    state.check_project(given["ProjectId"])
    jobs = [job.summary() for job in state[DI_JOBS].all() if _matches(job, given)]
    number, size = given["PageNumber"], given["PageSize"]
    page: list[dict[str, Any]] | None = jobs[(number - 1) * size : number * size]
    if number == state.settings.null_page:
        page = None
    paging = {"TotalCount": len(jobs), "PageNumber": number, "PageSize": size, "DIJobs": page}
    return ActionResult({"DIJobPaging": paging})


def _job(state: State, given: Mapping[str, Any]) -> Job:
    job = state[DI_JOBS].find(given["DIJobId"])
    if job is None:
        raise assumptions.unknown_job(given["DIJobId"])
    return job


def _matches(job: Job, given: Mapping[str, Any]) -> bool:
    wanted, name = given["JobName"] or "", job.job_name
    if assumptions.FUZZY_IGNORES_CASE:
        wanted, name = wanted.lower(), name.lower()
    return (
        job.project_id == given["ProjectId"]
        and wanted in name
        and given["SourceDataSourceType"] in (None, "", job.source_data_source_type)
        and given["DestinationDataSourceType"] in (None, "", job.destination_data_source_type)
    )


def _check_start_settings(value: dict[str, Any]) -> None:
    _check_numbers(value, "StartTime", maximum=assumptions.MAX_START_TIME, others=("FailoverSettings",))
    failover = value.get("FailoverSettings")
    if failover is not None:
        if not isinstance(failover, dict):
            raise ValueError("FailoverSettings must be an object")
        _check_numbers(failover, "Interval", "UpperLimit", maximum=2**31 - 1)


def _check_numbers(value: dict[str, Any], *names: str, maximum: int, others: tuple[str, ...] = ()) -> None:
    unknown = set(value) - set(names) - set(others)
    if unknown:
        raise ValueError(f"it has no key {', '.join(sorted(unknown))}")
    for name in names:
        number = value.get(name)
        if number is not None and (type(number) is not int or not 0 <= number <= maximum):
            raise ValueError(f"{name} must be a whole number from 0 to {maximum}")


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
    ),
    Action("GetDIJob", (_JOB_ID, Parameter("WithDetails", "form", boolean, default=True)), get_di_job),
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
    ),
    Action(
        "StartDIJob",
        (
            _JOB_ID,
            Parameter("RealtimeStartSettings", "form", json_value(dict, _check_start_settings)),
            Parameter("ForceToRerun", "form", boolean),
        ),
        start_di_job,
    ),
    Action("StopDIJob", (_JOB_ID,), stop_di_job),
    Action("DeleteDIJob", (_JOB_ID,), delete_di_job),
)
