"""The task's link to the workspace in the DataWorks console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.assumptions import INTERNATIONAL_CONSOLE
from airflow_provider_dataworks.client.endpoints import console_site_of

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

LINK_KEY = "dataworks_console_link"


class DataWorksConsoleLink(BaseOperatorLink):
    """Opens the task's workspace in the DataWorks console; there is no documented link to one job or file."""

    name = "DataWorks console"
    xcom_key = LINK_KEY

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the URL that the task pushed.

        :param operator: the task's operator.
        :param ti_key: names the task instance.
        :return: the URL, an empty text before there is one.
        """
        return str(XCom.get_value(key=LINK_KEY, ti_key=ti_key) or "")


def console_url(
    region_id: str | None, project_id: int | str | None, console: str = "new", site: str | None = None
) -> str:
    """Give the address of a workspace in the console.

    :param region_id: the workspace's region; None gives the list of workspaces.
    :param project_id: the workspace's id, or its digits.
    :param console: ``new`` (default) for the unified console, ``legacy`` for the older host of each region.
    :param site: where the user logs in: ``cn`` for aliyun.com, ``intl`` for alibabacloud.com; None (default) for the
        region's.
    :return: the URL.
    :raises DataWorksParameterError: ``region_id`` or ``project_id`` cannot be one.
    """
    project_id = arguments.project_identifier(project_id)
    region_id = arguments.optional_region_identifier(region_id)
    if region_id is None:
        return "https://dataworks.console.aliyun.com/workspace/list"
    if console == "legacy":
        return f"https://workbench2-{region_id}.data.aliyun.com/?defaultProjectId={project_id}&env=prod"
    host = INTERNATIONAL_CONSOLE if (site or console_site_of(region_id)) == "intl" else "dataworks.data.aliyun.com"
    return f"https://{host}/{region_id}/sc?defaultProjectId={project_id}"


def workspace_url(hook: DataWorksHook, project_id: int | str | None) -> str:
    """The workspace's address in the console that the hook's connection names.

    :param hook: the hook.
    :param project_id: the workspace's id, or its digits.
    :return: the URL.
    :raises DataWorksParameterError: ``project_id`` is not a workspace's id.
    """
    settings = hook.settings
    return console_url(settings.region_id, project_id, settings.console, settings.console_site)
