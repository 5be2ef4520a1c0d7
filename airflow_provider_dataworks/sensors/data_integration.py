"""The sensor: waits until a DI job, or each of several, has a status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.catalog.di_jobs import read_job
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.sensors.base import Polled, StatusSensor
from airflow_provider_dataworks.task import ConnectionArguments
from airflow_provider_dataworks.waiting.di_job import (
    DEFAULT_FAILURE_STATUSES,
    DIJobTarget,
    snapshot_of,
    warn_if_it_never_ends,
)
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.loop import poll_many

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import XComArg

    from airflow_provider_dataworks.triggers.base import WaitTrigger
    from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitTarget


@dataclass(frozen=True)
class _DIJobStatusArguments(ConnectionArguments):
    """The arguments of :class:`DIJobStatusSensor`, as the API takes them."""

    di_job_id: int | tuple[int, ...] | None
    job_name: str | None
    target_statuses: tuple[str, ...]
    failure_statuses: tuple[str, ...]


class DIJobStatusSensor(StatusSensor):
    """Waits until a DI job, or each job of a list, has one of the target statuses (API page: ListDIJobs).

    Deferred, all sensors of a triggerer that share connection, workspace and ``poke_interval`` share their requests.
    The sensor never stops a job.

    :param di_job_id: the job's id, or a list of ids: then one task waits for all of them. Default None: ``job_name`` is
        required.
    :param job_name: the job's exact name; with ``di_job_id`` it only narrows the listing. Default None.
    :param project_id: workspace id; None (default) for the connection's.
    :param target_statuses: statuses to wait for; default Finished. Real-time jobs never finish: wait for Running.
    :param failure_statuses: statuses that fail the task; default Failed and Stopped.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``.
    :param end_from_trigger: whether success and failure end the deferred task without a worker; default False. Airflow
        3.3 encodes a trigger's XCom twice: ``xcom_pull`` then gives the status in quotation marks.
    :param fail_fast: with a list of ids, whether the first job that fails fails the task at once; default True.
        Otherwise the task fails when all have ended. The error names all that failed.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
        In mode ``reschedule``, where each poke is a process of its own, they are not counted.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :param kwargs: Airflow's own: ``poke_interval`` (seconds, default 60), ``timeout``, ``mode``, ``soft_fail`` ...
    :return: the status that was reached, str; with a list of ids a dict, from id to status.
    :raises DataWorksJobError: the job has one of ``failure_statuses``.
    :raises DataWorksTimeoutError: execution_timeout is over.
    :raises DataWorksNotFoundError: there is no such job.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
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

    def __init__(
        self,
        *,
        di_job_id: int | str | Sequence[int | str] | XComArg | None = None,
        job_name: str | XComArg | None = None,
        project_id: int | str | XComArg | None = None,
        target_statuses: Sequence[str] | str | XComArg = ("Finished",),
        failure_statuses: Sequence[str] | str | XComArg = DEFAULT_FAILURE_STATUSES,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        end_from_trigger: bool = False,
        fail_fast: bool = True,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            deferrable=deferrable,
            end_from_trigger=end_from_trigger,
            fail_fast=fail_fast,
            max_poll_failures=max_poll_failures,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.di_job_id = di_job_id
        self.job_name = job_name
        self.target_statuses = target_statuses
        self.failure_statuses = failure_statuses
        self.check_arguments()

    def read_arguments(self) -> _DIJobStatusArguments:
        given = _DIJobStatusArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            di_job_id=self.read("di_job_id", self.di_job_id, arguments.optional_identifiers),
            job_name=self.read("job_name", self.job_name, arguments.optional_text),
            target_statuses=self.read("target_statuses", self.target_statuses, arguments.statuses),
            failure_statuses=self.read("failure_statuses", self.failure_statuses, arguments.failure_statuses),
        )
        if given.di_job_id is None and given.job_name is None:
            raise DataWorksParameterError("di_job_id", "give di_job_id or job_name, or both")
        if isinstance(given.di_job_id, tuple) and given.job_name is not None:
            raise DataWorksParameterError("job_name", "cannot be given with a list of di_job_id")
        return given

    def find(self, project_id: int) -> Polled:
        given = self.read_arguments()
        if isinstance(given.di_job_id, tuple):
            targets = [self.named_target(project_id, job_id) for job_id in given.di_job_id]
            snapshots = poll_many(targets, self.hook)
            return [(target, snapshots[target.id]) for target in targets]
        job = self.hook.find_di_job(project_id=project_id, di_job_id=given.di_job_id, job_name=given.job_name)
        return [(self.named_target(project_id, job["DIJobId"]), snapshot_of(read_job(dict(job)), exact=False))]

    @property
    def waits_for_several(self) -> bool:
        return isinstance(self.read_arguments().di_job_id, tuple)

    def describe(self) -> str:
        given = self.read_arguments()
        if isinstance(given.di_job_id, tuple):
            return f"DI jobs {', '.join(map(str, given.di_job_id))}"
        return f"DI job {given.di_job_id or repr(given.job_name)}"

    def named_target(self, project_id: int, target_id: int) -> DIJobTarget:
        given = self.read_arguments()
        return DIJobTarget(project_id, target_id, given.target_statuses, given.failure_statuses)

    def first_seen(self, target: WaitTarget, snapshot: StatusSnapshot) -> None:
        if isinstance(target, DIJobTarget):
            warn_if_it_never_ends(self.log, target, snapshot.type)

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger

        return DIJobStatusTrigger
