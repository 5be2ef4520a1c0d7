"""One attempt of a node's instance, and the log that it writes, as of any moment of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from datetime import datetime, tzinfo

from airflow_provider_dataworks.emulator import assumptions
from airflow_provider_dataworks.emulator.backend.resources.nodes import FAILURE, SUCCESS, Node

BYTES_PER_RECORD = 25
#: The shares of an attempt at which the stages WAIT and RUN begin.
WAIT_SHARE, RUN_SHARE = 0.1, 0.2
#: How far an attempt gets that fails, and one whose end is not planned.
EARLY_END, ALMOST = 0.5, 0.95


@dataclasses.dataclass
class Attempt:
    """
    One run of an instance.

    :param node: the node, as it was when the attempt was planned.
    :param number: RunNumber, from 1 on.
    :param began: when it begins, in monotonic seconds.
    :param wall: the same in Unix seconds.
    :param run_seconds: its planned duration.
    :param outcome: how it ends; None while nothing ends it.
    :param parameters: the parameters it runs with.
    :param halted: when it was ended from outside, in monotonic seconds.
    """

    node: Node
    number: int
    began: float
    wall: float
    run_seconds: float
    outcome: str | None
    parameters: str
    halted: float | None = None

    @property
    def ends(self) -> float:
        """When it ends, in monotonic seconds."""
        if self.halted is not None:
            return self.halted
        return self.began + self.run_seconds if self.outcome else math.inf

    def wall_at(self, moment: float) -> float:
        """Return the Unix seconds of a moment in monotonic seconds."""
        return self.wall + moment - self.began

    def records_at(self, moment: float) -> int:
        """Return how many records are read at a moment in monotonic seconds."""
        if self.outcome == SUCCESS and moment >= self.ends:
            return self.node.records
        share = (moment - self.began) / self.run_seconds if self.run_seconds else 1.0
        copied = (min(share, 1.0) - RUN_SHARE) / (1 - RUN_SHARE)
        limit = EARLY_END if self.outcome == FAILURE else ALMOST
        return int(self.node.records * min(max(copied, 0.0), limit))

    def log(self, instance_id: int, business_date: str, now: float, zone: tzinfo) -> list[str]:
        """
        Return the lines that are in its log.

        :param business_date: ``yyyymmdd``.
        :param now: monotonic seconds.
        :param zone: the time zone of the times in it.
        """
        if now < self.began:
            return []
        return [line for at, line in self._lines(instance_id, business_date, now, zone) if at <= now]

    def _lines(self, instance_id: int, business_date: str, now: float, zone: tzinfo) -> Iterator[tuple[float, str]]:
        def stamp(moment: float) -> str:
            return datetime.fromtimestamp(self.wall_at(moment), zone).strftime("%Y-%m-%d %H:%M:%S")

        def stage(moment: float, state: str) -> tuple[float, str]:
            return moment, self._state_line(stamp(moment), moment, state)

        began, ends, job_id = self.began, self.ends, instance_id % 10**8
        yield began, f"{stamp(began)} INFO SKYNET_BIZDATE={business_date}:"
        yield began, f"{stamp(began)} INFO SKYNET_PARAMETERS={self.parameters}"
        trace = f"{assumptions.NODE_OWNER}#{self.node.project_id}#None#None#{instance_id}#None#None#{self.node.name}"
        pipeline = f"basecommon_group_{assumptions.NODE_OWNER}"
        yield began, f"Start Job[{job_id}], traceId [{trace}], running in Pipeline[{pipeline}]"
        yield stage(began, "1(SUBMIT)")
        waits, runs = (began + self.run_seconds * share for share in (WAIT_SHARE, RUN_SHARE))
        if waits < ends:
            yield stage(waits, "2(WAIT)")
        step = max(min(assumptions.NODE_LOG_SECONDS, self.run_seconds / 4), 0.01)
        moment = runs
        while moment < min(ends, now + step):
            yield stage(moment, "3(RUN)")
            moment += step
        if ends == math.inf:
            return
        succeeded = self.outcome == SUCCESS and self.halted is None
        yield stage(ends, assumptions.SUCCESS_STATE if succeeded else "4(FAIL)")
        if not succeeded:
            yield ends, "ErrorMessage:"
            yield ends, self._error()
        word = "completed successfully" if succeeded else "failed"
        yield ends, f"{stamp(ends)} : DI run Job [{job_id}] {word}."
        yield ends, f"DI Submit at            : {stamp(began)}"
        yield ends, f"DI Start at             : {stamp(min(runs, ends))}"
        yield ends, f"DI Finish at            : {stamp(ends)}"
        if self.node.engine_log:
            yield from ((ends, line) for line in self._engine_lines(stamp(began), stamp(ends)))
        yield ends, f"{stamp(ends)} INFO Exit code of the Shell command {int(not succeeded)}"
        if not succeeded:
            yield ends, f"{stamp(ends)} ERROR Shell run failed!"
        yield ends, f"{stamp(ends)} INFO Current task status: {'FINISH' if succeeded else 'ERROR'}"
        yield ends, f"{stamp(ends)} INFO Cost time is: {ends - began:.3f}s"
        yield from ((ends, line) for line in self.node.log_lines)

    def _error(self) -> str:
        if self.halted is not None:
            return assumptions.STOPPED_INSTANCE_ERROR
        return f"Code:[{self.node.error_code}], Description:[{self.node.error_message}]"

    def _state_line(self, stamp: str, moment: float, state: str) -> str:
        records = self.records_at(moment)
        seconds = max(moment - self.began, 1.0)
        finished = self.outcome == SUCCESS and moment >= self.ends
        share = 1.0 if finished else records / self.node.records if self.node.records else 0.0
        errors = self.node.error_records if moment >= self.ends else 0
        return (
            f"{stamp} : State: {state} | Total: {records}R {_size(records * BYTES_PER_RECORD)} | "
            f"Speed: {int(records / seconds)}R/s {_size(int(records * BYTES_PER_RECORD / seconds))}/s | "
            f"Error: {errors}R {_size(errors * BYTES_PER_RECORD)} | Stage: {share * 100:.1f}%"
        )

    def _engine_lines(self, began: str, ended: str) -> Iterator[str]:
        records, errors = self.records_at(self.ends), self.node.error_records
        seconds = max(int(self.ends - self.began), 1)
        speed = records // seconds
        yield (
            f"{ended}.000 [job-0] INFO  StandAloneJobContainerCommunicator - Total {records} records, "
            f"{records * BYTES_PER_RECORD} bytes | Speed {_size(speed * BYTES_PER_RECORD)}/s, {speed} records/s | "
            f"Error {errors} records, {errors * BYTES_PER_RECORD} bytes |  All Task WaitWriterTime 0.001s |  "
            "All Task WaitReaderTime 0.020s | Percentage 100.00%"
        )
        values = (
            ("任务启动时刻", began),
            ("任务结束时刻", ended),
            ("任务总计耗时", f"{seconds}s"),
            ("任务平均流量", f"{_size(speed * BYTES_PER_RECORD)}/s"),
            ("记录写入速度", f"{speed}rec/s"),
            ("读出记录总数", str(records)),
            ("读写失败总数", str(errors)),
        )
        yield from (f"{label:<20}: {value:>20}" for label, value in values)


def _size(count: int) -> str:
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if count >= factor:
            return f"{count / factor:.2f}{unit}"
    return f"{count}B"
