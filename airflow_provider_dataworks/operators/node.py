"""The operator that runs a batch node; :class:`TriggerNodeOperator` is imported from here too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksParameterError
from airflow_provider_dataworks.lineage.emitting import EmitsLineage
from airflow_provider_dataworks.lineage.models import TaskLineage
from airflow_provider_dataworks.operators.base import CancellingOperator
from airflow_provider_dataworks.operators.data_integration import client_token_for
from airflow_provider_dataworks.operators.trigger_node import TriggerNodeOperator
from airflow_provider_dataworks.task import ConnectionArguments, business_date_of, try_began
from airflow_provider_dataworks.waiting import events, node_log
from airflow_provider_dataworks.waiting.deadline import execution_deadline
from airflow_provider_dataworks.waiting.failure_budget import DEFAULT_MAX_POLL_FAILURES
from airflow_provider_dataworks.waiting.loop import count_end
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget
from airflow_provider_dataworks.waiting.node_run import NodeRunner, NodeRunRequest, run_name
from airflow_provider_dataworks.waiting.progress import Progress
from airflow_provider_dataworks.waiting.several import failure_of_several
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitState

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dataworks.lineage.reader import LineageReader
    from airflow_provider_dataworks.triggers.base import WaitTrigger

#: The keys of further XComs.
RUN_KEY = "run"
STATISTICS_KEY = "statistics"

__all__ = ["RunNodeOperator", "TriggerNodeOperator"]

_NAMES = ("node_id", "node_name", "file_id")


@dataclass(frozen=True)
class _RunNodeArguments(ConnectionArguments):
    """The arguments of :class:`RunNodeOperator`, as the API takes them."""

    node_id: int | None
    node_name: str | None
    file_id: int | None
    bizdate: str | None
    parameters: dict[str, Any] | str | None
    project_env: str


class RunNodeOperator(EmitsLineage, CancellingOperator):
    """Runs a deployed batch node once for a business date (API pages: RunCycleDagNodes, CreateWorkflowInstances).

    The run has a name that is derived from the task and its run. Every retry searches for a run of that name, and takes
    it unless it has failed; a task that is cleared creates another run.

    XComs: the id of the instance; ``run``, a dict with ``run_id``, ``name``, ``bizdate`` and ``instance_ids``, as soon
    as the run is visible; ``statistics`` at the end, a dict with those of ``records``, ``bytes``, ``failed_records``,
    ``failed_bytes``, ``records_per_second``, ``bytes_per_second`` and ``seconds`` that the instance's log has, or with
    ``skipped``, the reason why the node did nothing. An hourly node runs for all hours of the date: the id is that of
    the first instance, and the statistics are sums.

    Exactly one of ``node_id``, ``node_name`` and ``file_id`` is required.

    :param node_id: the node's id in Operation Center; default None.
    :param node_name: the node's exact name; default None.
    :param file_id: the node's id in Data Studio; default None.
    :param bizdate: the business date: a date, or ``YYYY-MM-DD`` or ``YYYYMMDD``. None (default) is the date of
        data_interval_start in the DAG's time zone; without an interval, or where it has no length (cron expressions
        on Airflow 3), the day before the run.
    :param parameters: parameters of this run: a dict, which replaces the node's parameters of the same names, and adds
        new ones; or a string in the node's syntax, which replaces all of them. Default None: the node's own.
    :param project_id: workspace id; None (default) for the connection's.
    :param project_env: ``PROD`` (default) or ``DEV``.
    :param wait_for_completion: whether to wait for the end; default True. Otherwise the task ends when the run is
        visible.
    :param deferrable: whether to wait in the triggerer; default ``[operators] default_deferrable``.
    :param poll_interval: seconds between two polls; default 30.
    :param cancel_on_kill: whether the instance is stopped when the task is killed or reaches execution_timeout; default
        True.
    :param fetch_log: whether the last lines of the instance's log (1,000, or ``[dataworks] node_log_lines``) are
        written into the task's log at the end; default True. Statistics and errors are read from the log in any case.
    :param start_timeout: seconds in which the run must become visible; default 120.
    :param max_poll_failures: failed polls in a row that end the wait; default ``[dataworks] max_poll_failures``, 10.
    :param end_from_trigger: whether success and failure end the deferred task without a worker; default False. Airflow
        3.3 encodes a trigger's XComs twice: ``xcom_pull`` then gives id and statistics as strings (of an hourly node
        the statistics are a list), and after a failure there are no statistics.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    :return: the instance's id, int.
    :raises DataWorksJobError: the instance failed, with code and description from its log.
    :raises DataWorksTimeoutError: start_timeout or execution_timeout is over; the message says what became of the run.
    :raises DataWorksNotFoundError: there is no such node, or it is not deployed.
    :raises DataWorksPermanentError: the service refused, or an argument is invalid.
    :raises DataWorksTransientError: a temporary error persisted after the hook's own retries, or too many failed
        polls; the message says if a run may have been created, which a retry then finds.
    """

    template_fields: Sequence[str] = (
        "dataworks_node_id",
        "node_name",
        "file_id",
        "bizdate",
        "parameters",
        "project_id",
        "project_env",
        "dataworks_conn_id",
        "region_id",
    )

    def __init__(
        self,
        *,
        node_id: int | str | XComArg | None = None,
        node_name: str | XComArg | None = None,
        file_id: int | str | XComArg | None = None,
        bizdate: date | str | XComArg | None = None,
        parameters: dict[str, Any] | str | XComArg | None = None,
        project_id: int | str | XComArg | None = None,
        project_env: str | XComArg = "PROD",
        wait_for_completion: bool = True,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float = 30.0,
        cancel_on_kill: bool = True,
        fetch_log: bool = True,
        start_timeout: float = 120.0,
        max_poll_failures: int = DEFAULT_MAX_POLL_FAILURES,
        end_from_trigger: bool = False,
        dataworks_conn_id: str | XComArg = "dataworks_default",
        region_id: str | XComArg | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            cancel_on_kill=cancel_on_kill,
            start_timeout=start_timeout,
            max_poll_failures=max_poll_failures,
            end_from_trigger=end_from_trigger,
            dataworks_conn_id=dataworks_conn_id,
            region_id=region_id,
            **kwargs,
        )
        # BaseOperator has a read-only property node_id.
        self.dataworks_node_id: Any = node_id
        self.node_name = node_name
        self.file_id = file_id
        self.bizdate = bizdate
        self.parameters = parameters
        self.project_env = project_env
        self.fetch_log = arguments.fixed_boolean("fetch_log", fetch_log)
        # For errors and a kill.
        self._described = "The run of the node"
        self.check_arguments()

    def read_arguments(self) -> _RunNodeArguments:
        given = _RunNodeArguments(
            dataworks_conn_id=self.read_conn_id(),
            region_id=self.read_region_id(),
            project_id=self.read_project_id(),
            node_id=self.read("dataworks_node_id", self.dataworks_node_id, arguments.optional_identifier),
            node_name=self.read("node_name", self.node_name, arguments.optional_text),
            file_id=self.read("file_id", self.file_id, arguments.optional_identifier),
            bizdate=self.read("bizdate", self.bizdate, arguments.optional_business_date),
            parameters=self.read("parameters", self.parameters, arguments.node_parameters),
            project_env=self.read(
                "project_env", self.project_env, lambda _, value: arguments.project_environment(value)
            ),
        )
        named = [name for name in _NAMES if getattr(given, name) is not None]
        if len(named) != 1:
            problem = f"not {' and '.join(named)}" if named else "and none is given"
            raise DataWorksParameterError(
                "node_id", f"exactly one of {', '.join(_NAMES)} must name the node, {problem}"
            )
        return given

    def trigger_class(self) -> type[WaitTrigger]:
        from airflow_provider_dataworks.triggers.node import NodeInstanceTrigger

        return NodeInstanceTrigger

    def execute(self, context: Context) -> int:
        """Run the node, unless an earlier try did, and wait if asked to.

        :param context: the task instance's, from Airflow.
        :return: the instance's id.
        """
        with self.errors_in_context():
            return self._execute(context)

    def _execute(self, context: Context) -> int:
        deadline = execution_deadline(try_began(context), self.execution_timeout)
        runner = NodeRunner(self.hook, self.log, request := self._request(context))
        self._described = request.describe()
        self._started_run = runner
        run = runner.begin()
        ids = [target.id for target in runner.targets]
        facts = {"run_id": run.run_id, "name": run.name, "bizdate": run.bizdate, "instance_ids": ids}
        context["ti"].xcom_push(key=RUN_KEY, value=facts)
        self.log.info("Run %s (%r) for %s: instance %s", run.run_id, run.name, run.bizdate, ", ".join(map(str, ids)))
        if not self.wait_for_completion:
            self._add_run_facts(context, runner.targets[0], runner.snapshots[0], run_id=run.run_id)
            return ids[0]
        return self._finish(context, self._wait(runner, deadline))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> int:
        """Resume after the trigger fires, with the same outcome as :meth:`execute`.

        :param context: the task instance's, from Airflow.
        :param event: what the trigger fired.
        :return: the instance's id.
        """
        with self.errors_in_context():
            return self._complete(context, event)

    def _complete(self, context: Context, event: dict[str, Any] | None) -> int:
        end = events.read_event(event)
        self._ended_at = end.ended_at
        ended = [(NodeInstanceTarget.from_values(one.target), one) for one in end.each() if one.target is not None]
        self._described = ", ".join(target.describe(one.name) for target, one in ended) or self._described
        if end.kind == events.TIMED_OUT:
            raise self._timed_out(end.waited, end.outcome)
        polled = [
            (target, StatusSnapshot(str(one.status), name=one.name, detail=one.detail, type=one.type))
            for target, one in ended
            if one.kind in (events.REACHED, events.FAILED)
        ]
        return self._finish(context, polled, [failure for one in end.failed() if (failure := one.to_failure())])

    @property
    def _what(self) -> str:
        return self._described

    def _request(self, context: Context) -> NodeRunRequest:
        """What is to be run, with the console link pushed before the first request that can fail."""
        given = self.read_arguments()
        project_id = self.hook.resolve_project_id(given.project_id)
        self.push_console_link(context, project_id)
        node_id = given.node_id
        if node_id is None:
            node = self.hook.find_node(
                node_name=given.node_name,
                file_id=given.file_id,
                project_id=project_id,
                project_env=given.project_env,
            )
            node_id = int(node["NodeId"])
        ti = context["ti"]
        place = f" {ti.map_index}" if ti.map_index is not None and ti.map_index >= 0 else ""
        return NodeRunRequest(
            project_id,
            node_id,
            given.bizdate or business_date_of(context),
            given.parameters,
            given.project_env,
            run_name(f"{ti.dag_id}.{ti.task_id}", f"{ti.run_id}{place}", client_token_for(context)[:10]),
            earlier_tries=max(0, (ti.try_number or 1) - 1),
            start_timeout=self.start_timeout,
            fetch_log=self.fetch_log,
        )

    def _wait(self, runner: NodeRunner, deadline: float | None) -> list[tuple[NodeInstanceTarget, StatusSnapshot]]:
        """Wait for all instances, here or in the triggerer.

        :return: each with what the last poll saw.
        """
        ended = []
        for target, first in zip(runner.targets, runner.snapshots, strict=True):
            snapshot, progress = first, Progress(self.log, target)
            self._described = target.describe(snapshot.name)
            state = target.evaluate(snapshot, new_run_seen=True, start_overdue=False).state
            if state is WaitState.PENDING and self.deferrable:
                # All of an hourly node end before a retry runs them again.
                self._defer(runner.targets, deadline, fail_fast=False)
            if state is WaitState.PENDING:
                state, snapshot = self._wait_here(target, progress, deadline)
            elif state is WaitState.SUCCEEDED:
                progress.finish(snapshot)
                count_end(target, state)
            else:
                progress.update(snapshot)
                count_end(target, state)
            ended.append((target, snapshot))
        # A kill from now on has nothing to stop.
        self._started_run = None
        return ended

    def _finish(
        self,
        context: Context,
        ended: Sequence[tuple[NodeInstanceTarget, StatusSnapshot]],
        failures: Sequence[DataWorksJobError] = (),
    ) -> int:
        """Log what the instances leave behind, and push the statistics.

        :param failures: those that the trigger has read; default none.
        :return: the id of the first instance.
        :raises DataWorksJobError: an instance failed.
        """
        ends = [target.read_end(self.hook, snapshot, self.log) for target, snapshot in ended]
        statistics = node_log.total([end.statistics for end in ends])
        context["ti"].xcom_push(key=STATISTICS_KEY, value=statistics)
        failures = failures or [end.failure for end in ends if end.failure is not None]
        if failures:
            raise failure_of_several(failures, len(ended))
        self._add_run_facts(context, *ended[0], run_id=ended[0][0].run_id, **statistics)
        return ended[0][0].id

    def lineage_facts(self) -> dict[str, Any]:
        given = self.read_arguments()
        return {"nodeId": given.node_id, "bizdate": given.bizdate}

    def lineage_environment(self) -> Literal["Prod", "Dev"]:
        return "Dev" if self.read_arguments().project_env == "DEV" else "Prod"

    def read_lineage(self, reader: LineageReader, task_instance: Any) -> TaskLineage:
        given = self.read_arguments()
        node_id = given.node_id or reader.node_id(
            node_name=given.node_name, file_id=given.file_id, project_env=given.project_env
        )
        run = self.pulled(task_instance, RUN_KEY)
        facts: dict[str, Any] = {"nodeId": node_id}
        if isinstance(run, dict):
            facts["bizdate"] = run.get("bizdate")
            facts["instanceId"] = next(iter(run.get("instance_ids") or ()), None)
        copies = reader.node(node_id, given.project_env) if node_id else ()
        statistics = self.pulled(task_instance, STATISTICS_KEY)
        # A node has one reader and one writer; of more than one copy it is not known which moved how much.
        if len(copies) == 1 and isinstance(statistics, dict):
            written, size = _written(statistics, "records"), _written(statistics, "bytes")
            copies = (replace(copies[0], records=written, bytes=size),)
        return TaskLineage(copies, facts)


def _written(statistics: Mapping[str, Any], what: Literal["records", "bytes"]) -> int | None:
    """How much of what was read was written; None where the log did not say."""
    read, failed = statistics.get(what), statistics.get(f"failed_{what}")
    return read - (failed if isinstance(failed, int) else 0) if isinstance(read, int) else None
