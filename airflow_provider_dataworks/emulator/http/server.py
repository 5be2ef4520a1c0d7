"""The HTTP server: uvicorn on a port of its own, in this thread or in another."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Collection
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.http.app import create_app
from airflow_provider_dataworks.emulator.http.origin import is_loopback

GRACE_SECONDS = 1
START_SECONDS = 30


class _Protocol(H11Protocol):
    """Gives the application access to the transport, to cut and reset connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        super().connection_made(transport)


class Server(uvicorn.Server):
    """
    The server of one emulator. It listens as soon as it is constructed, and answers during :meth:`run`.

    :param emulator: the emulator.
    :param host: address to listen on.
    :param port: port to listen on, 0 for a free one.
    :param allowed_hosts: further host names that requests may be for.
    :raises OSError: the address cannot be listened on.
    """

    def __init__(
        self, emulator: Emulator, host: str = "127.0.0.1", port: int = 0, allowed_hosts: Collection[str] = ()
    ) -> None:
        super().__init__(
            uvicorn.Config(
                create_app(emulator, {host, *allowed_hosts}, any_address=not _is_loopback(host)),
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._ready = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With its protocol named, asyncio sets TCP_NODELAY; without it every answer is some 40 ms late.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(1024)
        except BaseException:
            self._socket.close()
            raise
        self.url = _url(host, self._socket.getsockname()[1])

    def run(self, sockets: Any = None) -> None:
        """Serve until :meth:`stop`, or a signal when this is the main thread."""
        super().run([self._socket])

    async def startup(self, sockets: Any = None) -> None:
        """Start, and signal that requests are answered."""
        await super().startup(sockets)
        self._ready.set()

    def wait_until_ready(self) -> None:
        """
        Wait until requests are answered.

        :raises TimeoutError: they are not within 30 seconds.
        """
        if not self._ready.wait(START_SECONDS):
            raise TimeoutError("the emulator did not start")

    def stop(self) -> None:
        """End :meth:`run`; may be called from any thread and from a signal handler."""
        self.should_exit = True


def _is_loopback(host: str) -> bool:
    try:
        return is_loopback(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"


def _url(host: str, port: int) -> str:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
