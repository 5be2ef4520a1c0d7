"""Business dates, and the times at which a node is scheduled for one: dates, Unix seconds and cron expressions."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from datetime import time as time_of_day

_FIELD = re.compile(r"(?:(\*)|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")


def midnight(day: date, zone: tzinfo) -> int:
    """Return the Unix seconds at which a day begins."""
    return int(datetime.combine(day, time_of_day(), zone).timestamp())


def milliseconds(day: date, zone: tzinfo) -> int:
    """Return a business date as the API shows it."""
    return midnight(day, zone) * 1000


def day_of(milliseconds_: int, zone: tzinfo) -> date | None:
    """Return the business date that begins at these Unix milliseconds, or None when none does."""
    try:
        moment = datetime.fromtimestamp(milliseconds_ / 1000, zone)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.date() if milliseconds_ == milliseconds(moment.date(), zone) else None


def day_at(wall: float, zone: tzinfo) -> date:
    """Return the day at a moment in Unix seconds."""
    return datetime.fromtimestamp(wall, zone).date()


def parse_day(value: str) -> date:
    """
    Parse ``yyyy-MM-dd``.

    :raises ValueError: it is something else.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("it must be a date like 2026-11-24")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("it must be a date like 2026-11-24") from None


def parse_midnight(value: str) -> date:
    """
    Parse ``yyyy-MM-dd 00:00:00``.

    :raises ValueError: it is something else.
    """
    day, blank, clock = value.partition(" ")
    if not blank or clock != "00:00:00":
        raise ValueError("it must be a date like 2026-11-24 00:00:00")
    return parse_day(day)


def parse_clock(value: str) -> int:
    """
    Parse ``HH:mm:ss``.

    :return: seconds since midnight.
    :raises ValueError: it is something else.
    """
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d", value):
        raise ValueError("it must be a time like 23:59:59")
    hours, minutes, seconds = map(int, value.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def cycles(cron: str) -> list[int]:
    """
    Return the times of a day at which a cron expression is due. Its days, months and weekdays are not evaluated.

    :param cron: seconds, minutes, hours, and three more fields.
    :return: seconds since midnight, in their order.
    :raises ValueError: it is not such an expression.
    """
    fields = cron.split()
    if len(fields) not in (6, 7):
        raise ValueError(f"a cron expression has six fields, like 00 05 00 * * ?, not {cron!r}")
    return sorted(
        hour * 3600 + minute * 60 + second
        for second in _values(fields[0], 60)
        for minute in _values(fields[1], 60)
        for hour in _values(fields[2], 24)
    )


def cycle_times(cron: str, business_date: date, zone: tzinfo) -> list[int]:
    """Return the Unix seconds at which a node is due for a business date: they are on the day after it."""
    begins = midnight(business_date + timedelta(days=1), zone)
    return [begins + cycle for cycle in cycles(cron)]


def _values(field: str, limit: int) -> list[int]:
    values: set[int] = set()
    for part in field.split(","):
        found = _FIELD.fullmatch(part)
        if not found:
            raise ValueError(f"{part!r} is not a field of a cron expression")
        first = int(found[2] or 0)
        last = int(found[3] or (limit - 1 if found[1] or found[4] else first))
        step = int(found[4] or 1)
        if not step or max(first, last) >= limit:
            raise ValueError(f"{part!r} is not a field of a cron expression")
        values.update(range(first, last + 1, step))
    return sorted(values)
