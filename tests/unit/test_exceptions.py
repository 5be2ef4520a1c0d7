"""The errors that users meet: Airflow's kinds, with all the facts, also after pickling."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_dataworks import exceptions
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksJobError,
    DataWorksNotFoundError,
    DataWorksParameterError,
    DataWorksPermanentError,
    DataWorksTimeoutError,
    DataWorksTransientError,
    job_not_found,
)
from airflow_provider_dataworks.hooks.errors import from_client

FACTS: dict[str, Any] = {
    "action": "StartDIJob",
    "code": "Throttling.User",
    "http_status": 429,
    "request_id": "R-1",
}
WHERE: dict[str, Any] = {
    "conn_id": "dataworks_default",
    "region_id": "cn-shanghai",
    "project_id": 10000,
    "console_url": "https://dataworks.data.aliyun.com/cn-shanghai/sc?defaultProjectId=10000",
}
ERRORS = [
    DataWorksError("text", **FACTS),
    DataWorksTransientError("text", retry_after=2.5, **FACTS),
    DataWorksTimeoutError("text", **FACTS),
    DataWorksPermanentError("text", **FACTS),
    DataWorksNotFoundError("text", **FACTS),
    DataWorksParameterError("file_id", "must be an integer"),
    DataWorksJobError("text", job_id=1001, status="Failed", error_message="bad table", **FACTS),
    job_not_found("named 'a'", 10000),
    from_client(CredentialsError("no keys")),
    DataWorksPermanentError("text", **WHERE),
    DataWorksJobError("text", job_id=1001, job_name="orders", **FACTS, **WHERE),
    DataWorksParameterError("file_id", "must be an integer", **WHERE),
]


def api_error(code: str | None, status: int | None, outcome: Outcome, **more: Any) -> ApiError:
    given: dict[str, Any] = {"message": "The reason.", "action": "StartDIJob", "request_id": "R-1", **more}
    return ApiError(given.pop("message"), outcome=outcome, code=code, http_status=status, **given)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_pickling_keeps_type_text_and_fields(error: DataWorksError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.args == error.args
        assert vars(again) == vars(error)


def test_every_error_is_tried() -> None:
    defined = {
        kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, DataWorksError)
    }

    assert {type(error) for error in ERRORS} == defined


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_is_airflows(error: DataWorksError) -> None:
    assert isinstance(error, AirflowException)


@pytest.mark.parametrize("kind", [DataWorksPermanentError, DataWorksNotFoundError, DataWorksParameterError])
def test_airflow_does_not_retry_what_will_fail_again(kind: type[Exception]) -> None:
    assert issubclass(kind, AirflowFailException)


@pytest.mark.parametrize("kind", [DataWorksTransientError, DataWorksTimeoutError, DataWorksJobError])
def test_airflow_retries_what_may_pass(kind: type[Exception]) -> None:
    assert not issubclass(kind, AirflowFailException)


def test_text_has_the_four_facts() -> None:
    assert str(ERRORS[0]) == ("text [action StartDIJob, code Throttling.User, HTTP status 429, RequestId R-1]")


def test_text_says_which_facts_are_missing() -> None:
    error = DataWorksTransientError("text", action="StartDIJob")

    assert str(error) == "text [action StartDIJob, code none, HTTP status none, RequestId none]"


def test_text_of_an_error_without_a_call_has_no_facts() -> None:
    assert str(DataWorksParameterError("file_id", "must be an integer")) == "file_id: must be an integer"


def test_text_ends_with_connection_region_and_workspace() -> None:
    where = "connection dataworks_default, region cn-shanghai, workspace 10000"

    assert str(DataWorksError("text", **WHERE)) == f"text [{where}]"
    assert str(DataWorksError("text", **WHERE, **FACTS)) == (
        f"text [{where}, action StartDIJob, code Throttling.User, HTTP status 429, RequestId R-1]"
    )
    assert str(DataWorksError("text", project_id=10000)) == "text [workspace 10000]"


def test_outer_caller_adds_what_it_knows() -> None:
    error = DataWorksJobError("text", job_id=1001, **WHERE)

    assert error.add_context(project_id=20000, region_id=None, request_id="R-2", job_name="orders") is error
    assert (error.project_id, error.region_id, error.request_id, error.job_name) == (
        20000,
        "cn-shanghai",
        "R-2",
        "orders",
    )
    with pytest.raises(AttributeError, match="DataWorksJobError has no field workspace"):
        error.add_context(workspace=1)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.REFUSED, DataWorksPermanentError),
        (Outcome.NOT_EXECUTED, DataWorksTransientError),
        (Outcome.UNKNOWN, DataWorksTransientError),
    ],
)
def test_outcome_decides_the_kind(outcome: Outcome, kind: type[DataWorksError]) -> None:
    error = from_client(api_error("Some.Code", 400, outcome))

    assert type(error) is kind
    assert (error.action, error.code, error.http_status, error.request_id) == ("StartDIJob", "Some.Code", 400, "R-1")
    assert "The reason" in str(error)
    assert "[action StartDIJob, code Some.Code, HTTP status 400, RequestId R-1]" in str(error)


def test_waiting_time_is_handed_on() -> None:
    error = from_client(api_error("Throttling.User", 429, Outcome.NOT_EXECUTED, retry_after=30.0))

    assert isinstance(error, DataWorksTransientError)
    assert error.retry_after == 30.0


def test_number_of_attempts_is_said() -> None:
    error = api_error("Throttling.User", 429, Outcome.NOT_EXECUTED)
    assert "tried" not in str(from_client(error))

    error.attempts = 5
    assert "It was tried 5 times." in str(from_client(error))


def test_unknown_outcome_of_a_writing_action_is_said() -> None:
    assert "not known whether the service carried it out" in str(from_client(api_error(None, 502, Outcome.UNKNOWN)))
    reading = api_error(None, 502, Outcome.UNKNOWN, action="ListDIJobs")
    assert "not known" not in str(from_client(reading))


@pytest.mark.parametrize(
    ("action", "code", "status", "message"),
    [
        ("GetDIJob", "InvalidDIJobId.NotFound", 404, "no"),
        ("StopDIJob", "Param.Invalid", 400, "The DIJob 5 does not exist."),
        ("StartDIJob", None, 200, "DI Job not found"),
        ("GetDIJob", "InvalidParameter", 400, "DIJob 5 不存在"),
    ],
)
def test_unknown_job_is_recognised(action: str, code: str | None, status: int, message: str) -> None:
    error = from_client(api_error(code, status, Outcome.REFUSED, action=action, message=message))

    assert type(error) is DataWorksNotFoundError


@pytest.mark.parametrize(
    ("action", "code", "status", "message"),
    [
        ("GetDIJob", "Invalid.Tenant.ProjectNotExists", 400, "The workspace does not exist."),
        ("GetDIJob", "InvalidAction.NotFound", 404, "Specified api is not found."),
        ("StartDISyncInstance", None, 200, "fileId not found"),
        ("GetDIJob", "Forbidden.Access", 403, "DIJob not found"),
    ],
)
def test_other_things_that_are_not_found_are_not_the_job(
    action: str, code: str | None, status: int, message: str
) -> None:
    error = from_client(api_error(code, status, Outcome.REFUSED, action=action, message=message))

    assert type(error) is DataWorksPermanentError


@pytest.mark.parametrize(("may_pass", "kind"), [(False, DataWorksPermanentError), (True, DataWorksTransientError)])
def test_missing_keys_are_permanent_unless_they_may_come(may_pass: bool, kind: type[DataWorksError]) -> None:
    error = from_client(CredentialsError("no keys", may_pass=may_pass))

    assert type(error) is kind
    assert str(error) == "no keys"


@pytest.mark.parametrize(
    ("outcome", "unknown", "words"),
    [
        (Outcome.UNKNOWN, True, "The answer was lost"),
        (Outcome.REFUSED, True, "The answer to an earlier attempt was lost"),
        (Outcome.NOT_EXECUTED, True, "The answer to an earlier attempt was lost"),
        (Outcome.REFUSED, False, None),
        (Outcome.NOT_EXECUTED, False, None),
    ],
)
def test_text_says_whether_the_call_may_have_been_carried_out(
    outcome: Outcome, unknown: bool, words: str | None
) -> None:
    error = api_error("X", 500, outcome)
    error.outcome_unknown = unknown

    raised = from_client(error)

    assert raised.outcome_unknown is unknown
    assert (words or "The reason.") in str(raised)
    assert ("was lost" in str(raised)) is unknown


def test_read_is_never_said_to_have_been_carried_out() -> None:
    error = api_error("X", 500, Outcome.UNKNOWN, action="GetDIJob")

    assert not from_client(error).outcome_unknown
    assert "lost" not in str(from_client(error))
