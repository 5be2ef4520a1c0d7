"""Business dates are read as users write them, and written as each API version does."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_dataworks.client import bizdates

SHANGHAI = "Asia/Shanghai"
NOON = dt.datetime(2024, 11, 20, 12, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    "written",
    [
        dt.date(2024, 11, 20),
        dt.datetime(2024, 11, 20, 23, 59, tzinfo=ZoneInfo("America/New_York")),
        "2024-11-20",
        "20241120",
        # What ds_nodash is where a DAG renders native objects.
        20241120,
        " 2024-11-20\n",
        "2024-11-20T08:30:00.123456+08:00",
        "2024-11-20 08:30:00Z",
    ],
)
def test_a_business_date_is_the_date_that_is_written(written: object) -> None:
    assert bizdates.parse_bizdate(written) == "2024-11-20"


@pytest.mark.parametrize("written", ["1900-01-01", "9998-12-31"])
def test_first_and_last_year_are_dates(written: str) -> None:
    assert bizdates.parse_bizdate(written) == written


@pytest.mark.parametrize("written", ["1899-12-31", "9999-01-01", dt.date(1899, 12, 31), dt.date(9999, 1, 1)])
def test_years_outside_are_refused_by_the_years_that_are_allowed(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a date from 1900 to 9998$"):
        bizdates.parse_bizdate(written)


@pytest.mark.parametrize(
    "written",
    [2024112, -20241120, True, 20241120.0, None, "", "2024-11", "2024/11/20", "20 November", "2024-11-20 noon"],
)
def test_what_is_no_date_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"^must be a date, YYYY-MM-DD or YYYYMMDD$"):
        bizdates.parse_bizdate(written)


def test_each_version_has_its_own_midnight() -> None:
    assert bizdates.midnight_string("2024-11-20") == "2024-11-20 00:00:00"
    assert bizdates.midnight_milliseconds("2024-11-20", "UTC") == 1732060800000
    assert bizdates.midnight_milliseconds("2024-11-20", SHANGHAI) == 1732060800000 - 8 * 3_600_000


@pytest.mark.parametrize("time_zone", ["UTC", SHANGHAI, "America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
def test_a_midnight_of_any_time_zone_is_read_as_its_date(time_zone: str) -> None:
    milliseconds = bizdates.midnight_milliseconds("2024-11-20", time_zone)

    # Zones that are 12 hours ahead or more begin a date when it is noon of the day before in UTC.
    expected = "2024-11-20" if time_zone != "Pacific/Auckland" else "2024-11-19"
    assert bizdates.bizdate_of(milliseconds) == expected


@pytest.fixture
def machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set this process's own time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("machine_in_tokyo")
def test_the_machines_own_time_zone_does_not_matter() -> None:
    for hour in (-12, -8, 0, 5, 11):
        assert bizdates.bizdate_of(1732060800000 + hour * 3_600_000) == "2024-11-20", hour


def test_milliseconds_that_are_no_date_are_none() -> None:
    assert bizdates.bizdate_of(10**18) is None
    assert bizdates.bizdate_of(0) == "1970-01-01"


@pytest.mark.parametrize(
    "written",
    [
        NOON,
        "2024-11-20T12:00:00+00:00",
        "2024-11-20T12:00:00Z",
        " 2024-11-20T20:00:00+08:00 ",
        "2024-11-20T20:00:00",
        dt.datetime(2024, 11, 20, 20),  # noqa: DTZ001 - the time zone is the argument's
        1732104000000,
        "1732104000000",
    ],
)
def test_a_moment_may_be_written_in_these_ways(written: object) -> None:
    assert bizdates.parse_moment(written, SHANGHAI) == NOON


def test_milliseconds_have_thirteen_digits() -> None:
    first = dt.datetime(2001, 9, 9, 1, 46, 40, tzinfo=dt.timezone.utc)
    assert bizdates.parse_moment(10**12, SHANGHAI) == first
    assert bizdates.parse_moment(10**13 - 1, SHANGHAI).year == 2286
    for number in (10**12 - 1, 10**13, True, 1.5e12):
        with pytest.raises(ValueError, match="must be a datetime, an ISO 8601 string or Unix milliseconds"):
            bizdates.parse_moment(number, SHANGHAI)


@pytest.mark.parametrize("year", [1899, 9999])
def test_moments_of_years_outside_are_refused(year: int) -> None:
    with pytest.raises(ValueError, match="must be a datetime, an ISO 8601 string or Unix milliseconds"):
        bizdates.parse_moment(dt.datetime(year, 6, 1, tzinfo=dt.timezone.utc), SHANGHAI)


@pytest.mark.parametrize("year", [1900, 9998])
def test_moments_of_the_first_and_the_last_year_are_taken(year: int) -> None:
    moment = dt.datetime(year, 6, 1, tzinfo=dt.timezone.utc)

    assert bizdates.parse_moment(moment, SHANGHAI) == moment


def test_what_is_scheduled_has_the_business_date_of_the_day_before() -> None:
    assert bizdates.day_before(NOON, "UTC") == "2024-11-19"
    assert bizdates.day_before(NOON.replace(hour=16), SHANGHAI) == "2024-11-20"
