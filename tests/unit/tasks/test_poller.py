"""The shared poller: as few requests as answer everybody, and failures that cost ticks, not waits."""

from __future__ import annotations

import asyncio
import contextvars
import json
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.readings import Reading
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.triggers.poller import JOB, Key, Poller, Subject, Subscription, subscribe

INTERVAL = 0.5
KEY = Key("dataworks_default", None, 10000, INTERVAL)


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(work(), 30))


def add_jobs(emulator: EmulatorControl, count: int, **fields: Any) -> list[int]:
    """Fill up the workspace to so many jobs; return the ids of the new ones, in the order of the listing."""
    missing = count - len(emulator.jobs())
    jobs = emulator.add_jobs([{"JobName": f"job_{n}", "JobStatus": "Running", **fields} for n in range(missing)])
    return [job["DIJobId"] for job in jobs]


async def watch(ids: list[int], seconds: float, key: Key = KEY, max_failures: int = 10) -> list[Subscription]:
    """Subscribe to jobs for a while."""
    with ExitStack() as stack:
        subscriptions = [stack.enter_context(subscribe(key, Subject(JOB, job_id), max_failures))[1] for job_id in ids]
        await asyncio.sleep(seconds)
    return subscriptions


def requests_by_action(emulator: EmulatorControl) -> Counter[str]:
    return Counter(request["action"] for request in emulator.requests())


def per_tick(emulator: EmulatorControl, ids: list[int], ticks: int = 4) -> float:
    """Requests a tick once the poller knows its way: after the first tick."""

    async def work() -> None:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, Subject(JOB, job_id), 10))[1] for job_id in ids]
            for subscription in subscriptions:
                await subscription.news(20)
            emulator.clear_requests()
            await asyncio.sleep(ticks * INTERVAL)

    run(work)
    return sum(requests_by_action(emulator).values()) / ticks


def test_many_watched_jobs_of_two_pages_cost_two_requests_a_tick(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 150)

    assert per_tick(emulator, ids[:30] + ids[-30:]) <= 2


def test_many_watched_jobs_on_one_page_cost_one_request_a_tick_wherever_the_page_is(
    emulator: EmulatorControl,
) -> None:
    ids = add_jobs(emulator, 250)

    assert per_tick(emulator, ids[-40:]) <= 1


def test_one_watched_job_among_many_costs_one_request_a_tick_and_no_listing(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 250)

    assert per_tick(emulator, ids[-1:]) <= 1
    assert set(requests_by_action(emulator)) == {"GetDIJob"}


def test_a_few_watched_jobs_on_many_pages_are_asked_for_one_by_one(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 450)

    assert per_tick(emulator, [ids[10], ids[250], ids[440]]) <= 3


def test_two_watched_jobs_of_a_page_share_a_request_although_the_other_pages_have_none(
    emulator: EmulatorControl,
) -> None:
    ids = add_jobs(emulator, 250)

    assert per_tick(emulator, [*ids[:4], *ids[-2:]]) <= 2


def test_several_waiters_for_one_job_cost_one_request(emulator: EmulatorControl) -> None:
    assert per_tick(emulator, [1001] * 50) <= 1


def test_only_changes_wake_a_waiter(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Running")

    async def work() -> tuple[list[Any], int]:
        heard: list[Any] = []
        with subscribe(KEY, Subject(JOB, 1001), 10) as (_, subscription):
            heard.append(await subscription.news(10))
            heard.append(await subscription.news(3 * INTERVAL))
            asked = len(emulator.requests())
            emulator.set_job(1001, JobStatus="Finished")
            heard.append(await subscription.news(10))
        return heard, asked

    (first, quiet, last), asked = run(work)

    assert (first.status, quiet, last.status) == ("Running", None, "Finished")
    assert asked >= 3


def test_who_joins_gets_the_last_answer_at_once_if_it_is_fresh(emulator: EmulatorControl) -> None:
    add_jobs(emulator, 50)
    key = KEY._replace(interval=5.0)

    async def work() -> float:
        with ExitStack() as stack:
            first = [stack.enter_context(subscribe(key, Subject(JOB, job_id), 10))[1] for job_id in (1001, 1002)]
            for subscription in first:
                assert isinstance(await subscription.news(10), Reading)
            began = time.monotonic()
            _, late = stack.enter_context(subscribe(key, Subject(JOB, 1003), 10))
            assert isinstance(await late.news(10), Reading)
            return time.monotonic() - began

    assert run(work) < 0.1


def test_failed_polls_within_the_budget_end_nothing(emulator: EmulatorControl) -> None:
    for kind in ("reset", "html", "wrong_json", "empty"):
        emulator.add_fault(kind, action="GetDIJob")
    key = KEY._replace(interval=0.1)

    async def work() -> Any:
        with subscribe(key, Subject(JOB, 1001), 10) as (_, subscription):
            return await subscription.news(20)

    assert isinstance(run(work), Reading)
    assert requests_by_action(emulator)["GetDIJob"] == 5


def test_the_budget_is_each_waiters_own(emulator: EmulatorControl) -> None:
    emulator.add_fault("html", action="GetDIJob", count=-1)

    async def work() -> tuple[Any, Any]:
        key = KEY._replace(interval=0.1)
        with (
            subscribe(key, Subject(JOB, 1001), 2) as (_, impatient),
            subscribe(key, Subject(JOB, 1001), 1000) as (_, patient),
        ):
            ended = await impatient.news(20)
            return ended, await patient.news(0.2)

    ended, other = run(work)

    assert isinstance(ended, DataWorksTransientError)
    assert other is None


def test_the_servers_waiting_time_is_obeyed(emulator: EmulatorControl) -> None:
    emulator.add_fault("throttle", action="GetDIJob", headers={"x-acs-retry-after": "1500"})

    async def work() -> Any:
        with subscribe(KEY._replace(interval=0.1), Subject(JOB, 1001), 10) as (_, subscription):
            return await subscription.news(20)

    run(work)

    first, second = (request["time"] for request in emulator.requests(action="GetDIJob"))
    assert second - first >= 1.4


def test_a_refusal_of_the_listing_ends_every_wait_at_once(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 20)
    emulator.add_fault("error", action="ListDIJobs", status=403, code="Forbidden.Access", count=-1)

    async def work() -> list[Any]:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, Subject(JOB, job_id), 10))[1] for job_id in ids]
            return [await subscription.news(10) for subscription in subscriptions]

    heard = run(work)

    assert all(isinstance(error, DataWorksPermanentError) for error in heard)
    assert all(len(str(error).splitlines()) == 1 for error in heard)
    assert requests_by_action(emulator)["ListDIJobs"] == 1


def test_a_job_that_left_the_list_is_asked_for_once_and_ends_only_its_own_wait(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 20)

    async def work() -> tuple[Any, Any]:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, Subject(JOB, job_id), 10))[1] for job_id in ids]
            for subscription in subscriptions:
                await subscription.news(10)
            emulator.remove_job(ids[3])
            return await subscriptions[3].news(10), await subscriptions[4].news(0.1)

    gone, other = run(work)

    assert isinstance(gone, DataWorksNotFoundError)
    assert other is None
    assert requests_by_action(emulator)["GetDIJob"] == 1


def test_keys_that_were_changed_on_the_connection_meanwhile_are_taken_up(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = json.loads(json.dumps(emulator.connection))
    good["extra"]["max_qps"] = 0

    async def work() -> list[Any]:
        heard = []
        monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(good))
        with subscribe(KEY, Subject(JOB, 1001), 10) as (poller, subscription):
            heard.append(await subscription.news(10))
            # As if the old keys had been disabled: the poller's hook has them still.
            assert poller._hook is not None
            poller._hook.client.credentials = _refused_credentials()
            emulator.set_job(1001, JobStatus="Running")
            heard.append(await subscription.news(10))
        return heard

    assert [heard.status for heard in run(work)] == ["Initialized", "Running"]


def _refused_credentials() -> Any:
    from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials

    return StaticCredentials(Credentials("LTAI-old", "old-secret"))


def test_a_connection_that_is_not_there_ends_the_wait_at_once(emulator: EmulatorControl) -> None:
    async def work() -> Any:
        with subscribe(KEY._replace(dataworks_conn_id="nowhere"), Subject(JOB, 1001), 10) as (_, subscription):
            return await subscription.news(10)

    heard = run(work)

    assert isinstance(heard, DataWorksError)
    assert "nowhere" in str(heard)


def test_the_last_one_who_leaves_ends_the_polling(emulator: EmulatorControl) -> None:
    async def work() -> int:
        await watch([1001, 1002], 2 * INTERVAL)
        asked = len(emulator.requests())
        await asyncio.sleep(3 * INTERVAL)
        return len(emulator.requests()) - asked

    assert run(work) <= 1


def test_nobody_polls_for_a_waiter_who_left(emulator: EmulatorControl) -> None:
    async def work() -> set[str]:
        with subscribe(KEY, Subject(JOB, 1001), 10) as (_, stays):
            with subscribe(KEY, Subject(JOB, 1002), 10) as (_, leaves):
                await leaves.news(10)
                await stays.news(10)
            await asyncio.sleep(0.1)
            emulator.clear_requests()
            await asyncio.sleep(3 * INTERVAL)
        return {request["form"].get("DIJobId") for request in emulator.requests()}

    assert run(work) == {"1001"}


def test_the_poller_runs_in_nobodys_log_context(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")
    seen: list[str] = []
    original = Poller._tick

    async def spying(self: Poller) -> None:
        seen.append(whose.get())
        await original(self)

    monkeypatch.setattr(Poller, "_tick", spying)

    async def work() -> None:
        whose.set("the first task's")
        await watch([1001], 2 * INTERVAL)

    run(work)

    assert set(seen) == {"nobody's"}


def test_an_unexpected_error_costs_ticks_too(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the metadata database is away")

    monkeypatch.setattr(poller_module, "_open_hook", explode)

    async def work() -> Any:
        with subscribe(KEY._replace(interval=0.1), Subject(JOB, 1001), 3) as (_, subscription):
            return await subscription.news(20)

    heard = run(work)

    assert isinstance(heard, DataWorksTransientError)
    assert "the metadata database is away" in str(heard)


def test_requests_keep_below_the_connections_ceiling(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(json.dumps(emulator.connection))
    connection["extra"]["max_qps"] = 5
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    emulator.add_jobs([{"JobName": "other", "ProjectId": 10000}])

    async def work() -> None:
        # Two pollers of one account: the ceiling is the account's.
        await asyncio.gather(
            watch([1001, 1002], 2.5, KEY._replace(interval=0.2)),
            watch([1003, 1004], 2.5, KEY._replace(interval=0.21)),
        )

    run(work)

    times = sorted(request["time"] for request in emulator.requests())
    assert len(times) >= 6
    # Ten a second without the ceiling; one more than five, because one may set out late and arrive beside the next.
    assert max(sum(first <= time < first + 1 for time in times) for first in times) <= 6
