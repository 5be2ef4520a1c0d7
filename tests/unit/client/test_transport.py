"""Connections: kept alive, always with timeouts, through proxies, without redirects, with TLS verified."""

from __future__ import annotations

import http.client
import logging
import re
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.errors import ApiError, Outcome
from airflow_provider_dataworks.client.transport import _innermost
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.calls import call
from tests.support.certificates import server_context, write_certificate
from tests.support.clock import FakeClock
from tests.support.scripted_server import ScriptedServer, scripted_server

from .conftest import ClientFactory


def list_jobs(client: DataWorksClient) -> dict[str, Any]:
    return call(client, "ListDIJobs", body={"ProjectId": 10000})


def failure(client: DataWorksClient, action: str = "ListDIJobs") -> ApiError:
    with pytest.raises(ApiError) as raised:
        call(client, action, body={"ProjectId": 10000})
    return raised.value


@pytest.fixture
def dead_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# The request


def test_one_tcp_connection_serves_many_calls(server: ScriptedServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)

    for _ in range(5):
        list_jobs(client)

    assert [request.connection for request in server.received] == [1] * 5


def test_request_is_a_post_to_the_root(server: ScriptedServer, make_client: ClientFactory) -> None:
    call(make_client(server.url), "StartDISyncInstance", query={"FileId": 1, "TaskType": "DI_REALTIME"})

    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/?FileId=1&TaskType=DI_REALTIME")
    assert (request.body, request.headers["content-length"]) == (b"", "0")
    assert "content-type" not in request.headers
    assert request.headers["x-acs-action"] == "StartDISyncInstance"
    assert request.headers["x-acs-version"] == "2020-05-18"
    versions = rf"airflow-provider-dataworks/{re.escape(__version__)} requests/{re.escape(requests.__version__)}"
    assert re.fullmatch(rf"{versions} python/\d+\.\d+\.\d+", request.headers["user-agent"])
    assert (request.headers["accept"], request.headers["accept-encoding"]) == ("application/json", "gzip, deflate")


def test_values_are_encoded_as_the_official_sdk_does(server: ScriptedServer, make_client: ClientFactory) -> None:
    call(
        make_client(server.url),
        "StartDIJob",
        query={"TaskName": "a b+c&d=e~f*中ü"},
        body={
            "Zone": "last",
            "ForceToRerun": True,
            "WithDetails": False,
            "RealtimeStartSettings": {"FailoverSettings": {"Interval": 10}, "n": "名"},
            "Ids": [1, 2],
            "Absent": None,
            "Empty": "",
            "DIJobId": 11743,
        },
    )

    (request,) = server.received
    assert request.target == "/?TaskName=a+b%2Bc%26d%3De~f%2A%E4%B8%AD%C3%BC"
    assert request.body == (
        b"DIJobId=11743&Empty=&ForceToRerun=true&Ids=%5B1%2C2%5D&RealtimeStartSettings=%7B%22FailoverSettings%22%3A%7B"
        b"%22Interval%22%3A10%7D%2C%22n%22%3A%22%E5%90%8D%22%7D&WithDetails=false&Zone=last"
    )
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


def test_an_answer_is_a_line_of_the_log_for_debugging(
    server: ScriptedServer, make_client: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "airflow_provider_dataworks.client.client")

    with installed(FakeClock()):
        list_jobs(make_client(server.url))

    lines = [one.getMessage() for one in caplog.records if one.name.endswith("client.client")]
    assert lines == ["ListDIJobs: HTTP 200 in 0.000 s"]


# Timeouts


def test_timeouts_are_given_to_every_request(
    client: DataWorksClient, make_client: ClientFactory, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    send = requests.adapters.HTTPAdapter.send

    def spy(self: Any, request: Any, **how: Any) -> Any:
        seen.append(how["timeout"])
        return send(self, request, **how)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", spy)
    list_jobs(client)
    list_jobs(make_client(server.url, connect_timeout=1.5, read_timeout=2.5))

    assert seen == [(5.0, 20.0), (1.5, 2.5)]


def test_answer_that_is_late_is_an_unknown_outcome(emulator: EmulatorControl, make_client: ClientFactory) -> None:
    key = StaticCredentials(Credentials(emulator.access_key_id, emulator.access_key_secret))
    emulator.add_fault("slow", seconds=30)
    began = time.monotonic()

    error = failure(make_client(emulator.url, key, read_timeout=0.2), "StopDIJob")

    assert time.monotonic() - began < 20
    assert error.outcome is Outcome.UNKNOWN
    assert "ReadTimeout" in error.message


def test_connection_that_nobody_takes_is_surely_not_executed(make_client: ClientFactory, dead_port: int) -> None:
    error = failure(make_client(f"http://127.0.0.1:{dead_port}", max_attempts=2), "StopDIJob")

    assert (error.outcome, error.attempts) == (Outcome.NOT_EXECUTED, 2)
    assert (error.action, error.http_status, error.request_id) == ("StopDIJob", None, None)
    assert error.message.startswith("no connection (NewConnectionError: ")
    assert "refused" in error.message
    assert "object at" not in error.message


def test_probe_of_a_host_that_has_no_address_is_surely_not_executed(make_client: ClientFactory) -> None:
    with pytest.raises(ApiError, match="no connection") as raised:
        make_client("https://dataworks.nowhere.invalid").probe()

    assert raised.value.outcome is Outcome.NOT_EXECUTED


def test_request_that_cannot_be_put_together_is_refused(server: ScriptedServer, make_client: ClientFactory) -> None:
    key = StaticCredentials(Credentials("id", "secret", "a token\nof two lines"))

    error = failure(make_client(server.url, key), "StopDIJob")

    assert (error.outcome, server.received) == (Outcome.REFUSED, [])


def test_connection_that_breaks_while_the_request_goes_out_is_an_unknown_outcome(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: Any, data: bytes) -> None:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr(http.client.HTTPConnection, "send", breaks)

    error = failure(make_client(server.url), "StopDIJob")

    assert error.outcome is Outcome.UNKNOWN
    assert error.message.startswith("no complete answer (")
    assert "reset by peer" in error.message


def test_failure_without_words_is_an_unknown_outcome(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fails)

    error = failure(make_client(server.url), "StopDIJob")

    assert (error.outcome, error.message) == (Outcome.UNKNOWN, "no complete answer (RuntimeError: '')")


def test_host_that_has_no_address_is_surely_not_executed(make_client: ClientFactory) -> None:
    error = failure(make_client("https://dataworks.nowhere.invalid", max_attempts=1), "StopDIJob")

    assert error.outcome is Outcome.NOT_EXECUTED
    assert "no connection" in error.message


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_connection_that_breaks_is_an_unknown_outcome(
    client: DataWorksClient, emulator: EmulatorControl, kind: str
) -> None:
    emulator.add_fault(kind, effect="after")

    error = failure(client, "StopDIJob")

    assert error.outcome is Outcome.UNKNOWN
    assert error.message.startswith("no complete answer (")


def test_answer_that_breaks_off_has_its_request_id(client: DataWorksClient, emulator: EmulatorControl) -> None:
    emulator.add_fault("cut", effect="after")

    error = failure(client, "StopDIJob")

    assert (error.http_status, error.request_id) == (400, emulator.requests("StopDIJob")[-1]["request_id"])


def test_text_of_a_lost_call_has_no_parameters(emulator: EmulatorControl, make_client: ClientFactory) -> None:
    key = StaticCredentials(Credentials(emulator.access_key_id, emulator.access_key_secret))
    emulator.add_fault("reset")

    with pytest.raises(ApiError) as raised:
        call(make_client(emulator.url, key), "StartDISyncInstance", query={"StartParam": "precious"})

    assert "precious" not in str(raised.value)


def test_words_of_the_cause_are_those_of_the_innermost_exception() -> None:
    inner = ConnectionResetError("reset by peer")

    assert _innermost(requests.ConnectionError(ConnectionError("aborted", inner))) == "reset by peer"


def test_words_of_the_cause_may_be_a_reason_without_an_exception() -> None:
    refused = ssl.SSLError("handshake")
    refused.reason = "WRONG_VERSION_NUMBER"

    assert _innermost(requests.ConnectionError(refused)) == "WRONG_VERSION_NUMBER"


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("<urllib3.HTTPConnection object at 0x7f3a>: Failed to connect", "Failed to connect"),
        ("Max retries exceeded with url: /?StartParam=precious (last)", "Max retries exceeded with  (last)"),
    ],
)
def test_words_of_the_cause_have_neither_objects_nor_parameters(words: str, kept: str) -> None:
    assert _innermost(OSError(words)) == kept


# Redirects


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(server: ScriptedServer, make_client: ClientFactory, status: int) -> None:
    server.answer(status, b"", location=f"{server.url}/elsewhere")

    error = failure(make_client(server.url))

    assert (error.outcome, error.http_status) == (Outcome.REFUSED, status)
    assert len(server.received) == 1


# Proxies


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_proxy_of_the_environment_is_asked(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, server.url)

    list_jobs(make_client("http://dataworks.example"))

    (request,) = server.received
    assert request.target == "http://dataworks.example/"
    assert request.headers["host"] == "dataworks.example"


def test_proxy_tunnels_https_and_sees_no_credentials(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    server.answer(502, b"no way")

    error = failure(make_client("https://dataworks.cn-shanghai.aliyuncs.com", max_attempts=1), "StopDIJob")

    (request,) = server.received
    assert (request.method, request.target) == ("CONNECT", "dataworks.cn-shanghai.aliyuncs.com:443")
    assert "authorization" not in request.headers
    assert error.outcome is Outcome.NOT_EXECUTED


def test_no_proxy_is_honoured(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    client = make_client("http://dataworks.invalid", max_attempts=1)
    list_jobs(client)
    assert len(server.received) == 1

    monkeypatch.setenv("NO_PROXY", "dataworks.invalid")
    assert "no connection" in failure(client).message
    assert len(server.received) == 1


def test_loopback_is_never_reached_through_a_proxy(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server() as proxy:
        for name in ("HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        list_jobs(make_client(server.url))

    assert (len(server.received), proxy.received) == (1, [])


def test_proxy_that_cannot_be_reached_has_passed_nothing_on(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, dead_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:proxy-password@127.0.0.1:{dead_port}")

    error = failure(make_client("http://dataworks.example", max_attempts=1), "StopDIJob")

    assert error.outcome is Outcome.NOT_EXECUTED
    assert "proxy-password" not in str(error)


def test_proxy_that_cannot_be_reached_has_passed_no_probe_on(
    make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, dead_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead_port}")

    with pytest.raises(ApiError, match="no connection") as raised:
        make_client("http://dataworks.example").probe()

    assert raised.value.outcome is Outcome.NOT_EXECUTED


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1 that nobody else has signed."""
    return write_certificate(tmp_path / "server.pem")


def test_certificate_that_nobody_vouches_for_is_refused(make_client: ClientFactory, certificate: Path) -> None:
    with scripted_server(server_context(certificate)) as server:
        error = failure(make_client(server.url))

    assert (error.action, error.outcome) == ("ListDIJobs", Outcome.REFUSED)
    assert "TLS certificate" in error.message
    assert "REQUESTS_CA_BUNDLE" in error.message
    assert server.received == []


@pytest.mark.parametrize("variable", ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PYTHONHTTPSVERIFY"])
@pytest.mark.parametrize("value", ["", "0", "false"])
def test_verification_cannot_be_switched_off_by_the_environment(
    make_client: ClientFactory, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with scripted_server(server_context(certificate)) as server:
        error = failure(make_client(server.url, max_attempts=1))

    assert server.received == []
    assert error.outcome is Outcome.REFUSED
    assert "REQUESTS_CA_BUNDLE" in error.message


def test_file_of_certificates_that_is_not_there_is_named(
    make_client: ClientFactory, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")
    with scripted_server(server_context(certificate)) as server:
        error = failure(make_client(server.url))

    assert (error.action, error.outcome) == ("ListDIJobs", Outcome.REFUSED)
    assert "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE cannot be read: " in error.message
    assert "/nowhere/ca.pem" in error.message


def test_own_certificate_authority_can_be_named(
    make_client: ClientFactory, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with scripted_server(server_context(certificate)) as server:
        assert list_jobs(make_client(server.url)) == {"RequestId": "R-1"}

    assert len(server.received) == 1


# Secrets


def test_repr_shows_no_secret(make_client: ClientFactory) -> None:
    client = make_client("https://dataworks.cn-shanghai.aliyuncs.com")

    assert repr(client) == "DataWorksClient('https://dataworks.cn-shanghai.aliyuncs.com')"
    assert "secret" not in repr(Credentials("id", "the secret", "the token")).replace("access_key_secret", "")
    assert "token" not in repr(Credentials("id", "the secret", "the token"))


# A probe without a signature


def test_a_probe_is_not_signed_and_shows_the_services_clock(
    dataworks_emulator: EmulatorControl, make_client: ClientFactory
) -> None:
    dataworks_emulator.settings(clock_skew_seconds=-600)
    probe = make_client(dataworks_emulator.url).probe()

    (entry,) = dataworks_emulator.requests()
    assert (entry["action"], entry["method"], "authorization" in entry["headers"]) == (None, "GET", False)
    assert (probe.status, probe.elapsed >= 0) == (400, True)
    assert probe.clock_ahead == pytest.approx(600, abs=5)


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Nov 2026 11:00:00 GMT"])
def test_a_probe_without_a_date_that_can_be_read_knows_no_clock(
    server: ScriptedServer, make_client: ClientFactory, date: str
) -> None:
    server.answer(400, date=date)

    assert make_client(server.url).probe().clock_ahead is None


def test_a_probe_that_gets_no_answer_is_an_error(make_client: ClientFactory, dead_port: int) -> None:
    with pytest.raises(ApiError, match="no connection"):
        make_client(f"http://127.0.0.1:{dead_port}").probe()
