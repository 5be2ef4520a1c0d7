"""DataStudio files of Data Integration (batch task, real-time task, solution): the resource and its instance."""

from __future__ import annotations

import dataclasses
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources.nodes import DAILY_CRON, PARAMETERS
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import (
    Settings,
    boolean,
    non_negative_int,
    one_of,
    optional,
    seconds,
)

OFFLINE = "DI_OFFLINE"
REALTIME = "DI_REALTIME"
SOLUTION = "DI_SOLUTION"
TASK_TYPES = (OFFLINE, REALTIME, SOLUTION)
STATUSES = ("PAUSE", "NORUN", "RUN", "KILLING", "WAIT")
START_OUTCOMES = ("RUN", "NORUN", "PAUSE")

SOLUTION_SUCCESSFUL = "0"
SOLUTION_NOT_RUNNING = "1"
SOLUTION_RUNNING = "2"
SOLUTION_STATUSES = tuple(assumptions.SOLUTION_WORDS)
CREATOR = "emulator"

#: The files of a new emulator: FileId, TaskType, name, deployed.
INITIAL_FILES = (
    (2001, REALTIME, "orders_realtime", True),
    (2002, SOLUTION, "orders_solution", False),
)
#: The properties of a new batch task.
DEFAULT_SCHEDULE: dict[str, Any] = {
    "ParaValue": PARAMETERS,
    "CronExpress": DAILY_CRON,
    "CycleType": "DAY",
    "SchedulerType": "NORMAL",
    "RerunMode": "ALL_ALLOWED",
    "AutoRerunTimes": 0,
    "AutoRerunIntervalMillis": 120_000,
}
INITIAL_TASK_CONTENT = '{"type":"job","version":"2.0","steps":[]}'


@dataclasses.dataclass
class File:
    """
    One file. Call :meth:`advance` before reading anything of it.

    :param status: status of a real-time file's instance.
    :param solution_status: status of a solution, a number as a string.
    :param starts: number of starts that had an effect.
    :param stops: number of stops that had an effect.
    :param deployed: whether the file is in the production environment.
    :param start_outcome: the status in which a start of a real-time file ends.
    :param wait_seconds: duration of the status WAIT before that.
    :param solution_outcome: the status in which a run of a solution ends.
    :param run_seconds: duration of a solution's run; None is the emulator's setting.
    :param node_id: the node of a batch task, once it is submitted.
    :param committed: whether a batch task is submitted as it is.
    :param schedule: the properties of a batch task that UpdateFile sets, by their names there.
    :param deploy_error: why its deployments fail, if they do.
    :param creations: CreateDISyncTask calls that made the file: 1, or 0 for one that was there from the start.
    """

    file_id: int
    project_id: int
    task_type: str
    task_name: str
    status: str = "NORUN"
    solution_status: str = SOLUTION_NOT_RUNNING
    starts: int = 0
    stops: int = 0
    deployed: bool = False
    start_outcome: str = "RUN"
    wait_seconds: float = 0.5
    solution_outcome: str = SOLUTION_SUCCESSFUL
    run_seconds: float | None = None
    start_lag_seconds: float | None = None
    stop_seconds: float | None = None
    task_content: str = ""
    task_param: str = ""
    client_token: str = ""
    creations: int = 0
    start_params: list[str | None] = dataclasses.field(default_factory=list)
    started_time: int | None = None
    submitted_time: int | None = None
    node_id: int | None = None
    committed: bool = False
    schedule: dict[str, Any] = dataclasses.field(default_factory=lambda: dict(DEFAULT_SCHEDULE))
    deploy_error: str | None = None
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)

    @property
    def busy(self) -> bool:
        """Whether the instance is running, starting or stopping."""
        if self.task_type == SOLUTION:
            running = self.solution_status == SOLUTION_RUNNING
            return running or self.timeline.awaits("solution_status", SOLUTION_RUNNING)
        return self.status in ("RUN", "WAIT", "KILLING") or self.timeline.awaits("status", "WAIT")

    def start(self, settings: Settings, now: float, wall: float) -> None:
        """
        Start a run of the instance.

        :param now: monotonic seconds.
        :param wall: Unix seconds.
        """
        lag = settings.start_lag_seconds if self.start_lag_seconds is None else self.start_lag_seconds
        stamp = max(int(wall), (self.started_time or 0) + 1)
        self.timeline.clear()
        if self.task_type == SOLUTION:
            run_seconds = settings.run_seconds if self.run_seconds is None else self.run_seconds
            self.timeline.schedule(now + lag, solution_status=SOLUTION_RUNNING, started_time=stamp)
            self.timeline.schedule(now + lag + run_seconds, solution_status=self.solution_outcome)
        else:
            self.timeline.schedule(now + lag, status="WAIT", started_time=stamp)
            self.timeline.schedule(now + lag + self.wait_seconds, status=self.start_outcome)
        self.starts += 1
        self.advance(now)

    def stop(self, settings: Settings, now: float) -> bool:
        """Stop a real-time instance, and return whether it was running."""
        if self.status == "KILLING" or not self.busy:
            return False
        stop_seconds = settings.stop_seconds if self.stop_seconds is None else self.stop_seconds
        self.timeline.clear()
        self.status = "KILLING"
        self.timeline.schedule(now + stop_seconds, status=assumptions.STATUS_AFTER_STOP)
        self.stops += 1
        self.advance(now)
        return True

    def terminate(self) -> bool:
        """Undeploy a real-time file, and return whether anything changed."""
        changed = self.deployed or self.busy
        self.timeline.clear()
        self.status = assumptions.STATUS_AFTER_TERMINATE
        self.deployed = False
        return changed

    def instance_info(self) -> dict[str, Any]:
        """Return the instance as GetDISyncInstanceInfo returns it."""
        if self.task_type == REALTIME:
            return {"Status": self.status, "Message": None, "Name": self.task_name, "SolutionInfo": None}
        step = {"StepId": 1, "StepName": "Create a base table", "Status": self._word(), "Info": ""}
        info = {"Id": self.file_id, "Status": self._word(), "CreatorName": CREATOR, "StepDetail": [step]}
        return {"Status": "success", "Message": None, "Name": None, "SolutionInfo": info}

    def details(self) -> dict[str, Any]:
        """Return the file as GetDISyncTask returns it."""
        data: dict[str, Any] = {"Status": "success", "Message": None, "AlarmList": []}
        if self.task_type == REALTIME:
            return {**data, "Code": self.task_content, "SolutionDetail": None}
        solution = {
            "Id": self.file_id,
            "ProjectId": self.project_id,
            "Name": self.task_name,
            "Type": "1",
            "SourceType": "mysql",
            "Status": self.solution_status,
            "CreatorName": CREATOR,
            "ProcessContent": self.task_content,
            "ProcessExtra": self.task_param,
            "SubmitTime": _milliseconds(self.submitted_time),
            "StartTime": _milliseconds(self.started_time),
        }
        return {**data, "Code": None, "SolutionDetail": solution}

    def _word(self) -> str:
        return assumptions.SOLUTION_WORDS.get(self.solution_status, assumptions.SOLUTION_WORDS["7"])


def _milliseconds(stamp: int | None) -> str | None:
    return None if stamp is None else str(stamp * 1000)


def _initial_files(settings: Settings) -> list[File]:
    return [
        File(file_id, settings.project_id, task_type, name, deployed=deployed, task_content=INITIAL_TASK_CONTENT)
        for file_id, task_type, name, deployed in INITIAL_FILES
    ]


FILES: ResourceKind[File] = ResourceKind(
    name="file",
    path="files",
    model=File,
    id_attribute="file_id",
    first_new_id=1000001,
    fields=(
        Field("FileId", "file_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("TaskType", "task_type", one_of(*TASK_TYPES)),
        Field("TaskName", "task_name", string),
        Field("Status", "status", string, moves=True),
        Field("SolutionStatus", "solution_status", string, moves=True),
        Field("starts", "starts", non_negative_int),
        Field("stops", "stops", non_negative_int),
        Field("deployed", "deployed", boolean),
        Field("start_outcome", "start_outcome", one_of(*START_OUTCOMES)),
        Field("wait_seconds", "wait_seconds", seconds),
        Field("solution_outcome", "solution_outcome", one_of(*SOLUTION_STATUSES)),
        Field("run_seconds", "run_seconds", optional(seconds)),
        Field("start_lag_seconds", "start_lag_seconds", optional(seconds)),
        Field("stop_seconds", "stop_seconds", optional(seconds)),
        Field("TaskContent", "task_content", string),
        Field("TaskParam", "task_param", string),
        Field("ClientToken", "client_token", string),
        Field("creations", "creations", non_negative_int),
        Field("start_params", "start_params"),
        Field("NodeId", "node_id", optional(identifier)),
        Field("committed", "committed", boolean),
        Field("schedule", "schedule"),
        Field("deploy_error", "deploy_error", optional(string)),
    ),
    defaults=lambda file_id: {"task_type": REALTIME, "task_name": f"file_{file_id}"},
    initial=_initial_files,
)
KINDS = (FILES,)
