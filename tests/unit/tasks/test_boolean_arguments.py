"""Booleans that users write as words mean what they say, wherever an operator or sensor takes one."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator, StartDISyncInstanceOperator
from airflow_provider_dataworks.operators.node import RunNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor
from tests.support.tasks import make_context

REQUIRED: dict[type, dict[str, Any]] = {
    StartDIJobOperator: {"di_job_id": 1002},
    StartDISyncInstanceOperator: {"file_id": 2001},
    DIJobStatusSensor: {"di_job_id": 1002},
    NodeInstanceSensor: {"node_id": 4002},
    RunNodeOperator: {"node_id": 4001},
}
BOOLEANS = [
    *[
        (kind, name)
        for kind in (StartDIJobOperator, StartDISyncInstanceOperator, RunNodeOperator)
        for name in ("wait_for_completion", "deferrable", "cancel_on_kill")
    ],
    *[
        (kind, name)
        for kind in (DIJobStatusSensor, NodeInstanceSensor)
        for name in ("deferrable", "end_from_trigger", "fail_fast")
    ],
    (RunNodeOperator, "fetch_log"),
]


@pytest.mark.parametrize(("kind", "name"), BOOLEANS)
@pytest.mark.parametrize(
    ("value", "result"),
    [("False", False), ("false", False), ("0", False), (0, False), ("off", False), ("True", True), ("1", True)],
)
def test_word_is_read(kind: Any, name: str, value: Any, result: bool) -> None:
    assert getattr(kind(task_id="t", **REQUIRED[kind], **{name: value}), name) is result


@pytest.mark.parametrize(("kind", "name"), BOOLEANS)
@pytest.mark.parametrize("value", ["maybe", "", None, 2, [], "{{ params.wait }}", "nein"])
def test_anything_else_is_refused_at_construction(kind: Any, name: str, value: Any) -> None:
    with pytest.raises(DataWorksParameterError, match=f"^{name}: must be true or false"):
        kind(task_id="t", **REQUIRED[kind], **{name: value})


@pytest.mark.waits
def test_wait_for_completion_that_is_the_word_false_does_not_wait(emulator: EmulatorControl) -> None:
    emulator.settings(run_seconds=3600)
    task = StartDIJobOperator(task_id="t", di_job_id=1001, force_to_rerun="true", wait_for_completion="False")  # type: ignore[arg-type]

    assert task.execute(make_context()) == 1001
    assert emulator.job(1001)["JobStatus"] == "Running"


def test_deferrable_that_is_the_word_false_does_not_defer(emulator: EmulatorControl) -> None:
    arguments: dict[str, Any] = {"di_job_id": 1001, "force_to_rerun": "true", "wait_for_completion": "true"}
    task = StartDIJobOperator(task_id="t", **arguments, deferrable="False", poll_interval=0.1)  # type: ignore[arg-type]
    deferred = StartDIJobOperator(task_id="u", **arguments, deferrable="True")  # type: ignore[arg-type]

    assert task.execute(make_context()) == 1001
    with pytest.raises(TaskDeferred):
        deferred.execute(make_context())
