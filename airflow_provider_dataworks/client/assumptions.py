"""What this package assumes because no vendor page says it; each line says what would break if it is wrong.

None of it could be checked against the real service. Everything else in the package rests on the vendor's
pages or on the official SDK.
"""

from __future__ import annotations

#: After a start whose answer was lost: the seconds to wait before each reading of the job, until it may be sent again.
#: If the service takes longer than their sum to show a new run, a start could be sent twice.
START_SHOWS_AFTER: tuple[float, ...] = (0.5, 1.5, 3.0, 5.0, 6.0)

#: The same where no answer says when a job was started: a run that begins and ends between two readings is not seen.
CHANGE_SHOWS_AFTER: tuple[float, ...] = (0.5, 1.5, *(2.0,) * 7)

#: What a table of ListDIJobRunDetails shows when what is migrated once is done, by phase: the first phase that it has
#: decides. No page lists the words; the samples have these.
TABLE_FINISHED = {
    "FullMigrationStatus": frozenset({"Finished"}),
    "RealtimeMigrationStatus": frozenset({"Running", "Finished"}),
    "StructureMigrationStatus": frozenset({"Finished"}),
}

#: Other spellings of a job status. The newer API version documents ``Stop`` where this one says ``Stopped``.
STATUS_ALIASES = {"Stop": "Stopped"}

#: Data.Status words that mean yes and no; the pages show them in lower case, one sample shows ``true``.
DATA_STATUS_GOOD = frozenset({"success", "true"})
DATA_STATUS_BAD = frozenset({"fail", "failed", "false"})

#: What a DI_REALTIME instance's status means after our start (the pages list the words without explaining them).
REALTIME_REACHED = frozenset({"RUN"})
REALTIME_STOPPING = "KILLING"
REALTIME_GOING = frozenset({"WAIT", REALTIME_STOPPING})
REALTIME_ENDED = frozenset({"NORUN", "PAUSE"})
REALTIME_STATUSES = REALTIME_REACHED | REALTIME_GOING | REALTIME_ENDED

#: Realtime states in which a lost start surely arrived.
REALTIME_START_ARRIVED = frozenset({"RUN", "WAIT"})

#: SolutionDetail.Status numbers: the meanings are documented, which of them end a wait is our reading.
SOLUTION_STATUS = {
    "0": "success",
    "1": "not running",
    "2": "running",
    "3": "failed",
    "4": "committed",
    "5": "waiting for manual confirmation",
    "6": "manually confirmed",
    "7": "other",
    "8": "waiting",
    "9": "deleted",
}
SOLUTION_REACHED = frozenset({"0"})
SOLUTION_ENDED = frozenset({"3", "9"})
SOLUTION_RUNS = frozenset({"2", "4", "5", "6", "8"})

#: Of QueryDISyncTaskConfigProcessResult, whose page has no value for a generation that is still running. A Data.Status
#: of fail is final when its message has stayed the same for so many seconds. If a running generation is answered for
#: longer with one message, in other words than these, it is given up although it would have succeeded. The first of
#: them is what the client says of a fail without a message.
GENERATION_FAILS_AFTER = 30.0
GENERATION_RUNS_WORDS = (
    "without a message",
    "being generated",
    "generating",
    "in progress",
    "processing",
    "running",
    "not ready",
    "not finished",
    "not completed",
    "生成中",
    "处理中",
    "执行中",
    "进行中",
    "运行中",
)

#: OperationType of a task instance (2024-05-18) that somebody stopped: it is not run again by itself. If the word is
#: another one, a stopped instance of a node with automatic reruns is waited for until the task's own limit.
STOPPING_OPERATIONS = frozenset({"Stop", "Kill"})

#: Files, nodes and their deployment. The seconds to wait before each reading of the node's id after a deployment ended
#: well: if it takes longer than their sum to show, the task fails although the node is there.
NODE_ID_SHOWS_AFTER: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0)

#: The same for the stages of a pipeline run that was just created.
STAGES_SHOW_AFTER: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 10.0)

#: How many of a workspace's newest deployments are read to find the one of a file. If the service does not list the
#: newest first, a deployment that is under way is not found, and the file is submitted again.
DEPLOYMENTS_READ = 20

#: What GetFile does not say of the properties that UpdateFile sets. The SDK has no field for them in the answer;
#: ResourceGroupId is there in place of ResourceGroupIdentifier, and is a number.
NOT_SHOWN_BY_GET_FILE = frozenset(
    {"AdvancedSettings", "AutoParsing", "ConnectionName", "FileDescription", "Owner", "ResourceGroupIdentifier"}
)

#: Type of a batch sync node in FlowSpec, as public users of it write it.
SYNC_NODE_TYPE = 23

#: The code for an unknown DIJobId in 2024-05-18. No page lists it; others have met it (with which HTTP status, they do
#: not say).
JOB_NOT_FOUND_CODE = "500130"

#: After a call to run a node whose answer was lost: the seconds to wait before each search for a run of its name. It is
#: never sent again, so that a run that takes longer to show is found by the task's next try, or not at all.
RUN_SHOWS_AFTER: tuple[float, ...] = (0.5, 1.5, 3.0, 5.0, 8.0, 12.0)

#: Seconds for which CreateWorkflowInstances may be Creating, and between two polls of it; others saw it take seconds.
CREATION_TAKES = 300.0
CREATION_POLL = 2.0

#: A refusal of CreateWorkflowInstances that one user met has this in its message: Periods wants a further, undocumented
#: key, which is then sent too.
WANTS_INTERVALS = "BizdateIntervals"

#: Status of GetCreateWorkflowInstancesResult: the words are documented, that any other one means "not yet" is not.
CREATION_DONE = "Created"
CREATION_FAILED = "CreateFailure"

#: The longest name of a run; documented for 2020-05-18 only.
LONGEST_RUN_NAME = 128

#: DagType of the DAGs that calls make, and of those that a node's own schedule makes (2024-05-18: the type of a
#: workflow instance).
RUN_TYPES = frozenset({"SUPPLY_DATA", "SMOKE_TEST"})
SCHEDULED_TYPES = frozenset({"DAILY", "NORMAL"})

#: TaskType of 2020-05-18 and TriggerRecurrence of 2024-05-18, in one spelling; the former may have its number behind it
#: (``NORMAL(0)``), or be the type of the node's program instead, which says nothing of this.
RECURRENCES = frozenset(
    {
        "NORMAL",
        "PAUSE",
        "PAUSE_CALENDAR",
        "SKIP",
        "SKIP_UNCHOOSE",
        "SKIP_CYCLE",
        "SKIP_CALENDAR",
        "CONDITION_UNCHOOSE",
        "REALTIME_DEPRECATED",
    }
)
#: Other words for NORMAL: of a node that only calls and persons run.
RECURRENCE_ALIASES = {"MANUAL": "NORMAL"}

#: Status of a run of nodes that no instance has; it stands for NOT_RUN.
RUN_STATUS_ALIASES = {"CREATED": "NOT_RUN"}

#: Words in the API's message that say that an id is not known (an unknown DIJobId has no documented code).
NOT_FOUND_WORDS = ("not exist", "not found", "notfound", "notexist", "non-existent", "不存在")

#: The international site's console. The vendor links its agent on this host; that workspaces have the same paths there
#: as on aliyun.com is our reading. No international twin is known of the list of workspaces, which the vendor's English
#: pages link on aliyun.com, nor of the legacy hosts, which serve regions abroad too.
INTERNATIONAL_CONSOLE = "dataworks.data.alibabacloud.com"
