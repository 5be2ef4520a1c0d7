"""What the browser test looks at: a task with JSON in its templates, and one that waits."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dataworks.operators.data_integration import CreateDISyncTaskOperator, StartDIJobOperator

# In the database, as the user interface makes it.
CONNECTION = "dataworks_browser"

with DAG(
    dag_id="copy_orders",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    params={"table": "orders"},
):
    create = CreateDISyncTaskOperator(
        task_id="create",
        task_name="sync_{{ params.table }}",
        task_content={
            "type": "job",
            "version": "2.0",
            "steps": [
                {"stepType": "mysql", "name": "Reader", "parameter": {"table": ["{{ params.table }}"]}},
                {"stepType": "odps", "name": "Writer", "parameter": {"table": "ods_{{ params.table }}"}},
            ],
        },
        task_param={
            "FileFolderPath": "Business Flow/demo/Data Integration",
            "ResourceGroup": "S_res_group_demo_1",
        },
        dataworks_conn_id=CONNECTION,
    )
    copy = StartDIJobOperator(
        task_id="copy",
        di_job_id=1001,
        force_to_rerun=True,
        wait_for_completion=True,
        deferrable=True,
        poll_interval=5,
        dataworks_conn_id=CONNECTION,
    )
    create >> copy
