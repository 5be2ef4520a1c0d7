"""Deployments of files and stages of pipeline runs: how they are polled, and what their statuses mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksJobError
from airflow_provider_dataworks.links.dataworks import workspace_url
from airflow_provider_dataworks.waiting.target import (
    Evaluation,
    StatusSnapshot,
    StatusWords,
    WaitState,
    WaitTarget,
)

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

#: Status of GetDeployment, and its CheckingStatus where that decides.
_GOING, _SUCCESSFUL, _CHECK_FAILED, _CHECKING = "0", "1", "7", "8"
_DEPLOYMENT_STATUS = {
    _GOING: "under way",
    _SUCCESSFUL: "successful",
    "2": "failed",
    "6": "rejected",
    _CHECK_FAILED: "its check failed",
    _CHECKING: "being checked",
}
_DEPLOYMENT_WORDS = StatusWords(frozenset(_DEPLOYMENT_STATUS), _DEPLOYMENT_STATUS)
_DEPLOYMENT_ENDED_BADLY = ("2", "6", _CHECK_FAILED)

INIT, RUNNING, SUCCESS = "Init", "Running", "Success"
#: Statuses in which a stage, and a pipeline run, ends badly.
ENDED_BADLY = ("Fail", "Termination", "Cancel")
_STAGE_WORDS = StatusWords(frozenset({INIT, RUNNING, SUCCESS, *ENDED_BADLY}))


@dataclass(frozen=True)
class DeploymentTarget(WaitTarget):
    """A deployment of a file (API page: GetDeployment of 2020-05-18).

    :param project_id: the workspace.
    :param deployment_id: what SubmitFile or DeployFile returned.
    :param file_id: the file that is deployed.
    """

    deployment_id: int
    file_id: int

    kind: ClassVar[str] = "deployment"

    @property
    def id(self) -> int:
        return self.deployment_id

    @property
    def words(self) -> StatusWords:
        return _DEPLOYMENT_WORDS

    @property
    def why_not_stopped(self) -> str | None:
        return "the API stops no deployments"

    def describe(self, name: str | None = None) -> str:
        return f"deployment {self.deployment_id} of file {self.file_id}" + (f" ({printable(name)})" if name else "")

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        deployment = hook.get_deployment(project_id=self.project_id, deployment_id=self.deployment_id)["Deployment"]
        status, checking = str(deployment.get("Status")), str(deployment.get("CheckingStatus"))
        going_on = status in (_GOING, _SUCCESSFUL) and checking in (_CHECK_FAILED, _CHECKING)
        return StatusSnapshot(checking if going_on else status)

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        if snapshot.status == _SUCCESSFUL:
            return Evaluation(WaitState.SUCCEEDED)
        return Evaluation(WaitState.FAILED if snapshot.status in _DEPLOYMENT_ENDED_BADLY else WaitState.PENDING)

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        reason = ""
        try:
            read = hook.get_deployment(project_id=self.project_id, deployment_id=self.deployment_id)
            reason = str(read["Deployment"].get("ErrorMessage") or "")
        except DataWorksError as error:
            log.warning("The reason why %s failed cannot be read: %s", self.describe(), error)
        return _failure(self, hook, snapshot, reason, self.file_id)


@dataclass(frozen=True)
class PipelineStageTarget(WaitTarget):
    """A stage of a pipeline run, or the whole run (API page: GetPipelineRun of 2024-05-18).

    :param project_id: the workspace.
    :param node_id: the node that is deployed, by its id in Data Studio.
    :param pipeline_run_id: what CreatePipelineRun returned.
    :param stage: the stage's code, such as PROD_CHECK; empty (default) for the whole run.
    """

    node_id: int
    pipeline_run_id: str
    stage: str = ""

    kind: ClassVar[str] = "pipeline run"

    @property
    def id(self) -> int:
        return self.node_id

    @property
    def group(self) -> str:
        # The ids of pipeline runs are no numbers.
        return f"stage {self.stage} of {self.pipeline_run_id}"

    @property
    def words(self) -> StatusWords:
        return _STAGE_WORDS

    @property
    def why_not_stopped(self) -> str | None:
        return "a pipeline run is not stopped"

    def describe(self, name: str | None = None) -> str:
        what = f"stage {self.stage} of pipeline run" if self.stage else "pipeline run"
        return f"{what} {self.pipeline_run_id} of node {self.node_id}" + (f" ({printable(name)})" if name else "")

    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        run = hook.get_pipeline_run(project_id=self.project_id, pipeline_run_id=self.pipeline_run_id)
        whole = str(run.get("Status"))
        if not self.stage or whole in ENDED_BADLY or whole == SUCCESS:
            return StatusSnapshot(whole)
        return StatusSnapshot(next((str(each.get("Status")) for each in run["Stages"] if self._is_it(each)), INIT))

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        if snapshot.status == SUCCESS:
            return Evaluation(WaitState.SUCCEEDED)
        # A stage may be Init for minutes after it was begun.
        return Evaluation(WaitState.FAILED if snapshot.status in ENDED_BADLY else WaitState.PENDING)

    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        reasons: list[str] = []
        try:
            place = {"project_id": self.project_id, "pipeline_run_id": self.pipeline_run_id}
            run = hook.get_pipeline_run(**place)
            reasons = [str(run.get("Message") or "")]
            reasons += [str(each.get("Message") or "") for each in run["Stages"] if each.get("Status") in ENDED_BADLY]
            reasons += [str(item.get("Message") or "") for item in hook.list_pipeline_run_items(**place)]
        except DataWorksError as error:
            log.warning("The reason why %s failed cannot be read in full: %s", self.describe(), error)
        reason = "; ".join(dict.fromkeys(each for each in reasons if each))
        return _failure(self, hook, snapshot, reason, self.node_id)

    def _is_it(self, stage: Mapping[str, Any]) -> bool:
        return stage.get("Code") == self.stage


def _failure(
    target: WaitTarget, hook: DataWorksHook, snapshot: StatusSnapshot, reason: str, job_id: int
) -> DataWorksJobError:
    what, status = target.describe(snapshot.name), target.words.describe(snapshot.status)
    said = f": {printable(reason)}" if reason else ", and the service gives no reason: see it in the DataWorks console"
    return DataWorksJobError(
        f"{what} ended as {status}{said}.",
        job_id=job_id,
        status=snapshot.status,
        error_message=reason or None,
        job_name=snapshot.name,
        console_url=workspace_url(hook, target.project_id) if target.project_id else None,
    )
