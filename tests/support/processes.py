"""Start, watch and end other programs so that nothing of them is left running."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil


class Component:
    """
    One long-running program in a process group of its own, its output in a file.

    It can be started again after it ended. A test may signal it through :attr:`pid` or :meth:`kill`.

    :param name: what messages call it.
    :param command: the program and its arguments.
    :param env: its whole environment.
    :param log_file: takes its output; appended to at each start.
    :param cwd: its working directory.
    """

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], log_file: Path, cwd: Path) -> None:
        self.name = name
        self.command = list(command)
        self.env = dict(env)
        self.log_file = log_file
        self.cwd = cwd
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """
        The process id, which is its group's id too.

        :raises RuntimeError: it was never started.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status; None while it runs and before the first start."""
        return None if self._process is None else self._process.poll()

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self) -> None:
        """Start it; nothing happens if it is running."""
        if self.alive:
            return
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to its whole group; nothing happens if the group is gone."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def terminate(self, timeout: float = 15) -> None:
        """SIGTERM to the group; SIGKILL to what of it is left after ``timeout`` seconds."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        if not wait_until(lambda: not _group(self.pid), timeout):
            self.kill()
        self._process.wait()

    def kill(self) -> None:
        """SIGKILL to the whole group: what a crash of the machine would do."""
        if self._process is None:
            return
        self.signal(signal.SIGKILL)
        self._process.wait()

    def tail(self, lines: int = 30) -> str:
        """The last lines of its output."""
        return "\n".join(self.output.splitlines()[-lines:])


def wait_until(condition: Callable[[], object], timeout: float, pause: float = 0.1) -> bool:
    """Whether ``condition`` became true within ``timeout`` seconds; looked at every ``pause`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def processes_with(variable: str, value: str) -> Iterator[psutil.Process]:
    """Running processes whose environment at their start had ``variable`` set to ``value``."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(variable) == value:
                yield process


def end_all(processes: Sequence[psutil.Process], timeout: float = 5) -> list[psutil.Process]:
    """SIGTERM, then SIGKILL after ``timeout`` seconds; returns those that needed the second."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=timeout)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=timeout)
    return list(stubborn)


def _group(group: int) -> bool:
    """Whether the process group has a member that is not a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
