"""The triggers: they wait at a shared poller for a DI job, a real-time task or a solution."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from airflow.triggers.base import (
    BaseTrigger,
    TaskFailedEvent,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.readings import Reading
from airflow_provider_dataworks.triggers import events
from airflow_provider_dataworks.triggers.blocking import call, within
from airflow_provider_dataworks.triggers.log_thread import write
from airflow_provider_dataworks.triggers.poller import JOB, Key, Poller, Subject, Subscription, subscribe
from airflow_provider_dataworks.triggers.task_state import task_was_ended
from airflow_provider_dataworks.wait_log import WaitLog
from airflow_provider_dataworks.waiting import (
    DEFAULT_FAILURE_STATUSES,
    DEFAULT_MAX_POLL_FAILURES,
    TERMINAL_STATUSES,
    InstanceWait,
    Verdict,
    judge,
    normal_status,
)

#: So long before the event (seconds) the last line has to be logged: log lines and events go different ways.
_LOG_BEFORE_EVENT = 2.0

_DEFERRAL_SETTLES_WITHIN = 5.0

#: Limits in seconds. Airflow gives on_kill thirty; its answer about a task's state takes five the first time.
_STATE_READ_WITHIN = 12.0
_STOPPED_WITHIN = 16.0
_EXPLAINED_WITHIN = 20.0

_DEFAULT_START_TIMEOUT = 60.0


class _WaitTrigger(BaseTrigger):
    """Waits at the shared poller until a verdict, an error or the deadline."""

    #: The names of the arguments, in the order of the constructor.
    _argument_names: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        dataworks_conn_id: str,
        region_id: str | None,
        project_id: int,
        poll_interval: float,
        deadline: float | None,
        stop_on_kill: bool,
        max_poll_failures: int,
        waiting_since: float | None,
        unknown: Mapping[str, Any],
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._began = time.monotonic()
        if unknown:
            # A later version of this package deferred the task, and was then downgraded.
            names = ", ".join(sorted(unknown))
            self.log.warning("%s takes no argument %s: ignored", type(self).__name__, names)
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self.project_id = project_id
        self.poll_interval = poll_interval
        self.deadline = deadline
        self.stop_on_kill = stop_on_kill
        self.max_poll_failures = max_poll_failures
        self.waiting_since = waiting_since

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what a triggerer needs to make this trigger anew.

        :return: the class's path, and the arguments.
        """
        kind = type(self)
        names = (
            "dataworks_conn_id",
            "region_id",
            "project_id",
            "poll_interval",
            "deadline",
            "stop_on_kill",
            "max_poll_failures",
            "waiting_since",
            *self._argument_names,
        )
        return f"{kind.__module__}.{kind.__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        self._began = time.monotonic()
        fired = self.fired(await self._wait())
        if type(fired) is TriggerEvent:
            await asyncio.sleep(self._until_the_deferral_has_settled())
        yield fired

    def _until_the_deferral_has_settled(self) -> float:
        """Seconds to hold an event back.

        A scheduler may learn up to five seconds late that the worker's process is gone. If the task is queued again by
        then, it takes the task for killed and fails it. Counted from here: the worker's clock may differ from this one.
        """
        if self.waiting_since is None:
            return 0.0
        return max(0.0, self._began + min(self.poll_interval, _DEFERRAL_SETTLES_WITHIN) - time.monotonic())

    async def on_kill(self) -> None:
        """Stop what the task started, when it was ended by hand while it waited here (Airflow 3.3+).

        After a clear the new try may wait for that very run already: then the job is left alone.
        """
        if not self.stop_on_kill:
            return
        try:
            asked = task_was_ended(self.task_instance)
            if await within(_STATE_READ_WITHIN, asked, "Reading the task's state from Airflow"):
                await self._stop_within_limit()
                await write(self.log.info, "The task was ended by hand: asked %s to stop", self.subject_name)
            else:
                await write(self.log.info, "The task will run again: %s is left running", self.subject_name)
        except Exception as error:  # noqa: BLE001 - Airflow would not say it of which job
            text = "%s could not be stopped: look after it in the console"
            await write(self.log.error, text, self.subject_name, exc_info=error)

    def fired(self, event: events.WaitEvent) -> TriggerEvent:
        """The event as Airflow takes it.

        :param event: how the wait ended.
        :return: the event to yield.
        """
        return TriggerEvent(event.payload())  # type: ignore[no-untyped-call]

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """What is waited for."""

    @property
    def ends_task_itself(self) -> bool:
        """Whether success and failure end the task here, without a worker."""
        return False

    @property
    def subject_name(self) -> str:
        """What is waited for, for people."""
        return f"{self.subject.kind} {self.subject.id}"

    @abstractmethod
    def wait_log(self) -> WaitLog:
        """The log of this wait.

        :return: a new one.
        """

    @abstractmethod
    def judge(self, reading: Reading, poller: Poller, subscription: Subscription) -> Verdict:
        """Say what a reading means.

        :param reading: what a poll saw.
        :param poller: where the trigger waits.
        :param subscription: the trigger's place there.
        :return: whether to go on.
        """

    @abstractmethod
    def stop(self) -> None:
        """Ask the service, in a hurry, to stop what is waited for."""

    async def explain_failure(self, poller: Poller) -> None:
        """Log why it failed, where no worker will.

        :param poller: where the trigger waits.
        """

    def needs_poll_at(self) -> float | None:
        """A moment at which there must be another poll, whatever the interval.

        :return: ``time.monotonic()``, None if there is no such moment.
        """
        return None

    async def _wait(self) -> events.WaitEvent:
        story = self.wait_log()
        key = Key(self.dataworks_conn_id, self.region_id, self.project_id, self.poll_interval)
        reading: Reading | None = None
        extra_poll: float | None = None
        with subscribe(key, self.subject, self.max_poll_failures) as (poller, subscription):
            while True:
                news = await subscription.news(self._until_something_is_due(story))
                if isinstance(news, DataWorksError):
                    await write(self.log.error, "%s: the wait ends: %s", self.subject_name, news)
                    return events.WaitEvent.of_error(news)
                verdict = Verdict.GO_ON
                if news is not None:
                    reading = news
                    # Judged first: what it asks of the poller is not to wait for the log.
                    verdict = self.judge(reading, poller, subscription)
                    await write(story.see, reading.status)
                if reading is not None and verdict is not Verdict.GO_ON:
                    await write(story.end, reading.status, reading.migration_type)
                    kind = events.REACHED if verdict is Verdict.REACHED else events.FAILED
                    if kind == events.FAILED:
                        await self._explain_within_limit(poller)
                    return self._event(kind, reading, story)
                if self.deadline is not None and time.time() >= self.deadline:
                    event = self._event(events.TIMED_OUT, reading, story)
                    event.became = await self._end_at_deadline()
                    return event
                moment = self.needs_poll_at()
                if moment is not None and moment != extra_poll and time.monotonic() >= moment:
                    extra_poll = moment
                    poller.ask_soon(subscription)
                failed = subscription.failures
                await write(story.heartbeat, f"; the last {failed} polls failed" if failed else "")

    def _until_something_is_due(self, story: WaitLog) -> float:
        waits = [story.until_heartbeat()]
        if self.deadline is not None:
            waits.append(self.deadline - time.time())
        moment = self.needs_poll_at()
        if moment is not None and moment > time.monotonic():
            waits.append(moment - time.monotonic())
        return max(0.05, min(waits))

    def _event(self, kind: str, reading: Reading | None, story: WaitLog) -> events.WaitEvent:
        return events.WaitEvent(
            kind,
            subject_id=self.subject.id,
            status=reading.status if reading else None,
            migration_type=reading.migration_type if reading else None,
            waited=story.waited(),
        )

    async def _end_at_deadline(self) -> str:
        """Stop what the task started, if it is to be stopped; say what became of it."""
        if not self.stop_on_kill:
            return "it is still running: this task did not start it, or cancel_on_kill is off"
        try:
            await self._stop_within_limit()
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must hear of the deadline
            return f"it could not be stopped and may be running on ({error})"
        return "it was asked to stop"

    async def _stop_within_limit(self) -> None:
        await call(self.stop, seconds=_STOPPED_WITHIN, what="The request to stop")

    async def _explain_within_limit(self, poller: Poller) -> None:
        try:
            await within(_EXPLAINED_WITHIN, self.explain_failure(poller), "Reading the ErrorMessage")
        except Exception as error:  # noqa: BLE001 - the wait has ended, whatever cannot be read of the reason
            await write(self.log.warning, "%s: its ErrorMessage cannot be read: %s", self.subject_name, error)
        if self.ends_task_itself:
            # No worker says it again, and of what Airflow hears after the event nothing gets into the task's log.
            await asyncio.sleep(_LOG_BEFORE_EVENT)


class DIJobStatusTrigger(_WaitTrigger):
    """Waits for a DI job's status, for the sensor and for StartDIJobOperator (API pages: ListDIJobs, GetDIJob).

    Fires once, with a dict: ``kind`` (reached, failed, timed out, error), ``status``, ``migration_type``, ``waited``,
    ``became``, ``error``. All arguments are plain values.

    :param dataworks_conn_id: the connection's id.
    :param region_id: wins over the connection's; default None.
    :param project_id: the workspace.
    :param di_job_id: the job.
    :param target_statuses: statuses that end the wait well; default Finished.
    :param failure_statuses: statuses that end it badly; default Failed and Stopped.
    :param poll_interval: seconds between two polls, default 30; those who share it, share the polls.
    :param deadline: Unix time at which the wait ends itself; None (default) for never.
    :param stop_on_kill: whether the job is stopped at the deadline, and when the task is ended by hand; default False.
    :param max_poll_failures: failed polls in a row that end the wait with a transient error; default 10.
    :param waiting_since: Unix time at which the task began to wait, for the log; None (default) for now.
    :param old_status: a terminal status that the job had before it was started, which the list may show for a while;
        None (default) if it had none.
    :param old_started_time: StartedTime (Unix seconds) that goes with it; default None.
    :param end_from_trigger: whether success and failure end the task here, without a worker; default False.
    :param skip_on_failure: with ``end_from_trigger``, whether a failure skips the task (the sensor's soft_fail);
        default False.
    :param new_run_seen: whether the task itself has seen the run that it waits for, by GetDIJob; default False. Then a
        final status that GetDIJob gives is that run's, also where there is no StartedTime, and one that only the list
        gives is confirmed by GetDIJob.
    """

    _argument_names = (
        "di_job_id",
        "target_statuses",
        "failure_statuses",
        "old_status",
        "old_started_time",
        "end_from_trigger",
        "skip_on_failure",
        "new_run_seen",
    )

    def __init__(
        self,
        *,
        dataworks_conn_id: str,
        project_id: int,
        di_job_id: int,
        target_statuses: Sequence[str] = ("Finished",),
        failure_statuses: Sequence[str] = DEFAULT_FAILURE_STATUSES,
        poll_interval: float = 30.0,
        region_id: str | None = None,
        deadline: float | None = None,
        stop_on_kill: bool = False,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        waiting_since: float | None = None,
        old_status: str | None = None,
        old_started_time: int | None = None,
        end_from_trigger: bool = False,
        skip_on_failure: bool = False,
        new_run_seen: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            project_id=project_id,
            poll_interval=poll_interval,
            deadline=deadline,
            stop_on_kill=stop_on_kill,
            max_poll_failures=max_poll_failures,
            waiting_since=waiting_since,
            unknown=kwargs,
        )
        self.di_job_id = di_job_id
        self.target_statuses = list(target_statuses)
        self.failure_statuses = list(failure_statuses)
        self.old_status = old_status
        self.old_started_time = old_started_time
        self.end_from_trigger = end_from_trigger
        self.skip_on_failure = skip_on_failure
        self.new_run_seen = new_run_seen
        # Whether what the list says is about the new run.
        self._list_shows_new_run = old_status is None and not new_run_seen

    @property
    def subject(self) -> Subject:
        return Subject(JOB, self.di_job_id)

    @property
    def ends_task_itself(self) -> bool:
        return self.end_from_trigger

    def wait_log(self) -> WaitLog:
        return WaitLog.of_job(self.log, self.di_job_id, self.waiting_since)

    def judge(self, reading: Reading, poller: Poller, subscription: Subscription) -> Verdict:
        verdict = judge(reading.status, self.target_statuses, self.failure_statuses)
        if reading.by_id:
            subscription.by_id = False
            if verdict is Verdict.GO_ON or self._list_shows_new_run or self._is_of_new_run(reading):
                return verdict
            subscription.by_id = True
            return Verdict.GO_ON
        if not self._list_shows_new_run:
            differs = self.old_status is not None or normal_status(reading.status) not in TERMINAL_STATUSES
            self._list_shows_new_run = differs and normal_status(reading.status) != normal_status(self.old_status)
        if verdict is Verdict.GO_ON or self._list_shows_new_run:
            return verdict
        # The list may lag behind: what it calls ended may be the run before. By id there is StartedTime to tell.
        subscription.by_id = True
        poller.ask_soon(subscription)
        return Verdict.GO_ON

    def _is_of_new_run(self, reading: Reading) -> bool:
        """Whether what GetDIJob says is about the run that is waited for."""
        return (
            normal_status(reading.status) != normal_status(self.old_status)
            or reading.started != self.old_started_time
            or (reading.started is None and self.new_run_seen)
        )

    async def explain_failure(self, poller: Poller) -> None:
        if not self.end_from_trigger:
            return
        try:
            exact = await poller.read_job(self.di_job_id)
            where = await call(partial(_console_url, self), seconds=_EXPLAINED_WITHIN, what="Reading the connection")
        except DataWorksError as error:
            await write(self.log.warning, "%s: its ErrorMessage cannot be read: %s", self.subject_name, error)
        else:
            reason = printable(exact.error_message or "it gives no ErrorMessage").rstrip(". ")
            await write(
                self.log.error, "%s is %s: %s. See %s", self.subject_name, printable(exact.status), reason, where
            )

    def stop(self) -> None:
        _hurried_hook(self).stop_di_job(di_job_id=self.di_job_id)

    def fired(self, event: events.WaitEvent) -> TriggerEvent:
        if not self.end_from_trigger or event.kind not in (events.REACHED, events.FAILED):
            return super().fired(event)
        if event.kind == events.REACHED:
            return TaskSuccessEvent(xcoms={"return_value": event.status})
        return TaskSkippedEvent() if self.skip_on_failure else TaskFailedEvent()


class DISyncInstanceTrigger(_WaitTrigger):
    """Waits for a started real-time task to run, or for a started solution to succeed
    (API pages: GetDISyncInstanceInfo, GetDISyncTask).

    Fires as :class:`DIJobStatusTrigger` does.

    :param dataworks_conn_id: the connection's id.
    :param project_id: the workspace.
    :param file_id: the real-time task's or the solution's file id.
    :param task_type: DI_REALTIME or DI_SOLUTION.
    :param old_status: the status before the start; default None, not known.
    :param old_started: a solution's StartTime before the start; default None.
    :param start_timeout: seconds, counted from when the trigger begins to wait, within which the start must show;
        default 60.
    :param shown: whether it showed already; default False.
    :param poll_interval: seconds between two polls, default 30; those who share it, share the polls.
    :param region_id: wins over the connection's; default None.
    :param deadline: Unix time at which the wait ends itself; None (default) for never.
    :param stop_on_kill: whether a real-time task is stopped at the deadline, and when the task is ended by hand;
        default False.
    :param max_poll_failures: failed polls in a row that end the wait with a transient error; default 10.
    :param waiting_since: Unix time at which the task began to wait, for the log; None (default) for now.
    :param show_by: what earlier versions gave in place of ``start_timeout``: Unix time by which the start must show;
        default None.
    """

    _argument_names = ("file_id", "task_type", "old_status", "old_started", "start_timeout", "shown")

    def __init__(
        self,
        *,
        dataworks_conn_id: str,
        project_id: int,
        file_id: int,
        task_type: str,
        old_status: str | None = None,
        old_started: str | None = None,
        start_timeout: float | None = None,
        show_by: float | None = None,
        shown: bool = False,
        poll_interval: float = 30.0,
        region_id: str | None = None,
        deadline: float | None = None,
        stop_on_kill: bool = False,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        waiting_since: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            project_id=project_id,
            poll_interval=poll_interval,
            deadline=deadline,
            stop_on_kill=stop_on_kill,
            max_poll_failures=max_poll_failures,
            waiting_since=waiting_since,
            unknown=kwargs,
        )
        self.file_id = file_id
        self.task_type = task_type
        self.old_status = old_status
        self.old_started = old_started
        if start_timeout is None and show_by is not None and waiting_since is not None:
            # Both by the worker's clock, which may differ from this machine's.
            start_timeout = max(0.0, show_by - waiting_since)
        self.start_timeout = _DEFAULT_START_TIMEOUT if start_timeout is None else start_timeout
        self.shown = shown
        self._instance: InstanceWait | None = None

    @property
    def subject(self) -> Subject:
        return Subject(self.task_type, self.file_id)

    def wait_log(self) -> WaitLog:
        return WaitLog.of_instance(self.log, self.task_type, self.file_id, self.waiting_since)

    def needs_poll_at(self) -> float | None:
        return None if self._wait_for_instance.shown else self._wait_for_instance.show_by

    def judge(self, reading: Reading, poller: Poller, subscription: Subscription) -> Verdict:
        # By the monotonic clock: the moment by which the start must show is this trigger's own.
        verdict = self._wait_for_instance.judge(reading.status, reading.started, time.monotonic())
        subscription.every_tick = not self._wait_for_instance.shown
        return verdict

    @property
    def _wait_for_instance(self) -> InstanceWait:
        if self._instance is None:
            show_by = self._began + self.start_timeout
            self._instance = InstanceWait(self.task_type, self.old_status, self.old_started, show_by, self.shown)
        return self._instance

    def stop(self) -> None:
        hook = _hurried_hook(self)
        hook.stop_di_sync_instance(project_id=self.project_id, task_type=self.task_type, file_id=self.file_id)


def _hurried_hook(trigger: _WaitTrigger) -> Any:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    return DataWorksHook(trigger.dataworks_conn_id, trigger.region_id).hurried(max_attempts=3)


def _console_url(trigger: _WaitTrigger) -> str:
    from airflow_provider_dataworks.base import workspace_url
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    return workspace_url(DataWorksHook(trigger.dataworks_conn_id, trigger.region_id), trigger.project_id)
