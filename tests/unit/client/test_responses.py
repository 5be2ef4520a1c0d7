"""What a response says of the call: its content, or an error with everything that the response gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.errors import ApiError, Outcome
from airflow_provider_dataworks.client.responses import incomplete_response, read_response, requested_wait
from airflow_provider_dataworks.client.transport import Response
from tests.support.clock import FakeClock


def response(content: Any, status: int = 200, problem: str = "", **headers: str) -> Response:
    """What came back: bytes or None as they are, other content as JSON."""
    body = content if content is None or isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, problem)


def refused(content: Any, status: int = 200, problem: str = "", **headers: str) -> ApiError:
    with pytest.raises(ApiError) as raised:
        read_response("GetDIJob", response(content, status, problem, **headers))
    return raised.value


@pytest.mark.parametrize("status", [200, 201, 299])
@pytest.mark.parametrize(
    "content",
    [
        {},
        {"Data": 1},
        {"Success": True, "Code": "Odd"},
        {"Success": "TRUE"},
        {"success": True, "code": "Odd"},
        {"Code": ""},
        {"Code": "200"},
        {"Code": 200},
        {"Code": "OK"},
        {"Code": "success"},
        {"Code": "0"},
        {"Code": None, "code": None, "ErrorCode": None},
    ],
)
def test_a_good_response_is_its_content(content: dict[str, Any], status: int) -> None:
    assert read_response("GetDIJob", response(content, status)) == content


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ({"Success": False}, None),
        ({"Success": "False", "Code": "200"}, None),
        ({"Success": False, "Code": "OK"}, None),
        ({"success": False, "code": "Odd"}, "Odd"),
        ({"Code": "Odd"}, "Odd"),
        ({"ErrorCode": "Odd", "Code": None}, "Odd"),
        ({"Success": "maybe", "Code": "Odd"}, "Odd"),
    ],
)
def test_a_refusal_may_come_with_status_200(content: dict[str, Any], code: str | None) -> None:
    error = refused(content)

    assert (error.outcome, error.code, error.http_status, error.action) == (Outcome.REFUSED, code, 200, "GetDIJob")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(199, "UNKNOWN"), (300, "REFUSED"), (400, "REFUSED"), (500, "UNKNOWN"), (429, "NOT_EXECUTED")],
)
def test_another_status_is_an_error_whatever_the_content_is(status: int, outcome: str) -> None:
    error = refused({"Success": True, "Message": "no"}, status)

    assert (error.outcome, error.message, error.http_status) == (Outcome[outcome], "no", status)


def test_a_code_that_passes_says_so_inside_a_200_too() -> None:
    assert refused({"Success": False, "Code": "Throttling.User"}).outcome is Outcome.NOT_EXECUTED


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"Message": "a", "message": "b"}, "a"),
        ({"message": "b", "ErrorMessage": "c"}, "b"),
        ({"ErrorMessage": "c", "Data": {"Message": "d"}}, "c"),
        ({"Data": {"Message": "d"}}, "d"),
        ({"Data": "fail"}, "HTTP 400 without a message"),
        ({"Message": ""}, "HTTP 400 without a message"),
        ({"Message": "x" * 2000}, "x" * 2000),
        ({"Message": "x" * 2001}, "x" * 2000 + " ..."),
        ({"Message": "a\nb\x1b[31m"}, "a b"),
    ],
)
def test_the_message_is_the_services(content: dict[str, Any], message: str) -> None:
    assert refused(content, 400).message == message


@pytest.mark.parametrize(
    ("content", "request_id"),
    [
        ({"RequestId": "A", "requestId": "B"}, "A"),
        ({"requestId": "B"}, "B"),
        ({}, "C"),
        ({"RequestId": "x" * 300}, "x" * 200),
    ],
)
def test_the_request_id_is_the_bodys_or_the_headers(content: dict[str, Any], request_id: str) -> None:
    error = refused(content, 400, x_acs_request_id="C", x_acs_retry_after="1500")

    assert (error.request_id, error.retry_after) == (request_id, 1.5)
    assert refused(b"<html>", 502, x_acs_request_id="C").request_id == "C"


@pytest.mark.parametrize(
    ("body", "problem", "message"),
    [
        (None, "the connection broke", "HTTP 502 with a body that cannot be read: the connection broke"),
        (b"", "", "HTTP 502 with an empty answer"),
        (b"<html>Bad \xff</html>", "", "HTTP 502 with no JSON object but 'Bad \N{REPLACEMENT CHARACTER}'"),
        (b"[1]", "", "HTTP 502 with no JSON object but '[1]'"),
        (b'{"A": NaN}', "", "HTTP 502 with no JSON object but '{\"A\": NaN}'"),
        (b"[" * 100_000, "", f"HTTP 502 with no JSON object but '{'[' * 160}'"),
    ],
)
def test_what_is_no_json_object_is_described(body: bytes | None, problem: str, message: str) -> None:
    error = refused(body, 502, problem, x_acs_retry_after="2000")

    assert (error.message, error.outcome, error.http_status) == (message, Outcome.UNKNOWN, 502)
    assert (error.action, error.code, error.retry_after) == ("GetDIJob", None, 2.0)


def test_what_is_no_json_object_is_unknown_with_status_200_too() -> None:
    assert refused(b"").outcome is Outcome.UNKNOWN
    assert refused(b"", 400).outcome is Outcome.REFUSED


def test_an_incomplete_response_may_have_been_carried_out() -> None:
    error = incomplete_response("StartDIJob", "no\nDIJobId", {"RequestId": "A"})

    assert error.message == "the answer is incomplete: no DIJobId"
    assert (error.action, error.outcome, error.http_status) == ("StartDIJob", Outcome.UNKNOWN, 200)
    assert error.request_id == "A"
    assert incomplete_response("StartDIJob", "x", {}).request_id is None


@pytest.mark.parametrize(
    ("headers", "status", "seconds"),
    [
        ({}, 429, None),
        ({"x_acs_retry_after": "1500"}, 200, 1.5),
        ({"x_acs_retry_after": " 1500 "}, 429, 1.5),
        ({"x_acs_retry_after": "-1"}, 429, None),
        ({"x_acs_retry_after": "9" * 15}, 429, 300.0),
        ({"x_acs_retry_after": "9" * 16}, 429, None),
        ({"x_ratelimit_user_api": "Limit:1,TimeLeft:2500"}, 429, 2.5),
        ({"x_ratelimit_user": "TimeLeft:3500,Remain:0"}, 429, 3.5),
        ({"x_ratelimit_user": "TimeLeft:3500", "x_ratelimit_user_api": "TimeLeft:4500"}, 429, 4.5),
        ({"x_ratelimit_user": "TimeLeft:4500", "x_ratelimit_user_api": "Limit:1"}, 429, 4.5),
        ({"x_ratelimit_user": "TimeLeft:4500"}, 200, None),
        ({"retry_after": "7"}, 503, 7.0),
        ({"retry_after": " 7 ", "x_acs_retry_after": "8000"}, 503, 8.0),
        ({"retry_after": "9", "x_acs_retry_after": "8000"}, 503, 9.0),
        ({"retry_after": "0"}, 503, 0.0),
        ({"retry_after": "301"}, 503, 300.0),
        ({"retry_after": "Fri, 15 Jan 2027 08:00:20 GMT"}, 503, 20.0),
        ({"retry_after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 503, 0.0),
        ({"retry_after": "soon"}, 503, None),
    ],
)
def test_the_longest_wait_that_the_server_asks_for_counts(
    headers: dict[str, str], status: int, seconds: float | None
) -> None:
    with installed(FakeClock(1_800_000_000.0)):
        assert requested_wait(response({}, status, **headers)) == seconds
