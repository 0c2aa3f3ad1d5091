"""The writing half of `apply`: items whose fate is decided become rows of all the tables they touch, in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from core.errors import RecordError, Where
from core.ids import new_id
from mapping.model import ENTITIES, MappedRecord, SourceSet
from store.bulk import delete_where_in, insert, select_in, update_rows, upsert
from store.entities import entity_tables, line_tables
from store.tables import binding
from sync.context import RunContext
from sync.owners.holding import hold_own
from sync.owners.joining import Joins, add_made, ask_doubts, find_joins, settle_joined
from sync.owners.rules import ENTITY as SHARED
from sync.owners.settling import settle_shared
from sync.owners.sides import take_turns
from sync.pull import dead
from sync.pull.bindings import KEYS, binding_values, key_of
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.dead import Failure
from sync.pull.decide import Action, left_out_by
from sync.pull.edited import hash_source
from sync.pull.gone import load_held, mark_deleted
from sync.pull.landed import keep_news, keep_received, note_lines
from sync.pull.parked import Waiting, unpark
from sync.pull.prepare import Item
from sync.pull.rows import OWN_COLUMNS, created_row, differences, updated_row
from sync.push.arrivals import close_arrived, follow_customers, follow_deals

Change = dict[str, Any]


class Group:
    """Items of one set, sorted by what is to be written of them."""

    def __init__(self, ctx: RunContext, source: SourceSet, seq: int) -> None:
        self.ctx, self.source, self.seq = ctx, source, seq
        self.changes: list[Change] = []
        self._items: dict[str, list[Item]] = {}

    def add(self, action: Action, item: Item) -> None:
        """Sort one item in."""
        self._items.setdefault(action, []).append(item)

    def of(self, action: str) -> list[Item]:
        """The items of one action."""
        return self._items.get(action, [])

    def entries(self) -> Iterator[tuple[Any, Item]]:
        """Every item with its action."""
        for action, items in self._items.items():
            for item in items:
                yield action, item

    def single(self, action: Action, item: Item) -> Group:
        """A group of this one item."""
        alone = Group(self.ctx, self.source, self.seq)
        alone.add(action, item)
        return alone

    def move_to_parked(self, item: Item, waiting: Waiting, *, tired: bool) -> None:
        """The item waits for another record; one that has waited too often becomes a dead letter."""
        self._items["write"] = [other for other in self.of("write") if other is not item]
        if tired:
            entity, key = waiting.needs
            item.error, item.stage = waited_too_long(self.source, item.key, entity, key), "references"
            item.outcome = "dead"
        else:
            item.outcome = "parked"
        self._items.setdefault("dead" if tired else "parked", []).append(item)


def waited_too_long(source: SourceSet, external_id: str, entity: str, key: str) -> RecordError:
    """The error of a record whose reference could not be fetched for a long time."""
    return RecordError(
        f"The record refers to a {entity} that could not be fetched for a long time ({key}).",
        next_step="sverka doctor, then: sverka dead retry --all",
        where=Where(entity=source.entity, external_id=external_id, code="reference"),
    )


def write_group(conn: Connection, group: Group) -> None:
    """Write everything that the group's items need, in the caller's transaction."""
    _write_records(conn, group)
    _write_left_out(conn, group)
    _write_dead(conn, group)
    _write_parked(conn, group)
    _write_versions(conn, group)
    _settle_letters(conn, group)


def _write_records(conn: Connection, group: Group) -> None:
    items = [item for item in group.of("write") if item.record is not None]
    if not items:
        return
    ctx, source = group.ctx, group.source
    fresh = [item for item in items if item.known is None or item.known["entity_id"] is None]
    known = [item for item in items if item.known is not None and item.known["entity_id"] is not None]
    joins = Joins()
    if source.entity == SHARED:
        take_turns(conn)
        joins = find_joins(conn, ctx, fresh)
        known, made = add_made(conn, known, joins)
        fresh += made
    for item in fresh:
        item.entity_id = joins.rows[item.key]["id"] if item.key in joins.rows else new_id()
    for item in known:
        item.entity_id = item.known["entity_id"] if item.known else None
    before = _load_before(conn, source.entity, [item.entity_id for item in known if item.entity_id], ctx)
    _write_created(conn, group, [item for item in fresh if item.key not in joins.rows])
    _write_joined(conn, group, [item for item in fresh if item.key in joins.rows], joins)
    ask_doubts(conn, ctx, fresh, joins)
    _write_updated(conn, group, known, before)
    replaced = [item.entity_id for item in known if item.entity_id]
    _write_lines(conn, source.entity, items, replaced, remap=ctx.order.remap)
    keep_received(conn, ctx, source, items)
    _write_bindings(conn, group, items)
    _follow(conn, group, items, before | {row["id"]: row for row in joins.rows.values()})


def _follow(conn: Connection, group: Group, items: Sequence[Item], before: Mapping[UUID, Any]) -> None:
    """What a CRM's clients, who have just been written, ask of accounting."""
    if group.source.entity == SHARED:
        follow_customers(conn, group.ctx, [item.entity_id for item in items if item.entity_id], before)
    elif group.source.entity == "deal":
        follow_deals(conn, group.ctx, items)


def _load_before(conn: Connection, entity: str, ids: Sequence[UUID], ctx: RunContext) -> dict[UUID, Mapping[str, Any]]:
    """Rows as they stand: where a value of ours may have to stay, and to show what a dry run would change."""
    if not ids or not (entity == "counterparty" or ctx.order.dry_run or ctx.order.remap):
        return {}
    table = entity_tables[entity]
    return {row.id: dict(row._mapping) for row in select_in(conn, table, list(table.c), table.c.id, ids)}


def _write_created(conn: Connection, group: Group, items: Sequence[Item]) -> None:
    now, home = group.ctx.app.clock.now(), group.ctx.settings.role
    rows = [created_row(item, item.record, now, home) for item in items if item.record]
    insert(conn, entity_tables[group.source.entity], rows)
    _note_changes(group, items, {}, rows)


def _write_joined(conn: Connection, group: Group, items: Sequence[Item], joins: Joins) -> None:
    """New cards of customers who are here already: the first link only fills gaps."""
    settled = settle_joined(conn, group.ctx, items, joins)
    before = {row["id"]: row for row in joins.rows.values()}
    now, table = group.ctx.app.clock.now(), entity_tables[group.source.entity]
    role = group.ctx.settings.role
    rows = [
        updated_row(item, item.record, now, before[key], role=role, held=True, settled=settled[key])
        for item in items
        if item.record and (key := item.entity_id)
    ]
    for item in items:
        item.outcome = "filtered" if item.key in joins.own else item.outcome
    if role == "accounting":
        close_arrived(conn, now, group.ctx.name, list(settled))
    hold_own(conn, group.ctx, group.source.entity, items, rows)
    for alike in _by_columns(rows):
        update_rows(conn, table, alike, [name for name in alike[0] if name not in ("id", *OWN_COLUMNS)])
    _note_changes(group, items, before, rows)


def _write_updated(
    conn: Connection, group: Group, items: Sequence[Item], before: Mapping[UUID, Mapping[str, Any]]
) -> None:
    now, table = group.ctx.app.clock.now(), entity_tables[group.source.entity]
    going = {item.key: item.entity_id for item in items if item.record and item.record.deleted and item.entity_id}
    held = load_held(conn, group.ctx, group.source.entity, list(going.values()), going)
    settled = settle_shared(conn, group.ctx, items, before) if group.source.entity == SHARED else {}
    rows = [
        updated_row(
            item,
            item.record,
            now,
            before.get(item.entity_id, {}),
            role=group.ctx.settings.role,
            held=item.entity_id in held and not _stays_deleted(group.ctx, before.get(item.entity_id)),
            settled=settled.get(item.entity_id),
        )
        for item in items
        if item.record and item.entity_id
    ]
    hold_own(conn, group.ctx, group.source.entity, items, rows)
    for alike in _by_columns(rows):
        changed = [name for name in alike[0] if name not in ("id", *OWN_COLUMNS)]
        update_rows(conn, table, alike, changed)
    _note_changes(group, items, before, rows)


def _stays_deleted(ctx: RunContext, before: Mapping[str, Any] | None) -> bool:
    """Rules that are carried over take back no deletion: nothing has come from the other side."""
    return ctx.order.remap and before is not None and bool(before["deleted"])


def _by_columns(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def _note_changes(
    group: Group, items: Sequence[Item], before: Mapping[UUID, Mapping[str, Any]], rows: Sequence[dict[str, Any]]
) -> None:
    if group.ctx.order.remap:
        for item, row in zip(items, rows, strict=True):
            item.before, item.after = before.get(row["id"]), row
        return
    if not group.ctx.order.dry_run:
        return
    for item, row in zip(items, rows, strict=True):
        old = before.get(row["id"])
        change = {"action": item.outcome, "entity": group.source.entity, "external_id": item.key}
        group.changes.append(change | {"fields": differences(old, row)})


def _write_lines(
    conn: Connection, entity: str, items: Sequence[Item], replaced: Sequence[UUID], *, remap: bool
) -> None:
    for name in ENTITIES[entity].lines:
        table = line_tables[entity, name]
        owner = table.c[f"{entity}_id"]
        if remap:
            note_lines(conn, entity, name, items)
        delete_where_in(conn, table, owner, replaced)
        insert(conn, table, [{owner.name: item.entity_id} | row for item in items for row in item.lines.get(name, ())])


def _write_bindings(conn: Connection, group: Group, items: Sequence[Item]) -> None:
    ctx, source = group.ctx, group.source
    rows = []
    for item in items:
        record: MappedRecord | None = item.record
        if record is None:
            continue
        values = _seen(group, item) | {
            "entity_id": item.entity_id,
            "hash": record.hash,
            "state": "deleted" if record.deleted else "bound",
            "code": str(record.fields.get("code") or record.fields.get("number") or "")[:100] or None,
            "seen": item.seen,
        }
        rows.append(key_of(ctx.name, source.entity, item.key) | values)
    _save_bindings(conn, rows)


def _seen(group: Group, item: Item) -> dict[str, Any]:
    """What every reading of a record leaves on its binding."""
    return binding_values(
        item.known,
        source=group.source.name,
        version=item.raw.version,
        date=item.date,
        fetch_seq=item.known["fetch_seq"] if group.ctx.order.remap and item.known else group.seq,
        mapping_version=group.ctx.mapping.version,
        missing_since=None,
        deleted=False,
        foreign_key=_is_foreign(group, item),
    )


def _is_foreign(group: Group, item: Item) -> bool:
    """Under another program's key, as it was read; what is applied anew from what is kept tells nothing of it."""
    return bool(item.known and item.known["foreign_key"]) if group.ctx.order.remap else item.raw.foreign_key


def _save_bindings(conn: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(conn, binding, rows, KEYS)


def _write_left_out(conn: Connection, group: Group) -> None:
    items = group.of("leave")
    ctx, source = group.ctx, group.source
    mirrored = [item.known["entity_id"] for item in items if item.known is not None and item.outcome == "deleted"]
    rows = [
        key_of(ctx.name, source.entity, item.key)
        | _seen(group, item)
        | {"state": "filtered", "mapping_version": left_out_by(item, ctx.mapping.version)}
        for item in items
    ]
    _save_bindings(conn, rows)
    keep_received(conn, ctx, source, [item for item in items if item.left_out != "before"])
    mark_deleted(conn, ctx, source.entity, mirrored)
    if ctx.order.dry_run:
        gone = (item for item in items if item.outcome == "deleted")
        group.changes += [
            {"action": "deleted", "entity": source.entity, "external_id": item.key, "fields": {}} for item in gone
        ]


def _write_dead(conn: Connection, group: Group) -> None:
    ctx, source = group.ctx, group.source
    items = [item for item in group.of("dead") if item.error is not None]
    failures = [
        Failure(
            source.entity, item.key, item.stage, item.error, source.name, item.raw.raw,
            content=hash_source(source, item.raw),
        )
        for item in items
        if item.error
    ]  # fmt: skip
    given_up = {key for _, key, _ in dead.record_failures(conn, ctx, failures)}
    for item in items:
        if item.key in given_up:
            item.outcome = "filtered"
    rows = [key_of(ctx.name, source.entity, item.key) | _seen(group, item) | {"state": "dead"} for item in items]
    _save_bindings(conn, rows)
    keep_received(conn, ctx, source, items)


def _write_parked(conn: Connection, group: Group) -> None:
    ctx, source = group.ctx, group.source
    items = group.of("parked")
    rows = [key_of(ctx.name, source.entity, item.key) | _seen(group, item) | {"state": "parked"} for item in items]
    _save_bindings(conn, rows)


def _write_versions(conn: Connection, group: Group) -> None:
    """Same content, new version: nothing but the version last seen. A record without versions has only its content."""
    versionless = [item for item in group.of("nothing") if not item.raw.version]
    keep_news(conn, group.ctx, group.source, group.of("version") + versionless)
    rows = [
        key_of(group.ctx.name, group.source.entity, item.key)
        | {"version": item.raw.version, "fetch_seq": group.seq, "missing_since": None, "date": item.date}
        | {"foreign_key": _is_foreign(group, item)}
        for item in group.of("version")
    ]
    upsert(conn, binding, rows, KEYS)


def _settle_letters(conn: Connection, group: Group) -> None:
    """Letters and waiting end by themselves when their record has found its place."""
    ctx, entity = group.ctx, group.source.entity
    placed = [item for action in ("write", "leave", "version", "nothing") for item in group.of(action)]
    current = [item for item in placed if item.known is None or item.known["fetch_seq"] <= group.seq]
    dead.resolve(conn, ctx.name, entity, [item.key for item in current], "in")
    settled = current + group.of("dead")
    woken = [item.key for item in settled if item.known is not None and item.known["state"] == "parked"]
    unpark(conn, ctx.name, entity, woken)


def flag_relink(conn: Connection, ctx: RunContext, entity: str) -> None:
    """Somebody may have been waiting for what is new: looked at when the entities are read, also after a kill."""
    cursor = cursor_of(ctx, entity)
    if not cursor.relink:
        cursor.relink = True
        save_cursor(conn, ctx, entity)
