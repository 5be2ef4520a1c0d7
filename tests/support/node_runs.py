"""What the tests of RunNodeOperator share: the task, its node, and how an emulator is made quick for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.operators.node import RunNodeOperator
from tests.support.clock import QuickClock

NODE, NIGHTLY, HOURLY, FROZEN, DRY_RUN, FAILING = 4001, 4002, 4003, 4004, 4005, 4007
BIZDATE = "2024-11-20"
FACTOR = 20.0

#: By what API version 2020-05-18 and 2024-05-18 call it.
RUN_ACTIONS = ("RunCycleDagNodes", "CreateWorkflowInstances")
STOP_ACTIONS = ("StopInstance", "StopTaskInstances")
LOG_ACTIONS = ("GetInstanceLog", "GetTaskInstanceLog")
LIST_ACTIONS = ("ListInstances", "ListTaskInstances")


def run_node(**arguments: Any) -> RunNodeOperator:
    """The task, which polls often."""
    given = {"task_id": "run", "node_id": NODE, "bizdate": BIZDATE, "poll_interval": 0.05, "start_timeout": 20.0}
    return RunNodeOperator(**{**given, **arguments})


@contextmanager
def quick(emulator: EmulatorControl) -> Iterator[EmulatorControl]:
    """Have the package pause shorter, and the emulator make runs as much faster."""
    emulator.settings(creation_seconds=0.5 / FACTOR, stop_seconds=0.1)
    with installed(QuickClock(FACTOR)):
        yield emulator


def runs(emulator: EmulatorControl, node_id: int = NODE) -> int:
    """How many runs of a node there have been."""
    return int(emulator.node(node_id)["runs"])


def fault(emulator: EmulatorControl, kind: str, actions: tuple[str, ...], **more: Any) -> None:
    """Inject a fault into an action, whatever the API version calls it."""
    for action in actions:
        emulator.add_fault(kind, action=action, **more)


def requests(emulator: EmulatorControl, actions: tuple[str, ...]) -> list[dict[str, Any]]:
    """The requests of an action, whatever the API version calls it."""
    return [request for request in emulator.requests() if request["action"] in actions]


def shown_after(seconds: float) -> float:
    """Seconds by a quick clock, and no more than a lost run is looked for."""
    assert seconds < sum(assumptions.RUN_SHOWS_AFTER)
    return seconds / FACTOR
