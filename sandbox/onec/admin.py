"""Admin side under ``/sandbox/``: JSON for demos and for tests of separate processes (see README.md)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.onec.errors import OdataError

if TYPE_CHECKING:
    from sandbox.onec.app import Logged
    from sandbox.onec.base import Base
    from sandbox.onec.faults import FaultScript

Handler = Callable[[Request], Awaitable[Response]]


def reply(value: Any, status: int = 200) -> Response:
    """JSON with amounts as decimal strings."""
    text = json.dumps(value, ensure_ascii=False, default=text_of)
    return Response(text, status, media_type="application/json")


def text_of(value: Any) -> str:
    """Decimal text of an amount."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def build_admin(base: Base, faults: FaultScript, requests: list[Logged]) -> Starlette:
    """Starlette application of the admin endpoints."""
    admin = Admin(base, faults, requests)
    routes = [
        Route("/sandbox/edit", guarded(admin.edit), methods=["POST"]),
        Route("/sandbox/random_edits", guarded(admin.random_edits), methods=["POST"]),
        Route("/sandbox/truth/balances", guarded(admin.balances)),
        Route("/sandbox/truth/movements", guarded(admin.movements)),
        Route("/sandbox/truth/documents", guarded(admin.documents)),
        Route("/sandbox/faults", guarded(admin.set_faults), methods=["POST", "GET", "DELETE"]),
        Route("/sandbox/requests", guarded(admin.log), methods=["GET", "DELETE"]),
        Route("/sandbox/nodes", guarded(admin.nodes)),
    ]
    return Starlette(routes=routes)


def guarded(handler: Handler) -> Handler:
    """A mistake in an admin call is a 400 with its reason."""

    async def safe(request: Request) -> Response:
        try:
            return await handler(request)
        except (OdataError, ValueError, KeyError, TypeError) as error:
            return reply({"error": f"{type(error).__name__}: {error}"}, 400)

    return safe


class Admin:
    """Handlers over one base."""

    def __init__(self, base: Base, faults: FaultScript, requests: list[Logged]) -> None:
        self.base, self.faults, self.requests = base, faults, requests

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

    async def set_faults(self, request: Request) -> Response:
        """POST a rule or a list of rules, GET them, DELETE them all."""
        if request.method == "DELETE":
            self.faults.clear()
        if request.method == "POST":
            order = json.loads(await request.body())
            for rule in order if isinstance(order, list) else [order]:
                self.faults.add(**rule)
        return reply(self.faults.as_json())

    async def log(self, request: Request) -> Response:
        """The request log; DELETE empties it."""
        if request.method == "DELETE":
            self.requests.clear()
        return reply([line.as_json() for line in self.requests])

    async def nodes(self, request: Request) -> Response:
        """Exchange plan nodes with their keys."""
        plan = self.base.schema.layout.exchange_plan
        return reply([self.base.get(plan, key) for key in self.base.keys(plan)])


def moment(request: Request) -> datetime | None:
    """``at`` parameter."""
    text = request.query_params.get("at")
    return datetime.fromisoformat(text) if text else None
