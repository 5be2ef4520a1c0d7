"""The connection's credentials: one function for each auth_type."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.credentials import (
    Credentials,
    CredentialsProvider,
    FetchedCredentials,
    StaticCredentials,
    is_key_text,
)
from airflow_provider_dataworks.connection.fields import ConnectionFields
from airflow_provider_dataworks.connection.form import AUTH_TYPES

log = logging.getLogger(__name__)

DEFAULT_SESSION_NAME = "airflow-dataworks"

_TEMPORARY = "STS."
_IS_TEMPORARY = f"the AccessKey ID is a temporary one (it begins with {_TEMPORARY})"


class Keys(NamedTuple):
    """Where a connection's keys come from.

    :param credentials: gives them.
    :param account: what identifies the account that the rate limit applies to.
    :param source: what they are fetched with; default empty where the connection holds them.
    """

    credentials: CredentialsProvider
    account: str
    source: str = ""


def credentials_of(fields: ConnectionFields) -> Keys:
    """Choose where a connection's keys come from; none are fetched yet.

    :param fields: the connection's fields.
    :return: the provider of the keys, what identifies the account, and what fetches them.
    :raises DataWorksParameterError: a field that the auth_type needs is missing or cannot be used.
    """
    token = _security_token(fields)
    auth_type = fields.parsed("auth_type", _auth_type) or ("sts" if token else "access_key")
    return _BY_AUTH_TYPE[auth_type](fields)


def _access_key(fields: ConnectionFields) -> Keys:
    key, secret, token = _access_key_of(fields, "access_key")
    if token and key.startswith(_TEMPORARY):
        raise fields.error("auth_type", f"must be sts: {_IS_TEMPORARY}")
    if token:
        log.warning("connection %s: security_token has no effect with auth_type access_key", fields.conn_id)
    return Keys(StaticCredentials(Credentials(key, secret)), key)


def _sts(fields: ConnectionFields) -> Keys:
    key, secret, token = _access_key_of(fields, "sts")
    if not token:
        raise fields.missing("security_token", "sts")
    return Keys(StaticCredentials(Credentials(key, secret, token)), key)


def _ram_role_arn(fields: ConnectionFields) -> Keys:
    key, secret, token = _access_key_of(fields, "ram_role_arn")
    role = fields.required("role_arn", "ram_role_arn")
    config = {
        "access_key_id": key,
        "access_key_secret": secret,
        "security_token": token,
        "role_arn": role,
        **_assumed_role(fields),
    }
    return _fetched(fields, "ram_role_arn", config, "login, password and role_arn", account=role)


def _oidc_role_arn(fields: ConnectionFields) -> Keys:
    # What is left out here, the library takes from the environment variables that RRSA sets.
    role = fields.string("role_arn")
    config = {
        "role_arn": role,
        "oidc_provider_arn": fields.string("oidc_provider_arn"),
        "oidc_token_file_path": fields.string("oidc_token_file"),
        **_assumed_role(fields),
    }
    names = "role_arn, oidc_provider_arn and oidc_token_file"
    return _fetched(fields, "oidc_role_arn", config, names, account=role or "oidc_role_arn")


def _ecs_ram_role(fields: ConnectionFields) -> Keys:
    name = fields.string("ecs_role_name")
    return _fetched(fields, "ecs_ram_role", {"role_name": name}, "ecs_role_name", account=name or "ecs_ram_role")


def _credentials_uri(fields: ConnectionFields) -> Keys:
    uri = fields.string("credentials_uri")
    config = {"credentials_uri": uri}
    return _fetched(fields, "credentials_uri", config, "credentials_uri", account=uri or "credentials_uri")


def _default(fields: ConnectionFields) -> Keys:
    names = "the credentials of this machine (environment, profile or role)"
    return _fetched(fields, "default", {}, names, account="default")


_BY_AUTH_TYPE: dict[str, Callable[[ConnectionFields], Keys]] = {
    "access_key": _access_key,
    "sts": _sts,
    "ram_role_arn": _ram_role_arn,
    "oidc_role_arn": _oidc_role_arn,
    "ecs_ram_role": _ecs_ram_role,
    "credentials_uri": _credentials_uri,
    "default": _default,
}


def _auth_type(value: Any) -> str:
    # As connections of the official Alibaba provider spell it.
    return "access_key" if value == "AK" else arguments.one_of("auth_type", value, AUTH_TYPES)


def _access_key_of(fields: ConnectionFields, auth_type: str) -> tuple[str, str, str | None]:
    """AccessKey ID, AccessKey Secret and, where there is one, the token."""
    key = fields.key("login", "access_key_id", "AccessKey ID", auth_type)
    secret = fields.key("password", "access_key_secret", "AccessKey Secret", auth_type)
    token = _security_token(fields)
    if key.startswith(_TEMPORARY) and not token:
        raise fields.error("security_token", f"is missing: {_IS_TEMPORARY}, valid only together with its token")
    return key, secret, token


def _security_token(fields: ConnectionFields) -> str | None:
    token = fields.string("security_token")
    if token and not is_key_text(token):
        raise fields.not_a_key("security_token")
    return token


def _assumed_role(fields: ConnectionFields) -> dict[str, Any]:
    return {
        "role_session_name": fields.string("role_session_name") or DEFAULT_SESSION_NAME,
        "sts_endpoint": fields.sts_endpoint(),
    }


def _fetched(fields: ConnectionFields, auth_type: str, config: dict[str, Any], names: str, *, account: str) -> Keys:
    source = f"{names} of connection {fields.conn_id}"
    return Keys(FetchedCredentials(auth_type, config, source), account, f"auth_type {auth_type}: {source}")
