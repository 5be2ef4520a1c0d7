"""The hook: an Airflow connection turned into DataWorks calls."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.actions import unlisted_action
from airflow_provider_dataworks.client.catalog import v2020_05_18
from airflow_provider_dataworks.connection.form import (
    CONNECTION_FIELDS,
    HIDDEN_FIELDS,
    PLACEHOLDERS,
    RELABELING,
)
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksParameterError
from airflow_provider_dataworks.hooks.di_jobs import DIJobsHook
from airflow_provider_dataworks.hooks.sync_tasks import SyncTasksHook


class DataWorksHook(DIJobsHook, SyncTasksHook):
    """Calls DataWorks (API version 2020-05-18) with an Airflow connection of type ``dataworks``.

    Calls are signed, spaced to the connection's ``max_qps``, and sent again when that can't do harm. Every method
    raises :class:`~airflow_provider_dataworks.exceptions.DataWorksParameterError` before anything is sent when an
    argument can't be used, :class:`~airflow_provider_dataworks.exceptions.DataWorksPermanentError` when the service
    refuses, and :class:`~airflow_provider_dataworks.exceptions.DataWorksTransientError` when the attempts are used up.

    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's ``region_id``; default None.
    """

    def call(
        self, action: str, *, query: dict[str, Any] | None = None, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Call any other action of API version 2020-05-18.

        After an unknown outcome it is sent again only if its name says that it reads: List, Get, Query or Search.

        :param action: the action's name.
        :param query: parameters in the query, by the API's names; None is left out, dicts and lists become JSON.
        :param body: parameters in the form body, likewise; default None.
        :return: the answer.
        :raises DataWorksPermanentError: refused.
        :raises DataWorksTransientError: no good answer after all attempts; the text says if it may have happened.
        """
        name = arguments.text("action", action)
        if not (name.isascii() and name.isalnum() and len(name) <= 100):
            raise DataWorksParameterError("action", f"must be an action's name such as ListProjects, not {name[:50]!a}")
        in_query, in_body = arguments.parameters("query", query) or {}, arguments.parameters("body", body) or {}
        if twice := sorted(set(in_query) & set(in_body)):
            raise DataWorksParameterError("body", f"has parameters that are in query too: {', '.join(twice)}")
        unlisted = unlisted_action(name, v2020_05_18.VERSION, query=in_query, body=in_body)
        return self._send(unlisted, {**in_query, **in_body})

    def test_connection(self) -> tuple[bool, str]:
        """Prove the connection by one signed read: the workspace's jobs, or else the list of workspaces.

        :return: whether it works, and a short text without secrets.
        """
        try:
            hook, project = self.with_settings(max_attempts=1), self.settings.project_id
            if project is None:
                hook._send(v2020_05_18.LIST_PROJECTS, {"PageNumber": 1, "PageSize": 10})
                return True, f"{self.settings.endpoint} answers and accepts the credentials."
            page = hook.list_di_jobs_page(project_id=project, page_number=1, page_size=10)
            return True, f"Workspace {project} answers; it has {page.total or 0} DI jobs."
        except (DataWorksError, AirflowException) as error:
            # `airflow connections test` takes what is in brackets for markup and swallows it.
            return False, str(error).replace("[", "(").replace("]", ")")

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
