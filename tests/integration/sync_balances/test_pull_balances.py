"""Balances every cycle: level with the register, and nobody zeroed by a fault."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from connectors.base import BalanceAnswer
from store.entities import balances
from sync.context import Order
from tests.integration.sync_balances.world import World, open_world


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    with open_world(store_url) as opened:
        opened.cycle()
        yield opened


def line(world: World) -> dict[str, int]:
    found = next(item for item in world.result.lines if item.entity == "balance")
    assert found.adds_up()
    return found.counts


def set_settings(world: World, **values: Any) -> None:
    name = "accounting"
    world.settings.connections[name] = world.settings.connections[name].model_copy(update=values)


def drop_customers(number: int) -> Any:
    """An answer that forgets so many customers, and says that it is whole."""

    def change(answer: BalanceAnswer) -> BalanceAnswer:
        customers = sorted({row.counterparty for row in answer.rows})[:number]
        rows = [row for row in answer.rows if row.counterparty not in customers]
        return BalanceAnswer(rows, answer.totals, True)

    return change


def empty(answer: BalanceAnswer) -> BalanceAnswer:
    return BalanceAnswer([], {}, True)


def cut(answer: BalanceAnswer) -> BalanceAnswer:
    return BalanceAnswer(answer.rows[: len(answer.rows) // 2], answer.totals, False, "account 62.01: rows 1, total 2")


def test_first_cycle_is_level_to_the_kopeck(world: World) -> None:
    assert world.ours() == world.theirs()
    named = [row for row in world.rows() if row.source == "register"]
    assert line(world) == {"created": len(named)}
    assert all(row.amount == row.receivable - row.advance for row in world.rows())
    assert all(row.counterparty_id is not None for row in world.rows())


def test_a_cycle_without_changes_writes_no_balance(world: World) -> None:
    before, fresh = world.rows(), world.cursor().fresh_at
    world.cycle()
    assert world.rows() == before
    assert world.cursor().fresh_at == fresh + timedelta(minutes=5)
    assert line(world) == {"unchanged": len([row for row in before if row.source == "register"])}


def test_a_row_that_documents_had_made_is_the_register_s_once_it_names_it(world: World) -> None:
    chosen = next(row for row in world.rows() if row.source == "register" and row.amount)
    made = {"source": "documents", "receivable": Decimal(0), "advance": Decimal(0), "amount": Decimal(0)}
    with world.engine.begin() as conn:
        conn.execute(update(balances).where(balances.c.id == chosen.id).values(made))
    world.cycle()
    row = next(row for row in world.rows() if row.id == chosen.id)
    assert (row.source, row.amount) == ("register", chosen.amount)
    assert world.ours() == world.theirs()


def simple_customer(world: World) -> str:
    """A customer whose balance consists of documents that are his alone."""
    moves: dict[str, set[tuple[str, str]]] = {}
    for row in world.base.truth_movements():
        moves.setdefault(row["counterparty"], set()).add((row["set"], row["recorder"]))
    shared = {"Document_ВводНачальныхОстатков"}
    standing = {key[0] for key in world.theirs()}
    return next(key for key, found in moves.items() if key in standing and not {name for name, _ in found} & shared)


def unpost_all(world: World, customer: str) -> None:
    for row in {
        (row["set"], row["recorder"]) for row in world.base.truth_movements() if row["counterparty"] == customer
    }:
        world.base.unpost(*row)


def test_a_settled_customer_goes_to_zero_and_stays_visible(world: World) -> None:
    customer = simple_customer(world)
    unpost_all(world, customer)
    world.cycle()
    assert world.ours() == world.theirs()
    rows = [row for row in world.rows() if row.counterparty_key == customer]
    assert rows
    assert all(row.amount == row.receivable == row.advance == row.overdue == 0 for row in rows)
    assert line(world)["deleted"] == len([row for row in rows if row.source == "register"])


@pytest.mark.parametrize(("answer", "said"), [(empty, "no balance at all"), (cut, "did not arrive whole")])
def test_an_empty_or_cut_answer_zeroes_nobody(world: World, answer: Any, said: str) -> None:
    before, fresh = world.ours(), world.cursor().fresh_at
    world.answers = [answer, answer]
    world.cycle()
    assert world.answers == [], "it was asked again"
    assert world.ours() == before
    assert world.result.status == "partial"
    assert said in world.result.message
    assert "deleted" not in line(world)
    assert world.cursor().fresh_at == fresh, "the balances are as old as they were"
    world.cycle()
    assert (world.result.status, world.ours()) == ("ok", world.theirs())


def absurd(answer: BalanceAnswer) -> BalanceAnswer:
    first, *others = answer.rows
    return BalanceAnswer([replace(first, debit=Decimal(10) ** 16), *others], answer.totals, True)


def test_a_sum_that_nobody_can_owe_is_a_letter_and_changes_nothing(world: World) -> None:
    before = world.ours()
    world.answers = [absurd]
    world.cycle()
    assert line(world)["dead"] == 1
    assert (world.result.status, world.ours()) == ("partial", before)
    world.cycle()
    assert (world.result.status, world.ours()) == ("ok", world.theirs())


def test_one_bad_answer_is_healed_by_asking_again(world: World) -> None:
    world.answers = [empty]
    world.cycle()
    assert (world.result.status, world.ours()) == ("ok", world.theirs())


def test_a_cut_answer_is_believed_where_documents_say_the_same(world: World) -> None:
    customer = simple_customer(world)
    shipment = next(
        row["recorder"]
        for row in world.base.truth_movements()
        if row["counterparty"] == customer and row["set"] == "Document_РеализацияТоваровУслуг"
    )
    world.base.unpost("Document_РеализацияТоваровУслуг", shipment)
    full = lambda answer: BalanceAnswer(answer.rows, answer.totals, False, "posting goes on")  # noqa: E731
    world.answers = [full, full]
    world.cycle()
    assert world.ours() == world.theirs() or not any(key[0] == customer for key in world.theirs())


def test_too_many_zeroes_at_once_are_held(world: World) -> None:
    set_settings(world, deletion_guard_records=3, deletion_guard_share=0.05)
    before = world.ours()
    world.answers = [drop_customers(10)] * 2
    world.cycle()
    assert world.ours() == before
    assert world.result.status == "partial"
    assert "held" in world.result.message
    assert "--full" in world.result.message
    world.cycle()
    assert world.result.status == "ok", world.result.message


def test_a_person_may_let_them_pass(world: World) -> None:
    set_settings(world, deletion_guard_records=3, deletion_guard_share=0.05)
    before = world.ours()
    world.answers = [drop_customers(10)] * 2
    world.cycle(Order(kind="order", full=True))
    assert line(world)["deleted"] >= 10
    assert any("--full" in notice for notice in world.result.notices)
    assert world.ours() == before, "nobody's documents said so: each was asked for by himself, and is what he was"


def test_few_zeroes_pass(world: World) -> None:
    world.answers = [drop_customers(2)]
    world.cycle()
    assert world.answers == []
    assert line(world)["deleted"] >= 2


def test_a_dry_run_writes_nothing_and_shows(world: World) -> None:
    unpost_all(world, simple_customer(world))
    before, state = world.rows(), world.cursor()
    world.cycle(Order(entity="balance", dry_run=True))
    assert world.rows() == before
    assert world.cursor() == state
    assert {change["entity"] for change in world.result.changes} == {"balance"}


def test_overdue_is_never_more_than_the_receivable(world: World) -> None:
    rows = world.rows()
    assert all(0 <= row.overdue <= row.receivable or row.receivable < 0 for row in rows)
    assert any(row.overdue for row in rows)
    assert all((row.overdue_rule is None) == (row.overdue == 0) for row in rows)


def test_overdue_is_looked_at_again_every_day(world: World) -> None:
    world.cycle(
        Order(kind="schedule", entity="balance")
    )  # who changed in the first cycle is looked at in the second once more
    before = world.rows()
    world.change(update(balances).values(overdue=Decimal(0), overdue_since=None, overdue_rule=None))
    world.cycle(Order(kind="schedule", entity="balance"))
    assert not any(row.overdue for row in world.rows()), "only who changed is looked at"
    world.app.clock.sleep(86400)
    world.cycle(Order(kind="schedule", entity="balance"))
    after = {row.id: row.overdue for row in world.rows()}
    assert all(after[row.id] >= row.overdue for row in before)
    assert any(after.values())


def test_a_debt_written_off_by_hand_is_believed_from_an_empty_answer(world: World) -> None:
    """A small company whose only debt is settled by something that is not mirrored: its movements say so."""
    kept = next(key for key, amount in world.theirs().items() if amount > 0 and key[3] == "RUB")
    for row in world.base.truth_movements():
        if (row["counterparty"], row["contract"]) != kept[:2]:
            world.base.unpost(row["set"], row["recorder"])
    world.cycle()
    debts = world.theirs()
    assert world.ours() == debts
    assert len(debts) == 1
    (key, amount) = next(iter(debts.items()))
    world.answers = [empty, empty]
    world.cycle()
    assert (world.result.status, world.ours()) == ("partial", debts), "an empty answer alone settles nobody"
    write_off(world, key, amount)
    assert world.theirs() == {}
    world.cycle()
    assert (world.result.status, world.ours()) == ("ok", {})


def write_off(world: World, key: tuple[str, str, str, str], amount: Decimal) -> None:
    codes = {row.get("Code"): row.key for row in world.base.storage.select("ChartOfAccounts_Хозрасчетный")}
    row = {
        "LineNumber": 1,
        "СчетДт_Key": codes["91.02"],
        "СчетКт_Key": codes["62.01" if amount > 0 else "62.02"],
        "СубконтоКт1": key[0],
        "СубконтоКт1_Type": "StandardODATA.Catalog_Контрагенты",
        "СубконтоКт2": key[1],
        "СубконтоКт2_Type": "StandardODATA.Catalog_ДоговорыКонтрагентов",
        "Сумма": amount,
    }
    fields = {"Date": "2026-01-10T12:00:00", "Организация_Key": key[2], "СуммаОперации": amount, "Проводки": [row]}
    made = world.base.create("Document_ОперацияБух", fields)
    world.base.post("Document_ОперацияБух", made)
