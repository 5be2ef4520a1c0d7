"""Changes that lie ahead of a job or a file, applied when somebody looks after they fell due."""

from __future__ import annotations

from typing import Any


class Timeline:
    """A list of (monotonic time, changes of attributes), in the order of time."""

    def __init__(self) -> None:
        self._ahead: list[tuple[float, dict[str, Any]]] = []

    def schedule(self, at: float, **changes: Any) -> None:
        """
        Have attributes changed at a time.

        :param at: monotonic time in seconds, not before what was scheduled last.
        """
        self._ahead.append((at, changes))

    def clear(self) -> None:
        """Forget what lies ahead."""
        self._ahead.clear()

    def apply(self, subject: object, now: float) -> None:
        """
        Make the changes that are due.

        :param subject: the object whose attributes change.
        :param now: monotonic time in seconds.
        """
        while self._ahead and self._ahead[0][0] <= now:
            for name, value in self._ahead.pop(0)[1].items():
                setattr(subject, name, value)

    def awaits(self, name: str, value: object) -> bool:
        """Say whether the attribute is going to be changed to the value."""
        return any(changes.get(name) == value for _, changes in self._ahead)
