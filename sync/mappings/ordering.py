"""What a person says of a re-apply: begin one, or end what is on its way. One transaction each."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from core.errors import ConflictError, UsageError
from core.ids import new_id
from store import versions
from store.bulk import insert
from store.tables import audit, reapply
from sync.context import App

OPEN = reapply.c.state.in_(("due", "running"))


def order_reapply(app: App, connection: str, author: str) -> UUID:
    """Have the version that rules carried over to the connection's records.

    One that is on its way with this version goes on; one with another version is superseded.

    Raises:
        UsageError: nothing is published yet. ConflictError: somebody else ordered one at this very moment.
    """
    name = app.settings.connection(connection).mapping
    ruling = versions.published(app.engine, name)
    if ruling is None:
        raise UsageError(f"Nothing of the mapping {name!r} is published yet.", next_step="sverka sync")
    now, order = app.clock.now(), new_id()
    row = {"id": order, "connection": connection, "version": ruling.hash, "state": "due", "counters": {}}
    try:
        with app.engine.begin() as conn:
            supersede(conn, app, connection, "A newer order has taken its place.", ruling.hash)
            going = conn.scalar(select(reapply.c.id).where(reapply.c.connection == connection, OPEN))
            if going is not None:
                return UUID(str(going))
            insert(conn, reapply, [row | {"author": author, "created_at": now, "updated_at": now}])
            line = {"id": new_id(), "at": now, "who": author, "what": "mapping.reapply", "subject": connection}
            insert(conn, audit, [line | {"before": None, "after": {"version": ruling.hash, "order": str(order)}}])
    except IntegrityError as error:
        raise ConflictError(
            f"Somebody else has ordered a re-apply of {connection!r} just now.", next_step="sverka status"
        ) from error
    return order


def supersede(conn: Connection, app: App, connection: str, reason: str, ruling: str = "") -> int:
    """End what is on its way for a connection, in the caller's transaction, unless it carries the version `ruling`."""
    mine = (reapply.c.connection == connection, OPEN, reapply.c.version != ruling)
    values = {"state": "superseded", "reason": reason, "updated_at": app.clock.now()}
    return conn.execute(update(reapply).where(*mine).values(values)).rowcount
