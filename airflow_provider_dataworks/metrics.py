"""Metrics of the package, through Airflow's own statistics; where these are off, nothing is sent.

Airflow 3.2 and later set up the statistics of the task SDK in a task's process, and those of Airflow's core in the
triggerer: what one of them counts in the other's process is lost, so each process has its own object here.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

STARTS = "dataworks.starts"
POLLS = "dataworks.polls"
FAILED_POLLS = "dataworks.polls.failed"
THROTTLED = "dataworks.throttled"
#: Followed by how the wait ended, such as ``dataworks.waits.reached``.
WAITS = "dataworks.waits"
EVENTS = "dataworks.events"
END_LAG = "dataworks.end_lag"

_log = logging.getLogger(__name__)


class Metrics:
    """The statistics of one kind of process; no use of them ever raises.

    :param modules: the modules to find Airflow's ``Stats`` in; the first that exists counts.
    """

    def __init__(self, *modules: str) -> None:
        self._modules = modules

    def count(self, name: str, **tags: Any) -> None:
        """Count one more.

        :param name: the metric.
        :param tags: what kind it is, for the back ends that take tags.
        """
        self._send("incr", name, 1, tags)

    def seconds(self, name: str, seconds: float, **tags: Any) -> None:
        """Record how long something took.

        :param name: the metric.
        :param seconds: how long; what another machine's clock makes negative counts as 0.
        :param tags: what kind it is, for the back ends that take tags.
        """
        self._send("timing", name, timedelta(seconds=max(0.0, seconds)), tags)

    def throttled(self, action: str) -> None:
        """Count a request that the service throttled.

        :param action: the API's action.
        """
        self.count(THROTTLED, action=action)

    def _send(self, method: str, name: str, value: Any, tags: dict[str, Any]) -> None:
        try:
            # Tags are values that a statistics server takes: no blanks.
            plain = {key: str(value).replace(" ", "_") for key, value in tags.items()}
            getattr(self.stats, method)(name, value, tags=plain)
        except Exception as error:  # noqa: BLE001 - a metric must not fail what it counts
            _log.debug("%s is not counted: %s", name, error)

    @cached_property
    def stats(self) -> Any:
        """Airflow's ``Stats``.

        :raises ImportError: this Airflow has none.
        """
        return _first_of(self._modules)


def _first_of(modules: Sequence[str]) -> Any:
    try:
        return importlib.import_module(modules[0]).Stats
    except ImportError:
        if len(modules) == 1:
            raise
    return _first_of(modules[1:])


#: For what runs in a task's process.
in_task = Metrics("airflow.sdk.observability.stats", "airflow.stats")

#: For what runs in the triggerer.
in_triggerer = Metrics("airflow.observability.stats", "airflow.stats")
