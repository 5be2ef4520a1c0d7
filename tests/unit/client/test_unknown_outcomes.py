"""Whether an attempt of a call may have been carried out is known to its error, whatever fails afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.client.actions import Repeat
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.credentials import Credentials
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome
from airflow_provider_dataworks.exceptions import DataWorksPermanentError, DataWorksTransientError
from airflow_provider_dataworks.hooks.errors import from_client
from tests.support.calls import call
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

OLD = Credentials("STS.old", "old-secret-0123456789", "old-token-0123456789abcdef")
NEW = Credentials("STS.new", "new-secret-0123456789", "new-token-0123456789abcdef")

LOST = (502, b"<html>bad gateway")
THROTTLED = (429, b'{"Code": "Throttling.User", "Message": "too fast"}')
REFUSED = (400, b'{"Code": "InvalidParameter", "Message": "no"}')
EXPIRED = (400, b'{"Code": "InvalidSecurityToken.Expired", "Message": "expired"}')
EXPIRED_OR_NOT = (500, b'{"Code": "InvalidSecurityToken.Expired", "Message": "expired"}')


class Keys:
    """Gives what it is told to, in its order, and the last one for ever; None is a source that is down."""

    def __init__(self, *keys: Credentials | None) -> None:
        self.keys = list(keys)
        self.renewals = 0

    def get(self) -> Credentials:
        key = self.keys.pop(0) if len(self.keys) > 1 else self.keys[0]
        if key is None:
            raise CredentialsError("auth_type x: the source is down", may_pass=True)
        return key

    def renew(self) -> bool:
        self.renewals += 1
        return True


def start(client: DataWorksClient, action: str = "StartDIJob", **how: Any) -> dict[str, Any]:
    return call(client, action, body={"DIJobId": 1001}, **how)


def failed(client: DataWorksClient, **how: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        start(client, **how)
    return raised.value


def test_lost_answer_is_looked_into_although_the_source_of_keys_is_down(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*LOST)
    seen: list[ApiError] = []

    def confirm(error: ApiError) -> dict[str, Any]:
        seen.append(error)
        return {"confirmed": True}

    answer = start(make_client(server.url, Keys(OLD, None)), confirm_effect=confirm)

    assert answer == {"confirmed": True}
    assert (seen[0].http_status, seen[0].outcome_unknown) == (502, True)


def test_keys_that_cannot_be_had_again_leave_the_outcome_unknown(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*LOST)
    looks: list[str] = []

    def confirm(error: ApiError) -> None:
        looks.append(error.message)

    error = failed(make_client(server.url, Keys(OLD, None)), confirm_effect=confirm)

    assert (error.outcome, error.outcome_unknown) == (Outcome.UNKNOWN, True)
    assert "an earlier attempt may have been carried out" in error.message
    assert "the source is down" in error.message
    # Each failed attempt is followed by a look.
    assert len(looks) == error.attempts
    assert len(server.received) == 1
    raised = from_client(error)
    assert isinstance(raised, DataWorksTransientError)
    assert raised.outcome_unknown


def test_keys_that_come_back_are_used(server: ScriptedServer, make_client: ClientFactory) -> None:
    server.answer(*LOST)

    assert start(make_client(server.url, Keys(OLD, None, None, NEW)), repeat=Repeat.ALWAYS) == {"RequestId": "R-1"}
    assert [request.headers["x-acs-accesskey-id"] for request in server.received] == ["STS.old", "STS.new"]


def test_keys_that_cannot_be_had_after_throttling_are_a_matter_of_keys(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*THROTTLED)

    with pytest.raises(CredentialsError, match="the source is down") as raised:
        start(make_client(server.url, Keys(OLD, None)), confirm_effect=lambda _: None)

    assert not from_client(raised.value).outcome_unknown


def test_keys_that_cannot_be_had_for_a_read_are_a_matter_of_keys(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*LOST)

    with pytest.raises(CredentialsError, match="the source is down"):
        start(make_client(server.url, Keys(OLD, None)), action="GetDIJob")


def test_secrets_of_the_keys_that_signed_are_removed_after_a_rotation(
    server: ScriptedServer, make_client: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    echo = f"token {OLD.security_token}, secret {OLD.access_key_secret}"
    server.answer(400, json.dumps({"Code": "X", "Message": echo}).encode())

    error = failed(make_client(server.url, Keys(OLD, NEW)))

    assert error.message == "token ***, secret ***"
    assert "0123456789" not in str(error.args)


@pytest.mark.parametrize(
    ("answers", "unknown"),
    [
        ([LOST, THROTTLED, REFUSED], True),
        ([LOST, EXPIRED, REFUSED], True),
        ([EXPIRED, LOST, REFUSED], True),
        ([THROTTLED, EXPIRED, REFUSED], False),
        ([EXPIRED_OR_NOT, REFUSED], True),
        ([EXPIRED, REFUSED], False),
        ([THROTTLED, REFUSED], False),
        ([REFUSED], False),
        ([LOST] * 5, True),
        ([EXPIRED, EXPIRED, REFUSED], False),
    ],
)
def test_any_attempt_counts(
    server: ScriptedServer, make_client: ClientFactory, answers: list[tuple[int, bytes]], unknown: bool
) -> None:
    for answer in answers:
        server.answer(*answer)

    error = failed(make_client(server.url, Keys(OLD)), confirm_effect=lambda _: None)

    assert error.outcome_unknown is unknown
    assert from_client(error).outcome_unknown is unknown
    assert len(server.received) == len(answers)


def test_refusal_after_a_lost_answer_says_that_the_first_may_have_been_carried_out(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*LOST)
    server.answer(*REFUSED)

    error = from_client(failed(make_client(server.url), confirm_effect=lambda _: None))

    assert isinstance(error, DataWorksPermanentError)
    assert "The answer to an earlier attempt was lost" in str(error)


def test_writing_call_is_not_repeated_for_an_expired_token_of_a_server_error(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*EXPIRED_OR_NOT)
    keys = Keys(OLD)

    error = failed(make_client(server.url, keys), action="RunTriggerNode")

    assert (error.outcome_unknown, len(server.received)) == (True, 1)


# The look itself fails


class _OwnError(Exception):
    def __init__(self) -> None:
        super().__init__("own words")
        self.outcome_unknown = False


@pytest.mark.parametrize(
    "trouble",
    [
        ApiError("no entry", action="GetDIJob", outcome=Outcome.REFUSED),
        CredentialsError("no keys"),
        TypeError("list indices must be integers"),
        RecursionError("too deep"),
    ],
    ids=lambda trouble: type(trouble).__name__,
)
def test_look_that_fails_leaves_the_outcome_unknown(
    server: ScriptedServer, make_client: ClientFactory, trouble: Exception
) -> None:
    server.answer(*LOST)

    def confirm(error: ApiError) -> None:
        raise trouble

    error = failed(make_client(server.url), confirm_effect=confirm)

    assert (error.action, error.outcome, error.outcome_unknown) == ("StartDIJob", Outcome.UNKNOWN, True)
    assert str(trouble) in str(error)
    # What cannot be looked into is not sent again.
    assert len(server.received) == 1


def test_error_after_a_look_that_fails_has_what_the_service_answered(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(500, b'{"Code": "InternalError", "Message": "odd", "RequestId": "R-5"}')

    def confirm(error: ApiError) -> None:
        raise CredentialsError("no keys")

    error = failed(make_client(server.url), confirm_effect=confirm)

    assert (error.code, error.http_status, error.request_id) == ("InternalError", 500, "R-5")
    assert error.message == "odd; whether it was carried out could not be read (CredentialsError: no keys)"


def test_error_of_the_one_who_looks_passes_and_says_that_the_outcome_is_unknown(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    server.answer(*LOST)

    def confirm(error: ApiError) -> None:
        raise _OwnError

    with pytest.raises(_OwnError, match="own words") as raised:
        start(make_client(server.url), confirm_effect=confirm)

    assert raised.value.outcome_unknown


# The check fails


@pytest.mark.parametrize("kind", [TypeError, AttributeError, ValueError, KeyError, RecursionError, OverflowError])
def test_check_that_fails_is_an_unknown_outcome(
    server: ScriptedServer, make_client: ClientFactory, kind: type[Exception]
) -> None:
    def check(answer: dict[str, Any]) -> str | None:
        raise kind(f"odd \x1b[31m{OLD.access_key_secret}")

    error = failed(make_client(server.url, Keys(OLD)), check=check)

    assert (error.outcome, error.outcome_unknown, error.request_id) == (Outcome.UNKNOWN, True, "R-1")
    assert f"it cannot be read ({kind.__name__}: " in error.message
    assert "\x1b" not in str(error)
    assert "secret" not in str(error)


def test_refusal_of_a_check_stays_one_without_secrets(server: ScriptedServer, make_client: ClientFactory) -> None:
    def check(answer: dict[str, Any]) -> str | None:
        raise ApiError(f"fail {OLD.security_token}", action="StartDIJob", outcome=Outcome.REFUSED)

    error = failed(make_client(server.url, Keys(OLD)), check=check)

    assert (error.message, error.outcome_unknown) == ("fail ***", False)
