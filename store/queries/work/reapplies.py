"""Re-applies: what is on its way, and what the last one came to."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from store.queries.shapes import Record, View
from store.tables import reapply


def load_last_reapply(conn: Connection, connection: str) -> dict[str, Any] | None:
    """The newest order of a connection, with its numbers by entity; None where there never was one."""
    newest = select(reapply).where(reapply.c.connection == connection)
    row = conn.execute(newest.order_by(reapply.c.created_at.desc(), reapply.c.id.desc()).limit(1)).mappings().first()
    return None if row is None else dict(row)


def load_reapplies(conn: Connection, view: View) -> list[Record]:
    """The newest order of every connection, for people: where it stands and how many records it has looked at."""
    latest = (
        select(reapply.c.connection, func.max(reapply.c.created_at).label("at"))
        .group_by(reapply.c.connection)
        .subquery()
    )
    same = (reapply.c.connection == latest.c.connection) & (reapply.c.created_at == latest.c.at)
    rows = conn.execute(select(reapply).join(latest, same).order_by(reapply.c.connection)).mappings()
    return [
        {
            "connection": row["connection"],
            "version": row["version"],
            "state": row["state"],
            "entity": row["entity"],
            "records": sum(line.get("read", 0) for line in row["counters"].values()),
            "changed": sum(line.get("changed", 0) for line in row["counters"].values()),
            "counters": row["counters"],
            "author": row["author"],
            "reason": row["reason"],
            "created_at": view.moment(row["created_at"]),
            "updated_at": view.moment(row["updated_at"]),
        }
        for row in rows
    ]
