"""What each kind of target inherits: name, key, values as JSON, and what it does not do unless it says so."""

from __future__ import annotations

import logging
from abc import ABC
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from airflow_provider_dataworks.exceptions import DataWorksJobError
from airflow_provider_dataworks.waiting.target import (
    Evaluation,
    RunState,
    StartTarget,
    StatusSnapshot,
    StatusWords,
    WaitState,
)

HOOK: Any = None


@dataclass(frozen=True)
class Parcel(StartTarget):
    """A target that has nothing but what each must have."""

    kind: ClassVar[str] = "parcel"
    id_name: ClassVar[str] = "ParcelId"

    parcel_id: int
    stops: tuple[str, ...] = ()

    @property
    def id(self) -> int:
        return self.parcel_id

    @property
    def words(self) -> StatusWords:
        return StatusWords(frozenset({"1", "Sent"}), {"1": "packed"})

    def poll(self, hook: Any) -> StatusSnapshot:
        return StatusSnapshot("Sent")

    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        return Evaluation(WaitState.SUCCEEDED)

    def failure(self, hook: Any, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        return DataWorksJobError("lost")

    def run_state(self, snapshot: StatusSnapshot) -> RunState:
        return RunState.IDLE

    def shows_new_run(self, now: StatusSnapshot, before: StatusSnapshot) -> bool:
        return False

    def after_start(self, before: StatusSnapshot, start_timeout: float) -> Parcel:
        return self


PARCEL = Parcel(10000, 7, ("a", "b"))


@pytest.mark.parametrize(
    ("status", "shown"), [("1", "1 (packed)"), ("Sent", "Sent"), ("odd\n", "odd "), (None, "None"), ("", "")]
)
def test_a_status_that_is_a_number_is_shown_with_its_meaning(status: str | None, shown: str) -> None:
    assert PARCEL.words.describe(status) == shown
    assert StatusWords(frozenset()).describe("1") == "1"


def test_a_target_is_described_by_kind_id_and_name() -> None:
    assert PARCEL.describe() == "parcel 7"
    assert PARCEL.describe("a\nbook") == "parcel 7 (a book)"
    assert (PARCEL.group, PARCEL.key) == ("parcel", ("parcel", 7))


def test_values_come_back_from_json() -> None:
    assert PARCEL.values() == {"project_id": 10000, "parcel_id": 7, "stops": ["a", "b"]}
    assert Parcel.from_values({**PARCEL.values(), "weight": 5}) == PARCEL
    assert Parcel.from_values({"project_id": 10000, "parcel_id": 7}) == Parcel(10000, 7)


def test_a_target_does_no_more_than_it_says() -> None:
    snapshot = StatusSnapshot("Sent")

    assert (PARCEL.batch(), PARCEL.shows_within, PARCEL.asset_path, PARCEL.why_not_stopped) == (None,) * 4
    assert PARCEL.progress(HOOK) == ""
    assert PARCEL.run_facts(HOOK, snapshot) == {"status": "Sent"}
    assert PARCEL.results(HOOK, snapshot, logging.getLogger(__name__)) == {}
    assert PARCEL.run_marker(HOOK) is None
    assert PARCEL.attached() is PARCEL
    with pytest.raises(NotImplementedError, match=r"^parcel: nothing stops it$"):
        PARCEL.stop(HOOK)


def test_a_kind_has_a_name() -> None:
    with pytest.raises(TypeError, match=r"^Nameless must name its kind$"):

        class Nameless(Parcel):
            kind = ""

    with pytest.raises(TypeError, match=r"^Unnamed must name its kind$"):

        class Unnamed(StartTarget):
            """Has not even the name of a class above."""

    class Letter(Parcel):
        kind = "letter"

    assert Letter(10000, 7).describe() == "letter 7"

    class Abstract(StartTarget, ABC):
        """May leave the name to its subclasses."""

    assert not hasattr(Abstract, "kind")


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_has_ended_when_it_succeeded_or_failed(state: RunState) -> None:
    assert state.has_ended is (state.value in ("succeeded", "failed"))
