"""What each edition refuses, and how many calls it admits."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dataworks.emulator import cli
from airflow_provider_dataworks.emulator.actions import action_table
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.protocol.rate_limiter import DailyLimiter
from airflow_provider_dataworks.emulator.settings import Settings

from .conftest import Caller

LIMITS = ("read_qps", "write_qps", "total_qps", "daily_calls")


def limits(settings: Settings) -> list[int]:
    return [getattr(settings, name) for name in LIMITS]


@pytest.mark.parametrize(
    ("edition", "expected"),
    [
        ("basic", [0, 0, 5, 100]),
        ("standard", [0, 0, 5, 0]),
        ("professional", [0, 0, 5, 0]),
        ("enterprise", [50, 20, 0, 0]),
    ],
)
def test_edition_has_the_published_quota(edition: str, expected: list[int]) -> None:
    changed = Settings()
    changed.change({"edition": edition})

    assert limits(Settings(edition=edition)) == limits(changed) == expected
    assert cli._parser().parse_args(["--edition", edition]).edition == edition


def test_limit_that_is_given_goes_before_that_of_the_edition() -> None:
    settings = Settings(edition="basic", daily_calls=7)
    assert limits(settings) == [0, 0, 5, 7]

    settings.change({"edition": "enterprise", "read_qps": 0})

    assert limits(settings) == [0, 20, 0, 0]


@pytest.mark.parametrize("wrong", [{"edition": "ultimate"}, {"total_qps": -2}, {"daily_calls": 1.5}])
def test_wrong_edition_or_limit_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


def test_di_job_actions_and_runs_of_nodes_of_2020_need_enterprise_and_no_others_do() -> None:
    needing = {(action.version, action.name) for action in action_table() if action.enterprise}

    assert needing == {("2020-05-18", "RunCycleDagNodes"), ("2020-05-18", "RunTriggerNode")} | {
        ("2020-05-18", f"{verb}DIJob{ending}")
        for verb, ending in (
            ("Create", ""), ("Update", ""), ("Delete", ""), ("Get", ""), ("List", "s"), ("Start", ""), ("Stop", ""),
        )
    }  # fmt: skip


def test_reads_and_writes_share_the_limit_of_a_small_edition(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(edition="standard", total_qps=2)

    replies = [call("ListProjects"), call("DeployDISyncTask"), call("ListProjects"), call("DeployDISyncTask")]

    assert [reply.status for reply in replies] == [200, 400, 429, 429]
    assert {reply.code for reply in replies[2:]} == {"Throttling.User"}


def test_calls_beyond_the_daily_limit_are_refused(call: Caller, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(edition="basic", total_qps=0, daily_calls=3)

    replies = [call("ListProjects") for _ in range(2)]
    unsigned = call("ListProjects", headers={"authorization": None})
    refused = call.list()
    last = call("ListProjects")

    assert [reply.status for reply in replies] == [200, 200]
    assert unsigned.code == "IncompleteSignature"
    assert (refused.status, refused.code) == (403, "Forbidden.Access")
    assert (last.status, last.code) == (429, "Throttling.Api.Risk")
    assert "daily available limit" in last.json["Message"]


def test_day_begins_at_midnight_in_china() -> None:
    limiter = DailyLimiter()
    evening = 1_700_064_000 - 1  # 2023-11-15 23:59:59 in China

    assert [limiter.admit(evening, 1), limiter.admit(evening, 1), limiter.admit(evening + 1, 1)] == [True, False, True]
    assert limiter.admit(evening + 1, 0)


@pytest.mark.parametrize("version", ["2020-05-18", "2024-05-18"])
def test_connection_names_the_api_version_that_is_asked_for(version: str) -> None:
    options = cli._parser().parse_args(["--api-version", version])

    extra = Emulator(Settings(api_version=options.api_version)).connection("http://127.0.0.1:1")["extra"]
    assert isinstance(extra, dict)
    assert extra["api_version"] == version


def test_connection_names_no_api_version_by_itself() -> None:
    extra = Emulator(Settings()).connection("http://127.0.0.1:1")["extra"]

    assert extra == {"region_id": "cn-shanghai", "project_id": 10000}
