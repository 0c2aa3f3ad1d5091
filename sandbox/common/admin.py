"""What the admin side of every stand-in has under ``/sandbox/``: JSON, faults by script, the request log."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.common.faults import FaultScript
from sandbox.common.serving import Logged

Handler = Callable[[Request], Awaitable[Response]]
MISTAKES = (ValueError, KeyError, TypeError)


def reply(value: Any, status: int = 200) -> Response:
    """JSON with amounts as decimal strings."""
    return Response(json.dumps(value, ensure_ascii=False, default=text_of), status, media_type="application/json")


def text_of(value: Any) -> str:
    """Decimal text of an amount."""
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


def guarded(handler: Handler, refusal: type[Exception]) -> Handler:
    """A mistake in an admin call, or what the system behind refuses, is a 400 with its reason."""

    async def safe(request: Request) -> Response:
        try:
            return await handler(request)
        except (refusal, *MISTAKES) as error:
            return reply({"error": f"{type(error).__name__}: {error}"}, 400)

    return safe


def routes(handlers: Mapping[str, tuple[Handler, str]], refusal: type[Exception]) -> list[Route]:
    """Routes below ``/sandbox/``: path -> (handler, its methods); what the system refuses is a 400."""
    return [
        Route(f"/sandbox/{path}", guarded(handler, refusal), methods=methods.split())
        for path, (handler, methods) in handlers.items()
    ]


def common_routes(faults: FaultScript, requests: list[Logged]) -> list[Route]:
    """``/sandbox/faults`` and ``/sandbox/requests``."""

    async def set_faults(request: Request) -> Response:
        """POST a rule or a list of rules, GET them, DELETE them all."""
        if request.method == "DELETE":
            faults.clear()
        if request.method == "POST":
            order = json.loads(await request.body())
            for rule in order if isinstance(order, list) else [order]:
                faults.add(**rule)
        return reply(faults.as_json())

    async def log(request: Request) -> Response:
        """The request log; DELETE empties it."""
        if request.method == "DELETE":
            requests.clear()
        return reply([line.as_json() for line in requests])

    return routes({"faults": (set_faults, "GET POST DELETE"), "requests": (log, "GET DELETE")}, ValueError)
