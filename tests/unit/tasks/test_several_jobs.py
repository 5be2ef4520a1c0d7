"""DIJobStatusSensor with a list of ids: one task waits for all jobs, in every mode."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException, TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksTimeoutError,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.tasks import first_event, make_context, rebuilt, run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
IDS = [1001, 1002, 1003]


def sensor(**given: Any) -> DIJobStatusSensor:
    return DIJobStatusSensor(**{"task_id": "wait", "di_job_id": IDS, "poke_interval": 0.1, "timeout": 20, **given})


def become(emulator: EmulatorControl, *statuses: str) -> None:
    for job_id, status in zip(IDS, statuses, strict=True):
        emulator.set_job(job_id, JobStatus=status)


@pytest.mark.waits
@MODES
def test_all_have_to_get_there_and_the_xcom_is_a_status_each(emulator: EmulatorControl, deferrable: bool) -> None:
    become(emulator, "Finished", "Running", "Running")
    for after, job_id in ((0.3, 1002), (0.6, 1003)):
        threading.Timer(after, emulator.set_job, (job_id,), {"JobStatus": "Finished"}).start()

    assert run_task(sensor(deferrable=deferrable)) == dict.fromkeys(IDS, "Finished")


@pytest.mark.waits
@MODES
def test_the_first_that_fails_fails_the_task_and_is_named(emulator: EmulatorControl, deferrable: bool) -> None:
    become(emulator, "Finished", "Running", "Running")
    emulator.set_job(1002, ErrorMessage="disk full")
    threading.Timer(0.3, emulator.set_job, (1002,), {"JobStatus": "Failed"}).start()

    with pytest.raises(DataWorksJobError, match=r"1 of 3 failed: DI job 1002.* is Failed: disk full") as raised:
        run_task(sensor(deferrable=deferrable))

    assert (raised.value.job_id, raised.value.status) == (1002, "Failed")


@pytest.mark.waits
@MODES
def test_without_fail_fast_the_others_are_waited_for_and_all_failed_ones_named(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    become(emulator, "Failed", "Running", "Running")
    threading.Timer(0.4, emulator.set_job, (1002,), {"JobStatus": "Finished"}).start()
    threading.Timer(0.8, emulator.set_job, (1003,), {"JobStatus": "Stopped"}).start()

    with pytest.raises(DataWorksJobError) as raised:
        run_task(sensor(deferrable=deferrable, fail_fast=False))

    assert "2 of 3 failed" in str(raised.value)
    assert "DI job 1001" in str(raised.value)
    assert "DI job 1003" in str(raised.value)
    assert "DI job 1002" not in str(raised.value)


@MODES
def test_soft_fail_skips(emulator: EmulatorControl, deferrable: bool) -> None:
    become(emulator, "Failed", "Running", "Running")

    with pytest.raises(AirflowSkipException):
        run_task(sensor(deferrable=deferrable, soft_fail=True))


@MODES
def test_an_unknown_job_is_not_found(emulator: EmulatorControl, deferrable: bool) -> None:
    with pytest.raises(DataWorksNotFoundError, match="4711"):
        run_task(sensor(deferrable=deferrable, di_job_id=[1001, 4711]))


def test_the_deadline_says_where_each_one_is(emulator: EmulatorControl) -> None:
    become(emulator, "Running", "Running", "Running")
    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True).execute(make_context())
    path, arguments = deferred.value.trigger.serialize()
    arguments["deadline"] = 1.0
    module, _, name = path.rpartition(".")
    trigger = getattr(__import__(module, fromlist=[name]), name)(**json.loads(json.dumps(arguments)))

    with pytest.raises(DataWorksTimeoutError, match="1001 is"):
        _resumed(trigger)


def _resumed(trigger: Any) -> Any:
    event = asyncio.run(asyncio.wait_for(first_event(trigger), 20))
    return sensor().execute_complete(make_context(), event.payload)


def test_two_hundred_jobs_cost_a_few_requests(emulator: EmulatorControl) -> None:
    jobs = emulator.add_jobs([{"JobName": f"job_{n}", "JobStatus": "Finished"} for n in range(200)])
    ids = [job["DIJobId"] for job in jobs]
    emulator.clear_requests()

    assert set(run_task(sensor(di_job_id=ids))) == set(ids)
    assert len(emulator.requests()) <= 4


@pytest.mark.waits
@pytest.mark.parametrize("succeeds", [True, False])
def test_the_trigger_may_end_the_task(emulator: EmulatorControl, succeeds: bool) -> None:
    become(emulator, "Running", "Finished", "Finished")
    with pytest.raises(TaskDeferred) as deferred:
        sensor(deferrable=True, end_from_trigger=True).execute(make_context())
    threading.Timer(0.2, emulator.set_job, (1001,), {"JobStatus": "Finished" if succeeds else "Failed"}).start()

    event = asyncio.run(asyncio.wait_for(first_event(rebuilt(deferred.value.trigger)), 20))

    assert type(event).__name__ == ("TaskSuccessEvent" if succeeds else "TaskFailedEvent")
    if succeeds:
        assert event.xcoms == {"return_value": {str(job_id): "Finished" for job_id in IDS}}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("[1001, 1002]", (1001, 1002)),
        (["1001", 1002, 1001], (1001, 1002)),
        ((1001,), (1001,)),
        ("1001", 1001),
    ],
)
def test_what_a_template_makes_of_a_list_is_a_list(given: Any, read: Any) -> None:
    assert sensor(di_job_id=given).read_arguments().di_job_id == read


@pytest.mark.parametrize(
    "given",
    [{"di_job_id": []}, {"di_job_id": [0]}, {"di_job_id": "[1, x]"}, {"di_job_id": {"a": 1}}, {"job_name": "a"}],
)
def test_what_cannot_be_used_is_refused_at_construction(given: dict[str, Any]) -> None:
    with pytest.raises(DataWorksParameterError, match=r"di_job_id|job_name"):
        sensor(**given)
