"""Whose value stays, whose echo is dropped, who may still write: the guards of design §5 on real tables."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from core.ids import new_id
from store.entities import counterparties
from store.tables import binding, connection, lease, run
from sync.context import Order
from sync.cycle import run_cycle
from tests.integration.sync_pull.world import World, assert_balances, assert_level, dump, line, rows

PARTIES = "Catalog_Контрагенты"


def own_contact(world: World, key: str, **fields: Any) -> Any:
    """A contact of the CRM that is bound to a card of accounting, as the push leaves it."""
    contact = new_id()
    now = world.clock.now()
    with world.engine.begin() as conn:
        row = {"id": contact, "name": "Наш контакт", "home": "crm", "created_at": now, "updated_at": now, "search": ""}
        conn.execute(counterparties.insert().values(row | fields))
        bound = {"connection": "accounting", "entity": "counterparty", "external_id": key, "entity_id": contact}
        conn.execute(binding.insert().values(bound | {"source": PARTIES, "version": "old"}))
    return contact


def contact_row(world: World, contact: Any) -> dict[str, Any]:
    return next(row for row in rows(world, counterparties) if row["id"] == contact)


def test_an_empty_value_of_accounting_never_blanks_the_crms(build: Callable[..., World]) -> None:
    world = build(documents=12)
    key = world.base.create(PARTIES, {"Description": "ООО Карточка", "ИНН": "7707083893"})
    contact = own_contact(world, key, phones=["+79161234567"], industry="Торговля", comment="важный")
    world.sync()
    row = contact_row(world, contact)
    assert (row["name"], row["tax_id"]) == ("ООО Карточка", "7707083893")
    assert (row["phones"], row["industry"], row["comment"]) == (["+79161234567"], "Торговля", "важный")
    assert row["home"] == "crm" and "7707083893" in row["search"] and "9161234567" in row["search"]
    world.base.change(PARTIES, key, {"ИНН": ""})
    world.tick()
    world.sync()
    assert contact_row(world, contact)["tax_id"] == "7707083893"


def test_accountings_own_customer_may_be_blanked(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    key = world.base.create(PARTIES, {"Description": "ООО Их", "ИНН": "7707083893"})
    world.sync()
    world.base.change(PARTIES, key, {"ИНН": ""})
    world.tick()
    world.sync()
    entity_id = rows(world, binding, entity="counterparty", external_id=key)[0]["entity_id"]
    assert contact_row(world, entity_id)["tax_id"] is None


def test_our_own_write_coming_back_is_dropped(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    key = world.base.create(PARTIES, {"Description": "ООО Эхо"})
    world.sync()
    bound = rows(world, binding, entity="counterparty", external_id=key)[0]
    with world.engine.begin() as conn:
        mine = (binding.c.entity == "counterparty", binding.c.external_id == key)
        conn.execute(update(binding).where(*mine).values(written_hash=bound["hash"], version="of our write"))
        conn.execute(update(counterparties).where(counterparties.c.id == bound["entity_id"]).values(name="Наше имя"))
    world.tick()
    assert line(world.sync(), "counterparty") == {"read": 1, "filtered": 1}
    assert contact_row(world, bound["entity_id"])["name"] == "Наше имя"
    world.base.change(PARTIES, key, {"Description": "ООО Правка"})
    world.tick()
    assert line(world.sync(), "counterparty") == {"read": 1, "updated": 1}


def test_a_worker_that_lost_its_lease_writes_nothing_more(build: Callable[..., World]) -> None:
    world = build(documents=30)
    seen: list[dict[str, list[str]]] = []

    class Thief:
        def step(self, entity: str, done: int, text: str = "") -> None:
            if entity == "contract" and not seen:
                with world.engine.begin() as conn:
                    conn.execute(update(lease).values(owner="thief", fence=lease.c.fence + 1))
                seen.append(dump(world.engine))

    result = run_cycle(world.app, "accounting", Order(), Thief())
    assert result.status == "failed" and "taken over" in result.message
    assert dump(world.engine) == seen[0]
    assert rows(world, run)[0]["status"] in ("running", "failed")
    assert rows(world, lease, name="accounting")[0]["owner"] == "thief"
    world.tick(60)
    world.sync()
    assert_level(world)


def test_a_set_that_vanishes_pauses_its_entity_and_heals(build_sqlite: Callable[..., World]) -> None:
    world = build_sqlite(documents=12)
    world.sync()
    world.base.schema.unpublished.add("Catalog_КонтактныеЛица")
    world.tick(7200)
    result = world.sync(status="partial")
    assert "persons is paused" in result.message
    assert list(rows(world, connection)[0]["paused_entities"]) == ["person"]
    world.base.schema.unpublished.discard("Catalog_КонтактныеЛица")
    world.tick(7200)
    world.sync()
    assert rows(world, connection)[0]["paused_entities"] is None


@pytest.mark.on_postgresql()  # the same pages over again, as many as the base is large; a page there is tried by others
@pytest.mark.timeout(900)
def test_twenty_thousand_documents_and_five_hundred_edits(build: Callable[..., World]) -> None:
    world = build(documents=20_000)
    world.sync()
    assert_level(world)
    world.tick()
    world.base.random_edits(500, 3)
    world.sync()
    assert_level(world, "shipment", "return", "payment")
    world.sync(full=True)
    assert_level(world)
    assert_balances(world)
