"""A published version carried over to the records that are here: in the background, slice by slice, from the landing.

The order is a row, its position moves in the transaction that writes the records: a kill loses nothing and doubles
nothing. A slice lasts seconds and gives the lease back, so that cycles come in between.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from mapping.model import ENTITIES
from store.tables import reapply
from sync.context import RunContext
from sync.mappings.ordering import OPEN, supersede
from sync.mappings.remap import AT_ONCE, entities_of, remap_landed
from sync.mappings.tally import add_counts
from sync.room.writing import writing

SLICE = 4.0
"""Seconds of one slice."""


def reapply_slice(ctx: RunContext) -> None:
    """Go on with what is on its way for this connection, for the length of one slice."""
    until = ctx.app.clock.monotonic() + SLICE
    while _step(ctx) and ctx.app.clock.monotonic() < until:
        pass


def _step(ctx: RunContext) -> bool:
    """The next records, and where they end, in one transaction. False when nothing is left to do."""
    with writing(ctx, "reapply") as conn:
        order = _take_up(conn, ctx)
        if order is None:
            return False
        if order.version != ctx.mapping.version:
            supersede(conn, ctx.app, ctx.name, "Another version has been published since.")
            return False
        entity = _entity_at(ctx, order.entity)
        if entity is None:
            _finish(conn, ctx, order)
            return False
        after = order.external_id or "" if entity == order.entity else ""
        tally, last = remap_landed(conn, ctx, entity, after, AT_ONCE)
        following = entity if last is not None else _entity_after(ctx, entity)
        counters = dict(order.counters) | {entity: add_counts(order.counters.get(entity, {}), tally.counts())}
        values = {"entity": following, "external_id": last, "counters": counters, "updated_at": ctx.app.clock.now()}
        if following is None:
            values["state"] = "done"
        conn.execute(update(reapply).where(reapply.c.id == order.id).values(values))
    ctx.progress.step(entity, counters[entity]["read"], "re-applied")
    return following is not None


def _take_up(conn: Connection, ctx: RunContext) -> Row[Any] | None:
    """The open order, held against whoever would supersede it until this transaction ends."""
    mine = (reapply.c.connection == ctx.name, OPEN)
    if not conn.execute(update(reapply).where(*mine).values(state="running")).rowcount:
        return None
    return conn.execute(select(reapply).where(*mine)).one()


def _finish(conn: Connection, ctx: RunContext, order: Row[Any]) -> None:
    values = {"state": "done", "updated_at": ctx.app.clock.now()}
    conn.execute(update(reapply).where(reapply.c.id == order.id).values(values))


def _entity_at(ctx: RunContext, name: str | None) -> str | None:
    """The entity to go on with: the one the order stands at, or the first; None where there is none."""
    entities = entities_of(ctx)
    if name is None or name in entities:
        return name or next(iter(entities), None)
    return next((one for one in entities if _place(one) > _place(name)), None)


def _entity_after(ctx: RunContext, name: str) -> str | None:
    return next((one for one in entities_of(ctx) if _place(one) > _place(name)), None)


def _place(entity: str) -> int:
    return list(ENTITIES).index(entity)
