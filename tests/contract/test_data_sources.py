"""Data sources: both official SDKs get what the pages say, and the hook reads the same in both API versions."""

from __future__ import annotations

import json

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from alibabacloud_dataworks_public20240518 import models as models_2024
from alibabacloud_dataworks_public20240518.client import Client as Client2024
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_BOTH_VERSIONS, V2020, sent

DEMO = ["demo_mysql", "demo_hologres", "demo_hive", "odps_first"]


def add(emulator: EmulatorControl, name: str, **fields: object) -> None:
    emulator.add_resource("data_sources", Name=name, **fields)


def test_sdk_lists_data_sources_with_their_content(sdk: Client) -> None:
    data = sdk.list_data_sources(models.ListDataSourcesRequest(project_id=10000)).body.data

    assert (data.total_count, data.page_number, data.page_size) == (4, 1, 10)
    assert [source.name for source in data.data_sources] == DEMO
    mysql = data.data_sources[0]
    assert (mysql.data_source_type, mysql.env_type, mysql.project_id) == ("mysql", 1, 10000)
    assert json.loads(mysql.content)["jdbcUrl"] == "jdbc:mysql://mysql.demo.internal:3306/demo"
    assert json.loads(mysql.content)["password"] == "***"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"name": "HOLO"}, ["demo_hologres"]),
        ({"data_source_type": "odps"}, ["odps_first"]),
        ({"env_type": 0}, ["demo_mysql"]),
        ({"page_size": 2, "page_number": 3}, ["demo_mysql"]),
        ({"status": "DISABLED"}, []),
        ({"data_source_type": "mysql", "sub_type": "mysql"}, []),
    ],
)
def test_sdk_filters(
    sdk: Client, dataworks_emulator: EmulatorControl, filters: dict[str, object], names: list[str]
) -> None:
    add(dataworks_emulator, "demo_mysql", EnvType="Dev")

    data = sdk.list_data_sources(models.ListDataSourcesRequest(project_id=10000, **filters)).body.data

    assert [source.name for source in data.data_sources] == names


def test_sdk_of_2024_lists_groups_of_both_environments(
    sdk_2024: Client2024, dataworks_emulator: EmulatorControl
) -> None:
    add(dataworks_emulator, "demo_mysql", EnvType="Dev", ConnectionProperties={"database": "dev"})

    request = models_2024.ListDataSourcesRequest(project_id=10000, sort_by="Id", order="Asc")
    paging = sdk_2024.list_data_sources(request).body.paging_info

    assert paging.total_count == 4
    assert [group.name for group in paging.data_sources] == DEMO
    mysql = paging.data_sources[0]
    assert mysql.type == "mysql"
    assert [source.connection_properties["envType"] for source in mysql.data_source] == ["Prod", "Dev"]
    assert [source.connection_properties["database"] for source in mysql.data_source] == ["demo", "dev"]
    assert mysql.data_source[0].connection_properties_mode == "UrlMode"


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"name": "holo"}, ["demo_hologres"]),
        ({"types": ["odps", "hive"]}, ["odps_first", "demo_hive"]),
        ({"env_type": "Dev"}, []),
        ({"tags": '["a"]'}, []),
        ({"sort_by": "Name", "order": "Asc", "page_size": 1, "page_number": 2}, ["demo_hologres"]),
    ],
)
def test_sdk_of_2024_filters(sdk_2024: Client2024, filters: dict[str, object], names: list[str]) -> None:
    paging = sdk_2024.list_data_sources(
        models_2024.ListDataSourcesRequest(project_id=10000, **filters)
    ).body.paging_info

    assert [group.name for group in paging.data_sources] == names


def test_sdk_is_refused_without_a_workspace_or_with_an_unknown_one(sdk: Client, sdk_2024: Client2024) -> None:
    with pytest.raises(TeaException, match="MissingProjectId"):
        sdk.list_data_sources(models.ListDataSourcesRequest())
    with pytest.raises(TeaException, match="ProjectNotExists"):
        sdk_2024.list_data_sources(models_2024.ListDataSourcesRequest(project_id=1))


@IN_BOTH_VERSIONS
def test_hook_lists_all_pages_lazily(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    for number in range(3):
        add(dataworks_emulator, f"more_{number}")

    listed = hook.list_data_sources(page_size=3)
    assert dataworks_emulator.requests("ListDataSources") == []
    next(listed)
    assert len(dataworks_emulator.requests("ListDataSources")) == 1

    assert len(list(listed)) == 6
    assert [sent(entry)["PageNumber"] for entry in dataworks_emulator.requests("ListDataSources")] == ["1", "2", "3"]


@IN_BOTH_VERSIONS
def test_hook_gives_the_same_fields_in_both_versions(hook: DataWorksHook, api_version: str) -> None:
    (source,) = hook.list_data_sources(name="demo_mysql")

    assert (source["Name"], source["DataSourceType"], source["EnvType"]) == ("demo_mysql", "mysql", 1)
    content = json.loads(source["Content"])
    assert content["jdbcUrl" if api_version == V2020 else "address"]


@IN_BOTH_VERSIONS
def test_hook_reads_one_by_its_exact_name_and_environment(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    add(dataworks_emulator, "demo_mysql_2")
    add(
        dataworks_emulator,
        "demo_mysql",
        EnvType="Dev",
        Content={"database": "dev"},
        ConnectionProperties={"database": "dev"},
    )

    prod = hook.read_data_source(name="demo_mysql")
    dev = hook.read_data_source(name="demo_mysql", environment="Dev")

    assert prod is not None
    assert dev is not None
    assert (prod.name, prod.type, prod.environment) == ("demo_mysql", "mysql", "Prod")
    assert (dev.environment, dev.properties["database"]) == ("Dev", "dev")
    assert hook.read_data_source(name="demo_mysql_2", environment="Dev") is None
    assert hook.read_data_source(name="mysql") is None


@IN_BOTH_VERSIONS
def test_hooks_models_show_no_settings(hook: DataWorksHook) -> None:
    assert "***" not in repr(hook.read_data_source(name="demo_mysql"))


@IN_BOTH_VERSIONS
def test_hook_raises_what_the_service_refuses(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("error", action="ListDataSources", status=403, code="403030", message="no permission")

    with pytest.raises(DataWorksPermanentError, match="no permission"):
        list(hook.list_data_sources())
    with pytest.raises(DataWorksParameterError, match="environment"):
        list(hook.list_data_sources(environment="Test"))
