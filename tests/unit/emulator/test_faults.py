"""What a test asks to go wrong goes wrong, so many times, for these requests, before or after the effect."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl

from .conftest import Caller

KINDS: dict[str, dict[str, Any]] = {
    "throttle": {},
    "error": {},
    "expired_token": {},
    "html": {},
    "wrong_json": {},
    "wrong_type": {},
    "empty": {},
    "body": {"body": {"Data": None}},
    "raw": {"body": "[" * 1000},
    "reset": {},
    "cut": {},
}


@pytest.fixture
def raw(call: Caller) -> Iterator[socket.socket]:
    """Return an open socket to the emulator."""
    host, port = call.host.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        yield connection


def received(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


@pytest.mark.parametrize("effect", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_effect_of_the_action(call: Caller, dataworks_emulator: EmulatorControl, kind: str, effect: str) -> None:
    dataworks_emulator.add_fault(kind, "StartDIJob", effect=effect, **KINDS[kind])

    try:
        call.start()
    except (ConnectionError, http.client.IncompleteRead):
        assert kind in ("reset", "cut")
    else:
        assert kind not in ("reset", "cut")

    assert dataworks_emulator.job(1001)["starts"] == (effect == "after")
    (entry,) = dataworks_emulator.requests("StartDIJob")
    assert (entry["fault"], entry["effect"]) == (kind, effect == "after")
    assert dataworks_emulator.faults() == []


def test_reset_is_a_reset(call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket) -> None:
    dataworks_emulator.add_fault("reset")

    raw.sendall(call.signed("ListDIJobs", form={"ProjectId": "10000"}).raw())

    with pytest.raises(ConnectionResetError):
        received(raw)
    (entry,) = dataworks_emulator.requests("ListDIJobs")
    assert (entry["status"], entry["fault"]) == (None, "reset")


def test_cut_answer_is_shorter_than_it_says(
    call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket
) -> None:
    dataworks_emulator.add_fault("cut", effect="after")

    raw.sendall(call.signed("ListDIJobs", form={"ProjectId": "10000"}).raw())
    head, _, body = received(raw).partition(b"\r\n\r\n")

    lines = head.decode().lower().split("\r\n")
    assert lines[0].startswith("http/1.1 200")
    length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length:"))
    assert 0 < len(body) < length
    assert b'"RequestId"' in body


def test_slow_answer_comes_after_its_time(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("slow", "StartDIJob", seconds=0.3)
    began = time.monotonic()

    assert call.start().status == 200

    assert time.monotonic() - began >= 0.3


def test_slow_answer_has_its_effect_at_once_and_does_not_hold_up_others(
    call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket
) -> None:
    dataworks_emulator.add_fault("slow", "StartDIJob", seconds=60)

    raw.sendall(call.signed("StartDIJob", form={"DIJobId": "1001"}).raw())

    ends = time.monotonic() + 20
    while not dataworks_emulator.job(1001)["starts"]:
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert call.list().status == 200
    raw.setblocking(False)
    with pytest.raises(BlockingIOError):
        raw.recv(1)


def test_throttle_has_the_shape_of_an_error(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("throttle", headers={"X-Acs-Retry-After": 700, "Retry-After": 1})

    reply = call.list()

    assert (reply.status, reply.code) == (429, "Throttling.User")
    assert set(reply.json) == {"Code", "Message", "RequestId", "HostId", "Recommend"}
    assert (reply.headers["x-acs-retry-after"], reply.headers["retry-after"]) == ("700", "1")


def test_error_can_be_any(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", status=403, code="Forbidden.Access", message="Activate DataWorks.")

    reply = call.list()

    assert (reply.status, reply.code, reply.json["Message"]) == (403, "Forbidden.Access", "Activate DataWorks.")
    (entry,) = dataworks_emulator.requests()
    assert (entry["status"], entry["code"], entry["request_id"]) == (403, "Forbidden.Access", reply.json["RequestId"])


def test_error_body_can_be_any(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", status=503, body="no JSON")

    reply = call.list()

    assert (reply.status, reply.body) == (503, b"no JSON")


def test_answers_that_are_not_what_they_should_be(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    for kind in ("html", "wrong_json", "wrong_type", "empty"):
        dataworks_emulator.add_fault(kind, effect="after")

    html, wrong_json, wrong_type, empty = (call.list() for _ in range(4))

    assert (html.status, html.headers["content-type"], html.body[:6]) == (502, "text/html", b"<html>")
    assert (wrong_json.status, wrong_json.headers["content-type"]) == (200, "application/json;charset=utf-8")
    with pytest.raises(json.JSONDecodeError):
        _ = wrong_json.json
    assert (wrong_type.status, wrong_type.body) == (200, b"OK")
    assert wrong_type.headers["content-type"].startswith("text/plain")
    assert (empty.status, empty.body, "content-type" in empty.headers) == (200, b"", False)


def test_body_is_given_back_as_it_is(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("body", body={"Data": "text", "Success": False})
    dataworks_emulator.add_fault("body", body=[1, "中"])

    first, second = call.list(), call.list()

    assert (first.json["Data"], first.json["Success"]) == ("text", False)
    assert first.json["RequestId"] == first.headers["x-acs-request-id"]
    assert second.json == [1, "中"]


def test_clock_skew_changes_what_is_expired(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("clock_skew", seconds=3600)

    assert call.list().code == "InvalidTimeStamp.Expired"
    assert call.list().status == 200
    assert [entry["fault"] for entry in dataworks_emulator.requests()] == ["clock_skew", None]


def test_small_clock_skew_lets_the_action_be_done(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("clock_skew", seconds=-60)

    assert call.start().status == 200
    assert dataworks_emulator.job(1001)["starts"] == 1


def test_faults_come_in_order_for_their_action(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", "StartDIJob", status=501)
    dataworks_emulator.add_fault("error", count=2, status=502)
    dataworks_emulator.add_fault("error", "StartDIJob", status=503)

    assert [call.list().status, call.start().status, call.start().status] == [502, 501, 502]
    assert [call.list().status, call.start().status, call.start().status] == [200, 503, 200]


def test_skip_lets_requests_pass_before(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("throttle", "ListDIJobs", skip=2)

    assert [call.list().status for _ in range(4)] == [200, 200, 429, 200]


def test_fault_without_end(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", count=-1)

    assert [call.list().status for _ in range(3)] == [500, 500, 500]
    dataworks_emulator.clear_faults()
    assert call.list().status == 200


def test_faults_that_wait_are_shown(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    identifier = dataworks_emulator.add_fault("throttle", "ListDIJobs", count=2, skip=1)
    call.list()
    call.list()

    (fault,) = dataworks_emulator.faults()

    assert (fault["id"], fault["kind"], fault["remaining"], fault["skip"]) == (identifier, "throttle", 1, 0)


def test_only_admitted_requests_meet_a_fault(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error")

    assert call("ListDIJobs", headers={"x-acs-extra": "1"}).code == "IncompleteSignature"
    assert call("NoSuchAction").code == "InvalidAction.NotFound"
    assert len(dataworks_emulator.faults()) == 1
    assert call.list().status == 500


def test_fault_after_a_refusal_hides_it(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("html", effect="after")

    assert call.start(999).status == 502
    assert dataworks_emulator.requests("StartDIJob")[0]["effect"] is False


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "unknown"},
        {"kind": "error", "count": 0},
        {"kind": "error", "count": -2},
        {"kind": "error", "skip": -1},
        {"kind": "error", "effect": "during"},
        {"kind": "error", "status": 99},
        {"kind": "error", "seconds": 1},
        {"kind": "error", "headers": ["a"]},
        {"kind": "error", "headers": {"a": "b\r\nc: d"}},
        {"kind": "slow"},
        {"kind": "slow", "seconds": -1},
        {"kind": "clock_skew", "seconds": "1"},
        {"kind": "raw"},
        {"kind": "drip", "seconds": -1},
        {"kind": "drip", "seconds": 1, "part": "tail"},
        {"kind": "gzip_bomb", "megabytes": 0},
        {"kind": "gzip_bomb", "megabytes": 1.5},
        {"kind": "late", "seconds": 1, "reset": 1},
        {"kind": "error", "headers": {"a": "中"}},
        {"kind": "throttle", "where": {"DIJobId": 1001}},
        {"kind": "body"},
        {"kind": "reset", "status": 500},
    ],
)
def test_fault_that_makes_no_sense_is_refused(dataworks_emulator: EmulatorControl, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="400"):
        dataworks_emulator.add_fault(**fault)

    assert dataworks_emulator.faults() == []


def test_fault_meets_only_requests_with_these_parameters(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", "GetDIJob", count=-1, where={"DIJobId": "1002"})

    codes = [call("GetDIJob", form={"DIJobId": di_job_id}).status for di_job_id in ("1001", "1002", "1003", "1002")]

    assert codes == [200, 500, 200, 500]


def test_raw_answer_has_the_status_type_headers_and_body_that_were_asked_for(
    call: Caller, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault(
        "raw", status=503, content_type="text/html;charset=undefined", headers={"Retry-After": "9"}, body="²"
    )

    reply = call.list()

    assert (reply.status, reply.body.decode()) == (503, "²")
    assert (reply.headers["content-type"], reply.headers["retry-after"]) == ("text/html;charset=undefined", "9")


def test_dripping_answer_comes_byte_by_byte(
    call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket
) -> None:
    dataworks_emulator.add_fault("drip", seconds=0.05)
    began = time.monotonic()

    raw.sendall(call.signed("StartDIJob", form={"DIJobId": "1001"}).raw())

    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += raw.recv(65536)
    while len(answer.partition(b"\r\n\r\n")[2]) < 4:
        answer += raw.recv(65536)
    assert time.monotonic() - began >= 0.2
    assert dataworks_emulator.job(1001)["starts"] == 1


@pytest.mark.waits
def test_late_request_has_its_effect_although_the_client_has_gone(
    call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket
) -> None:
    dataworks_emulator.add_fault("late", "StartDIJob", seconds=1.0)

    raw.sendall(call.signed("StartDIJob", form={"DIJobId": "1001"}).raw())
    raw.shutdown(socket.SHUT_RDWR)

    assert dataworks_emulator.job(1001)["starts"] == 0
    ends = time.monotonic() + 10
    while not dataworks_emulator.job(1001)["starts"] and time.monotonic() < ends:
        time.sleep(0.05)
    (entry,) = dataworks_emulator.requests("StartDIJob")
    assert (entry["fault"], entry["effect"]) == ("late", True)


def test_job_can_hide_when_it_was_started(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1001, hides_started_time=True)
    call.start()

    data = call("GetDIJob", form={"DIJobId": "1001"}).json["Data"]

    assert (data["JobStatus"], data.get("StartedTime")) == ("Running", None)
    assert dataworks_emulator.job(1001)["StartedTime"]


@pytest.mark.parametrize(("part", "slow"), [("headers", b"HTTP/1.1"), ("response", b"HTTP/1.1")])
def test_headers_can_drip_too(
    call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket, part: str, slow: bytes
) -> None:
    dataworks_emulator.add_fault("drip", "StartDIJob", seconds=0.05, part=part)
    began = time.monotonic()

    raw.sendall(call.signed("StartDIJob", form={"DIJobId": "1001"}).raw())
    start = b""
    while len(start) < len(slow):
        start += raw.recv(1)

    assert start == slow
    assert time.monotonic() - began >= 0.05 * len(slow)
    assert dataworks_emulator.job(1001)["starts"] == 1


@pytest.mark.parametrize("part", ["body", "headers", "response"])
def test_dripping_answer_is_complete_in_the_end(call: Caller, dataworks_emulator: EmulatorControl, part: str) -> None:
    dataworks_emulator.add_fault("drip", "StopDIJob", seconds=0.0005, part=part)

    reply = call("StopDIJob", form={"DIJobId": "1001"})

    assert reply.status == 200
    assert reply.json["RequestId"] == reply.headers["x-acs-request-id"]


def test_gzip_bomb_is_small_on_the_wire_and_large_unpacked(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("gzip_bomb", "StartDIJob", megabytes=20)

    reply = call.start()

    assert reply.headers["content-encoding"] == "gzip"
    assert len(reply.body) < 50_000
    unpacked = gzip.decompress(reply.body)
    assert len(unpacked) > 20 * 2**20
    assert "RequestId" in json.loads(unpacked)
    assert dataworks_emulator.job(1001)["starts"] == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_goes_where_it_was_told(call: Caller, dataworks_emulator: EmulatorControl, status: int) -> None:
    dataworks_emulator.add_fault("raw", status=status, headers={"Location": "http://192.0.2.7/x"}, body="")

    reply = call.start()

    assert (reply.status, reply.headers["location"]) == (status, "http://192.0.2.7/x")
    assert dataworks_emulator.job(1001)["starts"] == 0


@pytest.mark.parametrize("value", ["²", "1e400", "-1", "soon", "Wed, 21 Oct 2099 07:28:00 GMT", "9" * 5000, ""])
def test_retry_after_can_be_any_string(call: Caller, dataworks_emulator: EmulatorControl, value: str) -> None:
    dataworks_emulator.add_fault("throttle", headers={"Retry-After": value})

    reply = call.list()

    assert (reply.status, reply.headers["retry-after"]) == (429, value)


def test_answer_can_be_nested_deeply(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("raw", body="[" * 100_000)

    assert call.list().body == b"[" * 100_000


@pytest.mark.waits
def test_late_request_can_have_its_effect_after_its_connection_was_reset(
    call: Caller, dataworks_emulator: EmulatorControl, raw: socket.socket
) -> None:
    dataworks_emulator.add_fault("late", "StartDIJob", seconds=1.0, reset=True)

    raw.sendall(call.signed("StartDIJob", form={"DIJobId": "1001"}).raw())
    with pytest.raises(ConnectionResetError):
        received(raw)

    assert dataworks_emulator.requests("StartDIJob") == []
    ends = time.monotonic() + 10
    while not dataworks_emulator.job(1001)["starts"]:
        assert time.monotonic() < ends
        time.sleep(0.05)
    (entry,) = dataworks_emulator.requests("StartDIJob")
    assert (entry["fault"], entry["effect"], entry["status"]) == ("late", True, None)
