"""What operators and sensors share: typed arguments, the hook, and the console link."""

from __future__ import annotations

import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksParameterError
from airflow_provider_dataworks.links.dataworks import LINK_KEY, DataWorksConsoleLink, workspace_url
from airflow_provider_dataworks.metrics import END_LAG, in_task
from airflow_provider_dataworks.rendering import TemplateRendering, dag_marks

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

T = TypeVar("T")

#: Seconds that pass at most from a try's start_date until its execute begins.
_LONGEST_LEAD_TIME = 300.0


@dataclass(frozen=True)
class ConnectionArguments:
    """The arguments that every task has, as the API takes them.

    :param dataworks_conn_id: the connection's id.
    :param region_id: wins over the connection's; None for the connection's.
    :param project_id: the workspace; None for the connection's.
    """

    dataworks_conn_id: str
    region_id: str | None
    project_id: int | None


class DataWorksTask(TemplateRendering):
    """Mixed into operators and sensors: reads their arguments, at construction as far as nothing is a template."""

    operator_extra_links: Any = (DataWorksConsoleLink(),)

    #: While the task is constructed: what begins a template in its DAG.
    _template_marks: tuple[str, ...] | None = None

    #: The workspace and its address in the console, once they are known.
    _place: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed

    #: When a poll saw that what the task waited for had ended, Unix time; None while it has not.
    _ended_at: float | None = None

    if TYPE_CHECKING:
        project_id: Any
        dataworks_conn_id: Any
        region_id: Any
        end_from_trigger: bool
        outlets: Any
        log: Any

    @abstractmethod
    def read_arguments(self) -> ConnectionArguments:
        """Give the rendered arguments as the API's types.

        :return: the arguments, by their attributes' names.
        :raises DataWorksParameterError: an argument can't be used.
        """

    def check_arguments(self) -> None:
        """Validate every argument that is not templated, so that mistakes surface when the DAG is parsed.

        :raises DataWorksParameterError: an argument can't be used.
        """
        for name in self._json_file_fields():
            value = getattr(self, name)
            if isinstance(value, os.PathLike):
                setattr(self, name, arguments.file_path(name, value, self.template_ext))
        self._template_marks = dag_marks(self)
        try:
            self.read_arguments()
        finally:
            del self._template_marks

    def read(self, name: str, value: Any, reader: Callable[[str, Any], T]) -> T:
        """Read one argument; what has yet to be rendered is passed on as it is while the task is constructed.

        :param name: the argument's attribute.
        :param value: its value.
        :param reader: gives it as the API's type; takes the name, for errors, and the value.
        :return: what the reader gave.
        :raises DataWorksParameterError: it can't be used; if its value came from a file, the error names that.
        """
        if self._template_marks is not None and (
            arguments.is_template(value, self._template_marks) or self._is_json_file(name, value)
        ):
            return cast(T, value)
        try:
            return reader(name, value)
        except DataWorksParameterError as error:
            if (path := self._json_file_of(name)) is None:
                raise
            raise DataWorksParameterError(error.name, f"in the file {path!r}: {error.problem}") from None

    def read_project_id(self) -> int | None:
        """Read the argument ``project_id``.

        :return: the workspace; None for the connection's.
        """
        return self.read("project_id", self.project_id, arguments.optional_project_identifier)

    def read_conn_id(self) -> str:
        """Read the argument ``dataworks_conn_id``.

        :return: the connection's id.
        """
        return self.read("dataworks_conn_id", self.dataworks_conn_id, arguments.text)

    def read_region_id(self) -> str | None:
        """Read the argument ``region_id``.

        :return: the region's id; None for the connection's.
        """
        return self.read("region_id", self.region_id, lambda _, value: arguments.optional_region_identifier(value))

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
        self._place = {"project_id": project_id, "console_url": url}
        context["ti"].xcom_push(key=LINK_KEY, value=url)
        return url

    def ends_in_triggerer(self) -> bool:
        """Whether the deferred task ends without a worker, as ``end_from_trigger`` wants it.

        :return: False with outlets: Airflow emits no asset events for what ends in the triggerer.
        """
        if self.end_from_trigger and self.outlets:
            self.log.warning(
                "end_from_trigger is not applied: the task has outlets, and Airflow emits no asset events for a task "
                "that ends in the triggerer"
            )
            return False
        return self.end_from_trigger

    def errors_in_context(self) -> AbstractContextManager[None]:
        """Add to every error of the package which connection, region and workspace it is about.

        Its traceback begins anew, so that the task's log ends with the cause and not with frames of this package; they
        are logged at DEBUG. At the end it records how long ago what the task waited for had ended.

        :return: a context; errors pass through it.
        """
        return _ErrorsInContext(self)

    def _known_context(self) -> dict[str, Any]:
        hook = self.__dict__.get("hook")
        settings = None if hook is None else hook.__dict__.get("settings")
        return {
            "conn_id": None if hook is None else hook.dataworks_conn_id,
            "region_id": None if settings is None else settings.region_id,
            **({} if settings is None else {"project_id": settings.project_id}),
            **self._place,
        }


class _ErrorsInContext(AbstractContextManager[None]):
    """A class, because what contextlib makes of a generator restores an error's traceback."""

    def __init__(self, task: DataWorksTask) -> None:
        self._task = task

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if self._task._ended_at is not None:
            in_task.seconds(END_LAG, clock.time() - self._task._ended_at)
            # Contexts may be nested.
            self._task._ended_at = None
        if not isinstance(error, DataWorksError):
            return
        known = self._task._known_context()
        error.add_context(**{name: value for name, value in known.items() if getattr(error, name) is None})
        self._task.log.debug("Where it was raised", exc_info=error)
        raise error.with_traceback(None)


def try_began(context: Context) -> float:
    """When this try of the task began, Unix time by this machine's clock.

    Airflow's start_date may be of another clock: a moment that ``execute`` cannot have begun at is not taken.

    :param context: the task instance's, from Airflow.
    """
    now = clock.time()
    started = getattr(context["ti"], "start_date", None)
    return min(now, max(started.timestamp(), now - _LONGEST_LEAD_TIME)) if started else now


def business_date_of(context: Context) -> str:
    """The business date of a run of a DAG, in the DAG's time zone.

    :param context: the task instance's, from Airflow.
    :return: ``YYYY-MM-DD``: the date of data_interval_start; without an interval, or where it has no length, that of
        the day before the run, and the same one in each of its tries.
    """
    zone = getattr(context.get("dag"), "timezone", None) or timezone.utc
    start = context.get("data_interval_start")
    # Airflow 3 gives a cron expression an interval that begins and ends when the run is due, and every Airflow gives
    # one to a manual run: it says when, not about which day.
    if start is not None and start != context.get("data_interval_end"):
        return start.astimezone(zone).date().isoformat()
    run = context.get("dag_run")
    moments = (start, *(getattr(run, name, None) for name in ("run_after", "start_date")))
    began = next((moment for moment in moments if moment is not None), None)
    began = began or datetime.fromtimestamp(clock.time(), timezone.utc)
    return (began.astimezone(zone).date() - timedelta(days=1)).isoformat()


def client_token_for(context: Context) -> str:
    """A token that all tries of one task in one run share, until the task is cleared, and nothing else does.

    A clear raises max_tries above all tries before it; a retry leaves it alone (Airflow 2.11 and 3).

    :param context: the task instance's, from Airflow.
    :return: 32 hexadecimal digits.
    """
    ti = context["ti"]
    whole = json.dumps([ti.dag_id, ti.task_id, ti.run_id, ti.map_index, getattr(ti, "max_tries", None)])
    return hashlib.sha256(whole.encode()).hexdigest()[:32]
