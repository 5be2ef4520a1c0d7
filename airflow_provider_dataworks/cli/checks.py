"""What ``check`` finds out about a connection, as a list of results; every request reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException

from airflow_provider_dataworks.client.actions import Action
from airflow_provider_dataworks.client.catalog import API_VERSIONS, CATALOGS, DATA_SOURCES, DI_JOBS, NODES, v2020_05_18
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.errors import ApiError, CredentialsError
from airflow_provider_dataworks.exceptions import DataWorksError

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

OK, WARNING, FAILED, SKIPPED = "ok", "warning", "failed", "skipped"

#: Seconds by which clocks may differ without a word, and from which on requests are refused.
SMALL_SKEW, REFUSED_SKEW = 60.0, 900.0

#: Seconds that one request may take, and how often it is sent at most.
_REQUEST_TIMEOUT, _ATTEMPTS = 20.0, 2

#: What to do about an error that there is no advice for.
_UNKNOWN = "Run it again; if it stays so, give the RequestId to Alibaba Cloud's support (--json has it)."

#: The beginning of the codes that say that a request was not accepted as the caller's, whatever the caller may do.
_NOT_AUTHENTICATED = (
    "SignatureDoesNotMatch",
    "SignatureNonceUsed",
    "InvalidAccessKeyId",
    "InvalidSecurityToken",
    "InvalidTimeStamp",
    "IncompleteSignature",
    "InvalidSignatureMethod",
    "MissingSecurityToken",
)


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    :param name: what was checked.
    :param status: ``ok``, ``warning``, ``failed`` or ``skipped``.
    :param message: what was found, one line.
    :param fix: what to do about it; default empty.
    :param api_version: the API version that it is about; None (default) for none in particular.
    :param action: the action that was called; default None.
    :param code: the API's error code; default None.
    :param request_id: the RequestId of a failed call; default None.
    """

    name: str
    status: str
    message: str
    fix: str = ""
    api_version: str | None = None
    action: str | None = None
    code: str | None = None
    request_id: str | None = None


class _Read(NamedTuple):
    """A read with which a permission is tried."""

    name: str
    action: Action
    parameters: dict[str, Any]


#: The checks before those of single actions, in their order; each needs those before it.
_BASIC = ("connection", "credentials", "endpoint", "clock", "signature", "workspace")


def check_connection(hook: DataWorksHook, project_id: int | None = None) -> list[CheckResult]:
    """Check a connection. Nothing is changed: calls with an effect are not tried.

    :param hook: a hook for the connection; its settings need not have been read.
    :param project_id: the workspace; None (default) for the connection's.
    :return: the results. After a failure that rules out what comes later, that is ``skipped``.
    """
    return list(_checks(hook, project_id))


def _checks(hook: DataWorksHook, project_id: int | None) -> Iterator[CheckResult]:
    connection = _connection(hook, project_id)
    yield connection
    if connection.status == FAILED:
        yield from _skipped("connection")
        return
    project = project_id or hook.settings.project_id
    brief = hook.with_settings(
        max_attempts=_ATTEMPTS, request_timeout=_REQUEST_TIMEOUT, max_elapsed=_ATTEMPTS * _REQUEST_TIMEOUT
    )
    try:
        yield from _service(brief, project)
    finally:
        brief.close()


def _service(hook: DataWorksHook, project: int | None) -> Iterator[CheckResult]:
    credentials = _credentials(hook)
    yield credentials
    endpoint, clocks = _endpoint_and_clock(hook)
    yield endpoint
    yield clocks
    if endpoint.status == FAILED or credentials.status == FAILED:
        yield from _skipped("clock")
        return
    signature, workspace, exists = _workspace(hook, project)
    yield signature
    yield workspace
    if signature.status == FAILED or project is None or not exists:
        yield from _skipped("workspace")
        return
    edition = None
    for version in API_VERSIONS:
        for read in _reads(version, project, hook.settings.time_zone):
            result, error = _try(hook, read)
            yield result
            if version == v2020_05_18.VERSION and read.action is DI_JOBS[version].list_jobs:
                edition = _edition(hook.settings.api_version, error)
    if edition is not None:
        yield edition


def _skipped(after: str) -> Iterator[CheckResult]:
    """The checks that a failure rules out."""
    for name in (*_BASIC[_BASIC.index(after) + 1 :], "permissions", "edition"):
        yield CheckResult(name, SKIPPED, "not tried, because of what failed before")


def _connection(hook: DataWorksHook, project_id: int | None) -> CheckResult:
    conn_id = hook.dataworks_conn_id
    try:
        settings = hook.settings
    except AirflowNotFoundException:
        return CheckResult(
            "connection",
            FAILED,
            f"There is no connection {conn_id}.",
            f"Define it: airflow connections add, or the variable AIRFLOW_CONN_{conn_id.upper()}.",
        )
    except DataWorksError as error:
        return CheckResult("connection", FAILED, _line(error.message), "Correct this field of the connection.")
    except (AirflowException, ValueError) as error:
        # Airflow's own, such as a variable that is neither a URI nor JSON.
        return CheckResult("connection", FAILED, f"{conn_id} cannot be read: {_line(error)}", "Define it again.")
    where = [
        f"region {settings.region_id}" if settings.region_id else "no region",
        f"workspace {project_id or settings.project_id or 'none'}",
        f"API version {settings.api_version}",
    ]
    return CheckResult("connection", OK, f"{conn_id}: {', '.join(where)}")


def _credentials(hook: DataWorksHook) -> CheckResult:
    try:
        credentials = hook.settings.credentials.get()
    except CredentialsError as error:
        return CheckResult("credentials", FAILED, _line(error), "Correct auth_type and what belongs to it.")
    return CheckResult("credentials", OK, "temporary ones" if credentials.security_token else "an AccessKey")


def _endpoint_and_clock(hook: DataWorksHook) -> tuple[CheckResult, CheckResult]:
    endpoint = hook.settings.endpoint
    try:
        probe = hook.client.probe()
    except ApiError as error:
        failed = _failed("endpoint", error, where=endpoint)
        return failed, CheckResult("clock", SKIPPED, "not tried, because of what failed before")
    reached = CheckResult("endpoint", OK, f"{endpoint} answers in {probe.elapsed * 1000:.0f} ms")
    return reached, _clock(probe.clock_ahead)


def _clock(ahead: float | None) -> CheckResult:
    if ahead is None:
        return CheckResult("clock", SKIPPED, "the answer has no date")
    if abs(ahead) < SMALL_SKEW:
        return CheckResult("clock", OK, f"differs from the service's by less than {SMALL_SKEW:.0f} s")
    text = f"This machine's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the service's."
    if abs(ahead) < REFUSED_SKEW:
        fix = f"Set this machine's clock: from {REFUSED_SKEW:.0f} s on, requests are refused."
        return CheckResult("clock", WARNING, text, fix)
    return CheckResult("clock", FAILED, text, "Set this machine's clock, and keep it set by NTP.")


def _workspace(hook: DataWorksHook, project: int | None) -> tuple[CheckResult, CheckResult, bool]:
    """The first signed call: what it says of the signature and of the workspace, and whether that exists."""
    catalog = CATALOGS[hook.settings.api_version]
    action = catalog.LIST_PROJECTS if project is None else catalog.GET_PROJECT
    signed = CheckResult("signature", OK, "accepted", action=action.name)
    try:
        if project is None:
            hook.client.call(action, {"PageNumber": 1, "PageSize": 1})
            return signed, _no_workspace(), False
        answer = hook.client.call(action, {action.query[0]: project})
    except CredentialsError as error:
        failed = CheckResult("signature", FAILED, _line(error), "Correct auth_type and what belongs to it.")
        return failed, CheckResult("workspace", SKIPPED, "not tried, because of what failed before"), False
    except ApiError as error:
        if error.http_status is None or (error.code or "").startswith(_NOT_AUTHENTICATED):
            failed = _failed("signature", error, key_source=hook.settings.key_source)
            return failed, CheckResult("workspace", SKIPPED, "not tried, because of what failed before"), False
        if project is None:
            # Not everybody may list workspaces, and no task needs it.
            return signed, _no_workspace(), False
        exists = not (error.code or "").startswith("Invalid.Tenant")
        return signed, _failed("workspace", error), exists
    details = answer.get("Data") or answer.get("Project") or {}
    name = details.get("ProjectName") or details.get("DisplayName") or details.get("Name") or ""
    return signed, CheckResult("workspace", OK, _line(f"{project} {name}"), action=action.name), True


def _no_workspace() -> CheckResult:
    return CheckResult(
        "workspace",
        WARNING,
        "The connection names no workspace.",
        "Set project_id of the connection, give it to each task, or give --project-id here.",
    )


def _reads(version: str, project: int, time_zone: str) -> list[_Read]:
    nodes, page = NODES[version], {"PageNumber": 1, "PageSize": 1}
    of_nodes = {"ProjectId": project, "ProjectEnv": nodes.spell_environment("PROD"), **page}
    yesterday = datetime.fromtimestamp(clock.time(), ZoneInfo(time_zone)).date() - timedelta(days=1)
    of_instances = {**of_nodes, "Bizdate": nodes.spell_bizdate(yesterday.isoformat(), time_zone)}
    return [
        _Read("DI jobs", DI_JOBS[version].list_jobs, {"ProjectId": project, **page}),
        _Read("nodes", nodes.list_nodes, of_nodes),
        _Read("node instances", nodes.list_instances, of_instances),
        _Read("data sources", DATA_SOURCES[version].list_data_sources, {"ProjectId": project, **page}),
    ]


def _try(hook: DataWorksHook, read: _Read) -> tuple[CheckResult, ApiError | CredentialsError | None]:
    version, action = read.action.version, read.action.name
    try:
        hook.client.call(read.action, read.parameters)
    except (ApiError, CredentialsError) as error:
        # What the connection does not use is no failure of it, and an edition is not one of the caller's rights.
        is_failure = version == hook.settings.api_version and not _is_edition(error)
        status = FAILED if is_failure else WARNING
        result = _failed(read.name, error, status=status, key_source=hook.settings.key_source)
        return replace(result, api_version=version, action=action), error
    return CheckResult(read.name, OK, f"{action} is allowed", api_version=version, action=action), None


def _edition(used_version: str, error: ApiError | CredentialsError | None) -> CheckResult:
    from airflow_provider_dataworks.hooks.errors import needs_edition

    if error is None:
        return CheckResult("edition", OK, "Enterprise or Ultimate: no action is refused for the edition")
    if not _is_edition(error):
        return CheckResult("edition", SKIPPED, "cannot be seen: DI jobs of 2020-05-18 are refused for another reason")
    refused = ", ".join(action.name for action in v2020_05_18.ACTIONS if needs_edition(action.name))
    message = f"below Enterprise: API version {v2020_05_18.VERSION} refuses {refused}"
    if used_version != v2020_05_18.VERSION:
        return CheckResult("edition", OK, f"{message}; the connection uses {used_version}, which every edition has")
    fix = f"Set api_version {API_VERSIONS[-1]} on the connection, which every edition has, or upgrade."
    return CheckResult("edition", WARNING, message, fix)


def _is_edition(error: ApiError | CredentialsError) -> bool:
    from airflow_provider_dataworks.hooks.errors import is_edition_error

    return isinstance(error, ApiError) and is_edition_error(error.code, error.message)


def _failed(
    name: str,
    error: ApiError | CredentialsError,
    *,
    status: str = FAILED,
    where: str | None = None,
    key_source: str = "",
) -> CheckResult:
    from airflow_provider_dataworks.hooks.errors import advice_for

    if isinstance(error, CredentialsError):
        return CheckResult(name, status, _line(error), "Correct auth_type and what belongs to it.")
    advice = advice_for(error, key_source)
    facts = [where or error.action, f"HTTP {error.http_status}" if error.http_status else "", error.code or ""]
    return CheckResult(
        name,
        status,
        _line(f"{' '.join(fact for fact in facts if fact)}: {error.message}"),
        advice.summary if advice else _UNKNOWN,
        action=None if where else error.action,
        code=error.code,
        request_id=error.request_id,
    )


def _line(value: object) -> str:
    """One line that is not too long."""
    line = " ".join(str(value).split())
    return line if len(line) <= 300 else f"{line[:300]} ..."
