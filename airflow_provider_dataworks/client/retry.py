"""Retries a call after its first failure, with tenacity: how long to wait, and when to give up."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity

from airflow_provider_dataworks.client.errors import ApiError

log = logging.getLogger(__name__)

#: Seconds between two attempts at most, unless the server asks for more.
LONGEST_BACKOFF = 30.0

#: Seconds that an attempt needs at least: one that has fewer only hides why the last one failed.
SHORTEST_ATTEMPT = 0.1

T = TypeVar("T")


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and for how long, a call is retried.

    Who is throttled is one of many, and each gets through in the end: such attempts are bounded by time, not counted.

    :param attempts: how many attempts there may be, the first one included, throttled ones not.
    :param max_elapsed: seconds after which none begins, nor in their last tenth.
    :param max_throttled: the same once an attempt was throttled.
    :param sleep: how to wait in between.
    :param max_backoff: seconds in between at most, unless the server asks for more; default 30.
    """

    attempts: int
    max_elapsed: float
    max_throttled: float
    sleep: Callable[[float], None]
    max_backoff: float = LONGEST_BACKOFF


def retry(
    first: ApiError,
    attempt: Callable[[], T],
    should_retry: Callable[[BaseException], bool],
    policy: RetryPolicy,
    elapsed: Callable[[], float],
) -> T:
    """Go on after a first attempt that failed.

    :param first: how it failed.
    :param attempt: makes one more.
    :param should_retry: whether an error may be followed by another attempt.
    :param policy: how often, and for how long.
    :param elapsed: seconds since the call began.
    :return: what an attempt returns.
    :raises ApiError: the last attempt's.
    """
    stop = _Stop(policy, elapsed)
    failure, made, replayed = first, 1, False

    def go_on() -> T:
        nonlocal failure, made, replayed
        # tenacity has to see the first failure too; and a pause may have taken longer than it was to.
        if not replayed or stop.leaves_no_time(elapsed()):
            replayed = True
            raise failure
        made += 1
        try:
            return attempt()
        except ApiError as error:
            failure = error
            raise

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(should_retry),
        wait=_Wait(policy.max_backoff),
        stop=stop,
        before_sleep=_log_retry,
        sleep=policy.sleep,
        reraise=True,
    )
    try:
        return retrying(go_on)
    except ApiError as error:
        error.attempts = made
        raise


class _Stop:
    """Ends the attempts of one call at the policy's limits."""

    def __init__(self, policy: RetryPolicy, elapsed: Callable[[], float]) -> None:
        self._policy = policy
        self._elapsed = elapsed
        self._limit = policy.max_elapsed
        self._counted = 0

    def __call__(self, state: tenacity.RetryCallState) -> bool:
        if _error_of(state, "throttled"):
            self._limit = self._policy.max_throttled
        else:
            self._counted += 1
        # Where a test's pauses take no time, they count all the same.
        next_begins = max(self._elapsed(), state.idle_for) + state.upcoming_sleep
        return self._counted >= self._policy.attempts or self.leaves_no_time(next_begins)

    def leaves_no_time(self, begins: float) -> bool:
        """Whether an attempt that begins then has too little time left.

        :param begins: when, in seconds since the call began.
        """
        return begins > self._limit - SHORTEST_ATTEMPT


_SHORTEST_WAIT = 0.1


def backoff(attempt: int, longest: float = LONGEST_BACKOFF) -> float:
    """A pause with full jitter: those that failed together do not come back together.

    :param attempt: how many attempts there have been, from 1.
    :param longest: seconds at most; default 30.
    :return: seconds, evenly spread from 0.1 to a bound that doubles from 1 to ``longest``.
    """
    bound = min(2.0 ** min(attempt - 1, 20), longest)
    return random.uniform(_SHORTEST_WAIT, bound)  # noqa: S311 - nothing depends on it being secret


def _error_of(state: tenacity.RetryCallState, attribute: str) -> Any:
    error = state.outcome.exception() if state.outcome else None
    return getattr(error, attribute, None)


class _Wait:
    """As long as the server asks, and a little longer, else the backoff."""

    def __init__(self, longest: float) -> None:
        self._longest = longest

    def __call__(self, state: tenacity.RetryCallState) -> float:
        asked: float | None = _error_of(state, "retry_after")
        if asked is None:
            return backoff(state.attempt_number, self._longest)
        # A server that asks for no wait at all is not to be hammered.
        return max(asked, _SHORTEST_WAIT) + random.uniform(0, 0.1 * asked)  # noqa: S311


def _log_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    wait = state.next_action.sleep if state.next_action else 0
    action = _error_of(state, "action")
    log.warning("%s: attempt %s failed, the next in %.1f s: %s", action, state.attempt_number, wait, error)
