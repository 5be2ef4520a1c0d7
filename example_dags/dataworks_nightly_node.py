"""Go on once the node that DataWorks itself runs each night has succeeded; the DAG starts nothing there."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_dataworks.sensors.node import NodeInstanceSensor

with DAG(
    dag_id="dataworks_nightly_node",
    # On Airflow 3, a plain cron text has no data interval unless [scheduler] create_cron_data_intervals is on.
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
    # The business date is that of the data interval; an instance that is not generated yet is waited for.
    nightly = NodeInstanceSensor(
        task_id="nightly",
        node_name="orders_nightly",
        deferrable=True,
        poke_interval=60,
        timeout=timedelta(hours=5).total_seconds(),
    )

    @task
    def report() -> None:
        """What comes after the node."""
        print("the orders of the night are there")

    nightly >> report()
