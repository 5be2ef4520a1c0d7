"""Mutation testing covers each module of ``client`` and ``waiting``; its explanations are about code that exists."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from scripts import mutants
from scripts.environment import ROOT
from scripts.mutants import EXPLANATIONS, PACKAGE, PARTS, TESTS, Result, Survivor

EXPLAINED = mutants.read_explanations(EXPLANATIONS.read_text(encoding="utf-8"))

DIFF = """\
--- airflow_provider_dataworks/client/retry.py
+++ airflow_provider_dataworks/client/retry.py
@@ -1,4 +1,4 @@
 def backoff(attempt):
-    bound = 1
+    bound = 2
     return -bound
"""


def test_each_module_with_functions_has_its_tests() -> None:
    folder = ROOT / PACKAGE
    modules = {
        str(path.relative_to(folder).with_suffix(""))
        for part in PARTS
        for path in (folder / part).rglob("*.py")
        if any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    }

    assert modules == set(TESTS)
    assert [test for tests in TESTS.values() for test in tests if not (ROOT / test).is_file()] == []


def test_explanations_are_about_code_that_exists() -> None:
    for module, survivors in EXPLAINED.items():
        source = (ROOT / PACKAGE / f"{module}.py").read_text(encoding="utf-8")
        lines = {line.strip() for line in source.splitlines()}
        names = {node.name for node in ast.walk(ast.parse(source)) if hasattr(node, "name")}
        for survivor, reason in survivors.items():
            assert survivor.function.rpartition(".")[2] in names, (module, survivor)
            assert [line for line in survivor.change if line[:2] == "- " and line[2:] not in lines] == [], module
            assert reason


def test_a_survivor_is_the_lines_that_differ() -> None:
    assert mutants.changed_lines(DIFF) == ("- bound = 1", "+ bound = 2")


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    names = [str(number) for number in range(100)]

    assert mutants.drawn(names, 5, 1) == mutants.drawn(names, 5, 1) != mutants.drawn(names, 5, 2)
    assert set(mutants.drawn(names, 5, 1)) < set(names)
    assert mutants.drawn(names, None, 1) == mutants.drawn(names, 100, 1) == names


@pytest.mark.parametrize(
    ("removed", "added", "expected"),
    [
        ('log.info("Job %s is gone", name)', 'log.info("XXJob %s is goneXX", name)', True),
        ('raise ValueError(f"{name}: not a date")', 'raise ValueError(f"{name}: NOT A DATE")', True),
        ('log.info("Job %s is gone", name)', 'log.info("Job %s is gone", None)', False),
        ('kind = "plain"', 'kind = "XXplainXX"', False),
        ("name.lower()", "name.upper()", False),
        ('found["Code"], found["Id"]', 'found["CODE"], found["Id"]', False),
        ("f\"{quote(key, safe='~')} is odd\"", "f\"{quote(key, safe='XX~XX')} is odd\"", False),
        ('log.info("Job %s is gone", kind == "DI")', 'log.info("Job %s is gone", kind == "di")', False),
    ],
)
def test_the_wording_of_a_message_needs_no_explanation(removed: str, added: str, expected: bool) -> None:
    assert mutants.is_wording([f"- {removed}", f"+ {added}"]) is expected


def test_explanations_are_read_by_module_function_and_change() -> None:
    text = "client/retry:\n- reason: equal\n  changes:\n  - |-\n    backoff\n    - a\n    + b\n"

    assert mutants.read_explanations(text) == {"client/retry": {Survivor("backoff", ("- a", "+ b")): "equal"}}
    assert mutants.read_explanations("# nothing\n") == {}


@pytest.fixture
def meta(tmp_path: Path) -> Path:
    """Return what mutmut has noted of one module, in a folder that mutmut has worked in."""
    path = tmp_path / "mutants" / PACKAGE / "client" / "retry.py.meta"
    path.parent.mkdir(parents=True)
    codes = {"killed": 1, "late": -24, "survived": 0, "unreached": 33, "broken": 255, "due": None}
    path.write_text(json.dumps({"exit_code_by_key": codes}))
    return path


def test_a_mutant_whose_tests_were_not_run_is_not_tested(tmp_path: Path, meta: Path) -> None:
    found = mutants.results_in(tmp_path, "client/retry")

    assert found == {"killed": 1, "late": -24, "survived": 0, "unreached": 33, "broken": None, "due": None}


def test_a_mutant_whose_tests_were_not_run_is_tested_again(tmp_path: Path, meta: Path) -> None:
    mutants.forget_survivors_of_other_tests(tmp_path, "client/retry")

    codes = json.loads(meta.read_text())["exit_code_by_key"]
    assert [name for name, code in codes.items() if code is None] == ["broken", "due"]


def test_all_but_the_killed_are_tested_again_by_other_tests(tmp_path: Path, meta: Path) -> None:
    (tmp_path / "tests.sha256").write_text("that of other tests")

    mutants.forget_survivors_of_other_tests(tmp_path, "client/retry")

    codes = json.loads(meta.read_text())["exit_code_by_key"]
    assert [name for name, code in codes.items() if code is not None] == ["killed"]


def test_the_report_has_a_score_and_names_the_survivors() -> None:
    survivor, explained = Survivor("backoff", ("- a", "+ b")), Survivor("retry", ("- c", "+ d"))
    result = Result("client/retry", 20, 6, 2, (survivor,), ((explained, "equal"),))

    lines = list(mutants.report([result]))

    assert lines[2] == "| client/retry | 20 | 10 (sample) | 6 | 2 | 1 | 1 | 80.0 % |"
    assert lines[3] == "| all | 20 | 10 (sample) | 6 | 2 | 1 | 1 | 80.0 % |"
    assert lines[4:] == [
        "\nclient/retry: 1 survived",
        "  backoff",
        "    - a",
        "    + b",
        "\nclient/retry: 1 explained",
        "  retry: equal",
        "    - c",
        "    + d",
    ]
