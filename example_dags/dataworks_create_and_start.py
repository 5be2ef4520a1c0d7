"""Create a real-time sync task from generated content, deploy it, start it, and wait until it runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    DeployDISyncTaskOperator,
    StartDISyncInstanceOperator,
)

RESOURCE_GROUP = "S_res_group_demo_1"


def orders_to_hologres(table: str) -> dict[str, Any]:
    """The script that the service generates the task's content from: which tables of which data source go where."""
    shop = {"dbName": "shop", "schema": [{"tableInfos": [{"table": table}]}]}
    source = {"datasourceType": "mysql", "datasource": "shop_mysql", "selectedTables": [shop]}
    return {
        "type": "realtime",
        "version": "1.0",
        "setting": {"resourceGroup": RESOURCE_GROUP, "taskType": "oneclick_to_holo"},
        "steps": [
            {"stepType": "mysql", "name": "Reader", "category": "reader", "parameter": {"connection": [source]}},
            {"stepType": "holo", "name": "Writer", "category": "writer", "parameter": {"datasource": "warehouse_holo"}},
        ],
    }


with DAG(
    dag_id="dataworks_create_and_start",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    # The name of a task is unique in its folder: choose another table to run this DAG again.
    params={"table": "orders"},
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=10),
    },
    tags=["dataworks"],
    doc_md=__doc__,
):

    @task
    def generate(table: str, run_id: str | None = None) -> dict[str, Any]:
        """A real-time task is created from content that the service has generated, and from no other."""
        return DataWorksHook().generate_di_sync_task_config(
            task_type="DI_REALTIME",
            task_param=orders_to_hologres(table),
            # Each try of a run gets the same content.
            client_token=run_id,
        )

    create = CreateDISyncTaskOperator(
        task_id="create",
        task_type="DI_REALTIME",
        task_name="sync_{{ params.table }}",
        task_content=generate("{{ params.table }}"),
        task_param={
            "FileFolderPath": "Business Flow/demo/Data Integration",
            "ResourceGroup": RESOURCE_GROUP,
        },
    )

    # A new task is a draft.
    deploy = DeployDISyncTaskOperator(task_id="deploy", task_type="DI_REALTIME", file_id=create.output, deferrable=True)

    StartDISyncInstanceOperator(
        task_id="start",
        task_type="DI_REALTIME",
        file_id=deploy.output,
        start_param={"failoverLimit": {"count": 10, "interval": 30}, "errorLimit": {"record": 0}},
        wait_for_completion=True,
        deferrable=True,
        poll_interval=5,
    )
