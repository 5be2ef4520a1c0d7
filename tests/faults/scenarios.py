"""Scenarios: what no schedule draws, such as keys that are renewed at a kill, or an answer of a hundred megabytes."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import os
import random
import signal
import threading
import time
import tracemalloc
import urllib.parse
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

from airflow_provider_dataworks.client.transport import MAX_BODY
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.emulator.testing import running_emulator
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksParameterError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.links.dataworks import LINK_KEY
from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger
from tests.benchmarks.throttling import simulate
from tests.faults.task_log import kept_lines
from tests.faults.triggerer import Triggerer, WaitTooLongError
from tests.support.tasks import first_event, make_context, rebuilt, run_task

CONN_ID = "faults_scenario"
JOB = 1001
#: A part of a secret of this length identifies it.
IDENTIFYING = 12
#: So many connections hang at a time; a pool of threads that all share has fewer.
HANGING = 40
#: A wait that is not held up ends within this many seconds, on a busy machine too.
NOT_HELD_UP = 15.0
#: The megabytes of an answer that is small on the wire.
BOMB = 120
#: Requests after which a poller's memory is measured, and bytes that it may have grown by from one to the other.
MEASURED_AFTER, GROWTH = (10, 35), 300_000


@dataclass
class ScenarioReport:
    """What came of a scenario."""

    name: str
    seed: int
    violations: list[str] = field(default_factory=list)


def run_scenarios(seed: int, names: Iterable[str] = ()) -> list[ScenarioReport]:
    """Run scenarios, one after the other; to be called in the main thread, with pauses shortened.

    :param seed: draws what is not fixed.
    :param names: which of :data:`SCENARIOS`; all by default.
    """
    reports = []
    for name in names or SCENARIOS:
        report = ScenarioReport(name, seed)
        reports.append(report)
        with running_emulator() as emulator:
            emulator.settings(read_qps=0, write_qps=0, stop_seconds=0.1)
            _connect(emulator)
            report.violations += SCENARIOS[name](emulator, random.Random(f"{name} {seed}"))
    return reports


def _connect(emulator: EmulatorControl, *, login: str | None = None, password: str | None = None, **extra: Any) -> None:
    given = {**emulator.connection["extra"], "max_qps": 0, "max_attempts": 1, **extra}
    keys = {"login": login, "password": password} if login or "credentials_uri" in extra else {}
    os.environ[f"AIRFLOW_CONN_{CONN_ID.upper()}"] = json.dumps({**emulator.connection, **keys, "extra": given})


# Keys that are being renewed when the task is killed


class _Killed(BaseException):
    """What ends execute on SIGTERM."""


class _SlowSource:
    """Stands in for the vendor's library: gives keys at once, or, while it hangs, when it is released."""

    def __init__(self, emulator: EmulatorControl) -> None:
        self.keys = SimpleNamespace(
            access_key_id=emulator.access_key_id, access_key_secret=emulator.access_key_secret, security_token=None
        )
        self.hangs, self.hanging, self.released = threading.Event(), threading.Event(), threading.Event()

    def get_credential(self) -> Any:
        if self.hangs.is_set():
            self.hanging.set()
            self.released.wait(30)
        return self.keys


def _kill_while_keys_are_renewed(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """A task waits for its job and renews its keys, whose source hangs; SIGTERM: its job is stopped all the same."""
    source = _SlowSource(emulator)
    _connect(emulator, auth_type="credentials_uri", credentials_uri="http://127.0.0.1:9/keys")
    emulator.set_job(JOB, run_seconds=60)
    task = StartDIJobOperator(
        task_id="start", di_job_id=JOB, wait_for_completion=True, poll_interval=0.05, dataworks_conn_id=CONN_ID
    )
    moment = chance.uniform(0.0, 0.1)
    took: list[float] = []

    def kill(*_: Any) -> None:
        began = time.monotonic()
        task.on_kill()
        took.append(time.monotonic() - began)
        raise _Killed

    def act() -> None:
        while not emulator.job(JOB)["starts"]:
            time.sleep(0.02)
        source.hangs.set()
        source.hanging.wait(20)
        time.sleep(moment)
        signal.pthread_kill(main_thread, signal.SIGUSR1)

    main_thread, acting = threading.get_ident(), threading.Thread(target=act, daemon=True)
    before = signal.signal(signal.SIGUSR1, kill)
    try:
        library = mock.patch("alibabacloud_credentials.client.Client", return_value=source)
        with library, contextlib.suppress(_Killed):
            acting.start()
            task.execute(make_context())
    finally:
        source.released.set()
        acting.join(30)
        signal.signal(signal.SIGUSR1, before)
    found = []
    if not emulator.job(JOB)["stops"]:
        found.append("the task was killed while its keys were being renewed, and its job runs on")
    if not took or took[0] > 6:
        found.append(f"on_kill did not end within five seconds: {took}")
    return found


# Connections whose secrets backend hangs


def _secrets_backends_hang(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """Many connections cannot be read; the wait with another one goes on."""
    emulator.set_job(JOB, JobStatus="Finished")
    released, true_get = threading.Event(), DataWorksHook.get_connection

    def get_connection(conn_id: str) -> Any:
        if conn_id.startswith("hangs"):
            released.wait(60)
        return true_get(CONN_ID)

    def wait_with(conn_id: str) -> DIJobStatusTrigger:
        return DIJobStatusTrigger(dataworks_conn_id=conn_id, project_id=10000, di_job_id=JOB, poll_interval=0.1)

    triggerer = Triggerer()
    try:
        with mock.patch.object(DataWorksHook, "get_connection", staticmethod(get_connection)):
            triggerer.stay([wait_with(f"hangs_{number}") for number in range(HANGING)])
            time.sleep(chance.uniform(0.3, 0.5))
            (event,) = triggerer.wait_for([wait_with(CONN_ID)], None, NOT_HELD_UP)
    finally:
        released.set()
        triggerer.stop()
    if isinstance(event, WaitTooLongError):
        return [f"{HANGING} connections that cannot be read held up the wait with another one: {event}"]
    return [] if event.payload["kind"] == "reached" else [f"the wait for a job that is Finished ended: {event}"]


# Answers without bounds


def _huge_body(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """A small answer unpacks to a large one."""
    emulator.add_fault("gzip_bomb", "GetDIJob", megabytes=BOMB)
    tracemalloc.start(1)
    try:
        error = _error_of(lambda: _hook().get_di_job(di_job_id=JOB))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    found = [] if isinstance(error, DataWorksError) else [f"an answer of {BOMB} MB ended in {error!r}"]
    if peak > 1.5 * MAX_BODY_AT_FIRST:
        found.append(f"an answer of {BOMB} MB took {peak / 2**20:.0f} MiB of memory")
    return found


#: Kept, because a mutant changes the limit.
MAX_BODY_AT_FIRST = MAX_BODY


def _endless_list(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """TotalCount is a thousand million, and each page is the same."""
    jobs = [_listed(number) for number in range(2000, 2100)]
    emulator.add_fault(
        "body", "ListDIJobs", count=60, body={"DIJobPaging": {"TotalCount": 10**9, "DIJobs": jobs}}, status=200
    )
    listed = list(_hook().list_di_jobs())
    asked = len(emulator.requests("ListDIJobs"))
    found = [] if len(listed) == len(jobs) else [f"{len(listed)} jobs came of {len(jobs)}"]
    if asked > 10:
        found.append(f"a page that repeats was read {asked} times")
    return found


def _listed(di_job_id: int) -> dict[str, Any]:
    return {"DIJobId": di_job_id, "JobName": f"job {di_job_id}", "JobStatus": "Running", "ProjectId": 10000}


def _jobs_come_and_go(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """Each poll of the list brings a hundred jobs that nobody waits for and that were never seen before."""
    for page in range(MEASURED_AFTER[1] + 25):
        jobs = [_listed(job) for job in (JOB, JOB + 1)] + [_listed(100_000 + page * 100 + n) for n in range(98)]
        emulator.add_fault("body", "ListDIJobs", body={"DIJobPaging": {"TotalCount": 100, "DIJobs": jobs}}, status=200)
    triggers = [
        DIJobStatusTrigger(dataworks_conn_id=CONN_ID, project_id=10000, di_job_id=job, poll_interval=0.02)
        for job in (JOB, JOB + 1)
    ]
    for trigger in triggers:
        emulator.set_job(trigger.target.id, JobStatus="Running")
    triggerer = Triggerer()
    tracemalloc.start(1)
    try:
        triggerer.stay(triggers)
        sizes = []
        for asked in MEASURED_AFTER:
            _wait_for_requests(emulator, asked)
            sizes.append(_held_memory())
    finally:
        tracemalloc.stop()
        triggerer.stop()
    if (grown := sizes[1] - sizes[0]) > GROWTH:
        return [f"memory grew by {grown // 1000} kB within {MEASURED_AFTER[1] - MEASURED_AFTER[0]} polls of the list"]
    return []


def _wait_for_requests(emulator: EmulatorControl, number: int) -> None:
    ends = time.monotonic() + 60
    while len(emulator.requests("ListDIJobs")) < number:
        if time.monotonic() > ends:
            raise AssertionError("the poller does not poll")
        time.sleep(0.1)


def _held_memory() -> int:
    """Bytes of what the package holds, and of the answers that were read for it."""
    statistics = tracemalloc.take_snapshot().statistics("filename")
    return sum(
        one.size
        for one in statistics
        if "/json/" in (name := one.traceback[0].filename)
        or ("airflow_provider_dataworks/" in name and "/emulator/" not in name)
    )


# Strings that others write


TOKEN = "CAISgwJ1q6Ft5B2yfSjI/zR+AkpC8Xw0fOOhd2vGqnaTl+b9Y7L5kfq/Rm1sTNvEwKPo3xZtQ9uVhI6cD4gBy8aS=="
WRITINGS: tuple[Callable[[str], str], ...] = (
    str,
    lambda token: urllib.parse.quote(token, safe=""),
    lambda token: urllib.parse.quote(urllib.parse.quote(token, safe=""), safe=""),
    lambda token: html.escape(token).replace("/", "&#x2F;").replace("+", "&#43;"),
    lambda token: json.dumps(token).replace("/", "\\/"),
    lambda token: f"{token[:16]}...",
)


def _secrets_are_quoted(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """Errors of the service and pages of a proxy quote the token, encoded in one way or another."""
    key = {"access_key_id": "STS.scenario", "access_key_secret": "scenario-secret-0123456789", "security_token": TOKEN}
    emulator.settings(sts=[key])
    _connect(
        emulator,
        login=key["access_key_id"],
        password=key["access_key_secret"],
        auth_type="sts",
        security_token=TOKEN,
    )
    found = []
    for number, writing in enumerate(WRITINGS):
        quoted = writing(TOKEN)
        places: tuple[dict[str, Any], ...] = (
            {"body": {"Code": "Forbidden.Access", "Message": f"refused: {quoted}"}},
            {"body": {"Code": f"Forbidden.{quoted}", "Message": "refused"}},
            {"body": {"Code": "Forbidden.Access", "Message": "refused", "RequestId": quoted}},
            {"kind": "raw", "body": f"<html><p>{quoted}</p></html>", "content_type": "text/html"},
        )
        for place in places:
            emulator.add_fault(**{"kind": "error", "action": "GetDIJob", "status": 403, **place})
            error = _error_of(lambda: _hook().get_di_job(di_job_id=JOB))
            if isinstance(error, DataWorksError) and "HTTP status none" not in str(error):
                if _identifies(str(error), TOKEN):
                    found.append(f"writing {number} of a token gets into an error: {error}")
            else:
                found.append(f"a refusal ended in {error!r}")
    return found


def _identifies(text: str, secret: str) -> bool:
    plain = text.replace("\\/", "/")
    for _ in range(3):
        plain = html.unescape(urllib.parse.unquote(plain))
    parts = {secret[start : start + IDENTIFYING] for start in range(len(secret) - IDENTIFYING + 1)}
    return any(part in plain or part in text for part in parts)


def _control_characters(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """What a failed job says has escape sequences and changes of the writing direction."""
    odd = chance.choice(("\x1b[2J\x1b[31m", "\x9b31m", "\x1b]0;title\x07", "\u202e", "\x00\x08", "one\r\ntwo\u2028"))
    found = []
    emulator.add_fault("error", "GetDIJob", status=403, body={"Code": "Forbidden.Access", "Message": f"no {odd}access"})
    emulator.set_job(JOB, JobStatus="Failed", ErrorMessage=f"table {odd}missing")
    sensing: dict[str, Any] = {
        "task_id": "sense",
        "di_job_id": JOB,
        "poke_interval": 0.05,
        "dataworks_conn_id": CONN_ID,
    }
    trigger = DIJobStatusTrigger(
        dataworks_conn_id=CONN_ID, project_id=10000, di_job_id=JOB, poll_interval=0.05, end_from_trigger=True
    )
    with kept_lines() as log:
        errors = [
            _error_of(lambda: _hook().get_di_job(di_job_id=JOB)),
            _error_of(lambda: run_task(DIJobStatusSensor(timeout=20, **sensing))),
        ]
        # It logs itself why the job failed, because no worker does.
        asyncio.run(first_event(rebuilt(trigger)))
    for error in errors:
        if not isinstance(error, DataWorksError):
            found.append(f"a refusal or a failed job ended in {error!r}")
        elif not all(line.isprintable() for line in str(error).split("\n")):
            found.append(f"control characters get into an error: {str(error)!r}")
    found += [f"control characters get into the log: {line!r}" for line in log if not line.isprintable()]
    return found


def _region_that_is_none(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """A task's region_id would lead the console's link elsewhere."""
    region = chance.choice(("@evil.example/", "x/../..", "cn-shanghai?to=", "cn shanghai", "evil.example#"))
    context = make_context()

    def start() -> None:
        task = StartDIJobOperator(task_id="start", di_job_id=JOB, region_id=region, dataworks_conn_id=CONN_ID)
        task.execute(context)

    error = _error_of(start)
    if isinstance(error, DataWorksParameterError):
        return []
    return [f"region_id {region!r} was taken ({error!r}); the link is {context['pushed'].get(LINK_KEY)}"]


# Processes that share a limit


def _processes_share_a_limit(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """Sixteen processes, each at 4 requests a second, against an edition of 5; simulated, with a clock of its own."""
    result = simulate(processes=16, per_second=4, edition=5, seconds=600)
    found = [f"{result.failed_calls} calls failed, although each was only throttled"] if result.failed_calls else []
    if result.throttled_share >= 0.16:
        found.append(f"{result.throttled_share:.0%} of the requests were throttled")
    return found


def _processes_come_back_together(emulator: EmulatorControl, chance: random.Random) -> list[str]:
    """Many calls are throttled in the same moment: their next attempts are spread."""
    pauses: list[float] = []
    hook = _hook(max_attempts=2)
    hook.client.sleep = pauses.append
    emulator.add_fault("error", "GetDIJob", status=503, code="ServiceUnavailable", count=-1)
    for _ in range(40):
        with contextlib.suppress(DataWorksError):
            hook.get_di_job(di_job_id=JOB)
    longest = max(pauses)
    most = max(sum(one <= other <= one + longest / 10 for other in pauses) for one in pauses)
    # A tenth of the time has a tenth of them; half of them by chance is out of the question.
    return [f"{most} of {len(pauses)} attempts come within a tenth of the time"] if most > len(pauses) / 2 else []


def _hook(**settings: Any) -> DataWorksHook:
    hook = DataWorksHook(CONN_ID)
    return hook.with_settings(**settings) if settings else hook


def _error_of(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
        return error
    return None


SCENARIOS: dict[str, Callable[[EmulatorControl, random.Random], list[str]]] = {
    "kill while keys are renewed": _kill_while_keys_are_renewed,
    "secrets backends hang": _secrets_backends_hang,
    "huge body": _huge_body,
    "endless list": _endless_list,
    "jobs come and go": _jobs_come_and_go,
    "secrets are quoted": _secrets_are_quoted,
    "control characters": _control_characters,
    "region that is none": _region_that_is_none,
    "processes share a limit": _processes_share_a_limit,
    "processes come back together": _processes_come_back_together,
}
