"""Waiting in the triggerer: what it costs, and that nothing that dies or fails loses a task.

The tests of this module look at the same waiting tasks, in this order; each can run alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET
from tests.e2e.runs import LONG, Run, Ticks, eventually, job_id, last_seq
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess
from tests.support.postgres import PostgresServer

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.parametrize("airflow_python", ["airflow3"], indirect=True),
]

ONE = 10000
THREE = (20001, 20002, 20003)
LONE = 20004
JOBS = {ONE: 150, **dict.fromkeys(THREE, 150), LONE: 250}
# On both pages of the list.
SIXTY = [job_id(ONE, number) for number in (*range(1, 31), *range(115, 145))]
FAILING = SIXTY[::10]
WATCHED_TICKS = 5


@dataclass
class Waiting:
    """Everything that waits, and what steers it."""

    airflow: LocalAirflow
    control: EmulatorControl
    sixty: Run
    elsewhere: Run
    deferred_at: float

    def polls(self, since: int, project_id: int = ONE) -> list[list[str]]:
        return Ticks(self.control, project_id, since).ticks

    def ticks_go_on(self, project_id: int = ONE, count: int = 1) -> None:
        """Wait until ticks of the poller with good answers came."""
        since = last_seq(self.control)

        def good() -> int:
            entries = self.control.requests("ListDIJobs", since)
            return sum(entry["status"] == 200 and entry["fault"] is None for entry in entries)

        eventually(lambda: good() >= 2 * count, f"the poller of workspace {project_id} gets answers")

    def handled_by(self) -> set[int]:
        """The ids of the triggerers that have the sixty."""
        jobs = [one.raw.get("triggerer_job") for one in self.sixty.tasks().values()]
        return {job["id"] if job else -1 for job in jobs}


@pytest.fixture(scope="module")
def waiting(airflow: LocalAirflow, emulator_of_session: EmulatorProcess) -> Iterator[Waiting]:
    """60 sensors that wait in one workspace, 60 in three others, and one for one of 250 jobs; all deferred."""
    control = emulator_of_session.control
    control.reset()
    for project_id, count in JOBS.items():
        ids = [job_id(project_id, number) for number in range(1, count + 1)]
        control.add_jobs(
            {"DIJobId": one, "ProjectId": project_id, "JobName": f"job_{one}", "JobStatus": "Running"} for one in ids
        )
    sixty = Run(airflow, "e2e_sensors", "wait", [{"di_job_id": one, "deferrable": True} for one in SIXTY])
    others = [(project, number) for project in THREE for number in (*range(1, 11), *range(131, 141))] + [(LONE, 200)]
    arguments: list[dict[str, Any]] = [
        {
            "di_job_id": job_id(project, number),
            "project_id": project,
            "deferrable": True,
            "end_from_trigger": True,
        }
        for project, number in others
    ]
    elsewhere = Run(airflow, "e2e_sensors", "wait", arguments)
    sixty.wait_for_all("deferred", 2 * LONG)
    elsewhere.wait_for_all("deferred", 2 * LONG)
    yield Waiting(airflow, control, sixty, elsewhere, time.time())
    for run in (sixty, elsewhere):
        run.abandon()


@pytest.fixture(scope="module")
def window(waiting: Waiting) -> dict[int, list[list[str]]]:
    """The ticks of each workspace in a time in which nothing but the pollers asks."""
    since = last_seq(waiting.control)
    # The last of them may have come to its triggerer only just now.
    eventually(lambda: all(len(waiting.polls(since, project)) >= 3 for project in JOBS), "three ticks of every poller")
    since = last_seq(waiting.control)
    eventually(
        lambda: all(len(waiting.polls(since, project)) > WATCHED_TICKS for project in JOBS),
        f"{WATCHED_TICKS} ticks of every poller",
    )
    # The first may have begun before, the last may be going on.
    return {project: waiting.polls(since, project)[1:-1] for project in JOBS}


def test_sixty_sensors_of_one_workspace_take_two_requests_a_tick(window: dict[int, list[list[str]]]) -> None:
    assert window[ONE] == [["ListDIJobs"] * 2] * len(window[ONE])


def test_sixty_sensors_over_three_workspaces_take_two_requests_a_tick_each(window: dict[int, list[list[str]]]) -> None:
    for project in THREE:
        assert window[project] == [["ListDIJobs"] * 2] * len(window[project])


def test_one_job_watched_among_250_takes_one_request_a_tick(window: dict[int, list[list[str]]]) -> None:
    assert [len(tick) for tick in window[LONE]] == [1] * len(window[LONE])


def test_sensors_end_in_the_triggerer_when_asked_to(waiting: Waiting) -> None:
    run = waiting.elsewhere
    jobs = [job for job in waiting.control.jobs() if job["ProjectId"] in (*THREE, LONE)]
    failing = job_id(THREE[0], 1)
    waiting.control.set_job(failing, JobStatus="Failed", ErrorMessage="the source is gone")
    for job in jobs:
        if job["DIJobId"] != failing:
            waiting.control.set_job(job["DIJobId"], JobStatus="Finished")
    tasks = run.wait_until_ended()
    assert run.states() == {"success": 60, "failed": 1}
    assert tasks[0].state == "failed"
    assert "the source is gone. See https://" in run.log(0)
    # Airflow 3.3 encodes what a trigger pushes twice.
    assert waiting.airflow.api.xcom(run.dag_id, run.run_id, "wait", map_index=5) in ("Finished", '"Finished"')


def test_all_sixty_outlive_errors_of_every_kind(waiting: Waiting) -> None:
    control = waiting.control
    answers: list[dict[str, Any]] = [
        {"kind": "error", "status": 503, "code": "ServiceUnavailable", "message": "down for a moment", "count": 3},
        {"kind": "html"},
        {"kind": "reset", "count": 2},
        {"kind": "slow", "seconds": 20},
        {"kind": "body", "body": {"RequestId": "x", "Success": True, "Data": "what?"}},
        {"kind": "wrong_json"},
    ]
    since = last_seq(control)
    for answer in answers:
        control.add_fault(action="ListDIJobs", **answer)
        eventually(lambda: not control.faults(), f"the poller meets {answer}")
        waiting.ticks_go_on()
    met = [entry["fault"] for entry in control.requests("ListDIJobs", since) if entry["fault"]]
    assert met == ["error"] * 3 + ["html", "reset", "reset", "slow", "body", "wrong_json"]
    assert waiting.sixty.states() == {"deferred": 60}


def test_a_triggerer_that_is_told_to_end_leaves_its_tasks_to_the_next(waiting: Waiting) -> None:
    before = waiting.handled_by()
    waiting.airflow.triggerer.terminate()
    waiting.airflow.triggerer.start()
    the_sixty_are_with_another_triggerer_than(waiting, before)


def test_the_other_triggerer_takes_the_tasks_of_one_that_is_killed(
    waiting: Waiting, postgres: PostgresServer | None
) -> None:
    if postgres is None:
        pytest.skip("two triggerers need a PostgreSQL server's programs on this machine")
    before = waiting.handled_by()
    waiting.airflow.add_triggerer()
    eventually(lambda: triggerers(waiting.airflow) >= 2, "the second triggerer is there")
    waiting.airflow.triggerer.kill()
    the_sixty_are_with_another_triggerer_than(waiting, before)
    assert not waiting.airflow.triggerer.alive
    waiting.airflow.triggerer.start()
    # From here on there is one again: the first.
    waiting.airflow.components["triggerer-2"].terminate()
    del waiting.airflow.components["triggerer-2"]


def test_a_restarted_triggerer_takes_up_the_tasks_of_one_that_was_killed(waiting: Waiting) -> None:
    before = waiting.handled_by()
    waiting.airflow.triggerer.kill()
    waiting.airflow.triggerer.start()
    the_sixty_are_with_another_triggerer_than(waiting, before)


def test_all_end_in_the_right_state_although_the_scheduler_was_killed(waiting: Waiting) -> None:
    control, run = waiting.control, waiting.sixty
    waiting.airflow.scheduler.kill()
    waited = time.time() - waiting.deferred_at
    for one in SIXTY:
        if one in FAILING:
            control.set_job(one, JobStatus="Failed", ErrorMessage=f"row {one} is too long")
        else:
            control.set_job(one, JobStatus="Finished")
    waiting.airflow.scheduler.start()
    tasks = run.wait_until_ended(2 * LONG)

    expected = {index: "failed" if one in FAILING else "success" for index, one in enumerate(SIXTY)}
    assert {index: one.state for index, one in tasks.items()} == expected, run.story()
    counts = control.state()["counts"]
    assert counts.get("StartDIJob", 0) == counts.get("StopDIJob", 0) == 0
    good, bad = run.log(1), run.log(0)
    assert re.search(rf"DI job {SIXTY[1]} \(.*\) is Finished; it was Running for", good), good
    told = re.search(r"\(MigrationType Full; waited (?:(\d+) min )?(\d+) s\)", good)
    assert told, good
    # All of the wait, although no triggerer has seen all of it.
    assert int(told[1] or 0) * 60 + int(told[2]) >= waited - 1
    assert f"row {SIXTY[0]} is too long" in bad
    assert "https://" in bad
    assert ACCESS_KEY_SECRET not in good + bad


def the_sixty_are_with_another_triggerer_than(waiting: Waiting, before: set[int]) -> None:
    """Wait until none of the sixty is with a triggerer of before, and until these are asked for again."""
    eventually(lambda: not waiting.handled_by() & (before | {-1}), f"all have another triggerer than {before}")
    waiting.ticks_go_on()
    assert waiting.sixty.states() == {"deferred": 60}


def triggerers(airflow: LocalAirflow) -> int:
    """How many triggerers are alive, as Airflow sees it."""
    answer = airflow.api.call("GET", "/jobs", params={"job_type": "TriggererJob", "is_alive": True})
    return int(answer["total_entries"])
