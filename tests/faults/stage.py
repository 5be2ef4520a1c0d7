"""Where a schedule runs: an emulator of its own, a connection to it, keys that end and are renewed, somebody else."""

from __future__ import annotations

import json
import os
import secrets
import time
from typing import Any

from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.faults import rival
from tests.faults.interference import Interference
from tests.faults.schedule import OLD, OLD_VERSION, PAGE, JobPlan, Schedule
from tests.support.scripted_server import ScriptedServer

#: Real seconds; a slow answer takes longer than that.
READ_TIMEOUT = 0.7


class Stage:
    """One emulator and the connection that leads to it; reset for each schedule.

    :param emulator: answers the API.
    :param key_server: answers with the current STS triple.
    :param name: makes the connection's id.
    """

    def __init__(self, emulator: EmulatorControl, key_server: ScriptedServer, name: str) -> None:
        self.emulator = emulator
        self.conn_id = f"faults_{name}"
        #: The same in API version 2020-05-18, which makes files of sync tasks, not nodes.
        self.files_conn_id = f"faults_files_{name}"
        self._key_server = key_server
        self._kind = "access_key"
        self._api_version = OLD_VERSION
        self._keys: list[dict[str, str]] = []
        self.rival = rival.Rival(emulator.url)
        self.interference = Interference(emulator.url)
        self.bystanders: list[int] = []

    @property
    def secrets(self) -> list[str]:
        """What must not get into any error."""
        ours = [value for key in self._keys for name, value in key.items() if name != "access_key_id"]
        return [self.emulator.access_key_secret, rival.KEY["access_key_secret"], rival.KEY["security_token"], *ours]

    def set_up(self, schedule: Schedule) -> None:
        """Make everything as the schedule begins."""
        self.emulator.reset()
        self.emulator.settings(run_seconds=0.2, stop_seconds=0.1, read_qps=0, write_qps=0, **schedule.settings)
        self.interference.clear()
        others = self.emulator.add_jobs({"JobName": f"nightly {number}"} for number in range(schedule.strangers))
        self._strangers = [job["DIJobId"] for job in others]
        waited_for = {"JobStatus": "Running", "StartedTime": OLD}
        others = self.emulator.add_jobs([waited_for] * schedule.bystanders)
        self.bystanders = [job["DIJobId"] for job in others]
        self._kind, self._keys, self._api_version = schedule.credentials, [], schedule.api_version
        self.rotate_keys()

    def rotate_keys(self) -> None:
        """End the STS token in use, where there is one, and have another one ready for those who ask for it."""
        mark = secrets.token_hex(6)
        self._keys.append(
            {
                "access_key_id": f"STS.{mark}",
                "access_key_secret": f"hidden-secret-{mark}",
                "security_token": f"hidden-token-{mark}",
            }
        )
        key = self._keys[-1]
        # First the new one is known, then it is handed out, then the old one ends: nobody is without any.
        self._know(expired=self._keys[:-2])
        self._key_server.standard = _as_fetched(key)
        extra: dict[str, Any] = {
            "max_qps": 0,
            "read_timeout": READ_TIMEOUT,
            "connect_timeout": 5,
            "api_version": self._api_version,
        }
        connection = {**self.emulator.connection, "extra": {**self.emulator.connection["extra"], **extra}}
        if self._kind == "sts":
            connection.update(login=key["access_key_id"], password=key["access_key_secret"])
            connection["extra"].update(auth_type="sts", security_token=key["security_token"])
        elif self._kind == "credentials_uri":
            connection.update(login=None, password=None)
            connection["extra"].update(auth_type="credentials_uri", credentials_uri=f"{self._key_server.url}/keys")
        for conn_id, version in ((self.conn_id, self._api_version), (self.files_conn_id, OLD_VERSION)):
            connection["extra"]["api_version"] = version
            os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps(connection)
        self._know(expired=self._keys[:-1])

    def _know(self, expired: list[dict[str, str]]) -> None:
        self.emulator.settings(sts=[rival.KEY, *({**key, "expired": key in expired} for key in self._keys)])

    def add_job(self, plan: JobPlan) -> dict[str, Any]:
        """Put a job into the workspace; one that runs before the step was started by somebody else just now."""
        running = plan.status == "Running"
        job = self.emulator.add_job(
            MigrationType=plan.migration_type,
            JobStatus="Initialized" if running else plan.status,
            StartedTime=None if plan.status in ("Initialized", "Running") else OLD,
            outcome=plan.outcome,
            run_seconds=plan.run_seconds,
            start_lag_seconds=0 if running else plan.lag,
            hides_started_time=plan.timeless,
        )
        if running:
            self.start(job["DIJobId"])
        return self.emulator.job(job["DIJobId"])

    def start(self, di_job_id: int) -> None:
        """Start a job as somebody else would; it shows when this returns."""
        self.rival.act("StartDIJob", di_job_id)
        lag = self.emulator.job(di_job_id)["start_lag_seconds"] or 0
        time.sleep(lag + 0.01 if lag else 0)

    def shift_pages(self, di_job_id: int) -> None:
        """Take so many jobs away that one of the second page gets onto the first."""
        ids = [job["DIJobId"] for job in self.emulator.jobs()]
        too_many = ids.index(di_job_id) + 1 - PAGE
        for _ in range(too_many):
            self.emulator.remove_job(self._strangers.pop())

    def last_request(self) -> int:
        """The seq of the last request."""
        entries = self.emulator.requests()
        return int(entries[-1]["seq"]) if entries else 0


def _as_fetched(key: dict[str, str]) -> bytes:
    return json.dumps(
        {
            "Code": "Success",
            "AccessKeyId": key["access_key_id"],
            "AccessKeySecret": key["access_key_secret"],
            "SecurityToken": key["security_token"],
            "Expiration": "2099-01-01T00:00:00Z",
        }
    ).encode()
