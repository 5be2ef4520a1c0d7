"""One deferred wait: at the shared poller until the target has ended, an error, or a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.metrics import in_triggerer
from airflow_provider_dataworks.triggers.blocking import call, within
from airflow_provider_dataworks.triggers.log_thread import write
from airflow_provider_dataworks.triggers.poller import Key, Poller, Subscription, subscribe
from airflow_provider_dataworks.waiting import events
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState, WaitTarget

#: Limits in seconds. Airflow gives on_kill thirty.
_STOPPED_WITHIN = 16.0
_EXPLAINED_WITHIN = 20.0

#: How long the ends of other targets are waited for when the first has failed.
_OTHERS_END_WITHIN = 2.0

_SHORTEST_PAUSE = 0.05


@dataclass(frozen=True)
class WaitOptions:
    """How a deferred wait is carried out; plain values only.

    :param dataworks_conn_id: the connection's id.
    :param region_id: wins over the connection's; default None.
    :param poll_interval: seconds between two polls, default 30; those who share it, share the polls.
    :param deadline: Unix time at which the wait stops what the task started, and ends; None (default) for never.
    :param sensor_timeout: seconds, counted from when the trigger begins to wait, after which a sensor's ``timeout`` is
        over; None (default) for never. A triggerer that takes over counts anew; Airflow's own limit does not.
    :param stop_on_kill: whether the target is stopped at the deadline, and when the task is ended by hand; default
        False.
    :param why_not_stopped: why it is not, for the log; default empty.
    :param max_poll_failures: failed polls in a row that end the wait with a transient error; default 10.
    :param waiting_since: Unix time at which the task began to wait, for the log; None (default) for now.
    :param end_from_trigger: whether success and failure end the task here, without a worker; default False.
    :param skip_on_failure: with ``end_from_trigger``, whether a failure skips the task (a sensor's soft_fail); default
        False.
    :param fail_fast: with several targets, whether the first that fails ends the wait; default True.
    :param request_id: RequestId of the start, for the error of a failure; default None.
    :param returns: with ``end_from_trigger``, what the task's XCom is: ``status`` (default) or ``id``.
    :param kept: what the task needs to resume, and gets back with the event; default None.
    """

    dataworks_conn_id: str
    region_id: str | None = None
    poll_interval: float = 30.0
    deadline: float | None = None
    sensor_timeout: float | None = None
    stop_on_kill: bool = False
    why_not_stopped: str = ""
    max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES
    waiting_since: float | None = None
    end_from_trigger: bool = False
    skip_on_failure: bool = False
    fail_fast: bool = True
    request_id: str | None = None
    returns: str = "status"
    kept: dict[str, Any] | None = None


class DeferredWait:
    """Waits for one target.

    :param target: what to wait for.
    :param options: how to wait.
    :param log: the task's logger.
    """

    def __init__(self, target: WaitTarget, options: WaitOptions, log: Any) -> None:
        self._target = target
        self._options = options
        self._log = log
        self._progress = Progress(log, target, options.waiting_since)
        self._began = clock.monotonic()
        self._new_run_seen = False
        self._snapshot: StatusSnapshot | None = None

    async def run(self) -> events.WaitEvent:
        """Wait.

        :return: how the wait ended.
        """
        options, target = self._options, self._target
        key = Key(options.dataworks_conn_id, options.region_id, target.project_id, options.poll_interval)
        extra_poll = self._must_show_by is None
        with subscribe(key, target, options.max_poll_failures) as (poller, subscription):
            while True:
                update = await subscription.next_update(self._until_something_is_due())
                if isinstance(update, DataWorksError):
                    await write(self._log.error, "%s: the wait ends: %s", self._what, update)
                    return events.WaitEvent.of_error(update, target.id)
                if update is not None:
                    self._snapshot = update
                    # Evaluated first: what it asks of the poller is not to wait for the log.
                    state = self._evaluate(update, poller, subscription)
                    if state is WaitState.SUCCEEDED:
                        await write(self._progress.finish, update)
                        return await self._succeed(update, poller)
                    if update.status != self._progress.status:
                        await write(self._progress.update, update)
                    if state is WaitState.FAILED:
                        return await self._fail(update, poller)
                if (event := await self._end_at_limit()) is not None:
                    return event
                if not extra_poll and self._start_is_overdue:
                    extra_poll = True
                    poller.poll_soon(subscription)
                if self._progress.until_heartbeat() <= 0:
                    await write(self._progress.heartbeat, await self._remark(poller, subscription))

    async def _remark(self, poller: Poller, subscription: Subscription) -> str:
        """What the heartbeat adds: that polls fail, or how far the target is."""
        if failed := subscription.budget.failures:
            return f"; the last {failed} polls failed"
        try:
            facts = await within(_EXPLAINED_WITHIN, poller.request(self._target.progress), "Reading the progress")
        except DataWorksError as error:
            await write(self._log.warning, "%s: how far it is cannot be read: %s", self._what, error)
            return ""
        return f"; {facts}" if facts else ""

    def _evaluate(self, snapshot: StatusSnapshot, poller: Poller, subscription: Subscription) -> WaitState:
        result = self._target.evaluate(snapshot, new_run_seen=self._new_run_seen, start_overdue=self._start_is_overdue)
        self._new_run_seen = result.new_run_seen
        subscription.every_tick = self._must_show_by is not None
        subscription.exact_only = result.confirm
        if result.confirm and not snapshot.exact:
            poller.poll_soon(subscription)
        return result.state

    @property
    def _must_show_by(self) -> float | None:
        """When (monotonic) a start must have shown; None if it has, or need not."""
        limit = self._target.shows_within
        return None if limit is None or self._new_run_seen else self._began + limit

    @property
    def _start_is_overdue(self) -> bool:
        return self._must_show_by is not None and clock.monotonic() >= self._must_show_by

    def _until_something_is_due(self) -> float:
        waits = [self._progress.until_heartbeat()]
        if self._options.deadline is not None:
            waits.append(self._options.deadline - clock.time())
        if self._options.sensor_timeout is not None:
            waits.append(self._began + self._options.sensor_timeout - clock.monotonic())
        if self._must_show_by is not None and not self._start_is_overdue:
            waits.append(self._must_show_by - clock.monotonic())
        return max(_SHORTEST_PAUSE, min(waits))

    async def _succeed(self, snapshot: StatusSnapshot, poller: Poller) -> events.WaitEvent:
        event = self._event(events.REACHED)
        event.results = await self._results(snapshot, poller)
        return event

    async def _results(self, snapshot: StatusSnapshot, poller: Poller) -> dict[str, Any] | None:
        """What the target leaves behind, if no worker reads it."""
        if not self._options.end_from_trigger:
            return None
        results = partial(self._target.results, snapshot=snapshot, log=self._log)
        try:
            return await within(_EXPLAINED_WITHIN, poller.request(results), "Reading the results")
        except Exception as error:  # noqa: BLE001 - the wait has ended, whatever cannot be read of the results
            await write(self._log.warning, "%s: its results cannot be read: %s", self._what, error)
            return None

    async def _fail(self, snapshot: StatusSnapshot, poller: Poller) -> events.WaitEvent:
        event = self._event(events.FAILED)
        event.results = await self._results(snapshot, poller)
        failure = partial(self._target.failure, snapshot=snapshot, log=self._log)
        try:
            reason = await within(_EXPLAINED_WITHIN, poller.request(failure), "Reading the reason of the failure")
        except Exception as error:  # noqa: BLE001 - the wait has ended, whatever cannot be read of the reason
            await write(self._log.warning, "%s: the reason of its failure cannot be read: %s", self._what, error)
        else:
            reason.add_context(request_id=self._options.request_id)
            await write(self._log.error, "%s", reason)
            event.failure = events.failure_fields(reason)
        return event

    async def _end_at_limit(self) -> events.WaitEvent | None:
        """The event for a limit that is over, None if none is."""
        options = self._options
        if options.deadline is not None and clock.time() >= options.deadline:
            event = self._event(events.TIMED_OUT)
            event.outcome = await self._stop_at_deadline()
            return event
        if options.sensor_timeout is not None and clock.monotonic() >= self._began + options.sensor_timeout:
            return self._event(events.SENSOR_TIMED_OUT)
        return None

    async def _stop_at_deadline(self) -> str:
        """Stop what the task started, if it is to be stopped; say what became of it."""
        if not self._options.stop_on_kill:
            return f"it is still running: {self._options.why_not_stopped or 'this task did not start it'}"
        try:
            await stop_target(self._target, self._options)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must end at its deadline
            return f"it could not be stopped and may be running on ({error})"
        return "it was asked to stop"

    def _event(self, kind: str) -> events.WaitEvent:
        snapshot = self._snapshot
        return events.WaitEvent(
            kind,
            target_id=self._target.id,
            status=snapshot.status if snapshot else None,
            name=snapshot.name if snapshot else None,
            detail=snapshot.detail if snapshot else "",
            type=snapshot.type if snapshot else None,
            target=self._target.values(),
            waited=self._progress.waited(),
            ended_at=clock.time() if kind in (events.REACHED, events.FAILED) else None,
        )

    @property
    def _what(self) -> str:
        return self._target.describe(self._snapshot.name if self._snapshot else None)


async def wait_for_all(targets: Sequence[WaitTarget], options: WaitOptions, log: Any) -> events.WaitEvent:
    """Wait for several targets, which share their polls.

    :param targets: what to wait for; at least one.
    :param options: how to wait; with ``fail_fast`` the first that does not succeed ends the wait.
    :param log: the task's logger.
    :return: an event with those of the targets that had ended.
    """
    waits = [asyncio.ensure_future(DeferredWait(target, options, log).run()) for target in targets]
    pending = set(waits)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if options.fail_fast and any(one.result().kind != events.REACHED for one in done):
                # Others may have failed in the same poll: their reasons are being read.
                await asyncio.wait(pending or done, timeout=_OTHERS_END_WITHIN)
                break
        return events.WaitEvent.of_several([one.result() for one in waits if one.done()], len(waits))
    finally:
        for one in waits:
            one.cancel()


async def stop_target(target: WaitTarget, options: WaitOptions, within: float | None = None) -> None:
    """Ask the service to stop a target, with short time-outs.

    :param target: what to stop.
    :param options: how it is waited for.
    :param within: how many seconds there are for it, if that is less than usual.
    :raises DataWorksError: it could not be asked, or not within the limit.
    """
    seconds = _STOPPED_WITHIN if within is None else min(_STOPPED_WITHIN, within)
    await call(partial(_stop, target, options), seconds=seconds, what="The request to stop")


def _stop(target: WaitTarget, options: WaitOptions) -> None:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    with closing(
        DataWorksHook(options.dataworks_conn_id, options.region_id).with_short_timeouts(max_attempts=3)
    ) as hook:
        hook.metrics = in_triggerer
        target.stop(hook)
