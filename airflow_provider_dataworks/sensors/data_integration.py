"""The sensor: waits until a DI job has a status."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.base import (
    CONNECTION_READERS,
    DataWorksTask,
    Readers,
    job_failure,
    try_began,
    warn_if_it_never_ends,
)
from airflow_provider_dataworks.exceptions import (
    DataWorksJobError,
    DataWorksParameterError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.wait_log import WaitLog
from airflow_provider_dataworks.waiting import (
    DEFAULT_FAILURE_STATUSES,
    DEFAULT_MAX_POLL_FAILURES,
    Verdict,
    execution_deadline,
    judge,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dataworks.client.models import ListedJob


class DIJobStatusSensor(DataWorksTask, BaseSensorOperator):
    """Waits until a DI job has one of the target statuses (API page: ListDIJobs).

    Deferred, all sensors of a triggerer that share connection, workspace and ``poke_interval`` share their requests.
    The sensor never stops a job.

    :param di_job_id: the job's id; give this, ``job_name``, or both. Default None.
    :param job_name: the job's whole name; with ``di_job_id`` it only narrows the listing. Default None.
    :param project_id: workspace id; None (default) for the connection's.
    :param target_statuses: statuses that end the wait well; default Finished. Jobs of the real-time types never end:
        wait for Running.
    :param failure_statuses: statuses that fail the task; default Failed and Stopped.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``.
    :param end_from_trigger: whether success and failure end the deferred task without a worker; default False. Airflow
        3.3 encodes a trigger's XCom twice: ``xcom_pull`` then gives the status in quotation marks.
    :param max_poll_failures: failed polls in a row that end the wait; default 10. In mode ``reschedule``, where each
        poke is a process of its own, a failed one costs a poke only.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's; default None.
    :param kwargs: Airflow's own: ``poke_interval`` (seconds, default 60), ``timeout``, ``mode``, ``soft_fail`` ...
    :return: the status that was reached, str.
    :raises DataWorksJobError: the job has one of ``failure_statuses``.
    :raises DataWorksTimeoutError: execution_timeout is over.
    :raises DataWorksNotFoundError: there is no such job.
    :raises DataWorksPermanentError: refused, or an argument can't be used.
    :raises DataWorksTransientError: too many failed polls.
    """

    template_fields: Sequence[str] = (
        "di_job_id",
        "job_name",
        "project_id",
        "target_statuses",
        "failure_statuses",
        "dataworks_conn_id",
        "region_id",
    )
    ui_color = "#e6f1f2"

    readers: ClassVar[Readers] = {
        **CONNECTION_READERS,
        "di_job_id": lambda value: (
            None if arguments.optional(value) is None else arguments.identifier("di_job_id", value)
        ),
        "job_name": partial(arguments.optional_text, "job_name"),
        "target_statuses": partial(arguments.statuses, "target_statuses"),
        "failure_statuses": partial(arguments.statuses, "failure_statuses", may_be_empty=True),
    }

    def __init__(
        self,
        *,
        di_job_id: int | str | None = None,
        job_name: str | None = None,
        project_id: int | str | None = None,
        target_statuses: Sequence[str] | str = ("Finished",),
        failure_statuses: Sequence[str] | str = DEFAULT_FAILURE_STATUSES,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        end_from_trigger: bool = False,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str = "dataworks_default",
        region_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.di_job_id = di_job_id
        self.job_name = job_name
        self.project_id = project_id
        self.target_statuses = target_statuses
        self.failure_statuses = failure_statuses
        self.deferrable = arguments.fixed_boolean("deferrable", deferrable)
        self.end_from_trigger = arguments.fixed_boolean("end_from_trigger", end_from_trigger)
        self.max_poll_failures = arguments.identifier("max_poll_failures", max_poll_failures)
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id
        self._story: WaitLog | None = None
        self._failed_polls = 0
        self.check_arguments()
        self._check_that_a_job_is_named()

    def execute(self, context: Context) -> Any:
        """Wait in the worker, or look once and wait in the triggerer.

        :param context: the task instance's, from Airflow.
        :return: the status that was reached.
        """
        given = self.read_arguments()
        self._check_that_a_job_is_named()
        self.push_console_link(context, self.hook.resolve_project_id(given.project_id))
        if not self.deferrable:
            return super().execute(context)
        return self._or_skip(self._look_once_and_defer, context)

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Look once.

        :param context: the task instance's, from Airflow.
        :return: False to go on; otherwise done, with the status as XCom.
        """
        try:
            job = self._find()
        except DataWorksTransientError as error:
            self._failed_polls += 1
            if not self.reschedule and self._failed_polls >= self.max_poll_failures:
                raise
            self.log.warning("Poll %s in a row failed: %s", self._failed_polls, error)
            return False
        self._failed_polls = 0
        try:
            verdict = self._judge(job)
        except DataWorksJobError as error:
            if self.soft_fail:
                raise AirflowSkipException(f"Skipping due to soft_fail: {error}") from error
            raise
        if verdict is Verdict.REACHED:
            return PokeReturnValue(is_done=True, xcom_value=job.get("JobStatus"))
        return False

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str | None:
        """Take the trigger's word and end as a poke would have.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the status that was reached.
        """
        from airflow_provider_dataworks.triggers import events

        heard = events.read_event(event)
        name = f"DI job {self.di_job_id or repr(self.job_name)}"
        if heard.kind == events.TIMED_OUT:
            raise DataWorksTimeoutError(
                f"{name} did not get there within execution_timeout (waited {heard.waited}); it is {heard.status}, "
                "and a sensor stops nothing."
            )
        if heard.kind == events.FAILED:
            raise job_failure(self.hook, self.log, arguments.identifier("di_job_id", heard.subject_id), heard.status)
        self.log.info("%s is %s (MigrationType %s) after %s", name, heard.status, heard.migration_type, heard.waited)
        return heard.status

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume, with soft_fail and timeout meaning what they mean in the worker.

        :param next_method: the method to resume with, :meth:`execute_complete`.
        :param next_kwargs: its arguments.
        :param context: the task instance's, from Airflow.
        :return: what the method returns.
        """
        return self._or_skip(self._resume, next_method, next_kwargs, context)

    def _resume(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        # Airflow's way to say that the defer timeout is over; its exception has another class in each version.
        if next_method == "__fail__" and "timeout" in str((next_kwargs or {}).get("error", "")).lower():
            raise AirflowSensorTimeout(
                f"Sensor has timed out: DI job {self.di_job_id or repr(self.job_name)} did not get there within "
                f"{self.timeout:g} s."
            )
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

    def _look_once_and_defer(self, context: Context) -> str | None:
        job = self._find()
        if self._judge(job) is not Verdict.REACHED:
            self._defer(context, job)
        return job.get("JobStatus")

    def _defer(self, context: Context, job: ListedJob) -> NoReturn:
        from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

        given = self.read_arguments()
        trigger = DIJobStatusTrigger(
            dataworks_conn_id=given.dataworks_conn_id,
            region_id=given.region_id,
            project_id=self.hook.resolve_project_id(given.project_id),
            di_job_id=job["DIJobId"],
            target_statuses=given.target_statuses,
            failure_statuses=given.failure_statuses,
            poll_interval=float(self.poke_interval),
            deadline=execution_deadline(try_began(context), self.execution_timeout),
            max_poll_failures=self.max_poll_failures,
            waiting_since=time.time(),
            end_from_trigger=self.end_from_trigger,
            skip_on_failure=self.soft_fail,
        )
        self.defer(trigger=trigger, method_name="execute_complete", timeout=timedelta(seconds=self.timeout))

    def _find(self) -> ListedJob:
        given = self.read_arguments()
        return self.hook.find_di_job(project_id=given.project_id, di_job_id=given.di_job_id, job_name=given.job_name)

    def _judge(self, job: ListedJob) -> Verdict:
        """Say what a job's status means; a failure is raised with the job's own ErrorMessage."""
        given = self.read_arguments()
        status = job.get("JobStatus")
        if self._story is None:
            self._story = WaitLog.of_job(self.log, job["DIJobId"])
            warn_if_it_never_ends(self.log, f"DI job {job['DIJobId']}", job.get("MigrationType"), given.target_statuses)
        self._story.see(status)
        verdict = judge(status, given.target_statuses, given.failure_statuses)
        if verdict is not Verdict.GO_ON:
            self._story.end(status, job.get("MigrationType"))
        if verdict is Verdict.FAILED:
            raise job_failure(self.hook, self.log, job["DIJobId"], status)
        return verdict

    def _check_that_a_job_is_named(self) -> None:
        if arguments.optional(self.di_job_id) is None and arguments.optional(self.job_name) is None:
            raise DataWorksParameterError("di_job_id", "give di_job_id or job_name, or both")
