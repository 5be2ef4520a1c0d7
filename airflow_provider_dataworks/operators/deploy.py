"""The operator that deploys a sync task. A DAG imports it from ``operators.data_integration``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksParameterError
from airflow_provider_dataworks.operators.base import WaitingOperator
from airflow_provider_dataworks.task import ConnectionArguments, client_token_for, try_began
from airflow_provider_dataworks.waiting import events
from airflow_provider_dataworks.waiting.deadline import execution_deadline
from airflow_provider_dataworks.waiting.deploying import Deploying, deploying
from airflow_provider_dataworks.waiting.deployment import PipelineStageTarget
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.node_run import run_name
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState, WaitTarget

if TYPE_CHECKING:
    import os

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dataworks.triggers.base import WaitTrigger


@dataclass(frozen=True)
class _DeployDISyncTaskArguments(ConnectionArguments):
    """The arguments of :class:`DeployDISyncTaskOperator`, as the API takes them."""

    file_id: int
    task_type: str
    schedule: dict[str, Any]


class DeployDISyncTaskOperator(WaitingOperator):
    """Deploys a sync task so that it can run; a DI_OFFLINE becomes a node of the scheduler.

    DI_REALTIME and DI_SOLUTION are deployed in one call (API page: DeployDISyncTask). For a DI_OFFLINE, the task
    applies
    ``schedule``, submits the file and, if the workspace has a development environment, deploys it to production. It
    waits for each step (API pages: UpdateFile, SubmitFile, DeployFile, GetDeployment; with api_version 2024-05-18:
    UpdateNode, CreatePipelineRun, ExecPipelineRunStage, GetPipelineRun).

    When the task is killed, nothing is stopped: a retry, or the next run of the DAG, continues the deployment.

    :param file_id: what CreateDISyncTaskOperator returned: the file's id or, with api_version 2024-05-18, the node's id
        in Data Studio.
    :param task_type: DI_OFFLINE (default), DI_REALTIME or DI_SOLUTION.
    :param schedule: properties of a DI_OFFLINE by their names in UpdateFile, such as ``InputList``, ``CronExpress``,
        ``CycleType``, ``ParaValue``, ``ResourceGroupIdentifier``, ``RerunMode`` and ``AutoRerunTimes``: dict, JSON,
        or the path of a ``.json`` file. Without ``InputList`` a new task is refused. Default None: no change.
    :param project_id: workspace id; None (default) for the connection's.
    :param wait_for_completion: whether to wait for the end of the last step too; default True. Without it the XCom is
        None where the node does not exist yet.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``.
    :param poll_interval: seconds between two polls; default 10.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: of a DI_OFFLINE the node's id, int, for RunNodeOperator; of the others ``file_id``.
    :raises DataWorksJobError: a deployment failed; the text gives the service's reason.
    :raises DataWorksTimeoutError: execution_timeout is over.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries, or too many failed polls.
    """

    template_fields: Sequence[str] = (
        "file_id",
        "di_task_type",
        "schedule",
        "project_id",
        "dataworks_conn_id",
        "region_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"schedule": "json"}

    def __init__(
        self,
        *,
        file_id: int | str | XComArg,
        task_type: str | XComArg = "DI_OFFLINE",
        schedule: dict[str, Any] | str | os.PathLike[str] | XComArg | None = None,
        project_id: int | str | XComArg | None = None,
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 10.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            max_poll_failures=max_poll_failures,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        self.file_id: Any = file_id
        # BaseOperator has a read-only property task_type.
        self.di_task_type = task_type
        self.schedule = schedule
        # What is waited for.
        self._target: WaitTarget | None = None
        self.check_arguments()

    def read_arguments(self) -> _DeployDISyncTaskArguments:
        given = _DeployDISyncTaskArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            file_id=self.read("file_id", self.file_id, arguments.identifier),
            task_type=self.read("di_task_type", self.di_task_type, lambda _, value: arguments.task_type(value)),
            schedule=self.read("schedule", self.schedule, arguments.schedule),
        )
        if given.schedule and given.task_type in (TaskType.DI_REALTIME, TaskType.DI_SOLUTION):
            raise DataWorksParameterError("schedule", f"is for DI_OFFLINE only: a {given.task_type} has none")
        return given

    def execute(self, context: Context) -> int | None:
        """Deploy the task.

        :param context: the task instance's, from Airflow.
        :return: the node's id, or the file's.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int | None:
        given = self.read_arguments()
        deadline = execution_deadline(try_began(context), self.execution_timeout)
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        if given.task_type != TaskType.DI_OFFLINE:
            self.hook.deploy_di_sync_task(project_id=project_id, task_type=given.task_type, file_id=given.file_id)
            return given.file_id
        ti = context["ti"]
        steps = deploying(
            self.hook.settings.api_version,
            project_id=project_id,
            file_id=given.file_id,
            description=run_name(f"{ti.dag_id}.{ti.task_id}", str(ti.run_id), client_token_for(context)[:10]),
        )
        steps.begin(self.hook, self.log, given.schedule)
        return self._go_on(steps, deadline)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int | None:
        """Continue after the trigger fires, with the same outcome as :meth:`execute`.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the node's id.
        """
        with self.errors_in_context():
            end = events.read_event(event)
            kept = end.kept or {}
            self._place = {"project_id": kept["steps"]["project_id"]}
            steps = deploying(self.hook.settings.api_version, **kept["steps"])
            self._target = steps.target_class.from_values(kept["target"])
            if self._ended_well(steps, self._target, end):
                steps.succeeded(self.hook)
            return self._go_on(steps, kept["ends_at"])

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.deployment import DeploymentTrigger, PipelineStageTrigger

        return PipelineStageTrigger if isinstance(self._target, PipelineStageTarget) else DeploymentTrigger

    @property
    def _what(self) -> str:
        return f"the deployment of {self.file_id}" if self._target is None else self._target.describe()

    def _go_on(self, steps: Deploying, deadline: float | None) -> int | None:
        """Take step after step until the node is deployed, or the task defers."""
        while (target := steps.next_wait(self.hook, self.log)) is not None:
            if steps.is_last and not self.wait_for_completion:
                self.log.info("%s is under way: it is not waited for", target.describe())
                return steps.read_node_id(self.hook)
            self._target = target
            try:
                self._wait(target, steps, deadline)
            except DataWorksJobError as error:
                if not steps.passes_over_failure():
                    raise
                self.log.warning("The deployment that an earlier try began has failed; it is started again: %s", error)
            else:
                steps.succeeded(self.hook)
        node_id = steps.node_id(self.hook)
        self.log.info("%s is node %s in Operation Center", steps.file_id, node_id)
        return node_id

    def _wait(self, target: WaitTarget, steps: Deploying, deadline: float | None) -> None:
        """Wait for the end of a step, here or in the triggerer.

        :raises DataWorksJobError: it ended badly.
        """
        progress = Progress(self.log, target)
        snapshot = target.poll(self.hook)
        state = target.evaluate(snapshot, new_run_seen=True, start_overdue=False).state
        if state is WaitState.SUCCEEDED:
            progress.finish(snapshot)
        elif state is WaitState.FAILED:
            progress.update(snapshot)
        elif self.deferrable:
            self._defer(
                [target], deadline, kept={"steps": steps.values(), "target": target.values(), "ends_at": deadline}
            )
        else:
            state, snapshot = self._wait_here(target, progress, deadline)
        if state is WaitState.FAILED:
            raise target.failure(self.hook, snapshot, self.log)

    def _ended_well(self, steps: Deploying, target: WaitTarget, end: events.WaitEvent) -> bool:
        """Whether a deferred wait ended well; a failure of what an earlier try began is passed over."""
        if end.kind == events.TIMED_OUT:
            raise self._timed_out(end.waited, end.outcome)
        if end.kind != events.FAILED:
            return True
        error = end.to_failure() or target.failure(self.hook, StatusSnapshot(str(end.status)), self.log)
        if not steps.passes_over_failure():
            raise error
        self.log.warning("The deployment that an earlier try began has failed; it is started again: %s", error)
        return False

    def _why_not_stopped(self, target: WaitTarget) -> str:
        return target.why_not_stopped or ""
