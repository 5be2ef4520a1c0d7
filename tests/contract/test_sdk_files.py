"""The official SDK of 2020-05-18 brings a batch task from its content to a node that runs, on the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.polling import wait_for

ROOT = "emulated_10000_root"


def refused(call: Callable[[], Any], status: int, code: str) -> None:
    with pytest.raises(TeaException) as raised:
        call()
    assert (raised.value.statusCode, raised.value.code) == (status, code)


def create(sdk: Client, name: str = "copy_orders") -> int:
    request = models.CreateDISyncTaskRequest(
        project_id=10000,
        task_type="DI_OFFLINE",
        task_name=name,
        task_content=json.dumps({"type": "job", "version": "2.0", "steps": []}),
    )
    return int(sdk.create_disync_task(request).body.data.file_id)


def get(sdk: Client, **which: Any) -> models.GetFileResponseBodyData:
    return sdk.get_file(models.GetFileRequest(project_id=10000, **which)).body.data


def update(sdk: Client, file_id: int, **fields: Any) -> None:
    assert sdk.update_file(models.UpdateFileRequest(project_id=10000, file_id=file_id, **fields)).body.success


def submit(sdk: Client, file_id: int) -> int:
    return int(sdk.submit_file(models.SubmitFileRequest(project_id=10000, file_id=file_id)).body.data)


def deploy(sdk: Client, **which: Any) -> int:
    return int(sdk.deploy_file(models.DeployFileRequest(project_id=10000, **which)).body.data)


def deployment(sdk: Client, deployment_id: int) -> models.GetDeploymentResponseBodyDataDeployment:
    request = models.GetDeploymentRequest(project_id=10000, deployment_id=deployment_id)
    return sdk.get_deployment(request).body.data.deployment


def finished(sdk: Client, deployment_id: int) -> models.GetDeploymentResponseBodyDataDeployment:
    wait_for(lambda: deployment(sdk, deployment_id).status != 0)
    return deployment(sdk, deployment_id)


def node_names(sdk: Client, environment: str) -> list[str]:
    request = models.ListNodesRequest(project_id=10000, project_env=environment, node_name="copy_orders")
    return [node.node_name for node in sdk.list_nodes(request).body.data.nodes]


def test_batch_task_is_submitted_deployed_and_run_in_the_standard_mode(
    sdk: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(deploy_seconds=0.5, run_seconds=0, read_qps=0, write_qps=0)
    file_id = create(sdk)
    assert (get(sdk, file_id=file_id).file.node_id, get(sdk, file_id=file_id).file.commit_status) == (None, 0)
    update(sdk, file_id, input_list=ROOT, para_value="dt=$bizdate", cron_express="00 00 05 * * ?", auto_rerun_times=1)

    first = submit(sdk, file_id)
    assert deployment(sdk, first).status == 0
    assert (finished(sdk, first).status, finished(sdk, first).to_environment) == (1, 1)
    assert (node_names(sdk, "DEV"), node_names(sdk, "PROD")) == (["copy_orders"], [])
    second = deploy(sdk, file_id=file_id)
    assert (finished(sdk, second).status, finished(sdk, second).to_environment) == (1, 2)

    data = get(sdk, file_id=file_id)
    node_id = data.file.node_id
    assert (data.file.commit_status, data.node_configuration.para_value) == (1, "dt=$bizdate")
    assert [each.input for each in data.node_configuration.input_list] == [ROOT]
    assert get(sdk, node_id=node_id).file.file_id == file_id
    node = sdk.get_node(models.GetNodeRequest(node_id=node_id, project_env="PROD")).body.data
    assert (node.file_id, node.param_values, node.cron_express) == (file_id, "dt=$bizdate", "00 00 05 * * ?")
    run = models.RunCycleDagNodesRequest(
        project_env="PROD",
        name="run",
        root_node_id=node_id,
        include_node_ids=str(node_id),
        start_biz_date="2024-11-20 00:00:00",
        end_biz_date="2024-11-20 00:00:00",
        parallelism=False,
    )
    (dag_id,) = sdk.run_cycle_dag_nodes(run).body.data
    assert sdk.get_dag(models.GetDagRequest(dag_id=dag_id, project_env="PROD")).body.data.status == "SUCCESS"
    assert dataworks_emulator.node_runs(node_id)[0]["DagId"] == dag_id


def test_submit_deploys_in_the_basic_mode(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(deploy_seconds=0, workspace_mode="basic")
    file_id = create(sdk)
    update(sdk, file_id, input_list=ROOT)

    assert finished(sdk, submit(sdk, file_id)).to_environment == 2

    assert (node_names(sdk, "DEV"), node_names(sdk, "PROD")) == ([], ["copy_orders"])
    project = sdk.get_project(models.GetProjectRequest(project_id=10000)).body.data
    assert (project.project_mode, project.env_types) == (2, ["PROD"])


def test_submit_without_inputs_is_refused(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    file_id = create(sdk)

    refused(lambda: submit(sdk, file_id), 400, "InvalidParameter.InputList")
    refused(lambda: deploy(sdk, file_id=file_id), 400, "IncorrectFileStatus")

    assert dataworks_emulator.resources("deployments") == []


def test_wrong_update_is_refused(sdk: Client) -> None:
    file_id = create(sdk)
    update(sdk, file_id, input_list=ROOT)

    refused(lambda: update(sdk, file_id, input_list=ROOT), 400, "InvalidParameter.Unchanged")
    refused(lambda: update(sdk, file_id, input_list="nobody"), 400, "InvalidParameter.InputList")
    refused(lambda: update(sdk, file_id, cron_express="daily"), 400, "InvalidParameter")
    refused(lambda: update(sdk, file_id, cycle_type="HOUR"), 400, "InvalidParameter")
    refused(lambda: update(sdk, file_id, auto_rerun_interval_millis=1_800_001), 400, "InvalidParameter")
    refused(lambda: update(sdk, 5, input_list=ROOT), 404, "InvalidFileId.NotFound")


def test_failed_deployment_says_why(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(deploy_seconds=0)
    file_id = create(sdk)
    update(sdk, file_id, input_list=ROOT)
    dataworks_emulator.set_file(file_id, deploy_error="no resource group")

    ended = finished(sdk, submit(sdk, file_id))

    assert (ended.status, ended.error_message) == (2, "no resource group")
    assert get(sdk, file_id=file_id).file.node_id is None
    request = models.ListDeploymentsRequest(project_id=10000, status=2)
    assert len(sdk.list_deployments(request).body.data.deployments) == 1


def test_file_of_a_node_is_found(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    assert get(sdk, node_id=4001).file.file_id == 2003
    added = dataworks_emulator.add_node(NodeName="own")
    assert get(sdk, file_id=added["FileId"]).file.node_id == added["NodeId"]
    request = models.ListFilesRequest(project_id=10000, exact_file_name="orders_batch", need_content=True)

    (file,) = sdk.list_files(request).body.data.files

    assert (file.file_id, file.node_id, file.file_type) == (2003, 4001, 23)
    assert file.content
    refused(lambda: get(sdk), 400, "MissingFileId")
    refused(lambda: get(sdk, file_id=5), 404, "InvalidFileId.NotFound")
    refused(
        lambda: sdk.get_deployment(models.GetDeploymentRequest(project_id=10000, deployment_id=5)),
        404,
        "InvalidDeploymentId.NotFound",
    )
