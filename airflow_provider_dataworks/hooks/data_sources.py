"""The part of the hook that is about data sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.catalog import DATA_SOURCES
from airflow_provider_dataworks.client.models import DataSource
from airflow_provider_dataworks.hooks.base import DataWorksBaseHook

_LARGEST_PAGE = 100


class DataSourcesHook(DataWorksBaseHook):
    """The part of the hook that reads data sources."""

    def list_data_sources(
        self,
        *,
        project_id: int | str | None = None,
        name: str | None = None,
        environment: str | None = None,
        page_size: int = _LARGEST_PAGE,
    ) -> Iterator[dict[str, Any]]:
        """List data sources, page by page on demand (API page: ListDataSources).

        :param project_id: workspace id; None for the connection's.
        :param name: part of the name; None (default) for all.
        :param environment: ``Dev`` or ``Prod``; None (default) for both.
        :param page_size: entries a request, 1 to 100; default 100.
        :return: a lazy iterator of data sources, one for each environment: ``Name``, ``DataSourceType``, ``Content``
            (connection settings as JSON, in 2024-05-18 those of ``ConnectionProperties``), ``EnvType`` (0 for Dev,
            1 for Prod), ``Id`` and so on.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        return (dict(source.fields) for source in self._data_sources(project_id, name, environment, page_size))

    def read_data_source(
        self, *, name: str, project_id: int | str | None = None, environment: Literal["Dev", "Prod"] = "Prod"
    ) -> DataSource | None:
        """Read one data source by its exact name into a model (API page: ListDataSources).

        :param name: its whole name.
        :param project_id: workspace id; None for the connection's.
        :param environment: ``Dev`` or ``Prod`` (default).
        :return: the data source; None if there is none in this environment.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries.
        """
        found = self._data_sources(project_id, name, environment, _LARGEST_PAGE)
        return next((source for source in found if source.name == name), None)

    def _data_sources(
        self, project_id: int | str | None, name: str | None, environment: str | None, page_size: int
    ) -> Iterator[DataSource]:
        actions = DATA_SOURCES[self.settings.api_version]
        size = arguments.page_size(page_size)
        parameters: dict[str, Any] = {
            "ProjectId": self.resolve_project_id(project_id),
            "Name": arguments.optional_text("name", name),
            "PageSize": size,
        }
        if arguments.optional(environment) is not None:
            wanted = arguments.one_of("environment", environment, ("Dev", "Prod"))
            parameters["EnvType"] = actions.environments[cast('Literal["Dev", "Prod"]', wanted)]

        def read(number: int) -> tuple[Sequence[DataSource], int | None]:
            page = actions.read_page(self._send(actions.list_data_sources, {**parameters, "PageNumber": number}))
            return page.data_sources, page.total

        return self._pages(read, size, _identity, actions.list_data_sources.name)


def _identity(source: DataSource) -> object:
    fields: Mapping[str, Any] = source.fields
    return source.name, source.environment, str(fields.get("Id"))
