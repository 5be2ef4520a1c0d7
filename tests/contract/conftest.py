"""The official SDKs, unmodified, and our hook, all pointed at the emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_dataworks_public20200518.client import Client
from alibabacloud_dataworks_public20240518.client import Client as Client2024
from alibabacloud_tea_openapi.models import Config

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import hook_for
from tests.support.versions import V2020

SdkFactory = Callable[..., Client]


def sdk_config(emulator: EmulatorControl, **config: Any) -> Config:
    """Return what leads an SDK to the emulator; the arguments are those of the SDK's Config."""
    options = {
        "access_key_id": emulator.access_key_id,
        "access_key_secret": emulator.access_key_secret,
        "endpoint": emulator.url.removeprefix("http://"),
        "protocol": "http",
        "read_timeout": 10_000,
    }
    return Config(**{**options, **config})


@pytest.fixture
def make_sdk(dataworks_emulator: EmulatorControl) -> SdkFactory:
    """Return a factory of SDK clients; its arguments are those of the SDK's Config."""

    def make(**config: Any) -> Client:
        return Client(sdk_config(dataworks_emulator, **config))

    return make


@pytest.fixture
def sdk(make_sdk: SdkFactory) -> Client:
    """Return an SDK client with the emulator's own key."""
    return make_sdk()


@pytest.fixture
def sdk_2024(dataworks_emulator: EmulatorControl) -> Client2024:
    """Return a client of the SDK of API version 2024-05-18, with the emulator's own key."""
    return Client2024(sdk_config(dataworks_emulator))


@pytest.fixture
def sleeps() -> list[float]:
    """Return the pauses that the hook took between attempts, in seconds; they take no time."""
    return []


@pytest.fixture
def api_version() -> str:
    """Return the API version of the connection; tests parametrise it."""
    return V2020


@pytest.fixture
def hook(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, sleeps: list[float], api_version: str
) -> Iterator[DataWorksHook]:
    """Return our hook, whose connection leads to the emulator."""
    hook = hook_for(dataworks_emulator, monkeypatch, sleeps, api_version=api_version)
    yield hook
    hook.close()
