"""What the API versions have in common about data sources: their action, and models built from the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_dataworks.client.actions import Action, UnreadableContentError
from airflow_provider_dataworks.client.catalog.paging import read_entries
from airflow_provider_dataworks.client.models import DataSource, DataSourcePage

_ENVIRONMENTS = ("Dev", "Prod")


@dataclass(frozen=True)
class DataSourceActions:
    """The action on data sources of one API version, and how it spells environments.

    :param list_data_sources: the action.
    :param environments: the values of EnvType for Dev and Prod.
    """

    list_data_sources: Action
    environments: Mapping[Literal["Dev", "Prod"], str | int]

    def read_page(self, answer: Mapping[str, Any]) -> DataSourcePage:
        """Build a page from an answer.

        :param answer: the answer, complete.
        """
        return read_page(answer[str(self.list_data_sources.envelope.content)])


def read_page(paging: Mapping[str, Any]) -> DataSourcePage:
    """Build a page of a list of data sources, with the field names of either API version.

    :param paging: the object that holds DataSources and TotalCount.
    :return: the page; each environment's data source is one of its own.
    :raises UnreadableContentError: it holds no list of objects, or one has no name.
    """
    page = read_entries(paging, name="DataSources")
    found: list[DataSource] = []
    for entry in page.entries:
        if not isinstance(entry.get("Name"), str):
            raise UnreadableContentError("a data source has no name")
        found += _of_group(entry) if "DataSource" in entry else [_single(entry)]
    return DataSourcePage(tuple(found), page.total)


def _single(entry: Mapping[str, Any]) -> DataSource:
    """Read a data source of 2020-05-18, whose settings are JSON in a string."""
    environment = _ENVIRONMENTS[entry["EnvType"]] if entry.get("EnvType") in (0, 1) else None
    kind, subtype = str(entry.get("DataSourceType") or ""), str(entry.get("SubType") or "")
    properties = _properties(entry.get("Content"))
    return DataSource(entry["Name"], subtype or kind, properties, environment, dict(entry))


def _of_group(group: Mapping[str, Any]) -> list[DataSource]:
    """Read the data sources of one name in 2024-05-18, one for each environment."""
    members = group["DataSource"]
    found = []
    for member in members if isinstance(members, list) else []:
        if not isinstance(member, dict):
            continue
        properties = _properties(member.get("ConnectionProperties"))
        given = str(properties.get("envType") or "").capitalize()
        environment = given if given in _ENVIRONMENTS else None
        kind = str(group.get("Type") or "")
        fields = {
            **member,
            "Name": group["Name"],
            "DataSourceType": kind,
            "Content": json.dumps(properties),
            **({"EnvType": _ENVIRONMENTS.index(environment)} if environment else {}),
        }
        found.append(DataSource(group["Name"], kind, properties, environment, fields))
    return found


def _properties(given: Any) -> dict[str, Any]:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return {}
    return given if isinstance(given, dict) else {}
