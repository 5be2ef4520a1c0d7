"""No secret gets out: not into logs at DEBUG, errors, XComs, triggers, rendered templates, reprs or links."""

from __future__ import annotations

import contextlib
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from airflow.providers.common.compat.sdk import TaskDeferred
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_dataworks.client.endpoints import endpoint_url, is_loopback
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger, DISyncInstanceTrigger
from tests.support.hook import CONTENT, connect
from tests.support.processes import free_ports
from tests.support.tasks import make_context, rebuilt, run_task

SECRET, TOKEN, URI_PASSWORD, PROXY_PASSWORD = "known-key-secret", "known-sts-token", "known-uri-pw", "known-proxy-pw"
SECRETS = (SECRET, TOKEN, URI_PASSWORD, PROXY_PASSWORD)


class Seen:
    """Everything that could be seen by somebody who must not see a secret."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, *things: Any) -> None:
        for thing in things:
            self.texts += [str(thing), repr(thing)]
            if isinstance(thing, BaseException):
                self.texts += ["".join(traceback.format_exception(thing)), repr(pickle.dumps(thing)), repr(vars(thing))]

    def leaks(self) -> list[str]:
        return [text[:300] for text in self.texts if any(secret in text for secret in SECRETS)]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Seen]:
    """What tasks, triggers, hooks and every library log at DEBUG, and what the test adds."""
    found = Seen()

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.add(record.getMessage(), record.args, self.format(record))

    collector = Collector(logging.DEBUG)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [*root.handlers, collector])
    for name in ("", "urllib3", "urllib3.connectionpool", "airflow_provider_dataworks", "credentials", "asyncio"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    tasks = logging.getLogger("tests.secrets")
    monkeypatch.setattr(tasks, "level", logging.DEBUG)
    for kind in (
        DataWorksHook,
        CreateDISyncTaskOperator,
        StartDIJobOperator,
        StartDISyncInstanceOperator,
        DIJobStatusSensor,
        DIJobStatusTrigger,
        DISyncInstanceTrigger,
    ):
        monkeypatch.setattr(kind, "log", tasks)
    logging.getLogger().debug("the collector collects")
    assert found.texts
    yield found
    captured = capfd.readouterr()
    found.add(captured.out, captured.err)
    assert found.leaks() == []


@pytest.fixture
def emulator(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> EmulatorControl:
    """The emulator, and a connection with known secrets that it accepts."""
    key = {"access_key_id": "STS.known", "access_key_secret": SECRET, "security_token": TOKEN}
    dataworks_emulator.settings(read_qps=0, write_qps=0, run_seconds=0.2, sts=[key])
    extra = {
        **dataworks_emulator.connection["extra"],
        "auth_type": "sts",
        "security_token": TOKEN,
        "max_qps": 0,
        "max_attempts": 1,
        "read_timeout": 0.5,
    }
    connection = {**dataworks_emulator.connection, "login": "STS.known", "password": SECRET, "extra": extra}
    connect(monkeypatch, connection)
    return dataworks_emulator


TASKS: dict[str, Callable[[], Any]] = {
    "create": lambda: CreateDISyncTaskOperator(task_id="t", task_name="created", task_content=CONTENT),
    "start job": lambda: StartDIJobOperator(
        task_id="t", di_job_id=1001, wait_for_completion=True, poll_interval=0.1, start_timeout=1, max_poll_failures=1
    ),
    "start job, deferred": lambda: StartDIJobOperator(
        task_id="t",
        di_job_id=1001,
        wait_for_completion=True,
        poll_interval=0.1,
        deferrable=True,
        start_timeout=1,
        max_poll_failures=1,
    ),
    "start realtime": lambda: StartDISyncInstanceOperator(
        task_id="t", file_id=2001, wait_for_completion=True, poll_interval=0.1, deferrable=True, max_poll_failures=1
    ),
    "start solution": lambda: StartDISyncInstanceOperator(
        task_id="t", file_id=2002, task_type="DI_SOLUTION", poll_interval=0.1
    ),
    "sensor": lambda: DIJobStatusSensor(task_id="t", di_job_id=1004, poke_interval=0.1, max_poll_failures=1),
    "sensor, deferred": lambda: DIJobStatusSensor(
        task_id="t", di_job_id=1004, poke_interval=0.1, deferrable=True, max_poll_failures=1
    ),
}
ECHO = f"You sent Credential=STS.known with {SECRET} and x-acs-security-token {TOKEN}"
FATES: dict[str, dict[str, Any] | None] = {
    "all well": None,
    "refused with an echo": {"kind": "error", "status": 400, "code": "SignatureDoesNotMatch", "message": ECHO},
    "down with an echo": {"kind": "error", "status": 500, "code": "InternalError.System", "message": ECHO},
    "echo in HTML": {"kind": "html", "body": f"<html><p>{ECHO}</p></html>"},
    "echo as text": {"kind": "wrong_type", "body": ECHO},
    "echo in a failed Data": {"kind": "body", "body": {"Success": True, "Data": {"Status": "fail", "Message": ECHO}}},
    "reset": {"kind": "reset"},
    "cut": {"kind": "cut"},
    "slow": {"kind": "slow", "seconds": 5},
    "expired": {"kind": "expired_token"},
}


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", TASKS)
def test_tasks_show_no_secret(emulator: EmulatorControl, seen: Seen, name: str, fate: str) -> None:
    emulator.set_job(1004, JobStatus="Finished" if "sensor" not in name or fate == "all well" else "Running")
    task, context = TASKS[name](), make_context()
    if (fault := FATES[fate]) is not None:
        # Later than the first look, so that those who wait meet it while they wait.
        for skip, count in ((0, 1), (1, -1)) if "sensor" in name else ((0, -1),):
            emulator.add_fault(count=count, skip=skip, **fault)
    try:
        seen.add(run_task(task, context))
    except DataWorksError as error:
        seen.add(error)
        assert fate != "all well"
    else:
        assert fate == "all well"

    seen.add(context["pushed"], task, vars(task), task.hook, vars(task.hook), task.hook.settings, task.hook.client)
    seen.add(task.hook.settings.credentials, *(getattr(task, field) for field in task.template_fields))
    seen.add(json.dumps(emulator.requests()))


@pytest.mark.parametrize("name", [name for name in TASKS if "deferred" in name or "realtime" in name])
def test_triggers_and_their_events_hold_no_secret(emulator: EmulatorControl, seen: Seen, name: str) -> None:
    emulator.set_job(1004, JobStatus="Running")
    emulator.settings(run_seconds=60)
    with pytest.raises(TaskDeferred) as raised:
        TASKS[name]().execute(make_context())

    trigger = rebuilt(raised.value.trigger)
    seen.add(raised.value, trigger, vars(trigger), trigger.serialize(), raised.value.kwargs)


def test_methods_of_the_hook_show_no_secret(emulator: EmulatorControl, seen: Seen) -> None:
    hook = DataWorksHook()
    for fault in FATES.values():
        emulator.clear_faults()
        if fault is not None:
            emulator.add_fault(count=-1, **fault)
        for call in (
            lambda: list(hook.list_di_jobs()),
            lambda: hook.find_di_job(job_name=SECRET[:5]),
            lambda: hook.stop_di_job(di_job_id=1001),
            lambda: hook.get_di_sync_instance_info(task_type="DI_REALTIME", file_id=2001),
            lambda: hook.call("ListProjects"),
            lambda: hook.test_connection(),
        ):
            seen.add(outcome(call))


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or the error that it raises."""
    try:
        return call()
    except DataWorksError as error:
        return error


@pytest.mark.parametrize(
    "changes",
    [
        {"password": f"{SECRET}\n", "extra": {"auth_type": "access_key"}},
        {"password": f"{SECRET}\nmore", "extra": {"auth_type": "access_key"}},
        {"password": f"{SECRET}\u4e2d", "extra": {"auth_type": "access_key"}},
        {"extra": {"security_token": f"{TOKEN}\r\nx: y"}},
        {"extra": {"security_token": [TOKEN]}},
        {"extra": {"auth_type": TOKEN[:3], "securitytoken": TOKEN}},
        {"host": f"http://user:{URI_PASSWORD}@127.0.0.1"},
        {"host": f"https://{URI_PASSWORD}@dataworks.invalid/"},
        {"extra": {"auth_type": "credentials_uri", "credentials_uri": f"http://u:{URI_PASSWORD}@127.0.0.1:DEAD/k"}},
        {"extra": {"auth_type": "credentials_uri", "credentials_uri": f"http://127.0.0.1:DEAD/k?p={URI_PASSWORD}"}},
        {"extra": {"auth_type": "ram_role_arn"}},
    ],
)
def test_connections_that_cannot_be_used_show_no_secret(
    emulator: EmulatorControl, seen: Seen, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    (dead,) = free_ports(1)
    whole = {**emulator.connection, "login": "STS.known", "password": SECRET, **changes}
    whole["extra"] = {**emulator.connection["extra"], "max_attempts": 1, **changes.get("extra", {})}
    connect(monkeypatch, json.dumps(whole).replace("DEAD", str(dead)))
    hook = DataWorksHook()

    seen.add(hook.test_connection())
    with contextlib.suppress(DataWorksError):
        seen.add(hook.settings, vars(hook.settings).keys())


def test_password_of_a_proxy_is_not_shown(
    emulator: EmulatorControl, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dead,) = free_ports(1)
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{PROXY_PASSWORD}@127.0.0.1:{dead}")
    connect(monkeypatch, {**emulator.connection, "host": "dataworks.invalid", "password": SECRET})

    working, text = DataWorksHook().test_connection()

    assert not working
    seen.add(text)


# Where a signed request may go


HOSTS = st.text(alphabet="htps:/@#?\\[].%127.0localevi\t\n ", max_size=40)


@given(st.one_of(HOSTS, HOSTS.map("http://{}".format), HOSTS.map("http://127.0.0.1{}".format)))
@example("http://127.0.0.1@evil.example")
@example("http://evil.example#@127.0.0.1")
@example("http://evil.example\\@127.0.0.1")
@example("http://127.0.0.1\\@evil.example")
@example("http://localhost.evil.example")
@example("http://127.0.0.1.evil.example")
@example("http://0.0.0.0")
@example("http://2130706433")
@example("http://[::1]@evil.example")
@example("HTTP://evil.example")
@example("http:/\\evil.example")
def test_plain_http_leads_to_loopback_or_nowhere(host: str) -> None:
    try:
        url = endpoint_url(None, host=host)
    except ValueError:
        return
    # Read by what really connects, which may see another host than the standard library does.
    try:
        seen_by_urllib3 = urllib3.util.parse_url(f"{url}/")
    except urllib3.exceptions.LocationParseError:
        return
    assert seen_by_urllib3.scheme == "https" or is_loopback((seen_by_urllib3.host or "").strip("[]"))
    assert seen_by_urllib3.auth is None
