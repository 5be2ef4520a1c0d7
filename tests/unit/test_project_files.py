"""What the forge, the package index and contributors use: workflows, version, changelog, README of the index, prose."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_provider_dataworks import __version__
from scripts import newcomer, prose, release
from scripts.changelog import entry
from scripts.matrix import LINES, cells

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / ".github" / "workflows").glob("*.yml")}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def jobs(workflow: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOWS[workflow])["jobs"]
    return found


# Workflows


def test_workflows_run_targets_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    called = {name for text in WORKFLOWS.values() for name in re.findall(r"\bmake ([a-z0-9]+)", text)}
    called |= {name for job in ("check", "long") for name in jobs("ci.yml")[job]["strategy"]["matrix"]["target"]}
    assert called <= targets
    (tested,) = re.findall(r"^test: (.*?) ##", MAKEFILE, re.MULTILINE)
    assert set(tested.split()) <= called


def test_ci_runs_each_airflow_line_on_its_oldest_and_newest_python() -> None:
    chosen = jobs("ci.yml")["versions"]["strategy"]["matrix"]["cell"]
    assert set(chosen) <= {cell.name for cell in cells()}
    for line in LINES[1:]:
        assert {f"{line.name} py{line.pythons[0]}", f"{line.name} py{line.pythons[-1]}"} <= set(chosen)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_actions_are_pinned_to_a_commit(workflow: str) -> None:
    used = re.findall(r"uses: (\S+)(.*)", WORKFLOWS[workflow])
    assert used
    assert [action for action, _ in used if not re.search(r"@[0-9a-f]{40}$", action)] == []
    assert [action for action, comment in used if not re.fullmatch(r" # v\d+\.\d+\.\d+", comment)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_jobs_start_without_permissions_and_have_a_time_limit(workflow: str) -> None:
    assert yaml.safe_load(WORKFLOWS[workflow])["permissions"] == {}
    assert [name for name, job in jobs(workflow).items() if "timeout-minutes" not in job] == []


def test_only_an_approved_job_that_runs_no_code_of_ours_may_publish() -> None:
    allowed = {name for name, job in jobs("release.yml").items() if "id-token" in job.get("permissions", {})}
    assert allowed == {"publish"}
    publish = jobs("release.yml")["publish"]
    assert publish["environment"] == "release"
    assert [step for step in publish["steps"] if "run" in step] == []


# Version and home


def test_the_version_is_written_in_one_place() -> None:
    assert re.findall(r"^version = ", PROJECT, re.MULTILINE) == []
    assert release.current_version() == __version__


def test_the_project_s_home_is_the_same_everywhere() -> None:
    (repository,) = re.findall(r'^Repository = "(.*)"$', PROJECT, re.MULTILINE)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("this is no clone")
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if path.suffix in (".md", ".yml", ".toml", ".yaml") and path.exists():
            text = path.read_text(encoding="utf-8")
            for home in re.findall(r"https://github\.com/[\w.-]+/airflow-provider-dataworks\b", text):
                assert home == repository, name


def test_install_commands_name_the_airflow_that_is_tested() -> None:
    line = LINES[-1].airflow
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in pages)
    shown = re.findall(r"apache/airflow:([\d.]+)-|apache-airflow==([\d.]+)|constraints-([\d.]+)/", text)
    assert {version for found in shown for version in found if version} == {line}


# Changelog and release

CHANGELOG = """# Changelog

## Unreleased

- new

## 0.2.0 - 2026-12-01

- old
- older

## 0.1.0 - 2026-11-01

- oldest
"""


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("Unreleased", ("", "- new")),
        ("0.2.0", ("2026-12-01", "- old\n- older")),
        ("0.1.0", ("2026-11-01", "- oldest")),
        ("0.2", None),
        ("1.0.0", None),
    ],
)
def test_the_changelog_is_read_a_version_at_a_time(version: str, expected: tuple[str, str] | None) -> None:
    assert entry(version, CHANGELOG) == expected


def test_this_version_or_what_is_not_released_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert entry("Unreleased", changelog) or entry(__version__, changelog)


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which nothing stands between version 0.2.0 and its release."""
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(CHANGELOG.replace("- new\n", ""))
    for command in (["init", "-q"], ["add", "CHANGELOG.md"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    who = ["-c", "user.name=n", "-c", "user.email=n@example.com"]
    subprocess.run(["git", *who, "commit", "-q", "-m", "all"], cwd=tmp_path, check=True)
    monkeypatch.setattr(release, "ROOT", tmp_path)
    monkeypatch.setattr(release, "CHANGELOG", changelog)
    assert list(release.obstacles("0.2.0", "v0.2.0")) == []
    return tmp_path


@pytest.mark.parametrize(
    ("version", "tag", "expected"),
    [("0.2.0", "v0.3.0", ["the tag is v0.3.0"]), ("0.3.0", "v0.3.0", ["no entry '## 0.3.0"]), ("0.2.0", None, [])],
)
def test_tag_changelog_and_version_have_to_agree(
    version: str, tag: str | None, expected: list[str], released: Path
) -> None:
    found = list(release.obstacles(version, tag))
    assert [part in line for part, line in zip(expected, found, strict=True)] == [True] * len(expected)


def test_a_release_waits_for_what_is_not_committed_or_not_filled_in(released: Path) -> None:
    (released / "pyproject.toml").write_text("https://github.com/OWNER/here")
    (released / "README.md").write_text("The package is not on the package index yet.")
    subprocess.run(["git", "add", "pyproject.toml", "README.md"], cwd=released, check=True)
    home, install, changes = release.obstacles("0.2.0", None)
    assert "pyproject.toml" in home
    assert "README.md" in install
    assert "not committed" in changes


def test_a_release_waits_for_lines_that_belong_to_no_version(released: Path) -> None:
    (released / "CHANGELOG.md").write_text(CHANGELOG)
    assert "'Unreleased'" in next(release.obstacles("0.2.0", None))


# The README of the package index


def test_links_of_the_index_s_readme_are_absolute() -> None:
    pytest.importorskip("hatchling")
    from hatch_build import absolute_links

    home = "https://github.com/me/it"
    readme = (
        "[a](docs/a.md#b) ![i](docs/i.png) [top](#top) [web](https://example.com)\n"
        "[![badge](docs/b.svg)](LICENSE)\n```python\nx = a[0](y)\n```\n"
    )
    raw = "https://raw.githubusercontent.com/me/it/v1"
    assert absolute_links(readme, home, "v1") == (
        f"[a]({home}/blob/v1/docs/a.md#b) ![i]({raw}/docs/i.png) [top](#top) [web](https://example.com)\n"
        f"[![badge]({raw}/docs/b.svg)]({home}/blob/v1/LICENSE)\n```python\nx = a[0](y)\n```\n"
    )


# A newcomer's run


def test_commands_of_a_page_are_joined_and_without_comments() -> None:
    (block,) = newcomer.blocks(
        "text\n```console\nmake demo   # four DAGs\npip install a \\\n  --constraint b\n```\n", "console"
    )
    assert list(newcomer.commands(block)) == ["make demo", "pip install a --constraint b"]


def test_a_newcomer_installs_this_commit_and_brings_no_airflow_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.com/simple")
    someone = newcomer.Newcomer(tmp_path)
    assert "AIRFLOW_HOME" not in someone.environment
    assert someone.environment["PIP_INDEX_URL"] == "https://example.com/simple"
    assert someone.environment["HOME"] == str(tmp_path)
    installs = [
        someone.here(command)
        for block in newcomer.blocks((ROOT / "README.md").read_text(encoding="utf-8"), "console")
        for command in newcomer.commands(block)
        if command.startswith("pip")
    ]
    assert installs
    assert [install for install in installs if " . " not in f"{install} "] == []
    assert [install for install in installs if "https://raw" in install] == []


# Prose


def test_words_of_the_list_are_found_in_prose_and_not_in_code() -> None:
    listed = prose.word_list("# comment\n\n(look|looks) (at|for) = read or check\nhouse = project\n")
    code = "`house` ```house``` https://example.com/house [a](house.md)\n```text\nhouse\n```\n"
    page = f"A house.\n\n{code}It looks\nat it.\n"
    found = [(one.line, one.message) for one in prose.words(page, listed)]
    assert found == [(7, '"looks at": write read or check'), (1, '"house": write project')]


def test_long_sentences_are_found_one_cell_or_item_at_a_time() -> None:
    short, long = "word " * 8, "word " * 12
    page = f"{short}. {short}\n\n| {short} | {short} |\n- {short}\n- {short}\n\n{long}.\n"
    assert [one.line for one in prose.sentences(page, 10)] == [7]


def test_the_word_list_is_well_formed() -> None:
    lines = [line for line in prose.WORDS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    listed = prose.word_list("\n".join(lines))
    assert all(instead for _, instead in listed)
    assert len({line.partition(" = ")[0] for line in lines}) == len(lines)


@pytest.mark.parametrize("page", [str(path.relative_to(ROOT)) for path in prose.pages()])
def test_pages_use_none_of_the_words_and_no_sentence_is_too_long(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    listed = prose.word_list(prose.WORDS.read_text(encoding="utf-8"))
    found = sorted({*prose.words(text, listed), *prose.sentences(text)}, key=lambda one: one.line)
    assert [f"{page}:{one.line}: {one.message}" for one in found] == []
