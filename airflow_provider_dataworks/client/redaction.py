"""Takes secrets out of strings that others wrote, also where they are quoted in part or encoded."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

#: A part of a secret of this length identifies it; a shorter secret is taken out as a whole only.
SHORTEST_PART = 12

_MASK = "***"

# One character as it may be written: percent-encoded (also more than once), as an HTML or JSON escape, or plain;
# tags and what may stand in the middle of a wrapped or decoded token count as nothing.
_CHARACTER = re.compile(
    r"%(?:25)*(?P<percent>[0-9A-Fa-f]{2})"
    r"|&(?:amp;)*(?P<entity>#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8});"
    r"|\\+u(?P<json>[0-9A-Fa-f]{4})"
    r"|\\+(?P<escaped>/)"
    r"|(?P<nothing><[^<>]{0,200}>|[\s+])"
    r"|(?P<plain>.)",
    re.DOTALL,
)


def redact(text: str, secrets: Iterable[str | None]) -> str:
    """Put three asterisks where a secret, or an identifying part of one, stands.

    :param text: what may quote secrets.
    :param secrets: what must not be seen; None and empty ones are passed over.
    :return: the text without them.
    """
    needles = [needle for needle in (_bare(secret) for secret in secrets if secret) if needle]
    if not needles or not text:
        return text
    spans = [
        (char, match.span()) for match in _CHARACTER.finditer(text) if (char := _decoded(match)) and char not in "+ "
    ]
    seen = "".join(char for char, _ in spans)
    hidden = bytearray(len(seen))
    for needle in needles:
        size = min(SHORTEST_PART, len(needle))
        parts = {needle[start : start + size] for start in range(len(needle) - size + 1)}
        for start in range(len(seen) - size + 1):
            if seen[start : start + size] in parts:
                hidden[start : start + size] = b"\1" * size
    return _masked(text, [span for (_, span), hide in zip(spans, hidden, strict=True) if hide])


def _bare(secret: str) -> str:
    return re.sub(r"[\s+]", "", secret)


def _decoded(match: re.Match[str]) -> str:
    """The character that is meant; characters beyond ASCII are in no secret, so how many there are does not matter."""
    kind, value = str(match.lastgroup), str(match.group(str(match.lastgroup)))
    if kind == "nothing":
        return ""
    if kind in ("percent", "json"):
        return chr(int(value, 16))
    if kind == "entity":
        return html.unescape(f"&{value};")[:1]
    return value


def _masked(text: str, hidden: list[tuple[int, int]]) -> str:
    result: list[str] = []
    done = 0
    for start, end in hidden:
        between = text[done:start]
        # A plus sign was passed over: it may be written as a blank.
        if not result or (between and not _PLUS.fullmatch(between)):
            result += [between, _MASK]
        done = end
    return "".join([*result, text[done:]])


_PLUS = re.compile(r"(?:\+|%(?:25)*2[Bb]|&(?:amp;)*#(?:43|x2[Bb]);|\\+u002[Bb])+")
