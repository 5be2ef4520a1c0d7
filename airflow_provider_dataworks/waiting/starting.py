"""Starts a target once: recognises an earlier try's run, waits out a stop, attaches or starts, confirms the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.waiting.loop import short_pauses
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.stopping import StartedRun
from airflow_provider_dataworks.waiting.target import RunState, StartTarget, StatusSnapshot, WaitState

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
    from airflow_provider_dataworks.waiting.run_store import RunStore

#: Seconds within which the run that made the service refuse a start shows.
_LOST_RACE_SHOWS_WITHIN = 3.5


@dataclass(frozen=True)
class StartRequest:
    """One start, as the task's arguments want it.

    :param target: what is started, and what is then waited for.
    :param send: sends the start; it is given what was polled before.
    :param attach: called when it runs already, and is not started: logs what that means, or raises.
    :param waits: whether the task waits for the target.
    :param start_timeout: seconds within which the start must show, and within which a target that is being stopped must
        have stopped.
    :param not_shown_hint: what to add to the error when no new run shows; default nothing.
    """

    target: StartTarget
    send: Callable[[StatusSnapshot], Any]
    attach: Callable[[StatusSnapshot], None]
    waits: bool
    start_timeout: float
    not_shown_hint: str = ""


@dataclass(frozen=True)
class Begun:
    """A run that there is now.

    :param snapshot: what the last poll saw.
    :param before: what a poll saw before this task's start; None (default) if it started nothing now.
    """

    snapshot: StatusSnapshot
    before: StatusSnapshot | None = None


class Starter:
    """Carries out one start.

    :param hook: the task's hook.
    :param log: the task's logger.
    :param request: the start.
    :param store: what earlier tries recorded.
    :param on_started: called with what a kill stops: the run that may have been started, or None where that is not
        this task's.
    """

    def __init__(
        self,
        hook: DataWorksHook,
        log: Any,
        request: StartRequest,
        store: RunStore,
        on_started: Callable[[StartedRun | None], None],
    ) -> None:
        self._hook = hook
        self._log = log
        self._request = request
        self._target = request.target
        self._store = store
        self._on_started = on_started
        self._name: str | None = None

    def work_was_done(self, snapshot: StatusSnapshot) -> bool:
        """Whether an earlier try of the task did its work, so that there is nothing to do.

        :param snapshot: what the first poll saw.
        """
        self._name = snapshot.name
        if not self._store.was_done(snapshot):
            return False
        self._log.info("%s: an earlier try of this task did its work; nothing is started again", self._what)
        has_ended = self._target.run_state(snapshot).has_ended
        if not has_ended and self._store.is_own_run and self._store.is_recorded_run(snapshot):
            self._on_started(StartedRun(self._target, snapshot, shown=True))
        return True

    def begin(self, snapshot: StatusSnapshot) -> Begun:
        """Start the target, or take the run that is there.

        :param snapshot: what the first poll saw.
        :return: the run.
        :raises DataWorksTimeoutError: start_timeout is over.
        :raises DataWorksError: refused, or as :attr:`StartRequest.attach` raises.
        """
        snapshot = self._wait_for_earlier_start(snapshot)
        if self._store.is_recorded_run(snapshot) and not self._must_start_again(snapshot):
            self._log.info(
                "%s: an earlier try of this task %s the run that is %s; it is not started again",
                self._what,
                "started" if self._store.is_own_run else "attached to",
                snapshot.status,
            )
            self._store.take_over()
            if self._store.is_own_run:
                self._on_started(StartedRun(self._target, snapshot, shown=True))
            return Begun(snapshot)
        snapshot = self._wait_while_stopping(snapshot)
        if self._target.run_state(snapshot) is RunState.RUNNING:
            return self._attach(snapshot)
        return self._start(snapshot)

    @property
    def _what(self) -> str:
        return self._target.describe(self._name)

    def _attach(self, snapshot: StatusSnapshot) -> Begun:
        self._request.attach(snapshot)
        self._store.record_attached(snapshot)
        return Begun(snapshot)

    def _start(self, before: StatusSnapshot) -> Begun:
        if self._target.confirms_start and self._target.run_state(before).has_ended:
            # The counters of a run that is not over move by themselves.
            before = replace(before, marker=self._target.run_marker(self._hook))
        self._store.record_start(before)
        # From here on a kill stops the run: the request may arrive even if its answer does not.
        run = StartedRun(self._target, before)
        self._on_started(run)
        try:
            self._request.send(before)
        except DataWorksError as error:
            if error.outcome_unknown:
                if (over := self._poll_run_that_is_over(before.marker)) is None:
                    raise
                run.shown = True
                self._store.record_shown(over)
                return Begun(over, before)
            # It was surely not executed: any run that shows is somebody else's.
            self._on_started(None)
            self._store.withdraw()
            if not isinstance(error, DataWorksPermanentError):
                raise
            if (other := self._poll_after_refusal(before, error)) is None:
                raise
            return self._attach(other)
        if not self._target.confirms_start:
            run.shown = True
            return Begun(before, before)
        now = self._wait_until_new_run_shows(before)
        run.shown = True
        self._store.record_shown(now)
        return Begun(now, before)

    def _must_start_again(self, snapshot: StatusSnapshot) -> bool:
        """Whether a run that an earlier try started is of no use any more."""
        state = self._target.run_state(snapshot)
        if state is RunState.STOPPING:
            return True
        if not state.has_ended:
            return False
        if self._store.was_cleared:
            return True
        if not self._request.waits:
            # The task starts and does not wait: that its run has ended meanwhile is no reason for another.
            return state is RunState.FAILED
        result = self._target.evaluate(snapshot, new_run_seen=True, start_overdue=False)
        return result.state is not WaitState.SUCCEEDED

    def _wait_while_stopping(self, snapshot: StatusSnapshot) -> StatusSnapshot:
        """Wait, up to start_timeout, until a target that is being stopped has stopped: before, it takes no start."""
        progress = Progress(self._log, self._target)
        give_up = clock.monotonic() + self._request.start_timeout
        for pause in short_pauses():
            if self._target.run_state(snapshot) is not RunState.STOPPING:
                return snapshot
            if clock.monotonic() >= give_up:
                break
            progress.update(snapshot)
            clock.sleep(pause)
            snapshot = self._target.poll(self._hook)
        raise DataWorksTimeoutError(
            f"{self._what} was {snapshot.status} for longer than start_timeout ({self._request.start_timeout:g} s); "
            "it was not started."
        )

    def _wait_until_new_run_shows(self, before: StatusSnapshot) -> StatusSnapshot:
        """Wait, up to start_timeout, until the target shows the run that was started; until then it shows the last.

        :param before: what was polled before the start.
        """
        snapshot = self._poll_until(lambda now: self._target.shows_new_run(now, before))
        snapshot = snapshot or self._poll_run_that_is_over(before.marker)
        if snapshot is not None:
            return snapshot
        raise DataWorksTimeoutError(
            f"{self._what} was started, but shows no new run after start_timeout ({self._request.start_timeout:g} s); "
            f"it is still {before.status}.{self._request.not_shown_hint}"
        )

    def _wait_for_earlier_start(self, snapshot: StatusSnapshot) -> StatusSnapshot:
        """Give the run of a try that died right after its start the time to show that start_timeout allows.

        All of it, from now: when the earlier try started it is known only by another machine's clock.
        """
        if not self._store.may_yet_show(snapshot):
            return snapshot
        self._log.info(
            "%s: an earlier try may have started it just now: waiting up to %.0f s for the run",
            self._what,
            self._request.start_timeout,
        )
        if (shown := self._poll_until(self._store.is_recorded_run)) is not None:
            return shown
        if (over := self._poll_run_that_is_over(self._store.marker_before)) is not None:
            self._store.record_shown(over)
            return over
        return snapshot

    def _poll_run_that_is_over(self, marker: str | None) -> StatusSnapshot | None:
        """Poll a run that was over before a poll saw it, so that only its marker shows that it is a new one.

        :param marker: what distinguished the run before it; None if polls do.
        :return: the snapshot; None if there is no new run, or it cannot be told.
        """
        if marker is None or self._target.run_marker(self._hook) in (None, marker):
            return None
        self._log.info("%s: no poll has seen the new run, but the counters of its tables show it", self._what)
        try:
            return self._target.poll(self._hook)
        except DataWorksTransientError as error:
            self._log.warning("%s cannot be read for now: %s", self._what, error)
            return None

    def _poll_until(self, wanted: Callable[[StatusSnapshot], bool]) -> StatusSnapshot | None:
        """Poll until a snapshot is as wanted; None if none is within start_timeout."""
        give_up = clock.monotonic() + self._request.start_timeout
        for pause in short_pauses():
            try:
                snapshot = self._target.poll(self._hook)
            except DataWorksTransientError as error:
                self._log.warning("%s cannot be read for now: %s", self._what, error)
            else:
                if wanted(snapshot):
                    return snapshot
            left = give_up - clock.monotonic()
            if left <= 0:
                break
            clock.sleep(min(pause, left))
        return None

    def _poll_after_refusal(self, before: StatusSnapshot, refusal: DataWorksError) -> StatusSnapshot | None:
        """Poll what refused to be started: it may run because somebody else started it a moment before.

        :return: the snapshot that shows it; None if nothing shows within a few seconds.
        :raises DataWorksError: it cannot be polled, so that nobody knows whether the refusal is final.
        """
        give_up = clock.monotonic() + min(self._request.start_timeout, _LOST_RACE_SHOWS_WITHIN)
        for pause in short_pauses():
            try:
                now = self._target.poll(self._hook)
            except DataWorksError:
                self._log.warning("%s cannot be read after its refused start: %s", self._what, refusal)
                raise
            if self._target.run_state(now) is RunState.RUNNING:
                return now
            if self._target.confirms_start and self._target.shows_new_run(now, before):
                return now
            if clock.monotonic() + pause > give_up:
                break
            clock.sleep(pause)
        return self._poll_run_that_is_over(before.marker)
