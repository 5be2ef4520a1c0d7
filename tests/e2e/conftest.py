"""Real Airflows for the end-to-end tests: one of each supported line that is installed here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess, emulator_process

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "example_dags"
PYTHONS = {"airflow3": ROOT / ".venv" / "bin" / "python", "airflow2": ROOT / ".venv-airflow2" / "bin" / "python"}


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
def airflow(
    airflow_python: Path, emulator_of_session: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """A running Airflow with the example DAGs, whose default connection leads to the emulator."""
    home = tmp_path_factory.mktemp("airflow")
    with LocalAirflow(home, EXAMPLES, airflow_python, emulator_of_session.env) as airflow:
        yield airflow


@pytest.fixture(scope="session")
def airflow_without_scheduler(
    airflow_python: Path, emulator_of_session: EmulatorProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """An Airflow for single commands, such as ``airflow dags test``."""
    home = tmp_path_factory.mktemp("airflow")
    airflow = LocalAirflow(home, EXAMPLES, airflow_python, emulator_of_session.env)
    try:
        airflow.migrate()
        yield airflow
    finally:
        airflow.stop()
