"""Data sources of the workspace: the kind of resource."""

from __future__ import annotations

import dataclasses
from typing import Any

from airflow_provider_dataworks.emulator.backend.resource import Field, ResourceKind, identifier, string
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import Settings, one_of

DEV, PROD = "Dev", "Prod"
ENVIRONMENTS = (DEV, PROD)

#: The data sources of a new emulator: name, type, Content of 2020-05-18, ConnectionProperties of 2024-05-18.
INITIAL_DATA_SOURCES: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    (
        "demo_mysql",
        "mysql",
        {"configType": "1", "tag": "public", "jdbcUrl": "jdbc:mysql://mysql.demo.internal:3306/demo"},
        {"address": [{"host": "mysql.demo.internal", "port": 3306}], "database": "demo"},
    ),
    (
        "demo_hologres",
        "holo",
        {"instanceId": "hgdemo-cn-1", "database": "demo", "tag": "public"},
        {"instanceId": "hgdemo-cn-1", "database": "demo", "regionId": "cn-shanghai", "authType": "Executor"},
    ),
    (
        "demo_hive",
        "hive",
        {"jdbcUrl": "jdbc:hive2://hive.demo.internal:10000/demo", "tag": "public"},
        {"address": [{"host": "hive.demo.internal", "port": 10000}], "database": "demo"},
    ),
    (
        "odps_first",
        "odps",
        {
            "project": "demo",
            "endpoint": "http://service.cn-shanghai.maxcompute.aliyun-inc.com/api",
            "region": "cn-shanghai",
            "authType": "2",
        },
        {"project": "demo", "endpointMode": "SelfAdaption", "regionId": "cn-shanghai", "authType": "Executor"},
    ),
)
#: What the API shows in place of the secrets of a connection.
HIDDEN = {"username": "demo", "password": "***"}


@dataclasses.dataclass
class DataSource:
    """
    One data source in one environment.

    :param name: its name, which the other environment's has too.
    :param kind: its type, in lower case.
    :param environment: ``Dev`` or ``Prod``.
    :param content: its connection settings as 2020-05-18 shows them.
    :param properties: its connection settings as 2024-05-18 shows them.
    :param sub_type: the SubType of 2020-05-18, for the type ``rds``.
    """

    data_source_id: int
    project_id: int
    name: str
    kind: str = "mysql"
    environment: str = PROD
    content: dict[str, Any] = dataclasses.field(default_factory=dict)
    properties: dict[str, Any] = dataclasses.field(default_factory=dict)
    sub_type: str = ""
    description: str = ""
    timeline: Timeline = dataclasses.field(default_factory=Timeline, repr=False)

    def advance(self, now: float) -> None:
        """Apply the changes that are due at this monotonic time, in seconds."""
        self.timeline.apply(self, now)


def _initial_data_sources(settings: Settings) -> list[DataSource]:
    return [
        DataSource(
            number, settings.project_id, name, kind, content={**content, **HIDDEN}, properties={**properties, **HIDDEN}
        )
        for number, (name, kind, content, properties) in enumerate(INITIAL_DATA_SOURCES, start=6001)
    ]


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object, not {value!r}")
    return value


DATA_SOURCES: ResourceKind[DataSource] = ResourceKind(
    name="data source",
    path="data_sources",
    model=DataSource,
    id_attribute="data_source_id",
    first_new_id=6101,
    fields=(
        Field("Id", "data_source_id", identifier),
        Field("ProjectId", "project_id", identifier),
        Field("Name", "name", string),
        Field("Type", "kind", string),
        Field("EnvType", "environment", one_of(*ENVIRONMENTS)),
        Field("Content", "content", _object),
        Field("ConnectionProperties", "properties", _object),
        Field("SubType", "sub_type", string),
        Field("Description", "description", string),
    ),
    defaults=lambda data_source_id: {"name": f"data_source_{data_source_id}"},
    initial=_initial_data_sources,
)
KINDS = (DATA_SOURCES,)
