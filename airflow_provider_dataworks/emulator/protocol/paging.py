"""The pages of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def page(items: list[dict[str, Any]], arguments: Mapping[str, Any], name: str) -> dict[str, Any]:
    """
    Return one page of a list, with its counters.

    :param name: the name of the list.
    """
    number, size = arguments["PageNumber"], arguments["PageSize"]
    shown = items[(number - 1) * size : number * size]
    return {"TotalCount": len(items), "PageNumber": number, "PageSize": size, name: shown}
