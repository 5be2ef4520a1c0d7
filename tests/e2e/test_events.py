"""DAGs that AssetWatchers schedule: a run an event, also over the death of the triggerer, and none twice."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET
from tests.e2e.runs import eventually, last_seq
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.parametrize("airflow_python", ["airflow3"], indirect=True),
]

JOB, NODE = 1004, 4001
#: Seconds within which a triggerer records an event; one that is killed before repeats it.
RECORDED_AFTER = 12.0


@contextmanager
def watched(airflow: LocalAirflow, dag_id: str) -> Iterator[None]:
    """Have the assets of a DAG watched: Airflow does so while it is not paused."""
    airflow.unpause(dag_id)
    try:
        yield
    finally:
        airflow.api.unpause(dag_id, paused=True)


def until_polled(control: EmulatorControl, *actions: str, times: int = 2) -> None:
    """Wait until the watcher has polled so many times from now on."""
    since = last_seq(control)
    eventually(
        lambda: sum(entry["action"] in actions for entry in control.requests(since=since)) >= times,
        f"{times} polls by the watcher",
    )


def payloads(airflow: LocalAirflow, dag_id: str, count: int) -> list[dict[str, Any]]:
    """What the runs of a DAG have printed, once there are so many; oldest first."""
    eventually(lambda: len(airflow.api.runs(dag_id)) >= count, f"{count} runs of {dag_id}")
    runs = sorted(airflow.api.runs(dag_id), key=lambda run: str(run["run_after"]))
    printed = []
    for run in runs:
        airflow.api.wait(dag_id, run["dag_run_id"], timeout=180)
        log = airflow.log(dag_id, run["dag_run_id"], "report")
        assert ACCESS_KEY_SECRET not in log
        printed += [json.loads(found) for found in re.findall(r"EVENT (\{.*?\})", log)]
    return printed


def test_a_dag_runs_each_time_a_job_has_finished(airflow: LocalAirflow, emulator: EmulatorProcess) -> None:
    emulator.control.set_job(JOB, JobStatus="Running", StartedTime=1_700_000_000)
    with watched(airflow, "e2e_job_event"):
        the_job_is_watched(airflow, emulator.control)


def the_job_is_watched(airflow: LocalAirflow, control: EmulatorControl) -> None:
    until_polled(control, "GetDIJob")
    assert airflow.api.runs("e2e_job_event") == []

    control.set_job(JOB, JobStatus="Finished")
    (event,) = payloads(airflow, "e2e_job_event", 1)
    assert (event["di_job_id"], event["status"], event["previous_status"]) == (JOB, "Finished", "Running")
    assert (event["region_id"], event["project_id"]) == ("cn-shanghai", 10000)

    # The job runs once more while there is no triggerer; what was there before is no event again.
    time.sleep(RECORDED_AFTER)
    airflow.triggerer.kill()
    control.set_job(JOB, StartedTime=1_700_000_900)
    airflow.triggerer.start()
    events = payloads(airflow, "e2e_job_event", 2)
    assert [one["previous_status"] for one in events] == ["Running", "Finished"]

    time.sleep(RECORDED_AFTER)
    airflow.triggerer.kill()
    airflow.triggerer.start()
    until_polled(control, "GetDIJob", times=4)
    assert len(airflow.api.runs("e2e_job_event")) == 2


def test_a_dag_runs_for_the_business_date_of_a_node(airflow: LocalAirflow, emulator: EmulatorProcess) -> None:
    with watched(airflow, "e2e_node_event"):
        the_node_is_watched(airflow, emulator.control)


def the_node_is_watched(airflow: LocalAirflow, control: EmulatorControl) -> None:
    bizdate = (datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)).isoformat()
    instance = control.add_node_instance(NodeId=NODE, Bizdate=bizdate, Status="RUNNING")
    until_polled(control, "ListInstances", times=6)
    assert airflow.api.runs("e2e_node_event") == []

    airflow.triggerer.kill()
    control.set_node_instance(instance["InstanceId"], Status="SUCCESS")
    airflow.triggerer.start()
    (event,) = payloads(airflow, "e2e_node_event", 1)
    assert (event["node_id"], event["instance_id"]) == (NODE, instance["InstanceId"])
    assert (event["bizdate"], event["status"]) == (bizdate, "SUCCESS")
