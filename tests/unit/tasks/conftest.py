"""A connection to the emulator that is not slowed down, and an emulator whose jobs end fast."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator, StartDISyncInstanceOperator
from airflow_provider_dataworks.operators.node import RunNodeOperator, TriggerNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger, DISyncInstanceTrigger
from airflow_provider_dataworks.triggers.node import NodeInstanceTrigger, NodeScheduleTrigger

OLD_VERSION, NEW_VERSION = "2020-05-18", "2024-05-18"


@pytest.fixture
def emulator(
    request: pytest.FixtureRequest, dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> EmulatorControl:
    """The emulator with fast jobs; the connection has no ceiling of requests a second."""
    connection = dict(dataworks_emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 1}
    if (version := getattr(request, "param", None)) is not None:
        connection["extra"]["api_version"] = version
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
        RunNodeOperator,
        NodeInstanceTrigger,
        NodeInstanceSensor,
        NodeScheduleTrigger,
        TriggerNodeOperator,
    ):
        monkeypatch.setattr(kind, "log", logger)
    return lines


#: Modules whose tests are run in both API versions; those of the newer one are in ``make slow``.
IN_BOTH_VERSIONS = (
    "test_start_di_job",
    "test_start_once_over_tries",
    "test_start_killed",
    "test_sensor",
    "test_triggers",
    "test_node_polls",
    "test_node_sensor",
    "test_trigger_node",
    "test_run_node",
    "test_run_node_once",
    "test_run_node_killed",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test of these modules in both API versions, unless it is marked with the one that it is about."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if "emulator" not in metafunc.fixturenames or module not in IN_BOTH_VERSIONS:
        return
    if metafunc.definition.get_closest_marker("only_2020") is None:
        versions = [pytest.param(OLD_VERSION, id="2020"), pytest.param(NEW_VERSION, id="2024", marks=pytest.mark.slow)]
        metafunc.parametrize("emulator", versions, indirect=True)
