"""``airflow dags test``: deferrable tasks wait in the same process, without a scheduler, on both Airflow lines."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.emulator.settings import ACCESS_KEY_SECRET
from tests.support.airflow_local import LocalAirflow
from tests.support.emulator_process import EmulatorProcess

pytestmark = pytest.mark.timeout(300)


def test_deferrable_tasks_wait_under_dags_test(
    airflow_without_scheduler: LocalAirflow, emulator: EmulatorProcess
) -> None:
    control = emulator.control
    control.settings(run_seconds=12)
    control.set_file(2001, wait_seconds=4)
    finished = airflow_without_scheduler.dags_test("e2e_alone")

    assert finished.returncode == 0, finished.stdout
    ended = {job: (control.job(job)["JobStatus"], control.job(job)["starts"]) for job in (1001, 1004)}
    assert ended == {1001: ("Finished", 1), 1004: ("Finished", 1)}
    assert (control.file(2001)["Status"], control.file(2001)["starts"]) == ("RUN", 1)
    # Seen by the trigger: only after it had waited for the end.
    assert "DI job 1001 is Finished; it was Running for" in finished.stdout
    assert "DI job 1004 is Finished; it was Running for" in finished.stdout
    assert "DI_REALTIME 2001 is RUN; it was WAIT for" in finished.stdout
    assert ACCESS_KEY_SECRET not in finished.stdout
