"""What the README shows can be used as it stands there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dataworks.connection.settings import read_connection

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def block(language: str) -> str:
    """The first code block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


def test_dag_is_a_dag_whose_tasks_follow_each_other() -> None:
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(block("python"), "README.md", "exec"), names)
    dag: DAG = names["copy"].dag
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == {"copy": {"report"}, "report": set()}


def test_connection_is_usable() -> None:
    settings = read_connection(Connection.from_json(json.dumps(json.loads(block("json"))), conn_id="dataworks_default"))
    assert (settings.region_id, settings.project_id) == ("cn-shanghai", 10000)


def test_every_extra_of_the_connection_form_is_explained() -> None:
    from airflow_provider_dataworks.connection.form import CONNECTION_FIELDS

    table = README.split("## The connection")[1].split("\n## ")[0]
    assert [name for name in CONNECTION_FIELDS if f"`{name}`" not in table] == []
