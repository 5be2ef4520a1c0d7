"""DIJobStatusSensor: the same outcome in the worker and deferred, for every status."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger
from tests.support.polling import once_asked
from tests.support.tasks import first_event, make_context, run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


def sensor(**arguments: Any) -> DIJobStatusSensor:
    if "job_name" not in arguments:
        arguments.setdefault("di_job_id", 1001)
    return DIJobStatusSensor(**{"task_id": "wait", "poke_interval": 0.05, "timeout": 3, **arguments})


def later(emulator: EmulatorControl, status: str) -> None:
    """Change the job's status once the sensor has seen the one that it has now."""
    once_asked(emulator, lambda: emulator.set_job(1001, JobStatus=status))


@MODES
@pytest.mark.parametrize("when", ["at once", "after a while"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Finished", "Finished"),
        ("Failed", DataWorksJobError),
        ("Stopped", DataWorksJobError),
        ("Stop", DataWorksJobError),
    ],
)
def test_each_final_status_ends_the_wait(
    emulator: EmulatorControl, deferrable: bool, when: str, status: str, expected: Any
) -> None:
    emulator.set_job(1001, JobStatus="Running")
    if when == "at once":
        emulator.set_job(1001, JobStatus=status)
    else:
        later(emulator, status)

    if isinstance(expected, str):
        assert run_task(sensor(deferrable=deferrable)) == expected
    else:
        with pytest.raises(expected) as caught:
            run_task(sensor(deferrable=deferrable))
        assert not isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("status", ["Initialized", "Running", "Stopping", "Whatever"])
def test_each_other_status_is_waited_through_in_the_worker(emulator: EmulatorControl, status: str) -> None:
    emulator.set_job(1001, JobStatus=status)

    with pytest.raises(AirflowSensorTimeout):
        run_task(sensor(timeout=0.2))


@pytest.mark.waits
@pytest.mark.parametrize("status", ["Initialized", "Running", "Stopping", "Whatever"])
def test_each_other_status_is_waited_through_deferred(emulator: EmulatorControl, status: str) -> None:
    emulator.set_job(1001, JobStatus=status)
    later(emulator, "Finished")

    assert run_task(sensor(deferrable=True)) == "Finished"


def test_the_sensors_timeout_is_given_to_airflow_when_it_defers(emulator: EmulatorControl) -> None:
    with pytest.raises(TaskDeferred) as caught:
        sensor(deferrable=True, timeout=77).execute(make_context())

    assert caught.value.timeout == timedelta(seconds=77)


# What Airflow 3 and 2.11 resume a task with when its defer timeout is over.
@pytest.mark.parametrize("words", ["Trigger timeout", "Trigger/execution timeout"])
@pytest.mark.parametrize(("soft_fail", "expected"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)])
def test_airflows_deferral_timeout_is_a_sensor_timeout(words: str, soft_fail: bool, expected: type[Exception]) -> None:
    with pytest.raises(expected, match="DI job 1001"):
        sensor(soft_fail=soft_fail).resume_execution("__fail__", {"error": words}, make_context())


def test_a_trigger_that_broke_is_a_failure_that_soft_fail_does_not_hide() -> None:
    with pytest.raises(AirflowException, match="Trigger failure"):
        sensor(soft_fail=True).resume_execution("__fail__", {"error": "Trigger failure"}, make_context())


@pytest.mark.waits
@MODES
@pytest.mark.parametrize("soft_fail", [False, True])
def test_soft_fail_means_the_same_in_both_modes(emulator: EmulatorControl, deferrable: bool, soft_fail: bool) -> None:
    emulator.set_job(1001, JobStatus="Running")
    later(emulator, "Failed")
    with pytest.raises(AirflowSkipException if soft_fail else DataWorksJobError):
        run_task(sensor(deferrable=deferrable, soft_fail=soft_fail))

    with pytest.raises(AirflowSkipException if soft_fail else DataWorksNotFoundError):
        run_task(sensor(deferrable=deferrable, soft_fail=soft_fail, di_job_id=4711))

    emulator.set_job(1001, JobStatus="Running")
    emulator.add_fault("html", action=None, count=-1, skip=1)
    with pytest.raises(DataWorksTransientError):
        run_task(sensor(deferrable=deferrable, soft_fail=soft_fail, max_poll_failures=2, timeout=60))


@pytest.mark.waits
def test_the_execution_timeout_ends_a_deferred_wait_and_stops_nothing(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Running")
    task = sensor(deferrable=True, execution_timeout=timedelta(seconds=1), timeout=60)

    with pytest.raises(DataWorksTimeoutError, match="a sensor stops nothing"):
        run_task(task)

    assert emulator.job(1001)["stops"] == 0


@MODES
def test_finds_the_job_by_its_exact_name_among_similar_ones(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.add_jobs([{"JobName": f"orders_{n}", "JobStatus": "Failed"} for n in (10, 11, 100)])
    emulator.add_job(JobName="orders_1", JobStatus="Finished")

    assert run_task(sensor(job_name="orders_1", deferrable=deferrable)) == "Finished"


@MODES
def test_a_failure_by_name_carries_the_jobs_message(emulator: EmulatorControl, deferrable: bool) -> None:
    job = emulator.add_job(JobName="orders", JobStatus="Running", ErrorMessage="no such table")
    once_asked(emulator, lambda: emulator.set_job(job["DIJobId"], JobStatus="Failed"), requests=3)

    with pytest.raises(DataWorksJobError, match="no such table") as caught:
        run_task(sensor(job_name="orders", deferrable=deferrable))

    assert caught.value.job_id == job["DIJobId"]


@MODES
def test_a_job_of_another_workspace_is_not_found(emulator: EmulatorControl, deferrable: bool) -> None:
    with pytest.raises(DataWorksError) as caught:
        run_task(sensor(project_id=77, deferrable=deferrable))

    assert isinstance(caught.value, DataWorksPermanentError)


@pytest.mark.waits
@MODES
def test_a_job_that_disappears_is_not_found(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(1001, JobStatus="Running")
    once_asked(emulator, lambda: emulator.remove_job(1001))

    with pytest.raises(DataWorksNotFoundError, match="Workspace 10000 has no DI job with id 1001"):
        run_task(sensor(deferrable=deferrable))


@pytest.mark.waits
@MODES
def test_a_real_time_job_with_target_finished_is_warned_of(
    emulator: EmulatorControl, deferrable: bool, task_log: list[str]
) -> None:
    emulator.set_job(1002, JobStatus="Running")
    once_asked(emulator, lambda: emulator.set_job(1002, JobStatus="Finished"))

    run_task(sensor(di_job_id=1002, deferrable=deferrable))

    assert any("never ends by itself" in line for line in task_log)


@pytest.mark.waits
@MODES
def test_the_log_tells_each_change_and_how_it_ended(
    emulator: EmulatorControl, deferrable: bool, task_log: list[str]
) -> None:
    emulator.set_job(1001, JobStatus="Running")
    later(emulator, "Finished")

    run_task(sensor(deferrable=deferrable))

    story = [line for line in task_log if line.startswith("DI job 1001")]
    assert any("is Running" in line for line in story)
    assert any("is Finished; it was Running for" in line for line in story)
    assert any("MigrationType Full" in line for line in story)
    assert len(story) < 8


def test_the_console_link_is_pushed_before_the_sensor_waits(emulator: EmulatorControl) -> None:
    context = make_context()

    with pytest.raises(TaskDeferred):
        sensor(deferrable=True).execute(context)

    assert "defaultProjectId=10000" in context["pushed"][LINK_KEY]


def test_nothing_is_deferred_for_a_job_that_is_done(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Finished")

    assert sensor(deferrable=True).execute(make_context()) == "Finished"


@pytest.mark.waits
def test_an_event_is_held_back_until_the_scheduler_knows_of_the_deferral(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(1001, JobStatus="Finished")
    trigger = DIJobStatusTrigger(
        dataworks_conn_id="dataworks_default",
        project_id=10000,
        di_job_id=1001,
        poll_interval=1.5,
        waiting_since=time.time(),
    )

    pauses = []
    sleep, thread = asyncio.sleep, threading.get_ident()

    async def noted(seconds: float, *more: Any) -> None:
        # Not the emulator's, which is in another thread.
        if threading.get_ident() == thread:
            pauses.append(seconds)
        await sleep(seconds, *more)

    began = time.monotonic()
    monkeypatch.setattr(asyncio, "sleep", noted)
    event = asyncio.run(first_event(trigger))

    assert event.payload["kind"] == "reached"
    assert time.monotonic() - began >= 1.4
    # Once, and no longer than until the next poll.
    assert sum(pauses) < 1.6


@pytest.mark.waits
def test_a_log_that_nobody_takes_does_not_hold_up_the_other_triggers(
    emulator: EmulatorControl, task_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(1001, JobStatus="Finished")
    handler = logging.getLogger("tests.task_log").handlers[0]
    take = handler.emit
    taking, moved_on = threading.Event(), threading.Event()
    held_up: list[str] = []

    def take_slowly(record: logging.LogRecord) -> None:
        taking.set()
        # The other triggers go on meanwhile.
        if not moved_on.wait(10):
            held_up.append(record.getMessage())
        moved_on.clear()
        take(record)

    monkeypatch.setattr(handler, "emit", take_slowly)
    trigger = DIJobStatusTrigger(
        dataworks_conn_id="dataworks_default", project_id=10000, di_job_id=1001, poll_interval=1
    )

    async def work() -> None:
        event = asyncio.ensure_future(first_event(trigger))
        while not event.done() or not task_log:
            await asyncio.sleep(0.01)
            if taking.is_set():
                taking.clear()
                moved_on.set()

    asyncio.run(asyncio.wait_for(work(), 40))
    assert held_up == []
    assert [line.split("waited")[0] for line in task_log] == [
        "DI job 1001 (mysql_to_holo_full) is Finished (MigrationType Full; "
    ]


@pytest.mark.parametrize("failures", [2, 4])
def test_a_poke_survives_failed_polls_within_its_budget(emulator: EmulatorControl, failures: int) -> None:
    emulator.set_job(1001, JobStatus="Finished")
    emulator.add_fault("html", action="ListDIJobs", count=failures)

    if failures < 3:
        assert run_task(sensor(max_poll_failures=3)) == "Finished"
    else:
        with pytest.raises(DataWorksTransientError):
            run_task(sensor(max_poll_failures=3))


@pytest.mark.parametrize("event", [None, {}, {"kind": "done"}, {"status": "Finished"}, "reached"])
def test_an_event_that_is_none_of_ours_is_never_a_success(emulator: EmulatorControl, event: Any) -> None:
    with pytest.raises(DataWorksError, match="unexpected"):
        sensor().execute_complete(make_context(), event)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"di_job_id": None}, "give di_job_id or job_name"),
        ({"di_job_id": "abc"}, "di_job_id"),
        ({"target_statuses": "Done"}, "target_statuses"),
        ({"failure_statuses": ("Finished", "Bad")}, "failure_statuses"),
        ({"job_name": 7}, "job_name"),
        ({"max_poll_failures": 0}, "max_poll_failures"),
    ],
)
def test_bad_arguments_are_refused_at_construction(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        DIJobStatusSensor(**{"task_id": "wait", **arguments})


@pytest.mark.parametrize("statuses", ["['Running', 'Finished']", '["Running", "Finished"]', "Running, Finished"])
def test_statuses_that_a_template_rendered_to_text_work(emulator: EmulatorControl, statuses: str) -> None:
    emulator.set_job(1001, JobStatus="Running")

    assert run_task(sensor(target_statuses=statuses)) == "Running"
