"""The provider info keeps to Airflow's own schemas, and what it names exists."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.client import endpoints
from airflow_provider_dataworks.connection import form
from airflow_provider_dataworks.connection.fields import KNOWN_EXTRAS
from airflow_provider_dataworks.get_provider_info import get_provider_info
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

AIRFLOW = Path(airflow.__file__).parent
CONNECTION = get_provider_info()["connection-types"][0]


def schema(name: str) -> Any:
    file = AIRFLOW / name
    if not file.exists():
        pytest.skip(f"this Airflow has no {name}")
    return json.loads(file.read_text())


def has_conn_fields(whole: Any) -> bool:
    return "conn-fields" in whole["properties"]["connection-types"]["items"]["properties"]


def test_provider_info_keeps_to_airflows_schema() -> None:
    jsonschema.validate(get_provider_info(), schema("provider_info.schema.json"))


def test_connection_type_keeps_to_the_schema_of_provider_yaml() -> None:
    whole = schema("provider.yaml.schema.json")
    if not has_conn_fields(whole):
        pytest.skip("this Airflow's provider.yaml has no connection form")

    part = {**whole, **whole["properties"]["connection-types"], "required": []}
    for key in ("properties", "additionalProperties"):
        part.pop(key, None)
    jsonschema.validate(get_provider_info()["connection-types"], part)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([{**CONNECTION, "conn-fields": {"a": {"label": 5}}}], part)


def test_schema_of_provider_info_says_no_to_nonsense() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": 5}, schema("provider_info.schema.json"))


def test_airflow_finds_it_by_the_entry_point() -> None:
    entries = importlib.metadata.distribution("airflow-provider-dataworks").entry_points
    (entry,) = (entry for entry in entries if entry.group == "apache_airflow_provider")

    assert entry.load() is get_provider_info
    assert get_provider_info()["versions"] == [__version__]


def modules() -> Iterator[str]:
    info = get_provider_info()
    for kind in ("operators", "sensors", "triggers", "hooks"):
        for group in info[kind]:
            yield from group["python-modules"]


def classes() -> Iterator[str]:
    yield CONNECTION["hook-class-name"]
    yield from get_provider_info()["extra-links"]


@pytest.mark.parametrize("name", list(modules()))
def test_modules_exist(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.parametrize("name", list(classes()))
def test_classes_exist(name: str) -> None:
    module, _, attribute = name.rpartition(".")

    assert isinstance(getattr(importlib.import_module(module), attribute), type)


@pytest.mark.parametrize("name", get_provider_info()["cli"])
def test_commands_exist(name: str) -> None:
    module, _, function = name.rpartition(".")
    (group,) = getattr(importlib.import_module(module), function)()

    assert group.name == "dataworks"


def test_hook_and_provider_info_agree() -> None:
    assert DataWorksHook.conn_type == CONNECTION["connection-type"]
    assert DataWorksHook.hook_name == CONNECTION["hook-name"]
    behaviour = CONNECTION["ui-field-behaviour"]
    legacy = DataWorksHook.get_ui_field_behaviour()
    assert legacy["relabeling"] == behaviour["relabeling"]
    assert legacy["placeholders"] == {**behaviour["placeholders"], "port": "443"}
    assert legacy["hidden_fields"] == behaviour["hidden-fields"]


# The form


def test_form_has_every_extra_that_is_read() -> None:
    assert set(CONNECTION["conn-fields"]) == KNOWN_EXTRAS - {"access_key_id", "access_key_secret", "region"}


@pytest.mark.parametrize(("name", "field"), CONNECTION["conn-fields"].items())
def test_every_field_may_stay_empty_and_explains_itself(name: str, field: dict[str, Any]) -> None:
    assert "null" in field["schema"]["type"]
    assert None in field["schema"].get("enum", [None])
    assert field["label"]
    assert field["description"].endswith(".")


def test_secrets_are_masked() -> None:
    assert CONNECTION["conn-fields"]["security_token"]["schema"]["format"] == "password"


def test_drop_downs_offer_what_is_accepted() -> None:
    fields = CONNECTION["conn-fields"]

    assert fields["auth_type"]["schema"]["enum"] == [None, *form.AUTH_TYPES]
    assert fields["network"]["schema"]["enum"] == [None, *endpoints.NETWORKS]
    assert fields["console"]["schema"]["enum"] == [None, *form.CONSOLES]
    assert fields["console_site"]["schema"]["enum"] == [None, *form.CONSOLE_SITES]
    assert set(fields["region_id"]["schema"]["examples"]) <= set(endpoints.KNOWN_REGIONS)


def test_each_choice_of_a_drop_down_says_what_it_means() -> None:
    for field in CONNECTION["conn-fields"].values():
        if "enum" in field["schema"]:
            named = {"null" if choice is None else choice for choice in field["schema"]["enum"]}
            assert set(field["schema"]["values_display"]) == named


def test_what_nearly_every_connection_needs_is_not_folded_away() -> None:
    in_sight = [name for name, field in CONNECTION["conn-fields"].items() if "section" not in field["schema"]]

    assert in_sight == ["region_id", "project_id", "api_version", "auth_type", "security_token"]


def test_what_every_connection_needs_stands_first_and_is_marked() -> None:
    first = list(CONNECTION["conn-fields"].items())[:2]

    assert [(name, field["label"]) for name, field in first] == [
        ("region_id", "Region (required)"),
        ("project_id", "Workspace ID (required)"),
    ]
    for _, field in first:
        assert "Required unless" in field["description"]
    assert not [name for name, field in list(CONNECTION["conn-fields"].items())[2:] if "(required)" in field["label"]]


@pytest.mark.parametrize("standard", ["login", "password", "host", "port"])
def test_standard_fields_are_labelled(standard: str) -> None:
    assert CONNECTION["ui-field-behaviour"]["relabeling"][standard]
    assert CONNECTION["ui-field-behaviour"]["placeholders"][standard]
