"""Cursors in the store: saved in the transaction of the data they speak of; shown, rewound, reset."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from core.errors import TransientError
from core.ids import new_id
from store.bulk import upsert
from store.engine import reading
from store.tables import audit, binding, cursor
from sync.context import App, RunContext
from sync.pull.cursor import EntityCursor, dump_state, parse_state
from sync.room.lease import Lease, claim_lease, wait_limit


def load_cursors(app: App, connection: str) -> dict[str, EntityCursor]:
    """All cursors of a connection by entity."""
    query = select(cursor.c.entity, cursor.c.state, cursor.c.fresh_at).where(cursor.c.connection == connection)
    with reading(app.engine) as conn:
        return {row.entity: _with_freshness(row.state, row.fresh_at) for row in conn.execute(query)}


def _with_freshness(state: dict[str, Any], fresh_at: datetime | None) -> EntityCursor:
    parsed = parse_state(state)
    parsed.fresh_at = fresh_at
    return parsed


def cursor_of(ctx: RunContext, entity: str) -> EntityCursor:
    """The run's cursor of an entity; a new one where nothing was read yet."""
    return ctx.state.cursors.setdefault(entity, EntityCursor())


def save_cursor(conn: Connection, ctx: RunContext, entity: str) -> None:
    """Write the run's cursor of an entity in the caller's transaction."""
    _save(conn, ctx.name, entity, cursor_of(ctx, entity), ctx.app.clock.now())


def _save(conn: Connection, connection: str, entity: str, state: EntityCursor, now: datetime) -> None:
    row = {
        "connection": connection,
        "entity": entity,
        "state": dump_state(state),
        "updated_at": now,
        "fresh_at": state.fresh_at,
        "swept_at": state.swept_at,
    }
    upsert(conn, cursor, [row], ["connection", "entity"])


def list_cursors(app: App, connection: str | None = None) -> list[dict[str, Any]]:
    """Every cursor as a plain row, for people."""
    query = select(cursor).order_by(cursor.c.connection, cursor.c.entity)
    if connection is not None:
        query = query.where(cursor.c.connection == connection)
    with reading(app.engine) as conn:
        return [dict(row) for row in conn.execute(query).mappings()]


def rewind(app: App, connection: str, entity: str | None, to: datetime) -> int:
    """Have the next cycle read every document dated from `to` on again, whatever its version; how many cursors.

    Nothing is lost: the pass over the far past begins anew, and what is as we hold it counts as unchanged.

    Raises:
        TransientError: a cycle is running and does not come to its end.
    """

    def forget(conn: Connection, name: str) -> None:
        mine = (binding.c.connection == connection, binding.c.entity == name, binding.c.date >= to)
        conn.execute(update(binding).where(*mine, binding.c.deleted.is_(False)).values(version=""))

    return _change(app, connection, entity, "state.rewind", {"to": to.isoformat()}, _rewound, forget)


def _rewound(state: EntityCursor) -> EntityCursor:
    sources = {
        name: replace(source, past=None, pass_started=None, swept=None) for name, source in state.sources.items()
    }
    return EntityCursor(sources, state.relink, 0, state.fresh_at)


def reset(app: App, connection: str, entity: str | None) -> int:
    """Have the next cycle read everything anew; how many cursors. Records and bindings stay, so nothing is doubled.

    Raises:
        TransientError: a cycle is running and does not come to its end.
    """
    return _change(app, connection, entity, "state.reset", {}, None)


def _change(
    app: App, connection: str, entity: str | None, what: str, after: dict[str, Any], change: Any, also: Any = None
) -> int:
    """Change the cursors between two cycles, never under a running one: it would write back what it remembers."""
    lease = claim_lease(app, connection, wait=wait_limit(app))
    if lease is None:
        raise TransientError(
            f"A cycle of {connection} is running: where it stands cannot be changed under it.",
            next_step="sverka status",
        )
    try:
        return _change_leased(app, lease, entity, what, after, change, also)
    finally:
        lease.release()


def _change_leased(
    app: App, lease: Lease, entity: str | None, what: str, after: dict[str, Any], change: Any, also: Any
) -> int:
    now, connection = app.clock.now(), lease.name
    with app.engine.begin() as conn:
        lease.check(conn)
        query = select(cursor.c.entity, cursor.c.state, cursor.c.fresh_at).where(cursor.c.connection == connection)
        rows = [row for row in conn.execute(query) if entity in (None, row.entity)]
        for row in rows:
            if change is None:
                conn.execute(delete(cursor).where(cursor.c.connection == connection, cursor.c.entity == row.entity))
            else:
                _save(conn, connection, row.entity, change(_with_freshness(row.state, row.fresh_at)), now)
            if also is not None:
                also(conn, row.entity)
            line = {"id": new_id(), "at": now, "who": "cli", "what": what, "subject": f"{connection}/{row.entity}"}
            conn.execute(audit.insert().values(**line, before=row.state, after=after))
    return len(rows)
