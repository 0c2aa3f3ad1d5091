"""What other records are called, and their ids in the outside systems: asked in bulk, one question an entity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, select

from store import bulk
from store.entities import entity_tables
from store.queries.shapes import Record, StoredRow, View
from store.tables import binding

SHOWN = {
    "organisation": ("name",),
    "currency": ("code", "name"),
    "manager": ("name",),
    "group": ("name",),
    "product": ("name",),
    "counterparty": ("name",),
    "person": ("name",),
    "contract": ("name", "number"),
    "order": ("number", "date"),
    "shipment": ("number", "date"),
    "return": ("number", "date"),
    "payment": ("number", "date"),
    "deal": ("name", "number"),
}
"""By which columns a record is told where another one refers to it."""
KEPT = 20_000
"""So many referred records are remembered between two chunks."""


class References:
    """Cards of referred records: `{id, name, external_id, external_ids}`, documents with number and date instead."""

    def __init__(self, conn: Connection, view: View) -> None:
        self._conn = conn
        self._view = view
        self._cards: dict[tuple[str, UUID], Record] = {}

    def prepare(self, wanted: Mapping[str, Iterable[UUID]]) -> None:
        """Load the cards of all these records (by entity) that are not known yet: one question an entity and 1000."""
        if len(self._cards) > KEPT:
            self._cards.clear()
        for entity, ids in wanted.items():
            missing = [key for key in dict.fromkeys(ids) if (entity, key) not in self._cards]
            for part in bulk.chunks(missing, bulk.IN_CHUNK):
                self._load(entity, part)

    def card(self, entity: str, key: UUID | None) -> Record | None:
        """The card of a record that was prepared; None for no record."""
        return None if key is None else self._cards.get((entity, key))

    def code(self, key: UUID | None) -> str | None:
        """A currency's code, like "RUB"."""
        card = self.card("currency", key)
        return None if card is None else card["code"]

    def _load(self, entity: str, ids: list[UUID]) -> None:
        table = entity_tables[entity]
        names = SHOWN[entity]
        bound = and_(binding.c.entity == entity, binding.c.entity_id == table.c.id)
        columns = [table.c.id, *(table.c[name] for name in names)]
        query = (
            select(*columns, binding.c.connection, binding.c.external_id, binding.c.deleted.label("gone"))
            .select_from(table.outerjoin(binding, bound))
            .where(table.c.id.in_(ids))
        )
        rows: dict[UUID, list[Any]] = defaultdict(list)
        for row in self._conn.execute(query).mappings():
            rows[row["id"]].append(row)
        for key, found in rows.items():
            shown = {name: self._shown(found[0][name]) for name in names}
            self._cards[entity, key] = {"id": str(key), **shown, **external_ids(self._view, found)}

    def _shown(self, value: Any) -> Any:
        return self._view.moment(value) if hasattr(value, "astimezone") else value


def load_external_ids(conn: Connection, view: View, entity: str, ids: Iterable[UUID]) -> dict[UUID, Record]:
    """`external_id` and `external_ids` of many records."""
    columns = [binding.c.entity_id, binding.c.connection, binding.c.external_id, binding.c.deleted.label("gone")]
    rows: dict[UUID, list[Any]] = defaultdict(list)
    for row in bulk.select_in(conn, binding, columns, binding.c.entity_id, ids, entity=entity):
        rows[row.entity_id].append(row._mapping)
    return {key: external_ids(view, found) for key, found in rows.items()}


def external_ids(view: View, rows: Iterable[StoredRow]) -> Record:
    """The ids that bindings give: one a connection (a living one before one that is gone), accounting first."""
    bound = [row for row in rows if row["connection"] is not None]
    bound.sort(key=lambda row: (view.rank(row["connection"]), row["gone"], row["external_id"]))
    found: dict[str, str] = {}
    for row in bound:
        found.setdefault(row["connection"], row["external_id"])
    return {"external_id": next(iter(found.values()), None), "external_ids": found}


NOT_BOUND: Record = {"external_id": None, "external_ids": {}}


def unresolved_card(entity: str, connection: str | None, external_id: str | None) -> Record:
    """The card of a record that is not here: its id in the system that names it, and nothing else."""
    ids = {connection: external_id} if connection and external_id else {}
    empty = dict.fromkeys(SHOWN[entity])
    return {"id": None, **empty, "external_id": external_id or None, "external_ids": ids}
