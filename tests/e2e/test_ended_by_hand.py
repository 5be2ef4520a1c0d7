"""What a person does to a waiting task: the job that it started stops when the task was ended, and only then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.e2e.runs import Begin, Run, eventually, job_id, last_seq
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("airflow_python", ["airflow3"], indirect=True),
]

WORKSPACE = 10000
MARKED_FAILED, MARKED_SUCCESS, CLEARED, ATTACHED, KEPT, IN_WORKER, UNTOUCHED = range(7)


@dataclass
class Waits:
    """Operators and sensors that wait, the nth of each for the nth of its jobs."""

    control: EmulatorControl
    operators: Run
    sensors: Run

    def started(self, index: int) -> dict[str, Any]:
        return self.control.job(job_id(WORKSPACE, 101 + index))

    def was_stopped(self, index: int) -> bool:
        return bool(self.started(index)["stops"] == 1)

    def watched(self, index: int) -> dict[str, Any]:
        return self.control.job(job_id(WORKSPACE, 201 + index))


def test_only_the_job_of_an_ended_task_is_stopped(
    begin: Begin, airflow: LocalAirflow, emulator: EmulatorProcess
) -> None:
    control = emulator.control
    running = {"ProjectId": WORKSPACE, "run_seconds": 3600, "stop_seconds": 0}
    control.add_jobs({"DIJobId": job_id(WORKSPACE, 101 + n), "JobName": f"started_{n}", **running} for n in range(7))
    control.set_job(job_id(WORKSPACE, 101 + ATTACHED), JobStatus="Running")
    watched = {**running, "JobStatus": "Running"}
    control.add_jobs({"DIJobId": job_id(WORKSPACE, 201 + n), "JobName": f"watched_{n}", **watched} for n in range(4))

    arguments: list[dict[str, Any]] = [{"di_job_id": job_id(WORKSPACE, 101 + n), "deferrable": True} for n in range(7)]
    arguments[KEPT]["cancel_on_kill"] = False
    arguments[IN_WORKER]["deferrable"] = False
    sensors = [{"di_job_id": job_id(WORKSPACE, 201 + n), "deferrable": True} for n in range(4)]
    waits = Waits(
        control,
        begin("e2e_starts", "start", arguments),
        begin("e2e_sensors", "wait", sensors),
    )
    operators = waits.operators
    # The triggers must be there, or there is nothing that could be told.
    for index in range(7):
        operators.wait_until_waiting(index)
    for index in range(4):
        waits.sensors.wait_until_waiting(index)

    api = airflow.api
    for index, state in (
        (MARKED_FAILED, "failed"),
        (MARKED_SUCCESS, "success"),
        (ATTACHED, "failed"),
        (KEPT, "failed"),
    ):
        api.set_state(operators.dag_id, operators.run_id, "start", state, index)
    api.set_state(operators.dag_id, operators.run_id, "start", "failed", IN_WORKER)
    for index, state in ((0, "failed"), (1, "success")):
        api.set_state(waits.sensors.dag_id, waits.sensors.run_id, "wait", state, index)
    api.clear(operators.dag_id, operators.run_id, [("start", CLEARED)])
    api.clear(waits.sensors.dag_id, waits.sensors.run_id, [("wait", 2)])

    for index in (MARKED_FAILED, MARKED_SUCCESS, IN_WORKER):
        eventually(partial(waits.was_stopped, index), f"the job of operator {index} is stopped")
    eventually(lambda: operators.task(CLEARED).try_number == 2, "the cleared task has a new try")
    operators.wait_until_waiting(CLEARED, try_number=2)
    eventually(lambda: waits.sensors.task(2).try_number == 2, "the cleared sensor has a new try")
    waits.sensors.wait_until_waiting(2, try_number=2)
    eventually(lambda: "left running" in operators.log(CLEARED, 1), "the old try's trigger was told of the clear")
    since = last_seq(control)
    eventually(lambda: len(control.requests(since=since)) >= 6, "the pollers go on")

    stops = [waits.started(index)["stops"] for index in range(7)]
    assert [index for index, count in enumerate(stops) if count] == [MARKED_FAILED, MARKED_SUCCESS, IN_WORKER]
    assert control.state()["counts"]["StopDIJob"] == 3
    assert [waits.started(index)["starts"] for index in range(7)] == [1, 1, 1, 0, 1, 1, 1]
    assert [waits.watched(index)["JobStatus"] for index in range(4)] == ["Running"] * 4

    for index in (CLEARED, UNTOUCHED):
        control.set_job(job_id(WORKSPACE, 101 + index), JobStatus="Finished")
    for index in (2, 3):
        control.set_job(job_id(WORKSPACE, 201 + index), JobStatus="Finished")
    ended = operators.wait_until_ended()
    expected = ["failed", "success", "success", "failed", "failed", "failed", "success"]
    assert [ended[index].state for index in range(7)] == expected, operators.story()
    ended = waits.sensors.wait_until_ended()
    assert [ended[index].state for index in range(4)] == ["failed", "success", "success", "success"]
    assert control.state()["counts"]["StopDIJob"] == 3
    assert waits.started(CLEARED)["starts"] == 1
