"""The real OpenLineage provider writes the events of a DAG to a file: in the worker and deferred, one chain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from airflow_provider_dataworks.lineage import naming
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess
from tests.support.hook import PARAM
from tests.support.lineage_contents import script

pytestmark = pytest.mark.timeout(300)

SCHEMA = Path(naming.__file__).with_name("DataWorksRunFacet.json")
CREATED = script(
    "mysql",
    {"datasource": "demo_mysql", "table": ["orders"], "column": ["id"]},
    "odps",
    {"datasource": "odps_first", "table": "ods_orders", "column": ["id"]},
)
RUN = script(
    "odps",
    {"datasource": "odps_first", "table": "ods_orders", "column": ["id"]},
    "holo",
    {"datasource": "demo_hologres", "table": "orders", "column": ["id"]},
)
DAG = f"""
from datetime import datetime
from airflow import DAG
from airflow_provider_dataworks.operators.data_integration import CreateDISyncTaskOperator, StartDIJobOperator
from airflow_provider_dataworks.operators.node import RunNodeOperator

with DAG("lineage", schedule=None, start_date=datetime(2026, 1, 1)):
    create = CreateDISyncTaskOperator(
        task_id="create", task_name="lineage", task_content={CREATED!r}, task_param={PARAM!r}
    )
    run = RunNodeOperator(task_id="run", node_id=4001, bizdate="2026-11-24", poll_interval=0.5)
    job = StartDIJobOperator(
        task_id="job", di_job_id=1001, wait_for_completion=True, deferrable=True, poll_interval=0.5
    )
    create >> run >> job
"""


@pytest.fixture
def events(airflow_python: Path, emulator: EmulatorProcess, tmp_path: Path) -> Iterator[dict[str, dict[str, Any]]]:
    """Run the DAG; return the last event of each task."""
    (dags := tmp_path / "dags").mkdir()
    (dags / "lineage.py").write_text(DAG, encoding="utf-8")
    emulator.control.settings(run_seconds=1)
    emulator.control.set_node(4001, Content=json.dumps(RUN), run_seconds=0.5)
    log = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    env = {
        **emulator.env,
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport),
        # A fork of the one process of dags test cannot pull XComs on Airflow 3.
        "AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD": "True",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    airflow = LocalAirflow(tmp_path / "airflow", dags, airflow_python, env)
    try:
        finished = airflow.dags_test("lineage")
        assert finished.returncode == 0, finished.stdout
        written = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        yield {event["job"]["name"]: event for event in written if event["eventType"] == "COMPLETE"}
    finally:
        airflow.stop()


def names(datasets: Any) -> list[tuple[str, str]]:
    return [(dataset["namespace"], dataset["name"]) for dataset in datasets]


def test_events_of_a_chain_name_the_same_datasets_on_both_sides(events: dict[str, dict[str, Any]]) -> None:
    create, run, job = (events[f"lineage.{task}"] for task in ("create", "run", "job"))

    assert names(create["inputs"]) == [("mysql://mysql.demo.internal:3306", "demo.orders")]
    assert names(create["outputs"]) == names(run["inputs"]) == [("maxcompute://cn-shanghai", "demo.ods_orders")]
    assert names(run["outputs"]) == [("postgres://hgdemo-cn-1:80", "demo.public.orders")]
    assert run["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] > 0
    assert job["run"]["facets"]["externalQuery"]["externalQueryId"] == "1001"
    assert job["run"]["facets"]["dataworks_run"]["status"] == "Finished"
    validator = Draft202012Validator(
        {"$ref": "#/$defs/DataWorksRunFacet", **json.loads(SCHEMA.read_text(encoding="utf-8"))}
    )
    for event in (create, run, job):
        facet = event["run"]["facets"]["dataworks_run"]
        validator.validate({name: value for name, value in facet.items() if name != "_deleted"})
