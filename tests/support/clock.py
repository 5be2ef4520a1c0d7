"""Clocks for tests: one stands still until it is moved, or until somebody sleeps by it; one shortens pauses."""

from __future__ import annotations

import asyncio
import time

from airflow_provider_dataworks.client.clock import Clock


class FakeClock(Clock):
    """Shows the time that a test sets; sleeping by it takes no time and moves it on.

    :param now: what it shows first, as Unix time and as monotonic time.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.sleeps: list[float] = []

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    async def pause(self, seconds: float) -> None:
        self.sleep(seconds)


class QuickClock(Clock):
    """Shows the true time; who sleeps by it sleeps shorter.

    :param factor: how many times shorter.
    """

    def __init__(self, factor: float = 20.0) -> None:
        self.factor = factor

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.factor)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.factor)
