"""The state of the emulated service: the resources of each kind, the workspaces, and the client tokens in use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.clock import Clock
from airflow_provider_dataworks.emulator.backend.resource import ResourceCollection, ResourceKind, ResourceT
from airflow_provider_dataworks.emulator.settings import Settings


class State:
    """
    The state, on one clock: monotonic time decides, Unix time is what is shown. The clock has to be in use when the
    state is read or changed.

    ``state[KIND]`` is the :class:`ResourceCollection` of a kind.

    :param settings: the emulator's settings; read at each use, so that changes apply at once.
    :param kinds: the kinds of resources that there are.
    :raises ValueError: two kinds have the same path.
    """

    def __init__(self, settings: Settings, kinds: Iterable[ResourceKind[Any]]) -> None:
        self.settings = settings
        self.clock = Clock()
        self._collections: dict[str, ResourceCollection[Any]] = {}
        self._tokens: dict[tuple[str, int, str], tuple[Any, Any]] = {}
        with self.clock.in_use():
            for kind in kinds:
                if kind.path in self._collections:
                    raise ValueError(f"there are two kinds of resources with the path {kind.path}")
                collection = self._collections[kind.path] = ResourceCollection(kind)
                for item in kind.initial(settings):
                    collection.add(item)

    def __getitem__(self, kind: ResourceKind[ResourceT]) -> ResourceCollection[ResourceT]:
        return self._collections[kind.path]

    def collections(self) -> list[ResourceCollection[Any]]:
        """Return the collections of all kinds."""
        return list(self._collections.values())

    # Workspaces

    def project_ids(self) -> list[int]:
        """Return the workspaces: the first one, and each one that holds a resource."""
        held = (collection.project_ids() for collection in self._collections.values())
        return sorted({self.settings.project_id}.union(*held))

    def check_project(self, project_id: int) -> None:
        """
        Check that a workspace exists.

        :raises ApiRefusal: it does not.
        """
        if project_id not in self.project_ids():
            raise assumptions.unknown_project(project_id)

    # Client tokens

    def recall(self, action: str, project_id: int, client_token: str, parameters: Any) -> Any:
        """
        Return the id of what an action created with a client token, or None when the token is new.

        :raises ApiRefusal: it was used with other parameters.
        """
        remembered = self._tokens.get((action, project_id, client_token))
        if remembered is None:
            return None
        if remembered[0] != parameters:
            raise assumptions.other_parameters_for_token()
        return remembered[1]

    def remember(self, action: str, project_id: int, client_token: str, parameters: Any, created_id: Any) -> None:
        """Remember what an action created with a client token."""
        self._tokens[action, project_id, client_token] = (parameters, created_id)
