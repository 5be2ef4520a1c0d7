"""Stops what a task started, also when the stop reaches the service before the start has its effect."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.exceptions import DataWorksError

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

_POLL_SECONDS = 0.5
_LONGEST_REQUEST = 4.0
_SHORTEST_REQUEST = 0.2


class RunState(Enum):
    """What a read says of a run that was just started."""

    NOT_SHOWN = "not shown"
    RUNNING = "running"
    ENDED = "ended"
    """It has ended, or is being stopped."""


@dataclass
class StartedRun:
    """A run that this task started, or may have started.

    :param stop: asks the service to stop it.
    :param read_state: reads what has become of it.
    :param shown: whether the start has taken effect: then one request stops the run.
    """

    stop: Callable[[DataWorksHook], Any]
    read_state: Callable[[DataWorksHook], RunState]
    shown: bool = False

    def end(self, hook: DataWorksHook, *, seconds: float, max_attempts: int = 1) -> bool:
        """Stop the run; if its start has not shown yet, poll it as long as there is time, and stop it when it runs.

        Every request has a session of its own: a kill may come in the middle of another request.

        :param hook: a hook for the task's connection.
        :param seconds: how long it may take.
        :param max_attempts: how often the first request to stop is sent at most; default 1.
        :return: False if the run does not show and may yet start.
        :raises DataWorksError: a run that shows could not be stopped.
        """
        give_up = time.monotonic() + seconds

        def briefly(call: Callable[[DataWorksHook], Any], attempts: int = 1) -> Any:
            within = min(_LONGEST_REQUEST, max(_SHORTEST_REQUEST, give_up - time.monotonic()))
            with closing(hook.hurried(attempts, within)) as hurried:
                return call(hurried)

        try:
            briefly(self.stop, max_attempts)
        except DataWorksError:
            # A run that has not begun may not be to be stopped yet.
            if self.shown:
                raise
        while not self.shown:
            try:
                state = briefly(self.read_state)
            except DataWorksError:
                state = RunState.NOT_SHOWN
            if state is RunState.ENDED:
                return True
            if state is RunState.RUNNING:
                self.shown = True
                briefly(self.stop)
            elif give_up - time.monotonic() < _POLL_SECONDS + _SHORTEST_REQUEST:
                return False
            else:
                time.sleep(_POLL_SECONDS)
        return True
