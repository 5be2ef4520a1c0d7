"""A client of the emulator's control endpoint, with nothing but the standard library."""

from __future__ import annotations

import functools
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

TIMEOUT_SECONDS = 30

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class EmulatorControl:
    """
    Sees and steers a running emulator.

    :param url: where it listens, for example ``http://127.0.0.1:8480``.
    :raises ValueError: it is not a URL of HTTP.
    """

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"the URL of an emulator begins with http://, not {url!r}")
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
        """The connection as the text of an environment variable ``AIRFLOW_CONN_...``."""
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

    # What was asked

    def state(self) -> dict[str, Any]:
        """
        Look at everything at once.

        :return: settings, jobs, files, faults, and the counts of requests by action.
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
        Have requests go wrong.

        :param kind: throttle, error, reset, cut, slow, drip, late, html, wrong_json, wrong_type, empty, body, raw,
            gzip_bomb, clock_skew or expired_token.
        :param action: the action that meets it; default any.
        :param count: how many requests meet it, default 1; -1 is all until the faults are cleared.
        :param skip: how many pass before; default 0.
        :param effect: ``before`` (default): the action is not done; ``after``: it is done, then the fault replaces the
            answer.
        :param params: what the kind takes: status, code, message, headers, body, content_type, seconds, part,
            megabytes, reset; with any kind ``where``, the values that parameters of the request must have, such as
            ``{"DIJobId": "1001"}``.
        :return: the fault's id.
        :raises ValueError: something of it cannot be used.
        """
        fault = {"kind": kind, "action": action, "count": count, "skip": skip, "effect": effect, **params}
        return int(self._call("POST", "faults", fault)["id"])

    def faults(self) -> list[dict[str, Any]]:
        """
        List the faults that still wait.

        :return: the faults, in the order in which they are met.
        """
        faults: list[dict[str, Any]] = self._call("GET", "faults")
        return faults

    def clear_faults(self) -> None:
        """Drop all faults."""
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
        Add jobs: all or, when one of them is wrong, none.

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
        Look at one job.

        :param di_job_id: the job's id.
        :return: the API's fields (DIJobId, JobStatus, MigrationType ...), how it will go (run_seconds, outcome ...),
            and what was done to it (starts, stops, start_requests).
        :raises LookupError: there is none.
        """
        return self.resource("jobs", di_job_id)

    def set_job(self, di_job_id: int, **fields: Any) -> dict[str, Any]:
        """
        Change a job; a JobStatus moves it at once and cancels its running timer.

        :param di_job_id: the job's id.
        :param fields: the new values, by the names that :meth:`job` returns.
        :return: the job.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        return self.set_resource("jobs", di_job_id, **fields)

    def remove_job(self, di_job_id: int) -> None:
        """
        Take a job away.

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
        Look at one file: a sync task, a real-time task or a solution.

        :param file_id: the file's id.
        :return: the API's fields (FileId, TaskType, Status ...), how it will go (start_outcome, wait_seconds ...), and
            what was done to it (starts, stops, creations, start_params).
        :raises LookupError: there is none.
        """
        return self.resource("files", file_id)

    def set_file(self, file_id: int, **fields: Any) -> dict[str, Any]:
        """
        Change a file; a Status or SolutionStatus moves it at once and cancels its timer.

        :param file_id: the file's id.
        :param fields: the new values, by the names that :meth:`file` returns.
        :return: the file.
        :raises LookupError: there is none.
        :raises ValueError: a field cannot be set so.
        """
        return self.set_resource("files", file_id, **fields)

    def remove_file(self, file_id: int) -> None:
        """
        Take a file away.

        :param file_id: the file's id.
        :raises LookupError: there is none.
        """
        self.remove_resource("files", file_id)

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
        :raises ValueError: a name is not a setting, or a value cannot be used.
        """
        settings: dict[str, Any] = self._call("PATCH" if fields else "GET", "settings", fields or None)
        return settings

    def reset(self) -> None:
        """Have everything as it was at the start."""
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
