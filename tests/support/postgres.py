"""A throwaway PostgreSQL server, for Airflow executors that SQLite does not allow."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import free_ports

USER = "airflow"


def find_postgres() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``; None when PostgreSQL's programs are not installed."""
    found = [Path(on_path).resolve()] if (on_path := shutil.which("initdb")) else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)  # Debian: not on PATH
    return next((path.parent for path in found if (path.parent / "psql").exists()), None)


@contextlib.contextmanager
def running_postgres(programs: Path | None = None) -> Iterator[PostgresServer]:
    """
    Run a server on a free port of the loopback interface, with its data in a temporary folder.

    The server refuses to run as root: started by root, it runs as the user ``postgres``.

    :param programs: the folder of its programs; looked for when left out.
    :raises RuntimeError: no programs are found.
    """
    programs = programs or find_postgres()
    if programs is None:
        raise RuntimeError("PostgreSQL's programs (initdb, pg_ctl) are not installed")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(programs, Path(folder), free_ports(1)[0])
        server.start()
        try:
            yield server
        finally:
            server.stop()


class PostgresServer:
    """
    One server: its data, its port.

    :param programs: the folder of ``initdb`` and ``pg_ctl``.
    :param folder: an empty folder for the data.
    :param port: where it listens.
    """

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self.programs = programs
        self.folder = folder
        self.port = port
        self._user = "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        if self._user:
            shutil.chown(self.folder, self._user)
        data, log = str(self.folder / "data"), str(self.folder / "log")
        self._run("initdb", "-D", data, "-A", "trust", "-U", USER, "--no-sync")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")

    def create_database(self, name: str) -> str:
        """Create an empty database; returns its SQLAlchemy URL."""
        self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", "postgres", "-qc",
                  f"CREATE DATABASE {name}")  # fmt: skip
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        finished = subprocess.run(
            [str(self.programs / program), *arguments],
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if finished.returncode:
            raise RuntimeError(f"{program} ended with {finished.returncode}: {finished.stdout or 'see its log'}")
