"""One run of a DI job, table by table: statuses, counters and log lines at any moment of it."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from airflow_provider_dataworks.emulator import assumptions

BYTES_PER_RECORD = 100
#: The share of a table's time in which its structure is migrated.
STRUCTURE_SHARE = 0.1
#: How far the last table of a run gets that does not finish.
EARLY_END = 0.5

NodeType = Literal["MASTER", "WORKER"]


@dataclasses.dataclass(frozen=True)
class TableRun:
    """
    One source table within a run; it is migrated from ``begins`` to ``ends``, in monotonic seconds.

    :param name: of the table, in the source and in the destination.
    :param records: how many it has.
    :param migrated: whether an earlier run migrated it, so that this one does nothing.
    :param ends_early: whether the run ends before the table is migrated.
    """

    name: str
    records: int
    begins: float
    ends: float
    migrated: bool = False
    ends_early: bool = False

    def progress(self, moment: float) -> float:
        """Return how far it is, from 0 to 1, at a moment in monotonic seconds."""
        if self.migrated:
            return 1.0
        share = (moment - self.begins) / (self.ends - self.begins) if self.ends > self.begins else moment >= self.begins
        return min(max(float(share), 0.0), EARLY_END if self.ends_early else 1.0)


@dataclasses.dataclass(frozen=True)
class TableState:
    """
    What ListDIJobRunDetails shows of a table.

    :param statuses: by phase, ``Structure``, ``Full`` and ``Realtime``; a phase that the job does not have is missing.
    :param records: how many the full migration has copied.
    :param error_records: how many it could not copy.
    :param error: phase and message of its failure.
    """

    name: str
    statuses: dict[str, str]
    records: int
    error_records: int = 0
    error: tuple[str, str] | None = None

    @property
    def is_migrated(self) -> bool:
        """Whether a further run without ForceToRerun has nothing to do for it."""
        return self.statuses.get("Full", self.statuses["Structure"]) == "Finished"


@dataclasses.dataclass
class Run:
    """
    One run.

    :param tables: its tables.
    :param began: when it began, in monotonic seconds.
    :param wall: the same in Unix seconds.
    :param phases: those of the job, of ``Structure``, ``Full`` and ``Realtime``.
    :param halted: when it ends or was stopped, in monotonic seconds; None as long as it has no end.
    """

    tables: tuple[TableRun, ...]
    began: float
    wall: float
    phases: tuple[str, ...]
    halted: float | None = None

    def states(self, job_status: str, error_message: str, now: float) -> list[TableState]:
        """
        Return the state of each table.

        :param job_status: the job's status.
        :param error_message: why the job failed, if it did.
        :param now: monotonic seconds.
        """
        return [self._state(table, job_status, error_message, self._moment(now)) for table in self.tables]

    def log(self, di_job_id: int, node_type: NodeType, job_status: str, error_message: str, now: float) -> list[str]:
        """
        Return the lines that are in the log.

        :param node_type: ``MASTER`` for the lines about the whole job, ``WORKER`` for those about its tables.
        :param job_status: the job's status.
        :param error_message: why the job failed, if it did.
        :param now: monotonic seconds.
        """
        error = error_message if job_status == "Failed" else ""
        is_master = node_type == "MASTER"
        lines = self._master_lines(di_job_id, job_status, error) if is_master else self._worker_lines(error)
        moment = self._moment(now)
        ordered = sorted(lines, key=lambda line: line[0])
        return [f"{local_time(self.wall + at - self.began)} {line}" for at, line in ordered if at <= moment]

    def _moment(self, now: float) -> float:
        return now if self.halted is None else min(now, self.halted)

    def _state(self, table: TableRun, job_status: str, error_message: str, moment: float) -> TableState:
        progress = 1.0 if job_status == "Finished" else table.progress(moment)
        copied = max(0.0, (progress - STRUCTURE_SHARE) / (1 - STRUCTURE_SHARE)) if "Full" in self.phases else 0.0
        records = int(table.records * copied)
        words = {phase: self._word(phase, progress) for phase in self.phases}
        running = next((phase for phase, word in words.items() if word == "Running"), None)
        if running is None or job_status not in ("Stopped", "Failed"):
            return TableState(table.name, words, records)
        words[running] = job_status
        if job_status == "Stopped":
            return TableState(table.name, words, records)
        return TableState(table.name, words, records, int(running == "Full"), (running, error_message))

    def _word(self, phase: str, progress: float) -> str:
        if phase == "Realtime":
            return "Running" if progress >= (1.0 if "Full" in self.phases else STRUCTURE_SHARE) else "Initialized"
        begins, ends = (0.0, STRUCTURE_SHARE) if phase == "Structure" else (STRUCTURE_SHARE, 1.0)
        if progress >= ends:
            return "Finished"
        return "Running" if progress > begins else "Initialized"

    def _master_lines(self, di_job_id: int, job_status: str, error: str) -> Iterator[tuple[float, str]]:
        yield self.began, f"INFO  DIJob {di_job_id}: started, {len(self.tables)} tables"
        for table in self.tables:
            if table.migrated:
                yield self.began, f"INFO  Table {table.name}: migrated before, skipped"
            elif not table.ends_early:
                yield table.ends, f"INFO  Table {table.name}: migrated"
        if self.halted is not None:
            yield self.halted, f"{'ERROR' if error else 'INFO '} DIJob {di_job_id}: {job_status}"
            yield from ((self.halted, f"ERROR {line}") for line in error.splitlines())

    def _worker_lines(self, error: str) -> Iterator[tuple[float, str]]:
        for table in self.tables:
            if table.migrated:
                continue
            yield table.begins, f"INFO  Table {table.name}: reading {table.records} records"
            if not table.ends_early:
                yield table.ends, f"INFO  Table {table.name}: done"
            elif self.halted is not None:
                yield from ((self.halted, f"ERROR Table {table.name}: {line}") for line in error.splitlines())


def plan_run(
    tables: list[dict[str, Any]],
    migrated: Mapping[str, int],
    phases: tuple[str, ...],
    *,
    earlier_runs: int,
    began: float,
    wall: float,
    run_seconds: float,
    ends_early: bool,
) -> Run:
    """
    Plan a run that migrates the tables that are left, one after the other.

    :param tables: the job's tables, each with ``name``, ``records`` and ``growth``.
    :param migrated: the tables that are not left, each with its records.
    :param phases: the job's phases.
    :param earlier_runs: how many runs there were; the tables have grown in each of them.
    :param began: monotonic seconds.
    :param wall: the same in Unix seconds.
    :param run_seconds: how long it takes.
    :param ends_early: whether the last table will not be migrated.
    """
    left = [table["name"] for table in tables if table["name"] not in migrated]
    each = run_seconds / max(len(left), 1)
    planned = []
    for table in tables:
        name = table["name"]
        if name in migrated:
            planned.append(TableRun(name, migrated[name], began, began, migrated=True))
            continue
        begins = began + each * left.index(name)
        records = table["records"] + table["growth"] * earlier_runs
        planned.append(TableRun(name, records, begins, begins + each, ends_early=ends_early and name == left[-1]))
    return Run(tuple(planned), began, wall, phases)


def local_time(unix_seconds: float) -> str:
    """Return a time as logs and events show it."""
    zone = datetime.timezone(datetime.timedelta(hours=assumptions.TIME_ZONE_HOURS))
    return datetime.datetime.fromtimestamp(unix_seconds, zone).strftime("%Y-%m-%d %H:%M:%S")
