"""Deployments of 2020-05-18: what SubmitFile and DeployFile have begun."""

from __future__ import annotations

import dataclasses

from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources.node_instances import to_milliseconds
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import non_negative_int

GOING, SUCCESSFUL, FAILED = 0, 1, 2
TO_DEV, TO_PROD = 1, 2


@dataclasses.dataclass
class Deployment:
    """
    One deployment.

    :param file_id: the file that is deployed.
    :param environment: where to: 1 is the development environment, 2 the production environment.
    :param status: 0 while it runs, then 1 for success or 2 for failure.
    :param error_message: why it failed.
    """

    deployment_id: int
    project_id: int
    file_id: int = 0
    environment: int = TO_PROD
    status: int = GOING
    error_message: str = ""
    comment: str = ""
    created_time: float = 0.0
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)


DEPLOYMENTS: ResourceKind[Deployment] = ResourceKind(
    name="deployment",
    path="deployments",
    model=Deployment,
    id_attribute="deployment_id",
    first_new_id=2_776_001,
    fields=(
        Field("DeploymentId", "deployment_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("FileId", "file_id", identifier),
        Field("ToEnvironment", "environment", identifier),
        Field("Status", "status", non_negative_int, moves=True),
        Field("ErrorMessage", "error_message", string),
        Field("CreateTime", "created_time", show=to_milliseconds),
    ),
)
KINDS = (DEPLOYMENTS,)
