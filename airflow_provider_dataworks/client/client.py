"""Calls DataWorks: signs, sends, is_read_only the answer, and sends again what may be sent again."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import requests

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.credentials import Credentials, CredentialsProvider
from airflow_provider_dataworks.client.errors import (
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
from airflow_provider_dataworks.client.responses import LONGEST_WAIT, incomplete, read_response
from airflow_provider_dataworks.client.transport import Answer, Exchange, Transport

API_VERSION = "2020-05-18"
FORM = "application/x-www-form-urlencoded"

#: Seconds after which no further attempt of a call begins.
MAX_ELAPSED = 180.0
#: The same once a call was throttled: ten minutes of it, and the longest wait that the service may ask for.
MAX_THROTTLED = 600.0 + 1.1 * LONGEST_WAIT

log = logging.getLogger(__name__)

#: Looks whether a call with an unknown outcome happened: its answer (as good as can be had) if so, else None.
Settle = Callable[[ApiError], "dict[str, Any] | None"]
Check = Callable[[dict[str, Any]], "str | None"]


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
    :param rate_limiter: what spaces the requests, and adapts to the responses; None (default) for no limit.
    :param paced: whether this client waits for the rate limiter's turn (default True), or its caller does.
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
        rate_limiter: RateLimiter | None = None,
        paced: bool = True,
        sleep: Callable[[float], None] = clock.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self.timeout = (connect_timeout, read_timeout)
        self.request_timeout = 2 * read_timeout if request_timeout is None else request_timeout
        self.max_attempts = max_attempts
        self.max_elapsed = max_elapsed
        self.rate_limiter = rate_limiter
        self.paced = paced
        self.sleep = sleep
        self._transport = Transport(endpoint)
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "gzip, deflate",
            "user-agent": (
                f"airflow-provider-dataworks/{__version__} requests/{requests.__version__} "
                f"python/{'.'.join(map(str, sys.version_info[:3]))}"
            ),
            "x-acs-version": API_VERSION,
        }

    def __repr__(self) -> str:
        return f"DataWorksClient({self.endpoint!r})"

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._transport.close()

    def call(
        self,
        action: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        resend: bool | None = None,
        settle: Settle | None = None,
        check: Check | None = None,
    ) -> dict[str, Any]:
        """Call an action of API version 2020-05-18 and wait out what passes.

        :param action: the action's name, such as ``ListDIJobs``.
        :param query: parameters that travel in the query; None values are left out, dicts and lists become JSON text.
        :param body: parameters that travel in the form body, likewise; default None.
        :param resend: whether to send again after an unknown outcome; by default if the action's name is_read_only.
        :param settle: looks, after an unknown outcome, whether the call happened; only if not, it is sent again.
            Default None: it cannot be seen.
        :param check: reads a good-looking answer: None if it is complete, else what is missing (an unknown outcome,
            as is whatever else than an ApiError it raises). Default None: every answer is complete.
        :return: the answer's JSON object.
        :raises ApiError: refused, or still failing after the last attempt; its ``outcome_unknown`` says whether any of
            the attempts may have been carried out.
        :raises CredentialsError: no credentials could be had, and no attempt may have been carried out.
        """
        may_resend = settle is not None or (is_read_only(action) if resend is None else resend)
        return _Call(self, action, _encode(query), _encode(body), may_resend, settle, check).run()

    def _send(self, exchange: Exchange, query: str, form: str) -> Answer:
        """Sign and send once."""
        headers = {**self._headers, "x-acs-action": exchange.action}
        if form:
            headers["content-type"] = FORM
        url = f"{self.endpoint}/?{query}" if query else f"{self.endpoint}/"
        credentials = self.credentials.get()
        began = clock.monotonic()
        answer = self._transport.send(exchange, credentials, url, headers, form or None, self.timeout)
        log.debug("%s: HTTP %s in %.3f s", exchange.action, answer.status, clock.monotonic() - began)
        return answer


class _Call:
    """One call: its attempts, and what they leave behind."""

    def __init__(
        self,
        client: DataWorksClient,
        action: str,
        query: str,
        form: str,
        may_resend: bool,
        settle: Settle | None,
        check: Check | None,
    ) -> None:
        self.client = client
        self.action = action
        self.query = query
        self.form = form
        self.may_resend = may_resend
        self.settle = settle
        self.check = check
        #: Whether an attempt may have been carried out, and how the first of these ended.
        self.in_doubt = False
        self.lost = ""
        self.renewed = False
        self.signed_with: list[Credentials] = []
        self.began = clock.monotonic()
        self.paused = 0.0
        self.throttled = False

    def run(self) -> dict[str, Any]:
        try:
            return self.attempt()
        except ApiError as error:
            if self.client.max_attempts <= 1 or not self.again(error):
                raise
            first = error
        # Here, because loading tenacity takes longer than a call, and most calls need no second attempt.
        from airflow_provider_dataworks.client.retry import retry

        explicit = self.client.max_elapsed
        return retry(
            first,
            self.attempt,
            self.again,
            attempts=self.client.max_attempts,
            within=MAX_ELAPSED if explicit is None else explicit,
            within_throttled=MAX_THROTTLED if explicit is None else explicit,
            elapsed=self.elapsed,
            sleep=self.client.sleep,
        )

    def elapsed(self) -> float:
        """Seconds since the call began, without those that it waited for the rate limiter."""
        return clock.monotonic() - self.began - self.paused

    def again(self, error: BaseException) -> bool:
        if not isinstance(error, ApiError) or error.outcome is Outcome.REFUSED:
            return False
        return error.outcome is Outcome.NOT_EXECUTED or self.may_resend

    def attempt(self) -> dict[str, Any]:
        exchange = Exchange(self.action)
        try:
            answer = self._exchange(exchange)
        except CredentialsError as error:
            if not self.in_doubt or is_read_only(self.action):
                raise
            failure = ApiError(
                f"an earlier attempt may have been carried out ({self.lost}), and no credentials can be had: {error}",
                action=self.action,
                outcome=Outcome.UNKNOWN,
            )
        except ApiError as error:
            failure = error
        else:
            self._tell_rate_limiter(exchange, None)
            return answer
        if exchange.credentials is not None:
            self.signed_with.append(exchange.credentials)
        self._make_harmless(failure)
        self._tell_rate_limiter(exchange, failure)
        self.throttled = self.throttled or failure.throttled
        # A refusal after an unknown outcome may mean just that the first one arrived.
        if failure.outcome is Outcome.UNKNOWN and not self.in_doubt:
            self.in_doubt, self.lost = True, failure.message
        failure.outcome_unknown = self.in_doubt
        if token_expired(failure.code) and not self.renewed and self.client.credentials.renew():
            self.renewed = True
            if failure.outcome is Outcome.REFUSED:
                return self.attempt()
        if self.in_doubt and self.settle and (settled := self._settled(self.settle, failure)) is not None:
            log.info("%s: the answer was lost, but the call arrived (%s)", self.action, failure)
            return settled
        raise failure

    def _exchange(self, exchange: Exchange) -> dict[str, Any]:
        client = self.client
        if client.paced and client.rate_limiter and (pause := client.rate_limiter.reserve()):
            before = clock.monotonic()
            client.sleep(pause)
            self.paused += clock.monotonic() - before
        answer = exchange.run(self._time_left(), lambda: client._send(exchange, self.query, self.form))
        try:
            content = read_response(self.action, answer)
        except ApiError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an odd answer causes
            raise ApiError(
                f"HTTP {answer.status} with an answer that cannot be read ({_described(error)})",
                action=self.action,
                outcome=outcome_of(None, answer.status),
                http_status=answer.status,
                request_id=exchange.request_id,
            ) from None
        try:
            gap = self.check(content) if self.check else None
        except ApiError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an odd answer causes
            gap = f"it cannot be read ({_described(error)})"
        if gap:
            raise incomplete(self.action, gap, content)
        return content

    def _time_left(self) -> float:
        """Seconds for the next attempt."""
        client = self.client
        if client.max_elapsed is None:
            if self.throttled:
                return client.request_timeout
            return min(client.request_timeout, max(0.0, MAX_ELAPSED - self.elapsed()))
        return min(client.request_timeout, max(0.0, client.max_elapsed - self.elapsed()))

    def _settled(self, settle: Settle, failure: ApiError) -> dict[str, Any] | None:
        """Look whether the call happened; if that fails, it is not sent again."""
        try:
            return settle(failure)
        except Exception as error:
            self.may_resend = False
            if "outcome_unknown" in vars(error) and not isinstance(error, ApiError):
                # The caller's own error; it knows better what to say.
                vars(error)["outcome_unknown"] = True
                raise
            unsettled = ApiError(
                f"{failure.message}; whether it was carried out could not be read ({_described(error)})",
                action=self.action,
                outcome=Outcome.UNKNOWN,
                code=failure.code,
                http_status=failure.http_status,
                request_id=failure.request_id,
            )
            self._make_harmless(unsettled)
            raise unsettled from None

    def _make_harmless(self, error: ApiError) -> None:
        """Take the secrets of all attempts, and what does not print, out of what the service or a proxy wrote."""
        secrets = [key for used in self.signed_with for key in (used.access_key_secret, used.security_token)]

        def clean(value: Any) -> Any:
            return value and redact(printable(value), secrets)

        error.message, error.code, error.request_id = map(clean, (error.message, error.code, error.request_id))
        error.args = (error.message,)

    def _tell_rate_limiter(self, exchange: Exchange, failure: ApiError | None) -> None:
        if self.client.rate_limiter is None:
            return
        if failure is not None and failure.throttled:
            self.client.rate_limiter.throttled()
        elif exchange.status is not None:
            self.client.rate_limiter.answered()


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {printable(error)[:200]}"


def _encode(parameters: Mapping[str, Any] | None) -> str:
    """Encode parameters as the official SDK does: sorted, blanks as plus signs, nested values as compact JSON."""
    if not parameters:
        return ""
    return urlencode([(name, _text(value)) for name, value in sorted(parameters.items()) if value is not None])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)
