"""Admin side under ``/sandbox/``: JSON for demos and for tests of separate processes (see README.md)."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from sandbox.common.admin import common_routes, reply, routes
from sandbox.common.faults import FaultScript
from sandbox.common.serving import Logged
from sandbox.onec.base import Base
from sandbox.onec.errors import OdataError


def build_admin(base: Base, faults: FaultScript, requests: list[Logged]) -> Starlette:
    """Starlette application of the admin endpoints."""
    admin = Admin(base)
    handlers = {
        "edit": (admin.edit, "POST"),
        "random_edits": (admin.random_edits, "POST"),
        "truth/balances": (admin.balances, "GET"),
        "truth/movements": (admin.movements, "GET"),
        "truth/documents": (admin.documents, "GET"),
        "nodes": (admin.nodes, "GET"),
    }
    return Starlette(routes=[*routes(handlers, OdataError), *common_routes(faults, requests)])


class Admin:
    """Handlers over one base."""

    def __init__(self, base: Base) -> None:
        self.base = base

    async def edit(self, request: Request) -> Response:
        """``{op, set, key, fields}``: create, change, post, unpost, mark, unmark, delete, touch, get."""
        order = json.loads(await request.body(), parse_float=Decimal)
        return reply(await asyncio.to_thread(self.apply, order))

    def apply(self, order: dict[str, Any]) -> dict[str, Any]:
        """One edit by a user of the base."""
        base, name, key, fields = self.base, order["set"], order.get("key", ""), order.get("fields", {})
        operation = order["op"]
        if operation == "create":
            key = base.create(name, fields)
            if order.get("post"):
                base.post(name, key)
        elif operation == "change":
            base.change(name, key, fields)
        elif operation in ("mark", "unmark"):
            base.mark(name, key, operation == "mark")
        elif operation in ("post", "unpost", "delete", "touch"):
            getattr(base, operation)(name, key)
        elif operation == "get":
            return {"op": operation, "key": key, "object": base.get(name, key)}
        else:
            raise ValueError(f"unknown op {operation!r}")
        return {"op": operation, "set": name, "key": key}

    async def random_edits(self, request: Request) -> Response:
        """``{n, seed}``."""
        order = json.loads(await request.body() or b"{}")
        return reply(
            await asyncio.to_thread(self.base.random_edits, int(order.get("n", 10)), int(order.get("seed", 1)))
        )

    async def balances(self, request: Request) -> Response:
        """``?at=2024-01-31T00:00:00`` or everything."""
        return reply(await asyncio.to_thread(self.base.truth_balances, moment(request)))

    async def movements(self, request: Request) -> Response:
        """Customer movements by recorder."""
        return reply(await asyncio.to_thread(self.base.truth_movements, moment(request)))

    async def documents(self, request: Request) -> Response:
        """``?set=Document_X``."""
        return reply(await asyncio.to_thread(self.base.truth_documents, request.query_params["set"]))

    async def nodes(self, request: Request) -> Response:
        """Exchange plan nodes with their keys."""
        plan = self.base.schema.layout.exchange_plan
        return reply([self.base.get(plan, key) for key in self.base.keys(plan)])


def moment(request: Request) -> datetime | None:
    """``at`` parameter."""
    text = request.query_params.get("at")
    return datetime.fromisoformat(text) if text else None
