"""The emulator's clock: the machine's own, and ahead of it by the seconds that the emulator was advanced."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from contextvars import ContextVar

from airflow_provider_dataworks.emulator.settings import MAX_SECONDS


@dataclasses.dataclass
class _Advance:
    """An advance that happens before a request is processed."""

    action: str
    skip: int
    seconds: float


class Clock:
    """
    The clock of one emulator. What has no emulator at hand asks :func:`monotonic` and :func:`unix_time`, which read the
    clock that is in use.

    :param ahead: by how many seconds it is ahead of the machine's.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._pending: list[_Advance] = []

    def advance(self, seconds: float) -> None:
        """
        Advance it.

        :param seconds: by how much, from 0 on.
        :raises ValueError: it would be more than ten years ahead.
        """
        self._check(seconds)
        self.ahead += seconds

    def advance_before(self, action: str, seconds: float, skip: int = 0) -> None:
        """
        Advance it when a request arrives, once.

        :param action: the action of that request.
        :param seconds: by how much.
        :param skip: how many requests of this action come before; default 0.
        :raises ValueError: it would be more than ten years ahead.
        """
        self._check(seconds)
        self._pending.append(_Advance(action, skip, seconds))

    def arrive(self, action: str) -> None:
        """Advance it by what was planned for a request of this action."""
        for planned in [each for each in self._pending if each.action == action]:
            if planned.skip:
                planned.skip -= 1
                continue
            self._pending.remove(planned)
            self.ahead += planned.seconds

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Have :func:`monotonic` and :func:`unix_time` read this clock, in this context, for a while."""
        token = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(token)

    def _check(self, seconds: float) -> None:
        planned = sum(each.seconds for each in self._pending)
        if self.ahead + planned + seconds > MAX_SECONDS:
            raise ValueError(f"the emulator's time can be advanced by {MAX_SECONDS} seconds in all, ten years")


_in_use: ContextVar[Clock | None] = ContextVar("dataworks_emulator_clock", default=None)


def monotonic() -> float:
    """Return seconds since some moment; they never go back."""
    return time.monotonic() + _ahead()


def unix_time() -> float:
    """Return the Unix time, in seconds."""
    return time.time() + _ahead()


def _ahead() -> float:
    clock = _in_use.get()
    return clock.ahead if clock else 0.0
