"""The steps of a deployment: what is sent next, and what an earlier try has done already."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.waiting.deploying import Deploying, FileDeploying, NodeDeploying, deploying
from airflow_provider_dataworks.waiting.deployment import DeploymentTarget, PipelineStageTarget
from tests.support.clock import FakeClock
from tests.support.fake_hook import hook

log = logging.getLogger(__name__)
FILE = {"project_id": 10000, "file_id": 5}
NODE = {"project_id": 10000, "node_id": 5}
DRAFT, COMMITTED = ({"File": {"CommitStatus": status, "CurrentVersion": 3}} for status in (0, 1))


@pytest.fixture(autouse=True)
def clock(caplog: pytest.LogCaptureFixture) -> Iterator[FakeClock]:
    """Return a clock that moves by pauses alone."""
    caplog.set_level(logging.INFO, __name__)
    fake = FakeClock()
    with installed(fake):
        yield fake


def names(api: Any) -> list[str]:
    return [name for name, _ in api.calls]


# The state


def test_each_version_has_its_own_deployment() -> None:
    assert deploying("2020-05-18", **FILE, description="d") == FileDeploying(10000, 5, "d")
    assert deploying("2024-05-18", **FILE, description="d") == NodeDeploying(10000, 5, "d")


def test_the_state_comes_back_from_json() -> None:
    file = FileDeploying(10000, 5, "d", True, "deploy", True, True, True, False, 8)
    node = NodeDeploying(10000, 5, "d", True, "r-1", True, ["DEV"], True)

    assert FileDeploying(**json.loads(json.dumps(file.values()))) == file
    assert NodeDeploying(**json.loads(json.dumps(node.values()))) == node


@pytest.mark.parametrize(
    ("made", "method", "answers"),
    [
        (FileDeploying(10000, 5, "d"), "get_file", [{"File": {}}, {"File": {"NodeId": 0}}, {"File": {"NodeId": "40"}}]),
        (NodeDeploying(10000, 5, "d"), "get_node", [{}, {"TaskId": 0}, {"TaskId": "40"}]),
    ],
)
def test_the_id_of_the_node_may_take_a_moment_to_show(
    clock: FakeClock, made: Deploying, method: str, answers: list[Any]
) -> None:
    given: dict[str, Any] = {method: answers}
    api = hook(**given)

    assert made.node_id(api) == 40
    assert clock.sleeps == list(assumptions.NODE_ID_SHOWS_AFTER[1:3])
    assert api.calls[0] == (method, FILE if method == "get_file" else NODE)


def test_a_node_that_does_not_show_is_an_error(clock: FakeClock) -> None:
    with pytest.raises(DataWorksError) as raised:
        NodeDeploying(10000, 5, "d").node_id(hook(get_node={}))

    assert raised.value.message == (
        "The deployment of 5 succeeded, but its node does not show: try again, or look for it in Operation Center."
    )
    assert clock.sleeps == list(assumptions.NODE_ID_SHOWS_AFTER[1:])


# Files


def begun(standard: bool = True, **state: Any) -> FileDeploying:
    return FileDeploying(10000, 5, "d", **{"standard": standard, "looked": True, **state})


def test_a_file_gets_its_schedule_first(caplog: pytest.LogCaptureFixture) -> None:
    api = hook(set_file_schedule=True, has_development_environment=True)
    made = FileDeploying(10000, 5, "d")
    made.begin(api, log, {"Stop": True})

    assert api.calls == [
        ("set_file_schedule", {**FILE, "schedule": {"Stop": True}}),
        ("has_development_environment", {"project_id": 10000}),
    ]
    assert made.standard is True
    assert caplog.messages == ["File 5 has its schedule as it is to be"]


def test_a_schedule_that_is_set_anew_or_not_given_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    api = hook(set_file_schedule=False, has_development_environment=False)
    made = FileDeploying(10000, 5, "d")
    made.begin(api, log, {"Stop": True})
    made.begin(api, log, {})

    assert names(api) == ["set_file_schedule", *["has_development_environment"] * 2]
    assert (caplog.messages, made.standard) == ([], False)


def test_a_file_is_submitted_and_then_deployed() -> None:
    api = hook(find_deployment=None, get_file=DRAFT, submit_file=8, deploy_file=9)
    made = FileDeploying(10000, 5, "d", standard=True)

    assert made.next_wait(api, log) == DeploymentTarget(10000, 8, 5)
    assert (made.is_last, made.passes_over_failure()) == (False, False)
    made.succeeded(api)
    assert (made.submitted, made.deployed) == (True, False)
    assert made.next_wait(api, log) == DeploymentTarget(10000, 9, 5)
    assert (made.is_last, made.passes_over_failure()) == (True, False)
    made.succeeded(api)
    assert made.next_wait(api, log) is None
    assert api.calls == [
        ("find_deployment", FILE),
        ("get_file", FILE),
        ("submit_file", {**FILE, "comment": "d"}),
        ("deploy_file", {**FILE, "comment": "d"}),
    ]


def test_without_a_development_environment_a_submitted_file_is_deployed() -> None:
    api = hook(get_file=DRAFT, submit_file=8)
    made = begun(standard=False)

    assert made.next_wait(api, log) == DeploymentTarget(10000, 8, 5)
    assert made.is_last
    made.succeeded(api)
    assert made.next_wait(api, log) is None


@pytest.mark.parametrize(("standard", "next_step"), [(True, DeploymentTarget(10000, 9, 5)), (False, None)])
def test_a_file_that_is_submitted_as_it_is_is_not_submitted_again(
    caplog: pytest.LogCaptureFixture, standard: bool, next_step: Any
) -> None:
    api = hook(get_file=COMMITTED, deploy_file=9)

    assert begun(standard).next_wait(api, log) == next_step
    assert caplog.messages == ["File 5 is submitted already, and unchanged since"]
    assert "submit_file" not in names(api)


def test_what_is_deployed_already_is_not_deployed_again() -> None:
    assert begun(deployed=True).next_wait(hook(get_file=COMMITTED), log) is None


def test_a_deployment_under_way_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    api = hook(find_deployment=7)
    made = FileDeploying(10000, 5, "d", standard=True)

    assert made.next_wait(api, log) == DeploymentTarget(10000, 7, 5)
    assert (made.is_last, made.passes_over_failure(), made.looked) == (False, True, True)
    assert caplog.messages == ["Deployment 7 of file 5 is under way already: it is waited for"]


@pytest.mark.parametrize(
    ("file", "deployment", "submitted", "deployed"),
    [
        (DRAFT, {}, False, False),
        (
            COMMITTED,
            {"Deployment": {"ToEnvironment": 1}, "DeployedItems": [{"FileId": 5, "FileVersion": 3}]},
            True,
            False,
        ),
        (
            COMMITTED,
            {"Deployment": {"ToEnvironment": "2"}, "DeployedItems": [{"FileId": "5", "FileVersion": 3}]},
            True,
            True,
        ),
        (
            COMMITTED,
            {"Deployment": {"ToEnvironment": 2}, "DeployedItems": [{"FileId": 6, "FileVersion": 3}]},
            True,
            False,
        ),
        (
            COMMITTED,
            {"Deployment": {"ToEnvironment": 2}, "DeployedItems": [{"FileId": 5, "FileVersion": 2}, "x"]},
            True,
            False,
        ),
        (COMMITTED, {"Deployment": {"ToEnvironment": 2}, "DeployedItems": None}, True, False),
    ],
)
def test_a_deployment_of_an_earlier_try_counts_if_it_was_of_the_file_as_it_is(
    file: dict[str, Any], deployment: dict[str, Any], submitted: bool, deployed: bool
) -> None:
    api = hook(get_file=file, get_deployment=deployment)
    made = begun(step="found", deployment_id=7)
    made.succeeded(api)

    assert (made.submitted, made.deployed) == (submitted, deployed)
    assert api.calls[0] == ("get_file", FILE)
    assert api.calls[1:] == ([("get_deployment", {"project_id": 10000, "deployment_id": 7})] if submitted else [])


def test_an_earlier_deployment_deploys_where_there_is_one_environment() -> None:
    made = begun(standard=False, step="found", deployment_id=7)
    made.succeeded(hook(get_file=COMMITTED, get_deployment={"Deployment": {}}))

    assert made.deployed


REFUSED = DataWorksPermanentError(
    "refused", action="SubmitFile", code="Odd", http_status=400, request_id="R-1", outcome_unknown=True
)


@pytest.mark.parametrize("configuration", [None, {}, {"InputList": []}])
def test_a_refused_file_without_inputs_says_what_to_add(configuration: Any) -> None:
    file = {**DRAFT, "NodeConfiguration": configuration}
    api = hook(get_file=file, submit_file=REFUSED, root_output="w_root")

    with pytest.raises(DataWorksPermanentError) as raised:
        begun().next_wait(api, log)

    assert raised.value.message == (
        "InputList is missing: add to schedule the outputs that the node depends on, such as w_root. File 5 has no "
        "inputs. refused"
    )
    kept = ("action", "code", "http_status", "request_id", "outcome_unknown")
    assert {name: getattr(raised.value, name) for name in kept} == {name: getattr(REFUSED, name) for name in kept}
    assert api.calls[-1] == ("root_output", {"project_id": 10000})


def test_another_refusal_is_the_error() -> None:
    file = {**DRAFT, "NodeConfiguration": {"InputList": [{"Input": "a"}]}}

    with pytest.raises(DataWorksPermanentError, match=r"^refused"):
        begun().next_wait(hook(get_file=file, submit_file=REFUSED), log)


# Nodes


def spec(**node: Any) -> str:
    """A FlowSpec of a node that depends on something."""
    whole = {"inputs": {"nodeOutputs": [{"data": "root"}]}, **node}
    return json.dumps({"spec": {"nodes": [whole]}})


def run(status: str = "Running", *stages: tuple[str, str], kind: str = "Build") -> dict[str, Any]:
    shown = [{"Code": code, "Status": each, "Type": kind} for code, each in stages]
    return {"Status": status, "Stages": shown}


def node(**state: Any) -> NodeDeploying:
    return NodeDeploying(10000, 5, "d", **state)


@pytest.mark.parametrize("text", [spec(), spec(rerunTimes=1)])
def test_a_node_gets_its_schedule_first(text: str) -> None:
    api = hook(get_node={"Spec": text}, update_node=None)
    made = node()
    made.begin(api, log, {"AutoRerunTimes": 2})

    (_, (name, given)) = api.calls
    assert (name, given["project_id"], given["node_id"]) == ("update_node", 10000, 5)
    assert json.loads(given["spec"])["spec"]["nodes"][0]["rerunTimes"] == 2
    assert made == node()


@pytest.mark.parametrize(
    ("text", "schedule", "problem"),
    [
        (spec(), {"Odd": 1}, "Odd cannot be set with api_version 2024-05-18"),
        ("{", {}, "the FlowSpec of the node cannot be read"),
    ],
)
def test_a_schedule_that_cannot_be_set_is_refused(text: str, schedule: dict[str, Any], problem: str) -> None:
    with pytest.raises(DataWorksParameterError, match=problem) as raised:
        node().begin(hook(get_node={"Spec": text}), log, schedule)
    assert raised.value.name == "schedule"


@pytest.mark.parametrize(("root", "shown"), [("w_root", "w_root"), (DataWorksError("no"), "<workspace>_root")])
def test_a_node_without_inputs_says_what_to_add(root: Any, shown: str) -> None:
    with pytest.raises(DataWorksPermanentError) as raised:
        node().begin(hook(get_node={"Spec": spec(inputs={})}, root_output=root), log, {})

    assert raised.value.message == (
        f"InputList is missing: add to schedule the outputs that the node depends on, such as {shown}. Node 5 has no "
        "inputs, and would never be scheduled."
    )


@pytest.mark.parametrize(
    ("runs", "task_id", "expected", "line"),
    [
        ([], 40, node(), None),
        ([{"Description": "other", "Status": "Running", "Id": 7}], 40, node(), None),
        (
            [{"Description": "other"}, {"Description": "d", "Status": "Running", "Id": 7}],
            40,
            node(pipeline_run_id="7", found=True),
            "Pipeline run 7 of node 5 is under way already: it goes on",
        ),
        (
            [{"Description": "d", "Status": "Init", "Id": "r"}, {"Description": "d", "Status": "Success", "Id": "s"}],
            40,
            node(pipeline_run_id="r", found=True),
            "Pipeline run r of node 5 is under way already: it goes on",
        ),
        (
            [{"Description": "d", "Status": "Success", "Id": "s"}],
            40,
            node(done=True),
            "Pipeline run s of an earlier try has deployed node 5",
        ),
        ([{"Description": "d", "Status": "Success", "Id": "s"}], None, node(), None),
        ([{"Description": "d", "Status": "Fail", "Id": "f"}], 40, node(), None),
    ],
)
def test_what_an_earlier_try_has_begun_is_found_by_its_description(
    caplog: pytest.LogCaptureFixture, runs: list[Any], task_id: int | None, expected: NodeDeploying, line: str | None
) -> None:
    api = hook(get_node={"Spec": spec(), "TaskId": task_id}, list_pipeline_runs=[runs])
    made = node()
    made.begin(api, log, {})

    assert made == expected
    assert caplog.messages == ([] if line is None else [line])
    assert api.calls[:2] == [("get_node", NODE), ("list_pipeline_runs", NODE)]


def test_a_node_that_is_deployed_has_no_step_left() -> None:
    api = hook()

    assert node(done=True).next_wait(api, log) is None
    assert api.calls == []


def test_the_stages_of_a_pipeline_run_are_begun_one_after_the_other() -> None:
    runs = [
        run("Running", ("BUILD", "Init"), ("DEV", "Init"), ("PROD", "Init")),
        run("Running", ("BUILD", "Success"), ("DEV", "Init"), ("PROD", "Init")),
        run("Running", ("BUILD", "Success"), ("DEV", "Init"), ("PROD", "Init")),
        run("Running", ("BUILD", "Success"), ("DEV", "Success"), ("PROD", "Init")),
        run("Running", ("BUILD", "Success"), ("DEV", "Success"), ("PROD", "Success")),
        run("Success", ("BUILD", "Success")),
    ]
    api = hook(create_pipeline_run="r-1", get_pipeline_run=runs, exec_pipeline_run_stage=None)
    made = node()

    steps = []
    while (step := made.next_wait(api, log)) is not None:
        steps.append((step.stage, made.is_last))
        made.succeeded(api)

    assert step is None
    assert steps == [("BUILD", False), ("DEV", False), ("DEV", False), ("PROD", True), ("", True)]
    assert made.executed == ["DEV", "PROD"]
    executed = [given for name, given in api.calls if name == "exec_pipeline_run_stage"]
    assert executed == [{"project_id": 10000, "pipeline_run_id": "r-1", "code": code} for code in ("DEV", "PROD")]
    assert api.calls[:2] == [
        ("create_pipeline_run", {**NODE, "description": "d"}),
        ("get_pipeline_run", {"project_id": 10000, "pipeline_run_id": "r-1"}),
    ]
    assert names(api).count("create_pipeline_run") == 1


def test_the_first_stage_is_begun_unless_it_builds() -> None:
    api = hook(get_pipeline_run=run("Running", ("CHECK", "Init"), kind="Check"), exec_pipeline_run_stage=None)

    assert node(pipeline_run_id="r").next_wait(api, log) == PipelineStageTarget(10000, 5, "r", "CHECK")
    assert "exec_pipeline_run_stage" in names(api)


@pytest.mark.parametrize(
    ("status", "stage"), [("Fail", "Init"), ("Cancel", "Init"), ("Running", "Running"), ("Running", "Fail")]
)
def test_a_stage_that_was_begun_or_cannot_be_is_not_begun(status: str, stage: str) -> None:
    api = hook(get_pipeline_run=run(status, ("BUILD", "Success"), ("DEV", stage)))

    assert node(pipeline_run_id="r").next_wait(api, log) == PipelineStageTarget(10000, 5, "r", "DEV")
    assert names(api) == ["get_pipeline_run"]


@pytest.mark.parametrize(
    ("state", "status", "raises"),
    [
        ({"found": True}, 400, False),
        ({"found": True}, 403, True),
        ({"found": False}, 400, True),
        ({"found": True, "executed": ["DEV"]}, 400, True),
    ],
)
def test_a_refused_stage_may_have_been_begun_by_an_earlier_try(
    caplog: pytest.LogCaptureFixture, state: dict[str, Any], status: int, raises: bool
) -> None:
    api = hook(
        get_pipeline_run=run("Running", ("DEV", "Success"), ("PROD", "Init")),
        exec_pipeline_run_stage=DataWorksPermanentError("no", http_status=status),
    )
    made = node(pipeline_run_id="r", **state)

    if raises:
        with pytest.raises(DataWorksPermanentError):
            made.next_wait(api, log)
        return
    made.next_wait(api, log)
    assert made.executed == ["PROD"]
    assert caplog.messages == ["Stage PROD is taken as begun by an earlier try: no"]


def test_stages_may_take_a_moment_to_show(clock: FakeClock) -> None:
    api = hook(get_pipeline_run=[run("Init"), run("Running", ("BUILD", "Running"))])

    assert node(pipeline_run_id="r").next_wait(api, log) == PipelineStageTarget(10000, 5, "r", "BUILD")
    assert clock.sleeps == [assumptions.STAGES_SHOW_AFTER[1]]


def test_a_run_that_has_ended_needs_no_stages(clock: FakeClock) -> None:
    assert node(pipeline_run_id="r").next_wait(hook(get_pipeline_run=run("Success")), log) is None
    assert node(pipeline_run_id="r").next_wait(hook(get_pipeline_run=run("Fail")), log) == PipelineStageTarget(
        10000, 5, "r", ""
    )
    assert clock.sleeps == []


def test_stages_that_do_not_show_are_an_error(clock: FakeClock) -> None:
    with pytest.raises(DataWorksError) as raised:
        node(pipeline_run_id="r").next_wait(hook(get_pipeline_run=run("Init")), log)

    assert raised.value.message == "Pipeline run r shows no stages: look at it in Data Studio."
    assert clock.sleeps == list(assumptions.STAGES_SHOW_AFTER[1:])


def test_what_an_earlier_try_began_and_has_failed_is_begun_anew() -> None:
    made = node(pipeline_run_id="r", found=True, executed=["DEV"])

    assert made.passes_over_failure()
    assert made == node()
    assert not made.passes_over_failure()


def test_an_error_while_the_root_is_read_is_no_other_error() -> None:
    api = hook(get_node={"Spec": spec(inputs={})}, root_output=DataWorksTransientError("HTTP 503"))

    with pytest.raises(DataWorksPermanentError, match="such as <workspace>_root"):
        node().begin(api, log, {})
