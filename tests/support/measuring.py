"""How much memory a group of processes takes while something else goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

import psutil

MIB = 1 << 20


class PeakMemory:
    """
    Looks every few seconds, in a thread, for the time of a ``with`` block.

    :param processes: the processes to look at, asked for each time.
    :param pause: seconds between looks.
    """

    def __init__(self, processes: Callable[[], Iterable[psutil.Process]], pause: float = 5) -> None:
        self.peak = 0
        self.count = 0
        self._processes = processes
        self._pause = pause
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            sizes = [pss(process) for process in self._processes()]
            if sum(sizes) > self.peak:
                self.peak, self.count = sum(sizes), len(sizes)
            if self._ended.wait(self._pause):
                return


def pss(process: psutil.Process) -> int:
    """The process's part of the memory, in bytes, shared pages divided by those that share them; 0 if it is gone."""
    with contextlib.suppress(psutil.Error):
        return int(process.memory_full_info().pss)
    return 0
