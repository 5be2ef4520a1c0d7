"""NodeInstanceEventTrigger: an event for each success of a node's own schedule, over dates and restarts."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from airflow_provider_dataworks.client.bizdates import day_before
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.triggers import event as event_module
from airflow_provider_dataworks.triggers import node_event
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.triggers.node import NodeInstanceEventTrigger, NodeScheduleTrigger
from tests.support.node_runs import NODE
from tests.support.tasks import first_event, rebuilt, run_task
from tests.unit.tasks.test_event_triggers import AssetStore, Watching, run, until
from tests.unit.tasks.test_event_triggers import lines as lines
from tests.unit.tasks.test_event_triggers import pytestmark as pytestmark

BOTH_VERSIONS = pytest.mark.parametrize("emulator", ["2020-05-18", "2024-05-18"], indirect=True)


def day(ago: int = 1) -> str:
    """A business date in the workspace's time zone; 1 is yesterday's, which runs today."""
    return (datetime.now(ZoneInfo("Asia/Shanghai")).date() - timedelta(days=ago)).isoformat()


@pytest.fixture(autouse=True)
def _own_log(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_dataworks.triggers.data_integration import DIJobStatusEventTrigger

    monkeypatch.setattr(NodeInstanceEventTrigger, "log", DIJobStatusEventTrigger.log)


def trigger(**arguments: Any) -> NodeInstanceEventTrigger:
    return NodeInstanceEventTrigger(**{"node_id": NODE, "poll_interval": 0.05, **arguments})


def add(emulator: EmulatorControl, status: str = "RUNNING", ago: int = 1, node: int = NODE) -> int:
    return int(emulator.add_node_instance(NodeId=node, Bizdate=day(ago), Status=status)["InstanceId"])


async def succeed(emulator: EmulatorControl, instance_id: int, status: str = "SUCCESS") -> None:
    await asyncio.to_thread(emulator.set_node_instance, instance_id, Status=status)


@BOTH_VERSIONS
def test_a_success_is_an_event_with_its_business_date(emulator: EmulatorControl, lines: list[str]) -> None:
    add(emulator, "SUCCESS")
    first, late = add(emulator), add(emulator, ago=2)

    async def work() -> list[dict[str, Any]]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched(3)
            await succeed(emulator, first)
            await watching.until_fired(1)
            await succeed(emulator, late)
            await watching.until_fired(2)
            await watching.until_polled(6)
        return watching.fired

    fired = run(work())

    assert [(event["instance_id"], event["bizdate"]) for event in fired] == [(first, day(1)), (late, day(2))]
    assert {
        name: value for name, value in fired[0].items() if name not in ("instance_id", "bizdate", "observed_at")
    } == {
        "node_id": NODE,
        "node_name": "orders_batch",
        "status": "SUCCESS",
        "region_id": "cn-shanghai",
        "project_id": 10000,
    }


@pytest.mark.waits
def test_a_failure_and_a_run_by_hand_are_none_and_a_rerun_is_one(emulator: EmulatorControl, lines: list[str]) -> None:
    from airflow_provider_dataworks.operators.node import RunNodeOperator

    instance_id = add(emulator)

    async def work() -> list[int]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched(3)
            run_by_hand = RunNodeOperator(task_id="run", node_id=NODE, bizdate=day(), poll_interval=0.05)
            await asyncio.to_thread(run_task, run_by_hand)
            for status in ("FAILURE", "RUNNING", "SUCCESS"):
                await succeed(emulator, instance_id, status)
                await watching.until_polled(6)
            await watching.until_fired()
            await succeed(emulator, instance_id, "RUNNING")
            await watching.until_polled(6)
            await succeed(emulator, instance_id)
            await watching.until_fired(2)
        return [event["instance_id"] for event in watching.fired]

    assert run(work()) == [instance_id] * 2


def test_a_restart_repeats_no_event_and_loses_none(emulator: EmulatorControl, lines: list[str]) -> None:
    store = AssetStore()
    first, second = add(emulator), add(emulator)

    async def work() -> list[list[int]]:
        fired = []
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_watched(3)
            await succeed(emulator, first)
            await watching.until_fired()
            await until(lambda: str(first) in str(store.content))
        fired.append([event["instance_id"] for event in watching.fired])
        await succeed(emulator, second)
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_fired()
            await watching.until_polled(6)
        fired.append([event["instance_id"] for event in watching.fired])
        return fired

    assert run(work()) == [[first], [second]]


def test_the_next_business_date_is_watched_from_its_beginning_on(
    emulator: EmulatorControl, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shift = [timedelta(days=1)]
    monkeypatch.setattr(node_event, "day_before", lambda moment, zone: day_before(moment - shift[0], zone))
    monkeypatch.setattr(NodeInstanceEventTrigger, "found_for", 0.2)

    async def work() -> list[tuple[bool, str]]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched(3)
            # Before anybody sees that a day has begun.
            instance_id = await asyncio.to_thread(add, emulator, "SUCCESS")
            await watching.until_polled(6)
            assert not watching.fired
            shift[0] = timedelta(0)
            await watching.until_fired()
        return [(one["instance_id"] == instance_id, one["bizdate"]) for one in watching.fired]

    assert run(work()) == [(True, day())]


def test_a_node_that_does_not_exist_is_said_and_waited_for(emulator: EmulatorControl, lines: list[str]) -> None:
    async def work() -> None:
        async with Watching(emulator, lines, trigger(node_id=4999)) as watching:
            await until(lambda: any("4999" in line and "it goes on" in line for line in lines))
            await asyncio.to_thread(emulator.add_node, NodeId=4999, NodeName="later")
            await watching.until_watched(3)

    run(work())


@pytest.mark.waits
@pytest.mark.parametrize("emulator", ["2024-05-18"], indirect=True)
def test_watchers_and_sensors_of_a_date_share_their_polls(emulator: EmulatorControl, lines: list[str]) -> None:
    nodes = [int(emulator.add_node(NodeName=f"node_{number}")["NodeId"]) for number in range(12)]
    for node in nodes:
        add(emulator, node=node)
    given: dict[str, Any] = {"project_id": 10000, "dataworks_conn_id": "dataworks_default", "poll_interval": 0.3}

    async def work() -> Counter[str]:
        sensors = [
            asyncio.ensure_future(first_event(rebuilt(NodeScheduleTrigger(node_id=node, bizdate=day(), **given))))
            for node in nodes[2:]
        ]
        watchers = [trigger(node_id=node, poll_interval=0.3) for node in nodes[:2]]
        async with Watching(emulator, lines, *watchers) as watching:
            await watching.until_watched(6)
            await watching.until_polled(6)
            await asyncio.to_thread(emulator.clear_requests)
            await watching.until_polled(6)
            requests = await asyncio.to_thread(emulator.requests)
            assert len(poller_module._pollers[asyncio.get_running_loop()]) == 1
        for sensor in sensors:
            sensor.cancel()
        return Counter(entry["action"] for entry in requests)

    # Three dates a tick, each of them one list for all nodes.
    assert set(run(work())) == {"ListTaskInstances"}


@pytest.mark.parametrize(("given", "named"), [({"node_id": None}, "node_id"), ({"project_env": "TEST"}, "project_env")])
def test_unusable_arguments_are_refused_when_the_dag_is_parsed(given: dict[str, Any], named: str) -> None:
    with pytest.raises(DataWorksParameterError, match=named):
        trigger(**given)


def test_it_is_one_trigger_to_airflow_whatever_the_spelling() -> None:
    assert trigger(node_id="4001", project_env="prod").serialize() == trigger().serialize()
    assert event_module.EventTrigger in NodeInstanceEventTrigger.__mro__
