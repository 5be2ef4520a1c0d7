"""Keys that must be fetched, with the vendor's library and local servers: first use, renewal, bad sources."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dataworks.cli.checks import check_connection
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksTransientError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from tests.support.certificates import server_context, write_certificate
from tests.support.hook import connect
from tests.support.key_server import KeyServer, key_server
from tests.support.processes import free_ports
from tests.support.tasks import run_task

# The library's schedulers say at the end of the process, when pytest has closed its streams, that they end.
logging.getLogger("apscheduler").setLevel(logging.WARNING)

ROLE = "acs:ram::123456789012:role/airflow"
PROVIDER = "acs:ram::123456789012:oidc-provider/rrsa"

KINDS = ("ram_role_arn", "oidc_role_arn", "ecs_ram_role v2", "ecs_ram_role v1", "credentials_uri")
#: The field that an error about a source must name.
FIELDS = {
    "ram_role_arn": "role_arn",
    "oidc_role_arn": "oidc_token_file",
    "ecs_ram_role": "ecs_role_name",
    "credentials_uri": "credentials_uri",
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def keys(
    kind: str, dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[KeyServer]:
    """The source of keys of this kind, and a connection that uses it."""
    dataworks_emulator.settings(read_qps=0, write_qps=0, run_seconds=1.0)
    sts = kind in ("ram_role_arn", "oidc_role_arn")
    certificate = write_certificate(tmp_path / "sts.pem")
    with key_server(dataworks_emulator, server_context(certificate) if sts else None) as running:
        extra: dict[str, Any] = {"auth_type": kind.partition(" ")[0], "max_qps": 0, "max_attempts": 2}
        login, password = None, None
        if sts:
            # STS is asked over https.
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            extra |= {"role_arn": ROLE, "sts_endpoint": running.authority}
        if kind == "ram_role_arn":
            login, password = running.caller
        elif kind == "oidc_role_arn":
            (tmp_path / "oidc").write_text(running.oidc_token)
            extra |= {"oidc_provider_arn": PROVIDER, "oidc_token_file": str(tmp_path / "oidc")}
        elif kind == "credentials_uri":
            extra["credentials_uri"] = f"{running.url}/keys"
        else:
            running.metadata_v2 = kind.endswith("v2")
            # The metadata service has an address of its own, which a proxy turns into ours.
            monkeypatch.setenv("HTTP_PROXY", running.url)
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        connection = {**dataworks_emulator.connection, "login": login, "password": password}
        connect(monkeypatch, {**connection, "extra": {**connection["extra"], **extra}})
        yield running


@pytest.fixture
def hook(keys: KeyServer) -> Iterator[DataWorksHook]:
    hook = DataWorksHook()
    hook.client.sleep = lambda _: None
    yield hook
    hook.close()


def ids_used(emulator: EmulatorControl) -> list[str]:
    """The AccessKey IDs of the requests, each run of the same one once."""
    used: list[str] = []
    for entry in emulator.requests():
        key_id = str(entry["headers"]["x-acs-accesskey-id"])
        if not used or used[-1] != key_id:
            used.append(key_id)
    return used


def test_keys_are_fetched_once_and_sign_every_call(
    hook: DataWorksHook, keys: KeyServer, dataworks_emulator: EmulatorControl
) -> None:
    for _ in range(3):
        assert len(list(hook.list_di_jobs())) == 6

    assert ids_used(dataworks_emulator) == ["STS.issued-1"]
    assert {entry["status"] for entry in dataworks_emulator.requests()} == {200}
    assert len(keys.issued) == 1


def test_token_that_ended_is_renewed_within_the_call(
    hook: DataWorksHook, keys: KeyServer, dataworks_emulator: EmulatorControl
) -> None:
    hook.get_di_job(di_job_id=1001)
    keys.end_token()

    hook.start_di_job(di_job_id=1001)

    assert dataworks_emulator.job(1001)["starts"] == 1
    assert ids_used(dataworks_emulator) == ["STS.issued-1", "STS.issued-2"]
    refused = [entry["code"] for entry in dataworks_emulator.requests() if entry["code"]]
    assert refused == ["InvalidSecurityToken.Expired"]


def test_token_is_renewed_before_its_end(
    hook: DataWorksHook, keys: KeyServer, dataworks_emulator: EmulatorControl
) -> None:
    # The library renews a quarter of an hour before the end, or at every use when that has come.
    keys.lifetime = 60
    hook.get_di_job(di_job_id=1001)
    keys.lifetime = 3600

    for _ in range(3):
        hook.get_di_job(di_job_id=1001)

    assert {entry["code"] for entry in dataworks_emulator.requests()} == {None}
    if not hook.settings.account.startswith("ecs"):
        assert ids_used(dataworks_emulator)[-1] != "STS.issued-1"


@pytest.mark.parametrize("deferrable", [False, True])
def test_sensor_outlives_tokens_that_end_while_it_waits(
    keys: KeyServer, dataworks_emulator: EmulatorControl, deferrable: bool
) -> None:
    dataworks_emulator.set_job(1001, JobStatus="Running")
    sensor = DIJobStatusSensor(
        task_id="wait", di_job_id=1001, poke_interval=0.1, timeout=60, deferrable=deferrable, max_poll_failures=1
    )

    # The worker's first look has keys of its own.
    first = 2 if deferrable else 1

    def disturb() -> None:
        for issued in (first, first + 1):
            while len(keys.issued) < issued:
                pause.wait(0.02)
            pause.wait(0.3)
            keys.end_token()
        while len(keys.issued) < first + 2:
            pause.wait(0.02)
        dataworks_emulator.set_job(1001, JobStatus="Finished")

    pause = threading.Event()
    thread = threading.Thread(target=disturb, daemon=True)
    thread.start()
    reached = run_task(sensor)
    thread.join(timeout=10)

    assert getattr(reached, "xcom_value", reached) == "Finished"
    assert ids_used(dataworks_emulator) == [f"STS.issued-{number}" for number in range(1, first + 3)]


# Sources that are wrong or away


def short_error(hook: DataWorksHook, kind: str) -> DataWorksError:
    """The error of a call: short, of ours, and it names the field."""
    with pytest.raises(DataWorksError) as raised:
        hook.get_di_job(di_job_id=1001)
    text = str(raised.value)
    kind = kind.partition(" ")[0]
    assert text.startswith(f"auth_type {kind}: no credentials could be fetched. Check ")
    assert FIELDS[kind] in text.rpartition("Check ")[2]
    assert "of connection dataworks_default" in text
    assert len(text) < 700
    assert "\n" not in text
    return raised.value


def test_source_that_refuses_is_named(
    hook: DataWorksHook, keys: KeyServer, kind: str, dataworks_emulator: EmulatorControl
) -> None:
    keys.failure = (403, b'{"Code": "NoPermission", "Message": "You are not authorized to do this action."}')

    error = short_error(hook, kind)

    assert "403" in str(error)
    assert dataworks_emulator.requests() == []


def test_source_that_cannot_be_reached_is_named_and_may_pass(
    hook: DataWorksHook,
    keys: KeyServer,
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level("DEBUG")
    (dead_port,) = free_ports(1)
    if kind in ("ram_role_arn", "oidc_role_arn"):
        hook.settings.credentials._settings["sts_endpoint"] = f"127.0.0.1:{dead_port}"  # type: ignore[attr-defined]
    elif kind == "credentials_uri":
        hook.settings.credentials._settings["credentials_uri"] = (  # type: ignore[attr-defined]
            f"http://reader:uri-password@127.0.0.1:{dead_port}/keys?code=uri-code"
        )
    else:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{dead_port}")

    error = short_error(hook, kind)

    assert isinstance(error, DataWorksTransientError)
    # The library has a handler of its own on the standard error.
    shown = f"{error} {caplog.text} {capfd.readouterr()}"
    for secret in ("caller-secret", "oidc-token", "uri-password", "uri-code", "Signature="):
        assert secret not in shown


@pytest.mark.parametrize(
    "body",
    [
        b"<html>a portal</html>",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"Code": "Success", "AccessKeyId": "STS.x", "AccessKeySecret": "body-secret", "SecurityToken": "body-token"}',
        b'{"Credentials": {"AccessKeyId": "STS.x", "AccessKeySecret": "body-secret"}}',
    ],
)
def test_answer_that_holds_no_keys_is_no_traceback_and_leaks_none(
    hook: DataWorksHook, keys: KeyServer, kind: str, body: bytes
) -> None:
    keys.failure = (200, body)

    text = str(short_error(hook, kind))

    assert "body-secret" not in text
    assert "body-token" not in text


def test_fetched_keys_that_the_service_refuses_name_their_source(
    hook: DataWorksHook, keys: KeyServer, kind: str
) -> None:
    keys.known_to_service = False

    with pytest.raises(DataWorksError) as raised:
        hook.get_di_job(di_job_id=1001)

    text = str(raised.value)
    assert text.startswith("The service refuses the keys that were fetched: check their source (auth_type). ")
    auth_type = kind.partition(" ")[0]
    assert f"The keys come from auth_type {auth_type}: " in text
    assert FIELDS[auth_type] in text
    assert "correct the login" not in text
    assert "issued-secret" not in text
    (signature,) = [result for result in check_connection(hook) if result.name == "signature"]
    assert signature.fix.startswith("The service refuses the keys that were fetched: check their source")


@pytest.mark.parametrize("kind", ["ram_role_arn"], indirect=True)
def test_wrong_secret_of_the_caller_is_refused_by_sts(keys: KeyServer, hook: DataWorksHook, kind: str) -> None:
    keys.caller = ("LTAI-caller", "another-secret")

    assert "SignatureDoesNotMatch" in str(short_error(hook, kind))


@pytest.mark.parametrize("kind", ["oidc_role_arn"], indirect=True)
def test_oidc_token_is_read_anew_and_its_absence_is_named(
    keys: KeyServer, hook: DataWorksHook, kind: str, dataworks_emulator: EmulatorControl
) -> None:
    token_file = Path(hook.settings.credentials._settings["oidc_token_file_path"])  # type: ignore[attr-defined]
    hook.get_di_job(di_job_id=1001)
    keys.end_token()
    # The kubelet writes a new token into the file before the old one ends.
    keys.oidc_token = "another oidc-token"
    token_file.write_text("another oidc-token")
    hook.get_di_job(di_job_id=1001)
    assert ids_used(dataworks_emulator) == ["STS.issued-1", "STS.issued-2"]

    keys.end_token()
    token_file.unlink()
    with pytest.raises(DataWorksError, match=r"Check role_arn, oidc_provider_arn and oidc_token_file of connection"):
        hook.get_di_job(di_job_id=1001)


def test_no_secret_is_logged_while_keys_are_fetched(
    hook: DataWorksHook, keys: KeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for name in ("urllib3", "credentials", "alibabacloud-tea"):
        caplog.set_level("DEBUG", logger=name)

    hook.get_di_job(di_job_id=1001)
    keys.end_token()
    hook.get_di_job(di_job_id=1001)

    text = "\n".join([record.getMessage() + str(record.__dict__.get("args")) for record in caplog.records])
    for secret in ("caller-secret", "oidc-token", "issued-secret", "issued-token", "metadata-session"):
        assert secret not in text
    assert "Signature=" not in text
    assert "urllib3.connectionpool" in {record.name for record in caplog.records}


@pytest.mark.parametrize("kind", ["ecs_ram_role v2"], indirect=True)
def test_renewals_leave_no_threads_behind(hook: DataWorksHook, keys: KeyServer) -> None:
    hook.get_di_job(di_job_id=1001)
    before = [thread.name for thread in threading.enumerate() if "APScheduler" in thread.name]

    for _ in range(3):
        keys.end_token()
        hook.get_di_job(di_job_id=1001)

    assert [thread.name for thread in threading.enumerate() if "APScheduler" in thread.name] == before
    assert len(keys.issued) == 4
