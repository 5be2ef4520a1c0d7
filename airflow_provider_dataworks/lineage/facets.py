"""The run facet that links an Airflow task to what it ran in DataWorks."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.openlineage.facet import RunFacet
from attrs import Factory, define

#: Where the facet's JSON schema is: beside this module.
SCHEMA_URL = (
    "https://raw.githubusercontent.com/OWNER/airflow-provider-dataworks/main/"
    "airflow_provider_dataworks/lineage/DataWorksRunFacet.json"
)


@define
class DataWorksRunFacet(RunFacet):
    """What a task ran in DataWorks; a field that is not known is None.

    :param regionId: the workspace's region.
    :param projectId: the workspace's id.
    :param apiVersion: the API version of the connection.
    :param consoleUrl: the workspace's address in the console.
    :param taskType: DI_OFFLINE, DI_REALTIME or DI_SOLUTION.
    :param taskName: the sync task's name.
    :param fileId: the sync task's file.
    :param diJobId: the DI job.
    :param jobName: the DI job's name.
    :param migrationType: the DI job's MigrationType.
    :param status: the job's status when the event was made.
    :param nodeId: the node.
    :param instanceId: the node's instance.
    :param bizdate: its business date.
    :param copies: what was copied from where to where: ``inputs`` and ``outputs`` as whole names, ``records``,
        ``bytes``.
    """

    regionId: str | None = None  # noqa: N815 - the names of facets' fields are camel case
    projectId: int | None = None  # noqa: N815
    apiVersion: str | None = None  # noqa: N815
    consoleUrl: str | None = None  # noqa: N815
    taskType: str | None = None  # noqa: N815
    taskName: str | None = None  # noqa: N815
    fileId: int | None = None  # noqa: N815
    diJobId: int | None = None  # noqa: N815
    jobName: str | None = None  # noqa: N815
    migrationType: str | None = None  # noqa: N815
    status: str | None = None
    nodeId: int | None = None  # noqa: N815
    instanceId: int | None = None  # noqa: N815
    bizdate: str | None = None
    copies: list[dict[str, Any]] = Factory(list)

    @staticmethod
    def _get_schema() -> str:
        return f"{SCHEMA_URL}#/$defs/DataWorksRunFacet"
