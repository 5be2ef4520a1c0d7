"""Sends one signed request and receives its answer, within limits of time and of size."""

from __future__ import annotations

import contextlib
import contextvars
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from airflow_provider_dataworks.client.credentials import Credentials
from airflow_provider_dataworks.client.endpoints import is_loopback
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome, printable, snippet
from airflow_provider_dataworks.client.signing import ACS3Auth

#: The largest body that is read, in bytes, after decompression.
MAX_BODY = 64 * 2**20

_CHUNK = 64 * 2**10
_GZIP_BEGINS, _ZLIB_METHOD = 0x1F, 8

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What to send, before it is signed.

    :param method: the HTTP method.
    :param url: where to, with the query.
    :param headers: what to send besides the signature's own.
    :param body: the form, None for none.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None


@dataclass(frozen=True)
class Response:
    """What came back for a request.

    :param status: the HTTP status.
    :param headers: by name, in any case.
    :param body: decompressed; None where it cannot be read.
    :param problem: why the body cannot be read, empty where it can.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | None
    problem: str = ""


class Exchange:
    """One attempt of a call: with which credentials, how far it came, and the means to break it off.

    :param action: the API action.
    """

    def __init__(self, action: str) -> None:
        self.action = action
        #: What the request was signed with, None before that.
        self.credentials: Credentials | None = None
        #: The HTTP status and the RequestId of the headers, None before they came.
        self.status: int | None = None
        self.request_id: str | None = None
        self._lock = threading.Lock()
        self._connection: HTTPConnection | None = None
        self._socket: Any = None
        self._sending = False
        self._abandoned = False

    @property
    def sending(self) -> bool:
        """Whether the request may be on its way."""
        return self._sending

    @property
    def surely_not_sent(self) -> bool:
        """Whether no byte of the request can have left."""
        return self._connection is not None and not self._sending

    def run(self, seconds: float, work: Callable[[], T]) -> T:
        """Do the work of this attempt, in a thread of its own: nothing else ends a name resolution or a key source.

        :param seconds: how long it may take.
        :param work: credentials, request and answer.
        :return: what the work returns.
        :raises ApiError: the time is over; the connection has been closed.
        :raises CredentialsError: the time was over before there were credentials.
        """
        future: Future[T] = Future()

        def run() -> None:
            _current.exchange = self
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is raised again, in the thread that waits
                future.set_exception(error)

        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(run,), name=f"dataworks-request-{self.action}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # No further thread is to be had, as at the interpreter's end: better without a limit than not at all.
            run()
        try:
            return future.result(seconds)
        except FutureTimeoutError:
            if future.done():
                return future.result()
            raise self._out_of_time(seconds) from None
        finally:
            if not future.done():
                self.abandon()

    def abandon(self) -> None:
        """Close the connection, and send nothing from now on."""
        with self._lock:
            self._abandoned = True
            connection = self._connection
        sock = getattr(connection, "sock", None) or self._socket
        # Not SSLSocket's own method: it takes away what the other thread reads with.
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def pass_on(self, connection: HTTPConnection, *, sending: bool) -> None:
        """Note which connection is used; raise once the attempt was abandoned.

        :param connection: the connection.
        :param sending: whether the request goes out next.
        """
        with self._lock:
            if self._abandoned:
                raise requests.ConnectionError("the attempt was given up")
            self._connection = connection
            # The connection lets go of it when an answer has no length.
            self._socket = connection.sock
            self._sending = self._sending or sending

    def _out_of_time(self, seconds: float) -> ApiError | CredentialsError:
        with self._lock:
            self._abandoned = True
        if self.credentials is None:
            return CredentialsError(f"No credentials within {seconds:.3g} s: their source is slow.", may_pass=True)
        what = "no connection" if self.surely_not_sent else "no complete answer"
        return ApiError(
            f"{what} within {seconds:.3g} s: the connection was closed",
            action=self.action,
            outcome=Outcome.NOT_EXECUTED if self.surely_not_sent else Outcome.UNKNOWN,
            http_status=self.status,
            request_id=self.request_id,
        )


class Transport:
    """Connections to one endpoint, kept alive; nothing is kept of the answers, cookies included.

    :param endpoint: scheme, host and port.
    """

    def __init__(self, endpoint: str) -> None:
        # Plain http is for loopback only, and stays there: a proxy could read the signed request.
        self._unproxied = is_loopback(urlsplit(endpoint).hostname or "")
        self._session = requests.Session()
        self._session.mount("https://", _Adapter())
        self._session.mount("http://", _Adapter())

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._session.close()

    def send(
        self,
        exchange: Exchange,
        credentials: Credentials | None,
        request: Request,
        timeout: tuple[float, float],
    ) -> Response:
        """Sign a request, send it once and receive the response.

        Nothing here sends it again or to another place: a GET may start a job.

        :param exchange: the attempt; takes what becomes known on the way.
        :param credentials: what to sign with; None sends the request without a signature.
        :param request: what to send.
        :param timeout: seconds to wait for a connection, and for each part of the answer.
        :return: the answer, whatever its status.
        :raises ApiError: no answer, or not all of it.
        """
        exchange.credentials = credentials
        response = None
        try:
            # Not Session.request, nor its send: they would merge in the session's cookies and headers, keep what
            # comes, and read where a redirect leads to.
            prepared = requests.PreparedRequest()
            prepared.prepare(
                request.method,
                request.url,
                dict(request.headers),
                data=request.body,
                auth=ACS3Auth(credentials) if credentials else None,
            )
            surroundings: Any = self._session.merge_environment_settings(request.url, {}, True, None, None)
            if self._unproxied:
                surroundings["proxies"] = {}
            response = self._session.get_adapter(request.url).send(prepared, timeout=timeout, **surroundings)
            exchange.status = response.status_code
            exchange.request_id = response.headers.get("x-acs-request-id")
            received = _receive(response)
        except Exception as error:  # noqa: BLE001 - requests', urllib3's, and what odd headers or settings cause
            if response is not None:
                response.close()
            raise _transport_error(exchange, error) from None
        return received


_current = threading.local()


class _ObservedConnection(HTTPConnection):
    """Says to the exchange of its thread which connection it uses, and when the request goes out."""

    _connecting = False

    def connect(self) -> None:
        _observe(self, sending=False)
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        # What asks a proxy for a tunnel is not yet the request.
        if not self._connecting:
            if self.sock is None:
                self.connect()
            _observe(self, sending=True)
        super().send(data)

    def getresponse(self) -> Any:
        _observe(self, sending=True)
        return super().getresponse()


def _observe(connection: HTTPConnection, *, sending: bool) -> None:
    exchange: Exchange | None = getattr(_current, "exchange", None)
    if exchange is not None:
        exchange.pass_on(connection, sending=sending)


@cache
def _observed(pool: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """The same kind of pool, with connections that are observed."""
    kind = pool.ConnectionCls
    if not issubclass(kind, HTTPConnection) or issubclass(kind, _ObservedConnection):
        return pool
    connection = type(f"Observed{kind.__name__}", (_ObservedConnection, kind), {})
    return type(f"Observed{pool.__name__}", (pool,), {"ConnectionCls": connection})


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _use_observed_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _use_observed_pools(manager)
        return manager


def _use_observed_pools(manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _observed(pool) for scheme, pool in pools.items()}


class _UnreadableBodyError(Exception):
    """The body came, but cannot be used."""


def _receive(response: requests.Response) -> Response:
    """Read the body, in pieces, so that neither its size nor that of what is packed in it matters."""
    raw = response.raw
    pieces = raw.stream(_CHUNK, decode_content=False)
    try:
        body = _unpacked(pieces, response.headers.get("content-encoding", ""))
    except (_UnreadableBodyError, zlib.error) as error:
        response.close()
        return Response(response.status_code, response.headers, None, printable(str(error)))
    raw.release_conn()
    return Response(response.status_code, response.headers, body)


def _unpacked(pieces: Iterable[bytes], encodings: str) -> bytes:
    names = [name for name in (part.strip().lower() for part in encodings.split(",")) if name not in ("", "identity")]
    if not names:
        return _joined(pieces)
    if names not in (["gzip"], ["x-gzip"], ["deflate"]):
        raise _UnreadableBodyError(f"its content-encoding {encodings[:60]!r} is not supported")
    return _joined(_inflated(pieces, raw_too=names == ["deflate"]))


def _inflated(pieces: Iterable[bytes], *, raw_too: bool) -> Iterable[bytes]:
    """Decompress zlib and gzip, of one member or more, and raw deflate, which some servers mean by that name."""
    inflater, ended = None, False
    for piece in pieces:
        rest = piece
        while True:
            if inflater is None:
                if not rest or (ended and rest[0] != _GZIP_BEGINS):
                    break
                bare = raw_too and rest[0] & 0x0F != _ZLIB_METHOD
                inflater = zlib.decompressobj(-zlib.MAX_WBITS if bare else 32 + zlib.MAX_WBITS)
            part = inflater.decompress(rest, _CHUNK)
            rest = inflater.unconsumed_tail
            yield part
            if inflater.eof:
                rest, inflater, ended = inflater.unused_data, None, True
            elif not rest and len(part) < _CHUNK:
                break
    if inflater is not None:
        raise _UnreadableBodyError("it is compressed and breaks off")


def _joined(pieces: Iterable[bytes]) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > MAX_BODY:
            raise _UnreadableBodyError(f"it has more than {MAX_BODY // 2**20} MiB")
    return bytes(body)


def _transport_error(exchange: Exchange, error: Exception) -> ApiError:
    """Turn a failure to send or to receive into an ApiError; of an answer that broke off, the beginning is there."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in text:
        return ApiError(
            "the server's TLS certificate was not accepted: give the CA that signed it in REQUESTS_CA_BUNDLE",
            action=exchange.action,
            outcome=Outcome.REFUSED,
        )
    if "invalid path" in text and not isinstance(error, requests.RequestException):
        return ApiError(
            f"the CA certificates of REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE cannot be read: {snippet(text)}",
            action=exchange.action,
            outcome=Outcome.REFUSED,
        )
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    kind = type(reason or error).__name__
    # ConnectTimeout is a ConnectionError too; a proxy that can't be reached has not passed anything on.
    never_sent = (
        exchange.surely_not_sent
        or isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError))
        or kind in ("NewConnectionError", "NameResolutionError")
    )
    if isinstance(error, ValueError) and exchange.status is None and not exchange.sending:
        # It was found while the request was put together.
        outcome = Outcome.REFUSED
    else:
        outcome = Outcome.NOT_EXECUTED if never_sent else Outcome.UNKNOWN
    what = "no connection" if never_sent else "no complete answer"
    return ApiError(
        f"{what} ({kind}: {snippet(_innermost(error))})",
        action=exchange.action,
        outcome=outcome,
        http_status=exchange.status,
        request_id=exchange.request_id,
    )


def _innermost(error: BaseException) -> str:
    """The root cause's words; the outer layers only repeat the URL, parameters included."""
    cause: Any = getattr(error.args[0] if error.args else None, "reason", None) or error
    while getattr(cause, "args", None) and isinstance(cause.args[-1], BaseException):
        cause = cause.args[-1]
    text = re.sub(r"<[^>]*object at 0x[0-9a-f]+>:? ?", "", str(cause))
    return re.sub(r"url: \S+", "", text)
