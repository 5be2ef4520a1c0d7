"""The client's errors have what support asks for, and say whether the call may be made again."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.client.errors import (
    ApiError,
    CredentialsError,
    Outcome,
    call_context,
    is_credentials_error,
    outcome_of,
    printable,
    snippet,
    token_expired,
)


def test_an_error_has_what_it_was_given() -> None:
    error = ApiError(
        "too fast",
        action="GetDIJob",
        outcome=Outcome.NOT_EXECUTED,
        code="Throttling",
        http_status=429,
        request_id="R-1",
        retry_after=1.5,
    )

    assert str(error) == "too fast [action GetDIJob, code Throttling, HTTP status 429, RequestId R-1]"
    assert error.args == ("too fast",)
    assert (error.retry_after, error.attempts, error.outcome_unknown) == (1.5, 1, False)


def test_an_error_without_an_answer_says_so() -> None:
    error = ApiError("no route", action="GetDIJob", outcome=Outcome.UNKNOWN)

    assert str(error) == "no route [action GetDIJob, code none, HTTP status none, RequestId none]"
    assert (error.retry_after, error.outcome_unknown) == (None, True)
    assert call_context(None, None, None, None) == "action none, code none, HTTP status none, RequestId none"


@pytest.mark.parametrize(
    ("outcome", "code", "status", "throttled"),
    [
        (Outcome.NOT_EXECUTED, "Throttling.User", 400, True),
        (Outcome.NOT_EXECUTED, None, 429, True),
        (Outcome.NOT_EXECUTED, "ServiceUnavailable", 503, False),
        (Outcome.NOT_EXECUTED, None, None, False),
        (Outcome.REFUSED, "Throttling.Resource", 429, False),
    ],
)
def test_what_was_throttled_was_not_executed(
    outcome: Outcome, code: str | None, status: int | None, throttled: bool
) -> None:
    assert ApiError("no", action="A", outcome=outcome, code=code, http_status=status).throttled is throttled


def test_missing_credentials_may_come_later_only_if_that_is_said() -> None:
    assert CredentialsError("none").may_pass is False
    assert CredentialsError("none", may_pass=True).may_pass is True
    assert str(CredentialsError("none")) == "none"


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        (None, 299, Outcome.UNKNOWN),
        (None, 300, Outcome.REFUSED),
        (None, 407, Outcome.REFUSED),
        (None, 408, Outcome.UNKNOWN),
        (None, 409, Outcome.REFUSED),
        (None, 499, Outcome.REFUSED),
        (None, 500, Outcome.UNKNOWN),
        ("", 429, Outcome.NOT_EXECUTED),
        ("ServiceUnavailable", 400, Outcome.NOT_EXECUTED),
        ("Throttling.Odd", 400, Outcome.NOT_EXECUTED),
    ],
)
def test_the_status_decides_where_the_code_does_not(code: str | None, status: int, outcome: Outcome) -> None:
    assert outcome_of(code, status) is outcome


@pytest.mark.parametrize(
    ("code", "credentials", "token"),
    [
        (None, False, False),
        ("", False, False),
        ("Forbidden", False, False),
        ("InvalidAccessKeyId.NotFound", True, False),
        ("SignatureDoesNotMatch", True, False),
        ("InvalidSecurityToken.Expired", True, True),
        ("InvalidSecurityToken.Malformed", True, True),
    ],
)
def test_the_code_says_whether_keys_or_token_are_at_fault(code: str | None, credentials: bool, token: bool) -> None:
    assert (is_credentials_error(code), token_expired(code)) == (credentials, token)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "''"),
        ("<html>\n<body class='x'>Bad   <b>gateway</b>\x1b[0m</body>", "'Bad gateway'"),
        ("x" * 200, repr("x" * 160)),
        ("<p>" * 1000, "'<p'"),
        (f"<{'a' * 200}>b", "'b'"),
        (f"<{'a' * 201}>b", repr(f"<{'a' * 159}")),
        (" " * 1999 + "ab", "'a'"),
    ],
)
def test_an_unexpected_text_is_quoted_without_markup(text: str, shown: str) -> None:
    assert snippet(text) == shown


def test_blanks_that_print_stay_as_they_are() -> None:
    assert printable("a\u3000b") == "a b"
    assert printable("a  b") == "a  b"
