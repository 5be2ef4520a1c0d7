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


def unknown_job(di_job_id: int) -> ApiRefusal:
    """Guess: an action on a DIJobId that does not exist is answered so; no page has a code for it."""
    return ApiRefusal(404, "InvalidDIJobId.NotFound", f"The DIJob {di_job_id} does not exist.")


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
# - ListDIJobs is in the order of DIJobId; JobName need not be unique in a workspace.
# - StartDIJob without ForceToRerun on a Finished job runs it anew.
# - A second start within the same second moves StartedTime on by one second more, so that the runs differ.
# - A real-time file whose start fails is NORUN; a solution, once started, is running (2) and then successful (0).
# - TaskContent is any JSON object; it is stored, not understood.
# - ListProjects and the List and Get actions count as reads for the QPS limits, all others as writes.
