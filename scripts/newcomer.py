"""A newcomer's first hour, from an empty home: the commands of the README and of the tour, in their order, with times.

Run by ``make newcomer``. Everything happens in a temporary folder, in a clone of the last commit. This project's
constraints take the place of Airflow's, so that the run needs nothing from Airflow's repository.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.environment import LINES, ROOT, find_python

# What a new machine has: everything else of this one is left out, the user's Airflow and configuration above all.
KEPT = re.compile(
    r"PATH|LANG|LC_\w+|TERM|TMPDIR|PYENV_\w+|(HTTPS?|NO)_PROXY|PIP_\w+|UV_\w+|SSL_\w+|REQUESTS_\w+", re.IGNORECASE
)
TIMEOUT = 3600


def main(argv: Sequence[str] | None = None) -> int:
    """Run the commands; returns the exit status: 0 if each of them succeeded."""
    parser = argparse.ArgumentParser(prog="make newcomer", description=__doc__)
    parser.add_argument("--full", action="store_true", help="run `make test` too")
    full: bool = parser.parse_args(argv).full
    with tempfile.TemporaryDirectory(prefix="newcomer-") as folder:
        newcomer = Newcomer(Path(folder))
        newcomer.run("get the repository", f"git clone --quiet {ROOT} {newcomer.clone}", newcomer.home)
        newcomer.run(
            "a virtual environment", f"{find_python(LINES['3'])} -m venv {newcomer.home / 'venv'}", newcomer.home
        )
        for block in blocks((newcomer.clone / "README.md").read_text(encoding="utf-8"), "console"):
            for command in commands(block):
                if command != "make test" or full:
                    newcomer.run(command, newcomer.here(command), newcomer.clone)
        newcomer.run("the tour, with the emulator", newcomer.tour(), newcomer.clone)
        print(f"\nAll commands succeeded, {time.monotonic() - newcomer.started:.0f} s in all.")
    return 0


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[str]:
    """The commands of a block: continued lines are one, comments are left out."""
    for line in block.replace("\\\n", "").splitlines():
        if command := re.sub(r"\s+# .*", "", line).strip():
            yield " ".join(command.split())


class Newcomer:
    """Someone with an empty home.

    :param home: the home.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clone = home / "airflow-provider-dataworks"
        self.started = time.monotonic()
        self.environment = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
        self.environment["HOME"] = str(home)
        self.environment["PATH"] = f"{home / 'venv' / 'bin'}{os.pathsep}{self.environment['PATH']}"
        self.environment["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

    @staticmethod
    def here(script: str) -> str:
        """Replace the address of Airflow's constraints by a file of this machine."""
        return re.sub(r"https://\S+/constraints-[\d.]+\.txt", str(LINES["3"].constraints), script)

    def tour(self) -> str:
        """The commands of docs/quickstart.md after `make demo`, in an Airflow with a database and the DAG shown."""
        page = (self.clone / "docs" / "quickstart.md").read_text(encoding="utf-8")
        _, *shown = blocks(page, "console")
        dags = self.home / "airflow" / "dags"
        dags.mkdir(parents=True)
        (dags / "copy_orders.py").write_text(blocks(page, "python")[0], encoding="utf-8")
        return "\n".join(["airflow db migrate", *(self.here(block) for block in shown), "kill $!"])

    def run(self, what: str, script: str, folder: Path) -> None:
        """Run a script; if it fails, show the end of its output and end this program."""
        print(f"{what} ...", end=" ", flush=True)
        began = time.monotonic()
        finished = subprocess.run(
            ["bash", "-euc", script],
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        print(f"{time.monotonic() - began:.0f} s", flush=True)
        if finished.returncode:
            print(finished.stdout[-6000:])
            raise SystemExit(f"Failed with status {finished.returncode}: {what}")


if __name__ == "__main__":
    sys.exit(main())
