"""One emulator: its settings, its world, its faults, its log, and the gateway that uses them."""

from __future__ import annotations

import copy

from airflow_provider_dataworks.emulator.faults import FaultQueue
from airflow_provider_dataworks.emulator.gateway import Gateway
from airflow_provider_dataworks.emulator.request_log import RequestLog
from airflow_provider_dataworks.emulator.settings import Settings
from airflow_provider_dataworks.emulator.world import World


class Emulator:
    """
    All state of an emulator.

    :param settings: how it begins, also after each reset.
    """

    settings: Settings
    world: World
    faults: FaultQueue
    requests: RequestLog
    gateway: Gateway

    def __init__(self, settings: Settings) -> None:
        self._initial = settings
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.settings = copy.deepcopy(self._initial)
        self.world = World(self.settings)
        self.faults = FaultQueue()
        self.requests = RequestLog()
        self.gateway = Gateway(self.settings, self.world, self.faults, self.requests)

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
