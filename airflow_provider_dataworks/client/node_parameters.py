"""Parameters of a node in its own syntax: ``name=value ...``, or ``-p"-Dname=value ..."`` of older sync nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_OPTION = re.compile(r"""\s*-p\s*(?:(?P<quote>["'])(?P<quoted>.*)(?P=quote)|(?P<bare>[^"'].*)?)\s*""", re.DOTALL)
_NAME = re.compile(r"\w[\w.-]*")
#: An assignment, with whatever follows it up to the next one.
_ASSIGNMENTS = re.compile(r"(?:\A|(?<=\s))(?=[^\s=]+=)")


def has_option_syntax(parameters: str) -> bool:
    """Whether parameters are written as ``-p"-Dname=value ..."``.

    :param parameters: a node's parameters.
    """
    return parameters.lstrip().startswith("-p")


def check_syntax(parameters: str, current: str) -> str:
    """Check that parameters have the syntax of the node that they are for: of another one, nothing would be replaced.

    :param parameters: those to run it with.
    :param current: those that the node has; an empty string fits everything.
    :return: ``parameters``.
    :raises ValueError: the syntax is another one.
    """
    if parameters.strip() and current.strip() and has_option_syntax(parameters) != has_option_syntax(current):
        raise ValueError(f"must have the syntax that the node's own parameters have, which are {current[:200]!a}")
    return parameters


def merge(current: str, changes: Mapping[Any, Any]) -> str:
    """Replace some of a node's parameters, and add those that it does not have.

    :param current: those that the node has.
    :param changes: values by name: strings, numbers and booleans.
    :return: all of them, in the node's syntax.
    :raises ValueError: one of the changes cannot be expressed in it.
    """
    option = has_option_syntax(current)
    found = _OPTION.fullmatch(current) if option else None
    if option and found is None:
        raise ValueError(f"cannot be merged into what the node has, which cannot be read: {current[:200]!a}")
    prefix = "-D" if option else ""
    written = (found["quoted"] or found["bare"] or "") if found else current
    parts: dict[str, str] = {}
    for part in map(str.strip, _ASSIGNMENTS.split(written)):
        if part:
            # What is no assignment is kept where it stands.
            parts[part.partition("=")[0].removeprefix(prefix)] = part
    for name, value in changes.items():
        parts[_checked_name(name)] = f"{prefix}{name}={_checked_value(name, value, option)}"
    body = " ".join(parts.values())
    quote = found["quote"] or '"' if found else ""
    return f"-p{quote}{body}{quote}" if option else body


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"must have names of parameters as its keys, not {name!a:.60}")
    return name


def _checked_value(name: str, value: Any, option: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, a number or a boolean, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{name} is an empty string, which the node's syntax cannot express")
    if not value.isprintable() or any(char.isspace() for char in value):
        raise ValueError(f"{name} contains a blank or what does not print, which the node's syntax cannot express")
    if option and any(char in value for char in "\"'"):
        raise ValueError(f'{name} contains a quotation mark, which the syntax -p"-Dname=value" cannot express')
    return value
