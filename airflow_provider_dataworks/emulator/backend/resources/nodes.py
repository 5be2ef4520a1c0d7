"""Nodes of batch tasks: a node of DataStudio, and, once it is deployed, the task that the scheduler knows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.business_dates import cycles
from airflow_provider_dataworks.emulator.backend.clock import unix_time
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import (
    PROJECT_IDENTIFIER,
    Settings,
    boolean,
    non_negative_int,
    one_of,
    optional,
    seconds,
)

DEV, PROD = "DEV", "PROD"
ENVIRONMENTS = (DEV, PROD)
#: SchedulerType of 2020-05-18, by the recurrence of 2024-05-18.
SCHEDULER_TYPES = {"Normal": "NORMAL", "Pause": "PAUSE", "Skip": "SKIP", "Manual": "MANUAL"}
NORMAL, PAUSE, SKIP, MANUAL = SCHEDULER_TYPES.values()
#: RerunMode of UpdateFile, by that of the scheduler in 2024-05-18 and by that of FlowSpec.
RERUN_MODES = {"AllAllowed": "ALL_ALLOWED", "FailureAllowed": "FAILURE_ALLOWED", "AllDenied": "ALL_DENIED"}
SPEC_RERUN_MODES = {"Allowed": "ALL_ALLOWED", "FailureAllowed": "FAILURE_ALLOWED", "Denied": "ALL_DENIED"}
CYCLE_TYPES = ("DAY", "NOT_DAY")
SUCCESS, FAILURE = "SUCCESS", "FAILURE"
OUTCOMES = (SUCCESS, FAILURE)
PROGRAM_TYPE, FILE_TYPE = "DI", 23
DAILY_CRON, HOURLY_CRON = "00 05 00 * * ?", "00 00 00-23/1 * * ?"
PARAMETERS = "bizdate=$bizdate"
CONTENT = '{"type":"job","version":"2.0","steps":[]}'

#: What a node of 2024-05-18 adds to the number of its task, so that the two are never confused.
STUDIO_ID_BASE = 7 * 10**18
#: The same for the file of a node that the control endpoint adds.
FILE_ID_BASE = 1_500_000
#: A trigger node fires on a request to the API.
BATCH_NODE_ID, NIGHTLY_NODE_ID, HOURLY_NODE_ID, FROZEN_NODE_ID = 4001, 4002, 4003, 4004
DRY_RUN_NODE_ID, TRIGGER_NODE_ID, FAILING_NODE_ID = 4005, 4006, 4007
#: NodeId, FileId and name of the nodes of a new emulator; all are deployed.
INITIAL_NODES = (
    (BATCH_NODE_ID, 2003, "orders_batch"),
    (NIGHTLY_NODE_ID, 2004, "orders_nightly"),
    (HOURLY_NODE_ID, 2005, "orders_hourly"),
    (FROZEN_NODE_ID, 2006, "orders_frozen"),
    (DRY_RUN_NODE_ID, 2007, "orders_dry_run"),
    (TRIGGER_NODE_ID, 2008, "orders_trigger"),
    (FAILING_NODE_ID, 2009, "orders_batch_bad"),
)
_OF_INITIAL: dict[int, dict[str, Any]] = {
    NIGHTLY_NODE_ID: {"scheduled": True},
    HOURLY_NODE_ID: {"scheduled": True, "cycle_type": "NOT_DAY", "cron": HOURLY_CRON},
    FROZEN_NODE_ID: {"scheduled": True, "scheduler_type": PAUSE},
    DRY_RUN_NODE_ID: {"scheduled": True, "scheduler_type": SKIP},
    TRIGGER_NODE_ID: {"scheduled": True, "is_trigger": True},
    FAILING_NODE_ID: {"outcome": FAILURE, "error_message": "Table 'demo.orders_batch_bad' doesn't exist"},
}


@dataclasses.dataclass
class Node:
    """
    One node. Call :meth:`advance` before reading anything of it.

    :param node_id: its id as a task of the scheduler, in both API versions.
    :param name: its name.
    :param file_id: the file of 2020-05-18 that it was deployed from, if there is one.
    :param environments: those that it is deployed in, of ``DEV`` and ``PROD``.
    :param param_values: its parameters, in the node's syntax.
    :param cron: when it is scheduled; its days, months and weekdays are not evaluated.
    :param cycle_type: ``DAY``, or ``NOT_DAY`` for one that is due several times a day.
    :param scheduler_type: ``NORMAL``, ``PAUSE`` for a frozen node, ``SKIP`` for a dry-run one, ``MANUAL``.
    :param rerun_times: number of automatic reruns after a failure.
    :param rerun_seconds: time between a failure and the next automatic rerun.
    :param is_trigger: whether it is an HTTP trigger node, whose instances wait for a call.
    :param scheduled: whether the scheduler makes instances of it each day.
    :param spec: its FlowSpec, if it was made by CreateNode.
    :param wait_seconds: how long an instance waits for resources.
    :param run_seconds: duration of one run of an instance; None is the emulator's setting.
    :param outcome: how runs end: ``SUCCESS`` or ``FAILURE``.
    :param failing_runs: number of runs of an instance that fail before this outcome.
    :param error_code: the code in the log of a failure.
    :param error_message: the description in the log of a failure.
    :param records: how many records a run reads.
    :param error_records: how many of them it cannot write.
    :param engine_log: whether the log contains the part of the engine.
    :param log_lines: lines at the end of each log.
    :param creation_failure: FailureMessage with which CreateWorkflowInstances fails for it.
    :param deploy_error: why its deployment, or the stage of a pipeline, fails.
    :param runs: number of calls that ran it, each for one business date.
    :param stops: number of its instances that a call stopped.
    """

    node_id: int
    project_id: int
    name: str
    file_id: int | None = None
    environments: list[str] = dataclasses.field(default_factory=lambda: [*ENVIRONMENTS])
    content: str = CONTENT
    param_values: str = PARAMETERS
    cron: str = DAILY_CRON
    cycle_type: str = "DAY"
    scheduler_type: str = NORMAL
    rerun_mode: str = "ALL_ALLOWED"
    rerun_times: int = 0
    rerun_seconds: float = 120.0
    resource_group: str = ""
    is_trigger: bool = False
    scheduled: bool = False
    spec: str = ""
    wait_seconds: float = 0.0
    run_seconds: float | None = None
    outcome: str = SUCCESS
    failing_runs: int = 0
    error_code: str = assumptions.NODE_ERROR_CODE
    error_message: str = assumptions.NODE_ERROR_MESSAGE
    records: int = 1000
    error_records: int = 0
    engine_log: bool = True
    log_lines: list[str] = dataclasses.field(default_factory=list)
    creation_failure: str | None = None
    deploy_error: str | None = None
    runs: int = 0
    stops: int = 0
    created_time: int = 0
    updated_time: int = 0
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)

    @property
    def studio_id(self) -> str:
        """Its id as a node of DataStudio, in 2024-05-18."""
        return str(STUDIO_ID_BASE + self.node_id)

    @property
    def recurrence(self) -> str:
        """Its scheduler type, as 2024-05-18 spells it."""
        return next(word for word, kind in SCHEDULER_TYPES.items() if kind == self.scheduler_type)

    @property
    def is_hourly(self) -> bool:
        """Whether it is due several times a day."""
        return self.cycle_type == "NOT_DAY"

    def is_in(self, environment: str) -> bool:
        """Return whether it is deployed in an environment."""
        return environment in self.environments

    def deploy(self, environments: Collection[str], at: float, **definition: Any) -> None:
        """
        Schedule its deployment.

        :param environments: those that it is deployed in then, besides its present ones.
        :param at: monotonic seconds.
        :param definition: the attributes that it then has.
        """
        deployed = [each for each in ENVIRONMENTS if each in environments or each in self.environments]
        self.timeline.schedule(at, environments=deployed, updated_time=int(unix_time()), **definition)

    def effective_spec(self) -> str:
        """Return its FlowSpec; one is made up for a node that CreateNode did not make."""
        if self.spec:
            return self.spec
        node = {
            "id": self.studio_id,
            "name": self.name,
            "recurrence": self.recurrence,
            "timeout": 0,
            "instanceMode": "T+1",
            "rerunMode": next(word for word, mode in SPEC_RERUN_MODES.items() if mode == self.rerun_mode),
            "rerunTimes": self.rerun_times,
            "rerunInterval": int(self.rerun_seconds * 1000),
            "script": {
                "path": f"{assumptions.DEFAULT_FOLDER}/{self.name}",
                "language": "json",
                "runtime": {"command": PROGRAM_TYPE, "commandTypeId": FILE_TYPE},
                "content": self.content,
                "parameters": _spec_parameters(self.param_values),
            },
            "trigger": {"type": "Scheduler", "cron": self.cron, "timezone": "Asia/Shanghai"},
            "runtimeResource": {"resourceGroup": self.resource_group},
            "inputs": {"nodeOutputs": _spec_outputs(f"{PROJECT_IDENTIFIER.format(self.project_id)}_root")},
            "outputs": {"nodeOutputs": _spec_outputs(f"{self.name}_out")},
        }
        return json.dumps({"version": "1.1.0", "kind": "Node", "spec": {"nodes": [node]}}, ensure_ascii=False)


def _spec_outputs(name: str) -> list[dict[str, str]]:
    return [{"data": name, "artifactType": "NodeOutput"}]


def _spec_parameters(values: str) -> list[dict[str, Any]]:
    common = {"artifactType": "Variable", "scope": "NodeParameter"}
    if values.lstrip().startswith("-p"):
        return [{"name": "-", "value": values, "type": "NoKvVariableExpression", **common}]
    pairs = (pair.partition("=") for pair in values.split())
    return [{"name": name, "value": value, "type": "System", **common} for name, _, value in pairs]


def _initial_nodes(settings: Settings) -> list[Node]:
    return [
        Node(node_id, settings.project_id, name, file_id, **_OF_INITIAL.get(node_id, {}))
        for node_id, file_id, name in INITIAL_NODES
    ]


def _created(node: Node) -> None:
    node.created_time = node.updated_time = int(unix_time())


def _updated(node: Node) -> None:
    node.updated_time = int(unix_time())


def _environments(name: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not set(value) <= set(ENVIRONMENTS):
        raise ValueError(f"{name} must be a list of {' and '.join(ENVIRONMENTS)}, not {value!r}")
    return [each for each in ENVIRONMENTS if each in value]


def _cron(name: str, value: Any) -> str:
    cycles(string(name, value))
    return str(value)


def lines(name: str, value: Any) -> list[str]:
    """
    Check a list of strings.

    :raises ValueError: it is something else.
    """
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list of strings, not {value!r}")
    return [string(name, item) for item in value]


NODES: ResourceKind[Node] = ResourceKind(
    name="node",
    path="nodes",
    model=Node,
    id_attribute="node_id",
    first_new_id=700001,
    fields=(
        Field("NodeId", "node_id", identifier),
        Field("Id", "studio_id"),
        Field("ProjectId", "project_id", identifier),
        Field("NodeName", "name", string),
        Field("FileId", "file_id", optional(identifier)),
        Field("environments", "environments", _environments),
        Field("Content", "content", string),
        Field("ParamValues", "param_values", string),
        Field("CronExpress", "cron", _cron),
        Field("CycleType", "cycle_type", one_of(*CYCLE_TYPES)),
        Field("SchedulerType", "scheduler_type", one_of(*SCHEDULER_TYPES.values())),
        Field("RerunMode", "rerun_mode", one_of(*RERUN_MODES.values())),
        Field("rerun_times", "rerun_times", non_negative_int),
        Field("rerun_seconds", "rerun_seconds", seconds),
        Field("is_trigger", "is_trigger", boolean),
        Field("scheduled", "scheduled", boolean),
        Field("Spec", "spec", string),
        Field("wait_seconds", "wait_seconds", seconds),
        Field("run_seconds", "run_seconds", optional(seconds)),
        Field("outcome", "outcome", one_of(*OUTCOMES)),
        Field("failing_runs", "failing_runs", non_negative_int),
        Field("error_code", "error_code", string),
        Field("ErrorMessage", "error_message", string),
        Field("records", "records", non_negative_int),
        Field("error_records", "error_records", non_negative_int),
        Field("engine_log", "engine_log", boolean),
        Field("log_lines", "log_lines", lines),
        Field("creation_failure", "creation_failure", optional(string)),
        Field("deploy_error", "deploy_error", optional(string)),
        Field("runs", "runs", non_negative_int),
        Field("stops", "stops", non_negative_int),
    ),
    defaults=lambda node_id: {"name": f"node_{node_id}", "file_id": FILE_ID_BASE + node_id},
    initial=_initial_nodes,
    on_add=_created,
    on_change=_updated,
)
KINDS = (NODES,)
