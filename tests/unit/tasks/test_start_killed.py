"""What a kill and the deadline stop, above all when the stop overtakes the start."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksTimeoutError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators import base as operator_base
from airflow_provider_dataworks.operators.base import StartOperator
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator, StartDISyncInstanceOperator
from airflow_provider_dataworks.task import try_began
from tests.support.tasks import make_context, run_task

JOB, REALTIME, SOLUTION = 1001, 2001, 2002


class Killed(BaseException):
    """SIGTERM came."""


def start_job(**arguments: Any) -> StartDIJobOperator:
    given = {"task_id": "start", "di_job_id": JOB, "poll_interval": 0.05, "start_timeout": 5.0, **arguments}
    return StartDIJobOperator(**given)


def start_realtime(**arguments: Any) -> StartDISyncInstanceOperator:
    given = {"task_id": "start", "file_id": REALTIME, "poll_interval": 0.05, "start_timeout": 5.0, **arguments}
    return StartDISyncInstanceOperator(**given)


STARTERS = pytest.mark.parametrize(
    ("make_task", "method", "look"),
    [
        (start_job, "start_di_job", lambda emulator: emulator.job(JOB)),
        (start_realtime, "start_di_sync_instance", lambda emulator: emulator.file(REALTIME)),
    ],
    ids=["job", "real-time task"],
)


def killed_in_the_start(monkeypatch: pytest.MonkeyPatch, method: str, effect_after: float | None) -> None:
    """The task is killed inside the request to start, which has its effect so many seconds later, or never."""
    real = getattr(DataWorksHook, method)

    def start(self: DataWorksHook, **arguments: Any) -> str:
        if effect_after is not None:
            threading.Timer(effect_after, real, (DataWorksHook(),), arguments).start()
        raise Killed

    monkeypatch.setattr(DataWorksHook, method, start)


@pytest.mark.waits
@STARTERS
def test_a_start_that_has_its_effect_after_the_stop_is_stopped_all_the_same(
    emulator: EmulatorControl,
    monkeypatch: pytest.MonkeyPatch,
    make_task: Callable[[], StartOperator],
    method: str,
    look: Callable[[EmulatorControl], dict[str, Any]],
) -> None:
    emulator.set_job(JOB, run_seconds=60)
    killed_in_the_start(monkeypatch, method, effect_after=0.8)
    task = make_task()
    with pytest.raises(Killed):
        run_task(task)

    task.on_kill()

    assert (look(emulator)["starts"], look(emulator)["stops"]) == (1, 1)


@pytest.mark.waits
@STARTERS
def test_a_start_that_may_yet_have_its_effect_is_an_error_in_the_log(
    emulator: EmulatorControl,
    monkeypatch: pytest.MonkeyPatch,
    task_log: list[str],
    make_task: Callable[[], StartOperator],
    method: str,
    look: Callable[[EmulatorControl], dict[str, Any]],
) -> None:
    monkeypatch.setattr(operator_base, "KILL_SECONDS", 1.0)
    killed_in_the_start(monkeypatch, method, effect_after=None)
    task = make_task()
    with pytest.raises(Killed):
        run_task(task)

    task.on_kill()

    assert [line for line in task_log if "it may yet start" in line and "stop it there" in line]
    assert len(emulator.requests("StopDIJob") + emulator.requests("StopDISyncInstance")) == 1


@pytest.mark.waits
def test_a_stop_that_is_refused_before_the_start_has_its_effect_is_repeated_after_it(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(JOB, run_seconds=60)
    emulator.add_fault("error", action="StopDIJob", status=400, code="IncorrectDIJobStatus")
    killed_in_the_start(monkeypatch, "start_di_job", effect_after=0.8)
    task = start_job()
    with pytest.raises(Killed):
        run_task(task)

    task.on_kill()

    assert emulator.job(JOB)["stops"] == 1


@pytest.mark.waits
def test_a_kill_while_the_new_run_does_not_show_ends_in_time(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A task has five seconds between SIGTERM and SIGKILL.
    assert operator_base.KILL_SECONDS <= 4
    monkeypatch.setattr(operator_base, "KILL_SECONDS", 1.5)
    killed_in_the_start(monkeypatch, "start_di_job", effect_after=None)
    emulator.add_fault("slow", action="StopDIJob", seconds=30, count=-1)
    emulator.add_fault("slow", action="GetDIJob", seconds=30, count=-1, skip=1)
    task = start_job()
    with pytest.raises(Killed):
        run_task(task)

    began = time.monotonic()
    task.on_kill()

    assert time.monotonic() - began < 5


@pytest.mark.waits
def test_a_kill_after_the_end_leaves_the_next_run_alone(emulator: EmulatorControl) -> None:
    task = start_job(wait_for_completion=True)
    run_task(task)
    emulator.set_job(JOB, run_seconds=60)
    DataWorksHook().start_di_job(di_job_id=JOB)

    task.on_kill()

    assert emulator.requests("StopDIJob") == []


@STARTERS
def test_a_kill_and_a_wait_leave_no_session_open(
    emulator: EmulatorControl,
    monkeypatch: pytest.MonkeyPatch,
    make_task: Callable[..., StartOperator],
    method: str,
    look: Callable[[EmulatorControl], dict[str, Any]],
) -> None:
    emulator.set_job(JOB, run_seconds=0.2)
    opened, closed = [], []
    make, close = DataWorksClient.__init__, DataWorksClient.close

    def count_opened(self: DataWorksClient, *given: Any, **more: Any) -> None:
        opened.append(self)
        make(self, *given, **more)

    def count_closed(self: DataWorksClient) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(DataWorksClient, "__init__", count_opened)
    monkeypatch.setattr(DataWorksClient, "close", count_closed)
    task = make_task(wait_for_completion=True)

    run_task(task)
    emulator.set_job(JOB, JobStatus="Running")
    task.on_kill()

    assert [client for client in opened if client not in closed] == [task.hook.client]


@pytest.mark.waits
def test_a_lost_race_for_a_real_time_task_attaches_and_stops_nothing(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = DataWorksHook.start_di_sync_instance

    def second(self: DataWorksHook, **arguments: Any) -> None:
        monkeypatch.setattr(DataWorksHook, "start_di_sync_instance", own)
        DataWorksHook().start_di_sync_instance(task_type="DI_REALTIME", file_id=REALTIME)
        own(self, **arguments)

    monkeypatch.setattr(DataWorksHook, "start_di_sync_instance", second)
    task = start_realtime(wait_for_completion=True)

    assert run_task(task) == REALTIME
    task.on_kill()

    assert (emulator.file(REALTIME)["starts"], emulator.file(REALTIME)["stops"]) == (1, 0)


def test_a_real_time_start_that_was_surely_not_executed_leaves_nothing_to_stop(emulator: EmulatorControl) -> None:
    emulator.add_fault("throttle", action="StartDISyncInstance", count=-1)
    task = start_realtime()
    with pytest.raises(Exception, match="Throttling"):
        run_task(task)
    emulator.clear_faults()
    DataWorksHook().start_di_sync_instance(task_type="DI_REALTIME", file_id=REALTIME)

    task.on_kill()

    assert emulator.file(REALTIME)["stops"] == 0


@pytest.mark.parametrize(
    ("task", "cause"),
    [
        (start_job(wait_for_completion=True, cancel_on_kill=False), "cancel_on_kill is off"),
        (
            start_realtime(file_id=SOLUTION, task_type="DI_SOLUTION", wait_for_completion=True),
            "the API stops no solutions",
        ),
    ],
)
def test_the_deadline_says_why_it_stops_nothing(emulator: EmulatorControl, task: StartOperator, cause: str) -> None:
    emulator.settings(run_seconds=60)
    task.execution_timeout = timedelta(seconds=0.5)

    with pytest.raises(DataWorksTimeoutError, match=f"still running: {cause}"):
        run_task(task)


# What goes to the triggerer


def test_the_trigger_knows_whether_the_new_run_was_seen(emulator: EmulatorControl) -> None:
    emulator.set_job(JOB, JobStatus="Finished", run_seconds=60)
    with pytest.raises(TaskDeferred) as started:
        start_job(force_to_rerun=True, wait_for_completion=True, deferrable=True).execute(make_context())
    with pytest.raises(TaskDeferred) as attached:
        start_job(force_to_rerun=True, wait_for_completion=True, deferrable=True).execute(make_context())

    assert started.value.trigger.serialize()[1]["new_run_seen"] is True
    assert attached.value.trigger.serialize()[1]["new_run_seen"] is False


def test_the_trigger_of_a_real_time_task_gets_seconds_and_no_moment(emulator: EmulatorControl) -> None:
    emulator.set_file(REALTIME, wait_seconds=60)
    with pytest.raises(TaskDeferred) as deferred:
        start_realtime(wait_for_completion=True, deferrable=True, start_timeout=30.0).execute(make_context())

    given = deferred.value.trigger.serialize()[1]
    assert 20 < given["start_timeout"] <= 30
    assert "show_by" not in given


@pytest.mark.parametrize(("hours", "longest"), [(-3, 301), (3, 1), (0, 1)])
def test_a_start_date_of_another_clock_moves_the_deadline_by_minutes_at_most(hours: float, longest: float) -> None:
    started = datetime.now(timezone.utc) + timedelta(hours=hours)

    began = try_began(make_context(start_date=started))

    assert 0 <= time.time() - began < longest
