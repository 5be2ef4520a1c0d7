"""The DAGs of the end-to-end tests; what their tasks wait for and start comes with the run's conf."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.providers.common.compat.sdk import DAG, task, task_group

from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator, StartDISyncInstanceOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor

# In Airflow's database, unlike the default one, which the tests have in the environment: most users keep it there.
CONNECTION = "dataworks_e2e"
WHEN: dict[str, Any] = {
    "schedule": None,
    "start_date": datetime(2026, 1, 1, tzinfo=timezone.utc),
    "catchup": False,
    "max_active_tasks": 200,
}


@task
def asked_for(dag_run: Any = None) -> list[dict[str, Any]]:
    """The arguments of each mapped task, from the run's conf."""
    return list(dag_run.conf["tasks"])


with DAG(dag_id="e2e_sensors", **WHEN):
    DIJobStatusSensor.partial(
        task_id="wait", dataworks_conn_id=CONNECTION, poke_interval=5, timeout=3600, retries=0
    ).expand_kwargs(asked_for())

with DAG(dag_id="e2e_starts", **WHEN):
    StartDIJobOperator.partial(
        task_id="start",
        dataworks_conn_id=CONNECTION,
        force_to_rerun=True,
        wait_for_completion=True,
        poll_interval=2,
        retries=2,
        retry_delay=timedelta(seconds=1),
    ).expand_kwargs(asked_for())

with DAG(dag_id="e2e_single_starts", **WHEN):
    StartDIJobOperator.partial(
        task_id="start",
        dataworks_conn_id=CONNECTION,
        force_to_rerun=True,
        wait_for_completion=True,
        poll_interval=2,
        retries=0,
    ).expand_kwargs(asked_for())

with DAG(dag_id="e2e_limits", **WHEN):
    LIMIT: dict[str, Any] = {
        "dataworks_conn_id": CONNECTION,
        "deferrable": True,
        "execution_timeout": timedelta(seconds=40),
        "retries": 0,
    }
    StartDIJobOperator(
        task_id="stopped",
        di_job_id="{{ dag_run.conf['stopped'] }}",
        force_to_rerun=True,
        wait_for_completion=True,
        poll_interval=2,
        **LIMIT,
    )
    StartDIJobOperator(
        task_id="left_alone",
        di_job_id="{{ dag_run.conf['left_alone'] }}",
        force_to_rerun=True,
        wait_for_completion=True,
        poll_interval=2,
        cancel_on_kill=False,
        **LIMIT,
    )
    DIJobStatusSensor(task_id="watched", di_job_id="{{ dag_run.conf['watched'] }}", poke_interval=2, **LIMIT)
    DIJobStatusSensor(
        task_id="given_up",
        di_job_id="{{ dag_run.conf['watched'] }}",
        poke_interval=2,
        timeout=10,
        soft_fail=True,
        **{**LIMIT, "execution_timeout": None},
    )

with DAG(dag_id="e2e_alone", **WHEN):
    job = StartDIJobOperator(
        task_id="job", di_job_id=1001, wait_for_completion=True, deferrable=True, poll_interval=1, force_to_rerun=True
    )
    seen = DIJobStatusSensor(task_id="seen", job_name="mysql_to_hive_offline", deferrable=True, poke_interval=1)
    realtime = StartDISyncInstanceOperator(
        task_id="realtime", file_id=2001, wait_for_completion=True, deferrable=True, poll_interval=1
    )
    start_other = StartDIJobOperator(task_id="start_other", di_job_id=1004, force_to_rerun=True)
    start_other >> seen >> job >> realtime

# Whoever joins a poller this slow finds a reading that is older than the start right before.
SLOWLY: dict[str, Any] = {"dataworks_conn_id": CONNECTION, "deferrable": True, "poke_interval": 15, "timeout": 3600}

with DAG(dag_id="e2e_others", **WHEN):
    DIJobStatusSensor.partial(task_id="wait", retries=0, **SLOWLY).expand_kwargs(asked_for())

with DAG(dag_id="e2e_pairs", **WHEN):

    @task_group
    def pair(di_job_id: Any) -> None:
        """A job that is started, and the sensor that waits for it."""
        start = StartDIJobOperator(
            task_id="start", di_job_id=di_job_id, force_to_rerun=True, dataworks_conn_id=CONNECTION, retries=0
        )
        # Each sensor goes before the next start: it defers while the poller knows what was before its own start.
        sense = DIJobStatusSensor(
            task_id="sense",
            di_job_id=di_job_id,
            end_from_trigger=True,
            retries=0,
            priority_weight=1000,
            weight_rule="absolute",
            **SLOWLY,
        )
        start >> sense

    pair.expand_kwargs(asked_for())
