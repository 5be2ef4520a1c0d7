"""RunNodeOperator: what it runs, how it waits, and what it leaves in log, XComs and errors."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from airflow.providers.common.compat.sdk import DAG, TaskDeferred

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksTimeoutError,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator
from airflow_provider_dataworks.task import business_date_of
from airflow_provider_dataworks.triggers import base as trigger_module
from airflow_provider_dataworks.triggers.node import NodeInstanceTrigger
from airflow_provider_dataworks.waiting import progress as progress_module
from tests.support.node_runs import (
    BIZDATE,
    DRY_RUN,
    FAILING,
    FROZEN,
    HOURLY,
    LOG_ACTIONS,
    NODE,
    STOP_ACTIONS,
    fault,
    quick,
    requests,
    run_node,
    runs,
)
from tests.support.tasks import first_event, make_context, rebuilt, run_task

MODES = pytest.mark.parametrize("deferrable", [False, True], ids=["worker", "deferred"])


@pytest.fixture(autouse=True)
def _quick(emulator: EmulatorControl) -> Iterator[None]:
    with quick(emulator):
        yield


# The run


@pytest.mark.waits
@MODES
def test_it_runs_once_and_leaves_id_run_statistics_link_and_log(
    emulator: EmulatorControl, task_log: list[str], deferrable: bool
) -> None:
    emulator.set_node(NODE, records=1200, error_records=3, log_lines=["the last line\r\x1b[31mred"])
    context = make_context()

    instance_id = run_task(run_node(deferrable=deferrable, parameters={"extra": 5}), context)

    (run,) = emulator.node_runs(NODE)
    assert run["parameters"] == {"4001": "bizdate=$bizdate extra=5"}
    assert (run["Status"], run["Bizdate"], run["instance_ids"]) == ("SUCCESS", BIZDATE, [instance_id])
    assert context["pushed"]["run"] == {
        "run_id": run["DagId"],
        "name": run["Name"],
        "bizdate": BIZDATE,
        "instance_ids": [instance_id],
    }
    found = context["pushed"]["statistics"]
    assert {name: found[name] for name in ("records", "bytes", "failed_records")} == {
        "records": 1200,
        "bytes": 30000,
        "failed_records": 3,
    }
    assert found["seconds"] >= 0
    assert "defaultProjectId=10000" in context["pushed"]["dataworks_console_link"]
    (log,) = [line for line in task_log if line.startswith(f"The log of node instance {instance_id} (node 4001 ")]
    assert log.endswith("\nthe last line\nred")
    assert [line for line in task_log if re.match(rf"node instance {instance_id} \(.*\) is SUCCESS", line)]


@pytest.mark.waits
def test_a_person_recognises_the_run_in_operation_center(emulator: EmulatorControl) -> None:
    run_task(run_node(), make_context(dag_id="sales", task_id="sync.orders", run_id="manual__2026", map_index=7))

    (run,) = emulator.node_runs(NODE)
    assert re.fullmatch(r"af sales\.sync\.orders manual__2026 7 [0-9a-f]{10}", run["Name"])


@pytest.mark.waits
def test_names_that_are_too_long_are_cut_and_still_differ(emulator: EmulatorControl) -> None:
    for index in (1, 2):
        run_task(run_node(), make_context(dag_id="d" * 250, task_id="t" * 250, run_id="r" * 250, map_index=index))

    names = {run["Name"] for run in emulator.node_runs(NODE)}
    assert len(names) == 2
    assert all(len(name) <= 128 for name in names)


@pytest.mark.waits
def test_the_node_may_be_named_or_be_that_of_a_file(emulator: EmulatorControl, request: pytest.FixtureRequest) -> None:
    run_task(run_node(node_id=None, node_name="orders_batch"))
    in_studio = "Id" if "2024" in request.node.callspec.id else "FileId"
    run_task(run_node(node_id=None, file_id=emulator.node(NODE)[in_studio]), make_context(run_id="b_run"))

    assert runs(emulator) == 2


def test_a_node_that_is_not_there_is_not_found(emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksNotFoundError):
        run_task(run_node(node_id=None, node_name="orders_batc"))
    with pytest.raises(DataWorksNotFoundError):
        run_task(run_node(node_id=4999))


def test_a_run_in_development_is_one(emulator: EmulatorControl) -> None:
    run_task(run_node(project_env="dev"))

    assert emulator.node_runs(NODE)[0]["ProjectEnv"] == "DEV"


@pytest.mark.waits
@MODES
def test_all_hours_of_an_hourly_node_are_waited_for(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_node(HOURLY, run_seconds=0.2, records=10)
    context = make_context()

    instance_id = run_task(run_node(node_id=HOURLY, deferrable=deferrable), context)

    ids = context["pushed"]["run"]["instance_ids"]
    assert (len(ids), instance_id) == (24, ids[0])
    hours = [emulator.node_instance(one)["CycTime"] for one in ids]
    assert hours == sorted(hours)
    assert {emulator.node_instance(one)["Status"] for one in ids} == {"SUCCESS"}
    assert context["pushed"]["statistics"]["records"] == 240


@pytest.mark.waits
@MODES
def test_all_hours_end_before_one_that_failed_fails_the_task(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_node(HOURLY, run_seconds=60)
    context = make_context()

    def end_them() -> None:
        ids: list[int] = []
        while len(ids) < 24:
            ids = [one["InstanceId"] for one in emulator.node_instances(HOURLY)]
        emulator.set_node_instance(ids[3], Status="FAILURE")
        for one in (*ids[:3], *ids[4:]):
            emulator.set_node_instance(one, Status="SUCCESS")

    ending = threading.Timer(0.5, end_them)
    ending.start()
    with pytest.raises(DataWorksJobError, match=r"1 of 24 failed: node instance \d+ "):
        run_task(run_node(node_id=HOURLY, deferrable=deferrable), context)

    assert not ending.is_alive()
    assert {one["Status"] for one in emulator.node_instances(HOURLY)} == {"SUCCESS", "FAILURE"}


@pytest.mark.waits
def test_without_waiting_it_ends_when_the_run_shows(emulator: EmulatorControl) -> None:
    emulator.set_node(NODE, run_seconds=60)
    emulator.settings(list_lag_seconds=0.3)
    context = make_context()

    instance_id = run_task(run_node(wait_for_completion=False, deferrable=True), context)

    assert emulator.node_instance(instance_id)["Status"] == "RUNNING"
    assert set(context["pushed"]) == {"dataworks_console_link", "run"}
    assert requests(emulator, LOG_ACTIONS + STOP_ACTIONS) == []


def test_a_run_that_shows_no_instance_in_time_says_so(emulator: EmulatorControl) -> None:
    emulator.settings(list_lag_seconds=60)

    with pytest.raises(DataWorksTimeoutError, match="shows no instances after start_timeout"):
        run_task(run_node(start_timeout=0.3))


# Ends


@MODES
@pytest.mark.parametrize("fetch_log", [True, False])
def test_a_failure_says_why_in_error_and_log(
    emulator: EmulatorControl, task_log: list[str], deferrable: bool, fetch_log: bool
) -> None:
    context = make_context()

    with pytest.raises(DataWorksJobError) as raised:
        run_task(run_node(node_id=FAILING, deferrable=deferrable, fetch_log=fetch_log), context)

    error = raised.value
    assert "is FAILURE: DBUtilErrorCode-07: Table 'demo.orders_batch_bad' doesn't exist" in str(error)
    assert (error.status, error.code) == ("FAILURE", "DBUtilErrorCode-07")
    assert error.error_message == "Table 'demo.orders_batch_bad' doesn't exist"
    assert (error.job_id, error.job_name) == (context["pushed"]["run"]["instance_ids"][0], "orders_batch_bad")
    assert "defaultProjectId=10000" in str(error.console_url)
    assert any("ErrorMessage:\nCode:[" in line for line in task_log) is fetch_log
    assert "records" in context["pushed"]["statistics"]


@pytest.mark.waits
@MODES
def test_automatic_reruns_are_waited_for(emulator: EmulatorControl, task_log: list[str], deferrable: bool) -> None:
    emulator.set_node(NODE, failing_runs=1, rerun_times=2, rerun_seconds=0.4)

    run_task(run_node(deferrable=deferrable))

    assert [line for line in task_log if "is FAILURE" in line]
    (instance,) = emulator.node_instances(NODE)
    assert (instance["Status"], instance["RunNumber"], runs(emulator)) == ("SUCCESS", 2, 1)


@pytest.mark.waits
@MODES
def test_a_failure_after_all_reruns_is_one(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_node(FAILING, rerun_times=1, rerun_seconds=0.3)

    with pytest.raises(DataWorksJobError):
        run_task(run_node(node_id=FAILING, deferrable=deferrable))

    assert emulator.node_instances(FAILING)[0]["RunNumber"] == 2


@MODES
def test_a_success_without_work_is_said(emulator: EmulatorControl, task_log: list[str], deferrable: bool) -> None:
    context = make_context()

    run_task(run_node(node_id=DRY_RUN, deferrable=deferrable), context)

    assert context["pushed"]["statistics"] == {"skipped": "SKIP"}
    assert [line for line in task_log if "SUCCESS without having done anything: it is SKIP" in line]


@MODES
def test_the_failure_of_a_frozen_node_says_that_it_is_frozen(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_node(FROZEN, rerun_times=2)

    with pytest.raises(DataWorksJobError, match=r"the node is frozen \(PAUSE\): unfreeze it"):
        run_task(run_node(node_id=FROZEN, deferrable=deferrable))


@pytest.mark.waits
@MODES
@pytest.mark.parametrize("how", ["gone", "refused"])
def test_a_log_that_cannot_be_had_is_a_warning(
    emulator: EmulatorControl, task_log: list[str], deferrable: bool, how: str
) -> None:
    if how == "gone":
        emulator.settings(logs_purged=True)
    else:
        fault(emulator, "error", LOG_ACTIONS, status=403, code="Forbidden.RAM", count=-1)
    context = make_context()

    run_task(run_node(deferrable=deferrable), context)
    with pytest.raises(DataWorksJobError, match="its log gives no error"):
        run_task(run_node(node_id=FAILING, deferrable=deferrable))

    assert context["pushed"]["statistics"] == {}
    assert [line for line in task_log if "is empty" in line or "cannot be read" in line]


def test_passwords_in_the_log_are_masked(emulator: EmulatorControl, task_log: list[str]) -> None:
    emulator.set_node(NODE, log_lines=['{"username":"u","password":"hunter2"}'])

    run_task(run_node())

    assert not [line for line in task_log if "hunter2" in line]
    assert [line for line in task_log if '"password":"***"' in line]


@pytest.mark.waits
def test_the_heartbeat_says_how_far_it_is(
    emulator: EmulatorControl, task_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "HEARTBEAT_SECONDS", 0.3)
    emulator.set_node(NODE, run_seconds=1.5)

    run_task(run_node())

    assert [line for line in task_log if re.search(r"still RUNNING after .*; State: \d\(\w+\) \| Total: \d+R", line)]


@pytest.mark.waits
@MODES
def test_the_deadline_stops_the_instance(emulator: EmulatorControl, deferrable: bool) -> None:
    emulator.set_node(NODE, run_seconds=60)
    task = run_node(deferrable=deferrable)
    task.execution_timeout = timedelta(seconds=2)

    with pytest.raises(DataWorksTimeoutError, match=r"node instance \d+ .*within execution_timeout.*asked to stop"):
        run_task(task)

    assert emulator.node(NODE)["stops"] == 1


# In the triggerer alone


def fired(emulator: EmulatorControl, task: RunNodeOperator, context: Any) -> Any:
    emulator.set_node(task.dataworks_node_id, run_seconds=1.5)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    return asyncio.run(asyncio.wait_for(first_event(rebuilt(deferred.value.trigger)), 30))


@pytest.mark.waits
def test_a_task_that_ends_in_the_triggerer_has_id_statistics_and_log(
    emulator: EmulatorControl, task_log: list[str]
) -> None:
    context = make_context()

    event = fired(emulator, run_node(deferrable=True, end_from_trigger=True), context)

    assert type(event).__name__ == "TaskSuccessEvent"
    assert event.xcoms["return_value"] == context["pushed"]["run"]["instance_ids"][0]
    assert event.xcoms["statistics"]["records"] == 1000
    assert [line for line in task_log if line.startswith("The log of node instance") and "DI Finish at" in line]


@pytest.mark.waits
def test_a_task_that_fails_in_the_triggerer_has_reason_and_log(
    emulator: EmulatorControl, task_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = fired(emulator, run_node(node_id=FAILING, deferrable=True, end_from_trigger=True), make_context())

    assert type(event).__name__ == "TaskFailedEvent"
    assert [line for line in task_log if "is FAILURE: DBUtilErrorCode-07" in line]
    assert [line for line in task_log if "ErrorMessage:\nCode:[" in line]


@pytest.mark.parametrize("ended", [True, False])
def test_a_task_that_is_ended_by_hand_stops_its_instance(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, ended: bool
) -> None:
    emulator.set_node(NODE, run_seconds=60)

    async def was_ended(task_instance: Any) -> bool:
        return ended

    monkeypatch.setattr(trigger_module, "task_was_ended", was_ended)
    with pytest.raises(TaskDeferred) as deferred:
        run_node(deferrable=True).execute(make_context())
    trigger = rebuilt(deferred.value.trigger)
    trigger.task_instance = None
    assert isinstance(trigger, NodeInstanceTrigger)

    asyncio.run(trigger.on_kill())

    assert emulator.node(NODE)["stops"] == int(ended)


# Arguments


@pytest.mark.parametrize(
    "names",
    [{}, {"node_id": 1, "node_name": "a"}, {"node_id": 1, "file_id": 2}, {"node_name": "{{ a }}", "file_id": 2}],
)
def test_exactly_one_argument_names_the_node(names: dict[str, Any]) -> None:
    with pytest.raises(DataWorksParameterError, match="exactly one of node_id, node_name, file_id"):
        RunNodeOperator(task_id="run", **names)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bizdate": "yesterday"},
        {"project_env": "TEST"},
        {"parameters": 5},
        {"parameters": "{"},
        {"fetch_log": "perhaps"},
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_parsed(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataWorksParameterError, match=next(iter(wrong))):
        run_node(**wrong)


def test_the_node_may_be_expanded_and_templated() -> None:
    with DAG("nodes", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
        mapped = RunNodeOperator.partial(task_id="run", bizdate="{{ ds }}").expand(node_id=[4001, 4002])
        single = RunNodeOperator(task_id="one", node_id="{{ params.node }}", bizdate="{{ ds }}")
    made = mapped.unmap({"node_id": 4002})

    assert isinstance(made, RunNodeOperator)
    assert made.dataworks_node_id == 4002
    single.render_template_fields({"params": {"node": "4001"}, "ds": "2026-11-24"})
    given = single.read_arguments()
    assert (given.node_id, given.bizdate) == (4001, "2026-11-24")


def dag_context(zone: str, **facts: Any) -> Any:
    return {"dag": SimpleNamespace(timezone=ZoneInfo(zone)), **facts}


def test_the_business_date_is_that_of_the_interval_in_the_dags_time_zone() -> None:
    start = datetime(2026, 11, 24, 17, tzinfo=timezone.utc)

    assert business_date_of(dag_context("UTC", data_interval_start=start)) == "2026-11-24"
    assert business_date_of(dag_context("Asia/Shanghai", data_interval_start=start)) == "2026-11-25"


def test_business_date_of_an_interval_without_length_is_the_day_before() -> None:
    """Airflow 3 gives such an interval to a cron expression, and every Airflow to runs of ``schedule=None``."""
    midnight = datetime(2026, 11, 25, tzinfo=timezone.utc)
    at_once = {"data_interval_start": midnight, "data_interval_end": midnight}
    a_day = {"data_interval_start": midnight, "data_interval_end": midnight + timedelta(days=1)}

    assert business_date_of(dag_context("UTC", **at_once)) == "2026-11-24"
    assert business_date_of(dag_context("Asia/Shanghai", **at_once)) == "2026-11-24"
    assert business_date_of(dag_context("UTC", **a_day)) == "2026-11-25"


@pytest.mark.parametrize("moment", ["run_after", "start_date"])
def test_without_an_interval_it_is_the_day_before_the_run_for_all_tries(moment: str) -> None:
    run = SimpleNamespace(**{moment: datetime(2026, 11, 24, 17, tzinfo=timezone.utc)})

    assert business_date_of(dag_context("UTC", dag_run=run, data_interval_start=None)) == "2026-11-23"
    assert business_date_of(dag_context("Asia/Shanghai", dag_run=run)) == "2026-11-24"


def test_without_anything_it_is_yesterday() -> None:
    today = datetime.now(timezone.utc).date()

    assert business_date_of({}) in {(today - timedelta(days=back)).isoformat() for back in (1, 2)}


def test_a_backfill_has_the_day_before_its_date_not_before_today() -> None:
    midnight = datetime(2026, 11, 24, 16, tzinfo=timezone.utc)
    moments = {"data_interval_start": midnight, "data_interval_end": midnight}
    run = SimpleNamespace(run_after=datetime(2026, 11, 27, tzinfo=timezone.utc))

    assert business_date_of(dag_context("UTC", dag_run=run, **moments)) == "2026-11-23"
    assert business_date_of(dag_context("Asia/Shanghai", dag_run=run, **moments)) == "2026-11-24"


def test_the_day_before_is_one_of_the_calendar() -> None:
    # 23 hours long in this zone.
    moment = datetime(2026, 3, 30, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    moments = {"data_interval_start": moment, "data_interval_end": moment}

    assert business_date_of(dag_context("Europe/Berlin", **moments)) == "2026-03-29"


# Many


def test_each_of_many_instances_gets_its_own_status(emulator: EmulatorControl) -> None:
    emulator.set_node(NODE, run_seconds=60)
    tasks = []
    for index in range(5):
        with pytest.raises(TaskDeferred) as deferred:
            run_node(deferrable=True).execute(make_context(map_index=index))
        tasks.append(rebuilt(deferred.value.trigger))
    ids = [trigger.target.id for trigger in tasks]  # type: ignore[attr-defined]
    for number, instance_id in enumerate(ids):
        status = "FAILURE" if number % 2 else "SUCCESS"
        threading.Timer(0.2, emulator.set_node_instance, (instance_id,), {"Status": status}).start()

    async def work() -> list[Any]:
        return list(await asyncio.gather(*(first_event(trigger) for trigger in tasks)))

    events = asyncio.run(asyncio.wait_for(work(), 30))
    assert [event.payload["kind"] for event in events] == ["reached", "failed", "reached", "failed", "reached"]
