"""Renders results: one line each, tables, or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from airflow_provider_dataworks.cli.checks import FAILED, CheckResult


def lines_of_checks(results: Sequence[CheckResult]) -> list[str]:
    """Render the results of ``check``.

    :param results: the results.
    :return: one line each: status, what was checked, what was found and what to do about it.
    """
    labels = [f"{result.name} {result.api_version}" if result.api_version else result.name for result in results]
    widths = [max(map(len, column), default=0) for column in ([result.status for result in results], labels)]
    return [
        f"{result.status:<{widths[0]}}  {label:<{widths[1]}}  {result.message}"
        + (f"{_end_of_sentence(result.message)} Fix: {result.fix}" if result.fix else "")
        for result, label in zip(results, labels, strict=True)
    ]


def json_of_checks(results: Sequence[CheckResult]) -> str:
    """Render the results of ``check`` as JSON.

    :param results: the results.
    :return: an object with ``ok``, and ``checks`` with the fields of each result.
    """
    return as_json({"ok": succeeded(results), "checks": [asdict(result) for result in results]})


def succeeded(results: Sequence[CheckResult]) -> bool:
    """Whether no check failed.

    :param results: the results.
    """
    return all(result.status != FAILED for result in results)


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Render objects as a table.

    :param rows: the objects.
    :param columns: the keys to show, in this order; what an object does not have is empty.
    :return: the lines, the first of them the keys.
    """
    cells = [list(columns), *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[number]) for line in cells) for number in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def as_json(content: Any) -> str:
    """Render JSON for people and programs.

    :param content: what ``json`` can write; anything else becomes a string.
    """
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def _end_of_sentence(message: str) -> str:
    return "" if message.endswith((".", "!", "?")) else "."


def _cell(value: Any) -> str:
    return "" if value is None else " ".join(str(value).split())
