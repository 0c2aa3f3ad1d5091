"""The statement of settlements and the course of a balance: they fit to the kopeck, whatever stands behind them."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, update

from store.bulk import insert
from store.entities import balances, movements
from store.queries.settlements.statement import load_statement
from store.queries.settlements.turnover import load_history
from store.queries.shapes import View
from store.tables import cursor
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import Filling

VIEW = View(("accounting",))
MOSCOW = timezone(timedelta(hours=3))
TODAY = date(2026, 11, 21)


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def filling(engine: Engine) -> Filling:
    return Filling(engine)


@pytest.fixture
def customer(filling: Filling) -> UUID:
    """Owes 1000.10: 700 from before all documents, 300.10 by documents of two months, one named netting among them."""
    key = filling.add("counterparty", {"accounting": "c"}, name="Ромашка")
    ruble = filling.add("currency", {"accounting": "rub"}, code="RUB")
    documents: list[tuple[str, dict[str, Any]]] = [
        ("shipment", {"number": "1", "date": at(9, 10), "amount": Decimal("500.00")}),
        ("payment", {"number": "2", "date": at(9, 30, 21), "amount": Decimal("150.00")}),  # the 1st in Moscow
        ("shipment", {"number": "3", "date": at(10, 5), "amount": Decimal("100.10")}),
        ("return", {"number": "4", "date": at(10, 6), "amount": Decimal("50.00")}),
        ("shipment", {"number": "5", "date": at(10, 7), "amount": Decimal("9999"), "posted": False}),
        ("payment", {"number": "6", "date": at(11, 2), "amount": Decimal("200.00")}),
        ("payment", {"number": "7", "date": at(11, 3), "amount": Decimal("140.00"), "direction": "out"}),
    ]
    for entity, values in documents:
        bound = {"accounting": f"{entity}{values['number']}"}
        filling.add(
            entity, bound, counterparty_id=key, currency_id=ruble, link=f"http://1c/{values['number']}", **values
        )
    filling.balance(key, "c", receivable=Decimal("1000.10"), unexplained=Decimal("660.00"))
    row = {
        "id": uuid4(),
        "connection": "accounting",
        "counterparty_id": key,
        "counterparty_key": "c",
        "currency": "RUB",
    }
    place = {"contract_key": "", "organisation_key": "", "recorder_set": "Document_X", "recorder": "x"}
    said = {"kind": "netting", "number": "8", "date": at(10, 20), "amount": Decimal("-40.00")}
    with filling.engine.begin() as conn:
        insert(conn, movements, [row | place | said])
    return key


def statement(filling: Filling, customer: UUID, first: date, last: date, **given: Any) -> list[dict[str, Any]]:
    with filling.engine.begin() as conn:
        return load_statement(conn, customer, VIEW, first, last, MOSCOW, **given)


def amounts(lines: Iterable[dict[str, Any]]) -> list[tuple[str, str | None, str | None, str]]:
    return [(line["number"], line["debit"], line["credit"], line["balance"]) for line in lines]


def test_opening_and_movements_make_the_closing_balance(filling: Filling, customer: UUID) -> None:
    (part,) = statement(filling, customer, date(2026, 10, 1), date(2026, 10, 31))
    assert (part["opening"], part["closing"]) == ("1200.00", "1060.10")
    assert amounts(part["lines"]) == [
        ("2", None, "150.00", "1050.00"),
        ("3", "100.10", None, "1150.10"),
        ("4", None, "50.00", "1100.10"),
        ("8", None, "40.00", "1060.10"),
    ]
    assert (part["debit"], part["credit"]) == ("100.10", "240.00")
    assert [line["kind"] for line in part["lines"]] == ["payment", "shipment", "return", "netting"]
    assert part["lines"][1]["link"] == "http://1c/3" and part["lines"][3]["document_id"] is None


def test_a_balance_that_did_not_move_is_as_fresh_as_the_last_whole_reading(filling: Filling, customer: UUID) -> None:
    with filling.engine.begin() as conn:
        conn.execute(update(balances).values(as_of=at(10, 1)))
        told = {"state": {}, "updated_at": at(11, 21), "fresh_at": at(11, 21)}
        insert(conn, cursor, [{"connection": "accounting", "entity": "balance"} | told])
    (part,) = statement(filling, customer, date(2026, 10, 1), date(2026, 10, 31))
    assert part["as_of"] == VIEW.moment(at(11, 21))


def test_what_no_entry_explains_is_said(filling: Filling, customer: UUID) -> None:
    (part,) = statement(filling, customer, date(2020, 1, 1), TODAY)
    assert (part["opening"], part["closing"]) == ("700.00", "1000.10")
    assert part["unexplained"] == "700.00"  # 660 and the netting, which is explained by its name


@pytest.mark.parametrize("border", [date(2026, 9, 10), date(2026, 9, 30), date(2026, 10, 6), date(2026, 11, 3)])
def test_periods_that_follow_each_other_fit(filling: Filling, customer: UUID, border: date) -> None:
    (before,) = statement(filling, customer, date(2026, 1, 1), border)
    (after,) = statement(filling, customer, border + timedelta(days=1), TODAY)
    assert before["closing"] == after["opening"] and after["closing"] == "1000.10"
    numbers = [line["number"] for part in (before, after) for line in part["lines"]]
    assert sorted(numbers) == ["1", "2", "3", "4", "6", "7", "8"]


def test_a_settled_customer_without_movements_has_no_part(filling: Filling) -> None:
    key = filling.add("counterparty", {"accounting": "n"}, name="Никто")
    assert statement(filling, key, date(2026, 1, 1), TODAY) == []


def test_organisations_and_currencies_stand_apart(filling: Filling, customer: UUID) -> None:
    firm = filling.add("organisation", {"accounting": "o"}, name="Наша фирма")
    other: dict[str, Any] = {"organisation_id": firm, "organisation_key": "o", "currency": "USD", "currency_key": "usd"}
    filling.balance(customer, "c", receivable=Decimal(5), **other)
    parts = statement(filling, customer, date(2026, 10, 1), TODAY)
    assert [(part["organisation"], part["currency"], part["closing"]) for part in parts] == [
        (None, "RUB", "1000.10"),
        ("Наша фирма", "USD", "5.00"),
    ]
    (only,) = statement(filling, customer, date(2026, 10, 1), TODAY, organisation=str(firm))
    assert only["currency"] == "USD"


def test_the_course_ends_at_what_the_register_says(filling: Filling, customer: UUID) -> None:
    with filling.engine.begin() as conn:
        (history,) = load_history(conn, customer, VIEW, TODAY, MOSCOW, months=4)
    assert [(one["month"], one["shipped"], one["paid"], one["balance"]) for one in history["months"]] == [
        ("2026-08-01", "0.00", "0.00", "700.00"),
        ("2026-09-01", "500.00", "0.00", "1200.00"),
        ("2026-10-01", "50.10", "150.00", "1060.10"),
        ("2026-11-01", "0.00", "60.00", "1000.10"),
    ]
    with filling.engine.begin() as conn:
        conn.execute(update(balances).values(amount=Decimal(0)))
        assert load_history(conn, customer, VIEW, TODAY, MOSCOW)[0]["months"][-1]["balance"] == "0.00"


def test_many_documents_are_asked_for_in_as_many_questions(
    filling: Filling, customer: UUID, count_queries: CountQueries
) -> None:
    def asked() -> int:
        with count_queries(filling.engine) as queries:
            statement(filling, customer, date(2026, 1, 1), TODAY)
        return len(queries)

    few = asked()
    row = {"counterparty_id": customer, "date": at(5, 5)}
    filling.add_many("shipment", [({"accounting": f"many{n}"}, row | {"number": str(n)}) for n in range(60)])
    assert asked() == few <= 12
