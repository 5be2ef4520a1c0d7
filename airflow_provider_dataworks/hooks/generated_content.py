"""Reads, poll by poll, what became of the generation of a sync task's content."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.errors import ApiError, Outcome

QUERY = "QueryDISyncTaskConfigProcessResult"


class GeneratedContent:
    """The content of one generation, once a poll has it.

    The API documents two values of Data.Status, success and fail, and none for a generation that is still running. A
    fail is final when its message has not changed for a while and does not say that the generation is running.
    """

    def __init__(self) -> None:
        self.value: dict[str, Any] | None = None
        #: The last message of the service about a generation that has not succeeded.
        self.message = ""
        self._failing_since = 0.0

    def read(self, answer: dict[str, Any], elapsed: float) -> str | None:
        """Take one answer.

        :param answer: that of QueryDISyncTaskConfigProcessResult.
        :param elapsed: seconds since the generation began.
        :return: None if the answer can be read, else what is wrong with it.
        :raises ApiError: the generation has failed.
        """
        data = answer.get("Data")
        if not isinstance(data, dict):
            return "Data is missing"
        status, content = str(data.get("Status")).lower(), data.get("TaskContent")
        if status in assumptions.DATA_STATUS_BAD:
            self._fail(str(data.get("Message") or ""), elapsed, answer.get("RequestId"))
            return None
        self.message = ""
        if not content:
            return None
        self.value = _object(content)
        return "TaskContent is not a JSON object" if self.value is None else None

    def _fail(self, message: str, elapsed: float, request_id: Any) -> None:
        if message != self.message:
            self.message, self._failing_since = message, elapsed
        running = not message or any(word in message.lower() for word in assumptions.GENERATION_RUNS_WORDS)
        if not running and elapsed - self._failing_since >= assumptions.GENERATION_FAILS_AFTER:
            raise ApiError(message, action=QUERY, outcome=Outcome.REFUSED, http_status=200, request_id=request_id)


def _object(content: Any) -> dict[str, Any] | None:
    try:
        parsed = json.loads(content) if isinstance(content, str) else content
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
