"""Runs a schedule's steps as Airflow would, with tries, deferral and restarts, and has each of them checked."""

from __future__ import annotations

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
from airflow_provider_dataworks.operators.node import RunNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.faults import checks
from tests.faults.fast_clock import clock_offset, group_name, overlong_pauses
from tests.faults.labels import PERMANENT_CODES
from tests.faults.rival import is_rival
from tests.faults.schedule import POLL_BESIDE_OTHERS, Schedule, Step
from tests.faults.stage import Stage
from tests.faults.task_log import kept_lines
from tests.faults.triggerer import Triggerer, WaitTooLongError
from tests.support.tasks import StateStore, make_context

TRIES = 3
START_TIMEOUT = 1.5
#: Every wait ends within this many seconds; one that does not, waits for what will not come.
TOO_LONG = 30.0
CONTENT = {"type": "job", "version": "2.0", "steps": []}


@dataclass
class Try:
    """How one try of a task ended.

    :param requests: the emulator's log of what was sent meanwhile, without what others sent.
    :param others: what was sent meanwhile by others.
    :param log: what the task logged.
    :param failed_after: whether execute succeeded, and what came after it failed.
    """

    began: float
    ended: float
    value: Any
    error: BaseException | None
    requests: list[dict[str, Any]]
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    others: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    failed_after: bool = False


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
    overlong_pauses.pop(group_name(), None)
    triggerer = Triggerer()
    try:
        for number, step in enumerate(schedule.steps):
            _Runner(stage, triggerer, schedule, step, number, report).run()
    finally:
        triggerer.stop()
    return report


class _Runner:
    def __init__(
        self, stage: Stage, triggerer: Triggerer, schedule: Schedule, step: Step, number: int, report: Report
    ) -> None:
        self.stage = stage
        self.triggerer = triggerer
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
            "contested start": self._contested_start,
            "start by hook": self._start_by_hook,
            "unreadable neighbour": self._sense_beside_unreadable,
            "refused after deferral": self._refused_after_deferral,
            "run node": self._run_node,
        }[step.kind]
        self._let_bystanders_wait()
        self.triggerer.set_clock(step.clocks[-1])
        with self._disturbed():
            run()
        self._check_silence()
        requests = emulator.requests(since=first)
        self._check_bystanders(requests)
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
            self.stage.interference.clear()

    def _let_bystanders_wait(self) -> None:
        """Have sensors of earlier and later steps wait in the triggerer, at the poller that this step's share."""
        triggers = []
        for di_job_id in self.stage.bystanders if self.number == 0 else ():
            sensor = DIJobStatusSensor(
                task_id="bystander",
                di_job_id=di_job_id,
                poke_interval=POLL_BESIDE_OTHERS,
                deferrable=True,
                max_poll_failures=1000,
                dataworks_conn_id=self.stage.conn_id,
            )
            triggers.append(_deferred(sensor))
        self.triggerer.stay(triggers)
        if triggers:
            # The poller knows of the time before the first step too.
            time.sleep(1.2 * POLL_BESIDE_OTHERS)

    def _check_bystanders(self, requests: list[dict[str, Any]]) -> None:
        """The jobs of those that wait all the time run on: only a fault may end such a wait, and only as an error."""
        faults = any(entry["fault"] for entry in requests) or self.step.rotate_after is not None
        if self.number > 0:
            # An answer of the step before may have ended a wait just now, and a token that ended then may end it now.
            before = self.schedule.steps[self.number - 1]
            faults = faults or bool(before.faults) or before.rotate_after is not None
        for event in self.triggerer.fired_bystanders():
            kind = event.payload.get("kind") if isinstance(event.payload, dict) else type(event).__name__
            if kind != "error" or not faults:
                self._violated("bystander", f"the wait for a job that runs on ended: {event.payload}")

    def _check_silence(self) -> None:
        """Whatever a server asks for, nobody is silent for hours."""
        for seconds in overlong_pauses.pop(group_name(), ()):
            self._violated(self.step.kind, f"was going to pause for {seconds:.3g} s")

    def _violated(self, kind: str, text: str) -> None:
        self.report.violations.append(f"step {self.number} ({kind}): {text}")

    def _prepare(self) -> None:
        """What the step is about, before anything goes wrong."""
        emulator, step = self.stage.emulator, self.step
        self.jobs = [self.stage.add_job(plan) for plan in step.jobs]
        if step.by_name:
            for job in self.jobs:
                emulator.set_job(job["DIJobId"], JobName=f"nightly of {job['DIJobId']}")
        if step.kind in ("sensor", "unreadable neighbour") and not step.started_by_operator:
            for job in self.jobs:
                self.stage.start(job["DIJobId"])
        if (plan := step.node) is not None:
            emulator.settings(list_lag_seconds=plan.lag, creation_seconds=0.05)
            self.node = emulator.add_node(
                NodeName=f"node {self.schedule.seed} {self.number}",
                outcome=plan.outcome,
                run_seconds=plan.run_seconds,
                rerun_times=plan.reruns,
                failing_runs=plan.reruns,
                rerun_seconds=0.2,
            )
        if step.kind in ("start realtime", "start solution"):
            solution = step.kind == "start solution"
            # A retry comes at once here, and nothing tells it of a start that does not show yet.
            fields: dict[str, Any] = {"start_lag_seconds": 0.1 if step.store and not step.fails_after else 0.0}
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
                task_id="create", task_name=name, task_content=CONTENT, dataworks_conn_id=self.stage.files_conn_id
            ),
            dict,
        )
        self._conclude(tries, checks.check_creation(self.stage, name, tries))

    def _create_by_hook(self) -> None:
        name = f"task {self.schedule.seed} {self.number}"
        hook = DataWorksHook(self.stage.files_conn_id)
        one = self._one_try(
            lambda: hook.create_di_sync_task(task_type="DI_OFFLINE", task_name=name, task_content=CONTENT), dict
        )
        hook.close()
        self._conclude([one], checks.check_creation(self.stage, name, [one]))

    def _start_job(self) -> None:
        (job,) = self.jobs
        tries = self._tries(lambda: self._starter(job, self.step.wait), lambda: self._job(job))
        self._conclude(tries, checks.check_job_start(self.step, self.step.jobs[0], job, tries))

    def _contested_start(self) -> None:
        """Start a job that somebody else starts and stops meanwhile."""
        (job,) = self.jobs
        since, di_job_id = self.stage.last_request(), job["DIJobId"]
        if self.step.race:
            self.stage.interference.before("StartDIJob", partial(self.stage.rival.act, "StartDIJob", di_job_id))
        with self.stage.rival.acting(self.step.rival, di_job_id):
            tries = self._tries(lambda: self._starter(job, self.step.wait), lambda: self._job(job))
        requests = self.stage.emulator.requests(since=since)
        self._conclude(tries, checks.check_contested_start(self.step, self.step.jobs[0], job, tries, requests))

    def _start_by_hook(self) -> None:
        (job,) = self.jobs
        hook = DataWorksHook(self.stage.conn_id)
        one = self._one_try(
            lambda: hook.start_di_job(di_job_id=job["DIJobId"], force_to_rerun=True), lambda: self._job(job)
        )
        hook.close()
        self._conclude([one], checks.check_start_by_hook(one), check_errors=False)

    def _refused_after_deferral(self) -> None:
        """Start a job whose workspace can be listed, but that itself may not be read any more once the task waits."""
        (job,) = self.jobs

        def refuse() -> None:
            self.stage.emulator.add_fault(
                "error", "GetDIJob", count=-1, status=403, code="Forbidden.Access", where=_of(job)
            )

        tries = self._tries(lambda: self._starter(job, wait=True), lambda: self._job(job), deferred=refuse)
        self._conclude(tries, checks.check_job_start(self.step, self.step.jobs[0], job, tries))

    def _sense_beside_unreadable(self) -> None:
        """Wait for two jobs, each on a page of its own, so that they are asked for one by one; one is unreadable."""
        hidden, job = self.jobs[0], self.stage.emulator.jobs()[0]
        plan = self.step.jobs[0]
        self.stage.emulator.set_job(job["DIJobId"], run_seconds=plan.run_seconds)
        self.stage.start(job["DIJobId"])
        self.jobs = [hidden, job]

        def hide() -> None:
            self.stage.emulator.add_fault("error", "GetDIJob", count=-1, where=_of(hidden))

        for number, ending in enumerate(self._sense_together(hide)):
            its = self.jobs[number]
            found = checks.check_sensor(plan, self._job(its), ending)
            if its is job and ending.error is not None:
                found.append(f"the wait for a job that can be read ended: {ending.error}")
            self._conclude([ending], found, check_errors=its is job)

    def _run_node(self) -> None:
        node_id, name = self.node["NodeId"], self.node["NodeName"]
        tries = self._tries(
            lambda: RunNodeOperator(
                task_id="run",
                node_id=None if self.step.by_name else node_id,
                node_name=name if self.step.by_name else None,
                bizdate="2024-11-20",
                wait_for_completion=self.step.wait,
                deferrable=self.step.deferred,
                poll_interval=self.step.poll_seconds,
                start_timeout=START_TIMEOUT,
                execution_timeout=self._limit(self.step.deferred),
                dataworks_conn_id=self.stage.conn_id,
            ),
            lambda: self._runs(node_id),
        )
        self._conclude(tries, checks.check_node_runs(self.step, tries))

    def _runs(self, node_id: int) -> dict[str, Any]:
        """The runs of a node with their instances, as they are now."""
        emulator = self.stage.emulator
        runs = [
            {**run, "instances": [emulator.node_instance(one) for one in run["instance_ids"]]}
            for run in emulator.node_runs(node_id)
        ]
        return {"runs": runs, "stops": emulator.node(node_id)["stops"]}

    def _starter(self, job: dict[str, Any], wait: bool) -> StartDIJobOperator:
        step = self.step
        return StartDIJobOperator(
            task_id="start",
            di_job_id=job["DIJobId"],
            wait_for_completion=wait,
            deferrable=step.deferred,
            poll_interval=step.poll_seconds,
            start_timeout=START_TIMEOUT,
            execution_timeout=self._limit(step.deferred),
            # A Full job that is Finished runs again by that only. It is also the mark of our own starts, by which
            # faults leave somebody else's alone.
            force_to_rerun=True,
            dataworks_conn_id=self.stage.conn_id,
        )

    def _limit(self, deferred: bool) -> timedelta | None:
        """execution_timeout; none where the triggerer's clock would make another moment of it than the worker's."""
        if deferred and self.step.clocks_differ:
            return None
        return timedelta(seconds=self.step.deadline or TOO_LONG)

    def _start_file(self) -> None:
        file = self.file
        tries = self._tries(
            lambda: StartDISyncInstanceOperator(
                task_id="start",
                file_id=file["FileId"],
                task_type=file["TaskType"],
                wait_for_completion=self.step.wait,
                deferrable=self.step.deferred,
                poll_interval=self.step.poll_seconds,
                start_timeout=START_TIMEOUT,
                execution_timeout=self._limit(self.step.deferred),
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
        by_name = self.step.by_name
        return DIJobStatusSensor(
            task_id="sense",
            di_job_id=None if by_name else job["DIJobId"],
            job_name=f"nightly of {job['DIJobId']}" if by_name else None,
            poke_interval=self.step.poll_seconds,
            timeout=TOO_LONG,
            execution_timeout=self._limit(self.step.deferred),
            deferrable=self.step.deferred,
            end_from_trigger=self.step.end_from_trigger,
            # One that cannot be read is still there when those that wait with it have been given up for its errors.
            max_poll_failures=15 if self.step.kind == "unreadable neighbour" and job is self.jobs[0] else 10,
            dataworks_conn_id=self.stage.conn_id,
        )

    def _sensor_alone(self, job: dict[str, Any]) -> Try:
        self._shift_pages_once(job)
        return self._one_try(lambda: self._execute(self._sensor(job), make_context()), lambda: self._job(job))

    def _shift_pages_once(self, job: dict[str, Any]) -> None:
        if self.step.shift:
            self.stage.interference.after("ListDIJobs", partial(self.stage.shift_pages, job["DIJobId"]))

    def _sense_together(self, waiting: Callable[[], None] = lambda: None) -> list[Try]:
        """All sensors of the step in one triggerer, where they share a poller.

        :param waiting: what happens once they have deferred.
        """
        since, began = self.stage.last_request(), time.time()
        deferred: dict[int, TaskDeferred] = {}
        endings: dict[int, tuple[Any, BaseException | None, float]] = {}
        for number, job in enumerate(self.jobs):
            self._shift_pages_once(job)
            value, error, ended = _ended(partial(self._sensor(job).execute, make_context()))
            if isinstance(error, TaskDeferred):
                deferred[number] = error
            else:
                endings[number] = (value, error, ended)
        waiting()
        events = self._events([one.trigger for one in deferred.values()])
        for (number, deferral), event in zip(deferred.items(), events, strict=True):
            endings[number] = _ended(partial(_resume, self._sensor(self.jobs[number]), deferral, event))
        requests = [one for one in self.stage.emulator.requests(since=since) if not is_rival(one)]
        self.report.tries += len(endings)
        return [
            Try(began, ended, value, error, requests, after=self._job(self.jobs[number]))
            for number, (value, error, ended) in sorted(endings.items())
        ]

    # Tries

    def _tries(
        self,
        make_task: Callable[[], Any],
        look: Callable[[], dict[str, Any]],
        deferred: Callable[[], None] | None = None,
    ) -> list[Try]:
        """Try as Airflow does: again, unless it succeeded or the exception says that it makes no sense.

        :param deferred: what happens once the task waits in the triggerer.
        """
        store = StateStore() if self.step.store else None
        tries: list[Try] = []
        while len(tries) < TRIES:
            offset = self.step.clocks[len(tries)]
            context = make_context(
                try_number=len(tries) + 1,
                max_tries=TRIES - 1,
                store=store,
                run_id=f"run_{self.schedule.seed}_{self.number}",
                start_date=datetime.now(timezone.utc) + timedelta(seconds=offset),
            )
            token = clock_offset.set(offset)
            try:
                one = self._one_try(partial(self._execute_new, make_task, context, deferred), look)
            finally:
                clock_offset.reset(token)
            tries.append(one)
            # The XCom cannot be pushed, post_execute fails, or nobody learns of the success.
            one.failed_after = one.error is None and len(tries) <= self.step.fails_after
            if (one.error is None and not one.failed_after) or isinstance(one.error, AirflowFailException):
                break
        return tries

    def _one_try(self, run: Callable[[], Any], look: Callable[[], dict[str, Any]]) -> Try:
        began = time.time()
        since, before = self.stage.last_request(), look()
        with kept_lines() as log:
            value, error, ended = _ended(run)
        requests = self.stage.emulator.requests(since=since)
        self.report.tries += 1
        others = [entry for entry in requests if is_rival(entry)]
        ours = [entry for entry in requests if not is_rival(entry)]
        return Try(began, ended, value, error, ours, before, look(), others, log)

    def _execute_new(self, make_task: Callable[[], Any], context: Any, deferred: Callable[[], None] | None) -> Any:
        return self._execute(make_task(), context, deferred)

    def _execute(self, task: Any, context: Any, deferred: Callable[[], None] | None = None) -> Any:
        try:
            return task.execute(context)
        except TaskDeferred as deferral:
            if deferred is not None:
                deferred()
            (event,) = self._events([deferral.trigger])
            return _resume(task, deferral, event, context)

    def _events(self, triggers: list[Any]) -> list[TriggerEvent | WaitTooLongError]:
        return self.triggerer.wait_for(triggers, self.step.restart_after, TOO_LONG + 5)

    def _job(self, job: dict[str, Any]) -> dict[str, Any]:
        return self.stage.emulator.job(job["DIJobId"])

    def _conclude(
        self, tries: list[Try], found: list[str], kind: str | None = None, *, check_errors: bool = True
    ) -> None:
        for one in tries:
            if check_errors:
                found += checks.check_error(self.stage, self.schedule, self.step, one)
            if one.ended - one.began > TOO_LONG + 15:
                found.append(f"a try took {one.ended - one.began:.0f} s")
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


def _of(job: dict[str, Any]) -> dict[str, str]:
    """What the requests about one job have."""
    return {"DIJobId": str(job["DIJobId"])}


def _deferred(sensor: DIJobStatusSensor) -> BaseTrigger:
    """The trigger of a sensor whose job runs; on a machine that is busy elsewhere, its look may fail."""
    for _ in range(5):
        _, error, _ = _ended(partial(sensor.execute, make_context()))
        if isinstance(error, TaskDeferred):
            trigger: BaseTrigger = error.trigger
            return trigger
    raise AssertionError("a sensor of a job that runs does not defer")


def _resume(task: Any, deferral: TaskDeferred, event: TriggerEvent | WaitTooLongError, context: Any = None) -> Any:
    if isinstance(event, WaitTooLongError):
        raise event
    if isinstance(event, TaskSuccessEvent):
        return (event.xcoms or {})["return_value"]
    if isinstance(event, TaskFailedEvent):
        raise TriggerEndedTheTask("the trigger failed the task")
    return task.resume_execution(deferral.method_name, {"event": event.payload}, context or make_context())


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
