"""DI jobs: the kind of resource, and the states that a job passes through."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import Settings, boolean, non_negative_int, one_of, optional, seconds

MIGRATION_TYPES = (
    "FullAndRealtimeIncremental",
    "RealtimeIncremental",
    "Full",
    "OfflineIncremental",
    "FullAndOfflineIncremental",
)
#: Jobs of these types run until they are stopped.
ENDLESS_TYPES = ("FullAndRealtimeIncremental", "RealtimeIncremental")
OUTCOMES = ("Finished", "Failed", "Stopped")
USER_ID = "260000000000000001"

#: The jobs of a new emulator: DIJobId, name, MigrationType, source, destination.
INITIAL_JOBS = (
    (1001, "mysql_to_holo_full", "Full", "MySQL", "Hologres"),
    (1002, "mysql_to_holo_realtime", "RealtimeIncremental", "MySQL", "Hologres"),
    (1003, "mysql_to_holo_full_and_realtime", "FullAndRealtimeIncremental", "MySQL", "Hologres"),
    (1004, "mysql_to_hive_offline", "OfflineIncremental", "MySQL", "Hive"),
    (1005, "mysql_to_hive_full_and_offline", "FullAndOfflineIncremental", "MySQL", "Hive"),
    (1006, "mysql_to_holo_full_bad", "Full", "MySQL", "Hologres"),
)
FAILING_JOB_ID = 1006
FAILING_JOB_MESSAGE = "Table orders: the destination column amount is too narrow for the source column amount."


@dataclasses.dataclass
class Job:
    """
    One DIJob. Call :meth:`advance` before reading anything of it.

    :param job_status: the status that is shown now.
    :param started_time: the StartedTime that is shown now, in Unix seconds.
    :param run_seconds: how long its runs last; None is the emulator's setting. Runs of the real-time types end only
        when the outcome is not Finished.
    :param outcome: the status in which its runs end.
    :param start_lag_seconds: how long a start is not shown; None is the emulator's setting.
    :param stop_seconds: how long it is Stopping; None is the emulator's setting.
    :param hides_started_time: whether GetDIJob leaves StartedTime out.
    :param starts: runs that were begun.
    :param stops: runs that were stopped by StopDIJob.
    :param start_requests: the StartDIJob calls that were answered with success.
    :param definition: what CreateDIJob was given beyond the names and types.
    """

    di_job_id: int
    project_id: int
    job_name: str
    migration_type: str = "Full"
    source_data_source_type: str = "MySQL"
    destination_data_source_type: str = "Hologres"
    job_status: str = "Initialized"
    error_message: str | None = None
    started_time: int | None = None
    run_seconds: float | None = None
    outcome: str = "Finished"
    start_lag_seconds: float | None = None
    stop_seconds: float | None = None
    hides_started_time: bool = False
    starts: int = 0
    stops: int = 0
    start_requests: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    created_time: int = 0
    updated_time: int = 0
    definition: dict[str, Any] = dataclasses.field(default_factory=dict)
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Bring the job to its state of now (monotonic seconds)."""
        self.timeline.apply(self, now)

    @property
    def busy(self) -> bool:
        """Whether the job runs, is being stopped, or has been started without showing it yet."""
        return self.job_status in ("Running", "Stopping") or self.timeline.awaits("job_status", "Running")

    @property
    def activity(self) -> str:
        """The status, or that the job has been started, when it does not show that yet."""
        return "about to be Running" if self.timeline.awaits("job_status", "Running") else self.job_status

    def start(self, settings: Settings, now: float, wall: float) -> None:
        """
        Begin a run.

        :param now: monotonic seconds.
        :param wall: Unix seconds.
        """
        shown_at = now + _first(self.start_lag_seconds, settings.start_lag_seconds)
        stamp = max(int(wall), (self.started_time or 0) + 1)
        self.timeline.clear()
        self.timeline.schedule(shown_at, job_status="Running", started_time=stamp)
        if self.migration_type not in ENDLESS_TYPES or self.outcome != "Finished":
            ended_at = shown_at + _first(self.run_seconds, settings.run_seconds)
            self.timeline.schedule(ended_at, job_status=self.outcome)
        self.starts += 1
        self.advance(now)

    def stop(self, settings: Settings, now: float) -> bool:
        """Stop a run, and return whether there was one to stop."""
        if self.job_status == "Stopping" or not self.busy:
            return False
        self.timeline.clear()
        self.job_status = "Stopping"
        stopped_at = now + _first(self.stop_seconds, settings.stop_seconds)
        self.timeline.schedule(stopped_at, job_status="Stopped")
        self.stops += 1
        self.advance(now)
        return True

    def summary(self) -> dict[str, Any]:
        """Return the job as ListDIJobs shows it."""
        return {
            "DIJobId": self.di_job_id,
            "ProjectId": self.project_id,
            "JobName": self.job_name,
            "MigrationType": self.migration_type,
            "SourceDataSourceType": self.source_data_source_type,
            "DestinationDataSourceType": self.destination_data_source_type,
            "JobStatus": self.job_status,
        }

    def details(self, *, with_settings: bool) -> dict[str, Any]:
        """Return the job as GetDIJob shows it."""
        data = self.summary()
        data["CreatedTime"] = self.created_time
        data["CreatedUid"] = USER_ID
        data["UpdatedTime"] = self.updated_time
        data["UpdatedUid"] = USER_ID
        data["RunStats"] = {}
        if self.started_time is not None and not self.hides_started_time:
            data["StartedTime"] = self.started_time
            data["StartedUid"] = USER_ID
        if self.job_status == "Failed":
            data["ErrorMessage"] = self.error_message or assumptions.DEFAULT_ERROR_MESSAGE
        if "Description" in self.definition:
            data["Description"] = self.definition["Description"]
        if with_settings:
            data.update({"TableMappings": [], "TransformationRules": [], **self.definition})
        return data


def _first(own: float | None, default: float) -> float:
    return default if own is None else own


def _initial_jobs(settings: Settings) -> list[Job]:
    jobs = []
    for di_job_id, name, migration_type, source, destination in INITIAL_JOBS:
        job = Job(di_job_id, settings.project_id, name, migration_type, source, destination)
        if di_job_id == FAILING_JOB_ID:
            job.outcome = "Failed"
            job.error_message = FAILING_JOB_MESSAGE
        jobs.append(job)
    return jobs


def _created(job: Job) -> None:
    job.created_time = job.updated_time = int(time.time())


def _updated(job: Job) -> None:
    job.updated_time = int(time.time())


DI_JOBS: ResourceKind[Job] = ResourceKind(
    name="job",
    path="jobs",
    model=Job,
    id_attribute="di_job_id",
    first_new_id=10001,
    fields=(
        Field("DIJobId", "di_job_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("JobName", "job_name", string),
        Field("MigrationType", "migration_type", one_of(*MIGRATION_TYPES)),
        Field("SourceDataSourceType", "source_data_source_type", string),
        Field("DestinationDataSourceType", "destination_data_source_type", string),
        Field("JobStatus", "job_status", string, moves=True),
        Field("ErrorMessage", "error_message", optional(string)),
        Field("StartedTime", "started_time", optional(non_negative_int)),
        Field("run_seconds", "run_seconds", optional(seconds)),
        Field("outcome", "outcome", one_of(*OUTCOMES)),
        Field("start_lag_seconds", "start_lag_seconds", optional(seconds)),
        Field("stop_seconds", "stop_seconds", optional(seconds)),
        Field("hides_started_time", "hides_started_time", boolean),
        Field("starts", "starts", non_negative_int),
        Field("stops", "stops", non_negative_int),
        Field("start_requests", "start_requests"),
    ),
    defaults=lambda di_job_id: {"job_name": f"job_{di_job_id}"},
    initial=_initial_jobs,
    on_add=_created,
    on_change=_updated,
)
KINDS = (DI_JOBS,)
