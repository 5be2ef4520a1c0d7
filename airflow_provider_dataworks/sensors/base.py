"""What sensors share: wait for targets in the worker or deferred, with soft_fail and timeout meaning the same."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
)

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksTimeoutError, DataWorksTransientError
from airflow_provider_dataworks.metrics import FAILED_POLLS, POLLS, in_task
from airflow_provider_dataworks.task import DataWorksTask, try_began
from airflow_provider_dataworks.waiting.deadline import execution_deadline
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES, FailureBudget
from airflow_provider_dataworks.waiting.loop import count_end, progress_remark
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.several import failure_of_several
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState, WaitTarget

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dataworks.triggers.base import WaitTrigger
    from airflow_provider_dataworks.waiting.events import WaitEvent

Polled = Sequence[tuple[WaitTarget, StatusSnapshot]]


class StatusSensor(DataWorksTask, BaseSensorOperator):
    """Base of the sensors. A sensor of a kind says how its targets are found and which trigger waits for them."""

    ui_color = "#e6f1f2"

    def __init__(
        self,
        *,
        project_id: int | str | XComArg | None = None,
        deferrable: bool = False,
        end_from_trigger: bool = False,
        fail_fast: bool = True,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.deferrable = arguments.fixed_boolean("deferrable", deferrable)
        self.end_from_trigger = arguments.fixed_boolean("end_from_trigger", end_from_trigger)
        self.fail_fast = arguments.fixed_boolean("fail_fast", fail_fast)
        self.max_poll_failures = arguments.identifier("max_poll_failures", max_poll_failures)
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self._progress: dict[tuple[str, int], Progress] = {}
        self._budget: FailureBudget | None = None

    @abstractmethod
    def find(self, project_id: int) -> Polled:
        """Poll what is waited for.

        :param project_id: the workspace.
        :return: the targets, each with what was seen.
        :raises DataWorksError: as the hook raises.
        """

    @property
    def waits_for_several(self) -> bool:
        """Whether the task's XCom is a dict, from the target's id to its status; default False."""
        return False

    @abstractmethod
    def describe(self) -> str:
        """Name what is waited for, in log lines and errors.

        :return: the name.
        """

    @abstractmethod
    def named_target(self, project_id: int, target_id: int) -> WaitTarget:
        """Make a target by its id, without a request, for the end of a deferred wait.

        :param project_id: the workspace.
        :param target_id: the target's id.
        :return: the target.
        """

    @abstractmethod
    def trigger_class(self) -> type[WaitTrigger]:
        """Import the trigger that waits for the targets, which is needed only when a task defers.

        :return: its class.
        """

    def first_seen(self, target: WaitTarget, snapshot: StatusSnapshot) -> None:
        """Called when a target is polled for the first time; default does nothing.

        :param target: what is waited for.
        :param snapshot: what was seen.
        """

    def execute(self, context: Context) -> Any:
        """Wait in the worker, or poll once and wait in the triggerer.

        :param context: the task instance's, from Airflow.
        :return: the status that was reached, or the dict of them.
        """
        with self.errors_in_context():
            project_id = self.hook.resolve_project_id(self.read_arguments().project_id)
            self.push_console_link(context, project_id)
            if not self.deferrable:
                return super().execute(context)
            return self._or_skip(self._poll_and_defer, context, project_id)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Poll once.

        :param context: the task instance's, from Airflow.
        :return: False to go on; otherwise done, with the XCom.
        """
        if self._budget is None:
            self._budget = FailureBudget(float(self.poke_interval), self.max_poll_failures)
        try:
            polled = self.find(self.hook.resolve_project_id(self.read_arguments().project_id))
        except DataWorksTransientError as error:
            in_task.count(FAILED_POLLS)
            if self._budget.failed() and not self.reschedule:
                raise
            self.log.warning("Poll failed (%s in a row): %s", self._budget.failures, error)
            return False
        self._budget.succeeded()
        in_task.count(POLLS)
        try:
            succeeded = self._evaluate_and_count(polled)
        except DataWorksJobError as error:
            if self.soft_fail:
                raise AirflowSkipException(f"Skipping due to soft_fail: {error}") from error
            raise
        return PokeReturnValue(is_done=True, xcom_value=self._result(polled)) if succeeded else False

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Resume after the trigger fires, with the same outcome as a poke.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the status that was reached, or the dict of them.
        """
        with self.errors_in_context():
            return self._complete(event)

    def _complete(self, event: dict[str, Any] | None) -> Any:
        from airflow_provider_dataworks.waiting import events

        end = events.read_event(event)
        self._ended_at = end.ended_at
        if end.kind == events.TIMED_OUT:
            raise DataWorksTimeoutError(
                f"{self.describe()} did not reach the target status within execution_timeout (waited {end.waited}); "
                f"it is {end.status}, and a sensor stops nothing."
            )
        if end.kind == events.SENSOR_TIMED_OUT:
            raise self._timed_out()
        if end.kind == events.FAILED:
            raise self._failure(end)
        # The trigger has logged the end.
        if self.waits_for_several:
            return {one.target_id: one.status for one in end.each()}
        return end.status

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume, with soft_fail and timeout meaning what they mean in the worker.

        :param next_method: the method to resume with, :meth:`execute_complete`.
        :param next_kwargs: its arguments.
        :param context: the task instance's, from Airflow.
        :return: what the method returns.
        """
        with self.errors_in_context():
            return self._or_skip(self._resume, next_method, next_kwargs, context)

    def _resume(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        # Airflow's way to say that the defer timeout is over; its exception has another class in each version.
        if next_method == "__fail__" and "timeout" in str((next_kwargs or {}).get("error", "")).lower():
            raise self._timed_out()
        # Not BaseSensorOperator's own, which would skip on a transient error too, unlike a poke.
        return super(BaseSensorOperator, self).resume_execution(next_method, next_kwargs, context)

    def _or_skip(self, run: Any, *given: Any) -> Any:
        """Run, and turn what a poke would skip on into a skip."""
        try:
            return run(*given)
        except AirflowSkipException:
            raise
        except AirflowException as error:
            ends = (AirflowFailException, AirflowSensorTimeout, DataWorksJobError, DataWorksTimeoutError)
            if (self.soft_fail and isinstance(error, ends)) or getattr(self, "never_fail", False):
                raise AirflowSkipException(f"Skipping due to soft_fail or never_fail: {error}") from error
            raise

    def _poll_and_defer(self, context: Context, project_id: int) -> Any:
        polled = self.find(project_id)
        if not self._evaluate_and_count(polled):
            self._defer(context, [target for target, _ in polled])
        return self._result(polled)

    def _defer(self, context: Context, targets: Sequence[WaitTarget]) -> NoReturn:
        given = self.read_arguments()
        trigger = self.trigger_class()(
            dataworks_conn_id=given.dataworks_conn_id,
            region_id=given.region_id,
            poll_interval=float(self.poke_interval),
            deadline=execution_deadline(try_began(context), self.execution_timeout),
            sensor_timeout=float(self.timeout),
            why_not_stopped="a sensor stops nothing",
            max_poll_failures=self.max_poll_failures,
            waiting_since=clock.time(),
            end_from_trigger=self.ends_in_triggerer(),
            skip_on_failure=self.soft_fail,
            fail_fast=self.fail_fast,
            **({"targets": [target.values() for target in targets]} if self.waits_for_several else targets[0].values()),
        )
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))

    def _evaluate_and_count(self, polled: Polled) -> bool:
        """As :meth:`_evaluate`; counts the end of the wait."""
        try:
            succeeded = self._evaluate(polled)
        except DataWorksJobError:
            count_end(polled[0][0], WaitState.FAILED)
            self._ended_at = clock.time()
            raise
        if succeeded:
            for target, _ in polled:
                count_end(target, WaitState.SUCCEEDED)
            self._ended_at = clock.time()
        return succeeded

    def _evaluate(self, polled: Polled) -> bool:
        """Whether all targets have succeeded.

        :raises DataWorksJobError: one failed, with the service's reason; unless ``fail_fast``, once all have ended.
        """
        states = []
        failed = []
        for target, snapshot in polled:
            if (progress := self._progress.get(target.key)) is None:
                progress = self._progress[target.key] = Progress(self.log, target)
                self.first_seen(target, snapshot)
            state = target.evaluate(snapshot, new_run_seen=True, start_overdue=False).state
            states.append(state)
            if state is not WaitState.SUCCEEDED:
                if progress.heartbeat_is_due:
                    progress.heartbeat(progress_remark(target, self.hook, self.log))
                progress.update(snapshot)
            elif not progress.ended:
                progress.finish(snapshot)
            if state is WaitState.FAILED:
                failed.append((target, snapshot))
        if failed and (self.fail_fast or WaitState.PENDING not in states):
            raise failure_of_several(
                [target.failure(self.hook, snapshot, self.log) for target, snapshot in failed], len(polled)
            )
        return all(state is WaitState.SUCCEEDED for state in states)

    def _result(self, polled: Polled) -> Any:
        if self.waits_for_several:
            return {target.id: snapshot.status for target, snapshot in polled}
        return polled[0][1].status

    def _failure(self, end: WaitEvent) -> DataWorksJobError:
        """The error for an event of kind ``failed``; read anew what the trigger could not read."""
        project_id = self.hook.resolve_project_id(self.read_arguments().project_id)
        errors = []
        for one in end.failed():
            target = self.named_target(project_id, one.target_id or 0)
            last = StatusSnapshot(str(one.status), name=one.name, detail=one.detail)
            errors.append(one.to_failure() or target.failure(self.hook, last, self.log))
        return failure_of_several(errors, end.count)

    def _timed_out(self) -> AirflowSensorTimeout:
        return AirflowSensorTimeout(
            f"Sensor has timed out: {self.describe()} did not reach the target status within {self.timeout:g} s."
        )
