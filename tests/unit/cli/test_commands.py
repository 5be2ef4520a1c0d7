"""The commands print tables or JSON, and exit with status 1 if they failed; on Airflow 3 they are Airflow's own too."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from airflow_provider_dataworks.cli.definition import COMMANDS, argument_parser, get_cli_commands, main
from airflow_provider_dataworks.cli.rendering import table
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.support.hook import connect

NEW = "2024-05-18"
HAS_PROVIDER_COMMANDS = tuple(map(int, version("apache-airflow").split(".")[:2])) >= (3, 2)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return what runs a command in this process: exit status, standard output, standard error."""
    dataworks_emulator.settings(read_qps=0)
    connection = dataworks_emulator.connection
    connect(monkeypatch, {**connection, "extra": {**connection["extra"], "max_qps": 0}})
    newer = {**connection, "extra": {**connection["extra"], "max_qps": 0, "api_version": NEW}}
    connect(monkeypatch, newer, "dataworks_2024")

    def run_command(*argv: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = 0
        try:
            main(argv)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        captured = capsys.readouterr()
        # What the emulator itself logs is written by its own thread.
        return status, captured.out, captured.err

    return run_command


def rows(output: str) -> list[str]:
    return output.splitlines()


def test_check_prints_a_line_a_check(run: Run) -> None:
    status, output, _ = run("check")

    assert (status, len(rows(output))) == (0, 15)
    assert all(line.startswith("ok ") for line in rows(output))


def test_check_in_json_has_every_field(run: Run) -> None:
    status, output, _ = run("check", "--json")
    content = json.loads(output)

    assert (status, content["ok"]) == (0, True)
    assert set(content["checks"][0]) == {
        "name", "status", "message", "fix", "api_version", "action", "code", "request_id",
    }  # fmt: skip


def test_check_that_fails_exits_with_1(run: Run, dataworks_emulator: EmulatorControl) -> None:
    connection = dataworks_emulator.connection
    os.environ["AIRFLOW_CONN_DATAWORKS_DEFAULT"] = json.dumps({**connection, "password": "hidden"})

    status, output, _ = run("check")
    as_json = run("check", "--json")

    assert (status, as_json[0], json.loads(as_json[1])["ok"]) == (1, 1, False)
    (line,) = [line for line in rows(output) if line.startswith("failed")]
    assert line.endswith("Fix: The AccessKey Secret is wrong: correct the password of the connection.")
    assert "hidden" not in output + as_json[1]


def test_fix_is_a_sentence_of_its_own(run: Run, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(edition="basic")

    output = run("check")[1]

    (line,) = [line for line in rows(output) if line.startswith("warning") and "ListDIJobs HTTP" in line]
    assert "Enterprise Edition or Flagship Edition. Fix: DI jobs need Enterprise Edition or above" in line


def test_check_of_another_connection_region_and_workspace(run: Run, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_job(ProjectId=20000)

    output = run("check", "--conn-id", "dataworks_2024", "--region", "us-east-1", "--project-id", "20000")[1]

    assert rows(output)[0].endswith(f"dataworks_2024: region us-east-1, workspace 20000, API version {NEW}")


@pytest.mark.parametrize("connection", ["dataworks_default", "dataworks_2024"])
def test_jobs_are_listed(run: Run, connection: str) -> None:
    status, output, _ = run("jobs", "--conn-id", connection)
    in_json = json.loads(run("jobs", "--conn-id", connection, "--json")[1])

    assert (status, len(rows(output)), len(in_json)) == (0, 7, 6)
    assert rows(output)[0].split() == ["DIJobId", "JobName", "JobStatus", "MigrationType"]
    assert rows(output)[1].split() == ["1001", "mysql_to_holo_full", "Initialized", "Full"]
    assert (in_json[0]["DIJobId"], in_json[0]["JobStatus"]) == (1001, "Initialized")


@pytest.mark.parametrize("connection", ["dataworks_default", "dataworks_2024"])
def test_nodes_are_listed(run: Run, dataworks_emulator: EmulatorControl, connection: str) -> None:
    dataworks_emulator.add_node(NodeName="only_dev", environments=["DEV"])
    status, output, _ = run("nodes", "--conn-id", connection)
    in_json = json.loads(run("nodes", "--conn-id", connection, "--json")[1])

    assert (status, len(rows(output)), len(in_json)) == (0, 8, 7)
    assert rows(output)[0].split() == ["NodeId", "NodeName", "Recurrence"]
    assert [rows(output)[1].split(), rows(output)[4].split()] == [
        ["4001", "orders_batch", "NORMAL"],
        ["4004", "orders_frozen", "PAUSE"],
    ]
    assert len(rows(run("nodes", "--conn-id", connection, "--project-env", "DEV")[1])) == 9


def test_a_name_narrows_a_list(run: Run) -> None:
    assert len(rows(run("jobs", "--name", "hive")[1])) == 3
    assert len(rows(run("nodes", "--name", "hourly")[1])) == 2


def test_all_pages_of_a_list_are_read(run: Run, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_jobs([{}] * 120)

    assert len(json.loads(run("jobs", "--json")[1])) == 126


@pytest.mark.parametrize("connection", ["dataworks_default", "dataworks_2024"])
def test_the_log_of_a_job_is_printed_whatever_the_connections_version(
    run: Run, dataworks_emulator: EmulatorControl, connection: str
) -> None:
    dataworks_emulator.set_job(1001, log_lines=["the last line, 中"], JobStatus="Running")
    status, output, _ = run("log", "1001", "--conn-id", connection)

    assert status == 0
    assert "the last line, 中" in output
    assert json.loads(run("log", "1001", "--json")[1])["log"].rstrip("\n") == output.rstrip("\n")


@pytest.mark.parametrize("connection", ["dataworks_default", "dataworks_2024"])
def test_the_log_of_a_node_instance_is_printed(run: Run, dataworks_emulator: EmulatorControl, connection: str) -> None:
    dataworks_emulator.set_node(4001, log_lines=["written by the node"])
    instance = dataworks_emulator.add_node_instance(NodeId=4001, Bizdate="2026-11-24", Status="SUCCESS")
    argv = ["log", str(instance["InstanceId"]), "--node-instance", "--conn-id", connection]

    assert "written by the node" in run(*argv)[1]
    assert "written by the node" in run(*argv, "--run-number", "1")[1]
    assert "written by the node" not in run(*argv, "--run-number", "2")[1]


def test_an_empty_log_is_said_beside_the_output(run: Run) -> None:
    status, output, error = run("log", "1001")

    assert (status, output.strip()) == (0, "")
    assert "The log is empty." in error


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("log", "77"), "There is no such DI job"),
        (("log", "77", "--node-instance"), "There is no such instance"),
        (("log", "abc"), "must be"),
        (("jobs", "--conn-id", "nowhere"), "nowhere"),
        (("nodes", "--project-id", "777"), "check project_id"),
        (("check", "--project-id", "five"), "project_id"),
    ],
)
def test_an_error_is_one_line_and_status_1(run: Run, argv: tuple[str, ...], words: str) -> None:
    status, output, error = run(*argv)
    in_json = run(*argv, "--json")

    assert (status, output) == (1, "")
    assert words in [line for line in error.splitlines() if line][-1]
    assert (in_json[0], list(json.loads(in_json[1]))) == (1, ["error"])
    assert "Traceback" not in error + in_json[2]


@pytest.mark.parametrize("argv", [(), ("nothing",), ("log",), ("nodes", "--project-env", "TEST")])
def test_wrong_arguments_are_status_2(run: Run, argv: tuple[str, ...]) -> None:
    assert run(*argv)[0] == 2


def test_json_stays_json_whatever_is_logged(run: Run, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("throttle", "ListDIJobs", headers={"Retry-After": "0"})
    status, output, _ = run("jobs", "--json")

    assert (status, len(json.loads(output))) == (0, 6)


def test_what_is_outside_a_command_is_as_before(run: Run) -> None:
    import logging

    before = (logging.root.manager.disable, os.environ.get("_AIRFLOW_PROCESS_CONTEXT"))
    run("jobs")

    assert (logging.root.manager.disable, os.environ.get("_AIRFLOW_PROCESS_CONTEXT")) == before


def test_cells_of_a_table_are_of_one_line() -> None:
    assert table([{"a": "1\n2", "b": None}], ("a", "b", "c")) == ["a    b  c", "1 2"]


# As Airflow's own


@pytest.mark.skipif(not HAS_PROVIDER_COMMANDS, reason="this Airflow has no commands of providers")
def test_airflow_has_the_commands(dataworks_emulator: EmulatorControl, capsys: pytest.CaptureFixture[str]) -> None:
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(["dataworks", "jobs", "--json"])
    capsys.readouterr()
    arguments.func(arguments)

    assert len(json.loads(capsys.readouterr().out)) == 6


def test_airflows_definition_and_ours_take_the_same_arguments() -> None:
    (group,) = get_cli_commands()

    assert (group.name, [command.name for command in group.subcommands]) == ("dataworks", [c.name for c in COMMANDS])
    ours = argument_parser()
    for command in group.subcommands:
        flags = {flag for argument in command.args for flag in argument.flags if flag.startswith("--")}
        assert flags <= set(help_of(ours, command.name).replace("[", " ").replace("]", " ").split())


def help_of(parser: Any, command: str) -> str:
    stream = io.StringIO()
    (subparsers,) = [action for action in parser._actions if hasattr(action, "choices") and action.choices]
    subparsers.choices[command].print_help(stream)
    return stream.getvalue()


@pytest.mark.slow
def test_the_module_prints_nothing_but_the_result(dataworks_emulator: EmulatorControl) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow_provider_dataworks", "check", "--json"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["ok"] is True


@pytest.mark.slow
def test_a_pipe_that_is_closed_is_no_error(dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_jobs([{"JobName": f"job {'x' * 100} {number}"} for number in range(900)])
    command = f"{sys.executable} -m airflow_provider_dataworks jobs | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=100, check=False)

    assert done.stdout.splitlines()[-1] == "0"
    assert "BrokenPipe" not in done.stderr
