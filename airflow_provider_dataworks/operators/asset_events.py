"""Adds the facts of a run to the event of its asset, where a task names that asset among its outlets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.assets import named_by

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
    from airflow_provider_dataworks.waiting.target import WaitTarget


def add_facts(
    context: Context,
    outlets: Sequence[Any],
    hook: DataWorksHook,
    target: WaitTarget,
    read_facts: Callable[[], dict[str, Any]],
    log: Any,
) -> None:
    """Add what is known of a run to the extra of its asset's event; what a DAG has put there stays.

    Nothing is read where no outlet names the target, and a failure costs the facts only: the task has done its work.

    :param context: the task instance's, from Airflow.
    :param outlets: the task's.
    :param hook: the task's.
    :param target: what ran; its ``project_id`` is 0 where only the service knows it.
    :param read_facts: reads the facts, as JSON takes them.
    :param log: the task's logger.
    """
    if target.asset_path is None:
        return
    try:
        named = [outlet for outlet in outlets if _names(outlet, hook.settings.region_id, target)]
        if not named:
            return
        facts = read_facts()
        for outlet in named:
            accessor = context["outlet_events"][outlet]
            accessor.extra = {**facts, **(accessor.extra or {})}
    except Exception as error:  # noqa: BLE001 - whatever it is, the task has done its work
        message = "%s: the event of its asset is without all facts of the run: %s"
        log.warning(message, target.describe(), error)


def _names(outlet: Any, region_id: str | None, target: WaitTarget) -> bool:
    known = named_by(outlet)
    return (
        known is not None
        and target.asset_path == f"{known.kind}/{known.id}"
        and region_id in (None, known.region_id)
        and target.project_id in (0, known.project_id)
    )
