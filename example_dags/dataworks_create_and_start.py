"""Create a real-time sync task, deploy it, start it, and go on once it runs."""

from __future__ import annotations

import pendulum
from airflow.providers.common.compat.sdk import DAG, task

from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDISyncInstanceOperator,
)

# What DataStudio shows in script mode: one reader, one writer.
ORDERS_TO_HOLOGRES = {
    "type": "realtime",
    "version": "1.0",
    "steps": [
        {
            "stepType": "mysql",
            "name": "reader",
            "category": "reader",
            "parameter": {"connection": [{"datasource": "shop_mysql", "table": ["{{ params.table }}"]}]},
        },
        {
            "stepType": "holo",
            "name": "writer",
            "category": "writer",
            "parameter": {"datasource": "warehouse_holo", "table": "{{ params.table }}"},
        },
    ],
    "order": {"hops": [{"from": "reader", "to": "writer"}]},
}

with DAG(
    dag_id="dataworks_create_and_start",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    catchup=False,
    # The name of a task is unique in its folder: choose another table to run this DAG again.
    params={"table": "orders"},
    tags=["dataworks"],
    doc_md=__doc__,
):
    create = CreateDISyncTaskOperator(
        task_id="create",
        task_type="DI_REALTIME",
        task_name="sync_{{ params.table }}",
        task_content=ORDERS_TO_HOLOGRES,
        task_param={
            "FileFolderPath": "Business Flow/demo/Data Integration",
            "ResourceGroup": "S_res_group_demo_1",
        },
    )

    @task
    def deploy(file_id: int) -> int:
        """A new task is a draft. There is no operator for this action: the hook calls any."""
        hook = DataWorksHook()
        query = {"ProjectId": hook.settings.project_id, "TaskType": "DI_REALTIME", "FileId": file_id}
        hook.call("DeployDISyncTask", query=query)
        return file_id

    StartDISyncInstanceOperator(
        task_id="start",
        task_type="DI_REALTIME",
        file_id=deploy(create.output),
        start_param={"failoverLimit": {"count": 10, "interval": 30}, "errorLimit": {"record": 0}},
        wait_for_completion=True,
        poll_interval=5,
    )
