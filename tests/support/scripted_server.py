"""An HTTP server that keeps what it is sent and answers what a test says: also a proxy, also over TLS."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Received:
    """One request, as it came over the wire.

    :param connection: number of the TCP connection that it came on, from 1.
    :param target: what stands between method and version: a path, or a whole address when a proxy is asked.
    :param headers: names in lower case.
    """

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Scripted:
    """One answer."""

    status: int = 200
    body: bytes = b'{"RequestId": "R-1"}'
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class ScriptedServer:
    """What a running server got, and what it is to answer: the answers in their order, then always a good one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.received: list[Received] = []
        self.answers: deque[Scripted] = deque()
        #: The body of what is answered when no answer is left.
        self.standard = Scripted.body

    @property
    def authority(self) -> str:
        """Host and port."""
        return self.url.rpartition("//")[2]

    def answer(self, status: int = 200, body: bytes = Scripted.body, **headers: str) -> None:
        """Put an answer at the end; underscores in the names of headers stand for hyphens."""
        self.answers.append(Scripted(status, body, {name.replace("_", "-"): value for name, value in headers.items()}))


@contextlib.contextmanager
def scripted_server(context: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """
    Run a server on a free port of this machine for the time of a ``with`` block.

    :param context: serve TLS with it; None is plain HTTP.
    """
    connections = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            nonlocal connections
            connections += 1
            self.number = connections
            super().setup()

        def take(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            script.received.append(Received(self.number, str(self.command), self.path, headers, body))
            answer = script.answers.popleft() if script.answers else Scripted(body=script.standard)
            # The base class adds a Date of its own.
            (self.send_response_only if "date" in answer.headers else self.send_response)(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def do_POST(self) -> None:
            self.take()

        def do_GET(self) -> None:
            self.take()

        def do_CONNECT(self) -> None:
            self.take()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Keep the tests' output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # Kept-alive connections outlive the test; their threads end with the process.
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses the certificate, or goes away, is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    script = ScriptedServer(f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
