"""One process of a task that may be killed: it executes, or waits in the triggerer, and says how far it got."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, ClassVar

from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.triggers.base import BaseTrigger

from airflow_provider_dataworks.operators.data_integration import StartDIJobOperator
from airflow_provider_dataworks.operators.node import RunNodeOperator
from tests.faults.fast_clock import clock_offset
from tests.faults.interference import Interference
from tests.faults.task_log import kept_lines
from tests.support.tasks import StateStore, first_event, make_context

START_TIMEOUT = 1.5
MAX_TRIES = 5
#: What Airflow does after execute, until the server knows of the success: seconds.
AFTERWARDS = 0.15

#: Says how far the process got: a word, and what belongs to it.
Tell = Callable[..., None]


class FileStore(StateStore):
    """The task state store in a file, so that it outlives the processes.

    :param path: the file; each write replaces it as a whole.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        if path.exists():
            self.content = json.loads(path.read_text())

    def set(self, key: str, value: Any) -> None:
        super().set(key, value)
        self._write()

    def delete(self, key: str) -> None:
        super().delete(key)
        self._write()

    def _write(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self.content))
        new.replace(self._path)


@dataclass(frozen=True)
class KilledTask:
    """The task, as each of its processes makes it.

    :param url: the emulator's.
    :param store: the file of its task state store.
    :param wait: whether it waits for the job's end.
    :param poll_seconds: poll_interval.
    """

    conn_id: str
    url: str
    di_job_id: int
    store: Path
    wait: bool
    deferred: bool
    poll_seconds: float

    #: The call that starts it.
    action: ClassVar[str] = "StartDIJob"

    def execute(self, tell: Tell, try_number: int, offset: float) -> None:
        """One try, in a worker.

        :param tell: says how far it got.
        :param offset: by how many seconds the worker's clock is ahead.
        """
        task, context = self._begin(try_number, offset)
        interference = Interference(self.url)
        interference.before(self.action, lambda: tell("sending"))
        interference.after(self.action, lambda: tell("sent"))
        with kept_lines() as log:
            self._on_term(task, tell, log)
            tell("began")
            try:
                value = task.execute(context)
            except TaskDeferred as deferral:
                path, arguments = deferral.trigger.serialize()
                deferred = {
                    "path": path,
                    "arguments": arguments,
                    "method": deferral.method_name,
                    "kept": deferral.kwargs,
                }
                _afterwards(tell, "deferred", **deferred)
            except Exception as error:  # noqa: BLE001 - whatever it is, the round is told
                _afterwards(tell, "error", text=f"{type(error).__name__}: {error}")
            else:
                _afterwards(tell, "value", value=value)

    def wait_and_resume(self, tell: Tell, try_number: int, offset: float, deferral: dict[str, Any]) -> None:
        """The rest of a deferred try: a triggerer's part, then a worker's."""
        task, context = self._begin(try_number, offset)
        self._on_term(task, tell, [])
        tell("began")
        event = asyncio.run(first_event(_made(deferral["path"], deferral["arguments"])))
        tell("fired")
        try:
            kept = {**(deferral["kept"] or {}), "event": event.payload}
            value = task.resume_execution(deferral["method"], kept, context)
        except Exception as error:  # noqa: BLE001 - whatever it is, the round is told
            _afterwards(tell, "error", text=f"{type(error).__name__}: {error}")
        else:
            _afterwards(tell, "value", value=value)

    def _begin(self, try_number: int, offset: float) -> tuple[Any, Any]:
        clock_offset.set(offset)
        task = self._make()
        context = make_context(
            try_number=try_number,
            max_tries=MAX_TRIES,
            store=FileStore(self.store),
            run_id=f"run_{self.di_job_id}",
            start_date=datetime.now(timezone.utc) + timedelta(seconds=offset),
        )
        return task, context

    def _make(self) -> Any:
        return StartDIJobOperator(
            task_id="start",
            di_job_id=self.di_job_id,
            force_to_rerun=True,
            wait_for_completion=self.wait,
            deferrable=self.deferred,
            poll_interval=self.poll_seconds,
            start_timeout=START_TIMEOUT,
            dataworks_conn_id=self.conn_id,
        )

    @staticmethod
    def _on_term(task: Any, tell: Tell, log: list[str]) -> None:
        """Do on SIGTERM what Airflow's task runner does: on_kill, and no more."""

        def end(*_: Any) -> None:
            task.on_kill()
            tell("killed", log=log)
            os._exit(143)

        signal.signal(signal.SIGTERM, end)


@dataclass(frozen=True)
class KilledNodeRun(KilledTask):
    """The task that runs a node; ``di_job_id`` is the node's id, and nothing is kept in a store."""

    action: ClassVar[str] = "RunCycleDagNodes"

    def _make(self) -> Any:
        return RunNodeOperator(
            task_id="run",
            node_id=self.di_job_id,
            bizdate="2024-11-20",
            wait_for_completion=self.wait,
            deferrable=self.deferred,
            poll_interval=self.poll_seconds,
            dataworks_conn_id=self.conn_id,
        )


def _afterwards(tell: Tell, word: str, **more: Any) -> None:
    """What comes after execute, and what the server learns in the end."""
    tell("returned")
    time.sleep(AFTERWARDS)
    tell(word, **more)


def _made(path: str, arguments: dict[str, Any]) -> BaseTrigger:
    module, _, name = path.rpartition(".")
    made = getattr(__import__(module, fromlist=[name]), name)(**arguments)
    assert isinstance(made, BaseTrigger)
    return made
