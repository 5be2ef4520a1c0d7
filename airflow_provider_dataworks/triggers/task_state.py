"""Asks Airflow for the state of a trigger's task; the one place that uses a half-private part of it."""

from __future__ import annotations

from typing import Any

#: States in which a person or the scheduler ended the task; after a clear it is in none of them.
_ENDED = frozenset({"failed", "success", "skipped"})


async def task_was_ended(task_instance: Any) -> bool:
    """Whether the task was marked failed, success or skipped, rather than cleared to run again.

    :param task_instance: the trigger's.
    :return: False also when Airflow does not say: then whoever asks must leave the job alone.
    """
    try:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
        from asgiref.sync import sync_to_async
    except ImportError:
        return False
    states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
        dag_id=task_instance.dag_id,
        task_ids=[task_instance.task_id],
        run_ids=[task_instance.run_id],
        map_index=task_instance.map_index,
    )
    of_the_run = (states or {}).get(task_instance.run_id) or {}
    return any(str(state).rpartition(".")[2].lower() in _ENDED for state in of_the_run.values())
