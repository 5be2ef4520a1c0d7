"""The official SDK raises at the emulator's refusals and faults what it raises at the vendor's."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from alibabacloud_tea_openapi import exceptions
from alibabacloud_tea_openapi.models import OpenApiRequest, Params
from alibabacloud_tea_openapi.utils import Utils
from darabonba.runtime import RuntimeOptions  # type: ignore[import-untyped]
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import (
    STS_ACCESS_KEY_ID,
    STS_ACCESS_KEY_SECRET,
    STS_SECURITY_TOKEN,
)

from .conftest import SdkFactory

LIST = models.ListDIJobsRequest(project_id=10000)
START = models.StartDIJobRequest(dijob_id=1001)


def refusal(client: Client) -> TeaException:
    with pytest.raises(TeaException) as raised:
        client.list_dijobs(LIST)
    error: TeaException = raised.value
    return error


# Keys, signatures, dates, nonces


def test_wrong_secret(make_sdk: SdkFactory, dataworks_emulator: EmulatorControl) -> None:
    error = refusal(make_sdk(access_key_secret="wrong"))

    assert isinstance(error, exceptions.ClientException)
    assert (error.statusCode, error.code) == (400, "SignatureDoesNotMatch")
    assert error.data["Message"]
    assert error.data["HostId"] == dataworks_emulator.url.removeprefix("http://")
    assert error.data["RequestId"] == error.request_id
    assert error.data["Recommend"].startswith("https://")


def test_unknown_key(make_sdk: SdkFactory) -> None:
    error = refusal(make_sdk(access_key_id="LTAI-nobody"))

    assert (error.statusCode, error.code) == (404, "InvalidAccessKeyId.NotFound")


def test_temporary_key(make_sdk: SdkFactory, dataworks_emulator: EmulatorControl) -> None:
    sdk = make_sdk(
        access_key_id=STS_ACCESS_KEY_ID,
        access_key_secret=STS_ACCESS_KEY_SECRET,
        security_token=STS_SECURITY_TOKEN,
    )

    assert sdk.list_dijobs(LIST).body.dijob_paging.total_count == 6

    (entry,) = dataworks_emulator.requests("ListDIJobs")
    assert "x-acs-security-token" in entry["signed_headers"]
    assert STS_SECURITY_TOKEN not in str(entry)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"security_token": "other"}, "InvalidSecurityToken.Malformed"),
        ({"access_key_id": "STS.other"}, "InvalidSecurityToken.MismatchWithAccessKey"),
        ({"access_key_secret": "other"}, "SignatureDoesNotMatch"),
        ({"security_token": None}, "InvalidAccessKeyId.NotFound"),
    ],
)
def test_bad_temporary_key(make_sdk: SdkFactory, changes: dict[str, str], code: str) -> None:
    key = {
        "access_key_id": STS_ACCESS_KEY_ID,
        "access_key_secret": STS_ACCESS_KEY_SECRET,
        "security_token": STS_SECURITY_TOKEN,
    }

    assert refusal(make_sdk(**{**key, **changes})).code == code


def test_expired_temporary_key(make_sdk: SdkFactory, dataworks_emulator: EmulatorControl) -> None:
    key = {"access_key_id": "STS.old", "access_key_secret": "s", "security_token": "t"}
    dataworks_emulator.settings(sts=[{**key, "expired": True}])

    error = refusal(make_sdk(**key))

    assert (error.statusCode, error.code) == (400, "InvalidSecurityToken.Expired")


@pytest.mark.parametrize(("skew", "accepted"), [(-890, True), (890, True), (-910, False), (910, False)])
def test_date_window(sdk: Client, dataworks_emulator: EmulatorControl, skew: int, accepted: bool) -> None:
    dataworks_emulator.settings(clock_skew_seconds=skew)

    if accepted:
        assert sdk.list_dijobs(LIST).status_code == 200
    else:
        error = refusal(sdk)
        assert (error.statusCode, error.code) == (400, "InvalidTimeStamp.Expired")


def test_nonce_is_used_once(sdk: Client) -> None:
    with patch.object(Utils, "get_nonce", staticmethod(lambda: "the same nonce")):
        assert sdk.list_dijobs(LIST).status_code == 200
        error = refusal(sdk)

    assert (error.statusCode, error.code) == (400, "SignatureNonceUsed")


def test_old_signature_is_refused(make_sdk: SdkFactory) -> None:
    with pytest.raises(TeaException) as raised:
        make_sdk(signature_algorithm="v2").list_dijobs(LIST)

    assert raised.value.statusCode == 400


# Actions and parameters


def call(client: Client, action: str, version: str = "2020-05-18", **request: Any) -> dict[str, Any]:
    """Call any action through the SDK's own core."""
    params = Params(
        action=action, version=version, protocol="HTTP", pathname="/", method="POST", auth_type="AK", style="RPC",
        req_body_type="formData", body_type="json",
    )  # fmt: skip
    answer: dict[str, Any] = client.call_api(params, OpenApiRequest(**request), RuntimeOptions())
    return answer


def settings(text: str) -> dict[str, Any]:
    return {"body": {"DIJobId": 1001, "RealtimeStartSettings": text}}


@pytest.mark.parametrize(
    ("action", "request_", "status", "code"),
    [
        ("NoSuchAction", {}, 404, "InvalidAction.NotFound"),
        ("listdijobs", {"body": {"ProjectId": 10000}}, 404, "InvalidAction.NotFound"),
        ("ListDIJobs", {"version": "2024-05-17"}, 400, "NoSuchVersion"),
        ("ListDIJobs", {}, 400, "MissingProjectId"),
        ("ListDIJobs", {"query": {"ProjectId": "10000"}}, 400, "InvalidParameter"),
        ("ListDIJobs", {"body": {"ProjectId": 10000, "Status": "Running"}}, 400, "InvalidParameter"),
        ("ListDIJobs", {"body": {"ProjectId": "ten"}}, 400, "InvalidParameter"),
        ("ListDIJobs", {"body": {"ProjectId": 10000, "PageNumber": "1.0"}}, 400, "InvalidParameter"),
        ("StartDIJob", {}, 400, "MissingDIJobId"),
        ("StartDIJob", {"body": {"DIJobId": ""}}, 400, "MissingDIJobId"),
        ("StartDIJob", {"body": {"DIJobId": 1001, "ForceToRerun": "yes"}}, 400, "InvalidParameter"),
        ("StartDIJob", settings("{"), 400, "InvalidParameter"),
        ("StartDIJob", settings("7"), 400, "InvalidParameter"),
        ("StartDIJob", settings('{"Start":1}'), 400, "InvalidParameter"),
        ("StartDIJob", settings('{"StartTime":"1"}'), 400, "InvalidParameter"),
        ("StartDIJob", settings('{"StartTime":1671516776000}'), 400, "InvalidParameter"),
        ("StartDIJob", settings('{"FailoverSettings":{"Limit":1}}'), 400, "InvalidParameter"),
        ("StartDISyncInstance", {"body": {"ProjectId": 10000}}, 400, "InvalidParameter"),
        ("CreateDISyncTask", {"query": {"ProjectId": "1", "TaskContent": "{}"}}, 400, "InvalidParameter"),
    ],
)  # fmt: skip
def test_bad_calls(
    sdk: Client,
    dataworks_emulator: EmulatorControl,
    action: str,
    request_: dict[str, Any],
    status: int,
    code: str,
) -> None:
    with pytest.raises(TeaException) as raised:
        call(sdk, action, **request_)

    assert (raised.value.statusCode, raised.value.code) == (status, code)
    assert dataworks_emulator.job(1001)["starts"] == 0


def test_empty_request_of_the_sdk_lacks_its_parameter(sdk: Client) -> None:
    with pytest.raises(TeaException) as raised:
        sdk.start_dijob(models.StartDIJobRequest())

    assert raised.value.code == "MissingDIJobId"


def test_region_id_is_let_pass(sdk: Client) -> None:
    assert call(sdk, "ListProjects", query={"RegionId": "cn-shanghai"})["statusCode"] == 200


# Throttling


def test_reads_beyond_the_limit_are_throttled(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(read_qps=2)
    sdk.list_dijobs(LIST)
    sdk.get_dijob(models.GetDIJobRequest(dijob_id=1001))

    error = refusal(sdk)

    assert (error.statusCode, error.code) == (429, "Throttling.User")
    sdk.start_dijob(START)  # writes have a limit of their own


def test_throttling_with_a_waiting_time(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("throttle", headers={"x-acs-retry-after": "1500"})

    error = refusal(sdk)

    assert isinstance(error, exceptions.ThrottlingException)
    assert error.retry_after == 1500


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "Throttling.Api"),
        (429, "Throttling.System"),
        (429, "Throttling.Api.Risk"),
        (429, "Throttling.Resource"),
        (400, "Throttling.User"),
        (403, "Forbidden.Access"),
        (500, "Forbidden.Not.Server"),
        (500, "InternalError.UserId.Missing"),
        (503, "ServiceUnavailable"),
    ],
)
def test_codes_of_the_vendor(sdk: Client, dataworks_emulator: EmulatorControl, status: int, code: str) -> None:
    dataworks_emulator.add_fault("error", status=status, code=code, message="As the vendor says.")

    error = refusal(sdk)

    kind = exceptions.ServerException if status >= 500 else exceptions.ClientException
    # The SDK's core up to 0.4.5 has a class of its own for each Throttling code, not only with a waiting time.
    assert isinstance(error, (kind, exceptions.ThrottlingException) if code.startswith("Throttling") else kind)
    assert (error.statusCode, error.code) == (status, code)
    assert "As the vendor says." in str(error)
    assert sdk.list_dijobs(LIST).status_code == 200


# Answers that are none


@pytest.mark.parametrize("kind", ["html", "empty", "wrong_json", "wrong_type", "cut", "reset"])
def test_answers_that_cannot_be_read_have_no_code(sdk: Client, dataworks_emulator: EmulatorControl, kind: str) -> None:
    dataworks_emulator.add_fault(kind, effect="after")

    error = refusal(sdk)

    assert error.code is None
    assert dataworks_emulator.requests("ListDIJobs")[0]["fault"] == kind


@pytest.mark.parametrize("kind", ["error", "html", "empty", "wrong_json", "wrong_type", "cut", "reset", "throttle"])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_fault_comes_before_or_after_the_effect(
    sdk: Client, dataworks_emulator: EmulatorControl, kind: str, effect: str
) -> None:
    dataworks_emulator.add_fault(kind, action="StartDIJob", effect=effect)
    sdk.list_dijobs(LIST)

    with pytest.raises(TeaException):
        sdk.start_dijob(START)

    assert dataworks_emulator.job(1001)["starts"] == (effect == "after")
    assert dataworks_emulator.requests("StartDIJob")[0]["effect"] is (effect == "after")


def test_answer_later_than_the_read_timeout(make_sdk: SdkFactory, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("slow", action="StartDIJob", seconds=60)
    began = time.monotonic()

    with pytest.raises(TeaException) as raised:
        make_sdk(read_timeout=200).start_dijob(START)

    assert raised.value.code is None
    assert time.monotonic() - began < 20
    # The server may take the request up later than its client gives up.
    while not dataworks_emulator.job(1001)["starts"]:
        assert time.monotonic() - began < 20
        time.sleep(0.01)
    assert dataworks_emulator.job(1001)["starts"] == 1


def test_error_body_without_a_code(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", status=400, body={"Reason": "none"})

    assert refusal(sdk).code == "None"


def test_body_of_ones_own(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("body", body={"Code": "X", "DIJobPaging": {"TotalCount": 1, "DIJobs": []}})

    answer = sdk.list_dijobs(LIST)

    assert answer.body.dijob_paging.total_count == 1
    assert answer.body.request_id == dataworks_emulator.requests()[0]["request_id"]


def test_expired_token_fault(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("expired_token")

    error = refusal(sdk)

    assert (error.statusCode, error.code) == (400, "InvalidSecurityToken.Expired")


# Many at once


def test_starts_at_once_are_one_start(make_sdk: SdkFactory, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(write_qps=0)
    dataworks_emulator.add_fault("throttle", action="StartDIJob", count=5)
    barrier = threading.Barrier(8)

    def start(_: int) -> str:
        sdk = make_sdk()
        barrier.wait()
        try:
            sdk.start_dijob(START)
        except TeaException as error:
            return str(error.code)
        return "started"

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(start, range(8)))

    assert sorted(results) == ["IncorrectDIJobStatus"] * 2 + ["Throttling.User"] * 5 + ["started"]
    assert dataworks_emulator.job(1001)["starts"] == 1
    entries = dataworks_emulator.requests("StartDIJob")
    assert [entry["seq"] for entry in entries] == list(range(1, 9))
    assert [entry["fault"] for entry in entries] == ["throttle"] * 5 + [None] * 3
    assert sum(entry["effect"] for entry in entries) == 1
    assert dataworks_emulator.state()["counts"] == {"StartDIJob": 8}
