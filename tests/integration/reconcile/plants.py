"""Differences to plant in either of the two books, each with what a reconciliation must call it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import delete, select, update

from store.entities import entity_tables, line_tables
from store.tables import binding
from tests.integration.sync_balances.world import World

SETS = {
    "order": "Document_СчетНаОплатуПокупателю",
    "shipment": "Document_РеализацияТоваровУслуг",
    "payment": "Document_ПоступлениеНаРасчетныйСчет",
}


@dataclass(frozen=True)
class Planted:
    """One difference: what it must be called, and of which record."""

    kind: str
    entity: str
    key: str


def documents(world: World, entity: str) -> list[Any]:
    """Documents of one set that count, with their keys, in a fixed order."""
    table = entity_tables[entity]
    query = (
        select(table.c.id, table.c.amount, table.c.number, binding.c.external_id)
        .join(binding, binding.c.entity_id == table.c.id)
        .where(binding.c.entity == entity, binding.c.source == SETS[entity], binding.c.state == "bound")
        .where(table.c.posted.is_(True), table.c.deleted.is_(False))
        .order_by(binding.c.external_id)
    )
    with world.engine.connect() as conn:
        return list(conn.execute(query))


def change_amount_here(world: World, entity: str, row: Any, by: str = "0.01") -> Planted:
    """A kopeck more in our store."""
    table = entity_tables[entity]
    world.change(update(table).where(table.c.id == row.id).values(amount=row.amount + Decimal(by)))
    return Planted("different_amount", entity, row.external_id)


def change_amount_there(world: World, entity: str, row: Any) -> Planted:
    """A kopeck more in accounting, past all that counts versions: an edit of its tables."""
    base = world.base
    with base.storage.transaction():
        found = base.row(SETS[entity], row.external_id)
        found.fields["СуммаДокумента"] = int(found.fields["СуммаДокумента"]) + 1
        base.storage.save(found)
    return Planted("different_amount", entity, row.external_id)


def lose_here(world: World, entity: str, row: Any) -> Planted:
    """A document that is not in our store any more."""
    for (owner, _), lines in line_tables.items():
        if owner == entity:
            world.change(delete(lines).where(lines.c[f"{entity}_id"] == row.id))
    world.change(delete(entity_tables[entity]).where(entity_tables[entity].c.id == row.id))
    world.change(delete(binding).where(binding.c.entity == entity, binding.c.entity_id == row.id))
    return Planted("missing_document", entity, row.external_id)


def lose_there(world: World, entity: str, row: Any) -> Planted:
    """A document that accounting has physically deleted."""
    world.base.delete(SETS[entity], row.external_id)
    return Planted("extra_document", entity, row.external_id)


def unpost_here(world: World, entity: str, row: Any) -> Planted:
    """A document that counts in accounting and not in our store."""
    table = entity_tables[entity]
    world.change(update(table).where(table.c.id == row.id).values(posted=False))
    return Planted("different_amount" if entity == "order" else "missing_document", entity, row.external_id)


def change_date_here(world: World, entity: str, row: Any) -> Planted:
    """Another day of the same month in our store: no control sum of a month sees it."""
    table = entity_tables[entity]
    with world.engine.connect() as conn:
        date = conn.execute(select(table.c.date).where(table.c.id == row.id)).scalar_one()
    moved = date.replace(day=date.day + 1 if date.day < 15 else date.day - 1)
    world.change(update(table).where(table.c.id == row.id).values(date=moved))
    return Planted("different_date", entity, row.external_id)


def unbind_here(world: World, entity: str, row: Any) -> None:
    """A document of ours that no key leads to any more."""
    world.change(delete(binding).where(binding.c.entity == entity, binding.c.entity_id == row.id))


WAYS = (change_amount_here, change_amount_there, lose_here, lose_there, unpost_here)


def plant(world: World, seed: int, number: int) -> set[Planted]:
    """So many differences of any kind in any documents, never two in one."""
    random = Random(seed)
    found: set[Planted] = set()
    for _ in range(number):
        entity = random.choice(sorted(SETS))
        rows = [row for row in documents(world, entity) if row.external_id not in {one.key for one in found}]
        ways = WAYS if entity == "order" else tuple(way for way in WAYS if way is not change_amount_there)
        found.add(random.choice(ways)(world, entity, random.choice(rows)))
    return found
