"""The hook's methods that bring a sync task from its content to a node: files, nodes of Data Studio, deployments."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action, whole_number
from airflow_provider_dataworks.client.catalog import CATALOGS, v2020_05_18, v2024_05_18
from airflow_provider_dataworks.client.catalog.paging import read_entries
from airflow_provider_dataworks.client.errors import ApiError
from airflow_provider_dataworks.client.flow_spec import FlowSpecError, node_of, script_of, sync_node_spec
from airflow_provider_dataworks.client.models import TaskType
from airflow_provider_dataworks.exceptions import DataWorksParameterError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.base import DataWorksBaseHook

_PAGE = 100
_MAY_EXIST = "It may have been created: look for its name before you create it again."
_MAY_BE_DEPLOYING = "It may be under way: look at its deployments before you deploy it again."
_MAY_BE_CHANGED = "It may have been changed: look at it before you change it again."


class DeploymentsHook(DataWorksBaseHook):
    """The part of the hook that is about files and their deployment (API version 2020-05-18), and about nodes of Data
    Studio and pipeline runs (API version 2024-05-18); each action is sent in the version that has it."""

    def deploy_di_sync_task(self, *, project_id: int | str | None = None, task_type: str, file_id: int | str) -> None:
        """Submit and deploy a real-time task or a solution (API page: DeployDISyncTask).

        :param project_id: workspace id; None for the connection's.
        :param task_type: DI_REALTIME or DI_SOLUTION.
        :param file_id: the file's id.
        :raises DataWorksPermanentError: refused; also when Data.Status is fail.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = {
            "TaskType": arguments.task_type(task_type, (TaskType.DI_REALTIME, TaskType.DI_SOLUTION)),
            "FileId": arguments.identifier("file_id", file_id),
            "ProjectId": self.resolve_project_id(project_id),
        }
        answer = self._send(v2020_05_18.DEPLOY_DI_SYNC_TASK, parameters)
        self.log.info("Deployed %s %s (RequestId %s)", task_type, parameters["FileId"], answer.get("RequestId"))

    # Files, 2020-05-18

    def get_file(self, *, project_id: int | str | None = None, file_id: int | str) -> dict[str, Any]:
        """Read a file of DataStudio (API page: GetFile).

        :param project_id: workspace id; None for the connection's.
        :param file_id: the file's id.
        :return: ``File`` (FileName, Content, CommitStatus, and NodeId once it is submitted) and ``NodeConfiguration``
            (the properties of its schedule).
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        answer = self._send(v2020_05_18.GET_FILE, self._file(project_id, file_id))
        return cast(dict[str, Any], answer["Data"])

    def update_file(
        self,
        *,
        project_id: int | str | None = None,
        file_id: int | str,
        schedule: Mapping[str, Any] | str | None = None,
        file_name: str | None = None,
        content: dict[str, Any] | str | None = None,
    ) -> None:
        """Change a file of DataStudio, which has to be submitted and deployed again then (API page: UpdateFile).

        The service refuses an update that changes nothing. After a lost response the file is read, and the update is
        sent again only if it did not arrive.

        :param project_id: workspace id; None for the connection's.
        :param file_id: the file's id.
        :param schedule: properties of the schedule by the API's names, such as InputList, CronExpress, ParaValue and
            ResourceGroupIdentifier, dict or JSON string; default None.
        :param file_name: another name; default None.
        :param content: another job definition in script mode, dict or JSON string; default None.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        file = self._file(project_id, file_id)
        properties = arguments.schedule("schedule", schedule)
        text = None if arguments.optional(content) is None else arguments.json_text("content", content)
        name = arguments.optional_text("file_name", file_name)

        def is_updated() -> bool:
            now = self.get_file(project_id=file["ProjectId"], file_id=file["FileId"])
            known = now["File"]
            same_text = name in (None, known.get("FileName")) and text in (None, known.get("Content"))
            return same_text and not differing(properties, now.get("NodeConfiguration") or {})

        def read_update(error: ApiError) -> dict[str, Any] | None:
            if not_shown(properties) or not is_updated():
                return None
            return {"RequestId": error.request_id}

        action = v2020_05_18.UPDATE_FILE
        confirm_effect = self._confirm_by_reading(action, read_update, warning=_MAY_BE_CHANGED)
        parameters = {**file, **properties, "FileName": name, "Content": text}
        try:
            answer = self._send(action, parameters, confirm_effect=confirm_effect)
        except DataWorksPermanentError as error:
            if not error.outcome_unknown or not _may_be_unchanged(error, properties) or not is_updated():
                raise
            # The first attempt arrived, and the repeat would have changed nothing.
            answer = {"RequestId": error.request_id}
        self.log.info("Updated file %s (RequestId %s)", file["FileId"], answer.get("RequestId"))

    def set_file_schedule(
        self, *, project_id: int | str | None = None, file_id: int | str, schedule: Mapping[str, Any] | str
    ) -> bool:
        """Bring properties of the schedule to a file, unless it has them already (API pages: GetFile, UpdateFile).

        GetFile does not show all of them, and the service refuses an update that changes nothing: a refusal counts as
        that if the file shows all the others as they are to be, and the refusal is not about one that it does not show.

        :param project_id: workspace id; None for the connection's.
        :param file_id: the file's id.
        :param schedule: properties of the schedule, as :meth:`update_file` takes them.
        :return: whether the file was changed.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        file = self._file(project_id, file_id)
        properties = arguments.schedule("schedule", schedule)
        read = self.get_file(project_id=file["ProjectId"], file_id=file["FileId"])
        differs = differing(properties, read.get("NodeConfiguration") or {})
        if not differs and not not_shown(properties):
            return False
        try:
            self.update_file(project_id=file["ProjectId"], file_id=file["FileId"], schedule=properties)
        except DataWorksPermanentError as error:
            if differs or not _may_be_unchanged(error, properties):
                raise
            self.log.warning("File %s is taken as having its schedule already: %s", file["FileId"], error)
            return False
        return True

    def submit_file(
        self, *, project_id: int | str | None = None, file_id: int | str, comment: str | None = None
    ) -> int:
        """Submit a file: to the development environment or, in a workspace of the basic mode, to production
        (API page: SubmitFile).

        After a lost response the workspace's newest deployments are read, and the file is submitted again only if none
        of them is new and of this file.

        :param project_id: workspace id; None for the connection's.
        :param file_id: the file's id.
        :param comment: what the deployment says of itself; default None.
        :return: the deployment's id, for :meth:`get_deployment`.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        return self._deploy(v2020_05_18.SUBMIT_FILE, project_id, file_id, comment)

    def deploy_file(
        self, *, project_id: int | str | None = None, file_id: int | str, comment: str | None = None
    ) -> int:
        """Deploy a submitted file to production, in a workspace of the standard mode (API page: DeployFile).

        After a lost response the workspace's newest deployments are read, as :meth:`submit_file` does.

        :param project_id: workspace id; None for the connection's.
        :param file_id: the file's id.
        :param comment: what the deployment says of itself; default None.
        :return: the deployment's id, for :meth:`get_deployment`.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        return self._deploy(v2020_05_18.DEPLOY_FILE, project_id, file_id, comment)

    def get_deployment(self, *, project_id: int | str | None = None, deployment_id: int | str) -> dict[str, Any]:
        """Read a deployment (API page: GetDeployment).

        :param project_id: workspace id; None for the connection's.
        :param deployment_id: what :meth:`submit_file` or :meth:`deploy_file` returned.
        :return: ``Deployment`` (Status 0 for under way, 1 for successful, 2 for failed; ErrorMessage, ToEnvironment)
            and ``DeployedItems``.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = {
            "ProjectId": self.resolve_project_id(project_id),
            "DeploymentId": arguments.identifier("deployment_id", deployment_id),
        }
        return cast(dict[str, Any], self._send(v2020_05_18.GET_DEPLOYMENT, parameters)["Data"])

    def find_deployment(self, *, project_id: int | str | None = None, file_id: int | str) -> int | None:
        """Find a file's deployment that is under way (API pages: ListDeployments, GetDeployment).

        :param project_id: workspace id; None for the connection's.
        :param file_id: the file's id.
        :return: the deployment's id; None if none of the workspace's newest is under way for this file.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        file = self._file(project_id, file_id)
        going = self._newest_deployments(file["ProjectId"], status=0)
        return self._deployment_of(file, going)

    def has_development_environment(self, *, project_id: int | str | None = None) -> bool:
        """Whether a workspace is of the standard mode, which has a development environment beside production
        (API page: GetProject).

        :param project_id: workspace id; None for the connection's.
        :return: whether it has one.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        project = self._project(project_id)
        by_mode = project.get("ProjectMode") == 3 or "DEV" in (project.get("EnvTypes") or [])
        return by_mode or project.get("DevEnvironmentEnabled") is True

    def root_output(self, *, project_id: int | str | None = None) -> str:
        """Give the name of the output of a workspace's root node, on which a node without other inputs depends
        (API page: GetProject).

        :param project_id: workspace id; None for the connection's.
        :return: such as ``my_workspace_root``.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        project = self._project(project_id)
        return f"{project.get('ProjectIdentifier') or project.get('Name') or '<workspace>'}_root"

    # Nodes in Data Studio, 2024-05-18

    def create_node(
        self,
        *,
        project_id: int | str | None = None,
        spec: dict[str, Any] | str,
        scene: str = "DATAWORKS_PROJECT",
        container_id: int | str | None = None,
    ) -> int:
        """Create a node in Data Studio, once; it is not deployed (API page: CreateNode).

        After a lost response the node is searched for by its name, and created again only if there is none.

        :param project_id: workspace id; None for the connection's.
        :param spec: the FlowSpec, dict or JSON string.
        :param scene: DATAWORKS_PROJECT (default), DATAWORKS_MANUAL_TASK or DATAWORKS_MANUAL_WORKFLOW.
        :param container_id: the workflow that the node is made in; default None.
        :return: the node's id in Data Studio, of 19 digits; the scheduler's is TaskId of :meth:`get_node`.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may have
            been created.
        """
        text = arguments.json_text("spec", spec)
        name, path = _name_and_path(text)
        container = arguments.optional_identifier("container_id", container_id)
        project = self.resolve_project_id(project_id)
        parameters = {
            "ProjectId": project,
            "Scene": arguments.text("scene", scene),
            "Spec": text,
            "ContainerId": None if container is None else str(container),
        }
        known = {entry["Id"] for entry in self._nodes_named(project, name, path)}

        def read_creation(error: ApiError) -> dict[str, Any] | None:
            created = [entry for entry in self._nodes_named(project, name, path) if entry["Id"] not in known]
            return {"Id": created[0]["Id"], "RequestId": error.request_id} if created else None

        action = v2024_05_18.CREATE_NODE
        confirm_effect = self._confirm_by_reading(action, read_creation, warning=_MAY_EXIST)
        answer = self._send(action, parameters, confirm_effect=confirm_effect)
        node_id = cast(int, whole_number(answer["Id"]))
        self.log.info("Created node %s %r (RequestId %s)", node_id, name, answer.get("RequestId"))
        return node_id

    def get_node(self, *, project_id: int | str | None = None, node_id: int | str) -> dict[str, Any]:
        """Read a node of Data Studio (API page: GetNode of 2024-05-18).

        :param project_id: workspace id; None for the connection's.
        :param node_id: the node's id in Data Studio.
        :return: Id (int), Name, Spec (the FlowSpec, JSON string), and TaskId (int), the scheduler's id, once it is
            deployed.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        answer = self._send(v2024_05_18.GET_NODE, self._studio_node(project_id, node_id))
        return _with_integers(answer["Node"])

    def update_node(
        self, *, project_id: int | str | None = None, node_id: int | str, spec: dict[str, Any] | str
    ) -> None:
        """Replace the FlowSpec of a node, which has to be deployed again then (API page: UpdateNode).

        :param project_id: workspace id; None for the connection's.
        :param node_id: the node's id in Data Studio.
        :param spec: the whole FlowSpec, dict or JSON string: read it, change it, send it back.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        parameters = {**self._studio_node(project_id, node_id), "Spec": arguments.json_text("spec", spec)}
        answer = self._send(v2024_05_18.UPDATE_NODE, parameters)
        self.log.info("Updated node %s (RequestId %s)", parameters["Id"], answer.get("RequestId"))

    def create_pipeline_run(
        self,
        *,
        project_id: int | str | None = None,
        node_id: int | str,
        description: str | None = None,
        run_type: str = "Online",
    ) -> str:
        """Begin the deployment of a node, once (API page: CreatePipelineRun).

        Its first stage runs by itself; the others are for :meth:`exec_pipeline_run_stage`. After a lost response the
        node's pipeline runs are listed, and it is repeated only if there is no new one with this description.

        :param project_id: workspace id; None for the connection's.
        :param node_id: the node's id in Data Studio.
        :param description: what the pipeline run says of itself; default None.
        :param run_type: Online (default), or Offline to undeploy the node.
        :return: the pipeline run's id.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may be
            under way.
        """
        node = self._studio_node(project_id, node_id)
        project, text = node["ProjectId"], arguments.optional_text("description", description)
        known = {run["Id"] for run in self.list_pipeline_runs(project_id=project, node_id=node["Id"])}

        def read_creation(error: ApiError) -> dict[str, Any] | None:
            runs = self.list_pipeline_runs(project_id=project, node_id=node["Id"])
            new = [run for run in runs if run["Id"] not in known and (run.get("Description") or None) == text]
            return {"Id": new[0]["Id"], "RequestId": error.request_id} if new else None

        parameters = {
            "ProjectId": project,
            "Type": arguments.one_of("run_type", run_type, ("Online", "Offline")),
            "ObjectIds": [node["Id"]],
            "Description": text,
        }
        action = v2024_05_18.CREATE_PIPELINE_RUN
        confirm_effect = self._confirm_by_reading(action, read_creation, warning=_MAY_BE_DEPLOYING)
        answer = self._send(action, parameters, confirm_effect=confirm_effect)
        run_id = str(answer["Id"])
        self.log.info("Created pipeline run %s of node %s (RequestId %s)", run_id, node["Id"], answer.get("RequestId"))
        return run_id

    def exec_pipeline_run_stage(self, *, project_id: int | str | None = None, pipeline_run_id: str, code: str) -> None:
        """Begin a stage of a pipeline run (API page: ExecPipelineRunStage).

        The service refuses a stage whose turn it is not, and one that was begun before. After a lost response the
        pipeline run is read; a stage that was begun may be Init for a while, so that a refusal after a lost response
        counts as begun too.

        :param project_id: workspace id; None for the connection's.
        :param pipeline_run_id: the pipeline run's id.
        :param code: the stage's code, such as PROD_CHECK.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        run = self._pipeline_run(project_id, pipeline_run_id)
        stage = arguments.text("code", code)

        def read_stage(error: ApiError) -> dict[str, Any] | None:
            now = self.get_pipeline_run(project_id=run["ProjectId"], pipeline_run_id=run["Id"])
            begun = any(each.get("Code") == stage and each.get("Status") != "Init" for each in now["Stages"])
            return {"RequestId": error.request_id} if begun else None

        action = v2024_05_18.EXEC_PIPELINE_RUN_STAGE
        confirm_effect = self._confirm_by_reading(action, read_stage, warning=_MAY_BE_DEPLOYING)
        try:
            answer = self._send(action, {**run, "Code": stage}, confirm_effect=confirm_effect)
        except DataWorksPermanentError as error:
            if not error.outcome_unknown or error.http_status != 400:
                raise
            self.log.warning("The stage %s is taken as begun: an earlier attempt may have arrived (%s)", stage, error)
            return
        self.log.info("Began stage %s of pipeline run %s (RequestId %s)", stage, run["Id"], answer.get("RequestId"))

    def get_pipeline_run(self, *, project_id: int | str | None = None, pipeline_run_id: str) -> dict[str, Any]:
        """Read a pipeline run (API page: GetPipelineRun).

        :param project_id: workspace id; None for the connection's.
        :param pipeline_run_id: the pipeline run's id.
        :return: Status (Init, Running, Success, Fail, Termination or Cancel), Message, Description, and Stages in their
            order, each with Code, Type, Status and Message.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        answer = self._send(v2024_05_18.GET_PIPELINE_RUN, self._pipeline_run(project_id, pipeline_run_id))
        run = cast(dict[str, Any], answer["Pipeline"])
        stages = [stage for stage in run.get("Stages") or [] if isinstance(stage, dict)]
        return {**run, "Stages": sorted(stages, key=lambda stage: whole_number(stage.get("Step")) or 0)}

    def list_pipeline_runs(self, *, project_id: int | str | None = None, node_id: int | str) -> list[dict[str, Any]]:
        """List the newest pipeline runs of a node, at most 100 (API page: ListPipelineRuns).

        :param project_id: workspace id; None for the connection's.
        :param node_id: the node's id in Data Studio.
        :return: the pipeline runs, each as :meth:`get_pipeline_run` gives it, the newest first.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        node = self._studio_node(project_id, node_id)
        parameters = {"ProjectId": node["ProjectId"], "ObjectId": node["Id"], "PageNumber": 1, "PageSize": _PAGE}
        answer = self._send(v2024_05_18.LIST_PIPELINE_RUNS, parameters)
        runs = read_entries(answer["PagingInfo"], name="PipelineRuns").entries
        return sorted(runs, key=lambda run: whole_number(run.get("CreateTime")) or 0, reverse=True)

    def list_pipeline_run_items(
        self, *, project_id: int | str | None = None, pipeline_run_id: str
    ) -> Iterator[dict[str, Any]]:
        """List what a pipeline run deploys (API page: ListPipelineRunItems).

        :param project_id: workspace id; None for the connection's.
        :param pipeline_run_id: the pipeline run's id.
        :return: the items, each with Name, Status and, on failure, Message.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        run = self._pipeline_run(project_id, pipeline_run_id)
        parameters = {"ProjectId": run["ProjectId"], "PipelineRunId": run["Id"]}
        return self._listed(v2024_05_18.LIST_PIPELINE_RUN_ITEMS, parameters, "PipelineRunItems")

    # Batch sync tasks as nodes

    def _create_sync_node(self, project_id: int, name: str, content: str, task_param: Mapping[str, Any]) -> int:
        """Create a batch sync task as a node, or take the one of this name and content that is there."""
        folder = str(task_param.get("FileFolderPath") or "").strip("/") or None
        if unknown := sorted(set(task_param) - {"FileFolderPath", "ResourceGroup", "Cu"}):
            problem = f"{', '.join(unknown)} cannot be set with api_version 2024-05-18"
            raise DataWorksParameterError("task_param", problem)
        spec = sync_node_spec(
            name,
            json.loads(content),
            folder=folder,
            resource_group=task_param.get("ResourceGroup") or None,
            cu=task_param.get("Cu"),
            output=f"{project_id}.{name}_out",
        )
        found = list(self._nodes_named(project_id, name, f"{folder}/{name}" if folder else None))
        if not found:
            return self.create_node(project_id=project_id, spec=spec)
        node_id = cast(int, whole_number(found[0]["Id"]))
        try:
            same = script_of(self.get_node(project_id=project_id, node_id=node_id)["Spec"]) == script_of(spec)
        except FlowSpecError:
            same = False
        if not same:
            raise self._in_context(
                DataWorksPermanentError(
                    f"The folder has a node of this name: choose another task_name. Node {node_id} {name!r} has other "
                    "content; change that with UpdateNode, or delete the node."
                ),
                project_id,
            )
        self.log.info("Node %s %r is there already, with the same content: it is taken", node_id, name)
        return node_id

    # Parameters and lists

    def _file(self, project_id: int | str | None, file_id: int | str) -> dict[str, Any]:
        return {
            "ProjectId": self.resolve_project_id(project_id),
            "FileId": arguments.identifier("file_id", file_id),
        }

    def _studio_node(self, project_id: int | str | None, node_id: int | str) -> dict[str, Any]:
        return {
            "ProjectId": self.resolve_project_id(project_id),
            "Id": str(arguments.identifier("node_id", node_id)),
        }

    def _pipeline_run(self, project_id: int | str | None, pipeline_run_id: str) -> dict[str, Any]:
        return {
            "ProjectId": self.resolve_project_id(project_id),
            "Id": arguments.text("pipeline_run_id", pipeline_run_id),
        }

    def _deploy(self, action: Action, project_id: int | str | None, file_id: int | str, comment: str | None) -> int:
        file = self._file(project_id, file_id)
        known = frozenset(self._newest_deployments(file["ProjectId"]))

        def read_deployment(error: ApiError) -> dict[str, Any] | None:
            new = [each for each in self._newest_deployments(file["ProjectId"]) if each not in known]
            found = self._deployment_of(file, new)
            return None if found is None else {"Data": found, "RequestId": error.request_id}

        confirm_effect = self._confirm_by_reading(action, read_deployment, warning=_MAY_BE_DEPLOYING)
        parameters = {**file, "Comment": arguments.optional_text("comment", comment)}
        answer = self._send(action, parameters, confirm_effect=confirm_effect)
        deployment_id = cast(int, whole_number(answer["Data"]))
        self.log.info(
            "%s: deployment %s of file %s (RequestId %s)",
            action.name,
            deployment_id,
            file["FileId"],
            answer.get("RequestId"),
        )
        return deployment_id

    def _newest_deployments(self, project_id: int, status: int | None = None) -> list[int]:
        """The ids of a workspace's newest deployments, the newest first."""
        parameters = {
            "ProjectId": project_id,
            "Status": status,
            "PageNumber": 1,
            "PageSize": assumptions.DEPLOYMENTS_READ,
        }
        answer = self._send(v2020_05_18.LIST_DEPLOYMENTS, parameters)
        ids = (whole_number(entry.get("Id")) for entry in read_entries(answer["Data"], name="Deployments").entries)
        return sorted((each for each in ids if each), reverse=True)

    def _deployment_of(self, file: Mapping[str, Any], deployment_ids: Iterable[int]) -> int | None:
        for deployment_id in deployment_ids:
            read = self.get_deployment(project_id=file["ProjectId"], deployment_id=deployment_id)
            items = read.get("DeployedItems") or []
            if any(whole_number(item.get("FileId")) == file["FileId"] for item in items if isinstance(item, dict)):
                return deployment_id
        return None

    def _project(self, project_id: int | str | None) -> dict[str, Any]:
        action = CATALOGS[self.settings.api_version].GET_PROJECT
        answer = self._send(action, {action.query[0]: self.resolve_project_id(project_id)})
        project = answer.get("Data") or answer.get("Project")
        return project if isinstance(project, dict) else {}

    def _nodes_named(self, project_id: int, name: str, path: str | None) -> Iterator[dict[str, Any]]:
        """The nodes of exactly this name and, where a path is given, in its folder."""
        parameters = {"ProjectId": project_id, "Name": name}
        for entry in self._listed(v2024_05_18.LIST_NODES, parameters, "Nodes"):
            script = entry.get("Script")
            shown = script.get("Path") if isinstance(script, dict) else None
            if entry.get("Name") == name and (path is None or shown is None or str(shown).strip("/") == path):
                yield entry

    def _listed(self, action: Action, parameters: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
        def read(number: int) -> tuple[tuple[dict[str, Any], ...], int | None]:
            answer = self._send(action, {**parameters, "PageNumber": number, "PageSize": _PAGE})
            page = read_entries(answer["PagingInfo"], name=name)
            return page.entries, page.total

        return self._pages(read, _PAGE, lambda entry: entry.get("Id"), action.name)


def differing(schedule: Mapping[str, Any], configuration: Mapping[str, Any]) -> set[str]:
    """Name the properties of a schedule that a file has with another value.

    :param schedule: the properties, by their names in UpdateFile.
    :param configuration: NodeConfiguration of GetFile.
    :return: the names; those that GetFile does not show are not among them.
    """
    shown = {name: value for name, value in schedule.items() if name not in assumptions.NOT_SHOWN_BY_GET_FILE}
    return {name for name, value in shown.items() if not _is_shown(name, value, configuration.get(name))}


def not_shown(schedule: Mapping[str, Any]) -> set[str]:
    """Name the properties of a schedule that GetFile does not show.

    :param schedule: the properties, by their names in UpdateFile.
    :return: the names.
    """
    return set(schedule) & assumptions.NOT_SHOWN_BY_GET_FILE


def _may_be_unchanged(error: DataWorksPermanentError, schedule: Mapping[str, Any]) -> bool:
    """Whether the refusal of an update may mean that it changes nothing: not if it is about a property's value."""
    about = f"{error.code} {error.message}".lower().replace(" ", "")
    values = [str(schedule[name]) for name in not_shown(schedule)]
    named = [*not_shown(schedule), "ResourceGroup", *(value for value in values if len(value) > 3)]
    return error.http_status == 400 and not any(each.lower().replace(" ", "") in about for each in named)


def _is_shown(name: str, value: Any, shown: Any) -> bool:
    if name in ("InputList", "OutputList"):
        field = name.removesuffix("List")
        entries = shown if isinstance(shown, list) else []
        known = {str(entry.get(field)) for entry in entries if isinstance(entry, dict)}
        wanted = {each.strip() for each in str(value).split(",") if each.strip()}
        # A file has an output of its own besides those that were set.
        return wanted == known if name == "InputList" else wanted <= known
    return _spelled(value) == _spelled(shown)


def _spelled(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _name_and_path(spec: str) -> tuple[str, str | None]:
    try:
        node = node_of(spec)
    except FlowSpecError as error:
        raise DataWorksParameterError("spec", str(error)) from None
    script = node.get("script")
    path = script.get("path") if isinstance(script, dict) else None
    return arguments.text("spec: name", node.get("name")), str(path).strip("/") if "/" in str(path or "") else None


def _with_integers(node: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: whole_number(node[name]) for name in ("Id", "TaskId") if node.get(name) is not None}
    return {**node, **numbers}
