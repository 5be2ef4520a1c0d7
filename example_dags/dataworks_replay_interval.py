"""Restart a real-time job each night from the start of the day: StartTime comes from the data interval."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.common.compat.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator

JOB_ID = 1002

with DAG(
    dag_id="dataworks_replay_interval",
    # On Airflow 3, the data interval of a plain cron expression has no length: it begins when the run is due.
    schedule=CronDataIntervalTimetable("0 2 * * *", timezone="Asia/Shanghai"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=30),
    },
    tags=["dataworks"],
    doc_md=__doc__,
):

    @task
    def stop() -> None:
        """Stop the job first: start settings apply only to a job that is not running."""
        DataWorksHook().stop_di_job(di_job_id=JOB_ID)

    # The operator waits until the job has stopped, then starts it. No force_to_rerun: only the offset changes, and the
    # steps that have run are not repeated.
    start = StartDIJobOperator(
        task_id="start",
        di_job_id=JOB_ID,
        realtime_start_settings={
            # On Airflow 3, a run without a logical date has no data interval. StartTime is then None, which leaves it
            # out: the job resumes at its last offset.
            "StartTime": "{{ data_interval_start | default(none) }}",
            "FailoverSettings": {"Interval": 10, "UpperLimit": 5},
        },
        wait_for_completion=True,
        deferrable=True,
        poll_interval=5,
    )

    stop() >> start
