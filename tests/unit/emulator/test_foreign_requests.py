"""A web page in the user's browser cannot use the emulator: foreign Host headers and cross-site requests get 403."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.settings import Settings
from airflow_provider_dataworks.emulator.testing import serve

from .conftest import Caller

JSON = {"Content-Type": "application/json"}
FAULT = b'{"kind":"error"}'
FOREIGN_HOSTS = [
    "rebinding.example",
    "rebinding.example:8480",
    "localhost.example",
    "127.0.0.1.example",
    "192.0.2.7:80",
    "0.0.0.0:8480",
    "[2001:db8::1]:8480",
    "",
    "[::1",
]


def ask(
    emulator: EmulatorControl, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send a request to the control endpoint, and return status and content of the response."""
    connection = http.client.HTTPConnection(emulator.url.removeprefix("http://"), timeout=10)
    with contextlib.closing(connection):
        connection.request(method, f"/_emulator/{path}", body or None, headers or {})
        response = connection.getresponse()
        return response.status, json.load(response)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize(("method", "path"), [("GET", "state"), ("POST", "reset"), ("GET", "nothing")])
def test_control_endpoint_refuses_a_foreign_host(
    dataworks_emulator: EmulatorControl, host: str, method: str, path: str
) -> None:
    dataworks_emulator.add_fault("error")

    status, content = ask(dataworks_emulator, method, path, headers={"Host": host})

    assert status == 403
    assert "Host" in content["error"]
    assert len(dataworks_emulator.faults()) == 1


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_api_refuses_a_foreign_host(call: Caller, dataworks_emulator: EmulatorControl, host: str) -> None:
    reply = call("StartDIJob", form={"DIJobId": "1001"}, signed={"host": host})

    assert (reply.status, reply.code) == (403, "Forbidden.Host")
    assert "--allow-host" in reply.json["Message"]
    assert dataworks_emulator.job(1001)["starts"] == 0


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1", "emulator.localhost"]
)
def test_loopback_names_and_addresses_are_answered(
    call: Caller, dataworks_emulator: EmulatorControl, host: str
) -> None:
    assert ask(dataworks_emulator, "GET", "state", headers={"Host": host})[0] == 200
    assert call("ListProjects", signed={"host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_cross_site_request_is_refused(
    call: Caller, dataworks_emulator: EmulatorControl, headers: dict[str, str]
) -> None:
    status, content = ask(dataworks_emulator, "POST", "faults", FAULT, {**JSON, **headers})
    reply = call("StartDIJob", form={"DIJobId": "1001"}, headers=headers)

    assert status == 403
    assert "another site" in content["error"]
    assert (reply.status, reply.code) == (403, "Forbidden.Origin")
    assert dataworks_emulator.faults() == []
    assert dataworks_emulator.job(1001)["starts"] == 0


def test_page_of_the_emulator_itself_may_call_it(dataworks_emulator: EmulatorControl) -> None:
    headers = {**JSON, "Origin": dataworks_emulator.url, "Sec-Fetch-Site": "same-origin"}

    assert ask(dataworks_emulator, "POST", "faults", FAULT, headers)[0] == 200
    assert ask(dataworks_emulator, "GET", "state", headers={"Sec-Fetch-Site": "none"})[0] == 200


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "application/x-www-form-urlencoded",
        "text/plain;charset=UTF-8",
        "multipart/form-data; boundary=x",
        "x/json",
    ],
)
@pytest.mark.parametrize(("method", "path", "body"), [("POST", "faults", FAULT), ("PATCH", "settings", b"{}")])
def test_control_endpoint_takes_json_that_is_declared_as_such(
    dataworks_emulator: EmulatorControl, method: str, path: str, body: bytes, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    status, content = ask(dataworks_emulator, method, path, body, headers)

    assert status == 403
    assert "Content-Type: application/json" in content["error"]
    assert dataworks_emulator.faults() == []


def test_form_without_a_body_changes_nothing(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error")

    status, _ = ask(dataworks_emulator, "POST", "reset", headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert status == 403
    assert len(dataworks_emulator.faults()) == 1


@pytest.fixture(scope="module")
def open_emulator() -> Iterator[EmulatorControl]:
    """Return an emulator that listens on all addresses and has one more name."""
    with serve(Emulator(Settings()), host="0.0.0.0", allowed_hosts=["emulator.internal"]) as control:
        yield control


@pytest.mark.parametrize(
    ("host", "status"),
    [("emulator.internal:8480", 200), ("192.0.2.7", 200), ("[2001:db8::1]:1", 200), ("other.internal", 403)],
)
def test_emulator_that_listens_elsewhere_is_reached_by_address_or_by_a_name_it_was_given(
    open_emulator: EmulatorControl, host: str, status: int
) -> None:
    assert Caller(open_emulator)("ListProjects", signed={"host": host}).status == status
    assert ask(open_emulator, "GET", "state", headers={"Host": host})[0] == status
