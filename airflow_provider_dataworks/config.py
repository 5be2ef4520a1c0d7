"""The section ``[dataworks]`` of Airflow's configuration: its options, and their values in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

SECTION = "dataworks"


@dataclass(frozen=True)
class Option:
    """One option; its value is a whole number, or a number of seconds.

    :param name: its name.
    :param default: its default; the type is that of the value.
    :param lowest: the lowest value that it may have.
    :param highest: the highest.
    :param description: what it does, for ``airflow config list``.
    :param example: a value that one may give.
    :param version_added: the version of this package that had it first.
    """

    name: str
    default: int | float
    lowest: int
    highest: int
    description: str
    example: str
    version_added: str = "0.1.0"

    @property
    def type(self) -> str:
        """The type, as the provider info names it."""
        return "integer" if isinstance(self.default, int) else "float"

    def parse(self, text: str | None) -> int | float:
        """Read a value.

        :param text: as the configuration has it; None or an empty string for the default.
        :return: the value.
        :raises DataWorksParameterError: it cannot be used.
        """
        if text is None or not text.strip():
            return self.default
        try:
            value = type(self.default)(text.strip())
        except ValueError:
            value = None
        # Not a number is not between them either.
        if value is None or not self.lowest <= value <= self.highest:
            from airflow_provider_dataworks.exceptions import DataWorksParameterError

            kind = "whole number" if self.type == "integer" else "number of seconds"
            raise DataWorksParameterError(
                f"[{SECTION}] {self.name}",
                f"must be a {kind} from {self.lowest} to {self.highest}, not {text.strip()!r:.100}: correct "
                f"AIRFLOW__{SECTION.upper()}__{self.name.upper()} or airflow.cfg, or remove it for the default, "
                f"{self.default:g}",
            )
        return value


OPTIONS = (
    Option(
        "max_poll_failures",
        10,
        1,
        1_000_000,
        "Number of failed polls in a row that ends a wait, unless the task sets max_poll_failures.",
        "30",
    ),
    Option(
        "poll_page_size",
        100,
        10,
        100,
        "Page size when a poll lists jobs or instances. Smaller pages need more requests.",
        "50",
    ),
    Option(
        "max_backoff",
        30.0,
        1,
        3600,
        "Longest pause, in seconds, between two attempts of one request, unless the service asks for a longer one.",
        "60",
    ),
    Option(
        "job_log_lines",
        30,
        0,
        10_000,
        "Number of lines copied from the end of a failed DI job's log into the task's log (API version 2024-05-18).",
        "100",
    ),
    Option(
        "node_log_lines",
        1000,
        0,
        100_000,
        "Number of lines copied from the end of a node instance's log into the task's log.",
        "200",
    ),
)


@dataclass(frozen=True)
class Config:
    """The values of all options.

    :param max_poll_failures: failed polls in a row that end a wait.
    :param poll_page_size: entries a page of a poll.
    :param max_backoff: seconds between two attempts of a request at most.
    :param job_log_lines: lines of a failed DI job's log.
    :param node_log_lines: lines of a node instance's log.
    """

    max_poll_failures: int
    poll_page_size: int
    max_backoff: float
    job_log_lines: int
    node_log_lines: int


@cache
def config() -> Config:
    """Give the configuration of this process; all options are read, and checked, at the first call.

    :return: the values.
    :raises DataWorksParameterError: one cannot be used.
    """
    from airflow.providers.common.compat.sdk import conf

    values: dict[str, Any] = {
        option.name: option.parse(conf.get(SECTION, option.name, fallback=None)) for option in OPTIONS
    }
    return Config(**values)


def section() -> Mapping[str, Any]:
    """Describe the section as the provider info has it.

    :return: description and options.
    """
    return {
        "description": "Defaults and limits of the DataWorks provider.",
        "options": {
            option.name: {
                "description": option.description,
                "version_added": option.version_added,
                "type": option.type,
                "example": option.example,
                "default": f"{option.default:g}",
            }
            for option in OPTIONS
        },
    }
