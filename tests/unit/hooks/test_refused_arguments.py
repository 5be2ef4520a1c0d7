"""Each argument of each method: what can't be used is named and refused before anything is sent."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import CONTENT, PARAM, hook_for
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS

GOOD: dict[str, dict[str, Any]] = {
    "create_di_sync_task": {
        "project_id": 10000,
        "task_type": "DI_OFFLINE",
        "task_name": "a task",
        "task_content": CONTENT,
        "task_param": PARAM,
        "client_token": "token",
    },
    "start_di_sync_instance": {"project_id": 10000, "task_type": "DI_REALTIME", "file_id": 2001, "start_param": {}},
    "stop_di_sync_instance": {"project_id": 10000, "task_type": "DI_REALTIME", "file_id": 2001},
    "get_di_sync_instance_info": {"project_id": 10000, "task_type": "DI_REALTIME", "file_id": 2001},
    "get_solution_detail": {"project_id": 10000, "file_id": 2002},
    "start_di_job": {
        "di_job_id": 1002,
        "realtime_start_settings": {"StartTime": 1671516776, "FailoverSettings": {"Interval": 10, "UpperLimit": 30}},
        "force_to_rerun": True,
    },
    "stop_di_job": {"di_job_id": 1001},
    "get_di_job": {"di_job_id": 1001, "with_details": True},
    "list_di_jobs": {
        "project_id": 10000,
        "job_name": "mysql",
        "source_data_source_type": "MySQL",
        "destination_data_source_type": "Hologres",
        "migration_type": "Full",
        "page_size": 100,
    },
    "read_di_jobs_page": {"project_id": 10000, "page_number": 1},
    "find_di_job": {"project_id": 10000, "di_job_id": 1001, "job_name": "mysql_to_holo_full"},
    "call": {
        "action": "GetDIJob",
        "query": {},
        "body": {"DIJobId": 1001},
        "version": "2020-05-18",
        "method": "POST",
    },
}

#: The same in both API versions.
GOOD_IN_BOTH: dict[str, dict[str, Any]] = {
    "create_di_job": {
        "project_id": 10000,
        "job_name": "a job",
        "migration_type": "Full",
        "source_data_source_type": "MySQL",
        "destination_data_source_type": "Hologres",
        "description": "what it is for" * 1000,
        "source_data_source_settings": [{"DataSourceName": "mysql"}],
        "destination_data_source_settings": '[{"DataSourceName": "holo"}]',
        "resource_settings": {},
        "transformation_rules": [],
        "table_mappings": "[]",
        "job_settings": "{}",
    },
    "update_di_job": {"di_job_id": 1001, "description": "new", "table_mappings": []},
    "delete_di_job": {"di_job_id": 1001},
}
GOOD_IN_2024: dict[str, dict[str, Any]] = {
    "create_di_job": {
        "job_name": "a job",
        "migration_type": "Full",
        "source_data_source_type": "MySQL",
        "destination_data_source_type": "Hologres",
        "job_type": "DatabaseOfflineMigration",
        "owner": "1",
        "file_spec": "spec" * 5000,
    },
    "list_di_job_run_details": {"di_job_id": 1001},
    "list_di_job_events": {"di_job_id": 1001, "event_type": "DDL", "start_time": 1671516776, "end_time": 1671520000},
    "get_di_job_log": {"di_job_id": 1001, "node_type": "WORKER"},
}

#: The same in both API versions, and refused there without a request; of the ids, only the nodes' exist.
GOOD_FOR_NODES: dict[str, dict[str, Any]] = {
    "run_node": {
        "node_id": 4001,
        "bizdate": "2024-11-20",
        "name": "af nightly",
        "parameters": {"a": 1},
        "project_id": 10000,
        "project_env": "PROD",
    },
    "list_nodes": {"project_id": 10000, "node_name": "orders", "project_env": "PROD"},
    "find_node_run": {
        "name": "af nightly",
        "node_id": 4001,
        "bizdate": "2024-11-20",
        "project_id": 10000,
        "project_env": "PROD",
    },
    "get_node_run": {"run_id": 1, "project_env": "PROD"},
    "list_node_instances": {
        "project_id": 10000,
        "node_id": 4001,
        "bizdate": "2024-11-20",
        "run_id": 1,
        "project_env": "PROD",
        "page_size": 100,
    },
    "list_node_instances_page": {
        "bizdate": "2024-11-20",
        "instance_ids": [1, 2],
        "node_ids": [4001],
        "page_number": 1,
        "page_size": 100,
    },
    "read_node_instance": {"instance_id": 1, "project_env": "PROD"},
    "get_node_instance_log": {"instance_id": 1, "project_env": "PROD", "run_number": 1},
    "stop_node_instance": {"instance_id": 1, "project_env": "PROD"},
    "find_node": {"node_name": "orders_batch", "project_id": 10000, "project_env": "PROD"},
    "read_node": {"node_id": 4001, "project_env": "PROD"},
    "trigger_node": {
        "node_id": 4006,
        "bizdate": "2024-11-20",
        "trigger_time": 1732032000000,
        "project_id": 10000,
        "project_env": "PROD",
    },
}

BAD_IDS: list[Any] = [0, -1, 1.5, "1.5", "abc", True, [], {}, 2**63, "１２", b"1", "-1", "1 2"]
BAD_TEXTS: list[Any] = [5, [], {}, True, b"text"]
BAD_OBJECTS: list[Any] = [
    "[]",
    "5",
    "{",
    "not json",
    5,
    [],
    ["a"],
    "{'a'",
    True,
    '{"a": ["b" "c"]}',
    '{"a": 1,}',
    "a.json",
]

BAD: dict[tuple[str, str], list[Any]] = {
    ("create_di_sync_task", "project_id"): [*BAD_IDS, 10_000_000_001],
    ("create_di_sync_task", "task_type"): ["", None, "di_offline", "OFFLINE", 5],
    ("create_di_sync_task", "task_name"): ["", "  ", None, *BAD_TEXTS],
    ("create_di_sync_task", "task_content"): ["", None, *BAD_OBJECTS, {"a": {1, 2}}, {"a": float("nan")}],
    ("create_di_sync_task", "task_param"): [*BAD_OBJECTS, {"a": object()}],
    ("create_di_sync_task", "client_token"): BAD_TEXTS,
    ("start_di_sync_instance", "project_id"): BAD_IDS,
    ("start_di_sync_instance", "task_type"): ["DI_OFFLINE", "", None],
    ("start_di_sync_instance", "file_id"): ["", None, *BAD_IDS],
    ("start_di_sync_instance", "start_param"): BAD_OBJECTS,
    ("stop_di_sync_instance", "project_id"): BAD_IDS,
    ("stop_di_sync_instance", "task_type"): ["DI_OFFLINE", "DI_SOLUTION", None],
    ("stop_di_sync_instance", "file_id"): ["", None, *BAD_IDS],
    ("get_di_sync_instance_info", "project_id"): BAD_IDS,
    ("get_di_sync_instance_info", "task_type"): ["DI_OFFLINE", None],
    ("get_di_sync_instance_info", "file_id"): ["", None, *BAD_IDS],
    ("get_solution_detail", "project_id"): BAD_IDS,
    ("get_solution_detail", "file_id"): ["", None, *BAD_IDS],
    ("start_di_job", "di_job_id"): ["", None, *BAD_IDS],
    ("start_di_job", "realtime_start_settings"): [
        *BAD_OBJECTS,
        {"starttime": 1},
        {"StartTime": 1671516776000},
        {"StartTime": "1671516776000"},
        {"StartTime": "yesterday"},
        {"StartTime": "20221220"},
        {"StartTime": 20221220},
        {"StartTime": 2026010108.0},
        {"StartTime": 0},
        {"StartTime": 4_000_000_000},
        {"StartTime": -1},
        {"StartTime": True},
        {"StartTime": float("nan")},
        {"StartTime": float("inf")},
        {"StartTime": datetime.date(2022, 12, 20)},
        {"FailoverSettings": 5},
        {"FailoverSettings": {"interval": 5}},
        {"FailoverSettings": {"Interval": 0}},
        {"FailoverSettings": {"Interval": "soon"}},
        {"FailoverSettings": {"UpperLimit": -1}},
        {"FailoverSettings": {"UpperLimit": 1.5}},
    ],
    ("start_di_job", "force_to_rerun"): ["maybe", 5, [], "ja"],
    ("stop_di_job", "di_job_id"): ["", None, *BAD_IDS],
    ("get_di_job", "di_job_id"): ["", None, *BAD_IDS],
    ("get_di_job", "with_details"): ["maybe", 2],
    ("list_di_jobs", "project_id"): BAD_IDS,
    ("list_di_jobs", "job_name"): BAD_TEXTS,
    ("list_di_jobs", "source_data_source_type"): BAD_TEXTS,
    ("list_di_jobs", "destination_data_source_type"): BAD_TEXTS,
    ("list_di_jobs", "migration_type"): BAD_TEXTS,
    ("list_di_jobs", "page_size"): [0, 101, -1, "many", None],
    ("read_di_jobs_page", "project_id"): BAD_IDS,
    ("read_di_jobs_page", "page_number"): [0, -1, "first", None],
    ("find_di_job", "project_id"): BAD_IDS,
    ("find_di_job", "di_job_id"): BAD_IDS,
    ("find_di_job", "job_name"): BAD_TEXTS,
    ("call", "action"): ["", None, 5, "List DIJobs", "GetDIJob\r\nx-acs-evil: 1", "列表"],
    ("call", "query"): ["a=b", 5, [("a", "b")]],
    ("call", "body"): ["a=b", 5, [("a", "b")]],
    ("call", "version"): ["2024", 2024, "latest", []],
    ("call", "method"): ["get", "PUT", 5, []],
}


BAD_LISTS: list[Any] = ["{}", "5", "[", "not json", 5, {}, True, "a.json"]
BAD_IN_BOTH: dict[tuple[str, str], list[Any]] = {
    ("create_di_job", "project_id"): BAD_IDS,
    ("create_di_job", "job_name"): ["", None, *BAD_TEXTS],
    ("create_di_job", "migration_type"): ["", None, *BAD_TEXTS],
    ("create_di_job", "source_data_source_type"): ["", None, *BAD_TEXTS],
    ("create_di_job", "destination_data_source_type"): ["", None, *BAD_TEXTS],
    ("create_di_job", "description"): BAD_TEXTS,
    ("create_di_job", "source_data_source_settings"): BAD_LISTS,
    ("create_di_job", "destination_data_source_settings"): BAD_LISTS,
    ("create_di_job", "resource_settings"): BAD_OBJECTS,
    ("create_di_job", "transformation_rules"): [*BAD_LISTS, [float("nan")]],
    ("create_di_job", "table_mappings"): [*BAD_LISTS, [{1, 2}]],
    ("create_di_job", "job_settings"): BAD_OBJECTS,
    ("update_di_job", "di_job_id"): ["", None, *BAD_IDS],
    ("update_di_job", "description"): BAD_TEXTS,
    ("update_di_job", "table_mappings"): BAD_LISTS,
    ("delete_di_job", "di_job_id"): ["", None, *BAD_IDS],
}
BAD_IN_2024: dict[tuple[str, str], list[Any]] = {
    ("create_di_job", "job_type"): BAD_TEXTS,
    ("create_di_job", "owner"): BAD_TEXTS,
    ("create_di_job", "file_spec"): BAD_TEXTS,
    ("list_di_job_run_details", "di_job_id"): ["", None, *BAD_IDS],
    ("list_di_job_events", "di_job_id"): ["", None, *BAD_IDS],
    ("list_di_job_events", "event_type"): ["", None, "failover", 5],
    ("list_di_job_events", "start_time"): [0, 1671516776000, "yesterday", True],
    ("list_di_job_events", "end_time"): [0, 1671516776000, "yesterday", True],
    ("get_di_job_log", "di_job_id"): ["", None, *BAD_IDS],
    ("get_di_job_log", "node_type"): ["master", 5],
}
BAD_DATES: list[Any] = ["2024-02-30", "20.11.2024", 2024112, "2024", "yesterday", True, "２024-11-20", "9999-01-01"]
BAD_WORDS: list[Any] = ["", None, "TEST", 5, []]
#: By argument: what it is called is the same in all methods of nodes.
BAD_FOR_NODES: dict[str, list[Any]] = {
    "node_id": BAD_IDS,
    "run_id": BAD_IDS,
    "instance_id": ["", None, *BAD_IDS],
    "instance_ids": [[], [0], "abc", ["a"]],
    "node_ids": [[], [0], "abc", ["a"]],
    "project_id": BAD_IDS,
    "project_env": BAD_WORDS,
    "bizdate": BAD_DATES,
    "name": ["", None, "x" * 129, *BAD_TEXTS],
    "node_name": BAD_TEXTS,
    "parameters": [5, ["a=1"], True, "{", "{'a'"],
    "page_size": [0, 501, "many"],
    "page_number": [0, "first", None],
    "run_number": [0, -1, "last"],
    "trigger_time": [1732032000, "noon", True, 10**13, datetime.datetime.max],  # noqa: DTZ901 - as users write it
}


def arguments_of(calls: dict[str, dict[str, Any]]) -> set[tuple[str, str]]:
    return {(method, argument) for method, arguments in calls.items() for argument in arguments}


def test_every_argument_is_tried() -> None:
    assert set(BAD) == arguments_of(GOOD)
    assert set(BAD_IN_BOTH) == arguments_of(GOOD_IN_BOTH)
    asked_before = {("create_di_job", argument) for argument in GOOD_IN_BOTH["create_di_job"]}
    assert set(BAD_IN_2024) == arguments_of(GOOD_IN_2024) - asked_before


def check_taken(hook: DataWorksHook, emulator: EmulatorControl, method: str, arguments: dict[str, Any]) -> None:
    result = getattr(hook, method)(**arguments)
    if method.startswith("list_"):
        list(result)

    assert emulator.requests()
    assert {entry["status"] for entry in emulator.requests()} == {200}


@pytest.mark.parametrize("method", GOOD)
def test_good_arguments_are_taken(hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str) -> None:
    check_taken(hook, dataworks_emulator, method, GOOD[method])


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("method", GOOD_IN_BOTH)
def test_good_arguments_are_taken_in_both_versions(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str
) -> None:
    check_taken(hook, dataworks_emulator, method, GOOD_IN_BOTH[method])


@IN_2024
@pytest.mark.parametrize("method", GOOD_IN_2024)
def test_good_arguments_are_taken_in_2024(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str
) -> None:
    check_taken(hook, dataworks_emulator, method, GOOD_IN_2024[method])


@pytest.mark.parametrize(("method", "argument"), BAD)
def test_bad_argument_is_named_and_nothing_is_sent(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, argument: str
) -> None:
    check_refused(hook, dataworks_emulator, (method, argument), GOOD[method], BAD[method, argument])


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(("method", "argument"), BAD_IN_BOTH)
def test_bad_argument_is_named_and_nothing_is_sent_in_both_versions(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, argument: str
) -> None:
    check_refused(hook, dataworks_emulator, (method, argument), GOOD_IN_BOTH[method], BAD_IN_BOTH[method, argument])


@IN_2024
@pytest.mark.parametrize(("method", "argument"), BAD_IN_2024)
def test_bad_argument_is_named_and_nothing_is_sent_in_2024(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, argument: str
) -> None:
    check_refused(hook, dataworks_emulator, (method, argument), GOOD_IN_2024[method], BAD_IN_2024[method, argument])


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(("method", "argument"), sorted(arguments_of(GOOD_FOR_NODES)))
def test_bad_argument_about_nodes_is_named_and_nothing_is_sent(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, argument: str
) -> None:
    check_refused(hook, dataworks_emulator, (method, argument), GOOD_FOR_NODES[method], BAD_FOR_NODES[argument])


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("create_di_job", "job_type"),
        ("create_di_job", "owner"),
        ("create_di_job", "file_spec"),
        ("update_di_job", "owner"),
    ],
)
def test_argument_of_2024_is_refused_in_2020_with_the_way_to_go(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, argument: str
) -> None:
    words = "set api_version to 2024-05-18 on the connection dataworks_default"
    with pytest.raises(
        DataWorksParameterError, match=f"^{argument}: is no parameter of .* in API version 2020.*{words}"
    ):
        getattr(hook, method)(**{**GOOD_IN_BOTH[method], argument: "x"})

    assert dataworks_emulator.requests() == []


@pytest.mark.parametrize("method", ["list_di_job_run_details", "list_di_job_events", "get_di_job_log"])
def test_method_of_2024_names_api_version_in_2020(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str
) -> None:
    words = f"^api_version: {method} does not exist in 2020-05-18: set api_version to 2024-05-18 on the connection"
    with pytest.raises(DataWorksParameterError, match=words):
        getattr(hook, method)(**GOOD_IN_2024[method])

    assert dataworks_emulator.requests() == []


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("name", ["resource_setting", "JobSetting", "Id", "wait"])
def test_setting_that_a_job_does_not_have_is_refused(hook: DataWorksHook, name: str) -> None:
    with pytest.raises(DataWorksParameterError, match=f"^{name}: is no setting of a DI job; accepted: description, "):
        hook.update_di_job(di_job_id=1001, **{name: {}})


@IN_BOTH_VERSIONS
def test_settings_may_have_the_names_of_the_api(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    hook.update_di_job(di_job_id=1001, ResourceSettings={"RequestedCu": 2}, Description="new")

    details: dict[str, Any] = dict(hook.get_di_job(di_job_id=1001, with_details=True))
    assert (details["ResourceSettings"], details["Description"]) == ({"RequestedCu": 2}, "new")


def check_refused(
    hook: DataWorksHook, emulator: EmulatorControl, which: tuple[str, str], good: dict[str, Any], bad: list[Any]
) -> None:
    method, argument = which
    for value in bad:
        with pytest.raises(DataWorksParameterError) as raised:
            getattr(hook, method)(**{**good, argument: value})
        assert raised.value.name.startswith(argument), value
        assert str(raised.value).startswith(argument)
        assert len(str(raised.value)) < 400

    assert emulator.requests() == []


def test_milliseconds_are_refused_by_name(hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksParameterError, match=r"StartTime: must be in seconds; .*looks like milliseconds"):
        hook.start_di_job(di_job_id=1, realtime_start_settings={"StartTime": 1671516776000})


@pytest.mark.parametrize("nothing", [None, "", "None", "null", " "])
def test_project_of_the_connection_stands_in(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, nothing: str | None
) -> None:
    assert len(list(hook.list_di_jobs(project_id=nothing))) == 6
    assert dataworks_emulator.requests()[0]["form"]["ProjectId"] == "10000"


def test_project_that_nobody_gives_is_named(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch, project_id=None)

    with pytest.raises(DataWorksParameterError, match="project_id: is missing: give it here or on the connection"):
        hook.list_di_jobs()
    assert dataworks_emulator.requests() == []


def test_job_to_find_needs_an_id_or_a_name(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksParameterError, match="give di_job_id or job_name"):
        hook.find_di_job()
    assert dataworks_emulator.requests() == []


def test_start_param_of_a_solution_is_warned_of(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(hook.log, "warning", lambda text, *values: warnings.append(text % values))

    hook.start_di_sync_instance(task_type="DI_SOLUTION", file_id=2002, start_param={"errorLimit": {"record": 0}})

    assert warnings == ["start_param has no effect on a DI_SOLUTION"]
    assert dataworks_emulator.file(2002)["starts"] == 1


# What templates render


@pytest.mark.parametrize(
    ("method", "arguments", "sent"),
    [
        ("stop_di_job", {"di_job_id": " 1001 "}, {"DIJobId": "1001"}),
        ("get_di_job", {"di_job_id": "1001", "with_details": "True"}, {"DIJobId": "1001", "WithDetails": "true"}),
        ("get_di_job", {"di_job_id": 1001}, {"DIJobId": "1001", "WithDetails": "false"}),
        (
            "start_di_job",
            {"di_job_id": "1001", "force_to_rerun": "False"},
            {"DIJobId": "1001", "ForceToRerun": "false"},
        ),
        ("start_di_job", {"di_job_id": "1001", "force_to_rerun": ""}, {"DIJobId": "1001"}),
        ("start_di_job", {"di_job_id": "1001", "realtime_start_settings": "None"}, {"DIJobId": "1001"}),
        (
            "start_di_job",
            {"di_job_id": "1002", "realtime_start_settings": "{'StartTime': '1671516776'}"},
            {"DIJobId": "1002", "RealtimeStartSettings": '{"StartTime":1671516776}'},
        ),
        (
            "start_di_job",
            {
                "di_job_id": 1002,
                "realtime_start_settings": '{"StartTime": "2022-12-20T06:12:56Z", "FailoverSettings": '
                '{"UpperLimit": "30", "Interval": 10}}',
            },
            {
                "DIJobId": "1002",
                "RealtimeStartSettings": '{"FailoverSettings":{"Interval":10,"UpperLimit":30},"StartTime":1671516776}',
            },
        ),
    ],
)
def test_rendered_text_works_where_its_type_would(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, method: str, arguments: dict[str, Any], sent: Any
) -> None:
    getattr(hook, method)(**arguments)

    assert dataworks_emulator.requests()[-1]["form"] == sent


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        ({"type": "job", "n": "中"}, '{"type":"job","n":"中"}'),
        ("{'type': 'job', 'n': None}", '{"type":"job","n":null}'),
        ('{ "type" : "job",\n "n": 1.0 }', '{ "type" : "job",\n "n": 1.0 }'),
    ],
)
def test_content_is_sent_as_json_and_json_text_as_it_was_written(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, content: Any, sent: str
) -> None:
    file_id = hook.create_di_sync_task(task_type="DI_OFFLINE", task_name="t", task_content=content)

    assert dataworks_emulator.file(file_id)["TaskContent"] == sent


@pytest.mark.parametrize("settings", [{"StartTime": None}, "{'StartTime': None}", {}, {"FailoverSettings": {}}])
def test_start_settings_without_a_value_are_not_sent(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(hook.log, "warning", lambda text, *values: warnings.append(text % values))

    hook.start_di_job(di_job_id=1002, realtime_start_settings=settings)

    assert dataworks_emulator.requests()[-1]["form"] == {"DIJobId": "1002"}
    expected = ["DI job 1002: StartTime of realtime_start_settings is None and is left out"]
    assert warnings == (expected if "StartTime" in settings else [])


def test_start_time_is_logged_with_its_iso_form(hook: DataWorksHook, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(hook.log, "info", lambda text, *values: lines.append(text % values))

    hook.start_di_job(di_job_id=1002, realtime_start_settings={"StartTime": "2022-12-20 20:00:00+08:00"})

    assert "DI job 1002: StartTime is 1671537600 (2022-12-20T12:00:00Z)" in lines
