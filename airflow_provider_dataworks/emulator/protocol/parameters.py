"""The parameters of an action: where each one travels, of what type it is, and what it may be."""

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
    :param parse: makes the value of the text; raises ValueError with what the text has to be.
    :param required: whether it must be there.
    :param default: value when it is not there.
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
    Make a dictionary of decoded pairs.

    :raises ApiRefusal: a name is there twice.
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
    given: Mapping[Place, Mapping[str, str]],
) -> dict[str, Any]:
    """
    Check what an action was given and make values of it.

    :param parameters: what the action has.
    :param invalid_code: Code of the answer when a value cannot be used.
    :param given: decoded texts by place.
    :return: a value, or the default, for each parameter.
    :raises ApiRefusal: a parameter is missing, unknown, in the wrong place, or cannot be used.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for place, texts in given.items():
        for name in texts:
            if name not in known:
                if place == "query" and name in assumptions.IGNORED_QUERY_PARAMETERS:
                    continue
                raise assumptions.unknown_parameter(name, action)
            if known[name].place != place:
                raise assumptions.misplaced_parameter(name, action, known[name].place)
    return {name: _value(parameter, invalid_code, given) for name, parameter in known.items()}


def _value(parameter: Parameter, invalid_code: str, given: Mapping[Place, Mapping[str, str]]) -> Any:
    text = given[parameter.place].get(parameter.name)
    if text is None or (text == "" and parameter.required):
        if parameter.required:
            name = parameter.name
            raise ApiRefusal(400, f"Missing{name}", f"{name} is mandatory for this action.")
        return parameter.default
    try:
        return parameter.parse(text)
    except ValueError as error:
        message = f"The specified parameter {parameter.name} is not valid: {error}."
        raise ApiRefusal(400, invalid_code, message) from None


def integer(minimum: int = 1, maximum: int = MAX_LONG) -> Callable[[str], int]:
    """Return a parser of whole numbers within bounds."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"it must be a whole number from {minimum} to {maximum}")
        return int(text)

    return parse


def choice(*choices: str) -> Callable[[str], str]:
    """Return a parser that lets only these texts pass."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return text

    return parse


def boolean(text: str) -> bool:
    """
    Parse a boolean, in the spelling of the documents or in that of the Python SDK.

    :raises ValueError: it is neither.
    """
    if text not in ("true", "false", "True", "False"):
        raise ValueError("it must be true or false")
    return text in ("true", "True")


def json_text(kind: type, check: Callable[[Any], None] | None = None) -> Callable[[str], str]:
    """
    Return a parser of JSON text that gives back the text itself.

    :param kind: dict or list.
    :param check: raises ValueError when what is inside cannot be used.
    """
    parse = json_value(kind, check)

    def keep(text: str) -> str:
        parse(text)
        return text

    return keep


def json_value(kind: type, check: Callable[[Any], None] | None = None) -> Callable[[str], Any]:
    """Return a parser of JSON text that gives back what it says."""

    def parse(text: str) -> Any:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("it must be JSON") from None
        if not isinstance(value, kind):
            raise ValueError(f"it must be a JSON {'object' if kind is dict else 'array'}")
        if check is not None:
            check(value)
        return value

    return parse
