"""What a trigger sends the task that waits: a closed list of events, and the errors that they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksPermanentError,
    DataWorksTransientError,
)

REACHED = "reached"
FAILED = "failed"
TIMED_OUT = "timed out"
SENSOR_TIMED_OUT = "sensor timed out"
ERROR = "error"
KINDS = (REACHED, FAILED, TIMED_OUT, SENSOR_TIMED_OUT, ERROR)
_WORST_FIRST = (FAILED, ERROR, TIMED_OUT, SENSOR_TIMED_OUT, REACHED)

_ERRORS: dict[str, type[DataWorksError]] = {
    kind.__name__: kind for kind in (DataWorksTransientError, DataWorksPermanentError, DataWorksNotFoundError)
}
_FAILURE_FIELDS = ("message", "job_id", "status", "error_message", "job_name", "code", "request_id", "console_url")
#: What earlier versions called a field; their triggers may have fired before an upgrade.
_EARLIER_NAMES = {"target_id": "subject_id", "outcome": "became"}


@dataclass
class WaitEvent:
    """How a deferred wait ended; travels as a plain dict.

    :param kind: one of :data:`KINDS`.
    :param target_id: the DIJobId or FileId; default None.
    :param status: the last status seen; default None.
    :param name: the target's name; default None.
    :param detail: what the log adds to the status; default empty.
    :param type: the target's type, as the last snapshot has it; default None.
    :param waited: how long the trigger waited, such as ``3 min 20 s``; default empty.
    :param outcome: after a time-out, what became of the target; default empty.
    :param failure: after a failure, the fields of its error, which the trigger has logged; default None.
    :param results: of a target whose task ends in the triggerer, further XComs by key; default None.
    :param error: after an error, its class and fields; default None.
    :param members: of a wait for several targets, the event of each that had ended; default None.
    :param count: how many targets were waited for; default 1.
    """

    kind: str
    target_id: int | None = None
    status: str | None = None
    name: str | None = None
    detail: str = ""
    type: str | None = None
    waited: str = ""
    outcome: str = ""
    failure: dict[str, Any] | None = None
    results: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    members: list[dict[str, Any]] | None = None
    count: int = 1

    def payload(self) -> dict[str, Any]:
        """The event as a trigger sends it.

        :return: plain values by name.
        """
        return asdict(self)

    @classmethod
    def of_error(cls, error: DataWorksError, target_id: int | None = None) -> WaitEvent:
        """The event for a wait that an error ended.

        :param error: what ended it.
        :param target_id: what was waited for; default None.
        :return: an event of kind ``error``.
        """
        named = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS), None)
        return cls(
            ERROR,
            target_id=target_id,
            error={
                "class": named or DataWorksTransientError.__name__,
                "message": error.message,
                "action": error.action,
                "code": error.code,
                "http_status": error.http_status,
                "request_id": error.request_id,
            },
        )

    @classmethod
    def of_several(cls, ended: Sequence[WaitEvent], count: int) -> WaitEvent:
        """The event for a wait for several targets.

        :param ended: the event of each target that had ended; at least one.
        :param count: how many targets there are.
        :return: an event of the kind of the worst.
        """
        worst = min(ended, key=lambda event: _WORST_FIRST.index(event.kind))
        statuses = ", ".join(f"{event.target_id} is {event.status}" for event in ended)
        return cls(
            worst.kind,
            status=statuses,
            waited=worst.waited,
            outcome=worst.outcome,
            error=worst.error,
            members=[event.payload() for event in ended],
            count=count,
        )

    def each(self) -> list[WaitEvent]:
        """Give the events of several targets.

        :return: the events; the event itself if there is one target.
        """
        return [self] if self.members is None else [_read(member) for member in self.members]

    def failed(self) -> list[WaitEvent]:
        """Give the events of the targets that ended badly.

        :return: the events of kind ``failed``.
        """
        return [event for event in self.each() if event.kind == FAILED]

    def to_failure(self) -> DataWorksJobError | None:
        """Make the error of an event of kind ``failed``.

        :return: the error to raise; None if the trigger could not read the reason.
        """
        if self.failure is None:
            return None
        known = {name: value for name, value in self.failure.items() if name in _FAILURE_FIELDS}
        return DataWorksJobError(str(known.pop("message", "")), **known)

    def to_error(self) -> DataWorksError:
        """The error that ended the wait, of an event of kind ``error``.

        :return: the error to raise.
        """
        fields = dict(self.error or {})
        kind = _ERRORS.get(str(fields.pop("class", "")), DataWorksTransientError)
        return kind(str(fields.pop("message", "The wait failed.")), **fields)


def failure_fields(error: DataWorksJobError) -> dict[str, Any]:
    """The fields of a failure's error, as an event carries them.

    :param error: the error.
    """
    return {name: getattr(error, name) for name in _FAILURE_FIELDS}


def read_event(event: dict[str, Any] | None) -> WaitEvent:
    """Read what a trigger sent; raises the error that ended the wait, if one did.

    :param event: the payload.
    :return: the event, of any kind but ``error``.
    :raises DataWorksError: an error ended the wait, or the payload is no such event: that is never a success.
    """
    if not isinstance(event, dict) or event.get("kind") not in KINDS:
        raise DataWorksError(f"The trigger ended the wait with something unexpected: {event!r:.200}")
    known = _read(event)
    if known.kind == ERROR:
        raise known.to_error()
    return known


def _read(event: Mapping[str, Any]) -> WaitEvent:
    values = {}
    for name in WaitEvent.__dataclass_fields__:
        value = event.get(name, event.get(_EARLIER_NAMES.get(name, name)))
        if value is not None:
            values[name] = value
    return WaitEvent(**values)
