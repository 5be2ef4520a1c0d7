"""Build the distribution, check it, and name what still stands between it and a release.

Run as ``make dist`` (build and check) or ``make release`` (the same; fails unless everything is ready to be published).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.changelog import CHANGELOG, entry
from scripts.environment import LINES, ROOT, find_python, find_uv, settings_of_pip

DIST = ROOT / "dist"
PLACEHOLDER = r"(github\.com/|githubusercontent\.com/|@)OWNER\b"
#: How the pages say that the package has to be installed from a clone.
NOT_ON_THE_INDEX = "not on the package index yet"
BY_HAND = """
By hand, once:
  1. Replace OWNER by the account that hosts the repository: git grep -lE '(github(usercontent)?.com/|@)OWNER'
  2. On GitHub: protect `main`, require the check "CI complete"; turn on discussions, code scanning and private
     vulnerability reporting; create the environment `release` with required reviewers.
  3. On the package index: add a trusted publisher (workflow release.yml, environment release).
  4. On Read the Docs: import the repository, build pull requests; add the address to [project.urls] as Documentation.
  5. With the first release: `pip install airflow-provider-dataworks` in place of the installs from a clone, in the
     pages that say "not on the package index yet".

By hand, each time:
  6. Set __version__ in airflow_provider_dataworks/__init__.py, and rename "Unreleased" in CHANGELOG.md to
     "{version} - <date>". Merge that, and wait for CI, `make e2e` included.
  7. git tag -s v{version} -m v{version} && git push origin v{version}
  8. Approve the deployment to `release` when the workflow asks.
  9. Install it from the index into an empty environment and run one DAG.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Build and check; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail if something has to be done before a release")
    parser.add_argument("--tag", help="the tag that is being released, such as v0.1.0")
    options = parser.parse_args(argv)
    version = current_version()
    shutil.rmtree(DIST, ignore_errors=True)
    python = [sys.executable, "-m"]
    step("build", [*python, "build", "--no-isolation", "--outdir", str(DIST), str(ROOT)])
    files = sorted(str(file) for file in DIST.iterdir())
    (wheel,) = DIST.glob("*.whl")
    step("metadata and README", [*python, "twine", "check", "--strict", *files])
    step(
        "contents of the wheel",
        [*python, "check_wheel_contents", "--package", "airflow_provider_dataworks", str(wheel)],
    )
    install_into_bare_airflow(wheel)
    print("\n".join(["", *files]))
    waiting = list(obstacles(version, options.tag))
    for obstacle in waiting:
        print(f"Before a release: {obstacle}")
    print(BY_HAND.format(version=version))
    return 1 if waiting and options.strict else 0


def step(what: str, command: Sequence[str], environment: dict[str, str] | None = None) -> str:
    """Run one check and return what it prints; if it fails, show its output and end this script."""
    print(f"{what} ...", end=" ", flush=True)
    finished = subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    print("passed" if finished.returncode == 0 else f"failed\n{finished.stdout}{finished.stderr}", flush=True)
    if finished.returncode:
        raise SystemExit(1)
    return finished.stdout


def install_into_bare_airflow(wheel: Path) -> None:
    """Install the wheel beside nothing but Airflow: it adds one package, and Airflow lists it as a provider."""
    line = LINES["3"]
    python, uv = find_python(line), find_uv(ROOT / ".venv")
    if python is None or uv is None:
        raise SystemExit("No Python for Airflow or no uv here: run `make lint` first.")
    with tempfile.TemporaryDirectory(prefix="bare-airflow-") as folder:
        inside = Path(folder) / "venv" / "bin"
        environment = {**settings_of_pip(), "AIRFLOW_HOME": folder, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        install = [uv, "pip", "install", "--quiet", "--python", str(inside / "python")]
        listed = [uv, "pip", "list", "--format", "json", "--python", str(inside / "python")]
        step("environment", [uv, "venv", "--quiet", "--python", python, str(inside.parent)])
        pins = ["--constraint", str(line.constraints)]
        step("a bare Airflow", [*install, *pins, f"apache-airflow=={line.version}"], environment)
        before = {package["name"] for package in json.loads(step("its packages", listed, environment))}
        step("install the wheel", [*install, *pins, str(wheel)], environment)
        after = {package["name"] for package in json.loads(step("its packages", listed, environment))}
        if after - before != {"airflow-provider-dataworks"}:
            raise SystemExit(f"A plain install adds {', '.join(sorted(after - before))}.")
        step("dependencies", [uv, "pip", "check", "--python", str(inside / "python")], environment)
        command = [str(inside / "airflow"), "providers", "get", "airflow-provider-dataworks", "--output", "json"]
        if f'"{current_version()}"' not in step("provider", command, environment):
            raise SystemExit("Airflow does not list the provider in this version.")


def current_version() -> str:
    """The version, from the only place that has it."""
    source = (ROOT / "airflow_provider_dataworks" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "([^"]+)"$', source, re.MULTILINE)
    return str(version)


def obstacles(version: str, tag: str | None) -> Iterator[str]:
    """What has to be done before this version may be published."""
    if tag is not None and tag != f"v{version}":
        yield f"the tag is {tag}, but __version__ is {version}."
    changelog = CHANGELOG.read_text(encoding="utf-8")
    about = entry(version, changelog)
    if about is None or not re.fullmatch(r"\d{4}-\d\d-\d\d", about[0]):
        yield f"CHANGELOG.md has no entry '## {version} - <date>'."
    unreleased = entry("Unreleased", changelog)
    if unreleased is not None and unreleased[1]:
        yield "CHANGELOG.md still has lines under 'Unreleased'."
    if files := git("grep", "-lE", PLACEHOLDER, "--", ":!tests"):
        yield f"OWNER has to be replaced by the account that hosts the repository, in {', '.join(files)}."
    if files := git("grep", "-l", NOT_ON_THE_INDEX, "--", "README.md", "docs"):
        yield f"pip can install it from the package index then: say so in {', '.join(files)}."
    if git("status", "--porcelain"):
        yield "there are changes that are not committed."


def git(*arguments: str) -> list[str]:
    """The lines that git prints."""
    finished = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return finished.stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
