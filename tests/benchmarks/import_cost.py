"""What importing our operators, the sensor and the provider info costs over Airflow's own classes.

A DAG file is parsed every few seconds. Fresh interpreters, one kind after the other, again and again; in each,
Airflow's base classes are imported and touched first, and ours on top of them.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.benchmarks.measuring import Line, print_table

ROUNDS = 4
KINDS = {
    "operators": "operators.data_integration",
    "sensors": "sensors.data_integration",
    "provider_info": "get_provider_info()",
}
PROGRAM = Path(__file__).parent / "fresh" / "import_on_top.py"


def main() -> None:
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "AIRFLOW_HOME": home, "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "PYTHONWARNINGS": "ignore"}
        # The first run of all writes Airflow's configuration file.
        _run("provider_info", env)
        for _ in range(ROUNDS):
            for kind, figures in runs.items():
                figures.append(_run(kind, env))
    every = [run for figures in runs.values() for run in figures]
    bare = statistics.median(run["airflow"] for run in every)
    lines = [Line("Airflow's base classes, touched", f"{bare * 1000:.0f} ms of CPU")]
    for kind, name in KINDS.items():
        lines += _lines(name, runs[kind])
    print_table("Import cost over bare Airflow, each in a fresh interpreter", lines)


def _lines(name: str, figures: list[dict[str, Any]]) -> list[Line]:
    cpu = statistics.median(run["ours"] for run in figures)
    share = statistics.median(run["ours"] / run["airflow"] for run in figures)
    others = figures[0]["other_modules"]
    return [
        Line(name, f"{cpu * 1000:.1f} ms of CPU, {share:.1%} of Airflow's"),
        Line("  modules that are neither ours nor loaded before", ", ".join(others) or "0", "0", not others),
    ]


def _run(kind: str, env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run([sys.executable, PROGRAM, kind], env=env, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    main()
