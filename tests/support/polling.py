"""Polls the emulator for a condition, slowly enough for its quota of calls."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.processes import wait_until

# 50 reads a second are allowed, and a test makes others right after its polls.
PAUSE = 0.05


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """
    Wait until a condition is true.

    :raises AssertionError: it is not within ``seconds``.
    """
    assert wait_until(condition, seconds, PAUSE)
