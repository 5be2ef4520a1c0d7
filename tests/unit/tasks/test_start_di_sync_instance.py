"""StartDISyncInstanceOperator: one start, and the same outcome in the worker and deferred."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksJobError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import StartDISyncInstanceOperator
from tests.support.tasks import run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
REALTIME, SOLUTION = 2001, 2002


def start(**arguments: Any) -> StartDISyncInstanceOperator:
    given = {"task_id": "start", "file_id": REALTIME, "poll_interval": 0.05, "start_timeout": 5.0, **arguments}
    return StartDISyncInstanceOperator(**given)


@pytest.mark.waits
@MODES
def test_a_real_time_task_is_waited_for_until_it_runs(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_file(REALTIME, wait_seconds=0.4)

    assert run_task(start(wait_for_completion=True, deferrable=deferrable)) == REALTIME

    assert emulator.file(REALTIME)["Status"] == "RUN"
    assert emulator.file(REALTIME)["starts"] == 1


@pytest.mark.waits
@MODES
@pytest.mark.parametrize("outcome", ["NORUN", "PAUSE"])
def test_a_real_time_task_that_ends_is_a_failure(emulator: EmulatorControl, deferrable: bool, outcome: str) -> None:
    emulator.set_file(REALTIME, wait_seconds=0.4, start_outcome=outcome)

    with pytest.raises(DataWorksJobError, match=f"is {outcome}"):
        run_task(start(wait_for_completion=True, deferrable=deferrable))


@pytest.mark.waits
@MODES
def test_a_start_that_never_shows_fails_after_start_timeout(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_file(REALTIME, start_lag_seconds=60)

    with pytest.raises(DataWorksJobError, match="start_timeout"):
        run_task(start(wait_for_completion=True, deferrable=deferrable, start_timeout=0.5))


@MODES
def test_a_solution_is_waited_for_until_it_has_succeeded(emulator: EmulatorControl, deferrable: bool) -> None:
    task = start(file_id=SOLUTION, task_type="DI_SOLUTION", wait_for_completion=True, deferrable=deferrable)

    assert run_task(task) == SOLUTION

    assert emulator.file(SOLUTION)["SolutionStatus"] == "0"


@pytest.mark.waits
@MODES
def test_a_solutions_old_success_is_not_taken_for_the_new_one(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_file(SOLUTION, SolutionStatus="0", start_lag_seconds=0.5, solution_outcome="3")
    task = start(file_id=SOLUTION, task_type="DI_SOLUTION", wait_for_completion=True, deferrable=deferrable)

    with pytest.raises(DataWorksJobError, match=r"is 3 \(failed\)"):
        run_task(task)


@pytest.mark.waits
@MODES
def test_manual_confirmation_is_said_aloud(emulator: EmulatorControl, deferrable: bool, task_log: list[str]) -> None:
    emulator.set_file(SOLUTION, SolutionStatus="5")
    task = start(file_id=SOLUTION, task_type="DI_SOLUTION", wait_for_completion=True, deferrable=deferrable)
    task.execution_timeout = timedelta(seconds=1)

    with pytest.raises(DataWorksTimeoutError):
        run_task(task)

    assert any("5 (waiting for manual confirmation)" in line for line in task_log)


def test_one_that_runs_is_not_started_again(emulator: EmulatorControl, task_log: list[str]) -> None:
    emulator.set_file(REALTIME, Status="RUN")

    assert run_task(start(wait_for_completion=True, start_param={"errorLimit": {"record": 0}})) == REALTIME

    assert emulator.file(REALTIME)["starts"] == 0
    assert any("start_param is not applied" in line for line in task_log)


def test_a_kill_stops_a_real_time_task_that_this_task_started(emulator: EmulatorControl) -> None:
    task = start()
    run_task(task)

    task.on_kill()

    assert emulator.file(REALTIME)["stops"] == 1


def test_a_wrong_file_id_is_a_permanent_error_with_the_services_reason(emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksPermanentError, match=r"fileId:\[99\] is invalid"):
        run_task(start(file_id=99))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task_type": "DI_OFFLINE"}, "task_type: must be one of DI_REALTIME, DI_SOLUTION"),
        ({"file_id": "x"}, "file_id"),
        ({"start_param": "{"}, "start_param"),
    ],
)
def test_bad_arguments_are_refused_at_construction(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        start(**arguments)


@pytest.mark.waits
def test_a_real_time_task_that_is_being_stopped_is_started_when_it_has_stopped(emulator: EmulatorControl) -> None:
    emulator.set_file(REALTIME, Status="NORUN", wait_seconds=0.0, stop_seconds=0.5)
    run_task(start())
    DataWorksHook().stop_di_sync_instance(task_type="DI_REALTIME", file_id=REALTIME)
    assert emulator.file(REALTIME)["Status"] == "KILLING"

    run_task(start(wait_for_completion=True))

    assert (emulator.file(REALTIME)["Status"], emulator.file(REALTIME)["starts"]) == ("RUN", 2)


@pytest.mark.waits
def test_a_real_time_task_that_is_being_stopped_for_ever_is_not_started(emulator: EmulatorControl) -> None:
    emulator.set_file(REALTIME, Status="KILLING")

    with pytest.raises(DataWorksTimeoutError, match=r"was KILLING for longer than start_timeout \(0\.2 s\)"):
        run_task(start(start_timeout=0.2))

    assert emulator.requests("StartDISyncInstance") == []
