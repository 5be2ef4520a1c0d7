"""A hook whose connection leads to the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import hook_for
from tests.support.versions import V2020


@pytest.fixture
def api_version() -> str:
    """Return the API version of the connection; tests parametrise it."""
    return V2020


@pytest.fixture
def hook(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, api_version: str
) -> Iterator[DataWorksHook]:
    """Return a hook that reaches the emulator."""
    hook = hook_for(dataworks_emulator, monkeypatch, api_version=api_version)
    yield hook
    hook.close()
