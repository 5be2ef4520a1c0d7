"""DI jobs: the kind of resource, and the states that a job passes through."""

from __future__ import annotations

import dataclasses
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import unix_time
from airflow_provider_dataworks.emulator.backend.di_job_runs import NodeType, Run, TableState, plan_run
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
REALTIME_TYPES = ("FullAndRealtimeIncremental", "RealtimeIncremental")
OUTCOMES = ("Finished", "Failed", "Stopped")
#: The phases of each table, by MigrationType.
PHASES = {
    "FullAndRealtimeIncremental": ("Structure", "Full", "Realtime"),
    "RealtimeIncremental": ("Structure", "Realtime"),
}
OFFLINE_PHASES = ("Structure", "Full")
JOB_TYPES = ("DatabaseRealtimeMigration", "DatabaseOfflineMigration", "SingleTableRealtimeMigration")
EVENT_TYPES = ("Failover", "Alarm", "DDL")
#: What an event can show, besides its id and time.
EVENT_FIELDS = (
    "Type",
    "Severity",
    "Status",
    "Action",
    "Channels",
    "Detail",
    "FailoverMessage",
    "SrcSql",
    "DstSql",
    "SrcTable",
    "DstTable",
)
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
#: The source tables of a job that was given none; a run that fails does so at the last one.
TABLES = (
    {"name": "customers", "records": 200, "growth": 10},
    {"name": "order_items", "records": 3000, "growth": 10},
    {"name": "orders", "records": 1000, "growth": 10},
)


@dataclasses.dataclass
class Job:
    """
    One DIJob. Call :meth:`advance` before reading anything of it.

    :param job_status: the current status.
    :param started_time: the current StartedTime, in Unix seconds.
    :param run_seconds: duration of a run; None is the emulator's setting. Runs of the real-time types end only
        when the outcome is not Finished.
    :param outcome: the status in which its runs end.
    :param start_lag_seconds: delay before a start is visible; None is the emulator's setting.
    :param stop_seconds: duration of the status Stopping; None is the emulator's setting.
    :param hides_started_time: whether GetDIJob leaves StartedTime out.
    :param starts: number of runs started.
    :param ran_before: whether it had a status before the first start, as of a run that it was not seen to begin.
    :param stops: number of runs stopped by StopDIJob.
    :param start_requests: the successful StartDIJob calls.
    :param definition: the further parameters of CreateDIJob.
    :param job_type: the JobType of 2024-05-18; None is the one that fits the migration type.
    :param owner: id of its owner.
    :param api_version: the only API version that shows it when the versions are separate; None is every version.
    :param tables: its source tables: ``name``, ``records``, and ``growth``, the records that each run adds.
    :param run_stats: RunStats of GetDIJob of 2020-05-18.
    :param events: what ListDIJobEvents shows besides the failures of runs: ``EventType``, ``time`` in Unix seconds,
        and fields of the response.
    :param log_lines: lines at the end of its log.
    :param failures: the Failover events of its failed runs.
    :param run: the current or last run that is shown.
    :param run_status: the status that this run has brought the job to.
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
    ran_before: bool = False
    stops: int = 0
    start_requests: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    created_time: int = 0
    updated_time: int = 0
    definition: dict[str, Any] = dataclasses.field(default_factory=dict)
    job_type: str | None = None
    owner: str = USER_ID
    api_version: str | None = None
    tables: list[dict[str, Any]] = dataclasses.field(default_factory=lambda: [dict(table) for table in TABLES])
    run_stats: dict[str, str] = dataclasses.field(default_factory=dict)
    events: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    log_lines: list[str] = dataclasses.field(default_factory=list)
    failures: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    run: Run | None = None
    run_status: str | None = None
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)

    @property
    def busy(self) -> bool:
        """Whether the job is running, stopping, or started with the start not visible yet."""
        return self.job_status in ("Running", "Stopping") or self.timeline.awaits("job_status", "Running")

    @property
    def activity(self) -> str:
        """The status, or a note that the job was started, when that is not visible yet."""
        return "about to be Running" if self.timeline.awaits("job_status", "Running") else self.job_status

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of its tables."""
        return PHASES.get(self.migration_type, OFFLINE_PHASES)

    @property
    def failure(self) -> str:
        """Why it fails, or would."""
        return self.error_message or assumptions.DEFAULT_ERROR_MESSAGE

    def start(
        self, settings: Settings, now: float, wall: float, *, rerun: bool = True, skip_seconds: float = 0.0
    ) -> bool:
        """
        Start a run.

        :param now: monotonic seconds.
        :param wall: Unix seconds.
        :param rerun: whether it migrates the tables that were migrated before as well; default True.
        :param skip_seconds: for how many seconds a run that has nothing to do is Running; default 0: there is none.
        :return: whether anything was started.
        """
        lag = _or_default(self.start_lag_seconds, settings.start_lag_seconds)
        run_seconds = _or_default(self.run_seconds, settings.run_seconds)
        outcome = self.outcome
        if not self.starts:
            self.ran_before = self.job_status != "Initialized"
        migrated: dict[str, int] = {}
        if not rerun:
            migrated = {table.name: table.records for table in self.table_states(now) if table.is_migrated}
        if self.job_status == "Finished" and not rerun:
            if not skip_seconds:
                return False
            run_seconds, outcome = min(run_seconds, skip_seconds), "Finished"
        shown_at = now + lag
        run = plan_run(
            self.tables,
            migrated,
            self.phases,
            earlier_runs=self.starts + self.ran_before,
            began=shown_at,
            wall=wall + lag,
            run_seconds=run_seconds,
            ends_early=outcome != "Finished",
        )
        stamp = max(int(wall), (self.started_time or 0) + 1)
        self.timeline.clear()
        self.timeline.schedule(shown_at, job_status="Running", started_time=stamp, run=run, run_status="Running")
        if self.migration_type not in REALTIME_TYPES or outcome != "Finished":
            run.halted = shown_at + run_seconds
            failures = (
                [*self.failures, self._failover(wall + lag + run_seconds)] if outcome == "Failed" else self.failures
            )
            self.timeline.schedule(run.halted, job_status=outcome, run_status=outcome, failures=failures)
        self.starts += 1
        self.advance(now)
        return True

    def stop(self, settings: Settings, now: float) -> bool:
        """Stop the run, and return whether there was one."""
        if self.job_status == "Stopping" or not self.busy:
            return False
        self.timeline.clear()
        if self.run is not None and self.run_status == "Running":
            self.run.halted = now
        self.job_status = self.run_status = "Stopping"
        stopped_at = now + _or_default(self.stop_seconds, settings.stop_seconds)
        self.timeline.schedule(stopped_at, job_status="Stopped", run_status="Stopped")
        self.stops += 1
        self.advance(now)
        return True

    def shown_run(self) -> Run | None:
        """Return the run that explains the status; one is made up for a status that was set by hand."""
        if self.run is not None and self.run_status == self.job_status:
            return self.run
        if self.job_status == "Initialized":
            return None
        ends_early = self.job_status not in ("Running", "Finished")
        run = plan_run(
            self.tables,
            {},
            self.phases,
            earlier_runs=0,
            began=0.0,
            wall=float(self.started_time or self.created_time),
            run_seconds=1.0,
            ends_early=ends_early,
        )
        run.halted = 1.0 if ends_early or self.migration_type in REALTIME_TYPES else 0.5
        return run

    def table_states(self, now: float) -> list[TableState]:
        """
        Return the state of each table in the current or last run; before the first one there is none.

        :param now: monotonic seconds.
        """
        run = self.shown_run()
        return run.states(self.job_status, self.failure, now) if run else []

    def log(self, node_type: NodeType, now: float) -> list[str]:
        """
        Return the lines of the log of the current or last run.

        :param node_type: which of the two logs.
        :param now: monotonic seconds.
        """
        run = self.shown_run()
        lines = run.log(self.di_job_id, node_type, self.job_status, self.failure, now) if run else []
        return [*lines, *self.log_lines]

    def _failover(self, wall: float) -> dict[str, Any]:
        return {"EventType": "Failover", "time": int(wall), "FailoverMessage": self.failure}

    def summary(self) -> dict[str, Any]:
        """Return the job as ListDIJobs returns it."""
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
        """Return the job as GetDIJob returns it."""
        data = self.summary()
        data["CreatedTime"] = self.created_time
        data["CreatedUid"] = USER_ID
        data["UpdatedTime"] = self.updated_time
        data["UpdatedUid"] = USER_ID
        data["RunStats"] = self.run_stats
        if self.started_time is not None and not self.hides_started_time:
            data["StartedTime"] = self.started_time
            data["StartedUid"] = USER_ID
        if self.job_status == "Failed":
            data["ErrorMessage"] = self.failure
        if "Description" in self.definition:
            data["Description"] = self.definition["Description"]
        if with_settings:
            data.update({"TableMappings": [], "TransformationRules": [], **self.definition})
        return data


def _or_default(own: float | None, default: float) -> float:
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
    job.created_time = job.updated_time = int(unix_time())


def _updated(job: Job) -> None:
    job.updated_time = int(unix_time())


def _tables(name: str, value: Any) -> list[dict[str, Any]]:
    tables = []
    for item in _objects(name, value):
        if not set(item) <= {"name", "records", "growth"}:
            raise ValueError(f"{name} must be objects with name and perhaps records and growth")
        tables.append(
            {
                "name": string("name", item.get("name")),
                "records": non_negative_int("records", item.get("records", 1000)),
                "growth": non_negative_int("growth", item.get("growth", 10)),
            }
        )
    if len({table["name"] for table in tables}) < len(tables):
        raise ValueError(f"{name} has one table twice")
    return tables


def _events(name: str, value: Any) -> list[dict[str, Any]]:
    events = []
    for item in _objects(name, value):
        texts = _strings(name, {key: text for key, text in item.items() if key not in ("EventType", "time")})
        if not set(texts) <= set(EVENT_FIELDS):
            raise ValueError(f"{name} must be objects with EventType and perhaps time, {', '.join(EVENT_FIELDS)}")
        kind = one_of(*EVENT_TYPES)("EventType", item.get("EventType"))
        events.append(
            {"EventType": kind, "time": non_negative_int("time", item.get("time", int(unix_time()))), **texts}
        )
    return events


def _objects(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"{name} must be a list of objects, not {value!r}")
    return value


def _strings(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, not {value!r}")
    return {str(key): string(str(key), item) for key, item in value.items()}


def _lines(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list of strings, not {value!r}")
    return [string(name, item) for item in value]


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
        Field("JobType", "job_type", optional(one_of(*JOB_TYPES))),
        Field("Owner", "owner", string),
        Field("api_version", "api_version", optional(string)),
        Field("tables", "tables", _tables),
        Field("RunStats", "run_stats", _strings),
        Field("events", "events", _events),
        Field("log_lines", "log_lines", _lines),
    ),
    defaults=lambda di_job_id: {"job_name": f"job_{di_job_id}"},
    initial=_initial_jobs,
    on_add=_created,
    on_change=_updated,
)
KINDS = (DI_JOBS,)
