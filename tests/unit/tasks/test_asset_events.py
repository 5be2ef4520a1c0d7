"""Run facts in the event of a run's asset: in the worker, deferred and taken over, and never an error."""

from __future__ import annotations

import importlib
from typing import Any

import airflow
import pytest
from airflow.providers.common.compat.sdk import Asset, TaskDeferred

from airflow_provider_dataworks.assets import di_job_uri, node_uri
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.operators.node import RunNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.polling import once_asked
from tests.support.tasks import StateStore, make_context, run_task

AIRFLOW_2 = airflow.__version__.startswith("2.")
_module = importlib.import_module("airflow.utils.context" if AIRFLOW_2 else "airflow.sdk.execution_time.context")
OutletEventAccessors = _module.OutletEventAccessors

JOB = 1001
ASSET = Asset(uri=di_job_uri("cn-shanghai", 10000, JOB))
BOTH_VERSIONS = pytest.mark.parametrize("emulator", ["2020-05-18", "2024-05-18"], indirect=True)
MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


def context(**given: Any) -> Any:
    made = make_context(**given)
    made["outlet_events"] = OutletEventAccessors()
    return made


def start(**given: Any) -> StartDIJobOperator:
    arguments: dict[str, Any] = {
        "task_id": "start",
        "di_job_id": JOB,
        "wait_for_completion": True,
        "poll_interval": 0.05,
        "outlets": [ASSET],
        **given,
    }
    return StartDIJobOperator(**arguments)


def extra_of(context: Any, outlet: Any = ASSET) -> dict[str, Any]:
    return dict(context["outlet_events"][outlet].extra)


@MODES
@BOTH_VERSIONS
def test_the_event_of_the_jobs_asset_has_the_facts_of_the_run(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(JOB, RunStats={"SpeedRecords": "12"})
    made = context()

    run_task(start(deferrable=deferrable), made)

    extra = extra_of(made)
    assert (extra["di_job_id"], extra["job_name"], extra["status"]) == (JOB, "mysql_to_holo_full", "Finished")
    if "tables" in extra:
        assert (extra["tables"], extra["tables_finished"], extra["error_records"]) == (3, 3, 0)
        assert extra["records"] > 0
        assert extra["bytes"] > 0
    else:
        assert extra["run_stats"] == {"SpeedRecords": "12"}
        assert extra["started"] > 1_700_000_000


def test_a_run_that_the_task_attached_to_gives_the_same_facts(emulator: EmulatorControl) -> None:
    emulator.set_job(JOB, JobStatus="Running")
    once_asked(emulator, lambda: emulator.set_job(JOB, JobStatus="Finished"), requests=3)
    made = context()

    run_task(start(), made)

    assert (extra_of(made)["status"], emulator.job(JOB)["starts"]) == ("Finished", 0)


def test_a_try_after_the_work_was_done_gives_the_same_facts(emulator: EmulatorControl) -> None:
    store = StateStore()
    run_task(start(), context(store=store, max_tries=2))
    made = context(store=store, try_number=2, max_tries=2)

    run_task(start(), made)

    assert (extra_of(made)["status"], emulator.job(JOB)["starts"]) == ("Finished", 1)


@pytest.mark.waits
@MODES
@BOTH_VERSIONS
def test_the_event_of_a_nodes_asset_has_instance_date_and_statistics(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    asset = Asset(uri=node_uri("cn-shanghai", 10000, 4001))
    made = context()
    task = RunNodeOperator(
        task_id="run", node_id=4001, bizdate="2026-03-02", poll_interval=0.05, deferrable=deferrable, outlets=[asset]
    )

    instance_id = run_task(task, made)

    extra = extra_of(made, asset)
    assert (extra["node_id"], extra["node_name"], extra["status"]) == (4001, "orders_batch", "SUCCESS")
    assert (extra["instance_id"], extra["bizdate"]) == (instance_id, "2026-03-02")
    assert extra["run_id"] == made["pushed"]["run"]["run_id"]
    assert extra["records"] == made["pushed"]["statistics"]["records"] > 0
    assert extra["bytes"] > 0


def test_what_a_dag_has_put_into_the_event_stays(emulator: EmulatorControl) -> None:
    made = context()
    made["outlet_events"][ASSET].extra = {"status": "mine", "team": "data"}

    run_task(start(), made)

    assert (extra_of(made)["status"], extra_of(made)["team"], extra_of(made)["di_job_id"]) == ("mine", "data", JOB)


def test_a_task_that_does_not_wait_says_that_the_job_runs(emulator: EmulatorControl) -> None:
    emulator.settings(run_seconds=60)
    made = context()

    run_task(start(wait_for_completion=False), made)

    assert extra_of(made) == {"di_job_id": JOB, "job_name": "mysql_to_holo_full", "status": "Running"}


@pytest.mark.parametrize(
    "outlet",
    [
        Asset(uri="s3://bucket/orders"),
        Asset(uri=di_job_uri("cn-shanghai", 10000, 1002)),
        Asset(uri=di_job_uri("cn-shanghai", 20000, JOB)),
        Asset(uri=di_job_uri("cn-beijing", 10000, JOB)),
    ],
    ids=lambda outlet: outlet.uri,
)
@pytest.mark.parametrize("emulator", ["2024-05-18"], indirect=True)
def test_an_outlet_that_is_not_the_job_costs_no_request_and_gets_nothing(
    emulator: EmulatorControl, outlet: Any
) -> None:
    made = context()

    run_task(start(outlets=[outlet]), made)

    assert len(made["outlet_events"]) == 0
    assert "ListDIJobRunDetails" not in [
        request["action"]
        for request in emulator.requests()
        if request["seq"] > emulator.requests("StartDIJob")[0]["seq"]
    ]


@MODES
@pytest.mark.parametrize("emulator", ["2024-05-18"], indirect=True)
def test_facts_that_cannot_be_read_cost_no_task(
    emulator: EmulatorControl, deferrable: bool, task_log: list[str]
) -> None:
    emulator.add_fault(action="ListDIJobRunDetails", kind="error", status=403, code="Forbidden", message="no", count=99)
    made = context()

    assert run_task(start(deferrable=deferrable), made) == JOB

    assert any("without all facts of the run" in line for line in task_log)


def test_a_context_without_outlet_events_costs_no_task(emulator: EmulatorControl) -> None:
    assert run_task(start(), make_context()) == JOB


def test_a_failed_job_adds_no_facts(emulator: EmulatorControl) -> None:
    emulator.set_job(JOB, outcome="Failed")
    made = context()

    with pytest.raises(DataWorksJobError):
        run_task(start(), made)

    assert len(made["outlet_events"]) == 0


@pytest.mark.parametrize("kind", ["operator", "sensor"])
def test_a_task_with_outlets_does_not_end_in_the_triggerer_where_its_asset_event_would_be_lost(
    emulator: EmulatorControl, kind: str, task_log: list[str]
) -> None:
    emulator.settings(run_seconds=60)
    emulator.set_job(JOB, JobStatus="Running")

    def deferral(outlets: list[Any]) -> Any:
        given: dict[str, Any] = {"deferrable": True, "end_from_trigger": True, "outlets": outlets}
        task = start(**given) if kind == "operator" else DIJobStatusSensor(task_id="wait", di_job_id=JOB, **given)
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(context())
        return deferred.value.trigger

    assert deferral([]).options.end_from_trigger
    assert not deferral([ASSET]).options.end_from_trigger
    assert any("end_from_trigger is not applied" in line for line in task_log)
