"""The hook's methods for DI jobs, the same in both API versions as far as these allow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action, whole_number
from airflow_provider_dataworks.client.catalog import DI_JOBS, find_action, v2024_05_18
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions, read_job, summarize_run
from airflow_provider_dataworks.client.catalog.paging import read_entries
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import ApiError, Outcome
from airflow_provider_dataworks.client.models import DIJob, Job, JobPage, ListedJob, RunSummary
from airflow_provider_dataworks.client.runs import ENDED, new_run_shows, normal_status
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    job_not_found,
)
from airflow_provider_dataworks.hooks.base import MAY_HAVE_STARTED, DataWorksBaseHook

#: Pages of a job's log that are read at most.
MAX_LOG_PAGES = 1000

_LARGEST_PAGE = 100
_DAY = 86400

#: Settings of a job: the argument's name, the API's name, and the type of the value.
_SETTINGS: dict[str, tuple[str, type]] = {
    "description": ("Description", str),
    "source_data_source_settings": ("SourceDataSourceSettings", list),
    "destination_data_source_settings": ("DestinationDataSourceSettings", list),
    "resource_settings": ("ResourceSettings", dict),
    "transformation_rules": ("TransformationRules", list),
    "table_mappings": ("TableMappings", list),
    "job_settings": ("JobSettings", dict),
    "file_spec": ("FileSpec", str),
    "owner": ("Owner", str),
}


class DIJobsHook(DataWorksBaseHook):
    """The part of the hook that is about DI jobs."""

    @property
    def _di_job_actions(self) -> DIJobActions:
        """The actions on DI jobs that the connection's API version has."""
        return DI_JOBS[self.settings.api_version]

    def start_di_job(
        self,
        *,
        di_job_id: int | str,
        realtime_start_settings: dict[str, Any] | str | None = None,
        force_to_rerun: bool | str | None = None,
        job_before: Job | DIJob | None = None,
        counters_before: str | None = None,
    ) -> str:
        """Start a DI job, once (API page: StartDIJob).

        The job is read first. After a lost response it is read again; the start is sent again only if no new run shows,
        and never with ``force_to_rerun`` in API version 2024-05-18. That version does not say when a job was started:
        the counters of its tables show a run that is over already.

        :param di_job_id: the job's id.
        :param realtime_start_settings: ``StartTime`` (Unix seconds, datetime or ISO 8601 string) and
            ``FailoverSettings`` (``Interval`` in minutes, ``UpperLimit``), dict or JSON string; None resumes at the
            last offset.
        :param force_to_rerun: run all steps again; None leaves it to the service: it runs only what has not run.
        :param job_before: the job as read just now; None reads it here.
        :param counters_before: what ``read_run_counters`` gave with ``job_before``; default None.
        :return: RequestId.
        :raises DataWorksNotFoundError: there is no such job.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may have
            started.
        """
        actions = self._di_job_actions
        job_id = arguments.identifier("di_job_id", di_job_id)
        parameters = {
            actions.id_parameter: job_id,
            "RealtimeStartSettings": self._start_settings(job_id, realtime_start_settings),
            "ForceToRerun": arguments.boolean("force_to_rerun", force_to_rerun),
        }
        read_here = job_before is None
        if job_before is None:
            job_before = self.read_di_job(di_job_id=job_id)
        before = job_before if isinstance(job_before, DIJob) else read_job(dict(job_before), di_job_id=job_id)
        if normal_status(before.status) not in ENDED:
            # Those of a run that is not over move by themselves.
            counters_before = None
        elif read_here:
            counters_before = self.read_run_counters(di_job_id=job_id)

        def read_start(error: ApiError) -> dict[str, Any] | None:
            job = self.read_di_job(di_job_id=job_id)
            shows = new_run_shows(job.status, job.started_time, before.status, before.started_time)
            if not shows and counters_before is not None:
                shows = self.read_run_counters(di_job_id=job_id) not in (None, counters_before)
            return {"RequestId": error.request_id} if shows else None

        timed = actions.gives_started_time
        confirm_effect = self._confirm_by_reading(
            actions.start_job,
            read_start,
            warning=MAY_HAVE_STARTED,
            pauses=assumptions.START_SHOWS_AFTER if timed else assumptions.CHANGE_SHOWS_AFTER,
            # Without StartedTime, a run that is over already may look like none, and a rerun moves everything again.
            may_repeat=timed or not parameters["ForceToRerun"],
        )
        answer = self._send(actions.start_job, parameters, confirm_effect=confirm_effect)
        request_id = str(answer.get("RequestId") or "")
        self.log.info("Started DI job %s (RequestId %s)", job_id, request_id or "lost with the answer")
        return request_id

    def stop_di_job(self, *, di_job_id: int | str) -> str:
        """Ask a DI job to stop; it is Stopping first, then Stopped (API page: StopDIJob).

        :param di_job_id: the job's id.
        :return: RequestId.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        actions = self._di_job_actions
        job_id = arguments.identifier("di_job_id", di_job_id)

        def read_stop(error: ApiError) -> dict[str, Any] | None:
            # Only what may refuse the repeat of a stop that had its effect is looked into.
            if error.outcome is not Outcome.REFUSED:
                return None
            job = self._read_or_none(job_id)
            stopped = job is not None and job.status in ("Stopping", "Stopped")
            return {"RequestId": error.request_id} if stopped else None

        answer = self._send(actions.stop_job, {actions.id_parameter: job_id}, confirm_effect=read_stop)
        request_id = str(answer.get("RequestId") or "")
        self.log.info("Stopping DI job %s (RequestId %s)", job_id, request_id)
        return request_id

    def create_di_job(
        self,
        *,
        project_id: int | str | None = None,
        job_name: str,
        migration_type: str,
        source_data_source_type: str,
        destination_data_source_type: str,
        job_type: str | None = None,
        **settings: Any,
    ) -> int:
        """Create a DI job, once; it is Initialized and not started (API page: CreateDIJob).

        After a lost response the job is searched for by its name, and created again only if there is none.

        :param project_id: workspace id; None for the connection's.
        :param job_name: the job's name.
        :param migration_type: such as Full or FullAndRealtimeIncremental.
        :param source_data_source_type: such as MySQL.
        :param destination_data_source_type: such as Hologres.
        :param job_type: such as DatabaseOfflineMigration; API version 2024-05-18 only. Default None.
        :param settings: ``description``, ``source_data_source_settings``, ``destination_data_source_settings``,
            ``resource_settings``, ``transformation_rules``, ``table_mappings``, ``job_settings`` and, in API version
            2024-05-18 only, ``owner`` and ``file_spec``: strings, dicts and lists in the API's own names, or their JSON
            string; None leaves one out.
        :return: DIJobId.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may have
            been created.
        """
        actions = self._di_job_actions
        project, name = self.resolve_project_id(project_id), arguments.text("job_name", job_name)
        parameters = {
            "ProjectId": project,
            actions.name_parameter: name,
            "MigrationType": arguments.text("migration_type", migration_type),
            "SourceDataSourceType": arguments.text("source_data_source_type", source_data_source_type),
            "DestinationDataSourceType": arguments.text("destination_data_source_type", destination_data_source_type),
            **self._settings_of(actions.create_job, settings),
        }
        if arguments.optional(job_type) is not None:
            self._check_parameter(actions.create_job, "job_type", "JobType")
            parameters["JobType"] = arguments.text("job_type", job_type)
        known = {job.id for job in self._jobs_named(project, name)}

        def read_creation(error: ApiError) -> dict[str, Any] | None:
            created = next((job for job in self._jobs_named(project, name) if job.id not in known), None)
            if created is None:
                return None
            return {actions.id_parameter: created.id, "RequestId": error.request_id}

        confirm_effect = self._confirm_by_reading(
            actions.create_job,
            read_creation,
            warning="It may have been created: look for its name before you create it again.",
        )
        answer = self._send(actions.create_job, parameters, confirm_effect=confirm_effect)
        job_id = cast(int, whole_number(answer[actions.id_parameter]))
        self.log.info("Created DI job %s %r (RequestId %s)", job_id, name, answer.get("RequestId"))
        return job_id

    def update_di_job(self, *, di_job_id: int | str, **settings: Any) -> None:
        """Replace settings of a DI job; those that are not given stay as they are (API page: UpdateDIJob).

        :param di_job_id: the job's id.
        :param settings: ``description``, ``resource_settings``, ``transformation_rules``, ``table_mappings``,
            ``job_settings`` and, in API version 2024-05-18 only, ``owner`` and ``file_spec``, as
            :meth:`create_di_job` takes them.
        :raises DataWorksNotFoundError: there is no such job.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        actions = self._di_job_actions
        job_id = arguments.identifier("di_job_id", di_job_id)
        changes = self._settings_of(actions.update_job, settings)
        answer = self._send(actions.update_job, {actions.id_parameter: job_id, **changes})
        self.log.info("Updated DI job %s (RequestId %s)", job_id, answer.get("RequestId"))

    def delete_di_job(self, *, di_job_id: int | str) -> None:
        """Delete a DI job that does not run (API page: DeleteDIJob).

        :param di_job_id: the job's id.
        :raises DataWorksNotFoundError: there is no such job, and no attempt of this call can have deleted it.
        :raises DataWorksPermanentError: refused, such as for a job that runs.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        actions = self._di_job_actions
        job_id = arguments.identifier("di_job_id", di_job_id)
        answer: Mapping[str, Any] = {}
        try:
            answer = self._send(actions.delete_job, {actions.id_parameter: job_id})
        except DataWorksNotFoundError as error:
            if not error.outcome_unknown:
                raise
            # The answer to an earlier attempt was lost, and the job is gone.
        self.log.info("Deleted DI job %s (RequestId %s)", job_id, answer.get("RequestId") or "lost with the answer")

    def get_di_job(self, *, di_job_id: int | str, with_details: bool = False) -> Job:
        """Read one DI job (API page: GetDIJob).

        :param di_job_id: the job's id.
        :param with_details: whether the settings and table mappings come too; default False.
        :return: the answer's content: JobStatus, MigrationType, StartedTime (Unix seconds), ErrorMessage and so on.
        :raises DataWorksNotFoundError: there is no such job.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        job_id = arguments.identifier("di_job_id", di_job_id)
        details = bool(arguments.boolean("with_details", with_details))
        return cast(Job, dict(self._get_job(job_id, with_details=details).fields))

    def read_di_job(self, *, di_job_id: int | str, project_id: int | str | None = None) -> DIJob:
        """Read one DI job, without its settings, into a model (API page: GetDIJob).

        :param di_job_id: the job's id.
        :param project_id: the workspace that the job must belong to, as far as the answer says; None (default) for any.
        :return: the job.
        :raises DataWorksNotFoundError: there is no such job, or it belongs to another workspace.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        job_id = arguments.identifier("di_job_id", di_job_id)
        job = self._get_job(job_id, with_details=False)
        if arguments.optional(project_id) is not None:
            wanted = arguments.project_identifier(project_id)
            if job.project_id not in (None, wanted):
                raise self._in_context(job_not_found(f"with id {job_id}", wanted), wanted)
        return job

    def list_di_jobs(
        self,
        *,
        project_id: int | str | None = None,
        job_name: str | None = None,
        source_data_source_type: str | None = None,
        destination_data_source_type: str | None = None,
        migration_type: str | None = None,
        page_size: int = _LARGEST_PAGE,
    ) -> Iterator[ListedJob]:
        """List DI jobs, page by page on demand (API page: ListDIJobs).

        :param project_id: workspace id; None for the connection's.
        :param job_name: part of the name: the API matches it fuzzily; None (default) for all.
        :param source_data_source_type: such as MySQL; None (default) for all.
        :param destination_data_source_type: such as Hologres; None (default) for all.
        :param migration_type: such as Full; None (default) for all.
        :param page_size: jobs a request, 1 to 100; default 100.
        :return: a lazy iterator of jobs, each once; ids are integers. XComs hold no iterator: a task returns
            ``list(hook.list_di_jobs())``.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        wanted = arguments.optional_text("migration_type", migration_type)
        parameters = {
            "ProjectId": self.resolve_project_id(project_id),
            self._di_job_actions.name_parameter: arguments.optional_text("job_name", job_name),
            "SourceDataSourceType": arguments.optional_text("source_data_source_type", source_data_source_type),
            "DestinationDataSourceType": arguments.optional_text(
                "destination_data_source_type", destination_data_source_type
            ),
            "PageSize": arguments.page_size(page_size),
        }
        if "MigrationType" in self._di_job_actions.list_jobs.parameters:
            parameters["MigrationType"] = wanted
        return (_listed(job) for job in self._jobs(parameters) if wanted in (None, job.migration_type))

    def list_di_jobs_page(
        self, *, project_id: int | str | None = None, page_number: int, page_size: int = _LARGEST_PAGE
    ) -> JobPage:
        """Read one page of the list of DI jobs, in one request (API page: ListDIJobs).

        :param project_id: workspace id; None for the connection's.
        :param page_number: from 1.
        :param page_size: jobs a page, 1 to 100; default 100.
        :return: the page.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        return self._job_page(
            {
                "ProjectId": self.resolve_project_id(project_id),
                "PageNumber": arguments.identifier("page_number", page_number),
                "PageSize": arguments.page_size(page_size),
            }
        )

    def read_di_jobs_page(
        self, *, project_id: int | str | None = None, page_number: int
    ) -> tuple[list[ListedJob], int | None]:
        """Read one page of 100 DI jobs as dicts; :meth:`list_di_jobs_page` gives models.

        :param project_id: workspace id; None for the connection's.
        :param page_number: from 1.
        :return: the jobs of the page, and TotalCount (None where the answer has none).
        """
        page = self.list_di_jobs_page(project_id=project_id, page_number=page_number)
        return [_listed(job) for job in page.jobs], page.total

    def list_di_job_run_details(self, *, di_job_id: int | str) -> Iterator[dict[str, Any]]:
        """List the tables of a job's current or last run (API page: ListDIJobRunDetails, 2024-05-18 only).

        :param di_job_id: the job's id.
        :return: a lazy iterator of JobRunInfos, each table once: names, StructureMigrationStatus, FullMigrationStatus,
            RealtimeMigrationStatus, their error messages, OfflineTotalRecords, OfflineTotalBytes, OfflineErrorRecords.
        :raises DataWorksParameterError: the connection's api_version is 2020-05-18.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        self._require_2024("list_di_job_run_details")
        parameters = {"DIJobId": arguments.identifier("di_job_id", di_job_id)}
        return self._entries(
            v2024_05_18.LIST_DI_JOB_RUN_DETAILS,
            parameters,
            "SourceDatasourceName",
            "SourceDatabaseName",
            "SourceSchemaName",
            "SourceTableName",
        )

    def read_run_counters(self, *, di_job_id: int | str) -> str | None:
        """Read what distinguishes a job's run that is over from the one before it (API page: ListDIJobRunDetails).

        :param di_job_id: the job's id.
        :return: a digest of the counters and statuses of the run's tables; None in API version 2020-05-18, whose
            StartedTime does it, and where they cannot be read.
        :raises DataWorksParameterError: ``di_job_id`` can't be used.
        """
        if self.settings.api_version != v2024_05_18.VERSION:
            return None
        try:
            tables = list(islice(self.list_di_job_run_details(di_job_id=di_job_id), v2024_05_18.MOST_TABLES))
        except DataWorksError:
            return None
        whole = sorted(repr(sorted(table.items())) for table in tables)
        return hashlib.sha256("\n".join(whole).encode("utf-8", "backslashreplace")).hexdigest()

    def read_di_job_run_summary(self, *, di_job_id: int | str) -> RunSummary | None:
        """Sum up a job's current or last run (API page: ListDIJobRunDetails).

        :param di_job_id: the job's id.
        :return: the summary; None in API version 2020-05-18, which does not know the tables of a run.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        if self.settings.api_version != v2024_05_18.VERSION:
            return None
        return summarize_run(self.list_di_job_run_details(di_job_id=di_job_id))

    def list_di_job_events(
        self,
        *,
        di_job_id: int | str,
        event_type: str = "Failover",
        start_time: Any = None,
        end_time: Any = None,
    ) -> Iterator[dict[str, Any]]:
        """List events of a job (API page: ListDIJobEvents, 2024-05-18 only).

        :param di_job_id: the job's id.
        :param event_type: Failover (default), Alarm or DDL.
        :param start_time: Unix seconds, datetime or ISO 8601 string; None (default) for a day before the end.
        :param end_time: likewise; None (default) for now.
        :return: a lazy iterator of events, each once: Id, CreateTime, Type, Severity, Status, Detail, FailoverMessage
            and so on.
        :raises DataWorksParameterError: the connection's api_version is 2020-05-18, or an argument is invalid.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        self._require_2024("list_di_job_events")
        end = _moment("end_time", end_time, clock.time())
        parameters = {
            "DIJobId": arguments.identifier("di_job_id", di_job_id),
            "EventType": arguments.one_of("event_type", event_type, ("Failover", "Alarm", "DDL")),
            "StartTime": _moment("start_time", start_time, end - _DAY),
            "EndTime": end,
        }
        return self._entries(v2024_05_18.LIST_DI_JOB_EVENTS, parameters, "Id")

    def get_di_job_log(self, *, di_job_id: int | str, node_type: str | None = None) -> str:
        """Read the log of a job's current or last run, all pages of it (API page: GetDIJobLog, 2024-05-18 only).

        :param di_job_id: the job's id.
        :param node_type: MASTER for the job manager, WORKER for a task manager (serverless resource groups only); None
            (default) leaves it to the service.
        :return: the log, empty before there is any.
        :raises DataWorksParameterError: the connection's api_version is 2020-05-18, or an argument is invalid.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        self._require_2024("get_di_job_log")
        parameters: dict[str, Any] = {"Id": arguments.identifier("di_job_id", di_job_id)}
        if arguments.optional(node_type) is not None:
            parameters["NodeType"] = arguments.one_of("node_type", node_type, ("MASTER", "WORKER"))
        pages: list[str] = []
        # How many pages there are is not said: one that is empty, or comes again, is behind the last.
        for number in range(1, MAX_LOG_PAGES + 1):
            page = str(self._send(v2024_05_18.GET_DI_JOB_LOG, {**parameters, "PageNumber": number})["Log"])
            if not page or (pages and page == pages[-1]):
                break
            pages.append(page)
        return "".join(pages)

    def find_di_job(
        self,
        *,
        project_id: int | str | None = None,
        di_job_id: int | str | None = None,
        job_name: str | None = None,
    ) -> ListedJob:
        """Find one DI job by id or exact name (API page: ListDIJobs).

        :param project_id: workspace id; None for the connection's.
        :param di_job_id: the job's id; with it, ``job_name`` only narrows the listing. Default None.
        :param job_name: the job's whole name; default None.
        :return: the job as ListDIJobs gives it.
        :raises DataWorksNotFoundError: no job matches.
        :raises DataWorksPermanentError: refused, or several jobs have the name.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        project = self.resolve_project_id(project_id)
        name = arguments.optional_text("job_name", job_name)
        if arguments.optional(di_job_id) is not None:
            return _listed(self._find_by_id(project, arguments.identifier("di_job_id", di_job_id), name))
        if name is None:
            raise DataWorksParameterError("di_job_id", "give di_job_id or job_name")
        job = self._find_by_name(project, name)
        if job is None:
            raise self._in_context(job_not_found(f"named {name!r:.200}", project), project)
        return _listed(job)

    def _find_by_name(self, project: int, name: str) -> DIJob | None:
        # The list may shift between two pages: a miss counts only if it repeats.
        for _ in range(2):
            matches = self._jobs_named(project, name)
            if len(matches) > 1:
                ids = ", ".join(str(job.id) for job in matches)
                error = DataWorksPermanentError(
                    f"Several DI jobs have this name: give di_job_id. Workspace {project} has {len(matches)} DI jobs "
                    f"named {name!r:.200} (ids {ids})."
                )
                raise self._in_context(error, project)
            if matches:
                return matches[0]
        return None

    def _find_by_id(self, project: int, job_id: int, name: str | None) -> DIJob:
        """Read the first page of the list, then the job itself: the list may be long, and may shift."""
        which = f"with id {job_id}" + (f" among those named like {name!r:.200}" if name else "")
        missing = self._in_context(job_not_found(which, project), project)
        first = self._job_page(
            {"ProjectId": project, self._di_job_actions.name_parameter: name, "PageSize": 100, "PageNumber": 1}
        )
        if listed := _with_id(first.jobs, job_id):
            return listed
        try:
            job = self._get_job(job_id, with_details=False)
        except DataWorksNotFoundError:
            raise missing from None
        except DataWorksPermanentError:
            # Who may list need not be allowed to read; and no code is documented for a job that is not there.
            if first.total is not None and first.total <= len(first.jobs):
                raise missing from None
        else:
            if (name is None or name.lower() in str(job.name).lower()) and job.project_id in (None, project):
                return job
            raise missing
        for _ in range(2):
            if listed := _with_id(self._jobs_named_like(project, name), job_id):
                return listed
        raise missing

    def _jobs_named_like(self, project: int, name: str | None) -> Iterator[DIJob]:
        parameters = {"ProjectId": project, self._di_job_actions.name_parameter: name, "PageSize": _LARGEST_PAGE}
        return self._jobs(parameters)

    def _jobs_named(self, project: int, name: str) -> list[DIJob]:
        return [job for job in self._jobs_named_like(project, name) if job.name == name]

    def _jobs(self, parameters: Mapping[str, Any]) -> Iterator[DIJob]:
        def read(number: int) -> tuple[Sequence[DIJob], int | None]:
            page = self._job_page({**parameters, "PageNumber": number})
            return page.jobs, page.total

        return self._pages(read, int(parameters["PageSize"]), lambda job: job.id, "ListDIJobs")

    def _job_page(self, parameters: Mapping[str, Any]) -> JobPage:
        actions = self._di_job_actions
        return actions.read_page(self._send(actions.list_jobs, {**actions.list_defaults, **parameters}))

    def _entries(self, action: Action, parameters: Mapping[str, Any], *key: str) -> Iterator[dict[str, Any]]:
        """Read a list; the fields of ``key`` distinguish its entries, or else all fields do."""
        content, name = str(action.envelope.content), _LISTS[action.name]

        def read(number: int) -> tuple[Sequence[dict[str, Any]], int | None]:
            answer = self._send(action, {**parameters, "PageNumber": number, "PageSize": _LARGEST_PAGE})
            page = read_entries(answer[content], name=name)
            return page.entries, page.total

        def identity(entry: dict[str, Any]) -> str:
            return str([entry[part] for part in key if part in entry] or entry)

        return self._pages(read, _LARGEST_PAGE, identity, action.name)

    def _read_or_none(self, job_id: int) -> DIJob | None:
        try:
            return self._get_job(job_id, with_details=False)
        except DataWorksError:
            return None

    def _get_job(self, job_id: int, *, with_details: bool) -> DIJob:
        actions = self._di_job_actions
        parameters = {actions.id_parameter: job_id, "WithDetails": with_details}
        return actions.read_job(self._send(actions.get_job, parameters), job_id)

    def _settings_of(self, action: Action, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Parse settings of a job, given by their argument's or the API's name."""
        by_any_name = {**_SETTINGS, **{api: (api, kind) for api, kind in _SETTINGS.values()}}
        parameters: dict[str, Any] = {}
        for name, value in settings.items():
            if name not in by_any_name:
                raise DataWorksParameterError(name, f"is no setting of a DI job; accepted: {', '.join(_SETTINGS)}")
            api_name, kind = by_any_name[name]
            if arguments.optional(value) is None:
                continue
            self._check_parameter(action, name, api_name)
            parameters[api_name] = _setting(name, value, kind)
        return parameters

    def _check_parameter(self, action: Action, name: str, api_name: str) -> None:
        """Reject an argument that the connection's API version has no parameter for."""
        if api_name in action.parameters:
            return
        problem = f"is no parameter of {action.name} in API version {action.version}"
        newer = find_action(action.name, v2024_05_18.VERSION)
        if newer is not None and api_name in newer.parameters:
            problem += self._go_to(newer.version)
        raise DataWorksParameterError(name, problem)

    def _require_2024(self, method: str) -> None:
        if self.settings.api_version != v2024_05_18.VERSION:
            problem = f"{method} does not exist in {self.settings.api_version}{self._go_to(v2024_05_18.VERSION)}"
            raise DataWorksParameterError("api_version", problem)

    def _go_to(self, version: str) -> str:
        return f": set api_version to {version} on the connection {self.dataworks_conn_id}"

    def _start_settings(self, job_id: int, value: Any) -> dict[str, Any] | None:
        settings, missing = arguments.without_none(arguments.realtime_start_settings(value) or {})
        for name in missing:
            self.log.warning("DI job %s: %s of realtime_start_settings is None and is left out", job_id, name)
        if "StartTime" in settings:
            moment = settings["StartTime"]
            self.log.info("DI job %s: StartTime is %s (%s)", job_id, moment, arguments.iso_utc(moment))
        return settings or None


_LISTS = {"ListDIJobRunDetails": "JobRunInfos", "ListDIJobEvents": "DIJobEvent"}


def _setting(name: str, value: Any, kind: type) -> Any:
    if kind is str:
        return arguments.text(name, value, in_url=name == "owner")
    return arguments.json_text(name, value) if kind is dict else arguments.json_list_text(name, value)


def _moment(name: str, value: Any, default: float) -> int:
    return int(default) if arguments.optional(value) is None else arguments.start_time(name, value)


def _listed(job: DIJob) -> ListedJob:
    return cast(ListedJob, dict(job.fields))


def _with_id(jobs: Iterable[DIJob], job_id: int) -> DIJob | None:
    return next((job for job in jobs if job.id == job_id), None)
