"""Stops what a task started, also when the stop reaches the service before the start has its effect."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.waiting.target import RunState, StartTarget, StatusSnapshot

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

_POLL_SECONDS = 0.5
_LONGEST_REQUEST = 4.0
_SHORTEST_REQUEST = 0.2


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

        Every request has a session of its own: a kill may come in the middle of another request.

        :param hook: a hook for the task's connection.
        :param seconds: how long it may take.
        :param max_attempts: how often the first request to stop is sent at most; default 1.
        :return: False if the run does not show and may yet start.
        :raises DataWorksError: a run that shows could not be stopped.
        """
        give_up = clock.monotonic() + seconds

        def briefly(call: Callable[[DataWorksHook], Any], attempts: int = 1) -> Any:
            within = min(_LONGEST_REQUEST, max(_SHORTEST_REQUEST, give_up - clock.monotonic()))
            with closing(hook.with_short_timeouts(attempts, within)) as hurried:
                return call(hurried)

        try:
            briefly(self.target.stop, max_attempts)
        except DataWorksError:
            # A run that has not begun may not be to be stopped yet.
            if self.shown:
                raise
        while not self.shown:
            state = None
            try:
                now: StatusSnapshot = briefly(self.target.poll)
            except DataWorksError:
                pass
            else:
                if self.target.shows_new_run(now, self.before):
                    state = self.target.run_state(now)
            if state is RunState.RUNNING:
                self.shown = True
                briefly(self.target.stop)
            elif state is not None:
                return True
            elif give_up - clock.monotonic() < _POLL_SECONDS + _SHORTEST_REQUEST:
                return False
            else:
                clock.sleep(_POLL_SECONDS)
        return True
