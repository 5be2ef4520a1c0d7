"""``airflow providers ...`` shows what this package offers, on every supported Airflow."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import airflow
import pytest

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.connection.form import CONNECTION_FIELDS

PACKAGE = "airflow-provider-dataworks"
MODULE = "airflow_provider_dataworks"


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``airflow providers COMMAND`` in this process; returns the rows that are about this package."""
    from airflow.cli.cli_parser import get_parser

    def run(command: str) -> list[dict[str, Any]]:
        arguments = get_parser().parse_args(["providers", command, "--output", "json"])
        capsys.readouterr()
        arguments.func(arguments)
        text = capsys.readouterr().out
        rows = json.loads(text[text.index("[") :])
        return [row for row in rows if "dataworks" in json.dumps(row)]

    return run


def test_list_names_package_and_version(shown: Any) -> None:
    (row,) = shown("list")

    assert (row["package_name"], row["version"]) == (PACKAGE, __version__)
    assert "Alibaba Cloud DataWorks" in row["description"]


def test_hooks_show_the_connection_type(shown: Any) -> None:
    (row,) = shown("hooks")

    assert (row["connection_type"], row["hook_name"]) == ("dataworks", "Alibaba Cloud DataWorks")
    assert row["class"] == f"{MODULE}.hooks.dataworks.DataWorksHook"
    assert row["conn_id_attribute_name"] == "dataworks_conn_id"


# The user interface of 3.0 and 3.1 does without this package, its commands do not.
_forms = pytest.mark.skipif(
    airflow.__version__.startswith(("3.0.", "3.1.")) and importlib.util.find_spec("flask_appbuilder") is None,
    reason="Airflow 3.0 and 3.1 list the forms of no provider at all where Flask-AppBuilder is not installed",
)


@_forms
def test_widgets_show_every_field(shown: Any) -> None:
    names = {row["connection_parameter_name"] for row in shown("widgets")}

    assert names == {f"extra__dataworks__{name}" for name in CONNECTION_FIELDS}


@_forms
def test_behaviours_show_the_connection_type(shown: Any) -> None:
    assert shown("behaviours") == [{"field_behaviours": "dataworks"}]


def test_links_show_the_console(shown: Any) -> None:
    assert shown("links") == [{"extra_link_class_name": f"{MODULE}.links.dataworks.DataWorksConsoleLink"}]


def test_triggers_show_their_modules(shown: Any) -> None:
    rows = {(row["package_name"], row["class"]) for row in shown("triggers")}

    assert rows == {(PACKAGE, f"{MODULE}.triggers.{module}") for module in ("data_integration", "node")}
