"""The balance as a change detector: what the near window does not see is read in the very same cycle."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from mapping.model import SETTLEMENT_DOCUMENTS
from sandbox.onec.edits import change_amount, copy_document
from store.entities import entity_tables
from store.tables import binding
from sync.pull import sweep
from sync.settle import customer as customers
from tests.integration.sync_balances.world import World, open_world

SHIPMENT, PAYMENT = "Document_РеализацияТоваровУслуг", "Document_ПоступлениеНаРасчетныйСчет"


@pytest.fixture
def world(store_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Everything read once; from then on the far past is not swept at all: only the detector can see it."""
    with open_world(store_url, since=date(2024, 3, 1)) as opened:
        opened.cycle()
        monkeypatch.setattr(sweep, "_sweep_past", lambda *args, **options: None)
        yield opened


class Doubling(Random):
    """Chance that doubles every amount and posts every document."""

    def choice(self, seq: Any) -> Any:
        return 200

    def random(self) -> float:
        return 0.0


def old(world: World, set_name: str) -> Any:
    """A posted document of long ago that moves a settlement."""
    movers = {row["recorder"] for row in world.base.truth_movements() if row["set"] == set_name}
    rows = world.base.storage.select(set_name, "date > '2024-06-01' AND date < '2025-03-01'")
    return next(row for row in rows if row.posted and row.key in movers)


def ours(world: World, key: str) -> Any:
    """Our document behind an external id, or None."""
    with world.engine.connect() as conn:
        for entity in SETTLEMENT_DOCUMENTS:
            table = entity_tables[entity]
            on = (binding.c.entity == entity) & (binding.c.entity_id == table.c.id)
            found = conn.execute(select(table).join(binding, on).where(binding.c.external_id == key)).first()
            if found is not None:
                return found
    return None


def change_old_amount(world: World) -> str:
    row = old(world, SHIPMENT)
    change_amount(world.base, Doubling(7), row)
    return str(row.key)


def enter_late(world: World) -> str:
    """A new document with a date of a year ago."""
    row = old(world, PAYMENT)
    key = copy_document(world.base, Doubling(7), row)
    world.base.change(PAYMENT, key, {"Date": "2024-11-05T12:00:00"})
    return key


def unpost(world: World) -> str:
    row = old(world, SHIPMENT)
    world.base.unpost(SHIPMENT, row.key)
    return str(row.key)


def mark(world: World) -> str:
    row = old(world, SHIPMENT)
    world.base.mark(SHIPMENT, row.key)
    return str(row.key)


def delete(world: World) -> str:
    row = old(world, PAYMENT)
    world.base.delete(PAYMENT, row.key)
    return str(row.key)


@pytest.mark.parametrize("edit", [change_old_amount, enter_late, unpost, mark, delete])
def test_an_old_edit_reaches_the_store_in_one_cycle(world: World, edit: Any) -> None:
    key = edit(world)
    before = ours(world, key)
    world.cycle()
    assert world.ours() == world.theirs()
    after = ours(world, key)
    assert after is not None
    assert before != after
    if edit is change_old_amount:
        assert after.amount == Decimal(world.base.get(SHIPMENT, key)["СуммаДокумента"]).quantize(Decimal("0.01"))
    if edit in (unpost, mark):
        assert not after.posted
    if edit is delete:
        assert after.deleted
    assert world.reconcile().status == "ok"


def test_an_explained_move_asks_for_no_customer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = next(row for row in world.base.storage.select(SHIPMENT, "date > '2025-12-20'") if row.posted)
    change_amount(world.base, Doubling(7), row)
    monkeypatch.setattr(customers, "pull_documents", lambda *args: pytest.fail("no customer had to be asked"))
    world.cycle()
    assert world.ours() == world.theirs()


def manual_movement(world: World) -> str:
    """A debt correction of long ago is changed: no mirrored document stands behind it."""
    row = next(iter(world.base.storage.select("Document_КорректировкаДолга", "posted = 1 AND date > '2024-04-01'")))
    world.base.unpost("Document_КорректировкаДолга", row.key)
    return str(row.key)


def test_a_move_without_a_document_is_asked_once_and_kept_as_offset(world: World) -> None:
    manual_movement(world)
    before = {row.id: row.unexplained for row in world.rows()}
    world.cycle()
    assert world.ours() == world.theirs()
    changed = [row for row in world.rows() if row.unexplained != before.get(row.id)]
    assert changed
    asked = world.last_run().requests
    world.cycle()
    assert world.last_run().requests < asked, "the second time nobody is asked"


def test_many_customers_at_once_are_one_sweep(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key = change_old_amount(world)
    monkeypatch.undo()
    monkeypatch.setattr(customers, "SWEEP_FROM", 0)
    monkeypatch.setattr(customers, "pull_documents", lambda *args: pytest.fail("a sweep, not one by one"))
    monkeypatch.setattr(sweep, "BUDGET", {"schedule": 0})
    world.cycle()
    assert ours(world, key).amount == Decimal(world.base.get(SHIPMENT, key)["СуммаДокумента"]).quantize(Decimal("0.01"))


def test_one_customer_can_be_refreshed_by_himself(world: World) -> None:
    key = change_old_amount(world)
    party = world.base.get(SHIPMENT, key)["Контрагент_Key"]
    age = {row.id: row.as_of for row in world.rows() if row.counterparty_key == party}
    world.pull_customer(party)
    assert world.result.status == "ok"
    assert {k: v for k, v in world.ours().items() if k[0] == party} == {
        k: v for k, v in world.theirs().items() if k[0] == party
    }
    assert all(row.as_of > age[row.id] for row in world.rows() if row.counterparty_key == party and row.amount)


def test_the_whole_life_of_two_years(world: World) -> None:
    """Two hundred edits anywhere; two cycles (an order moves no balance and waits for the night)."""
    world.base.random_edits(200, seed=3)
    world.cycle()
    assert world.ours() == world.theirs()
    start = datetime(2024, 3, 1)  # noqa: DTZ001 - the stand-in's own wall clock
    for set_name in (SHIPMENT, PAYMENT, "Document_ВозвратТоваровОтПокупателя"):
        for truth in world.base.truth_documents(set_name):
            moment = datetime.fromisoformat(truth["Date"])
            mine = ours(world, truth["Ref_Key"])
            if mine is not None and truth["Posted"] and moment >= start + timedelta(days=1):
                assert mine.amount == Decimal(str(truth["СуммаДокумента"])), (set_name, truth["Number"])


def test_a_clock_that_was_put_back_hides_nothing(world: World) -> None:
    world.app.clock.move(timedelta(hours=-2))  # type: ignore[attr-defined]
    key = change_old_amount(world)
    world.cycle()
    truth = Decimal(world.base.get(SHIPMENT, key)["СуммаДокумента"])
    assert ours(world, key).amount == truth
    assert world.ours() == world.theirs()
