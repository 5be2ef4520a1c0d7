"""Instances of nodes: what their statuses mean for a wait, and how they are named."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import NodeInstance, NodeInstancePage, NodeStatus
from airflow_provider_dataworks.exceptions import DataWorksTransientError
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceLists, NodeInstanceTarget, snapshot_of
from airflow_provider_dataworks.waiting.pages import PageMap
from airflow_provider_dataworks.waiting.target import RunState, StatusSnapshot, WaitState
from tests.support.fake_hook import WORKSPACE_URL, hook

log = logging.getLogger(__name__)
CALL = {"instance_id": 123, "project_env": "PROD"}
LOG = """2026-11-25 00:00:01 start
2026-11-25 00:00:02 : State: 4(FAIL) | Total: 5R 1KB | Speed: 1R/s 2B/s | Error: 0R 0B | Stage: 6%
Code:[A-1], Description:[no space.]
"""


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
        ({"run_number": 2}, 2, WaitState.PENDING),
        ({}, 2, WaitState.FAILED),
        ({"reruns_left": 1, "run_number": 9}, 2, WaitState.PENDING),
        ({"reruns_left": 0, "run_number": 1}, 2, WaitState.FAILED),
        ({"reruns_left": -1}, None, WaitState.FAILED),
        ({"run_number": 1, "fields": {"OperationType": "Kill"}}, 2, WaitState.FAILED),
        ({"reruns_left": 2, "recurrence": "SKIP"}, None, WaitState.PENDING),
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
    assert target().group == "node instance of 2026-11-24 in PROD"
    assert target(bizdate=None).group == "node instance of any date in PROD"
    assert len({target().group, target(bizdate="2026-11-23").group, target(project_env="DEV").group}) == 3
    assert target(bizdate=None).batch() is None
    assert isinstance(target().batch(), NodeInstanceLists)


def test_a_target_goes_to_the_triggerer_and_back() -> None:
    one = target(run_id=5, reruns=2, fetch_log=True, project_env="DEV")

    assert NodeInstanceTarget.from_values(one.values()) == one


@pytest.mark.parametrize(
    ("recurrence", "detail"),
    [(None, ""), ("", ""), ("NORMAL", ""), ("MANUAL", ""), ("SKIP\n", "no work: SKIP "), ("PAUSE", "no work: PAUSE")],
)
def test_an_instance_that_does_no_work_says_so(recurrence: str | None, detail: str) -> None:
    one = NodeInstance(123, 4001, "SUCCESS", "orders", recurrence=recurrence, reruns_left=3, run_number=2)

    assert snapshot_of(one) == StatusSnapshot("SUCCESS", started=(2, 3), name="orders", detail=detail, type=recurrence)


def test_a_stopped_instance_has_no_reruns_left() -> None:
    one = instance("FAILURE", reruns_left=3, run_number=2, fields={"OperationType": "Stop"})

    assert snapshot_of(one).started == (2, 0)


# Calls


def test_what_the_instance_does_is_asked_of_the_instance() -> None:
    api = hook(
        read_node_instance=instance("RUNNING"), get_node_instance_log=LOG + "\x1b[0mend", stop_node_instance=None
    )

    assert target().poll(api).status == "RUNNING"
    assert target().progress(api).startswith("State: 4(FAIL) | Total: 5R 1KB")
    target().stop(api)
    names = ("read_node_instance", "get_node_instance_log", "stop_node_instance")
    assert api.calls == [(name, CALL) for name in names]


def test_an_instance_of_a_known_node_is_an_asset() -> None:
    assert (target().asset_path, target(node_id=0).asset_path) == ("node/4001", None)
    assert target().run_facts(None, StatusSnapshot("SUCCESS", name="orders")) == {  # type: ignore[arg-type]
        "node_id": 4001,
        "node_name": "orders",
        "instance_id": 123,
        "bizdate": "2026-11-24",
        "status": "SUCCESS",
    }


# What is left at the end


def lines_of(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == level]


@pytest.mark.parametrize("fetch_log", [True, False])
def test_a_success_leaves_statistics_and_its_log_if_wanted(caplog: pytest.LogCaptureFixture, fetch_log: bool) -> None:
    caplog.set_level(logging.INFO, __name__)
    api = hook(get_node_instance_log=LOG)

    end = target(fetch_log=fetch_log).read_end(api, StatusSnapshot("SUCCESS", name="orders"), log)

    assert (end.statistics["records"], end.failure) == (5, None)
    shown = ["The log of node instance 123 (node 4001 orders, 2026-11-24):\n" + LOG.rstrip("\n")]
    assert lines_of(caplog, logging.INFO) == (shown if fetch_log else [])
    assert target().results(api, StatusSnapshot("SUCCESS"), log) == {"statistics": end.statistics}


def test_a_success_without_work_has_no_log_to_read(caplog: pytest.LogCaptureFixture) -> None:
    api = hook()

    end = target(fetch_log=True).read_end(api, StatusSnapshot("SUCCESS", name="orders", type="SKIP"), log)

    assert (end.statistics, end.failure, api.calls) == ({"skipped": "SKIP"}, None, [])
    assert caplog.messages == [
        "node instance 123 (node 4001 orders, 2026-11-24) is SUCCESS without having done anything: it is SKIP"
    ]


def test_a_failure_says_what_its_log_says() -> None:
    api = hook(get_node_instance_log=LOG)
    seen = StatusSnapshot("FAILURE", name="orders")

    error = target().failure(api, seen, log)

    assert error.message == (
        f"node instance 123 (node 4001 orders, 2026-11-24) is FAILURE: A-1: no space. See {WORKSPACE_URL}"
    )
    assert (error.job_id, error.status, error.job_name, error.code) == (123, "FAILURE", "orders", "A-1")
    assert (error.error_message, error.console_url) == ("no space.", WORKSPACE_URL)
    assert api.calls == [("get_node_instance_log", CALL)]
    again = target().read_end(api, seen, log).failure
    assert again is not None
    assert vars(again) == vars(error)


def test_a_failure_without_an_error_in_its_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    name = "node instance 123 (node 4001, 2026-11-24)"

    error = target(project_id=-1).failure(hook(get_node_instance_log=" \n"), StatusSnapshot("FAILURE"), log)

    assert error.message == f"{name} is FAILURE: its log gives no error. See the DataWorks console"
    assert (error.error_message, error.code, error.console_url) == (None, None, None)
    assert caplog.messages == [
        f"The log of {name} is empty: DataWorks keeps logs for 7 to 30 days, and long ones for a day"
    ]


def test_a_log_that_cannot_be_read_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    unavailable = hook(get_node_instance_log=DataWorksTransientError("HTTP 503"))

    error = target().failure(unavailable, StatusSnapshot("FAILURE"), log)

    assert "its log gives no error" in error.message
    assert caplog.messages == ["The log of node instance 123 (node 4001, 2026-11-24) cannot be read: HTTP 503"]
    assert target().read_end(unavailable, StatusSnapshot("SUCCESS"), log).statistics == {}


def test_a_frozen_node_has_no_log_and_says_what_to_do() -> None:
    api = hook()
    seen = StatusSnapshot("FAILURE\n", type="PAUSE_CALENDAR")

    error = target().failure(api, seen, log)

    assert "is FAILURE : the node is frozen (PAUSE_CALENDAR): unfreeze it in Operation Center, or deploy it" in str(
        error
    )
    assert api.calls == []
    end = target().read_end(api, seen, log)
    assert (end.statistics, str(end.failure)) == ({"skipped": "PAUSE_CALENDAR"}, str(error))


# Lists


def test_in_the_newer_version_up_to_five_hundred_are_asked_for_by_their_ids() -> None:
    lists = NodeInstanceLists("2026-11-24", "PROD")
    page = NodeInstancePage((NodeInstance(7, 4001, "SUCCESS"), NodeInstance(8, 4001, "SUCCESS")), total=2)
    api = hook("2024-05-18", list_node_instances_page=page)
    wanted = frozenset(range(1, 701))
    lists.begin_tick()

    first = lists.next_request(wanted)
    assert first == tuple(range(1, 501))
    assert lists.fetch(api, 10000, first) is page
    assert lists.read(first, page, frozenset({7})) == {7: snapshot_of(NodeInstance(7, 4001, "SUCCESS"))}
    second = lists.next_request(wanted - {7})
    assert second == tuple(range(501, 701))
    lists.read(second, NodeInstancePage(()), wanted)
    assert lists.next_request(wanted - {7}) is None
    lists.begin_tick()
    assert lists.next_request(frozenset({1, 2})) == (1, 2)
    assert lists.next_request(frozenset({1})) is None
    assert api.calls == [
        (
            "list_node_instances_page",
            {
                "project_id": 10000,
                "bizdate": "2026-11-24",
                "project_env": "PROD",
                "instance_ids": first,
                "page_number": 1,
                "page_size": 500,
            },
        )
    ]


def test_a_batch_is_of_the_date_and_the_environment_of_the_target() -> None:
    lists = target(project_env="DEV").batch()
    api = hook("2024-05-18", list_node_instances_page=NodeInstancePage(()))
    assert lists is not None
    lists.begin_tick()
    lists.fetch(api, 10000, lists.next_request(frozenset({1, 2})))

    ((_, given),) = api.calls
    assert (given["bizdate"], given["project_env"]) == ("2026-11-24", "DEV")


def test_in_the_older_version_pages_are_read_of_the_node_if_there_is_only_one() -> None:
    lists = NodeInstanceLists("2026-11-24", "DEV")
    page = NodeInstancePage((NodeInstance(7, 4001, "SUCCESS"), NodeInstance(8, 4001, "RUNNING")), total=3)
    api = hook(list_node_instances_page=page)
    lists.watch(target(instance_id=7))
    lists.watch(target(instance_id=8))
    lists.begin_tick()

    request = lists.next_request(frozenset({7, 8}))
    lists.fetch(api, 10000, request)
    assert set(lists.read(request, page, frozenset({7, 8}))) == {7, 8}
    lists.begin_tick()
    assert lists.next_request(frozenset({7, 8})) == 1
    lists.fetch(api, 10000, 1)
    lists.watch(target(instance_id=9, node_id=4002))
    lists.begin_tick()
    lists.fetch(api, 10000, 3)
    lists.forget(9)
    lists.begin_tick()
    lists.fetch(api, 10000, 1)

    common = {"project_id": 10000, "bizdate": "2026-11-24", "project_env": "DEV", "page_size": PageMap().page_size}
    assert api.calls == [
        ("list_node_instances_page", {**common, "node_id": node_id, "page_number": page_number})
        for node_id, page_number in ((4001, 1), (4001, 1), (None, 3), (4001, 1))
    ]


@pytest.mark.parametrize("node_id", [0, 4001])
def test_a_list_of_the_older_version_has_at_most_a_hundred_pages(node_id: int) -> None:
    lists = NodeInstanceLists("2026-11-24", "DEV")
    api = hook(list_node_instances_page=NodeInstancePage((), total=10**6))
    wanted = frozenset(range(1, 1001))
    lists.watch(target(node_id=node_id))
    lists.begin_tick()

    asked = []
    while (request := lists.next_request(wanted)) is not None:
        lists.read(request, lists.fetch(api, 10000, request), wanted)
        asked.append(request)

    assert asked[1:] == list(range(2, 101))
    assert {given["node_id"] for _, given in api.calls} == {node_id or None}


def test_what_is_forgotten_is_looked_for_anew() -> None:
    lists = NodeInstanceLists("2026-11-24", "PROD")
    page = NodeInstancePage((NodeInstance(7, 4001, "SUCCESS"), NodeInstance(8, 4001, "RUNNING")), total=2)
    lists.fetch(hook(list_node_instances_page=page), 10000, 1)
    lists.read(1, page, frozenset({7, 8}))
    lists.begin_tick()
    assert lists.next_request(frozenset({7, 8})) == 1
    lists.forget(7)

    assert lists.next_request(frozenset({7, 8})) is None
