"""Answers of both API versions become the same models; what cannot be read is said by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.client.actions import Action, Envelope, UnreadableContentError
from airflow_provider_dataworks.client.catalog import (
    API_VERSIONS,
    DATA_SOURCES,
    DI_JOBS,
    data_sources,
    di_jobs,
    find_action,
    generated_content,
    nodes,
    paging,
)
from airflow_provider_dataworks.client.models import (
    DataSource,
    DIJob,
    JobPage,
    Node,
    NodeInstance,
    NodeRun,
    RunSummary,
)

MIDNIGHT = 1732032000000  # 2024-11-20 in China


def unreadable(read: Callable[[], object], problem: str) -> None:
    with pytest.raises(UnreadableContentError, match=f"^{re.escape(problem)}$"):
        read()


def test_an_action_is_found_by_name_and_version() -> None:
    assert API_VERSIONS == ("2020-05-18", "2024-05-18")
    for version in API_VERSIONS:
        found = find_action("ListDIJobs", version)
        assert found is DI_JOBS[version].list_jobs
    assert find_action("ListDIJobs", "2015-01-01") is None


# Lists


@pytest.mark.parametrize(
    ("content", "entries", "total"),
    [
        ({"Nodes": [{"a": 1}], "TotalCount": "7"}, ({"a": 1},), 7),
        ({"Nodes": None, "TotalCount": 0}, (), 0),
        ({"TotalCount": None}, (), None),
        ({}, (), None),
    ],
)
def test_a_page_has_entries_and_a_total(content: dict[str, Any], entries: tuple[Any, ...], total: int | None) -> None:
    assert paging.read_entries(content, name="Nodes") == paging.EntryPage(entries, total)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"Nodes": "x"}, "Nodes is no list of objects"),
        ({"Nodes": [{}, 1]}, "Nodes is no list of objects"),
        ({"TotalCount": "x" * 80}, f"TotalCount is '{'x' * 49}"),
        ({"TotalCount": -1}, "TotalCount is -1"),
    ],
)
def test_what_is_no_page_cannot_be_read(content: dict[str, Any], problem: str) -> None:
    unreadable(lambda: paging.read_entries(content, name="Nodes"), problem)


# DI jobs


def test_a_job_of_either_version_is_the_same() -> None:
    older = {
        "DIJobId": "7",
        "ProjectId": "10000",
        "StartedTime": "1732032000",
        "JobStatus": "Finished",
        "JobName": "orders",
        "MigrationType": "Full",
        "ErrorMessage": 5,
    }
    job = di_jobs.read_job(older)

    assert job == DIJob(
        7,
        "Finished",
        project_id=10000,
        name="orders",
        migration_type="Full",
        started_time=1732032000,
        error_message="5",
    )
    assert job.fields == {**older, "DIJobId": 7, "ProjectId": 10000, "StartedTime": 1732032000}
    newer = di_jobs.read_job({"Id": 7, "JobStatus": "Stop"})
    assert newer == DIJob(7, "Stopped")
    assert newer.fields == {"Id": 7, "DIJobId": 7, "JobStatus": "Stopped"}


def test_a_job_that_does_not_say_its_id_is_the_one_that_was_asked_for() -> None:
    assert di_jobs.read_job({"StartedTime": ""}, di_job_id=7) == DIJob(7, "")
    assert di_jobs.read_job({"Id": 8}, di_job_id=7).id == 8
    unreadable(lambda: di_jobs.read_job({}), "a job has no id")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("x" * 80, f"a job is '{'x' * 49}"),
        ({"DIJobId": "x" * 80}, f"DIJobId of a job is '{'x' * 49}"),
        ({"DIJobId": 7, "StartedTime": [1]}, "StartedTime of a job is [1]"),
        ({"DIJobId": 7, "JobName": 5}, "JobName of a job is 5"),
        ({"DIJobId": 7, "JobStatus": ["x" * 80]}, f"JobStatus of a job is ['{'x' * 48}"),
    ],
)
def test_what_is_no_job_cannot_be_read(entry: Any, problem: str) -> None:
    unreadable(lambda: di_jobs.read_job(entry), problem)


@pytest.mark.parametrize("version", API_VERSIONS)
def test_jobs_are_read_from_where_the_version_has_them(version: str) -> None:
    actions = DI_JOBS[version]
    listed = {"DIJobs": [{"DIJobId": 7, "JobStatus": "Running"}], "TotalCount": 1}

    assert actions.version == version
    assert actions.read_page({str(actions.list_jobs.envelope.content): listed}) == JobPage((DIJob(7, "Running"),), 1)
    assert actions.read_job({str(actions.get_job.envelope.content): {}}, 7) == DIJob(7, "")
    assert di_jobs.read_page({}) == JobPage(())
    unreadable(lambda: di_jobs.read_page({"DIJobs": "x"}), "DIJobs is no list")


def test_a_run_is_summed_over_its_tables() -> None:
    tables: list[dict[str, Any]] = [
        {
            "FullMigrationStatus": "Finished",
            "OfflineTotalRecords": 5,
            "OfflineTotalBytes": "50",
            "OfflineErrorRecords": 1,
        },
        {
            "FullMigrationStatus": "Running",
            "RealtimeMigrationStatus": "Running",
            "OfflineTotalRecords": None,
            "SourceDatabaseName": "shop",
            "SourceTableName": "orders\n",
            "FullMigrationErrorMessage": "no\nrights",
            "RealtimeMigrationErrorMessage": "gone",
        },
        {"RealtimeMigrationStatus": "Running", "OfflineTotalBytes": "x", "StructureMigrationErrorMessage": "bad"},
        {"StructureMigrationStatus": "Finished", "OfflineTotalRecords": 2, "OfflineErrorRecords": 2},
        {},
    ]

    assert di_jobs.summarize_run(iter(tables)) == RunSummary(
        tables=5,
        tables_finished=3,
        records=7,
        bytes=50,
        error_records=3,
        errors=("shop.orders : no rights", "shop.orders : gone", "a table: bad"),
    )


# Nodes


def test_a_node_of_either_version_is_the_same() -> None:
    older = {
        "NodeId": "4001",
        "NodeName": "orders",
        "ParamValues": "a=1",
        "SchedulerType": "NORMAL",
        "CronExpress": "00 00 02 * * ?",
    }
    newer = {
        "Id": 4001,
        "Name": "orders",
        "Script": {"Parameters": "a=1"},
        "Trigger": {"Recurrence": "Normal", "Cron": "00 00 02 * * ?"},
        "RerunTimes": 3,
        "RerunMode": "AllAllowed",
    }
    expected = Node(4001, "orders", "a=1", "NORMAL", hourly=False)

    assert nodes.read_node(older) == expected
    assert nodes.read_node(older).fields == {**older, "NodeId": 4001}
    assert nodes.read_node(newer) == Node(4001, "orders", "a=1", "NORMAL", reruns=3, hourly=False)
    assert nodes.read_node(newer).fields == {**newer, "NodeId": 4001, "NodeName": "orders"}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, {}),
        ({"ScriptParameters": "b=2"}, {"parameters": "b=2"}),
        ({"Script": "odd", "Trigger": "odd"}, {}),
        ({"RerunTimes": 3, "RerunMode": "AllDenied"}, {"reruns": 0}),
        ({"RerunTimes": 0}, {"reruns": 0}),
        ({"RerunTimes": "x", "RerunMode": "AllDenied"}, {}),
        ({"SchedulerType": "SkipCycle(2)"}, {"recurrence": "SKIP_CYCLE"}),
        ({"SchedulerType": "ODPS_SQL"}, {}),
        ({"SchedulerType": "Manual"}, {"recurrence": "NORMAL"}),
        ({"CronExpress": "00 00 */2 * * ?"}, {"hourly": True}),
        ({"CronExpress": "00 05,10 02 * * ?"}, {"hourly": True}),
        ({"CronExpress": "00 00 02 * *"}, {"hourly": None}),
    ],
)
def test_a_node_has_what_the_answer_says(entry: dict[str, Any], expected: dict[str, Any]) -> None:
    assert nodes.read_node({"NodeId": 1, **entry}) == Node(
        **{"id": 1, "name": "", "parameters": "", "recurrence": None, "reruns": None, "hourly": None, **expected}
    )


def test_a_list_of_nodes_has_either_name() -> None:
    node = nodes.read_node({"NodeId": 1})

    assert nodes.read_nodes({"Nodes": [{"NodeId": 1}], "TotalCount": 9}) == ((node,), 9)
    assert nodes.read_nodes({"Tasks": [{"Id": 1}]}) == ((node,), None)
    unreadable(lambda: nodes.read_nodes({"Nodes": 1}), "Nodes is no list of objects")
    unreadable(lambda: nodes.read_nodes({"Tasks": 1}), "Tasks is no list of objects")
    unreadable(lambda: nodes.read_node({}), "a node has no id")
    unreadable(lambda: nodes.read_node({"Id": "x"}), "NodeId is 'x'")


def test_an_action_is_about_a_part_of_the_answer_or_all_of_it() -> None:
    answer = {"Data": {"Id": 7}}

    assert nodes.content(Action("GetNode", "2020-05-18", envelope=Envelope("Data")), answer) == {"Id": 7}
    assert nodes.content(Action("GetNode", "2020-05-18"), answer) is answer


@pytest.mark.parametrize(("data", "ids"), [([7, "8"], (7, 8)), (7, (7,)), ("7", (7,))])
def test_a_run_of_a_node_is_one_or_several_dags(data: Any, ids: tuple[int, ...]) -> None:
    assert nodes.read_run_ids({"Data": data}) == ids


@pytest.mark.parametrize("data", [None, [], [0], [7, "x"], "x"])
def test_a_run_without_a_dag_cannot_be_read(data: Any) -> None:
    unreadable(lambda: nodes.read_run_ids({"Data": data}), "Data has no DagId")


@pytest.mark.parametrize(
    ("result", "creation"),
    [
        ({"Status": "Creating"}, nodes.Creation(None, None)),
        ({"Status": "Creating", "WorkflowInstanceIds": ["7"]}, nodes.Creation(7, None)),
        ({"Status": "Created", "WorkflowInstanceIds": [7, 8]}, nodes.Creation(7, None)),
        ({"Status": "Creating", "WorkflowInstanceIds": "7"}, nodes.Creation(None, None)),
        ({"Status": "Creating", "WorkflowInstanceIds": [0]}, nodes.Creation(None, None)),
        ({"Status": "CreateFailure", "FailureMessage": "no"}, nodes.Creation(None, "no")),
        ({"Status": "CreateFailure", "WorkflowInstanceIds": [7]}, nodes.Creation(None, "without a FailureMessage")),
    ],
)
def test_a_creation_says_what_it_has_made(result: dict[str, Any], creation: nodes.Creation) -> None:
    assert nodes.read_creation(result) == creation


@pytest.mark.parametrize("ids", [None, [], ["x"]])
def test_a_creation_that_is_done_has_made_something(ids: Any) -> None:
    result = {"Status": "Created", "WorkflowInstanceIds": ids}

    unreadable(lambda: nodes.read_creation(result), "WorkflowInstanceIds is missing")


def test_a_run_of_either_version_is_the_same() -> None:
    older = {"DagId": 7, "Name": "af x", "Bizdate": MIDNIGHT, "Status": "CREATED"}

    assert nodes.read_run(older) == NodeRun(7, "af x", "2024-11-20", "NOT_RUN")
    assert nodes.read_run({"Id": "7", "Name": "af x", "BizDate": str(MIDNIGHT), "Status": "Success"}) == NodeRun(
        7, "af x", "2024-11-20", "SUCCESS"
    )
    assert nodes.read_run({"Id": 7}) == NodeRun(7, "", "", None)
    assert nodes.read_run({"Id": 7, "Status": "Odd"}).status == "Odd"
    assert nodes.read_run({"Id": 7, "Bizdate": 10**18}).bizdate == ""
    assert nodes.read_runs({"WorkflowInstances": [{"Id": 7}], "TotalCount": 2}) == ((NodeRun(7, "", "", None),), 2)
    unreadable(lambda: nodes.read_run({}), "a run has no id")
    unreadable(lambda: nodes.read_run({"Id": 7, "BizDate": "x"}), "Bizdate is 'x'")
    unreadable(lambda: nodes.read_runs({"WorkflowInstances": 1}), "WorkflowInstances is no list of objects")


def test_an_instance_of_either_version_is_the_same() -> None:
    older = {
        "InstanceId": 1,
        "NodeId": 2,
        "DagId": 3,
        "NodeName": "orders",
        "Bizdate": MIDNIGHT,
        "CycTime": 5,
        "Status": "WAIT_TIME",
        "TaskType": "NORMAL(0)",
        "DagType": "DAILY",
        "TaskRerunTime": 2,
        "BeginRunningTime": 1500,
        "FinishTime": 2500,
    }
    newer = {
        "Id": "1",
        "TaskId": "2",
        "WorkflowInstanceId": "3",
        "TaskName": "orders",
        "Bizdate": MIDNIGHT,
        "TriggerTime": "5",
        "Status": "WaitTime",
        "TriggerRecurrence": "Normal",
        "WorkflowInstanceType": "Normal",
        "RunNumber": "2",
        "StartedTime": 1500,
        "FinishedTime": 2500,
    }
    common: dict[str, Any] = {
        "node_name": "orders",
        "bizdate": "2024-11-20",
        "run_id": 3,
        "recurrence": "NORMAL",
        "started_time": 1.5,
        "finished_time": 2.5,
        "scheduled": True,
    }
    known = {
        "InstanceId": 1,
        "NodeId": 2,
        "DagId": 3,
        "NodeName": "orders",
        "Bizdate": MIDNIGHT,
        "CycTime": 5,
        "Status": "WAIT_TIME",
    }

    assert nodes.read_instance(older) == NodeInstance(1, 2, "WAIT_TIME", reruns_left=2, **common)
    assert nodes.read_instance(older).fields == {**older, **known}
    assert nodes.read_instance(newer) == NodeInstance(1, 2, "WAIT_TIME", run_number=2, **common)
    assert nodes.read_instance(newer).fields == {**newer, **known}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({}, {"status": ""}),
        ({"Status": "Odd"}, {"status": "Odd"}),
        ({"NodeName": 5}, {"status": "", "node_name": "5"}),
        ({"DagType": "supply_data"}, {"status": "", "scheduled": False}),
        ({"DagType": "daily"}, {"status": "", "scheduled": True}),
        ({"BeginRunningTime": 0, "FinishTime": "x"}, {"status": ""}),
    ],
)
def test_an_instance_has_what_the_answer_says(entry: dict[str, Any], expected: dict[str, Any]) -> None:
    assert nodes.read_instance({"Id": 1, "TaskId": 2, **entry}) == NodeInstance(id=1, node_id=2, **expected)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("x" * 80, f"an instance is '{'x' * 49}"),
        ({"InstanceId": 1}, "an instance has no id, or its node has none"),
        ({"NodeId": 1}, "an instance has no id, or its node has none"),
        ({"InstanceId": "x" * 80, "NodeId": 2}, f"InstanceId is '{'x' * 49}"),
        ({"InstanceId": 1, "NodeId": 2, "TriggerTime": "x"}, "CycTime is 'x'"),
        ({"InstanceId": 1, "NodeId": 2, "Bizdate": "x"}, "Bizdate is 'x'"),
    ],
)
def test_what_is_no_instance_cannot_be_read(entry: Any, problem: str) -> None:
    unreadable(lambda: nodes.read_instance(entry), problem)


def test_a_page_of_instances_has_a_total() -> None:
    one = {"Id": 1, "TaskId": 2}

    page = nodes.read_instance_page({"Instances": [one], "TotalCount": 5}, name="Instances")
    assert (page.instances, page.total) == ((NodeInstance(1, 2, ""),), 5)
    assert nodes.read_instance_page({}, name="Instances").instances == ()
    unreadable(lambda: nodes.read_instance_page({"Instances": 1}, name="Instances"), "Instances is no list")


@pytest.mark.parametrize(("answer", "log"), [({"Log": "x"}, "x"), ({"Log": None}, ""), ({}, "")])
def test_a_log_may_be_absent(answer: dict[str, Any], log: str) -> None:
    assert nodes.read_log(answer, name="Log") == log
    unreadable(lambda: nodes.read_log({"Log": 1}, name="Log"), "Log is no string")


@pytest.mark.parametrize(
    ("word", "neutral"),
    [("WaitTime", "WAIT_TIME"), ("WAIT_TIME", "WAIT_TIME"), ("NORMAL(0)", "NORMAL"), ("A(0)B", "A(0)B"), (5, "5")],
)
def test_words_have_one_spelling(word: object, neutral: str) -> None:
    assert nodes.neutral_word(word) == neutral


# Data sources


def test_data_sources_of_either_version_are_the_same() -> None:
    settings = {"host": "h"}
    older = [
        {"Name": "a", "DataSourceType": "rds", "SubType": "mysql", "Content": json.dumps(settings), "EnvType": 1},
        {"Name": "b", "DataSourceType": "odps", "Content": "{", "EnvType": 0},
        {"Name": "c", "EnvType": 2},
    ]
    newer = [
        {
            "Name": "a",
            "Type": "mysql",
            "DataSource": [
                {"Id": 1, "ConnectionProperties": {**settings, "envType": "PROD"}},
                {"Id": 2, "ConnectionProperties": json.dumps({"envType": "dev"})},
                "odd",
                {"Id": 3, "ConnectionProperties": "[]"},
            ],
        },
        {"Name": "b", "DataSource": "odd"},
    ]

    page = data_sources.read_page({"DataSources": older, "TotalCount": 3})
    assert page.total == 3
    assert page.data_sources == (
        DataSource("a", "mysql", settings, "Prod", older[0]),
        DataSource("b", "odps", {}, "Dev", older[1]),
        DataSource("c", "", {}, None, older[2]),
    )
    assert [dict(one.properties) for one in page.data_sources] == [settings, {}, {}]
    assert [dict(one.fields) for one in page.data_sources] == older
    found = data_sources.read_page({"DataSources": newer}).data_sources
    assert [(one.name, one.type, one.environment) for one in found] == [
        ("a", "mysql", "Prod"),
        ("a", "mysql", "Dev"),
        ("a", "mysql", None),
    ]
    assert [dict(one.properties) for one in found] == [{"host": "h", "envType": "PROD"}, {"envType": "dev"}, {}]
    assert [dict(one.fields) for one in found] == [
        {
            "Id": 1,
            "ConnectionProperties": {"host": "h", "envType": "PROD"},
            "Name": "a",
            "DataSourceType": "mysql",
            "Content": '{"host": "h", "envType": "PROD"}',
            "EnvType": 1,
        },
        {
            "Id": 2,
            "ConnectionProperties": '{"envType": "dev"}',
            "Name": "a",
            "DataSourceType": "mysql",
            "Content": '{"envType": "dev"}',
            "EnvType": 0,
        },
        {"Id": 3, "ConnectionProperties": "[]", "Name": "a", "DataSourceType": "mysql", "Content": "{}"},
    ]


@pytest.mark.parametrize("version", API_VERSIONS)
def test_data_sources_are_read_from_where_the_version_has_them(version: str) -> None:
    actions = DATA_SOURCES[version]
    listed = {"DataSources": [{"Name": "a"}]}

    (found,) = actions.read_page({str(actions.list_data_sources.envelope.content): listed}).data_sources
    assert (found.name, found.type, dict(found.properties)) == ("a", "", {})
    unreadable(lambda: data_sources.read_page({"DataSources": [{}]}), "a data source has no name")
    unreadable(lambda: data_sources.read_page({"DataSources": 1}), "DataSources is no list of objects")


# Generated content


@pytest.mark.parametrize(
    ("data", "content"),
    [
        ({"TaskContent": '{"a": 1}'}, {"a": 1}),
        ({"TaskContent": {"a": 1}, "Status": "Success"}, {"a": 1}),
        ({"TaskContent": '{"a": 1}', "Status": "FAIL"}, None),
        ({"TaskContent": "", "Status": "success"}, None),
        ({}, None),
    ],
)
def test_generated_content_is_an_object_once_it_is_there(data: dict[str, Any], content: Any) -> None:
    assert generated_content.read_generated_content(data) == content


@pytest.mark.parametrize("content", ["{", "[1]", [1], "[" * 100_000])
def test_generated_content_that_is_no_object_cannot_be_read(content: Any) -> None:
    unreadable(
        lambda: generated_content.read_generated_content({"TaskContent": content}),
        "TaskContent is not a JSON object",
    )
