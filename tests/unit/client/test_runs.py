"""A new run is recognized by what it changed, and by nothing that changes without one."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.client.runs import new_run_shows, normal_status, solution_start_shows


@pytest.mark.parametrize(
    ("given", "normal"), [("Running", "Running"), ("Stop", "Stopped"), ("Odd", "Odd"), ("", ""), (None, "")]
)
def test_statuses_have_one_spelling(given: str | None, normal: str) -> None:
    assert normal_status(given) == normal


@pytest.mark.parametrize(
    ("now", "started", "before", "started_before", "shows"),
    [
        ("Finished", 2, "Finished", 1, True),
        ("Finished", 2, "Finished", None, True),
        ("Finished", 1, "Finished", 1, False),
        ("Finished", None, "Finished", 1, False),
        ("Running", None, "Finished", None, True),
        ("Running", None, "Stop", None, True),
        ("Stopped", None, "Stop", None, False),
        ("Finished", None, "Running", None, False),
        ("Stopped", None, "Stopping", None, False),
        (None, None, "Finished", None, False),
        ("Running", None, None, None, False),
        ("Running", 2, None, 1, True),
    ],
)
def test_a_run_is_new_if_its_start_is_another_or_it_left_a_status_that_is_not_left_by_itself(
    now: str | None, started: int | None, before: str | None, started_before: int | None, shows: bool
) -> None:
    assert new_run_shows(now, started, before, started_before) is shows


@pytest.mark.parametrize(
    ("now", "started", "before", "started_before", "shows"),
    [
        ("2", None, "1", None, True),
        ("5", None, "2", None, False),
        ("3", None, "8", None, False),
        ("1", 1, "1", 1, False),
        ("1", 2, "1", 1, True),
    ],
)
def test_a_solution_leaves_other_statuses_by_itself(
    now: str, started: int | None, before: str, started_before: int | None, shows: bool
) -> None:
    assert solution_start_shows(now, started, before, started_before) is shows
