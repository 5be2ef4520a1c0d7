"""Requests of one account are spaced evenly, across threads and clients of the process."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_dataworks.client import rate_limiter
from airflow_provider_dataworks.client.clock import installed
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.errors import ApiError
from airflow_provider_dataworks.client.rate_limiter import RateLimiter, rate_limiter_for
from tests.benchmarks.throttling import simulate
from tests.support.calls import call
from tests.support.clock import FakeClock
from tests.support.scripted_server import ScriptedServer

from .conftest import KEY, ClientFactory


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Return the clock that rate limiters ask; it stands still until a test moves it."""
    with installed(FakeClock(100.0)) as fake:
        assert isinstance(fake, FakeClock)
        yield fake


def test_moments_are_evenly_spaced(clock: FakeClock) -> None:
    limiter = RateLimiter(4)

    assert [limiter.reserve() for _ in range(4)] == [0, 0.25, 0.5, 0.75]


def test_time_that_passes_counts(clock: FakeClock) -> None:
    limiter = RateLimiter(4)
    limiter.reserve()
    limiter.reserve()

    clock.now += 0.25
    assert limiter.reserve() == pytest.approx(0.25)
    clock.now += 60
    assert limiter.reserve() == 0
    assert limiter.reserve() == pytest.approx(0.25)


def test_zero_is_no_limit(clock: FakeClock) -> None:
    limiter = RateLimiter(0)

    assert [limiter.reserve() for _ in range(100)] == [0] * 100


def test_threads_get_different_moments(clock: FakeClock) -> None:
    limiter = RateLimiter(10)
    with ThreadPoolExecutor(8) as pool:
        pauses = list(pool.map(lambda _: round(limiter.reserve(), 6), range(200)))

    assert sorted(pauses) == [round(i / 10, 6) for i in range(200)]


def test_one_account_at_one_endpoint_has_one_rate_limiter() -> None:
    limiter = rate_limiter_for("https://a", "LTAI-1", 4)

    assert rate_limiter_for("https://a", "LTAI-1", 4) is limiter
    assert rate_limiter_for("https://a", "LTAI-2", 4) is not limiter
    assert rate_limiter_for("https://b", "LTAI-1", 4) is not limiter


def test_client_waits_for_its_moment_at_every_attempt(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], clock: FakeClock
) -> None:
    client = make_client(server.url, rate_limiter=RateLimiter(2))
    call(client, "ListDIJobs")
    server.answer(429, b'{"Code": "Throttling"}', x_acs_retry_after="0")

    call(client, "ListDIJobs")

    assert sleeps == [0.5, 0.1, 1.0]


def test_wait_for_the_moments_does_not_count_as_time_of_the_call(
    server: ScriptedServer, make_client: ClientFactory, clock: FakeClock
) -> None:
    class Slow(StaticCredentials):
        def get(self) -> Credentials:
            clock.now += 44
            return super().get()

    for _ in range(9):
        server.answer(503, b'{"Code": "ServiceUnavailable"}', x_acs_retry_after="1000")
    limiter = RateLimiter(1 / 200)
    client = make_client(server.url, Slow(KEY), rate_limiter=limiter, sleep=clock.sleep, max_attempts=9)

    with pytest.raises(ApiError):
        call(client, "ListDIJobs")

    # Four attempts of 44 s and the pauses between them make the three minutes, whatever they waited for their moments.
    assert len(server.received) == 4
    assert clock.now == pytest.approx(100 + 3 * 200 + 44)


# What the service answers


def test_throttled_answer_halves_the_rate_at_once(clock: FakeClock) -> None:
    limiter = RateLimiter(4)
    limiter.reserve()

    limiter.throttled()

    assert limiter.rate == 2
    assert [limiter.reserve() for _ in range(3)] == [0.5, 1.0, 1.5]


def test_answers_that_were_under_way_together_count_once(clock: FakeClock) -> None:
    limiter = RateLimiter(4)
    for _ in range(5):
        limiter.throttled()
    assert limiter.rate == 2

    clock.now += 1
    limiter.throttled()
    assert limiter.rate == 1


def test_good_answers_raise_the_rate_slowly_and_never_above_the_ceiling(clock: FakeClock) -> None:
    limiter = RateLimiter(4)
    limiter.throttled()

    for _ in range(100):
        limiter.answered()
    assert limiter.rate == pytest.approx(3)
    for _ in range(500):
        limiter.answered()
    assert limiter.rate == 4


@pytest.mark.parametrize(("per_second", "lowest"), [(4, 0.05), (0.02, 0.02)])
def test_rate_never_ends(clock: FakeClock, per_second: float, lowest: float) -> None:
    limiter = RateLimiter(per_second)
    for _ in range(50):
        clock.now += 1
        limiter.throttled()

    assert limiter.rate == lowest


def test_throttling_is_forgotten_after_five_minutes_without(clock: FakeClock) -> None:
    limiter = RateLimiter(4)
    limiter.throttled()

    clock.now += 299
    limiter.reserve()
    assert limiter.rate == 2
    clock.now += 1
    limiter.reserve()
    assert limiter.rate == 4


def test_throttling_sets_no_limit_where_there_is_none(clock: FakeClock) -> None:
    limiter = RateLimiter(0)
    limiter.throttled()
    limiter.answered()

    assert [limiter.reserve() for _ in range(10)] == [0] * 10


@pytest.mark.parametrize("paced", [True, False])
def test_answers_of_every_client_count_whoever_waits(
    server: ScriptedServer, make_client: ClientFactory, sleeps: list[float], paced: bool
) -> None:
    limiter = RateLimiter(4)
    client = make_client(server.url, rate_limiter=limiter, paced=paced, max_attempts=1)
    server.answer(429, b'{"Code": "Throttling.User"}')
    with pytest.raises(ApiError):
        call(client, "ListDIJobs")
    assert limiter.rate == 2
    assert sleeps == []

    call(client, "ListDIJobs")

    assert limiter.rate == pytest.approx(2 + rate_limiter.INCREASE)
    assert len(sleeps) == (1 if paced else 0)


@pytest.mark.parametrize("code", ["Throttling.Api.Risk", "Throttling.Resource", "ServiceUnavailable", "Forbidden"])
def test_other_refusals_are_no_throttling(server: ScriptedServer, make_client: ClientFactory, code: str) -> None:
    limiter = RateLimiter(4)
    server.answer(503, json.dumps({"Code": code}).encode())

    with pytest.raises(ApiError):
        call(make_client(server.url, rate_limiter=limiter, max_attempts=1), "ListDIJobs")

    assert limiter.rate == 4


def test_signal_handler_may_use_the_rate_limiter_that_its_thread_uses() -> None:
    limiter = RateLimiter(4)
    rates: list[float] = []

    def on_kill(*_: object) -> None:
        limiter.throttled()
        rates.append(limiter.rate)

    before = signal.signal(signal.SIGALRM, on_kill)
    try:
        with limiter._lock:
            signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)

    assert rates == [2]


def test_sixteen_processes_share_an_edition_of_five_requests_a_second() -> None:
    result = simulate(processes=16, per_second=4, edition=5, seconds=600)

    assert result.failed_calls == 0
    assert result.throttled_share < 0.16
    # It is shared, not left alone.
    assert result.admitted_per_second > 2
    assert result.slowest_process > 0.15 * result.fastest_process
