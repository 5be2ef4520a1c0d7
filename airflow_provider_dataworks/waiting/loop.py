"""Waits for a target in the worker, with the failure budget and the backoff that the triggerer has too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksTransientError
from airflow_provider_dataworks.metrics import FAILED_POLLS, POLLS, WAITS, in_task
from airflow_provider_dataworks.waiting import events
from airflow_provider_dataworks.waiting.failure_budget import FailureBudget, pause_after
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState, WaitTarget

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
    from airflow_provider_dataworks.waiting.progress import Progress


@dataclass(frozen=True)
class WaitLimits:
    """How a wait is carried out.

    :param poll_interval: seconds between two polls.
    :param max_poll_failures: failed polls in a row that end it.
    :param deadline: Unix time at which it ends itself, None (default) for never.
    """

    poll_interval: float
    max_poll_failures: int
    deadline: float | None = None


class DeadlineReached(Exception):
    """The wait reached its deadline.

    :param snapshot: the last one, None if no poll succeeded.
    """

    def __init__(self, snapshot: StatusSnapshot | None) -> None:
        super().__init__("the deadline was reached")
        self.snapshot = snapshot


def count_end(target: WaitTarget, state: WaitState) -> None:
    """Count how a wait in the worker ended.

    :param target: what was waited for.
    :param state: how it ended.
    """
    kind = events.REACHED if state is WaitState.SUCCEEDED else events.FAILED
    in_task.count(f"{WAITS}.{kind}", kind=target.kind)


def wait_in_worker(
    target: WaitTarget, hook: DataWorksHook, limits: WaitLimits, progress: Progress, log: Any
) -> tuple[WaitState, StatusSnapshot]:
    """Poll until the wait is over; a failed poll costs a tick, too many in a row end the wait.

    :param target: what to wait for.
    :param hook: a hook that tries each call once: the next tick is the retry.
    :param limits: the interval, the failure budget, the deadline.
    :param progress: the log of the wait.
    :param log: the task's logger.
    :return: how it ended, and the last snapshot.
    :raises DeadlineReached: the deadline was reached.
    :raises DataWorksTransientError: too many polls in a row failed.
    :raises DataWorksPermanentError: a poll was refused.
    """
    try:
        state, snapshot = _wait(target, hook, limits, progress, log)
    except DeadlineReached:
        in_task.count(f"{WAITS}.timed_out", kind=target.kind)
        raise
    except DataWorksError:
        in_task.count(f"{WAITS}.{events.ERROR}", kind=target.kind)
        raise
    count_end(target, state)
    return state, snapshot


def _wait(
    target: WaitTarget, hook: DataWorksHook, limits: WaitLimits, progress: Progress, log: Any
) -> tuple[WaitState, StatusSnapshot]:
    budget = FailureBudget(limits.poll_interval, limits.max_poll_failures)
    began, new_run_seen = clock.monotonic(), False
    snapshot: StatusSnapshot | None = None
    while True:
        retry_after = None
        try:
            snapshot = target.poll(hook)
        except DataWorksTransientError as error:
            in_task.count(FAILED_POLLS)
            if budget.failed():
                raise
            log.warning("Poll failed (%s in a row): %s", budget.failures, error)
            retry_after = error.retry_after
        else:
            in_task.count(POLLS)
            budget.succeeded()
            overdue = target.shows_within is not None and clock.monotonic() - began >= target.shows_within
            result = target.evaluate(snapshot, new_run_seen=new_run_seen, start_overdue=overdue)
            new_run_seen = result.new_run_seen
            if result.state is WaitState.SUCCEEDED:
                progress.finish(snapshot)
                return result.state, snapshot
            if progress.heartbeat_is_due:
                progress.heartbeat(progress_remark(target, hook, log))
            progress.update(snapshot)
            if result.state is WaitState.FAILED:
                return result.state, snapshot
        pause = pause_after(budget.failures, limits.poll_interval, retry_after)
        if limits.deadline is not None:
            pause = min(pause, limits.deadline - clock.time())
            if pause <= 0:
                raise DeadlineReached(snapshot)
        clock.sleep(pause)


def progress_remark(target: WaitTarget, hook: DataWorksHook, log: Any) -> str:
    """Say how far a target is, for a heartbeat.

    :param target: what is waited for.
    :param hook: the hook to call.
    :param log: the task's logger.
    :return: what to add to the line; empty if the service does not say.
    """
    try:
        facts = target.progress(hook)
    except DataWorksError as error:
        log.warning("How far it is cannot be read: %s", error)
        return ""
    return f"; {facts}" if facts else ""


def poll_many(targets: Sequence[WaitTarget], hook: DataWorksHook) -> dict[int, StatusSnapshot]:
    """Poll targets of one group and workspace once, in as few requests as answer them all.

    :param targets: what to poll; at least one.
    :param hook: the hook to call.
    :return: snapshots by the targets' ids.
    :raises DataWorksError: as the hook raises.
    """
    by_id = {target.id: target for target in targets}
    found: dict[int, StatusSnapshot] = {}
    if (batch := targets[0].batch()) is not None:
        for target in targets:
            batch.watch(target)
        batch.begin_tick()
        while missing := frozenset(by_id) - frozenset(found):
            if (request := batch.next_request(missing)) is None:
                break
            answer = batch.fetch(hook, targets[0].project_id, request)
            found.update(batch.read(request, answer, frozenset(by_id)))
    for target_id, target in by_id.items():
        if target_id not in found:
            found[target_id] = target.poll(hook)
    return found


def short_pauses() -> Iterator[float]:
    """Pauses between polls of something that is about to change: 1 second, then 2 each."""
    yield 1.0
    yield from repeat(2.0)
