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
from airflow_provider_dataworks.hooks import dataworks as hook_module
from airflow_provider_dataworks.operators import data_integration as operator_module
from airflow_provider_dataworks.operators import stopping, waiting_operator
from airflow_provider_dataworks.waiting import Verdict, new_run_shows
from tests.faults.schedule import Step


@dataclass(frozen=True)
class Mutant:
    """A fault of the package.

    :param name: what it does.
    :param put_back: makes the package do it.
    :param meets: whether a step may show it.
    :param noticed: what the campaign says of it.
    :param at: schedules and steps, by seed and number, that show it.
    """

    name: str
    put_back: Callable[[pytest.MonkeyPatch], None]
    meets: Callable[[Step], bool]
    noticed: str
    at: tuple[tuple[int, int], ...] = ()


def _aims(step: Step, action: str, *labels: str) -> bool:
    return any(fault.label in labels and fault.action == action and fault.skip == 0 for fault in step.faults)


def _blind_repeat(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hook_module.DataWorksHook, "_settle", lambda *_: lambda error: None)


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
        return exceptions.from_client(error)

    patch.setattr(hook_module, "from_client", forgetful)


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
        for job in self.list_di_jobs(project_id=project, job_name=name):
            if job["DIJobId"] == job_id:
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
        return read_answer(action, answer) if answer.body is None else answer.body.decode("idna") and {}

    read_answer = client_module.read_answer
    patch.setattr(client_module._Call, "_exchange", _unguarded(client_module._Call._exchange, read))


def _unguarded(exchange: Any, read: Any) -> Any:
    def run(self: Any, *arguments: Any) -> Any:
        try:
            return exchange(self, *arguments)
        except client_module.ApiError as error:
            if "cannot be read" in error.message or "no JSON" in error.message:
                raise UnicodeError("undefined encoding") from None
            raise

    return run


def _running_proves_start(patch: pytest.MonkeyPatch) -> None:
    def shows(status: str | None, started: Any, old_status: str | None, old_started: Any) -> bool:
        return status == "Running" or new_run_shows(status, started, old_status, old_started)

    patch.setattr(hook_module, "new_run_shows", shows)


MUTANTS = (
    Mutant(
        "blind repeat of a start",
        _blind_repeat,
        lambda step: step.kind == "start job" and _aims(step, "StartDIJob", "5xx after", "reset after"),
        "started [2-9] runs|start requests were accepted for",
    ),
    Mutant(
        "success of the run before",
        _last_run,
        lambda step: step.kind == "start job" and step.jobs[0].lag > 0 and step.jobs[0].status == "Finished",
        "succeeded before its run got there",
    ),
    Mutant(
        "success of a job that failed",
        _careless,
        lambda step: step.kind == "start job" and step.jobs[0].outcome == "Failed" and step.wait,
        "succeeded although the run ended Failed",
    ),
    Mutant(
        "new client token at each try",
        _new_token,
        lambda step: step.kind == "create" and step.fails_after > 0,
        "client tokens in one run",
    ),
    Mutant(
        "lost RequestId",
        _lost_request_id,
        lambda step: step.kind == "create by hook" and _aims(step, "CreateDISyncTask", "final refusal"),
        "has no RequestId although the server gave one",
    ),
    Mutant(
        "note deleted after success",
        _forgets_after_success,
        lambda step: step.kind == "start job" and step.store and step.fails_after > 0 and not step.faults and step.wait,
        "starts over . tries, although each run ended well",
    ),
    Mutant(
        "foreign run adopted after a start that was not executed",
        _keeps_note_of_no_start,
        lambda step: step.kind == "contested start" and step.store and _aims(step, "StartDIJob", "503 unavailable"),
        "does not say that it attached|stopped a run that somebody else started|was not its own",
    ),
    Mutant(
        "a miss on a page that shifted means absence",
        _takes_miss_for_absence,
        lambda step: step.shift and not step.by_name,
        "failed without any fault: Workspace",
    ),
    Mutant(
        "who loses the race for a start fails",
        _loses_race,
        lambda step: step.race,
        "is called permanent, and would have passed",
    ),
    Mutant(
        "no limit by the clock",
        _no_limit_by_clock,
        lambda step: any(fault.kind == "drip" and not fault.skip for fault in step.faults),
        "a try took",
    ),
    Mutant(
        "hours of silence",
        _no_cap,
        lambda step: any(fault.label == "hour-long wait" for fault in step.faults),
        "was going to pause for",
    ),
    Mutant(
        "odd answers end in raw exceptions",
        _raw_errors,
        lambda step: any(fault.label == "odd body" for fault in step.faults),
        "is none of ours",
    ),
    Mutant(
        "Running proves a start",
        _running_proves_start,
        lambda step: step.kind == "start by hook" and step.jobs[0].status == "Running" and bool(step.faults),
        "says that it started the job, and no start",
    ),
)


def _first_try_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_memory.RunMemory, "may_yet_show", lambda *_: False)


def _one_stop(patch: pytest.MonkeyPatch) -> None:
    def end(self: Any, hook: Any, **_: Any) -> bool:
        self.stop(hook)
        return True

    patch.setattr(stopping.StartedRun, "end", end)


#: The same for rounds of kills: name, what puts the fault back, what is said of it.
KILL_MUTANTS = (
    ("note deleted after success", _forgets_after_success, "2 starts"),
    ("a start that does not show yet is not waited for", _first_try_only, "2 start|ended with"),
    ("a stop that overtakes its start ends the matter", _one_stop, "its job runs on, and nothing says so"),
)
