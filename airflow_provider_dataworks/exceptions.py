"""Exceptions of the provider. All of them are Airflow exceptions.

======================== ===================================================== ========================
class                    raised for                                            Airflow retries the task
======================== ===================================================== ========================
DataWorksTransientError  throttling, outages, network, no credentials for now  yes
DataWorksTimeoutError    a wait that reached its limit                         yes
DataWorksJobError        a job that ended in a failure status                  yes
DataWorksPermanentError  parameters, permission, signature, quota, region      no
DataWorksNotFoundError   a job, node, run or instance that does not exist      no
DataWorksParameterError  an invalid argument or connection field               no
======================== ===================================================== ========================
"""

from __future__ import annotations

from typing import Any, TypeVar

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_dataworks.client.errors import call_context

_Error = TypeVar("_Error", bound="DataWorksError")


class DataWorksError(AirflowException):
    """Base class of all exceptions of this package.

    :param message: what happened and what to do.
    :param action: the API action, None where none was called.
    :param code: the API's error code, None where it gave none.
    :param http_status: the HTTP status, None where no answer came.
    :param request_id: the RequestId, which Alibaba Cloud's support needs; None where the service gave none.
    :param outcome_unknown: whether the service may have executed the call in one of its attempts; default False.
    :param conn_id: the connection's id, None (default) where none was used.
    :param region_id: the region that was called, None (default) where it is not known.
    :param project_id: the workspace, None (default) where it is not known.
    :param console_url: the workspace in the DataWorks console, None (default) where it is not known.
    """

    def __init__(
        self,
        message: str,
        *,
        action: str | None = None,
        code: str | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        outcome_unknown: bool = False,
        conn_id: str | None = None,
        region_id: str | None = None,
        project_id: int | None = None,
        console_url: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.outcome_unknown = outcome_unknown
        self.conn_id = conn_id
        self.region_id = region_id
        self.project_id = project_id
        self.console_url = console_url

    def add_context(self: _Error, **context: Any) -> _Error:
        """Set fields that were not known where the error arose; what an outer caller knows takes precedence.

        :param context: fields of the error by name, such as ``conn_id``, ``region_id``, ``project_id``,
            ``console_url``, ``request_id`` or ``job_name``; None leaves a field as it is.
        :return: the error itself.
        :raises AttributeError: the error has no field of that name.
        """
        for name, value in context.items():
            if name not in self.__dict__:
                raise AttributeError(f"{type(self).__name__} has no field {name}")
            if value is not None:
                setattr(self, name, value)
        return self

    def __str__(self) -> str:
        # Last, because user interfaces show the beginning only.
        where = {"connection": self.conn_id, "region": self.region_id, "workspace": self.project_id}
        known = [f"{label} {value}" for label, value in where.items() if value is not None]
        if self.action is not None:
            known.append(call_context(self.action, self.code, self.http_status, self.request_id))
        return f"{self.message} [{', '.join(known)}]" if known else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle their args only; workers hand errors over pickled.
        return _restore, (type(self), self.__dict__.copy())


def _restore(kind: type[DataWorksError], fields: dict[str, Any]) -> DataWorksError:
    error = kind.__new__(kind, fields["message"])
    error.args = (fields["message"],)
    error.__dict__.update(fields)
    return error


class DataWorksTransientError(DataWorksError):
    """A temporary error that persisted after the hook's own retries: throttling, an outage, no network, no credentials.

    :param message: what happened and what to do.
    :param retry_after: seconds that the service asked to wait, None (default) where it did not say.
    :param about_the_call: what :class:`DataWorksError` takes.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **about_the_call: Any) -> None:
        super().__init__(message, **about_the_call)
        self.retry_after = retry_after


class DataWorksTimeoutError(DataWorksError):
    """A wait reached its limit. The message says what became of the job."""


class DataWorksPermanentError(DataWorksError, AirflowFailException):
    """An error that a retry cannot fix: parameters, permission, signature, used-up quota, region. Airflow does not
    retry it."""


class DataWorksNotFoundError(DataWorksPermanentError):
    """The job, node, run or instance does not exist."""


class DataWorksParameterError(DataWorksPermanentError, ValueError):
    """An argument or a connection field is invalid. Nothing was sent.

    :param name: the argument or field at fault.
    :param problem: what it may be, and what it was.
    :param context: conn_id, region_id, project_id and console_url, as :class:`DataWorksError` takes them.
    """

    def __init__(self, name: str, problem: str, **context: Any) -> None:
        super().__init__(f"{name}: {problem}", **context)
        self.name = name
        self.problem = problem


class DataWorksJobError(DataWorksError):
    """A job, instance or solution ended in a failure status.

    :param message: what happened, with the job's own ErrorMessage where it has one.
    :param job_id: the DIJobId or FileId; default None.
    :param status: the status that it ended in; default None.
    :param error_message: the job's own ErrorMessage, None (default) where it has none.
    :param job_name: the job's name, None (default) where it is not known.
    :param about_the_call: what :class:`DataWorksError` takes; ``request_id`` is that of the start, where it is known.
    """

    def __init__(
        self,
        message: str,
        *,
        job_id: int | None = None,
        status: str | None = None,
        error_message: str | None = None,
        job_name: str | None = None,
        **about_the_call: Any,
    ) -> None:
        super().__init__(message, **about_the_call)
        self.job_id = job_id
        self.status = status
        self.error_message = error_message
        self.job_name = job_name


def job_not_found(which: str, project_id: int) -> DataWorksNotFoundError:
    """The error for a job that a workspace's listing does not have.

    :param which: the job, as the text names it, such as ``with id 1001``.
    :param project_id: the workspace.
    :return: the error to raise.
    """
    return DataWorksNotFoundError(
        "There is no such DI job: check its id or name, project_id and region_id. "
        f"Workspace {project_id} has no DI job {which}."
    )
