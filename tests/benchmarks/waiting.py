"""What waiting costs: requests, memory, delay of the event loop, and how late the end of a job is seen.

* requests a tick of 1, 60, 250 and 1,000 waiters in 1 and in 10 workspaces, beside the fewest possible;
* with 10,000 waiters over 100 workspaces in one process: memory per waiter, lag of the event loop, and the time from
  a job's end to its trigger's event.

The emulator and the waiters are processes of their own; the connection has no ceiling of requests a second.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.benchmarks.measuring import Line, at_most, print_table
from tests.support.emulator_process import VARIABLE, EmulatorProcess, emulator_process

PROGRAM = Path(__file__).parent / "fresh" / "wait_many.py"
PAGE = 100

ROOMS = [(1, 1), (60, 1), (60, 10), (250, 1), (250, 10), (1000, 1), (1000, 10)]
#: A workspace holds more jobs than are waited for.
JOBS_IN_A_WORKSPACE = 250
SHORT_INTERVAL, SHORT_WATCH = 3.0, 10.0

CROWD, CROWD_WORKSPACES, CROWD_ENDS = 10_000, 100, 300
INTERVAL, WATCH = 10.0, 38.0


@dataclass
class Workspace:
    """A workspace and those of its jobs that are waited for."""

    project_id: int
    job_ids: list[int]
    watched: list[int]

    @classmethod
    def of(cls, project_id: int, jobs: int, waiters: int) -> Workspace:
        """A workspace of so many jobs, its waiters spread over them by chance."""
        job_ids = [project_id * 10_000 + number for number in range(jobs)]
        return cls(project_id, job_ids, random.Random(project_id).sample(job_ids, waiters))

    def add_to(self, control: EmulatorControl) -> None:
        control.add_jobs(
            {"DIJobId": job_id, "ProjectId": self.project_id, "JobName": f"job_{job_id}", "JobStatus": "Running"}
            for job_id in self.job_ids
        )

    @property
    def fewest(self) -> int:
        """The fewest requests that show all watched jobs: each page that has one is a request, or the job alone is."""
        return len({self.job_ids.index(job_id) // PAGE for job_id in self.watched})


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with emulator_process(folder / "1.log", "--read-qps", "0", "--log-level", "warning") as emulator:
            print_table("Requests a tick, of all waiters together", requests(emulator, folder))
        with emulator_process(folder / "2.log", "--read-qps", "0", "--log-level", "warning") as emulator:
            title = f"{CROWD:,} waiters in one process, {CROWD_WORKSPACES} workspaces, interval {INTERVAL:g} s"
            print_table(title, crowd(emulator, folder))


def requests(emulator: EmulatorProcess, folder: Path) -> list[Line]:
    """Count the requests a tick of each room."""
    rooms: list[list[Workspace]] = []
    for number, (waiters, workspaces) in enumerate(ROOMS, 1):
        each = waiters // workspaces
        jobs = max(JOBS_IN_A_WORKSPACE, each)
        rooms.append([Workspace.of(number * 1000 + one, jobs, each) for one in range(workspaces)])
    everywhere = [workspace for room in rooms for workspace in room]
    for workspace in everywhere:
        workspace.add_to(emulator.control)
    _wait_many(emulator, folder, everywhere, interval=SHORT_INTERVAL, seconds=SHORT_WATCH)
    ticks = _ticks(emulator.control, everywhere)
    if min(len(ticks[workspace.project_id]) for workspace in everywhere) < 3:
        log = (folder / "waits.log").read_text()[-3000:]
        sys.exit(f"A workspace was polled less than three times: polls failed, or the machine was too busy.\n{log}")
    lines = []
    for (waiters, workspaces), room in zip(ROOMS, rooms, strict=True):
        first = sum(ticks[workspace.project_id][0] for workspace in room)
        # The last tick may have been cut off by the end.
        most = sum(max(ticks[workspace.project_id][1:-1]) for workspace in room)
        fewest = sum(workspace.fewest for workspace in room)
        what = f"{waiters:>5,} in {workspaces:>2} workspace{'s' if workspaces > 1 else ' '}"
        lines.append(Line(what, f"{most} (the first: {first})", f"the fewest possible: {fewest}", most <= fewest))
    return lines


def _ticks(control: EmulatorControl, workspaces: list[Workspace]) -> dict[int, list[int]]:
    """The number of requests in each tick, by workspace: what a tick asks comes together."""
    owner = {job_id: workspace.project_id for workspace in workspaces for job_id in workspace.job_ids}
    moments: dict[int, list[float]] = defaultdict(list)
    for entry in control.requests():
        form = entry["form"]
        project_id = int(form["ProjectId"]) if "ProjectId" in form else owner.get(int(form["DIJobId"]), 0)
        moments[project_id].append(entry["time"])
    ticks: dict[int, list[int]] = {workspace.project_id: [] for workspace in workspaces}
    for project_id, times in moments.items():
        ticks[project_id] = [1]
        for earlier, later in pairwise(times):
            if later - earlier > SHORT_INTERVAL / 2:
                ticks[project_id].append(0)
            ticks[project_id][-1] += 1
    return ticks


def crowd(emulator: EmulatorProcess, folder: Path) -> list[Line]:
    """Measure a crowd of waiters, and as many triggers that wait for nothing."""
    each = CROWD // CROWD_WORKSPACES
    workspaces = [Workspace.of(1000 + number, each, each) for number in range(CROWD_WORKSPACES)]
    for workspace in workspaces:
        workspace.add_to(emulator.control)
    watched = [job_id for workspace in workspaces for job_id in workspace.watched]
    ends = random.Random(1).sample(watched, CROWD_ENDS)
    bare = _wait_many(emulator, folder, workspaces, bare=True, interval=1.0, seconds=5.0)
    ours = _wait_many(emulator, folder, workspaces, ends=ends, interval=INTERVAL, seconds=WATCH)
    lag, delays = ours["waiting"], sorted(ours["delays"])
    return [
        at_most("memory of ours a waiter, kB", (ours["bytes"] - bare["bytes"]) / 1000 / CROWD, 8.0, "{:.1f}"),
        Line("  with what any waiting trigger takes", f"{ours['bytes'] / 1000 / CROWD:.1f}"),
        at_most("event-loop lag, 99 of 100, ms", lag["p99"] * 1000, 100, "{:.0f}"),
        Line("  of it CPU time of the loop", f"{lag['cpu_p99'] * 1000:.0f}"),
        Line("  the worst, and CPU time in the worst", f"{lag['worst'] * 1000:.0f}, {lag['cpu_worst'] * 1000:.0f}"),
        Line("  while all enter: 99 of 100, the worst", _lag(ours["entering"])),
        Line("  of it CPU time of the loop", _cpu(ours["entering"])),
        Line("  the same with triggers that wait for nothing", _lag(bare["entering"])),
        Line("  of the empty loop: 99 of 100, the worst", _lag(ours["idle"])),
        at_most(f"from a job's end to the event, s, the latest of {len(delays)}", delays[-1], INTERVAL + 2, "{:.1f}"),
        Line("  the median", f"{statistics.median(delays):.1f}"),
        Line("CPU of the whole process, seconds a second", f"{ours['cpu_a_second']:.2f}"),
    ]


def _lag(figures: dict[str, float]) -> str:
    return f"{figures['p99'] * 1000:.0f}, {figures['worst'] * 1000:.0f}"


def _cpu(figures: dict[str, float]) -> str:
    return f"{figures['cpu_p99'] * 1000:.0f}, {figures['cpu_worst'] * 1000:.0f}"


def _wait_many(emulator: EmulatorProcess, folder: Path, workspaces: list[Workspace], **spec: Any) -> dict[str, Any]:
    """Run the program in which all of them wait."""
    connection = json.loads(emulator.connection)
    connection["extra"]["max_qps"] = 0
    control = emulator.control
    done = control.add_job(JobName="done", JobStatus="Finished")
    spec["watched"] = [(workspace.project_id, job_id) for workspace in workspaces for job_id in workspace.watched]
    spec["finished"] = (done["ProjectId"], done["DIJobId"])
    spec["url"] = control.url
    (folder / "spec.json").write_text(json.dumps(spec))
    env = {**os.environ, VARIABLE: json.dumps(connection), "AIRFLOW_HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, str(PROGRAM), str(folder / "spec.json"), str(folder / "figures.json")]
    with (folder / "waits.log").open("w") as log:
        ended = subprocess.run(command, env=env, stdout=log, stderr=subprocess.STDOUT, check=False)
    if ended.returncode:
        sys.exit((folder / "waits.log").read_text()[-5000:])
    figures: dict[str, Any] = json.loads((folder / "figures.json").read_text())
    return figures


if __name__ == "__main__":
    main()
