"""Waits for a condition of the emulator, or does something once it is true, whatever the machine's load."""

from __future__ import annotations

import threading
from collections.abc import Callable

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.processes import wait_until

# 50 reads a second are allowed, and a test makes others right after its polls.
PAUSE = 0.05


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """
    Wait until a condition is true.

    :raises AssertionError: it is not within ``seconds``.
    """
    assert wait_until(condition, seconds, PAUSE)


def once(condition: Callable[[], bool], then: Callable[[], object]) -> None:
    """
    Do something beside the test, as soon as a condition is true.

    :param condition: what to wait for; it is asked every 0.05 s, until the test ends.
    :param then: what to do.
    """
    _Once(condition, then).start()


def once_asked(emulator: EmulatorControl, then: Callable[[], object], requests: int = 2) -> None:
    """
    Do something beside the test, as soon as the emulator has had so many requests more than now.

    :param emulator: the emulator.
    :param then: what to do.
    :param requests: how many; default 2: a sensor has then seen the status that there is now.
    """
    before = len(emulator.requests())
    once(lambda: len(emulator.requests()) >= before + requests, then)


class _Once(threading.Timer):
    """A timer, so that the end of the test cancels it."""

    def __init__(self, condition: Callable[[], bool], then: Callable[[], object]) -> None:
        super().__init__(PAUSE, then)
        self._condition = condition

    def run(self) -> None:
        while not self.finished.wait(self.interval):
            if self._condition():
                self.function()
                self.finished.set()
