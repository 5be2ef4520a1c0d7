"""Airflow 2.11 has no event triggers: their modules can be imported there, and using them says what to do instead."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.triggers import base as airflow_triggers

from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusEventTrigger
from airflow_provider_dataworks.triggers.node import NodeInstanceEventTrigger


@pytest.mark.parametrize(
    ("kind", "given"), [(DIJobStatusEventTrigger, {"di_job_id": 1001}), (NodeInstanceEventTrigger, {"node_id": 4001})]
)
def test_an_airflow_without_event_triggers_says_what_to_do_instead(
    kind: type[Any], given: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(airflow_triggers, "BaseEventTrigger", raising=False)

    with pytest.raises(DataWorksError, match=rf"{kind.__name__} needs Airflow 3.*sensor"):
        kind(**given)
