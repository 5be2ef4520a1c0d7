"""``make load``: thousands of deferred sensors over 20 workspaces on one real triggerer: requests, memory, loop lag.

Everything is real: workers defer each sensor, the triggerer polls for all, and at the end workers resume those of every
second workspace, while the triggerer itself ends the others (``end_from_trigger``).
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg2

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import emulator_process
from tests.support.measuring import MIB, PeakMemory
from tests.support.postgres import running_postgres

DAG = "load_sensors"
DAGS = Path(__file__).parent / "dags"
WORKSPACES = range(10001, 10021)
INTERVAL = 10
WATCHED_TICKS = 6
#: The triggerer sleeps so long, and logs by how much more than that it took, in seconds.
AIRFLOWS_NAP = 0.1
#: Loop gaps from here on are counted, in seconds.
SHOWN_GAP = 0.05
#: Seconds that any part may take.
LIMIT = 3600
WORKERS = 8
#: Of the DAG's tasks, those that no worker resumes.
ENDED_IN_TRIGGERER = "ended_in_triggerer"


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status: 0 if every sensor ended well."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("--sensors", type=int, default=2000, help="how many; default 2000")
    sensors: int = parser.parse_args(argv).sensors
    jobs = [WORKSPACES[number % len(WORKSPACES)] * 1000 + number // len(WORKSPACES) + 1 for number in range(sensors)]
    home = Path(tempfile.mkdtemp(prefix="load-"))
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(running_postgres()).create_database("load")
        emulator = stack.enter_context(emulator_process(home / "emulator.log"))
        emulator.control.add_jobs(
            {"DIJobId": job, "ProjectId": job // 1000, "JobName": f"job_{job}", "JobStatus": "Running"} for job in jobs
        )
        env = {**emulator.env, **settings(sensors), "LOAD_JOBS": ",".join(map(str, jobs))}
        airflow = LocalAirflow(
            home / "airflow", DAGS, env=env, sql_alchemy_conn=database, parallelism=WORKERS, progress=say
        )
        stack.enter_context(airflow)
        good = run(airflow, emulator.control, jobs)
    if good:
        shutil.rmtree(home)
    else:
        print(f"The logs are in {home}")
    return 0 if good else 1


def settings(sensors: int) -> dict[str, str]:
    """What Airflow has to be told for so many."""
    return {
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(sensors),
        "AIRFLOW__TRIGGERER__CAPACITY": str(sensors + 100),
        "AIRFLOW__TRIGGERER__BLOCKED_MAIN_THREAD_WARNING_THRESHOLD": str(AIRFLOWS_NAP + SHOWN_GAP),
    }


def run(airflow: LocalAirflow, control: EmulatorControl, jobs: list[int]) -> bool:
    """Defer, watch, end; prints the table, returns whether every sensor ended well."""
    with PeakMemory(lambda: list(airflow.processes("triggerer")), pause=2) as memory:
        began = time.monotonic()
        airflow.trigger(DAG)
        deferral = Phase(airflow, control)
        wait_for(airflow, lambda states: states["deferred"] == len(jobs), "all are deferred")
        deferral.end()
        deferred = time.monotonic() - began
        wait_until_polled(airflow, control)
        polling = Phase(airflow, control)
        time.sleep(WATCHED_TICKS * INTERVAL)
        polling.end()
        ending = Phase(airflow, control)
        for job in jobs:
            control.set_job(job, JobStatus="Finished")
        told = time.monotonic() - ending.began
        wait_for(
            airflow,
            all_ended,
            "the triggerer ends its half",
            ENDED_IN_TRIGGERER,
        )
        half = time.monotonic() - ending.began
        wait_for(airflow, all_ended, "the workers end theirs")
        ending.end()
    states = states_of(airflow)
    tries = Counter(dict(rows(airflow, "SELECT try_number, count(*) FROM task_instance GROUP BY 1")))
    seen = {
        "deferred sensors, workspaces": f"{len(jobs)}, {len(WORKSPACES)}",
        f"all deferred, by {WORKERS} workers": f"{deferred:.0f} s",
        "requests meanwhile, tasks' and poller's": str(deferral.requests),
        "loop gaps while deferring": deferral.gaps,
        f"requests a tick ({INTERVAL} s), all workspaces": f"{polling.requests * INTERVAL / polling.seconds:.1f}",
        "loop gaps while polling for all": polling.gaps,
        "all jobs ended": f"within {told:.1f} s",
        "half of the tasks ended, by the triggerer": f"{half:.0f} s after the first job",
        f"all tasks ended, the other half by {WORKERS} workers": f"{ending.seconds:.0f} s after the first job",
        "loop gaps while all end": ending.gaps,
        "memory of the triggerer, peak (PSS)": f"{memory.peak / MIB:.0f} MiB in {memory.count} processes",
        "task states": ", ".join(f"{count} {state}" for state, count in states.items()),
        "tries": ", ".join(f"{count} tasks: {number}" for number, count in sorted(tries.items())),
    }
    print("| what | seen |\n| --- | --- |")
    print("\n".join(f"| {name} | {value} |" for name, value in seen.items()))
    return states == {"success": len(jobs)}


class Phase:
    """A part of the run: its seconds, its requests, and the gaps of the triggerer's loop, counted at its end."""

    def __init__(self, airflow: LocalAirflow, control: EmulatorControl) -> None:
        self.began = time.monotonic()
        self.seconds = 0.0
        self.requests = 0
        self.gaps = ""
        self._airflow = airflow
        self._control = control
        self._position = len(airflow.triggerer.output)
        self._before = requests_so_far(control)

    def end(self) -> None:
        self.seconds = time.monotonic() - self.began
        self.requests = len(self._control.requests()) - self._before
        self.gaps = in_words(gaps_since(self._airflow, self._position), self.seconds)


def requests_so_far(control: EmulatorControl) -> int:
    """How many requests the emulator has had; its log keeps only the last."""
    return sum(control.state()["counts"].values())


def all_ended(states: Counter[str]) -> bool:
    """Whether no task has anything left to do."""
    return set(states) <= {"success", "failed"}


def gaps_since(airflow: LocalAirflow, position: int) -> list[float]:
    """The gaps that the triggerer has logged after a position of its output, in seconds."""
    naps = re.findall(r"blocked for ([\d.]+) seconds", airflow.triggerer.output[position:])
    return [float(nap) - AIRFLOWS_NAP for nap in naps]


def in_words(gaps: list[float], seconds: float) -> str:
    """How many gaps there were in so many seconds, and the longest."""
    if not gaps:
        return f"none above {SHOWN_GAP} s in {seconds:.0f} s"
    return f"{len(gaps)} above {SHOWN_GAP} s in {seconds:.0f} s, the longest {max(gaps):.2f} s"


def wait_until_polled(airflow: LocalAirflow, control: EmulatorControl) -> None:
    """Wait until the triggerer has all triggers and has asked about every workspace since."""
    began = time.monotonic()
    while rows(airflow, "SELECT count(*) FROM trigger WHERE triggerer_id IS NULL")[0][0]:
        pause(began)
    # The next request about each workspace asks for all of it.
    seen = max((entry["seq"] for entry in control.requests()), default=0)
    wanted = set(map(str, WORKSPACES))
    while {str(entry["query"].get("ProjectId")) for entry in control.requests(since=seen)} < wanted:
        pause(began)


def wait_for(airflow: LocalAirflow, good: Callable[[Counter[str]], bool], what: str, task_id: str = "") -> None:
    """Wait for states of the tasks, or of those of one id."""
    began = time.monotonic()
    shown = 0.0
    while not good(states := states_of(airflow, task_id)):
        if time.monotonic() - shown > 15:
            shown = time.monotonic()
            say(f"until {what}: {dict(states)}")
        pause(began)


def pause(began: float) -> None:
    """Pause a moment; at some time give up."""
    if time.monotonic() - began > LIMIT:
        raise TimeoutError(f"not within {LIMIT} s")
    time.sleep(1)


def states_of(airflow: LocalAirflow, task_id: str = "") -> Counter[str]:
    """How many task instances are in each state, from the database itself: the API takes a second for each look."""
    query = "SELECT coalesce(state, 'none'), count(*) FROM task_instance WHERE task_id LIKE %s GROUP BY 1"
    return Counter(dict(rows(airflow, query, (task_id or "%",))))


def rows(airflow: LocalAirflow, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    """The rows that a query finds in Airflow's database."""
    connection = psycopg2.connect(airflow.database.replace("+psycopg2", ""))
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def say(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
