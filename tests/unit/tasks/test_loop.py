"""A wait in the worker polls until it is over: how it pauses, what it counts, and what ends it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest

from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.exceptions import DataWorksPermanentError, DataWorksTransientError
from airflow_provider_dataworks.metrics import in_task
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.loop import DeadlineReached, WaitLimits, short_pauses, wait_in_worker
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.target import Evaluation, StatusSnapshot, WaitState
from tests.support.clock import FakeClock

log = logging.getLogger(__name__)
HOOK: Any = object()
RUNNING, FINISHED, FAILED = (StatusSnapshot(status) for status in ("Running", "Finished", "Failed"))
Answer = StatusSnapshot | Exception


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Return a clock that moves by pauses alone."""
    fake = FakeClock()
    with installed(fake):
        yield fake


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Return the metrics that were counted."""
    seen: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(in_task, "count", lambda name, **tags: seen.append((name, tags)))
    return seen


Wait = Callable[..., tuple[WaitState, StatusSnapshot]]


@pytest.fixture
def wait(clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Wait:
    """Return what waits for job 1001, whose polls are answered as given; the last answer is repeated."""
    caplog.set_level(logging.INFO, __name__)

    def waited(*answers: Answer, interval: float = 10.0, failures: int = 3, deadline: float | None = None) -> Any:
        rest = list(answers)

        def poll(self: DIJobTarget, hook: Any) -> StatusSnapshot:
            assert hook is HOOK
            answer = rest.pop(0) if len(rest) > 1 else rest[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(DIJobTarget, "poll", poll)
        target = DIJobTarget(10000, 1001)
        return wait_in_worker(target, HOOK, WaitLimits(interval, failures, deadline), Progress(log, target), log)

    return waited


def unavailable(retry_after: float | None = None) -> DataWorksTransientError:
    return DataWorksTransientError("HTTP 503", retry_after=retry_after)


@pytest.mark.parametrize(
    ("end", "state", "metric"), [(FINISHED, WaitState.SUCCEEDED, "reached"), (FAILED, WaitState.FAILED, "failed")]
)
def test_a_wait_polls_at_its_interval_until_the_end(
    wait: Wait,
    clock: FakeClock,
    counted: list[Any],
    caplog: pytest.LogCaptureFixture,
    end: StatusSnapshot,
    state: WaitState,
    metric: str,
) -> None:
    assert wait(RUNNING, RUNNING, end) == (state, end)

    assert clock.sleeps == [10.0, 10.0]
    assert counted == [("dataworks.polls", {})] * 3 + [(f"dataworks.waits.{metric}", {"kind": "DI job"})]
    assert [line.partition(" is ")[2].partition(" ")[0].strip(";") for line in caplog.messages] == [
        "Running",
        end.status,
    ]


def test_a_failed_poll_is_logged_and_costs_a_pause(
    wait: Wait, clock: FakeClock, counted: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    wait(unavailable(), unavailable(45.0), RUNNING, FINISHED)

    assert clock.sleeps == [10.0, 45.0, 10.0]
    assert [name for name, _ in counted[:4]] == ["dataworks.polls.failed"] * 2 + ["dataworks.polls"] * 2
    assert caplog.messages[:2] == ["Poll 1 in a row failed: HTTP 503", "Poll 2 in a row failed: HTTP 503"]


def test_too_many_failed_polls_in_a_row_end_the_wait(wait: Wait, clock: FakeClock, counted: list[Any]) -> None:
    with pytest.raises(DataWorksTransientError):
        wait(unavailable(), unavailable(), RUNNING, unavailable())

    assert clock.sleeps == [10.0, 20.0, 10.0, 10.0, 20.0]
    assert counted[-1] == ("dataworks.waits.error", {"kind": "DI job"})


def test_a_refused_poll_ends_the_wait_at_once(wait: Wait, clock: FakeClock, counted: list[Any]) -> None:
    with pytest.raises(DataWorksPermanentError):
        wait(DataWorksPermanentError("no"))

    assert (clock.sleeps, counted) == ([], [("dataworks.waits.error", {"kind": "DI job"})])


def test_the_deadline_ends_the_wait_with_what_was_seen_last(wait: Wait, clock: FakeClock, counted: list[Any]) -> None:
    with pytest.raises(DeadlineReached, match=r"^the deadline was reached$") as raised:
        wait(RUNNING, deadline=clock.now + 25.0)

    assert raised.value.snapshot is RUNNING
    assert clock.sleeps == [10.0, 10.0, 5.0]
    assert counted[-1] == ("dataworks.waits.timed_out", {"kind": "DI job"})


def test_the_deadline_comes_before_any_good_poll(wait: Wait, clock: FakeClock) -> None:
    with pytest.raises(DeadlineReached) as raised:
        wait(unavailable(), deadline=clock.now)

    assert (raised.value.snapshot, clock.sleeps) == (None, [])


def test_what_has_ended_at_the_deadline_has_ended(wait: Wait, clock: FakeClock) -> None:
    assert wait(FINISHED, deadline=clock.now - 1.0) == (WaitState.SUCCEEDED, FINISHED)


def test_a_start_is_overdue_after_its_time_and_seen_once_for_all(
    wait: Wait, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[bool, bool]] = []

    def evaluate(self: DIJobTarget, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        asked.append((new_run_seen, start_overdue))
        state = WaitState.SUCCEEDED if len(asked) == 5 else WaitState.PENDING
        return Evaluation(state, new_run_seen=len(asked) >= 3)

    monkeypatch.setattr(DIJobTarget, "evaluate", evaluate)
    monkeypatch.setattr(DIJobTarget, "shows_within", property(lambda self: 20.0))
    wait(RUNNING)

    assert asked == [(False, False), (False, False), (False, True), (True, True), (True, True)]


def test_a_long_wait_says_how_far_the_job_is(
    wait: Wait, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    remarks: list[Any] = ["3 of 7 tables finished", "", unavailable()]

    def progress(self: DIJobTarget, hook: Any) -> str:
        assert hook is HOOK
        remark = remarks.pop(0)
        if isinstance(remark, Exception):
            raise remark
        return str(remark)

    monkeypatch.setattr(DIJobTarget, "progress", progress)
    wait(*[RUNNING] * 4, FINISHED, interval=600.0)

    target = DIJobTarget(10000, 1001).describe()
    assert caplog.messages[1:5] == [
        f"{target} is still Running after 10 min 0 s; 3 of 7 tables finished",
        f"{target} is still Running after 20 min 0 s",
        "How far it is cannot be read: HTTP 503",
        f"{target} is still Running after 30 min 0 s",
    ]


def test_what_is_about_to_change_is_polled_after_one_second_and_then_every_two() -> None:
    assert list(islice(short_pauses(), 4)) == [1.0, 2.0, 2.0, 2.0]
