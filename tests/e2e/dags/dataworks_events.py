"""DAGs that run when something happens in DataWorks; on Airflow 2.11, which has no watchers, they do not exist."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Asset, task

from airflow_provider_dataworks.assets import di_job_uri, node_uri
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusEventTrigger
from airflow_provider_dataworks.triggers.node import NodeInstanceEventTrigger

CONNECTION = "dataworks_e2e"
# Not the job of the example: an asset's watchers are those of the file that was parsed last.
JOB, NODE = 1004, 4001
WHEN: dict[str, Any] = {"start_date": datetime(2026, 1, 1, tzinfo=timezone.utc), "catchup": False}


@task
def report(triggering_asset_events: Any = None) -> None:
    """Prints what the run is about."""
    for events in triggering_asset_events.values():
        for event in events:
            print("EVENT", json.dumps(event.extra["payload"]))


try:
    from airflow.sdk import AssetWatcher
except ImportError:
    # Airflow 2.11.
    pass
else:
    finished = DIJobStatusEventTrigger(di_job_id=JOB, poll_interval=5, dataworks_conn_id=CONNECTION)
    job = Asset(
        uri=di_job_uri("cn-shanghai", 10000, JOB), watchers=[AssetWatcher(name="job_finished", trigger=finished)]
    )
    with DAG(dag_id="e2e_job_event", schedule=[job], **WHEN):
        report()

    succeeded = NodeInstanceEventTrigger(node_id=NODE, poll_interval=5, dataworks_conn_id=CONNECTION)
    node = Asset(
        uri=node_uri("cn-shanghai", 10000, NODE), watchers=[AssetWatcher(name="node_succeeded", trigger=succeeded)]
    )
    with DAG(dag_id="e2e_node_event", schedule=[node], **WHEN):
        report()
