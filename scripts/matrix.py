"""Unit and contract tests but the slow ones, on each Airflow line and Python that fit each other; prints a table.

Run by ``make matrix`` on the Pythons that are installed. Environments and results are kept in ``.matrix``,
so the table may be filled a cell at a time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.environment import ROOT, find_interpreter, find_uv, settings_of_pip

FOLDER = ROOT / ".matrix"
RESULTS = FOLDER / "results.json"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LOWEST = "lowest"
NOT_RUN = "not run"
# Tried in the lowest version that pyproject.toml declares.
FLOORS = ("requests", "tenacity", "apache-airflow-providers-common-compat", "alibabacloud-credentials")
# What these ask for allows newer versions than existed in their time, with which `dag.test` fails for every DAG.
WITH_3_0 = ("fastapi<0.118", "starlette<0.48")
WITH_3_2 = ("fastapi<0.137", "svcs<26")


@dataclass(frozen=True)
class Line:
    """One row of the table: an Airflow, the Pythons it allows, what else is pinned with it."""

    name: str
    airflow: str
    pythons: tuple[str, ...]
    pins: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.airflow}, lowest versions" if self.name == LOWEST else self.airflow


@dataclass(frozen=True)
class Cell:
    """One environment."""

    line: Line
    python: str

    @property
    def name(self) -> str:
        return f"{self.line.name} py{self.python}"

    @property
    def directory(self) -> Path:
        return FOLDER / f"airflow-{self.line.name}-py{self.python}"

    @property
    def interpreter(self) -> Path:
        return self.directory / "bin" / "python"


def lowest() -> tuple[str, ...]:
    """The lowest versions that pyproject.toml allows of what the provider calls, besides Airflow, as pins."""
    project = (ROOT / "pyproject.toml").read_text()
    floors = {name: re.search(rf'"{name}>=([\d.]+)', project) for name in FLOORS}
    return tuple(f"{name}=={floor[1]}" for name, floor in floors.items() if floor)


LINES = (
    Line(LOWEST, "2.11.0", ("3.10", "3.11", "3.12"), lowest()),
    Line("2.11", "2.11.2", ("3.10", "3.11", "3.12")),
    Line("3.0", "3.0.6", ("3.10", "3.11", "3.12"), WITH_3_0),
    Line("3.1", "3.1.8", PYTHONS),
    Line("3.2", "3.2.2", PYTHONS, WITH_3_2),
    Line("3.3", "3.3.2", PYTHONS),
)
END_TO_END = (LINES[1], LINES[-1])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen cells; returns the exit status: 0 if no test failed."""
    parser = argparse.ArgumentParser(prog="make matrix", description=__doc__)
    parser.add_argument("--only", default="", help='words that a cell\'s name must have, such as "3.0 py3.12"')
    parser.add_argument("--processes", default="4", help="test processes of each cell; default 4")
    parser.add_argument("--table", action="store_true", help="only print what earlier runs found")
    options = parser.parse_args(argv)
    FOLDER.mkdir(exist_ok=True)
    good = True
    chosen = [cell for cell in cells() if set(options.only.split()) <= set(cell.name.split())]
    if not chosen:
        parser.error(f"no cell is called {options.only!r}")
    for cell in [] if options.table else chosen:
        outcome = run_cell(cell, options.processes)
        print(f"{cell.name}: {outcome}", flush=True)
        good = good and not re.search(r"fail|error|cannot", outcome)
        remember(cell, outcome)
    print("\n".join(table()))
    return 0 if good else 1


def cells() -> Iterator[Cell]:
    """All cells, oldest Airflow first."""
    for line in LINES:
        for python in line.pythons:
            yield Cell(line, python)


def run_cell(cell: Cell, processes: str) -> str:
    """Make the environment if need be, run the tests in it; returns how that went, in a few words."""
    if (problem := prepare(cell)) is not None:
        return problem
    report = FOLDER / f"{cell.directory.name}.log"
    command = [
        "-m",
        "pytest",
        "-q",
        "-n",
        processes,
        "--dist",
        "worksteal",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "tests/unit",
        "tests/contract",
    ]
    outcome = in_words(call(cell, report, *command))
    if cell.line in END_TO_END and cell.python == cell.line.pythons[-1]:
        finished = call(cell, report.with_suffix(".e2e.log"), "-m", "tests.support.one_dag")
        outcome += ", end to end " + ("passed" if finished.returncode == 0 else "failed")
    return outcome


def prepare(cell: Cell) -> str | None:
    """Make the environment of a cell; returns why it cannot be made."""
    python = find_interpreter(cell.python)
    if python is None:
        return "no interpreter"
    uv = find_uv(cell.directory)
    if uv is None:
        return "cannot install: no uv"
    if not cell.interpreter.exists():
        subprocess.run([uv, "venv", "--quiet", "--python", python, str(cell.directory)], check=True)
    wanted = [f"apache-airflow=={cell.line.airflow}", *cell.line.pins]
    command = [uv, "pip", "install", "--quiet", "--python", str(cell.interpreter), "--group", "test", *wanted]
    finished = subprocess.run(
        [*command, "--editable", ".[credentials,emulator]"],
        cwd=ROOT,
        env=settings_of_pip(),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if finished.returncode:
        print(finished.stderr, file=sys.stderr)
        return "cannot be installed"
    return None


def call(cell: Cell, report: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the cell's Python; its output is returned and kept in a file."""
    finished = subprocess.run(
        [str(cell.interpreter), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    report.write_text(finished.stdout)
    return finished


def in_words(finished: subprocess.CompletedProcess[str]) -> str:
    """The counts of pytest's last summary, which Airflow 2.11 may write some lines after."""
    lines = finished.stdout.strip().splitlines() or ["no output"]
    for line in reversed(lines):
        if found := re.findall(r"\d+ (?:passed|failed|errors?|skipped)", line):
            return ", ".join(found)
    return f"error {finished.returncode}: {lines[-1][:80]}"


def remember(cell: Cell, outcome: str) -> None:
    """Keep the outcome of a cell."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    results[cell.name] = {"outcome": outcome, "date": today}
    RESULTS.write_text(json.dumps(results, indent=1))


def table() -> Iterator[str]:
    """The outcomes of all cells as a Markdown table, one row an Airflow."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    yield "| Airflow | " + " | ".join(f"Python {python}" for python in PYTHONS) + " |"
    yield "| --- |" + " --- |" * len(PYTHONS)
    for line in LINES:
        outcomes = []
        for python in PYTHONS:
            known = results.get(Cell(line, python).name)
            outcomes.append(known["outcome"] if known else NOT_RUN if python in line.pythons else "not supported")
        yield f"| {line} | " + " | ".join(outcomes) + " |"


if __name__ == "__main__":
    sys.exit(main())
