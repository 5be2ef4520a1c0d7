"""A run of a node, and the firing of an instance, as each API version wants them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.client.catalog import NODES
from airflow_provider_dataworks.client.catalog.nodes import RunRequest, TriggerRequest

OLD, NEW = NODES["2020-05-18"], NODES["2024-05-18"]


def run(**fields: Any) -> RunRequest:
    return RunRequest(10000, 4001, "2024-11-20", "af x", "DEV", **fields)


IN_2020 = {
    "ProjectEnv": "DEV",
    "Name": "af x",
    "RootNodeId": 4001,
    "IncludeNodeIds": "4001",
    "StartBizDate": "2024-11-20 00:00:00",
    "EndBizDate": "2024-11-20 00:00:00",
    "Parallelism": False,
    "StartFutureInstanceImmediately": True,
}
IN_2024 = {
    "ProjectId": 10000,
    "EnvType": "Dev",
    "WorkflowId": 1,
    "Type": "SupplementData",
    "Name": "af x",
    "AutoStartEnabled": True,
    "Periods": {"BizDates": [{"EndBizDate": "2024-11-20", "StartBizDate": "2024-11-20"}]},
    "DefaultRunProperties": {
        "Analysis": {"Blocked": False, "Enabled": False},
        "Mode": "ManualSelection",
        "Parallelism": 1,
        "RootTaskIds": [4001],
        "RunPolicy": {"EndTime": "23:59:59", "Immediately": True, "StartTime": "00:00:00", "Type": "Daily"},
    },
}


@pytest.mark.parametrize(
    ("fields", "older", "newer"),
    [
        ({}, {}, {}),
        ({"parameters": ""}, {"NodeParams": {"4001": ""}}, {"TaskParameters": {"4001": ""}}),
        ({"parameters": "a=1"}, {"NodeParams": {"4001": "a=1"}}, {"TaskParameters": {"4001": "a=1"}}),
        ({"hourly": True}, {"BizBeginTime": "00:00:00", "BizEndTime": "23:59:59"}, {}),
    ],
)
def test_a_run_is_of_one_node_for_one_date(
    fields: dict[str, Any], older: dict[str, Any], newer: dict[str, Any]
) -> None:
    assert OLD.build_run(run(**fields)) == {**IN_2020, **older}
    assert NEW.build_run(run(**fields)) == {**IN_2024, **newer}


def test_only_a_refusal_that_names_the_undocumented_key_says_what_to_change() -> None:
    interval = {"EndDate": "2024-11-20 00:00:00", "StartDate": "2024-11-20 00:00:00"}
    periods = {"BizDates": [{"EndBizDate": "2024-11-20", "StartBizDate": "2024-11-20"}], "BizdateIntervals": [interval]}

    assert NEW.amend_run(run(parameters="a"), "BizdateIntervals is mandatory") == {
        **IN_2024,
        "TaskParameters": {"4001": "a"},
        "Periods": periods,
    }
    assert NEW.amend_run(run(), "no rights") is None
    assert OLD.amend_run(run(), "BizdateIntervals is mandatory") is None


def test_an_instance_is_fired_by_its_time() -> None:
    trigger = TriggerRequest(10000, 4001, "DEV", cycle_time=5, bizdate=6)

    assert OLD.build_trigger(trigger) == {"AppId": 10000, "NodeId": 4001, "CycleTime": 5, "BizDate": 6}
    assert NEW.build_trigger(trigger) == {"EnvType": "Dev", "TaskId": 4001, "TriggerTime": 5}


def test_dates_and_environments_have_the_spelling_of_the_version() -> None:
    assert OLD.spell_bizdate("2024-11-20", "Asia/Shanghai") == "2024-11-20 00:00:00"
    assert NEW.spell_bizdate("2024-11-20", "Asia/Shanghai") == 1732032000000
    assert (OLD.spell_environment("dev"), NEW.spell_environment("DEV")) == ("DEV", "Dev")
    assert (OLD.version, NEW.version) == ("2020-05-18", "2024-05-18")
