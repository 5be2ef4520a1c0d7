"""What the starting operators share: how they wait in the worker, and what a kill or the deadline stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.base import DataWorksTask
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksTimeoutError, DataWorksTransientError
from airflow_provider_dataworks.operators.stopping import StartedRun
from airflow_provider_dataworks.waiting import DEFAULT_MAX_POLL_FAILURES, Verdict

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
    from airflow_provider_dataworks.readings import Reading
    from airflow_provider_dataworks.wait_log import WaitLog

T = TypeVar("T")

#: Seconds within which the run that made the service refuse a start shows.
_LOST_RACE_SHOWS_WITHIN = 3.5

#: How long on_kill may take.
KILL_SECONDS = 4.0

#: How long stopping may take at the deadline, which leaves up to 30 seconds.
DEADLINE_SECONDS = 15.0


class WaitingOperator(DataWorksTask, BaseOperator):
    """Base of the operators that start something, wait for it if asked to, and stop it when they are killed."""

    ui_color = "#fdebd9"

    def __init__(
        self,
        *,
        project_id: int | str | XComArg | None = None,
        wait_for_completion: bool = False,
        deferrable: bool = False,
        poll_interval: float = 30.0,
        cancel_on_kill: bool = True,
        start_timeout: float = 60.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.wait_for_completion = arguments.fixed_boolean("wait_for_completion", wait_for_completion)
        self.deferrable = arguments.fixed_boolean("deferrable", deferrable)
        self.poll_interval = arguments.seconds("poll_interval", poll_interval, above=0)
        self.cancel_on_kill = arguments.fixed_boolean("cancel_on_kill", cancel_on_kill)
        self.start_timeout = arguments.seconds("start_timeout", start_timeout)
        self.max_poll_failures = arguments.identifier("max_poll_failures", max_poll_failures)
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        # What a kill and the deadline stop.
        self._started_run: StartedRun | None = None

    def on_kill(self) -> None:
        """Stop what this try started; Airflow ends the process five seconds from now."""
        if self._started_run is None or not self.cancel_on_kill:
            return
        try:
            if not self._started_run.end(self.hook, seconds=KILL_SECONDS):
                self.log.error(
                    "%s was asked to stop, but its start has not shown yet: it may yet start. Look after it in the "
                    "console, and stop it there if it runs",
                    self._what(),
                )
        except Exception:
            self.log.exception("What this task started could not be stopped: look after it in the console")

    def _common_trigger_arguments(self, project_id: int, deadline: float | None) -> dict[str, Any]:
        return {
            "dataworks_conn_id": self.dataworks_conn_id,
            "region_id": arguments.optional(self.region_id),
            "project_id": project_id,
            "poll_interval": self.poll_interval,
            "deadline": deadline,
            "max_poll_failures": self.max_poll_failures,
            "waiting_since": time.time(),
        }

    def _watch(
        self,
        read: Callable[[DataWorksHook], Reading],
        judged: Callable[[Reading], Verdict],
        story: WaitLog,
        deadline: float | None,
    ) -> tuple[Verdict, Reading]:
        """Wait in the worker; a failed poll costs a tick, too many in a row end the wait.

        :raises DataWorksTimeoutError: the deadline came.
        :raises DataWorksTransientError: too many polls in a row failed.
        """
        with closing(self.hook.tuned(max_attempts=1)) as hook:
            return self._poll(hook, read, judged, story, deadline)

    def _poll(
        self,
        hook: DataWorksHook,
        read: Callable[[DataWorksHook], Reading],
        judged: Callable[[Reading], Verdict],
        story: WaitLog,
        deadline: float | None,
    ) -> tuple[Verdict, Reading]:
        failures = 0
        while True:
            pause = self.poll_interval
            try:
                reading = read(hook)
                failures = 0
            except DataWorksTransientError as error:
                failures += 1
                if failures >= self.max_poll_failures:
                    raise
                self.log.warning("Poll %s in a row failed: %s", failures, error)
                pause = max(pause, error.retry_after or 0.0)
            else:
                story.see(reading.status)
                verdict = judged(reading)
                if verdict is not Verdict.GO_ON:
                    story.end(reading.status, reading.migration_type)
                    return verdict, reading
            if deadline is not None:
                pause = min(pause, deadline - time.time())
                if pause <= 0:
                    raise self._timed_out(story.waited(), self._end_at_deadline())
            time.sleep(pause)

    def _read_after_refusal(self, read: Callable[[DataWorksHook], T], started: Callable[[T], bool]) -> T | None:
        """Read what refused to be started: it may run because somebody else started it a moment before.

        :param read: reads it.
        :param started: whether a reading shows such a start.
        :return: that reading; None if nothing shows within a few seconds.
        """
        give_up = time.monotonic() + min(self.start_timeout, _LOST_RACE_SHOWS_WITHIN)
        for pause in short_pauses():
            try:
                if started(reading := read(self.hook)):
                    return reading
            except DataWorksError as error:
                self.log.warning("%s cannot be read after its refused start: %s", self._what(), error)
                return None
            if time.monotonic() + pause > give_up:
                return None
            time.sleep(pause)
        return None

    def _end_at_deadline(self) -> str:
        """Stop what this task started, if it is to be stopped; say what became of it."""
        if not self.cancel_on_kill:
            return "it is still running: cancel_on_kill is off"
        if self._started_run is None:
            return f"it is still running: {self._why_not_stopped()}"
        try:
            stopped = self._started_run.end(self.hook, seconds=DEADLINE_SECONDS, max_attempts=3)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must hear of the deadline
            return f"it could not be stopped and may be running on ({error})"
        return "it was asked to stop" if stopped else "it was asked to stop, but may yet start: its start does not show"

    def _why_not_stopped(self) -> str:
        """Why the deadline stops nothing, with cancel_on_kill."""
        return "this task did not start it"

    def _timed_out(self, waited: str, became: str) -> DataWorksTimeoutError:
        return DataWorksTimeoutError(
            f"{self._what()} did not get there within execution_timeout (waited {waited}); {became}."
        )

    def _what(self) -> str:
        """What is waited for, for people."""
        raise NotImplementedError


def short_pauses() -> Iterator[float]:
    """Pauses between looks at something that is about to change: 1, 2, 3, then 5 seconds."""
    yield from (1.0, 2.0, 3.0)
    yield from repeat(5.0)
