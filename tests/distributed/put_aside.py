"""Puts the load test's tasks aside in Airflow's database, as their workers would have done; run by load.py."""

from __future__ import annotations

import sys
from datetime import datetime, timezone

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from sqlalchemy import select


def main(run_id: str, jobs: list[int]) -> None:
    """Give each task instance a trigger like that of the task that really deferred, for its own job."""
    with create_session() as session:
        found = session.scalars(select(TaskInstance).where(TaskInstance.run_id == run_id)).all()
        pattern = next(one for one in found if one.task_id == "pattern")
        trigger = session.get(Trigger, pattern.trigger_id)
        assert trigger
        for one in found:
            if one.task_id == "wait":
                own = {"di_job_id": jobs[one.map_index], "project_id": jobs[one.map_index] // 1000}
                one.trigger = Trigger(classpath=trigger.classpath, kwargs={**trigger.kwargs, **own})
                one.state = "deferred"
                one.try_number = 1
                one.start_date = datetime.now(timezone.utc)
                one.next_method = pattern.next_method
                one.next_kwargs = pattern.next_kwargs


if __name__ == "__main__":
    main(sys.argv[1], [int(job) for job in sys.stdin.read().split(",")])
