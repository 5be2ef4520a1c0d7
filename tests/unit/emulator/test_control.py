"""A test inspects and controls the emulator through its control endpoint."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.http.app import create_app
from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET, STS_SECURITY_TOKEN, Settings
from airflow_provider_dataworks.emulator.testing import running_emulator

from .conftest import Caller


def test_state_has_everything(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", "GetDIJob")
    call.list()

    state = dataworks_emulator.state()

    assert [job["DIJobId"] for job in state["jobs"]] == [1001, 1002, 1003, 1004, 1005, 1006]
    assert [job["MigrationType"] for job in state["jobs"]] == [
        "Full", "RealtimeIncremental", "FullAndRealtimeIncremental", "OfflineIncremental", "FullAndOfflineIncremental",
        "Full",
    ]  # fmt: skip
    assert [(file["FileId"], file["TaskType"], file["deployed"]) for file in state["files"]] == [
        (2001, "DI_REALTIME", True),
        (2002, "DI_SOLUTION", False),
    ]
    assert [fault["kind"] for fault in state["faults"]] == ["error"]
    assert state["counts"] == {"ListDIJobs": 1}
    assert state["settings"]["project_id"] == 10000


def test_no_secret_is_shown(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    call("ListDIJobs", form={"ProjectId": "10000"}, signed={"x-acs-security-token": "my-token"})
    (entry,) = dataworks_emulator.requests()

    assert entry["headers"]["x-acs-security-token"] == "***"
    assert entry["headers"]["authorization"].endswith("Signature=***")
    shown = json.dumps([dataworks_emulator.state(), entry]) + repr(Settings()) + repr(dataworks_emulator)
    for secret in (ACCESS_KEY_SECRET, STS_SECURITY_TOKEN, "my-token"):
        assert secret not in shown


def test_request_log_has_what_was_sent(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    content = '{"note":"中 a+b&c=~*"}'
    query = {"ProjectId": "10000", "TaskType": "DI_OFFLINE", "TaskName": "ü +中"}
    before = time.time()

    reply = call("CreateDISyncTask", query=query, form={"TaskContent": content})

    (entry,) = dataworks_emulator.requests()
    assert (entry["action"], entry["method"], entry["path"]) == ("CreateDISyncTask", "POST", "/")
    assert (entry["query"], entry["form"]) == (query, {"TaskContent": content})
    assert entry["body_bytes"] > len(content)
    assert before <= entry["time"] <= time.time()
    assert (entry["seq"], entry["status"], entry["code"], entry["effect"]) == (1, 200, None, True)
    assert entry["request_id"] == reply.json["RequestId"]
    assert {"host", "content-type", "x-acs-action", "x-acs-date"} < set(entry["signed_headers"])


def test_request_log_is_filtered_and_cleared(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    call.list()
    call.start()
    call.list()

    assert [entry["seq"] for entry in dataworks_emulator.requests("ListDIJobs")] == [1, 3]
    assert [entry["seq"] for entry in dataworks_emulator.requests(since=1)] == [2, 3]
    dataworks_emulator.clear_requests()
    assert dataworks_emulator.requests() == []
    assert dataworks_emulator.state()["counts"] == {}
    call.list()
    assert [entry["seq"] for entry in dataworks_emulator.requests()] == [4]


def test_jobs_are_added_changed_and_removed(dataworks_emulator: EmulatorControl) -> None:
    own = dataworks_emulator.add_job(DIJobId=7, JobName="own", MigrationType="RealtimeIncremental", outcome="Failed")
    assert (own["DIJobId"], own["ProjectId"], own["JobStatus"], own["starts"]) == (7, 10000, "Initialized", 0)
    many = dataworks_emulator.add_jobs([{}, {"JobName": "b"}])
    assert len({job["DIJobId"] for job in many}) == 2

    changed = dataworks_emulator.set_job(7, JobStatus="Paused?", ErrorMessage="why")

    assert (changed["JobStatus"], changed["ErrorMessage"], changed["JobName"]) == ("Paused?", "why", "own")
    assert dataworks_emulator.job(7) == changed
    dataworks_emulator.remove_job(7)
    with pytest.raises(LookupError):
        dataworks_emulator.job(7)


def test_status_that_is_set_cancels_the_timer(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1001, run_seconds=0.2)
    call.start()
    dataworks_emulator.set_job(1001, JobStatus="Running")

    time.sleep(0.25)

    assert dataworks_emulator.job(1001)["JobStatus"] == "Running"


def test_files_are_added_changed_and_removed(dataworks_emulator: EmulatorControl) -> None:
    own = dataworks_emulator.add_file(TaskName="own", deployed=True)
    assert (own["TaskType"], own["Status"], own["creations"]) == ("DI_REALTIME", "NORUN", 0)

    changed = dataworks_emulator.set_file(own["FileId"], Status="KILLING", wait_seconds=1)

    assert (changed["Status"], changed["wait_seconds"]) == ("KILLING", 1)
    assert dataworks_emulator.file(own["FileId"]) == changed
    dataworks_emulator.remove_file(own["FileId"])
    with pytest.raises(LookupError):
        dataworks_emulator.file(own["FileId"])


@pytest.mark.parametrize(
    "jobs",
    [
        [{"JobName": "fine"}, {"DIJobId": 1001}],
        [{"DIJobId": 5}, {"DIJobId": 5}],
        [{"Name": "x"}],
        [{"DIJobId": "7"}],
        [{"MigrationType": "Half"}],
        [{"run_seconds": -1}],
        [{"start_requests": []}],
    ],
)
def test_wrong_job_adds_none(dataworks_emulator: EmulatorControl, jobs: list[dict[str, Any]]) -> None:
    with pytest.raises(ValueError, match="400"):
        dataworks_emulator.add_jobs(jobs)

    assert len(dataworks_emulator.jobs()) == 6


def test_wrong_change_changes_nothing(dataworks_emulator: EmulatorControl) -> None:
    for change in ({"JobStatus": "Running", "outcome": "?"}, {"JobName": "x", "DIJobId": 5}):
        with pytest.raises(ValueError, match="400"):
            dataworks_emulator.set_job(1001, **change)

    assert dataworks_emulator.job(1001)["JobStatus"] == "Initialized"
    assert dataworks_emulator.job(1001)["JobName"] == "mysql_to_holo_full"


@pytest.mark.parametrize(
    "settings",
    [
        {"run_seconds": -1},
        {"run_seconds": True},
        {"read_qps": 1.5},
        {"start_running": "maybe"},
        {"project_id": 5},
        {"sts": [{"access_key_id": "x"}]},
        {"folders": "x"},
    ],
)
def test_wrong_setting_changes_nothing(dataworks_emulator: EmulatorControl, settings: dict[str, Any]) -> None:
    before = dataworks_emulator.settings()

    with pytest.raises(ValueError, match="400"):
        dataworks_emulator.settings(null_page=1, **settings)

    assert dataworks_emulator.settings() == before


def test_folders_and_resource_groups_can_be_set(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(folders=["mine"], resource_groups=["S_mine"])
    query = {"ProjectId": "10000", "TaskType": "DI_OFFLINE", "TaskName": "t"}
    query["TaskParam"] = '{"FileFolderPath":"mine","ResourceGroup":"S_mine"}'

    reply = call("CreateDISyncTask", query=query, form={"TaskContent": "{}"})

    assert reply.json["Data"]["Status"] == "success"


def test_any_folder_and_resource_group_may_be_accepted(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    query = {"ProjectId": "10000", "TaskType": "DI_OFFLINE", "TaskName": "t"}
    query["TaskParam"] = '{"FileFolderPath":"Business Flow/sales/Data Integration","ResourceGroup":"S_of_ours"}'
    refused = call("CreateDISyncTask", query=query, form={"TaskContent": "{}"})
    dataworks_emulator.settings(any_folder=True)

    accepted = call("CreateDISyncTask", query=query, form={"TaskContent": "{}"})

    assert [reply.json["Data"]["Status"] for reply in (refused, accepted)] == ["fail", "success"]


def test_reset_has_everything_as_at_the_start(call: Caller) -> None:
    with running_emulator(run_seconds=3) as emulator:
        caller = Caller(emulator)
        fresh = emulator.state()
        caller.start()
        emulator.settings(run_seconds=7, ids_as_text=True)
        emulator.add_job()
        emulator.remove_file(2001)
        emulator.add_fault("error")
        assert emulator.state() != fresh

        emulator.reset()

        assert emulator.state() == fresh
        assert emulator.settings()["run_seconds"] == 3
        assert emulator.requests() == []


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nothing", 404), ("PUT", "jobs", 405)])
def test_wrong_control_call_is_answered_in_json(
    dataworks_emulator: EmulatorControl, method: str, path: str, status: int
) -> None:
    request = urllib.request.Request(f"{dataworks_emulator.url}/_emulator/{path}", method=method)

    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request)

    with raised.value as error:
        assert error.code == status
        assert f"no {method}" in json.load(error)["error"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.8.9.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("192.0.2.7", 403),
        ("2001:db8::1", 403),
    ],
)
def test_control_is_for_loopback_only(address: str, status: int) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/_emulator/state", "raw_path": b"/_emulator/state", "root_path": "",
        "query_string": b"", "headers": [], "client": (address, 5), "server": ("0.0.0.0", 80), "scheme": "http",
    }  # fmt: skip
    asyncio.run(create_app(Emulator(Settings()))(scope, receive, send))

    assert sent[0]["status"] == status


def test_connection_in_both_spellings_of_airflow(dataworks_emulator: EmulatorControl) -> None:
    from airflow.models.connection import Connection

    by_json = Connection.from_json(dataworks_emulator.connection_json)
    by_uri = Connection(uri=dataworks_emulator.connection_uri)

    for connection in (by_json, by_uri):
        assert connection.conn_type == "dataworks"
        assert connection.host == dataworks_emulator.url
        assert (connection.login, connection.password) == (
            dataworks_emulator.access_key_id,
            dataworks_emulator.access_key_secret,
        )
        assert connection.extra_dejson["region_id"] == "cn-shanghai"
        assert int(connection.extra_dejson["project_id"]) == dataworks_emulator.project_id
