"""A real headless Airflow on this machine, 3.x or 2.11, from any virtual environment that has it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from tests.support.airflow_api import AirflowApi
from tests.support.processes import Component, end_all, free_ports, processes_with

_MARK = "LOCAL_AIRFLOW_ID"
# What a line of an Airflow 3 log says of itself; the reader of a task's log knows which task it is.
_PLACE = (
    "dag_id",
    "task_id",
    "run_id",
    "map_index",
    "try_number",
    "ti_id",
    "ti",
    "logger",
    "filename",
    "lineno",
    "loc",
)
_NOT_SHOWN = frozenset({"timestamp", "level", "event", "error_detail", *_PLACE})


def _silent(message: str) -> None:
    """Show nothing."""


class LocalAirflow:
    """
    One Airflow: its settings, its programs (each a process group of its own), its API.

    Used as a context manager it is started and, whatever happens, stopped. Without :meth:`start`, :meth:`dags_test`
    works all the same. Nothing of it is read from or written to the user's own Airflow.

    :param home: its folder: database, logs, output of its programs. Made if need be.
    :param dags_folder: where its DAG files are.
    :param python: the interpreter of the virtual environment that has Airflow; default: this one.
    :param env: more environment variables, such as connections or settings; they win over those made here.
    :param executor: default: LocalExecutor on 3.x, and on 2.11 with PostgreSQL; SequentialExecutor on 2.11 with SQLite.
    :param sql_alchemy_conn: the database; default: SQLite in ``home``.
    :param parallelism: how many tasks may run at once.
    :param serve_logs: also run the servers that show the log of a running task in the browser. They listen on
        all interfaces, so that is off by default.
    :param progress: called with one line of text for each step.
    """

    def __init__(
        self,
        home: Path,
        dags_folder: Path,
        python: Path | str = sys.executable,
        env: Mapping[str, str] | None = None,
        *,
        executor: str | None = None,
        sql_alchemy_conn: str | None = None,
        parallelism: int = 4,
        serve_logs: bool = False,
        progress: Callable[[str], None] = _silent,
    ) -> None:
        self.home = home.resolve()
        self.dags_folder = dags_folder.resolve()
        # Not resolved: the link in a virtual environment is what leads to its packages.
        self.python = Path(os.path.abspath(python))  # noqa: PTH100
        self.progress = progress
        self.serve_logs = serve_logs
        self.version = _airflow_version(self.python)
        self.major = int(self.version.split(".")[0])
        self.database = sql_alchemy_conn or f"sqlite:///{self.home}/airflow.db"
        sequential = self.major == 2 and self.database.startswith("sqlite")
        self.executor = executor or ("SequentialExecutor" if sequential else "LocalExecutor")
        self.port, *self._ports = free_ports(4)
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = AirflowApi(self.url, self.major)
        self.started_in: float | None = None
        self._id = secrets.token_hex(8)
        self._migrated = False
        self._more_env = dict(env or {})
        self._parallelism = parallelism
        self.env = self._environment()
        self.components: dict[str, Component] = {}

    def __enter__(self) -> LocalAirflow:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def scheduler(self) -> Component:
        return self.components["scheduler"]

    @property
    def triggerer(self) -> Component:
        return self.components["triggerer"]

    def start(self, timeout: float = 120) -> None:
        """
        Make the database, start every program, wait until all are healthy; :attr:`started_in` is how long it took.

        :raises RuntimeError: a program ended; the message has the end of its output.
        :raises TimeoutError: not all are healthy after ``timeout`` seconds.
        """
        started = time.monotonic()
        self.migrate()
        skip_logs = () if self.serve_logs else ("--skip-serve-logs",)
        if self.major == 3:
            self._add("api-server", "api-server", "--host", "127.0.0.1", "--port", str(self.port))
            self._add("dag-processor", "dag-processor")
        else:
            self._add("webserver", "webserver", "--hostname", "127.0.0.1", "--port", str(self.port))
        self._add("scheduler", "scheduler", *skip_logs)
        self._add("triggerer", "triggerer", *skip_logs)
        self.progress(f"starting {', '.join(self.components)}")
        for component in self.components.values():
            component.start()
        self.wait_until_healthy(timeout)
        self.started_in = time.monotonic() - started
        self.progress(f"Airflow {self.version} is up after {self.started_in:.1f} s")

    def migrate(self) -> None:
        """Make the database if it is not made yet."""
        if self._migrated:
            return
        self.home.mkdir(parents=True, exist_ok=True)
        if self.major == 2:
            # Everybody is an administrator: the web server listens on the loopback interface alone.
            (self.home / "webserver_config.py").write_text('AUTH_ROLE_PUBLIC = "Admin"\nWTF_CSRF_ENABLED = False\n')
        self.progress(f"making the database of Airflow {self.version}")
        finished = self.run("db", "migrate")
        if finished.returncode:
            raise RuntimeError(f"airflow db migrate ended with {finished.returncode}:\n{finished.stdout}")
        self._migrated = True

    def wait_until_healthy(self, timeout: float = 60) -> None:
        """
        Wait until all programs of this Airflow say that they are healthy.

        :raises RuntimeError: one ended. :raises TimeoutError: not all are.
        """
        wanted = {"metadatabase", "scheduler", "triggerer"} | ({"dag_processor"} if self.major == 3 else set())
        deadline = time.monotonic() + timeout
        health: dict[str, str | None] = {}
        while not all(health.get(part) == "healthy" for part in wanted):
            for component in self.components.values():
                if not component.alive:
                    raise RuntimeError(f"{component.name} ended with {component.returncode}:\n{component.tail()}")
            if time.monotonic() > deadline:
                tails = "\n".join(f"--- {one.name}\n{one.tail(10)}" for one in self.components.values())
                raise TimeoutError(f"after {timeout:.0f} s: {health or 'no answer'}\n{tails}")
            time.sleep(0.5)
            health = self.api.health()

    def add_triggerer(self, name: str = "triggerer-2") -> Component:
        """Start one more triggerer; the caller need not stop it."""
        return self.add(name, "triggerer", "--skip-serve-logs")

    def add(self, name: str, *arguments: str) -> Component:
        """Start one more program, ``airflow ARGUMENTS``; the caller need not stop it."""
        component = self._add(name, *arguments)
        component.start()
        return component

    def processes(self, names: str = "") -> Iterator[psutil.Process]:
        """The running programs whose names begin so, by default all, each with what it has started."""
        for component in self.components.values():
            if component.alive and component.name.startswith(names):
                with contextlib.suppress(psutil.Error):
                    program = psutil.Process(component.pid)
                    yield from (program, *program.children(recursive=True))

    def stop(self) -> list[str]:
        """
        End all programs, and whatever they started.

        :return: command lines of processes that ended only when killed (idle workers of 3.x are known for it).
        """
        if any(component.alive for component in self.components.values()):
            self.progress("stopping Airflow")
        for component in reversed(self.components.values()):
            if component.alive:
                os.kill(component.pid, 15) if component.name == "webserver" else component.signal(signal.SIGTERM)
        for component in reversed(self.components.values()):
            component.terminate()
        left = list(processes_with(_MARK, self._id))
        commands = [" ".join(process.cmdline()[:6]) for process in left if process.is_running()]
        end_all(left)
        if still := [process.pid for process in processes_with(_MARK, self._id)]:
            raise RuntimeError(f"processes {still} cannot be ended")
        return commands

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run ``airflow ARGUMENTS`` to its end; its output, both kinds, is in ``stdout``."""
        return subprocess.run(
            self._airflow(*arguments),
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def dags_test(
        self,
        dag_id: str,
        logical_date: datetime | None = None,
        conf: Mapping[str, Any] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``airflow dags test``: a whole DAG in one process, no scheduler needed."""
        self.migrate()
        arguments = ["dags", "test", dag_id]
        if logical_date is not None:
            arguments.append(logical_date.isoformat())
        if conf is not None:
            arguments += ["--conf", json.dumps(conf)]
        return self.run(*arguments, timeout=timeout)

    def log_files(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> list[Path]:
        """The log files of one try: the worker's, and those of its triggers."""
        folder = self.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        if map_index >= 0:
            folder /= f"map_index={map_index}"
        return sorted(folder.glob(f"attempt={try_number}.log*"))

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """The readable text of one try's log, of the worker and of the trigger."""
        files = self.log_files(dag_id, run_id, task_id, try_number, map_index)
        return "\n".join(_readable(line) for file in files for line in file.read_text(errors="replace").splitlines())

    def unpause(self, dag_id: str) -> None:
        self.api.unpause(dag_id)

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: datetime | None = None,
    ) -> str:
        """Unpause a DAG and start a run of it; returns the run id."""
        self.api.unpause(dag_id)
        return self.api.trigger(dag_id, conf, run_id, logical_date)

    def _add(self, name: str, *arguments: str) -> Component:
        log = self.home / "output" / f"{name}.log"
        self.components[name] = Component(name, self._airflow(*arguments), self.env, log, self.home)
        return self.components[name]

    def _airflow(self, *arguments: str) -> list[str]:
        return [str(self.python), "-m", "airflow", *arguments]

    def _environment(self) -> dict[str, str]:
        """The whole environment of every program of this Airflow."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
        kept.pop("VIRTUAL_ENV", None)
        env = {
            **kept,
            # Airflow 2 starts a task as the command `airflow`, so that has to be this environment's.
            "PATH": f"{self.python.parent}{os.pathsep}{kept.get('PATH', '')}",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            _MARK: self._id,
            "AIRFLOW_HOME": str(self.home),
        }
        settings = {
            "CORE__DAGS_FOLDER": str(self.dags_folder),
            "CORE__EXECUTOR": self.executor,
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": str(self._parallelism),
            "CORE__TEST_CONNECTION": "Enabled",
            "DATABASE__SQL_ALCHEMY_CONN": self.database,
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self._ports[0]),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._ports[1]),
            "SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self._ports[2]),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            **(self._settings_of_3() if self.major == 3 else self._settings_of_2()),
        }
        env.update({f"AIRFLOW__{name}": value for name, value in settings.items()})
        env.update(self._more_env)
        return env

    def _settings_of_3(self) -> dict[str, str]:
        return {
            "API__BASE_URL": self.url,
            "API__HOST": "127.0.0.1",
            "API__PORT": str(self.port),
            "API__SECRET_KEY": secrets.token_hex(32),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(64),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "5",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            # How late the end of a task may be noticed; the default, 5 s, lets a task that resumes sooner be failed.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }

    def _settings_of_2(self) -> dict[str, str]:
        return {
            "API__AUTH_BACKENDS": "airflow.api.auth.backend.default",
            "SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
            "SCHEDULER__MIN_FILE_PROCESS_INTERVAL": "5",
            "WEBSERVER__BASE_URL": self.url,
            "WEBSERVER__SECRET_KEY": secrets.token_hex(32),
            "WEBSERVER__WORKERS": "1",
        }


def _airflow_version(python: Path) -> str:
    """The Airflow that an interpreter has, without importing it."""
    code = "from importlib.metadata import version; print(version('apache-airflow'))"
    finished = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"{python} has no Airflow:\n{finished.stderr}")
    return finished.stdout.strip()


def _readable(line: str) -> str:
    """A line of a log file as text: Airflow 3 writes each as a JSON object."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "event" not in entry:
        return line
    more = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _NOT_SHOWN)
    level = str(entry.get("level", "")).upper()
    lines = [f"[{entry.get('timestamp', '')}] {level} {entry['event']} {more}".rstrip()]
    for error in reversed(entry.get("error_detail") or []):
        lines += [f"  {at['filename']}:{at['lineno']} in {at['name']}" for at in error.get("frames") or []]
        lines.append(f"  {error.get('exc_type')}: {error.get('exc_value')}")
    return "\n".join(lines)
