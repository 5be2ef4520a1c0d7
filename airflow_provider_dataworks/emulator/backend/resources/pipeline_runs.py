"""Pipeline runs of 2024-05-18: the deployment of a node, stage by stage."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.resources.node_instances import to_milliseconds
from airflow_provider_dataworks.emulator.backend.resources.operations import make_uuid
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import STANDARD, one_of

INIT, RUNNING, SUCCESS, FAIL, CANCEL = "Init", "Running", "Success", "Fail", "Cancel"
STATUSES = (INIT, RUNNING, SUCCESS, FAIL, "Termination", CANCEL)
BUILD = "BUILD_PACKAGE"
#: The types of the stages, by their codes, in their order.
STAGE_TYPES = {BUILD: "Build", "DEV_CHECK": "Check", "DEV": "Deploy", "PROD_CHECK": "Check", "PROD": "Deploy"}
OFFLINE_TYPES = {BUILD: "Build", "DEV": "Offline", "PROD": "Offline"}
#: The share of a stage's duration for which it still is Init after it was executed.
INIT_SHARE = 0.3


@dataclasses.dataclass
class PipelineRun:
    """
    One pipeline run.

    :param node_id: the node that it deploys.
    :param kind: ``Online`` or ``Offline``.
    :param stages: the status of each stage, by its code.
    :param messages: the message of each stage that has one.
    :param until: the stage until which it runs by itself.
    :param cancelled: whether it was abolished.
    """

    pipeline_id: str
    project_id: int
    node_id: int = 0
    kind: str = "Online"
    description: str = ""
    stages: Mapping[str, str] = dataclasses.field(default_factory=dict)
    messages: dict[str, str] = dataclasses.field(default_factory=dict)
    executed: list[str] = dataclasses.field(default_factory=list)
    cancelled: bool = False
    created_time: float = 0.0
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)

    @property
    def status(self) -> str:
        """Its status."""
        words = list(self.stages.values())
        if self.cancelled:
            return CANCEL
        if FAIL in words:
            return FAIL
        if all(word == SUCCESS for word in words):
            return SUCCESS
        return INIT if all(word == INIT for word in words) else RUNNING

    @property
    def types(self) -> dict[str, str]:
        """The types of its stages, by their codes."""
        return STAGE_TYPES if self.kind == "Online" else OFFLINE_TYPES

    @property
    def next_stage(self) -> str | None:
        """The stage that can be executed, None when it is the turn of none."""
        waiting = [code for code in self.stages if code not in self.executed]
        done = all(self.stages[code] == SUCCESS for code in self.executed)
        return waiting[0] if waiting and done and not self.cancelled else None

    def execute(self, codes: list[str], begins: float, duration: float, failure: str | None) -> dict[str, float]:
        """
        Schedule stages, one after the other.

        :param codes: their codes.
        :param begins: monotonic seconds.
        :param duration: of each.
        :param failure: why deployments fail, if they do.
        :return: when each stage succeeds, by code, in monotonic seconds.
        """
        stages, ends = dict(self.stages), {}
        for code in codes:
            self.executed.append(code)
            fails = failure is not None and code != BUILD
            stages[code] = RUNNING
            self.timeline.schedule(begins + duration * INIT_SHARE, stages=dict(stages))
            begins += duration
            stages[code] = FAIL if fails else SUCCESS
            self.timeline.schedule(begins, stages=dict(stages))
            if fails:
                self.messages[code] = failure or ""
                break
            ends[code] = begins
        return ends


def stage_codes(kind: str, workspace_mode: str) -> list[str]:
    """Return the codes of the stages that a pipeline run has, in their order."""
    codes = STAGE_TYPES if kind == "Online" else OFFLINE_TYPES
    return [code for code in codes if workspace_mode == STANDARD or not code.startswith("DEV")]


PIPELINE_RUNS: ResourceKind[PipelineRun] = ResourceKind(
    name="pipeline run",
    path="pipeline_runs",
    model=PipelineRun,
    id_attribute="pipeline_id",
    first_new_id=0x923B_8EE0_0001,
    make_id=make_uuid,
    parse_id=str,
    fields=(
        Field("Id", "pipeline_id", string),
        Field("ProjectId", "project_id", identifier),
        Field("NodeId", "node_id", identifier),
        Field("Type", "kind", one_of("Online", "Offline")),
        Field("Status", "status"),
        Field("stages", "stages", show=dict),
        Field("executed", "executed"),
        Field("CreateTime", "created_time", show=to_milliseconds),
    ),
)
KINDS = (PIPELINE_RUNS,)


def details(run: PipelineRun) -> dict[str, Any]:
    """Return a pipeline run as GetPipelineRun returns it, without its account."""
    return {
        "Id": run.pipeline_id,
        "ProjectId": run.project_id,
        "Status": run.status,
        "Description": run.description,
        "Message": next((run.messages[code] for code, word in run.stages.items() if word == FAIL), ""),
        "CreateTime": to_milliseconds(run.created_time),
        "ModifyTime": to_milliseconds(run.created_time),
        "Stages": [
            {
                "Code": code,
                "Name": code,
                "Type": run.types[code],
                "Step": step,
                "Status": word,
                "Message": run.messages.get(code, "") if word == FAIL else "",
                "Detail": {},
            }
            for step, (code, word) in enumerate(run.stages.items(), start=1)
        ],
    }
