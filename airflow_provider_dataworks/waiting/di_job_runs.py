"""What is known of a DI job's last run beside its status: progress, reasons of a failure, identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_dataworks.client.catalog import v2024_05_18
from airflow_provider_dataworks.client.errors import printable
from airflow_provider_dataworks.config import config
from airflow_provider_dataworks.exceptions import DataWorksError

if TYPE_CHECKING:
    from airflow_provider_dataworks.hooks.dataworks import DataWorksHook

#: Tables whose reasons an error names at most, and characters of each.
_MOST_REASONS = 5
_REASON_LENGTH = 300

_PHASES = ("Structure", "Full", "Realtime")


def progress(hook: DataWorksHook, di_job_id: int) -> str:
    """How far the job is, for the log, in one request.

    :param hook: the hook to call.
    :param di_job_id: the job.
    :return: such as ``3 of 7 tables finished, 120 records, 4096 bytes``; empty if the service does not say.
    :raises DataWorksError: as the hook raises.
    """
    if not _has_run_details(hook):
        stats = hook.read_di_job(di_job_id=di_job_id).fields.get("RunStats")
        stats = stats if isinstance(stats, Mapping) else {}
        return ", ".join(f"{printable(name)} {printable(value)}" for name, value in stats.items())
    tables = list(islice(hook.list_di_job_run_details(di_job_id=di_job_id), v2024_05_18.MOST_TABLES))
    if not tables:
        return ""
    finished = sum(table.get("FullMigrationStatus") == "Finished" for table in tables)
    records, size = (sum(_number(table.get(name)) for table in tables) for name in _TOTALS)
    return f"{finished} of {len(tables)} tables finished, {records} records, {size} bytes"


def facts(hook: DataWorksHook, di_job_id: int) -> dict[str, Any]:
    """What the job's last run has done, for the event of its asset.

    :param hook: the hook to call.
    :param di_job_id: the job.
    :return: in 2024-05-18 tables, records and bytes as integers; in 2020-05-18 ``run_stats`` where GetDIJob has it, and
        when the run was started, in Unix seconds.
    :raises DataWorksError: as the hook raises.
    """
    if (summary := hook.read_di_job_run_summary(di_job_id=di_job_id)) is not None:
        return {
            "tables": summary.tables,
            "tables_finished": summary.tables_finished,
            "records": summary.records,
            "bytes": summary.bytes,
            "error_records": summary.error_records,
        }
    job = hook.read_di_job(di_job_id=di_job_id)
    stats = job.fields.get("RunStats")
    known = {"run_stats": dict(stats) if isinstance(stats, Mapping) and stats else None, "started": job.started_time}
    return {name: value for name, value in known.items() if value is not None}


def failure_reasons(hook: DataWorksHook, di_job_id: int, log: Any) -> str | None:
    """Why the job's last run failed, where GetDIJob does not say: tables, last failover; the end of its log is logged.

    :param hook: the hook to call.
    :param di_job_id: the job.
    :param log: the task's logger.
    :return: the reasons; None if there are none.
    """
    if not _has_run_details(hook):
        return None
    reasons = _reasons_of_tables(_read(hook.list_di_job_run_details(di_job_id=di_job_id), log, "tables"))
    events = _read(hook.list_di_job_events(di_job_id=di_job_id), log, "events")
    if events and (message := max(events, key=_moment).get("FailoverMessage")):
        reasons.append(f"last failover: {printable(message)[:_REASON_LENGTH]}")
    try:
        most = config().job_log_lines
        lines = hook.get_di_job_log(di_job_id=di_job_id).splitlines()[-most:] if most else []
    except DataWorksError as error:
        log.warning("The log of DI job %s cannot be read: %s", di_job_id, error)
    else:
        if lines:
            end = "\n".join(printable(line) for line in lines)
            log.info("The end of the log of DI job %s:\n%s", di_job_id, end)
    return "; ".join(reasons) or None


_TOTALS = ("OfflineTotalRecords", "OfflineTotalBytes")


def _has_run_details(hook: DataWorksHook) -> bool:
    return hook.settings.api_version == v2024_05_18.VERSION


def _reasons_of_tables(tables: Iterable[Mapping[str, Any]]) -> list[str]:
    failed = []
    for table in tables:
        messages = [printable(table[key]) for phase in _PHASES if table.get(key := f"{phase}MigrationErrorMessage")]
        if messages:
            names = (table.get(f"Source{part}Name") for part in ("Database", "Schema", "Table"))
            name = ".".join(str(part) for part in names if part)
            failed.append(f"table {printable(name)}: {'; '.join(messages)[:_REASON_LENGTH]}")
    more = len(failed) - _MOST_REASONS
    return failed[:_MOST_REASONS] + ([f"{more} more tables"] if more > 0 else [])


def _read(entries: Iterable[dict[str, Any]], log: Any, what: str) -> list[dict[str, Any]]:
    try:
        return list(islice(entries, v2024_05_18.MOST_TABLES))
    except DataWorksError as error:
        log.warning("The %s of the failed job cannot be read: %s", what, error)
        return []


def _moment(event: Mapping[str, Any]) -> int:
    return _number(event.get("CreateTime"))


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
