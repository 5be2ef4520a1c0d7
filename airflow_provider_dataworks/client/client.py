"""Calls DataWorks: signs, sends, reads the response, and retries what may be sent again."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.client.actions import Action, Repeat
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.credentials import Credentials, CredentialsProvider
from airflow_provider_dataworks.client.encoding import encode
from airflow_provider_dataworks.client.errors import (
    TOKEN_EXPIRED,
    ApiError,
    CredentialsError,
    Outcome,
    is_read_only,
    outcome_of,
    printable,
    token_expired,
)
from airflow_provider_dataworks.client.rate_limiter import RateLimiter
from airflow_provider_dataworks.client.redaction import redact
from airflow_provider_dataworks.client.responses import LONGEST_WAIT, incomplete_response, read_response
from airflow_provider_dataworks.client.transport import Exchange, Request, Response, Transport

FORM = "application/x-www-form-urlencoded"

#: Seconds after which no further attempt of a call begins.
MAX_ELAPSED = 180.0
#: The same once a call was throttled: ten minutes of it, and the longest wait that the service may ask for.
MAX_THROTTLED = 600.0 + 1.1 * LONGEST_WAIT

log = logging.getLogger(__name__)

#: Reads, after an unknown outcome, whether the call had its effect: if so, its answer (as good as it can be had).
ConfirmEffect = Callable[[ApiError], "dict[str, Any] | None"]


@dataclass(frozen=True)
class Probe:
    """What an answer to a request without a signature shows.

    :param status: the HTTP status, an error as a rule.
    :param elapsed: seconds until the answer was there.
    :param clock_ahead: by how many seconds this machine's clock is ahead of the service's, to about a second; None
        where the answer has no date.
    """

    status: int
    elapsed: float
    clock_ahead: float | None


class DataWorksClient:
    """One endpoint, one set of credentials, kept-alive connections.

    :param endpoint: scheme, host and port, as :func:`.endpoints.endpoint_url` gives them.
    :param credentials: where keys come from; asked at every attempt.
    :param connect_timeout: seconds to wait for a connection; default 5.
    :param read_timeout: seconds to wait for each part of the answer; default 20.
    :param request_timeout: seconds that one attempt may take in all: credentials, connection, request and answer; then
        its connection is closed. None (default) is twice ``read_timeout``.
    :param max_attempts: how often one call is sent at most; default 5. Attempts that the service throttled do not
        count, unless it is 1.
    :param max_elapsed: seconds within which the attempts of a call end. None (default): none begins after 180 s, or
        after 930 s (ten minutes, and the longest wait that the service may ask for) once the call was throttled. The
        wait for the rate limiter's turn does not count.
    :param max_backoff: seconds between two attempts at most, unless the service asks for more; default 30.
    :param rate_limiter: what spaces the requests, and adapts to the responses; None (default) for no limit.
    :param paced: whether this client waits for the rate limiter's turn (default True), or its caller does.
    :param on_throttled: called with the action's name each time that the service throttles an attempt; must not raise.
        Default None.
    :param sleep: how to wait between attempts; default the installed clock's.
    """

    def __init__(
        self,
        endpoint: str,
        credentials: CredentialsProvider,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        request_timeout: float | None = None,
        max_attempts: int = 5,
        max_elapsed: float | None = None,
        max_backoff: float = 30.0,
        rate_limiter: RateLimiter | None = None,
        paced: bool = True,
        on_throttled: Callable[[str], None] | None = None,
        sleep: Callable[[float], None] = clock.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self.timeout = (connect_timeout, read_timeout)
        self.request_timeout = 2 * read_timeout if request_timeout is None else request_timeout
        self.max_attempts = max_attempts
        self.max_elapsed = max_elapsed
        self.max_backoff = max_backoff
        self.rate_limiter = rate_limiter
        self.paced = paced
        self.on_throttled = on_throttled
        self.sleep = sleep
        self._transport = Transport(endpoint)
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "user-agent": (
                f"airflow-provider-dataworks/{__version__} requests/{requests.__version__} "
                f"python/{'.'.join(map(str, sys.version_info[:3]))}"
            ),
        }

    def __repr__(self) -> str:
        return f"DataWorksClient({self.endpoint!r})"

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._transport.close()

    def call(
        self,
        action: Action,
        parameters: Mapping[str, Any] | None = None,
        *,
        confirm_effect: ConfirmEffect | None = None,
    ) -> dict[str, Any]:
        """Call an action, and retry what fails for the moment.

        :param action: the action, such as ``LIST_DI_JOBS`` of ``client.catalog.v2020_05_18``.
        :param parameters: values by the API's names; None values are left out, dicts and lists become JSON. Default
            None: no parameters.
        :param confirm_effect: reads, after an unknown outcome, whether the call had its effect; only if not, it is sent
            again. Default None: that cannot be seen, so that only ``action.repeat`` decides.
        :return: the response's JSON object.
        :raises ApiError: refused, or still failing after the last attempt; its ``outcome_unknown`` says whether any of
            the attempts may have been carried out.
        :raises CredentialsError: no credentials could be had, and no attempt may have been carried out.
        :raises TypeError: the action has no such parameter.
        """
        return _Call(self, action, self._request(action, parameters or {}), confirm_effect).run()

    def probe(self) -> Probe:
        """Send one request without a signature, which the service refuses: it shows that the endpoint answers.

        :return: how long that took, and what the service's clock shows.
        :raises ApiError: no answer came.
        """
        request = Request("GET", f"{self.endpoint}/", self._headers, None)
        began, wall = clock.monotonic(), clock.time()
        response = self._transport.send(Exchange("probe"), None, request, self.timeout)
        elapsed = clock.monotonic() - began
        try:
            # The header has whole seconds: on average it is half a second behind.
            server = parsedate_to_datetime(response.headers.get("date", "")).timestamp() + 0.5
        except (TypeError, ValueError, IndexError, OverflowError):
            return Probe(response.status, elapsed, None)
        return Probe(response.status, elapsed, wall + elapsed / 2 - server)

    def _request(self, action: Action, parameters: Mapping[str, Any]) -> Request:
        query, body = map(encode, action.place(parameters))
        headers = {**self._headers, "x-acs-action": action.name, "x-acs-version": action.version}
        # As the official SDKs do, also where all of the form is left out.
        if action.body:
            headers["content-type"] = FORM
        url = f"{self.endpoint}/?{query}" if query else f"{self.endpoint}/"
        return Request(action.method, url, headers, body or None)

    def _send(self, exchange: Exchange, request: Request) -> Response:
        """Sign and send once."""
        credentials = self.credentials.get()
        began = clock.monotonic()
        response = self._transport.send(exchange, credentials, request, self.timeout)
        log.debug("%s: HTTP %s in %.3f s", exchange.action, response.status, clock.monotonic() - began)
        return response


@dataclass
class _Attempts:
    """What the attempts of a call have left behind.

    :param signed_with: the credentials of each.
    :param first_unknown: how the first one ended that may have been carried out; None (default) if there is none.
    :param throttled: whether one was throttled.
    :param expired: the tokens that the service called expired.
    :param waited: seconds that they waited for the rate limiter.
    """

    signed_with: list[Credentials] = field(default_factory=list)
    first_unknown: str | None = None
    throttled: bool = False
    expired: list[str | None] = field(default_factory=list)
    waited: float = 0.0


class _Call:
    """One call: its attempts until an answer, a refusal, or the limits."""

    def __init__(
        self, client: DataWorksClient, action: Action, request: Request, confirm_effect: ConfirmEffect | None
    ) -> None:
        self.client = client
        self.action = action
        self.request = request
        self.confirm_effect = confirm_effect
        self.may_repeat = action.repeat is Repeat.ALWAYS or confirm_effect is not None
        self.attempts = _Attempts()
        self.began = clock.monotonic()

    def run(self) -> dict[str, Any]:
        try:
            return self.attempt()
        except ApiError as error:
            if self.client.max_attempts <= 1 or not self.should_retry(error):
                raise
            first = error
        # Here, because loading tenacity takes longer than a call, and most calls need no second attempt.
        from airflow_provider_dataworks.client.retry import RetryPolicy, retry

        client, explicit = self.client, self.client.max_elapsed
        policy = RetryPolicy(
            attempts=client.max_attempts,
            max_elapsed=MAX_ELAPSED if explicit is None else explicit,
            max_throttled=MAX_THROTTLED if explicit is None else explicit,
            sleep=client.sleep,
            max_backoff=client.max_backoff,
        )
        return retry(first, self.attempt, self.should_retry, policy, self.elapsed)

    def elapsed(self) -> float:
        """Seconds since the call began, without those that it waited for the rate limiter."""
        return clock.monotonic() - self.began - self.attempts.waited

    def should_retry(self, error: BaseException) -> bool:
        if not isinstance(error, ApiError) or error.outcome is Outcome.REFUSED:
            return False
        return error.outcome is Outcome.NOT_EXECUTED or self.may_repeat

    def attempt(self) -> dict[str, Any]:
        """Send, and once more at once if a renewed token may help; find out what an unknown outcome was."""
        while True:
            try:
                return self._send()
            except ApiError as error:
                failure = error
            if not self._renews_token(failure):
                if self._may_yet_be_renewed(failure):
                    failure.outcome = Outcome.NOT_EXECUTED
                return self._confirmed(failure)

    def _send(self) -> dict[str, Any]:
        """Send once and read the response; note what becomes known."""
        exchange = Exchange(self.action.name)
        try:
            self._wait_for_turn()
            content = self._exchange(exchange)
        except CredentialsError as error:
            failure = self._without_credentials(error)
        except ApiError as error:
            failure = error
        else:
            self._inform_rate_limiter(exchange, None)
            return content
        if exchange.credentials is not None:
            self.attempts.signed_with.append(exchange.credentials)
        self._sanitize(failure)
        self._inform_rate_limiter(exchange, failure)
        self._note(failure)
        raise failure

    def _wait_for_turn(self) -> None:
        client = self.client
        if client.paced and client.rate_limiter and (pause := client.rate_limiter.reserve()):
            before = clock.monotonic()
            client.sleep(pause)
            self.attempts.waited += clock.monotonic() - before

    def _exchange(self, exchange: Exchange) -> dict[str, Any]:
        response = exchange.run(self._time_left(), lambda: self.client._send(exchange, self.request))
        try:
            content = read_response(self.action.name, response)
        except ApiError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an odd response causes
            raise ApiError(
                f"HTTP {response.status} with an answer that cannot be read ({_described(error)})",
                action=self.action.name,
                outcome=outcome_of(None, response.status),
                http_status=response.status,
                request_id=exchange.request_id,
            ) from None
        self._check_complete(content)
        return content

    def _check_complete(self, content: dict[str, Any]) -> None:
        try:
            missing = self.action.envelope.missing(self.action.name, content)
        except ApiError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an odd response causes
            missing = f"it cannot be read ({_described(error)})"
        if missing:
            raise incomplete_response(self.action.name, missing, content)

    def _time_left(self) -> float:
        """Seconds for the next attempt."""
        client = self.client
        if client.max_elapsed is None and self.attempts.throttled:
            return client.request_timeout
        within = MAX_ELAPSED if client.max_elapsed is None else client.max_elapsed
        return min(client.request_timeout, max(0.0, within - self.elapsed()))

    def _without_credentials(self, error: CredentialsError) -> ApiError:
        """Turn missing credentials into an unknown outcome if an earlier attempt left one; else they are the error."""
        unknown = self.attempts.first_unknown
        if unknown is None or is_read_only(self.action.name):
            raise error
        return ApiError(
            f"an earlier attempt may have been carried out ({unknown}), and no credentials can be had: {error}",
            action=self.action.name,
            outcome=Outcome.UNKNOWN,
        )

    def _note(self, failure: ApiError) -> None:
        attempts = self.attempts
        attempts.throttled = attempts.throttled or failure.throttled
        # A refusal after an unknown outcome may mean just that the first one arrived.
        if failure.outcome is Outcome.UNKNOWN and attempts.first_unknown is None:
            attempts.first_unknown = failure.message
        failure.outcome_unknown = attempts.first_unknown is not None

    def _renews_token(self, failure: ApiError) -> bool:
        """Whether the token was renewed, and the refused attempt may be repeated at once.

        A call with pauses may outlive more than one token; one that was fetched anew and is refused again is given up.
        """
        attempts = self.attempts
        if not token_expired(failure.code) or not attempts.signed_with:
            return False
        token = attempts.signed_with[-1].security_token
        if token in attempts.expired or len(attempts.expired) >= self.client.max_attempts:
            return False
        attempts.expired.append(token)
        return self.client.credentials.renew() and failure.outcome is Outcome.REFUSED

    def _may_yet_be_renewed(self, failure: ApiError) -> bool:
        """Whether the source of the tokens may give another one in a while: the one that it gives now has ended."""
        ended = failure.code == TOKEN_EXPIRED and failure.outcome is Outcome.REFUSED
        return ended and bool(self.attempts.expired) and self.client.credentials.renew()

    def _confirmed(self, failure: ApiError) -> dict[str, Any]:
        """Return the answer of a call that had its effect all the same, if that can be seen; else raise its failure."""
        if self.attempts.first_unknown is None or self.confirm_effect is None:
            raise failure
        try:
            answer = self.confirm_effect(failure)
        except Exception as error:
            self.may_repeat = False
            if "outcome_unknown" in vars(error) and not isinstance(error, ApiError):
                # The caller's own error; it knows better what to say.
                vars(error)["outcome_unknown"] = True
                raise
            raise self._unconfirmed(failure, error) from None
        if answer is None:
            raise failure
        log.info("%s: the answer was lost, but the call arrived (%s)", self.action.name, failure)
        return answer

    def _unconfirmed(self, failure: ApiError, error: Exception) -> ApiError:
        unconfirmed = ApiError(
            f"{failure.message}; whether it was carried out could not be read ({_described(error)})",
            action=self.action.name,
            outcome=Outcome.UNKNOWN,
            code=failure.code,
            http_status=failure.http_status,
            request_id=failure.request_id,
        )
        self._sanitize(unconfirmed)
        return unconfirmed

    def _sanitize(self, error: ApiError) -> None:
        """Take the secrets of all attempts, and what does not print, out of what the service or a proxy wrote."""
        secrets = [key for used in self.attempts.signed_with for key in (used.access_key_secret, used.security_token)]

        def clean(value: Any) -> Any:
            return value and redact(printable(value), secrets)

        error.message, error.code, error.request_id = map(clean, (error.message, error.code, error.request_id))
        error.args = (error.message,)

    def _inform_rate_limiter(self, exchange: Exchange, failure: ApiError | None) -> None:
        if failure is not None and failure.throttled and self.client.on_throttled is not None:
            self.client.on_throttled(self.action.name)
        if self.client.rate_limiter is None:
            return
        if failure is not None and failure.throttled:
            self.client.rate_limiter.throttled()
        elif exchange.status is not None:
            self.client.rate_limiter.answered()


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {printable(error)[:200]}"
