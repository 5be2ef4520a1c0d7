"""A connection to the emulator that is not slowed down, and an emulator whose jobs end fast."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator, StartDISyncInstanceOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger, DISyncInstanceTrigger


@pytest.fixture
def emulator(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    """The emulator with fast jobs; the connection has no ceiling of requests a second."""
    connection = dict(dataworks_emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 1}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    monkeypatch.setattr(assumptions, "START_SHOWS_AFTER", (0.05, 0.05))
    dataworks_emulator.settings(run_seconds=0.3, stop_seconds=0.2, read_qps=0, write_qps=0)
    return dataworks_emulator


@pytest.fixture
def task_log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that tasks and triggers log, taken before Airflow's own logging gets them."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.getLogger("tests.task_log")
    logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(logger, "handlers", [Collector()])
    for kind in (
        StartDIJobOperator,
        StartDISyncInstanceOperator,
        DIJobStatusSensor,
        DIJobStatusTrigger,
        DISyncInstanceTrigger,
    ):
        monkeypatch.setattr(kind, "log", logger)
    return lines
