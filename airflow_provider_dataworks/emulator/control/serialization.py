"""Resources as the control endpoint reads and writes them: JSON objects, by the fields that their kind declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dataworks.emulator.backend.resource import ResourceKind, ResourceT
from airflow_provider_dataworks.emulator.backend.state import State


def show(kind: ResourceKind[ResourceT], item: ResourceT) -> dict[str, Any]:
    """Return a resource as JSON."""
    shown = {}
    for field in kind.fields:
        value = getattr(item, field.attribute)
        shown[field.name] = value if field.show is None else field.show(value)
    return shown


def create(state: State, kind: ResourceKind[ResourceT], wanted: list[Any]) -> list[ResourceT]:
    """
    Add resources: all or, when one of them is invalid, none.

    :raises ValueError: a resource cannot be made of what is given.
    """
    collection = state[kind]
    items, taken = [], {kind.id_of(item) for item in collection.all()}
    for fields in wanted:
        values = _checked(kind, fields)
        identifier = values.get(kind.id_attribute)
        while identifier is None or (kind.id_attribute not in values and identifier in taken):
            identifier = collection.new_id()
        if identifier in taken:
            raise ValueError(f"{kind.id_field} {identifier} exists already")
        taken.add(identifier)
        defaults = {"project_id": state.settings.project_id, **kind.defaults(identifier), kind.id_attribute: identifier}
        item = kind.model(**{**defaults, **values})
        kind.on_request(state, item, values)
        items.append(item)
    for item in items:
        collection.add(item)
    return items


def change(state: State, kind: ResourceKind[ResourceT], item: ResourceT, wanted: Any) -> None:
    """
    Change a resource: all of the fields or, when one is invalid, none.

    :raises ValueError: a field cannot be set so.
    """
    values = _checked(kind, wanted)
    if values.get(kind.id_attribute, kind.id_of(item)) != kind.id_of(item):
        raise ValueError("the id cannot be changed")
    for attribute, value in values.items():
        setattr(item, attribute, value)
    if any(field.moves and field.attribute in values for field in kind.fields):
        item.timeline.clear()
    kind.on_change(item)
    kind.on_request(state, item, values)


def _checked(kind: ResourceKind[Any], wanted: Any) -> dict[str, Any]:
    if not isinstance(wanted, Mapping):
        raise ValueError(f"there must be a JSON object, not {wanted!r}")
    known = {field.name: field for field in kind.fields}
    unknown = set(wanted) - set(known)
    if unknown:
        raise ValueError(f"no field {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    values = {}
    for name, value in wanted.items():
        field = known[name]
        if field.check is None:
            raise ValueError(f"{name} is kept by the emulator and cannot be set")
        values[field.attribute] = field.check(name, value)
    return values
