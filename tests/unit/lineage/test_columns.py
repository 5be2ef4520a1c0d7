"""Columns: each written one is made of the one that is read at its position, constants and expressions of none."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.lineage.columns import column_sources
from airflow_provider_dataworks.lineage.content import read_content
from tests.support.lineage_contents import datax, script


def columns_of(content: dict[str, Any]) -> dict[str, list[tuple[str, str, bool]]]:
    (copy,) = read_content(content)
    return {
        name: [(source.dataset.name, source.column, source.is_plain) for source in sources]
        for name, sources in column_sources(copy).items()
    }


def read(kind: str, *columns: Any) -> dict[str, Any]:
    return script(
        kind, {"datasource": "d", "table": ["t"], "column": list(columns)}, "odps", {"column": list("abcdefgh")}
    )


def test_columns_are_matched_by_position() -> None:
    assert columns_of(read("mysql", "id", "amount")) == {"a": [("t", "id", True)], "b": [("t", "amount", True)]}


@pytest.mark.parametrize(
    "constant",
    ["'const'", "1", "-2.5", "''", "null", "NULL", "now()", "true", "a + b", "", {"value": "1"}, {"index": 0}],
)
def test_constants_and_expressions_have_no_source_and_keep_their_position(constant: Any) -> None:
    assert columns_of(read("mysql", constant, "id")) == {"b": [("t", "id", True)]}


@pytest.mark.parametrize(
    ("kind", "written", "column"),
    [
        ("mysql", "`order`", "order"),
        ("oracle", '"Id"', "Id"),
        ("sqlserver", "[Order Id]", "Order Id"),
        ("odps", "价格", "价格"),
        ("mongodb", {"name": "_id", "type": "string"}, "_id"),
        ("elasticsearch", "a.b[0]", "a.b[0]"),
        ("kafka", "__value__", "__value__"),
        ("hbase11x", {"name": "cf:q"}, "cf:q"),
    ],
)
def test_names_are_those_of_the_source(kind: str, written: Any, column: str) -> None:
    assert columns_of(read(kind, written)) == {"a": [("t", column, True)]}


def test_double_quotation_marks_are_a_constant_in_mysql_alone() -> None:
    assert columns_of(read("mysql", '"x"')) == {}
    assert columns_of(read("postgresql", '"x"')) == {"a": [("t", "x", True)]}


def test_cast_is_a_change() -> None:
    assert columns_of(read("postgresql", "payload::text")) == {"a": [("t", "payload", False)]}


@pytest.mark.parametrize("columns", [["*"], "*", [], None])
def test_no_column_is_guessed_where_all_are_read(columns: Any) -> None:
    assert (
        columns_of(script("odps", {"table": "t", "datasource": "d", "column": columns}, "mysql", {"column": ["a"]}))
        == {}
    )


def test_columns_in_one_string_are_separated_by_commas() -> None:
    content = script("mysql", {"datasource": "d", "table": "t", "column": "id, amount"}, "odps", {"column": "a,b"})

    assert columns_of(content) == {"a": [("t", "id", True)], "b": [("t", "amount", True)]}


def test_every_shard_is_a_source() -> None:
    content = script("mysql", {"datasource": "d", "table": ["t_[0-2]"], "column": ["id"]}, "odps", {"column": ["a"]})

    assert columns_of(content) == {"a": [("t_0", "id", True), ("t_1", "id", True), ("t_2", "id", True)]}


def test_writers_columns_with_an_index_take_the_field_of_that_index() -> None:
    written = {
        "rowkeyColumn": [{"index": 0, "type": "string"}, {"index": -1, "type": "string", "value": "_"}],
        "column": [{"index": 2, "name": "cf:b"}, {"index": 1, "name": "cf:a"}],
    }
    content = script("mysql", {"datasource": "d", "table": "t", "column": ["id", "x", "y"]}, "hbase11x", written)

    assert columns_of(content) == {
        "rowkey": [("t", "id", True)],
        "cf:a": [("t", "x", True)],
        "cf:b": [("t", "y", True)],
    }


def test_tablestores_primary_key_comes_first() -> None:
    written = {"primaryKey": [{"name": "pk", "type": "string"}], "column": [{"name": "v", "type": "int"}]}
    content = script("mysql", {"datasource": "d", "table": "t", "column": ["id", "x"]}, "ots", written)

    assert columns_of(content) == {"pk": [("t", "id", True)], "v": [("t", "x", True)]}


def test_header_of_a_file_names_its_columns() -> None:
    content = script(
        "mysql", {"datasource": "d", "table": "t", "column": ["id"]}, "oss", {"object": "o", "header": ["order_id"]}
    )

    assert columns_of(content) == {"order_id": [("t", "id", True)]}


@pytest.mark.parametrize(
    ("transformer", "changed"),
    [
        ({"name": "dx_replace", "parameter": {"columnIndex": 1, "paras": []}}, {"b"}),
        ({"name": "dx_filter", "parameter": {"columnIndex": 0, "paras": []}}, set()),
        ({"name": "dx_groovy", "parameter": {"code": "return record;"}}, {"a", "b"}),
    ],
)
def test_transformers_change_the_columns_that_they_name(transformer: dict[str, Any], changed: set[str]) -> None:
    content = datax("mysqlreader", {"table": "t", "column": ["x", "y"]}, "odpswriter", {"column": ["a", "b"]})
    content["job"]["content"][0]["transformer"] = [transformer]

    columns = columns_of(content)

    assert {name for name, [(_, _, is_plain)] in columns.items() if not is_plain} == changed


def test_step_between_reader_and_writer_may_change_any_column() -> None:
    content = read("mysql", "id")
    content["steps"].append({"stepType": "groovy", "name": "Change", "category": "processor", "parameter": {}})
    content["order"] = {"hops": [{"from": "Reader", "to": "Change"}, {"from": "Change", "to": "Writer"}]}

    assert columns_of(content) == {"a": [("t", "id", False)]}


def test_writer_takes_the_columns_of_the_readers_before_it_alone() -> None:
    def step(name: str, category: str, column: str) -> dict[str, Any]:
        parameter = {"datasource": "d", "table": name, "column": [column]}
        return {"stepType": "mysql", "name": name, "category": category, "parameter": parameter}

    content = {
        "steps": [
            step("r1", "reader", "x"),
            step("r2", "reader", "y"),
            step("w1", "writer", "a"),
            step("w2", "writer", "b"),
        ],
        "order": {"hops": [{"from": "r1", "to": "w1"}, {"from": "r2", "to": "w2"}]},
    }

    first, second = read_content(content)

    assert [source.column for source in column_sources(first)["a"]] == ["x"]
    assert [source.column for source in column_sources(second)["b"]] == ["y"]
