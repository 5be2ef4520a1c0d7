"""Runs a schedule's steps as Airflow would, with tries, deferral and restarts, and has each of them checked."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred
from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSuccessEvent, TriggerEvent

from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.faults import checks
from tests.faults.schedule import PERMANENT_CODES, Schedule, Step
from tests.faults.stage import Stage
from tests.support.tasks import StateStore, first_event, make_context, rebuilt

TRIES = 3
POLL_SECONDS = 0.05
START_TIMEOUT = 1.5
#: Every wait ends within this many seconds; one that does not, waits for what will not come.
TOO_LONG = 60.0
CONTENT = {"type": "job", "version": "2.0", "steps": []}


@dataclass
class Try:
    """How one try of a task ended.

    :param requests: the emulator's log of what was sent meanwhile.
    """

    began: float
    ended: float
    value: Any
    error: BaseException | None
    requests: list[dict[str, Any]]
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass
class Report:
    """What came of a schedule."""

    schedule: Schedule
    violations: list[str] = field(default_factory=list)
    #: kind of step, how each of its tasks ended
    endings: list[tuple[str, str]] = field(default_factory=list)
    #: label of the fault, or ``STS token ended``, for each that met a request
    faults: list[str] = field(default_factory=list)
    tries: int = 0
    requests: int = 0
    log: list[str] = field(default_factory=list)


def run_schedule(stage: Stage, schedule: Schedule) -> Report:
    """Run a schedule from its beginning."""
    report = Report(schedule)
    stage.set_up(schedule)
    for number, step in enumerate(schedule.steps):
        _Runner(stage, schedule, step, number, report).run()
    return report


class _Runner:
    def __init__(self, stage: Stage, schedule: Schedule, step: Step, number: int, report: Report) -> None:
        self.stage = stage
        self.schedule = schedule
        self.step = step
        self.number = number
        self.report = report

    def run(self) -> None:
        step, emulator = self.step, self.stage.emulator
        first = self.stage.last_request()
        run = {
            "create": self._create,
            "create by hook": self._create_by_hook,
            "start job": self._start_job,
            "start realtime": self._start_file,
            "start solution": self._start_file,
            "sensor": self._sense,
        }[step.kind]
        with self._disturbed():
            run()
        requests = emulator.requests(since=first)
        self.report.requests += len(requests)
        self._count_faults(requests)
        for entry in requests:
            self.report.log.append(
                f"  {entry['seq']:4} {entry['action']} {entry['status']} {entry['code'] or ''} "
                f"{'effect ' if entry['effect'] else ''}{'fault ' + entry['fault'] if entry['fault'] else ''} "
                f"{entry['request_id']}"
            )

    @contextlib.contextmanager
    def _disturbed(self) -> Iterator[None]:
        """The time of a step, with its faults."""
        self._prepare()
        for fault in self.step.faults:
            self.stage.emulator.add_fault(
                fault.kind, fault.action, fault.count, fault.skip, fault.effect, **fault.params
            )
        rotation = None
        if self.step.rotate_after is not None:
            rotation = threading.Timer(self.step.rotate_after, self.stage.rotate_keys)
            rotation.start()
        try:
            yield
        finally:
            if rotation is not None:
                rotation.join()
                self.report.faults.append("STS token ended")
            self.stage.emulator.clear_faults()

    def _prepare(self) -> None:
        """What the step is about, before anything goes wrong."""
        emulator, step = self.stage.emulator, self.step
        self.jobs = [self.stage.add_job(plan) for plan in step.jobs]
        if step.kind == "sensor" and not step.started_by_operator:
            for job in self.jobs:
                self.stage.start(job["DIJobId"])
        if step.kind in ("start realtime", "start solution"):
            solution = step.kind == "start solution"
            fields: dict[str, Any] = {"start_lag_seconds": 0.1 if step.store else 0.0}
            if solution:
                fields |= {"TaskType": "DI_SOLUTION", "solution_outcome": step.outcome, "run_seconds": 0.3}
            else:
                # The API tells no runs of a real-time task apart: one that ends unseen would look as if it never began.
                wait_seconds = 0.1 if step.outcome == "RUN" else 1.5
                fields |= {"TaskType": "DI_REALTIME", "start_outcome": step.outcome, "wait_seconds": wait_seconds}
            self.file = emulator.add_file(**fields)

    def _count_faults(self, requests: list[dict[str, Any]]) -> None:
        """The kinds that were met, by the labels of this step."""
        labels: dict[str, list[str]] = {}
        for fault in self.step.faults:
            labels.setdefault(fault.kind, []).append(fault.label)
        for entry in requests:
            if entry["fault"]:
                names = labels.get(entry["fault"], [entry["fault"]])
                # Which of two faults of one kind it was is not in the log; an error's code tells them apart.
                self.report.faults.append(_label_of(entry, names))

    # Steps

    def _create(self) -> None:
        name = f"task {self.schedule.seed} {self.number}"
        tries = self._tries(
            lambda: CreateDISyncTaskOperator(
                task_id="create", task_name=name, task_content=CONTENT, dataworks_conn_id=self.stage.conn_id
            ),
            dict,
        )
        self._conclude(tries, checks.check_creation(self.stage, name, tries))

    def _create_by_hook(self) -> None:
        name = f"task {self.schedule.seed} {self.number}"
        hook = DataWorksHook(self.stage.conn_id)
        one = self._one_try(
            lambda: hook.create_di_sync_task(task_type="DI_OFFLINE", task_name=name, task_content=CONTENT), dict
        )
        hook.close()
        self._conclude([one], checks.check_creation(self.stage, name, [one]))

    def _start_job(self) -> None:
        (job,) = self.jobs
        tries = self._tries(lambda: self._starter(job, self.step.wait), lambda: self._job(job))
        self._conclude(tries, checks.check_job_start(self.step, self.step.jobs[0], job, tries))

    def _starter(self, job: dict[str, Any], wait: bool) -> StartDIJobOperator:
        step = self.step
        return StartDIJobOperator(
            task_id="start",
            di_job_id=job["DIJobId"],
            wait_for_completion=wait,
            deferrable=step.deferred,
            poll_interval=POLL_SECONDS,
            start_timeout=START_TIMEOUT,
            execution_timeout=timedelta(seconds=step.deadline or TOO_LONG),
            dataworks_conn_id=self.stage.conn_id,
        )

    def _start_file(self) -> None:
        file = self.file
        tries = self._tries(
            lambda: StartDISyncInstanceOperator(
                task_id="start",
                file_id=file["FileId"],
                task_type=file["TaskType"],
                wait_for_completion=self.step.wait,
                deferrable=self.step.deferred,
                poll_interval=POLL_SECONDS,
                start_timeout=START_TIMEOUT,
                execution_timeout=timedelta(seconds=TOO_LONG),
                dataworks_conn_id=self.stage.conn_id,
            ),
            lambda: self.stage.emulator.file(file["FileId"]),
        )
        self._conclude(tries, checks.check_file_start(self.step, file, tries))

    def _sense(self) -> None:
        if self.step.started_by_operator:
            (job,) = self.jobs
            tries = self._tries(lambda: self._starter(job, wait=False), lambda: self._job(job))
            found = checks.check_job_start(self.step, self.step.jobs[0], job, tries, waits=False)
            self._conclude(tries, found, "start job")
            if tries[-1].error is not None:
                return
        endings = self._sense_together() if self.step.deferred else [self._sensor_alone(job) for job in self.jobs]
        for plan, job, ending in zip(self.step.jobs, self.jobs, endings, strict=True):
            self._conclude([ending], checks.check_sensor(plan, self._job(job), ending))

    def _sensor(self, job: dict[str, Any]) -> DIJobStatusSensor:
        return DIJobStatusSensor(
            task_id="sense",
            di_job_id=job["DIJobId"],
            poke_interval=POLL_SECONDS,
            timeout=TOO_LONG,
            execution_timeout=timedelta(seconds=TOO_LONG),
            deferrable=self.step.deferred,
            end_from_trigger=self.step.end_from_trigger,
            dataworks_conn_id=self.stage.conn_id,
        )

    def _sensor_alone(self, job: dict[str, Any]) -> Try:
        return self._one_try(lambda: self._execute(self._sensor(job), make_context()), lambda: self._job(job))

    def _sense_together(self) -> list[Try]:
        """All sensors of the step in one triggerer, where they share a poller."""
        since, began = self.stage.last_request(), time.time()
        deferred: dict[int, TaskDeferred] = {}
        endings: dict[int, tuple[Any, BaseException | None, float]] = {}
        for number, job in enumerate(self.jobs):
            value, error, ended = _ended(partial(self._sensor(job).execute, make_context()))
            if isinstance(error, TaskDeferred):
                deferred[number] = error
            else:
                endings[number] = (value, error, ended)
        events = asyncio.run(_all_events([one.trigger for one in deferred.values()], self.step.restart_after))
        for (number, deferral), event in zip(deferred.items(), events, strict=True):
            endings[number] = _ended(partial(_resume, self._sensor(self.jobs[number]), deferral, event))
        requests = self.stage.emulator.requests(since=since)
        self.report.tries += len(endings)
        return [
            Try(began, ended, value, error, requests, after=self._job(self.jobs[number]))
            for number, (value, error, ended) in sorted(endings.items())
        ]

    # Tries

    def _tries(self, make_task: Callable[[], Any], look: Callable[[], dict[str, Any]]) -> list[Try]:
        """Try as Airflow does: again, unless it succeeded or the exception says that it makes no sense."""
        store = StateStore() if self.step.store else None
        tries: list[Try] = []
        while len(tries) < TRIES:
            context = make_context(
                try_number=len(tries) + 1,
                max_tries=TRIES - 1,
                store=store,
                run_id=f"run_{self.schedule.seed}_{self.number}",
                start_date=datetime.now(timezone.utc),
            )
            tries.append(self._one_try(partial(self._execute_new, make_task, context), look))
            if tries[-1].error is None or isinstance(tries[-1].error, AirflowFailException):
                break
        return tries

    def _one_try(self, run: Callable[[], Any], look: Callable[[], dict[str, Any]]) -> Try:
        began = time.time()
        since, before = self.stage.last_request(), look()
        value, error, ended = _ended(run)
        requests = self.stage.emulator.requests(since=since)
        self.report.tries += 1
        return Try(began, ended, value, error, requests, before, look())

    def _execute_new(self, make_task: Callable[[], Any], context: Any) -> Any:
        return self._execute(make_task(), context)

    def _execute(self, task: Any, context: Any) -> Any:
        try:
            return task.execute(context)
        except TaskDeferred as deferral:
            (event,) = asyncio.run(_all_events([deferral.trigger], self.step.restart_after))
            return _resume(task, deferral, event, context)

    def _job(self, job: dict[str, Any]) -> dict[str, Any]:
        return self.stage.emulator.job(job["DIJobId"])

    def _conclude(self, tries: list[Try], found: list[str], kind: str | None = None) -> None:
        for one in tries:
            found += checks.check_error(self.stage, self.schedule, self.step, one)
        kind = kind or self.step.kind
        last = tries[-1].error
        self.report.endings.append((kind, "success" if last is None else type(last).__name__))
        self.report.log.append(f"{kind}: " + "; ".join(str(one.error or f"-> {one.value}") for one in tries))
        self.report.violations += [f"step {self.number} ({kind}): {text}" for text in found]


class TriggerEndedTheTask(DataWorksJobError):
    """The trigger failed the task by itself, without an exception; the campaign's stand-in for one."""


def _ended(run: Callable[[], Any]) -> tuple[Any, BaseException | None, float]:
    try:
        return run(), None, time.time()
    except (Exception, TaskDeferred) as error:  # noqa: BLE001 - whatever it is, it is looked at
        return None, error, time.time()


def _resume(task: Any, deferral: TaskDeferred, event: TriggerEvent, context: Any = None) -> Any:
    if isinstance(event, TaskSuccessEvent):
        return (event.xcoms or {})["return_value"]
    if isinstance(event, TaskFailedEvent):
        raise TriggerEndedTheTask("the trigger failed the task")
    return task.resume_execution(deferral.method_name, {"event": event.payload}, context or make_context())


async def _all_events(triggers: list[BaseTrigger], restart_after: float | None) -> list[TriggerEvent]:
    """Run triggers in one loop to their events; those that have none when the triggerer is restarted, begin anew."""
    tasks = [asyncio.create_task(first_event(rebuilt(trigger))) for trigger in triggers]
    if restart_after is not None:
        await asyncio.wait(tasks, timeout=restart_after) if tasks else None
        for number, task in enumerate(tasks):
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
                tasks[number] = asyncio.create_task(first_event(rebuilt(triggers[number])))
    return list(await asyncio.gather(*tasks))


def _label_of(entry: dict[str, Any], names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    if entry["fault"] == "error":
        by_code = {"SignatureNonceUsed": "repeated nonce", "ServiceUnavailable": "503 unavailable"}
        if entry["code"] in by_code:
            return by_code[entry["code"]]
        if entry["code"] in PERMANENT_CODES:
            return "final refusal"
        return "5xx after" if entry["effect"] else next((name for name in names if name.startswith("5xx")), names[0])
    if entry["fault"] == "reset":
        return "reset after" if entry["effect"] else names[0]
    return names[0]
