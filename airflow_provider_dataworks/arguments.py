"""Parse and validate operator and hook arguments, rendered templates included."""

from __future__ import annotations

import ast
import json
import math
import os
import re
import reprlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_provider_dataworks.client.assumptions import LONGEST_RUN_NAME
from airflow_provider_dataworks.client.bizdates import parse_bizdate, parse_moment
from airflow_provider_dataworks.client.catalog.v2020_05_18 import SCHEDULE_PARAMETERS
from airflow_provider_dataworks.client.clock import clock
from airflow_provider_dataworks.client.endpoints import is_region_id
from airflow_provider_dataworks.client.models import JobStatus, TaskType
from airflow_provider_dataworks.exceptions import DataWorksParameterError
from airflow_provider_dataworks.rendering import JINJA_MARKS, has_marks

MAX_PROJECT_ID = 10_000_000_000
MAX_LONG = 2**63 - 1
# Unix seconds stay below this until the year 5138; milliseconds have been above it since 1973.
_FIRST_MILLISECONDS = 100_000_000_000
_FIRST_MICROSECONDS = 100_000_000_000_000
# 2000-01-01 in Unix seconds: smaller numbers are dates or durations by mistake.
_FIRST_START_TIME = 946_684_800
_DAY = 86400
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
# What Airflow's ts_nodash prints; datetime.fromisoformat reads it from Python 3.11 on only.
_BASIC_ISO = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})([+-][0-9]{2}:?[0-9]{2})?")
_BYTE_ORDER_MARK = "\ufeff"
_NOTHING = ("", "none", "null")
#: Texts that travel in the URL; servers take some 8 to 64 KB of it, percent signs included.
MAX_URL_TEXT = 10_000
#: Levels of dicts and lists in one another; Airflow itself fails at some hundreds, with a RecursionError.
MAX_DEPTH = 100
#: Ten years: what is longer is a mistake, and more than a clock takes.
MAX_SECONDS = 10 * 366 * 86400


def is_template(value: Any, marks: Sequence[str] = JINJA_MARKS) -> bool:
    """Whether a value has yet to be rendered: an upstream task's output, or Jinja in it.

    :param value: the value.
    :param marks: what begins a template; default Jinja's default configuration.
    """
    try:
        return _is_template(value, marks)
    except RecursionError:
        return False


def _is_template(value: Any, marks: Sequence[str]) -> bool:
    if isinstance(value, str):
        return has_marks(value, marks)
    if isinstance(value, Mapping):
        return any(_is_template(item, marks) for pair in value.items() for item in pair)
    if isinstance(value, (list, tuple, set)):
        return any(_is_template(item, marks) for item in value)
    return hasattr(value, "resolve") and not isinstance(value, os.PathLike)


def file_path(name: str, value: os.PathLike[Any], extensions: Sequence[str]) -> str:
    """A local file's path, as a string.

    :raises DataWorksParameterError: it is a remote path, or has none of the extensions.
    """
    try:
        path = os.fspath(value)
    except TypeError:
        path = str(value)
    if not isinstance(path, str) or "://" in path or not path.endswith(tuple(extensions)):
        raise DataWorksParameterError(
            name,
            f"must be a dict, a JSON object or the path of a local {' or '.join(extensions)} file, not {_shown(value)}",
        )
    return path


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


def optional_project_identifier(name: str, value: Any) -> int | None:
    """As :func:`project_identifier`; None stays None."""
    return None if optional(value) is None else identifier(name, value, highest=MAX_PROJECT_ID)


def optional_identifier(name: str, value: Any) -> int | None:
    """As :func:`identifier`; None stays None."""
    return None if optional(value) is None else identifier(name, value)


def optional_identifiers(name: str, value: Any) -> int | tuple[int, ...] | None:
    """An id, or a list of ids as a list or as what a template makes of one, each once; None stays None.

    :raises DataWorksParameterError: it is anything else, or an empty list.
    """
    if isinstance(value, str) and value.strip().startswith(("[", "(")):
        try:
            value = ast.literal_eval(value.strip())
        except _NO_LITERAL:
            raise DataWorksParameterError(name, f"must be an id or a list of ids, not {_shown(value)}") from None
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        return optional_identifier(name, value)
    ids = tuple(dict.fromkeys(identifier(name, one) for one in value))
    if not ids:
        raise DataWorksParameterError(name, "must have at least one id; the list is empty")
    return ids


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


def time_zone(value: Any) -> str:
    """The IANA name of a time zone.

    :raises DataWorksParameterError: it is anything else, or this machine does not know it.
    """
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(value.strip()).key
    except Exception:  # noqa: BLE001 - a name that leads out of the database, to a folder or to nothing each has its own
        problem = f"must be the IANA name of a time zone, such as Asia/Shanghai, not {_shown(value)}"
        raise DataWorksParameterError("time_zone", problem) from None


def business_date(name: str, value: Any) -> str:
    """A business date as ``YYYY-MM-DD``: a date, a datetime (its own date), YYYY-MM-DD or YYYYMMDD.

    :raises DataWorksParameterError: it is anything else.
    """
    try:
        return parse_bizdate(value)
    except ValueError:
        raise DataWorksParameterError(
            name, f"must be a date, a datetime, YYYY-MM-DD or YYYYMMDD, not {_shown(value)}"
        ) from None


def optional_business_date(name: str, value: Any) -> str | None:
    """As :func:`business_date`; None stays None."""
    return None if optional(value) is None else business_date(name, value)


def trigger_time(name: str, value: Any, time_zone: str) -> datetime:
    """When an instance is due: a datetime, an ISO 8601 string (without a zone in ``time_zone``), or Unix milliseconds.

    :raises DataWorksParameterError: it is anything else.
    """
    try:
        return parse_moment(value, time_zone)
    except (ValueError, OverflowError):
        problem = f"must be a datetime, an ISO 8601 string or Unix milliseconds, not {_shown(value)}"
        raise DataWorksParameterError(name, problem) from None


def optional_trigger_time(name: str, value: Any) -> Any:
    """What :func:`trigger_time` takes, as it is; None stays None.

    :raises DataWorksParameterError: it is anything else.
    """
    if optional(value) is not None:
        trigger_time(name, value, "UTC")
    return optional(value)


def project_environment(value: Any) -> str:
    """PROD or DEV, in any case.

    :raises DataWorksParameterError: it is another word.
    """
    return one_of("project_env", value.strip().upper() if isinstance(value, str) else value, ("PROD", "DEV"))


def node_parameters(name: str, value: Any) -> dict[str, Any] | str | None:
    """Parameters of a node: values by name, or the text of the node's own syntax; None stays None.

    A string that is a JSON object, or what Python prints for a dict, is one.

    :raises DataWorksParameterError: it is anything else.
    """
    if optional(value) is None:
        return None
    if isinstance(value, str) and not value.strip().startswith("{"):
        return text(name, value, in_url=False)
    return json_object(name, value) or None


def run_name(value: Any) -> str:
    """The name of a run of a node, of up to 128 characters.

    :raises DataWorksParameterError: it is anything else.
    """
    name = text("name", value)
    if len(name) > LONGEST_RUN_NAME:
        raise DataWorksParameterError("name", f"must have at most {LONGEST_RUN_NAME} characters, not {len(name)}")
    return name


def text(name: str, value: Any, *, in_url: bool = True) -> str:
    """A text that is not empty, of up to 10,000 characters if it travels in the URL (default).

    :raises DataWorksParameterError: it is anything else.
    """
    if not isinstance(value, str) or not value.strip():
        raise DataWorksParameterError(name, f"must be a string that is not empty, not {_shown(value)}")
    return _fit_for_url(name, value) if in_url else _sendable(name, value)


def _sendable(name: str, value: str) -> str:
    """A string that UTF-8 can encode."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DataWorksParameterError(
            name, f"contains an unpaired surrogate at position {error.start}: {_shown(value)}"
        ) from None
    return value


def _fit_for_url(name: str, value: str) -> str:
    if len(value) > MAX_URL_TEXT:
        raise DataWorksParameterError(
            name, f"is {len(value)} characters long; it travels in the URL, which takes {MAX_URL_TEXT} of it"
        )
    return _sendable(name, value)


def optional_text(name: str, value: Any) -> str | None:
    """A string, or None."""
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
    """A boolean or its name; None stays None.

    :raises DataWorksParameterError: it is anything else.
    """
    if isinstance(value, bool):
        return value
    value = optional(value)
    if value is None:
        return None
    word = value.strip().lower() if isinstance(value, str) else str(value) if type(value) is int else ""
    if word not in _BOOLEANS:
        raise DataWorksParameterError(name, f"must be true or false, not {_shown(value)}")
    return _BOOLEANS[word]


_BOOLEANS = {
    **dict.fromkeys(("true", "t", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "f", "0", "no", "n", "off"), False),
}


def fixed_boolean(name: str, value: Any) -> bool:
    """A boolean that is needed at construction, so that neither a template nor None can stand for it.

    :raises DataWorksParameterError: it is anything else.
    """
    if is_template(value):
        raise DataWorksParameterError(
            name, f"must be true or false: it is no template field, so that {_shown(value)} is never rendered"
        )
    result = boolean(name, value)
    if result is None:
        raise DataWorksParameterError(name, f"must be true or false, not {_shown(value)}")
    return result


def json_object(name: str, value: Any) -> dict[str, Any]:
    """A JSON object given as a dict, as JSON text, or as the text that Python prints for a dict (templates do).

    :raises DataWorksParameterError: it is anything else, or holds what JSON cannot; for JSON text with line and column.
    """
    parsed: Any = _parsed_text(name, value.removeprefix(_BYTE_ORDER_MARK)) if isinstance(value, str) else value
    if not isinstance(parsed, Mapping):
        raise DataWorksParameterError(name, f"must be a dict or a JSON object, not {type(parsed).__name__}")
    _refuse_depth(name, parsed)
    return dict(parsed)


def json_text(name: str, value: Any) -> str:
    """The JSON text of an object; a JSON text is passed on as it was written.

    :raises DataWorksParameterError: it is not an object, or holds what JSON cannot.
    """
    parsed = json_object(name, value)
    if isinstance(value, str) and _is_json(written := value.removeprefix(_BYTE_ORDER_MARK)):
        return _sendable(name, written)
    return _sendable(name, _dumped(name, parsed))


def json_list_text(name: str, value: Any) -> str:
    """The JSON text of a list, given as a list or as JSON text.

    :raises DataWorksParameterError: it is anything else, or holds what JSON cannot.
    """
    parsed: Any = _parsed_text(name, value.removeprefix(_BYTE_ORDER_MARK)) if isinstance(value, str) else value
    if not isinstance(parsed, (list, tuple)):
        raise DataWorksParameterError(name, f"must be a list or a JSON array, not {type(parsed).__name__}")
    _refuse_depth(name, parsed)
    return _sendable(name, _dumped(name, parsed))


def _parsed_text(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        printed = _printed_by_python(value.strip())
        if printed is not None:
            return printed
        raise DataWorksParameterError(name, _json_problem(value, error)) from None


def _json_problem(value: str, error: Exception) -> str:
    if value.endswith(".json") and len(value.splitlines()) == 1:
        return (
            f"{_shown(value)} is the path of a file, which only an operator reads, and only where the path stands in "
            "the DAG as the whole argument; where the path is computed, write {% include %} with it"
        )
    if isinstance(error, json.JSONDecodeError):
        return f"must be a dict or a JSON object: {error.msg} at line {error.lineno} column {error.colno}"
    return f"must be a dict or a JSON object: {error!s:.200}"


def _printed_by_python(value: str) -> Any:
    """The value whose repr a text is; None if it is no repr."""
    try:
        with warnings.catch_warnings():
            # Of escapes that Python does not know: these are no repr.
            warnings.simplefilter("ignore")
            parsed = ast.literal_eval(value)
        return parsed if repr(parsed) == value else None
    except _NO_LITERAL:
        return None


def optional_json_object(name: str, value: Any) -> dict[str, Any]:
    """As :func:`json_object`; None is an empty one."""
    return {} if optional(value) is None else json_object(name, value)


def optional_json_text(name: str, value: Any) -> str | None:
    """As :func:`json_text`, of up to 10,000 characters; None stays None."""
    return None if optional(value) is None else _fit_for_url(name, json_text(name, value))


def parameters(name: str, value: Any) -> dict[str, Any] | None:
    """Parameters of any action, by the API's names: strings, numbers, booleans, and what becomes JSON.

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
        name, f"must be a string, a number of up to 64 bits, a boolean, a dict or a list, not {_shown(value)}"
    )


def schedule(name: str, value: Any) -> dict[str, Any]:
    """Properties of a schedule by their names in UpdateFile: strings, numbers, booleans.

    The lists among them may be lists of strings. None, and properties that are None, are left out.

    :raises DataWorksParameterError: UpdateFile has no such property, or it holds anything else.
    """
    given = {} if optional(value) is None else json_object(name, value)
    _refuse_unknown(name, given, SCHEDULE_PARAMETERS)
    return {key: _property(f"{name}.{key}", key, item) for key, item in given.items() if item is not None}


def _property(name: str, key: str, value: Any) -> Any:
    if key.endswith("List") and isinstance(value, (list, tuple)):
        if not all(isinstance(each, str) for each in value):
            raise DataWorksParameterError(name, f"must be a list of strings, not {_shown(value)}")
        return _sendable(name, ",".join(value))
    if isinstance(value, (Mapping, list, tuple)) and not key.endswith(("Parameters", "Settings")):
        raise DataWorksParameterError(name, f"must be a string or a number, not {_shown(value)}")
    return _parameter(name, value)


def start_time(name: str, value: Any) -> int:
    """A start offset in Unix seconds, from seconds, a datetime, or an ISO 8601 text; without a zone it is UTC.

    :raises DataWorksParameterError: it is anything else: a date written in digits, milliseconds, a time before 2000 or
        more than a day ahead.
    """
    seconds: Any = value
    if isinstance(value, str):
        seconds = _number_or_moment(name, value.strip())
    if isinstance(seconds, datetime):
        moment = seconds if seconds.tzinfo else seconds.replace(tzinfo=timezone.utc)
        try:
            seconds = moment.timestamp()
        except (OverflowError, ValueError):
            seconds = -1
    elif isinstance(seconds, (int, float)) and (date := _date_in_digits(seconds)):
        raise DataWorksParameterError(name, f"{_shown(value)} looks like a date: write {date!r}")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < float("inf"):
        raise DataWorksParameterError(
            name, f"must be Unix seconds, a datetime or an ISO 8601 text, not {_shown(value)}"
        )
    if seconds >= _FIRST_MICROSECONDS:
        raise DataWorksParameterError(name, f"must be in seconds; {_shown(value)} is a smaller unit")
    if seconds >= _FIRST_MILLISECONDS:
        raise DataWorksParameterError(
            name, f"must be in seconds; {_shown(value)} looks like milliseconds: divide it by 1000"
        )
    if seconds < _FIRST_START_TIME:
        raise DataWorksParameterError(name, f"must not be before 2000; {_shown(value)} is {iso_utc(seconds)}")
    if seconds > clock.time() + _DAY:
        raise DataWorksParameterError(name, f"must not be more than a day ahead; {_shown(value)} is {iso_utc(seconds)}")
    return int(seconds)


def iso_utc(seconds: float) -> str:
    """Unix seconds as ISO 8601 text in UTC."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).isoformat().replace("+00:00", "Z")


def realtime_start_settings(value: Any) -> dict[str, Any] | None:
    """RealtimeStartSettings of StartDIJob, in the API's own key names; None stays None, also that of a key.

    :raises DataWorksParameterError: a key is not known, or a value can't be used.
    """
    if optional(value) is None:
        return None
    name = "realtime_start_settings"
    settings = json_object(name, value)
    _refuse_unknown(name, settings, ("StartTime", "FailoverSettings"))
    result: dict[str, Any] = {}
    if "FailoverSettings" in settings:
        result["FailoverSettings"] = _failover_settings(f"{name}.FailoverSettings", settings["FailoverSettings"])
    if "StartTime" in settings:
        moment = optional(settings["StartTime"])
        result["StartTime"] = None if moment is None else start_time(f"{name}.StartTime", moment)
    return result


def _failover_settings(name: str, value: Any) -> dict[str, Any] | None:
    if optional(value) is None:
        return None
    failover = json_object(name, value)
    _refuse_unknown(name, failover, ("Interval", "UpperLimit"))
    return {
        key: None if optional(failover[key]) is None else identifier(f"{name}.{key}", failover[key], lowest=lowest)
        for key, lowest in (("Interval", 1), ("UpperLimit", 0))
        if key in failover
    }


def without_none(settings: Mapping[str, Any], name: str = "") -> tuple[dict[str, Any], list[str]]:
    """Leave out the keys of settings that are None, and the dicts of which nothing is left.

    :param settings: the settings.
    :param name: what stands before the keys' names; default nothing.
    :return: the settings that are left, and the names of the keys that were None.
    """
    left: dict[str, Any] = {}
    dropped: list[str] = []
    for key, value in settings.items():
        if value is None:
            dropped.append(f"{name}{key}")
            continue
        if isinstance(value, Mapping):
            value, inner = without_none(value, f"{name}{key}.")
            dropped += inner
            if not value:
                continue
        left[key] = value
    return left, dropped


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


def optional_statuses(name: str, value: Any) -> tuple[str, ...] | None:
    """As :func:`statuses`; None stays None."""
    return None if optional(value) is None else statuses(name, value)


def failure_statuses(name: str, value: Any) -> tuple[str, ...]:
    """As :func:`statuses`; there may be none."""
    return statuses(name, value, may_be_empty=True)


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
    if date := _date_in_digits(value):
        raise DataWorksParameterError(name, f"{_shown(value)} looks like a date: write {date}")
    if _NUMBER.fullmatch(value):
        return float(value)
    if basic := _BASIC_ISO.fullmatch(value):
        value = "{}-{}-{}T{}:{}:{}".format(*basic.groups()[:6]) + (basic[7] or "")
    # Digits of other scripts, and underscores, are none that a date has; fromisoformat takes some.
    if value.isascii() and not value.isdigit():
        try:
            return datetime.fromisoformat(_with_colon_in_zone(value.replace("Z", "+00:00")))
        except ValueError:
            pass
    raise DataWorksParameterError(name, f"must be Unix seconds, a datetime or an ISO 8601 text, not {_shown(value)}")


def _with_colon_in_zone(value: str) -> str:
    # +0800, which Python 3.10 does not read.
    return re.sub(r"([T ].*[+-][0-9]{2})([0-9]{2})$", r"\1:\2", value)


def _date_in_digits(value: str | float) -> str | None:
    """The ISO 8601 spelling of what is, as digits alone, a year, month, day, hour, minute or second of 1970 to 2099."""
    if isinstance(value, str):
        digits = value
    elif isinstance(value, bool) or not 1970 <= value < 10**14 or value != int(value):
        return None
    else:
        digits = str(int(value))
    if not (digits.isascii() and digits.isdigit() and len(digits) in (4, 6, 8, 10, 12, 14)):
        return None
    parts = [int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, len(digits), 2))]
    try:
        moment = datetime(*(parts + [1, 1][len(parts) - 1 :]))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    if not 1970 <= moment.year <= 2099:
        return None
    return moment.isoformat() if len(digits) > 8 else moment.date().isoformat()
