"""What users write, and what templates render, becomes what the API takes; the rest is refused by name."""

from __future__ import annotations

import datetime as dt
import json
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
    ["{{ ds }}", "x {% if a %}", "content.json", {"a": ["{{ ds }}"]}, {"{{ a }}": 1}, [_Upstream()], _Upstream()],
)
def test_value_that_is_yet_to_be_rendered_is_known(value: Any) -> None:
    assert arguments.is_template(value)


@pytest.mark.parametrize("value", ["text", 5, None, {"a": [1, {"b": "c"}]}, (), "{ds}"])
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
        (0, 0),
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
    ],
)
def test_start_time_is_seconds_a_datetime_or_iso_text(value: Any, seconds: int) -> None:
    result = arguments.start_time("x", value)

    assert (result, type(result)) == (seconds, int)


@pytest.mark.parametrize("value", [NOON * 1000, float(NOON * 1000), str(NOON * 1000), 10**11])
def test_milliseconds_are_recognised(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="looks like milliseconds: divide it by 1000"):
        arguments.start_time("x", value)


def test_date_without_hyphens_is_not_taken_for_seconds() -> None:
    with pytest.raises(DataWorksParameterError, match="'20221220' looks like a date: write 2022-12-20"):
        arguments.start_time("x", "20221220")


@pytest.mark.parametrize(
    "value", [-1, "-5", True, None, "", "noon", [], {}, float("nan"), "nan", "inf", dt.date(2022, 12, 20)]
)
def test_other_start_times_are_refused(value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="x: must be Unix seconds, a datetime or an ISO 8601 text"):
        arguments.start_time("x", value)


def test_pendulum_datetimes_are_datetimes() -> None:
    pendulum = pytest.importorskip("pendulum")

    assert arguments.start_time("x", pendulum.datetime(2022, 12, 20, 20, tz="Asia/Shanghai")) == NOON


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
    assert json.loads(arguments.json_text("x", repr(value))) == value
    written = json.dumps(value, indent=1)
    assert arguments.json_text("x", written) == written


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
