"""Encodes an action's parameters as the official SDKs do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


def encode(parameters: Mapping[str, Any]) -> str:
    """Encode parameters for a query or a form body.

    :param parameters: values by the API's names; None is left out, dicts and lists become compact JSON.
    :return: sorted by name, blanks as plus signs; empty for no parameters.
    """
    if not parameters:
        return ""
    return urlencode([(name, _string(value)) for name, value in sorted(parameters.items()) if value is not None])


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)
