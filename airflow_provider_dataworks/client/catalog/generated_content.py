"""The content that the service generates for a real-time task or a solution, as an answer has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import UnreadableContentError


def read_generated_content(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read Data of QueryDISyncTaskConfigProcessResult.

    :param data: the answer's Data.
    :return: the generated content; None while there is none.
    :raises UnreadableContentError: TaskContent is not a JSON object.
    """
    content = data.get("TaskContent")
    if not content or str(data.get("Status")).lower() in assumptions.DATA_STATUS_BAD:
        return None
    try:
        parsed = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise UnreadableContentError("TaskContent is not a JSON object")
    return parsed
