"""The scheduler: makes the instances of runs that a call asks for, and those of each day."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.business_dates import cycle_times, day_at, midnight
from airflow_provider_dataworks.emulator.backend.clock import monotonic, unix_time
from airflow_provider_dataworks.emulator.backend.resources.node_instances import (
    DAILY,
    NODE_INSTANCES,
    NOT_RUN,
    NodeInstance,
    prepare,
)
from airflow_provider_dataworks.emulator.backend.resources.node_runs import NODE_RUNS, NodeRun
from airflow_provider_dataworks.emulator.backend.resources.nodes import NODES, PROD, SUCCESS, Node
from airflow_provider_dataworks.emulator.backend.state import State

Hold = Callable[[NodeInstance, float], bool]


@dataclasses.dataclass(frozen=True)
class RunRequest:
    """
    What a call asks to be run.

    :param nodes: the nodes that run.
    :param excluded: further nodes, which end without work.
    :param days: the business dates, each a run of its own, in the order in which they run.
    :param clock: first and last second of the day of the cycles that run.
    :param parameters: the parameters of nodes, by id, instead of their own.
    :param parallel: how many business dates run at once.
    :param immediately: whether cycles that are not due yet run at once.
    :param delay: seconds until the runs exist.
    """

    action: str
    request_id: str
    name: str
    run_type: str
    environment: str
    nodes: Sequence[Node]
    days: Sequence[date]
    excluded: Sequence[Node] = ()
    clock: tuple[int, int] = (0, 86399)
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    parallel: int = 1
    immediately: bool = False
    auto_start: bool = True
    delay: float = 0.0


def make_runs(state: State, request: RunRequest) -> list[NodeRun]:
    """Make the runs of a call, one for each business date."""
    runs: list[NodeRun] = []
    for number, day in enumerate(request.days):
        before = runs[number - request.parallel] if number >= request.parallel else None
        runs.append(_make_run(state, request, day, before, runs[0].sequence if runs else None))
    for node in request.nodes:
        node.runs += len(runs)
    return runs


def start_run(state: State, run: NodeRun, now: float) -> str | None:
    """
    Start a run that does not start by itself.

    :return: why it cannot be started, or None.
    """
    if run.before is not None:
        run.before.advance(now)
        if run.before.status != SUCCESS:
            return f"Because of parallelism config, wait for parent workflowInstance[{run.before.run_id}] to finish"
    if run.auto_start:
        return "The workflow instance was started already."
    run.auto_start = True
    run.advance(now)
    return None


def generate(state: State, project_id: int, environment: str, days: Iterable[date]) -> None:
    """Make the instances that the scheduler has of these business dates, if they are not there yet."""
    if environment != PROD:
        return
    settings, wall, now = state.settings, unix_time(), monotonic()
    known = {(instance.node_id, instance.bizdate) for instance in _daily(state, project_id)}
    nodes = [node for node in state[NODES].all() if node.project_id == project_id and node.scheduled]
    for day in days:
        if not _is_generated(day, wall, settings.zone):
            continue
        for node in nodes:
            if node.is_in(PROD) and (node.node_id, day.isoformat()) not in known:
                run = _daily_run(state, project_id, day)
                for instance in _instances(state, node, run, (0, 86399)):
                    begins = midnight(day + timedelta(days=1), settings.zone)
                    instance.created_time = float(begins - (24 - assumptions.GENERATION_HOUR) * 3600)
                    prepare(settings, instance)
                    instance.plan(settings, now + begins - wall, immediately=False)


def recent_days(state: State) -> list[date]:
    """Return the business dates of which there can be instances, the oldest first."""
    today = day_at(unix_time(), state.settings.zone)
    return [today - timedelta(days=back) for back in range(assumptions.RETENTION_DAYS, -1, -1)]


def _is_generated(day: date, wall: float, zone: object) -> bool:
    begins = midnight(day, zone)  # type: ignore[arg-type]
    generated = begins + assumptions.GENERATION_HOUR * 3600
    return generated <= wall <= begins + (assumptions.RETENTION_DAYS + 1) * 86400


def _daily(state: State, project_id: int) -> Iterator[NodeInstance]:
    return (
        instance
        for instance in state[NODE_INSTANCES].all()
        if instance.run_type == DAILY and instance.project_id == project_id
    )


def _daily_run(state: State, project_id: int, day: date) -> NodeRun:
    for run in state[NODE_RUNS].all():
        if (run.run_type, run.project_id, run.bizdate) == (DAILY, project_id, day.isoformat()):
            return run
    run = NodeRun(state[NODE_RUNS].new_id(), project_id, "", DAILY, PROD, day.isoformat())
    run.sequence, run.created_time = run.run_id, float(midnight(day, state.settings.zone))
    run.waits_for_reruns = state.settings.run_waits_for_reruns
    state[NODE_RUNS].add(run)
    return run


def _make_run(state: State, request: RunRequest, day: date, before: NodeRun | None, sequence: int | None) -> NodeRun:
    settings, now, wall = state.settings, monotonic(), unix_time()
    project_id = request.nodes[0].project_id
    run = NodeRun(state[NODE_RUNS].new_id(), project_id, request.name, request.run_type, request.environment)
    run.bizdate, run.before, run.auto_start = day.isoformat(), before, request.auto_start
    run.sequence = run.run_id % 10**6 if sequence is None else sequence
    run.action, run.request_id, run.parameters = request.action, request.request_id, request.parameters
    run.exists_from = now + request.delay
    run.listed_from = run.exists_from + settings.list_lag_seconds
    run.created_time = wall + request.delay
    run.waits_for_reruns = settings.run_waits_for_reruns
    state[NODE_RUNS].add(run)
    excluded: Collection[int] = {node.node_id for node in request.excluded}
    for node in (*request.nodes, *request.excluded):
        for instance in _instances(state, node, run, request.clock):
            instance.parameters = request.parameters.get(str(node.node_id))
            instance.task_type = "SKIP_UNCHOOSE" if node.node_id in excluded else ""
            instance.created_time = run.created_time
            instance.exists_from, instance.listed_from = run.exists_from, run.listed_from
            prepare(settings, instance)
            if before is None and run.auto_start:
                instance.plan(settings, run.exists_from, immediately=request.immediately)
            else:
                instance.hold = _hold(state, run, request.immediately)
    run.advance(now)
    return run


def _hold(state: State, run: NodeRun, immediately: bool) -> Hold:
    """Return what keeps an instance from running until its run may begin."""

    def begins(instance: NodeInstance, now: float) -> bool:
        if not run.auto_start:
            return False
        began = run.exists_from
        if run.before is not None:
            run.before.advance(now)
            if run.before.status != SUCCESS:
                return False
            ends = max((each.finished_at() for each in run.before.instances), default=now)
            began = max(began, min(ends, now))
        instance.plan(state.settings, began, immediately=immediately)
        return True

    return begins


def _instances(state: State, node: Node, run: NodeRun, clock: tuple[int, int]) -> Iterator[NodeInstance]:
    zone, day = state.settings.zone, date.fromisoformat(run.bizdate)
    begins = midnight(day + timedelta(days=1), zone)
    due = cycle_times(node.cron, day, zone)
    if not node.is_hourly:
        due = due[:1]
    for number, moment in enumerate(due, start=1):
        if node.is_hourly and not clock[0] <= moment - begins <= clock[1]:
            continue
        instance = NodeInstance(state[NODE_INSTANCES].new_id(), run.project_id, node.node_id, run.run_id)
        instance.run_type, instance.environment, instance.bizdate = run.run_type, run.environment, run.bizdate
        instance.cycle_time, instance.period_number, instance.status = float(moment), number, NOT_RUN
        instance.node = node
        run.instances.append(instance)
        state[NODE_INSTANCES].add(instance)
        yield instance
