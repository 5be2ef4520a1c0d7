"""``--standalone``: Airflow beside the emulator, its environment, and that nothing of it outlives the command."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from airflow_provider_dataworks.emulator import standalone
from airflow_provider_dataworks.emulator.cli import main
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.http.server import Server
from airflow_provider_dataworks.emulator.settings import Settings
from airflow_provider_dataworks.emulator.standalone import MARK, Airflow, StandaloneError
from tests.support.fake_airflow import FakeEnvironment, facts, fake_environment
from tests.support.processes import Component, end_all, processes_with, wait_until

LIMIT = 120
UP = "Ctrl+C ends both"
# Each starts several interpreters.
slow = [pytest.mark.slow, pytest.mark.timeout(5 * LIMIT)]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> FakeEnvironment:
    """An environment whose Airflow is a small program."""
    return fake_environment(tmp_path_factory.mktemp("environments") / "fake")


class Trial:
    """The command in a process of its own, in a folder with DAGs."""

    def __init__(self, environment: FakeEnvironment, folder: Path) -> None:
        self.folder = folder
        self.home = folder / ".airflow-dataworks"
        self._python = environment.python
        self._commands: list[Component] = []
        (folder / "dags").mkdir()

    def command(self, *arguments: str, **constants: float) -> list[str]:
        """Return the command, which sets other values of the module's constants."""
        code = "import sys\nfrom airflow_provider_dataworks.emulator import cli, standalone\n"
        code += "".join(f"standalone.{name} = {value}\n" for name, value in constants.items())
        code += "sys.exit(cli.main())"
        return [str(self._python), "-c", code, "--standalone", *arguments]

    def start(
        self, *arguments: str, mode: str = "", env: dict[str, str] | None = None, ignored: str = "", **constants: float
    ) -> Component:
        """
        Start it.

        :param mode: how the fake Airflow behaves.
        :param ignored: a signal that is ignored when it starts.
        :param constants: other values of the module's constants.
        """
        command = self.command(*arguments, **constants)
        if ignored:
            command = ["bash", "-c", f"trap '' {ignored}; exec \"$@\"", "-", *command]
        output = self.folder / f"output-{len(self._commands)}"
        own = {**os.environ, "FAKE_AIRFLOW": mode, **(env or {})}
        self._commands.append(Component("trial", command, own, output, self.folder))
        self._commands[-1].start()
        return self._commands[-1]

    def started(self, *arguments: str, **options: Any) -> Component:
        """Start it, and wait until Airflow is healthy."""
        command = self.start(*arguments, **options)
        assert wait_until(lambda: UP in command.output or not command.alive, LIMIT), command.output
        assert UP in command.output, command.output
        return command

    def status(self, command: Component) -> int | None:
        """Wait for the end of a command, and return its exit status; None if it does not end."""
        wait_until(lambda: not command.alive, LIMIT)
        return command.returncode

    def left(self) -> list[int]:
        """Return what is running of the children that Airflow noted."""
        return [pid for pid in facts(self.home)["pids"] if running(pid)]

    def stop(self) -> None:
        """End what a failed test has left."""
        for command in self._commands:
            command.kill()
        noted = [json.loads(file.read_text()) for file in self.home.glob("facts*.json")]
        left = [psutil.Process(pid) for one in noted for pid in one["pids"] if running(pid)]
        end_all([*left, *processes_with(MARK, str(self.home))])


def running(pid: int) -> bool:
    """Whether a process runs and is a fake Airflow's; a zombie does not run."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "-S" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def trial(environment: FakeEnvironment, tmp_path: Path) -> Iterator[Trial]:
    """The command, in a folder of its own; it does not inherit that nohup ignores SIGHUP."""
    made = Trial(environment, tmp_path)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield made
    signal.signal(signal.SIGHUP, before)
    made.stop()


class TestEnd:
    pytestmark = slow

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_ends_both_with_status_0(self, trial: Trial, number: signal.Signals) -> None:
        command = trial.started()
        assert len(trial.left()) == 5

        os.kill(command.pid, number)

        assert trial.status(command) == 0, command.output
        assert trial.left() == []
        assert command.output.endswith("Airflow and the emulator have ended.\n")

    def test_children_that_ignore_signals_are_killed(self, trial: Trial) -> None:
        command = trial.started(mode="stubborn", INTERRUPT_SECONDS=0.5, TERMINATE_SECONDS=0.5)

        os.kill(command.pid, signal.SIGTERM)

        assert trial.status(command) == 0, command.output
        assert trial.left() == []

    def test_a_second_signal_kills(self, trial: Trial) -> None:
        command = trial.started(mode="deaf stubborn", INTERRUPT_SECONDS=3600, TERMINATE_SECONDS=3600)

        os.kill(command.pid, signal.SIGINT)
        assert wait_until(lambda: "a second Ctrl+C kills" in command.output, LIMIT)
        assert len(trial.left()) == 5
        os.kill(command.pid, signal.SIGINT)

        assert trial.status(command) == 0, command.output
        assert trial.left() == []

    def test_the_background_of_a_script_where_sigint_is_ignored(self, trial: Trial) -> None:
        command = trial.started(ignored="INT")
        assert facts(trial.home)["interruptible"]

        os.kill(command.pid, signal.SIGINT)

        assert trial.status(command) == 0, command.output
        assert trial.left() == []

    def test_a_terminal_that_is_closed(self, trial: Trial) -> None:
        with subprocess.Popen(trial.command(), cwd=trial.folder, stdout=subprocess.PIPE, text=True) as command:
            assert command.stdout
            assert any(UP in line for line in command.stdout)
            command.stdout.close()
            command.send_signal(signal.SIGHUP)

            if not wait_until(lambda: command.poll() is not None, LIMIT):
                command.kill()
        assert command.returncode == 0
        assert trial.left() == []

    def test_a_signal_before_airflow_is_healthy(self, trial: Trial) -> None:
        command = trial.start()
        assert wait_until((trial.home / "facts.json").exists, LIMIT), command.output

        os.kill(command.pid, signal.SIGTERM)

        assert trial.status(command) == 0, command.output
        assert trial.left() == []

    @pytest.mark.parametrize(("mode", "status"), [("fails", 1), ("crashes stubborn", 137)])
    def test_the_end_of_airflow_ends_the_emulator_with_its_status(self, trial: Trial, mode: str, status: int) -> None:
        command = trial.start(mode=mode, TERMINATE_SECONDS=0.5)

        assert trial.status(command) == status, command.output
        assert f"Airflow ended with exit status {status}" in command.output
        assert ("the database is broken" in command.output) == (mode == "fails")
        assert trial.left() == []

    def test_what_a_killed_command_left_is_ended_by_the_next(self, trial: Trial) -> None:
        first = trial.started(mode="deaf stubborn")
        before = facts(trial.home)["pids"]
        os.kill(first.pid, signal.SIGKILL)
        assert trial.status(first) == -signal.SIGKILL
        (trial.home / "facts.json").rename(trial.home / "facts-of-the-first.json")

        second = trial.started()

        # A command whose environment is its own cannot be recognised after its parent has gone.
        assert [pid for pid in before[:-1] if running(pid)] == []
        os.kill(second.pid, signal.SIGTERM)
        assert trial.status(second) == 0, second.output


class TestStart:
    pytestmark = slow

    def test_what_it_prints(self, trial: Trial) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        command = trial.started("--web-port", str(port), "--conn-id", "dataworks_prod")

        lines = command.output.splitlines()
        connection = json.loads(lines[0].removeprefix("AIRFLOW_CONN_DATAWORKS_DEFAULT='").removesuffix("'"))
        host = connection["host"]
        assert lines[1] == f"Starting Airflow {metadata.version('apache-airflow')}. Ctrl+C ends it and the emulator."
        assert lines[2] == f"Airflow:   http://127.0.0.1:{port} (no login; all users are administrators)"
        assert lines[3] == f"DAGs:      {trial.folder / 'dags'}"
        assert lines[4] == (
            f"Emulator:  {host} (connection dataworks_default, dataworks_prod); its state: {host}/_emulator/state"
        )
        assert len(lines) == 7
        found = facts(trial.home)
        assert found["arguments"] == ["standalone"]
        assert json.loads(found["environment"]["AIRFLOW_CONN_DATAWORKS_DEFAULT"]) == connection
        assert (trial.home / ".gitignore").read_text() == "*\n"

    def test_a_home_is_used_once(self, trial: Trial) -> None:
        first = trial.started()
        second = trial.start()

        assert trial.status(second) == 1
        assert second.output == (
            f"Another emulator with --standalone uses the Airflow home {trial.home}; give --home.\n"
        )
        assert first.alive
        assert len(trial.left()) == 5
        os.kill(first.pid, signal.SIGTERM)
        assert trial.status(first) == 0


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    """Airflow, not started, with the default folders."""
    monkeypatch.chdir(tmp_path)
    Path("dags").mkdir(exist_ok=True)
    airflow = Airflow(conn_ids=["dataworks_prod"])
    yield airflow
    airflow.close()


class TestEnvironment:
    def test_settings_and_connections_of_the_caller_are_not_airflows(self, airflow: Airflow, tmp_path: Path) -> None:
        own = {
            "AIRFLOW_HOME": "/real",
            "AIRFLOW_CONFIG": "/real/airflow.cfg",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://real",
            "AIRFLOW__SECRETS__BACKEND": "a.vault",
            "AIRFLOW_CONN_DATAWORKS_DEFAULT": "real",
            "AIRFLOW_CONN_WAREHOUSE": "real",
            "AIRFLOW_VAR_TABLE": "orders",
            "LANG": "C",
        }
        found = airflow.environment(own, "the emulator")

        assert found["AIRFLOW_HOME"] == str(tmp_path / ".airflow-dataworks")
        assert found["AIRFLOW__CORE__DAGS_FOLDER"] == str(tmp_path / "dags")
        assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
        assert found["AIRFLOW__SECRETS__BACKEND"] == ""
        assert {name: value for name, value in found.items() if name.startswith("AIRFLOW_CONN_")} == {
            "AIRFLOW_CONN_DATAWORKS_DEFAULT": "the emulator",
            "AIRFLOW_CONN_DATAWORKS_PROD": "the emulator",
        }
        assert (found["AIRFLOW_VAR_TABLE"], found["LANG"]) == ("orders", "C")
        assert [name for name, value in found.items() if "real" in value] == []

    def test_the_parts_are_those_of_this_environment(self, airflow: Airflow) -> None:
        path = airflow.environment({"PATH": "/usr/bin"}, "")["PATH"]

        assert path == f"{Path(sys.executable).parent}{os.pathsep}/usr/bin"

    def test_no_proxy_is_between_airflow_and_this_machine(self, airflow: Airflow) -> None:
        found = airflow.environment({"no_proxy": "intranet"}, "")

        assert found["no_proxy"] == "intranet,127.0.0.1,localhost"
        assert found["NO_PROXY"] == "127.0.0.1,localhost"

    def test_the_web_server_listens_on_this_machine_only(self, airflow: Airflow) -> None:
        found = airflow.environment({}, "")
        section, prefix = ("API", "") if airflow.major > 2 else ("WEBSERVER", "WEB_SERVER_")

        assert found[f"AIRFLOW__{section}__{prefix}HOST"] == "127.0.0.1"
        assert airflow.url == f"http://127.0.0.1:{found[f'AIRFLOW__{section}__{prefix}PORT']}"
        assert found[f"AIRFLOW__{section}__BASE_URL"] == airflow.url


@pytest.mark.slow
@pytest.mark.timeout(5 * LIMIT)
def test_the_end_of_the_emulator_ends_airflow(
    airflow: Airflow, environment: FakeEnvironment, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAKE_AIRFLOW", raising=False)
    airflow.command = environment.airflow
    emulator = Emulator(Settings())
    server = Server(emulator)

    healthy_as_it_is = airflow.healthy

    def healthy() -> bool:
        if up := healthy_as_it_is():
            server.stop()
        return up

    monkeypatch.setattr(airflow, "healthy", healthy)
    before = signal.getsignal(signal.SIGTERM)

    status = standalone.run(airflow, server, json.dumps(emulator.connection(server.url)))

    assert status == 1
    assert "The emulator ended. Ending Airflow." in capfd.readouterr().err
    assert [pid for pid in facts(airflow.home)["pids"] if running(pid)] == []
    assert signal.getsignal(signal.SIGTERM) == before


class TestErrors:
    def refused(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
        """Return the one line that the command prints before it fails."""
        assert main(["--standalone", *arguments]) == 1
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        return said.err

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "dags").mkdir()
        return tmp_path

    def test_no_airflow(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        def version(name: str) -> str:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "version", version)
        assert re.match(r"--standalone needs Apache Airflow 2.11 or newer .*, which has none\.", self.refused(capsys))

    @pytest.mark.parametrize("old", ["2.10.5", "1.10.15", "2.9.0rc1"])
    def test_an_old_airflow(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, old: str
    ) -> None:
        monkeypatch.setattr(metadata, "version", lambda name: old)
        assert self.refused(capsys).endswith(f"which has {old}.\n")

    def test_no_command(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        monkeypatch.setattr(sys, "executable", str(folder / "python"))
        monkeypatch.setattr(sysconfig, "get_path", lambda name: str(folder))
        assert self.refused(capsys).endswith(f"which has no command airflow in {folder}.\n")

    def test_no_dag_folder(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        assert self.refused(capsys, "--dags", "mine") == f"There is no folder {folder / 'mine'}.\n"
        (folder / "dags").rmdir()
        assert self.refused(capsys) == f"There is no folder {folder / 'dags'}. Name yours with --dags.\n"

    def test_a_home_that_is_a_file(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        (folder / "file").touch()
        assert self.refused(capsys, "--home", "file").startswith(f"The Airflow home {folder / 'file'} cannot be used")

    def test_a_port_in_use_for_the_emulator(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert self.refused(capsys, "--port", str(port)).startswith(f"Cannot listen on 127.0.0.1 port {port}")

    def test_a_port_in_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert self.refused(capsys, "--web-port", str(port)).startswith(f"Cannot listen on 127.0.0.1 port {port}")

    @pytest.mark.parametrize(
        "option", [("--dags", "dags"), ("--home", "home"), ("--web-port", "0"), ("--conn-id", "dataworks_prod")]
    )
    def test_an_option_without_standalone(self, capsys: pytest.CaptureFixture[str], option: Sequence[str]) -> None:
        with pytest.raises(SystemExit) as raised:
            main(option)
        assert raised.value.code == 2
        assert f"error: {option[0]} needs --standalone" in capsys.readouterr().err

    def test_a_command_that_cannot_be_run(self, airflow: Airflow, folder: Path) -> None:
        airflow.command = folder / "absent"
        with pytest.raises(StandaloneError, match="Airflow cannot be started"):
            airflow.start("{}")
