"""What a service or a proxy writes reaches errors and logs without secrets, in part or encoded, and printable."""

from __future__ import annotations

import base64
import html
import json
import random
import urllib.parse
from collections.abc import Callable

import pytest

from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.errors import ApiError, printable
from airflow_provider_dataworks.client.redaction import redact
from tests.support.calls import call
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

#: As STS gives them: base64 with plus signs, slashes and an equals sign at the end.
TOKEN = "CAISgwJ1q6Ft5B2yfSjI/zR+AkpC8Xw0fOOhd2vGqnaTl+b9Y7L5kfq/Rm1sTNvEwKPo3xZtQ9uVhI6cD4gBy8aS=="
SECRET = "kQ7vXw2Lr9ZtB4nYc8MpH5jDf1GsUa"
KEYS = Credentials("STS.id", SECRET, TOKEN)


def twice(text: str) -> str:
    return urllib.parse.quote(urllib.parse.quote(text, safe=""), safe="")


def lower(text: str) -> str:
    return urllib.parse.quote(text, safe="").replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d")


WRITINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: urllib.parse.quote(text, safe=""),
    "percent, slashes kept": urllib.parse.quote,
    "percent, small letters": lower,
    "percent, twice": twice,
    "percent, every character": lambda text: "".join(f"%{ord(char):02X}" for char in text),
    "plus signs as blanks": lambda text: text.replace("+", " "),
    "HTML": lambda text: html.escape(text).replace("/", "&#x2F;").replace("+", "&#43;").replace("=", "&equals;"),
    "HTML, every character": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "JSON": lambda text: json.dumps(text).replace("/", "\\/").strip('"'),
    "JSON, every character": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "wrapped": lambda text: "\n".join(text[start : start + 20] for start in range(0, len(text), 20)),
    "with tags inside": lambda text: "<wbr>".join(text[start : start + 20] for start in range(0, len(text), 20)),
    "its beginning": lambda text: f"{text[:16]}...",
    "its end": lambda text: f"...{text[-16:]}",
    "its middle": lambda text: f"...{text[7:25]}...",
    "in halves": lambda text: f"{text[: len(text) // 2]}' and '{text[len(text) // 2 :]}",
}


def longest_part(text: str, secret: str) -> int:
    """The length of the longest part of the secret that stands in the text in some writing."""
    plain = urllib.parse.unquote(urllib.parse.unquote(html.unescape(text.replace("\\/", "/"))))
    sizes = [
        end - start
        for start in range(len(secret))
        for end in range(start + 1, len(secret) + 1)
        if secret[start:end] in plain or secret[start:end] in text
    ]
    return max(sizes, default=0)


@pytest.mark.parametrize("secret", [TOKEN, SECRET], ids=["token", "secret"])
@pytest.mark.parametrize("writing", WRITINGS)
def test_secret_is_taken_out_however_it_is_written(writing: str, secret: str) -> None:
    text = redact(f"the request with '{WRITINGS[writing](secret)}' was refused", [SECRET, TOKEN])

    assert longest_part(text, secret) < 12
    assert "***" in text
    assert text.startswith("the request with '")
    assert text.endswith("' was refused")


@pytest.mark.parametrize("field", ["Message", "Code", "RequestId", "html", "header"])
@pytest.mark.parametrize("writing", WRITINGS)
def test_no_field_of_an_answer_brings_a_secret_into_the_error(
    server: ScriptedServer, make_client: ClientFactory, writing: str, field: str
) -> None:
    quoted = WRITINGS[writing](TOKEN)
    if field == "header":
        server.answer(502, b"", x_acs_request_id=quoted.replace("\n", " "))
    elif field == "html":
        server.answer(502, f"<html><body><p>You sent</p><code>{quoted}</code></html>".encode())
    else:
        answer = {"Code": "InvalidParameter", "Message": "no", "RequestId": "R-1", field: f"was {quoted}"}
        server.answer(400, json.dumps(answer).encode())

    error = failure(make_client(server.url, StaticCredentials(KEYS), max_attempts=1))

    assert longest_part(f"{error} {error.args} {vars(error)}", TOKEN) < 12


def failure(client: DataWorksClient) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call(client, "StartDIJob")
    return raised.value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Access is forbidden.",
        "100 % of 5 + 3 & more; <b>bold</b> C:\\users \\u00e9 %zz &nope; &#0; %",
        "名前 ü €",
        "STS.id",
    ],
)
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert redact(text, [SECRET, TOKEN, None, ""]) == text


def test_random_texts_stay_as_they_are() -> None:
    chance = random.Random(1)
    for _ in range(50):
        text = base64.b64encode(chance.randbytes(300)).decode()
        assert redact(text, [SECRET, TOKEN]) == text


def test_short_secret_is_taken_out_as_a_whole() -> None:
    assert redact("old token is old-token.", ["old-token"]) == "old token is ***."


@pytest.mark.parametrize("writing", [name for name in WRITINGS if not name.startswith(("its ", "in halves"))])
def test_secret_whose_plus_signs_are_close_is_taken_out_too(writing: str) -> None:
    secret = "Ab3dE+9hIjK+mN0pQ+sTuV7+xYz2"

    text = redact(f"key '{WRITINGS[writing](secret)}'", [secret])

    assert "***" in text
    assert [piece for piece in secret.split("+") if longest_part(text, piece) > 1] == []


def test_what_stands_around_and_between_secrets_stays() -> None:
    assert redact(f"{SECRET} and {TOKEN}", [SECRET, TOKEN]) == "*** and ***"
    assert redact(f"from {TOKEN} to {SECRET}.", [SECRET, TOKEN]) == "from *** to ***."


def test_long_text_takes_little_time(server: ScriptedServer, make_client: ClientFactory) -> None:
    message = f"{'%41' * 300_000}{TOKEN}"
    server.answer(400, json.dumps({"Code": "X" * 100_000, "Message": message}).encode())

    error = failure(make_client(server.url, StaticCredentials(KEYS)))

    assert len(error.message) < 2100
    assert len(str(error.code)) <= 200


# Printable


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"),
        ("名前 ü € 🙂", "名前 ü € 🙂"),
        ("two  blanks", "two  blanks"),
        ("a\nb\r\nc\td", "a b  c d"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link", "link"),
        ("\x9b2Jcleared", "cleared"),
        ("\x1bcreset", "reset"),
        ("end\x1b", "end"),
        ("a\x00b\x08c\x7f", "a�b�c�"),
        ("a\u202eb\u2066c\u200fd", "a�b�c�d"),
        ("a\u2028b\u2029c\x85d\xa0e", "a b c d e"),
        ("half \ud800", "half �"),
        (12, "12"),
        (None, "None"),
        (["a\n"], "['a\\n']"),
        ([10**5000], "an unprintable list"),
    ],
)
def test_strings_of_the_service_become_printable(given: object, shown: str) -> None:
    assert printable(given) == shown
    assert printable(given).isprintable()


@pytest.mark.parametrize("field", ["Code", "Message", "RequestId"])
def test_control_characters_do_not_get_into_the_error(
    server: ScriptedServer, make_client: ClientFactory, field: str
) -> None:
    odd = "was\r\n2026-01-01 INFO all well \x1b[2J\u202e\x00"
    answer = {"Code": "InvalidParameter", "Message": "no", "RequestId": "R-1", field: odd}
    server.answer(400, json.dumps(answer).encode())

    assert str(failure(make_client(server.url))).isprintable()
