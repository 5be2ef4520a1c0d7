"""Builds what Airflow's OpenLineage provider emits. Only its listener's calls import this module."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import (
    ColumnLineageDatasetFacet,
    ErrorMessageRunFacet,
    ExternalQueryRunFacet,
    Fields,
    Identifier,
    InputDataset,
    InputField,
    OutputDataset,
    OutputStatisticsOutputDatasetFacet,
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
    SQLJobFacet,
    SymlinksDatasetFacet,
)
from airflow.providers.openlineage.extractors import OperatorLineage

from airflow_provider_dataworks.lineage.columns import column_sources
from airflow_provider_dataworks.lineage.content import unquoted
from airflow_provider_dataworks.lineage.facets import DataWorksRunFacet
from airflow_provider_dataworks.lineage.models import Column, Copy, DatasetReference, Step, TaskLineage
from airflow_provider_dataworks.lineage.naming import DatasetName

if TYPE_CHECKING:
    from airflow_provider_dataworks.lineage.reader import LineageReader

#: A run facet names at most so many copies.
_MOST_COPIES = 200
#: The parser's names of dialects; others are read as generic SQL.
_DIALECTS = {
    "mysql": "mysql", "polardb": "mysql", "postgresql": "postgres", "hologres": "postgres", "holo": "postgres",
    "sqlserver": "mssql", "hive": "hive", "redshift": "redshift", "clickhouse": "generic",
}  # fmt: skip
_PARAMETER = re.compile(r"\$\{[^}]*\}|\$\[[^\]]*\]")


def operator_lineage(
    lineage: TaskLineage, reader: LineageReader | None, console_url: str | None
) -> OperatorLineage[Any, Any]:
    """Build the lineage of a task.

    :param lineage: what the task copies, and what is known of it.
    :param reader: names the datasets; None if there are none to be named.
    :param console_url: the workspace's address in the console; None if it is not known.
    :return: inputs, outputs and facets.
    """
    builder = _Builder(reader)
    for copy in lineage.copies:
        builder.add(copy)
    facts = {**lineage.facts, "consoleUrl": console_url, "copies": builder.copies[:_MOST_COPIES]}
    run_facets: dict[str, Any] = {"dataworks_run": DataWorksRunFacet(**facts)}
    run_id = next((facts[name] for name in ("instanceId", "diJobId", "fileId", "nodeId") if facts.get(name)), None)
    if run_id is not None:
        place = f"dataworks://{facts.get('regionId') or 'unknown'}/{facts.get('projectId') or 'unknown'}"
        run_facets["externalQuery"] = ExternalQueryRunFacet(externalQueryId=str(run_id), source=place)
    if lineage.error:
        run_facets["errorMessage"] = ErrorMessageRunFacet(message=lineage.error, programmingLanguage="DataWorks")
    queries = [query for copy in lineage.copies for step in copy.readers for query in step.queries]
    job_facets: dict[str, Any] = {"sql": SQLJobFacet(query=";\n".join(queries))} if queries else {}
    return OperatorLineage(
        inputs=list(builder.inputs()), outputs=list(builder.outputs()), run_facets=run_facets, job_facets=job_facets
    )


class _Dataset:
    """What is known of one dataset, over all copies."""

    def __init__(self, name: DatasetName, symlink: DatasetName) -> None:
        self.name = name
        self.symlink = symlink
        self.columns: dict[str, str | None] = {}
        self.sources: dict[str, dict[tuple[DatasetName, str], bool]] = {}
        self.partitions: dict[str, None] = {}
        self.records: int | None = None
        self.bytes: int | None = None

    def add_columns(self, columns: Iterable[Column] | None) -> None:
        for column in columns or ():
            if column.name:
                self.columns[column.name] = self.columns.get(column.name) or column.type

    def facets(self) -> dict[str, Any]:
        facets: dict[str, Any] = {}
        if self.columns:
            fields = [SchemaDatasetFacetFields(name=name, type=kind) for name, kind in self.columns.items()]
            facets["schema"] = SchemaDatasetFacet(fields=fields)
        if self.symlink != self.name:
            identifier = Identifier(namespace=self.symlink.namespace, name=self.symlink.name, type="DATA_SOURCE")
            facets["symlinks"] = SymlinksDatasetFacet(identifiers=[identifier])
        if self.sources:
            facets["columnLineage"] = ColumnLineageDatasetFacet(
                fields={column: _fields(sources) for column, sources in self.sources.items()}
            )
        return facets


class _Builder:
    """Collects the datasets of copies; those of equal names are one."""

    def __init__(self, reader: LineageReader | None) -> None:
        self._reader = reader
        self._inputs: dict[DatasetName, _Dataset] = {}
        self._outputs: dict[DatasetName, _Dataset] = {}
        #: By whole names: what each copy reads and writes, and how much.
        self.copies: list[dict[str, Any]] = []

    def add(self, copy: Copy) -> None:
        """Add a copy."""
        copy = Copy(tuple(map(_with_queried_tables, copy.readers)), copy.writer, copy.changed, copy.records, copy.bytes)
        read = [self._add(self._inputs, dataset, step) for step in copy.readers for dataset in step.datasets]
        written = [self._add(self._outputs, dataset, copy.writer) for dataset in copy.writer.datasets]
        sources = column_sources(copy)
        for output in written:
            for column, found in sources.items():
                known = output.sources.setdefault(column, {})
                for source in found:
                    known[self._name(source.dataset), source.column] = source.is_plain
            # How much went to each of several is not known.
            if len(written) == 1:
                output.records = _sum(output.records, copy.records)
                output.bytes = _sum(output.bytes, copy.bytes)
        self.copies.append(
            {
                "inputs": [f"{each.name.namespace}/{each.name.name}" for each in read],
                "outputs": [f"{each.name.namespace}/{each.name.name}" for each in written],
                **({"records": copy.records} if copy.records is not None else {}),
                **({"bytes": copy.bytes} if copy.bytes is not None else {}),
            }
        )

    def inputs(self) -> Iterator[InputDataset]:
        """Give the datasets that are read."""
        for each in self._inputs.values():
            subset = _subset(each.partitions, written=False)
            yield InputDataset(each.name.namespace, each.name.name, facets=each.facets(), inputFacets=subset)

    def outputs(self) -> Iterator[OutputDataset]:
        """Give the datasets that are written."""
        for each in self._outputs.values():
            facets: dict[str, Any] = _subset(each.partitions, written=True)
            if each.records is not None or each.bytes is not None:
                facets["outputStatistics"] = OutputStatisticsOutputDatasetFacet(rowCount=each.records, size=each.bytes)
            yield OutputDataset(each.name.namespace, each.name.name, facets=each.facets(), outputFacets=facets)

    def _add(self, known: dict[DatasetName, _Dataset], reference: DatasetReference, step: Step) -> _Dataset:
        name = self._name(reference)
        dataset = known.get(name)
        if dataset is None:
            assert self._reader is not None  # noqa: S101 - it named the dataset
            symlink = self._reader.name_by_data_source(reference) if reference.datasource else name
            dataset = known[name] = _Dataset(name, symlink)
        dataset.add_columns(step.columns)
        dataset.partitions.update(dict.fromkeys(reference.partitions))
        return dataset

    def _name(self, reference: DatasetReference) -> DatasetName:
        assert self._reader is not None  # noqa: S101 - what has copies has a reader
        return self._reader.name(reference)


def _fields(sources: Mapping[tuple[DatasetName, str], bool]) -> Fields:
    kind = "IDENTITY" if all(sources.values()) else ""
    return Fields(
        inputFields=[InputField(dataset.namespace, dataset.name, column) for dataset, column in sources],
        transformationDescription="" if kind else "changed by a cast or a transformer",
        transformationType=kind,
    )


def _subset(partitions: Iterable[str], *, written: bool) -> dict[str, Any]:
    """Give the facet that says which partitions are meant, if the client's version has it."""
    parts = list(partitions)
    if not parts:
        return {}
    try:
        from openlineage.client.generated import base_subset_dataset as subset
    except ImportError:
        return {}
    condition = subset.PartitionSubsetCondition(
        partitions=[subset.Partition(dimensions=_dimensions(part), identifier=part) for part in parts]
    )
    if written:
        return {"subset": subset.OutputSubsetOutputDatasetFacet(outputCondition=condition)}
    return {"subset": subset.InputSubsetInputDatasetFacet(inputCondition=condition)}


def _dimensions(partition: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in partition.split(","))
    return {name: value.strip("'\"") for name, equals, value in pairs if equals}


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one + (other or 0)


def _with_queried_tables(step: Step) -> Step:
    """Replace the data source that is read by queries by the tables in them, where they can be parsed."""
    if not step.queries:
        return step
    datasets: list[DatasetReference] = []
    for whole in step.datasets:
        if whole.name:
            datasets.append(whole)
            continue
        found = [
            DatasetReference(
                whole.kind, unquoted(table), whole.datasource, whole.database, whole.schema, (), whole.settings
            )
            for query in step.queries
            for table in _tables_of(query, _DIALECTS.get(whole.kind, "generic"))
        ]
        for each in found or [whole]:
            if each not in datasets:
                datasets.append(each)
    return Step(tuple(datasets), step.columns, step.queries)


def _tables_of(query: str, dialect: str) -> list[str]:
    try:
        from openlineage.common.sql import parse
    except ImportError:
        return []
    parameters: list[str] = []

    def keep(found: re.Match[str]) -> str:
        parameters.append(found[0])
        return f"__p{len(parameters) - 1}__"

    parsed = parse([_PARAMETER.sub(keep, query)], dialect=dialect)
    tables = [table.qualified_name for table in parsed.in_tables] if parsed else []
    return [re.sub(r"__p(\d+)__", lambda found: parameters[int(found[1])], table) for table in tables]
