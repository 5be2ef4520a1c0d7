"""Assets of DataWorks: their URIs, as Airflow normalises, makes and converts them."""

from __future__ import annotations

import importlib.util
from typing import Any
from urllib.parse import urlsplit

import airflow
import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_dataworks import assets
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.get_provider_info import get_provider_info

JOB = "dataworks://cn-shanghai/10000/di-job/1001"
NODE = "dataworks://cn-shanghai/10000/node/700000000000000001"
AIRFLOW_2 = airflow.__version__.startswith("2.")


def test_a_uri_names_a_job_or_a_node() -> None:
    assert assets.di_job_uri("cn-shanghai", 10000, "1001") == JOB
    assert assets.node_uri("cn-shanghai", "10000", 700000000000000001) == NODE
    assert assets.parse(NODE) == ("cn-shanghai", 10000, "node", 700000000000000001)


@pytest.mark.parametrize(
    "given",
    [JOB, f"{JOB}/", "DataWorks://CN-Shanghai/10000/di-job/1001", "dataworks://cn-shanghai/010000/di-job/01001"],
)
def test_airflow_keeps_one_spelling_of_an_asset(given: str) -> None:
    assert Asset(uri=given).uri == JOB


@pytest.mark.parametrize(
    "given",
    [
        "dataworks://cn-shanghai/10000",
        "dataworks://cn-shanghai/10000/di-job",
        "dataworks://cn-shanghai/10000/di-job/orders",
        "dataworks://cn-shanghai/10000/di-job/1001/more",
        "dataworks://cn-shanghai/my_workspace/di-job/1001",
        "dataworks://cn-shanghai/10000/table/1001",
        "dataworks://cn shanghai/10000/di-job/1001",
        "dataworks:///10000/di-job/1001",
        f"{JOB}?a=1",
        "dataworks://cn-shanghai/10000/di-job/" + "9" * 30,
    ],
)
def test_what_names_neither_is_refused_when_the_dag_is_parsed(given: str) -> None:
    with pytest.raises(ValueError, match="dataworks://<region>/<workspace id>/di-job/<id> or"):
        assets.sanitize_uri(urlsplit(given))
    if AIRFLOW_2:
        with pytest.warns(UserWarning, match="AIP-60"):
            Asset(uri=given)
    else:
        with pytest.raises(ValueError, match="an asset of DataWorks must be"):
            Asset(uri=given)


@pytest.mark.parametrize("named", [{"di_job_id": 1001}, {"node_id": 700000000000000001}])
def test_airflow_makes_assets_by_the_factory(named: dict[str, Any]) -> None:
    module, _, name = get_provider_info()["asset-uris"][0]["factory"].rpartition(".")
    factory = getattr(importlib.import_module(module), name)

    made = factory(region_id="cn-shanghai", project_id=10000, **named, extra={"team": "data"})

    assert (made.uri, made.extra) == (JOB if "di_job_id" in named else NODE, {"team": "data"})
    with pytest.raises(DataWorksParameterError, match="not both"):
        factory(region_id="cn-shanghai", project_id=10000, di_job_id=1, node_id=1)


def test_providers_manager_has_all_three_functions() -> None:
    try:
        manager = importlib.import_module("airflow.sdk.providers_manager_runtime").ProvidersManagerTaskRuntime()
    except ImportError:
        manager = importlib.import_module("airflow.providers_manager").ProvidersManager()
    kind = "dataset" if AIRFLOW_2 else "asset"
    registered = [
        getattr(manager, f"{kind}_{what}")["dataworks"]
        for what in ("uri_handlers", "factories", "to_openlineage_converters")
    ]

    assert registered == [assets.sanitize_uri, assets.create_asset, assets.convert_asset_to_openlineage]


@pytest.mark.skipif(importlib.util.find_spec("openlineage") is None, reason="the OpenLineage client is not installed")
def test_openlineage_gets_the_workspace_as_namespace() -> None:
    dataset = assets.convert_asset_to_openlineage(Asset(uri=JOB), None)

    assert (dataset.namespace, dataset.name) == ("dataworks://cn-shanghai/10000", "di-job/1001")


@pytest.mark.parametrize("outlet", [None, "text", Asset(uri="s3://bucket/key"), Asset(uri="orders")])
def test_other_outlets_name_nothing_of_dataworks(outlet: Any) -> None:
    assert assets.named_by(outlet) is None
