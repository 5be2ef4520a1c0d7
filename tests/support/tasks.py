"""Runs one operator or sensor against the emulator as Airflow would: in the worker, or deferred and resumed."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent


class StateStore:
    """Airflow's task state store, in memory; values go through JSON as there."""

    def __init__(self) -> None:
        self.content: dict[str, str] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return json.loads(self.content[key]) if key in self.content else default

    def set(self, key: str, value: Any) -> None:
        self.content[key] = json.dumps(value)

    def delete(self, key: str) -> None:
        self.content.pop(key, None)


def make_context(*, try_number: int = 1, max_tries: int = 0, store: StateStore | None = None, **ti: Any) -> Any:
    """A task's context, as far as our code reads it; pushed XComs are in ``context["pushed"]``."""
    pushed: dict[str, Any] = {}
    facts = {
        "dag_id": "a_dag",
        "task_id": "a_task",
        "run_id": "a_run",
        "map_index": -1,
        "start_date": datetime.now(timezone.utc),
        **ti,
    }
    instance = SimpleNamespace(try_number=try_number, max_tries=max_tries, **facts)
    instance.xcom_push = lambda key, value: pushed.__setitem__(key, value)
    context = {"ti": instance, "pushed": pushed}
    if store is not None:
        context["task_state_store"] = store
    return context


def rebuilt(trigger: BaseTrigger) -> BaseTrigger:
    """The trigger as the triggerer gets it: from its path and its arguments, which went through JSON."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    kind = getattr(__import__(module, fromlist=[name]), name)
    made = kind(**json.loads(json.dumps(arguments)))
    assert isinstance(made, BaseTrigger)
    return made


async def first_event(trigger: BaseTrigger) -> TriggerEvent:
    """What the trigger fires first."""
    async for event in trigger.run():
        return event
    raise AssertionError("the trigger ended without an event")


def run_task(task: Any, context: Any | None = None) -> Any:
    """Execute a task; if it defers, run its trigger and resume it.

    :return: the task's return value.
    """
    context = make_context() if context is None else context
    try:
        return task.execute(context)
    except TaskDeferred as deferral:
        event = asyncio.run(first_event(rebuilt(deferral.trigger)))
        kept = json.loads(json.dumps(deferral.kwargs or {}))
        return task.resume_execution(deferral.method_name, {**kept, "event": event.payload}, context)
