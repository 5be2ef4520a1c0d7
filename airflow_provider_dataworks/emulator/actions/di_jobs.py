"""DI jobs, 2020-05-18: the DIJob actions; also what they have in common with those of 2024-05-18."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resources.di_jobs import DI_JOBS, MIGRATION_TYPES, Job
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import DEFAULT_VERSION, MAX_PROJECT_ID, Action, ActionResult
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
#: Those that UpdateDIJob can replace.
CHANGEABLE = ("Description", "ResourceSettings", "TransformationRules", "TableMappings", "JobSettings")


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
    return ActionResult({}, changed=job.stop(state.settings, time.monotonic()))


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


def visible_jobs(state: State, version: str) -> list[Job]:
    """Return the jobs that an API version shows."""
    return [job for job in state[DI_JOBS].all() if _is_visible(state, job, version)]


def find_job(state: State, di_job_id: int, version: str) -> Job | None:
    """Return the job with this id, or None when the API version has none."""
    job = state[DI_JOBS].find(di_job_id)
    return job if job is not None and _is_visible(state, job, version) else None


def add_job(state: State, arguments: Mapping[str, Any], name: str, version: str, settings: tuple[str, ...]) -> Job:
    """
    Create a job of the arguments of an action.

    :param name: the job's name.
    :param version: the API version of the action.
    :param settings: the parameters that are stored as they are.
    """
    state.check_project(arguments["ProjectId"])
    job = Job(
        state[DI_JOBS].new_id(),
        arguments["ProjectId"],
        name,
        arguments["MigrationType"],
        arguments["SourceDataSourceType"],
        arguments["DestinationDataSourceType"],
        api_version=version,
    )
    update_job(job, arguments, settings)
    state[DI_JOBS].add(job)
    return job


def update_job(job: Job, arguments: Mapping[str, Any], settings: tuple[str, ...]) -> None:
    """Store the settings of an action, and the names of the tables in them."""
    job.definition.update({name: arguments[name] for name in settings if arguments[name] is not None})
    names = list(_mapped_tables(arguments["TableMappings"] or []))
    if names:
        job.tables = [{"name": name, "records": 1000, "growth": 10} for name in names]
    job.updated_time = int(time.time())


def start_job(state: State, job: Job, arguments: Mapping[str, Any], version: str, request_id: str) -> bool:
    """
    Start a run of a job.

    :return: whether one was started.
    :raises ApiRefusal: the job is running.
    """
    is_busy = job.busy
    if is_busy and (state.settings.start_running == "refuse" or job.job_status == "Stopping"):
        raise assumptions.wrong_job_status(job.di_job_id, job.activity, "StartDIJob")
    job.start_requests.append(
        {
            "time": time.time(),
            "RealtimeStartSettings": arguments["RealtimeStartSettings"],
            "ForceToRerun": arguments["ForceToRerun"],
            "request_id": request_id,
        }
    )
    if is_busy:
        return False
    rerun = bool(arguments["ForceToRerun"])
    if job.job_status == "Finished" and not rerun:
        rerun = job.migration_type != "Full" or _reruns_finished_full(state, version)
    return job.start(state.settings, time.monotonic(), time.time(), rerun=rerun)


def delete_job(state: State, job: Job) -> None:
    """
    Delete a job.

    :raises ApiRefusal: it runs.
    """
    if job.busy:
        raise assumptions.wrong_job_status(job.di_job_id, job.activity, "DeleteDIJob")
    state[DI_JOBS].remove(job)


def job_page(state: State, jobs: list[dict[str, Any]], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of ListDIJobs."""
    paging = page(jobs, arguments, "DIJobs")
    if paging["PageNumber"] == state.settings.null_page:
        paging["DIJobs"] = None
    return paging


def page(items: list[dict[str, Any]], arguments: Mapping[str, Any], name: str) -> dict[str, Any]:
    """
    Return one page of a list, with its counters.

    :param name: the name of the list.
    """
    number, size = arguments["PageNumber"], arguments["PageSize"]
    shown = items[(number - 1) * size : number * size]
    return {"TotalCount": len(items), "PageNumber": number, "PageSize": size, name: shown}


def has_name(job: Job, wanted: str | None) -> bool:
    """Return whether a job is among those that a filter by name shows."""
    wanted, name = wanted or "", job.job_name
    if assumptions.FUZZY_IGNORES_CASE:
        wanted, name = wanted.lower(), name.lower()
    return wanted in name


def _reruns_finished_full(state: State, version: str) -> bool:
    setting = state.settings.rerun_finished_full
    return version == DEFAULT_VERSION if setting is None else setting


def _is_visible(state: State, job: Job, version: str) -> bool:
    return not state.settings.separate_versions or job.api_version in (None, version)


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


def _mapped_tables(mappings: list[Any]) -> dict[str, None]:
    names: dict[str, None] = {}
    for mapping in mappings:
        rules = mapping.get("SourceObjectSelectionRules") if isinstance(mapping, dict) else None
        for rule in rules if isinstance(rules, list) else []:
            if not isinstance(rule, dict) or rule.get("ObjectType") != "Table" or rule.get("Action") == "Exclude":
                continue
            if isinstance(rule.get("Expression"), str) and rule.get("ExpressionType") in (None, "Exact"):
                names[rule["Expression"]] = None
    return names


def check_start_settings(value: dict[str, Any]) -> None:
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
