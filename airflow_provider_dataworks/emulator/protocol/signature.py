"""Whether a request is signed rightly (ACS3-HMAC-SHA256), judged with the vendor's own code."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

from alibabacloud_tea_openapi.utils import Utils

from airflow_provider_dataworks.emulator.errors import ApiRefusal

ALGORITHM = "ACS3-HMAC-SHA256"


class Authorization(NamedTuple):
    """The parts of an Authorization header."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(value: str) -> Authorization:
    """
    Take an Authorization header apart.

    :raises ApiRefusal: it is of another kind, or not complete.
    """
    algorithm, _, rest = value.partition(" ")
    if algorithm != ALGORITHM:
        raise ApiRefusal(400, "InvalidSignatureMethod", f"The signature method must be {ALGORITHM}.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if set(parts) != {"Credential", "SignedHeaders", "Signature"} or not all(parts.values()):
        raise ApiRefusal(400, "IncompleteSignature", "Authorization needs Credential, SignedHeaders and Signature.")
    return Authorization(parts["Credential"], tuple(parts["SignedHeaders"].split(";")), parts["Signature"])


def check_signed_headers(headers: Mapping[str, str], authorization: Authorization) -> None:
    """
    Check that everything which has to be signed is, and that what is said to be signed is there.

    :param headers: the request's headers, names in lower case.
    :raises ApiRefusal: a header is not signed, or signed and not there.
    """
    signed = set(authorization.signed_headers)
    must = {name for name in headers if name.startswith("x-acs-") or name in ("host", "content-type")}
    if not must <= signed:
        missing = ", ".join(sorted(must - signed))
        raise ApiRefusal(400, "IncompleteSignature", f"These headers are not signed: {missing}.")
    if not signed <= set(headers):
        missing = ", ".join(sorted(signed - set(headers)))
        raise ApiRefusal(400, "SignatureDoesNotMatch", f"Signed headers are not in the request: {missing}.")


def check_signature(
    *,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    authorization: Authorization,
    secret: str,
) -> None:
    """
    Check the hash of the body and the signature.

    :param query: the query, decoded.
    :param headers: the request's headers, names in lower case.
    :raises ApiRefusal: SignatureDoesNotMatch.
    """
    payload_hash = headers.get("x-acs-content-sha256", "")
    if not hmac.compare_digest(payload_hash.encode(), hashlib.sha256(body).hexdigest().encode()):
        raise ApiRefusal(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the SHA-256 of the body.")
    request = SimpleNamespace(
        method=method,
        pathname=path,
        query=dict(query),
        headers={name: headers[name] for name in authorization.signed_headers},
    )
    expected: str = Utils.get_authorization(request, ALGORITHM, payload_hash, authorization.access_key_id, secret)
    match = re.search(r"Signature=([0-9a-f]+)$", expected)
    if match is None or not hmac.compare_digest(match[1].encode(), authorization.signature.encode()):
        raise ApiRefusal(400, "SignatureDoesNotMatch", "The signature is not the one that the server calculates.")
