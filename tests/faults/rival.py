"""The second actor: somebody else who starts and stops the same jobs, with a key of its own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.errors import ApiError
from tests.support.calls import call

KEY = {
    "access_key_id": "STS.rival",
    "access_key_secret": "rival-secret",
    "security_token": "rival-token",
}


def is_rival(entry: dict[str, Any]) -> bool:
    """Whether a request in the emulator's log is the rival's."""
    return f"Credential={KEY['access_key_id']}" in entry["headers"].get("authorization", "")


class Rival:
    """Acts as somebody else would who does not know of us.

    :param url: the emulator's.
    """

    def __init__(self, url: str) -> None:
        credentials = Credentials(KEY["access_key_id"], KEY["access_key_secret"], KEY["security_token"])
        self._client = DataWorksClient(url, StaticCredentials(credentials), max_attempts=1, read_timeout=5)

    def act(self, action: str, di_job_id: int) -> None:
        """Start (all steps) or stop a job; whether that is refused or lost is not of interest."""
        # Spelt as the official SDK does, so that faults which are meant for our own starts leave these alone.
        force = "True" if action == "StartDIJob" else None
        with contextlib.suppress(ApiError):
            call(self._client, action, body={"DIJobId": di_job_id, "ForceToRerun": force})

    @contextlib.contextmanager
    def acting(self, script: tuple[tuple[float, str], ...], di_job_id: int) -> Iterator[None]:
        """Act at moments of the time that the ``with`` block takes.

        :param script: seconds from its beginning, and the action.
        """
        ended = threading.Event()
        thread = threading.Thread(target=self._play, args=(script, di_job_id, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _play(self, script: tuple[tuple[float, str], ...], di_job_id: int, ended: threading.Event) -> None:
        began = time.monotonic()
        for moment, action in script:
            if ended.wait(max(0.0, began + moment - time.monotonic())):
                return
            self.act(action, di_job_id)
