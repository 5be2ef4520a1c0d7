"""Stops what a task started, also when the stop reaches the service before the start has its effect."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.waiting.target import RunState, StartTarget, StatusSnapshot

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

T = TypeVar("T")

_POLL_SECONDS = 0.5
_LONGEST_REQUEST = 4.0
_SHORTEST_REQUEST = 0.2


class Stoppable(Protocol):
    """What a kill and the deadline stop."""

    def stop(self, hook: DataWorksHook, *, seconds: float, max_attempts: int = 1) -> bool:
        """Stop it, and wait until it shows if it may not have begun yet.

        :param hook: a hook for the task's connection.
        :param seconds: how long it may take.
        :param max_attempts: how often a request to stop is sent at most; default 1.
        :return: False if it does not show and may yet begin.
        :raises DataWorksError: it shows, and could not be stopped.
        """


class Hurry:
    """Requests that end soon, each with a session of its own: a kill may come in the middle of another request.

    :param hook: a hook for the task's connection.
    :param seconds: how long all of them may take together.
    """

    def __init__(self, hook: DataWorksHook, seconds: float) -> None:
        self._hook = hook
        self._give_up = clock.monotonic() + seconds

    def call(self, call: Callable[[DataWorksHook], T], attempts: int = 1) -> T:
        """Make a request.

        :param call: makes it.
        :param attempts: how often it is sent at most; default 1.
        :return: its result.
        :raises DataWorksError: as the hook raises.
        """
        within = min(_LONGEST_REQUEST, max(_SHORTEST_REQUEST, self._give_up - clock.monotonic()))
        with closing(self._hook.with_short_timeouts(attempts, within)) as hurried:
            return call(hurried)

    def pause(self) -> bool:
        """Wait a moment before the next request.

        :return: False, at once, if there is no time for another one.
        """
        if self._give_up - clock.monotonic() < _POLL_SECONDS + _SHORTEST_REQUEST:
            return False
        clock.sleep(_POLL_SECONDS)
        return True


@dataclass
class StartedRun:
    """A run that this task started, or may have started.

    :param target: what was started.
    :param before: what a poll saw before the start.
    :param shown: whether the start has taken effect: then one request stops the run; default False.
    """

    target: StartTarget
    before: StatusSnapshot
    shown: bool = False

    def stop(self, hook: DataWorksHook, *, seconds: float, max_attempts: int = 1) -> bool:
        """Stop the run; if its start has not shown yet, poll it as long as there is time, and stop it when it runs.

        :param hook: a hook for the task's connection.
        :param seconds: how long it may take.
        :param max_attempts: how often the first request to stop is sent at most; default 1.
        :return: False if the run does not show and may yet start.
        :raises DataWorksError: a run that shows could not be stopped.
        """
        hurry = Hurry(hook, seconds)
        try:
            hurry.call(self.target.stop, max_attempts)
        except DataWorksError:
            # A run that has not begun may not be to be stopped yet.
            if self.shown:
                raise
        while not self.shown:
            state = None
            try:
                now: StatusSnapshot = hurry.call(self.target.poll)
            except DataWorksError:
                pass
            else:
                if self.target.shows_new_run(now, self.before):
                    state = self.target.run_state(now)
            if state is RunState.RUNNING:
                self.shown = True
                hurry.call(self.target.stop)
            elif state is not None:
                return True
            elif not hurry.pause():
                return False
        return True
