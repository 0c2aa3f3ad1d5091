"""The books of the trading company, and the edits that go through them."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from decimal import Decimal

import pytest

from sandbox.onec import build_company
from sandbox.onec.accounts import CUSTOMER
from sandbox.onec.base import Base
from sandbox.onec.schema import Schema
from sandbox.onec.taxids import WEIGHTS_10, WEIGHTS_11, WEIGHTS_12, check_digit

TODAY = date(2026, 6, 30)
PARTIES = "Catalog_Контрагенты"
SALES = "Document_РеализацияТоваровУслуг"


def build(seed=7, documents=600):
    return build_company(seed, documents, 60, today=TODAY, clock=lambda: datetime.fromisoformat("2026-06-30T18:00:00"))


@pytest.fixture(scope="module")
def company():
    with build() as base:
        yield base


def dump(base: Base) -> list[tuple[object, ...]]:
    sql = "SELECT set_id, key, version, deleted, posted, data FROM object ORDER BY set_id, key"
    return (
        base.storage.db.execute(sql).fetchall()
        + base.storage.db.execute("SELECT * FROM leg ORDER BY 1, 2, 3, 4").fetchall()
    )


def test_same_seed_same_books():
    with build() as one, build() as two, build(8) as three:
        assert dump(one) == dump(two)
        assert dump(one) != dump(three)


@pytest.mark.parametrize("documents", [10, 37])
def test_small_books(documents):
    with build_company(2, documents) as base:
        found = sum(
            len(base.keys(name))
            for name in base.schema.sets
            if name.startswith("Document_") and "section" not in base.schema.sets[name].kind
        )
        assert found == documents


def test_tax_numbers_are_valid(company):
    cards = [card for card in company.truth_documents(PARTIES) if card["ИНН"]]
    assert len(cards) > 30
    for card in cards:
        inn = card["ИНН"]
        if len(inn) == 10:
            assert inn[9] == check_digit(inn[:9], WEIGHTS_10)
            assert card["КПП"][:4] == inn[:4]
        else:
            assert inn[10:] == check_digit(inn[:10], WEIGHTS_11) + check_digit(inn[:11], WEIGHTS_12)


def test_cards_are_like_life(company):
    cards = [card for card in company.truth_documents(PARTIES) if not card["IsFolder"]]
    by_inn = Counter(card["ИНН"] for card in cards if card["ИНН"])
    assert [inn for inn, count in by_inn.items() if count > 1]
    assert any(not card["ИНН"] for card in cards)
    assert any(card["ОбособленноеПодразделение"] for card in cards)
    assert any(card["ГоловнойКонтрагент_Key"] not in (card["Ref_Key"],) for card in cards)
    kinds = {(card["ЮридическоеФизическоеЛицо"], card["ИндивидуальныйПредприниматель"]) for card in cards}
    assert len(kinds) == 3
    mails = [row["АдресЭП"] for card in cards for row in card["КонтактнаяИнформация"] if row["АдресЭП"]]
    assert any("; " in mail for mail in mails)


def test_documents_of_every_kind(company):
    states = Counter((item["Posted"], item["DeletionMark"]) for item in company.truth_documents(SALES))
    assert set(states) >= {(True, False), (False, False)}
    assert any(item["Date"].startswith("0209") for item in company.truth_documents(SALES))
    operations = {item["ВидОперации"] for item in company.truth_documents("Document_ПоступлениеНаРасчетныйСчет")}
    assert "ОплатаПокупателя" in operations
    assert len(operations) > 2
    movers = {move["set"] for move in company.truth_movements()}
    assert {"Document_ВводНачальныхОстатков", "Document_КорректировкаДолга", "Document_ОперацияБух"} <= movers


def test_balance_follows_from_the_movements(company):
    sums: Counter[tuple[str, ...]] = Counter()
    keys = ("counterparty", "contract", "organisation", "currency")
    for move in company.truth_movements():
        sums[tuple(move[key] for key in keys)] += move["amount"]
    found = {tuple(row[key] for key in keys): row["amount"] for row in company.truth_balances()}
    assert {key: value for key, value in sums.items() if value} == {key: value for key, value in found.items() if value}
    assert {row["currency"] for row in company.truth_balances()} > {"643"}


def totals_from_legs(base: Base):
    sql = """SELECT account, sub1, sub2, org, currency, sum((1-2*side)*amount), sum((1-2*side)*foreign_amount) FROM leg
             GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"""
    return [row for row in base.storage.db.execute(sql).fetchall() if row[5] or row[6]]


def totals(base: Base):
    sql = """SELECT account, sub1, sub2, org, currency, sum(amount), sum(foreign_amount) FROM total
             GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"""
    return [row for row in base.storage.db.execute(sql).fetchall() if row[5] or row[6]]


@pytest.mark.parametrize("seed", [1, 2])
def test_random_edits_keep_the_books_whole(seed):
    with build(3, 300) as base:
        done = base.random_edits(300, seed)
        assert len(done) == 300
        assert len({item["op"] for item in done}) >= 8
        assert totals(base) == totals_from_legs(base)
        debit, credit = base.storage.db.execute("SELECT sum((1-side)*amount), sum(side*amount) FROM leg").fetchone()
        assert debit == credit
        posted = {row[0] for row in base.storage.db.execute("SELECT key FROM object WHERE posted = 1")}
        assert {row[0] for row in base.storage.db.execute("SELECT DISTINCT recorder FROM leg")} <= posted


def test_random_edits_are_deterministic():
    with build(3, 200) as one, build(3, 200) as two:
        assert one.random_edits(80, 5) == two.random_edits(80, 5)
        assert dump(one) == dump(two)


def test_posting_again_changes_nothing(company):
    before = company.truth_balances()
    last = max((item for item in company.truth_documents(SALES) if item["Posted"]), key=lambda item: item["Date"])
    company.unpost(SALES, last["Ref_Key"])
    assert company.truth_balances() != before
    company.post(SALES, last["Ref_Key"])
    assert company.truth_balances() == before


def test_a_made_up_sale_moves_the_balance(company):
    contract = company.get("Catalog_ДоговорыКонтрагентов", company.keys("Catalog_ДоговорыКонтрагентов")[0])
    fields = {
        "Контрагент_Key": contract["Owner_Key"],
        "ДоговорКонтрагента_Key": contract["Ref_Key"], "Date": "2026-06-29T10:00:00",
        "Организация_Key": contract["Организация_Key"],
        "ВалютаДокумента_Key": company.rouble, "СуммаДокумента": Decimal("100.01"),
    }  # fmt: skip
    key = company.create(SALES, fields)
    company.post(SALES, key)
    assert {move["amount"] for move in company.truth_movements() if move["recorder"] == key} == {Decimal("100.01")}
    company.delete(SALES, key)
    assert not [move for move in company.truth_movements() if move["recorder"] == key]


def test_a_file_keeps_the_books(tmp_path):
    path = tmp_path / "base.db"
    with build_company(5, 40, path=path) as base:
        before = base.truth_balances()
        key = base.create(PARTIES, {"Description": "Новый"})
        code = base.get(PARTIES, key)["Code"]
    with Base(Schema(), path) as again:
        assert again.truth_balances() == before
        assert again.get(PARTIES, key)["Code"] == code
        other = again.create(PARTIES, {"Description": "Ещё"})
        assert again.get(PARTIES, other)["Code"] > code


def test_accounts_of_customers_are_in_the_chart(company):
    assert set(CUSTOMER) <= set(company.accounts)
