"""The official SDK gets from the emulator what the pages of the DISync actions and ListProjects say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.polling import wait_for

REALTIME, SOLUTION = 2001, 2002
CONTENT = json.dumps({"type": "job", "version": "2.0", "steps": [], "note": "中文 a+b&c=~é*%"}, ensure_ascii=False)
SCRIPT = json.dumps({"type": "realtime", "version": "1.0", "steps": [], "note": "中文 a+b&c=~é*%"}, ensure_ascii=False)
PARAM = {"FileFolderPath": "Business Flow/demo/Data Integration", "ResourceGroup": "S_res_group_demo_1"}


def create(sdk: Client, **changes: Any) -> models.CreateDISyncTaskResponseBody:
    request = {
        "project_id": 10000,
        "task_type": "DI_OFFLINE",
        "task_name": "new_di_task",
        "task_content": CONTENT,
        "task_param": json.dumps(PARAM),
    }
    answer = sdk.create_disync_task(models.CreateDISyncTaskRequest(**{**request, **changes}))
    assert answer.status_code == 200
    return answer.body


def generate(sdk: Client, task_type: str, **changes: Any) -> models.GenerateDISyncTaskConfigForCreatingResponseBody:
    request = {"project_id": 10000, "task_type": task_type, "task_param": SCRIPT}
    return sdk.generate_disync_task_config_for_creating(
        models.GenerateDISyncTaskConfigForCreatingRequest(**{**request, **changes})
    ).body


def query_result(sdk: Client, task_type: str, process_id: int) -> models.QueryDISyncTaskConfigProcessResultResponseBody:
    request = models.QueryDISyncTaskConfigProcessResultRequest(
        project_id=10000, task_type=task_type, async_process_id=process_id
    )
    return sdk.query_disync_task_config_process_result(request).body


def generated_content(sdk: Client, task_type: str) -> str:
    """What the service generates, as it gives it."""
    content: str = query_result(sdk, task_type, generate(sdk, task_type).data.process_id).data.task_content
    return content


def start(sdk: Client, file_id: int, task_type: str, **more: Any) -> models.StartDISyncInstanceResponseBody:
    request = models.StartDISyncInstanceRequest(project_id=10000, task_type=task_type, file_id=file_id, **more)
    return sdk.start_disync_instance(request).body


def info(sdk: Client, file_id: int, task_type: str) -> models.GetDISyncInstanceInfoResponseBodyData:
    request = models.GetDISyncInstanceInfoRequest(project_id=10000, task_type=task_type, file_id=file_id)
    return sdk.get_disync_instance_info(request).body.data


def task(sdk: Client, file_id: int, task_type: str) -> models.GetDISyncTaskResponseBodyData:
    request = models.GetDISyncTaskRequest(project_id=10000, task_type=task_type, file_id=file_id)
    return sdk.get_disync_task(request).body.data


# CreateDISyncTask


def test_create_answers_the_file_id(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    body = create(sdk, task_name="new task ü + 中")

    assert body.success is True
    assert body.request_id == dataworks_emulator.requests("CreateDISyncTask")[0]["request_id"]
    assert (body.data.status, body.data.message) == ("success", None)
    file = dataworks_emulator.file(body.data.file_id)
    assert (file["TaskName"], file["TaskType"], file["creations"]) == ("new task ü + 中", "DI_OFFLINE", 1)
    assert (file["TaskContent"], json.loads(file["TaskParam"])) == (CONTENT, PARAM)


def test_create_takes_a_very_long_content(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    content = json.dumps({"type": "job", "note": "中 &=+" * 80_000}, ensure_ascii=False)

    file_id = create(sdk, task_content=content).data.file_id

    assert len(content) > 390_000
    assert dataworks_emulator.file(file_id)["TaskContent"] == content


def test_create_with_a_chinese_folder(sdk: Client) -> None:
    param = json.dumps({"FileFolderPath": "业务流程/demo/数据集成", "Cu": 0.5}, ensure_ascii=False)

    assert create(sdk, task_param=param).data.status == "success"


def test_create_without_task_param(sdk: Client) -> None:
    assert create(sdk, task_param=None).data.status == "success"


@pytest.mark.parametrize(
    ("param", "message"),
    [
        (
            {"FileFolderPath": "Business Flow/other/Data Integration"},
            "Invalid path: Business Flow/other/Data Integration",
        ),
        ({**PARAM, "ResourceGroup": "S_other"}, "ResourceGroup:[S_other] is invalid."),
    ],
)
def test_create_fails_inside_a_success(
    sdk: Client, dataworks_emulator: EmulatorControl, param: dict[str, str], message: str
) -> None:
    body = create(sdk, task_param=json.dumps(param))

    assert body.success is True
    assert (body.data.status, body.data.message, body.data.file_id) == ("fail", message, None)
    assert len(dataworks_emulator.files()) == 2


def test_create_with_a_message_beside_success(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(message_beside_success=True)

    data = create(sdk).data

    assert data.status == "success"
    assert data.message.startswith("Invalid path")
    assert data.file_id


def test_create_refuses_an_existing_name(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    create(sdk)

    with pytest.raises(TeaException) as raised:
        create(sdk)

    assert (raised.value.statusCode, raised.value.code) == (400, "Invalid.DI.Parameter.File.Existed")
    assert len(dataworks_emulator.files()) == 3


def test_client_token_creates_once(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    first = create(sdk, client_token="0000-ABCD")
    second = create(sdk, client_token="0000-ABCD")

    assert second.data.file_id == first.data.file_id
    assert second.request_id != first.request_id
    assert [entry["effect"] for entry in dataworks_emulator.requests("CreateDISyncTask")] == [True, False]
    with pytest.raises(TeaException) as raised:
        create(sdk, client_token="0000-ABCD", task_name="another")
    assert (raised.value.statusCode, raised.value.code) == (400, "IdempotentParameterMismatch")


def test_failed_creation_does_not_use_up_its_client_token(sdk: Client) -> None:
    assert create(sdk, client_token="t", task_param='{"FileFolderPath":"x"}').data.status == "fail"

    assert create(sdk, client_token="t").data.status == "success"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"task_type": "DI_BATCH"}, "Invalid.DI.Parameter"),
        ({"task_content": "no JSON"}, "Invalid.DI.Parameter"),
        ({"task_content": "[]"}, "Invalid.DI.Parameter"),
        ({"task_param": '{"Folder":"x"}'}, "Invalid.DI.Parameter"),
        ({"task_param": '{"Cu":0.3}'}, "Invalid.DI.Parameter"),
        ({"project_id": 10_000_000_001}, "Invalid.DI.Parameter"),
        ({"project_id": 4711}, "Invalid.Tenant.ProjectNotExists"),
        ({"project_id": None}, "MissingProjectId"),
        ({"task_type": None}, "MissingTaskType"),
        ({"task_content": None}, "MissingTaskContent"),
        ({"task_name": None}, "MissingTaskName"),
        ({"task_name": ""}, "MissingTaskName"),
    ],
)
def test_create_refuses_bad_parameters(
    sdk: Client, dataworks_emulator: EmulatorControl, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(TeaException) as raised:
        create(sdk, **changes)

    assert (raised.value.statusCode, raised.value.code) == (400, code)
    assert len(dataworks_emulator.files()) == 2


# GenerateDISyncTaskConfigForCreating, QueryDISyncTaskConfigProcessResult


@pytest.mark.parametrize("task_type", ["DI_REALTIME", "DI_SOLUTION"])
def test_content_is_generated_and_makes_a_task(
    sdk: Client, dataworks_emulator: EmulatorControl, task_type: str
) -> None:
    generation = generate(sdk, task_type)
    result = query_result(sdk, task_type, generation.data.process_id)

    assert (generation.success, generation.data.status, generation.data.message) == (True, "success", None)
    assert (result.success, result.data.status, result.data.message) == (True, "success", None)
    assert json.loads(result.data.task_content).items() >= json.loads(SCRIPT).items()
    file_id = create(sdk, task_type=task_type, task_content=result.data.task_content).data.file_id
    file = dataworks_emulator.file(file_id)
    assert (file["TaskType"], file["TaskContent"]) == (task_type, result.data.task_content)


@pytest.mark.parametrize("task_type", ["DI_REALTIME", "DI_SOLUTION"])
def test_content_of_another_origin_makes_no_task(
    sdk: Client, dataworks_emulator: EmulatorControl, task_type: str
) -> None:
    data = create(sdk, task_type=task_type).data

    assert (data.status, data.file_id) == ("fail", None)
    assert "GenerateDISyncTaskConfigForCreating" in data.message
    assert len(dataworks_emulator.files()) == 2


def test_client_token_generates_once(sdk: Client) -> None:
    first = generate(sdk, "DI_SOLUTION", client_token="0000-ABCD").data.process_id

    assert generate(sdk, "DI_SOLUTION", client_token="0000-ABCD").data.process_id == first
    assert generate(sdk, "DI_SOLUTION", client_token="0000-EFGH").data.process_id != first


def test_content_is_not_there_at_once(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(config_seconds=0.3)
    process_id = generate(sdk, "DI_SOLUTION").data.process_id

    assert query_result(sdk, "DI_SOLUTION", process_id).data.task_content is None
    wait_for(lambda: bool(query_result(sdk, "DI_SOLUTION", process_id).data.task_content))


# StartDISyncInstance, StopDISyncInstance, GetDISyncInstanceInfo


def test_realtime_instance_starts_and_stops(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(stop_seconds=0.2)
    dataworks_emulator.set_file(REALTIME, wait_seconds=0.2)
    before = info(sdk, REALTIME, "DI_REALTIME")
    assert (before.status, before.name, before.message, before.solution_info) == (
        "NORUN",
        "orders_realtime",
        None,
        None,
    )

    body = start(sdk, REALTIME, "DI_REALTIME", start_param='{"failoverLimit":{"count":10,"interval":30}}')

    assert body.success is True
    assert (body.data.status, body.data.message) == ("success", None)
    assert info(sdk, REALTIME, "DI_REALTIME").status == "WAIT"
    wait_for(lambda: info(sdk, REALTIME, "DI_REALTIME").status == "RUN")
    request = models.StopDISyncInstanceRequest(project_id=10000, task_type="DI_REALTIME", file_id=REALTIME)
    assert sdk.stop_disync_instance(request).body.data.status == "success"
    assert info(sdk, REALTIME, "DI_REALTIME").status == "KILLING"
    wait_for(lambda: info(sdk, REALTIME, "DI_REALTIME").status == "PAUSE")
    file = dataworks_emulator.file(REALTIME)
    assert (file["starts"], file["stops"]) == (1, 1)
    assert file["start_params"] == ['{"failoverLimit":{"count":10,"interval":30}}']


def test_asynchronous_client_is_served_too(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    request = models.StartDISyncInstanceRequest(project_id=10000, task_type="DI_REALTIME", file_id=REALTIME)

    assert asyncio.run(sdk.start_disync_instance_async(request)).body.data.status == "success"

    assert dataworks_emulator.file(REALTIME)["starts"] == 1


def test_start_fails_inside_a_success(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    body = start(sdk, 100, "DI_REALTIME")

    assert body.success is True
    assert (body.data.status, body.data.message) == ("fail", "fileId:[100] is invalid.")
    assert dataworks_emulator.requests("StartDISyncInstance")[0]["effect"] is False


def test_start_fails_when_the_file_is_of_the_other_type(sdk: Client) -> None:
    assert start(sdk, REALTIME, "DI_SOLUTION").data.status == "fail"
    assert start(sdk, SOLUTION, "DI_REALTIME").data.status == "fail"


def test_start_with_a_message_beside_success(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(message_beside_success=True)

    data = start(sdk, REALTIME, "DI_REALTIME").data

    assert (data.status, data.message) == ("success", "fileId:[100] is invalid.")
    assert dataworks_emulator.file(REALTIME)["starts"] == 1


def test_start_of_a_running_instance_fails(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    start(sdk, REALTIME, "DI_REALTIME")

    assert start(sdk, REALTIME, "DI_REALTIME").data.status == "fail"
    dataworks_emulator.settings(start_running="ignore")
    assert start(sdk, REALTIME, "DI_REALTIME").data.status == "success"
    assert dataworks_emulator.file(REALTIME)["starts"] == 1


@pytest.mark.parametrize(
    ("task_type", "more", "code"),
    [
        ("DI_OFFLINE", {}, "Param.Invalid"),
        ("DI_REALTIME", {"start_param": "no JSON"}, "Param.Invalid"),
        (None, {}, "MissingTaskType"),
    ],
)
def test_start_refuses_bad_parameters(
    sdk: Client, dataworks_emulator: EmulatorControl, task_type: str, more: dict[str, str], code: str
) -> None:
    with pytest.raises(TeaException) as raised:
        start(sdk, REALTIME, task_type, **more)

    assert (raised.value.statusCode, raised.value.code) == (400, code)
    assert dataworks_emulator.file(REALTIME)["starts"] == 0


def test_start_param_of_a_solution_has_no_effect(sdk: Client) -> None:
    assert start(sdk, SOLUTION, "DI_SOLUTION", start_param="no JSON").data.status == "success"


def test_instance_whose_start_fails_is_not_running(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_file(REALTIME, start_outcome="NORUN", wait_seconds=0)

    assert start(sdk, REALTIME, "DI_REALTIME").data.status == "success"

    assert info(sdk, REALTIME, "DI_REALTIME").status == "NORUN"


def test_solution_runs_and_succeeds(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0.3)
    assert task(sdk, SOLUTION, "DI_SOLUTION").solution_detail.status == "1"

    assert start(sdk, SOLUTION, "DI_SOLUTION").data.status == "success"

    running = info(sdk, SOLUTION, "DI_SOLUTION")
    assert (running.status, running.solution_info.id, running.solution_info.status) == ("success", SOLUTION, "run")
    assert running.solution_info.step_detail[0].step_name == "Create a base table"
    detail = task(sdk, SOLUTION, "DI_SOLUTION").solution_detail
    assert (detail.id, detail.name, detail.project_id, detail.status) == (SOLUTION, "orders_solution", 10000, "2")
    wait_for(lambda: task(sdk, SOLUTION, "DI_SOLUTION").solution_detail.status == "0")


def test_solution_can_fail(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_file(SOLUTION, solution_outcome="3", run_seconds=0)

    start(sdk, SOLUTION, "DI_SOLUTION")

    assert task(sdk, SOLUTION, "DI_SOLUTION").solution_detail.status == "3"


def test_solution_cannot_be_stopped(sdk: Client) -> None:
    with pytest.raises(TeaException) as raised:
        sdk.stop_disync_instance(
            models.StopDISyncInstanceRequest(project_id=10000, task_type="DI_SOLUTION", file_id=SOLUTION)
        )

    assert (raised.value.statusCode, raised.value.code) == (400, "Param.Invalid")


def test_unknown_file_has_a_message_everywhere(sdk: Client) -> None:
    answers = [
        info(sdk, 100, "DI_REALTIME"),
        task(sdk, 100, "DI_SOLUTION"),
        sdk.stop_disync_instance(
            models.StopDISyncInstanceRequest(project_id=10000, task_type="DI_REALTIME", file_id=100)
        ).body.data,
        sdk.deploy_disync_task(
            models.DeployDISyncTaskRequest(project_id=10000, task_type="DI_REALTIME", file_id=100)
        ).body.data,
        sdk.terminate_disync_instance(
            models.TerminateDISyncInstanceRequest(project_id=10000, task_type="DI_REALTIME", file_id=100)
        ).body.data,
    ]

    assert {(data.status, data.message) for data in answers} == {("fail", "fileId:[100] is invalid.")}


# DeployDISyncTask, TerminateDISyncInstance, GetDISyncTask


def test_realtime_file_is_created_deployed_started_and_undeployed(
    sdk: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(require_deploy=True)
    content = generated_content(sdk, "DI_REALTIME")
    file_id = create(sdk, task_type="DI_REALTIME", task_content=content).data.file_id
    assert task(sdk, file_id, "DI_REALTIME").code == content
    refused = start(sdk, file_id, "DI_REALTIME").data
    assert (refused.status, "not deployed" in refused.message) == ("fail", True)

    deployed = sdk.deploy_disync_task(
        models.DeployDISyncTaskRequest(project_id=10000, task_type="DI_REALTIME", file_id=file_id)
    ).body

    assert (deployed.success, deployed.data.status) == (True, "success")
    assert start(sdk, file_id, "DI_REALTIME").data.status == "success"
    terminated = sdk.terminate_disync_instance(
        models.TerminateDISyncInstanceRequest(project_id=10000, task_type="DI_REALTIME", file_id=file_id)
    ).body
    assert (terminated.success, terminated.data.status) == (True, "success")
    assert info(sdk, file_id, "DI_REALTIME").status == "NORUN"
    assert dataworks_emulator.file(file_id)["deployed"] is False


def test_undeployed_realtime_file_starts_unless_set_otherwise(sdk: Client) -> None:
    file_id = create(sdk, task_type="DI_REALTIME", task_content=generated_content(sdk, "DI_REALTIME")).data.file_id

    assert start(sdk, file_id, "DI_REALTIME").data.status == "success"


def test_ids_can_come_as_text(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(ids_as_text=True)

    file_id = create(sdk).data.file_id

    assert isinstance(file_id, str)
    assert dataworks_emulator.file(int(file_id))["TaskName"] == "new_di_task"


# ListProjects


def test_projects_are_listed(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_job(ProjectId=20000)

    result = sdk.list_projects(models.ListProjectsRequest(page_number=1, page_size=1)).body.page_result

    assert (result.page_number, result.page_size, result.total_count) == (1, 1, 2)
    (project,) = result.project_list
    assert (project.project_id, project.project_status_code, project.project_status) == (10000, "AVAILABLE", 0)
    second = sdk.list_projects(models.ListProjectsRequest(page_number=2, page_size=1)).body.page_result
    assert [project.project_id for project in second.project_list] == [20000]


def test_projects_have_page_bounds(sdk: Client) -> None:
    with pytest.raises(TeaException) as raised:
        sdk.list_projects(models.ListProjectsRequest(page_size=101))

    assert (raised.value.statusCode, raised.value.code) == (400, "InvalidParameter")
