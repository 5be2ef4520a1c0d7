"""Mutation testing of ``client`` and ``waiting`` with mutmut: a table of scores, and each mutant that survived.

Run by ``make mutants``. Each module is mutated in a folder of its own in ``.mutants`` and tested by the tests that
TESTS names for it. Results are kept there: a run goes on where the last one ended, and once a module's tests have
changed, its survivors are tested again. What ``tests/mutants.yml`` explains is printed apart from the other survivors.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.environment import ROOT

PACKAGE = "airflow_provider_dataworks"
PARTS = ("client", "waiting")
FOLDER = ROOT / ".mutants"
EXPLANATIONS = ROOT / "tests" / "mutants.yml"
#: What the copies of the package and of its tests need beside them.
BESIDE = ("tests", "scripts", "example_dags", "Makefile", "README.md", "CHANGELOG.md")
#: A mutant may take (clean run + 5 s) times 4.
CONFIG = """

[tool.mutmut]
source_paths = ["{package}"]
only_mutate = ["{path}"]
also_copy = {also_copy}
pytest_add_cli_args = ["-q", "-m", "not slow", {plugins}]
pytest_add_cli_args_test_selection = {tests}
process_isolation = "forkserver"
timeout_constant = 5.0
timeout_multiplier = 4.0
use_git_change_detection = false
on_dependency_change = "ignore"
"""

#: Neither a cache nor a last look for lost objects, which takes half of the time of a short run.
PLUGINS = ("no:cacheprovider", "no:unraisableexception", "scripts.fast_tests_first")

_CLIENT = "tests/unit/client/test_"
_HOOKS = "tests/unit/hooks/test_"
_TASKS = "tests/unit/tasks/test_"
#: The tests of each module, those that take little time first. The order is that in which modules are run.
TESTS: dict[str, tuple[str, ...]] = {
    "client/signing": (f"{_CLIENT}signing.py",),
    "client/encoding": (f"{_CLIENT}encoding.py",),
    "client/redaction": (f"{_CLIENT}redaction.py",),
    "client/retry": (f"{_CLIENT}attempts.py",),
    "client/rate_limiter": (f"{_CLIENT}rate_limiter.py", f"{_CLIENT}clock.py"),
    "client/bizdates": (f"{_CLIENT}bizdates.py",),
    "client/time_zones": (f"{_CLIENT}time_zones.py",),
    "client/node_parameters": (f"{_HOOKS}node_parameters.py",),
    "client/endpoints": (f"{_CLIENT}endpoints.py",),
    "client/runs": (f"{_CLIENT}runs.py",),
    "client/errors": (f"{_CLIENT}errors.py", f"{_CLIENT}outcomes.py", f"{_CLIENT}redaction.py"),
    "client/responses": (f"{_CLIENT}responses.py",),
    "client/clock": (f"{_CLIENT}clock.py", f"{_CLIENT}signing.py"),
    "client/actions": (f"{_CLIENT}actions.py",),
    "client/credentials": (f"{_CLIENT}credentials.py", f"{_CLIENT}attempts.py"),
    "client/flow_spec": (f"{_CLIENT}flow_spec.py",),
    "client/models": (f"{_TASKS}di_job_target.py",),
    "client/client": (
        f"{_CLIENT}probe.py",
        f"{_CLIENT}rate_limiter.py",
        f"{_CLIENT}attempts.py",
        f"{_CLIENT}unknown_outcomes.py",
        f"{_CLIENT}outcomes.py",
        f"{_CLIENT}get_with_effect.py",
        f"{_CLIENT}redaction.py",
        f"{_CLIENT}credentials.py",
        f"{_CLIENT}transport.py",
        f"{_CLIENT}time_limits.py",
    ),
    "client/transport": (
        f"{_CLIENT}transport.py",
        f"{_CLIENT}odd_answers.py",
        f"{_CLIENT}attempts.py",
        f"{_CLIENT}get_with_effect.py",
        f"{_CLIENT}time_limits.py",
    ),
    "waiting/failure_budget": (f"{_TASKS}failure_budget.py",),
    "waiting/deadline": (f"{_TASKS}deadline.py",),
    "waiting/progress": (f"{_TASKS}progress.py",),
    "waiting/pages": (f"{_TASKS}pages.py",),
    "waiting/several": (f"{_TASKS}wait_events.py",),
    "waiting/node_log": (f"{_TASKS}node_log.py",),
    "waiting/di_job_runs": (f"{_TASKS}di_job_runs.py",),
    "waiting/target": (f"{_TASKS}wait_target.py",),
    "waiting/stopping": (f"{_TASKS}starter.py",),
    "waiting/loop": (f"{_TASKS}loop.py",),
    "waiting/events": (f"{_TASKS}wait_events.py",),
    "waiting/di_job": (f"{_TASKS}di_job_target.py",),
    "waiting/sync_instance": (f"{_TASKS}sync_instance_target.py",),
    "waiting/run_store": (f"{_TASKS}run_store.py",),
    "waiting/starting": (f"{_TASKS}starter.py",),
    "waiting/node_instance": (f"{_TASKS}node_instance.py",),
    "waiting/node_run": (f"{_TASKS}node_runner.py",),
    "waiting/node_schedule": (f"{_TASKS}node_schedule.py",),
    "waiting/deployment": (f"{_TASKS}deployment_targets.py",),
    "waiting/deploying": (f"{_TASKS}deploying.py",),
    "client/catalog/__init__": (f"{_CLIENT}reading_answers.py",),
    "client/catalog/paging": (f"{_CLIENT}reading_answers.py",),
    "client/catalog/generated_content": (f"{_CLIENT}reading_answers.py",),
    "client/catalog/data_sources": (f"{_CLIENT}reading_answers.py",),
    "client/catalog/di_jobs": (f"{_CLIENT}reading_answers.py",),
    "client/catalog/nodes": (f"{_CLIENT}reading_answers.py",),
    "client/catalog/v2020_05_18": (f"{_CLIENT}run_parameters.py",),
    "client/catalog/v2024_05_18": (f"{_CLIENT}run_parameters.py",),
}

#: mutmut's exit codes of a mutant's tests that mean that the mutant was noticed, else that it was not. Any other says
#: that the tests were not run, as where the name of one is not the same in two processes.
_KILLED = (1, 3)
_TIMED_OUT = (-24, 24, 36, 152)
_SURVIVED = 0
_UNTESTED = (5, 33)
_CONCLUSIVE = (*_KILLED, *_TIMED_OUT, _SURVIVED, *_UNTESTED)
#: A string as the source writes it, and in one with an f before it what is put in.
_STRING = re.compile(r"""f?"(?:[^"\\]|\\.)*"|f?'(?:[^'\\]|\\.)*'""")
_PUT_IN = re.compile(r"\{[^{}]*\}")
WORDING = "the wording of a message, which no test need repeat"


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed.

    :param function: the function or method that it changes.
    :param change: the lines taken away, each after ``- ``, and those put in their place, each after ``+ ``.
    :param tested: whether any test of the module's reaches the function.
    """

    function: str
    change: tuple[str, ...]
    tested: bool = True


@dataclass(frozen=True)
class Result:
    """What is known of one module's mutants."""

    module: str
    mutants: int
    killed: int
    timed_out: int
    survivors: tuple[Survivor, ...]
    explained: tuple[tuple[Survivor, str], ...]

    @property
    def checked(self) -> int:
        return self.killed + self.timed_out + len(self.survivors) + len(self.explained)


def main(argv: Sequence[str] | None = None) -> int:
    """Test the mutants of the chosen modules and print what is known of them; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help='modules, such as "client/retry waiting/loop"; default all')
    parser.add_argument("--sample", type=int, help="mutants a module at most, drawn by the seed; default all")
    parser.add_argument("--seed", type=int, default=1, help="which sample is drawn; default 1")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="mutants tested at a time")
    parser.add_argument("--report", action="store_true", help="only print what earlier runs found")
    options = parser.parse_args(argv)
    chosen = options.only.split() or list(TESTS)
    if unknown := [module for module in chosen if module not in TESTS]:
        parser.error(f"no module is called {unknown[0]!r}")
    good = True
    for module in [] if options.report else chosen:
        good = run_module(module, options.sample, options.seed, options.processes) and good
    explanations = read_explanations(EXPLANATIONS.read_text(encoding="utf-8"))
    results = [result for module in chosen if (result := result_of(module, explanations)) is not None]
    print("\n".join(report(results)))
    return 0 if good else 1


def run_module(module: str, sample: int | None, seed: int, processes: int) -> bool:
    """Test those mutants of a module that have not been tested yet; returns whether mutmut could."""
    folder = prepare(module)
    forget_survivors_of_other_tests(folder, module)
    names = mutants_of(folder, module)
    known = results_in(folder, module)
    due = [name for name in drawn(names, sample, seed) if known.get(name) is None]
    if not due:
        return True
    started = time.monotonic()
    everything = [] if sample is None else due
    mutmut = Path(sys.executable).with_name("mutmut")
    command = [str(mutmut), "run", "--max-children", str(processes), *everything]
    copies = folder / "mutants"
    # Python does not look again into a folder of its path that was missing at first.
    copies.mkdir(exist_ok=True)
    with (folder / "log").open("w", encoding="utf-8") as log:
        finished = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(copies)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if finished.returncode:
        print(f"{module}: mutmut failed ({finished.returncode}), see {folder / 'log'}", flush=True)
        return False
    which = f"the sample of {sample} of {len(names)} with seed {seed}" if sample and sample < len(names) else "all"
    print(f"{module}: {len(due)} mutants tested in {time.monotonic() - started:.0f} s ({which})", flush=True)
    tested = results_in(folder, module)
    if failed := [name for name in due if tested.get(name) is None]:
        print(f"{module}: the tests of {len(failed)} mutants could not be run, see {folder / 'log'}", flush=True)
    return not failed


def prepare(module: str) -> Path:
    """Make the folder in which mutmut works on a module; returns it."""
    folder = FOLDER / module.replace("/", ".")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (PACKAGE, *BESIDE):
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(ROOT / name)
    config = CONFIG.format(
        package=PACKAGE,
        path=f"{PACKAGE}/{module}.py",
        also_copy=json.dumps(list(BESIDE)),
        plugins=", ".join(f'"-p", "{plugin}"' for plugin in PLUGINS),
        tests=json.dumps(list(TESTS[module])),
    )
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (folder / "pyproject.toml").write_text(project + config, encoding="utf-8")
    return folder


def forget_survivors_of_other_tests(folder: Path, module: str) -> None:
    """Where a module's tests have changed, have its survivors tested again, and its tests timed again.

    In any case those mutants are tested again whose tests were not run.
    """
    digest = hashlib.sha256()
    for test in TESTS[module]:
        digest.update(test.encode() + (ROOT / test).read_bytes())
    record = folder / "tests.sha256"
    kept: tuple[int, ...] = _CONCLUSIVE
    if record.exists() and record.read_text() != digest.hexdigest():
        (folder / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
        kept = _KILLED
    if (meta := _meta(folder, module)).exists():
        stored = json.loads(meta.read_text())
        codes = stored["exit_code_by_key"]
        stored["exit_code_by_key"] = {name: code if code in kept else None for name, code in codes.items()}
        meta.write_text(json.dumps(stored))
    record.write_text(digest.hexdigest())


def mutants_of(folder: Path, module: str) -> list[str]:
    """The names that mutmut gives to a module's mutants."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    path = Path(PACKAGE) / f"{module}.py"
    with inside(folder):
        generated = mutate_file_contents(str(path), path.read_text(encoding="utf-8")).mutant_names
    return [get_mutant_name(path, name) for name in generated]


def drawn(names: Sequence[str], sample: int | None, seed: int) -> list[str]:
    """The sample of these mutants, the same for the same seed; all of them without one."""
    if sample is None or sample >= len(names):
        return list(names)
    return random.Random(seed).sample(list(names), sample)  # noqa: S311 - a sample is no secret


def results_in(folder: Path, module: str) -> dict[str, int | None]:
    """What earlier runs found: mutmut's exit code of each mutant, None where it has not been tested."""
    meta = _meta(folder, module)
    found: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"] if meta.exists() else {}
    return {name: code if code in _CONCLUSIVE else None for name, code in found.items()}


def result_of(module: str, explanations: Mapping[str, Mapping[Survivor, str]]) -> Result | None:
    """The result of a module; None if none of its mutants has been tested."""
    folder = FOLDER / module.replace("/", ".")
    known = results_in(folder, module)
    tested = {name: code for name, code in known.items() if code is not None}
    if not tested:
        return None
    survivors, explained = [], []
    for name, code in tested.items():
        if code == _SURVIVED or code in _UNTESTED:
            survivor = survivor_of(folder, module, name, tested=code == _SURVIVED)
            reason = explanations.get(module, {}).get(Survivor(survivor.function, survivor.change))
            if reason is None and is_wording(survivor.change):
                reason = WORDING
            if reason is None:
                survivors.append(survivor)
            else:
                explained.append((survivor, reason))
    killed = sum(code in _KILLED for code in tested.values())
    timed_out = sum(code in _TIMED_OUT for code in tested.values())
    return Result(module, len(known), killed, timed_out, tuple(survivors), tuple(explained))


def survivor_of(folder: Path, module: str, name: str, *, tested: bool) -> Survivor:
    """What a mutant changes."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    function, owner = orig_function_and_class_names_from_key(name)
    with inside(folder):
        diff = get_diff_for_mutant(name, path=f"{PACKAGE}/{module}.py")
    return Survivor(f"{owner}.{function}" if owner else function, changed_lines(diff), tested)


def changed_lines(diff: str) -> tuple[str, ...]:
    """The lines of a unified diff that differ, without their indentation."""
    lines = [line for line in diff.splitlines() if re.match(r"[-+](?![-+]{2} )", line)]
    return tuple(f"{line[0]} {line[1:].strip()}" for line in lines)


def is_wording(change: Sequence[str]) -> bool:
    """Whether a mutant only changes letters of strings with more than one word in them."""
    removed = " ".join(line[2:] for line in change if line.startswith("- "))
    added = " ".join(line[2:] for line in change if line.startswith("+ "))
    before, after = _STRING.findall(removed), _STRING.findall(added)
    if _STRING.sub("", removed) != _STRING.sub("", added) or len(before) != len(after):
        return False
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    return bool(changed) and all(_says_the_same(*pair) for pair in changed)


def _says_the_same(before: str, after: str) -> bool:
    """Whether a string has more than one word, and the other differs in its letters only, but for what is put in."""
    if before.startswith("f") and _PUT_IN.findall(before) != _PUT_IN.findall(after):
        return False
    same = after.replace("XX", "") == before or after.casefold() == before.casefold()
    text = _PUT_IN.sub("_", before) if before.startswith("f") else before
    return same and re.search(r"\w\W* \W*\w", text) is not None


def read_explanations(text: str) -> dict[str, dict[Survivor, str]]:
    """Why a mutant may survive, for each module: the file's blocks of a function's name and its changed lines."""
    explanations: dict[str, dict[Survivor, str]] = {}
    for module, entries in (yaml.safe_load(text) or {}).items():
        for entry in entries:
            for block in entry["changes"]:
                function, *lines = block.splitlines()
                explanations.setdefault(module, {})[Survivor(function, tuple(lines))] = entry["reason"]
    return explanations


def report(results: Sequence[Result]) -> Iterator[str]:
    """The table of scores, then the survivors of each module, then those that are explained."""
    yield "| module | mutants | tested | killed | timed out | explained | survived | score |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for result in results:
        yield _row(result.module, [result])
    yield _row("all", results)
    for result in results:
        if result.survivors:
            yield f"\n{result.module}: {len(result.survivors)} survived"
        for survivor in result.survivors:
            yield f"  {survivor.function}" + ("" if survivor.tested else " (no test reaches it)")
            yield from (f"    {line}" for line in survivor.change)
    for result in results:
        if result.explained:
            yield f"\n{result.module}: {len(result.explained)} explained"
        for survivor, reason in result.explained:
            yield f"  {survivor.function}: {reason}"
            yield from (f"    {line}" for line in survivor.change)


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Make this the folder whose configuration mutmut reads."""
    from mutmut.configuration import reset_config

    before = Path.cwd()
    os.chdir(folder)
    reset_config()
    try:
        yield
    finally:
        os.chdir(before)


def _row(name: str, results: Sequence[Result]) -> str:
    mutants, checked, killed = (sum(getattr(r, what) for r in results) for what in ("mutants", "checked", "killed"))
    timed_out = sum(result.timed_out for result in results)
    explained, survived = (sum(len(getattr(r, what)) for r in results) for what in ("explained", "survivors"))
    score = 100.0 * (killed + timed_out) / checked if checked else 0.0
    tested = f"{checked} (sample)" if checked < mutants else checked
    cells: list[Any] = [name, mutants, tested, killed, timed_out, explained, survived, f"{score:.1f} %"]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _meta(folder: Path, module: str) -> Path:
    return folder / "mutants" / PACKAGE / f"{module}.py.meta"


if __name__ == "__main__":
    sys.exit(main())
