"""What a DI job's answer says of its tables: mappings, renaming rules, and jobs that name no table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_dataworks.lineage.di_jobs import read_di_job
from airflow_provider_dataworks.lineage.models import DatasetReference

DATABASE = {"ObjectType": "Database", "Expression": "shop", "ExpressionType": "Exact"}
TABLE = {"ObjectType": "Table", "Expression": "orders", "ExpressionType": "Exact"}


def job(*selected: Mapping[str, Any], rules: Any = (), used: Any = (), **fields: Any) -> dict[str, Any]:
    """An answer of GetDIJob, with one mapping if objects are selected."""
    mappings = [{"SourceObjectSelectionRules": list(selected), "TransformationRules": list(used)}] if selected else []
    return {
        "SourceDataSourceType": "MySQL",
        "DestinationDataSourceType": "Hologres",
        "SourceDataSourceSettings": [{"DataSourceName": "demo_mysql"}],
        "DestinationDataSourceSettings": [{"DataSourceName": "demo_hologres"}],
        "TableMappings": mappings,
        "TransformationRules": list(rules),
        **fields,
    }


def tables(job: Mapping[str, Any]) -> list[tuple[DatasetReference, DatasetReference]]:
    pairs = []
    for copy in read_di_job(job):
        ((source,),) = (reader.datasets for reader in copy.readers)
        (target,) = copy.writer.datasets
        pairs.append((source, target))
    return pairs


def target_of(expression: Any, target_type: str = "Table", **fields: Any) -> DatasetReference:
    """Where the table goes that is renamed by a rule with this expression."""
    used = {"RuleName": "r", "RuleActionType": "Rename", "RuleTargetType": target_type}
    ((_, target),) = tables(job(DATABASE, TABLE, rules=[{**used, "RuleExpression": expression}], used=[used], **fields))
    return target


SOURCE = DatasetReference("mysql", "orders", "demo_mysql", "shop")
UNNAMED_TARGET = DatasetReference("hologres", "orders", "demo_hologres")
WHOLE = [(DatasetReference("mysql", "", "demo_mysql"), DatasetReference("hologres", "", "demo_hologres"))]


def test_a_table_keeps_its_name_where_no_rule_renames_it() -> None:
    assert tables(job(DATABASE, TABLE)) == [(SOURCE, UNNAMED_TARGET)]


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        ("ods_${srcTableName}", "ods_orders"),
        ("${srcDatabaseName}_${srcTableName}", "shop_orders"),
        ("${srcDatasourceName}__${srcTableName}", "demo_mysql__orders"),
        ("${srcDatasoureName}__${srcTableName}", "demo_mysql__orders"),
        ("all_of_them", "all_of_them"),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_a_rule_renames_a_table(expression: str, name: str, as_text: bool) -> None:
    rule = {"expression": expression}
    assert target_of(json.dumps(rule) if as_text else rule).name == name


def test_a_variable_of_a_rule_is_replaced_in_part() -> None:
    rule = {
        "expression": "${srcDatabaseName}_${srcTableName}",
        "variables": [
            {"variableName": "srcDatabaseName", "variableRules": [{"from": "shop", "to": "store"}]},
            {"variableName": "srcTableName", "variableRules": [{"from": "or", "to": "b"}, {"from": "ders", "to": "s"}]},
            {"variableName": "srcSchemaName", "variableRules": [{"from": "public", "to": "own"}]},
        ],
    }
    assert target_of(json.dumps(rule)).name == "store_bs"


def test_rules_rename_database_and_schema_too() -> None:
    assert target_of({"expression": "${srcDatabaseName}_ods"}, "Database").database == "shop_ods"
    assert target_of({"expression": "own"}, "Schema") == DatasetReference(
        "hologres", "orders", "demo_hologres", None, "own"
    )


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[" * 100_000, id="deep JSON"),
        pytest.param("[]", id="a list"),
        pytest.param('"ods_${srcTableName}"', id="a text"),
        pytest.param({"expression": 7}, id="a number"),
        pytest.param({"expression": "${srcSchemaName}_${srcTableName}"}, id="a variable without a value"),
        pytest.param({"expression": "${unheardOf}"}, id="an unknown variable"),
        pytest.param(None, id="nothing"),
    ],
)
def test_what_cannot_be_evaluated_renames_nothing(expression: Any) -> None:
    assert target_of(expression) == UNNAMED_TARGET


def test_a_rule_of_another_name_action_or_target_renames_nothing() -> None:
    expression = json.dumps({"expression": "never"})
    used = {"RuleName": "r", "RuleActionType": "Rename", "RuleTargetType": "Table"}
    for other in (
        {"RuleName": "other"},
        {"RuleActionType": "AddColumn"},
        {"RuleTargetType": "Schema"},
    ):
        rule = {**used, **other, "RuleExpression": expression}
        assert tables(job(DATABASE, TABLE, rules=[rule], used=[used])) == [(SOURCE, UNNAMED_TARGET)]
    defined = {**used, "RuleExpression": expression}
    assert tables(job(DATABASE, TABLE, rules=[defined], used=[{**used, "RuleActionType": "HandleDml"}])) == [
        (SOURCE, UNNAMED_TARGET)
    ]


@pytest.mark.parametrize(
    "selection",
    [
        pytest.param({**TABLE, "ExpressionType": "Regex", "Expression": "ord.*"}, id="a pattern"),
        pytest.param({**TABLE, "Action": "Exclude"}, id="excluded"),
        pytest.param({"ObjectType": "Table", "Expression": "ord.*"}, id="what may be a pattern"),
        pytest.param({"ObjectType": "Table", "Expression": 7}, id="a number"),
        pytest.param(DATABASE, id="no table"),
    ],
)
def test_where_no_table_is_named_the_data_sources_are(selection: Mapping[str, Any]) -> None:
    assert tables(job(selection)) == WHOLE


def test_a_table_is_exact_where_its_expression_cannot_be_a_pattern() -> None:
    plain = [{"ObjectType": each["ObjectType"], "Expression": each["Expression"]} for each in (DATABASE, TABLE)]
    assert tables(job(*plain)) == [(SOURCE, UNNAMED_TARGET)]


def test_a_job_without_mappings_names_its_data_sources() -> None:
    assert tables(job()) == WHOLE


def test_lists_that_came_as_json_texts_are_read() -> None:
    whole = job(DATABASE, TABLE)
    as_texts = {key: json.dumps(value) if isinstance(value, list) else value for key, value in whole.items()}
    assert tables(as_texts) == [(SOURCE, UNNAMED_TARGET)]


@pytest.mark.parametrize("odd", ["{", "[" * 100_000, "7", 7, None, ["a"], {"DataSourceName": "x"}])
def test_a_job_that_names_nothing_that_can_be_read_has_no_datasets(odd: Any) -> None:
    assert read_di_job({**job(), "SourceDataSourceSettings": odd, "DestinationDataSourceSettings": odd}) == ()
