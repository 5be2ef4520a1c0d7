"""The clock that the package asks for the time and waits by; tests install another one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """The machine's own clock."""

    def time(self) -> float:
        """Return the Unix time, in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since some moment; it is never set back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, in a thread.

        :param seconds: how long.
        """
        time.sleep(seconds)

    async def pause(self, seconds: float) -> None:
        """Wait, in an event loop.

        :param seconds: how long.
        """
        await asyncio.sleep(seconds)


class _InstalledClock(Clock):
    """Delegates to the clock in use, so that modules can import one object once and for all."""

    def __init__(self) -> None:
        self.delegate = Clock()

    def time(self) -> float:
        return self.delegate.time()

    def monotonic(self) -> float:
        return self.delegate.monotonic()

    def sleep(self, seconds: float) -> None:
        self.delegate.sleep(seconds)

    async def pause(self, seconds: float) -> None:
        await self.delegate.pause(seconds)


_installed = _InstalledClock()

#: The clock to ask. What it delegates to can be replaced with :func:`installed`.
clock: Clock = _installed


@contextmanager
def installed(replacement: Clock) -> Iterator[Clock]:
    """Have the whole process use another clock for a while.

    :param replacement: the clock to use, such as a test's.
    :return: that clock.
    """
    before = _installed.delegate
    _installed.delegate = replacement
    try:
        yield replacement
    finally:
        _installed.delegate = before
