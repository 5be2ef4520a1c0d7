"""Reads which tables a DI job copies to which: from its run, table by table, or else from its table mappings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from airflow_provider_dataworks.client.actions import whole_number
from airflow_provider_dataworks.client.models import JobStatus
from airflow_provider_dataworks.lineage.content import kind_of
from airflow_provider_dataworks.lineage.models import Copy, DatasetReference, Step

_ENDED = (JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED)
_VARIABLE = re.compile(r"\$\{(\w+)\}")
#: An expression of 2020-05-18, which does not say whether it is exact, that cannot be a pattern.
_PLAIN = re.compile(r"[\w$#-]+(?:\.[\w$#-]+)*")


def read_di_job(job: Mapping[str, Any], tables: Iterable[Mapping[str, Any]] = ()) -> tuple[Copy, ...]:
    """Read a DI job.

    :param job: the answer of GetDIJob, with details.
    :param tables: the entries of ListDIJobRunDetails; none (default) where the API version does not have them.
    :return: a copy for each table; one of the data sources as a whole where no table is named.
    """
    counts = job.get("JobStatus") in _ENDED
    return (
        tuple(_of_run(job, table, counts=counts) for table in tables)
        or tuple(_of_mappings(job))
        or tuple(_of_data_sources(job))
    )


def _of_run(job: Mapping[str, Any], table: Mapping[str, Any], *, counts: bool) -> Copy:
    def side(prefix: Literal["Source", "Destination"]) -> Step:
        return _step(
            job,
            prefix,
            str(table.get(f"{prefix}TableName") or table.get("SourceTableName") or ""),
            datasource=table.get(f"{prefix}DatasourceName"),
            database=table.get(f"{prefix}DatabaseName"),
            schema=table.get(f"{prefix}SchemaName"),
        )

    # Only the full migration is counted; until the job has ended, its counters move.
    counted = counts and table.get("FullMigrationStatus")
    return Copy(
        (side("Source"),),
        side("Destination"),
        records=whole_number(table.get("OfflineTotalRecords")) if counted else None,
        bytes=whole_number(table.get("OfflineTotalBytes")) if counted else None,
    )


def _of_mappings(job: Mapping[str, Any]) -> Iterator[Copy]:
    rules = {
        (rule.get("RuleName"), rule.get("RuleActionType"), rule.get("RuleTargetType")): rule
        for rule in _dicts(job.get("TransformationRules"))
    }
    for mapping in _dicts(job.get("TableMappings")):
        names = {str(kind): _exact(mapping, kind) for kind in ("Database", "Schema", "Table")}
        table = names["Table"]
        if not table:
            continue
        renamed = {}
        for used in _dicts(mapping.get("TransformationRules")):
            rule = rules.get((used.get("RuleName"), "Rename", used.get("RuleTargetType")), {})
            new_name = _renamed(rule.get("RuleExpression"), job, names)
            if used.get("RuleActionType") in (None, "Rename") and new_name:
                renamed[used.get("RuleTargetType")] = new_name
        source = _step(job, "Source", table, database=names["Database"], schema=names["Schema"])
        target = _step(
            job,
            "Destination",
            renamed.get("Table") or table,
            database=renamed.get("Database"),
            schema=renamed.get("Schema"),
        )
        yield Copy((source,), target)


def _of_data_sources(job: Mapping[str, Any]) -> Iterator[Copy]:
    source, target = _step(job, "Source", ""), _step(job, "Destination", "")
    if source.datasets or target.datasets:
        yield Copy((source,), target)


def _step(
    job: Mapping[str, Any],
    prefix: Literal["Source", "Destination"],
    table: str,
    *,
    datasource: Any = None,
    database: Any = None,
    schema: Any = None,
) -> Step:
    if not datasource:
        settings = _dicts(job.get(f"{prefix}DataSourceSettings"))
        datasource = settings[0].get("DataSourceName") if settings else None
    if not table and not datasource:
        return Step(())
    kind = kind_of(job.get(f"{prefix}DataSourceType"))
    reference = DatasetReference(kind, table, _text(datasource), _text(database), _text(schema))
    return Step((reference,))


def _exact(mapping: Mapping[str, Any], kind: str) -> str | None:
    """The one object of a kind that a mapping selects; None if it selects by a pattern, or none."""
    for rule in _dicts(mapping.get("SourceObjectSelectionRules")):
        expression = rule.get("Expression")
        if rule.get("ObjectType") != kind or rule.get("Action") == "Exclude" or not isinstance(expression, str):
            continue
        how = rule.get("ExpressionType")
        if how == "Exact" or (how is None and _PLAIN.fullmatch(expression)):
            return expression
    return None


def _renamed(expression: Any, job: Mapping[str, Any], names: Mapping[str, str | None]) -> str | None:
    """Evaluate the expression of a renaming rule; None if it cannot be."""
    try:
        rule = json.loads(expression) if isinstance(expression, str) else expression
    except (ValueError, RecursionError):
        return None
    if not isinstance(rule, dict) or not isinstance(rule.get("expression"), str):
        return None
    settings = _dicts(job.get("SourceDataSourceSettings"))
    values = {
        "srcDatasourceName": settings[0].get("DataSourceName") if settings else None,
        # The pages of the API have this spelling too.
        "srcDatasoureName": settings[0].get("DataSourceName") if settings else None,
        "srcDatabaseName": names["Database"],
        "srcSchemaName": names["Schema"],
        "srcTableName": names["Table"],
    }
    for variable in _dicts(rule.get("variables")):
        name = str(variable.get("variableName"))
        for replacement in _dicts(variable.get("variableRules")):
            if isinstance(values.get(name), str):
                values[name] = str(values[name]).replace(
                    str(replacement.get("from", "")), str(replacement.get("to", ""))
                )
    if any(not values.get(name) for name in _VARIABLE.findall(rule["expression"])):
        return None
    return _VARIABLE.sub(lambda found: str(values[found[1]]), rule["expression"])


def _text(value: Any) -> str | None:
    return value or None if isinstance(value, str) else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
