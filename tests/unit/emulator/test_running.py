"""The emulator is started from a shell, from Python, and by the pytest plugin."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dataworks.emulator import cli
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.testing import running_emulator

from .conftest import Caller

# A process each takes seconds.
pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "airflow_provider_dataworks.emulator"]
VARIABLE = "AIRFLOW_CONN_DATAWORKS_DEFAULT"


@contextlib.contextmanager
def started(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command, and return the process and its first line."""
    process = subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def control(line: str) -> EmulatorControl:
    return EmulatorControl(json.loads(line.partition("=")[2].strip().strip("'"))["host"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_prints_one_line_and_stops_at_a_signal(number: signal.Signals) -> None:
    options = ["--run-seconds", "0.5", "--project-id", "77", "--access-key-secret", "own-secret", "--any-folder"]
    with started(*options) as (process, line):
        emulator = control(line)
        caller = Caller(emulator)
        kept = caller.connect()
        assert caller.send(caller.signed("ListDIJobs", form={"ProjectId": "77"}), kept).status == 200
        assert emulator.settings()["run_seconds"] == 0.5
        assert emulator.settings()["any_folder"] is True

        process.send_signal(number)
        # The connection that is kept would be closed after 75 s.
        rest, errors = process.communicate(timeout=20)

        assert (process.returncode, rest) == (0, "")
        assert "Traceback" not in errors
        assert "own-secret" not in errors
        kept.close()


def test_line_can_be_read_by_a_shell() -> None:
    with started() as (_, line):
        shell = subprocess.run(
            ["sh", "-c", f'set -a; eval "$LINE"; printenv {VARIABLE}'],
            env={**os.environ, "LINE": line},
            capture_output=True,
            text=True,
            check=True,
        )

    connection = json.loads(shell.stdout)
    assert line.startswith(f"{VARIABLE}='{{")
    assert connection["conn_type"] == "dataworks"
    assert connection["extra"] == {"region_id": "cn-shanghai", "project_id": 10000}


def test_command_allows_a_further_host_name() -> None:
    with started("--allow-host", "emulator.internal") as (_, line):
        caller = Caller(control(line))

        assert caller("ListProjects", signed={"host": "emulator.internal:80"}).status == 200
        assert caller("ListProjects", signed={"host": "other.internal:80"}).status == 403


def test_stop_does_not_wait_for_a_slow_answer() -> None:
    with started() as (process, line):
        emulator = control(line)
        emulator.add_fault("slow", seconds=60)
        thread = threading.Thread(target=_start_in_vain, args=(Caller(emulator),), daemon=True)
        thread.start()
        while not emulator.requests("StartDIJob"):
            time.sleep(0.01)

        process.terminate()
        process.communicate(timeout=10)

        assert process.returncode == 0
        thread.join()


def _start_in_vain(caller: Caller) -> None:
    with contextlib.suppress(ConnectionError):
        caller.start()


def test_help_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(["--help"])

    assert raised.value.code == 0
    text = capsys.readouterr().out
    for word in ("1001", "1006", "2001", "2002", "Business Flow/demo", "/_emulator/faults", "--run-seconds", VARIABLE):
        assert word in text


@pytest.mark.parametrize(
    "options",
    [
        ["--run-seconds", "-1"],
        ["--run-seconds", "soon"],
        ["--read-qps", "1.5"],
        ["--port", "70000"],
        ["--project-id", "0"],
        ["--access-key-secret", "it's"],
        ["--log-level", "loud"],
    ],
)
def test_wrong_option_is_an_error(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main(options)

    assert raised.value.code == 2
    captured = capsys.readouterr()
    assert options[0] in captured.err
    assert captured.out == ""


def test_port_that_is_taken_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["--port", str(taken.getsockname()[1])]) == 1

    captured = capsys.readouterr()
    assert "Cannot listen" in captured.err
    assert captured.out == ""


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "EXTRA_MODULES", ("no_such_module",))

    assert cli.main([]) == 1
    assert "pip install 'airflow-provider-dataworks[emulator]'" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError, match=r"airflow-provider-dataworks\[emulator\]"), running_emulator():
        pass


def test_emulator_in_python_starts_and_ends() -> None:
    began = time.monotonic()
    with running_emulator(project_id=5, read_qps=0) as emulator:
        assert time.monotonic() - began < 20
        assert emulator.project_id == 5
        kept = Caller(emulator).connect()
        kept.connect()
        threads = [thread.name for thread in threading.enumerate()]
        assert "dataworks-emulator" in threads
        ending = time.monotonic()

    # The connection that is kept would be closed after 75 s.
    assert time.monotonic() - ending < 20
    with pytest.raises(urllib.error.URLError):
        emulator.state()
    kept.close()


def test_two_emulators_are_apart() -> None:
    with running_emulator() as first, running_emulator() as second:
        first.add_job(DIJobId=7)

        assert first.url != second.url
        assert len(second.jobs()) == 6


@pytest.mark.parametrize("options", [{"run_seconds": -1}, {"start_running": "?"}])
def test_option_that_cannot_be_used(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))), running_emulator(**options):
        pass


def test_fixture_sets_the_connection_and_begins_anew_first(dataworks_emulator: EmulatorControl) -> None:
    assert json.loads(os.environ[VARIABLE])["host"] == dataworks_emulator.url
    assert len(dataworks_emulator.jobs()) == 6
    dataworks_emulator.add_job()


def test_fixture_sets_the_connection_and_begins_anew_second(dataworks_emulator: EmulatorControl) -> None:
    assert len(dataworks_emulator.jobs()) == 6
    dataworks_emulator.add_job()


def test_plugin_loads_next_to_nothing() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules);"
        "import airflow_provider_dataworks.emulator.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert set(loaded) == {
        "airflow_provider_dataworks",
        "airflow_provider_dataworks.emulator",
        "airflow_provider_dataworks.emulator.pytest_plugin",
    }


def test_plugin_serves_a_test_suite_of_a_user(tmp_path: Path) -> None:
    (tmp_path / "test_dag.py").write_text(
        "import os\n"
        "def test_it(dataworks_emulator):\n"
        "    assert dataworks_emulator.url in os.environ['AIRFLOW_CONN_DATAWORKS_DEFAULT']\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "dataworks_emulator", "--rootdir"]

    # No other plugin of this environment: loading them takes longer than the test.
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    result = subprocess.run([*command, str(tmp_path), str(tmp_path)], capture_output=True, text=True, env=alone)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout


def test_nothing_of_airflow_is_imported() -> None:
    code = (
        "import sys\n"
        "from airflow_provider_dataworks.emulator import __main__, pytest_plugin, testing\n"
        "from airflow_provider_dataworks.emulator.http import server\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'airflow'])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
