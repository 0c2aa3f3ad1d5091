"""Records as received: kept with what becomes of them, so that a later mapping can be applied without asking again.

All that came is kept, also what the mapping leaves out and what could not be read: a later version may want it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from mapping.model import SourceSet
from store import landing
from store.bulk import select_in
from store.entities import line_tables
from store.landing import Landed
from sync.context import RunContext
from sync.pull.prepare import Item


def keep_received(conn: Connection, ctx: RunContext, source: SourceSet, items: Sequence[Item]) -> None:
    """Keep the records as received. What is applied from there (a remap) is there."""
    if not ctx.order.remap:
        now = ctx.app.clock.now()
        landing.save(conn, (_landed(ctx, source, item, now) for item in items))


def keep_news(conn: Connection, ctx: RunContext, source: SourceSet, items: Sequence[Item]) -> None:
    """Of records whose mapped content is the same: where something else has changed, what is kept is renewed.

    The present mapping does not read it; a later one may, and is applied to what is kept here.
    """
    kept = landing.load(conn, ctx.name, source.entity, [item.key for item in items])
    news = [item for item in items if item.left_out != "before" and _is_news(source, item, kept.get(item.key))]
    keep_received(conn, ctx, source, news)


def _is_news(source: SourceSet, item: Item, kept: Landed | None) -> bool:
    if kept is None or kept.raw == item.raw.raw:
        return kept is None
    try:
        before = landing.decode(kept.raw)
    except msgspec.DecodeError:
        return True
    return before | {source.version: None} != item.raw.data | {source.version: None}


def _landed(ctx: RunContext, source: SourceSet, item: Item, now: Any) -> Landed:
    digest = item.record.hash if item.record else ""
    return Landed(ctx.name, source.entity, item.key, source.name, item.raw.version, item.raw.raw, digest, now)


def note_lines(conn: Connection, entity: str, name: str, items: Sequence[Item]) -> None:
    """Rows as they stand, to tell what becomes of them."""
    table, of = line_tables[entity, name], f"{entity}_id"
    found: dict[UUID, list[Mapping[str, Any]]] = {}
    ids = [item.entity_id for item in items if item.before is not None]
    rows = (row._mapping for row in select_in(conn, table, list(table.c), table.c[of], ids))
    for row in sorted(rows, key=lambda row: int(row["line_number"])):
        found.setdefault(row[of], []).append(dict(row))
    for item in items:
        item.lines_before[name] = found.get(item.entity_id, []) if item.entity_id else []
