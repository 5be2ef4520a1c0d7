"""From a region to the host that serves it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

# Regions without a host of their own (none in a VPC either); everything else follows the documented pattern.
_CENTRAL_HOST = "dataworks.aliyuncs.com"
_CENTRAL_REGIONS = frozenset(
    {
        "ap-south-1",
        "ap-southeast-2",
        "cn-beijing-gov-1",
        "cn-hangzhou-finance",
        "cn-huhehaote",
        "cn-qingdao",
        "cn-wuhan",
    }
)

#: Regions that the vendor's endpoint page lists; others work too, by the same pattern.
KNOWN_REGIONS: tuple[str, ...] = (
    "cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-zhangjiakou", "cn-wulanchabu", "cn-shenzhen", "cn-chengdu",
    "cn-hongkong", "cn-shanghai-finance-1", "cn-shenzhen-finance-1", "cn-beijing-finance-1", "cn-north-2-gov-1",
    "ap-southeast-1", "ap-southeast-3", "ap-southeast-5", "ap-southeast-7", "ap-northeast-1", "ap-northeast-2",
    "us-east-1", "us-west-1", "eu-central-1", "eu-west-1", "me-east-1", "me-central-1", "na-south-1",
)  # fmt: skip

NETWORKS = ("public", "vpc")

_REGION_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REGIONAL_HOST = re.compile(r"dataworks(?:-[a-z]+)?\.([a-z0-9-]+)\.aliyuncs\.com")


def is_region_id(value: Any) -> bool:
    """Whether a value may be a region's id, and so a part of a host name or a path; it need not be a known one."""
    return isinstance(value, str) and len(value) <= 63 and _REGION_ID.fullmatch(value) is not None


def endpoint_url(region_id: str | None, network: str = "public", host: str | None = None) -> str:
    """Give the base URL to call.

    :param region_id: such as ``cn-shanghai``; may be None when ``host`` is given.
    :param network: ``public`` (default) or ``vpc``.
    :param host: overrides both; with a scheme or without. Plain http is for loopback hosts alone. Default None.
    :return: scheme, host and port, without a path.
    :raises ValueError: nothing usable was given; the text names the field and what it may be.
    """
    if region_id and not is_region_id(region_id):
        raise ValueError(f"region_id must be a region's id such as cn-shanghai, not {region_id!a:.60}")
    if host:
        return _override(host)
    if not region_id:
        raise ValueError("region_id is missing: give it on the connection (such as cn-shanghai), or set host")
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, not {network!r}")
    if region_id in _CENTRAL_REGIONS:
        if network == "vpc":
            raise ValueError(f"network vpc is not offered in region_id {region_id}: use public, or set host")
        return f"https://{_CENTRAL_HOST}"
    product = "dataworks-vpc" if network == "vpc" else "dataworks"
    return f"https://{product}.{region_id}.aliyuncs.com"


def region_of_endpoint(url: str) -> str | None:
    """Give the region that a host name of the service says it is in.

    :param url: scheme, host and port, as :func:`endpoint_url` gives them.
    :return: the region's id, None for the central host and for hosts that are not the service's own.
    """
    found = _REGIONAL_HOST.fullmatch((urlsplit(url).hostname or "").rstrip("."))
    return found[1] if found and is_region_id(found[1]) else None


def console_site_of(region_id: str | None) -> str:
    """Give the site whose console shows a region unless the connection names another.

    :param region_id: the region; None for the default.
    :return: ``cn`` (aliyun.com) for regions of China and without a region, ``intl`` (alibabacloud.com) for others.
    """
    return "intl" if region_id and not region_id.startswith("cn-") else "cn"


def sts_authority(host: str) -> str:
    """Give host and port of an STS endpoint.

    :param host: with ``https://`` or without.
    :return: the host, with the port if it is another than 443.
    :raises ValueError: it is no bare host name; the text says what it may be.
    """
    url = _bare_host(host, "sts.cn-shanghai.aliyuncs.com")
    if url.scheme != "https":
        raise ValueError("is asked over https alone")
    return url.netloc.removesuffix(":443")


def _override(host: str) -> str:
    try:
        url = _bare_host(host, "dataworks.cn-shanghai.aliyuncs.com")
    except ValueError as error:
        raise ValueError(f"host {error}") from None
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError("host: plain http is accepted for loopback hosts alone; use https")
    # The service knows itself by its bare name, which is signed.
    host = url.netloc.removesuffix(":443") if url.scheme == "https" else url.netloc
    return f"{url.scheme}://{host}"


def _bare_host(host: str, example: str) -> SplitResult:
    url = _address(host)
    if url is None or not url.hostname:
        raise ValueError(f"must be a host name, with https:// or a port if need be, such as {example}")
    if url.username or url.password or url.query or url.fragment or url.path not in ("", "/"):
        raise ValueError("must be a bare host name: no user, path, query or fragment")
    return url


def _address(host: str) -> SplitResult | None:
    try:
        url = urlsplit(host if "://" in host else f"https://{host}")
        plain = host.isascii() and host.isprintable() and host.split() == [host]
        usable = url.scheme in ("http", "https") and url.port != 0 and plain
    except ValueError:
        return None
    return url if usable else None


def is_loopback(hostname: str) -> bool:
    """Whether a host name or address surely means this machine."""
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False
