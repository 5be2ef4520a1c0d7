"""Jobs and files go through their states on the clock, and nothing else moves them."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.emulator.backend.resources.di_jobs import MIGRATION_TYPES, Job
from airflow_provider_dataworks.emulator.backend.resources.files import File
from airflow_provider_dataworks.emulator.protocol.rate_limiter import RateLimiter
from airflow_provider_dataworks.emulator.settings import Settings

SETTINGS = Settings(run_seconds=10, stop_seconds=2)


def statuses(item: Job | File, *times: float) -> list[str]:
    """Return the statuses at these times."""
    shown = []
    for now in times:
        item.advance(now)
        shown.append(item.job_status if isinstance(item, Job) else item.status)
    return shown


def job(**fields: object) -> Job:
    return Job(1, 10000, "job", **fields)  # type: ignore[arg-type]


def realtime(**fields: object) -> File:
    return File(1, 10000, "DI_REALTIME", "file", **fields)  # type: ignore[arg-type]


def test_job_is_finished_after_its_run() -> None:
    subject = job()
    subject.start(SETTINGS, 100, 1_700_000_000.9)

    assert statuses(subject, 100, 109.9, 110, 1000) == ["Running", "Running", "Finished", "Finished"]
    assert (subject.started_time, subject.starts) == (1_700_000_000, 1)


@pytest.mark.parametrize("migration_type", MIGRATION_TYPES)
def test_realtime_types_never_finish(migration_type: str) -> None:
    subject = job(migration_type=migration_type)
    subject.start(SETTINGS, 0, 0)

    ended = "Running" if "Realtime" in migration_type else "Finished"
    assert statuses(subject, 1e9) == [ended]


def test_realtime_type_can_fail() -> None:
    subject = job(migration_type="RealtimeIncremental", outcome="Failed")
    subject.start(SETTINGS, 0, 0)

    assert statuses(subject, 9, 10) == ["Running", "Failed"]


def test_own_times_go_before_the_settings() -> None:
    subject = job(run_seconds=1.0, start_lag_seconds=0.5, stop_seconds=0.25)
    subject.start(SETTINGS, 0, 0)

    assert statuses(subject, 0.4, 0.5, 1.4, 1.5) == ["Initialized", "Running", "Running", "Finished"]


def test_old_run_shows_during_the_lag() -> None:
    subject = job(start_lag_seconds=3.0)
    subject.start(SETTINGS, 0, 1000)
    assert statuses(subject, 13) == ["Finished"]
    first = subject.started_time

    subject.start(SETTINGS, 20, 1020)

    assert (statuses(subject, 22.9), subject.started_time) == (["Finished"], first)
    assert subject.busy
    assert (statuses(subject, 23), subject.started_time) == (["Running"], 1020)


def test_runs_in_the_same_second_differ() -> None:
    subject = job(run_seconds=0.0)
    subject.start(SETTINGS, 0, 1000.1)
    subject.start(SETTINGS, 0.1, 1000.2)

    assert (subject.started_time, subject.starts) == (1001, 2)


def test_stopped_job_goes_through_stopping() -> None:
    subject = job()
    subject.start(SETTINGS, 0, 0)

    assert subject.stop(SETTINGS, 5)
    assert statuses(subject, 5, 6.9, 7, 100) == ["Stopping", "Stopping", "Stopped", "Stopped"]
    assert subject.stops == 1


def test_stop_of_what_does_not_run_changes_nothing() -> None:
    subject = job()
    assert not subject.stop(SETTINGS, 0)
    subject.start(SETTINGS, 0, 0)
    assert subject.stop(SETTINGS, 1)
    assert not subject.stop(SETTINGS, 2)

    assert (statuses(subject, 3), subject.stops) == (["Stopped"], 1)


def test_stop_during_the_lag_stops_the_start() -> None:
    subject = job(start_lag_seconds=5.0)
    subject.start(SETTINGS, 0, 0)

    assert subject.stop(SETTINGS, 1)
    assert statuses(subject, 1, 3, 100) == ["Stopping", "Stopped", "Stopped"]


def test_error_message_is_shown_of_failed_jobs_only() -> None:
    subject = job(outcome="Failed", error_message="too narrow")
    assert "ErrorMessage" not in subject.details(with_settings=False)
    subject.start(SETTINGS, 0, 0)
    subject.advance(10)
    assert subject.details(with_settings=False)["ErrorMessage"] == "too narrow"

    subject.start(SETTINGS, 11, 11)

    assert "ErrorMessage" not in subject.details(with_settings=False)


def test_realtime_file_waits_and_runs() -> None:
    subject = realtime(wait_seconds=2.0, start_lag_seconds=1.0)
    subject.start(SETTINGS, 0, 0)

    assert statuses(subject, 0.9, 1, 2.9, 3, 1e9) == ["NORUN", "WAIT", "WAIT", "RUN", "RUN"]
    assert subject.stop(SETTINGS, 1e9)
    assert statuses(subject, 1e9, 1e9 + 2) == ["KILLING", "PAUSE"]


def test_undeployed_file_is_not_running() -> None:
    subject = realtime(deployed=True)
    subject.start(SETTINGS, 0, 0)

    assert subject.terminate()
    assert statuses(subject, 100) == ["NORUN"]
    assert not subject.terminate()


def test_calls_of_any_second_are_limited() -> None:
    limiter = RateLimiter()

    admitted = [limiter.admit(now, 2) for now in (0.0, 0.9, 0.95, 1.0, 1.5, 1.95)]

    assert admitted == [True, True, False, True, False, True]
    assert all(limiter.admit(2.0, 0) for _ in range(100))


def test_starts_of_a_solution_in_the_same_second_differ() -> None:
    subject = File(1, 10000, "DI_SOLUTION", "a solution", run_seconds=0.0)
    subject.start(SETTINGS, 0, 1000.1)
    subject.start(SETTINGS, 0.1, 1000.2)

    assert (subject.details()["SolutionDetail"]["StartTime"], subject.starts) == ("1001000", 2)
