"""A kind of thing that the package does not know, added through its public seams alone: backfills.

The emulator's side is a resource and its actions; the provider's side is a target, a trigger, an operator and a sensor.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, integer
from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.operators.base import StartOperator
from airflow_provider_dataworks.sensors.base import Polled, StatusSensor
from airflow_provider_dataworks.task import ConnectionArguments
from airflow_provider_dataworks.triggers.base import WaitTrigger
from airflow_provider_dataworks.waiting.loop import poll_many
from airflow_provider_dataworks.waiting.target import (
    BatchPoll,
    Evaluation,
    RunState,
    StartTarget,
    StatusSnapshot,
    StatusWords,
    WaitState,
    WaitTarget,
)

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook


@dataclasses.dataclass
class Backfill:
    """The emulator's backfill."""

    backfill_id: int
    project_id: int
    status: str = "NEW"
    run: int = 0
    starts: int = 0
    stops: int = 0
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        self.timeline.apply(self, now)


BACKFILLS: ResourceKind[Backfill] = ResourceKind(
    name="backfill",
    path="backfills",
    model=Backfill,
    id_attribute="backfill_id",
    first_new_id=50,
    fields=(
        Field("BackfillId", "backfill_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("Status", "status", string, moves=True),
        Field("starts", "starts"),
        Field("stops", "stops"),
    ),
    defaults=lambda backfill_id: {},
    initial=lambda settings: [Backfill(number, settings.project_id) for number in range(1, 31)],
)


def _find(state: State, given: Mapping[str, Any]) -> Backfill:
    if (backfill := state[BACKFILLS].find(given["Id"])) is None:
        raise ApiRefusal(404, "Backfill.NotFound", "There is no such backfill.")
    return backfill


def _facts(backfill: Backfill) -> dict[str, Any]:
    return {"Id": backfill.backfill_id, "Status": backfill.status, "Run": backfill.run}


def _start(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    backfill = _find(state, given)
    backfill.run += 1
    backfill.starts += 1
    backfill.status = "ON"
    backfill.timeline.schedule(time.monotonic() + state.settings.run_seconds, status="DONE")
    return ActionResult({}, changed=True)


def _stop(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    backfill = _find(state, given)
    backfill.stops += 1
    backfill.timeline.clear()
    backfill.status = "CUT"
    return ActionResult({}, changed=True)


def _list(state: State, given: Mapping[str, Any], request_id: str) -> ActionResult:
    return ActionResult({"Items": [_facts(backfill) for backfill in state[BACKFILLS].all()]})


_ID = Parameter("Id", "query", integer(), required=True)
BACKFILL_ACTIONS = (
    Action("StartBackfill", (_ID,), _start),
    Action("StopBackfill", (_ID,), _stop),
    Action("GetBackfill", (_ID,), lambda state, given, _: ActionResult(_facts(_find(state, given)))),
    Action("ListBackfills", (Parameter("ProjectId", "query", integer(), required=True),), _list),
)


@dataclasses.dataclass(frozen=True)
class BackfillTarget(StartTarget):
    """A backfill that is to be done."""

    backfill_id: int
    kind: ClassVar[str] = "backfill"
    id_name: ClassVar[str] = "backfill_id"

    @property
    def id(self) -> int:
        return self.backfill_id

    @property
    def words(self) -> StatusWords:
        return StatusWords(frozenset(STATES))

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        return snapshot_of(hook.call("GetBackfill", query={"Id": self.id}))

    def batch(self) -> BatchPoll:
        return AllBackfills()

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        return Evaluation(
            {RunState.SUCCEEDED: WaitState.SUCCEEDED, RunState.FAILED: WaitState.FAILED}.get(
                self.run_state(snapshot), WaitState.PENDING
            )
        )

    def run_state(self, snapshot: StatusSnapshot) -> RunState:
        return STATES.get(snapshot.status, RunState.IDLE)

    def shows_new_run(self, now: StatusSnapshot, before: StatusSnapshot) -> bool:
        return bool(now.started != before.started)

    def after_start(self, before: StatusSnapshot, start_timeout: float) -> BackfillTarget:
        return self

    def stop(self, hook: DataWorksHook) -> None:
        hook.call("StopBackfill", query={"Id": self.id})

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        return DataWorksJobError(f"{self.describe()} was cut.", job_id=self.id, status=snapshot.status)


STATES = {"ON": RunState.RUNNING, "DONE": RunState.SUCCEEDED, "CUT": RunState.FAILED}


class AllBackfills(BatchPoll):
    """One request for all."""

    def begin_tick(self) -> None:
        self._asked = False

    def next_request(self, wanted: frozenset[int]) -> str | None:
        return None if self._asked or len(wanted) < 2 else "all"

    def fetch(self, hook: DataWorksHook, project_id: int, request: Any) -> Any:
        return hook.call("ListBackfills", query={"ProjectId": project_id})["Items"]

    def read(self, request: Any, answer: Any, watched: frozenset[int]) -> dict[int, StatusSnapshot]:
        self._asked = True
        return {item["Id"]: snapshot_of(item) for item in answer if item["Id"] in watched}

    def forget(self, target_id: int) -> None:
        """Nothing is kept."""


def snapshot_of(item: Mapping[str, Any]) -> StatusSnapshot:
    return StatusSnapshot(item["Status"], started=item["Run"])


class BackfillTrigger(WaitTrigger):
    """Waits for backfills."""

    target_class: ClassVar[type[WaitTarget]] = BackfillTarget


@dataclasses.dataclass(frozen=True)
class BackfillArguments(ConnectionArguments):
    """The arguments of the operator and the sensor."""

    backfill_id: int


class StartBackfillOperator(StartOperator):
    """Starts a backfill."""

    def __init__(self, *, backfill_id: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backfill_id = backfill_id
        self.check_arguments()

    def read_arguments(self) -> BackfillArguments:
        return _read(self)

    def find(self, project_id: int | None) -> tuple[BackfillTarget, StatusSnapshot]:
        target = self.named_target(self.hook.resolve_project_id(project_id))
        return target, target.poll(self.hook)

    def start(self, target: StartTarget, before: StatusSnapshot) -> str | None:
        return str(self.hook.call("StartBackfill", query={"Id": target.id})["RequestId"])

    def attach(self, target: StartTarget, snapshot: StatusSnapshot) -> None:
        self.log.warning("%s runs already", target.describe())

    def named_target(self, project_id: int) -> BackfillTarget:
        return BackfillTarget(project_id, self.read_arguments().backfill_id)

    def trigger_class(self) -> type[WaitTrigger]:
        return BackfillTrigger


class BackfillSensor(StatusSensor):
    """Waits for a backfill."""

    def __init__(self, *, backfill_id: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backfill_id = backfill_id
        self.check_arguments()

    def read_arguments(self) -> BackfillArguments:
        return _read(self)

    def find(self, project_id: int) -> Polled:
        target = self.named_target(project_id, self.read_arguments().backfill_id)
        return [(target, poll_many([target], self.hook)[target.id])]

    def describe(self) -> str:
        return f"backfill {self.backfill_id}"

    def named_target(self, project_id: int, target_id: int) -> BackfillTarget:
        return BackfillTarget(project_id, target_id)

    def trigger_class(self) -> type[WaitTrigger]:
        return BackfillTrigger


def _read(task: StartBackfillOperator | BackfillSensor) -> BackfillArguments:
    return BackfillArguments(
        dataworks_conn_id=task.read_conn_id(),
        region_id=task.read_region_id(),
        project_id=task.read_project_id(),
        backfill_id=task.read("backfill_id", task.backfill_id, arguments.identifier),
    )
