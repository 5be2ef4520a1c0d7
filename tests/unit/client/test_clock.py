"""The clock of the whole package can be replaced for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.client.clock import clock, installed
from airflow_provider_dataworks.client.errors import ApiError
from tests.support.calls import call
from tests.support.clock import FakeClock
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory


def test_installed_clock_is_asked_until_the_block_ends() -> None:
    with installed(FakeClock(1000.0)) as outer:
        with installed(FakeClock(5.0)):
            assert (clock.time(), clock.monotonic()) == (5.0, 5.0)
        clock.sleep(30)
        asyncio.run(clock.pause(10))
        assert clock.time() == outer.time() == 1040.0
    assert clock.time() > 1_700_000_000


def test_the_machines_own_clock_is_asked_otherwise() -> None:
    """How long it waits is not measured: a busy machine takes longer."""
    called: list[float] = []

    async def wait_for_a_call() -> None:
        began = clock.monotonic()
        handle = clock.call_later(0.05, lambda: called.append(clock.monotonic() - began))
        assert handle.when() > asyncio.get_running_loop().time()
        await clock.pause(0.01)
        while not called:
            await clock.pause(0.01)

    before = clock.monotonic(), time.monotonic()
    asyncio.run(wait_for_a_call())
    clock.sleep(0.01)

    assert called[0] >= 0.045
    assert clock.monotonic() - before[0] >= 0.055
    assert abs((clock.monotonic() - time.monotonic()) - (before[0] - before[1])) < 60
    assert abs(clock.time() - time.time()) < 60


def test_a_clock_may_call_later_by_itself() -> None:
    class Caller(FakeClock):
        def call_later(self, seconds: float, callback: Callable[[], Any]) -> asyncio.TimerHandle:
            callback()
            self.now += seconds
            return asyncio.TimerHandle(0.0, callback, (), loop)

    loop = asyncio.new_event_loop()
    loop.close()
    called: list[int] = []
    with installed(Caller(1000.0)):
        clock.call_later(5.0, lambda: called.append(1)).cancel()
        assert (called, clock.time()) == ([1], 1005.0)


def test_clock_is_put_back_after_an_error() -> None:
    with pytest.raises(KeyError), installed(FakeClock(1000.0)):
        raise KeyError

    assert clock.time() > 1_700_000_000


def test_client_waits_between_attempts_by_the_installed_clock(
    server: ScriptedServer, make_client: ClientFactory
) -> None:
    fake = FakeClock()
    for _ in range(5):
        server.answer(503, b'{"Code": "ServiceUnavailable"}', x_acs_retry_after="20000")

    with installed(fake), pytest.raises(ApiError):
        call(make_client(server.url, sleep=clock.sleep), "ListDIJobs")

    assert len(fake.sleeps) == 4
    assert fake.now == pytest.approx(1_800_000_000 + sum(fake.sleeps))
