"""Makes a run of a node once: takes an earlier try's, found by its name, or makes one, and waits until it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import NodeInstance, NodeRun, NodeStatus
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.metrics import STARTS, in_task
from airflow_provider_dataworks.waiting.loop import short_pauses
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget, snapshot_of
from airflow_provider_dataworks.waiting.stopping import Hurry
from airflow_provider_dataworks.waiting.target import RunState, StatusSnapshot

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

#: Room in it for the number of a run after one that failed.
_NUMBER_ROOM = 5
#: Characters of the task's own name that stay, if only those of the run's fit in beside it.
_SHORTEST_TASK_NAME = 30


def run_name(task: str, run: str, token: str) -> str:
    """The name of a run: what a person recognises in Operation Center, and what distinguishes it from all others.

    :param task: the task, such as ``orders.sync``.
    :param run: its run, and its place in a mapped task, such as ``manual__2026-11-25T00:00:00+00:00 3``.
    :param token: what all tries of the task in this run have in common, until it is cleared, and nothing else has.
    :return: the name; with room in the 128 characters for the number of a later run.
    """
    room = assumptions.LONGEST_RUN_NAME - _NUMBER_ROOM - len(f"af   {token}")
    task, run = (" ".join(printable(part).split()) for part in (task, run))
    if len(task) + len(run) > room:
        task = task[: max(_SHORTEST_TASK_NAME, room - len(run))]
        run = run[: room - len(task)]
    return f"af {task} {run} {token}"


@dataclass(frozen=True)
class NodeRunRequest:
    """One run, as the task's arguments want it.

    :param project_id: the workspace.
    :param node_id: the node.
    :param bizdate: the business date, ``YYYY-MM-DD``.
    :param parameters: the run's parameters; None for the node's own.
    :param project_env: ``PROD`` or ``DEV``.
    :param name: its name, which an earlier try's run has too; after a run that failed, the next one's has a number.
    :param earlier_tries: how many tries may have made a run before.
    :param start_timeout: seconds within which its instances must show.
    :param fetch_log: whether the instance's log is to be in the task's.
    """

    project_id: int
    node_id: int
    bizdate: str
    parameters: dict[str, Any] | str | None
    project_env: str
    name: str
    earlier_tries: int
    start_timeout: float
    fetch_log: bool

    def describe(self) -> str:
        """The run in a log line or an error.

        :return: such as ``the run 'af orders.sync ...' of node 4001 for 2026-11-24``.
        """
        return f"the run {self.name!r} of node {self.node_id} for {self.bizdate}"


class NodeRunner:
    """Carries out one request; knows afterwards, and in the middle, what a kill stops.

    :param hook: the task's hook.
    :param log: the task's logger.
    :param request: the run.
    """

    def __init__(self, hook: DataWorksHook, log: Any, request: NodeRunRequest) -> None:
        self._hook = hook
        self._log = log
        self._request = request
        self._name: str | None = None
        self._node_reruns: int | None = None
        self._reruns_read = False
        #: What is waited for, once it shows.
        self.targets: tuple[NodeInstanceTarget, ...] = ()
        #: What was seen of each then.
        self.snapshots: tuple[StatusSnapshot, ...] = ()

    def begin(self) -> NodeRun:
        """Take the run of an earlier try that has not failed, or make one, and wait until its instances show.

        :return: the run.
        :raises DataWorksTimeoutError: its instances do not show within start_timeout.
        :raises DataWorksError: as the hook raises; with ``outcome_unknown`` a retry finds what may have begun.
        """
        run = self._take_or_make()
        self._name = run.name
        instances = self._wait_until_it_shows(run)
        self.targets = tuple(self._target(run, instance) for instance in instances)
        self.snapshots = tuple(map(snapshot_of, instances))
        return run

    def stop(self, hook: DataWorksHook, *, seconds: float, max_attempts: int = 1) -> bool:
        """Stop the run's instances; one that may have been made and does not show yet is found by its name.

        :param hook: a hook for the task's connection.
        :param seconds: how long it may take.
        :param max_attempts: how often a request to stop is sent at most; default 1.
        :return: False if a run may yet begin.
        :raises DataWorksError: an instance that shows could not be stopped.
        """
        hurry = Hurry(hook, seconds)
        if self._name is None:
            return True
        stoppable: set[int] = set()
        while True:
            try:
                targets = self.targets or hurry.call(self._find_targets)
            except DataWorksError:
                targets = ()
            stopped = [self._stop(target, hurry, max_attempts, stoppable) for target in targets]
            if stopped and all(stopped):
                return True
            if not hurry.pause():
                return False

    def _take_or_make(self) -> NodeRun:
        name, number = self._request.name, 1
        if self._request.earlier_tries:
            # A kill stops what an earlier try made, too.
            self._name = name
        # Each try makes one run at most, so that none has made a run of a number beyond how many they are.
        while number <= self._request.earlier_tries and (run := self._find_until_it_shows(name)) is not None:
            if not self._has_failed(run):
                self._log.info("An earlier try of this task made the run %r (%s): it is taken", name, run.run_id)
                return run
            self._log.info("The run %r (%s) of an earlier try failed: another one is made", name, run.run_id)
            number += 1
            self._name = name = f"{self._request.name} {number}"
        return self._make(name)

    def _stop(self, target: NodeInstanceTarget, hurry: Hurry, max_attempts: int, stoppable: set[int]) -> bool:
        """Ask an instance to stop.

        :param stoppable: ids of instances that refused it although they seemed to run; a second refusal is an error.
        :return: False if it may have yet to begin, and takes no stop before it has.
        """
        try:
            hurry.call(target.stop, max_attempts)
        except DataWorksPermanentError:
            now = hurry.call(target.poll)
            if target.run_state(now).has_ended:
                return True
            if now.status not in (NodeStatus.NOT_RUN, NodeStatus.WAIT_TRIGGER):
                # It may have begun since it refused.
                if target.id in stoppable:
                    raise
                stoppable.add(target.id)
            return False
        return True

    def _find_until_it_shows(self, name: str) -> NodeRun | None:
        """Search for the run of an earlier try, for as long as one may take to show that was made just now."""
        run = self._find(self._hook, name)
        if run is not None:
            return run
        seconds = sum(assumptions.RUN_SHOWS_AFTER)
        self._log.info("An earlier try may have made a run just now: searching for it for up to %.0f s", seconds)
        for pause in assumptions.RUN_SHOWS_AFTER:
            clock.sleep(pause)
            if (run := self._find(self._hook, name)) is not None:
                return run
        return None

    def _find(self, hook: DataWorksHook, name: str) -> NodeRun | None:
        return hook.find_node_run(
            name=name,
            node_id=self._request.node_id,
            bizdate=self._request.bizdate,
            project_id=self._request.project_id,
            project_env=self._request.project_env,
        )

    def _make(self, name: str) -> NodeRun:
        request = self._request
        # From here on a kill stops it: the request may arrive even if its answer does not.
        self._name = name
        try:
            run = self._hook.run_node(
                node_id=request.node_id,
                bizdate=request.bizdate,
                name=name,
                parameters=request.parameters,
                project_id=request.project_id,
                project_env=request.project_env,
                look_first=False,
            )
        except DataWorksError as error:
            if not error.outcome_unknown:
                self._name = None
            raise
        in_task.count(STARTS, kind=NodeInstanceTarget.kind)
        return run

    def _has_failed(self, run: NodeRun) -> bool:
        """Whether a run is of no use any more; the instances say it, for a run may show a failure before a rerun."""
        if instances := self._instances(self._hook, run):
            states = [self._target(run, one).run_state(snapshot_of(one)) for one in instances]
            # One of several that goes on is waited for: it must not run beside a new run.
            return RunState.FAILED in states and all(state.has_ended for state in states)
        status = run.status or self._hook.get_node_run(run_id=run.run_id, project_env=self._request.project_env).status
        return status == NodeStatus.FAILURE

    def _wait_until_it_shows(self, run: NodeRun) -> tuple[NodeInstance, ...]:
        give_up, shown = clock.monotonic() + self._request.start_timeout, 1
        for pause in short_pauses():
            try:
                instances = self._instances(self._hook, run)
                # Those of an hourly node may not all be in the list at once.
                if len(instances) == shown:
                    return instances
                shown = len(instances) or 1
            except DataWorksTransientError as error:
                self._log.warning("The instances of run %s cannot be read for now: %s", run.run_id, error)
            left = give_up - clock.monotonic()
            if left <= 0:
                break
            clock.sleep(min(pause, left))
        raise DataWorksTimeoutError(
            f"The run {run.name!r} ({run.run_id}) of node {self._request.node_id} was made, but shows no instances "
            f"after start_timeout ({self._request.start_timeout:g} s). A retry of the task takes this run."
        )

    def _instances(self, hook: DataWorksHook, run: NodeRun) -> tuple[NodeInstance, ...]:
        """Those of an hourly node in the order of their hours: no page says in which order the service lists them."""
        instances = hook.read_node_instances(
            project_id=self._request.project_id,
            node_id=self._request.node_id,
            bizdate=run.bizdate,
            run_id=run.run_id,
            project_env=self._request.project_env,
        )
        return tuple(sorted(instances, key=lambda one: (one.fields.get("CycTime") or 0, one.id)))

    def _find_targets(self, hook: DataWorksHook) -> tuple[NodeInstanceTarget, ...]:
        """The instances of the run that may have been made, in the middle of making it."""
        run = self._find(hook, str(self._name))
        if run is None:
            return ()
        return tuple(self._target(run, instance, reruns=False) for instance in self._instances(hook, run))

    def _target(self, run: NodeRun, instance: NodeInstance, *, reruns: bool = True) -> NodeInstanceTarget:
        return NodeInstanceTarget(
            self._request.project_id,
            instance.id,
            self._request.node_id,
            run.bizdate,
            self._request.project_env,
            run_id=run.run_id,
            reruns=self._reruns_of(instance) if reruns else None,
            fetch_log=self._request.fetch_log,
        )

    def _reruns_of(self, instance: NodeInstance) -> int | None:
        """How often the node is run again after a failure, where the instance says only which execution it is."""
        if instance.reruns_left is not None or instance.run_number is None:
            return None
        if not self._reruns_read:
            self._reruns_read = True
            try:
                node = self._hook.read_node(
                    node_id=self._request.node_id,
                    project_id=self._request.project_id,
                    project_env=self._request.project_env,
                )
            except DataWorksPermanentError as error:
                self._log.warning("Whether node %s is run again by itself cannot be read: %s", instance.node_id, error)
            else:
                self._node_reruns = node.reruns
        return self._node_reruns
