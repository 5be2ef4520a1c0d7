"""The parameters of an action: the place of each in the request, its type, and its valid values."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.errors import ApiRefusal

Place = Literal["query", "form"]
MAX_LONG = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Parameter:
    """
    One parameter.

    :param name: its name on the wire.
    :param place: whether it is in the query or in the form body.
    :param parse: parses the string that was sent; raises ValueError with what it must be.
    :param required: whether it is required.
    :param default: value when it is missing.
    """

    name: str
    place: Place
    parse: Callable[[str], Any]
    required: bool = False
    default: Any = None


def decode_pairs(encoded: bytes) -> list[tuple[str, str]]:
    """
    Decode a query or a form body.

    :raises ApiRefusal: it is not UTF-8, percent-encoded.
    """
    try:
        return parse_qsl(encoded.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise ApiRefusal(400, "InvalidParameter.Format", "The parameters are not percent-encoded UTF-8.") from None


def single_values(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    Return decoded pairs as a dictionary.

    :raises ApiRefusal: a name occurs twice.
    """
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise assumptions.repeated_parameter(name)
        values[name] = value
    return values


def read_parameters(
    action: str,
    parameters: Iterable[Parameter],
    invalid_code: str,
    sent: Mapping[Place, Mapping[str, str]],
) -> dict[str, Any]:
    """
    Check and parse the parameters of a request.

    :param parameters: the parameters that the action has.
    :param invalid_code: Code of the response when a value is invalid.
    :param sent: the decoded parameters by place.
    :return: a value, or the default, for each parameter.
    :raises ApiRefusal: a parameter is missing, unknown, in the wrong place, or invalid.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for place, values in sent.items():
        for name in values:
            if name not in known:
                if place == "query" and name in assumptions.IGNORED_QUERY_PARAMETERS:
                    continue
                raise assumptions.unknown_parameter(name, action)
            if known[name].place != place:
                raise assumptions.misplaced_parameter(name, action, known[name].place)
    return {name: _value(parameter, invalid_code, sent) for name, parameter in known.items()}


def _value(parameter: Parameter, invalid_code: str, sent: Mapping[Place, Mapping[str, str]]) -> Any:
    value = sent[parameter.place].get(parameter.name)
    if value is None or (value == "" and parameter.required):
        if parameter.required:
            name = parameter.name
            raise ApiRefusal(400, f"Missing{name}", f"{name} is mandatory for this action.")
        return parameter.default
    try:
        return parameter.parse(value)
    except ValueError as error:
        message = f"The specified parameter {parameter.name} is not valid: {error}."
        raise ApiRefusal(400, invalid_code, message) from None


def integer(minimum: int = 1, maximum: int = MAX_LONG) -> Callable[[str], int]:
    """Return a parser of integers within bounds."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,19}", value) or not minimum <= int(value) <= maximum:
            raise ValueError(f"it must be a whole number from {minimum} to {maximum}")
        return int(value)

    return parse


def choice(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts only these strings."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return value

    return parse


def boolean(value: str) -> bool:
    """
    Parse a boolean, as documented or as the Python SDK sends it.

    :raises ValueError: it is something else.
    """
    if value not in ("true", "false", "True", "False"):
        raise ValueError("it must be true or false")
    return value in ("true", "True")


def json_string(kind: type, check: Callable[[Any], None] | None = None) -> Callable[[str], str]:
    """
    Return a parser that checks JSON and returns the string itself.

    :param kind: dict or list.
    :param check: raises ValueError when the decoded value is invalid.
    """
    parse = json_value(kind, check)

    def keep(value: str) -> str:
        parse(value)
        return value

    return keep


def json_value(kind: type, check: Callable[[Any], None] | None = None) -> Callable[[str], Any]:
    """Return a parser that decodes JSON."""

    def parse(value: str) -> Any:
        try:
            decoded = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("it must be JSON") from None
        if not isinstance(decoded, kind):
            raise ValueError(f"it must be a JSON {'object' if kind is dict else 'array'}")
        if check is not None:
            check(decoded)
        return decoded

    return parse
