"""Operations on nodes, their runs and instances that the actions of both API versions have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.resources.node_instances import (
    DAILY,
    NODE_INSTANCES,
    WAIT_TRIGGER,
    NodeInstance,
)
from airflow_provider_dataworks.emulator.backend.resources.node_runs import NODE_RUNS, NodeRun, shown
from airflow_provider_dataworks.emulator.backend.resources.nodes import NODES, Node
from airflow_provider_dataworks.emulator.backend.scheduler import generate, recent_days
from airflow_provider_dataworks.emulator.backend.state import State

MAX_INT = 2**31 - 1


def find_node(state: State, node_id: int, environment: str) -> Node | None:
    """Return the node with this id, or None when the environment has none."""
    node = state[NODES].find(node_id)
    return node if node is not None and node.is_in(environment) else None


def find_run(state: State, run_id: int, environment: str | None = None) -> NodeRun | None:
    """Return the run with this id, or None when there is none, or not yet."""
    run = state[NODE_RUNS].find(run_id)
    if run is None or not shown(run, monotonic()) or environment not in (None, run.environment):
        return None
    return run


def find_instance(state: State, instance_id: int, environment: str | None = None) -> NodeInstance | None:
    """Return the instance with this id, or None when there is none, or not yet."""
    instance = state[NODE_INSTANCES].find(instance_id)
    if instance is None or monotonic() < instance.exists_from or environment not in (None, instance.environment):
        return None
    return instance


def listed_instances(
    state: State, project_id: int, environment: str, days: Iterable[date] | None = None, *, scheduled: bool = True
) -> list[NodeInstance]:
    """
    Return the instances that lists show, those of the scheduler included.

    :param days: their business dates; default all.
    :param scheduled: whether those of the scheduler are wanted; default True.
    """
    now = monotonic()
    wanted = None if days is None else {day.isoformat() for day in days}
    if scheduled:
        generated = recent_days(state) if wanted is None else map(date.fromisoformat, sorted(wanted))
        generate(state, project_id, environment, generated)
    return [
        instance
        for instance in state[NODE_INSTANCES].all()
        if (instance.project_id, instance.environment) == (project_id, environment)
        and (wanted is None or instance.bizdate in wanted)
        and now >= instance.listed_from
    ]


def trigger_instance(state: State, node: Node, cycle_time: int, day: date | None) -> None:
    """
    Fire the instance of a trigger node that is due at a time.

    :param cycle_time: Unix milliseconds.
    :param day: its business date; None is any.
    :raises ApiRefusal: there is none that waits.
    """
    days = recent_days(state) if day is None else [day]
    for instance in listed_instances(state, node.project_id, "PROD", days):
        fits = instance.node_id == node.node_id and instance.run_type == DAILY
        if fits and int((instance.cycle_time or 0.0) * 1000) == cycle_time:
            waits = node.is_trigger and (instance.status == WAIT_TRIGGER or not instance.history(monotonic()))
            if waits and instance.trigger(state.settings, monotonic()):
                return
    raise assumptions.no_waiting_instance(node.node_id)


def check_name(value: str) -> str:
    """
    Check the name of a run.

    :raises ValueError: it is empty or too long.
    """
    if not value or len(value) > assumptions.MAX_RUN_NAME:
        raise ValueError(f"it must have 1 to {assumptions.MAX_RUN_NAME} characters")
    return value


def node_parameters(value: str) -> dict[str, str]:
    """
    Parse the parameters of nodes: a JSON object of strings, by the ids of nodes.

    :raises ValueError: it is something else.
    """
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("it must be JSON") from None
    if not isinstance(decoded, dict) or not all(
        key.isdigit() and isinstance(item, str) for key, item in decoded.items()
    ):
        raise ValueError("it must be a JSON object of strings, by the ids of nodes")
    return decoded


def json_ids(value: str) -> list[int]:
    """
    Parse a JSON array of ids.

    :raises ValueError: it is something else.
    """
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("it must be JSON") from None
    if not isinstance(decoded, list) or not all(type(item) is int for item in decoded):
        raise ValueError("it must be a JSON array of whole numbers")
    return decoded


def sorted_by(
    items: list[Any], sort_by: str | None, keys: Mapping[str, Callable[[Any], Any]], *, descending: bool = True
) -> list[Any]:
    """
    Sort items as SortBy says.

    :param sort_by: a field, perhaps with Desc or Asc; default Id Desc.
    :param keys: the value of each field.
    :param descending: the order when there is no SortBy.
    :raises ValueError: it is something else.
    """
    name, _, order = (sort_by or f"Id {'Desc' if descending else 'Asc'}").partition(" ")
    if name not in keys or order not in ("", "Asc", "Desc"):
        raise ValueError(f"it must be one of {', '.join(keys)} with Asc or Desc")
    return sorted(items, key=lambda item: keys[name](item) or 0, reverse=order == "Desc")


def log_of(state: State, instance: NodeInstance, number: int | None) -> str:
    """Return the log of an attempt of an instance; default the last one."""
    return "" if state.settings.logs_purged else instance.log(monotonic(), number)
