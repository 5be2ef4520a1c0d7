"""Reads an Airflow connection of type dataworks into what the client needs."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.credentials import (
    Credentials,
    CredentialsProvider,
    FetchedCredentials,
    StaticCredentials,
    is_key_text,
)
from airflow_provider_dataworks.client.endpoints import endpoint_url, sts_authority
from airflow_provider_dataworks.connection_form import (
    AUTH_TYPES,
    CONNECTION_FIELDS,
    CONSOLE_SITES,
    CONSOLES,
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_MAX_ATTEMPTS,
    DEFAULT_MAX_QPS,
    DEFAULT_READ_TIMEOUT,
    NETWORKS,
)
from airflow_provider_dataworks.exceptions import DataWorksParameterError

log = logging.getLogger(__name__)

T = TypeVar("T")

DEFAULT_SESSION_NAME = "airflow-dataworks"

# Written for the official Alibaba provider, they work here too.
_KEY_FIELDS = ("access_key_id", "access_key_secret")
_FORM_PREFIX = "extra__dataworks__"
_KNOWN_EXTRAS = frozenset(CONNECTION_FIELDS) | frozenset(_KEY_FIELDS)


@dataclass(frozen=True)
class ConnectionSettings:
    """A connection's content, checked; its repr shows no secret.

    :param endpoint: scheme, host and port to call.
    :param region_id: the region, None if only an endpoint was given.
    :param project_id: the workspace to use when a call names none.
    :param credentials: where keys come from.
    :param account: what names the account for the request ceiling.
    :param console: which console links open, ``new`` (default) or ``legacy``.
    :param console_site: where the user logs in to it, ``cn`` (default, aliyun.com) or ``intl`` (alibabacloud.com).
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
    console: str = "new"
    console_site: str = "cn"
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
    :param region_id: wins over the connection's; None (default) for that.
    :return: what the connection says, checked; no credentials are fetched yet.
    :raises DataWorksParameterError: a field can't be used; the text names it and what it may be.
    """
    fields = _Fields(connection)
    region = arguments.optional(region_id) or fields.text("region_id")
    network = fields.choice("network", NETWORKS) or "public"
    try:
        endpoint = endpoint_url(region, network, fields.host())
    except ValueError as error:
        raise DataWorksParameterError(f"connection {connection.conn_id}", str(error)) from None
    credentials, account = _credentials(fields)
    return ConnectionSettings(
        endpoint=endpoint,
        region_id=region,
        project_id=fields.read("project_id", arguments.project_identifier),
        credentials=credentials,
        account=account,
        console=fields.choice("console", CONSOLES) or "new",
        console_site=fields.choice("console_site", CONSOLE_SITES) or "cn",
        connect_timeout=fields.number("connect_timeout", DEFAULT_CONNECT_TIMEOUT, above=0),
        read_timeout=fields.number("read_timeout", DEFAULT_READ_TIMEOUT, above=0),
        max_attempts=int(fields.number("max_attempts", DEFAULT_MAX_ATTEMPTS, lowest=1, whole=True)),
        max_qps=fields.number("max_qps", DEFAULT_MAX_QPS, lowest=0),
    )


def _credentials(fields: _Fields) -> tuple[CredentialsProvider, str]:
    """Choose where keys come from; also give what names the account."""
    token = fields.text("security_token")
    if token and not is_key_text(token):
        raise fields.unlike_a_key("security_token")
    kind = fields.choice("auth_type", AUTH_TYPES) or ("sts" if token else "access_key")
    if kind in ("access_key", "sts", "ram_role_arn"):
        key = fields.key("login", "access_key_id", "AccessKey ID", kind)
        secret = fields.key("password", "access_key_secret", "AccessKey Secret", kind)
        if kind == "sts" and not token:
            raise fields.missing("security_token", kind)
        if kind == "access_key" and token:
            log.warning("connection %s: security_token has no effect with auth_type access_key", fields.conn_id)
        if kind != "ram_role_arn":
            return StaticCredentials(Credentials(key, secret, token if kind == "sts" else None)), key
        role = fields.needed("role_arn", kind)
        settings = {
            "access_key_id": key,
            "access_key_secret": secret,
            "security_token": token,
            "role_arn": role,
            "role_session_name": fields.text("role_session_name") or DEFAULT_SESSION_NAME,
            "sts_endpoint": fields.sts_endpoint(),
        }
        return _fetched(fields, kind, settings, "login, password and role_arn"), role
    if kind == "oidc_role_arn":
        # What is left out here, the library takes from the environment variables that RRSA sets.
        settings = {
            "role_arn": fields.text("role_arn"),
            "oidc_provider_arn": fields.text("oidc_provider_arn"),
            "oidc_token_file_path": fields.text("oidc_token_file"),
            "role_session_name": fields.text("role_session_name") or DEFAULT_SESSION_NAME,
            "sts_endpoint": fields.sts_endpoint(),
        }
        names = "role_arn, oidc_provider_arn and oidc_token_file"
        return _fetched(fields, kind, settings, names), settings["role_arn"] or kind
    if kind == "ecs_ram_role":
        name = fields.text("ecs_role_name")
        return _fetched(fields, kind, {"role_name": name}, "ecs_role_name"), name or kind
    if kind == "credentials_uri":
        uri = fields.text("credentials_uri")
        return _fetched(fields, kind, {"credentials_uri": uri}, "credentials_uri"), uri or kind
    return _fetched(fields, kind, {}, "the credentials of this machine (environment, profile or role)"), kind


def _fetched(fields: _Fields, kind: str, settings: dict[str, Any], names: str) -> CredentialsProvider:
    return FetchedCredentials(kind, settings, f"{names} of connection {fields.conn_id}")


class _Fields:
    """A connection's fields by name; a field that can't be used becomes an error that names it."""

    def __init__(self, connection: Any) -> None:
        self.conn_id = connection.conn_id
        self._connection = connection
        self._extra = self._read_extra(connection)
        if unknown := sorted(set(self._extra) - _KNOWN_EXTRAS):
            log.warning(
                "connection %s: the extras %s are not known and have no effect; known are %s",
                self.conn_id,
                ", ".join(unknown),
                ", ".join(sorted(_KNOWN_EXTRAS)),
            )

    def text(self, name: str) -> str | None:
        value = arguments.optional(self._extra.get(name))
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._error(name, f"must be a text, not {type(value).__name__}")
        return value.strip()

    def needed(self, name: str, kind: str) -> str:
        value = self.text(name)
        if not value:
            raise self.missing(name, kind)
        return value

    def key(self, standard_field: str, extra: str, label: str, kind: str) -> str:
        value = getattr(self._connection, standard_field, None) or self.text(extra)
        if not value or not value.strip():
            raise self._error(
                standard_field,
                f"is empty: it takes the {label} for auth_type {kind}, or choose another auth_type",
            )
        if not is_key_text(value.strip()):
            raise self.unlike_a_key(standard_field)
        return str(value).strip()

    def unlike_a_key(self, name: str) -> DataWorksParameterError:
        return self._error(name, "has blanks, line breaks or characters beyond ASCII: was more pasted than the key?")

    def choice(self, name: str, accepted: tuple[str, ...]) -> str | None:
        return self.read(name, lambda value: arguments.one_of(name, value, accepted))

    def read(self, name: str, convert: Callable[[Any], T]) -> T | None:
        value = arguments.optional(self._extra.get(name))
        if value is None:
            return None
        try:
            return convert(value)
        except DataWorksParameterError as error:
            raise self._error(name, error.problem) from None

    def number(
        self,
        name: str,
        default: float,
        *,
        lowest: float | None = None,
        above: float | None = None,
        whole: bool = False,
    ) -> float:
        value = arguments.optional(self._extra.get(name))
        if value is None:
            return default
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = float("nan")
        fits = (lowest is None or number >= lowest) and (above is None or number > above) and number < 1e6
        if not fits or (whole and number != int(number)):
            bound = f"at least {lowest:g}" if lowest is not None else f"above {above:g}"
            raise self._error(name, f"must be a {'whole ' if whole else ''}number {bound}, not {value!r:.80}")
        return number

    def host(self) -> str | None:
        """The endpoint override; a URI-style connection may bring port and scheme in fields of their own."""
        host: str | None = arguments.optional(self._connection.host)
        if host is None:
            if self._connection.port not in (None, 0, 443):
                raise self._error("port", "belongs to an endpoint: set host too, or leave it out")
            return None
        host = host.strip()
        if self._connection.port and not host.rpartition(":")[2].isdigit():
            host = f"{host.rstrip('/')}:{self._connection.port}"
        if self._connection.schema in ("http", "https") and "://" not in host:
            host = f"{self._connection.schema}://{host}"
        return host

    def sts_endpoint(self) -> str | None:
        host = self.text("sts_endpoint")
        try:
            return sts_authority(host) if host else None
        except ValueError as error:
            raise self._error("sts_endpoint", str(error)) from None

    def missing(self, name: str, kind: str) -> DataWorksParameterError:
        return self._error(name, f"is missing: auth_type {kind} needs it")

    def _error(self, name: str, problem: str) -> DataWorksParameterError:
        return DataWorksParameterError(f"connection {self.conn_id}, field {name}", problem)

    def _read_extra(self, connection: Any) -> dict[str, Any]:
        if connection.extra and connection.extra.strip():
            try:
                whole = json.loads(connection.extra)
            except (ValueError, RecursionError):
                whole = None
            if not isinstance(whole, dict):
                raise self._error("extra", "must be a JSON object")
        # The Test button of Airflow 2.11 sends each field under its plain name and under the form's.
        extra = connection.extra_dejson
        of_form = {name.removeprefix(_FORM_PREFIX): value for name, value in extra.items()}
        return {**of_form, **{name: value for name, value in extra.items() if not name.startswith(_FORM_PREFIX)}}
