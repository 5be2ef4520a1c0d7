"""What users write, and what templates render, becomes what the API takes; the rest is refused by name."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.models import JobStatus
from airflow_provider_dataworks.exceptions import DataWorksParameterError

NOON = 1671537600  # 2022-12-20 12:00 UTC


class _Upstream:
    """Stands for an upstream task's output, which Airflow resolves."""

    def resolve(self) -> None:
        """Give the value."""


@pytest.mark.parametrize(
    "value",
    ["{{ ds }}", "x {% if a %}", "{# a #}", {"a": ["{{ ds }}"]}, {"{{ a }}": 1}, [_Upstream()], _Upstream()],
)
def test_value_that_is_yet_to_be_rendered_is_known(value: Any) -> None:
    assert arguments.is_template(value)


@pytest.mark.parametrize(
    "value", ["text", 5, None, {"a": [1, {"b": "c"}]}, (), "{ds}", "content.json", {"a": ["a.json"]}, Path("a.json")]
)
def test_other_values_are_no_templates(value: Any) -> None:
    assert not arguments.is_template(value)


@pytest.mark.parametrize(
    ("value", "result"),
    [(None, None), ("", None), ("  ", None), ("None", None), ("null", None), (0, 0), (False, False), ("a", "a")],
)
def test_nothing_as_templates_render_it(value: Any, result: Any) -> None:
    assert arguments.optional(value) is result


@given(st.integers(1, 2**63 - 1))
def test_ids_are_integers_or_their_digits(number: int) -> None:
    assert arguments.identifier("x", number) == number
    assert arguments.identifier("x", str(number)) == number
    assert arguments.identifier("x", f" {number}\n") == number
    # A blank to str.strip, but not to int.
    assert arguments.identifier("x", f"{number}\x1f") == number


def _nested(depth: int, kind: type) -> Any:
    value: Any = kind()
    for _ in range(depth):
        value = {"a": value} if kind is dict else [value]
    return value


@pytest.mark.parametrize("kind", [dict, list])
def test_what_is_nested_too_deeply_is_refused(kind: type) -> None:
    assert json.loads(arguments.json_text("x", {"a": _nested(98, kind)}))
    with pytest.raises(DataWorksParameterError, match="x: must not be nested deeper than 100 levels"):
        arguments.json_text("x", {"a": _nested(99, kind)})
    with pytest.raises(DataWorksParameterError, match=r"x\.b: must not be nested deeper than 100 levels"):
        arguments.parameters("x", {"b": _nested(100, kind)})
    twice: Any = {}
    twice |= {"a": twice, "b": twice}
    with pytest.raises(DataWorksParameterError, match="nested"):
        arguments.json_object("x", twice)


def test_error_shows_the_name_and_a_short_value() -> None:
    with pytest.raises(DataWorksParameterError) as raised:
        arguments.identifier("file_id", "x" * 10_000)

    assert str(raised.value).startswith("file_id: must be an integer from 1 to 9223372036854775807, or its digits, not")
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(("value", "good"), [(10_000_000_000, True), (10_000_000_001, False), (1, True), (0, False)])
def test_workspace_ids_have_bounds(value: int, good: bool) -> None:
    if good:
        assert arguments.project_identifier(value) == value
    else:
        with pytest.raises(DataWorksParameterError, match="project_id"):
            arguments.project_identifier(value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (True, True),
        (False, False),
        ("true", True),
        ("True", True),
        (" FALSE ", False),
        ("1", True),
        ("0", False),
        (1, True),
        (0, False),
        ("yes", True),
        ("no", False),
        ("on", True),
        (" Off\n", False),
        ("t", True),
        ("f", False),
        (None, None),
        ("None", None),
        ("", None),
    ],
)
def test_truth_values(value: Any, result: bool | None) -> None:
    assert arguments.boolean("x", value) is result


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (NOON, NOON),
        (946_684_800, 946_684_800),
        ("1.6715376e9", NOON),
        (NOON + 0.9, NOON),
        (str(NOON), NOON),
        (f" {NOON} ", NOON),
        (f"{NOON}.0", NOON),
        (dt.datetime(2022, 12, 20, 12, tzinfo=dt.timezone.utc), NOON),
        (dt.datetime(2022, 12, 20, 20, tzinfo=ZoneInfo("Asia/Shanghai")), NOON),
        (dt.datetime(2022, 12, 20, 12), NOON),  # noqa: DTZ001 - without a zone it is UTC
        ("2022-12-20T12:00:00Z", NOON),
        ("2022-12-20T12:00:00+00:00", NOON),
        ("2022-12-20 20:00:00+08:00", NOON),
        ("2022-12-20T12:00:00", NOON),
        ("2022-12-20", NOON - 12 * 3600),
        # Airflow's ts_nodash and ts_nodash_with_tz.
        ("20221220T120000", NOON),
        ("20221220T200000+0800", NOON),
        ("2022-12-20T20:00:00+0800", NOON),
    ],
)
def test_start_time_is_seconds_a_datetime_or_iso_text(value: Any, seconds: int) -> None:
    result = arguments.start_time("x", value)

    assert (result, type(result)) == (seconds, int)


@pytest.mark.parametrize("value", [NOON * 1000, float(NOON * 1000), str(NOON * 1000), 10**11])
def test_milliseconds_are_recognised(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="looks like milliseconds: divide it by 1000"):
        arguments.start_time("x", value)


@pytest.mark.parametrize(
    ("digits", "iso"),
    [
        ("2026", "2026-01-01"),
        ("202601", "2026-01-01"),
        ("20261125", "2026-11-25"),
        ("2026010108", "2026-01-01T08:00:00"),
        ("202601010830", "2026-01-01T08:30:00"),
        ("20260101083000", "2026-01-01T08:30:00"),
        ("2024022923", "2024-02-29T23:00:00"),
        ("1999", "1999-01-01"),
        ("20991231235959", "2099-12-31T23:59:59"),
    ],
)
@pytest.mark.parametrize("kind", [str, int, float, " {}\n".format, "{}.0".format, "+{}".format])
def test_date_in_digits_is_not_taken_for_seconds(digits: str, iso: str, kind: Any) -> None:
    with pytest.raises(DataWorksParameterError, match=f"looks like a date: write '?{iso}"):
        arguments.start_time("x", kind(digits))
    with pytest.raises(DataWorksParameterError, match=f"StartTime: .*looks like a date: write '?{iso}"):
        arguments.realtime_start_settings({"StartTime": kind(digits)})


@pytest.mark.parametrize(
    "value", [0, "0", 1, 86400.0, "20261301", "20260231", 946_684_799, "1999-12-31T23:59:59Z", "0800", "1970-01-01"]
)
def test_times_before_2000_are_refused(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match=r"x: must not be before 2000; .* is 19"):
        arguments.start_time("x", value)


def test_times_more_than_a_day_ahead_are_refused() -> None:
    now = dt.datetime.now(dt.timezone.utc)
    soon, late = now + dt.timedelta(hours=23), now + dt.timedelta(hours=25)

    for value in (soon, soon.isoformat(), soon.timestamp(), str(int(soon.timestamp()))):
        assert arguments.start_time("x", value) == int(soon.timestamp())
    for value in (late, late.isoformat(), late.timestamp(), str(int(late.timestamp())), "2034-03-14", 9_999_999_999):
        with pytest.raises(DataWorksParameterError, match=r"x: must not be more than a day ahead; .* is 2\d{3}-"):
            arguments.start_time("x", value)
    with pytest.raises(DataWorksParameterError, match=r"x: must be in seconds; .* is a smaller unit"):
        arguments.start_time("x", NOON * 1_000_000)


@pytest.mark.parametrize(
    "value", ["1_671_537_600", "１６７１５３７６００", "0x63a1a0c0", "2022/12/20", "12/20/2022", "2022-12"]
)
def test_other_spellings_of_numbers_and_dates_are_refused(value: str) -> None:
    with pytest.raises(DataWorksParameterError, match="x: must be Unix seconds, a datetime or an ISO 8601 text"):
        arguments.start_time("x", value)


@pytest.mark.parametrize(
    "value", [-1, "-5", True, None, "", "noon", [], {}, float("nan"), "nan", "inf", dt.date(2022, 12, 20)]
)
def test_other_start_times_are_refused(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="x: must be Unix seconds, a datetime or an ISO 8601 text"):
        arguments.start_time("x", value)


def test_pendulum_datetimes_are_datetimes() -> None:
    pendulum = pytest.importorskip("pendulum")

    assert arguments.start_time("x", pendulum.datetime(2022, 12, 20, 20, tz="Asia/Shanghai")) == NOON


def _is_no_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return True
    return False


@pytest.mark.waits
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_object_may_be_a_dict_or_the_text_of_one(value: dict[str, Any]) -> None:
    assert json.loads(arguments.json_text("x", value)) == value
    printed = repr(value)
    if _is_no_json(printed):
        assert json.loads(arguments.json_text("x", printed)) == value
    written = json.dumps(value, indent=1)
    assert arguments.json_text("x", written) == written


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ('{"column": ["id" "name"]}', "line 1 column 18"),
        ('{"a": "\\x41"}', "line 1 column 8"),
        ('{\n "a": 0x10\n}', "line 2 column 8"),
        ('{"a": 1} # comment', "line 1 column 10"),
        ('{"a": 1 # comment\n}', "line 1 column 9"),
        ('{"a": [1, 2,]}', r"line 1 column \d+"),
        ('{"a": 1,}', r"line 1 column \d+"),
        ("{'a': 1,}", "line 1 column 2"),
        ("{'a' : 1}", "line 1 column 2"),
        ("{'a':1}", "line 1 column 2"),
        ("{'a': 'b' 'c'}", "line 1 column 2"),
        ("{'a': 0o17}", "line 1 column 2"),
        ("{'a': 1_000}", "line 1 column 2"),
        ("{'a': '\\/'}", "line 1 column 2"),
        ("{'a': r'b'}", "line 1 column 2"),
        ("{'a': u'b'}", "line 1 column 2"),
        ("{'a': \"b\"}", "line 1 column 2"),
        ("{'a': 1, 'a': 2}", "line 1 column 2"),
        ("{'a': 1 + 2j}", "line 1 column 2"),
        ("{'a': 1.50}", "line 1 column 2"),
        ('{"a": True}', "line 1 column 7"),
        ('{"a": 01}', "line 1 column 8"),
        ('{"a": .5}', "line 1 column 7"),
        ('{"a": "b\n"}', "line 1 column 9"),
        ('{"a": 1} {"b": 2}', "line 1 column 10"),
        ('{"a": 1', r"line 1 column \d+"),
        ("{a: 1}", "line 1 column 2"),
        ("job.jsonx", "line 1 column 1"),
    ],
)
def test_text_that_is_neither_json_nor_printed_by_python_is_refused_with_its_place(value: str, where: str) -> None:
    with pytest.raises(DataWorksParameterError, match=f"x: must be a dict or a JSON object: .* at {where}$"):
        arguments.json_text("x", value)


@pytest.mark.parametrize(
    "written",
    [
        '{"a": "\\/", "b": "\\ud83d\\ude00", "c": 1E400, "d": -0, "e": 1.50}',
        ' {"a":1,\t"a":2}\r\n',
        '{"a": "# no comment", "b": "\\u005c"}',
        "{}",
    ],
)
def test_json_is_passed_on_as_it_was_written(written: str) -> None:
    assert arguments.json_text("x", written) == written
    assert arguments.json_text("x", "\ufeff" + written) == written


@pytest.mark.parametrize(
    "value",
    [
        {"a": None, "b": [True, 1.5, -1e20, "it's", '"', "\n\\/", "é\u2028\x01"], "c": {"d": {}}, "it's": ()},
        {"StartTime": 1671537600},
    ],
)
def test_text_that_python_prints_for_a_dict_is_read(value: dict[str, Any]) -> None:
    for printed in (str(value), f"\n {value} "):
        assert arguments.json_text("x", printed) == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("value", ['{"a": NaN}', '{"a": Infinity}', {"a": float("inf")}, {"a": {1}}, {"a": b"x"}])
def test_object_that_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="x: must hold only what JSON can"):
        arguments.json_text("x", value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (["Finished"], ("Finished",)),
        (("Finished", "Running"), ("Finished", "Running")),
        ([JobStatus.FAILED], ("Failed",)),
        ("Finished", ("Finished",)),
        ("Finished, Running", ("Finished", "Running")),
        ("['Finished', 'Stopped']", ("Finished", "Stopped")),
        ("('Finished',)", ("Finished",)),
    ],
)
def test_statuses(value: Any, result: tuple[str, ...]) -> None:
    assert arguments.statuses("x", value) == result


@pytest.mark.parametrize("value", [[], "", "finished", ["Done"], 5, None, [None]])
def test_other_statuses_are_refused(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match=r"^x: must be"):
        arguments.statuses("x", value)


@pytest.mark.parametrize("value", [[], (), "[]"])
def test_failure_statuses_may_be_empty(value: Any) -> None:
    assert arguments.statuses("x", value, may_be_empty=True) == ()


@pytest.mark.parametrize(("value", "result"), [(5, 5.0), (0, 0.0), (1.5, 1.5), (dt.timedelta(minutes=2), 120.0)])
def test_seconds(value: Any, result: float) -> None:
    assert arguments.seconds("x", value) == result


@pytest.mark.parametrize("value", [-1, "5", None, True, float("nan"), float("inf"), dt.timedelta(seconds=-1)])
def test_other_seconds_are_refused(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="x: must be a number of seconds from 0"):
        arguments.seconds("x", value)


@pytest.mark.parametrize("value", [0, 0.0])
def test_seconds_may_have_to_be_above_a_bound(value: float) -> None:
    with pytest.raises(DataWorksParameterError, match="x: must be above 0 seconds"):
        arguments.seconds("x", value, above=0)


@pytest.mark.parametrize(
    ("settings", "left", "dropped"),
    [
        ({"StartTime": None}, {}, ["StartTime"]),
        ("{'StartTime': 'None'}", {}, ["StartTime"]),
        ({"StartTime": ""}, {}, ["StartTime"]),
        ({}, {}, []),
        ({"FailoverSettings": {}}, {}, []),
        ({"FailoverSettings": {"Interval": None}}, {}, ["FailoverSettings.Interval"]),
        (
            {"StartTime": " null ", "FailoverSettings": {"Interval": "5", "UpperLimit": None}},
            {"FailoverSettings": {"Interval": 5}},
            ["FailoverSettings.UpperLimit", "StartTime"],
        ),
        ({"StartTime": NOON, "FailoverSettings": None}, {"StartTime": NOON}, ["FailoverSettings"]),
    ],
)
def test_settings_that_are_none_are_left_out(settings: Any, left: Any, dropped: list[str]) -> None:
    read = arguments.realtime_start_settings(settings)

    assert read is not None
    assert arguments.realtime_start_settings(read) == read
    assert arguments.without_none(read) == (left, dropped)
