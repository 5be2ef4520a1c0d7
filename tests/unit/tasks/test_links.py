"""The task's link leads to its workspace, in the console that the connection names."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.client.models import DIJob
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.links.dataworks import LINK_KEY, DataWorksConsoleLink, console_url
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator, TriggerNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.target import StatusSnapshot
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


def test_console_of_a_region_abroad_is_that_of_the_international_site() -> None:
    abroad = "https://dataworks.data.alibabacloud.com/eu-central-1/sc?defaultProjectId=10000"
    assert console_url("eu-central-1", 10000) == abroad
    assert console_url("eu-central-1", 10000, site="cn") == abroad.replace("alibabacloud", "aliyun")


@pytest.mark.parametrize("console", ["new", "legacy"])
def test_without_a_region_it_is_the_list_of_workspaces(console: str) -> None:
    assert console_url(None, 10000, console) == "https://dataworks.console.aliyun.com/workspace/list"


@pytest.mark.parametrize(
    "operator",
    [
        CreateDISyncTaskOperator,
        StartDISyncInstanceOperator,
        StartDIJobOperator,
        DIJobStatusSensor,
        NodeInstanceSensor,
        TriggerNodeOperator,
        RunNodeOperator,
    ],
)
def test_every_task_has_the_link(operator: Any) -> None:
    assert [type(link) for link in operator.operator_extra_links] == [DataWorksConsoleLink]


def tasks() -> list[Any]:
    return [
        CreateDISyncTaskOperator(task_id="create", task_name="a_task", task_content=CONTENT, task_param=PARAM),
        StartDISyncInstanceOperator(task_id="start", file_id=2001),
        StartDIJobOperator(task_id="job", di_job_id=1001),
        DIJobStatusSensor(task_id="wait", di_job_id=1004, deferrable=False),
        RunNodeOperator(task_id="run", node_id=4001, bizdate="2024-11-20", wait_for_completion=False),
    ]


@pytest.mark.waits
@pytest.mark.parametrize("number", range(5))
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

    url = "https://dataworks.data.alibabacloud.com/ap-southeast-1/sc?defaultProjectId=20000"
    assert context["pushed"][LINK_KEY] == url


# Regions are part of the link's host or path

NO_REGIONS = [
    "@evil.example/",
    "evil.example/cn-shanghai",
    "cn-shanghai/../..",
    "cn shanghai",
    "CN-SHANGHAI",
    "-",
    "a--b",
]


@pytest.mark.parametrize("region", NO_REGIONS)
@pytest.mark.parametrize("console", ["new", "legacy"])
def test_link_is_built_from_a_region_id_only(region: str, console: str) -> None:
    with pytest.raises(DataWorksParameterError, match="region_id: must be a region's id such as cn-shanghai"):
        console_url(region, 10000, console)


@pytest.mark.parametrize("project_id", ["10000&env=x", 0, "1/evil"])
def test_link_is_built_from_a_workspace_id_only(project_id: Any) -> None:
    with pytest.raises(DataWorksParameterError, match="project_id: must be an integer"):
        console_url("cn-shanghai", project_id)


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: CreateDISyncTaskOperator(task_name="t", task_content=CONTENT, **more),
        lambda **more: StartDISyncInstanceOperator(file_id=2001, **more),
        lambda **more: StartDIJobOperator(di_job_id=1001, **more),
        lambda **more: DIJobStatusSensor(di_job_id=1004, deferrable=False, **more),
        lambda **more: RunNodeOperator(node_id=4001, **more),
    ],
    ids=["create", "start_instance", "start_job", "sensor", "run_node"],
)
@pytest.mark.parametrize("region", NO_REGIONS[:2])
def test_region_of_a_task_that_cannot_be_one_is_refused_before_anything_is_sent(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, make: Any, region: str
) -> None:
    connect(monkeypatch, emulator.connection)
    with pytest.raises(DataWorksParameterError, match="region_id: must be a region's id"):
        make(task_id="t", region_id=region)
    task, context = make(task_id="t", region_id="{{ params.region }}"), make_context()
    task.region_id = region

    with pytest.raises(DataWorksParameterError, match="region_id: must be a region's id"):
        task.execute(context)

    assert (emulator.requests(), context["pushed"]) == ([], {})


@pytest.mark.parametrize(
    ("project_id", "place"), [("1/evil", "the DataWorks console"), (None, NEW), (0, NEW), (10000, NEW)]
)
def test_failed_job_of_no_known_workspace_is_still_the_jobs_failure(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, project_id: Any, place: str
) -> None:
    connect(monkeypatch, emulator.connection)
    hook = DataWorksHook()
    job = DIJob(1001, "Failed", project_id=project_id, error_message="disk full")
    monkeypatch.setattr(hook, "read_di_job", lambda **_: job)

    error = DIJobTarget(10000, 1001).failure(hook, StatusSnapshot("Failed"), hook.log)

    assert error.error_message == "disk full"
    assert str(error).endswith(f"See {place}")
