"""What is read of a DI job's last run: how far it is, what it has done, why it failed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import RunSummary
from airflow_provider_dataworks.exceptions import DataWorksTransientError
from airflow_provider_dataworks.waiting import di_job_runs
from tests.support import fake_hook

log = logging.getLogger(__name__)
OLD, NEW = "2020-05-18", "2024-05-18"


@pytest.fixture(autouse=True)
def calls() -> Iterator[list[Any]]:
    """Return the calls of all hooks of a test; each must be about job 1001."""
    _calls.clear()
    yield _calls
    assert [call for call in _calls if call[1] != {"di_job_id": 1001}] == []


_calls: list[tuple[str, dict[str, Any]]] = []


def hook(version: str, **answers: Any) -> Any:
    made = fake_hook.FakeHook(version, **answers)
    made.calls = _calls
    return made


def job(run_stats: Any = None, started_time: int | None = None) -> Any:
    return SimpleNamespace(fields={"RunStats": run_stats}, started_time=started_time)


# Progress


@pytest.mark.parametrize(
    ("stats", "progress"),
    [({"records": 5, "speed": "1 MB/s\n"}, "records 5, speed 1 MB/s "), ({}, ""), (None, ""), ("odd", "")],
)
def test_in_the_older_version_progress_is_what_getdijob_gives(stats: Any, progress: str) -> None:
    assert di_job_runs.progress(hook(OLD, read_di_job=job(stats)), 1001) == progress


def test_in_the_newer_version_progress_is_summed_over_the_tables() -> None:
    tables = [
        {"FullMigrationStatus": "Finished", "OfflineTotalRecords": 100, "OfflineTotalBytes": "4000"},
        {"FullMigrationStatus": "Running", "OfflineTotalRecords": "20", "OfflineTotalBytes": None},
        {"OfflineTotalRecords": "many", "OfflineTotalBytes": 96},
    ]

    progress = di_job_runs.progress(hook(NEW, list_di_job_run_details=iter(tables)), 1001)

    assert progress == "1 of 3 tables finished, 120 records, 4096 bytes"
    assert di_job_runs.progress(hook(NEW, list_di_job_run_details=iter(())), 1001) == ""


def test_a_run_has_at_most_ten_thousand_tables(caplog: pytest.LogCaptureFixture) -> None:
    tables = [{"SourceTableName": "t", "FullMigrationErrorMessage": "no"}] * 10_001

    assert di_job_runs.progress(hook(NEW, list_di_job_run_details=iter(tables)), 1001).startswith("0 of 10000 tables")
    found = reasons(caplog, list_di_job_run_details=iter(tables))
    assert found is not None
    assert found.endswith("; 9995 more tables")


# Facts


def test_in_the_newer_version_the_facts_are_the_summary_of_the_run() -> None:
    summary = RunSummary(tables=5, tables_finished=4, records=3, bytes=2, error_records=1)

    assert di_job_runs.facts(hook(NEW, read_di_job_run_summary=summary), 1001) == {
        "tables": 5,
        "tables_finished": 4,
        "records": 3,
        "bytes": 2,
        "error_records": 1,
    }


@pytest.mark.parametrize(
    ("stats", "started", "facts"),
    [
        ({"records": 5}, 1_800_000_000, {"run_stats": {"records": 5}, "started": 1_800_000_000}),
        ({}, 1_800_000_000, {"started": 1_800_000_000}),
        ("odd", None, {}),
        (None, None, {}),
    ],
)
def test_in_the_older_version_the_facts_are_what_getdijob_gives(
    stats: Any, started: int | None, facts: dict[str, Any]
) -> None:
    answers = {"read_di_job_run_summary": None, "read_di_job": job(stats, started)}

    assert di_job_runs.facts(hook(OLD, **answers), 1001) == facts


# Reasons


def reasons(caplog: pytest.LogCaptureFixture, **answers: Any) -> str | None:
    caplog.set_level(logging.INFO, __name__)
    nothing = {"list_di_job_run_details": iter(()), "list_di_job_events": iter(()), "get_di_job_log": ""}
    return di_job_runs.failure_reasons(hook(NEW, **{**nothing, **answers}), 1001, log)


def test_the_older_version_gives_no_reasons_of_its_own() -> None:
    assert di_job_runs.failure_reasons(hook(OLD), 1001, log) is None


def test_without_reasons_there_are_none(caplog: pytest.LogCaptureFixture) -> None:
    assert reasons(caplog) is None
    assert caplog.messages == []


def test_tables_are_named_with_all_that_failed_and_the_last_failover_follows(caplog: pytest.LogCaptureFixture) -> None:
    tables = [
        {"SourceTableName": "fine"},
        {
            "SourceDatabaseName": "shop",
            "SourceSchemaName": "",
            "SourceTableName": "orders",
            "StructureMigrationErrorMessage": "no rights",
            "RealtimeMigrationErrorMessage": "gone\n",
        },
        {"SourceSchemaName": "s", "SourceTableName": "t", "FullMigrationErrorMessage": "full"},
    ]
    events = [
        {"CreateTime": "5", "FailoverMessage": "first"},
        {"CreateTime": 700, "FailoverMessage": "last\n"},
        {"CreateTime": None, "FailoverMessage": "odd"},
    ]

    assert reasons(caplog, list_di_job_run_details=iter(tables), list_di_job_events=iter(events)) == (
        "table shop.orders: no rights; gone ; table s.t: full; last failover: last "
    )


def test_an_event_without_a_message_is_no_reason(caplog: pytest.LogCaptureFixture) -> None:
    assert reasons(caplog, list_di_job_events=iter([{"CreateTime": 1}])) is None


@pytest.mark.parametrize(("count", "more"), [(5, ""), (6, "; 1 more tables"), (9, "; 4 more tables")])
def test_at_most_five_tables_are_named(caplog: pytest.LogCaptureFixture, count: int, more: str) -> None:
    tables = [{"SourceTableName": f"t{number}", "FullMigrationErrorMessage": "no"} for number in range(count)]

    named = "; ".join(f"table t{number}: no" for number in range(5))
    assert reasons(caplog, list_di_job_run_details=iter(tables)) == named + more


def test_reasons_are_short(caplog: pytest.LogCaptureFixture) -> None:
    tables = [{"SourceTableName": "t", "FullMigrationErrorMessage": "x" * 1000}]
    events = [{"CreateTime": 1, "FailoverMessage": "y" * 1000}]

    assert reasons(caplog, list_di_job_run_details=iter(tables), list_di_job_events=iter(events)) == (
        f"table t: {'x' * 300}; last failover: {'y' * 300}"
    )


def test_what_cannot_be_read_is_logged_and_the_rest_is_given(caplog: pytest.LogCaptureFixture) -> None:
    unavailable = DataWorksTransientError("HTTP 503")
    found = reasons(
        caplog,
        list_di_job_run_details=failing(unavailable),
        list_di_job_events=iter([{"FailoverMessage": "last"}]),
        get_di_job_log=unavailable,
    )

    assert found == "last failover: last"
    assert caplog.messages == [
        "The tables of the failed job cannot be read: HTTP 503",
        "The log of DI job 1001 cannot be read: HTTP 503",
    ]
    assert reasons(caplog, list_di_job_events=failing(unavailable)) is None
    assert caplog.messages[2:] == ["The events of the failed job cannot be read: HTTP 503"]


def failing(error: Exception) -> Iterator[dict[str, Any]]:
    """A list whose first page cannot be read."""
    yield from ()
    raise error


@pytest.mark.parametrize(("most", "shown"), [("2", ["b", "c "]), ("9", ["a", "b", "c "]), ("0", None)])
def test_the_end_of_the_jobs_log_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, most: str, shown: list[str] | None
) -> None:
    monkeypatch.setattr(di_job_runs, "config", lambda: SimpleNamespace(job_log_lines=int(most)))

    assert reasons(caplog, get_di_job_log="a\nb\nc\t\n") is None

    expected = "The end of the log of DI job 1001:\n"
    assert caplog.messages == ([] if shown is None else [expected + "\n".join(shown)])
