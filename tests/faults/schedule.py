"""A schedule: what is created, started and waited for, and which faults meet it; the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

#: Actions by the steps that use them; a fault is aimed at one of these, or at whatever comes.
CREATE = ("CreateDISyncTask",)
START_JOB = ("GetDIJob", "StartDIJob", "ListDIJobs")
START_REALTIME = ("GetDISyncInstanceInfo", "StartDISyncInstance")
START_SOLUTION = ("GetDISyncTask", "StartDISyncInstance")
SENSE = ("ListDIJobs", "GetDIJob")

TRANSIENT_ERRORS = (
    (500, "InternalError.System"),
    (500, "InternalError.UserId.Missing"),
    (502, "BadGateway"),
    (504, "GatewayTimeout"),
)
#: Codes that must end a call at once, whatever their status says.
PERMANENT_ERRORS = (
    (403, "Forbidden.Access"),
    (429, "Throttling.Api.Risk"),
    (429, "Throttling.Resource"),
    (500, "Forbidden.Not.Server"),
)
PERMANENT_CODES = frozenset(code for _, code in PERMANENT_ERRORS)
#: Kinds that keep an answer from coming at all, RequestId included.
SILENT_KINDS = frozenset({"reset", "slow"})

OLD = 1_700_000_000


@dataclass(frozen=True)
class Fault:
    """One fault, as the emulator's control endpoint takes it; ``label`` is what the table counts it as."""

    label: str
    kind: str
    action: str | None
    count: int
    skip: int
    effect: str
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobPlan:
    """How a DI job is before a step and how its runs go; times in seconds."""

    migration_type: str
    status: str
    outcome: str
    run_seconds: float
    lag: float


@dataclass(frozen=True)
class Step:
    """One thing that a schedule does.

    :param kind: create, create by hook, start job, start realtime, start solution, sensor.
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


@dataclass(frozen=True)
class Schedule:
    """All of it.

    :param credentials: access_key, sts or credentials_uri.
    :param settings: the emulator's settings.
    :param strangers: jobs that nobody waits for; with more than a hundred the listing has several pages.
    """

    seed: int
    credentials: str
    settings: dict[str, Any]
    strangers: int
    steps: tuple[Step, ...]


def make_schedule(seed: int) -> Schedule:
    """Make the schedule of a seed."""
    chance = random.Random(seed)
    credentials = chance.choice(("access_key", "access_key", "sts", "credentials_uri"))
    settings = {
        "start_running": chance.choice(("refuse", "ignore")),
        "ids_as_text": chance.random() < 0.2,
        "message_beside_success": chance.random() < 0.3,
    }
    steps = tuple(_step(chance, credentials) for _ in range(chance.randint(2, 4)))
    return Schedule(seed, credentials, settings, 130 if chance.random() < 0.15 else 0, steps)


def _step(chance: random.Random, credentials: str) -> Step:
    kind = chance.choice(
        ("create", "create by hook", "start job", "start job", "start job", "start realtime", "start solution")
        + ("sensor",) * 3
    )
    common: dict[str, Any] = {
        "wait": chance.random() < 0.8,
        "deferred": chance.random() < 0.5,
        "store": chance.random() < 0.6,
        "restart_after": chance.uniform(0.05, 0.3) if chance.random() < 0.25 else None,
        "rotate_after": chance.uniform(0, 0.3) if credentials != "access_key" and chance.random() < 0.4 else None,
    }
    if kind in ("create", "create by hook"):
        return Step(kind, _faults(chance, CREATE, lasting=0.35), **common)
    if kind == "start realtime":
        outcome = chance.choice(("RUN", "RUN", "RUN", "NORUN", "PAUSE"))
        return Step(kind, _faults(chance, START_REALTIME), outcome=outcome, **common)
    if kind == "start solution":
        return Step(kind, _faults(chance, START_SOLUTION), outcome=chance.choice(("0", "0", "3")), **common)
    if kind == "sensor":
        by_operator = chance.random() < 0.5
        plans = tuple(_job(chance, sensed=True) for _ in range(1 if by_operator else chance.choice((1, 1, 3, 6))))
        common["end_from_trigger"] = common["deferred"] and chance.random() < 0.2
        actions = SENSE + (START_JOB if by_operator else ())
        return Step(kind, _faults(chance, actions), plans, started_by_operator=by_operator, **common)
    plan = _job(chance)
    deadline = None
    if common["wait"] and chance.random() < 0.1:
        plan = JobPlan("Full", "Initialized", "Finished", 30.0, 0.0)
        deadline = 1.2
    return Step("start job", _faults(chance, START_JOB), (plan,), deadline=deadline, **common)


def _job(chance: random.Random, *, sensed: bool = False) -> JobPlan:
    statuses = ("Initialized", "Finished", "Finished", "Failed", "Stopped")
    return JobPlan(
        migration_type=chance.choice(
            ("Full", "Full", "FullAndOfflineIncremental")
            if sensed
            else ("Full", "Full", "FullAndRealtimeIncremental", "OfflineIncremental")
        ),
        status=chance.choice(statuses if sensed else (*statuses, "Running")),
        outcome=chance.choice(("Finished", "Finished", "Finished", "Failed", "Stopped")),
        run_seconds=chance.uniform(0.0, 0.5),
        lag=0.0 if sensed and chance.random() < 0.5 else chance.choice((0.0, 0.05, 0.15)),
    )


def _faults(chance: random.Random, actions: tuple[str, ...], lasting: float = 0.1) -> tuple[Fault, ...]:
    """
    Choose faults.

    :param lasting: the chance of each to last for longer than a call is tried.
    """
    number = chance.choice((0, 1, 1, 2, 2, 3, 4))
    return tuple(_fault(chance, actions, lasting) for _ in range(number))


def _fault(chance: random.Random, actions: tuple[str, ...], lasting: float) -> Fault:
    label = chance.choice(tuple(_LABELS))
    kind, effects, params = _LABELS[label](chance)
    action = chance.choice((None, *actions))
    if kind == "body":
        # For these an answer without its content cannot be mistaken for a good one.
        action = chance.choice([name for name in actions if name != "StartDIJob"])
    count = chance.randint(6, 14) if chance.random() < lasting else chance.choice((1, 1, 1, 2, 3))
    if kind == "slow":
        count = min(count, 2)
    return Fault(label, kind, action, count, chance.choice((0, 0, 0, 1, 2)), chance.choice(effects), params)


_BEFORE, _EITHER = ("before",), ("before", "after")


def _throttle(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    params: dict[str, Any] = {
        "status": chance.choice((429, 429, 400)),
        "code": chance.choice(("Throttling.User", "Throttling.Api", "Throttling.System")),
    }
    if chance.random() < 0.3:
        params["headers"] = {"x-acs-retry-after": str(chance.randint(20, 200))}
    return "throttle", _BEFORE, params


def _error(choices: tuple[tuple[int, str], ...], effects: tuple[str, ...]) -> Any:
    def make(chance: random.Random) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        status, code = chance.choice(choices)
        return "error", effects, {"status": status, "code": code}

    return make


def _plain(kind: str, effects: tuple[str, ...], **params: Any) -> Any:
    return lambda chance: (kind, effects, dict(params))


_LABELS: dict[str, Any] = {
    "throttling": _throttle,
    "5xx before": _error(TRANSIENT_ERRORS, _BEFORE),
    "5xx after": _error(TRANSIENT_ERRORS, ("after",)),
    "503 unavailable": _error(((503, "ServiceUnavailable"),), _BEFORE),
    "repeated nonce": _error(((400, "SignatureNonceUsed"),), ("after",)),
    "final refusal": _error(PERMANENT_ERRORS, _BEFORE),
    "reset before": _plain("reset", _BEFORE),
    "reset after": _plain("reset", ("after",)),
    "cut": _plain("cut", _EITHER),
    "slow": _plain("slow", ("after",), seconds=3.0),
    "HTML": lambda chance: ("html", _EITHER, {"status": chance.choice((502, 502, 503, 200))}),
    "wrong JSON": _plain("wrong_json", _EITHER),
    "wrong type": _plain("wrong_type", _EITHER),
    "empty": lambda chance: ("empty", _EITHER, {"status": chance.choice((200, 200, 502))}),
    "no content": _plain("body", _EITHER, body={"Success": True}),
    "clock skew": lambda chance: ("clock_skew", _BEFORE, {"seconds": chance.choice((-7200.0, 7200.0))}),
    "expired token": _plain("expired_token", _BEFORE),
}
LABELS = tuple(_LABELS)
