"""The clock of the whole package can be replaced for a while."""

from __future__ import annotations

import asyncio

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
