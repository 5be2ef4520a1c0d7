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
from airflow_provider_dataworks.waiting.loop import DeadlineReached, WaitLimits, poll_many, short_pauses, wait_in_worker
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
    assert caplog.messages[:2] == ["Poll failed (1 in a row): HTTP 503", "Poll failed (2 in a row): HTTP 503"]


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


def test_the_last_pause_may_be_short(wait: Wait, clock: FakeClock) -> None:
    with pytest.raises(DeadlineReached):
        wait(RUNNING, deadline=clock.now + 10.5)

    assert clock.sleeps == [10.0, 0.5]


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


# Many targets


class Batch:
    """Requests that answer two jobs each; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def watch(self, target: DIJobTarget) -> None:
        self.asked.append(("watch", target.id))

    def begin_tick(self) -> None:
        self.asked.append("begin")

    def next_request(self, wanted: frozenset[int]) -> Any:
        return tuple(sorted(wanted)[:2]) if len(wanted) > 1 else None

    def fetch(self, hook: Any, project_id: int, request: Any) -> Any:
        assert hook is HOOK
        self.asked.append((project_id, request))
        return request

    def read(self, request: Any, answer: Any, watched: frozenset[int]) -> dict[int, StatusSnapshot]:
        self.asked.append(("read", request, answer, watched))
        return dict.fromkeys(answer, RUNNING)


@pytest.mark.parametrize("ids", [(1,), (1, 2), (3, 1, 2)])
def test_targets_are_polled_in_few_requests_and_the_rest_one_by_one(
    monkeypatch: pytest.MonkeyPatch, ids: tuple[int, ...]
) -> None:
    batch = Batch()
    monkeypatch.setattr(DIJobTarget, "batch", lambda self: batch)
    monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: StatusSnapshot(f"alone {self.id}", exact=hook is HOOK))

    found = poll_many([DIJobTarget(10000, one) for one in ids], HOOK)

    together = ids[:0] if len(ids) < 2 else (1, 2)
    alone = {one: StatusSnapshot(f"alone {one}") for one in ids if one not in together}
    assert found == {**dict.fromkeys(together, RUNNING), **alone}
    requests = [(10000, together), ("read", together, together, frozenset(ids))] if together else []
    assert batch.asked == [*(("watch", one) for one in ids), "begin", *requests]


def test_targets_without_a_batch_are_polled_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DIJobTarget, "batch", lambda self: None)
    monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: FINISHED)

    assert poll_many([DIJobTarget(10000, 1), DIJobTarget(10000, 2)], HOOK) == {1: FINISHED, 2: FINISHED}
