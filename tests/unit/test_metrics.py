"""Metrics: what is counted when, to a real statistics server over UDP, and never an error."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks import metrics
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksTimeoutError, DataWorksTransientError
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.waiting.target import WaitTarget
from tests.support.hook import hook_for
from tests.support.polling import once_asked
from tests.support.tasks import first_event, make_context, rebuilt, run_task

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "metrics.md"
NAMES = [value for name, value in vars(metrics).items() if name.isupper() and isinstance(value, str)]


class Recorder:
    """Airflow's Stats, as one process has them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.tags: dict[str, list[dict[str, str]]] = {}
        self.times: dict[str, list[float]] = {}

    def incr(self, stat: str, count: int = 1, rate: float = 1, *, tags: dict[str, str] | None = None) -> None:
        self.counts[stat] += count
        self.tags.setdefault(stat, []).append(tags or {})

    def timing(self, stat: str, dt: Any, *, tags: dict[str, str] | None = None) -> None:
        self.times.setdefault(stat, []).append(dt.total_seconds())


@pytest.fixture
def in_task(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setitem(vars(metrics.in_task), "stats", recorder := Recorder())
    return recorder


@pytest.fixture
def in_triggerer(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setitem(vars(metrics.in_triggerer), "stats", recorder := Recorder())
    return recorder


@pytest.fixture
def emulator(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    connection = dict(dataworks_emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 1}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    dataworks_emulator.settings(run_seconds=0.3, stop_seconds=0.2, read_qps=0, write_qps=0)
    return dataworks_emulator


def start(job_id: int = 1001, **given: Any) -> StartDIJobOperator:
    return StartDIJobOperator(
        **{"task_id": "a", "di_job_id": job_id, "wait_for_completion": True, "poll_interval": 0.05, **given}
    )


@pytest.mark.waits
def test_a_wait_in_the_worker(emulator: EmulatorControl, in_task: Recorder, in_triggerer: Recorder) -> None:
    run_task(start())
    with pytest.raises(DataWorksJobError):
        run_task(start(1006))

    assert in_task.counts["dataworks.starts"] == 2
    assert in_task.counts["dataworks.waits.reached"] == 1
    assert in_task.counts["dataworks.waits.failed"] == 1
    assert in_task.counts["dataworks.polls"] >= 2
    assert in_task.tags["dataworks.starts"] == [{"kind": "DI_job"}] * 2
    assert len(in_task.times["dataworks.end_lag"]) == 2
    assert not in_triggerer.counts


@pytest.mark.waits
def test_a_deferred_wait(emulator: EmulatorControl, in_task: Recorder, in_triggerer: Recorder) -> None:
    run_task(start(deferrable=True))
    with pytest.raises(DataWorksJobError):
        run_task(start(1006, deferrable=True))

    assert in_task.counts["dataworks.starts"] == 2
    assert in_triggerer.counts["dataworks.waits.reached"] == 1
    assert in_triggerer.counts["dataworks.waits.failed"] == 1
    assert in_triggerer.counts["dataworks.polls"] >= 2
    # Measured where the task ends.
    assert len(in_task.times["dataworks.end_lag"]) == 2
    assert not in_triggerer.times
    assert all(0 <= lag < 30 for lag in in_task.times["dataworks.end_lag"])


@pytest.mark.waits
def test_a_task_that_ends_in_the_triggerer(
    emulator: EmulatorControl, in_task: Recorder, in_triggerer: Recorder
) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        start(deferrable=True, end_from_trigger=True).execute(make_context())
    asyncio.run(first_event(rebuilt(deferred.value.trigger)))

    assert len(in_triggerer.times["dataworks.end_lag"]) == 1
    assert not in_task.times


@pytest.mark.waits
def test_limits_and_errors_that_end_a_wait(
    emulator: EmulatorControl, in_task: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_dataworks.operators import base

    emulator.settings(run_seconds=60)
    monkeypatch.setattr(base, "execution_deadline", lambda *_: 1.0)
    with pytest.raises(DataWorksTimeoutError):
        run_task(start(cancel_on_kill=False))
    monkeypatch.setattr(base, "execution_deadline", lambda *_: None)
    # Once it is waited for: the start and its reads are fewer requests.
    once_asked(emulator, lambda: emulator.add_fault("reset", count=50), requests=5)
    with pytest.raises(DataWorksTransientError):
        run_task(start(max_poll_failures=2))

    assert in_task.counts["dataworks.waits.timed_out"] == 1
    assert in_task.counts["dataworks.waits.error"] == 1
    assert in_task.counts["dataworks.polls.failed"] == 2


@pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
def test_a_sensor(emulator: EmulatorControl, in_task: Recorder, in_triggerer: Recorder, deferrable: bool) -> None:
    emulator.set_job(1001, JobStatus="Running")
    once_asked(emulator, lambda: emulator.set_job(1001, JobStatus="Finished"), requests=3)

    run_task(DIJobStatusSensor(task_id="a", di_job_id=1001, poke_interval=0.05, deferrable=deferrable))

    where = in_triggerer if deferrable else in_task
    assert where.counts["dataworks.waits.reached"] == 1
    assert where.counts["dataworks.polls"] >= 2
    assert len(in_task.times["dataworks.end_lag"]) == 1


def test_what_the_service_throttles(
    dataworks_emulator: EmulatorControl, in_task: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch, [])
    dataworks_emulator.add_fault(action="GetDIJob", kind="throttle", count=3)

    hook.get_di_job(di_job_id=1001)

    assert in_task.counts == {"dataworks.throttled": 3}
    assert in_task.tags["dataworks.throttled"] == [{"action": "GetDIJob"}] * 3


@pytest.mark.waits
def test_what_the_service_throttles_of_the_shared_polls(
    emulator: EmulatorControl, in_task: Recorder, in_triggerer: Recorder
) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        start(deferrable=True).execute(make_context())
    emulator.add_fault(action="GetDIJob", kind="throttle", count=1)
    asyncio.run(first_event(rebuilt(deferred.value.trigger)))

    assert in_triggerer.counts["dataworks.throttled"] == 1
    assert in_triggerer.counts["dataworks.polls.failed"] == 1
    assert "dataworks.throttled" not in in_task.counts


@pytest.mark.waits
def test_statistics_that_fail_cost_no_task(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("no statistics server")

    for one in (metrics.in_task, metrics.in_triggerer):
        monkeypatch.setitem(vars(one), "stats", Broken())

    assert (run_task(start(1001)), run_task(start(1004, deferrable=True))) == (1001, 1004)


def test_without_airflows_statistics_nothing_is_counted() -> None:
    nowhere = metrics.Metrics("airflow.no_such_module", "no_such_package.stats")

    nowhere.count("dataworks.starts")
    nowhere.seconds("dataworks.end_lag", 1.0)


def test_the_page_names_each_metric() -> None:
    shown = set(re.findall(r"^\| `([\w.<>]+)` \|", PAGE.read_text(), re.MULTILINE))

    assert shown == {f"{name}.<outcome>" if name == metrics.WAITS else name for name in NAMES}


def test_the_page_names_every_kind() -> None:
    waiting = importlib.import_module("airflow_provider_dataworks.waiting")
    modules = [importlib.import_module(f"{waiting.__name__}.{each.name}") for each in iter_modules(waiting.__path__)]
    found = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    kinds = {kind.kind.replace(" ", "_") for kind in found if issubclass(kind, WaitTarget) and "kind" in vars(kind)}
    assert len(kinds) > 3
    assert {kind for kind in kinds if f"`{kind}`" not in PAGE.read_text()} == set()


# Over UDP


@pytest.fixture
def statsd() -> Iterator[tuple[int, list[str]]]:
    """A statistics server's port, and the lines that it got."""
    lines: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.2)
        ended = threading.Event()

        def receive() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    lines.extend(server.recv(65535).decode().splitlines())

        thread = threading.Thread(target=receive)
        thread.start()
        yield server.getsockname()[1], lines
        ended.set()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (
            "worker",
            {"starts:1|c", "waits.reached:1|c", "waits.failed:1|c", "polls:1|c", "throttled:1|c", "end_lag:<ms>|ms"},
        ),
        ("triggerer", {"waits.reached:1|c", "polls:1|c", "end_lag:<ms>|ms"}),
    ],
)
def test_airflow_sends_them_to_the_statistics_server(
    emulator: EmulatorControl, statsd: tuple[int, list[str]], place: str, expected: set[str]
) -> None:
    pytest.importorskip("statsd")
    port, lines = statsd
    connection = json.loads(os.environ["AIRFLOW_CONN_DATAWORKS_DEFAULT"])
    connection["extra"]["max_attempts"] = 5
    if place == "worker":
        emulator.add_fault(action="StartDIJob", kind="throttle", count=1)
    env = {
        **os.environ,
        "AIRFLOW_CONN_DATAWORKS_DEFAULT": json.dumps(connection),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(port),
        "AIRFLOW__METRICS__STATSD_PREFIX": "af",
    }
    command = [sys.executable, "-m", "tests.support.metrics_process", place]
    subprocess.run(command, check=True, env=env, cwd=ROOT, timeout=120)

    def shown() -> set[str]:
        mine = [line.removeprefix("af.dataworks.") for line in lines if line.startswith("af.dataworks.")]
        return {re.sub(r"^end_lag:[\d.]+\|ms$", "end_lag:<ms>|ms", line) for line in mine}

    for _ in range(50):
        if expected <= shown():
            break
        threading.Event().wait(0.1)
    assert expected <= shown()
