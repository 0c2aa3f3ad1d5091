"""Every record of accounting against every record of ours, by key and version (issue: counts, sums, missing, extra).

A complete key sweep: whole pages are compared as they come, so that memory stays flat; only eight bytes a key are kept,
and those only to find what we have and accounting has not.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from uuid import UUID

from sqlalchemy import select

from connectors.base import KeyRow, RecordSource, Window
from mapping.model import ENTITIES, SourceSet
from store.engine import reading
from store.queries.recorders import Standing, iter_living_keys, load_heads, load_standings, load_sums
from store.tables import cursor
from sync.context import RunContext
from sync.pull.prepare import prepare, since_moment
from sync.reconcile.result import EntityLine, Line, Reconciliation
from sync.room.writing import asking
from sync.settle.movements import build_title


def reconcile_entities(ctx: RunContext, result: Reconciliation) -> None:
    """Compare all entities that the mapping reads; fills `entities` and `lines`."""
    if not isinstance(ctx.connector, RecordSource):
        result.notices.append("This connection cannot be read record by record: only balances are compared.")
        return
    for entity, mapped in ctx.mapping.entities.items():
        line = EntityLine(entity)
        for source in mapped.sources:
            if ctx.connector.is_published(source.name):
                _reconcile_source(ctx, ctx.connector, source, line, result)
            else:
                result.notices.append(f"{source.name} is not published: its records are not compared.")
        if ENTITIES[entity].document:
            with reading(ctx.app.engine) as conn:
                line.sums = load_sums(conn, ctx.name, entity)
        result.entities.append(line)
        ctx.progress.step(entity, line.theirs)


def _reconcile_source(
    ctx: RunContext, connector: RecordSource, source: SourceSet, line: EntityLine, result: Reconciliation
) -> None:
    start = since_moment(ctx.settings) if source.date else None
    seen = array("Q")
    ctx.fault("fetch-keys.before")
    for page in connector.fetch_keys(source, Window(start=start)):
        ctx.fault("fetch-keys.after")
        seen.extend(hash_key(row.external_id) for row in page)
        _compare_page(ctx, source, page, line, result)
        ctx.progress.step(line.entity, line.theirs)
    ordered = array("Q", sorted(seen))
    extra: list[str] = []
    with reading(ctx.app.engine) as conn:
        for key in iter_living_keys(conn, ctx.name, source.entity, source.name, start):
            line.ours += 1
            if not _contains(ordered, hash_key(key)):
                extra.append(key)
    _add_extra(ctx, source, extra, line, result)


def hash_key(key: str) -> int:
    """Eight bytes of a key: two of a million keys meet once in thirty million reconciliations."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


def _contains(ordered: Sequence[int], value: int) -> bool:
    place = bisect_left(ordered, value)
    return place < len(ordered) and ordered[place] == value


def _compare_page(
    ctx: RunContext, source: SourceSet, page: Sequence[KeyRow], line: EntityLine, result: Reconciliation
) -> None:
    line.theirs += len(page)
    with reading(ctx.app.engine) as conn:
        known = load_standings(conn, ctx.name, source.entity, [row.external_id for row in page])
    missing: list[str] = []
    for row in page:
        standing = known.get(row.external_id)
        kind = judge_key(row, standing)
        if standing is not None and standing.state == "filtered":
            line.filtered += 1
        if kind == "missing_document":
            missing.append(row.external_id)
        elif kind:
            _count(line, kind)
            result.add(_line(kind, source, row.external_id))
    _add_missing(ctx, source, missing, line, result)


def _add_missing(
    ctx: RunContext, source: SourceSet, keys: Sequence[str], line: EntityLine, result: Reconciliation
) -> None:
    """Accounting's that we do not have: read, so that they can be named; one newer than our last reading is lag."""
    if not keys or not isinstance(ctx.connector, RecordSource):
        return
    fresh_at = load_fresh_at(ctx, source.entity)
    with asking(ctx, "fetch-records"):
        raws = ctx.connector.fetch_records(source, keys)
    for read in prepare(ctx.mapping, ctx.settings, source, raws):
        if read.error is not None:
            _count(line, "dead_letter")
            result.add(_line("dead_letter", source, read.key))
            continue
        record = read.record
        if record is None or read.left_out:
            line.filtered += 1
            continue
        date = record.fields.get("date")
        moment = date if isinstance(date, datetime) else None
        late = moment is not None and fresh_at is not None and moment >= fresh_at
        kind = "not_yet_applied" if late else "missing_document"
        _count(line, kind)
        amount = record.fields.get("amount")
        item = _line(kind, source, read.key)
        item.number, item.date = str(record.fields.get("number") or record.fields.get("code") or ""), moment
        item.amount = amount if isinstance(amount, Decimal) else None
        item.counterparty_key = record.refs.get("counterparty") or ""
        result.add(item)


def load_fresh_at(ctx: RunContext, entity: str) -> datetime | None:
    """The start of the newest complete reading of an entity."""
    statement = select(cursor.c.fresh_at).where(cursor.c.connection == ctx.name, cursor.c.entity == entity)
    with reading(ctx.app.engine) as conn:
        found: datetime | None = conn.execute(statement).scalar()
    return found


def judge_key(row: KeyRow, standing: Standing | None) -> str:
    """What a key of accounting is to us; empty where all is well."""
    if standing is None:
        return "missing_document"
    if standing.state in ("parked", "dead"):
        return "dead_letter" if standing.state == "dead" else "parked"
    if standing.state != "filtered" and not standing.present:
        return "missing_document"
    if standing.version != row.version or standing.deleted:
        return "not_yet_applied"
    return ""


def _count(line: EntityLine, kind: str) -> None:
    name = {"missing_document": "missing", "not_yet_applied": "different", "dead_letter": "dead"}.get(kind, kind)
    setattr(line, name, getattr(line, name) + 1)


def _add_extra(
    ctx: RunContext, source: SourceSet, keys: Sequence[str], line: EntityLine, result: Reconciliation
) -> None:
    """Ours that accounting did not name, with their numbers."""
    line.extra += len(keys)
    if not keys:
        return
    with reading(ctx.app.engine) as conn:
        known = load_standings(conn, ctx.name, source.entity, keys)
        ids = [standing.entity_id for standing in known.values() if standing.entity_id is not None]
        heads = load_heads(conn, source.entity, ids) if ENTITIES[source.entity].document else {}
    for key in keys:
        item = _line("extra_document", source, key)
        entity_id: UUID | None = known[key].entity_id if key in known else None
        if entity_id in heads:
            item.number, item.date = heads[entity_id][0] or "", heads[entity_id][1]
        result.add(item)


def _line(kind: str, source: SourceSet, key: str) -> Line:
    name = kind if ENTITIES[source.entity].document else kind.replace("_document", "_record")
    return Line(name, source.entity, None, title=build_title(source.name), source=source.name, external_id=key)
