"""Event triggers: an event for each change and none for the beginning, shared polls, errors, restarts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from airflow.triggers import base as airflow_triggers

from airflow_provider_dataworks.client.models import DIJob, JobPage
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.triggers import event as event_module
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.triggers import watcher_store
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusEventTrigger, DIJobStatusTrigger
from airflow_provider_dataworks.waiting.di_job import DIJobTarget, JobPages
from airflow_provider_dataworks.waiting.target import StatusSnapshot
from tests.support.tasks import first_event, rebuilt

JOB = 1001
HAS_EVENT_TRIGGERS = hasattr(airflow_triggers, "BaseEventTrigger")
pytestmark = pytest.mark.skipif(not HAS_EVENT_TRIGGERS, reason="this Airflow has no event triggers")


class AssetStore:
    """Airflow's state store of the assets of a trigger, in memory; values go through JSON as there."""

    def __init__(self, content: dict[str, str] | None = None) -> None:
        self.content: dict[str, str] = {} if content is None else content
        self.failures = 0

    async def aget(self, key: str, default: Any = None) -> Any:
        self._fail()
        return json.loads(self.content[key]) if key in self.content else default

    async def aset(self, key: str, value: Any) -> None:
        self._fail()
        self.content[key] = json.dumps(value)

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is locked")


class SeveralAssets:
    """What Airflow gives a trigger that two assets share: used without an asset's name, it is an error."""

    def __init__(self, *stores: AssetStore) -> None:
        self._by_name = {f"asset_{number}": store for number, store in enumerate(stores)}
        self._by_uri: dict[str, AssetStore] = {}


class Watching:
    """Triggers that run as in a triggerer, and what they fire."""

    def __init__(self, emulator: EmulatorControl, lines: list[str], *triggers: Any, store: Any = None) -> None:
        self.emulator = emulator
        self.lines = lines
        self.fired: list[dict[str, Any]] = []
        self.triggers = [rebuilt(trigger) for trigger in triggers]
        for trigger in self.triggers:
            trigger.asset_state_store = store  # type: ignore[attr-defined]

    async def __aenter__(self) -> Watching:
        self._began = len(self.lines)
        self._tasks = [asyncio.ensure_future(self._run(trigger)) for trigger in self.triggers]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, trigger: Any) -> None:
        async for event in trigger.run():
            json.dumps(event.payload)
            self.fired.append(event.payload)

    async def until_watched(self, count: int = 1) -> None:
        await until(lambda: sum("Watching" in line for line in self.lines[self._began :]) >= count)

    async def until_fired(self, count: int = 1) -> dict[str, Any]:
        await until(lambda: len(self.fired) >= count)
        return self.fired[-1]

    async def until_polled(self, count: int = 3) -> None:
        """Wait until so many more requests were answered: one of them began after now."""
        seen = await self.requests()
        await until_async(lambda: self.requests(), lambda now: now >= seen + count)

    async def requests(self) -> int:
        return len(await asyncio.to_thread(self.emulator.requests))

    async def set_job(self, job_id: int = JOB, **fields: Any) -> None:
        await asyncio.to_thread(self.emulator.set_job, job_id, **fields)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, however slow the machine is."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to that")


async def until_async(read: Callable[[], Coroutine[Any, Any, int]], holds: Callable[[int], bool]) -> None:
    for _ in range(1000):
        if holds(await read()):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to that")


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 40))


def trigger(**arguments: Any) -> DIJobStatusEventTrigger:
    return DIJobStatusEventTrigger(**{"di_job_id": JOB, "poll_interval": 0.05, **arguments})


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What event triggers log; waits between attempts and before an event counts as kept are short."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger = logging.getLogger("tests.event_log")
    logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(logger, "handlers", [Collector()])
    monkeypatch.setattr(DIJobStatusEventTrigger, "log", logger)
    monkeypatch.setattr(event_module, "_EVENT_KEPT_AFTER", 0.0)
    monkeypatch.setattr(event_module, "backoff", lambda failures, interval: 0.05)
    monkeypatch.setattr(watcher_store, "_READ_AGAIN_AFTER", (0.01, 0.01))
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.05)
    monkeypatch.setattr(poller_module, "_SMALLEST_GAP", 0.02)
    return found


# What is an event


@pytest.mark.waits
@pytest.mark.parametrize("emulator", ["2020-05-18", "2024-05-18"], indirect=True)
def test_entering_a_status_is_an_event_and_the_beginning_is_none(emulator: EmulatorControl, lines: list[str]) -> None:
    emulator.set_job(JOB, JobStatus="Finished")

    async def work() -> list[dict[str, Any]]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched()
            for number in (1, 2):
                await watching.set_job(JobStatus="Running")
                await watching.until_polled()
                await watching.set_job(JobStatus="Finished")
                await watching.until_fired(number)
            await watching.until_polled()
        return watching.fired

    fired = run(work())

    assert [(event["previous_status"], event["status"]) for event in fired] == [("Running", "Finished")] * 2
    assert {name: fired[0][name] for name in fired[0] if name != "observed_at"} == {
        "di_job_id": JOB,
        "job_name": "mysql_to_holo_full",
        "status": "Finished",
        "previous_status": "Running",
        "region_id": "cn-shanghai",
        "project_id": 10000,
    }
    assert fired[0]["observed_at"].endswith("+00:00")


@pytest.mark.waits
def test_only_the_statuses_that_were_asked_for_are_events(emulator: EmulatorControl, lines: list[str]) -> None:
    async def work() -> list[str]:
        async with Watching(emulator, lines, trigger(statuses=["Failed", "Stopped"])) as watching:
            await watching.until_watched()
            for status in ("Running", "Finished", "Failed", "Running", "Stopped"):
                await watching.set_job(JobStatus=status)
                await watching.until_polled()
        return [event["status"] for event in watching.fired]

    assert run(work()) == ["Failed", "Stopped"]


def test_a_run_between_two_polls_is_seen_by_its_started_time(emulator: EmulatorControl, lines: list[str]) -> None:
    emulator.set_job(JOB, JobStatus="Finished", StartedTime=1_700_000_000)

    async def work() -> dict[str, Any]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched()
            await watching.set_job(StartedTime=1_700_000_900)
            return await watching.until_fired()

    event = run(work())

    assert (event["previous_status"], event["status"]) == ("Finished", "Finished")


@pytest.mark.waits
def test_a_run_that_a_list_does_not_show_is_seen_when_the_job_is_read_itself(
    emulator: EmulatorControl, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_module, "_READ_ITSELF_AFTER", 0.2)
    for job_id in (1001, 1002):
        emulator.set_job(job_id, JobStatus="Finished", StartedTime=1_700_000_000)

    async def work() -> list[int]:
        async with Watching(emulator, lines, trigger(), trigger(di_job_id=1002)) as watching:
            await watching.until_watched(2)
            await watching.until_polled(6)
            await watching.set_job(1002, StartedTime=1_700_000_900)
            await watching.until_fired()
        return [event["di_job_id"] for event in watching.fired]

    assert run(work()) == [1002]
    assert "ListDIJobs" in {request["action"] for request in emulator.requests()}


def test_a_list_that_lags_fires_nothing(
    emulator: EmulatorControl, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = JobPage((DIJob(1001, "Finished"), DIJob(1002, "Finished")), 2)
    lists: list[int] = []

    def listed(self: JobPages, hook: Any, **_: Any) -> JobPage:
        lists.append(1)
        return page

    monkeypatch.setattr(JobPages, "fetch", listed)
    monkeypatch.setattr(DIJobTarget, "poll", lambda self, hook: StatusSnapshot("Running", started=7))

    async def work() -> list[dict[str, Any]]:
        async with Watching(emulator, lines, trigger(), trigger(di_job_id=1002)) as watching:
            await watching.until_watched(2)
            seen = len(lists)
            await until(lambda: len(lists) > seen + 3)
        return watching.fired

    assert run(work()) == []


def test_a_job_is_found_by_its_name_also_after_it_was_made_anew(emulator: EmulatorControl, lines: list[str]) -> None:
    emulator.set_job(JOB, JobName="orders")

    async def work() -> list[int]:
        async with Watching(emulator, lines, trigger(di_job_id=None, job_name="orders")) as watching:
            await watching.until_watched()
            await watching.set_job(JobStatus="Finished")
            await watching.until_fired()
            await asyncio.to_thread(emulator.remove_job, JOB)
            await asyncio.to_thread(emulator.add_jobs, [{"DIJobId": 77, "JobName": "orders", "JobStatus": "Running"}])
            await watching.until_watched(2)
            await watching.set_job(77, JobStatus="Finished")
            await watching.until_fired(2)
        return [event["di_job_id"] for event in watching.fired]

    assert run(work()) == [JOB, 77]


# What does not end it


def test_errors_that_pass_cost_no_event(emulator: EmulatorControl, lines: list[str]) -> None:
    async def work() -> dict[str, Any]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched()
            await asyncio.to_thread(
                emulator.add_fault, action="GetDIJob", kind="error", status=503, code="ServiceUnavailable", count=2
            )
            await watching.set_job(JobStatus="Finished")
            return await watching.until_fired()

    assert run(work())["status"] == "Finished"


@pytest.mark.waits
def test_a_permanent_error_is_logged_now_and_then_and_the_watch_goes_on(
    emulator: EmulatorControl, lines: list[str]
) -> None:
    async def work() -> list[dict[str, Any]]:
        async with Watching(emulator, lines, trigger()) as watching:
            await watching.until_watched()
            fault: dict[str, Any] = {"kind": "error", "status": 403, "code": "Forbidden.Access", "message": "not yours"}
            await asyncio.to_thread(emulator.add_fault, action="GetDIJob", count=6, **fault)
            await watching.set_job(JobStatus="Finished")
            await watching.until_fired()
        return watching.fired

    (event,) = run(work())

    assert event["previous_status"] == "Initialized"
    refused = [line for line in lines if "not yours" in line]
    assert len(refused) == 1
    assert "it goes on" in refused[0]
    assert [line for line in lines if "is watched again after 6 failures" in line]


def test_a_job_that_is_not_there_yet_and_a_missing_connection_are_waited_for(
    emulator: EmulatorControl, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        async with Watching(
            emulator, lines, trigger(di_job_id=None, job_name="later"), trigger(dataworks_conn_id="dataworks_later")
        ) as watching:
            await until(lambda: sum("it goes on" in line for line in lines) == 2)
            await asyncio.to_thread(emulator.add_jobs, [{"DIJobId": 78, "JobName": "later", "JobStatus": "Running"}])
            connection = {**emulator.connection, "extra": {**emulator.connection["extra"], "max_qps": 0}}
            monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_LATER", json.dumps(connection))
            await watching.until_watched(2)

    run(work())

    assert any("dataworks_later" in line for line in lines)


# Restarts


@pytest.mark.waits
def test_a_restart_repeats_no_event_and_loses_none(emulator: EmulatorControl, lines: list[str]) -> None:
    store = AssetStore()

    async def work() -> list[list[str]]:
        fired = []
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_watched()
            await watching.set_job(JobStatus="Finished")
            await watching.until_fired()
            await until(lambda: "Finished" in str(store.content))
        fired.append([event["status"] for event in watching.fired])
        # Nothing happens in between; then something does.
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_polled()
        fired.append([event["status"] for event in watching.fired])
        await watching.set_job(JobStatus="Running")
        await watching.set_job(JobStatus="Failed")
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_polled()
        fired.append([event["status"] for event in watching.fired])
        await watching.set_job(JobStatus="Finished")
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_fired()
            await watching.until_polled()
        fired.append([event["previous_status"] for event in watching.fired])
        return fired

    assert run(work()) == [["Finished"], [], [], ["Failed"]]


def test_a_run_during_a_restart_is_an_event(emulator: EmulatorControl, lines: list[str]) -> None:
    store = AssetStore()
    emulator.set_job(JOB, JobStatus="Finished", StartedTime=1_700_000_000)

    async def work() -> list[str]:
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_watched()
            await until(lambda: bool(store.content))
        await watching.set_job(StartedTime=1_700_000_900)
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_fired()
            await watching.until_polled()
        return [event["status"] for event in watching.fired]

    assert run(work()) == ["Finished"]


def test_an_event_is_recorded_only_when_airflow_has_had_time_to_keep_it(
    emulator: EmulatorControl, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_module, "_EVENT_KEPT_AFTER", 1000.0)
    store = AssetStore()

    async def work() -> list[str]:
        fired = []
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_watched()
            await watching.set_job(JobStatus="Finished")
            await watching.until_fired()
            await watching.until_polled()
        fired += watching.fired
        # Killed before it was kept: it comes once more.
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_fired()
        return [event["status"] for event in fired + watching.fired]

    assert run(work()) == ["Finished", "Finished"]


def test_a_permanent_error_right_after_an_event_does_not_repeat_it(
    emulator: EmulatorControl, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_module, "_EVENT_KEPT_AFTER", 0.5)
    store = AssetStore()

    async def work() -> list[dict[str, Any]]:
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_watched()
            await watching.set_job(JobStatus="Finished")
            await watching.until_fired()
            fault: dict[str, Any] = {"kind": "error", "status": 403, "code": "Forbidden.Access", "message": "not yours"}
            await asyncio.to_thread(emulator.add_fault, action="GetDIJob", count=1, **fault)
            await until(lambda: any("watched again" in line for line in lines))
            await until(lambda: "Finished" in str(store.content))
        return watching.fired

    assert len(run(work())) == 1


def test_a_store_that_fails_costs_no_event(emulator: EmulatorControl, lines: list[str]) -> None:
    store = AssetStore()
    store.failures = 1000

    async def work() -> dict[str, Any]:
        async with Watching(emulator, lines, trigger(), store=store) as watching:
            await watching.until_watched()
            await watching.set_job(JobStatus="Finished")
            return await watching.until_fired()

    assert run(work())["status"] == "Finished"
    assert any("cannot be read" in line and "database is locked" in line for line in lines)
    assert any("did not record it" in line for line in lines)


def test_watchers_of_one_asset_keep_their_records_apart_and_several_assets_have_one_each(
    emulator: EmulatorControl, lines: list[str]
) -> None:
    first, second = AssetStore(), AssetStore()
    both = SeveralAssets(first, second)

    async def work() -> None:
        async with Watching(emulator, lines, trigger(), trigger(statuses=["Failed"]), store=both) as watching:
            await watching.until_watched(2)
            await until(lambda: len(second.content) == 2)

    run(work())

    assert first.content == second.content
    assert set(first.content) == {
        f"dataworks_cn-shanghai_10000_di_job_{JOB}_{status}" for status in ("Failed", "Finished")
    }


@pytest.mark.parametrize("given", [{}, {"job_name": "orders", "statuses": ("Failed", "Stopped"), "project_id": "7"}])
def test_airflow_knows_a_trigger_again_by_what_its_database_has(given: dict[str, Any]) -> None:
    from airflow.triggers.base import BaseEventTrigger

    path, kwargs = trigger(**given).serialize()

    assert json.loads(json.dumps(kwargs)) == kwargs
    assert BaseEventTrigger.hash(*rebuilt(trigger(**given)).serialize()) == BaseEventTrigger.hash(path, kwargs)
    assert path.endswith(".DIJobStatusEventTrigger")


# Shared polls


@pytest.mark.waits
def test_two_watchers_and_sixty_sensors_share_their_polls(emulator: EmulatorControl, lines: list[str]) -> None:
    jobs = emulator.add_jobs([{"JobName": f"job_{n}", "JobStatus": "Running"} for n in range(62)])
    ids = [job["DIJobId"] for job in jobs]
    common: dict[str, Any] = {"dataworks_conn_id": "dataworks_default", "project_id": 10000, "poll_interval": 0.3}

    async def work() -> tuple[list[dict[str, Any]], int, list[int]]:
        sensors = [
            asyncio.ensure_future(first_event(rebuilt(DIJobStatusTrigger(di_job_id=one, **common)))) for one in ids[2:]
        ]
        watchers = [trigger(di_job_id=one, poll_interval=0.3) for one in ids[:2]]
        async with Watching(emulator, lines, *watchers) as watching:
            await watching.until_watched(2)
            await watching.until_polled(2)
            await asyncio.to_thread(emulator.clear_requests)
            await watching.until_polled(4)
            requests = await asyncio.to_thread(emulator.requests)
            pollers = len(poller_module._pollers[asyncio.get_running_loop()])
            await watching.set_job(ids[0], JobStatus="Finished")
            await watching.set_job(ids[1], JobStatus="Finished")
            await watching.until_fired(2)
        for sensor in sensors:
            sensor.cancel()
        return requests, pollers, sorted(event["di_job_id"] for event in watching.fired)

    requests, pollers, fired = run(work())

    assert pollers == 1
    # A tick, every 0.3 s, is one request for all 62: a page of the list.
    assert {entry["action"] for entry in requests} == {"ListDIJobs"}
    moments = [entry["time"] for entry in requests]
    assert len(moments) >= 4
    assert moments[-1] - moments[0] >= 0.9 * 0.3 * (len(moments) - 1)
    assert fired == ids[:2]


# Arguments


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"di_job_id": None}, "di_job_id"),
        ({"di_job_id": "x"}, "di_job_id"),
        ({"statuses": ["Done"]}, "statuses"),
        ({"statuses": []}, "statuses"),
        ({"poll_interval": 0}, "poll_interval"),
        ({"project_id": -1}, "project_id"),
        ({"region_id": "not a region"}, "region_id"),
    ],
)
def test_unusable_arguments_are_refused_when_the_dag_is_parsed(given: dict[str, Any], named: str) -> None:
    with pytest.raises(DataWorksParameterError, match=named):
        trigger(**given)
