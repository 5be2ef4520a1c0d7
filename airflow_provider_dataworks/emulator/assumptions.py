"""
Assumptions about behaviour that the vendor does not document. They are made here and nowhere else.

The emulator has to behave in some way in these cases; DataWorks itself may behave differently. Code that meets one of
these behaviours has to work with the others too.
"""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dataworks.emulator.errors import ApiRefusal

#: Assumption: names are compared without regard to case, anywhere in the name, when ListDIJobs filters by JobName.
FUZZY_IGNORES_CASE = True
#: Assumption: TaskParam or its FileFolderPath may be left out (newer pages) and the file is put here.
DEFAULT_FOLDER = "Business Flow/demo/Data Integration"
#: Assumption: TaskName is needed (the older pages say so, the newer ones do not).
TASK_NAME_REQUIRED = True
#: Assumption: a parameter RegionId in the query is accepted and ignored by each action (old pages require it).
IGNORED_QUERY_PARAMETERS = frozenset({"RegionId"})
#: Assumption: a value in milliseconds is refused as StartTime (1e11 seconds is the year 5138).
MAX_START_TIME = 10**11 - 1
#: Assumption: the server's clock and x-acs-date may differ by this (31 minutes on the page of the older signature).
DATE_WINDOW_SECONDS = 15 * 60
#: Assumption: a nonce is remembered this long; after that its date is outside the window.
NONCE_MEMORY_SECONDS = 2 * DATE_WINDOW_SECONDS
#: Assumption: the response to a call above the QPS limit has no header with a waiting time.
THROTTLE_HEADERS: dict[str, str] = {}
#: Assumption: words of SolutionInfo.Status by the number in SolutionDetail.Status; only ``run`` is in a sample.
SOLUTION_WORDS = {
    "0": "success", "1": "init", "2": "run", "3": "fail", "4": "committed", "5": "wait_confirm",
    "6": "confirmed", "7": "other", "8": "wait", "9": "deleted",
}  # fmt: skip
#: Assumption: the status of a real-time file that was started and then stopped, and of one that was undeployed.
STATUS_AFTER_STOP = "PAUSE"
STATUS_AFTER_TERMINATE = "NORUN"
#: Assumption: ErrorMessage of a failing job that has none of its own.
DEFAULT_ERROR_MESSAGE = "The emulator was asked to let this job fail."
#: Assumption: Data.Message in the vendor's samples of successful calls is what the service sends.
MESSAGE_BESIDE_SUCCESS = {
    "CreateDISyncTask": "Invalid path: Business Flow/xxxx/Data Integration",
    "StartDISyncInstance": "fileId:[100] is invalid.",
}
#: Assumption: this content type, unsigned, is accepted on a request without a body. The asynchronous clients of the
#: official SDKs send it, because their HTTP library adds it.
ADDED_CONTENT_TYPE = "application/octet-stream"
#: Assumption: GetDIJob of 2024-05-18 really says ``Stop`` where every other answer says ``Stopped``, as its page does.
STATUSES_OF_GET_2024 = {"Stopped": "Stop"}
#: Assumption: ListDIJobs of 2024-05-18 spells these types as its page does, unlike CreateDIJob and GetDIJob.
TYPES_OF_LIST_2024 = {
    "LogHub": "Loghub", "SQLServer": "SqlServer", "StarRocks": "STARROCKS",
    "AnalyticDB_For_MySQL": "ANALYTICDB_FOR_MYSQL",
}  # fmt: skip
#: Assumption: ListDIJobs of 2024-05-18 without SpecType does not show jobs in script mode.
DEFAULT_SPEC_TYPE = "CLASSIC"
#: Assumption: for how many seconds a run that has nothing to do is Running, by API version. Nothing is documented; for
#: a caller of 2020-05-18, which has no counters, a run that does not show is the harder case.
SKIP_SECONDS = {"2020-05-18": 0.0, "2024-05-18": 0.5}
#: Assumption: a page of GetDIJobLog has so many lines; a page beyond the last one is an empty string.
LOG_PAGE_LINES = 100
#: Assumption: logs and events show the time of China, without a zone.
TIME_ZONE_HOURS = 8
#: Assumption: ListDIJobMetrics has a sample each so many seconds.
METRIC_SECONDS = 10
#: Assumption: a call beyond the daily limit is refused with this Message; the day is that of China.
DAILY_LIMIT_MESSAGE = "You have exceeded your daily available limit."


def unknown_job(di_job_id: int) -> ApiRefusal:
    """Assumption: an action on a DIJobId that does not exist is refused with this code; no page has one."""
    return ApiRefusal(404, "InvalidDIJobId.NotFound", f"The DIJob {di_job_id} does not exist.")


def unknown_job_2024(di_job_id: int) -> ApiRefusal:
    """Assumption: the HTTP status and the Message; that the Code is 500130 was seen by others."""
    return ApiRefusal(400, "500130", f"The DIJob {di_job_id} does not exist.")


def existing_job_name(name: str) -> ApiRefusal:
    """Assumption: a CreateDIJob of 2024-05-18 with a name that the workspace has already is refused so.

    That names are unique is documented, for this version only.
    """
    return ApiRefusal(400, "InvalidDIJobName.Existed", f"The DIJob name {name} already exists.")


def wrong_edition() -> ApiRefusal:
    """Assumption: each DI job action of 2020-05-18 is refused below Enterprise as StartDIJob and ListDIJobs are."""
    message = "Please first activate DataWorks Enterprise Edition or Flagship Edition"
    return ApiRefusal(403, "Forbidden.Access", message)


def body_in_get_request() -> ApiRefusal:
    """Assumption: a GET request with a body or a content type is refused; a real dispatcher may pass over it."""
    return ApiRefusal(400, "InvalidParameter", "A GET request has neither a body nor a content-type.")


def wrong_job_status(di_job_id: int, status: str, action: str) -> ApiRefusal:
    """Assumption: a start of a job that runs, and the deletion of one, are refused with this code."""
    message = f"{action} is not possible: the status of the DIJob {di_job_id} is {status}."
    return ApiRefusal(400, "IncorrectDIJobStatus", message)


def unknown_project(project_id: int) -> ApiRefusal:
    """Assumption: the code that ListProjects' page has for a missing workspace is the code of all actions."""
    return ApiRefusal(400, "Invalid.Tenant.ProjectNotExists", f"The workspace {project_id} does not exist.")


def other_parameters_for_token() -> ApiRefusal:
    """Assumption: a ClientToken that is used again with other parameters is refused.

    With the same parameters the first result is returned, for as long as the emulator runs.
    """
    message = "The ClientToken was used before with other parameters."
    return ApiRefusal(400, "IdempotentParameterMismatch", message)


def unknown_parameter(name: str, action: str) -> ApiRefusal:
    """Assumption: a parameter that the action does not have is refused; DataWorks may ignore it."""
    return ApiRefusal(400, "InvalidParameter", f"{action} has no parameter {name}.")


def misplaced_parameter(name: str, action: str, place: str) -> ApiRefusal:
    """Assumption: a parameter in the wrong place is refused with this code; DataWorks may call it missing."""
    message = f"The parameter {name} of {action} belongs in the {place}."
    return ApiRefusal(400, "InvalidParameter", message)


def repeated_parameter(name: str) -> ApiRefusal:
    """Assumption: a parameter that occurs twice is refused."""
    return ApiRefusal(400, "InvalidParameter", f"The parameter {name} occurs more than once.")


def wrong_content_type(content_type: str) -> ApiRefusal:
    """Assumption: a body that is not a form is refused with this code."""
    message = f"The content type must be application/x-www-form-urlencoded, not {content_type or 'absent'}."
    return ApiRefusal(400, "InvalidContentType", message)


#: Assumption: the Message of QueryDISyncTaskConfigProcessResult while the configuration is being generated, with the
#: Status fail; no value for that is documented.
NOT_GENERATED_YET = "The configuration is being generated."


def generated_content(process_id: int, task_type: str, task_param: dict[str, Any]) -> str:
    """Assumption: the format of a generated TaskContent is not documented; this one contains the script."""
    content = {"type": "realtime", "version": "1.0", "processId": process_id, "taskType": task_type, **task_param}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def unknown_process(process_id: int) -> str:
    """Assumption: a query of an unknown AsyncProcessId fails inside a 200, with this Data.Message."""
    return f"AsyncProcessId:[{process_id}] is invalid."


def content_not_generated(task_type: str) -> str:
    """Assumption: content of another origin fails inside a 200, with this Data.Message."""
    return (
        f"The TaskContent of a {task_type} task must be generated by GenerateDISyncTaskConfigForCreating and "
        "QueryDISyncTaskConfigProcessResult."
    )


def start_of_running_file(file_id: int) -> str:
    """Assumption: a start of an instance that runs fails inside a 200, with this Data.Message."""
    return f"fileId:[{file_id}] is running."


def start_of_undeployed_file(file_id: int) -> str:
    """Assumption: when the file has to be deployed first, the start fails inside a 200, with this Data.Message."""
    return f"fileId:[{file_id}] is not deployed."


# Further assumptions, without a rule of their own in the code:
# - StopDIJob on a job that is not running, StopDISyncInstance on a file that is not running: success, no effect.
# - StopDIJob during the lag of a start stops that start.
# - PageSize above 100 is refused, not clamped. A page beyond the last one is an empty list.
# - ListDIJobs is in the order of DIJobId; for CreateDIJob of 2020-05-18, JobName need not be unique in a workspace.
# - StartDIJob without ForceToRerun on a Failed or Stopped job runs the tables that are not yet migrated; on a Finished
#   job of the type Full there are none. The page of 2024-05-18 says this of steps, that of 2020-05-18 does not. The
#   setting rerun_finished_full changes that.
# - A run that migrates a table anew counts its records from 0 again; the table has grown meanwhile.
# - A job is in both API versions the same, under the same id; nothing public says so. See separate_versions.
# - 2024-05-18: the statuses of tables are words of JobStatus; a phase that a job does not have is left out, and so is
#   the error message of a phase without error. Before the first start ListDIJobRunDetails is empty.
# - 2024-05-18: with both Id and DIJobId, Id counts. InstanceId and FailoverId are accepted and ignored: each answer is
#   about the current or last run. A ProjectId that is not the job's makes the job unknown.
# - 2024-05-18: Name of ListDIJobs is compared as JobName of 2020-05-18; types are compared without regard to case.
# - 2024-05-18: CreateDIJob needs Name (or JobName), MigrationType and both types, and no settings. JobType follows from
#   MigrationType when it is left out, and is not compared with it. Settings are stored, not understood, but for the
#   names of tables in TableMappings.
# - UpdateDIJob is possible in every status and replaces the settings that it is given.
# - A failed run has one Failover event. Without NodeType, GetDIJobLog gives the log of the MASTER.
# - Calls that are throttled, or whose signature is refused, do not count for the daily limit; all others do.
# - Standard and Professional admit 5 calls a second of all actions together, as Basic does (one cell of the table).
# - A second start within the same second sets StartedTime one second later, so that the runs differ.
# - A real-time file whose start fails is NORUN; a solution, once started, is running (2) and then successful (0).
# - TaskContent is any JSON object; it is stored, not understood.
# - GetProject and ListProjects are open to every edition; a workspace is in both API versions.
# - The List and Get actions count as reads for the QPS limits, all others as writes.
