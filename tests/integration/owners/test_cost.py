"""What it costs that many customers change at once in one system, and another is to learn of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from core.ids import new_id
from store.engine import reading
from store.tables import binding, intent, request
from sync.owners.planning import Change, note_changes
from sync.owners.sides import load_sides
from tests.integration.owners.phones import NEW, OLD
from tests.integration.store.counting import counting
from tests.integration.sync_push.world import World

MOST = 12


def mirrored(world: World, number: int) -> list[UUID]:
    ids = [new_id() for _ in range(number)]
    rows = [
        {
            "connection": "accounting", "entity": "counterparty", "external_id": str(key), "entity_id": key,
            "source": "Catalog_Контрагенты", "version": "V1", "hash": "", "state": "bound", "deleted": False,
            "fetch_seq": 1, "mapping_version": "",
        }
        for key in ids
    ]  # fmt: skip
    with world.app.engine.begin() as conn:
        conn.execute(insert(binding), rows)
    return ids


def everything(world: World, table: Any) -> list[Any]:
    with reading(world.app.engine) as conn:
        return list(conn.execute(select(table)).mappings())


def test_two_thousand_changes_are_planned_with_a_handful_of_statements(world: World) -> None:
    ids, sides = mirrored(world, 2000), load_sides(world.app)
    changes = [Change(key, {"phones": [OLD]}, {"phones": [NEW]}) for key in ids]
    for _ in range(2):
        with counting(world.app.engine) as queries, world.app.engine.begin() as conn:
            remarks = note_changes(conn, world.clock.now(), sides, changes)
        assert remarks == ["accounting: will be told"]
        assert len(queries) <= MOST, len(queries)
        rows = everything(world, intent)
        assert {row["entity_id"] for row in rows} == set(ids)
        assert [row["state"] for row in rows] == ["due"] * 2000
    assert everything(world, request) == [], "the next tick finds what is due by itself"
    assert all(row["seen"]["phones"] for row in everything(world, binding))


def test_one_word_is_enough_for_any_number_of_new_clients(world: World) -> None:
    for number in range(3):
        world.add(f"ООО Новое {number}", tax_id=("7707083893", "7736050003", "7728168971")[number])
    assert [row["kind"] for row in everything(world, request)] == ["push"]
