"""How many calls a second are admitted."""

from __future__ import annotations

from collections import deque


class RateLimiter:
    """Admits at most so many calls in any second; a call that is not admitted does not count."""

    def __init__(self) -> None:
        self._admitted: deque[float] = deque()

    def admit(self, now: float, limit: int) -> bool:
        """
        Say whether one more call may pass, and count it when it may.

        :param now: monotonic time, in seconds.
        :param limit: calls in any second; 0 is no limit.
        """
        while self._admitted and now - self._admitted[0] >= 1.0:
            self._admitted.popleft()
        if limit and len(self._admitted) >= limit:
            return False
        self._admitted.append(now)
        return True
