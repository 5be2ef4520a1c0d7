"""A program in which many triggers wait in one event loop, as in a triggerer.

Run it as ``python wait_many.py SPEC FIGURES`` with the connection in the environment: SPEC is a JSON file, FIGURES the
file that takes its JSON object. Airflow's log of each wait goes to standard output.
"""

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

CONNECTION = "dataworks_default"
#: As the triggerer does, which starts so many at a time.
BATCH = 50
#: A first poll comes within five seconds; then all have had an answer.
SETTLED_AFTER = 8.0


class BareTrigger(BaseTrigger):
    """Waits for nothing: what any waiting trigger costs."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "wait_many.BareTrigger", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.get_running_loop().create_future()
        yield TriggerEvent({})  # type: ignore[no-untyped-call]


class LagWatch:
    """Measures how late the loop comes back, and how much CPU its thread took meanwhile, in seconds."""

    def __init__(self, pause: float = 0.01) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self._pause = pause

    async def watch(self, seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            spent = time.thread_time()
            await asyncio.sleep(self._pause)
            self.wall.append(max(0.0, time.perf_counter() - began - self._pause))
            self.cpu.append(time.thread_time() - spent)

    def figures(self) -> dict[str, float]:
        return {"p99": _p99(self.wall), "worst": max(self.wall), "cpu_p99": _p99(self.cpu), "cpu_worst": max(self.cpu)}


class Room:
    """The waiting triggers, and when each one fired.

    :param spec: see the benchmark that starts this.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.fired: dict[int, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def enter(self) -> None:
        """Start all triggers, a batch at a time."""
        for number, (project_id, di_job_id) in enumerate(self.spec["watched"], 1):
            self._tasks.add(asyncio.create_task(self._wait(self._trigger(project_id, di_job_id), di_job_id)))
            if number % BATCH == 0:
                await asyncio.sleep(0.01)

    async def leave(self) -> None:
        """Cancel those that still wait."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _trigger(self, project_id: int, di_job_id: int) -> BaseTrigger:
        if self.spec.get("bare"):
            return BareTrigger()  # type: ignore[no-untyped-call]
        return DIJobStatusTrigger(
            dataworks_conn_id=CONNECTION,
            project_id=project_id,
            di_job_id=di_job_id,
            poll_interval=self.spec["interval"],
        )

    async def _wait(self, trigger: BaseTrigger, di_job_id: int) -> None:
        async for event in trigger.run():
            self.fired[di_job_id] = time.monotonic()
            assert event.payload["status"] == "Finished", event


async def measure(spec: dict[str, Any]) -> dict[str, Any]:
    """Fill the room, let it settle, watch it, end some jobs meanwhile, and empty it."""
    idle, entering, waiting = LagWatch(), LagWatch(), LagWatch()
    await idle.watch(2)
    await _warm_up(spec)
    before = _resident_bytes()
    room = Room(spec)
    await asyncio.gather(room.enter(), entering.watch(SETTLED_AFTER))
    settled = _resident_bytes()
    spent, began = time.process_time(), time.perf_counter()
    seconds = spec["seconds"]
    _, ended = await asyncio.gather(waiting.watch(seconds), _end_jobs(spec, seconds - spec["interval"] - 3))
    spent, lasted = time.process_time() - spent, time.perf_counter() - began
    await room.leave()
    return {
        "bytes": settled - before,
        "cpu_a_second": spent / lasted,
        "idle": idle.figures(),
        "entering": entering.figures(),
        "waiting": waiting.figures(),
        "delays": [room.fired.get(job_id, float("inf")) - moment for job_id, moment in ended.items()],
    }


async def _warm_up(spec: dict[str, Any]) -> None:
    """Load what is loaded once for a process: a wait for a job that is Finished already."""
    await Room({"watched": [], "interval": 0.5})._wait(_first_trigger(spec), 0)


def _first_trigger(spec: dict[str, Any]) -> BaseTrigger:
    project_id, di_job_id = spec["finished"]
    return DIJobStatusTrigger(
        dataworks_conn_id=CONNECTION, project_id=project_id, di_job_id=di_job_id, poll_interval=0.5
    )


async def _end_jobs(spec: dict[str, Any], seconds: float) -> dict[int, float]:
    """End the jobs that are to end, at random moments; give the moment for each."""
    control = EmulatorControl(spec["url"])
    chance = random.Random(1)
    start = time.monotonic()
    ended: dict[int, float] = {}
    for moment, job_id in sorted((chance.uniform(0, seconds), job_id) for job_id in spec.get("ends", [])):
        await asyncio.sleep(max(0.0, start + moment - time.monotonic()))
        await asyncio.to_thread(control.set_job, job_id, JobStatus="Finished")
        ended[job_id] = time.monotonic()
    return ended


def _resident_bytes() -> int:
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def _p99(values: list[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


if __name__ == "__main__":
    figures = asyncio.run(measure(json.loads(Path(sys.argv[1]).read_text())))
    Path(sys.argv[2]).write_text(json.dumps(figures))
