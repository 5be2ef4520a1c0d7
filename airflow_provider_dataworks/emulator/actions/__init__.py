"""
The actions of the API, one module for each family of a version. A module here that has ``ACTIONS`` is found; nothing
else has to name it.
"""

from __future__ import annotations

import importlib
import pkgutil

from airflow_provider_dataworks.emulator.protocol.action import Action, ActionTable


def action_table() -> ActionTable:
    """Return the table of all actions."""
    actions: list[Action] = []
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        actions += getattr(importlib.import_module(f"{__name__}.{name}"), "ACTIONS", ())
    return ActionTable(actions)
