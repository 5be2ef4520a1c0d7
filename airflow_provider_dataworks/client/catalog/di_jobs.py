"""What the API versions have in common about DI jobs: their actions by purpose, and models built from the answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action, UnreadableContentError, whole_number
from airflow_provider_dataworks.client.catalog.paging import total_count
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import DIJob, JobPage, RunSummary

#: The fields of a job that hold integers.
_INTEGERS = ("DIJobId", "Id", "ProjectId", "StartedTime")
_STRINGS = ("JobStatus", "JobName", "MigrationType")


@dataclass(frozen=True)
class DIJobActions:
    """The actions on DI jobs of one API version, by purpose, and what differs in their parameters.

    :param id_parameter: the parameter that names a job.
    :param name_parameter: the parameter for a job's name.
    :param list_defaults: parameters that every ListDIJobs has; default none.
    :param gives_started_time: whether GetDIJob says when a job was started (default True); if not, only a change of
        its status shows a new run.
    """

    list_jobs: Action
    get_job: Action
    start_job: Action
    stop_job: Action
    create_job: Action
    update_job: Action
    delete_job: Action
    id_parameter: str
    name_parameter: str
    list_defaults: Mapping[str, Any] = field(default_factory=dict)
    gives_started_time: bool = True

    @property
    def version(self) -> str:
        """The API version."""
        return self.list_jobs.version

    def read_page(self, answer: Mapping[str, Any]) -> JobPage:
        """Build a page from an answer of ``list_jobs``.

        :param answer: the answer, complete.
        """
        return read_page(answer[str(self.list_jobs.envelope.content)])

    def read_job(self, answer: Mapping[str, Any], di_job_id: int) -> DIJob:
        """Build a job from an answer of ``get_job``.

        :param answer: the answer, complete.
        :param di_job_id: the job that was asked for.
        """
        return read_job(answer[str(self.get_job.envelope.content)], di_job_id=di_job_id)


def read_job(entry: Any, *, di_job_id: int | None = None) -> DIJob:
    """Build a job from what an answer says of it.

    :param entry: the answer's object, with the field names of either API version.
    :param di_job_id: the job that was asked for, if the answer itself does not say; default None.
    :return: the job.
    :raises UnreadableContentError: it is no job, or a field has another type than the documented one.
    """
    if not isinstance(entry, dict):
        raise UnreadableContentError(f"a job is {entry!r:.50}")
    fields = {**entry, **{name: _integer(name, entry[name]) for name in _INTEGERS if name in entry}}
    for name in _STRINGS:
        if not isinstance(fields.get(name), (str, type(None))):
            raise UnreadableContentError(f"{name} of a job is {fields[name]!r:.50}")
    job_id = fields.get("Id") or fields.get("DIJobId") or di_job_id
    if job_id is None:
        raise UnreadableContentError("a job has no id")
    status = fields.get("JobStatus")
    fields["DIJobId"] = job_id
    if status is not None:
        fields["JobStatus"] = status = assumptions.STATUS_ALIASES.get(status, status)
    message = fields.get("ErrorMessage")
    return DIJob(
        id=job_id,
        status=status or "",
        project_id=fields.get("ProjectId"),
        name=fields.get("JobName"),
        migration_type=fields.get("MigrationType"),
        started_time=fields.get("StartedTime"),
        error_message=None if message is None else str(message),
        fields=fields,
    )


def read_page(paging: Mapping[str, Any]) -> JobPage:
    """Build a page of a list of jobs.

    :param paging: the object that holds DIJobs and TotalCount.
    :return: the page.
    :raises UnreadableContentError: it holds no list, an entry is no job, or TotalCount is no number.
    """
    entries = paging.get("DIJobs") or []
    if not isinstance(entries, list):
        raise UnreadableContentError("DIJobs is no list")
    return JobPage(tuple(map(read_job, entries)), total_count(paging))


def summarize_run(tables: Iterable[Mapping[str, Any]]) -> RunSummary:
    """Sum a run up.

    :param tables: the entries of ListDIJobRunDetails; a counter that is missing or no number counts as 0.
    :return: the summary.
    """
    entries = list(tables)

    def total(name: str) -> int:
        return sum(whole_number(entry.get(name)) or 0 for entry in entries)

    return RunSummary(
        tables=len(entries),
        tables_finished=sum(map(_is_finished, entries)),
        records=total("OfflineTotalRecords"),
        bytes=total("OfflineTotalBytes"),
        error_records=total("OfflineErrorRecords"),
        errors=tuple(error for entry in entries for error in _errors(entry)),
    )


def _is_finished(entry: Mapping[str, Any]) -> bool:
    for phase, words in assumptions.TABLE_FINISHED.items():
        if entry.get(phase):
            return str(entry[phase]) in words
    return False


def _errors(entry: Mapping[str, Any]) -> Iterator[str]:
    parts = (entry.get(f"Source{part}Name") for part in ("Database", "Schema", "Table"))
    table = ".".join(printable(part) for part in parts if part)
    for phase in ("Structure", "Full", "Realtime"):
        if message := entry.get(f"{phase}MigrationErrorMessage"):
            yield f"{table or 'a table'}: {printable(message)}"


def _integer(name: str, value: Any) -> int | None:
    number = whole_number(value)
    if number is None and value not in (None, ""):
        raise UnreadableContentError(f"{name} of a job is {value!r:.50}")
    return number
