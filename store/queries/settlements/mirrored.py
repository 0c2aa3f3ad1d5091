"""Every record that we hold of one set, with what can be compared of it; for reconciling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, null, or_, select

from core.money import to_minor
from mapping.model import ENTITIES
from store.entities import entity_tables
from store.tables import binding
from store.tables.records import OUTSIDE

AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Mirrored:
    """One record of ours by the other side's key; `amount` in ten-thousandths, None where its kind has none."""

    external_id: str
    version: str
    state: str
    present: bool
    posted: bool | None
    amount: int | None
    date: datetime | None


def iter_mirrored(
    conn: Connection, connection: str, entity: str, source: str, start: datetime | None
) -> Iterator[Mirrored]:
    """Records of one set that its list should name as far as we know, dated from `start` on; in pages by key."""
    last = ""
    query = _query(connection, entity, source, start)
    while rows := conn.execute(query.where(binding.c.external_id > last)).all():
        for row in rows:
            amount = None if row.amount is None else to_minor(row.amount)
            yield Mirrored(row.external_id, row.version, row.state, bool(row.present), row.posted, amount, row.date)
        last = rows[-1].external_id


def _query(connection: str, entity: str, source: str, start: datetime | None) -> Select[Any]:
    table = entity_tables[entity]
    document = ENTITIES[entity].document
    columns = [binding.c.external_id, binding.c.version, binding.c.state, table.c.id.is_not(None).label("present")]
    figures = [table.c.posted, table.c.amount, table.c.date] if document else _nothing()
    query = (
        select(*columns, *figures)
        .outerjoin(table, table.c.id == binding.c.entity_id)
        .where(binding.c.connection == connection, binding.c.entity == entity, binding.c.source == source)
        .where(binding.c.deleted.is_(False), binding.c.mapping_version.is_distinct_from(OUTSIDE))
        .order_by(binding.c.external_id)
        .limit(AT_ONCE)
    )
    return query if start is None else query.where(or_(binding.c.date >= start, binding.c.date.is_(None)))


def _nothing() -> list[Any]:
    return [null().label(name) for name in ("posted", "amount", "date")]


def find_borders(conn: Connection, connection: str, source: str, start: datetime | None, size: int) -> list[datetime]:
    """Days that cut the records of a set into windows of about `size`, the latest first."""
    borders: list[datetime] = []
    mine = (binding.c.connection == connection, binding.c.source == source, binding.c.deleted.is_(False))
    query = select(binding.c.date).where(*mine).order_by(binding.c.date.desc()).offset(size).limit(1)
    upper = conn.execute(select(func.max(binding.c.date)).where(*mine)).scalar_one_or_none()
    while upper is not None:
        found = conn.execute(query.where(binding.c.date <= upper)).scalar_one_or_none()
        if found is None or (start is not None and found <= start):
            break
        border = found.replace(hour=0, minute=0, second=0, microsecond=0)
        if borders and border >= borders[-1]:
            break
        borders.append(border)
        upper = border
    return [border for border in borders if start is None or border > start]
