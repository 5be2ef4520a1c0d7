"""Wait for a node that DataWorks runs on its own schedule each night; the DAG starts nothing in DataWorks."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_dataworks.sensors.node import NodeInstanceSensor

with DAG(
    dag_id="dataworks_nightly_node",
    # On Airflow 3, the data interval of a plain cron expression has no length: it begins when the run is due.
    schedule=CronDataIntervalTimetable("30 0 * * *", timezone="Asia/Shanghai"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=6),
    },
    tags=["dataworks"],
    doc_md=__doc__,
):
    # The business date is that of the data interval. The sensor also waits for an instance that does not exist yet.
    nightly = NodeInstanceSensor(
        task_id="nightly",
        node_name="orders_nightly",
        deferrable=True,
        poke_interval=60,
        timeout=timedelta(hours=5).total_seconds(),
    )

    @task
    def report() -> None:
        """Replace this with the first task that needs the data."""
        print("tonight's orders have arrived")

    nightly >> report()
