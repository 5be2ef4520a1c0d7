"""The triggers for deployments of files, and for stages of pipeline runs."""

from __future__ import annotations

from typing import ClassVar

from airflow_provider_dataworks.triggers.base import WaitTrigger
from airflow_provider_dataworks.waiting.deployment import DeploymentTarget, PipelineStageTarget
from airflow_provider_dataworks.waiting.target import WaitTarget


class DeploymentTrigger(WaitTrigger):
    """Waits for the end of a file's deployment (action GetDeployment of 2020-05-18).

    :param arguments: the fields of :class:`~airflow_provider_dataworks.waiting.deployment.DeploymentTarget` and of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name.
    """

    target_class: ClassVar[type[WaitTarget]] = DeploymentTarget


class PipelineStageTrigger(WaitTrigger):
    """Waits for the end of a stage of a pipeline run (action GetPipelineRun of 2024-05-18).

    :param arguments: the fields of :class:`~airflow_provider_dataworks.waiting.deployment.PipelineStageTarget` and of
        :class:`~airflow_provider_dataworks.triggers.wait.WaitOptions`, by name.
    """

    target_class: ClassVar[type[WaitTarget]] = PipelineStageTarget
