"""The shared poller: as few requests as answer everybody, and failures that cost ticks, not waits."""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_dataworks.client.models import DIJob, JobPage
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.triggers.blocking import wait_for_call
from airflow_provider_dataworks.triggers.poller import Key, Poller, Subscription, subscribe
from airflow_provider_dataworks.waiting.di_job import DIJobTarget, JobPages
from airflow_provider_dataworks.waiting.target import StatusSnapshot

pytestmark = pytest.mark.waits

INTERVAL = 0.5
KEY = Key("dataworks_default", None, 10000, INTERVAL)


def job(job_id: int) -> DIJobTarget:
    return DIJobTarget(KEY.project_id, job_id)


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return asyncio.run(asyncio.wait_for(work(), 30))


def add_jobs(emulator: EmulatorControl, count: int, **fields: Any) -> list[int]:
    """Fill up the workspace to so many jobs; return the ids of the new ones, in the order of the listing."""
    missing = count - len(emulator.jobs())
    jobs = emulator.add_jobs([{"JobName": f"job_{n}", "JobStatus": "Running", **fields} for n in range(missing)])
    return [job["DIJobId"] for job in jobs]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, however slow the machine is."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to that")


async def watch(ids: list[int], seconds: float, key: Key = KEY, max_failures: int = 10) -> list[Subscription]:
    """Subscribe to jobs for a while."""
    with ExitStack() as stack:
        subscriptions = [stack.enter_context(subscribe(key, job(job_id), max_failures))[1] for job_id in ids]
        await asyncio.sleep(seconds)
    return subscriptions


def requests_by_action(emulator: EmulatorControl) -> Counter[str]:
    return Counter(request["action"] for request in emulator.requests())


@pytest.fixture
def ticks(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each tick sent; the poller itself says what belongs to it, and no clock."""
    counts: list[int] = []
    tick = Poller._tick

    async def counted(self: Poller, pending_only: bool = False) -> None:
        before = len(await asyncio.to_thread(emulator.requests))
        await tick(self, pending_only)
        counts.append(len(await asyncio.to_thread(emulator.requests)) - before)

    monkeypatch.setattr(Poller, "_tick", counted)
    return counts


def most_in_a_tick(emulator: EmulatorControl, ticks: list[int], ids: list[int], number: int = 4) -> int:
    """The most requests that a tick sends once the poller knows its way: after the first tick."""

    async def work() -> int:
        with ExitStack() as stack:
            key = KEY._replace(interval=0.2)
            subscriptions = [stack.enter_context(subscribe(key, job(job_id), 10))[1] for job_id in ids]
            for subscription in subscriptions:
                assert isinstance(await subscription.next_update(20), StatusSnapshot)
            await until(lambda: bool(ticks))
            first = len(ticks)
            emulator.clear_requests()
            await until(lambda: len(ticks) > first + number)
        # One may have begun before the requests were cleared.
        assert all(ticks[first + 1 :])
        return max(ticks[first + 1 :])

    most: int = run(work)
    return most


def test_many_watched_jobs_of_two_pages_cost_two_requests_a_tick(emulator: EmulatorControl, ticks: list[int]) -> None:
    ids = add_jobs(emulator, 150)

    assert most_in_a_tick(emulator, ticks, ids[:30] + ids[-30:]) <= 2


def test_many_watched_jobs_on_one_page_cost_one_request_a_tick_wherever_the_page_is(
    emulator: EmulatorControl, ticks: list[int]
) -> None:
    ids = add_jobs(emulator, 250)

    assert most_in_a_tick(emulator, ticks, ids[-40:]) <= 1


def test_one_watched_job_among_many_costs_one_request_a_tick_and_no_listing(
    emulator: EmulatorControl, ticks: list[int]
) -> None:
    ids = add_jobs(emulator, 250)

    assert most_in_a_tick(emulator, ticks, ids[-1:]) <= 1
    assert set(requests_by_action(emulator)) == {"GetDIJob"}


def test_a_few_watched_jobs_on_many_pages_are_asked_for_one_by_one(emulator: EmulatorControl, ticks: list[int]) -> None:
    ids = add_jobs(emulator, 450)

    assert most_in_a_tick(emulator, ticks, [ids[10], ids[250], ids[440]]) <= 3


def test_two_watched_jobs_of_a_page_share_a_request_although_the_other_pages_have_none(
    emulator: EmulatorControl, ticks: list[int]
) -> None:
    ids = add_jobs(emulator, 250)

    assert most_in_a_tick(emulator, ticks, [*ids[:4], *ids[-2:]]) <= 2


def test_several_waiters_for_one_job_cost_one_request(emulator: EmulatorControl, ticks: list[int]) -> None:
    assert most_in_a_tick(emulator, ticks, [1001] * 50) <= 1


def test_only_changes_wake_a_waiter(emulator: EmulatorControl) -> None:
    emulator.set_job(1001, JobStatus="Running")

    async def work() -> tuple[list[Any], int]:
        heard: list[Any] = []
        with subscribe(KEY, job(1001), 10) as (_, subscription):
            heard.append(await subscription.next_update(10))
            quiet = None
            while quiet is None and len(emulator.requests()) < 3:
                quiet = await subscription.next_update(INTERVAL)
            heard.append(quiet)
            asked = len(emulator.requests())
            emulator.set_job(1001, JobStatus="Finished")
            heard.append(await subscription.next_update(10))
        return heard, asked

    (first, quiet, last), asked = run(work)

    assert (first.status, quiet, last.status) == ("Running", None, "Finished")
    assert asked >= 3


def test_who_joins_is_not_given_what_was_asked_for_before(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.4)
    add_jobs(emulator, 20)
    emulator.set_job(1003, JobStatus="Finished")
    key = KEY._replace(interval=20.0)

    async def work() -> tuple[Any, float]:
        with ExitStack() as stack:
            for job_id in (1001, 1002):
                _, other = stack.enter_context(subscribe(key, job(job_id), 10))
                assert isinstance(await other.next_update(10), StatusSnapshot)
            # A new run has begun since the page was read.
            emulator.set_job(1003, JobStatus="Running")
            began = time.monotonic()
            _, late = stack.enter_context(subscribe(key, job(1003), 10))
            return await late.next_update(10), time.monotonic() - began

    first, took = run(work)

    assert first.status == "Running"
    assert took < key.interval / 2


@pytest.mark.parametrize("waiters", [1, 2], ids=["by id", "by list"])
def test_who_joins_is_not_given_an_answer_that_is_under_way(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, waiters: int
) -> None:
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.2)
    emulator.set_job(1001, JobStatus="Finished")
    emulator.add_fault("slow", seconds=0.8)
    key = KEY._replace(interval=20.0)

    async def work() -> Any:
        with ExitStack() as stack:
            for job_id in (1001, 1002)[:waiters]:
                stack.enter_context(subscribe(key, job(job_id), 10))
            await first_request(emulator)
            emulator.set_job(1001, JobStatus="Running")
            _, late = stack.enter_context(subscribe(key, job(1001), 10))
            return await late.next_update(10)

    assert run(work).status == "Running"


def test_those_who_join_together_between_two_ticks_share_their_requests(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.5)
    ids = add_jobs(emulator, 90)
    key = KEY._replace(interval=20.0)

    async def work() -> None:
        with ExitStack() as stack:
            _, first = stack.enter_context(subscribe(key, job(ids[0]), 10))
            await first.next_update(10)
            emulator.clear_requests()
            late = [stack.enter_context(subscribe(key, job(job_id), 10))[1] for job_id in ids[1:41]]
            for subscription in late:
                assert isinstance(await subscription.next_update(10), StatusSnapshot)

    run(work)

    assert requests_by_action(emulator) == {"ListDIJobs": 1}


async def first_request(emulator: EmulatorControl) -> None:
    """Wait until the emulator has been asked for something."""
    await until(lambda: bool(emulator.requests()))


def fail_for(monkeypatch: pytest.MonkeyPatch, job_id: int, error: Exception) -> list[float]:
    """Have GetDIJob fail for one job; return when the ticks began that asked for it."""
    asked: list[float] = []
    original, tick, began = DIJobTarget.poll, Poller._tick, [0.0]

    async def timed(self: Poller, pending_only: bool = False) -> None:
        began[0] = time.monotonic()
        await tick(self, pending_only)

    def poll(self: DIJobTarget, hook: Any) -> StatusSnapshot:
        if self.di_job_id != job_id:
            return original(self, hook)
        asked.append(began[0])
        raise error

    monkeypatch.setattr(Poller, "_tick", timed)
    monkeypatch.setattr(DIJobTarget, "poll", poll)
    return asked


@pytest.mark.parametrize(
    "error",
    [
        DataWorksTransientError("HTTP 500", action="GetDIJob", http_status=500),
        DataWorksTransientError("no complete answer", action="GetDIJob"),
        TypeError("an answer of an unexpected shape"),
    ],
    ids=["500", "no answer", "odd"],
)
def test_one_unreadable_job_costs_only_its_own_waiters(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ids = add_jobs(emulator, 450)
    # On pages of their own: each is asked for by id.
    bad, *good = ids[10], ids[150], ids[250], ids[440]
    monkeypatch.setattr(poller_module, "_SMALLEST_GAP", 0.02)
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.1)
    asked = fail_for(monkeypatch, bad, error)
    key = KEY._replace(interval=0.1)

    async def work() -> tuple[Any, list[Any]]:
        with ExitStack() as stack:
            _, unreadable = stack.enter_context(subscribe(key, job(bad), 5))
            unreadable.exact_only = True
            others = [stack.enter_context(subscribe(key, job(job_id), 3))[1] for job_id in good]
            ended = await unreadable.next_update(20)
            for subscription in others:
                assert isinstance(await subscription.next_update(20), StatusSnapshot)
            for job_id in good:
                emulator.set_job(job_id, JobStatus="Finished")
            return ended, [await subscription.next_update(20) for subscription in others]

    ended, others = run(work)

    assert isinstance(ended, DataWorksTransientError)
    assert [reading.status for reading in others] == ["Finished"] * 3
    # With pauses that grow: its failures are no more requests than the polls of a job that can be read.
    assert len(asked) == 5
    # 0.1 + 0.2 + 0.4 + 0.8 s, each less half an interval; pauses that stay the same are 0.4 s in all.
    assert asked[-1] - asked[0] > 1.1


def test_what_meets_every_request_ends_a_tick_after_a_few(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 700)[::100][:6]

    async def work() -> list[Any]:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, job(job_id), 1))[1] for job_id in ids]
            for subscription in subscriptions:
                await subscription.next_update(20)
            emulator.clear_requests()
            emulator.add_fault("html", action="GetDIJob", count=-1)
            return [await subscription.next_update(20) for subscription in subscriptions]

    heard = run(work)

    assert all(isinstance(error, DataWorksTransientError) for error in heard)
    met = [request for request in emulator.requests(action="GetDIJob") if request["status"] == 502]
    assert len(met) == 3


def test_a_throttled_request_ends_the_tick_and_counts_for_all_that_got_no_answer(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_FIRST_POLL_WITHIN", 0.4)
    ids = add_jobs(emulator, 700)[::100][:4]
    emulator.add_fault("throttle", count=-1)

    async def work() -> list[Any]:
        with ExitStack() as stack:
            subscriptions = [
                stack.enter_context(subscribe(KEY._replace(interval=20.0), job(job_id), 1))[1] for job_id in ids
            ]
            return [await subscription.next_update(20) for subscription in subscriptions]

    heard = run(work)

    assert all(isinstance(error, DataWorksTransientError) for error in heard)
    assert len(emulator.requests()) == 1


def test_a_count_that_cannot_be_true_costs_nobody_a_wait(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = JobPage((DIJob(1001, "Running"),), 10**12)
    monkeypatch.setattr(JobPages, "fetch", lambda self, hook, **arguments: page)

    async def work() -> list[Any]:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, job(one), 2))[1] for one in (1001, 1002)]
            return [await subscription.next_update(10) for subscription in subscriptions]

    assert [reading.status for reading in run(work)] == ["Running", "Initialized"]


def test_a_server_that_asks_for_a_day_is_asked_again_within_minutes() -> None:
    error = DataWorksTransientError("too many", code="Throttling", retry_after=86400.0)
    current = poller_module._Round(0.0, 0, [])

    assert Poller(KEY)._count_shared(current, error) == 300.0
    error.retry_after = float("nan")
    assert Poller(KEY)._count_shared(current, error) == INTERVAL


def test_nothing_is_kept_of_jobs_that_nobody_waits_for(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 150)

    async def work() -> list[int]:
        with subscribe(KEY, job(ids[0]), 10) as (poller, _):
            with ExitStack() as stack:
                for job_id in ids[1:4]:
                    stack.enter_context(subscribe(KEY, job(job_id), 10))
                await poller._tick()
            await poller._tick()
            (batch,) = poller._batches.values()
            held = [*vars(poller).values(), *vars(batch).values()]
            return [len(value) for value in held if isinstance(value, (dict, set))]

    assert max(run(work)) == 1


def test_connections_that_cannot_be_read_hold_up_no_other_poller(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poller_module, "_OPENED_WITHIN", 0.3, raising=False)
    original, release, opened = poller_module._open_hook, threading.Event(), Counter[str]()

    def open_hook(dataworks_conn_id: str, region_id: str | None) -> Any:
        opened[dataworks_conn_id] += 1
        if dataworks_conn_id.startswith("hangs"):
            release.wait(30)
        return original("dataworks_default", region_id)

    monkeypatch.setattr(poller_module, "_open_hook", open_hook)
    key = KEY._replace(interval=0.2)

    async def work() -> tuple[Any, list[Any]]:
        with ExitStack() as stack:
            hanging = [
                stack.enter_context(subscribe(key._replace(dataworks_conn_id=f"hangs_{number}"), job(1001), 3))[1]
                for number in range(40)
            ]
            ended = [await subscription.next_update(20) for subscription in hanging]
            # Its own connection is read at once, but on a busy machine perhaps not within three ticks.
            _, other = stack.enter_context(subscribe(key, job(1001), 30))
            return await other.next_update(10), ended

    try:
        reading, ended = run(work)
    finally:
        release.set()

    assert isinstance(reading, StatusSnapshot)
    assert all(isinstance(error, DataWorksTransientError) for error in ended)
    assert "check the secrets backend" in str(ended[0])
    # However often it was tried, one reading of a connection is under way.
    assert max(opened.values()) == 1


def test_a_request_that_hangs_is_a_failed_poll_and_no_more_than_three_are_left_behind(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, asked = threading.Event(), []

    def hang(self: DIJobTarget, hook: Any) -> StatusSnapshot:
        asked.append(1)
        release.wait(30)
        return StatusSnapshot("Running")

    monkeypatch.setattr(DIJobTarget, "poll", hang)
    original = wait_for_call

    async def wait_briefly(future: Any, seconds: float, what: str) -> Any:
        return await original(future, min(seconds, 0.1) if what == "A poll" else seconds, what)

    monkeypatch.setattr(poller_module, "wait_for_call", wait_briefly)

    async def work() -> Any:
        with subscribe(KEY._replace(interval=0.01), job(1001), 5) as (_, subscription):
            return await subscription.next_update(20)

    try:
        heard = run(work)
    finally:
        release.set()

    assert isinstance(heard, DataWorksTransientError)
    assert len(asked) == 3


def test_a_failure_is_logged_in_one_line_with_the_cause_first(
    emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    def warn(text: str, *arguments: Any) -> None:
        lines.append(text % arguments)

    monkeypatch.setattr(poller_module.log, "warning", warn)
    fail_for(monkeypatch, 1001, ValueError("two\nlines"))

    async def work() -> Any:
        with subscribe(KEY._replace(interval=0.1), job(1001), 1) as (_, subscription):
            await subscription.next_update(20)
            await until(lambda: bool(lines))
            await asyncio.sleep(0.2)

    run(work)

    (line,) = lines
    assert line.startswith("Polling failed unexpectedly: ValueError: two lines")
    assert "dataworks_default, workspace 10000" in line


def test_failed_polls_within_the_budget_end_nothing(emulator: EmulatorControl) -> None:
    for kind in ("reset", "html", "wrong_json", "empty"):
        emulator.add_fault(kind, action="GetDIJob")
    key = KEY._replace(interval=0.1)

    async def work() -> Any:
        with subscribe(key, job(1001), 10) as (_, subscription):
            return await subscription.next_update(20)

    assert isinstance(run(work), StatusSnapshot)
    assert requests_by_action(emulator)["GetDIJob"] == 5


def test_the_budget_is_each_waiters_own(emulator: EmulatorControl) -> None:
    emulator.add_fault("html", action="GetDIJob", count=-1)

    async def work() -> tuple[Any, Any]:
        key = KEY._replace(interval=0.1)
        with (
            subscribe(key, job(1001), 2) as (_, impatient),
            subscribe(key, job(1001), 1000) as (_, patient),
        ):
            ended = await impatient.next_update(20)
            return ended, await patient.next_update(0.2)

    ended, other = run(work)

    assert isinstance(ended, DataWorksTransientError)
    assert other is None


def test_the_servers_waiting_time_is_obeyed(emulator: EmulatorControl) -> None:
    emulator.add_fault("throttle", action="GetDIJob", headers={"x-acs-retry-after": "1500"})

    async def work() -> Any:
        with subscribe(KEY._replace(interval=0.1), job(1001), 10) as (_, subscription):
            return await subscription.next_update(20)

    run(work)

    first, second = (request["time"] for request in emulator.requests(action="GetDIJob"))
    assert second - first >= 1.4


def test_a_refusal_of_the_listing_ends_every_wait_at_once(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 20)
    emulator.add_fault("error", action="ListDIJobs", status=403, code="Forbidden.Access", count=-1)

    async def work() -> list[Any]:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, job(job_id), 10))[1] for job_id in ids]
            return [await subscription.next_update(10) for subscription in subscriptions]

    heard = run(work)

    assert all(isinstance(error, DataWorksPermanentError) for error in heard)
    assert all(len(str(error).splitlines()) == 1 for error in heard)
    assert requests_by_action(emulator)["ListDIJobs"] == 1


def test_a_job_that_left_the_list_is_asked_for_once_and_ends_only_its_own_wait(emulator: EmulatorControl) -> None:
    ids = add_jobs(emulator, 20)

    async def work() -> tuple[Any, Any]:
        with ExitStack() as stack:
            subscriptions = [stack.enter_context(subscribe(KEY, job(job_id), 10))[1] for job_id in ids]
            for subscription in subscriptions:
                await subscription.next_update(10)
            emulator.remove_job(ids[3])
            return await subscriptions[3].next_update(10), await subscriptions[4].next_update(0.1)

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
        with subscribe(KEY, job(1001), 10) as (poller, subscription):
            heard.append(await subscription.next_update(10))
            # As if the old keys had been disabled: the poller's hook has them still.
            assert poller._hook is not None
            poller._hook.client.credentials = _refused_credentials()
            emulator.set_job(1001, JobStatus="Running")
            heard.append(await subscription.next_update(10))
        return heard

    assert [heard.status for heard in run(work)] == ["Initialized", "Running"]


def _refused_credentials() -> Any:
    from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials

    return StaticCredentials(Credentials("LTAI-old", "old-secret"))


def test_a_connection_that_is_not_there_ends_the_wait_at_once(emulator: EmulatorControl) -> None:
    async def work() -> Any:
        with subscribe(KEY._replace(dataworks_conn_id="nowhere"), job(1001), 10) as (_, subscription):
            return await subscription.next_update(10)

    heard = run(work)

    assert isinstance(heard, DataWorksError)
    assert "nowhere" in str(heard)


def test_the_last_one_who_leaves_ends_the_polling(emulator: EmulatorControl) -> None:
    async def work() -> int:
        key = KEY._replace(interval=0.2)
        with subscribe(key, job(1001), 10) as (_, first), subscribe(key, job(1002), 10):
            assert isinstance(await first.next_update(20), StatusSnapshot)
        asked = len(emulator.requests())
        await asyncio.sleep(1.0)
        return len(emulator.requests()) - asked

    assert run(work) <= 1


def test_nobody_polls_for_a_waiter_who_left(emulator: EmulatorControl) -> None:
    async def work() -> set[str]:
        with subscribe(KEY, job(1001), 10) as (_, stays):
            with subscribe(KEY, job(1002), 10) as (_, leaves):
                await leaves.next_update(10)
                await stays.next_update(10)
            await asyncio.sleep(0.1)
            emulator.clear_requests()
            await until(lambda: len(emulator.requests()) >= 2)
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
        with subscribe(KEY._replace(interval=0.1), job(1001), 3) as (_, subscription):
            return await subscription.next_update(20)

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
    # Ten a second without the ceiling; of each poller one may set out late and arrive beside those after it.
    for number, first in enumerate(times):
        for later, last in enumerate(times[number:]):
            assert later <= 5 * (last - first) + 2.05
