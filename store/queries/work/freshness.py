"""How old our knowledge is: by connection and entity."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from store.queries.shapes import Record, View
from store.tables import cursor


def load_freshness(conn: Connection, now: datetime, view: View | None = None) -> list[Record]:
    """For every entity of every connection the start of its newest complete reading, its age, since when it is old."""
    query, chosen = select(cursor).order_by(cursor.c.connection, cursor.c.entity), view or View()
    return [
        {
            "connection": row.connection,
            "entity": row.entity,
            "fresh_at": chosen.moment(row.fresh_at),
            "age_seconds": age(row.fresh_at, now),
            "old": chosen.is_old(row.connection, age(row.fresh_at, now)),
            "old_since": chosen.moment(_old_since(row.connection, row.fresh_at, now, chosen)),
            "swept_at": chosen.moment(row.swept_at),
        }
        for row in conn.execute(query)
    ]


def age(moment: datetime | None, now: datetime) -> int | None:
    """Whole seconds from a moment to now, never less than none; None where it never was."""
    return None if moment is None else max(int((now - moment).total_seconds()), 0)


def _old_since(connection: str, fresh_at: datetime | None, now: datetime, view: View) -> datetime | None:
    """Since when it has been late; None while it is not, and where nobody has said what late is."""
    if fresh_at is None or not view.is_old(connection, age(fresh_at, now)):
        return None
    return fresh_at + view.old_after[connection]
