"""DeployDISyncTaskOperator: from the draft to a node that can be run, in both API versions and both modes."""

from __future__ import annotations

import contextlib
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksJobError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.operators.data_integration import CreateDISyncTaskOperator, DeployDISyncTaskOperator
from tests.support.tasks import make_context, run_task

V2020, V2024 = "2020-05-18", "2024-05-18"
CONTENT = {"type": "job", "version": "2.0", "steps": []}
ROOT = "emulated_10000_root"
SCHEDULE = {
    "InputList": ROOT,
    "CronExpress": "00 00 05 * * ?",
    "CycleType": "DAY",
    "ParaValue": "dt=$bizdate kind=full",
    "ResourceGroupIdentifier": "S_res_group_demo_1",
    "RerunMode": "ALL_DENIED",
    "AutoRerunTimes": 0,
}
MODES = pytest.mark.parametrize("mode", ["standard", "basic"])
WAYS = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])
ONLY_2020 = pytest.mark.parametrize("version", [V2020], indirect=True)
ONLY_2024 = pytest.mark.parametrize("version", [V2024], indirect=True)


class Killed(BaseException):
    """The worker's process is gone."""


@pytest.fixture(params=[V2020, pytest.param(V2024, marks=pytest.mark.slow)])
def version(request: pytest.FixtureRequest) -> str:
    """The API version that the connection names."""
    return str(request.param)


@pytest.fixture(autouse=True)
def quick(version: str, emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = dict(emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 3, "api_version": version}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    monkeypatch.setattr("airflow_provider_dataworks.client.retry.backoff", lambda *_: 0.0)
    monkeypatch.setattr(assumptions, "NODE_ID_SHOWS_AFTER", (0.0, 0.0))
    emulator.settings(deploy_seconds=0.1)


def create(**given: Any) -> int:
    arguments = {"task_id": "create", "task_name": "copy", "task_content": CONTENT, **given}
    return int(run_task(CreateDISyncTaskOperator(**arguments)))


def deploy(file_id: int | str, **given: Any) -> DeployDISyncTaskOperator:
    arguments = {"task_id": "deploy", "file_id": file_id, "schedule": SCHEDULE, "poll_interval": 0.05, **given}
    return DeployDISyncTaskOperator(**arguments)


def deployed(emulator: EmulatorControl) -> dict[str, Any]:
    (node,) = (each for each in emulator.resources("nodes") if each["NodeName"] == "copy")
    return node


def sent(emulator: EmulatorControl) -> list[str]:
    """The actions that had an effect, without those that created the task."""
    names = [entry["action"] for entry in emulator.requests()]
    return [name for name in names if name.startswith(("Update", "Submit", "Deploy", "Exec", "CreatePipeline"))]


def begun(emulator: EmulatorControl, version: str) -> int:
    return len(emulator.resources("deployments" if version == V2020 else "pipeline_runs"))


# The way to a node


@MODES
@WAYS
def test_draft_becomes_a_node_with_its_schedule(
    emulator: EmulatorControl, version: str, mode: str, deferrable: bool
) -> None:
    emulator.settings(workspace_mode=mode)
    context = make_context()

    node_id = run_task(deploy(create(), deferrable=deferrable), context)

    node = deployed(emulator)
    assert node["NodeId"] == node_id
    assert node["environments"] == (["DEV", "PROD"] if mode == "standard" else ["PROD"])
    assert (node["CronExpress"], node["ParamValues"]) == ("00 00 05 * * ?", "dt=$bizdate kind=full")
    assert (node["RerunMode"], node["rerun_times"], node["CycleType"]) == ("ALL_DENIED", 0, "DAY")
    assert "defaultProjectId=10000" in context["pushed"][LINK_KEY]
    stages = ["ExecPipelineRunStage"] * (4 if mode == "standard" else 2)
    steps = ["SubmitFile", *(["DeployFile"] if mode == "standard" else [])]
    expected = ["UpdateFile", *steps] if version == V2020 else ["UpdateNode", "CreatePipelineRun", *stages]
    assert sent(emulator) == expected


def test_steps_are_logged_and_the_node_named(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger = logging.Logger("a_task")  # noqa: LOG001 - one that nothing else configures
    logger.addHandler(Collector())
    monkeypatch.setattr(DeployDISyncTaskOperator, "log", logger)

    node_id = run_task(deploy(create()))

    log = "\n".join(lines)
    assert f"is node {node_id} in Operation Center" in log
    assert "stage PROD of pipeline run" in log or "is 1 (successful)" in log


def test_schedule_may_be_json_and_its_inputs_a_list(emulator: EmulatorControl) -> None:
    schedule = json.dumps({**SCHEDULE, "InputList": [ROOT], "ParaValue": '-p"-Dbizdate=$bizdate"', "Stop": True})

    run_task(deploy(create(), schedule=schedule))

    assert deployed(emulator)["ParamValues"] == '-p"-Dbizdate=$bizdate"'
    assert deployed(emulator)["SchedulerType"] == "PAUSE"


@pytest.mark.waits
def test_schedule_stays_as_it_is_without_the_argument(emulator: EmulatorControl) -> None:
    file_id = create()
    run_task(deploy(file_id))

    node_id = run_task(deploy(file_id, schedule=None), make_context(run_id="another"))

    assert (deployed(emulator)["NodeId"], deployed(emulator)["CronExpress"]) == (node_id, "00 00 05 * * ?")


@pytest.mark.waits
@MODES
def test_last_step_need_not_be_waited_for(emulator: EmulatorControl, version: str, mode: str) -> None:
    emulator.settings(workspace_mode=mode, deploy_seconds=0.2)
    file_id = create()

    node_id = run_task(deploy(file_id, wait_for_completion=False))

    # In the standard mode of 2020-05-18 the development environment has the node already.
    assert (node_id is not None) is (version == V2020 and mode == "standard") or node_id == deployed(emulator)["NodeId"]
    assert run_task(deploy(file_id)) == deployed(emulator)["NodeId"]


@pytest.mark.parametrize(("task_type", "file_id"), [("DI_REALTIME", None), ("DI_SOLUTION", 2002)])
def test_real_time_task_and_solution_are_deployed_in_one_call(
    emulator: EmulatorControl, task_type: str, file_id: int | None
) -> None:
    file_id = file_id or emulator.add_file(TaskType="DI_REALTIME")["FileId"]

    assert run_task(deploy(file_id, task_type=task_type, schedule=None)) == file_id

    assert emulator.file(file_id)["deployed"] is True
    assert sent(emulator) == ["DeployDISyncTask"]


# Refusals and failures


def test_missing_input_is_named(emulator: EmulatorControl) -> None:
    schedule = {name: value for name, value in SCHEDULE.items() if name != "InputList"}

    with pytest.raises(DataWorksPermanentError, match=rf"InputList is missing: add to schedule .* such as {ROOT}\."):
        run_task(deploy(create(), schedule=schedule))

    assert emulator.resources("deployments") == emulator.resources("pipeline_runs") == []


@ONLY_2020
def test_input_that_no_node_has_is_named(emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksPermanentError, match=r"correct InputList in schedule.* nobody"):
        run_task(deploy(create(), schedule={**SCHEDULE, "InputList": f"{ROOT},nobody"}))


@ONLY_2020
def test_wrong_resource_group_is_not_taken_for_an_unchanged_file(emulator: EmulatorControl) -> None:
    file_id = create()
    run_task(deploy(file_id))
    message = "The resource group S_res_group_demo_2 is unknown."
    emulator.add_fault("error", action="UpdateFile", status=400, code="InvalidParameter", message=message)

    with pytest.raises(DataWorksPermanentError, match="S_res_group_demo_2"):
        run_task(deploy(file_id, schedule={"ResourceGroupIdentifier": "S_res_group_demo_2"}))


@ONLY_2024
@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"DependentType": "SELF"}, "schedule: DependentType cannot be set with api_version 2024-05-18"),
        ({"RerunMode": "Allowed"}, "schedule: RerunMode must be one of ALL_ALLOWED"),
        ({"ParaValue": "dt"}, "schedule: ParaValue must be pairs"),
        ({"AutoRerunTimes": "x"}, "schedule: AutoRerunTimes must be a whole number"),
        ({"StartEffectDate": "soon"}, "schedule: StartEffectDate must be Unix milliseconds"),
    ],
)
def test_what_a_node_cannot_express_is_refused_before_any_request(
    emulator: EmulatorControl, schedule: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        run_task(deploy(7000000000000004001, schedule=schedule))

    assert emulator.requests() == []


@WAYS
def test_failing_deployment_says_why(emulator: EmulatorControl, version: str, deferrable: bool) -> None:
    file_id = create()
    if version == V2020:
        emulator.set_file(file_id, deploy_error="no resource group")
    else:
        emulator.set_resource("nodes", deployed(emulator)["NodeId"], deploy_error="no resource group")

    with pytest.raises(DataWorksJobError, match="no resource group") as raised:
        run_task(deploy(file_id, deferrable=deferrable))

    assert raised.value.status == ("2" if version == V2020 else "Fail")
    assert raised.value.error_message == "no resource group"
    assert raised.value.console_url


@ONLY_2020
@pytest.mark.parametrize(
    ("status", "word"), [({"Status": 1, "CheckingStatus": 7}, "its check failed"), ({"Status": 6}, "rejected")]
)
def test_failed_check_and_rejection_end_the_wait(emulator: EmulatorControl, status: dict[str, int], word: str) -> None:
    deployment = {**status, "ErrorMessage": "no"}
    body = {"Success": True, "Data": {"Deployment": deployment, "DeployedItems": []}}
    emulator.add_fault("body", action="GetDeployment", body=body, count=2)

    with pytest.raises(DataWorksJobError, match=rf"\({word}\): no"):
        run_task(deploy(create()))


@ONLY_2024
def test_cancelled_pipeline_run_ends_the_wait(emulator: EmulatorControl) -> None:
    emulator.settings(deploy_seconds=60)
    file_id = create()
    with pytest.raises(TaskDeferred):
        deploy(file_id, deferrable=True).execute(make_context())
    (run,) = emulator.resources("pipeline_runs")
    DataWorksHook().call("AbolishPipelineRun", body={"ProjectId": 10000, "Id": run["Id"]})
    emulator.settings(deploy_seconds=0)

    # It was that of an earlier try, so that another one is begun.
    assert run_task(deploy(file_id), make_context(try_number=2)) == deployed(emulator)["NodeId"]
    assert [each["Status"] for each in emulator.resources("pipeline_runs")] == ["Cancel", "Success"]


# Retries and lost answers


@MODES
@pytest.mark.parametrize("effect", ["before", "after"])
def test_lost_answers_deploy_once(emulator: EmulatorControl, version: str, mode: str, effect: str) -> None:
    emulator.settings(workspace_mode=mode, deploy_seconds=0)
    file_id = create()
    for action in ("UpdateFile", "SubmitFile", "DeployFile", "UpdateNode", "CreatePipelineRun", "ExecPipelineRunStage"):
        emulator.add_fault("reset", action=action, effect=effect)

    node_id = run_task(deploy(file_id))

    assert deployed(emulator)["NodeId"] == node_id
    assert begun(emulator, version) == (2 if version == V2020 and mode == "standard" else 1)


@pytest.mark.waits
@pytest.mark.parametrize("number", [1, 3, *(pytest.param(each, marks=pytest.mark.slow) for each in (0, 2, 4, 5, 6))])
def test_try_after_a_kill_goes_on_with_what_was_begun(
    emulator: EmulatorControl, version: str, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The worker dies right after the n-th call that has an effect."""
    emulator.settings(deploy_seconds=0.2)
    file_id, calls = create(), 0
    original = DataWorksHook._send

    def send_and_die(self: DataWorksHook, action: Any, parameters: Any, **more: Any) -> dict[str, Any]:
        nonlocal calls
        answer = original(self, action, parameters, **more)
        if not action.name.startswith(("Get", "List")):
            calls += 1
            if calls == number + 1:
                raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(DataWorksHook, "_send", send_and_die)
        with contextlib.suppress(Killed):
            run_task(deploy(file_id))

    node_id = run_task(deploy(file_id), make_context(try_number=2))

    assert deployed(emulator)["NodeId"] == node_id
    assert deployed(emulator)["environments"] == ["DEV", "PROD"]
    if version == V2024:
        (run,) = emulator.resources("pipeline_runs")
        assert run["executed"] == ["BUILD_PACKAGE", "DEV_CHECK", "DEV", "PROD_CHECK", "PROD"]
    else:
        submits = [each for each in emulator.resources("deployments") if each["ToEnvironment"] == 1]
        assert len(submits) == 1


@pytest.mark.waits
@ONLY_2024
def test_retry_of_a_deployed_node_deploys_nothing_and_a_clear_does(emulator: EmulatorControl) -> None:
    file_id = create()
    node_id = run_task(deploy(file_id))

    assert run_task(deploy(file_id), make_context(try_number=2)) == node_id
    assert len(emulator.resources("pipeline_runs")) == 1
    assert run_task(deploy(file_id), make_context(try_number=3, max_tries=2)) == node_id
    assert len(emulator.resources("pipeline_runs")) == 2


@ONLY_2020
def test_retry_of_a_submitted_file_submits_nothing(emulator: EmulatorControl) -> None:
    emulator.settings(workspace_mode="basic")
    file_id = create()
    node_id = run_task(deploy(file_id))

    assert run_task(deploy(file_id), make_context(try_number=2)) == node_id
    assert len(emulator.resources("deployments")) == 1


@pytest.mark.waits
@ONLY_2020
def test_failed_deployment_of_an_earlier_try_is_begun_anew(emulator: EmulatorControl) -> None:
    file_id = create()
    emulator.set_file(file_id, deploy_error="for now")
    DataWorksHook().update_file(file_id=file_id, schedule=SCHEDULE)
    emulator.settings(deploy_seconds=0.5)
    DataWorksHook().submit_file(file_id=file_id)
    emulator.set_file(file_id, deploy_error=None)

    assert run_task(deploy(file_id)) == deployed(emulator)["NodeId"]
    assert [each["Status"] for each in emulator.resources("deployments")] == [2, 1, 1]


@pytest.mark.waits
@ONLY_2024
@WAYS
def test_pipeline_run_of_somebody_else_is_left_alone(emulator: EmulatorControl, deferrable: bool) -> None:
    file_id = create()
    other = DataWorksHook().create_pipeline_run(node_id=file_id, description="by hand")

    run_task(deploy(file_id, deferrable=deferrable))

    assert {run["Id"]: run["executed"] for run in emulator.resources("pipeline_runs")}[other] == ["BUILD_PACKAGE"]


# Limits


@pytest.mark.waits
@WAYS
def test_deadline_ends_the_wait_and_says_that_nothing_was_stopped(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.settings(deploy_seconds=60)
    task = deploy(create(), deferrable=deferrable, execution_timeout=timedelta(seconds=1.5))

    with pytest.raises(DataWorksTimeoutError, match=r"within execution_timeout .* still running: .*stop"):
        run_task(task)


def test_deadline_holds_over_all_steps(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    task = deploy(create(), deferrable=True, execution_timeout=timedelta(hours=1))
    emulator.settings(deploy_seconds=0.3)
    with pytest.raises(TaskDeferred) as first:
        task.execute(make_context())

    kept: dict[str, Any] = first.value.trigger.options.kept
    assert kept["ends_at"] == first.value.trigger.options.deadline
    assert 0 < kept["ends_at"] - clock.time() < 3600


@WAYS
def test_failed_polls_are_counted(emulator: EmulatorControl, version: str, deferrable: bool) -> None:
    emulator.settings(deploy_seconds=60)
    action = "GetDeployment" if version == V2020 else "GetPipelineRun"
    task = deploy(create(), deferrable=deferrable, max_poll_failures=2)
    emulator.add_fault("error", action=action, status=503, code="ServiceUnavailable", skip=2, count=-1)

    with pytest.raises(DataWorksTransientError):
        run_task(task)


@pytest.mark.waits
def test_few_failed_polls_are_waited_through(emulator: EmulatorControl, version: str) -> None:
    action = "GetDeployment" if version == V2020 else "GetPipelineRun"
    emulator.settings(deploy_seconds=0.3)
    task = deploy(create(), max_poll_failures=5)
    emulator.add_fault("error", action=action, status=503, code="ServiceUnavailable", skip=1, count=2)

    assert run_task(task) == deployed(emulator)["NodeId"]


def test_kill_stops_nothing(emulator: EmulatorControl) -> None:
    emulator.settings(deploy_seconds=60)
    task = deploy(create(), deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(make_context())
    before = len(emulator.requests())

    task.on_kill()

    assert deferred.value.trigger.options.stop_on_kill is False
    assert len(emulator.requests()) == before


# Construction


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"file_id": "x"}, "file_id"),
        ({"task_type": "OFFLINE"}, "task_type"),
        ({"schedule": {"Cron": "x"}}, "schedule: has the unknown keys Cron"),
        ({"task_type": "DI_SOLUTION"}, "schedule: is for DI_OFFLINE only"),
        ({"poll_interval": 0}, "poll_interval"),
    ],
)
@ONLY_2020
def test_mistakes_surface_at_construction(given: dict[str, Any], message: str) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        deploy(**{"file_id": 1, **given})


@ONLY_2020
def test_ids_and_schedules_that_are_templates_are_read_when_rendered() -> None:
    task = deploy("{{ ti.xcom_pull('create') }}", schedule={"ParaValue": "dt={{ ds_nodash }}"})
    task.file_id, task.schedule = "1001", {"ParaValue": "dt=20261125"}

    assert (task.read_arguments().file_id, task.read_arguments().schedule) == (1001, {"ParaValue": "dt=20261125"})
