"""Requests a tick of 60 triggers that wait for instances of nodes of one business date, in both API versions.

The instances are of one node, as those of a mapped task that runs it with 60 parameters, or of a node each, as those of
tables that have a task each; the date has as many instances as that of a workspace with a thousand nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests import conftest  # noqa: F401 - before Airflow is imported: keeps the user's own out of this
from tests.benchmarks.measuring import Line, print_table
from tests.support.emulator_process import VARIABLE, emulator_process
from tests.support.tasks import first_event

WAITERS, OTHERS = 60, 1000
BIZDATE = "2024-11-20"
INTERVAL, WATCH = 2.0, 11.0
VERSIONS = ("2020-05-18", "2024-05-18")


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        emulator_process(Path(folder) / "log", "--read-qps", "0", "--log-level", "warning") as emulator,
    ):
        control = emulator.control
        other = control.add_node()["NodeId"]
        _add_instances(control, [other] * OTHERS, Status="SUCCESS")
        one_node = _add_instances(control, [control.add_node()["NodeId"]] * WAITERS)
        node_each = _add_instances(control, [control.add_node()["NodeId"] for _ in range(WAITERS)])
        lines = []
        for version in VERSIONS:
            connection = json.loads(emulator.connection_of(version))
            connection["extra"]["max_qps"] = 0
            os.environ[VARIABLE] = json.dumps(connection)
            for what, instances in (("of one node", one_node), ("of a node each", node_each)):
                control.clear_requests()
                with (Path(folder) / "waits.log").open("a") as log, contextlib.redirect_stdout(log):
                    asyncio.run(_wait(instances))
                ticks = _ticks([entry["time"] for entry in control.requests()])
                if len(ticks) < 3:
                    sys.exit("It was polled less than three times: polls failed, or the machine was too busy.")
                # The last tick may have been cut off by the end.
                most = max(ticks[1:-1])
                line = Line(f"{version}, {what}", f"{most} (the first: {ticks[0]})", "at most 2", most <= 2)
                lines.append(line)
    print_table(f"Requests a tick of {WAITERS} waiters for instances of nodes, one business date", lines)


def _add_instances(control: EmulatorControl, node_ids: list[int], **fields: Any) -> list[dict[str, Any]]:
    given = {"Bizdate": BIZDATE, "Status": "RUNNING", **fields}
    return control.add_resources("node_instances", [{"NodeId": node_id, **given} for node_id in node_ids])


async def _wait(instances: list[dict[str, Any]]) -> None:
    """Wait for a while, as a triggerer does for deferred tasks."""
    from airflow_provider_dataworks.triggers.node import NodeInstanceTrigger

    waits = [
        asyncio.ensure_future(
            first_event(
                NodeInstanceTrigger(
                    dataworks_conn_id="dataworks_default",
                    project_id=instance["ProjectId"],
                    instance_id=instance["InstanceId"],
                    node_id=instance["NodeId"],
                    bizdate=BIZDATE,
                    poll_interval=INTERVAL,
                )
            )
        )
        for instance in instances
    ]
    await asyncio.sleep(WATCH)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


def _ticks(times: list[float]) -> list[int]:
    """The number of requests in each tick: what a tick asks comes together."""
    ticks = [1]
    for earlier, later in pairwise(times):
        if later - earlier > INTERVAL / 2:
            ticks.append(0)
        ticks[-1] += 1
    return ticks


if __name__ == "__main__":
    main()
