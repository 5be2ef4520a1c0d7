"""Our hook and the official SDK make the same requests of the same values, but for what one table lists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import (
    STS_ACCESS_KEY_ID,
    STS_ACCESS_KEY_SECRET,
    STS_SECURITY_TOKEN,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import connect

from .conftest import SdkFactory


class Difference(NamedTuple):
    """Where a request of ours may differ from the SDK's.

    :param sdk: what the SDK sends: a value, or whether it is there at all.
    :param ours: what we send.
    """

    sdk: str
    ours: str
    reason: str


#: All differences. A request that differs anywhere else, and a row that no request needs, fails the tests.
DIFFERENCES = {
    "header user-agent": Difference(
        "the SDK's name", "our name", "each says who calls; the vendor's support sees it in its log"
    ),
    "signed header user-agent": Difference(
        "signed", "not signed", "proxies rewrite it, and a signed header that was rewritten breaks the signature"
    ),
    "header x-acs-credentials-provider": Difference(
        "static_ak, static_sts", "absent", "the SDK's own statistics; the API does not ask for it"
    ),
    "signed header x-acs-credentials-provider": Difference("signed", "absent", "as it is not sent, it is not signed"),
    "header accept-encoding": Difference(
        "identity", "gzip, deflate", "a page of 100 jobs is some 20 kB of text; it is not signed"
    ),
    "header x-acs-signature-nonce": Difference("its own", "its own", "used once; theirs is an MD5, ours a UUID"),
    "header authorization": Difference("its own", "its own", "follows from date, nonce and the signed headers"),
    "spelling of booleans": Difference("True, False", "true, false", "the vendor's pages write them in lower case"),
    "header x-acs-content-sha256": Difference("its own", "its own", "only with a boolean: follows from its spelling"),
}
ALWAYS = frozenset(
    {
        "header user-agent",
        "signed header user-agent",
        "header x-acs-credentials-provider",
        "signed header x-acs-credentials-provider",
        "header accept-encoding",
        "header x-acs-signature-nonce",
        "header authorization",
    }
)
WITH_A_BOOLEAN = frozenset({"spelling of booleans", "header x-acs-content-sha256"})

CONTENT = json.dumps({"type": "job", "version": "2.0", "note": '中文 a+b&c=~é*%" '}, ensure_ascii=False)
SCRIPT = json.dumps({"type": "realtime", "steps": [], "note": '中文 a+b&c=~é*%" '}, ensure_ascii=False)
PARAM = '{"FileFolderPath":"业务流程/demo/数据集成","ResourceGroup":"S_res_group_demo_1"}'
START_PARAM = '{"failoverLimit":{"count":10,"interval":30},"errorLimit":{"record":0},"n":"名 +"}'
SETTINGS = {"StartTime": 1671516776, "FailoverSettings": {"Interval": 10, "UpperLimit": 30}}


@dataclass(frozen=True)
class Same:
    """The same call, made by both, and where the requests differ."""

    action: str
    by_hook: Callable[[DataWorksHook], Any]
    by_sdk: Callable[[Client], Any]
    differences: frozenset[str] = ALWAYS


def instance(kind: type[Any], task_type: str, file_id: int, **more: Any) -> Any:
    return kind(project_id=10000, task_type=task_type, file_id=file_id, **more)


def start_settings() -> models.StartDIJobRequestRealtimeStartSettings:
    request = models.StartDIJobRequest().from_map({"DIJobId": 1, "RealtimeStartSettings": SETTINGS})
    settings: models.StartDIJobRequestRealtimeStartSettings = request.realtime_start_settings
    return settings


def generate_and_query(sdk: Client, client_token: str) -> str:
    generation = models.GenerateDISyncTaskConfigForCreatingRequest(
        project_id=10000, task_type="DI_SOLUTION", task_param=SCRIPT, client_token=client_token
    )
    process_id = sdk.generate_disync_task_config_for_creating(generation).body.data.process_id
    query = models.QueryDISyncTaskConfigProcessResultRequest(
        project_id=10000, task_type="DI_SOLUTION", async_process_id=process_id
    )
    content: str = sdk.query_disync_task_config_process_result(query).body.data.task_content
    return content


CALLS = {
    "create": Same(
        "CreateDISyncTask",
        lambda hook: hook.create_di_sync_task(
            project_id=10000,
            task_type="DI_OFFLINE",
            task_name="new task ü+&=~*中",
            task_content=CONTENT,
            task_param=PARAM,
            client_token="0000-ABCD",
        ),
        lambda sdk: sdk.create_disync_task(
            models.CreateDISyncTaskRequest(
                project_id=10000,
                task_type="DI_OFFLINE",
                task_name="new task ü+&=~*中",
                task_content=CONTENT,
                task_param=PARAM,
                client_token="0000-ABCD",
            )
        ),
    ),
    "create without options": Same(
        "CreateDISyncTask",
        lambda hook: hook.create_di_sync_task(
            task_type="DI_SOLUTION",
            task_name="t",
            task_content=hook.generate_di_sync_task_config(task_type="DI_SOLUTION", task_param=SCRIPT),
            client_token="t",
        ),
        lambda sdk: sdk.create_disync_task(
            models.CreateDISyncTaskRequest(
                project_id=10000,
                task_type="DI_SOLUTION",
                task_name="t",
                task_content=generate_and_query(sdk, client_token="any"),
                client_token="t",
            )
        ),
    ),
    "generate": Same(
        "GenerateDISyncTaskConfigForCreating",
        lambda hook: hook.generate_di_sync_task_config(
            project_id=10000, task_type="DI_SOLUTION", task_param=SCRIPT, client_token="0000-ABCD"
        ),
        lambda sdk: generate_and_query(sdk, client_token="0000-ABCD"),
    ),
    "query what was generated": Same(
        "QueryDISyncTaskConfigProcessResult",
        lambda hook: hook.generate_di_sync_task_config(task_type="DI_SOLUTION", task_param=SCRIPT),
        lambda sdk: generate_and_query(sdk, client_token="any"),
    ),
    "start instance": Same(
        "StartDISyncInstance",
        lambda hook: hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001, start_param=START_PARAM),
        lambda sdk: sdk.start_disync_instance(
            instance(models.StartDISyncInstanceRequest, "DI_REALTIME", 2001, start_param=START_PARAM)
        ),
    ),
    "start solution": Same(
        "StartDISyncInstance",
        lambda hook: hook.start_di_sync_instance(task_type="DI_SOLUTION", file_id=2002),
        lambda sdk: sdk.start_disync_instance(instance(models.StartDISyncInstanceRequest, "DI_SOLUTION", 2002)),
    ),
    "stop instance": Same(
        "StopDISyncInstance",
        lambda hook: hook.stop_di_sync_instance(task_type="DI_REALTIME", file_id=2001),
        lambda sdk: sdk.stop_disync_instance(instance(models.StopDISyncInstanceRequest, "DI_REALTIME", 2001)),
    ),
    "read instance": Same(
        "GetDISyncInstanceInfo",
        lambda hook: hook.get_di_sync_instance_info(task_type="DI_REALTIME", file_id=2001),
        lambda sdk: sdk.get_disync_instance_info(instance(models.GetDISyncInstanceInfoRequest, "DI_REALTIME", 2001)),
    ),
    "read solution": Same(
        "GetDISyncTask",
        lambda hook: hook.get_solution_detail(file_id=2002),
        lambda sdk: sdk.get_disync_task(instance(models.GetDISyncTaskRequest, "DI_SOLUTION", 2002)),
    ),
    "start job": Same(
        "StartDIJob",
        lambda hook: hook.start_di_job(di_job_id=1001),
        lambda sdk: sdk.start_dijob(models.StartDIJobRequest(dijob_id=1001)),
    ),
    "start job with settings": Same(
        "StartDIJob",
        lambda hook: hook.start_di_job(di_job_id=1002, realtime_start_settings=SETTINGS),
        lambda sdk: sdk.start_dijob(models.StartDIJobRequest(dijob_id=1002, realtime_start_settings=start_settings())),
    ),
    "start job anew": Same(
        "StartDIJob",
        lambda hook: hook.start_di_job(di_job_id=1002, realtime_start_settings=SETTINGS, force_to_rerun=True),
        lambda sdk: sdk.start_dijob(
            models.StartDIJobRequest(dijob_id=1002, realtime_start_settings=start_settings(), force_to_rerun=True)
        ),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "start job not anew": Same(
        "StartDIJob",
        lambda hook: hook.start_di_job(di_job_id=1001, force_to_rerun=False),
        lambda sdk: sdk.start_dijob(models.StartDIJobRequest(dijob_id=1001, force_to_rerun=False)),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "stop job": Same(
        "StopDIJob",
        lambda hook: hook.stop_di_job(di_job_id=1001),
        lambda sdk: sdk.stop_dijob(models.StopDIJobRequest(dijob_id=1001)),
    ),
    "read job": Same(
        "GetDIJob",
        lambda hook: hook.get_di_job(di_job_id=1001),
        lambda sdk: sdk.get_dijob(models.GetDIJobRequest(dijob_id=1001, with_details=False)),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "read job with details": Same(
        "GetDIJob",
        lambda hook: hook.get_di_job(di_job_id=1001, with_details=True),
        lambda sdk: sdk.get_dijob(models.GetDIJobRequest(dijob_id=1001, with_details=True)),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "list jobs": Same(
        "ListDIJobs",
        lambda hook: hook.read_di_jobs_page(page_number=1),
        lambda sdk: sdk.list_dijobs(models.ListDIJobsRequest(project_id=10000, page_number=1, page_size=100)),
    ),
    "list jobs by all filters": Same(
        "ListDIJobs",
        lambda hook: list(
            hook.list_di_jobs(
                job_name="mysql 中+&=",
                source_data_source_type="MySQL",
                destination_data_source_type="Hologres",
                page_size=7,
            )
        ),
        lambda sdk: sdk.list_dijobs(
            models.ListDIJobsRequest(
                project_id=10000,
                job_name="mysql 中+&=",
                source_data_source_type="MySQL",
                destination_data_source_type="Hologres",
                page_number=1,
                page_size=7,
            )
        ),
    ),
    "find job by name": Same(
        "ListDIJobs",
        lambda hook: hook.find_di_job(job_name="mysql_to_holo_full"),
        lambda sdk: sdk.list_dijobs(
            models.ListDIJobsRequest(project_id=10000, job_name="mysql_to_holo_full", page_number=1, page_size=100)
        ),
    ),
    "test connection": Same(
        "ListDIJobs",
        lambda hook: hook.test_connection(),
        lambda sdk: sdk.list_dijobs(models.ListDIJobsRequest(project_id=10000, page_number=1, page_size=10)),
    ),
    "list data sources": Same(
        "ListDataSources",
        lambda hook: list(hook.list_data_sources(name="demo 中", environment="Prod")),
        lambda sdk: sdk.list_data_sources(
            models.ListDataSourcesRequest(project_id=10000, name="demo 中", env_type=1, page_number=1, page_size=100)
        ),
    ),
    "any other": Same(
        "ListProjects",
        lambda hook: hook.call("ListProjects", query={"PageNumber": 1, "PageSize": 10}),
        lambda sdk: sdk.list_projects(models.ListProjectsRequest(page_number=1, page_size=10)),
    ),
}


def request_of(emulator: EmulatorControl, action: str, make: Callable[[], Any]) -> dict[str, Any]:
    """What the emulator gets for a call, with everything as it was before."""
    emulator.reset()
    emulator.settings(read_qps=0, write_qps=0)
    make()
    (entry,) = emulator.requests(action)
    assert (entry["status"], entry["code"]) == (200, None)
    return entry


def boolean_word(value: str | None) -> str | None:
    return value.lower() if value in ("True", "False") else value


def without_the_moment(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "x-acs-date": re.sub(r"\d", "0", headers["x-acs-date"])}


def differences(sdk: dict[str, Any], ours: dict[str, Any]) -> set[str]:
    """Where two requests differ, field by field; with equal x-acs-content-sha256 the bodies are the same bytes."""
    found = {name for name in ("method", "path", "action") if sdk[name] != ours[name]}
    for place in ("query", "form"):
        for name in {*sdk[place], *ours[place]}:
            theirs, our = sdk[place].get(name), ours[place].get(name)
            if boolean_word(theirs) != boolean_word(our):
                found.add(f"{place} {name}: {theirs!r} and {our!r}")
            elif theirs != our:
                found.add("spelling of booleans")
    their_headers, our_headers = without_the_moment(sdk["headers"]), without_the_moment(ours["headers"])
    found |= {f"header {name}" for name, _ in their_headers.items() ^ our_headers.items()}
    return found | {f"signed header {name}" for name in {*sdk["signed_headers"]} ^ {*ours["signed_headers"]}}


@pytest.fixture
def compare(
    hook: DataWorksHook, sdk: Client, dataworks_emulator: EmulatorControl
) -> Callable[[Same], tuple[dict[str, Any], dict[str, Any]]]:
    """Return what makes a call in both ways and gives both requests, the SDK's first."""

    def both(same: Same) -> tuple[dict[str, Any], dict[str, Any]]:
        theirs = request_of(dataworks_emulator, same.action, lambda: same.by_sdk(sdk))
        return theirs, request_of(dataworks_emulator, same.action, lambda: same.by_hook(hook))

    return both


@pytest.mark.parametrize("name", CALLS)
def test_same_call_is_the_same_request_but_for_the_table(
    compare: Callable[[Same], tuple[dict[str, Any], dict[str, Any]]], name: str
) -> None:
    theirs, ours = compare(CALLS[name])

    assert differences(theirs, ours) == CALLS[name].differences


def test_every_action_of_the_hook_is_compared() -> None:
    assert {same.action for same in CALLS.values()} == {
        "CreateDISyncTask",
        "GenerateDISyncTaskConfigForCreating",
        "QueryDISyncTaskConfigProcessResult",
        "StartDISyncInstance",
        "StopDISyncInstance",
        "GetDISyncInstanceInfo",
        "GetDISyncTask",
        "StartDIJob",
        "StopDIJob",
        "GetDIJob",
        "ListDIJobs",
        "ListDataSources",
        "ListProjects",
    }


def test_every_row_of_the_table_is_needed_and_gives_its_reason() -> None:
    needed: set[str] = set()
    for same in CALLS.values():
        needed |= same.differences

    assert needed == set(DIFFERENCES)
    assert all(difference.reason for difference in DIFFERENCES.values())


@pytest.mark.parametrize("name", CALLS)
def test_signed_headers_are_the_same_but_for_the_table(
    compare: Callable[[Same], tuple[dict[str, Any], dict[str, Any]]], name: str
) -> None:
    theirs, ours = compare(CALLS[name])

    not_ours = {row.removeprefix("signed header ") for row in DIFFERENCES if row.startswith("signed header ")}
    assert set(theirs["signed_headers"]) - set(ours["signed_headers"]) == not_ours
    assert set(ours["signed_headers"]) <= set(theirs["signed_headers"])
    assert ours["signed_headers"] == sorted(ours["signed_headers"])


def test_parameters_travel_where_the_pages_say(
    compare: Callable[[Same], tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    _, created = compare(CALLS["create"])
    _, started = compare(CALLS["start instance"])
    _, job = compare(CALLS["start job anew"])
    _, listed = compare(CALLS["list jobs by all filters"])

    assert set(created["form"]) == {"TaskContent"}
    assert set(created["query"]) == {"ProjectId", "TaskType", "TaskName", "TaskParam", "ClientToken"}
    assert (set(started["query"]), started["form"]) == ({"ProjectId", "TaskType", "FileId", "StartParam"}, {})
    assert (job["query"], set(job["form"])) == ({}, {"DIJobId", "RealtimeStartSettings", "ForceToRerun"})
    assert (listed["query"], len(listed["form"])) == ({}, 6)


def test_temporary_keys_are_sent_and_signed_alike(
    make_sdk: SdkFactory, hook: DataWorksHook, dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    sdk = make_sdk(
        access_key_id=STS_ACCESS_KEY_ID, access_key_secret=STS_ACCESS_KEY_SECRET, security_token=STS_SECURITY_TOKEN
    )
    extra = {**dataworks_emulator.connection["extra"], "security_token": STS_SECURITY_TOKEN, "max_qps": 0}
    key = {"login": STS_ACCESS_KEY_ID, "password": STS_ACCESS_KEY_SECRET, "extra": extra}
    connect(monkeypatch, {**dataworks_emulator.connection, **key}, "temporary")
    same = CALLS["list jobs"]

    theirs = request_of(dataworks_emulator, same.action, lambda: same.by_sdk(sdk))
    ours = request_of(dataworks_emulator, same.action, lambda: same.by_hook(DataWorksHook("temporary")))

    assert differences(theirs, ours) == same.differences
    assert {"x-acs-accesskey-id", "x-acs-security-token"} <= set(ours["signed_headers"])


def test_both_read_the_same_answer(hook: DataWorksHook, sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1006, JobStatus="Failed", ErrorMessage="bad table", StartedTime=1671516776)

    theirs = sdk.get_dijob(models.GetDIJobRequest(dijob_id=1006, with_details=True)).body.data.to_map()
    ours = dict(hook.get_di_job(di_job_id=1006, with_details=True))
    # The SDK makes empty lists of what the answer does not have.
    assert {name: value for name, value in theirs.items() if value} == {n: value for n, value in ours.items() if value}

    page = sdk.list_dijobs(models.ListDIJobsRequest(project_id=10000, page_size=100)).body.dijob_paging
    assert [job.to_map() for job in page.dijobs] == list(hook.list_di_jobs())

    request = instance(models.GetDISyncInstanceInfoRequest, "DI_SOLUTION", 2002)
    info = hook.get_di_sync_instance_info(task_type="DI_SOLUTION", file_id=2002)
    solution = sdk.get_disync_instance_info(request).body.data.solution_info.to_map()
    assert info["SolutionInfo"] == solution


# The comparison itself


def test_comparison_sees_what_differs(dataworks_emulator: EmulatorControl, sdk: Client, hook: DataWorksHook) -> None:
    theirs = request_of(dataworks_emulator, "ListDIJobs", lambda: CALLS["list jobs"].by_sdk(sdk))
    ours = request_of(dataworks_emulator, "ListDIJobs", lambda: list(hook.list_di_jobs(page_size=99)))

    assert differences(theirs, ours) - ALWAYS == {
        "form PageSize: '100' and '99'",
        "header content-length",
        "header x-acs-content-sha256",
    }
