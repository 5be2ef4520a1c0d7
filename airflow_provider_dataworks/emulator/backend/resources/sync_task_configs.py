"""Generated configurations of sync tasks: what the asynchronous GenerateDISyncTaskConfigForCreating produces."""

from __future__ import annotations

import dataclasses

from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources.files import REALTIME, SOLUTION
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import non_negative_int, one_of

GENERATED_TYPES = (REALTIME, SOLUTION)
STATUSES = ("success", "fail")


@dataclasses.dataclass
class SyncTaskConfig:
    """
    One generated configuration.

    :param task_type: type of the sync task that it is for.
    :param task_param: the script that it was generated from.
    :param task_content: the TaskContent for CreateDISyncTask.
    :param status: ``success``, or ``fail`` while it is not generated, and for good when the generation failed.
    :param message: the reason of a failure.
    :param creations: number of GenerateDISyncTaskConfigForCreating calls that created it.
    """

    process_id: int
    project_id: int
    task_type: str = SOLUTION
    task_param: str = "{}"
    task_content: str = ""
    status: str = "success"
    message: str = ""
    creations: int = 0
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)


SYNC_TASK_CONFIGS: ResourceKind[SyncTaskConfig] = ResourceKind(
    name="configuration",
    path="sync_task_configs",
    model=SyncTaskConfig,
    id_attribute="process_id",
    first_new_id=3001,
    fields=(
        Field("ProcessId", "process_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("TaskType", "task_type", one_of(*GENERATED_TYPES)),
        Field("TaskParam", "task_param", string),
        Field("TaskContent", "task_content", string),
        Field("Status", "status", one_of(*STATUSES), moves=True),
        Field("Message", "message", string),
        Field("creations", "creations", non_negative_int),
    ),
)
KINDS = (SYNC_TASK_CONFIGS,)
