"""``max_poll_failures`` means the same in the worker and deferred: with a pause that doubles, and polls each minute."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.client.clock import Clock, installed
from airflow_provider_dataworks.exceptions import DataWorksTransientError
from airflow_provider_dataworks.triggers.poller import Key, Poller, Subscription, _Round
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.failure_budget import FailureBudget, backoff, pause_after
from airflow_provider_dataworks.waiting.loop import WaitLimits, wait_in_worker
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState

log = logging.getLogger(__name__)


class FakeClock(Clock):
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def polls(monkeypatch: pytest.MonkeyPatch, poll: Callable[[], StatusSnapshot]) -> DIJobTarget:
    """A job whose polls a function answers."""
    monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: poll())
    return DIJobTarget(10000, 1001)


def fails(retry_after: float | None = None) -> StatusSnapshot:
    raise DataWorksTransientError("HTTP 503", action="GetDIJob", retry_after=retry_after)


def waited_until_error(target: DIJobTarget, interval: float, failures: int = 10) -> FakeClock:
    clock = FakeClock()
    hook: Any = None
    with installed(clock), pytest.raises(DataWorksTransientError):
        wait_in_worker(target, hook, WaitLimits(interval, failures), Progress(log, target), log)
    return clock


def deferred_until_error(interval: float, failures: int = 10) -> float:
    """How long the poller goes on when nothing answers, in the poller's own arithmetic."""
    clock = FakeClock()
    with installed(clock):
        poller = Poller(Key("c", None, 10000, interval))
        subscription = Subscription(DIJobTarget(10000, 1001), FailureBudget(interval, failures))
        poller._subscriptions = {subscription.target.key: {subscription}}
        began = clock.now
        while not subscription.ended:
            current = _Round(clock.now, 1, [subscription.target.key])
            clock.now += poller._count_shared(current, DataWorksTransientError("HTTP 503"))
        return clock.now - began


@pytest.mark.parametrize("interval", [5.0, 30.0, 60.0, 600.0])
def test_worker_and_triggerer_give_up_after_the_same_time(monkeypatch: pytest.MonkeyPatch, interval: float) -> None:
    in_worker = sum(waited_until_error(polls(monkeypatch, fails), interval).slept)

    # The poller's last pause begins after the failure that ended the wait.
    deferred = deferred_until_error(interval) - pause_after(99, interval)

    assert in_worker == pytest.approx(deferred, abs=interval)
    assert in_worker >= 9 * interval


@pytest.mark.parametrize("interval", [1.0, 30.0, 60.0, 300.0])
def test_a_wait_goes_on_within_a_minute_after_an_outage(monkeypatch: pytest.MonkeyPatch, interval: float) -> None:
    clock = FakeClock()
    over = clock.now + 1200

    def poll() -> StatusSnapshot:
        return StatusSnapshot("Finished") if clock.now >= over else fails()

    target = polls(monkeypatch, poll)
    hook: Any = None
    with installed(clock):
        state, _ = wait_in_worker(target, hook, WaitLimits(interval, 100), Progress(log, target), log)

    assert state is WaitState.SUCCEEDED
    assert clock.now - over <= max(interval, 60)


def test_ten_failures_at_half_a_minute_last_half_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = waited_until_error(polls(monkeypatch, fails), 30.0)

    assert 1500 <= sum(clock.slept) <= 2200
    assert max(clock.slept) == 60


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 30.0), (1, 30.0), (2, 60.0), (3, 120.0), (4, 240.0), (5, 300.0), (10_000, 300.0)]
)
def test_time_between_counted_failures_doubles_up_to_five_minutes(failures: int, seconds: float) -> None:
    assert backoff(failures, 30.0) == seconds


def test_a_short_interval_is_kept_unless_polls_fail() -> None:
    assert [pause_after(failures, 0.5) for failures in range(4)] == [0.5, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("interval", [1.0, 30.0, 60.0, 600.0])
def test_failures_less_than_a_minute_or_an_interval_apart_count_however_soon_they_come(interval: float) -> None:
    budget = FailureBudget(interval, 10)

    with installed(FakeClock()):
        budget.failed()
        budget.failed()

    assert budget.failures == 2


@pytest.mark.parametrize(("seconds", "failures"), [(107.0, 2), (108.0, 3)])
def test_polls_between_counted_failures_do_not_count(seconds: float, failures: int) -> None:
    """A tenth of the time is allowed for: a poll may be a little early."""
    clock, budget = FakeClock(), FailureBudget(60.0, 10)

    with installed(clock):
        budget.failed()
        budget.failed()
        clock.sleep(seconds)
        budget.failed()

    assert budget.failures == failures


def test_the_servers_waiting_time_is_obeyed_up_to_five_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = waited_until_error(polls(monkeypatch, lambda: fails(86400.0)), 1.0, failures=3)

    assert clock.slept == [300.0, 300.0]


def test_a_good_poll_begins_the_count_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True, False, False, True])

    def poll() -> StatusSnapshot:
        good = next(answers, None)
        return StatusSnapshot("Finished" if good is None else "Running") if good is not False else fails()

    target = polls(monkeypatch, poll)
    hook: Any = None
    with installed(FakeClock()):
        state, _ = wait_in_worker(target, hook, WaitLimits(1.0, 3), Progress(log, target), log)

    assert state is WaitState.SUCCEEDED
