"""What an action declares, and the table in which the dispatcher finds it by API version and name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter

DEFAULT_VERSION = "2020-05-18"
MAX_PROJECT_ID = 10_000_000_000


class ActionResult(NamedTuple):
    """The outcome of an action: the content of the response, without its RequestId, and whether anything changed."""

    content: dict[str, Any]
    changed: bool = False


@dataclasses.dataclass(frozen=True)
class Action:
    """
    One action of one API version.

    :param name: its name.
    :param parameters: its parameters, each with its place in the request.
    :param run: executes it, with the checked values and the id of the request.
    :param invalid_code: Code when a value cannot be used; default ``InvalidParameter``.
    :param version: the API version that has it; default 2020-05-18.
    :param method: the HTTP method; default POST.
    :param quota: the QPS limit that it counts against; default ``read`` for names that begin with Get or List.
    """

    name: str
    parameters: tuple[Parameter, ...]
    run: Callable[[State, Mapping[str, Any], str], ActionResult]
    invalid_code: str = "InvalidParameter"
    version: str = DEFAULT_VERSION
    method: Literal["GET", "POST"] = "POST"
    quota: Literal["read", "write"] | None = None

    @property
    def is_read(self) -> bool:
        """Whether it counts as a read for the QPS limits."""
        return self.quota == "read" if self.quota else self.name.startswith(("Get", "List"))


class ActionTable:
    """
    Actions by API version and name.

    :param actions: the actions.
    :raises ValueError: one version has an action twice.
    """

    def __init__(self, actions: Iterable[Action]) -> None:
        self._actions: dict[tuple[str, str], Action] = {}
        for action in actions:
            if self.find(action.version, action.name):
                raise ValueError(f"the version {action.version} has the action {action.name} twice")
            self._actions[action.version, action.name] = action

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    @property
    def versions(self) -> list[str]:
        """The API versions that have actions, the oldest first."""
        return sorted({version for version, _ in self._actions})

    def names(self, version: str) -> list[str]:
        """Return the names of a version's actions, sorted."""
        return sorted(name for of, name in self._actions if of == version)

    def find(self, version: str, name: str) -> Action | None:
        """Return an action, or None when the version does not have it."""
        return self._actions.get((version, name))
