"""A triggerer that lives as long as a schedule: one event loop, whose poller the waits of several steps share."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from tests.faults.fast_clock import clock_offset, group_name
from tests.support.tasks import first_event, rebuilt

T = TypeVar("T")


class WaitTooLongError(Exception):
    """A trigger did not fire within the time in which it must."""


class Triggerer:
    """Runs triggers.

    :param offset: by how many seconds its machine's clock is ahead.
    """

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset
        self._bystanders: list[BaseTrigger] = []
        self._events: dict[int, concurrent.futures.Future[TriggerEvent]] = {}
        self._group = group_name()
        self._start()

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"{self._group}:triggerer", daemon=True)
        self._thread.start()
        for number, trigger in enumerate(self._bystanders):
            self._events[number] = self._submit(self._fire(trigger))

    def stop(self) -> None:
        """End, as on SIGTERM: what runs is cancelled."""
        with contextlib.suppress(Exception):
            self._submit(_cancel_all()).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def set_clock(self, offset: float) -> None:
        """Have the clock be ahead by so many seconds for triggers that come from now on."""
        self._offset = offset

    def stay(self, triggers: Sequence[BaseTrigger]) -> None:
        """Run triggers beside all others; one that has fired runs again."""
        if not self._bystanders:
            self._bystanders = list(triggers)
        for number, trigger in enumerate(self._bystanders):
            event = self._events.get(number)
            if event is None or event.done():
                self._events[number] = self._submit(self._fire(trigger))

    def fired_bystanders(self) -> list[TriggerEvent]:
        """What those that stay have fired since they were last made to stay."""
        return [event.result() for event in self._events.values() if event.done() and not event.cancelled()]

    def wait_for(
        self, triggers: Sequence[BaseTrigger], restart_after: float | None, limit: float
    ) -> list[TriggerEvent | WaitTooLongError]:
        """Run triggers to their events.

        :param restart_after: seconds after which the triggerer is restarted; those that have fired by then, have fired.
        :param limit: seconds after which a trigger should have fired.
        """
        ends = time.monotonic() + limit
        running = [self._submit(self._fire(trigger)) for trigger in triggers]
        if restart_after is not None and running:
            concurrent.futures.wait(running, restart_after)
            done = [event.done() for event in running]
            fired = [event.result() if over else None for event, over in zip(running, done, strict=True)]
            self.stop()
            self._start()
            running = [
                _of(event) if event is not None else self._submit(self._fire(trigger))
                for event, trigger in zip(fired, triggers, strict=True)
            ]
        concurrent.futures.wait(running, max(0.0, ends - time.monotonic()))
        return [event.result() if event.done() else _given_up(event, limit) for event in running]

    async def _fire(self, trigger: BaseTrigger) -> TriggerEvent:
        clock_offset.set(self._offset)
        return await first_event(rebuilt(trigger))

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        # In an empty context: a triggerer knows nothing of the worker.
        return contextvars.Context().run(asyncio.run_coroutine_threadsafe, coroutine, self._loop)


async def _cancel_all() -> None:
    running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=5)


def _given_up(event: concurrent.futures.Future[TriggerEvent], limit: float) -> WaitTooLongError:
    event.cancel()
    return WaitTooLongError(f"the trigger has not fired within {limit:.0f} s")


def _of(event: TriggerEvent) -> concurrent.futures.Future[TriggerEvent]:
    done: concurrent.futures.Future[TriggerEvent] = concurrent.futures.Future()
    done.set_result(event)
    return done
