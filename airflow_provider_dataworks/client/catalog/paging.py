"""Reads one page of a list whose entries are passed on as the API gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dataworks.client.actions import UnreadableContentError, whole_number


@dataclass(frozen=True)
class EntryPage:
    """A page of a list.

    :param entries: what is on it.
    :param total: how many the whole list has; None where the answer does not say.
    """

    entries: tuple[dict[str, Any], ...]
    total: int | None


def read_entries(paging: Mapping[str, Any], *, name: str) -> EntryPage:
    """Read a page.

    :param paging: the object that holds the list and TotalCount.
    :param name: the list's name.
    :return: the page.
    :raises UnreadableContentError: it holds no list of objects, or TotalCount is no number.
    """
    entries = paging.get(name) or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UnreadableContentError(f"{name} is no list of objects")
    return EntryPage(tuple(entries), total_count(paging))


def total_count(paging: Mapping[str, Any]) -> int | None:
    """Read how many entries a list has.

    :param paging: the object that holds TotalCount.
    :return: the number; None where the answer does not say.
    :raises UnreadableContentError: it is no number.
    """
    total = paging.get("TotalCount")
    count = whole_number(total)
    if total is not None and count is None:
        raise UnreadableContentError(f"TotalCount is {total!r:.50}")
    return count
