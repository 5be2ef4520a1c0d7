"""Run each time that a DI job has finished, whatever started it: an event-driven DAG (Airflow 3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, Asset, task

from airflow_provider_dataworks.assets import di_job_uri
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusEventTrigger

REGION, WORKSPACE, JOB = "cn-shanghai", 10000, 1001


def schedule() -> list[Asset] | None:
    """The job as an asset with a watcher; Airflow 2.11 has none, and runs the DAG only when it is triggered by hand."""
    try:
        from airflow.sdk import AssetWatcher
    except ImportError:
        return None
    trigger = DIJobStatusEventTrigger(di_job_id=JOB, statuses=["Finished"], poll_interval=60)
    watcher = AssetWatcher(name="job_finished", trigger=trigger)
    return [Asset(uri=di_job_uri(REGION, WORKSPACE, JOB), watchers=[watcher])]


with DAG(
    dag_id="dataworks_event_driven",
    schedule=schedule(),
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=10),
    },
    tags=["dataworks"],
    doc_md=__doc__,
):

    @task
    def report(triggering_asset_events: Any = None) -> list[str]:
        """Replace this with the task that uses the copied data."""
        events = [event for found in (triggering_asset_events or {}).values() for event in found]
        payloads = [event.extra["payload"] for event in events if event.extra.get("from_trigger")]
        return [f"{one['job_name']}: {one['status']}, observed at {one['observed_at']}" for one in payloads]

    report()
