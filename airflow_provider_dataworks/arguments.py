"""Turns what users write, or templates render, into what the API takes; refuses the rest by name."""

from __future__ import annotations

import ast
import json
import math
import reprlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_dataworks.client.endpoints import is_region_id
from airflow_provider_dataworks.client.models import JobStatus, TaskType
from airflow_provider_dataworks.exceptions import DataWorksParameterError

MAX_PROJECT_ID = 10_000_000_000
MAX_LONG = 2**63 - 1
# Unix seconds stay below this until the year 5138; milliseconds have been above it since 1973.
_FIRST_MILLISECONDS = 100_000_000_000
_NOTHING = ("", "none", "null")
#: Texts that travel in the URL; servers take some 8 to 64 KB of it, percent signs included.
MAX_URL_TEXT = 10_000
#: Levels of dicts and lists in one another; Airflow itself fails at some hundreds, with a RecursionError.
MAX_DEPTH = 100
#: Ten years: what is longer is a mistake, and more than a clock takes.
MAX_SECONDS = 10 * 366 * 86400


def is_template(value: Any) -> bool:
    """Whether a value has yet to be rendered: an upstream task's output, Jinja, or a file that Airflow reads."""
    try:
        return _is_template(value)
    except RecursionError:
        return False


def _is_template(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value or value.endswith(".json")
    if isinstance(value, Mapping):
        return any(_is_template(item) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple, set)):
        return any(_is_template(item) for item in value)
    return hasattr(value, "resolve")


def optional(value: Any) -> Any:
    """None for what a template renders when there is nothing."""
    return None if value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING) else value


def identifier(name: str, value: Any, *, lowest: int = 1, highest: int = MAX_LONG) -> int:
    """An id or a count: an integer, or its digits.

    :raises DataWorksParameterError: it is anything else.
    """
    number: Any = value
    if isinstance(value, str) and len(value) < 100 and value.strip().isascii() and value.strip().isdigit():
        # What counts as a blank around digits is more for a text than for int.
        number = int(value.strip())
    if isinstance(number, bool) or not isinstance(number, int) or not lowest <= number <= highest:
        raise DataWorksParameterError(
            name, f"must be an integer from {lowest} to {highest}, or its digits, not {_shown(value)}"
        )
    return number


def project_identifier(value: Any) -> int:
    """A workspace's id."""
    return identifier("project_id", value, highest=MAX_PROJECT_ID)


def region_identifier(value: Any) -> str:
    """A region's id, such as ``cn-shanghai``; it need not be a known one.

    :raises DataWorksParameterError: it is anything else.
    """
    if not is_region_id(value):
        raise DataWorksParameterError("region_id", f"must be a region's id such as cn-shanghai, not {_shown(value)}")
    return str(value)


def optional_region_identifier(value: Any) -> str | None:
    """As :func:`region_identifier`; None stays None."""
    return None if optional(value) is None else region_identifier(value)


def text(name: str, value: Any) -> str:
    """A text that is not empty, of up to 10,000 characters.

    :raises DataWorksParameterError: it is anything else.
    """
    if not isinstance(value, str) or not value.strip():
        raise DataWorksParameterError(name, f"must be a text that is not empty, not {_shown(value)}")
    return _fit_for_url(name, value)


def _sendable(name: str, value: str) -> str:
    """A text that UTF-8 can carry."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataWorksParameterError(
            name, f"holds half a character (a lone surrogate) at position {error.start}: {_shown(value)}"
        ) from None
    return value


def _fit_for_url(name: str, value: str) -> str:
    if len(value) > MAX_URL_TEXT:
        raise DataWorksParameterError(
            name, f"is {len(value)} characters long; it travels in the URL, which takes {MAX_URL_TEXT} of it"
        )
    return _sendable(name, value)


def optional_text(name: str, value: Any) -> str | None:
    """A text, or None."""
    return None if optional(value) is None else text(name, value)


def task_type(value: Any, accepted: Iterable[TaskType] = TaskType) -> str:
    """A TaskType.

    :raises DataWorksParameterError: it is not one of ``accepted``.
    """
    return one_of("task_type", value, [str(word) for word in accepted])


def one_of(name: str, value: Any, accepted: Iterable[str]) -> str:
    """One of a few words.

    :raises DataWorksParameterError: it is another one.
    """
    words = tuple(accepted)
    if not isinstance(value, str) or str(value) not in words:
        raise DataWorksParameterError(name, f"must be one of {', '.join(words)}, not {_shown(value)}")
    return str(value)


def boolean(name: str, value: Any) -> bool | None:
    """A truth value or its word; None stays None.

    :raises DataWorksParameterError: it is anything else.
    """
    if isinstance(value, bool):
        return value
    value = optional(value)
    if value is None:
        return None
    words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
    word = value.strip().lower() if isinstance(value, str) else str(value) if type(value) is int else ""
    if word not in words:
        raise DataWorksParameterError(name, f"must be true or false, not {_shown(value)}")
    return words[word]


def json_object(name: str, value: Any) -> dict[str, Any]:
    """A JSON object given as a dict, as JSON text, or as the text of a dict (which templates make).

    :raises DataWorksParameterError: it is anything else, or holds what JSON cannot.
    """
    parsed: Any = value
    if isinstance(value, str):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError) as error:
            try:
                parsed = ast.literal_eval(value)
            except _NO_LITERAL:
                raise DataWorksParameterError(name, f"must be a dict or a JSON object: {error}") from None
    if not isinstance(parsed, Mapping):
        raise DataWorksParameterError(name, f"must be a dict or a JSON object, not {type(parsed).__name__}")
    _refuse_depth(name, parsed)
    return dict(parsed)


def json_text(name: str, value: Any) -> str:
    """The JSON text of an object; a JSON text is passed on as it was written.

    :raises DataWorksParameterError: it is not an object, or holds what JSON cannot.
    """
    parsed = json_object(name, value)
    return _sendable(name, value if isinstance(value, str) and _is_json(value) else _dumped(name, parsed))


def optional_json_text(name: str, value: Any) -> str | None:
    """As :func:`json_text`, of up to 10,000 characters; None stays None."""
    return None if optional(value) is None else _fit_for_url(name, json_text(name, value))


def parameters(name: str, value: Any) -> dict[str, Any] | None:
    """Parameters of any action, by the API's names: texts, numbers, truth values, and what becomes JSON text.

    :raises DataWorksParameterError: it is no dict, or holds anything else.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise DataWorksParameterError(name, "must be a dict of parameters by the API's names")
    return {_parameter_name(name, key): _parameter(f"{name}.{key}", item) for key, item in value.items()}


def _parameter_name(name: str, key: Any) -> str:
    if not isinstance(key, str) or not (key.isascii() and key.isprintable() and 0 < len(key) <= 200):
        raise DataWorksParameterError(name, f"must have names of parameters as its keys, not {_shown(key)}")
    return key


def _parameter(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _sendable(name, value)
    if isinstance(value, (Mapping, list, tuple)):
        _refuse_depth(name, value)
        return _sendable(name, _dumped(name, value))
    if isinstance(value, int) and abs(value) <= MAX_LONG:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise DataWorksParameterError(
        name, f"must be a text, a number of up to 64 bits, a truth value, a dict or a list, not {_shown(value)}"
    )


def start_time(name: str, value: Any) -> int:
    """A start offset in Unix seconds, from seconds, a datetime, or an ISO 8601 text; without a zone it is UTC.

    :raises DataWorksParameterError: it is anything else, milliseconds among them.
    """
    seconds: Any = value
    if isinstance(value, str):
        seconds = _number_or_moment(name, value.strip())
    if isinstance(seconds, datetime):
        moment = seconds if seconds.tzinfo else seconds.replace(tzinfo=timezone.utc)
        try:
            seconds = moment.timestamp()
        except OverflowError:
            seconds = -1
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise DataWorksParameterError(
            name, f"must be Unix seconds, a datetime or an ISO 8601 text, not {_shown(value)}"
        )
    if seconds >= _FIRST_MILLISECONDS:
        raise DataWorksParameterError(
            name, f"must be in seconds; {_shown(value)} looks like milliseconds: divide it by 1000"
        )
    return int(seconds)


def realtime_start_settings(value: Any) -> dict[str, Any] | None:
    """RealtimeStartSettings of StartDIJob, in the API's own key names; None stays None.

    :raises DataWorksParameterError: a key is not known, or a value can't be used.
    """
    if optional(value) is None:
        return None
    name = "realtime_start_settings"
    settings = json_object(name, value)
    _refuse_unknown(name, settings, ("StartTime", "FailoverSettings"))
    result: dict[str, Any] = {}
    if optional(settings.get("FailoverSettings")) is not None:
        inner = f"{name}.FailoverSettings"
        failover = json_object(inner, settings["FailoverSettings"])
        _refuse_unknown(inner, failover, ("Interval", "UpperLimit"))
        result["FailoverSettings"] = {
            key: identifier(f"{inner}.{key}", failover[key], lowest=lowest)
            for key, lowest in (("Interval", 1), ("UpperLimit", 0))
            if optional(failover.get(key)) is not None
        }
    if optional(settings.get("StartTime")) is not None:
        result["StartTime"] = start_time(f"{name}.StartTime", settings["StartTime"])
    return result


def statuses(name: str, value: Any, *, may_be_empty: bool = False) -> tuple[str, ...]:
    """Job statuses: a list, its text, or words between commas.

    :raises DataWorksParameterError: one is not a JobStatus of the API.
    """
    if isinstance(value, str):
        try:
            parsed = ast.literal_eval(value)
        except _NO_LITERAL:
            parsed = None
        value = parsed if isinstance(parsed, (list, tuple, set)) else value.split(",")
    accepted = [str(status) for status in JobStatus]
    if not isinstance(value, Iterable) or (not may_be_empty and not value):
        raise DataWorksParameterError(
            name, f"must be a list of job statuses ({', '.join(accepted)}), not {_shown(value)}"
        )
    return tuple(one_of(name, status.strip() if isinstance(status, str) else status, accepted) for status in value)


def seconds(name: str, value: Any, *, above: float | None = None) -> float:
    """A time in seconds, from a number or a timedelta.

    :raises DataWorksParameterError: it is anything else, negative, or not above ``above``.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MAX_SECONDS:
        raise DataWorksParameterError(
            name, f"must be a number of seconds from 0 to {MAX_SECONDS} (ten years), not {_shown(value)}"
        )
    if above is not None and value <= above:
        raise DataWorksParameterError(name, f"must be above {above:g} seconds, not {_shown(value)}")
    return float(value)


def page_size(value: Any) -> int:
    """PageSize of ListDIJobs, 1 to 100."""
    return identifier("page_size", value, highest=100)


def _shown(value: Any) -> str:
    """A value as an error message shows it: short, on one line."""
    try:
        text = reprlib.repr(value)
    except Exception:  # noqa: BLE001 - a repr may do anything; numbers of thousands of digits have none
        text = f"a {type(value).__name__}"
    return "".join(character if character.isprintable() else "?" for character in text[:120])


#: What ast.literal_eval raises for a text that is no literal.
_NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def _refuse_unknown(name: str, given: Mapping[str, Any], accepted: tuple[str, ...]) -> None:
    if unknown := sorted(_shown(key).strip("'") for key in set(given) - set(accepted)):
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        raise DataWorksParameterError(
            name, f"has the unknown keys {', '.join(unknown[:3])}{more}; accepted: {', '.join(accepted)}"
        )


def _refuse_depth(name: str, value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        held = (item for holder in level for item in (holder.values() if isinstance(holder, Mapping) else holder))
        # By identity: what holds itself twice would double at every level.
        level = list({id(item): item for item in held if isinstance(item, (Mapping, list, tuple))}.values())
        if not level:
            return
    raise DataWorksParameterError(name, f"must not be nested deeper than {MAX_DEPTH} levels")


def _is_json(value: str) -> bool:
    try:
        json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _dumped(name: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataWorksParameterError(name, f"must hold only what JSON can: {error!s:.200}") from None


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _number_or_moment(name: str, value: str) -> float | datetime:
    # As seconds it would be in 1970: what Airflow renders for ds_nodash.
    if len(value) == 8 and value.isdecimal():
        date = f"{value[:4]}-{value[4:6]}-{value[6:]}"
        raise DataWorksParameterError(name, f"{_shown(value)} looks like a date: write {date}")
    try:
        return float(value)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise DataWorksParameterError(
            name, f"must be Unix seconds, a datetime or an ISO 8601 text, not {_shown(value)}"
        ) from None
