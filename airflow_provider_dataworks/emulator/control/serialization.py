"""Jobs and files as the control endpoint reads and writes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_dataworks.emulator.backend.files import (
    SOLUTION_STATUSES,
    START_OUTCOMES,
    TASK_TYPES,
    File,
)
from airflow_provider_dataworks.emulator.backend.jobs import MIGRATION_TYPES, OUTCOMES, Job
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.settings import boolean, non_negative_int, one_of, optional, seconds

Check = Callable[[str, Any], Any]


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value


def _identifier(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {value!r}")
    return value


def _not_settable(name: str, value: Any) -> Any:
    raise ValueError(f"{name} is kept by the emulator and cannot be set")


#: Name in JSON, name of the attribute, check.
JOB_FIELDS: tuple[tuple[str, str, Check], ...] = (
    ("DIJobId", "di_job_id", _identifier),
    ("ProjectId", "project_id", _identifier),
    ("JobName", "job_name", _text),
    ("MigrationType", "migration_type", one_of(*MIGRATION_TYPES)),
    ("SourceDataSourceType", "source_data_source_type", _text),
    ("DestinationDataSourceType", "destination_data_source_type", _text),
    ("JobStatus", "job_status", _text),
    ("ErrorMessage", "error_message", optional(_text)),
    ("StartedTime", "started_time", optional(non_negative_int)),
    ("run_seconds", "run_seconds", optional(seconds)),
    ("outcome", "outcome", one_of(*OUTCOMES)),
    ("start_lag_seconds", "start_lag_seconds", optional(seconds)),
    ("stop_seconds", "stop_seconds", optional(seconds)),
    ("hides_started_time", "hides_started_time", boolean),
    ("starts", "starts", non_negative_int),
    ("stops", "stops", non_negative_int),
    ("start_requests", "start_requests", _not_settable),
)
FILE_FIELDS: tuple[tuple[str, str, Check], ...] = (
    ("FileId", "file_id", _identifier),
    ("ProjectId", "project_id", _identifier),
    ("TaskType", "task_type", one_of(*TASK_TYPES)),
    ("TaskName", "task_name", _text),
    ("Status", "status", _text),
    ("SolutionStatus", "solution_status", _text),
    ("starts", "starts", non_negative_int),
    ("stops", "stops", non_negative_int),
    ("deployed", "deployed", boolean),
    ("start_outcome", "start_outcome", one_of(*START_OUTCOMES)),
    ("wait_seconds", "wait_seconds", seconds),
    ("solution_outcome", "solution_outcome", one_of(*SOLUTION_STATUSES)),
    ("run_seconds", "run_seconds", optional(seconds)),
    ("start_lag_seconds", "start_lag_seconds", optional(seconds)),
    ("stop_seconds", "stop_seconds", optional(seconds)),
    ("TaskContent", "task_content", _text),
    ("TaskParam", "task_param", _text),
    ("ClientToken", "client_token", _text),
    ("creations", "creations", non_negative_int),
    ("start_params", "start_params", _not_settable),
)
#: Setting one of these moves the job or file at once and cancels what lay ahead of it.
MOVING = ("job_status", "status", "solution_status")


def show(item: Job | File) -> dict[str, Any]:
    """Return a job or a file as JSON."""
    fields = JOB_FIELDS if isinstance(item, Job) else FILE_FIELDS
    return {name: getattr(item, attribute) for name, attribute, _ in fields}


def new_jobs(state: State, wanted: list[Any]) -> list[Job]:
    """
    Put jobs into the state: all or, when one of them is wrong, none.

    :raises ValueError: a job cannot be made of what is given.
    """
    jobs, taken = [], {job.di_job_id for job in state.jobs()}
    for item in wanted:
        values = _checked(JOB_FIELDS, item)
        values["di_job_id"] = _free_id("DIJobId", values.get("di_job_id"), taken, state.new_job_id)
        values.setdefault("project_id", state.settings.project_id)
        values.setdefault("job_name", f"job_{values['di_job_id']}")
        jobs.append(Job(**values))
    for job in jobs:
        state.add_job(job)
    return jobs


def new_files(state: State, wanted: list[Any]) -> list[File]:
    """
    Put files into the state: all or, when one of them is wrong, none.

    :raises ValueError: a file cannot be made of what is given.
    """
    files, taken = [], {file.file_id for file in state.files()}
    for item in wanted:
        values = _checked(FILE_FIELDS, item)
        values["file_id"] = _free_id("FileId", values.get("file_id"), taken, state.new_file_id)
        values.setdefault("project_id", state.settings.project_id)
        values.setdefault("task_type", "DI_REALTIME")
        values.setdefault("task_name", f"file_{values['file_id']}")
        files.append(File(**values))
    for file in files:
        state.add_file(file)
    return files


def change(item: Job | File, wanted: Any) -> None:
    """
    Change a job or a file: all of the fields or, when one is wrong, none.

    :raises ValueError: a field cannot be set so.
    """
    fields, own_id = (JOB_FIELDS, "di_job_id") if isinstance(item, Job) else (FILE_FIELDS, "file_id")
    values = _checked(fields, wanted)
    if values.get(own_id, getattr(item, own_id)) != getattr(item, own_id):
        raise ValueError("the id cannot be changed")
    for attribute, value in values.items():
        setattr(item, attribute, value)
    if any(attribute in values for attribute in MOVING):
        item.timeline.clear()
    if isinstance(item, Job):
        item.updated_time = int(time.time())


def _checked(fields: tuple[tuple[str, str, Check], ...], wanted: Any) -> dict[str, Any]:
    if not isinstance(wanted, Mapping):
        raise ValueError(f"there must be a JSON object, not {wanted!r}")
    known = {name: (attribute, check) for name, attribute, check in fields}
    unknown = set(wanted) - set(known)
    if unknown:
        raise ValueError(f"no field {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return {known[name][0]: known[name][1](name, value) for name, value in wanted.items()}


def _free_id(name: str, given: int | None, taken: set[int], new: Callable[[], int]) -> int:
    chosen = given
    while chosen is None or (given is None and chosen in taken):
        chosen = new()
    if chosen in taken:
        raise ValueError(f"{name} {chosen} exists already")
    taken.add(chosen)
    return chosen
