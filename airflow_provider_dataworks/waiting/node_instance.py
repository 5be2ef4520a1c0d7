"""Instances of nodes: how they are polled, what their statuses mean, and what their logs say at the end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.catalog import v2020_05_18
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import NodeInstance, NodeInstancePage, NodeStatus
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksJobError, DataWorksParameterError
from airflow_provider_dataworks.links.dataworks import workspace_url
from airflow_provider_dataworks.waiting import node_log
from airflow_provider_dataworks.waiting.pages import PAGE_SIZE, PageMap
from airflow_provider_dataworks.waiting.target import (
    BatchPoll,
    Evaluation,
    RunState,
    StatusSnapshot,
    StatusWords,
    WaitState,
    WaitTarget,
)

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

_WORDS = StatusWords(frozenset(str(status) for status in NodeStatus))
_SUCCESS, _FAILURE = str(NodeStatus.SUCCESS), str(NodeStatus.FAILURE)
#: Recurrences of instances that do work.
_WORKING = (None, "", "NORMAL", "MANUAL")
_FROZEN = "PAUSE"
#: Instances that one request of 2024-05-18 may name.
_MOST_IDS = 500
#: Pages that ListInstances gives at most.
_MOST_PAGES = 100


@dataclass(frozen=True)
class NodeInstanceTarget(WaitTarget):
    """An instance of a node that is to succeed (API pages: ListInstances, GetInstance, ListTaskInstances,
    GetTaskInstance).

    :param project_id: the workspace.
    :param instance_id: the instance.
    :param node_id: its node; 0 if it is not known.
    :param bizdate: its business date, ``YYYY-MM-DD``; instances of one date share their polls.
    :param project_env: ``PROD`` (default) or ``DEV``.
    :param run_id: the run that it belongs to; default None.
    :param reruns: how often the node is run again by itself after a failure, where only the node says it; None
        (default) where the instance says how many reruns are left.
    :param fetch_log: whether ``results`` writes the log's last 1,000 lines into the task's log; default False.
    """

    instance_id: int
    node_id: int
    bizdate: str | None
    project_env: str = "PROD"
    run_id: int | None = None
    reruns: int | None = None
    fetch_log: bool = False

    kind: ClassVar[str] = "node instance"

    @property
    def id(self) -> int:
        return self.instance_id

    @property
    def words(self) -> StatusWords:
        return _WORDS

    @property
    def group(self) -> str:
        return f"{self.kind} of {self.bizdate or 'any date'} in {self.project_env}"

    def describe(self, name: str | None = None) -> str:
        node = f"node {self.node_id}" if self.node_id else "node"
        facts = [f"{node} {printable(name)}" if name else node, self.bizdate]
        return f"{self.kind} {self.instance_id} ({', '.join(fact for fact in facts if fact)})"

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        return snapshot_of(hook.read_node_instance(instance_id=self.instance_id, project_env=self.project_env))

    def batch(self) -> BatchPoll | None:
        return None if self.bizdate is None else NodeInstanceLists(self.bizdate, self.project_env)

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        if snapshot.status == _SUCCESS:
            return Evaluation(WaitState.SUCCEEDED)
        if snapshot.status == _FAILURE and not self._is_rerun(snapshot):
            return Evaluation(WaitState.FAILED)
        return Evaluation(WaitState.PENDING)

    def run_state(self, snapshot: StatusSnapshot) -> RunState:
        """What a snapshot says of the instance.

        :param snapshot: what a poll saw.
        :return: running while it waits for its turn or for an automatic rerun, too.
        """
        state = self.evaluate(snapshot, new_run_seen=True, start_overdue=False).state
        if state is WaitState.PENDING:
            return RunState.RUNNING if snapshot.status in _WORDS.known else RunState.IDLE
        return RunState.SUCCEEDED if state is WaitState.SUCCEEDED else RunState.FAILED

    def progress(self, hook: DataWorksHook) -> str:
        log = hook.get_node_instance_log(instance_id=self.instance_id, project_env=self.project_env)
        return node_log.state_line(log)

    def stop(self, hook: DataWorksHook) -> None:
        hook.stop_node_instance(instance_id=self.instance_id, project_env=self.project_env)

    def results(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> dict[str, Any]:
        return {"statistics": self.read_end(hook, snapshot, log).statistics}

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        text = "" if _is_frozen(snapshot) else self._read_log(hook, snapshot, log)
        return self._failure(hook, snapshot, node_log.error_of(text))

    def read_end(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> InstanceEnd:
        """Read what an instance that has ended leaves behind; its log goes into the task's log if ``fetch_log``.

        :param hook: the hook to call.
        :param snapshot: the last snapshot.
        :param log: the task's logger; a log that cannot be read is a warning there.
        :return: the statistics, and the failure if it is one.
        """
        name, text = self.describe(snapshot.name), ""
        if snapshot.type in _WORKING:
            text = self._read_log(hook, snapshot, log)
            if self.fetch_log and (lines := node_log.last_lines(text)):
                log.info("The log of %s:\n%s", name, lines)
            found = node_log.statistics(text)
        else:
            found = {"skipped": str(snapshot.type)}
            if snapshot.status == _SUCCESS:
                log.warning("%s is %s without having done anything: it is %s", name, snapshot.status, snapshot.type)
        failure = None
        if snapshot.status != _SUCCESS:
            failure = self._failure(hook, snapshot, node_log.error_of(text))
        return InstanceEnd(found, failure)

    def _read_log(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> str:
        name = self.describe(snapshot.name)
        try:
            text = hook.get_node_instance_log(instance_id=self.instance_id, project_env=self.project_env)
        except DataWorksError as error:
            log.warning("The log of %s cannot be read: %s", name, error)
            return ""
        if not text.strip():
            log.warning("The log of %s is empty: DataWorks keeps logs for 7 to 30 days, and long ones for a day", name)
        return text

    def _failure(
        self, hook: DataWorksHook, snapshot: StatusSnapshot, error: node_log.LogError | None
    ) -> DataWorksJobError:
        if _is_frozen(snapshot):
            reason = f"the node is frozen ({snapshot.type}): unfreeze it in Operation Center, or deploy it unfrozen"
        else:
            reason = str(error) if error is not None else "its log gives no error"
        try:
            console_url = workspace_url(hook, self.project_id)
        except DataWorksParameterError:
            console_url = None
        return DataWorksJobError(
            f"{self.describe(snapshot.name)} is {printable(snapshot.status)}: {reason.rstrip('. ')}. "
            f"See {console_url or 'the DataWorks console'}",
            job_id=self.instance_id,
            status=snapshot.status,
            error_message=error.description if error is not None else None,
            job_name=snapshot.name,
            code=error.code if error is not None else None,
            console_url=console_url,
        )

    def _is_rerun(self, snapshot: StatusSnapshot) -> bool:
        """Whether an instance that has failed is run again by itself."""
        if _is_frozen(snapshot) or snapshot.started is None:
            return False
        run_number, reruns_left = snapshot.started
        if reruns_left is None and self.reruns is not None and run_number is not None:
            reruns_left = self.reruns - (run_number - 1)
        return bool(reruns_left and reruns_left > 0)


@dataclass(frozen=True)
class InstanceEnd:
    """What an instance that has ended leaves behind.

    :param statistics: as :func:`~airflow_provider_dataworks.waiting.node_log.statistics` gives them; ``skipped`` alone,
        with the reason, where it did no work.
    :param failure: the error to raise; None if it succeeded.
    """

    statistics: dict[str, Any]
    failure: DataWorksJobError | None


def snapshot_of(instance: NodeInstance) -> StatusSnapshot:
    """An instance as a poll saw it.

    :param instance: the instance.
    :return: the snapshot; ``started`` holds the number of the execution and how many automatic reruns are left, and
        ``type`` the recurrence.
    """
    stopped = str(instance.fields.get("OperationType") or "") in assumptions.STOPPING_OPERATIONS
    idle = instance.recurrence not in _WORKING
    return StatusSnapshot(
        instance.status,
        started=(instance.run_number, 0 if stopped else instance.reruns_left),
        name=instance.node_name,
        detail=f"no work: {printable(instance.recurrence)}" if idle else "",
        type=instance.recurrence,
    )


class NodeInstanceLists(BatchPoll):
    """Lists of the instances of one business date: by their ids where the API version can do that, else page by page,
    of one node where all are of that node.

    :param bizdate: the business date, ``YYYY-MM-DD``.
    :param project_env: ``PROD`` or ``DEV``.
    """

    def __init__(self, bizdate: str, project_env: str) -> None:
        self._bizdate = bizdate
        self._project_env = project_env
        self._node_of: dict[int, int] = {}
        #: None until a hook says which version it has.
        self._by_ids: bool | None = None
        self._asked: frozenset[int] = frozenset()
        self._node_id: int | None = None
        self._map = PageMap(_MOST_PAGES)

    def watch(self, target: WaitTarget) -> None:
        if isinstance(target, NodeInstanceTarget):
            self._node_of[target.id] = target.node_id

    def begin_tick(self) -> None:
        self._asked = frozenset()
        nodes = set(self._node_of.values())
        node_id = nodes.pop() or None if len(nodes) == 1 else None
        if node_id != self._node_id:
            self._node_id, self._map = node_id, PageMap(_MOST_PAGES)
        self._map.begin_tick()

    def next_request(self, wanted: frozenset[int]) -> Hashable | None:
        if self._by_ids is False:
            return self._map.next_page(wanted)
        if len(left := sorted(wanted - self._asked)) < 2:
            return None
        return tuple(left[:_MOST_IDS])

    def fetch(self, hook: DataWorksHook, project_id: int, request: Any) -> NodeInstancePage:
        if self._by_ids is None:
            self._by_ids = hook.settings.api_version != v2020_05_18.VERSION
        common: dict[str, Any] = {
            "project_id": project_id,
            "bizdate": self._bizdate,
            "project_env": self._project_env,
        }
        if self._by_ids:
            return hook.list_node_instances_page(instance_ids=request, page_number=1, page_size=_MOST_IDS, **common)
        page = request if isinstance(request, int) else 1
        return hook.list_node_instances_page(node_id=self._node_id, page_number=page, page_size=PAGE_SIZE, **common)

    def read(self, request: Any, answer: NodeInstancePage, watched: frozenset[int]) -> dict[int, StatusSnapshot]:
        found = {one.id: snapshot_of(one) for one in answer.instances if one.id in watched}
        if self._by_ids:
            self._asked |= frozenset(request)
        else:
            self._map.take(request if isinstance(request, int) else 1, answer.total, found)
        return found

    def forget(self, target_id: int) -> None:
        self._node_of.pop(target_id, None)
        self._map.forget(target_id)


def _is_frozen(snapshot: StatusSnapshot) -> bool:
    return (snapshot.type or "").startswith(_FROZEN)
