"""Draws architecture.svg from the code's own imports: ``python docs/architecture.py``, part of ``make docs``."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PACKAGE = "airflow_provider_dataworks"
PICTURE = DOCS / "architecture.svg"

#: What counts as one box although it is several packages.
ALIASES = {"asgiref": "airflow", "flask_appbuilder": "wtforms", "flask_babel": "wtforms"}

BOX_WIDTH, PASSAGE_WIDTH, GAP, LINE = 212, 12, 24, 15
LETTERS_A_LINE = 34

LEGEND = (
    "Arrows: solid, imported at once; dashed, when needed; what a chain implies is left out. "
    "Small letters: other packages."
)

Edges = dict[tuple[str, str], bool]
Place = tuple[int, int, int]


def imports() -> tuple[set[str], Edges]:
    """Read who imports whom.

    :return: the package's own parts (a sub-package or a single module each), and the imports between parts, or
        from a part to another package: True for one that is made when the part is imported, False for one that
        waits until it is needed. Imports for type checkers alone do not count.
    """
    own: set[str] = set()
    edges: Edges = {}
    for path in sorted((DOCS.parent / PACKAGE).rglob("*.py")):
        part = path.relative_to(DOCS.parent / PACKAGE).with_suffix("").parts[0]
        if part == "__init__":
            continue
        own.add(part)
        for name, at_once in _imported(ast.parse(path.read_text(encoding="utf-8")), False):
            target = _part_of(name)
            if target and target != part:
                edges[part, target] = edges.get((part, target), False) or at_once
    return own, edges


def _imported(tree: ast.AST, inside: bool) -> Iterator[tuple[str, bool]]:
    """The modules that a piece of code imports, and whether at once."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, not inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == PACKAGE else [node.module]
            yield from ((name, not inside) for name in names)
        else:
            yield from _imported(node, inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def _part_of(module: str) -> str | None:
    """The box that a module belongs to; None for the standard library and for the package's version."""
    first, *rest = module.split(".")
    if first == PACKAGE:
        return rest[0] if rest and not rest[0].startswith("__") else None
    return None if first in sys.stdlib_module_names else ALIASES.get(first, first)


def _reachable(edges: Edges, start: str, without: tuple[str, str]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for source, target in edges:
            if source == here and (source, target) != without and target not in found:
                found.add(target)
                waiting.append(target)
    return found


def without_implied(edges: Edges) -> Edges:
    """Leave out an import where a chain of others says the same."""
    return {pair: kind for pair, kind in edges.items() if pair[1] not in _reachable(edges, pair[0], pair)}


def rows(own: set[str], edges: Edges) -> list[list[str]]:
    """Put the parts into rows, so that every arrow points downwards.

    :raises ValueError: parts import each other.
    """
    row: dict[str, int] = {}

    def depth(part: str, below: tuple[str, ...]) -> int:
        if part in below:
            raise ValueError(f"imports in a circle: {' <- '.join([*below, part])}")
        if part not in row:
            importers = [source for source, target in edges if target == part]
            row[part] = max((depth(one, (*below, part)) + 1 for one in importers), default=0)
        return row[part]

    for part in sorted(own):
        depth(part, ())
    return [sorted(part for part in row if row[part] == number) for number in range(max(row.values()) + 1)]


def routes(table: list[list[str]], edges: Edges) -> dict[tuple[str, str], list[str]]:
    """Add a passage to each row that an arrow crosses, and order the rows so that arrows stay short.

    :return: what each arrow goes through, its two ends included.
    """
    number = {part: index for index, row in enumerate(table) for part in row}
    found = {}
    for source, target in sorted(edges):
        passages = [f"{source}>{target}>{index}" for index in range(number[source] + 1, number[target])]
        for passage in passages:
            table[int(passage.rpartition(">")[2])].append(passage)
        found[source, target] = [source, *passages, target]
    steps = [step for route in found.values() for step in pairwise(route)]
    for sweep in range(12):
        downwards = sweep % 2 == 0
        for row in table if downwards else reversed(table):
            place = {item: (column + 0.5) / len(one) for one in table for column, item in enumerate(one)}

            def wanted(item: str, place: dict[str, float] = place, above: bool = downwards) -> tuple[float, str]:
                near = [place[s if above else t] for s, t in steps if item == (t if above else s)]
                return (sum(near) / len(near) if near else place[item], item)

            row.sort(key=wanted)
    return found


def draw() -> str:
    """Draw the picture.

    :return: SVG, the same for the same imports.
    """
    own, every = imports()
    edges = without_implied({pair: kind for pair, kind in every.items() if pair[1] in own})
    table = rows(own, edges)
    found = routes(table, edges)
    notes = {part: _notes(part, own, every) for part in own}
    where, width, height = _places(table, notes)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        ' font-family="system-ui, Arial, Helvetica, sans-serif" font-size="14">'
        "<title>The parts of the package and what they import</title>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5b6b7b"/></marker></defs>'
    )
    lines = [
        head,
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        *(_arrow([where[item] for item in route], edges[pair]) for pair, route in sorted(found.items())),
        *(_box(part, where[part], notes[part]) for part in sorted(own)),
        f'<text x="12" y="{height - 12}" font-size="12" fill="#5b6b7b">{LEGEND}</text>',
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _places(table: list[list[str]], notes: dict[str, list[str]]) -> tuple[dict[str, Place], int, int]:
    """Where everything is (middle, top, height), and how large the picture is."""

    def breadth(item: str) -> int:
        return (BOX_WIDTH if item in notes else PASSAGE_WIDTH) + GAP

    width = max(sum(breadth(item) for item in row) for row in table) + GAP
    where: dict[str, Place] = {}
    top = 14
    for row in table:
        heights = {item: 32 + LINE * len(notes[item]) for item in row if item in notes}
        left = (width - sum(breadth(item) for item in row)) // 2
        for item in row:
            where[item] = (left + breadth(item) // 2, top, heights.get(item, max(heights.values())))
            left += breadth(item)
        top += max(heights.values()) + 42
    return where, width, top


def _notes(part: str, own: set[str], edges: Edges) -> list[str]:
    """The other packages that a part imports, in lines; those in brackets wait until they are needed."""
    names = [name if edges[part, name] else f"({name})" for source, name in sorted(edges) if source == part]
    others = [name for name in names if name.strip("()") not in own]
    return textwrap.wrap(", ".join(others), LETTERS_A_LINE, break_on_hyphens=False)


def _arrow(through: list[Place], at_once: bool) -> str:
    x, y = through[0][0], through[0][1] + through[0][2]
    path = [f"M{x} {y}"]
    for next_x, next_y, height in through[1:]:
        bend = (next_y - y) // 2
        path.append(f"C{x} {y + bend} {next_x} {next_y - bend} {next_x} {next_y}")
        x, y = next_x, next_y + height
        path.append(f"L{x} {y}")
    dashes = "" if at_once else ' stroke-dasharray="5 4"'
    return f'<path d="{"".join(path[:-1])}" fill="none" stroke="#5b6b7b"{dashes} marker-end="url(#tip)"/>'


def _box(part: str, place: Place, notes: list[str]) -> str:
    x, y, height = place
    text = "".join(
        f'<text x="{x}" y="{y + 37 + LINE * number}" text-anchor="middle" font-size="11" fill="#5b6b7b">'
        f"{escape(note)}</text>"
        for number, note in enumerate(notes)
    )
    return (
        f'<rect x="{x - BOX_WIDTH // 2}" y="{y}" width="{BOX_WIDTH}" height="{height}" rx="6" fill="#e6f1f2"'
        f' stroke="#2a7d84"/><text x="{x}" y="{y + 21}" text-anchor="middle" fill="#1c2733">{escape(part)}</text>{text}'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
