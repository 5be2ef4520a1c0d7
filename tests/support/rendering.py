"""Renders an operator's template fields as Airflow does in a worker, plain or mapped."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import DAG

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def make_dag(*, native: bool = False, folder: Path | None = None, **options: Any) -> DAG:
    """A DAG without a schedule.

    :param native: its render_template_as_native_obj.
    :param folder: where its template files are.
    """
    searchpath = None if folder is None else [str(folder)]
    return DAG(
        "a_dag",
        schedule=None,
        start_date=START,
        render_template_as_native_obj=native,
        template_searchpath=searchpath,
        **options,
    )


def rendered(task: Any, *, map_index: int = -1, **names: Any) -> Any:
    """The operator that would be executed.

    :param task: an operator, or a mapped one.
    :param map_index: the mapped task instance's index.
    :param names: what templates may use.
    """
    task = task.prepare_for_execution()
    instance = SimpleNamespace(map_index=map_index, task=task)
    run = SimpleNamespace(conf={}, run_id="a_run")
    context = {"ti": instance, "task": task, "dag": task.dag, "dag_run": run, "run_id": "a_run", "params": {}, **names}
    task.render_template_fields(context, task.dag.get_template_env())
    return instance.task


def load_files(dag: Any) -> None:
    """Read a DAG's template files, as a DagBag does."""
    dag.resolve_template_files()
