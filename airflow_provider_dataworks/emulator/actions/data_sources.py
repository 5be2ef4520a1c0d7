"""Data sources of a workspace, in both API versions: ListDataSources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator.backend.resources.data_sources import DATA_SOURCES, ENVIRONMENTS, DataSource
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.paging import page
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer, json_value

VERSION_2024 = "2024-05-18"
OWNER = "260000000000000001"
TENANT_ID = 1000000000001
CREATED = "Mar 17, 2021 4:09:32 PM"
CREATED_MS = 1615968572000


def list_data_sources(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the data sources, those of each environment by themselves, 2020-05-18."""
    state.check_project(arguments["ProjectId"])
    environment = None if arguments["EnvType"] is None else ENVIRONMENTS[arguments["EnvType"]]
    found = [
        _data_source(source)
        for source in _named(state, arguments)
        if environment in (None, source.environment)
        and (arguments["DataSourceType"] or source.kind) == source.kind
        and (arguments["SubType"] or source.sub_type) == source.sub_type
        and arguments["Status"] != "DISABLED"
    ]
    return ActionResult({"HttpStatusCode": 200, "Success": True, "Data": page(found, arguments, "DataSources")})


def list_data_sources_2024(state: State, arguments: Mapping[str, Any], request_id: str) -> ActionResult:
    """Return one page of the data sources, grouped by name, 2024-05-18."""
    state.check_project(arguments["ProjectId"])
    groups: dict[tuple[str, str], list[DataSource]] = {}
    types = _types(arguments["Types"])
    for source in _named(state, arguments):
        if arguments["EnvType"] in (None, source.environment) and (not types or source.kind in types):
            groups.setdefault((source.name, source.kind), []).append(source)
    found = [
        {"Name": name, "Type": kind, "DataSource": [_data_source_2024(source) for source in sources]}
        for (name, kind), sources in groups.items()
    ]
    if arguments["Tags"]:
        found = []
    if arguments["SortBy"] == "Name":
        found.sort(key=lambda group: str(group["Name"]))
    if arguments["Order"] == "Desc":
        found.reverse()
    return ActionResult({"PagingInfo": page(found, arguments, "DataSources")})


def _named(state: State, arguments: Mapping[str, Any]) -> list[DataSource]:
    """Return the data sources of the workspace whose name contains the one that is looked for."""
    wanted = (arguments["Name"] or "").lower()
    return [
        source
        for source in state[DATA_SOURCES].all()
        if source.project_id == arguments["ProjectId"] and wanted in source.name.lower()
    ]


def _types(given: str | None) -> set[str]:
    return {kind.strip().lower() for kind in (given or "").split(",") if kind.strip()}


def _data_source(source: DataSource) -> dict[str, Any]:
    return {
        "Id": source.data_source_id,
        "Name": source.name,
        "DataSourceType": source.kind,
        "SubType": source.sub_type,
        "Content": json.dumps({"name": source.name, **source.content}),
        "EnvType": ENVIRONMENTS.index(source.environment),
        "ProjectId": source.project_id,
        "TenantId": TENANT_ID,
        "Description": source.description,
        "Operator": OWNER,
        "GmtCreate": CREATED,
        "GmtModified": CREATED,
        "Sequence": 1,
        "Status": 1,
        "ConnectStatus": 1,
        "DefaultEngine": False,
        "Shared": False,
    }


def _data_source_2024(source: DataSource) -> dict[str, Any]:
    return {
        "Id": source.data_source_id,
        "ConnectionProperties": {"envType": source.environment, **source.properties},
        "ConnectionPropertiesMode": "InstanceMode" if "instanceId" in source.properties else "UrlMode",
        "Description": source.description,
        "CreateTime": CREATED_MS,
        "CreateUser": OWNER,
        "ModifyTime": CREATED_MS,
        "ModifyUser": OWNER,
        "QualifiedName": f"{OWNER}:{source.kind}:{source.name}",
    }


_PROJECT_ID = Parameter("ProjectId", "query", integer(1, MAX_PROJECT_ID), required=True)
_PAGE = (
    Parameter("PageNumber", "query", integer(1, 2**31 - 1), default=1),
    Parameter("PageSize", "query", integer(1, 100), default=10),
)

ACTIONS = (
    Action(
        "ListDataSources",
        (
            _PROJECT_ID,
            Parameter("Name", "query", str),
            Parameter("DataSourceType", "query", str),
            Parameter("SubType", "query", choice("mysql", "sqlserver", "postgresql")),
            Parameter("EnvType", "query", integer(0, 1)),
            Parameter("Status", "query", choice("ENABLED", "DISABLED")),
            *_PAGE,
        ),
        list_data_sources,
        method="GET",
    ),
    Action(
        "ListDataSources",
        (
            _PROJECT_ID,
            Parameter("Name", "query", str),
            Parameter("Types", "query", str),
            Parameter("EnvType", "query", choice(*ENVIRONMENTS)),
            Parameter("Tags", "query", json_value(list)),
            Parameter("SortBy", "query", choice("CreateTime", "Id", "Name"), default="CreateTime"),
            Parameter("Order", "query", choice("Desc", "Asc"), default="Desc"),
            *_PAGE,
        ),
        list_data_sources_2024,
        version=VERSION_2024,
        method="GET",
    ),
)
