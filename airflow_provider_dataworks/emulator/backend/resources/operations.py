"""Asynchronous operations of 2024-05-18: what CreateWorkflowInstances has begun."""

from __future__ import annotations

import dataclasses
import uuid

from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import one_of

CREATING, CREATED, FAILED = "Creating", "Created", "CreateFailure"


@dataclasses.dataclass
class Operation:
    """
    One operation.

    :param status: ``Creating``, and at the end ``Created`` or ``CreateFailure``.
    :param message: why it failed.
    :param run_ids: the workflow instances that it makes.
    :param instance_ids: their task instances.
    """

    operation_id: str
    project_id: int
    status: str = CREATING
    message: str = ""
    run_ids: list[int] = dataclasses.field(default_factory=list)
    instance_ids: list[int] = dataclasses.field(default_factory=list)
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)


def make_uuid(number: int) -> str:
    """Return the id of a number."""
    return str(uuid.UUID(int=(number << 64) | 0x4000_8000_0000_0000_0000_0000))


OPERATIONS: ResourceKind[Operation] = ResourceKind(
    name="operation",
    path="operations",
    model=Operation,
    id_attribute="operation_id",
    first_new_id=0xD860_BFCA_0001,
    make_id=make_uuid,
    parse_id=str,
    fields=(
        Field("OperationId", "operation_id", string),
        Field("ProjectId", "project_id", identifier),
        Field("Status", "status", one_of(CREATING, CREATED, FAILED), moves=True),
        Field("FailureMessage", "message", string),
        Field("WorkflowInstanceIds", "run_ids"),
    ),
)
KINDS = (OPERATIONS,)
