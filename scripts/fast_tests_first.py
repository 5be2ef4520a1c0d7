"""A pytest plugin for mutation testing: the tests that took least time run first, so that a mutant is noticed soon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

#: What mutmut has measured, in the folder in which it runs the tests.
STATS = Path("mutmut-stats.json")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests; those that have not been timed run first."""
    durations: dict[str, float] = json.loads(STATS.read_text())["duration_by_test"] if STATS.exists() else {}
    items.sort(key=lambda item: durations.get(item.nodeid, 0.0))
