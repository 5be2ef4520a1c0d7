"""The section [dataworks] of Airflow's configuration: listed, read, checked, and used where it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dataworks.config import OPTIONS, Config, Option, config
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.get_provider_info import get_provider_info
from tests.support.hook import hook_for

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    config.cache_clear()
    yield
    config.cache_clear()


def variable(option: Option | str) -> str:
    return f"AIRFLOW__DATAWORKS__{(option if isinstance(option, str) else option.name).upper()}"


def configure(monkeypatch: pytest.MonkeyPatch, option: Option | str, value: str) -> None:
    """Give an option a value, in a process that may have read the configuration already."""
    monkeypatch.setenv(variable(option), value)
    config.cache_clear()


def test_nothing_configured_gives_the_defaults() -> None:
    assert config() == Config(**{option.name: option.default for option in OPTIONS})  # type: ignore[arg-type]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_each_option_is_read_from_airflows_configuration(option: Option, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, option, option.example)

    value = getattr(config(), option.name)

    assert value == type(option.default)(option.example) != option.default
    assert type(value) is type(option.default)


@pytest.mark.parametrize("value", ["many", "-1", "1e99", "nan", "10 s"])
@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_value_that_cannot_be_used_is_an_error_that_says_where_it_is(
    option: Option, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, option, value)

    with pytest.raises(DataWorksParameterError) as raised:
        config()

    text = str(raised.value)
    assert text.startswith(f"[dataworks] {option.name}: must be a")
    assert f"from {option.lowest} to {option.highest}, not {value!r}" in text
    assert variable(option) in text


def test_an_empty_value_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, "poll_page_size", " ")

    assert config().poll_page_size == 100


def test_airflow_config_list_shows_every_option_with_its_default(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.cli.cli_parser import get_parser

    arguments = ["config", "list", "--section", "dataworks", "--include-descriptions"]
    help_text = subprocess_help()
    parsed = get_parser().parse_args([*arguments, *(["--show-values"] if "--show-values" in help_text else [])])
    capsys.readouterr()
    parsed.func(parsed)
    shown = capsys.readouterr().out

    for option in OPTIONS:
        assert re.search(rf"^{option.name} = {option.default:g}$", shown, re.MULTILINE), shown
        assert option.description in " ".join(re.sub(r"^# ?", "", shown, flags=re.MULTILINE).split())


def subprocess_help() -> str:
    """The help of ``airflow config list``; which options it has differs between the lines."""
    from airflow.cli import cli_config

    commands = [one for one in cli_config.CONFIG_COMMANDS if one.name == "list"]
    return " ".join(flag for argument in commands[0].args for flag in argument.flags)


def test_provider_info_has_the_types_of_the_values() -> None:
    options: dict[str, Any] = get_provider_info()["config"]["dataworks"]["options"]

    assert {name: facts["type"] for name, facts in options.items()} == {
        "max_poll_failures": "integer",
        "poll_page_size": "integer",
        "max_backoff": "float",
        "job_log_lines": "integer",
        "node_log_lines": "integer",
    }


def test_the_page_names_every_option_with_default_and_limits() -> None:
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines()]
    shown = {row[0]: row[1:3] for row in rows if len(row) == 4}

    for option in OPTIONS:
        assert shown[option.name] == [f"{option.default:,g}", f"{option.lowest:,} to {option.highest:,}"]


# Where the values go


@pytest.mark.waits
def test_max_poll_failures_is_the_default_of_every_task_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    # Defaults of arguments are read when a module is imported.
    code = (
        "from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator\n"
        "from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor\n"
        "tasks = [StartDIJobOperator(task_id='a', di_job_id=1), DIJobStatusSensor(task_id='b', di_job_id=1)]\n"
        "tasks.append(StartDIJobOperator(task_id='c', di_job_id=1, max_poll_failures=3))\n"
        "print('GOT', [task.max_poll_failures for task in tasks])"
    )
    env = {**os.environ, variable("max_poll_failures"): "7"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)

    assert "GOT [7, 7, 3]" in done.stdout


def test_max_backoff_bounds_the_pauses_between_attempts(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(monkeypatch, "max_backoff", "1")
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    pauses: list[float] = []
    hook = hook_for(dataworks_emulator, monkeypatch, pauses)
    dataworks_emulator.add_fault(action="GetDIJob", kind="error", status=503, code="ServiceUnavailable", count=4)

    hook.get_di_job(di_job_id=1001)

    assert pauses == [1.0] * 4


def test_the_end_of_a_failed_jobs_log_has_so_many_lines(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_dataworks.waiting import di_job_runs

    written: list[str] = []
    log = type("Log", (), {"info": lambda _, text, *given: written.append(text % given), "warning": print})()
    hook = hook_for(dataworks_emulator, monkeypatch, api_version="2024-05-18")
    dataworks_emulator.set_job(1001, log_lines=[f"line {number}" for number in range(20)])
    for lines in ("2", "0"):
        configure(monkeypatch, "job_log_lines", lines)
        di_job_runs.failure_reasons(hook, 1001, log)

    (text,) = written
    assert text.splitlines()[1:] == ["line 18", "line 19"]


def test_a_nodes_log_gives_so_many_lines(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget

    written: list[str] = []
    log = type("Log", (), {"info": lambda _, text, *given: written.append(text % given), "warning": print})()
    configure(monkeypatch, "node_log_lines", "2")
    hook = hook_for(dataworks_emulator, monkeypatch)
    instance = dataworks_emulator.add_node_instance(NodeId=4001, Bizdate="2026-03-02", Status="SUCCESS")
    target = NodeInstanceTarget(10000, instance["InstanceId"], 4001, "2026-03-02", fetch_log=True)
    snapshot = target.poll(hook)

    target.read_end(hook, snapshot, log)

    assert len(written[0].splitlines()) == 1 + 2


def test_polls_list_pages_of_that_size(dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_dataworks.waiting.di_job import DIJobTarget
    from airflow_provider_dataworks.waiting.loop import poll_many

    configure(monkeypatch, "poll_page_size", "10")
    hook = hook_for(dataworks_emulator, monkeypatch)
    jobs = dataworks_emulator.add_jobs([{"JobName": f"job_{number}"} for number in range(15)])
    dataworks_emulator.clear_requests()

    found = poll_many([DIJobTarget(10000, job["DIJobId"]) for job in jobs], hook)

    assert len(found) == 15
    asked = [entry["form"] | entry["query"] for entry in dataworks_emulator.requests("ListDIJobs")]
    assert {entry["PageSize"] for entry in asked} == {"10"}
