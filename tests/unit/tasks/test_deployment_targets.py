"""Deployments and pipeline runs as targets: what their statuses mean, and what a failure says."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_dataworks.exceptions import DataWorksTransientError
from airflow_provider_dataworks.waiting.deployment import DeploymentTarget, PipelineStageTarget
from airflow_provider_dataworks.waiting.target import Evaluation, StatusSnapshot, WaitState, WaitTarget
from tests.support.fake_hook import WORKSPACE_URL, hook

log = logging.getLogger(__name__)
FILE = DeploymentTarget(10000, 8, 5)
RUN = PipelineStageTarget(10000, 4001, "r-1")
STAGE = PipelineStageTarget(10000, 4001, "r-1", "PROD")
PENDING, SUCCEEDED, FAILED = WaitState.PENDING, WaitState.SUCCEEDED, WaitState.FAILED
OF_FILE = {"project_id": 10000, "deployment_id": 8}
OF_RUN = {"project_id": 10000, "pipeline_run_id": "r-1"}


def evaluated(target: WaitTarget, status: str) -> WaitState:
    result = target.evaluate(StatusSnapshot(status), new_run_seen=False, start_overdue=False)
    assert result == Evaluation(result.state)
    return result.state


# Deployments of files


@pytest.mark.parametrize(
    ("deployment", "status", "state"),
    [
        ({"Status": 0}, "0", PENDING),
        ({"Status": 1}, "1", SUCCEEDED),
        ({"Status": "1", "CheckingStatus": 1}, "1", SUCCEEDED),
        ({"Status": 2}, "2", FAILED),
        ({"Status": 6, "CheckingStatus": 8}, "6", FAILED),
        ({"Status": 0, "CheckingStatus": 7}, "7", FAILED),
        ({"Status": 1, "CheckingStatus": 7}, "7", FAILED),
        ({"Status": 1, "CheckingStatus": "8"}, "8", PENDING),
        ({"Status": 0, "CheckingStatus": 8}, "8", PENDING),
        ({}, "None", PENDING),
    ],
)
def test_the_check_decides_while_a_deployment_is_under_way_or_done(
    deployment: dict[str, Any], status: str, state: WaitState
) -> None:
    api = hook(get_deployment={"Deployment": deployment})

    assert FILE.poll(api) == StatusSnapshot(status)
    assert api.calls == [("get_deployment", OF_FILE)]
    assert evaluated(FILE, status) is state


def test_a_deployment_is_described_by_its_file() -> None:
    assert FILE.describe() == "deployment 8 of file 5"
    assert FILE.describe("a\nb") == "deployment 8 of file 5 (a b)"
    assert (FILE.id, FILE.why_not_stopped) == (8, "the API stops no deployments")
    assert FILE.words.describe("7") == "7 (its check failed)"


def test_a_failed_deployment_has_the_services_reason() -> None:
    api = hook(get_deployment={"Deployment": {"ErrorMessage": "no\nrights"}})

    error = FILE.failure(api, StatusSnapshot("2", name="orders"), log)

    assert error.message == "deployment 8 of file 5 (orders) ended as 2 (failed): no rights."
    assert (error.job_id, error.status, error.error_message) == (5, "2", "no\nrights")
    assert (error.job_name, error.console_url) == ("orders", WORKSPACE_URL)
    assert api.calls == [("get_deployment", OF_FILE)]


@pytest.mark.parametrize("message", [None, ""])
def test_a_failure_without_a_reason_says_where_to_look(message: str | None) -> None:
    error = DeploymentTarget(0, 8, 5).failure(
        hook(get_deployment={"Deployment": {"ErrorMessage": message}}), StatusSnapshot("6"), log
    )

    assert error.message == (
        "deployment 8 of file 5 ended as 6 (rejected), and the service gives no reason: see it in the DataWorks "
        "console."
    )
    assert (error.error_message, error.console_url) == (None, None)


def test_a_reason_that_cannot_be_read_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    unavailable = DataWorksTransientError("HTTP 503")

    assert FILE.failure(hook(get_deployment=unavailable), StatusSnapshot("2"), log).error_message is None
    assert STAGE.failure(hook(get_pipeline_run=unavailable), StatusSnapshot("Fail"), log).error_message is None
    assert caplog.messages == [
        "The reason why deployment 8 of file 5 failed cannot be read: HTTP 503",
        "The reason why stage PROD of pipeline run r-1 of node 4001 failed cannot be read in full: HTTP 503",
    ]


# Pipeline runs and their stages


def pipeline(status: str, *stages: tuple[str, str]) -> dict[str, Any]:
    return {"Status": status, "Stages": [{"Code": code, "Status": each} for code, each in stages]}


@pytest.mark.parametrize(
    ("run", "of_stage", "of_run"),
    [
        (pipeline("Running", ("DEV", "Success"), ("PROD", "Running")), "Running", "Running"),
        (pipeline("Running", ("DEV", "Running")), "Init", "Running"),
        (pipeline("Running", ("DEV", "Success"), ("PROD", "Success")), "Success", "Running"),
        (pipeline("Success", ("PROD", "Running")), "Success", "Success"),
        (pipeline("Fail", ("PROD", "Running")), "Fail", "Fail"),
        (pipeline("Termination", ("PROD", "Running")), "Termination", "Termination"),
        (pipeline("Cancel", ("PROD", "Running")), "Cancel", "Cancel"),
    ],
)
def test_the_end_of_the_run_is_the_end_of_each_stage(run: dict[str, Any], of_stage: str, of_run: str) -> None:
    api = hook(get_pipeline_run=run)

    assert (STAGE.poll(api), RUN.poll(api)) == (StatusSnapshot(of_stage), StatusSnapshot(of_run))
    assert api.calls == [("get_pipeline_run", OF_RUN)] * 2


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Init", PENDING),
        ("Running", PENDING),
        ("Odd", PENDING),
        ("Success", SUCCEEDED),
        ("Fail", FAILED),
        ("Termination", FAILED),
        ("Cancel", FAILED),
    ],
)
def test_a_stage_ends_with_success_or_badly(status: str, state: WaitState) -> None:
    assert evaluated(STAGE, status) is state


def test_a_stage_is_described_by_run_and_node() -> None:
    assert STAGE.describe() == "stage PROD of pipeline run r-1 of node 4001"
    assert RUN.describe("a\nb") == "pipeline run r-1 of node 4001 (a b)"
    assert (STAGE.id, STAGE.group, RUN.group) == (4001, "stage PROD of r-1", "stage  of r-1")
    assert STAGE.why_not_stopped == "a pipeline run is not stopped"
    assert STAGE.words.describe("Fail") == "Fail"


def test_a_failed_stage_has_all_reasons_once() -> None:
    run = {
        "Message": "stopped",
        "Stages": [
            {"Status": "Success", "Message": "fine"},
            {"Status": "Fail", "Message": "no rights"},
            {"Status": "Cancel"},
        ],
    }
    api = hook(
        get_pipeline_run=run, list_pipeline_run_items=[[{"Message": "no rights"}, {"Message": None}, {"Message": "x"}]]
    )

    error = STAGE.failure(api, StatusSnapshot("Fail", name="orders"), log)

    assert error.message == (
        "stage PROD of pipeline run r-1 of node 4001 (orders) ended as Fail: stopped; no rights; x."
    )
    assert (error.job_id, error.error_message) == (4001, "stopped; no rights; x")
    assert api.calls == [("get_pipeline_run", OF_RUN), ("list_pipeline_run_items", OF_RUN)]


def test_what_was_read_before_a_request_failed_is_given(caplog: pytest.LogCaptureFixture) -> None:
    api = hook(
        get_pipeline_run={"Stages": [{"Status": "Fail", "Message": "no rights"}]},
        list_pipeline_run_items=DataWorksTransientError("HTTP 503"),
    )

    assert STAGE.failure(api, StatusSnapshot("Fail"), log).error_message == "no rights"
    assert len(caplog.messages) == 1
