"""Retries a call after its first failure, with tenacity: how long to wait, and when to give up."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import Any, TypeVar

import tenacity

from airflow_provider_dataworks.client.errors import ApiError

log = logging.getLogger(__name__)

T = TypeVar("T")


def retry(
    first: ApiError,
    attempt: Callable[[], T],
    should_retry: Callable[[BaseException], bool],
    *,
    attempts: int,
    within: float,
    within_throttled: float,
    elapsed: Callable[[], float],
    sleep: Callable[[float], None],
) -> T:
    """Go on after a first attempt that failed.

    Who is throttled is one of many, and each gets through in the end: such attempts are bounded by time, not counted.

    :param first: how it failed.
    :param attempt: makes one more.
    :param should_retry: whether an error may be followed by another attempt.
    :param attempts: how many there may be, the first one included, and those that were throttled not.
    :param within: seconds after which none begins.
    :param within_throttled: the same once an attempt was throttled.
    :param elapsed: seconds since the call began.
    :param sleep: how to wait in between.
    :raises ApiError: the last attempt's.
    """
    failed = [first]
    counted = 0
    limit = within

    def replay() -> T:
        if failed:
            raise failed.pop()
        return attempt()

    def stop(state: tenacity.RetryCallState) -> bool:
        nonlocal counted, limit
        # Where a test's pauses take no time, they count all the same.
        then = max(elapsed(), state.idle_for) + state.upcoming_sleep
        if _error_of(state, "throttled"):
            limit = within_throttled
        else:
            counted += 1
        return counted >= attempts or then >= limit

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(should_retry),
        wait=_wait,
        stop=stop,
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
_LONGEST_BACKOFF = 30.0


def backoff(attempt: int) -> float:
    """A pause with full jitter: those that failed together do not come back together.

    :param attempt: how many attempts there have been, from 1.
    :return: seconds, evenly spread from 0.1 to a bound that doubles from 1 to 30.
    """
    bound = min(2.0 ** min(attempt - 1, 10), _LONGEST_BACKOFF)
    return random.uniform(_SHORTEST_WAIT, bound)  # noqa: S311 - nothing depends on it being secret


def _error_of(state: tenacity.RetryCallState, attribute: str) -> Any:
    error = state.outcome.exception() if state.outcome else None
    return getattr(error, attribute, None)


def _wait(state: tenacity.RetryCallState) -> float:
    """As long as the server asks, and a little longer, else the backoff."""
    asked: float | None = _error_of(state, "retry_after")
    if asked is None:
        return backoff(state.attempt_number)
    # A server that asks for no wait at all is not to be hammered.
    return max(asked, _SHORTEST_WAIT) + random.uniform(0, 0.1 * asked)  # noqa: S311


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0
    log.warning("%s; attempt %s, the next in %.1f s", error, state.attempt_number, wait)
