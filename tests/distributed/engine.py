"""``make engine``: DI jobs through Celery, Redis and PostgreSQL while workers, triggerers, a scheduler are killed."""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess, emulator_process
from tests.support.measuring import MIB, PeakMemory
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.processes import Component, free_ports, wait_until

DAG = "distributed_starts"
DAGS = Path(__file__).parent / "dags"
WORKSPACE = 10000
POLL_SECONDS = 5
#: What may be killed and how often; each name's number is drawn.
KILLS = {"worker": 4, "triggerer": 3, "scheduler": 1}
#: GetDIJob, StartDIJob, and GetDIJob until the new run shows; of every try.
REQUESTS_A_TRY = 8

# What is dead is taken for dead within the test: Airflow's own values are between 30 s and hours.
SETTINGS = {
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
    "AIRFLOW__CELERY__WORKER_ENABLE_REMOTE_CONTROL": "False",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "60",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "15",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "20",
}


@dataclass(frozen=True, order=True)
class Kill:
    """One kill: at how many starts and ends, of what, and how long until it is there again."""

    at: int
    component: str = field(compare=False)
    pause: float = field(compare=False)


def main(argv: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status: 0 if all went right."""
    parser = argparse.ArgumentParser(prog="make engine", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300, help="DI jobs to start and wait for, at most 999; default 300")
    parser.add_argument("--seed", type=int, default=1, help="of the kills; default 1")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for all of them; default 1800")
    options = parser.parse_args(argv)
    home = Path(tempfile.mkdtemp(prefix="engine-"))
    jobs = [WORKSPACE * 1000 + number for number in range(1, options.jobs + 1)]
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(running_postgres())
        emulator = stack.enter_context(emulator_process(home / "emulator.log", "--run-seconds", "25"))
        emulator.control.add_jobs(
            {"DIJobId": job, "ProjectId": WORKSPACE, "JobName": f"job_{job}", "start_lag_seconds": 1} for job in jobs
        )
        redis = stack.enter_context(running_redis(home))
        airflow = stack.enter_context(started(home, server, redis, emulator, jobs))
        good = run(airflow, emulator.control, jobs, kills(options.seed, len(jobs)), options.timeout)
    if good:
        shutil.rmtree(home)
    else:
        print(f"The logs are in {home}; seed {options.seed}")
    return 0 if good else 1


def kills(seed: int, jobs: int) -> list[Kill]:
    """The kills of a seed, in their order."""
    chance = random.Random(seed)
    return sorted(
        Kill(chance.randint(jobs // 10, jobs * 19 // 10), f"{kind}-{chance.randint(1, 2)}", chance.uniform(0, 4))
        for kind, count in KILLS.items()
        for _ in range(count)
    )


@contextlib.contextmanager
def running_redis(home: Path) -> Iterator[str]:
    """A Redis on a free port that keeps nothing; gives its URL."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed (Debian: apt-get install redis-server)")
    port = free_ports(1)[0]
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    redis = Component("redis", command, {}, home / "redis.log", home)
    redis.start()
    try:
        if not wait_until(lambda: "Ready to accept connections" in redis.output, 20):
            raise RuntimeError(f"Redis did not start:\n{redis.tail()}")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        redis.terminate()


@contextlib.contextmanager
def started(
    home: Path, server: PostgresServer, redis: str, emulator: EmulatorProcess, jobs: list[int]
) -> Iterator[LocalAirflow]:
    """An Airflow with two schedulers, two triggerers and two Celery workers."""
    database = server.create_database("engine")
    env = {
        **SETTINGS,
        **emulator.env,
        "AIRFLOW__CELERY__BROKER_URL": redis,
        "AIRFLOW__CELERY__RESULT_BACKEND": database.replace("postgresql+psycopg2", "db+postgresql+psycopg2"),
        "DISTRIBUTED_JOBS": ",".join(map(str, jobs)),
    }
    airflow = LocalAirflow(
        home / "airflow",
        DAGS,
        env=env,
        executor="CeleryExecutor",
        sql_alchemy_conn=database,
        parallelism=32,
        progress=say,
    )
    with airflow:
        for kind in ("scheduler", "triggerer"):
            airflow.components[f"{kind}-1"] = airflow.components.pop(kind)
            airflow.add(f"{kind}-2", kind, "--skip-serve-logs")
        for number in (1, 2):
            pid = home / f"worker-{number}.pid"
            name = ("--celery-hostname", f"worker{number}@localhost", "--pid", str(pid))
            airflow.add(f"worker-{number}", "celery", "worker", "--skip-serve-logs", *name)
        yield airflow


def run(airflow: LocalAirflow, control: EmulatorControl, jobs: list[int], ahead: list[Kill], timeout: float) -> bool:
    """Start the DAG, kill what is to be killed; prints the table, returns whether all went right."""
    before = len(control.requests())
    began = time.monotonic()
    with PeakMemory(lambda: list(airflow.processes())) as memory:
        run_id = airflow.trigger(DAG)
        done = follow(airflow, control, ahead, began + timeout)
    seconds = time.monotonic() - began
    tasks = airflow.api.task_instances(DAG, run_id)
    starts = Counter(control.job(job)["starts"] for job in jobs)
    requests = control.requests()[before:]
    tries = sum(max(task.try_number, 1) for task in tasks)
    ceiling = ceiling_of(tries, len(jobs), seconds)
    good = done and starts == {1: len(jobs)} and {task.state for task in tasks} == {"success"}
    rows = {
        "jobs": len(jobs),
        "ended": ", ".join(f"{count} {state}" for state, count in Counter(task.state for task in tasks).items()),
        "starts of a job": ", ".join(f"{count} jobs: {number}" for number, count in sorted(starts.items())),
        "tries": f"{tries} (the most of one task: {max(task.try_number for task in tasks)})",
        "requests": f"{len(requests)}, ceiling {ceiling}",
        "of them throttled": sum(entry["status"] == 429 for entry in requests),
        "seconds": round(seconds),
        "peak memory": f"{memory.peak / MIB:.0f} MiB in {memory.count} processes",
    }
    print("| what | seen |\n| --- | --- |")
    print("\n".join(f"| {name} | {value} |" for name, value in rows.items()))
    return good and len(requests) <= ceiling


def ceiling_of(tries: int, jobs: int, seconds: float) -> int:
    """The most requests that are right: those of every try, and both triggerers' polls, a page for 100 jobs."""
    killed = KILLS["triggerer"]
    return REQUESTS_A_TRY * tries + 2 * -(-jobs // 100) * (int(seconds / POLL_SECONDS) + 1 + killed)


def follow(airflow: LocalAirflow, control: EmulatorControl, ahead: list[Kill], deadline: float) -> bool:
    """Watch the run to its end, kill and restart on the way; returns whether it ended in time, after all kills."""
    waiting = list(ahead)
    shown = 0.0
    while time.monotonic() < deadline:
        states = states_of(airflow)
        progress = control.state()["counts"].get("StartDIJob", 0) + states["success"] + states["failed"]
        if time.monotonic() - shown > 15:
            shown = time.monotonic()
            say(f"{progress} starts and ends; {dict(states)}")
        while waiting and waiting[0].at <= progress:
            kill(airflow, waiting.pop(0))
        if states and set(states) <= {"success", "failed"}:
            return not waiting
        time.sleep(1)
    return False


def kill(airflow: LocalAirflow, one: Kill) -> None:
    """SIGKILL a program with all of its processes, and start it again a little later."""
    say(f"SIGKILL {one.component}")
    component = airflow.components[one.component]
    component.kill()
    time.sleep(one.pause)
    if "--pid" in component.command:
        Path(component.command[component.command.index("--pid") + 1]).unlink(missing_ok=True)
    component.start()


def states_of(airflow: LocalAirflow) -> Counter[str]:
    """How many task instances are in each state, from the database itself: the API takes a second for each look."""
    query = "SELECT coalesce(state, 'none'), count(*) FROM task_instance WHERE dag_id = %s GROUP BY 1"
    connection = psycopg2.connect(airflow.database.replace("+psycopg2", ""))
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(query, (DAG,))
        return Counter(dict(cursor.fetchall()))


def say(text: str) -> None:
    """Print a line with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
