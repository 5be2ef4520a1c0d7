"""RunNodeOperator makes one run: over lost answers, late ones, runs that show late, killed workers, and retries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.node_runs import (
    FAILING,
    HOURLY,
    NODE,
    RUN_ACTIONS,
    fault,
    quick,
    run_node,
    runs,
    shown_after,
)
from tests.support.tasks import make_context, run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])

RUN_SHOWS_AFTER = assumptions.RUN_SHOWS_AFTER


class Killed(BaseException):
    """SIGKILL came: nothing of the task runs any more."""


@pytest.fixture(autouse=True)
def _quick(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(assumptions, "RUN_SHOWS_AFTER", (0.5, 1.0, 2.5))
    emulator.settings(run_seconds=0.1)
    with quick(emulator):
        yield


def attempt(number: int, **facts: Any) -> Any:
    """A try of the task."""
    return make_context(try_number=number, max_tries=3, **facts)


def try_until_done(tries: int = 4, **arguments: Any) -> tuple[int, Any]:
    """Try as Airflow does until it succeeds; the result, and the last try's context."""
    for number in range(1, tries + 1):
        context = attempt(number)
        try:
            return run_task(run_node(**arguments), context), context
        except DataWorksPermanentError:
            raise
        except (DataWorksError, Killed):
            continue
    raise AssertionError("no try succeeded")


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "reset before the effect": ("reset", {"effect": "before"}),
    "reset after the effect": ("reset", {"effect": "after"}),
    "500 before the effect": ("error", {"effect": "before", "status": 500}),
    "500 after the effect": ("error", {"effect": "after", "status": 500}),
    "cut": ("cut", {"effect": "after"}),
    "late": ("late", {"seconds": 0.3}),
    "429": ("error", {"status": 429, "code": "Throttling.User"}),
    "HTML 502": ("html", {"status": 502, "effect": "after"}),
    "HTML 502 before the effect": ("html", {"status": 502, "effect": "before"}),
}


@pytest.mark.waits
@pytest.mark.parametrize(
    ("name", "count"), [*((name, 1) for name in FAULTS), ("reset before the effect", 3), ("429", 3)]
)
def test_one_run_whatever_becomes_of_the_call(emulator: EmulatorControl, name: str, count: int) -> None:
    kind, more = FAULTS[name]
    fault(emulator, kind, RUN_ACTIONS, count=count, **more)

    instance_id, context = try_until_done()

    (run,) = emulator.node_runs(NODE)
    assert run["instance_ids"] == [instance_id]
    assert context["pushed"]["run"]["run_id"] == run["DagId"]


@pytest.mark.waits
@MODES
@pytest.mark.parametrize("name", ["reset after the effect", "500 after the effect"])
def test_one_run_that_shows_ten_seconds_late(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, name: str, deferrable: bool
) -> None:
    monkeypatch.setattr(assumptions, "RUN_SHOWS_AFTER", RUN_SHOWS_AFTER)
    emulator.settings(list_lag_seconds=shown_after(10))
    kind, more = FAULTS[name]
    fault(emulator, kind, RUN_ACTIONS, **more)

    try_until_done(deferrable=deferrable)

    assert runs(emulator) == 1


@pytest.mark.waits
def test_a_run_that_shows_later_than_it_is_looked_for_is_found_by_the_retry(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assumptions, "RUN_SHOWS_AFTER", (0.5, 0.5))
    emulator.settings(list_lag_seconds=0.4)
    fault(emulator, "reset", RUN_ACTIONS, effect="after")
    with pytest.raises(DataWorksTransientError, match="may have started") as raised:
        run_task(run_node(), attempt(1))
    assert raised.value.outcome_unknown
    monkeypatch.setattr(assumptions, "RUN_SHOWS_AFTER", (4.0,) * 5)

    run_task(run_node(), attempt(2))

    assert runs(emulator) == 1


# Killed workers


def kill_at(monkeypatch: pytest.MonkeyPatch, moment: int) -> list[int]:
    """Kill the worker around its requests: before the first one, after it, before the second, and so on."""
    real, worker = DataWorksClient.call, threading.get_ident()
    passed = [0]

    def killed_here() -> None:
        if threading.get_ident() != worker:
            return
        passed[0] += 1
        if passed[0] == moment:
            raise Killed

    def call(self: DataWorksClient, *given: Any, **more: Any) -> Any:
        killed_here()
        answer = real(self, *given, **more)
        killed_here()
        return answer

    monkeypatch.setattr(DataWorksClient, "call", call)
    return passed


@pytest.mark.parametrize(
    "lag", [pytest.param(0.0, id="shows at once"), pytest.param(2.0, id="shows 2 s late", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("moment", range(1, 9))
def test_a_worker_killed_at_any_moment_leaves_one_run(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, moment: int, lag: float
) -> None:
    emulator.settings(list_lag_seconds=shown_after(lag))
    with monkeypatch.context() as killing:
        kill_at(killing, moment)
        with pytest.raises(Killed):
            run_task(run_node(), attempt(1))

    run_task(run_node(), attempt(2))

    assert runs(emulator) == 1


def test_workers_killed_in_every_try_leave_one_run(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        with monkeypatch.context() as killing:
            passed = kill_at(killing, 4)
            with pytest.raises(Killed):
                run_task(run_node(), attempt(number))
            assert passed == [4]

    run_task(run_node(), attempt(4))

    assert runs(emulator) == 1


# Retries and clears


@MODES
def test_a_retry_after_a_success_takes_its_result(emulator: EmulatorControl, deferrable: bool) -> None:
    first, second = attempt(1), attempt(2)

    done = run_task(run_node(deferrable=deferrable), first)
    again = run_task(run_node(deferrable=deferrable), second)

    assert (again, runs(emulator)) == (done, 1)
    assert second["pushed"] == first["pushed"]


@pytest.mark.waits
@MODES
def test_a_retry_takes_the_run_that_goes_on(emulator: EmulatorControl, task_log: list[str], deferrable: bool) -> None:
    emulator.set_node(NODE, run_seconds=1)
    run_task(run_node(wait_for_completion=False), attempt(1))

    run_task(run_node(deferrable=deferrable), attempt(2))

    assert runs(emulator) == 1
    assert [line for line in task_log if "An earlier try of this task made the run" in line]


@pytest.mark.waits
@MODES
def test_a_retry_after_a_failure_makes_exactly_one_more_run(emulator: EmulatorControl, deferrable: bool) -> None:
    task = {"node_id": FAILING, "deferrable": deferrable}
    for number in (1, 2):
        with pytest.raises(DataWorksJobError):
            run_task(run_node(**task), attempt(number))
        assert runs(emulator, FAILING) == number
    emulator.set_node(FAILING, outcome="SUCCESS")

    run_task(run_node(**task), attempt(3))
    run_task(run_node(**task), attempt(4))

    base = emulator.node_runs(FAILING)[0]["Name"]
    assert [run["Name"] for run in emulator.node_runs(FAILING)] == [base, f"{base} 2", f"{base} 3"]


@pytest.mark.parametrize("name", ["reset after the effect", "HTML 502", "429"])
def test_the_run_after_a_failure_is_made_once_too(emulator: EmulatorControl, name: str) -> None:
    with pytest.raises(DataWorksJobError):
        run_task(run_node(node_id=FAILING), attempt(1))
    emulator.set_node(FAILING, outcome="SUCCESS")
    kind, more = FAULTS[name]
    fault(emulator, kind, RUN_ACTIONS, **more)

    for number in (2, 3, 4):
        try:
            run_task(run_node(node_id=FAILING), attempt(number))
        except DataWorksTransientError:
            continue
        break

    assert runs(emulator, FAILING) == 2


@pytest.mark.waits
def test_a_retry_waits_for_the_automatic_reruns_of_the_run_that_it_finds(emulator: EmulatorControl) -> None:
    emulator.set_node(NODE, failing_runs=1, rerun_times=1, rerun_seconds=1.0, run_seconds=0.1)
    run_task(run_node(wait_for_completion=False), attempt(1))
    emulator_instance = emulator.node_instances(NODE)[0]["InstanceId"]
    while emulator.node_instance(emulator_instance)["Status"] != "FAILURE":
        pass

    run_task(run_node(), attempt(2))

    assert (runs(emulator), emulator.node_instances(NODE)[0]["Status"]) == (1, "SUCCESS")


@pytest.mark.waits
def test_a_clear_runs_it_anew(emulator: EmulatorControl) -> None:
    run_task(run_node(), attempt(1))

    run_task(run_node(), make_context(try_number=2, max_tries=4))
    run_task(run_node(), make_context(try_number=3, max_tries=4))

    assert runs(emulator) == 2


def test_tasks_mapped_tasks_and_runs_of_the_dag_have_runs_of_their_own(emulator: EmulatorControl) -> None:
    for facts in ({}, {"map_index": 0}, {"map_index": 1}, {"run_id": "b_run"}, {"task_id": "b_task"}):
        run_task(run_node(), attempt(1, **facts))

    assert runs(emulator) == 5


@pytest.mark.waits
def test_another_business_date_is_another_run(emulator: EmulatorControl) -> None:
    run_task(run_node(), attempt(1))
    run_task(run_node(bizdate="2024-11-21"), attempt(2))

    assert runs(emulator) == 2


def test_a_refusal_is_final_and_makes_no_run(emulator: EmulatorControl) -> None:
    fault(emulator, "error", RUN_ACTIONS, status=403, code="Forbidden.RAM")

    with pytest.raises(DataWorksPermanentError):
        try_until_done()

    assert runs(emulator) == 0


def test_the_first_try_looks_for_no_earlier_run(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataWorksHook, "find_node_run", None)

    run_task(run_node(), attempt(1))


@pytest.mark.only_2020
def test_a_search_reads_the_runs_of_others_once(emulator: EmulatorControl) -> None:
    for index in range(5):
        run_task(run_node(wait_for_completion=False), attempt(1, map_index=index))
    emulator.clear_requests()

    run_task(run_node(wait_for_completion=False), attempt(2, map_index=5))

    searches = 1 + len(assumptions.RUN_SHOWS_AFTER)
    actions = [request["action"] for request in emulator.requests()]
    assert actions.count("GetDag") == 5
    assert actions.count("ListInstances") == searches + 1
    assert runs(emulator) == 6


@pytest.mark.waits
def test_an_hourly_run_of_which_an_hour_failed_is_not_made_again_while_others_go_on(emulator: EmulatorControl) -> None:
    emulator.set_node(HOURLY, run_seconds=60)
    run_task(run_node(node_id=HOURLY, wait_for_completion=False), attempt(1))
    ids = [one["InstanceId"] for one in emulator.node_instances(HOURLY)]
    emulator.set_node_instance(ids[0], Status="FAILURE")

    run_task(run_node(node_id=HOURLY, wait_for_completion=False), attempt(2))
    assert runs(emulator, HOURLY) == 1
    for one in ids[1:]:
        emulator.set_node_instance(one, Status="SUCCESS")

    run_task(run_node(node_id=HOURLY, wait_for_completion=False), attempt(3))
    assert runs(emulator, HOURLY) == 2
