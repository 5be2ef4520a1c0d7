"""Which columns of the source each written column is made of: fields are copied by their position in the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from airflow_provider_dataworks.lineage.models import Column, Copy, DatasetReference


class ColumnSource(NamedTuple):
    """A column that a written column is made of.

    :param dataset: where it is read.
    :param column: its name there.
    :param is_plain: whether its value is passed on as it is.
    """

    dataset: DatasetReference
    column: str
    is_plain: bool


def column_sources(copy: Copy) -> dict[str, list[ColumnSource]]:
    """Give what each written column is made of.

    :param copy: the copy.
    :return: sources by the written column's name; a column of which nothing is known is missing.
    """
    sources: dict[str, list[ColumnSource]] = {}
    for place, written in enumerate(copy.writer.columns or ()):
        position = place if written.position is None else written.position
        for dataset, read in _fields(copy, position):
            if written.name and read.name:
                is_plain = read.plain and copy.changed is not None and position not in copy.changed
                source = ColumnSource(dataset, read.name, is_plain)
                if source not in (known := sources.setdefault(written.name, [])):
                    known.append(source)
    return sources


def _fields(copy: Copy, position: int) -> Iterator[tuple[DatasetReference, Column]]:
    for reader in copy.readers:
        if reader.columns is not None and 0 <= position < len(reader.columns):
            for dataset in reader.datasets:
                yield dataset, reader.columns[position]
