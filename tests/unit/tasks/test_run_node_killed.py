"""RunNodeOperator killed in the worker: its instance is stopped, also in the middle of making the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators import base as operator_base
from tests.support.node_runs import (
    LIST_ACTIONS,
    NODE,
    RUN_ACTIONS,
    STOP_ACTIONS,
    fault,
    quick,
    requests,
    run_node,
    runs,
)
from tests.support.tasks import make_context, run_task


class Killed(BaseException):
    """SIGTERM came."""


@pytest.fixture(autouse=True)
def _quick(emulator: EmulatorControl) -> Iterator[None]:
    emulator.set_node(NODE, run_seconds=60)
    with quick(emulator):
        yield


def stops(emulator: EmulatorControl) -> int:
    return int(emulator.node(NODE)["stops"])


def killed_in_the_call(monkeypatch: pytest.MonkeyPatch, effect_after: float | None) -> None:
    """The task is killed inside the call that makes the run, which has its effect so many seconds later, or never."""
    real = DataWorksHook.run_node

    def call(self: DataWorksHook, **arguments: Any) -> Any:
        if effect_after == 0:
            real(self, **arguments)
        elif effect_after is not None:
            threading.Timer(effect_after, real, (DataWorksHook(),), arguments).start()
        raise Killed

    monkeypatch.setattr(DataWorksHook, "run_node", call)


def killed_while_waiting(emulator: EmulatorControl, **arguments: Any) -> Any:
    """A task whose wait was cut off."""
    task = run_node(**arguments)
    with mock.patch.object(task, "_wait_here", side_effect=Killed), pytest.raises(Killed):
        run_task(task)
    return task


def test_a_kill_while_waiting_stops_the_instance_in_one_request(emulator: EmulatorControl) -> None:
    task = killed_while_waiting(emulator)
    emulator.clear_requests()

    task.on_kill()

    assert stops(emulator) == 1
    assert len(emulator.requests()) == len(requests(emulator, STOP_ACTIONS)) == 1


def test_with_cancel_on_kill_off_it_runs_on(emulator: EmulatorControl) -> None:
    killed_while_waiting(emulator, cancel_on_kill=False).on_kill()

    assert stops(emulator) == 0


@pytest.mark.parametrize("effect_after", [0, 0.5], ids=["before", "after"])
def test_a_run_whose_call_is_cut_off_is_found_by_its_name_and_stopped(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, effect_after: float
) -> None:
    killed_in_the_call(monkeypatch, effect_after)
    task = run_node()
    with pytest.raises(Killed):
        run_task(task)

    task.on_kill()

    assert (runs(emulator), stops(emulator)) == (1, 1)


def test_a_run_that_may_yet_begin_is_an_error_in_the_log(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, task_log: list[str]
) -> None:
    monkeypatch.setattr(operator_base, "KILL_SECONDS", 0.8)
    killed_in_the_call(monkeypatch, None)
    task = run_node()
    with pytest.raises(Killed):
        run_task(task)

    task.on_kill()

    assert [line for line in task_log if line.startswith("the run 'af a_dag.a_task") and "it may yet start" in line]
    assert requests(emulator, STOP_ACTIONS) == []


def test_a_kill_before_anything_is_made_sends_nothing(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = run_node(node_id=None, node_name="orders_batch")
    with mock.patch.object(DataWorksHook, "find_node", side_effect=Killed), pytest.raises(Killed):
        run_task(task)

    # Not what the emulator got: a request of the test before may arrive late.
    with mock.patch.object(DataWorksHook, "_send") as send:
        task.on_kill()

    assert send.mock_calls == []


def test_a_kill_while_an_earlier_tries_run_is_searched_for_stops_that_run(emulator: EmulatorControl) -> None:
    run_task(run_node(wait_for_completion=False), make_context(max_tries=3))
    task = run_node()
    with mock.patch.object(DataWorksHook, "find_node_run", side_effect=Killed), pytest.raises(Killed):
        run_task(task, make_context(try_number=2, max_tries=3))

    task.on_kill()

    assert (runs(emulator), stops(emulator)) == (1, 1)


def test_a_call_that_was_surely_not_executed_leaves_nothing_to_stop(emulator: EmulatorControl) -> None:
    fault(emulator, "error", RUN_ACTIONS, status=403, code="Forbidden.RAM")
    task = run_node()
    with pytest.raises(Exception, match="Forbidden"):
        run_task(task)
    emulator.clear_requests()

    task.on_kill()

    assert emulator.requests() == []


def test_a_kill_after_the_end_sends_nothing(emulator: EmulatorControl) -> None:
    emulator.set_node(NODE, run_seconds=0.1)
    task = run_node()
    run_task(task)
    emulator.clear_requests()

    task.on_kill()

    assert emulator.requests() == []


@pytest.mark.waits
def test_a_kill_ends_in_time_while_the_service_hangs(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert operator_base.KILL_SECONDS <= 4
    monkeypatch.setattr(operator_base, "KILL_SECONDS", 1.0)
    killed_in_the_call(monkeypatch, 0)
    task = run_node()
    with pytest.raises(Killed):
        run_task(task)
    fault(emulator, "slow", (*LIST_ACTIONS, *STOP_ACTIONS, "ListWorkflowInstances"), seconds=20, count=-1)

    began = time.monotonic()
    task.on_kill()

    assert time.monotonic() - began < 6


@pytest.mark.waits
def test_an_instance_that_takes_no_stop_before_it_begins_is_stopped_once_it_has(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = killed_while_waiting(emulator)
    instance_id = emulator.node_instances(NODE)[0]["InstanceId"]
    emulator.set_node_instance(instance_id, Status="NOT_RUN")
    threading.Timer(0.4, emulator.set_node_instance, (instance_id,), {"Status": "RUNNING"}).start()

    task.on_kill()

    assert stops(emulator) == 1


def test_the_run_of_an_earlier_try_is_this_tasks_to_stop(emulator: EmulatorControl) -> None:
    with pytest.raises(TaskDeferred):
        run_node(deferrable=True).execute(make_context(max_tries=3))
    task = run_node(deferrable=True)

    with pytest.raises(TaskDeferred) as deferred:
        task.execute(make_context(try_number=2, max_tries=3))

    assert deferred.value.trigger.serialize()[1]["stop_on_kill"] is True
    task.on_kill()
    assert (runs(emulator), stops(emulator)) == (1, 1)


def test_the_trigger_is_told_that_cancel_on_kill_is_off(emulator: EmulatorControl) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        run_node(deferrable=True, cancel_on_kill=False).execute(make_context())

    given = deferred.value.trigger.serialize()[1]
    assert (given["stop_on_kill"], given["why_not_stopped"]) == (False, "cancel_on_kill is off")


@pytest.mark.parametrize("begins", [True, False], ids=["begins meanwhile", "is refused for good"])
def test_a_refused_stop_of_what_runs_is_repeated_once(
    emulator: EmulatorControl, task_log: list[str], begins: bool
) -> None:
    task = killed_while_waiting(emulator)
    fault(emulator, "error", STOP_ACTIONS, status=400, code="IncorrectInstanceStatus", count=1 if begins else -1)

    task.on_kill()

    assert stops(emulator) == int(begins)
    assert len(requests(emulator, STOP_ACTIONS)) == 2
    assert begins is not any("could not be stopped: check it in the console" in line for line in task_log)
