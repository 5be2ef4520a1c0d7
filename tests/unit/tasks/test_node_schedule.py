"""What a node's own schedule runs: how its instances are read, what they mean together, what a failure says."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import NodeInstance, NodeInstancePage
from airflow_provider_dataworks.config import config
from airflow_provider_dataworks.waiting.node_schedule import (
    NodeScheduleTarget,
    ScheduleLists,
    snapshot_of_all,
    statuses_of,
    warn_of_idle,
)
from airflow_provider_dataworks.waiting.target import Evaluation, StatusSnapshot, WaitState
from tests.support.fake_hook import hook

log = logging.getLogger(__name__)
DATE = "2026-11-24"
TARGET = NodeScheduleTarget(10000, 4001, DATE)
PENDING, SUCCEEDED, FAILED = WaitState.PENDING, WaitState.SUCCEEDED, WaitState.FAILED
READ = {"project_id": 10000, "node_id": 4001, "bizdate": DATE, "project_env": "PROD", "scheduled_only": True}


def instance(status: str, number: int = 1, node_id: int = 4001, **fields: Any) -> NodeInstance:
    return NodeInstance(number, node_id, status, **fields)


def polled(*instances: NodeInstance, reruns: int = 0) -> StatusSnapshot:
    return TARGET.poll(hook(read_node_instances=instances, read_node=SimpleNamespace(reruns=reruns)))


def evaluated(snapshot: StatusSnapshot, **fields: Any) -> Evaluation:
    target = NodeScheduleTarget(10000, 4001, DATE, **fields)
    return target.evaluate(snapshot, new_run_seen=False, start_overdue=False)


# What the instances mean together


@pytest.mark.parametrize(
    ("statuses", "state", "status", "detail"),
    [
        ((), PENDING, "not generated yet", ""),
        (("SUCCESS",), SUCCEEDED, "SUCCESS", ""),
        (("SUCCESS", "SUCCESS"), SUCCEEDED, "SUCCESS", "2 of 2 instances SUCCESS"),
        (("SUCCESS", "NOT_RUN"), PENDING, "NOT_RUN", "1 of 2 instances SUCCESS"),
        (("NOT_RUN", "WAIT_TIME", "WAIT_TRIGGER"), PENDING, "WAIT_TRIGGER", "0 of 3 instances SUCCESS"),
        (("WAIT_RESOURCE", "WAIT_TRIGGER"), PENDING, "WAIT_RESOURCE", "0 of 2 instances SUCCESS"),
        (("CHECKING_CONDITION", "CHECKING"), PENDING, "CHECKING", "0 of 2 instances SUCCESS"),
        (("NOT_RUN", "RUNNING"), PENDING, "RUNNING", "0 of 2 instances SUCCESS"),
        (("ODD", "SUCCESS"), PENDING, "ODD", "1 of 2 instances SUCCESS"),
        (("SUCCESS", "FAILURE", "RUNNING"), FAILED, "FAILURE", "1 of 3 instances SUCCESS"),
    ],
)
def test_all_must_succeed_and_one_failure_is_enough(
    statuses: tuple[str, ...], state: WaitState, status: str, detail: str
) -> None:
    snapshot = polled(*(instance(one, number) for number, one in enumerate(statuses)))

    assert evaluated(snapshot) == Evaluation(state)
    assert (snapshot.status, snapshot.detail, snapshot.exact) == (status, detail, True)
    assert statuses_of(snapshot) == {str(number): one for number, one in enumerate(statuses)}


@pytest.mark.parametrize(
    ("statuses", "state"), [(("FAILURE", "RUNNING"), PENDING), (("FAILURE", "SUCCESS"), FAILED), (("FAILURE",), FAILED)]
)
def test_a_failure_may_wait_until_all_have_ended(statuses: tuple[str, ...], state: WaitState) -> None:
    snapshot = polled(*(instance(one, number) for number, one in enumerate(statuses)))

    assert evaluated(snapshot, await_all=True) == Evaluation(state)


def test_what_a_list_says_of_an_end_is_confirmed() -> None:
    listed = {state: snapshot_of_all([(instance("X"), state)], exact=False) for state in WaitState}

    assert evaluated(listed[SUCCEEDED]) == evaluated(listed[FAILED]) == Evaluation(PENDING, confirm=True)
    assert evaluated(listed[PENDING]) == Evaluation(PENDING)
    assert evaluated(StatusSnapshot("x")) == Evaluation(PENDING)
    assert statuses_of(StatusSnapshot("x")) == {}


@pytest.mark.parametrize(
    ("fields", "reruns", "state", "asked"),
    [
        ({"run_number": 1}, 2, PENDING, True),
        ({"run_number": 3}, 2, FAILED, True),
        ({"reruns_left": 1, "run_number": 1}, 0, PENDING, False),
        ({}, 2, FAILED, False),
    ],
)
def test_a_failure_is_none_while_the_node_is_run_again(
    fields: dict[str, Any], reruns: int, state: WaitState, asked: bool
) -> None:
    api = hook(
        read_node_instances=(instance("SUCCESS", 2, run_number=1), instance("FAILURE", **fields)),
        read_node=SimpleNamespace(reruns=reruns),
    )

    assert evaluated(TARGET.poll(api)).state is state
    assert api.calls[0] == ("read_node_instances", READ)
    assert api.calls[1:] == ([("read_node", {"node_id": 4001, "project_env": "PROD"})] if asked else [])


def test_a_snapshot_has_all_that_is_known_of_the_instances() -> None:
    snapshot = snapshot_of_all(
        [
            (instance("SUCCESS", 1), SUCCEEDED),
            (instance("SUCCESS", 2, node_name="orders", recurrence="SKIP\n"), SUCCEEDED),
            (instance("SUCCESS", 3, node_name="other", recurrence="PAUSE"), SUCCEEDED),
        ]
    )

    assert snapshot == StatusSnapshot(
        "SUCCESS",
        started=((1, "SUCCESS", "succeeded"), (2, "SUCCESS", "succeeded"), (3, "SUCCESS", "succeeded")),
        name="orders",
        detail="3 of 3 instances SUCCESS, no work: SKIP ",
        type="SKIP\n",
    )


@pytest.mark.parametrize("recurrence", [None, "", "NORMAL"])
def test_one_instance_that_works_has_no_detail(recurrence: str | None) -> None:
    snapshot = polled(instance("SUCCESS", recurrence=recurrence))

    assert (snapshot.detail, snapshot.type, snapshot.name) == ("", None, None)


def test_a_success_without_work_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    seen = polled(instance("SUCCESS", recurrence="SKIP", node_name="orders"))

    assert TARGET.results(hook(), seen, log) == {"return_value": {"1": "SUCCESS"}}
    assert caplog.messages == [
        f"scheduled node 4001 (orders, {DATE}) is SUCCESS without having done anything: it is SKIP"
    ]
    warn_of_idle(TARGET, polled(instance("SUCCESS")), log)
    warn_of_idle(TARGET, polled(instance("FAILURE", recurrence="SKIP")), log)
    assert len(caplog.messages) == 1


def test_targets_of_one_date_and_environment_share_their_polls() -> None:
    assert TARGET.group == f"scheduled instances of {DATE} in PROD"
    assert NodeScheduleTarget(10000, 4001, DATE, "DEV").group == f"scheduled instances of {DATE} in DEV"
    assert TARGET.describe() == f"scheduled node 4001 ({DATE})"
    assert TARGET.describe("a\nb") == f"scheduled node 4001 (a b, {DATE})"
    assert isinstance(TARGET.batch(), ScheduleLists)
    assert TARGET.progress(hook(read_node_instances=(instance("SUCCESS"), instance("RUNNING", 2)))) == (
        "1 of 2 instances SUCCESS"
    )
    with pytest.raises(NotImplementedError, match="a node's own schedule has begun them"):
        TARGET.stop(hook())


# Failures


def test_a_failure_has_the_reasons_of_up_to_three() -> None:
    failed = [instance("FAILURE", number, node_name="orders") for number in range(1, 6)]
    api = hook(
        read_node_instances=(instance("SUCCESS", 9), *failed),
        get_node_instance_log=[f"Code:[A-{number}], Description:[no]" for number in (1, 2, 3)],
    )

    error = TARGET.failure(api, StatusSnapshot("FAILURE"), log)

    assert error.message.startswith(
        f"3 of 6 failed: node instance 1 (node 4001 orders, {DATE}) is FAILURE: A-1: no. See "
    )
    assert "node instance 3" in error.message
    assert "node instance 4" not in error.message
    assert (error.code, error.job_id) == ("A-1", 1)
    logs = [given for name, given in api.calls if name == "get_node_instance_log"]
    assert logs == [{"instance_id": number, "project_env": "PROD"} for number in (1, 2, 3)]


def test_the_failure_of_the_only_instance_is_its_own() -> None:
    api = hook(read_node_instances=(instance("FAILURE"),), get_node_instance_log="Code:[A-1], Description:[no]")

    error = TARGET.failure(api, StatusSnapshot("FAILURE"), log)

    assert error.message.startswith(f"node instance 1 (node 4001, {DATE}) is FAILURE: A-1: no. See ")


def test_what_has_been_run_again_since_says_so() -> None:
    error = TARGET.failure(
        hook(read_node_instances=(instance("RUNNING"),)), StatusSnapshot("FAILURE\n", name="orders"), log
    )

    assert error.message == (
        f"scheduled node 4001 (orders, {DATE}) was FAILURE , and has been run again since: clear the task to wait "
        "for that."
    )
    assert (error.status, error.job_name) == ("FAILURE\n", "orders")


def test_a_failure_that_is_run_again_is_none() -> None:
    api = hook(
        read_node_instances=(instance("FAILURE", run_number=1), instance("FAILURE", 2, run_number=3)),
        read_node=SimpleNamespace(reruns=2),
        get_node_instance_log="",
    )

    error = TARGET.failure(api, StatusSnapshot("FAILURE"), log)

    assert error.message.startswith(f"1 of 2 failed: node instance 2 (node 4001, {DATE}) is FAILURE")


# Lists


def listed(lists: ScheduleLists, api: Any, wanted: frozenset[int]) -> dict[int, StatusSnapshot]:
    """What all requests of a tick find."""
    found: dict[int, StatusSnapshot] = {}
    lists.begin_tick()
    while (missing := wanted - set(found)) and (request := lists.next_request(missing)) is not None:
        found.update(lists.read(request, lists.fetch(api, 10000, request), wanted))
    return found


def page(*instances: NodeInstance, total: int | None = None) -> NodeInstancePage:
    return NodeInstancePage(instances, total)


def test_a_batch_is_of_the_date_and_the_environment_of_the_target() -> None:
    lists = NodeScheduleTarget(10000, 4001, DATE, "DEV").batch()
    api = hook("2024-05-18", list_node_instances_page=page())
    lists.begin_tick()
    lists.fetch(api, 10000, lists.next_request(frozenset({1, 2})))

    ((_, given),) = api.calls
    assert (given["bizdate"], given["project_env"]) == (DATE, "DEV")


def test_in_the_newer_version_one_request_names_up_to_five_hundred_nodes() -> None:
    wanted = frozenset(range(1, 702))
    api = hook("2024-05-18", list_node_instances_page=page(total=0))

    found = listed(ScheduleLists(DATE, "DEV"), api, wanted)

    assert set(found) == wanted
    assert {one.status for one in found.values()} == {"not generated yet"}
    common = {
        "project_id": 10000,
        "bizdate": DATE,
        "project_env": "DEV",
        "scheduled_only": True,
        "page_number": 1,
        "page_size": None,
    }
    assert [given for _, given in api.calls] == [
        {**common, "node_ids": tuple(range(1, 501))},
        {**common, "node_ids": tuple(range(501, 702))},
    ]


def test_in_the_newer_version_all_pages_of_the_nodes_are_read() -> None:
    one, two = instance("SUCCESS", 1, 1), instance("RUNNING", 2, 2)
    again, third = instance("SUCCESS", 3, 1), instance("SUCCESS", 4, 3)
    api = hook("2024-05-18", list_node_instances_page=[page(one, two, total=501), page(again, third, total=501)])

    found = listed(ScheduleLists(DATE, "PROD"), api, frozenset({1, 2}))

    assert [given["page_number"] for _, given in api.calls] == [1, 2]
    assert statuses_of(found[1]) == {"1": "SUCCESS", "3": "SUCCESS"}
    assert statuses_of(found[2]) == {"2": "RUNNING"}
    # The list may have shifted between its pages.
    assert not found[1].exact
    assert set(found) == {1, 2}


def test_one_node_is_polled_by_itself() -> None:
    lists = ScheduleLists(DATE, "PROD")
    lists.begin_tick()

    assert lists.next_request(frozenset({1})) is None
    assert lists.next_request(frozenset({1, 2})) == (1, (1, 2))
    lists.forget(1)


def test_nodes_are_asked_for_once_a_tick() -> None:
    lists, api = ScheduleLists(DATE, "PROD"), hook("2024-05-18", list_node_instances_page=page(total=1))

    assert set(listed(lists, api, frozenset({1, 2}))) == {1, 2}
    assert lists.next_request(frozenset({1, 2})) is None
    assert set(listed(lists, api, frozenset({1, 2}))) == {1, 2}
    assert len(api.calls) == 2


def test_in_the_older_version_the_pages_of_the_date_are_read() -> None:
    size = config().poll_page_size
    one, other = instance("SUCCESS", 1, 1), instance("FAILURE", 2, 9)
    api = hook(list_node_instances_page=[page(one, other, total=size + 1), page(total=size + 1)])
    lists = ScheduleLists(DATE, "PROD")

    found = listed(lists, api, frozenset({1, 2}))

    assert [(given["page_number"], given["node_ids"], given["page_size"]) for _, given in api.calls] == [
        (1, None, size),
        (2, None, size),
    ]
    assert statuses_of(found[1]) == {"1": "SUCCESS"}
    assert found[2].status == "not generated yet"


def test_in_the_older_version_more_pages_than_nodes_are_not_read() -> None:
    size = config().poll_page_size
    api = hook(list_node_instances_page=page(total=2 * size + 1))
    lists = ScheduleLists(DATE, "PROD")

    assert listed(lists, api, frozenset({1, 2})) == {}
    assert len(api.calls) == 1
    # It is known now, but for more nodes it is worth it.
    lists.begin_tick()
    assert lists.next_request(frozenset({1, 2})) is None
    assert lists.next_request(frozenset({1, 2, 3})) == (1, (1, 2, 3))


@pytest.mark.parametrize(("pages", "reads"), [(100, 100), (101, 1)])
def test_in_the_older_version_there_are_at_most_a_hundred_pages(pages: int, reads: int) -> None:
    api = hook(list_node_instances_page=page(total=pages * config().poll_page_size))

    listed(ScheduleLists(DATE, "PROD"), api, frozenset(range(1, 201)))

    assert len(api.calls) == reads


@pytest.mark.parametrize(
    ("one", "total", "exact"),
    [
        (instance("SUCCESS", 1, 1), 1, True),
        (instance("SUCCESS", 1, 1), None, True),
        (instance("FAILURE", 1, 1), 1, True),
        (instance("FAILURE", 1, 1, reruns_left=0, run_number=1), 1, True),
        (instance("FAILURE", 1, 1, run_number=1), 1, False),
    ],
)
def test_a_list_is_exact_unless_only_the_node_says_whether_it_is_run_again(
    one: NodeInstance, total: int | None, exact: bool
) -> None:
    api = hook("2024-05-18", list_node_instances_page=page(one, total=total))

    assert listed(ScheduleLists(DATE, "PROD"), api, frozenset({1, 2}))[1].exact is exact
