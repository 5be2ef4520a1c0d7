"""One run of a DAG as the tests look at it, and the ticks in the emulator's request log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.airflow_api import FINISHED_RUN, TaskInstance
from tests.support.airflow_local import LocalAirflow
from tests.support.processes import wait_until

CONNECTION = "dataworks_e2e"
#: A generous limit for anything that takes Airflow some seconds; seconds.
LONG = 180.0

#: What the fixture ``begin`` gives.
Begin = Callable[[str, str, Sequence[Mapping[str, Any]]], "Run"]

#: A text in a task's log, and what to do once it is there.
Step = tuple[str, Callable[[], object]]


class Run:
    """A run of one of the tests' DAGs, whose mapped tasks are the entries of ``tasks``."""

    def __init__(self, airflow: LocalAirflow, dag_id: str, task_id: str, tasks: Sequence[Mapping[str, Any]]) -> None:
        self.airflow = airflow
        self.dag_id = dag_id
        self.task_id = task_id
        self.run_id = airflow.trigger(dag_id, {"tasks": [dict(one) for one in tasks]})
        self.size = len(tasks)
        self._arguments = tasks

    def tasks(self) -> dict[int, TaskInstance]:
        """The mapped task instances by map index."""
        found = self.airflow.api.task_instances(self.dag_id, self.run_id)
        return {one.map_index: one for one in found if one.task_id == self.task_id and one.map_index >= 0}

    def task(self, index: int) -> TaskInstance:
        return self.tasks()[index]

    def states(self) -> Counter[str | None]:
        """How many mapped tasks are in each state."""
        return Counter(one.state for one in self.tasks().values())

    def wait_for_all(self, state: str, timeout: float = LONG) -> None:
        """Wait until every mapped task is in this state."""
        assert wait_until(lambda: self.states() == {state: self.size}, timeout, pause=1), self.story()

    def wait_for(self, index: int, *states: str, timeout: float = LONG) -> TaskInstance:
        """Wait until one mapped task is in one of these states."""

        def there() -> bool:
            tasks = self.tasks()
            return index in tasks and tasks[index].state in states

        assert wait_until(there, timeout, pause=0.5), f"not {states}: {self.story()}"
        return self.task(index)

    def wait_until_ended(self, timeout: float = LONG) -> dict[int, TaskInstance]:
        """Wait until the run has ended; returns its mapped tasks."""
        self.airflow.api.wait(self.dag_id, self.run_id, timeout=timeout)
        return self.tasks()

    def wait_for_log(self, index: int, text: str, timeout: float = LONG) -> None:
        """Wait until the log of a task's latest try has this text."""
        assert wait_until(lambda: text in self.log(index), timeout, pause=0.5), f"no {text!r} in:\n{self.log(index)}"

    def play(self, script: Mapping[int, Sequence[Step]], timeout: float = 2 * LONG) -> None:
        """Act on what is logged where the tasks wait: of each task the next step, as soon as its text is there."""
        ahead = {index: list(steps) for index, steps in script.items()}

        def all_done() -> bool:
            for index, steps in ahead.items():
                while steps and steps[0][0] in self.waiting_log(index):
                    steps.pop(0)[1]()
            return not any(ahead.values())

        assert wait_until(all_done, timeout, pause=0.5), f"not logged: {ahead}\n{self.story()}"

    def log(self, index: int, try_number: int | None = None) -> str:
        """The log of one try, by default the latest."""
        tasks = self.tasks()
        number = try_number or max(tasks[index].try_number if index in tasks else 1, 1)
        return self.airflow.log(self.dag_id, self.run_id, self.task_id, number, index)

    def waiting_log(self, index: int, try_number: int = 1) -> str:
        """
        What is logged where a task waits: by its trigger if it is deferrable, by the worker otherwise.

        A trigger that has polled is also a task that Airflow has quite put aside. What resumes before that, within a
        second or two of its deferral, Airflow takes for killed: the executor's word that the first part has ended
        then meets a task that is queued again.
        """
        files = self.airflow.log_files(self.dag_id, self.run_id, self.task_id, try_number, index)
        deferrable = bool(self._arguments[index].get("deferrable"))
        return "\n".join(file.read_text() for file in files if (".trigger." in file.name) is deferrable)

    def wait_until_waiting(self, index: int, try_number: int = 1) -> None:
        """Wait until a task, in the worker or in its trigger, waits for a job that runs."""
        eventually(
            lambda: "is Running" in self.waiting_log(index, try_number),
            f"{self.task_id}[{index}] waits\n{self.story()}",
        )

    def abandon(self) -> None:
        """End what has not ended, so that it does not disturb the next test."""
        if self.airflow.api.run_state(self.dag_id, self.run_id) not in FINISHED_RUN:
            self.airflow.api.set_run_state(self.dag_id, self.run_id, "failed")

    def story(self) -> str:
        """States and logs, for a test that failed."""
        logs = [
            f"--- {self.task_id}[{index}] {one.state} (try {one.try_number})\n{self.log(index)[-3000:]}"
            for index, one in self.tasks().items()
            if one.state in ("failed", "up_for_retry", "running")
        ]
        return "\n".join([f"{dict(self.states())} of {self.size}", *logs[:5]])


class Ticks:
    """The poller's requests about one workspace since a moment, tick by tick.

    Only for jobs whose id begins with their workspace's, as :func:`job_id` makes them.

    :param control: the emulator.
    :param project_id: the workspace.
    :param since: the request log's seq to begin after.
    """

    def __init__(self, control: EmulatorControl, project_id: int, since: int) -> None:
        entries = [entry for entry in control.requests(since=since) if project_of(entry) == project_id]
        self.ticks: list[list[str]] = []
        last = 0.0
        for entry in entries:
            # The interval is 5 s, and what a tick asks, it asks within a second or so.
            if not self.ticks or entry["time"] - last > 2.5:
                self.ticks.append([])
            self.ticks[-1].append(entry["action"])
            last = entry["time"]


def job_id(project_id: int, number: int) -> int:
    """The id that the tests give the nth job of a workspace."""
    return project_id * 1000 + number


def project_of(entry: Mapping[str, Any]) -> int | None:
    """The workspace that a request is about."""
    given = {**entry["query"], **entry["form"]}
    if "ProjectId" in given:
        return int(given["ProjectId"])
    return int(given["DIJobId"]) // 1000 if "DIJobId" in given else None


def last_seq(control: EmulatorControl) -> int:
    """The seq of the last request that the emulator got."""
    entries = control.requests()
    return int(entries[-1]["seq"]) if entries else 0


def eventually(condition: Callable[[], bool], what: str, timeout: float = LONG) -> None:
    """Wait for something outside Airflow."""
    assert wait_until(condition, timeout, pause=0.3), f"not within {timeout:.0f} s: {what}"


def ended_at(instance: TaskInstance) -> float:
    """When a task instance ended, Unix time."""
    return datetime.fromisoformat(str(instance.raw["end_date"]).replace("Z", "+00:00")).timestamp()
