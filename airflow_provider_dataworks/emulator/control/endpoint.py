"""
The control endpoint: how a test sees and steers the emulator. JSON in and out, no signature, loopback only.

=======================  =================================================================================
GET state                settings, jobs, files, faults, counts of requests by action
GET requests             the request log; ``?action=`` one action's, ``?since=`` those with a greater seq
DELETE requests          clear the log and the counts
GET, POST, DELETE faults the faults that wait; add one, ``{"kind": ..., ...}``; clear them
GET, POST jobs           all jobs; add one (an object) or some (an array)
GET, PATCH, DELETE       one job, ``jobs/ID``
GET, POST files          all files; add one or some
GET, PATCH, DELETE       one file, ``files/ID``
GET, PATCH settings      the settings that can be changed while it runs
GET connection           the Airflow connection, in Airflow's JSON form
POST reset               as at the start: settings, jobs, files, faults, log
=======================  =================================================================================

A wrong call is answered 400 with ``{"error": "..."}`` and changes nothing; an unknown id 404.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_dataworks.emulator.backend.files import File
from airflow_provider_dataworks.emulator.backend.jobs import Job
from airflow_provider_dataworks.emulator.control import serialization
from airflow_provider_dataworks.emulator.emulator import Emulator

Handler = Callable[[Request, Any], Any]


class ControlEndpoint:
    """
    The routes below ``/_emulator``.

    :param emulator: what they show and change.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._route("/state", GET=self._state),
            self._route("/requests", GET=self._requests, DELETE=self._clear_requests),
            self._route("/faults", GET=self._faults, POST=self._add_fault, DELETE=self._clear_faults),
            self._route("/jobs", GET=self._jobs, POST=self._add_jobs),
            self._route("/jobs/{id:int}", GET=self._job, PATCH=self._set_job, DELETE=self._remove_job),
            self._route("/files", GET=self._files, POST=self._add_files),
            self._route("/files/{id:int}", GET=self._file, PATCH=self._set_file, DELETE=self._remove_file),
            self._route("/settings", GET=self._settings, PATCH=self._set_settings),
            self._route("/connection", GET=self._connection),
            self._route("/reset", POST=self._reset),
        ]

    @staticmethod
    def _route(path: str, **handlers: Handler) -> Route:
        return Route(path, _guarded(handlers), methods=list(handlers))

    def _state(self, request: Request, body: Any) -> Any:
        return {
            "settings": self._emulator.settings.as_json(),
            "jobs": self._jobs(request, body),
            "files": self._files(request, body),
            "faults": self._emulator.faults.as_json(),
            "counts": dict(self._emulator.requests.counts),
        }

    def _requests(self, request: Request, body: Any) -> Any:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            raise ValueError("since must be a whole number")
        return self._emulator.requests.entries(request.query_params.get("action"), int(since))

    def _clear_requests(self, request: Request, body: Any) -> Any:
        self._emulator.requests.clear()
        return {}

    def _faults(self, request: Request, body: Any) -> Any:
        return self._emulator.faults.as_json()

    def _add_fault(self, request: Request, body: Any) -> Any:
        if not isinstance(body, dict):
            raise ValueError("there must be a JSON object")
        return {"id": self._emulator.faults.add(body).id}

    def _clear_faults(self, request: Request, body: Any) -> Any:
        self._emulator.faults.clear()
        return {}

    def _jobs(self, request: Request, body: Any) -> Any:
        return [serialization.show(job) for job in self._emulator.state.jobs()]

    def _add_jobs(self, request: Request, body: Any) -> Any:
        jobs = serialization.new_jobs(self._emulator.state, body if isinstance(body, list) else [body])
        shown = [serialization.show(job) for job in jobs]
        return shown if isinstance(body, list) else shown[0]

    def _job(self, request: Request, body: Any) -> Any:
        return serialization.show(self._find_job(request))

    def _set_job(self, request: Request, body: Any) -> Any:
        job = self._find_job(request)
        serialization.change(job, body)
        return serialization.show(job)

    def _remove_job(self, request: Request, body: Any) -> Any:
        self._emulator.state.remove_job(self._find_job(request).di_job_id)
        return {}

    def _find_job(self, request: Request) -> Job:
        job = self._emulator.state.find_job(request.path_params["id"])
        if job is None:
            raise LookupError(f"there is no job {request.path_params['id']}")
        return job

    def _files(self, request: Request, body: Any) -> Any:
        return [serialization.show(file) for file in self._emulator.state.files()]

    def _add_files(self, request: Request, body: Any) -> Any:
        files = serialization.new_files(self._emulator.state, body if isinstance(body, list) else [body])
        shown = [serialization.show(file) for file in files]
        return shown if isinstance(body, list) else shown[0]

    def _file(self, request: Request, body: Any) -> Any:
        return serialization.show(self._find_file(request))

    def _set_file(self, request: Request, body: Any) -> Any:
        file = self._find_file(request)
        serialization.change(file, body)
        return serialization.show(file)

    def _remove_file(self, request: Request, body: Any) -> Any:
        self._emulator.state.remove_file(self._find_file(request).file_id)
        return {}

    def _find_file(self, request: Request) -> File:
        file = self._emulator.state.find_file(request.path_params["id"])
        if file is None:
            raise LookupError(f"there is no file {request.path_params['id']}")
        return file

    def _settings(self, request: Request, body: Any) -> Any:
        return self._emulator.settings.as_json()

    def _set_settings(self, request: Request, body: Any) -> Any:
        if not isinstance(body, dict):
            raise ValueError("there must be a JSON object")
        self._emulator.settings.change(body)
        return self._emulator.settings.as_json()

    def _connection(self, request: Request, body: Any) -> Any:
        return self._emulator.connection(str(request.base_url.replace(path="")).rstrip("/"))

    def _reset(self, request: Request, body: Any) -> Any:
        self._emulator.reset()
        return {}


def _guarded(handlers: dict[str, Handler]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if not _is_local(request):
            return JSONResponse({"error": "the control endpoint answers loopback addresses only"}, 403)
        raw = await request.body()
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        try:
            return JSONResponse(handler(request, json.loads(raw) if raw else None))
        except LookupError as error:
            return JSONResponse({"error": str(error)}, 404)
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return endpoint


def _is_local(request: Request) -> bool:
    if request.client is None:
        return False
    address = ipaddress.ip_address(request.client.host)
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
