"""One example DAG that waits in the triggerer, on a real Airflow of this interpreter, against a local DataWorks."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import emulator_process

DAG = "dataworks_many_jobs"
EXAMPLES = Path(__file__).resolve().parents[2] / "example_dags"


def main() -> int:
    """Run the DAG; returns the exit status: 0 if it succeeded and waited deferred."""
    with tempfile.TemporaryDirectory(prefix="one-dag-") as folder:
        home = Path(folder)
        with emulator_process(home / "emulator.log", "--run-seconds", "30") as emulator:
            airflow = LocalAirflow(home / "airflow", EXAMPLES, env=emulator.env, progress=print)
            with airflow:
                return run(airflow)


def run(airflow: LocalAirflow) -> int:
    """Run the DAG on an Airflow that is up."""
    run_id = airflow.trigger(DAG)
    seen: set[str | None] = set()
    state = airflow.api.wait(DAG, run_id, timeout=300, on_change=lambda one: seen.add(one.state))
    for one in airflow.api.task_instances(DAG, run_id):
        print(one.name, one.state)
        if one.state != "success":
            print(airflow.log(DAG, run_id, one.task_id, max(one.try_number, 1), one.map_index))
    print(f"Airflow {airflow.version}: {state}; states seen: {', '.join(sorted(map(str, seen)))}")
    return 0 if state == "success" and "deferred" in seen else 1


if __name__ == "__main__":
    sys.exit(main())
