"""The polls of many instances of nodes: as few requests as answer all of one business date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.triggers.poller import Key, Poller, subscribe
from airflow_provider_dataworks.waiting.loop import poll_many
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget
from airflow_provider_dataworks.waiting.target import StatusSnapshot
from tests.support.node_runs import BIZDATE, LIST_ACTIONS, NODE

pytestmark = pytest.mark.waits

KEY = Key("dataworks_default", None, 10000, 0.2)


def add_instances(emulator: EmulatorControl, count: int, **fields: Any) -> list[int]:
    """Instances that are running, the oldest first."""
    given = {"NodeId": NODE, "Bizdate": BIZDATE, "Status": "RUNNING", **fields}
    return [one["InstanceId"] for one in emulator.add_resources("node_instances", [given] * count)]


def targets(ids: list[int], **fields: Any) -> list[NodeInstanceTarget]:
    given = {"node_id": NODE, "bizdate": BIZDATE, **fields}
    return [NodeInstanceTarget(10000, one, **given) for one in ids]


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to that")


def most_in_a_tick(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, watched: list[NodeInstanceTarget]
) -> int:
    """The most requests that a tick sends, once the poller knows its way: after the first tick."""
    counts: list[int] = []
    tick = Poller._tick

    async def counted(self: Poller, pending_only: bool = False) -> None:
        before = len(await asyncio.to_thread(emulator.requests))
        await tick(self, pending_only)
        counts.append(len(await asyncio.to_thread(emulator.requests)) - before)

    monkeypatch.setattr(Poller, "_tick", counted)

    async def work() -> int:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, target, 10))[1] for target in watched]
            for subscription in subscriptions:
                assert isinstance(await subscription.next_update(20), StatusSnapshot)
            first = len(counts)
            await until(lambda: len(counts) > first + 2)
        assert all(counts[first + 1 :])
        return max(counts[first:])

    most: int = asyncio.run(asyncio.wait_for(work(), 60))
    return most


def test_sixty_runs_of_one_node_cost_two_requests_a_tick_at_most(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add_instances(emulator, 60)

    assert most_in_a_tick(emulator, monkeypatch, targets(ids)) <= 2


def test_sixty_new_runs_beside_many_old_instances_cost_two_requests_a_tick_at_most(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = emulator.add_node()["NodeId"]
    add_instances(emulator, 1200, NodeId=other, Status="SUCCESS")
    nodes = [emulator.add_node()["NodeId"] for _ in range(3)]
    watched = [one for node in nodes for one in targets(add_instances(emulator, 20, NodeId=node), node_id=node)]

    assert most_in_a_tick(emulator, monkeypatch, watched) <= 2


def test_runs_of_one_node_are_found_however_many_others_there_are(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = add_instances(emulator, 10)
    add_instances(emulator, 1200, NodeId=emulator.add_node()["NodeId"])

    assert most_in_a_tick(emulator, monkeypatch, targets(ids)) <= 1


def test_one_instance_is_asked_for_alone(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = add_instances(emulator, 3)

    assert most_in_a_tick(emulator, monkeypatch, targets(ids[:1])) <= 1
    assert {request["action"] for request in emulator.requests()} <= {"GetInstance", "GetTaskInstance"}


def test_an_instance_that_no_list_has_is_read_itself(emulator: EmulatorControl) -> None:
    ids = add_instances(emulator, 3)
    elsewhere = add_instances(emulator, 1, Bizdate="2024-11-21", Status="SUCCESS")

    found = poll_many(targets([*ids, *elsewhere]), DataWorksHook())

    assert [found[one].status for one in (*ids, *elsewhere)] == ["RUNNING"] * 3 + ["SUCCESS"]


@pytest.mark.parametrize("count", [2, 501])
def test_all_get_their_own_status_in_few_requests(emulator: EmulatorControl, count: int) -> None:
    ids = add_instances(emulator, count)
    emulator.set_node_instance(ids[0], Status="FAILURE")
    emulator.set_node_instance(ids[-1], Status="SUCCESS")

    found = poll_many(targets(ids), DataWorksHook())

    assert (found[ids[0]].status, found[ids[-1]].status) == ("FAILURE", "SUCCESS")
    assert [one.status for number, one in found.items() if number not in (ids[0], ids[-1])] == ["RUNNING"] * (count - 2)
    assert len(emulator.requests()) <= 1 + count // 100
    assert {request["action"] for request in emulator.requests()} <= {*LIST_ACTIONS, "GetTaskInstance", "GetInstance"}


def test_dates_and_environments_are_polled_apart(emulator: EmulatorControl) -> None:
    production = add_instances(emulator, 3)
    development = add_instances(emulator, 3, ProjectEnv="DEV")

    poll_many(targets(production), DataWorksHook())
    found = poll_many(targets(development, project_env="DEV"), DataWorksHook())

    assert set(found) == set(development)
    assert [request["form"]["ProjectEnv"].upper() for request in emulator.requests()] == ["PROD", "DEV"]
