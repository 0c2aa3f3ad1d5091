"""Registered changes of an exchange plan: applied, committed, and only then confirmed (1c-odata.md §7).

The lease makes us the only reader of the node. A kill before the confirmation brings the same packet again, which
changes nothing; what could not be applied has a letter or is parked, so it is safe to confirm.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.base import ChangePacket, ChangeSource, RawRecord, RecordSource
from core.errors import RecordError, SchemaDrift
from mapping.model import ENTITIES, SourceSet
from store.bulk import chunks
from store.engine import reading
from sync.context import RunContext
from sync.pull.apply import apply_records
from sync.pull.bindings import load_bindings
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.guard import passes
from sync.pull.records import apply_tombstones
from sync.pull.sweep import sweep_source
from sync.room.pausing import pause_entity
from sync.room.writing import writing

ENTITY = "changes"
"""The cursor that counts how often the packet could not be read."""
AT_ONCE = 500
ALARM_AFTER = 3


def pull_changes(ctx: RunContext) -> None:
    """Take one packet of the node: records, then tombstones, then the confirmation.

    A packet that the other side cannot build because of one object (a control character in its data) does not stop the
    connection: the sets are swept instead, and after three tries in a row an alarm says which object it is.

    Raises:
        TransientError: the other side went away; nothing is confirmed.
    """
    if not isinstance(ctx.connector, ChangeSource) or not isinstance(ctx.connector, RecordSource):
        return
    sources = [source for source in _sources(ctx) if ctx.connector.is_published(source.name)]
    ctx.next_fetch()
    ctx.fault("fetch-changes.before")
    try:
        packet = ctx.connector.fetch_changes(sources)
    except RecordError as error:
        _read_without(ctx, sources, error)
        return
    ctx.fault("fetch-changes.after")
    _forget_tries(ctx)
    _apply_packet(ctx, packet, sources)
    held = not _apply_deletions(ctx, packet, sources)
    if (packet.records or packet.deleted) and not held and not ctx.order.dry_run:
        ctx.fault("confirm-changes.before")
        ctx.connector.confirm_changes(packet.message_no)
        ctx.fault("confirm-changes.after")


def _sources(ctx: RunContext) -> list[SourceSet]:
    return [source for mapped in ctx.mapping.entities.values() for source in mapped.sources]


def _apply_packet(ctx: RunContext, packet: ChangePacket, sources: list[SourceSet]) -> None:
    """In the order in which entities depend on each other."""
    waiting: dict[tuple[str, str], list[RawRecord]] = {}
    for raw in packet.records:
        waiting.setdefault((raw.entity, raw.source), []).append(raw)
    for entity in ENTITIES:
        for source in sources:
            if source.entity == entity:
                records = waiting.get((entity, source.name), [])
                _apply_set(ctx, source, records + waiting.get(("", source.name), []))


def _apply_set(ctx: RunContext, source: SourceSet, records: list[RawRecord]) -> None:
    """Drift pauses the entity; its sets are swept from scratch when it heals, since the packet is not kept."""
    try:
        for part in chunks(records, AT_ONCE):
            apply_records(ctx, source, part)
    except SchemaDrift as drift:
        pause_entity(ctx, source.entity, drift)
        with writing(ctx, "mark") as conn:
            cursor = cursor_of(ctx, source.entity)
            cursor.sources = {name: replace(one, swept=None, past=None) for name, one in cursor.sources.items()}
            save_cursor(conn, ctx, source.entity)


def _apply_deletions(ctx: RunContext, packet: ChangePacket, sources: list[SourceSet]) -> bool:
    """Physically deleted objects, by accounting's own word. False when the guard holds them: nothing is confirmed."""
    gone: dict[str, list[str]] = {}
    for name, key in packet.deleted:
        for source in sources:
            if source.name == name:
                gone.setdefault(source.entity, []).append(key)
    passed = True
    for entity, keys in gone.items():
        with reading(ctx.app.engine) as conn:
            known = [key for key, row in load_bindings(conn, ctx.name, entity, keys).items() if not row["deleted"]]
        if known and passes(ctx, entity, len(known)):
            apply_tombstones(ctx, entity, known)
        elif known:
            passed = False
    return passed


def _read_without(ctx: RunContext, sources: list[SourceSet], error: RecordError) -> None:
    cursor = cursor_of(ctx, ENTITY)
    cursor.tries += 1
    ctx.leave(f"The packet of changes could not be read ({error.message}); the sets were swept instead.")
    if cursor.tries >= ALARM_AFTER:
        ctx.notice(f"The exchange plan has not been readable {cursor.tries} times in a row: {error}")
    with writing(ctx, "mark") as conn:
        save_cursor(conn, ctx, ENTITY)
    for source in sources:
        sweep_source(ctx, source)


def _forget_tries(ctx: RunContext) -> None:
    cursor = cursor_of(ctx, ENTITY)
    if cursor.tries:
        cursor.tries = 0
        with writing(ctx, "mark") as conn:
            save_cursor(conn, ctx, ENTITY)
