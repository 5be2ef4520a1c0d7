"""Faults put back into the package, one each, to see whether the campaign notices."""

from __future__ import annotations

import asyncio
import contextvars
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from airflow_provider_dataworks import exceptions
from airflow_provider_dataworks.client import assumptions, rate_limiter, responses, retry, transport
from airflow_provider_dataworks.client import client as client_module
from airflow_provider_dataworks.client import credentials as credentials_module
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import ApiError
from airflow_provider_dataworks.client.runs import new_run_shows, normal_status
from airflow_provider_dataworks.hooks import base as base_module
from airflow_provider_dataworks.hooks import dataworks as hook_module
from airflow_provider_dataworks.hooks import di_jobs as jobs_module
from airflow_provider_dataworks.hooks.errors import from_client
from airflow_provider_dataworks.operators import data_integration as operator_module
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.waiting import run_store, starting, stopping
from airflow_provider_dataworks.waiting.di_job import DIJobTarget, snapshot_of
from airflow_provider_dataworks.waiting.target import Evaluation, StatusSnapshot, WaitState
from tests.faults import killed_task
from tests.faults.fast_clock import package_modules
from tests.faults.kills import NODE_LAG, KillPlan, make_kill_plan
from tests.faults.schedule import POLL_BESIDE_OTHERS, RUN_NODE, Step


@dataclass(frozen=True)
class Mutant:
    """A fault of the package.

    :param name: what it does.
    :param put_back: makes the package do it.
    :param meets: whether a step may show it.
    :param noticed: what the campaign says of it.
    :param slow: whether it takes as long to notice as the campaign waits for what does not come.
    :param at: schedules and steps, by seed and number, that show it.
    """

    name: str
    put_back: Callable[[pytest.MonkeyPatch], None]
    meets: Callable[[Step], bool]
    noticed: str
    at: tuple[tuple[int, int], ...]
    slow: bool = False


def _aims(step: Step, action: str, *labels: str) -> bool:
    return any(fault.label in labels and fault.action == action and fault.skip == 0 for fault in step.faults)


def _blind_repeat(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(base_module.DataWorksBaseHook, "_confirm_by_reading", lambda *_, **__: lambda error: None)


def _last_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DIJobTarget, "shows_new_run", lambda *_: True)


def _searches_for_no_run(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hook_module.DataWorksHook, "find_node_run", lambda self, **_: None)
    patch.setattr(assumptions, "RUN_SHOWS_AFTER", (0.0,))


def _careless(patch: pytest.MonkeyPatch) -> None:
    evaluate = DIJobTarget.evaluate

    def careless(self: Any, snapshot: StatusSnapshot, **what: bool) -> Evaluation:
        result = evaluate(self, snapshot, **what)
        return replace(result, state=WaitState.SUCCEEDED) if result.state is WaitState.FAILED else result

    patch.setattr(DIJobTarget, "evaluate", careless)


def _new_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operator_module, "client_token_for", lambda _: uuid.uuid4().hex)


def _lost_request_id(patch: pytest.MonkeyPatch) -> None:
    def forgetful(error: Any, key_source: str = "") -> exceptions.DataWorksError:
        error.request_id = None
        return from_client(error, key_source)

    patch.setattr(base_module, "from_client", forgetful)


def _forgets_after_success(patch: pytest.MonkeyPatch) -> None:
    for name in ("execute", "execute_complete"):
        patch.setattr(operator_module.StartDIJobOperator, name, _forgetting(name))


def _forgetting(name: str) -> Any:
    method = getattr(operator_module.StartDIJobOperator, name)

    def run(self: Any, context: Any, *more: Any, **named: Any) -> Any:
        value = method(self, context, *more, **named)
        if (store := context.get("task_state_store")) is not None:
            store.delete(run_store.KEY)
        return value

    return run


def _keeps_note_of_no_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_store.RunStore, "withdraw", lambda self: None)


def _takes_miss_for_absence(patch: pytest.MonkeyPatch) -> None:
    def find(self: Any, project: int, job_id: int, name: str | None) -> Any:
        for job in self._jobs_named_like(project, name):
            if job.id == job_id:
                return job
        raise exceptions.job_not_found(f"with id {job_id}", project)

    patch.setattr(hook_module.DataWorksHook, "_find_by_id", find)


def _loses_race(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(starting.Starter, "_poll_after_refusal", lambda *_: None)


def _no_limit_by_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transport.Exchange, "run", lambda self, seconds, work: work())


def _no_cap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(responses, "LONGEST_WAIT", 1e9)
    patch.setattr(client_module, "MAX_THROTTLED", 1e9)


def _raw_errors(patch: pytest.MonkeyPatch) -> None:
    def read(action: str, answer: Any) -> Any:
        return read_response(action, answer) if answer.body is None else answer.body.decode("idna") and {}

    read_response = responses.read_response
    patch.setattr(client_module._Call, "_exchange", _unguarded(client_module._Call._exchange, read))


def _unguarded(exchange: Any, read: Any) -> Any:
    def run(self: Any, *arguments: Any) -> Any:
        try:
            return exchange(self, *arguments)
        except ApiError as error:
            if "cannot be read" in error.message or "no JSON" in error.message:
                raise UnicodeError("undefined encoding") from None
            raise

    return run


def _hands_over_old_readings(patch: pytest.MonkeyPatch) -> None:
    first: dict[tuple[str, int], StatusSnapshot] = {}
    join, read_di_job = poller_module.Poller.join, hook_module.DataWorksHook.read_di_job

    def keeping(self: Any, **arguments: Any) -> Any:
        job = read_di_job(self, **arguments)
        first.setdefault((self.dataworks_conn_id, job.id), snapshot_of(job, exact=False))
        return job

    def joined(self: Any, subscription: Any) -> None:
        join(self, subscription)
        if kept := first.get((self._key.dataworks_conn_id, subscription.target.id)):
            subscription.publish(kept)

    patch.setattr(hook_module.DataWorksHook, "read_di_job", keeping)
    patch.setattr(poller_module.Poller, "join", joined)


def _one_failure_fails_all(patch: pytest.MonkeyPatch) -> None:
    fail = poller_module.Poller._fail

    def failing(self: Any, current: Any, keys: Any, error: Any) -> None:
        fail(self, current, keys, error)
        for group in self._subscriptions.values():
            for subscription in group:
                subscription.budget.failures = subscription.budget.max_failures
                subscription.fail(error)

    patch.setattr(poller_module.Poller, "_fail", failing)


def _new_run_that_was_seen_is_not_known(patch: pytest.MonkeyPatch) -> None:
    def is_of_new_run(self: Any, snapshot: StatusSnapshot) -> bool:
        moved = snapshot.started != self.old_started_time
        return moved or normal_status(snapshot.status) != normal_status(self.old_status)

    patch.setattr(DIJobTarget, "_is_of_new_run", is_of_new_run)


def _refusals_by_id_do_not_count(patch: pytest.MonkeyPatch) -> None:
    fail = poller_module.Poller._fail

    def failing(self: Any, current: Any, keys: Any, error: Any) -> None:
        if error.action != "GetDIJob":
            fail(self, current, keys, error)

    patch.setattr(poller_module.Poller, "_fail", failing)


def _running_proves_start(patch: pytest.MonkeyPatch) -> None:
    def shows(status: str | None, started: Any, old_status: str | None, old_started: Any) -> bool:
        return status == "Running" or new_run_shows(status, started, old_status, old_started)

    patch.setattr(jobs_module, "new_run_shows", shows)


MUTANTS = (
    Mutant(
        "blind repeat of a start",
        _blind_repeat,
        lambda step: step.kind == "start job" and _aims(step, "StartDIJob", "5xx after", "reset after"),
        "started [2-9] runs|start requests were accepted for",
        ((558, 2), (565, 0)),
    ),
    Mutant(
        "success of the run before",
        _last_run,
        lambda step: step.kind == "start job" and step.jobs[0].lag > 0 and step.jobs[0].status == "Finished",
        "succeeded before its run got there",
        ((2, 3), (5, 0)),
    ),
    Mutant(
        "success of a job that failed",
        _careless,
        lambda step: step.kind == "start job" and step.jobs[0].outcome == "Failed" and step.wait,
        "succeeded although the run ended Failed",
        ((21, 0),),
    ),
    Mutant(
        "new client token at each try",
        _new_token,
        lambda step: step.kind == "create" and step.fails_after > 0,
        "client tokens in one run",
        ((3, 0),),
    ),
    Mutant(
        "lost RequestId",
        _lost_request_id,
        lambda step: step.kind == "create by hook" and _aims(step, "CreateDISyncTask", "final refusal"),
        "has no RequestId although the server gave one",
        ((569, 3), (87, 1)),
    ),
    Mutant(
        "note deleted after success",
        _forgets_after_success,
        lambda step: step.kind == "start job" and step.store and step.fails_after > 0 and not step.faults and step.wait,
        "starts over . tries, although each run ended well",
        ((184, 0), (103, 2)),
    ),
    Mutant(
        "foreign run adopted after a start that was not executed",
        _keeps_note_of_no_start,
        lambda step: step.kind == "contested start" and step.store and _aims(step, "StartDIJob", "503 unavailable"),
        "does not say that it attached|stopped a run that somebody else started|was not its own",
        ((9, 2), (3, 3)),
    ),
    Mutant(
        "a miss on a page that shifted means absence",
        _takes_miss_for_absence,
        lambda step: step.shift and not step.by_name,
        "failed without any fault: There is no such DI job",
        ((171, 0), (41, 3)),
    ),
    Mutant(
        "who loses the race for a start fails",
        _loses_race,
        lambda step: step.race,
        "is called permanent, and would have passed",
        ((42, 1), (87, 2)),
    ),
    Mutant(
        "no limit by the clock",
        _no_limit_by_clock,
        lambda step: any(fault.kind == "drip" and not fault.skip for fault in step.faults),
        "a try took",
        ((26, 0),),
        slow=True,
    ),
    Mutant(
        "hours of silence",
        _no_cap,
        lambda step: any(fault.label == "hour-long wait" for fault in step.faults),
        "was going to pause for",
        ((7, 2), (3, 2)),
    ),
    Mutant(
        "odd answers end in raw exceptions",
        _raw_errors,
        lambda step: any(fault.label == "odd body" for fault in step.faults),
        "is none of ours",
        ((6, 2), (2, 1)),
    ),
    Mutant(
        "Running proves a start",
        _running_proves_start,
        lambda step: step.kind == "start by hook" and step.jobs[0].status == "Running" and bool(step.faults),
        "says that it started the job, and no start",
        ((28, 3), (33, 2)),
    ),
    Mutant(
        "a reading from before the start ends the wait",
        _hands_over_old_readings,
        lambda step: (
            step.kind == "sensor"
            and step.started_by_operator
            and step.deferred
            and step.poll_seconds == POLL_BESIDE_OTHERS
            and step.jobs[0].status != "Initialized"
            and not step.faults
        ),
        "before the job|the sensor returned|the sensor failed although",
        ((0, 1), (34, 1), (192, 2), (47, 3)),
    ),
    Mutant(
        "one unreadable job ends every wait",
        _one_failure_fails_all,
        lambda step: step.kind == "unreadable neighbour",
        "about another job|that can be read ended",
        ((48, 3), (51, 0)),
    ),
    Mutant(
        "a run without StartedTime that nobody saw is waited for",
        _new_run_that_was_seen_is_not_known,
        lambda step: (
            step.wait and step.deferred and any(plan.timeless and plan.outcome == plan.status for plan in step.jobs)
        ),
        "waited for what did not come",
        ((283, 0),),
        slow=True,
    ),
    Mutant(
        "refusals after the deferral do not count",
        _refusals_by_id_do_not_count,
        lambda step: step.kind == "refused after deferral" and step.jobs[0].status == "Finished",
        "waited for what did not come",
        ((0, 0), (5, 2)),
        slow=True,
    ),
    Mutant(
        "no run is searched for by its name",
        _searches_for_no_run,
        lambda step: (
            step.node is not None
            and step.node.outcome == "SUCCESS"
            and any(_aims(step, action[0], "5xx after", "reset after") for action in RUN_NODE.values())
        ),
        "made a run although an earlier one has not failed|runs over . tries, although each ended well",
        ((201, 4), (245, 2)),
    ),
)


# What scenarios notice


@dataclass(frozen=True)
class ScenarioMutant:
    """A fault of the package that a scenario meets.

    :param name: what it does.
    :param put_back: makes the package do it.
    :param scenario: what it shows in.
    :param noticed: what is said of it.
    :param slow: whether it takes as long to notice as the scenario waits for what does not come.
    """

    name: str
    put_back: Callable[[pytest.MonkeyPatch], None]
    scenario: str
    noticed: str
    slow: bool = False


def _waits_for_the_lock(patch: pytest.MonkeyPatch) -> None:
    for name in ("_WAIT_WITH_LAST_KEYS", "_WAIT_WITHOUT"):
        patch.setattr(credentials_module, name, 1e6)


def _shares_threads(patch: pytest.MonkeyPatch) -> None:
    # As many as asyncio's own pool has at most.
    pool = ThreadPoolExecutor(32)

    def start_call(function: Callable[[], Any]) -> Any:
        return asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, function)

    patch.setattr(poller_module, "start_call", start_call)


def _unpacks_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(transport, "MAX_BODY", 2**40)


def _believes_the_count(patch: pytest.MonkeyPatch) -> None:
    def pages(read: Any, size: int, key: Any, action: str) -> Any:
        number, seen = 0, set[Any]()
        while True:
            number += 1
            page, total = read(number)
            yield from [entry for entry in page if key(entry) not in seen]
            seen.update(map(key, page))
            if number * size >= (total or 0):
                return

    patch.setattr(base_module.DataWorksBaseHook, "_pages", staticmethod(pages))


def _keeps_every_job(patch: pytest.MonkeyPatch) -> None:
    read_page, kept = jobs_module.DIJobsHook.list_di_jobs_page, {}

    def read(self: Any, **arguments: Any) -> Any:
        page = read_page(self, **arguments)
        kept.update({job.id: job for job in page.jobs})
        return page

    patch.setattr(jobs_module.DIJobsHook, "list_di_jobs_page", read)


def _takes_out_plain_secrets(patch: pytest.MonkeyPatch) -> None:
    def redact(text: str, secrets: Iterable[str | None]) -> str:
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return text

    patch.setattr(client_module, "redact", redact)


def _passes_on_control_characters(patch: pytest.MonkeyPatch) -> None:
    for module in package_modules():
        if hasattr(module, "printable"):
            patch.setattr(module, "printable", str)


def _takes_any_region(patch: pytest.MonkeyPatch) -> None:
    for module in package_modules():
        if hasattr(module, "is_region_id"):
            patch.setattr(module, "is_region_id", lambda _: True)


def _keeps_its_rate(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rate_limiter.RateLimiter, "throttled", lambda self: None)


def _pauses_without_jitter(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(retry, "backoff", lambda attempt, longest: min(2.0 ** (attempt - 1), longest))


SCENARIO_MUTANTS = (
    ScenarioMutant(
        "a kill waits for the keys that its task renews",
        _waits_for_the_lock,
        "kill while keys are renewed",
        "and its job runs on",
    ),
    ScenarioMutant(
        "all connections share a pool of threads",
        _shares_threads,
        "secrets backends hang",
        "held up the wait with another one",
        slow=True,
    ),
    ScenarioMutant("whatever is packed is unpacked", _unpacks_everything, "huge body", "MiB of memory"),
    ScenarioMutant("TotalCount is believed", _believes_the_count, "endless list", "was read [0-9]+ times"),
    ScenarioMutant("all jobs that were listed are kept", _keeps_every_job, "jobs come and go", "memory grew"),
    ScenarioMutant(
        "secrets are taken out as they are alone",
        _takes_out_plain_secrets,
        "secrets are quoted",
        "writing [0-9] of a token gets into an error",
    ),
    ScenarioMutant(
        "control characters are passed on",
        _passes_on_control_characters,
        "control characters",
        "get into an error(.|\n)*get into the log",
    ),
    ScenarioMutant("region_id is not checked", _takes_any_region, "region that is none", "was taken"),
    ScenarioMutant(
        "a throttled process keeps its rate",
        _keeps_its_rate,
        "processes share a limit",
        "of the requests were throttled",
    ),
    ScenarioMutant(
        "pauses have no jitter",
        _pauses_without_jitter,
        "processes come back together",
        "attempts come within a tenth of the time",
    ),
)


# What rounds of kills notice


def _first_try_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_store.RunStore, "may_yet_show", lambda *_: False)
    # The run shows so late that the next try comes before it on a busy machine too; it would wait longer than that.
    patch.setattr(killed_task, "START_TIMEOUT", 6.0)


def _compares_clocks(patch: pytest.MonkeyPatch) -> None:
    # When a try noted its start, by its own machine; the service's StartedTime is by another.
    key = "moment"
    names = ("__init__", "record_start", "is_recorded_run")
    make, record_start, is_recorded = (getattr(run_store.RunStore, name) for name in names)

    def making(self: Any, context: Any, target: Any) -> None:
        make(self, context, target)
        self.moments = context["task_state_store"]

    def recording(self: Any, before: StatusSnapshot) -> None:
        record_start(self, before)
        self.moments.set(key, clock.time())

    def recognising(self: Any, now: StatusSnapshot) -> bool:
        began = self.moments.get(key, 0.0) - 30
        return bool(is_recorded(self, now)) and (now.started or 0.0) >= began

    for name, method in zip(names, (making, recording, recognising), strict=True):
        patch.setattr(run_store.RunStore, name, method)


def _one_stop(patch: pytest.MonkeyPatch) -> None:
    def stop(self: Any, hook: Any, **_: Any) -> bool:
        self.target.stop(hook)
        return True

    patch.setattr(stopping.StartedRun, "stop", stop)


def _killed(seed: int, word: str, seconds: float, **changes: Any) -> KillPlan:
    """The round of a seed with one kill, at a moment that a busy machine does not miss."""
    return replace(make_kill_plan(seed), moments=((word, seconds),), **changes)


#: The same for rounds of kills: name, what puts the fault back, what is said of it, and the rounds.
KILL_MUTANTS = (
    (
        "note deleted after success",
        _forgets_after_success,
        "2 starts",
        tuple(_killed(seed, "returned", 0.0) for seed in (35, 67, 35)),
    ),
    (
        "a start that does not show yet is not waited for",
        _first_try_only,
        "2 start|ended with",
        (_killed(41, "sent", 0.0, lag=4.0),),
    ),
    (
        "a run is known by the clock of the machine that started it",
        _compares_clocks,
        "2 start|ended with",
        tuple(
            _killed(seed, "sending", 0.3, lag=lag, clocks=(300.0, *(0.0,) * 7)) for seed, lag in ((41, 0.9), (176, 1.3))
        ),
    ),
    (
        "a stop that overtakes its start ends the matter",
        _one_stop,
        "its job runs on",
        (_killed(154, "sending", 0.3, late=1.4), _killed(269, "sending", 0.6, late=1.4)),
    ),
    (
        "no run of a killed try is searched for",
        _searches_for_no_run,
        "2 runs",
        tuple(_killed(seed, "sent", 0.0, lag=NODE_LAG, status="Initialized", node=True) for seed in (41, 42)),
    ),
)
