"""A client of the emulator's control endpoint, with nothing but the standard library."""

from __future__ import annotations

import functools
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

TIMEOUT_SECONDS = 30

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class EmulatorControl:
    """
    Controls a running emulator: its resources, faults and clock. It also returns the requests that it has received.

    :param url: where it listens, for example ``http://127.0.0.1:8480``.
    :raises ValueError: it is not a URL of HTTP.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the URL of an emulator must start with http://, not {url!r}")
        self.url = url.rstrip("/")

    def __repr__(self) -> str:
        return f"EmulatorControl({self.url!r})"

    # The connection

    @functools.cached_property
    def connection(self) -> dict[str, Any]:
        """The Airflow connection to the emulator, as Airflow's JSON form has it."""
        connection: dict[str, Any] = self._call("GET", "connection")
        return {**connection, "host": self.url}

    @property
    def connection_json(self) -> str:
        """The connection as the value of an environment variable ``AIRFLOW_CONN_...``."""
        return json.dumps(self.connection)

    @property
    def connection_uri(self) -> str:
        """The connection as a URI, for an environment variable too."""
        login, password, host = (quote(self.connection[name], safe="") for name in ("login", "password", "host"))
        return f"{self.connection['conn_type']}://{login}:{password}@{host}/?{urlencode(self.connection['extra'])}"

    @property
    def project_id(self) -> int:
        """The workspace of the connection."""
        return int(self.connection["extra"]["project_id"])

    @property
    def access_key_id(self) -> str:
        """The key with which requests are signed."""
        return str(self.connection["login"])

    @property
    def access_key_secret(self) -> str:
        """Its secret."""
        return str(self.connection["password"])

    # State and request log

    def state(self) -> dict[str, Any]:
        """
        Return the complete state.

        :return: settings, resources of each kind, faults, and the counts of requests by action.
        """
        state: dict[str, Any] = self._call("GET", "state")
        return state

    def requests(self, action: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """
        Return the request log.

        :param action: only this action's requests; default all.
        :param since: only those after this seq; default 0, all.
        :return: the requests, oldest first.
        """
        wanted = {"since": str(since), **({"action": action} if action else {})}
        entries: list[dict[str, Any]] = self._call("GET", f"requests?{urlencode(wanted)}")
        return entries

    def clear_requests(self) -> None:
        """Clear the request log and the counts."""
        self._call("DELETE", "requests")

    # Faults

    def add_fault(
        self,
        kind: str,
        action: str | None = None,
        count: int = 1,
        skip: int = 0,
        effect: str = "before",
        **params: Any,
    ) -> int:
        """
        Inject a fault.

        :param kind: throttle, error, reset, cut, slow, drip, late, html, wrong_json, wrong_type, empty, body, raw,
            gzip_bomb, clock_skew or expired_token.
        :param action: the action that it applies to; default any.
        :param count: how many requests it applies to; default 1; -1 is all until the faults are cleared.
        :param skip: how many requests are unaffected before that; default 0.
        :param effect: ``before`` (default): the action is not executed; ``after``: it is, then the fault replaces the
            response.
        :param params: what the kind takes: status, code, message, headers, body, content_type, seconds, part,
            megabytes, reset; with any kind ``where``, the values that parameters of the request must have, such as
            ``{"DIJobId": "1001"}``.
        :return: the fault's id.
        :raises ValueError: a value is invalid.
        """
        fault = {"kind": kind, "action": action, "count": count, "skip": skip, "effect": effect, **params}
        return int(self._call("POST", "faults", fault)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """
        List the pending faults.

        :return: the faults, in the order in which they apply.
        """
        faults: list[dict[str, Any]] = self._call("GET", "faults")
        return faults

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._call("DELETE", "faults")

    # Jobs and files

    def add_job(self, **fields: Any) -> dict[str, Any]:
        """
        Add a job.

        :param fields: those that :meth:`job` returns, all of them optional.
        :return: the job.
        :raises ValueError: a field cannot be set so.
        """
        return self.add_resource("jobs", **fields)

    def add_jobs(self, jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """
        Add jobs: all or, when one of them is invalid, none.

        :param jobs: the fields of each, as for :meth:`add_job`.
        :return: the jobs.
        :raises ValueError: a field cannot be set so.
        """
        return self.add_resources("jobs", jobs)

    def jobs(self) -> list[dict[str, Any]]:
        """
        List the jobs.

        :return: all jobs, as :meth:`job` returns each.
        """
        return self.resources("jobs")

    def job(self, di_job_id: int) -> dict[str, Any]:
        """
        Return one job.

        :param di_job_id: the job's id.
        :return: the API's fields (DIJobId, JobStatus, MigrationType ...), its planned behaviour (run_seconds,
            outcome ...), and what happened to it (starts, stops, start_requests).
        :raises LookupError: there is none.
        """
        return self.resource("jobs", di_job_id)

    def set_job(self, di_job_id: int, **fields: Any) -> dict[str, Any]:
        """
        Change a job; a JobStatus applies at once and cancels the changes that were scheduled.

        :param di_job_id: the job's id.
        :param fields: the new values, by the names that :meth:`job` returns.
        :return: the job.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        return self.set_resource("jobs", di_job_id, **fields)

    def remove_job(self, di_job_id: int) -> None:
        """
        Remove a job.

        :param di_job_id: the job's id.
        :raises LookupError: there is none.
        """
        self.remove_resource("jobs", di_job_id)

    def add_file(self, **fields: Any) -> dict[str, Any]:
        """
        Add a file.

        :param fields: those that :meth:`file` returns, all of them optional.
        :return: the file.
        :raises ValueError: a field cannot be set so.
        """
        return self.add_resource("files", **fields)

    def files(self) -> list[dict[str, Any]]:
        """
        List the files.

        :return: all files, as :meth:`file` returns each.
        """
        return self.resources("files")

    def file(self, file_id: int) -> dict[str, Any]:
        """
        Return one file: a sync task, a real-time task or a solution.

        :param file_id: the file's id.
        :return: the API's fields (FileId, TaskType, Status ...), its planned behaviour (start_outcome,
            wait_seconds ...), and what happened to it (starts, stops, creations, start_params).
        :raises LookupError: there is none.
        """
        return self.resource("files", file_id)

    def set_file(self, file_id: int, **fields: Any) -> dict[str, Any]:
        """
        Change a file; a Status or SolutionStatus applies at once and cancels the changes that were scheduled.

        :param file_id: the file's id.
        :param fields: the new values, by the names that :meth:`file` returns.
        :return: the file.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        return self.set_resource("files", file_id, **fields)

    def remove_file(self, file_id: int) -> None:
        """
        Remove a file.

        :param file_id: the file's id.
        :raises LookupError: there is none.
        """
        self.remove_resource("files", file_id)

    # Nodes of batch tasks, their runs and instances

    def add_node(self, **fields: Any) -> dict[str, Any]:
        """
        Add a node; it is deployed in both environments unless ``environments`` says otherwise.

        :param fields: those that :meth:`node` returns, all of them optional.
        :return: the node.
        :raises ValueError: a field cannot be set so.
        """
        return self.add_resource("nodes", **fields)

    def nodes(self) -> list[dict[str, Any]]:
        """
        List the nodes.

        :return: all nodes, as :meth:`node` returns each.
        """
        return self.resources("nodes")

    def node(self, node_id: int) -> dict[str, Any]:
        """
        Return one node.

        :param node_id: the node's id, which is its TaskId in 2024-05-18.
        :return: the API's fields (NodeId, NodeName, ParamValues, SchedulerType ...; ``Id`` is that of 2024-05-18), its
            planned behaviour (run_seconds, outcome, failing_runs, rerun_times ...), and what happened to it (runs,
            stops).
        :raises LookupError: there is none.
        """
        return self.resource("nodes", node_id)

    def set_node(self, node_id: int, **fields: Any) -> dict[str, Any]:
        """
        Change a node; instances that exist keep what was planned for them.

        :param node_id: the node's id.
        :param fields: the new values, by the names that :meth:`node` returns.
        :return: the node.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        return self.set_resource("nodes", node_id, **fields)

    def node_runs(self, node_id: int | None = None) -> list[dict[str, Any]]:
        """
        List the runs that calls have made: DAGs in 2020-05-18, workflow instances in 2024-05-18.

        :param node_id: only those that run this node; default all.
        :return: DagId, Name, Status, Bizdate, parameters, node_ids, instance_ids ... of each, the oldest first.
        """
        runs = [run for run in self.resources("node_runs") if run["Type"] != "DAILY"]
        return [run for run in runs if node_id is None or node_id in run["node_ids"]]

    def add_node_instance(self, **fields: Any) -> dict[str, Any]:
        """
        Add an instance, as the scheduler makes one. Without a Status it waits until it is due (CycTime, by default at
        once) and runs as its node does.

        :param fields: those that :meth:`node_instance` returns, NodeId necessarily.
        :return: the instance.
        :raises ValueError: a field cannot be set so.
        """
        return self.add_resource("node_instances", **fields)

    def node_instances(self, node_id: int | None = None, bizdate: str | None = None) -> list[dict[str, Any]]:
        """
        List the instances that exist. Those that the scheduler has by itself exist once the API was asked for them.

        :param node_id: only those of this node; default all.
        :param bizdate: only those of this business date, ``yyyy-MM-dd``; default all.
        :return: the instances, as :meth:`node_instance` returns each.
        """
        return [
            instance
            for instance in self.resources("node_instances")
            if node_id in (None, instance["NodeId"]) and bizdate in (None, instance["Bizdate"])
        ]

    def node_instance(self, instance_id: int) -> dict[str, Any]:
        """
        Return one instance.

        :param instance_id: its id.
        :return: InstanceId, NodeId, DagId, Bizdate (``yyyy-MM-dd``), CycTime, Status and so on.
        :raises LookupError: there is none.
        """
        return self.resource("node_instances", instance_id)

    def set_node_instance(self, instance_id: int, **fields: Any) -> dict[str, Any]:
        """
        Change an instance; a Status applies at once and cancels the changes that were scheduled.

        :param instance_id: its id.
        :param fields: the new values, by the names that :meth:`node_instance` returns; ``log`` replaces its log.
        :return: the instance.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        return self.set_resource("node_instances", instance_id, **fields)

    # Resources of any kind

    def add_resource(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        """
        Add a resource.

        :param kind: path of its kind below the control endpoint, for example ``jobs``.
        :param fields: those that :meth:`resource` returns, all of them optional.
        :return: the resource.
        :raises ValueError: a field cannot be set so.
        """
        added: dict[str, Any] = self._call("POST", kind, fields)
        return added

    def add_resources(self, kind: str, resources: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """
        Add resources: all or, when one of them is invalid, none.

        :param kind: path of their kind.
        :param resources: the fields of each, as for :meth:`add_resource`.
        :return: the resources.
        :raises ValueError: a field cannot be set so.
        """
        added: list[dict[str, Any]] = self._call("POST", kind, [dict(fields) for fields in resources])
        return added

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """
        List the resources of a kind.

        :param kind: path of the kind.
        :return: all of them, as :meth:`resource` returns each.
        """
        found: list[dict[str, Any]] = self._call("GET", kind)
        return found

    def resource(self, kind: str, identifier: int | str) -> dict[str, Any]:
        """
        Return one resource.

        :param kind: path of its kind.
        :param identifier: its id.
        :return: its fields.
        :raises LookupError: there is none.
        """
        found: dict[str, Any] = self._call("GET", f"{kind}/{quote(str(identifier), safe='')}")
        return found

    def set_resource(self, kind: str, identifier: int | str, /, **fields: Any) -> dict[str, Any]:
        """
        Change a resource; a status applies at once and cancels the changes that were scheduled.

        :param kind: path of its kind.
        :param identifier: its id.
        :param fields: the new values, by the names that :meth:`resource` returns.
        :return: the resource.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        changed: dict[str, Any] = self._call("PATCH", f"{kind}/{quote(str(identifier), safe='')}", fields)
        return changed

    def remove_resource(self, kind: str, identifier: int | str) -> None:
        """
        Remove a resource.

        :param kind: path of its kind.
        :param identifier: its id.
        :raises LookupError: there is none.
        """
        self._call("DELETE", f"{kind}/{quote(str(identifier), safe='')}")

    # The emulator as a whole

    def settings(self, **fields: Any) -> dict[str, Any]:
        """
        Change settings, if any are given.

        :param fields: new values, by the names of :class:`~airflow_provider_dataworks.emulator.settings.Settings`.
        :return: all settings, without secrets.
        :raises ValueError: a name is not a setting, or a value is invalid.
        """
        settings: dict[str, Any] = self._call("PATCH" if fields else "GET", "settings", fields or None)
        return settings

    def advance(self, seconds: float, before: str | None = None, skip: int = 0) -> datetime:
        """
        Advance the emulator's time: jobs, files, nodes, their instances, deployments and logs are at once as they would
        be after so many seconds. Signatures, clock skew, quotas and delayed responses stay on the machine's clock.

        :param seconds: by how many seconds, from 0 on; it does not go back, except by :meth:`reset`.
        :param before: advance it when the next request of this action arrives; default None, at once. So a test can
            let a wait see the job running, and then finished.
        :param skip: with ``before``, how many requests of this action come before that one; default 0.
        :return: the emulator's time, in UTC.
        :raises ValueError: a value is invalid, or the time would be more than ten years ahead.
        """
        wanted = {"seconds": seconds, **({"before": before} if before else {}), **({"skip": skip} if skip else {})}
        return datetime.fromtimestamp(self._call("POST", "advance", wanted)["time"], timezone.utc)

    def reset(self) -> None:
        """Restore the initial state."""
        self._call("POST", "reset")

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"} if data else {}
        url = f"{self.url}/_emulator/{path}"
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - the scheme is checked
        try:
            with _open(request, timeout=TIMEOUT_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                detail = error.read().decode(errors="replace")
            kind = LookupError if error.code == 404 else ValueError
            raise kind(f"{method} {path}: {error.code} {detail}") from None
