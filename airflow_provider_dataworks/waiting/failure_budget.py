"""How many polls in a row may fail, and how long to pause after each: the same in the worker and deferred."""

from __future__ import annotations

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.config import config

#: Failed polls in a row that end a wait, unless the task says otherwise.
DEFAULT_MAX_POLL_FAILURES = config().max_poll_failures
#: Seconds between two counted failures at most, however many there were; a longer interval counts instead.
LONGEST_BACKOFF = 300.0
#: Seconds between two polls at most, so that a wait goes on soon after an outage; a longer interval counts instead.
LONGEST_PAUSE = 60.0
#: Seconds that a server may have a wait pause at most.
LONGEST_RETRY_AFTER = 300.0


class FailureBudget:
    """Counts failed polls in a row.

    The time between two counted failures doubles from the interval to 300 s. Where that is more than a minute, polls
    go on every minute, and those in between are not counted: an outage that a wait has outlived ends within a minute.

    :param interval: seconds between two polls.
    :param max_failures: how many end the wait; default 10.
    """

    __slots__ = ("_counted_at", "_interval", "failures", "max_failures")

    def __init__(self, interval: float, max_failures: int = DEFAULT_MAX_POLL_FAILURES) -> None:
        self.max_failures = max_failures
        self.failures = 0
        self._interval = interval
        self._counted_at = 0.0

    @property
    def used_up(self) -> bool:
        """Whether too many polls in a row have failed."""
        return self.failures >= self.max_failures

    def succeeded(self) -> None:
        """A poll succeeded: the count begins anew."""
        self.failures = 0

    def failed(self) -> bool:
        """Take note of a failed poll.

        :return: whether the budget is used up.
        """
        now, due = clock.monotonic(), backoff(self.failures, self._interval)
        if due <= max(LONGEST_PAUSE, self._interval) or now - self._counted_at >= 0.9 * due:
            self.failures += 1
            self._counted_at = now
        return self.used_up


def backoff(failures: int, interval: float) -> float:
    """Seconds between two counted failures: the interval, doubled after each, up to 300 s.

    :param failures: failed polls in a row.
    :param interval: seconds between two polls.
    """
    return min(interval * 2.0 ** min(max(failures - 1, 0), 10), max(LONGEST_BACKOFF, interval))


def pause_after(failures: int, interval: float, retry_after: float | None = None) -> float:
    """Seconds until the next poll: twice as long after each failure, up to a minute, and as long as the server asks.

    :param failures: failed polls in a row; 0 gives the interval.
    :param interval: seconds between two polls.
    :param retry_after: seconds that the server asked to wait; None (default) if it did not.
    """
    pause = min(backoff(failures, interval), max(LONGEST_PAUSE, interval))
    return max(pause, min(retry_after or 0.0, LONGEST_RETRY_AFTER))
