"""Decides, poll by poll, whether the generation of a sync task's content has failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.errors import ApiError, Outcome, printable


class GenerationFailure:
    """Takes note of what polls said of one generation.

    The API documents two values of Data.Status, success and fail, and none for a generation that is still running. A
    fail is final when its message has not changed for a while and does not say that the generation is running.

    :param action: the action that polls, for the error.
    """

    def __init__(self, action: str) -> None:
        #: The last message of the service about a generation that has not succeeded.
        self.message = ""
        self._action = action
        self._failing_since = 0.0

    def check(self, answer: Mapping[str, Any], elapsed: float) -> None:
        """Take one answer.

        :param answer: that of QueryDISyncTaskConfigProcessResult.
        :param elapsed: seconds since the generation began.
        :raises ApiError: the generation has failed.
        """
        data = answer["Data"]
        if str(data.get("Status")).lower() not in assumptions.DATA_STATUS_BAD:
            self.message = ""
            return
        message = str(data.get("Message") or "")
        if message != self.message:
            self.message, self._failing_since = message, elapsed
        running = not message or any(word in message.lower() for word in assumptions.GENERATION_RUNS_WORDS)
        if not running and elapsed - self._failing_since >= assumptions.GENERATION_FAILS_AFTER:
            raise ApiError(
                printable(message),
                action=self._action,
                outcome=Outcome.REFUSED,
                http_status=200,
                request_id=answer.get("RequestId"),
            )
