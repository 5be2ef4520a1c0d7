"""The actions that the emulator speaks, by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter

MAX_PROJECT_ID = 10_000_000_000


class ActionResult(NamedTuple):
    """What became of a call: the answer without its RequestId, and whether anything changed by it."""

    answer: dict[str, Any]
    changed: bool = False


@dataclasses.dataclass(frozen=True)
class Action:
    """
    One action.

    :param name: its name.
    :param parameters: what it can be given.
    :param run: does it, with the checked values and the id of the request.
    :param invalid_code: Code when a value cannot be used.
    """

    name: str
    parameters: tuple[Parameter, ...]
    run: Callable[[State, Mapping[str, Any], str], ActionResult]
    invalid_code: str = "InvalidParameter"

    @property
    def reads(self) -> bool:
        """Whether it is counted as a read for the QPS limits."""
        return self.name.startswith(("Get", "List"))
