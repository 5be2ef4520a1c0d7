"""Every operator and the sensor, with connections whose secrets are known, going well and going wrong."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor

CONTENT: dict[str, Any] = {"type": "job", "version": "2.0", "steps": []}


@task(retries=0)
def ask(conn_id: str) -> list[int]:
    """Use the hook as a user would."""
    hook = DataWorksHook(conn_id)
    hook.log.info("%r %r %r", hook, hook.settings, hook.client)
    return [job["DIJobId"] for job in hook.list_di_jobs()]


with DAG(dag_id="secrets", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False):
    for number, conn in enumerate(("sts", "role", "oidc", "uri", "refused", "away")):
        common: dict[str, Any] = {"dataworks_conn_id": f"known_{conn}", "retries": 0}
        ask.override(task_id=f"{conn}_hook")(f"known_{conn}")
        CreateDISyncTaskOperator(task_id=f"{conn}_create", task_name=f"by {conn}", task_content=CONTENT, **common)
        StartDIJobOperator(
            task_id=f"{conn}_start",
            di_job_id=5000 + number,
            wait_for_completion=True,
            deferrable=conn in ("sts", "oidc"),
            poll_interval=1,
            **common,
        )
        if conn in ("sts", "refused"):
            DIJobStatusSensor(task_id=f"{conn}_sense", di_job_id=1005, deferrable=True, poke_interval=1, **common)
            StartDISyncInstanceOperator(
                task_id=f"{conn}_realtime",
                file_id=2001,
                wait_for_completion=True,
                deferrable=True,
                poll_interval=1,
                **common,
            )
