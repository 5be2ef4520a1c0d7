"""The pytest plugin: the fixture ``dataworks_emulator``. It loads nothing until a test requests the fixture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_dataworks.emulator.control import EmulatorControl

CONNECTION_VARIABLE = "AIRFLOW_CONN_DATAWORKS_DEFAULT"


@pytest.fixture(scope="session")
def _dataworks_emulator_server() -> Iterator[EmulatorControl]:
    from airflow_provider_dataworks.emulator.testing import running_emulator

    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def dataworks_emulator(_dataworks_emulator_server: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    """
    An emulator of DataWorks in its initial state; the connection ``dataworks_default`` points at it.

    :return: its control.
    """
    _dataworks_emulator_server.reset()
    monkeypatch.setenv(CONNECTION_VARIABLE, _dataworks_emulator_server.connection_json)
    return _dataworks_emulator_server
