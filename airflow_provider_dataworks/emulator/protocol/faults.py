"""Faults that a test has asked for: which request meets which, and what it does to the answer."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Any

from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.responses import JSON, ApiResponse, encode, failure
from airflow_provider_dataworks.emulator.settings import MAX_SECONDS, seconds

THROTTLE_MESSAGE = "Your request is too frequent. Try again later."
INTERNAL_MESSAGE = "An internal system error occurred. Try again later."
EXPIRED_TOKEN = ("InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
HTML_PAGE = (
    "<html>\r\n<head><title>{status} Bad Dispatcher</title></head>\r\n<body>\r\n"
    "<center><h1>{status} Bad Dispatcher</h1></center>\r\n</body>\r\n</html>\r\n"
)
#: These change how a request is judged; all others meet only requests that are signed rightly and admitted.
JUDGING_KINDS = ("clock_skew",)
#: Holds a request back before it is judged.
LATE = "late"
DRIPPING_PARTS = ("body", "headers", "response")
GZIP_BOMB_MEGABYTES = 1000
MAX_MEGABYTES = 100_000


@dataclasses.dataclass
class Fault:
    """
    One fault.

    :param kind: what happens.
    :param action: the action that meets it; None is any.
    :param remaining: how many requests are still to meet it; -1 is all until it is cleared.
    :param skip: how many requests are still to pass before.
    :param effect: ``before``: the action is not done; ``after``: it is done, and then the fault replaces the answer.
    :param params: what the kind takes beyond that.
    :param where: values that parameters of the request must have, as they are sent; empty is any request.
    """

    id: int
    kind: str
    action: str | None
    remaining: int
    skip: int
    effect: str
    params: dict[str, Any]
    where: dict[str, str] = dataclasses.field(default_factory=dict)

    def fits(self, action: str, parameters: Mapping[str, str]) -> bool:
        """Say whether a request of this action with these parameters is one that the fault is for."""
        return self.action in (None, action) and self.where.items() <= parameters.items()

    @property
    def replaces_action(self) -> bool:
        """Whether the action is not done when a request meets this fault."""
        return self.effect == "before" and self.kind not in ("slow", "drip", "clock_skew")

    def as_json(self) -> dict[str, Any]:
        """Return the fault as the control endpoint shows it."""
        return dataclasses.asdict(self)


class FaultQueue:
    """The faults that wait. The first one that fits a request is the one it meets, or passes with a skip."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = itertools.count(1)

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """
        Put a fault at the end.

        :param wanted: kind, and perhaps action, where, count, skip, effect and the kind's own parameters.
        :raises ValueError: something of it cannot be used.
        """
        params = dict(wanted)
        kind = params.pop("kind", None)
        action, effect = params.pop("action", None), params.pop("effect", "before")
        count, skip = params.pop("count", 1), params.pop("skip", 0)
        where = params.pop("where", {})
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if action is not None and not isinstance(action, str):
            raise ValueError("action must be a text or null")
        if effect not in ("before", "after"):
            raise ValueError(f"effect must be before or after, not {effect!r}")
        if type(count) is not int or count < -1 or count == 0:
            raise ValueError("count must be a whole number from 1 on, or -1")
        if type(skip) is not int or skip < 0:
            raise ValueError("skip must be a whole number from 0 on")
        if not isinstance(where, dict) or not all(isinstance(value, str) for value in where.values()):
            raise ValueError("where must be an object of texts")
        _check_params(kind, params)
        fault = Fault(next(self._ids), kind, action, count, skip, effect, params, where)
        self._faults.append(fault)
        return fault

    def take(self, action: str, parameters: Mapping[str, str], *, judging: bool) -> Fault | None:
        """
        Return the fault that a request meets, and count it down.

        :param action: the request's action.
        :param parameters: its parameters, as they were sent.
        :param judging: whether a fault is asked for that changes how the request is judged, or one that comes later.
        """
        kinds = JUDGING_KINDS if judging else MEETING_KINDS
        return self._take(action, parameters, kinds)

    def take_late(self, action: str, parameters: Mapping[str, str]) -> Fault | None:
        """
        Return the fault that delays a request before anything is done, and count it down.

        :param action: the request's action.
        :param parameters: its parameters, as they were sent.
        """
        return self._take(action, parameters, (LATE,))

    def _take(self, action: str, parameters: Mapping[str, str], kinds: Collection[str]) -> Fault | None:
        fault = next((fault for fault in self._faults if fault.fits(action, parameters)), None)
        if fault is None or fault.kind not in kinds:
            return None
        if fault.skip:
            fault.skip -= 1
            return None
        if fault.remaining > 0:
            fault.remaining -= 1
            if not fault.remaining:
                self._faults.remove(fault)
        return fault

    def as_json(self) -> list[dict[str, Any]]:
        """Return the faults that wait."""
        return [fault.as_json() for fault in self._faults]

    def clear(self) -> None:
        """Drop all faults."""
        self._faults.clear()


def apply_fault(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    """
    Return what a request that meets a fault gets instead.

    :param true_answer: the answer that it would get, None when the action was not done.
    """
    return _KIND_ANSWERS[fault.kind](fault, true_answer, request_id, host)


def _error(fault: Fault, status: int, code: str, message: str, request_id: str, host: str) -> ApiResponse:
    params = fault.params
    refusal = ApiRefusal(
        params.get("status", status),
        params.get("code", code),
        params.get("message", message),
        params.get("headers"),
    )
    answer = failure(refusal, request_id, host)
    if "body" in params:
        body = params["body"]
        encoded = body.encode() if isinstance(body, str) else encode(body)
        answer = dataclasses.replace(answer, body=encoded)
    return answer


def _throttle(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return _error(fault, 429, "Throttling.User", THROTTLE_MESSAGE, request_id, host)


def _server_error(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return _error(fault, 500, "InternalError.System", INTERNAL_MESSAGE, request_id, host)


def _expired_token(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return _error(fault, 400, *EXPIRED_TOKEN, request_id, host)


def _any(true_answer: ApiResponse | None, request_id: str) -> ApiResponse:
    return true_answer or ApiResponse(200, encode({"RequestId": request_id}), request_id)


def _reset(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return dataclasses.replace(_any(true_answer, request_id), delivery="reset")


def _cut(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return dataclasses.replace(_any(true_answer, request_id), delivery="cut")


def _slow(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return dataclasses.replace(_any(true_answer, request_id), delay_seconds=fault.params["seconds"])


def _html(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    status = fault.params.get("status", 502)
    page = fault.params.get("body", HTML_PAGE.format(status=status))
    headers = tuple(fault.params.get("headers", {}).items())
    return ApiResponse(status, page.encode(), request_id, content_type="text/html", headers=headers)


def _wrong_json(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    body = _any(true_answer, request_id).body
    return ApiResponse(200, body[: len(body) // 2], request_id)


def _wrong_type(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    text = fault.params.get("body", "OK")
    return ApiResponse(200, text.encode(), request_id, content_type="text/plain;charset=utf-8")


def _empty(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return ApiResponse(fault.params.get("status", 200), b"", request_id, content_type="")


def _raw(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    params = fault.params
    headers = tuple(params.get("headers", {}).items())
    content_type = params.get("content_type", JSON)
    body = params["body"].encode()
    return ApiResponse(params.get("status", 200), body, request_id, content_type=content_type, headers=headers)


def _drip(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    part = fault.params.get("part", "body")
    return dataclasses.replace(
        _any(true_answer, request_id),
        delivery="drip",
        delay_seconds=fault.params["seconds"],
        dripping_part=part,
    )


def _gzip_bomb(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    # Parts that are compressed one by one make one stream; blanks between the tokens leave it JSON.
    blanks = gzip.compress(b" " * 2**20) * fault.params.get("megabytes", GZIP_BOMB_MEGABYTES)
    head, tail = f'{{"RequestId":"{request_id}"'.encode(), b"}"
    body = gzip.compress(head) + blanks + gzip.compress(tail)
    return ApiResponse(200, body, request_id, headers=(("content-encoding", "gzip"),))


def _body(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    body = fault.params["body"]
    content = {"RequestId": request_id, **body} if isinstance(body, dict) else body
    return ApiResponse(fault.params.get("status", 200), encode(content), request_id)


def _unchanged(fault: Fault, true_answer: ApiResponse | None, request_id: str, host: str) -> ApiResponse:
    return _any(true_answer, request_id)


_KIND_ANSWERS: dict[str, Callable[[Fault, ApiResponse | None, str, str], ApiResponse]] = {
    "throttle": _throttle,
    "error": _server_error,
    "reset": _reset,
    "cut": _cut,
    "slow": _slow,
    "html": _html,
    "wrong_json": _wrong_json,
    "wrong_type": _wrong_type,
    "empty": _empty,
    "body": _body,
    "raw": _raw,
    "drip": _drip,
    "gzip_bomb": _gzip_bomb,
    "late": _unchanged,
    "clock_skew": _unchanged,
    "expired_token": _expired_token,
}
#: All kinds of faults.
KINDS = tuple(_KIND_ANSWERS)
#: Those that change or replace the answer of a request that was admitted.
MEETING_KINDS = frozenset(KINDS) - {*JUDGING_KINDS, LATE}

_ERROR_PARAMS = frozenset({"status", "code", "message", "headers", "body"})
#: What each kind takes.
_PARAMS: dict[str, frozenset[str]] = {
    "throttle": _ERROR_PARAMS,
    "error": _ERROR_PARAMS,
    "expired_token": _ERROR_PARAMS,
    "html": frozenset({"status", "headers", "body"}),
    "wrong_type": frozenset({"body"}),
    "empty": frozenset({"status"}),
    "body": frozenset({"status", "body"}),
    "raw": frozenset({"status", "headers", "body", "content_type"}),
    "drip": frozenset({"seconds", "part"}),
    "gzip_bomb": frozenset({"megabytes"}),
    "late": frozenset({"seconds", "reset"}),
    "slow": frozenset({"seconds"}),
    "clock_skew": frozenset({"seconds"}),
}
_NEEDED = {
    "slow": "seconds",
    "drip": "seconds",
    "late": "seconds",
    "clock_skew": "seconds",
    "body": "body",
    "raw": "body",
}


def _check_params(kind: str, params: dict[str, Any]) -> None:
    allowed = _PARAMS.get(kind, frozenset())
    if not set(params) <= allowed:
        wrong = ", ".join(sorted(set(params) - allowed))
        raise ValueError(f"a fault {kind} does not take {wrong}, only {', '.join(sorted(allowed)) or 'nothing'}")
    if kind in _NEEDED and _NEEDED[kind] not in params:
        raise ValueError(f"a fault {kind} needs {_NEEDED[kind]}")
    if "status" in params and (type(params["status"]) is not int or not 200 <= params["status"] <= 599):
        raise ValueError("status must be a whole number from 200 to 599")
    for name in ("code", "message", "content_type"):
        if not isinstance(params.get(name, ""), str):
            raise ValueError(f"{name} must be a text")
    if kind in ("html", "wrong_type", "raw") and not isinstance(params.get("body", ""), str):
        raise ValueError("body must be a text")
    if kind in ("slow", "drip", "late"):
        params["seconds"] = seconds("seconds", params["seconds"])
    if kind == "clock_skew" and (type(params["seconds"]) not in (int, float) or abs(params["seconds"]) > MAX_SECONDS):
        raise ValueError("seconds must be a number")
    if params.get("part", "body") not in DRIPPING_PARTS:
        raise ValueError(f"part must be one of {', '.join(DRIPPING_PARTS)}")
    megabytes = params.get("megabytes", 1)
    if type(megabytes) is not int or not 1 <= megabytes <= MAX_MEGABYTES:
        raise ValueError(f"megabytes must be a whole number from 1 to {MAX_MEGABYTES}")
    if not isinstance(params.get("reset", False), bool):
        raise ValueError("reset must be true or false")
    if "headers" in params:
        headers = params["headers"]
        if not isinstance(headers, dict):
            raise ValueError("headers must be an object of texts")
        params["headers"] = {str(name).lower(): str(value) for name, value in headers.items()}
        if not all(name.isascii() and name.isprintable() for name in params["headers"]):
            raise ValueError("names of headers must be printable ASCII")
        if not all(value.isprintable() and max(value, default="") <= "\xff" for value in params["headers"].values()):
            raise ValueError("values of headers must be printable ISO-8859-1")
