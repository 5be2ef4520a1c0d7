"""TriggerNodeOperator fires the instance of an HTTP-trigger node once, over all tries of the task."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.operators.node import TriggerNodeOperator
from tests.support.tasks import make_context

TRIGGER = 4006
ZONE = ZoneInfo("Asia/Shanghai")
DAY = datetime.now(ZONE).date() - timedelta(days=3)


def task(**arguments: Any) -> TriggerNodeOperator:
    return TriggerNodeOperator(**{"task_id": "fire", "node_id": TRIGGER, **arguments})


def instance() -> Any:
    (found,) = DataWorksHook().read_node_instances(node_id=TRIGGER, bizdate=DAY)
    return found


@pytest.mark.parametrize("by", ["bizdate", "trigger_time", "interval"])
def test_instance_is_fired(emulator: EmulatorControl, by: str) -> None:
    emulator.settings(run_seconds=60)
    context = make_context()
    arguments: dict[str, Any] = {}
    if by == "bizdate":
        arguments["bizdate"] = DAY.isoformat()
    elif by == "trigger_time":
        arguments["trigger_time"] = instance().fields["CycTime"]
    else:
        start = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=timezone.utc)
        context["data_interval_start"] = start

    assert task(**arguments).execute(context) == TRIGGER

    assert instance().status == "RUNNING"
    assert LINK_KEY in context["pushed"]


@pytest.mark.parametrize("by", ["bizdate", "trigger_time"])
def test_retry_takes_an_instance_that_was_fired_before(emulator: EmulatorControl, task_log: list[str], by: str) -> None:
    emulator.settings(run_seconds=60)
    given = {"bizdate": DAY} if by == "bizdate" else {"trigger_time": instance().fields["CycTime"]}
    task(**given).execute(make_context())

    assert task(**given).execute(make_context(try_number=2)) == TRIGGER

    assert any(f"Node {TRIGGER} was fired before" in line and "is RUNNING" in line for line in task_log)
    emulator.set_node_instance(instance().id, Status="FAILURE")
    with pytest.raises(DataWorksPermanentError, match="waits for"):
        task(**given).execute(make_context(try_number=3))


def test_instance_that_does_not_exist_yet_and_a_node_that_waits_for_nothing_are_errors(
    emulator: EmulatorControl,
) -> None:
    with pytest.raises(DataWorksNotFoundError, match="There is no such instance yet"):
        task(bizdate="2099-01-01").execute(make_context())
    with pytest.raises(DataWorksNotFoundError):
        task(node_id=5, bizdate=DAY).execute(make_context())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"node_id": None}, "dataworks_node_id: must be an integer"),
        ({"bizdate": "yesterday"}, "bizdate: must be a date"),
        ({"trigger_time": "noon"}, "trigger_time: must be a datetime"),
        ({"project_env": "TEST"}, "project_env: must be one of PROD, DEV"),
    ],
)
def test_bad_arguments_are_refused_at_construction(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        task(**arguments)
