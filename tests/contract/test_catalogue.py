"""The client's table of actions says of each what the emulator's says, which was written independently of it."""

from __future__ import annotations

import pytest

from airflow_provider_dataworks.client.actions import Action, Repeat
from airflow_provider_dataworks.client.catalog import v2020_05_18, v2024_05_18
from airflow_provider_dataworks.client.errors import is_read_only
from airflow_provider_dataworks.emulator.actions import action_table

ACTIONS = (*v2020_05_18.ACTIONS, *v2024_05_18.ACTIONS)


def _id(action: Action) -> str:
    return f"{action.name}-{action.version}"


@pytest.mark.parametrize("action", ACTIONS, ids=_id)
def test_each_parameter_travels_where_the_emulator_expects_it(action: Action) -> None:
    known = action_table().find(action.version, action.name)

    assert known is not None
    assert action.method == known.method
    places = {parameter.name: parameter.place for parameter in known.parameters}
    ours = {**dict.fromkeys(action.query, "query"), **dict.fromkeys(action.body, "form")}
    assert {name: places.get(name) for name in ours} == ours
    required = {parameter.name for parameter in known.parameters if parameter.required}
    assert required <= set(ours)


@pytest.mark.parametrize("action", ACTIONS, ids=_id)
def test_get_has_no_body(action: Action) -> None:
    assert action.method == "POST" or not action.body


@pytest.mark.parametrize("action", ACTIONS, ids=_id)
def test_reads_are_always_repeated_and_starts_and_creations_without_a_token_only_after_confirmation(
    action: Action,
) -> None:
    if is_read_only(action.name):
        assert action.repeat is Repeat.ALWAYS
    elif action.name.startswith(("Start", "Create")):
        has_token = "ClientToken" in action.query
        assert action.repeat is (Repeat.ALWAYS if has_token else Repeat.AFTER_CONFIRMATION)


def test_no_action_is_listed_twice() -> None:
    assert len({(action.version, action.name) for action in ACTIONS}) == len(ACTIONS)


def test_parameter_that_an_action_does_not_have_is_an_error() -> None:
    with pytest.raises(TypeError, match=r"StopDIJob \(2020-05-18\) has no parameter Id, Name"):
        v2020_05_18.STOP_DI_JOB.place({"DIJobId": 1, "Name": "x", "Id": 1})
