"""Names and contents of any kind are right on the wire and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

NAMES = [
    "plain_name",
    "a b",
    " leading and trailing ",
    "a+b",
    "a&b=c",
    "~*'()!",
    "100% /?#[]@:;,$",
    "同步任务",
    "ü é ß",
    "🙂",
    'quote " and \\ backslash',
    "line\nbreak\ttab",
    "%2B%20",
    "x" * 300,
]


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_task(hook: DataWorksHook, dataworks_emulator: EmulatorControl, name: str) -> None:
    content = {"type": "job", "steps": [{"name": name}]}
    param = {"FileFolderPath": "业务流程/demo/数据集成", "ResourceGroup": "S_res_group_demo_1"}

    file_id = hook.create_di_sync_task(
        task_type="DI_OFFLINE", task_name=name, task_content=content, task_param=param, client_token=f"token {name}"
    )

    file = dataworks_emulator.file(file_id)
    assert (file["TaskName"], file["ClientToken"]) == (name, f"token {name}")
    assert json.loads(file["TaskContent"]) == content
    assert json.loads(file["TaskParam"]) == param


@pytest.mark.parametrize("name", NAMES)
def test_name_of_a_job(hook: DataWorksHook, dataworks_emulator: EmulatorControl, name: str) -> None:
    job_id = dataworks_emulator.add_job(JobName=name)["DIJobId"]
    dataworks_emulator.add_job(JobName=f"{name}!")

    found = hook.find_di_job(job_name=name)

    assert (found["DIJobId"], found["JobName"]) == (job_id, name)
    assert dataworks_emulator.requests("ListDIJobs")[0]["form"]["JobName"] == name


@pytest.mark.parametrize("value", NAMES)
def test_start_param(hook: DataWorksHook, dataworks_emulator: EmulatorControl, value: str) -> None:
    param: dict[str, Any] = {"errorLimit": {"record": 0}, "note": value}

    hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001, start_param=param)

    (entry,) = dataworks_emulator.requests("StartDISyncInstance")
    assert json.loads(entry["query"]["StartParam"]) == param


@pytest.mark.parametrize("as_text", [False, True])
def test_content_of_400_kilobytes(hook: DataWorksHook, dataworks_emulator: EmulatorControl, as_text: bool) -> None:
    steps = [{"name": f"step {number}", "note": "中文 a+b&c=~é*% \"'\\" * 20} for number in range(800)]
    content = {"type": "job", "version": "2.0", "steps": steps}
    text = json.dumps(content, ensure_ascii=False)
    assert len(text.encode()) > 400_000

    file_id = hook.create_di_sync_task(
        task_type="DI_OFFLINE", task_name="large", task_content=text if as_text else content
    )

    stored = dataworks_emulator.file(file_id)["TaskContent"]
    assert json.loads(stored) == content
    assert not as_text or stored == text
    (entry,) = dataworks_emulator.requests("CreateDISyncTask")
    assert set(entry["form"]) == {"TaskContent"}
    assert "TaskContent" not in entry["query"]
    assert entry["body_bytes"] > 400_000


def test_large_content_is_sent_whole_again(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    content = {"type": "job", "note": "文" * 150_000}
    dataworks_emulator.add_fault("reset", effect="after")

    file_id = hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="large", task_content=content)

    assert json.loads(dataworks_emulator.file(file_id)["TaskContent"]) == content
    first, second = dataworks_emulator.requests("CreateDISyncTask")
    assert first["form"] == second["form"]


@pytest.mark.parametrize("name", NAMES)
def test_any_other_action(hook: DataWorksHook, dataworks_emulator: EmulatorControl, name: str) -> None:
    answer = hook.call(
        "CreateDIJob",
        body={
            "ProjectId": 10000,
            "JobName": name,
            "MigrationType": "Full",
            "SourceDataSourceType": "MySQL",
            "DestinationDataSourceType": "Hologres",
            "Description": None,
            "JobSettings": {"ChannelSettings": name},
            "TableMappings": [{"Name": name}],
        },
    )

    (entry,) = dataworks_emulator.requests("CreateDIJob")
    assert dataworks_emulator.job(answer["DIJobId"])["JobName"] == name
    assert json.loads(entry["form"]["JobSettings"]) == {"ChannelSettings": name}
    assert json.loads(entry["form"]["TableMappings"]) == [{"Name": name}]
    assert "Description" not in entry["form"]
