"""What a DAG file or the providers manager imports loads nothing that Airflow's own base classes have not loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

# Each interpreter of their own takes seconds.
pytestmark = pytest.mark.slow

HEAVY = ("requests", "tenacity", "alibabacloud", "Tea", "darabonba", "aiohttp", "starlette", "uvicorn", "urllib3")
AIRFLOWS_OWN = (
    "from airflow.providers.common.compat.sdk import BaseHook, BaseOperator, BaseSensorOperator\n"
    "from airflow.triggers.base import BaseTrigger\n"
)
PACKAGE = "airflow_provider_dataworks"
IN_DAG_FILES = [
    f"{PACKAGE}.get_provider_info",
    f"{PACKAGE}.operators.data_integration",
    f"{PACKAGE}.sensors.data_integration",
    f"{PACKAGE}.triggers.data_integration",
]
WITHOUT_AIRFLOW = [
    f"{PACKAGE}.get_provider_info",
    f"{PACKAGE}.cli.definition",
    f"{PACKAGE}.emulator.pytest_plugin",
    f"{PACKAGE}.client.endpoints",
    f"{PACKAGE}.client.client",
    f"{PACKAGE}.emulator.testing",
    f"{PACKAGE}.emulator.http.app",
]
HOOK = f"{PACKAGE}.hooks.dataworks"


def loaded_by(*modules: str, after: str = "pass") -> dict[str, set[str]]:
    """What each import, in their order, adds to the modules of a fresh interpreter."""
    code = f"import importlib, json, sys\n{after}\nbefore, added = set(sys.modules), {{}}\n"
    for module in modules:
        code += f"importlib.import_module({module!r})\nadded[{module!r}] = sorted(set(sys.modules) - before)\n"
        code += "before = set(sys.modules)\n"
    code += "print('LOADED', json.dumps(added))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {module: set(names) for module, names in json.loads(done.stdout.rpartition("LOADED")[2]).items()}


@pytest.fixture(scope="module")
def beside_airflow() -> dict[str, set[str]]:
    """Return what our modules load when Airflow's base classes are there."""
    return loaded_by(*IN_DAG_FILES, HOOK, after=AIRFLOWS_OWN)


@pytest.fixture(scope="module")
def alone() -> dict[str, set[str]]:
    """Return what our modules load where nothing else is."""
    return loaded_by(*WITHOUT_AIRFLOW, after="import pytest")


def heavy(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0].startswith(HEAVY)}


def of(package: str, modules: set[str]) -> set[str]:
    return {name for name in modules if name == package or name.startswith(f"{package}.")}


@pytest.mark.parametrize("module", IN_DAG_FILES)
def test_import_in_a_dag_file_loads_no_heavy_module(beside_airflow: dict[str, set[str]], module: str) -> None:
    assert heavy(beside_airflow[module]) == set()


@pytest.mark.parametrize("module", IN_DAG_FILES)
def test_import_in_a_dag_file_loads_neither_hook_nor_calls(beside_airflow: dict[str, set[str]], module: str) -> None:
    assert not of(HOOK, beside_airflow[module]) | of(f"{PACKAGE}.client.client", beside_airflow[module])


def test_hook_is_what_brings_the_client(beside_airflow: dict[str, set[str]]) -> None:
    assert {HOOK, f"{PACKAGE}.client.client"} <= beside_airflow[HOOK]


def test_provider_never_imports_the_emulator(beside_airflow: dict[str, set[str]]) -> None:
    assert not of(f"{PACKAGE}.emulator", set.union(*beside_airflow.values()))


def test_provider_never_imports_the_vendors_packages(beside_airflow: dict[str, set[str]]) -> None:
    loaded = set.union(*beside_airflow.values())

    assert not {name for name in loaded if name.startswith(("alibabacloud", "Tea", "darabonba"))}


@pytest.mark.parametrize("module", WITHOUT_AIRFLOW)
def test_client_emulator_and_provider_info_do_without_airflow(alone: dict[str, set[str]], module: str) -> None:
    assert module in alone[module]
    assert of("airflow", alone[module]) == set()


@pytest.mark.parametrize(
    "module", [f"{PACKAGE}.get_provider_info", f"{PACKAGE}.cli.definition", f"{PACKAGE}.emulator.pytest_plugin"]
)
def test_what_every_process_loads_is_light(alone: dict[str, set[str]], module: str) -> None:
    assert heavy(alone[module]) == set()


def test_client_needs_no_package_of_the_vendors(alone: dict[str, set[str]]) -> None:
    loaded = heavy(alone[f"{PACKAGE}.client.client"])

    assert "requests" in loaded
    assert not {name for name in loaded if name.startswith(("alibabacloud", "Tea", "darabonba", "aiohttp"))}


def test_operators_that_emit_lineage_import_nothing_of_openlineage() -> None:
    module = f"{PACKAGE}.operators.data_integration"
    loaded = loaded_by(module, after=AIRFLOWS_OWN)[module]

    assert f"{PACKAGE}.lineage.emitting" in loaded
    assert not {name for name in loaded if "openlineage" in name}
    assert not of(f"{PACKAGE}.lineage.events", loaded) | of(f"{PACKAGE}.lineage.reader", loaded)
