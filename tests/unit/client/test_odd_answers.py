"""Whatever an answer holds, the call ends with an ApiError that knows what became of the call."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib

import pytest

from airflow_provider_dataworks.client import transport
from airflow_provider_dataworks.client.errors import ApiError, Outcome
from tests.support.calls import call
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

DEEP = b"[" * 200_000
DIGITS = b"9" * 5000
NO = b'{"Code": "InvalidParameter", "Message": "no"}'

UNKNOWN, REFUSED, NOT_EXECUTED = Outcome.UNKNOWN, Outcome.REFUSED, Outcome.NOT_EXECUTED

#: Status, headers, body, and what is known afterwards.
ODD: dict[str, tuple[int, dict[str, str], bytes, Outcome]] = {
    "charset undefined": (200, {"content-type": "text/html; charset=undefined"}, b"<p>\xff", UNKNOWN),
    "charset undefined, refused": (403, {"content-type": "text/html; charset=undefined"}, b"<p>\xff", REFUSED),
    "charset idna": (200, {"content-type": "text/html; charset=idna"}, b"<p>a..b", UNKNOWN),
    "charset punycode": (502, {"content-type": "text/html; charset=punycode"}, b"<p>\xff-\xff", UNKNOWN),
    "charset base64": (502, {"content-type": "text/html; charset=base64"}, b"<p>", UNKNOWN),
    "charset hex": (429, {"content-type": "text/html; charset=hex"}, b"<p>", NOT_EXECUTED),
    "charset zip": (502, {"content-type": "text/html; charset=zip"}, b"<p>", UNKNOWN),
    "charset with a zero": (502, {"content-type": "text/html; charset=a\0b"}, b"<p>", UNKNOWN),
    "charset unicode_escape": (502, {"content-type": "text/html; charset=unicode_escape"}, b"\\x", UNKNOWN),
    "no UTF-8": (200, {}, b'{"RequestId": "\xff\xfe"}', UNKNOWN),
    "half of UTF-16": (200, {}, b'\xff\xfe{\x00"', UNKNOWN),
    "byte order mark": (200, {}, b"\xef\xbb\xbf{", UNKNOWN),
    "zero bytes": (502, {}, b"\0" * 1000, UNKNOWN),
    "deep": (200, {}, DEEP, UNKNOWN),
    "deep, refused": (400, {}, DEEP, REFUSED),
    "deep object": (500, {}, b'{"a":' * 100_000, UNKNOWN),
    "integer of 5,000 digits": (200, {}, b'{"TotalCount": %s}' % DIGITS, UNKNOWN),
    "NaN": (200, {}, b'{"TotalCount": NaN}', UNKNOWN),
    "Infinity": (200, {}, b'{"TotalCount": -Infinity}', UNKNOWN),
    "a list": (200, {}, b'[{"RequestId": "R"}]', UNKNOWN),
    "a number": (200, {}, b"1", UNKNOWN),
    "a string": (200, {}, b'"\\ud800"', UNKNOWN),
    "two objects": (200, {}, b"{}{}", UNKNOWN),
    "nothing": (200, {}, b"", UNKNOWN),
    "blanks": (502, {}, b" \n ", UNKNOWN),
    "Code is a list": (400, {}, b'{"Code": ["a"], "Message": {"b": [1]}}', REFUSED),
    "Code is an object in a 200": (200, {}, b'{"Code": {"a": 1}}', REFUSED),
    "Code is true": (500, {}, b'{"Code": true, "Message": 12}', UNKNOWN),
    "Message is a list": (400, {}, b'{"Code": "X", "Message": ["a"], "RequestId": ["b"]}', REFUSED),
    "Message is half a character": (400, {}, b'{"Code": "X", "Message": "\\ud800"}', REFUSED),
    "Data is a string": (400, {}, b'{"Data": "x"}', REFUSED),
    "Data.Message is a list": (400, {}, b'{"Data": {"Message": [1]}}', REFUSED),
    "Success is a list": (200, {}, b'{"Success": [], "Code": "Throttling"}', NOT_EXECUTED),
    "x-acs-retry-after is no number": (429, {"x-acs-retry-after": "\xb2"}, NO, NOT_EXECUTED),
    "retry-after is no number": (503, {"retry-after": "\xb9\xb2\xb3"}, b"", UNKNOWN),
    "retry-after of 5,000 digits": (503, {"retry-after": "9" * 5000}, b"", UNKNOWN),
    "retry-after is a far date": (429, {"retry-after": "Fri, 31 Dec 99999 00:00:00 GMT"}, b"", NOT_EXECUTED),
    "x-acs-request-id is odd": (502, {"x-acs-request-id": "\x9b31m\xff"}, b"", UNKNOWN),
    "gzip that is none": (200, {"content-encoding": "gzip"}, b"{}", UNKNOWN),
    "gzip that is none, refused": (403, {"content-encoding": "gzip"}, NO, REFUSED),
    "gzip that breaks off": (200, {"content-encoding": "gzip"}, gzip.compress(b"{}" * 99)[:-9], UNKNOWN),
    "deflate that is none": (200, {"content-encoding": "deflate"}, b"{}", UNKNOWN),
    "gzip twice": (200, {"content-encoding": "gzip, gzip"}, gzip.compress(gzip.compress(b"{}")), UNKNOWN),
    "an encoding nobody knows": (200, {"content-encoding": "rot13"}, b"{}", UNKNOWN),
    "br, throttled": (429, {"content-encoding": "br"}, b"\xff", NOT_EXECUTED),
    "content-length twice": (200, {"content-length": "5"}, b'{"RequestId": "R"}', UNKNOWN),
    "location that is none": (302, {"location": "http://[\xff"}, b"", REFUSED),
    "location with no host": (307, {"location": "https://"}, DEEP, REFUSED),
    "cookie that is none": (502, {"set-cookie": "=;;;\xff; expires=never; domain=.."}, b"", UNKNOWN),
    "status nobody knows": (999, {}, b"", UNKNOWN),
    "status 600 with a code": (600, {}, NO, UNKNOWN),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_answer_ends_in_an_error_of_the_client(
    server: ScriptedServer, make_client: ClientFactory, name: str
) -> None:
    status, headers, body, outcome = ODD[name]
    server.answer(status, body, **{key.replace("-", "_"): value for key, value in headers.items()})
    client = make_client(server.url, max_attempts=1, read_timeout=5)

    with pytest.raises(ApiError) as raised:
        call(client, "StartDIJob", body={"DIJobId": 1001})

    error = raised.value
    assert (error.outcome, error.outcome_unknown) == (outcome, outcome is UNKNOWN)
    assert error.http_status in (status, None)
    assert str(error).isprintable()
    assert len(str(error)) < 700
    assert error.retry_after is None or 0 <= error.retry_after <= 300
    # The next call is not affected.
    assert call(client, "StartDIJob", body={"DIJobId": 1001}) == {"RequestId": "R-1"}


GOOD = {"RequestId": "R-9", "Data": "中" * 50_000}
PACKED = json.dumps(GOOD).encode()


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PACKED)),
        ("GZIP", gzip.compress(PACKED)),
        ("x-gzip", gzip.compress(PACKED[:999]) + gzip.compress(PACKED[999:])),
        ("gzip", gzip.compress(PACKED) + b"\0" * 64),
        ("deflate", zlib.compress(PACKED)),
        ("deflate", _raw_deflate(PACKED)),
        ("identity", PACKED),
        ("identity, gzip", gzip.compress(PACKED)),
        ("", PACKED),
    ],
)
def test_compressed_answers_are_read(
    server: ScriptedServer, make_client: ClientFactory, encoding: str, body: bytes
) -> None:
    client = make_client(server.url)
    server.answer(200, body, content_encoding=encoding)

    assert call(client, "GetDIJob") == GOOD
    call(client, "GetDIJob")
    assert [request.connection for request in server.received] == [1, 1]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_body_is_read_whatever_pieces_it_comes_in(encoding: str) -> None:
    packed = gzip.compress(PACKED) if encoding == "gzip" else _raw_deflate(PACKED)

    assert transport._unpacked((bytes([byte]) for byte in packed), encoding) == PACKED


def test_second_member_may_begin_with_a_piece() -> None:
    assert transport._unpacked([gzip.compress(b"first "), gzip.compress(b"second")], "gzip") == b"first second"


def test_body_may_unpack_to_a_little_more_than_one_piece() -> None:
    # All of it is consumed before its last bytes come out.
    for length in range(2**16, 2**16 + 32):
        assert transport._unpacked([_raw_deflate(b" " * length)], "deflate") == b" " * length


def test_body_of_the_bound_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 6)

    assert transport._unpacked([b"123", b"456"], "") == b"123456"


@pytest.mark.parametrize(
    ("encoding", "body", "problem"),
    [
        ("br", b"\xff", "its content-encoding 'br' is not supported"),
        ("gzip", gzip.compress(b"{}" * 99)[:-9], "it is compressed and breaks off"),
    ],
    ids=["unknown", "breaks off"],
)
def test_body_that_cannot_be_read_is_an_error_that_says_why(
    server: ScriptedServer, make_client: ClientFactory, encoding: str, body: bytes, problem: str
) -> None:
    server.answer(403, body, content_encoding=encoding, x_acs_request_id="R-head")

    with pytest.raises(ApiError, match=f"a body that cannot be read: {problem}") as raised:
        call(make_client(server.url), "StartDIJob")

    error = raised.value
    assert (error.outcome, error.http_status, error.request_id) == (REFUSED, 403, "R-head")


@pytest.mark.parametrize("packed", [True, False])
def test_body_of_more_than_the_bound_is_not_taken_in(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 2**20)
    body = b'{"RequestId": "' + b"x" * 2**20 + b'"}'
    server.answer(200, gzip.compress(body) if packed else body, **({"content_encoding": "gzip"} if packed else {}))

    with pytest.raises(ApiError, match="it has more than 1 MiB") as raised:
        call(make_client(server.url), "StartDIJob")

    assert raised.value.outcome is Outcome.UNKNOWN


@pytest.mark.waits
def test_small_body_that_unpacks_to_a_large_one_takes_no_memory(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert transport.MAX_BODY == 64 * 2**20
    monkeypatch.setattr(transport, "MAX_BODY", 4 * 2**20)
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(64)) + packer.flush()
    assert len(bomb) < 2**17
    server.answer(200, bomb, content_encoding="gzip")
    tracemalloc.start()
    try:
        with pytest.raises(ApiError, match="it has more than 4 MiB"):
            call(make_client(server.url), "StartDIJob")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2.5 * transport.MAX_BODY


@pytest.mark.waits
def test_large_body_is_read_no_further_than_the_bound(
    server: ScriptedServer, make_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY", 2**20)
    server.answer(200, b" " * 2**24)
    tracemalloc.start()
    try:
        with pytest.raises(ApiError, match="it has more than 1 MiB"):
            call(make_client(server.url), "StartDIJob")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 4 * transport.MAX_BODY


def test_no_cookie_is_kept(server: ScriptedServer, make_client: ClientFactory) -> None:
    client = make_client(server.url)
    for number in range(3):
        server.answer(200, set_cookie=f"session-{number}=value; path=/")
        call(client, "GetDIJob")

    assert all("cookie" not in request.headers for request in server.received)
    assert len(client._transport._session.cookies) == 0
