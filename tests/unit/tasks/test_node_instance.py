"""Instances of nodes: what their statuses mean for a wait, and how they are named."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.client.models import NodeInstance, NodeStatus
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget, snapshot_of
from airflow_provider_dataworks.waiting.target import RunState, WaitState


def target(**fields: Any) -> NodeInstanceTarget:
    return NodeInstanceTarget(
        **{"project_id": 10000, "instance_id": 123, "node_id": 4001, "bizdate": "2026-11-24", **fields}
    )


def state(instance: NodeInstance, **fields: Any) -> WaitState:
    return target(**fields).evaluate(snapshot_of(instance), new_run_seen=False, start_overdue=True).state


def instance(status: str, **fields: Any) -> NodeInstance:
    return NodeInstance(123, 4001, status, **fields)


@pytest.mark.parametrize("status", [str(status) for status in NodeStatus] + ["OF_NEXT_YEAR", "", "None"])
def test_only_success_and_failure_end_a_wait(status: str) -> None:
    expected = {"SUCCESS": WaitState.SUCCEEDED, "FAILURE": WaitState.FAILED}.get(status, WaitState.PENDING)

    assert state(instance(status)) is expected


@pytest.mark.parametrize(
    ("fields", "reruns", "expected"),
    [
        ({"reruns_left": 2}, None, WaitState.PENDING),
        ({"reruns_left": 0}, None, WaitState.FAILED),
        ({"run_number": 1}, 2, WaitState.PENDING),
        ({"run_number": 3}, 2, WaitState.FAILED),
        ({"run_number": 1}, None, WaitState.FAILED),
        ({"run_number": 1}, 0, WaitState.FAILED),
        ({"run_number": 1, "fields": {"OperationType": "Stop"}}, 2, WaitState.FAILED),
        ({"run_number": 1, "fields": {"OperationType": "Rerun"}}, 2, WaitState.PENDING),
        ({"reruns_left": 2, "recurrence": "PAUSE"}, None, WaitState.FAILED),
        ({"reruns_left": 2, "recurrence": "PAUSE_CALENDAR"}, None, WaitState.FAILED),
    ],
)
def test_a_failure_is_none_while_automatic_reruns_remain(
    fields: dict[str, Any], reruns: int | None, expected: WaitState
) -> None:
    assert state(instance("FAILURE", **fields), reruns=reruns) is expected


def test_what_a_status_says_of_the_run() -> None:
    def says(status: str, **fields: Any) -> RunState:
        return target().run_state(snapshot_of(instance(status, **fields)))

    assert says("SUCCESS") is RunState.SUCCEEDED
    assert says("FAILURE") is RunState.FAILED
    assert {says("FAILURE", reruns_left=1), says("NOT_RUN"), says("WAIT_TIME"), says("RUNNING")} == {RunState.RUNNING}
    assert says("OF_NEXT_YEAR") is RunState.IDLE


def test_a_change_of_the_number_of_reruns_is_a_change() -> None:
    failed = [snapshot_of(instance("FAILURE", reruns_left=left)) for left in (1, 0)]

    assert failed[0] != failed[1]


def test_log_lines_name_node_and_date() -> None:
    assert target().describe("orders_batch") == "node instance 123 (node 4001 orders_batch, 2026-11-24)"
    assert target().describe() == "node instance 123 (node 4001, 2026-11-24)"
    assert target(bizdate=None, node_id=0).describe("orders\n") == "node instance 123 (node orders )"


def test_instances_of_one_date_and_environment_share_their_polls() -> None:
    assert target().group == target(instance_id=7, node_id=8).group
    assert len({target().group, target(bizdate="2026-11-23").group, target(project_env="DEV").group}) == 3
    assert target(bizdate=None).batch() is None


def test_a_target_goes_to_the_triggerer_and_back() -> None:
    one = target(run_id=5, reruns=2, fetch_log=True, project_env="DEV")

    assert NodeInstanceTarget.from_values(one.values()) == one
