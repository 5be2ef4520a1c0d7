"""What a trigger tells the task that waits: a closed list, and the errors that it stands for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksPermanentError,
    DataWorksTransientError,
)

REACHED = "reached"
FAILED = "failed"
TIMED_OUT = "timed out"
ERROR = "error"
KINDS = (REACHED, FAILED, TIMED_OUT, ERROR)

_ERRORS: dict[str, type[DataWorksError]] = {
    kind.__name__: kind for kind in (DataWorksTransientError, DataWorksPermanentError, DataWorksNotFoundError)
}


@dataclass
class WaitEvent:
    """How a deferred wait ended; travels as a plain dict.

    :param kind: one of :data:`KINDS`.
    :param subject_id: the DIJobId or FileId; default None.
    :param status: the last status seen; default None.
    :param migration_type: the job's, None (default) where it is not known.
    :param waited: how long the trigger waited, for people; default empty.
    :param became: after a time-out, what became of the job; default empty.
    :param error: after an error, its class and fields; default None.
    """

    kind: str
    subject_id: int | None = None
    status: str | None = None
    migration_type: str | None = None
    waited: str = ""
    became: str = ""
    error: dict[str, Any] | None = None

    def payload(self) -> dict[str, Any]:
        """The event as a trigger sends it.

        :return: plain values by name.
        """
        return asdict(self)

    @classmethod
    def of_error(cls, error: DataWorksError) -> WaitEvent:
        """The event for a wait that an error ended.

        :param error: what ended it.
        :return: an event of kind ``error``.
        """
        named = next((kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _ERRORS), None)
        return cls(
            ERROR,
            error={
                "class": named or DataWorksTransientError.__name__,
                "message": error.message,
                "action": error.action,
                "code": error.code,
                "http_status": error.http_status,
                "request_id": error.request_id,
            },
        )


def read_event(event: dict[str, Any] | None) -> WaitEvent:
    """Read what a trigger sent; raises the error that ended the wait, if one did.

    :param event: the payload.
    :return: the event, of any kind but ``error``.
    :raises DataWorksError: an error ended the wait, or the payload is none of ours: that is never a success.
    """
    if not isinstance(event, dict) or event.get("kind") not in KINDS:
        raise DataWorksError(f"The trigger ended the wait with something unexpected: {event!r:.200}")
    known = WaitEvent(**{name: event.get(name) for name in WaitEvent.__dataclass_fields__})  # type: ignore[arg-type]
    if known.kind == ERROR:
        fields = dict(known.error or {})
        kind = _ERRORS.get(str(fields.pop("class", "")), DataWorksTransientError)
        raise kind(str(fields.pop("message", "The wait failed.")), **fields)
    return known
