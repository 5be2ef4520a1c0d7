"""The base of the event triggers: fires an asset event at each change of what an AssetWatcher watches (Airflow 3)."""

from __future__ import annotations

import asyncio
import sys
from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from airflow.triggers import base as airflow_triggers
from airflow.triggers.base import TriggerEvent

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksPermanentError
from airflow_provider_dataworks.metrics import EVENTS, in_triggerer
from airflow_provider_dataworks.triggers.blocking import call
from airflow_provider_dataworks.triggers.log_thread import write
from airflow_provider_dataworks.triggers.poller import Key, Poller, Subscription, subscribe
from airflow_provider_dataworks.triggers.watcher_store import WatcherStore
from airflow_provider_dataworks.waiting.failure_budget import backoff
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitTarget

if TYPE_CHECKING:
    from airflow.triggers.base import BaseEventTrigger

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
else:
    # Airflow 2.11 has none; the module is to be imported all the same.
    BaseEventTrigger = getattr(airflow_triggers, "BaseEventTrigger", airflow_triggers.BaseTrigger)

#: So long (seconds) an event may take from the trigger to Airflow's database: only then it is recorded as fired.
_EVENT_KEPT_AFTER = 5.0
#: Seconds after which what only a list has shown is read itself again, where that may show more.
_READ_ITSELF_AFTER = 300.0
#: How long (seconds) finding what is watched may take.
_FOUND_WITHIN = 120.0
#: Seconds between two log lines about a watch that fails: doubled after each line, within these.
_LOGGED_AGAIN_AFTER = (60.0, 6 * 3600.0)
_NEVER = sys.maxsize

#: What is known of what is watched, as JSON takes it.
State = Mapping[str, Any]


class Change(NamedTuple):
    """What a poll means for what is watched.

    :param state: what is known from now on.
    :param payloads: the events that it gives, without what all have: ``region_id``, ``project_id``, ``observed_at``.
    """

    state: State
    payloads: Sequence[dict[str, Any]] = ()


class _Found(NamedTuple):
    """What is watched, once it is found."""

    targets: Sequence[WaitTarget]
    region_id: str | None
    project_id: int


class EventTrigger(BaseEventTrigger):
    """Watches targets for ever, and fires an event at each change that their kind counts.

    It shares the polls of all triggers of the process that use the same connection, workspace and interval. It never
    ends: Airflow would begin it anew at once, without end.

    :param project_id: workspace id; None (default) for the connection's.
    :param poll_interval: seconds between two polls; default 60.
    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's; default None.
    :raises DataWorksParameterError: an argument cannot be used.
    :raises DataWorksError: this Airflow has no event triggers.
    """

    def __init__(
        self,
        *,
        project_id: int | str | None = None,
        poll_interval: float = 60.0,
        dataworks_conn_id: str = "dataworks_default",
        region_id: str | None = None,
    ) -> None:
        if not hasattr(airflow_triggers, "BaseEventTrigger"):
            raise DataWorksError(
                f"{type(self).__name__} needs Airflow 3: this one has neither AssetWatcher nor BaseEventTrigger. "
                "Let a task of the DAG wait instead, with a sensor."
            )
        super().__init__()  # type: ignore[no-untyped-call]
        self.project_id = arguments.optional_project_identifier("project_id", project_id)
        self.poll_interval = arguments.seconds("poll_interval", poll_interval, above=0)
        self.dataworks_conn_id = arguments.text("dataworks_conn_id", dataworks_conn_id)
        self.region_id = arguments.optional_region_identifier(region_id)
        self._memory: _Memory | None = None

    #: Seconds after which :meth:`find` is called anew; None (default): only when a watch has failed.
    found_for: ClassVar[float | None] = None

    @abstractmethod
    def find(self, hook: DataWorksHook, project_id: int) -> Sequence[WaitTarget]:
        """Find what is watched, in a thread.

        :param hook: the hook to call; it tries each call once.
        :param project_id: the workspace.
        :return: what is polled.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def change(self, before: State | None, target: WaitTarget, snapshot: StatusSnapshot) -> Change:
        """Say what a poll means.

        :param before: what was known; None at the beginning. An earlier version of this package may have kept it.
        :param target: what was polled.
        :param snapshot: what was seen of the target itself.
        :return: what is known from now on, and the events.
        """

    @abstractmethod
    def may_have_changed(self, before: State, target: WaitTarget, snapshot: StatusSnapshot) -> bool:
        """Whether what a list shows calls for reading the target itself: a list may lag, and does not show all.

        :param before: what was known.
        :param target: what was polled.
        :param snapshot: what was seen in a list.
        :return: whether the target itself is to be read.
        """

    def may_change_unseen(self, snapshot: StatusSnapshot) -> bool:
        """Whether a change may show only where the target itself is read, and stay invisible in a list.

        :param snapshot: what was last seen of the target itself.
        :return: default False.
        """
        return False

    @abstractmethod
    def own_arguments(self) -> dict[str, Any]:
        """Give the arguments that the kind adds, as JSON takes them.

        :return: the arguments by name.
        """

    @property
    @abstractmethod
    def store_key(self) -> str:
        """Names what is watched, and what counts as an event, in the asset's state store."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what a triggerer needs to make this trigger anew.

        :return: the class's path, and the arguments; equal ones are one trigger to Airflow.
        """
        kind = type(self)
        common = {
            "project_id": self.project_id,
            "poll_interval": self.poll_interval,
            "dataworks_conn_id": self.dataworks_conn_id,
            "region_id": self.region_id,
        }
        return f"{kind.__module__}.{kind.__qualname__}", {**self.own_arguments(), **common}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch, for ever."""
        events: asyncio.Queue[TriggerEvent] = asyncio.Queue()
        watch = asyncio.ensure_future(self._watch_for_ever(events))
        try:
            while True:
                yield await events.get()
        finally:
            watch.cancel()

    async def _watch_for_ever(self, events: asyncio.Queue[TriggerEvent]) -> None:
        failures = _Failures(self.log)
        watches: dict[Hashable, asyncio.Task[None]] = {}
        try:
            while True:
                if (error := await self._watch_for_a_while(watches, failures, events)) is not None:
                    await failures.add(error)
                    await clock.pause(backoff(failures.count, self.poll_interval))
        finally:
            for one in watches.values():
                one.cancel()

    async def _watch_for_a_while(
        self,
        watches: dict[Hashable, asyncio.Task[None]],
        failures: _Failures,
        events: asyncio.Queue[TriggerEvent],
    ) -> Exception | None:
        """Watch what there is, until it is to be found anew, or until an error.

        :param watches: those that are under way, by what they watch; they go on.
        :return: the error: if it was raised, Airflow would begin the trigger anew at once, without end.
        """
        try:
            found = await call(self._find, seconds=_FOUND_WITHIN, what="Finding what is watched")
            if self._memory is None:
                self._memory = await self._recall(found)
            wanted = {target.key: target for target in found.targets}
            for key in set(watches) - set(wanted):
                watches.pop(key).cancel()
            for key in set(wanted) - set(watches):
                watch = self._watch(wanted[key], found, self._memory, failures, events)
                watches[key] = asyncio.ensure_future(watch)
            await asyncio.wait(watches.values(), timeout=self.found_for, return_when=asyncio.FIRST_COMPLETED)
            for key in [key for key, one in watches.items() if one.done()]:
                # Only an error ends one.
                watches.pop(key).result()
        except Exception as error:  # noqa: BLE001 - see above
            return error
        return None

    def _find(self) -> _Found:
        from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

        with closing(DataWorksHook(self.dataworks_conn_id, self.region_id).with_settings(max_attempts=1)) as hook:
            hook.metrics = in_triggerer
            project_id = hook.resolve_project_id(self.project_id)
            return _Found(self.find(hook, project_id), hook.settings.region_id, project_id)

    async def _recall(self, found: _Found) -> _Memory:
        key = f"dataworks_{found.region_id}_{found.project_id}_{self.store_key}"
        # No BaseEventTrigger before 3.3 has the attribute.
        store = WatcherStore(getattr(self, "asset_state_store", None), key, self.log)
        return _Memory(store, await store.read())

    async def _watch(
        self,
        target: WaitTarget,
        found: _Found,
        memory: _Memory,
        failures: _Failures,
        events: asyncio.Queue[TriggerEvent],
    ) -> None:
        """Watch until a permanent error.

        :raises DataWorksError: that error.
        """
        key = Key(self.dataworks_conn_id, self.region_id, found.project_id, self.poll_interval)
        seen = False
        with subscribe(key, target, _NEVER) as (poller, subscription):
            reader = _Reader(poller, subscription)
            while True:
                update = await subscription.next_update(min(reader.due_in(), memory.due_in()))
                if isinstance(update, DataWorksError):
                    raise update
                await memory.store_what_is_due()
                if update is None:
                    reader.read_if_due()
                    continue
                what = target.describe(update.name)
                await failures.end(what)
                if not update.exact:
                    if not seen or memory.state is None or self.may_have_changed(memory.state, target, update):
                        reader.read_now()
                    continue
                reader.has_read(again=self.may_change_unseen(update))
                change = self.change(memory.state, target, update)
                if not seen:
                    seen = True
                    await write(self.log.info, "Watching %s, which is %s", what, update.status)
                if change.state != memory.state:
                    memory.change(change.state, fired=bool(change.payloads))
                for payload in change.payloads:
                    in_triggerer.count(EVENTS, kind=target.kind)
                    await events.put(_event(payload, found))


def _event(payload: Mapping[str, Any], found: _Found) -> TriggerEvent:
    moment = datetime.fromtimestamp(clock.time(), timezone.utc).isoformat(timespec="seconds")
    place = {"region_id": found.region_id, "project_id": found.project_id, "observed_at": moment}
    return TriggerEvent({**payload, **place})  # type: ignore[no-untyped-call]


class _Memory:
    """The state of what is watched; it outlives an outage, and a restart of the triggerer as far as it is stored.

    :param store: where it is kept.
    :param state: what the store has.
    """

    def __init__(self, store: WatcherStore, state: State | None) -> None:
        self.state = state
        self._store = store
        self._pending: deque[tuple[float, State]] = deque()

    def change(self, state: State, *, fired: bool) -> None:
        """Take in a new state.

        :param state: the state.
        :param fired: whether an event said so, which is to be in Airflow's database before the state is stored: what
            ends the triggerer in between repeats the event then, and does not lose it.
        """
        self.state = state
        self._pending.append((clock.monotonic() + (_EVENT_KEPT_AFTER if fired else 0.0), state))

    def due_in(self) -> float:
        """Seconds until a state is to be stored."""
        return max(0.0, self._pending[0][0] - clock.monotonic()) if self._pending else _READ_ITSELF_AFTER

    async def store_what_is_due(self) -> None:
        """Store the states whose time has come, in their order."""
        while self._pending and self.due_in() <= 0:
            await self._store.write(self._pending.popleft()[1])


class _Reader:
    """Has the target itself read, where a list does not suffice."""

    def __init__(self, poller: Poller, subscription: Subscription) -> None:
        self._poller = poller
        self._subscription = subscription
        self._again = False
        self._read_at = clock.monotonic()

    def due_in(self) -> float:
        """Seconds until the target is to be read again."""
        subscription = self._subscription
        if subscription.exact_only or not self._again:
            return _READ_ITSELF_AFTER
        if subscription.snapshot is not None and subscription.snapshot.exact:
            # It is the only one that is polled, or is polled alone for others.
            self._read_at = max(self._read_at, subscription.answered)
        return max(0.0, self._read_at + _READ_ITSELF_AFTER - clock.monotonic())

    def read_if_due(self) -> None:
        """Have it read if it is due."""
        if self.due_in() <= 0:
            self.read_now()

    def read_now(self) -> None:
        """Have it read before the next tick."""
        self._subscription.exact_only = True
        self._poller.poll_soon(self._subscription)

    def has_read(self, *, again: bool) -> None:
        """Take in that it was read.

        :param again: whether it is to be read again after a while although a list shows no change.
        """
        self._subscription.exact_only = False
        self._again = again
        self._read_at = clock.monotonic()


class _Failures:
    """Logs that a watch fails, at increasing intervals, and that it goes on."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._logged_at = 0.0
        self._pause = 0.0
        #: How often in a row it failed.
        self.count = 0

    async def add(self, error: Exception) -> None:
        """Take in a failure.

        :param error: what ended the watch.
        """
        self.count += 1
        now = clock.monotonic()
        if self.count > 1 and now - self._logged_at < self._pause:
            return
        shortest, longest = _LOGGED_AGAIN_AFTER
        self._pause = min(max(2 * self._pause, shortest), longest) if self.count > 1 else shortest
        self._logged_at = now
        known = isinstance(error, DataWorksError)
        log = self._log.error if isinstance(error, DataWorksPermanentError) or not known else self._log.warning
        message = "%s [watch failed %s times in a row; it goes on, the next line about it comes in %.0f s or later]"
        await write(log, message, error if known else f"{type(error).__name__}: {error}", self.count, self._pause)

    async def end(self, what: str) -> None:
        """Take in that the watch goes on.

        :param what: what is watched.
        """
        if self.count:
            await write(self._log.info, "%s is watched again after %s failures", what, self.count)
        self.count = 0
