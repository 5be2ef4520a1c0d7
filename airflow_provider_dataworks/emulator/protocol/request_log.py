"""What was asked of the emulator, in order, without secrets."""

from __future__ import annotations

import dataclasses
import re
import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

#: Older entries are dropped; the counts go on.
CAPACITY = 20_000
HIDDEN = "***"


@dataclasses.dataclass
class Entry:
    """
    One request and what became of it.

    :param seq: number in the order of arrival, from 1.
    :param time: arrival, Unix seconds.
    :param status: HTTP status that was sent, None when the connection was reset.
    :param code: Code of an error answer.
    :param effect: whether something changed by the request.
    :param fault: kind of the injected fault that it met.
    """

    seq: int
    time: float
    action: str | None
    version: str | None
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    signed_headers: list[str]
    body_bytes: int
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    effect: bool = False
    fault: str | None = None


class RequestLog:
    """The entries, and how many requests each action had."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._last = 0
        self.counts: Counter[str] = Counter()

    def open(
        self,
        *,
        action: str | None,
        version: str | None,
        method: str,
        path: str,
        query: Mapping[str, str],
        form: Mapping[str, str],
        headers: Mapping[str, str],
        body_bytes: int,
    ) -> Entry:
        """Note a request that has arrived, and return its entry to be completed."""
        self._last += 1
        entry = Entry(
            seq=self._last,
            time=time.time(),
            action=action,
            version=version,
            method=method,
            path=path,
            query=dict(query),
            form=dict(form),
            headers=_redacted(headers),
            signed_headers=_signed_headers(headers.get("authorization", "")),
            body_bytes=body_bytes,
        )
        self._entries.append(entry)
        self.counts[action or ""] += 1
        return entry

    def entries(self, action: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """
        Return entries as JSON objects.

        :param action: only this action's.
        :param since: only those with a greater seq.
        """
        return [
            dataclasses.asdict(entry) for entry in self._entries if entry.seq > since and action in (None, entry.action)
        ]

    def clear(self) -> None:
        """Forget the entries and the counts; seq goes on."""
        self._entries.clear()
        self.counts.clear()


def _redacted(headers: Mapping[str, str]) -> dict[str, str]:
    shown = dict(headers)
    if "authorization" in shown:
        shown["authorization"] = re.sub(r"Signature=[^,\s]*", f"Signature={HIDDEN}", shown["authorization"])
    if "x-acs-security-token" in shown:
        shown["x-acs-security-token"] = HIDDEN
    return shown


def _signed_headers(authorization: str) -> list[str]:
    found = re.search(r"SignedHeaders=([^,\s]+)", authorization)
    return found[1].split(";") if found else []
