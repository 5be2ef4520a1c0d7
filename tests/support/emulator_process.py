"""The emulator as its users start it: the command line, in a process of its own."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_dataworks.emulator.control import EmulatorControl

VARIABLE = "AIRFLOW_CONN_DATAWORKS_DEFAULT"


@dataclass(frozen=True)
class EmulatorProcess:
    """A running emulator: what steers it, and the Airflow connection that leads to it."""

    control: EmulatorControl
    connection: str

    @property
    def env(self) -> dict[str, str]:
        """The environment in which Airflow uses it."""
        return {VARIABLE: self.connection}

    def connection_of(self, api_version: str) -> str:
        """The connection, for another API version."""
        connection = json.loads(self.connection)
        return json.dumps({**connection, "extra": {**connection["extra"], "api_version": api_version}})


@contextlib.contextmanager
def emulator_process(log_file: Path, *arguments: str, python: str = sys.executable) -> Iterator[EmulatorProcess]:
    """
    Run the emulator's command for the time of a ``with`` block.

    :param log_file: takes its log.
    :param arguments: more of its command line, such as ``--run-seconds``, ``5``.
    :raises RuntimeError: it ended at once; the message has its log.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    command = [python, "-m", "airflow_provider_dataworks.emulator", *arguments]
    with (
        log_file.open("wb") as log,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as process,
    ):
        try:
            assert process.stdout
            name, _, value = process.stdout.readline().strip().partition("=")
            if name != VARIABLE:
                raise RuntimeError(f"the emulator ended with {process.wait()}:\n{log_file.read_text()}")
            connection = value.strip("'")
            yield EmulatorProcess(EmulatorControl(json.loads(connection)["host"]), connection)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
