"""What is built is what users need: it installs, it is found, it brings no tests and no dependency too many."""

from __future__ import annotations

import configparser
import email
import email.policy
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from packaging.metadata import Metadata
from packaging.requirements import Requirement
from readme_renderer import markdown

from airflow_provider_dataworks import __version__

ROOT = Path(__file__).resolve().parents[2]
DIST_INFO = f"airflow_provider_dataworks-{__version__}.dist-info"
TOP = f"airflow_provider_dataworks-{__version__}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel that was built of it, without network: hatchling is installed here."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(built / f"{TOP}-py3-none-any.whl")


@pytest.fixture(scope="module")
def sdist(built: Path) -> set[str]:
    """The names in the sdist, below its one folder."""
    with tarfile.open(built / f"{TOP}.tar.gz") as archive:
        names = archive.getnames()
    assert {name.partition("/")[0] for name in names} == {TOP}
    return {name.partition("/")[2] for name in names}


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> EmailMessage:
    return email.message_from_bytes(wheel.read(f"{DIST_INFO}/METADATA"), policy=email.policy.default)


def in_source(folder: str, pattern: str) -> set[str]:
    return {str(file.relative_to(ROOT)) for file in (ROOT / folder).rglob(pattern)}


def test_wheel_has_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())

    assert {name for name in names if not name.startswith(f"{DIST_INFO}/")} == {
        *in_source("airflow_provider_dataworks", "*.py"),
        "airflow_provider_dataworks/py.typed",
        "airflow_provider_dataworks/lineage/DataWorksRunFacet.json",
    }
    assert f"{DIST_INFO}/licenses/LICENSE" in names


def test_wheel_is_found_by_airflow_and_pytest(wheel: zipfile.ZipFile) -> None:
    entries = configparser.ConfigParser()
    entries.read_file(io.TextIOWrapper(wheel.open(f"{DIST_INFO}/entry_points.txt")))

    found = {section: dict(entries[section]) for section in entries.sections()}
    assert found == {
        "apache_airflow_provider": {"provider_info": "airflow_provider_dataworks.get_provider_info:get_provider_info"},
        "pytest11": {"dataworks_emulator": "airflow_provider_dataworks.emulator.pytest_plugin"},
    }


def test_plain_install_needs_only_what_comes_with_airflow(metadata: EmailMessage) -> None:
    requirements = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]

    def needed(extra: str) -> set[str]:
        return {one.name for one in requirements if one.marker is None or one.marker.evaluate({"extra": extra})}

    plain = {"apache-airflow", "apache-airflow-providers-common-compat", "requests", "tenacity"}
    assert needed("") == plain
    assert needed("credentials") - plain == {"alibabacloud-credentials"}
    assert needed("emulator") - plain == {"alibabacloud-tea-openapi", "starlette", "uvicorn"}
    assert set(metadata.get_all("Provides-Extra", [])) == {"credentials", "emulator"}


def test_metadata_is_valid_and_the_readme_renders(wheel: zipfile.ZipFile, metadata: EmailMessage) -> None:
    read = Metadata.from_email(wheel.read(f"{DIST_INFO}/METADATA"), validate=True)

    assert (read.name, str(read.version), str(read.requires_python)) == (
        "airflow-provider-dataworks",
        __version__,
        "<3.14,>=3.10",
    )
    assert read.license_expression == "Apache-2.0"
    assert read.description_content_type == "text/markdown"
    rendered = markdown.render(str(read.description))
    assert rendered is not None
    assert ">airflow-provider-dataworks<" in rendered
    assert rendered.count("<table>") == 4


def test_the_readme_of_the_index_needs_no_file_of_the_repository(metadata: EmailMessage) -> None:
    rendered = markdown.render(str(metadata.get_payload()))
    assert rendered is not None
    targets = re.findall(r'(?:href|src)="([^"]+)"', rendered)
    assert len(targets) > 20
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert f"/v{__version__}/docs/images/task-log.png" in rendered


def test_sdist_has_examples_docs_and_tests(sdist: set[str]) -> None:
    assert sdist >= in_source("example_dags", "*.py") | in_source("docs", "*.md")
    assert sdist >= {"Makefile", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "pyproject.toml"}
    assert sdist >= {"tests/conftest.py", "scripts/environment.py", *in_source("constraints", "*.txt")}


def test_sdist_has_nothing_that_was_made_here(sdist: set[str]) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("this is no clone")

    names = {name for name in sdist if not name.endswith("/")}
    untracked = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    known = {*tracked.stdout.split("\n"), *untracked.stdout.split("\n"), "PKG-INFO"}
    folders = {str(parent) for name in names for parent in Path(name).parents}
    assert names - folders - known - {""} == set()
