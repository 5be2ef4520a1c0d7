"""What can be waited for: how it is polled, what its statuses mean, how it is started, stopped and described."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow_provider_dataworks.client.errors import printable

if TYPE_CHECKING:
    from airflow_provider_dataworks.exceptions import DataWorksJobError
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

Target = TypeVar("Target", bound="WaitTarget")


class WaitState(str, Enum):
    """What a status means for a wait."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RunState(Enum):
    """What a status says of the run that it belongs to, whatever a task waits for."""

    IDLE = "idle"
    """It never ran, or the status is not known."""
    RUNNING = "running"
    STOPPING = "stopping"
    """It is being stopped, and takes no start until it has stopped."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It failed or was stopped: a retry of the task starts another one."""

    @property
    def has_ended(self) -> bool:
        """Whether the run is over."""
        return self in (RunState.SUCCEEDED, RunState.FAILED)


@dataclass(frozen=True)
class StatusSnapshot:
    """What one poll saw of a target.

    :param status: the status, in the API's own word.
    :param exact: whether the target itself was read, not a list, which may lag; default True.
    :param started: what distinguishes a run from the one before, such as StartedTime; None (default) where it is not
        given.
    :param name: the target's name; default None.
    :param detail: what the log adds to the end of a wait, such as ``MigrationType Full``; default empty.
    :param type: the target's type, where its kind has types, such as MigrationType; default None.
    """

    status: str
    exact: bool = True
    started: Any = None
    name: str | None = None
    detail: str = ""
    type: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """What a snapshot means for a wait.

    :param state: whether the wait is over, and how.
    :param new_run_seen: whether the run that is waited for has shown, now or before; default True.
    :param confirm: whether the target itself must be polled, because a list may lag; default False.
    """

    state: WaitState
    new_run_seen: bool = True
    confirm: bool = False


@dataclass(frozen=True)
class StatusWords:
    """The documented statuses of a kind of target.

    :param known: all of them; another one is warned of, and waited through.
    :param meanings: words for statuses that are numbers; default none.
    """

    known: frozenset[str]
    meanings: Mapping[str, str] | None = None

    def describe(self, status: str | None) -> str:
        """The status as the log gives it, with its meaning where it is a number.

        :param status: the status, None if none was seen.
        """
        meaning = (self.meanings or {}).get(status or "")
        return f"{status} ({meaning})" if meaning else printable(status)


class BatchPoll(ABC):
    """Requests that answer many targets of one group at once; a poller keeps one object for each group.

    A tick begins with :meth:`begin_tick`; then requests are made until :meth:`next_request` gives none. Targets that
    no answer had are then polled one by one.
    """

    def watch(self, target: WaitTarget) -> None:  # noqa: B027 - most need no more than the ids
        """Take note of a target that somebody waits for from now on; default does nothing.

        :param target: the target.
        """

    @abstractmethod
    def begin_tick(self) -> None:
        """Forget which requests were made in the last tick."""

    @abstractmethod
    def next_request(self, wanted: frozenset[int]) -> Hashable | None:
        """Choose the next request.

        :param wanted: ids that have no answer yet; at least one.
        :return: what to give to :meth:`fetch`; None if polling one by one takes no more requests.
        """

    @abstractmethod
    def fetch(self, hook: DataWorksHook, project_id: int, request: Any) -> Any:
        """Make a request, in a thread.

        :param hook: the hook to call.
        :param project_id: the workspace.
        :param request: what :meth:`next_request` gave.
        :return: the answer, for :meth:`read`.
        :raises DataWorksError: as the hook raises.
        """

    @abstractmethod
    def read(self, request: Any, answer: Any, watched: frozenset[int]) -> dict[int, StatusSnapshot]:
        """Read an answer, and remember where targets were found.

        :param request: the request that was made.
        :param answer: its answer.
        :param watched: ids of all targets that are waited for.
        :return: snapshots by id, of watched targets only.
        """

    @abstractmethod
    def forget(self, target_id: int) -> None:
        """Forget a target that nobody waits for any more.

        :param target_id: its id.
        """


@dataclass(frozen=True)
class WaitTarget(ABC):
    """One thing that is waited for; plain values only, so that a trigger can carry it.

    :param project_id: the workspace.
    """

    project_id: int

    #: Names the kind in logs, such as ``DI job``.
    kind: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC not in cls.__bases__ and not getattr(cls, "kind", None):
            raise TypeError(f"{cls.__name__} must name its kind")

    @property
    @abstractmethod
    def id(self) -> int:
        """The target's id."""

    @property
    @abstractmethod
    def words(self) -> StatusWords:
        """The statuses that are documented."""

    @property
    def group(self) -> str:
        """What targets have in common that one request may answer; default the kind."""
        return self.kind

    @property
    def key(self) -> tuple[str, int]:
        """What two targets have in common that the same poll answers."""
        return (self.group, self.id)

    def describe(self, name: str | None = None) -> str:
        """The target in a log line or an error.

        :param name: its name, where it is known; default None.
        :return: such as ``DI job 1001 (orders)``.
        """
        return f"{self.group} {self.id}" + (f" ({printable(name)})" if name else "")

    @abstractmethod
    def poll(self, hook: DataWorksHook) -> StatusSnapshot:
        """Read the target itself, in one request.

        :param hook: the hook to call.
        :return: what was seen.
        :raises DataWorksError: as the hook raises.
        """

    def batch(self) -> BatchPoll | None:
        """Requests that answer all targets of the group.

        :return: a new object that makes them; None (default) if each target is polled by itself.
        """
        return None

    @abstractmethod
    def evaluate(self, snapshot: StatusSnapshot, *, new_run_seen: bool, start_overdue: bool) -> Evaluation:
        """Decide what a snapshot means.

        :param snapshot: what a poll saw.
        :param new_run_seen: whether the run that is waited for has shown in this wait before.
        :param start_overdue: whether the time is over within which it must show.
        :return: whether the wait is over, and how.
        """

    @property
    def shows_within(self) -> float | None:
        """Seconds from the beginning of the wait within which a start must show; None (default) if it has shown."""
        return None

    def progress(self, hook: DataWorksHook) -> str:
        """Say how far the target is, in at most one request, for the line that a long wait logs now and then.

        :param hook: the hook to call.
        :return: such as ``3 of 7 tables finished``; default empty.
        :raises DataWorksError: as the hook raises.
        """
        return ""

    @property
    def why_not_stopped(self) -> str | None:
        """Why :meth:`stop` is not possible, such as ``the API stops no solutions``; None (default) if it is."""
        return None

    def stop(self, hook: DataWorksHook) -> None:
        """Ask the service to stop the target.

        :param hook: the hook to call.
        :raises DataWorksError: as the hook raises.
        """
        raise NotImplementedError(f"{self.kind}: {self.why_not_stopped or 'nothing stops it'}")

    def results(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> dict[str, Any]:
        """Read what a target that has ended leaves behind, for a task that ends in the triggerer.

        :param hook: the hook to call.
        :param snapshot: the last snapshot.
        :param log: the task's logger; also gets what belongs in the task's log.
        :return: further XComs by key, as JSON takes them; ``return_value`` is the task's own, in place of the status.
            Default none.
        """
        return {}

    @abstractmethod
    def failure(self, hook: DataWorksHook, snapshot: StatusSnapshot, log: Any) -> DataWorksJobError:
        """The error for a target that ended badly, with the service's reason.

        :param hook: the hook to ask for the reason.
        :param snapshot: the last snapshot.
        :param log: where to say that the reason cannot be had.
        :return: the error to raise.
        """

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Name the target's values, in order.

        :return: the names.
        """
        return tuple(one.name for one in fields(cls))

    def values(self) -> dict[str, Any]:
        """Give the target as JSON takes it.

        :return: its values by name.
        """
        return {name: _as_json(getattr(self, name)) for name in self.field_names()}

    @classmethod
    def from_values(cls: type[Target], values: Mapping[str, Any]) -> Target:
        """The target that :meth:`values` described.

        :param values: its values by name.
        :return: the target.
        """
        plain: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**plain)


class StartTarget(WaitTarget, ABC):
    """A target that a task starts before it waits for it."""

    #: What the API calls the target's id; the record of a started run has it under this name.
    id_name: ClassVar[str]
    #: Whether a start must show before the task goes on, also where it does not wait; else it shows while waiting.
    confirms_start: ClassVar[bool] = True

    @abstractmethod
    def run_state(self, snapshot: StatusSnapshot) -> RunState:
        """What a snapshot says of the target's last run.

        :param snapshot: what a poll saw.
        :return: the state of the run.
        """

    @abstractmethod
    def shows_new_run(self, now: StatusSnapshot, before: StatusSnapshot) -> bool:
        """Whether the target shows a run that was started after it was read before.

        :param now: what a poll saw.
        :param before: what a poll saw before the start.
        :return: False where nothing shows it.
        """

    def run_marker(self, hook: DataWorksHook) -> Any:
        """Read what distinguishes a run that is over from the one before it, where a poll does not.

        :param hook: the hook to call.
        :return: something that differs for another run; None (default) if a poll shows it, or nothing does.
        """
        return None

    @abstractmethod
    def after_start(self: Target, before: StatusSnapshot, start_timeout: float) -> Target:
        """The target of the wait that follows a start.

        :param before: what a poll saw before the start.
        :param start_timeout: seconds within which the start must show, where that is waited for while waiting.
        :return: the target to wait for.
        """

    def attached(self: Target) -> Target:
        """Make the target of a wait for a run that is there already.

        :return: the target to wait for; default the target itself.
        """
        return self


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
