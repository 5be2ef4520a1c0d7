"""Instances of nodes: one execution of a node for a business date, within a run."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection
from datetime import date, tzinfo
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.node_logs import Attempt
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources.nodes import (
    FAILURE,
    NODES,
    NORMAL,
    PAUSE,
    PROD,
    SUCCESS,
    Node,
)
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import Settings, non_negative_int, one_of, optional, seconds

#: The statuses of an instance: as 2020-05-18 and as 2024-05-18 spell them.
STATUSES = {
    "NOT_RUN": "NotRun",
    "WAIT_TIME": "WaitTime",
    "WAIT_RESOURCE": "WaitResource",
    "RUNNING": "Running",
    "FAILURE": "Failure",
    "SUCCESS": "Success",
    "CHECKING": "Checking",
    "CHECKING_CONDITION": "CheckingCondition",
    "WAIT_TRIGGER": "WaitTrigger",
}
NOT_RUN, WAIT_TIME, WAIT_RESOURCE, RUNNING = tuple(STATUSES)[:4]
CHECKING, WAIT_TRIGGER = "CHECKING", "WAIT_TRIGGER"
ENDED = (SUCCESS, FAILURE)
STOPPABLE = (WAIT_TIME, WAIT_RESOURCE, RUNNING, CHECKING)
#: TaskType of 2020-05-18: its number, and the TriggerRecurrence of 2024-05-18.
TASK_TYPES = {
    "NORMAL": (0, "Normal"),
    "MANUAL": (1, "Manual"),
    "PAUSE": (2, "Pause"),
    "SKIP": (3, "Skip"),
    "SKIP_UNCHOOSE": (4, "SkipUnchoose"),
    "SKIP_CYCLE": (5, "SkipCycle"),
    "CONDITION_UNCHOOSE": (6, "ConditionUnchoose"),
    "REALTIME_DEPRECATED": (7, "RealtimeDeprecated"),
    "PAUSE_CALENDAR": (8, "PauseCalendar"),
    "SKIP_CALENDAR": (9, "SkipCalendar"),
}
FAILING_TYPES = (PAUSE, "PAUSE_CALENDAR")
WORKING_TYPES = (NORMAL, "MANUAL")
#: DagType of 2020-05-18, and the type of a workflow instance of 2024-05-18.
DAILY = "DAILY"
RUN_TYPES = {
    DAILY: "Normal",
    "MANUAL": "Manual",
    "SMOKE_TEST": "SmokeTest",
    "SUPPLY_DATA": "SupplementData",
}


@dataclasses.dataclass
class NodeInstance:
    """
    One instance. Call :meth:`advance` before reading anything of it.

    :param node: its node; set before it is used.
    :param run_id: the run that it belongs to: a DAG in 2020-05-18, a workflow instance in 2024-05-18.
    :param run_type: the type of that run.
    :param environment: ``PROD`` or ``DEV``.
    :param bizdate: its business date, ``yyyy-MM-dd``.
    :param cycle_time: when it is due, in Unix seconds.
    :param period_number: which of the node's instances of this date it is, from 1 on.
    :param task_type: ``NORMAL``, or a type with which it ends without work.
    :param status: its status, as 2020-05-18 spells it.
    :param parameters: the parameters it runs with.
    :param run_number: number of the attempt that is shown.
    :param rerun_left: TaskRerunTime; None if the node is not rerun automatically.
    :param log_text: its log, instead of the one that is written.
    :param shown_after_seconds: with the control endpoint: how long after it is added it comes to exist.
    :param stopped: whether a call stopped it.
    """

    instance_id: int
    project_id: int
    node_id: int
    run_id: int = 0
    run_type: str = DAILY
    environment: str = PROD
    bizdate: str = ""
    cycle_time: float | None = None
    period_number: int = 1
    task_type: str = ""
    status: str | None = None
    parameters: str | None = None
    run_number: int = 1
    rerun_left: int | None = None
    log_text: str | None = None
    shown_after_seconds: float = 0.0
    stopped: bool = False
    created_time: float = 0.0
    waiting_since: float | None = None
    resource_since: float | None = None
    started_time: float | None = None
    finished_time: float | None = None
    modified_time: float = 0.0
    operation: str = ""
    triggered: bool = False
    suspended: bool = False
    exists_from: float = 0.0
    listed_from: float = 0.0
    attempts: list[Attempt] = dataclasses.field(default_factory=list, repr=False)
    node: Node = dataclasses.field(default=None, repr=False)  # type: ignore[assignment]
    zone: tzinfo | None = dataclasses.field(default=None, repr=False)
    #: Starts it once something else has ended; returns whether it did.
    hold: Callable[[NodeInstance, float], bool] | None = dataclasses.field(default=None, repr=False)
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        if self.hold is not None and self.hold(self, now):
            self.hold = None
        self.timeline.apply(self, now)

    @property
    def day(self) -> date:
        """Its business date."""
        return date.fromisoformat(self.bizdate)

    @property
    def awaits_rerun(self) -> bool:
        """Whether it has failed and will be rerun automatically."""
        return self.status == FAILURE and self.timeline.awaits("status", RUNNING)

    @property
    def dry(self) -> bool:
        """Whether it ends without any work."""
        return self.task_type not in WORKING_TYPES

    def finished_at(self) -> float:
        """Return when it ended, in monotonic seconds."""
        return monotonic() - (unix_time() - (self.finished_time or unix_time()))

    def plan(self, settings: Settings, at: float, *, immediately: bool) -> None:
        """
        Plan everything that will happen to it.

        :param at: from when on it may run, in monotonic seconds; it can be in the past.
        :param immediately: whether it does not wait until it is due.
        """
        offset = unix_time() - monotonic()
        due = (self.cycle_time or 0.0) - offset
        self.timeline.clear()
        ready = at
        if due > at and not immediately:
            self.timeline.schedule(at, status=WAIT_TIME, waiting_since=at + offset, modified_time=at + offset)
            ready = due
        if self.node.is_trigger and self.run_type == DAILY and not self.triggered:
            self.timeline.schedule(ready, status=WAIT_TRIGGER, modified_time=ready + offset)
        else:
            self._plan_work(settings, ready, offset, first=1)

    def trigger(self, settings: Settings, now: float) -> bool:
        """
        Fire an instance of a trigger node.

        :return: whether it was not fired before.
        """
        if self.triggered:
            return False
        self.triggered = True
        if self.status == WAIT_TRIGGER:
            self.timeline.clear()
            self._plan_work(settings, now, unix_time() - monotonic(), first=1)
        else:
            self.plan(settings, now, immediately=False)
        self.advance(now)
        return True

    def rerun(self, settings: Settings, now: float) -> bool:
        """Run it once more, and return whether it had ended."""
        if self.status not in ENDED:
            return False
        self._halt(now)
        self.operation = "Rerun"
        self.stopped = False
        self._plan_work(settings, now, unix_time() - monotonic(), first=self.run_number + 1)
        self.advance(now)
        return True

    def stop(self, settings: Settings, now: float) -> bool:
        """Stop it, and return whether it was in a status in which it can be."""
        if self.status not in STOPPABLE or self.stopped:
            return False
        ends = now + settings.stop_seconds
        self._halt(ends, now)
        self.hold = None
        self.stopped = True
        self.operation = "Stop"
        wall = unix_time() + settings.stop_seconds
        self.timeline.schedule(ends, status=FAILURE, finished_time=wall, modified_time=wall, rerun_left=self._spent())
        self.node.stops += 1
        self.advance(now)
        return True

    def set_success(self, now: float) -> bool:
        """Set a failed one to successful, and return whether it had failed."""
        if self.status not in (FAILURE, CHECKING):
            return False
        self.timeline.clear()
        self.status, self.operation = SUCCESS, "SetSuccess"
        self.modified_time = unix_time()
        return True

    def suspend(self, now: float) -> bool:
        """Keep one that has not begun from running, and return whether it had not begun."""
        if self.status not in (NOT_RUN, WAIT_TIME, WAIT_RESOURCE, WAIT_TRIGGER) or self.suspended:
            return False
        self.timeline.clear()
        self.suspended, self.operation = True, "Suspend"
        return True

    def resume(self, settings: Settings, now: float) -> bool:
        """Let a suspended one run, and return whether it was suspended."""
        if not self.suspended:
            return False
        self.suspended, self.operation = False, "Resume"
        self.plan(settings, now, immediately=False)
        self.advance(now)
        return True

    def moved(self) -> None:
        """Make its times and its attempt fit a status that was set from outside."""
        now, wall = monotonic(), unix_time()
        self.hold = None
        self.modified_time = wall
        if self.status == RUNNING:
            self._halt(now)
            number = self.run_number if not self.attempts else self.attempts[-1].number + 1
            duration = 10.0 if self.node.run_seconds is None else self.node.run_seconds
            self.attempts.append(Attempt(self.node, number, now, wall, duration, None, self.parameters or ""))
            self.run_number, self.started_time, self.finished_time = number, wall, None
        elif self.status in ENDED:
            self._end(now, wall)
        else:
            self.attempts = [attempt for attempt in self.attempts if attempt.ends <= now]
            self.finished_time = None

    def history(self, now: float) -> list[Attempt]:
        """Return its attempts that have begun, the oldest first."""
        return [attempt for attempt in self.attempts if attempt.began <= now]

    def log(self, now: float, number: int | None = None) -> str:
        """
        Return a log.

        :param now: monotonic seconds.
        :param number: of which attempt; default the last one.
        """
        if self.log_text is not None:
            return self.log_text
        shown = self.history(now)
        attempt = next((each for each in reversed(shown) if number in (None, each.number)), None)
        if attempt is None or self.zone is None:
            return ""
        lines = attempt.log(self.instance_id, self.bizdate.replace("-", ""), now, self.zone)
        return "".join(f"{line}\n" for line in lines)

    def _plan_work(self, settings: Settings, ready: float, offset: float, *, first: int) -> None:
        if self.dry:
            status = FAILURE if self.task_type in FAILING_TYPES else SUCCESS
            stamp = ready + offset
            self.timeline.schedule(ready, status=status, finished_time=stamp, modified_time=stamp)
            return
        node = dataclasses.replace(self.node)
        duration = settings.run_seconds if node.run_seconds is None else node.run_seconds
        begins = ready
        if node.wait_seconds:
            self.timeline.schedule(
                ready, status=WAIT_RESOURCE, resource_since=ready + offset, modified_time=ready + offset
            )
            begins += node.wait_seconds
        reruns = node.rerun_times if node.rerun_mode != "ALL_DENIED" else 0
        for done in range(reruns + 1):
            number = first + done
            outcome = FAILURE if number <= node.failing_runs else node.outcome
            attempt = Attempt(node, number, begins, begins + offset, duration, outcome, self.parameters or "")
            self.attempts.append(attempt)
            left = reruns - done if reruns else None
            self.timeline.schedule(
                begins,
                status=RUNNING,
                run_number=number,
                started_time=begins + offset,
                finished_time=None,
                modified_time=begins + offset,
                rerun_left=left,
            )
            ends = begins + duration
            self.timeline.schedule(ends, status=outcome, finished_time=ends + offset, modified_time=ends + offset)
            if outcome == SUCCESS:
                break
            begins = ends + node.rerun_seconds

    def _spent(self) -> int | None:
        return None if self.rerun_left is None else 0

    def _end(self, now: float, wall: float) -> None:
        """End the attempt with a status that was set; one that never began is made up, if there was any work."""
        self._halt(now)
        if not self.attempts and not self.dry:
            self.attempts.append(Attempt(self.node, 1, now, wall, 0.0, self.status, self.parameters or ""))
            self.started_time = wall
        elif self.attempts and self.attempts[-1].halted == now:
            last = self.attempts[-1]
            self.attempts[-1] = dataclasses.replace(
                last, outcome=self.status, run_seconds=max(now - last.began, 0.0), halted=None
            )
        self.finished_time = wall
        if self.status == FAILURE:
            self.rerun_left = self._spent()

    def _halt(self, ends: float, now: float | None = None) -> None:
        """Cancel what is planned, and end the attempt that has begun."""
        self.timeline.clear()
        begun = ends if now is None else now
        self.attempts = [attempt for attempt in self.attempts if attempt.began <= begun]
        if self.attempts and self.attempts[-1].ends > ends:
            self.attempts[-1].halted = ends


def prepare(settings: Settings, instance: NodeInstance) -> None:
    """Complete an instance that the scheduler or the control endpoint makes, of its node."""
    node, wall = instance.node, unix_time()
    instance.zone = settings.zone
    instance.task_type = instance.task_type or (node.scheduler_type if node.scheduler_type != "MANUAL" else "MANUAL")
    if instance.parameters is None:
        instance.parameters = node.param_values
    instance.parameters = resolved(instance.parameters, instance.day)
    instance.created_time = instance.created_time or wall
    instance.modified_time = instance.modified_time or instance.created_time
    if node.rerun_times and instance.rerun_left is None:
        instance.rerun_left = node.rerun_times + 1


def resolved(parameters: str, day: date) -> str:
    """Return parameters with the business date put in."""
    return parameters.replace("$bizdate", day.strftime("%Y%m%d"))


def _from_control(state: Any, instance: NodeInstance, given: Collection[str]) -> None:
    if instance.zone is not None:
        if "status" in given:
            instance.moved()
        return
    node = state[NODES].find(instance.node_id)
    if node is None or node.project_id != instance.project_id:
        raise ValueError(f"there is no node {instance.node_id} in the workspace {instance.project_id}")
    settings, wall, now = state.settings, unix_time(), monotonic()
    instance.node = node
    if instance.cycle_time is None:
        instance.cycle_time = wall
    if not instance.bizdate:
        instance.bizdate = assumptions.business_date_of(instance.cycle_time, settings.zone).isoformat()
    prepare(settings, instance)
    instance.exists_from = now + instance.shown_after_seconds
    instance.listed_from = instance.exists_from
    if instance.status is None:
        instance.status = NOT_RUN
        instance.plan(settings, instance.exists_from, immediately=False)
    else:
        instance.moved()


def _bizdate(name: str, value: Any) -> str:
    try:
        return date.fromisoformat(string(name, value)).isoformat()
    except ValueError:
        raise ValueError(f"{name} must be a date like 2026-11-24, not {value!r}") from None


def _cycle_time(name: str, value: Any) -> float:
    return non_negative_int(name, value) / 1000


def to_milliseconds(seconds_: float | None) -> int | None:
    """Return Unix seconds as the API shows them."""
    return None if seconds_ is None or math.isnan(seconds_) else int(seconds_ * 1000)


NODE_INSTANCES: ResourceKind[NodeInstance] = ResourceKind(
    name="instance of a node",
    path="node_instances",
    model=NodeInstance,
    id_attribute="instance_id",
    first_new_id=11_700_000_001,
    fields=(
        Field("InstanceId", "instance_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("NodeId", "node_id", identifier),
        Field("DagId", "run_id", identifier),
        Field("DagType", "run_type", one_of(*RUN_TYPES)),
        Field("ProjectEnv", "environment", one_of("DEV", "PROD")),
        Field("Bizdate", "bizdate", _bizdate),
        Field("CycTime", "cycle_time", _cycle_time, show=to_milliseconds),
        Field("PeriodNumber", "period_number", identifier),
        Field("TaskType", "task_type", one_of(*TASK_TYPES)),
        Field("Status", "status", one_of(*STATUSES), moves=True),
        Field("ParamValues", "parameters", string),
        Field("RunNumber", "run_number", identifier),
        Field("TaskRerunTime", "rerun_left", optional(non_negative_int)),
        Field("log", "log_text", optional(string)),
        Field("shown_after_seconds", "shown_after_seconds", seconds),
        Field("BeginRunningTime", "started_time", show=to_milliseconds),
        Field("FinishTime", "finished_time", show=to_milliseconds),
        Field("stopped", "stopped"),
        Field("triggered", "triggered"),
    ),
    on_request=_from_control,
)
KINDS = (NODE_INSTANCES,)
