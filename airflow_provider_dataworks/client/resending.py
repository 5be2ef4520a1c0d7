"""Sends a call again after its first failure, with tenacity: how long to wait, and when to give up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import tenacity

from airflow_provider_dataworks.client.errors import ApiError

log = logging.getLogger(__name__)

T = TypeVar("T")


def resend_after(
    first: ApiError,
    attempt: Callable[[], T],
    again: Callable[[BaseException], bool],
    *,
    attempts: int,
    within: float,
    sleep: Callable[[float], None],
) -> T:
    """Go on after a first attempt that failed.

    :param first: how it failed.
    :param attempt: makes one more.
    :param again: whether another one may follow an error.
    :param attempts: how many there may be, the first one included.
    :param within: seconds after which none begins.
    :param sleep: how to wait in between.
    :raises ApiError: the last attempt's.
    """
    failed = [first]

    def replay() -> T:
        if failed:
            raise failed.pop()
        return attempt()

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(again),
        wait=_wait,
        stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(within),
        before_sleep=_log_retry,
        sleep=sleep,
        reraise=True,
    )
    try:
        return retrying(replay)
    except ApiError as error:
        error.attempts = retrying.statistics.get("attempt_number", 1)
        raise


_SHORTEST_WAIT = 0.1

_backoff = tenacity.wait_exponential_jitter(initial=1, max=30, jitter=1)


def _wait(state: tenacity.RetryCallState) -> float:
    """As long as the server asks, else exponentially longer, with jitter."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, ApiError) else None
    if asked is None:
        return min(_backoff(state), 30.0)
    # A server that asks for no wait at all is not to be hammered.
    return max(asked, _SHORTEST_WAIT) + tenacity.wait_random(0, 0.1 * asked)(state)


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0
    log.warning("%s; attempt %s, the next in %.1f s", error, state.attempt_number, wait)
