"""Runs schedules and rounds of kills, several at a time, with pauses shortened and others acting in between."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterable

from airflow_provider_dataworks.emulator.testing import running_emulator
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger, DISyncInstanceTrigger
from airflow_provider_dataworks.triggers.node import NodeInstanceTrigger
from tests.faults.fast_clock import fast_clock
from tests.faults.interference import interrupted_clients
from tests.faults.kills import KillPlan, KillReport, run_kills
from tests.faults.running import Report, run_schedule
from tests.faults.scenarios import ScenarioReport
from tests.faults.scenarios import run_scenarios as run_these_scenarios
from tests.faults.schedule import Schedule
from tests.faults.stage import Stage
from tests.faults.task_log import kept_logs
from tests.support.scripted_server import scripted_server

LOGGING = (
    DataWorksHook,
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
    RunNodeOperator,
    DIJobStatusSensor,
    DIJobStatusTrigger,
    DISyncInstanceTrigger,
    NodeInstanceTrigger,
)


def run_campaign(schedules: Iterable[Schedule], threads: int) -> list[Report]:
    """Run schedules, several at a time, each thread with an emulator of its own."""
    from airflow.models import import_all_models

    waiting: queue.SimpleQueue[Schedule] = queue.SimpleQueue()
    for schedule in schedules:
        waiting.put(schedule)
    reports: list[Report] = []
    broken: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with running_emulator() as emulator, scripted_server() as key_server:
                stage = Stage(emulator, key_server, name)
                with contextlib.suppress(queue.Empty):
                    while not broken:
                        reports.append(run_schedule(stage, waiting.get_nowait()))
        except BaseException as error:
            broken.append(error)
            raise

    # Two threads that import parts of them at once may wait for each other for ever (Airflow 3.0).
    import_all_models()  # type: ignore[no-untyped-call]
    with interrupted_clients(), fast_clock(), kept_logs(*LOGGING):
        workers = [
            threading.Thread(target=work, args=(str(number),), name=f"faults-{number}") for number in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if broken:
        raise broken[0]
    return sorted(reports, key=lambda report: report.schedule.seed)


def run_scenarios(seed: int, names: Iterable[str] = ()) -> list[ScenarioReport]:
    """Run scenarios; to be called in the main thread.

    :param seed: draws what is not fixed.
    :param names: which; all by default.
    """
    with interrupted_clients(), fast_clock(), kept_logs(*LOGGING):
        return run_these_scenarios(seed, names)


def run_kill_rounds(plans: Iterable[KillPlan], lanes: int) -> list[KillReport]:
    """Run rounds of kills, several at a time; to be called while this process has one thread."""
    with interrupted_clients(), fast_clock(), kept_logs(*LOGGING):
        return run_kills(plans, lanes)
