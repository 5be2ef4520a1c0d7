"""What a task records of its run in Airflow's task state store, and what a later try concludes from it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.run_store import KEY, RunStore
from airflow_provider_dataworks.waiting.target import StatusSnapshot

TARGET = DIJobTarget(10000, 1001)
OLD = StatusSnapshot("Finished", started=100)
NEW = StatusSnapshot("Running", started=200)


class Store:
    """Airflow's task state store, without Airflow."""

    def __init__(self, **records: Any) -> None:
        self.records = records
        self.reads = self.writes = 0
        self.fails = False

    def get(self, key: str, default: Any) -> Any:
        self.reads += 1
        return self.records.get(key, default)

    def set(self, key: str, record: Any) -> None:
        self._fail()
        self.writes += 1
        self.records[key] = record

    def delete(self, key: str) -> None:
        self._fail()
        self.records.pop(key, None)

    def _fail(self) -> None:
        if self.fails:
            raise ConnectionError("no API server")


def run_store(store: Store | None, max_tries: int = 2, target: DIJobTarget = TARGET) -> RunStore:
    context: Any = {"task_state_store": store, "ti": SimpleNamespace(max_tries=max_tries)}
    return RunStore(context, target)


def recorded(**record: Any) -> RunStore:
    """What a later try sees of a record."""
    return run_store(Store(**{KEY: {"max_tries": 2, "di_job_id": 1001, **record}}))


@pytest.fixture
def store() -> Store:
    """Return an empty store."""
    return Store()


def test_a_start_is_recorded_with_what_was_there_before(store: Store) -> None:
    run_store(store).record_start(OLD)
    assert store.records[KEY] == {
        "max_tries": 2,
        "di_job_id": 1001,
        "ours": True,
        "status": "Finished",
        "started_time": 100,
    }

    run_store(store).record_start(StatusSnapshot("Finished", marker="5 tables"))
    assert store.records[KEY]["marker"] == "5 tables"
    assert run_store(store).marker_before == "5 tables"


def test_what_distinguishes_the_run_is_recorded_once_it_shows(store: Store) -> None:
    runs = run_store(store)
    runs.record_start(OLD)
    runs.record_shown(NEW)

    assert store.records[KEY] == {
        "max_tries": 2,
        "di_job_id": 1001,
        "ours": True,
        "status": "Finished",
        "started_time": 100,
        "shown": True,
        "run": 200,
    }


def test_a_run_of_somebody_else_is_recorded_as_such(store: Store) -> None:
    run_store(store).record_attached(NEW)

    assert store.records[KEY] == {"max_tries": 2, "di_job_id": 1001, "ours": False, "shown": True, "run": 200}
    assert not run_store(store).is_own_run
    assert recorded().is_own_run
    assert not run_store(Store()).is_own_run


@pytest.mark.parametrize("ended", [True, False])
def test_done_work_is_recorded(ended: bool) -> None:
    store = Store(**{KEY: {"max_tries": 1, "di_job_id": 1001, "run": 200}})
    run_store(store).record_done(ended=ended)

    assert store.records[KEY] == {"max_tries": 2, "di_job_id": 1001, "run": 200, "done": True, "ended": ended}


def test_nothing_is_recorded_of_a_run_that_was_not_recorded(store: Store) -> None:
    for runs in (run_store(store), run_store(None)):
        runs.record_shown(NEW)
        runs.record_done(ended=True)
        runs.take_over()
        assert (runs.was_cleared, runs.marker_before, runs.is_recorded_run(NEW)) == (False, None, False)
        assert (runs.may_yet_show(NEW), runs.was_done(NEW)) == (False, False)

    assert store.records == {}


def test_a_withdrawn_start_leaves_what_was_recorded_before(store: Store) -> None:
    runs = run_store(store)
    runs.record_start(OLD)
    runs.withdraw()
    assert store.records == {}

    before = {"max_tries": 2, "di_job_id": 1001, "shown": True, "run": 100}
    store = Store(**{KEY: before})
    runs = run_store(store)
    runs.record_start(OLD)
    runs.withdraw()
    assert store.records[KEY] == before


def test_a_forgotten_run_is_gone(store: Store) -> None:
    runs = run_store(store)
    runs.record_start(OLD)
    runs.forget()

    assert store.records == {}
    assert not runs.is_own_run


def test_the_store_is_read_once(store: Store) -> None:
    runs = run_store(store)
    for _ in range(3):
        runs.is_recorded_run(NEW)
    assert store.reads == 1

    runs.record_start(OLD)
    runs.record_shown(NEW)
    assert runs.is_recorded_run(NEW)
    assert store.reads == 1


def test_a_store_that_fails_fails_no_task_whose_job_runs(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    runs = run_store(store)
    runs.record_start(OLD)
    store.fails = True

    runs.record_shown(NEW)

    assert caplog.messages == ["DI job 1001: the task state store did not record its run: no API server"]
    with pytest.raises(ConnectionError):
        runs.record_start(OLD)
    with pytest.raises(ConnectionError):
        runs.forget()


@pytest.mark.parametrize("record", [None, "odd", {}, {"di_job_id": 1002, "shown": True}, {"shown": True}])
def test_a_record_of_something_else_is_none(record: Any) -> None:
    runs = run_store(Store(**{KEY: record}))

    assert not runs.is_recorded_run(NEW)
    assert not runs.is_own_run


# Is it the run that was recorded?


@pytest.mark.parametrize(
    ("record", "now", "same"),
    [
        # A start whose run did not show yet: a run that differs from what was there before is it.
        ({"status": "Finished", "started_time": 100}, NEW, True),
        ({"status": "Finished", "started_time": 100}, OLD, False),
        ({"status": "Finished", "started_time": None}, StatusSnapshot("Running"), True),
        ({"status": "Finished", "started_time": None}, StatusSnapshot("Finished"), False),
        ({"started_time": 100}, StatusSnapshot("Finished", started=100), False),
        ({"started_time": 100}, StatusSnapshot("Finished", started=101), True),
        # It showed: the same StartedTime, or none.
        ({"shown": True, "run": 200}, NEW, True),
        ({"shown": True, "run": 200}, StatusSnapshot("Finished", started=201), False),
        ({"shown": True, "run": None}, NEW, True),
        # It had succeeded, and nothing identifies it.
        ({"shown": True, "run": None, "done": True, "ended": True}, StatusSnapshot("Finished"), True),
        ({"shown": True, "run": None, "done": True, "ended": True}, StatusSnapshot("Running"), False),
        ({"shown": True, "run": None, "done": True, "ended": False}, StatusSnapshot("Running"), True),
        ({"shown": True, "run": 200, "done": True, "ended": True}, NEW, True),
        # Done and cleared since: the task is to do it anew.
        ({"shown": True, "run": 200, "done": True, "max_tries": 1}, NEW, False),
        ({"shown": True, "run": 200, "max_tries": 1}, NEW, True),
    ],
)
def test_a_run_is_the_recorded_one(record: dict[str, Any], now: StatusSnapshot, same: bool) -> None:
    assert recorded(**record).is_recorded_run(now) is same


@pytest.mark.parametrize(
    ("record", "now", "may"),
    [
        ({"status": "Finished", "started_time": 100}, OLD, True),
        ({"status": "Finished", "started_time": 100}, NEW, False),
        ({"status": "Finished", "started_time": 100, "shown": True}, OLD, False),
        ({"status": "Finished", "started_time": 100, "shown": True, "run": 100}, NEW, False),
        ({"status": "Finished", "started_time": 100, "done": True, "max_tries": 1}, OLD, False),
        ({"status": "Finished", "started_time": 100, "max_tries": 1}, OLD, True),
    ],
)
def test_a_recorded_start_may_yet_show(record: dict[str, Any], now: StatusSnapshot, may: bool) -> None:
    assert recorded(**record).may_yet_show(now) is may


@pytest.mark.parametrize(
    ("record", "now", "done"),
    [
        ({"shown": True, "run": 200}, NEW, False),
        ({"shown": True, "run": 200, "done": True}, NEW, True),
        ({"shown": True, "run": 200, "done": True}, StatusSnapshot("Failed", started=200), False),
        ({"shown": True, "run": 200, "done": True}, StatusSnapshot("Stopping", started=200), False),
        ({"shown": True, "run": 200, "done": True}, StatusSnapshot("Failed", started=300), True),
        ({"shown": True, "run": 200, "done": True}, StatusSnapshot("Finished", started=200), True),
        ({"shown": True, "run": 200, "done": True, "max_tries": 1}, NEW, False),
    ],
)
def test_work_that_was_done_is_not_done_again(record: dict[str, Any], now: StatusSnapshot, done: bool) -> None:
    assert recorded(**record).was_done(now) is done


def test_a_clear_raises_max_tries_and_a_task_may_take_over_the_run() -> None:
    store = Store(**{KEY: {"max_tries": 1, "di_job_id": 1001, "run": 200}})
    runs = run_store(store)
    cleared = [runs.was_cleared]
    runs.take_over()
    cleared.append(runs.was_cleared)

    assert cleared == [True, False]
    assert store.records[KEY] == {"max_tries": 2, "di_job_id": 1001, "run": 200}
    assert not recorded().was_cleared


def test_a_task_instance_need_not_say_how_often_it_is_tried(store: Store) -> None:
    context: Any = {"task_state_store": store, "ti": SimpleNamespace()}
    RunStore(context, TARGET).record_attached(NEW)

    assert store.records[KEY]["max_tries"] is None


def test_a_run_of_this_very_task_needs_no_taking_over() -> None:
    store = Store(**{KEY: {"max_tries": 2, "di_job_id": 1001, "run": 200}})
    run_store(store).take_over()

    assert store.writes == 0


@pytest.mark.parametrize(("marker", "known"), [("5", "5"), ("", ""), (5, None), (None, None)])
def test_a_marker_is_a_string(marker: Any, known: str | None) -> None:
    assert recorded(marker=marker).marker_before == known
