"""An error says cause and remedy first, then the service's words, and last where it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_dataworks.client.errors import ApiError, CredentialsError, Outcome
from airflow_provider_dataworks.emulator.control import EmulatorControl
from airflow_provider_dataworks.exceptions import DataWorksError, DataWorksNotFoundError, DataWorksPermanentError
from airflow_provider_dataworks.hooks import errors
from airflow_provider_dataworks.hooks.dataworks import DataWorksHook
from airflow_provider_dataworks.hooks.errors import Advice, from_client
from tests.support.hook import CONTENT, hook_for

#: As many characters as Airflow's lists of failures show.
FIRST_SCREEN = 90
HERE = "connection dataworks_default, region cn-shanghai, workspace 10000"


def test_sync_task_whose_content_is_not_generated_is_told_apart_from_an_unknown_file() -> None:
    message = "fileId:[100] is invalid."

    generation = refused(None, 200, message, action="QueryDISyncTaskConfigProcessResult")

    assert generation.message.startswith(
        "The service could not generate the content: correct the script in task_param."
    )
    assert refused(None, 200, message).message.startswith("The file is unknown or not deployed")


def refused(code: str | None, status: int | None, message: str, action: str = "StartDISyncInstance") -> DataWorksError:
    outcome = Outcome.REFUSED if status else Outcome.NOT_EXECUTED
    return from_client(ApiError(message, action=action, outcome=outcome, code=code, http_status=status))


def every_advice() -> list[Advice]:
    by_name = [value for value in vars(errors).values() if isinstance(value, Advice)]
    tables = [*errors.BY_CODE, *errors.BY_MESSAGE, *errors._BY_HTTP_STATUS.items()]
    return [*by_name, *(advice for _, advice in tables)]


@pytest.mark.parametrize("advice", every_advice(), ids=lambda advice: advice.summary[:40])
def test_summary_has_cause_and_remedy_and_fits_into_a_list(advice: Advice) -> None:
    cause, colon, remedy = advice.summary.partition(": ")

    assert (bool(cause), colon, remedy[-1]) == (True, ": ", ".")
    assert len(advice.summary) <= FIRST_SCREEN


@pytest.mark.parametrize(
    ("code", "status", "message", "words"),
    [
        ("SignatureDoesNotMatch", 400, "", "AccessKey Secret"),
        ("InvalidAccessKeyId.NotFound", 404, "", "AccessKey ID"),
        ("InvalidAccessKeyId.Inactive", 400, "", "enable it in RAM"),
        ("InvalidTimeStamp.Expired", 400, "", "clock"),
        ("InvalidSecurityToken.Expired", 400, "", "security_token"),
        ("Throttling.Api.Risk", 429, "", "daily limit"),
        ("Throttling.Resource", 429, "", "quota"),
        ("Throttling.User", 429, "", "max_qps"),
        ("Forbidden.Not.Server", 500, "", "region_id"),
        ("Forbidden.Access", 403, "Please first activate DataWorks Enterprise Edition", "Enterprise Edition or above"),
        ("Forbidden.Access", 403, "Please activate the service.", "activate what the message says"),
        ("Forbidden.Access", 403, "Access is forbidden.", "member of the workspace"),
        ("Forbidden.RAM", 403, "", "dataworks:*"),
        ("Invalid.Tenant.UserNotInProject", 400, "", "workspace"),
        ("Invalid.Tenant.ProjectNotExists", 400, "", "region_id"),
        ("Invalid.DI.Parameter.File.Existed", 400, "", "task_name"),
        ("InvalidAction.NotFound", 404, "", "endpoint"),
        ("InvalidDIJobId.NotFound", 404, "The DIJob 5 does not exist.", "check di_job_id"),
        ("IncorrectDIJobStatus", 400, "", "wait until it changes"),
        (None, 200, "fileId:[100] is invalid.", "check file_id"),
        (None, 200, "Invalid path: Business Flow/xxxx/Data Integration", "check FileFolderPath"),
        (None, 302, "", "Redirects"),
        (None, 407, "", "HTTPS_PROXY"),
        (None, None, "no connection (NameResolutionError: 'Failed to resolve')", "cannot be resolved: check region_id"),
        (None, None, "no connection (NewConnectionError: '[Errno -2] Name or service not known')", "be resolved"),
        (None, None, "no connection (ProxyError: 'Failed to resolve')", "proxy cannot be reached"),
        (None, None, "no connection (ConnectTimeoutError: 'timed out')", "check network"),
    ],
)
def test_errors_that_users_can_mend_say_how_at_once(
    code: str | None, status: int | None, message: str, words: str
) -> None:
    assert words in str(refused(code, status, message))[:FIRST_SCREEN]


def test_other_errors_begin_with_the_services_words() -> None:
    assert str(refused("InternalError.System", 500, "try later")).startswith("StartDISyncInstance failed: try later. [")


def test_services_words_follow_the_summary() -> None:
    text = str(refused("SignatureDoesNotMatch", 400, "server string to sign is: x."))

    assert text.startswith(
        "The AccessKey Secret is wrong: correct the password of the connection. "
        "StartDISyncInstance failed: server string to sign is: x. [action "
    )


def test_edition_is_said_once() -> None:
    text = str(
        refused("Forbidden.Access", 403, "Please first activate DataWorks Enterprise Edition or Flagship Edition")
    )

    assert text.lower().count("edition") == 1


REFUSALS: dict[str, tuple[Callable[[DataWorksHook], Any], str, str]] = {
    "InvalidDIJobId.NotFound": (
        lambda hook: hook.stop_di_job(di_job_id=99),
        "There is no such DI job: check di_job_id, project_id and region_id.",
        "The DIJob 99 does not exist",
    ),
    "IncorrectDIJobStatus": (
        lambda hook: hook.start_di_job(di_job_id=1003),
        "The status of the job forbids this: wait until it changes, or stop it first.",
        "1003 is Running",
    ),
    "fileId is invalid": (
        lambda hook: hook.start_di_sync_instance(task_type="DI_REALTIME", file_id=99),
        "The file is unknown or not deployed: check file_id, task_type and project_id.",
        "is invalid",
    ),
    "Invalid path": (
        lambda hook: hook.create_di_sync_task(
            task_type="DI_OFFLINE",
            task_name="t",
            task_content=CONTENT,
            task_param={"FileFolderPath": "Business Flow/none/Data Integration"},
        ),
        "The folder does not exist: check FileFolderPath (task_param), its language included.",
        "Invalid path: Business Flow/none",
    ),
}


@pytest.mark.parametrize("which", REFUSALS)
def test_common_refusals_say_what_to_do_and_where_it_was(
    dataworks_emulator: EmulatorControl, hook: DataWorksHook, which: str
) -> None:
    call, summary, words = REFUSALS[which]
    dataworks_emulator.set_job(1003, JobStatus="Running")

    with pytest.raises(DataWorksPermanentError) as raised:
        call(hook)

    text = str(raised.value)
    assert text.startswith(summary)
    assert words in text
    assert f"[{HERE}, action {raised.value.action}, code " in text


def where(error: DataWorksError) -> tuple[str | None, str | None, int | None]:
    return error.conn_id, error.region_id, error.project_id


FAILURES: dict[str, Callable[[DataWorksHook], Any]] = {
    "no such job in a listing": lambda hook: hook.find_di_job(di_job_id=99),
    "no job of a name": lambda hook: hook.find_di_job(job_name="nobody"),
    "two jobs of a name": lambda hook: hook.find_di_job(job_name="twice"),
    "refused": lambda hook: hook.get_di_job(di_job_id=99),
    "answer that is not complete": lambda hook: hook.call("NoSuchAction"),
}


@pytest.mark.parametrize("which", FAILURES)
def test_every_failure_of_a_call_names_connection_region_and_workspace(
    dataworks_emulator: EmulatorControl, hook: DataWorksHook, which: str
) -> None:
    for _ in range(2):
        dataworks_emulator.add_job(JobName="twice")

    with pytest.raises(DataWorksError) as raised:
        FAILURES[which](hook)

    assert where(raised.value) == ("dataworks_default", "cn-shanghai", 10000)
    assert f"[{HERE}" in str(raised.value)


def test_start_that_may_have_happened_names_them_too(dataworks_emulator: EmulatorControl, hook: DataWorksHook) -> None:
    job = hook.get_di_job(di_job_id=1001)
    dataworks_emulator.add_fault("error", action="StartDIJob", count=1, status=500, code="InternalError.System")
    dataworks_emulator.add_fault("error", action="GetDIJob", count=-1, status=403, code="Forbidden.RAM")

    with pytest.raises(DataWorksPermanentError) as raised:
        hook.start_di_job(di_job_id=1001, job_before=job)

    assert str(raised.value).startswith("It may have started: check its state before you start it again.")
    assert f"[{HERE}, action StartDIJob" in str(raised.value)


def test_workspace_of_the_call_is_named(dataworks_emulator: EmulatorControl, hook: DataWorksHook) -> None:
    with pytest.raises(DataWorksPermanentError) as raised:
        next(hook.list_di_jobs(project_id=5))
    assert where(raised.value) == ("dataworks_default", "cn-shanghai", 5)

    dataworks_emulator.add_job(ProjectId=20000)
    with pytest.raises(DataWorksNotFoundError) as missing:
        hook.find_di_job(project_id=20000, di_job_id=99)
    assert where(missing.value) == ("dataworks_default", "cn-shanghai", 20000)


def test_keys_that_cannot_be_had_name_the_connection(
    dataworks_emulator: EmulatorControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = hook_for(dataworks_emulator, monkeypatch)

    def fails() -> Any:
        raise CredentialsError("no keys", may_pass=True)

    monkeypatch.setattr(hook.settings.credentials, "get", fails)
    with pytest.raises(DataWorksError) as raised:
        hook.get_di_job(di_job_id=1001)

    assert str(raised.value) == f"no keys [{HERE}]"
