"""The DAGs of the distributed engine and of the load test."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor

JOBS = [int(job) for job in os.environ.get("DISTRIBUTED_JOBS", "10000001").split(",")]
#: By whether the triggerer ends them itself.
SENSORS: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
for number in os.environ.get("LOAD_JOBS", "10000001,10001001").split(","):
    workspace = int(number) // 1000
    SENSORS[workspace % 2 == 1].append({"di_job_id": int(number), "project_id": workspace})
WHEN: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=timezone.utc),
    "catchup": False,
    "max_active_tasks": 4096,
}

with DAG(dag_id="distributed_starts", **WHEN):
    StartDIJobOperator.partial(
        task_id="start",
        force_to_rerun=True,
        wait_for_completion=True,
        deferrable=True,
        poll_interval=5,
        retries=8,
        retry_delay=timedelta(seconds=2),
    ).expand(di_job_id=JOBS)

with DAG(dag_id="load_sensors", **WHEN):
    for end_from_trigger, task_id in ((False, "resumed"), (True, "ended_in_triggerer")):
        DIJobStatusSensor.partial(
            task_id=task_id,
            deferrable=True,
            end_from_trigger=end_from_trigger,
            poke_interval=10,
            timeout=4 * 3600,
        ).expand_kwargs(SENSORS[end_from_trigger])
