"""The hook's methods for sync tasks: real-time tasks, solutions, and drafts of batch tasks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import whole_number
from airflow_provider_dataworks.client.catalog import v2020_05_18, v2024_05_18
from airflow_provider_dataworks.client.catalog.generated_content import read_generated_content
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import ApiError
from airflow_provider_dataworks.client.models import SyncInstanceInfo, TaskType
from airflow_provider_dataworks.client.runs import solution_start_shows
from airflow_provider_dataworks.exceptions import DataWorksParameterError, DataWorksTimeoutError
from airflow_provider_dataworks.hooks.base import MAY_HAVE_STARTED
from airflow_provider_dataworks.hooks.deployments import DeploymentsHook
from airflow_provider_dataworks.hooks.errors import from_client
from airflow_provider_dataworks.hooks.generated_content import GenerationFailure

_STARTABLE = (TaskType.DI_REALTIME, TaskType.DI_SOLUTION)


class SyncTasksHook(DeploymentsHook):
    """The part of the hook that is about sync tasks; the actions are those of API version 2020-05-18.

    A batch task is a node of Data Studio with API version 2024-05-18.
    """

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

        With API version 2024-05-18 a DI_OFFLINE becomes a node of Data Studio (API page: CreateNode), and one of this
        name and content that is in the folder already is taken: that version has no token.

        :param project_id: workspace id, 1 to 10,000,000,000; None for the connection's.
        :param task_type: DI_OFFLINE, DI_REALTIME or DI_SOLUTION.
        :param task_name: the file's name; unique in its folder.
        :param task_content: the job definition in script mode, dict or JSON string; for DI_REALTIME and DI_SOLUTION
            what
            :meth:`generate_di_sync_task_config` returned.
        :param task_param: ``FileFolderPath``, ``ResourceGroup`` and ``Cu``, dict or JSON string; default None.
        :param client_token: repeats with the same token create nothing more; None makes one for this call. API version
            2020-05-18 only.
        :return: FileId; with API version 2024-05-18 the node's id in Data Studio.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = {
            "ProjectId": self.resolve_project_id(project_id),
            "TaskType": arguments.task_type(task_type),
            "TaskName": arguments.text("task_name", task_name),
            "TaskParam": arguments.optional_json_text("task_param", task_param),
            "ClientToken": arguments.optional_text("client_token", client_token) or uuid.uuid4().hex,
            "TaskContent": arguments.json_text("task_content", task_content),
        }
        if self.settings.api_version == v2024_05_18.VERSION:
            if parameters["TaskType"] != TaskType.DI_OFFLINE:
                raise DataWorksParameterError(
                    "task_type",
                    f"{task_type} is not created with api_version 2024-05-18, which has DI jobs for this: create one "
                    "with CreateDIJobOperator or create_di_job, or use a connection with api_version 2020-05-18",
                )
            param = arguments.optional_json_object("task_param", task_param)
            content = str(parameters["TaskContent"])
            project = self.resolve_project_id(project_id)
            return self._create_sync_node(project, str(parameters["TaskName"]), content, param)
        answer = self._send(v2020_05_18.CREATE_DI_SYNC_TASK, parameters)
        file_id = cast(int, whole_number(answer["Data"]["FileId"]))
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
        """Let the service generate the content of a real-time task or a solution.

        The API creates DI_REALTIME and DI_SOLUTION from no other content (API pages:
        GenerateDISyncTaskConfigForCreating, QueryDISyncTaskConfigProcessResult). This method starts the generation and
        waits for its end; it creates no task.

        :param project_id: workspace id, 1 to 10,000,000,000; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param task_param: the script of the task, dict or JSON string: ``type``, ``version``, ``setting`` and
            ``steps``.
        :param client_token: repeats with the same token start no further generation; None makes one for this call.
        :param timeout: seconds, or a timedelta, within which the content must be there; default 300.
        :param poll_interval: seconds, or a timedelta, between two polls; default 2.
        :return: the generated content, for ``task_content`` of :meth:`create_di_sync_task` and of
            CreateDISyncTaskOperator.
        :raises DataWorksTimeoutError: the content was not there within ``timeout``.
        :raises DataWorksPermanentError: refused, or the generation failed. The API has no value for a generation that
            is still running: a failure is taken for final when its message has not changed for 30 seconds.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = {
            "ProjectId": self.resolve_project_id(project_id),
            "TaskType": arguments.task_type(task_type, _STARTABLE),
            "TaskParam": arguments.json_text("task_param", task_param),
            "ClientToken": arguments.optional_text("client_token", client_token) or uuid.uuid4().hex,
        }
        limit = arguments.seconds("timeout", timeout, above=0)
        pause = arguments.seconds("poll_interval", poll_interval, above=0)
        answer = self._send(v2020_05_18.GENERATE_DI_SYNC_TASK_CONFIG, parameters)
        process_id = whole_number(answer["Data"]["ProcessId"])
        self.log.info("Generating the content of a %s (RequestId %s)", task_type, answer.get("RequestId"))
        query = {name: parameters[name] for name in ("ProjectId", "TaskType")}
        return self._generated_content({**query, "AsyncProcessId": process_id}, limit, pause)

    def _generated_content(self, query: dict[str, Any], limit: float, pause: float) -> dict[str, Any]:
        action = v2020_05_18.QUERY_DI_SYNC_TASK_CONFIG
        began, slept, failure = clock.monotonic(), 0.0, GenerationFailure(action.name)
        while True:
            answer = self._send(action, query)
            # A client whose pauses take no time counts them all the same.
            elapsed = max(clock.monotonic() - began, slept)
            if (content := read_generated_content(answer["Data"])) is not None:
                return content
            try:
                failure.check(answer, elapsed)
            except ApiError as error:
                raise self._in_context(from_client(error), query["ProjectId"]) from None
            if elapsed >= limit:
                timed_out = DataWorksTimeoutError(
                    f"The content was not generated within {limit:g} s: try again, or with a longer timeout."
                    + (f" The last message was: {failure.message!r:.300}." if failure.message else ""),
                    action=action.name,
                    http_status=200,
                    request_id=answer.get("RequestId"),
                )
                raise self._in_context(timed_out, query["ProjectId"])
            self.client.sleep(min(pause, limit - elapsed))
            slept += min(pause, limit - elapsed)

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

        After a lost response the instance is read, and the start is sent again only if it did not arrive.

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param file_id: the file's id.
        :param start_param: failover, dirty-record and DDL settings of a DI_REALTIME, dict or JSON string; default None.
        :param solution_before: SolutionDetail read before, for DI_SOLUTION; None reads it here.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = self._instance(project_id, task_type, file_id, _STARTABLE)
        parameters["StartParam"] = arguments.optional_json_text("start_param", start_param)
        solution = parameters["TaskType"] == TaskType.DI_SOLUTION
        if solution and parameters["StartParam"] is not None:
            self.log.warning("start_param has no effect on a DI_SOLUTION")
        target = {"project_id": parameters["ProjectId"], "file_id": parameters["FileId"]}
        if solution and solution_before is None:
            solution_before = self.get_solution_detail(**target)

        def read_start(error: ApiError) -> dict[str, Any] | None:
            return {"RequestId": error.request_id} if has_started() else None

        def has_started() -> bool:
            if solution:
                return _solution_started(self.get_solution_detail(**target), solution_before or {})
            info = self.get_di_sync_instance_info(task_type=TaskType.DI_REALTIME, **target)
            return str(info.get("Status")) in assumptions.REALTIME_START_ARRIVED

        action = v2020_05_18.START_DI_SYNC_INSTANCE
        confirm_effect = self._confirm_by_reading(action, read_start, warning=MAY_HAVE_STARTED)
        answer = self._send(action, parameters, confirm_effect=confirm_effect)
        self.log.info("Started %s %s (RequestId %s)", task_type, parameters["FileId"], answer.get("RequestId"))

    def stop_di_sync_instance(self, *, project_id: int | str | None = None, task_type: str, file_id: int | str) -> None:
        """Stop a real-time task (API page: StopDISyncInstance).

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME; the API stops no solutions.
        :param file_id: the file's id.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = self._instance(project_id, task_type, file_id, (TaskType.DI_REALTIME,))
        answer = self._send(v2020_05_18.STOP_DI_SYNC_INSTANCE, parameters)
        self.log.info("Stopping %s %s (RequestId %s)", task_type, parameters["FileId"], answer.get("RequestId"))

    def get_di_sync_instance_info(
        self, *, project_id: int | str | None = None, task_type: str, file_id: int | str
    ) -> SyncInstanceInfo:
        """Read a real-time task's or a solution's state (API page: GetDISyncInstanceInfo).

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param file_id: the file's id.
        :return: the answer's Data: Status, Message, Name, SolutionInfo.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = self._instance(project_id, task_type, file_id, _STARTABLE)
        answer = self._send(v2020_05_18.GET_DI_SYNC_INSTANCE_INFO, parameters)
        return cast(SyncInstanceInfo, answer["Data"])

    def get_solution_detail(self, *, project_id: int | str | None = None, file_id: int | str) -> dict[str, Any]:
        """Read a solution's state (API page: GetDISyncTask, for DI_SOLUTION).

        :param project_id: workspace id; None for the connection's.
        :param file_id: the solution's file id.
        :return: SolutionDetail; its Status is a number as a string, 0 success to 9 deleted.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = self._instance(project_id, TaskType.DI_SOLUTION, file_id, (TaskType.DI_SOLUTION,))
        answer = self._send(v2020_05_18.GET_DI_SYNC_TASK, parameters)
        return dict(answer["Data"]["SolutionDetail"])

    def _instance(
        self, project_id: int | str | None, task_type: str, file_id: int | str, accepted: tuple[TaskType, ...]
    ) -> dict[str, Any]:
        return {
            "TaskType": arguments.task_type(task_type, accepted),
            "FileId": arguments.identifier("file_id", file_id),
            "ProjectId": self.resolve_project_id(project_id),
        }


def _solution_started(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    """Whether a solution shows a start that came after it was read before."""
    old = (before.get("Status"), before.get("StartTime"))
    return solution_start_shows(now.get("Status"), now.get("StartTime"), *old)
