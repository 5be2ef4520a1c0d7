"""Rounds in which the processes of a task are killed at seeded milliseconds; the tries after that run elsewhere."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import select
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.faults.killed_task import AFTERWARDS, KilledNodeRun, KilledTask, Tell
from tests.faults.rival import KEY, Rival
from tests.faults.schedule import CLOCKS, OLD
from tests.support.emulator_process import emulator_process

CONN_ID = "faults_kills"
#: For how long a run of a node is in no list.
NODE_LAG = 0.25
#: Airflow ends a process that goes on for five seconds after SIGTERM.
ENDS_WITHIN = 6.0
#: A process that is not killed ends within this many seconds.
TOO_LONG = 30.0
#: What a log says of a job that may be running on although its task was killed.
NOT_STOPPED = (
    "could not be stopped",
    "may have started",
    "may start",
    "may yet start",
    "look after it",
    "may be running",
)


@dataclass(frozen=True)
class KillPlan:
    """A round; times in seconds.

    :param term: whether the first process gets SIGTERM, which ends the task; otherwise each gets SIGKILL.
    :param moments: when the first processes, one after the other, are killed: so long after they said a word.
    :param late: how much later than its request the start has its effect.
    :param clocks: by how much the clocks of the processes' machines are ahead.
    :param node: whether the task runs a node, and does not start a job.
    """

    seed: int
    term: bool
    moments: tuple[tuple[str, float], ...]
    status: str
    lag: float
    run_seconds: float
    wait: bool
    deferred: bool
    late: float
    clocks: tuple[float, ...]
    node: bool = False


@dataclass
class KillReport:
    """What came of a round.

    :param killed: where the processes were when they were killed.
    """

    plan: KillPlan
    violations: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)


def make_kill_plan(seed: int) -> KillPlan:
    """Make the round of a seed."""
    chance = random.Random(f"kill {seed}")
    term = seed % 5 == 4
    run_seconds, lag = chance.uniform(0.05, 0.3), chance.choice((0.0, 0.0, 0.2, 0.5))
    deferred = chance.random() < 0.3
    wait = chance.random() < 0.7
    late = chance.choice((0.0, 0.3, 0.8)) if term else 0.0
    spans = {
        "began": 0.2,
        "sending": 0.1 + lag + late + (run_seconds if wait else 0.0),
        "returned": AFTERWARDS,
    }
    words = ("sending",) if term else ("began", "sending", "sending", "returned")
    moments = tuple(
        (word, chance.uniform(0.0, spans[word]))
        for word in (chance.choice(words) for _ in range(1 if term else chance.choice((1, 1, 2))))
    )
    return KillPlan(
        seed,
        term,
        moments,
        status=chance.choice(("Initialized", "Finished", "Failed", *(("Running",) if term else ()))),
        lag=lag,
        run_seconds=60.0 if term else run_seconds,
        wait=wait,
        deferred=deferred,
        late=late,
        clocks=tuple(chance.choice(CLOCKS) for _ in range(8))
        if chance.random() < (0.8 if lag else 0.4)
        else (0.0,) * 8,
    )


def make_node_kill_plan(seed: int) -> KillPlan:
    """Make the round of a seed for a task that runs a node."""
    return replace(make_kill_plan(seed), status="Initialized", lag=NODE_LAG, node=True)


def run_kills(plans: Iterable[KillPlan], lanes: int) -> list[KillReport]:
    """Run rounds, several at a time; to be called while this process has one thread.

    :param lanes: how many rounds at a time.
    """
    plans = list(plans)
    fork = multiprocessing.get_context("fork")
    with _emulator() as url, tempfile.TemporaryDirectory(prefix="faults-kills-") as folder:
        running = []
        for lane in range(lanes):
            receiver, sender = fork.Pipe(duplex=False)
            work = fork.Process(target=_lane, args=(plans[lane::lanes], url, Path(folder), sender))
            work.start()
            sender.close()
            running.append((work, receiver))
        reports: list[KillReport] = []
        for work, receiver in running:
            reports += receiver.recv()
            work.join()
    return sorted(reports, key=lambda report: report.plan.seed)


@contextmanager
def _emulator() -> Iterator[str]:
    """An emulator in a process of its own, and the connection that leads to it."""
    with (
        tempfile.TemporaryDirectory(prefix="faults-emulator-") as folder,
        emulator_process(Path(folder) / "emulator.log", "--log-level", "error") as emulator,
    ):
        control = emulator.control
        control.settings(read_qps=0, write_qps=0, stop_seconds=0.1, sts=[KEY], list_lag_seconds=NODE_LAG)
        extra = {**control.connection["extra"], "max_qps": 0, "read_timeout": 5, "connect_timeout": 5}
        os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = json.dumps({**control.connection, "extra": extra})
        yield control.url


def _lane(plans: list[KillPlan], url: str, folder: Path, results: Connection) -> None:
    kinds = {False: _Round, True: _NodeRound}
    results.send([kinds[plan.node](plan, EmulatorControl(url), folder).run() for plan in plans])


class _Round:
    def __init__(self, plan: KillPlan, emulator: EmulatorControl, folder: Path) -> None:
        self.plan = plan
        self.emulator = emulator
        self.report = KillReport(plan)
        self._set_up(folder)

    def _set_up(self, folder: Path) -> None:
        plan, emulator = self.plan, self.emulator
        running = plan.status == "Running"
        self.job = emulator.add_job(
            MigrationType="Full",
            JobStatus="Initialized" if running else plan.status,
            StartedTime=None if plan.status in ("Initialized", "Running") else OLD,
            run_seconds=plan.run_seconds,
            start_lag_seconds=0 if running else plan.lag,
        )
        di_job_id = self.job["DIJobId"]
        if running:
            Rival(emulator.url).act("StartDIJob", di_job_id)
        if plan.late:
            emulator.add_fault("late", "StartDIJob", seconds=plan.late, where={"DIJobId": str(di_job_id)})
        store = folder / f"{di_job_id}.json"
        self.task = KilledTask(CONN_ID, emulator.url, di_job_id, store, plan.wait, plan.deferred, poll_seconds=0.05)

    def run(self) -> KillReport:
        try:
            self._end_by_term() if self.plan.term else self._survive_kills()
        except Exception:  # noqa: BLE001 - one round that breaks must not end the others
            self.report.violations.append(f"the round itself failed: {traceback.format_exc()}")
        return self.report

    def _survive_kills(self) -> None:
        """Kill processes, then let one run to its end: one start in all, and it is the task's success."""
        try_number, deferral, last = 1, None, {"word": "none"}
        for number, clock in enumerate(self.plan.clocks):
            moment = self.plan.moments[number] if number < len(self.plan.moments) else None
            work = self._part(try_number, clock, deferral)
            words = self._process(work, moment, signal.SIGKILL)
            said = [message["word"] for message in words]
            last = words[-1] if words else {"word": "nothing"}
            if last["word"] == "value":
                break
            if last["word"] == "deferred":
                deferral = last
            elif deferral is None or "fired" in said:
                # A worker has died: the next try. A triggerer that dies costs none.
                try_number, deferral = try_number + 1, None
            if last["word"] == "error" or (moment is None and last["word"] != "deferred"):
                break
        self._check(last)

    def _check(self, last: dict[str, Any]) -> None:
        job, found = self.emulator.job(self.task.di_job_id), self.report.violations
        if last["word"] != "value":
            found.append(f"the last try ended with {last}")
        elif last["value"] != self.task.di_job_id:
            found.append(f"returned {last['value']!r}")
        if job["starts"] != 1:
            found.append(f"{job['starts']} starts")
        if len(job["start_requests"]) > 1:
            found.append(f"{len(job['start_requests'])} start requests were accepted")

    def _part(self, try_number: int, clock: float, deferral: dict[str, Any] | None) -> Callable[[Tell], None]:
        if deferral is None:
            return lambda tell: self.task.execute(tell, try_number, clock)
        return lambda tell: self.task.wait_and_resume(tell, try_number, clock, deferral)

    def _end_by_term(self) -> None:
        """End a try by SIGTERM: it ends in time, and what it started is stopped, or said to be running on."""
        words = self._process(self._part(1, self.plan.clocks[0], None), self.plan.moments[0], signal.SIGTERM)
        time.sleep(self.plan.late + 0.3)
        starts, stops = self._counts()
        log = next((message["log"] for message in words if message["word"] == "killed"), None)
        foreign = self.plan.status == "Running"
        if foreign and (stops or starts != 1):
            self.report.violations.append("a run that somebody else started was stopped, or started again")
        runs_on = log is not None and not foreign and starts and not stops
        if runs_on and not any(phrase in line for line in log or () for phrase in NOT_STOPPED):
            self.report.violations.append(f"its job runs on, and nothing says so: {log}")

    def _process(
        self, work: Callable[[Tell], None], moment: tuple[str, float] | None, number: signal.Signals
    ) -> list[dict[str, Any]]:
        """Run a part of the task in a process of its own; kill it at a moment.

        :return: what it said.
        """
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _run_as_child(work, writer)
        os.close(writer)
        words = _Words(reader)
        try:
            if moment is not None:
                words.read_until(TOO_LONG, lambda: words.have(moment[0]))
                words.read_until(moment[1], lambda: False)
                if not words.ended:
                    self.report.killed.append(self._where(words))
                    os.kill(pid, number)
            limit = ENDS_WITHIN if moment is not None else TOO_LONG
            words.read_until(limit, lambda: False)
            if not words.ended:
                self.report.violations.append(f"a process went on for longer than {limit:.0f} s")
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(reader)
        when = f"killed {moment[1]:.3f} s after {moment[0]}" if moment is not None else "not killed"
        told = [{name: value for name, value in message.items() if name != "arguments"} for message in words.said]
        self.report.log.append(f"  {when}: {told}")
        return words.said

    def _where(self, words: _Words) -> str:
        if any(message["word"] in ("returned", "value", "error") for message in words.said):
            return "after execute"
        if any(message["word"] in ("deferred", "fired") for message in words.said):
            return "deferred"
        started = self._counts()[0] > (self.plan.status == "Running")
        return "after the start" if started else "before the start"

    def _counts(self) -> tuple[int, int]:
        """How often the job was started and stopped."""
        job = self.emulator.job(self.task.di_job_id)
        return job["starts"], job["stops"]


class _NodeRound(_Round):
    def _set_up(self, folder: Path) -> None:
        plan, emulator = self.plan, self.emulator
        node_id = emulator.add_node(run_seconds=plan.run_seconds)["NodeId"]
        if plan.late:
            emulator.add_fault("late", "RunCycleDagNodes", seconds=plan.late, where={"RootNodeId": str(node_id)})
        self.task = KilledNodeRun(
            CONN_ID, emulator.url, node_id, folder / f"{node_id}.json", plan.wait, plan.deferred, poll_seconds=0.05
        )

    def _check(self, last: dict[str, Any]) -> None:
        runs, found = self.emulator.node_runs(self.task.di_job_id), self.report.violations
        if last["word"] != "value":
            found.append(f"the last try ended with {last}")
        elif [last["value"]] not in [run["instance_ids"] for run in runs]:
            found.append(f"returned {last['value']!r}")
        if len(runs) != 1:
            found.append(f"{len(runs)} runs")

    def _counts(self) -> tuple[int, int]:
        node = self.emulator.node(self.task.di_job_id)
        return node["runs"], node["stops"]


class _Words:
    """What a process says through a pipe."""

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self._rest = b""
        self.said: list[dict[str, Any]] = []
        self.ended = False

    def have(self, word: str) -> bool:
        """Whether the process has said a word."""
        return any(message["word"] == word for message in self.said)

    def read_until(self, seconds: float, enough: Callable[[], bool]) -> None:
        """Read for so long, or until it is enough, or the process has ended."""
        ends = time.monotonic() + seconds
        while not self.ended and not enough():
            left = ends - time.monotonic()
            if left <= 0 or not select.select([self._reader], [], [], left)[0]:
                return
            chunk = os.read(self._reader, 65536)
            self.ended = not chunk
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            self.said += [json.loads(line) for line in lines]


def _run_as_child(work: Callable[[Tell], None], writer: int) -> None:
    def tell(word: str, **more: Any) -> None:
        os.write(writer, json.dumps({"word": word, **more}).encode() + b"\n")

    try:
        work(tell)
    except BaseException:  # noqa: BLE001 - there is nobody above
        tell("error", text=traceback.format_exc())
    finally:
        os._exit(0)
