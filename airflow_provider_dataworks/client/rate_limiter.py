"""Limits the rate of one account's requests from this process, adapting to the service's throttling."""

from __future__ import annotations

import threading

from airflow_provider_dataworks.client.clock import clock

#: What a throttled answer leaves of the rate.
DECREASE = 0.5
#: What an answer that is not throttled adds to it, in requests a second.
INCREASE = 0.01
#: The lowest rate, in requests a second.
LOWEST_RATE = 0.05
#: Seconds without a throttled answer after which the rate is the full one again.
FORGOTTEN_AFTER = 300.0
#: Throttled answers within so many seconds count as one: the requests were under way together.
_ONE_EVENT = 1.0


class RateLimiter:
    """Hands out moments to send at, evenly spaced, in the order in which they are asked for.

    Processes do not know of each other, but the service throttles them all: each halves its rate then, and raises it
    slowly afterwards, so that together they stay near what the account may send.

    :param per_second: requests a second at most; 0 means no limit, whatever the service answers.
    """

    def __init__(self, per_second: float) -> None:
        self._most = max(per_second, 0.0)
        self._rate = self._most
        self._next = 0.0
        self._decreased = float("-inf")
        # A signal handler may stop a job while its own thread is in here.
        self._lock = threading.RLock()

    @property
    def rate(self) -> float:
        """Requests a second at present; 0 means no limit."""
        return self._rate

    def reserve(self) -> float:
        """Take the next moment.

        :return: seconds to wait before sending, 0 when it is now.
        """
        with self._lock:
            now = clock.monotonic()
            if now - self._decreased >= FORGOTTEN_AFTER:
                self._rate = self._most
            moment = max(now, self._next)
            self._next = moment + self._gap
            return moment - now

    def throttled(self) -> None:
        """Take in that the service throttled a request: go on at half the rate."""
        with self._lock:
            now = clock.monotonic()
            if now - self._decreased < _ONE_EVENT:
                return
            self._decreased = now
            self._rate = max(self._rate * DECREASE, min(LOWEST_RATE, self._most))
            self._next = max(self._next, now + self._gap)

    def answered(self) -> None:
        """Take in that the service took a request: go on a little faster."""
        with self._lock:
            self._rate = min(self._rate + INCREASE, self._most)

    @property
    def _gap(self) -> float:
        return 1 / self._rate if self._rate > 0 else 0.0


_limiters: dict[tuple[str, str, float], RateLimiter] = {}
_limiters_lock = threading.RLock()


def rate_limiter_for(endpoint: str, account: str, per_second: float) -> RateLimiter:
    """Give the rate limiter that everything of this process shares for one account at one endpoint.

    The service counts a region's calls over the whole account; which account a key belongs to can't be seen from here,
    so keys stand for accounts.

    :param endpoint: the base URL.
    :param account: what names the account, such as the AccessKey ID or a role.
    :param per_second: requests a second at most; 0 means no limit.
    :return: the same rate limiter for the same arguments.
    """
    with _limiters_lock:
        return _limiters.setdefault((endpoint, account, per_second), RateLimiter(per_second))
