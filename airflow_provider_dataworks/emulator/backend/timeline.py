"""Scheduled changes of a resource, applied on the first access after they are due."""

from __future__ import annotations

from typing import Any


class Timeline:
    """A list of (monotonic time, changes of attributes), in the order of time."""

    def __init__(self) -> None:
        self._scheduled: list[tuple[float, dict[str, Any]]] = []

    def schedule(self, at: float, **changes: Any) -> None:
        """
        Schedule a change of attributes.

        :param at: monotonic time in seconds, not before what was scheduled last.
        """
        self._scheduled.append((at, changes))

    def clear(self) -> None:
        """Cancel all scheduled changes."""
        self._scheduled.clear()

    def apply(self, subject: object, now: float) -> None:
        """
        Apply the changes that are due.

        :param subject: the object whose attributes change.
        :param now: monotonic time in seconds.
        """
        while self._scheduled and self._scheduled[0][0] <= now:
            for name, value in self._scheduled.pop(0)[1].items():
                setattr(subject, name, value)

    def awaits(self, name: str, value: object) -> bool:
        """Return whether the attribute is scheduled to change to the value."""
        return any(changes.get(name) == value for _, changes in self._scheduled)
