"""The hook's methods for DI jobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.catalog import v2020_05_18
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions, read_job
from airflow_provider_dataworks.client.models import DIJob, Job, JobPage, ListedJob
from airflow_provider_dataworks.client.runs import new_run_shows
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
    job_not_found,
)
from airflow_provider_dataworks.hooks.base import DataWorksBaseHook

#: A listing of more jobs than this (no workspace has so many) ends with an error instead of never.
MAX_LISTED_JOBS = 200_000

_LARGEST_PAGE = 100


class DIJobsHook(DataWorksBaseHook):
    """The part of the hook that is about DI jobs."""

    @property
    def di_job_actions(self) -> DIJobActions:
        """The actions on DI jobs that the connection's API version has."""
        return v2020_05_18.DI_JOBS

    def start_di_job(
        self,
        *,
        di_job_id: int | str,
        realtime_start_settings: dict[str, Any] | str | None = None,
        force_to_rerun: bool | str | None = None,
        job_before: Job | DIJob | None = None,
    ) -> str:
        """Start a DI job, once (API page: StartDIJob).

        The job is read first. After a lost answer it is read again; the start is sent again only if no new run shows.

        :param di_job_id: the job's id.
        :param realtime_start_settings: ``StartTime`` (Unix seconds, datetime or ISO 8601 text) and ``FailoverSettings``
            (``Interval`` in minutes, ``UpperLimit``), dict or JSON text; None resumes at the last offset.
        :param force_to_rerun: run all steps again; None leaves it to the service: it runs only what has not run.
        :param job_before: the job as read just now; None reads it here.
        :return: RequestId.
        :raises DataWorksNotFoundError: there is no such job.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts; the text says if it may have started.
        """
        actions = self.di_job_actions
        job_id = arguments.identifier("di_job_id", di_job_id)
        parameters = {
            actions.id_parameter: job_id,
            "RealtimeStartSettings": self._start_settings(job_id, realtime_start_settings),
            "ForceToRerun": arguments.boolean("force_to_rerun", force_to_rerun),
        }
        if job_before is None:
            job_before = self.read_di_job(di_job_id=job_id)
        before = job_before if isinstance(job_before, DIJob) else read_job(dict(job_before), di_job_id=job_id)

        def has_started() -> bool:
            job = self.read_di_job(di_job_id=job_id)
            return new_run_shows(job.status, job.started_time, before.status, before.started_time)

        action = actions.start_job
        answer = self._send(action, parameters, confirm_effect=self._confirm_start(action, has_started))
        request_id = str(answer.get("RequestId") or "")
        self.log.info("Started DI job %s (RequestId %s)", job_id, request_id or "lost with the answer")
        return request_id

    def stop_di_job(self, *, di_job_id: int | str) -> str:
        """Ask a DI job to stop; it is Stopping first, then Stopped (API page: StopDIJob).

        :param di_job_id: the job's id.
        :return: RequestId.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        actions = self.di_job_actions
        job_id = arguments.identifier("di_job_id", di_job_id)
        answer = self._send(actions.stop_job, {actions.id_parameter: job_id})
        request_id = str(answer.get("RequestId") or "")
        self.log.info("Stopping DI job %s (RequestId %s)", job_id, request_id)
        return request_id

    def get_di_job(self, *, di_job_id: int | str, with_details: bool = False) -> Job:
        """Read one DI job (API page: GetDIJob).

        :param di_job_id: the job's id.
        :param with_details: whether the settings and table mappings come too; default False.
        :return: the answer's content: JobStatus, MigrationType, StartedTime (Unix seconds), ErrorMessage and so on.
        :raises DataWorksNotFoundError: there is no such job.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
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
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
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
        page_size: int = _LARGEST_PAGE,
    ) -> Iterator[ListedJob]:
        """List DI jobs, page by page as they are asked for (API page: ListDIJobs).

        :param project_id: workspace id; None for the connection's.
        :param job_name: part of the name: the API matches it fuzzily; None (default) for all.
        :param source_data_source_type: such as MySQL; None (default) for all.
        :param destination_data_source_type: such as Hologres; None (default) for all.
        :param page_size: jobs a request, 1 to 100; default 100.
        :return: a lazy iterator of jobs, each once; ids are integers. XComs hold no iterator: a task returns
            ``list(hook.list_di_jobs())``.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        parameters = {
            "ProjectId": self.resolve_project_id(project_id),
            self.di_job_actions.name_parameter: arguments.optional_text("job_name", job_name),
            "SourceDataSourceType": arguments.optional_text("source_data_source_type", source_data_source_type),
            "DestinationDataSourceType": arguments.optional_text(
                "destination_data_source_type", destination_data_source_type
            ),
            "PageSize": arguments.page_size(page_size),
        }
        return (_listed(job) for page in self._job_pages(parameters) for job in page)

    def list_di_jobs_page(
        self, *, project_id: int | str | None = None, page_number: int, page_size: int = _LARGEST_PAGE
    ) -> JobPage:
        """Read one page of the list of DI jobs, in one request (API page: ListDIJobs).

        :param project_id: workspace id; None for the connection's.
        :param page_number: from 1.
        :param page_size: jobs a page, 1 to 100; default 100.
        :return: the page.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
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
        :raises DataWorksTransientError: no good answer after all attempts.
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
            matches = [job for job in self._jobs_named_like(project, name) if job.name == name]
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
            {"ProjectId": project, self.di_job_actions.name_parameter: name, "PageSize": 100, "PageNumber": 1}
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
        parameters = {"ProjectId": project, self.di_job_actions.name_parameter: name, "PageSize": _LARGEST_PAGE}
        return (job for page in self._job_pages(parameters) for job in page)

    def _job_pages(self, parameters: dict[str, Any]) -> Iterator[list[DIJob]]:
        """Ask for page after page until the count is reached, or two pages in a row bring nothing new."""
        seen: set[int] = set()
        number, fruitless, size = 0, 0, int(parameters["PageSize"])
        while fruitless < 2:
            number += 1
            page = self._job_page({**parameters, "PageNumber": number})
            # The list may shift between two pages: a job that comes twice is given once.
            new = [job for job in page.jobs if job.id not in seen]
            seen.update(job.id for job in new)
            if len(seen) > MAX_LISTED_JOBS:
                raise DataWorksTransientError(
                    f"ListDIJobs gave more than {MAX_LISTED_JOBS} jobs: give job_name or di_job_id.",
                    action="ListDIJobs",
                )
            yield new
            fruitless = 0 if new else fruitless + 1
            is_last = len(page.jobs) < size if page.total is None else number * size >= page.total
            if is_last:
                return

    def _job_page(self, parameters: dict[str, Any]) -> JobPage:
        actions = self.di_job_actions
        return actions.read_page(self._send(actions.list_jobs, {**actions.list_defaults, **parameters}))

    def _get_job(self, job_id: int, *, with_details: bool) -> DIJob:
        actions = self.di_job_actions
        parameters = {actions.id_parameter: job_id, "WithDetails": with_details}
        return actions.read_job(self._send(actions.get_job, parameters), job_id)

    def _start_settings(self, job_id: int, value: Any) -> dict[str, Any] | None:
        settings, missing = arguments.without_none(arguments.realtime_start_settings(value) or {})
        for name in missing:
            self.log.warning("DI job %s: %s of realtime_start_settings is None and is left out", job_id, name)
        if "StartTime" in settings:
            moment = settings["StartTime"]
            self.log.info("DI job %s: StartTime is %s (%s)", job_id, moment, arguments.iso_utc(moment))
        return settings or None


def _listed(job: DIJob) -> ListedJob:
    return cast(ListedJob, dict(job.fields))


def _with_id(jobs: Iterable[DIJob], job_id: int) -> DIJob | None:
    return next((job for job in jobs if job.id == job_id), None)
