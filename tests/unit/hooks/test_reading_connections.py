"""An Airflow connection, however it was written, becomes settings; what can't be used is named by its field."""

from __future__ import annotations

import importlib
import json
import logging
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from airflow.models.connection import Connection

from airflow_provider_dataworks.client.credentials import Credentials, FetchedCredentials
from airflow_provider_dataworks.client.endpoints import KNOWN_REGIONS
from airflow_provider_dataworks.client.errors import CredentialsError
from airflow_provider_dataworks.client.time_zones import TIME_ZONES
from airflow_provider_dataworks.connection.settings import ConnectionSettings, read_connection
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import connect, hook_for
from tests.support.scripted_server import scripted_server

KEY = {"login": "LTAI-1", "password": "hidden-secret"}


def settings(region_id: str | None = None, /, **fields: Any) -> ConnectionSettings:
    """Read a connection with these standard fields; everything else is an extra."""
    names = ("login", "password", "host", "port", "schema")
    key: dict[str, Any] = {**KEY, **{name: fields.pop(name) for name in names if name in fields}}
    given = {"region_id": "cn-shanghai", **fields}
    extra = {name: value for name, value in given.items() if value is not None}
    connection = Connection(conn_id="x", conn_type="dataworks", extra=json.dumps(extra) if extra else None, **key)
    return read_connection(connection, region_id)


def refusal(**fields: Any) -> str:
    with pytest.raises(DataWorksParameterError) as raised:
        settings(**fields)
    assert "hidden" not in str(raised.value)
    return str(raised.value)


# How it was written


def test_defaults() -> None:
    read = settings()

    assert read.endpoint == "https://dataworks.cn-shanghai.aliyuncs.com"
    assert read.credentials.get() == Credentials("LTAI-1", "hidden-secret")
    assert (read.region_id, read.project_id) == ("cn-shanghai", None)
    assert (read.console, read.console_site) == ("new", "cn")
    assert read.api_version == "2020-05-18"
    assert (read.connect_timeout, read.read_timeout, read.max_attempts, read.max_qps) == (5.0, 20.0, 5, 4.0)


@pytest.mark.parametrize("version", ["2020-05-18", "2024-05-18"])
def test_api_version_is_one_of_two(version: str) -> None:
    assert settings(api_version=version).api_version == version


@pytest.mark.parametrize("blank", ["", None])
def test_blank_api_version_is_the_default(blank: str | None) -> None:
    assert settings(api_version=blank).api_version == "2020-05-18"


@pytest.mark.parametrize("wrong", ["2024", "2024-05-19", "latest", 2024, ["2024-05-18"]])
def test_other_api_version_is_refused_with_what_is_accepted(wrong: object) -> None:
    text = refusal(api_version=wrong)

    assert "field api_version: must be one of 2020-05-18, 2024-05-18" in text


def test_form_gives_numbers_and_empty_fields() -> None:
    read = settings(
        region_id="cn-beijing",
        project_id=10000,
        network="vpc",
        connect_timeout=2,
        read_timeout=30.5,
        max_attempts=3,
        max_qps=0,
        console="legacy",
        security_token="",
        role_arn=None,
        auth_type="",
    )

    assert read.endpoint == "https://dataworks-vpc.cn-beijing.aliyuncs.com"
    assert (read.project_id, read.console) == (10000, "legacy")
    assert (read.connect_timeout, read.read_timeout, read.max_attempts, read.max_qps) == (2, 30.5, 3, 0)
    assert type(read.max_attempts) is int


def test_uri_gives_text(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = dataworks_emulator.connection_uri + "&max_qps=0&max_attempts=2&read_timeout=1.5&network=public"
    connect(monkeypatch, uri, "from_uri")
    hook = DataWorksHook("from_uri")

    assert (hook.settings.project_id, hook.settings.max_attempts, hook.settings.read_timeout) == (10000, 2, 1.5)
    assert len(list(hook.list_di_jobs())) == 6


def test_uri_may_have_host_port_and_scheme_in_fields_of_their_own(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = dataworks_emulator.url.rpartition(":")[2]
    key, secret = (quote(text) for text in (dataworks_emulator.access_key_id, dataworks_emulator.access_key_secret))
    connect(monkeypatch, f"dataworks://{key}:{secret}@127.0.0.1:{port}/http?project_id=10000&max_qps=0", "plain_uri")

    assert len(list(DataWorksHook("plain_uri").list_di_jobs())) == 6


@pytest.mark.parametrize(
    ("fields", "endpoint"),
    [
        ({"host": "dataworks.example.com", "port": 8443}, "https://dataworks.example.com:8443"),
        ({"host": "dataworks.example.com:8443", "port": 9000}, "https://dataworks.example.com:8443"),
        ({"host": "https://dataworks.example.com/", "port": 8443}, "https://dataworks.example.com:8443"),
        ({"host": "localhost", "port": 80, "schema": "http"}, "http://localhost:80"),
        ({"host": "http://[::1]", "port": 8080}, "http://[::1]:8080"),
        ({"host": "dataworks.example.com", "port": 443}, "https://dataworks.example.com"),
        ({"host": "dataworks.example.com:443"}, "https://dataworks.example.com"),
        ({"host": "", "port": 443}, "https://dataworks.cn-shanghai.aliyuncs.com"),
        ({"host": " dataworks.example.com "}, "https://dataworks.example.com"),
        ({"host": "", "region_id": "eu-central-1"}, "https://dataworks.eu-central-1.aliyuncs.com"),
    ],
)
def test_host_overrides(fields: dict[str, Any], endpoint: str) -> None:
    assert settings(**fields).endpoint == endpoint


def test_port_without_an_endpoint_is_refused() -> None:
    with pytest.raises(DataWorksParameterError, match="field port: belongs to an endpoint"):
        settings(port=8443)


def test_json_of_the_official_provider_works() -> None:
    read = settings(login=None, password=None, access_key_id="LTAI-2", access_key_secret="hidden-2")

    assert read.credentials.get() == Credentials("LTAI-2", "hidden-2")


def test_extras_of_the_official_providers_page_work(warnings: Callable[[], set[str]]) -> None:
    read = settings(
        login=None,
        password=None,
        region_id=None,
        region="cn-beijing",
        auth_type="AK",
        access_key_id="LTAI-2",
        access_key_secret="hidden-2",
    )

    assert read.credentials.get() == Credentials("LTAI-2", "hidden-2")
    assert (read.region_id, read.endpoint) == ("cn-beijing", "https://dataworks.cn-beijing.aliyuncs.com")
    assert warnings() == set()


def test_region_id_wins_over_region(warnings: Callable[[], set[str]]) -> None:
    assert settings(region_id="cn-shanghai", region="cn-shanghai").region_id == "cn-shanghai"
    assert warnings() == set()

    assert settings(region_id="cn-shanghai", region="cn-beijing").region_id == "cn-shanghai"
    assert warnings() == {"connection x: region is cn-beijing and region_id is cn-shanghai; region_id is used"}


def test_region_that_cannot_be_one_is_refused_under_its_own_name() -> None:
    assert refusal(region_id=None, region=5).startswith("connection x, field region: must be a string")


def test_region_of_the_hook_wins() -> None:
    assert settings("eu-west-1").endpoint == "https://dataworks.eu-west-1.aliyuncs.com"
    assert settings("").endpoint == "https://dataworks.cn-shanghai.aliyuncs.com"


@pytest.mark.parametrize("host", [None, "dataworks.example.com"])
@pytest.mark.parametrize("region", ["@evil.example/", "Shanghai", "cn shanghai", "cn-shanghai.", 5])
def test_region_of_the_hook_that_cannot_be_one_is_refused(host: str | None, region: Any) -> None:
    with pytest.raises(DataWorksParameterError, match=r"^region_id: must be a region's id such as cn-shanghai, not "):
        settings(region, host=host)


@pytest.mark.parametrize(
    ("host", "region_of_host"),
    [
        ("dataworks.cn-shanghai.aliyuncs.com", "cn-shanghai"),
        ("https://DataWorks-VPC.cn-shanghai.aliyuncs.com:443/", "cn-shanghai"),
        ("dataworks.eu-central-1.aliyuncs.com.", "eu-central-1"),
        ("dataworks.mars-north-1.aliyuncs.com", "mars-north-1"),
    ],
)
def test_host_of_another_region_than_the_tasks_or_the_connections_is_refused(host: str, region_of_host: str) -> None:
    for of_task, of_connection in (("ap-southeast-1", "cn-shanghai"), (None, "ap-southeast-1")):
        with pytest.raises(DataWorksParameterError) as raised:
            settings(of_task, host=host, region_id=of_connection)
        assert str(raised.value) == (
            f"connection x, field host: is the endpoint of region {region_of_host}, but region_id is ap-southeast-1: "
            "remove host, or use one region"
        )


def test_host_of_the_same_region_is_accepted() -> None:
    assert settings("cn-beijing", host="dataworks.cn-beijing.aliyuncs.com", region_id="cn-shanghai").region_id == (
        "cn-beijing"
    )
    assert settings(host="dataworks-vpc.cn-shanghai.aliyuncs.com").region_id == "cn-shanghai"


@pytest.mark.parametrize(
    "host",
    ["dataworks.aliyuncs.com", "dataworks.example.com", "dataworks.cn-beijing.aliyuncs.com.example.com", "10.0.0.1"],
)
def test_host_that_names_no_region_goes_with_any(host: str) -> None:
    assert settings("eu-central-1", host=host).region_id == "eu-central-1"


def test_region_is_taken_from_a_host_that_names_it() -> None:
    read = settings(region_id=None, host="dataworks.eu-central-1.aliyuncs.com")

    assert (read.region_id, read.console_site) == ("eu-central-1", "intl")


@pytest.mark.parametrize(
    ("region", "site"),
    [
        ("cn-shanghai", "cn"),
        ("cn-hongkong", "cn"),
        ("cn-north-2-gov-1", "cn"),
        ("ap-southeast-1", "intl"),
        ("eu-central-1", "intl"),
        ("us-west-1", "intl"),
        ("me-central-1", "intl"),
    ],
)
def test_console_site_follows_the_region_unless_it_is_set(region: str, site: str) -> None:
    assert settings(region_id=region).console_site == site
    assert settings(region).console_site == site
    assert settings(region_id=region, console_site="cn").console_site == "cn"
    assert settings(region_id=region, console_site="intl").console_site == "intl"


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("cn-shanghai", "Asia/Shanghai"),
        ("cn-hongkong", "Asia/Hong_Kong"),
        ("eu-central-1", "Europe/Berlin"),
        ("xx-new-1", "Asia/Shanghai"),
    ],
)
def test_time_zone_follows_the_region_unless_it_is_set(region: str, zone: str) -> None:
    assert settings(region_id=region).time_zone == zone
    assert settings(region_id=region, time_zone=" America/New_York ").time_zone == "America/New_York"


def test_every_known_region_outside_mainland_china_has_a_time_zone() -> None:
    abroad = {region for region in KNOWN_REGIONS if not region.startswith("cn-")}

    assert abroad <= set(TIME_ZONES)
    assert all(ZoneInfo(zone).key == zone for zone in TIME_ZONES.values())


def test_region_is_not_needed_where_a_host_is() -> None:
    read = settings(region_id=None, host="dataworks.example.com")

    assert (read.endpoint, read.region_id) == ("https://dataworks.example.com", None)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], set[str]]]:
    """What reading a connection warned of."""
    name = "airflow_provider_dataworks.connection"
    with caplog.at_level(logging.WARNING, logger=name):
        logging.getLogger(name).addHandler(caplog.handler)
        yield lambda: {record.getMessage() for record in caplog.records if record.name.startswith(name)}
        logging.getLogger(name).removeHandler(caplog.handler)


def test_names_of_the_form_of_airflow_2_stand_for_the_plain_ones(warnings: Callable[[], set[str]]) -> None:
    both = {"extra__dataworks__project_id": "10000", "extra__dataworks__network": "public", "network": "vpc"}
    read = settings(**both)

    assert (read.project_id, read.endpoint) == (10000, "https://dataworks-vpc.cn-shanghai.aliyuncs.com")
    assert warnings() == set()


def test_unknown_extras_are_named_in_a_warning(warnings: Callable[[], set[str]]) -> None:
    settings(regoin="cn-shanghai", acces_key="hidden-value")

    (text,) = warnings()
    assert text.startswith("connection x: the extras acces_key, regoin are not known and have no effect; known are ")
    assert "region_id" in text
    assert "hidden" not in text


def test_token_that_the_kind_of_authentication_ignores_is_warned_of(warnings: Callable[[], set[str]]) -> None:
    read = settings(auth_type="access_key", security_token="hidden-token")

    assert read.credentials.get().security_token is None
    assert warnings() == {"connection x: security_token has no effect with auth_type access_key"}


# What can't be used


@pytest.mark.parametrize(
    ("field", "values", "may_be"),
    [
        ("project_id", ["abc", 0, -5, 1.5, 10_000_000_001, True, []], "must be an integer from 1 to 10000000000"),
        ("auth_type", ["password", "ACCESS_KEY", 5], "must be one of access_key, sts, ram_role_arn, oidc_role_arn"),
        ("network", ["intranet", 5], "must be one of public, vpc"),
        ("console", ["old"], "must be one of new, legacy"),
        ("console_site", ["com"], "must be one of cn, intl"),
        ("time_zone", ["Asia/Atlantis", "+08:00", "../x", 8, []], "must be the IANA name of a time zone"),
        ("connect_timeout", [0, -1, "soon", True, [], "nan", "inf", 1e9], "must be a number above 0"),
        ("read_timeout", [0, -1, "soon", True, {}], "must be a number above 0"),
        ("max_attempts", [0, -1, 1.5, "many", True, "nan"], "must be a whole number at least 1"),
        ("max_qps", [-1, "many", True, "inf"], "must be a number at least 0"),
        ("security_token", [5, ["a"]], "must be a string"),
        ("region_id", [5, ["cn-shanghai"]], "must be a string"),
    ],
)
def test_value_that_cannot_be_used_is_named_with_what_it_may_be(field: str, values: list[Any], may_be: str) -> None:
    for value in values:
        assert refusal(**{field: value}).startswith(f"connection x, field {field}: {may_be}"), value


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"region_id": None}, "region_id is missing: give it on the connection (such as cn-shanghai), or set host"),
        ({"region_id": "Shanghai!"}, "region_id must be a region's id such as cn-shanghai, not 'Shanghai!'"),
        (
            {"region_id": "@evil.example/", "host": "dataworks.example.com"},
            "region_id must be a region's id such as cn-shanghai, not '@evil.example/'",
        ),
        ({"network": "vpc", "region_id": "cn-wuhan"}, "network vpc is not offered in region_id cn-wuhan"),
        ({"host": "http://dataworks.example.com"}, "host: plain http is accepted for loopback hosts alone; use https"),
        ({"host": "https://[::1"}, "host must be a host name"),
        ({"host": "a b"}, "host must be a host name"),
    ],
)
def test_endpoint_that_cannot_be_had_is_named(fields: dict[str, Any], problem: str) -> None:
    assert refusal(**fields).startswith(f"connection x: {problem}")


@pytest.mark.parametrize("kind", ["access_key", "sts", "ram_role_arn"])
def test_missing_keys_are_named(kind: str) -> None:
    more = {"auth_type": kind, "security_token": "t", "role_arn": "acs:ram::1:role/a"}

    assert refusal(login=None, **more).startswith(
        f"connection x, field login: is empty: it takes the AccessKey ID for auth_type {kind}"
    )
    assert refusal(password=" ", **more).startswith(
        f"connection x, field password: is empty: it takes the AccessKey Secret for auth_type {kind}"
    )


@pytest.mark.parametrize(("kind", "field"), [("sts", "security_token"), ("ram_role_arn", "role_arn")])
def test_field_that_a_kind_needs_is_named(kind: str, field: str) -> None:
    assert refusal(auth_type=kind) == f"connection x, field {field}: is missing: auth_type {kind} needs it"


@pytest.mark.parametrize("auth_type", [None, "access_key", "AK", "sts", "ram_role_arn"])
@pytest.mark.parametrize("key", [{"login": "STS.NExample"}, {"login": None, "access_key_id": "STS.NExample"}])
def test_temporary_accesskey_without_its_token_is_refused_by_name(auth_type: str | None, key: dict[str, Any]) -> None:
    text = refusal(auth_type=auth_type, role_arn="acs:ram::1:role/a", **key)

    assert text.startswith("connection x, field security_token: is missing: ")
    if auth_type != "sts":
        assert "the AccessKey ID is a temporary one (it begins with STS.)" in text
    assert "NExample" not in text


def test_temporary_accesskey_whose_token_would_not_be_sent_is_refused() -> None:
    text = refusal(auth_type="access_key", login="STS.NExample", security_token="hidden-token")

    assert text.startswith("connection x, field auth_type: must be sts: the AccessKey ID is a temporary one")


def test_temporary_accesskey_with_its_token_is_accepted() -> None:
    key = {"login": "STS.NExample", "security_token": "token"}

    assert settings(**key).credentials.get().security_token == "token"
    assert settings(auth_type="ram_role_arn", role_arn="acs:ram::1:role/a", **key).account == "acs:ram::1:role/a"


@pytest.mark.parametrize("extra", ["not json", "[1]", '"text"'])
def test_extra_that_is_no_object_is_named(extra: str) -> None:
    class Written:
        conn_id, login, password, host, port, schema = "x", "LTAI-1", "s", None, None, None
        extra_dejson: dict[str, Any] = {}  # noqa: RUF012 - stands for Airflow's property

        def __init__(self) -> None:
            self.extra = extra

    with pytest.raises(DataWorksParameterError, match="connection x, field extra: must be a JSON object"):
        read_connection(Written())


# Where keys come from


def test_sts() -> None:
    read = settings(auth_type="sts", security_token="token")

    assert read.credentials.get() == Credentials("LTAI-1", "hidden-secret", "token")
    assert settings(security_token="token").credentials.get().security_token == "token"


@pytest.mark.parametrize(
    ("fields", "kind", "given", "account"),
    [
        (
            {"auth_type": "ram_role_arn", "role_arn": "acs:ram::1:role/a"},
            "ram_role_arn",
            {
                "access_key_id": "LTAI-1",
                "access_key_secret": "hidden-secret",
                "security_token": None,
                "role_arn": "acs:ram::1:role/a",
                "role_session_name": "airflow-dataworks",
                "sts_endpoint": None,
            },
            "acs:ram::1:role/a",
        ),
        (
            {
                "auth_type": "oidc_role_arn",
                "role_arn": "acs:ram::1:role/a",
                "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
                "oidc_token_file": "/var/run/token",
                "role_session_name": "nightly",
                "sts_endpoint": "https://sts-vpc.cn-shanghai.aliyuncs.com/",
            },
            "oidc_role_arn",
            {
                "role_arn": "acs:ram::1:role/a",
                "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
                "oidc_token_file_path": "/var/run/token",
                "role_session_name": "nightly",
                "sts_endpoint": "sts-vpc.cn-shanghai.aliyuncs.com",
            },
            "acs:ram::1:role/a",
        ),
        ({"auth_type": "ecs_ram_role", "ecs_role_name": "worker"}, "ecs_ram_role", {"role_name": "worker"}, "worker"),
        ({"auth_type": "ecs_ram_role"}, "ecs_ram_role", {"role_name": None}, "ecs_ram_role"),
        (
            {"auth_type": "credentials_uri", "credentials_uri": "http://127.0.0.1/k"},
            "credentials_uri",
            {"credentials_uri": "http://127.0.0.1/k"},
            "http://127.0.0.1/k",
        ),
        ({"auth_type": "default", "login": None, "password": None}, "default", {}, "default"),
    ],
)
def test_kinds_that_fetch_their_keys(fields: dict[str, Any], kind: str, given: dict[str, Any], account: str) -> None:
    read = settings(**fields)

    assert isinstance(read.credentials, FetchedCredentials)
    assert (read.credentials._kind, read.credentials._settings, read.account) == (kind, given, account)
    assert "connection x" in read.credentials._described_by


@pytest.mark.parametrize("host", ["http://127.0.0.1:1", "sts.example/path", "a b", "https://user:pw@sts.example", "?"])
def test_sts_endpoint_is_a_bare_host_asked_over_https(host: str) -> None:
    with pytest.raises(DataWorksParameterError, match="connection x, field sts_endpoint"):
        settings(auth_type="ram_role_arn", role_arn="acs:ram::1:role/a", sts_endpoint=host)


def test_keys_are_fetched_through_the_connection(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_server() as server:
        keys = {
            "Code": "Success",
            "AccessKeyId": "STS.emulator",
            "AccessKeySecret": "emulator-sts-secret",
            "SecurityToken": "emulator-sts-token",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        server.answer(200, json.dumps(keys).encode())
        hook = hook_for(dataworks_emulator, monkeypatch, auth_type="credentials_uri", credentials_uri=server.url)
        assert len(list(hook.list_di_jobs())) == 6

    (entry,) = dataworks_emulator.requests("ListDIJobs")
    assert entry["headers"]["x-acs-accesskey-id"] == "STS.emulator"


@pytest.mark.parametrize("kind", ["ram_role_arn", "oidc_role_arn", "ecs_ram_role", "credentials_uri", "default"])
def test_missing_package_is_named_with_the_command_before_anything_is_sent(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "alibabacloud_credentials"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "alibabacloud_credentials", None)
    hook = hook_for(dataworks_emulator, monkeypatch, auth_type=kind, role_arn="acs:ram::1:role/a")

    with pytest.raises(DataWorksPermanentError) as raised:
        hook.get_di_job(di_job_id=1001)

    assert raised.value.message == (
        f"auth_type {kind} needs the package alibabacloud-credentials: pip install alibabacloud-credentials"
    )
    assert dataworks_emulator.requests() == []


@pytest.mark.parametrize("kind", ["access_key", "sts"])
def test_plain_keys_need_no_package(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "alibabacloud_credentials", None)
    hook = hook_for(dataworks_emulator, monkeypatch, auth_type=kind, security_token="t")

    assert hook.settings.credentials.get().security_token == ("t" if kind == "sts" else None)


def test_source_of_keys_that_fails_may_pass(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Any) -> Credentials:
        raise CredentialsError("the metadata server does not answer", may_pass=True)

    monkeypatch.setattr(FetchedCredentials, "get", fails)
    hook = hook_for(dataworks_emulator, monkeypatch, auth_type="ecs_ram_role")

    with pytest.raises(Exception, match="the metadata server does not answer") as raised:
        hook.get_di_job(di_job_id=1001)
    assert not isinstance(raised.value, DataWorksPermanentError)


# Secrets


def test_repr_shows_no_secret() -> None:
    read = settings(auth_type="sts", security_token="hidden-token")

    assert "hidden" not in repr(read)
    assert "LTAI-1" not in repr(read)
    fetched = settings(auth_type="ram_role_arn", role_arn="acs:ram::1:role/a", security_token="hidden-token")
    assert "hidden" not in repr(fetched) + repr(fetched.credentials)


# The hook's own copies


def test_hook_reads_its_connection_once_and_keeps_its_client(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch)

    assert hook.get_conn() is hook.client is hook.get_conn()
    assert hook.settings is hook.settings


def test_settings_reach_the_client(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch, connect_timeout=1.5, read_timeout=2.5, max_attempts=7)

    assert (hook.client.timeout, hook.client.max_attempts) == ((1.5, 2.5), 7)
    assert hook.client.request_timeout == 5.0
    assert hook.with_settings(request_timeout=3.0).client.request_timeout == 3.0


def test_hurried_hook_tries_once_and_briefly(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch, max_qps=0.001)
    hurried = hook.with_short_timeouts()

    assert (hurried.client.max_attempts, hurried.client.timeout, hurried.client.paced) == (1, (1.0, 3.0), False)
    assert (hurried.client.request_timeout, hurried.client.max_elapsed) == (4.0, 4.0)
    # What it is answered counts for all.
    assert hurried.client.rate_limiter is hook.client.rate_limiter
    hurried.stop_di_job(di_job_id=1001)
    hurried.stop_di_job(di_job_id=1001)
    assert hook.client.max_attempts == 5


@pytest.mark.waits
@pytest.mark.parametrize("attempts", [1, 3])
def test_hurried_hook_ends_in_time_whatever_hangs(monkeypatch: pytest.MonkeyPatch, attempts: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        connect(monkeypatch, {"conn_type": "dataworks", "login": "id", "password": "secret", "host": host})
        # The time of a whole attempt is what ends it, not the time that each part of an answer may take.
        hurried = (
            DataWorksHook().with_short_timeouts(attempts).with_settings(request_timeout=0.3, max_elapsed=attempts * 0.3)
        )
        began = time.monotonic()

        # On a busy machine, the last attempt may have too little time left to connect in.
        with pytest.raises(DataWorksTransientError, match=r"no (complete answer|connection) within") as raised:
            hurried.stop_di_job(di_job_id=1001)

    assert time.monotonic() - began < attempts * 0.3 + 3
    assert raised.value.outcome_unknown


@pytest.mark.waits
def test_hurried_hook_ends_in_time_when_the_source_of_keys_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    # The import of the library is not what this is about.
    importlib.import_module("alibabacloud_credentials.client")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        extra = {"auth_type": "credentials_uri", "credentials_uri": f"{url}/keys"}
        connect(monkeypatch, {"conn_type": "dataworks", "host": url, "extra": extra})
        began = time.monotonic()

        with pytest.raises(DataWorksTransientError, match=r"No credentials within 0\.5 s") as raised:
            DataWorksHook().with_short_timeouts(within=0.5).stop_di_job(di_job_id=1001)

    assert time.monotonic() - began < 4
    assert not raised.value.outcome_unknown


def test_hooks_of_one_account_share_their_pace(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps: list[float] = []
    first = hook_for(dataworks_emulator, monkeypatch, sleeps, max_qps=0.01)
    second = DataWorksHook()
    second.client.sleep = sleeps.append

    first.stop_di_job(di_job_id=1001)
    second.stop_di_job(di_job_id=1001)

    assert 90 < sleeps[-1] <= 100


def test_region_argument_of_the_hook_is_kept(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, {"conn_type": "dataworks", **KEY, "extra": {"region_id": "cn-shanghai"}}, "two_regions")

    hook = DataWorksHook("two_regions", region_id="eu-central-1")

    assert hook.settings.endpoint == "https://dataworks.eu-central-1.aliyuncs.com"
    assert hook.with_settings(max_attempts=1).settings.endpoint == "https://dataworks.eu-central-1.aliyuncs.com"


def test_closing_an_unused_hook_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = DataWorksHook("there_is_no_such_connection")

    hook.close()

    assert "client" not in vars(hook)
