"""Runs tasks against the emulator with Airflow's statistics set up as Airflow does it, for the tests of metrics.

The argument says what kind of process to be: ``worker`` runs tasks, ``triggerer`` runs the triggers of deferred ones.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import sys
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from tests.support.tasks import first_event, make_context, rebuilt


def set_up(place: str) -> None:
    """As Airflow's task runner and triggerer do; up to 3.1 ``airflow.stats`` does it by itself."""
    package = "airflow.sdk.observability" if place == "worker" else "airflow.observability"
    try:
        stats = importlib.import_module(f"{package}.stats")
        utils = importlib.import_module(f"{package}.metrics.stats_utils")
    except ImportError:
        return
    if hasattr(stats, "initialize"):
        stats.initialize(factory=utils.get_stats_factory(), export_legacy_names=True)
    else:
        stats.Stats.initialize(factory=utils.get_stats_factory(stats.Stats))


def trigger_of(task: StartDIJobOperator) -> Any:
    """What the task defers to."""
    try:
        task.execute(make_context())
    except TaskDeferred as deferral:
        return deferral.trigger
    raise AssertionError("the task did not defer")


def start(job_id: int, **given: Any) -> StartDIJobOperator:
    """A task that starts a job and waits for it."""
    return StartDIJobOperator(task_id="a", di_job_id=job_id, wait_for_completion=True, poll_interval=0.1, **given)


def main(place: str) -> None:
    """Run the tasks."""
    set_up(place)
    if place == "worker":
        start(1001).execute(make_context())
        with contextlib.suppress(DataWorksJobError):
            start(1006).execute(make_context())
        return
    # Two jobs: StartedTime has whole seconds.
    for task in (start(1001, deferrable=True), start(1004, deferrable=True, end_from_trigger=True)):
        asyncio.run(first_event(rebuilt(trigger_of(task))))


if __name__ == "__main__":
    main(sys.argv[1])
