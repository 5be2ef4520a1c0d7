"""test_connection proves a connection by one signed read, and says in a short text what is wrong."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import connect, hook_for
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS


def test_workspace_of_the_connection_is_read(dataworks_emulator: EmulatorControl, hook: DataWorksHook) -> None:
    assert hook.test_connection() == (True, "Workspace 10000 answers; it has 6 DI jobs.")
    (entry,) = dataworks_emulator.requests()
    assert entry["action"] == "ListDIJobs"


@IN_BOTH_VERSIONS
def test_workspaces_are_listed_where_the_connection_has_none(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, api_version: str
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch, project_id=None, api_version=api_version)

    assert hook.test_connection() == (True, f"{dataworks_emulator.url} answers and accepts the credentials.")
    (entry,) = dataworks_emulator.requests()
    assert (entry["action"], entry["status"]) == ("ListProjects", 200)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "hidden-wrong"}, "SignatureDoesNotMatch"),
        ({"login": "LTAI-nobody"}, "InvalidAccessKeyId.NotFound"),
        ({"password": ""}, "field password: is empty"),
        ({"host": "http://example.com"}, "plain http is accepted for loopback hosts alone"),
        ({"host": "http://127.0.0.1:1"}, "no connection"),
        ({"extra": {"region_id": "cn-shanghai", "project_id": 5, "max_qps": 0}}, "Invalid.Tenant.ProjectNotExists"),
        ({"extra": {"region_id": "cn-shanghai", "project_id": "five"}}, "field project_id: must be an integer"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], words: str
) -> None:
    connect(monkeypatch, {**dataworks_emulator.connection, **change})

    works, text = DataWorksHook().test_connection()

    assert not works
    assert words in text
    assert "hidden" not in text
    assert len(text) < 500
    # The command line takes brackets for markup and swallows them.
    assert "[" not in text


def test_edition_without_di_jobs_is_said_once_and_no_failure(
    dataworks_emulator: EmulatorControl, hook: DataWorksHook
) -> None:
    dataworks_emulator.settings(edition="basic")

    works, text = hook.test_connection()

    assert works
    assert text.startswith("Workspace 10000 answers, but refuses its DI jobs. ")
    assert "Enterprise Edition or above in this region" in text
    assert "api_version 2024-05-18" in text
    assert text.lower().count("edition") == 1
    assert [entry["action"] for entry in dataworks_emulator.requests()] == ["ListDIJobs", "GetProject"]


def test_edition_does_not_hide_that_the_workspace_is_refused_too(
    dataworks_emulator: EmulatorControl, hook: DataWorksHook
) -> None:
    dataworks_emulator.add_fault("error", count=-1, status=403, code="Forbidden.Access", message="Access is forbidden.")

    works, text = hook.test_connection()

    assert not works
    assert "action GetProject" in text


@IN_2024
def test_each_edition_has_di_jobs_in_2024(dataworks_emulator: EmulatorControl, hook: DataWorksHook) -> None:
    dataworks_emulator.settings(edition="basic")

    assert hook.test_connection() == (True, "Workspace 10000 answers; it has 6 DI jobs.")
    (entry,) = dataworks_emulator.requests()
    assert (entry["method"], entry["action"], entry["version"]) == ("GET", "ListDIJobs", "2024-05-18")


def test_host_name_that_cannot_be_resolved_says_what_to_check(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    connect(monkeypatch, {**dataworks_emulator.connection, "host": "https://dataworks.no-such-host.invalid"})

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    works, text = DataWorksHook().test_connection()

    assert not works
    assert "cannot be resolved" in text[:90]
    for word in ("region_id", "network", "host", "proxy"):
        assert word in text[:200]


def test_connection_that_is_not_there_is_said() -> None:
    works, text = DataWorksHook("there_is_no_such_connection").test_connection()

    assert not works
    assert "there_is_no_such_connection" in text


def test_failing_test_is_no_matter_of_minutes(dataworks_emulator: EmulatorControl, hook: DataWorksHook) -> None:
    dataworks_emulator.add_fault("error", count=-1)

    works, text = hook.test_connection()

    assert not works
    assert "InternalError.System" in text
    assert len(dataworks_emulator.requests()) == 1
