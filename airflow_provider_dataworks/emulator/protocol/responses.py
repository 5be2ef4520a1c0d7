"""An answer of the emulator before it is sent, and the vendor's shape of an error."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Collection
from typing import Any, Literal

from airflow_provider_dataworks.emulator.errors import ApiRefusal

JSON = "application/json;charset=utf-8"
ERROR_HELP = "https://api.alibabacloud.com/troubleshoot?q={code}&product=dataworks-public"


@dataclasses.dataclass(frozen=True)
class ApiResponse:
    """
    What goes back.

    :param code: Code of an error answer, for the log.
    :param delivery: ``send`` it completely, ``cut`` it after half of its body, ``reset`` the connection instead, or
        ``drip`` it, byte by byte.
    :param delay_seconds: how long to wait before that; with ``drip``, before each byte.
    :param dripping_part: what is delivered byte by byte with ``drip``: ``body``, ``headers``, or the ``response``.
    """

    status: int
    body: bytes
    request_id: str
    code: str | None = None
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    delivery: Literal["send", "cut", "reset", "drip"] = "send"
    delay_seconds: float = 0.0
    dripping_part: Literal["body", "headers", "response"] = "body"

    def all_headers(self) -> list[tuple[str, str]]:
        """Return the headers to send, without Content-Length."""
        own = [("content-type", self.content_type)] if self.content_type else []
        return [*own, ("x-acs-request-id", self.request_id), *self.headers]


def new_request_id() -> str:
    """Return a RequestId."""
    return str(uuid.uuid4()).upper()


def success(content: dict[str, Any], request_id: str, *, text_ids: Collection[str] = ()) -> ApiResponse:
    """
    Return the response of an action that was executed.

    :param text_ids: names of fields whose integers are sent as strings.
    """
    content = {"RequestId": request_id, **content}
    return ApiResponse(200, encode(_with_text_ids(content, text_ids) if text_ids else content), request_id)


def failure(refusal: ApiRefusal, request_id: str, host: str) -> ApiResponse:
    """Return the answer to a call that was refused, in the vendor's shape."""
    content = {
        "RequestId": request_id,
        "HostId": host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": ERROR_HELP.format(code=refusal.code),
    }
    headers = tuple(refusal.headers.items())
    return ApiResponse(refusal.status, encode(content), request_id, refusal.code, headers=headers)


def encode(content: Any) -> bytes:
    """Return JSON as the vendor writes it: UTF-8, no blanks."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def _with_text_ids(content: Any, names: Collection[str]) -> Any:
    if isinstance(content, list):
        return [_with_text_ids(item, names) for item in content]
    if not isinstance(content, dict):
        return content
    return {
        key: str(value) if key in names and isinstance(value, int) else _with_text_ids(value, names)
        for key, value in content.items()
    }
