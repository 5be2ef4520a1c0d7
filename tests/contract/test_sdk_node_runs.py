"""The official SDK of 2020-05-18 runs nodes on the emulator as part of the vendor's pages says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.polling import wait_for

BATCH, HOURLY, FROZEN, DRY_RUN, FAILING = 4001, 4003, 4004, 4005, 4007
ZONE = ZoneInfo("Asia/Shanghai")
DAY = "2024-11-20 00:00:00"
DAY_MS = 1732032000000


def running(node_id: int = BATCH, **changes: Any) -> models.RunCycleDagNodesRequest:
    return models.RunCycleDagNodesRequest(
        **{
            "project_env": "PROD",
            "name": "af run 中",
            "root_node_id": node_id,
            "include_node_ids": str(node_id),
            "start_biz_date": DAY,
            "end_biz_date": DAY,
            "parallelism": False,
            "start_future_instance_immediately": True,
            **changes,
        }
    )


def run(sdk: Client, node_id: int = BATCH, **changes: Any) -> list[int]:
    body = sdk.run_cycle_dag_nodes(running(node_id, **changes)).body
    assert body.success is True
    return list(body.data)


def dag(sdk: Client, dag_id: int) -> models.GetDagResponseBodyData:
    return sdk.get_dag(models.GetDagRequest(dag_id=dag_id, project_env="PROD")).body.data


def instances(sdk: Client, **filters: Any) -> list[models.ListInstancesResponseBodyDataInstances]:
    request = models.ListInstancesRequest(project_id=10000, project_env="PROD", page_size=100, **filters)
    return list(sdk.list_instances(request).body.data.instances)


def log(sdk: Client, instance_id: int, **options: Any) -> str:
    request = models.GetInstanceLogRequest(instance_id=instance_id, project_env="PROD", **options)
    return str(sdk.get_instance_log(request).body.data)


def refused(call: Callable[[], Any], status: int, code: str) -> TeaException:
    with pytest.raises(TeaException) as raised:
        call()
    assert (raised.value.statusCode, raised.value.code) == (status, code)
    return raised.value


def test_node_runs_through_its_states_to_success(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=1)

    (dag_id,) = run(sdk, node_params='{"4001":"a=123 bizdate=$bizdate"}')

    began = dag(sdk, dag_id)
    assert (began.status, began.name, began.type, began.bizdate) == ("RUNNING", "af run 中", "SUPPLY_DATA", DAY_MS)
    (instance,) = instances(sdk, dag_id=dag_id)
    assert (instance.status, instance.node_id, instance.node_name) == ("RUNNING", BATCH, "orders_batch")
    assert (instance.task_type, instance.dag_type) == ("NORMAL(0)", "SUPPLY_DATA")
    assert (instance.param_values, instance.task_rerun_time) == ("a=123 bizdate=20241120", None)
    wait_for(lambda: dag(sdk, dag_id).status == "SUCCESS")
    ended = dag(sdk, dag_id)
    assert ended.finish_time >= ended.start_time >= ended.create_time
    got = sdk.get_instance(models.GetInstanceRequest(instance_id=instance.instance_id, project_env="PROD")).body.data
    assert (got.status, got.bizdate, got.dag_id) == ("SUCCESS", DAY_MS, dag_id)
    assert dataworks_emulator.node(BATCH)["runs"] == 1


def test_log_grows_and_ends_with_the_statistics(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_node(BATCH, run_seconds=1, records=1000, error_records=2)
    (dag_id,) = run(sdk)
    (instance,) = instances(sdk, dag_id=dag_id)

    first = log(sdk, instance.instance_id)
    assert "State: 1(SUBMIT) | Total: 0R 0B" in first
    assert "DI Finish at" not in first
    wait_for(lambda: dag(sdk, dag_id).status == "SUCCESS")

    text = log(sdk, instance.instance_id)
    assert text.startswith(first)
    assert re.findall(r"State: (\d+)\((\w+)\) \| Total: (\d+)R", text)[-1][1:] == ("SUCCESS", "1000")
    assert "Total 1000 records, 25000 bytes" in text
    assert re.search(r"读写失败总数\s*:\s*2", text)
    assert "DI Finish at            : " in text


def test_failure_is_explained_in_the_log(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    (dag_id,) = run(sdk, FAILING)

    assert dag(sdk, dag_id).status == "FAILURE"
    (instance,) = instances(sdk, dag_id=dag_id)
    text = log(sdk, instance.instance_id)
    assert re.search(r"Code:\[([^\]]+)\], ?Description:\[([^\]]*)\]", text)
    assert "orders_batch_bad" in text
    assert "State: 4(FAIL)" in text


def test_stopped_instance_fails_and_cannot_be_stopped_again(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=60, stop_seconds=0)
    (dag_id,) = run(sdk)
    (instance,) = instances(sdk, dag_id=dag_id)
    request = models.StopInstanceRequest(instance_id=instance.instance_id, project_env="PROD")

    assert sdk.stop_instance(request).body.data is True

    assert dag(sdk, dag_id).status == "FAILURE"
    assert dataworks_emulator.node(BATCH)["stops"] == 1
    refused(lambda: sdk.stop_instance(request), 400, "IncorrectInstanceStatus")
    sdk.restart_instance(models.RestartInstanceRequest(instance_id=instance.instance_id, project_env="PROD"))
    assert dag(sdk, dag_id).status == "RUNNING"


def test_business_dates_run_one_after_the_other(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=60)

    first, second = run(sdk, end_biz_date="2024-11-21 00:00:00")

    assert (dag(sdk, first).status, dag(sdk, second).status) == ("RUNNING", "CREATED")
    assert dag(sdk, first).op_seq == dag(sdk, second).op_seq
    listed = sdk.list_dags(models.ListDagsRequest(op_seq=dag(sdk, first).op_seq, project_env="PROD")).body.data.dags
    assert [each.dag_id for each in listed] == [first, second]
    dataworks_emulator.set_node_instance(instances(sdk, dag_id=first)[0].instance_id, Status="FAILURE")
    assert (dag(sdk, first).status, dag(sdk, second).status) == ("FAILURE", "CREATED")
    dataworks_emulator.set_node_instance(instances(sdk, dag_id=first)[0].instance_id, Status="SUCCESS")
    assert dag(sdk, second).status == "RUNNING"


def test_automatic_rerun_follows_a_failure(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_node(BATCH, run_seconds=0, failing_runs=1, rerun_times=1, rerun_seconds=1)
    (dag_id,) = run(sdk)

    (instance,) = instances(sdk, dag_id=dag_id)
    assert (instance.status, instance.task_rerun_time) == ("FAILURE", 1)
    assert dag(sdk, dag_id).status == "FAILURE"
    wait_for(lambda: dag(sdk, dag_id).status == "SUCCESS")
    (instance,) = instances(sdk, dag_id=dag_id)
    assert (instance.status, instance.task_rerun_time) == ("SUCCESS", 0)
    past = sdk.list_instance_history(
        models.ListInstanceHistoryRequest(instance_id=instance.instance_id, project_env="PROD")
    ).body.instances
    assert [each.status for each in past] == ["FAILURE"]
    assert "4(FAIL)" in log(sdk, instance.instance_id, instance_history_id=past[0].instance_history_id)
    assert "4(FAIL)" not in log(sdk, instance.instance_id)


@pytest.mark.parametrize(
    ("node_id", "status", "task_type"), [(FROZEN, "FAILURE", "PAUSE(2)"), (DRY_RUN, "SUCCESS", "SKIP(3)")]
)
def test_frozen_and_dry_run_nodes_end_without_work(sdk: Client, node_id: int, status: str, task_type: str) -> None:
    (dag_id,) = run(sdk, node_id)

    (instance,) = instances(sdk, dag_id=dag_id)
    assert (dag(sdk, dag_id).status, instance.status, instance.task_type) == (status, status, task_type)
    assert log(sdk, instance.instance_id) == ""


def test_instance_that_is_not_due_waits_unless_it_is_told_to_run(sdk: Client) -> None:
    ahead = datetime.now(ZONE).date() + timedelta(days=3)
    dates: dict[str, Any] = {"start_biz_date": f"{ahead} 00:00:00", "end_biz_date": f"{ahead} 00:00:00"}

    (waiting,) = run(sdk, start_future_instance_immediately=False, **dates)
    (at_once,) = run(sdk, **dates)

    assert instances(sdk, dag_id=waiting)[0].status == "WAIT_TIME"
    assert instances(sdk, dag_id=at_once)[0].status == "RUNNING"


def test_cycles_of_an_hourly_node_are_selected_by_time(sdk: Client) -> None:
    refused(lambda: run(sdk, HOURLY), 400, "MissingBizBeginTime")

    (dag_id,) = run(sdk, HOURLY, biz_begin_time="01:00:00", biz_end_time="03:59:59")

    assert [each.cyc_time for each in reversed(instances(sdk, dag_id=dag_id))] == [
        DAY_MS + (24 + hour) * 3600_000 for hour in (1, 2, 3)
    ]


def test_run_shows_late_in_lists_but_not_by_its_id(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(list_lag_seconds=1)

    (dag_id,) = run(sdk)

    assert instances(sdk, dag_id=dag_id) == []
    assert dag(sdk, dag_id).name == "af run 中"
    wait_for(lambda: len(instances(sdk, node_id=BATCH, bizdate=DAY)) == 1)


def test_run_is_found_by_node_and_date_after_a_lost_answer(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", action="RunCycleDagNodes", effect="after")
    with pytest.raises(TeaException):
        run(sdk, name="mine")

    (instance,) = instances(sdk, node_id=BATCH, bizdate=DAY, order_by="CREATE_TIME_DESC")

    assert dag(sdk, instance.dag_id).name == "mine"
    assert [each["Name"] for each in dataworks_emulator.node_runs(BATCH)] == ["mine"]


def test_smoke_test_runs_a_node_too(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(edition="basic", run_seconds=0, total_qps=0)
    request = models.RunSmokeTestRequest(
        project_env="PROD", name="test", node_id=BATCH, bizdate=DAY, node_params='{"4001":"x=1"}'
    )

    dag_id = sdk.run_smoke_test(request).body.data

    assert (dag(sdk, dag_id).type, dag(sdk, dag_id).status) == ("SMOKE_TEST", "SUCCESS")
    assert instances(sdk, dag_id=dag_id)[0].param_values == "x=1"
    refused(lambda: run(sdk), 403, "Forbidden.Access")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": "x" * 129}, 400, "InvalidParameter"),
        ({"name": None}, 400, "MissingName"),
        ({"parallelism": None}, 400, "MissingParallelism"),
        ({"start_biz_date": "2024-11-20"}, 400, "InvalidParameter"),
        ({"start_biz_date": "2024-11-21 00:00:00"}, 400, "InvalidParameter"),
        ({"include_node_ids": "4002"}, 400, "InvalidParameter"),
        ({"include_node_ids": "[4001]"}, 400, "InvalidParameter"),
        ({"node_params": "a=1"}, 400, "InvalidParameter"),
        ({"concurrent_runs": 11}, 400, "InvalidParameter"),
        ({"biz_begin_time": "05:00:00", "biz_end_time": "04:00:00"}, 400, "InvalidParameter"),
        ({"project_env": "Prod"}, 400, "InvalidParameter"),
        ({"root_node_id": 999, "include_node_ids": "999"}, 404, "InvalidNodeId.NotFound"),
    ],
)
def test_wrong_run_is_refused_and_runs_nothing(
    sdk: Client, dataworks_emulator: EmulatorControl, changes: dict[str, Any], status: int, code: str
) -> None:
    refused(lambda: run(sdk, **changes), status, code)

    assert dataworks_emulator.node_runs() == []


def test_unknown_ids_are_refused(sdk: Client) -> None:
    refused(lambda: dag(sdk, 5), 404, "InvalidDagId.NotFound")
    refused(lambda: log(sdk, 5), 404, "InvalidInstanceId.NotFound")
    (dag_id,) = run(sdk)
    refused(lambda: sdk.get_dag(models.GetDagRequest(dag_id=dag_id, project_env="DEV")), 404, "InvalidDagId.NotFound")


# What DataWorks schedules


def test_nightly_node_has_an_instance_of_each_recent_date(sdk: Client) -> None:
    day = datetime.now(ZONE).date() - timedelta(days=3)

    (instance,) = instances(sdk, node_id=4002, bizdate=f"{day} 00:00:00")

    assert (instance.status, instance.dag_type, instance.task_type) == ("SUCCESS", "DAILY", "NORMAL(0)")
    begins = datetime.combine(day, datetime.min.time(), ZONE).timestamp()
    assert instance.cyc_time == (begins + 86400 + 300) * 1000
    assert "SUCCESS" in log(sdk, instance.instance_id)
    assert instances(sdk, node_id=4002, bizdate=f"{day} 00:00:00")[0].instance_id == instance.instance_id
    assert instances(sdk, node_id=4002, bizdate=f"{day + timedelta(days=9)} 00:00:00") == []
    refused(lambda: dag(sdk, instance.dag_id), 404, "InvalidDagId.NotFound")


def test_hourly_node_has_24_instances_a_date(sdk: Client) -> None:
    day = datetime.now(ZONE).date() - timedelta(days=3)

    found = instances(sdk, node_id=HOURLY, bizdate=f"{day} 00:00:00")

    assert len(found) == 24
    assert {each.status for each in found} == {"SUCCESS"}


def test_added_instance_appears_and_runs_by_the_clock(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    node = dataworks_emulator.add_node(NodeName="own", run_seconds=0)
    added = dataworks_emulator.add_node_instance(NodeId=node["NodeId"], Bizdate="2024-11-20", shown_after_seconds=1)

    assert instances(sdk, node_id=node["NodeId"]) == []
    wait_for(lambda: [each.status for each in instances(sdk, node_id=node["NodeId"])] == ["SUCCESS"])
    assert instances(sdk, bizdate=DAY)[0].instance_id == added["InstanceId"]


def test_instance_can_be_moved(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    added = dataworks_emulator.add_node_instance(NodeId=BATCH, Bizdate="2024-11-20", Status="WAIT_TIME")
    instance_id = added["InstanceId"]
    for status in ("RUNNING", "FAILURE", "SUCCESS"):
        dataworks_emulator.set_node_instance(instance_id, Status=status)
        assert [each.status for each in instances(sdk, bizdate=DAY)] == [status]
    dataworks_emulator.set_node_instance(instance_id, log="\x1b[31mhostile\r")

    assert log(sdk, instance_id) == "\x1b[31mhostile\r"
    assert instances(sdk, bizdate=DAY)[0].finish_time
    with pytest.raises(ValueError, match="no node 5"):
        dataworks_emulator.add_node_instance(NodeId=5)


def test_trigger_node_waits_until_it_is_fired_once(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    day = datetime.now(ZONE).date() - timedelta(days=3)
    (instance,) = instances(sdk, node_id=4006, bizdate=f"{day} 00:00:00")
    assert instance.status == "WAIT_TRIGGER"
    request = models.RunTriggerNodeRequest(
        app_id=10000, node_id=4006, cycle_time=instance.cyc_time, biz_date=instance.bizdate
    )

    assert sdk.run_trigger_node(request).body.success is True

    (instance,) = instances(sdk, node_id=4006, bizdate=f"{day} 00:00:00")
    assert instance.status == "SUCCESS"
    refused(lambda: sdk.run_trigger_node(request), 400, "InvalidParameter")


def test_node_is_found_by_part_of_its_name(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    request = models.ListNodesRequest(project_id=10000, project_env="PROD", node_name="orders_batch")

    nodes = sdk.list_nodes(request).body.data.nodes

    assert [(node.node_id, node.node_name) for node in nodes] == [(4001, "orders_batch"), (4007, "orders_batch_bad")]
    one = sdk.get_node(models.GetNodeRequest(node_id=BATCH, project_env="PROD")).body.data
    assert (one.param_values, one.scheduler_type, one.cron_express) == ("bizdate=$bizdate", "NORMAL", "00 05 00 * * ?")
    refused(lambda: sdk.get_node(models.GetNodeRequest(node_id=5, project_env="PROD")), 404, "InvalidNodeId.NotFound")


@pytest.mark.parametrize(
    ("fault", "runs"),
    [
        ({"kind": "reset"}, 0),
        ({"kind": "throttle"}, 0),
        ({"kind": "reset", "effect": "after"}, 1),
        ({"kind": "error", "effect": "after"}, 1),
        ({"kind": "html", "effect": "after"}, 1),
        ({"kind": "cut", "effect": "after"}, 1),
        ({"kind": "late", "seconds": 0.1, "reset": True}, 1),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_lost_answer_of_a_run_leaves_one_run_or_none(
    sdk: Client, dataworks_emulator: EmulatorControl, fault: dict[str, Any], runs: int
) -> None:
    dataworks_emulator.add_fault(action="RunCycleDagNodes", **fault)

    with pytest.raises(Exception):  # noqa: B017, PT011 - which one is the SDK's affair
        run(sdk)

    wait_for(lambda: len(dataworks_emulator.node_runs(BATCH)) == runs)
    assert len(run(sdk)) == 1
    assert len(dataworks_emulator.node_runs(BATCH)) == runs + 1
