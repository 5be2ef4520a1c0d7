"""
The control endpoint, with which a test inspects and controls the emulator: JSON, no signature, loopback only.

=======================  ===============================================================================================
GET state                settings, all resources, faults, counts of requests by action
GET requests             the request log; ``?action=`` one action's, ``?since=`` those with a greater seq
DELETE requests          clear the log and the counts
GET, POST, DELETE faults the pending faults; add one, ``{"kind": ..., ...}``; clear them
GET, POST jobs           all jobs; add one (an object) or some (an array); likewise ``files`` and each other kind
GET, PATCH, DELETE       one job, ``jobs/ID``; likewise ``files/ID`` and each other kind
GET, PATCH settings      the settings that can be changed while it runs
POST advance             advance the emulator's time: ``{"seconds": 3600}``; with ``"before": "GetDIJob"`` when the next
                         request of that action arrives, with ``"skip": 1`` too the one after that
GET connection           the Airflow connection, in Airflow's JSON form
POST reset               restore the initial state: settings, resources, faults, log
=======================  ===============================================================================================

An invalid call is answered 400 with ``{"error": "..."}`` and changes nothing; an unknown id 404; a request that a
web page could send 403.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_provider_dataworks.emulator.backend.resource import ResourceCollection, ResourceKind
from airflow_provider_dataworks.emulator.control import serialization
from airflow_provider_dataworks.emulator.emulator import Emulator
from airflow_provider_dataworks.emulator.settings import non_negative_int, seconds

Handler = Callable[[Request, Any], Any]


class ControlEndpoint:
    """
    The routes below ``/_emulator``.

    :param emulator: the emulator that they control.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._route("/state", GET=self._state),
            self._route("/requests", GET=self._requests, DELETE=self._clear_requests),
            self._route("/faults", GET=self._faults, POST=self._add_fault, DELETE=self._clear_faults),
            self._route("/settings", GET=self._settings, PATCH=self._set_settings),
            self._route("/advance", POST=self._advance),
            self._route("/connection", GET=self._connection),
            self._route("/reset", POST=self._reset),
            *(route for kind in self._emulator.kinds for route in self._resource_routes(kind)),
        ]

    def _resource_routes(self, kind: ResourceKind[Any]) -> list[Route]:
        handlers = _ResourceHandlers(self._emulator, kind)
        return [
            self._route(f"/{kind.path}", GET=handlers.all, POST=handlers.add),
            self._route(f"/{kind.path}/{{id}}", GET=handlers.one, PATCH=handlers.change, DELETE=handlers.remove),
        ]

    def _route(self, path: str, **handlers: Handler) -> Route:
        return Route(path, _guarded(self._emulator, handlers), methods=list(handlers))

    def _state(self, request: Request, body: Any) -> Any:
        return {
            "settings": self._emulator.settings.as_json(),
            **{
                collection.kind.path: [serialization.show(collection.kind, item) for item in collection.all()]
                for collection in self._emulator.state.collections()
            },
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

    def _settings(self, request: Request, body: Any) -> Any:
        return self._emulator.settings.as_json()

    def _set_settings(self, request: Request, body: Any) -> Any:
        if not isinstance(body, dict):
            raise ValueError("there must be a JSON object")
        self._emulator.settings.change(body)
        return self._emulator.settings.as_json()

    def _advance(self, request: Request, body: Any) -> Any:
        if not isinstance(body, dict) or not {"seconds"} <= set(body) <= {"seconds", "before", "skip"}:
            raise ValueError("there must be a JSON object with seconds, and perhaps before and skip")
        clock, by = self._emulator.state.clock, seconds("seconds", body["seconds"])
        action, skip = body.get("before"), non_negative_int("skip", body.get("skip", 0))
        if action is None:
            if skip:
                raise ValueError("skip needs before, the action whose requests are counted")
            clock.advance(by)
        elif action in [known.name for known in self._emulator.actions]:
            clock.advance_before(action, by, skip)
        else:
            raise ValueError(f"before must be the name of an action, not {action!r}")
        return {"time": time.time() + clock.ahead, "ahead_seconds": clock.ahead}

    def _connection(self, request: Request, body: Any) -> Any:
        return self._emulator.connection(str(request.base_url.replace(path="")).rstrip("/"))

    def _reset(self, request: Request, body: Any) -> Any:
        self._emulator.reset()
        return {}


class _ResourceHandlers:
    """What the endpoint does with the resources of one kind."""

    def __init__(self, emulator: Emulator, kind: ResourceKind[Any]) -> None:
        self._emulator = emulator
        self._kind = kind

    def all(self, request: Request, body: Any) -> Any:
        return [serialization.show(self._kind, item) for item in self._collection.all()]

    def add(self, request: Request, body: Any) -> Any:
        wanted = body if isinstance(body, list) else [body]
        items = serialization.create(self._emulator.state, self._kind, wanted)
        shown = [serialization.show(self._kind, item) for item in items]
        return shown if isinstance(body, list) else shown[0]

    def one(self, request: Request, body: Any) -> Any:
        return serialization.show(self._kind, self._find(request))

    def change(self, request: Request, body: Any) -> Any:
        item = self._find(request)
        serialization.change(self._emulator.state, self._kind, item, body)
        return serialization.show(self._kind, item)

    def remove(self, request: Request, body: Any) -> Any:
        self._collection.remove(self._find(request))
        return {}

    @property
    def _collection(self) -> ResourceCollection[Any]:
        return self._emulator.state[self._kind]

    def _find(self, request: Request) -> Any:
        identifier = request.path_params["id"]
        with contextlib.suppress(ValueError):
            item = self._collection.find(self._kind.parse_id(identifier))
            if item is not None:
                return item
        raise LookupError(f"there is no {self._kind.name} {identifier}")


def _guarded(emulator: Emulator, handlers: dict[str, Handler]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if not _is_local(request):
            return JSONResponse({"error": "the control endpoint answers loopback addresses only"}, 403)
        raw = await request.body()
        handler = handlers["GET" if request.method == "HEAD" else request.method]
        try:
            with emulator.state.clock.in_use():
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
    return bool((getattr(address, "ipv4_mapped", None) or address).is_loopback)
