"""Generation of the content of real-time sync tasks and solutions, 2020-05-18."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.resources.sync_task_configs import (
    GENERATED_TYPES,
    SYNC_TASK_CONFIGS,
    SyncTaskConfig,
)
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.protocol.action import MAX_PROJECT_ID, Action, ActionResult
from airflow_provider_dataworks.emulator.protocol.parameters import Parameter, choice, integer, json_string

GENERATE = "GenerateDISyncTaskConfigForCreating"


def generate_di_sync_task_config_for_creating(
    state: State, arguments: Mapping[str, Any], request_id: str
) -> ActionResult:
    """Start the generation of a configuration, once per client token."""
    project_id, token = arguments["ProjectId"], arguments["ClientToken"] or ""
    state.check_project(project_id)
    parameters = {name: value for name, value in arguments.items() if name != "ClientToken"}
    known = state.recall(GENERATE, project_id, token, parameters) if token else None
    if known is not None:
        return _success(ProcessId=known)
    config = SyncTaskConfig(state[SYNC_TASK_CONFIGS].new_id(), project_id, arguments["TaskType"])
    config.task_param, config.creations = arguments["TaskParam"], 1
    config.status, config.message = "fail", assumptions.NOT_GENERATED_YET
    content = assumptions.generated_content(config.process_id, config.task_type, json.loads(config.task_param))
    ready_at = monotonic() + state.settings.config_seconds
    config.timeline.schedule(ready_at, status="success", message="", task_content=content)
    state[SYNC_TASK_CONFIGS].add(config)
    if token:
        state.remember(GENERATE, project_id, token, parameters, config.process_id)
    return _success(changed=True, ProcessId=config.process_id)


def query_di_sync_task_config_process_result(
    state: State, arguments: Mapping[str, Any], request_id: str
) -> ActionResult:
    """Return a generated configuration."""
    state.check_project(arguments["ProjectId"])
    config = state[SYNC_TASK_CONFIGS].find(arguments["AsyncProcessId"])
    wanted = (arguments["ProjectId"], arguments["TaskType"])
    if config is None or (config.project_id, config.task_type) != wanted:
        return _failure(assumptions.unknown_process(arguments["AsyncProcessId"]))
    if config.status != "success":
        return _failure(config.message)
    return _success(TaskContent=config.task_content)


def _success(*, changed: bool = False, **data: Any) -> ActionResult:
    return ActionResult({"Success": True, "Data": {"Status": "success", "Message": None, **data}}, changed)


def _failure(message: str) -> ActionResult:
    return ActionResult({"Success": True, "Data": {"Status": "fail", "Message": message}})


_PROJECT_ID = Parameter("ProjectId", "query", integer(1, MAX_PROJECT_ID), required=True)
_TASK_TYPE = Parameter("TaskType", "query", choice(*GENERATED_TYPES), required=True)

ACTIONS = (
    Action(
        GENERATE,
        (
            _PROJECT_ID,
            _TASK_TYPE,
            Parameter("TaskParam", "query", json_string(dict), required=True),
            Parameter("ClientToken", "query", str),
        ),
        generate_di_sync_task_config_for_creating,
        "Param.Invalid",
    ),
    Action(
        "QueryDISyncTaskConfigProcessResult",
        (_PROJECT_ID, _TASK_TYPE, Parameter("AsyncProcessId", "query", integer(), required=True)),
        query_di_sync_task_config_process_result,
        "Param.Invalid",
        quota="read",
    ),
)
