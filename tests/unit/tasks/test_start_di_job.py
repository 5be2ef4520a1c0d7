"""StartDIJobOperator: one start, the new run's end, and the same outcome in the worker and deferred."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.operators import base as operator_base
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.waiting.run_store import KEY
from tests.support.polling import once, once_asked
from tests.support.tasks import StateStore, make_context, run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


def start(**arguments: Any) -> StartDIJobOperator:
    given = {"task_id": "start", "di_job_id": 1001, "poll_interval": 0.05, "start_timeout": 5.0, **arguments}
    return StartDIJobOperator(**given)


def start_anew(**arguments: Any) -> StartDIJobOperator:
    """A start that runs all steps of a job, one that is Finished too, and waits for the end."""
    return start(force_to_rerun=True, wait_for_completion=True, **arguments)


@MODES
def test_waits_for_the_new_run_and_returns_the_job_id(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(1001, JobStatus="Finished")

    assert run_task(start_anew(deferrable=deferrable)) == 1001

    assert emulator.job(1001)["starts"] == 1
    assert emulator.job(1001)["JobStatus"] == "Finished"


# In 2024-05-18 such a start shows as Running for a moment.
@pytest.mark.only_2020
@MODES
def test_a_finished_full_job_is_not_taken_for_run_anew_without_force(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    emulator.set_job(1001, JobStatus="Finished")

    with pytest.raises(DataWorksTimeoutError, match="force_to_rerun"):
        run_task(start(wait_for_completion=True, deferrable=deferrable, start_timeout=0.3))

    assert len(emulator.job(1001)["start_requests"]) == 1
    assert emulator.job(1001)["starts"] == 0


@pytest.mark.waits
@MODES
def test_a_late_new_run_is_not_mistaken_for_the_last_one(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(1001, JobStatus="Finished", start_lag_seconds=0.5, outcome="Failed", run_seconds=2.0)

    with pytest.raises(DataWorksJobError):
        run_task(start_anew(deferrable=deferrable))

    assert emulator.job(1001)["starts"] == 1


@pytest.mark.waits
def test_returns_only_when_the_new_run_shows_although_it_does_not_wait(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Finished", start_lag_seconds=0.5, run_seconds=30)

    run_task(start(force_to_rerun=True))

    assert emulator.job(1001)["JobStatus"] == "Running"


@pytest.mark.waits
def test_a_run_that_never_shows_is_a_timeout_that_names_force_to_rerun(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Finished", start_lag_seconds=60)

    with pytest.raises(DataWorksTimeoutError, match="force_to_rerun"):
        run_task(start(force_to_rerun=True, start_timeout=0.5))


@MODES
@pytest.mark.parametrize("outcome", ["Failed", "Stopped"])
def test_a_bad_end_is_an_error_with_the_jobs_own_message(
    emulator: EmulatorControl, deferrable: bool, outcome: str
) -> None:
    emulator.set_job(1001, outcome=outcome, ErrorMessage="table u_pk does not exist")

    with pytest.raises(DataWorksJobError) as caught:
        run_task(start(wait_for_completion=True, deferrable=deferrable))

    assert caught.value.status == outcome
    assert caught.value.job_id == 1001
    assert not isinstance(caught.value, AirflowFailException)
    if outcome == "Failed":
        assert "table u_pk does not exist" in str(caught.value)
    assert "defaultProjectId=10000" in str(caught.value)


@MODES
def test_control_characters_of_the_jobs_message_stay_out_of_the_error(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    emulator.set_job(1001, outcome="Failed", ErrorMessage="no table\x1b[31m t\r\n2026-01-01 INFO all went well\x00")

    with pytest.raises(DataWorksJobError, match=r"no table.* t .*2026-01-01 INFO all went well") as caught:
        run_task(start(wait_for_completion=True, deferrable=deferrable))

    assert str(caught.value).isprintable()


@MODES
def test_real_time_jobs_are_waited_for_until_they_run(emulator: EmulatorControl, deferrable: bool) -> None:
    assert run_task(start(di_job_id=1002, wait_for_completion=True, deferrable=deferrable)) == 1002

    assert emulator.job(1002)["JobStatus"] == "Running"


@pytest.mark.waits
@MODES
def test_an_unknown_status_is_waited_through_and_warned_of_once(
    emulator: EmulatorControl, deferrable: bool, task_log: list[str]
) -> None:
    emulator.set_job(1001, run_seconds=60)
    task = start(wait_for_completion=True, deferrable=deferrable)

    _once_started(emulator, "Warming")
    once(
        lambda: emulator.job(1001)["JobStatus"] == "Warming",
        lambda: once_asked(emulator, lambda: emulator.set_job(1001, JobStatus="Finished"), requests=3),
    )
    assert run_task(task) == 1001

    assert len([line for line in task_log if "unknown status 'Warming'" in line]) == 1


def _once_started(emulator: EmulatorControl, status: str) -> None:
    """Change job 1001's status once it has been started."""
    once(lambda: emulator.job(1001)["JobStatus"] == "Running", lambda: emulator.set_job(1001, JobStatus=status))


def _with_limit(task: StartDIJobOperator, seconds: float) -> StartDIJobOperator:
    task.execution_timeout = timedelta(seconds=seconds)
    return task


@MODES
def test_stop_is_read_as_stopped(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(1001, run_seconds=60)

    _once_started(emulator, "Stop")
    with pytest.raises(DataWorksJobError, match="is Stop"):
        run_task(start(wait_for_completion=True, deferrable=deferrable))


@pytest.mark.waits
@MODES
def test_at_the_execution_timeout_the_job_is_stopped_and_the_error_says_so(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    emulator.set_job(1001, run_seconds=60)
    task = _with_limit(start(wait_for_completion=True, deferrable=deferrable), seconds=1)

    with pytest.raises(DataWorksTimeoutError, match="it was asked to stop"):
        run_task(task)

    assert emulator.job(1001)["stops"] == 1


@pytest.mark.waits
@MODES
def test_at_the_execution_timeout_one_lost_stop_request_is_not_the_end(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    emulator.set_job(1001, run_seconds=60)
    emulator.add_fault("error", action="StopDIJob", status=503, code="ServiceUnavailable")
    task = _with_limit(start(wait_for_completion=True, deferrable=deferrable), seconds=1)

    with pytest.raises(DataWorksTimeoutError, match="it was asked to stop"):
        run_task(task)

    assert emulator.job(1001)["stops"] == 1


@pytest.mark.waits
@MODES
def test_at_the_execution_timeout_a_job_that_is_not_to_be_stopped_runs_on(
    emulator: EmulatorControl, deferrable: bool
) -> None:
    emulator.set_job(1001, run_seconds=60)
    task = _with_limit(start(wait_for_completion=True, deferrable=deferrable, cancel_on_kill=False), seconds=1)

    with pytest.raises(DataWorksTimeoutError, match="still running"):
        run_task(task)

    assert emulator.job(1001)["stops"] == 0


@pytest.mark.waits
@MODES
def test_attaches_to_a_running_job_and_leaves_it_alone_when_killed(
    emulator: EmulatorControl, deferrable: bool, task_log: list[str]
) -> None:
    emulator.set_job(1001, JobStatus="Running")
    task = _with_limit(start(wait_for_completion=True, deferrable=deferrable, force_to_rerun=True), seconds=1)

    with pytest.raises(DataWorksTimeoutError, match="did not start it"):
        run_task(task)
    task.on_kill()

    assert emulator.job(1001)["starts"] == emulator.job(1001)["stops"] == 0
    assert any("force_to_rerun are not applied" in line for line in task_log)


def test_if_running_fail_fails_and_may_be_retried(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Running")

    with pytest.raises(DataWorksError, match="Running already") as caught:
        run_task(start(if_running="fail"))

    assert not isinstance(caught.value, AirflowFailException)
    assert emulator.job(1001)["start_requests"] == []


@pytest.mark.waits
def test_a_stopping_job_is_waited_for_and_then_started(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Running", stop_seconds=0.5)
    run_task(start(di_job_id=1001))
    _stop(emulator, 1001)
    assert emulator.job(1001)["JobStatus"] == "Stopping"

    run_task(start())

    assert emulator.job(1001)["starts"] == 1


@pytest.mark.waits
def test_a_job_that_stays_stopping_is_not_started(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Stopping")

    with pytest.raises(DataWorksTimeoutError, match="was not started"):
        run_task(start(start_timeout=0.3))

    assert emulator.job(1001)["start_requests"] == []


def _stop(emulator: EmulatorControl, job_id: int) -> None:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    DataWorksHook().stop_di_job(di_job_id=job_id)


def test_a_kill_stops_what_was_started_with_one_request(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, run_seconds=60)
    task = start()
    run_task(task)
    emulator.clear_requests()

    task.on_kill()

    assert [request["action"] for request in emulator.requests()] == ["StopDIJob"]


def test_a_kill_before_the_start_stops_nothing(emulator: EmulatorControl) -> None:
    start().on_kill()

    assert emulator.requests() == []


@pytest.mark.waits
def test_a_kill_gives_up_on_a_server_that_does_not_answer(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.set_job(1001, run_seconds=60)
    task = start()
    run_task(task)
    # A task has five seconds between SIGTERM and SIGKILL.
    assert operator_base.KILL_SECONDS <= 4
    monkeypatch.setattr(operator_base, "KILL_SECONDS", 1.0)
    emulator.add_fault("slow", action="StopDIJob", seconds=30)

    began = time.monotonic()
    task.on_kill()

    assert time.monotonic() - began < 5


@pytest.mark.parametrize("status", ["Running", "Finished"])
def test_a_retry_recognises_its_own_run(emulator: EmulatorControl, status: str) -> None:
    store = StateStore()
    _die_after_the_start(emulator, store)
    emulator.set_job(1001, JobStatus=status)

    if status == "Running":
        emulator.set_job(1001, run_seconds=0.5)
        task = _with_limit(start_anew(), seconds=1)
        with pytest.raises(DataWorksTimeoutError, match="asked to stop"):
            run_task(task, make_context(try_number=2, max_tries=3, store=store))
    else:
        run_task(start_anew(), make_context(try_number=2, max_tries=3, store=store))

    assert emulator.job(1001)["starts"] == 1


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_a_retry_starts_again_when_its_own_run_ended_badly(emulator: EmulatorControl, status: str) -> None:
    store = StateStore()
    _die_after_the_start(emulator, store)
    emulator.set_job(1001, JobStatus=status, run_seconds=0.3)

    run_task(start_anew(), make_context(try_number=2, max_tries=3, store=store))

    assert emulator.job(1001)["starts"] == 2


def test_a_cleared_task_runs_a_finished_job_anew(emulator: EmulatorControl) -> None:
    store = StateStore()
    _die_after_the_start(emulator, store)
    emulator.set_job(1001, JobStatus="Finished", run_seconds=0.3)

    run_task(start_anew(), make_context(try_number=2, max_tries=4, store=store))

    assert emulator.job(1001)["starts"] == 2


def test_a_run_taken_over_after_a_clear_is_recognised_by_the_retry_after_that(emulator: EmulatorControl) -> None:
    store = StateStore()
    _die_after_the_start(emulator, store)
    with pytest.raises(TaskDeferred):
        start_anew(deferrable=True).execute(make_context(try_number=2, max_tries=4, store=store))
    emulator.set_job(1001, JobStatus="Finished")

    run_task(start_anew(), make_context(try_number=3, max_tries=4, store=store))

    assert emulator.job(1001)["starts"] == 1


def _die_after_the_start(emulator: EmulatorControl, store: StateStore) -> None:
    emulator.set_job(1001, JobStatus="Finished", run_seconds=60)
    with pytest.raises(TaskDeferred):
        start_anew(deferrable=True).execute(make_context(max_tries=3, store=store))
    assert store.get(KEY)["di_job_id"] == 1001


@MODES
def test_the_memory_is_empty_after_a_bad_end(emulator: EmulatorControl, deferrable: bool) -> None:
    store = StateStore()
    emulator.set_job(1001, outcome="Failed")

    with pytest.raises(DataWorksJobError):
        run_task(start(wait_for_completion=True, deferrable=deferrable), make_context(store=store))
    assert store.content == {}


def test_the_memory_survives_a_lost_start(emulator: EmulatorControl) -> None:
    store = StateStore()
    emulator.add_fault("reset", action="StartDIJob", effect="after")
    emulator.add_fault("html", action="GetDIJob", skip=1, count=1)
    emulator.add_fault("html", action="ListDIJobRunDetails", skip=1, count=1)

    with pytest.raises(DataWorksTransientError, match="may have started"):
        run_task(start(), make_context(max_tries=1, store=store))
    run_task(start(), make_context(max_tries=1, store=store))

    assert emulator.job(1001)["starts"] == 1


def test_the_console_link_is_pushed_before_the_task_waits(emulator: EmulatorControl) -> None:
    context = make_context()

    with pytest.raises(TaskDeferred):
        start(wait_for_completion=True, deferrable=True).execute(context)

    assert context["pushed"] == {LINK_KEY: "https://dataworks.data.aliyun.com/cn-shanghai/sc?defaultProjectId=10000"}


def test_settings_travel_as_the_api_wants_them(emulator: EmulatorControl) -> None:
    moment = datetime(2026, 1, 2, tzinfo=timezone.utc)
    settings = {"StartTime": moment, "FailoverSettings": {"Interval": "10", "UpperLimit": 30}}

    run_task(start(di_job_id="1002", realtime_start_settings=settings, force_to_rerun="True"))

    sent = emulator.job(1002)["start_requests"][0]
    assert sent["RealtimeStartSettings"] == {
        "StartTime": int(moment.timestamp()),
        "FailoverSettings": {"Interval": 10, "UpperLimit": 30},
    }
    assert sent["ForceToRerun"] is True


def test_nothing_is_deferred_for_a_job_that_is_done(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, run_seconds=0)

    assert start(wait_for_completion=True, deferrable=True).execute(make_context()) == 1001


def test_a_job_of_another_workspace_is_refused_before_it_is_started(emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksNotFoundError, match="Workspace 77 has no DI job"):
        run_task(start(project_id=77))

    assert emulator.job(1001)["start_requests"] == []


@pytest.mark.waits
@MODES
def test_failed_polls_cost_ticks_and_too_many_end_the_wait(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(1001, run_seconds=60)
    task = start_anew(deferrable=deferrable, max_poll_failures=3)
    emulator.add_fault("error", action="GetDIJob", status=503, code="ServiceUnavailable", skip=2, count=2)
    emulator.set_job(1001, run_seconds=1)
    assert run_task(task) == 1001

    emulator.set_job(1001, run_seconds=60)
    emulator.add_fault("html", action="GetDIJob", skip=2, count=-1)
    with pytest.raises(DataWorksTransientError):
        run_task(task)


@MODES
def test_a_permanent_error_ends_the_wait_at_once(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_job(1001, run_seconds=60)
    emulator.add_fault("error", action="GetDIJob", status=403, code="Forbidden.Access", skip=2, count=-1)

    with pytest.raises(DataWorksPermanentError, match=r"Forbidden\.Access"):
        run_task(start(wait_for_completion=True, deferrable=deferrable))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"di_job_id": 0}, "di_job_id: must be an integer"),
        ({"di_job_id": "12a"}, "di_job_id"),
        ({"di_job_id": True}, "di_job_id"),
        ({"project_id": -1}, "project_id"),
        ({"realtime_start_settings": {"StartTime": 1671516776000}}, "milliseconds"),
        ({"realtime_start_settings": {"Start": 1}}, "unknown keys Start; accepted: StartTime, FailoverSettings"),
        ({"realtime_start_settings": "[1]"}, "must be a dict or a JSON object"),
        ({"force_to_rerun": "maybe"}, "force_to_rerun: must be true or false"),
        ({"target_statuses": ["Done"]}, "target_statuses: must be one of Initialized, Running"),
        ({"target_statuses": []}, "target_statuses"),
        ({"failure_statuses": ["Bad"]}, "failure_statuses"),
        ({"if_running": "wait"}, "if_running: must be one of attach, fail"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"start_timeout": -1}, "start_timeout"),
        ({"max_poll_failures": 0}, "max_poll_failures"),
        ({"dataworks_conn_id": ""}, "dataworks_conn_id"),
    ],
)
def test_bad_arguments_are_refused_at_construction(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        start(**arguments)


def test_a_bad_rendered_argument_is_refused_before_any_request(emulator: EmulatorControl) -> None:
    task = start(di_job_id="{{ broken }}")
    task.di_job_id = "None"

    with pytest.raises(DataWorksParameterError, match="di_job_id"):
        run_task(task)

    assert emulator.requests() == []
