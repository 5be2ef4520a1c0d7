"""The emulator checks each request before it dispatches it to an action."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl

from .conftest import Caller

LIST = {"ProjectId": "10000"}


def test_well_signed_request_is_answered(call: Caller) -> None:
    reply = call.list()

    assert reply.status == 200
    assert reply.json["DIJobPaging"]["TotalCount"] == 6
    assert reply.headers["x-acs-request-id"] == reply.json["RequestId"]


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("authorization", None, "IncompleteSignature"),
        ("authorization", "Bearer x", "InvalidSignatureMethod"),
        ("authorization", "ACS3-HMAC-SHA256 Credential=x", "IncompleteSignature"),
        ("authorization", "ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature=", "IncompleteSignature"),
        ("x-acs-extra", "1", "IncompleteSignature"),
        ("x-acs-date", None, "SignatureDoesNotMatch"),
        ("x-acs-signature-nonce", "another", "SignatureDoesNotMatch"),
        ("content-type", "application/x-www-form-urlencoded; charset=utf-8", "SignatureDoesNotMatch"),
        ("x-acs-action", None, "MissingAction"),
        ("x-acs-version", None, "MissingVersion"),
    ],
)
def test_header_changed_after_signing(
    call: Caller, dataworks_emulator: EmulatorControl, header: str, value: str | None, code: str
) -> None:
    reply = call("StartDIJob", form={"DIJobId": "1001"}, headers={header: value})

    assert (reply.status, reply.code) == (400, code)
    assert dataworks_emulator.job(1001)["starts"] == 0


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("x-acs-signature-nonce", None, "IncompleteSignature"),
        ("x-acs-date", None, "InvalidTimeStamp.Format"),
        ("x-acs-date", "2026-11-21 20:55:45", "InvalidTimeStamp.Format"),
        ("x-acs-date", "2026-13-45T20:55:45Z", "InvalidTimeStamp.Format"),
        ("x-acs-date", "2020-01-01T00:00:00Z", "InvalidTimeStamp.Expired"),
        ("x-acs-content-sha256", "0" * 64, "SignatureDoesNotMatch"),
        ("x-acs-version", "2024-05-17", "NoSuchVersion"),
        ("content-type", "application/json", "InvalidContentType"),
        ("host", None, "IncompleteSignature"),
    ],
)
def test_header_wrong_although_signed(call: Caller, header: str, value: str | None, code: str) -> None:
    reply = call("ListDIJobs", form=LIST, signed={header: value})

    assert (reply.status, reply.code) == (400, code)


def test_body_changed_after_signing(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    request = call.signed("StartDIJob", form={"DIJobId": "1001"})
    request.body = b"DIJobId=1002"

    assert call.send(request).code == "SignatureDoesNotMatch"
    assert dataworks_emulator.job(1002)["starts"] == 0


def test_query_changed_after_signing(call: Caller) -> None:
    request = call.signed("ListProjects", query={"PageSize": "10"})
    request.target = "/?PageSize=11"

    assert call.send(request).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("blank", ["+", "%20"])
def test_blank_in_the_query_may_be_spelt_both_ways(call: Caller, blank: str) -> None:
    request = call.signed("ListProjects", query={"ResourceManagerResourceGroupId": "a b*~é"})
    request.target = f"/?ResourceManagerResourceGroupId=a{blank}b%2A~%C3%A9"

    assert call.send(request).status == 200


def test_same_bytes_are_taken_once(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    request = call.signed("StopDIJob", form={"DIJobId": "1001"})

    assert call.send(request).status == 200
    again = call.send(request)

    assert (again.status, again.code) == (400, "SignatureNonceUsed")


def test_nonce_of_a_refused_signature_is_not_used_up(call: Caller) -> None:
    nonce = {"x-acs-signature-nonce": "n"}

    assert call("ListDIJobs", form=LIST, signed=nonce, headers={"x-acs-extra": "1"}).status == 400
    assert call("ListDIJobs", form=LIST, signed=nonce).status == 200


@pytest.mark.parametrize("body", [b"ProjectId=%FF", "ProjectId=中".encode()])
def test_parameters_that_are_not_encoded(call: Caller, body: bytes) -> None:
    reply = call("ListDIJobs", body=body)

    assert (reply.status, reply.code) == (400, "InvalidParameter.Format")


def test_parameter_that_is_there_twice(call: Caller) -> None:
    reply = call("ListDIJobs", body=b"ProjectId=10000&ProjectId=10000")

    assert (reply.status, reply.code) == (400, "InvalidParameter")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_other_methods_are_refused(call: Caller, method: str) -> None:
    connection = call.connect()
    connection.request(method, "/")
    response = connection.getresponse()

    assert (response.status, b"UnsupportedHTTPMethod" in response.read()) == (400, True)
    connection.close()


def test_connection_is_kept_and_answers_come_at_once(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(read_qps=0)
    connection = call.connect()
    connection.connect()
    socket_ = connection.sock
    durations = []

    for _ in range(25):
        request = call.signed("ListDIJobs", form=LIST)
        began = time.monotonic()
        assert call.send(request, connection).status == 200
        durations.append(time.monotonic() - began)

    assert connection.sock is socket_
    assert min(durations) < 0.035  # with Nagle's algorithm each of them is over 40 ms, however fast the machine is
    connection.close()


def test_write_limit_is_apart_from_the_read_limit(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(write_qps=1)

    assert call.start(1001).status == 200
    throttled = call.start(1002)

    assert (throttled.status, throttled.code) == (429, "Throttling.User")
    assert call.list().status == 200
    assert dataworks_emulator.job(1002)["starts"] == 0


def test_responses_have_the_date_that_requests_are_judged_by(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(clock_skew_seconds=600)
    reply = call.list()

    assert parsedate_to_datetime(reply.headers["date"]).timestamp() == pytest.approx(time.time() + 600, abs=5)
    dataworks_emulator.add_fault("raw", status=200, headers={"Date": "Sat, 21 Nov 2026 20:55:45 GMT"}, body="{}")
    assert call.list().headers["date"] == "Sat, 21 Nov 2026 20:55:45 GMT"
