"""One emulator: its settings, its state, its faults, its request log, and the dispatcher that uses them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from airflow_provider_dataworks.emulator.actions import action_table
from airflow_provider_dataworks.emulator.backend.resource import ResourceKind
from airflow_provider_dataworks.emulator.backend.resources import resource_kinds
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import ActionTable
from airflow_provider_dataworks.emulator.protocol.dispatcher import Dispatcher
from airflow_provider_dataworks.emulator.protocol.faults import FaultQueue
from airflow_provider_dataworks.emulator.protocol.request_log import RequestLog
from airflow_provider_dataworks.emulator.settings import Settings


class Emulator:
    """
    Everything that one emulator consists of.

    :param settings: the initial settings, also after each reset.
    :param kinds: the kinds of resources; default all that the package has.
    :param actions: the actions; default all that the package has.
    """

    settings: Settings
    state: State
    faults: FaultQueue
    requests: RequestLog
    dispatcher: Dispatcher

    def __init__(
        self,
        settings: Settings,
        *,
        kinds: Iterable[ResourceKind[Any]] | None = None,
        actions: ActionTable | None = None,
    ) -> None:
        self._initial = settings
        self.kinds = resource_kinds() if kinds is None else tuple(kinds)
        self.actions = action_table() if actions is None else actions
        self.reset()

    def reset(self) -> None:
        """Restore the initial state."""
        self.settings = copy.deepcopy(self._initial)
        self.state = State(self.settings, self.kinds)
        self.faults = FaultQueue()
        self.requests = RequestLog()
        self.dispatcher = Dispatcher(self.settings, self.state, self.actions, self.faults, self.requests)

    def connection(self, url: str) -> dict[str, object]:
        """
        Return the Airflow connection to this emulator, in Airflow's JSON form.

        :param url: where it listens.
        """
        extra: dict[str, object] = {"region_id": self.settings.region_id, "project_id": self.settings.project_id}
        if self.settings.api_version is not None:
            extra["api_version"] = self.settings.api_version
        return {
            "conn_type": "dataworks",
            "login": self.settings.access_key_id,
            "password": self.settings.access_key_secret,
            "host": url,
            "extra": extra,
        }
