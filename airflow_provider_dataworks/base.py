"""What operators and the sensor share: connection arguments, rendered values, hook, console link."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.client.models import JobStatus, MigrationType
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksJobError, DataWorksParameterError
from airflow_provider_dataworks.links.dataworks import LINK_KEY, DataWorksConsoleLink, console_url
from airflow_provider_dataworks.rendering import TemplateRendering, dag_marks

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

Readers = Mapping[str, Callable[[Any], Any]]

CONNECTION_READERS: Readers = {
    "project_id": lambda value: None if arguments.optional(value) is None else arguments.project_identifier(value),
    "dataworks_conn_id": lambda value: arguments.text("dataworks_conn_id", value),
    "region_id": arguments.optional_region_identifier,
}


#: Seconds that pass at most from a try's start_date until its execute begins.
_LONGEST_LEAD_TIME = 300.0


class DataWorksTask(TemplateRendering):
    """Mixed into operators and sensors: reads their arguments, once at construction as far as nothing is a template."""

    #: How each argument is read, by its attribute.
    readers: ClassVar[Readers] = CONNECTION_READERS

    operator_extra_links: Any = (DataWorksConsoleLink(),)

    if TYPE_CHECKING:
        dataworks_conn_id: Any
        region_id: Any
        log: Any

    def check_arguments(self) -> None:
        """Refuse at construction what no rendering will mend.

        :raises DataWorksParameterError: an argument can't be used.
        """
        marks = dag_marks(self)
        for name, read in self.readers.items():
            value = getattr(self, name)
            if isinstance(value, os.PathLike) and name in self._json_file_fields():
                value = arguments.file_path(name, value, self.template_ext)
                setattr(self, name, value)
            if not (arguments.is_template(value, marks) or self._is_json_file(name, value)):
                read(value)

    def read_arguments(self) -> SimpleNamespace:
        """Give the rendered arguments as the API's types.

        :return: the arguments, by their attributes' names.
        :raises DataWorksParameterError: an argument can't be used.
        """
        return SimpleNamespace(**{name: self._read_argument(name) for name in self.readers})

    def _read_argument(self, name: str) -> Any:
        try:
            return self.readers[name](getattr(self, name))
        except DataWorksParameterError as error:
            if (path := self._json_file_of(name)) is None:
                raise
            raise DataWorksParameterError(error.name, f"in the file {path!r}: {error.problem}") from None

    @cached_property
    def hook(self) -> DataWorksHook:
        """The hook for the task's connection."""
        from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

        return DataWorksHook(self.dataworks_conn_id, arguments.optional(self.region_id))

    def push_console_link(self, context: Context, project_id: int) -> str:
        """Push the console's address under the link's own key, so that it shows while the task waits.

        :param context: the task instance's, from Airflow.
        :param project_id: the workspace.
        :return: the address.
        """
        url = workspace_url(self.hook, project_id)
        context["ti"].xcom_push(key=LINK_KEY, value=url)
        return url


def try_began(context: Context) -> float:
    """When this try of the task began, Unix time by this machine's clock.

    Airflow's start_date may be of another clock: a moment that ``execute`` cannot have begun at is not taken.
    """
    now = time.time()
    started = getattr(context["ti"], "start_date", None)
    return min(now, max(started.timestamp(), now - _LONGEST_LEAD_TIME)) if started else now


def warn_if_it_never_ends(log: Any, what: str, migration_type: str | None, targets: Sequence[str]) -> None:
    """Warn of a wait for the end of a job that has none."""
    if MigrationType.never_ends(migration_type) and JobStatus.RUNNING not in targets:
        log.warning(
            "%s has MigrationType %s, which never ends by itself: it will not be %s. Wait for Running instead",
            what,
            migration_type,
            " or ".join(targets),
        )


def workspace_url(hook: DataWorksHook, project_id: int | str | None) -> str:
    """The workspace's address in the console that the connection names.

    :raises DataWorksParameterError: ``project_id`` is not a workspace's id.
    """
    settings = hook.settings
    return console_url(settings.region_id, project_id, settings.console, settings.console_site)


def job_failure(hook: DataWorksHook, log: Any, di_job_id: int, status: str | None) -> DataWorksJobError:
    """The error for a job that ended badly, with the job's own ErrorMessage and the console's address."""
    error_message, project_id = None, hook.settings.project_id
    try:
        job = hook.get_di_job(di_job_id=di_job_id)
        error_message, project_id = job.get("ErrorMessage"), job.get("ProjectId", project_id)
    except DataWorksError as error:
        log.warning("The ErrorMessage of DI job %s cannot be read: %s", di_job_id, error)
    reason = printable(error_message) if error_message else "it gives no ErrorMessage"
    try:
        where = workspace_url(hook, project_id)
    except DataWorksParameterError:
        where = "the DataWorks console"
    return DataWorksJobError(
        f"DI job {di_job_id} is {printable(status)}: {reason.rstrip('. ')}. See {where}",
        job_id=di_job_id,
        status=status,
        error_message=error_message,
    )
