"""Instances of nodes go through their statuses, and write their logs, by the clock."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.backend.business_dates import cycles, day_of, milliseconds
from airflow_provider_dataworks.emulator.backend.resources.node_instances import NodeInstance, prepare
from airflow_provider_dataworks.emulator.backend.resources.nodes import Node
from airflow_provider_dataworks.emulator.settings import Settings

SETTINGS = Settings(run_seconds=10, stop_seconds=1)


def instance_of(*, due_in: float = 0.0, **node: Any) -> NodeInstance:
    """Return an instance that was not planned yet."""
    instance = NodeInstance(1, 10000, 2, bizdate="2024-11-20", cycle_time=time.time() + due_in, status="NOT_RUN")
    instance.node = Node(2, 10000, "n", **node)
    prepare(SETTINGS, instance)
    return instance


def statuses(instance: NodeInstance, now: float, *moments: float) -> list[str | None]:
    """Return the status at moments, in seconds after ``now``."""
    seen = []
    for moment in moments:
        instance.advance(now + moment)
        seen.append(instance.status)
    return seen


def test_instance_waits_until_it_is_due_then_for_resources_then_runs() -> None:
    instance, now = instance_of(due_in=100, wait_seconds=5), time.monotonic()
    instance.plan(SETTINGS, now, immediately=False)

    assert statuses(instance, now, 1, 101, 106, 114, 116) == [
        "WAIT_TIME",
        "WAIT_RESOURCE",
        "RUNNING",
        "RUNNING",
        "SUCCESS",
    ]
    assert instance.parameters == "bizdate=20241120"


def test_instance_that_is_told_to_run_does_not_wait_until_it_is_due() -> None:
    instance, now = instance_of(due_in=100), time.monotonic()
    instance.plan(SETTINGS, now, immediately=True)

    assert statuses(instance, now, 1, 11) == ["RUNNING", "SUCCESS"]


def test_each_rerun_takes_one_off_and_has_its_own_log() -> None:
    instance = instance_of(rerun_times=2, rerun_seconds=5, failing_runs=1, error_code="E-1")
    now = time.monotonic()
    assert instance.rerun_left == 3
    instance.plan(SETTINGS, now, immediately=True)

    assert statuses(instance, now, 1) == ["RUNNING"]
    assert (instance.rerun_left, instance.run_number) == (2, 1)
    assert statuses(instance, now, 12) == ["FAILURE"]
    assert instance.awaits_rerun
    assert statuses(instance, now, 17) == ["RUNNING"]
    assert (instance.rerun_left, instance.run_number, instance.finished_time) == (1, 2, None)
    assert statuses(instance, now, 26) == ["SUCCESS"]
    assert "Code:[E-1]" in instance.log(now + 30, 1)
    assert "Code:[E-1]" not in instance.log(now + 30)


def test_node_that_denies_reruns_is_not_rerun() -> None:
    instance, now = instance_of(rerun_times=2, rerun_mode="ALL_DENIED", outcome="FAILURE"), time.monotonic()
    instance.plan(SETTINGS, now, immediately=True)

    assert statuses(instance, now, 11) == ["FAILURE"]
    assert not instance.awaits_rerun


def test_stopped_instance_fails_a_little_later_and_is_not_rerun() -> None:
    instance, now = instance_of(rerun_times=2, outcome="FAILURE"), time.monotonic()
    instance.plan(SETTINGS, now, immediately=True)
    instance.advance(now + 2)

    assert instance.stop(SETTINGS, now + 2)

    assert not instance.stop(SETTINGS, now + 2)
    assert statuses(instance, now, 2.5, 3.5, 200) == ["RUNNING", "FAILURE", "FAILURE"]
    assert (instance.rerun_left, instance.awaits_rerun) == (0, False)
    assert "killed" in instance.log(now + 4)


def test_waiting_instance_can_be_suspended_and_resumed() -> None:
    instance, now = instance_of(due_in=100), time.monotonic()
    instance.plan(SETTINGS, now, immediately=False)
    instance.advance(now + 1)

    assert instance.suspend(now + 1)
    assert statuses(instance, now, 200) == ["WAIT_TIME"]
    assert instance.resume(SETTINGS, now + 200)

    assert statuses(instance, now, 201, 211) == ["RUNNING", "SUCCESS"]


def test_trigger_that_comes_early_is_kept_until_the_instance_is_due() -> None:
    instance, now = instance_of(due_in=100, is_trigger=True), time.monotonic()
    instance.plan(SETTINGS, now, immediately=False)
    instance.advance(now + 1)

    assert instance.trigger(SETTINGS, now + 1)

    assert not instance.trigger(SETTINGS, now + 1)
    assert statuses(instance, now, 50, 102, 113) == ["WAIT_TIME", "RUNNING", "SUCCESS"]


def test_log_only_grows() -> None:
    instance, now = instance_of(records=500), time.monotonic()
    instance.plan(SETTINGS, now, immediately=True)
    logs = []
    for moment in (0, 1.5, 3, 9, 10.5):
        instance.advance(now + moment)
        logs.append(instance.log(now + moment))

    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(logs))
    assert "1(SUBMIT)" in logs[0]
    assert "2(WAIT)" in logs[1]
    assert "3(RUN)" in logs[2]
    assert "SUCCESS" not in logs[3]
    assert "Total: 500R" in logs[4]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("00 05 00 * * ?", [300]),
        ("00 00 */6 * * ?", [0, 21600, 43200, 64800]),
        ("0 0 22-23 * * ?", [79200, 82800]),
        ("0 10,40 1 * * ?", [4200, 6000]),
        ("0 30/15 2 * * ?", [9000, 9900]),
    ],
)
def test_cron_expression_has_its_cycles(cron: str, expected: list[int]) -> None:
    assert cycles(cron) == expected


@pytest.mark.parametrize("cron", ["", "daily", "0 0 24 * * ?", "0 60 0 * * ?", "0 0 */0 * * ?", "0 a 0 * * ?", "0 0 0"])
def test_wrong_cron_expression_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match="cron"):
        cycles(cron)


def test_business_date_is_midnight_in_the_zone() -> None:
    shanghai, berlin = Settings().zone, Settings(time_zone="Europe/Berlin").zone
    day = day_of(1732032000000, shanghai)

    assert day is not None
    assert day.isoformat() == "2024-11-20"
    assert milliseconds(day, berlin) == 1732032000000 + 7 * 3600_000
    assert day_of(1732032000001, shanghai) is None
    with pytest.raises(ValueError, match="time_zone"):
        Settings(time_zone="Nowhere/Town")
