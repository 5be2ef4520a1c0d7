"""The fault campaign notices code that does what it must not; the campaign itself is ``make faults``."""

from __future__ import annotations

import dataclasses
import logging
import re
import warnings
from collections.abc import Callable, Iterator

import airflow
import pytest

from tests.faults.campaign import run_campaign, run_kill_rounds, run_scenarios
from tests.faults.kills import KillPlan, make_kill_plan
from tests.faults.labels import LABELS
from tests.faults.mutants import KILL_MUTANTS, MUTANTS, SCENARIO_MUTANTS, Mutant, ScenarioMutant
from tests.faults.scenarios import SCENARIOS
from tests.faults.schedule import KINDS, NODE_KINDS, Schedule, make_schedule

pytestmark = pytest.mark.skipif(
    airflow.__version__.startswith("2."),
    reason="Airflow 2.11 executes tasks in the thread that imported it alone; make faults runs on the default Airflow",
)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def one_step(seed: int, number: int) -> Schedule:
    schedule = make_schedule(seed)
    return dataclasses.replace(schedule, steps=(schedule.steps[number],))


def violations(*steps: tuple[int, int]) -> str:
    reports = run_campaign([one_step(*step) for step in steps], threads=2)
    return "\n".join(text for report in reports for text in report.violations)


def kill_violations(*plans: KillPlan) -> str:
    with warnings.catch_warnings():
        # The plug-ins of pytest may have threads, but none that holds a lock that a task needs.
        warnings.filterwarnings("ignore", message=".*multi-threaded.*", category=DeprecationWarning)
        reports = run_kill_rounds(plans, lanes=len(plans))
    return "\n".join(text for report in reports for text in report.violations)


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
    assert {step.kind for step in steps} == {*KINDS, *NODE_KINDS}
    assert {(step.kind, step.deferred) for step in steps} >= {
        (kind, deferred)
        for kind in ("start job", "start realtime", "start solution", "sensor", "contested start", "run node")
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


@pytest.mark.parametrize(
    "mutant",
    [pytest.param(mutant, id=mutant.name, marks=pytest.mark.slow if mutant.slow else ()) for mutant in MUTANTS],
)
def test_fault_that_is_put_back_is_noticed(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant.put_back(monkeypatch)

    assert re.search(mutant.noticed, violations(*mutant.at))


@pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(mutant, id=mutant.name, marks=pytest.mark.slow if mutant.slow else ())
        for mutant in SCENARIO_MUTANTS
    ],
)
def test_fault_that_is_put_back_is_noticed_by_its_scenario(
    mutant: ScenarioMutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.put_back(monkeypatch)

    (report,) = run_scenarios(0, [mutant.scenario])

    assert re.search(mutant.noticed, "\n".join(report.violations))


def test_each_scenario_has_a_fault_that_it_notices() -> None:
    assert {mutant.scenario for mutant in SCENARIO_MUTANTS} == set(SCENARIOS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("put_back", "noticed", "plans"), [pytest.param(*mutant[1:], id=mutant[0]) for mutant in KILL_MUTANTS]
)
def test_fault_that_is_put_back_is_noticed_by_kills(
    put_back: Callable[[pytest.MonkeyPatch], None],
    noticed: str,
    plans: tuple[KillPlan, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_back(monkeypatch)

    assert re.search(noticed, kill_violations(*plans))
