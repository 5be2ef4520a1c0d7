"""The REST API of a running Airflow, one face for 2.11 (/api/v1) and 3.x (/api/v2)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import requests

FINISHED_RUN = frozenset({"success", "failed"})


@dataclass(frozen=True)
class TaskInstance:
    """A task instance as the API gives it; ``raw`` has all of its fields."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    max_tries: int
    duration: float | None
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The task id, with the map index in brackets if it has one."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


class AirflowApi:
    """
    Calls an Airflow whose API asks for no password.

    :param url: where its web server is.
    :param major: 2 or 3.
    """

    def __init__(self, url: str, major: int) -> None:
        self.url = url
        self.major = major
        self._base = f"{url}/api/v{major - 1}"
        self._session = requests.Session()
        self._session.trust_env = False

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        timeout: float = 60,
    ) -> Any:
        """
        Send one request and read its JSON answer.

        :param path: what follows the API's base, beginning with a slash, already quoted.
        :raises ApiRefused: the answer's status is 400 or above; it has the answer's text.
        """
        response = self._send(method, path, params, body, timeout)
        if response.status_code == 401 and self.major == 3:
            self._log_in()
            response = self._send(method, path, params, body, timeout)
        if response.status_code >= 400:
            raise ApiRefused(f"{method} {path}: {response.status_code} {response.text[:2000]}", response.status_code)
        return response.json() if response.content else None

    def health(self) -> dict[str, str | None]:
        """The status of every part, such as ``{"scheduler": "healthy", ...}``; empty while nobody answers."""
        path = "/monitor/health" if self.major == 3 else "/health"
        try:
            answer = self.call("GET", path, timeout=10)
        except (requests.RequestException, ApiRefused):
            return {}
        return {name: part.get("status") for name, part in answer.items()}

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG, or None while Airflow does not know it."""
        try:
            answer: dict[str, Any] = self.call("GET", f"/dags/{quote(dag_id)}")
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise
        return answer

    def import_errors(self) -> dict[str, str]:
        """DAG file -> the traceback of its import."""
        answer = self.call("GET", "/importErrors")
        return {error["filename"]: error["stack_trace"] for error in answer["import_errors"]}

    def wait_for_dag(self, dag_id: str, timeout: float = 60) -> None:
        """
        Wait until Airflow has read a DAG.

        :raises RuntimeError: a DAG file cannot be imported.
        :raises TimeoutError: it does not appear.
        """
        deadline = time.monotonic() + timeout
        while self.dag(dag_id) is None:
            if errors := self.import_errors():
                raise RuntimeError("\n".join(f"{name}:\n{trace}" for name, trace in errors.items()))
            if time.monotonic() > deadline:
                raise TimeoutError(f"DAG {dag_id} did not appear within {timeout:.0f} s")
            time.sleep(0.5)

    def unpause(self, dag_id: str, *, paused: bool = False) -> None:
        """Unpause a DAG (pause it with ``paused=True``) after waiting for it to appear."""
        self.wait_for_dag(dag_id)
        for left in reversed(range(10)):
            try:
                self.call("PATCH", f"/dags/{quote(dag_id)}", body={"is_paused": paused})
                return
            except ApiRefused as error:
                # SQLite is locked while others write.
                if error.status != 500 or not left:
                    raise
            time.sleep(1)

    def trigger(
        self,
        dag_id: str,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: datetime | None = None,
    ) -> str:
        """Start a run of a DAG; returns its run id."""
        body: dict[str, Any] = {"conf": dict(conf or {})}
        if logical_date is not None:
            body["logical_date"] = logical_date.isoformat()
        elif self.major == 3:
            body["logical_date"] = None
        if run_id is not None:
            body["dag_run_id"] = run_id
        return str(self.call("POST", f"/dags/{quote(dag_id)}/dagRuns", body=body)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """The state of a DAG run: queued, running, success or failed."""
        return str(self.call("GET", _run(dag_id, run_id))["state"])

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a DAG."""
        return list(self._pages(f"/dags/{quote(dag_id)}/dagRuns", "dag_runs"))

    def wait_for_scheduled_run(self, dag_id: str, timeout: float = 60) -> dict[str, Any]:
        """
        Wait until the scheduler has made a run of an unpaused DAG by itself; returns that run.

        :raises TimeoutError: it has not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            for run in self.runs(dag_id):
                if run["run_type"] == "scheduled":
                    return run
            if time.monotonic() > deadline:
                raise TimeoutError(f"the scheduler made no run of {dag_id} within {timeout:.0f} s")
            time.sleep(0.5)

    def wait(
        self,
        dag_id: str,
        run_id: str,
        timeout: float = 120,
        on_change: Callable[[TaskInstance], None] | None = None,
        pause: float = 1,
    ) -> str:
        """
        Wait for the end of a DAG run.

        :param timeout: seconds.
        :param on_change: called with each task instance whose state or try changed since the last look.
        :param pause: seconds between looks.
        :return: ``success`` or ``failed``.
        :raises TimeoutError: it has not ended; the message has the states of its tasks.
        """
        deadline = time.monotonic() + timeout
        watch = RunWatch(self, dag_id, run_id)
        while True:
            for instance in watch.look():
                if on_change:
                    on_change(instance)
            if watch.finished:
                return watch.state
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dag_id} {run_id} is still {watch.state} after {timeout:.0f} s: {watch.tasks}")
            time.sleep(pause)

    def wait_for_task(
        self,
        dag_id: str,
        run_id: str,
        task_id: str,
        states: Sequence[str],
        timeout: float = 60,
        map_index: int = -1,
        pause: float = 0.5,
    ) -> TaskInstance:
        """
        Wait until a task instance is in one of ``states``.

        :raises TimeoutError: it is not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            instance = self.task_instance(dag_id, run_id, task_id, map_index)
            if instance and instance.state in states:
                return instance
            if time.monotonic() > deadline:
                raise TimeoutError(f"{task_id} is {instance and instance.state} after {timeout:.0f} s, not {states}")
            time.sleep(pause)

    def task_instances(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """The task instances of a run, mapped ones included, by name and map index."""
        found = [_task_instance(raw) for raw in self._pages(_run(dag_id, run_id) + "/taskInstances", "task_instances")]
        return sorted(found, key=lambda one: (one.task_id, one.map_index))

    def task_instance(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> TaskInstance | None:
        """One task instance; None while the run has none of this name and map index."""
        for instance in self.task_instances(dag_id, run_id):
            if (instance.task_id, instance.map_index) == (task_id, map_index):
                return instance
        return None

    def clear(
        self, dag_id: str, run_id: str, task_ids: Sequence[str | tuple[str, int]], *, only_failed: bool = False
    ) -> None:
        """Clear tasks of a run, so that they run again; on 3.x a pair of id and map index is one mapped task."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(task_ids),
            "only_failed": only_failed,
            "reset_dag_runs": True,
        }
        self.call("POST", f"/dags/{quote(dag_id)}/clearTaskInstances", body=body)

    def set_state(self, dag_id: str, run_id: str, task_id: str, state: str, map_index: int = -1) -> None:
        """Mark a task instance ``success``, ``failed`` or ``skipped``, as the user interface does."""
        body = {"new_state": state, "dry_run": False}
        if self.major == 3:
            del body["dry_run"]
        self.call("PATCH", _task(dag_id, run_id, task_id) + (f"/{map_index}" if map_index >= 0 else ""), body=body)

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        """Mark a whole run ``success`` or ``failed``, or ``queued`` to run it again."""
        self.call("PATCH", _run(dag_id, run_id), body={"state": state})

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """The value of an XCom as the API shows it; None when there is none."""
        path = f"{_task(dag_id, run_id, task_id)}/xcomEntries/{quote(key)}"
        try:
            entry = self.call("GET", path, params={"map_index": map_index, "stringify": "false"})
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise
        return entry["value"]

    def xcom_keys(self, dag_id: str, run_id: str, task_id: str) -> list[str]:
        """The keys of all XComs of a task, once for each map index."""
        path = f"{_task(dag_id, run_id, task_id)}/xcomEntries"
        return [entry["key"] for entry in self._pages(path, "xcom_entries")]

    def extra_links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """Link name -> URL (None if there is none yet) of a task instance."""
        answer = self.call("GET", f"{_task(dag_id, run_id, task_id)}/links", params={"map_index": map_index})
        links: dict[str, str | None] = answer.get("extra_links", answer)
        return links

    def add_connection(self, connection_id: str, **fields: Any) -> None:
        """
        Put a connection into Airflow's database.

        :param fields: ``conn_type``, ``host``, ``login``, ``password``, ``extra`` (a dict or text), ...
        """
        if isinstance(fields.get("extra"), Mapping):
            fields["extra"] = json.dumps(fields["extra"])
        self.call("POST", "/connections", body={"connection_id": connection_id, **fields})

    def connections(self) -> list[dict[str, Any]]:
        """The connections of Airflow's database, secrets masked (those of the environment are not listed)."""
        return list(self._pages("/connections", "connections"))

    def check_connection(self, connection_id: str, **fields: Any) -> tuple[bool, str]:
        """What the Test button does; returns whether it works and the message."""
        if isinstance(fields.get("extra"), Mapping):
            fields["extra"] = json.dumps(fields["extra"])
        answer = self.call("POST", "/connections/test", body={"connection_id": connection_id, **fields})
        return bool(answer["status"]), str(answer["message"])

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            answer = self.call("GET", path, params={"limit": 100, "offset": offset})
            yield from answer[key]
            offset += len(answer[key])
            if not answer[key] or offset >= answer["total_entries"]:
                return

    def _send(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, timeout: float
    ) -> requests.Response:
        return self._session.request(method, self._base + path, params=params, json=body, timeout=timeout)

    def _log_in(self) -> None:
        answer = self._session.get(f"{self.url}/auth/token", timeout=30)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


class RunWatch:
    """
    What changes in one DAG run from look to look.

    :param api: where to look.
    :param dag_id: the DAG.
    :param run_id: its run.
    """

    def __init__(self, api: AirflowApi, dag_id: str, run_id: str) -> None:
        self.dag_id = dag_id
        self.run_id = run_id
        self.state = "queued"
        self.tasks: dict[str, tuple[str | None, int]] = {}
        self._api = api

    @property
    def finished(self) -> bool:
        return self.state in FINISHED_RUN

    def look(self) -> list[TaskInstance]:
        """Look now; returns the task instances whose state or try differs from the last look."""
        # The run first: once it has ended, no task of it changes any more.
        self.state = self._api.run_state(self.dag_id, self.run_id)
        changed = []
        for instance in self._api.task_instances(self.dag_id, self.run_id):
            now = (instance.state, instance.try_number)
            if self.tasks.get(instance.name) != now:
                self.tasks[instance.name] = now
                changed.append(instance)
        return changed


class ApiRefused(Exception):
    """Airflow's API answered with an error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def _run(dag_id: str, run_id: str) -> str:
    return f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"


def _task(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run(dag_id, run_id)}/taskInstances/{quote(task_id)}"


def _task_instance(raw: Mapping[str, Any]) -> TaskInstance:
    return TaskInstance(
        task_id=raw["task_id"],
        map_index=raw["map_index"],
        state=raw["state"],
        try_number=raw["try_number"],
        max_tries=raw["max_tries"],
        duration=raw["duration"],
        raw=raw,
    )
