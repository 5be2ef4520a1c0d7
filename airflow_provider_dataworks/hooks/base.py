"""What every part of the hook builds on: the connection, its client, and calls whose errors say where they arose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_dataworks import arguments
from airflow_provider_dataworks.client import assumptions
from airflow_provider_dataworks.client.actions import Action
from airflow_provider_dataworks.client.client import ConfirmEffect, DataWorksClient
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError
from airflow_provider_dataworks.client.rate_limiter import RateLimiter, rate_limiter_for
from airflow_provider_dataworks.connection.settings import ConnectionSettings, read_connection
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTransientError,
)
from airflow_provider_dataworks.hooks.errors import from_client

if TYPE_CHECKING:
    from typing_extensions import Self

#: Seconds that one attempt of a hook with short timeouts takes at most.
SHORT_TIMEOUT = 4.0


class DataWorksBaseHook(BaseHook):
    """The part of :class:`~airflow_provider_dataworks.hooks.dataworks.DataWorksHook` that knows no action.

    :param dataworks_conn_id: the connection's id; default ``dataworks_default``.
    :param region_id: wins over the connection's ``region_id``; default None.
    """

    conn_name_attr = "dataworks_conn_id"
    default_conn_name = "dataworks_default"
    conn_type = "dataworks"
    hook_name = "Alibaba Cloud DataWorks"

    def __init__(self, dataworks_conn_id: str = default_conn_name, region_id: str | None = None) -> None:
        super().__init__()
        self.dataworks_conn_id = dataworks_conn_id
        self.region_id = region_id

    @cached_property
    def settings(self) -> ConnectionSettings:
        """The connection's content, read once.

        :raises DataWorksParameterError: a field can't be used.
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
            rate_limiter=self.rate_limiter,
            paced=settings.paced,
        )

    @property
    def rate_limiter(self) -> RateLimiter:
        """What limits the rate of this process's requests for the connection's account."""
        settings = self.settings
        return rate_limiter_for(settings.endpoint, settings.account, settings.max_qps)

    #: Former name.
    pacer = rate_limiter

    def get_conn(self) -> DataWorksClient:
        """Return the client behind this hook.

        :return: the same one at each call.
        """
        return self.client

    def with_settings(self, **changes: Any) -> Self:
        """Give a hook for the same connection with other limits, and a session of its own.

        :param changes: fields of :class:`~airflow_provider_dataworks.connection.settings.ConnectionSettings`, such as
            ``max_attempts``.
        :return: the other hook, of the same class, to be closed; this one stays as it is.
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
        """Give the workspace to use: the argument, or else the connection's.

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
            raise self._in_context(from_client(error), project_id) from None
        except DataWorksError as error:
            self._in_context(error, project_id)
            raise

    def _in_context(self, error: DataWorksError, project_id: int | None = None) -> DataWorksError:
        """Say on an error which connection, region and workspace it is about."""
        return error.add_context(
            conn_id=self.dataworks_conn_id,
            region_id=self.settings.region_id,
            project_id=project_id or self.settings.project_id,
        )

    def _confirm_start(self, action: Action, has_started: Callable[[], bool]) -> ConfirmEffect:
        """Read, over the time that a start may take to show, whether one with a lost answer had its effect."""

        def confirm(error: ApiError) -> dict[str, Any] | None:
            self.log.warning("%s: no good answer (%s); reading whether it had its effect", action.name, error)
            for pause in assumptions.START_SHOWS_AFTER:
                self.client.sleep(pause)
                try:
                    if has_started():
                        return {"RequestId": error.request_id}
                except DataWorksError as unreadable:
                    _raise_may_have_started(action, error, unreadable)
            return None

        return confirm


def _raise_may_have_started(action: Action, error: ApiError, unreadable: DataWorksError) -> NoReturn:
    kind = DataWorksPermanentError if isinstance(unreadable, DataWorksPermanentError) else DataWorksTransientError
    raise kind(
        f"It may have started: check its state before you start it again. {action.name}: the answer was lost "
        f"({error.message}), and the state could not be read afterwards ({unreadable.message}).",
        action=action.name,
        code=error.code,
        http_status=error.http_status,
        request_id=error.request_id,
        outcome_unknown=True,
    ) from None
