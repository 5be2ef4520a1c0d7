"""The official SDK of 2024-05-18 deploys and runs nodes on the emulator as the vendor's pages say."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alibabacloud_dataworks_public20240518 import models
from alibabacloud_dataworks_public20240518.client import Client
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.polling import wait_for

BATCH, HOURLY, FROZEN, DRY_RUN, FAILING = 4001, 4003, 4004, 4005, 4007
STUDIO_ID = "7000000000000004001"
ZONE = ZoneInfo("Asia/Shanghai")
DAY = "2024-11-20"
DAY_MS = 1732032000000


def refused(call: Callable[[], Any], status: int, code: str) -> TeaException:
    with pytest.raises(TeaException) as raised:
        call()
    assert (raised.value.statusCode, raised.value.code) == (status, code)
    return raised.value


def properties(*task_ids: int, **changes: Any) -> models.CreateWorkflowInstancesRequestDefaultRunProperties:
    return models.CreateWorkflowInstancesRequestDefaultRunProperties(
        **{
            "mode": "ManualSelection",
            "root_task_ids": list(task_ids),
            "parallelism": 1,
            "analysis": models.CreateWorkflowInstancesRequestDefaultRunPropertiesAnalysis(blocked=False, enabled=False),
            "run_policy": models.CreateWorkflowInstancesRequestDefaultRunPropertiesRunPolicy(
                type="Daily", start_time="00:00:00", end_time="23:59:59", immediately=True
            ),
            **changes,
        }
    )


def periods(first: str = DAY, last: str | None = None, **changes: Any) -> models.CreateWorkflowInstancesRequestPeriods:
    dates = models.CreateWorkflowInstancesRequestPeriodsBizDates(start_biz_date=first, end_biz_date=last or first)
    return models.CreateWorkflowInstancesRequestPeriods(**{"biz_dates": [dates], **changes})


def create(sdk: Client, task_id: int = BATCH, **changes: Any) -> str:
    request = models.CreateWorkflowInstancesRequest(
        **{
            "project_id": 10000,
            "env_type": "Prod",
            "workflow_id": 1,
            "type": "SupplementData",
            "name": "af run 中",
            "periods": periods(),
            "default_run_properties": properties(task_id),
            "auto_start_enabled": True,
            **changes,
        }
    )
    return str(sdk.create_workflow_instances(request).body.operation_id)


def result(sdk: Client, operation_id: str) -> models.GetCreateWorkflowInstancesResultResponseBodyResult:
    request = models.GetCreateWorkflowInstancesResultRequest(operation_id=operation_id)
    return sdk.get_create_workflow_instances_result(request).body.result


def run(sdk: Client, task_id: int = BATCH, **changes: Any) -> list[int]:
    operation_id = create(sdk, task_id, **changes)
    wait_for(lambda: result(sdk, operation_id).status == "Created")
    return list(result(sdk, operation_id).workflow_instance_ids)


def workflow_instance(sdk: Client, run_id: int) -> models.GetWorkflowInstanceResponseBodyWorkflowInstance:
    return sdk.get_workflow_instance(models.GetWorkflowInstanceRequest(id=run_id)).body.workflow_instance


def workflow_instances(sdk: Client, **filters: Any) -> list[int]:
    request = models.ListWorkflowInstancesRequest(**{"project_id": 10000, "biz_date": DAY_MS, **filters})
    return [each.id for each in sdk.list_workflow_instances(request).body.paging_info.workflow_instances]


def tasks(sdk: Client, **filters: Any) -> list[models.ListTaskInstancesResponseBodyPagingInfoTaskInstances]:
    request = models.ListTaskInstancesRequest(
        **{"project_id": 10000, "bizdate": DAY_MS, "project_env": "Prod", "page_size": 500, **filters}
    )
    return list(sdk.list_task_instances(request).body.paging_info.task_instances)


def log(sdk: Client, instance_id: int, **options: Any) -> str:
    return str(
        sdk.get_task_instance_log(models.GetTaskInstanceLogRequest(id=instance_id, **options)).body.task_instance_log
    )


@pytest.fixture(autouse=True)
def quick(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(creation_seconds=0.1, deploy_seconds=0.1)


def test_task_runs_through_its_states_to_success(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=60, creation_seconds=1)
    operation_id = create(sdk_2024, task_parameters='{"4001":"bizdate=$bizdate k=v"}')
    creating = result(sdk_2024, operation_id)
    assert (creating.status, creating.workflow_instance_ids) == ("Creating", None)

    wait_for(lambda: result(sdk_2024, operation_id).status == "Created")

    (run_id,) = result(sdk_2024, operation_id).workflow_instance_ids
    instance = workflow_instance(sdk_2024, run_id)
    assert (instance.status, instance.name, instance.biz_date) == ("Running", "af run 中", DAY_MS)
    assert (instance.type, instance.workflow_id, instance.env_type) == ("SupplementData", 1, "Prod")
    assert instance.finished_time is None
    (task,) = tasks(sdk_2024, workflow_instance_id=run_id)
    assert (task.task_id, task.task_name, task.status, task.run_number) == (BATCH, "orders_batch", "Running", 1)
    assert (task.trigger_recurrence, task.bizdate, task.project_env) == ("Normal", DAY_MS, "Prod")
    dataworks_emulator.set_node_instance(task.id, Status="SUCCESS")
    assert workflow_instance(sdk_2024, run_id).status == "Success"
    assert workflow_instance(sdk_2024, run_id).finished_time >= workflow_instance(sdk_2024, run_id).started_time
    got = sdk_2024.get_task_instance(models.GetTaskInstanceRequest(id=task.id)).body.task_instance
    assert (got.status, got.script.parameters) == ("Success", "bizdate=20241120 k=v")
    assert re.findall(r"Total: (\d+)R", log(sdk_2024, task.id))[-1] == "1000"
    assert dataworks_emulator.node(BATCH)["runs"] == 1


def test_run_is_found_by_part_of_its_name_on_its_date(sdk_2024: Client) -> None:
    (run_id,) = run(sdk_2024, name="orders__2024")

    assert workflow_instances(sdk_2024, name="ORDERS__20", env_type="Prod", type="SupplementData") == [run_id]
    assert workflow_instances(sdk_2024, ids=[run_id]) == [run_id]
    assert workflow_instances(sdk_2024, name="other") == []
    assert workflow_instances(sdk_2024, env_type="Dev") == []
    assert workflow_instances(sdk_2024, biz_date=DAY_MS + 3600_000) == []


def test_run_shows_late_in_lists_but_not_by_its_id(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(list_lag_seconds=1, creation_seconds=0)

    (run_id,) = run(sdk_2024)

    assert (workflow_instances(sdk_2024), tasks(sdk_2024)) == ([], [])
    assert workflow_instance(sdk_2024, run_id).id == run_id
    wait_for(lambda: workflow_instances(sdk_2024) == [run_id])
    assert len(tasks(sdk_2024, workflow_instance_id=run_id)) == 1


def test_business_dates_run_one_after_the_other(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=60)

    first, second = run(sdk_2024, periods=periods(DAY, "2024-11-21"))

    assert [workflow_instance(sdk_2024, each).status for each in (first, second)] == ["Running", "NotRun"]
    started = sdk_2024.start_workflow_instances(models.StartWorkflowInstancesRequest(ids=[second])).body
    assert "wait for parent workflowInstance" in started.success_info[str(second)].message
    (task,) = tasks(sdk_2024, workflow_instance_id=first)
    dataworks_emulator.set_node_instance(task.id, Status="SUCCESS")
    assert workflow_instance(sdk_2024, second).status == "Running"


def test_run_can_wait_for_its_start(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=60, stop_seconds=0)
    (run_id,) = run(sdk_2024, auto_start_enabled=False)
    assert workflow_instance(sdk_2024, run_id).status == "NotRun"

    body = sdk_2024.start_workflow_instances(models.StartWorkflowInstancesRequest(ids=[run_id, 7])).body

    assert {key: value.success for key, value in body.success_info.items()} == {str(run_id): True, "7": False}
    assert workflow_instance(sdk_2024, run_id).status == "Running"
    sdk_2024.stop_workflow_instances(models.StopWorkflowInstancesRequest(ids=[run_id]))
    assert workflow_instance(sdk_2024, run_id).status == "Failure"


def test_stop_has_a_result_for_each_id(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=60, stop_seconds=0)
    (run_id,) = run(sdk_2024)
    (task,) = tasks(sdk_2024, workflow_instance_id=run_id)
    request = models.StopTaskInstancesRequest(ids=[task.id, 7], comment="no")

    first = sdk_2024.stop_task_instances(request).body.success_info
    second = sdk_2024.stop_task_instances(request).body.success_info

    assert {key: value.success for key, value in first.items()} == {str(task.id): True, "7": False}
    assert not second[str(task.id)].success
    assert workflow_instance(sdk_2024, run_id).status == "Failure"
    sdk_2024.rerun_task_instances(models.RerunTaskInstancesRequest(ids=[task.id]))
    assert tasks(sdk_2024, workflow_instance_id=run_id)[0].run_number == 2


@pytest.mark.parametrize("waits", [False, True])
def test_automatic_rerun_has_the_next_number(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, waits: bool
) -> None:
    dataworks_emulator.settings(run_waits_for_reruns=waits)
    dataworks_emulator.set_node(BATCH, run_seconds=0, failing_runs=1, rerun_times=1, rerun_seconds=3)
    (run_id,) = run(sdk_2024)

    assert workflow_instance(sdk_2024, run_id).status == ("Running" if waits else "Failure")
    (task,) = tasks(sdk_2024, workflow_instance_id=run_id)
    assert (task.status, task.run_number) == ("Failure", 1)
    assert sdk_2024.get_task(models.GetTaskRequest(id=BATCH)).body.task.rerun_times == 1
    wait_for(lambda: workflow_instance(sdk_2024, run_id).status == "Success")
    attempts = tasks(sdk_2024, id=task.id)
    assert [(each.run_number, each.status) for each in attempts] == [(2, "Success"), (1, "Failure")]
    assert "4(FAIL)" in log(sdk_2024, task.id, run_number=1)
    assert "4(FAIL)" not in log(sdk_2024, task.id)


@pytest.mark.parametrize(
    ("task_id", "status", "recurrence"), [(FROZEN, "Failure", "Pause"), (DRY_RUN, "Success", "Skip")]
)
def test_frozen_and_dry_run_tasks_end_without_work(
    sdk_2024: Client, task_id: int, status: str, recurrence: str
) -> None:
    (run_id,) = run(sdk_2024, task_id)

    (task,) = tasks(sdk_2024, workflow_instance_id=run_id)
    assert (workflow_instance(sdk_2024, run_id).status, task.status) == (status, status)
    assert task.trigger_recurrence == recurrence


def test_failed_creation_says_why(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_node(BATCH, creation_failure="Invalid Param xxx")
    operation_id = create(sdk_2024)

    wait_for(lambda: result(sdk_2024, operation_id).status == "CreateFailure")

    assert result(sdk_2024, operation_id).failure_message == "Invalid Param xxx"
    assert dataworks_emulator.node_runs() == []


def test_unknown_task_is_refused_by_its_id(sdk_2024: Client) -> None:
    error = refused(lambda: create(sdk_2024, 999), 400, "InvalidParameter")

    assert "Non-existent TaskIDs: [999]" in str(error.message)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "x" * 129}, "InvalidParameter"),
        ({"name": None}, "MissingName"),
        ({"workflow_id": None}, "MissingWorkflowId"),
        ({"periods": None}, "MissingPeriods"),
        ({"periods": periods("20241120")}, "InvalidParameter"),
        ({"periods": periods("2024-11-21", DAY)}, "InvalidParameter"),
        ({"periods": periods(biz_dates=periods().biz_dates * 8)}, "InvalidParameter"),
        ({"periods": periods(start_time="01:00:00")}, "InvalidParameter"),
        ({"default_run_properties": properties()}, "MissingRootTaskIds"),
        ({"default_run_properties": properties(BATCH, parallelism=None)}, "MissingParallelism"),
        ({"default_run_properties": properties(BATCH, parallelism=11)}, "InvalidParameter"),
        ({"default_run_properties": properties(BATCH, analysis=None)}, "MissingAnalysis"),
        ({"default_run_properties": properties(BATCH, FAILING, mode="General")}, "InvalidParameter"),
        ({"task_parameters": "a=1"}, "InvalidParameter"),
        ({"env_type": "PROD"}, "InvalidParameter"),
        ({"type": "Manual"}, "InvalidParameter"),
    ],
)
def test_wrong_run_is_refused_and_runs_nothing(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, changes: dict[str, Any], code: str
) -> None:
    refused(lambda: create(sdk_2024, **changes), 400, code)

    assert dataworks_emulator.node_runs() == []


def test_daily_instances_are_listed_by_date(sdk_2024: Client) -> None:
    day = datetime.now(ZONE).date() - timedelta(days=3)
    biz_date = int(datetime.combine(day, datetime.min.time(), ZONE).timestamp() * 1000)

    found = tasks(sdk_2024, bizdate=biz_date, task_ids=[4002, HOURLY], workflow_instance_type="Normal")

    assert len(found) == 25
    assert {each.status for each in found} == {"Success"}
    (run_id,) = workflow_instances(sdk_2024, biz_date=biz_date, type="Normal")
    assert {each.workflow_instance_id for each in found} == {run_id}
    assert tasks(sdk_2024, bizdate=biz_date + 1, task_id=4002) == []


def test_trigger_task_waits_until_it_is_fired(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    day = datetime.now(ZONE).date() - timedelta(days=3)
    biz_date = int(datetime.combine(day, datetime.min.time(), ZONE).timestamp() * 1000)
    (task,) = tasks(sdk_2024, bizdate=biz_date, task_id=4006)
    assert task.status == "WaitTrigger"
    request = models.TriggerSchedulerTaskInstanceRequest(env_type="Prod", task_id=4006, trigger_time=task.trigger_time)

    assert sdk_2024.trigger_scheduler_task_instance(request).body.success is True

    assert tasks(sdk_2024, bizdate=biz_date, task_id=4006)[0].status == "Success"
    refused(lambda: sdk_2024.trigger_scheduler_task_instance(request), 400, "InvalidParameter")


def test_task_is_found_by_name_or_by_the_id_of_its_node(sdk_2024: Client) -> None:
    request = models.ListTasksRequest(project_id=10000, project_env="Prod", name="orders_batch", sort_by="Id Asc")

    listed = sdk_2024.list_tasks(request).body.paging_info.tasks

    assert [(task.id, task.name) for task in listed] == [(4001, "orders_batch"), (4007, "orders_batch_bad")]
    node = sdk_2024.get_node(models.GetNodeRequest(id=STUDIO_ID, project_id=10000)).body.node
    assert (node.task_id, node.name) == (BATCH, "orders_batch")
    task = sdk_2024.get_task(models.GetTaskRequest(id=BATCH, project_env="Prod")).body.task
    assert (task.script.parameters, task.trigger.recurrence) == ("bizdate=$bizdate", "Normal")
    nodes = sdk_2024.list_nodes(models.ListNodesRequest(project_id=10000, name="orders_b")).body.paging_info
    assert [each.id for each in nodes.nodes] == [STUDIO_ID, "7000000000000004007"]


# From content to a task


def spec(name: str = "created", **changes: Any) -> str:
    node = {
        "name": name,
        "recurrence": "Normal",
        "rerunMode": "Allowed",
        "rerunTimes": 2,
        "rerunInterval": 180000,
        "script": {
            "path": f"demo/{name}",
            "runtime": {"command": "DI"},
            "content": "{}",
            "parameters": [{"name": "dt", "value": "$bizdate", "type": "System", "scope": "NodeParameter"}],
        },
        "trigger": {"type": "Scheduler", "cron": "00 00 05 * * ?"},
        **changes,
    }
    return json.dumps({"version": "1.1.0", "kind": "Node", "spec": {"nodes": [node]}})


def create_node(sdk: Client, **changes: Any) -> str:
    request = models.CreateNodeRequest(**{"project_id": 10000, "scene": "DATAWORKS_PROJECT", "spec": spec(), **changes})
    return str(sdk.create_node(request).body.id)


def pipeline(sdk: Client, pipeline_id: str) -> models.GetPipelineRunResponseBodyPipeline:
    return sdk.get_pipeline_run(models.GetPipelineRunRequest(id=pipeline_id, project_id=10000)).body.pipeline


def stages(sdk: Client, pipeline_id: str) -> dict[str, str]:
    return {stage.code: stage.status for stage in pipeline(sdk, pipeline_id).stages}


def execute(sdk: Client, pipeline_id: str, code: str) -> None:
    sdk.exec_pipeline_run_stage(models.ExecPipelineRunStageRequest(id=pipeline_id, project_id=10000, code=code))


def deploy(sdk: Client, node_id: str, **options: Any) -> str:
    request = models.CreatePipelineRunRequest(
        **{"project_id": 10000, "type": "Online", "object_ids": [node_id], **options}
    )
    return str(sdk.create_pipeline_run(request).body.id)


def task_id(sdk: Client, node_id: str) -> int | None:
    node = sdk.get_node(models.GetNodeRequest(id=node_id, project_id=10000)).body.node
    return None if node.task_id is None else int(node.task_id)


@pytest.mark.parametrize(
    ("mode", "codes"),
    [
        ("standard", ["BUILD_PACKAGE", "DEV_CHECK", "DEV", "PROD_CHECK", "PROD"]),
        ("basic", ["BUILD_PACKAGE", "PROD_CHECK", "PROD"]),
    ],
)
def test_node_is_created_deployed_stage_by_stage_and_run(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, mode: str, codes: list[str]
) -> None:
    dataworks_emulator.settings(workspace_mode=mode, run_seconds=0)
    node_id = create_node(sdk_2024)
    assert len(node_id) == 19
    assert task_id(sdk_2024, node_id) is None

    pipeline_id = deploy(sdk_2024, node_id)

    assert list(stages(sdk_2024, pipeline_id)) == codes
    refused(lambda: execute(sdk_2024, pipeline_id, codes[-1]), 400, "InvalidStage")
    wait_for(lambda: stages(sdk_2024, pipeline_id)["BUILD_PACKAGE"] == "Success")
    for code in codes[1:]:
        execute(sdk_2024, pipeline_id, code)
        wait_for(lambda code=code: stages(sdk_2024, pipeline_id)[code] == "Success")  # type: ignore[misc]
        refused(lambda code=code: execute(sdk_2024, pipeline_id, code), 400, "InvalidStage")  # type: ignore[misc]
    assert pipeline(sdk_2024, pipeline_id).status == "Success"
    created = task_id(sdk_2024, node_id)
    assert created is not None
    task = sdk_2024.get_task(models.GetTaskRequest(id=created)).body.task
    assert (task.script.parameters, task.rerun_times, task.trigger.cron) == ("dt=$bizdate", 2, "00 00 05 * * ?")
    (run_id,) = run(sdk_2024, created)
    assert workflow_instance(sdk_2024, run_id).status == "Success"


def test_pipeline_can_run_by_itself(sdk_2024: Client) -> None:
    node_id = create_node(sdk_2024)

    pipeline_id = deploy(sdk_2024, node_id, run_mode="Auto", auto_run_until_stage="PROD")

    wait_for(lambda: pipeline(sdk_2024, pipeline_id).status == "Success")
    task = sdk_2024.list_tasks(models.ListTasksRequest(project_id=10000, project_env="Dev", name="created"))
    assert len(task.body.paging_info.tasks) == 1


def test_failed_deployment_says_why(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    node_id = create_node(sdk_2024)
    dataworks_emulator.set_node(int(node_id[-6:]), deploy_error="no parent")

    pipeline_id = deploy(sdk_2024, node_id, run_mode="Auto", auto_run_until_stage="PROD")

    wait_for(lambda: pipeline(sdk_2024, pipeline_id).status == "Fail")
    assert pipeline(sdk_2024, pipeline_id).message == "no parent"
    request = models.ListPipelineRunItemsRequest(pipeline_run_id=pipeline_id, project_id=10000)
    (item,) = sdk_2024.list_pipeline_run_items(request).body.paging_info.pipeline_run_items
    assert (item.id, item.message, item.name) == (node_id, "no parent", "created")
    assert task_id(sdk_2024, node_id) is None


def test_pipeline_runs_are_listed_and_abolished(sdk_2024: Client) -> None:
    node_id = create_node(sdk_2024)
    pipeline_id = deploy(sdk_2024, node_id)

    sdk_2024.abolish_pipeline_run(models.AbolishPipelineRunRequest(id=pipeline_id, project_id=10000))

    request = models.ListPipelineRunsRequest(project_id=10000, object_id=node_id)
    (listed,) = sdk_2024.list_pipeline_runs(request).body.paging_info.pipeline_runs
    assert (listed.id, listed.status) == (pipeline_id, "Cancel")


def test_node_is_changed_and_deleted(sdk_2024: Client) -> None:
    node_id = create_node(sdk_2024)
    sdk_2024.update_node(models.UpdateNodeRequest(id=node_id, project_id=10000, spec=spec("renamed")))
    got = sdk_2024.get_node(models.GetNodeRequest(id=node_id, project_id=10000)).body.node
    assert json.loads(got.spec)["spec"]["nodes"][0]["name"] == got.name == "renamed"

    sdk_2024.delete_node(models.DeleteNodeRequest(id=node_id, project_id=10000))

    refused(lambda: task_id(sdk_2024, node_id), 404, "InvalidNodeId.NotFound")
    delete = models.DeleteNodeRequest(id=STUDIO_ID, project_id=10000)
    refused(lambda: sdk_2024.delete_node(delete), 400, "InvalidParameter")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"spec": "{}"}, "InvalidParameter"),
        ({"spec": spec("")}, "InvalidParameter"),
        ({"spec": spec(trigger={"cron": "daily"})}, "InvalidParameter"),
        ({"spec": spec("orders_batch")}, "InvalidNodeName.Existed"),
        ({"scene": "PROJECT"}, "InvalidParameter"),
        ({"scene": None}, "MissingScene"),
    ],
)
def test_wrong_node_is_refused(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, changes: dict[str, Any], code: str
) -> None:
    before = len(dataworks_emulator.nodes())

    refused(lambda: create_node(sdk_2024, **changes), 400, code)

    assert len(dataworks_emulator.nodes()) == before


def test_manual_task_runs_without_periods(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0, deploy_seconds=0)
    node_id = create_node(sdk_2024, scene="DATAWORKS_MANUAL_TASK")
    deploy(sdk_2024, node_id, run_mode="Auto", auto_run_until_stage="PROD")
    created = task_id(sdk_2024, node_id)
    assert created is not None

    (run_id,) = run(
        sdk_2024,
        created,
        type="Manual",
        periods=None,
        default_run_properties=models.CreateWorkflowInstancesRequestDefaultRunProperties(root_task_ids=[created]),
    )

    instance = workflow_instance(sdk_2024, run_id)
    assert (instance.type, instance.status) == ("Manual", "Success")
    (task,) = tasks(sdk_2024, bizdate=instance.biz_date, workflow_instance_id=run_id)
    assert (task.trigger_recurrence, task.trigger_type) == ("Manual", "Manual")


@pytest.mark.parametrize("kind", ["reset", "error", "html", "cut"])
def test_lost_answer_of_a_creation_leaves_one_run(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, kind: str
) -> None:
    dataworks_emulator.add_fault(kind, action="CreateWorkflowInstances", effect="after")

    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is the SDK's affair
        create(sdk_2024, name="mine")

    wait_for(lambda: len(workflow_instances(sdk_2024, name="mine")) == 1)
    assert [each["Name"] for each in dataworks_emulator.node_runs(BATCH)] == ["mine"]
