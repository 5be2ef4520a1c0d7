"""The content of a real-time task or a solution is generated in an asynchronous process, and required."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl

from .conftest import Caller, Reply

PARAM = '{"SourceType":"Mysql","Tables":["中"]}'


def generate(call: Caller, task_type: str = "DI_SOLUTION", **query: str) -> Reply:
    values = {"ProjectId": "10000", "TaskType": task_type, "TaskParam": PARAM, **query}
    return call("GenerateDISyncTaskConfigForCreating", query=values)


def result(call: Caller, process_id: int, task_type: str = "DI_SOLUTION") -> dict[str, Any]:
    query = {"ProjectId": "10000", "TaskType": task_type, "AsyncProcessId": str(process_id)}
    data: dict[str, Any] = call("QueryDISyncTaskConfigProcessResult", query=query).json["Data"]
    return data


def create(call: Caller, content: str, task_type: str = "DI_SOLUTION") -> dict[str, Any]:
    query = {"ProjectId": "10000", "TaskType": task_type, "TaskName": f"task {time.monotonic_ns()}"}
    data: dict[str, Any] = call("CreateDISyncTask", query=query, form={"TaskContent": content}).json["Data"]
    return data


@pytest.mark.parametrize("task_type", ["DI_REALTIME", "DI_SOLUTION"])
def test_content_is_generated_from_the_script(call: Caller, task_type: str) -> None:
    data = generate(call, task_type).json["Data"]

    assert data["Status"] == "success"
    generated = result(call, data["ProcessId"], task_type)
    assert (generated["Status"], generated["Message"]) == ("success", None)
    assert json.loads(generated["TaskContent"]).items() >= json.loads(PARAM).items()


@pytest.mark.waits
def test_generation_takes_its_time(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(config_seconds=0.5)
    process_id = generate(call).json["Data"]["ProcessId"]

    first = result(call, process_id)

    assert (first["Status"], "TaskContent" in first) == ("fail", False)
    ends = time.monotonic() + 10
    while result(call, process_id)["Status"] != "success":
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_client_token_generates_once(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    first = generate(call, ClientToken="t").json["Data"]["ProcessId"]

    assert generate(call, ClientToken="t").json["Data"]["ProcessId"] == first
    other = generate(call, ClientToken="t", TaskParam="{}")
    assert (other.status, other.code) == (400, "IdempotentParameterMismatch")
    assert generate(call).json["Data"]["ProcessId"] != first
    assert len(dataworks_emulator.resources("sync_task_configs")) == 2
    effects = [entry["effect"] for entry in dataworks_emulator.requests("GenerateDISyncTaskConfigForCreating")]
    assert effects == [True, False, False, True]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"TaskType": "DI_OFFLINE"}, "Param.Invalid"),
        ({"TaskParam": "[]"}, "Param.Invalid"),
        ({"TaskParam": ""}, "MissingTaskParam"),
        ({"ProjectId": "5"}, "Invalid.Tenant.ProjectNotExists"),
    ],
)
def test_generation_checks_its_parameters(call: Caller, query: dict[str, str], code: str) -> None:
    reply = generate(call, **query)

    assert (reply.status, reply.code) == (400, code)


def test_result_belongs_to_its_type(call: Caller) -> None:
    process_id = generate(call, "DI_REALTIME").json["Data"]["ProcessId"]

    for data in (result(call, process_id), result(call, 999)):
        assert data["Status"] == "fail"
        assert "is invalid" in data["Message"]


def test_generation_can_fail(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    process_id = generate(call).json["Data"]["ProcessId"]
    dataworks_emulator.set_resource("sync_task_configs", process_id, Status="fail", Message="no such table")

    assert result(call, process_id) == {"Status": "fail", "Message": "no such table"}


def test_any_content_makes_a_task_where_the_setting_says_so(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(require_generated_content=False)

    assert create(call, '{"type":"realtime"}', "DI_REALTIME")["Status"] == "success"


def test_content_of_another_workspace_makes_no_task(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_job(ProjectId=20000)
    generation = generate(call, ProjectId="20000")
    query = {
        "ProjectId": "20000",
        "TaskType": "DI_SOLUTION",
        "AsyncProcessId": str(generation.json["Data"]["ProcessId"]),
    }
    content = call("QueryDISyncTaskConfigProcessResult", query=query).json["Data"]["TaskContent"]

    assert create(call, content)["Status"] == "fail"


def test_only_generated_content_makes_a_task(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    content = result(call, generate(call).json["Data"]["ProcessId"])["TaskContent"]

    own, of_other_type = create(call, '{"type":"realtime"}'), create(call, content, "DI_REALTIME")
    reformatted = json.dumps(json.loads(content), indent=1)

    for data in (own, of_other_type):
        assert data["Status"] == "fail"
        assert "GenerateDISyncTaskConfigForCreating" in data["Message"]
    assert len(dataworks_emulator.files()) == 2
    assert create(call, content)["Status"] == "success"
    assert create(call, reformatted)["Status"] == "success"
    assert create(call, '{"type":"job"}', "DI_OFFLINE")["Status"] == "success"
