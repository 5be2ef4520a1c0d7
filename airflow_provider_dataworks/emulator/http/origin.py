"""Refuses what a web page in the user's browser could send: requests for a foreign host, and those of another site."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.responses import failure, new_request_id

CONTROL_PATH = "/_emulator"
#: Values of Sec-Fetch-Site for requests that no page, or a page of the emulator itself, has made.
OWN_SITES = ("none", "same-origin")


class OriginGuard:
    """
    Middleware that answers such requests with 403.

    DNS rebinding gives a foreign name the address of this machine; the Host header still has the name. A page of
    another site can send simple requests; browsers mark them with Origin or Sec-Fetch-Site.

    :param app: the application that gets all other requests.
    :param allowed_hosts: names that the emulator answers to besides those of the loopback interface.
    :param any_address: whether it answers to each IP address; default to those of the loopback interface only.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Collection[str] = (), *, any_address: bool = False) -> None:
        self._app = app
        self._allowed_hosts = {host.rstrip(".").lower() for host in allowed_hosts}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        is_control = f"{scope['path']}/".startswith(f"{CONTROL_PATH}/")
        try:
            self._check_host(headers)
            _check_site(headers, scope.get("scheme", "http"))
            if is_control:
                _check_content_type(headers)
        except ApiRefusal as refusal:
            await _response(refusal, headers, is_control)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check_host(self, headers: Mapping[str, str]) -> None:
        value = headers.get("host")
        if value is None or self._is_own(_host_name(value)):
            return
        message = (
            f"The Host header {value!r} is not a name or address of this emulator. Use a loopback address, or start "
            "the emulator with --allow-host NAME."
        )
        raise ApiRefusal(403, "Forbidden.Host", message)

    def _is_own(self, name: str) -> bool:
        if name == "localhost" or name.endswith(".localhost") or name in self._allowed_hosts:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address or is_loopback(address)


def is_loopback(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Return whether an address, also an IPv4 address in IPv6's form, is one of the loopback interface."""
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _host_name(value: str) -> str:
    try:
        return (urlsplit(f"//{value}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _check_site(headers: Mapping[str, str], scheme: str) -> None:
    origin = headers.get("origin")
    own_origin = f"{scheme}://{headers.get('host', '')}"
    if headers.get("sec-fetch-site", "none") in OWN_SITES and origin in (None, own_origin):
        return
    message = "The request comes from a page of another site; the emulator answers only its own pages."
    raise ApiRefusal(403, "Forbidden.Origin", message)


def _check_content_type(headers: Mapping[str, str]) -> None:
    content_type = headers.get("content-type")
    has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    if content_type is None and not has_body:
        return
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        message = "The control endpoint takes JSON; send the header Content-Type: application/json."
        raise ApiRefusal(403, "Forbidden.ContentType", message)


def _response(refusal: ApiRefusal, headers: Mapping[str, str], is_control: bool) -> Response:
    if is_control:
        return JSONResponse({"error": refusal.message}, refusal.status)
    answer = failure(refusal, new_request_id(), headers.get("host", ""))
    return Response(answer.body, answer.status, dict(answer.all_headers()))
