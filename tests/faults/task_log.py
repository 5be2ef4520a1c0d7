"""What the tasks of the campaign log: kept for the try that logs it, and passed on to one logger."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any
from unittest import mock

_log = logging.getLogger("tests.faults.tasks")
_lines: ContextVar[list[str] | None] = ContextVar("lines", default=None)


class TaskLog:
    """Stands in for a task's logger."""

    def log(self, level: int, message: str, *arguments: Any, **options: Any) -> None:
        """Keep a line."""
        lines = _lines.get()
        if lines is not None:
            lines.append(message % arguments if arguments else message)
        _log.log(level, message, *arguments, **options)

    def debug(self, message: str, *arguments: Any, **options: Any) -> None:
        self.log(logging.DEBUG, message, *arguments, **options)

    def info(self, message: str, *arguments: Any, **options: Any) -> None:
        self.log(logging.INFO, message, *arguments, **options)

    def warning(self, message: str, *arguments: Any, **options: Any) -> None:
        self.log(logging.WARNING, message, *arguments, **options)

    def error(self, message: str, *arguments: Any, **options: Any) -> None:
        self.log(logging.ERROR, message, *arguments, **options)

    def exception(self, message: str, *arguments: Any, **options: Any) -> None:
        self.log(logging.ERROR, message, *arguments, **{"exc_info": True, **options})


@contextlib.contextmanager
def kept_lines() -> Iterator[list[str]]:
    """Keep what is logged in this context, in the list that this gives."""
    lines: list[str] = []
    token = _lines.set(lines)
    try:
        yield lines
    finally:
        _lines.reset(token)


@contextlib.contextmanager
def kept_logs(*kinds: type) -> Iterator[None]:
    """Have these classes log here."""
    with contextlib.ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(mock.patch.object(kind, "log", TaskLog()))
        yield
