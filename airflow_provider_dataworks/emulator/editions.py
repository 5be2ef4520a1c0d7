"""The editions of DataWorks: how many calls each admits. What an edition refuses is declared by the actions."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Quota:
    """
    The calls that an edition admits; 0 is no limit.

    :param read_qps: List and Get calls in any second.
    :param write_qps: other calls in any second.
    :param total_qps: calls of both sorts in any second.
    :param daily_calls: calls in one day.
    """

    read_qps: int = 0
    write_qps: int = 0
    total_qps: int = 0
    daily_calls: int = 0


ENTERPRISE = "enterprise"
#: By name, as the vendor's page "Use OpenAPI" of 2026 has them.
EDITIONS = {
    "basic": Quota(total_qps=5, daily_calls=100),
    "standard": Quota(total_qps=5),
    "professional": Quota(total_qps=5),
    ENTERPRISE: Quota(read_qps=50, write_qps=20),
}
