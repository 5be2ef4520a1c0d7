"""From a request to its answer: the checks that all actions have in common, then the action."""

from __future__ import annotations

import dataclasses
import logging
import re
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.state import State
from airflow_provider_dataworks.emulator.errors import ApiRefusal
from airflow_provider_dataworks.emulator.protocol.action import Action, ActionTable
from airflow_provider_dataworks.emulator.protocol.faults import LATE, THROTTLE_MESSAGE, Fault, FaultQueue, apply_fault
from airflow_provider_dataworks.emulator.protocol.parameters import decode_pairs, read_parameters, single_values
from airflow_provider_dataworks.emulator.protocol.rate_limiter import RateLimiter
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
class Incoming:
    """
    A request as it came.

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
        """The host that is asked."""
        return self.headers.get("host", "")


class Dispatcher:
    """
    Answers requests, one after the other: what a request does is done, and in the log, before the next is looked at.
    """

    def __init__(
        self, settings: Settings, state: State, actions: ActionTable, faults: FaultQueue, requests: RequestLog
    ) -> None:
        self._settings = settings
        self._state = state
        self._actions = actions
        self._faults = faults
        self._requests = requests
        self._reads = RateLimiter()
        self._writes = RateLimiter()
        self._nonces = _Nonces()

    def take_late_fault(self, incoming: Incoming) -> Fault | None:
        """Return the fault that delays a request before it is answered, if it meets one."""
        return self._faults.take_late(incoming.action or "", _sent(incoming))

    def answer(self, incoming: Incoming, late: Fault | None = None) -> ApiResponse:
        """
        Execute what a request asks for and return the response.

        :param incoming: the request.
        :param late: the fault that delayed it.
        """
        request_id = new_request_id()
        entry = self._log(incoming)
        try:
            answer = self._judge(incoming, entry, request_id)
        except ApiRefusal as refusal:
            answer = failure(refusal, request_id, incoming.host)
        except Exception:
            log.exception("The emulator failed at %s", incoming.action)
            broken = ApiRefusal(500, "InternalError.Emulator", "The emulator itself failed; see its log.")
            answer = failure(broken, request_id, incoming.host)
        if late and entry.fault is None:
            entry.fault = LATE
        was_reset = answer.delivery == "reset" or (late is not None and late.params.get("reset", False))
        entry.status = None if was_reset else answer.status
        entry.code = answer.code
        entry.request_id = request_id
        log.log(
            logging.INFO if entry.effect or entry.code or entry.fault else logging.DEBUG,
            "%s %s: %s%s%s",
            request_id,
            incoming.action,
            entry.status or "connection reset",
            f" {entry.code}" if entry.code else "",
            f" (fault {entry.fault})" if entry.fault else "",
        )
        return answer

    def _log(self, incoming: Incoming) -> Entry:
        return self._requests.open(
            action=incoming.action,
            version=incoming.version,
            method=incoming.method,
            path=incoming.path,
            query=_for_log(incoming.query),
            form=_for_log(incoming.body),
            headers=incoming.headers,
            body_bytes=len(incoming.body),
        )

    def _judge(self, incoming: Incoming, entry: Entry, request_id: str) -> ApiResponse:
        action = self._find_action(incoming)
        sent = _sent(incoming)
        fault = self._faults.take(action.name, sent, judging=True)
        entry.fault = fault.kind if fault else None
        self._check_caller(incoming, fault)
        self._check_rate(action)
        fault = fault or self._faults.take(action.name, sent, judging=False)
        entry.fault = fault.kind if fault else None
        if fault and fault.replaces_action:
            return apply_fault(fault, None, request_id, incoming.host)
        try:
            answer = self._perform(action, incoming, entry, request_id)
        except ApiRefusal as refusal:
            if fault is None:
                raise
            answer = failure(refusal, request_id, incoming.host)
        return apply_fault(fault, answer, request_id, incoming.host) if fault else answer

    def _find_action(self, incoming: Incoming) -> Action:
        name, version = incoming.action, incoming.version
        action = self._actions.find(version or "", name or "")
        method = action.method if action else "POST"
        if incoming.method != method:
            raise ApiRefusal(400, "UnsupportedHTTPMethod", f"This HTTP method is not supported; use {method}.")
        if not name:
            raise ApiRefusal(400, "MissingAction", "x-acs-action is mandatory.")
        if not version:
            raise ApiRefusal(400, "MissingVersion", "x-acs-version is mandatory.")
        if version not in self._actions.versions:
            known = ", ".join(self._actions.versions)
            raise ApiRefusal(400, "NoSuchVersion", f"The version {version} does not exist; the emulator has {known}.")
        if incoming.path != "/" or action is None:
            known = ", ".join(self._actions.names(version))
            message = f"Specified api {name} is not found; the emulator has {known}."
            raise ApiRefusal(404, "InvalidAction.NotFound", message)
        return action

    def _check_caller(self, incoming: Incoming, fault: Fault | None) -> None:
        headers = incoming.headers
        value = headers.get("authorization")
        if not value:
            raise ApiRefusal(400, "IncompleteSignature", "The request is not signed: it has no Authorization.")
        authorization = parse_authorization(value)
        check_signed_headers(headers, authorization)
        skew = self._settings.clock_skew_seconds
        if fault and fault.kind == "clock_skew":
            skew += fault.params["seconds"]
        _check_date(headers.get("x-acs-date"), time.time() + skew)
        secret = self._secret(headers, authorization)
        check_signature(
            method=incoming.method,
            path=incoming.path,
            query=single_values(decode_pairs(incoming.query)),
            headers=headers,
            body=incoming.body,
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

    def _perform(self, action: Action, incoming: Incoming, entry: Entry, request_id: str) -> ApiResponse:
        given = _read(action, incoming)
        result = action.run(self._state, given, request_id)
        entry.effect = result.changed
        text_ids: set[str] = set()
        if self._settings.ids_as_text:
            text_ids = {"ProjectId", *(collection.kind.id_field for collection in self._state.collections())}
        return success(result.content, request_id, text_ids=text_ids)

    def _check_rate(self, action: Action) -> None:
        limiter = self._reads if action.is_read else self._writes
        limit = self._settings.read_qps if action.is_read else self._settings.write_qps
        if not limiter.admit(time.monotonic(), limit):
            raise ApiRefusal(429, "Throttling.User", THROTTLE_MESSAGE, assumptions.THROTTLE_HEADERS)


class _Nonces:
    """The nonces that were used within the time in which they could be used again."""

    def __init__(self) -> None:
        self._used: dict[str, None] = {}
        self._order: deque[tuple[float, str]] = deque()

    def use(self, nonce: str | None, now: float) -> None:
        """
        Use a nonce up.

        :raises ApiRefusal: there is none, or it was used before.
        """
        if not nonce:
            raise ApiRefusal(400, "IncompleteSignature", "The request has no x-acs-signature-nonce.")
        while self._order and now - self._order[0][0] > assumptions.NONCE_MEMORY_SECONDS:
            del self._used[self._order.popleft()[1]]
        if nonce in self._used:
            raise ApiRefusal(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._used[nonce] = None
        self._order.append((now, nonce))


def _check_date(text: str | None, now: float) -> None:
    if not text or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        raise ApiRefusal(400, "InvalidTimeStamp.Format", "x-acs-date must be like 2026-11-21T20:55:45Z.")
    try:
        date = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise ApiRefusal(400, "InvalidTimeStamp.Format", "x-acs-date is not a date.") from None
    if abs(date.timestamp() - now) > assumptions.DATE_WINDOW_SECONDS:
        message = "Specified time stamp or date value is expired: it is more than 15 minutes off."
        raise ApiRefusal(400, "InvalidTimeStamp.Expired", message)


def _read(action: Action, incoming: Incoming) -> dict[str, Any]:
    content_type = incoming.headers.get("content-type", "")
    if incoming.body and content_type.partition(";")[0].strip().lower() != FORM:
        raise assumptions.wrong_content_type(content_type)
    query = single_values(decode_pairs(incoming.query))
    form = single_values(decode_pairs(incoming.body))
    return read_parameters(action.name, action.parameters, action.invalid_code, {"query": query, "form": form})


def _sent(incoming: Incoming) -> dict[str, str]:
    """The parameters as they came, checked or not."""
    return {**_for_log(incoming.query), **_for_log(incoming.body)}


def _for_log(encoded: bytes) -> dict[str, str]:
    try:
        return dict(decode_pairs(encoded))
    except ApiRefusal:
        return {}
