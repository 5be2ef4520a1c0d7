"""The fields of an Airflow connection by name; a value that cannot be used raises an error that names its field."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.credentials import is_key_text
from airflow_provider_dataworks.client.endpoints import sts_authority
from airflow_provider_dataworks.connection.form import CONNECTION_FIELDS
from airflow_provider_dataworks.exceptions import DataWorksParameterError

log = logging.getLogger(__name__)

T = TypeVar("T")

# Written for the official Alibaba provider, they work here too.
_OFFICIAL_EXTRAS = ("access_key_id", "access_key_secret", "region")
_FORM_PREFIX = "extra__dataworks__"
KNOWN_EXTRAS = frozenset(CONNECTION_FIELDS) | frozenset(_OFFICIAL_EXTRAS)


class ConnectionFields:
    """Reads and checks single fields of a connection.

    :param connection: an Airflow connection.
    :raises DataWorksParameterError: its extra is not a JSON object.
    """

    def __init__(self, connection: Any) -> None:
        self.conn_id = connection.conn_id
        self._connection = connection
        self._extra = self._read_extra(connection)
        if unknown := sorted(set(self._extra) - KNOWN_EXTRAS):
            log.warning(
                "connection %s: the extras %s are not known and have no effect; known are %s",
                self.conn_id,
                ", ".join(unknown),
                ", ".join(sorted(KNOWN_EXTRAS)),
            )

    def string(self, name: str) -> str | None:
        """An extra that is a string, without surrounding whitespace; None where it is not set."""
        value = arguments.optional(self._extra.get(name))
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.error(name, f"must be a string, not {type(value).__name__}")
        return value.strip()

    def required(self, name: str, auth_type: str) -> str:
        """As :meth:`string`, for an extra that the auth_type cannot do without."""
        value = self.string(name)
        if not value:
            raise self.missing(name, auth_type)
        return value

    def key(self, standard_field: str, extra: str, label: str, auth_type: str) -> str:
        """A part of the AccessKey, from its standard field or else from the extra."""
        value = getattr(self._connection, standard_field, None) or self.string(extra)
        if not value or not value.strip():
            raise self.error(
                standard_field,
                f"is empty: it takes the {label} for auth_type {auth_type}, or choose another auth_type",
            )
        if not is_key_text(value.strip()):
            raise self.not_a_key(standard_field)
        return str(value).strip()

    def choice(self, name: str, accepted: tuple[str, ...]) -> str | None:
        """An extra that is one of a few words; None where it is not set."""
        return self.parsed(name, lambda value: arguments.one_of(name, value, accepted))

    def parsed(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """An extra as ``parse`` returns it; None where it is not set."""
        value = arguments.optional(self._extra.get(name))
        if value is None:
            return None
        try:
            return parse(value)
        except DataWorksParameterError as error:
            raise self.error(name, error.problem) from None

    def number(
        self,
        name: str,
        default: float,
        *,
        lowest: float | None = None,
        above: float | None = None,
        whole: bool = False,
    ) -> float:
        """An extra that is a number or its digits."""
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
            raise self.error(name, f"must be a {'whole ' if whole else ''}number {bound}, not {value!r:.80}")
        return number

    def host(self) -> str | None:
        """The endpoint override; a URI-style connection may bring port and scheme in fields of their own."""
        host: str | None = arguments.optional(self._connection.host)
        if host is None:
            if self._connection.port not in (None, 0, 443):
                raise self.error("port", "belongs to an endpoint: set host too, or leave it out")
            return None
        host = host.strip()
        if self._connection.port and not host.rpartition(":")[2].isdigit():
            host = f"{host.rstrip('/')}:{self._connection.port}"
        if self._connection.schema in ("http", "https") and "://" not in host:
            host = f"{self._connection.schema}://{host}"
        return host

    def region(self) -> str | None:
        """The extra ``region_id``, or else ``region``, as connections of the official Alibaba provider have it."""
        region_id, region = self.string("region_id"), self.string("region")
        if region_id and region and region != region_id:
            log.warning(
                "connection %s: region is %s and region_id is %s; region_id is used", self.conn_id, region, region_id
            )
        return region_id or region

    def sts_endpoint(self) -> str | None:
        """Host and port of the STS endpoint; None where it is not set."""
        host = self.string("sts_endpoint")
        try:
            return sts_authority(host) if host else None
        except ValueError as error:
            raise self.error("sts_endpoint", str(error)) from None

    def missing(self, name: str, auth_type: str) -> DataWorksParameterError:
        """The error for a field that the auth_type cannot do without."""
        return self.error(name, f"is missing: auth_type {auth_type} needs it")

    def not_a_key(self, name: str) -> DataWorksParameterError:
        """The error for a value that cannot be a key, secret or token."""
        return self.error(name, "has blanks, line breaks or characters beyond ASCII: was more pasted than the key?")

    def error(self, name: str, problem: str) -> DataWorksParameterError:
        """The error for a field."""
        return DataWorksParameterError(f"connection {self.conn_id}, field {name}", problem)

    def _read_extra(self, connection: Any) -> dict[str, Any]:
        if connection.extra and connection.extra.strip():
            try:
                whole = json.loads(connection.extra)
            except (ValueError, RecursionError):
                whole = None
            if not isinstance(whole, dict):
                raise self.error("extra", "must be a JSON object")
        # The Test button of Airflow 2.11 sends each field under its plain name and under the form's.
        extra = connection.extra_dejson
        of_form = {name.removeprefix(_FORM_PREFIX): value for name, value in extra.items()}
        return {**of_form, **{name: value for name, value in extra.items() if not name.startswith(_FORM_PREFIX)}}
