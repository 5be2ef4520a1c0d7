"""The hook: an Airflow connection turned into DataWorks calls."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.actions import Method, unlisted_action
from airflow_provider_dataworks.client.catalog import API_VERSIONS, CATALOGS, find_action, v2020_05_18
from airflow_provider_dataworks.client.errors import is_read_only
from airflow_provider_dataworks.connection.form import (
    CONNECTION_FIELDS,
    HIDDEN_FIELDS,
    PLACEHOLDERS,
    RELABELING,
)
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksParameterError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.data_sources import DataSourcesHook
from airflow_provider_dataworks.hooks.di_jobs import DIJobsHook
from airflow_provider_dataworks.hooks.nodes import NodesHook
from airflow_provider_dataworks.hooks.sync_tasks import SyncTasksHook


class DataWorksHook(DIJobsHook, SyncTasksHook, NodesHook, DataSourcesHook):
    """Calls DataWorks with an Airflow connection of type ``dataworks``, in the API version of the connection.

    Calls are signed, limited to the connection's ``max_qps``, and retried if that is safe. Every method raises
    :class:`~airflow_provider_dataworks.exceptions.DataWorksParameterError` before anything is sent if an argument is
    invalid, :class:`~airflow_provider_dataworks.exceptions.DataWorksPermanentError` if the service refuses, and
    :class:`~airflow_provider_dataworks.exceptions.DataWorksTransientError` if a temporary error persists.

    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    """

    def call(
        self,
        action: str,
        *,
        query: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        version: str | None = None,
        method: str | None = None,
    ) -> dict[str, Any]:
        """Call any action of the API.

        If it is not known whether a call was executed, it is retried only if the action reads: List, Get, Query,
        Search.

        :param action: the action's name.
        :param query: parameters of the query string, by the API's names; None values are left out, dicts and lists
            become JSON. Default None.
        :param body: parameters of the form body, in the same way; default None.
        :param version: the API version, 2020-05-18 or 2024-05-18. None (default): that of the connection, and
            2020-05-18 for the DISync actions, which no other version has.
        :param method: GET or POST. None (default): POST in 2020-05-18; in 2024-05-18 the method of the action if it is
            known, otherwise GET if the action reads and there is no body.
        :return: the response, a dict.
        :raises DataWorksParameterError: an argument is invalid, such as a body for a GET.
        :raises DataWorksPermanentError: the service refused.
        :raises DataWorksTransientError: a temporary error persisted after all retries; the message says if it may have
            happened.
        """
        name = arguments.text("action", action)
        if not (name.isascii() and name.isalnum() and len(name) <= 100):
            raise DataWorksParameterError("action", f"must be an action's name such as ListProjects, not {name[:50]!a}")
        in_query, in_body = arguments.parameters("query", query) or {}, arguments.parameters("body", body) or {}
        if twice := sorted(set(in_query) & set(in_body)):
            raise DataWorksParameterError("body", f"has parameters that are in query too: {', '.join(twice)}")
        chosen = self._version_of(name, version)
        verb = _method_of(name, chosen, method, has_body=bool(in_body))
        if verb == "GET" and in_body:
            raise DataWorksParameterError("body", f"must be empty: {name} is a GET, whose parameters are in query")
        unlisted = unlisted_action(name, chosen, method=verb, query=in_query, body=in_body)
        return self._send(unlisted, {**in_query, **in_body})

    def test_connection(self) -> tuple[bool, str]:
        """Test the connection with the cheapest read that the account's edition has.

        It lists the workspace's jobs, or reads the workspace itself if the edition refuses that. If the connection
        names no workspace, it lists the workspaces.

        :return: whether it works, and a short message without secrets.
        """
        try:
            return True, self.with_settings(max_attempts=1)._proof()
        except (DataWorksError, AirflowException) as error:
            # `airflow connections test` takes what is in brackets for markup and swallows it.
            return False, str(error).replace("[", "(").replace("]", ")")

    def _proof(self) -> str:
        """Read something, and say what that proves."""
        project, catalog = self.settings.project_id, CATALOGS[self.settings.api_version]
        if project is None:
            self._send(catalog.LIST_PROJECTS, {"PageNumber": 1, "PageSize": 10})
            return f"{self.settings.endpoint} answers and accepts the credentials."
        try:
            page = self.list_di_jobs_page(project_id=project, page_number=1, page_size=10)
        except DataWorksPermanentError as error:
            if error.code != "Forbidden.Access":
                raise
            refusal = error.message
        else:
            return f"Workspace {project} answers; it has {page.total or 0} DI jobs."
        self._send(catalog.GET_PROJECT, {catalog.GET_PROJECT.query[0]: project})
        return f"Workspace {project} answers, but refuses its DI jobs. {refusal}"

    def _version_of(self, action: str, version: str | None) -> str:
        if arguments.optional(version) is not None:
            return arguments.one_of("version", version, API_VERSIONS)
        return v2020_05_18.VERSION if "DISync" in action else self.settings.api_version

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The extra fields of the connection form, for Airflow 2.11 to 3.1; later ones read the provider info.

        :return: WTForms fields by name.
        """
        from airflow_provider_dataworks.connection.legacy_form import connection_form_widgets

        return connection_form_widgets(CONNECTION_FIELDS)

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """The standard fields of the connection form, for Airflow 2.11 to 3.1.

        :return: which fields are hidden, and the labels and placeholders of the others.
        """
        # Extra stays in sight although its content is in the other fields: the Test button of Airflow 2.11 does nothing
        # in a form whose Extra is hidden.
        return {
            "hidden_fields": list(HIDDEN_FIELDS),
            "relabeling": dict(RELABELING),
            # The longer one is about later versions of Airflow.
            "placeholders": {**PLACEHOLDERS, "port": "443"},
        }


def _method_of(action: str, version: str, method: str | None, *, has_body: bool) -> Method:
    if arguments.optional(method) is not None:
        return "GET" if arguments.one_of("method", method, ("GET", "POST")) == "GET" else "POST"
    if known := find_action(action, version):
        return known.method
    reads = version != v2020_05_18.VERSION and is_read_only(action) and not has_body
    return "GET" if reads else "POST"
