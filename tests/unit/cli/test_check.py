"""``check`` says of each part of a connection whether it works, and how to fix what does not."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from airflow_provider_dataworks.cli.checks import CheckResult, check_connection
from airflow_provider_dataworks.client import clock as clock_module
from airflow_provider_dataworks.client.catalog import v2020_05_18
from airflow_provider_dataworks.emulator.actions import action_table
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.editions import EDITIONS
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.hooks.errors import needs_edition
from tests.support.hook import connect

OLD, NEW = "2020-05-18", "2024-05-18"
READS = ("DI jobs", "nodes", "node instances", "data sources")
EVERYTHING = [
    "connection", "credentials", "endpoint", "clock", "signature", "workspace",
    *(f"{read} {OLD}" for read in READS), *(f"{read} {NEW}" for read in READS), "edition",
]  # fmt: skip

Results = dict[str, CheckResult]
Check = Callable[..., Results]


@pytest.fixture
def check(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Return a check of the connection to the emulator; its arguments are fields and extras to change."""

    def run(extra: dict[str, Any] | None = None, project_id: int | None = None, **fields: Any) -> Results:
        connection = dict(dataworks_emulator.connection)
        # The emulator has the quota of an account, which these tests do not share with anything.
        extras = {**connection["extra"], "max_qps": 0, **(extra or {})}
        connect(monkeypatch, {**connection, "extra": extras, **fields})
        results = check_connection(DataWorksHook(), project_id)
        names = [f"{result.name} {result.api_version}" if result.api_version else result.name for result in results]
        assert len(set(names)) == len(names)
        for result in results:
            # One line each; what does not work says what to do.
            assert "\n" not in result.message + result.fix
            assert bool(result.fix) == (result.status in ("warning", "failed")), result
            assert "hidden" not in repr(result)
        return dict(zip(names, results, strict=True))

    dataworks_emulator.settings(read_qps=0)
    return run


def statuses(results: dict[str, CheckResult]) -> dict[str, str]:
    return {name: result.status for name, result in results.items() if result.status != "ok"}


@pytest.mark.parametrize("api_version", [OLD, NEW])
def test_a_connection_without_faults_is_ok_in_every_line(check: Check, api_version: str) -> None:
    results = check({"api_version": api_version})

    assert list(results) == EVERYTHING
    assert statuses(results) == {}
    assert results["connection"].message.endswith(f"workspace 10000, API version {api_version}")


def test_nothing_is_changed(check: Check, dataworks_emulator: EmulatorControl) -> None:
    before = dataworks_emulator.state()
    check()

    assert not any(request["effect"] for request in dataworks_emulator.requests())
    assert {**dataworks_emulator.state(), "counts": {}, "node_instances": [], "node_runs": []} == {
        **before, "counts": {}, "node_instances": [], "node_runs": [],
    }  # fmt: skip


# Editions


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("api_version", [OLD, NEW])
def test_an_edition_shows_what_it_refuses(
    check: Check, dataworks_emulator: EmulatorControl, edition: str, api_version: str
) -> None:
    dataworks_emulator.settings(edition=edition, read_qps=0, total_qps=0)
    results = check({"api_version": api_version})

    refused = edition != "enterprise"
    expected = {f"DI jobs {OLD}": "warning"} if refused else {}
    if refused and api_version == OLD:
        expected["edition"] = "warning"
    assert statuses(results) == expected
    assert ("StartDIJob" in results["edition"].message) == refused
    assert (f"api_version {NEW}" in results["edition"].fix) == (refused and api_version == OLD)


def test_the_actions_of_an_edition_are_those_that_the_emulator_refuses() -> None:
    emulated = {action.name for action in action_table() if action.enterprise and action.version == OLD}
    ours = {action.name for action in v2020_05_18.ACTIONS}

    assert {name for name in ours if needs_edition(name)} == emulated & ours
    assert {"StartDIJob", "RunCycleDagNodes"} <= emulated & ours


# Credentials and clocks

AFTER_SIGNATURE = dict.fromkeys(("workspace", "permissions", "edition"), "skipped")


@pytest.mark.parametrize(
    ("change", "code", "fix"),
    [
        ({"password": "hidden-wrong"}, "SignatureDoesNotMatch", "correct the password"),
        ({"login": "LTAI-nobody"}, "InvalidAccessKeyId.NotFound", "correct the login"),
        (
            {"login": "STS.hidden", "extra": {"security_token": "hidden-token"}},
            "InvalidSecurityToken.Malformed",
            "renew security_token",
        ),
    ],
)
def test_a_wrong_key_fails_the_signature(check: Check, change: dict[str, Any], code: str, fix: str) -> None:
    results = check(**change)

    assert statuses(results) == {"signature": "failed", **AFTER_SIGNATURE}
    assert (results["signature"].code, code in results["signature"].message) == (code, True)
    assert fix in results["signature"].fix
    assert results["signature"].request_id


@pytest.mark.parametrize(("skew", "words"), [(3600, "behind"), (-3600, "ahead of")])
def test_a_clock_off_by_an_hour_is_the_cause_that_is_named(
    check: Check, dataworks_emulator: EmulatorControl, skew: float, words: str
) -> None:
    dataworks_emulator.settings(clock_skew_seconds=skew)
    results = check()

    assert statuses(results) == {"clock": "failed", "signature": "failed", **AFTER_SIGNATURE}
    assert f"s {words} the service's" in results["clock"].message
    assert 3590 < float(results["clock"].message.split(" s ")[0].rpartition(" ")[2]) < 3610
    assert results["signature"].code == "InvalidTimeStamp.Expired"
    assert "clock" in results["signature"].fix


def test_a_clock_off_by_minutes_is_a_warning(check: Check, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(clock_skew_seconds=300)

    assert statuses(check()) == {"clock": "warning"}


class _Ahead(clock_module.Clock):
    def time(self) -> float:
        return super().time() + 3600


def test_it_is_this_machines_clock_that_is_compared(check: Check) -> None:
    with clock_module.installed(_Ahead()):
        results = check()

    assert "s ahead of the service's" in results["clock"].message
    assert results["clock"].status == "failed"


# Regions, endpoints, workspaces


@contextmanager
def unresolvable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with monkeypatch.context() as patch:
        for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(variable, raising=False)
        patch.setattr(socket, "getaddrinfo", fail)
        yield


def test_a_region_that_does_not_exist_has_no_endpoint(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    with unresolvable(monkeypatch):
        results = check({"region_id": "cn-nowhere"}, host="")

    assert statuses(results) == {
        "endpoint": "failed", "clock": "skipped", "signature": "skipped", **AFTER_SIGNATURE,
    }  # fmt: skip
    assert "dataworks.cn-nowhere.aliyuncs.com" in results["endpoint"].message
    assert "check region_id" in results["endpoint"].fix


def test_a_workspace_of_another_region_is_not_there(check: Check) -> None:
    results = check({"project_id": 777})

    assert statuses(results) == {"workspace": "failed", "permissions": "skipped", "edition": "skipped"}
    assert "check project_id and region_id" in results["workspace"].fix


def test_an_argument_wins_over_the_connections_workspace(check: Check) -> None:
    assert statuses(check({"project_id": 777}, project_id=10000)) == {}


def test_a_connection_without_a_workspace_is_a_warning(check: Check) -> None:
    results = check({"project_id": None})

    assert statuses(results) == {"workspace": "warning", "permissions": "skipped", "edition": "skipped"}


def test_an_endpoint_that_does_not_listen(check: Check) -> None:
    results = check(host="http://127.0.0.1:9")

    assert results["endpoint"].status == "failed"
    assert "The host cannot be reached" in results["endpoint"].fix


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"extra": {"api_version": "2019"}}, "field api_version"),
        ({"extra": {"project_id": "five"}}, "field project_id"),
        ({"password": ""}, "field password"),
        ({"host": "https://dataworks.us-east-1.aliyuncs.com"}, "region_id is cn-shanghai"),
    ],
)
def test_a_field_that_cannot_be_used_ends_the_check(check: Check, fields: dict[str, Any], words: str) -> None:
    results = check(**fields)

    assert words in results["connection"].message
    assert statuses(results) == {
        "connection": "failed", "credentials": "skipped", "endpoint": "skipped", "clock": "skipped",
        "signature": "skipped", **AFTER_SIGNATURE,
    }  # fmt: skip


def test_a_connection_that_does_not_exist() -> None:
    first, *_ = check_connection(DataWorksHook("nowhere"))

    assert (first.status, first.message) == ("failed", "There is no connection nowhere.")
    assert "AIRFLOW_CONN_NOWHERE" in first.fix


@pytest.mark.waits
def test_credentials_that_cannot_be_had_are_told_from_the_endpoint(check: Check) -> None:
    results = check({"auth_type": "credentials_uri", "credentials_uri": "http://127.0.0.1:9/keys"})

    assert statuses(results) == {"credentials": "failed", "signature": "skipped", **AFTER_SIGNATURE}


# Permissions


def refuse(emulator: EmulatorControl, action: str, code: str) -> None:
    emulator.add_fault("error", action, count=-1, status=403, code=code, message="You are not authorized.")


@pytest.mark.parametrize("code", ["Forbidden.RAM", "NoPermission"])
def test_a_role_without_rights_is_refused_in_each_line(
    check: Check, dataworks_emulator: EmulatorControl, code: str
) -> None:
    refused = ("GetProject", "ListDIJobs", "ListNodes", "ListTasks", "ListInstances", "ListTaskInstances")
    for action in (*refused, "ListDataSources"):
        refuse(dataworks_emulator, action, code)
    results = check()

    assert statuses(results) == {
        "workspace": "failed",
        **{f"{read} {OLD}": "failed" for read in READS},
        **{f"{read} {NEW}": "warning" for read in READS},
        "edition": "skipped",
    }
    assert results["signature"].status == "ok"
    assert all("grant" in result.fix for result in results.values() if result.status in ("failed", "warning"))


def test_a_single_right_that_is_missing_is_the_only_failure(check: Check, dataworks_emulator: EmulatorControl) -> None:
    refuse(dataworks_emulator, "ListInstances", "Forbidden.RAM")

    assert statuses(check()) == {f"node instances {OLD}": "failed"}


def test_what_the_connection_does_not_use_is_no_failure(check: Check, dataworks_emulator: EmulatorControl) -> None:
    refuse(dataworks_emulator, "ListInstances", "Forbidden.RAM")

    assert statuses(check({"api_version": NEW})) == {f"node instances {OLD}": "warning"}


def test_a_caller_who_is_no_member_of_the_workspace(check: Check, dataworks_emulator: EmulatorControl) -> None:
    refuse(dataworks_emulator, "GetProject", "Invalid.Tenant.UserNotInProject")
    results = check()

    assert statuses(results) == {"workspace": "failed", "permissions": "skipped", "edition": "skipped"}
    assert "add the user or role" in results["workspace"].fix


def test_a_moment_of_throttling_is_no_failure(check: Check, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("throttle", "ListNodes", headers={"Retry-After": "0"})

    assert statuses(check()) == {}


@pytest.mark.waits
def test_an_error_without_advice_says_what_to_do_all_the_same(
    check: Check, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("html", "GetProject", count=2)
    results = check()

    assert statuses(results) == {"workspace": "failed"}
    assert "RequestId" in results["workspace"].fix
    assert results["workspace"].request_id
