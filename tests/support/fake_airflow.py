"""An environment whose command ``airflow`` is a small program: it notes its environment, starts children and serves."""

from __future__ import annotations

import json
import site
import sys
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# With the interpreter's option -S: it starts at once, and needs nothing but the standard library.
PROGRAM = """\
#!{python} -S
import http.server, json, os, signal, subprocess, sys

home, mode = os.environ["AIRFLOW_HOME"], os.environ.get("FAKE_AIRFLOW", "").split()
CHILD = "import signal, sys, time\\nif 'stubborn' in sys.argv: [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]\\n"
CHILD += "print('up', flush=True)\\ntime.sleep(3600)"
# Airflow's parts have titles in place of their environment.
PLACES = (dict(env={{}}), dict(preexec_fn=os.setpgrp, env={{}}))
# Commands of tasks have sessions of their own. When the last has no parent any more, nothing shows whose it was.
PLACES += (dict(start_new_session=True), dict(start_new_session=True, env={{}}))
command = [sys.executable, "-S", "-c", CHILD, *mode]
places = PLACES[:3] if set(mode) & {{"fails", "crashes"}} else PLACES
children = [subprocess.Popen(command, stdout=subprocess.PIPE, **place) for place in places]
for child in children:
    child.stdout.readline()
if "deaf" in mode:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
facts = dict(
    arguments=sys.argv[1:],
    environment=dict(os.environ),
    pids=[os.getpid(), *(child.pid for child in children)],
    interruptible=signal.getsignal(signal.SIGINT) == signal.default_int_handler,
)
with open(home + "/facts.part", "w") as file:
    json.dump(facts, file)
os.rename(home + "/facts.part", home + "/facts.json")
if "fails" in mode:
    sys.exit("the database is broken")
if "crashes" in mode:
    os.kill(os.getpid(), signal.SIGKILL)


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        up = self.path in ("/health", "/api/v2/monitor/health")
        self.send_response(200 if up else 404)
        self.end_headers()
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        self.wfile.write(json.dumps({{part: {{"status": "healthy"}} for part in parts}}).encode())


port = os.environ.get("AIRFLOW__API__PORT") or os.environ["AIRFLOW__WEBSERVER__WEB_SERVER_PORT"]
try:
    http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Health).serve_forever()
except KeyboardInterrupt:
    for child in children:
        child.terminate()
"""


@dataclass(frozen=True)
class FakeEnvironment:
    """The environment: its interpreter and its command."""

    python: Path
    airflow: Path


def fake_environment(folder: Path) -> FakeEnvironment:
    """
    Create an environment with the packages of this one and the fake command.

    :param folder: where; it must not exist.
    """
    venv.EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    (packages,) = (folder / "lib").glob("python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")] or site.getsitepackages()
    root = Path(__file__).resolve().parents[2]
    lines = [str(root), *(f"import site; site.addsitedir({path!r})" for path in ours)]
    (packages / "ours.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    airflow = folder / "bin" / "airflow"
    airflow.write_text(PROGRAM.format(python=python), encoding="utf-8")
    airflow.chmod(0o755)
    return FakeEnvironment(python, airflow)


def facts(home: Path) -> dict[str, Any]:
    """Return what the fake command noted of itself, once it has started its children."""
    noted: dict[str, Any] = json.loads((home / "facts.json").read_text(encoding="utf-8"))
    return noted
