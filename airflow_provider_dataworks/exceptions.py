"""The errors that users of the provider meet, all of them Airflow's kind.

======================== ===================================================== =======================
class                    when                                                  Airflow retries the task
======================== ===================================================== =======================
DataWorksTransientError  throttled, unavailable, network, keys not to be had   yes
DataWorksTimeoutError    a wait reached its limit; the text says what became   yes
                         of the job
DataWorksJobError        the job ended in a failure status                     yes
DataWorksPermanentError  parameters, permission, signature, quota, region      no
DataWorksNotFoundError   no such job                                           no
DataWorksParameterError  an argument or a connection field; nothing was sent   no
======================== ===================================================== =======================
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_dataworks.client.assumptions import NOT_FOUND_WORDS
from airflow_provider_dataworks.client.errors import (
    ApiError,
    CredentialsError,
    Outcome,
    advice_for,
    facts,
    reads,
)


class DataWorksError(AirflowException):
    """Anything that went wrong with DataWorks.

    :param message: what happened and what to do.
    :param action: the API action, None where none was called.
    :param code: the API's error code, None where it gave none.
    :param http_status: the HTTP status, None where no answer came.
    :param request_id: the RequestId to give to Alibaba Cloud's support, None where the service gave none.
    :param outcome_unknown: whether the service may have carried the call out, in any of its attempts; default False.
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
    ) -> None:
        super().__init__(message)
        self.message = message
        self.action = action
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.outcome_unknown = outcome_unknown

    def __str__(self) -> str:
        if self.action is None:
            return self.message
        return f"{self.message} [{facts(self.action, self.code, self.http_status, self.request_id)}]"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle their args only; workers hand errors over pickled.
        return _restore, (type(self), self.__dict__.copy())


def _restore(kind: type[DataWorksError], fields: dict[str, Any]) -> DataWorksError:
    error = kind.__new__(kind, fields["message"])
    error.args = (fields["message"],)
    error.__dict__.update(fields)
    return error


class DataWorksTransientError(DataWorksError):
    """It failed for now: throttled, unavailable, no network or no keys, also after the hook's own attempts.

    :param message: what happened and what to do.
    :param retry_after: seconds that the service asked to wait, None (default) where it did not say.
    :param about_the_call: action, code, http_status and request_id, as :class:`DataWorksError` takes them.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **about_the_call: Any) -> None:
        super().__init__(message, **about_the_call)
        self.retry_after = retry_after


class DataWorksTimeoutError(DataWorksError):
    """A wait reached its limit; the text says what became of the job."""


class DataWorksPermanentError(DataWorksError, AirflowFailException):
    """It will fail again: parameters, permission, signature, quota used up, region. Airflow does not retry it."""


class DataWorksNotFoundError(DataWorksPermanentError):
    """There is no such job."""


class DataWorksParameterError(DataWorksPermanentError, ValueError):
    """An argument or a connection field can't be used; nothing was sent.

    :param name: the argument or field at fault.
    :param problem: what it may be, and what it was.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


class DataWorksJobError(DataWorksError):
    """A job, instance or solution ended in a failure status.

    :param message: what happened, with the job's own ErrorMessage where it has one.
    :param job_id: the DIJobId or FileId; default None.
    :param status: the status that it ended in; default None.
    :param error_message: the job's own ErrorMessage, None (default) where it has none.
    :param about_the_call: action, code, http_status and request_id, as :class:`DataWorksError` takes them.
    """

    def __init__(
        self,
        message: str,
        *,
        job_id: int | None = None,
        status: str | None = None,
        error_message: str | None = None,
        **about_the_call: Any,
    ) -> None:
        super().__init__(message, **about_the_call)
        self.job_id = job_id
        self.status = status
        self.error_message = error_message


def from_client(error: ApiError | CredentialsError) -> DataWorksError:
    """Turn a client's error into the one that users meet.

    :param error: what the client raised.
    :return: the error to raise in its place, with the same facts and a sentence on what to do.
    """
    if isinstance(error, CredentialsError):
        return (DataWorksTransientError if error.may_pass else DataWorksPermanentError)(str(error))
    sentences = [f"{error.action} failed: {error.message.rstrip('.')}."]
    if error.attempts > 1:
        sentences.append(f"It was tried {error.attempts} times.")
    if error.outcome is Outcome.UNKNOWN and not reads(error.action):
        sentences.append("The answer was lost, so it is not known whether the service carried it out.")
    elif error.outcome_unknown and not reads(error.action):
        sentences.append("The answer to an earlier attempt was lost: the service may have carried that one out.")
    sentences.append(advice_for(error.code, error.http_status, error.message))
    text = " ".join(filter(None, sentences))
    about: dict[str, Any] = {
        "action": error.action,
        "code": error.code,
        "http_status": error.http_status,
        "request_id": error.request_id,
        "outcome_unknown": error.outcome_unknown and not reads(error.action),
    }
    if error.outcome is not Outcome.REFUSED:
        return DataWorksTransientError(text, retry_after=error.retry_after, **about)
    if _says_not_found(error):
        return DataWorksNotFoundError(text, **about)
    return DataWorksPermanentError(text, **about)


def job_not_found(which: str, project_id: int) -> DataWorksNotFoundError:
    """The error for a job that a workspace's listing does not have.

    :param which: the job, as the text names it, such as ``with id 1001``.
    :param project_id: the workspace.
    :return: the error to raise.
    """
    return DataWorksNotFoundError(
        f"Workspace {project_id} has no DI job {which}. Check the id or name, project_id, and the region."
    )


def _says_not_found(error: ApiError) -> bool:
    """Whether a refusal of a DI job action means that the job is not there; no code is documented for that."""
    if not error.action.endswith("DIJob") or error.http_status not in (400, 404, 200):
        return False
    text = f"{error.code or ''} {error.message}".lower()
    return "dijob" in text.replace(" ", "") and any(word in text for word in NOT_FOUND_WORDS)
