"""What a kind of resource declares, and the collection that holds the resources of one kind."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, Protocol, TypeVar

from airflow_provider_dataworks.emulator.backend.clock import monotonic
from airflow_provider_dataworks.emulator.backend.timeline import Timeline
from airflow_provider_dataworks.emulator.settings import Settings

Check = Callable[[str, Any], Any]


class Resource(Protocol):
    """
    What the emulator needs of each resource.

    :param project_id: the workspace that it belongs to.
    :param timeline: the changes that are scheduled for it.
    """

    project_id: int
    timeline: Timeline

    def advance(self, now: float) -> None:
        """Apply what is due at this monotonic time, in seconds."""


ResourceT = TypeVar("ResourceT", bound=Resource)


@dataclasses.dataclass(frozen=True)
class Field:
    """
    One field of a resource, as the control endpoint shows and sets it.

    :param name: its name in JSON.
    :param attribute: the attribute of the resource.
    :param check: returns the value to store, or raises ValueError; None is a field that cannot be set.
    :param moves: whether setting it cancels the changes that were scheduled; default False.
    :param show: makes of the attribute what is shown; default the attribute itself.
    """

    name: str
    attribute: str
    check: Check | None = None
    moves: bool = False
    show: Callable[[Any], Any] | None = None


def _nothing(item: Any) -> None:
    pass


def _unchecked(state: Any, item: Any, given: Collection[str]) -> None:
    pass


def _no_defaults(identifier: Any) -> dict[str, Any]:
    return {}


def _none(settings: Settings) -> Iterable[Any]:
    return ()


@dataclasses.dataclass(frozen=True, eq=False)
class ResourceKind(Generic[ResourceT]):
    """
    One kind of resource: everything that the emulator's general parts have to know of it.

    :param name: its name in messages, singular.
    :param path: where it is below the control endpoint, plural; also its key in the state.
    :param model: makes a resource of the attributes that are given.
    :param id_attribute: the attribute that identifies it; one of the fields has to be of that attribute.
    :param fields: what the control endpoint shows, in this order.
    :param first_new_id: number of the first resource that is created while the emulator runs.
    :param make_id: makes an id of such a number; default the number itself.
    :param parse_id: makes an id of its spelling in a path; raises ValueError; default ``int``.
    :param defaults: attributes of a resource with this id that the control endpoint was not given. The workspace needs
        no default.
    :param initial: the resources that there are from the start.
    :param on_add: called with each resource that is added.
    :param on_change: called with each resource that the control endpoint has changed.
    :param on_request: called with the state, each resource that the control endpoint is about to add or has changed,
        and the attributes that it was given; raises ValueError when the resource cannot be added.
    """

    name: str
    path: str
    model: Callable[..., ResourceT]
    id_attribute: str
    fields: tuple[Field, ...]
    first_new_id: int
    make_id: Callable[[int], Any] = int
    parse_id: Callable[[str], Any] = int
    defaults: Callable[[Any], dict[str, Any]] = _no_defaults
    initial: Callable[[Settings], Iterable[ResourceT]] = _none
    on_add: Callable[[ResourceT], None] = _nothing
    on_change: Callable[[ResourceT], None] = _nothing
    on_request: Callable[[Any, ResourceT, Collection[str]], None] = _unchecked

    @property
    def id_field(self) -> str:
        """The id's name in JSON."""
        return next(field.name for field in self.fields if field.attribute == self.id_attribute)

    def id_of(self, item: ResourceT) -> Any:
        """Return the id of a resource."""
        return getattr(item, self.id_attribute)


class ResourceCollection(Generic[ResourceT]):
    """
    The resources of one kind, by id. Reading a resource first applies the changes that are due.

    :param kind: the kind.
    """

    def __init__(self, kind: ResourceKind[ResourceT]) -> None:
        self.kind = kind
        self._items: dict[Any, ResourceT] = {}
        self._numbers = itertools.count(kind.first_new_id)

    def new_id(self) -> Any:
        """Return an id that is free."""
        return next(new for new in map(self.kind.make_id, self._numbers) if new not in self._items)

    def add(self, item: ResourceT) -> None:
        """Add a resource; one with the same id is replaced."""
        self.kind.on_add(item)
        self._items[self.kind.id_of(item)] = item

    def find(self, identifier: Any) -> ResourceT | None:
        """Return a resource, or None when there is none with this id."""
        item = self._items.get(identifier)
        if item is not None:
            item.advance(monotonic())
        return item

    def remove(self, item: ResourceT) -> None:
        """Remove a resource."""
        del self._items[self.kind.id_of(item)]

    def project_ids(self) -> set[int]:
        """Return the workspaces that the resources belong to."""
        return {item.project_id for item in self._items.values()}

    def all(self) -> list[ResourceT]:
        """Return all resources, in the order of their ids."""
        now = monotonic()
        for item in self._items.values():
            item.advance(now)
        return [self._items[identifier] for identifier in sorted(self._items)]


def string(name: str, value: Any) -> str:
    """
    Check a string.

    :raises ValueError: it is something else.
    """
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, not {value!r}")
    return value


def identifier(name: str, value: Any) -> int:
    """
    Check a numeric id.

    :raises ValueError: it is not a whole number from 1 on.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number from 1 on, not {value!r}")
    return value
