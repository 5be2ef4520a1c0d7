"""A schedule: what is created, started and waited for, and which faults meet it; the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

from tests.faults.labels import LABELS, WITHOUT_DOUBT, Fault, draw_faults

#: Actions by the steps that use them; a fault is aimed at one of these, or at whatever comes.
CREATE = ("CreateDISyncTask",)
START_JOB = ("GetDIJob", "StartDIJob", "ListDIJobs")
START_REALTIME = ("GetDISyncInstanceInfo", "StartDISyncInstance")
START_SOLUTION = ("GetDISyncTask", "StartDISyncInstance")
SENSE = ("ListDIJobs", "GetDIJob")

RUN_NODE = {
    "2020-05-18": ("RunCycleDagNodes", "ListInstances", "GetDag", "GetInstance", "GetInstanceLog", "GetNode"),
    "2024-05-18": (
        "CreateWorkflowInstances",
        "GetCreateWorkflowInstancesResult",
        "ListWorkflowInstances",
        "ListTaskInstances",
        "GetTaskInstance",
        "GetTaskInstanceLog",
        "GetTask",
    ),
}
#: Those that mean something to a run of a node; an answer without its content would be a good one for some.
NODE_LABELS = tuple(label for label in LABELS if label not in ("odd page", "no content"))

OLD = 1_700_000_000
#: A page of the list has so many jobs.
PAGE = 100
#: Seconds between polls, alone and where others of the workspace wait all the time.
POLL_SECONDS, POLL_BESIDE_OTHERS = 0.05, 0.5
#: By how many seconds clocks may be ahead.
CLOCKS = (0.0, 0.0, -120.0, 120.0, 300.0)

#: What a contested start has, and somebody else's has not.
OUR_START = {"ForceToRerun": "true"}
#: What a schedule may do, as often as it stands here.
KINDS = (
    ("create", "create by hook", "start realtime", "start solution")
    + ("start job",) * 4
    + ("sensor",) * 3
    + ("contested start",) * 2
    + ("start by hook", "unreadable neighbour", "refused after deferral")
)
#: Drawn apart and put at the end, so that a seed makes the steps that it made before there were nodes.
NODE_KINDS = ("run node",)


@dataclass(frozen=True)
class NodePlan:
    """How a node's runs go; times in seconds.

    :param outcome: how they end, SUCCESS or FAILURE.
    :param reruns: how often it is run again by itself; all runs but the last one then fail.
    :param lag: for how long a run is in no list.
    """

    outcome: str
    run_seconds: float
    reruns: int
    lag: float


@dataclass(frozen=True)
class JobPlan:
    """How a DI job is before a step and how its runs go; times in seconds.

    :param timeless: whether GetDIJob has no StartedTime.
    """

    migration_type: str
    status: str
    outcome: str
    run_seconds: float
    lag: float
    timeless: bool = False


@dataclass(frozen=True)
class Step:
    """One thing that a schedule does.

    :param kind: one of :data:`KINDS` or :data:`NODE_KINDS`.
    :param faults: what is set up right before.
    :param jobs: the jobs that it is about, several for sensors that share a poller.
    :param wait: whether the operator waits.
    :param deferred: whether it waits in the triggerer.
    :param store: whether Airflow has a task state store (3.3+).
    :param started_by_operator: whether the sensor's job is started by an operator that does not wait.
    :param deadline: execution_timeout in seconds, for a run that takes longer than that.
    :param outcome: how a real-time task or a solution ends.
    :param restart_after: seconds after which the triggerer is restarted.
    :param rotate_after: seconds after which the STS token in use ends and another one takes its place.
    :param end_from_trigger: whether the sensor ends without a worker.
    :param fails_after: how many tries fail after execute has returned.
    :param clocks: by how many seconds the clocks of the tries' machines, and of the triggerer's, are ahead.
    :param poll_seconds: poll_interval.
    :param rival: what somebody else does to the job: seconds from the step's beginning, and the action.
    :param race: whether somebody else starts the job right before our start arrives.
    :param shift: whether jobs of the first page go between two page requests.
    :param by_name: whether the sensor is given the job's name, or the operator the node's.
    :param node: the node that is run.
    """

    kind: str
    faults: tuple[Fault, ...]
    jobs: tuple[JobPlan, ...] = ()
    wait: bool = True
    deferred: bool = False
    store: bool = False
    started_by_operator: bool = False
    deadline: float | None = None
    outcome: str = ""
    restart_after: float | None = None
    rotate_after: float | None = None
    end_from_trigger: bool = False
    fails_after: int = 0
    clocks: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    poll_seconds: float = POLL_SECONDS
    rival: tuple[tuple[float, str], ...] = ()
    race: bool = False
    shift: bool = False
    by_name: bool = False
    node: NodePlan | None = None

    @property
    def clocks_differ(self) -> bool:
        """Whether two of the machines disagree about the time."""
        return len(set(self.clocks)) > 1


OLD_VERSION, NEW_VERSION = "2020-05-18", "2024-05-18"


@dataclass(frozen=True)
class Schedule:
    """All of it.

    :param credentials: access_key, sts or credentials_uri.
    :param settings: the emulator's settings.
    :param strangers: jobs that nobody waits for; with more than a hundred the listing has several pages.
    :param bystanders: jobs that sensors in the triggerer wait for all the time, step after step.
    :param api_version: the version that the connection names, for DI jobs; default 2020-05-18.
    """

    seed: int
    credentials: str
    settings: dict[str, Any]
    strangers: int
    bystanders: int
    steps: tuple[Step, ...]
    api_version: str = OLD_VERSION


def make_schedule(seed: int) -> Schedule:
    """Make the schedule of a seed."""
    chance = random.Random(seed)
    credentials = chance.choice(("access_key", "access_key", "sts", "credentials_uri"))
    settings = {
        "start_running": chance.choice(("refuse", "ignore")),
        "ids_as_text": chance.random() < 0.2,
        "message_beside_success": chance.random() < 0.3,
    }
    strangers = chance.choice((0, 0, 0, PAGE - 2, 130))
    bystanders = chance.choice((0, 0, 2, 20))
    steps = tuple(
        _step(chance, credentials, settings, strangers, bystanders=bystanders) for _ in range(chance.randint(2, 4))
    )
    # Drawn apart, so that a seed makes the steps that it made before there were two versions.
    version = NEW_VERSION if random.Random(f"version {seed}").random() < 0.3 else OLD_VERSION
    steps += _node_steps(random.Random(f"nodes {seed}"), version, steps)
    return Schedule(seed, credentials, settings, strangers, bystanders, steps, version)


def _node_steps(chance: random.Random, version: str, others: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(_run_node(chance, version, others[0].poll_seconds) for _ in range(chance.choice((0, 0, 1, 1, 2))))


def _run_node(chance: random.Random, version: str, poll_seconds: float) -> Step:
    plan = NodePlan(
        outcome=chance.choice(("SUCCESS", "SUCCESS", "SUCCESS", "FAILURE")),
        run_seconds=chance.uniform(0.0, 0.5),
        reruns=chance.choice((0, 0, 0, 1)),
        lag=chance.choice((0.0, 0.0, 0.1, 0.25)),
    )
    faults = draw_faults(chance, RUN_NODE[version], labels=NODE_LABELS)
    if chance.random() < 0.4:
        # The answer is lost to the very call that makes the run.
        label = chance.choice(("reset after", "5xx after", "cut", "slow", "HTML"))
        lost = draw_faults(chance, RUN_NODE[version][:1], labels=(label,))[:1]
        faults = tuple(replace(fault, skip=0) for fault in lost)
    step = Step(
        "run node",
        faults,
        wait=chance.random() < 0.8,
        deferred=chance.random() < 0.5,
        restart_after=chance.uniform(0.05, 0.3) if chance.random() < 0.25 else None,
        fails_after=chance.choice((0, 0, 1, 2)),
        clocks=tuple(chance.choice(CLOCKS) for _ in range(4)) if chance.random() < 0.3 else (0.0,) * 4,
        poll_seconds=poll_seconds,
        by_name=chance.random() < 0.2,
        node=plan,
    )
    if step.wait and chance.random() < 0.1:
        plan = replace(plan, outcome="SUCCESS", run_seconds=30.0, reruns=0, lag=0.0)
        return replace(step, node=plan, faults=(), deadline=1.2, clocks=(0.0,) * 4, fails_after=0)
    return step


def _step(
    chance: random.Random, credentials: str, settings: dict[str, Any], strangers: int, *, bystanders: int
) -> Step:
    kind = chance.choice(KINDS)
    if kind == "unreadable neighbour" and strangers < PAGE:
        kind = "sensor"
    rotates = credentials != "access_key" and chance.random() < 0.4
    common: dict[str, Any] = {
        "wait": chance.random() < 0.8,
        "deferred": chance.random() < 0.5,
        "store": chance.random() < 0.6,
        "restart_after": chance.uniform(0.05, 0.3) if chance.random() < 0.25 else None,
        "rotate_after": chance.uniform(0, 0.3) if rotates else None,
        "fails_after": chance.choice((0, 0, 1, 2)),
        "clocks": tuple(chance.choice(CLOCKS) for _ in range(4)) if chance.random() < 0.3 else (0.0,) * 4,
        "poll_seconds": POLL_BESIDE_OTHERS if bystanders else POLL_SECONDS,
    }
    if kind in ("create", "create by hook"):
        return Step(kind, draw_faults(chance, CREATE, lasting=0.35), **common)
    if kind == "start realtime":
        outcome = chance.choice(("RUN", "RUN", "RUN", "NORUN", "PAUSE"))
        return Step(kind, draw_faults(chance, START_REALTIME), outcome=outcome, **common)
    if kind == "start solution":
        return Step(kind, draw_faults(chance, START_SOLUTION), outcome=chance.choice(("0", "0", "3")), **common)
    if kind == "sensor":
        return _sensor(chance, strangers, common)
    make = {
        "start job": _start_job,
        "contested start": _contested_start,
        "start by hook": _start_by_hook,
        "unreadable neighbour": _unreadable_neighbour,
        "refused after deferral": _refused_after_deferral,
    }[kind]
    step = make(chance, common)
    if step.kind == "contested start":
        # A service that takes a second start without a word keeps it from everybody whose run it is.
        settings["start_running"] = "refuse"
    return step


def _sensor(chance: random.Random, strangers: int, common: dict[str, Any]) -> Step:
    beside_others = common["poll_seconds"] == POLL_BESIDE_OTHERS
    by_operator = chance.random() < (0.8 if beside_others else 0.4)
    common["deferred"] = common["deferred"] or (beside_others and chance.random() < 0.5)
    plans = tuple(_job(chance, sensed=True) for _ in range(1 if by_operator else chance.choice((1, 1, 3, 6))))
    common["end_from_trigger"] = common["deferred"] and chance.random() < 0.2
    if beside_others and by_operator:
        # The run must outlast what the poller saw last before it began.
        plans = tuple(replace(plan, run_seconds=chance.uniform(0.3, 0.8)) for plan in plans)
    actions = SENSE + (START_JOB if by_operator else ())
    shift = strangers == PAGE - 2 and chance.random() < 0.6
    faults = () if shift else draw_faults(chance, actions)
    by_name = chance.random() < 0.3
    return Step("sensor", faults, plans, started_by_operator=by_operator, shift=shift, by_name=by_name, **common)


def _start_job(chance: random.Random, common: dict[str, Any]) -> Step:
    plan = _job(chance)
    deadline = None
    if common["wait"] and chance.random() < 0.1:
        plan = JobPlan("Full", "Initialized", "Finished", 30.0, 0.0)
        deadline = 1.2
        common |= {"clocks": (0.0,) * 4, "fails_after": 0}
    elif chance.random() < 0.2:
        # Without StartedTime a run that nobody sees leaves no trace: no answer to the start is lost here.
        plan = replace(plan, status=chance.choice(("Finished", "Failed")), migration_type="Full", timeless=True)
        plan = replace(plan, run_seconds=chance.uniform(0.4, 0.6), lag=0.0)
        faults = draw_faults(chance, ("StartDIJob",), labels=WITHOUT_DOUBT)
        return Step("start job", faults, (plan,), **{**common, "poll_seconds": 1.0})
    return Step("start job", draw_faults(chance, START_JOB), (plan,), deadline=deadline, **common)


def _contested_start(chance: random.Random, common: dict[str, Any]) -> Step:
    plan = replace(_job(chance, sensed=True), run_seconds=chance.uniform(0.3, 0.6), lag=0.0)
    actions = chance.choice((("StartDIJob",), ("StartDIJob", "StopDIJob"), ("StopDIJob",), ()))
    moment, script = 0.0, []
    for action in actions:
        moment += chance.choice((chance.uniform(0.0, 0.1), chance.uniform(0.1, 0.8)))
        script.append((moment, action))
    faults = draw_faults(chance, ("StartDIJob",), labels=WITHOUT_DOUBT)
    if chance.random() < 0.4:
        # All attempts of the first try are refused, and meanwhile somebody else starts the job.
        faults = draw_faults(chance, ("StartDIJob",), lasting=1.0, labels=("503 unavailable",))[:1]
        faults = tuple(replace(fault, count=chance.choice((5, 5, 7, 10)), skip=0) for fault in faults)
        script = [(chance.uniform(0.1, 0.5), "StartDIJob")]
    faults = tuple(replace(fault, params={**fault.params, "where": OUR_START}) for fault in faults)
    deadline = None
    if common["wait"] and chance.random() < 0.2:
        plan, deadline = replace(plan, run_seconds=30.0), 1.2
        common |= {"clocks": (0.0,) * 4, "fails_after": 0}
    race = not faults and chance.random() < 0.5
    return Step("contested start", faults, (plan,), rival=tuple(script), race=race, deadline=deadline, **common)


def _start_by_hook(chance: random.Random, common: dict[str, Any]) -> Step:
    plan = replace(_job(chance), run_seconds=chance.uniform(0.5, 1.0))
    if chance.random() < 0.6:
        plan = replace(plan, status="Running", migration_type="FullAndRealtimeIncremental", lag=0.0)
    return Step("start by hook", draw_faults(chance, ("StartDIJob",), labels=("5xx before", "HTML")), (plan,), **common)


def _unreadable_neighbour(chance: random.Random, common: dict[str, Any]) -> Step:
    ends = chance.uniform(0.5, 1.0)
    plans = tuple(JobPlan("Full", "Initialized", "Finished", ends, 0.0) for _ in range(2))
    common |= {"deferred": True, "restart_after": None, "rotate_after": None, "poll_seconds": 0.1}
    return Step("unreadable neighbour", (), plans, **common)


def _refused_after_deferral(chance: random.Random, common: dict[str, Any]) -> Step:
    plan = JobPlan("Full", chance.choice(("Finished", "Failed")), "Finished", 0.2, 0.0)
    common |= {"deferred": True, "wait": True, "rotate_after": None, "fails_after": 0, "poll_seconds": 0.6}
    return Step("refused after deferral", (), (plan,), **common)


def _job(chance: random.Random, *, sensed: bool = False) -> JobPlan:
    statuses = ("Initialized", "Finished", "Finished", "Failed", "Stopped")
    return JobPlan(
        migration_type=chance.choice(
            ("Full", "Full", "FullAndOfflineIncremental")
            if sensed
            else ("Full", "Full", "FullAndRealtimeIncremental", "OfflineIncremental")
        ),
        status=chance.choice(statuses if sensed else (*statuses, "Running", "Running")),
        outcome=chance.choice(("Finished", "Finished", "Finished", "Failed", "Stopped")),
        run_seconds=chance.uniform(0.0, 0.5),
        lag=0.0 if sensed and chance.random() < 0.5 else chance.choice((0.0, 0.05, 0.15)),
    )
