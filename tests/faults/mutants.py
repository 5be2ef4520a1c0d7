"""Faults put back into the package, one each, to see whether the campaign notices."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_dataworks import exceptions, run_memory
from airflow_provider_dataworks.client import client as client_module
from airflow_provider_dataworks.client import responses, transport
from airflow_provider_dataworks.client.errors import ApiError
from airflow_provider_dataworks.hooks import base as base_module
from airflow_provider_dataworks.hooks import dataworks as hook_module
from airflow_provider_dataworks.hooks import di_jobs as jobs_module
from airflow_provider_dataworks.hooks.errors import from_client
from airflow_provider_dataworks.operators import data_integration as operator_module
from airflow_provider_dataworks.operators import stopping, waiting_operator
from airflow_provider_dataworks.readings import Reading
from airflow_provider_dataworks.triggers import data_integration as trigger_module
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.waiting import Verdict, new_run_shows, normal_status
from tests.faults.schedule import POLL_BESIDE_OTHERS, Step


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
    patch.setattr(operator_module, "new_run_shows", lambda *_: True)


def _careless(patch: pytest.MonkeyPatch) -> None:
    def judge(status: str, *_: Any) -> Verdict:
        return Verdict.REACHED if status in ("Finished", "Failed", "Stopped") else Verdict.GO_ON

    patch.setattr(operator_module, "judge", judge)


def _new_token(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(operator_module, "client_token_for", lambda _: uuid.uuid4().hex)


def _lost_request_id(patch: pytest.MonkeyPatch) -> None:
    def forgetful(error: Any) -> exceptions.DataWorksError:
        error.request_id = None
        return from_client(error)

    patch.setattr(base_module, "from_client", forgetful)


def _forgets_after_success(patch: pytest.MonkeyPatch) -> None:
    for name in ("execute", "execute_complete"):
        patch.setattr(operator_module.StartDIJobOperator, name, _forgetting(name))


def _forgetting(name: str) -> Any:
    method = getattr(operator_module.StartDIJobOperator, name)

    def run(self: Any, context: Any, *more: Any, **named: Any) -> Any:
        value = method(self, context, *more, **named)
        if (store := context.get("task_state_store")) is not None:
            store.delete(run_memory.KEY)
        return value

    return run


def _keeps_note_of_no_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_memory.RunMemory, "withdraw", lambda self: None)


def _takes_miss_for_absence(patch: pytest.MonkeyPatch) -> None:
    def find(self: Any, project: int, job_id: int, name: str | None) -> Any:
        for job in self._jobs_named_like(project, name):
            if job.id == job_id:
                return job
        raise exceptions.job_not_found(f"with id {job_id}", project)

    patch.setattr(hook_module.DataWorksHook, "_find_by_id", find)


def _loses_race(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(waiting_operator.WaitingOperator, "_read_after_refusal", lambda *_: None)


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
    first: dict[tuple[str, int], Reading] = {}
    join, get_di_job = poller_module.Poller.join, hook_module.DataWorksHook.get_di_job

    def keeping(self: Any, **arguments: Any) -> Any:
        job = get_di_job(self, **arguments)
        reading = Reading(str(job.get("JobStatus")), job.get("MigrationType"), job.get("JobName"))
        first.setdefault((self.dataworks_conn_id, job["DIJobId"]), reading)
        return job

    def joined(self: Any, subscription: Any) -> None:
        join(self, subscription)
        if kept := first.get((self._key.dataworks_conn_id, subscription.subject.id)):
            subscription.tell(kept)

    patch.setattr(hook_module.DataWorksHook, "get_di_job", keeping)
    patch.setattr(poller_module.Poller, "join", joined)


def _one_failure_fails_all(patch: pytest.MonkeyPatch) -> None:
    fail = poller_module.Poller._fail

    def failing(self: Any, current: Any, subjects: Any, error: Any) -> None:
        fail(self, current, subjects, error)
        for group in self._subscriptions.values():
            for subscription in group:
                subscription.failures = subscription.max_failures
                subscription.fail(error)

    patch.setattr(poller_module.Poller, "_fail", failing)


def _new_run_that_was_seen_is_not_known(patch: pytest.MonkeyPatch) -> None:
    def is_of_new_run(self: Any, reading: Reading) -> bool:
        moved = reading.started != self.old_started_time
        return moved or normal_status(reading.status) != normal_status(self.old_status)

    patch.setattr(trigger_module.DIJobStatusTrigger, "_is_of_new_run", is_of_new_run)


def _refusals_by_id_do_not_count(patch: pytest.MonkeyPatch) -> None:
    fail = poller_module.Poller._fail

    def failing(self: Any, current: Any, subjects: Any, error: Any) -> None:
        if error.action != "GetDIJob":
            fail(self, current, subjects, error)

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
        "failed without any fault: Workspace",
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
)


def _first_try_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_memory.RunMemory, "may_yet_show", lambda *_: False)


def _one_stop(patch: pytest.MonkeyPatch) -> None:
    def end(self: Any, hook: Any, **_: Any) -> bool:
        self.stop(hook)
        return True

    patch.setattr(stopping.StartedRun, "end", end)


#: The same for rounds of kills: name, what puts the fault back, what is said of it, and the rounds.
KILL_MUTANTS = (
    ("note deleted after success", _forgets_after_success, "2 starts", (35, 67)),
    ("a start that does not show yet is not waited for", _first_try_only, "2 start|ended with", (41, 176, 226)),
    ("a stop that overtakes its start ends the matter", _one_stop, "its job runs on", (154, 269)),
)
