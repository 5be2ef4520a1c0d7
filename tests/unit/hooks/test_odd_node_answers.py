"""Answers about nodes that no page describes: transient errors, never raw exceptions, and never a second run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksPermanentError, DataWorksTransientError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS

DAY = "2024-11-20"
INSTANCE = {"InstanceId": 7, "Id": 7, "NodeId": 4001, "TaskId": 4001, "Status": "RUNNING"}
NODE = {"NodeId": 7, "Id": 7, "NodeName": "n", "Name": "n"}
RUN = {"DagId": 7, "Id": 7, "Name": "n", "Bizdate": 1732032000000, "BizDate": 1732032000000}
ODD_ENTRIES: tuple[Any, ...] = (None, 5, "x", [INSTANCE], {})
ODD_IDS: tuple[Any, ...] = ([7], {"7": 7}, True, "²", -1, "1" * 5000, "x")


@pytest.fixture
def hook(hook: DataWorksHook) -> DataWorksHook:
    """Return a hook that tries twice and does not sleep."""
    hook.client.max_attempts = 2
    return hook


def instance(entry: Any) -> dict[str, Any]:
    return {"Data": entry, "TaskInstance": entry}


def instances(entries: Any, total: Any = 1) -> dict[str, Any]:
    paging = {"TotalCount": total, "PageNumber": 1, "PageSize": 100, "Instances": entries, "TaskInstances": entries}
    return {"Data": paging, "PagingInfo": paging}


def node(entry: Any) -> dict[str, Any]:
    return {"Data": entry, "Task": entry}


def nodes(entries: Any) -> dict[str, Any]:
    return {
        "Data": {"TotalCount": 1, "Nodes": entries},
        "PagingInfo": {"TotalCount": 1, "Tasks": entries},
    }


def run(entry: Any) -> dict[str, Any]:
    return {"Data": entry, "WorkflowInstance": entry}


def read_one(hook: DataWorksHook) -> Any:
    return hook.read_node_instance(instance_id=7)


def read_list(hook: DataWorksHook) -> Any:
    return list(hook.list_node_instances(bizdate=DAY))


def read_log(hook: DataWorksHook) -> Any:
    return hook.get_node_instance_log(instance_id=7)


CASES: list[tuple[Callable[[DataWorksHook], Any], dict[str, Any]]] = [
    *((read_one, instance(entry)) for entry in ODD_ENTRIES),
    *((read_one, instance({**INSTANCE, "InstanceId": odd, "Id": odd})) for odd in ODD_IDS),
    *((read_one, instance({**INSTANCE, "NodeId": odd, "TaskId": odd})) for odd in ODD_IDS),
    (read_one, instance({**INSTANCE, "Bizdate": "yesterday"})),
    *((read_list, instances([entry])) for entry in ODD_ENTRIES),
    *((read_list, instances(entries)) for entries in ({"InstanceId": 7}, "none", 5)),
    *((read_list, instances([INSTANCE], total)) for total in ("many", -1, [1], True)),
    *((lambda hook: hook.read_node(node_id=7), node(entry)) for entry in ODD_ENTRIES),
    *((lambda hook: hook.find_node(node_name="n"), nodes([entry])) for entry in ODD_ENTRIES),
    *((lambda hook: hook.find_node(node_name="n"), nodes([{**NODE, "NodeId": odd, "Id": odd}])) for odd in ODD_IDS),
    *((lambda hook: hook.get_node_run(run_id=7), run(entry)) for entry in ODD_ENTRIES),
    *((lambda hook: hook.get_node_run(run_id=7), run({**RUN, "DagId": odd, "Id": odd})) for odd in ODD_IDS),
    *((read_log, {"Data": odd, "TaskInstanceLog": odd}) for odd in (5, ["a line"], {"a": 1})),
]


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(("read", "body"), CASES, ids=range(len(CASES)))
def test_odd_answer_is_a_transient_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, read: Callable[[DataWorksHook], Any], body: dict[str, Any]
) -> None:
    dataworks_emulator.add_fault("body", body=body, count=-1)

    with pytest.raises(DataWorksTransientError, match="the answer is incomplete"):
        read(hook)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    "body",
    [
        {"Data": None},
        {"Data": []},
        {"Data": [None]},
        {"Data": ["²"]},
        {"Data": {"DagId": 7}},
        {"Data": True},
        {"OperationId": None},
        {"OperationId": ["x"]},
        {},
    ],
    ids=str,
)
def test_run_with_an_odd_answer_is_found_by_its_name(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, body: dict[str, Any]
) -> None:
    dataworks_emulator.settings(creation_seconds=0)
    for action in ("RunCycleDagNodes", "CreateWorkflowInstances"):
        dataworks_emulator.add_fault("body", action=action, body=body, effect="after")

    made = hook.run_node(node_id=4001, bizdate=DAY, name="n")

    assert [known["DagId"] for known in dataworks_emulator.node_runs(4001)] == [made.run_id]


@IN_2024
@pytest.mark.parametrize("status", [None, "Init", 5, ["Created"]])
def test_status_of_a_creation_that_is_not_known_is_waited_through(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, status: Any
) -> None:
    dataworks_emulator.settings(creation_seconds=0)
    body = {"Result": {"Status": status}}
    dataworks_emulator.add_fault("body", action="GetCreateWorkflowInstancesResult", body=body, count=2)

    made = hook.run_node(node_id=4001, bizdate=DAY, name="n")

    assert [known["DagId"] for known in dataworks_emulator.node_runs(4001)] == [made.run_id]


@IN_2024
@pytest.mark.parametrize("results", [None, [], "x", {"7": True}, {"7": None}])
def test_odd_result_of_a_stop_is_a_transient_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, results: Any
) -> None:
    dataworks_emulator.add_fault("body", action="StopTaskInstances", body={"SuccessInfo": results}, count=-1)

    with pytest.raises(DataWorksTransientError, match="SuccessInfo is missing"):
        hook.stop_node_instance(instance_id=7)


@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (None, DataWorksTransientError, "Data is None"),
        ("x", DataWorksTransientError, "Data is 'x'"),
        (False, DataWorksPermanentError, "Data is false"),
    ],
)
def test_stop_that_does_not_say_yes_is_an_error(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, data: Any, kind: type[Exception], problem: str
) -> None:
    added = dataworks_emulator.add_node_instance(NodeId=4001, Bizdate=DAY, Status="RUNNING")["InstanceId"]
    dataworks_emulator.add_fault("body", action="StopInstance", body={"Data": data, "Success": True}, count=-1)

    with pytest.raises(kind, match=problem):
        hook.stop_node_instance(instance_id=added)


@IN_BOTH_VERSIONS
def test_ids_that_are_strings_are_integers(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(ids_as_text=True, creation_seconds=0)

    made = hook.run_node(node_id=4001, bizdate=DAY, name="n")

    (found,) = hook.read_node_instances(run_id=made.run_id, bizdate=DAY)
    assert (type(made.run_id), type(found.id), found.node_id) == (int, int, 4001)
    assert hook.find_node(node_name="orders_batch")["NodeId"] == 4001
    assert hook.find_node_run(name="n", node_id=4001, bizdate=DAY) is not None
