"""What tests of DI jobs need to know of the two API versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

V2020, V2024 = "2020-05-18", "2024-05-18"

#: Runs a test with a connection of each API version; the fixture ``hook`` takes it.
IN_BOTH_VERSIONS = pytest.mark.parametrize("api_version", [V2020, V2024])
IN_2024 = pytest.mark.parametrize("api_version", [V2024])


def list_body(version: str, paging: Any) -> dict[str, Any]:
    """Return an answer of ListDIJobs."""
    return {"DIJobPaging" if version == V2020 else "PagingInfo": paging}


def job_body(version: str, job: Any) -> dict[str, Any]:
    """Return an answer of GetDIJob."""
    return {"Data" if version == V2020 else "PagingInfo": job}


def sent(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a request in the emulator's log, wherever they travelled."""
    return {**entry["query"], **entry["form"]}
