"""The triggers for instances of nodes."""

from __future__ import annotations

from typing import ClassVar

from airflow_provider_dataworks.triggers.base import WaitTrigger
from airflow_provider_dataworks.waiting.node_instance import NodeInstanceTarget
from airflow_provider_dataworks.waiting.node_schedule import NodeScheduleTarget
from airflow_provider_dataworks.waiting.target import WaitTarget


class NodeInstanceTrigger(WaitTrigger):
    """Waits for instances of nodes (API pages: ListInstances, GetInstance, ListTaskInstances, GetTaskInstance).

    :param arguments: the fields of :class:`~airflow_provider_dataworks.waiting.node_instance.NodeInstanceTarget` and of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name.
    """

    target_class: ClassVar[type[WaitTarget]] = NodeInstanceTarget


class NodeScheduleTrigger(WaitTrigger):
    """Waits for what the schedules of nodes run for a business date (API pages: ListInstances, ListTaskInstances).

    :param arguments: the fields of :class:`~airflow_provider_dataworks.waiting.node_schedule.NodeScheduleTarget` and of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name.
    """

    target_class: ClassVar[type[WaitTarget]] = NodeScheduleTarget
