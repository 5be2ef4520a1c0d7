"""A kind that the package does not know is waited for in every way, with no edit in the package."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.emulator.actions import action_table
from airflow_provider_dataworks.emulator.backend.resources import resource_kinds
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.protocol.action import ActionTable
from airflow_provider_dataworks.emulator.settings import Settings
from airflow_provider_dataworks.emulator.testing import serve
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksTimeoutError
from tests.support.polling import once
from tests.support.tasks import StateStore, first_event, make_context, rebuilt, run_task
from tests.support.toy_kind import (
    BACKFILL_ACTIONS,
    BACKFILLS,
    BackfillSensor,
    BackfillTrigger,
    StartBackfillOperator,
)

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatorControl]:
    """An emulator that knows backfills too; the connection leads to it."""
    emulator = Emulator(
        Settings(run_seconds=0.4, read_qps=0, write_qps=0),
        kinds=(*resource_kinds(), BACKFILLS),
        actions=ActionTable([*action_table(), *BACKFILL_ACTIONS]),
    )
    with serve(emulator) as control:
        connection = dict(control.connection)
        connection["extra"] = {**connection["extra"], "max_qps": 0}
        monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
        yield control


def start(**given: Any) -> StartBackfillOperator:
    return StartBackfillOperator(
        **{"task_id": "start", "backfill_id": 1, "poll_interval": 0.05, "wait_for_completion": True, **given}
    )


def backfill(emulator: EmulatorControl, number: int = 1) -> dict[str, Any]:
    return emulator.resource("backfills", number)


@pytest.mark.waits
@MODES
def test_it_is_started_once_and_waited_for(emulator: EmulatorControl, deferrable: bool) -> None:
    assert run_task(start(deferrable=deferrable)) == 1

    assert (backfill(emulator)["Status"], backfill(emulator)["starts"]) == ("DONE", 1)


@MODES
def test_a_failure_is_the_kinds_own(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.settings(run_seconds=60)
    once(lambda: backfill(emulator)["Status"] == "ON", lambda: emulator.set_resource("backfills", 1, Status="CUT"))

    with pytest.raises(DataWorksJobError, match="backfill 1 was cut"):
        run_task(start(deferrable=deferrable))


def test_a_try_after_a_kill_takes_its_own_run(emulator: EmulatorControl) -> None:
    store = StateStore()
    run_task(start(wait_for_completion=False), make_context(store=store, max_tries=2))

    run_task(start(), make_context(store=store, try_number=2, max_tries=2))

    assert backfill(emulator)["starts"] == 1


def test_a_kill_stops_what_the_task_started(emulator: EmulatorControl) -> None:
    task = start(wait_for_completion=False)
    run_task(task)

    task.on_kill()

    assert (backfill(emulator)["Status"], backfill(emulator)["stops"]) == ("CUT", 1)


def test_the_deadline_stops_it_in_the_triggerer(emulator: EmulatorControl) -> None:
    emulator.settings(run_seconds=60)
    with pytest.raises(TaskDeferred) as deferred:
        start(deferrable=True).execute(make_context())
    trigger = rebuilt(deferred.value.trigger)
    trigger.options = type(trigger.options)(**{**vars(trigger.options), "deadline": 1.0})  # type: ignore[attr-defined]
    event = asyncio.run(asyncio.wait_for(first_event(trigger), 20))

    with pytest.raises(DataWorksTimeoutError, match="asked to stop"):
        start().execute_complete(make_context(), event.payload)
    assert backfill(emulator)["stops"] == 1


@pytest.mark.waits
@pytest.mark.parametrize("how", ["poke", "reschedule", "deferred"])
def test_a_sensor_waits_for_it(emulator: EmulatorControl, how: str) -> None:
    emulator.set_resource("backfills", 2, Status="ON")
    sensor = BackfillSensor(
        task_id="wait",
        backfill_id=2,
        poke_interval=0.05,
        timeout=20,
        mode="reschedule" if how == "reschedule" else "poke",
        deferrable=how == "deferred",
    )
    threading.Timer(0.3, emulator.set_resource, ("backfills", 2), {"Status": "DONE"}).start()

    if how == "reschedule":
        # Airflow makes each poke in a process of its own.
        done: Any = False
        while not done:
            done = sensor.poke(make_context())
            time.sleep(0.05)
        assert done.xcom_value == "DONE"
    else:
        assert run_task(sensor) == "DONE"


@pytest.mark.waits
def test_many_that_wait_share_their_polls(emulator: EmulatorControl) -> None:
    def trigger(number: int) -> BackfillTrigger:
        return BackfillTrigger(
            dataworks_conn_id="dataworks_default", project_id=10000, backfill_id=number, poll_interval=0.3
        )

    async def work() -> list[Any]:
        waits = [asyncio.ensure_future(first_event(rebuilt(trigger(number)))) for number in range(1, 21)]
        await asyncio.sleep(1.0)
        for number in range(1, 21):
            await asyncio.to_thread(emulator.set_resource, "backfills", number, Status="DONE")
        return await asyncio.gather(*waits)

    events = asyncio.run(asyncio.wait_for(work(), 30))

    assert {event.payload["status"] for event in events} == {"DONE"}
    requests = Counter(request["action"] for request in emulator.requests())
    assert requests["ListBackfills"] < 20
    # The last ones may be alone.
    assert requests["GetBackfill"] <= 2
