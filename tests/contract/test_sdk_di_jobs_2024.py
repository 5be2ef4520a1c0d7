"""The official SDK of API version 2024-05-18 gets from the emulator what the pages of its DIJob actions say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_dataworks_public20200518 import models as models_2020
from alibabacloud_dataworks_public20200518.client import Client as Client2020
from alibabacloud_dataworks_public20240518 import models
from alibabacloud_dataworks_public20240518.client import Client
from alibabacloud_tea_openapi.models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions  # type: ignore[import-untyped]
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.polling import wait_for

FULL, REALTIME, BOTH, BAD, UNKNOWN = 1001, 1002, 1003, 1006, 999
VERSION = "2024-05-18"
EVENTS: dict[str, Any] = {"event_type": "Failover", "start_time": 0, "end_time": 9_999_999_999}
METRICS: dict[str, Any] = {"metric_name": ["totalRecordsRead"], "start_time": 0, "end_time": 9_999_999_999}


def start(sdk: Client, job_id: int, **options: Any) -> models.StartDIJobResponseBody:
    return sdk.start_dijob(models.StartDIJobRequest(id=job_id, **options)).body


def details(sdk: Client, job_id: int, **options: Any) -> models.GetDIJobResponseBodyPagingInfo:
    return sdk.get_dijob(models.GetDIJobRequest(id=job_id, **options)).body.paging_info


def status(sdk: Client, job_id: int) -> str:
    return str(details(sdk, job_id, with_details=False).job_status)


def list_jobs(sdk: Client, project_id: int = 10000, **filters: Any) -> models.ListDIJobsResponseBodyPagingInfo:
    return sdk.list_dijobs(models.ListDIJobsRequest(project_id=project_id, **filters)).body.paging_info


def run_details(sdk: Client, job_id: int, **filters: Any) -> models.ListDIJobRunDetailsResponseBodyPagingInfo:
    request = models.ListDIJobRunDetailsRequest(dijob_id=job_id, **filters)
    return sdk.list_dijob_run_details(request).body.paging_info


def records(sdk: Client, job_id: int) -> list[int]:
    return [table.offline_total_records for table in run_details(sdk, job_id).job_run_infos]


def events(sdk: Client, job_id: int, **options: Any) -> models.ListDIJobEventsResponseBodyPagingInfo:
    request = models.ListDIJobEventsRequest(dijob_id=job_id, **{**EVENTS, **options})
    return sdk.list_dijob_events(request).body.paging_info


def log(sdk: Client, job_id: int, **options: Any) -> str:
    return str(sdk.get_dijob_log(models.GetDIJobLogRequest(id=job_id, **options)).body.log)


def creation(**changes: Any) -> models.CreateDIJobRequest:
    return models.CreateDIJobRequest(
        **{
            "project_id": 10000,
            "name": "created 中",
            "job_type": "DatabaseOfflineMigration",
            "migration_type": "Full",
            "source_data_source_type": "MySQL",
            "destination_data_source_type": "MaxCompute",
            **changes,
        }
    )


# StartDIJob, StopDIJob


def test_start_answers_success_alone(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    answer = sdk_2024.start_dijob(models.StartDIJobRequest(id=FULL))

    assert answer.status_code == 200
    assert answer.body.to_map() == {"Success": True, "RequestId": answer.body.request_id}
    (entry,) = dataworks_emulator.requests("StartDIJob")
    assert (entry["version"], entry["method"], entry["effect"]) == (VERSION, "GET", True)
    assert dataworks_emulator.job(FULL)["starts"] == 1


@pytest.mark.parametrize("name", ["id", "dijob_id"])
def test_job_is_named_by_either_id(sdk_2024: Client, dataworks_emulator: EmulatorControl, name: str) -> None:
    sdk_2024.start_dijob(models.StartDIJobRequest(**{name: REALTIME}))
    assert sdk_2024.get_dijob(models.GetDIJobRequest(**{name: REALTIME})).body.paging_info.id == REALTIME
    assert sdk_2024.get_dijob_log(models.GetDIJobLogRequest(**{name: REALTIME})).body.log
    sdk_2024.stop_dijob(models.StopDIJobRequest(**{name: REALTIME}))

    job = dataworks_emulator.job(REALTIME)
    assert (job["starts"], job["stops"]) == (1, 1)


def test_start_settings_arrive_as_they_were_given(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    settings = models.StartDIJobRequestRealtimeStartSettings(start_time=1663765058)

    start(sdk_2024, REALTIME, realtime_start_settings=settings, force_to_rerun=True)

    (request,) = dataworks_emulator.job(REALTIME)["start_requests"]
    assert request["RealtimeStartSettings"] == {"StartTime": 1663765058}
    assert request["ForceToRerun"] is True
    (entry,) = dataworks_emulator.requests("StartDIJob")
    assert entry["query"]["RealtimeStartSettings"] == '{"StartTime":1663765058}'
    assert entry["query"]["ForceToRerun"] == "True"


def test_realtime_job_runs_until_it_is_stopped_and_each_action_spells_that_its_way(
    sdk_2024: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=0, stop_seconds=2)
    start(sdk_2024, REALTIME)
    assert status(sdk_2024, REALTIME) == "Running"

    answer = sdk_2024.stop_dijob(models.StopDIJobRequest(id=REALTIME)).body

    assert answer.success is True
    assert status(sdk_2024, REALTIME) == "Stopping"
    wait_for(lambda: status(sdk_2024, REALTIME) != "Stopping")
    assert status(sdk_2024, REALTIME) == "Stop"
    listed = {job.id: job.job_status for job in list_jobs(sdk_2024).dijobs}
    assert listed[REALTIME] == "Stopped"


def test_old_status_is_shown_for_the_lag_of_a_start(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(FULL, JobStatus="Finished", start_lag_seconds=2, run_seconds=60)

    assert start(sdk_2024, FULL, force_to_rerun=True).success is True

    assert status(sdk_2024, FULL) == "Finished"
    wait_for(lambda: status(sdk_2024, FULL) == "Running")


def test_finished_job_has_nothing_to_do_without_force(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0, skip_seconds=2)
    start(sdk_2024, FULL)
    before = records(sdk_2024, FULL)
    dataworks_emulator.set_job(FULL, run_seconds=60)

    start(sdk_2024, FULL)

    assert status(sdk_2024, FULL) == "Running"
    assert records(sdk_2024, FULL) == before
    wait_for(lambda: status(sdk_2024, FULL) == "Finished")
    assert records(sdk_2024, FULL) == before
    assert dataworks_emulator.job(FULL)["starts"] == 2


def test_finished_job_is_run_anew_with_force(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    start(sdk_2024, FULL)
    before = records(sdk_2024, FULL)

    start(sdk_2024, FULL, force_to_rerun=True)

    assert [after - earlier for after, earlier in zip(records(sdk_2024, FULL), before, strict=True)] == [10, 10, 10]


def test_finished_job_can_be_set_to_run_anew_without_force(
    sdk_2024: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=60, rerun_finished_full=True)
    dataworks_emulator.set_job(FULL, JobStatus="Finished")

    start(sdk_2024, FULL)

    assert status(sdk_2024, FULL) == "Running"
    assert records(sdk_2024, FULL)[-1] == 0


def test_start_of_a_running_job_is_refused(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    start(sdk_2024, FULL)

    with pytest.raises(TeaException) as raised:
        start(sdk_2024, FULL)

    assert (raised.value.statusCode, raised.value.code) == (400, "IncorrectDIJobStatus")
    assert dataworks_emulator.job(FULL)["starts"] == 1


# GetDIJob, ListDIJobs


def test_details_have_no_time_no_error_and_no_run_id(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    start(sdk_2024, BAD)

    job = details(sdk_2024, BAD)

    assert job.to_map() == {
        "Id": BAD,
        "DIJobId": str(BAD),
        "ProjectId": 10000,
        "JobName": "mysql_to_holo_full_bad",
        "JobType": "DatabaseOfflineMigration",
        "MigrationType": "Full",
        "JobStatus": "Failed",
        "Owner": "260000000000000001",
        "SourceDataSourceType": "MySQL",
        "DestinationDataSourceType": "Hologres",
        "SourceDataSourceSettings": [],
        "DestinationDataSourceSettings": [],
        "TableMappings": [],
        "TransformationRules": [],
    }


def test_answers_have_no_field_that_the_sdk_does_not_know(
    sdk_2024: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=0)
    start(sdk_2024, BAD)

    for action, query, model in (
        ("GetDIJob", {"Id": BAD}, models.GetDIJobResponseBody),
        ("ListDIJobs", {"ProjectId": 10000}, models.ListDIJobsResponseBody),
        ("ListDIJobRunDetails", {"DIJobId": BAD}, models.ListDIJobRunDetailsResponseBody),
        (
            "ListDIJobEvents",
            {"DIJobId": BAD, "EventType": "Failover", "StartTime": 0, "EndTime": 9_999_999_999},
            models.ListDIJobEventsResponseBody,
        ),
        ("GetDIJobLog", {"Id": BAD}, models.GetDIJobLogResponseBody),
    ):
        raw = call(sdk_2024, action, query=query)["body"]
        known = model().from_map(raw).to_map()
        assert _keys(raw) <= _keys(known), action


def _keys(content: Any, path: str = "") -> set[str]:
    if isinstance(content, list):
        return {key for item in content for key in _keys(item, path)}
    if not isinstance(content, dict):
        return {path}
    return {key for name, value in content.items() for key in _keys(value, f"{path}.{name}")}


def test_list_has_all_fields_of_the_page(sdk_2024: Client) -> None:
    paging = list_jobs(sdk_2024)

    assert (paging.total_count, paging.page_number, paging.page_size) == (6, 1, 10)
    assert paging.dijobs[0].to_map() == {
        "Id": FULL,
        "DIJobId": FULL,
        "ProjectId": 10000,
        "JobName": "mysql_to_holo_full",
        "MigrationType": "Full",
        "SourceDataSourceType": "MySQL",
        "DestinationDataSourceType": "Hologres",
        "JobStatus": "Initialized",
        "Owner": "260000000000000001",
    }


def test_list_goes_over_pages(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_jobs({"JobName": f"paged_{number:03}"} for number in range(203))

    pages = [list_jobs(sdk_2024, name="paged_", page_size=100, page_number=number) for number in (1, 2, 3, 4)]

    assert [len(page.dijobs) for page in pages] == [100, 100, 3, 0]
    assert {page.total_count for page in pages} == {203}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"name": "REALTIME"}, [REALTIME, BOTH]),
        ({"migration_type": "Full"}, [FULL, BAD, 7, 8]),
        ({"source_data_source_type": "sqlserver"}, [7]),
        ({"destination_data_source_type": "STARROCKS"}, [7, 8]),
        ({"name": "none such"}, []),
    ],
)
def test_list_filters(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, filters: dict[str, Any], expected: list[int]
) -> None:
    dataworks_emulator.add_job(DIJobId=7, SourceDataSourceType="SQLServer", DestinationDataSourceType="StarRocks")
    dataworks_emulator.add_job(DIJobId=8, DestinationDataSourceType="StarRocks")

    assert sorted(job.id for job in list_jobs(sdk_2024, **filters).dijobs) == sorted(expected)


def test_list_spells_types_as_its_page_does(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_job(DIJobId=7, SourceDataSourceType="LogHub", DestinationDataSourceType="StarRocks")

    (job,) = list_jobs(sdk_2024, name="job_7").dijobs

    assert (job.source_data_source_type, job.destination_data_source_type) == ("Loghub", "STARROCKS")
    assert details(sdk_2024, 7).source_data_source_type == "LogHub"


def test_jobs_in_script_mode_are_listed_on_demand(sdk_2024: Client) -> None:
    created = sdk_2024.create_dijob(creation(file_spec="{}")).body.id

    listed = {
        spec_type: [job.id for job in list_jobs(sdk_2024, name="created", spec_type=spec_type).dijobs]
        for spec_type in (None, "CLASSIC", "FILESPEC", "ALL")
    }

    assert listed == {None: [], "CLASSIC": [], "FILESPEC": [created], "ALL": [created]}


def test_ids_can_come_as_text(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(ids_as_text=True)

    job = list_jobs(sdk_2024).dijobs[0]

    assert (job.id, job.dijob_id, job.project_id) == ("1001", "1001", "10000")
    assert details(sdk_2024, FULL).id == "1001"


# ListDIJobRunDetails


def test_counters_of_the_page_are_text(sdk_2024: Client) -> None:
    start(sdk_2024, FULL)

    paging = run_details(sdk_2024, FULL, page_size=2, page_number=2)

    assert (paging.total_count, paging.page_number, paging.page_size) == ("3", "2", "2")
    assert [table.source_table_name for table in paging.job_run_infos] == ["orders"]


def test_job_that_was_never_started_has_no_run_details(sdk_2024: Client) -> None:
    paging = run_details(sdk_2024, FULL)

    assert (paging.total_count, paging.job_run_infos) == ("0", [])


def test_tables_of_a_full_job_are_finished_one_by_one(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(FULL, JobStatus="Running")  # half through
    running = run_details(sdk_2024, FULL).job_run_infos
    dataworks_emulator.set_job(FULL, JobStatus="Finished")
    finished = run_details(sdk_2024, FULL).job_run_infos

    assert [table.full_migration_status for table in running] == ["Finished", "Running", "Initialized"]
    assert [table.structure_migration_status for table in running] == ["Finished", "Finished", "Initialized"]
    assert [table.realtime_migration_status for table in running] == [None, None, None]
    assert [table.offline_total_records for table in running] == [200, 1333, 0]
    assert [table.full_migration_status for table in finished] == ["Finished"] * 3
    assert [table.offline_total_records for table in finished] == [200, 3000, 1000]
    assert [table.offline_total_bytes for table in finished] == [20000, 300000, 100000]
    assert [table.full_migration_error_message for table in finished] == [None] * 3


def test_counters_grow_while_a_job_runs(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(FULL, tables=[{"name": "t", "records": 10**9}], run_seconds=600)
    start(sdk_2024, FULL)
    seen = [records(sdk_2024, FULL)[0]]

    for _ in range(3):
        wait_for(lambda: records(sdk_2024, FULL)[0] > seen[-1], 120)
        seen.append(records(sdk_2024, FULL)[0])

    assert seen[-1] < 10**9


def test_realtime_phase_follows_the_full_one(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0, stop_seconds=0)
    start(sdk_2024, BOTH)

    running = run_details(sdk_2024, BOTH).job_run_infos
    sdk_2024.stop_dijob(models.StopDIJobRequest(id=BOTH))
    stopped = run_details(sdk_2024, BOTH).job_run_infos

    assert {(table.full_migration_status, table.realtime_migration_status) for table in running} == {
        ("Finished", "Running")
    }
    assert {(table.full_migration_status, table.realtime_migration_status) for table in stopped} == {
        ("Finished", "Stopped")
    }


def test_failed_table_says_why(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    start(sdk_2024, BAD)

    tables = run_details(sdk_2024, BAD).job_run_infos

    assert [table.full_migration_status for table in tables] == ["Finished", "Finished", "Failed"]
    assert "amount is too narrow" in tables[2].full_migration_error_message
    assert (tables[0].full_migration_error_message, tables[2].offline_error_records) == (None, 1)


def test_run_after_a_failure_goes_on_with_the_tables_that_are_left(
    sdk_2024: Client, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=0)
    start(sdk_2024, BAD)
    dataworks_emulator.set_job(BAD, outcome="Finished")

    start(sdk_2024, BAD)

    assert records(sdk_2024, BAD) == [200, 3000, 1010]  # the table that failed has grown meanwhile


def test_run_details_are_filtered_by_table(sdk_2024: Client) -> None:
    start(sdk_2024, FULL)

    assert [
        table.source_table_name for table in run_details(sdk_2024, FULL, source_table_name="orders").job_run_infos
    ] == ["orders"]
    assert run_details(sdk_2024, FULL, source_database_name="other").total_count == "0"


# GetDIJobLog, ListDIJobEvents, ListDIJobMetrics


def test_log_ends_with_the_reason_of_a_failure(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    assert log(sdk_2024, BAD) == ""
    start(sdk_2024, BAD)

    text = log(sdk_2024, BAD)

    assert "Table customers: migrated" in text
    assert text.splitlines()[-1].endswith("amount is too narrow for the source column amount.")
    assert "reading 3000 records" in log(sdk_2024, BAD, node_type="WORKER")
    assert log(sdk_2024, BAD, node_type="MASTER", failover_id=1, instance_id=6153616438) == text


def test_log_is_read_page_by_page(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(FULL, log_lines=[f"line {number}" for number in range(150)])

    pages = [log(sdk_2024, FULL, page_number=number) for number in (1, 2, 3)]

    assert [page.count("\n") for page in pages] == [100, 50, 0]
    assert pages[1].startswith("line 100\n")


def test_failed_run_is_a_failover_event(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    began = int(time.time())
    for _ in range(2):
        start(sdk_2024, BAD)

    paging = events(sdk_2024, BAD, start_time=began)

    assert (paging.total_count, paging.page_number, paging.page_size) == (2, 1, 10)
    assert [event.id for event in paging.dijob_event] == ["1", "2"]
    assert "amount is too narrow" in paging.dijob_event[0].failover_message
    time.strptime(paging.dijob_event[0].create_time, "%Y-%m-%d %H:%M:%S")
    assert events(sdk_2024, BAD, end_time=began - 1).dijob_event == []
    assert events(sdk_2024, BAD, event_type="Alarm").dijob_event == []
    assert len(events(sdk_2024, BAD, page_size=1, page_number=2).dijob_event) == 1


def test_event_can_be_added(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    event = {"EventType": "DDL", "time": 1663573162, "Action": "Ignore", "SrcSql": "alter table t", "SrcTable": "t"}
    dataworks_emulator.set_job(REALTIME, events=[event])

    (shown,) = events(sdk_2024, REALTIME, event_type="DDL").dijob_event

    assert shown.to_map() == {
        "Id": "1", "CreateTime": "2022-09-19 15:39:22", "Action": "Ignore", "SrcSql": "alter table t", "SrcTable": "t",
    }  # fmt: skip


def test_metrics_are_samples_of_the_run(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.set_job(FULL, JobStatus="Finished", StartedTime=int(time.time()) - 25)
    request = models.ListDIJobMetricsRequest(
        dijob_id=FULL, **{**METRICS, "metric_name": ["totalRecordsRead", "delayTime"]}
    )

    total, delay = sdk_2024.list_dijob_metrics(request).body.paging_info.job_metrics

    assert (total.name, delay.name) == ("totalRecordsRead", "delayTime")
    assert [sample.value for sample in total.series_list] == [4200.0] * 3
    assert total.series_list[1].time - total.series_list[0].time == 10


# CreateDIJob, UpdateDIJob, DeleteDIJob


def test_job_is_created_changed_and_deleted(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    mapping = models.CreateDIJobRequestTableMappings(
        source_object_selection_rules=[
            models.CreateDIJobRequestTableMappingsSourceObjectSelectionRules(
                action="Include", expression="t1", expression_type="Exact", object_type="Table"
            )
        ]
    )
    source = models.CreateDIJobRequestSourceDataSourceSettings(data_source_name="mysql_pub")
    runtime = models.CreateDIJobRequestJobSettingsRuntimeSettings(name="runtime.x", value="1")

    created = sdk_2024.create_dijob(
        creation(
            owner="1",
            description="by the SDK",
            source_data_source_settings=[source],
            table_mappings=[mapping],
            job_settings=models.CreateDIJobRequestJobSettings(runtime_settings=[runtime]),
        )
    ).body

    assert created.id == created.dijob_id > 10000
    job = details(sdk_2024, created.id)
    assert (job.job_name, job.description, job.job_status) == ("created 中", "by the SDK", "Initialized")
    assert (job.owner, job.job_type) == ("1", "DatabaseOfflineMigration")
    assert job.source_data_source_settings[0].data_source_name == "mysql_pub"
    assert job.job_settings.runtime_settings[0].name == "runtime.x"
    assert details(sdk_2024, created.id, with_details=False).source_data_source_settings == []
    changed = sdk_2024.update_dijob(
        models.UpdateDIJobRequest(id=created.id, project_id=10000, owner="2", description="changed")
    )
    assert changed.body.success is True
    job = details(sdk_2024, created.id)
    assert (job.owner, job.description, job.job_settings.runtime_settings[0].value) == ("2", "changed", "1")
    dataworks_emulator.settings(run_seconds=0)
    start(sdk_2024, created.id)
    assert [table.source_table_name for table in run_details(sdk_2024, created.id).job_run_infos] == ["t1"]
    assert run_details(sdk_2024, created.id).job_run_infos[0].source_datasource_name == "mysql_pub"
    deleted = sdk_2024.delete_dijob(models.DeleteDIJobRequest(id=created.id, project_id=10000))
    assert deleted.body.success is True
    assert created.id not in [job["DIJobId"] for job in dataworks_emulator.jobs()]


def test_second_creation_with_the_same_name_is_refused(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    sdk_2024.create_dijob(creation())

    with pytest.raises(TeaException) as raised:
        sdk_2024.create_dijob(creation(migration_type="OfflineIncremental"))

    assert raised.value.statusCode == 400
    assert "already exists" in str(raised.value)
    dataworks_emulator.add_job(DIJobId=7, ProjectId=20000)
    assert sdk_2024.create_dijob(creation(project_id=20000)).status_code == 200  # a name is unique in its workspace


def test_deprecated_job_name_still_names_a_job(sdk_2024: Client) -> None:
    created = sdk_2024.create_dijob(creation(name=None, job_name="old way")).body.id

    assert details(sdk_2024, created).job_name == "old way"


def test_running_job_is_not_deleted(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    start(sdk_2024, REALTIME)

    with pytest.raises(TeaException) as raised:
        sdk_2024.delete_dijob(models.DeleteDIJobRequest(id=REALTIME))

    assert raised.value.code == "IncorrectDIJobStatus"
    assert dataworks_emulator.job(REALTIME)["JobStatus"] == "Running"


# Workspaces


def test_workspaces_are_shown(sdk_2024: Client, sdk: Client2020) -> None:
    project = sdk_2024.get_project(models.GetProjectRequest(id=10000)).body.project
    (listed,) = sdk_2024.list_projects(models.ListProjectsRequest(ids=[10000, 5])).body.paging_info.projects
    old = sdk.get_project(models_2020.GetProjectRequest(project_id=10000)).body

    assert (project.id, project.name, project.status) == (10000, "emulated_10000", "Available")
    assert listed.to_map() == project.to_map()
    assert sdk_2024.list_projects(models.ListProjectsRequest(names=["x"])).body.paging_info.total_count == 0
    assert (old.success, old.data.project_id, old.data.project_identifier) == (True, 10000, "emulated_10000")


def test_unknown_workspace_is_refused_in_both_versions(sdk_2024: Client, sdk: Client2020) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: sdk_2024.get_project(models.GetProjectRequest(id=5)),
        lambda: sdk.get_project(models_2020.GetProjectRequest(project_identifier="x")),
        lambda: list_jobs(sdk_2024, 5),
        lambda: sdk_2024.create_dijob(creation(project_id=5)),
    )
    for refused in calls:
        with pytest.raises(TeaException) as raised:
            refused()
        assert raised.value.code == "Invalid.Tenant.ProjectNotExists"


# Both versions at once


def test_both_versions_show_the_same_jobs(
    sdk_2024: Client, sdk: Client2020, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=60)
    created = sdk_2024.create_dijob(creation()).body.id

    sdk.start_dijob(models_2020.StartDIJobRequest(dijob_id=created))

    assert status(sdk_2024, created) == "Running"
    assert sdk.get_dijob(models_2020.GetDIJobRequest(dijob_id=created)).body.data.job_name == "created 中"
    assert list_jobs(sdk_2024).total_count == 7
    assert sdk.list_dijobs(models_2020.ListDIJobsRequest(project_id=10000)).body.dijob_paging.total_count == 7


def test_versions_can_be_separated(sdk_2024: Client, sdk: Client2020, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(separate_versions=True)
    created = sdk_2024.create_dijob(creation()).body.id

    with pytest.raises(TeaException) as raised:
        sdk.get_dijob(models_2020.GetDIJobRequest(dijob_id=created))

    assert raised.value.code == "InvalidDIJobId.NotFound"
    assert list_jobs(sdk_2024).total_count == 7
    assert sdk.list_dijobs(models_2020.ListDIJobsRequest(project_id=10000)).body.dijob_paging.total_count == 6


# Editions


@pytest.mark.parametrize("edition", ["basic", "standard", "professional"])
def test_editions_below_enterprise_have_the_jobs_of_the_new_version_alone(
    sdk_2024: Client, sdk: Client2020, dataworks_emulator: EmulatorControl, edition: str
) -> None:
    dataworks_emulator.settings(edition=edition)

    with pytest.raises(TeaException) as raised:
        sdk.start_dijob(models_2020.StartDIJobRequest(dijob_id=FULL))

    assert (raised.value.statusCode, raised.value.code) == (403, "Forbidden.Access")
    assert "Please first activate DataWorks Enterprise Edition or Flagship Edition" in str(raised.value)
    assert dataworks_emulator.job(FULL)["starts"] == 0
    assert start(sdk_2024, FULL).success is True
    assert sdk.get_project(models_2020.GetProjectRequest(project_id=10000)).body.success is True


# Failures that raise nothing, and the asynchronous client


def test_success_can_be_false_in_a_200(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("body", action="StartDIJob", body={"Success": False})

    assert start(sdk_2024, FULL).success is False
    assert dataworks_emulator.job(FULL)["starts"] == 0


def test_asynchronous_client_is_served_too(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    request = models.StartDIJobRequest(id=REALTIME, force_to_rerun=True)
    sdk_2024.start_dijob(request)
    dataworks_emulator.set_job(REALTIME, JobStatus="Stopped")

    assert asyncio.run(sdk_2024.start_dijob_async(request)).body.success is True

    first, second = dataworks_emulator.requests("StartDIJob")
    # Its HTTP library adds these, unsigned.
    assert (second["headers"]["content-type"], second["headers"]["content-length"]) == ("application/octet-stream", "0")
    for name in ("method", "version", "query", "form", "body_bytes", "effect"):
        assert first[name] == second[name], name


# Calls that are refused


def call(client: Client, action: str, method: str = "GET", **request: Any) -> dict[str, Any]:
    """Call any action through the SDK's own core."""
    query = {name: str(value) for name, value in request.pop("query", {}).items()}
    params = Params(
        action=action, version=VERSION, protocol="HTTP", pathname="/", method=method, auth_type="AK", style="RPC",
        req_body_type="formData", body_type="json",
    )  # fmt: skip
    answer: dict[str, Any] = client.call_api(params, OpenApiRequest(query=query, **request), RuntimeOptions())
    return answer


@pytest.mark.parametrize(
    "refused",
    [
        lambda sdk: sdk.get_dijob(models.GetDIJobRequest(id=UNKNOWN)),
        lambda sdk: sdk.get_dijob(models.GetDIJobRequest(id=FULL, project_id=20000)),
        lambda sdk: sdk.start_dijob(models.StartDIJobRequest(id=UNKNOWN)),
        lambda sdk: sdk.stop_dijob(models.StopDIJobRequest(id=UNKNOWN)),
        lambda sdk: sdk.delete_dijob(models.DeleteDIJobRequest(id=UNKNOWN)),
        lambda sdk: sdk.update_dijob(models.UpdateDIJobRequest(id=UNKNOWN)),
        lambda sdk: sdk.get_dijob_log(models.GetDIJobLogRequest(id=UNKNOWN)),
        lambda sdk: sdk.list_dijob_run_details(models.ListDIJobRunDetailsRequest(dijob_id=UNKNOWN)),
        lambda sdk: sdk.list_dijob_events(models.ListDIJobEventsRequest(dijob_id=UNKNOWN, **EVENTS)),
        lambda sdk: sdk.list_dijob_metrics(models.ListDIJobMetricsRequest(dijob_id=UNKNOWN, **METRICS)),
    ],
)
def test_unknown_job_is_500130(sdk_2024: Client, refused: Callable[[Client], object]) -> None:
    with pytest.raises(TeaException) as raised:
        refused(sdk_2024)

    assert raised.value.code == "500130"


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (lambda sdk: sdk.get_dijob(models.GetDIJobRequest()), "MissingId"),
        (lambda sdk: sdk.start_dijob(models.StartDIJobRequest()), "MissingId"),
        (lambda sdk: sdk.stop_dijob(models.StopDIJobRequest(instance_id=1)), "MissingId"),
        (lambda sdk: sdk.delete_dijob(models.DeleteDIJobRequest(project_id=10000)), "MissingId"),
        (lambda sdk: sdk.update_dijob(models.UpdateDIJobRequest(description="x")), "MissingId"),
        (lambda sdk: sdk.get_dijob_log(models.GetDIJobLogRequest()), "MissingId"),
        (lambda sdk: sdk.list_dijobs(models.ListDIJobsRequest()), "MissingProjectId"),
        (lambda sdk: sdk.list_dijob_run_details(models.ListDIJobRunDetailsRequest()), "MissingDIJobId"),
        (lambda sdk: sdk.get_project(models.GetProjectRequest()), "MissingId"),
        *(
            (
                lambda sdk, name=name: sdk.list_dijob_events(
                    models.ListDIJobEventsRequest(**{"dijob_id": FULL, **EVENTS, name: None})
                ),
                code,
            )
            for name, code in (
                ("dijob_id", "MissingDIJobId"),
                ("event_type", "MissingEventType"),
                ("start_time", "MissingStartTime"),
                ("end_time", "MissingEndTime"),
            )
        ),
        (
            lambda sdk: sdk.list_dijob_metrics(
                models.ListDIJobMetricsRequest(**{"dijob_id": FULL, **METRICS, "metric_name": None})
            ),
            "MissingMetricName",
        ),
        *(
            (lambda sdk, name=name: sdk.create_dijob(creation(**{name: None})), code)
            for name, code in (
                ("project_id", "MissingProjectId"),
                ("name", "MissingName"),
                ("migration_type", "MissingMigrationType"),
                ("source_data_source_type", "MissingSourceDataSourceType"),
                ("destination_data_source_type", "MissingDestinationDataSourceType"),
            )
        ),
    ],
)
def test_required_parameter_is_named(sdk_2024: Client, refused: Callable[[Client], object], code: str) -> None:
    with pytest.raises(TeaException) as raised:
        refused(sdk_2024)

    assert (raised.value.statusCode, raised.value.code) == (400, code)


@pytest.mark.parametrize(
    "refused",
    [
        lambda sdk: list_jobs(sdk, page_size=101),
        lambda sdk: list_jobs(sdk, page_size=0),
        lambda sdk: list_jobs(sdk, page_number=0),
        lambda sdk: list_jobs(sdk, migration_type="api_FullAndRealtimeIncremental"),
        lambda sdk: list_jobs(sdk, spec_type="SCRIPT"),
        lambda sdk: run_details(sdk, FULL, page_size=200),
        lambda sdk: events(sdk, FULL, event_type="Heartbeat"),
        lambda sdk: events(sdk, FULL, end_time=1671516776000),
        lambda sdk: events(sdk, FULL, page_size=101),
        lambda sdk: log(sdk, FULL, node_type="MAIN"),
        lambda sdk: log(sdk, FULL, page_number=0),
        lambda sdk: sdk.list_dijob_metrics(
            models.ListDIJobMetricsRequest(**{"dijob_id": FULL, **METRICS, "metric_name": ["x"]})
        ),
        lambda sdk: sdk.create_dijob(creation(job_type="Realtime")),
        lambda sdk: sdk.create_dijob(creation(source_data_source_type="MaxCompute")),
        lambda sdk: sdk.create_dijob(creation(destination_data_source_type="MAXCOMPUTE")),
        lambda sdk: start(
            sdk, FULL, realtime_start_settings=models.StartDIJobRequestRealtimeStartSettings(start_time=1663765058000)
        ),
    ],
)
def test_value_that_cannot_be_used_is_refused(sdk_2024: Client, refused: Callable[[Client], object]) -> None:
    with pytest.raises(TeaException) as raised:
        refused(sdk_2024)

    assert (raised.value.statusCode, raised.value.code) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("action", "method", "request_", "code"),
    [
        ("StartDIJob", "POST", {"query": {"Id": FULL}}, "UnsupportedHTTPMethod"),
        ("StartDIJob", "POST", {"body": {"DIJobId": FULL}}, "UnsupportedHTTPMethod"),
        ("ListDIJobs", "POST", {"query": {"ProjectId": 10000}}, "UnsupportedHTTPMethod"),
        ("CreateDIJob", "GET", {"query": {"ProjectId": 10000, "Name": "n"}}, "UnsupportedHTTPMethod"),
        ("UpdateDIJob", "GET", {"query": {"Id": FULL}}, "UnsupportedHTTPMethod"),
        ("StartDIJob", "GET", {"body": {"Id": FULL}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": FULL}, "body": {"ForceToRerun": True}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": FULL}, "headers": {"content-type": "text/plain"}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": FULL, "ForceToRerun": "1"}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": FULL, "RealtimeStartSettings.StartTime": 1}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": FULL, "RealtimeStartSettings": "StartTime"}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": FULL, "ClientToken": "t"}}, "InvalidParameter"),
        ("StartDIJob", "GET", {"query": {"Id": "one"}}, "InvalidParameter"),
        ("ListDIJobs", "GET", {"query": {"ProjectId": 10000, "JobName": "n"}}, "InvalidParameter"),
        ("ListDIJobRunDetails", "GET", {"query": {"Id": FULL}}, "InvalidParameter"),
        ("ListDIJobMetrics", "GET", {"query": {"DIJobId": FULL, "MetricName.1": "x"}}, "InvalidParameter"),
        ("CreateDIJob", "POST", {"body": {"ProjectId": 10000}}, "InvalidParameter"),
        ("CreateDIJob", "POST", {"query": {"ProjectId": 10000, "Description": "d"}}, "InvalidParameter"),
        ("CreateDIJob", "POST", {"query": {"ProjectId": 10000, "ClientToken": "t"}}, "InvalidParameter"),
        ("CreateDISyncTask", "POST", {"query": {"ProjectId": 10000}}, "InvalidAction.NotFound"),
    ],
)  # fmt: skip
def test_method_and_place_of_each_parameter_are_exact(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, action: str, method: str, request_: dict[str, Any], code: str
) -> None:
    with pytest.raises(TeaException) as raised:
        call(sdk_2024, action, method, **request_)

    assert raised.value.code == code
    assert not any(entry["effect"] for entry in dataworks_emulator.requests())


@pytest.mark.parametrize(("spelled", "value"), [("True", True), ("true", True), ("False", False), ("false", False)])
def test_booleans_are_taken_in_both_spellings(
    sdk_2024: Client, dataworks_emulator: EmulatorControl, spelled: str, value: bool
) -> None:
    call(sdk_2024, "StartDIJob", query={"Id": FULL, "ForceToRerun": spelled})

    assert dataworks_emulator.job(FULL)["start_requests"][0]["ForceToRerun"] is value


# On the wire


def test_get_actions_have_everything_in_the_query(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    list_jobs(sdk_2024, name="mysql_to_holo 中", migration_type="Full", page_number=1, page_size=100, spec_type="ALL")
    details(sdk_2024, FULL, project_id=10000, with_details=False)
    settings = models.StartDIJobRequestRealtimeStartSettings(start_time=1663765058)
    start(sdk_2024, FULL, force_to_rerun=True, realtime_start_settings=settings)
    sdk_2024.list_dijob_metrics(
        models.ListDIJobMetricsRequest(
            dijob_id=FULL, end_time=1674726801, metric_name=["delayTime"], start_time=1663573162
        )
    )
    sdk_2024.stop_dijob(models.StopDIJobRequest(id=FULL))

    entries = dataworks_emulator.requests()
    assert [(entry["action"], entry["query"]) for entry in entries] == [
        (
            "ListDIJobs",
            {
                "MigrationType": "Full", "Name": "mysql_to_holo 中", "PageNumber": "1", "PageSize": "100",
                "ProjectId": "10000", "SpecType": "ALL",
            },
        ),
        ("GetDIJob", {"Id": "1001", "ProjectId": "10000", "WithDetails": "False"}),
        ("StartDIJob", {"ForceToRerun": "True", "Id": "1001", "RealtimeStartSettings": '{"StartTime":1663765058}'}),
        (
            "ListDIJobMetrics",
            {"DIJobId": "1001", "EndTime": "1674726801", "MetricName": '["delayTime"]', "StartTime": "1663573162"},
        ),
        ("StopDIJob", {"Id": "1001"}),
    ]  # fmt: skip
    for entry in entries:
        assert (entry["method"], entry["version"], entry["form"], entry["body_bytes"]) == ("GET", VERSION, {}, 0)
        assert not {"content-type", "content-length"} & set(entry["headers"])


def test_creation_is_divided_between_query_and_form(sdk_2024: Client, dataworks_emulator: EmulatorControl) -> None:
    destination = models.CreateDIJobRequestDestinationDataSourceSettings(data_source_name="odps")

    sdk_2024.create_dijob(
        creation(name="j 1", description="d", owner="1", destination_data_source_settings=[destination])
    )

    (entry,) = dataworks_emulator.requests("CreateDIJob")
    assert entry["method"] == "POST"
    assert entry["query"] == {
        "DestinationDataSourceType": "MaxCompute", "JobType": "DatabaseOfflineMigration", "MigrationType": "Full",
        "Name": "j 1", "Owner": "1", "ProjectId": "10000", "SourceDataSourceType": "MySQL",
    }  # fmt: skip
    assert entry["form"] == {
        "Description": "d",
        "DestinationDataSourceSettings": '[{"DataSourceName":"odps"}]',
    }
