"""A local stand-in for what gives keys: STS, the metadata service of an ECS instance, a credentials URI."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from airflow_provider_dataworks.emulator.control import EmulatorControl

METADATA = "/latest/meta-data/ram/security-credentials/"
METADATA_TOKEN = "/latest/api/token"


class KeyServer:
    """Issues STS triples, which the emulator then knows; :meth:`end_token` ends the last one there.

    :param url: where it listens.
    :param emulator: where the issued keys are good.
    """

    def __init__(self, url: str, emulator: EmulatorControl) -> None:
        self.url = url
        self.emulator = emulator
        #: AccessKey and secret with which AssumeRole must be signed, and the token that AssumeRoleWithOIDC takes.
        self.caller = ("LTAI-caller", "caller-secret")
        self.oidc_token = "oidc-token"
        self.role_name = "worker"
        #: Whether the metadata service gives session tokens (v2) and insists on them.
        self.metadata_v2 = True
        self.lifetime = 3600.0
        #: Whether the emulator accepts what is issued.
        self.known_to_service = True
        #: A status and a body that stand for any other answer.
        self.failure: tuple[int, bytes] | None = None
        #: Keys that the emulator is to know besides the issued ones.
        self.known: list[dict[str, str]] = []
        self.issued: list[dict[str, str]] = []
        self.asked: list[str] = []
        self._ended: set[str] = set()
        self._lock = threading.Lock()

    @property
    def authority(self) -> str:
        """Host and port."""
        return self.url.rpartition("//")[2]

    def end_token(self) -> None:
        """End the token that was issued last: the service refuses it from now on, whatever Expiration said."""
        self._ended.add(self.issued[-1]["access_key_id"])
        self._tell()

    def answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str]) -> tuple[int, bytes]:
        """Give the answer to a request: status and body."""
        with self._lock:
            what = query.get("Action") or f"{method} {path}"
            self.asked.append(what)
            if self.failure is not None:
                return self.failure
            if what == "AssumeRole":
                return self._assume_role(method, query)
            if what == "AssumeRoleWithOIDC":
                return self._sts(query.get("OIDCToken") == self.oidc_token, "AuthenticationFail.OIDCToken.Invalid")
            if path == METADATA_TOKEN:
                return (200, b"metadata-session") if self.metadata_v2 and method == "PUT" else (404, b"")
            if path.startswith(METADATA):
                return self._metadata(path.removeprefix(METADATA), headers)
            return self._plain() if path == "/keys" else (404, b"")

    def _assume_role(self, method: str, query: dict[str, str]) -> tuple[int, bytes]:
        given = query.pop("Signature", "")
        canonical = "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))
        text = f"{method}&%2F&{quote(canonical, safe='~')}"
        digest = hmac.new(f"{self.caller[1]}&".encode(), text.encode(), hashlib.sha1).digest()
        right = query.get("AccessKeyId") == self.caller[0] and given == base64.b64encode(digest).decode()
        return self._sts(right, "SignatureDoesNotMatch")

    def _sts(self, right: bool, code: str) -> tuple[int, bytes]:
        if not right:
            return 400, json.dumps({"Code": code, "Message": "refused", "RequestId": "R-sts"}).encode()
        return 200, json.dumps({"RequestId": "R-sts", "Credentials": self._issue()}).encode()

    def _metadata(self, role: str, headers: dict[str, str]) -> tuple[int, bytes]:
        if self.metadata_v2 and headers.get("x-aliyun-ecs-metadata-token") != "metadata-session":
            return 403, b""
        if not role:
            return 200, self.role_name.encode()
        return self._plain() if role == self.role_name else (404, b"")

    def _plain(self) -> tuple[int, bytes]:
        return 200, json.dumps({"Code": "Success", **self._issue()}).encode()

    def _issue(self) -> dict[str, str]:
        number = len(self.issued) + 1
        key = {
            "access_key_id": f"STS.issued-{number}",
            "access_key_secret": f"issued-secret-{number}",
            "security_token": f"issued-token-{number}",
        }
        self.issued.append(key)
        self._tell()
        return {
            "AccessKeyId": key["access_key_id"],
            "AccessKeySecret": key["access_key_secret"],
            "SecurityToken": key["security_token"],
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.lifetime)),
        }

    def _tell(self) -> None:
        keys = [*self.known, *(self.issued if self.known_to_service else ())]
        self.emulator.settings(sts=[{**key, "expired": key["access_key_id"] in self._ended} for key in keys])


@contextlib.contextmanager
def key_server(emulator: EmulatorControl, context: ssl.SSLContext | None = None) -> Iterator[KeyServer]:
    """
    Run a key server on a free port of this machine for the time of a ``with`` block.

    It also answers as a proxy: that is how an address which only an ECS instance can reach leads here.

    :param context: serve TLS with it, as STS does; None is plain HTTP.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def take(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            url = urlsplit(self.path)
            headers: dict[str, Any] = {name.lower(): value for name, value in self.headers.items()}
            status, body = script.answer(self.command, url.path, dict(parse_qsl(url.query)), headers)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.take()

        def do_PUT(self) -> None:
            self.take()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            """Keep the tests' output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that refuses the certificate, or goes away, is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    url = f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    script = KeyServer(url, emulator)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
