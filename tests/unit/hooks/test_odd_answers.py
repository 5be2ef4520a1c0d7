"""Answers that no page describes: transient errors or ends of a list, never raw exceptions or endless loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksNotFoundError, DataWorksTransientError
from airflow_provider_dataworks.hooks import base as base_module
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_BOTH_VERSIONS, V2020, job_body, list_body

JOB = {"DIJobId": 7, "ProjectId": 10000, "JobName": "seven", "JobStatus": "Running"}


def page(*jobs: Any, total: Any = 1) -> dict[str, Any]:
    return {"TotalCount": total, "PageNumber": 1, "PageSize": 100, "DIJobs": list(jobs)}


ODD_PAGES = {
    "an entry that is null": page(None),
    "an entry that is a number": page(5),
    "an entry that is a list": page([JOB]),
    "an entry without an id": page({"JobName": "seven"}),
    "an id that is a list": page({**JOB, "DIJobId": [7]}),
    "an id that is an object": page({**JOB, "DIJobId": {"7": 7}}),
    "an id that is true": page({**JOB, "DIJobId": True}),
    "an id that only looks like digits": page({**JOB, "DIJobId": "²"}),
    "an id of 5,000 digits": page({**JOB, "DIJobId": "1" * 5000}),
    "a workspace that is an object": page({**JOB, "ProjectId": {}}),
    "a status that is a list": page({**JOB, "JobStatus": ["Running"]}),
    "a name that is a number": page({**JOB, "JobName": 7}),
    "a type that is an object": page({**JOB, "MigrationType": {}}),
    "a count that is a word": page(JOB, total="many"),
    "a count that is negative": page(JOB, total=-1),
    "a count that is a list": page(JOB, total=[1]),
    "a count that only looks like digits": page(JOB, total="²"),
    "a count that is true": page(JOB, total=True),
    "a count of 5,000 digits": page(JOB, total="1" * 5000),
    "jobs that are an object": {"TotalCount": 1, "DIJobs": {"DIJobId": 7}},
    "jobs that are a word": {"TotalCount": 1, "DIJobs": "none"},
}


@pytest.fixture
def hook(hook: DataWorksHook) -> DataWorksHook:
    """Return a hook that tries twice and does not sleep."""
    hook.client.max_attempts = 2
    return hook


READERS: tuple[Callable[[DataWorksHook], Any], ...] = (
    lambda hook: list(hook.list_di_jobs()),
    lambda hook: hook.read_di_jobs_page(page_number=1),
    lambda hook: hook.find_di_job(job_name="seven"),
    lambda hook: hook.find_di_job(di_job_id=7),
)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("paging", ODD_PAGES.values(), ids=ODD_PAGES)
def test_an_odd_page_is_a_transient_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, paging: dict[str, Any], api_version: str
) -> None:
    dataworks_emulator.add_fault("body", action="ListDIJobs", body=list_body(api_version, paging), count=-1)

    for read in READERS:
        with pytest.raises(DataWorksTransientError, match="the answer is incomplete"):
            read(hook)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("total", ["1", 1.0, None])
def test_a_count_that_can_be_read_is_taken(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, total: Any, api_version: str
) -> None:
    body = list_body(api_version, page(JOB, total=total))
    dataworks_emulator.add_fault("body", action="ListDIJobs", body=body, count=-1)

    assert [job["DIJobId"] for job in hook.list_di_jobs()] == [7]


@pytest.mark.parametrize(
    "data",
    [
        {**JOB, "DIJobId": "²"},
        {**JOB, "JobStatus": ["Running"]},
        {**JOB, "StartedTime": {"seconds": 5}},
        {**JOB, "ProjectId": []},
        [JOB],
        "Running",
    ],
)
@IN_BOTH_VERSIONS
def test_an_odd_job_is_a_transient_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, data: Any, api_version: str
) -> None:
    dataworks_emulator.add_fault("body", action="GetDIJob", body=job_body(api_version, data), count=-1)

    with pytest.raises(DataWorksTransientError, match="the answer is incomplete"):
        hook.get_di_job(di_job_id=7)


@IN_BOTH_VERSIONS
def test_a_job_whose_answer_repeats_no_id_has_the_id_that_was_asked_for(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, api_version: str
) -> None:
    dataworks_emulator.add_fault("body", action="GetDIJob", body=job_body(api_version, {"JobStatus": "Running"}))

    assert hook.get_di_job(di_job_id="7") == {"DIJobId": 7, "JobStatus": "Running"}


@pytest.mark.parametrize("file_id", ["²", [5], {"id": 5}, "x", True, -1, "1" * 5000])
def test_a_file_id_that_cannot_be_read_is_a_lost_answer(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, file_id: Any
) -> None:
    body = {"Data": {"Status": "success", "FileId": file_id}}
    dataworks_emulator.add_fault("body", action="CreateDISyncTask", body=body, effect="after", count=-1)

    with pytest.raises(DataWorksTransientError, match="not known whether") as caught:
        hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content={"type": "job"})

    assert caught.value.outcome_unknown


@pytest.mark.parametrize("data", [[], "success", {"Status": ["success"]}, {"Status": {}}])
def test_an_odd_answer_to_a_start_is_looked_after(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, data: Any
) -> None:
    dataworks_emulator.add_fault("body", action="StartDISyncInstance", body={"Data": data}, effect="after")

    hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001)

    assert dataworks_emulator.file(2001)["starts"] == 1
    assert len(dataworks_emulator.requests("StartDISyncInstance")) == 1


@pytest.mark.parametrize("status", [["RUN"], {"RUN": 1}])
def test_an_odd_status_after_a_lost_start_is_no_raw_exception(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, status: Any
) -> None:
    dataworks_emulator.add_fault("reset", action="StartDISyncInstance", count=-1)
    body = {"Data": {"Status": status}}
    dataworks_emulator.add_fault("body", action="GetDISyncInstanceInfo", body=body, count=-1)

    with pytest.raises(DataWorksTransientError) as caught:
        hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=2001)

    assert caught.value.outcome_unknown


# Lists without an end


def test_a_page_that_comes_again_and_again_ends_the_list(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("body", action="ListDIJobs", body=list_body(V2020, page(JOB, total=10**9)), count=-1)

    assert [job["DIJobId"] for job in hook.list_di_jobs()] == [7]
    assert len(dataworks_emulator.requests("ListDIJobs")) == 3


def test_a_list_of_more_jobs_than_a_workspace_can_have_is_an_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base_module, "MAX_LISTED", 150)
    dataworks_emulator.add_jobs({"JobName": f"sync_{number}"} for number in range(247))

    with pytest.raises(DataWorksTransientError, match="more than 150 entries"):
        list(hook.list_di_jobs())


# Lists that shift


@pytest.fixture
def many_jobs(dataworks_emulator: EmulatorControl) -> list[int]:
    """Return the ids of 253 jobs, on three pages."""
    dataworks_emulator.add_jobs({"JobName": f"sync_{number}"} for number in range(247))
    return [job["DIJobId"] for job in dataworks_emulator.jobs()]


def actions(emulator: EmulatorControl) -> list[str]:
    return [entry["action"] for entry in emulator.requests()]


def shift_in_the_first_listing(emulator: EmulatorControl) -> None:
    """The last page comes without the jobs that moved to the page before it, after that one was read."""
    emulator.add_fault("body", action="ListDIJobs", skip=2, body=list_body(V2020, page(total=253)))


def test_a_job_beyond_the_first_page_is_asked_for_by_its_id(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    listed = next(job for job in hook.list_di_jobs() if job["DIJobId"] == many_jobs[-1])
    dataworks_emulator.clear_requests()

    found = hook.find_di_job(di_job_id=many_jobs[-1])

    assert actions(dataworks_emulator) == ["ListDIJobs", "GetDIJob"]
    assert {name: found.get(name) for name in listed} == listed


@pytest.mark.waits
def test_a_job_that_may_be_listed_and_not_read_is_found_although_the_list_shifts(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    dataworks_emulator.add_fault("error", action="GetDIJob", status=403, code="NoPermission", count=-1)
    dataworks_emulator.add_fault("body", action="ListDIJobs", skip=3, body=list_body(V2020, page(total=253)))

    assert hook.find_di_job(di_job_id=many_jobs[-1])["DIJobId"] == many_jobs[-1]


def test_a_job_is_found_by_name_although_the_list_shifts(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    dataworks_emulator.add_job(DIJobId=999_999, JobName="sync_")
    shift_in_the_first_listing(dataworks_emulator)

    assert hook.find_di_job(job_name="sync_")["DIJobId"] == 999_999


def test_a_job_of_another_workspace_is_not_found_by_its_id(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("body", action="GetDIJob", body={"Data": {**JOB, "ProjectId": 77}})

    with pytest.raises(DataWorksNotFoundError, match="Workspace 10000 has no DI job with id 7"):
        hook.find_di_job(di_job_id=7)


def test_a_name_narrows_what_is_asked_for_by_id_too(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, many_jobs: list[int]
) -> None:
    assert hook.find_di_job(di_job_id=many_jobs[-1], job_name="sync_")["DIJobId"] == many_jobs[-1]

    with pytest.raises(DataWorksNotFoundError, match="among those named like 'other'"):
        hook.find_di_job(di_job_id=many_jobs[-1], job_name="other")


# Starts of jobs that run


@IN_BOTH_VERSIONS
def test_a_lost_start_of_a_job_that_ran_before_did_not_start_it(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.set_job(1001, JobStatus="Running")
    dataworks_emulator.add_fault("html", action="StartDIJob", effect="before", count=-1)

    with pytest.raises(DataWorksTransientError) as caught:
        hook.start_di_job(di_job_id=1001)

    assert caught.value.outcome_unknown


@IN_BOTH_VERSIONS
def test_the_end_of_a_run_is_no_start_either(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataworks_emulator.set_job(1001, JobStatus="Running")
    dataworks_emulator.add_fault("html", action="StartDIJob", effect="before", count=-1)
    before = hook.get_di_job(di_job_id=1001)
    dataworks_emulator.set_job(1001, JobStatus="Finished")

    with pytest.raises(DataWorksTransientError):
        hook.start_di_job(di_job_id=1001, job_before=before)


# Other limits


class TeamHook(DataWorksHook):
    """A subclass with arguments of its own."""

    def __init__(self, team: str) -> None:
        super().__init__()
        self.team = team


def test_a_hook_with_other_limits_is_of_the_same_class_and_has_a_session_of_its_own(
    dataworks_emulator: EmulatorControl, hook: DataWorksHook
) -> None:
    team = TeamHook("blue")
    client = team.client

    tuned, hurried = team.with_settings(max_attempts=2), team.with_short_timeouts(within=2.0)

    assert (type(tuned), tuned.team, tuned.settings.max_attempts) == (TeamHook, "blue", 2)
    assert (type(hurried), hurried.client.timeout) == (TeamHook, (0.5, 1.5))
    assert tuned.client is not client
    assert team.client is client
