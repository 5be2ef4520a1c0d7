"""What every part of the hook builds on: the connection, its client, and calls whose errors say where they arose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action
from airflow_provider_dataworks.client.client import ConfirmEffect, DataWorksClient
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError
from airflow_provider_dataworks.client.rate_limiter import RateLimiter, rate_limiter_for
from airflow_provider_dataworks.config import config
from airflow_provider_dataworks.connection.settings import ConnectionSettings, read_connection
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.errors import from_client
from airflow_provider_dataworks.metrics import Metrics, in_task

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

#: A list of more entries than this (no workspace has so many jobs) ends with an error instead of never.
MAX_LISTED = 200_000

#: What the error of a start says whose effect is not known.
MAY_HAVE_STARTED = "It may have started: check its state before you start it again."

#: Seconds that one attempt of a hook with short timeouts takes at most.
SHORT_TIMEOUT = 4.0


class DataWorksBaseHook(BaseHook):
    """The part of :class:`~airflow_provider_dataworks.hooks.dataworks.DataWorksHook` that knows no action.

    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: overrides the connection's region; default None.
    """

    conn_name_attr = "dataworks_conn_id"
    default_conn_name = "dataworks_default"
    conn_type = "dataworks"
    hook_name = "Alibaba Cloud DataWorks"

    #: Where what happens to the hook's requests is counted; the triggerer's hooks have its own.
    metrics: Metrics = in_task

    def __init__(self, dataworks_conn_id: str = default_conn_name, region_id: str | None = None) -> None:
        super().__init__()
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id

    @cached_property
    def settings(self) -> ConnectionSettings:
        """The fields of the connection, which is read once.

        :raises DataWorksParameterError: a field is invalid.
        """
        connection = self.get_connection(self.dataworks_conn_id)
        return read_connection(connection, self.region_id)

    @cached_property
    def client(self) -> DataWorksClient:
        """The client behind this hook, with a kept-alive session."""
        settings = self.settings
        return DataWorksClient(
            settings.endpoint,
            settings.credentials,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            request_timeout=settings.request_timeout,
            max_attempts=settings.max_attempts,
            max_elapsed=settings.max_elapsed,
            max_backoff=config().max_backoff,
            rate_limiter=self.rate_limiter,
            paced=settings.paced,
            on_throttled=self.metrics.throttled,
        )

    @property
    def rate_limiter(self) -> RateLimiter:
        """What limits the rate of this process's requests for the connection's account."""
        settings = self.settings
        return rate_limiter_for(settings.endpoint, settings.account, settings.max_qps)

    def get_conn(self) -> DataWorksClient:
        """Return the client behind this hook.

        :return: the same one at each call.
        """
        return self.client

    def with_settings(self, **changes: Any) -> Self:
        """Return a hook for the same connection with other settings, and a session of its own.

        :param changes: fields of :class:`~airflow_provider_dataworks.connection.settings.ConnectionSettings`, such as
            ``max_attempts``.
        :return: the new hook, of the same class, which has to be closed; this one does not change.
        """
        # Not type(self)(...): a subclass may take other arguments.
        hook = copy(self)
        hook.__dict__.pop("client", None)
        hook.settings = replace(self.settings, **changes)
        return hook

    def with_short_timeouts(self, max_attempts: int = 1, within: float = SHORT_TIMEOUT) -> Self:
        """Give a hook that tries briefly: a task that is killed has five seconds, a trigger thirty.

        :param max_attempts: how often one call is sent at most; default 1.
        :param within: seconds for one attempt with all that belongs to it, credentials included; default 4.
        :return: a hook with a session of its own, to be closed; a quarter of the time is to connect, and it
            does not wait for the rate limiter.
        """
        return self.with_settings(
            max_attempts=max_attempts,
            connect_timeout=within / 4,
            read_timeout=within * 3 / 4,
            request_timeout=within,
            max_elapsed=max_attempts * within,
            paced=False,
        )

    def close(self) -> None:
        """Close the kept-alive connections, if any were opened."""
        if "client" in self.__dict__:
            self.client.close()

    def resolve_project_id(self, project_id: int | str | None) -> int:
        """Return the workspace to use: the argument, or that of the connection.

        :param project_id: workspace id or its digits; None for the connection's.
        :return: the workspace's id.
        :raises DataWorksParameterError: neither is given, or it is not an id.
        """
        if arguments.optional(project_id) is not None:
            return arguments.project_identifier(project_id)
        if self.settings.project_id is None:
            raise DataWorksParameterError(
                "project_id", f"is missing: give it here or on the connection {self.dataworks_conn_id}"
            )
        return self.settings.project_id

    def _send(
        self, action: Action, parameters: Mapping[str, Any], *, confirm_effect: ConfirmEffect | None = None
    ) -> dict[str, Any]:
        """Call, and turn the client's errors into the provider's."""
        client = self.client
        project_id = parameters.get("ProjectId")
        try:
            return client.call(action, parameters, confirm_effect=confirm_effect)
        except (ApiError, CredentialsError) as error:
            # Without the chain: what it would add is the client's own frames, once more.
            raise self._in_context(from_client(error, self.settings.key_source), project_id) from None
        except DataWorksError as error:
            self._in_context(error, project_id)
            raise

    @staticmethod
    def _pages(
        read: Callable[[int], tuple[Sequence[T], int | None]], size: int, key: Callable[[T], object], action: str
    ) -> Iterator[T]:
        """Ask for page after page until the count is reached, or two pages in a row bring nothing new.

        :param read: reads the page of a number: its entries, and how many the whole list has (None if unknown).
        :param size: entries a page.
        :param key: what identifies an entry.
        :param action: the action's name, for an error.
        """
        seen: set[object] = set()
        number, fruitless = 0, 0
        while fruitless < 2:
            number += 1
            page, total = read(number)
            # The list may shift between two pages: an entry that comes twice is given once.
            new = [entry for entry in page if key(entry) not in seen]
            seen.update(map(key, new))
            if len(seen) > MAX_LISTED:
                raise DataWorksTransientError(
                    f"{action} gave more than {MAX_LISTED} entries: narrow the list down.", action=action
                )
            yield from new
            fruitless = 0 if new else fruitless + 1
            if len(page) < size if total is None else number * size >= total:
                return

    def _in_context(self, error: DataWorksError, project_id: int | None = None) -> DataWorksError:
        """Say on an error which connection, region and workspace it is about."""
        return error.add_context(
            conn_id=self.dataworks_conn_id,
            region_id=self.settings.region_id,
            project_id=project_id or self.settings.project_id,
        )

    def _confirm_by_reading(
        self,
        action: Action,
        read_effect: Callable[[ApiError], dict[str, Any] | None],
        *,
        warning: str,
        pauses: Iterable[float] | None = None,
        may_repeat: bool = True,
    ) -> ConfirmEffect:
        """Read, over the time that an effect may take to show, whether a call with a lost answer had it.

        :param action: the action.
        :param read_effect: reads once; the answer in place of the lost one, or None while no effect shows.
        :param warning: the sentence of an error that says what may have happened, and what to do first.
        :param pauses: seconds to wait before each reading; default those of a start.
        :param may_repeat: whether the call may be sent again after no effect has shown; if not, that is an error.
        """

        def confirm(error: ApiError) -> dict[str, Any] | None:
            self.log.warning("%s: no good answer (%s); reading whether it had its effect", action.name, error)
            for pause in assumptions.START_SHOWS_AFTER if pauses is None else pauses:
                self.client.sleep(pause)
                try:
                    answer = read_effect(error)
                except DataWorksError as unreadable:
                    reason = f"the state could not be read afterwards ({unreadable.message})"
                    kind = _permanent_or_transient(unreadable)
                    raise _effect_unknown(kind, warning, action, error, reason) from None
                if answer is not None:
                    return answer
            if not may_repeat:
                reason = "no effect has shown since, and a repeat could do harm"
                raise _effect_unknown(DataWorksTransientError, warning, action, error, reason)
            return None

        return confirm


def _permanent_or_transient(error: DataWorksError) -> type[DataWorksPermanentError | DataWorksTransientError]:
    return DataWorksPermanentError if isinstance(error, DataWorksPermanentError) else DataWorksTransientError


def _effect_unknown(
    kind: type[DataWorksPermanentError | DataWorksTransientError],
    warning: str,
    action: Action,
    error: ApiError,
    reason: str,
) -> DataWorksError:
    return kind(
        f"{warning} {action.name}: the answer was lost ({error.message}), and {reason}.",
        action=action.name,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        outcome_unknown=True,
    )
