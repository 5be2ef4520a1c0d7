"""Real-time tasks and solutions as targets: what their statuses mean before and after a start shows."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_dataworks.waiting.sync_instance import SyncInstanceTarget
from airflow_provider_dataworks.waiting.target import Evaluation, RunState, StatusSnapshot, WaitState
from tests.support.fake_hook import WORKSPACE_URL, hook

log = logging.getLogger(__name__)
REALTIME = SyncInstanceTarget(10000, 5, "DI_REALTIME")
SOLUTION = SyncInstanceTarget(10000, 6, "DI_SOLUTION")
PENDING, SUCCEEDED, FAILED = WaitState.PENDING, WaitState.SUCCEEDED, WaitState.FAILED


def evaluated(
    target: SyncInstanceTarget, status: str, started: str | None = None, *, seen: bool = False, overdue: bool = False
) -> tuple[WaitState, bool]:
    result: Evaluation = target.evaluate(
        StatusSnapshot(status, started=started), new_run_seen=seen, start_overdue=overdue
    )
    return result.state, result.new_run_seen


def before(target: SyncInstanceTarget, status: str, started: str | None = None) -> SyncInstanceTarget:
    return target.after_start(StatusSnapshot(status, started=started), 60.0)


@pytest.mark.parametrize(
    ("target", "status", "overdue", "expected"),
    [
        (before(REALTIME, "NORUN"), "NORUN", False, (PENDING, False)),
        (before(REALTIME, "NORUN"), "NORUN", True, (FAILED, False)),
        (before(REALTIME, "NORUN"), "WAIT", False, (PENDING, True)),
        (before(REALTIME, "NORUN"), "WAIT", True, (PENDING, True)),
        (before(REALTIME, "NORUN"), "RUN", False, (SUCCEEDED, True)),
        (before(REALTIME, "NORUN"), "PAUSE", False, (FAILED, True)),
        (before(REALTIME, "RUN"), "RUN", False, (SUCCEEDED, True)),
        (before(REALTIME, "PAUSE"), "ODD", False, (PENDING, True)),
        (before(SOLUTION, "1", "a"), "1", False, (PENDING, False)),
        (before(SOLUTION, "1"), "2", False, (PENDING, True)),
        (before(SOLUTION, "1"), "0", False, (SUCCEEDED, True)),
        (before(SOLUTION, "1"), "3", False, (FAILED, True)),
        (before(SOLUTION, "1"), "9", False, (FAILED, True)),
        (before(SOLUTION, "0"), "0", False, (PENDING, False)),
        (before(SOLUTION, "0"), "0", True, (FAILED, False)),
    ],
)
def test_a_status_counts_once_the_start_has_shown(
    target: SyncInstanceTarget, status: str, overdue: bool, expected: tuple[WaitState, bool]
) -> None:
    assert evaluated(target, status, overdue=overdue) == expected


def test_a_solution_that_was_started_again_shows_another_start_time() -> None:
    target = before(SOLUTION, "0", "2026-11-01 00:00:00")

    assert evaluated(target, "0", "2026-11-01 00:00:00") == (PENDING, False)
    assert evaluated(target, "0", "2026-11-02 00:00:00") == (SUCCEEDED, True)


def test_a_start_that_was_seen_stays_seen() -> None:
    assert evaluated(before(REALTIME, "NORUN"), "NORUN", seen=True) == (FAILED, True)
    assert evaluated(before(SOLUTION, "0").attached(), "0", overdue=True) == (SUCCEEDED, True)
    assert SOLUTION.attached() == SyncInstanceTarget(10000, 6, "DI_SOLUTION", shown=True)


@pytest.mark.parametrize(
    ("status", "state"), [("NORUN", SUCCEEDED), ("PAUSE", SUCCEEDED), ("RUN", PENDING), ("KILLING", PENDING)]
)
def test_a_stop_ends_when_the_task_has_stopped(status: str, state: WaitState) -> None:
    target = SyncInstanceTarget(10000, 5, "DI_REALTIME", until_stopped=True)

    assert evaluated(target, status, overdue=True) == (state, True)


@pytest.mark.parametrize(
    ("target", "status", "state"),
    [
        (REALTIME, "RUN", RunState.RUNNING),
        (REALTIME, "WAIT", RunState.RUNNING),
        (REALTIME, "KILLING", RunState.STOPPING),
        (REALTIME, "NORUN", RunState.FAILED),
        (REALTIME, "PAUSE", RunState.FAILED),
        (REALTIME, "2", RunState.IDLE),
        (SOLUTION, "2", RunState.RUNNING),
        (SOLUTION, "0", RunState.SUCCEEDED),
        (SOLUTION, "3", RunState.FAILED),
        (SOLUTION, "1", RunState.IDLE),
        (SOLUTION, "RUN", RunState.IDLE),
    ],
)
def test_a_status_says_what_became_of_the_run(target: SyncInstanceTarget, status: str, state: RunState) -> None:
    assert target.run_state(StatusSnapshot(status)) is state


def test_the_wait_after_a_start_knows_what_was_there() -> None:
    target = SOLUTION.after_start(StatusSnapshot("1", started="a"), 90.0)

    assert target == SyncInstanceTarget(10000, 6, "DI_SOLUTION", old_status="1", old_started="a", start_timeout=90.0)
    assert (target.shows_within, target.attached().shows_within, REALTIME.shows_within) == (90.0, None, 60.0)
    assert target.shows_new_run(StatusSnapshot("1", started="b"), StatusSnapshot("1", started="a"))
    assert not target.shows_new_run(StatusSnapshot("1", started="b"), StatusSnapshot("1", started="b"))
    assert REALTIME.shows_new_run(StatusSnapshot("RUN"), StatusSnapshot("RUN"))
    assert REALTIME.shows_new_run(StatusSnapshot("PAUSE"), StatusSnapshot("NORUN"))
    assert not REALTIME.shows_new_run(StatusSnapshot("PAUSE"), StatusSnapshot("PAUSE"))


def test_each_kind_is_polled_by_its_own_action() -> None:
    realtime, solution = (
        hook(get_di_sync_instance_info={"Status": "RUN", "Name": "orders"}),
        hook(get_solution_detail={"Status": 2, "StartTime": "a"}),
    )

    assert REALTIME.poll(realtime) == StatusSnapshot("RUN", name="orders")
    assert SOLUTION.poll(solution) == StatusSnapshot("2", started="a")
    assert realtime.calls == [
        ("get_di_sync_instance_info", {"project_id": 10000, "task_type": "DI_REALTIME", "file_id": 5})
    ]
    assert solution.calls == [("get_solution_detail", {"project_id": 10000, "file_id": 6})]
    assert REALTIME.poll(hook(get_di_sync_instance_info={})) == StatusSnapshot("None")


def test_only_a_real_time_task_is_stopped() -> None:
    api = hook(stop_di_sync_instance=None)
    REALTIME.stop(api)

    assert api.calls == [("stop_di_sync_instance", {"project_id": 10000, "task_type": "DI_REALTIME", "file_id": 5})]
    assert (REALTIME.why_not_stopped, SOLUTION.why_not_stopped) == (None, "the API stops no solutions")


def test_targets_are_grouped_by_their_type_and_described_by_it() -> None:
    assert (REALTIME.group, SOLUTION.group, REALTIME.id) == ("DI_REALTIME", "DI_SOLUTION", 5)
    assert REALTIME.describe("orders") == "DI_REALTIME 5 (orders)"
    assert SOLUTION.words.describe("3") == "3 (failed)"
    assert REALTIME.words.describe("3") == "3"


def test_a_failure_says_what_may_have_happened() -> None:
    error = SOLUTION.after_start(StatusSnapshot("1"), 90.0).failure(hook(), StatusSnapshot("3", name="orders"), log)

    assert error.message == (
        "DI_SOLUTION 6 (orders) is 3 (failed) after its start: it ended, or the start did not show within "
        "start_timeout (90 s). Its log is in the DataWorks console."
    )
    assert (error.job_id, error.status, error.job_name, error.console_url) == (6, "3", "orders", WORKSPACE_URL)
    nowhere = SyncInstanceTarget(0, 6, "DI_SOLUTION").failure(hook(), StatusSnapshot("3"), log)
    assert (nowhere.console_url, nowhere.job_name) == (None, None)
