"""FlowSpec: what is made for a batch sync node, what is read from one, and how a schedule changes it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from airflow_provider_dataworks.client import flow_spec
from airflow_provider_dataworks.client.flow_spec import FlowSpecError

CONTENT: dict[str, Any] = {"type": "job", "steps": ["读"]}
PROPERTIES = (
    "AutoRerunIntervalMillis, AutoRerunTimes, CronExpress, CycleType, EndEffectDate, FileDescription, InputList, "
    "OutputList, Owner, ParaValue, RerunMode, ResourceGroupIdentifier, SchedulerType, StartEffectDate, Stop"
)


def made(**given: Any) -> dict[str, Any]:
    """The whole FlowSpec of a node that was made."""
    arguments = {"folder": "a/b", "resource_group": "group", "cu": "0.5", "output": "w.out", **given}
    whole: dict[str, Any] = json.loads(flow_spec.sync_node_spec("orders", CONTENT, **arguments))
    return whole


def spec(node: Any = None, **more: Any) -> str:
    """A FlowSpec of one node."""
    return json.dumps({"version": "1.1.0", "kind": "Node", "spec": {"nodes": [node or {}], **more}})


def changed(node: dict[str, Any], **schedule: Any) -> dict[str, Any]:
    """A node after a change of its schedule."""
    return flow_spec.node_of(flow_spec.with_schedule(spec(node), schedule))


# Made


def test_a_batch_sync_node_has_all_that_data_studio_needs() -> None:
    whole = made()
    content = json.loads(whole["spec"]["nodes"][0]["script"].pop("content"))

    assert content == {**CONTENT, "extend": {"mode": "code", "resourceGroup": "group", "cu": 0.5}}
    assert whole == {
        "version": "1.1.0",
        "kind": "Node",
        "spec": {
            "nodes": [
                {
                    "name": "orders",
                    "recurrence": "Normal",
                    "timeout": 0,
                    "instanceMode": "T+1",
                    "rerunMode": "Allowed",
                    "rerunTimes": 0,
                    "rerunInterval": 180000,
                    "script": {
                        "path": "a/b/orders",
                        "language": "json",
                        "runtime": {"command": "DI", "commandTypeId": 23, "cu": "0.5"},
                        "parameters": [],
                    },
                    "trigger": {
                        "type": "Scheduler",
                        "cron": "00 00 00 * * ?",
                        "cycleType": "Daily",
                        "startTime": "1970-01-01 00:00:00",
                        "endTime": "9999-01-01 00:00:00",
                        "timezone": "Asia/Shanghai",
                    },
                    "inputs": {"nodeOutputs": []},
                    "outputs": {"nodeOutputs": [{"data": "w.out", "artifactType": "NodeOutput"}]},
                    "runtimeResource": {"resourceGroup": "group"},
                }
            ]
        },
    }


def test_what_is_not_given_is_left_out() -> None:
    (node,) = made(folder=None, resource_group=None, cu=None)["spec"]["nodes"]

    assert node["script"]["path"] == "orders"
    assert node["script"]["runtime"] == {"command": "DI", "commandTypeId": 23}
    assert "runtimeResource" not in node
    assert json.loads(node["script"]["content"])["extend"] == {"mode": "code"}


def test_strings_stand_as_they_are() -> None:
    assert "读" in flow_spec.sync_node_spec("订单", CONTENT, folder=None, resource_group=None, cu=None, output="o")
    assert "订单" in flow_spec.sync_node_spec("订单", {}, folder=None, resource_group=None, cu=None, output="o")


@pytest.mark.parametrize(("cu", "number"), [("2", 2.0), (0.25, 0.25), (1, 1), ("many", "many")])
def test_cus_are_a_number_in_the_content(cu: Any, number: Any) -> None:
    (node,) = made(cu=cu)["spec"]["nodes"]

    assert json.loads(node["script"]["content"])["extend"]["cu"] == number
    assert node["script"]["runtime"]["cu"] == str(cu)


@pytest.mark.parametrize(
    ("given", "extend"),
    [
        ({"mode": "wizard", "x": 1}, {"mode": "wizard", "resourceGroup": "g", "x": 1}),
        ("odd", {"mode": "code", "resourceGroup": "g"}),
    ],
)
def test_what_the_content_says_itself_takes_precedence(given: Any, extend: dict[str, Any]) -> None:
    text = flow_spec.sync_node_spec("n", {"extend": given}, folder=None, resource_group="g", cu=None, output="o")

    assert flow_spec.script_of(text) == {"extend": extend}


# Read


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"spec": []}', "[" * 100_000])
def test_what_is_no_flowspec_cannot_be_read(text: Any) -> None:
    with pytest.raises(FlowSpecError, match=r"^the FlowSpec of the node cannot be read$"):
        flow_spec.node_of(text)


@pytest.mark.parametrize("nodes", [None, {}, [], [{}, {}], ["node"]])
def test_a_flowspec_describes_one_node(nodes: Any) -> None:
    with pytest.raises(FlowSpecError, match=r"^the FlowSpec does not describe one node$"):
        flow_spec.node_of(json.dumps({"spec": {"nodes": nodes}}))


@pytest.mark.parametrize(
    ("node", "script"),
    [
        ({"script": {"content": '{"a": 1}'}}, {"a": 1}),
        ({"script": {"content": "select 1"}}, "select 1"),
        ({"script": {"content": {"a": 1}}}, {"a": 1}),
        ({"script": {}}, None),
        ({"script": "odd"}, None),
        ({"name": "n"}, None),
    ],
)
def test_the_script_is_read_as_json_where_it_is_json(node: dict[str, Any], script: Any) -> None:
    assert flow_spec.script_of(spec(node)) == script


OUTPUT = {"nodeOutputs": [{"data": "root"}]}


@pytest.mark.parametrize(
    ("node", "more", "lacks"),
    [
        ({}, {}, True),
        ({"trigger": {"type": "Manual"}}, {}, False),
        ({"trigger": {"type": "Scheduler"}}, {}, True),
        ({"inputs": OUTPUT}, {}, False),
        ({"inputs": {"nodeOutputs": []}}, {}, True),
        ({}, {"flow": [{"depends": [{"output": "root"}]}]}, False),
        ({}, {"flow": [{"depends": []}, "odd"]}, True),
        ({}, {"flow": [{}, {"depends": [1]}]}, False),
        ({}, {"flow": None}, True),
    ],
)
def test_a_scheduled_node_without_dependencies_is_never_run(
    node: dict[str, Any], more: dict[str, Any], lacks: bool
) -> None:
    assert flow_spec.lacks_inputs(spec({"name": "n", **node}, **more)) is lacks


# Changed by a schedule


@pytest.mark.parametrize(
    ("schedule", "node"),
    [
        ({"AutoRerunIntervalMillis": "60000"}, {"rerunInterval": 60000}),
        ({"AutoRerunTimes": 3}, {"rerunTimes": 3}),
        ({"CronExpress": "0 0 1 * * ?"}, {"trigger": {"cron": "0 0 1 * * ?"}}),
        ({"CycleType": "DAY"}, {"trigger": {"cycleType": "Daily"}}),
        ({"CycleType": "NOT_DAY"}, {"trigger": {"cycleType": "NotDaily"}}),
        ({"StartEffectDate": 1732060800000}, {"trigger": {"startTime": "2024-11-20 08:00:00"}}),
        ({"EndEffectDate": "1732060800999"}, {"trigger": {"endTime": "2024-11-20 08:00:00"}}),
        ({"FileDescription": "daily"}, {"description": "daily"}),
        ({"Owner": 42}, {"owner": "42"}),
        ({"RerunMode": "ALL_ALLOWED"}, {"rerunMode": "Allowed"}),
        ({"RerunMode": "FAILURE_ALLOWED"}, {"rerunMode": "FailureAllowed"}),
        ({"RerunMode": "ALL_DENIED"}, {"rerunMode": "Denied"}),
        ({"SchedulerType": "NORMAL"}, {"recurrence": "Normal"}),
        ({"SchedulerType": "PAUSE"}, {"recurrence": "Pause"}),
        ({"SchedulerType": "SKIP"}, {"recurrence": "Skip"}),
        ({"ResourceGroupIdentifier": "g"}, {"runtimeResource": {"resourceGroup": "g"}}),
        (
            {"InputList": "a, b,,"},
            {"inputs": {"nodeOutputs": [{"data": name, "artifactType": "NodeOutput"} for name in "ab"]}},
        ),
        ({"OutputList": "a"}, {"outputs": {"nodeOutputs": [{"data": "a", "artifactType": "NodeOutput"}]}}),
        ({"Stop": True}, {"recurrence": "Pause"}),
        ({"Stop": "TRUE"}, {"recurrence": "Pause"}),
    ],
)
def test_a_property_has_its_place_in_the_node(schedule: dict[str, Any], node: dict[str, Any]) -> None:
    assert changed({"trigger": {"timezone": "Asia/Shanghai"}}, **schedule) == {
        **node,
        "trigger": {"timezone": "Asia/Shanghai", **node.get("trigger", {})},
    }


@pytest.mark.parametrize(
    ("before", "stop", "after"),
    [("Pause", False, "Normal"), ("Skip", False, "Skip"), ("Normal", "false", "Normal"), ("Skip", True, "Pause")],
)
def test_stop_pauses_a_node_or_ends_its_pause(before: str, stop: Any, after: str) -> None:
    assert changed({"recurrence": before}, Stop=stop) == {"recurrence": after}


def test_moments_are_in_the_time_zone_of_the_node() -> None:
    node = changed({"trigger": {"timezone": "UTC"}}, StartEffectDate=1732060800000)

    assert node == {"trigger": {"timezone": "UTC", "startTime": "2024-11-20 00:00:00"}}


def test_what_is_around_a_property_stays() -> None:
    node = {"trigger": {"cron": "x", "cycleType": "Daily"}, "rerunTimes": 1, "other": [1]}

    assert changed(node, CronExpress="y", AutoRerunTimes="2") == {
        "trigger": {"cron": "y", "cycleType": "Daily"},
        "rerunTimes": 2,
        "other": [1],
    }
    assert changed({"trigger": "odd"}, CronExpress="y") == {"trigger": {"cron": "y"}}


VARIABLE = {"artifactType": "Variable", "scope": "NodeParameter"}


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ("", []),
        (
            "dt=$bizdate a=b=c  e=",
            [
                {"name": "dt", "value": "$bizdate", "type": "System", **VARIABLE},
                {"name": "a", "value": "b=c", "type": "Constant", **VARIABLE},
                {"name": "e", "value": "", "type": "Constant", **VARIABLE},
            ],
        ),
        (' -p"-Da=1"', [{"name": "-", "value": ' -p"-Da=1"', "type": "NoKvVariableExpression", **VARIABLE}]),
    ],
)
def test_parameters_are_pairs_or_an_option(value: str, parameters: list[dict[str, Any]]) -> None:
    assert changed({"script": {"parameters": [{"name": "old"}], "path": "p"}}, ParaValue=value) == {
        "script": {"parameters": parameters, "path": "p"}
    }


def test_parameters_that_are_there_stay_as_they_are() -> None:
    shown = [{"name": "a", "value": "b", "odd": 1}, "odd"]

    assert changed({"script": {"parameters": shown}}, ParaValue="a=b") == {"script": {"parameters": shown}}
    assert changed({"script": {"parameters": "odd"}}, ParaValue="") == {"script": {"parameters": "odd"}}
    assert changed({"script": {"parameters": shown}}, ParaValue="a=c") != {"script": {"parameters": shown}}
    other_order = [{"name": "c", "value": "d"}, {"name": "a", "value": "b"}]
    assert (
        changed({"script": {"parameters": other_order}}, ParaValue="a=b c=d")["script"]["parameters"][0]["name"] == "a"
    )


@pytest.mark.parametrize("place", ["inputs", "outputs"])
def test_dependencies_that_are_there_stay_as_they_are(place: str) -> None:
    node = {place: {"nodeOutputs": [{"data": "b", "odd": 1}, "odd", {"data": "a"}], "variables": []}}
    name = {"inputs": "InputList", "outputs": "OutputList"}[place]

    assert changed(node, **{name: "a,b"}) == node
    assert changed(node, **{name: "a"})[place] == {
        "nodeOutputs": [{"data": "a", "artifactType": "NodeOutput"}],
        "variables": [],
    }
    assert changed({place: {"nodeOutputs": "odd"}}, **{name: ""}) == {place: {"nodeOutputs": "odd"}}


def test_dependencies_are_not_there_twice() -> None:
    text = spec({"name": "n"}, flow=[{"depends": [1]}])

    assert json.loads(flow_spec.with_schedule(text, {"InputList": "a"}))["spec"]["flow"] == []
    assert json.loads(flow_spec.with_schedule(text, {"Owner": "a"}))["spec"]["flow"] == [{"depends": [1]}]
    assert "flow" not in json.loads(flow_spec.with_schedule(spec({"name": "n"}), {"InputList": "a"}))["spec"]


def test_what_does_not_differ_is_the_same_text() -> None:
    text = '{"version": 1, "spec":  {"nodes": [{"rerunTimes": 1, "owner": "订单"}]}}'

    assert flow_spec.with_schedule(text, {"AutoRerunTimes": "1", "Owner": "订单"}) is text
    assert flow_spec.with_schedule(text, {}) is text
    assert "订单" in flow_spec.with_schedule(text, {"AutoRerunTimes": "2"})


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ({"Z": 1, "A": 2, "Stop": True}, f"A, Z cannot be set with api_version 2024-05-18; what can is {PROPERTIES}"),
        ({"CycleType": "WEEK"}, "CycleType must be one of DAY, NOT_DAY, not 'WEEK'"),
        (
            {"RerunMode": "x" * 80},
            f"RerunMode must be one of ALL_ALLOWED, FAILURE_ALLOWED, ALL_DENIED, not '{'x' * 50}'",
        ),
        ({"SchedulerType": None}, "SchedulerType must be one of NORMAL, PAUSE, SKIP, not 'None'"),
        ({"AutoRerunTimes": -1}, "AutoRerunTimes must be a whole number, not '-1'"),
        ({"AutoRerunIntervalMillis": "x" * 80}, f"AutoRerunIntervalMillis must be a whole number, not '{'x' * 50}'"),
        ({"StartEffectDate": "soon"}, "StartEffectDate must be Unix milliseconds, not 'soon'"),
        ({"EndEffectDate": "9" * 60}, f"EndEffectDate must be Unix milliseconds, not '{'9' * 50}'"),
        ({"ParaValue": "a"}, "ParaValue must be pairs like dt=$bizdate, separated by blanks: 'a' is none"),
        (
            {"ParaValue": "=" + "b" * 80},
            f"ParaValue must be pairs like dt=$bizdate, separated by blanks: '={'b' * 49}' is none",
        ),
    ],
)
def test_what_flowspec_cannot_express_is_refused(schedule: dict[str, Any], problem: str) -> None:
    for refused in (lambda: flow_spec.check_schedule(schedule), lambda: flow_spec.with_schedule(spec(), schedule)):
        with pytest.raises(FlowSpecError, match=f"^{re.escape(problem)}$"):
            refused()
