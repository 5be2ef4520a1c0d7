"""What the service refuses fails at once and for good; what passes is tried within bounds, as long as it asks."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import CONTENT
from tests.support.versions import IN_BOTH_VERSIONS

PERMANENT = [
    ("Throttling.Api.Risk", 429),
    ("Throttling.Resource", 429),
    ("Forbidden.Not.Server", 500),
    ("ResourceNotAuthorized.Api", 403),
    ("Forbidden.Access", 403),
    ("Forbidden.DI.NoPrivilege", 403),
    ("Invalid.DI.Parameter", 400),
    ("Invalid.DI.Parameter.File.Existed", 400),
    ("Param.Invalid", 400),
    ("Invalid.Tenant.UserNotInProject", 400),
    ("Invalid.Tenant.ProjectNotExists", 400),
    ("Invalid.Tenant.UserNotInTenant", 403),
    ("Invalid.Tenant.UserIsNotProjectOwnerOrAdmin", 403),
    ("9990010001", 400),
    ("SignatureDoesNotMatch", 400),
    ("IncompleteSignature", 400),
    ("InvalidSignatureMethod", 400),
    ("InvalidAccessKeyId.NotFound", 404),
    ("InvalidAccessKeyId.Inactive", 400),
    ("InvalidTimeStamp.Format", 400),
    ("InvalidTimeStamp.Expired", 400),
    ("InvalidSecurityToken.Expired", 400),
    ("InvalidSecurityToken.Malformed", 400),
    ("InvalidSecurityToken.MismatchWithAccessKey", 400),
    ("MissingProjectId", 400),
    ("InvalidParameter", 400),
    ("InvalidParameter.Format", 400),
    ("InvalidAction.NotFound", 404),
    ("InvalidApi.NotFound", 404),
    ("InvalidVersion", 400),
    ("NoSuchVersion", 400),
    ("InvalidProtocol.NeedSsl", 400),
    ("UnsupportedHTTPMethod", 400),
    ("Forbidden.RAM", 403),
    ("NoPermission", 403),
    ("Forbidden", 403),
    ("Forbidden.RiskControl", 403),
    ("Forbidden.UserVerification", 403),
    ("InsufficientBalance", 400),
]
TRANSIENT = [
    ("Throttling.Api", 429),
    ("Throttling.System", 429),
    ("Throttling.User", 429),
    ("Throttling.User", 400),
    ("Throttling.Api", 400),
    ("Throttling", 400),
    ("ServiceUnavailable", 503),
    ("InternalError.System", 500),
    ("InternalError", 500),
    ("InternalError.UserId.Missing", 500),
    ("InternalError.DI.Parameter", 500),
]
CALLS: dict[str, Callable[[DataWorksHook], Any]] = {
    "CreateDISyncTask": lambda hook: hook.create_di_sync_task(
        task_type="DI_OFFLINE", task_name="t", task_content=CONTENT
    ),
    "StartDISyncInstance": lambda hook: hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001),
    "StartDIJob": lambda hook: hook.start_di_job(di_job_id=1001),
    "ListDIJobs": lambda hook: list(hook.list_di_jobs()),
}
EFFECTS: dict[str, Callable[[EmulatorControl], int]] = {
    "CreateDISyncTask": lambda emulator: sum(file["creations"] for file in emulator.files()),
    "StartDISyncInstance": lambda emulator: int(emulator.file(2001)["starts"]),
    "StartDIJob": lambda emulator: int(emulator.job(1001)["starts"]),
    "ListDIJobs": lambda emulator: 0,
}


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize(("code", "status"), PERMANENT)
def test_permanent_code_is_one_request_and_one_clear_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, sleeps: list[float], code: str, status: int, action: str
) -> None:
    dataworks_emulator.add_fault("error", action=action, count=-1, status=status, code=code, message="Words of the API")

    with pytest.raises(DataWorksPermanentError) as raised:
        CALLS[action](hook)

    (entry,) = dataworks_emulator.requests(action)
    error = raised.value
    assert (error.action, error.code, error.http_status) == (action, code, status)
    assert error.request_id == entry["request_id"]
    for part in (action, code, str(status), entry["request_id"], "Words of the API"):
        assert part in str(error)
    assert (EFFECTS[action](dataworks_emulator), sleeps) == (0, [])


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize(("code", "status"), TRANSIENT)
def test_transient_code_is_tried_five_times_and_then_transient(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, sleeps: list[float], code: str, status: int, action: str
) -> None:
    dataworks_emulator.add_fault("error", action=action, count=-1, status=status, code=code)

    with pytest.raises(DataWorksTransientError, match=r"It was tried [0-9]+ times\.") as raised:
        CALLS[action](hook)

    assert (raised.value.code, raised.value.http_status) == (code, status)
    attempts = len(dataworks_emulator.requests(action))
    assert f"It was tried {attempts} times." in str(raised.value)
    if code.startswith("Throttling"):
        # For ten minutes, however many attempts that takes.
        assert attempts > 20
        assert sum(sleeps) > 600
    else:
        assert attempts == 5
    assert EFFECTS[action](dataworks_emulator) == 0


@pytest.mark.parametrize("action", CALLS)
@pytest.mark.parametrize(("code", "status"), TRANSIENT)
def test_transient_code_that_passes_costs_one_more_request(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, code: str, status: int, action: str
) -> None:
    dataworks_emulator.add_fault("error", action=action, status=status, code=code)

    CALLS[action](hook)

    assert len(dataworks_emulator.requests(action)) == 2
    assert EFFECTS[action](dataworks_emulator) == (0 if action == "ListDIJobs" else 1)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-acs-retry-after": "12000"}, 12),
        ({"x-ratelimit-user": "Limit:1,Remain:0,TimeLeft:13000,Reset:1"}, 13),
        ({"retry-after": "14"}, 14),
    ],
)
def test_waiting_time_of_the_server_is_obeyed(
    hook: DataWorksHook,
    dataworks_emulator: EmulatorControl,
    sleeps: list[float],
    headers: dict[str, str],
    seconds: float,
) -> None:
    dataworks_emulator.add_fault("throttle", headers=headers)

    CALLS["ListDIJobs"](hook)

    (pause,) = sleeps
    assert seconds <= pause <= seconds * 1.1


def test_waiting_time_is_handed_on_with_the_error(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("throttle", headers={"x-acs-retry-after": "3600000"}, count=-1)

    with pytest.raises(DataWorksTransientError) as raised:
        CALLS["ListDIJobs"](hook)

    # An hour is asked for; five minutes are the most that is waited.
    assert raised.value.retry_after == 300
    assert len(dataworks_emulator.requests("ListDIJobs")) in (3, 4)


def test_rate_limit_of_the_service_is_lived_with(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(read_qps=3)
    hook.client.sleep = time.sleep

    for _ in range(5):
        hook.get_di_job(di_job_id=1001)

    assert {entry["code"] for entry in dataworks_emulator.requests()} == {None, "Throttling.User"}


def test_edition_is_told_from_permission(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    message = "Please first activate DataWorks Enterprise Edition or Flagship Edition"
    dataworks_emulator.add_fault("error", status=403, code="Forbidden.Access", message=message)

    with pytest.raises(DataWorksPermanentError, match=r"needs? Enterprise Edition or above in this region"):
        CALLS["ListDIJobs"](hook)


def test_clock_that_is_off_is_named(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(clock_skew_seconds=3600)

    with pytest.raises(DataWorksPermanentError, match="Set this machine's clock") as raised:
        CALLS["ListDIJobs"](hook)
    assert raised.value.code == "InvalidTimeStamp.Expired"


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("method", ["start_di_job", "stop_di_job", "get_di_job", "update_di_job", "delete_di_job"])
def test_unknown_job_is_not_found(hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str) -> None:
    with pytest.raises(DataWorksNotFoundError, match="4711"):
        getattr(hook, method)(di_job_id=4711)

    assert len(dataworks_emulator.requests()) == 1


@IN_BOTH_VERSIONS
def test_running_job_is_not_started_again(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1001, JobStatus="Running")

    with pytest.raises(DataWorksPermanentError, match="Running"):
        hook.start_di_job(di_job_id=1001)


# A refusal inside a 200

REFUSED_INSIDE: dict[str, Callable[[DataWorksHook], Any]] = {
    "CreateDISyncTask": lambda hook: hook.create_di_sync_task(
        task_type="DI_OFFLINE", task_name="t", task_content=CONTENT
    ),
    "StartDISyncInstance": lambda hook: hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001),
    "StopDISyncInstance": lambda hook: hook.stop_di_sync_instance(task_type="DI_REALTIME", file_id=2001),
    "GetDISyncInstanceInfo": lambda hook: hook.get_di_sync_instance_info(task_type="DI_REALTIME", file_id=2001),
    "GetDISyncTask": lambda hook: hook.get_solution_detail(file_id=2002),
}


@pytest.mark.parametrize("success", [True, False, None, "true"])
@pytest.mark.parametrize("word", ["fail", "Fail", "FAILED", "false"])
@pytest.mark.parametrize("action", REFUSED_INSIDE)
def test_data_status_fail_is_a_refusal_whatever_success_says(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, action: str, word: str, success: Any
) -> None:
    body = {"Success": success, "Data": {"Status": word, "Message": "Words of the API"}}
    dataworks_emulator.add_fault("body", action=action, body=body, count=-1)

    with pytest.raises(DataWorksPermanentError, match="Words of the API") as raised:
        REFUSED_INSIDE[action](hook)

    (entry,) = dataworks_emulator.requests(action)
    error = raised.value
    assert (error.action, error.code, error.http_status) == (action, None, 200)
    assert error.request_id == entry["request_id"]


@pytest.mark.parametrize(
    ("param", "words"),
    [
        ({"FileFolderPath": "Business Flow/none/Data Integration"}, "Invalid path: Business Flow/none"),
        ({"ResourceGroup": "S_none"}, r"ResourceGroup:\[S_none\] is invalid"),
    ],
)
def test_creation_that_fails_inside_a_200(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, param: dict[str, str], words: str
) -> None:
    with pytest.raises(DataWorksPermanentError, match=words) as raised:
        hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content=CONTENT, task_param=param)

    assert (raised.value.http_status, raised.value.code) == (200, None)
    assert len(dataworks_emulator.requests()) == 1


def test_start_that_fails_inside_a_200(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksPermanentError, match=r"fileId:\[100\] is invalid\.") as raised:
        hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=100)

    assert raised.value.http_status == 200
    assert len(dataworks_emulator.requests("StartDISyncInstance")) == 1


def test_message_beside_success_decides_nothing(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(message_beside_success=True)

    file_id = hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content=CONTENT)
    hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001)

    assert dataworks_emulator.file(file_id)["creations"] == 1
    assert dataworks_emulator.file(2001)["starts"] == 1
    assert len(dataworks_emulator.requests()) == 2


@pytest.mark.parametrize("word", ["success", "Success", "SUCCESS", "true", True])
def test_words_of_success(hook: DataWorksHook, dataworks_emulator: EmulatorControl, word: Any) -> None:
    body = {"Success": True, "Data": {"Status": word, "FileId": "1000001", "Message": None}}
    dataworks_emulator.add_fault("body", action="CreateDISyncTask", body=body)

    assert hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content=CONTENT) == 1000001


@pytest.mark.parametrize(
    "body",
    [
        {"Success": True},
        {"Success": True, "Data": "text"},
        {"Success": True, "Data": {"Status": "success"}},
        {"Success": True, "Data": {"Status": "success", "FileId": None}},
        {"Success": True, "Data": {"Status": "success", "FileId": "none"}},
        {"Success": True, "Data": {"Status": "maybe", "FileId": 5}},
        {"Success": True, "Data": {"FileId": 5}},
    ],
)
def test_incomplete_answer_is_no_success(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, body: dict[str, Any]
) -> None:
    dataworks_emulator.add_fault("body", action="CreateDISyncTask", body=body)

    file_id = hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content=CONTENT)

    assert dataworks_emulator.file(file_id)["creations"] == 1
    first, second = dataworks_emulator.requests("CreateDISyncTask")
    assert first["query"] == second["query"]
