"""The one exception with which the emulator refuses a call: HTTP status, Code and Message of the answer."""

from __future__ import annotations

from collections.abc import Mapping


class ApiRefusal(Exception):
    """
    A call that is answered with an error body.

    :param status: HTTP status of the answer.
    :param code: the answer's Code.
    :param message: the answer's Message.
    :param headers: further headers of the answer.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
