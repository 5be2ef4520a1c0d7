"""The log of a node's instance: its last lines made harmless, the statistics in it, and the error that it ends with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from airflow_provider_dataworks.client.errors import printable

#: Lines of an instance's log that the task's log gets at most, and characters of each.
MOST_LINES = 1000
LONGEST_LINE = 4000
#: Characters of an error's description at most, and lines that belong to it where it has no code.
_LONGEST_DESCRIPTION = 1000
#: Characters at the end of a log in which facts are searched for: it may have millions, and the last ones count.
_END = 500_000
_DESCRIPTION_LINES = 10

_MASK = "***"
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_SECRET_NAME = r"(?:password|passwd|pwd|secret|token|access_?key(?!_?id))"
# "password":"..." and the like, also where the JSON is quoted in other JSON: then each quote has backslashes.
_JSON_SECRET = re.compile(
    _SECRET_NAME + r"""[\w.-]{0,40}\\*["']\s{0,20}[:=]\s{0,20}(?P<quote>\\*["'])"""
    r"(?P<value>.*?)(?P<end>(?<!\\)(?P=quote)|$)",
    re.IGNORECASE,
)
_PLAIN_SECRET = re.compile(_SECRET_NAME + r"""[\w.-]{0,40}\s{0,5}=\s{0,5}(?P<value>[^\s&;,"'\\]+)""", re.IGNORECASE)

_COUNT = r"([0-9]{1,18})"
_SIZE = r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?([KMGT]?)B"
#: The line that the scheduler writes now and then while an instance runs.
_STATE_LINE = re.compile(
    rf"State: ([0-9]+)\((\w+)\) \| Total: {_COUNT}R {_SIZE} \| Speed: {_COUNT}R/s {_SIZE}/s \| "
    rf"Error: {_COUNT}R {_SIZE} \| Stage: ([0-9.]+)%",
    re.IGNORECASE,
)
#: The line that the engine writes, with exact numbers.
_ENGINE_LINE = re.compile(
    rf"Total {_COUNT} records, {_COUNT} bytes \| Speed {_SIZE}/s, {_COUNT} records/s \| "
    rf"Error {_COUNT} records, {_COUNT} bytes \|",
    re.IGNORECASE,
)
_ENGINE_SUMMARY = {
    "records": re.compile(rf"读出记录总数\s*:\s*{_COUNT}"),
    "failed_records": re.compile(rf"读写失败总数\s*:\s*{_COUNT}"),
    "seconds": re.compile(rf"任务总计耗时\s*:\s*{_COUNT}s"),
    "records_per_second": re.compile(rf"记录写入速度\s*:\s*{_COUNT}rec/s"),
}
_MOMENT = r"\s*:\s*([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})"
_STARTED = re.compile(r"DI Start at" + _MOMENT, re.IGNORECASE)
_FINISHED = re.compile(r"DI Finish at" + _MOMENT, re.IGNORECASE)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}

_CODE = re.compile(r"Code:\s?\[([^\]\r\n]{1,200})\],\s?Description:\s?\[([^\r\n]*)", re.IGNORECASE)
_ERROR_MESSAGE = re.compile(r"ErrorMessage:[ \t]*([^\r\n]*)", re.IGNORECASE)
_NEXT_ENTRY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]|DI (?:Submit|Start|Finish) at")


class LogError(NamedTuple):
    """The error that a log ends with.

    :param code: such as ``DBUtilErrorCode-07``; None where the log gives none.
    :param description: what went wrong, in the service's words; may be empty.
    """

    code: str | None
    description: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.description) if part)


def last_lines(log: str, limit: int = MOST_LINES) -> str:
    """The last lines of a log, made harmless for a task's log: no control characters, no passwords, no endless line.

    :param log: the instance's log.
    :param limit: how many lines at most; default 1,000.
    :return: the lines, with line feeds between them.
    """
    # No more than can matter: a log may have millions of characters.
    lines = _LINE_BREAK.split(log.rstrip("\r\n"))[-limit:] if log.strip() and limit > 0 else []
    return "\n".join(_harmless(line) for line in lines)


def statistics(log: str) -> dict[str, Any]:
    """What a log says of the work that was done; what it does not say is not in the dict.

    Of several lines the last counts; the engine's numbers, which are exact, count more than the scheduler's.

    :param log: the instance's log.
    :return: ``records`` read, failed ones included, and ``bytes``; ``failed_records`` and ``failed_bytes``;
        ``records_per_second`` and ``bytes_per_second``; ``seconds`` that the work took. All are integers.
    """
    found: dict[str, Any] = {}
    if (line := _last(_STATE_LINE, log)) is not None:
        _, _, records, size, unit, speed, *rest = line.groups()
        speed_size, speed_unit, failed, failed_size, failed_unit, _ = rest
        found = {
            "records": int(records),
            "bytes": _bytes(size, unit),
            "failed_records": int(failed),
            "failed_bytes": _bytes(failed_size, failed_unit),
            "records_per_second": int(speed),
            "bytes_per_second": _bytes(speed_size, speed_unit),
        }
    if (line := _last(_ENGINE_LINE, log)) is not None:
        records, size, speed_size, speed_unit, speed, failed, failed_size = line.groups()
        found = {
            "records": int(records),
            "bytes": int(size),
            "failed_records": int(failed),
            "failed_bytes": int(failed_size),
            "records_per_second": int(speed),
            "bytes_per_second": _bytes(speed_size, speed_unit),
        }
    if (seconds := _seconds_between(_last(_STARTED, log), _last(_FINISHED, log))) is not None:
        found["seconds"] = seconds
    for name, pattern in _ENGINE_SUMMARY.items():
        if (line := _last(pattern, log)) is not None:
            found[name] = int(line[1])
    return found


def total(of_each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The statistics of several instances, as one.

    :param of_each: those of each instance.
    :return: their sums; of what is no number the first one's.
    """
    sums: dict[str, Any] = {}
    for one in of_each:
        for name, value in one.items():
            sums[name] = sums[name] + value if name in sums and isinstance(value, int) else sums.get(name, value)
    return sums


def state_line(log: str) -> str:
    """How far the work is, as the scheduler wrote it last.

    :param log: the instance's log.
    :return: such as ``State: 3(RUN) | Total: 800R 19.53KB | ...``; empty if it has not written it yet.
    """
    line = _last(_STATE_LINE, log)
    return _harmless(line[0]) if line is not None else ""


def error_of(log: str) -> LogError | None:
    """The error that a log ends with.

    :param log: the instance's log.
    :return: its code and description, or the lines after ``ErrorMessage:``; None if the log has neither.
    """
    if (line := _last(_CODE, log)) is not None:
        return LogError(_harmless(line[1]).strip(), _short(_without_bracket(line[2])))
    if (line := _last(_ERROR_MESSAGE, log)) is None:
        return None
    message = line[1].strip()
    if not message:
        following = [one.strip() for one in _LINE_BREAK.split(log[line.end() : line.end() + 100_000])[1:]]
        lines: list[str] = []
        for one in following[: _DESCRIPTION_LINES + 1]:
            if _NEXT_ENTRY.match(one) or (lines and not one):
                break
            lines += [one] if one else []
        message = " ".join(lines)
    return LogError(None, _short(message)) if message else None


def _harmless(line: str) -> str:
    # Cut first: what is masked of a password that is cut is all that is left of it.
    plain = printable(line[:LONGEST_LINE])
    masked = _PLAIN_SECRET.sub(_hide, _JSON_SECRET.sub(_hide, plain))
    return masked if len(line) <= LONGEST_LINE else f"{masked}... ({len(line)} characters)"


def _hide(secret: re.Match[str]) -> str:
    start, end = (place - secret.start() for place in secret.span("value"))
    return f"{secret[0][:start]}{_MASK}{secret[0][end:]}" if start < end else secret[0]


def _last(pattern: re.Pattern[str], log: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(log, max(0, len(log) - _END)):  # noqa: B007 - the last one is wanted
        pass
    return found


def _bytes(number: str, unit: str) -> int:
    return round(float(number) * _UNITS[unit.upper()])


def _seconds_between(started: re.Match[str] | None, finished: re.Match[str] | None) -> int | None:
    if started is None or finished is None:
        return None
    try:
        began, ended = (datetime.fromisoformat(line[1]) for line in (started, finished))
    except ValueError:
        return None
    seconds = int((ended - began).total_seconds())
    return seconds if seconds >= 0 else None


def _without_bracket(description: str) -> str:
    """What stands in the brackets, and what follows them on the line."""
    text = description.rstrip()
    if text.rstrip(".").endswith("]"):
        return text.rstrip(".")[:-1]
    inside, _, after = text.partition("]")
    after = after.strip(" .-")
    return f"{inside.rstrip()} {after}" if after else inside


def _short(description: str) -> str:
    text = " ".join(_harmless(description).split())
    return text if len(text) <= _LONGEST_DESCRIPTION else f"{text[:_LONGEST_DESCRIPTION]}..."
