"""For files, nodes of Data Studio and deployments too, our hook and the official SDKs make the same requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from alibabacloud_dataworks_public20200518 import models
from alibabacloud_dataworks_public20200518.client import Client
from alibabacloud_dataworks_public20240518 import models as models_2024
from alibabacloud_dataworks_public20240518.client import Client as Client2024

from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.versions import IN_2024

from .test_hook_and_sdk_side_by_side import ALWAYS, WITH_A_BOOLEAN, differences, request_of

FILE, NODE = 2003, 7000000000000004001
PLACE = {"project_id": 10000, "file_id": FILE}
STUDIO = {"project_id": 10000, "id": str(NODE)}
COMMENT = "af a.b ü+&=~*中"
SPEC = json.dumps(
    {
        "version": "1.1.0",
        "kind": "Node",
        "spec": {"nodes": [{"name": "n 中", "script": {"runtime": {"command": "DI"}, "content": "{}"}}]},
    },
    ensure_ascii=False,
)


@dataclass(frozen=True)
class Same:
    """The same call, made by both, and where the requests differ."""

    action: str
    by_hook: Callable[[DataWorksHook], Any]
    by_sdk: Callable[[Any], Any]
    differences: frozenset[str] = ALWAYS


CALLS = {
    "read a file": Same(
        "GetFile", lambda hook: hook.get_file(file_id=FILE), lambda sdk: sdk.get_file(models.GetFileRequest(**PLACE))
    ),
    "update": Same(
        "UpdateFile",
        lambda hook: hook.update_file(
            file_id=FILE, schedule={"ParaValue": 'a="b c" 中=$bizdate', "AutoRerunTimes": 3, "Stop": True}
        ),
        lambda sdk: sdk.update_file(
            models.UpdateFileRequest(**PLACE, para_value='a="b c" 中=$bizdate', auto_rerun_times=3, stop=True)
        ),
        ALWAYS | WITH_A_BOOLEAN,
    ),
    "submit": Same(
        "SubmitFile",
        lambda hook: hook.submit_file(file_id=FILE, comment=COMMENT),
        lambda sdk: sdk.submit_file(models.SubmitFileRequest(**PLACE, comment=COMMENT)),
    ),
    "deploy": Same(
        "DeployFile",
        lambda hook: hook.deploy_file(file_id=FILE, comment=COMMENT),
        lambda sdk: sdk.deploy_file(models.DeployFileRequest(**PLACE, comment=COMMENT)),
    ),
    "deploy in one call": Same(
        "DeployDISyncTask",
        lambda hook: hook.deploy_di_sync_task(task_type="DI_SOLUTION", file_id=2002),
        lambda sdk: sdk.deploy_disync_task(
            models.DeployDISyncTaskRequest(project_id=10000, task_type="DI_SOLUTION", file_id=2002)
        ),
    ),
    "list deployments": Same(
        "ListDeployments",
        lambda hook: hook.find_deployment(file_id=FILE),
        lambda sdk: sdk.list_deployments(
            models.ListDeploymentsRequest(project_id=10000, status=0, page_number=1, page_size=20)
        ),
    ),
    "read a workspace": Same(
        "GetProject",
        lambda hook: hook.root_output(),
        lambda sdk: sdk.get_project(models.GetProjectRequest(project_id=10000)),
    ),
}
CALLS_2024 = {
    "read a node": Same(
        "GetNode",
        lambda hook: hook.get_node(node_id=NODE),
        lambda sdk: sdk.get_node(models_2024.GetNodeRequest(**STUDIO)),
    ),
    "create a node": Same(
        "CreateNode",
        lambda hook: hook.create_node(spec=SPEC),
        lambda sdk: sdk.create_node(
            models_2024.CreateNodeRequest(project_id=10000, scene="DATAWORKS_PROJECT", spec=SPEC)
        ),
    ),
    "update a node": Same(
        "UpdateNode",
        lambda hook: hook.update_node(node_id=NODE, spec=SPEC),
        lambda sdk: sdk.update_node(models_2024.UpdateNodeRequest(**STUDIO, spec=SPEC)),
    ),
    "create a pipeline run": Same(
        "CreatePipelineRun",
        lambda hook: hook.create_pipeline_run(node_id=NODE, description=COMMENT),
        lambda sdk: sdk.create_pipeline_run(
            models_2024.CreatePipelineRunRequest(
                project_id=10000, type="Online", object_ids=[str(NODE)], description=COMMENT
            )
        ),
    ),
    "list pipeline runs": Same(
        "ListPipelineRuns",
        lambda hook: hook.list_pipeline_runs(node_id=NODE),
        lambda sdk: sdk.list_pipeline_runs(
            models_2024.ListPipelineRunsRequest(project_id=10000, object_id=str(NODE), page_number=1, page_size=100)
        ),
    ),
}
RUN_CALLS: dict[str, tuple[Callable[[DataWorksHook, str], Any], Callable[[Any, str], Any]]] = {
    "GetPipelineRun": (
        lambda hook, run: hook.get_pipeline_run(pipeline_run_id=run),
        lambda sdk, run: sdk.get_pipeline_run(models_2024.GetPipelineRunRequest(project_id=10000, id=run)),
    ),
    "ExecPipelineRunStage": (
        lambda hook, run: hook.exec_pipeline_run_stage(pipeline_run_id=run, code="DEV_CHECK"),
        lambda sdk, run: sdk.exec_pipeline_run_stage(
            models_2024.ExecPipelineRunStageRequest(project_id=10000, id=run, code="DEV_CHECK")
        ),
    ),
    "ListPipelineRunItems": (
        lambda hook, run: list(hook.list_pipeline_run_items(pipeline_run_id=run)),
        lambda sdk, run: sdk.list_pipeline_run_items(
            models_2024.ListPipelineRunItemsRequest(project_id=10000, pipeline_run_id=run, page_number=1, page_size=100)
        ),
    ),
}


@pytest.fixture(autouse=True)
def quick(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(deploy_seconds=0)


@pytest.mark.parametrize("name", CALLS)
def test_same_call_is_the_same_request(
    hook: DataWorksHook, sdk: Client, dataworks_emulator: EmulatorControl, name: str
) -> None:
    same = CALLS[name]

    theirs = request_of(dataworks_emulator, same.action, lambda: same.by_sdk(sdk))
    ours = request_of(dataworks_emulator, same.action, lambda: same.by_hook(hook))

    assert differences(theirs, ours) == same.differences


@IN_2024
@pytest.mark.parametrize("name", CALLS_2024)
def test_same_call_is_the_same_request_in_2024(
    hook: DataWorksHook, sdk_2024: Client2024, dataworks_emulator: EmulatorControl, name: str
) -> None:
    same = CALLS_2024[name]

    theirs = request_of(dataworks_emulator, same.action, lambda: same.by_sdk(sdk_2024))
    ours = request_of(dataworks_emulator, same.action, lambda: same.by_hook(hook))

    assert differences(theirs, ours) == same.differences


@IN_2024
@pytest.mark.parametrize("action", RUN_CALLS)
def test_same_call_on_a_pipeline_run_is_the_same_request(
    hook: DataWorksHook, sdk_2024: Client2024, dataworks_emulator: EmulatorControl, action: str
) -> None:
    by_hook, by_sdk = RUN_CALLS[action]

    def run() -> str:
        dataworks_emulator.settings(deploy_seconds=0)
        return hook.create_pipeline_run(node_id=NODE)

    # Each is made to a new emulator, whose ids are the same.
    theirs = request_of(dataworks_emulator, action, lambda: by_sdk(sdk_2024, run()))
    ours = request_of(dataworks_emulator, action, lambda: by_hook(hook, run()))

    assert differences(theirs, ours) == ALWAYS
