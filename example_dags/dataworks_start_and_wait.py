"""Start a job that copies whole tables, wait until it has finished, and do something with the result.

The connection decides the API version: the DAG is the same for both.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator

with DAG(
    dag_id="dataworks_start_and_wait",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    params={"di_job_id": 1001, "connection": "dataworks_default"},
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=6),
    },
    tags=["dataworks"],
    doc_md=__doc__,
):
    copy = StartDIJobOperator(
        task_id="copy",
        di_job_id="{{ params.di_job_id }}",
        dataworks_conn_id="{{ params.connection }}",
        # Without it, a job that has finished once copies nothing.
        force_to_rerun=True,
        wait_for_completion=True,
        deferrable=True,
        poll_interval=5,
    )

    @task
    def report(di_job_id: int, connection: str) -> str:
        """Replace this with the task that uses the copied data; it runs only if the job has finished."""
        job = DataWorksHook(connection).get_di_job(di_job_id=di_job_id)
        return f"{job['JobName']}: {job['JobStatus']}"

    report(copy.output, "{{ params.connection }}")
