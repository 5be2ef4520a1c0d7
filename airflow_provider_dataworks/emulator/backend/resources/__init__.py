"""
The kinds of resources, one module each. A module here that has ``KINDS`` is found; nothing else has to name it.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from airflow_provider_dataworks.emulator.backend.resource import ResourceKind


def resource_kinds() -> tuple[ResourceKind[Any], ...]:
    """Return all kinds of resources, in the order of their modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(kind for module in modules for kind in getattr(module, "KINDS", ()))
