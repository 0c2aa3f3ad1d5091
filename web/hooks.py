"""Calls from CRMs to our own address: `POST /hooks/CONNECTION`, answered at once, read by the next tick.

A call proves who sends it by a secret of the connection's settings, and is a hint at most (`sync.room.hints`). What
comes too fast is refused; whoever sent it need not care, since the next cycle finds what the call was about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ConfigError
from sync.context import App
from sync.room.hints import take_call

log = structlog.get_logger()
PREFIX = "/hooks"
LARGEST = 64 * 1024
"""Bytes of a call: it names an element and proves its sender."""
SLOWEST = 10.0
"""Seconds that a call may take to say what it says: whoever proves nothing yet holds nothing open for longer."""
PER_SECOND, BURST = 20.0, 200.0
"""Calls of one connection, also those that prove nothing: a secret cannot be tried out faster."""


@dataclass(slots=True)
class Gate:
    """How many calls a connection may still make now."""

    clock: Callable[[], float]
    left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def passes(self, name: str) -> bool:
        """Take one call's turn, if there is one."""
        now = self.clock()
        left, at = self.left.get(name, (BURST, now))
        left = min(BURST, left + (now - at) * PER_SECOND)
        self.left[name] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Hooks:
    """The address that CRMs call."""

    def __init__(self, app: App) -> None:
        self._app, self._gate = app, Gate(app.clock.monotonic)

    async def take(self, request: Request) -> Response:
        """200 for a proven call, 403 for any other, whether there is such a connection or not; 408, 413, 429, 503."""
        name = str(request.path_params["connection"])
        if name not in self._app.settings.connections:
            return _say(403, "not known")
        if not self._gate.passes(name):
            return _say(429, "too many calls", {"retry-after": "1"})
        try:
            async with asyncio.timeout(SLOWEST):
                body = await _read(request)
        except TimeoutError:
            return _say(408, "too slow")
        if body is None:
            return _say(413, "too large")
        try:
            proven = await run_in_threadpool(take_call, self._app, name, body)
        except ConfigError as error:
            log.error("hook.no-secret", connection=name, reason=error.message)
            return _say(503, "not set up")
        if not proven:
            log.warning("hook.not-proven", connection=name)
        return _say(200, "ok") if proven else _say(403, "not known")


async def _read(request: Request) -> bytes | None:
    """The body; None where it is longer than a call is."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return None
    return body


def _say(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text}\n", status, headers)


def build_hooks(app: App) -> Starlette:
    """The application to be mounted at `PREFIX`, in front of no door: a call has neither cookie nor token of ours."""
    return Starlette(routes=[Route("/{connection}", Hooks(app).take, methods=["POST"])])
