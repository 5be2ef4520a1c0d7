"""Reads the response to a call: its JSON object, or an ApiError that says what is known about the call."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import ApiError, Outcome, outcome_of, printable, snippet
from airflow_provider_dataworks.client.transport import Response

log = logging.getLogger(__name__)

#: The longest wait that a server may impose, in seconds; a longer one is cut to it.
LONGEST_WAIT = 300.0

_GOOD_BODY_CODES = frozenset({"", "200", "ok", "success", "0"})
_LONGEST_MESSAGE = 2000


def read_response(action: str, response: Response) -> dict[str, Any]:
    """Read a response.

    :param action: the API action.
    :param response: the response.
    :return: the JSON object of a good response.
    :raises ApiError: the answer is no good one, or cannot be read.
    """
    try:
        content = json.loads(response.body or b"", parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ApiError(
            f"HTTP {response.status} with {_body_summary(response)}",
            action=action,
            outcome=outcome_of(None, response.status),
            http_status=response.status,
            request_id=response.headers.get("x-acs-request-id"),
            retry_after=requested_wait(response),
        )
    code = _string(_field(content, "Code", "code", "ErrorCode"))
    succeeded = _string(_field(content, "Success", "success")).lower()
    refused_inside = succeeded == "false" or (succeeded != "true" and code.lower() not in _GOOD_BODY_CODES)
    if 200 <= response.status < 300 and not refused_inside:
        return content
    known_code = None if code.lower() in _GOOD_BODY_CODES else code
    raise ApiError(
        _message(content) or f"HTTP {response.status} without a message",
        action=action,
        # Success false inside a 200 is a refusal, unless the code itself says that it passes.
        outcome=outcome_of(known_code, 400 if 200 <= response.status < 300 else response.status),
        code=known_code,
        http_status=response.status,
        request_id=_string(_field(content, "RequestId", "requestId")) or response.headers.get("x-acs-request-id"),
        retry_after=requested_wait(response),
    )


def incomplete_response(action: str, missing: object, content: Mapping[str, Any]) -> ApiError:
    """Build the error for a successful response that lacks something: the call may have been carried out.

    :param action: the API action.
    :param missing: what is missing or wrong.
    :param content: the response.
    :return: the error to raise.
    """
    return ApiError(
        f"the answer is incomplete: {printable(missing)}",
        action=action,
        outcome=Outcome.UNKNOWN,
        http_status=200,
        request_id=_string(content.get("RequestId")) or None,
    )


def requested_wait(response: Response) -> float | None:
    """Seconds that the server asks to wait: x-acs-retry-after and x-ratelimit-* in milliseconds, or Retry-After.

    :param response: the response.
    :return: the longest of them, at most :data:`LONGEST_WAIT`; None where there is none. What cannot be a wait counts
        as none.
    """
    headers = response.headers
    waits = [_seconds(headers.get("x-acs-retry-after", ""), 1000)]
    if response.status != 200:
        for name in ("x-ratelimit-user-api", "x-ratelimit-user"):
            left = re.search(r"TimeLeft:([0-9]+)", headers.get(name, ""))
            waits.append(_seconds(left.group(1), 1000) if left else None)
    plain = headers.get("retry-after", "").strip()
    waits.append(_seconds(plain, 1) if plain.isdecimal() else _seconds_until(plain))
    known = [wait for wait in waits if wait is not None]
    return min(max(0.0, *known), LONGEST_WAIT) if known else None


def _seconds(digits: str, units_a_second: int) -> float | None:
    # Sixteen digits are millions of years, and more of them a number that int() refuses.
    return int(digits) / units_a_second if re.fullmatch(r"[0-9]{1,15}", digits.strip()) else None


def _seconds_until(date: str) -> float | None:
    if not date:
        return None
    try:
        now = datetime.fromtimestamp(clock.time(), timezone.utc)
        return (parsedate_to_datetime(date) - now).total_seconds()
    except Exception:  # noqa: BLE001 - the parser raises half a dozen kinds
        log.debug("Retry-After cannot be read: %r", date[:100])
        return None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _body_summary(response: Response) -> str:
    if response.body is None:
        return f"a body that cannot be read: {response.problem}"
    if not response.body:
        return "an empty answer"
    # Never by the charset that the answer names: Python has codecs that are none.
    return f"no JSON object but {snippet(response.body[:4000].decode('utf-8', 'replace'))}"


def _field(content: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if content.get(name) is not None:
            return content[name]
    return None


def _string(value: Any) -> str:
    return "" if value is None else printable(value)[:200]


def _message(content: Mapping[str, Any]) -> str:
    data = content.get("Data")
    inner = data.get("Message") if isinstance(data, dict) else None
    text = printable(_field(content, "Message", "message", "ErrorMessage") or inner or "")
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]} ..."
