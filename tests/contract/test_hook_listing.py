"""Listing and finding jobs: all pages, lazily, exact names, ids as integers."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksNotFoundError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_BOTH_VERSIONS, V2020, V2024, list_body, sent

pytestmark = IN_BOTH_VERSIONS


@pytest.fixture
def many_jobs(dataworks_emulator: EmulatorControl) -> list[int]:
    """Return the ids of 253 jobs."""
    dataworks_emulator.add_jobs({"JobName": f"sync_{number}"} for number in range(247))
    return [job["DIJobId"] for job in dataworks_emulator.jobs()]


def pages_asked(emulator: EmulatorControl) -> list[str]:
    return [sent(entry)["PageNumber"] for entry in emulator.requests("ListDIJobs")]


def test_all_jobs_of_three_pages(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    listed = [job["DIJobId"] for job in hook.list_di_jobs()]

    assert len(listed) == 253
    assert sorted(listed) == sorted(many_jobs)
    assert pages_asked(dataworks_emulator) == ["1", "2", "3"]


def test_pages_are_asked_for_as_they_are_needed(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    jobs = hook.list_di_jobs()
    assert pages_asked(dataworks_emulator) == []

    for _ in range(100):
        next(jobs)
    assert pages_asked(dataworks_emulator) == ["1"]
    next(jobs)
    assert pages_asked(dataworks_emulator) == ["1", "2"]


@pytest.mark.parametrize(("page_size", "pages"), [(100, 3), (50, 6), (253 // 11, 11)])
def test_page_size(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int], page_size: int, pages: int
) -> None:
    assert len(list(hook.list_di_jobs(page_size=page_size))) == 253
    assert len(pages_asked(dataworks_emulator)) == pages


def test_last_page_that_is_full_is_the_last(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_jobs({"JobName": f"sync_{number}"} for number in range(94))

    assert len(list(hook.list_di_jobs())) == 100
    assert pages_asked(dataworks_emulator) == ["1"]


@pytest.mark.parametrize(("null_page", "remaining"), [(1, 153), (2, 153), (3, 200)])
def test_page_whose_jobs_are_null_loses_no_other_page(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int], null_page: int, remaining: int
) -> None:
    dataworks_emulator.settings(null_page=null_page)

    assert len(list(hook.list_di_jobs())) == remaining
    assert pages_asked(dataworks_emulator) == ["1", "2", "3"]


def test_empty_workspace(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    for job in dataworks_emulator.jobs():
        dataworks_emulator.remove_job(job["DIJobId"])

    assert list(hook.list_di_jobs()) == []
    dataworks_emulator.settings(null_page=1)
    assert list(hook.list_di_jobs()) == []
    assert pages_asked(dataworks_emulator) == ["1", "1"]


def test_count_that_is_wrong_ends_after_two_empty_pages(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, api_version: str
) -> None:
    paging = {"TotalCount": 1_000_000, "PageNumber": 1, "PageSize": 100, "DIJobs": []}
    dataworks_emulator.add_fault("body", body=list_body(api_version, paging), count=-1)

    assert list(hook.list_di_jobs()) == []
    assert len(pages_asked(dataworks_emulator)) == 2


def test_job_that_moves_to_the_next_page_is_given_once(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    jobs = hook.list_di_jobs()
    first = [next(jobs)["DIJobId"] for _ in range(100)]
    dataworks_emulator.add_job(DIJobId=1, JobName="new_and_first")

    rest = [job["DIJobId"] for job in jobs]

    assert len(first + rest) == len(set(first + rest))
    assert set(many_jobs) <= set(first + rest)


def test_error_on_a_later_page_is_not_the_end_of_the_list(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    dataworks_emulator.add_fault("html", skip=1)
    assert len(list(hook.list_di_jobs())) == 253

    dataworks_emulator.add_fault("error", status=403, code="NoPermission", skip=1)
    with pytest.raises(DataWorksPermanentError):
        list(hook.list_di_jobs())


@pytest.mark.parametrize("paging", [..., None, [], {"DIJobs": "none"}])
def test_answer_without_a_page_is_asked_for_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, paging: Any, api_version: str
) -> None:
    dataworks_emulator.add_fault("body", body={} if paging is ... else list_body(api_version, paging))

    assert len(list(hook.list_di_jobs())) == 6
    assert pages_asked(dataworks_emulator) == ["1", "1"]


# What a job is


def test_every_field_of_the_page_is_given(hook: DataWorksHook, api_version: str) -> None:
    first: dict[str, Any] = dict(next(hook.list_di_jobs()))

    of_2024 = {"Id": 1001, "Owner": "260000000000000001"}
    assert first == {
        **(of_2024 if api_version == V2024 else {}),
        "DIJobId": 1001,
        "ProjectId": 10000,
        "JobName": "mysql_to_holo_full",
        "MigrationType": "Full",
        "SourceDataSourceType": "MySQL",
        "DestinationDataSourceType": "Hologres",
        "JobStatus": "Initialized",
    }


def test_ids_are_integers_also_where_the_service_writes_text(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(ids_as_text=True)

    assert [job["DIJobId"] for job in hook.list_di_jobs()] == [1001, 1002, 1003, 1004, 1005, 1006]
    assert hook.find_di_job(di_job_id=1002)["ProjectId"] == 10000
    assert hook.get_di_job(di_job_id="1002")["DIJobId"] == 1002
    content = {"type": "job"}
    assert type(hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content=content)) is int


def test_lost_start_is_recognised_where_the_service_writes_text(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(ids_as_text=True, run_seconds=0, start_running="ignore")
    dataworks_emulator.add_fault("reset", action="StartDIJob", effect="after")

    hook.start_di_job(di_job_id="1001")

    assert dataworks_emulator.job(1001)["starts"] == 1


def test_filters_are_sent(hook: DataWorksHook, dataworks_emulator: EmulatorControl, api_version: str) -> None:
    jobs = list(
        hook.list_di_jobs(job_name="HIVE", source_data_source_type="MySQL", destination_data_source_type="Hive")
    )

    assert [job["DIJobId"] for job in jobs] == [1004, 1005]
    (entry,) = dataworks_emulator.requests("ListDIJobs")
    own = {"JobName": "HIVE"} if api_version == V2020 else {"Name": "HIVE", "SpecType": "ALL"}
    assert sent(entry) == {
        **own,
        "ProjectId": "10000",
        "SourceDataSourceType": "MySQL",
        "DestinationDataSourceType": "Hive",
        "PageNumber": "1",
        "PageSize": "100",
    }


# Finding one


@pytest.mark.parametrize("wanted", ["job_1", "JOB_1", "job_10", "my job_1", "中文_job_1"])
def test_name_matches_exactly_although_the_filter_is_fuzzy(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, wanted: str
) -> None:
    names = ["job_10", "my job_1", "JOB_1", "job_1", "job_1 ", "中文_job_1", "job_1_copy"]
    ids = {job["JobName"]: job["DIJobId"] for job in dataworks_emulator.add_jobs({"JobName": name} for name in names)}

    assert hook.find_di_job(job_name=wanted)["DIJobId"] == ids[wanted]


@pytest.mark.parametrize("wanted", ["job", "job_", "ob_1", "Job_1", "job_1x"])
def test_near_misses_are_not_found(hook: DataWorksHook, dataworks_emulator: EmulatorControl, wanted: str) -> None:
    dataworks_emulator.add_jobs({"JobName": name} for name in ("job_1", "job_10"))

    with pytest.raises(DataWorksNotFoundError, match=f"Workspace 10000 has no DI job named '{wanted}'"):
        hook.find_di_job(job_name=wanted)


def test_exact_name_on_the_last_page_is_found(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    dataworks_emulator.add_job(DIJobId=999_999, JobName="sync_")

    assert hook.find_di_job(job_name="sync_")["DIJobId"] == 999_999
    assert len(pages_asked(dataworks_emulator)) == 3


def test_jobs_of_one_migration_type_are_listed(hook: DataWorksHook) -> None:
    assert [job["DIJobId"] for job in hook.list_di_jobs(migration_type="Full")] == [1001, 1006]


def test_name_that_several_jobs_have_is_refused(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    ids = [dataworks_emulator.add_job(JobName="twice")["DIJobId"] for _ in range(2)]

    with pytest.raises(DataWorksPermanentError, match=rf"2 DI jobs named 'twice' \(ids {ids[0]}, {ids[1]}\)"):
        hook.find_di_job(job_name="twice")
    assert hook.find_di_job(job_name="twice", di_job_id=ids[1])["DIJobId"] == ids[1]


def test_job_is_found_by_id_without_reading_further_than_needed(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    assert hook.find_di_job(di_job_id=many_jobs[99])["DIJobId"] == many_jobs[99]
    assert pages_asked(dataworks_emulator) == ["1"]


def test_name_beside_an_id_only_narrows_the_listing(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    assert hook.find_di_job(di_job_id=1004, job_name="hive")["DIJobId"] == 1004
    assert "hive" in sent(dataworks_emulator.requests("ListDIJobs")[0]).values()

    with pytest.raises(DataWorksNotFoundError, match="with id 1001 among those named like 'hive'"):
        hook.find_di_job(di_job_id=1001, job_name="hive")


def test_cause_and_remedy_of_a_miss_fit_into_a_list_of_failures(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    name = "a name that is so long that not much of a message has room beside it " * 2
    dataworks_emulator.add_jobs([{"JobName": name}] * 2)

    with pytest.raises(DataWorksNotFoundError) as missed:
        hook.find_di_job(job_name=name + "x")
    with pytest.raises(DataWorksPermanentError) as ambiguous:
        hook.find_di_job(job_name=name)

    assert "There is no such DI job: check its id or name, project_id and region_id." in missed.value.message[:90]
    assert "Several DI jobs have this name: give di_job_id." in ambiguous.value.message[:90]


def test_unknown_id_is_not_found(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksNotFoundError, match="Workspace 10000 has no DI job with id 4711"):
        hook.find_di_job(di_job_id="4711")


def test_one_page_is_one_request_and_has_the_count(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    jobs, count = hook.read_di_jobs_page(page_number=3)

    assert (len(jobs), count) == (53, 253)
    assert pages_asked(dataworks_emulator) == ["3"]
