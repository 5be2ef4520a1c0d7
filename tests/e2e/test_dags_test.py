"""``airflow dags test``: deferrable tasks wait in the same process, without a scheduler, on both Airflow lines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET
from tests.e2e.runs import eventually
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

pytestmark = pytest.mark.timeout(300)


def test_deferrable_tasks_wait_under_dags_test(
    airflow_without_scheduler: LocalAirflow, emulator: EmulatorProcess
) -> None:
    control = emulator.control
    control.settings(run_seconds=3600)
    with ThreadPoolExecutor(1) as pool:
        command = pool.submit(airflow_without_scheduler.dags_test, "e2e_alone")
        for job in (1004, 1001):
            # One look after the start, or before deferring; the others are the trigger's.
            eventually(partial(was_read, control, job, 4, unless=command.done), f"job {job} is polled")
            control.set_job(job, JobStatus="Finished")
        finished = command.result()

    assert finished.returncode == 0, finished.stdout
    ended = {job: (control.job(job)["JobStatus"], control.job(job)["starts"]) for job in (1001, 1004)}
    assert ended == {1001: ("Finished", 1), 1004: ("Finished", 1)}
    assert (control.file(2001)["Status"], control.file(2001)["starts"]) == ("RUN", 1)
    # Seen by the triggers: only after they had waited for the end.
    assert "DI job 1001 (mysql_to_holo_full) is Finished; it was Running for" in finished.stdout
    assert "DI job 1004 (mysql_to_hive_offline) is Finished; it was Running for" in finished.stdout
    assert ACCESS_KEY_SECRET not in finished.stdout


def was_read(control: EmulatorControl, di_job_id: int, times: int, unless: Callable[[], bool]) -> bool:
    """Whether a job was started and has been read by its id so often since, or there is nothing more to wait for."""
    if unless():
        return True
    about_it = [entry["action"] for entry in control.requests() if entry["form"].get("DIJobId") == str(di_job_id)]
    if "StartDIJob" not in about_it:
        return False
    return about_it[about_it.index("StartDIJob") :].count("GetDIJob") >= times
