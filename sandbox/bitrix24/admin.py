"""Admin side under ``/sandbox/``: what a person does in the portal's own pages, and what a test must see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.bitrix24.errors import RestError
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.portal import ADMIN, Caller, Portal
from sandbox.bitrix24.requisites import Requisites
from sandbox.common.faults import FaultScript
from sandbox.common.serving import Logged

Handler = Callable[[Request], Awaitable[Response]]
PERSON = Caller(ADMIN, frozenset(), "person")


def build_admin(portal: Portal, faults: FaultScript, requests: list[Logged]) -> Starlette:
    """Starlette application of the admin endpoints."""
    admin = Admin(portal, faults, requests)
    return Starlette(
        routes=[
            Route("/sandbox/edit", guarded(admin.edit), methods=["POST"]),
            Route("/sandbox/items/{number:int}", guarded(admin.items)),
            Route("/sandbox/requisites", guarded(admin.requisites)),
            Route("/sandbox/limits", guarded(admin.limits), methods=["GET", "POST"]),
            Route("/sandbox/clock", guarded(admin.clock), methods=["POST"]),
            Route("/sandbox/faults", guarded(admin.set_faults), methods=["GET", "POST", "DELETE"]),
            Route("/sandbox/requests", guarded(admin.log), methods=["GET", "DELETE"]),
        ]
    )


def guarded(handler: Handler) -> Handler:
    """A mistake in an admin call is a 400 with its reason."""

    async def safe(request: Request) -> Response:
        try:
            return await handler(request)
        except (RestError, ValueError, KeyError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return safe


def edit_as_person(portal: Portal, order: dict[str, Any]) -> Any:
    """What a person does: ``{op, entityTypeId, id?, fields}``; op: add, update, delete, add_requisite, set_requisite.

    Raises:
        RestError: the portal refuses it.
    """
    items, requisites = Items(portal), Requisites(portal)
    actions: dict[str, Callable[[dict[str, Any], Caller], Any]] = {
        "add": items.add, "update": items.update, "delete": items.delete,
        "add_requisite": requisites.add, "set_requisite": requisites.update,
    }  # fmt: skip
    with portal.lock:
        return actions[order["op"]](order, PERSON)


class Admin:
    """Handlers over one portal."""

    def __init__(self, portal: Portal, faults: FaultScript, requests: list[Logged]) -> None:
        self.portal, self.faults, self.requests = portal, faults, requests

    async def edit(self, request: Request) -> Response:
        """One edit by a person."""
        order = json.loads(await request.body())
        return JSONResponse(await asyncio.to_thread(edit_as_person, self.portal, order))

    async def items(self, request: Request) -> Response:
        """All elements of a type, as they are kept."""
        with self.portal.lock:
            kind = self.portal.kind(int(request.path_params["number"]))
            return JSONResponse(list(kind.items.values()))

    async def requisites(self, request: Request) -> Response:
        """All requisites."""
        with self.portal.lock:
            return JSONResponse(list(self.portal.requisites.values()))

    async def limits(self, request: Request) -> Response:
        """GET what was used; POST ``{drain, cap, operating}``."""
        if request.method == "POST":
            for name, value in json.loads(await request.body()).items():
                if name not in ("drain", "cap", "operating", "usual_cost"):
                    raise ValueError(f"there is no limit {name!r}")
                setattr(self.portal.limits, name, float(value))
        limits = self.portal.limits
        return JSONResponse(
            {"drain": limits.drain, "cap": limits.cap, "refused": limits.refused, "highest": limits.highest}
        )

    async def clock(self, request: Request) -> Response:
        """``{seconds}``: move the portal's clock on."""
        order = json.loads(await request.body())
        with self.portal.lock:
            self.portal.shift += timedelta(seconds=float(order["seconds"]))
        return JSONResponse({"now": self.portal.stamp()})

    async def set_faults(self, request: Request) -> Response:
        """POST a rule or a list of rules, GET them, DELETE them all."""
        if request.method == "DELETE":
            self.faults.clear()
        if request.method == "POST":
            order = json.loads(await request.body())
            for rule in order if isinstance(order, list) else [order]:
                self.faults.add(**rule)
        return JSONResponse(self.faults.as_json())

    async def log(self, request: Request) -> Response:
        """The request log; DELETE empties it."""
        if request.method == "DELETE":
            self.requests.clear()
        return JSONResponse([line.as_json() for line in self.requests])
