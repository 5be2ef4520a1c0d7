"""StartDIJob without ForceToRerun starts only steps that have not run, unless the setting says otherwise."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl

from .conftest import Caller

FULL, OFFLINE = 1001, 1004


def start(call: Caller, di_job_id: int, **form: str) -> bool:
    """Start a job and return whether that had an effect."""
    assert call("StartDIJob", form={"DIJobId": str(di_job_id), **form}).status == 200
    return bool(call.emulator.requests("StartDIJob")[-1]["effect"])


def test_finished_full_job_moves_nothing(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    before = dataworks_emulator.set_job(FULL, JobStatus="Finished", StartedTime=1_671_516_776)

    assert not start(call, FULL)
    assert not start(call, FULL, ForceToRerun="false")

    after = dataworks_emulator.job(FULL)
    assert len(after.pop("start_requests")) == 2
    assert after == {name: value for name, value in before.items() if name != "start_requests"}


def test_finished_full_job_runs_by_force(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(FULL, JobStatus="Finished")

    assert start(call, FULL, ForceToRerun="true")
    assert dataworks_emulator.job(FULL)["JobStatus"] == "Running"


def test_finished_full_job_runs_without_force_where_the_setting_says_so(
    call: Caller, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(rerun_finished_full=True)
    dataworks_emulator.set_job(FULL, JobStatus="Finished")

    assert start(call, FULL)
    assert dataworks_emulator.job(FULL)["JobStatus"] == "Running"


def test_run_that_has_nothing_to_do_shows_for_as_long_as_the_setting_says(
    call: Caller, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(skip_seconds=60)
    before = dataworks_emulator.set_job(FULL, JobStatus="Finished", StartedTime=1_671_516_776)

    assert start(call, FULL)

    after = dataworks_emulator.job(FULL)
    assert after["JobStatus"] == "Running"
    assert after["StartedTime"] > before["StartedTime"]


@pytest.mark.parametrize(
    ("di_job_id", "status"), [(FULL, "Initialized"), (FULL, "Failed"), (FULL, "Stopped"), (OFFLINE, "Finished")]
)
def test_other_job_runs_without_force(
    call: Caller, dataworks_emulator: EmulatorControl, di_job_id: int, status: str
) -> None:
    dataworks_emulator.set_job(di_job_id, JobStatus=status)

    assert start(call, di_job_id)
