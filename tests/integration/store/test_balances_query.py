"""Balances by customer and currency: complete, sorted, honest about their age, flat in memory."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, insert

from store.queries.settlements.balances import iter_balances, load_totals
from store.tables import cursor
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW, Filling


def owed(engine: Engine, **other: Any) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return list(iter_balances(conn, **other))


@pytest.fixture
def debtors(filling: Filling) -> dict[str, UUID]:
    ids = {name: filling.add("counterparty", {"accounting": f"k-{name}"}, name=name) for name in "абвг"}
    filling.balance(ids["а"], "k-а", contract_key="1", receivable=Decimal("0.30"), overdue=Decimal("0.10"))
    filling.balance(ids["а"], "k-а", contract_key="2", receivable=Decimal("99999999999999.01"), advance=Decimal("0.10"))
    filling.balance(ids["а"], "k-а", contract_key="1", currency_key="usd", currency="USD", advance=Decimal(7))
    filling.balance(ids["б"], "k-б", contract_key="1")
    filling.balance(ids["в"], "k-в", contract_key="1", receivable=Decimal(5))
    filling.balance(ids["в"], "k-в", contract_key="2", advance=Decimal(5))
    filling.balance(ids["г"], "k-г", "second", receivable=Decimal(3))
    filling.balance(ids["г"], "k-г", receivable=Decimal(4), as_of=NOW - timedelta(days=9))
    filling.balance(None, "k-9", receivable=Decimal(2))
    filling.balance(None, "k-9", "second", receivable=Decimal(1))
    return ids


def test_every_balance_that_is_not_zero_the_greatest_debt_first(engine: Engine, debtors: dict[str, UUID]) -> None:
    rows = [(row["counterparty"]["name"], row["currency"], row["amount"], row["overdue"]) for row in owed(engine)]
    assert rows == [
        ("а", "RUB", "99999999999999.21", "0.10"),
        ("г", "RUB", "7.00", "0.00"),
        (None, "RUB", "2.00", "0.00"),
        (None, "RUB", "1.00", "0.00"),
        ("а", "USD", "-7.00", "0.00"),
    ]


def test_the_shape_that_scripts_depend_on(engine: Engine, debtors: dict[str, UUID]) -> None:
    first = owed(engine)[0]
    assert first == {
        "counterparty": {
            "id": str(debtors["а"]),
            "name": "а",
            "external_id": "k-а",
            "external_ids": {"accounting": "k-а"},
        },
        "currency": "RUB",
        "receivable": "99999999999999.31",
        "advance": "0.10",
        "amount": "99999999999999.21",
        "overdue": "0.10",
        "as_of": "2026-11-21T12:00:00+00:00",
    }
    unknown = owed(engine)[3]["counterparty"]
    assert unknown == {"id": None, "name": None, "external_id": "k-9", "external_ids": {"second": "k-9"}}


def test_one_connection_only(engine: Engine, debtors: dict[str, UUID]) -> None:
    assert [row["amount"] for row in owed(engine, connection="second")] == ["3.00", "1.00"]


def test_age_is_the_later_of_the_row_and_the_reading_and_the_oldest_of_a_sum(
    engine: Engine, debtors: dict[str, UUID]
) -> None:
    def ages() -> dict[str, str]:
        return {row["counterparty"]["name"]: row["as_of"][:10] for row in owed(engine) if row["currency"] == "RUB"}

    assert ages()["г"] == "2026-11-12"
    read = {"entity": "balance", "state": {}, "updated_at": NOW}
    with engine.begin() as conn:
        conn.execute(insert(cursor), [read | {"connection": "accounting", "fresh_at": NOW + timedelta(days=2)}])
    assert (ages()["а"], ages()["г"]) == ("2026-11-23", "2026-11-21")
    with engine.begin() as conn:
        conn.execute(insert(cursor), [read | {"connection": "second", "fresh_at": NOW + timedelta(days=1)}])
    assert ages()["г"] == "2026-11-22"


def test_totals_by_currency(engine: Engine, debtors: dict[str, UUID]) -> None:
    with engine.connect() as conn:
        assert load_totals(conn)[1] == {
            "currency": "USD",
            "receivable": "0.00",
            "advance": "7.00",
            "amount": "-7.00",
            "overdue": "0.00",
        }


def test_streamed_in_chunks_with_one_question_each(
    engine: Engine, filling: Filling, count_queries: CountQueries
) -> None:
    ids = filling.add_many("counterparty", [({"accounting": str(n)}, {"name": f"{n:03}"}) for n in range(250)])
    for number, key in enumerate(ids):
        filling.balance(key, str(number), receivable=Decimal(number + 1))
    with count_queries(engine) as queries:
        rows = owed(engine, size=100)
    assert [Decimal(row["amount"]) for row in rows] == [Decimal(n) for n in range(250, 0, -1)]
    assert len(queries) == 1 + 3
