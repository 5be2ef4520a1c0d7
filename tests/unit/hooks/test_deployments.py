"""The hook's methods for files, nodes of Data Studio and deployments: what they send, and lost answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import CONTENT, PARAM
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS, sent

ROOT = "emulated_10000_root"
FOLDER = "Business Flow/demo/Data Integration"


@pytest.fixture(autouse=True)
def quick(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    dataworks_emulator.settings(deploy_seconds=0)
    monkeypatch.setattr(assumptions, "START_SHOWS_AFTER", (0.0, 0.0))


def make_file(hook: DataWorksHook, **schedule: Any) -> int:
    file_id = hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="copy", task_content=CONTENT)
    if schedule:
        hook.update_file(file_id=file_id, schedule=schedule)
    return file_id


def make_node(hook: DataWorksHook, **given: Any) -> int:
    arguments = {"task_type": "DI_OFFLINE", "task_name": "copy", "task_content": CONTENT, "task_param": PARAM, **given}
    return hook.create_di_sync_task(**arguments)


def copies(emulator: EmulatorControl) -> list[dict[str, Any]]:
    return [node for node in emulator.resources("nodes") if node["NodeName"] == "copy"]


# Files, 2020-05-18


def test_file_is_updated_submitted_and_deployed(hook: DataWorksHook) -> None:
    file_id = make_file(hook, InputList=[ROOT], ParaValue="dt=$bizdate", AutoRerunTimes=0, Stop=False)

    submitted = hook.get_deployment(deployment_id=hook.submit_file(file_id=file_id, comment="c"))["Deployment"]
    deployed = hook.get_deployment(deployment_id=hook.deploy_file(file_id=file_id))["Deployment"]

    assert [(each["Status"], each["ToEnvironment"]) for each in (submitted, deployed)] == [(1, 1), (1, 2)]
    file = hook.get_file(file_id=file_id)
    assert file["File"]["CommitStatus"] == 1
    assert file["File"]["NodeId"]
    assert file["NodeConfiguration"]["ParaValue"] == "dt=$bizdate"
    assert hook.find_deployment(file_id=file_id) is None


@pytest.mark.parametrize("action", ["SubmitFile", "DeployFile"])
def test_lost_answer_of_a_deployment_begins_no_second_one(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, action: str
) -> None:
    file_id = make_file(hook, InputList=ROOT)
    first = hook.submit_file(file_id=file_id) if action == "DeployFile" else None
    method = hook.submit_file if action == "SubmitFile" else hook.deploy_file
    dataworks_emulator.add_fault("reset", action=action, effect="after")

    deployment_id = method(file_id=file_id)

    ids = [each["DeploymentId"] for each in dataworks_emulator.resources("deployments")]
    assert ids == [each for each in (first, deployment_id) if each is not None]


def test_deployment_that_did_not_arrive_is_begun_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    other = dataworks_emulator.add_file(TaskType="DI_OFFLINE", TaskName="other")
    file_id = make_file(hook, InputList=ROOT)
    dataworks_emulator.settings(deploy_seconds=60)
    dataworks_emulator.add_fault("reset", action="SubmitFile", effect="before")
    assert other["FileId"] != file_id

    deployment_id = hook.submit_file(file_id=file_id)

    assert [each["DeploymentId"] for each in dataworks_emulator.resources("deployments")] == [deployment_id]
    assert hook.find_deployment(file_id=file_id) == deployment_id
    assert hook.find_deployment(file_id=other["FileId"]) is None


def test_lost_answer_of_an_update_is_confirmed_by_reading(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    file_id = make_file(hook)
    dataworks_emulator.add_fault("reset", action="UpdateFile", effect="after")

    hook.update_file(file_id=file_id, schedule={"InputList": ROOT, "CronExpress": "00 00 05 * * ?"})

    assert len(dataworks_emulator.requests(action="UpdateFile")) == 1
    dataworks_emulator.add_fault("reset", action="UpdateFile", effect="before")
    hook.update_file(file_id=file_id, schedule={"CronExpress": "00 00 06 * * ?"}, content={**CONTENT, "note": "x"})
    assert len(dataworks_emulator.requests(action="UpdateFile")) == 3
    assert hook.get_file(file_id=file_id)["NodeConfiguration"]["CronExpress"] == "00 00 06 * * ?"


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"inputList": ROOT}, "has the unknown keys inputList; accepted: .*CronExpress"),
        ("[1]", "must be a dict"),
        ({"InputList": [1]}, "InputList: must be a list of strings"),
        ({"ParaValue": {"dt": "x"}}, "ParaValue: must be a string or a number"),
    ],
)
def test_wrong_schedule_is_refused_before_anything_is_sent(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, schedule: Any, message: str
) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        hook.update_file(file_id=2003, schedule=schedule)

    assert dataworks_emulator.requests() == []


@pytest.mark.parametrize("mode", ["standard", "basic"])
def test_mode_and_root_output_of_a_workspace(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, mode: str
) -> None:
    dataworks_emulator.settings(workspace_mode=mode)

    assert hook.has_development_environment() is (mode == "standard")
    assert hook.root_output() == ROOT


@IN_BOTH_VERSIONS
def test_real_time_task_and_solution_are_deployed_in_one_call(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    file_id = dataworks_emulator.add_file(TaskType="DI_REALTIME")["FileId"]
    dataworks_emulator.add_fault("reset", action="DeployDISyncTask", effect="after")

    hook.deploy_di_sync_task(task_type="DI_REALTIME", file_id=file_id)
    hook.deploy_di_sync_task(task_type="DI_SOLUTION", file_id=2002)

    assert dataworks_emulator.file(file_id)["deployed"] is True
    assert dataworks_emulator.file(2002)["deployed"] is True
    with pytest.raises(DataWorksPermanentError, match=r"unknown or not deployed.*fileId"):
        hook.deploy_di_sync_task(task_type="DI_REALTIME", file_id=9)
    with pytest.raises(DataWorksParameterError, match="DI_REALTIME, DI_SOLUTION"):
        hook.deploy_di_sync_task(task_type="DI_OFFLINE", file_id=2003)


# Nodes and pipeline runs, 2024-05-18


@IN_2024
def test_batch_task_becomes_a_node(hook: DataWorksHook) -> None:
    node_id = make_node(hook, task_param={**PARAM, "Cu": 0.5})

    node = hook.get_node(node_id=node_id)
    (described,) = json.loads(node["Spec"])["spec"]["nodes"]
    assert (node["Id"], node["Name"], node.get("TaskId")) == (node_id, "copy", None)
    assert described["script"]["path"] == f"{FOLDER}/copy"
    assert described["script"]["runtime"] == {"command": "DI", "commandTypeId": 23, "cu": "0.5"}
    extend = {"mode": "code", "resourceGroup": PARAM["ResourceGroup"], "cu": 0.5}
    assert json.loads(described["script"]["content"]) == {**CONTENT, "extend": extend}
    assert described["runtimeResource"] == {"resourceGroup": PARAM["ResourceGroup"]}
    assert described["outputs"]["nodeOutputs"] == [{"data": "10000.copy_out", "artifactType": "NodeOutput"}]


@IN_2024
def test_node_of_the_same_content_is_taken(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_node(NodeName="copy_of_copy")

    first = make_node(hook)

    assert make_node(hook) == first
    assert len(copies(dataworks_emulator)) == 1


@IN_2024
def test_node_of_other_content_is_an_error_that_says_so(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    node_id = make_node(hook)

    with pytest.raises(DataWorksPermanentError, match=rf"choose another task_name\. Node {node_id} 'copy'"):
        make_node(hook, task_content={**CONTENT, "note": "other"})

    assert len(dataworks_emulator.requests(action="CreateNode")) == 1


@IN_2024
@pytest.mark.parametrize(("effect", "requests"), [("after", 1), ("before", 2)])
def test_lost_answer_makes_one_node(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, effect: str, requests: int
) -> None:
    dataworks_emulator.add_fault("reset", action="CreateNode", effect=effect)

    node_id = make_node(hook)

    assert [node["Id"] for node in copies(dataworks_emulator)] == [str(node_id)]
    assert len(dataworks_emulator.requests(action="CreateNode")) == requests


@IN_2024
@pytest.mark.parametrize("task_type", ["DI_REALTIME", "DI_SOLUTION"])
def test_other_types_are_refused_with_the_way_to_go(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, task_type: str
) -> None:
    with pytest.raises(DataWorksParameterError, match=f"{task_type} is not created .*CreateDIJobOperator"):
        make_node(hook, task_type=task_type)

    assert dataworks_emulator.requests() == []


@IN_2024
def test_unknown_task_param_is_refused(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksParameterError, match="task_param: Folder cannot be set"):
        make_node(hook, task_param={"Folder": "x"})


@IN_2024
def test_node_is_deployed_stage_by_stage(hook: DataWorksHook) -> None:
    node_id = make_node(hook)
    run_id = hook.create_pipeline_run(node_id=node_id, description="d")

    codes = [stage["Code"] for stage in hook.get_pipeline_run(pipeline_run_id=run_id)["Stages"]]
    assert codes == ["BUILD_PACKAGE", "DEV_CHECK", "DEV", "PROD_CHECK", "PROD"]
    with pytest.raises(DataWorksPermanentError, match="turn of DEV_CHECK"):
        hook.exec_pipeline_run_stage(pipeline_run_id=run_id, code="PROD")
    for code in codes[1:]:
        hook.exec_pipeline_run_stage(pipeline_run_id=run_id, code=code)

    assert hook.get_pipeline_run(pipeline_run_id=run_id)["Status"] == "Success"
    assert hook.get_node(node_id=node_id)["TaskId"]
    assert [(run["Id"], run["Description"]) for run in hook.list_pipeline_runs(node_id=node_id)] == [(run_id, "d")]
    assert [item["Name"] for item in hook.list_pipeline_run_items(pipeline_run_id=run_id)] == ["copy"]


@IN_2024
@pytest.mark.parametrize(("effect", "requests"), [("after", 1), ("before", 2)])
def test_lost_answer_makes_one_pipeline_run(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, effect: str, requests: int
) -> None:
    node_id = make_node(hook)
    earlier = hook.create_pipeline_run(node_id=node_id)
    dataworks_emulator.add_fault("reset", action="CreatePipelineRun", effect=effect)

    run_id = hook.create_pipeline_run(node_id=node_id)

    assert {run["Id"] for run in dataworks_emulator.resources("pipeline_runs")} == {earlier, run_id}
    assert len(dataworks_emulator.requests(action="CreatePipelineRun")) == 1 + requests


@IN_2024
@pytest.mark.parametrize("seconds", [0, 60], ids=["done", "still Init"])
def test_lost_answer_executes_a_stage_once(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, seconds: int
) -> None:
    run_id = hook.create_pipeline_run(node_id=make_node(hook))
    dataworks_emulator.settings(deploy_seconds=seconds)
    dataworks_emulator.add_fault("reset", action="ExecPipelineRunStage", effect="after")

    hook.exec_pipeline_run_stage(pipeline_run_id=run_id, code="DEV_CHECK")

    (run,) = dataworks_emulator.resources("pipeline_runs")
    assert run["executed"] == ["BUILD_PACKAGE", "DEV_CHECK"]


@IN_2024
def test_forbidden_stage_is_an_error_after_a_lost_answer_too(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    run_id = hook.create_pipeline_run(node_id=make_node(hook))
    dataworks_emulator.add_fault("reset", action="ExecPipelineRunStage")
    dataworks_emulator.add_fault("error", action="ExecPipelineRunStage", status=403, code="Forbidden.Access", count=-1)

    with pytest.raises(DataWorksPermanentError, match="Access denied"):
        hook.exec_pipeline_run_stage(pipeline_run_id=run_id, code="DEV_CHECK")


@IN_2024
def test_node_is_updated(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    node_id = make_node(hook)
    spec = json.loads(hook.get_node(node_id=node_id)["Spec"])
    spec["spec"]["nodes"][0]["rerunTimes"] = 2
    dataworks_emulator.add_fault("reset", action="UpdateNode", effect="after")

    hook.update_node(node_id=node_id, spec=spec)

    assert json.loads(hook.get_node(node_id=node_id)["Spec"]) == spec


def test_node_methods_are_sent_in_the_version_that_has_them(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    hook.get_node(node_id=7000000000000004001)

    (request,) = dataworks_emulator.requests()
    assert sent(request) == {"Id": "7000000000000004001", "ProjectId": "10000"}
    assert request["headers"]["x-acs-version"] == "2024-05-18"


def test_unconfirmed_creation_says_what_may_have_happened(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("reset", action="CreateNode", effect="after")
    dataworks_emulator.add_fault("error", action="ListNodes", status=500, code="InternalError", skip=1, count=-1)

    with pytest.raises(DataWorksTransientError, match="It may have been created"):
        hook.create_node(spec={"version": "1.1.0", "kind": "Node", "spec": {"nodes": [{"name": "copy"}]}})
