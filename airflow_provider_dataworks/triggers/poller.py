"""One loop of requests for all triggers of a process that wait with the same connection, project and interval."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import random
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import is_credentials_error
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.metrics import FAILED_POLLS, POLLS, in_triggerer
from airflow_provider_dataworks.triggers.blocking import CallTimedOut, start_call, wait_for_call
from airflow_provider_dataworks.triggers.log_thread import write
from airflow_provider_dataworks.waiting.failure_budget import FailureBudget, pause_after
from airflow_provider_dataworks.waiting.target import BatchPoll, StatusSnapshot, WaitTarget

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

log = logging.getLogger(__name__)

T = TypeVar("T")

#: A first poll comes after this long at the latest (seconds), so that those who join together are polled together.
_FIRST_POLL_WITHIN = 5.0
_SMALLEST_GAP = 0.2

#: How long (seconds) a poll waits for the connection, whose secrets backend may hang.
_OPENED_WITHIN = 30.0
#: After so long (seconds) a reading of the connection is given up, and another one may begin.
_OPENING_LOST_AFTER = 600.0
#: How long (seconds) one request is waited for at least, whatever the connection's own limits are.
_ANSWERED_WITHIN = 60.0
#: So many requests of a poller may hang beyond their limit; while they do, no further one is sent.
_MOST_HANGING = 3
#: So many requests in a row without a good answer end a tick: then it is not about what is polled.
_FAILURES_IN_A_ROW = 3

#: A target's group and id.
TargetKey = tuple[str, int]


class Key(NamedTuple):
    """What a poller's requests have in common."""

    dataworks_conn_id: str
    region_id: str | None
    project_id: int
    interval: float


class Subscription:
    """One waiter's place at a poller.

    :param target: what is waited for.
    :param budget: how many polls in a row may fail.
    """

    __slots__ = (
        "_ending",
        "_fresh",
        "_waiter",
        "answered",
        "budget",
        "every_tick",
        "exact_only",
        "joined_at",
        "pending",
        "snapshot",
        "target",
    )

    def __init__(self, target: WaitTarget, budget: FailureBudget) -> None:
        self.target = target
        self.budget = budget
        self.every_tick = False
        #: Only a snapshot of the target itself is an answer; one from a list is none.
        self.exact_only = False
        #: Waits for an answer that is not to wait for the next tick.
        self.pending = True
        #: How many requests the poller had sent by then: what they say is too old.
        self.joined_at = 0
        self.snapshot: StatusSnapshot | None = None
        self.answered = 0.0
        self._fresh = False
        self._ending: DataWorksError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether an error has ended this wait."""
        return self._ending is not None

    async def next_update(self, seconds: float) -> StatusSnapshot | DataWorksError | None:
        """Wait for a snapshot that differs from the last one.

        :param seconds: how long at most.
        :return: the snapshot, or the error that ends the wait, or None when the time is over.
        """
        if not self._fresh and self._ending is None:
            self._waiter = asyncio.get_running_loop().create_future()
            timer = clock.call_later(max(0.0, seconds), self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        if self._ending is not None:
            return self._ending
        if self._fresh:
            self._fresh = False
            return self.snapshot
        return None

    def publish(self, snapshot: StatusSnapshot) -> None:
        """Hand over a snapshot; the waiter is woken if it differs from the last one.

        :param snapshot: what a poll saw.
        """
        self.budget.succeeded()
        self.pending = False
        self.answered = clock.monotonic()
        if self.every_tick or self.snapshot is None or _facts(snapshot) != _facts(self.snapshot):
            self._fresh = True
            self._wake()
        self.snapshot = snapshot

    def fail(self, error: DataWorksError) -> None:
        """Count a failed poll; a permanent error, or one too many in a row, ends the wait.

        :param error: what failed.
        """
        used_up = self.budget.failed()
        self.pending = False
        if self._ending is not None:
            return
        if used_up or isinstance(error, DataWorksPermanentError):
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
    """How often in a row a target could not be polled, and until when (monotonic) it is not polled again."""

    failures: int = 0
    until: float = 0.0


@dataclass
class _Round:
    """What came of one tick so far.

    :param began: monotonic.
    :param first: the number of the last request before it.
    :param keys: the targets that are due.
    """

    began: float
    first: int
    keys: list[TargetKey]
    answered: set[TargetKey] = field(default_factory=set)
    failed: dict[TargetKey, DataWorksError] = field(default_factory=dict)
    in_a_row: int = 0


class Poller:
    """Polls for its subscribers, in as few requests as answer them all; use :func:`subscribe`.

    A subscriber is given only what was asked for after it joined.

    :param key: what the requests have in common.
    """

    def __init__(self, key: Key) -> None:
        self._key = key
        self._subscriptions: dict[TargetKey, set[Subscription]] = {}
        self._backoffs: dict[TargetKey, _Backoff] = {}
        self._batches: dict[str, BatchPoll | None] = {}
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
        """Take in a waiter; it gets its first answer soon, from a request that has yet to be sent.

        :param subscription: the waiter's place.
        """
        target = subscription.target
        self._subscriptions.setdefault(target.key, set()).add(subscription)
        if target.group not in self._batches:
            self._batches[target.group] = target.batch()
        if (batch := self._batches[target.group]) is not None:
            batch.watch(target)
        subscription.joined_at = self._sent
        if self._task is None:
            # Not at once: others join in the same moment, and a restarted triggerer starts all its pollers together.
            self._next_tick = clock.monotonic() + self._a_moment()
            # In an empty context: the loop must not log into the task that happened to come first.
            context = contextvars.Context()
            self._task = context.run(asyncio.get_running_loop().create_task, self._run())
        else:
            self.poll_soon(subscription)

    def poll_soon(self, subscription: Subscription) -> None:
        """Poll a waiter's target before the next tick; those who want that in the same moment share the requests.

        :param subscription: the waiter's place.
        """
        subscription.pending = True
        if (backoff := self._backoffs.get(subscription.target.key)) is not None:
            backoff.until = 0.0
        if self._early is None:
            self._early = clock.monotonic() + max(self._a_moment(), _SMALLEST_GAP)
            self._wake()

    def leave(self, subscription: Subscription) -> bool:
        """Let a waiter go; the last one ends the loop.

        :param subscription: the waiter's place.
        :return: whether it was the last.
        """
        group, target_id = key = subscription.target.key
        remaining = self._subscriptions.get(key, set())
        remaining.discard(subscription)
        if not remaining:
            self._subscriptions.pop(key, None)
            self._backoffs.pop(key, None)
            if (batch := self._batches.get(group)) is not None:
                batch.forget(target_id)
        if self._subscriptions:
            return False
        if self._task is not None:
            self._task.cancel()
        if self._hook is not None:
            self._hook.close()
        return True

    async def request(self, call: Callable[[DataWorksHook], T]) -> T:
        """Make a request that is no poll, now, with the poller's hook.

        :param call: makes it, in a thread.
        :return: its result.
        :raises DataWorksError: as the hook raises.
        """
        try:
            _, result = await self._ask(call)
        except _SharedFailure as failure:
            raise failure.error from None
        return result

    def _a_moment(self) -> float:
        return random.uniform(0.2, 1.0) * min(self._key.interval, _FIRST_POLL_WITHIN)  # noqa: S311

    async def _run(self) -> None:
        while True:
            await self._sleep_until_due()
            try:
                if clock.monotonic() >= self._next_tick:
                    await self._tick()
                else:
                    await self._tick(pending_only=True)
            except Exception as error:  # noqa: BLE001 - an error of this package must not end the polling for all
                self._next_tick = clock.monotonic() + max(_SMALLEST_GAP, self._key.interval)
                await write(log.error, "%s [%s]", _unexpected(error), self._name)

    async def _sleep_until_due(self) -> None:
        while True:
            # Who wants to be polled soon waits like all others while the service is to be left alone.
            early = None if self._failed_ticks else self._early
            moment = self._next_tick if early is None else min(early, self._next_tick)
            left = moment - clock.monotonic()
            if left <= 0:
                return
            self._sleeper = asyncio.get_running_loop().create_future()
            timer = clock.call_later(left, self._wake)
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
        """Poll what is due at the beginning, and decide when to poll next.

        :param pending_only: whether that is only who wants an answer before the next tick; default False.
        """
        self._early = None
        began = clock.monotonic()
        current = self._round = _Round(began, self._sent, self._due(pending_only))
        shared: DataWorksError | None = None
        try:
            await self._poll(current)
        except _SharedFailure as failure:
            shared = failure.error
        except Exception as error:  # noqa: BLE001 - an error of this package must not end the polling for all
            shared = _unexpected(error)
        failed_before = self._failed_ticks
        pause = self._key.interval
        if shared is not None:
            pause = self._count_shared(current, shared)
        elif current.answered:
            self._failed_ticks = 0
        if not pending_only:
            self._next_tick = max(clock.monotonic() + _SMALLEST_GAP, began + pause)
        elif shared is not None:
            self._next_tick = max(self._next_tick, began + pause)
        await self._log_round(current, shared, failed_before)

    def _due(self, pending_only: bool) -> list[TargetKey]:
        """What is to be polled now: what failed last comes last, otherwise what has waited longest comes first."""
        now = clock.monotonic()
        due = []
        for key, group in self._subscriptions.items():
            waiting = [one for one in group if not one.ended]
            backoff = self._backoffs.get(key)
            if not waiting or (backoff is not None and backoff.until > now):
                continue
            if pending_only and not any(one.pending for one in waiting):
                continue
            due.append((backoff is not None, min(one.answered for one in waiting), key))
        return [key for _, _, key in sorted(due)]

    async def _poll(self, current: _Round) -> None:
        """Get an answer for each target of a round, or a failure.

        :raises _SharedFailure: what is left cannot be polled.
        """
        groups: dict[str, set[int]] = {}
        for key in current.keys:
            if not self._wants_exact(key):
                groups.setdefault(key[0], set()).add(key[1])
        for group, wanted in groups.items():
            if (batch := self._batches.get(group)) is not None:
                await self._poll_batch(current, group, batch, wanted)
        for key in current.keys:
            if key in current.answered or key in current.failed:
                continue
            await self._poll_alone(current, key)
            if current.in_a_row >= _FAILURES_IN_A_ROW:
                if current.answered:
                    return
                raise _SharedFailure(current.failed[key])

    def _wants_exact(self, key: TargetKey) -> bool:
        return any(one.exact_only and not one.ended for one in self._subscriptions.get(key, ()))

    async def _poll_batch(self, current: _Round, group: str, batch: BatchPoll, wanted: set[int]) -> None:
        """Make requests that answer several targets, as long as that is cheaper than polling one by one."""
        batch.begin_tick()
        while wanted and (request := batch.next_request(frozenset(wanted))) is not None:
            try:
                fetch = partial(batch.fetch, project_id=self._key.project_id, request=request)
                number, answer = await self._poll_request(fetch)
            except DataWorksError as error:
                self._fail(current, [(group, target_id) for target_id in wanted], error)
                return
            watched = frozenset(target_id for kind, target_id in self._subscriptions if kind == group)
            for target_id, snapshot in batch.read(request, answer, watched).items():
                wanted.discard(target_id)
                self._publish(current, number, (group, target_id), snapshot)

    async def _poll_alone(self, current: _Round, key: TargetKey) -> None:
        if not (group := self._subscriptions.get(key)):
            return
        target = next(iter(group)).target
        try:
            number, snapshot = await self._poll_request(target.poll)
        except DataWorksError as error:
            self._fail(current, [key], error)
            current.in_a_row = 0 if isinstance(error, DataWorksPermanentError) else current.in_a_row + 1
        else:
            current.in_a_row = 0
            self._publish(current, number, key, snapshot)

    async def _poll_request(self, call: Callable[[DataWorksHook], T]) -> tuple[int, T]:
        """Make a request that is a poll, and count it."""
        try:
            number, answer = await self._ask(call)
        except (DataWorksError, _SharedFailure):
            in_triggerer.count(FAILED_POLLS)
            raise
        in_triggerer.count(POLLS)
        return number, answer

    def _publish(self, current: _Round, number: int, key: TargetKey, snapshot: StatusSnapshot) -> None:
        """Hand a snapshot to those who had joined when its request was sent."""
        if snapshot.exact or not self._wants_exact(key):
            current.answered.add(key)
            self._backoffs.pop(key, None)
        for subscription in self._subscriptions.get(key, ()):
            if subscription.joined_at < number and (snapshot.exact or not subscription.exact_only):
                subscription.publish(snapshot)

    def _fail(self, current: _Round, keys: Iterable[TargetKey], error: DataWorksError) -> None:
        """Count a failure against those who wait for these targets, and poll them again later each time."""
        for key in keys:
            if key not in self._subscriptions:
                continue
            current.failed[key] = error
            concerned = [one for one in self._subscriptions[key] if one.joined_at < self._sent]
            for subscription in concerned:
                subscription.answered = clock.monotonic()
                subscription.fail(error)
            if len(concerned) == len(self._subscriptions[key]):
                backoff = self._backoffs.setdefault(key, _Backoff())
                backoff.failures += 1
                # A little less, so that it does not miss the tick that it is meant for.
                pause = pause_after(backoff.failures, self._key.interval)
                backoff.until = current.began + pause - 0.5 * self._key.interval

    def _count_shared(self, current: _Round, error: DataWorksError) -> float:
        """Count a failure against all that got no answer in a round.

        :return: seconds until the next tick: longer each time, and as long as the server asks, within a limit.
        """
        self._failed_ticks += 1
        permanent = isinstance(error, DataWorksPermanentError)
        for key in list(self._subscriptions) if permanent else current.keys:
            if key in current.answered or key in current.failed:
                continue
            for subscription in self._subscriptions.get(key, ()):
                if permanent or subscription.joined_at <= current.first:
                    subscription.fail(error)
        return pause_after(self._failed_ticks, self._key.interval, getattr(error, "retry_after", None))

    async def _log_round(self, current: _Round, shared: DataWorksError | None, failed_before: int) -> None:
        """One line on what failed, the cause first."""
        if shared is not None:
            await write(log.warning, "%s [%s: poll failed, %s in a row]", shared, self._name, self._failed_ticks)
        elif current.failed:
            error = next(iter(current.failed.values()))
            count, asked = len(current.failed), len(current.failed) + len(current.answered)
            await write(log.warning, "%s [%s: no answer for %s of %s]", error, self._name, count, asked)
        if shared is None and failed_before and not self._failed_ticks:
            await write(log.info, "%s: answers again after %s failed polls", self._name, failed_before)

    async def _ask(self, call: Callable[[DataWorksHook], T]) -> tuple[int, T]:
        """Make one request; keys that are refused are read anew from the connection, once.

        :return: the request's number, and the answer.
        :raises _SharedFailure: it is about the account, the connection or the host.
        :raises DataWorksError: it is about what was polled.
        """
        hook, fresh = await self._get_hook()
        try:
            return await self._request(hook, call)
        except _SharedFailure as failure:
            if fresh or not _is_about_keys(failure.error):
                raise
        hook.close()
        self._hook = None
        await write(log.info, "Credentials refused: reading the connection anew [%s]", self._name)
        hook = (await self._get_hook())[0]
        return await self._request(hook, call)

    async def _request(self, hook: DataWorksHook, call: Callable[[DataWorksHook], T]) -> tuple[int, T]:
        """Make one request within its time limit."""
        if len(self._hanging) >= _MOST_HANGING:
            raise _SharedFailure(
                DataWorksTransientError(f"No request was sent: {len(self._hanging)} earlier ones still hang")
            )
        settings = hook.settings
        limit = max(_ANSWERED_WITHIN, 2 * (settings.connect_timeout + settings.read_timeout) + 10.0)
        await clock.pause(hook.rate_limiter.reserve())
        self._sent += 1
        number = self._sent
        request = start_call(partial(call, hook))
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
        now = clock.monotonic()
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
def subscribe(key: Key, target: WaitTarget, max_failures: int) -> Iterator[tuple[Poller, Subscription]]:
    """Join the poller for a key, starting it if this is the first, and leave it in the end.

    :param key: what the requests have in common.
    :param target: what to wait for.
    :param max_failures: failed polls in a row that end the wait.
    """
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    poller = pollers.setdefault(key, Poller(key))
    subscription = Subscription(target, FailureBudget(key.interval, max_failures))
    poller.join(subscription)
    try:
        yield poller, subscription
    finally:
        if poller.leave(subscription):
            pollers.pop(key, None)


_pollers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, Poller]] = weakref.WeakKeyDictionary()


def _facts(snapshot: StatusSnapshot) -> tuple[Any, ...]:
    return snapshot.status, snapshot.started, snapshot.exact


def _is_about_keys(error: DataWorksError) -> bool:
    """Whether an error says that keys were refused, or (without an action) that they could not even be fetched."""
    if not isinstance(error, DataWorksPermanentError):
        return False
    return is_credentials_error(error.code) or (error.action is None and type(error) is DataWorksPermanentError)


def _is_shared(error: DataWorksError) -> bool:
    """Whether a request's error would meet any other request of the account too."""
    if isinstance(error, DataWorksPermanentError):
        return _is_about_keys(error)
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

    hook = DataWorksHook(dataworks_conn_id, region_id).with_settings(max_attempts=1, paced=False)
    hook.metrics = in_triggerer
    return hook
