"""What the documentation and the README show was run: code, connections, tables, links, the picture of the parts."""

from __future__ import annotations

import ast
import asyncio
import importlib
import importlib.util
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from airflow.models.connection import Connection
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.errors import ApiError, Outcome, outcome_of
from airflow_provider_dataworks.connection.form import AUTH_TYPES, CONNECTION_FIELDS, RELABELING
from airflow_provider_dataworks.connection.settings import ConnectionSettings, read_connection
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.editions import EDITIONS
from airflow_provider_dataworks.exceptions import DataWorksJobError, DataWorksParameterError, DataWorksPermanentError
from airflow_provider_dataworks.hooks.errors import BY_CODE, advice_for
from airflow_provider_dataworks.metrics import Metrics
from airflow_provider_dataworks.operators.data_integration import (
    CreateDISyncTaskOperator,
    StartDIJobOperator,
    StartDISyncInstanceOperator,
)
from airflow_provider_dataworks.operators.node import RunNodeOperator, TriggerNodeOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.sensors.node import NodeInstanceSensor
from airflow_provider_dataworks.triggers.poller import Key, subscribe
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from scripts import release
from tests.support.docs_site import build_docs
from tests.support.tasks import run_task

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
    if "_build" not in path.parts
}


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without the heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {number - 1 for number, line in enumerate(lines) if set(line) <= set("| -")}
    kept = [line for number, line in enumerate(lines) if number not in heads and number - 1 not in heads]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in kept]


def section(page: str, title: str) -> str:
    """A section of a page, up to the next heading of its level or above."""
    level, _, rest = title.partition(" ")
    return re.split(rf"^#{{1,{len(level)}}} ", PAGES[page].split(f"\n{level} {rest}\n")[1], flags=re.MULTILINE)[0]


def load(name: str) -> ModuleType:
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Code


def need_watchers(code: str) -> None:
    """Skip a test of code that only Airflow 3 runs."""
    if "AssetWatcher" in code:
        pytest.importorskip("airflow.sdk", reason="this Airflow has no watchers")


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_of_a_page_runs_from_top_to_bottom(page: str, dataworks_emulator: EmulatorControl) -> None:
    need_watchers("".join(blocks(page, "python")))
    names: dict[str, Any] = {"__name__": "docs_page"}
    for number, block in enumerate(blocks(page, "python"), 1):
        if "def test_" not in block:
            exec(compile(block, f"{page}, Python block {number}", "exec"), names)


def test_the_functions_of_a_script_read_jobs_and_files(dataworks_emulator: EmulatorControl) -> None:
    names: dict[str, Any] = {}
    exec(compile(blocks("docs/howto/hook.md", "python")[-1], "docs/howto/hook.md", "exec"), names)
    keys = Credentials(dataworks_emulator.access_key_id, dataworks_emulator.access_key_secret)
    client = DataWorksClient(dataworks_emulator.url, StaticCredentials(keys))
    assert names["client"].endpoint == "https://dataworks.cn-shanghai.aliyuncs.com"
    assert "mysql_to_holo_full" in names["job_names"](client)
    assert "orders_realtime" in names["file_names"](client)


DAG_BLOCKS = {
    f"{page}-{number}": block
    for page in PAGES
    for number, block in enumerate(blocks(page, "python"), 1)
    if re.search(r"^with DAG\(", block, re.MULTILINE)
}


@pytest.mark.parametrize("which", DAG_BLOCKS)
def test_each_dag_shown_is_one_for_airflows_parser(which: str, tmp_path: Path) -> None:
    need_watchers(DAG_BLOCKS[which])
    file = tmp_path / "shown.py"
    file.write_text(DAG_BLOCKS[which], encoding="utf-8")
    bag = dag_bag(file)
    assert not bag.import_errors
    assert [dag.tasks for dag in bag.dags.values()] != []


def dag_bag(path: Path) -> Any:
    """What Airflow makes of a file, or of the files in a folder."""
    try:
        module = importlib.import_module("airflow.dag_processing.dagbag")
    except ImportError:
        module = importlib.import_module("airflow.models.dagbag")
    return module.DagBag(dag_folder=str(path))


@pytest.mark.slow
def test_the_pytest_example_passes(tmp_path: Path) -> None:
    for block in blocks("docs/emulator.md", "python"):
        if path := re.match(r"# (\w+/\w+\.py)\n", block):
            file = tmp_path / path[1]
            file.parent.mkdir()
            file.write_text(block, encoding="utf-8")
    script = next(block for block in blocks("docs/emulator.md", "console") if "pytest" in block)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " 2 passed" in done.stdout or "\n2 passed" in done.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")])
def test_commands_are_there(page: str) -> None:
    shown = "\n".join(blocks(page, "console"))
    targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"^make ([a-z0-9-]+)", shown, re.MULTILINE)) <= set(targets)
    options = re.findall(r"airflow_provider_dataworks\.emulator.* (--[a-z-]+)", shown)
    from airflow_provider_dataworks.emulator.cli import _parser

    assert set(options) <= set(_parser().format_help().replace(",", " ").replace("[", " ").split())


# The connection

KINDS = {
    "AccessKey": "access_key",
    "STS token": "sts",
    "RAM role, assumed with an AccessKey": "ram_role_arn",
    "OIDC role (RRSA on Kubernetes)": "oidc_role_arn",
    "ECS instance role": "ecs_ram_role",
    "Credentials URI": "credentials_uri",
    "Default chain": "default",
}


def facts(settings: ConnectionSettings) -> dict[str, Any]:
    """What a connection says, its secrets too, in a form that can be compared."""
    own = {name: value for name, value in vars(settings).items() if name != "credentials"}
    inner = {name: value for name, value in vars(settings.credentials).items() if name != "_lock"}
    return {**own, "credentials": (type(settings.credentials).__name__, inner)}


def spellings(title: str) -> Iterator[Connection]:
    """The four spellings of a kind of credentials, as Airflow would read them."""
    text = section("docs/connection.md", f"## {title}")
    labels = {label: name for name, label in RELABELING.items()}
    fields = {str(field["label"]): name for name, field in CONNECTION_FIELDS.items()}
    form = {row[0]: row[1].strip("`") for row in rows(text)}
    standard: dict[str, Any] = {labels[label]: value for label, value in form.items() if label in labels}
    extra = {fields[label]: value for label, value in form.items() if label not in labels}
    yield Connection(conn_id="dataworks_default", conn_type="dataworks", extra=json.dumps(extra), **standard)
    (uri,) = re.findall(r"^```text\n(.*?)\n```", text, re.DOTALL | re.MULTILINE)
    # Airflow 3.3 has a class method for it, 2.11 an argument.
    kind: Any = Connection
    from_uri = getattr(kind, "from_uri", None) or (lambda uri, conn_id: kind(conn_id=conn_id, uri=uri))
    yield from_uri(uri, conn_id="dataworks_default")
    whole = [json.loads(found) for found in re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    (shown,) = [one for one in whole if "conn_type" in one]
    yield Connection.from_json(json.dumps(shown), conn_id="dataworks_default")
    (line,) = re.findall(r"^```console\n(.*?)\n```", text, re.DOTALL | re.MULTILINE)
    export, variable = shlex.split(line)
    name, _, value = variable.partition("=")
    assert (export, name) == ("export", "AIRFLOW_CONN_DATAWORKS_DEFAULT")
    yield Connection.from_json(value, conn_id="dataworks_default")


@pytest.mark.parametrize("title", KINDS)
def test_the_four_spellings_of_a_connection_mean_the_same(title: str) -> None:
    form, uri, as_json, variable = (facts(read_connection(connection)) for connection in spellings(title))
    assert form == uri == as_json == variable
    kind, inner = form["credentials"]
    assert inner.get("_kind", KINDS[title]) == KINDS[title]
    assert (kind == "StaticCredentials") == (KINDS[title] in ("access_key", "sts"))
    assert (form["region_id"], form["project_id"]) == ("cn-shanghai", 10000)


def test_every_kind_of_credentials_has_a_section() -> None:
    assert tuple(KINDS.values()) == AUTH_TYPES


def test_policies_are_json_and_name_what_they_allow() -> None:
    policies = [json.loads(block) for block in blocks("docs/connection.md", "json")]
    statements = [policy["Statement"][0] for policy in policies if "Statement" in policy]
    assert [statement["Action"] for statement in statements] == ["dataworks:*", *["sts:AssumeRole"] * 4]


def test_every_field_of_the_form_is_explained_under_its_label() -> None:
    table = section("docs/connection.md", "## All fields")
    names = [name for row in rows(table) for name in re.findall(r"`(\w+)`", row[0])]
    labels = [label for row in rows(table) for label in row[1].split(", ")]
    assert set(names) == {*CONNECTION_FIELDS, *RELABELING}
    assert set(labels) == {str(field["label"]) for field in CONNECTION_FIELDS.values()} | set(RELABELING.values())


def test_the_error_of_a_field_is_what_a_user_sees() -> None:
    (shown,) = blocks("docs/connection.md", "text")[-1:]
    extra = json.dumps({"region_id": "cn-shanghai", "api_version": "2024"})
    connection = Connection(
        conn_id="dataworks_default", conn_type="dataworks", login="LTAI5tExample", password="s", extra=extra
    )
    with pytest.raises(DataWorksParameterError) as raised:
        read_connection(connection)
    assert str(raised.value) == shown.strip()


# Tables


def test_every_error_is_treated_as_its_row_says() -> None:
    words = {Outcome.NOT_EXECUTED: "again", Outcome.UNKNOWN: "checks", Outcome.REFUSED: "stops"}
    found = [row for row in rows(PAGES["docs/errors.md"]) if len(row) == 5]
    assert len(found) > 30
    for codes, status, treated, _, _ in found:
        for code in re.findall(r"`([\w.]+)`", codes) if codes.startswith("`") else [None]:
            outcome = outcome_of(code, int(status))
            if code is None and status == "200":
                outcome = Outcome.REFUSED
            assert (code, words[outcome]) == (code, treated)


def test_every_error_that_the_code_gives_advice_on_has_a_row() -> None:
    shown = " ".join(row[0] for row in rows(PAGES["docs/errors.md"]))
    assert [prefix for prefix, _ in BY_CODE if f"`{prefix}" not in shown] == []


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("`InvalidDIJobId.NotFound`, in 2024-05-18 `500130`", {"code": "InvalidDIJobId.NotFound", "http_status": 404}),
        ("`IncorrectDIJobStatus`", {"code": "IncorrectDIJobStatus", "http_status": 400}),
        ("none, `fileId:[...] is invalid`", {"message": "fileId:[100] is invalid.", "http_status": 200}),
        ("none, `Invalid path: ...`", {"message": "Invalid path: Business Flow/x", "http_status": 200}),
        (
            "none, of QueryDISyncTaskConfigProcessResult",
            {"action": "QueryDISyncTaskConfigProcessResult", "http_status": 200},
        ),
    ],
)
def test_error_and_its_row_name_the_same_things_to_check(row: str, error: dict[str, Any]) -> None:
    given = {"message": "m", "action": "StartDIJob", "outcome": Outcome.REFUSED, **error}
    advice = advice_for(ApiError(given.pop("message"), **given))
    (shown,) = [cells for cells in rows(PAGES["docs/errors.md"]) if cells[0] == row]

    assert advice is not None
    arguments = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\b[A-Z]\w+[A-Z]\w+\b", advice.summary))
    assert {name for name in arguments if f"`{name}`" not in " ".join(shown[3:])} == set()
    assert ("wait" in advice.summary) == ("wait" in shown[4])


FOLDER = {"FileFolderPath": "Business Flow/demo/Data Integration"}
#: The emulator's scheduler has run this date's nodes.
RECENT = datetime.now(timezone.utc).date() - timedelta(days=4)
OWN_REQUESTS: dict[str, Callable[[], Any]] = {
    "`CreateDISyncTaskOperator`": lambda: CreateDISyncTaskOperator(
        task_id="t", task_name="n", task_content={"type": "job"}, task_param=FOLDER
    ),
    "`StartDIJobOperator`": lambda: StartDIJobOperator(task_id="t", di_job_id=1001),
    "`StartDIJobOperator`, the job runs already": lambda: StartDIJobOperator(task_id="t", di_job_id=1003),
    "`StartDISyncInstanceOperator`": lambda: StartDISyncInstanceOperator(task_id="t", file_id=2001),
    "`StartDISyncInstanceOperator`, DI_SOLUTION": lambda: StartDISyncInstanceOperator(
        task_id="t", file_id=2002, task_type="DI_SOLUTION"
    ),
    "`DIJobStatusSensor`, each poke, up to 100 jobs": lambda: DIJobStatusSensor(
        task_id="t", di_job_id=1003, target_statuses=["Running"]
    ),
    "`RunNodeOperator`": lambda: RunNodeOperator(task_id="t", node_id=4001, wait_for_completion=False),
    "`RunNodeOperator` by `node_name`": lambda: RunNodeOperator(
        task_id="t", node_name="orders_batch", wait_for_completion=False
    ),
    "`NodeInstanceSensor`, each poke": lambda: NodeInstanceSensor(task_id="t", node_id=4002, bizdate=RECENT),
    "`TriggerNodeOperator`": lambda: TriggerNodeOperator(task_id="t", node_id=4006, bizdate=RECENT),
}


@pytest.mark.waits
def test_tasks_make_the_requests_that_the_table_says(dataworks_emulator: EmulatorControl) -> None:
    table = {row[0]: row[1] for row in rows(section("docs/waiting.md", "### A task's own requests"))}
    dataworks_emulator.set_job(1003, JobStatus="Running")
    counted = {}
    for label, make in OWN_REQUESTS.items():
        dataworks_emulator.clear_requests()
        run_task(make())
        counted[label] = ", ".join(request["action"] for request in dataworks_emulator.requests())
    assert counted == table


@pytest.mark.parametrize("row", rows(section("docs/waiting.md", "### How deferred waits share")), ids="-".join)
def test_a_tick_takes_the_requests_that_the_table_says(
    row: list[str], dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks, spread, requests = (int(cell.split()[0]) for cell in row)
    connection = dict(dataworks_emulator.connection)
    connection["extra"] = {**connection["extra"], "max_qps": 0}
    monkeypatch.setenv("AIRFLOW_CONN_DATAWORKS_DEFAULT", json.dumps(connection))
    dataworks_emulator.settings(read_qps=0)
    dataworks_emulator.add_jobs([{}] * (spread - len(dataworks_emulator.jobs())))
    ids = [job["DIJobId"] for job in dataworks_emulator.jobs()][:: spread // tasks][:tasks]
    key = Key("dataworks_default", None, dataworks_emulator.project_id, 600.0)

    async def second_tick() -> int:
        with ExitStack() as waits:
            (poller, *_) = {waits.enter_context(subscribe(key, DIJobTarget(key.project_id, one), 10))[0] for one in ids}
            await poller._tick()
            dataworks_emulator.clear_requests()
            await poller._tick()
            return len(dataworks_emulator.requests())

    assert asyncio.run(second_tick()) == requests


@pytest.mark.waits
def test_the_error_shown_is_what_a_user_sees(dataworks_emulator: EmulatorControl) -> None:
    message = "Please first activate DataWorks Enterprise Edition or Flagship Edition"
    dataworks_emulator.add_fault("error", action="StartDIJob", status=403, code="Forbidden.Access", message=message)
    with pytest.raises(DataWorksPermanentError) as raised:
        run_task(StartDIJobOperator(task_id="t", di_job_id=1001))
    (shown,) = blocks("docs/errors.md", "text")
    assert " ".join(shown.split()) == re.sub(r"RequestId [\w-]+", "RequestId ...", str(raised.value))


def test_every_call_that_controls_the_emulator_works(dataworks_emulator: EmulatorControl) -> None:
    calls = [
        call
        for row in rows(section("docs/emulator.md", "## Control the emulator"))
        for call in re.findall(r"`(.+?)`", row[1])
    ]
    assert len(calls) > 10
    for call in calls:
        eval(f"emulator.{call}", {"emulator": dataworks_emulator})


def test_the_quotas_of_the_editions_are_those_of_the_emulator() -> None:
    shown = {row[0].lower(): row[1:3] for row in rows(section("docs/waiting.md", "## What a wait costs"))}
    for name, quota in EDITIONS.items():
        a_second = str(quota.total_qps or f"{quota.read_qps} reads, {quota.write_qps} writes")
        assert shown[name] == [a_second, str(quota.daily_calls or "no limit")]


def test_the_emulator_holds_what_its_page_says(dataworks_emulator: EmulatorControl) -> None:
    shown = {int(row[0]): row[1:] for row in rows(section("docs/emulator.md", "## Initial state"))}
    assert dataworks_emulator.project_id in shown
    held = {job["DIJobId"]: (job["JobName"], job["MigrationType"]) for job in dataworks_emulator.jobs()}
    held |= {file["FileId"]: (file["TaskName"], file["TaskType"]) for file in dataworks_emulator.files()}
    held |= {node["NodeId"]: (node["NodeName"], "node") for node in dataworks_emulator.nodes()}
    assert set(shown) == {dataworks_emulator.project_id, *held}
    for number, (name, kind) in held.items():
        assert shown[number][0] == name
        assert re.split("[;,]| with", shown[number][1])[0] == kind


# API coverage


def coverage() -> Iterator[tuple[list[str], list[str], list[str], bool]]:
    """The rows of the page: actions, operators and sensors, hook methods, whether the emulator has them."""
    for actions, tasks, methods, *emulator in rows(PAGES["docs/coverage.md"]):
        named = re.findall(r"`(\w+)`", tasks), re.findall(r"`(\w+)`", methods)
        yield actions.split(", "), *named, emulator == ["yes"]


def test_what_the_coverage_page_names_exists() -> None:
    modules = [
        importlib.import_module(f"airflow_provider_dataworks.{kind}.{name}")
        for kind in ("operators", "sensors")
        for name in ("data_integration", "node")
    ]
    hook = importlib.import_module("airflow_provider_dataworks.hooks.dataworks").DataWorksHook
    for _, tasks, named, _ in coverage():
        assert [name for name in tasks if not any(hasattr(module, name) for module in modules)] == []
        assert [name for name in named if not callable(getattr(hook, name, None))] == []


def test_the_coverage_page_says_which_actions_the_emulator_has() -> None:
    from airflow_provider_dataworks.emulator.actions import action_table

    shown = [action for actions, _, _, emulator in coverage() if emulator for action in actions]
    assert sorted(shown) == sorted({action.name for action in action_table()})


def test_each_action_is_on_the_coverage_page_once() -> None:
    shown = [action for actions, _, _, _ in coverage() for action in actions]
    assert len(set(shown)) == len(shown)


# Secrets backends


def test_the_connection_of_the_file_backend_is_read(tmp_path: Path) -> None:
    from airflow.secrets.local_filesystem import LocalFilesystemBackend

    (content,) = blocks("docs/secrets-backends.md", "json")
    file = tmp_path / "connections.json"
    file.write_text(content, encoding="utf-8")
    connection = LocalFilesystemBackend(connections_file_path=str(file)).get_connection("dataworks_default")
    uri = re.search(r"conn_uri='(dataworks://[^']+)'", PAGES["docs/secrets-backends.md"])
    assert connection is not None
    assert uri is not None
    kind: Any = Connection
    from_uri = getattr(kind, "from_uri", None) or (lambda uri, conn_id: kind(conn_id=conn_id, uri=uri))
    assert facts(read_connection(connection)) == facts(read_connection(from_uri(uri[1], conn_id="dataworks_default")))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml")])
def test_connections_in_yaml_are_read(page: str) -> None:
    for block in blocks(page, "yaml"):
        for variable in yaml.safe_load(block)["env"]:
            assert variable["name"] == "AIRFLOW_CONN_DATAWORKS_DEFAULT"
            read = read_connection(Connection.from_json(variable["value"], conn_id="dataworks_default"))
            assert (read.region_id, read.project_id) == ("cn-shanghai", 10000)


# Alerting


@pytest.mark.waits
def test_the_callback_shown_gets_the_facts_of_a_failed_job(
    dataworks_emulator: EmulatorControl, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"__name__": "docs_page"}
    exec(compile(blocks("docs/alerting.md", "python")[0], "docs/alerting.md", "exec"), names)
    dataworks_emulator.settings(run_seconds=0.2)
    dataworks_emulator.set_job(1001, outcome="Failed", ErrorMessage="disk full")
    operator = StartDIJobOperator(task_id="copy", di_job_id=1001, wait_for_completion=True, poll_interval=1)
    with pytest.raises(DataWorksJobError) as raised:
        run_task(operator)
    capsys.readouterr()
    names["notify"]({"exception": raised.value, "ti": operator})
    message = capsys.readouterr().out
    assert message.startswith("copy: ")
    for fact in ("disk full", "(1001), Failed", "RequestId for support: "):
        assert fact in message
    names["notify"]({"ti": operator})
    assert capsys.readouterr().out == "copy: None\n"


# What leads where


def test_every_example_dag_is_shown() -> None:
    included = re.findall(r"\{literalinclude\} \.\./(\S+)", PAGES["docs/examples.md"])
    assert sorted(included) == sorted(str(path.relative_to(ROOT)) for path in (ROOT / "example_dags").glob("*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_local_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


def test_every_page_is_reached_from_the_index() -> None:
    listed = set(re.findall(r"^([\w/-]+)$", "".join(blocks("docs/index.md", r"\{toctree\}")), re.MULTILINE))
    pages = {page.removeprefix("docs/").removesuffix(".md") for page in PAGES if page.startswith("docs/")}
    assert pages - {"index"} | {"reference/index"} == listed


@pytest.mark.slow
def test_the_pages_build_without_a_warning_or_a_dead_link(tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("sphinx")
    built = build_docs(tmp_path_factory)
    assert built.errors == ""
    assert load("check_links").dead_links(built.folder) == []
    assert [word for word in SEARCHED if not found_by_search(word, built.folder)] == []


SEARCHED = ("retry", "callback", "upgrade", "throttling", "offline", "kubernetes", "RequestId", "StopDIJob")


def found_by_search(word: str, built: Path) -> bool:
    """Whether the index of the built pages has a word; where there is a browser, it searches, too."""
    english = importlib.import_module("sphinx.search.en").SearchEnglish({})
    index = json.loads((built / "searchindex.js").read_text(encoding="utf-8").partition("(")[2].rpartition(")")[0])
    return english.stem(word.lower()) in {*index["terms"], *index["titleterms"]}


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_an_address_that_is_still_to_be_filled_in(page: str) -> None:
    assert re.findall(release.PLACEHOLDER, PAGES[page]) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html#here"></a><a href="b.html#there"></a><a href="c.html"></a>')
    (tmp_path / "b.html").write_text('<p id="here">')
    assert load("check_links").dead_links(tmp_path) == ["a.html: b.html#there", "a.html: c.html"]


# The picture


def test_the_picture_of_the_parts_is_that_of_the_code() -> None:
    drawn = load("architecture").draw()
    shown = (DOCS / "architecture.svg").read_text(encoding="utf-8")
    assert drawn == shown, "run `make docs`, and commit docs/architecture.svg"


def test_the_badges_say_what_the_project_declares() -> None:
    badges = load("badges")
    for name, labels in badges.facts().items():
        shown = (DOCS / "images" / f"{name}.svg").read_text(encoding="utf-8")
        assert badges.draw(*labels) == shown, "run `make docs`, and commit docs/images"
        _, right = labels
        alternative = re.search(rf"!\[(.*?)\]\(docs/images/{name}\.svg\)", PAGES["README.md"])
        assert alternative is not None
        assert [word for word in re.findall(r"[\w.-]*\w", right) if word not in alternative[1]] == []


def test_every_part_is_named_where_the_picture_is() -> None:
    own, _ = load("architecture").imports()
    named = set(re.findall(r"`(\w+)`", section("CONTRIBUTING.md", "## The parts")))
    assert own - named == {"get_provider_info"}


def test_imports_keep_to_the_rules_of_the_house() -> None:
    own, edges = load("architecture").imports()
    assert {target for source, target in edges if source in ("client", "emulator")} & {*own, "airflow"} == set()
    assert [source for source, target in edges if target == "emulator"] == []
    assert "hooks" not in {target for (_, target), at_once in edges.items() if at_once}


# The reference


def documented() -> Iterator[tuple[str, Any]]:
    """What the reference shows, by name: classes, functions, and the public methods of the classes."""
    for page in sorted((DOCS / "reference").glob("*.rst")):
        module = ""
        for directive, name in re.findall(r"^\.\. (\w+):: ([\w.]+)$", page.read_text(encoding="utf-8"), re.MULTILINE):
            if directive in ("module", "automodule"):
                module = name
                found = importlib.import_module(name)
                if directive == "automodule":
                    yield from (
                        (f"{name}.{key}", value)
                        for key, value in vars(found).items()
                        if inspect.isclass(value) and value.__module__ == name and not key.startswith("_")
                    )
            elif directive in ("autoclass", "autoexception", "autofunction"):
                yield f"{module}.{name}", getattr(importlib.import_module(module), name)
            elif directive in ("automethod", "autoproperty"):
                owner, _, member = name.partition(".")
                yield f"{module}.{name}", getattr(getattr(importlib.import_module(module), owner), member)


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods of a class that are this package's own."""
    for name in dir(kind):
        owner = next((base for base in kind.__mro__ if name in vars(base)), object)
        value = inspect.getattr_static(kind, name)
        if not name.startswith("_") and owner.__module__.startswith("airflow_provider_dataworks"):
            function = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
            if inspect.isfunction(function):
                yield name, function


THINGS = dict(documented())
CALLABLES = {
    **{name: thing for name, thing in THINGS.items() if callable(thing)},
    **{
        f"{name}.{method}": value
        for name, thing in THINGS.items()
        if inspect.isclass(thing)
        for method, value in methods(thing)
    },
}


def description(name: str) -> str:
    """A docstring; a method without one of its own has that of the method that it overrides."""
    value = CALLABLES[name]
    if name in THINGS:
        return inspect.getdoc(value) or ""
    owner, _, method = name.rpartition(".")
    return inspect.getdoc(getattr(THINGS[owner], method)) or ""


def about(name: str, parameter: str) -> str:
    """What a docstring says of a parameter, None if it says nothing."""
    found = re.search(rf":param {parameter}:(.*?)(?=\n:|\Z)", description(name), re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def parameters(name: str) -> list[inspect.Parameter]:
    """The parameters that a user may give."""
    value = CALLABLES[name]
    if inspect.isclass(value) and "__init__" not in vars(value):
        return []
    given = list(inspect.signature(value.__init__ if inspect.isclass(value) else value).parameters.values())
    return [one for one in given if one.name not in ("self", "cls", "kwargs", "args")]


@pytest.mark.parametrize("name", CALLABLES)
def test_the_reference_says_what_everything_is(name: str) -> None:
    assert description(name)
    for one in parameters(name):
        said = about(name, one.name)
        assert said, f"{one.name} is not explained"
        assert one.annotation is not one.empty, f"{one.name} has no type"
        if one.default is not one.empty and one.name != "event":  # that one is Airflow's own
            assert re.search("default|None", said), f"the default of {one.name} is not said"
        if re.search("interval$|timeout$|seconds$|deadline$|_at$|^show_by$", one.name):
            assert re.search("second|Unix|minute", said), f"{one.name} has no unit"


@pytest.mark.parametrize("name", [name for name, value in CALLABLES.items() if not inspect.isclass(value)])
def test_the_reference_says_what_is_returned(name: str) -> None:
    returned = inspect.signature(CALLABLES[name]).return_annotation
    if returned not in (None, "None", inspect.Signature.empty, "NoReturn") and "Iterator[TriggerEvent]" not in str(
        returned
    ):
        assert ":return:" in description(name)


@pytest.mark.parametrize("name", [name for name in CALLABLES if "(API page: " in description(name)])
def test_the_reference_says_what_is_raised(name: str) -> None:
    assert ":raises " in description(name)


# What is public: everything in these modules is in the reference, or below with the reason why not.
PUBLIC_MODULES = (
    "assets",
    "client.actions",
    "client.client",
    "client.credentials",
    "client.endpoints",
    "client.errors",
    "client.models",
    "connection.settings",
    "emulator.control",
    "emulator.settings",
    "emulator.testing",
    "exceptions",
    "hooks.dataworks",
    "operators.data_integration",
    "operators.node",
    "sensors.data_integration",
    "sensors.node",
    "triggers.data_integration",
    "triggers.node",
)
# All other modules, by package or module.
INTERNAL_MODULES = {
    "arguments": "parses the arguments of operators, sensors and hook",
    "cli": "the commands, which docs/cli.md describes",
    "client": "the parts of the client; its catalog has constants, which docs/reference/client.rst describes",
    "config": "the options, which docs/configuration.md describes",
    "connection": "the connection form, which docs/connection.md describes",
    "emulator": "the server and its command, which docs/emulator.md describes",
    "get_provider_info": "called by Airflow",
    "hooks": "base classes of DataWorksHook",
    "lineage": "called by the operators and Airflow's OpenLineage provider; docs/lineage.md describes what it emits",
    "links": "the link of every task, shown by Airflow; errors have the address as console_url",
    "metrics": "what docs/metrics.md describes",
    "operators": "base classes, and operators that are imported from data_integration or node",
    "rendering": "renders the templates of operators and sensors",
    "sensors": "base classes",
    "task": "base class of operators and sensors",
    "triggers": "base classes and the poller",
    "waiting": "shared by operators, sensors and triggers",
}
_DEFERRED = "created by operators and sensors when they defer"
_CREDENTIALS = "a kind of credentials, chosen by auth_type of the connection"
_OF_REQUESTS = "how a request is built and its answer is read"
_OF_OPERATORS = "serves operators and triggers, and returns models of theirs"
_CALLED_BY_AIRFLOW = "called by Airflow"
LEFT_OUT = {
    "assets.AssetId": "a URI taken apart",
    "assets.convert_asset_to_openlineage": _CALLED_BY_AIRFLOW,
    "assets.named_by": "how operators recognize their outlets",
    "assets.parse": "how operators recognize their outlets",
    "assets.sanitize_uri": _CALLED_BY_AIRFLOW,
    "client.actions.Action": _OF_REQUESTS,
    "client.actions.Envelope": _OF_REQUESTS,
    "client.actions.Repeat": _OF_REQUESTS,
    "client.actions.UnknownEnvelope": _OF_REQUESTS,
    "client.actions.UnreadableContentError": _OF_REQUESTS,
    "client.actions.reject_failure": _OF_REQUESTS,
    "client.actions.whole_number": _OF_REQUESTS,
    "client.client.Probe": "what `check` measures",
    "client.credentials.CredentialsProvider": "the protocol of the kinds of credentials",
    "client.credentials.FetchedCredentials": _CREDENTIALS,
    "client.credentials.is_key_text": "validates a field of the connection",
    "client.endpoints.console_site_of": "the default of a field of the connection",
    "client.endpoints.is_loopback": "validates a field of the connection",
    "client.endpoints.is_region_id": "validates a field of the connection",
    "client.endpoints.region_of_endpoint": "validates a field of the connection",
    "client.endpoints.sts_authority": "validates a field of the connection",
    "client.errors.Outcome": "decides what is retried; errors have the result as outcome_unknown",
    "client.errors.call_context": "part of a message",
    "client.errors.is_credentials_error": "decides what is retried",
    "client.errors.is_read_only": "decides what is retried",
    "client.errors.outcome_of": "decides what is retried",
    "client.errors.printable": "part of a message",
    "client.errors.snippet": "part of a message",
    "client.errors.token_expired": "decides what is retried",
    "client.models.DIJob": _OF_OPERATORS,
    "client.models.DataSource": "read by lineage",
    "client.models.DataSourcePage": "read by lineage",
    "client.models.FailoverSettings": "part of RealtimeStartSettings",
    "client.models.JobPage": _OF_OPERATORS,
    "client.models.NodeInstancePage": _OF_OPERATORS,
    "client.models.RealtimeStartSettings": "the wire format of an argument; its docstring describes that",
    "connection.settings.read_connection": "called by the hook",
    "emulator.settings.boolean": "validates a setting",
    "emulator.settings.non_negative_int": "validates a setting",
    "emulator.settings.one_of": "validates a setting",
    "emulator.settings.optional": "validates a setting",
    "emulator.settings.seconds": "validates a setting",
    "emulator.testing.serve": "for emulators with further kinds of resources, as tests of this package have",
    "exceptions.job_not_found": "makes an error",
    "hooks.dataworks.DataWorksHook.client": "the client, whose errors are not the hook's",
    "hooks.dataworks.DataWorksHook.get_conn": _CALLED_BY_AIRFLOW,
    "hooks.dataworks.DataWorksHook.get_connection_form_widgets": _CALLED_BY_AIRFLOW,
    "hooks.dataworks.DataWorksHook.get_ui_field_behaviour": _CALLED_BY_AIRFLOW,
    "hooks.dataworks.DataWorksHook.list_di_jobs_page": _OF_OPERATORS,
    "hooks.dataworks.DataWorksHook.list_node_instances_page": _OF_OPERATORS,
    "hooks.dataworks.DataWorksHook.rate_limiter": "shared by the hooks of a process",
    "hooks.dataworks.DataWorksHook.read_data_source": "read by lineage",
    "hooks.dataworks.DataWorksHook.read_di_job": _OF_OPERATORS,
    "hooks.dataworks.DataWorksHook.read_di_jobs_page": _OF_OPERATORS,
    "hooks.dataworks.DataWorksHook.read_node_instances": _OF_OPERATORS,
    "hooks.dataworks.DataWorksHook.read_run_counters": _OF_OPERATORS,
    "hooks.dataworks.DataWorksHook.with_short_timeouts": _OF_OPERATORS,
    "operators.data_integration.client_token_for": "derives the default of an argument",
    "triggers.data_integration.DIJobStatusTrigger": _DEFERRED,
    "triggers.data_integration.DISyncInstanceTrigger": _DEFERRED,
    "triggers.node.NodeInstanceTrigger": _DEFERRED,
    "triggers.node.NodeScheduleTrigger": _DEFERRED,
}


def modules() -> list[str]:
    """The package's modules, without its name."""
    folder = ROOT / "airflow_provider_dataworks"
    names = [path.relative_to(folder).with_suffix("").parts for path in folder.rglob("*.py")]
    return sorted({".".join(name).removesuffix(".__init__") for name in names} - {"__init__", "__main__"})


def public_names(module: str) -> Iterator[str]:
    """The classes and functions of a public module, and the methods and properties of the hook."""
    found = importlib.import_module(f"airflow_provider_dataworks.{module}")
    for name, value in vars(found).items():
        own = name in found.__all__ if hasattr(found, "__all__") else getattr(value, "__module__", "") == found.__name__
        if own and not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value)):
            yield f"{module}.{name}"
    if module == "hooks.dataworks":
        for name in dir(found.DataWorksHook):
            owner = next(kind for kind in found.DataWorksHook.__mro__ if name in vars(kind))
            own = owner.__module__.startswith("airflow_provider_dataworks") and not name.startswith("_")
            if own and not isinstance(inspect.getattr_static(found.DataWorksHook, name), (str, Metrics)):
                yield f"{module}.DataWorksHook.{name}"


def test_every_module_is_public_or_internal() -> None:
    found = modules()
    assert set(PUBLIC_MODULES) <= set(found)
    tops = {name.partition(".")[0] for name in found}
    assert tops - set(INTERNAL_MODULES) == {name for name in PUBLIC_MODULES if "." not in name}
    assert set(INTERNAL_MODULES) <= tops


def test_each_public_name_is_in_the_reference_or_left_out_for_a_reason() -> None:
    names = {name for module in PUBLIC_MODULES for name in public_names(module)}
    shown = {name.removeprefix("airflow_provider_dataworks.") for name in THINGS}
    assert names - shown - set(LEFT_OUT) == set()
    assert set(LEFT_OUT) - names == set(), "there is no such name"
    assert set(LEFT_OUT) & shown == set(), "it is in the reference"
    assert shown - names == set(), "it is not of a public module"


TASKS = {name: thing for name, thing in THINGS.items() if name.endswith(("Operator", "Sensor"))}
# BaseOperator has read-only properties of these names.
KEPT_AS = {"node_id": "dataworks_node_id", "task_type": "di_task_type"}


@pytest.mark.parametrize("name", TASKS)
def test_the_arguments_that_take_an_output_are_the_template_fields(name: str) -> None:
    takes_output = {one.name for one in parameters(name) if "XComArg" in str(one.annotation)}
    assert takes_output
    assert {KEPT_AS.get(one, one) for one in takes_output} == set(TASKS[name].template_fields)


def test_dag_is_what_the_blocks_use() -> None:
    """The blocks are collected by ``with DAG(``: were it written otherwise, they would be missed."""
    using = [
        page for page in PAGES if any("Operator(" in block or "Sensor(" in block for block in blocks(page, "python"))
    ]
    assert using
    assert set(using) <= {which.rpartition("-")[0] for which in DAG_BLOCKS}


@pytest.mark.parametrize("which", DAG_BLOCKS)
def test_each_dag_shown_imports_the_dag_class_of_airflows_sdk(which: str) -> None:
    need_watchers(DAG_BLOCKS[which])
    imports = [node for node in ast.walk(ast.parse(DAG_BLOCKS[which])) if isinstance(node, ast.ImportFrom)]
    modules = [str(node.module) for node in imports if "DAG" in {name.name for name in node.names}]
    assert [importlib.import_module(module).DAG for module in modules] == [DAG]


def test_editors_break_lines_where_the_formatter_does() -> None:
    (editor,) = re.findall(r"^max_line_length = (\d+)$", (ROOT / ".editorconfig").read_text(), re.MULTILINE)
    (formatter,) = re.findall(r"^line-length = (\d+)$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert editor == formatter
