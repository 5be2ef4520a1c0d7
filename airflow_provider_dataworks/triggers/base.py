"""The base of the triggers: carries a target and the options of its wait, and fires how the wait ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar

from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.metrics import END_LAG, WAITS, in_triggerer
from airflow_provider_dataworks.triggers.blocking import within
from airflow_provider_dataworks.triggers.log_thread import write
from airflow_provider_dataworks.triggers.task_state import task_was_ended
from airflow_provider_dataworks.triggers.wait import DeferredWait, WaitOptions, stop_target, wait_for_all
from airflow_provider_dataworks.waiting import events
from airflow_provider_dataworks.waiting.target import WaitTarget

#: So long before the event (seconds) the last line has to be logged: log lines and events go different ways.
_LOG_BEFORE_EVENT = 5.0

_DEFERRAL_SETTLES_WITHIN = 5.0

#: How long (seconds) Airflow's answer about a task's state may take; it takes five the first time, and more where other
#: processes need the machine.
_STATE_READ_WITHIN = 20.0

#: How long (seconds) a kill may take: Airflow ends it after 30 s, ``[triggerer] on_kill_timeout``.
_KILLED_WITHIN = 28.0

_OPTIONS = frozenset(one.name for one in fields(WaitOptions))


class WaitTrigger(BaseTrigger):
    """Waits for one target; all triggers of a process that share connection, workspace and interval share the polls.

    Fires once, with a dict: ``kind`` (reached, failed, timed out, sensor timed out, error), ``status``, ``name``,
    ``detail``, ``waited``, ``outcome``, ``failure``, ``error``.

    :param targets: the fields of each of several targets, by name; the event then has ``members``, an event each.
        Default None: the fields of the one target are among ``arguments``.
    :param arguments: the fields of the target's class and those of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name; plain values. Others, which a later
        version of this package may have given, are ignored with a warning.
    """

    #: The class of what is waited for.
    target_class: ClassVar[type[WaitTarget]]

    def __init__(self, *, targets: Sequence[Mapping[str, Any]] | None = None, **arguments: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._began = clock.monotonic()
        names = self.target_class.field_names()
        if unknown := sorted(set(arguments) - {*_OPTIONS, *names}):
            # A later version of this package deferred the task, and was then downgraded.
            self.log.warning("%s takes no argument %s: ignored", type(self).__name__, ", ".join(unknown))
        self.options = WaitOptions(**{name: value for name, value in arguments.items() if name in _OPTIONS})
        self.several = targets is not None
        one = {name: value for name, value in arguments.items() if name in names}
        self.targets = tuple(
            self.target_class.from_values(values) for values in ([one] if targets is None else targets)
        )

    @property
    def target(self) -> WaitTarget:
        """What is waited for, or the first of several."""
        return self.targets[0]

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give what a triggerer needs to make this trigger anew.

        :return: the class's path, and the arguments.
        """
        kind = type(self)
        values = {"targets": [target.values() for target in self.targets]} if self.several else self.target.values()
        return f"{kind.__module__}.{kind.__qualname__}", {**asdict(self.options), **values}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire once."""
        self._began = clock.monotonic()
        if self.several:
            event = await wait_for_all(self.targets, self.options, self.log)
        else:
            event = await DeferredWait(self.target, self.options, self.log).run()
        event.kept = self.options.kept
        for one in event.each():
            in_triggerer.count(f"{WAITS}.{one.kind.replace(' ', '_')}", kind=self.target.kind)
        fired = self.airflow_event(event)
        if type(fired) is TriggerEvent:
            await clock.pause(self._until_deferral_has_settled())
        else:
            # No worker logs the end, and what is logged after the event does not get into the task's log.
            await clock.pause(_LOG_BEFORE_EVENT if event.kind == events.FAILED or _results_of(event) else 0)
            if event.ended_at is not None:
                in_triggerer.seconds(END_LAG, clock.time() - event.ended_at, kind=self.target.kind)
        yield fired

    async def on_kill(self) -> None:
        """Stop what the task started, when it was ended by hand while it waited here (Airflow 3.3+).

        After a clear the new try may wait for that very run already: then the job is left alone.
        """
        if not self.options.stop_on_kill:
            return
        what = ", ".join(target.describe() for target in self.targets)
        began = clock.monotonic()
        try:
            ended = task_was_ended(self.task_instance)
            if await within(_STATE_READ_WITHIN, ended, "Reading the task's state from Airflow"):
                left = _KILLED_WITHIN - (clock.monotonic() - began)
                await asyncio.gather(*(stop_target(target, self.options, within=left) for target in self.targets))
                await write(self.log.info, "The task was ended by hand: asked %s to stop", what)
            else:
                await write(self.log.info, "The task will run again: %s is left running", what)
        except Exception as error:  # noqa: BLE001 - Airflow would not log of which job it is
            message = "%s could not be stopped: check it in the console"
            await write(self.log.error, message, what, exc_info=error)

    def airflow_event(self, event: events.WaitEvent) -> TriggerEvent:
        """The event as Airflow takes it.

        :param event: how the wait ended.
        :return: the event to yield.
        """
        options = self.options
        if options.end_from_trigger and event.kind == events.REACHED:
            return TaskSuccessEvent(xcoms={"return_value": self._result(event), **_results_of(event)})
        if options.end_from_trigger and event.kind == events.FAILED:
            return TaskSkippedEvent() if options.skip_on_failure else TaskFailedEvent()
        return TriggerEvent(event.payload())  # type: ignore[no-untyped-call]

    def _result(self, event: events.WaitEvent) -> Any:
        if self.options.returns == "id":
            return self.target.id
        return {str(one.target_id): one.status for one in event.each()} if self.several else event.status

    def _until_deferral_has_settled(self) -> float:
        """Seconds to hold an event back.

        A scheduler may learn up to five seconds late that the worker's process is gone. If the task is queued again by
        then, it takes the task for killed and fails it. Counted from here: the worker's clock may differ from this one.
        """
        if self.options.waiting_since is None:
            return 0.0
        settled = self._began + min(self.options.poll_interval, _DEFERRAL_SETTLES_WITHIN)
        return max(0.0, settled - clock.monotonic())


def _results_of(event: events.WaitEvent) -> dict[str, Any]:
    """Further XComs; those of several targets, by the same keys, are a list each."""
    results = [one.results or {} for one in event.each()]
    if len(results) == 1:
        return results[0]
    keys = dict.fromkeys(key for one in results for key in one)
    return {key: [one[key] for one in results if key in one] for key in keys}
