"""The settings of an emulator, with their defaults and checks."""

from __future__ import annotations

import dataclasses
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Any

from airflow_provider_dataworks.emulator.editions import EDITIONS, ENTERPRISE

ACCESS_KEY_ID = "LTAI-emulator"
ACCESS_KEY_SECRET = "emulator-secret"
REGION_ID = "cn-shanghai"
PROJECT_ID = 10000
#: The identifier of a workspace with this id.
PROJECT_IDENTIFIER = "emulated_{}"

#: The temporary credentials that the emulator knows from the start.
STS_ACCESS_KEY_ID = "STS.emulator"
STS_ACCESS_KEY_SECRET = "emulator-sts-secret"
STS_SECURITY_TOKEN = "emulator-sts-token"

#: The folders and the resource group that CreateDISyncTask accepts.
FOLDERS = ("Business Flow/demo/Data Integration", "业务流程/demo/数据集成")
RESOURCE_GROUPS = ("S_res_group_demo_1",)

#: The zone whose midnight begins a business date, and the mode of the workspaces.
TIME_ZONE = "Asia/Shanghai"
STANDARD, BASIC = "standard", "basic"

MAX_SECONDS = 10 * 365 * 86400
#: Stands for the limit of the edition.
OF_EDITION = -1


@dataclasses.dataclass(frozen=True)
class TemporaryKey:
    """
    One set of STS credentials. Expired ones are known, and refused as expired.

    :param access_key_id: its AccessKey ID.
    :param access_key_secret: the secret.
    :param security_token: the token.
    :param expired: whether it is expired; default False.
    """

    access_key_id: str
    access_key_secret: str = dataclasses.field(repr=False)
    security_token: str = dataclasses.field(repr=False)
    expired: bool = False


@dataclasses.dataclass
class Settings:
    """
    The emulator's settings.

    :param run_seconds: how many seconds a started job of a type that ends by itself runs, and a started solution;
        default 10.
    :param start_lag_seconds: for how many seconds after a start the old status (and StartedTime) is still shown;
        default 0.
    :param stop_seconds: for how many seconds a stopped job is Stopping, a stopped real-time file KILLING; default 1.
    :param edition: ``basic``, ``standard``, ``professional`` or ``enterprise`` (default): which actions are refused,
        and the defaults of the next four limits. Changing it sets those that are not changed with it to its defaults.
    :param read_qps: List and Get calls admitted in any second; 0 is no limit; default that of the edition, 50.
    :param write_qps: other calls admitted in any second; 0 is no limit; default that of the edition, 20.
    :param total_qps: calls of both sorts admitted in any second; 0 is no limit; default that of the edition, 0.
    :param daily_calls: calls admitted in one day; 0 is no limit; default that of the edition, 0.
    :param clock_skew_seconds: by how many seconds the emulator's clock is ahead when it judges the date of a request,
        and in the Date of its responses; default 0.
    :param null_page: number of the page on which ListDIJobs answers null for its jobs; default None.
    :param ids_as_text: whether responses contain ids as JSON strings; default False.
    :param message_beside_success: whether Data.Message is filled although Data.Status is success; default False.
    :param start_running: what a start of something that runs does: ``refuse`` (default) or ``ignore``.
    :param rerun_finished_full: whether StartDIJob without ForceToRerun runs a Finished job of the type Full again;
        default False: only steps run that have not run yet, and there are none, so that no counter moves.
    :param skip_seconds: for how many seconds a run that has nothing to do is Running; then it is Finished. With 0 the
        call succeeds and changes nothing, not even StartedTime. None (default) is 0 in 2020-05-18 and 0.5 in
        2024-05-18.
    :param separate_versions: whether each API version has only the DI jobs that it created, and the initial ones;
        default False: both versions have all jobs.
    :param require_deploy: whether a real-time file that is not deployed cannot be started; default False.
    :param config_seconds: for how many seconds GenerateDISyncTaskConfigForCreating generates content; default 0.
    :param require_generated_content: whether CreateDISyncTask creates a real-time task or a solution only from a
        TaskContent that QueryDISyncTaskConfigProcessResult has returned; default True.
    :param time_zone: IANA name of the zone in which a business date begins at midnight and nodes are scheduled; default
        Asia/Shanghai.
    :param creation_seconds: for how many seconds a CreateWorkflowInstances is Creating; default 0.5.
    :param list_lag_seconds: for how many seconds after its creation a run of a node, and its instances, are not in any
        list; by its id it is found at once; default 0.
    :param run_waits_for_reruns: whether the run (DAG, workflow instance) of an instance that has failed is still
        running while an automatic rerun is to come; default False: it shows the failure, as the instance does.
    :param numbered_task_types: whether TaskType is spelled ``NORMAL(0)`` (default) or ``NORMAL``, in 2020-05-18.
    :param logs_purged: whether the logs of all instances are gone; default False.
    :param deploy_seconds: for how many seconds a deployment, or a stage of a pipeline, runs; default 0.5.
    :param workspace_mode: ``standard`` (default), with a development and a production environment, or ``basic``.
    :param folders: folder paths in which CreateDISyncTask may create; default the demo's, in English and Chinese.
    :param resource_groups: identifiers of resource groups that CreateDISyncTask accepts; default the demo's.
    :param any_folder: whether it accepts every folder path and resource group; default False.
    :param sts: the temporary credentials that are known; default one triple.
    :param project_id: the workspace that exists from the start; default 10000.
    :param region_id: region in the connection that is handed out; default cn-shanghai.
    :param api_version: API version in that connection; None (default) for none. Both are served all the same.
    :param access_key_id: the key that requests are signed with; default LTAI-emulator.
    :param access_key_secret: its secret; default emulator-secret.
    :raises ValueError: a value is invalid.
    """

    run_seconds: float = 10.0
    start_lag_seconds: float = 0.0
    stop_seconds: float = 1.0
    edition: str = ENTERPRISE
    read_qps: int = OF_EDITION
    write_qps: int = OF_EDITION
    total_qps: int = OF_EDITION
    daily_calls: int = OF_EDITION
    clock_skew_seconds: float = 0.0
    null_page: int | None = None
    ids_as_text: bool = False
    message_beside_success: bool = False
    start_running: str = "refuse"
    rerun_finished_full: bool = False
    skip_seconds: float | None = None
    separate_versions: bool = False
    require_deploy: bool = False
    config_seconds: float = 0.0
    require_generated_content: bool = True
    time_zone: str = TIME_ZONE
    creation_seconds: float = 0.5
    list_lag_seconds: float = 0.0
    run_waits_for_reruns: bool = False
    numbered_task_types: bool = True
    logs_purged: bool = False
    deploy_seconds: float = 0.5
    workspace_mode: str = STANDARD
    folders: tuple[str, ...] = FOLDERS
    resource_groups: tuple[str, ...] = RESOURCE_GROUPS
    any_folder: bool = False
    sts: tuple[TemporaryKey, ...] = dataclasses.field(
        default=(TemporaryKey(STS_ACCESS_KEY_ID, STS_ACCESS_KEY_SECRET, STS_SECURITY_TOKEN),)
    )
    project_id: int = PROJECT_ID
    region_id: str = REGION_ID
    api_version: str | None = None
    access_key_id: str = ACCESS_KEY_ID
    access_key_secret: str = dataclasses.field(default=ACCESS_KEY_SECRET, repr=False)

    def __post_init__(self) -> None:
        self.edition = _CHECKS["edition"]("edition", self.edition)
        for name, limit in dataclasses.asdict(EDITIONS[self.edition]).items():
            if getattr(self, name) == OF_EDITION:
                setattr(self, name, limit)
        for name, check in _CHECKS.items():
            setattr(self, name, check(name, getattr(self, name)))

    def change(self, changes: Mapping[str, Any]) -> None:
        """
        Change settings while the emulator runs: all or, when one value is invalid, none.

        :param changes: new values by name.
        :raises ValueError: a name is not a setting that can be changed, or a value is invalid.
        """
        checked = {}
        for name, value in changes.items():
            if name not in _CHECKS:
                raise ValueError(f"{name!r} is not a setting; there are {', '.join(sorted(_CHECKS))}")
            checked[name] = _CHECKS[name](name, value)
        if "edition" in checked:
            checked = {**dataclasses.asdict(EDITIONS[checked["edition"]]), **checked}
        for name, value in checked.items():
            setattr(self, name, value)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of business dates."""
        return zoneinfo.ZoneInfo(self.time_zone)

    def as_json(self) -> dict[str, Any]:
        """
        Return the settings without secrets.

        :return: values by name.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        del values["access_key_secret"]
        values["folders"] = list(self.folders)
        values["resource_groups"] = list(self.resource_groups)
        values["sts"] = [{"access_key_id": key.access_key_id, "expired": key.expired} for key in self.sts]
        return values


def seconds(name: str, value: Any) -> float:
    """
    Check a duration.

    :raises ValueError: it is not a number of seconds from 0 on.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_SECONDS:
        raise ValueError(f"{name} must be a number of seconds from 0 on, not {value!r}")
    return float(value)


def boolean(name: str, value: Any) -> bool:
    """
    Check a boolean.

    :raises ValueError: it is neither true nor false.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")
    return value


def non_negative_int(name: str, value: Any) -> int:
    """
    Check a whole number that is not negative.

    :raises ValueError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be a whole number from 0 on, not {value!r}")
    return value


def one_of(*choices: str) -> Callable[[str, Any], str]:
    """Return a check that accepts only these strings."""

    def check(name: str, value: Any) -> str:
        if value not in choices:
            raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return str(value)

    return check


def optional(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """Return the check, extended to accept null."""
    return lambda name, value: None if value is None else check(name, value)


def _skew(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > MAX_SECONDS:
        raise ValueError(f"{name} must be a number of seconds, not {value!r}")
    return float(value)


def _time_zone(name: str, value: Any) -> str:
    try:
        return zoneinfo.ZoneInfo(value).key
    except (TypeError, ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError(f"{name} must be the IANA name of a time zone, not {value!r}") from None


def _strings(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) and item for item in value):
        raise ValueError(f"{name} must be a list of strings, not {value!r}")
    return tuple(value)


def _temporary_keys(name: str, value: Any) -> tuple[TemporaryKey, ...]:
    names = [field.name for field in dataclasses.fields(TemporaryKey)]
    keys = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, TemporaryKey):
            keys.append(item)
            continue
        if not isinstance(item, dict) or not set(names[:3]) <= set(item) <= set(names):
            raise ValueError(f"{name} must be a list of objects with {', '.join(names[:3])} and perhaps expired")
        keys.append(TemporaryKey(**{**item, "expired": boolean("expired", item.get("expired", False))}))
    return tuple(keys)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "run_seconds": seconds,
    "start_lag_seconds": seconds,
    "stop_seconds": seconds,
    "edition": one_of(*EDITIONS),
    "read_qps": non_negative_int,
    "write_qps": non_negative_int,
    "total_qps": non_negative_int,
    "daily_calls": non_negative_int,
    "clock_skew_seconds": _skew,
    "null_page": optional(non_negative_int),
    "ids_as_text": boolean,
    "message_beside_success": boolean,
    "start_running": one_of("refuse", "ignore"),
    "rerun_finished_full": boolean,
    "skip_seconds": optional(seconds),
    "separate_versions": boolean,
    "require_deploy": boolean,
    "config_seconds": seconds,
    "require_generated_content": boolean,
    "time_zone": _time_zone,
    "creation_seconds": seconds,
    "list_lag_seconds": seconds,
    "run_waits_for_reruns": boolean,
    "numbered_task_types": boolean,
    "logs_purged": boolean,
    "deploy_seconds": seconds,
    "workspace_mode": one_of(STANDARD, BASIC),
    "folders": _strings,
    "resource_groups": _strings,
    "any_folder": boolean,
    "sts": _temporary_keys,
}
