"""Calls from outside: hints that a record may have changed. Proven, noted, answered at once; read by the next tick.

Nothing of a call is believed but the number of a record, and nothing depends on it: what it does not tell, or what is
refused because too much came at once, the next cycle finds by itself.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from connectors.following import Hint
from connectors.registry import read_hint
from store.engine import reading
from store.tables import request
from sync.context import App, Order
from sync.cycle import RunResult, run_stages
from sync.pull.relink import relink
from sync.pull.touched import look_at
from sync.room.requests import leave_request
from sync.room.writing import committing

KIND = "pull_record"
MOST_WAITING = 500
"""So many hints may wait for a connection; more say nothing that its next cycle would not find."""


def take_call(app: App, connection: str, body: bytes) -> bool:
    """Note what a call to a connection's address is about. False where nothing proves who sent it.

    Raises:
        ConfigError: the secret that would prove it cannot be had.
    """
    settings = app.settings.connections.get(connection)
    hint = read_hint(settings, body) if settings is not None else None
    if hint is None:
        return False
    if hint.touched:
        _leave(app, connection, hint)
    return True


def _leave(app: App, connection: str, hint: Hint) -> None:
    with committing(app, "hint") as conn:
        mine = (request.c.kind == KIND, request.c.connection == connection, request.c.done_at.is_(None))
        waiting = conn.execute(select(func.count()).select_from(request).where(*mine)).scalar_one()
        for name, key in hint.touched[: max(MOST_WAITING - waiting, 0)]:
            leave_request(conn, app.clock.now(), KIND, connection, {"set": name, "key": key})


def run_hints(app: App, connection: str) -> RunResult:
    """Read all that hints of a connection name, in one run; those that came meanwhile are left for the next.

    Where the other side does not answer they are given up together: its next cycle finds what they were about.
    """
    waiting = _load_open(app, connection)
    touched = [(str(one["set"]), str(one["key"])) for one in waiting.values() if {"set", "key"} <= one.keys()]
    stages = [lambda ctx: look_at(ctx, touched), relink]
    result = run_stages(app, connection, Order(kind="repair"), stages, wait=0.0)
    if result.status != "skipped":
        answer = {"status": result.status, "message": result.message, "run": str(result.run_id)}
        with committing(app, "hints-end") as conn:
            answered = update(request).where(request.c.id.in_(list(waiting)), request.c.done_at.is_(None))
            conn.execute(answered.values(done_at=app.clock.now(), result=answer))
    return result


def _load_open(app: App, connection: str) -> dict[UUID, dict[str, Any]]:
    mine = (request.c.kind == KIND, request.c.connection == connection, request.c.done_at.is_(None))
    query = select(request.c.id, request.c.arguments).where(*mine).limit(MOST_WAITING)
    with reading(app.engine) as conn:
        return {row.id: dict(row.arguments or {}) for row in conn.execute(query)}
