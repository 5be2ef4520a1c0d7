"""``--standalone``: run ``airflow standalone`` beside the emulator, and end both together."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    # Airflow depends on it; the emulator alone does without.
    import psutil

    from airflow_provider_dataworks.emulator.http.server import Server

CONN_ID = "dataworks_default"
VARIABLE = f"AIRFLOW_CONN_{CONN_ID.upper()}"
DAGS = Path("dags")
HOME = Path(".airflow-dataworks")
OLDEST = (2, 11)
HOST = "127.0.0.1"
# In the environment of what Airflow starts: a task's command may have a session of its own and outlive its parent.
MARK = "DATAWORKS_STANDALONE_HOME"
NO_LOGIN_2 = 'AUTH_ROLE_PUBLIC = "Admin"\n'
INTERRUPT_SECONDS = 15
TERMINATE_SECONDS = 5
KILL_SECONDS = 30
SLOW_START_SECONDS = 120
POLL_SECONDS = 0.2
LAST_LINES = 20


class StandaloneError(Exception):
    """Airflow cannot be run; the message, of one line, says why."""


class Airflow:
    """
    The ``airflow standalone`` of this environment, with its own home, settings and session of processes.

    :param dags: the DAG folder; default ``dags``.
    :param home: the Airflow home, which is created if need be; default ``.airflow-dataworks``.
    :param web_port: port of the user interface; 0 for a free one.
    :param conn_ids: further ids of connections to the emulator.
    :raises StandaloneError: Airflow is not installed or too old, a folder or the port cannot be used, or another
        process uses the home.
    """

    def __init__(
        self, dags: Path | None = None, home: Path | None = None, web_port: int = 0, conn_ids: Iterable[str] = ()
    ) -> None:
        self.command, self.version = _installed()
        self.dags = _dag_folder(dags)
        self.home = (HOME if home is None else home).expanduser().resolve()
        self.conn_ids = (CONN_ID, *conn_ids)
        self.log_file, self.emulator_log = self.home / "standalone.log", self.home / "emulator.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._known: set[psutil.Process] = set()
        self._ports = _free_ports(web_port)
        self._lock = _prepare(self.home)
        self.url = f"http://{HOST}:{self._ports[0]}"

    @property
    def major(self) -> int:
        """2 or 3."""
        return int(self.version.partition(".")[0])

    @property
    def returncode(self) -> int | None:
        """The exit status of ``airflow standalone``; None while it runs and before it is started."""
        return None if self._process is None else self._process.poll()

    def start(self, connection: str) -> None:
        """
        Start it, after ending what is left of an earlier one with this home.

        :param connection: the Airflow connection to the emulator, in JSON.
        :raises StandaloneError: it cannot be started.
        """
        self.end(at_once=lambda: True)
        try:
            with self.log_file.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603
                    [str(self.command), "standalone"],
                    env=self.environment(os.environ, connection),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            raise StandaloneError(f"Airflow cannot be started: {error}") from None

    def environment(self, own: Mapping[str, str], connection: str) -> dict[str, str]:
        """
        Return the environment of Airflow.

        Settings and connections of the caller are not in it, because they may lead to real databases and accounts.

        :param own: the environment of this process.
        :param connection: the Airflow connection to the emulator, in JSON.
        """
        kept = {
            name: value
            for name, value in own.items()
            if not name.startswith("AIRFLOW") or name.startswith("AIRFLOW_VAR_")
        }
        settings = {**self._settings(), **(self._settings_of_2() if self.major == 2 else self._settings_of_3())}
        return {
            **kept,
            # `airflow standalone` starts its parts as `airflow`, and Airflow 2 its tasks.
            "PATH": os.pathsep.join([str(self.command.parent), kept.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            **{name: _with_loopback(kept.get(name, "")) for name in ("NO_PROXY", "no_proxy")},
            MARK: str(self.home),
            "AIRFLOW_HOME": str(self.home),
            **{f"AIRFLOW_CONN_{conn_id.upper()}": connection for conn_id in self.conn_ids},
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        }

    def healthy(self) -> bool:
        """Return whether the web server answers, and says that all parts of Airflow are healthy."""
        path = "/health" if self.major == 2 else "/api/v2/monitor/health"
        wanted = {"metadatabase", "scheduler", "triggerer", *(("dag_processor",) if self.major > 2 else ())}
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.url}{path}", timeout=10) as response:
                parts = json.load(response)
            return all(parts[part]["status"] == "healthy" for part in wanted)
        except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
            return False

    def tail(self) -> str:
        """Return the last lines of its output."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-LAST_LINES:])
        return ""

    def end(self, at_once: Callable[[], bool]) -> None:
        """
        End Airflow and every process that it has started.

        ``airflow standalone`` gets what Ctrl+C in a terminal would send; what remains gets SIGTERM, then SIGKILL.

        :param at_once: called repeatedly; once it is true, SIGKILL is sent.
        :raises StandaloneError: processes are still there after SIGKILL.
        """
        self._signal(signal.SIGINT, self._leader, INTERRUPT_SECONDS, at_once)
        self._signal(signal.SIGTERM, self.processes, TERMINATE_SECONDS, at_once)
        self._signal(signal.SIGKILL, self.processes, KILL_SECONDS, lambda: False)
        if left := self.processes():
            raise StandaloneError(f"processes cannot be ended: {', '.join(str(one.pid) for one in left)}")

    def processes(self) -> list[psutil.Process]:
        """Return the running processes of its session, those marked by its environment, and their descendants."""
        import psutil

        sessions = set() if self._process is None else {self._process.pid}
        running = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    running[process] = (process.ppid(), os.getsid(process.pid))
        found = {process for process in running if process in self._known or self._is_marked(process)}
        # Airflow's parts write their titles over the mark; `airflow standalone` itself keeps it.
        sessions |= {running[process][1] for process in found}
        found |= {process for process, (_, session) in running.items() if session in sessions}
        while more := {one for one, (parent, _) in running.items() if parent in {own.pid for own in found}} - found:
            found |= more
        self._known = found
        return list(found)

    def close(self) -> None:
        """Let another process use the home."""
        self._lock.close()

    def _leader(self) -> list[psutil.Process]:
        return [one for one in self.processes() if self._process is not None and one.pid == self._process.pid]

    def _signal(
        self,
        number: signal.Signals,
        recipients: Callable[[], list[psutil.Process]],
        seconds: float,
        skip: Callable[[], bool],
    ) -> None:
        """Send a signal to each recipient, also to those that appear later, and wait until all have ended."""
        import psutil

        deadline = time.monotonic() + seconds
        signalled: set[psutil.Process] = set()
        while not skip() and time.monotonic() < deadline and (left := recipients()):
            for process in set(left) - signalled:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(number)
            signalled.update(left)
            time.sleep(POLL_SECONDS)

    def _is_marked(self, process: psutil.Process) -> bool:
        import psutil

        with contextlib.suppress(psutil.Error, OSError):
            return process.environ().get(MARK) == str(self.home)
        return False

    def _settings(self) -> dict[str, str]:
        return {
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": "4",
            "CORE__TEST_CONNECTION": "Enabled",
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self._ports[1]),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._ports[2]),
            # It would come before the environment, and have the real account.
            "SECRETS__BACKEND": "",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def _settings_of_3(self) -> dict[str, str]:
        return {
            "API__BASE_URL": self.url,
            "API__HOST": HOST,
            "API__PORT": str(self._ports[0]),
            "API__SECRET_KEY": secrets.token_hex(32),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # The first answers of a slow machine's web server take longer than the default, 5 s.
            "WORKERS__EXECUTION_API_TIMEOUT": "60",
            # With the default, 5 s, Airflow fails a deferred task whose wait is over sooner than that.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "WORKERS__SECRETS_BACKEND": "",
        }

    def _settings_of_2(self) -> dict[str, str]:
        # Not webserver_config.py: that of a home that was given is its owner's.
        no_login = self.home / "webserver_without_login.py"
        no_login.write_text(NO_LOGIN_2, encoding="utf-8")
        return {
            "API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
            "SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
            "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "5",
            "WEBSERVER__BASE_URL": self.url,
            "WEBSERVER__CONFIG_FILE": str(no_login),
            "WEBSERVER__SECRET_KEY": secrets.token_hex(32),
            "WEBSERVER__WEB_SERVER_HOST": HOST,
            "WEBSERVER__WEB_SERVER_MASTER_TIMEOUT": "600",
            "WEBSERVER__WEB_SERVER_PORT": str(self._ports[0]),
            "WEBSERVER__WORKERS": "1",
        }


def run(airflow: Airflow, server: Server, connection: str) -> int:
    """
    Serve the emulator and run Airflow until a signal comes or one of them ends; then end both.

    :param airflow: Airflow, not started.
    :param server: the emulator's server, not started.
    :param connection: the Airflow connection to the emulator, in JSON.
    :return: exit status: 0 after a signal, otherwise that of what ended.
    """
    emulator = threading.Thread(target=server.run, name="dataworks-emulator", daemon=True)
    with _Signals() as signals:
        try:
            emulator.start()
            server.wait_until_ready()
            _say(f"{VARIABLE}='{connection}'")
            try:
                airflow.start(connection)
                status = _watch(airflow, server, emulator, signals)
            finally:
                airflow.end(at_once=lambda: signals.count > 1)
        except (StandaloneError, TimeoutError) as error:
            _say(str(error), sys.stderr)
            return 1
        finally:
            # Airflow ended first: tasks that are ended stop what they started.
            server.stop()
            emulator.join()
            airflow.close()
    _say("Airflow and the emulator have ended.")
    return status


class _Signals:
    """Counts the signals that shall end this process, in place of being interrupted by them."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> _Signals:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Started by nohup, it stays when its terminal is closed. SIGINT is ignored in a shell's background only.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1


def _watch(airflow: Airflow, server: Server, emulator: threading.Thread, signals: _Signals) -> int:
    """Wait for the end, and print where Airflow is once it is healthy; returns the exit status."""
    _say(f"Starting Airflow {airflow.version}. Ctrl+C ends it and the emulator.")
    healthy, over = threading.Event(), threading.Event()
    threading.Thread(target=_wait_until_healthy, args=(airflow, healthy, over), daemon=True).start()
    slow_at, said = time.monotonic() + SLOW_START_SECONDS, False
    try:
        while not signals.count:
            if airflow.returncode is not None:
                return _status_of_airflow(airflow)
            if not emulator.is_alive():
                _say("The emulator ended. Ending Airflow.", sys.stderr)
                return 1
            if healthy.is_set() and not said:
                said = True
                _say(_overview(airflow, server))
            elif not said and time.monotonic() > slow_at:
                slow_at = float("inf")
                _say(
                    f"Airflow is not healthy after {SLOW_START_SECONDS} seconds; its output: {airflow.log_file}",
                    sys.stderr,
                )
            time.sleep(POLL_SECONDS)
    finally:
        over.set()
    _say("Ending Airflow and the emulator; a second Ctrl+C kills them.")
    return 0


def _wait_until_healthy(airflow: Airflow, healthy: threading.Event, over: threading.Event) -> None:
    while not over.wait(0.5):
        if airflow.healthy():
            healthy.set()
            return


def _status_of_airflow(airflow: Airflow) -> int:
    status = airflow.returncode or 0
    status = 128 - status if status < 0 else status
    _say(f"{airflow.tail()}\nAirflow ended with exit status {status}. Ending the emulator.", sys.stderr)
    return status


def _overview(airflow: Airflow, server: Server) -> str:
    ids = ", ".join(airflow.conn_ids)
    return (
        f"Airflow:   {airflow.url} (no login; all users are administrators)\n"
        f"DAGs:      {airflow.dags}\n"
        f"Emulator:  {server.url} (connection {ids}); its state: {server.url}/_emulator/state\n"
        f"Logs:      {airflow.home}: logs, {airflow.log_file.name}, {airflow.emulator_log.name}\n"
        "Ctrl+C ends both."
    )


def _installed() -> tuple[Path, str]:
    """Return the command ``airflow`` of this environment, and the version of Airflow."""
    needed = (
        f"--standalone needs Apache Airflow {OLDEST[0]}.{OLDEST[1]} or newer in the environment of {sys.executable}"
    )
    try:
        version = metadata.version("apache-airflow")
    except metadata.PackageNotFoundError:
        raise StandaloneError(f"{needed}, which has none.") from None
    parts = re.match(r"(\d+)\.(\d+)", version)
    if parts is None or (int(parts[1]), int(parts[2])) < OLDEST:
        raise StandaloneError(f"{needed}, which has {version}.")
    # Not resolved: the link in a virtual environment is what leads to its packages.
    folders: Sequence[str] = (os.path.dirname(os.path.abspath(sys.executable)), sysconfig.get_path("scripts"))  # noqa: PTH100, PTH120
    command = shutil.which("airflow", path=os.pathsep.join(folders))
    if command is None:
        raise StandaloneError(f"{needed}, which has no command airflow in {folders[0]}.")
    return Path(command), version


def _dag_folder(given: Path | None) -> Path:
    folder = (DAGS if given is None else given).expanduser().resolve()
    if not folder.is_dir():
        advice = " Name yours with --dags." if given is None else ""
        raise StandaloneError(f"There is no folder {folder}.{advice}")
    return folder


def _prepare(home: Path) -> TextIO:
    """Create the home, and return the file whose lock keeps other processes out of it."""
    import fcntl  # Windows has no such module; the emulator runs there, Airflow does not.

    try:
        if not home.exists():
            home.mkdir(mode=0o700, parents=True)
            (home / ".gitignore").write_text("*\n", encoding="utf-8")
        lock = (home / "standalone.lock").open("w", encoding="utf-8")
    except OSError as error:
        raise StandaloneError(f"The Airflow home {home} cannot be used: {error}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StandaloneError(
            f"Another emulator with --standalone uses the Airflow home {home}; give --home."
        ) from None
    return lock


def _free_ports(web_port: int) -> list[int]:
    """Return the web server's port and two for the servers of Airflow's logs."""
    with contextlib.ExitStack() as stack:
        ports = []
        for wanted in (web_port, 0, 0):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((HOST, wanted))
            except OSError as error:
                raise StandaloneError(f"Cannot listen on {HOST} port {wanted}: {error}") from None
            ports.append(int(one.getsockname()[1]))
        return ports


def _with_loopback(hosts: str) -> str:
    """Add this machine to the hosts that are reached without a proxy."""
    return ",".join(filter(None, (hosts, HOST, "localhost")))


def _say(message: str, file: TextIO | None = None) -> None:
    # The terminal may have gone; what is running has to be ended all the same.
    with contextlib.suppress(OSError):
        print(message, file=file or sys.stdout, flush=True)
