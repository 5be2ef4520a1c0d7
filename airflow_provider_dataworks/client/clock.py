"""The clock that the whole package asks for the time and waits by; tests replace it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Clock:
    """The machine's own clock."""

    def time(self) -> float:
        """The Unix time, in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment; never set back."""
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

    def call_later(self, seconds: float, callback: Callable[[], Any]) -> asyncio.TimerHandle:
        """Have the running event loop call something.

        :param seconds: how long from now.
        :param callback: what to call.
        :return: what cancels it.
        """
        return asyncio.get_running_loop().call_later(seconds, callback)


class _InstalledClock(Clock):
    """Delegates to the clock in use, so that modules can import one object for good."""

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

    def call_later(self, seconds: float, callback: Callable[[], Any]) -> asyncio.TimerHandle:
        return self.delegate.call_later(seconds, callback)


_installed = _InstalledClock()

#: The clock to ask; what is behind it can be replaced.
clock: Clock = _installed


@contextmanager
def installed(replacement: Clock) -> Iterator[Clock]:
    """Have the whole process use another clock for a while, such as a test's.

    :param replacement: the clock to use.
    :return: that clock.
    """
    before = _installed.delegate
    _installed.delegate = replacement
    try:
        yield replacement
    finally:
        _installed.delegate = before
