"""``make demo``: the example DAGs on a real Airflow, against a local DataWorks; shows what they did, step by step."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from tests.support.airflow_api import RunWatch, TaskInstance
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess, emulator_process

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".demo"
EXAMPLES = (
    "dataworks_create_and_start",
    "dataworks_start_and_wait",
    "dataworks_many_jobs",
    "dataworks_replay_interval",
    "dataworks_batch_sync",
    "dataworks_nightly_node",
)
SCHEDULED = ("dataworks_replay_interval", "dataworks_batch_sync", "dataworks_nightly_node")
#: The same DAGs once more, through a connection whose api_version is the newer one.
IN_2024 = ("dataworks_start_and_wait", "dataworks_batch_sync")
#: What one version has made has its name in the other, too.
NAMES_OF_2024 = {"suffix": "_2024"}
TIMEOUT = 180
_STARTED = time.monotonic()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; returns the exit status: 0 if every example DAG succeeded."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave Airflow open in a browser until Ctrl-C")
    keep: bool = parser.parse_args(argv).keep
    signal.signal(signal.SIGTERM, _exit_on_signal)
    shutil.rmtree(FOLDER, ignore_errors=True)
    try:
        with emulator_process(FOLDER / "emulator.log", "--run-seconds", "5") as emulator:
            say(f"a local DataWorks listens at {emulator.control.url}")
            return run_examples(emulator, keep=keep)
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except (RuntimeError, TimeoutError) as error:
        print(f"\n{error}\nThe logs are in {FOLDER}", file=sys.stderr)
        return 1


def run_examples(emulator: EmulatorProcess, *, keep: bool) -> int:
    """Start Airflow, run every example DAG, show what happened; with ``keep``, wait for Ctrl-C at the end."""
    env = {**emulator.env, "AIRFLOW_CONN_DATAWORKS_2024": emulator.connection_of("2024-05-18")}
    airflow = LocalAirflow(FOLDER / "airflow", ROOT / "example_dags", env=env, serve_logs=keep, progress=say)
    with _stopped_at_the_end(airflow):
        airflow.start()
        watches = [start(airflow, dag_id) for dag_id in EXAMPLES]
        follow(watches)
        again = [start(airflow, dag_id, connection="dataworks_2024") for dag_id in IN_2024]
        follow(again)
        watches += again
        show_tasks(airflow, watches)
        show_requests(emulator)
        failed = [watch for watch in watches if watch.state != "success"]
        for watch in failed:
            show_failure(airflow, watch)
        if not failed:
            print(f"\nAll {len(watches)} runs succeeded, {_elapsed():.0f} s after the start.")
        if keep:
            wait_for_interrupt(airflow, emulator)
        elif not failed:
            print("`make demo KEEP=1` leaves Airflow open in a browser.")
        return 1 if failed else 0


def start(airflow: LocalAirflow, dag_id: str, connection: str | None = None) -> RunWatch:
    """Unpause an example DAG and start a run of it; a scheduled one's comes by itself, unless it takes a connection."""
    airflow.unpause(dag_id)
    if dag_id in SCHEDULED and connection is None:
        run_id = str(airflow.api.wait_for_scheduled_run(dag_id)["dag_run_id"])
    else:
        run_id = airflow.api.trigger(
            dag_id, conf=None if connection is None else {"connection": connection, **NAMES_OF_2024}
        )
    say(f"{dag_id:<27} {run_id}")
    return RunWatch(airflow.api, dag_id, run_id)


def follow(watches: Sequence[RunWatch]) -> None:
    """Show each change of a task's state until all runs have ended, or for TIMEOUT seconds."""
    deadline = time.monotonic() + TIMEOUT
    while True:
        for watch in watches:
            for instance in watch.look():
                if instance.state not in (None, "scheduled", "queued"):
                    say(f"{watch.dag_id:<27} {instance.name:<15} {instance.state}")
        if all(watch.finished for watch in watches):
            return
        if time.monotonic() > deadline:
            say(f"not all have ended after {TIMEOUT} s")
            return
        time.sleep(1)


def show_tasks(airflow: LocalAirflow, watches: Iterable[RunWatch]) -> None:
    """Print a table of all tasks."""
    rows = [
        (watch.dag_id, one.name, one.state or "-", str(one.try_number), f"{one.duration or 0:.1f}")
        for watch in watches
        for one in _in_order(airflow.api.task_instances(watch.dag_id, watch.run_id))
    ]
    print_table(("DAG", "task", "state", "tries", "seconds"), rows)


def show_requests(emulator: EmulatorProcess) -> None:
    """Print what the emulator was asked, and what came of it."""
    state = emulator.control.state()
    print_table(("action", "requests"), [(name, str(count)) for name, count in sorted(state["counts"].items())])
    columns = ("DIJobId", "JobName", "MigrationType", "JobStatus", "starts", "stops")
    jobs = [job for job in state["jobs"] if job["starts"] or job["stops"]]
    print_table(columns, [tuple(str(job[column]) for column in columns) for job in jobs])
    columns = ("FileId", "TaskName", "TaskType", "deployed", "Status", "starts")
    files = [file for file in state["files"] if file["starts"] or file["creations"]]
    print_table(columns, [tuple(str(file[column]) for column in columns) for file in files])


def show_failure(airflow: LocalAirflow, watch: RunWatch) -> None:
    """Print the logs of the tasks that did not succeed."""
    print(f"\n{watch.dag_id} ended as {watch.state}.")
    for instance in airflow.api.task_instances(watch.dag_id, watch.run_id):
        if instance.state in ("failed", "up_for_retry", "running", "deferred", "up_for_reschedule"):
            log = airflow.log(watch.dag_id, watch.run_id, instance.task_id, instance.try_number, instance.map_index)
            print(f"\n--- {watch.dag_id} {instance.name} ({instance.state})\n{log or 'It has no log.'}")


def wait_for_interrupt(airflow: LocalAirflow, emulator: EmulatorProcess) -> None:
    """Say where everything is, and wait for Ctrl-C."""
    print(f"\nAirflow:   {airflow.url} (no password)")
    print(f"DataWorks: {emulator.control.url}/_emulator/state")
    print(f"Logs:      {FOLDER}")
    print("Ctrl-C stops both.", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while all(component.alive for component in airflow.components.values()):
            time.sleep(1)
    print()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as their longest text; nothing if there are no rows."""
    if not rows:
        return
    widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
    print()
    for row in (columns, ["-" * width for width in widths], *rows):
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def say(message: str) -> None:
    """Print one line of progress with the seconds since the start."""
    print(f"[{_elapsed():5.1f} s] {message}", flush=True)


def _elapsed() -> float:
    return time.monotonic() - _STARTED


def _in_order(instances: Iterable[TaskInstance]) -> list[TaskInstance]:
    """By the time they started; those that never did come last."""
    return sorted(instances, key=lambda one: str(one.raw["start_date"] or "~"))


@contextlib.contextmanager
def _stopped_at_the_end(airflow: LocalAirflow) -> Iterator[None]:
    """Stop Airflow whatever happens; a second Ctrl-C does not interrupt that."""
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        airflow.stop()
        say("everything is stopped")


def _exit_on_signal(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
