"""No request outlasts its total time, whatever drips; in a signal handler neither."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.connection import HTTPConnection

from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.credentials import Credentials
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome
from airflow_provider_dataworks.client.transport import Exchange
from tests.support.calls import call
from tests.support.certificates import server_context, write_certificate
from tests.support.clock import FakeClock
from tests.support.scripted_server import ScriptedServer

from .conftest import KEY, ClientFactory

#: Seconds between two bytes; each comes long before the read timeout.
DRIP = 0.05
BEGINNING = b"HTTP/1.1 200 OK\r\nx-acs-request-id: R-drip\r\ncontent-type: application/json\r\n"


class Dripping:
    """A server whose connections get what a test says, a byte at a time."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        #: What comes at once after the request, and what then drips, over and over.
        self.first, self.then = b"", b" "
        self.reads = True
        self.requests: list[bytes] = []
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._drip, args=(connection,), daemon=True).start()

    def _drip(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if self.reads:
                self.requests.append(connection.recv(65536))
            connection.sendall(self.first)
            while True:
                for byte in self.then:
                    connection.sendall(bytes([byte]))
                    time.sleep(DRIP)
        self.ended.set()


@pytest.fixture
def dripping() -> Iterator[Dripping]:
    """Return a server that drips."""
    server = Dripping()
    yield server
    server.listener.close()


def late(call: Callable[[], Any], limit: float, kind: type[Exception] = ApiError) -> Any:
    began = time.monotonic()
    with pytest.raises(kind) as raised:
        call()
    spent = time.monotonic() - began
    assert limit * 0.9 <= spent < limit + 5
    return raised.value


@pytest.mark.waits
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (BEGINNING + b"content-length: 100000\r\n\r\n{", b" "),
        (BEGINNING + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (BEGINNING + b"\r\n{", b" "),
        (BEGINNING + b"x-drip: ", b"x"),
        (b"HTTP/1.1 2", b"0"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "chunks", "body without a length", "headers", "status line", "informational"],
)
def test_answer_that_drips_ends_with_its_time(
    dripping: Dripping, make_client: ClientFactory, first: bytes, then: bytes
) -> None:
    dripping.first, dripping.then = first, then
    client = make_client(f"http://127.0.0.1:{dripping.port}", read_timeout=5, request_timeout=0.4)

    error = late(lambda: call(client, "StartDIJob", body={"DIJobId": 1001}), 0.4)

    assert (error.outcome, error.outcome_unknown, error.attempts) == (Outcome.UNKNOWN, True, 1)
    assert error.action == "StartDIJob"
    assert error.message == "no complete answer within 0.4 s: the connection was closed"
    # What came of it is not lost.
    if first.endswith((b"{", b"\r\n\r\n")):
        assert (error.http_status, error.request_id) == (200, "R-drip")
    assert dripping.ended.wait(5), "the connection is still open"
    assert len(dripping.requests) == 1


def test_total_time_is_twice_the_read_timeout_by_default(dripping: Dripping, make_client: ClientFactory) -> None:
    assert make_client("https://a").request_timeout == 40.0

    client = make_client(f"http://127.0.0.1:{dripping.port}", read_timeout=0.2, max_attempts=1)
    late(lambda: call(client, "GetDIJob"), 0.4)


def test_handshake_that_drips_has_sent_nothing(dripping: Dripping, make_client: ClientFactory) -> None:
    # The beginning of a TLS record: a handshake of 16,000 bytes, which comes in an hour.
    dripping.first = b"\x16\x03\x03\x3e\x80"
    client = make_client(f"https://127.0.0.1:{dripping.port}", connect_timeout=1, request_timeout=0.4, max_attempts=1)

    error = late(lambda: call(client, "StartDIJob"), 0.4)

    assert (error.outcome, error.outcome_unknown) == (Outcome.NOT_EXECUTED, False)
    assert error.message == "no connection within 0.4 s: the connection was closed"


def test_handshake_that_breaks_off_has_sent_nothing(make_client: ClientFactory, server: ScriptedServer) -> None:
    client = make_client(server.url.replace("http:", "https:"), max_attempts=1)

    with pytest.raises(ApiError, match="no connection") as raised:
        call(client, "StartDIJob")

    assert (raised.value.outcome, raised.value.outcome_unknown) == (Outcome.NOT_EXECUTED, False)


@pytest.mark.waits
def test_tls_answer_that_drips_ends_with_its_time(
    make_client: ClientFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = write_certificate(tmp_path / "server.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError), listener:
            plain, _ = listener.accept()
            with server_context(certificate).wrap_socket(plain, server_side=True) as connection:
                connection.recv(65536)
                connection.sendall(BEGINNING + b"content-length: 100000\r\n\r\n{")
                while True:
                    connection.sendall(b" ")
                    time.sleep(DRIP)
        ended.set()

    threading.Thread(target=serve, daemon=True).start()
    # Long enough for a handshake on a busy machine.
    client = make_client(f"https://127.0.0.1:{listener.getsockname()[1]}", request_timeout=1.5)

    error = late(lambda: call(client, "StartDIJob"), 1.5)

    assert (error.outcome, error.request_id) == (Outcome.UNKNOWN, "R-drip")
    assert ended.wait(5), "the connection is still open"


@pytest.mark.waits
def test_proxy_that_drips_has_passed_nothing_on(
    dripping: Dripping, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dripping.port}")
    dripping.first = b"HTTP/1.1 200 Connection established\r\nx-drip: "
    client = make_client("https://dataworks.example", request_timeout=0.4, max_attempts=1)

    error = late(lambda: call(client, "StartDIJob"), 0.4)

    assert error.outcome is Outcome.NOT_EXECUTED
    assert dripping.ended.wait(5), "the connection is still open"
    assert b"CONNECT" in dripping.requests[0]


def test_address_look_up_that_hangs_has_sent_nothing(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_look_up, go_on = socket.getaddrinfo, threading.Event()

    def hang(*args: Any, **kwargs: Any) -> Any:
        go_on.wait(10)
        return true_look_up(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    client = make_client(server.url, request_timeout=0.3, max_attempts=1)

    error = late(lambda: call(client, "StartDIJob"), 0.3)
    go_on.set()
    _threads_are_gone()

    assert error.outcome is Outcome.NOT_EXECUTED
    # Not afterwards either.
    assert server.received == []


def test_source_of_keys_that_hangs_ends_with_the_time_of_the_request(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    go_on = threading.Event()

    class Slow:
        def get(self) -> Credentials:
            go_on.wait(10)
            return KEY

        def renew(self) -> bool:
            return False

    client = make_client(server.url, Slow(), request_timeout=0.3)

    error = late(lambda: call(client, "StartDIJob"), 0.3, CredentialsError)
    go_on.set()
    _threads_are_gone()

    assert str(error) == "No credentials within 0.3 s: their source is slow."
    assert error.may_pass
    assert server.received == []


def test_nothing_is_sent_over_a_kept_connection_either_once_the_time_is_over(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    go_on = threading.Event()

    class SlowAtLast:
        asked = 0

        def get(self) -> Credentials:
            self.asked += 1
            if self.asked == 3:
                go_on.wait(10)
            return KEY

        def renew(self) -> bool:
            return False

    client = make_client(server.url, SlowAtLast(), max_attempts=1)
    call(client, "GetDIJob")
    call(client, "GetDIJob")
    client.request_timeout = 0.3

    late(lambda: call(client, "StartDIJob"), 0.3, CredentialsError)
    go_on.set()
    _threads_are_gone()

    assert [request.connection for request in server.received] == [1, 1]


def test_attempt_has_a_thread_that_has_its_name_and_does_not_hold_up_the_end_of_the_process() -> None:
    thread = Exchange("GetDIJob").run(20, threading.current_thread)

    assert (thread.name, thread.daemon) == ("dataworks-request-GetDIJob", True)


def test_nothing_is_sent_by_an_attempt_that_was_abandoned() -> None:
    exchange = Exchange("StartDIJob")

    exchange.abandon()

    with pytest.raises(requests.ConnectionError, match="the attempt was given up"):
        exchange.pass_on(HTTPConnection("127.0.0.1"), sending=True)


def test_nothing_is_sent_by_an_attempt_that_was_said_not_to_be_sent() -> None:
    exchange = Exchange("StartDIJob")
    exchange.credentials = KEY
    exchange.pass_on(HTTPConnection("127.0.0.1"), sending=False)

    error = exchange._out_of_time(1.0)

    assert isinstance(error, ApiError)
    assert error.outcome is Outcome.NOT_EXECUTED
    with pytest.raises(requests.ConnectionError):
        exchange.pass_on(HTTPConnection("127.0.0.1"), sending=True)


def test_attempt_is_abandoned_also_after_its_connection_broke() -> None:
    exchange = Exchange("StartDIJob")
    connection = HTTPConnection("127.0.0.1")
    connection.sock = socket.socket()
    exchange.pass_on(connection, sending=True)

    with connection.sock:
        exchange.abandon()

    assert not exchange.surely_not_sent


@pytest.mark.waits
def test_whole_call_ends_with_its_time(dripping: Dripping, make_client: ClientFactory) -> None:
    client = make_client(
        f"http://127.0.0.1:{dripping.port}", read_timeout=5, request_timeout=5, max_elapsed=0.5, max_attempts=50
    )

    error = late(lambda: call(client, "GetDIJob"), 0.5)

    assert error.outcome_unknown


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the seconds that attempts were given."""
    given: list[float] = []
    run = Exchange.run

    def spy(self: Exchange, seconds: float, work: Callable[[], Any]) -> Any:
        given.append(seconds)
        return run(self, 20, work)

    monkeypatch.setattr(Exchange, "run", spy)
    return given


@pytest.mark.parametrize(
    ("code", "wait", "max_elapsed", "bound"),
    [
        ("ServiceUnavailable", 150, None, 180),
        ("ServiceUnavailable", 50, 60, 60),
        ("Throttling", 50, 60, 60),
        ("Throttling", 170, None, None),
    ],
)
def test_attempt_has_no_more_time_than_its_call_has_left(
    server: ScriptedServer,
    make_client: ClientFactory,
    times: list[float],
    code: str,
    wait: int,
    max_elapsed: float | None,
    bound: float | None,
) -> None:
    server.answer(503, b'{"Code": "%s"}' % code.encode(), x_acs_retry_after=f"{wait}000")
    clock = FakeClock()

    with installed(clock):
        call(make_client(server.url, max_elapsed=max_elapsed, sleep=clock.sleep), "GetDIJob")

    (pause,) = clock.sleeps
    assert times == [40, 40 if bound is None else pytest.approx(bound - pause)]


def test_first_attempt_has_no_more_time_than_its_call(
    server: ScriptedServer, make_client: ClientFactory, times: list[float]
) -> None:
    with installed(FakeClock()):
        call(make_client(server.url, max_elapsed=0.5), "GetDIJob")

    assert times == [0.5]


def test_connection_of_an_answer_in_time_is_used_again(server: ScriptedServer, make_client: ClientFactory) -> None:
    client = make_client(server.url, request_timeout=5)
    for status in (200, 204, 400, 302, 200):
        server.answer(status, b"" if status == 204 else b'{"Code": "X"}' if status >= 300 else b"{}")
        with contextlib.suppress(ApiError):
            call(client, "StartDIJob")

    assert [request.connection for request in server.received] == [1] * 5
    _threads_are_gone()


@pytest.mark.waits
def test_request_in_a_signal_handler_ends_with_its_time(
    dripping: Dripping, server: ScriptedServer, make_client: ClientFactory
) -> None:
    """What on_kill does: a call inside a signal handler, while the same thread waits for another call's answer."""
    waiting = make_client(f"http://127.0.0.1:{dripping.port}", read_timeout=5, request_timeout=1.2)
    hurried = make_client(server.url, request_timeout=1)
    done: list[dict[str, Any]] = []
    before = signal.signal(signal.SIGALRM, lambda *_: done.append(call(hurried, "StopDIJob", body={"DIJobId": 1001})))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        late(lambda: call(waiting, "StartDIJob"), 1.2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert done == [{"RequestId": "R-1"}]


def test_exception_of_a_signal_handler_closes_the_connection(dripping: Dripping, make_client: ClientFactory) -> None:
    """What Airflow's execution_timeout does."""

    class OverError(BaseException):
        pass

    def end(*_: object) -> None:
        raise OverError

    client = make_client(f"http://127.0.0.1:{dripping.port}", read_timeout=30)
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(OverError):
            call(client, "StartDIJob")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert dripping.ended.wait(5), "the connection is still open"


def test_request_is_made_where_no_thread_can_be_started(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = make_client(server.url)

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        # The server's own thread for the connection cannot start either.
        patch.setattr(client, "timeout", (1.0, 0.2))
        with pytest.raises(ApiError):
            call(client, "StartDIJob")

    assert call(client, "GetDIJob") == {"RequestId": "R-1"}


def _threads_are_gone() -> None:
    """Wait until no request of ours is under way any more."""
    deadline = time.monotonic() + 5
    while names := [thread.name for thread in threading.enumerate() if thread.name.startswith("dataworks-request-")]:
        assert time.monotonic() < deadline, names
        time.sleep(0.01)
