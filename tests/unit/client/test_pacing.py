"""Requests of one account are spaced evenly, across threads and clients of the process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_dataworks.client import pacing
from airflow_provider_dataworks.client.pacing import Pacer, pacer_for
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """Return the clock that pacers look at; it stands still until a test moves it."""
    clock = _Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def test_moments_are_evenly_spaced(clock: _Clock) -> None:
    pacer = Pacer(4)

    assert [pacer.reserve() for _ in range(4)] == [0, 0.25, 0.5, 0.75]


def test_time_that_passes_counts(clock: _Clock) -> None:
    pacer = Pacer(4)
    pacer.reserve()
    pacer.reserve()

    clock.now += 0.25
    assert pacer.reserve() == pytest.approx(0.25)
    clock.now += 60
    assert pacer.reserve() == 0
    assert pacer.reserve() == pytest.approx(0.25)


def test_zero_is_no_limit(clock: _Clock) -> None:
    pacer = Pacer(0)

    assert [pacer.reserve() for _ in range(100)] == [0] * 100


def test_threads_get_different_moments(clock: _Clock) -> None:
    pacer = Pacer(10)
    with ThreadPoolExecutor(8) as pool:
        pauses = list(pool.map(lambda _: round(pacer.reserve(), 6), range(200)))

    assert sorted(pauses) == [round(i / 10, 6) for i in range(200)]


def test_one_account_at_one_endpoint_has_one_pacer() -> None:
    pacer = pacer_for("https://a", "LTAI-1", 4)

    assert pacer_for("https://a", "LTAI-1", 4) is pacer
    assert pacer_for("https://a", "LTAI-2", 4) is not pacer
    assert pacer_for("https://b", "LTAI-1", 4) is not pacer


def test_client_waits_for_its_moment_at_every_attempt(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], clock: _Clock
) -> None:
    client = make_client(server.url, pacer=Pacer(2))
    client.call("ListDIJobs")
    server.answer(429, b'{"Code": "Throttling"}', x_acs_retry_after="0")

    client.call("ListDIJobs")

    assert sleeps == [0.5, 0.1, 1.0]
