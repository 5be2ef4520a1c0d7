"""The DAGs of the distributed engine and of the load test."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor

JOBS = [int(job) for job in os.environ.get("DISTRIBUTED_JOBS", "10000001").split(",")]
SENSORS: list[dict[str, Any]] = [
    {"di_job_id": job, "project_id": job // 1000}
    for job in map(int, os.environ.get("LOAD_JOBS", "10000001").split(","))
]
WHEN: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=timezone.utc),
    "catchup": False,
    "max_active_tasks": 4096,
}

with DAG(dag_id="distributed_starts", **WHEN):
    StartDIJobOperator.partial(
        task_id="start",
        wait_for_completion=True,
        deferrable=True,
        poll_interval=5,
        retries=8,
        retry_delay=timedelta(seconds=2),
    ).expand(di_job_id=JOBS)

with DAG(dag_id="load_sensors", **WHEN):
    # A pool that is not there: Airflow makes these tasks, and the load test puts them aside itself.
    LOAD: dict[str, Any] = {"deferrable": True, "end_from_trigger": True, "poke_interval": 10, "timeout": 3600}
    DIJobStatusSensor.partial(task_id="wait", pool="put_aside_by_the_test", **LOAD).expand_kwargs(SENSORS)
    DIJobStatusSensor(task_id="pattern", **SENSORS[0], **LOAD)
