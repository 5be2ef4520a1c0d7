"""
Assumptions about behaviour that the vendor does not document. They are made here and nowhere else.

The emulator has to behave in some way in these cases; DataWorks itself may behave differently. Code that meets one of
these behaviours has to work with the others too.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, tzinfo
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

#: Assumption: an instance that the scheduler makes exists from this hour of the day before it is due on.
GENERATION_HOUR = 22
#: Assumption: instances of so many past days are kept.
RETENTION_DAYS = 30
#: Assumption: the log of an attempt has a line each so many seconds, and this number and word at a success.
NODE_LOG_SECONDS = 10.0
SUCCESS_STATE = "0(SUCCESS)"
#: Assumption: code and description in the log of a failure that has none of its own, and of a stopped instance.
NODE_ERROR_CODE = "DBUtilErrorCode-07"
NODE_ERROR_MESSAGE = "The emulator was asked to let this node fail."
STOPPED_INSTANCE_ERROR = "Code:[Framework-17], Description:[The task was killed by a user.]"
#: The account that owns and runs everything.
NODE_OWNER = "260000000000000001"
#: Assumption: the name of a run has at most so many characters in 2024-05-18 too; that is documented for 2020-05-18.
MAX_RUN_NAME = 128
#: Assumption: Periods of CreateWorkflowInstances may have this key too; one user needed it, nothing documents it.
FURTHER_KEYS_OF_PERIODS = ("BizdateIntervals",)
#: Assumption: TaskType of a batch task, in both versions.
NODE_TASK_TYPE = "DI"
#: The workflow (business process) that all nodes belong to.
BUSINESS_NAME = "demo"


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


def business_date_of(cycle_time: float, zone: tzinfo) -> date:
    """Assumption: an instance that is added without a business date has the one before the day on which it is due."""
    return datetime.fromtimestamp(cycle_time, zone).date() - timedelta(days=1)


def unknown(what: str, identifier: object) -> ApiRefusal:
    """Assumption: an id that does not exist, or not in this environment, is refused so, in both versions."""
    return ApiRefusal(404, f"Invalid{what}.NotFound", f"The {what} {identifier} does not exist.")


def unknown_tasks(identifiers: list[int]) -> ApiRefusal:
    """Assumption: the HTTP status and the Code; the Message was seen by others."""
    return ApiRefusal(400, "InvalidParameter", f"Non-existent TaskIDs: {identifiers}")


def wrong_instance_status(instance_id: int, status: str, action: str) -> ApiRefusal:
    """Assumption: the Code; that StopInstance is refused with 400 in other statuses was seen by others."""
    message = f"{action} is not possible: the status of the instance {instance_id} is {status}."
    return ApiRefusal(400, "IncorrectInstanceStatus", message)


def root_is_not_included(node_id: int) -> ApiRefusal:
    """Assumption: RunCycleDagNodes is refused when IncludeNodeIds does not contain the root."""
    return ApiRefusal(400, "InvalidParameter", f"IncludeNodeIds does not contain the root node {node_id}.")


def no_waiting_instance(node_id: int) -> ApiRefusal:
    """Assumption: a trigger that no instance of the node fits, or one that was fired already, is refused so."""
    return ApiRefusal(400, "InvalidParameter", f"The node {node_id} has no instance that waits for this trigger.")


def existing_node_name(name: str) -> ApiRefusal:
    """Assumption: CreateNode is refused when the workspace has a node of that name already."""
    return ApiRefusal(400, "InvalidNodeName.Existed", f"The node name {name} already exists.")


def wrong_stage(code: str, expected: str | None) -> ApiRefusal:
    """Assumption: the Code; that stages run in their order, and none twice, is documented."""
    turn = f"It is the turn of {expected}." if expected else "No stage can be executed now."
    return ApiRefusal(400, "InvalidStage", f"The stage {code} cannot be executed. {turn}")


def no_inputs() -> ApiRefusal:
    """Assumption: the Code; that SubmitFile is refused without inputs was seen by others."""
    return ApiRefusal(400, "InvalidParameter.InputList", "The inputs of the node must not be empty: set InputList.")


def unknown_output(name: str) -> ApiRefusal:
    """Assumption: the Code; the Message says what others saw."""
    return ApiRefusal(400, "InvalidParameter.InputList", f"The parent output name {name} does not exist.")


def unchanged_file() -> ApiRefusal:
    """Assumption: the Code; that an UpdateFile that changes nothing is refused is documented."""
    return ApiRefusal(400, "InvalidParameter.Unchanged", "The file has these values already.")


def file_is_not_submitted(file_id: int) -> ApiRefusal:
    """Assumption: DeployFile of a file that is not submitted is refused so."""
    return ApiRefusal(400, "IncorrectFileStatus", f"The file {file_id} is not submitted.")


def output_name(project_identifier: str, file_id: int) -> str:
    """Assumption: the name of the output that a batch task has by itself."""
    return f"{project_identifier}.{file_id}_out"


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
# - Nodes: the scheduler behind both API versions is one: NodeId and TaskId, DagId and the id of a workflow instance,
#   InstanceId and the id of a task instance are the same number.
# - Nodes do not depend on each other: all nodes of a run begin together, AllDownstream finds nothing below the root.
#   Runs of further business dates wait for the one before to succeed when Parallelism is false or 1.
# - NodeParams and TaskParameters replace all parameters of a node. $bizdate is replaced in them, nothing else.
# - A node that ExcludeNodeIds names is SKIP_UNCHOOSE. A run of a frozen node fails, one of a dry-run node succeeds.
# - The name of a run need not be unique, and is compared anywhere in the name, without regard to case.
# - RunCycleDagNodes of an hourly node needs BizBeginTime and BizEndTime; in 2024-05-18 the whole day is the default.
# - TaskRerunTime counts down as a run begins, from the number of reruns plus one. A stopped instance is not rerun.
# - BizDate and Bizdate have to be midnight in the time zone of the workspace; EnvType and ProjectEnv are Prod when they
#   are left out.
# - GetDag knows the DAGs of calls alone, not that of a day; a workflow instance of the type Normal is one.
# - A trigger of an instance that is not due yet is kept; it runs when it is due.
# - A log that is gone is an empty string, like one that has not begun. A frozen or dry-run instance has no log.
# - Stages of a pipeline: DEV stages only in the standard mode; a stage may be Init for a moment after it was executed.
# - SubmitFile and DeployFile of what was submitted or deployed before do it again.
