"""The hook's DI job methods do and give the same in both API versions; what only one has is there in that one."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import DIJob, RunSummary
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
)
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS, V2020, V2024, sent

MAPPINGS = [{"SourceObjectSelectionRules": [{"ObjectType": "Table", "Expression": name} for name in ("a", "b")]}]


def only_request(emulator: EmulatorControl, action: str) -> dict[str, Any]:
    (entry,) = emulator.requests(action)
    assert (entry["status"], entry["code"]) == (200, None)
    return entry


@IN_BOTH_VERSIONS
def test_calls_are_sent_in_the_version_of_the_connection(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, api_version: str
) -> None:
    hook.get_di_job(di_job_id=1001)
    hook.start_di_job(di_job_id=1001)
    hook.stop_di_job(di_job_id=1001)
    list(hook.list_di_jobs())

    assert {entry["version"] for entry in dataworks_emulator.requests()} == {api_version}
    assert {entry["method"] for entry in dataworks_emulator.requests()} == {"POST" if api_version == V2020 else "GET"}


@IN_2024
def test_sync_tasks_are_sent_in_the_version_that_has_them(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001)
    hook.call("DeployDISyncTask", query={"ProjectId": 10000, "TaskType": "DI_REALTIME", "FileId": 2001})

    assert {entry["version"] for entry in dataworks_emulator.requests()} == {V2020}


@IN_BOTH_VERSIONS
def test_job_is_created_changed_read_and_deleted(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    job_id = hook.create_di_job(
        job_name="my job",
        migration_type="Full",
        source_data_source_type="MySQL",
        destination_data_source_type="Hologres",
        table_mappings=MAPPINGS,
        resource_settings={"RequestedCu": 1},
    )
    assert type(job_id) is int

    hook.update_di_job(di_job_id=job_id, description="changed", resource_settings={"RequestedCu": 2})

    details: dict[str, Any] = dict(hook.get_di_job(di_job_id=str(job_id), with_details=True))
    assert (details["DIJobId"], details["JobName"], details["JobStatus"]) == (job_id, "my job", "Initialized")
    assert (details["Description"], details["ResourceSettings"]) == ("changed", {"RequestedCu": 2})
    assert details["TableMappings"] == MAPPINGS
    hook.delete_di_job(di_job_id=job_id)
    with pytest.raises(DataWorksNotFoundError):
        hook.get_di_job(di_job_id=job_id)


@IN_BOTH_VERSIONS
def test_deletion_of_a_job_that_nobody_has_is_an_error(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksNotFoundError, match="There is no such DI job"):
        hook.delete_di_job(di_job_id=4711)


@IN_BOTH_VERSIONS
def test_running_job_is_not_deleted(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(1001, JobStatus="Running")

    with pytest.raises(DataWorksPermanentError, match="Running"):
        hook.delete_di_job(di_job_id=1001)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("status", ["Initialized", "Running", "Stopping", "Stopped", "Finished", "Failed"])
def test_status_has_one_spelling_wherever_it_is_read(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, status: str
) -> None:
    dataworks_emulator.set_job(1001, JobStatus=status)

    assert hook.get_di_job(di_job_id=1001)["JobStatus"] == status
    assert next(hook.list_di_jobs())["JobStatus"] == status
    assert hook.read_di_job(di_job_id=1001).status == status
    assert hook.list_di_jobs_page(page_number=1).jobs[0].status == status
    assert hook.find_di_job(di_job_id=1001)["JobStatus"] == status


@IN_BOTH_VERSIONS
def test_model_says_what_the_version_says(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, api_version: str
) -> None:
    started = int(time.time()) - 60
    dataworks_emulator.set_job(1006, JobStatus="Failed", ErrorMessage="bad table", StartedTime=started)

    job = hook.read_di_job(di_job_id="1006")

    timed = api_version == V2020
    assert job == DIJob(
        id=1006,
        status="Failed",
        project_id=10000,
        name="mysql_to_holo_full_bad",
        migration_type="Full",
        started_time=started if timed else None,
        error_message="bad table" if timed else None,
    )
    assert job.fields == hook.get_di_job(di_job_id=1006)


@IN_BOTH_VERSIONS
def test_job_of_another_workspace_is_not_read_for_this_one(hook: DataWorksHook) -> None:
    assert hook.read_di_job(di_job_id=1001, project_id="10000").id == 1001

    with pytest.raises(DataWorksNotFoundError, match="Workspace 77 has no DI job with id 1001") as raised:
        hook.read_di_job(di_job_id=1001, project_id=77)
    assert raised.value.project_id == 77


@IN_BOTH_VERSIONS
def test_page_of_models(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    page = hook.list_di_jobs_page(page_number=2, page_size=4)

    assert ([job.id for job in page.jobs], page.total) == ([1005, 1006], 6)
    assert sent(only_request(dataworks_emulator, "ListDIJobs"))["PageSize"] == "4"


# What only 2024-05-18 has


@IN_2024
def test_tables_of_a_run_come_from_all_pages(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    tables = [{"name": f"table_{number}", "records": 10, "growth": 0} for number in range(131)]
    dataworks_emulator.settings(run_seconds=0)
    dataworks_emulator.set_job(1001, tables=tables)
    hook.start_di_job(di_job_id=1001)
    dataworks_emulator.clear_requests()

    details = list(hook.list_di_job_run_details(di_job_id=1001))

    assert [row["SourceTableName"] for row in details] == [table["name"] for table in tables]
    assert {row["FullMigrationStatus"] for row in details} == {"Finished"}
    assert [sent(entry)["PageNumber"] for entry in dataworks_emulator.requests("ListDIJobRunDetails")] == ["1", "2"]


@IN_2024
def test_failed_run_has_its_error_its_event_and_its_log(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=0)
    hook.start_di_job(di_job_id=1006)
    assert hook.get_di_job(di_job_id=1006)["JobStatus"] == "Failed"

    errors = [row.get("FullMigrationErrorMessage") for row in hook.list_di_job_run_details(di_job_id=1006)]
    (event,) = hook.list_di_job_events(di_job_id=1006)
    log = hook.get_di_job_log(di_job_id=1006)

    assert any(errors)
    assert event["FailoverMessage"]
    assert log.splitlines()
    assert len(dataworks_emulator.requests("GetDIJobLog")) == 2
    period = sent(dataworks_emulator.requests("ListDIJobEvents")[0])
    assert int(period["EndTime"]) - int(period["StartTime"]) == 86400


@IN_2024
def test_run_is_summed_up(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    tables = [{"name": f"table_{number}", "records": 10, "growth": 0} for number in range(3)]
    dataworks_emulator.settings(run_seconds=0)
    for job_id in (1001, 1006):
        dataworks_emulator.set_job(job_id, tables=tables)
        hook.start_di_job(di_job_id=job_id)

    finished = hook.read_di_job_run_summary(di_job_id=1001)
    failed = hook.read_di_job_run_summary(di_job_id=1006)

    assert finished == RunSummary(tables=3, tables_finished=3, records=30, bytes=3000, error_records=0)
    assert failed is not None
    assert (failed.tables, failed.tables_finished) == (3, 2)
    (error,) = failed.errors
    assert error.startswith("demo.table_2: ")


def test_no_run_is_summed_up_in_2020(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    assert hook.read_di_job_run_summary(di_job_id=1001) is None
    assert dataworks_emulator.requests() == []


@IN_2024
def test_counters_that_are_text_or_missing_are_summed_up(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    rows = [
        {"SourceTableName": "a", "OfflineTotalRecords": "7", "OfflineTotalBytes": None, "FullMigrationStatus": "Odd"},
        {"SourceTableName": "b", "RealtimeMigrationStatus": "Running"},
        {},
    ]
    paging = {"TotalCount": "3", "PageNumber": "1", "PageSize": "100", "JobRunInfos": rows}
    dataworks_emulator.add_fault("body", action="ListDIJobRunDetails", body={"PagingInfo": paging})

    summary = hook.read_di_job_run_summary(di_job_id=1001)

    assert summary == RunSummary(tables=3, tables_finished=1, records=7, bytes=0, error_records=0)


@IN_2024
def test_log_is_read_to_its_end_also_where_pages_have_no_end(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    for page in ("one\n", "two\n", "two\n"):
        dataworks_emulator.add_fault("body", action="GetDIJobLog", body={"Log": page})

    assert hook.get_di_job_log(di_job_id=1001) == "one\ntwo\n"
    assert len(dataworks_emulator.requests("GetDIJobLog")) == 3


@IN_2024
@pytest.mark.parametrize("body", [{}, {"Log": None}, {"Log": ["line"]}])
def test_log_that_is_missing_is_asked_for_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, body: dict[str, Any]
) -> None:
    dataworks_emulator.add_fault("body", action="GetDIJobLog", body=body)

    assert hook.get_di_job_log(di_job_id=1001) == ""
    assert len(dataworks_emulator.requests("GetDIJobLog")) == 2


@IN_2024
@pytest.mark.parametrize("paging", [None, {"JobRunInfos": "none"}, {"JobRunInfos": [5]}, {"TotalCount": "many"}])
def test_odd_page_of_tables_is_asked_for_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, paging: Any
) -> None:
    dataworks_emulator.add_fault("body", action="ListDIJobRunDetails", body={"PagingInfo": paging})

    assert list(hook.list_di_job_run_details(di_job_id=1001)) == []
    assert len(dataworks_emulator.requests("ListDIJobRunDetails")) == 2


@IN_2024
@pytest.mark.parametrize("method", ["start_di_job", "stop_di_job", "delete_di_job", "update_di_job"])
def test_success_false_is_a_refusal(hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str) -> None:
    action = {"start_di_job": "StartDIJob", "stop_di_job": "StopDIJob", "delete_di_job": "DeleteDIJob"}
    body = {"Success": False, "Message": "Words of the API"}
    dataworks_emulator.add_fault("body", action=action.get(method, "UpdateDIJob"), body=body)

    with pytest.raises(DataWorksPermanentError, match="Words of the API"):
        getattr(hook, method)(di_job_id=1001)


@pytest.mark.parametrize(
    ("method", "action"),
    [
        ("list_di_job_run_details", "ListDIJobRunDetails"),
        ("list_di_job_events", "ListDIJobEvents"),
        ("get_di_job_log", "GetDIJobLog"),
    ],
)
@IN_2024
def test_unknown_job_is_not_found_by_its_code(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, action: str
) -> None:
    with pytest.raises(DataWorksNotFoundError, match="There is no such DI job") as raised:
        list(getattr(hook, method)(di_job_id=4711))

    assert (raised.value.action, raised.value.code) == (action, "500130")


# Any other action


@pytest.mark.parametrize(
    ("arguments", "method"),
    [
        ({"action": "GetProject", "query": {"Id": 10000}, "version": V2024}, "GET"),
        ({"action": "ListProjects", "version": V2024}, "POST"),
        ({"action": "ListProjects", "body": {"Ids": [10000]}, "version": V2024}, "POST"),
        ({"action": "StopDIJob", "query": {"Id": 1001}, "version": V2024}, "GET"),
        ({"action": "ListDIJobMetrics", "query": {"DIJobId": 1001}, "version": V2024}, "GET"),
        ({"action": "CreateNode", "body": {"ProjectId": 1}, "version": V2024}, "POST"),
        ({"action": "GetProject", "query": {"ProjectId": 10000}}, "POST"),
        ({"action": "GetNode", "query": {"Id": 1}, "version": V2020}, "POST"),
        ({"action": "StopDIJob", "query": {"Id": 1001}, "version": V2024, "method": "POST"}, "POST"),
    ],
)
def test_call_knows_or_guesses_the_method_unless_it_is_given(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, arguments: dict[str, Any], method: str
) -> None:
    # The emulator does not have all of them.
    with contextlib.suppress(DataWorksPermanentError):
        hook.call(**arguments)

    (entry,) = dataworks_emulator.requests()
    assert (entry["method"], entry["version"]) == (method, arguments.get("version", V2020))


@IN_2024
def test_call_takes_the_version_of_the_connection(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    assert hook.call("GetProject", query={"Id": 10000})["Project"]["Id"] == 10000
    assert hook.call("ListProjects", version=V2020)["PageResult"]["TotalCount"] == 1

    assert [entry["version"] for entry in dataworks_emulator.requests()] == [V2024, V2020]


@IN_2024
@pytest.mark.parametrize("how", [{}, {"method": "GET"}])
def test_body_of_a_get_is_refused(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, how: dict[str, Any]
) -> None:
    with pytest.raises(DataWorksParameterError, match=r"^body: must be empty: GetDIJob is a GET"):
        hook.call("GetDIJob", body={"Id": 1001}, **how)

    assert dataworks_emulator.requests() == []


def test_parameter_in_two_places_is_refused(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksParameterError, match=r"^body: has parameters that are in query too: DIJobId"):
        hook.call("GetDIJob", query={"DIJobId": 1}, body={"DIJobId": 1})

    assert dataworks_emulator.requests() == []


@IN_2024
def test_get_with_an_effect_is_not_sent_again_by_call(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("reset", effect="after")

    with pytest.raises(Exception, match="not known whether the service carried it out"):
        hook.call("StartDIJob", query={"Id": 1001})

    assert len(dataworks_emulator.requests("StartDIJob")) == 1
