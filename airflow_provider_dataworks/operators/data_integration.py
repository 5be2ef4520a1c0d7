"""The operators: create a sync task, start a real-time task or solution, start a DI job."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.base import (
    CONNECTION_READERS,
    DataWorksTask,
    Readers,
    job_failure,
    try_began,
    warn_if_it_never_ends,
)
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.models import Job, JobStatus, TaskType
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
    job_not_found,
)
from airflow_provider_dataworks.operators.stopping import RunState, StartedRun
from airflow_provider_dataworks.operators.waiting_operator import WaitingOperator, short_pauses
from airflow_provider_dataworks.run_memory import RunMemory
from airflow_provider_dataworks.wait_log import WaitLog
from airflow_provider_dataworks.waiting import (
    DEFAULT_FAILURE_STATUSES,
    DEFAULT_MAX_POLL_FAILURES,
    TERMINAL_STATUSES,
    InstanceWait,
    Verdict,
    default_targets,
    execution_deadline,
    judge,
    new_run_shows,
    normal_status,
)

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
    from airflow_provider_dataworks.readings import Reading

_STARTABLE = (TaskType.DI_REALTIME, TaskType.DI_SOLUTION)
_JSON_RENDERERS = {"task_content": "json", "task_param": "json"}


class CreateDISyncTaskOperator(DataWorksTask, BaseOperator):
    """Creates a sync task: a draft file in DataStudio (API page: CreateDISyncTask).

    A retry creates nothing twice: all tries of a task in a run send the same client token, until the task is cleared.

    :param task_name: the file's name, unique in its folder.
    :param task_content: the job definition in script mode: dict, JSON text, or the path of a ``.json`` file.
    :param task_type: DI_OFFLINE (default), DI_REALTIME or DI_SOLUTION.
    :param project_id: workspace id; None (default) for the connection's.
    :param task_param: ``FileFolderPath`` and ``ResourceGroup``: dict, JSON text, or the path of a ``.json`` file;
        default None.
    :param client_token: None (default) derives one from DAG id, task id, run id, map index and the clears of the task.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's; default None.
    :return: FileId, int.
    :raises DataWorksPermanentError: refused, or an argument can't be used.
    :raises DataWorksTransientError: no good answer after the hook's own attempts.
    """

    template_fields: Sequence[str] = (
        "task_name",
        "task_content",
        "di_task_type",
        "project_id",
        "task_param",
        "client_token",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = _JSON_RENDERERS
    ui_color = "#fdebd9"

    readers: ClassVar[Readers] = {
        **CONNECTION_READERS,
        "task_name": partial(arguments.text, "task_name"),
        "task_content": partial(arguments.json_text, "task_content"),
        "di_task_type": arguments.task_type,
        "task_param": partial(arguments.optional_json_text, "task_param"),
        "client_token": partial(arguments.optional_text, "client_token"),
    }

    def __init__(
        self,
        *,
        task_name: str | XComArg,
        task_content: dict[str, Any] | str | os.PathLike[str] | XComArg,
        task_type: str | XComArg = "DI_OFFLINE",
        project_id: int | str | XComArg | None = None,
        task_param: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        client_token: str | XComArg | None = None,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.task_name = task_name
        self.task_content = task_content
        # BaseOperator has a read-only property task_type.
        self.di_task_type = task_type
        self.project_id = project_id
        self.task_param = task_param
        self.client_token = client_token
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self.check_arguments()

    def execute(self, context: Context) -> int:
        """Create the task.

        :param context: the task instance's, from Airflow.
        :return: FileId.
        """
        given = self.read_arguments()
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        return self.hook.create_di_sync_task(
            project_id=project_id,
            task_type=given.di_task_type,
            task_name=given.task_name,
            task_content=given.task_content,
            task_param=given.task_param,
            client_token=given.client_token or client_token_for(context),
        )


def client_token_for(context: Context) -> str:
    """A token that all tries of one task in one run share, until the task is cleared, and nothing else does.

    A clear raises max_tries above all tries before it; a retry leaves it alone (Airflow 2.11 and 3).

    :param context: the task instance's, from Airflow.
    :return: 32 hexadecimal digits.
    """
    ti = context["ti"]
    whole = json.dumps([ti.dag_id, ti.task_id, ti.run_id, ti.map_index, getattr(ti, "max_tries", None)])
    return hashlib.sha256(whole.encode()).hexdigest()[:32]


class StartDISyncInstanceOperator(WaitingOperator):
    """Starts a real-time task or a solution, once (API page: StartDISyncInstance).

    One that runs already is not started again. With ``wait_for_completion`` it waits until a real-time task is RUN
    (these never end), or until a solution has succeeded.

    :param file_id: the file id of the real-time task or the solution.
    :param task_type: DI_REALTIME (default) or DI_SOLUTION.
    :param project_id: workspace id; None (default) for the connection's.
    :param start_param: failover, dirty-record and DDL settings of a DI_REALTIME: dict, JSON text, or a ``.json`` file;
        default None.
    :param wait_for_completion: whether to wait; default False.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``. It means something
        only with ``wait_for_completion``.
    :param poll_interval: seconds between two looks; default 30.
    :param cancel_on_kill: whether a real-time task that this task started is stopped when the task is killed or reaches
        execution_timeout; default True. The API stops no solutions.
    :param start_timeout: seconds within which the start must show, and a real-time task that is being stopped must have
        stopped; default 60.
    :param max_poll_failures: failed polls in a row that end the wait; default 10.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's; default None.
    :return: the file id, int.
    :raises DataWorksJobError: it ended in a failure status.
    :raises DataWorksTimeoutError: execution_timeout is over; the text says what became of it.
    :raises DataWorksPermanentError: refused, or an argument can't be used.
    :raises DataWorksTransientError: no good answer after the hook's own attempts, or too many failed polls.
    """

    template_fields: Sequence[str] = (
        "file_id",
        "di_task_type",
        "project_id",
        "start_param",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"start_param": "json"}

    readers: ClassVar[Readers] = {
        **CONNECTION_READERS,
        "file_id": partial(arguments.identifier, "file_id"),
        "di_task_type": partial(arguments.task_type, accepted=_STARTABLE),
        "start_param": partial(arguments.optional_json_text, "start_param"),
    }

    def __init__(
        self,
        *,
        file_id: int | str | XComArg,
        task_type: str | XComArg = "DI_REALTIME",
        project_id: int | str | XComArg | None = None,
        start_param: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        cancel_on_kill: bool = True,
        start_timeout: float = 60.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            cancel_on_kill=cancel_on_kill,
            start_timeout=start_timeout,
            max_poll_failures=max_poll_failures,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.file_id = file_id
        self.di_task_type = task_type
        self.start_param = start_param
        self.check_arguments()

    def execute(self, context: Context) -> int:
        """Start, and wait if asked to.

        :param context: the task instance's, from Airflow.
        :return: the file id.
        """
        from airflow_provider_dataworks.readings import read_instance

        deadline = execution_deadline(try_began(context), self.execution_timeout)
        given = self.read_arguments()
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        look = partial(read_instance, project_id=project_id, task_type=given.di_task_type, file_id=given.file_id)
        before = self._look_once_it_is_stopped(look, WaitLog.of_instance(self.log, given.di_task_type, given.file_id))
        if ours := not _instance_runs(given.di_task_type, before):
            ours = self._start(project_id, given, look, before)
        else:
            self._say_that_it_runs(before)
        if not self.wait_for_completion:
            return int(given.file_id)

        wait = InstanceWait(
            given.di_task_type, before.status, before.started, time.time() + self.start_timeout, shown=not ours
        )
        story = WaitLog.of_instance(self.log, given.di_task_type, given.file_id)
        if self.deferrable:
            now = look(self.hook)
            verdict = wait.judge(now.status, now.started, time.time())
            if verdict is Verdict.GO_ON:
                self._defer(project_id, given, wait, deadline, stop=ours)
            story.see(now.status)
            return self._result(verdict, now.status)
        verdict, reading = self._watch(
            look, lambda seen: wait.judge(seen.status, seen.started, time.time()), story, deadline
        )
        return self._result(verdict, reading.status)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Take the trigger's word and end as :meth:`execute` would have.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the file id.
        """
        from airflow_provider_dataworks.triggers import events

        heard = events.read_event(event)
        if heard.kind == events.TIMED_OUT:
            raise self._timed_out(heard.waited, heard.became)
        self.log.info("%s is %s after %s", self._what(), heard.status, heard.waited)
        return self._result(Verdict.REACHED if heard.kind == events.REACHED else Verdict.FAILED, heard.status)

    def _look_once_it_is_stopped(self, look: Callable[[DataWorksHook], Reading], story: WaitLog) -> Reading:
        """Look; a real-time task that is being stopped is looked at again, up to start_timeout, for it takes no start.

        :return: how it is before our start.
        """
        give_up = time.monotonic() + self.start_timeout
        for pause in short_pauses():
            reading = look(self.hook)
            if reading.status != assumptions.REALTIME_STOPPING:
                return reading
            if time.monotonic() >= give_up:
                break
            story.see(reading.status)
            time.sleep(pause)
        raise DataWorksTimeoutError(
            f"{self._what()} was {assumptions.REALTIME_STOPPING} for longer than start_timeout "
            f"({self.start_timeout:g} s); it was not started."
        )

    def _start(
        self, project_id: int, given: SimpleNamespace, look: Callable[[DataWorksHook], Reading], before: Reading
    ) -> bool:
        """Start it.

        :return: False if the start was refused because somebody else's came first.
        """
        if given.di_task_type == TaskType.DI_REALTIME:
            self._started_run = StartedRun(
                stop=lambda hook: hook.stop_di_sync_instance(
                    project_id=project_id, task_type=given.di_task_type, file_id=given.file_id
                ),
                read_state=lambda hook: _realtime_state(look(hook), before),
            )
        try:
            self.hook.start_di_sync_instance(
                project_id=project_id,
                task_type=given.di_task_type,
                file_id=given.file_id,
                start_param=given.start_param,
                solution_before={"Status": before.status, "StartTime": before.started},
            )
        except DataWorksError as error:
            if error.outcome_unknown:
                raise
            self._started_run = None
            if not isinstance(error, DataWorksPermanentError):
                raise
            runs = partial(_instance_runs, given.di_task_type)
            if (now := self._read_after_refusal(look, runs)) is None:
                raise
            self._say_that_it_runs(now)
            return False
        if self._started_run is not None:
            self._started_run.shown = True
        return True

    def _say_that_it_runs(self, now: Reading) -> None:
        self.log.warning(
            "%s is %s already: it is not started again, start_param is not applied", self._what(), now.status
        )

    def _why_not_stopped(self) -> str:
        if self.di_task_type == TaskType.DI_SOLUTION:
            return "the API stops no solutions"
        return super()._why_not_stopped()

    def _defer(
        self, project_id: int, given: SimpleNamespace, wait: InstanceWait, deadline: float | None, *, stop: bool
    ) -> NoReturn:
        from airflow_provider_dataworks.triggers.data_integration import DISyncInstanceTrigger

        trigger = DISyncInstanceTrigger(
            **self._common_trigger_arguments(project_id, deadline),
            file_id=given.file_id,
            task_type=given.di_task_type,
            old_status=wait.old_status,
            old_started=wait.old_started,
            start_timeout=max(0.0, wait.show_by - time.time()),
            shown=wait.shown,
            stop_on_kill=self.cancel_on_kill and stop and given.di_task_type == TaskType.DI_REALTIME,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _result(self, verdict: Verdict, status: str | None) -> int:
        file_id = arguments.identifier("file_id", self.file_id)
        if verdict is Verdict.REACHED:
            return file_id
        meaning = assumptions.SOLUTION_STATUS.get(status or "", "") if self.di_task_type == TaskType.DI_SOLUTION else ""
        raise DataWorksJobError(
            f"{self._what()} is {status}{f' ({meaning})' if meaning else ''} after its start: it ended, or the start "
            f"did not show within start_timeout ({self.start_timeout:g} s). Its log is in the DataWorks console.",
            job_id=file_id,
            status=status,
        )

    def _what(self) -> str:
        return f"{self.di_task_type} {self.file_id}"


def _instance_runs(task_type: str, reading: Reading) -> bool:
    """Whether it runs, so that a start would be a second one."""
    if task_type == TaskType.DI_SOLUTION:
        return reading.status in assumptions.SOLUTION_RUNS
    return reading.status in assumptions.REALTIME_START_ARRIVED


def _realtime_state(reading: Reading, before: Reading) -> RunState:
    """What has become of a real-time task's start; nothing but the status tells its runs apart."""
    if reading.status in assumptions.REALTIME_START_ARRIVED:
        return RunState.RUNNING
    return RunState.NOT_SHOWN if reading.status == before.status else RunState.ENDED


class StartDIJobOperator(WaitingOperator):
    """Starts a DI job, once, and returns or waits only when the new run shows (API page: StartDIJob).

    A job that runs is not started again. On Airflow 3.3+ a retry recognises the run that an earlier try started, also
    when it ended meanwhile; before, a retry attaches to a job that is Running, nothing more.

    :param di_job_id: the job's id.
    :param project_id: workspace id; None (default) for the connection's, or else the job's own.
    :param realtime_start_settings: ``StartTime`` (Unix seconds, datetime or ISO 8601 text) and ``FailoverSettings``:
        dict, JSON text, or a ``.json`` file. None (default) resumes at the last offset.
    :param force_to_rerun: run all steps again; None (default) runs only what has not run yet.
    :param wait_for_completion: whether to wait for ``target_statuses``; default False.
    :param target_statuses: None (default) means Running for the real-time types, which never end, else Finished.
    :param failure_statuses: default Failed and Stopped.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``. It means something
        only with ``wait_for_completion``.
    :param poll_interval: seconds between two looks; default 30.
    :param if_running: what to do with a job that is Running: ``attach`` (default) or ``fail``.
    :param cancel_on_kill: whether the job that this task started is stopped when the task is killed or reaches
        execution_timeout; default True.
    :param start_timeout: seconds within which the new run must show, and a Stopping job must have stopped; default 60.
    :param max_poll_failures: failed polls in a row that end the wait; default 10.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's; default None.
    :return: the job id, int.
    :raises DataWorksJobError: the job ended in one of ``failure_statuses``.
    :raises DataWorksTimeoutError: start_timeout or execution_timeout is over; the text says what became of the job.
    :raises DataWorksNotFoundError: there is no such job.
    :raises DataWorksPermanentError: refused, or an argument can't be used.
    :raises DataWorksTransientError: no good answer after the hook's own attempts, or too many failed polls.
    """

    template_fields: Sequence[str] = (
        "di_job_id",
        "project_id",
        "realtime_start_settings",
        "force_to_rerun",
        "target_statuses",
        "failure_statuses",
        "if_running",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"realtime_start_settings": "json"}

    readers: ClassVar[Readers] = {
        **CONNECTION_READERS,
        "di_job_id": partial(arguments.identifier, "di_job_id"),
        "realtime_start_settings": arguments.realtime_start_settings,
        "force_to_rerun": partial(arguments.boolean, "force_to_rerun"),
        "target_statuses": lambda value: (
            None if arguments.optional(value) is None else arguments.statuses("target_statuses", value)
        ),
        "failure_statuses": partial(arguments.statuses, "failure_statuses", may_be_empty=True),
        "if_running": partial(arguments.one_of, "if_running", accepted=("attach", "fail")),
    }

    def __init__(
        self,
        *,
        di_job_id: int | str | XComArg,
        project_id: int | str | XComArg | None = None,
        realtime_start_settings: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        force_to_rerun: bool | str | XComArg | None = None,
        wait_for_completion: bool = False,
        target_statuses: Sequence[str] | str | XComArg | None = None,
        failure_statuses: Sequence[str] | str | XComArg = DEFAULT_FAILURE_STATUSES,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        if_running: Literal["attach", "fail"] | XComArg = "attach",
        cancel_on_kill: bool = True,
        start_timeout: float = 60.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            cancel_on_kill=cancel_on_kill,
            start_timeout=start_timeout,
            max_poll_failures=max_poll_failures,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.di_job_id: Any = di_job_id
        self.realtime_start_settings = realtime_start_settings
        self.force_to_rerun = force_to_rerun
        self.target_statuses = target_statuses
        self.failure_statuses = failure_statuses
        self.if_running = if_running
        self.check_arguments()

    def execute(self, context: Context) -> int:
        """Start the job unless it runs, and wait if asked to.

        :param context: the task instance's, from Airflow.
        :return: the job id.
        """
        given = self.read_arguments()
        memory = RunMemory(context, given.di_job_id)
        try:
            self._execute(context, given, memory)
        except DataWorksJobError:
            memory.forget()
            raise
        memory.note_done()
        return int(given.di_job_id)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Take the trigger's word and end as :meth:`execute` would have.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the job id.
        """
        from airflow_provider_dataworks.triggers import events

        given = self.read_arguments()
        memory = RunMemory(context, given.di_job_id)
        try:
            heard = events.read_event(event)
            if heard.kind == events.FAILED:
                raise self._failed(given.di_job_id, heard.status)
        except DataWorksJobError:
            memory.forget()
            raise
        if heard.kind == events.TIMED_OUT:
            raise self._timed_out(heard.waited, heard.became)
        self.log.info(
            "%s is %s (MigrationType %s) after %s", self._what(), heard.status, heard.migration_type, heard.waited
        )
        memory.note_done()
        return int(given.di_job_id)

    def _execute(self, context: Context, given: SimpleNamespace, memory: RunMemory) -> None:
        deadline = execution_deadline(try_began(context), self.execution_timeout)
        job = self.hook.get_di_job(di_job_id=given.di_job_id)
        project_id = self._project_id(given, job)
        if job.get("ProjectId") not in (None, project_id):
            raise job_not_found(f"with id {given.di_job_id}", project_id)
        self.push_console_link(context, project_id)
        targets = given.target_statuses or default_targets(job.get("MigrationType"))
        warn_if_it_never_ends(self.log, self._what(), job.get("MigrationType"), targets)

        if memory.was_done(job):
            self.log.info("%s: an earlier try of this task did its work; nothing is started again", self._what())
            if memory.run_is_ours() and memory.knows_run(job):
                self._started_run = self._run_to_stop(job, shown=True)
            return
        job, old, ours = self._begin(given, job, targets, memory)
        if self.wait_for_completion:
            self._wait(project_id, given, job, old, targets, deadline, ours=ours)

    def _begin(
        self, given: SimpleNamespace, job: Job, targets: Sequence[str], memory: RunMemory
    ) -> tuple[Job, Job | None, bool]:
        """Start the job, or take the run that is there.

        :return: the job with the run to wait for, the job before our start (None if nothing was started), and whether
            the run is this task's own.
        """
        job = self._look_for_earlier_start(job, memory)
        if memory.knows_run(job) and not self._must_start_again(job, targets, memory):
            self.log.info(
                "%s: an earlier try of this task %s the run that is %s; it is not started again",
                self._what(),
                "started" if memory.run_is_ours() else "attached to",
                job.get("JobStatus"),
            )
            memory.adopt()
            if ours := memory.run_is_ours():
                self._started_run = self._run_to_stop(job, shown=True)
            return job, None, ours
        job = self._wait_while_stopping(job)
        if normal_status(job.get("JobStatus")) == JobStatus.RUNNING:
            self._attach_or_fail(given)
            memory.note_attached(job)
            return job, None, False
        if (others := self._start(given, job, memory)) is not None:
            return others, None, False
        new = self._wait_until_new_run_shows(job)
        self._started_run = self._run_to_stop(job, shown=True)
        memory.note_shown(new)
        return new, job, True

    def _start(self, given: SimpleNamespace, job: Job, memory: RunMemory) -> Job | None:
        """Start the job.

        :param job: the job as it is now.
        :return: None; or the job with the run of somebody else who was faster.
        """
        memory.note(job)
        # From here on a kill stops the job: the request may arrive even if its answer does not.
        self._started_run = self._run_to_stop(job, shown=False)
        try:
            self.hook.start_di_job(
                di_job_id=given.di_job_id,
                realtime_start_settings=given.realtime_start_settings,
                force_to_rerun=given.force_to_rerun,
                job_before=job,
            )
        except DataWorksError as error:
            if error.outcome_unknown:
                raise
            # It was surely not executed: any run that shows is somebody else's.
            self._started_run = None
            memory.withdraw()
            if not isinstance(error, DataWorksPermanentError):
                raise
            others = self._read_after_refusal(
                lambda hook: hook.get_di_job(di_job_id=given.di_job_id), lambda now: _shows_new_run(now, job)
            )
            if others is None:
                raise
            self._attach_or_fail(given)
            memory.note_attached(others)
            return others
        return None

    def _project_id(self, given: SimpleNamespace, job: Job) -> int:
        """The workspace: given, the connection's, or the job's own."""
        if given.project_id is None and self.hook.settings.project_id is None and job.get("ProjectId"):
            return job["ProjectId"]
        return self.hook.resolve_project_id(given.project_id)

    def _must_start_again(self, job: Job, targets: Sequence[str], memory: RunMemory) -> bool:
        """Whether a run that an earlier try started is of no use any more."""
        status = normal_status(job.get("JobStatus"))
        if status == JobStatus.STOPPING:
            return True
        if status not in TERMINAL_STATUSES:
            return False
        if memory.was_cleared():
            return True
        if not self.wait_for_completion:
            # The task starts and does not wait: that its run has ended meanwhile is no reason for another.
            return status in (JobStatus.FAILED, JobStatus.STOPPED)
        return judge(status, targets, ()) is not Verdict.REACHED

    def _attach_or_fail(self, given: SimpleNamespace) -> None:
        if given.if_running == "fail":
            raise DataWorksError(f"{self._what()} is Running already, and if_running is 'fail'.")
        settings = [name for name in ("realtime_start_settings", "force_to_rerun") if getattr(given, name) is not None]
        self.log.warning(
            "%s is Running already: it is not started again%s",
            self._what(),
            f", {' and '.join(settings)} are not applied" if settings else "",
        )

    def _wait_while_stopping(self, job: Job) -> Job:
        """Wait, up to start_timeout, until a job that somebody stops has stopped.

        :return: the job as it is before our start.
        """
        story = WaitLog.of_job(self.log, job["DIJobId"])
        give_up = time.monotonic() + self.start_timeout
        for pause in short_pauses():
            if normal_status(job.get("JobStatus")) != JobStatus.STOPPING:
                return job
            if time.monotonic() >= give_up:
                break
            story.see(job.get("JobStatus"))
            time.sleep(pause)
            job = self.hook.get_di_job(di_job_id=self.di_job_id)
        raise DataWorksTimeoutError(
            f"{self._what()} was Stopping for longer than start_timeout ({self.start_timeout:g} s); it was not started."
        )

    def _wait_until_new_run_shows(self, old: Job) -> Job:
        """Wait, up to start_timeout, until the job shows the run that was started; until then it shows the last one.

        :return: the job with the new run.
        """
        job = self._look_until(lambda seen: _shows_new_run(seen, old), self.start_timeout)
        if job is not None:
            return job
        raise DataWorksTimeoutError(
            f"{self._what()} was started, but shows no new run after start_timeout ({self.start_timeout:g} s); it is "
            f"still {old.get('JobStatus')}. If all of its steps ran before, only force_to_rerun=True runs them again."
        )

    def _look_for_earlier_start(self, job: Job, memory: RunMemory) -> Job:
        """Give the run of a try that died right after its start the time to show that start_timeout allows.

        All of it, from now: when the earlier try started the job is known only by another machine's clock.

        :return: the job, with that run if there is one.
        """
        if not memory.may_yet_show(job):
            return job
        self.log.info(
            "%s: an earlier try may have started it just now: waiting up to %.0f s for the run",
            self._what(),
            self.start_timeout,
        )
        return self._look_until(memory.knows_run, self.start_timeout) or job

    def _look_until(self, wanted: Callable[[Job], bool], seconds: float) -> Job | None:
        """Read the job until it is as wanted; None if it is not within so many seconds."""
        give_up = time.monotonic() + seconds
        for pause in short_pauses():
            try:
                job = self.hook.get_di_job(di_job_id=self.di_job_id)
            except DataWorksTransientError as error:
                self.log.warning("%s cannot be read for now: %s", self._what(), error)
            else:
                if wanted(job):
                    return job
            left = give_up - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(pause, left))
        return None

    def _wait(
        self,
        project_id: int,
        given: SimpleNamespace,
        job: Job,
        old: Job | None,
        targets: Sequence[str],
        deadline: float | None,
        *,
        ours: bool,
    ) -> None:
        from airflow_provider_dataworks.readings import read_job

        story = WaitLog.of_job(self.log, given.di_job_id)
        status: str | None = str(job.get("JobStatus"))
        verdict = judge(status, targets, given.failure_statuses)
        if verdict is not Verdict.GO_ON:
            story.see(status)
            story.end(status, job.get("MigrationType"))
        elif self.deferrable:
            self._defer(project_id, given, old, targets, deadline, stop=ours)
        else:
            look = partial(read_job, project_id=project_id, di_job_id=given.di_job_id)
            verdict, reading = self._watch(
                look, lambda seen: judge(seen.status, targets, given.failure_statuses), story, deadline
            )
            status = reading.status
        if normal_status(status) in TERMINAL_STATUSES:
            # A kill from now on must not stop the next run, which is somebody else's.
            self._started_run = None
        if verdict is Verdict.FAILED:
            raise self._failed(given.di_job_id, status)

    def _defer(
        self,
        project_id: int,
        given: SimpleNamespace,
        old: Job | None,
        targets: Sequence[str],
        deadline: float | None,
        *,
        stop: bool,
    ) -> NoReturn:
        from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

        ended_before = old is not None and normal_status(old.get("JobStatus")) in TERMINAL_STATUSES
        trigger = DIJobStatusTrigger(
            **self._common_trigger_arguments(project_id, deadline),
            di_job_id=given.di_job_id,
            target_statuses=targets,
            failure_statuses=given.failure_statuses,
            stop_on_kill=self.cancel_on_kill and stop,
            old_status=old.get("JobStatus") if old is not None and ended_before else None,
            old_started_time=old.get("StartedTime") if old is not None and ended_before else None,
            # The wait begins only when the new run shows.
            new_run_seen=old is not None,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _failed(self, di_job_id: int, status: str | None) -> DataWorksJobError:
        return job_failure(self.hook, self.log, di_job_id, status)

    def _run_to_stop(self, before: Job, *, shown: bool) -> StartedRun:
        """What a kill stops.

        :param before: the job before the start.
        :param shown: whether the new run shows.
        """
        di_job_id = before["DIJobId"]

        def read_state(hook: DataWorksHook) -> RunState:
            now = hook.get_di_job(di_job_id=di_job_id)
            if not _shows_new_run(now, before):
                return RunState.NOT_SHOWN
            runs = normal_status(now.get("JobStatus")) == JobStatus.RUNNING
            return RunState.RUNNING if runs else RunState.ENDED

        return StartedRun(lambda hook: hook.stop_di_job(di_job_id=di_job_id), read_state, shown)

    def _what(self) -> str:
        return f"DI job {self.di_job_id}"


def _shows_new_run(now: Job, before: Job) -> bool:
    """Whether a job shows a run that it did not have before."""
    old = (before.get("JobStatus"), before.get("StartedTime"))
    return new_run_shows(now.get("JobStatus"), now.get("StartedTime"), *old)
