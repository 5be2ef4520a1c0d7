"""The log of one wait: each change of status, a heartbeat every ten minutes, and how it ended."""

from __future__ import annotations

from typing import Any

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.waiting.target import StatusSnapshot, WaitTarget

HEARTBEAT_SECONDS = 600.0


class Progress:
    """Logs the progress of one wait.

    :param log: the task's logger.
    :param target: what is waited for.
    :param since: when the wait began (Unix time), if that was in another process; None (default) for now.
    """

    def __init__(self, log: Any, target: WaitTarget, since: float | None = None) -> None:
        self._log = log
        self._target = target
        self._warned: set[str | None] = set()
        self._status: str | None = None
        self._name: str | None = None
        self._began = self._changed = self._logged = clock.monotonic()
        self._change_seen = False
        #: Whether the end of the wait was logged.
        self.ended = False
        if since is not None:
            self._began -= max(0.0, clock.time() - since)

    @property
    def what(self) -> str:
        """The target, with its name where a poll gave it."""
        return self._target.describe(self._name)

    @property
    def status(self) -> str | None:
        """The last status that was logged."""
        return self._status

    def waited(self) -> str:
        """How long the wait has taken, such as ``3 min 20 s``."""
        return duration(clock.monotonic() - self._began)

    def until_heartbeat(self) -> float:
        """Seconds until the next heartbeat is due."""
        return max(0.0, self._logged + HEARTBEAT_SECONDS - clock.monotonic())

    @property
    def heartbeat_is_due(self) -> bool:
        """Whether :meth:`heartbeat` would log a line now."""
        return self._status is not None and self.until_heartbeat() <= 0

    def update(self, snapshot: StatusSnapshot) -> None:
        """Take note of a snapshot; one line if the status changed or a heartbeat is due.

        :param snapshot: what a poll saw.
        """
        status, words = snapshot.status, self._target.words
        self._name = snapshot.name or self._name
        if status == self._status:
            self.heartbeat()
            return
        now = clock.monotonic()
        self._log.info("%s is %s%s", self.what, words.describe(status), self._before(now))
        self._change_seen = self._status is not None
        if status not in words.known and status not in self._warned:
            self._warned.add(status)
            self._log.warning("%s has the unknown status %r; the wait continues until its limit", self.what, status)
        self._status, self._changed, self._logged = status, now, now

    def heartbeat(self, remark: str = "") -> None:
        """Say that the wait goes on, if nothing was logged for ten minutes.

        :param remark: what to add; default nothing.
        """
        if self.until_heartbeat() <= 0:
            self._logged = clock.monotonic()
            status = self._target.words.describe(self._status)
            self._log.info("%s is still %s after %s%s", self.what, status, self.waited(), remark)

    def finish(self, snapshot: StatusSnapshot) -> None:
        """Say in one line how the wait ended.

        :param snapshot: the last one.
        """
        self.ended = True
        self._name = snapshot.name or self._name
        before = self._before(clock.monotonic()) if snapshot.status != self._status else ""
        detail = f"{snapshot.detail}; waited" if snapshot.detail else "waited"
        status = self._target.words.describe(snapshot.status)
        self._log.info("%s is %s%s (%s %s)", self.what, status, before, detail, self.waited())

    def _before(self, now: float) -> str:
        """What the status was until now, and for how long."""
        if self._status is None:
            return ""
        # The first status was there before it was first polled.
        since = f"{'' if self._change_seen else 'at least '}{duration(now - self._changed)}"
        return f"; it was {self._target.words.describe(self._status)} for {since}"


def duration(seconds: float) -> str:
    """Seconds in words: 8 s, 3 min 20 s, 2 h 5 min.

    :param seconds: how many.
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
