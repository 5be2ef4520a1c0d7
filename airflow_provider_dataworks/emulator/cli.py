"""The command line of the emulator."""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from airflow_provider_dataworks.emulator.editions import EDITIONS
from airflow_provider_dataworks.emulator.settings import (
    ACCESS_KEY_ID,
    ACCESS_KEY_SECRET,
    FOLDERS,
    OF_EDITION,
    PROJECT_ID,
    RESOURCE_GROUPS,
    STS_ACCESS_KEY_ID,
    STS_ACCESS_KEY_SECRET,
    STS_SECURITY_TOKEN,
    Settings,
    non_negative_int,
    seconds,
)
from airflow_provider_dataworks.emulator.standalone import CONN_ID, DAGS, HOME, VARIABLE, Airflow, StandaloneError, run

API_VERSIONS = ("2020-05-18", "2024-05-18")
OF_AIRFLOW = {"dags": "--dags", "home": "--home", "web_port": "--web-port", "conn_ids": "--conn-id"}
EXTRA_MODULES = ("starlette", "uvicorn", "alibabacloud_tea_openapi")
MISSING_EXTRA = (
    "The emulator needs packages that are not installed ({modules}). "
    "Install them with: pip install 'airflow-provider-dataworks[emulator]'"
)
DESCRIPTION = f"""\
An emulator of DataWorks: Data Integration in the OpenAPI 2020-05-18 and, for DI jobs and batch
nodes, 2024-05-18, both at once, for demos and tests.
No data leaves this machine.

It prints one line on standard output, {VARIABLE}='...',
the Airflow connection dataworks_default to the emulator, and serves until
SIGINT or SIGTERM. Logs go to standard error.

With --standalone it also runs `airflow standalone` of this environment (Airflow 2.11 or newer) until
one of the two ends, or SIGINT or SIGTERM ends both.
"""
EPILOG = f"""\
the initial state is one workspace, {PROJECT_ID} (--project-id), with

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

  NodeId   NodeName                          FileId; Id in 2024-05-18 is 700000000000000NODEID
  4001     orders_batch                      2003; deployed, run by calls alone
  4002     orders_nightly                    2004; scheduled daily at 00:05, Asia/Shanghai
  4003     orders_hourly                     2005; scheduled hourly
  4004     orders_frozen                     2006; scheduled daily, frozen
  4005     orders_dry_run                    2007; scheduled daily, dry run
  4006     orders_trigger                    2008; waits for RunTriggerNode each day
  4007     orders_batch_bad                  2009; its runs fail

  data sources     demo_mysql, demo_hologres, demo_hive, odps_first

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
  GET    /_emulator/files               the same for files, nodes, node_instances, node_runs, deployments,
                                        pipeline_runs, operations, data_sources
  PATCH  /_emulator/settings            run_seconds, start_lag_seconds, stop_seconds, edition, read_qps, write_qps,
                                        total_qps, daily_calls, clock_skew_seconds, null_page, ids_as_text,
                                        message_beside_success, start_running ("refuse", "ignore"),
                                        rerun_finished_full, skip_seconds, separate_versions, require_deploy,
                                        config_seconds, require_generated_content, time_zone, creation_seconds,
                                        list_lag_seconds, run_waits_for_reruns, numbered_task_types, logs_purged,
                                        deploy_seconds, workspace_mode ("standard", "basic"), folders,
                                        resource_groups, any_folder, sts
  POST   /_emulator/advance             {{"seconds": 3600}}: the emulator's time is so much later; perhaps before
                                        (the action before whose next request that happens), skip
  GET    /_emulator/connection          the Airflow connection
  POST   /_emulator/reset               restore the initial state

example, with the port that is in the printed line:

  python -m airflow_provider_dataworks.emulator --port 8480 --run-seconds 5 > connection.env &
  set -a; . ./connection.env; set +a
  airflow connections test dataworks_default
  curl -s -H 'Content-Type: application/json' -d '{{"kind": "throttle", "action": "StartDIJob"}}' \\
    http://127.0.0.1:8480/_emulator/faults
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run the emulator until it is stopped.

    :param arguments: the command line; default that of the process.
    :return: exit code.
    """
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    host, port, log_level = options.pop("host"), options.pop("port"), options.pop("log_level")
    allowed_hosts = options.pop("allow_host")
    standalone, of_airflow = options.pop("standalone"), {name: options.pop(name) for name in OF_AIRFLOW}
    given = {name: value for name, value in of_airflow.items() if value is not None}
    if given and not standalone:
        parser.error(f"{OF_AIRFLOW[next(iter(given))]} needs --standalone")
    try:
        require_extra()
        airflow = Airflow(**given) if standalone else None
    except (ModuleNotFoundError, StandaloneError) as error:
        print(error, file=sys.stderr)
        return 1
    logging.basicConfig(
        handlers=[
            logging.StreamHandler(sys.stderr)
            if airflow is None
            else logging.FileHandler(airflow.emulator_log, "w", delay=True)
        ],
        level=log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    from airflow_provider_dataworks.emulator.emulator import Emulator
    from airflow_provider_dataworks.emulator.http.server import Server

    emulator = Emulator(Settings(**options))
    try:
        server = Server(emulator, host, port, allowed_hosts)
    except OSError as error:
        print(f"Cannot listen on {host} port {port}: {error}", file=sys.stderr)
        if airflow is not None:
            airflow.close()
        return 1
    connection = json.dumps(emulator.connection(server.url))
    if airflow is not None:
        return run(airflow, server, connection)
    # uvicorn raises a signal again after it has stopped; these handlers make that a normal exit.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.stop())
    print(f"{VARIABLE}='{connection}'", flush=True)
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
    for name, description in (
        ("run-seconds", "how long a started Full or offline job, or a solution, runs"),
        ("start-lag-seconds", "how long after a start the old status is still shown"),
        ("stop-seconds", "how long a stopped job is Stopping"),
    ):
        default = getattr(defaults, name.replace("-", "_"))
        parser.add_argument(f"--{name}", type=_seconds, default=default, help=f"{description} (default {default:g})")
    parser.add_argument(
        "--edition",
        choices=tuple(EDITIONS),
        default=defaults.edition,
        help="what it refuses, and the limits below (default %(default)s); below enterprise, the DIJob actions of "
        "2020-05-18 are refused",
    )
    for name, description in (
        ("read-qps", "List and Get calls a second"),
        ("write-qps", "other calls a second"),
        ("total-qps", "calls of both sorts a second"),
        ("daily-calls", "calls a day"),
    ):
        limits = ", ".join(f"{edition} {getattr(quota, name.replace('-', '_'))}" for edition, quota in EDITIONS.items())
        parser.add_argument(
            f"--{name}", type=_whole, default=OF_EDITION, help=f"{description}, 0 = no limit (default: {limits})"
        )
    parser.add_argument(
        "--require-deploy", action="store_true", help="refuse to start a real-time file that is not deployed"
    )
    parser.add_argument(
        "--any-folder",
        action="store_true",
        help="accept every FileFolderPath and ResourceGroup of a sync task (default: those below)",
    )
    parser.add_argument("--project-id", type=_project, default=PROJECT_ID, help="workspace (default %(default)s)")
    parser.add_argument(
        "--api-version",
        choices=API_VERSIONS,
        help="API version that the printed connection names (default: none, which is the provider's default); "
        "both versions are served all the same",
    )
    parser.add_argument(
        "--access-key-id", type=_key, default=ACCESS_KEY_ID, help="accepted AccessKey ID (default %(default)s)"
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
    airflow = parser.add_argument_group("Airflow beside it")
    airflow.add_argument(
        "--standalone", action="store_true", help="also run Airflow, with all that it starts, until one of the two ends"
    )
    airflow.add_argument("--dags", metavar="FOLDER", type=Path, help=f"DAG folder (default {DAGS})")
    airflow.add_argument(
        "--home",
        metavar="FOLDER",
        type=Path,
        help=f"Airflow home, with its database and logs (default {HOME}, never that of AIRFLOW_HOME)",
    )
    airflow.add_argument(
        "--web-port", metavar="PORT", type=_port, help="port of Airflow's user interface (default a free one)"
    )
    airflow.add_argument(
        "--conn-id",
        metavar="ID",
        dest="conn_ids",
        action="append",
        help=f"a further connection to the emulator, beside {CONN_ID}; may be repeated",
    )
    return parser


def _seconds(value: str) -> float:
    return _argument(seconds, value, float)


def _whole(value: str) -> int:
    return int(_argument(non_negative_int, value, int))


def _argument(check: object, value: str, kind: type) -> float:
    try:
        return float(check("the value", kind(value)))  # type: ignore[operator]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _port(value: str) -> int:
    if not value.isdigit() or int(value) > 65535:
        raise argparse.ArgumentTypeError("it must be a port from 0 to 65535")
    return int(value)


def _project(value: str) -> int:
    if not value.isdigit() or not 1 <= int(value) <= 10_000_000_000:
        raise argparse.ArgumentTypeError("it must be a whole number from 1 to 10000000000")
    return int(value)


def _key(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable() or set(value) & set("'\"\\,= "):
        raise argparse.ArgumentTypeError("it must be ASCII without blanks, commas, quotes, = and backslashes")
    return value
