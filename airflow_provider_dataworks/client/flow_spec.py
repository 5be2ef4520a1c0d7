"""FlowSpec, 2024-05-18's description of a node: made for a batch sync task, and changed by a schedule of 2020-05-18."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from airflow_provider_dataworks.client import assumptions

#: Names of FlowSpec for words of UpdateFile.
RERUN_MODES = {"ALL_ALLOWED": "Allowed", "FAILURE_ALLOWED": "FailureAllowed", "ALL_DENIED": "Denied"}
RECURRENCES = {"NORMAL": "Normal", "PAUSE": "Pause", "SKIP": "Skip"}
CYCLE_TYPES = {"DAY": "Daily", "NOT_DAY": "NotDaily"}

_VERSION = "1.1.0"
_DEFAULT_CRON = "00 00 00 * * ?"
_DEFAULT_ZONE = "Asia/Shanghai"


class FlowSpecError(ValueError):
    """A FlowSpec cannot be read, or cannot express a property of a schedule; the message says which and why."""


def sync_node_spec(
    name: str, content: Mapping[str, Any], *, folder: str | None, resource_group: str | None, cu: Any, output: str
) -> str:
    """Make the FlowSpec of a batch sync node.

    :param name: the node's name.
    :param content: the job definition in script mode.
    :param folder: the folder that the node is made in; None for the workspace's top folder.
    :param resource_group: the resource group that synchronises, and that schedules the node until another one is set;
        None leaves both out.
    :param cu: how many CUs of the group a run takes; None leaves it out.
    :param output: the name of the node's output, by which other nodes depend on it.
    :return: JSON text.
    """
    node = {
        "name": name,
        "recurrence": "Normal",
        "timeout": 0,
        "instanceMode": "T+1",
        "rerunMode": "Allowed",
        "rerunTimes": 0,
        "rerunInterval": 180_000,
        "script": {
            "path": f"{folder}/{name}" if folder else name,
            "language": "json",
            "runtime": {"command": "DI", "commandTypeId": assumptions.SYNC_NODE_TYPE, **_given(cu=_text(cu))},
            "content": json.dumps(_extended(content, resource_group, cu), ensure_ascii=False),
            "parameters": [],
        },
        "trigger": {
            "type": "Scheduler",
            "cron": _DEFAULT_CRON,
            "cycleType": "Daily",
            "startTime": "1970-01-01 00:00:00",
            "endTime": "9999-01-01 00:00:00",
            "timezone": _DEFAULT_ZONE,
        },
        "inputs": {"nodeOutputs": []},
        "outputs": {"nodeOutputs": _artifacts(output)},
        **({"runtimeResource": {"resourceGroup": resource_group}} if resource_group else {}),
    }
    return json.dumps({"version": _VERSION, "kind": "Node", "spec": {"nodes": [node]}}, ensure_ascii=False)


def node_of(spec: str) -> dict[str, Any]:
    """Read the one node that a FlowSpec describes.

    :param spec: the FlowSpec, JSON text.
    :return: the node.
    :raises FlowSpecError: it describes no node, or several.
    """
    return dict(_node(_parsed(spec)))


def script_of(spec: str) -> Any:
    """Read the content of the node's script.

    :param spec: the FlowSpec, JSON text.
    :return: what its JSON text says; the text itself where it is no JSON; None where there is none.
    :raises FlowSpecError: the FlowSpec describes no node, or several.
    """
    script = node_of(spec).get("script")
    content = script.get("content") if isinstance(script, dict) else None
    try:
        return json.loads(content) if isinstance(content, str) else content
    except ValueError:
        return content


def lacks_inputs(spec: str) -> bool:
    """Whether a node that is scheduled depends on nothing, so that it would never be run by the scheduler.

    :param spec: the FlowSpec, JSON text.
    :raises FlowSpecError: it describes no node, or several.
    """
    whole = _parsed(spec)
    node, flow = _node(whole), whole["spec"].get("flow")
    if _object(node, "trigger").get("type") == "Manual":
        return False
    depends = any(isinstance(entry, dict) and entry.get("depends") for entry in flow or [])
    return not depends and not _object(node, "inputs").get("nodeOutputs")


def with_schedule(spec: str, schedule: Mapping[str, Any]) -> str:
    """Change a FlowSpec by the properties of a schedule.

    :param spec: the FlowSpec, JSON text.
    :param schedule: properties by their names in UpdateFile of 2020-05-18.
    :return: the FlowSpec, the same text if nothing differs.
    :raises FlowSpecError: the FlowSpec describes no node, or several; a property cannot be expressed.
    """
    check_schedule(schedule)
    whole = _parsed(spec)
    node = _node(whole)
    before = json.dumps(whole, sort_keys=True)
    for name, value in schedule.items():
        _SETTERS[name](node, value)
    if "InputList" in schedule and isinstance(whole["spec"].get("flow"), list):
        # The dependencies would otherwise be there twice.
        whole["spec"]["flow"] = []
    return spec if json.dumps(whole, sort_keys=True) == before else json.dumps(whole, ensure_ascii=False)


def check_schedule(schedule: Mapping[str, Any]) -> None:
    """Check that FlowSpec can express a schedule.

    :param schedule: properties by their names in UpdateFile of 2020-05-18.
    :raises FlowSpecError: a property cannot be expressed.
    """
    if unknown := sorted(set(schedule) - set(_SETTERS)):
        raise FlowSpecError(
            f"{', '.join(unknown)} cannot be set with api_version 2024-05-18; what can is {', '.join(sorted(_SETTERS))}"
        )
    for name, value in schedule.items():
        _SETTERS[name]({}, value)


def _parsed(spec: str) -> dict[str, Any]:
    try:
        whole = json.loads(spec)
    except (TypeError, ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict) or not isinstance(whole.get("spec"), dict):
        raise FlowSpecError("the FlowSpec of the node cannot be read")
    return whole


def _node(whole: Mapping[str, Any]) -> dict[str, Any]:
    nodes = whole["spec"].get("nodes")
    if not isinstance(nodes, list) or len(nodes) != 1 or not isinstance(nodes[0], dict):
        raise FlowSpecError("the FlowSpec does not describe one node")
    return nodes[0]


def _extended(content: Mapping[str, Any], resource_group: str | None, cu: Any) -> dict[str, Any]:
    """The content with what says where it is executed; what it says itself takes precedence."""
    known = content.get("extend")
    extend = {"mode": "code", **_given(resourceGroup=resource_group, cu=_number(cu))}
    return {**content, "extend": {**extend, **(known if isinstance(known, Mapping) else {})}}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _text(cu: Any) -> str | None:
    return None if cu is None else str(cu)


def _number(cu: Any) -> Any:
    try:
        return float(cu) if isinstance(cu, str) else cu
    except ValueError:
        return cu


def _object(parent: dict[str, Any], name: str) -> dict[str, Any]:
    """An object inside, made if it is not there."""
    if not isinstance(parent.get(name), dict):
        parent[name] = {}
    inner: dict[str, Any] = parent[name]
    return inner


def _artifacts(names: str) -> list[dict[str, Any]]:
    return [{"data": name.strip(), "artifactType": "NodeOutput"} for name in names.split(",") if name.strip()]


def _same_artifacts(shown: Any, names: str) -> bool:
    entries = shown if isinstance(shown, list) else []
    known = {entry.get("data") for entry in entries if isinstance(entry, dict)}
    return known == {entry["data"] for entry in _artifacts(names)}


def _set_artifacts(place: str, node: dict[str, Any], value: Any) -> None:
    outputs = _object(node, place)
    if not _same_artifacts(outputs.get("nodeOutputs"), str(value)):
        outputs["nodeOutputs"] = _artifacts(str(value))


def _set_parameters(node: dict[str, Any], value: Any) -> None:
    """Set the parameters; those that are there with the same value stay as they are."""
    script, wanted = _object(node, "script"), _parameters(str(value))
    shown = script.get("parameters")
    entries = [entry for entry in shown if isinstance(entry, dict)] if isinstance(shown, list) else []
    pairs = [(entry.get("name"), entry.get("value")) for entry in entries]
    if pairs != [(entry["name"], entry["value"]) for entry in wanted]:
        script["parameters"] = wanted


def _parameters(value: str) -> list[dict[str, Any]]:
    common = {"artifactType": "Variable", "scope": "NodeParameter"}
    if value.lstrip().startswith("-p"):
        return [{"name": "-", "value": value, "type": "NoKvVariableExpression", **common}]
    entries = []
    for pair in value.split():
        name, equals, content = pair.partition("=")
        if not name or not equals:
            raise FlowSpecError(f"ParaValue must be pairs like dt=$bizdate, separated by blanks: {pair[:50]!r} is none")
        kind = "System" if content.startswith("$") else "Constant"
        entries.append({"name": name, "value": content, "type": kind, **common})
    return entries


def _set_word(
    property_name: str, words: Mapping[str, str], path: tuple[str, ...], node: dict[str, Any], value: Any
) -> None:
    if str(value) not in words:
        raise FlowSpecError(f"{property_name} must be one of {', '.join(words)}, not {str(value)[:50]!r}")
    _set(node, words[str(value)], path)


def _set_number(property_name: str, path: tuple[str, ...], node: dict[str, Any], value: Any) -> None:
    if not str(value).isdecimal():
        raise FlowSpecError(f"{property_name} must be a whole number, not {str(value)[:50]!r}")
    _set(node, int(str(value)), path)


def _set_string(path: tuple[str, ...], node: dict[str, Any], value: Any) -> None:
    _set(node, str(value), path)


def _set_moment(property_name: str, path: tuple[str, ...], node: dict[str, Any], value: Any) -> None:
    zone = ZoneInfo(str(_object(node, "trigger").get("timezone") or _DEFAULT_ZONE))
    try:
        moment = datetime.fromtimestamp(int(str(value)) / 1000, zone)
    except (ValueError, OverflowError, OSError):
        raise FlowSpecError(f"{property_name} must be Unix milliseconds, not {str(value)[:50]!r}") from None
    _set(node, f"{moment:%Y-%m-%d %H:%M:%S}", path)


def _set_stop(node: dict[str, Any], value: Any) -> None:
    if str(value).lower() == "true":
        node["recurrence"] = "Pause"
    elif node.get("recurrence") == "Pause":
        node["recurrence"] = "Normal"


def _set(node: dict[str, Any], value: Any, path: tuple[str, ...]) -> None:
    for name in path[:-1]:
        node = _object(node, name)
    node[path[-1]] = value


_SETTERS: dict[str, Callable[[dict[str, Any], Any], None]] = {
    "AutoRerunIntervalMillis": partial(_set_number, "AutoRerunIntervalMillis", ("rerunInterval",)),
    "AutoRerunTimes": partial(_set_number, "AutoRerunTimes", ("rerunTimes",)),
    "CronExpress": partial(_set_string, ("trigger", "cron")),
    "CycleType": partial(_set_word, "CycleType", CYCLE_TYPES, ("trigger", "cycleType")),
    "EndEffectDate": partial(_set_moment, "EndEffectDate", ("trigger", "endTime")),
    "FileDescription": partial(_set_string, ("description",)),
    "InputList": partial(_set_artifacts, "inputs"),
    "OutputList": partial(_set_artifacts, "outputs"),
    "Owner": partial(_set_string, ("owner",)),
    "ParaValue": _set_parameters,
    "RerunMode": partial(_set_word, "RerunMode", RERUN_MODES, ("rerunMode",)),
    "ResourceGroupIdentifier": partial(_set_string, ("runtimeResource", "resourceGroup")),
    "SchedulerType": partial(_set_word, "SchedulerType", RECURRENCES, ("recurrence",)),
    "StartEffectDate": partial(_set_moment, "StartEffectDate", ("trigger", "startTime")),
    "Stop": _set_stop,
}
