"""The commands: each reads through the hook, prints, and exits with status 1 if it failed."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.cli import rendering
from airflow_provider_dataworks.cli.checks import check_connection
from airflow_provider_dataworks.client.catalog import v2024_05_18
from airflow_provider_dataworks.client.catalog.nodes import read_node
from airflow_provider_dataworks.exceptions import DataWorksError

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

JOB_COLUMNS = ("DIJobId", "JobName", "JobStatus", "MigrationType")
NODE_COLUMNS = ("NodeId", "NodeName", "Recurrence")

#: How Airflow's own commands make the secrets backends read the database.
_CONTEXT, _SERVER = "_AIRFLOW_PROCESS_CONTEXT", "server"


def _command(run: Callable[[Namespace], bool]) -> Callable[[Namespace], None]:
    """Make a command of a function that returns whether it succeeded: errors in one line, and the exit status."""

    @wraps(run)
    def command(args: Namespace) -> None:
        try:
            with _quiet(), _as_airflows_own():
                succeeded = run(args)
        except (DataWorksError, AirflowException) as error:
            message = " ".join(str(error).split())
            if args.json:
                print(rendering.as_json({"error": message}))
            else:
                print(message, file=sys.stderr)
            succeeded = False
        except BrokenPipeError:
            # What read the output has enough of it, such as `head`; nothing is left to flush at the end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            succeeded = True
        if not succeeded:
            raise SystemExit(1)

    return command


@_command
def check(args: Namespace) -> bool:
    """Check the connection."""
    results = check_connection(_hook(args), arguments.project_identifier(args.project_id) if args.project_id else None)
    _print(rendering.json_of_checks(results) if args.json else "\n".join(rendering.lines_of_checks(results)))
    return rendering.succeeded(results)


@_command
def jobs(args: Namespace) -> bool:
    """List DI jobs."""
    with _opened(args) as hook:
        listed: Iterable[dict[str, Any]] = map(dict, hook.list_di_jobs(project_id=args.project_id, job_name=args.name))
        found = sorted(listed, key=lambda job: int(job["DIJobId"]))
    _print(rendering.as_json(found) if args.json else "\n".join(rendering.table(found, JOB_COLUMNS)))
    return True


@_command
def nodes(args: Namespace) -> bool:
    """List deployed nodes."""
    with _opened(args) as hook:
        listed = hook.list_nodes(project_id=args.project_id, node_name=args.name, project_env=args.project_env)
        found = sorted(listed, key=lambda node: int(node["NodeId"]))
    shown = [{**node, "Recurrence": read_node(node).recurrence} for node in found]
    _print(rendering.as_json(found) if args.json else "\n".join(rendering.table(shown, NODE_COLUMNS)))
    return True


@_command
def log(args: Namespace) -> bool:
    """Print a log."""
    with _opened(args) as hook:
        if args.node_instance:
            content = hook.get_node_instance_log(
                instance_id=args.id, project_env=args.project_env, run_number=args.run_number
            )
        else:
            # No other version has logs of DI jobs.
            newer = hook.with_settings(api_version=v2024_05_18.VERSION)
            with contextlib.closing(newer):
                content = newer.get_di_job_log(di_job_id=args.id)
    if args.json:
        _print(rendering.as_json({"id": args.id, "node_instance": args.node_instance, "log": content}))
    else:
        _print(content.rstrip("\n"))
        if not content:
            print("The log is empty.", file=sys.stderr)
    return True


def _hook(args: Namespace) -> DataWorksHook:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

    return DataWorksHook(args.conn_id, region_id=args.region_id)


@contextlib.contextmanager
def _opened(args: Namespace) -> Iterator[DataWorksHook]:
    with contextlib.closing(_hook(args)) as hook:
        yield hook


def _print(content: str) -> None:
    print(content, flush=True)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep log lines and warnings of what is called out of the output; the results have all that matters."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _as_airflows_own() -> Iterator[None]:
    """Read connections as Airflow's own commands do: on Airflow 3 that needs a variable for the database's."""
    before = os.environ.get(_CONTEXT)
    os.environ[_CONTEXT] = _SERVER
    try:
        yield
    finally:
        if before is None:
            del os.environ[_CONTEXT]
        else:
            os.environ[_CONTEXT] = before
