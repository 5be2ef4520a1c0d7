"""The ASGI application: passes requests to the dispatcher and delivers the responses, complete, cut, late or never."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Collection

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from airflow_provider_dataworks.emulator.control.endpoint import ControlEndpoint
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.http.origin import CONTROL_PATH, OriginGuard
from airflow_provider_dataworks.emulator.protocol.dispatcher import Incoming
from airflow_provider_dataworks.emulator.protocol.responses import ApiResponse


def create_app(emulator: Emulator, allowed_hosts: Collection[str] = (), *, any_address: bool = False) -> Starlette:
    """
    Return the application of an emulator: the API at ``/``, the control endpoint below ``/_emulator``.

    :param emulator: the emulator.
    :param allowed_hosts: names that it answers to, besides those of the loopback interface.
    :param any_address: whether it answers to each IP address; default to those of the loopback interface only.
    """
    api = Api(emulator)
    control = ControlEndpoint(emulator)
    return Starlette(
        routes=[Mount(CONTROL_PATH, routes=control.routes()), Route("/{path:path}", api)],
        middleware=[Middleware(OriginGuard, allowed_hosts=allowed_hosts, any_address=any_address)],
        exception_handlers={HTTPException: _refused_control_call},
    )


async def _refused_control_call(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return JSONResponse({"error": f"the control endpoint has no {request.method} {request.url.path}"}, status)


class Api:
    """The API as an ASGI application, every method and path of it."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        incoming = Incoming(
            method=request.method,
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"],
            headers=_joined_headers(scope["headers"]),
            body=await request.body(),
        )
        late = self._emulator.dispatcher.take_late_fault(incoming)
        is_gone = False
        if late:
            if is_gone := late.params.get("reset", False):
                _reset(scope["state"]["transport"])
            await asyncio.sleep(late.params["seconds"])
        answer = self._emulator.dispatcher.answer(incoming, late)
        if is_gone:
            return
        if answer.delivery == "drip":
            if answer.dripping_part == "body":
                await _drip_body(receive, send, answer)
            else:
                await _drip_head(receive, scope["state"]["transport"], answer)
            return
        if answer.delay_seconds and not await _wait(receive, answer.delay_seconds):
            return
        if answer.delivery == "send":
            response = Response(answer.body, answer.status, headers=None)
            response.raw_headers = _raw_headers(answer)
            await response(scope, receive, send)
        else:
            _break_off(scope["state"]["transport"], answer)
            await _wait(receive, None)


def _joined_headers(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


async def _wait(receive: Receive, timeout_seconds: float | None) -> bool:
    """Wait until the client has gone, or the time is over, and return whether it is still there."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(gone(), timeout_seconds)
    except asyncio.TimeoutError:
        return True
    return False


async def _drip_body(receive: Receive, send: Send, answer: ApiResponse) -> None:
    """Send the body byte by byte, for as long as the client is there."""
    await send({"type": "http.response.start", "status": answer.status, "headers": _raw_headers(answer)})
    for number in range(len(answer.body)):
        if not await _wait(receive, answer.delay_seconds):
            return
        await send({"type": "http.response.body", "body": answer.body[number : number + 1], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _drip_head(receive: Receive, transport: asyncio.Transport, answer: ApiResponse) -> None:
    """Send the head byte by byte, then the body, at once or likewise; past uvicorn, which sends a head at once."""
    head, body = _head(answer), answer.body
    slow, rest = (head + body, b"") if answer.dripping_part == "response" else (head, body)
    for number in range(len(slow)):
        if not await _wait(receive, answer.delay_seconds):
            return
        transport.write(slow[number : number + 1])
    transport.write(rest)
    transport.close()
    await _wait(receive, None)


def _raw_headers(answer: ApiResponse) -> list[tuple[bytes, bytes]]:
    return [
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.all_headers()),
        (b"content-length", str(len(answer.body)).encode()),
    ]


def _break_off(transport: asyncio.Transport, answer: ApiResponse) -> None:
    if answer.delivery == "reset":
        _reset(transport)
        return
    transport.write(_head(answer) + answer.body[: len(answer.body) // 2])
    transport.close()


def _reset(transport: asyncio.Transport) -> None:
    connection = transport.get_extra_info("socket")
    # A linger time of 0 makes the kernel send RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _head(answer: ApiResponse) -> bytes:
    lines = [b"HTTP/1.1 %d %d" % (answer.status, answer.status)]
    lines += [name + b": " + value for name, value in _raw_headers(answer)]
    return b"\r\n".join([*lines, b"", b""])
