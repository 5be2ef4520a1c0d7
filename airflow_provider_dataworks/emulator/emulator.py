"""One emulator: its settings, its state, its faults, its log, and the dispatcher that uses them."""

from __future__ import annotations

import copy

from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.dispatcher import Dispatcher
from airflow_provider_dataworks.emulator.protocol.faults import FaultQueue
from airflow_provider_dataworks.emulator.protocol.request_log import RequestLog
from airflow_provider_dataworks.emulator.settings import Settings


class Emulator:
    """
    All state of an emulator.

    :param settings: how it begins, also after each reset.
    """

    settings: Settings
    state: State
    faults: FaultQueue
    requests: RequestLog
    dispatcher: Dispatcher

    def __init__(self, settings: Settings) -> None:
        self._initial = settings
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.settings = copy.deepcopy(self._initial)
        self.state = State(self.settings)
        self.faults = FaultQueue()
        self.requests = RequestLog()
        self.dispatcher = Dispatcher(self.settings, self.state, self.faults, self.requests)

    def connection(self, url: str) -> dict[str, object]:
        """
        Return the Airflow connection to this emulator, in Airflow's JSON form.

        :param url: where it listens.
        """
        return {
            "conn_type": "dataworks",
            "login": self.settings.access_key_id,
            "password": self.settings.access_key_secret,
            "host": url,
            "extra": {"region_id": self.settings.region_id, "project_id": self.settings.project_id},
        }
