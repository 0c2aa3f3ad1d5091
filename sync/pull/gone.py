"""What is gone at the other side: marked as deleted, never removed; whose home is elsewhere only loses a card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection

from store.bulk import select_in, update_rows, upsert
from store.entities import entity_tables
from store.tables import binding
from sync.context import RunContext
from sync.owners.rules import ENTITY as SHARED
from sync.pull import dead
from sync.pull.bindings import KEYS, key_of
from sync.pull.parked import unpark
from sync.push.arrivals import withdraw_gone


def tombstone(conn: Connection, ctx: RunContext, entity: str, keys: Sequence[str]) -> int:
    """Accounting has said that these objects do not exist: mark record and binding. Returns how many were there."""
    columns = (binding.c.external_id, binding.c.entity_id, binding.c.deleted)
    rows = select_in(conn, binding, columns, binding.c.external_id, keys, connection=ctx.name, entity=entity)
    alive = [row for row in rows if not row.deleted]
    gone = {"state": "deleted", "deleted": True, "missing_since": None, "fetch_seq": ctx.fetch_seq}
    upsert(conn, binding, [key_of(ctx.name, entity, row.external_id) | gone for row in alive], KEYS)
    mark_deleted(conn, ctx, entity, [row.entity_id for row in alive if row.entity_id is not None])
    dead.resolve(conn, ctx.name, entity, [row.external_id for row in alive], "in")
    unpark(conn, ctx.name, entity, [row.external_id for row in alive])
    return len(alive)


def mark_deleted(conn: Connection, ctx: RunContext, entity: str, ids: Sequence[UUID]) -> None:
    """Mark records of ours as deleted, when their bindings have been written; nothing is ever removed.

    Not a customer who still has a card, nor one whose home is another side than the one that lost him: that *this* card
    has gone is said by its binding, and that something of him has changed by his moment.
    """
    table, now = entity_tables[entity], ctx.app.clock.now()
    kept = load_held(conn, ctx, entity, ids) | _load_of_others(conn, ctx, entity, ids)
    gone = [one for one in ids if one not in kept]
    for some, values in ((gone, {"deleted": True, "updated_at": now}), (kept, {"updated_at": now})):
        if some:
            update_rows(conn, table, [{"id": one, **values} for one in some], list(values))
    if entity == SHARED:
        withdraw_gone(conn, ctx, gone)


def load_held(
    conn: Connection, ctx: RunContext, entity: str, ids: Sequence[UUID], but: Iterable[str] = ()
) -> set[UUID]:
    """Which of these have a card that is alive, in any accounting, other than the ones that go (`but`) in this run's.

    Only customers ever have more than one.
    """
    if entity != "counterparty" or not ids:
        return set()
    columns = [binding.c[name] for name in ("entity_id", "connection", "external_id", "state")]
    rows = select_in(conn, binding, columns, binding.c.entity_id, ids, entity=entity, deleted=False)
    going = set(but)
    return {
        row.entity_id
        for row in rows
        if row.state not in ("deleted", "filtered") and not (row.connection == ctx.name and row.external_id in going)
    }


def _load_of_others(conn: Connection, ctx: RunContext, entity: str, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these customers whose home is not the kind of system that this run reads."""
    if entity != SHARED or not ids:
        return set()
    table = entity_tables[entity]
    rows = select_in(conn, table, (table.c.id, table.c.home), table.c.id, ids)
    return {row.id for row in rows if row.home != ctx.settings.role}
