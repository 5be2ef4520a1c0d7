"""One loop of requests for all triggers of a process that wait with the same connection, project and interval."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_dataworks.client.errors import about_credentials
from airflow_provider_dataworks.client.models import ListedJob, TaskType
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.readings import Reading, read_instance, read_job
from airflow_provider_dataworks.triggers.log_thread import write

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

log = logging.getLogger(__name__)

T = TypeVar("T")

JOB = "DI job"

#: A first poll comes after this long at the latest (seconds), so that those who join together are asked for together.
_FIRST_POLL_WITHIN = 5.0
_SMALLEST_GAP = 0.2
_LONGEST_BACKOFF = 300.0
_PAGE_SIZE = 100


class Key(NamedTuple):
    """What a poller's requests have in common."""

    dataworks_conn_id: str
    region_id: str | None
    project_id: int
    interval: float


class Subject(NamedTuple):
    """Something that is waited for: ``DI job``, ``DI_REALTIME`` or ``DI_SOLUTION``, and its id."""

    kind: str
    id: int


class Subscription:
    """One waiter's place at a poller."""

    __slots__ = (
        "_ending",
        "_fresh",
        "_waiter",
        "answered",
        "every_tick",
        "failures",
        "max_failures",
        "reading",
        "subject",
    )

    def __init__(self, subject: Subject, max_failures: int) -> None:
        self.subject = subject
        self.max_failures = max_failures
        self.every_tick = False
        self.reading: Reading | None = None
        self.failures = 0
        self.answered = 0.0
        self._fresh = False
        self._ending: DataWorksError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether an error has ended this wait."""
        return self._ending is not None

    async def news(self, seconds: float) -> Reading | DataWorksError | None:
        """Wait for a reading that differs from the last one.

        :param seconds: how long at most.
        :return: the reading, or the error that ends the wait, or None when the time is over.
        """
        if not self._fresh and self._ending is None:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(max(0.0, seconds), self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        if self._ending is not None:
            return self._ending
        if self._fresh:
            self._fresh = False
            return self.reading
        return None

    def tell(self, reading: Reading) -> None:
        """Hand over a reading; the waiter is woken if it says something new."""
        self.failures = 0
        self.answered = time.monotonic()
        if self.every_tick or self.reading is None or reading.status != self.reading.status:
            self._fresh = True
            self._wake()
        self.reading = reading

    def fail(self, error: DataWorksError) -> None:
        """Count a failed poll; a permanent error, or one too many in a row, ends the wait."""
        self.failures += 1
        if isinstance(error, DataWorksPermanentError) or self.failures >= self.max_failures:
            self._ending = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Poller:
    """Polls for its subscribers, in as few requests as answer them all; use :func:`subscribe`.

    :param key: what the requests have in common.
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._subscriptions: dict[Subject, set[Subscription]] = {}
        self._page_of: dict[int, int] = {}
        self._on_page: dict[int, set[int]] = {}
        self._pages = 0
        self._snapshot: dict[Subject, tuple[float, Reading]] = {}
        self._hook: DataWorksHook | None = None
        self._failed_ticks = 0
        self._task: asyncio.Task[None] | None = None

    def join(self, subscription: Subscription) -> None:
        """Take in a waiter; it gets an answer at once if a fresh one is there."""
        self._subscriptions.setdefault(subscription.subject, set()).add(subscription)
        seen = self._snapshot.get(subscription.subject)
        if seen is not None and time.monotonic() - seen[0] <= self._key.interval:
            subscription.tell(seen[1])
        if self._task is None:
            # In an empty context: the loop must not log into the task that happened to come first.
            context = contextvars.Context()
            self._task = context.run(asyncio.get_running_loop().create_task, self._run())

    def leave(self, subscription: Subscription) -> bool:
        """Let a waiter go; the last one ends the loop.

        :return: whether it was the last.
        """
        remaining = self._subscriptions.get(subscription.subject, set())
        remaining.discard(subscription)
        if not remaining:
            self._subscriptions.pop(subscription.subject, None)
        if self._subscriptions:
            return False
        if self._task is not None:
            self._task.cancel()
        if self._hook is not None:
            self._hook.close()
        return True

    async def read_job(self, di_job_id: int) -> Reading:
        """Read one job by id, now.

        :raises DataWorksError: as the hook raises.
        """
        return await self._ask(read_job, project_id=self._key.project_id, di_job_id=di_job_id)

    async def _run(self) -> None:
        # Not at once: others join in the same moment, and a restarted triggerer starts all its pollers together.
        await asyncio.sleep(random.uniform(0.2, 1.0) * min(self._key.interval, _FIRST_POLL_WITHIN))  # noqa: S311
        while True:
            began = time.monotonic()
            pause = self._key.interval
            try:
                await self._tick()
                if self._failed_ticks:
                    await write(log.info, "%s: answers again after %s failed polls", self._name, self._failed_ticks)
                self._failed_ticks = 0
            except DataWorksTransientError as error:
                pause = await self._after_failure(began, error)
            except Exception as error:  # noqa: BLE001 - an error of ours must not end the polling for everybody
                await write(log.error, "%s: unexpected error while polling", self._name, exc_info=error)
                text = f"Polling failed unexpectedly: {type(error).__name__}: {error!s:.200}"
                pause = await self._after_failure(began, DataWorksTransientError(text))
            await asyncio.sleep(max(_SMALLEST_GAP, began + pause - time.monotonic()))

    @property
    def _name(self) -> str:
        return f"poller of connection {self._key.dataworks_conn_id}, workspace {self._key.project_id}"

    async def _after_failure(self, began: float, error: DataWorksTransientError) -> float:
        """Count a failed tick against all that got no answer in it.

        :return: seconds until the next tick: longer each time, and as long as the server asks.
        """
        self._failed_ticks += 1
        for subscription in self._waiting():
            if subscription.answered < began:
                subscription.fail(error)
        await write(log.warning, "%s: poll %s in a row failed: %s", self._name, self._failed_ticks, error)
        backoff = self._key.interval * 2.0 ** min(self._failed_ticks - 1, 10)
        return max(min(backoff, max(_LONGEST_BACKOFF, self._key.interval)), error.retry_after or 0.0)

    def _waiting(self) -> list[Subscription]:
        return [subscription for group in self._subscriptions.values() for subscription in group]

    def _watched(self, *kinds: str) -> list[Subject]:
        """The subjects of these kinds, those that have waited longest for an answer first."""
        subjects = [
            (min(subscription.answered for subscription in group), subject)
            for subject, group in self._subscriptions.items()
            if subject.kind in kinds and any(not subscription.ended for subscription in group)
        ]
        return [subject for _, subject in sorted(subjects)]

    async def _tick(self) -> None:
        """Get an answer for everybody who is there at the beginning.

        :raises DataWorksTransientError: somebody got none.
        """
        jobs = self._watched(JOB)
        instances = self._watched(str(TaskType.DI_REALTIME), str(TaskType.DI_SOLUTION))
        unanswered = await self._read_pages({subject.id for subject in jobs})
        for subject in jobs:
            if subject.id in unanswered:
                await self._read_alone(subject, partial(read_job, di_job_id=subject.id))
        for subject in instances:
            await self._read_alone(subject, partial(read_instance, task_type=subject.kind, file_id=subject.id))

    async def _read_pages(self, wanted: set[int]) -> set[int]:
        """Read pages of the list as long as that is cheaper than asking job by job.

        :return: the jobs that no page that was read has, and that are to be asked for one by one.
        """
        pages_read: set[int] = set()
        while wanted and (page := self._next_page(wanted, pages_read)) is not None:
            pages_read.add(page)
            try:
                jobs, total = await self._ask(_read_page, project_id=self._key.project_id, page_number=page)
            except DataWorksPermanentError as error:
                self._refuse([subject for subject in self._subscriptions if subject.kind == JOB], error)
                return set()
            if total is not None:
                self._pages = -(-total // _PAGE_SIZE)
            wanted = wanted - self._take_page(page, jobs)
        return wanted

    def _next_page(self, wanted: set[int], pages_read: set[int]) -> int | None:
        """Choose the page to read next; None when asking job by job takes no more requests."""
        where = Counter(self._page_of[job_id] for job_id in wanted if job_id in self._page_of)
        strangers = len(wanted) - where.total()
        known = [(count, -page) for page, count in where.items() if page not in pages_read]
        if known and max(known)[0] > 1:
            return -max(known)[1]
        # Nothing tells where a stranger is: at worst it takes all pages, job by job it takes one request each.
        # Where that is the same, pages are read: afterwards it is known which jobs share one.
        unread = [page for page in range(1, max(self._pages, 1) + 1) if page not in pages_read]
        return unread[0] if unread and strangers >= max(len(unread), 2) else None

    def _take_page(self, page: int, jobs: list[ListedJob]) -> set[int]:
        """Hand on what a page says, and remember which jobs are on it.

        :return: the ids on the page.
        """
        for gone in self._on_page.pop(page, ()):
            if self._page_of.get(gone) == page:
                del self._page_of[gone]
        ids: set[int] = set()
        for job in jobs:
            if isinstance(job_id := job.get("DIJobId"), int):
                ids.add(job_id)
                self._page_of[job_id] = page
                reading = Reading(str(job.get("JobStatus")), job.get("MigrationType"), job.get("JobName"))
                self._publish(Subject(JOB, job_id), reading)
        self._on_page[page] = ids
        return ids

    async def _read_alone(self, subject: Subject, read: Callable[..., Reading]) -> None:
        if subject not in self._subscriptions:
            return
        try:
            self._publish(subject, await self._ask(read, project_id=self._key.project_id))
        except DataWorksPermanentError as error:
            self._refuse([subject], error)

    def _publish(self, subject: Subject, reading: Reading) -> None:
        self._snapshot[subject] = (time.monotonic(), reading)
        for subscription in self._subscriptions.get(subject, ()):
            subscription.tell(reading)

    def _refuse(self, subjects: Iterable[Subject], error: DataWorksError) -> None:
        for subject in subjects:
            self._snapshot.pop(subject, None)
            for subscription in self._subscriptions.get(subject, ()):
                subscription.answered = time.monotonic()
                subscription.fail(error)

    async def _ask(self, read: Callable[..., T], **arguments: Any) -> T:
        """Make one request in a thread; keys that are refused are read anew from the connection, once."""
        hook, fresh = await self._get_hook()
        try:
            return await self._request(hook, read, arguments)
        except DataWorksPermanentError as error:
            # Without a code: the keys could not even be fetched.
            keys = about_credentials(error.code) or (error.action is None and type(error) is DataWorksPermanentError)
            if fresh or not keys:
                raise
            hook.close()
            self._hook = None
            await write(log.info, "%s: credentials refused; reading the connection anew", self._name)
            hook = (await self._get_hook())[0]
            return await self._request(hook, read, arguments)

    async def _request(self, hook: DataWorksHook, read: Callable[..., T], arguments: dict[str, Any]) -> T:
        await asyncio.sleep(hook.pacer.reserve())
        return await _in_thread(partial(read, hook, **arguments))

    async def _get_hook(self) -> tuple[DataWorksHook, bool]:
        """The hook, and whether it was made just now."""
        if self._hook is not None:
            return self._hook, False
        try:
            self._hook = await _in_thread(partial(_open_hook, self._key.dataworks_conn_id, self._key.region_id))
        except AirflowNotFoundException as error:
            raise DataWorksPermanentError(str(error)) from None
        return self._hook, True


@contextmanager
def subscribe(key: Key, subject: Subject, max_failures: int) -> Iterator[tuple[Poller, Subscription]]:
    """Join the poller for a key, starting it if this is the first, and leave it in the end.

    :param key: what the requests have in common.
    :param subject: what to wait for.
    :param max_failures: failed polls in a row that end the wait.
    """
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    poller = pollers.setdefault(key, Poller(key))
    subscription = Subscription(subject, max_failures)
    poller.join(subscription)
    try:
        yield poller, subscription
    finally:
        if poller.leave(subscription):
            pollers.pop(key, None)


_pollers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, Poller]] = weakref.WeakKeyDictionary()


@cache
def _threads() -> ThreadPoolExecutor:
    # Not the loop's own pool: it has six threads on two cores, and Airflow needs them.
    return ThreadPoolExecutor(max_workers=32, thread_name_prefix="dataworks-poll")


async def _in_thread(function: Callable[[], T]) -> T:
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_threads(), context.run, function)


def _open_hook(dataworks_conn_id: str, region_id: str | None) -> DataWorksHook:
    """A hook that tries once (the next tick is the retry) and leaves the spacing to the poller."""
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    hook = DataWorksHook(dataworks_conn_id, region_id)
    return hook.tuned(max_attempts=1, paced=False)


def _read_page(hook: DataWorksHook, *, project_id: int, page_number: int) -> tuple[list[ListedJob], int | None]:
    return hook.read_di_jobs_page(project_id=project_id, page_number=page_number)
