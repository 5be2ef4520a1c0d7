"""Lets the code under test sleep a fraction of what it asks for, so that hundreds of schedules fit into a minute."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from unittest import mock

from airflow_provider_dataworks.client.client import DataWorksClient
from airflow_provider_dataworks.hooks import dataworks as hook_module
from airflow_provider_dataworks.operators import data_integration as operator_module
from airflow_provider_dataworks.sensors.data_integration import DIJobStatusSensor
from airflow_provider_dataworks.triggers import poller as poller_module
from airflow_provider_dataworks.triggers.data_integration import DIJobStatusTrigger, DISyncInstanceTrigger

#: A pause of 1 s takes 25 ms: the whole backoff of a call half a second, the looks after a lost start 0.4 s.
FACTOR = 40

log = logging.getLogger("tests.faults.tasks")


@contextlib.contextmanager
def fast_clock() -> Iterator[None]:
    """Have hooks, operators and pollers sleep shorter by the factor; what tasks log goes to this module's logger."""
    fast_time = SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=_sleep)
    loggers = (
        hook_module.DataWorksHook,
        operator_module.CreateDISyncTaskOperator,
        operator_module.StartDIJobOperator,
        operator_module.StartDISyncInstanceOperator,
        DIJobStatusSensor,
        DIJobStatusTrigger,
        DISyncInstanceTrigger,
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(hook_module, "DataWorksClient", partial(DataWorksClient, sleep=_sleep)))
        stack.enter_context(mock.patch.object(operator_module, "time", fast_time))
        stack.enter_context(mock.patch.object(poller_module, "_SMALLEST_GAP", 0.02))
        stack.enter_context(mock.patch.object(poller_module, "_LONGEST_BACKOFF", 0.3))
        for kind in loggers:
            stack.enter_context(mock.patch.object(kind, "log", log))
        yield


def _sleep(seconds: float) -> None:
    time.sleep(seconds / FACTOR)
