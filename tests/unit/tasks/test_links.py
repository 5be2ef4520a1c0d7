"""The task's link leads to its workspace, in the console that the connection names."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.links.dataworks import LINK_KEY, DataWorksConsoleLink, console_url
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.hook import CONTENT, PARAM, connect
from tests.support.tasks import make_context

NEW = "https://dataworks.data.aliyun.com/cn-shanghai/sc?defaultProjectId=10000"
LEGACY = "https://workbench2-cn-shanghai.data.aliyun.com/?defaultProjectId=10000&env=prod"
ABROAD = "https://dataworks.data.alibabacloud.com/cn-shanghai/sc?defaultProjectId=10000"


@pytest.mark.parametrize(
    ("console", "site", "url"),
    [("new", "cn", NEW), ("legacy", "cn", LEGACY), ("new", "intl", ABROAD), ("legacy", "intl", LEGACY)],
)
def test_address_follows_console_and_site(console: str, site: str, url: str) -> None:
    assert console_url("cn-shanghai", 10000, console, site) == url


def test_unified_console_of_aliyun_is_the_default() -> None:
    assert console_url("cn-shanghai", 10000) == NEW


@pytest.mark.parametrize("console", ["new", "legacy"])
def test_without_a_region_it_is_the_list_of_workspaces(console: str) -> None:
    assert console_url(None, 10000, console) == "https://dataworks.console.aliyun.com/workspace/list"


@pytest.mark.parametrize(
    "operator",
    [CreateDISyncTaskOperator, StartDISyncInstanceOperator, StartDIJobOperator, DIJobStatusSensor],
)
def test_every_task_has_the_link(operator: Any) -> None:
    assert [type(link) for link in operator.operator_extra_links] == [DataWorksConsoleLink]


def tasks() -> list[Any]:
    return [
        CreateDISyncTaskOperator(task_id="create", task_name="a_task", task_content=CONTENT, task_param=PARAM),
        StartDISyncInstanceOperator(task_id="start", file_id=2001),
        StartDIJobOperator(task_id="job", di_job_id=1001),
        DIJobStatusSensor(task_id="wait", di_job_id=1004, deferrable=False),
    ]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    ("extra", "url"),
    [({}, NEW), ({"console": "legacy"}, LEGACY), ({"console_site": "intl"}, ABROAD)],
    ids=["default", "legacy", "intl"],
)
def test_every_task_pushes_what_the_connection_says(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, number: int, extra: dict[str, str], url: str
) -> None:
    whole = {**emulator.connection["extra"], **extra}
    connect(monkeypatch, {**emulator.connection, "extra": whole})
    emulator.set_job(1004, JobStatus="Finished")
    context = make_context()

    tasks()[number].execute(context)

    assert context["pushed"][LINK_KEY] == url


def test_the_region_and_workspace_of_the_task_win(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, emulator.connection)
    context = make_context()
    job_id = emulator.add_job(ProjectId=20000, JobStatus="Finished")["DIJobId"]
    task = DIJobStatusSensor(
        task_id="wait",
        di_job_id=job_id,
        project_id=20000,
        region_id="ap-southeast-1",
        deferrable=False,
    )

    task.execute(context)

    url = "https://dataworks.data.aliyun.com/ap-southeast-1/sc?defaultProjectId=20000"
    assert context["pushed"][LINK_KEY] == url
