"""Applying records: a page becomes entities, lines, landing, bindings, letters and the cursor in one transaction.

In bulk; record by record only when the bulk write of a page is refused by the database. One bad record never stops the
others, an unchanged one writes nothing but the version last seen, and every record read is counted exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, StatementError

from connectors.base import RawRecord
from mapping.model import SourceSet
from store.engine import reading
from sync.context import RunContext
from sync.pull.apply_rows import Change, Group, flag_relink, write_group
from sync.pull.bindings import Binding, load_bindings
from sync.pull.decide import Action, decide
from sync.pull.drift import check_page
from sync.pull.edits import load_edits, supersede
from sync.pull.parked import Waiting, park
from sync.pull.payers import name_payers
from sync.pull.prepare import Item, prepare, unreadable
from sync.pull.resolve import Target, failed_target, fetch_missing, load_targets, resolve_item
from sync.pull.unspoken import blank_unspoken
from sync.push.arrivals import prepare_targets
from sync.room.writing import writing

Commit = Callable[[Connection], None]


def apply_records(
    ctx: RunContext, source: SourceSet, raws: Sequence[RawRecord], *, commit: Commit | None = None, depth: int = 0,
    seq: int | None = None,
) -> None:  # fmt: skip
    """Map, compare and write records of one set; `commit` runs in the same transaction (a cursor, usually).

    Idempotent. The fetch of the records is `seq`, or the last one that the run has started (`ctx.next_fetch`).

    Raises:
        SchemaDrift: the set no longer has what the mapping needs; nothing was written.
        LeaseLost: another worker has taken over; nothing was written.
        TransientError: the other side went away while references were fetched by somebody else's need.
    """
    if not raws and commit is None:
        return
    seq = ctx.fetch_seq if seq is None else seq
    items = prepare(ctx.mapping, ctx.settings, source, raws, load_edits(ctx, source.entity))
    check_page(ctx, source, items)
    prepare_targets(ctx, source.entity)
    failed = fetch_missing(ctx, _changed(ctx, source, items), depth, apply_references)
    with writing(ctx, "page") as conn:
        changes = _write(conn, ctx, source, items, seq, failed)
        if commit is not None:
            commit(conn)
    _count(ctx, source, items, changes)


def apply_references(ctx: RunContext, source: SourceSet, raws: Sequence[RawRecord], depth: int) -> None:
    """Apply what was fetched because other records refer to it."""
    apply_records(ctx, source, raws, depth=depth)


def _changed(ctx: RunContext, source: SourceSet, items: Sequence[Item]) -> list[Item]:
    """Those whose references will be needed: an unchanged record keeps what it has."""
    mapped = [item for item in items if item.record is not None]
    with reading(ctx.app.engine) as conn:
        known = load_bindings(conn, ctx.name, source.entity, [item.key for item in mapped])
    return [item for item in mapped if _has_news(item, known.get(item.key))]


def _has_news(item: Item, known: Binding | None) -> bool:
    return known is None or item.record is None or known["hash"] != item.record.hash or known["state"] != "bound"


def _write(
    conn: Connection, ctx: RunContext, source: SourceSet, items: Sequence[Item], seq: int, failed: set[Target]
) -> list[Change]:
    known = load_bindings(conn, ctx.name, source.entity, [item.key for item in items])
    group = Group(ctx, source, seq)
    for item in items:
        item.known = known.get(item.key)
    blank_unspoken(conn, ctx, items)
    supersede(conn, ctx, [item.superseded for item in items if item.superseded is not None])
    for item in items:
        group.add(decide(item, seq, ctx.mapping.version), item)
    return write_decided(conn, group, failed)


def write_decided(conn: Connection, group: Group, failed: set[Target]) -> list[Change]:
    """Write items whose fate is decided, in the caller's transaction; what the database refuses becomes a letter."""
    _resolve(conn, group.ctx, group, failed)
    _write_or_isolate(conn, group)
    if any(item.outcome == "created" or (item.entity_id and item.known is None) for _, item in group.entries()):
        flag_relink(conn, group.ctx, group.source.entity)
    return group.changes


def _resolve(conn: Connection, ctx: RunContext, group: Group, failed: set[Target]) -> None:
    """Fill in references; records whose target could not be fetched wait instead of being written."""
    targets = load_targets(conn, ctx, group.of("write"))
    waiting: list[tuple[Item, Waiting]] = []
    for item in group.of("write"):
        target = failed_target(item.record, failed, targets) if item.record else None
        if target is None:
            resolve_item(item, targets)
        else:
            waiting.append((item, Waiting(group.source.entity, item.key, group.source.name, target)))
    name_payers(conn, group.of("write"))
    tired = park(conn, ctx, [wait for _, wait in waiting])
    for item, wait in waiting:
        group.move_to_parked(item, wait, tired=item.key in tired)


def _write_or_isolate(conn: Connection, group: Group) -> None:
    try:
        with conn.begin_nested():
            write_group(conn, group)
        return
    except OperationalError:
        raise
    except (StatementError, ValueError, TypeError, ArithmeticError) as error:
        if isinstance(error, StatementError) and not _is_data_error(error):
            raise
    group.changes.clear()
    for action, item in group.entries():
        _write_alone(conn, group, action, item)


def _is_data_error(error: StatementError) -> bool:
    """Whether a value is to blame: refused by the database, or by a column type before it was sent."""
    return isinstance(error, DataError | IntegrityError) or type(error) is StatementError


def _write_alone(conn: Connection, group: Group, action: Action, item: Item) -> None:
    single = group.single(action, item)
    try:
        with conn.begin_nested():
            write_group(conn, single)
    except OperationalError:
        raise
    except (StatementError, ValueError, TypeError, ArithmeticError) as error:
        if isinstance(error, StatementError) and not _is_data_error(error):
            raise
        origin = error.orig if isinstance(error, StatementError) and error.orig is not None else error
        item.error, item.stage = (
            unreadable(group.source, item.key, Exception(type(origin).__name__, str(origin)[:500])),
            "apply",
        )
        item.outcome = "dead"
        single = group.single("dead", item)
        write_group(conn, single)
    group.changes += single.changes


def _count(ctx: RunContext, source: SourceSet, items: Sequence[Item], changes: Sequence[Change]) -> None:
    line = ctx.count(source.entity)
    line.read += len(items)
    for item in items:
        line.add(item.outcome)
    ctx.state.add_changes(changes)
    ctx.progress.step(source.entity, line.read)
