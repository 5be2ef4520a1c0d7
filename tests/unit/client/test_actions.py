"""An action places its parameters, and its envelope says what an answer lacks or refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_provider_dataworks.client.actions import (
    Action,
    Envelope,
    Repeat,
    UnknownEnvelope,
    UnreadableContentError,
    unlisted_action,
    whole_number,
)
from airflow_provider_dataworks.client.errors import ApiError, Outcome


def missing(envelope: Envelope, **answer: Any) -> str | None:
    return envelope.missing("GetDIJob", answer)


def refused(envelope: Envelope, **answer: Any) -> ApiError:
    with pytest.raises(ApiError) as raised:
        envelope.missing("GetDIJob", {"RequestId": "R-1", **answer})
    error = raised.value
    assert (error.action, error.outcome, error.http_status) == ("GetDIJob", Outcome.REFUSED, 200)
    assert error.request_id == "R-1"
    return error


# Numbers


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (7, 7),
        ("7", 7),
        ("007", 7),
        (7.0, 7),
        ("9" * 19, 10**19 - 1),
        (10**19 - 1, 10**19 - 1),
        ("9" * 20, None),
        (10**19, None),
        (-1, None),
        ("-1", None),
        (7.5, None),
        (float("nan"), None),
        (True, None),
        ("", None),
        ("七", None),
        ("²", None),
        (None, None),
        ([7], None),
    ],
)
def test_a_whole_number_is_a_number_or_its_digits(value: Any, number: int | None) -> None:
    assert whole_number(value) == number
    assert type(whole_number(value)) in (int, type(None))


# Parameters


def test_parameters_travel_in_query_or_body() -> None:
    action = Action("GetDIJob", "2020-05-18", query=("B", "A"), body=("C",))

    assert action.parameters == ("B", "A", "C")
    assert action.place({"C": 1, "A": 2}) == ({"A": 2}, {"C": 1})
    assert action.place({"B": None}) == ({"B": None}, {})
    with pytest.raises(TypeError, match=r"^GetDIJob \(2020-05-18\) has no parameter X, Y$"):
        action.place({"Y": 1, "X": 2, "A": 3})


@pytest.mark.parametrize(("name", "repeat"), [("ListThings", Repeat.ALWAYS), ("DropThings", Repeat.AFTER_CONFIRMATION)])
def test_only_the_name_of_an_unlisted_action_says_whether_it_reads(name: str, repeat: Repeat) -> None:
    action = unlisted_action(name, "2024-05-18", method="GET", query=iter("AB"), body=iter("C"))

    assert action == Action(name, "2024-05-18", "GET", ("A", "B"), ("C",), repeat, UnknownEnvelope())
    assert unlisted_action(name, "2024-05-18") == Action(name, "2024-05-18", repeat=repeat, envelope=UnknownEnvelope())


# What is missing


@pytest.mark.parametrize(
    ("envelope", "answer", "lacks"),
    [
        (Envelope(), {}, None),
        (Envelope(string="Log"), {"Log": ""}, None),
        (Envelope(string="Log"), {"Log": None}, "Log is missing"),
        (Envelope(string="Log"), {}, "Log is missing"),
        (Envelope(integer="Id"), {"Id": 7}, None),
        (Envelope(integer="Id"), {"Id": "7"}, None),
        (Envelope(integer="Id"), {"Id": 0}, "Id is missing"),
        (Envelope(integer="Id"), {"Id": "x"}, "Id is missing"),
        (Envelope("Data"), {"Data": {}}, None),
        (Envelope("Data"), {"Data": []}, "Data is missing"),
        (Envelope("Data"), {}, "Data is missing"),
        (Envelope("Data", integer="Id"), {"Data": {"Id": 7}}, None),
        (Envelope("Data", integer="Id"), {"Data": {}, "Id": 7}, "Data.Id is missing"),
        (Envelope("Data", nested="Job"), {"Data": {"Job": {}}}, None),
        (Envelope("Data", nested="Job"), {"Data": {"Job": {}, "Status": "fail"}}, None),
        (Envelope("Data", nested="Job"), {"Data": {"Job": 1}}, "Data.Job is missing"),
        (Envelope("Data", says_status=True), {"Data": {"Status": "SUCCESS"}}, None),
        (Envelope("Data", says_status=True), {"Data": {"Status": True}}, None),
        (Envelope("Data", says_status=True), {"Data": {"Status": "odd"}}, "Data.Status is 'odd'"),
        (Envelope("Data", says_status=True), {"Data": {}}, "Data.Status is None"),
        (Envelope("Data", status_is_content=True), {"Data": {"Status": "fail"}}, None),
        (Envelope(accepted="Success"), {"Success": "True"}, None),
        (Envelope(accepted="Success"), {"Success": "odd" * 50}, f"Success is '{'odd' * 16}o"),
        (Envelope(accepted="Success"), {}, "Success is None"),
        (Envelope(results="Results"), {"Results": {"1": {"Success": True}, "2": {"Success": False}}}, None),
        (Envelope(results="Results"), {"Results": {"1": True}}, "Results is missing"),
        (Envelope(results="Results"), {"Results": []}, "Results is missing"),
    ],
)
def test_an_envelope_says_what_an_answer_lacks(envelope: Envelope, answer: dict[str, Any], lacks: str | None) -> None:
    assert missing(envelope, **answer) == lacks


def test_content_that_cannot_be_read_is_missing() -> None:
    read: list[Mapping[str, Any]] = []

    def reader(content: Mapping[str, Any]) -> None:
        read.append(content)
        if "odd" in content:
            raise UnreadableContentError("it is odd")

    assert missing(Envelope("Data", read=reader), Data={"a": 1}) is None
    assert missing(Envelope("Data", read=reader), Data={"odd": 1}) == "it is odd"
    assert missing(Envelope(read=reader), odd=2) == "it is odd"
    assert missing(Envelope(read=reader, integer="Id"), odd=2) == "Id is missing"
    assert read == [{"a": 1}, {"odd": 1}, {"odd": 2}]


# What is refused


@pytest.mark.parametrize("status", ["fail", "Failed", False, "FALSE"])
def test_a_status_of_failure_is_a_refusal(status: Any) -> None:
    error = refused(Envelope("Data"), Data={"Status": status, "Message": "no\nrights"})

    assert error.message == "no rights"
    assert refused(Envelope("Data"), Data={"Status": status}).message == "Data.Status is fail, without a message"


def test_what_was_not_accepted_is_a_refusal() -> None:
    envelope = Envelope(accepted="Success")

    assert refused(envelope, Success="False", ErrorMessage="no").message == "no"
    assert refused(envelope, Success=False).message == "Success is false"


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ({"1": {"Success": False, "Message": "no"}, "2": {"Message": "no"}}, "no"),
        ({"1": {"Message": "a"}, "2": {"Success": "true"}}, "a no reason given"),
        ({}, "Results is empty"),
    ],
)
def test_results_of_which_none_succeeded_are_a_refusal(results: dict[str, Any], message: str) -> None:
    assert refused(Envelope(results="Results"), Results=results).message == message


def test_of_an_action_that_is_not_known_only_a_plain_failure_is_a_refusal() -> None:
    envelope = UnknownEnvelope()

    assert refused(envelope, Data={"Status": "FAIL", "Message": "no"}).message == "no"
    assert [missing(envelope), missing(envelope, Data="fail"), missing(envelope, Data={"Status": "false"})] == [
        None
    ] * 3
