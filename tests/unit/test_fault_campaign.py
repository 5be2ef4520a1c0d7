"""The fault campaign notices code that does what it must not; the campaign itself is ``make faults``."""

from __future__ import annotations

import dataclasses
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import airflow
import pytest

from airflow_provider_dataworks import exceptions
from airflow_provider_dataworks.hooks import dataworks as hook_module
from airflow_provider_dataworks.operators import data_integration as operator_module
from airflow_provider_dataworks.waiting import Verdict
from tests.faults.campaign import run_campaign
from tests.faults.kills import make_kill_plan
from tests.faults.labels import LABELS
from tests.faults.schedule import KINDS, make_schedule

pytestmark = pytest.mark.skipif(
    airflow.__version__.startswith("2."),
    reason="Airflow 2.11 executes tasks in the thread that imported it alone; make faults runs on the default Airflow",
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def violations(*steps: tuple[int, int]) -> str:
    """What does not hold in single steps of schedules, each by its seed and number."""
    schedules = [make_schedule(seed) for seed, _ in steps]
    alone = [
        dataclasses.replace(schedule, steps=(schedule.steps[number],))
        for schedule, (_, number) in zip(schedules, steps, strict=True)
    ]
    return "\n".join(text for report in run_campaign(alone, threads=2) for text in report.violations)


def test_same_seed_makes_the_same_schedule() -> None:
    assert [make_schedule(seed) for seed in range(50)] == [make_schedule(seed) for seed in range(50)]
    assert make_schedule(1) != make_schedule(2)


def test_same_seed_makes_the_same_round_of_kills() -> None:
    assert [make_kill_plan(seed) for seed in range(50)] == [make_kill_plan(seed) for seed in range(50)]
    assert make_kill_plan(1) != make_kill_plan(2)


def test_two_hundred_schedules_have_every_fault_and_every_step() -> None:
    schedules = [make_schedule(seed) for seed in range(200)]
    steps = [step for schedule in schedules for step in schedule.steps]

    assert {fault.label for step in steps for fault in step.faults} == set(LABELS)
    assert {step.kind for step in steps} == set(KINDS)
    assert {(step.kind, step.deferred) for step in steps} >= {
        (kind, deferred)
        for kind in ("start job", "start realtime", "start solution", "sensor", "contested start")
        for deferred in (True, False)
    }
    assert any(step.race for step in steps)
    assert any(step.shift for step in steps)
    assert any(step.clocks_differ for step in steps)
    assert {step.fails_after for step in steps} == {0, 1, 2}
    assert {schedule.bystanders for schedule in schedules} == {0, 2, 20}


def test_sixty_rounds_of_kills_end_processes_by_both_signals_at_every_stage() -> None:
    plans = [make_kill_plan(seed) for seed in range(60)]

    assert {plan.term for plan in plans} == {False, True}
    assert {word for plan in plans for word, _ in plan.moments} == {"began", "sending", "returned"}
    assert any(plan.late for plan in plans)


def test_blind_repeat_of_a_start_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_module.DataWorksHook, "_settle", lambda *_: lambda error: None)

    found = violations((558, 2), (565, 0))

    assert "started 2 runs" in found or "start requests were accepted for" in found


def test_success_of_the_run_before_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_module, "new_run_shows", lambda *_: True)

    assert "succeeded before its run got there" in violations((2, 3), (5, 0))


def test_success_of_a_job_that_failed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(status: str, *_: Any) -> Verdict:
        return Verdict.REACHED if status in ("Finished", "Failed", "Stopped") else Verdict.GO_ON

    monkeypatch.setattr(operator_module, "judge", careless)

    assert "succeeded although the run ended Failed" in violations((21, 0))


def test_new_client_token_at_each_try_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operator_module, "client_token_for", lambda _: uuid.uuid4().hex)

    assert "client tokens in one run" in violations((3, 0))


def test_lost_request_id_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(error: Any) -> exceptions.DataWorksError:
        error.request_id = None
        return exceptions.from_client(error)

    monkeypatch.setattr(hook_module, "from_client", forgetful)

    assert "has no RequestId although the server gave one" in violations((569, 3), (87, 1))
