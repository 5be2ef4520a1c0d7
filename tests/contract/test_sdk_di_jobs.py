"""The official SDK gets from the emulator what the pages of the DIJob actions say."""

from __future__ import annotations

import time

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from Tea.exceptions import TeaException

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.polling import wait_for

FULL, REALTIME, BAD = 1001, 1002, 1006


def status(sdk: Client, di_job_id: int) -> str:
    answer = sdk.get_dijob(models.GetDIJobRequest(dijob_id=di_job_id, with_details=False))
    return str(answer.body.data.job_status)


def list_jobs(sdk: Client, project_id: int = 10000, **filters: object) -> models.ListDIJobsResponseBodyDIJobPaging:
    return sdk.list_dijobs(models.ListDIJobsRequest(project_id=project_id, **filters)).body.dijob_paging


# StartDIJob


def test_start_answers_a_request_id_alone(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    answer = sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    assert answer.status_code == 200
    assert set(answer.body.to_map()) == {"RequestId"}
    assert answer.body.request_id == dataworks_emulator.requests("StartDIJob")[0]["request_id"]
    assert dataworks_emulator.job(FULL)["starts"] == 1


def test_start_settings_arrive_as_they_were_given(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    failover = models.StartDIJobRequestRealtimeStartSettingsFailoverSettings(interval=10, upper_limit=30)
    settings = models.StartDIJobRequestRealtimeStartSettings(start_time=1671516776, failover_settings=failover)

    sdk.start_dijob(models.StartDIJobRequest(dijob_id=REALTIME, realtime_start_settings=settings, force_to_rerun=True))

    (start,) = dataworks_emulator.job(REALTIME)["start_requests"]
    assert start["RealtimeStartSettings"] == {
        "StartTime": 1671516776,
        "FailoverSettings": {"Interval": 10, "UpperLimit": 30},
    }
    assert start["ForceToRerun"] is True


@pytest.mark.parametrize("force", [True, False])
def test_start_takes_the_booleans_of_the_python_sdk(
    sdk: Client, dataworks_emulator: EmulatorControl, force: bool
) -> None:
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL, force_to_rerun=force))

    assert dataworks_emulator.requests("StartDIJob")[0]["form"]["ForceToRerun"] == str(force)
    assert dataworks_emulator.job(FULL)["start_requests"][0]["ForceToRerun"] is force


def test_full_job_runs_and_finishes(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0.3)
    assert status(sdk, FULL) == "Initialized"

    sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    assert status(sdk, FULL) == "Running"
    wait_for(lambda: status(sdk, FULL) == "Finished")


def test_full_job_fails_with_its_error_message(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)

    sdk.start_dijob(models.StartDIJobRequest(dijob_id=BAD))

    data = sdk.get_dijob(models.GetDIJobRequest(dijob_id=BAD)).body.data
    assert data.job_status == "Failed"
    assert "amount is too narrow" in data.error_message


def test_realtime_job_runs_until_it_is_stopped(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0, stop_seconds=0.3)
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=REALTIME))
    assert status(sdk, REALTIME) == "Running"

    answer = sdk.stop_dijob(models.StopDIJobRequest(dijob_id=REALTIME))

    assert set(answer.body.to_map()) == {"RequestId"}
    assert status(sdk, REALTIME) == "Stopping"
    wait_for(lambda: status(sdk, REALTIME) == "Stopped")


def test_start_of_a_running_job_is_refused(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    with pytest.raises(TeaException) as raised:
        sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    assert raised.value.statusCode == 400
    assert raised.value.code == "IncorrectDIJobStatus"
    assert dataworks_emulator.job(FULL)["starts"] == 1


def test_start_of_a_running_job_can_be_set_to_do_nothing(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(start_running="ignore")
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    job = dataworks_emulator.job(FULL)
    assert (job["starts"], len(job["start_requests"])) == (1, 2)
    assert [entry["effect"] for entry in dataworks_emulator.requests("StartDIJob")] == [True, False]


# GetDIJob


def test_details_of_a_job(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    before = int(time.time())
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=FULL))

    data = sdk.get_dijob(models.GetDIJobRequest(dijob_id=FULL)).body.data

    assert isinstance(data, models.GetDIJobResponseBodyData)
    assert (data.dijob_id, data.project_id, data.job_name) == (FULL, 10000, "mysql_to_holo_full")
    assert (data.migration_type, data.source_data_source_type) == ("Full", "MySQL")
    assert data.destination_data_source_type == "Hologres"
    assert before <= data.started_time <= time.time()
    assert data.error_message is None


def test_job_that_was_never_started_has_no_started_time(sdk: Client) -> None:
    assert sdk.get_dijob(models.GetDIJobRequest(dijob_id=FULL)).body.data.started_time is None


@pytest.mark.parametrize("action", ["Get", "Start", "Stop", "Delete"])
def test_unknown_job_is_refused(sdk: Client, action: str) -> None:
    request = getattr(models, f"{action}DIJobRequest")(dijob_id=999)

    with pytest.raises(TeaException) as raised:
        getattr(sdk, f"{action.lower()}_dijob")(request)

    assert (raised.value.statusCode, raised.value.code) == (404, "InvalidDIJobId.NotFound")


# ListDIJobs


def test_list_has_all_fields_of_the_page(sdk: Client) -> None:
    paging = list_jobs(sdk)

    assert (paging.total_count, paging.page_number, paging.page_size) == (6, 1, 10)
    assert paging.dijobs[0].to_map() == {
        "DIJobId": FULL,
        "ProjectId": 10000,
        "JobName": "mysql_to_holo_full",
        "MigrationType": "Full",
        "SourceDataSourceType": "MySQL",
        "DestinationDataSourceType": "Hologres",
        "JobStatus": "Initialized",
    }


def test_list_goes_over_pages(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_jobs({"JobName": f"paged_{number:03}"} for number in range(253))

    pages = [list_jobs(sdk, job_name="paged_", page_size=100, page_number=number) for number in (1, 2, 3, 4)]

    assert [len(page.dijobs) for page in pages] == [100, 100, 53, 0]
    assert {page.total_count for page in pages} == {253}
    names = [job.job_name for page in pages for job in page.dijobs]
    assert names == [f"paged_{number:03}" for number in range(253)]


@pytest.mark.parametrize("name", ["job 1", "中文 a+b&c=~*", "100%"])
def test_list_filters_names_fuzzily(sdk: Client, dataworks_emulator: EmulatorControl, name: str) -> None:
    dataworks_emulator.add_jobs([{"JobName": name}, {"JobName": f"{name}0"}, {"JobName": "another"}])

    paging = list_jobs(sdk, job_name=name)

    assert [job.job_name for job in paging.dijobs] == [name, f"{name}0"]
    assert paging.total_count == 2


def test_list_filters_by_source_and_destination(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_job(DIJobId=7, SourceDataSourceType="Kafka", DestinationDataSourceType="Hive")

    assert [job.dijob_id for job in list_jobs(sdk, source_data_source_type="Kafka").dijobs] == [7]
    assert [job.dijob_id for job in list_jobs(sdk, destination_data_source_type="Hive").dijobs] == [7, 1004, 1005]
    assert list_jobs(sdk, source_data_source_type="Oracle").dijobs == []


def test_list_page_can_be_null(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(null_page=2)

    assert len(list_jobs(sdk, page_size=3, page_number=1).dijobs) == 3
    paging = list_jobs(sdk, page_size=3, page_number=2)

    assert paging.dijobs == []
    assert paging.total_count == 6


def test_ids_can_come_as_text(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(ids_as_text=True)

    job = list_jobs(sdk).dijobs[0]

    assert (job.dijob_id, job.project_id) == ("1001", "10000")
    assert sdk.get_dijob(models.GetDIJobRequest(dijob_id=FULL)).body.data.dijob_id == "1001"


@pytest.mark.parametrize("page", [{"page_size": 101}, {"page_size": 0}, {"page_number": 0}])
def test_list_refuses_pages_out_of_bounds(sdk: Client, page: dict[str, int]) -> None:
    with pytest.raises(TeaException) as raised:
        list_jobs(sdk, **page)

    assert (raised.value.statusCode, raised.value.code) == (400, "InvalidParameter")


def test_list_of_an_unknown_workspace_is_refused(sdk: Client) -> None:
    with pytest.raises(TeaException) as raised:
        list_jobs(sdk, project_id=10001)

    assert (raised.value.statusCode, raised.value.code) == (400, "Invalid.Tenant.ProjectNotExists")


def test_list_shows_only_the_jobs_of_its_workspace(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_job(DIJobId=7, ProjectId=20000)

    assert [job.dijob_id for job in list_jobs(sdk, project_id=20000).dijobs] == [7]
    assert list_jobs(sdk).total_count == 6


# CreateDIJob, DeleteDIJob


def test_job_is_created_started_and_deleted(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    source = models.CreateDIJobRequestSourceDataSourceSettings(data_source_name="mysql_pub")
    destination = models.CreateDIJobRequestDestinationDataSourceSettings(data_source_name="holo_pub")

    created = sdk.create_dijob(
        models.CreateDIJobRequest(
            project_id=10000,
            job_name="created 中",
            description="by the SDK",
            migration_type="Full",
            source_data_source_type="MySQL",
            destination_data_source_type="Hologres",
            source_data_source_settings=[source],
            destination_data_source_settings=[destination],
            job_settings=models.CreateDIJobRequestJobSettings(channel_settings="{}"),
        )
    ).body.dijob_id

    detailed = sdk.get_dijob(models.GetDIJobRequest(dijob_id=created)).body.data
    assert (detailed.job_name, detailed.description, detailed.job_status) == ("created 中", "by the SDK", "Initialized")
    assert detailed.source_data_source_settings[0].data_source_name == "mysql_pub"
    assert detailed.job_settings.channel_settings == "{}"
    brief = sdk.get_dijob(models.GetDIJobRequest(dijob_id=created, with_details=False)).body.data
    assert brief.source_data_source_settings == []
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=created))
    assert status(sdk, created) == "Finished"
    sdk.delete_dijob(models.DeleteDIJobRequest(dijob_id=created))
    assert created not in [job["DIJobId"] for job in dataworks_emulator.jobs()]


def test_running_job_is_not_deleted(sdk: Client, dataworks_emulator: EmulatorControl) -> None:
    sdk.start_dijob(models.StartDIJobRequest(dijob_id=REALTIME))

    with pytest.raises(TeaException) as raised:
        sdk.delete_dijob(models.DeleteDIJobRequest(dijob_id=REALTIME))

    assert raised.value.code == "IncorrectDIJobStatus"
    assert dataworks_emulator.job(REALTIME)["JobStatus"] == "Running"
