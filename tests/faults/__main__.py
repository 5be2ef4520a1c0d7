"""Run schedules of faults and print what came of them: ``python -m tests.faults --help``."""

from __future__ import annotations

import argparse
import collections
import contextlib
import logging
import queue
import sys
import threading
import time
from collections.abc import Iterable

from airflow_provider_dataworks.emulator.testing import running_emulator
from tests import conftest  # noqa: F401 - before Airflow is imported: keeps the user's own out of this
from tests.faults.fast_clock import fast_clock
from tests.faults.running import Report, run_schedule
from tests.faults.schedule import make_schedule
from tests.faults.stage import Stage
from tests.support.scripted_server import scripted_server

SHORT, LONG = 200, 2000


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for.

    :return: the exit status: 1 if anything did not hold.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--count", type=int, default=SHORT, help=f"how many schedules; default {SHORT}")
    parser.add_argument("--long", action="store_true", help=f"{LONG} schedules")
    parser.add_argument("--first", type=int, default=0, help="seed of the first schedule; default 0")
    parser.add_argument("--seed", type=int, help="replay the one schedule of this seed, with all of its requests")
    parser.add_argument("--threads", type=int, default=6, help="schedules at a time; default 6")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8.0f %(name)s: %(message)s", force=True)
        seeds: Iterable[int] = [options.seed]
    else:
        logging.disable(logging.CRITICAL)
        seeds = range(options.first, options.first + (LONG if options.long else options.count))
    began = time.monotonic()
    reports = run_campaign(seeds, 1 if options.seed is not None else options.threads)
    for report in reports:
        if report.violations or options.seed is not None:
            show(report)
    print_table(reports, time.monotonic() - began)
    return 1 if any(report.violations for report in reports) else 0


def run_campaign(seeds: Iterable[int], threads: int) -> list[Report]:
    """Run schedules, several at a time, each thread with an emulator of its own."""
    from airflow.models import import_all_models

    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for seed in seeds:
        waiting.put(seed)
    reports: list[Report] = []
    broken: list[BaseException] = []

    def work(name: str) -> None:
        try:
            with running_emulator() as emulator, scripted_server() as key_server:
                stage = Stage(emulator, key_server, name)
                with contextlib.suppress(queue.Empty):
                    while not broken:
                        reports.append(run_schedule(stage, make_schedule(waiting.get_nowait())))
        except BaseException as error:
            broken.append(error)
            raise

    # Two threads that import parts of them at once may wait for each other for ever (Airflow 3.0).
    import_all_models()  # type: ignore[no-untyped-call]
    with fast_clock():
        workers = [threading.Thread(target=work, args=(str(number),)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if broken:
        raise broken[0]
    return sorted(reports, key=lambda report: report.schedule.seed)


def show(report: Report) -> None:
    """Print a schedule, what was sent, and what did not hold."""
    schedule = report.schedule
    print(f"\nseed {schedule.seed}: {schedule.credentials}, {schedule.settings}, {schedule.strangers} strangers")
    for number, step in enumerate(schedule.steps):
        print(f"  step {number}: {step}")
    print("\n".join(report.log))
    for violation in report.violations:
        print(f"  VIOLATION {violation}")
    if report.violations:
        print(f"  replay it: make faults SEED={schedule.seed}")


def print_table(reports: list[Report], seconds: float) -> None:
    """Print the closing tables."""
    faults = collections.Counter(label for report in reports for label in report.faults)
    endings = collections.Counter(ending for report in reports for ending in report.endings)
    tries, requests = (sum(getattr(report, name) for report in reports) for name in ("tries", "requests"))
    failing = sum(bool(report.violations) for report in reports)
    print(f"\n{'faults that met a request':34} {'number':>7}")
    for label, number in sorted(faults.items(), key=lambda item: (-item[1], item[0])):
        print(f"{label:34} {number:7}")
    print(f"\n{'operation':16} {'outcome':26} {'number':>7}")
    for (kind, outcome), number in sorted(endings.items(), key=lambda item: (item[0][0], -item[1])):
        print(f"{kind:16} {outcome:26} {number:7}")
    print(
        f"\n{len(reports)} schedules, {sum(endings.values())} operations in {tries} tries, {requests} requests, "
        f"{sum(faults.values())} faults: {failing} schedules in which something did not hold; {seconds:.0f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
