"""Hooks that reach the emulator and sleep in no time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

CONTENT = {"type": "job", "version": "2.0", "steps": []}
PARAM = {"FileFolderPath": "Business Flow/demo/Data Integration", "ResourceGroup": "S_res_group_demo_1"}


def connect(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any] | str, conn_id: str = "dataworks_default"
) -> None:
    """Define an Airflow connection, as JSON or as a URI."""
    text = connection if isinstance(connection, str) else json.dumps(connection)
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", text)


def hook_for(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, sleeps: list[float] | None = None, **extra: Any
) -> DataWorksHook:
    """
    Make a hook whose connection to the emulator has no ceiling of requests, and take the emulator's own limit away.

    :param sleeps: takes the pauses between attempts, in seconds; they take no time.
    :param extra: further extras of the connection; None takes one away.
    """
    emulator.settings(read_qps=0, write_qps=0)
    extras = {**emulator.connection["extra"], "max_qps": 0, **extra}
    chosen = {name: value for name, value in extras.items() if value is not None}
    connect(monkeypatch, {**emulator.connection, "extra": chosen})
    hook = DataWorksHook()
    hook.client.sleep = ([] if sleeps is None else sleeps).append
    return hook
