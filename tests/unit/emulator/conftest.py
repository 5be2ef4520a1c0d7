"""Requests to the emulator that are signed with the vendor's code and can be spoiled anywhere."""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import json
import time
import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from alibabacloud_tea_openapi.utils import Utils

from airflow_provider_dataworks.emulator.control import EmulatorControl

FORM = "application/x-www-form-urlencoded"


@dataclasses.dataclass
class Call:
    """A signed request; change it before it is sent and the signature is wrong."""

    target: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    def raw(self) -> bytes:
        """Return the request as it goes over the wire."""
        head = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\r\n".join([*head, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


@dataclasses.dataclass
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["Code"])


class Caller:
    """Signs and sends."""

    def __init__(self, emulator: EmulatorControl) -> None:
        self.emulator = emulator
        self.host = emulator.url.removeprefix("http://")

    def signed(
        self,
        action: str,
        *,
        method: str = "POST",
        query: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str | None] | None = None,
        signed: Mapping[str, str | None] | None = None,
    ) -> Call:
        """
        Return a signed request.

        :param method: the HTTP method.
        :param signed: headers to change before the signature; None takes one away.
        :param headers: headers to change after it.
        """
        payload = urlencode(form).encode() if form else body or b""
        values: dict[str, str | None] = {
            "host": self.host,
            "x-acs-action": action,
            "x-acs-version": "2020-05-18",
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(payload).hexdigest(),
            **({"content-type": FORM} if payload else {}),
            **(signed or {}),
        }
        signing = {name: value for name, value in values.items() if value is not None}
        request = SimpleNamespace(method=method, pathname="/", query=dict(query or {}), headers=signing)
        authorization: str = Utils.get_authorization(
            request,
            "ACS3-HMAC-SHA256",
            signing.get("x-acs-content-sha256", ""),
            self.emulator.access_key_id,
            self.emulator.access_key_secret,
        )
        sent = {**signing, "authorization": authorization, **(headers or {})}
        target = "/?" + urlencode(query) if query else "/"
        return Call(target, {name: value for name, value in sent.items() if value is not None}, payload, method)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that is not yet open."""
        return http.client.HTTPConnection(self.host, timeout=10)

    def send(self, call: Call, connection: http.client.HTTPConnection | None = None) -> Reply:
        """Send a request, on a connection of its own unless one is given."""
        used = connection or self.connect()
        try:
            used.request(call.method, call.target, call.body or None, call.headers)
            response = used.getresponse()
            return Reply(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            if connection is None:
                used.close()

    def __call__(self, action: str, **options: Any) -> Reply:
        """Sign and send."""
        return self.send(self.signed(action, **options))

    def start(self, di_job_id: int = 1001) -> Reply:
        """Start a job."""
        return self("StartDIJob", form={"DIJobId": str(di_job_id)})

    def list(self) -> Reply:
        """List the jobs."""
        return self("ListDIJobs", form={"ProjectId": "10000"})


@pytest.fixture
def call(dataworks_emulator: EmulatorControl) -> Caller:
    """Return what signs and sends requests."""
    return Caller(dataworks_emulator)
