"""What a trigger sends is a plain dict that gives the task the same outcome, also after an upgrade in between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.waiting import events
from airflow_provider_dataworks.waiting.events import WaitEvent, failure_fields, read_event
from airflow_provider_dataworks.waiting.several import failure_of_several

FACTS: dict[str, Any] = {"action": "GetDIJob", "code": "Odd", "http_status": 503, "request_id": "R-1"}


def sent(event: WaitEvent) -> dict[str, Any]:
    """The event as it comes back from Airflow's database."""
    payload: dict[str, Any] = json.loads(json.dumps(event.payload()))
    return payload


def full_event(**fields: Any) -> WaitEvent:
    return WaitEvent(
        **{
            "kind": events.REACHED,
            "target_id": 1001,
            "status": "Finished",
            "name": "orders",
            "detail": "MigrationType Full",
            "type": "Full",
            "waited": "3 s",
            "outcome": "it was stopped",
            "target": {"di_job_id": 1001},
            "results": {"run": {"id": 7}},
            "ended_at": 1_800_000_000.5,
            "kept": {"before": "Stopped"},
            **fields,
        }
    )


def test_an_event_comes_back_as_it_was_sent() -> None:
    assert read_event(sent(full_event())) == full_event()
    assert read_event({"kind": "reached"}) == WaitEvent("reached")


def test_fields_have_the_names_that_earlier_versions_gave_them() -> None:
    event = read_event({"kind": "timed out", "subject_id": 1001, "became": "it runs on", "status": None})

    assert event == WaitEvent("timed out", target_id=1001, outcome="it runs on")


@pytest.mark.parametrize("payload", [None, "reached", {}, {"kind": "odd"}, {"kind": None}])
def test_what_is_no_event_is_never_a_success(payload: Any) -> None:
    with pytest.raises(DataWorksError, match="The trigger ended the wait with something unexpected: "):
        read_event(payload)


def test_something_unexpected_is_quoted_in_part() -> None:
    with pytest.raises(DataWorksError) as raised:
        read_event({"kind": "x" * 1000})

    assert len(raised.value.message) < 300


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DataWorksTransientError("no", **FACTS), DataWorksTransientError),
        (DataWorksPermanentError("no", **FACTS), DataWorksPermanentError),
        (DataWorksNotFoundError("no", **FACTS), DataWorksNotFoundError),
        (DataWorksTimeoutError("no", **FACTS), DataWorksTransientError),
        (DataWorksError("no", **FACTS), DataWorksTransientError),
    ],
)
def test_an_error_is_raised_again_in_the_task(error: DataWorksError, kind: type[DataWorksError]) -> None:
    event = WaitEvent.of_error(error, 1001)
    with pytest.raises(DataWorksError) as raised:
        read_event(sent(event))

    assert (event.kind, event.target_id) == (events.ERROR, 1001)
    assert type(raised.value) is kind
    assert raised.value.message == "no"
    assert {name: getattr(raised.value, name) for name in FACTS} == FACTS


def test_a_kind_of_error_that_does_not_travel_becomes_the_nearest_that_does() -> None:
    event = WaitEvent.of_error(DataWorksParameterError("poll_interval", "must be a number"))

    assert (type(event.to_error()), event.target_id) == (DataWorksPermanentError, None)
    assert event.to_error().message == "poll_interval: must be a number"


@pytest.mark.parametrize("error", [None, {}, {"class": "Odd"}])
def test_an_error_without_its_fields_is_transient(error: dict[str, Any] | None) -> None:
    made = WaitEvent(events.ERROR, error=error).to_error()

    assert (type(made), made.message) == (DataWorksTransientError, "The wait failed.")


def test_a_failure_travels_with_the_fields_of_its_error() -> None:
    error = DataWorksJobError(
        "DI job 1001 is Failed",
        job_id=1001,
        status="Failed",
        error_message="disk full",
        job_name="orders",
        code="Odd",
        request_id="R-1",
        console_url="https://example.com/1001",
    )

    made = read_event(sent(WaitEvent(events.FAILED, failure=failure_fields(error)))).to_failure()

    assert made is not None
    assert vars(made) == vars(error)


def test_a_failure_of_another_version_is_read_as_far_as_it_is_known() -> None:
    made = WaitEvent(events.FAILED, failure={"status": "Failed", "odd": 1}).to_failure()

    assert made is not None
    assert (made.message, made.status, made.job_id) == ("", "Failed", None)
    assert WaitEvent(events.FAILED).to_failure() is None


@pytest.mark.parametrize(
    ("kinds", "worst"),
    [
        (("reached", "failed", "error"), "failed"),
        (("reached", "timed out", "error"), "error"),
        (("sensor timed out", "reached", "timed out"), "timed out"),
        (("reached", "sensor timed out"), "sensor timed out"),
        (("reached", "reached"), "reached"),
    ],
)
def test_an_event_for_several_is_of_the_kind_of_the_worst(kinds: tuple[str, ...], worst: str) -> None:
    ended = [
        WaitEvent(
            kind, target_id=number, status=f"S{number}", waited=f"{number} s", outcome=kind, ended_at=float(number)
        )
        for number, kind in enumerate(kinds)
    ]
    ended[0].ended_at = None

    event = WaitEvent.of_several(ended, 5)

    assert (event.kind, event.outcome, event.count) == (worst, worst, 5)
    assert event.waited == f"{kinds.index(worst)} s"
    assert event.status == ", ".join(f"{number} is S{number}" for number in range(len(kinds)))
    assert event.ended_at == len(kinds) - 1.0
    assert WaitEvent(**sent(event)).each() == ended
    assert event.failed() == [one for one in ended if one.kind == "failed"]


def test_several_may_end_with_an_error_and_without_a_time() -> None:
    event = WaitEvent.of_several([WaitEvent("reached"), WaitEvent.of_error(DataWorksPermanentError("no"), 1)], 2)

    assert event.ended_at is None
    with pytest.raises(DataWorksPermanentError, match="no"):
        read_event(sent(event))


def test_one_target_is_its_own_event() -> None:
    event = full_event(kind=events.FAILED)

    assert event.each() == event.failed() == [event]
    assert full_event().failed() == []


# The error of several


def job_error(number: int) -> DataWorksJobError:
    return DataWorksJobError(
        f"job {number} is Failed",
        job_id=number,
        status=f"S{number}",
        error_message=f"E{number}",
        job_name=f"N{number}",
        code=f"C{number}",
        console_url=f"U{number}",
    )


def test_several_failures_are_one_error_with_the_fields_of_the_first() -> None:
    error = failure_of_several([job_error(1), job_error(2)], 3)

    assert error.message == "2 of 3 failed: job 1 is Failed; job 2 is Failed"
    assert {**vars(error), "message": ""} == {**vars(job_error(1)), "message": ""}


def test_the_failure_of_one_target_is_its_own_error() -> None:
    only = job_error(1)

    assert failure_of_several([only], 1) is only
    assert failure_of_several([only], 2).message == "1 of 2 failed: job 1 is Failed"
