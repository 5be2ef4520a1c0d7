"""The hook's methods for batch nodes and their runs, the same in both API versions as far as these allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions, node_parameters
from airflow_provider_dataworks.client.actions import whole_number
from airflow_provider_dataworks.client.bizdates import midnight_milliseconds
from airflow_provider_dataworks.client.catalog import v2020_05_18, v2024_05_18
from airflow_provider_dataworks.client.catalog.nodes import (
    RunRequest,
    content,
    read_creation,
    read_node,
    read_nodes,
    read_run_ids,
    read_runs,
)
from airflow_provider_dataworks.client.client import ConfirmEffect
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import ApiError, Outcome, printable
from airflow_provider_dataworks.client.models import Node, NodeRun
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
)
from airflow_provider_dataworks.hooks.node_instances import NodeInstancesHook

#: What the error of a run says whose effect is not known.
RUN_MAY_HAVE_STARTED = "It may have started: a retry with the same name finds it; see Operation Center."

#: Under this name, an answer in place of a lost one has the run that was found.
_FOUND = "Run"


class NodesHook(NodeInstancesHook):
    """The part of the hook that is about nodes and their runs."""

    def run_node(
        self,
        *,
        node_id: int | str,
        bizdate: Any,
        name: str,
        parameters: Mapping[str, Any] | str | None = None,
        project_id: int | str | None = None,
        project_env: str = "PROD",
        look_first: bool = True,
        node: Node | None = None,
    ) -> NodeRun:
        """Run one node once, for one business date (API pages: RunCycleDagNodes, CreateWorkflowInstances).

        The name is what makes a repeat harmless: a run of this name is taken for the one that is wanted, whatever its
        status. After a lost response the call is never sent again; the run is looked for by its name.

        :param node_id: the node's id in Operation Center.
        :param bizdate: the business date: a date, a datetime (its own date), YYYY-MM-DD or YYYYMMDD.
        :param name: the run's name, unique among those of the node for this date; up to 128 characters.
        :param parameters: values by name, which replace those of the node's parameters and leave the others; or all of
            them as a string in the node's own syntax (``k=v ...``, or ``-p"-Dk=v ..."`` where the node has that). None
            (default) for the node's own.
        :param project_id: workspace id; None for the connection's.
        :param project_env: PROD (default) or DEV.
        :param look_first: whether a run of this name is looked for before (default True); False where the caller knows
            that there is none.
        :param node: the node as :meth:`read_node` gave it just now; None (default) reads it where that is needed.
        :return: the run.
        :raises DataWorksNotFoundError: there is no such node.
        :raises DataWorksParameterError: an argument is invalid, or the node's syntax cannot express a parameter.
        :raises DataWorksPermanentError: refused, or the run could not be created.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may have
            started.
        """
        actions = self._node_actions
        request = RunRequest(
            project_id=self.resolve_project_id(project_id),
            node_id=arguments.identifier("node_id", node_id),
            bizdate=arguments.business_date("bizdate", bizdate),
            name=arguments.run_name(name),
            environment=arguments.project_environment(project_env),
        )
        given = arguments.node_parameters("parameters", parameters)
        if look_first and (found := self._find_run(request)) is not None:
            self.log.info("Node %s: run %r exists already, with id %s", request.node_id, request.name, found.run_id)
            return found
        # In 2020-05-18 an hourly node is run in another way.
        if node is None and (given is not None or actions.list_runs is None):
            node = self._read_node(request.node_id, request.environment)
        if node is not None:
            request = replace(request, hourly=bool(node.hourly), parameters=_expressed(node, given))
        confirm_effect = self._confirm_run(request)
        answer = self._send_run(request, confirm_effect)
        if _FOUND not in answer and actions.list_runs is None:
            run_id = read_run_ids(answer)[0]
            answer[_FOUND] = NodeRun(run_id, request.name, request.bizdate)
        elif _FOUND not in answer:
            answer = self._created(request, answer["OperationId"], confirm_effect)
        run: NodeRun = answer[_FOUND]
        self.log.info(
            "Running node %s for %s as run %s %r (RequestId %s)",
            request.node_id,
            request.bizdate,
            run.run_id,
            request.name,
            answer.get("RequestId") or "lost with the answer",
        )
        return run

    def find_node_run(
        self,
        *,
        name: str,
        node_id: int | str,
        bizdate: Any,
        project_id: int | str | None = None,
        project_env: str = "PROD",
    ) -> NodeRun | None:
        """Find the run of a node for a business date by its exact name.

        API pages: ListInstances and GetDag, ListWorkflowInstances.

        :param name: the run's name.
        :param node_id: the node's id.
        :param bizdate: the business date, as :meth:`run_node` takes it.
        :param project_id: workspace id; None for the connection's.
        :param project_env: PROD (default) or DEV.
        :return: the run, the newest of several; None where there is none, or none that shows yet.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        return self._find_run(
            RunRequest(
                project_id=self.resolve_project_id(project_id),
                node_id=arguments.identifier("node_id", node_id),
                bizdate=arguments.business_date("bizdate", bizdate),
                name=arguments.run_name(name),
                environment=arguments.project_environment(project_env),
            )
        )

    def get_node_run(self, *, run_id: int | str, project_env: str = "PROD") -> NodeRun:
        """Read a run of a node (API pages: GetDag, GetWorkflowInstance).

        :param run_id: the run's id.
        :param project_env: PROD (default) or DEV.
        :return: the run, with its status: NOT_RUN, RUNNING, SUCCESS or FAILURE. While an automatic rerun is to come it
            may be FAILURE; the instance says whether one is.
        :raises DataWorksNotFoundError: there is no such run.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        return self._read_run(arguments.identifier("run_id", run_id), arguments.project_environment(project_env))

    def read_node(self, *, node_id: int | str, project_id: int | str | None = None, project_env: str = "PROD") -> Node:
        """Read a deployed node into a model (API pages: GetNode of 2020-05-18, GetTask).

        :param node_id: the node's id in Operation Center.
        :param project_id: the workspace that it must belong to, as far as the answer says; None (default) for any.
        :param project_env: PROD (default) or DEV.
        :return: the node.
        :raises DataWorksNotFoundError: there is no such node, or it belongs to another workspace.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        number = arguments.identifier("node_id", node_id)
        node = self._read_node(number, arguments.project_environment(project_env))
        if arguments.optional(project_id) is not None:
            wanted = arguments.project_identifier(project_id)
            if str(node.fields.get("ProjectId") or wanted) != str(wanted):
                raise self._in_context(_no_such_node(f"with id {number}", wanted), wanted)
        return node

    def list_nodes(
        self, *, project_id: int | str | None = None, node_name: str | None = None, project_env: str = "PROD"
    ) -> Iterator[dict[str, Any]]:
        """List the deployed nodes of a workspace, page by page on demand (API pages: ListNodes, ListTasks).

        :param project_id: workspace id; None for the connection's.
        :param node_name: part of the name: the API matches it fuzzily; None (default) for all.
        :param project_env: PROD (default) or DEV.
        :return: a lazy iterator of nodes as the API gives them, each once, with NodeId and NodeName in both versions.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        project, environment = self.resolve_project_id(project_id), arguments.project_environment(project_env)
        name = arguments.optional_text("node_name", node_name)
        return (dict(node.fields) for node in self._nodes_named_like(project, environment, name))

    def find_node(
        self,
        *,
        node_name: str | None = None,
        file_id: int | str | None = None,
        project_id: int | str | None = None,
        project_env: str = "PROD",
    ) -> dict[str, Any]:
        """Find a deployed node by its exact name, or by the file that it was deployed from.

        API pages: ListNodes and GetFile of 2020-05-18, ListTasks, GetNode of 2024-05-18.

        :param node_name: the node's whole name; default None.
        :param file_id: the node's id in Data Studio; default None. Exactly one of the two is needed.
        :param project_id: workspace id; None for the connection's.
        :param project_env: PROD (default) or DEV.
        :return: the node as the API gives it, with NodeId and NodeName in both API versions.
        :raises DataWorksNotFoundError: there is no such node, or it is not deployed yet.
        :raises DataWorksParameterError: several nodes have the name, or an argument is invalid.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        name, file = arguments.optional_text("node_name", node_name), arguments.optional_identifier("file_id", file_id)
        if (name is None) == (file is None):
            raise DataWorksParameterError("node_name", "give exactly one of node_name and file_id")
        project = self.resolve_project_id(project_id)
        environment = arguments.project_environment(project_env)
        if file is not None:
            return dict(self._read_node(self._node_of_file(project, file), environment).fields)
        # The list may shift between two pages: a miss counts only if it repeats.
        for _ in range(2):
            nodes = [node for node in self._nodes_named_like(project, environment, str(name)) if node.name == name]
            if len(nodes) > 1:
                ids = ", ".join(map(str, sorted(node.id for node in nodes)))
                raise DataWorksParameterError("node_name", f"{len(nodes)} nodes have this name: give node_id ({ids})")
            if nodes:
                return dict(nodes[0].fields)
        raise self._in_context(_no_such_node(f"named {name!r:.200} in {environment}", project), project)

    def _node_of_file(self, project: int, file_id: int) -> int:
        """The id in Operation Center of what Data Studio has under another."""
        if self.settings.api_version == v2024_05_18.VERSION:
            entry = self._send(v2024_05_18.GET_NODE, {"Id": str(file_id), "ProjectId": project})["Node"]
            node_id = whole_number(entry.get("TaskId"))
        else:
            entry = self._send(v2020_05_18.GET_FILE, {"FileId": file_id, "ProjectId": project})["Data"]["File"]
            node_id = whole_number(entry.get("NodeId"))
        if not node_id:
            name = printable(entry.get("Name") or entry.get("FileName") or "")
            error = DataWorksNotFoundError(f"It is not deployed yet: deploy file {file_id} ({name}) before it is run.")
            raise self._in_context(error, project)
        return node_id

    def _nodes_named_like(self, project: int, environment: str, name: str | None) -> Iterator[Node]:
        actions, size = self._node_actions, 100
        parameters = {
            "ProjectId": project,
            "ProjectEnv": actions.spell_environment(environment),
            actions.name_parameter: name,
        }

        def read(number: int) -> tuple[Sequence[Node], int | None]:
            answer = self._send(actions.list_nodes, {**parameters, "PageNumber": number, "PageSize": size})
            return read_nodes(content(actions.list_nodes, answer))

        return self._pages(read, size, lambda node: node.id, actions.list_nodes.name)

    def _read_node(self, node_id: int, environment: str) -> Node:
        actions = self._node_actions
        # Both versions spell the parameter alike here, but for the id of 2024-05-18.
        own = "Id" if "Id" in actions.get_node.parameters else actions.node_parameter
        parameters = {own: node_id, "ProjectEnv": actions.spell_environment(environment)}
        return read_node(content(actions.get_node, self._send(actions.get_node, parameters)))

    def _send_run(self, request: RunRequest, confirm_effect: ConfirmEffect) -> dict[str, Any]:
        actions = self._node_actions
        try:
            return self._send(actions.run_node, actions.build_run(request), confirm_effect=confirm_effect)
        except DataWorksPermanentError as error:
            amended = None if error.outcome_unknown else actions.amend_run(request, error.message)
            if amended is None:
                raise
            self.log.info("%s: refused (%s); sent once more as that wants it", actions.run_node.name, error)
        return self._send(actions.run_node, amended, confirm_effect=confirm_effect)

    def _confirm_run(self, request: RunRequest) -> ConfirmEffect:
        def read_effect(error: ApiError) -> dict[str, Any] | None:
            run = self._find_run(request)
            return None if run is None else {_FOUND: run, "RequestId": error.request_id}

        return self._confirm_by_reading(
            self._node_actions.run_node,
            read_effect,
            warning=RUN_MAY_HAVE_STARTED,
            pauses=assumptions.RUN_SHOWS_AFTER,
            may_repeat=False,
        )

    def _created(self, request: RunRequest, operation_id: str, confirm_effect: ConfirmEffect) -> dict[str, Any]:
        """Wait until a run has been created; where that cannot be read, look for it by its name."""
        answer = self._creation(operation_id)
        if isinstance(answer, ApiError):
            try:
                # It cannot be sent again, so that there is an answer, or an error.
                return confirm_effect(answer) or {}
            except DataWorksError as error:
                raise self._in_context(error, request.project_id) from None
        creation = read_creation(content(v2024_05_18.GET_CREATE_WORKFLOW_INSTANCES_RESULT, answer))
        if creation.run_id is None:
            raise self._in_context(_not_created(creation.failure, answer), request.project_id)
        self._check_time_zone(request, creation.run_id)
        return {**answer, _FOUND: NodeRun(creation.run_id, request.name, request.bizdate)}

    def _check_time_zone(self, request: RunRequest, run_id: int) -> None:
        """Reject a time zone with which neither the run nor its instances are found.

        :raises DataWorksPermanentError: a retry would not find the run, and make another one.
        """
        action, zone = self._node_actions.get_run, self.settings.time_zone
        try:
            begins = whole_number(content(action, self._send(action, {"Id": run_id})).get("BizDate"))
        except DataWorksError as error:
            self.log.warning("Whether %s is the time zone of the workspace could not be read: %s", zone, error)
            return
        if begins and begins != midnight_milliseconds(request.bizdate, zone):
            wrong = DataWorksPermanentError(
                "The workspace has another time zone: set time_zone on the connection. "
                f"The business date {request.bizdate} begins at {arguments.iso_utc(begins / 1000)} there, which is not "
                f"midnight in {zone}. The run {run_id} ({request.name!r}) was made, and goes on."
            )
            raise self._in_context(wrong, request.project_id)

    def _creation(self, operation_id: str) -> dict[str, Any] | ApiError:
        """Poll until a creation has come to its end; an error where that is not known."""
        action = v2024_05_18.GET_CREATE_WORKFLOW_INSTANCES_RESULT
        began, slept = clock.monotonic(), 0.0
        while True:
            try:
                answer = self._send(action, {"OperationId": operation_id})
            except DataWorksError as error:
                return _lost(error.message, action.name, error.request_id)
            creation = read_creation(content(action, answer))
            if creation.run_id is not None or creation.failure is not None:
                return answer
            # A client whose pauses take no time counts them all the same.
            if max(clock.monotonic() - began, slept) >= assumptions.CREATION_TAKES:
                reason = f"it was still being created after {assumptions.CREATION_TAKES:g} s"
                return _lost(reason, action.name, answer.get("RequestId"))
            self.client.sleep(assumptions.CREATION_POLL)
            slept += assumptions.CREATION_POLL

    def _find_run(self, request: RunRequest) -> NodeRun | None:
        if self._node_actions.list_runs is None:
            return next((run for run in self._runs_of_instances(request) if run.name == request.name), None)
        named = (run for run in self._listed_runs(request) if run.name == request.name)
        return next((run for run in named if self._may_run(run, request)), None)

    def _runs_of_instances(self, request: RunRequest) -> Iterator[NodeRun]:
        """The runs that calls have made of a node for a date, the newest first: only the instances say which."""
        parameters = self._instance_filter(
            request.project_id, request.node_id, request.bizdate, None, request.environment
        )
        parameters["OrderBy"] = "CREATE_TIME_DESC"
        seen: set[int] = set()
        for instance in self._instances(parameters, self._node_actions.largest_page):
            made_by = instance.fields.get("DagType")
            if instance.run_id is None or instance.run_id in seen:
                continue
            seen.add(instance.run_id)
            if self._run_names.get(instance.run_id, request.name) != request.name:
                continue
            if made_by is None or str(made_by) in assumptions.RUN_TYPES:
                try:
                    run = self._read_run(instance.run_id, request.environment)
                except DataWorksNotFoundError:
                    self.log.debug("Run %s of instance %s is gone", instance.run_id, instance.id)
                else:
                    self._run_names[run.run_id] = run.name
                    yield run

    @cached_property
    def _run_names(self) -> dict[int, str]:
        """The names of runs that were read: one with another name is not read again by the next search."""
        return {}

    def _listed_runs(self, request: RunRequest) -> Iterator[NodeRun]:
        actions, action, size = self._node_actions, v2024_05_18.LIST_WORKFLOW_INSTANCES, 100
        parameters = {
            "ProjectId": request.project_id,
            "BizDate": actions.spell_bizdate(request.bizdate, self.settings.time_zone),
            "EnvType": actions.spell_environment(request.environment),
            "Name": request.name,
        }

        def read(number: int) -> tuple[Sequence[NodeRun], int | None]:
            answer = self._send(action, {**parameters, "PageNumber": number, "PageSize": size})
            return read_runs(content(action, answer))

        return self._pages(read, size, lambda run: run.run_id, action.name)

    def _may_run(self, run: NodeRun, request: RunRequest) -> bool:
        """Whether a run may be one of a node: one whose instances do not show yet may be."""
        parameters = self._instance_filter(request.project_id, None, request.bizdate, run.run_id, request.environment)
        page = self._instance_page({**parameters, "PageNumber": 1, "PageSize": self._node_actions.largest_page})
        return not page.instances or any(each.node_id == request.node_id for each in page.instances)


def _expressed(node: Node, given: Mapping[str, Any] | str | None) -> str | None:
    """Parameters in the syntax of the node."""
    if given is None:
        return None
    try:
        if isinstance(given, str):
            return node_parameters.check_syntax(given, node.parameters)
        return node_parameters.merge(node.parameters, given)
    except ValueError as error:
        raise DataWorksParameterError("parameters", str(error)) from None


def _lost(reason: str, action: str, request_id: str | None) -> ApiError:
    return ApiError(reason.rstrip("."), action=action, outcome=Outcome.UNKNOWN, request_id=request_id)


def _not_created(failure: str | None, answer: Mapping[str, Any]) -> DataWorksPermanentError:
    return DataWorksPermanentError(
        f"DataWorks could not create the run: {printable(failure).rstrip('.')}.",
        action=v2024_05_18.CREATE_WORKFLOW_INSTANCES.name,
        http_status=200,
        request_id=answer.get("RequestId"),
    )


def _no_such_node(which: str, project_id: int) -> DataWorksNotFoundError:
    return DataWorksNotFoundError(
        f"There is no such node: check its id or name, and project_env. Workspace {project_id} has no node {which}."
    )
