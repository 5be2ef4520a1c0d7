"""One loop of requests for all triggers of a process that wait with the same connection, project and interval."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_dataworks.client.errors import about_credentials
from airflow_provider_dataworks.client.models import ListedJob
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.readings import Reading, read_instance, read_job
from airflow_provider_dataworks.triggers.blocking import CallTimedOut, start_call, wait_for_call
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
_LONGEST_RETRY_AFTER = 300.0
_PAGE_SIZE = 100

#: How long (seconds) a poll waits for the connection, whose secrets backend may hang.
_OPENED_WITHIN = 30.0
#: After so long (seconds) a reading of the connection is given up, and another one may begin.
_OPENING_LOST_AFTER = 600.0
#: How long (seconds) one request is waited for at least, whatever the connection's own limits are.
_ANSWERED_WITHIN = 60.0
#: So many requests of a poller may hang beyond their limit; while they do, no further one is sent.
_MOST_HANGING = 3
#: So many requests in a row without a good answer end a tick: then it is not about what is asked for.
_FAILURES_IN_A_ROW = 3


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
        "by_id",
        "every_tick",
        "failures",
        "joined_at",
        "max_failures",
        "pending",
        "reading",
        "subject",
    )

    def __init__(self, subject: Subject, max_failures: int) -> None:
        self.subject = subject
        self.max_failures = max_failures
        self.every_tick = False
        #: Only what is asked for by id is an answer; a page of the list is none.
        self.by_id = False
        #: Waits for an answer that is not to wait for the next tick.
        self.pending = True
        #: How many requests the poller had sent by then: what they say is too old.
        self.joined_at = 0
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
        self.pending = False
        self.answered = time.monotonic()
        if self.every_tick or self.reading is None or _facts(reading) != _facts(self.reading):
            self._fresh = True
            self._wake()
        self.reading = reading

    def fail(self, error: DataWorksError) -> None:
        """Count a failed poll; a permanent error, or one too many in a row, ends the wait."""
        self.failures += 1
        self.pending = False
        if self._ending is not None:
            return
        if isinstance(error, DataWorksPermanentError) or self.failures >= self.max_failures:
            self._ending = error
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class _SharedFailure(Exception):
    """A failure of the account, the connection or the host: nothing more can be asked for."""

    def __init__(self, error: DataWorksError) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass
class _Backoff:
    """How often in a row a subject could not be read, and until when (monotonic) it is not asked for again."""

    failures: int = 0
    until: float = 0.0


@dataclass
class _Round:
    """What came of one tick so far.

    :param began: monotonic.
    :param first: the number of the last request before it.
    :param subjects: those that are due.
    """

    began: float
    first: int
    subjects: list[Subject]
    answered: set[Subject] = field(default_factory=set)
    failed: dict[Subject, DataWorksError] = field(default_factory=dict)
    in_a_row: int = 0


class Poller:
    """Polls for its subscribers, in as few requests as answer them all; use :func:`subscribe`.

    A subscriber is given only what was asked for after it joined.

    :param key: what the requests have in common.
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._subscriptions: dict[Subject, set[Subscription]] = {}
        self._backoffs: dict[Subject, _Backoff] = {}
        # Where jobs that are waited for were seen in the list; of others nothing is kept.
        self._page_of: dict[int, int] = {}
        self._pages = 0
        self._sent = 0
        self._failed_ticks = 0
        self._next_tick = 0.0
        self._early: float | None = None
        self._sleeper: asyncio.Future[None] | None = None
        self._round = _Round(0.0, 0, [])
        self._hook: DataWorksHook | None = None
        self._opening: asyncio.Future[DataWorksHook] | None = None
        self._opening_since = 0.0
        self._hanging: set[asyncio.Future[Any]] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, subscription: Subscription) -> None:
        """Take in a waiter; it gets its first answer soon, from a request that has yet to be sent."""
        self._subscriptions.setdefault(subscription.subject, set()).add(subscription)
        subscription.joined_at = self._sent
        if self._task is None:
            # Not at once: others join in the same moment, and a restarted triggerer starts all its pollers together.
            self._next_tick = time.monotonic() + self._a_moment()
            # In an empty context: the loop must not log into the task that happened to come first.
            context = contextvars.Context()
            self._task = context.run(asyncio.get_running_loop().create_task, self._run())
        else:
            self.ask_soon(subscription)

    def ask_soon(self, subscription: Subscription) -> None:
        """Ask for a waiter's subject before the next tick; those who want that in the same moment share the requests.

        :param subscription: the waiter's place.
        """
        subscription.pending = True
        if (backoff := self._backoffs.get(subscription.subject)) is not None:
            backoff.until = 0.0
        if self._early is None:
            self._early = time.monotonic() + max(self._a_moment(), _SMALLEST_GAP)
            self._wake()

    def leave(self, subscription: Subscription) -> bool:
        """Let a waiter go; the last one ends the loop.

        :return: whether it was the last.
        """
        subject = subscription.subject
        remaining = self._subscriptions.get(subject, set())
        remaining.discard(subscription)
        if not remaining:
            self._subscriptions.pop(subject, None)
            self._backoffs.pop(subject, None)
            if subject.kind == JOB:
                self._page_of.pop(subject.id, None)
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
        try:
            _, reading = await self._ask(read_job, project_id=self._key.project_id, di_job_id=di_job_id)
        except _SharedFailure as failure:
            raise failure.error from None
        return reading

    def _a_moment(self) -> float:
        return random.uniform(0.2, 1.0) * min(self._key.interval, _FIRST_POLL_WITHIN)  # noqa: S311

    async def _run(self) -> None:
        while True:
            await self._sleep_until_due()
            try:
                if time.monotonic() >= self._next_tick:
                    await self._tick()
                else:
                    await self._tick(pending_only=True)
            except Exception as error:  # noqa: BLE001 - an error of ours must not end the polling for everybody
                self._next_tick = time.monotonic() + max(_SMALLEST_GAP, self._key.interval)
                await write(log.error, "%s [%s]", _unexpected(error), self._name)

    async def _sleep_until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # Who wants to be asked for soon waits like all others while the service is to be left alone.
            early = None if self._failed_ticks else self._early
            moment = self._next_tick if early is None else min(early, self._next_tick)
            left = moment - time.monotonic()
            if left <= 0:
                return
            self._sleeper = loop.create_future()
            timer = loop.call_later(left, self._wake)
            try:
                await self._sleeper
            finally:
                timer.cancel()
                self._sleeper = None

    def _wake(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    @property
    def _name(self) -> str:
        return f"poller of connection {self._key.dataworks_conn_id}, workspace {self._key.project_id}"

    async def _tick(self, pending_only: bool = False) -> None:
        """Ask for everybody who is due at the beginning, and decide when to ask next.

        :param pending_only: whether that is only who wants an answer before the next tick; default False.
        """
        self._early = None
        began = time.monotonic()
        current = self._round = _Round(began, self._sent, self._due(pending_only))
        shared: DataWorksError | None = None
        try:
            await self._poll(current)
        except _SharedFailure as failure:
            shared = failure.error
        except Exception as error:  # noqa: BLE001 - an error of ours must not end the polling for everybody
            shared = _unexpected(error)
        failed_before = self._failed_ticks
        pause = self._key.interval
        if shared is not None:
            pause = self._count_shared(current, shared)
        elif current.answered:
            self._failed_ticks = 0
        if not pending_only:
            self._next_tick = max(time.monotonic() + _SMALLEST_GAP, began + pause)
        elif shared is not None:
            self._next_tick = max(self._next_tick, began + pause)
        await self._log_round(current, shared, failed_before)

    def _due(self, pending_only: bool) -> list[Subject]:
        """What is to be asked for now: what failed last comes last, otherwise what has waited longest comes first."""
        now = time.monotonic()
        due = []
        for subject, group in self._subscriptions.items():
            waiting = [one for one in group if not one.ended]
            backoff = self._backoffs.get(subject)
            if not waiting or (backoff is not None and backoff.until > now):
                continue
            if pending_only and not any(one.pending for one in waiting):
                continue
            due.append((backoff is not None, min(one.answered for one in waiting), subject))
        return [subject for _, _, subject in sorted(due)]

    async def _poll(self, current: _Round) -> None:
        """Get an answer for each subject of a round, or a failure.

        :raises _SharedFailure: what is left cannot be asked for.
        """
        listed = {one.id for one in current.subjects if one.kind == JOB and not self._wants_id(one)}
        alone = await self._read_pages(current, set(listed))
        for subject in current.subjects:
            if subject in current.answered or subject in current.failed:
                continue
            if subject.kind != JOB:
                await self._read_alone(
                    current, subject, partial(read_instance, task_type=subject.kind, file_id=subject.id)
                )
            elif subject.id in alone or subject.id not in listed:
                await self._read_alone(current, subject, partial(read_job, di_job_id=subject.id))
            if current.in_a_row >= _FAILURES_IN_A_ROW:
                if current.answered:
                    return
                raise _SharedFailure(current.failed[subject])

    def _wants_id(self, subject: Subject) -> bool:
        return any(one.by_id and not one.ended for one in self._subscriptions.get(subject, ()))

    async def _read_pages(self, current: _Round, wanted: set[int]) -> set[int]:
        """Read pages of the list as long as that is cheaper than asking job by job.

        :return: the jobs that no page that was read has, and that are to be asked for one by one.
        """
        pages_read: set[int] = set()
        while wanted and (page := self._next_page(wanted, pages_read)) is not None:
            pages_read.add(page)
            try:
                number, (jobs, total) = await self._ask(_read_page, project_id=self._key.project_id, page_number=page)
            except DataWorksError as error:
                self._fail(current, [Subject(JOB, job_id) for job_id in wanted], error)
                return set()
            if total is not None:
                self._pages = -(-total // _PAGE_SIZE)
            wanted = wanted - self._take_page(current, number, page, jobs)
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
        pages = max(self._pages, 1)
        unread = pages - sum(page <= pages for page in pages_read)
        if not unread or strangers < max(unread, 2):
            return None
        return next(page for page in range(1, pages + 1) if page not in pages_read)

    def _take_page(self, current: _Round, number: int, page: int, jobs: list[Any]) -> set[int]:
        """Hand on what a page says, and remember which of the jobs that are waited for are on it.

        :return: the ids on the page.
        """
        ids: set[int] = set()
        for job in jobs:
            job_id = job.get("DIJobId") if isinstance(job, Mapping) else None
            if not isinstance(job_id, int) or (subject := Subject(JOB, job_id)) not in self._subscriptions:
                continue
            ids.add(job_id)
            reading = Reading(str(job.get("JobStatus")), job.get("MigrationType"), job.get("JobName"))
            self._publish(current, number, subject, reading)
        for job_id in [one for one, seen_on in self._page_of.items() if seen_on == page and one not in ids]:
            del self._page_of[job_id]
        self._page_of.update(dict.fromkeys(ids, page))
        return ids

    async def _read_alone(self, current: _Round, subject: Subject, read: Callable[..., Reading]) -> None:
        if subject not in self._subscriptions:
            return
        try:
            number, reading = await self._ask(read, project_id=self._key.project_id)
        except DataWorksError as error:
            self._fail(current, [subject], error)
            current.in_a_row = 0 if isinstance(error, DataWorksPermanentError) else current.in_a_row + 1
        else:
            current.in_a_row = 0
            self._publish(current, number, subject, reading)

    def _publish(self, current: _Round, number: int, subject: Subject, reading: Reading) -> None:
        """Hand an answer to those who had joined when its request was sent."""
        if reading.by_id or not self._wants_id(subject):
            current.answered.add(subject)
            self._backoffs.pop(subject, None)
        for subscription in self._subscriptions.get(subject, ()):
            if subscription.joined_at < number and (reading.by_id or not subscription.by_id):
                subscription.tell(reading)

    def _fail(self, current: _Round, subjects: Iterable[Subject], error: DataWorksError) -> None:
        """Count a failure against those who wait for these subjects, and ask for them again later each time."""
        for subject in subjects:
            if subject not in self._subscriptions:
                continue
            current.failed[subject] = error
            concerned = [one for one in self._subscriptions[subject] if one.joined_at < self._sent]
            for subscription in concerned:
                subscription.answered = time.monotonic()
                subscription.fail(error)
            if len(concerned) == len(self._subscriptions[subject]):
                backoff = self._backoffs.setdefault(subject, _Backoff())
                backoff.failures += 1
                # A little less, so that it does not miss the tick that it is meant for.
                backoff.until = current.began + self._backoff(backoff.failures) - 0.5 * self._key.interval

    def _count_shared(self, current: _Round, error: DataWorksError) -> float:
        """Count a failure against all that got no answer in a round.

        :return: seconds until the next tick: longer each time, and as long as the server asks, within a limit.
        """
        self._failed_ticks += 1
        permanent = isinstance(error, DataWorksPermanentError)
        for subject in list(self._subscriptions) if permanent else current.subjects:
            if subject in current.answered or subject in current.failed:
                continue
            for subscription in self._subscriptions.get(subject, ()):
                if permanent or subscription.joined_at <= current.first:
                    subscription.fail(error)
        asked = getattr(error, "retry_after", None) or 0.0
        return max(self._backoff(self._failed_ticks), min(asked, _LONGEST_RETRY_AFTER) if asked > 0 else 0.0)

    def _backoff(self, failures: int) -> float:
        interval = self._key.interval
        return min(interval * 2.0 ** min(failures - 1, 10), max(_LONGEST_BACKOFF, interval))

    async def _log_round(self, current: _Round, shared: DataWorksError | None, failed_before: int) -> None:
        """One line on what failed, the cause first."""
        if shared is not None:
            await write(log.warning, "%s [%s: poll %s in a row failed]", shared, self._name, self._failed_ticks)
        elif current.failed:
            error = next(iter(current.failed.values()))
            count, asked = len(current.failed), len(current.failed) + len(current.answered)
            await write(log.warning, "%s [%s: no answer for %s of %s]", error, self._name, count, asked)
        if shared is None and failed_before and not self._failed_ticks:
            await write(log.info, "%s: answers again after %s failed polls", self._name, failed_before)

    async def _ask(self, read: Callable[..., T], **arguments: Any) -> tuple[int, T]:
        """Make one request; keys that are refused are read anew from the connection, once.

        :return: the request's number, and the answer.
        :raises _SharedFailure: it is about the account, the connection or the host.
        :raises DataWorksError: it is about what was asked for.
        """
        hook, fresh = await self._get_hook()
        try:
            return await self._request(hook, read, arguments)
        except _SharedFailure as failure:
            if fresh or not _about_keys(failure.error):
                raise
        hook.close()
        self._hook = None
        await write(log.info, "Credentials refused: reading the connection anew [%s]", self._name)
        hook = (await self._get_hook())[0]
        return await self._request(hook, read, arguments)

    async def _request(self, hook: DataWorksHook, read: Callable[..., T], arguments: dict[str, Any]) -> tuple[int, T]:
        """Make one request within its time limit."""
        if len(self._hanging) >= _MOST_HANGING:
            raise _SharedFailure(
                DataWorksTransientError(f"No request was sent: {len(self._hanging)} earlier ones still hang")
            )
        settings = hook.settings
        limit = max(_ANSWERED_WITHIN, 2 * (settings.connect_timeout + settings.read_timeout) + 10.0)
        await asyncio.sleep(hook.pacer.reserve())
        self._sent += 1
        number = self._sent
        request = start_call(partial(read, hook, **arguments))
        try:
            return number, await wait_for_call(request, limit, "A poll")
        except CallTimedOut:
            self._hanging.add(request)
            request.add_done_callback(self._hanging.discard)
            raise
        except DataWorksError as error:
            if _is_shared(error):
                raise _SharedFailure(error) from None
            raise
        except Exception as error:
            log.debug("%s: unexpected error", self._name, exc_info=error)
            raise _unexpected(error) from None

    async def _get_hook(self) -> tuple[DataWorksHook, bool]:
        """The hook, and whether it was made just now; one reading of the connection is under way at a time.

        :raises _SharedFailure: the connection cannot be read.
        """
        if self._hook is not None:
            return self._hook, False
        now = time.monotonic()
        if self._opening is None or now - self._opening_since > _OPENING_LOST_AFTER:
            # Who joins from now on is not concerned by a failure of what was begun before.
            self._sent += 1
            self._opening_since = now
            self._opening = start_call(partial(_open_hook, self._key.dataworks_conn_id, self._key.region_id))
        opening = self._opening
        try:
            self._hook = await wait_for_call(opening, _OPENED_WITHIN, f"Reading {self._key.dataworks_conn_id}")
        except CallTimedOut:
            text = (
                f"Connection {self._key.dataworks_conn_id} could not be read within {_OPENED_WITHIN:g} s: "
                "check the secrets backend."
            )
            raise _SharedFailure(DataWorksTransientError(text)) from None
        except AirflowNotFoundException as error:
            raise _SharedFailure(DataWorksPermanentError(str(error))) from None
        except DataWorksError as error:
            raise _SharedFailure(error) from None
        except Exception as error:
            log.debug("%s: unexpected error", self._name, exc_info=error)
            raise _SharedFailure(_unexpected(error)) from None
        finally:
            if opening.done() and self._opening is opening:
                self._opening = None
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


def _facts(reading: Reading) -> tuple[Any, ...]:
    return reading.status, reading.started, reading.by_id


def _about_keys(error: DataWorksError) -> bool:
    """Whether an error says that keys were refused, or (without an action) that they could not even be fetched."""
    if not isinstance(error, DataWorksPermanentError):
        return False
    return about_credentials(error.code) or (error.action is None and type(error) is DataWorksPermanentError)


def _is_shared(error: DataWorksError) -> bool:
    """Whether a request's error would meet any other request of the account too."""
    if isinstance(error, DataWorksPermanentError):
        return _about_keys(error)
    if error.action is None or getattr(error, "retry_after", None) is not None:
        return True
    code = error.code or ""
    return code.startswith("Throttling") or code == "ServiceUnavailable" or error.http_status == 429


def _unexpected(error: Exception) -> DataWorksTransientError:
    words = " ".join(str(error).split())
    return DataWorksTransientError(f"Polling failed unexpectedly: {type(error).__name__}: {words:.200}")


def _open_hook(dataworks_conn_id: str, region_id: str | None) -> DataWorksHook:
    """A hook that tries once (the next tick is the retry) and leaves the spacing to the poller."""
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    hook = DataWorksHook(dataworks_conn_id, region_id)
    return hook.tuned(max_attempts=1, paced=False)


def _read_page(hook: DataWorksHook, *, project_id: int, page_number: int) -> tuple[list[ListedJob], int | None]:
    return hook.read_di_jobs_page(project_id=project_id, page_number=page_number)
