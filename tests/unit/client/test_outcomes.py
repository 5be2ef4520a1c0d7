"""An error's code says whether the call was refused, surely not executed, or may have happened."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dataworks.client import client as client_module
from airflow_provider_dataworks.client.catalog import v2020_05_18
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.errors import ApiError, Outcome, is_read_only, outcome_of
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.calls import call
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

REFUSED = [
    # Permanent although their status says otherwise.
    ("Throttling.Api.Risk", 429),
    ("Throttling.Resource", 429),
    ("Forbidden.Not.Server", 500),
    # Of the service.
    ("ResourceNotAuthorized.Api", 403),
    ("Forbidden.Access", 403),
    ("Forbidden.DI.NoPrivilege", 403),
    ("Invalid.DI.Parameter", 400),
    ("Invalid.DI.Parameter.File.Existed", 400),
    ("Param.Invalid", 400),
    ("InternalError.UserId.Missing", 400),
    ("Invalid.Tenant.UserNotInProject", 400),
    ("Invalid.Tenant.ProjectNotExists", 400),
    ("Invalid.Tenant.UserNotInTenant", 403),
    ("Invalid.Tenant.UserIsNotProjectOwnerOrAdmin", 403),
    ("9990010001", 400),
    ("1201111279", 400),
    # Of the gateway; their status differs between documents and years.
    ("SignatureDoesNotMatch", 400),
    ("SignatureDoesNotMatch", 403),
    ("IncompleteSignature", 400),
    ("InvalidSignatureMethod", 400),
    ("InvalidAccessKeyId.NotFound", 404),
    ("InvalidAccessKeyId.NotFound", 400),
    ("InvalidAccessKeyId.Inactive", 400),
    ("InvalidTimeStamp.Format", 400),
    ("InvalidTimeStamp.Expired", 400),
    ("InvalidSecurityToken.Expired", 400),
    ("InvalidSecurityToken.Malformed", 403),
    ("InvalidSecurityToken.MismatchWithAccessKey", 400),
    ("MissingProjectId", 400),
    ("InvalidParameter", 400),
    ("InvalidParameter.Format", 400),
    ("InvalidDIJobId", 400),
    ("InvalidAction.NotFound", 404),
    ("InvalidApi.NotFound", 404),
    ("InvalidVersion", 400),
    ("NoSuchVersion", 404),
    ("InvalidProtocol.NeedSsl", 400),
    ("UnsupportedHTTPMethod", 400),
    ("Forbidden.RAM", 403),
    ("NoPermission", 403),
    ("Forbidden", 403),
    ("Forbidden.RiskControl", 403),
    ("Forbidden.UserVerification", 403),
    ("InsufficientBalance", 400),
]
NOT_EXECUTED = [
    ("Throttling", 400),
    ("Throttling.User", 400),
    ("Throttling.Api", 400),
    ("Throttling.Api", 429),
    ("Throttling.System", 429),
    ("Throttling.User", 429),
    ("Throttling.User", 503),
    ("ServiceUnavailable", 503),
    (None, 429),
]
UNKNOWN = [
    ("InternalError", 500),
    ("InternalError.System", 500),
    ("InternalError.UserId.Missing", 500),
    ("InternalError.DI.Parameter", 500),
    ("SignatureNonceUsed", 400),
    (None, 200),
    (None, 204),
    (None, 408),
    (None, 500),
    (None, 502),
    (None, 504),
]


@pytest.mark.parametrize(("code", "status"), REFUSED)
def test_refused(code: str, status: int) -> None:
    assert outcome_of(code, status) is Outcome.REFUSED


@pytest.mark.parametrize(("code", "status"), NOT_EXECUTED)
def test_surely_not_executed(code: str | None, status: int) -> None:
    assert outcome_of(code, status) is Outcome.NOT_EXECUTED


@pytest.mark.parametrize(("code", "status"), UNKNOWN)
def test_may_have_happened(code: str | None, status: int) -> None:
    assert outcome_of(code, status) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("action", "is_read"),
    [
        ("ListDIJobs", True),
        ("GetDIJob", True),
        ("QueryDISyncTaskConfigProcessResult", True),
        ("SearchMetaTables", True),
        ("StartDIJob", False),
        ("CreateDISyncTask", False),
        ("StopDIJob", False),
        ("DeleteDIJob", False),
        ("GenerateDISyncTaskConfigForCreating", False),
        ("RunTriggerNode", False),
    ],
)
def test_name_of_an_action_says_whether_it_reads(action: str, is_read: bool) -> None:
    assert is_read_only(action) is is_read


# What an answer holds


def failure(client: DataWorksClient, action: str = "DeleteDIJob") -> ApiError:
    with pytest.raises(ApiError) as raised:
        call(client, action, body={"DIJobId": 1001})
    return raised.value


def test_error_carries_what_the_answer_says(client: DataWorksClient, emulator: EmulatorControl) -> None:
    emulator.add_fault("error", status=403, code="Forbidden.Access", message="Access is forbidden.")

    error = failure(client)

    (entry,) = emulator.requests("DeleteDIJob")
    assert (error.action, error.code, error.http_status) == ("DeleteDIJob", "Forbidden.Access", 403)
    assert error.request_id == entry["request_id"]
    assert error.message == "Access is forbidden."
    assert str(error) == (
        "Access is forbidden. [action DeleteDIJob, code Forbidden.Access, HTTP status 403, "
        f"RequestId {entry['request_id']}]"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"code": "InvalidParameter", "message": "no", "requestId": "R-9"},
        {"Success": False, "ErrorCode": "InvalidParameter", "ErrorMessage": "no", "RequestId": "R-9"},
    ],
)
def test_other_spellings_of_an_error_are_read(
    server: ScriptedServer, make_client: ClientFactory, body: dict[str, object]
) -> None:
    server.answer(400, json.dumps(body).encode())

    error = failure(make_client(server.url))

    assert (error.code, error.message, error.request_id) == ("InvalidParameter", "no", "R-9")


@pytest.mark.parametrize(
    "body",
    [
        {"Success": False, "RequestId": "R", "ErrorMessage": "no"},
        {"Success": "false", "RequestId": "R", "Message": "no"},
        {"Code": "Param.Invalid", "Message": "no", "RequestId": "R"},
        {"Success": False, "Code": "200", "Message": "no"},
        {"Success": False, "Data": {"Message": "no"}},
    ],
)
def test_refusal_inside_a_200_is_a_refusal(
    server: ScriptedServer, make_client: ClientFactory, body: dict[str, object]
) -> None:
    server.answer(200, json.dumps(body).encode())

    error = failure(make_client(server.url))

    assert (error.outcome, error.http_status, error.message) == (Outcome.REFUSED, 200, "no")
    assert len(server.received) == 1


def test_refusal_inside_the_content_names_its_action(server: ScriptedServer, make_client: ClientFactory) -> None:
    server.answer(200, b'{"Data": {"Status": "fail", "Message": "no"}}')

    with pytest.raises(ApiError) as raised:
        make_client(server.url).call(v2020_05_18.STOP_DI_SYNC_INSTANCE, {"FileId": 1})

    assert (raised.value.action, raised.value.message) == ("StopDISyncInstance", "no")


def test_throttling_inside_a_200_passes(server: ScriptedServer, make_client: ClientFactory) -> None:
    server.answer(200, b'{"Success": false, "ErrorCode": "Throttling.System", "ErrorMessage": "busy"}')

    call(make_client(server.url), "DeleteDIJob", body={"DIJobId": 1})

    assert len(server.received) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"RequestId": "R"},
        {"RequestId": "R", "Success": True, "ErrorCode": "leftover"},
        {"RequestId": "R", "Code": "200"},
        {"RequestId": "R", "Code": "OK", "Message": "successful"},
        {"RequestId": "R", "ErrorCode": "", "ErrorMessage": ""},
        {"RequestId": "R", "Code": None},
    ],
)
def test_good_answers_are_good(server: ScriptedServer, make_client: ClientFactory, body: dict[str, object]) -> None:
    server.answer(200, json.dumps(body).encode())

    assert call(make_client(server.url), "DeleteDIJob") == body


@pytest.mark.parametrize(
    ("status", "body"),
    [(204, b""), *((200, body) for body in (b"", b"[]", b'"text"', b"null", b"<html>", b'{"RequestId": "R'))],
)
def test_answer_that_is_no_object_leaves_the_outcome_open(
    server: ScriptedServer, make_client: ClientFactory, status: int, body: bytes
) -> None:
    server.answer(status, body)

    assert failure(make_client(server.url)).outcome is Outcome.UNKNOWN
    assert len(server.received) == 1


def test_page_of_a_load_balancer_is_shown_short_and_without_markup(
    client: DataWorksClient, emulator: EmulatorControl
) -> None:
    emulator.add_fault("html", body="<html><head><title>502 Bad Gateway</title></head>" + "<p>x</p>" * 1000)

    error = failure(client)

    assert error.message.startswith("HTTP 502 with no JSON object but '502 Bad Gateway x x")
    assert len(error.message) < 250
    assert "<" not in error.message


def test_request_id_of_the_headers_is_used_when_the_body_has_none(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(502, b"<html>", x_acs_request_id="R-head")

    assert failure(make_client(server.url)).request_id == "R-head"


def test_answer_on_which_the_reader_fails_keeps_what_is_known(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(client_module, "read_response", fails)
    server.answer(403, b"{}", x_acs_request_id="R-head")

    error = failure(make_client(server.url))

    assert error.message == "HTTP 403 with an answer that cannot be read (RuntimeError: odd)"
    assert (error.action, error.outcome) == ("DeleteDIJob", Outcome.REFUSED)
    assert (error.http_status, error.request_id) == (403, "R-head")


def test_secrets_that_the_service_quotes_are_taken_out(server: ScriptedServer, make_client: ClientFactory) -> None:
    message = "server string to sign is: ... test-secret ..."
    server.answer(400, json.dumps({"Code": "SignatureDoesNotMatch", "Message": message}).encode())
    server.answer(502, b"proxy saw test-secret")
    client = make_client(server.url)

    assert failure(client).message == "server string to sign is: ... *** ..."
    assert "test-secret" not in str(failure(client))
