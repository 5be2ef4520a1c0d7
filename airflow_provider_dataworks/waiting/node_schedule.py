"""What a node's own schedule runs for a business date: how its instances are polled, and what they mean together."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks.client.catalog import v2020_05_18
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import NodeInstance, NodeInstancePage, NodeStatus
from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget, snapshot_of
from airflow_provider_dataworks.waiting.pages import PAGE_SIZE
from airflow_provider_dataworks.waiting.several import failure_of_several
from airflow_provider_dataworks.waiting.target import (
    BatchPoll,
    Evaluation,
    StatusSnapshot,
    StatusWords,
    WaitState,
    WaitTarget,
)

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

#: The status of what DataWorks has not made yet.
NOT_GENERATED = "not generated yet"

_WORDS = StatusWords(frozenset({NOT_GENERATED, *map(str, NodeStatus)}))
#: Which of the instances' statuses stands for all while some have yet to end.
_FURTHEST_FIRST = (
    NodeStatus.RUNNING,
    NodeStatus.CHECKING,
    NodeStatus.CHECKING_CONDITION,
    NodeStatus.WAIT_RESOURCE,
    NodeStatus.WAIT_TRIGGER,
    NodeStatus.WAIT_TIME,
    NodeStatus.NOT_RUN,
)
_WORKING = (None, "", "NORMAL")
#: Nodes that one request of 2024-05-18 may name, and instances that it then gives.
_MOST_NODES = 500
#: Pages that ListInstances gives at most.
_MOST_PAGES = 100
#: Instances whose reasons are read and named in an error.
_MOST_REASONS = 3


@dataclass(frozen=True)
class NodeScheduleTarget(WaitTarget):
    """The instances that a node's own schedule has of a business date, which are all to succeed (API pages:
    ListInstances, ListTaskInstances).

    :param project_id: the workspace.
    :param node_id: the node.
    :param bizdate: the business date, ``YYYY-MM-DD``; nodes waited for on one date share their polls.
    :param project_env: ``PROD`` (default) or ``DEV``.
    :param await_all: whether an instance that fails ends the wait only once all have ended; default False.
    """

    node_id: int
    bizdate: str
    project_env: str = "PROD"
    await_all: bool = False

    kind: ClassVar[str] = "scheduled instances"

    @property
    def id(self) -> int:
        return self.node_id

    @property
    def words(self) -> StatusWords:
        return _WORDS

    @property
    def group(self) -> str:
        return f"{self.kind} of {self.bizdate} in {self.project_env}"

    def describe(self, name: str | None = None) -> str:
        facts = ", ".join(fact for fact in (printable(name) if name else "", self.bizdate) if fact)
        return f"scheduled node {self.node_id} ({facts})"

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        return self._snapshot(hook, self.read(hook))

    def batch(self) -> BatchPoll:
        return ScheduleLists(self.bizdate, self.project_env)

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        states = {WaitState(state) for _, _, state in snapshot.started or ()}
        if WaitState.FAILED in states and not (self.await_all and WaitState.PENDING in states):
            state = WaitState.FAILED
        else:
            state = WaitState.SUCCEEDED if states == {WaitState.SUCCEEDED} else WaitState.PENDING
        if state is not WaitState.PENDING and not snapshot.exact:
            return Evaluation(WaitState.PENDING, confirm=True)
        return Evaluation(state)

    def progress(self, hook: DataWorksHook) -> str:
        return self.poll(hook).detail

    @property
    def why_not_stopped(self) -> str | None:
        return "a node's own schedule has begun them"

    def results(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> dict[str, Any]:
        warn_of_idle(self, snapshot, log)
        return {"return_value": statuses_of(snapshot)}

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        """The error for instances that failed, with the reasons of up to three.

        :param hook: the hook to ask for them.
        :param snapshot: the last snapshot.
        :param log: where to say that a reason cannot be had.
        :return: the error to raise.
        """
        instances = self.read(hook)
        reruns = self._reruns(hook, instances)
        failed = [each for each in instances if self._state(each, reruns) is WaitState.FAILED]
        if not failed:
            return DataWorksJobError(
                f"{self.describe(snapshot.name)} was {printable(snapshot.status)}, and has been run again since: clear "
                "the task to wait for that.",
                status=snapshot.status,
                job_name=snapshot.name,
            )
        reasons = [self._alone(each).failure(hook, snapshot_of(each), log) for each in failed[:_MOST_REASONS]]
        return failure_of_several(reasons, len(instances))

    def read(self, hook: DataWorksHook) -> tuple[NodeInstance, ...]:
        """Read the instances.

        :param hook: the hook to call.
        :return: those that the schedule has made so far.
        :raises DataWorksError: as the hook raises.
        """
        return hook.read_node_instances(
            project_id=self.project_id,
            node_id=self.node_id,
            bizdate=self.bizdate,
            project_env=self.project_env,
            scheduled_only=True,
        )

    def _snapshot(self, hook: DataWorksHook, instances: Collection[NodeInstance]) -> StatusSnapshot:
        reruns = self._reruns(hook, instances)
        return snapshot_of_all([(each, self._state(each, reruns)) for each in instances])

    def _reruns(self, hook: DataWorksHook, instances: Iterable[NodeInstance]) -> int | None:
        """How often the node is run again by itself, where an instance has failed that does not say it."""
        if not any(map(_may_be_rerun, instances)):
            return None
        return hook.read_node(node_id=self.node_id, project_env=self.project_env).reruns

    def _state(self, instance: NodeInstance, reruns: int | None) -> WaitState:
        return (
            self._alone(instance, reruns).evaluate(snapshot_of(instance), new_run_seen=True, start_overdue=False).state
        )

    def _alone(self, instance: NodeInstance, reruns: int | None = None) -> NodeInstanceTarget:
        return NodeInstanceTarget(
            self.project_id, instance.id, self.node_id, self.bizdate, self.project_env, reruns=reruns
        )


def snapshot_of_all(instances: Collection[tuple[NodeInstance, WaitState]], *, exact: bool = True) -> StatusSnapshot:
    """A node's instances as a poll saw them.

    :param instances: each with what it means for the wait.
    :param exact: whether it is certain that these are all, and what they mean; default True.
    :return: the snapshot; ``started`` has id, status and state of each, and ``type`` why one does no work.
    """
    states = [state for _, state in instances]
    idle = [each.recurrence for each, _ in instances if each.recurrence not in _WORKING]
    done = states.count(WaitState.SUCCEEDED)
    facts = [f"{done} of {len(states)} instances {NodeStatus.SUCCESS}"] if len(states) > 1 else []
    facts += [f"no work: {printable(idle[0])}"] if idle else []
    return StatusSnapshot(
        _status_of_all(instances),
        exact=exact,
        started=tuple((each.id, each.status, state.value) for each, state in instances),
        name=next((each.node_name for each, _ in instances if each.node_name), None),
        detail=", ".join(facts),
        type=idle[0] if idle else None,
    )


def statuses_of(snapshot: StatusSnapshot) -> dict[str, str]:
    """The instances of a snapshot, as a task's XCom has them.

    :param snapshot: the snapshot.
    :return: statuses by the instances' ids.
    """
    return {str(instance_id): status for instance_id, status, _ in snapshot.started or ()}


def warn_of_idle(target: NodeScheduleTarget, snapshot: StatusSnapshot, log: Any) -> None:
    """Warn of a success without work.

    :param target: what was waited for.
    :param snapshot: the last snapshot.
    :param log: the task's logger.
    """
    if snapshot.status == NodeStatus.SUCCESS and snapshot.type:
        what = target.describe(snapshot.name)
        log.warning("%s is %s without having done anything: it is %s", what, snapshot.status, snapshot.type)


class ScheduleLists(BatchPoll):
    """Lists of the scheduled instances of one business date: of several nodes a request where the API version can do
    that, else all pages of the date, if these are fewer than the nodes.

    :param bizdate: the business date, ``YYYY-MM-DD``.
    :param project_env: ``PROD`` or ``DEV``.
    """

    def __init__(self, bizdate: str, project_env: str) -> None:
        self._bizdate = bizdate
        self._project_env = project_env
        #: None until a hook says which version it has.
        self._by_node: bool | None = None
        self._pages = 1
        self._begun: frozenset[int] = frozenset()
        self._page = 1
        self._nodes: frozenset[int] = frozenset()
        self._found: dict[int, dict[int, NodeInstance]] = {}

    def begin_tick(self) -> None:
        self._begun, self._nodes, self._page = frozenset(), frozenset(), 1

    def next_request(self, wanted: frozenset[int]) -> Hashable | None:
        if not self._nodes:
            if len(left := sorted(wanted - self._begun)) < 2:
                return None
            if self._by_node is False and self._pages > min(len(left), _MOST_PAGES):
                # One by one it takes fewer requests.
                return None
            self._nodes = frozenset(left[:_MOST_NODES] if self._by_node is not False else left)
            self._begun |= self._nodes
            self._page, self._found = 1, {node_id: {} for node_id in self._nodes}
        return (self._page, tuple(sorted(self._nodes)))

    def fetch(self, hook: DataWorksHook, project_id: int, request: Any) -> NodeInstancePage:
        if self._by_node is None:
            self._by_node = hook.settings.api_version != v2020_05_18.VERSION
        page, nodes = request
        return hook.list_node_instances_page(
            project_id=project_id,
            bizdate=self._bizdate,
            node_ids=nodes[:_MOST_NODES] if self._by_node else None,
            project_env=self._project_env,
            scheduled_only=True,
            page_number=page,
        )

    def read(self, request: Any, answer: NodeInstancePage, watched: frozenset[int]) -> dict[int, StatusSnapshot]:
        for instance in answer.instances:
            if instance.node_id in self._nodes:
                self._found[instance.node_id][instance.id] = instance
        self._pages = max(1, -(-(answer.total or 0) // (_MOST_NODES if self._by_node else PAGE_SIZE)))
        nodes = self._nodes
        if not self._by_node and self._pages > min(len(nodes), _MOST_PAGES):
            # One by one it takes fewer requests.
            self._nodes = frozenset()
            return {}
        if self._page < self._pages:
            self._page += 1
            return {}
        self._nodes = frozenset()
        # A list of several pages may shift between two of them.
        return {node_id: _listed(self._found[node_id].values(), self._pages == 1) for node_id in nodes & watched}

    def forget(self, target_id: int) -> None:
        """Nothing is kept from one tick to the next."""


def _listed(instances: Collection[NodeInstance], complete: bool) -> StatusSnapshot:
    target = NodeInstanceTarget(0, 0, 0, None)
    states = [
        (each, target.evaluate(snapshot_of(each), new_run_seen=True, start_overdue=False).state) for each in instances
    ]
    return snapshot_of_all(states, exact=complete and not any(map(_may_be_rerun, instances)))


def _may_be_rerun(instance: NodeInstance) -> bool:
    """Whether only the node says if an instance that has failed is run again by itself."""
    return instance.status == NodeStatus.FAILURE and instance.reruns_left is None and instance.run_number is not None


def _status_of_all(instances: Collection[tuple[NodeInstance, WaitState]]) -> str:
    if not instances:
        return NOT_GENERATED
    by_state: dict[WaitState, list[str]] = {}
    for each, state in instances:
        by_state.setdefault(state, []).append(each.status)
    if WaitState.FAILED in by_state:
        return by_state[WaitState.FAILED][0]
    pending = by_state.get(WaitState.PENDING)
    if not pending:
        return by_state[WaitState.SUCCEEDED][0]
    return next((str(status) for status in _FURTHEST_FIRST if status in pending), pending[0])
