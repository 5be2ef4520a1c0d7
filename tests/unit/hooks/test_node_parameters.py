"""Parameters of a run replace the node's own in the node's own syntax, or are refused before anything has an effect."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_dataworks.client.node_parameters import check_syntax, has_option_syntax, merge
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_BOTH_VERSIONS

BATCH = 4001
PLAIN, OPTION = "bizdate=$bizdate hour=$hour", '-p"-Dbizdate=$bizdate -Dhour=$hour"'
UNREADABLE = '-p"-Da=1' + "x" * 500
HAS_AN_EFFECT = ("RunCycleDagNodes", "CreateWorkflowInstances")


@pytest.mark.parametrize(
    ("current", "changes", "merged"),
    [
        (PLAIN, {"hour": 3}, "bizdate=$bizdate hour=3"),
        (PLAIN, {"bizdate": "20241120", "table": "orders"}, "bizdate=20241120 hour=$hour table=orders"),
        (PLAIN, {}, PLAIN),
        ("", {"a": 1, "b": True, "c": 1.5, "d": "x=y", "e": False}, "a=1 b=true c=1.5 d=x=y e=false"),
        ("dt=$[yyyy-mm-dd hh24:mi:ss] k=v", {"k": "w"}, "dt=$[yyyy-mm-dd hh24:mi:ss] k=w"),
        ("dt=$[yyyy-mm-dd hh24:mi:ss] k=v", {"dt": "20241120"}, "dt=20241120 k=v"),
        ("  a=1 \n b=2 ", {"b": "3"}, "a=1 b=3"),
        ("stray a=1", {"a": 2}, "stray a=2"),
        ("d=x=y e=z", {"d": 1}, "d=1 e=z"),
        (OPTION, {"hour": "X"}, '-p"-Dbizdate=$bizdate -Dhour=X"'),
        (OPTION, {"hour": 3}, '-p"-Dbizdate=$bizdate -Dhour=3"'),
        (OPTION, {"table": "订单"}, '-p"-Dbizdate=$bizdate -Dhour=$hour -Dtable=订单"'),
        ("-p'-Da=1 -Db=2'", {"b": 3}, "-p'-Da=1 -Db=3'"),
        ('-p""', {"b": 3}, '-p"-Db=3"'),
        ("-p -Da=1", {"b": 3}, '-p"-Da=1 -Db=3"'),
    ],
)
def test_values_replace_those_of_the_same_name(current: str, changes: dict[str, Any], merged: str) -> None:
    assert merge(current, changes) == merged


@pytest.mark.parametrize(
    ("parameters", "option"), [("", False), ("a=-p", False), ("-p", True), (' \n-p"-Da=1"', True), ("--p", False)]
)
def test_the_syntax_is_that_of_an_option_if_it_begins_with_one(parameters: str, option: bool) -> None:
    assert has_option_syntax(parameters) is option


@pytest.mark.parametrize(
    ("parameters", "current"), [("", ""), (" ", OPTION), (OPTION, " "), (PLAIN, "a=1"), (OPTION, '-p"-Da=1"')]
)
def test_parameters_of_the_nodes_syntax_and_none_at_all_are_fine(parameters: str, current: str) -> None:
    assert check_syntax(parameters, current) is parameters


def test_parameters_of_another_syntax_are_refused_with_the_beginning_of_the_nodes() -> None:
    own = OPTION + "x" * 500
    expected = f"must have the syntax that the node's own parameters have, which are {own[:200]!a}"

    with pytest.raises(ValueError, match="must have the syntax") as raised:
        check_syntax(PLAIN, own)
    assert str(raised.value) == expected
    with pytest.raises(ValueError, match="must have the syntax"):
        check_syntax(OPTION, PLAIN)


@pytest.mark.parametrize(
    ("current", "changes", "problem"),
    [
        (PLAIN, {"a": ["b"]}, "a must be a string, a number or a boolean, not list"),
        (PLAIN, {"a": "b\x00"}, "a contains a blank or what does not print, which the node's syntax cannot express"),
        (PLAIN, {"a": "b c"}, "a contains a blank or what does not print, which the node's syntax cannot express"),
        (PLAIN, {"a": ""}, "a is an empty string, which the node's syntax cannot express"),
        (OPTION, {"a": "b'"}, 'a contains a quotation mark, which the syntax -p"-Dname=value" cannot express'),
        (OPTION, {"a": 'b"'}, 'a contains a quotation mark, which the syntax -p"-Dname=value" cannot express'),
        (PLAIN, {1: "b"}, "must have names of parameters as its keys, not 1"),
        (PLAIN, {"a" * 80 + " ": "b"}, f"must have names of parameters as its keys, not '{'a' * 59}"),
        (UNREADABLE, {}, f"cannot be merged into what the node has, which cannot be read: {UNREADABLE[:200]!a}"),
    ],
)
def test_what_cannot_be_merged_is_refused(current: str, changes: dict[Any, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        merge(current, changes)


def test_quotation_marks_are_fine_in_the_plain_syntax() -> None:
    assert merge("", {"a": "'b\""}) == "a='b\""


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    ("current", "given", "run_with"),
    [
        (PLAIN, {"hour": "03"}, "bizdate=$bizdate hour=03"),
        (PLAIN, '{"hour": "03"}', "bizdate=$bizdate hour=03"),
        (PLAIN, "{'hour': '03'}", "bizdate=$bizdate hour=03"),
        (PLAIN, "a=b", "a=b"),
        (OPTION, {"hour": "03"}, '-p"-Dbizdate=$bizdate -Dhour=03"'),
        (OPTION, '-p"-Da=b"', '-p"-Da=b"'),
        ("", '-p"-Da=b"', '-p"-Da=b"'),
    ],
)
def test_parameters_are_sent_in_the_syntax_of_the_node(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, current: str, given: Any, run_with: str
) -> None:
    dataworks_emulator.settings(creation_seconds=0)
    dataworks_emulator.set_node(BATCH, ParamValues=current)

    hook.run_node(node_id=BATCH, bizdate="2024-11-20", name="x", parameters=given)

    (known,) = dataworks_emulator.node_runs(BATCH)
    assert known["parameters"] == {str(BATCH): run_with}


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    ("current", "given", "problem"),
    [
        (PLAIN, {"table": "two words"}, "table contains a blank"),
        (PLAIN, {"table": "a\nb"}, "table contains a blank"),
        (PLAIN, {"table": ""}, "table is an empty string"),
        (PLAIN, {"table": None}, "table must be a string, a number or a boolean, not NoneType"),
        (PLAIN, {"table": ["a"]}, "table must be a string"),
        (PLAIN, {"a b": "c"}, "must have names of parameters as its keys, not 'a b'"),
        (PLAIN, {"-p": "c"}, "must have names of parameters as its keys"),
        (OPTION, {"table": 'a"b'}, "table contains a quotation mark"),
        (OPTION, {"table": "a b"}, "table contains a blank"),
        (OPTION, "hour=3", "must have the syntax that the node's own parameters have"),
        (PLAIN, OPTION, "must have the syntax that the node's own parameters have"),
        ('-p"-Da=1', {"a": 2}, "cannot be merged into what the node has"),
    ],
)
def test_what_the_syntax_cannot_express_is_refused_before_anything_has_an_effect(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, current: str, given: Any, problem: str
) -> None:
    dataworks_emulator.set_node(BATCH, ParamValues=current)

    with pytest.raises(DataWorksParameterError, match=problem) as raised:
        hook.run_node(node_id=BATCH, bizdate="2024-11-20", name="x", parameters=given)

    assert raised.value.name == "parameters"
    assert not {entry["action"] for entry in dataworks_emulator.requests()} & set(HAS_AN_EFFECT)
