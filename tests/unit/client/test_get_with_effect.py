"""GET actions have a query only; one with an effect is sent once, whatever transport, redirect or proxy does."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from airflow_provider_dataworks.client.actions import Action
from airflow_provider_dataworks.client.catalog import v2024_05_18
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.errors import ApiError, Outcome
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.scripted_server import ScriptedServer, scripted_server

from .conftest import ClientFactory

WITH_EFFECT = (v2024_05_18.START_DI_JOB, v2024_05_18.STOP_DI_JOB, v2024_05_18.DELETE_DI_JOB)
EMPTY_HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def start(client: DataWorksClient) -> dict[str, object]:
    return client.call(v2024_05_18.START_DI_JOB, {"Id": 1001, "ForceToRerun": None})


@pytest.mark.parametrize("action", WITH_EFFECT, ids=lambda action: action.name)
def test_get_has_its_parameters_in_the_query_and_neither_body_nor_content_type(
    server: ScriptedServer, make_client: ClientFactory, action: Action
) -> None:
    make_client(server.url).call(action, {"Id": 1001})

    (request,) = server.received
    assert (request.method, request.target, request.body) == ("GET", "/?Id=1001", b"")
    assert {"content-type", "content-length", "transfer-encoding"}.isdisjoint(request.headers)
    assert request.headers["x-acs-version"] == "2024-05-18"
    assert request.headers["x-acs-content-sha256"] == EMPTY_HASH


def test_nested_values_and_booleans_travel_in_the_query(server: ScriptedServer, make_client: ClientFactory) -> None:
    parameters = {"Id": 1, "ForceToRerun": True, "RealtimeStartSettings": {"StartTime": 1663765058}}

    make_client(server.url).call(v2024_05_18.START_DI_JOB, parameters)

    (request,) = server.received
    settings = "%7B%22StartTime%22%3A1663765058%7D"
    assert request.target == f"/?ForceToRerun=true&Id=1&RealtimeStartSettings={settings}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_of_a_start_is_not_followed(
    server: ScriptedServer, emulator: EmulatorControl, make_client: ClientFactory, status: int
) -> None:
    server.answer(status, b"", location=f"{emulator.url}/?Id=1001")

    with pytest.raises(ApiError) as raised:
        start(make_client(server.url))

    assert raised.value.outcome is Outcome.REFUSED
    assert (len(server.received), emulator.requests("StartDIJob")) == (1, [])


@pytest.mark.parametrize("effect", ["before", "after"])
@pytest.mark.parametrize("kind", ["reset", "cut", "empty"])
def test_start_whose_answer_is_lost_is_not_sent_again_by_itself(
    client: DataWorksClient, emulator: EmulatorControl, kind: str, effect: str
) -> None:
    emulator.add_fault(kind, effect=effect)

    with pytest.raises(ApiError) as raised:
        start(client)

    assert raised.value.outcome_unknown
    assert len(emulator.requests("StartDIJob")) == 1
    assert emulator.job(1001)["starts"] == (1 if effect == "after" else 0)


def test_kept_alive_connection_that_is_closed_in_between_costs_no_second_start(
    client: DataWorksClient, emulator: EmulatorControl
) -> None:
    client.call(v2024_05_18.GET_DI_JOB, {"Id": 1001, "WithDetails": False})
    emulator.add_fault("reset", effect="after", action="StartDIJob")

    with pytest.raises(ApiError):
        start(client)

    assert emulator.job(1001)["starts"] == 1
    assert len(emulator.requests("StartDIJob")) == 1


def test_start_through_a_proxy_that_fails_is_sent_once(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for _ in range(3):
            proxy.answer(502, b"")

        with pytest.raises(ApiError) as raised:
            make_client("https://dataworks.invalid", max_attempts=1).call(v2024_05_18.START_DI_JOB, {"Id": 1})

        assert raised.value.outcome is Outcome.NOT_EXECUTED
        assert len(proxy.received) == 1


@pytest.fixture
def closing_server() -> Iterator[tuple[str, list[bytes]]]:
    """Return a server that reads each request and closes the connection without an answer, and what it has read."""
    received: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    received.append(connection.recv(65536))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_server_that_closes_the_connection_gets_a_start_once(
    closing_server: tuple[str, list[bytes]], make_client: ClientFactory
) -> None:
    url, received = closing_server

    with pytest.raises(ApiError) as raised:
        start(make_client(url))

    assert raised.value.outcome is Outcome.UNKNOWN
    assert [request.split(b" ")[0] for request in received] == [b"GET"]
