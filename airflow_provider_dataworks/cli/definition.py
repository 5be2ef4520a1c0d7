"""The commands and their options as data, for Airflow's command line and for our own; importing it loads nothing."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

PROGRAM = "python -m airflow_provider_dataworks"
DESCRIPTION = "Check a DataWorks connection; list DI jobs and nodes; print logs."

_COMMANDS = "airflow_provider_dataworks.cli.commands"


class Option(NamedTuple):
    """An argument of a command.

    :param flags: its flags, or its name if it is positional.
    :param keywords: what ``argparse`` takes besides.
    """

    flags: tuple[str, ...]
    keywords: dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A command.

    :param name: how it is called.
    :param help: one line on what it does.
    :param function: the function of the module of commands that does it; takes the parsed arguments.
    :param options: its arguments.
    """

    name: str
    help: str
    function: str
    options: tuple[Option, ...]

    def load(self) -> Callable[[argparse.Namespace], None]:
        """Return what runs the command; its module is imported when the command is run."""

        def run(arguments: argparse.Namespace) -> None:
            getattr(importlib.import_module(_COMMANDS), self.function)(arguments)

        run.__name__ = self.function
        return run


_COMMON = (
    Option(("--conn-id",), {"default": "dataworks_default", "help": "id of the connection (default: %(default)s)"}),
    Option(("--region",), {"dest": "region_id", "help": "region, instead of the connection's"}),
    Option(("--project-id",), {"help": "id of the workspace, instead of the connection's"}),
    Option(("--json",), {"action": "store_true", "help": "print JSON"}),
)
_ENVIRONMENT = Option(
    ("--project-env",), {"choices": ("PROD", "DEV"), "default": "PROD", "help": "environment (default: %(default)s)"}
)
_NAME = Option(("--name",), {"help": "part of the name; default all"})

COMMANDS = (
    Command(
        "check",
        "Check the connection: credentials, endpoint, clock, workspace, edition, API versions, permissions",
        "check",
        _COMMON,
    ),
    Command("jobs", "List the DI jobs of the workspace", "jobs", (*_COMMON, _NAME)),
    Command("nodes", "List the deployed nodes of the workspace", "nodes", (*_COMMON, _NAME, _ENVIRONMENT)),
    Command(
        "log",
        "Print the log of a DI job, or of an instance of a node",
        "log",
        (
            Option(("id",), {"help": "id of the DI job; with --node-instance, of the instance"}),
            Option(("--node-instance",), {"action": "store_true", "help": "the id is that of an instance of a node"}),
            Option(("--run-number",), {"help": "with --node-instance: which execution, from 1; default the last one"}),
            *_COMMON,
            _ENVIRONMENT,
        ),
    ),
)


def get_cli_commands() -> list[Any]:
    """Return the commands for Airflow, which calls this by the key ``cli`` of the provider info.

    :return: the group ``dataworks``.
    """
    # Not typed there; loaded already where Airflow's command line calls this.
    airflows: Any = importlib.import_module("airflow.cli.cli_config")
    return [
        airflows.GroupCommand(
            name="dataworks",
            help=DESCRIPTION,
            subcommands=[
                airflows.ActionCommand(
                    name=command.name,
                    help=command.help,
                    func=command.load(),
                    args=[airflows.Arg(option.flags, **option.keywords) for option in command.options],
                )
                for command in COMMANDS
            ],
        )
    ]


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of ``python -m airflow_provider_dataworks``."""
    parser = argparse.ArgumentParser(prog=PROGRAM, description=DESCRIPTION)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        subparser = subparsers.add_parser(command.name, help=command.help, description=f"{command.help}.")
        for option in command.options:
            subparser.add_argument(*option.flags, **option.keywords)
        subparser.set_defaults(func=command.load())
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command.

    :param argv: the arguments; None (default) for those of the process.
    :raises SystemExit: with status 1 if the command failed, 2 if the arguments are wrong.
    """
    arguments = argument_parser().parse_args(argv)
    arguments.func(arguments)
