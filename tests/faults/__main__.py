"""Run schedules of faults and print what came of them: ``python -m tests.faults --help``."""

from __future__ import annotations

import argparse
import collections
import logging
import sys
import time
from collections.abc import Iterable

from tests import conftest  # noqa: F401 - before Airflow is imported: keeps the user's own out of this
from tests.faults.campaign import run_campaign, run_kill_rounds, run_scenarios
from tests.faults.kills import KillReport, make_kill_plan, make_node_kill_plan
from tests.faults.running import Report
from tests.faults.scenarios import ScenarioReport
from tests.faults.schedule import make_schedule

SHORT, LONG = 200, 2000
SHORT_KILLS, LONG_KILLS = 75, 750
#: How often each scenario is run.
SHORT_SCENARIOS, LONG_SCENARIOS = 1, 10


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
    parser.add_argument("--kills", type=int, help=f"how many rounds of kills; default {SHORT_KILLS}, or {LONG_KILLS}")
    parser.add_argument("--kill-seed", type=int, help="replay the one round of kills of this seed")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8.0f %(name)s: %(message)s", force=True)
        seeds: Iterable[int] = [options.seed]
    else:
        logging.disable(logging.CRITICAL)
        seeds = range(options.first, options.first + (LONG if options.long else options.count))
    # First, while there is one thread: a process that is forked from several may find a lock held for ever.
    killed = [] if options.seed is not None else _run_kills(options)
    if options.kill_seed is not None:
        return 1 if any(report.violations for report in killed) else 0
    scenarios = [] if options.seed is not None else _run_scenarios(options)
    began = time.monotonic()
    reports = run_campaign(map(make_schedule, seeds), 1 if options.seed is not None else options.threads)
    for report in reports:
        if report.violations or options.seed is not None:
            show(report)
    print_table(reports, time.monotonic() - began)
    all_reports: list[Report | KillReport | ScenarioReport] = [*reports, *killed, *scenarios]
    return 1 if any(report.violations for report in all_reports) else 0


def _run_kills(options: argparse.Namespace) -> list[KillReport]:
    rounds = options.kills if options.kills is not None else LONG_KILLS if options.long else SHORT_KILLS
    seeds = range(rounds) if options.kill_seed is None else (options.kill_seed,)
    began = time.monotonic()
    # A third as many with nodes; a seed that is replayed is one of both.
    nodes = seeds if options.kill_seed is not None else seeds[::3]
    reports = run_kill_rounds([*map(make_kill_plan, seeds), *map(make_node_kill_plan, nodes)], options.threads)
    for report in reports:
        if report.violations or options.kill_seed is not None:
            show_kills(report)
    print_kills(reports, time.monotonic() - began)
    return reports


def _run_scenarios(options: argparse.Namespace) -> list[ScenarioReport]:
    began = time.monotonic()
    reports = [
        report for seed in range(LONG_SCENARIOS if options.long else SHORT_SCENARIOS) for report in run_scenarios(seed)
    ]
    print_scenarios(reports, time.monotonic() - began)
    return reports


def print_scenarios(reports: list[ScenarioReport], seconds: float) -> None:
    """Print what did not hold in scenarios."""
    print()
    for report in reports:
        for violation in report.violations:
            print(f"scenario {report.name!r}, seed {report.seed}: VIOLATION {violation}")
    failing = sum(bool(report.violations) for report in reports)
    print(f"{len(reports)} scenarios: {failing} in which something did not hold; {seconds:.0f} s", flush=True)


def show(report: Report) -> None:
    """Print a schedule, what was sent, and what did not hold."""
    schedule = report.schedule
    others = f"{schedule.strangers} strangers, {schedule.bystanders} bystanders"
    print(f"\nseed {schedule.seed}: {schedule.credentials}, {schedule.settings}, {others}")
    for number, step in enumerate(schedule.steps):
        print(f"  step {number}: {step}")
    print("\n".join(report.log))
    for violation in report.violations:
        print(f"  VIOLATION {violation}")
    if report.violations:
        print(f"  replay it: make faults SEED={schedule.seed}")


def show_kills(report: KillReport) -> None:
    """Print a round of kills, how far its processes got, and what did not hold."""
    print(f"\n{report.plan}")
    print("\n".join(report.log))
    for violation in report.violations:
        print(f"  VIOLATION {violation}")
    if report.violations:
        print(f"  replay it: make faults ARGS='--kill-seed {report.plan.seed}'")


def print_kills(reports: list[KillReport], seconds: float) -> None:
    """Print where processes were killed."""
    killed = collections.Counter((report.plan.term, where) for report in reports for where in report.killed)
    print(f"\n{'signal':8} {'where it met a process':26} {'number':>7}")
    for (term, where), number in sorted(killed.items()):
        print(f"{'SIGTERM' if term else 'SIGKILL':8} {where:26} {number:7}")
    failing = sum(bool(report.violations) for report in reports)
    print(f"\n{len(reports)} rounds of kills: {failing} in which something did not hold; {seconds:.0f} s", flush=True)


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
