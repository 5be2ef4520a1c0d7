"""The log of a wait: each change of status with its duration, a heartbeat every ten minutes, and how it ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.progress import HEARTBEAT_SECONDS, Progress, duration
from airflow_provider_dataworks.waiting.target import StatusSnapshot
from tests.support.clock import FakeClock

log = logging.getLogger(__name__)


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Return a clock that the test moves."""
    with installed(FakeClock()) as fake:
        assert isinstance(fake, FakeClock)
        yield fake


@pytest.fixture
def progress(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> Progress:
    """Return the progress of a wait for job 1001."""
    caplog.set_level(logging.INFO, __name__)
    return Progress(log, DIJobTarget(10000, 1001))


def test_a_change_is_logged_with_how_long_the_status_before_lasted(
    progress: Progress, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    progress.update(StatusSnapshot("Initialized"))
    clock.now += 30
    progress.update(StatusSnapshot("Running", name="orders"))
    clock.now += 90
    progress.update(StatusSnapshot("Running"))
    clock.now += 10
    progress.update(StatusSnapshot("Stopping"))
    clock.now += 5
    progress.finish(StatusSnapshot("Stopped"))

    named = progress.what
    assert "orders" in named
    assert caplog.messages == [
        f"{DIJobTarget(10000, 1001).describe(None)} is Initialized",
        f"{named} is Running; it was Initialized for at least 30 s",
        f"{named} is Stopping; it was Running for 1 min 40 s",
        f"{named} is Stopped; it was Stopping for 5 s (waited 2 min 15 s)",
    ]
    assert progress.ended
    assert progress.status == "Stopping"


def test_the_end_is_logged_with_its_detail_and_without_a_change_that_was_logged(
    progress: Progress, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    progress.update(StatusSnapshot("Finished"))
    assert not progress.ended
    clock.now += 3
    progress.finish(StatusSnapshot("Finished", name="orders", detail="3 tables"))

    assert caplog.messages[1] == f"{progress.what} is Finished (3 tables; waited 3 s)"
    assert "orders" in progress.what


def test_the_first_poll_may_be_the_end(progress: Progress, caplog: pytest.LogCaptureFixture) -> None:
    progress.finish(StatusSnapshot("Finished"))

    assert caplog.messages == [f"{progress.what} is Finished (waited 0 s)"]


def test_an_unknown_status_is_warned_of_once(progress: Progress, caplog: pytest.LogCaptureFixture) -> None:
    for status in ("Odd", "Running", "Odd"):
        progress.update(StatusSnapshot(status))

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"{progress.what} has the unknown status 'Odd'; the wait continues until its limit"]


def test_a_heartbeat_is_logged_ten_minutes_after_the_last_line(
    progress: Progress, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now += HEARTBEAT_SECONDS
    assert not progress.heartbeat_is_due
    clock.now += 100
    progress.update(StatusSnapshot("Running"))
    assert progress.until_heartbeat() == HEARTBEAT_SECONDS == 600
    clock.now += 599
    progress.update(StatusSnapshot("Running"))
    progress.heartbeat()
    assert (progress.until_heartbeat(), progress.heartbeat_is_due) == (1, False)
    clock.now += 1
    assert (progress.until_heartbeat(), progress.heartbeat_is_due) == (0, True)
    progress.update(StatusSnapshot("Running"))
    clock.now += 700
    assert progress.until_heartbeat() == 0
    progress.heartbeat(", 5 records")

    assert caplog.messages[1:] == [
        f"{progress.what} is still Running after 21 min 40 s",
        f"{progress.what} is still Running after 33 min 20 s, 5 records",
    ]
    assert progress.until_heartbeat() == 600


@pytest.mark.parametrize(("ago", "waited"), [(-50.0, "0 s"), (0.0, "0 s"), (50.0, "50 s")])
def test_a_wait_may_have_begun_in_another_process(clock: FakeClock, ago: float, waited: str) -> None:
    assert Progress(log, DIJobTarget(10000, 1001), since=clock.now - ago).waited() == waited


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (60, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (7500, "2 h 5 min"),
        (3600 * 30 + 59, "30 h 0 min"),
    ],
)
def test_durations_are_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
