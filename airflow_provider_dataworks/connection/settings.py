"""Reads an Airflow connection of type dataworks into what the client needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.credentials import CredentialsProvider
from airflow_provider_dataworks.client.endpoints import console_site_of, endpoint_url, region_of_endpoint
from airflow_provider_dataworks.client.time_zones import DEFAULT_TIME_ZONE, time_zone_of
from airflow_provider_dataworks.connection.auth import credentials_of
from airflow_provider_dataworks.connection.fields import ConnectionFields
from airflow_provider_dataworks.connection.form import (
    API_VERSIONS,
    CONSOLE_SITES,
    CONSOLES,
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_MAX_QPS,
    DEFAULT_READ_TIMEOUT,
    NETWORKS,
)
from airflow_provider_dataworks.exceptions import DataWorksParameterError


@dataclass(frozen=True)
class ConnectionSettings:
    """A connection's content, checked; its repr shows no secret.

    :param endpoint: scheme, host and port to call.
    :param region_id: the region, None if only an endpoint was given whose name does not say it.
    :param project_id: the workspace to use when a call names none.
    :param credentials: where keys come from.
    :param account: what names the account for the request ceiling.
    :param key_source: what the keys are fetched with, for errors; default empty for keys of the connection itself.
    :param api_version: the API version of what exists in both, ``2020-05-18`` (default) or ``2024-05-18``.
    :param console: which console links open, ``new`` (default) or ``legacy``.
    :param console_site: where the user logs in to it, ``cn`` (default, aliyun.com) or ``intl`` (alibabacloud.com); a
        connection that names none has its region's.
    :param time_zone: the IANA name of the time zone in which business dates begin, default ``Asia/Shanghai``; a
        connection that names none has its region's.
    :param connect_timeout: seconds to wait for a connection; default 5.
    :param read_timeout: seconds to wait for an answer; default 20.
    :param request_timeout: seconds that one attempt of a call may take in all, None (default) for twice
        ``read_timeout``.
    :param max_elapsed: seconds within which the attempts of a call end, None (default) for the client's own limits.
    :param max_attempts: how often a call is sent at most, those not counted that were throttled; default 5.
    :param max_qps: requests a second at most, 0 for no limit; default 4.
    :param paced: whether the client itself keeps to ``max_qps`` (default True); a poller does that without blocking.
    """

    endpoint: str
    region_id: str | None
    project_id: int | None
    credentials: CredentialsProvider = field(repr=False)
    account: str = field(repr=False)
    key_source: str = ""
    api_version: str = API_VERSIONS[0]
    console: str = "new"
    console_site: str = "cn"
    time_zone: str = DEFAULT_TIME_ZONE
    connect_timeout: float = DEFAULT_CONNECT_TIMEOUT
    read_timeout: float = DEFAULT_READ_TIMEOUT
    request_timeout: float | None = None
    max_elapsed: float | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    max_qps: float = DEFAULT_MAX_QPS
    paced: bool = True


def read_connection(connection: Any, region_id: str | None = None) -> ConnectionSettings:
    """Read and check a connection.

    :param connection: an Airflow connection.
    :param region_id: overrides the connection's region; default None.
    :return: what the connection says, checked; no credentials are fetched yet.
    :raises DataWorksParameterError: a field is invalid; the text names it and what it may be.
    """
    fields = ConnectionFields(connection)
    endpoint, region = _endpoint_and_region(fields, arguments.optional_region_identifier(region_id))
    keys = credentials_of(fields)
    return ConnectionSettings(
        endpoint=endpoint,
        region_id=region,
        project_id=fields.parsed("project_id", arguments.project_identifier),
        credentials=keys.credentials,
        account=keys.account,
        key_source=keys.source,
        api_version=fields.choice("api_version", API_VERSIONS) or API_VERSIONS[0],
        console=fields.choice("console", CONSOLES) or "new",
        console_site=fields.choice("console_site", CONSOLE_SITES) or console_site_of(region),
        time_zone=fields.parsed("time_zone", arguments.time_zone) or time_zone_of(region),
        connect_timeout=fields.number("connect_timeout", DEFAULT_CONNECT_TIMEOUT, above=0),
        read_timeout=fields.number("read_timeout", DEFAULT_READ_TIMEOUT, above=0),
        max_attempts=int(fields.number("max_attempts", DEFAULT_MAX_ATTEMPTS, lowest=1, whole=True)),
        max_qps=fields.number("max_qps", DEFAULT_MAX_QPS, lowest=0),
    )


def _endpoint_and_region(fields: ConnectionFields, region_id: str | None) -> tuple[str, str | None]:
    """The endpoint to call and its region, which a host may name: calls and console links must not part."""
    region = region_id or fields.region()
    network = fields.choice("network", NETWORKS) or "public"
    try:
        endpoint = endpoint_url(region, network, fields.host())
    except ValueError as error:
        raise DataWorksParameterError(f"connection {fields.conn_id}", str(error)) from None
    if fields.host() and (named := region_of_endpoint(endpoint)):
        if region and region != named:
            raise fields.error(
                "host",
                f"is the endpoint of region {named}, but region_id is {region}: remove host, or use one region",
            )
        return endpoint, named
    return endpoint, region
