"""A node is run once over all tries: an earlier try's run is found by its name, and a kill stops what was made."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.models import NodeInstance, NodeRun
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.metrics import in_task
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget, snapshot_of
from airflow_provider_dataworks.waiting.node_run import NodeRunner, NodeRunRequest, run_name
from tests.support.clock import FakeClock
from tests.support.fake_hook import hook

log = logging.getLogger(__name__)
DATE = "2026-11-24"
RUN = NodeRun(77, "af x", DATE)
WHERE = {"project_id": 10000, "node_id": 4001, "bizdate": DATE, "project_env": "DEV"}
MADE = {**WHERE, "parameters": {"a": 1}, "look_first": False}
LISTED = {**WHERE, "run_id": 77}
SEARCHES = len(assumptions.RUN_SHOWS_AFTER)


def instance(status: str = "RUNNING", number: int = 1, **fields: Any) -> NodeInstance:
    return NodeInstance(number, 4001, status, **fields)


def target(number: int = 1, reruns: int | None = None) -> NodeInstanceTarget:
    return NodeInstanceTarget(10000, number, 4001, DATE, "DEV", run_id=77, reruns=reruns, fetch_log=True)


def runner(api: Any, earlier_tries: int = 0) -> NodeRunner:
    request = NodeRunRequest(10000, 4001, DATE, {"a": 1}, "DEV", "af x", earlier_tries, 10.0, True)
    return NodeRunner(api, log, request)


@pytest.fixture(autouse=True)
def clock(caplog: pytest.LogCaptureFixture) -> Iterator[FakeClock]:
    """Return a clock that moves by pauses alone."""
    caplog.set_level(logging.INFO, __name__)
    fake = FakeClock()
    with installed(fake):
        yield fake


# The name


def test_a_run_is_named_after_task_and_run_with_a_token() -> None:
    assert run_name("orders.sync\n", "manual  x 3", "abc") == "af orders.sync manual x 3 abc"


@pytest.mark.parametrize(
    ("task", "run", "name"),
    [
        ("t" * 60, "r" * 53, f"af {'t' * 60} {'r' * 53} token"),
        ("t" * 60, "r" * 54, f"af {'t' * 59} {'r' * 54} token"),
        ("t" * 60, "r" * 200, f"af {'t' * 30} {'r' * 83} token"),
        ("t" * 20, "r" * 200, f"af {'t' * 20} {'r' * 93} token"),
        ("t" * 200, "r" * 5, f"af {'t' * 108} {'r' * 5} token"),
    ],
)
def test_a_long_name_leaves_room_for_a_number(task: str, run: str, name: str) -> None:
    assert run_name(task, run, "token") == name
    assert len(name) == 123


def test_a_request_is_described_by_name_node_and_date() -> None:
    request = NodeRunRequest(10000, 4001, DATE, None, "PROD", "af x", 0, 10.0, False)

    assert request.describe() == f"the run 'af x' of node 4001 for {DATE}"


# A run is made


def test_a_run_is_made_and_its_instances_are_waited_for(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[Any] = []
    monkeypatch.setattr(in_task, "count", lambda name, **tags: counted.append((name, tags)))
    api = hook(run_node=RUN, read_node_instances=[(), (instance(),)])
    made = runner(api)

    assert made.begin() is RUN
    assert made.targets == (target(),)
    assert made.snapshots == (snapshot_of(instance()),)
    assert clock.sleeps == [1.0]
    assert api.calls == [
        ("run_node", {**MADE, "name": "af x"}),
        ("read_node_instances", LISTED),
        ("read_node_instances", LISTED),
    ]
    assert counted == [("dataworks.starts", {"kind": "node instance"})]


def test_instances_of_an_hourly_node_are_waited_for_until_they_are_as_many_as_before(clock: FakeClock) -> None:
    few, all_of_them = (instance(number=1), instance(number=2)), tuple(instance(number=n) for n in (1, 2, 3))
    made = runner(hook(run_node=RUN, read_node_instances=[few, all_of_them, all_of_them]))

    made.begin()
    assert [one.id for one in made.targets] == [1, 2, 3]
    assert clock.sleeps == [1.0, 2.0]


def test_instances_of_an_hourly_node_are_in_the_order_of_their_hours() -> None:
    hours = {9: None, 3: 1, 2: 7, 1: 7, 4: 5}
    listed = tuple(instance(number=number, fields={"CycTime": hour} if hour else {}) for number, hour in hours.items())
    made = runner(hook(run_node=RUN, read_node_instances=listed))

    made.begin()
    assert [one.id for one in made.targets] == [9, 3, 4, 1, 2]


def test_instances_that_do_not_show_are_an_error(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    made = runner(hook(run_node=RUN, read_node_instances=[DataWorksTransientError("HTTP 503"), ()]))

    with pytest.raises(DataWorksTimeoutError) as raised:
        made.begin()

    assert raised.value.message == (
        "The run 'af x' (77) of node 4001 was made, but shows no instances after start_timeout (10 s). "
        "A retry of the task takes this run."
    )
    assert clock.sleeps == [1.0, 2.0, 2.0, 2.0, 2.0, 1.0]
    assert (made.targets, made.snapshots) == ((), ())
    assert caplog.messages == ["The instances of run 77 cannot be read for now: HTTP 503"]


@pytest.mark.parametrize(
    ("shown", "node", "reruns", "reads"),
    [
        ({}, SimpleNamespace(reruns=3), None, 0),
        ({"reruns_left": 1, "run_number": 1}, SimpleNamespace(reruns=3), None, 0),
        ({"run_number": 1}, SimpleNamespace(reruns=3), 3, 1),
        ({"run_number": 1}, DataWorksPermanentError("no rights"), None, 1),
    ],
)
def test_the_node_says_how_often_it_is_run_again_where_the_instance_does_not(
    caplog: pytest.LogCaptureFixture, shown: dict[str, Any], node: Any, reruns: int | None, reads: int
) -> None:
    instances = tuple(instance(number=number, **shown) for number in (1, 2))
    api = hook(run_node=RUN, read_node_instances=instances, read_node=node)
    made = runner(api)
    made.begin()

    assert [one.reruns for one in made.targets] == [reruns, reruns]
    read = [given for name, given in api.calls if name == "read_node"]
    assert read == [{"node_id": 4001, "project_id": 10000, "project_env": "DEV"}] * reads
    warning = "Whether node 4001 is run again by itself cannot be read: no rights"
    assert caplog.messages == ([warning] if isinstance(node, Exception) else [])


# An earlier try's run


def test_an_earlier_tries_run_is_taken(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    api = hook(find_node_run=RUN, read_node_instances=(instance(),))

    assert runner(api, earlier_tries=1).begin() is RUN
    assert [name for name, _ in api.calls] == ["find_node_run", "read_node_instances", "read_node_instances"]
    assert api.calls[0][1] == {**WHERE, "name": "af x"}
    assert caplog.messages == ["An earlier try of this task made the run 'af x' (77): it is taken"]
    assert clock.sleeps == []


def test_an_earlier_tries_run_is_searched_for_while_it_may_yet_show(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    api = hook(find_node_run=[None, None, RUN], read_node_instances=(instance(),))
    runner(api, earlier_tries=1).begin()

    assert clock.sleeps == list(assumptions.RUN_SHOWS_AFTER[:2])
    assert [given["name"] for name, given in api.calls if name == "find_node_run"] == ["af x"] * 3
    assert caplog.messages[0] == "An earlier try may have made a run just now: searching for it for up to 30 s"


def test_a_run_is_made_if_no_earlier_try_made_one(clock: FakeClock) -> None:
    api = hook(find_node_run=None, run_node=RUN, read_node_instances=(instance(),))
    runner(api, earlier_tries=1).begin()

    assert clock.sleeps == list(assumptions.RUN_SHOWS_AFTER)
    assert [name for name, _ in api.calls] == [*["find_node_run"] * (SEARCHES + 1), "run_node", "read_node_instances"]


def test_after_runs_that_failed_another_one_is_made(caplog: pytest.LogCaptureFixture) -> None:
    second = NodeRun(78, "af x 2", DATE)
    api = hook(
        find_node_run=[RUN, second], run_node=RUN, read_node_instances=[(instance("FAILURE"),)] * 2 + [(instance(),)]
    )
    runner(api, earlier_tries=2).begin()

    names = [given["name"] for name, given in api.calls if name in ("find_node_run", "run_node")]
    assert names == ["af x", "af x 2", "af x 3"]
    assert caplog.messages == [
        "The run 'af x' (77) of an earlier try failed: another one is made",
        "The run 'af x 2' (78) of an earlier try failed: another one is made",
    ]


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [
        (("FAILURE",), True),
        (("FAILURE", "SUCCESS"), True),
        (("FAILURE", "RUNNING"), False),
        (("SUCCESS", "SUCCESS"), False),
        (("RUNNING",), False),
    ],
)
def test_a_run_has_failed_once_all_have_ended_and_one_has_failed(statuses: tuple[str, ...], failed: bool) -> None:
    instances = tuple(instance(status, number) for number, status in enumerate(statuses))
    api = hook(find_node_run=RUN, run_node=RUN, read_node_instances=[instances, instances, instances])
    runner(api, earlier_tries=1).begin()

    assert ("run_node" in [name for name, _ in api.calls]) is failed


@pytest.mark.parametrize(
    ("found", "read", "failed"),
    [("FAILURE", None, True), ("RUNNING", None, False), (None, "FAILURE", True), (None, "RUNNING", False)],
)
def test_a_run_without_instances_has_failed_if_it_says_so(found: str | None, read: str | None, failed: bool) -> None:
    run = NodeRun(77, "af x", DATE, found)
    api = hook(
        find_node_run=run,
        get_node_run=NodeRun(77, "af x", DATE, read),
        run_node=RUN,
        read_node_instances=[(), (instance(),)],
    )
    runner(api, earlier_tries=1).begin()

    names = [name for name, _ in api.calls]
    assert ("run_node" in names) is failed
    asked = [given for name, given in api.calls if name == "get_node_run"]
    assert asked == ([] if found else [{"run_id": 77, "project_env": "DEV"}])


# A kill


class Hurried:
    """The task's hook when there is little time."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.api.close = lambda: None
        self.attempts: list[int] = []

    def with_short_timeouts(self, attempts: int, seconds: float) -> Any:
        self.attempts.append(attempts)
        return self.api


def stop(made: NodeRunner, api: Any, seconds: float = 2.0) -> tuple[bool, list[str], list[int]]:
    before = len(api.calls)
    hurried: Any = Hurried(api)
    stopped = made.stop(hurried, seconds=seconds, max_attempts=2)
    return stopped, [name for name, _ in api.calls[before:]], hurried.attempts


def begun(**answers: Any) -> tuple[NodeRunner, Any]:
    api = hook(**{"run_node": RUN, "read_node_instances": (instance(),), **answers})
    made = runner(api)
    made.begin()
    return made, api


def test_nothing_is_stopped_before_a_run_may_have_been_made() -> None:
    api = hook()

    assert stop(runner(api), api) == (True, [], [])


def test_the_instances_of_the_run_are_stopped() -> None:
    made, api = begun(stop_node_instance=None)

    assert stop(made, api) == (True, ["stop_node_instance"], [2])
    assert api.calls[-1][1] == {"instance_id": 1, "project_env": "DEV"}


def test_a_stop_is_sent_once_unless_more_is_asked_for() -> None:
    made, api = begun(stop_node_instance=None)
    hurried: Any = Hurried(api)

    assert made.stop(hurried, seconds=2.0)
    assert hurried.attempts == [1]


@pytest.mark.parametrize(
    ("statuses", "expected", "calls"),
    [
        (["SUCCESS"], True, 2),
        (["NOT_RUN", "NOT_RUN", "SUCCESS"], True, 6),
        (["WAIT_TRIGGER", "SUCCESS"], True, 4),
        (["RUNNING", "SUCCESS"], True, 4),
        (["NOT_RUN"], False, 8),
    ],
)
def test_a_refused_stop_is_tried_again_as_long_as_the_instance_may_yet_begin(
    statuses: list[str], expected: bool, calls: int
) -> None:
    made, api = begun(stop_node_instance=DataWorksPermanentError("no"))
    api.answers["read_node_instance"] = [instance(status) for status in statuses]

    stopped, names, _ = stop(made, api)

    assert (stopped, len(names)) == (expected, calls)
    assert names == ["stop_node_instance", "read_node_instance"] * (calls // 2)


def test_a_stop_of_what_runs_that_is_refused_twice_is_an_error() -> None:
    made, api = begun(stop_node_instance=DataWorksPermanentError("no"), read_node_instance=instance("RUNNING"))

    with pytest.raises(DataWorksPermanentError, match="no"):
        stop(made, api)
    assert [name for name, _ in api.calls].count("stop_node_instance") == 2


def test_all_instances_must_be_stopped() -> None:
    two = (instance(number=1), instance(number=2))
    made, api = begun(read_node_instances=[two, two])
    api.answers["stop_node_instance"] = [None, DataWorksPermanentError("no"), None]
    api.answers["read_node_instance"] = instance("NOT_RUN")

    assert stop(made, api)[:2] == (
        True,
        ["stop_node_instance", "stop_node_instance", "read_node_instance", "stop_node_instance", "stop_node_instance"],
    )


def test_a_run_whose_answer_was_lost_is_found_and_stopped(clock: FakeClock) -> None:
    api = hook(
        run_node=DataWorksTransientError("lost", outcome_unknown=True),
        find_node_run=[None, DataWorksTransientError("HTTP 503"), RUN],
        read_node_instances=[(instance(run_number=1),)],
        stop_node_instance=None,
    )
    made = runner(api)
    with pytest.raises(DataWorksTransientError, match="lost"):
        made.begin()

    assert stop(made, api) == (
        True,
        ["find_node_run", "find_node_run", "find_node_run", "read_node_instances", "stop_node_instance"],
        [1, 1, 1, 2],
    )
    assert api.calls[1] == ("find_node_run", {**WHERE, "name": "af x"})
    assert clock.sleeps == [0.5, 0.5]


def test_a_run_whose_answer_was_lost_and_that_never_shows_may_yet_begin() -> None:
    api = hook(run_node=DataWorksTransientError("lost", outcome_unknown=True), find_node_run=None)
    made = runner(api)
    with pytest.raises(DataWorksTransientError):
        made.begin()

    assert stop(made, api)[0] is False


def test_a_run_that_was_surely_not_made_is_not_searched_for() -> None:
    api = hook(run_node=DataWorksError("throttled"))
    made = runner(api)
    with pytest.raises(DataWorksError, match="throttled"):
        made.begin()

    assert stop(made, api) == (True, [], [])


def test_a_kill_during_the_search_stops_what_an_earlier_try_made() -> None:
    api = hook(find_node_run=[DataWorksTransientError("killed here"), RUN], read_node_instances=(instance(),))
    api.answers["stop_node_instance"] = None
    made = runner(api, earlier_tries=1)
    with pytest.raises(DataWorksTransientError):
        made.begin()

    assert stop(made, api)[:2] == (True, ["find_node_run", "read_node_instances", "stop_node_instance"])
