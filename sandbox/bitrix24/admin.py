"""Admin side under ``/sandbox/``: what a person does in the portal's own pages, and what a test must see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from sandbox.bitrix24.errors import RestError
from sandbox.bitrix24.items import Items
from sandbox.bitrix24.portal import ADMIN, Caller, Portal
from sandbox.bitrix24.requisites import Requisites
from sandbox.common.admin import common_routes, reply, routes
from sandbox.common.faults import FaultScript
from sandbox.common.serving import Logged

PERSON = Caller(ADMIN, frozenset(), "person")


def build_admin(portal: Portal, faults: FaultScript, requests: list[Logged]) -> Starlette:
    """Starlette application of the admin endpoints."""
    admin = Admin(portal)
    handlers = {
        "edit": (admin.edit, "POST"),
        "items/{number:int}": (admin.items, "GET"),
        "requisites": (admin.requisites, "GET"),
        "limits": (admin.limits, "GET POST"),
        "clock": (admin.clock, "POST"),
    }
    return Starlette(routes=[*routes(handlers, RestError), *common_routes(faults, requests)])


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

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    async def edit(self, request: Request) -> Response:
        """One edit by a person."""
        order = json.loads(await request.body())
        return reply(await asyncio.to_thread(edit_as_person, self.portal, order))

    async def items(self, request: Request) -> Response:
        """All elements of a type, as they are kept."""
        with self.portal.lock:
            kind = self.portal.kind(int(request.path_params["number"]))
            return reply(list(kind.items.values()))

    async def requisites(self, request: Request) -> Response:
        """All requisites."""
        with self.portal.lock:
            return reply(list(self.portal.requisites.values()))

    async def limits(self, request: Request) -> Response:
        """GET what was used; POST ``{drain, cap, operating}``."""
        if request.method == "POST":
            for name, value in json.loads(await request.body()).items():
                if name not in ("drain", "cap", "operating", "usual_cost"):
                    raise ValueError(f"there is no limit {name!r}")
                setattr(self.portal.limits, name, float(value))
        limits = self.portal.limits
        return reply({"drain": limits.drain, "cap": limits.cap, "refused": limits.refused, "highest": limits.highest})

    async def clock(self, request: Request) -> Response:
        """``{seconds}``: move the portal's clock on."""
        order = json.loads(await request.body())
        with self.portal.lock:
            self.portal.shift += timedelta(seconds=float(order["seconds"]))
        return reply({"now": self.portal.stamp()})
