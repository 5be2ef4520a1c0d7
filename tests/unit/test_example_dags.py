"""The example DAGs and those that the documentation shows: limits, retries, no worker slot for waiting, any run."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.task import business_date_of

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {
    f"{page.relative_to(ROOT)}-{number}": block
    for page in PAGES
    if "_build" not in page.parts
    for number, block in enumerate(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE), 1)
    if re.search(r"^with DAG\(", block, re.MULTILINE)
}
INTERVAL_START = datetime(2026, 3, 3, 18, 0, tzinfo=timezone.utc)


def tasks_of(path: Path) -> list[Any]:
    """The tasks of the DAGs in a file, as Airflow's parser makes them."""
    try:
        module = importlib.import_module("airflow.dag_processing.dagbag")
    except ImportError:
        module = importlib.import_module("airflow.models.dagbag")
    bag = module.DagBag(dag_folder=str(path))
    assert not bag.import_errors
    return [task for dag in bag.dags.values() for task in dag.tasks]


def argument(task: Any, name: str) -> Any:
    """What a task was given, mapped or not; None if nothing."""
    return task.partial_kwargs.get(name) if hasattr(task, "partial_kwargs") else getattr(task, name, None)


def templates(task: Any) -> Iterator[Any]:
    """The values of a task that Jinja renders."""
    for name in task.template_fields:
        yield without_upstream(argument(task, name))


def without_upstream(value: Any) -> Any:
    """A value without what upstream tasks return."""
    if isinstance(value, dict):
        return {name: without_upstream(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_upstream(inner) for inner in value]
    return None if hasattr(value, "resolve") else value


def render(task: Any, value: Any, **names: Any) -> Any:
    run = SimpleNamespace(conf={}, run_id="a_run")
    context = {"dag_run": run, "run_id": "a_run", "params": dict(task.dag.params), **names}
    operator = task if hasattr(task, "render_template") else task.operator_class
    return operator.render_template(value, context, jinja_env=task.dag.get_template_env())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_task_of_an_example_ends_and_is_retried(path: Path) -> None:
    tasks = tasks_of(path)

    assert tasks
    for task in tasks:
        limit = argument(task, "execution_timeout")
        assert (task.task_id, limit) == (task.task_id, limit or "none")
        assert isinstance(limit, timedelta)
        assert argument(task, "retries") >= 1, task.task_id


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_task_of_an_example_that_waits_is_deferrable(path: Path) -> None:
    for task in tasks_of(path):
        kind = getattr(task, "operator_class", type(task))
        waits = argument(task, "wait_for_completion") or issubclass(kind, DIJobStatusSensor)
        assert bool(argument(task, "deferrable")) >= bool(waits), task.task_id


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_renders_without_a_logical_date(path: Path) -> None:
    for task in tasks_of(path):
        for value in templates(task):
            render(task, value)


@pytest.mark.parametrize("shown", BLOCKS)
def test_each_dag_that_is_shown_renders_without_a_logical_date(shown: str, tmp_path: Path) -> None:
    if "AssetWatcher" in BLOCKS[shown]:
        pytest.importorskip("airflow.sdk", reason="this Airflow has no watchers")
    path = tmp_path / "shown.py"
    path.write_text(BLOCKS[shown], encoding="utf-8")

    tasks = tasks_of(path)

    assert tasks
    for task in tasks:
        for value in templates(task):
            render(task, value)


@pytest.mark.parametrize("table", ["orders", "customers"])
def test_batch_sync_runs_the_day_of_its_interval_in_its_own_time_zone(table: str) -> None:
    # The run that begins on 26 November at one o'clock in Shanghai; its ds is that of the 24th, in UTC.
    start, end = (datetime(2026, 11, day, 17, tzinfo=timezone.utc) for day in (24, 25))
    (task,) = [
        task for task in tasks_of(ROOT / "example_dags/dataworks_batch_sync.py") if task.task_id == f"{table}.run"
    ]
    names = {"ds": "2026-11-24", "ds_nodash": "20261124", "dag": task.dag}
    interval = {"data_interval_start": start, "data_interval_end": end}

    given = arguments.optional_business_date("bizdate", render(task, task.bizdate, **names, **interval))
    parameters = render(task, task.parameters, **names, **interval)

    context: Any = {**names, **interval}
    assert (given or business_date_of(context)) == "2026-11-25"
    assert parameters["bizdate"] in {"20261125", "$bizdate"}


@pytest.mark.parametrize("shown", ["example_dags/dataworks_replay_interval.py", "docs/howto/start-di-job.md-1"])
def test_start_time_is_that_of_the_data_interval_or_left_out(shown: str, tmp_path: Path) -> None:
    path = tmp_path / "shown.py"
    path.write_text(BLOCKS[shown] if shown in BLOCKS else (ROOT / shown).read_text(), encoding="utf-8")
    (task,) = [task for task in tasks_of(path) if argument(task, "realtime_start_settings")]
    settings = task.realtime_start_settings

    scheduled = arguments.realtime_start_settings(render(task, settings, data_interval_start=INTERVAL_START))
    manual = arguments.realtime_start_settings(render(task, settings))

    assert scheduled is not None
    assert scheduled["StartTime"] == int(INTERVAL_START.timestamp())
    assert manual == {**scheduled, "StartTime": None}
