"""From a region to the time zone in which its business dates begin."""

from __future__ import annotations

#: Where a region has no line of its own in :data:`TIME_ZONES`.
DEFAULT_TIME_ZONE = "Asia/Shanghai"

#: IANA names by region; those of mainland China have the default.
TIME_ZONES = {
    "cn-hongkong": "Asia/Hong_Kong",
    "ap-northeast-1": "Asia/Tokyo",
    "ap-northeast-2": "Asia/Seoul",
    "ap-south-1": "Asia/Kolkata",
    "ap-southeast-1": "Asia/Singapore",
    "ap-southeast-2": "Australia/Sydney",
    "ap-southeast-3": "Asia/Kuala_Lumpur",
    "ap-southeast-5": "Asia/Jakarta",
    "ap-southeast-6": "Asia/Manila",
    "ap-southeast-7": "Asia/Bangkok",
    "eu-central-1": "Europe/Berlin",
    "eu-west-1": "Europe/London",
    "me-central-1": "Asia/Riyadh",
    "me-east-1": "Asia/Dubai",
    "na-south-1": "America/Mexico_City",
    "us-east-1": "America/New_York",
    "us-west-1": "America/Los_Angeles",
}


def time_zone_of(region_id: str | None) -> str:
    """Give the time zone of a region's business dates.

    :param region_id: the region; None for the default.
    :return: an IANA name.
    """
    return TIME_ZONES.get(region_id or "", DEFAULT_TIME_ZONE)
