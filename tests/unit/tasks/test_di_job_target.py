"""A DI job as a target: what a status means for a wait, which run it belongs to, and what its failure says."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import DIJob, JobPage
from airflow_provider_dataworks.exceptions import DataWorksNotFoundError, DataWorksTransientError
from airflow_provider_dataworks.waiting import di_job_runs
from airflow_provider_dataworks.waiting.di_job import (
    DIJobTarget,
    JobPages,
    default_targets,
    evaluate_status,
    snapshot_of,
    warn_if_it_never_ends,
)
from airflow_provider_dataworks.waiting.pages import PageMap
from airflow_provider_dataworks.waiting.target import Evaluation, RunState, StatusSnapshot, WaitState
from tests.support.fake_hook import WORKSPACE_URL as URL
from tests.support.fake_hook import hook

log = logging.getLogger(__name__)
TARGET = DIJobTarget(10000, 1001)
PENDING, SUCCEEDED, FAILED = WaitState.PENDING, WaitState.SUCCEEDED, WaitState.FAILED


def snapshot(status: str, started: int | None = None, *, exact: bool = True) -> StatusSnapshot:
    return StatusSnapshot(status, exact=exact, started=started)


# Statuses


@pytest.mark.parametrize(
    ("migration_type", "targets"),
    [
        (None, ("Finished",)),
        ("Full", ("Finished",)),
        ("OfflineIncremental", ("Finished",)),
        ("RealtimeIncremental", ("Running",)),
        ("FullAndRealtimeIncremental", ("Running",)),
    ],
)
def test_what_never_ends_is_started_once_it_runs(migration_type: str | None, targets: tuple[str, ...]) -> None:
    assert default_targets(migration_type) == targets


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Finished", SUCCEEDED),
        ("Stopped", SUCCEEDED),
        ("Stop", SUCCEEDED),
        ("Failed", FAILED),
        ("Running", PENDING),
        ("Odd", PENDING),
        (None, PENDING),
    ],
)
def test_a_target_status_wins_over_a_failure_status(status: str | None, state: WaitState) -> None:
    assert evaluate_status(status, ("Finished", "Stop"), ("Failed", "Stopped")) is state
    assert evaluate_status("Stop", (), ("Stopped",)) is FAILED


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Initialized", RunState.IDLE),
        ("Running", RunState.RUNNING),
        ("Stopping", RunState.STOPPING),
        ("Finished", RunState.SUCCEEDED),
        ("Failed", RunState.FAILED),
        ("Stopped", RunState.FAILED),
        ("Stop", RunState.FAILED),
        ("Odd", RunState.IDLE),
    ],
)
def test_a_status_says_what_became_of_the_run(status: str, state: RunState) -> None:
    assert TARGET.run_state(snapshot(status)) is state


# Which run it is


@pytest.mark.parametrize(
    ("given", "now", "expected"),
    [
        # Nothing was started: each status counts.
        ({}, snapshot("Finished", 100, exact=False), Evaluation(SUCCEEDED)),
        ({}, snapshot("Running", exact=False), Evaluation(PENDING)),
        # Started by this task, from a status that was no end.
        (
            {"new_run_seen": True},
            snapshot("Finished", exact=False),
            Evaluation(PENDING, new_run_seen=False, confirm=True),
        ),
        ({"new_run_seen": True}, snapshot("Finished"), Evaluation(SUCCEEDED, new_run_seen=False)),
        ({"new_run_seen": True}, snapshot("Running", exact=False), Evaluation(PENDING, new_run_seen=True)),
        # Started from an end.
        (
            {"old_status": "Finished", "old_started_time": 100},
            snapshot("Finished", 100),
            Evaluation(PENDING, new_run_seen=False, confirm=True),
        ),
        (
            {"old_status": "Finished", "old_started_time": 100},
            snapshot("Finished", 200),
            Evaluation(SUCCEEDED, new_run_seen=False),
        ),
        (
            {"old_status": "Finished", "old_started_time": 100},
            snapshot("Finished", 200, exact=False),
            Evaluation(PENDING, new_run_seen=False, confirm=True),
        ),
        ({"old_status": "Stopped"}, snapshot("Stop"), Evaluation(PENDING, new_run_seen=False, confirm=True)),
        ({"old_status": "Stopped"}, snapshot("Failed"), Evaluation(FAILED, new_run_seen=False)),
        ({"old_status": "Stopped"}, snapshot("Finished", exact=False), Evaluation(SUCCEEDED, new_run_seen=True)),
        (
            {"old_status": "Stopped"},
            snapshot("Stop", exact=False),
            Evaluation(PENDING, new_run_seen=False, confirm=True),
        ),
        (
            {"old_status": "Finished", "new_run_seen": True},
            snapshot("Finished"),
            Evaluation(SUCCEEDED, new_run_seen=False),
        ),
        (
            {"old_status": "Finished", "old_started_time": 100, "new_run_seen": True},
            snapshot("Finished", 100),
            Evaluation(PENDING, new_run_seen=False, confirm=True),
        ),
        ({"old_status": "Finished"}, snapshot("Running"), Evaluation(PENDING, new_run_seen=False)),
    ],
)
def test_the_end_of_an_earlier_run_ends_no_wait(
    given: dict[str, Any], now: StatusSnapshot, expected: Evaluation
) -> None:
    assert DIJobTarget(10000, 1001, **given).evaluate(now, new_run_seen=False, start_overdue=False) == expected


def test_a_new_run_that_was_seen_stays_seen() -> None:
    target = DIJobTarget(10000, 1001, old_status="Finished", old_started_time=100)

    assert target.evaluate(
        snapshot("Finished", 100, exact=False), new_run_seen=True, start_overdue=False
    ) == Evaluation(SUCCEEDED, new_run_seen=True)


@pytest.mark.parametrize(
    ("before", "old"),
    [
        (snapshot("Finished", 100), {"old_status": "Finished", "old_started_time": 100}),
        (snapshot("Stop", 100), {"old_status": "Stop", "old_started_time": 100}),
        (snapshot("Initialized", 100), {}),
        (snapshot("Running", 100), {}),
    ],
)
def test_the_wait_after_a_start_knows_the_end_that_was_there(before: StatusSnapshot, old: dict[str, Any]) -> None:
    assert TARGET.after_start(before, 60.0) == DIJobTarget(10000, 1001, new_run_seen=True, **old)


def test_a_new_run_is_one_that_was_started_at_another_time() -> None:
    assert TARGET.shows_new_run(snapshot("Finished", 200), snapshot("Finished", 100))
    assert not TARGET.shows_new_run(snapshot("Finished", 100), snapshot("Finished", 100))
    assert TARGET.shows_new_run(snapshot("Running"), snapshot("Finished"))


# Calls


def test_a_poll_reads_the_job_itself() -> None:
    job = DIJob(1001, "Running", name="orders", migration_type="Full\n", started_time=100)
    api = hook(read_di_job=job)

    assert TARGET.poll(api) == StatusSnapshot(
        "Running", exact=True, started=100, name="orders", detail="MigrationType Full ", type="Full\n"
    )
    assert api.calls == [("read_di_job", {"di_job_id": 1001, "project_id": 10000})]
    assert snapshot_of(DIJob(1001, "Running")) == StatusSnapshot("Running")


def test_a_job_that_is_not_there_is_named_with_its_workspace() -> None:
    with pytest.raises(DataWorksNotFoundError, match=r"Workspace 10000 has no DI job with id 1001\.") as raised:
        TARGET.poll(hook(read_di_job=DataWorksNotFoundError("404")))
    assert raised.value.__suppress_context__


def test_pages_are_read_as_lists_that_may_lag() -> None:
    pages = JobPages()
    answer = JobPage((DIJob(1001, "Running"), DIJob(1002, "Failed"), DIJob(1003, "Failed")), total=3)
    api = hook(list_di_jobs_page=answer)
    pages.begin_tick()
    assert pages.next_request(frozenset({1001, 1002})) == 1

    assert pages.fetch(api, 10000, 1) is answer
    found = pages.read(1, answer, frozenset({1001, 1002}))

    ((name, given),) = api.calls
    assert (name, given["project_id"], given["page_number"]) == ("list_di_jobs_page", 10000, 1)
    assert given["page_size"] == PageMap().page_size
    assert found == {1001: snapshot("Running", exact=False), 1002: snapshot("Failed", exact=False)}
    assert pages.next_request(frozenset({1001, 1002})) is None
    pages.begin_tick()
    assert pages.next_request(frozenset({1001, 1002})) == 1
    pages.forget(1001)
    assert pages.next_request(frozenset({1002})) is None


def test_pages_say_how_long_the_list_is() -> None:
    pages = JobPages()
    size = PageMap().page_size
    pages.read(1, JobPage((), total=2 * size), frozenset({1}))

    assert pages.next_request(frozenset({1, 2})) == 2


def test_what_the_job_does_is_asked_of_the_job() -> None:
    api = hook(stop_di_job=None, read_run_counters="5 records", read_di_job=DIJob(1001, "Running"))

    TARGET.stop(api)
    assert TARGET.run_marker(api) == "5 records"
    assert TARGET.progress(api) == ""
    assert api.calls == [(name, {"di_job_id": 1001}) for name in ("stop_di_job", "read_run_counters", "read_di_job")]
    assert isinstance(TARGET.batch(), JobPages)
    assert TARGET.asset_path == "di-job/1001"


@pytest.mark.parametrize(("status", "more"), [("Running", {}), ("Stop", {"started": 100})])
def test_the_facts_of_a_run_have_what_it_did_once_it_is_over(status: str, more: dict[str, Any]) -> None:
    api = hook(read_di_job_run_summary=None, read_di_job=DIJob(1001, status, started_time=100))

    assert TARGET.run_facts(api, StatusSnapshot(status, name="orders")) == {
        "di_job_id": 1001,
        "job_name": "orders",
        "status": {"Stop": "Stopped"}.get(status, status),
        **more,
    }
    assert {given["di_job_id"] for _, given in api.calls} == ({1001} if more else set())


# Failures


def failure(job: Any, seen: StatusSnapshot, project_id: int = 10000) -> Any:
    return DIJobTarget(project_id, 1001).failure(hook(read_di_job=job), seen, log)


def test_a_failure_has_the_jobs_own_reason() -> None:
    error = failure(DIJob(1001, "Failed", name="orders", error_message="disk\nfull. "), snapshot("Failed"))

    assert error.message == f"DI job 1001 (orders) is Failed: disk full. See {URL}"
    assert (error.job_id, error.status, error.error_message, error.job_name) == (
        1001,
        "Failed",
        "disk\nfull. ",
        "orders",
    )
    assert error.console_url == URL


def test_a_failure_without_a_reason_says_so() -> None:
    error = failure(DIJob(1001, "Stopped"), StatusSnapshot("Stopped", name="orders"))

    assert error.message == f"DI job 1001 (orders) is Stopped: it gives no ErrorMessage. See {URL}"
    assert error.error_message is None


def test_reasons_of_the_run_stand_in_for_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def reasons(api: Any, di_job_id: int, logger: Any) -> str:
        asked.append((di_job_id, logger))
        return "table t: no rights"

    monkeypatch.setattr(di_job_runs, "failure_reasons", reasons)
    error = failure(DIJob(1001, "Failed"), snapshot("Failed"))

    assert error.message == f"DI job 1001 is Failed: table t: no rights. See {URL}"
    assert asked == [(1001, log)]


def test_a_reason_that_cannot_be_read_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    error = failure(DataWorksTransientError("HTTP 503"), StatusSnapshot("Failed", name="orders"))

    assert error.message == f"DI job 1001 (orders) is Failed: it gives no ErrorMessage. See {URL}"
    assert caplog.messages == ["The reason of the failure of DI job 1001 cannot be read: HTTP 503"]


@pytest.mark.parametrize(
    ("own", "of_the_job", "shown"), [(0, 20000, "20000"), (0, None, "10000"), (30000, None, "30000")]
)
def test_a_failure_links_to_the_workspace_of_the_job(own: int, of_the_job: int | None, shown: str) -> None:
    assert shown in failure(DIJob(1001, "Failed", project_id=of_the_job), snapshot("Failed"), own).console_url


def test_a_failure_in_a_workspace_that_is_none_has_no_link() -> None:
    error = failure(DIJob(1001, "Failed", project_id=-1), snapshot("Failed\n"), 0)

    assert error.message == "DI job 1001 is Failed : it gives no ErrorMessage. See the DataWorks console"
    assert error.console_url is None


@pytest.mark.parametrize(
    ("migration_type", "targets", "warns"),
    [
        ("RealtimeIncremental", ("Finished", "Stopped"), True),
        ("RealtimeIncremental", ("Finished", "Running"), False),
        ("Full", ("Finished",), False),
        (None, ("Finished",), False),
    ],
)
def test_a_wait_for_an_end_that_never_comes_is_warned_of(
    caplog: pytest.LogCaptureFixture, migration_type: str | None, targets: tuple[str, ...], warns: bool
) -> None:
    warn_if_it_never_ends(log, DIJobTarget(10000, 1001, target_statuses=targets), migration_type)

    expected = (
        "DI job 1001 has MigrationType RealtimeIncremental, which never ends by itself: it will not be Finished or "
        "Stopped. Wait for Running instead"
    )
    assert caplog.messages == ([expected] if warns else [])
