"""FlowSpec: what of the description of a node in 2024-05-18 the emulator understands."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.business_dates import cycles
from airflow_provider_dataworks.emulator.backend.resources.nodes import (
    DAILY_CRON,
    SCHEDULER_TYPES,
    SPEC_RERUN_MODES,
)


def parse_spec(value: str) -> dict[str, Any]:
    """
    Return the node that a FlowSpec describes.

    :raises ValueError: it does not describe one node.
    """
    try:
        spec = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("it must be JSON") from None
    nodes = spec.get("spec", {}).get("nodes") if isinstance(spec, dict) and isinstance(spec.get("spec"), dict) else None
    if not isinstance(nodes, list) or len(nodes) != 1 or not isinstance(nodes[0], dict):
        raise ValueError("it must have spec.nodes with one node")
    if not isinstance(spec.get("version"), str) or spec.get("kind") not in ("Node", "CycleWorkflow"):
        raise ValueError("it must have version, and kind Node or CycleWorkflow")
    definition(nodes[0])
    return dict(nodes[0])


def definition(node: dict[str, Any]) -> dict[str, Any]:
    """
    Return the attributes of a node that it has once it is deployed.

    :param node: the node of a FlowSpec.
    :raises ValueError: a value cannot be used.
    """
    script, trigger = node.get("script"), node.get("trigger") or {}
    if not isinstance(node.get("name"), str) or not node["name"]:
        raise ValueError("the node must have a name")
    if not isinstance(script, dict) or not isinstance(script.get("runtime"), dict) or not script["runtime"]:
        raise ValueError("the node must have script.runtime")
    cron = trigger.get("cron") or DAILY_CRON
    recurrence, rerun_mode = node.get("recurrence", "Normal"), node.get("rerunMode", "Allowed")
    if recurrence not in SCHEDULER_TYPES or rerun_mode not in SPEC_RERUN_MODES:
        raise ValueError("recurrence or rerunMode is unknown")
    return {
        "name": node["name"],
        "content": str(script.get("content") or ""),
        "param_values": _parameters(script.get("parameters") or []),
        "cron": cron,
        "cycle_type": "NOT_DAY" if len(cycles(cron)) > 1 else "DAY",
        "scheduler_type": SCHEDULER_TYPES[recurrence],
        "rerun_mode": SPEC_RERUN_MODES[rerun_mode],
        "rerun_times": int(node.get("rerunTimes") or 0),
        "rerun_seconds": float(node.get("rerunInterval") or 120_000) / 1000,
        "resource_group": str((node.get("runtimeResource") or {}).get("resourceGroup") or ""),
    }


def path_of(value: str) -> str:
    """Return the path of the node that a FlowSpec describes; one without a folder is in the default one."""
    node = parse_spec(value)
    path = str(node["script"].get("path") or node["name"])
    return path if "/" in path else f"{assumptions.DEFAULT_FOLDER}/{path}"


def _parameters(parameters: list[Any]) -> str:
    values = []
    for each in parameters:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str):
            raise ValueError("script.parameters must be objects with a name")
        value = str(each.get("value") or "")
        values.append(value if each["name"] == "-" else f"{each['name']}={value}")
    return " ".join(values)
