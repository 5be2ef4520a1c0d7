"""One error for several targets that ended badly."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_dataworks.exceptions import DataWorksJobError


def failure_of_several(errors: Sequence[DataWorksJobError], count: int) -> DataWorksJobError:
    """The error of a task that waits for several targets.

    :param errors: those of the targets that ended badly; at least one.
    :param count: how many targets the task waits for.
    :return: the error itself if there is one target; else one that names all that failed, with the fields of the first.
    """
    first = errors[0]
    if count == 1:
        return first
    which = "; ".join(error.message for error in errors)
    return DataWorksJobError(
        f"{len(errors)} of {count} failed: {which}",
        job_id=first.job_id,
        status=first.status,
        error_message=first.error_message,
        job_name=first.job_name,
        code=first.code,
        console_url=first.console_url,
    )
