"""CreateDISyncTaskOperator: one creation a run, whatever is retried."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import CreateDISyncTaskOperator, client_token_for
from tests.support.tasks import make_context, run_task

CONTENT = {"type": "job", "version": "2.0", "steps": [], "note": "a b+c&d=e~f*g 中文"}
PARAM = {"FileFolderPath": "Business Flow/demo/Data Integration", "ResourceGroup": "S_res_group_demo_1"}


def create(**arguments: Any) -> CreateDISyncTaskOperator:
    given = {"task_id": "create", "task_name": "orders", "task_content": CONTENT, "task_param": PARAM, **arguments}
    return CreateDISyncTaskOperator(**given)


def test_returns_the_file_id_and_sends_the_content_unchanged(emulator: EmulatorControl) -> None:
    file_id = run_task(create())

    assert json.loads(emulator.file(file_id)["TaskContent"]) == CONTENT


def test_a_retry_creates_nothing_more_and_returns_the_same_id(emulator: EmulatorControl) -> None:
    first = run_task(create(), make_context(try_number=1))
    again = run_task(create(), make_context(try_number=2))

    assert first == again
    assert emulator.file(first)["creations"] == 1


def test_a_clear_has_another_token_and_the_retries_after_it_have_that(emulator: EmulatorControl) -> None:
    first = [client_token_for(make_context(try_number=number, max_tries=2)) for number in (1, 2, 3)]
    cleared = [client_token_for(make_context(try_number=number, max_tries=5)) for number in (4, 5, 6)]

    assert (len(set(first)), len(set(cleared)), len({*first, *cleared})) == (1, 1, 2)


def test_a_cleared_task_whose_draft_was_deleted_makes_a_new_one(emulator: EmulatorControl) -> None:
    first = run_task(create(), make_context(max_tries=0))
    emulator.remove_file(first)

    again = run_task(create(), make_context(try_number=2, max_tries=1))

    assert again != first
    assert emulator.file(again)["TaskName"] == "orders"


@pytest.mark.parametrize("other", [{"dag_id": "x"}, {"task_id": "x"}, {"run_id": "x"}, {"map_index": 3}])
def test_another_task_run_or_map_index_has_another_token(other: dict[str, Any]) -> None:
    assert client_token_for(make_context(**other)) != client_token_for(make_context())


def test_a_given_token_is_sent(emulator: EmulatorControl) -> None:
    run_task(create(client_token="0000-ABCD"))

    assert emulator.requests(action="CreateDISyncTask")[0]["query"]["ClientToken"] == "0000-ABCD"


@pytest.mark.parametrize("content", [json.dumps(CONTENT, ensure_ascii=False), str(CONTENT)], ids=["json", "python"])
def test_content_that_a_template_rendered_to_text_works(emulator: EmulatorControl, content: str) -> None:
    file_id = run_task(create(task_content=content, project_id="10000"))

    assert json.loads(emulator.file(file_id)["TaskContent"]) == CONTENT


def test_a_bad_folder_is_a_permanent_error_with_the_services_reason(emulator: EmulatorControl) -> None:
    with pytest.raises(DataWorksPermanentError, match="Invalid path") as caught:
        run_task(create(task_param={"FileFolderPath": "Nowhere"}))

    assert caught.value.http_status == 200
    assert caught.value.request_id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task_name": " "}, "task_name"),
        ({"task_type": "OFFLINE"}, "task_type: must be one of DI_OFFLINE, DI_REALTIME, DI_SOLUTION"),
        ({"task_content": "not json"}, "task_content: must be a dict or a JSON object"),
        ({"task_content": {"a": float("nan")}}, "task_content: must hold only what JSON can"),
        ({"task_param": ["x"]}, "task_param"),
        ({"project_id": 10**10 + 1}, "project_id: must be an integer from 1 to 10000000000"),
    ],
)
def test_bad_arguments_are_refused_at_construction(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataWorksParameterError, match=message):
        create(**arguments)


def test_any_other_action_whose_data_says_fail_is_refused_too(emulator: EmulatorControl) -> None:
    query = {"ProjectId": 10000, "TaskType": "DI_REALTIME", "FileId": 99}

    with pytest.raises(DataWorksPermanentError, match="DeployDISyncTask failed") as caught:
        DataWorksHook().call("DeployDISyncTask", query=query)

    assert caught.value.request_id


# API version 2024-05-18


@pytest.fixture
def newer(emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    """The emulator, with a connection of API version 2024-05-18."""
    connection = dict(emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0, "max_attempts": 1, "api_version": "2024-05-18"}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    return emulator


def created(emulator: EmulatorControl) -> list[str]:
    return [node["Id"] for node in emulator.resources("nodes") if node["NodeName"] == "orders"]


def test_a_batch_task_is_a_node_in_the_newer_version(newer: EmulatorControl) -> None:
    node_id = run_task(create())

    assert created(newer) == [str(node_id)]
    (node,) = json.loads(DataWorksHook().get_node(node_id=node_id)["Spec"])["spec"]["nodes"]
    assert node["script"]["path"] == f"{PARAM['FileFolderPath']}/orders"
    content = json.loads(node["script"]["content"])
    assert content.pop("extend") == {"mode": "code", "resourceGroup": PARAM["ResourceGroup"]}
    assert content == CONTENT


@pytest.mark.parametrize("killed_after", [True, False])
def test_a_try_after_a_kill_makes_no_second_node(
    newer: EmulatorControl, monkeypatch: pytest.MonkeyPatch, killed_after: bool
) -> None:
    class Killed(BaseException):
        pass

    original = DataWorksHook.create_node

    def create_and_die(self: DataWorksHook, **given: Any) -> int:
        if killed_after:
            original(self, **given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(DataWorksHook, "create_node", create_and_die)
        with pytest.raises(Killed):
            run_task(create())

    node_id = run_task(create(), make_context(try_number=2))

    assert created(newer) == [str(node_id)]


def test_a_node_of_other_content_is_not_taken(newer: EmulatorControl) -> None:
    run_task(create())

    with pytest.raises(DataWorksPermanentError, match="has other content"):
        run_task(create(task_content={**CONTENT, "note": "other"}))


def test_the_other_types_are_refused_in_the_newer_version(newer: EmulatorControl) -> None:
    with pytest.raises(DataWorksParameterError, match=r"DI_REALTIME is not created .*CreateDIJobOperator"):
        run_task(create(task_type="DI_REALTIME"))

    assert newer.requests() == []
