"""A wait ends itself a little before Airflow's limit would end it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_dataworks.waiting.deadline import execution_deadline


@pytest.mark.parametrize(
    ("limit", "deadline"),
    [
        (None, None),
        (timedelta(seconds=40), 1030.0),
        (timedelta(seconds=120), 1090.0),
        (timedelta(hours=1), 4570.0),
        (timedelta(days=1), 87370.0),
    ],
)
def test_the_margin_is_a_quarter_of_the_limit_and_at_most_half_a_minute(
    limit: timedelta | None, deadline: float | None
) -> None:
    assert execution_deadline(1000.0, limit) == deadline
