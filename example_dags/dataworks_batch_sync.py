"""One batch sync task per table: create it, deploy it, run it for a business date, and check its record counts.

The DAG is the same for both API versions. With 2020-05-18, running a node needs Enterprise Edition or above.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.common.compat.sdk import DAG, XComArg, task, task_group
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_dataworks.operators.data_integration import CreateDISyncTaskOperator, DeployDISyncTaskOperator
from airflow_provider_dataworks.operators.node import RunNodeOperator

#: One sync task for each entry; this could come from a YAML file.
TABLES = [
    {"name": "orders", "columns": ["id", "amount"], "most_failed_records": 0},
    {"name": "customers", "columns": ["id", "city"], "most_failed_records": 10},
]
FOLDER = "Business Flow/demo/Data Integration"
RESOURCE_GROUP = "S_res_group_demo_1"
#: The output of the workspace's root node: <workspace>_root.
ROOT_OUTPUT = "emulated_10000_root"


def content(table: dict[str, Any]) -> dict[str, Any]:
    """The job in script mode: MySQL to a partition of a MaxCompute table."""
    source = {"datasource": "shop_mysql", "table": [table["name"]], "column": table["columns"]}
    target = {
        "datasource": "odps_first",
        "table": table["name"],
        "partition": "dt=${bizdate}",
        "column": table["columns"],
    }
    return {
        "type": "job",
        "version": "2.0",
        "steps": [
            {"stepType": "mysql", "name": "Reader", "category": "reader", "parameter": source},
            {"stepType": "odps", "name": "Writer", "category": "writer", "parameter": {**target, "truncate": True}},
        ],
        "setting": {"errorLimit": {"record": str(table["most_failed_records"])}, "speed": {"concurrent": 2}},
        "order": {"hops": [{"from": "Reader", "to": "Writer"}]},
    }


@task
def check(statistics: dict[str, Any], most_failed_records: int) -> None:
    """Fail if the node did nothing, or if too many records failed. Without a log there are no figures."""
    if "skipped" in statistics:
        raise ValueError(f"the node did nothing: {statistics['skipped']}")
    failed = statistics.get("failed_records", 0)
    if failed > most_failed_records:
        raise ValueError(f"{failed} records failed, of {statistics.get('records')}")


with DAG(
    dag_id="dataworks_batch_sync",
    # On Airflow 3, the data interval of a plain cron expression has no length: it begins when the run is due.
    schedule=CronDataIntervalTimetable("0 1 * * *", timezone="Asia/Shanghai"),
    start_date=pendulum.datetime(2026, 1, 1, tz="Asia/Shanghai"),
    catchup=False,
    # Two runs would deploy the same task at the same time.
    max_active_runs=1,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=2),
        "dataworks_conn_id": "{{ params.connection }}",
    },
    params={"connection": "dataworks_default", "suffix": ""},
    tags=["dataworks"],
    doc_md=__doc__,
):
    for table in TABLES:

        @task_group(group_id=str(table["name"]))
        def sync(table: dict[str, Any]) -> None:
            create = CreateDISyncTaskOperator(
                task_id="create",
                task_name=f"{table['name']}_batch_sync{{{{ params.suffix }}}}",
                task_content=content(table),
                task_param={"FileFolderPath": FOLDER, "ResourceGroup": RESOURCE_GROUP},
                # The same token every night: the task is created once.
                client_token=f"{table['name']}_batch_sync{{{{ params.suffix }}}}",
            )
            deploy = DeployDISyncTaskOperator(
                task_id="deploy",
                file_id=create.output,
                schedule={
                    "InputList": ROOT_OUTPUT,
                    "ParaValue": "bizdate=$bizdate",
                    "ResourceGroupIdentifier": RESOURCE_GROUP,
                    # DataWorks' scheduler runs the node too. PAUSE or SKIP there would not help: such a node also
                    # does nothing for Airflow. Both runs truncate and write the same partition.
                    "CronExpress": "00 00 05 * * ?",
                    "CycleType": "DAY",
                    # Airflow retries the task instead.
                    "AutoRerunTimes": 0,
                },
                deferrable=True,
                poll_interval=5,
            )
            run = RunNodeOperator(
                task_id="run",
                node_id=deploy.output,
                # The business date is that of the data interval in the time zone of the DAG; ds is a date in UTC, in
                # this DAG the day before. DataWorks itself puts the date into the parameter.
                parameters={"bizdate": "$bizdate"},
                deferrable=True,
                poll_interval=5,
            )
            check(XComArg(run, key="statistics"), table["most_failed_records"])

        sync(table)
