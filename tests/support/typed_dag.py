"""A user's DAG for type checkers: each argument that is a template field takes an upstream task's output."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator, TriggerNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor


@task
def choose() -> dict[str, Any]:
    """Give what another task needs."""
    return {}


with DAG("typed", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    chosen = choose()
    create = CreateDISyncTaskOperator(
        task_id="create",
        task_name=chosen,
        task_content=chosen,
        task_type="DI_REALTIME",
        project_id=chosen,
        task_param=chosen,
        client_token=chosen,
        dataworks_conn_id=chosen,
        region_id=chosen,
    )
    CreateDISyncTaskOperator(task_id="path", task_name="a", task_content=Path("a.json"), task_param=None)
    CreateDISyncTaskOperator(task_id="dict", task_name="a", task_content={"steps": [create.output]}, retries=2)
    instance = StartDISyncInstanceOperator(
        task_id="instance",
        file_id=create.output,
        task_type=chosen,
        start_param=chosen,
        wait_for_completion=True,
        execution_timeout=timedelta(hours=1),
    )
    start = StartDIJobOperator(
        task_id="start",
        di_job_id=chosen,
        realtime_start_settings={"StartTime": chosen},
        force_to_rerun=chosen,
        target_statuses=chosen,
        failure_statuses=["Failed"],
        if_running=chosen,
    )
    sensor = DIJobStatusSensor(task_id="wait", di_job_id=start.output, job_name=chosen, target_statuses=chosen)
    DIJobStatusSensor.partial(task_id="mapped", poke_interval=30).expand(di_job_id=chosen)
    NodeInstanceSensor(task_id="node", node_id=chosen, bizdate=chosen, project_env=chosen)
    NodeInstanceSensor.partial(task_id="nodes").expand(node_id=chosen)
    RunNodeOperator(task_id="run", node_id=chosen, bizdate=chosen, parameters=chosen, project_env=chosen)
    RunNodeOperator.partial(task_id="runs", parameters={"hour": chosen}).expand(node_id=chosen)
    TriggerNodeOperator(task_id="fire", node_id=sensor.output, trigger_time=chosen)
    instance.set_downstream(sensor)
