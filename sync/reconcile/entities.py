"""Every record of accounting against every record of ours: counts, sums and hashes by bucket, then one by one.

All that is asked of accounting is one cheap stream of keys, versions, marks and, of documents, what says whether they
are posted and what they amount to. Sides whose buckets are equal hold the same; only the records of buckets that differ
are laid side by side. Memory does not grow with the number of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from connectors.base import FigureSource, KeyRow, RecordSource, RowsMoved
from core.errors import NoRight
from core.money import from_minor
from mapping.model import ENTITIES, SourceSet
from store.bulk import chunks
from store.engine import reading
from store.queries.settlements.mirrored import Mirrored
from store.queries.settlements.recorders import load_standings, load_sums
from store.tables import connection, cursor
from sync.context import RunContext
from sync.pull.prepare import Item, prepare, since_moment
from sync.reconcile.buckets import BUCKETS
from sync.reconcile.figures import FigureReader, Figures, find_figures, from_seconds, in_seconds
from sync.reconcile.naming import add_unbound, name_lines
from sync.reconcile.result import SHOWN, EntityLine, Line, Reconciliation, SetSums
from sync.reconcile.stream import Pair, SetStream
from sync.room.writing import asking
from sync.settle.movements import build_title

AT_ONCE = 500
ASKED_AT_MOST = 1000
"""Records of ours that accounting did not name and that are asked for directly before they are called extra."""


def reconcile_entities(ctx: RunContext, result: Reconciliation) -> None:
    """Compare all entities that the mapping reads; fills `entities` and `lines`."""
    if not isinstance(ctx.connector, RecordSource):
        result.notices.append("This connection cannot be read record by record: only balances are compared.")
        return
    for entity in ctx.mapping.entities:
        result.entities.append(reconcile_entity(ctx, entity, result))


def reconcile_entity(ctx: RunContext, entity: str, result: Reconciliation) -> EntityLine:
    """Compare one entity; adds its `lines`."""
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - asked by the callers
    line = EntityLine(entity)
    for source in ctx.mapping.entities[entity].sources:
        result.incomplete.pop(source.name, None)
        try:
            _reconcile_published(ctx, ctx.connector, source, line, result)
        except NoRight as refusal:
            result.incomplete[source.name] = f"{refusal.message} Its records are not compared this time."
    if ENTITIES[entity].document:
        add_unbound(ctx, line, result)
        with reading(ctx.app.engine) as conn:
            line.sums = load_sums(conn, ctx.name, entity)
    ctx.progress.step(entity, line.theirs)
    return line


def _reconcile_published(
    ctx: RunContext, connector: RecordSource, source: SourceSet, line: EntityLine, result: Reconciliation
) -> None:
    if connector.is_published(source.name):
        reconcile_source(ctx, source, line, result)
    elif _had(ctx, source):
        result.incomplete[source.name] = f"{source.name} is no longer published: its records are not compared."
    else:
        result.notice(f"{source.name} is not published: its records are not compared.")


def _had(ctx: RunContext, source: SourceSet) -> bool:
    """Whether this base had the set when it was read last."""
    with reading(ctx.app.engine) as conn:
        facts = conn.execute(select(connection.c.facts).where(connection.c.name == ctx.name)).scalar_one_or_none()
    return bool((facts or {}).get("sets", {}).get(source.name))


def reconcile_source(ctx: RunContext, source: SourceSet, line: EntityLine, result: Reconciliation) -> None:
    """Compare one set; a set whose rows keep moving is left to the next time, and the comparison is incomplete."""
    start = since_moment(ctx.settings) if source.date else None
    reader = FigureReader(source, ctx.settings.zone)
    if isinstance(ctx.connector, FigureSource):
        reader = find_figures(ctx.mapping.entities[source.entity], source, ctx.settings.zone)
    with closing(SetStream(ctx, source, reader, start)) as stream:
        try:
            for done in stream.fetch_theirs():
                ctx.progress.step(line.entity, line.theirs + done)
        except RowsMoved as moved:
            result.incomplete[source.name] = f"{moved.message} Its records are not compared this time."
            return
        stream.load_ours()
        line.theirs += stream.theirs.total
        line.ours += stream.ours.total
        line.filtered += stream.ours.filtered
        differing = stream.theirs.differing(stream.ours)
        line.sets[source.name] = SetSums(BUCKETS, len(differing), stream.ours.months, stream.theirs.months)
        if differing:
            _compare_pairs(ctx, stream, differing, line, result)


def _compare_pairs(
    ctx: RunContext, stream: SetStream, buckets: set[int], line: EntityLine, result: Reconciliation
) -> None:
    asked = 0
    for part in chunks(stream.pairs(buckets), AT_ONCE):
        missing, extra, changed = [], [], []
        for pair in part:
            kind = judge_pair(pair)
            if kind == "missing_document":
                missing.append(pair.key)
            elif kind == "extra_document":
                extra.append(pair.key)
            elif kind:
                changed.append((kind, pair))
        _add_missing(ctx, stream.source, missing, line, result)
        _add_changed(ctx, stream.source, changed, line, result)
        if extra and asked < ASKED_AT_MOST:
            asked += len(extra)
            extra = _really_extra(ctx, stream.source, extra)
        _add_extra(ctx, stream.source, extra, line, result)


def load_fresh_at(ctx: RunContext, entity: str) -> datetime | None:
    """The start of the newest complete reading of an entity."""
    statement = select(cursor.c.fresh_at).where(cursor.c.connection == ctx.name, cursor.c.entity == entity)
    with reading(ctx.app.engine) as conn:
        found: datetime | None = conn.execute(statement).scalar()
    return found


def judge_pair(pair: Pair) -> str:
    """What a record that may differ is; empty where all is well."""
    if pair.theirs is None:
        return "extra_document"
    kind = judge_key(pair.theirs, pair.ours)
    if kind or pair.ours is None or pair.ours.state == "filtered" or pair.figures.filtered:
        return kind
    if _differs(pair.figures, pair.ours):
        return "different_amount"
    its, mine = pair.figures.dated, in_seconds(pair.ours.date)
    return "different_date" if pair.ours.state == "bound" and None not in (its, mine) and its != mine else ""


def _differs(figures: Figures, ours: Mirrored) -> bool:
    """Only what both sides know is compared. What is marked as deleted counts nowhere."""
    amount = figures.amount is not None and ours.amount is not None and figures.amount != ours.amount
    posted = figures.posted is not None and ours.posted is not None and figures.posted != ours.posted
    return ours.state == "bound" and (amount or posted)


def judge_key(row: KeyRow, ours: Mirrored | None) -> str:
    """What a key of accounting is to us by version and marks; empty where all is well."""
    if ours is None:
        return "missing_document"
    if ours.state in ("parked", "dead"):
        return "dead_letter" if ours.state == "dead" else "parked"
    if ours.state != "filtered" and not ours.present:
        return "missing_document"
    marked = ours.state != "filtered" and row.deleted != (ours.state == "deleted")
    return "not_yet_applied" if ours.version != row.version or marked else ""


def _add_changed(
    ctx: RunContext, source: SourceSet, found: Sequence[tuple[str, Pair]], line: EntityLine, result: Reconciliation
) -> None:
    """Records that both have and that are not the same, with their numbers where we know them."""
    items = {pair.key: _line(kind, source, pair.key) for kind, pair in found}
    for kind, pair in found:
        _count(line, kind)
        mine, its = pair.ours, pair.figures
        if kind == "different_amount" and mine is not None and mine.amount is not None and its.amount is not None:
            items[pair.key].amount = from_minor(its.amount - mine.amount)
            items[pair.key].note = _difference(its, mine)
        elif kind == "different_date" and its.dated is not None:
            there = from_seconds(its.dated).astimezone(ctx.settings.zone)
            items[pair.key].note = f"in accounting dated {there:%Y-%m-%d %H:%M:%S}"
    _name(ctx, source, items)
    for item in items.values():
        result.add(item)


def _difference(theirs: Figures, ours: Mirrored) -> str:
    if theirs.posted != ours.posted and theirs.posted is not None:
        return "posted in accounting, not here" if theirs.posted else "posted here, not in accounting"
    return "same version, another amount"


def _add_missing(
    ctx: RunContext, source: SourceSet, keys: Sequence[str], line: EntityLine, result: Reconciliation
) -> None:
    """Accounting's that we do not have: read, so that they can be named; one newer than our last reading is lag."""
    if not keys or not isinstance(ctx.connector, RecordSource):
        return
    if len(result.lines) >= SHOWN:  # nobody reads them one by one: they are only counted
        line.missing += len(keys)
        result.leave_out(_line("missing_document", source, ""), len(keys))
        return
    fresh_at = load_fresh_at(ctx, source.entity)
    with asking(ctx, "fetch-records"):
        raws = ctx.connector.fetch_records(source, keys)
    for read in prepare(ctx.mapping, ctx.settings, source, raws):
        _add_missing_one(source, read, fresh_at, line, result)


def _add_missing_one(
    source: SourceSet, read: Item, fresh_at: datetime | None, line: EntityLine, result: Reconciliation
) -> None:
    if read.error is not None:
        _count(line, "dead_letter")
        result.add(_line("dead_letter", source, read.key))
        return
    record = read.record
    if record is None or read.left_out:
        line.filtered += 1
        return
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
    item.link = str(record.fields.get("link") or "")
    result.add(item)


def _count(line: EntityLine, kind: str) -> None:
    name = {
        "missing_document": "missing",
        "extra_document": "extra",
        "not_yet_applied": "different",
        "different_amount": "different",
        "different_date": "different",
        "dead_letter": "dead",
    }.get(kind, kind)
    setattr(line, name, getattr(line, name) + 1)


def _really_extra(ctx: RunContext, source: SourceSet, keys: Sequence[str]) -> list[str]:
    """Those that accounting does not give by a direct question either: rows come and go while one streams them."""
    assert isinstance(ctx.connector, RecordSource)  # noqa: S101 - asked by the callers
    with asking(ctx, "fetch-records"):
        there = {raw.external_id for raw in ctx.connector.fetch_records(source, keys)}
    return [key for key in keys if key not in there]


def _add_extra(
    ctx: RunContext, source: SourceSet, keys: Sequence[str], line: EntityLine, result: Reconciliation
) -> None:
    """Ours that accounting did not name, with their numbers."""
    line.extra += len(keys)
    items = {key: _line("extra_document", source, key) for key in keys}
    _name(ctx, source, items)
    for item in items.values():
        result.add(item)


def _name(ctx: RunContext, source: SourceSet, items: dict[str, Line]) -> None:
    """What people know the documents by that we have."""
    if not items or not ENTITIES[source.entity].document:
        return
    with reading(ctx.app.engine) as conn:
        known = load_standings(conn, ctx.name, source.entity, items)
        ids: dict[UUID, str] = {one.entity_id: key for key, one in known.items() if one.entity_id is not None}
        name_lines(conn, ctx.name, source.entity, {entity_id: items[key] for entity_id, key in ids.items()})


def _line(kind: str, source: SourceSet, key: str) -> Line:
    name = kind if ENTITIES[source.entity].document else kind.replace("_document", "_record")
    return Line(name, source.entity, None, title=build_title(source.name), source=source.name, external_id=key)
