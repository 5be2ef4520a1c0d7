"""The instance of an HTTP-trigger node is fired once, whatever becomes of the answer."""

from __future__ import annotations

import time
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
from tests.support.versions import IN_BOTH_VERSIONS, V2020, V2024, sent

BATCH, TRIGGER = 4001, 4006
ZONE = ZoneInfo("Asia/Shanghai")
ACTIONS = {V2020: "RunTriggerNode", V2024: "TriggerSchedulerTaskInstance"}


@pytest.fixture
def day(dataworks_emulator: EmulatorControl) -> str:
    """Return a business date of which the scheduler has made the instances."""
    dataworks_emulator.settings(run_seconds=60)
    return (datetime.now(ZONE).date() - timedelta(days=3)).isoformat()


def status(hook: DataWorksHook, day: str) -> str:
    (instance,) = hook.read_node_instances(node_id=TRIGGER, bizdate=day)
    return instance.status


def due(hook: DataWorksHook, day: str) -> int:
    (instance,) = hook.read_node_instances(node_id=TRIGGER, bizdate=day)
    return int(instance.fields["CycTime"])


@IN_BOTH_VERSIONS
def test_waiting_instance_of_a_date_is_fired(hook: DataWorksHook, day: str) -> None:
    assert status(hook, day) == "WAIT_TRIGGER"

    hook.trigger_node(node_id=TRIGGER, bizdate=day)

    assert status(hook, day) == "RUNNING"
    with pytest.raises(DataWorksPermanentError, match=r"^No instance waits for a trigger: .* is RUNNING"):
        hook.trigger_node(node_id=TRIGGER, bizdate=day)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("kind", ["milliseconds", "digits", "aware", "naive", "text"])
def test_instance_is_fired_by_the_time_at_which_it_is_due(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, day: str, kind: str
) -> None:
    milliseconds = due(hook, day)
    moment = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
    local = moment.astimezone(ZONE).replace(tzinfo=None)
    written: dict[str, Any] = {
        "milliseconds": milliseconds,
        "digits": str(milliseconds),
        "aware": moment,
        "naive": local,
        "text": local.isoformat(),
    }

    hook.trigger_node(node_id=TRIGGER, trigger_time=written[kind])

    assert status(hook, day) == "RUNNING"
    (asked,) = (each for each in dataworks_emulator.requests() if each["action"] in ACTIONS.values())
    assert str(milliseconds) in sent(asked).values()


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "reset", "effect": "after"},
        {"kind": "error", "effect": "after"},
        {"kind": "cut", "effect": "after"},
        {"kind": "html", "effect": "after"},
        {"kind": "throttle"},
        {"kind": "late", "seconds": 0.1, "reset": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_lost_answer_fires_it_all_the_same_and_once(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, day: str, fault: dict[str, Any]
) -> None:
    dataworks_emulator.add_fault(action=ACTIONS[hook.settings.api_version], **fault)
    hook.client.sleep = lambda seconds: time.sleep(0.06)

    hook.trigger_node(node_id=TRIGGER, bizdate=day)

    assert status(hook, day) == "RUNNING"


@IN_BOTH_VERSIONS
def test_date_without_an_instance_and_several_that_wait_are_said(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    ahead = "2099-01-01"
    with pytest.raises(DataWorksNotFoundError, match=r"^There is no such instance yet: node 4006 has none"):
        hook.trigger_node(node_id=TRIGGER, bizdate=ahead)

    for cycle_time in (1_732_032_000_000, 1_732_035_600_000):
        dataworks_emulator.add_node_instance(
            NodeId=TRIGGER, Bizdate="2024-11-19", CycTime=cycle_time, Status="WAIT_TRIGGER"
        )
    with pytest.raises(DataWorksParameterError, match=r"^trigger_time: is missing: .* 2 instances .*1732035600000"):
        hook.trigger_node(node_id=TRIGGER, bizdate="2024-11-19")


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "give bizdate or trigger_time"),
        ({"trigger_time": "noon"}, "trigger_time: must be a datetime"),
        ({"trigger_time": 1732032000}, "trigger_time: must be a datetime"),
        ({"trigger_time": True}, "trigger_time: must be a datetime"),
    ],
)
def test_trigger_that_names_no_instance_is_refused_without_a_request(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DataWorksParameterError, match=problem):
        hook.trigger_node(node_id=TRIGGER, **arguments)
    assert dataworks_emulator.requests() == []


def test_2020_fires_in_production_alone(hook: DataWorksHook, day: str) -> None:
    with pytest.raises(DataWorksParameterError, match="project_env: must be PROD: RunTriggerNode fires in no other"):
        hook.trigger_node(node_id=TRIGGER, bizdate=day, project_env="DEV")


def test_edition_that_fires_nothing_says_what_does(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, day: str
) -> None:
    dataworks_emulator.settings(edition="basic", read_qps=0, write_qps=0, total_qps=0)

    with pytest.raises(DataWorksPermanentError, match=r"^Running nodes needs Enterprise Edition or above"):
        hook.trigger_node(node_id=TRIGGER, bizdate=day)
