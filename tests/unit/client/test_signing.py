"""Requests are signed as the vendor's code signs them, and anew at every attempt."""

from __future__ import annotations

import hashlib
import os
import re
import time
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlencode

import pytest
from alibabacloud_tea_openapi.utils import Utils
from hypothesis import given, settings
from hypothesis import strategies as st
from requests import PreparedRequest, Request

from airflow_provider_dataworks.client import signing
from airflow_provider_dataworks.client.client import FORM, DataWorksClient
from airflow_provider_dataworks.client.clock import Clock, installed
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.signing import ACS3Auth, sign
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import (
    STS_ACCESS_KEY_ID,
    STS_ACCESS_KEY_SECRET,
    STS_SECURITY_TOKEN,
)
from tests.support.calls import call
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

KEY = Credentials("LTAI-test-id", "test-secret")
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)

# What the official SDK sent, signed with the secret test-secret.
CAPTURED_QUERY = (
    "ClientToken=0000-ABCD&ProjectId=10000&TaskName=new_di_task+%C3%BC&TaskParam=%7B%22FileFolderPath%22%3A%22"
    "%E4%B8%9A%E5%8A%A1%E6%B5%81%E7%A8%8B%2Fdemo%2F%E6%95%B0%E6%8D%AE%E9%9B%86%E6%88%90%22%2C%22ResourceGroup%22"
    "%3A%22S_res_group_1%22%7D&TaskType=DI_OFFLINE"
)
CAPTURED_BODY = (
    "TaskContent=%7B%22type%22%3A%22job%22%2C%22version%22%3A%222.0%22%2C%22note%22%3A%22%E4%B8%AD%E6%96%87+a%2Bb%26c"
    "%3D~%C3%A9%2A%22%7D"
)
CAPTURED_HEADERS = {
    "accept": "application/json",
    "content-type": FORM,
    "host": "127.0.0.1:35519",
    "user-agent": "AlibabaCloud (Linux; x86_64) Python/3.12.1 Core/0.4.3 TeaDSL/2",
    "x-acs-action": "CreateDISyncTask",
    "x-acs-content-sha256": "3e161d9599602f4dd782a2a9d26ec8b93702649cb223ae05dd2d53902932a1b8",
    "x-acs-credentials-provider": "static_ak",
    "x-acs-date": "2026-11-21T20:55:45Z",
    "x-acs-signature-nonce": "55e6d36b3928dd3cfda7b7b612a29f27",
    "x-acs-version": "2020-05-18",
}
CAPTURED_CANONICAL_SHA256 = "173146440dde658c8ceeb30213805458a0415c0ad47bc75deb3b78a5d533fa12"
CAPTURED_SIGNATURE = "def7c20dbdbf1ef48707850b1e1ce65a11a2524b8f27e87fde292d3e49d24bba"


def test_the_path_is_signed() -> None:
    def signature(path: str) -> str:
        prepared = Request("POST", f"http://127.0.0.1:35519{path}").prepare()
        with pytest.MonkeyPatch.context() as patch, installed(Clock()):
            patch.setattr(os, "urandom", lambda size: b"0" * size)
            patch.setattr(Clock, "time", lambda self: 1_800_000_000.0)
            return authorization_of(ACS3Auth(KEY)(prepared))[2]

    assert signature("/a") != signature("/b")
    assert signature("") == signature("/")


def test_names_of_parameters_are_encoded_as_their_values_are() -> None:
    assert signing._canonical_query("a%2Fb~=c%2Fd~") == "a%2Fb~=c%2Fd~"


def test_the_date_is_that_of_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "time", lambda self: 1_800_000_000.0)
    with monkeypatch.context() as patch, installed(Clock()):
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        try:
            request = signed()
        finally:
            patch.undo()
            time.tzset()

    assert request.headers["x-acs-date"] == "2027-01-15T08:00:00Z"


def signed(query: str = "", body: str = "", credentials: Credentials = KEY, user_agent: str = "x") -> PreparedRequest:
    given_headers = {"accept": "application/json", "x-acs-action": "ListDIJobs", "x-acs-version": "2020-05-18"}
    if body:
        given_headers["content-type"] = FORM
    url = "http://127.0.0.1:35519/" + (f"?{query}" if query else "")
    request = Request("POST", url, headers={**given_headers, "user-agent": user_agent}, data=body or None)
    return ACS3Auth(credentials)(request.prepare())


def authorization_of(request: PreparedRequest) -> tuple[str, list[str], str]:
    """The key, the signed headers and the signature."""
    match = re.fullmatch(
        r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})",
        request.headers["authorization"],
    )
    assert match
    return match[1], match[2].split(";"), match[3]


def vendors_signature(request: PreparedRequest, query: str, credentials: Credentials) -> str:
    key, names, _ = authorization_of(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    same = SimpleNamespace(
        method=request.method,
        pathname="/",
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name: headers[name] for name in names},
    )
    payload = headers["x-acs-content-sha256"]
    authorization = Utils.get_authorization(same, "ACS3-HMAC-SHA256", payload, key, credentials.access_key_secret)
    return str(authorization).rpartition("Signature=")[2]


def test_captured_request_of_the_official_sdk_gets_its_signature() -> None:
    headers = dict(sorted(CAPTURED_HEADERS.items()))
    canonical = "\n".join(
        [
            "POST",
            "/",
            signing._canonical_query(CAPTURED_QUERY),
            "".join(f"{name}:{value}\n" for name, value in headers.items()),
            ";".join(headers),
            hashlib.sha256(CAPTURED_BODY.encode()).hexdigest(),
        ]
    )

    assert hashlib.sha256(canonical.encode()).hexdigest() == CAPTURED_CANONICAL_SHA256
    assert sign("test-secret", canonical) == CAPTURED_SIGNATURE


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", "DIJobId=11743&ForceToRerun=true"),
        ("FileId=100&ProjectId=10000&TaskType=DI_REALTIME", ""),
        (CAPTURED_QUERY, CAPTURED_BODY),
        ("Empty=&Name=a+b%2Bc%26d%3De~f%2Ag%2Fh%25", ""),
        ("b=2&a=1", ""),
    ],
)
def test_signature_is_the_one_of_the_vendors_code(query: str, body: str) -> None:
    request = signed(query, body)

    assert authorization_of(request)[2] == vendors_signature(request, query, KEY)


@pytest.mark.waits
@settings(deadline=None, max_examples=60)
@given(names=st.lists(st.sampled_from("ABCDEFG"), unique=True), values=st.lists(ANY_TEXT, min_size=7), body=ANY_TEXT)
def test_signature_is_the_one_of_the_vendors_code_for_any_text(names: list[str], values: list[str], body: str) -> None:
    query = urlencode(dict(zip(names, values, strict=False)))
    request = signed(query, urlencode({"TaskContent": body}))

    assert authorization_of(request)[2] == vendors_signature(request, query, KEY)


def test_signed_headers_are_all_that_matter_but_the_user_agent() -> None:
    request = signed(body="DIJobId=1", user_agent="some proxy rewrites it")

    key, names, _ = authorization_of(request)
    assert key == KEY.access_key_id
    assert names == [
        "accept",
        "content-type",
        "host",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-version",
    ]
    assert request.headers["x-acs-content-sha256"] == hashlib.sha256(b"DIJobId=1").hexdigest()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", request.headers["x-acs-date"])


def test_request_without_a_body_has_no_content_type_and_the_hash_of_nothing() -> None:
    request = signed("FileId=100")

    assert "content-type" not in authorization_of(request)[1]
    assert request.headers["x-acs-content-sha256"] == EMPTY_SHA256


def test_security_token_is_sent_and_signed() -> None:
    temporary = Credentials("STS.id", "sts-secret", "CAIS+token/==")
    request = signed(body="DIJobId=1", credentials=temporary)

    key, names, signature = authorization_of(request)
    assert (key, request.headers["x-acs-accesskey-id"]) == ("STS.id", "STS.id")
    assert request.headers["x-acs-security-token"] == "CAIS+token/=="
    assert {"x-acs-accesskey-id", "x-acs-security-token"} <= set(names)
    assert signature == vendors_signature(request, "", temporary)


def test_emulator_accepts_a_security_token(emulator: EmulatorControl, make_client: ClientFactory) -> None:
    temporary = Credentials(STS_ACCESS_KEY_ID, STS_ACCESS_KEY_SECRET, STS_SECURITY_TOKEN)
    client = make_client(emulator.url, StaticCredentials(temporary))

    assert call(client, "ListDIJobs", body={"ProjectId": 10000})["DIJobPaging"]["TotalCount"] == 6


class _TickingClock(Clock):
    """Each look at the clock is ten seconds after the last."""

    ticks = 0

    def time(self) -> float:
        self.ticks += 1
        return super().time() + 10 * self.ticks


def test_each_attempt_has_its_own_nonce_date_and_signature(server: ScriptedServer, make_client: ClientFactory) -> None:
    for _ in range(3):
        server.answer(503, b'{"Code": "ServiceUnavailable", "Message": "later"}')

    with installed(_TickingClock()):
        call(make_client(server.url), "ListDIJobs", body={"ProjectId": 10000})

    assert len(server.received) == 4
    for name in ("x-acs-signature-nonce", "x-acs-date", "authorization"):
        assert len({request.headers[name] for request in server.received}) == 4, name
    assert len({request.body for request in server.received}) == 1


def test_nonces_do_not_repeat_over_many_calls(client: DataWorksClient, emulator: EmulatorControl) -> None:
    for _ in range(20):
        call(client, "GetDIJob", body={"DIJobId": 1001})

    assert len({entry["headers"]["x-acs-signature-nonce"] for entry in emulator.requests("GetDIJob")}) == 20
