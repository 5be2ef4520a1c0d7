"""What operators that start something share: start it once, wait for it, end with it, and stop it when killed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksPermanentError, DataWorksTimeoutError
from airflow_provider_dataworks.metrics import STARTS, in_task
from airflow_provider_dataworks.operators.asset_events import add_facts
from airflow_provider_dataworks.task import DataWorksTask, try_began
from airflow_provider_dataworks.waiting import events
from airflow_provider_dataworks.waiting.deadline import execution_deadline
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.loop import DeadlineReached, WaitLimits, count_end, wait_in_worker
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.run_store import RunStore
from airflow_provider_dataworks.waiting.starting import Begun, Starter, StartRequest
from airflow_provider_dataworks.waiting.stopping import StartedRun, Stoppable
from airflow_provider_dataworks.waiting.target import RunState, StartTarget, StatusSnapshot, WaitState, WaitTarget

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dataworks.triggers.base import WaitTrigger

#: How long on_kill may take.
KILL_SECONDS = 4.0

#: How often a request for the facts of a run is sent at most: the task has done its work, and must not fail for them.
FACTS_ATTEMPTS = 3

#: How long stopping may take at the deadline, which leaves up to 30 seconds.
DEADLINE_SECONDS = 15.0


class WaitingOperator(DataWorksTask, BaseOperator):
    """Base of the operators that may wait for a target, in the worker or deferred."""

    ui_color = "#fdebd9"

    def __init__(
        self,
        *,
        project_id: int | str | XComArg | None = None,
        wait_for_completion: bool = False,
        deferrable: bool = False,
        poll_interval: float = 30.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        end_from_trigger: bool = False,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.wait_for_completion = arguments.fixed_boolean("wait_for_completion", wait_for_completion)
        self.deferrable = arguments.fixed_boolean("deferrable", deferrable)
        self.poll_interval = arguments.seconds("poll_interval", poll_interval, above=0)
        self.max_poll_failures = arguments.identifier("max_poll_failures", max_poll_failures)
        self.end_from_trigger = arguments.fixed_boolean("end_from_trigger", end_from_trigger)
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        # Of what was polled, and of the start: for log lines and errors.
        self._name: str | None = None
        self._request_id: str | None = None

    @abstractmethod
    def trigger_class(self) -> type[WaitTrigger]:
        """Import the trigger that waits for the target, which is needed only when a task defers.

        :return: its class.
        """

    @property
    @abstractmethod
    def _what(self) -> str:
        """What is waited for, in errors."""

    def _wait_here(
        self, target: WaitTarget, progress: Progress, deadline: float | None
    ) -> tuple[WaitState, StatusSnapshot]:
        limits = WaitLimits(self.poll_interval, self.max_poll_failures, deadline)
        try:
            with closing(self.hook.with_settings(max_attempts=1)) as hook:
                ended = wait_in_worker(target, hook, limits, progress, self.log)
                self._ended_at = clock.time()
                return ended
        except DeadlineReached:
            raise self._timed_out(progress.waited(), self._stop_at_deadline(target)) from None

    def _defer(
        self,
        targets: Sequence[WaitTarget],
        deadline: float | None,
        *,
        fail_fast: bool = True,
        kept: dict[str, Any] | None = None,
    ) -> NoReturn:
        """Wait in the triggerer.

        :param targets: what to wait for.
        :param deadline: Unix time at which the wait ends itself.
        :param fail_fast: whether the first of several that fails ends the wait; default True.
        :param kept: plain values that the event brings back; default None. Not kwargs of ``defer``: ``dag.test()``
            drops those.
        """
        given = self.read_arguments()
        why_not_stopped = self._why_not_stopped(targets[0])
        values = [target.values() for target in targets]
        trigger = self.trigger_class()(
            dataworks_conn_id=given.dataworks_conn_id,
            region_id=given.region_id,
            poll_interval=self.poll_interval,
            deadline=deadline,
            stop_on_kill=not why_not_stopped,
            why_not_stopped=why_not_stopped,
            max_poll_failures=self.max_poll_failures,
            waiting_since=clock.time(),
            end_from_trigger=self.ends_in_triggerer(),
            fail_fast=fail_fast,
            request_id=self._request_id,
            returns="id",
            kept=kept,
            **(values[0] if len(values) == 1 else {"targets": values}),
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _add_run_facts(self, context: Context, target: WaitTarget, snapshot: StatusSnapshot, **more: Any) -> None:
        """Add to the event of the target's asset, if the task's outlets name it, what is known of the run.

        :param context: the task instance's, from Airflow.
        :param target: what ran.
        :param snapshot: what the last poll saw.
        :param more: facts that the task knows already, as JSON takes them; they win.
        """

        def read() -> dict[str, Any]:
            with closing(self.hook.with_short_timeouts(max_attempts=FACTS_ATTEMPTS)) as hook:
                return {**target.run_facts(hook, snapshot), **more}

        add_facts(context, self.outlets, self.hook, target, read, self.log)

    def _why_not_stopped(self, target: WaitTarget) -> str:
        """Why a kill and the deadline stop nothing; empty if they stop what this task started."""
        return "this task did not start it"

    def _stop_at_deadline(self, target: WaitTarget) -> str:
        """Stop what this task started, if it is to be stopped; say what became of it."""
        return f"it is still running: {self._why_not_stopped(target)}"

    def _timed_out(self, waited: str, outcome: str) -> DataWorksTimeoutError:
        return DataWorksTimeoutError(
            f"{self._what} did not reach the target status within execution_timeout (waited {waited}); {outcome}."
        )


class CancellingOperator(WaitingOperator):
    """Base of the operators that stop what they started when they are killed, and at their deadline."""

    def __init__(self, *, cancel_on_kill: bool = True, start_timeout: float = 60.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cancel_on_kill = arguments.fixed_boolean("cancel_on_kill", cancel_on_kill)
        self.start_timeout = arguments.seconds("start_timeout", start_timeout)
        # What a kill and the deadline stop.
        self._started_run: Stoppable | None = None

    def on_kill(self) -> None:
        """Stop what this try started; Airflow ends the process five seconds from now."""
        if self._started_run is None or not self.cancel_on_kill:
            return
        try:
            if not self._started_run.stop(self.hook, seconds=KILL_SECONDS):
                self.log.error(
                    "%s was asked to stop, but its start has not shown yet: it may yet start. Check it in the "
                    "console, and stop it there if it runs",
                    self._what,
                )
        except Exception:
            self.log.exception("What this task started could not be stopped: check it in the console")

    def _why_not_stopped(self, target: WaitTarget) -> str:
        """Why a kill and the deadline stop nothing; empty if they stop what this task started."""
        if not self.cancel_on_kill:
            return "cancel_on_kill is off"
        if target.why_not_stopped is not None:
            return target.why_not_stopped
        return "" if self._started_run is not None else "this task did not start it"

    def _stop_at_deadline(self, target: WaitTarget) -> str:
        """Stop what this task started, if it is to be stopped; say what became of it."""
        if why := self._why_not_stopped(target):
            return f"it is still running: {why}"
        assert self._started_run is not None  # noqa: S101 - else there is a reason
        try:
            stopped = self._started_run.stop(self.hook, seconds=DEADLINE_SECONDS, max_attempts=3)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task must end at its deadline
            return f"it could not be stopped and may be running on ({error})"
        return "it was asked to stop" if stopped else "it was asked to stop, but may yet start: its start does not show"


class TargetOperator(WaitingOperator):
    """Base of the operators whose arguments name what is waited for."""

    @abstractmethod
    def find(self, project_id: int | None) -> tuple[StartTarget, StatusSnapshot]:
        """Poll the target for the first time.

        :param project_id: the workspace, given or the connection's; None if neither names one.
        :return: the target, and what was seen.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def named_target(self, project_id: int) -> StartTarget:
        """Make the target that the arguments name, without a request, as for log lines and errors.

        :param project_id: the workspace; 0 if it is not known.
        :return: the target.
        """

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Resume after the trigger fires, with the same outcome as :meth:`execute`.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the target's id.
        """
        with self.errors_in_context():
            return self._complete(event)

    def _complete(self, event: dict[str, Any] | None) -> int:
        project_id = self.read_arguments().project_id or self.hook.settings.project_id
        target = self.named_target(project_id or 0)
        end = events.read_event(event)
        self._name = end.name
        self._ended_at = end.ended_at
        if end.kind == events.FAILED:
            last = StatusSnapshot(str(end.status), name=end.name, detail=end.detail)
            raise end.to_failure() or target.failure(self.hook, last, self.log)
        if end.kind == events.TIMED_OUT:
            raise self._timed_out(end.waited, end.outcome)
        # The trigger has logged the end.
        return target.id

    @property
    def _what(self) -> str:
        return self.named_target(0).describe(self._name)

    def _find_with_link(self, context: Context) -> tuple[StartTarget, StatusSnapshot]:
        """Poll the target for the first time, with the console link pushed as soon as the workspace is known."""
        project_id = self.read_arguments().project_id or self.hook.settings.project_id
        if project_id is not None:
            # Before the first request that can fail, so that the link is there when it fails.
            self.push_console_link(context, project_id)
        target, snapshot = self.find(project_id)
        self._name = snapshot.name
        if project_id is None:
            self.push_console_link(context, target.project_id)
        return target, snapshot


class StartOperator(CancellingOperator, TargetOperator):
    """Base of the operators that start something, wait for it if asked to, and stop it when they are killed.

    An operator of a kind says how its target is found, started, attached to and waited for.
    """

    @abstractmethod
    def start(self, target: StartTarget, before: StatusSnapshot) -> str | None:
        """Send the start, once.

        :param target: what :meth:`find` gave.
        :param before: what was polled right before.
        :return: RequestId, None where it is not known.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def attach(self, target: StartTarget, snapshot: StatusSnapshot) -> None:
        """Say that it runs already and is not started, or refuse that.

        :param target: what :meth:`find` gave.
        :param snapshot: what was polled.
        :raises DataWorksError: the task's arguments refuse it.
        """

    def not_shown_hint(self) -> str:
        """Say what may be wrong when a start shows no new run.

        :return: what is added to the error; default nothing.
        """
        return ""

    def execute(self, context: Context) -> int:
        """Start it unless it runs, and wait if asked to.

        :param context: the task instance's, from Airflow.
        :return: the target's id.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        deadline = execution_deadline(try_began(context), self.execution_timeout)
        target, snapshot = self._find_with_link(context)
        store = RunStore(context, target)
        request = StartRequest(
            target,
            send=lambda before: self._send_start(target, before),
            attach=lambda now: self.attach(target, now),
            waits=self.wait_for_completion,
            start_timeout=self.start_timeout,
            not_shown_hint=self.not_shown_hint(),
        )
        starter = Starter(self.hook, self.log, request, store, self._take_started_run)
        if starter.work_was_done(snapshot):
            self._add_run_facts(context, target, snapshot)
            return target.id
        try:
            begun = starter.begin(snapshot)
            last = self._wait(target, begun, deadline) if self.wait_for_completion else begun.snapshot
        except DataWorksJobError:
            store.forget()
            raise
        store.record_done(ended=self.wait_for_completion and target.run_state(last).has_ended)
        self._add_run_facts(context, target, last)
        return target.id

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        target = self.named_target(0)
        store = RunStore(context, target)
        try:
            target_id = super().execute_complete(context, event)
        except DataWorksJobError:
            store.forget()
            raise
        last = StatusSnapshot(str((event or {}).get("status")), name=self._name)
        store.record_done(ended=target.run_state(last).has_ended)
        project_id = self.read_arguments().project_id or self.hook.settings.project_id
        self._add_run_facts(context, self.named_target(project_id or 0), last)
        return target_id

    def _send_start(self, target: StartTarget, before: StatusSnapshot) -> None:
        self._request_id = self.start(target, before)
        in_task.count(STARTS, kind=target.kind)

    def _take_started_run(self, run: StartedRun | None) -> None:
        self._started_run = run if run is not None and run.target.why_not_stopped is None else None

    def _wait(self, target: StartTarget, begun: Begun, deadline: float | None) -> StatusSnapshot:
        """Wait for the run, here or in the triggerer.

        :return: what the last poll saw.
        :raises DataWorksJobError: it ended badly.
        """
        started = begun.before is not None
        target = target.after_start(begun.before, self.start_timeout) if begun.before else target.attached()
        progress = Progress(self.log, target)
        state, snapshot = WaitState.PENDING, begun.snapshot
        if started and not target.confirms_start:
            # What was seen is of before the start; a worker's wait polls first.
            if self.deferrable:
                snapshot = target.poll(self.hook)
                state = target.evaluate(snapshot, new_run_seen=False, start_overdue=False).state
        else:
            state = target.evaluate(snapshot, new_run_seen=False, start_overdue=False).state
        if state is WaitState.SUCCEEDED:
            progress.finish(snapshot)
            count_end(target, state)
        elif state is WaitState.FAILED:
            progress.update(snapshot)
            count_end(target, state)
        elif self.deferrable:
            self._defer([target], deadline)
        else:
            state, snapshot = self._wait_here(target, progress, deadline)
        if target.run_state(snapshot).has_ended:
            # A kill from now on must not stop the next run, which is somebody else's.
            self._started_run = None
        if state is WaitState.FAILED:
            raise target.failure(self.hook, snapshot, self.log).add_context(request_id=self._request_id)
        return snapshot


class StopOperator(TargetOperator):
    """Base of the operators that stop something, and wait until it has stopped if asked to."""

    def execute(self, context: Context) -> int:
        """Stop it if it runs, and wait if asked to.

        :param context: the task instance's, from Airflow.
        :return: the target's id.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        deadline = execution_deadline(try_began(context), self.execution_timeout)
        target, snapshot = self._find_with_link(context)
        if self._is_at_rest(target, snapshot):
            return target.id
        if target.run_state(snapshot) is not RunState.STOPPING:
            try:
                target.stop(self.hook)
            except DataWorksPermanentError:
                # It may have ended, or somebody else may have stopped it, a moment before.
                snapshot = target.poll(self.hook)
                if self._is_at_rest(target, snapshot):
                    return target.id
                if target.run_state(snapshot) is not RunState.STOPPING:
                    raise
        if self.wait_for_completion:
            snapshot = target.poll(self.hook)
            if target.evaluate(snapshot, new_run_seen=True, start_overdue=False).state is WaitState.PENDING:
                if self.deferrable:
                    self._defer([target], deadline)
                self._wait_here(target, Progress(self.log, target), deadline)
        return target.id

    def _is_at_rest(self, target: StartTarget, snapshot: StatusSnapshot) -> bool:
        state = target.run_state(snapshot)
        if state in (RunState.RUNNING, RunState.STOPPING):
            return False
        what, status = target.describe(snapshot.name), target.words.describe(snapshot.status)
        self.log.info("%s is %s: there is nothing to stop", what, status)
        return True

    def _stop_at_deadline(self, target: WaitTarget) -> str:
        return "it was asked to stop, and has not stopped yet"

    def _why_not_stopped(self, target: WaitTarget) -> str:
        return "it was asked to stop, and has not stopped yet"
