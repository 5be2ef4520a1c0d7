"""Signs prepared requests with ACS3-HMAC-SHA256, as requests' own authentication object."""

from __future__ import annotations

import hashlib
import hmac
import os
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote, urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.credentials import Credentials

ALGORITHM = "ACS3-HMAC-SHA256"

# The user-agent is left out on purpose: proxies rewrite it, and a rewritten signed header breaks the signature.
_SIGNED_PLAIN_HEADERS = frozenset({"accept", "content-type", "host"})


class ACS3Auth(AuthBase):
    """Adds date, nonce, body hash, token and signature to one request; use a new one for every attempt.

    :param credentials: what to sign with.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        url = urlsplit(str(request.url))
        body = request.body or b""
        payload = hashlib.sha256(body if isinstance(body, bytes) else str(body).encode()).hexdigest()
        headers = request.headers
        headers["host"] = url.netloc
        headers["x-acs-date"] = datetime.fromtimestamp(clock.time(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        headers["x-acs-signature-nonce"] = os.urandom(16).hex()
        headers["x-acs-content-sha256"] = payload
        if self._credentials.security_token:
            headers["x-acs-accesskey-id"] = self._credentials.access_key_id
            headers["x-acs-security-token"] = self._credentials.security_token

        signed = sorted(
            (name, value.strip())
            for name, value in headers.lower_items()
            if name in _SIGNED_PLAIN_HEADERS or name.startswith("x-acs-")
        )
        names = ";".join(name for name, _ in signed)
        canonical_request = "\n".join(
            [
                str(request.method),
                url.path or "/",
                _canonical_query(url.query),
                "".join(f"{name}:{value}\n" for name, value in signed),
                names,
                payload,
            ]
        )
        signature = sign(self._credentials.access_key_secret, canonical_request)
        headers["authorization"] = (
            f"{ALGORITHM} Credential={self._credentials.access_key_id},SignedHeaders={names},Signature={signature}"
        )
        return request


def sign(access_key_secret: str, canonical_request: str) -> str:
    """Sign a canonical request.

    :param access_key_secret: the AccessKey secret.
    :param canonical_request: method, path, query, headers, header names and body hash, a line each.
    :return: the signature, lower-case hexadecimal.
    """
    digest = hashlib.sha256(canonical_request.encode()).hexdigest()
    return hmac.new(access_key_secret.encode(), f"{ALGORITHM}\n{digest}".encode(), hashlib.sha256).hexdigest()


def _canonical_query(query: str) -> str:
    """The query as the signature sees it: sorted, a blank as %20 although it travels as a plus sign."""
    if not query:
        return ""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(key, safe='~')}={quote(value, safe='~')}" for key, value in pairs)
