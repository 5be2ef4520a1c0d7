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
from unittest import mock

from airflow_provider_dataworks.client.clock import Clock, installed
from airflow_provider_dataworks.triggers import poller
from airflow_provider_dataworks.waiting import failure_budget

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
    """Sleeps shorter; the poller's own timers, and pauses of up to a second in an event loop, take their time."""

    def time(self) -> float:
        """The machine's clock, as it goes in this context."""
        return time.time() + clock_offset.get()

    def sleep(self, seconds: float) -> None:
        time.sleep(shortened(seconds))

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 1.0) + shortened(max(0.0, seconds - 1.0)))


def shortened(seconds: float) -> float:
    """How long a pause of so many seconds takes here; one that is too long is noted."""
    if seconds > LONGEST_PAUSE:
        overlong_pauses[group_name()].append(seconds)
        return 0.0
    return min(seconds, _LONG) / FACTOR + max(0.0, seconds - _LONG) / FACTOR / 10


@contextlib.contextmanager
def fast_clock() -> Iterator[None]:
    """Have the package sleep shorter, and pause shorter after failed polls."""
    limits = (
        (poller, "_SMALLEST_GAP", 0.02),
        (failure_budget, "LONGEST_PAUSE", 0.3),
        (failure_budget, "LONGEST_BACKOFF", 0.3),
        (failure_budget, "LONGEST_RETRY_AFTER", shortened(300.0) + 1.0),
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(installed(FastClock()))
        # The poller waits for its next tick by the loop's own clock, which is the true one.
        for module, name, seconds in limits:
            stack.enter_context(mock.patch.object(module, name, seconds))
        yield


def package_modules() -> list[ModuleType]:
    """The package's modules that are loaded, without the emulator's."""
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.startswith("airflow_provider_dataworks.") and not name.startswith("airflow_provider_dataworks.emulator")
    ]
