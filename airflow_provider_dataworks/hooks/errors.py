"""Turns the client's errors into those that users meet: cause and remedy first, then the service's own message."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from airflow_provider_dataworks.client.assumptions import JOB_NOT_FOUND_CODE, NOT_FOUND_WORDS
from airflow_provider_dataworks.client.errors import (
    ApiError,
    CredentialsError,
    Outcome,
    is_credentials_error,
    is_read_only,
)
from airflow_provider_dataworks.exceptions import (
    DataWorksError,
    DataWorksNotFoundError,
    DataWorksPermanentError,
    DataWorksTransientError,
)


class Advice(NamedTuple):
    """What an error says about a kind of failure.

    :param summary: cause and remedy in at most 90 characters, which is what Airflow's lists of failures show.
    :param says_all: whether the service's message would only repeat it; default False.
    :param details: a further sentence; default none.
    """

    summary: str
    says_all: bool = False
    details: str = ""


def from_client(error: ApiError | CredentialsError, key_source: str = "") -> DataWorksError:
    """Turn a client's error into the one that users meet.

    :param error: what the client raised.
    :param key_source: what the keys are fetched with, such as fields of the connection; default empty for keys that
        the connection holds itself.
    :return: the error to raise in its place, with the same facts and a sentence on what to do.
    """
    if isinstance(error, CredentialsError):
        return (DataWorksTransientError if error.may_pass else DataWorksPermanentError)(str(error))
    text = _message(error, key_source)
    about: dict[str, Any] = {
        "action": error.action,
        "code": error.code,
        "http_status": error.http_status,
        "request_id": error.request_id,
        "outcome_unknown": error.outcome_unknown and not is_read_only(error.action),
    }
    if error.outcome is not Outcome.REFUSED:
        return DataWorksTransientError(text, retry_after=error.retry_after, **about)
    if _is_job_not_found(error) or _node_not_found(error):
        return DataWorksNotFoundError(text, **about)
    return DataWorksPermanentError(text, **about)


def advice_for(error: ApiError, key_source: str = "") -> Advice | None:
    """Find what to do about an error.

    :param error: what the client raised.
    :param key_source: what the keys are fetched with; default empty for keys that the connection holds itself.
    :return: the advice, None where there is nothing to add to the service's message.
    """
    message = error.message.lower()
    if key_source and is_credentials_error(error.code):
        return Advice(_FETCHED_KEYS, details=f"The keys come from {key_source}.")
    if error.code == "Forbidden.Access" and error.action in _NEED_EDITION:
        # Whatever the message: the pages of these actions give this code for other editions alone.
        return _EDITION_OF_NODES
    if is_edition_error(error.code, message):
        return _EDITION_OF_DI_JOBS if "DIJob" in error.action else _EDITION
    if error.code == "Forbidden.Access" and "activate" in message:
        return _NOT_ACTIVATED
    if error.action == "QueryDISyncTaskConfigProcessResult" and (error.outcome, error.code) == (Outcome.REFUSED, None):
        return _NOT_GENERATED
    for fragment, advice in BY_MESSAGE:
        if re.search(fragment, message):
            return advice
    if (missing := _node_not_found(error)) is not None:
        return missing
    if error.code:
        for prefix, advice in BY_CODE:
            if error.code.startswith(prefix):
                return advice
    if _is_job_not_found(error):
        return _JOB_NOT_FOUND
    status = error.http_status
    return _BY_HTTP_STATUS.get(300 if status is not None and 300 <= status < 400 else status)


def needs_edition(action: str) -> bool:
    """Whether API version 2020-05-18 has an action in Enterprise Edition and above alone.

    :param action: the action's name.
    """
    return "DIJob" in action or action in _NEED_EDITION


def is_edition_error(code: str | None, message: str) -> bool:
    """Whether a refusal says that the account's edition does not have an action.

    :param code: the API's error code.
    :param message: the service's message.
    """
    return code == "Forbidden.Access" and "activate" in message.lower() and "enterprise" in message.lower()


def _message(error: ApiError, key_source: str) -> str:
    advice = advice_for(error, key_source)
    sentences = [sentence for sentence in (advice.summary, advice.details) if sentence] if advice else []
    if not (advice and advice.says_all):
        sentences.append(f"{error.action} failed: {error.message.rstrip('.')}.")
    if error.attempts > 1:
        sentences.append(f"It was tried {error.attempts} times.")
    if error.outcome is Outcome.UNKNOWN and not is_read_only(error.action):
        sentences.append("The answer was lost, so it is not known whether the service carried it out.")
    elif error.outcome_unknown and not is_read_only(error.action):
        sentences.append("The answer to an earlier attempt was lost: the service may have carried that one out.")
    return " ".join(sentences)


def _is_job_not_found(error: ApiError) -> bool:
    """Whether a refusal of a DI job action means that the job is not there; no code is documented for that."""
    if error.outcome is not Outcome.REFUSED or "DIJob" not in error.action:
        return False
    if error.code == JOB_NOT_FOUND_CODE:
        return True
    if not error.action.endswith("DIJob"):
        return False
    if error.http_status not in (400, 404, 200):
        return False
    text = f"{error.code or ''} {error.message}".lower()
    return "dijob" in text.replace(" ", "") and any(word in text for word in NOT_FOUND_WORDS)


def _node_not_found(error: ApiError) -> Advice | None:
    """What to do about a refusal that means that a node, file, run or instance is not there; it has no known code."""
    if error.outcome is not Outcome.REFUSED or error.http_status not in (400, 404, 200):
        return None
    word, advice = _NODES_NOT_FOUND.get(error.action, ("", None))
    text = f"{error.code or ''} {error.message}".lower()
    return advice if word in text and any(words in text for words in NOT_FOUND_WORDS) else None


_JOB_NOT_FOUND = Advice("There is no such DI job: check di_job_id, project_id and region_id.")
_NODE_NOT_FOUND = Advice("There is no such node: check node_id, project_env, and that it is deployed.")
_RUN_NOT_FOUND = Advice("There is no such run: check run_id and project_env; they are kept for about 30 days.")
_INSTANCE_NOT_FOUND = Advice("There is no such instance: check instance_id, project_env; it is kept for about 30 days.")
#: By action: a word that the code or message has, and what to do.
_NODES_NOT_FOUND: dict[str, tuple[str, Advice | None]] = {
    **dict.fromkeys(("RunCycleDagNodes", "RunTriggerNode"), ("node", _NODE_NOT_FOUND)),
    **dict.fromkeys(
        ("GetTask", "CreateWorkflowInstances", "TriggerSchedulerTaskInstance"), ("taskid", _NODE_NOT_FOUND)
    ),
    "GetNode": ("nodeid", _NODE_NOT_FOUND),
    "GetFile": ("file", Advice("There is no such file: check file_id and project_id.")),
    **dict.fromkeys(("GetDag", "GetWorkflowInstance"), ("", _RUN_NOT_FOUND)),
    **dict.fromkeys(
        (
            "GetInstance",
            "GetInstanceLog",
            "GetTaskInstance",
            "GetTaskInstanceLog",
            "ListInstanceHistory",
            "StopInstance",
            "StopTaskInstances",
        ),
        ("instance", _INSTANCE_NOT_FOUND),
    ),
}
_NEED_EDITION = ("RunCycleDagNodes", "RunTriggerNode")
_EDITION_OF_NODES = Advice(
    "Running nodes needs Enterprise Edition or above: upgrade or set api_version.",
    details="With api_version 2024-05-18 on the connection, every edition runs nodes.",
)
_EDITION = Advice("This needs Enterprise Edition or above in this region: upgrade DataWorks.", says_all=True)
_EDITION_OF_DI_JOBS = Advice(
    "DI jobs need Enterprise Edition or above in this region: upgrade or set api_version.",
    says_all=True,
    details="With api_version 2024-05-18 on the connection, DI jobs work for every account.",
)
_NOT_ACTIVATED = Advice("The account has not activated this: activate what the message says, in this region.")
_NOT_GENERATED = Advice("The service could not generate the content: correct the script in task_param.")
_FETCHED_KEYS = "The service refuses the keys that were fetched: check their source (auth_type)."
_PERMISSION = Advice("RAM does not allow this: grant the RAM user or role dataworks:* in a RAM policy.")

_UNRESOLVED = "nameresolutionerror|no connection .*(name or service not known|getaddrinfo|nodename nor servname)"

#: A pattern of the message in lower case, for what has no code; the client's own messages among them.
BY_MESSAGE: tuple[tuple[str, Advice], ...] = (
    (r"fileid.* is invalid", Advice("The file is unknown or not deployed: check file_id, task_type and project_id.")),
    (
        r"(parent|父节点).*(output|输出名).*(not exist|不存在)",
        Advice("An input is the output of no deployed node: correct InputList in schedule."),
    ),
    (r"invalid path", Advice("The folder does not exist: check FileFolderPath (task_param), its language included.")),
    (r"no connection \(proxyerror", Advice("The proxy cannot be reached: check HTTPS_PROXY and NO_PROXY.")),
    (_UNRESOLVED, Advice("The host name cannot be resolved: check region_id, network, host and the proxy.")),
    (r"no connection \(", Advice("The host cannot be reached: check network (public or vpc), host and the proxy.")),
)

#: The beginning of a code, and what to do; the first that fits counts.
BY_CODE: tuple[tuple[str, Advice], ...] = (
    ("SignatureDoesNotMatch", Advice("The AccessKey Secret is wrong: correct the password of the connection.")),
    ("InvalidAccessKeyId.Inactive", Advice("The AccessKey ID is disabled: enable it in RAM, or use another (login).")),
    ("InvalidAccessKeyId", Advice("The AccessKey ID does not exist: correct the login of the connection.")),
    (
        "InvalidTimeStamp",
        Advice("Set this machine's clock: it differs from the service by over 15 minutes."),
    ),
    (
        "InvalidSecurityToken",
        Advice("The STS token is not valid: renew security_token, or use a role as auth_type."),
    ),
    ("SignatureNonceUsed", Advice("A proxy repeated the request: check what happened before you run it again.")),
    ("Throttling.Api.Risk", Advice("The daily limit of calls is used up: run it tomorrow, or poll less often.")),
    ("Throttling.Resource", Advice("The quota of the edition is used up: upgrade it, or wait for the next month.")),
    ("Throttling", Advice("Too many calls: lower max_qps of the connection, or raise poll_interval.")),
    ("Forbidden.Not.Server", Advice("The region does not offer this API: check region_id of the connection.")),
    ("Forbidden.RAM", _PERMISSION),
    ("NoPermission", _PERMISSION),
    ("ResourceNotAuthorized", _PERMISSION),
    ("Forbidden.DI.NoPrivilege", Advice("The workspace role may not edit sync tasks: give the caller one that may.")),
    ("Forbidden", Advice("Access denied: make the caller a member of the workspace; allow dataworks:* in RAM.")),
    ("Invalid.Tenant.UserNotInProject", Advice("The caller is not a member of the workspace: add the user or role.")),
    ("Invalid.Tenant.ProjectNotExists", Advice("The region has no such workspace: check project_id and region_id.")),
    ("Invalid.DI.Parameter.File.Existed", Advice("The folder has a file of this name: choose another task_name.")),
    ("InvalidDIJobId", _JOB_NOT_FOUND),
    (
        "IncorrectDIJobStatus",
        Advice("The status of the job forbids this: wait until it changes, or stop it first."),
    ),
    ("InvalidAction.NotFound", Advice("This endpoint does not know the action: check region_id and host.")),
    ("9990010001", Advice("DataWorks is not activated: activate it for this account, in this region.")),
)

# 300 stands for all redirects.
_BY_HTTP_STATUS: dict[int | None, Advice] = {
    300: Advice("Redirects are not followed with credentials: correct the host of the connection."),
    407: Advice("The proxy wants a password: give user and password in HTTPS_PROXY, or set NO_PROXY."),
}
