"""What a link asks of a portal and keeps in memory, by the number of companies."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from connectors.bitrix24.connector import Bitrix24Connector
from connectors.cards import CardLister
from core.clock import SystemClock
from core.ids import new_id
from sandbox.bitrix24.admin import PERSON
from sandbox.bitrix24.items import Items
from store.entities import counterparties
from store.tables import binding
from sync.room.opening import open_for
from tests.integration.link.world import CRM, World, open_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_world(f"sqlite:///{tmp_path / 'store.db'}", tmp_path) as world:
        yield world


def tax_id(number: int) -> str:
    """A right INN for each number."""
    digits = f"{770000000 + number:09}"
    weights = (2, 4, 10, 3, 5, 9, 4, 6, 8)
    return digits + str(sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 % 10)


def fill(world: World, count: int) -> None:
    """So many customers that both sides know."""
    now = SystemClock().now()
    ids = [new_id() for _ in range(count)]
    rows = [
        {
            "id": key, "name": f"ООО Компания {number}", "tax_id": tax_id(number), "phones": [f"+7495{number:07}"],
            "emails": [], "home": "accounting", "search": "", "deleted": False, "created_at": now, "updated_at": now,
        }
        for number, key in enumerate(ids)
    ]  # fmt: skip
    cards = [
        {
            "connection": "accounting",
            "entity": "counterparty",
            "external_id": str(key),
            "entity_id": key,
            "state": "bound",
        }
        for key in ids
    ]
    with world.engine.begin() as conn:
        conn.execute(insert(counterparties), rows)
        conn.execute(insert(binding), cards)
    items = Items(world.portal)
    for number in range(count):
        items.add({"entityTypeId": 4, "fields": {"title": f"Компания {number}"}}, PERSON)
        world.portal.requisites[number + 10] = {
            "ID": str(number + 10), "ENTITY_TYPE_ID": "4", "ENTITY_ID": str(number + 2), "PRESET_ID": "1",
            "RQ_INN": tax_id(number), "RQ_KPP": None, "DATE_CREATE": world.portal.stamp(), "DATE_MODIFY": "",
        }  # fmt: skip


def test_thousands_of_companies_take_few_requests(world: World) -> None:
    """Two thousand cards: eight requests to look at all of them and their requisites, two for each fifty to claim."""
    fill(world, 2000)
    assert world.link(dry_run=True).status == "ok"
    assert len(world.lines["sure"]) == 2000
    assert world.requests <= 12
    assert world.link().status == "ok"
    assert len(world.bound()) == 2000
    assert world.requests <= 12 + 2 * 2000 / 50
    world.link()
    assert len(world.lines["linked"]) == 2000
    assert world.requests <= 12


def test_many_tax_ids_are_asked_for_together(world: World) -> None:
    fill(world, 1000)
    connector = open_for(world.app, world.settings.connection(CRM))
    assert isinstance(connector, Bitrix24Connector)
    assert isinstance(connector, CardLister)
    before = connector.usage.requests
    found = connector.find_cards("company", "tax_id", [tax_id(number) for number in range(1200)])
    connector.close()
    assert len(found) == 1000
    assert connector.usage.requests - before <= 4


def test_memory_does_not_grow_with_the_cards(world: World) -> None:
    def peak(count: int) -> int:
        fill_from = len(world.portal.kinds[4].items)
        items = Items(world.portal)
        for number in range(fill_from, count):
            items.add({"entityTypeId": 4, "fields": {"title": f"Никто {number}"}}, PERSON)
        tracemalloc.start()
        try:
            world.link(dry_run=True)
            world.lines = {}
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(1200), peak(3600)
    assert large < small * 2
