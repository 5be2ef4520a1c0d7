"""Start every job that writes to Hive, and wait for each: dynamic task mapping."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor

with DAG(
    dag_id="dataworks_many_jobs",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=2),
    },
    tags=["dataworks"],
    doc_md=__doc__,
):

    @task
    def find() -> list[int]:
        """List the jobs when the DAG runs, not when the file is parsed."""
        return [job["DIJobId"] for job in DataWorksHook().list_di_jobs(destination_data_source_type="Hive")]

    start = StartDIJobOperator.partial(
        task_id="start",
        # Without it, a Full job that has finished once copies nothing.
        force_to_rerun=True,
    ).expand(di_job_id=find())

    finished = DIJobStatusSensor.partial(
        task_id="finished",
        target_statuses=["Finished"],
        # Deferred tasks use no worker, and share their requests.
        deferrable=True,
        poke_interval=10,
        timeout=timedelta(hours=1),
    ).expand(di_job_id=start.output)

    @task
    def load_partitions() -> None:
        """Replace this with the first task that needs all of the tables."""

    finished >> load_partitions()
