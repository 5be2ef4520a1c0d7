"""Calls DataWorks: signs, sends, reads the answer, and sends again what may be sent again."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from airflow_provider_dataworks import __version__
from airflow_provider_dataworks.client.credentials import Credentials, CredentialsProvider
from airflow_provider_dataworks.client.endpoints import is_loopback
from airflow_provider_dataworks.client.errors import ApiError, Outcome, outcome_of, reads, token_expired
from airflow_provider_dataworks.client.pacing import Pacer
from airflow_provider_dataworks.client.signing import ACS3Auth

API_VERSION = "2020-05-18"
FORM = "application/x-www-form-urlencoded"

log = logging.getLogger(__name__)

#: Looks whether a call with an unknown outcome happened: its answer (as good as can be had) if so, else None.
Settle = Callable[[ApiError], "dict[str, Any] | None"]

_GOOD_BODY_CODES = frozenset({"", "200", "ok", "success", "0"})


class DataWorksClient:
    """One endpoint, one set of credentials, one kept-alive session.

    :param endpoint: scheme, host and port, as :func:`.endpoints.endpoint_url` gives them.
    :param credentials: where keys come from; asked at every attempt.
    :param connect_timeout: seconds to wait for a connection; default 5.
    :param read_timeout: seconds to wait for each part of the answer; default 20.
    :param max_attempts: how often one call is sent at most; default 5.
    :param max_elapsed: seconds after which no further attempt of a call begins; default 180.
    :param pacer: what spaces the requests, None (default) for no spacing.
    :param sleep: how to wait between attempts; default ``time.sleep``.
    """

    def __init__(
        self,
        endpoint: str,
        credentials: CredentialsProvider,
        *,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        max_attempts: int = 5,
        max_elapsed: float = 180.0,
        pacer: Pacer | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self.timeout = (connect_timeout, read_timeout)
        self.max_attempts = max_attempts
        self.max_elapsed = max_elapsed
        self.pacer = pacer
        self.sleep = sleep
        # Plain http is for loopback alone, and stays there: a proxy would get the signed request to read.
        self._unproxied = is_loopback(urlsplit(endpoint).hostname or "")
        self._session = requests.Session()
        self._session.headers.clear()
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
        self._session.close()

    def call(
        self,
        action: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        resend: bool | None = None,
        settle: Settle | None = None,
        check: Callable[[dict[str, Any]], str | None] | None = None,
    ) -> dict[str, Any]:
        """Call an action of API version 2020-05-18 and wait out what passes.

        :param action: the action's name, such as ``ListDIJobs``.
        :param query: parameters that travel in the query; None values are left out, dicts and lists become JSON text.
        :param body: parameters that travel in the form body, likewise; default None.
        :param resend: whether to send again after an unknown outcome; by default if the action's name reads.
        :param settle: looks, after an unknown outcome, whether the call happened; only if not, it is sent again.
            Default None: it cannot be seen.
        :param check: reads a good-looking answer: None if it is complete, else what is missing (an unknown outcome).
            Default None: every answer is complete.
        :return: the answer's JSON object.
        :raises ApiError: refused, or still failing after the last attempt.
        :raises CredentialsError: no credentials could be had.
        """
        may_resend = settle is not None or (reads(action) if resend is None else resend)
        in_doubt = False
        renewed = False

        def attempt() -> dict[str, Any]:
            nonlocal in_doubt, renewed
            try:
                answer = self._send(action, query, body)
                if check and (gap := check(answer)):
                    raise _broken(action, 200, gap, answer.get("RequestId"))
                return answer
            except ApiError as error:
                error.message = _without_secrets(error.message, self.credentials.get())
                if token_expired(error.code) and not renewed and self.credentials.renew():
                    renewed = True
                    return attempt()
                # A refusal after an unknown outcome may mean just that the first one arrived.
                in_doubt = error.outcome_unknown = in_doubt or error.outcome is Outcome.UNKNOWN
                if in_doubt and settle and (settled := settle(error)) is not None:
                    log.info("%s: the answer was lost, but the call arrived (%s)", action, error)
                    return settled
                raise

        def again(error: BaseException) -> bool:
            if not isinstance(error, ApiError) or error.outcome is Outcome.REFUSED:
                return False
            return error.outcome is Outcome.NOT_EXECUTED or may_resend

        began = time.monotonic()
        try:
            return attempt()
        except ApiError as error:
            if not again(error):
                raise
            first = error
        # Here, because loading tenacity takes longer than a call, and most calls need no second attempt.
        from airflow_provider_dataworks.client.resending import resend_after

        spent = time.monotonic() - began
        return resend_after(
            first, attempt, again, attempts=self.max_attempts, within=self.max_elapsed - spent, sleep=self.sleep
        )

    def _send(self, action: str, query: Mapping[str, Any] | None, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """Sign and send once."""
        credentials = self.credentials.get()
        if self.pacer and (pause := self.pacer.reserve()):
            self.sleep(pause)
        headers = {**self._headers, "x-acs-action": action}
        form = _encode(body)
        if form:
            headers["content-type"] = FORM
        encoded_query = _encode(query)
        url = f"{self.endpoint}/?{encoded_query}" if encoded_query else f"{self.endpoint}/"
        response = None
        try:
            # Not Session.request: that would merge in the session's cookies, hooks and defaults, and none are wanted.
            request = requests.PreparedRequest()
            request.prepare("POST", url, headers, data=form or None, auth=ACS3Auth(credentials))
            # As a stream: when the body breaks off, the RequestId in the headers is not lost with it.
            surroundings = self._session.merge_environment_settings(url, {}, True, None, None)
            if self._unproxied:
                surroundings["proxies"] = {}
            response = self._session.send(request, timeout=self.timeout, allow_redirects=False, **surroundings)
            response.content  # noqa: B018 - reads it
        except (OSError, ValueError) as error:
            # Most are requests' own, which are OSErrors; what the machine's settings cause comes bare.
            raise _lost(action, error, response) from None
        log.debug("%s: HTTP %s in %.3f s", action, response.status_code, response.elapsed.total_seconds())
        return _read(action, response)


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


def _read(action: str, response: requests.Response) -> dict[str, Any]:
    """Read an answer: its JSON object, or an ApiError that knows what the answer means."""
    status = response.status_code
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        what = "an empty answer" if not response.content else f"no JSON object but {_snippet(response.text)}"
        raise ApiError(
            f"HTTP {status} with {what}",
            action=action,
            outcome=outcome_of(None, status),
            http_status=status,
            request_id=response.headers.get("x-acs-request-id"),
            retry_after=_retry_after(response),
        )
    code = _field(answer, "Code", "code", "ErrorCode")
    succeeded = str(_field(answer, "Success", "success")).lower()
    refused_inside = succeeded == "false" or (
        code is not None and succeeded != "true" and str(code).lower() not in _GOOD_BODY_CODES
    )
    if 200 <= status < 300 and not refused_inside:
        return answer
    code = None if code is None or str(code).lower() in _GOOD_BODY_CODES else str(code)
    # Success false inside a 200 is a refusal, unless the code itself says that it passes.
    outcome = outcome_of(code, 400 if 200 <= status < 300 else status)
    raise ApiError(
        _message(answer) or f"HTTP {status} without a message",
        action=action,
        outcome=outcome,
        code=code,
        http_status=status,
        request_id=_field(answer, "RequestId", "requestId") or response.headers.get("x-acs-request-id"),
        retry_after=_retry_after(response),
    )


def _field(answer: Mapping[str, Any], *names: str) -> Any:
    for name in names:
        if answer.get(name) is not None:
            return answer[name]
    return None


def _message(answer: Mapping[str, Any]) -> str:
    data = answer.get("Data")
    inner = data.get("Message") if isinstance(data, dict) else None
    return str(_field(answer, "Message", "message", "ErrorMessage") or inner or "")


def _broken(action: str, status: int, gap: str, request_id: str | None) -> ApiError:
    return ApiError(
        f"the answer is incomplete: {gap}",
        action=action,
        outcome=Outcome.UNKNOWN,
        http_status=status,
        request_id=request_id,
    )


def _lost(action: str, error: OSError | ValueError, response: requests.Response | None = None) -> ApiError:
    """Turn a failure to send or to receive into an ApiError; of an answer that broke off, the beginning is there."""
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in text:
        return ApiError(
            "the server's TLS certificate was not accepted: give the CA that signed it in REQUESTS_CA_BUNDLE",
            action=action,
            outcome=Outcome.REFUSED,
        )
    if "invalid path" in text and not isinstance(error, requests.RequestException):
        return ApiError(
            f"the CA certificates of REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE cannot be read: {_snippet(text)}",
            action=action,
            outcome=Outcome.REFUSED,
        )
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    kind = type(reason or error).__name__
    # ConnectTimeout is a ConnectionError too; a proxy that can't be reached has not passed anything on.
    never_sent = isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)) or kind in (
        "NewConnectionError",
        "NameResolutionError",
    )
    if isinstance(error, (requests.Timeout, requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        outcome = Outcome.NOT_EXECUTED if never_sent else Outcome.UNKNOWN
    else:
        # A ValueError was found while the request was put together, requests' own of this kind too.
        outcome = Outcome.REFUSED if isinstance(error, ValueError) else Outcome.UNKNOWN
    what = "no connection" if never_sent else "no complete answer"
    return ApiError(
        f"{what} ({kind}: {_snippet(_innermost(error))})",
        action=action,
        outcome=outcome,
        http_status=None if response is None else response.status_code,
        request_id=None if response is None else response.headers.get("x-acs-request-id"),
    )


def _innermost(error: BaseException) -> str:
    """The root cause's words; the outer layers only repeat the URL, parameters included."""
    cause: Any = getattr(error.args[0] if error.args else None, "reason", None) or error
    while getattr(cause, "args", None) and isinstance(cause.args[-1], BaseException):
        cause = cause.args[-1]
    text = re.sub(r"<[^>]*object at 0x[0-9a-f]+>:? ?", "", str(cause))
    return re.sub(r"url: \S+", "", text)


def _snippet(text: str) -> str:
    """The beginning of an unexpected text, on one line, without markup."""
    plain = " ".join(re.sub(r"<[^>]{0,200}>", " ", text[:2000]).split())
    return repr(plain[:160])


def _without_secrets(text: str, credentials: Credentials) -> str:
    """The service quotes what it was sent in some messages; the secret and the token must not get further."""
    for secret in (credentials.access_key_secret, credentials.security_token):
        if secret:
            text = text.replace(secret, "***")
    return text


def _retry_after(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait: x-acs-retry-after and x-ratelimit-* in milliseconds, or Retry-After."""
    waits: list[float] = []
    headers = response.headers
    if (milliseconds := headers.get("x-acs-retry-after", "")).isdecimal():
        waits.append(int(milliseconds) / 1000)
    for name in ("x-ratelimit-user-api", "x-ratelimit-user"):
        if response.status_code != 200 and (left := re.search(r"TimeLeft:(\d+)", headers.get(name, ""))):
            waits.append(int(left.group(1)) / 1000)
    plain = headers.get("retry-after", "")
    if plain.isdecimal():
        waits.append(float(plain))
    elif plain:
        try:
            waits.append((parsedate_to_datetime(plain) - datetime.now(timezone.utc)).total_seconds())
        except (TypeError, ValueError):
            log.debug("Retry-After cannot be read: %r", plain)
    return max(0.0, *waits) if waits else None
