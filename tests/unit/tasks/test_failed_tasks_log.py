"""What Airflow prints of an error: the cause, without the package's frames and without the errors behind it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_dataworks
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    DeleteDIJobOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
    StopDIJobOperator,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.tasks import make_context, run_task

PACKAGE = Path(airflow_provider_dataworks.__file__).parent
#: The method that Airflow calls, the one that it overrides, and what gives the error its context.
MOST_FRAMES = 3

CASES: dict[str, Callable[[], Any]] = {
    "a job that fails": lambda: StartDIJobOperator(
        task_id="t", di_job_id=1001, poll_interval=0.1, wait_for_completion=True
    ),
    "a job that fails, deferred": lambda: StartDIJobOperator(
        task_id="t", di_job_id=1001, poll_interval=0.1, deferrable=True, wait_for_completion=True
    ),
    "a job that is not there": lambda: StartDIJobOperator(task_id="t", di_job_id=777),
    "a sensor of a job that is not there": lambda: DIJobStatusSensor(task_id="t", di_job_id=777),
    "a sensor of a name that is not there": lambda: DIJobStatusSensor(
        task_id="t", job_name="no such job", deferrable=True
    ),
    "a file that is not there": lambda: StartDISyncInstanceOperator(task_id="t", file_id=777, task_type="DI_REALTIME"),
    "a folder that is not there": lambda: CreateDISyncTaskOperator(
        task_id="t", task_name="t", task_content={"type": "job"}, task_param={"FileFolderPath": "none"}
    ),
    "a stop of what is not there": lambda: StopDIJobOperator(task_id="t", di_job_id=777),
    "a deletion of what runs": lambda: DeleteDIJobOperator(task_id="t", di_job_id=1002),
    "a region that is none": lambda: StartDIJobOperator(task_id="t", di_job_id=1001, dataworks_conn_id="missing"),
}


@pytest.mark.parametrize("case", list(CASES))
def test_no_frame_of_the_package_follows_the_cause(
    emulator: EmulatorControl, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MISSING", '{"conn_type": "dataworks", "extra": {"region_id": "nowhere!"}}')
    emulator.set_job(1001, outcome="Failed")
    emulator.set_job(1002, JobStatus="Running")

    with pytest.raises(DataWorksError) as raised:
        run_task(CASES[case](), make_context())

    printed = "".join(traceback.format_exception(raised.value))
    frames = [one for one in traceback.extract_tb(raised.value.__traceback__) if one.filename.startswith(str(PACKAGE))]
    assert len(frames) <= MOST_FRAMES, printed
    assert "During handling" not in printed
    assert "direct cause" not in printed
