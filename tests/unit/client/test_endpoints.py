"""From a region, a network or an override to the host that is called."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.client.endpoints import (
    KNOWN_REGIONS,
    console_site_of,
    endpoint_url,
    is_loopback,
    is_region_id,
    region_of_endpoint,
    sts_authority,
)


@pytest.mark.parametrize("region", KNOWN_REGIONS)
def test_region_has_a_public_and_a_vpc_host(region: str) -> None:
    assert endpoint_url(region) == f"https://dataworks.{region}.aliyuncs.com"
    assert endpoint_url(region, "vpc") == f"https://dataworks-vpc.{region}.aliyuncs.com"


@pytest.mark.parametrize(
    "region",
    [
        "cn-qingdao", "cn-huhehaote", "cn-wuhan", "ap-southeast-2", "ap-south-1", "cn-hangzhou-finance",
        "cn-beijing-gov-1",
    ],
)  # fmt: skip
def test_region_without_a_host_of_its_own_has_the_central_one(region: str) -> None:
    assert endpoint_url(region) == "https://dataworks.aliyuncs.com"
    with pytest.raises(ValueError, match=rf"network vpc is not offered in region_id {region}"):
        endpoint_url(region, "vpc")


def test_region_that_is_not_known_follows_the_pattern() -> None:
    assert endpoint_url("mars-north-1") == "https://dataworks.mars-north-1.aliyuncs.com"
    assert endpoint_url("mars-north-1", "vpc") == "https://dataworks-vpc.mars-north-1.aliyuncs.com"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("dataworks.example.com", "https://dataworks.example.com"),
        ("dataworks.example.com:8443", "https://dataworks.example.com:8443"),
        ("https://dataworks.example.com", "https://dataworks.example.com"),
        ("https://dataworks.example.com/", "https://dataworks.example.com"),
        ("https://dataworks.example.com:443", "https://dataworks.example.com"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_host_overrides_region_and_network(host: str, url: str) -> None:
    assert endpoint_url("cn-shanghai", "vpc", host) == url
    assert endpoint_url(None, host=host) == url


@pytest.mark.parametrize(
    "host", ["http://dataworks.example.com", "http://10.0.0.1:8080", "http://localhost.example.com", "http://[::2]"]
)
def test_plain_http_is_for_loopback_hosts_alone(host: str) -> None:
    with pytest.raises(ValueError, match="host: plain http is accepted for loopback hosts alone"):
        endpoint_url("cn-shanghai", host=host)


@pytest.mark.parametrize(
    "host",
    [
        "ftp://dataworks.example.com",
        "https://",
        "https://dataworks.example.com:port",
        "https://dataworks.example.com:0",
        "https://dataworks.example.com:443\x00",
        "https://datawörks.example.com",
        "://dataworks.example.com",
        ":8443",
        "https://dataworks.example.com:99999",
        "https://dataworks.example.com/path",
        "https://dataworks.example.com/?a=b",
        "https://user@dataworks.example.com",
        "https://user:pw@dataworks.example.com",
        "https://dataworks.example.com/#x",
        "https://[::1",
        "data works.example.com",
    ],
)
def test_host_that_cannot_be_used_is_named(host: str) -> None:
    with pytest.raises(ValueError, match=r"^host must be a (bare )?host name") as raised:
        endpoint_url("cn-shanghai", host=host)
    assert str(raised.value) in (
        "host must be a host name, with https:// or a port if need be, such as dataworks.cn-shanghai.aliyuncs.com",
        "host must be a bare host name: no user, path, query or fragment",
    )


@pytest.mark.parametrize("region", [None, ""])
def test_missing_region_is_named(region: str | None) -> None:
    with pytest.raises(ValueError, match="region_id is missing"):
        endpoint_url(region)


@pytest.mark.parametrize("region", ["CN-SHANGHAI", "cn_shanghai", "cn-shanghai.evil.com/", "上海", "cn shanghai"])
def test_region_that_cannot_be_used_is_named(region: str) -> None:
    with pytest.raises(ValueError, match="region_id must be a region's id"):
        endpoint_url(region)


def test_network_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="network must be one of public, vpc, not 'intranet'"):
        endpoint_url("cn-shanghai", "intranet")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("a", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("value", ["a", "cn-shanghai", "1-2", "a" * 63])
def test_a_region_id_may_be_part_of_a_host_name(value: str) -> None:
    assert is_region_id(value)


@pytest.mark.parametrize("value", [None, 1, "", "-", "a-", "-a", "a--b", "A", "a.b", "a/b", "a" * 64])
def test_what_may_be_no_part_of_a_host_name_is_no_region_id(value: object) -> None:
    assert not is_region_id(value)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://dataworks.cn-shanghai.aliyuncs.com", "cn-shanghai"),
        ("https://dataworks-vpc.us-east-1.aliyuncs.com:8443", "us-east-1"),
        ("https://dataworks.cn-shanghai.aliyuncs.com.", "cn-shanghai"),
        ("https://dataworks.-cn.aliyuncs.com", None),
        ("https://dataworks.aliyuncs.com", None),
        ("http://127.0.0.1:8080", None),
        ("", None),
    ],
)
def test_the_services_own_host_names_say_their_region(url: str, region: str | None) -> None:
    assert region_of_endpoint(url) == region


@pytest.mark.parametrize(
    ("region", "site"), [(None, "cn"), ("", "cn"), ("cn-hongkong", "cn"), ("cnx-1", "intl"), ("us-east-1", "intl")]
)
def test_regions_of_china_have_the_chinese_console(region: str | None, site: str) -> None:
    assert console_site_of(region) == site


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("sts.us-east-1.aliyuncs.com", "sts.us-east-1.aliyuncs.com"),
        ("https://sts.us-east-1.aliyuncs.com:443/", "sts.us-east-1.aliyuncs.com"),
        ("sts.us-east-1.aliyuncs.com:8443", "sts.us-east-1.aliyuncs.com:8443"),
    ],
)
def test_an_sts_endpoint_is_a_host_with_a_port_if_need_be(host: str, authority: str) -> None:
    assert sts_authority(host) == authority


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("http://sts.aliyuncs.com", "^is asked over https alone$"),
        ("", r"^must be a host name, .* such as sts\.cn-shanghai\.aliyuncs\.com$"),
        ("sts.aliyuncs.com/path", "^must be a bare host name: no user, path, query or fragment$"),
        (":pw@sts.aliyuncs.com", "^must be a bare host name: no user, path, query or fragment$"),
    ],
)
def test_an_sts_endpoint_that_cannot_be_used_is_refused(host: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        sts_authority(host)
