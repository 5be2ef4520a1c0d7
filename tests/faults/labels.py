"""The faults that a schedule may draw, by the label that the table counts them as."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

TRANSIENT_ERRORS = (
    (500, "InternalError.System"),
    (500, "InternalError.UserId.Missing"),
    (502, "BadGateway"),
    (504, "GatewayTimeout"),
)
#: Codes that must end a call at once, whatever their status says.
PERMANENT_ERRORS = (
    (403, "Forbidden.Access"),
    (429, "Throttling.Api.Risk"),
    (429, "Throttling.Resource"),
    (500, "Forbidden.Not.Server"),
)
PERMANENT_CODES = frozenset(code for _, code in PERMANENT_ERRORS)
#: Kinds that keep an answer from coming at all, RequestId included.
SILENT_KINDS = frozenset({"reset", "slow", "drip"})
#: Seconds between two bytes; less than the read timeout, so that only a limit for the whole answer ends it.
DRIP_SECONDS = 0.25
#: What a server may say that is no wait, or too long a one.
LONG_WAITS = (
    {"Retry-After": "86400"},
    {"Retry-After": "1e20"},
    {"Retry-After": "9" * 5000},
    {"x-acs-retry-after": "86400000"},
    {"x-acs-retry-after": "9" * 5000},
)
#: Pages whose charset no codec has, or one that fails, and JSON that is deeper than a parser goes.
ODD_BODIES = (
    {"content_type": "text/html;charset=undefined", "body": "<html>²</html>"},
    {"content_type": "text/html;charset=idna", "body": "<html>" + "²" * 100 + "</html>"},
    {"content_type": "application/json;charset=undefined", "body": "{"},
    {"body": "[" * 100_000},
    {"body": '{"Data": ' * 50_000},
    {"body": "²"},
    {"body": '{"Code": ' + "9" * 5000 + "}"},
)
#: Lists of jobs that are none.
ODD_PAGES = (
    {"TotalCount": "many", "DIJobs": []},
    {"TotalCount": "²", "DIJobs": []},
    {"TotalCount": [1], "DIJobs": []},
    {"TotalCount": 3, "DIJobs": [1, "job", None]},
    {"TotalCount": 1, "DIJobs": [{"DIJobId": "²", "ProjectId": "²", "JobStatus": "Running"}]},
)


@dataclass(frozen=True)
class Fault:
    """One fault, as the emulator's control endpoint takes it; ``label`` is what the table counts it as."""

    label: str
    kind: str
    action: str | None
    count: int
    skip: int
    effect: str
    params: dict[str, Any] = field(default_factory=dict)


def draw_faults(
    chance: random.Random, actions: tuple[str, ...], lasting: float = 0.1, labels: Collection[str] | None = None
) -> tuple[Fault, ...]:
    """Choose faults.

    :param actions: what they are aimed at; with ``labels`` at nothing else, otherwise also at whatever comes.
    :param lasting: the chance of each to last for longer than a call is tried.
    :param labels: which may be chosen; None for all.
    """
    number = chance.choice((0, 1, 1, 2, 2, 3, 4))
    return tuple(_draw_fault(chance, actions, lasting, labels) for _ in range(number))


def _draw_fault(
    chance: random.Random, actions: tuple[str, ...], lasting: float, labels: Collection[str] | None
) -> Fault:
    label = chance.choice(tuple(labels or _LABELS))
    kind, effects, params = _LABELS[label](chance)
    action = chance.choice((None, *actions) if labels is None else actions)
    if kind == "body":
        # For these an answer without its content cannot be mistaken for a good one.
        action = "ListDIJobs" if label == "odd page" else chance.choice([one for one in actions if one != "StartDIJob"])
    count = chance.randint(6, 14) if chance.random() < lasting else chance.choice((1, 1, 1, 2, 3))
    if kind in SILENT_KINDS - {"reset"} or label == "hour-long wait":
        count = min(count, 2)
    return Fault(label, kind, action, count, chance.choice((0, 0, 0, 1, 2)), chance.choice(effects), params)


_BEFORE, _EITHER = ("before",), ("before", "after")


def _throttle(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    params: dict[str, Any] = {
        "status": chance.choice((429, 429, 400)),
        "code": chance.choice(("Throttling.User", "Throttling.Api", "Throttling.System")),
    }
    if chance.random() < 0.3:
        params["headers"] = {"x-acs-retry-after": str(chance.randint(20, 200))}
    return "throttle", _BEFORE, params


def _long_wait(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    params = {"status": 429, "code": "Throttling.User", "headers": chance.choice(LONG_WAITS)}
    return "throttle", _BEFORE, params


def _odd_body(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    return "raw", _EITHER, {"status": chance.choice((200, 502)), **chance.choice(ODD_BODIES)}


def _odd_page(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    return "body", _BEFORE, {"body": {"DIJobPaging": chance.choice(ODD_PAGES)}}


def _error(choices: tuple[tuple[int, str], ...], effects: tuple[str, ...]) -> Any:
    def make(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        status, code = chance.choice(choices)
        return "error", effects, {"status": status, "code": code}

    return make


def _plain(kind: str, effects: tuple[str, ...], **params: Any) -> Any:
    return lambda chance: (kind, effects, dict(params))


_LABELS: dict[str, Any] = {
    "throttling": _throttle,
    "hour-long wait": _long_wait,
    "5xx before": _error(TRANSIENT_ERRORS, _BEFORE),
    "5xx after": _error(TRANSIENT_ERRORS, ("after",)),
    "503 unavailable": _error(((503, "ServiceUnavailable"),), _BEFORE),
    "repeated nonce": _error(((400, "SignatureNonceUsed"),), ("after",)),
    "final refusal": _error(PERMANENT_ERRORS, _BEFORE),
    "reset before": _plain("reset", _BEFORE),
    "reset after": _plain("reset", ("after",)),
    "cut": _plain("cut", _EITHER),
    "slow": _plain("slow", ("after",), seconds=3.0),
    "dripping": _plain("drip", ("after",), seconds=DRIP_SECONDS),
    "HTML": lambda chance: ("html", _EITHER, {"status": chance.choice((502, 502, 503, 200))}),
    "wrong JSON": _plain("wrong_json", _EITHER),
    "wrong type": _plain("wrong_type", _EITHER),
    "odd body": _odd_body,
    "odd page": _odd_page,
    "empty": lambda chance: ("empty", _EITHER, {"status": chance.choice((200, 200, 502))}),
    "no content": _plain("body", _EITHER, body={"Success": True}),
    "clock skew": lambda chance: ("clock_skew", _BEFORE, {"seconds": chance.choice((-7200.0, 7200.0))}),
    "expired token": _plain("expired_token", _BEFORE),
}
LABELS = tuple(_LABELS)
#: Those after which a call was surely not carried out.
NOT_EXECUTED = ("throttling", "503 unavailable")
#: Those that end a call without any doubt about its effect.
WITHOUT_DOUBT = (*NOT_EXECUTED, "final refusal")
