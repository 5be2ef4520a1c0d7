"""Parameters are encoded as the official SDKs do."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.client.encoding import encode


@pytest.mark.parametrize(
    ("parameters", "encoded"),
    [
        ({}, ""),
        ({"A": None}, ""),
        ({"B": 1, "A": "x y"}, "A=x+y&B=1"),
        ({"A": True, "B": False}, "A=true&B=false"),
        ({"A": {"b": [1, "ü"], "c": None}}, "A=%7B%22b%22%3A%5B1%2C%22%C3%BC%22%5D%2C%22c%22%3Anull%7D"),
        ({"A": [1, 2]}, "A=%5B1%2C2%5D"),
        ({"A": 1.5, "B": ""}, "A=1.5&B="),
    ],
)
def test_parameters_are_sorted_and_what_is_none_is_left_out(parameters: dict[str, Any], encoded: str) -> None:
    assert encode(parameters) == encoded
