"""Tells whether the generation of a sync task's content has succeeded, has failed or is still running."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.exceptions import DataWorksPermanentError

QUERY = "QueryDISyncTaskConfigProcessResult"


def content_of(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the content in an answer of QueryDISyncTaskConfigProcessResult.

    :param data: the answer's Data.
    :return: the content, None while there is none.
    :raises ValueError: it is not a JSON object.
    """
    content = data.get("TaskContent")
    if not content:
        return None
    try:
        parsed = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        raise ValueError("TaskContent is not a JSON object")
    return parsed


class GenerationFailures:
    """The failures that the polls of one generation have met.

    The API documents two values of Data.Status, success and fail, and none for a generation that is still running. A
    fail is final when its message has not changed for a while and does not say that the generation is running.
    """

    def __init__(self) -> None:
        #: What the service said last; empty if that was no failure.
        self.message = ""
        self._since = 0.0

    def clear(self) -> None:
        """Note a poll that met no failure."""
        self.message = ""

    def is_final(self, error: DataWorksPermanentError, elapsed: float) -> bool:
        """Note a failure, and say whether it is the end of the generation.

        :param error: the poll's.
        :param elapsed: seconds since the generation began.
        :return: whether no further poll can succeed.
        """
        if error.http_status != 200 or error.code is not None:
            return True
        message = error.message.rpartition(f"{QUERY} failed: ")[2]
        if message != self.message:
            self.message, self._since = message, elapsed
        if any(word in message.lower() for word in assumptions.GENERATION_RUNS_WORDS):
            return False
        return elapsed - self._since >= assumptions.GENERATION_FAILS_AFTER
