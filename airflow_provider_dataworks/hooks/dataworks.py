"""The hook: an Airflow connection turned into a client, and one method an action."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow.providers.common.compat.sdk import AirflowException, BaseHook

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.client import DataWorksClient, Settle
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome
from airflow_provider_dataworks.client.models import Job, ListedJob, SyncInstanceInfo, TaskType
from airflow_provider_dataworks.client.pacing import Pacer, pacer_for
from airflow_provider_dataworks.connection.form import (
    CONNECTION_FIELDS,
    HIDDEN_FIELDS,
    PLACEHOLDERS,
    RELABELING,
)
from airflow_provider_dataworks.connection.settings import ConnectionSettings, read_connection
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
    job_not_found,
)
from airflow_provider_dataworks.hooks.errors import from_client
from airflow_provider_dataworks.hooks.generated_content import QUERY, GenerationFailures, content_of
from airflow_provider_dataworks.waiting import new_run_shows, solution_start_shows

if TYPE_CHECKING:
    from typing_extensions import Self

#: 64-bit numbers have no more.
_MAX_DIGITS = 19

#: A listing of more jobs than this (no workspace has so many) ends with an error instead of never.
MAX_LISTED_JOBS = 200_000

#: Seconds that one attempt of a hurried hook takes at most.
HURRIED_TIMEOUT = 4.0

_STARTABLE = (TaskType.DI_REALTIME, TaskType.DI_SOLUTION)


class DataWorksHook(BaseHook):
    """Calls DataWorks (API version 2020-05-18) with an Airflow connection of type ``dataworks``.

    Calls are signed, spaced to the connection's ``max_qps``, and sent again when that can't do harm. Every method
    raises :class:`~airflow_provider_dataworks.exceptions.DataWorksParameterError` before anything is sent when an
    argument can't be used, :class:`~airflow_provider_dataworks.exceptions.DataWorksPermanentError` when the service
    refuses, and :class:`~airflow_provider_dataworks.exceptions.DataWorksTransientError` when the attempts are used up.

    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's ``region_id``; default None.
    """

    conn_name_attr = "dataworks_conn_id"
    default_conn_name = "dataworks_default"
    conn_type = "dataworks"
    hook_name = "Alibaba Cloud DataWorks"

    def __init__(self, dataworks_conn_id: str = default_conn_name, region_id: str | None = None) -> None:
        super().__init__()
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id

    @cached_property
    def settings(self) -> ConnectionSettings:
        """The connection's content, read once.

        :raises DataWorksParameterError: a field can't be used.
        """
        connection = self.get_connection(self.dataworks_conn_id)
        return read_connection(connection, self.region_id)

    @cached_property
    def client(self) -> DataWorksClient:
        """The client behind this hook, with a kept-alive session."""
        settings = self.settings
        return DataWorksClient(
            settings.endpoint,
            settings.credentials,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            request_timeout=settings.request_timeout,
            max_attempts=settings.max_attempts,
            max_elapsed=settings.max_elapsed,
            pacer=self.pacer,
            paced=settings.paced,
        )

    @property
    def pacer(self) -> Pacer:
        """What spaces the requests of this process for the connection's account."""
        settings = self.settings
        return pacer_for(settings.endpoint, settings.account, settings.max_qps)

    def get_conn(self) -> DataWorksClient:
        """Return the client behind this hook.

        :return: the same one at each call.
        """
        return self.client

    def tuned(self, **changes: Any) -> Self:
        """Give a hook for the same connection with other limits, and a session of its own.

        :param changes: fields of :class:`~airflow_provider_dataworks.connection.settings.ConnectionSettings`, such as
            ``max_attempts``.
        :return: the other hook, of the same class; this one stays as it is.
        """
        # Not type(self)(...): a subclass may take other arguments.
        hook = copy(self)
        hook.__dict__.pop("client", None)
        hook.settings = replace(self.settings, **changes)
        return hook

    def hurried(self, max_attempts: int = 1, within: float = HURRIED_TIMEOUT) -> Self:
        """Give a hook that tries briefly: a task that is killed has five seconds, a trigger thirty.

        :param max_attempts: how often one call is sent at most; default 1.
        :param within: seconds for one attempt with all that belongs to it, credentials included; default 4.
        :return: a hook with a session of its own, to be closed; a quarter of the time is to connect, and it waits for
            no pacing.
        """
        return self.tuned(
            max_attempts=max_attempts,
            connect_timeout=within / 4,
            read_timeout=within * 3 / 4,
            request_timeout=within,
            max_elapsed=max_attempts * within,
            paced=False,
        )

    def close(self) -> None:
        """Close the kept-alive connections, if any were opened."""
        if "client" in self.__dict__:
            self.client.close()

    def create_di_sync_task(
        self,
        *,
        project_id: int | str | None = None,
        task_type: str,
        task_name: str,
        task_content: dict[str, Any] | str,
        task_param: dict[str, Any] | str | None = None,
        client_token: str | None = None,
    ) -> int:
        """Create a sync task: a draft file in DataStudio; it is neither deployed nor run (API page: CreateDISyncTask).

        :param project_id: workspace id, 1 to 10,000,000,000; None for the connection's.
        :param task_type: DI_OFFLINE, DI_REALTIME or DI_SOLUTION.
        :param task_name: the file's name; unique in its folder.
        :param task_content: the job definition in script mode, dict or JSON text; for DI_REALTIME and DI_SOLUTION what
            :meth:`generate_di_sync_task_config` returned.
        :param task_param: ``FileFolderPath`` and ``ResourceGroup``, dict or JSON text; default None.
        :param client_token: repeats with the same token create nothing more; None makes one for this call.
        :return: FileId.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        query = {
            "ProjectId": self._project(project_id),
            "TaskType": arguments.task_type(task_type),
            "TaskName": arguments.text("task_name", task_name),
            "TaskParam": arguments.optional_json_text("task_param", task_param),
            "ClientToken": arguments.optional_text("client_token", client_token) or uuid.uuid4().hex,
        }
        body = {"TaskContent": arguments.json_text("task_content", task_content)}
        answer = self._send(
            "CreateDISyncTask",
            query=query,
            body=body,
            resend=True,
            check=_data_check("CreateDISyncTask", "FileId"),
        )
        file_id = cast(int, _whole_number(answer["Data"]["FileId"]))
        self.log.info("Created %s %r as file %s (RequestId %s)", task_type, task_name, file_id, answer.get("RequestId"))
        return file_id

    def generate_di_sync_task_config(
        self,
        *,
        project_id: int | str | None = None,
        task_type: str,
        task_param: dict[str, Any] | str,
        client_token: str | None = None,
        timeout: float | timedelta = 300.0,
        poll_interval: float | timedelta = 2.0,
    ) -> dict[str, Any]:
        """Have the service generate the content from which a real-time task or a solution can be created.

        The API creates DI_REALTIME and DI_SOLUTION from no other content (API pages:
        GenerateDISyncTaskConfigForCreating, QueryDISyncTaskConfigProcessResult). This method starts the generation and
        waits for its end; it creates no task.

        :param project_id: workspace id, 1 to 10,000,000,000; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param task_param: the script of the task, dict or JSON text: ``type``, ``version``, ``setting`` and ``steps``.
        :param client_token: repeats with the same token start no further generation; None makes one for this call.
        :param timeout: seconds, or a timedelta, within which the content must be there; default 300.
        :param poll_interval: seconds, or a timedelta, between two polls; default 2.
        :return: the generated content, for ``task_content`` of :meth:`create_di_sync_task` and of
            CreateDISyncTaskOperator.
        :raises DataWorksTimeoutError: the content was not there within ``timeout``.
        :raises DataWorksPermanentError: refused, or the generation failed. The API has no value for a generation that
            is still running: a failure is taken for final when its message has not changed for 30 seconds.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        query = {
            "ProjectId": self._project(project_id),
            "TaskType": arguments.task_type(task_type, _STARTABLE),
            "TaskParam": arguments.json_text("task_param", task_param),
            "ClientToken": arguments.optional_text("client_token", client_token) or uuid.uuid4().hex,
        }
        limit = arguments.seconds("timeout", timeout, above=0)
        pause = arguments.seconds("poll_interval", poll_interval, above=0)
        action = "GenerateDISyncTaskConfigForCreating"
        answer = self._send(action, query=query, resend=True, check=_data_check(action, "ProcessId"))
        process_id = _whole_number(answer["Data"]["ProcessId"])
        self.log.info("Generating the content of a %s (RequestId %s)", task_type, answer.get("RequestId"))
        query = {"ProjectId": query["ProjectId"], "TaskType": query["TaskType"], "AsyncProcessId": process_id}
        return self._generated_content(query, limit, pause)

    def _generated_content(self, query: dict[str, Any], limit: float, pause: float) -> dict[str, Any]:
        began, slept, failures = time.monotonic(), 0.0, GenerationFailures()

        def elapsed() -> float:
            # A client whose pauses take no time counts them all the same.
            return max(time.monotonic() - began, slept)

        while True:
            try:
                answer = self._send(QUERY, query=query, check=_content_check)
            except DataWorksPermanentError as error:
                if failures.is_final(error, elapsed()):
                    raise
                request_id = error.request_id
            else:
                if (content := content_of(answer["Data"])) is not None:
                    return content
                failures.clear()
                request_id = answer.get("RequestId")
            left = limit - elapsed()
            if left <= 0:
                late = DataWorksTimeoutError(
                    f"The content was not generated within {limit:g} s: try again, or with a longer timeout."
                    + (f" The last answer was: {failures.message}" if failures.message else ""),
                    action=QUERY,
                    http_status=200,
                    request_id=request_id,
                )
                raise self._in_context(late, query["ProjectId"])
            self.client.sleep(min(pause, left))
            slept += min(pause, left)

    def start_di_sync_instance(
        self,
        *,
        project_id: int | str | None = None,
        task_type: str,
        file_id: int | str,
        start_param: dict[str, Any] | str | None = None,
        solution_before: Mapping[str, Any] | None = None,
    ) -> None:
        """Start a real-time task or a solution, once (API page: StartDISyncInstance).

        After a lost answer the instance is read, and the start is sent again only if it did not arrive.

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param file_id: the file's id.
        :param start_param: failover, dirty-record and DDL settings of a DI_REALTIME, dict or JSON text; default None.
        :param solution_before: SolutionDetail read before, for DI_SOLUTION; None reads it here.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        query = self._instance(project_id, task_type, file_id, _STARTABLE)
        query["StartParam"] = arguments.optional_json_text("start_param", start_param)
        solution = query["TaskType"] == TaskType.DI_SOLUTION
        if solution and query["StartParam"] is not None:
            self.log.warning("start_param has no effect on a DI_SOLUTION")
        target = {"project_id": query["ProjectId"], "file_id": query["FileId"]}
        if solution and solution_before is None:
            solution_before = self.get_solution_detail(**target)

        def arrived() -> bool:
            if solution:
                return _solution_started(self.get_solution_detail(**target), solution_before or {})
            info = self.get_di_sync_instance_info(task_type=TaskType.DI_REALTIME, **target)
            return str(info.get("Status")) in assumptions.REALTIME_START_ARRIVED

        answer = self._send(
            "StartDISyncInstance",
            query=query,
            settle=self._settle("StartDISyncInstance", arrived),
            check=_data_check("StartDISyncInstance"),
        )
        self.log.info("Started %s %s (RequestId %s)", task_type, query["FileId"], answer.get("RequestId"))

    def stop_di_sync_instance(self, *, project_id: int | str | None = None, task_type: str, file_id: int | str) -> None:
        """Stop a real-time task (API page: StopDISyncInstance).

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME; the API stops no solutions.
        :param file_id: the file's id.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        query = self._instance(project_id, task_type, file_id, (TaskType.DI_REALTIME,))
        answer = self._send("StopDISyncInstance", query=query, resend=True, check=_data_check("StopDISyncInstance"))
        self.log.info("Stopping %s %s (RequestId %s)", task_type, query["FileId"], answer.get("RequestId"))

    def get_di_sync_instance_info(
        self, *, project_id: int | str | None = None, task_type: str, file_id: int | str
    ) -> SyncInstanceInfo:
        """Read a real-time task's or a solution's state (API page: GetDISyncInstanceInfo).

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param file_id: the file's id.
        :return: the answer's Data: Status, Message, Name, SolutionInfo.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        query = self._instance(project_id, task_type, file_id, _STARTABLE)
        answer = self._send("GetDISyncInstanceInfo", query=query, check=_object_check("GetDISyncInstanceInfo"))
        return cast(SyncInstanceInfo, answer["Data"])

    def get_solution_detail(self, *, project_id: int | str | None = None, file_id: int | str) -> dict[str, Any]:
        """Read a solution's state (API page: GetDISyncTask, for DI_SOLUTION).

        :param project_id: workspace id; None for the connection's.
        :param file_id: the solution's file id.
        :return: SolutionDetail; its Status is a number as text, 0 success to 9 deleted.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        query = self._instance(project_id, TaskType.DI_SOLUTION, file_id, (TaskType.DI_SOLUTION,))
        answer = self._send("GetDISyncTask", query=query, check=_object_check("GetDISyncTask", "SolutionDetail"))
        return dict(answer["Data"]["SolutionDetail"])

    def start_di_job(
        self,
        *,
        di_job_id: int | str,
        realtime_start_settings: dict[str, Any] | str | None = None,
        force_to_rerun: bool | str | None = None,
        job_before: Job | None = None,
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
        job_id = arguments.identifier("di_job_id", di_job_id)
        body = {
            "DIJobId": job_id,
            "RealtimeStartSettings": self._start_settings(job_id, realtime_start_settings),
            "ForceToRerun": arguments.boolean("force_to_rerun", force_to_rerun),
        }
        before = self.get_di_job(di_job_id=job_id) if job_before is None else job_before

        def arrived() -> bool:
            job = self.get_di_job(di_job_id=job_id)
            old = (before.get("JobStatus"), before.get("StartedTime"))
            return new_run_shows(job.get("JobStatus"), job.get("StartedTime"), *old)

        answer = self._send("StartDIJob", body=body, settle=self._settle("StartDIJob", arrived))
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
        job_id = arguments.identifier("di_job_id", di_job_id)
        answer = self._send("StopDIJob", body={"DIJobId": job_id}, resend=True)
        request_id = str(answer.get("RequestId") or "")
        self.log.info("Stopping DI job %s (RequestId %s)", job_id, request_id)
        return request_id

    def get_di_job(self, *, di_job_id: int | str, with_details: bool = False) -> Job:
        """Read one DI job (API page: GetDIJob).

        :param di_job_id: the job's id.
        :param with_details: whether the settings and table mappings come too; default False.
        :return: the answer's Data: JobStatus, MigrationType, StartedTime (Unix seconds), ErrorMessage and so on.
        :raises DataWorksNotFoundError: there is no such job.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        body = {
            "DIJobId": arguments.identifier("di_job_id", di_job_id),
            "WithDetails": bool(arguments.boolean("with_details", with_details)),
        }
        answer = self._send("GetDIJob", body=body, check=_job_check)
        job = _with_integer_ids(answer["Data"])
        job["DIJobId"] = job.get("DIJobId") or body["DIJobId"]
        return cast(Job, job)

    def list_di_jobs(
        self,
        *,
        project_id: int | str | None = None,
        job_name: str | None = None,
        source_data_source_type: str | None = None,
        destination_data_source_type: str | None = None,
        page_size: int = 100,
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
        body = {
            "ProjectId": self._project(project_id),
            "JobName": arguments.optional_text("job_name", job_name),
            "SourceDataSourceType": arguments.optional_text("source_data_source_type", source_data_source_type),
            "DestinationDataSourceType": arguments.optional_text(
                "destination_data_source_type", destination_data_source_type
            ),
            "PageSize": arguments.page_size(page_size),
        }
        return (job for page in self._pages(body) for job in page)

    def read_di_jobs_page(
        self, *, project_id: int | str | None = None, page_number: int
    ) -> tuple[list[ListedJob], int | None]:
        """Read one page of 100 DI jobs, in one request (API page: ListDIJobs).

        :param project_id: workspace id; None for the connection's.
        :param page_number: from 1.
        :return: the jobs of the page, and TotalCount (None where the answer has none).
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts.
        """
        number = arguments.identifier("page_number", page_number)
        return self._page({"ProjectId": self._project(project_id), "PageSize": 100, "PageNumber": number})

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
        project = self._project(project_id)
        name = arguments.optional_text("job_name", job_name)
        if arguments.optional(di_job_id) is None and name is None:
            raise DataWorksParameterError("di_job_id", "give di_job_id or job_name")
        if arguments.optional(di_job_id) is not None:
            return self._find_by_id(project, arguments.identifier("di_job_id", di_job_id), name)
        # The list may shift between two pages: a miss counts only if it repeats.
        for _ in range(2):
            jobs = self.list_di_jobs(project_id=project, job_name=name)
            matches = [job for job in jobs if job.get("JobName") == name]
            if len(matches) > 1:
                ids = ", ".join(str(job.get("DIJobId")) for job in matches)
                error = DataWorksPermanentError(
                    f"Several DI jobs have this name: give di_job_id. Workspace {project} has {len(matches)} DI jobs "
                    f"named {name!r:.200} (ids {ids})."
                )
                raise self._in_context(error, project)
            if matches:
                return matches[0]
        raise self._in_context(job_not_found(f"named {name!r:.200}", project), project)

    def _find_by_id(self, project: int, job_id: int, name: str | None) -> ListedJob:
        """Look on the first page of the list, then ask for the job itself: the list may be long, and may shift."""
        which = f"with id {job_id}" + (f" among those named like {name!r:.200}" if name else "")
        missing = self._in_context(job_not_found(which, project), project)
        page, total = self._page({"ProjectId": project, "JobName": name, "PageSize": 100, "PageNumber": 1})
        for listed in page:
            if listed.get("DIJobId") == job_id:
                return listed
        try:
            job = self.get_di_job(di_job_id=job_id)
        except DataWorksNotFoundError:
            raise missing from None
        except DataWorksPermanentError:
            # Who may list need not be allowed to read; and no code is documented for a job that is not there.
            if total is not None and total <= len(page):
                raise missing from None
        else:
            named = name is None or name.lower() in str(job.get("JobName")).lower()
            if named and job.get("ProjectId") in (None, project):
                return job
            raise missing
        for _ in range(2):
            for listed in self.list_di_jobs(project_id=project, job_name=name):
                if listed.get("DIJobId") == job_id:
                    return listed
        raise missing

    def call(
        self, action: str, *, query: dict[str, Any] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call any other action of API version 2020-05-18.

        After an unknown outcome it is sent again only if its name says that it reads: List, Get, Query or Search.

        :param action: the action's name.
        :param query: parameters in the query, by the API's names; None is left out, dicts and lists become JSON.
        :param body: parameters in the form body, likewise; default None.
        :return: the answer.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts; the text says if it may have happened.
        """
        name = arguments.text("action", action)
        if not (name.isascii() and name.isalnum() and len(name) <= 100):
            raise DataWorksParameterError("action", f"must be an action's name such as ListProjects, not {name[:50]!a}")
        given = {"query": arguments.parameters("query", query), "body": arguments.parameters("body", body)}
        return self._send(name, **given, check=_fail_check(name))

    def test_connection(self) -> tuple[bool, str]:
        """Prove the connection by one signed read: the workspace's jobs, or else the list of workspaces.

        :return: whether it works, and a short text without secrets.
        """
        try:
            hook, project = self.tuned(max_attempts=1), self.settings.project_id
            if project is None:
                hook._send("ListProjects", query={"PageNumber": 1, "PageSize": 10})
                return True, f"{self.settings.endpoint} answers and accepts the credentials."
            _, count = hook._page({"ProjectId": project, "PageNumber": 1, "PageSize": 10})
            return True, f"Workspace {project} answers; it has {count or 0} DI jobs."
        except (DataWorksError, AirflowException) as error:
            # `airflow connections test` takes what is in brackets for markup and swallows it.
            return False, str(error).replace("[", "(").replace("]", ")")

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The extra fields of the connection form, for Airflow 2.11 to 3.1; later ones read the provider info.

        :return: WTForms fields by name.
        """
        from airflow_provider_dataworks.connection.legacy_form import connection_form_widgets

        return connection_form_widgets(CONNECTION_FIELDS)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The standard fields of the connection form, for Airflow 2.11 to 3.1.

        :return: which fields are hidden, and the labels and placeholders of the others.
        """
        # Extra stays in sight although its content is in the other fields: the Test button of Airflow 2.11 does nothing
        # in a form whose Extra is hidden.
        return {
            "hidden_fields": list(HIDDEN_FIELDS),
            "relabeling": dict(RELABELING),
            # The longer one is about later versions of Airflow.
            "placeholders": {**PLACEHOLDERS, "port": "443"},
        }

    def resolve_project_id(self, project_id: int | str | None) -> int:
        """Give the workspace to use: the argument, or else the connection's.

        :param project_id: workspace id or its digits; None for the connection's.
        :return: the workspace's id.
        :raises DataWorksParameterError: neither is given, or it is not an id.
        """
        return self._project(project_id)

    def _project(self, project_id: int | str | None) -> int:
        if arguments.optional(project_id) is not None:
            return arguments.project_identifier(project_id)
        if self.settings.project_id is None:
            raise DataWorksParameterError(
                "project_id", f"is missing: give it here or on the connection {self.dataworks_conn_id}"
            )
        return self.settings.project_id

    def _start_settings(self, job_id: int, value: Any) -> dict[str, Any] | None:
        settings, missing = arguments.without_none(arguments.realtime_start_settings(value) or {})
        for name in missing:
            self.log.warning("DI job %s: %s of realtime_start_settings is None and is left out", job_id, name)
        if "StartTime" in settings:
            moment = settings["StartTime"]
            self.log.info("DI job %s: StartTime is %s (%s)", job_id, moment, arguments.iso_utc(moment))
        return settings or None

    def _instance(
        self, project_id: int | str | None, task_type: str, file_id: int | str, accepted: tuple[TaskType, ...]
    ) -> dict[str, Any]:
        return {
            "TaskType": arguments.task_type(task_type, accepted),
            "FileId": arguments.identifier("file_id", file_id),
            "ProjectId": self._project(project_id),
        }

    def _send(self, action: str, **how: Any) -> dict[str, Any]:
        """Call, and turn the client's errors into the provider's."""
        client = self.client
        project = (how.get("query") or {}).get("ProjectId") or (how.get("body") or {}).get("ProjectId")
        try:
            return client.call(action, **how)
        except (ApiError, CredentialsError) as error:
            # Without the chain: what it would add is the client's own frames, once more.
            raise self._in_context(from_client(error), project) from None
        except DataWorksError as error:
            self._in_context(error, project)
            raise

    def _in_context(self, error: DataWorksError, project_id: int | None = None) -> DataWorksError:
        """Say on an error which connection, region and workspace it is about."""
        return error.add_context(
            conn_id=self.dataworks_conn_id,
            region_id=self.settings.region_id,
            project_id=project_id or self.settings.project_id,
        )

    def _settle(self, action: str, arrived: Callable[[], bool]) -> Settle:
        """Look, over the time that a start may take to show, whether one with a lost answer arrived."""

        def settle(error: ApiError) -> dict[str, Any] | None:
            self.log.warning("%s: no good answer (%s); looking whether it arrived", action, error)
            for pause in assumptions.START_SHOWS_AFTER:
                self.client.sleep(pause)
                try:
                    if arrived():
                        return {"RequestId": error.request_id}
                except DataWorksError as unreadable:
                    _may_have_started(action, error, unreadable)
            return None

        return settle

    def _pages(self, body: dict[str, Any]) -> Iterator[list[ListedJob]]:
        """Ask for page after page until the count is reached, or two pages in a row bring nothing new."""
        seen: set[Any] = set()
        number, fruitless, size = 0, 0, int(body["PageSize"])
        while fruitless < 2:
            number += 1
            jobs, total = self._page({**body, "PageNumber": number})
            # The list may shift between two pages: a job that comes twice is given once.
            page = [job for job in jobs if job["DIJobId"] not in seen]
            seen.update(job["DIJobId"] for job in page)
            if len(seen) > MAX_LISTED_JOBS:
                raise DataWorksTransientError(
                    f"ListDIJobs gave more than {MAX_LISTED_JOBS} jobs: give job_name or di_job_id.",
                    action="ListDIJobs",
                )
            yield page
            fruitless = 0 if page else fruitless + 1
            if (total is None and len(jobs) < size) or (total is not None and number * size >= total):
                return

    def _page(self, body: dict[str, Any]) -> tuple[list[ListedJob], int | None]:
        answer = self._send("ListDIJobs", body=body, check=_paging_check)
        paging = answer["DIJobPaging"]
        jobs = [cast(ListedJob, _with_integer_ids(job)) for job in paging.get("DIJobs") or []]
        return jobs, _whole_number(paging.get("TotalCount"))


def _solution_started(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a solution shows a start that came after it was read before."""
    old = (before.get("Status"), before.get("StartTime"))
    return solution_start_shows(now.get("Status"), now.get("StartTime"), *old)


def _may_have_started(action: str, error: ApiError, unreadable: DataWorksError) -> NoReturn:
    kind = DataWorksPermanentError if isinstance(unreadable, DataWorksPermanentError) else DataWorksTransientError
    raise kind(
        f"It may have started: check its state before you start it again. {action}: the answer was lost "
        f"({error.message}), and the state could not be read afterwards ({unreadable.message}).",
        action=action,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        outcome_unknown=True,
    ) from None


def _object_check(action: str, wanted: str | None = None) -> Callable[[dict[str, Any]], str | None]:
    """A check that Data is an object (with the wanted object in it) and does not say that the query failed."""

    def check(answer: dict[str, Any]) -> str | None:
        data = answer.get("Data")
        if not isinstance(data, dict):
            return "Data is missing"
        if wanted is not None and isinstance(data.get(wanted), dict):
            return None
        _refuse_bad_status(action, answer, data)
        return None if wanted is None else f"Data.{wanted} is missing"

    return check


def _content_check(answer: dict[str, Any]) -> str | None:
    """A check that an answer of QueryDISyncTaskConfigProcessResult can be read, and does not say that it failed."""
    gap = _object_check(QUERY)(answer)
    if gap is None:
        try:
            content_of(answer["Data"])
        except ValueError as error:
            return str(error)
    return gap


def _data_check(action: str, wanted: str | None = None) -> Callable[[dict[str, Any]], str | None]:
    """A check that Data.Status says success, and that the wanted field is there."""

    def check(answer: dict[str, Any]) -> str | None:
        data = answer.get("Data")
        if not isinstance(data, dict):
            return "Data is missing"
        _refuse_bad_status(action, answer, data)
        if str(data.get("Status")).lower() not in assumptions.DATA_STATUS_GOOD:
            return f"Data.Status is {data.get('Status')!r}"
        if wanted is not None and not _whole_number(data.get(wanted)):
            return f"Data.{wanted} is missing"
        return None

    return check


def _fail_check(action: str) -> Callable[[dict[str, Any]], str | None]:
    """A check, for actions that this package does not know, that Data.Status is not the word fail."""

    def check(answer: dict[str, Any]) -> str | None:
        data = answer.get("Data")
        if isinstance(data, dict) and str(data.get("Status")).lower() == "fail":
            _refuse_bad_status(action, answer, data)
        return None

    return check


def _refuse_bad_status(action: str, answer: dict[str, Any], data: dict[str, Any]) -> None:
    """A 200 whose Data.Status is fail is a refusal; Data.Message is its reason, never its sign."""
    if str(data.get("Status")).lower() in assumptions.DATA_STATUS_BAD:
        raise ApiError(
            str(data.get("Message") or "Data.Status is fail, without a message"),
            action=action,
            outcome=Outcome.REFUSED,
            http_status=200,
            request_id=answer.get("RequestId"),
        )


def _paging_check(answer: dict[str, Any]) -> str | None:
    """A check that an answer of ListDIJobs has a page of jobs whose fields have the documented types."""
    paging = answer.get("DIJobPaging")
    jobs = paging.get("DIJobs") or [] if isinstance(paging, dict) else None
    if not isinstance(paging, dict) or not isinstance(jobs, list):
        return "DIJobPaging is missing"
    if paging.get("TotalCount") is not None and _whole_number(paging["TotalCount"]) is None:
        return f"TotalCount is {paging['TotalCount']!r:.50}"
    return next((gap for gap in map(_job_gap, jobs) if gap), None)


def _job_check(answer: dict[str, Any]) -> str | None:
    """A check that an answer of GetDIJob has a job whose fields have the documented types."""
    return _object_check("GetDIJob")(answer) or _job_gap(answer["Data"], listed=False)


def _job_gap(job: Any, *, listed: bool = True) -> str | None:
    """What is wrong with a job in an answer; None if it can be read."""
    if not isinstance(job, dict):
        return f"a job is {job!r:.50}"
    for name in ("DIJobId", "ProjectId", "StartedTime"):
        needed = listed and name == "DIJobId"
        if (needed or job.get(name) not in (None, "")) and _whole_number(job.get(name)) is None:
            return f"{name} of a job is {job.get(name)!r:.50}"
    for name in ("JobStatus", "JobName", "MigrationType"):
        if not isinstance(job.get(name), (str, type(None))):
            return f"{name} of a job is {job[name]!r:.50}"
    return None


def _with_integer_ids(job: Mapping[str, Any]) -> dict[str, Any]:
    """A job whose ids are integers, also when the service wrote them as text."""
    result = dict(job)
    for name in ("DIJobId", "ProjectId", "StartedTime"):
        if name in result:
            result[name] = _whole_number(result[name])
    return result


def _whole_number(value: Any) -> int | None:
    """A number from 0 that the service wrote as a number or as text; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_MAX_DIGITS else None
