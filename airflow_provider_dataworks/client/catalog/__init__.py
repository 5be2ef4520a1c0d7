"""The actions of the API as data, a module for each API version."""

from __future__ import annotations

from types import ModuleType

from airflow_provider_dataworks.client.actions import Action
from airflow_provider_dataworks.client.catalog import v2020_05_18, v2024_05_18
from airflow_provider_dataworks.client.catalog.data_sources import DataSourceActions
from airflow_provider_dataworks.client.catalog.di_jobs import DIJobActions
from airflow_provider_dataworks.client.catalog.nodes import NodeActions

#: The API versions, the older first.
API_VERSIONS = (v2020_05_18.VERSION, v2024_05_18.VERSION)

#: The modules, by API version.
CATALOGS: dict[str, ModuleType] = {v2020_05_18.VERSION: v2020_05_18, v2024_05_18.VERSION: v2024_05_18}

#: The actions on DI jobs, by API version.
DI_JOBS: dict[str, DIJobActions] = {actions.version: actions for actions in (v2020_05_18.DI_JOBS, v2024_05_18.DI_JOBS)}

#: The action on data sources, by API version.
DATA_SOURCES: dict[str, DataSourceActions] = {
    catalog.VERSION: catalog.DATA_SOURCES for catalog in (v2020_05_18, v2024_05_18)
}

#: The actions on nodes, by API version.
NODES: dict[str, NodeActions] = {actions.version: actions for actions in (v2020_05_18.NODES, v2024_05_18.NODES)}

_ACTIONS = {(action.version, action.name): action for action in (*v2020_05_18.ACTIONS, *v2024_05_18.ACTIONS)}


def find_action(name: str, version: str) -> Action | None:
    """Find an action.

    :param name: its name.
    :param version: the API version.
    :return: the action, None if the catalogue does not have it.
    """
    return _ACTIONS.get((version, name))
