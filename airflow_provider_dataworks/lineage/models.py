"""What lineage is about: datasets as a task names them, their columns, and what is copied from where to where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Column:
    """A column of what a step reads or writes.

    :param name: its name; None for a constant, an expression, or a field that has none, such as one of a CSV file.
    :param type: its type as the content has it; default None.
    :param position: the field of the record that a writer takes it from, from 0; None (default) for its own position.
    :param plain: whether it is passed on as it is; False for a cast. Default True.
    """

    name: str | None
    type: str | None = None
    position: int | None = None
    plain: bool = True


@dataclass(frozen=True)
class DatasetReference:
    """One dataset as a task names it: a table, an object of a bucket, a topic.

    :param kind: the system's type in lower case, such as ``mysql``, ``odps`` or ``oss``.
    :param name: the table, object or topic, without quotation marks; empty for the data source as a whole.
    :param datasource: the data source's name in the workspace; default None.
    :param database: the database, the MaxCompute project, or whatever holds the dataset; default None.
    :param schema: the schema within the database; default None.
    :param partitions: the partitions, such as ``pt=20261125``; default none.
    :param settings: what the step itself says of the address, such as ``jdbcUrl``; default empty.
    """

    kind: str
    name: str
    datasource: str | None = None
    database: str | None = None
    schema: str | None = None
    partitions: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Step:
    """A reader or a writer.

    :param datasets: what it reads or writes.
    :param columns: the columns in their order; None where they are not named, such as ``*``.
    :param queries: SQL queries that it reads by; default none. ``datasets`` has the data sources then.
    """

    datasets: tuple[DatasetReference, ...]
    columns: tuple[Column, ...] | None = None
    queries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Copy:
    """What one writer takes from its readers.

    :param readers: where the records come from.
    :param writer: where they go.
    :param changed: positions of the fields that are changed on the way; None if any may be. Default none.
    :param records: how many were copied; None (default) where it is not known.
    :param bytes: how many bytes were copied; None (default) where it is not known.
    """

    readers: tuple[Step, ...]
    writer: Step
    changed: frozenset[int] | None = frozenset()
    records: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class TaskLineage:
    """What a task copies, and what is known of it otherwise.

    :param copies: what is copied; default nothing.
    :param facts: fields of the run facet, such as ``diJobId``; default none.
    :param error: why it failed by the service's account; default None.
    """

    copies: tuple[Copy, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
