"""A job is started once however the processes around it die, and anew when somebody clears the task."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.e2e.runs import Begin, Run, eventually, job_id
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("airflow_python", ["airflow3"], indirect=True),
]

WORKSPACE = 10000
#: A run that ends only when the test says so.
ENDLESS = 3600


@dataclass
class Starts:
    """Tasks that start jobs, each with a job of its own."""

    control: EmulatorControl
    jobs: list[int]
    run: Run

    def job(self, index: int) -> dict[str, Any]:
        return self.control.job(self.jobs[index])

    def wait_until_started(self, index: int) -> None:
        eventually(lambda: self.job(index)["starts"] == 1, f"task {index} has started its job")

    def finish(self, index: int) -> None:
        self.control.set_job(self.jobs[index], JobStatus="Finished")

    def kill_worker(self, index: int) -> None:
        """SIGKILL the process that runs a task."""
        pid = self.run.wait_for(index, "running").raw["pid"]
        assert pid, "Airflow does not say which process runs the task"
        os.kill(pid, signal.SIGKILL)

    def starts(self) -> list[int]:
        return [self.job(index)["starts"] for index in range(len(self.jobs))]


@pytest.fixture
def start(begin: Begin, emulator: EmulatorProcess) -> Callable[..., Starts]:
    """Begins a run whose mapped tasks start the given jobs."""

    def start(*settings: dict[str, Any]) -> Starts:
        jobs, tasks = [], []
        for number, given in enumerate(settings, start=1):
            jobs.append(job_id(WORKSPACE, number))
            about_job = {"run_seconds": ENDLESS, **given.pop("job", {})}
            emulator.control.add_job(DIJobId=jobs[-1], ProjectId=WORKSPACE, JobName=f"job_{number}", **about_job)
            tasks.append({"di_job_id": jobs[-1], **given})
        return Starts(emulator.control, jobs, begin("e2e_starts", "start", tasks))

    return start


def test_a_job_is_started_once_although_the_worker_dies(start: Callable[..., Starts]) -> None:
    shown_late = {"start_lag_seconds": 8}
    starts = start(
        # 0: killed after the start, before the new run shows and the task defers; never run before.
        {"deferrable": True, "job": shown_late},
        # 1: the same with a run that had finished before.
        {"deferrable": True, "job": {**shown_late, "JobStatus": "Finished", "StartedTime": 1_700_000_000}},
        # 2: killed while it waits in the worker; the job ends before the retry looks.
        {"deferrable": False},
        # 3: the same; the job runs on.
        {"deferrable": False},
    )
    for index in (0, 1):
        starts.wait_until_started(index)
        starts.kill_worker(index)
    for index in (2, 3):
        starts.run.wait_until_waiting(index)
        starts.kill_worker(index)
    starts.finish(2)
    for index in (0, 1, 3):
        starts.run.wait_until_waiting(index, try_number=2)
        starts.finish(index)
    tasks = starts.run.wait_until_ended()

    assert [(one.state, one.try_number) for one in tasks.values()] == [("success", 2)] * 4, starts.run.story()
    assert starts.starts() == [1, 1, 1, 1]
    assert [starts.job(index)["stops"] for index in range(4)] == [0, 0, 0, 0]
    assert "an earlier try of this task started the run that is Finished; it is not started again" in starts.run.log(2)


def test_a_cleared_task_runs_its_job_anew_after_a_success(start: Callable[..., Starts]) -> None:
    starts = start({"deferrable": True, "job": {"run_seconds": 1}}, {"deferrable": True, "job": {"run_seconds": 6}})
    starts.run.wait_until_ended()
    assert starts.starts() == [1, 1]
    run = starts.run
    run.airflow.api.clear(run.dag_id, run.run_id, ["start"])
    tasks = run.wait_until_ended()
    assert {one.state for one in tasks.values()} == {"success"}, run.story()
    assert starts.starts() == [2, 2]


def test_a_retry_after_a_failed_run_starts_the_job_again(start: Callable[..., Starts]) -> None:
    starts = start({"deferrable": True})
    starts.run.wait_until_waiting(0)
    starts.control.set_job(starts.jobs[0], JobStatus="Failed", ErrorMessage="no disk")
    starts.run.wait_until_waiting(0, try_number=2)
    starts.finish(0)
    tasks = starts.run.wait_until_ended()
    assert (tasks[0].state, tasks[0].try_number) == ("success", 2)
    assert "no disk" in starts.run.log(0, try_number=1)
    assert starts.starts() == [2]


def test_a_job_is_started_once_although_the_scheduler_dies_with_its_workers(
    start: Callable[..., Starts], airflow: LocalAirflow
) -> None:
    starts = start(
        # 0: its worker dies before it defers.
        {"deferrable": True, "job": {"start_lag_seconds": 8}},
        # 1: its worker dies while it waits there.
        {"deferrable": False},
        # 2: waits in the triggerer, which lives.
        {"deferrable": True},
    )
    for index in (1, 2):
        starts.run.wait_until_waiting(index)
    starts.wait_until_started(0)
    airflow.scheduler.kill()
    starts.finish(2)
    airflow.scheduler.start()
    for index in (0, 1):
        starts.run.wait_until_waiting(index, try_number=2)
        starts.finish(index)
    tasks = starts.run.wait_until_ended()
    assert {one.state for one in tasks.values()} == {"success"}, starts.run.story()
    assert starts.starts() == [1, 1, 1]
