"""The triggers: whose run ended the wait, limits by the clock, other versions' arguments, other machines' clocks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.client.clock import Clock, installed
from airflow_provider_dataworks.client.models import DIJob, JobPage
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksPermanentError, DataWorksTransientError
from airflow_provider_dataworks.triggers import base as trigger_module
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.triggers import wait as wait_module
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger, DISyncInstanceTrigger
from airflow_provider_dataworks.waiting.di_job import DIJobTarget, JobPages
from airflow_provider_dataworks.waiting.events import read_event
from airflow_provider_dataworks.waiting.target import StatusSnapshot
from tests.support.tasks import first_event, rebuilt

REALTIME = 2001


def job_trigger(**arguments: Any) -> DIJobStatusTrigger:
    given: dict[str, Any] = {
        "dataworks_conn_id": "dataworks_default",
        "project_id": 10000,
        "di_job_id": 1001,
        "poll_interval": 0.1,
    }
    return DIJobStatusTrigger(**{**given, **arguments})


def instance_trigger(**arguments: Any) -> DISyncInstanceTrigger:
    given: dict[str, Any] = {
        "dataworks_conn_id": "dataworks_default",
        "project_id": 10000,
        "file_id": REALTIME,
        "task_type": "DI_REALTIME",
        "old_status": "NORUN",
        "poll_interval": 0.1,
    }
    return DISyncInstanceTrigger(**{**given, **arguments})


def fired_by(trigger: Any, seconds: float = 20) -> dict[str, Any]:
    """The payload of what a trigger fires within so many seconds."""
    event = asyncio.run(asyncio.wait_for(first_event(rebuilt(trigger)), seconds))
    assert isinstance(event.payload, dict)
    return event.payload


def seen(monkeypatch: pytest.MonkeyPatch, by_id: Callable[[], StatusSnapshot], by_list: str = "Finished") -> None:
    """Have the list give one status for ever, and GetDIJob what a function gives; two wait, so the list is asked."""
    page = JobPage((DIJob(1001, by_list), DIJob(1002, by_list)), 2)
    monkeypatch.setattr(JobPages, "fetch", lambda self, hook, **_: page)
    monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: by_id())


def fired_beside_another(trigger: Any, seconds: float = 20) -> dict[str, Any] | None:
    """What a trigger fires while another waits for a job of the same page; None if nothing."""

    async def work() -> Any:
        other = asyncio.ensure_future(first_event(job_trigger(di_job_id=1002, target_statuses=["Never"])))
        try:
            event = await asyncio.wait_for(first_event(rebuilt(trigger)), seconds)
        except asyncio.TimeoutError:
            return None
        finally:
            other.cancel()
        return dict(event.payload)

    fired: dict[str, Any] | None = asyncio.run(work())
    return fired


@pytest.mark.waits
@pytest.mark.parametrize("before", ["Finished", "Failed"])
def test_a_wait_that_begins_after_a_start_never_ends_with_the_run_before(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.4)
    emulator.set_job(1001, JobStatus=before)

    async def work() -> Any:
        interval = {"poll_interval": 3.0}
        others = [
            asyncio.ensure_future(first_event(job_trigger(di_job_id=job_id, **interval))) for job_id in (1002, 1003)
        ]
        await asyncio.sleep(0.8)
        assert await asyncio.to_thread(emulator.requests)
        # The next run begins; then somebody begins to wait for it.
        emulator.set_job(1001, JobStatus="Running")
        late = asyncio.ensure_future(first_event(job_trigger(**interval)))
        done, _ = await asyncio.wait({late}, timeout=1.0)
        for task in (*others, late):
            task.cancel()
        return done

    assert not asyncio.run(work())


@pytest.mark.waits
def test_a_list_that_lags_is_not_believed_by_who_has_seen_the_new_run(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = iter(["Running", "Running"])
    seen(monkeypatch, lambda: StatusSnapshot(next(status, "Failed"), started=7))

    event = fired_beside_another(job_trigger(old_status="Finished", old_started_time=5, new_run_seen=True))
    attached = fired_beside_another(job_trigger(new_run_seen=True))

    assert event is not None
    assert attached is not None
    assert (event["status"], attached["status"]) == ("Failed", "Failed")


def test_a_run_without_started_time_that_ended_before_the_first_poll_ends_the_wait(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(monkeypatch, lambda: StatusSnapshot("Finished"))

    event = fired_beside_another(job_trigger(old_status="Finished", new_run_seen=True))
    alone = fired_by(job_trigger(old_status="Finished", new_run_seen=True))

    assert event is not None
    assert event["kind"] == alone["kind"] == "reached"


@pytest.mark.waits
@pytest.mark.parametrize("given", [{}, {"old_started_time": 5, "new_run_seen": True}], ids=["not seen", "same time"])
def test_the_run_before_does_not_end_the_wait_by_id_either(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    seen(monkeypatch, lambda: StatusSnapshot("Finished", started=given.get("old_started_time")))

    assert fired_beside_another(job_trigger(old_status="Finished", **given), seconds=1.5) is None


@pytest.mark.waits
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (DataWorksPermanentError("no permission", action="GetDIJob", code="Forbidden.RAM"), DataWorksPermanentError),
        (DataWorksTransientError("HTTP 500", action="GetDIJob", http_status=500), DataWorksTransientError),
    ],
    ids=["refused", "unavailable"],
)
def test_a_job_that_only_the_list_gives_ends_the_wait_with_the_error(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    def fail() -> StatusSnapshot:
        raise error

    seen(monkeypatch, fail)

    event = fired_beside_another(job_trigger(old_status="Finished", old_started_time=5, max_poll_failures=3))

    with pytest.raises(expected, match=str(error.args[0])):
        read_event(event)


@pytest.mark.waits
def test_the_deadline_comes_while_a_poll_and_the_stop_hang(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait_module, "_STOPPED_WITHIN", 0.3, raising=False)
    release = threading.Event()
    monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: release.wait(30))
    monkeypatch.setattr(DIJobTarget, "stop", lambda self, hook: release.wait(30))

    try:
        event = fired_by(job_trigger(deadline=time.time() + 0.5, stop_on_kill=True), seconds=10)
    finally:
        release.set()

    assert event["kind"] == "timed out"
    assert "could not be stopped" in event["outcome"]
    assert "did not end within 0.3 s" in event["outcome"]


@pytest.mark.parametrize("hangs", ["state", "stop"])
def test_on_kill_returns_while_airflow_or_the_service_hangs(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, task_log: list[str], hangs: str
) -> None:
    monkeypatch.setattr(trigger_module, "_STATE_READ_WITHIN", 0.2, raising=False)
    monkeypatch.setattr(wait_module, "_STOPPED_WITHIN", 0.2, raising=False)
    release = threading.Event()
    monkeypatch.setattr(DIJobTarget, "stop", lambda self, hook: release.wait(30))

    async def ended(instance: Any) -> bool:
        if hangs == "state":
            await asyncio.sleep(30)
        return True

    monkeypatch.setattr(trigger_module, "task_was_ended", ended)
    trigger = job_trigger(stop_on_kill=True)
    trigger.task_instance = None
    try:
        asyncio.run(asyncio.wait_for(trigger.on_kill(), 10))
    finally:
        release.set()

    assert any("could not be stopped" in line for line in task_log)


def test_a_kill_has_the_time_that_airflow_gives_whatever_takes_it(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LateClock(Clock):
        late = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.late

    late_clock = LateClock()
    left: list[float] = []

    async def ended(instance: Any) -> bool:
        # On a busy machine Airflow's first answer took more than 12 s.
        late_clock.late = 18.0
        return True

    async def stopped(target: Any, options: Any, within: float) -> None:
        left.append(within)

    monkeypatch.setattr(trigger_module, "task_was_ended", ended)
    monkeypatch.setattr(trigger_module, "stop_target", stopped)
    trigger = job_trigger(stop_on_kill=True)
    trigger.task_instance = None
    with installed(late_clock):
        asyncio.run(trigger.on_kill())

    (within,) = left
    # Airflow allows 30 s in all.
    assert 8 < within < 12
    assert 18 < trigger_module._STATE_READ_WITHIN <= 22


def test_a_reason_that_cannot_be_read_does_not_hold_the_failure(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, task_log: list[str]
) -> None:
    monkeypatch.setattr(wait_module, "_EXPLAINED_WITHIN", 0.3, raising=False)
    monkeypatch.setattr(trigger_module, "_LOG_BEFORE_EVENT", 0.0)
    release = threading.Event()
    emulator.set_job(1001, JobStatus="Failed")
    monkeypatch.setattr(DIJobTarget, "failure", lambda self, hook, snapshot, log: release.wait(30))

    try:
        event = asyncio.run(asyncio.wait_for(first_event(job_trigger(end_from_trigger=True)), 10))
    finally:
        release.set()

    assert type(event).__name__ == "TaskFailedEvent"
    assert any("cannot be read" in line for line in task_log)


# In 2024-05-18 a job has no ErrorMessage.
@pytest.mark.only_2020
def test_control_characters_of_the_jobs_message_stay_out_of_the_triggers_log(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, task_log: list[str]
) -> None:
    monkeypatch.setattr(trigger_module, "_LOG_BEFORE_EVENT", 0.0)
    message = "no table\x1b[31m t\r\n2026-01-01 INFO all went well\x00\u202e"
    emulator.set_job(1001, JobStatus="Failed", ErrorMessage=message)

    asyncio.run(asyncio.wait_for(first_event(job_trigger(end_from_trigger=True)), 20))

    assert [line for line in task_log if "no table t" in line]
    assert [line for line in task_log if not line.isprintable()] == []


def test_a_trigger_of_a_later_version_is_loaded_without_what_is_not_known(
    emulator: EmulatorControl, task_log: list[str]
) -> None:
    emulator.set_job(1001, JobStatus="Finished")

    assert fired_by(job_trigger(of_next_year=7))["kind"] == "reached"
    instance_trigger(of_next_year=7)

    assert [line for line in task_log if "of_next_year" in line][1:]


def test_triggers_as_the_version_before_serialised_them_are_loaded(emulator: EmulatorControl) -> None:
    common: dict[str, Any] = {
        "dataworks_conn_id": "dataworks_default",
        "region_id": None,
        "project_id": 10000,
        "poll_interval": 0.1,
        "deadline": None,
        "stop_on_kill": True,
        "max_poll_failures": 10,
        "waiting_since": 1000.0,
    }
    job = DIJobStatusTrigger(
        **common,
        di_job_id=1001,
        target_statuses=["Finished"],
        failure_statuses=["Failed"],
        old_status="Finished",
        old_started_time=5,
        end_from_trigger=False,
        skip_on_failure=False,
    )
    instance = DISyncInstanceTrigger(
        **common,
        file_id=REALTIME,
        task_type="DI_REALTIME",
        old_status="NORUN",
        old_started=None,
        show_by=1045.0,
        shown=False,
    )

    assert job.serialize()[1]["old_started_time"] == 5
    # Both moments are the worker's: their distance is right whatever this machine's clock says.
    assert instance.serialize()[1]["start_timeout"] == 45.0


# The service refuses requests of a clock that is wrong by more than a quarter of an hour.
@pytest.mark.waits
@pytest.mark.parametrize("skew", [-800.0, 120.0, 800.0])
def test_a_clock_that_differs_from_the_workers_fails_no_start(emulator: EmulatorControl, skew: float) -> None:
    worker = time.time()
    trigger = instance_trigger(show_by=worker + 30, waiting_since=worker)
    emulator.set_file(REALTIME, Status="NORUN")
    threading.Timer(0.8, emulator.set_file, (REALTIME,), {"Status": "RUN"}).start()

    class Skewed(Clock):
        def time(self) -> float:
            return time.time() + skew

    with installed(Skewed()):
        assert fired_by(trigger)["kind"] == "reached"


@pytest.mark.waits
def test_a_start_that_does_not_show_in_time_is_polled_once_more_before_it_fails(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.2)
    emulator.set_file(REALTIME, Status="NORUN")
    # The only regular poll sees the old status; the start shows right after it.
    threading.Timer(0.8, emulator.set_file, (REALTIME,), {"Status": "RUN"}).start()

    assert fired_by(instance_trigger(poll_interval=60.0, start_timeout=1.2))["kind"] == "reached"
