"""The triggers for DI jobs, and for real-time tasks and solutions."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_provider_dataworks.triggers.base import WaitTrigger
from airflow_provider_dataworks.triggers.di_job_event import DIJobStatusEventTrigger
from airflow_provider_dataworks.waiting.di_job import DIJobTarget
from airflow_provider_dataworks.waiting.sync_instance import SyncInstanceTarget
from airflow_provider_dataworks.waiting.target import WaitTarget

__all__ = ["DIJobStatusEventTrigger", "DIJobStatusTrigger", "DISyncInstanceTrigger"]


class DIJobStatusTrigger(WaitTrigger):
    """Waits for a DI job's status, for the sensor and for StartDIJobOperator (API pages: ListDIJobs, GetDIJob).

    :param arguments: the fields of :class:`~airflow_provider_dataworks.waiting.di_job.DIJobTarget` and of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name.
    """

    target_class: ClassVar[type[WaitTarget]] = DIJobTarget


class DISyncInstanceTrigger(WaitTrigger):
    """Waits for a started real-time task to run, or for a started solution to succeed
    (API pages: GetDISyncInstanceInfo, GetDISyncTask).

    :param show_by: what earlier versions gave in place of ``start_timeout``: Unix time by which the start must show;
        default None.
    :param arguments: the fields of :class:`~airflow_provider_dataworks.waiting.sync_instance.SyncInstanceTarget` and of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name.
    """

    target_class: ClassVar[type[WaitTarget]] = SyncInstanceTarget

    def __init__(self, *, show_by: float | None = None, **arguments: Any) -> None:
        since = arguments.get("waiting_since")
        if show_by is not None and since is not None and arguments.get("start_timeout") is None:
            # Both by the worker's clock, which may differ from this machine's.
            arguments["start_timeout"] = max(0.0, show_by - since)
        if arguments.get("start_timeout") is None:
            arguments.pop("start_timeout", None)
        super().__init__(**arguments)
