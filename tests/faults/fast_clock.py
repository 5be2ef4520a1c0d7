"""Lets the code under test sleep a fraction of what it asks for, on clocks that may differ from try to try."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextvars import ContextVar
from types import ModuleType
from typing import Any
from unittest import mock

from airflow_provider_dataworks.client import clock as clock_module
from airflow_provider_dataworks.client.clock import Clock, installed

PACKAGE = "airflow_provider_dataworks"

#: A pause of 1 s takes 25 ms: the whole backoff of a call half a second, the looks after a lost start 0.4 s.
FACTOR = 40
#: What is longer than this many seconds is shortened ten times more.
_LONG = 30.0
#: Nothing that a server asks for may silence the package for longer than this many seconds.
LONGEST_PAUSE = 400.0

#: By how many seconds the machine's clock is ahead for what runs in this context.
clock_offset: ContextVar[float] = ContextVar("clock_offset", default=0.0)

#: Pauses that were too long, by the name of the group of threads that asked for them; they are not slept.
overlong_pauses: dict[str, list[float]] = defaultdict(list)


def group_name() -> str:
    """The name that the threads of one schedule begin with, up to the colon."""
    return threading.current_thread().name.partition(":")[0]


class FastClock(Clock):
    """What the package asks for the time and waits by."""

    def time(self) -> float:
        return time.time() + clock_offset.get()

    def sleep(self, seconds: float) -> None:
        time.sleep(shortened(seconds))

    async def pause(self, seconds: float) -> None:
        await FastAsyncio.sleep(seconds)


class FastTime:
    """Stands in for the module ``time``."""

    monotonic = staticmethod(time.monotonic)

    @staticmethod
    def time() -> float:
        """The machine's clock, as it goes in this context."""
        return time.time() + clock_offset.get()

    @staticmethod
    def sleep(seconds: float) -> None:
        """Sleep shorter."""
        time.sleep(shortened(seconds))

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


class FastAsyncio:
    """Stands in for the module ``asyncio`` where triggers wait; what is up to a second is slept in full."""

    @staticmethod
    async def sleep(seconds: float, result: Any = None) -> Any:
        """Sleep shorter."""
        await asyncio.sleep(min(seconds, 1.0) + shortened(max(0.0, seconds - 1.0)))
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


def shortened(seconds: float) -> float:
    """How long a pause of so many seconds takes here; one that is too long is noted."""
    if seconds > LONGEST_PAUSE:
        overlong_pauses[group_name()].append(seconds)
        return 0.0
    return min(seconds, _LONG) / FACTOR + max(0.0, seconds - _LONG) / FACTOR / 10


@contextlib.contextmanager
def fast_clock() -> Iterator[None]:
    """Have all modules of the package, wherever a loop of theirs may move to, sleep shorter."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(installed(FastClock()))
        for module in package_modules():
            for name, value in list(vars(module).items()):
                if value is time:
                    stack.enter_context(mock.patch.object(module, name, FastTime()))
                elif value is asyncio:
                    stack.enter_context(mock.patch.object(module, name, FastAsyncio()))
        # The poller waits for its next tick by the loop's own clock, which is the true one.
        limits = (("_SMALLEST_GAP", 0.02), ("_LONGEST_BACKOFF", 0.3), ("_LONGEST_RETRY_AFTER", shortened(300.0) + 1.0))
        for name, seconds in limits:
            for module in package_modules():
                if hasattr(module, name):
                    stack.enter_context(mock.patch.object(module, name, seconds))
        yield


def package_modules() -> list[ModuleType]:
    """The package's modules that are loaded, without the emulator's, whose clock is the true one."""
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith(f"{PACKAGE}.")
        and not name.startswith(f"{PACKAGE}.emulator")
        # Its own clock is replaced as a whole.
        and name != clock_module.__name__
    ]
