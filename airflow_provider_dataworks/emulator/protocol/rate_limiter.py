"""Limits the number of calls in any second."""

from __future__ import annotations

from collections import deque


class RateLimiter:
    """A sliding window of one second; a call that is not admitted does not count."""

    def __init__(self) -> None:
        self._admitted: deque[float] = deque()

    def admit(self, now: float, limit: int) -> bool:
        """
        Return whether one more call is admitted, and count it if it is.

        :param now: monotonic time, in seconds.
        :param limit: calls in any second; 0 is no limit.
        """
        while self._admitted and now - self._admitted[0] >= 1.0:
            self._admitted.popleft()
        if limit and len(self._admitted) >= limit:
            return False
        self._admitted.append(now)
        return True
