"""The emulator's table of actions and the official SDKs agree in methods, and in names and places of parameters."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import alibabacloud_dataworks_public20200518.client
import alibabacloud_dataworks_public20200518.models
import alibabacloud_dataworks_public20240518.client
import alibabacloud_dataworks_public20240518.models
import pytest
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions  # type: ignore[import-untyped]

from airflow_provider_dataworks.emulator.actions import action_table
from airflow_provider_dataworks.emulator.protocol.action import Action

SDKS: dict[str, tuple[ModuleType, ModuleType]] = {
    "2020-05-18": (alibabacloud_dataworks_public20200518.client, alibabacloud_dataworks_public20200518.models),
    "2024-05-18": (alibabacloud_dataworks_public20240518.client, alibabacloud_dataworks_public20240518.models),
}
DI_JOB_ACTIONS_2024 = {
    "CreateDIJob",
    "DeleteDIJob",
    "GetDIJob",
    "GetDIJobLog",
    "ListDIJobEvents",
    "ListDIJobMetrics",
    "ListDIJobRunDetails",
    "ListDIJobs",
    "StartDIJob",
    "StopDIJob",
    "UpdateDIJob",
}


class Sent(Exception):
    """What the SDK was about to send."""

    def __init__(self, params: Params, request: OpenApiRequest) -> None:
        super().__init__()
        self.params = params
        self.request = request


def complete_request(models: ModuleType, action: str) -> Any:
    """Return the SDK's request of an action with a value in every field."""
    kind = getattr(models, f"{action}Request")
    values: dict[str, Any] = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        wanted = str(parameter.annotation)
        if wanted.startswith(("List[", "typing.List[")):
            values[name] = []
        elif "main_models." in wanted:
            values[name] = getattr(models, wanted.rpartition(".")[2])()
        else:
            values[name] = {"int": 1, "bool": True}.get(wanted, "x")
    return kind(**values)


def send(action: Action) -> Sent:
    """Let the SDK make the complete request of an action."""
    client_module, models = SDKS[action.version]

    class Client(client_module.Client):  # type: ignore[misc, name-defined]
        def call_api(self, params: Params, request: OpenApiRequest, runtime: RuntimeOptions) -> Any:
            raise Sent(params, request)

    client = Client(Config(access_key_id="i", access_key_secret="s", endpoint="127.0.0.1:1"))
    wanted = f"{action.name.lower()}withoptions"
    method = next(name for name in dir(client) if name.replace("_", "") == wanted)
    with pytest.raises(Sent) as raised:
        getattr(client, method)(complete_request(models, action.name), RuntimeOptions())
    return raised.value


@pytest.mark.parametrize("action", list(action_table()), ids=lambda action: f"{action.version}-{action.name}")
def test_action_is_that_of_the_sdk(action: Action) -> None:
    sent = send(action)

    assert (sent.params.version, sent.params.method) == (action.version, action.method)
    places = {"query": sent.request.query or {}, "form": sent.request.body or {}}
    for place, parameters in places.items():
        assert set(parameters) == {each.name for each in action.parameters if each.place == place}, place


def test_every_di_job_action_of_2024_is_there() -> None:
    assert set(action_table().names("2024-05-18")) >= DI_JOB_ACTIONS_2024
