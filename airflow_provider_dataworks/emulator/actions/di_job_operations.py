"""Operations on DI jobs that the actions of both API versions have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.resources.di_jobs import DI_JOBS, Job
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.paging import page

#: The parameters of CreateDIJob that are stored as they are.
SETTINGS = (
    "Description",
    "SourceDataSourceSettings",
    "DestinationDataSourceSettings",
    "ResourceSettings",
    "TransformationRules",
    "TableMappings",
    "JobSettings",
)
#: Those of them that UpdateDIJob replaces.
CHANGEABLE = ("Description", "ResourceSettings", "TransformationRules", "TableMappings", "JobSettings")


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
    job.updated_time = int(unix_time())


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
            "time": unix_time(),
            "RealtimeStartSettings": arguments["RealtimeStartSettings"],
            "ForceToRerun": arguments["ForceToRerun"],
            "request_id": request_id,
        }
    )
    if is_busy:
        return False
    rerun = bool(arguments["ForceToRerun"])
    if job.job_status == "Finished" and not rerun:
        rerun = job.migration_type != "Full" or state.settings.rerun_finished_full
    skip_seconds = state.settings.skip_seconds
    if skip_seconds is None:
        skip_seconds = assumptions.SKIP_SECONDS[version]
    return job.start(state.settings, monotonic(), unix_time(), rerun=rerun, skip_seconds=skip_seconds)


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


def has_name(job: Job, wanted: str | None) -> bool:
    """Return whether a job is among those that a filter by name shows."""
    wanted, name = wanted or "", job.job_name
    if assumptions.FUZZY_IGNORES_CASE:
        wanted, name = wanted.lower(), name.lower()
    return wanted in name


def check_start_settings(value: dict[str, Any]) -> None:
    """
    Check RealtimeStartSettings.

    :raises ValueError: a key or a value is not accepted.
    """
    _check_numbers(value, "StartTime", maximum=assumptions.MAX_START_TIME, others=("FailoverSettings",))
    failover = value.get("FailoverSettings")
    if failover is not None:
        if not isinstance(failover, dict):
            raise ValueError("FailoverSettings must be an object")
        _check_numbers(failover, "Interval", "UpperLimit", maximum=2**31 - 1)


def _is_visible(state: State, job: Job, version: str) -> bool:
    return not state.settings.separate_versions or job.api_version in (None, version)


def _check_numbers(value: dict[str, Any], *names: str, maximum: int, others: tuple[str, ...] = ()) -> None:
    unknown = set(value) - set(names) - set(others)
    if unknown:
        raise ValueError(f"it has no key {', '.join(sorted(unknown))}")
    for name in names:
        number = value.get(name)
        if number is not None and (type(number) is not int or not 0 <= number <= maximum):
            raise ValueError(f"{name} must be a whole number from 0 to {maximum}")


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
