"""Make a virtual environment of this project for one Airflow line, with what is pinned for it.

Run by the Makefile as ``python scripts/environment.py {3,2,engine,mutants} DIRECTORY``. Needs nothing but a Python
3.10+ that can make virtual environments. Exits with 3 when no installed Python fits the Airflow line.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NO_FITTING_PYTHON = 3


@dataclass(frozen=True)
class Line:
    """One Airflow line: what is pinned for it, where else it runs, which dependency groups it gets."""

    name: str
    version: str
    unpinned: str
    pinned_python: str
    other_pythons: tuple[str, ...]
    groups: tuple[str, ...]
    more_constraints: tuple[str, ...] = ()

    @property
    def pythons(self) -> tuple[str, ...]:
        return self.pinned_python, *self.other_pythons

    @property
    def constraints(self) -> Path:
        return ROOT / "constraints" / f"airflow-{self.version}-py{self.pinned_python}.txt"


LINES = {
    "3": Line("3", "3.3.2", "apache-airflow~=3.3", "3.12", ("3.11", "3.13", "3.10"), ("dev",)),
    "engine": Line(
        "engine",
        "3.3.2",
        "apache-airflow~=3.3",
        "3.12",
        ("3.11", "3.13", "3.10"),
        ("test", "postgres", "engine"),
        ("engine.txt",),
    ),
    "mutants": Line(
        "mutants",
        "3.3.2",
        "apache-airflow~=3.3",
        "3.12",
        ("3.11", "3.13", "3.10"),
        ("test", "mutants"),
        ("mutants.txt",),
    ),
    "2": Line("2", "2.11.2", "apache-airflow~=2.11", "3.11", ("3.12", "3.10"), ("test", "postgres")),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Make or refresh the environment; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("line", choices=sorted(LINES), help="the Airflow line")
    parser.add_argument("directory", type=Path, help="where the virtual environment is")
    parser.add_argument("--python", help="an interpreter to use instead of looking for one")
    options = parser.parse_args(argv)
    line: Line = LINES[options.line]

    python = options.python or find_python(line)
    python_version = version_of(python) if python else None
    if python is None or python_version not in line.pythons:
        wanted = ", ".join(sorted(line.pythons, key=_numbers))
        print(f"No Python for Airflow {line.version} here: it needs one of {wanted}.", flush=True)
        return NO_FITTING_PYTHON
    started = time.monotonic()
    pinned = python_version == line.pinned_python
    what = f"Airflow {line.version}" if pinned else line.unpinned
    print(f"Installing {what} with Python {python_version} into {options.directory} ...", flush=True)
    if not pinned:
        print(
            f"  {line.constraints.name} is for Python {line.pinned_python}: versions are not pinned.",
            flush=True,
        )
    uv = make_environment(options.directory, python, python_version, line)
    install(uv, options.directory, line, pinned=pinned)
    print(f"Installed into {options.directory} in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


def find_python(line: Line) -> str | None:
    """The best installed interpreter for a line: the pinned version anywhere, else another supported one."""
    return next((found for wanted in line.pythons if (found := find_interpreter(wanted))), None)


def find_interpreter(version: str) -> str | None:
    """An installed interpreter of this ``major.minor``."""
    return next((candidate for candidate in _candidates(version) if version_of(candidate) == version), None)


def version_of(python: str) -> str | None:
    """``major.minor`` of an interpreter that really runs (a pyenv shim may refuse to), else None."""
    code = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([python, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def make_environment(directory: Path, python: str, python_version: str, line: Line) -> str:
    """Create the virtual environment unless it is there with this Python; returns a uv to install with."""
    existing = version_of(str(_python_in(directory))) if _python_in(directory).exists() else None
    uv = find_uv(directory)
    if existing == python_version and uv:
        return uv
    if uv and not uv.startswith(str(directory)):
        run([uv, "venv", "--quiet", "--clear", "--python", python, str(directory)])
        return uv
    run([python, "-m", "venv", "--clear", str(directory)])
    pin = next(text for text in line.constraints.read_text().splitlines() if text.startswith("uv=="))
    run([str(_python_in(directory)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", pin])
    return str(directory / "bin" / "uv")


def find_uv(directory: Path) -> str | None:
    """A uv that knows dependency groups: the machine's, this environment's, or the default environment's."""
    for uv in (shutil.which("uv"), str(directory / "bin" / "uv"), str(ROOT / ".venv" / "bin" / "uv")):
        if uv is None:
            continue
        try:
            answer = subprocess.run([uv, "pip", "install", "--help"], capture_output=True, text=True, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        if "--group" in answer.stdout:
            return uv
    return None


def install(uv: str, directory: Path, line: Line, *, pinned: bool) -> None:
    """Install Airflow, this project (editable, with its extras) and the line's dependency groups."""
    groups = [argument for group in line.groups for argument in ("--group", group)]
    files = [line.constraints, *(ROOT / "constraints" / name for name in line.more_constraints)]
    versions = [argument for file in files for argument in ("--constraint", str(file))] if pinned else []
    airflow = f"apache-airflow=={line.version}" if pinned else line.unpinned
    command = [uv, "pip", "install", "--quiet", "--python", str(_python_in(directory)), *versions, *groups]
    run([*command, airflow, "--editable", ".[credentials,emulator]"], env=settings_of_pip())


def run(command: Sequence[str], env: dict[str, str] | None = None) -> None:
    """Run a command in the project's root; if it fails, say so and end this script."""
    finished = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, check=False)
    if finished.returncode:
        print(f"Failed ({finished.returncode}): {' '.join(command)}", file=sys.stderr, flush=True)
        raise SystemExit(1)


def settings_of_pip() -> dict[str, str]:
    """This environment, with the package index that pip is set to as uv's setting: uv does not read pip's."""
    index = os.environ.get("PIP_INDEX_URL")
    if not index or any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_NO_INDEX")):
        return dict(os.environ)
    return {**os.environ, "UV_DEFAULT_INDEX": index}


def _candidates(version: str) -> Iterator[str]:
    """Interpreters that may be of this version: on PATH, of pyenv, this one, and those that uv knows."""
    for name in (f"python{version}", "python3", "python"):
        for folder in os.get_exec_path():
            path = Path(folder) / name
            if path.is_file() and os.access(path, os.X_OK):
                yield str(path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path("~/.pyenv").expanduser())
    versions = pyenv.glob(f"versions/{version}.*/bin/python")
    yield from (str(path) for path in sorted(versions, key=lambda path: _numbers(str(path)), reverse=True))
    yield sys.executable
    uv = shutil.which("uv")
    if uv:
        command = [uv, "python", "find", "--no-python-downloads", "--system", version]
        yield subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _python_in(directory: Path) -> Path:
    return directory / "bin" / "python"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


if __name__ == "__main__":
    sys.exit(main())
