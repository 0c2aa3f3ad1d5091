"""Registered changes of an exchange plan: applied, committed, and only then confirmed (1c-odata.md §7).

The lease makes us the only reader of the node. A kill before the confirmation brings the same packet again, which
changes nothing; what could not be applied has a letter or is parked, so it is safe to confirm.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.base import ChangePacket, ChangeSource, RawRecord, RecordSource
from core.errors import RecordError, SverkaError
from mapping.model import ENTITIES, SourceSet
from store.bulk import chunks
from store.engine import reading
from sync.context import RunContext
from sync.pull.apply import apply_records
from sync.pull.bindings import load_bindings
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.guard import passes
from sync.pull.records import apply_tombstones, settle_candidates
from sync.pull.sweep import sweep_source
from sync.room.pausing import pausing, resume_entity
from sync.room.writing import writing

ENTITY = "changes"
"""The cursor that counts how often the packet could not be read."""
AT_ONCE = 500
ALARM_AFTER = 3


def pull_changes(ctx: RunContext) -> None:
    """Take one packet of the node: records, then tombstones, then the confirmation.

    A packet that the other side cannot build because of one object (a control character in its data) does not stop the
    connection: the sets are swept instead, and after three tries in a row an alarm says which object it is. Nor does
    one that is too large for us: every set is swept completely, and then it is confirmed, or it would come for ever.

    Raises:
        TransientError: the other side went away; nothing is confirmed.
    """
    if not isinstance(ctx.connector, ChangeSource) or not isinstance(ctx.connector, RecordSource):
        return
    sources = _published(ctx, ctx.connector)
    packet = _fetch_packet(ctx, ctx.connector, sources)
    if packet is None:
        return
    if packet.unread is not None:
        safe = _sweep_wholly(ctx, sources, packet.unread)
    else:
        _forget_tries(ctx)
        _apply_packet(ctx, packet, sources)
        safe = _apply_deletions(ctx, packet, sources) and bool(packet.records or packet.deleted)
    if safe and not ctx.order.dry_run:
        ctx.fault("confirm-changes.before")
        ctx.connector.confirm_changes(packet.message_no)
        ctx.fault("confirm-changes.after")


def _fetch_packet(ctx: RunContext, connector: ChangeSource, sources: list[SourceSet]) -> ChangePacket | None:
    """The packet; None where it cannot be had: then the sets are swept instead, and nothing is to be confirmed."""
    ctx.next_fetch()
    ctx.fault("fetch-changes.before")
    with pausing(ctx, ENTITY):
        try:
            packet = connector.fetch_changes(sources)
        except RecordError as error:
            _count_try(ctx, error)
        else:
            ctx.fault("fetch-changes.after")
            resume_entity(ctx, ENTITY)
            return packet
    for source in sources:
        with pausing(ctx, source.entity):
            sweep_source(ctx, source)
    return None


def _sources(ctx: RunContext) -> list[SourceSet]:
    return [source for mapped in ctx.mapping.entities.values() for source in mapped.sources]


def _published(ctx: RunContext, connector: RecordSource) -> list[SourceSet]:
    """The sets that the packet may tell of; one that is kept from us is among them: the packet itself brings it."""
    found = []
    for source in _sources(ctx):
        published = True
        with pausing(ctx, source.entity):
            published = source.entity in ctx.state.refused or connector.is_published(source.name)
        if published:
            found.append(source)
    return found


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
    with pausing(ctx, source.entity) as met:
        for part in chunks(records, AT_ONCE):
            apply_records(ctx, source, part)
    if met.entity is not None:
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


def _count_try(ctx: RunContext, error: SverkaError) -> None:
    cursor = cursor_of(ctx, ENTITY)
    cursor.tries += 1
    ctx.leave(f"The packet of changes could not be read; the sets are swept instead: {error}")
    if cursor.tries >= ALARM_AFTER:
        ctx.notice(f"The exchange plan has not been readable {cursor.tries} times in a row: {error}")
    with writing(ctx, "mark") as conn:
        save_cursor(conn, ctx, ENTITY)


def _sweep_wholly(ctx: RunContext, sources: list[SourceSet], error: SverkaError) -> bool:
    """Compare every set to its end. Whether all that the packet could have told is here: then it may be confirmed.

    What is edited meanwhile, or was never put into the packet, survives the confirmation (1c-odata.md §7).
    """
    _count_try(ctx, error)
    for source in sources:
        with pausing(ctx, source.entity):
            sweep_source(ctx, source, full=True)
    for entity in {source.entity: None for source in sources}:
        with pausing(ctx, entity):
            settle_candidates(ctx, entity)
    return all(_is_swept(ctx, source) for source in sources)


def _is_swept(ctx: RunContext, source: SourceSet) -> bool:
    entity = source.entity
    done = cursor_of(ctx, entity).source(source.name).swept == ctx.started_at
    return done and entity not in ctx.state.held and ctx.count(entity).status != "paused"


def _forget_tries(ctx: RunContext) -> None:
    cursor = cursor_of(ctx, ENTITY)
    if cursor.tries:
        cursor.tries = 0
        with writing(ctx, "mark") as conn:
            save_cursor(conn, ctx, ENTITY)
