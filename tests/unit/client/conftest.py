"""Clients that reach the emulator, or a server that answers what a test says, and that sleep in no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.scripted_server import ScriptedServer, scripted_server

ClientFactory = Callable[..., DataWorksClient]

KEY = Credentials("LTAI-test-id", "test-secret")


@pytest.fixture
def sleeps() -> list[float]:
    """Return the pauses that clients took, in seconds; they take them in no time."""
    return []


@pytest.fixture
def make_client(sleeps: list[float]) -> Iterator[ClientFactory]:
    """Return a factory of clients; its arguments are DataWorksClient's."""
    clients: list[DataWorksClient] = []

    def make(endpoint: str, credentials: Any = None, **options: Any) -> DataWorksClient:
        chosen = {"sleep": sleeps.append, **options}
        clients.append(DataWorksClient(endpoint, credentials or StaticCredentials(KEY), **chosen))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def emulator(dataworks_emulator: EmulatorControl) -> EmulatorControl:
    """Return the emulator without limits on the rate of requests."""
    dataworks_emulator.settings(read_qps=0, write_qps=0)
    return dataworks_emulator


@pytest.fixture
def client(emulator: EmulatorControl, make_client: ClientFactory) -> DataWorksClient:
    """Return a client of the emulator."""
    credentials = Credentials(emulator.access_key_id, emulator.access_key_secret)
    return make_client(emulator.url, StaticCredentials(credentials))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """Return a server that answers what the test says."""
    with scripted_server() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away the machine's own proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
