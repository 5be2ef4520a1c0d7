"""Whatever happens to the answer, a call of the hook creates once and starts once; the emulator counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksPermanentError, DataWorksTransientError
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from tests.support.hook import CONTENT, PARAM
from tests.support.versions import IN_2024, IN_BOTH_VERSIONS, V2020, job_body

FULL, REALTIME_JOB = 1001, 1002
REALTIME_FILE, SOLUTION = 2001, 2002
READ_TIMEOUT = 0.3


@dataclass(frozen=True)
class Deed:
    """Something that must happen once.

    :param action: the API's action.
    :param do: has the hook do it.
    :param count: how often it happened, by the emulator's state.
    :param resent: whether it is sent again although it may have happened (its ClientToken makes that harmless).
    """

    action: str
    do: Callable[[DataWorksHook], Any]
    count: Callable[[EmulatorControl], int]
    resent: bool = False


def create(hook: DataWorksHook) -> int:
    return hook.create_di_sync_task(
        task_type="DI_OFFLINE", task_name="created once", task_content=CONTENT, task_param=PARAM
    )


def creations(emulator: EmulatorControl) -> int:
    return sum(file["creations"] for file in emulator.files())


def starts_of_job(di_job_id: int) -> Callable[[EmulatorControl], int]:
    return lambda emulator: int(emulator.job(di_job_id)["starts"])


def starts_of_file(file_id: int) -> Callable[[EmulatorControl], int]:
    return lambda emulator: int(emulator.file(file_id)["starts"])


def created_jobs(emulator: EmulatorControl) -> int:
    return [job["JobName"] for job in emulator.jobs()].count("created once")


DEEDS = {
    "CreateDISyncTask": Deed("CreateDISyncTask", create, creations, resent=True),
    "StartDIJob": Deed("StartDIJob", lambda hook: hook.start_di_job(di_job_id=FULL), starts_of_job(FULL)),
    "StartDIJob-realtime": Deed(
        "StartDIJob",
        lambda hook: hook.start_di_job(
            di_job_id=REALTIME_JOB, realtime_start_settings={"StartTime": 1671516776}, force_to_rerun=True
        ),
        starts_of_job(REALTIME_JOB),
    ),
    "StartDISyncInstance": Deed(
        "StartDISyncInstance",
        lambda hook: hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=REALTIME_FILE),
        starts_of_file(REALTIME_FILE),
    ),
    "StartDISyncInstance-solution": Deed(
        "StartDISyncInstance",
        lambda hook: hook.start_di_sync_instance(task_type="DI_SOLUTION", file_id=SOLUTION),
        starts_of_file(SOLUTION),
    ),
}
#: Those of which a run may be over when the hook looks, here of a job that has finished before.
SHORT_DEEDS = {
    "StartDIJob": Deed(
        "StartDIJob", lambda hook: hook.start_di_job(di_job_id=FULL, force_to_rerun=True), starts_of_job(FULL)
    ),
    "StartDISyncInstance-solution": DEEDS["StartDISyncInstance-solution"],
}
NEW_JOB = {
    "job_name": "created once",
    "migration_type": "Full",
    "source_data_source_type": "MySQL",
    "destination_data_source_type": "Hologres",
}
#: Those on DI jobs, which exist in both API versions.
JOB_DEEDS = {
    "StartDIJob": DEEDS["StartDIJob"],
    "StartDIJob-realtime": Deed(
        "StartDIJob",
        lambda hook: hook.start_di_job(
            di_job_id=REALTIME_JOB, realtime_start_settings={"StartTime": 1671516776}, force_to_rerun=False
        ),
        starts_of_job(REALTIME_JOB),
    ),
    "CreateDIJob": Deed("CreateDIJob", lambda hook: hook.create_di_job(**NEW_JOB), created_jobs),
}
#: What happens to the first request of the deed.
FATES: dict[str, dict[str, Any]] = {
    "reset before the effect": {"kind": "reset", "effect": "before"},
    "reset after the effect": {"kind": "reset", "effect": "after"},
    "500 before the effect": {"kind": "error", "effect": "before"},
    "500 after the effect": {"kind": "error", "effect": "after"},
    "cut answer, not done": {"kind": "cut", "effect": "before"},
    "cut answer, done": {"kind": "cut", "effect": "after"},
    "answer later than the read timeout": {"kind": "slow", "seconds": 20},
    "429": {"kind": "throttle"},
    "400 Throttling.User": {"kind": "throttle", "status": 400},
    "HTML 502, not done": {"kind": "html", "effect": "before"},
    "HTML 502, done": {"kind": "html", "effect": "after"},
    "half of the JSON, done": {"kind": "wrong_json", "effect": "after"},
    "200 that is no JSON, done": {"kind": "wrong_type", "effect": "after"},
    "empty 200, not done": {"kind": "empty", "effect": "before"},
    "empty 200, done": {"kind": "empty", "effect": "after"},
}


def done_at_once(fate: dict[str, Any]) -> bool:
    """Whether the first request has its effect although its answer is spoiled."""
    return fate.get("effect") == "after" or fate["kind"] == "slow"


@pytest.fixture
def patient(hook: DataWorksHook) -> DataWorksHook:
    """Return a hook that gives an answer little time."""
    return quick(hook, read_timeout=READ_TIMEOUT)


def quick(hook: DataWorksHook, **changes: Any) -> DataWorksHook:
    other = hook.with_settings(**changes)
    other.client.sleep = hook.client.sleep
    return other


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("deed", DEEDS)
def test_once_whatever_happens_to_the_answer(
    patient: DataWorksHook, dataworks_emulator: EmulatorControl, deed: str, fate: str
) -> None:
    wanted, fault = DEEDS[deed], FATES[fate]
    # A second start would be answered with success, so that only the count can tell.
    dataworks_emulator.settings(start_running="ignore")
    dataworks_emulator.add_fault(action=wanted.action, **fault)

    result = wanted.do(patient)

    sent = dataworks_emulator.requests(wanted.action)
    assert wanted.count(dataworks_emulator) == 1
    assert sum(entry["effect"] for entry in sent) == 1
    assert len(sent) == (1 if done_at_once(fault) and not wanted.resent else 2)
    assert dataworks_emulator.faults() == []
    if wanted.action == "CreateDISyncTask":
        (created,) = (file for file in dataworks_emulator.files() if file["creations"])
        assert result == created["FileId"]
        assert len({entry["query"]["ClientToken"] for entry in sent}) == 1


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("deed", JOB_DEEDS)
def test_once_in_both_versions_whatever_happens_to_the_answer(
    patient: DataWorksHook, dataworks_emulator: EmulatorControl, deed: str, fate: str
) -> None:
    wanted, fault = JOB_DEEDS[deed], FATES[fate]
    dataworks_emulator.settings(start_running="ignore")
    dataworks_emulator.add_fault(action=wanted.action, **fault)

    result = wanted.do(patient)

    sent = dataworks_emulator.requests(wanted.action)
    assert wanted.count(dataworks_emulator) == 1
    assert sum(entry["effect"] for entry in sent) == 1
    assert len(sent) == (1 if done_at_once(fault) else 2)
    if wanted.action == "CreateDIJob":
        assert dataworks_emulator.job(result)["JobName"] == "created once"


@IN_2024
@pytest.mark.parametrize("fate", FATES)
def test_rerun_whose_effect_cannot_be_seen_is_not_repeated_and_says_that_it_may_have_started(
    patient: DataWorksHook, dataworks_emulator: EmulatorControl, fate: str
) -> None:
    # Initialized before and for long after: no answer gives a time, so that nothing tells whether it was started.
    dataworks_emulator.settings(start_lag_seconds=3600, start_running="ignore")
    dataworks_emulator.add_fault(action="StartDIJob", **FATES[fate])

    if FATES[fate]["kind"] == "throttle":
        patient.start_di_job(di_job_id=FULL, force_to_rerun=True)
        assert dataworks_emulator.job(FULL)["starts"] == 1
        return
    with pytest.raises(DataWorksTransientError, match="It may have started") as raised:
        patient.start_di_job(di_job_id=FULL, force_to_rerun=True)

    assert raised.value.outcome_unknown
    assert len(dataworks_emulator.requests("StartDIJob")) == 1


@IN_2024
def test_counters_of_a_run_that_goes_on_prove_no_start(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.settings(run_seconds=0.3)
    hook.start_di_job(di_job_id=FULL)
    running = hook.get_di_job(di_job_id=FULL)
    counters = hook.read_run_counters(di_job_id=FULL)
    while hook.get_di_job(di_job_id=FULL)["JobStatus"] != "Finished":
        time.sleep(0.05)
    dataworks_emulator.add_fault("reset", action="StartDIJob", count=-1)

    with pytest.raises(DataWorksTransientError):
        hook.start_di_job(di_job_id=FULL, job_before=running, counters_before=counters, force_to_rerun=True)

    assert dataworks_emulator.job(FULL)["starts"] == 1


@IN_2024
@pytest.mark.parametrize("fate", [name for name, fate in FATES.items() if done_at_once(fate)])
def test_rerun_whose_effect_shows_is_one_start(
    patient: DataWorksHook, dataworks_emulator: EmulatorControl, fate: str
) -> None:
    dataworks_emulator.add_fault(action="StartDIJob", **FATES[fate])

    patient.start_di_job(di_job_id=FULL, force_to_rerun=True)

    assert dataworks_emulator.job(FULL)["starts"] == 1
    assert len(dataworks_emulator.requests("StartDIJob")) == 1


def test_a_job_of_that_name_from_before_is_not_taken_for_the_created_one(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    old = dataworks_emulator.add_job(JobName="created once")["DIJobId"]
    dataworks_emulator.add_fault("reset", action="CreateDIJob", effect="before")

    new = hook.create_di_job(**NEW_JOB)

    assert new != old
    assert created_jobs(dataworks_emulator) == 2


@IN_2024
def test_refused_repeat_of_a_creation_that_arrived_is_a_creation(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("reset", action="CreateDIJob", effect="after")
    # The looks see nothing yet: the list before the creation, and five after it.
    empty = {"PagingInfo": {"TotalCount": 0, "PageNumber": 1, "PageSize": 100, "DIJobs": []}}
    dataworks_emulator.add_fault("body", action="ListDIJobs", body=empty, count=6)

    job_id = hook.create_di_job(**NEW_JOB)

    assert dataworks_emulator.job(job_id)["JobName"] == "created once"
    assert [entry["code"] for entry in dataworks_emulator.requests("CreateDIJob")] == [
        None,
        "InvalidDIJobName.Existed",
    ]


@IN_BOTH_VERSIONS
def test_creation_that_cannot_be_looked_up_may_have_happened_and_says_so(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("reset", action="CreateDIJob", effect="after")
    dataworks_emulator.add_fault("error", action="ListDIJobs", skip=1, count=-1, status=403, code="NoPermission")

    with pytest.raises(DataWorksPermanentError, match="It may have been created"):
        hook.create_di_job(**NEW_JOB)

    assert created_jobs(dataworks_emulator) == 1


@IN_BOTH_VERSIONS
def test_lost_deletion_is_repeated_and_a_job_that_is_gone_then_is_deleted(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("reset", action="DeleteDIJob", effect="after")

    hook.delete_di_job(di_job_id=FULL)

    assert FULL not in [job["DIJobId"] for job in dataworks_emulator.jobs()]
    assert len(dataworks_emulator.requests("DeleteDIJob")) == 2


@IN_BOTH_VERSIONS
def test_refused_repeat_of_a_stop_that_arrived_is_a_stop(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.set_job(FULL, JobStatus="Running")
    dataworks_emulator.add_fault("reset", action="StopDIJob", effect="after")
    dataworks_emulator.add_fault("error", action="StopDIJob", status=400, code="IncorrectDIJobStatus")

    hook.stop_di_job(di_job_id=FULL)

    assert dataworks_emulator.job(FULL)["stops"] == 1
    assert dataworks_emulator.job(FULL)["JobStatus"] in ("Stopping", "Stopped")


@pytest.mark.parametrize("fate", [name for name, fate in FATES.items() if done_at_once(fate)])
@pytest.mark.parametrize("deed", SHORT_DEEDS)
def test_run_that_is_over_before_anyone_looks_is_recognised(
    patient: DataWorksHook, dataworks_emulator: EmulatorControl, deed: str, fate: str
) -> None:
    wanted = SHORT_DEEDS[deed]
    dataworks_emulator.settings(run_seconds=0, start_running="ignore")
    if wanted.action == "StartDIJob":
        dataworks_emulator.set_job(FULL, JobStatus="Finished", StartedTime=int(time.time()) - 3600)
    dataworks_emulator.add_fault(action=wanted.action, **FATES[fate])

    wanted.do(patient)

    assert wanted.count(dataworks_emulator) == 1
    assert len(dataworks_emulator.requests(wanted.action)) == 1


@IN_BOTH_VERSIONS
@pytest.mark.parametrize("deed", ["StartDIJob", "StartDISyncInstance", "StartDISyncInstance-solution"])
def test_start_that_shows_late_is_waited_for(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, deed: str
) -> None:
    wanted = DEEDS[deed]
    dataworks_emulator.settings(start_lag_seconds=0.15, start_running="ignore")
    dataworks_emulator.add_fault("reset", action=wanted.action, effect="after")
    hook.client.sleep = lambda seconds: time.sleep(seconds / 40)

    wanted.do(hook)

    assert wanted.count(dataworks_emulator) == 1
    assert len(dataworks_emulator.requests(wanted.action)) == 1


@IN_BOTH_VERSIONS
def test_refused_repeat_of_a_start_that_arrived_is_a_start(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, api_version: str
) -> None:
    dataworks_emulator.add_fault("reset", action="StartDIJob", effect="after")
    # The looks see nothing yet; the repeat is refused because the job runs; the looks after that see it.
    looks = len(assumptions.START_SHOWS_AFTER if api_version == V2020 else assumptions.CHANGE_SHOWS_AFTER)
    old = job_body(api_version, {"DIJobId": FULL, "JobStatus": "Initialized"})
    dataworks_emulator.add_fault("body", action="GetDIJob", body=old, skip=1, count=looks)

    hook.start_di_job(di_job_id=FULL)

    assert dataworks_emulator.job(FULL)["starts"] == 1
    assert [entry["code"] for entry in dataworks_emulator.requests("StartDIJob")] == [None, "IncorrectDIJobStatus"]


@IN_BOTH_VERSIONS
def test_several_bad_answers_in_a_row_are_still_one_start(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    for fault in ({"kind": "throttle"}, {"kind": "reset"}, {"kind": "html"}, {"kind": "cut", "effect": "after"}):
        dataworks_emulator.add_fault(action="StartDIJob", **fault)  # type: ignore[arg-type]

    hook.start_di_job(di_job_id=FULL)

    assert dataworks_emulator.job(FULL)["starts"] == 1
    assert len(dataworks_emulator.requests("StartDIJob")) == 4


@IN_BOTH_VERSIONS
def test_job_is_read_before_and_after_a_lost_start(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.add_fault("reset", action="StartDIJob", effect="after")

    hook.start_di_job(di_job_id=FULL)

    assert [entry["action"] for entry in dataworks_emulator.requests()] == ["GetDIJob", "StartDIJob", "GetDIJob"]


@IN_2024
def test_run_that_is_over_is_known_by_its_counters(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    dataworks_emulator.settings(run_seconds=0)
    dataworks_emulator.set_job(FULL, JobStatus="Finished")
    dataworks_emulator.add_fault("reset", action="StartDIJob", effect="after")

    hook.start_di_job(di_job_id=FULL, force_to_rerun=True)

    assert dataworks_emulator.job(FULL)["starts"] == 1
    assert len(dataworks_emulator.requests("StartDIJob")) == 1


@IN_BOTH_VERSIONS
def test_reading_that_is_handed_down_saves_a_request(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    before = hook.get_di_job(di_job_id=FULL)

    hook.start_di_job(di_job_id=FULL, job_before=before)

    assert [entry["action"] for entry in dataworks_emulator.requests()] == ["GetDIJob", "StartDIJob"]


# What cannot be settled


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "reset"}, DataWorksTransientError),
        ({"kind": "error", "status": 403, "code": "NoPermission"}, DataWorksPermanentError),
    ],
)
@pytest.mark.parametrize(
    ("deed", "look"),
    [
        ("StartDIJob", "GetDIJob"),
        ("StartDISyncInstance", "GetDISyncInstanceInfo"),
        ("StartDISyncInstance-solution", "GetDISyncTask"),
    ],
)
def test_lost_start_that_cannot_be_looked_up_may_have_happened_and_says_so(
    hook: DataWorksHook,
    dataworks_emulator: EmulatorControl,
    deed: str,
    look: str,
    fault: dict[str, Any],
    kind: type[DataWorksError],
) -> None:
    wanted = DEEDS[deed]
    dataworks_emulator.add_fault("reset", action=wanted.action, effect="after")
    reads_before = 0 if deed == "StartDISyncInstance" else 1
    dataworks_emulator.add_fault(action=look, skip=reads_before, count=-1, **fault)

    with pytest.raises(kind, match="It may have started") as raised:
        wanted.do(hook)

    assert raised.value.action == wanted.action
    assert len(dataworks_emulator.requests(wanted.action)) == 1
    assert wanted.count(dataworks_emulator) == 1


@IN_BOTH_VERSIONS
def test_start_that_never_gets_an_answer_fails_within_bounds(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    dataworks_emulator.add_fault("error", action="StartDIJob", count=-1)

    with pytest.raises(DataWorksTransientError, match="not known whether the service carried it out"):
        hook.start_di_job(di_job_id=FULL)

    assert len(dataworks_emulator.requests("StartDIJob")) == 5
    assert dataworks_emulator.job(FULL)["starts"] == 0


def test_client_token_of_the_caller_makes_two_calls_one_creation(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl
) -> None:
    arguments: dict[str, Any] = {"task_type": "DI_OFFLINE", "task_name": "t", "task_content": CONTENT}

    first = hook.create_di_sync_task(**arguments, client_token="one run")
    again = hook.create_di_sync_task(**arguments, client_token="one run")

    assert first == again
    assert creations(dataworks_emulator) == 1


def test_two_calls_without_a_token_are_two_creations(hook: DataWorksHook, dataworks_emulator: EmulatorControl) -> None:
    for name in ("one", "two"):
        hook.create_di_sync_task(task_type="DI_OFFLINE", task_name=name, task_content=CONTENT)

    tokens = {entry["query"]["ClientToken"] for entry in dataworks_emulator.requests("CreateDISyncTask")}
    assert (creations(dataworks_emulator), len(tokens)) == (2, 2)


@IN_BOTH_VERSIONS
@pytest.mark.parametrize(
    "stop",
    [
        lambda hook: hook.stop_di_job(di_job_id=FULL),
        lambda hook: hook.stop_di_sync_instance(task_type="DI_REALTIME", file_id=REALTIME_FILE),
    ],
)
def test_stops_are_sent_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, stop: Callable[[DataWorksHook], Any]
) -> None:
    dataworks_emulator.set_job(FULL, JobStatus="Running")
    dataworks_emulator.set_file(REALTIME_FILE, Status="RUN")
    dataworks_emulator.add_fault("reset", effect="after")

    stop(hook)

    assert len(dataworks_emulator.requests()) == 2
    assert dataworks_emulator.job(FULL)["stops"] + dataworks_emulator.file(REALTIME_FILE)["stops"] == 1


# Any other action

RAW_JOB = {
    "ProjectId": 10000,
    "JobName": "made by call",
    "MigrationType": "Full",
    "SourceDataSourceType": "MySQL",
    "DestinationDataSourceType": "Hologres",
}


@pytest.mark.parametrize("fate", [name for name, fate in FATES.items() if done_at_once(fate)])
def test_call_that_writes_is_not_sent_again_and_says_that_it_may_have_happened(
    patient: DataWorksHook, dataworks_emulator: EmulatorControl, fate: str
) -> None:
    dataworks_emulator.add_fault(action="CreateDIJob", **FATES[fate])

    with pytest.raises(DataWorksTransientError, match="not known whether the service carried it out") as raised:
        patient.call("CreateDIJob", body=RAW_JOB)

    assert raised.value.action == "CreateDIJob"
    assert len(dataworks_emulator.requests("CreateDIJob")) == 1
    assert [job["JobName"] for job in dataworks_emulator.jobs()].count("made by call") == 1


@pytest.mark.parametrize("fate", ["429", "400 Throttling.User"])
def test_call_that_was_surely_not_carried_out_is_sent_again(
    hook: DataWorksHook, dataworks_emulator: EmulatorControl, fate: str
) -> None:
    dataworks_emulator.add_fault(action="CreateDIJob", **FATES[fate])

    answer = hook.call("CreateDIJob", body=RAW_JOB)

    assert dataworks_emulator.job(answer["DIJobId"])["JobName"] == "made by call"
    assert len(dataworks_emulator.requests("CreateDIJob")) == 2


@pytest.mark.parametrize("fate", FATES)
def test_call_that_reads_is_sent_again(patient: DataWorksHook, dataworks_emulator: EmulatorControl, fate: str) -> None:
    dataworks_emulator.add_fault(action="ListProjects", **FATES[fate])

    answer = patient.call("ListProjects", query={"PageNumber": 1, "PageSize": 10})

    assert answer["PageResult"]["TotalCount"] == 1
    assert len(dataworks_emulator.requests("ListProjects")) == 2
