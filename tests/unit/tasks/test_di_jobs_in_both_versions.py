"""DI jobs are started, waited for and stopped alike in both API versions; the newer one gives reasons per table."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator, StopDIJobOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger
from airflow_provider_dataworks.waiting import progress as progress_module
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.target import StatusSnapshot
from tests.support.tasks import StateStore, first_event, make_context, rebuilt, run_task

pytestmark = pytest.mark.waits

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
OLD, NEW = "2020-05-18", "2024-05-18"


@pytest.fixture(params=[OLD, NEW])
def service(request: pytest.FixtureRequest, emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The emulator, with a connection that calls one API version."""
    return connected(emulator, monkeypatch, request.param)


@pytest.fixture
def new_service(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The emulator, with a connection that calls 2024-05-18."""
    return connected(emulator, monkeypatch, NEW)


def connected(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, version: str) -> EmulatorControl:
    connection = dict(emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 2, "api_version": version}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    return emulator


def versions(emulator: EmulatorControl) -> set[str]:
    return {request["version"] for request in emulator.requests()}


def start(**given: Any) -> StartDIJobOperator:
    return StartDIJobOperator(
        **{
            "task_id": "start",
            "di_job_id": 1001,
            "force_to_rerun": True,
            "wait_for_completion": True,
            "poll_interval": 0.05,
            "start_timeout": 4.0,
            **given,
        }
    )


@MODES
@pytest.mark.parametrize("before", ["Initialized", "Finished", "Failed"])
def test_a_start_is_waited_for_and_never_ends_with_the_run_before(
    service: EmulatorControl, deferrable: bool, before: str
) -> None:
    service.settings(run_seconds=1.5)
    service.set_job(1001, JobStatus=before)

    assert run_task(start(deferrable=deferrable)) == 1001

    assert (service.job(1001)["starts"], service.job(1001)["JobStatus"]) == (1, "Finished")
    assert len(versions(service)) == 1


@MODES
def test_a_failure_has_its_reason(service: EmulatorControl, deferrable: bool) -> None:
    service.settings(run_seconds=1.5)
    service.set_job(1001, outcome="Failed")

    with pytest.raises(DataWorksJobError) as raised:
        run_task(start(deferrable=deferrable))

    error = raised.value
    assert (error.job_id, error.status, error.job_name) == (1001, "Failed", "mysql_to_holo_full")
    assert "it gives no ErrorMessage" not in str(error)
    assert error.console_url is not None
    assert error.request_id is not None


def test_a_retry_takes_the_run_of_the_try_before(service: EmulatorControl) -> None:
    service.settings(run_seconds=1.5)
    store = StateStore()
    run_task(start(wait_for_completion=False), make_context(store=store, max_tries=2))

    run_task(start(), make_context(store=store, try_number=2, max_tries=2))

    assert service.job(1001)["starts"] == 1


@pytest.mark.parametrize("fault", ["reset", "html"])
def test_a_lost_answer_is_one_start(service: EmulatorControl, fault: str) -> None:
    service.settings(run_seconds=3)
    service.add_fault(fault, action="StartDIJob", effect="after")

    run_task(start(wait_for_completion=False))

    assert service.job(1001)["starts"] == 1


def test_a_kill_stops_the_job(service: EmulatorControl) -> None:
    service.settings(run_seconds=60)
    task = start(wait_for_completion=False)
    run_task(task)

    task.on_kill()

    assert service.job(1001)["stops"] == 1


@MODES
def test_a_sensor_waits(service: EmulatorControl, deferrable: bool) -> None:
    service.set_job(1001, JobStatus="Running")
    threading.Timer(0.3, service.set_job, (1001,), {"JobStatus": "Finished"}).start()

    sensor = DIJobStatusSensor(task_id="wait", di_job_id=1001, poke_interval=0.05, timeout=20, deferrable=deferrable)

    assert run_task(sensor) == "Finished"


@MODES
def test_a_stopped_job_is_called_alike(service: EmulatorControl, deferrable: bool) -> None:
    service.set_job(1001, JobStatus="Stopped")
    sensor = DIJobStatusSensor(
        task_id="wait",
        di_job_id=1001,
        target_statuses=["Stopped"],
        poke_interval=0.05,
        timeout=20,
        deferrable=deferrable,
    )

    assert run_task(sensor) == "Stopped"


@MODES
def test_a_job_is_stopped(service: EmulatorControl, deferrable: bool) -> None:
    service.set_job(1001, JobStatus="Running")

    run_task(StopDIJobOperator(task_id="stop", di_job_id=1001, poll_interval=0.05, deferrable=deferrable))

    assert service.job(1001)["JobStatus"] == "Stopped"


def test_sixty_waiters_share_two_requests_a_tick(service: EmulatorControl) -> None:
    jobs = service.add_jobs([{"JobName": f"job_{n}", "JobStatus": "Running"} for n in range(150)])
    ids = [job["DIJobId"] for job in jobs][:30] + [job["DIJobId"] for job in jobs][-30:]

    async def work() -> None:
        waits = [
            asyncio.ensure_future(
                first_event(
                    rebuilt(
                        DIJobStatusTrigger(
                            dataworks_conn_id="dataworks_default", project_id=10000, di_job_id=one, poll_interval=0.5
                        )
                    )
                )
            )
            for one in ids
        ]
        await asyncio.sleep(1.5)
        service.clear_requests()
        await asyncio.sleep(2.2)
        for wait in waits:
            wait.cancel()

    asyncio.run(work())

    counts = Counter(request["action"] for request in service.requests())
    assert set(counts) == {"ListDIJobs"}
    # Five ticks at most.
    assert counts["ListDIJobs"] <= 10


def test_a_run_too_short_to_be_seen_is_known_by_its_counters(new_service: EmulatorControl) -> None:
    new_service.settings(run_seconds=0.3)
    run_task(start())
    new_service.settings(run_seconds=0.001)

    assert run_task(start(start_timeout=2.5)) == 1001

    assert new_service.job(1001)["starts"] == 2


def test_a_first_run_too_short_to_be_seen_differs_from_what_was_there(new_service: EmulatorControl) -> None:
    new_service.settings(run_seconds=0.001)
    new_service.set_job(1001, JobStatus="Finished")

    assert run_task(start(start_timeout=1.0)) == 1001

    assert new_service.job(1001)["starts"] == 1


def test_a_short_run_whose_start_had_no_answer_is_known_by_its_counters(new_service: EmulatorControl) -> None:
    new_service.settings(run_seconds=0.001)
    new_service.set_job(1001, JobStatus="Finished")
    new_service.add_fault("reset", action="StartDIJob", effect="after")

    assert run_task(start(start_timeout=1.0)) == 1001

    assert new_service.job(1001)["starts"] == 1


def test_a_retry_knows_the_short_run_of_a_try_that_died(new_service: EmulatorControl) -> None:
    new_service.settings(run_seconds=0.001)
    new_service.set_job(1001, JobStatus="Finished")
    new_service.add_fault("reset", action="StartDIJob", effect="after")
    new_service.add_fault("error", action="GetDIJob", status=503, code="ServiceUnavailable", skip=1, count=3)
    new_service.add_fault("error", action="ListDIJobRunDetails", status=503, code="ServiceUnavailable", skip=1, count=3)
    store = StateStore()

    with pytest.raises(DataWorksTransientError, match="It may have started"):
        run_task(start(start_timeout=1.0), make_context(try_number=1, max_tries=3, store=store))
    new_service.clear_faults()
    assert run_task(start(start_timeout=1.0), make_context(try_number=2, max_tries=3, store=store)) == 1001

    assert new_service.job(1001)["starts"] == 1


def test_who_loses_the_race_to_a_short_run_attaches_to_it(new_service: EmulatorControl) -> None:
    new_service.settings(run_seconds=0.001)
    new_service.set_job(1001, JobStatus="Finished")
    new_service.add_fault("error", action="StartDIJob", effect="after", status=400, code="IncorrectDIJobStatus")

    assert run_task(start(start_timeout=1.0)) == 1001

    assert new_service.job(1001)["starts"] == 1


def test_a_start_that_shows_nothing_says_so(new_service: EmulatorControl) -> None:
    new_service.set_job(1001, JobStatus="Finished")
    new_service.settings(start_lag_seconds=3600)

    with pytest.raises(DataWorksTimeoutError, match="shows no new run after start_timeout"):
        run_task(start(start_timeout=1.5))


@pytest.mark.parametrize(
    ("force", "hint"),
    [
        (False, " If all of its steps ran before, only force_to_rerun=True runs them again."),
        (True, " It may still start: a longer start_timeout waits for that."),
    ],
)
def test_a_start_that_shows_nothing_advises_what_the_task_does_not_do_yet(
    new_service: EmulatorControl, force: bool, hint: str
) -> None:
    new_service.set_job(1001, JobStatus="Finished")
    new_service.settings(start_lag_seconds=3600)

    with pytest.raises(DataWorksTimeoutError) as error:
        run_task(start(start_timeout=0.2, force_to_rerun=force))

    assert f"it is still Finished.{hint}" in str(error.value)


@MODES
def test_the_reasons_per_table_the_last_failover_and_the_log(
    new_service: EmulatorControl, task_log: list[str], deferrable: bool
) -> None:
    new_service.settings(run_seconds=1.0)
    new_service.set_job(1001, outcome="Failed", log_lines=["line 1", "ERROR: no space left"])

    with pytest.raises(DataWorksJobError, match=r"table .*orders: .*; last failover: ") as raised:
        run_task(start(deferrable=deferrable))
    assert raised.value.error_message is not None
    assert any("ERROR: no space left" in line for line in task_log)


async def until(happened: Callable[[], bool]) -> None:
    for _ in range(400):
        if happened():
            return
        await asyncio.sleep(0.05)


def test_the_heartbeat_says_how_far_it_is(
    service: EmulatorControl, task_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "HEARTBEAT_SECONDS", 1.0)
    service.settings(run_seconds=60)
    run_task(start(wait_for_completion=False))
    service.set_job(1001, RunStats={"readRecords": "12"})
    trigger = DIJobStatusTrigger(
        dataworks_conn_id="dataworks_default", project_id=10000, di_job_id=1001, poll_interval=0.2
    )

    async def work() -> None:
        wait = asyncio.ensure_future(first_event(trigger))
        await until(lambda: any("still Running" in line for line in task_log))
        wait.cancel()

    asyncio.run(asyncio.wait_for(work(), 30))

    line = next(line for line in task_log if "still Running" in line)
    assert re.search(r"[0-9]+ of 3 tables finished, [0-9]+ records, [0-9]+ bytes|readRecords 12", line)


def test_progress_costs_nothing_but_a_heartbeat(new_service: EmulatorControl, task_log: list[str]) -> None:
    new_service.set_job(1001, JobStatus="Running")
    threading.Timer(0.6, new_service.set_job, (1001,), {"JobStatus": "Finished"}).start()

    run_task(DIJobStatusSensor(task_id="wait", di_job_id=1001, poke_interval=0.1, timeout=20, deferrable=True))

    assert new_service.requests("ListDIJobRunDetails") == []


def test_names_stand_in_the_log(service: EmulatorControl, task_log: list[str]) -> None:
    service.set_job(1001, JobStatus="Finished")

    run_task(DIJobStatusSensor(task_id="wait", di_job_id=1001, poke_interval=0.1, timeout=20))

    assert [line for line in task_log if "DI job 1001 (mysql_to_holo_full) is Finished" in line]


def test_the_end_is_said_once(service: EmulatorControl, task_log: list[str]) -> None:
    service.set_job(1001, JobStatus="Running")
    threading.Timer(0.3, service.set_job, (1001,), {"JobStatus": "Finished"}).start()

    run_task(DIJobStatusSensor(task_id="wait", di_job_id=1001, poke_interval=0.05, timeout=20, deferrable=True))

    assert len([line for line in task_log if "Finished" in line]) == 1


def test_the_trigger_ends_a_sensor_at_its_timeout_although_nobody_else_does(service: EmulatorControl) -> None:
    service.set_job(1001, JobStatus="Running")
    sensor = DIJobStatusSensor(task_id="wait", di_job_id=1001, poke_interval=0.1, timeout=1, deferrable=True)

    with pytest.raises(Exception, match="timed out"):
        run_task(sensor)


def test_progress_of_a_wait_uses_the_name_that_a_poll_gave() -> None:
    lines: list[str] = []

    class Log:
        def info(self, text: str, *values: Any) -> None:
            lines.append(text % values)

    progress = Progress(Log(), DIJobTarget(10000, 1))
    progress.update(StatusSnapshot("Running", name="orders"))
    progress.finish(StatusSnapshot("Finished"))

    assert lines[1].startswith("DI job 1 (orders) is Finished; it was Running for at least 0 s")


def test_the_console_link_is_there_before_the_first_request_that_fails(service: EmulatorControl) -> None:
    service.add_fault("error", status=403, code="NoPermission", count=-1)
    context = make_context()

    with pytest.raises(Exception, match="NoPermission"):
        start().execute(context)

    assert "defaultProjectId=10000" in next(iter(context["pushed"].values()))


def test_a_deferred_start_ends_in_the_trigger(service: EmulatorControl) -> None:
    service.settings(run_seconds=1.5)
    with pytest.raises(TaskDeferred) as deferred:
        start(deferrable=True, end_from_trigger=True).execute(make_context())

    event = asyncio.run(asyncio.wait_for(first_event(rebuilt(deferred.value.trigger)), 20))

    assert type(event).__name__ == "TaskSuccessEvent"
    assert event.xcoms == {"return_value": 1001}  # type: ignore[attr-defined]


@MODES
@pytest.mark.parametrize("kind", ["job", "limit", "refusal"])
def test_every_error_names_connection_region_and_workspace(
    service: EmulatorControl, deferrable: bool, kind: str
) -> None:
    service.settings(run_seconds=1.0)
    service.set_job(1001, outcome="Failed")
    if kind == "limit":
        service.settings(start_lag_seconds=3600)
    if kind == "refusal":
        service.add_fault("error", action="StartDIJob", status=403, code="NoPermission", count=-1)

    with pytest.raises(DataWorksError) as raised:
        run_task(start(deferrable=deferrable, start_timeout=1.2))

    error = raised.value
    assert (error.conn_id, error.region_id, error.project_id) == ("dataworks_default", "cn-shanghai", 10000)
    assert str(error.console_url).startswith("https://dataworks.data.aliyun.com/cn-shanghai/")
    assert "[connection dataworks_default, region cn-shanghai, workspace 10000" in str(error)


@pytest.mark.parametrize("how", ["operator", "sensor"])
def test_the_heartbeat_of_a_worker_says_how_far_it_is_too(
    service: EmulatorControl, task_log: list[str], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(progress_module, "HEARTBEAT_SECONDS", 0.3)
    service.settings(run_seconds=2.5)
    service.set_job(1001, RunStats={"readRecords": "12"})
    if how == "operator":
        run_task(start())
    else:
        run_task(start(wait_for_completion=False))
        run_task(DIJobStatusSensor(task_id="wait", di_job_id=1001, poke_interval=0.1, timeout=20))

    lines = [line for line in task_log if "still Running" in line]
    assert any(re.search(r"[0-9]+ of 3 tables finished|readRecords 12", line) for line in lines), lines
