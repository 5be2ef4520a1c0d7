"""``make load``: thousands of deferred sensors over 20 workspaces on one real triggerer: requests, memory, loop lag.

Scheduler, API server, triggerer, poller, database and requests are real. One sensor is deferred by a worker; the
triggers of the others are written into the database like its own: 2,000 worker runs would take half an hour of CPU.
All end in the triggerer (``end_from_trigger``), so that no worker is needed to resume them.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import shutil
import subprocess
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

ROOT = Path(__file__).resolve().parents[2]
DAG = "load_sensors"
DAGS = Path(__file__).parent / "dags"
WORKSPACES = range(10001, 10021)
INTERVAL = 10
WATCHED_TICKS = 6
BASELINE_SECONDS = 20
#: Loop gaps from here on are logged by the triggerer, in seconds.
SHOWN_GAP = 0.05


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
        airflow = LocalAirflow(home / "airflow", DAGS, env=env, sql_alchemy_conn=database, parallelism=2, progress=say)
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
        "AIRFLOW__TRIGGERER__BLOCKED_MAIN_THREAD_WARNING_THRESHOLD": str(SHOWN_GAP),
    }


def run(airflow: LocalAirflow, control: EmulatorControl, jobs: list[int]) -> bool:
    """Defer, watch, end; prints the table, returns whether every sensor ended well."""
    run_id = airflow.trigger(DAG)
    wait_for(airflow, lambda states: sum(states.values()) > len(jobs) and states["deferred"] == 1, "the tasks are made")
    alone = len(airflow.triggerer.output)
    time.sleep(BASELINE_SECONDS)
    idle = gaps_since(airflow, alone)
    with PeakMemory(lambda: list(airflow.processes("triggerer")), pause=2) as memory:
        began = time.monotonic()
        put_aside(airflow, run_id, jobs)
        written = time.monotonic() - began
        polled = wait_until_polled(airflow, control, jobs)
        since = len(airflow.triggerer.output)
        ticks, lasting = watch(control)
        gaps = gaps_since(airflow, since)
        since = len(airflow.triggerer.output)
        ended = time.monotonic()
        for job in jobs:
            control.set_job(job, JobStatus="Finished")
        told = time.monotonic() - ended
        wait_for(airflow, lambda states: not states["deferred"], "the sensors end")
        all_ended = time.monotonic() - ended
        after = gaps_since(airflow, since)
    states = states_of(airflow)
    rows = {
        "deferred sensors, workspaces": f"{len(jobs)}, {len(WORKSPACES)}",
        "written into the database, all": f"{written:.1f} s",
        "taken up and polled by the triggerer, all": f"{polled:.1f} s after that",
        f"requests a tick ({INTERVAL} s), all workspaces": f"{ticks:.1f} over {lasting:.0f} s",
        "memory of the triggerer, peak (PSS)": f"{memory.peak / MIB:.0f} MiB in {memory.count} processes",
        "loop gaps with one sensor": in_words(idle, BASELINE_SECONDS),
        "loop gaps while polling for all": in_words(gaps, lasting),
        "all jobs ended -> all tasks ended": f"{all_ended:.1f} s, of which the emulator took {told:.1f} s",
        "loop gaps while ending": in_words(after, all_ended),
        "task states": ", ".join(f"{count} {state}" for state, count in states.items()),
    }
    print("| what | seen |\n| --- | --- |")
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    return states == {"success": len(jobs) + 1}


def gaps_since(airflow: LocalAirflow, position: int) -> list[float]:
    """The gaps that the triggerer has logged after a position of its output, in seconds."""
    return [float(gap) for gap in re.findall(r"blocked for ([\d.]+) seconds", airflow.triggerer.output[position:])]


def in_words(gaps: list[float], seconds: float) -> str:
    """How many gaps a minute, and the longest."""
    if not gaps:
        return f"none above {SHOWN_GAP} s"
    return f"{len(gaps) * 60 / seconds:.0f} a minute above {SHOWN_GAP} s, the longest {max(gaps):.2f} s"


def put_aside(airflow: LocalAirflow, run_id: str, jobs: list[int]) -> None:
    """Write the triggers of all but the pattern's."""
    script = Path(__file__).with_name("put_aside.py")
    given = ",".join(map(str, jobs))
    subprocess.run([airflow.python, script, run_id], env=airflow.env, cwd=ROOT, input=given, text=True, check=True)


def wait_until_polled(airflow: LocalAirflow, control: EmulatorControl, jobs: list[int]) -> float:
    """Wait until the triggerer has all triggers and every workspace was asked about since; returns the seconds."""
    began = time.monotonic()
    query = "SELECT count(*) FROM trigger WHERE triggerer_id IS NOT NULL"
    while rows(airflow, query)[0][0] <= len(jobs):
        limit(began)
    # The next request about each workspace asks for all of it.
    taken = len(control.requests())
    while {str(entry["query"].get("ProjectId")) for entry in control.requests()[taken:]} < set(map(str, WORKSPACES)):
        limit(began)
    return time.monotonic() - began


def watch(control: EmulatorControl) -> tuple[float, float]:
    """Look at some ticks; returns the requests of one, and for how many seconds was looked."""
    began = time.monotonic()
    before = len(control.requests())
    time.sleep(WATCHED_TICKS * INTERVAL)
    seconds = time.monotonic() - began
    return (len(control.requests()) - before) * INTERVAL / seconds, seconds


def wait_for(airflow: LocalAirflow, good: Callable[[Counter[str]], bool], what: str) -> None:
    """Wait for states of the tasks."""
    began = time.monotonic()
    shown = 0.0
    while not good(states := states_of(airflow)):
        if time.monotonic() - shown > 15:
            shown = time.monotonic()
            say(f"until {what}: {dict(states)}")
        limit(began)


def limit(began: float) -> None:
    """Pause a moment; after ten minutes give up."""
    if time.monotonic() - began > 600:
        raise TimeoutError("not within ten minutes")
    time.sleep(0.5)


def states_of(airflow: LocalAirflow) -> Counter[str]:
    """How many task instances are in each state, from the database itself."""
    return Counter(dict(rows(airflow, "SELECT coalesce(state, 'none'), count(*) FROM task_instance GROUP BY 1")))


def rows(airflow: LocalAirflow, query: str) -> list[tuple[Any, ...]]:
    """The rows that a query finds in Airflow's database."""
    connection = psycopg2.connect(airflow.database.replace("+psycopg2", ""))
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def say(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
