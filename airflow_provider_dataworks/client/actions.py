"""What an action of the API is: its name and version, how its parameters travel, and what a complete answer holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.errors import ApiError, Outcome, is_read_only, printable

Method = Literal["GET", "POST"]

#: 64-bit numbers have no more.
_MAX_DIGITS = 19


class Repeat(Enum):
    """When an action may be sent again although an earlier attempt may have been carried out."""

    ALWAYS = "always"
    """It only reads, a repeat has no further effect, or a token makes the service recognise it."""
    AFTER_CONFIRMATION = "after confirmation"
    """Only if the caller has confirmed that the earlier attempt had no effect."""


class UnreadableContentError(ValueError):
    """The content of an answer cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Envelope:
    """What a complete answer holds, besides RequestId.

    :param content: the field that holds the answer's object, such as ``Data``; None (default) if there is none.
    :param nested: an object inside the content that must be there; default None.
    :param string: a string inside the answer that must be there; default None.
    :param integer: an integer inside the content, or its digits, that must be there; default None.
    :param says_status: whether ``Status`` inside the content must say success; default False. Whatever it is, the words
        for failure are a refusal, unless ``nested`` is there.
    :param status_is_content: whether ``Status`` inside the content is about something else than the call; default
        False.
    :param accepted: a boolean inside the answer that must be true; false is a refusal. Default None.
    :param results: an object inside the answer that has, by id, ``Success`` and ``Message``; the call is refused where
        none of them succeeded. Default None.
    :param read: builds what the caller makes of the content, or of the whole answer where ``content`` is None; an
        :class:`UnreadableContentError` means that the answer is incomplete. Default None.
    """

    content: str | None = None
    nested: str | None = None
    string: str | None = None
    integer: str | None = None
    says_status: bool = False
    status_is_content: bool = False
    accepted: str | None = None
    results: str | None = None
    read: Callable[[Mapping[str, Any]], object] | None = None

    def missing(self, action: str, answer: Mapping[str, Any]) -> str | None:
        """Say what an answer lacks.

        :param action: the action's name, for the error.
        :param answer: the answer.
        :return: what is missing, None if the answer is complete.
        :raises ApiError: the answer says that the call failed.
        """
        if self.string is not None and not isinstance(answer.get(self.string), str):
            return f"{self.string} is missing"
        if missing := self._rejected(action, answer):
            return missing
        if self.content is None:
            return self._missing_integer("", answer) or self._unreadable(answer)
        content = answer.get(self.content)
        if not isinstance(content, dict):
            return f"{self.content} is missing"
        if self.nested is not None and isinstance(content.get(self.nested), dict):
            return None
        if not self.status_is_content:
            reject_failure(action, answer, content)
        if self.says_status and str(content.get("Status")).lower() not in assumptions.DATA_STATUS_GOOD:
            return f"{self.content}.Status is {content.get('Status')!r}"
        if self.nested is not None:
            return f"{self.content}.{self.nested} is missing"
        return self._missing_integer(f"{self.content}.", content) or self._unreadable(content)

    def _rejected(self, action: str, answer: Mapping[str, Any]) -> str | None:
        """Say what is missing of what says whether the call was accepted; raise if it says no."""
        if self.accepted is not None:
            accepted = str(answer.get(self.accepted)).lower()
            if accepted == "false":
                raise _refused(action, answer, answer.get("ErrorMessage") or f"{self.accepted} is false")
            if accepted != "true":
                return f"{self.accepted} is {answer.get(self.accepted)!r:.50}"
        if self.results is not None:
            results = answer.get(self.results)
            if not isinstance(results, dict) or not all(isinstance(each, dict) for each in results.values()):
                return f"{self.results} is missing"
            if not any(each.get("Success") is True for each in results.values()):
                reasons = dict.fromkeys(str(each.get("Message") or "no reason given") for each in results.values())
                raise _refused(action, answer, " ".join(reasons) or f"{self.results} is empty")
        return None

    def _missing_integer(self, prefix: str, content: Mapping[str, Any]) -> str | None:
        if self.integer is None or whole_number(content.get(self.integer)):
            return None
        return f"{prefix}{self.integer} is missing"

    def _unreadable(self, content: Mapping[str, Any]) -> str | None:
        try:
            if self.read is not None:
                self.read(content)
        except UnreadableContentError as error:
            return str(error)
        return None


@dataclass(frozen=True)
class UnknownEnvelope(Envelope):
    """The envelope of an action that the catalogue does not have: ``Data.Status`` is ``fail``, or all is well."""

    def missing(self, action: str, answer: Mapping[str, Any]) -> str | None:
        """Reject a failure; nothing is missing.

        :param action: the action's name, for the error.
        :param answer: the answer.
        :raises ApiError: the answer says that the call failed.
        """
        data = answer.get("Data")
        if isinstance(data, dict) and str(data.get("Status")).lower() == "fail":
            reject_failure(action, answer, data)
        return None


@dataclass(frozen=True)
class Action:
    """One action of one API version.

    :param name: such as ``ListDIJobs``.
    :param version: such as ``2020-05-18``.
    :param method: the HTTP method; default POST. A GET has no body.
    :param query: names of the parameters that travel in the query; default none.
    :param body: names of the parameters that travel in the form body; default none.
    :param repeat: when it may be sent again after an unknown outcome; default always.
    :param envelope: what a complete answer holds; default nothing but RequestId.
    """

    name: str
    version: str
    method: Method = "POST"
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    repeat: Repeat = Repeat.ALWAYS
    envelope: Envelope = Envelope()

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of all parameters."""
        return (*self.query, *self.body)

    def place(self, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Sort parameters by where they travel.

        :param parameters: values by the API's names.
        :return: those of the query, and those of the body.
        :raises TypeError: the action has no such parameter.
        """
        if unknown := sorted(set(parameters) - set(self.parameters)):
            raise TypeError(f"{self.name} ({self.version}) has no parameter {', '.join(unknown)}")
        return (
            {name: parameters[name] for name in self.query if name in parameters},
            {name: parameters[name] for name in self.body if name in parameters},
        )


def unlisted_action(
    name: str,
    version: str,
    *,
    method: Method = "POST",
    query: Iterable[str] = (),
    body: Iterable[str] = (),
) -> Action:
    """Describe an action that the catalogue does not have; only its name says whether it reads.

    :param name: the action's name.
    :param version: the API version.
    :param method: the HTTP method; default POST.
    :param query: names of the parameters that travel in the query; default none.
    :param body: names of the parameters that travel in the form body; default none.
    :return: the action; unless it reads, it is not sent again after an unknown outcome.
    """
    repeat = Repeat.ALWAYS if is_read_only(name) else Repeat.AFTER_CONFIRMATION
    return Action(name, version, method, tuple(query), tuple(body), repeat, UnknownEnvelope())


def whole_number(value: Any) -> int | None:
    """Read a number of an answer that is a whole one from 0, written as a number or as its digits.

    :param value: the value.
    :return: the number, None for anything else.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**_MAX_DIGITS else None


def reject_failure(action: str, answer: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Raise if ``Status`` inside a 200 says that the call failed; ``Message`` gives the reason, never the sign.

    :param action: the action's name.
    :param answer: the answer.
    :param content: the object in it that has Status and Message.
    :raises ApiError: it failed.
    """
    if str(content.get("Status")).lower() in assumptions.DATA_STATUS_BAD:
        raise _refused(action, answer, content.get("Message") or "Data.Status is fail, without a message")


def _refused(action: str, answer: Mapping[str, Any], reason: object) -> ApiError:
    return ApiError(
        printable(reason),
        action=action,
        outcome=Outcome.REFUSED,
        http_status=200,
        request_id=answer.get("RequestId"),
    )
