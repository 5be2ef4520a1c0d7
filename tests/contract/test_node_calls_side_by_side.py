"""For batch nodes too, our hook and the official SDKs make the same requests, but for the same table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from alibabacloud_dataworks_public20240518 import models as models_2024
from alibabacloud_dataworks_public20240518.client import Client as Client2024

from airflow_provider_dataworks.client.catalog.nodes import NodeActions
from airflow_provider_dataworks.client.catalog.v2020_05_18 import LIST_INSTANCE_HISTORY
from airflow_provider_dataworks.client.catalog.v2020_05_18 import NODES as NODES_2020
from airflow_provider_dataworks.client.catalog.v2024_05_18 import GET_CREATE_WORKFLOW_INSTANCES_RESULT
from airflow_provider_dataworks.client.catalog.v2024_05_18 import NODES as NODES_2024
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_2024

from .test_hook_and_sdk_side_by_side import ALWAYS, WITH_A_BOOLEAN, differences

BATCH, HOURLY, TRIGGER = 4001, 4003, 4006
DAY, DAY_MS = "2024-11-20", 1732032000000
DAY_2020 = f"{DAY} 00:00:00"
NAME = "af run ü+&=~*中"
INSTANCE = 11726873619
# The service fires what is recent.
RECENT = datetime.now(ZoneInfo("Asia/Shanghai")).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
RECENT_DAY, RECENT_MS = RECENT.date().isoformat(), int(RECENT.timestamp()) * 1000
DUE = RECENT_MS + 25 * 3_600_000
PARAMETERS = 'a=1 中="2" bizdate=$bizdate'


@dataclass(frozen=True)
class Same:
    """The same call, made by both, and where the requests differ."""

    action: str
    by_hook: Callable[[DataWorksHook], Any]
    by_sdk: Callable[[Any], Any]
    differences: frozenset[str] = ALWAYS


def run(hook: DataWorksHook, node_id: int = BATCH, **more: Any) -> int:
    return hook.run_node(node_id=node_id, bizdate=DAY, name=NAME, **more).run_id


def run_2020(sdk: Client, node_id: int = BATCH, **more: Any) -> int:
    request = models.RunCycleDagNodesRequest(
        project_env="PROD",
        name=NAME,
        root_node_id=node_id,
        include_node_ids=str(node_id),
        start_biz_date=DAY_2020,
        end_biz_date=DAY_2020,
        parallelism=False,
        start_future_instance_immediately=True,
        **more,
    )
    return int(sdk.run_cycle_dag_nodes(request).body.data[0])


def instances_2020(**more: Any) -> models.ListInstancesRequest:
    return models.ListInstancesRequest(
        project_id=10000, project_env="PROD", bizdate=DAY_2020, page_number=1, page_size=100, **more
    )


CALLS = {
    "run with parameters": Same(
        "RunCycleDagNodes",
        lambda hook: run(hook, parameters=PARAMETERS),
        lambda sdk: run_2020(sdk, node_params='{"4001":"a=1 中=\\"2\\" bizdate=$bizdate"}'),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "run an hourly node": Same(
        "RunCycleDagNodes",
        lambda hook: run(hook, HOURLY),
        lambda sdk: run_2020(sdk, HOURLY, biz_begin_time="00:00:00", biz_end_time="23:59:59"),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "run": Same(
        "GetDag",
        lambda hook: hook.get_node_run(run_id=run(hook)),
        lambda sdk: sdk.get_dag(models.GetDagRequest(dag_id=run_2020(sdk), project_env="PROD")),
    ),
    "instances of a node": Same(
        "ListInstances",
        lambda hook: hook.read_node_instances(node_id=BATCH, bizdate=DAY),
        lambda sdk: sdk.list_instances(instances_2020(node_id=BATCH)),
    ),
    "instances of a run": Same(
        "ListInstances",
        lambda hook: hook.list_node_instances_page(run_id=7, bizdate=DAY),
        lambda sdk: sdk.list_instances(instances_2020(dag_id=7)),
    ),
    "search for a run": Same(
        "ListInstances",
        lambda hook: hook.find_node_run(name=NAME, node_id=BATCH, bizdate=DAY),
        lambda sdk: sdk.list_instances(instances_2020(node_id=BATCH, order_by="CREATE_TIME_DESC")),
    ),
    "instance": Same(
        "GetInstance",
        lambda hook: hook.read_node_instance(instance_id=INSTANCE),
        lambda sdk: sdk.get_instance(models.GetInstanceRequest(instance_id=INSTANCE, project_env="PROD")),
    ),
    "log": Same(
        "GetInstanceLog",
        lambda hook: hook.get_node_instance_log(instance_id=INSTANCE),
        lambda sdk: sdk.get_instance_log(models.GetInstanceLogRequest(instance_id=INSTANCE, project_env="PROD")),
    ),
    "history": Same(
        "ListInstanceHistory",
        lambda hook: hook.get_node_instance_log(instance_id=INSTANCE, run_number=1),
        lambda sdk: sdk.list_instance_history(
            models.ListInstanceHistoryRequest(instance_id=INSTANCE, project_env="PROD")
        ),
    ),
    "stop": Same(
        "StopInstance",
        lambda hook: hook.stop_node_instance(instance_id=INSTANCE),
        lambda sdk: sdk.stop_instance(models.StopInstanceRequest(instance_id=INSTANCE, project_env="PROD")),
    ),
    "node": Same(
        "GetNode",
        lambda hook: hook.read_node(node_id=BATCH, project_env="DEV"),
        lambda sdk: sdk.get_node(models.GetNodeRequest(node_id=BATCH, project_env="DEV")),
    ),
    "node by its name": Same(
        "ListNodes",
        lambda hook: hook.find_node(node_name="orders_batch"),
        lambda sdk: sdk.list_nodes(
            models.ListNodesRequest(
                project_id=10000, project_env="PROD", node_name="orders_batch", page_number=1, page_size=100
            )
        ),
    ),
    "trigger": Same(
        "RunTriggerNode",
        lambda hook: hook.trigger_node(node_id=TRIGGER, bizdate=RECENT_DAY),
        lambda sdk: sdk.run_trigger_node(
            models.RunTriggerNodeRequest(app_id=10000, node_id=TRIGGER, cycle_time=DUE, biz_date=RECENT_MS)
        ),
    ),
}


def run_2024(sdk: Client2024, node_id: int = BATCH, **more: Any) -> str:
    dates = models_2024.CreateWorkflowInstancesRequestPeriodsBizDates(start_biz_date=DAY, end_biz_date=DAY)
    properties = models_2024.CreateWorkflowInstancesRequestDefaultRunProperties(
        mode="ManualSelection",
        root_task_ids=[node_id],
        parallelism=1,
        analysis=models_2024.CreateWorkflowInstancesRequestDefaultRunPropertiesAnalysis(blocked=False, enabled=False),
        run_policy=models_2024.CreateWorkflowInstancesRequestDefaultRunPropertiesRunPolicy(
            type="Daily", start_time="00:00:00", end_time="23:59:59", immediately=True
        ),
    )
    request = models_2024.CreateWorkflowInstancesRequest(
        project_id=10000,
        env_type="Prod",
        workflow_id=1,
        type="SupplementData",
        name=NAME,
        auto_start_enabled=True,
        periods=models_2024.CreateWorkflowInstancesRequestPeriods(biz_dates=[dates]),
        default_run_properties=properties,
        **more,
    )
    return str(sdk.create_workflow_instances(request).body.operation_id)


def made_2024(sdk: Client2024) -> models_2024.GetCreateWorkflowInstancesResultResponseBodyResult:
    request = models_2024.GetCreateWorkflowInstancesResultRequest(operation_id=run_2024(sdk))
    return sdk.get_create_workflow_instances_result(request).body.result


def instances_2024(**more: Any) -> models_2024.ListTaskInstancesRequest:
    return models_2024.ListTaskInstancesRequest(
        project_id=10000, project_env="Prod", bizdate=DAY_MS, page_number=1, page_size=500, **more
    )


CALLS_2024 = {
    "run with parameters": Same(
        "CreateWorkflowInstances",
        lambda hook: run(hook, parameters=PARAMETERS),
        lambda sdk: run_2024(sdk, task_parameters='{"4001":"a=1 中=\\"2\\" bizdate=$bizdate"}'),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "run an hourly node": Same(
        "CreateWorkflowInstances",
        lambda hook: run(hook, HOURLY),
        lambda sdk: run_2024(sdk, HOURLY),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "run": Same(
        "GetWorkflowInstance",
        lambda hook: hook.get_node_run(run_id=run(hook)),
        lambda sdk: sdk.get_workflow_instance(
            models_2024.GetWorkflowInstanceRequest(id=made_2024(sdk).workflow_instance_ids[0])
        ),
    ),
    "instances of a node": Same(
        "ListTaskInstances",
        lambda hook: hook.read_node_instances(node_id=BATCH, bizdate=DAY),
        lambda sdk: sdk.list_task_instances(instances_2024(task_id=BATCH)),
    ),
    "instances of a run": Same(
        "ListTaskInstances",
        lambda hook: hook.list_node_instances_page(run_id=7, bizdate=DAY),
        lambda sdk: sdk.list_task_instances(instances_2024(workflow_instance_id=7)),
    ),
    "instances by id": Same(
        "ListTaskInstances",
        lambda hook: hook.list_node_instances_page(bizdate=DAY, instance_ids=[INSTANCE, 7]),
        lambda sdk: sdk.list_task_instances(instances_2024(ids=[INSTANCE, 7])),
    ),
    "scheduled instances of nodes": Same(
        "ListTaskInstances",
        lambda hook: hook.list_node_instances_page(bizdate=DAY, node_ids=[BATCH, HOURLY], scheduled_only=True),
        lambda sdk: sdk.list_task_instances(instances_2024(task_ids=[BATCH, HOURLY], workflow_instance_type="Normal")),
    ),
    "search for a run": Same(
        "ListWorkflowInstances",
        lambda hook: hook.find_node_run(name=NAME, node_id=BATCH, bizdate=DAY),
        lambda sdk: sdk.list_workflow_instances(
            models_2024.ListWorkflowInstancesRequest(
                project_id=10000, biz_date=DAY_MS, env_type="Prod", name=NAME, page_number=1, page_size=100
            )
        ),
    ),
    "instance": Same(
        "GetTaskInstance",
        lambda hook: hook.read_node_instance(instance_id=INSTANCE),
        lambda sdk: sdk.get_task_instance(models_2024.GetTaskInstanceRequest(id=INSTANCE)),
    ),
    "log": Same(
        "GetTaskInstanceLog",
        lambda hook: hook.get_node_instance_log(instance_id=INSTANCE, run_number=1),
        lambda sdk: sdk.get_task_instance_log(models_2024.GetTaskInstanceLogRequest(id=INSTANCE, run_number=1)),
    ),
    "stop": Same(
        "StopTaskInstances",
        lambda hook: hook.stop_node_instance(instance_id=INSTANCE),
        lambda sdk: sdk.stop_task_instances(models_2024.StopTaskInstancesRequest(ids=[INSTANCE])),
    ),
    "node": Same(
        "GetTask",
        lambda hook: hook.read_node(node_id=BATCH, project_env="DEV"),
        lambda sdk: sdk.get_task(models_2024.GetTaskRequest(id=BATCH, project_env="Dev")),
    ),
    "node by its name": Same(
        "ListTasks",
        lambda hook: hook.find_node(node_name="orders_batch"),
        lambda sdk: sdk.list_tasks(
            models_2024.ListTasksRequest(
                project_id=10000, project_env="Prod", name="orders_batch", page_number=1, page_size=100
            )
        ),
    ),
    "trigger": Same(
        "TriggerSchedulerTaskInstance",
        lambda hook: hook.trigger_node(node_id=TRIGGER, bizdate=RECENT_DAY),
        lambda sdk: sdk.trigger_scheduler_task_instance(
            models_2024.TriggerSchedulerTaskInstanceRequest(env_type="Prod", task_id=TRIGGER, trigger_time=DUE)
        ),
    ),
}


def request_of(emulator: EmulatorControl, action: str, make: Callable[[], Any]) -> dict[str, Any]:
    """What the emulator gets for a call, with everything as it was before: an instance that runs, one that waits."""
    emulator.reset()
    emulator.settings(read_qps=0, write_qps=0, creation_seconds=0, run_seconds=60)
    emulator.add_node_instance(InstanceId=INSTANCE, NodeId=BATCH, Bizdate=DAY, Status="RUNNING")
    emulator.add_node_instance(NodeId=TRIGGER, Bizdate=RECENT_DAY, CycTime=DUE, Status="WAIT_TRIGGER")
    make()
    # A run is read when it is made, too.
    entry: dict[str, Any] = emulator.requests(action)[-1]
    assert (entry["status"], entry["code"]) == (200, None)
    return entry


def compare(emulator: EmulatorControl, same: Same, hook: DataWorksHook, sdk: Any) -> None:
    theirs = request_of(emulator, same.action, lambda: same.by_sdk(sdk))
    ours = request_of(emulator, same.action, lambda: same.by_hook(hook))

    assert differences(theirs, ours) == same.differences


@pytest.mark.parametrize("name", CALLS)
def test_same_call_is_the_same_request_in_2020(
    hook: DataWorksHook, sdk: Client, dataworks_emulator: EmulatorControl, name: str
) -> None:
    compare(dataworks_emulator, CALLS[name], hook, sdk)


@IN_2024
@pytest.mark.parametrize("name", CALLS_2024)
def test_same_call_is_the_same_request_in_2024(
    hook: DataWorksHook, sdk_2024: Client2024, dataworks_emulator: EmulatorControl, name: str
) -> None:
    compare(dataworks_emulator, CALLS_2024[name], hook, sdk_2024)


@IN_2024
def test_creation_is_polled_in_the_same_way(
    hook: DataWorksHook, sdk_2024: Client2024, dataworks_emulator: EmulatorControl
) -> None:
    action = "GetCreateWorkflowInstancesResult"
    theirs = request_of(dataworks_emulator, action, lambda: made_2024(sdk_2024))
    ours = request_of(dataworks_emulator, action, lambda: run(hook))

    # The id of the operation is another one each time, and as a query it is signed.
    theirs["query"] = ours["query"] = {"OperationId": "x"} if set(theirs["query"]) == set(ours["query"]) else {}
    assert differences(theirs, ours) == ALWAYS
    assert ours["query"]


@pytest.mark.parametrize(
    ("actions", "calls", "others"),
    [
        (NODES_2020, CALLS, {LIST_INSTANCE_HISTORY.name}),
        (NODES_2024, CALLS_2024, {NODES_2024.list_runs.name if NODES_2024.list_runs else ""}),
    ],
)
def test_every_action_on_nodes_is_compared(actions: NodeActions, calls: dict[str, Same], others: set[str]) -> None:
    values = (getattr(actions, field.name) for field in dataclasses.fields(actions))
    names = {value.name for value in values if hasattr(value, "envelope")}

    assert {same.action for same in calls.values()} == names | others
    assert GET_CREATE_WORKFLOW_INSTANCES_RESULT.name not in names


def test_both_read_the_same_instance_in_2020(
    hook: DataWorksHook, sdk: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_node_instance(InstanceId=INSTANCE, NodeId=BATCH, Bizdate=DAY, Status="FAILURE")

    theirs = sdk.get_instance(models.GetInstanceRequest(instance_id=INSTANCE, project_env="PROD")).body.data.to_map()
    ours = dict(hook.read_node_instance(instance_id=INSTANCE).fields)

    # The SDK's model leaves fields out that it does not know.
    assert {name: ours[name] for name in theirs} == theirs
    listed = sdk.list_instances(instances_2020(node_id=BATCH)).body.data.instances[0].to_map()
    (entry,) = hook.list_node_instances(node_id=BATCH, bizdate=DAY)
    assert {name: entry[name] for name in listed} == listed


@IN_2024
def test_both_read_the_same_instance_in_2024(
    hook: DataWorksHook, sdk_2024: Client2024, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_node_instance(InstanceId=INSTANCE, NodeId=BATCH, Bizdate=DAY, Status="WAIT_TIME")

    theirs = sdk_2024.get_task_instance(models_2024.GetTaskInstanceRequest(id=INSTANCE)).body.task_instance.to_map()
    ours = dict(hook.read_node_instance(instance_id=INSTANCE).fields)

    # What we give in the terms of 2020-05-18 comes on top; the word for the status is its own.
    assert (theirs["Status"], ours["Status"]) == ("WaitTime", "WAIT_TIME")
    same = {name: value for name, value in {**theirs, "Status": "WAIT_TIME"}.items() if value}
    assert {name: ours[name] for name in same} == same
    neutral = {"InstanceId": "Id", "NodeId": "TaskId", "NodeName": "TaskName", "CycTime": "TriggerTime"}
    assert {name: ours[name] for name in neutral} == {name: theirs[newer] for name, newer in neutral.items()}
