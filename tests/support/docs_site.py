"""The built documentation, once for all tests and processes of a run, and a local server for it."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass(frozen=True)
class BuiltDocs:
    """What Sphinx made.

    :param folder: the HTML pages.
    :param errors: what it printed: warnings and errors, empty if there are none.
    """

    folder: Path
    errors: str


def build_docs(tmp_path_factory: pytest.TempPathFactory) -> BuiltDocs:
    """
    Build the documentation, unless another test of this run has.

    :param tmp_path_factory: pytest's; its folder is that of the run, in each of pytest-xdist's processes.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, printed = shared / "docs-html", shared / "docs-errors.txt"
    with (shared / "docs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not printed.exists():
            command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            printed.write_text(done.stderr if done.returncode else "", encoding="utf-8")
    return BuiltDocs(folder, printed.read_text(encoding="utf-8"))


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    # All pages have the same scripts and styles: one connection for them, and once each.
    protocol_version = "HTTP/1.1"

    def end_headers(self) -> None:
        """Let the browser keep what it has."""
        self.send_header("Cache-Control", "max-age=600")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """
    Serve a folder on a free local port.

    :param folder: the files.
    :return: the address, without a slash at its end.
    """
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
