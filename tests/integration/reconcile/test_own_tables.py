"""Damage in tables of ours that neither versions nor control sums show."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import select

from store.entities import entity_tables
from sync.reconcile.result import Reconciliation
from tests.integration.reconcile import plants
from tests.integration.reconcile.plants import Planted
from tests.integration.sync_balances.world import NAME, World, open_world


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url, documents=60, counterparties=6, since=date(2025, 3, 1)) as opened:
        first = opened.cycle()
        assert first.status == "ok", (first.status, first.message, first.notices)
        yield opened


def drift(result: Reconciliation) -> list[Planted]:
    return [Planted(line.kind, line.entity, line.external_id) for line in result.lines if line.weight == "drift"]


def alive(world: World, number: str) -> list[bool]:
    table = entity_tables["order"]
    with world.engine.connect() as conn:
        return sorted(conn.execute(select(table.c.deleted).where(table.c.number == number)).scalars())


def test_a_date_moved_within_its_month_is_found_and_mended(world: World) -> None:
    row = plants.documents(world, "order")[0]
    planted = plants.change_date_here(world, "order", row)
    result = world.reconcile()
    assert drift(result) == [planted]
    (line,) = (line for line in result.lines if line.weight == "drift")
    assert line.note.startswith("in accounting dated 202") and line.amount is None
    assert world.reconcile(repair=True).status == "ok"
    assert drift(world.reconcile()) == []


def test_a_document_that_no_key_leads_to_leaves_no_twin(world: World) -> None:
    row = plants.documents(world, "order")[0]
    plants.unbind_here(world, "order", row)
    result = world.reconcile()
    missing, extra = Planted("missing_document", "order", row.external_id), Planted("extra_document", "order", "")
    assert sorted(drift(result), key=lambda one: one.kind) == [extra, missing]
    (told,) = (line for line in result.lines if line.kind == "extra_document")
    assert (told.number, told.note) == (row.number, "no key leads to it") and told.date and told.counterparty
    before = alive(world, row.number)
    mended = world.reconcile(repair=True)
    assert mended.status == "ok", mended.differences()
    assert alive(world, row.number) == sorted([*before, True]), "one stands, the one without a key is marked"
    assert drift(world.reconcile()) == []


def test_the_guard_holds_documents_without_a_key_too(world: World) -> None:
    connections = world.app.settings.connections
    tight = {"deletion_guard_records": 1, "deletion_guard_share": 0.0}
    connections[NAME] = connections[NAME].model_copy(update=tight)
    rows = plants.documents(world, "order")[:2]
    for row in rows:
        plants.unbind_here(world, "order", row)
    world.reconcile(repair=True)
    for row in rows:
        assert True not in alive(world, row.number)


def test_another_amount_names_customer_and_currency(world: World) -> None:
    row = plants.documents(world, "order")[0]
    assert drift(world.reconcile()) == []
    planted = plants.change_amount_here(world, "order", row)
    result = world.reconcile()
    assert drift(result) == [planted]
    (line,) = (line for line in result.lines if line.weight == "drift")
    told = line.to_json()
    assert told["currency"] == "RUB" and told["counterparty"]["name"] and told["counterparty"]["external_id"]
    assert world.reconcile(repair=True).status == "ok"
