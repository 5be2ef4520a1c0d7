"""A hook whose connection leads to the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import hook_for


@pytest.fixture
def hook(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataWorksHook]:
    """Return a hook that reaches the emulator."""
    hook = hook_for(dataworks_emulator, monkeypatch)
    yield hook
    hook.close()
