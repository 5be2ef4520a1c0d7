"""The tables of a DI job: their statuses, counters, log lines and events during its runs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.emulator.backend.resources.di_jobs import Job
from airflow_provider_dataworks.emulator.settings import Settings

SETTINGS = Settings(run_seconds=30, stop_seconds=2)
TABLES = [{"name": name, "records": 1000, "growth": 10} for name in ("a", "b", "c")]


def job(**fields: Any) -> Job:
    return Job(1, 10000, "job", tables=TABLES, **fields)


def start(subject: Job, at: float, **options: Any) -> bool:
    subject.advance(at)
    return subject.start(SETTINGS, at, 1_700_000_000 + at, skip_seconds=3, **options)


def words(subject: Job, at: float, phase: str = "Full") -> list[str | None]:
    subject.advance(at)
    return [table.statuses.get(phase) for table in subject.table_states(at)]


def records(subject: Job, at: float) -> list[int]:
    subject.advance(at)
    return [table.records for table in subject.table_states(at)]


def test_tables_are_migrated_one_after_the_other() -> None:
    subject = job()
    assert words(subject, 0) == []
    start(subject, 0)

    assert words(subject, 0.5, "Structure") == ["Running", "Initialized", "Initialized"]
    assert words(subject, 5) == ["Running", "Initialized", "Initialized"]
    assert words(subject, 15) == ["Finished", "Running", "Initialized"]
    assert records(subject, 15) == [1000, 444, 0]
    assert words(subject, 30) == ["Finished", "Finished", "Finished"]
    assert records(subject, 30) == records(subject, 1000) == [1000] * 3


def test_tables_of_the_last_run_are_shown_during_the_lag_of_a_start() -> None:
    subject = job(start_lag_seconds=3.0)
    start(subject, 0)
    assert records(subject, 40) == [1000] * 3

    start(subject, 50)

    assert (subject.job_status, records(subject, 52)) == ("Finished", [1000] * 3)
    assert (records(subject, 53), subject.job_status) == ([0] * 3, "Running")


def test_rerun_counts_from_zero_and_the_source_has_grown() -> None:
    subject = job()
    start(subject, 0)
    start(subject, 40)

    assert records(subject, 40) == [0] * 3
    assert records(subject, 70) == [1010] * 3


def test_finished_job_without_rerun_is_running_for_a_moment() -> None:
    subject = job(outcome="Finished")
    start(subject, 0)
    subject.advance(40)
    subject.outcome = "Failed"

    assert start(subject, 40, rerun=False)

    assert (records(subject, 41), subject.job_status) == ([1000] * 3, "Running")
    assert (records(subject, 43), subject.job_status) == ([1000] * 3, "Finished")


def test_stopped_run_goes_on_where_it_was() -> None:
    subject = job()
    start(subject, 0)
    subject.advance(15)
    subject.stop(SETTINGS, 15)
    assert words(subject, 16) == ["Finished", "Running", "Initialized"]
    assert words(subject, 20) == ["Finished", "Stopped", "Initialized"]
    assert records(subject, 20) == records(subject, 15)

    start(subject, 20, rerun=False)

    assert words(subject, 20) == ["Finished", "Initialized", "Initialized"]
    assert words(subject, 40) == ["Finished", "Finished", "Running"]
    assert records(subject, 50) == [1000, 1010, 1010]


def test_failed_table_is_the_last_one() -> None:
    subject = job(outcome="Failed", error_message="disk full")
    start(subject, 0)
    assert not any(table.error for table in subject.table_states(29))

    subject.advance(30)
    failed = subject.table_states(30)[2]

    assert words(subject, 30) == ["Finished", "Finished", "Failed"]
    assert failed.error == ("Full", "disk full")
    assert (failed.records, failed.error_records) == (444, 1)
    assert subject.table_states(30)[0].error is None


def test_failure_of_a_realtime_job_is_one_of_its_realtime_phase() -> None:
    subject = job(migration_type="RealtimeIncremental", outcome="Failed", error_message="binlog is gone")
    start(subject, 0)
    assert words(subject, 29, "Realtime") == ["Running", "Running", "Running"]

    subject.advance(30)

    assert words(subject, 30) == [None] * 3
    assert {table.error for table in subject.table_states(30)} == {("Realtime", "binlog is gone")}


def test_each_failed_run_is_an_event() -> None:
    subject = job(outcome="Failed", error_message="disk full", run_seconds=0.0)
    start(subject, 0)
    start(subject, 10)
    subject.outcome = "Finished"
    start(subject, 20)

    assert [(event["time"], event["FailoverMessage"]) for event in subject.failures] == [
        (1_700_000_000, "disk full"),
        (1_700_000_010, "disk full"),
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Initialized", []),
        ("Running", ["Finished", "Running", "Initialized"]),
        ("Stopping", ["Finished", "Finished", "Running"]),
        ("Stopped", ["Finished", "Finished", "Stopped"]),
        ("Failed", ["Finished", "Finished", "Failed"]),
        ("Finished", ["Finished", "Finished", "Finished"]),
    ],
)
def test_tables_fit_a_status_that_was_set(status: str, expected: list[str]) -> None:
    assert words(job(job_status=status), 7) == expected
    started = job()
    start(started, 0)
    started.timeline.clear()
    started.job_status = status
    assert words(started, 12) == (["Finished", "Running", "Initialized"] if status == "Running" else expected)


def test_log_grows_with_the_run() -> None:
    subject = job(outcome="Failed", error_message="first line\nsecond line")
    assert subject.log("MASTER", 0) == []
    start(subject, 0)

    sizes = [len(subject.log("MASTER", at)) for at in (0, 10, 20, 29)]
    subject.advance(30)
    lines = subject.log("MASTER", 30)

    assert sizes == [1, 2, 3, 3]
    assert lines[0] == "2023-11-15 06:13:20 INFO  DIJob 1: started, 3 tables"
    assert [line[20:] for line in lines[-3:]] == ["ERROR DIJob 1: Failed", "ERROR first line", "ERROR second line"]
    assert [line[20:] for line in subject.log("WORKER", 30)][-2:] == [
        "ERROR Table c: first line",
        "ERROR Table c: second line",
    ]
