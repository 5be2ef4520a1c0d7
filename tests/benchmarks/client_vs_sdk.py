"""The client beside the official SDK, unmodified: same server, alternating runs, ratios of neighbours.

* a fresh interpreter from its start to its first ListDIJobs answer: wall time and peak memory;
* CPU time of a warm ListDIJobs call with 100 jobs in the answer;
* signatures a second.

The first is shown beside what it is made of: Python alone, the standard library's HTTP client, the requests library.
The goal for memory cannot be met by any client that has loaded as much as ``http.client``, as its line shows.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from alibabacloud_dataworks_public20200518.client import Client
from alibabacloud_dataworks_public20200518.models import ListDIJobsRequest
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_openapi.utils import Utils
from requests import Request

from airflow_provider_dataworks.client.catalog.v2020_05_18 import LIST_DI_JOBS
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.client.credentials import Credentials, StaticCredentials
from airflow_provider_dataworks.client.signing import ALGORITHM, ACS3Auth
from airflow_provider_dataworks.emulator.control import EmulatorControl
from tests.benchmarks.measuring import Line, at_most, median_ratio, print_table
from tests.support.emulator_process import emulator_process

PROGRAM = Path(__file__).parent / "fresh" / "first_answer.py"
FRESH_ROUNDS = 15
WARM_ROUNDS, CALLS_A_ROUND = 30, 20
SIGNING_ROUNDS, SIGNATURES_A_ROUND = 20, 500
JOBS = 100


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log_file = Path(folder) / "emulator.log"
        with emulator_process(log_file, "--read-qps", "0", "--log-level", "warning") as emulator:
            control = emulator.control
            control.add_jobs({"JobName": f"job_{number}"} for number in range(JOBS - len(control.jobs())))
            print_table("From an interpreter's start to its first ListDIJobs answer", fresh(control))
            print_table(f"A warm ListDIJobs call, {JOBS} jobs in the answer", warm(control))
            print_table("Signing", signing(control))


def fresh(control: EmulatorControl) -> list[Line]:
    """Measure fresh interpreters, one program after the other, again and again."""
    programs = ("client", "sdk", "requests", "http_client", "interpreter")
    walls: dict[str, list[float]] = {program: [] for program in programs}
    peaks: dict[str, list[float]] = {program: [] for program in programs}
    for _ in range(FRESH_ROUNDS):
        for program in programs:
            began = time.monotonic()
            answered, peak = _run_program(program, control)
            walls[program].append(answered - began)
            peaks[program].append(peak)
    lines = [
        at_most("wall time, client / SDK", median_ratio(walls["client"], walls["sdk"]), 0.25),
        at_most("peak memory, client / SDK", median_ratio(peaks["client"], peaks["sdk"]), 0.25),
    ]
    names = {
        "client": "client",
        "sdk": "SDK",
        "requests": "`import requests` alone",
        "http_client": "`import http.client` alone",
        "interpreter": "Python alone",
    }
    for program, name in names.items():
        ratio = f"{median_ratio(peaks[program], peaks['sdk']):.2f} of the SDK's memory"
        wall, peak = statistics.median(walls[program]), statistics.median(peaks[program]) / 1024
        lines.append(Line(f"  {name}", f"{wall * 1000:.0f} ms   {peak:.1f} MiB   {ratio}"))
    return lines


def _run_program(program: str, control: EmulatorControl) -> tuple[float, float]:
    arguments = [program, control.url, control.access_key_id, control.access_key_secret, str(control.project_id)]
    command = [sys.executable, str(PROGRAM), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answered, peak = map(float, done.stdout.split())
    return answered, peak


def warm(control: EmulatorControl) -> list[Line]:
    """Measure the CPU time of warm calls of one process."""
    body = {"ProjectId": control.project_id, "PageNumber": 1, "PageSize": 100}
    ours = DataWorksClient(control.url, _credentials(control))
    theirs = Client(
        Config(
            access_key_id=control.access_key_id,
            access_key_secret=control.access_key_secret,
            endpoint=control.url.removeprefix("http://"),
            protocol="http",
        )
    )

    def call_ours() -> int:
        return len(ours.call(LIST_DI_JOBS, body)["DIJobPaging"]["DIJobs"])

    def call_theirs() -> int:
        request = ListDIJobsRequest(project_id=control.project_id, page_number=1, page_size=100)
        return len(theirs.list_dijobs(request).body.dijob_paging.dijobs)

    assert call_ours() == call_theirs() == JOBS
    mine, other = _alternate(call_ours, call_theirs, WARM_ROUNDS, CALLS_A_ROUND)
    ours.close()
    return [
        at_most("CPU time, client / SDK", median_ratio(mine, other), 0.9),
        Line("  client", f"{statistics.median(mine) * 1000:.2f} ms"),
        Line("  SDK", f"{statistics.median(other) * 1000:.2f} ms"),
    ]


def signing(control: EmulatorControl) -> list[Line]:
    """Measure the signing of one prepared ListDIJobs request: date, nonce, body hash and signature."""
    body = f"PageNumber=1&PageSize=100&ProjectId={control.project_id}"
    headers = {
        "accept": "application/json",
        "content-type": "application/x-www-form-urlencoded",
        "x-acs-action": "ListDIJobs",
        "x-acs-version": "2020-05-18",
    }
    prepared = Request("POST", f"{control.url}/", headers=headers, data=body).prepare()
    credentials = _credentials(control).get()
    like_the_sdks = SimpleNamespace(method="POST", pathname="/", query={}, headers={})

    def sign_ours() -> None:
        ACS3Auth(credentials)(prepared)

    def sign_theirs() -> None:
        _sign_as_the_sdk(like_the_sdks, headers, body, control)

    mine, other = _alternate(sign_ours, sign_theirs, SIGNING_ROUNDS, SIGNATURES_A_ROUND)
    return [
        Line("CPU time, client / SDK", f"{median_ratio(mine, other):.2f}"),
        Line("  client", f"{1 / statistics.median(mine):,.0f} a second"),
        Line("  SDK", f"{1 / statistics.median(other):,.0f} a second"),
    ]


def _sign_as_the_sdk(request: Any, headers: Mapping[str, str], body: str, control: EmulatorControl) -> None:
    """The steps of the SDK's own do_request, with the SDK's own functions."""
    request.headers = {
        "host": control.url.removeprefix("http://"),
        "user-agent": Utils.get_user_agent(""),
        "x-acs-date": Utils.get_timestamp(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        **headers,
    }
    payload = Utils.hash(body.encode(), ALGORITHM).hex()
    request.headers["x-acs-content-sha256"] = payload
    key, secret = control.access_key_id, control.access_key_secret
    request.headers["Authorization"] = Utils.get_authorization(request, ALGORITHM, payload, key, secret)


def _credentials(control: EmulatorControl) -> StaticCredentials:
    return StaticCredentials(Credentials(control.access_key_id, control.access_key_secret))


def _alternate(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, calls: int
) -> tuple[list[float], list[float]]:
    """Run both in turn; give the CPU seconds a call of each round."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for function, spent in zip((ours, theirs), seconds, strict=True):
            began = time.process_time()
            for _ in range(calls):
                function()
            spent.append((time.process_time() - began) / calls)
    return seconds


if __name__ == "__main__":
    main()
