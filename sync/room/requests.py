"""Leaving word for the service: a row that the next tick finds, whatever process the person sits at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from core.ids import new_id
from store.tables import request


def leave_request(
    conn: Connection, now: datetime, kind: str, connection: str, arguments: dict[str, Any] | None = None
) -> None:
    """Ask for a run of a connection, in the caller's transaction. One that nobody has taken up yet serves for both."""
    given = arguments or {}
    same = (request.c.kind == kind, request.c.connection == connection, request.c.claimed_at.is_(None))
    waiting = conn.execute(select(request.c.arguments).where(*same, request.c.done_at.is_(None))).scalars()
    if any((one or {}) == given for one in waiting):
        return
    row = {"id": new_id(), "kind": kind, "connection": connection, "arguments": given, "created_at": now}
    conn.execute(insert(request).values(row))
