"""References that stood open when their record was written, resolved once their target is here.

An entity that has got new records is flagged on its cursor, in the transaction that wrote them; the flag is taken off
when everybody who may wait has been looked at. So a kill between the two loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, literal, select, tuple_, update

from mapping.model import ENTITIES, RefSpec
from store.engine import reading
from store.entities import entity_tables, line_tables
from store.tables import binding
from sync.context import RunContext
from sync.pull.apply import apply_references
from sync.pull.bindings import load_bindings
from sync.pull.cursors import cursor_of, save_cursor
from sync.pull.resolve import fetch_targets
from sync.room.writing import writing

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Place:
    """A table whose rows refer to an entity: of records, or of their lines."""

    entity: str
    table: Table
    owner: Column[Any]
    refs: dict[str, RefSpec]

    @property
    def keys(self) -> list[Column[Any]]:
        """What names one row."""
        return list(self.table.primary_key.columns)


def places_of(target: str) -> Iterator[Place]:
    """Every table that refers to an entity."""
    for spec in ENTITIES.values():
        refs = {name: ref for name, ref in spec.refs.items() if ref.entity == target}
        if refs:
            table = entity_tables[spec.name]
            yield Place(spec.name, table, table.c.id, refs)
        for group, lines in spec.lines.items():
            refs = {name: ref for name, ref in lines.refs.items() if ref.entity == target}
            if refs:
                table = line_tables[spec.name, group]
                yield Place(spec.name, table, table.c[f"{spec.name}_id"], refs)


def relink(ctx: RunContext) -> None:
    """Resolve what waits for entities that have got new records; late references that lead nowhere here are fetched.

    Idempotent; costs a look at the rows that wait, which an index finds.
    """
    for entity in ENTITIES:
        if entity in ctx.state.cursors and cursor_of(ctx, entity).relink:
            _fetch_late(ctx, entity)
            _relink_entity(ctx, entity)


def _fetch_late(ctx: RunContext, entity: str) -> None:
    """References inside one entity, when the whole of it has been read and their target is still not here."""
    late = [place for place in places_of(entity) if any(ref.late for ref in place.refs.values())]
    wanted: set[str] = set()
    for place in late:
        for rows in _waiting(ctx, place):
            wanted |= {key for row in rows for name, key in row.unresolved.items() if name in place.refs}
    if not wanted or ctx.order.dry_run:
        return
    with reading(ctx.app.engine) as conn:
        known = load_bindings(conn, ctx.name, entity, wanted)
    fetch_targets(ctx, entity, sorted(wanted - known.keys()), 0, apply_references)


def _relink_entity(ctx: RunContext, entity: str) -> None:
    for place in places_of(entity):
        for rows in _waiting(ctx, place):
            _relink_rows(ctx, entity, place, rows)
    with writing(ctx, "relink") as conn:
        cursor_of(ctx, entity).relink = False
        save_cursor(conn, ctx, entity)


def _waiting(ctx: RunContext, place: Place) -> Iterator[Sequence[Any]]:
    """Rows of this connection with an open reference, in chunks, in order of their keys."""
    mine = (binding.c.connection == ctx.name, binding.c.entity == place.entity)
    query = (
        select(*place.keys, place.table.c.unresolved)
        .join(binding, binding.c.entity_id == place.owner)
        .where(*mine, place.table.c.unresolved.is_not(None))
        .order_by(*place.keys)
        .limit(AT_ONCE)
    )
    last: tuple[Any, ...] | None = None
    while True:
        with reading(ctx.app.engine) as conn:
            rows = conn.execute(query if last is None else query.where(_after(place, last))).all()
        if not rows:
            return
        last = tuple(rows[-1][: len(place.keys)])
        yield rows
        if len(rows) < AT_ONCE:
            return


def _after(place: Place, last: tuple[Any, ...]) -> ColumnElement[bool]:
    values = (literal(value, column.type) for value, column in zip(last, place.keys, strict=True))
    return tuple_(*place.keys) > tuple_(*values)


def _relink_rows(ctx: RunContext, entity: str, place: Place, rows: Sequence[Any]) -> None:
    wanted = {key for row in rows for name, key in row.unresolved.items() if name in place.refs}
    if not wanted:
        return
    with writing(ctx, "relink") as conn:
        known = load_bindings(conn, ctx.name, entity, wanted)
        found = {key: bound["entity_id"] for key, bound in known.items() if bound["entity_id"] is not None}
        for row in rows:
            hits = {name: found[key] for name, key in row.unresolved.items() if name in place.refs and key in found}
            if hits:
                _fill(conn, ctx, place, row, hits)


def _fill(conn: Connection, ctx: RunContext, place: Place, row: Any, hits: dict[str, Any]) -> None:
    left = {name: key for name, key in row.unresolved.items() if name not in hits}
    values = {f"{name}_id": target for name, target in hits.items()} | {"unresolved": left or None}
    if "updated_at" in place.table.c:
        values["updated_at"] = ctx.app.clock.now()
    where = [column == bindparam(f"key_{column.name}") for column in place.keys]
    keys = {f"key_{column.name}": value for column, value in zip(place.keys, row, strict=False)}
    conn.execute(update(place.table).where(*where), [values | keys])
