"""StartDIJobOperator over the tries of a task: what it remembers of its run, and what it does not take for its run."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksJobError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.waiting.run_store import KEY
from tests.support.tasks import StateStore, make_context, run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
JOB, ENDLESS = 1001, 1002


def start(**arguments: Any) -> StartDIJobOperator:
    given = {"task_id": "start", "di_job_id": JOB, "force_to_rerun": True, "poll_interval": 0.05, "start_timeout": 5.0}
    return StartDIJobOperator(**{**given, **arguments})


def first_try(store: StateStore) -> Any:
    return make_context(try_number=1, max_tries=3, store=store)


def retry(store: StateStore) -> Any:
    return make_context(try_number=2, max_tries=3, store=store)


def after_a_clear(store: StateStore) -> Any:
    return make_context(try_number=2, max_tries=4, store=store)


def starts(emulator: EmulatorControl, di_job_id: int = JOB) -> int:
    return int(emulator.job(di_job_id)["starts"])


def start_by_hand(emulator: EmulatorControl, *, outcome: str = "Finished", run_seconds: float = 60) -> None:
    """Somebody else starts the job."""
    emulator.set_job(JOB, outcome=outcome, run_seconds=run_seconds)
    DataWorksHook().start_di_job(di_job_id=JOB, force_to_rerun=True)


# What fails after execute


@MODES
def test_a_retry_after_a_success_starts_nothing_and_succeeds(emulator: EmulatorControl, deferrable: bool) -> None:
    store = StateStore()
    task = start(wait_for_completion=True, deferrable=deferrable)

    assert run_task(task, first_try(store)) == JOB
    # The push of the XCom, post_execute or the report of the state fails here.
    assert run_task(task, retry(store)) == JOB

    assert starts(emulator) == 1


@MODES
def test_a_retry_after_the_success_of_an_endless_job_starts_nothing(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    store = StateStore()
    task = start(di_job_id=ENDLESS, wait_for_completion=True, deferrable=deferrable)

    run_task(task, first_try(store))
    run_task(task, retry(store))

    assert starts(emulator, ENDLESS) == 1


@pytest.mark.parametrize("status", ["Running", "Finished"])
def test_a_retry_after_a_success_without_waiting_starts_nothing(emulator: EmulatorControl, status: str) -> None:
    store = StateStore()
    emulator.set_job(JOB, run_seconds=60)
    run_task(start(), first_try(store))
    emulator.set_job(JOB, JobStatus=status)

    assert run_task(start(), retry(store)) == JOB

    assert starts(emulator) == 1


@pytest.mark.waits
@pytest.mark.parametrize("outcome", ["Finished", "Failed"])
def test_a_retry_after_a_success_does_not_mind_later_runs_of_others(emulator: EmulatorControl, outcome: str) -> None:
    store = StateStore()
    task = start(wait_for_completion=True)
    run_task(task, first_try(store))
    start_by_hand(emulator, outcome=outcome, run_seconds=0)

    assert run_task(task, retry(store)) == JOB
    assert starts(emulator) == 2

    task.on_kill()
    assert emulator.requests("StopDIJob") == []


@pytest.mark.waits
@MODES
def test_a_retry_after_the_success_of_an_attached_wait_starts_nothing(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    store = StateStore()
    start_by_hand(emulator, run_seconds=0.4)
    task = start(wait_for_completion=True, deferrable=deferrable)

    run_task(task, first_try(store))
    run_task(task, retry(store))

    assert starts(emulator) == 1


@pytest.mark.waits
def test_a_retry_after_a_kill_that_stopped_the_run_starts_again(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.set_job(JOB, run_seconds=60)
    task = start()
    run_task(task, first_try(store))
    task.on_kill()

    run_task(start(), retry(store))

    assert starts(emulator) == 2


@pytest.mark.waits
@MODES
def test_a_task_that_succeeded_and_is_cleared_starts_anew(emulator: EmulatorControl, deferrable: bool) -> None:
    store = StateStore()
    task = start(wait_for_completion=True, deferrable=deferrable)
    run_task(task, first_try(store))

    run_task(task, after_a_clear(store))
    assert starts(emulator) == 2

    # And what comes after the clear is remembered as well as what came before.
    run_task(task, make_context(try_number=3, max_tries=4, store=store))
    assert starts(emulator) == 2


def test_an_endless_job_that_was_started_before_a_clear_is_attached_to_as_anybodys(emulator: EmulatorControl) -> None:
    store = StateStore()
    run_task(start(di_job_id=ENDLESS, wait_for_completion=True), first_try(store))
    task = start(di_job_id=ENDLESS, wait_for_completion=True)

    run_task(task, after_a_clear(store))
    task.on_kill()

    assert starts(emulator, ENDLESS) == 1
    assert emulator.job(ENDLESS)["stops"] == 0


@pytest.mark.waits
def test_a_deferred_task_that_is_marked_success_and_cleared_starts_anew(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.set_job(JOB, run_seconds=60)
    with pytest.raises(TaskDeferred):
        start(wait_for_completion=True, deferrable=True).execute(first_try(store))
    # Marked success: the trigger's on_kill stops the job.
    DataWorksHook().stop_di_job(di_job_id=JOB)
    emulator.set_job(JOB, run_seconds=0.2)

    assert run_task(start(wait_for_completion=True), after_a_clear(store)) == JOB

    assert starts(emulator) == 2


def test_a_store_that_fails_after_the_start_does_not_fail_the_task(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StateStore()
    task = start()
    real = store.set

    def set_until_the_start(key: str, value: Any) -> None:
        if starts(emulator):
            raise RuntimeError("the API server is down")
        real(key, value)

    monkeypatch.setattr(store, "set", set_until_the_start)

    assert run_task(task, first_try(store)) == JOB
    assert run_task(start(), retry(store)) == JOB
    assert starts(emulator) == 1


# Starts that were surely not executed


def test_a_start_that_was_surely_not_executed_leaves_no_note_and_nothing_to_stop(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.add_fault("throttle", action="StartDIJob", count=-1)
    task = start(wait_for_completion=True)

    with pytest.raises(DataWorksTransientError):
        run_task(task, first_try(store))
    emulator.clear_faults()
    start_by_hand(emulator)
    task.on_kill()

    assert store.content == {}
    assert emulator.job(JOB)["stops"] == 0


def test_after_a_start_that_was_not_executed_the_run_of_others_is_not_this_tasks(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.add_fault("throttle", action="StartDIJob")
    with pytest.raises(DataWorksTransientError):
        run_task(start(wait_for_completion=True), first_try(store))
    start_by_hand(emulator, run_seconds=0)

    run_task(start(wait_for_completion=True), retry(store))

    assert starts(emulator) == 2


def test_a_start_whose_outcome_is_unknown_keeps_its_note_and_is_stopped_by_a_kill(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.set_job(JOB, run_seconds=60)
    emulator.add_fault("error", action="StartDIJob", effect="before")
    task = start(wait_for_completion=True)

    with pytest.raises(DataWorksTransientError):
        run_task(task, first_try(store))
    # The effect of the start comes late.
    start_by_hand(emulator)
    task.on_kill()

    assert store.get(KEY)["di_job_id"] == JOB
    assert emulator.job(JOB)["stops"] == 1


def test_a_start_that_was_not_executed_does_not_wipe_out_the_note_of_one_that_may_have_been(
    emulator: EmulatorControl,
) -> None:
    store = StateStore()
    emulator.add_fault("error", action="StartDIJob", effect="before")
    with pytest.raises(DataWorksTransientError):
        run_task(start(start_timeout=0.1), first_try(store))
    emulator.add_fault("throttle", action="StartDIJob")
    with pytest.raises(DataWorksTransientError):
        run_task(start(start_timeout=0.1), retry(store))
    start_by_hand(emulator, run_seconds=0)

    run_task(start(wait_for_completion=True), make_context(try_number=3, max_tries=3, store=store))

    assert starts(emulator) == 1


# In 2024-05-18 no answer gives the time of a start: nothing distinguishes a later run.
@pytest.mark.only_2020
def test_a_run_that_others_started_after_this_tasks_own_is_not_its_result(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.set_job(JOB, run_seconds=60)
    with pytest.raises(TaskDeferred):
        start(wait_for_completion=True, deferrable=True).execute(first_try(store))
    emulator.set_job(JOB, JobStatus="Failed")
    start_by_hand(emulator, run_seconds=0)

    run_task(start(wait_for_completion=True), retry(store))

    assert starts(emulator) == 3


# Clocks


@pytest.mark.waits
@pytest.mark.parametrize("seconds", [-120, 120])
def test_the_clocks_of_two_workers_may_differ(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    store = StateStore()
    emulator.set_job(JOB, JobStatus="Stopped", start_lag_seconds=1.0, run_seconds=0.2)
    real = time.time
    with monkeypatch.context() as other_clock:
        other_clock.setattr(time, "time", lambda: real() + seconds)
        with pytest.raises(DataWorksTimeoutError, match="shows no new run"):
            run_task(start(start_timeout=0.1), first_try(store))

    run_task(start(wait_for_completion=True), retry(store))

    assert starts(emulator) == 1


# Who loses the race


def lose_the_race(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else starts the job between this task's look and its start."""
    own = DataWorksHook.start_di_job

    def second(self: DataWorksHook, **arguments: Any) -> str:
        monkeypatch.setattr(DataWorksHook, "start_di_job", own)
        DataWorksHook().start_di_job(di_job_id=JOB, force_to_rerun=True)
        return own(self, **arguments)

    monkeypatch.setattr(DataWorksHook, "start_di_job", second)


@pytest.mark.waits
@MODES
@pytest.mark.parametrize("lag", [0.0, 0.4], ids=["shows at once", "shows late"])
def test_who_loses_the_race_for_a_start_attaches(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, deferrable: bool, lag: float
) -> None:
    emulator.set_job(JOB, JobStatus="Finished", run_seconds=1.2, start_lag_seconds=lag)
    lose_the_race(monkeypatch)
    task = start(wait_for_completion=True, deferrable=deferrable)

    assert run_task(task, first_try(StateStore())) == JOB

    assert (starts(emulator), emulator.job(JOB)["JobStatus"]) == (1, "Finished")


def test_who_loses_the_race_stops_nothing_when_killed(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(JOB, run_seconds=60)
    lose_the_race(monkeypatch)
    task = start()

    run_task(task, first_try(StateStore()))
    task.on_kill()

    assert emulator.job(JOB)["stops"] == 0


def test_who_loses_the_race_and_must_not_attach_fails_and_may_be_retried(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(JOB, run_seconds=60)
    lose_the_race(monkeypatch)

    with pytest.raises(Exception, match="Running already") as caught:
        run_task(start(if_running="fail"))

    assert not isinstance(caught.value, DataWorksPermanentError)


def test_the_failure_of_the_run_that_won_the_race_is_a_failure(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(JOB, run_seconds=0.3, outcome="Failed")
    lose_the_race(monkeypatch)

    with pytest.raises(DataWorksJobError):
        run_task(start(wait_for_completion=True))


def test_a_refusal_of_a_job_that_nobody_started_is_its_own_error(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.add_fault("error", action="StartDIJob", status=403, code="NoPermission")

    with pytest.raises(DataWorksPermanentError, match="NoPermission"):
        run_task(start(start_timeout=0.1), first_try(store))

    assert store.content == {}


def test_a_start_that_was_refused_is_not_called_final_when_the_job_cannot_be_read_after_it(
    emulator: EmulatorControl,
) -> None:
    emulator.set_job(JOB, JobStatus="Finished")
    emulator.add_fault("error", action="StartDIJob", status=400, code="IncorrectDIJobStatus")
    emulator.add_fault("html", action="GetDIJob", skip=1, count=-1)

    # Somebody else may have started it: a retry will read that.
    with pytest.raises(DataWorksTransientError):
        run_task(start(wait_for_completion=True))
