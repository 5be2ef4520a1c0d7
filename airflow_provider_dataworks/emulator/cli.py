"""The command line of the emulator."""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import signal
import sys
from collections.abc import Sequence

from airflow_provider_dataworks.emulator.settings import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    FOLDERS,
    PROJECT_ID,
    RESOURCE_GROUPS,
    STS_ACCESS_KEY_ID,
    STS_ACCESS_KEY_SECRET,
    STS_SECURITY_TOKEN,
    Settings,
    non_negative_int,
    seconds,
)

VARIABLE = "AIRFLOW_CONN_DATAWORKS_DEFAULT"
EXTRA_MODULES = ("starlette", "uvicorn", "alibabacloud_tea_openapi")
MISSING_EXTRA = (
    "The emulator needs packages that are not installed ({modules}). "
    "Install them with: pip install 'airflow-provider-dataworks[emulator]'"
)
DESCRIPTION = f"""\
A local DataWorks: Data Integration as the OpenAPI 2020-05-18 speaks it, for demos and tests.
Nothing leaves this machine.

It prints one line on standard output, {VARIABLE}='...',
which is the Airflow connection dataworks_default that leads to it; then it serves until
it gets SIGINT or SIGTERM. Logs go to standard error.
"""
EPILOG = f"""\
it begins with one workspace, {PROJECT_ID} (--project-id), that holds

  DIJobId  JobName                           MigrationType
  1001     mysql_to_holo_full                Full
  1002     mysql_to_holo_realtime            RealtimeIncremental
  1003     mysql_to_holo_full_and_realtime   FullAndRealtimeIncremental
  1004     mysql_to_hive_offline             OfflineIncremental
  1005     mysql_to_hive_full_and_offline    FullAndOfflineIncremental
  1006     mysql_to_holo_full_bad            Full; its runs end in Failed

  FileId   TaskName                          TaskType
  2001     orders_realtime                   DI_REALTIME, deployed
  2002     orders_solution                   DI_SOLUTION

  folders          {FOLDERS[0]}
                   {FOLDERS[1]}
  resource group   {RESOURCE_GROUPS[0]}
  temporary key    {STS_ACCESS_KEY_ID}, {STS_ACCESS_KEY_SECRET}, security token {STS_SECURITY_TOKEN}

control endpoint, no signature, loopback only, JSON in and out (Content-Type: application/json):

  GET    /_emulator/state               settings, jobs, files, faults, counts of requests
  GET    /_emulator/requests            the request log; ?action=NAME, ?since=SEQ; DELETE clears it
  POST   /_emulator/faults              {{"kind": "throttle"}} and perhaps action, count (-1 = always), skip,
                                        effect ("before" or "after" the action is done), where (values that
                                        parameters must have); GET lists, DELETE clears
                                        kinds: throttle, error, expired_token (status, code, message, headers, body),
                                        reset, cut, slow (seconds), html, wrong_json, wrong_type, empty,
                                        body (body), raw (body, status, content_type, headers), clock_skew (seconds),
                                        drip (seconds a byte; part: body, headers, response), gzip_bomb (megabytes),
                                        late (seconds, reset): the action is executed that much later
  GET    /_emulator/jobs                all jobs; POST adds one or an array; GET, PATCH, DELETE /_emulator/jobs/ID
  GET    /_emulator/files               the same for files
  PATCH  /_emulator/settings            run_seconds, start_lag_seconds, stop_seconds, read_qps, write_qps,
                                        clock_skew_seconds, null_page, ids_as_text, message_beside_success,
                                        start_running ("refuse", "ignore"), require_deploy, folders,
                                        resource_groups, sts
  GET    /_emulator/connection          the Airflow connection
  POST   /_emulator/reset               as at the start

example, with the port that is in the printed line:

  python -m airflow_provider_dataworks.emulator --port 8480 --run-seconds 5 > connection.env &
  set -a; . ./connection.env; set +a
  airflow connections test dataworks_default
  curl -s -H 'Content-Type: application/json' -d '{{"kind": "throttle", "action": "StartDIJob"}}' \\
    http://127.0.0.1:8480/_emulator/faults
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the emulator until it is told to stop.

    :param arguments: the command line; default that of the process.
    :return: exit code.
    """
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    host, port, log_level = options.pop("host"), options.pop("port"), options.pop("log_level")
    allowed_hosts = options.pop("allow_host")
    logging.basicConfig(
        stream=sys.stderr, level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        require_extra()
    except ModuleNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    from airflow_provider_dataworks.emulator.emulator import Emulator
    from airflow_provider_dataworks.emulator.http.server import Server

    emulator = Emulator(Settings(**options))
    try:
        server = Server(emulator, host, port, allowed_hosts)
    except OSError as error:
        print(f"Cannot listen on {host} port {port}: {error}", file=sys.stderr)
        return 1
    # uvicorn raises a signal anew after it has stopped; these handlers make that a quiet end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    print(f"{VARIABLE}='{json.dumps(emulator.connection(server.url))}'", flush=True)
    server.run()
    return 0


def require_extra() -> None:
    """
    Check that the extra ``emulator`` is installed.

    :raises ModuleNotFoundError: it is not; the message has the command that installs it.
    """
    missing = [module for module in EXTRA_MODULES if importlib.util.find_spec(module) is None]
    if missing:
        raise ModuleNotFoundError(MISSING_EXTRA.format(modules=", ".join(missing)))


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_dataworks.emulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a further host name that requests may be for, besides loopback names; may be repeated",
    )
    parser.add_argument("--port", type=_port, default=0, help="port to listen on (default a free one)")
    for name, text in (
        ("run-seconds", "how long a started Full or offline job, or a solution, runs"),
        ("start-lag-seconds", "how long after a start the old status is still shown"),
        ("stop-seconds", "how long a stopped job is Stopping"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=_seconds, default=default, help=f"{text} (default {default:g})")
    for name, text in (("read-qps", "List and Get calls"), ("write-qps", "other calls")):
        default = getattr(defaults, name.replace("-", "_"))
        parser.add_argument(
            f"--{name}",
            type=_whole,
            default=default,
            help=f"{text} a second, 0 = no limit (default {default})",
        )
    parser.add_argument(
        "--require-deploy", action="store_true", help="refuse to start a real-time file that is not deployed"
    )
    parser.add_argument("--project-id", type=_project, default=PROJECT_ID, help="workspace (default %(default)s)")
    parser.add_argument(
        "--access-key-id", type=_key, default=ACCESS_KEY_ID, help="key that it knows (default %(default)s)"
    )
    parser.add_argument(
        "--access-key-secret", type=_key, default=ACCESS_KEY_SECRET, help="its secret (default %(default)s)"
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="default %(default)s",
    )
    return parser


def _seconds(text: str) -> float:
    return _argument(seconds, text, float)


def _whole(text: str) -> int:
    return int(_argument(non_negative_int, text, int))


def _argument(check: object, text: str, kind: type) -> float:
    try:
        return float(check("the value", kind(text)))  # type: ignore[operator]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("it must be a port from 0 to 65535")
    return int(text)


def _project(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 10_000_000_000:
        raise argparse.ArgumentTypeError("it must be a whole number from 1 to 10000000000")
    return int(text)


def _key(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable() or set(text) & set("'\"\\,= "):
        raise argparse.ArgumentTypeError("it must be ASCII without blanks, commas, quotes, = and backslashes")
    return text
