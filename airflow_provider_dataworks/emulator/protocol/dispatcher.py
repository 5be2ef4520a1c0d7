"""Dispatches a request to its action, after the checks that all actions have in common."""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import formatdate
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.editions import ENTERPRISE
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import Action, ActionTable
from airflow_provider_dataworks.emulator.protocol.faults import LATE, THROTTLE_MESSAGE, Fault, FaultQueue, apply_fault
from airflow_provider_dataworks.emulator.protocol.parameters import decode_pairs, read_parameters, single_values
from airflow_provider_dataworks.emulator.protocol.rate_limiter import DailyLimiter, RateLimiter
from airflow_provider_dataworks.emulator.protocol.request_log import Entry, RequestLog
from airflow_provider_dataworks.emulator.protocol.responses import ApiResponse, failure, new_request_id, success
from airflow_provider_dataworks.emulator.protocol.signature import (
    Authorization,
    check_signature,
    check_signed_headers,
    parse_authorization,
)
from airflow_provider_dataworks.emulator.settings import Settings

log = logging.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"


@dataclasses.dataclass(frozen=True)
class ApiRequest:
    """
    A request as it was received.

    :param query: the query, still encoded.
    :param headers: names in lower case, repeated ones joined.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[str, str]
    body: bytes

    @property
    def action(self) -> str | None:
        """The action that is called."""
        return self.headers.get("x-acs-action")

    @property
    def version(self) -> str | None:
        """The API version of that action."""
        return self.headers.get("x-acs-version")

    @property
    def host(self) -> str:
        """The host that the request is for."""
        return self.headers.get("host", "")


class Dispatcher:
    """
    Answers requests one at a time: the effect of a request is complete, and logged, before the next one starts.
    """

    def __init__(
        self, settings: Settings, state: State, actions: ActionTable, faults: FaultQueue, requests: RequestLog
    ) -> None:
        self._settings = settings
        self._state = state
        self._actions = actions
        self._faults = faults
        self._requests = requests
        self._calls = RateLimiter()
        self._reads = RateLimiter()
        self._writes = RateLimiter()
        self._daily = DailyLimiter()
        self._nonces = _Nonces()

    def take_late_fault(self, request: ApiRequest) -> Fault | None:
        """Return the fault that delays a request before it is processed, if there is one."""
        return self._faults.take_late(request.action or "", _sent(request))

    def dispatch(self, request: ApiRequest, late: Fault | None = None) -> ApiResponse:
        """
        Process a request and return the response.

        :param request: the request.
        :param late: the fault that delayed it.
        """
        request_id = new_request_id()
        entry = self._log(request)
        try:
            response = self._respond(request, entry, request_id)
        except ApiRefusal as refusal:
            response = failure(refusal, request_id, request.host)
        except Exception:
            log.exception("The emulator failed at %s", request.action)
            internal_error = ApiRefusal(500, "InternalError.Emulator", "The emulator itself failed; see its log.")
            response = failure(internal_error, request_id, request.host)
        if late and entry.fault is None:
            entry.fault = LATE
        was_reset = response.delivery == "reset" or (late is not None and late.params.get("reset", False))
        entry.status = None if was_reset else response.status
        entry.code = response.code
        entry.request_id = request_id
        response = self._dated(response)
        log.log(
            logging.INFO if entry.effect or entry.code or entry.fault else logging.DEBUG,
            "%s %s: %s%s%s",
            request_id,
            request.action,
            entry.status or "connection reset",
            f" {entry.code}" if entry.code else "",
            f" (fault {entry.fault})" if entry.fault else "",
        )
        return response

    def _dated(self, response: ApiResponse) -> ApiResponse:
        """Add the date, by the clock that requests are judged by."""
        if any(name.lower() == "date" for name, _ in response.headers):
            return response
        date = formatdate(time.time() + self._settings.clock_skew_seconds, usegmt=True)
        return dataclasses.replace(response, headers=(*response.headers, ("date", date)))

    def _log(self, request: ApiRequest) -> Entry:
        return self._requests.open(
            action=request.action,
            version=request.version,
            method=request.method,
            path=request.path,
            query=_for_log(request.query),
            form=_for_log(request.body),
            headers=request.headers,
            body_bytes=len(request.body),
        )

    def _respond(self, request: ApiRequest, entry: Entry, request_id: str) -> ApiResponse:
        action = self._find_action(request)
        sent = _sent(request)
        fault = self._faults.take(action.name, sent, before_authentication=True)
        entry.fault = fault.kind if fault else None
        self._authenticate(request, fault)
        self._check_rate(action)
        if action.enterprise and self._settings.edition != ENTERPRISE:
            raise assumptions.wrong_edition()
        fault = fault or self._faults.take(action.name, sent, before_authentication=False)
        entry.fault = fault.kind if fault else None
        if fault and fault.replaces_action:
            return apply_fault(fault, None, request_id, request.host)
        try:
            response = self._execute(action, request, entry, request_id)
        except ApiRefusal as refusal:
            if fault is None:
                raise
            response = failure(refusal, request_id, request.host)
        return apply_fault(fault, response, request_id, request.host) if fault else response

    def _find_action(self, request: ApiRequest) -> Action:
        name, version = request.action, request.version
        action = self._actions.find(version or "", name or "")
        method = action.method if action else "POST"
        if request.method != method:
            raise ApiRefusal(400, "UnsupportedHTTPMethod", f"This HTTP method is not supported; use {method}.")
        if not name:
            raise ApiRefusal(400, "MissingAction", "x-acs-action is mandatory.")
        if not version:
            raise ApiRefusal(400, "MissingVersion", "x-acs-version is mandatory.")
        if version not in self._actions.versions:
            known = ", ".join(self._actions.versions)
            raise ApiRefusal(400, "NoSuchVersion", f"The version {version} does not exist; the emulator has {known}.")
        if request.path != "/" or action is None:
            known = ", ".join(self._actions.names(version))
            message = f"Specified api {name} is not found; the emulator has {known}."
            raise ApiRefusal(404, "InvalidAction.NotFound", message)
        return action

    def _authenticate(self, request: ApiRequest, fault: Fault | None) -> None:
        headers = request.headers
        value = headers.get("authorization")
        if not value:
            raise ApiRefusal(400, "IncompleteSignature", "The request is not signed: it has no Authorization.")
        authorization = parse_authorization(value)
        check_signed_headers(headers, authorization, has_body=bool(request.body))
        skew = self._settings.clock_skew_seconds
        if fault and fault.kind == "clock_skew":
            skew += fault.params["seconds"]
        _check_date(headers.get("x-acs-date"), time.time() + skew)
        secret = self._secret(headers, authorization)
        check_signature(
            method=request.method,
            path=request.path,
            query=single_values(decode_pairs(request.query)),
            headers=headers,
            body=request.body,
            authorization=authorization,
            secret=secret,
        )
        self._nonces.use(headers.get("x-acs-signature-nonce"), time.monotonic())

    def _secret(self, headers: Mapping[str, str], authorization: Authorization) -> str:
        key_id, settings = authorization.access_key_id, self._settings
        if headers.get("x-acs-accesskey-id", key_id) != key_id:
            raise ApiRefusal(400, "SignatureDoesNotMatch", "x-acs-accesskey-id is not the Credential.")
        token = headers.get("x-acs-security-token")
        if token is None:
            if key_id != settings.access_key_id:
                raise ApiRefusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
            return settings.access_key_secret
        known = next((key for key in settings.sts if key.security_token == token), None)
        if known is None:
            raise ApiRefusal(400, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed.")
        if known.access_key_id != key_id:
            message = "Specified SecurityToken does not belong to the access key."
            raise ApiRefusal(400, "InvalidSecurityToken.MismatchWithAccessKey", message)
        if known.expired:
            raise ApiRefusal(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
        return known.access_key_secret

    def _execute(self, action: Action, request: ApiRequest, entry: Entry, request_id: str) -> ApiResponse:
        arguments = _read(action, request)
        self._state.clock.arrive(action.name)
        # For the action alone: signatures, nonces and quotas are those of the clients, which have the machine's clock.
        with self._state.clock.in_use():
            result = action.run(self._state, arguments, request_id)
        entry.effect = result.changed
        text_ids: set[str] = set()
        if self._settings.ids_as_text:
            text_ids = {"ProjectId", "Id", *(collection.kind.id_field for collection in self._state.collections())}
        return success(result.content, request_id, text_ids=text_ids)

    def _check_rate(self, action: Action) -> None:
        settings, now = self._settings, time.monotonic()
        limiter = self._reads if action.is_read else self._writes
        limit = settings.read_qps if action.is_read else settings.write_qps
        if not (self._calls.admit(now, settings.total_qps) and limiter.admit(now, limit)):
            raise ApiRefusal(429, "Throttling.User", THROTTLE_MESSAGE, assumptions.THROTTLE_HEADERS)
        if not self._daily.admit(time.time(), settings.daily_calls):
            raise ApiRefusal(429, "Throttling.Api.Risk", assumptions.DAILY_LIMIT_MESSAGE, assumptions.THROTTLE_HEADERS)


class _Nonces:
    """The nonces that were used recently enough to be replayed."""

    def __init__(self) -> None:
        self._used: dict[str, None] = {}
        self._order: deque[tuple[float, str]] = deque()

    def use(self, nonce: str | None, now: float) -> None:
        """
        Record a nonce as used.

        :raises ApiRefusal: the nonce is missing, or was used before.
        """
        if not nonce:
            raise ApiRefusal(400, "IncompleteSignature", "The request has no x-acs-signature-nonce.")
        while self._order and now - self._order[0][0] > assumptions.NONCE_MEMORY_SECONDS:
            del self._used[self._order.popleft()[1]]
        if nonce in self._used:
            raise ApiRefusal(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._used[nonce] = None
        self._order.append((now, nonce))


def _check_date(value: str | None, now: float) -> None:
    if not value or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value):
        raise ApiRefusal(400, "InvalidTimeStamp.Format", "x-acs-date must be like 2026-11-21T20:55:45Z.")
    try:
        date = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ApiRefusal(400, "InvalidTimeStamp.Format", "x-acs-date is not a date.") from None
    if abs(date.timestamp() - now) > assumptions.DATE_WINDOW_SECONDS:
        message = "Specified time stamp or date value is expired: it is more than 15 minutes off."
        raise ApiRefusal(400, "InvalidTimeStamp.Expired", message)


def _read(action: Action, request: ApiRequest) -> dict[str, Any]:
    content_type = request.headers.get("content-type", "")
    if action.method == "GET" and (request.body or content_type not in ("", assumptions.ADDED_CONTENT_TYPE)):
        raise assumptions.body_in_get_request()
    if request.body and content_type.partition(";")[0].strip().lower() != FORM:
        raise assumptions.wrong_content_type(content_type)
    query = single_values(decode_pairs(request.query))
    form = single_values(decode_pairs(request.body))
    return read_parameters(action.name, action.parameters, action.invalid_code, {"query": query, "form": form})


def _sent(request: ApiRequest) -> dict[str, str]:
    """Return the parameters as they were sent, without any check."""
    return {**_for_log(request.query), **_for_log(request.body)}


def _for_log(encoded: bytes) -> dict[str, str]:
    try:
        return dict(decode_pairs(encoded))
    except ApiRefusal:
        return {}
