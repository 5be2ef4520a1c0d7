"""Whatever is given for an argument or a field: a right request, or an error of ours before any; never a traceback."""

from __future__ import annotations

import datetime
import decimal
import json
import string
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_provider_dataworks.client.transport import Exchange, Response, Transport
from airflow_provider_dataworks.connection.settings import read_connection
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksNotFoundError, DataWorksParameterError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator, TriggerNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor
from tests.support.hook import hook_for

from .test_refused_arguments import GOOD, GOOD_FOR_NODES

SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=30,
)


def _nested(depth: int, kind: type) -> Any:
    inner: Any = [] if kind is list else {}
    for _ in range(depth):
        inner = [inner] if kind is list else {"a": inner}
    return inner


class Odd:
    """An object that says nothing useful of itself."""

    def __repr__(self) -> str:
        return "Odd()"


ODD: list[Any] = [
    "\ud800",
    "a\x00b",
    "a\r\nX-Evil: 1",
    "9" * 5000,
    "1e400",
    "-0",
    " 1001 ",
    "1001\x1f",
    "١٠٠١",
    "²",
    "x" * 200_000,
    10**400,
    -(10**400),
    2**63,
    1e308,
    float("nan"),
    float("inf"),
    -float("inf"),
    1001.0,
    True,
    b"1001",
    bytearray(b"x"),
    decimal.Decimal("NaN"),
    1j,
    datetime.datetime.min,  # noqa: DTZ901 - as users write it
    datetime.datetime.max,  # noqa: DTZ901 - as users write it
    datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-14))),
    datetime.date(2026, 1, 1),
    datetime.timedelta.max,
    datetime.timedelta(-1),
    [],
    {},
    set(),
    [None],
    {None: None},
    {1: 2},
    {"a": {1, 2}},
    {"a": float("nan")},
    {"\ud800": "\ud800"},
    {"a": b"b"},
    {(1, 2): 3},
    {1: 1, "b": 2},
    _nested(5000, list),
    _nested(5000, dict),
    "[" * 100_000,
    '{"a":' * 100_000,
    "(" * 5000,
    "-" * 100_000 + "1",
    '{"a": NaN}',
    '{"a": 1e999}',
    '{"a": ' + "9" * 5000 + "}",
    '{"a": "\\ud800"}',
    "{'a': '\\ud800'}",
    "{'a': b'b'}",
    "{'a': " + "9" * 5000 + "}",
    "{1: 2, 'a': 3}",
    {"StartTime": "9" * 5000},
    {"StartTime": 10**400},
    {"StartTime": datetime.datetime.min},  # noqa: DTZ901 - as users write it
    {"StartTime": datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-14)))},
    {"StartTime": "0001-01-01T00:00:00+14:00"},
    {"FailoverSettings": _nested(2000, dict)},
    {"FailoverSettings": {"Interval": "9" * 5000}},
    {1: 2, "StartTime": 3, None: 4},
    Odd(),
    Odd,
    object(),
    len,
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=30),
    st.text(alphabet=string.printable, max_size=30),
    st.binary(max_size=10),
    st.datetimes(),
    st.decimals(),
)
ANYTHING = st.one_of(
    SCALARS,
    st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.one_of(st.text(max_size=8), st.sampled_from(["StartTime", "FailoverSettings"])), inner),
            st.dictionaries(st.one_of(st.none(), st.integers(), st.binary(max_size=3)), inner, max_size=3),
        ),
        max_leaves=8,
    ),
)


@pytest.fixture
def hook(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataWorksHook]:
    dataworks_emulator.settings(run_seconds=0, start_running="ignore")
    hook = hook_for(dataworks_emulator, monkeypatch, max_attempts=1)
    monkeypatch.setattr("airflow_provider_dataworks.client.assumptions.START_SHOWS_AFTER", ())
    monkeypatch.setattr("airflow_provider_dataworks.client.assumptions.RUN_SHOWS_AFTER", ())
    yield hook
    hook.close()


ALL = {**GOOD, **GOOD_FOR_NODES}
ARGUMENTS = [(method, argument) for method, arguments in ALL.items() for argument in arguments]
READ_FIRST = {"ListInstances", "GetDag", "GetNode"}


@pytest.mark.parametrize(("method", "argument"), ARGUMENTS)
def test_argument_of_the_hook(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, argument: str
) -> None:
    @SETTINGS
    @given(ANYTHING)
    def check(value: Any) -> None:
        since = len(seen)
        try:
            result = getattr(hook, method)(**{**ALL[method], argument: value})
            if method in ("list_di_jobs", "list_node_instances"):
                list(result)
        except DataWorksParameterError as error:
            check_text(error)
            # A start of a solution reads first; nothing of it was sent with the bad value. Only the node says which
            # syntax a value has to fit.
            reads = READ_FIRST if (method, argument) == ("run_node", "parameters") else set()
            assert set(seen[since:]) <= reads
        except DataWorksError as error:
            check_refusal(error)

    seen: list[str] = []
    true_send = Transport.send

    def send(transport: Transport, exchange: Exchange, *arguments: Any) -> Response:
        seen.append(exchange.action)
        return true_send(transport, exchange, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "send", send)
        for value in ODD:
            check.hypothesis.inner_test(value)  # type: ignore[attr-defined]
        check()


def check_refusal(error: DataWorksError) -> None:
    """The service refused what is right as far as can be told here, or has no such job."""
    assert error.http_status is not None or isinstance(error, DataWorksNotFoundError)
    assert len(str(error)) < 2000


def check_text(error: DataWorksParameterError) -> None:
    """The text names the field, is short, and can be written anywhere."""
    text = str(error)
    assert text.startswith(error.name)
    assert len(text) < 600, text
    text.encode()
    assert text.isprintable(), text


TASKS: dict[type, dict[str, Any]] = {
    CreateDISyncTaskOperator: {
        "task_name": "a",
        "task_content": {},
        "task_type": "DI_OFFLINE",
        "project_id": 1,
        "task_param": {},
        "client_token": "t",
        "dataworks_conn_id": "dataworks_default",
        "region_id": "cn-shanghai",
    },
    StartDIJobOperator: {
        "di_job_id": 1,
        "project_id": 1,
        "realtime_start_settings": {},
        "force_to_rerun": True,
        "wait_for_completion": True,
        "target_statuses": ["Finished"],
        "failure_statuses": ["Failed"],
        "deferrable": True,
        "poll_interval": 1,
        "if_running": "attach",
        "cancel_on_kill": True,
        "start_timeout": 1,
        "max_poll_failures": 1,
        "dataworks_conn_id": "dataworks_default",
        "region_id": "cn-shanghai",
    },
    StartDISyncInstanceOperator: {
        "file_id": 1,
        "task_type": "DI_REALTIME",
        "project_id": 1,
        "start_param": {},
        "wait_for_completion": True,
        "deferrable": True,
        "poll_interval": 1,
        "cancel_on_kill": True,
        "start_timeout": 1,
        "max_poll_failures": 1,
        "dataworks_conn_id": "dataworks_default",
        "region_id": "cn-shanghai",
    },
    DIJobStatusSensor: {
        "di_job_id": 1,
        "job_name": "a",
        "project_id": 1,
        "target_statuses": ["Finished"],
        "failure_statuses": ["Failed"],
        "deferrable": True,
        "end_from_trigger": True,
        "max_poll_failures": 1,
        "dataworks_conn_id": "dataworks_default",
        "region_id": "cn-shanghai",
    },
    NodeInstanceSensor: {
        "node_id": 1,
        "bizdate": "2024-11-20",
        "project_id": 1,
        "project_env": "PROD",
        "deferrable": True,
        "end_from_trigger": True,
        "fail_fast": True,
        "max_poll_failures": 1,
    },
    TriggerNodeOperator: {
        "node_id": 1,
        "bizdate": "2024-11-20",
        "trigger_time": 1732032000000,
        "project_id": 1,
        "project_env": "PROD",
    },
    RunNodeOperator: {
        "node_id": 1,
        "bizdate": "2024-11-20",
        "parameters": {"a": "1"},
        "project_id": 1,
        "project_env": "PROD",
        "wait_for_completion": True,
        "deferrable": True,
        "poll_interval": 1,
        "cancel_on_kill": True,
        "fetch_log": True,
        "start_timeout": 1,
        "max_poll_failures": 1,
        "end_from_trigger": True,
    },
}


@pytest.mark.parametrize(
    ("kind", "argument"), [(kind, argument) for kind, arguments in TASKS.items() for argument in arguments]
)
def test_argument_of_a_task(kind: type, argument: str) -> None:
    """At construction, and again as what a template renders."""

    @SETTINGS
    @given(ANYTHING)
    def check(value: Any) -> None:
        try:
            task = kind(task_id="t", **{**TASKS[kind], argument: value})
        except DataWorksParameterError as error:
            check_text(error)
            return
        try:
            task.read_arguments()
        except DataWorksParameterError as error:
            check_text(error)

    for value in ODD:
        check.hypothesis.inner_test(value)  # type: ignore[attr-defined]
    check()


class FakeConnection:
    """What an Airflow connection has that is read."""

    def __init__(self, **fields: Any) -> None:
        self.conn_id = "c"
        self.login: Any = "LTAI"
        self.password: Any = "secret"
        self.host: Any = None
        self.port: Any = None
        self.schema: Any = None
        self.extra = json.dumps({"region_id": "cn-shanghai"})
        self.__dict__.update(fields)

    @property
    def extra_dejson(self) -> Any:
        # Airflow's own gives an empty dict for a blank extra.
        return json.loads(self.extra) if (self.extra or "").strip() else {}


EXTRAS = [
    "region_id",
    "project_id",
    "auth_type",
    "security_token",
    "role_arn",
    "role_session_name",
    "sts_endpoint",
    "oidc_provider_arn",
    "oidc_token_file",
    "ecs_role_name",
    "credentials_uri",
    "network",
    "console",
    "connect_timeout",
    "read_timeout",
    "max_attempts",
    "max_qps",
    "time_zone",
    "access_key_id",
]
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
ODD_JSON = [value for value in ODD if isinstance(value, (str, int, float, list))]


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize("auth_type", [None, "ram_role_arn", "oidc_role_arn", "credentials_uri", "ecs_ram_role"])
def test_extra_of_a_connection(name: str, auth_type: str | None) -> None:
    @settings(SETTINGS, max_examples=15)
    @given(JSON_VALUES)
    def check(value: Any) -> None:
        extra = {"region_id": "cn-shanghai", "auth_type": auth_type, "role_arn": "r", name: value}
        try:
            text = json.dumps(extra)
        except RecursionError:
            return
        connection = FakeConnection(extra=text, login=None if name == "access_key_id" else "LTAI")
        try:
            found = read_connection(connection)
        except DataWorksParameterError as error:
            check_text(error)
        else:
            assert found.endpoint.startswith("https://")
            assert 0 < found.read_timeout < 1e6

    for value in ODD_JSON:
        check.hypothesis.inner_test(value)  # type: ignore[attr-defined]
    check()


@SETTINGS
@given(
    st.one_of(st.none(), st.text(max_size=40)),
    st.one_of(st.none(), st.text(max_size=20)),
    st.one_of(st.none(), st.text(max_size=40)),
    st.one_of(st.none(), st.integers(0, 70000)),
    st.one_of(st.none(), st.text(max_size=40), st.sampled_from(['{"a":' * 20_000, "[" * 100_000, '{"a": NaN}', "5"])),
)
@example("a", "b", "\ud800", None, None)
@example("a\x00", "b\n", "a.b", 1, "{}")
@example("a", "b", "[::1", 0, None)
@example("a", "b", "x" * 5000, 65536, None)
def test_fields_of_a_connection(
    login: str | None, password: str | None, host: str | None, port: int | None, extra: str | None
) -> None:
    connection = FakeConnection(login=login, password=password, host=host, port=port, extra=extra)
    try:
        found = read_connection(connection)
    except DataWorksParameterError as error:
        check_text(error)
    else:
        found.endpoint.encode("ascii")
