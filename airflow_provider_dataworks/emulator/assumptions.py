"""
What the vendor does not document, decided here and nowhere else. Every line of this module is a guess.

The emulator has to do something in these cases; a real DataWorks may do something else. Code that relies on one of
these answers has to work with the other answers too.
"""

from __future__ import annotations

from airflow_provider_dataworks.emulator.errors import ApiRefusal

#: Guess: names are compared without regard to case, anywhere in the name, when ListDIJobs filters by JobName.
FUZZY_IGNORES_CASE = True
#: Guess: TaskParam or its FileFolderPath may be left out (newer pages) and the file is put here.
DEFAULT_FOLDER = "Business Flow/demo/Data Integration"
#: Guess: TaskName is needed (the older pages say so, the newer ones do not).
TASK_NAME_REQUIRED = True
#: Guess: a parameter RegionId in the query is accepted and ignored by each action (old pages require it).
IGNORED_QUERY_PARAMETERS = frozenset({"RegionId"})
#: Guess: a value that looks like milliseconds is refused as StartTime (1e11 seconds is the year 5138).
MAX_START_TIME = 10**11 - 1
#: Guess: the server's clock and x-acs-date may differ by so much (the page of the older signature says 31 minutes).
DATE_WINDOW_SECONDS = 15 * 60
#: Guess: for so long a nonce is remembered; afterwards the date is out of the window whatever the clock skew.
NONCE_MEMORY_SECONDS = 2 * DATE_WINDOW_SECONDS
#: Guess: the answer to a call beyond the QPS limit has no header that says how long to wait.
THROTTLE_HEADERS: dict[str, str] = {}
#: Guess: words of SolutionInfo.Status by the number in SolutionDetail.Status; only ``run`` is in a sample.
SOLUTION_WORDS = {
    "0": "success", "1": "init", "2": "run", "3": "fail", "4": "committed", "5": "wait_confirm",
    "6": "confirmed", "7": "other", "8": "wait", "9": "deleted",
}  # fmt: skip
#: Guess: the status of a real-time file that was started and then stopped, and of one that was undeployed.
STATUS_AFTER_STOP = "PAUSE"
STATUS_AFTER_TERMINATE = "NORUN"
#: Guess: ErrorMessage of a job that fails and has been given none.
DEFAULT_ERROR_MESSAGE = "The emulator was asked to let this job fail."
#: Guess: what stands in Data.Message beside success in the vendor's samples stands there for real.
MESSAGE_BESIDE_SUCCESS = {
    "CreateDISyncTask": "Invalid path: Business Flow/xxxx/Data Integration",
    "StartDISyncInstance": "fileId:[100] is invalid.",
}
#: Guess: GetDIJob of 2024-05-18 really says ``Stop`` where every other answer says ``Stopped``, as its page does.
STATUSES_OF_GET_2024 = {"Stopped": "Stop"}
#: Guess: ListDIJobs of 2024-05-18 spells these types as its page does, unlike CreateDIJob and GetDIJob.
TYPES_OF_LIST_2024 = {
    "LogHub": "Loghub", "SQLServer": "SqlServer", "StarRocks": "STARROCKS",
    "AnalyticDB_For_MySQL": "ANALYTICDB_FOR_MYSQL",
}  # fmt: skip
#: Guess: ListDIJobs of 2024-05-18 without SpecType does not show jobs in script mode.
DEFAULT_SPEC_TYPE = "CLASSIC"
#: Guess: a page of GetDIJobLog has so many lines; a page beyond the last one is an empty string.
LOG_PAGE_LINES = 100
#: Guess: logs and events show the time of China, without a zone.
TIME_ZONE_HOURS = 8
#: Guess: ListDIJobMetrics has a sample each so many seconds.
METRIC_SECONDS = 10
#: Guess: a call beyond the daily limit is refused with this Message; the day is that of China.
DAILY_LIMIT_MESSAGE = "You have exceeded your daily available limit."


def unknown_job(di_job_id: int) -> ApiRefusal:
    """Guess: an action on a DIJobId that does not exist is answered so; no page has a code for it."""
    return ApiRefusal(404, "InvalidDIJobId.NotFound", f"The DIJob {di_job_id} does not exist.")


def unknown_job_2024(di_job_id: int) -> ApiRefusal:
    """Guess: the HTTP status and the Message; that the Code is 500130 was seen by others."""
    return ApiRefusal(400, "500130", f"The DIJob {di_job_id} does not exist.")


def existing_job_name(name: str) -> ApiRefusal:
    """Guess: a CreateDIJob of 2024-05-18 with a name that the workspace has already is refused so.

    That names are unique is documented, for this version only.
    """
    return ApiRefusal(400, "InvalidDIJobName.Existed", f"The DIJob name {name} already exists.")


def wrong_edition() -> ApiRefusal:
    """Guess: each DI job action of 2020-05-18 is refused below Enterprise as StartDIJob and ListDIJobs are."""
    message = "Please first activate DataWorks Enterprise Edition or Flagship Edition"
    return ApiRefusal(403, "Forbidden.Access", message)


def body_in_get_request() -> ApiRefusal:
    """Guess: a GET request with a body or a content type is refused; a real dispatcher may pass over it."""
    return ApiRefusal(400, "InvalidParameter", "A GET request has neither a body nor a content-type.")


def wrong_job_status(di_job_id: int, status: str, action: str) -> ApiRefusal:
    """Guess: a start of a job that runs, and the deletion of one, are refused so."""
    message = f"{action} is not possible: the status of the DIJob {di_job_id} is {status}."
    return ApiRefusal(400, "IncorrectDIJobStatus", message)


def unknown_project(project_id: int) -> ApiRefusal:
    """Guess: the code that ListProjects' page has for a missing workspace is the code of all actions."""
    return ApiRefusal(400, "Invalid.Tenant.ProjectNotExists", f"The workspace {project_id} does not exist.")


def other_parameters_for_token() -> ApiRefusal:
    """Guess: a ClientToken that comes again with other parameters is refused; with the same, the first answer holds.

    It is remembered for as long as the emulator runs.
    """
    message = "The ClientToken was used before with other parameters."
    return ApiRefusal(400, "IdempotentParameterMismatch", message)


def unknown_parameter(name: str, action: str) -> ApiRefusal:
    """Guess: a parameter that the action does not have is refused; a real dispatcher may pass over it."""
    return ApiRefusal(400, "InvalidParameter", f"{action} has no parameter {name}.")


def misplaced_parameter(name: str, action: str, place: str) -> ApiRefusal:
    """Guess: a parameter in the wrong place is refused so; a real dispatcher may find it missing instead."""
    message = f"The parameter {name} of {action} travels in the {place}."
    return ApiRefusal(400, "InvalidParameter", message)


def repeated_parameter(name: str) -> ApiRefusal:
    """Guess: a parameter that is there twice is refused."""
    return ApiRefusal(400, "InvalidParameter", f"The parameter {name} is there more than once.")


def wrong_content_type(content_type: str) -> ApiRefusal:
    """Guess: a body that is not a form is refused so."""
    message = f"The content type must be application/x-www-form-urlencoded, not {content_type or 'absent'}."
    return ApiRefusal(400, "InvalidContentType", message)


def start_of_running_file(file_id: int) -> str:
    """Guess: a start of an instance that runs fails inside a 200, with this Data.Message."""
    return f"fileId:[{file_id}] is running."


def start_of_undeployed_file(file_id: int) -> str:
    """Guess: when the file has to be deployed first, the start fails inside a 200, with this Data.Message."""
    return f"fileId:[{file_id}] is not deployed."


# Further guesses, which are absences of a rule elsewhere:
# - StopDIJob on a job that is not running, StopDISyncInstance on a file that is not running: success, no effect.
# - StopDIJob during the lag of a start stops that start.
# - PageSize above 100 is refused, not clamped. A page beyond the last one is an empty list.
# - ListDIJobs is in the order of DIJobId; for CreateDIJob of 2020-05-18, JobName need not be unique in a workspace.
# - StartDIJob without ForceToRerun runs the tables that are not yet migrated; on a Finished job there are none: it is
#   Running for a moment, StartedTime moves, the counters stay as they are. The page says this of steps, for 2024-05-18.
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
# - A second start within the same second moves StartedTime on by one second more, so that the runs differ.
# - A real-time file whose start fails is NORUN; a solution, once started, is running (2) and then successful (0).
# - TaskContent is any JSON object; it is stored, not understood.
# - GetProject and ListProjects are open to every edition; a workspace is in both API versions.
# - The List and Get actions count as reads for the QPS limits, all others as writes.
