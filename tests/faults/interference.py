"""What others do at just that moment: right before a request of the package's client, or right after one."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from airflow_provider_dataworks.client.actions import Action
from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.hooks import base as hook_module

#: What is to be done, by the endpoint of the requests.
_by_endpoint: dict[str, Interference] = {}


class Interference:
    """Does something once, at the next request of an action that fits.

    :param endpoint: where the requests go.
    """

    def __init__(self, endpoint: str) -> None:
        self._lock = threading.Lock()
        self._before: dict[str, Callable[[], object]] = {}
        self._after: dict[str, Callable[[], object]] = {}
        _by_endpoint[endpoint] = self

    def before(self, action: str, act: Callable[[], object]) -> None:
        """Act right before the next call of an action."""
        self._before[action] = act

    def after(self, action: str, act: Callable[[], object]) -> None:
        """Act right after the next answer to an action."""
        self._after[action] = act

    def clear(self) -> None:
        """Do nothing any more."""
        with self._lock:
            self._before.clear()
            self._after.clear()

    def met_before(self, action: str) -> None:
        """A call is about to be made."""
        self._act(self._before, action)

    def met_after(self, action: str) -> None:
        """A call was answered."""
        self._act(self._after, action)

    def _act(self, acts: dict[str, Callable[[], object]], action: str) -> None:
        with self._lock:
            act = acts.pop(action, None)
        if act is not None:
            act()


class InterruptedClient(DataWorksClient):
    """The package's client, and others that act in between."""

    def call(self, action: Action, *arguments: Any, **options: Any) -> dict[str, Any]:
        """Call, interrupted."""
        interference = _by_endpoint.get(self.endpoint)
        if interference is None:
            return super().call(action, *arguments, **options)
        interference.met_before(action.name)
        answer = super().call(action, *arguments, **options)
        interference.met_after(action.name)
        return answer


@contextlib.contextmanager
def interrupted_clients() -> Iterator[None]:
    """Have the package's hooks use interrupted clients."""
    with mock.patch.object(hook_module, "DataWorksClient", InterruptedClient):
        yield
