"""StopDIJobOperator and StopDISyncInstanceOperator: stop what runs, wait until it has stopped, leave the rest."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
)
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.operators.data_integration import StopDIJobOperator, StopDISyncInstanceOperator
from tests.support.tasks import first_event, make_context, rebuilt, run_task

JOB, REALTIME = 1001, 2001
MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


def stop_job(**given: Any) -> StopDIJobOperator:
    return StopDIJobOperator(**{"task_id": "stop", "di_job_id": JOB, "poll_interval": 0.05, **given})


def stop_realtime(**given: Any) -> StopDISyncInstanceOperator:
    return StopDISyncInstanceOperator(**{"task_id": "stop", "file_id": REALTIME, "poll_interval": 0.05, **given})


@pytest.mark.waits
@MODES
def test_a_running_job_is_stopped_and_the_task_ends_when_it_has(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.settings(stop_seconds=0.6)
    emulator.set_job(JOB, JobStatus="Running")
    context = make_context()

    assert run_task(stop_job(deferrable=deferrable), context) == JOB

    assert (emulator.job(JOB)["JobStatus"], emulator.job(JOB)["stops"]) == ("Stopped", 1)
    assert "defaultProjectId=10000" in context["pushed"][LINK_KEY]


@MODES
def test_a_running_real_time_task_is_stopped(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_file(REALTIME, Status="RUN")

    assert run_task(stop_realtime(deferrable=deferrable)) == REALTIME

    assert emulator.file(REALTIME)["Status"] in ("NORUN", "PAUSE")
    assert emulator.file(REALTIME)["stops"] == 1


@pytest.mark.parametrize("status", ["Stopped", "Finished", "Failed", "Initialized"])
def test_what_does_not_run_is_left_with_a_line_in_the_log(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    emulator.set_job(JOB, JobStatus=status)
    lines: list[str] = []
    task = stop_job()
    monkeypatch.setattr(task.log, "info", lambda text, *values: lines.append(text % values))

    assert run_task(task) == JOB

    assert emulator.requests("StopDIJob") == []
    assert any("nothing to stop" in line and status in line for line in lines)


def test_without_waiting_it_returns_once_it_was_asked(emulator: EmulatorControl) -> None:
    emulator.settings(stop_seconds=60)
    emulator.set_job(JOB, JobStatus="Running")

    assert run_task(stop_job(wait_for_completion=False)) == JOB
    assert emulator.job(JOB)["JobStatus"] == "Stopping"


def test_a_job_that_is_being_stopped_is_waited_for_and_not_stopped_again(emulator: EmulatorControl) -> None:
    emulator.set_job(JOB, JobStatus="Stopping")
    threading.Timer(0.3, emulator.set_job, (JOB,), {"JobStatus": "Stopped"}).start()

    run_task(stop_job())

    assert emulator.requests("StopDIJob") == []


def test_a_job_that_ended_just_before_the_stop_is_success(emulator: EmulatorControl) -> None:
    emulator.set_job(JOB, JobStatus="Running")
    emulator.add_fault("error", action="StopDIJob", status=400, code="IncorrectDIJobStatus")
    task = stop_job()
    original = type(task.hook).stop_di_job

    def end_first(self: Any, **given: Any) -> Any:
        emulator.set_job(JOB, JobStatus="Finished")
        return original(self, **given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(task.hook), "stop_di_job", end_first)
        assert run_task(task) == JOB


def test_a_refused_stop_of_a_running_job_is_an_error(emulator: EmulatorControl) -> None:
    emulator.set_job(JOB, JobStatus="Running")
    emulator.add_fault("error", action="StopDIJob", status=403, code="Forbidden.Access")

    with pytest.raises(DataWorksPermanentError):
        run_task(stop_job())


def test_the_deadline_says_that_it_was_asked_to_stop(emulator: EmulatorControl) -> None:
    emulator.settings(stop_seconds=60)
    emulator.set_job(JOB, JobStatus="Running")
    with pytest.raises(TaskDeferred) as deferred:
        stop_job(deferrable=True).execute(make_context())
    path, given = deferred.value.trigger.serialize()
    trigger = rebuilt(type(deferred.value.trigger)(**{**given, "deadline": 1.0}))
    assert path.endswith("DIJobStatusTrigger")
    event = asyncio.run(asyncio.wait_for(first_event(trigger), 20))

    with pytest.raises(DataWorksTimeoutError, match="asked to stop, and has not stopped yet"):
        stop_job().execute_complete(make_context(), event.payload)
    assert emulator.job(JOB)["stops"] == 1


def test_an_unknown_job_is_not_found(emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksNotFoundError):
        run_task(stop_job(di_job_id=4711))


def test_mistakes_surface_at_construction() -> None:
    for make, bad in ((stop_job, {"di_job_id": "x"}), (stop_realtime, {"file_id": 0})):
        with pytest.raises(DataWorksParameterError):
            make(**bad)
