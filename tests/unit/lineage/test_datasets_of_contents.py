"""The datasets of job contents of many readers and writers are those that a person would name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.lineage.content import read_content
from airflow_provider_dataworks.lineage.models import Copy, Step
from airflow_provider_dataworks.lineage.naming import Workspace, dataset_name
from tests.support.job_contents import CONTENTS
from tests.support.lineage_contents import BY_NAME, CASES, DATA_SOURCES, PROJECT_ID, REGION

WORKSPACE = Workspace(REGION, PROJECT_ID)


def names(steps: list[Step], sources: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for step in steps:
        for dataset in step.datasets:
            name = dataset_name(dataset, WORKSPACE, sources.get(dataset.datasource or ""))
            if (pair := (name.namespace, name.name)) not in found:
                found.append(pair)
    return found


def inputs_and_outputs(
    copies: tuple[Copy, ...], sources: dict[str, Any]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    readers = [reader for copy in copies for reader in copy.readers]
    return names(readers, sources), names([copy.writer for copy in copies], sources)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_datasets_are_those_that_a_person_would_name(case: Any) -> None:
    assert inputs_and_outputs(read_content(case.content), DATA_SOURCES) == (case.inputs, case.outputs)
    assert read_content(json.dumps(case.content)) == read_content(case.content)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_name_has_a_secret(case: Any) -> None:
    copies = read_content(case.content)

    assert "secret" not in str(inputs_and_outputs(copies, DATA_SOURCES)) + repr(copies)


def test_readers_and_writers_of_forty_kinds_are_among_them() -> None:
    kinds = set()
    for case in CASES.values():
        for copy in read_content(case.content):
            kinds |= {("writer", dataset.kind) for dataset in copy.writer.datasets}
            kinds |= {("reader", dataset.kind) for reader in copy.readers for dataset in reader.datasets}

    assert len(CASES) >= 40
    assert len(kinds) >= 30


#: What the readers of ``job_contents`` read, where no data source is known; those that are missing name nothing.
READ = {
    "mysql": [(BY_NAME, f"shop_mysql/orders_{number}") for number in range(32)] + [(BY_NAME, "shop_mysql/orders.json")],
    "postgresql": [("postgres://10.0.0.1:5432", "app")],
    "sqlserver": [(BY_NAME, "erp/dbo.Order Lines")],
    "oracle": [(BY_NAME, "ora")],
    "odps": [(BY_NAME, "odps_first/ods_orders")],
    "oss": [(BY_NAME, "lake/exports/orders.json"), (BY_NAME, "lake/exports/2026")],
    "hdfs": [("hdfs://nn:8020", "/user/hive/warehouse/orders")],
    "ftp": [("sftp://10.1.2.3:22", "/in/orders.json"), ("sftp://10.1.2.3:22", "/in/#hash.csv")],
    "mongodb": [(BY_NAME, "mongo/orders")],
    "loghub": [(BY_NAME, "sls/access")],
    "kafka": [("kafka://k1:9092", "orders.json")],
    "hologres": [("postgres://h.hologres.aliyuncs.com:80", "db.public.orders")],
    "elasticsearch": [("elasticsearch://es:9200", "orders-*")],
    "ots": [(BY_NAME, "ots/t")],
    "restapi": [("https://api.example.com", "/v1/orders")],
    "redis": [(BY_NAME, "redis/order:{shop}:*")],
    "clickhouse": [(BY_NAME, "ck")],
    "txtfile": [("file", "C:\\data\\new.json"), ("file", "/tmp/ leading")],
}
WRITTEN = {
    "odps": [(BY_NAME, "odps/ods_orders")],
    "oss": [(BY_NAME, "oss/out/orders.json")],
    "elasticsearch": [(BY_NAME, "elasticsearch/orders")],
    "ftp": [(BY_NAME, "ftp/out/orders.json")],
    "hdfs": [(BY_NAME, "hdfs/w")],
}


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_with_odd_values_name_what_they_name_and_nothing_else(name: str) -> None:
    _, reader, writer = name.split("-")

    found = inputs_and_outputs(read_content(CONTENTS[name]), {})

    assert found == (READ.get(reader, []), WRITTEN.get(writer, []))


@pytest.mark.parametrize(
    "content", ["", "no JSON", "[]", "{}", {"steps": None}, {"steps": [1, {}]}, {"job": {"content": 1}}]
)
def test_content_that_is_none_has_no_datasets(content: Any) -> None:
    assert inputs_and_outputs(read_content(content), {}) == ([], [])
