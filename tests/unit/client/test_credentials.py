"""Where keys come from: given ones, or those that the vendor's library fetches, which is loaded only then."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_dataworks.client import credentials
from airflow_provider_dataworks.client.credentials import (
    Credentials,
    FetchedCredentials,
    StaticCredentials,
    is_key_text,
)
from airflow_provider_dataworks.client.errors import CredentialsError
from tests.support.calls import call
from tests.support.scripted_server import ScriptedServer

from .conftest import ClientFactory

# The library's schedulers say at the end of the process, when pytest has closed its streams, that they end.
logging.getLogger("apscheduler").setLevel(logging.WARNING)

KEYS = {
    "Code": "Success",
    "AccessKeyId": "STS.fetched",
    "AccessKeySecret": "fetched-secret",
    "SecurityToken": "fetched-token",
    "Expiration": "2099-01-01T00:00:00Z",
}


def from_uri(server: ScriptedServer) -> FetchedCredentials:
    return FetchedCredentials("credentials_uri", {"credentials_uri": server.url}, "credentials_uri of connection x")


def schedulers() -> list[threading.Thread]:
    """The threads in which the library renews keys."""
    return [thread for thread in threading.enumerate() if "APScheduler" in thread.name]


def test_given_keys_never_change() -> None:
    keys = Credentials("id", "secret", "token")
    provider = StaticCredentials(keys)

    assert provider.get() is keys
    assert provider.renew() is False


def test_repr_shows_no_secret() -> None:
    assert repr(Credentials("LTAI-1", "hidden-1", "hidden-2")) == "Credentials(access_key_id='LTAI-1')"


def test_text_that_a_header_carries_may_be_a_key() -> None:
    assert is_key_text("CAIS+token/==")


@pytest.mark.parametrize("text", [None, 7, b"LTAI", "a b", "a\n", "a\x7f", "\u00fc"])
def test_what_a_header_cannot_carry_is_no_key(text: object) -> None:
    assert not is_key_text(text)


def test_keys_are_fetched_from_a_uri_once(server: ScriptedServer) -> None:
    server.answer(200, json.dumps(KEYS).encode())
    provider = from_uri(server)

    assert provider.get() == Credentials("STS.fetched", "fetched-secret", "fetched-token")
    assert provider.get().access_key_id == "STS.fetched"
    assert len(server.received) == 1


def test_renewed_keys_are_fetched_anew(server: ScriptedServer) -> None:
    server.answer(200, json.dumps(KEYS).encode())
    server.answer(200, json.dumps({**KEYS, "AccessKeyId": "STS.second"}).encode())
    provider = from_uri(server)
    provider.get()

    assert provider.renew() is True
    assert provider.get().access_key_id == "STS.second"


def test_source_that_fails_is_named_and_may_pass(server: ScriptedServer) -> None:
    server.answer(503, b"{}")

    with pytest.raises(CredentialsError) as raised:
        from_uri(server).get()

    assert raised.value.may_pass
    assert "auth_type credentials_uri: no credentials could be fetched" in str(raised.value)
    assert "Check credentials_uri of connection x." in str(raised.value)


def test_settings_that_cannot_be_used_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(CredentialsError, match="auth_type oidc_role_arn") as raised:
        FetchedCredentials("oidc_role_arn", {"role_arn": None}, "role_arn of connection x").get()

    assert not raised.value.may_pass


def test_secrets_do_not_get_into_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def __init__(self, config: Any) -> None:
            raise RuntimeError(f"refused {config.access_key_secret} {config.security_token}")

    monkeypatch.setattr("alibabacloud_credentials.client.Client", Client)
    settings = {"access_key_id": "id", "access_key_secret": "hidden-1", "security_token": "hidden-2"}

    with pytest.raises(CredentialsError) as raised:
        FetchedCredentials("sts", settings, "x").get()

    assert "hidden" not in str(raised.value)
    assert str(raised.value).endswith(" RuntimeError: refused *** ***")


@pytest.mark.parametrize("keys", [Credentials("", ""), Credentials("id", ""), Credentials("", "secret")])
def test_answer_without_keys_is_an_error(monkeypatch: pytest.MonkeyPatch, keys: Credentials) -> None:
    class Client:
        def get_credential(self) -> Credentials:
            return keys

    monkeypatch.setattr("alibabacloud_credentials.client.Client", Client)

    with pytest.raises(
        CredentialsError, match=r"auth_type default: the answer held no AccessKey\. Check the machine\."
    ):
        FetchedCredentials("default", {}, "the machine").get()


@pytest.mark.parametrize(
    "keys",
    [Credentials("hidden id", "s"), Credentials("id", "hidden\nsecret"), Credentials("id", "s", "hidden\ttoken")],
)
def test_answer_with_keys_that_a_header_cannot_carry_is_an_error_that_does_not_quote_them(
    monkeypatch: pytest.MonkeyPatch, keys: Credentials
) -> None:
    class Client:
        def get_credential(self) -> Credentials:
            return keys

    monkeypatch.setattr("alibabacloud_credentials.client.Client", Client)

    with pytest.raises(
        CredentialsError, match=r"auth_type default: .*blanks or control characters.*the machine"
    ) as raised:
        FetchedCredentials("default", {}, "the machine").get()

    assert "hidden" not in str(raised.value)
    assert not raised.value.may_pass


def test_keys_of_an_ecs_role_are_fetched_from_the_metadata_service_by_no_thread_of_their_own(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The metadata service has an address of its own, which a proxy turns into the server's.
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.standard = json.dumps(KEYS).encode()
    before = schedulers()

    keys = FetchedCredentials("ecs_ram_role", {"role_name": "worker"}, "x").get()

    assert keys == Credentials("STS.fetched", "fetched-secret", "fetched-token")
    assert server.received[-1].target.endswith("/latest/meta-data/ram/security-credentials/worker")
    assert schedulers() == before


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (
            "ram_role_arn",
            {
                "access_key_id": "id",
                "access_key_secret": "secret",
                "security_token": None,
                "role_arn": "acs:ram::1:role/airflow",
                "role_session_name": "airflow-dataworks",
            },
        ),
        (
            "oidc_role_arn",
            {
                "role_arn": "acs:ram::1:role/airflow",
                "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
                "oidc_token_file_path": "/var/run/token",
                "role_session_name": "airflow-dataworks",
            },
        ),
        ("ecs_ram_role", {"role_name": "worker"}),
        ("ecs_ram_role", {"role_name": None}),
        ("credentials_uri", {"credentials_uri": "http://127.0.0.1:1/keys"}),
        ("default", {}),
    ],
)
def test_library_takes_each_kind_and_its_settings(kind: str, settings: dict[str, Any]) -> None:
    source = FetchedCredentials(kind, settings, "x")._open_source()

    assert callable(source.get_credential)


def test_missing_library_is_an_error_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("alibabacloud_credentials")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "alibabacloud_credentials", None)

    with pytest.raises(CredentialsError) as raised:
        FetchedCredentials("ecs_ram_role", {}, "x").get()

    assert "pip install alibabacloud-credentials" in str(raised.value)
    assert not raised.value.may_pass


@pytest.mark.waits
def test_library_is_loaded_by_the_first_use_alone() -> None:
    code = (
        "import sys\n"
        "from airflow_provider_dataworks.client.credentials import FetchedCredentials\n"
        "import airflow_provider_dataworks.client.client\n"
        "FetchedCredentials('default', {}, 'x')\n"
        "print([name for name in sys.modules if name.partition('.')[0] in "
        "('alibabacloud_credentials', 'alibabacloud_tea', 'Tea', 'aiohttp', 'apscheduler', 'airflow')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


# In the middle of a fetch


class SlowSource:
    """The vendor's library: answers with the next keys, the slow ones only when they may."""

    def __init__(self) -> None:
        self.keys = [Credentials("STS.first", "s1"), Credentials("STS.second", "s2"), Credentials("STS.third", "s3")]
        self.asked = 0
        #: By number of the request, from 1: what to wait for.
        self.waits: dict[int, threading.Event] = {}

    def get_credential(self) -> Credentials:
        self.asked += 1
        number = self.asked
        if number in self.waits:
            self.waits[number].wait(20)
        return self.keys[number - 1]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowSource:
    source = SlowSource()
    monkeypatch.setattr("alibabacloud_credentials.client.Client", lambda *_: source)
    return source


@contextlib.contextmanager
def interrupted_by(handler: Callable[[], object], slow: SlowSource) -> Iterator[None]:
    """Have a signal handler run in this thread, as Airflow runs on_kill, once a slow source is asked for keys."""
    before = signal.signal(signal.SIGUSR1, lambda *_: handler())
    asked = slow.asked

    def interrupt() -> None:
        while slow.asked == asked:
            time.sleep(0.01)
        time.sleep(0.05)
        signal.pthread_kill(thread, signal.SIGUSR1)

    thread = threading.get_ident()
    interrupting = threading.Thread(target=interrupt, daemon=True)
    interrupting.start()
    try:
        yield
        interrupting.join(20)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_signal_handler_gets_the_last_keys_while_its_thread_renews_them(slow: SlowSource) -> None:
    provider = FetchedCredentials("default", {}, "x")
    provider.get()
    slow.waits[2] = threading.Event()
    got: list[str] = []

    def on_kill() -> None:
        got.append(provider.get().access_key_id)
        slow.waits[2].set()

    with interrupted_by(on_kill, slow):
        assert provider.get().access_key_id == "STS.second"

    assert got == ["STS.first"]


def test_signal_handler_fetches_keys_of_its_own_while_its_thread_fetches_the_first(slow: SlowSource) -> None:
    provider = FetchedCredentials("default", {}, "x")
    slow.waits[1] = threading.Event()
    got: list[str] = []

    def on_kill() -> None:
        got.append(provider.get().access_key_id)
        slow.waits[1].set()

    with interrupted_by(on_kill, slow):
        assert provider.get().access_key_id == "STS.first"

    assert got == ["STS.second"]
    assert provider.get().access_key_id == "STS.third"


def test_signal_handler_does_not_ask_the_source_that_its_thread_is_in(
    slow: SlowSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A source of the library has a lock that lets nobody in again, not even its own thread.
    others: list[SlowSource] = []

    def opened(*_: object) -> SlowSource:
        if slow.asked == 0:
            return slow
        others.append(SlowSource())
        others[-1].keys = [Credentials("STS.other", "s")]
        return others[-1]

    monkeypatch.setattr("alibabacloud_credentials.client.Client", opened)
    provider = FetchedCredentials("default", {}, "x")
    slow.waits[1] = threading.Event()
    got: list[str] = []

    def on_kill() -> None:
        got.append(provider.get().access_key_id)
        slow.waits[1].set()

    with interrupted_by(on_kill, slow):
        assert provider.get().access_key_id == "STS.first"

    assert got == ["STS.other"]
    assert provider.get().access_key_id == "STS.second"


def test_signal_handler_may_renew_keys_that_its_thread_fetches(slow: SlowSource) -> None:
    provider = FetchedCredentials("default", {}, "x")
    slow.waits[1] = threading.Event()

    def on_kill() -> None:
        provider.renew()
        slow.waits[1].set()

    with interrupted_by(on_kill, slow):
        provider.get()

    # What was fetched before the renewal is not given again.
    assert provider._last is None


@pytest.mark.waits
def test_thread_gets_the_last_keys_while_another_renews_them(slow: SlowSource) -> None:
    provider = FetchedCredentials("default", {}, "x")
    provider.get()
    slow.waits[2] = threading.Event()
    renewing = threading.Thread(target=provider.get, daemon=True)
    renewing.start()
    while slow.asked < 2:
        time.sleep(0.01)

    assert provider.get().access_key_id == "STS.first"
    slow.waits[2].set()
    renewing.join(10)


def test_thread_does_not_wait_for_ever_for_keys_that_another_fetches(
    slow: SlowSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_WAIT_WITHOUT", 0.2)
    provider = FetchedCredentials("default", {}, "x")
    slow.waits[1] = threading.Event()
    fetching = threading.Thread(target=provider.get, daemon=True)
    fetching.start()
    while slow.asked < 1:
        time.sleep(0.01)

    with pytest.raises(CredentialsError, match=r"has not answered for 0\.2 s\)\. Check x\.") as raised:
        provider.get()
    slow.waits[1].set()
    fetching.join(10)

    assert raised.value.may_pass


def test_thread_without_keys_waits_for_those_that_another_fetches(
    slow: SlowSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_WAIT_WITH_LAST_KEYS", 0)
    provider = FetchedCredentials("default", {}, "x")
    slow.waits[1] = threading.Event()
    fetching = threading.Thread(target=provider.get, daemon=True)
    fetching.start()
    while slow.asked < 1:
        time.sleep(0.01)
    answering = threading.Timer(0.2, slow.waits[1].set)
    answering.start()

    assert provider.get().access_key_id == "STS.second"
    fetching.join(10)
    answering.join(10)


@pytest.mark.waits
def test_stop_in_a_signal_handler_is_sent_while_a_slow_source_renews_the_keys(
    slow: SlowSource, server: ScriptedServer, make_client: ClientFactory
) -> None:
    provider = FetchedCredentials("default", {}, "x")
    slow.waits[2] = threading.Event()
    client = make_client(server.url, provider)
    hurried = make_client(server.url, provider, request_timeout=4, max_attempts=1, max_elapsed=4)
    call(client, "GetDIJob")
    stopped: list[float] = []

    def on_kill() -> None:
        began = time.monotonic()
        call(hurried, "StopDIJob", body={"DIJobId": 1001})
        stopped.append(time.monotonic() - began)
        slow.waits[2].set()

    with interrupted_by(on_kill, slow):
        call(client, "GetDIJob")

    assert stopped
    assert stopped[0] < 4
    assert [request.headers["x-acs-action"] for request in server.received] == ["GetDIJob", "StopDIJob", "GetDIJob"]


def test_control_characters_of_a_source_do_not_get_into_the_error(server: ScriptedServer) -> None:
    server.answer(403, b"\x1b[2J\x9b31mno\r\n\xe2\x80\xaekeys")

    with pytest.raises(CredentialsError) as raised:
        from_uri(server).get()

    assert str(raised.value).isprintable()
