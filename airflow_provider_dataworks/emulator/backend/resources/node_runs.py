"""Runs of nodes for one business date: a DAG in 2020-05-18, a workflow instance in 2024-05-18."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources.node_instances import (
    ENDED,
    NOT_RUN,
    RUN_TYPES,
    NodeInstance,
    to_milliseconds,
)
from airflow_provider_dataworks.emulator.backend.resources.nodes import FAILURE, PROD, SUCCESS
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import one_of

CREATED, RUNNING = "CREATED", "RUNNING"
#: The statuses of a run: as 2020-05-18 and as 2024-05-18 spell them.
RUN_STATUSES = {CREATED: "NotRun", RUNNING: "Running", FAILURE: "Failure", SUCCESS: "Success"}


@dataclasses.dataclass
class NodeRun:
    """
    One run.

    :param name: as the call that made it named it.
    :param run_type: what made it: ``SUPPLY_DATA``, ``SMOKE_TEST``, ``MANUAL``, or ``DAILY`` for the scheduler.
    :param environment: ``PROD`` or ``DEV``.
    :param bizdate: its business date, ``yyyy-MM-dd``.
    :param sequence: OpSeq, the same for all runs of a call.
    :param action: the action that made it.
    :param request_id: the RequestId of that call.
    :param parameters: the parameters that it was given, by node.
    :param waits_for_reruns: whether it is still running while an automatic rerun is to come.
    :param before: the run that has to succeed before.
    :param auto_start: whether it begins without StartWorkflowInstances.
    :param exists_from: from when on it is found by its id, in monotonic seconds.
    :param listed_from: from when on it is in lists, in monotonic seconds.
    """

    run_id: int
    project_id: int
    name: str = ""
    run_type: str = "SUPPLY_DATA"
    environment: str = PROD
    bizdate: str = ""
    sequence: int = 0
    action: str = ""
    request_id: str = ""
    parameters: Mapping[str, str] = dataclasses.field(default_factory=dict)
    waits_for_reruns: bool = False
    before: NodeRun | None = dataclasses.field(default=None, repr=False)
    auto_start: bool = True
    exists_from: float = 0.0
    listed_from: float = 0.0
    created_time: float = 0.0
    user: str = assumptions.NODE_OWNER
    instances: list[NodeInstance] = dataclasses.field(default_factory=list, repr=False)
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        for instance in self.instances:
            instance.advance(now)

    @property
    def status(self) -> str:
        """Its status, as 2020-05-18 spells it."""
        if any(not self._has_ended(instance) for instance in self.instances):
            begun = any(instance.status != NOT_RUN for instance in self.instances)
            return RUNNING if begun else CREATED
        return FAILURE if any(instance.status == FAILURE for instance in self.instances) else SUCCESS

    @property
    def started_time(self) -> float | None:
        """When its first instance began, in Unix seconds."""
        times = [each.started_time or each.finished_time for each in self.instances]
        return min((at for at in times if at is not None), default=None)

    @property
    def finished_time(self) -> float | None:
        """When its last instance ended, in Unix seconds."""
        if self.status not in ENDED:
            return None
        return max((each.finished_time or 0.0 for each in self.instances), default=None)

    @property
    def instance_ids(self) -> list[int]:
        """The ids of its instances."""
        return [instance.instance_id for instance in self.instances]

    @property
    def node_ids(self) -> list[int]:
        """The nodes that it runs."""
        return sorted({instance.node_id for instance in self.instances})

    def _has_ended(self, instance: NodeInstance) -> bool:
        if instance.awaits_rerun and self.waits_for_reruns:
            return False
        return instance.status in ENDED


NODE_RUNS: ResourceKind[NodeRun] = ResourceKind(
    name="run of nodes",
    path="node_runs",
    model=NodeRun,
    id_attribute="run_id",
    first_new_id=1_000_350_000_001,
    fields=(
        Field("DagId", "run_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("Name", "name", string),
        Field("Type", "run_type", one_of(*RUN_TYPES)),
        Field("ProjectEnv", "environment", one_of("DEV", "PROD")),
        Field("Bizdate", "bizdate", string),
        Field("OpSeq", "sequence"),
        Field("Status", "status"),
        Field("CreateTime", "created_time", show=to_milliseconds),
        Field("StartTime", "started_time", show=to_milliseconds),
        Field("FinishTime", "finished_time", show=to_milliseconds),
        Field("node_ids", "node_ids"),
        Field("instance_ids", "instance_ids"),
        Field("parameters", "parameters", show=dict),
        Field("action", "action"),
        Field("request_id", "request_id"),
    ),
)
KINDS = (NODE_RUNS,)


def shown(run: NodeRun, now: float, *, in_list: bool = False) -> bool:
    """Return whether a run is visible, by its id or in lists, at a moment in monotonic seconds."""
    return now >= (run.listed_from if in_list else run.exists_from)


def has_name(name: str, wanted: Any) -> bool:
    """Return whether a name is among those that a fuzzy filter shows; no filter shows all."""
    return not wanted or str(wanted).lower() in name.lower()
