"""A real Airflow that logs at DEBUG: its logs, its database and its API hold none of the connections' secrets."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PYTHONS
from tests.support.airflow_local import LocalAirflow
from tests.support.certificates import server_context, write_certificate
from tests.support.emulator_process import EmulatorProcess
from tests.support.key_server import KeyServer, key_server
from tests.support.processes import free_ports, wait_until

pytestmark = pytest.mark.timeout(600)

SECRETS = {
    "AccessKey secret": "known-key-secret-7f3a",
    "security token": "known-sts-token-91bc",
    "refused secret": "known-refused-secret-22d0",
    "password of a URI": "known-uri-password-5e1d",
    "secret of who assumes a role": "known-caller-secret-c04e",
    "OIDC token": "known-oidc-token-6b8d",
    # Each with a number.
    "fetched secret": "issued-secret-",
    "fetched token": "issued-token-",
}
DAGS = Path(__file__).parent / "secret_dags"
#: The tasks that go well.
GOOD = ("sts_", "uri_", "role_", "oidc_")
PLACES = ("triggerer", "scheduler", "api-server", "dag-processor")


@pytest.fixture
def airflow(tmp_path: Path, emulator: EmulatorProcess) -> Iterator[LocalAirflow]:
    python = PYTHONS["airflow3"]
    if not python.exists():
        pytest.skip("there is no environment with Airflow 3")
    env = {name: value for name, value in emulator.env.items() if not name.startswith("AIRFLOW_CONN_")}
    env |= {
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
        # STS is asked over https.
        "SSL_CERT_FILE": str(write_certificate(tmp_path / "sts.pem")),
    }
    with LocalAirflow(tmp_path / "airflow", DAGS, python, env) as running:
        yield running


@pytest.fixture
def keys(emulator: EmulatorProcess) -> Iterator[KeyServer]:
    """A credentials URI."""
    with key_server(emulator.control) as running:
        yield running


@pytest.fixture
def sts(emulator: EmulatorProcess, keys: KeyServer, airflow: LocalAirflow) -> Iterator[KeyServer]:
    """An STS that knows of the other keys."""
    with key_server(emulator.control, server_context(Path(airflow.env["SSL_CERT_FILE"]))) as running:
        running.issued, running.known = keys.issued, keys.known
        running.caller = ("LTAI-caller", SECRETS["secret of who assumes a role"])
        running.oidc_token = SECRETS["OIDC token"]
        yield running


def add_connections(
    airflow: LocalAirflow, emulator: EmulatorProcess, uri: str, authority: str, token_file: Path
) -> None:
    connection = emulator.control.connection
    plain: dict[str, Any] = {**connection["extra"], "max_qps": 0, "max_attempts": 2}
    sts = {**plain, "auth_type": "sts", "security_token": SECRETS["security token"]}
    role = {**plain, "role_arn": "acs:ram::123456789012:role/airflow", "sts_endpoint": authority}
    oidc = {"oidc_provider_arn": "acs:ram::123456789012:oidc-provider/rrsa", "oidc_token_file": str(token_file)}
    by_uri = {**plain, "auth_type": "credentials_uri"}
    (dead,) = free_ports(1)
    keys = {"login": "STS.known", "password": SECRETS["AccessKey secret"]}
    password = SECRETS["password of a URI"]
    connections: dict[str, dict[str, Any]] = {
        "sts": {**keys, "extra": sts},
        "refused": {**keys, "password": SECRETS["refused secret"], "extra": sts},
        "role": {
            "login": "LTAI-caller",
            "password": SECRETS["secret of who assumes a role"],
            "extra": {**role, "auth_type": "ram_role_arn"},
        },
        "oidc": {"extra": {**role, **oidc, "auth_type": "oidc_role_arn"}},
        "uri": {"extra": {**by_uri, "credentials_uri": uri.replace("//", f"//reader:{password}@")}},
        "away": {
            "extra": {**by_uri, "credentials_uri": f"http://reader:{password}@127.0.0.1:{dead}/keys?p={password}"}
        },
    }
    for name, fields in connections.items():
        common = {"conn_type": "dataworks", "host": connection["host"]}
        airflow.api.add_connection(f"known_{name}", **common, **fields)


def test_no_secret_is_in_logs_database_or_api(
    airflow: LocalAirflow, emulator: EmulatorProcess, keys: KeyServer, sts: KeyServer, tmp_path: Path
) -> None:
    known = {
        "access_key_id": "STS.known",
        "access_key_secret": SECRETS["AccessKey secret"],
        "security_token": SECRETS["security token"],
    }
    keys.known.append(known)
    emulator.control.settings(sts=[known])
    emulator.control.add_jobs(
        {"DIJobId": 5000 + number, "ProjectId": 10000, "JobName": f"job_{number}"} for number in range(6)
    )
    emulator.control.set_job(1005, JobStatus="Running")
    token_file = tmp_path / "oidc-token"
    token_file.write_text(sts.oidc_token)
    add_connections(airflow, emulator, f"{keys.url}/keys", sts.authority, token_file)
    airflow.api.wait_for_dag("secrets")
    run_id = airflow.trigger("secrets")
    assert wait_until(lambda: ended(airflow, run_id, "sts_start"), 240, pause=1), story(airflow, run_id)
    emulator.control.set_job(1005, JobStatus="Finished")
    assert wait_until(lambda: airflow.api.run_state("secrets", run_id) in ("success", "failed"), 240, pause=1)

    states = {one.task_id: one.state for one in airflow.api.task_instances("secrets", run_id)}
    good = {task for task, state in states.items() if state == "success"}
    assert good == {task for task in states if task.startswith(GOOD)}, story(airflow, run_id)
    assert {"AssumeRole", "AssumeRoleWithOIDC"} <= set(sts.asked)
    assert "GET /keys" in keys.asked
    assert found_by_the_api(airflow, run_id) == []
    # What is written late is written by then.
    time.sleep(1)
    airflow.stop()
    files = [file for file in airflow.home.rglob("*") if file.is_file()]
    searched = {file: file.read_bytes() for file in files}
    assert {file.stem for file in files} >= {"airflow", *PLACES}
    assert any(b"DEBUG" in content or b'"debug"' in content for content in searched.values())
    leaks = [
        f"{what} in {file.relative_to(airflow.home)}: {content[max(0, at - 200) : at + 60]!r}"
        for file, content in searched.items()
        for what, secret in SECRETS.items()
        if (at := content.find(secret.encode())) >= 0
    ]
    assert leaks == []


def ended(airflow: LocalAirflow, run_id: str, task_id: str) -> bool:
    instance = airflow.api.task_instance("secrets", run_id, task_id)
    return instance is not None and instance.state in ("success", "failed")


def found_by_the_api(airflow: LocalAirflow, run_id: str) -> list[str]:
    """Task instances with their rendered templates, XComs and links that show a secret."""
    found = []
    for one in airflow.api.task_instances("secrets", run_id):
        keys = airflow.api.xcom_keys("secrets", run_id, one.task_id)
        shown = {
            "instance": one.raw,
            "links": airflow.api.extra_links("secrets", run_id, one.task_id),
            "xcoms": {key: airflow.api.xcom("secrets", run_id, one.task_id, key) for key in keys},
        }
        text = json.dumps(shown, default=str)
        assert "https://dataworks." in text or one.state != "success" or one.task_id.endswith("_hook")
        found += [f"{what} in {one.task_id}" for what, secret in SECRETS.items() if secret in text]
    return found


def story(airflow: LocalAirflow, run_id: str) -> str:
    """What the tasks say, for a failure of the test."""
    lines = []
    for one in airflow.api.task_instances("secrets", run_id):
        log = airflow.log("secrets", run_id, one.task_id).splitlines()
        lines += [f"{one.task_id}: {one.state}", *(line for line in log[-12:] if "DEBUG" not in line)]
    return "\n".join(lines)
