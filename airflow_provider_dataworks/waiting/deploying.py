"""Deploys a batch sync task: what is sent next, and what is waited for, from the draft to the node's id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import whole_number
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.flow_spec import FlowSpecError, check_schedule, lacks_inputs, with_schedule
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksParameterError,
    DataWorksPermanentError,
)
from airflow_provider_dataworks.waiting.deployment import (
    ENDED_BADLY,
    INIT,
    RUNNING,
    SUCCESS,
    DeploymentTarget,
    PipelineStageTarget,
)
from airflow_provider_dataworks.waiting.target import WaitTarget

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

_SUBMIT, _DEPLOY, _FOUND = "submit", "deploy", "found"


@dataclass
class Deploying(ABC):
    """The deployment of one batch sync task; plain values only, so that a task can keep it while it is deferred.

    :param project_id: the workspace.
    :param file_id: the file's id; with API version 2024-05-18 the node's id in Data Studio.
    :param description: what the deployment says of itself; all tries of one task in one run have the same.
    :param is_last: whether what :meth:`next_wait` gave is the last step; default False.
    """

    project_id: int
    file_id: int
    description: str
    is_last: bool = False

    #: The class of what is waited for.
    target_class: ClassVar[type[WaitTarget]]

    @abstractmethod
    def begin(self, hook: DataWorksHook, log: Any, schedule: Mapping[str, Any]) -> None:
        """Bring the properties of the schedule to the draft, and find what an earlier try has begun.

        :param hook: the hook to call.
        :param log: the task's logger.
        :param schedule: properties by their names in UpdateFile.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def next_wait(self, hook: DataWorksHook, log: Any) -> WaitTarget | None:
        """Begin the next step.

        :param hook: the hook to call.
        :param log: the task's logger.
        :return: what to wait for before this is called again; None if all steps are done.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def succeeded(self, hook: DataWorksHook) -> None:
        """Take note that what was waited for has ended well.

        :param hook: the hook to call.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def passes_over_failure(self) -> bool:
        """Whether what has failed was begun before this try, so that it is begun anew.

        :return: False if the failure is the task's own.
        """

    @abstractmethod
    def read_node_id(self, hook: DataWorksHook) -> int | None:
        """Read the id of the node that the task has become.

        :param hook: the hook to call.
        :return: the id; None if it has none yet.
        :raises DataWorksError: as the hook raises.
        """

    def node_id(self, hook: DataWorksHook) -> int:
        """Read the id of the node, which may take a moment to show.

        :param hook: the hook to call.
        :return: the id.
        :raises DataWorksError: it does not show; else as the hook raises.
        """
        node_id: int | None = _once_it_shows(lambda: self.read_node_id(hook), assumptions.NODE_ID_SHOWS_AFTER)
        if node_id is None:
            raise DataWorksError(
                f"The deployment of {self.file_id} succeeded, but its node does not show: try again, or look for it in "
                "Operation Center."
            )
        return node_id

    def values(self) -> dict[str, Any]:
        """Give the state as JSON takes it.

        :return: the values by name, for the class's own constructor.
        """
        return asdict(self)


@dataclass
class FileDeploying(Deploying):
    """The deployment of a file of DataStudio (2020-05-18).

    :param step: what is waited for; default empty.
    :param looked: whether deployments of an earlier try were looked for; default False.
    :param submitted: whether the file is submitted as it is; default False.
    :param deployed: whether it is in production as it is; default False.
    :param standard: whether there is a development environment; None (default) until that is read.
    :param deployment_id: the deployment that is waited for; default None.
    """

    step: str = ""
    looked: bool = False
    submitted: bool = False
    deployed: bool = False
    standard: bool | None = None
    deployment_id: int | None = None

    target_class: ClassVar[type[WaitTarget]] = DeploymentTarget

    def begin(self, hook: DataWorksHook, log: Any, schedule: Mapping[str, Any]) -> None:
        if schedule and hook.set_file_schedule(project_id=self.project_id, file_id=self.file_id, schedule=schedule):
            log.info("File %s has its schedule as it is to be", self.file_id)
        self.standard = hook.has_development_environment(project_id=self.project_id)

    def next_wait(self, hook: DataWorksHook, log: Any) -> DeploymentTarget | None:
        place = {"project_id": self.project_id, "file_id": self.file_id}
        if not self.looked:
            self.looked = True
            if (found := hook.find_deployment(**place)) is not None:
                log.info("Deployment %s of file %s is under way already: it is waited for", found, self.file_id)
                return self._wait_for(_FOUND, found)
        if not self.submitted:
            file = hook.get_file(**place)
            if _is_committed(file):
                log.info("File %s is submitted already, and unchanged since", self.file_id)
                self.submitted, self.deployed = True, self.deployed or not self.standard
            else:
                return self._wait_for(_SUBMIT, self._submit(hook, file), is_last=not self.standard)
        if self.deployed:
            return None
        return self._wait_for(_DEPLOY, hook.deploy_file(**place, comment=self.description), is_last=True)

    def succeeded(self, hook: DataWorksHook) -> None:
        if self.step == _SUBMIT:
            self.submitted, self.deployed = True, not self.standard
        elif self.step == _DEPLOY:
            self.deployed = True
        elif self.deployment_id is not None:
            self._take_over(hook, self.deployment_id)

    def passes_over_failure(self) -> bool:
        return self.step == _FOUND

    def read_node_id(self, hook: DataWorksHook) -> int | None:
        file = hook.get_file(project_id=self.project_id, file_id=self.file_id)
        return whole_number(file["File"].get("NodeId")) or None

    def _wait_for(self, step: str, deployment_id: int, *, is_last: bool = False) -> DeploymentTarget:
        self.step, self.deployment_id, self.is_last = step, deployment_id, is_last
        return DeploymentTarget(self.project_id, deployment_id, self.file_id)

    def _submit(self, hook: DataWorksHook, file: Mapping[str, Any]) -> int:
        try:
            return hook.submit_file(project_id=self.project_id, file_id=self.file_id, comment=self.description)
        except DataWorksPermanentError as error:
            configuration = file.get("NodeConfiguration") or {}
            if not configuration.get("InputList"):
                raise _no_inputs(hook, self.project_id, f"File {self.file_id}", error) from None
            raise

    def _take_over(self, hook: DataWorksHook, deployment_id: int) -> None:
        """Take note of what a deployment of an earlier try has done, if that is of the file as it is."""
        file = hook.get_file(project_id=self.project_id, file_id=self.file_id)
        if not _is_committed(file):
            return
        self.submitted, self.deployed = True, not self.standard
        read = hook.get_deployment(project_id=self.project_id, deployment_id=deployment_id)
        to_production = whole_number(read["Deployment"].get("ToEnvironment")) == 2
        items = [each for each in read.get("DeployedItems") or [] if isinstance(each, dict)]
        versions = [each.get("FileVersion") for each in items if whole_number(each.get("FileId")) == self.file_id]
        if to_production and file["File"].get("CurrentVersion") in versions:
            self.deployed = True


@dataclass
class NodeDeploying(Deploying):
    """The deployment of a node of Data Studio (2024-05-18).

    :param pipeline_run_id: the pipeline run; empty (default) until there is one.
    :param found: whether an earlier try began it; default False.
    :param executed: the stages that this try began; default none.
    :param done: whether an earlier try deployed the node; default False.
    """

    pipeline_run_id: str = ""
    found: bool = False
    executed: list[str] = field(default_factory=list)
    done: bool = False

    target_class: ClassVar[type[WaitTarget]] = PipelineStageTarget

    def begin(self, hook: DataWorksHook, log: Any, schedule: Mapping[str, Any]) -> None:
        place = {"project_id": self.project_id, "node_id": self.file_id}
        try:
            check_schedule(schedule)
            spec = str(hook.get_node(**place).get("Spec"))
            changed = with_schedule(spec, schedule)
            if lacks_inputs(changed):
                raise _no_inputs(hook, self.project_id, f"Node {self.file_id}")
        except FlowSpecError as error:
            raise DataWorksParameterError("schedule", f"{error}") from None
        if changed != spec:
            hook.update_node(**place, spec=changed)
            return
        # What an earlier try has begun has the node as it is.
        runs = hook.list_pipeline_runs(**place)
        own = next((run for run in runs if run.get("Description") == self.description), {})
        if own.get("Status") in (INIT, RUNNING):
            self.pipeline_run_id, self.found = str(own["Id"]), True
            log.info("Pipeline run %s of node %s is under way already: it goes on", own["Id"], self.file_id)
        elif own.get("Status") == SUCCESS and self.read_node_id(hook) is not None:
            self.done = True
            log.info("Pipeline run %s of an earlier try has deployed node %s", own["Id"], self.file_id)

    def next_wait(self, hook: DataWorksHook, log: Any) -> PipelineStageTarget | None:
        if self.done:
            return None
        if not self.pipeline_run_id:
            self.pipeline_run_id = hook.create_pipeline_run(
                project_id=self.project_id, node_id=self.file_id, description=self.description
            )
        run = self._read_run(hook)
        if run.get("Status") == SUCCESS:
            return None
        stages: Sequence[Mapping[str, Any]] = run["Stages"]
        current = next((stage for stage in stages if stage.get("Status") != SUCCESS), None)
        if current is None:
            return self._target("")
        code = str(current.get("Code"))
        self.is_last = current is stages[-1]
        runs_by_itself = current is stages[0] and current.get("Type") == "Build"
        waits = current.get("Status") == INIT and run.get("Status") not in ENDED_BADLY
        if waits and not runs_by_itself and code not in self.executed:
            self._execute(hook, log, code)
        return self._target(code)

    def succeeded(self, hook: DataWorksHook) -> None:
        """Nothing is noted: the pipeline run itself is read."""

    def passes_over_failure(self) -> bool:
        if not self.found:
            return False
        self.found, self.pipeline_run_id, self.executed = False, "", []
        return True

    def read_node_id(self, hook: DataWorksHook) -> int | None:
        node = hook.get_node(project_id=self.project_id, node_id=self.file_id)
        return whole_number(node.get("TaskId")) or None

    def _target(self, stage: str) -> PipelineStageTarget:
        return PipelineStageTarget(self.project_id, self.file_id, self.pipeline_run_id, stage)

    def _read_run(self, hook: DataWorksHook) -> dict[str, Any]:
        """Read the pipeline run, whose stages may take a moment to show."""
        read: dict[str, Any] = {}

        def stages() -> Any:
            nonlocal read
            read = hook.get_pipeline_run(project_id=self.project_id, pipeline_run_id=self.pipeline_run_id)
            return read["Stages"] or read.get("Status") in (SUCCESS, *ENDED_BADLY) or None

        if _once_it_shows(stages, assumptions.STAGES_SHOW_AFTER) is None:
            raise DataWorksError(f"Pipeline run {self.pipeline_run_id} shows no stages: look at it in Data Studio.")
        return read

    def _execute(self, hook: DataWorksHook, log: Any, code: str) -> None:
        try:
            hook.exec_pipeline_run_stage(project_id=self.project_id, pipeline_run_id=self.pipeline_run_id, code=code)
        except DataWorksPermanentError as error:
            # A stage may be Init for minutes after an earlier try began it, and none is begun twice.
            if not self.found or self.executed or error.http_status != 400:
                raise
            log.warning("Stage %s is taken as begun by an earlier try: %s", code, error)
        self.executed.append(code)


def deploying(api_version: str, **values: Any) -> Deploying:
    """Make the deployment for an API version.

    :param api_version: the connection's.
    :param values: the fields of :class:`Deploying`, and what :meth:`Deploying.values` gave.
    :return: the deployment.
    """
    kind: type[Deploying] = FileDeploying if api_version == "2020-05-18" else NodeDeploying
    return kind(**values)


def _is_committed(file: Mapping[str, Any]) -> bool:
    return whole_number(file["File"].get("CommitStatus")) == 1


def _once_it_shows(read: Callable[[], Any], pauses: Sequence[float]) -> Any:
    for pause in pauses:
        if pause:
            clock.sleep(pause)
        if (value := read()) is not None:
            return value
    return None


def _no_inputs(
    hook: DataWorksHook, project_id: int, what: str, error: DataWorksPermanentError | None = None
) -> DataWorksPermanentError:
    """The error for a node that depends on nothing: what to add, and what the service says."""
    try:
        root = hook.root_output(project_id=project_id)
    except DataWorksError:
        root = "<workspace>_root"
    message = f"InputList is missing: add to schedule the outputs that the node depends on, such as {root}."
    if error is None:
        return DataWorksPermanentError(f"{message} {what} has no inputs, and would never be scheduled.")
    return DataWorksPermanentError(
        f"{message} {what} has no inputs. {error.message}",
        action=error.action,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        outcome_unknown=error.outcome_unknown,
    )
