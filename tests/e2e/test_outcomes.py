"""How a wait ends, in the worker and deferred alike, on both Airflow lines."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET
from tests.e2e.runs import Begin, Step, ended_at, eventually, job_id
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

pytestmark = pytest.mark.timeout(600)

WORKSPACE, OTHER = 10000, 20001
MODES = (True, False)


def both_modes(*tasks: dict[str, Any]) -> list[dict[str, Any]]:
    """Each task twice: deferred at 2n, in the worker at 2n + 1; the nth job of each mode is its own."""
    return [
        {**task, "di_job_id": task["di_job_id"] + mode, "deferrable": deferrable}
        for task in tasks
        for mode, deferrable in enumerate(MODES)
    ]


def test_sensor_outcomes_are_the_same_in_both_modes(begin: Begin, emulator: EmulatorProcess) -> None:
    control = emulator.control

    def set_status(one: int, status: str) -> Callable[[], object]:
        return partial(control.set_job, one, JobStatus=status)

    unknown, stop, endless, gone, elsewhere = (job_id(WORKSPACE, number) for number in (10, 20, 30, 40, 50))
    for mode in range(2):
        job: dict[str, Any] = {"ProjectId": WORKSPACE, "JobStatus": "Running"}
        control.add_job(**{**job, "DIJobId": unknown + mode, "JobName": f"unknown{mode}", "JobStatus": "Hibernating"})
        control.add_job(**job, DIJobId=stop + mode, JobName=f"stop{mode}")
        control.add_job(**job, DIJobId=endless + mode, JobName=f"endless{mode}", MigrationType="RealtimeIncremental")
        control.add_job(**job, DIJobId=gone + mode, JobName=f"gone{mode}")
    control.add_job(DIJobId=job_id(OTHER, 1), ProjectId=OTHER, JobName="elsewhere", JobStatus="Running")
    tasks = both_modes(
        {"di_job_id": unknown},
        {"di_job_id": stop},
        {"di_job_id": endless},
        {"di_job_id": gone},
        {"di_job_id": elsewhere, "project_id": OTHER},
    )
    run = begin("e2e_sensors", "wait", tasks)
    script: dict[int, list[Step]] = {}
    for mode in range(2):
        script[mode] = [("unknown status 'Hibernating'", set_status(unknown + mode, "Finished"))]
        script[2 + mode] = [("is Running", set_status(stop + mode, "Stop"))]
        script[4 + mode] = [("is Running", set_status(endless + mode, "Stopped"))]
        script[6 + mode] = [("is Running", partial(control.remove_job, gone + mode))]
    run.play(script)
    ended = run.wait_until_ended()

    for mode in range(2):
        assert [ended[2 * n + mode].state for n in range(5)] == ["success", *["failed"] * 4], run.story()
        assert run.log(mode).count("unknown status") <= 2, run.log(mode)
        assert re.search(rf"DI job {stop + mode} \(.*\) is Stopped", run.log(2 + mode)), run.log(2 + mode)
        assert "MigrationType RealtimeIncremental, which never ends by itself" in run.log(4 + mode)
        assert f"Workspace {WORKSPACE} has no DI job with id {gone + mode}" in run.log(6 + mode)
        assert f"Workspace {OTHER} has no DI job with id {elsewhere + mode}" in run.log(8 + mode)
        assert run.airflow.api.xcom(run.dag_id, run.run_id, "wait", map_index=mode) == "Finished"
    assert ACCESS_KEY_SECRET not in "".join(run.log(index) for index in range(10))
    assert control.state()["counts"].get("StopDIJob", 0) == 0


def test_start_outcomes_are_the_same_in_both_modes(begin: Begin, emulator: EmulatorProcess) -> None:
    control = emulator.control

    def set_status(one: int, status: str) -> Callable[[], object]:
        return partial(control.set_job, one, JobStatus=status)

    unknown, stop, endless, elsewhere, fails_now, succeeds_now = (
        job_id(WORKSPACE, number) for number in (10, 20, 30, 40, 50, 60)
    )
    late = {"start_lag_seconds": 10, "run_seconds": 3, "StartedTime": 1_700_000_000}
    for mode in range(2):
        job: dict[str, Any] = {"ProjectId": WORKSPACE, "run_seconds": 3600}
        control.add_job(**job, DIJobId=unknown + mode, JobName=f"unknown{mode}")
        control.add_job(**job, DIJobId=stop + mode, JobName=f"stop{mode}")
        control.add_job(**job, DIJobId=endless + mode, JobName=f"endless{mode}", MigrationType="RealtimeIncremental")
        control.add_job(**{**job, "ProjectId": OTHER}, DIJobId=elsewhere + mode, JobName=f"elsewhere{mode}")
        job = {**job, **late}
        control.add_job(**job, DIJobId=fails_now + mode, JobName=f"fails{mode}", JobStatus="Finished", outcome="Failed")
        control.add_job(
            **job, DIJobId=succeeds_now + mode, JobName=f"succeeds{mode}", JobStatus="Failed", outcome="Finished"
        )
    tasks = both_modes(
        {"di_job_id": unknown},
        {"di_job_id": stop},
        {"di_job_id": endless, "target_statuses": ["Finished"]},
        {"di_job_id": elsewhere},
        {"di_job_id": fails_now},
        {"di_job_id": succeeds_now},
    )
    run = begin("e2e_single_starts", "start", tasks)
    script: dict[int, list[Step]] = {}
    for mode in range(2):
        script[mode] = [
            ("is Running", set_status(unknown + mode, "Hibernating")),
            ("unknown status 'Hibernating'", set_status(unknown + mode, "Finished")),
        ]
        script[2 + mode] = [("is Running", set_status(stop + mode, "Stop"))]
        script[4 + mode] = [("is Running", set_status(endless + mode, "Stopped"))]
    run.play(script)
    ended = run.wait_until_ended()

    for mode in range(2):
        states = [ended[2 * n + mode].state for n in range(6)]
        assert states == ["success", "failed", "failed", "failed", "failed", "success"], run.story()
        assert re.search(rf"DI job {stop + mode} \(.*\) is Stopped", run.log(2 + mode)), run.log(2 + mode)
        assert "never ends by itself" in run.log(4 + mode)
        assert f"Workspace {WORKSPACE} has no DI job with id {elsewhere + mode}" in run.log(6 + mode)
        rerun = control.job(succeeds_now + mode)
        assert ended_at(ended[10 + mode]) >= rerun["StartedTime"] + late["start_lag_seconds"]
        assert run.airflow.api.xcom(run.dag_id, run.run_id, "start", map_index=mode) == unknown + mode
    starts = {job["DIJobId"]: job["starts"] for job in control.jobs() if job["DIJobId"] >= unknown}
    assert all(count == (0 if job in (elsewhere, elsewhere + 1) else 1) for job, count in starts.items()), starts
    assert ACCESS_KEY_SECRET not in "".join(run.log(index) for index in range(12))
    assert control.state()["counts"].get("StopDIJob", 0) == 0


def test_a_retry_attaches_to_the_run_that_its_dead_worker_started(begin: Begin, emulator: EmulatorProcess) -> None:
    one = job_id(WORKSPACE, 1)
    emulator.control.add_job(DIJobId=one, ProjectId=WORKSPACE, JobName="attached", run_seconds=3600)
    run = begin("e2e_starts", "start", [{"di_job_id": one, "deferrable": False}])
    run.wait_until_waiting(0)
    os.kill(run.wait_for(0, "running").raw["pid"], signal.SIGKILL)
    run.wait_until_waiting(0, try_number=2)
    emulator.control.set_job(one, JobStatus="Finished")
    ended = run.wait_until_ended()
    assert ended[0].state == "success", run.story()
    assert "it is not started again" in run.log(0, try_number=2)
    assert emulator.control.job(one)["starts"] == 1


def test_a_deferred_wait_ends_at_its_limit_and_says_what_became_of_the_job(
    airflow: LocalAirflow, emulator: EmulatorProcess
) -> None:
    control = emulator.control
    names = ("stopped", "left_alone", "watched")
    jobs = {name: job_id(WORKSPACE, number) for number, name in enumerate(names, start=1)}
    for name, one in jobs.items():
        control.add_job(DIJobId=one, ProjectId=WORKSPACE, JobName=name, run_seconds=3600)
    control.set_job(jobs["watched"], JobStatus="Running")
    run_id = airflow.trigger("e2e_limits", jobs)
    for name in names:
        airflow.api.wait_for_task("e2e_limits", run_id, name, ["deferred"])
    airflow.api.wait("e2e_limits", run_id)
    eventually(lambda: control.job(jobs["stopped"])["JobStatus"] == "Stopped", "the job is stopped")

    states = {one.task_id: one.state for one in airflow.api.task_instances("e2e_limits", run_id)}
    logs = {name: airflow.log("e2e_limits", run_id, name) for name in states}
    assert states == {"stopped": "failed", "left_alone": "failed", "watched": "failed", "given_up": "skipped"}, logs
    assert "did not reach the target status within execution_timeout" in logs["stopped"]
    assert "it was asked to stop" in logs["stopped"]
    assert "it is still running" in logs["left_alone"]
    assert "a sensor stops nothing" in logs["watched"]
    assert [control.job(jobs[name])["stops"] for name in names] == [1, 0, 0]
