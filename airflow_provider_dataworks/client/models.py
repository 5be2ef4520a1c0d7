"""The API's words (statuses and types), neutral models of what it describes, and the shape of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypedDict


class _Word(str, Enum):
    """A word of the API that prints as itself."""

    def __str__(self) -> str:
        return str(self.value)


class JobStatus(_Word):
    """JobStatus of ListDIJobs and GetDIJob."""

    INITIALIZED = "Initialized"
    RUNNING = "Running"
    STOPPING = "Stopping"
    FINISHED = "Finished"
    FAILED = "Failed"
    STOPPED = "Stopped"


class MigrationType(_Word):
    """MigrationType of a DI job."""

    FULL = "Full"
    FULL_AND_REALTIME_INCREMENTAL = "FullAndRealtimeIncremental"
    REALTIME_INCREMENTAL = "RealtimeIncremental"
    OFFLINE_INCREMENTAL = "OfflineIncremental"
    FULL_AND_OFFLINE_INCREMENTAL = "FullAndOfflineIncremental"

    @classmethod
    def never_ends(cls, migration_type: str | None) -> bool:
        """Whether jobs of this type run until somebody stops them.

        :param migration_type: the job's, None where it is not known.
        :return: False for None.
        """
        return migration_type in (cls.FULL_AND_REALTIME_INCREMENTAL, cls.REALTIME_INCREMENTAL)


class TaskType(_Word):
    """TaskType of the DISync actions."""

    DI_OFFLINE = "DI_OFFLINE"
    DI_REALTIME = "DI_REALTIME"
    DI_SOLUTION = "DI_SOLUTION"


@dataclass(frozen=True)
class DIJob:
    """A DI job, in terms that no API version dictates.

    :param id: the job's id.
    :param status: JobStatus, in the spelling of :class:`JobStatus`; empty where the answer does not say.
    :param project_id: the workspace; None (default) where the answer does not say.
    :param name: the job's name; default None.
    :param migration_type: its MigrationType; default None.
    :param started_time: when it was last started, in Unix seconds; None (default) where the answer does not say.
    :param error_message: why it failed, in the service's words; default None.
    :param fields: the job as the API gave it, with the names of 2020-05-18 and ids as integers; default empty.
    """

    id: int
    status: str
    project_id: int | None = None
    name: str | None = None
    migration_type: str | None = None
    started_time: int | None = None
    error_message: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class JobPage:
    """A page of a list of DI jobs.

    :param jobs: the jobs on it.
    :param total: how many the whole list has; None (default) where the answer does not say.
    """

    jobs: tuple[DIJob, ...]
    total: int | None = None


@dataclass(frozen=True)
class RunSummary:
    """The current or last run of a DI job, summed over its tables.

    :param tables: how many there are.
    :param tables_finished: how many of them have come to the end of what is migrated once.
    :param records: records that the full phase has copied.
    :param bytes: bytes that it has copied.
    :param error_records: records that it could not copy.
    :param errors: for each table that has an error, its name and the service's message; default none.
    """

    tables: int
    tables_finished: int
    records: int
    bytes: int
    error_records: int
    errors: tuple[str, ...] = ()


class ListedJob(TypedDict, total=False):
    """A job as ListDIJobs gives it."""

    DIJobId: int
    ProjectId: int
    JobName: str
    MigrationType: str
    SourceDataSourceType: str
    DestinationDataSourceType: str
    JobStatus: str


class Job(ListedJob, total=False):
    """A job as GetDIJob gives it; the settings, given with details only, are left as the API's own objects."""

    Description: str
    ErrorMessage: str
    RunStats: dict[str, str]
    CreatedTime: int
    CreatedUid: str
    StartedTime: int
    StartedUid: str
    UpdatedTime: int
    UpdatedUid: str
    SourceDataSourceSettings: list[dict[str, Any]]
    DestinationDataSourceSettings: list[dict[str, Any]]
    ResourceSettings: dict[str, Any]
    TransformationRules: list[dict[str, Any]]
    TableMappings: list[dict[str, Any]]
    JobSettings: dict[str, Any]


class SolutionStep(TypedDict, total=False):
    """A step of a solution, as GetDISyncInstanceInfo gives it."""

    StepId: int
    StepName: str
    Status: str
    Info: str


class SolutionInfo(TypedDict, total=False):
    """A solution, as GetDISyncInstanceInfo gives it."""

    Id: int
    Status: str
    CreatorName: str
    StepDetail: list[SolutionStep]


class SyncInstanceInfo(TypedDict, total=False):
    """Data of GetDISyncInstanceInfo."""

    Status: str
    Message: str | None
    Name: str
    SolutionInfo: SolutionInfo


class FailoverSettings(TypedDict, total=False):
    """FailoverSettings of StartDIJob: at most UpperLimit failovers within Interval minutes."""

    Interval: int
    UpperLimit: int


class RealtimeStartSettings(TypedDict, total=False):
    """RealtimeStartSettings of StartDIJob; StartTime in Unix seconds."""

    StartTime: int
    FailoverSettings: FailoverSettings
