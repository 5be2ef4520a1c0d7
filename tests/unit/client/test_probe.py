"""A request without a signature shows that the endpoint answers, how fast, and how far the clocks are apart."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_dataworks.client.client import Probe
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.errors import ApiError
from tests.support.clock import FakeClock
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory


class TickingClock(FakeClock):
    """Each look at its monotonic time takes four seconds."""

    def monotonic(self) -> float:
        self.ticks = getattr(self, "ticks", 0.0) + 4.0
        return self.ticks


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Fri, 15 Jan 2027 08:00:00 GMT", 11.5),
        ("Fri, 15 Jan 2027 08:00:30 GMT", -18.5),
        ("soon", None),
        ("", None),
    ],
)
def test_the_date_of_the_answer_shows_how_far_the_clocks_are_apart(
    server: ScriptedServer, make_client: ClientFactory, date: str, ahead: float | None
) -> None:
    server.answer(403, b"", date=date)
    client = make_client(server.url)

    with installed(TickingClock(1_800_000_010.0)):
        assert client.probe() == Probe(403, 4.0, ahead)

    (request,) = server.received
    assert (request.method, request.target, request.body) == ("GET", "/", b"")
    assert "authorization" not in request.headers
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("airflow-provider-dataworks/")


def test_a_probe_that_gets_no_answer_ends_with_the_read_timeout(make_client: ClientFactory) -> None:
    # The connection is made, and nobody takes it.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = make_client(f"http://127.0.0.1:{listener.getsockname()[1]}", read_timeout=0.2)
        with pytest.raises(ApiError, match="ReadTimeout") as raised:
            client.probe()

    assert raised.value.action == "probe"
