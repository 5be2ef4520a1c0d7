"""The moment at which a wait ends itself, before Airflow would end it."""

from __future__ import annotations

from datetime import timedelta

#: At most so many seconds before Airflow's own limit, so that there is time to stop what the task started.
LONGEST_MARGIN = 30.0


def execution_deadline(started: float, execution_timeout: timedelta | None) -> float | None:
    """The moment at which a wait ends itself, a little before Airflow's execution_timeout.

    :param started: when the task's try began, Unix time.
    :param execution_timeout: the task's.
    :return: Unix time, None without an execution_timeout.
    """
    if execution_timeout is None:
        return None
    seconds = execution_timeout.total_seconds()
    return started + seconds - min(LONGEST_MARGIN, seconds / 4)
