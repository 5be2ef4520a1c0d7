"""``--standalone`` with a real Airflow: a DAG of the folder succeeds, and no process outlives the command."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.standalone import MARK
from tests.support.airflow_api import FINISHED_RUN, AirflowApi, ApiRefused
from tests.support.processes import Component, end_all, processes_with, wait_until

ROOT = Path(__file__).resolve().parents[2]
# Airflow starts within 15 seconds; on a machine that is busy with other work that has taken two minutes.
LIMIT = 300
DAG = """\
from airflow.providers.common.compat.sdk import DAG, timezone

from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator

with DAG("copy_orders", schedule=None, start_date=timezone.datetime(2026, 1, 1)):
    StartDIJobOperator(
        task_id="copy", di_job_id=1001, force_to_rerun=True, wait_for_completion=True, deferrable=True, poll_interval=1
    )
"""


@pytest.fixture
def trial(airflow_python: Path, tmp_path: Path) -> Iterator[Component]:
    """The command, in a folder with one DAG."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "copy_orders.py").write_text(DAG)
    command = [str(airflow_python), "-m", "airflow_provider_dataworks.emulator", "--standalone", "--run-seconds", "2"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "AIRFLOW_HOME": str(tmp_path / "real")}
    component = Component("emulator", command, env, tmp_path / "output", tmp_path)
    component.start()
    yield component
    component.kill()
    end_all(list(processes_with(MARK, str(tmp_path / ".airflow-dataworks"))))


def answered(call: Callable[[], object]) -> Callable[[], object]:
    """Make a condition of a call to Airflow: not true while nobody answers in time."""

    def condition() -> object:
        with contextlib.suppress(requests.RequestException):
            return call()
        return None

    return condition


@pytest.mark.slow
@pytest.mark.timeout(6 * LIMIT)
def test_a_dag_succeeds_and_sigterm_ends_every_process(trial: Component, tmp_path: Path) -> None:
    assert wait_until(lambda: "Ctrl+C ends both" in trial.output or not trial.alive, LIMIT), trial.output
    assert trial.alive, trial.output
    version = re.findall(r"^Starting Airflow ([\d.]+)\.", trial.output, re.MULTILINE)[0]
    url, emulator = re.findall(r"^(?:Airflow|Emulator): +(\S+)", trial.output, re.MULTILINE)
    api = AirflowApi(url, int(version.partition(".")[0]))

    def unpaused() -> bool:
        api.unpause("copy_orders")
        return True

    def started() -> bool:
        # The answer of the first request may be late; the second is refused then.
        with contextlib.suppress(ApiRefused):
            api.trigger("copy_orders", run_id="trial")
        return api.run_state("copy_orders", "trial") is not None

    assert wait_until(answered(lambda: api.dag("copy_orders") is not None), LIMIT), api.import_errors()
    assert wait_until(answered(unpaused), LIMIT)
    assert wait_until(answered(started), LIMIT)
    assert wait_until(answered(lambda: api.run_state("copy_orders", "trial") in FINISHED_RUN), LIMIT)
    assert api.run_state("copy_orders", "trial") == "success"
    assert EmulatorControl(emulator).job(1001)["starts"] == 1
    assert not (tmp_path / "real").exists()

    sessions = {os.getsid(process.pid) for process in processes_with(MARK, str(tmp_path / ".airflow-dataworks"))}
    assert len(sessions) == 1
    assert len(members(sessions)) >= 5

    os.kill(trial.pid, signal.SIGTERM)

    assert wait_until(lambda: not trial.alive, LIMIT), trial.output
    assert trial.returncode == 0, trial.output
    assert list(processes_with(MARK, str(tmp_path / ".airflow-dataworks"))) == []
    assert members(sessions) == []


def members(sessions: set[int]) -> list[int]:
    """Return the processes of sessions that are no zombies."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and os.getsid(process.pid) in sessions:
                found.append(process.pid)
    return found
