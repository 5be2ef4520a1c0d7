"""A start is sent once: what earlier tries recorded, a stop under way, a lost race and a lost answer are told apart."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.run_store import KEY, RunStore
from airflow_provider_dataworks.waiting.starting import Begun, Starter, StartRequest
from airflow_provider_dataworks.waiting.stopping import StartedRun
from airflow_provider_dataworks.waiting.target import Evaluation, StatusSnapshot, WaitState
from tests.support.clock import FakeClock

log = logging.getLogger(__name__)
HOOK: Any = object()
NAME = "DI job 1001 (orders)"


def seen(status: str, started: int | None = None, marker: str | None = None) -> StatusSnapshot:
    return StatusSnapshot(status, started=started, name="orders", marker=marker)


OLD, NEW = seen("Finished", 100), seen("Running", 200)
Answer = StatusSnapshot | Exception


class Job:
    """A job, the task that starts it, and what both were asked to do; polls are answered in turn, the last for good."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.polls: list[Answer] = [NEW]
        self.markers: list[str | None] = [None]
        self.send_fails: Exception | None = None
        self.waits = True
        self.record: dict[str, Any] | None = None
        self.max_tries = 2
        self.done: list[str] = []
        self.killed: list[StartedRun | None] = []
        self.sent: list[StatusSnapshot] = []
        self.target = DIJobTarget(10000, 1001)
        self.attached: StatusSnapshot | None = None

    @property
    def run(self) -> StartedRun | None:
        """What a kill would stop."""
        return self.killed[-1] if self.killed else None

    def poll(self, target: DIJobTarget, hook: Any) -> StatusSnapshot:
        assert hook is HOOK
        self.done.append("poll")
        answer = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def marker(self, target: DIJobTarget, hook: Any) -> str | None:
        assert hook is HOOK
        self.done.append("marker")
        return self.markers.pop(0) if len(self.markers) > 1 else self.markers[0]

    def starter(self) -> Starter:
        request = StartRequest(self.target, self._send, self._attach, self.waits, 10.0, " Look at it.")
        context: Any = {"task_state_store": self, "ti": SimpleNamespace(max_tries=self.max_tries)}
        return Starter(HOOK, log, request, RunStore(context, self.target), self.killed.append)

    def begin(self, snapshot: StatusSnapshot = OLD) -> Begun:
        starter = self.starter()
        assert not starter.work_was_done(snapshot)
        return starter.begin(snapshot)

    def _send(self, before: StatusSnapshot) -> None:
        self.done.append("start")
        self.sent.append(before)
        assert self.run is not None
        assert not self.run.shown
        if self.send_fails is not None:
            raise self.send_fails

    def _attach(self, snapshot: StatusSnapshot) -> None:
        self.done.append("attach")
        self.attached = snapshot

    # The task state store

    def get(self, key: str, default: Any) -> Any:
        assert key == KEY
        return self.record

    def set(self, key: str, record: Any) -> None:
        self.record = record

    def delete(self, key: str) -> None:
        self.record = None


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Job]:
    """Return a job that has finished, and that runs anew as soon as it is started."""
    caplog.set_level(logging.INFO, __name__)
    clock = FakeClock()
    job = Job(clock)
    monkeypatch.setattr(DIJobTarget, "poll", lambda target, hook: job.poll(target, hook))
    monkeypatch.setattr(DIJobTarget, "run_marker", lambda target, hook: job.marker(target, hook))
    with installed(clock):
        yield job


def recorded(**record: Any) -> dict[str, Any]:
    return {"max_tries": 2, "di_job_id": 1001, "ours": True, **record}


SHOWN = recorded(shown=True, run=200)


# A start


def test_a_start_is_sent_and_confirmed(job: Job) -> None:
    job.polls = [OLD, OLD, NEW]

    assert job.begin() == Begun(NEW, OLD)
    assert job.done == ["marker", "start", "poll", "poll", "poll"]
    assert job.clock.sleeps == [1.0, 2.0]
    assert job.run == StartedRun(job.target, OLD, shown=True)
    assert job.record == recorded(status="Finished", started_time=100, shown=True, run=200)


@pytest.mark.parametrize("status", ["Initialized", "Running"])
def test_only_a_run_that_is_over_has_a_marker(job: Job, status: str) -> None:
    job.begin(seen(status))

    assert "marker" not in job.done
    assert ("start" in job.done) is (status == "Initialized")


def test_what_runs_is_attached_to(job: Job) -> None:
    assert job.begin(NEW) == Begun(NEW)
    assert (job.done, job.attached) == (["attach"], NEW)
    assert (job.run, job.record) == (None, recorded(ours=False, shown=True, run=200))


def test_a_start_that_does_not_show_is_an_error(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.polls = [OLD]

    with pytest.raises(DataWorksTimeoutError) as raised:
        job.begin()

    assert raised.value.message == (
        f"{NAME} was started, but shows no new run after start_timeout (10 s); it is still Finished. Look at it."
    )
    assert job.clock.sleeps == [1.0, 2.0, 2.0, 2.0, 2.0, 1.0]
    assert job.run == StartedRun(job.target, OLD, shown=False)
    assert job.record == recorded(status="Finished", started_time=100)


def test_polls_that_fail_for_now_cost_time_only(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.polls = [DataWorksTransientError("HTTP 503"), NEW]

    assert job.begin() == Begun(NEW, OLD)
    assert caplog.messages == [f"{NAME} cannot be read for now: HTTP 503"]


def test_a_run_that_no_poll_saw_is_told_by_its_marker(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.polls, job.markers = [seen("Finished")], ["5 records", "9 records"]
    before = seen("Finished", marker="5 records")

    assert job.begin(seen("Finished")) == Begun(seen("Finished"), before)
    assert job.sent == [before]
    assert caplog.messages == [f"{NAME}: no poll has seen the new run, but the counters of its tables show it"]
    assert job.run is not None
    assert job.run.shown


@pytest.mark.parametrize("marker", ["5 records", None])
def test_the_same_marker_shows_no_new_run(job: Job, marker: str | None) -> None:
    job.polls, job.markers = [seen("Finished")], ["5 records", marker]

    with pytest.raises(DataWorksTimeoutError):
        job.begin(seen("Finished"))


def test_a_run_told_by_its_marker_must_be_readable(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.polls = [*[seen("Finished")] * 7, DataWorksTransientError("HTTP 503")]
    job.markers = ["5 records", "9 records"]

    with pytest.raises(DataWorksTimeoutError):
        job.begin(seen("Finished"))
    assert caplog.messages[-1] == f"{NAME} cannot be read for now: HTTP 503"


# A stop under way


def test_what_is_being_stopped_is_waited_for_and_then_started(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.polls = [seen("Stopping", 100), seen("Stopped", 100), NEW]

    assert job.begin(seen("Stopping", 100)) == Begun(NEW, seen("Stopped", 100))
    assert job.done == ["poll", "poll", "marker", "start", "poll"]
    assert job.clock.sleeps == [1.0, 2.0]
    assert caplog.messages == [f"{NAME} is Stopping"]


def test_what_does_not_stop_is_not_started(job: Job) -> None:
    job.polls = [seen("Stopping", 100)]

    with pytest.raises(DataWorksTimeoutError) as raised:
        job.begin(seen("Stopping", 100))

    assert raised.value.message == f"{NAME} was Stopping for longer than start_timeout (10 s); it was not started."
    assert job.clock.sleeps == [1.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert "start" not in job.done


# A refused start


def test_a_start_that_was_surely_not_executed_is_withdrawn(job: Job) -> None:
    job.send_fails = DataWorksTransientError("throttled")

    with pytest.raises(DataWorksTransientError, match="throttled"):
        job.begin()

    assert (job.done, job.run, job.record) == (["marker", "start"], None, None)


def test_who_lost_a_race_attaches_to_the_run_of_the_other(job: Job) -> None:
    job.send_fails, job.polls = DataWorksPermanentError("it runs"), [OLD, NEW]

    assert job.begin() == Begun(NEW)
    assert job.done == ["marker", "start", "poll", "poll", "attach"]
    assert (job.run, job.record) == (None, recorded(ours=False, shown=True, run=200))


def test_a_race_may_be_lost_to_a_run_that_is_over(job: Job) -> None:
    over = seen("Finished", 200)
    job.send_fails, job.polls = DataWorksPermanentError("it runs"), [over]

    assert job.begin() == Begun(over)
    assert job.clock.sleeps == []


def test_a_race_may_be_lost_to_a_run_that_only_its_marker_tells(job: Job) -> None:
    job.send_fails, job.polls = DataWorksPermanentError("it runs"), [seen("Finished")]
    job.markers = ["5 records", "9 records"]

    assert job.begin(seen("Finished")) == Begun(seen("Finished"))


def test_a_refusal_without_a_run_is_the_error(job: Job) -> None:
    job.send_fails, job.polls = DataWorksPermanentError("no rights"), [OLD]

    with pytest.raises(DataWorksPermanentError, match="no rights"):
        job.begin()

    assert job.clock.sleeps == [1.0, 2.0]
    assert "attach" not in job.done


def test_a_refusal_is_looked_into_no_longer_than_the_start_may_take(job: Job) -> None:
    job.send_fails, job.polls = DataWorksPermanentError("no rights"), [OLD]
    starter = job.starter()
    starter._request = dataclasses.replace(starter._request, start_timeout=1.0)

    with pytest.raises(DataWorksPermanentError):
        starter.begin(OLD)
    assert job.clock.sleeps == [1.0]


def test_a_refusal_that_cannot_be_looked_into_is_not_final(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.send_fails, job.polls = DataWorksPermanentError("no"), [DataWorksTransientError("HTTP 503")]

    with pytest.raises(DataWorksTransientError, match="HTTP 503"):
        job.begin()
    assert caplog.messages == [f"{NAME} cannot be read after its refused start: no"]


# A lost answer


def test_a_lost_answer_leaves_the_run_to_be_stopped(job: Job) -> None:
    job.send_fails = DataWorksTransientError("lost", outcome_unknown=True)

    with pytest.raises(DataWorksTransientError, match="lost"):
        job.begin()

    assert job.run == StartedRun(job.target, OLD, shown=False)
    assert job.record == recorded(status="Finished", started_time=100)


def test_a_lost_answer_is_found_by_the_marker_of_the_run(job: Job) -> None:
    job.send_fails = DataWorksTransientError("lost", outcome_unknown=True)
    job.polls, job.markers = [seen("Finished")], ["5 records", "9 records"]
    before = seen("Finished", marker="5 records")

    assert job.begin(seen("Finished")) == Begun(seen("Finished"), before)
    assert job.run == StartedRun(job.target, before, shown=True)
    assert job.record is not None
    assert job.record["shown"] is True


# A kind whose start shows while it is waited for


def test_a_start_that_shows_later_is_not_waited_for(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DIJobTarget, "confirms_start", False)

    assert job.begin() == Begun(OLD, OLD)
    assert job.done == ["start"]
    assert job.run == StartedRun(job.target, OLD, shown=True)


def test_a_race_of_such_a_kind_is_lost_to_what_runs(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DIJobTarget, "confirms_start", False)
    job.send_fails, job.polls = DataWorksPermanentError("no"), [seen("Finished", 200)]

    with pytest.raises(DataWorksPermanentError):
        job.begin()
    assert "attach" not in job.done


# An earlier try


def test_the_run_of_an_earlier_try_is_not_started_again(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.record = SHOWN

    assert job.begin(NEW) == Begun(NEW)
    assert (job.done, job.run) == ([], StartedRun(job.target, NEW, shown=True))
    assert caplog.messages == [
        f"{NAME}: an earlier try of this task started the run that is Running; it is not started again"
    ]


def test_the_run_that_an_earlier_try_attached_to_is_not_stopped(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.record = {**SHOWN, "ours": False}

    assert job.begin(NEW) == Begun(NEW)
    assert (job.done, job.run) == ([], None)
    assert caplog.messages == [
        f"{NAME}: an earlier try of this task attached to the run that is Running; it is not started again"
    ]


def test_a_cleared_task_takes_over_a_run_that_goes_on(job: Job) -> None:
    job.record = {**SHOWN, "max_tries": 1}

    assert job.begin(NEW) == Begun(NEW)
    assert job.record == SHOWN


@pytest.mark.parametrize(
    ("status", "max_tries", "waits", "again"),
    [
        ("Finished", 2, True, False),
        ("Finished", 1, True, True),
        ("Finished", 2, False, False),
        ("Failed", 2, True, True),
        ("Failed", 2, False, True),
        ("Stopped", 2, True, True),
        ("Stopping", 2, True, True),
    ],
)
def test_the_run_of_an_earlier_try_is_started_again_if_it_is_of_no_use(
    job: Job, status: str, max_tries: int, waits: bool, again: bool
) -> None:
    job.record, job.waits = {**SHOWN, "max_tries": max_tries}, waits
    job.polls = [seen("Stopped", 200), seen("Running", 300)] if status == "Stopping" else [seen("Running", 300)]

    job.begin(seen(status, 200))

    assert ("start" in job.done) is again


@pytest.mark.parametrize(("waits", "again"), [(True, True), (False, False)])
def test_an_end_that_is_not_waited_for_is_of_no_use_to_who_waits(job: Job, waits: bool, again: bool) -> None:
    job.record, job.waits = SHOWN, waits
    job.target = DIJobTarget(10000, 1001, target_statuses=("Running",))
    job.polls = [seen("Running", 300)]

    job.begin(seen("Finished", 200))

    assert ("start" in job.done) is again


def test_the_run_of_an_earlier_try_has_shown(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[StatusSnapshot, dict[str, Any]]] = []

    def evaluate(self: DIJobTarget, snapshot: StatusSnapshot, **given: Any) -> Evaluation:
        asked.append((snapshot, given))
        return Evaluation(WaitState.SUCCEEDED)

    monkeypatch.setattr(DIJobTarget, "evaluate", evaluate)
    job.record = SHOWN
    job.begin(seen("Finished", 200))

    assert asked == [(seen("Finished", 200), {"new_run_seen": True, "start_overdue": False})]


def test_a_start_of_an_earlier_try_is_given_time_to_show(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    job.record, job.polls = recorded(status="Finished", started_time=100), [OLD, NEW]

    assert job.begin() == Begun(NEW)
    assert (job.done, job.clock.sleeps) == (["poll", "poll"], [1.0])
    assert caplog.messages[0] == (
        f"{NAME}: an earlier try may have started it just now: waiting up to 10 s for the run"
    )


def test_a_start_of_an_earlier_try_that_never_shows_is_sent_again(job: Job) -> None:
    job.record, job.polls = recorded(status="Finished", started_time=100), [*[OLD] * 7, NEW]

    assert job.begin() == Begun(NEW, OLD)
    assert job.done.count("start") == 1


def test_a_run_of_an_earlier_try_may_be_told_by_its_marker(job: Job) -> None:
    job.record = recorded(status="Finished", started_time=None, marker="5 records")
    job.polls, job.markers = [seen("Finished")], ["9 records"]

    assert job.begin(seen("Finished")) == Begun(seen("Finished"))
    assert job.record is not None
    assert (job.record["shown"], "start" in job.done) == (True, False)


# Work that was done


@pytest.mark.parametrize(
    ("record", "now", "stopped_by_a_kill"),
    [
        ({}, NEW, True),
        ({}, seen("Finished", 200), False),
        ({"ours": False}, NEW, False),
        ({}, seen("Running", 300), False),
    ],
)
def test_work_that_was_done_is_not_done_again(
    job: Job, caplog: pytest.LogCaptureFixture, record: dict[str, Any], now: StatusSnapshot, stopped_by_a_kill: bool
) -> None:
    job.record = {**SHOWN, "done": True, **record}

    assert job.starter().work_was_done(now)

    assert job.killed == ([StartedRun(job.target, now, shown=True)] if stopped_by_a_kill else [])
    assert caplog.messages == [f"{NAME}: an earlier try of this task did its work; nothing is started again"]
    assert job.done == []


# What a kill does to the run


class Killed:
    """A hook whose requests end soon; keeps how soon, how often, and that each was closed."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, float]] = []
        self.closed = 0
        self.hurried = SimpleNamespace(close=self._close)

    def with_short_timeouts(self, attempts: int, seconds: float) -> Any:
        self.asked.append((attempts, seconds))
        return self.hurried

    def _close(self) -> None:
        self.closed += 1


@pytest.fixture
def kill(job: Job, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[bool, list[str], Killed]]:
    """Return what stops the job within some seconds, whose polls and stops are answered in turn."""

    def stop(*answers: Any, shown: bool = False, seconds: float = 3.0) -> tuple[bool, list[str], Killed]:
        rest, done, hook = list(answers), [], Killed()
        api: Any = hook

        def asked(what: str, by: Any) -> Any:
            assert by is hook.hurried
            done.append(what)
            answer = rest.pop(0) if len(rest) > 1 else rest[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: asked("poll", hook))
        monkeypatch.setattr(DIJobTarget, "stop", lambda self, hook: asked("stop", hook))
        run = StartedRun(DIJobTarget(10000, 1001), OLD, shown)
        return run.stop(api, seconds=seconds, max_attempts=2), done, hook

    return stop


def test_a_run_that_shows_is_stopped_by_one_request(kill: Any) -> None:
    stopped, done, hook = kill(None, shown=True)

    assert (stopped, done, hook.asked, hook.closed) == (True, ["stop"], [(2, 3.0)], 1)


def test_a_stop_is_sent_once_unless_more_is_asked_for(monkeypatch: pytest.MonkeyPatch, job: Job) -> None:
    monkeypatch.setattr(DIJobTarget, "stop", lambda self, hook: None)
    hook: Any = Killed()

    assert StartedRun(job.target, OLD, shown=True).stop(hook, seconds=3.0)
    assert hook.asked == [(1, 3.0)]


def test_a_run_that_shows_and_cannot_be_stopped_is_an_error(kill: Any) -> None:
    with pytest.raises(DataWorksError, match="no"):
        kill(DataWorksError("no"), shown=True)


def test_a_run_that_does_not_show_yet_is_stopped_once_it_does(kill: Any, job: Job) -> None:
    stopped, done, hook = kill(DataWorksError("no"), OLD, DataWorksError("no"), NEW, None)

    assert (stopped, done) == (True, ["stop", "poll", "poll", "poll", "stop"])
    assert job.clock.sleeps == [0.5, 0.5]
    assert hook.asked == [(2, 3.0), (1, 3.0), (1, 2.5), (1, 2.0), (1, 2.0)]
    assert hook.closed == 5


def test_a_run_that_was_over_before_it_showed_needs_no_stop(kill: Any) -> None:
    stopped, done, _ = kill(None, seen("Stopped", 200))

    assert (stopped, done) == (True, ["stop", "poll"])


def test_a_run_that_never_shows_may_yet_begin(kill: Any, job: Job) -> None:
    stopped, done, _ = kill(None, OLD)

    assert (stopped, done.count("poll")) == (False, 6)
    assert job.clock.sleeps == [0.5] * 5


def test_a_request_has_at_most_four_seconds_and_at_least_a_fifth(kill: Any) -> None:
    assert kill(None, shown=True, seconds=60.0)[2].asked == [(2, 4.0)]
    assert kill(None, shown=True, seconds=0.1)[2].asked == [(2, 0.2)]


def test_the_stop_that_follows_may_fail(kill: Any) -> None:
    with pytest.raises(DataWorksTransientError):
        kill(None, NEW, DataWorksTransientError("HTTP 503"))
