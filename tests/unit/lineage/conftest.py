"""The emulator of the tests of tasks."""

from __future__ import annotations

from tests.unit.tasks.conftest import emulator

__all__ = ["emulator"]
