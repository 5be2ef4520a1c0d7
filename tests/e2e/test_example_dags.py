"""The example DAGs do what they say, under a scheduler and under ``airflow dags test``, on both Airflow lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

# The last whole interval of the scheduled example before this began at 02:00 in Shanghai, on 4 March.
LOGICAL_DATE = datetime(2026, 3, 5, 12, 0, tzinfo=timezone.utc)
INTERVAL_START = datetime(2026, 3, 3, 18, 0, tzinfo=timezone.utc)


def one_file_was_created_deployed_and_started(control: EmulatorControl) -> None:
    created = [file for file in control.files() if file["creations"]]
    assert [(file["TaskName"], file["TaskType"]) for file in created] == [("sync_orders", "DI_REALTIME")]
    assert (created[0]["deployed"], created[0]["starts"], created[0]["Status"]) == (True, 1, "RUN")
    (generated,) = control.resources("sync_task_configs")
    assert json.loads(created[0]["TaskContent"]) == json.loads(generated["TaskContent"])
    assert '{"table":"orders"}' in created[0]["TaskContent"].replace(" ", "")
    assert count(control, "GenerateDISyncTaskConfigForCreating", "CreateDISyncTask") == [1, 1]
    assert count(control, "DeployDISyncTask", "StartDISyncInstance") == [1, 1]


def the_job_ran_once_and_finished(control: EmulatorControl) -> None:
    job = control.job(1001)
    assert (job["JobStatus"], job["starts"]) == ("Finished", 1)
    assert [start["ForceToRerun"] for start in job["start_requests"]] == [True]
    assert count(control, "StartDIJob") == [1]


def every_hive_job_ran_once(control: EmulatorControl) -> None:
    starts = {job["DIJobId"]: (job["JobStatus"], job["starts"]) for job in control.jobs() if job["starts"]}
    assert starts == {1004: ("Finished", 1), 1005: ("Finished", 1)}


def each_table_was_created_deployed_and_run_once(control: EmulatorControl) -> None:
    names = ["customers_batch_sync", "orders_batch_sync"]
    nodes = {node["NodeName"]: node["NodeId"] for node in control.resources("nodes") if node["NodeName"] in names}
    assert sorted(nodes) == names
    for name, node_id in nodes.items():
        (run,) = control.node_runs(node_id)
        assert (run["Status"], f".{name.split('_')[0]}.run" in run["Name"]) == ("SUCCESS", True), run


def nothing_was_run(control: EmulatorControl) -> None:
    assert control.node_runs() == []


def the_job_began_at(control: EmulatorControl, start: datetime) -> None:
    job = control.job(1002)
    assert (job["JobStatus"], job["starts"]) == ("Running", 1)
    settings: dict[str, Any] = job["start_requests"][0]["RealtimeStartSettings"]
    failover = {"Interval": 10, "UpperLimit": 5}
    assert settings == {"StartTime": int(start.timestamp()), "FailoverSettings": failover}


BATCH_SYNC = "dataworks_batch_sync"
BATCH_SYNC_TASKS = [
    f"{table}.{task}" for table in ("customers", "orders") for task in ("check", "create", "deploy", "run")
]

TRIGGERED = pytest.mark.parametrize(
    ("dag_id", "tasks", "holds"),
    [
        (
            "dataworks_create_and_start",
            ["create", "deploy", "generate", "start"],
            one_file_was_created_deployed_and_started,
        ),
        ("dataworks_start_and_wait", ["copy", "report"], the_job_ran_once_and_finished),
        (
            "dataworks_many_jobs",
            ["find", "finished[0]", "finished[1]", "load_partitions", "start[0]", "start[1]"],
            every_hive_job_ran_once,
        ),
    ],
    ids=["create_and_start", "start_and_wait", "many_jobs"],
)


@TRIGGERED
def test_example_succeeds_under_a_scheduler(
    airflow: LocalAirflow,
    emulator: EmulatorProcess,
    dag_id: str,
    tasks: list[str],
    holds: Callable[[EmulatorControl], None],
) -> None:
    assert_run_succeeds(airflow, dag_id, airflow.trigger(dag_id), tasks)
    holds(emulator.control)


@pytest.mark.parametrize(
    ("dag_id", "tasks", "holds"),
    [
        (BATCH_SYNC, BATCH_SYNC_TASKS, each_table_was_created_deployed_and_run_once),
        ("dataworks_nightly_node", ["nightly", "report"], nothing_was_run),
    ],
    ids=["batch_sync", "nightly_node"],
)
def test_example_of_nodes_succeeds_at_its_schedule(
    airflow: LocalAirflow,
    emulator: EmulatorProcess,
    dag_id: str,
    tasks: list[str],
    holds: Callable[[EmulatorControl], None],
) -> None:
    airflow.unpause(dag_id)
    run = airflow.api.wait_for_scheduled_run(dag_id)
    assert_run_succeeds(airflow, dag_id, run["dag_run_id"], tasks)
    holds(emulator.control)


def test_batch_sync_is_the_same_with_the_newer_version(airflow: LocalAirflow, emulator: EmulatorProcess) -> None:
    if airflow.major != 3:
        pytest.skip("the version of the API does not concern the line of Airflow: once takes a minute")
    airflow.unpause(BATCH_SYNC)
    airflow.api.wait(BATCH_SYNC, airflow.api.wait_for_scheduled_run(BATCH_SYNC)["dag_run_id"], timeout=180)
    emulator.control.reset()

    run_id = airflow.trigger(BATCH_SYNC, conf={"connection": "dataworks_2024"})

    assert_run_succeeds(airflow, BATCH_SYNC, run_id, BATCH_SYNC_TASKS)
    each_table_was_created_deployed_and_run_once(emulator.control)
    assert count(emulator.control, "CreateNode", "CreatePipelineRun", "CreateWorkflowInstances") == [2, 2, 2]


def test_scheduled_example_starts_the_job_at_its_data_interval(
    airflow: LocalAirflow, emulator: EmulatorProcess
) -> None:
    airflow.unpause("dataworks_replay_interval")
    run = airflow.api.wait_for_scheduled_run("dataworks_replay_interval")
    assert_run_succeeds(airflow, "dataworks_replay_interval", run["dag_run_id"], ["start", "stop"])
    the_job_began_at(emulator.control, datetime.fromisoformat(run["data_interval_start"].replace("Z", "+00:00")))


@TRIGGERED
def test_example_succeeds_under_dags_test(
    airflow_without_scheduler: LocalAirflow,
    emulator: EmulatorProcess,
    dag_id: str,
    tasks: list[str],
    holds: Callable[[EmulatorControl], None],
) -> None:
    assert_dags_test_succeeds(airflow_without_scheduler, dag_id)
    holds(emulator.control)


def test_scheduled_example_reads_its_data_interval_under_dags_test(
    airflow_without_scheduler: LocalAirflow, emulator: EmulatorProcess
) -> None:
    assert_dags_test_succeeds(airflow_without_scheduler, "dataworks_replay_interval")
    the_job_began_at(emulator.control, INTERVAL_START)


def assert_run_succeeds(airflow: LocalAirflow, dag_id: str, run_id: str, tasks: Sequence[str]) -> None:
    """Each task succeeds at its first try, has a log, and no log has the connection's secret."""
    airflow.api.wait(dag_id, run_id, timeout=180)
    instances = airflow.api.task_instances(dag_id, run_id)
    logs = [airflow.log(dag_id, run_id, one.task_id, one.try_number, one.map_index) for one in instances]
    outcome = {one.name: (one.state, one.try_number) for one in instances}
    assert outcome == dict.fromkeys(tasks, ("success", 1)), "\n\n".join(logs)
    assert all(logs)
    assert ACCESS_KEY_SECRET not in "".join(logs)


def assert_dags_test_succeeds(airflow: LocalAirflow, dag_id: str) -> None:
    """The command succeeds and does not print the connection's secret."""
    finished = airflow.dags_test(dag_id, LOGICAL_DATE)
    assert finished.returncode == 0, finished.stdout
    assert ACCESS_KEY_SECRET not in finished.stdout


def count(control: EmulatorControl, *actions: str) -> list[int]:
    """How many requests of each action the emulator got."""
    counts = control.state()["counts"]
    return [counts.get(action, 0) for action in actions]
