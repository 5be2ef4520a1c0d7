"""Business dates begin in the time zone of the region."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.client.time_zones import time_zone_of


@pytest.mark.parametrize(
    ("region", "time_zone"),
    [
        (None, "Asia/Shanghai"),
        ("", "Asia/Shanghai"),
        ("cn-beijing", "Asia/Shanghai"),
        ("mars-north-1", "Asia/Shanghai"),
        ("eu-central-1", "Europe/Berlin"),
        ("us-west-1", "America/Los_Angeles"),
    ],
)
def test_a_region_has_its_own_time_zone_or_that_of_china(region: str | None, time_zone: str) -> None:
    assert time_zone_of(region) == time_zone
