"""Business dates: how users write them, and how each API version does."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[T ][0-9:.,]*(?:Z|[+-][0-9:]+)?)?")
# Beyond these, time zones lead out of what a date can be.
_FIRST_YEAR, _LAST_YEAR = 1900, 9998
_HALF_A_DAY = timedelta(hours=12)


def parse_bizdate(value: object) -> str:
    """Read a business date.

    :param value: a date, a datetime (whose own date counts, whatever its time zone), ``YYYY-MM-DD``, ``YYYYMMDD`` (or
        that number, as ``{{ ds_nodash }}`` is where a DAG renders native objects), or a datetime as it prints.
    :return: ``YYYY-MM-DD``.
    :raises ValueError: it is anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, date):
        day = date(value.year, value.month, value.day)
    elif isinstance(value, str) and (found := _WRITTEN.fullmatch(value.strip())):
        day = date(int(found[1]), int(found[2]), int(found[3]))
    else:
        raise ValueError("must be a date, YYYY-MM-DD or YYYYMMDD")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"must be a date from {_FIRST_YEAR} to {_LAST_YEAR}")
    return day.isoformat()


def midnight_string(bizdate: str) -> str:
    """A business date as 2020-05-18 takes it.

    :param bizdate: ``YYYY-MM-DD``.
    """
    return f"{bizdate} 00:00:00"


def midnight_milliseconds(bizdate: str, time_zone: str) -> int:
    """A business date as 2024-05-18 takes it: when it begins.

    :param bizdate: ``YYYY-MM-DD``.
    :param time_zone: the workspace's, an IANA name.
    :return: Unix milliseconds.
    """
    return int(datetime.fromisoformat(bizdate).replace(tzinfo=ZoneInfo(time_zone)).timestamp()) * 1000


def bizdate_of(milliseconds: int) -> str | None:
    """Read a business date that is given as when it begins, in whatever time zone.

    :param milliseconds: Unix milliseconds.
    :return: ``YYYY-MM-DD``; None for what is no date.
    """
    try:
        moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc) + _HALF_A_DAY
    except (ValueError, OverflowError, OSError):
        return None
    return moment.date().isoformat()


def parse_moment(value: object, time_zone: str) -> datetime:
    """Read a moment.

    :param value: a datetime, an ISO 8601 string, or Unix milliseconds (or their digits).
    :param time_zone: where it is one without a time zone, an IANA name.
    :return: an aware datetime.
    :raises ValueError: it is anything else.
    """
    if isinstance(value, str) and value.isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 10**12 <= value < 10**13:
        return datetime.fromtimestamp(value / 1000, timezone.utc)
    if isinstance(value, str) and value.isascii():
        value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    if not isinstance(value, datetime) or not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError("must be a datetime, an ISO 8601 string or Unix milliseconds")
    return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(time_zone))


def day_before(moment: datetime, time_zone: str) -> str:
    """The business date of what is scheduled at a moment: the day before it.

    :param moment: an aware datetime.
    :param time_zone: the workspace's, an IANA name.
    :return: ``YYYY-MM-DD``.
    """
    return (moment.astimezone(ZoneInfo(time_zone)).date() - timedelta(days=1)).isoformat()
