"""What the benchmarks share: medians of neighbouring runs, and the table at the end."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line of a table.

    :param what: what was measured.
    :param figure: the figure, for people.
    :param goal: the goal, for people; empty where there is none.
    :param met: whether the figure meets the goal.
    """

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None


def at_most(what: str, figure: float, goal: float, shape: str = "{:.2f}") -> Line:
    """A line for a figure that is to be at most its goal."""
    return Line(what, shape.format(figure), f"at most {shape.format(goal)}", figure <= goal)


def print_table(title: str, lines: Iterable[Line]) -> None:
    """Print figures, each with its goal and whether it is met."""
    rows = [(line.what, line.figure, line.goal, {True: "met", False: "MISSED", None: ""}[line.met]) for line in lines]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    print(f"\n{title}")
    for what, figure, goal, met in rows:
        print(f"  {what:<{widths[0]}}   {figure:>{widths[1]}}   {goal:<{widths[2]}}   {met}".rstrip(), flush=True)


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of runs that were neighbours in time."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
