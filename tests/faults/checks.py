"""What must hold after each step, by the emulator's own account of what happened."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.errors import token_expired
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
)
from tests.faults.labels import PERMANENT_CODES, SILENT_KINDS
from tests.faults.rival import is_rival
from tests.faults.schedule import JobPlan, Schedule, Step
from tests.faults.triggerer import WaitTooLongError

if TYPE_CHECKING:
    from tests.faults.running import Try
    from tests.faults.stage import Stage

ENDLESS = ("FullAndRealtimeIncremental", "RealtimeIncremental")
#: Nothing holds the source of the keys up but a machine that is busy elsewhere.
SLOW_MACHINE = "their source is slow"
#: What a task logs that waits for a run which it has not started.
ATTACHED = "is Running already"
#: Airflow's clock and the emulator's are the same one; what they round differs.
CLOCK_ERROR = 0.02


def check_creation(stage: Stage, name: str, tries: list[Try]) -> list[str]:
    """One creation a token, and the FileId that was returned is its."""
    found = []
    files = [file for file in stage.emulator.files() if file["TaskName"] == name]
    tokens = {
        entry["query"].get("ClientToken")
        for one in tries
        for entry in one.requests
        if entry["action"] == "CreateDISyncTask"
    }
    if sum(file["creations"] for file in files) > 1:
        found.append(f"{len(files)} creations")
    if len(tokens) > 1:
        found.append(f"{len(tokens)} client tokens in one run")
    if tries[-1].error is None and [file["FileId"] for file in files] != [tries[-1].value]:
        found.append(f"returned {tries[-1].value}, created {[file['FileId'] for file in files]}")
    return found


def check_job_start(
    step: Step, plan: JobPlan, job: dict[str, Any], tries: list[Try], *, waits: bool | None = None
) -> list[str]:
    """At most one start a run, and a success only when that very run got there."""
    found: list[str] = []
    waits = step.wait if waits is None else waits
    target = "Running" if plan.migration_type in ENDLESS else "Finished"
    good = target == "Running" or plan.outcome == "Finished"
    last = tries[-1]
    starts = last.after["starts"] - job["starts"]
    accepted = len(last.after["start_requests"]) - len(job["start_requests"])
    if accepted != starts:
        found.append(f"{accepted} start requests were accepted for {starts} runs: one met a run that was there")
    for number, one in enumerate(tries, 1):
        if one.after["starts"] - one.before["starts"] > 1:
            found.append(f"try {number} started {one.after['starts'] - one.before['starts']} runs")
    # Without StartedTime a run that no try has seen is not known to have been.
    again = starts > 1 and (not plan.timeless or _started_after_success(tries))
    if step.store and good and step.deadline is None and again and plan.outcome == "Finished":
        found.append(f"{starts} starts over {len(tries)} tries, although each run ended well")
    for number, one in enumerate(tries, 1):
        if one.error is not None and not isinstance(one.error, DataWorksJobError):
            continue
        if one.after["starts"] == 0:
            found.append(f"try {number} ended as if there had been a run, and none was ever started")
            continue
        shown = last_start(one.after) + (job["start_lag_seconds"] or 0.0)
        over = shown + plan.run_seconds
        if one.error is None:
            if one.value != job["DIJobId"]:
                found.append(f"returned {one.value!r}")
            if one.ended < (over if waits and target == "Finished" else shown) - CLOCK_ERROR:
                found.append(f"try {number} succeeded before its run got there")
            if waits and not good:
                found.append(f"try {number} succeeded although the run ended {plan.outcome}")
        elif not waits:
            found.append(f"try {number} reports a failed job without having waited: {one.error}")
        elif plan.outcome == "Finished":
            found.append(f"try {number} reports a failure of a run that went well: {one.error}")
        elif one.ended < over - CLOCK_ERROR:
            found.append(f"try {number} reports the failure of a run that was not over: {one.error}")
    return found


def _started_after_success(tries: list[Try]) -> bool:
    succeeded = False
    for one in tries:
        if succeeded and one.after["starts"] > one.before["starts"]:
            return True
        succeeded = succeeded or one.error is None
    return False


def check_start_by_hook(one: Try) -> list[str]:
    """Who is told that the hook started a job, gets what it started."""
    found = []
    if one.error is None and len(one.after["start_requests"]) == len(one.before["start_requests"]):
        found.append("the hook says that it started the job, and no start of its was ever accepted")
    if one.after["starts"] - one.before["starts"] > 1:
        found.append(f"the hook started {one.after['starts'] - one.before['starts']} runs")
    if one.error is not None and not isinstance(one.error, DataWorksError):
        found.append(f"{type(one.error).__name__} is none of ours: {one.error!r}")
    return found


@dataclass
class Run:
    """A run of a job as the emulator's log tells of it; times are Unix seconds."""

    ours: bool
    began: float
    ended: float
    outcome: str
    stopped_by_us: bool = False


def runs_of(plan: JobPlan, requests: list[dict[str, Any]]) -> list[Run]:
    """The runs that requests have begun and stopped, oldest first."""
    runs: list[Run] = []
    for entry in requests:
        if not entry["effect"]:
            continue
        if entry["action"] == "StartDIJob":
            ends = entry["time"] + plan.lag + plan.run_seconds
            runs.append(Run(not is_rival(entry), entry["time"], ends, plan.outcome))
        elif entry["action"] == "StopDIJob" and runs:
            runs[-1].ended, runs[-1].outcome = entry["time"], "Stopped"
            runs[-1].stopped_by_us = not is_rival(entry)
    return runs


def check_contested_start(
    step: Step, plan: JobPlan, job: dict[str, Any], tries: list[Try], requests: list[dict[str, Any]]
) -> list[str]:
    """A run of somebody else is ours only if we say so, and is never stopped by us."""
    runs, found = runs_of(plan, requests), []
    # Somebody else's, right after the end of our own: no API tells the runs apart at a stop.
    after_ours = [(last, run) for last, run in pairwise(runs) if last.ours and not run.ours]
    adjacent = [run for last, run in after_ours if run.began - last.ended < 1.0]
    if any(run.stopped_by_us and not run.ours and run not in adjacent for run in runs):
        found.append("stopped a run that somebody else started")
    # Where no poll came in between, the end of our own was seen by nobody.
    polled = [entry["time"] for entry in requests if entry["action"] in ("GetDIJob", "ListDIJobs")]
    unseen = [run for last, run in after_ours if not any(last.ended <= moment <= run.began for moment in polled)]
    for number, one in enumerate(tries, 1):
        ours = [run for run in runs if run.ours and one.began <= run.began <= one.ended]
        if len(ours) > 1:
            found.append(f"try {number} started {len(ours)} runs")
        before = [run for run in runs if run.ours and run.began <= one.ended]
        its = before + [run for run in runs if not run.ours and _told(run, tries[:number] if step.store else [one])]
        its += [run for run in unseen if run.began <= one.ended]
        if one.error is None:
            if not its:
                found.append(f"try {number} succeeded without a run of its own, and does not say that it attached")
            elif step.wait and not any(
                run.outcome == "Finished" and run.ended <= one.ended + CLOCK_ERROR for run in its
            ):
                found.append(f"try {number} succeeded before a run of its own, or that it attached to, got there")
        if isinstance(one.error, DataWorksJobError) and not any(run.outcome != "Finished" for run in its):
            found.append(f"try {number} reports a failure of a run that was not its own, or went well: {one.error}")
    own = [run for run in runs if run.ours]
    failed_unseen = any(run.outcome != "Finished" for run in unseen)
    if (
        step.store
        and step.deadline is None
        and not failed_unseen
        and len(own) > 1
        and all(run.outcome == "Finished" for run in own)
    ):
        found.append(f"{len(own)} starts over {len(tries)} tries, although each run ended well")
    return found


def _told(run: Run, tries: list[Try]) -> bool:
    """Whether one of these tries said that it attached, to what may have been this run."""
    return any(
        run.began <= one.ended and run.ended >= one.began and any(ATTACHED in line for line in one.log) for one in tries
    )


def last_start(job: dict[str, Any]) -> float:
    """When the job was last started, Unix time."""
    return float(job["start_requests"][-1]["time"])


def check_sensor(plan: JobPlan, job: dict[str, Any], one: Try) -> list[str]:
    """A sensor ends when the job that was started has ended, and as that did."""
    over = last_start(job) + plan.run_seconds + plan.lag
    reached, failed = one.error is None, isinstance(one.error, DataWorksJobError)
    found = []
    if (reached or failed) and one.ended < over - CLOCK_ERROR:
        found.append(f"the sensor ended {over - one.ended:.3f} s before the job: {one.error or one.value}")
    if reached and (plan.outcome != "Finished" or one.value != "Finished"):
        found.append(f"the sensor returned {one.value!r}, the job ended {plan.outcome}")
    if failed and plan.outcome == "Finished":
        found.append(f"the sensor failed although the job went well: {one.error}")
    return found


def check_file_start(step: Step, file: dict[str, Any], tries: list[Try]) -> list[str]:
    """As for a job; but nothing tells the runs of a real-time task apart: one that ended unseen may be redone."""
    found: list[str] = []
    solution = step.kind == "start solution"
    good = step.outcome in ("RUN", "0")
    for number, one in enumerate(tries, 1):
        starts = one.after["starts"] - one.before["starts"]
        sent = [entry for entry in one.requests if entry["action"] == "StartDISyncInstance"]
        lost = sum(bool(entry["fault"]) for entry in sent)
        if starts > (1 if good or solution else 1 + lost):
            found.append(f"try {number} started {starts} runs")
        if one.error is not None and not isinstance(one.error, DataWorksJobError):
            continue
        if one.after["starts"] == 0:
            found.append(f"try {number} ended as if there had been a run, and none was ever started: {one.error}")
            continue
        began = [
            entry["time"] for entry in one.requests if entry["action"] == "StartDISyncInstance" and entry["effect"]
        ]
        length = file["run_seconds"] if solution else file["wait_seconds"]
        over = max(began) + file["start_lag_seconds"] + length if began else 0.0
        if one.error is None and step.wait:
            if not good:
                found.append(f"try {number} succeeded although it ended {step.outcome}")
            elif one.ended < over - CLOCK_ERROR:
                found.append(f"try {number} succeeded before its run got there")
        elif one.error is not None and (not step.wait or good or one.ended < over - CLOCK_ERROR):
            found.append(f"try {number} reports a failure that was none: {one.error}")
    if good and not solution and tries[-1].after["starts"] > 1:
        found.append(f"{tries[-1].after['starts']} starts of a real-time task that ran")
    return found


def check_node_runs(step: Step, tries: list[Try]) -> list[str]:
    """One run of a task's, however often it is tried, unless the run before it failed; its result is the task's."""
    plan = step.node
    assert plan is not None
    found: list[str] = []
    runs = tries[-1].after["runs"]
    for number, one in enumerate(tries, 1):
        earlier = len(one.before["runs"])
        if (made := len(one.after["runs"]) - earlier) > 1:
            found.append(f"try {number} made {made} runs")
        # As they are now: one may have failed right before the other was made.
        if made and any(run["Status"] != "FAILURE" for run in one.after["runs"][:earlier]):
            found.append(f"try {number} made a run although an earlier one has not failed")
        its = next((run for run in one.after["runs"] if one.value in run["instance_ids"]), None)
        if one.error is None and its is None:
            found.append(f"try {number} returned {one.value!r}, which is no instance of its runs")
        elif one.error is None and step.wait and its is not None and its["Status"] != "SUCCESS":
            found.append(f"try {number} succeeded although its run is {its['Status']}")
        elif isinstance(one.error, DataWorksJobError):
            # A retry may come while the instance that the deadline stopped has not yet ended.
            if not step.wait or (plan.outcome == "SUCCESS" and step.deadline is None):
                found.append(f"try {number} reports a failure that was none: {one.error}")
            elif not any(run["Status"] == "FAILURE" for run in one.after["runs"]):
                found.append(f"try {number} reports the failure of a run that is not over: {one.error}")
    if plan.outcome == "SUCCESS" and step.deadline is None and len(runs) > 1:
        found.append(f"{len(runs)} runs over {len(tries)} tries, although each ended well")
    if len({run["Name"] for run in runs}) < len(runs):
        found.append("two runs have one name")
    return found


def check_error(stage: Stage, schedule: Schedule, step: Step, one: Try) -> list[str]:
    """A failure has a reason, is an exception of ours, names its RequestId, pickles, and has no secret."""
    error = one.error
    if error is None:
        return []
    if isinstance(error, WaitTooLongError):
        return [f"waited for what did not come: {error}"]
    if not isinstance(error, DataWorksError):
        return [f"{type(error).__name__} is none of ours: {error!r}"]
    text, found = str(error), []
    if leaked := [secret for secret in stage.secrets if secret in text + repr(error)]:
        found.append(f"{len(leaked)} secrets in the error")
    # The campaign's own stand-in is the only class that pickle could not find in another process.
    if str(pickle.loads(pickle.dumps(error))) != text:
        found.append(f"does not pickle: {text}")
    if isinstance(error, DataWorksParameterError):
        found.append(f"refuses good arguments: {text}")
    if isinstance(error, DataWorksJobError):
        return found
    if isinstance(error, DataWorksTimeoutError) and "execution_timeout" in text and step.deadline is None:
        return [*found, f"waited for what did not come: {text}"]
    if isinstance(error, DataWorksTimeoutError) and any(plan.timeless for plan in step.jobs) and "no new run" in text:
        return found
    if isinstance(error, DataWorksTimeoutError) and step.deadline is not None:
        if one.ended - one.began < 0.75 * step.deadline - CLOCK_ERROR:
            found.append(f"gave up before its limit: {text}")
        if "asked to stop" in text and one.after["stops"] == one.before["stops"] and not _had_ended(one):
            found.append(f"says that it stopped the job, which it did not: {text}")
        return found
    return found + _reason(schedule, step, one, error, text)


def _reason(schedule: Schedule, step: Step, one: Try, error: DataWorksError, text: str) -> list[str]:
    if SLOW_MACHINE in text:
        return []
    found = []
    rotated = step.rotate_after is not None and schedule.credentials == "sts"
    of_rotation = rotated and token_expired(error.code)
    met = [entry for entry in one.requests if entry["fault"]]
    if not met and not of_rotation:
        found.append(f"failed without any fault: {text}")
    entry = next((entry for entry in one.requests if entry["request_id"] == error.request_id), None)
    if error.request_id is not None:
        if entry is None:
            found.append(f"names a RequestId that the server never gave: {text}")
        elif entry["action"] == "GetDIJob" and (job_ids := _job_ids(one)) and _asked_for(entry) not in job_ids:
            found.append(f"fails for an answer about another job: {text}")
        elif not entry["fault"] and not of_rotation and entry["code"] is None:
            found.append(f"names a request that went well: {text}")
    elif error.action is not None:
        its = [entry for entry in met if entry["action"] == error.action]
        # On a machine that is busy elsewhere, any answer may come later than the read timeout.
        if not any(entry["fault"] in SILENT_KINDS for entry in its) and not _late(text):
            found.append(f"has no RequestId although the server gave one: {text}")
    if error.action is not None and "may have started" not in text:
        permanent = isinstance(error, DataWorksPermanentError)
        lasting = error.code in PERMANENT_CODES or of_rotation or _lasting(entry)
        if token_expired(error.code) and schedule.credentials == "credentials_uri":
            # The source has another token sooner or later.
            lasting = False
        if permanent and not lasting:
            found.append(f"is called permanent, and would have passed: {text}")
        if not permanent and lasting:
            found.append(f"is called transient, and would not pass: {text}")
    return found


def _had_ended(one: Try) -> bool:
    """Whether a stop came when the instance had ended, such as by the stop of an earlier try."""
    stops = [entry for entry in one.requests if entry["action"] in ("StopInstance", "StopTaskInstances")]
    refused = [entry for entry in stops if not entry["fault"] and not entry["effect"]]
    return bool(refused) and any(run["Status"] in ("SUCCESS", "FAILURE") for run in one.after["runs"])


def _late(text: str) -> bool:
    return "ReadTimeout" in text or "no complete answer within" in text


def _asked_for(entry: dict[str, Any]) -> str:
    """The job that a request is about, in either API version."""
    return str(entry["form"].get("DIJobId") or entry["query"].get("Id"))


def _job_ids(one: Try) -> set[str]:
    return {str(one.after["DIJobId"])} if "DIJobId" in one.after else set()


def _lasting(entry: dict[str, Any] | None) -> bool:
    return entry is not None and (entry["fault"] in ("clock_skew", "expired_token") or entry["code"] in PERMANENT_CODES)
