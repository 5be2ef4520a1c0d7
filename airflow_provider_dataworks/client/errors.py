"""The client's errors, and what an error's code says about the call: refused, not executed, or unknown."""

from __future__ import annotations

import re
from enum import Enum


class Outcome(Enum):
    """What is known about a call that gave no good answer."""

    REFUSED = "refused"
    """The service said no; asking again will not help."""
    NOT_EXECUTED = "not executed"
    """The service surely did nothing; asking again is safe."""
    UNKNOWN = "unknown"
    """It may have happened."""


class CredentialsError(Exception):
    """No credentials could be had; the text names the setting at fault.

    :param message: what happened, and which setting to check.
    :param may_pass: whether asking again later may help, as after a failure to reach what gives them; default False.
    """

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class ApiError(Exception):
    """A call that gave no good answer.

    :param message: what happened, in the service's words where it gave some.
    :param action: the API action.
    :param outcome: what is known about the call.
    :param code: the API's error code, None where it gave none.
    :param http_status: the HTTP status, None where no answer came.
    :param request_id: the RequestId, None where the service gave none.
    :param retry_after: seconds that the service asked to wait, None where it did not say.

    ``outcome_unknown`` says whether any attempt of the call may have been carried out, not only the last one;
    ``attempts`` counts them.
    """

    def __init__(
        self,
        message: str,
        *,
        action: str,
        outcome: Outcome,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.outcome = outcome
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.retry_after = retry_after
        self.attempts = 1
        self.outcome_unknown = outcome is Outcome.UNKNOWN

    @property
    def throttled(self) -> bool:
        """Whether the service did not carry the call out because there were too many."""
        by_code = (self.code or "").startswith("Throttling")
        return self.outcome is Outcome.NOT_EXECUTED and (by_code or self.http_status == 429)

    def __str__(self) -> str:
        return f"{self.message} [{call_context(self.action, self.code, self.http_status, self.request_id)}]"


_ESCAPE_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\|$)|\x1b.?", re.DOTALL)


def printable(value: object) -> str:
    """Make a string of the service harmless to a log, a terminal and an exception, on one line.

    Escape sequences go; line breaks, tabs and every other kind of blank become a space; what else does not print, such
    as control characters, changes of the writing direction or halves of a character, becomes a replacement character.

    :param value: what the service sent, such as Message or ErrorMessage; what is no string is turned into one.
    :return: the printable string; blanks that are not at issue stay as they are.
    """
    text = value if isinstance(value, str) else _as_text(value)
    if text.isprintable():
        return text
    text = _ESCAPE_SEQUENCE.sub("", text)
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _as_text(value: object) -> str:
    try:
        return str(value)
    except (ValueError, RecursionError):
        # An integer of thousands of digits, or objects nested too deep.
        return f"an unprintable {type(value).__name__}"


def snippet(text: str) -> str:
    """The beginning of an unexpected text, on one line, without markup, in quotes.

    :param text: such as the page of a proxy.
    :return: its first 160 characters or so.
    """
    plain = " ".join(re.sub(r"<[^>]{0,200}>", " ", printable(text[:2000])).split())
    return repr(plain[:160])


def call_context(action: str | None, code: str | None, http_status: int | None, request_id: str | None) -> str:
    """The four facts about a failed call that support asks for, in one line."""
    return (
        f"action {action or 'none'}, code {code or 'none'}, "
        f"HTTP status {http_status or 'none'}, RequestId {request_id or 'none'}"
    )


def is_read_only(action: str) -> bool:
    """Whether an action's name says that it changes nothing."""
    return action.startswith(("List", "Get", "Query", "Search"))


# Decided by code, before the HTTP status: two of them come with 429, one with 500.
_REFUSED_WHATEVER_THE_STATUS = frozenset({"Throttling.Api.Risk", "Throttling.Resource", "Forbidden.Not.Server"})
# A copy of this very request was accepted before: something between here and the service repeated it.
_UNKNOWN_WHATEVER_THE_STATUS = frozenset({"SignatureNonceUsed"})


def outcome_of(code: str | None, http_status: int) -> Outcome:
    """Say what an error answer means for the call.

    :param code: the API's error code, None where the answer had none.
    :param http_status: the answer's HTTP status.
    :return: what is known about the call.
    """
    if code in _REFUSED_WHATEVER_THE_STATUS:
        return Outcome.REFUSED
    if code in _UNKNOWN_WHATEVER_THE_STATUS:
        return Outcome.UNKNOWN
    if (code or "").startswith("Throttling") or code == "ServiceUnavailable" or http_status == 429:
        return Outcome.NOT_EXECUTED
    if http_status >= 500 or http_status < 300 or http_status == 408:
        return Outcome.UNKNOWN
    return Outcome.REFUSED


def is_credentials_error(code: str | None) -> bool:
    """Whether a code says that keys or token are at fault, so that a connection read anew may help."""
    return (code or "").startswith(("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurityToken"))


#: The code for a token whose time is over.
TOKEN_EXPIRED = "InvalidSecurityToken.Expired"


def token_expired(code: str | None) -> bool:
    """Whether a code says that the STS token is at fault, so that a renewed one may help."""
    return (code or "").startswith("InvalidSecurityToken")
