"""Batch nodes are run once, read and stopped by the hook, the same in both API versions."""

from __future__ import annotations

import json
import time
from datetime import date, datetime, timezone
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import NodeRun
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import hook_for
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS, V2020, V2024, sent

BATCH, HOURLY, FROZEN, DRY_RUN, FAILING = 4001, 4003, 4004, 4005, 4007
DAY = "2024-11-20"
DAY_MS = 1732032000000
RUNS = {V2020: "RunCycleDagNodes", V2024: "CreateWorkflowInstances"}


@pytest.fixture(autouse=True)
def _at_once(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(creation_seconds=0, run_seconds=60, stop_seconds=0)


def run(hook: DataWorksHook, node_id: int = BATCH, **changes: Any) -> NodeRun:
    return hook.run_node(**{"node_id": node_id, "bizdate": DAY, "name": "af nightly", **changes})


def actions_of(emulator: EmulatorControl) -> list[str]:
    return [entry["action"] for entry in emulator.requests()]


@IN_BOTH_VERSIONS
def test_node_is_run_once_for_its_date(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    made = run(hook, parameters={"hour": 3})

    (known,) = dataworks_emulator.node_runs(BATCH)
    assert (made.run_id, made.name, made.bizdate) == (known["DagId"], "af nightly", DAY)
    assert (known["Name"], known["Bizdate"], known["ProjectEnv"]) == ("af nightly", DAY, "PROD")
    assert known["parameters"] == {str(BATCH): "bizdate=$bizdate hour=3"}
    (instance,) = hook.read_node_instances(run_id=made.run_id, bizdate=DAY)
    assert (instance.node_id, instance.node_name, instance.run_id) == (BATCH, "orders_batch", made.run_id)
    assert (instance.status, instance.bizdate, instance.recurrence) == ("RUNNING", DAY, "NORMAL")
    assert instance.scheduled is False


@IN_BOTH_VERSIONS
def test_run_of_the_same_name_is_taken_and_none_is_made(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    first = run(hook)

    assert run(hook).run_id == first.run_id
    assert len(dataworks_emulator.node_runs(BATCH)) == 1
    assert run(hook, name="af nightly 2").run_id != first.run_id
    assert run(hook, bizdate="2024-11-21").run_id != first.run_id
    assert len(dataworks_emulator.node_runs(BATCH)) == 3


@IN_BOTH_VERSIONS
def test_run_of_the_same_name_of_another_node_is_not_taken(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    other = run(hook, FAILING)

    assert hook.find_node_run(name="af nightly", node_id=BATCH, bizdate=DAY) is None
    assert run(hook).run_id != other.run_id
    assert len(dataworks_emulator.node_runs(BATCH)) == 1


@IN_BOTH_VERSIONS
def test_run_is_found_by_its_exact_name(hook: DataWorksHook) -> None:
    longer = run(hook, name="af nightly, again")
    assert hook.find_node_run(name="af nightly", node_id=BATCH, bizdate=DAY) is None

    made = run(hook)

    found = hook.find_node_run(name="af nightly", node_id=str(BATCH), bizdate=date(2024, 11, 20))
    assert found is not None
    assert (found.run_id, found.name, found.bizdate, found.status) == (made.run_id, "af nightly", DAY, "RUNNING")
    again = hook.find_node_run(name="af nightly, again", node_id=BATCH, bizdate="20241120")
    assert again is not None
    assert again.run_id == longer.run_id
    assert hook.find_node_run(name="af nightly", node_id=BATCH, bizdate="2024-11-19") is None


@IN_BOTH_VERSIONS
def test_newest_of_several_runs_of_a_name_is_found(hook: DataWorksHook) -> None:
    run(hook)
    newer = run(hook, look_first=False)

    found = hook.find_node_run(name="af nightly", node_id=BATCH, bizdate=DAY)

    assert found is not None
    assert found.run_id == newer.run_id


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(("node_id", "status"), [(BATCH, "SUCCESS"), (FAILING, "FAILURE")])
def test_run_and_instance_say_how_they_ended(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, node_id: int, status: str
) -> None:
    dataworks_emulator.settings(run_seconds=0)
    made = run(hook, node_id)

    ended = hook.get_node_run(run_id=made.run_id)

    assert (ended.run_id, ended.name, ended.bizdate, ended.status) == (made.run_id, "af nightly", DAY, status)
    (instance,) = hook.read_node_instances(run_id=made.run_id, bizdate=DAY)
    assert hook.read_node_instance(instance_id=instance.id) == instance
    assert instance.status == status
    assert instance.started_time is not None
    assert instance.finished_time is not None
    assert time.time() - 60 < instance.started_time <= instance.finished_time <= time.time() + 60


@IN_BOTH_VERSIONS
def test_run_that_has_not_begun_is_not_run(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    status = "NotRun" if hook.settings.api_version == V2024 else "CREATED"
    entry = {"DagId": 7, "Id": 7, "Name": "x", "Bizdate": DAY_MS, "BizDate": DAY_MS, "Status": status}
    dataworks_emulator.add_fault(kind="body", body={"Success": True, "Data": entry, "WorkflowInstance": entry})

    assert hook.get_node_run(run_id=7) == NodeRun(7, "x", DAY, "NOT_RUN")


@IN_BOTH_VERSIONS
def test_log_is_read(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    dataworks_emulator.set_node(FAILING, rerun_times=1, rerun_seconds=0)
    (instance,) = hook.read_node_instances(run_id=run(hook, FAILING).run_id, bizdate=DAY)

    log = hook.get_node_instance_log(instance_id=instance.id)

    assert "orders_batch_bad" in log
    assert "DI Finish at" in log
    assert hook.get_node_instance_log(instance_id=instance.id, run_number=2) == log
    assert "State: 4(FAIL)" in hook.get_node_instance_log(instance_id=instance.id, run_number="1")
    dataworks_emulator.settings(logs_purged=True)
    assert hook.get_node_instance_log(instance_id=instance.id) == ""


@IN_BOTH_VERSIONS
def test_instance_is_stopped_and_one_that_has_ended_stays_as_it_is(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    (instance,) = hook.read_node_instances(run_id=run(hook).run_id, bizdate=DAY)

    hook.stop_node_instance(instance_id=instance.id)

    assert hook.read_node_instance(instance_id=instance.id).status == "FAILURE"
    assert dataworks_emulator.node(BATCH)["stops"] == 1
    hook.stop_node_instance(instance_id=str(instance.id), project_env="prod")
    assert dataworks_emulator.node(BATCH)["stops"] == 1


@IN_BOTH_VERSIONS
def test_instance_that_cannot_be_stopped_is_an_error(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    waiting = dataworks_emulator.add_node_instance(NodeId=BATCH, Bizdate=DAY, Status="NOT_RUN")["InstanceId"]

    with pytest.raises(DataWorksPermanentError, match="status of the") as raised:
        hook.stop_node_instance(instance_id=waiting)

    assert not isinstance(raised.value, DataWorksNotFoundError)
    with pytest.raises(DataWorksPermanentError, match="does not exist"):
        hook.stop_node_instance(instance_id=5)


@IN_2024
def test_result_of_a_stop_counts_whatever_the_http_status(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    (instance,) = hook.read_node_instances(run_id=run(hook).run_id, bizdate=DAY)
    results = {str(instance.id): {"Success": False, "Message": "No permission\non the task"}}
    dataworks_emulator.add_fault(action="StopTaskInstances", kind="body", body={"SuccessInfo": results})

    with pytest.raises(DataWorksPermanentError, match="No permission on the task"):
        hook.stop_node_instance(instance_id=instance.id)

    dataworks_emulator.add_fault(action="StopTaskInstances", kind="body", body={"SuccessInfo": {}})
    with pytest.raises(DataWorksPermanentError, match="SuccessInfo is empty"):
        hook.stop_node_instance(instance_id=instance.id)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "reset", "effect": "after"},
        {"kind": "error", "effect": "after"},
        {"kind": "cut", "effect": "after"},
        {"kind": "html", "effect": "after"},
        {"kind": "throttle"},
        {"kind": "late", "seconds": 0.1, "reset": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_run_with_a_lost_answer_is_one_run_or_none_and_said_to_be_unknown(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, fault: dict[str, Any]
) -> None:
    dataworks_emulator.add_fault(action=RUNS[hook.settings.api_version], **fault)
    hook.client.sleep = lambda seconds: time.sleep(0.05)
    executed = fault.get("effect") == "after" or fault["kind"] == "late"

    if executed or fault["kind"] == "throttle":
        made = run(hook)
        assert [known["DagId"] for known in dataworks_emulator.node_runs(BATCH)] == [made.run_id]
    else:
        with pytest.raises(DataWorksTransientError, match=r"^It may have started") as raised:
            run(hook)
        assert raised.value.outcome_unknown
        assert dataworks_emulator.node_runs(BATCH) == []
    assert actions_of(dataworks_emulator).count(RUNS[hook.settings.api_version]) == 1 + (fault["kind"] == "throttle")


@pytest.mark.waits
@IN_BOTH_VERSIONS
def test_run_that_shows_late_is_found(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(list_lag_seconds=0.4)
    dataworks_emulator.add_fault(action=RUNS[hook.settings.api_version], kind="reset", effect="after")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            time.sleep(0.5)

    hook.client.sleep = sleep
    made = run(hook)

    assert [known["DagId"] for known in dataworks_emulator.node_runs(BATCH)] == [made.run_id]
    assert 10 <= sum(slept) <= 30


@pytest.mark.waits
@IN_BOTH_VERSIONS
def test_retry_takes_a_run_that_shows_only_after_the_call_has_given_up(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(list_lag_seconds=0.3)
    dataworks_emulator.add_fault(action=RUNS[hook.settings.api_version], kind="reset", effect="after")
    with pytest.raises(DataWorksTransientError, match=r"^It may have started"):
        run(hook)
    time.sleep(0.35)

    made = run(hook)

    assert [known["DagId"] for known in dataworks_emulator.node_runs(BATCH)] == [made.run_id]


@IN_BOTH_VERSIONS
def test_run_whose_trace_cannot_be_read_is_not_sent_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    version = hook.settings.api_version
    dataworks_emulator.add_fault(action=RUNS[version], kind="reset", effect="after")
    lists = {V2020: "ListInstances", V2024: "ListWorkflowInstances"}
    dataworks_emulator.add_fault(action=lists[version], kind="error", count=-1, skip=1)

    with pytest.raises(DataWorksTransientError, match=r"^It may have started") as raised:
        run(hook)

    assert raised.value.outcome_unknown
    assert len(dataworks_emulator.node_runs(BATCH)) == 1


@IN_2024
@pytest.mark.parametrize(
    "body", [None, {"Result": {"Status": "Created"}}, {"Result": {"Status": "Created", "WorkflowInstanceIds": []}}]
)
def test_run_whose_operation_cannot_be_read_is_found_by_its_name(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, body: dict[str, Any] | None
) -> None:
    fault: dict[str, Any] = {"kind": "error"} if body is None else {"kind": "body", "body": body}
    dataworks_emulator.add_fault(action="GetCreateWorkflowInstancesResult", count=-1, **fault)

    made = run(hook)

    assert [known["DagId"] for known in dataworks_emulator.node_runs(BATCH)] == [made.run_id]


@IN_2024
def test_creation_is_polled_to_its_end(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(creation_seconds=0.3)
    hook.client.sleep = lambda seconds: time.sleep(0.1)

    made = run(hook)

    assert [known["DagId"] for known in dataworks_emulator.node_runs(BATCH)] == [made.run_id]
    assert actions_of(dataworks_emulator).count("GetCreateWorkflowInstancesResult") > 1


@pytest.mark.waits
@IN_2024
def test_creation_that_never_ends_may_have_started(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(creation_seconds=3600)

    with pytest.raises(DataWorksTransientError, match=r"^It may have started.*still being created after 300 s"):
        run(hook)


@IN_2024
def test_creation_that_fails_says_why(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_node(BATCH, creation_failure="Invalid Param\nxxx")

    with pytest.raises(DataWorksPermanentError, match=r"could not create the run: Invalid Param xxx\.") as raised:
        run(hook)

    assert raised.value.request_id
    assert raised.value.project_id == 10000


@IN_BOTH_VERSIONS
def test_unknown_node_is_not_found(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksNotFoundError, match="There is no such node"):
        run(hook, 5)


@IN_BOTH_VERSIONS
def test_unknown_run_and_instance_are_not_found(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksNotFoundError, match="There is no such run"):
        hook.get_node_run(run_id=5)
    with pytest.raises(DataWorksNotFoundError, match="There is no such instance"):
        hook.read_node_instance(instance_id=5)
    with pytest.raises(DataWorksNotFoundError, match="There is no such instance"):
        hook.get_node_instance_log(instance_id=5)


def test_edition_that_runs_no_nodes_says_what_does(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(edition="standard")

    with pytest.raises(DataWorksPermanentError, match=r"^Running nodes needs Enterprise Edition or above") as raised:
        run(hook)

    assert "With api_version 2024-05-18 on the connection, every edition runs nodes." in str(raised.value)
    assert raised.value.code == "Forbidden.Access"
    dataworks_emulator.settings(edition="enterprise")
    dataworks_emulator.add_fault(
        action="RunCycleDagNodes", kind="error", status=403, code="Forbidden.Access", message="No."
    )
    with pytest.raises(DataWorksPermanentError, match=r"Enterprise Edition.* RunCycleDagNodes failed: No\."):
        run(hook)


@IN_2024
def test_every_edition_runs_nodes_in_2024(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(edition="basic", read_qps=0, write_qps=0, total_qps=0)

    assert run(hook).run_id == dataworks_emulator.node_runs(BATCH)[0]["DagId"]


@IN_BOTH_VERSIONS
def test_hourly_node_is_run_for_all_hours_of_the_day(hook: DataWorksHook) -> None:
    made = run(hook, HOURLY)

    instances = hook.read_node_instances(run_id=made.run_id, bizdate=DAY)

    assert len(instances) == 24
    assert len({instance.fields["CycTime"] for instance in instances}) == 24
    assert [each["InstanceId"] for each in hook.list_node_instances(run_id=made.run_id, bizdate=DAY, page_size=7)] == [
        instance.id for instance in instances
    ]


@IN_BOTH_VERSIONS
def test_node_runs_in_the_development_environment(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    made = run(hook, project_env="dev")

    (known,) = dataworks_emulator.node_runs(BATCH)
    assert known["ProjectEnv"] == "DEV"
    assert hook.find_node_run(name="af nightly", node_id=BATCH, bizdate=DAY) is None
    found = hook.find_node_run(name="af nightly", node_id=BATCH, bizdate=DAY, project_env="Dev")
    assert found is not None
    assert found.run_id == made.run_id
    assert len(hook.read_node_instances(run_id=made.run_id, project_env="DEV")) == 1


@IN_BOTH_VERSIONS
def test_instances_are_listed_with_the_same_names_in_both_versions(hook: DataWorksHook) -> None:
    made = run(hook)

    (entry,) = hook.list_node_instances(node_id=BATCH, bizdate=date(2024, 11, 20))

    facts = ("NodeId", "NodeName", "Bizdate", "Status", "DagId")
    assert [entry[name] for name in facts] == [BATCH, "orders_batch", DAY_MS, "RUNNING", made.run_id]
    assert type(entry["InstanceId"]) is int
    assert next(iter(hook.list_node_instances(run_id=made.run_id))) == entry


@IN_2024
def test_instances_of_no_date_are_refused_where_the_api_lists_one(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksParameterError, match="bizdate: is missing"):
        hook.list_node_instances(node_id=BATCH)


@IN_BOTH_VERSIONS
def test_instances_are_read_by_their_ids_and_by_who_made_them(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    for name in ("a", "b", "c"):
        run(hook, name=name)
    by_schedule = dataworks_emulator.add_node_instance(NodeId=BATCH, Bizdate=DAY, Status="SUCCESS")["InstanceId"]
    ids = [instance.id for instance in hook.read_node_instances(node_id=BATCH, bizdate=DAY)]
    assert len(ids) == 4

    some = hook.read_node_instances(bizdate=DAY, instance_ids=ids[1:3])
    scheduled = hook.read_node_instances(bizdate=DAY, node_id=BATCH, scheduled_only=True)
    page = hook.list_node_instances_page(bizdate=DAY, instance_ids=[str(ids[0])], page_size=50)
    of_node = hook.list_node_instances_page(bizdate=DAY, node_ids=[FAILING, BATCH], scheduled_only=True)

    assert [instance.id for instance in some] == ids[1:3]
    assert [instance.id for instance in scheduled] == [by_schedule]
    assert [instance.id for instance in page.instances] == ids[:1]
    assert [instance.id for instance in of_node.instances] == [by_schedule]
    with pytest.raises(DataWorksParameterError, match="instance_ids: must have at least one id"):
        hook.read_node_instances(bizdate=DAY, instance_ids=[])
    with pytest.raises(DataWorksParameterError, match="at most 500 ids, not 501"):
        hook.list_node_instances_page(bizdate=DAY, instance_ids=range(1, 502))


@IN_2024
def test_five_hundred_instances_are_read_in_one_request(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    hook.read_node_instances(bizdate=DAY, instance_ids=range(1, 502))

    asked = [sent(entry)["Ids"] for entry in dataworks_emulator.requests()]
    assert [len(json.loads(ids)) for ids in asked] == [500, 1]


@IN_BOTH_VERSIONS
def test_recurrence_and_reruns_of_instances_are_read(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_node(BATCH, rerun_times=2)
    recurrences = {}
    for node_id in (BATCH, FROZEN, DRY_RUN):
        (instance,) = hook.read_node_instances(run_id=run(hook, node_id).run_id, bizdate=DAY)
        recurrences[node_id] = (instance.recurrence, instance.status)
    assert recurrences == {
        BATCH: ("NORMAL", "RUNNING"),
        FROZEN: ("PAUSE", "FAILURE"),
        DRY_RUN: ("SKIP", "SUCCESS"),
    }
    dataworks_emulator.settings(numbered_task_types=False)
    (instance,) = hook.read_node_instances(node_id=BATCH, bizdate=DAY)
    in_2024 = hook.settings.api_version == V2024
    assert (instance.recurrence, instance.reruns_left, instance.run_number) == (
        "NORMAL",
        None if in_2024 else 2,
        1 if in_2024 else None,
    )
    node = hook.read_node(node_id=BATCH)
    assert (node.reruns, node.recurrence, node.hourly) == (2 if in_2024 else None, "NORMAL", False)
    assert hook.read_node(node_id=FROZEN).recurrence == "PAUSE"
    assert hook.read_node(node_id=HOURLY).hourly is True


@IN_BOTH_VERSIONS
def test_node_is_read_and_belongs_to_its_workspace(hook: DataWorksHook) -> None:
    node = hook.read_node(node_id=BATCH, project_id=10000)

    assert (node.id, node.name, node.parameters) == (BATCH, "orders_batch", "bizdate=$bizdate")
    assert (node.fields["NodeId"], node.fields["NodeName"]) == (BATCH, "orders_batch")
    with pytest.raises(DataWorksNotFoundError, match="Workspace 10001 has no node with id 4001"):
        hook.read_node(node_id=BATCH, project_id=10001)


@IN_BOTH_VERSIONS
def test_nodes_of_an_environment_are_listed(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    draft = dataworks_emulator.add_node(NodeName="orders_draft", environments=["DEV"])["NodeId"]

    deployed = {node["NodeId"]: node["NodeName"] for node in hook.list_nodes()}
    assert (deployed[BATCH], len(deployed), draft in deployed) == ("orders_batch", 7, False)
    assert draft in {node["NodeId"] for node in hook.list_nodes(project_env="dev")}
    assert [node["NodeName"] for node in hook.list_nodes(node_name="hourly")] == ["orders_hourly"]
    with pytest.raises(DataWorksPermanentError, match="check project_id"):
        list(hook.list_nodes(project_id=777))


@IN_BOTH_VERSIONS
def test_node_is_found_by_its_exact_name(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    found = hook.find_node(node_name="orders_batch")

    assert (found["NodeId"], found["NodeName"]) == (BATCH, "orders_batch")
    with pytest.raises(DataWorksNotFoundError, match=r"There is no such node.*named 'orders_bat' in PROD"):
        hook.find_node(node_name="orders_bat")
    twin = dataworks_emulator.add_node(NodeName="orders_batch")["NodeId"]
    with pytest.raises(DataWorksParameterError, match=rf"2 nodes have this name: give node_id \({BATCH}, {twin}\)"):
        hook.find_node(node_name="orders_batch")


@IN_BOTH_VERSIONS
def test_node_is_found_by_its_file(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    in_2024 = hook.settings.api_version == V2024
    file_id = dataworks_emulator.node(BATCH)["Id" if in_2024 else "FileId"]

    assert hook.find_node(file_id=file_id)["NodeId"] == BATCH
    assert hook.find_node(file_id=str(file_id), project_env="DEV")["NodeName"] == "orders_batch"


@IN_BOTH_VERSIONS
def test_file_that_is_not_deployed_says_so(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    entry: dict[str, Any] = {"Data": {"File": {"FileName": "draft", "NodeId": None}}, "Node": {"Id": "7", "Name": "x"}}
    dataworks_emulator.add_fault(kind="body", body=entry)

    with pytest.raises(DataWorksNotFoundError, match="It is not deployed yet: deploy file 7"):
        hook.find_node(file_id=7)
    with pytest.raises(DataWorksNotFoundError, match=r"There is no such (file|node)"):
        hook.find_node(file_id=7)
    for name, number in ((None, None), ("orders_batch", 7)):
        with pytest.raises(DataWorksParameterError, match="exactly one of node_name and file_id"):
            hook.find_node(node_name=name, file_id=number)


@pytest.mark.parametrize(
    ("zone", "region", "milliseconds"),
    [
        (None, "cn-shanghai", DAY_MS),
        (None, "cn-hongkong", DAY_MS),
        (None, "ap-northeast-1", DAY_MS - 3_600_000),
        (None, "us-west-1", DAY_MS + 16 * 3_600_000),
        ("Asia/Kolkata", "cn-shanghai", DAY_MS + 9_000_000),
    ],
)
def test_business_date_begins_at_midnight_of_the_time_zone(
    dataworks_emulator: EmulatorControl,
    monkeypatch: pytest.MonkeyPatch,
    zone: str | None,
    region: str,
    milliseconds: int,
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch, api_version=V2024, region_id=region, time_zone=zone)
    dataworks_emulator.settings(time_zone=hook.settings.time_zone)

    made = run(hook)

    (instance,) = hook.read_node_instances(run_id=made.run_id, bizdate=DAY)
    assert (instance.bizdate, instance.fields["Bizdate"]) == (DAY, milliseconds)
    assert hook.get_node_run(run_id=made.run_id).bizdate == DAY
    found = hook.find_node_run(name="af nightly", node_id=BATCH, bizdate=DAY)
    assert found is not None
    assert found.run_id == made.run_id
    hook.close()


@pytest.mark.parametrize("zone", ["Nowhere/Atlantis", "../etc/passwd", "Asia", 8, "+08:00"])
def test_time_zone_that_does_not_exist_is_refused(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, zone: object
) -> None:
    with pytest.raises(DataWorksParameterError, match="field time_zone: must be the IANA name of a time zone"):
        hook_for(dataworks_emulator, monkeypatch, time_zone=zone)


@pytest.mark.parametrize(
    "given",
    [
        DAY,
        "20241120",
        date(2024, 11, 20),
        datetime(2024, 11, 20, 23, 59, tzinfo=timezone.utc),
        "2024-11-20T23:59:00+00:00",
        "2024-11-20 00:00:00.123456+08:00",
        " 2024-11-20 ",
    ],
)
def test_business_date_is_taken_however_it_is_written(hook: DataWorksHook, given: Any) -> None:
    assert run(hook, bizdate=given).bizdate == DAY


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"bizdate": "2024-13-20"}, "bizdate: must be a date"),
        ({"bizdate": 20241120}, "bizdate: must be a date"),
        ({"bizdate": "2024-11"}, "bizdate: must be a date"),
        ({"bizdate": None}, "bizdate: must be a date"),
        ({"name": "x" * 129}, "name: must have at most 128 characters, not 129"),
        ({"name": " "}, "name: must be a string"),
        ({"project_env": "TEST"}, "project_env: must be one of PROD, DEV"),
        ({"node_id": 0}, "node_id: must be"),
        ({"parameters": 7}, "parameters: must be a dict"),
        ({"parameters": ["a=1"]}, "parameters: must be a dict"),
    ],
)
def test_argument_that_cannot_be_used_is_refused_without_a_request(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(DataWorksParameterError, match=problem):
        run(hook, **arguments)

    assert dataworks_emulator.requests() == []


@IN_2024
def test_time_zone_with_which_no_run_is_found_is_an_error_that_no_retry_follows(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(time_zone="Asia/Tokyo")

    with pytest.raises(DataWorksPermanentError, match=r"^The workspace has another time zone") as raised:
        run(hook)

    (known,) = dataworks_emulator.node_runs(BATCH)
    assert (
        f"begins at 2024-11-19T15:00:00Z there, which is not midnight in Asia/Shanghai. The run {known['DagId']}"
        in (str(raised.value))
    )
    assert not raised.value.outcome_unknown


@IN_2024
def test_run_whose_time_zone_cannot_be_read_is_a_run(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault(action="GetWorkflowInstance", kind="error", count=-1)

    assert run(hook).run_id == dataworks_emulator.node_runs(BATCH)[0]["DagId"]


@IN_2024
def test_further_key_of_the_periods_is_sent_once_the_service_wants_it(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    refusal: dict[str, Any] = {
        "kind": "error",
        "status": 400,
        "code": "InvalidParameter",
        "message": "BizdateIntervals not set",
    }
    dataworks_emulator.add_fault(action="CreateWorkflowInstances", **refusal)

    made = run(hook)

    assert [known["DagId"] for known in dataworks_emulator.node_runs(BATCH)] == [made.run_id]
    first, second = (json.loads(sent(entry)["Periods"]) for entry in dataworks_emulator.requests(RUNS[V2024]))
    moment = f"{DAY} 00:00:00"
    assert second == {**first, "BizdateIntervals": [{"StartDate": moment, "EndDate": moment}]}
    dataworks_emulator.add_fault(action="CreateWorkflowInstances", count=-1, **refusal)
    with pytest.raises(DataWorksPermanentError, match="BizdateIntervals not set"):
        run(hook, name="another")


def test_runs_of_other_names_are_read_once(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    for name in ("a", "b", "c"):
        run(hook, name=name)
    dataworks_emulator.add_fault(action="RunCycleDagNodes", kind="reset")
    # The hook has read some of them before.
    hook.__dict__.pop("_run_names")

    with pytest.raises(DataWorksTransientError, match=r"^It may have started"):
        run(hook, look_first=False)

    # The searches before the runs b and c read one each; the last search reads each of the three once.
    assert actions_of(dataworks_emulator).count("GetDag") == 2 + 3
    assert actions_of(dataworks_emulator).count("ListInstances") == 3 + 6
