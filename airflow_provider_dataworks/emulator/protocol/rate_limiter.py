"""Limits the number of calls in any second, and in any day."""

from __future__ import annotations

from collections import deque

from airflow_provider_dataworks.emulator import assumptions


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


class DailyLimiter:
    """Admits at most so many calls in one calendar day; a call that is not admitted does not count."""

    def __init__(self) -> None:
        self._day = 0
        self._admitted = 0

    def admit(self, wall: float, limit: int) -> bool:
        """
        Return whether one more call is admitted, and count it if it is.

        :param wall: Unix time, in seconds.
        :param limit: calls in a day; 0 is no limit.
        """
        day = int(wall + assumptions.TIME_ZONE_HOURS * 3600) // 86400
        if day != self._day:
            self._day, self._admitted = day, 0
        if limit and self._admitted >= limit:
            return False
        self._admitted += 1
        return True
