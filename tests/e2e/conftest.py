"""Real Airflows for the end-to-end tests: one of each supported line that is installed here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.runs import CONNECTION, Begin, Run
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess, emulator_process
from tests.support.postgres import PostgresServer, find_postgres, running_postgres

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "example_dags"
DAGS = Path(__file__).parent / "dags"
PYTHONS = {"airflow3": ROOT / ".venv" / "bin" / "python", "airflow2": ROOT / ".venv-airflow2" / "bin" / "python"}

# What is dead is taken for dead sooner than in production, where these are 30 s, and 5 minutes the two others; not so
# soon that what is merely slow, on a busy machine, is taken for dead.
IMPATIENCE = {
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
}


@pytest.fixture(scope="session", params=list(PYTHONS))
def airflow_python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment with Airflow; everything that uses it runs once for each line."""
    python = PYTHONS[request.param]
    if not python.exists():
        pytest.skip(f"{python.parents[1].name} is not there: make found no Python for this Airflow")
    return python


@pytest.fixture(scope="session")
def emulator_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    """One emulator for all tests; use :func:`emulator`, which resets it."""
    log = tmp_path_factory.mktemp("emulator") / "emulator.log"
    with emulator_process(log, "--run-seconds", "8") as emulator:
        yield emulator


@pytest.fixture
def emulator(emulator_of_session: EmulatorProcess) -> EmulatorProcess:
    """A local DataWorks as it is at its start."""
    emulator_of_session.control.reset()
    return emulator_of_session


@pytest.fixture(scope="session")
def dags_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example DAGs and the tests' own in one folder."""
    folder = tmp_path_factory.mktemp("dags")
    for file in (*EXAMPLES.glob("*.py"), *DAGS.glob("*.py")):
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer | None]:
    """A database server for the Airflows, None where its programs are not installed: SQLite does then, but slowly."""
    if find_postgres() is None:
        yield None
        return
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def airflow(
    airflow_python: Path,
    emulator_of_session: EmulatorProcess,
    postgres: PostgresServer | None,
    dags_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalAirflow]:
    """A running Airflow with all DAGs; its default connection, and one in its database, lead to the emulator."""
    home = tmp_path_factory.mktemp("airflow")
    database = (
        postgres.create_database(airflow_python.parents[1].name.strip(".").replace("-", "_")) if postgres else None
    )
    newer = {"AIRFLOW_CONN_DATAWORKS_2024": emulator_of_session.connection_of("2024-05-18")}
    env = {**emulator_of_session.env, **newer, **IMPATIENCE}
    with LocalAirflow(
        home, dags_folder, airflow_python, env, sql_alchemy_conn=database, parallelism=8 if database else 4
    ) as airflow:
        airflow.api.add_connection(CONNECTION, **emulator_of_session.control.connection)
        yield airflow


@pytest.fixture(scope="session")
def airflow_without_scheduler(
    airflow_python: Path,
    emulator_of_session: EmulatorProcess,
    dags_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LocalAirflow]:
    """An Airflow for single commands, such as ``airflow dags test``."""
    home = tmp_path_factory.mktemp("airflow")
    airflow = LocalAirflow(home, dags_folder, airflow_python, emulator_of_session.env)
    try:
        airflow.migrate()
        yield airflow
    finally:
        airflow.stop()


@pytest.fixture
def begin(airflow: LocalAirflow) -> Iterator[Begin]:
    """Begins a run of one of the tests' DAGs: DAG, mapped task, arguments of each; what still runs in the end, ends."""
    runs: list[Run] = []

    def begin(dag_id: str, task_id: str, tasks: Sequence[Mapping[str, Any]]) -> Run:
        runs.append(Run(airflow, dag_id, task_id, tasks))
        return runs[-1]

    yield begin
    for run in runs:
        run.abandon()
