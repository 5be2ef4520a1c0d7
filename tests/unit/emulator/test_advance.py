"""The emulator's time is advanced instead of waited for; what belongs to the clients stays on the machine's clock."""

from __future__ import annotations

import ast
import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import airflow_provider_dataworks.emulator as emulator_package
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.testing import running_emulator

from .conftest import Caller

HOUR, DAY = 3600, 86400
NEW = {"x-acs-version": "2024-05-18"}
PACKAGE = Path(emulator_package.__file__).parent


def run_node(call: Caller, node_id: int = 4001, first: str = "2024-11-20", last: str | None = None) -> list[int]:
    """Run a node in 2020-05-18, and return the ids of the runs."""
    form = {
        "ProjectEnv": "PROD",
        "Name": "advanced",
        "RootNodeId": str(node_id),
        "IncludeNodeIds": str(node_id),
        "StartBizDate": f"{first} 00:00:00",
        "EndBizDate": f"{last or first} 00:00:00",
        "Parallelism": "false",
    }
    reply = call("RunCycleDagNodes", form=form)
    assert reply.status == 200, reply.body
    return list(reply.json["Data"])


def days_of(emulator: EmulatorControl) -> list[tuple[str, str]]:
    return [(run["Bizdate"], run["Status"]) for run in emulator.node_runs()]


def test_a_job_is_where_it_would_be_after_the_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.settings(run_seconds=6 * HOUR)
    call.start(1001)
    started = dataworks_emulator.job(1001)["StartedTime"]

    dataworks_emulator.advance(6 * HOUR - 60)
    assert dataworks_emulator.job(1001)["JobStatus"] == "Running"
    dataworks_emulator.advance(60)

    assert dataworks_emulator.job(1001)["JobStatus"] == "Finished"
    assert dataworks_emulator.job(1001)["StartedTime"] == started
    call("StartDIJob", form={"DIJobId": "1001", "ForceToRerun": "true"})
    assert 6 * HOUR <= dataworks_emulator.job(1001)["StartedTime"] - started < 7 * HOUR


def test_the_log_of_a_job_grows_with_the_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.settings(run_seconds=HOUR)
    call.start(1001)

    def log() -> str:
        query = {"DIJobId": "1001"}
        return str(call("GetDIJobLog", method="GET", query=query, signed=NEW).json["Log"])

    before = log()
    dataworks_emulator.advance(HOUR)

    assert len(log()) > len(before)


def test_a_real_time_file_starts_and_stops_by_the_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.set_file(2001, wait_seconds=HOUR, stop_seconds=HOUR)
    query = {"ProjectId": "10000", "FileId": "2001", "TaskType": "DI_REALTIME"}

    seen = []
    for action in ("StartDISyncInstance", "StopDISyncInstance"):
        assert call(action, query=query).status == 200
        seen.append(dataworks_emulator.file(2001)["Status"])
        dataworks_emulator.advance(HOUR)
        seen.append(dataworks_emulator.file(2001)["Status"])

    assert seen == ["WAIT", "RUN", "KILLING", "PAUSE"]


def test_runs_of_a_node_one_after_the_other_end_within_one_advance(
    dataworks_emulator: EmulatorControl, call: Caller
) -> None:
    dataworks_emulator.set_node(4001, run_seconds=HOUR)
    run_node(call, first="2024-11-18", last="2024-11-20")
    assert days_of(dataworks_emulator) == [
        ("2024-11-18", "RUNNING"),
        ("2024-11-19", "CREATED"),
        ("2024-11-20", "CREATED"),
    ]

    dataworks_emulator.advance(2 * HOUR + 60)
    assert [status for _, status in days_of(dataworks_emulator)] == ["SUCCESS", "SUCCESS", "RUNNING"]
    dataworks_emulator.advance(HOUR)

    assert [status for _, status in days_of(dataworks_emulator)] == ["SUCCESS"] * 3


def test_an_instance_is_rerun_by_the_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.set_node(4001, run_seconds=HOUR, failing_runs=1, rerun_times=1, rerun_seconds=HOUR)
    run_node(call)

    seen = []
    for _ in range(4):
        (each,) = dataworks_emulator.node_instances(4001)
        seen.append((each["Status"], each["RunNumber"]))
        dataworks_emulator.advance(HOUR)

    assert seen == [("RUNNING", 1), ("FAILURE", 1), ("RUNNING", 2), ("SUCCESS", 2)]
    (instance,) = dataworks_emulator.node_instances(4001)
    form = {"InstanceId": str(instance["InstanceId"]), "ProjectEnv": "PROD"}
    assert "Current task status: FINISH" in call("GetInstanceLog", form=form).json["Data"]


def test_the_scheduler_makes_the_instances_of_the_next_day(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    # Tomorrow's business date: its instances are generated tomorrow at 23:30, and run the day after.
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    tomorrow = (today + timedelta(days=1)).isoformat()
    form = {"ProjectId": "10000", "ProjectEnv": "PROD", "NodeId": "4002", "Bizdate": f"{tomorrow} 00:00:00"}

    def statuses() -> list[str]:
        return [each["Status"] for each in call("ListInstances", form=form).json["Data"]["Instances"]]

    assert statuses() == []
    dataworks_emulator.advance(3 * DAY)

    assert statuses() == ["SUCCESS"]


def test_a_deployment_and_a_creation_end_by_the_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.settings(deploy_seconds=HOUR, creation_seconds=HOUR)
    submitted = call("SubmitFile", form={"ProjectId": "10000", "FileId": "2003"}).json["Data"]
    period = {"BizDates": [{"StartBizDate": "2024-11-20", "EndBizDate": "2024-11-20"}]}
    run = {
        "Mode": "ManualSelection",
        "RootTaskIds": [4001],
        "Parallelism": 1,
        "Analysis": {"Blocked": False, "Enabled": False},
        "RunPolicy": {"Type": "Daily", "StartTime": "00:00:00", "EndTime": "23:59:59", "Immediately": True},
    }
    wanted = {
        "ProjectId": "10000",
        "EnvType": "Prod",
        "Type": "SupplementData",
        "Name": "advanced",
        "WorkflowId": "1",
        "AutoStartEnabled": "true",
        "Periods": json.dumps(period),
        "DefaultRunProperties": json.dumps(run),
    }
    created = call("CreateWorkflowInstances", form=wanted, signed=NEW)
    assert created.status == 200, created.body

    def ends() -> tuple[Any, Any]:
        deployment = dataworks_emulator.resource("deployments", submitted)["Status"]
        return deployment, dataworks_emulator.resource("operations", created.json["OperationId"])["Status"]

    before = ends()
    dataworks_emulator.advance(HOUR + 1)

    assert (before, ends()) == ((0, "Creating"), (1, "Created"))


def test_requests_are_judged_by_the_machines_clock(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.settings(read_qps=2, daily_calls=4)
    signed = call.signed("ListDIJobs", form={"ProjectId": "10000"})
    assert call.send(signed).status == 200

    dataworks_emulator.advance(2 * DAY)

    # Not expired; not forgotten as a replay; the second and the day have still the calls of before.
    assert call.send(signed).code == "SignatureNonceUsed"
    call.list()
    codes = [call.list() for _ in range(3)]
    assert {reply.code for reply in codes if reply.status != 200} <= {"Throttling.User", "Throttling.Api.Risk"}
    assert [reply.status for reply in codes][-1] == 429
    dataworks_emulator.settings(read_qps=0)
    assert [call.list() for _ in range(4)][-1].code == "Throttling.Api.Risk"
    assert abs(dataworks_emulator.requests()[-1]["time"] - time.time()) < HOUR


def test_the_time_is_advanced_before_a_request(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.settings(run_seconds=HOUR)
    call.start(1001)
    dataworks_emulator.advance(HOUR, before="GetDIJob", skip=2)

    def status() -> Any:
        return call("GetDIJob", form={"DIJobId": "1001"}).json["Data"]["JobStatus"]

    call.list()
    assert dataworks_emulator.job(1001)["JobStatus"] == "Running"
    assert [status() for _ in range(3)] == ["Running", "Running", "Finished"]
    # Once.
    call("StartDIJob", form={"DIJobId": "1001", "ForceToRerun": "true"})
    assert [status() for _ in range(4)] == ["Running"] * 4


def test_a_request_that_is_refused_does_not_advance_the_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.settings(run_seconds=HOUR)
    call.start(1001)
    dataworks_emulator.advance(HOUR, before="GetDIJob")
    dataworks_emulator.add_fault("throttle", "GetDIJob")

    assert call("GetDIJob", form={"DIJobId": "1001"}).status == 429
    assert dataworks_emulator.job(1001)["JobStatus"] == "Running"
    assert call("GetDIJob", form={"DIJobId": "1001"}).json["Data"]["JobStatus"] == "Finished"


def test_the_time_is_returned_and_a_reset_restores_it(dataworks_emulator: EmulatorControl) -> None:
    now = datetime.now(timezone.utc)

    assert timedelta(0) <= dataworks_emulator.advance(0) - now < timedelta(hours=1)
    later = dataworks_emulator.advance(DAY)
    assert timedelta(days=1) <= later - now < timedelta(days=1, hours=1)
    assert dataworks_emulator.add_job()["StartedTime"] is None
    dataworks_emulator.reset()

    assert dataworks_emulator.advance(0) - now < timedelta(hours=1)


def test_what_a_reset_makes_is_of_the_machines_time(dataworks_emulator: EmulatorControl, call: Caller) -> None:
    dataworks_emulator.advance(DAY)
    dataworks_emulator.reset()

    created = call("GetNode", form={"NodeId": "4001", "ProjectEnv": "PROD"}).json["Data"]["CreateTime"]

    assert abs(created / 1000 - time.time()) < HOUR


@pytest.mark.parametrize(
    "wanted",
    [
        {"seconds": -1},
        {"seconds": True},
        {"seconds": "60"},
        {"seconds": 10 * 365 * DAY + 1},
        {"seconds": 1, "before": "GetNothing"},
        {"seconds": 1, "before": ["GetDIJob"]},
        {"seconds": 1, "skip": 1},
        {"seconds": 1, "before": "GetDIJob", "skip": -1},
        {"seconds": 1, "after": 2},
        {},
    ],
    ids=str,
)
def test_an_advance_that_cannot_be_is_refused(dataworks_emulator: EmulatorControl, wanted: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="POST advance: 400"):
        dataworks_emulator._call("POST", "advance", wanted)

    assert dataworks_emulator._call("POST", "advance", {"seconds": 0})["ahead_seconds"] == 0


def test_the_time_is_advanced_by_ten_years_in_all(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.advance(6 * 365 * DAY)
    dataworks_emulator.advance(3 * 365 * DAY, before="GetDIJob")

    with pytest.raises(ValueError, match="ten years"):
        dataworks_emulator.advance(2 * 365 * DAY)
    with pytest.raises(ValueError, match="ten years"):
        dataworks_emulator.advance(2 * 365 * DAY, before="GetDIJob")


@pytest.fixture
def two() -> Iterator[list[EmulatorControl]]:
    """Return two emulators of one process."""
    with running_emulator(run_seconds=HOUR) as one, running_emulator(run_seconds=HOUR) as other:
        yield [one, other]


def test_each_emulator_has_a_time_of_its_own(two: list[EmulatorControl]) -> None:
    for emulator in two:
        Caller(emulator).start(1001)

    two[0].advance(HOUR)

    assert [emulator.job(1001)["JobStatus"] for emulator in two] == ["Finished", "Running"]


def test_requests_during_an_advance_all_see_one_time_or_the_other(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=HOUR, read_qps=0)
    Caller(dataworks_emulator).start(1001)
    seen: list[str] = []

    def poll() -> None:
        for _ in range(20):
            seen.append(dataworks_emulator.job(1001)["JobStatus"])

    threads = [threading.Thread(target=poll) for _ in range(3)]
    for thread in threads:
        thread.start()
    dataworks_emulator.advance(HOUR)
    for thread in threads:
        thread.join()

    assert set(seen) <= {"Running", "Finished"}
    assert dataworks_emulator.job(1001)["JobStatus"] == "Finished"


@pytest.mark.parametrize(
    "module",
    [path for folder in ("actions", "backend") for path in sorted((PACKAGE / folder).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_what_the_state_is_made_of_asks_the_emulators_clock(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    called = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert "time" not in imported or module.name == "clock.py"
    assert not called & {"now", "utcnow", "today"}
