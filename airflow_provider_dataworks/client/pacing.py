"""Keeps one account's requests of this process below a rate."""

from __future__ import annotations

import threading
import time


class Pacer:
    """Hands out moments to send at, evenly spaced, in the order in which they are asked for.

    :param per_second: requests a second at most; 0 means no limit.
    """

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second if per_second > 0 else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def reserve(self) -> float:
        """Take the next moment.

        :return: seconds to wait before sending, 0 when it is now.
        """
        with self._lock:
            now = time.monotonic()
            moment = max(now, self._next)
            self._next = moment + self._gap
            return moment - now


_pacers: dict[tuple[str, str, float], Pacer] = {}
_pacers_lock = threading.Lock()


def pacer_for(endpoint: str, account: str, per_second: float) -> Pacer:
    """Give the pacer that everything of this process shares for one account at one endpoint.

    The service counts a region's calls over the whole account; which account a key belongs to can't be seen from here,
    so keys stand for accounts.

    :param endpoint: the base URL.
    :param account: what names the account, such as the AccessKey ID or a role.
    :param per_second: requests a second at most; 0 means no limit.
    :return: the same pacer for the same arguments.
    """
    with _pacers_lock:
        return _pacers.setdefault((endpoint, account, per_second), Pacer(per_second))
