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


class NodeStatus(_Word):
    """Status of an instance of a node, and of a run of nodes, in the spelling of 2020-05-18."""

    NOT_RUN = "NOT_RUN"
    WAIT_TIME = "WAIT_TIME"
    WAIT_RESOURCE = "WAIT_RESOURCE"
    WAIT_TRIGGER = "WAIT_TRIGGER"
    RUNNING = "RUNNING"
    CHECKING = "CHECKING"
    CHECKING_CONDITION = "CHECKING_CONDITION"
    FAILURE = "FAILURE"
    SUCCESS = "SUCCESS"


@dataclass(frozen=True)
class Node:
    """A node as the scheduler knows it once it is deployed, in terms that no API version dictates.

    :param id: the id that Operation Center shows (2024-05-18: of the task).
    :param name: its name.
    :param parameters: its parameters in its own syntax, such as ``bizdate=$bizdate`` or ``-p"-Dbizdate=$bizdate"``;
        default empty.
    :param recurrence: NORMAL, PAUSE (frozen) or SKIP (dry run), whatever the spelling of the version; None (default)
        where the answer does not say.
    :param reruns: how often a failed instance is run again by itself; None (default) where the answer does not say.
    :param hourly: whether a business date has more than one instance; None (default) where the answer does not say.
    :param fields: the node as the API gave it, with ``NodeId`` and ``NodeName`` in both versions; default empty.
    """

    id: int
    name: str
    parameters: str = ""
    recurrence: str | None = None
    reruns: int | None = None
    hourly: bool | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class NodeRun:
    """One run of a node for one business date (2020-05-18: a DAG; 2024-05-18: a workflow instance).

    :param run_id: the run's id.
    :param name: its name, which the caller gave.
    :param bizdate: the business date, ``YYYY-MM-DD``.
    :param status: its status, in the spelling of :class:`NodeStatus`; None (default) where the answer does not say.
    """

    run_id: int
    name: str
    bizdate: str
    status: str | None = None


@dataclass(frozen=True)
class NodeInstance:
    """An instance of a node for one business date, in terms that no API version dictates.

    :param id: the instance's id.
    :param node_id: the node's id.
    :param node_name: the node's name; default None.
    :param bizdate: the business date, ``YYYY-MM-DD``; None (default) where the answer does not say.
    :param status: its status, in the spelling of :class:`NodeStatus`; one that is not known stays as it is.
    :param run_id: the run that it belongs to; default None.
    :param recurrence: NORMAL, or why it does no work, such as SKIP, SKIP_CYCLE or PAUSE, whatever the spelling of the
        version; None (default) where the answer does not say.
    :param reruns_left: how often it is still run again by itself if it fails; None (default) where the answer does not
        say.
    :param run_number: which execution this is, from 1; None (default) where the answer does not say.
    :param started_time: when it began to run, in Unix seconds; default None.
    :param finished_time: when it ended, in Unix seconds; default None.
    :param scheduled: whether the node's own schedule made it, not a call or a person; None (default) where the answer
        does not say.
    :param fields: the instance as the API gave it, with ``InstanceId``, ``NodeId``, ``NodeName``, ``DagId``,
        ``Bizdate`` and ``CycTime`` (milliseconds) and ``Status`` in both versions; default empty.
    """

    id: int
    node_id: int
    status: str
    node_name: str | None = None
    bizdate: str | None = None
    run_id: int | None = None
    recurrence: str | None = None
    reruns_left: int | None = None
    run_number: int | None = None
    started_time: float | None = None
    finished_time: float | None = None
    scheduled: bool | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class NodeInstancePage:
    """A page of a list of instances.

    :param instances: the instances on it.
    :param total: how many the whole list has; None (default) where the answer does not say.
    """

    instances: tuple[NodeInstance, ...]
    total: int | None = None


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


@dataclass(frozen=True)
class DataSource:
    """A data source of a workspace, in terms that no API version dictates; its repr shows no connection settings.

    :param name: its name.
    :param type: its type as the API spells it, such as ``mysql`` or ``odps``.
    :param properties: its connection settings by the API's names; default empty.
    :param environment: ``Prod`` or ``Dev``; None (default) where the answer does not say.
    :param fields: the data source as the API gave it; default empty.
    """

    name: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    environment: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class DataSourcePage:
    """A page of a list of data sources.

    :param data_sources: those on it; two where one name has both environments.
    :param total: how many entries the whole list has; None where the answer does not say.
    """

    data_sources: tuple[DataSource, ...]
    total: int | None


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
