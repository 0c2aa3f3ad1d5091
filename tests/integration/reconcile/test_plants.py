"""Whatever differs between the two books is found and named exactly, and nothing else is; a repair mends it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from store.entities import entity_tables
from sync.reconcile.result import Reconciliation
from tests.integration.reconcile import plants
from tests.integration.reconcile.plants import Planted
from tests.integration.sync_balances.world import World, open_world


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url, documents=150, counterparties=12, since=date(2025, 3, 1)) as opened:
        opened.cycle()
        assert opened.reconcile().status == "ok"
        yield opened


def drift(result: Reconciliation) -> set[Planted]:
    return {Planted(line.kind, line.entity, line.external_id) for line in result.lines if line.weight == "drift"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_plants_are_all_named_and_nothing_else(world: World, seed: int) -> None:
    planted = plants.plant(world, seed, 6)
    result = world.reconcile()
    assert result.status == "explained", (result.failure, result.unexplained)
    assert drift(result) == planted
    assert len([line for line in result.lines if line.weight == "drift"]) == len(planted), "each is told once"
    assert all(line.number and line.date and line.link for line in result.lines if line.weight == "drift")
    assert result.unexplained == {}
    mended = world.reconcile(repair=True)
    left = {one for one in planted if one.kind == "different_amount"} & drift(mended)
    assert (mended.status, left) == ("ok", set()), mended.differences()
    assert world.ours() == world.theirs()
    again = world.reconcile()
    assert (again.status, drift(again)) == ("ok", set())


def test_a_kopeck_in_an_order_moves_no_balance_and_is_found(world: World) -> None:
    row = plants.documents(world, "order")[0]
    planted = plants.change_amount_here(world, "order", row)
    result = world.reconcile()
    assert drift(result) == {planted}
    line = next(line for line in result.lines if line.external_id == row.external_id)
    assert (str(line.amount), line.note, line.number) == ("-0.0100", "same version, another amount", row.number)
    order = next(entity for entity in result.entities if entity.entity == "order")
    assert order.to_json()["differing"] == 1
    (month,) = order.differing_months()
    assert month["ours"]["count"] == month["accounting"]["count"]
    assert month["ours"]["amount"] != month["accounting"]["amount"]


def test_a_silent_edit_of_the_base_is_found_and_read(world: World) -> None:
    row = plants.documents(world, "order")[-1]
    planted = plants.change_amount_there(world, "order", row)
    world.cycle()
    assert drift(world.reconcile()) == {planted}, "its version is what it was, so no sweep sees it"
    assert world.reconcile(repair=True).status == "ok"
    table = entity_tables["order"]
    with world.engine.connect() as conn:
        amount = conn.execute(select(table.c.amount).where(table.c.id == row.id)).scalar_one()
    assert amount - row.amount == Decimal("0.01")


def test_a_document_dated_back_is_named_until_it_is_here(world: World) -> None:
    head = {"Date": "2025-04-01T12:00:00", "СуммаДокумента": 100}
    key = world.base.create("Document_СчетНаОплатуПокупателю", head)
    result = world.reconcile()
    assert drift(result) == {Planted("missing_document", "order", key)}
    assert world.reconcile(repair=True).status == "ok"


def test_what_was_mended_costs_no_second_comparison_of_everything(world: World) -> None:
    plants.change_amount_here(world, "order", plants.documents(world, "order")[0])
    world.server.requests.clear()
    first = world.reconcile(repair=True)
    asked = [entry.path for entry in world.server.requests]
    counted = {name: sum(1 for path in asked if path.endswith(name)) for name in ("Catalog_Номенклатура",)}
    assert (first.status, first.repaired) == ("ok", 1)
    assert counted["Catalog_Номенклатура"] <= 2, "groups and products, once each"


def test_the_books_of_an_unchanged_base_cost_a_question_a_set_and_four_of_the_register(world: World) -> None:
    world.reconcile()
    world.server.requests.clear()
    result = world.reconcile()
    sets = sum(len(entity.sets) for entity in result.entities)
    asked = [entry for entry in world.server.requests if "$metadata" not in entry.path]
    balances = [entry for entry in asked if "/Balance(" in entry.path]
    streams = [entry for entry in asked if "$orderby" in entry.query]
    assert len(balances) == 4, "rows and totals, now and at the opening"
    assert len(streams) <= sets
    assert len(asked) - len(balances) - len(streams) <= 3, [entry.path for entry in asked]


def test_one_number_of_buckets_whatever_the_number_of_records(world: World) -> None:
    result = world.reconcile()
    for entity in result.entities:
        told = entity.to_json()
        assert told["differing"] == 0 or entity.filtered, told
        assert told["months"] == []
    with world.engine.connect() as conn:
        stored = conn.execute(select(func.count()).select_from(entity_tables["order"])).scalar_one()
    assert next(entity for entity in result.entities if entity.entity == "order").ours >= stored
