"""Export: the exact shapes of design §7, streamed, with a bounded number of questions."""

import tracemalloc
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from sqlalchemy import Engine

from mapping.model import ENTITIES
from store.queries.export import EXPORTS, export_name, iter_export
from store.queries.shapes import View
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW, Filling

VIEW = View(accounting=("бухгалтерия", "торговля"), zone=ZoneInfo("Europe/Moscow"))


def exported(engine: Engine, name: str, view: View | None = VIEW, **other: Any) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        records = list(iter_export(conn, name, view, **other))
    msgspec.json.encode(records)  # plain JSON values only
    return records


@pytest.fixture
def shop(filling: Filling) -> dict[str, Any]:
    """A customer with a contract, an order, a shipment and a payment."""
    ids: dict[str, Any] = {
        "rub": filling.add("currency", {"бухгалтерия": "643"}, code="RUB"),
        "we": filling.add("organisation", {"бухгалтерия": "o-1"}, name="ООО Мы"),
        "he": filling.add("counterparty", {"crm": "77", "бухгалтерия": "k-1"}, name="Ромашка"),
        "bolt": filling.add("product", {"бухгалтерия": "p-1"}, name="Болт"),
    }
    who = {"counterparty_id": ids["he"], "organisation_id": ids["we"], "currency_id": ids["rub"]}
    ids["contract"] = filling.add(
        "contract", {"бухгалтерия": "c-1"}, name="Основной", number="12/а", date=date(2025, 3, 1), **who
    )
    ids["order"] = filling.add(
        "order",
        {"бухгалтерия": "r-1"},
        number="00-7",
        date=datetime(2026, 1, 1, 21, 30, tzinfo=NOW.tzinfo),
        amount=Decimal("1500.5"),
        status="part",
        pay_until=date(2026, 2, 1),
        contract_id=ids["contract"],
        **who,
    )
    ids["shipment"] = filling.add("shipment", {"бухгалтерия": "s-1"}, number="5", order_id=ids["order"], **who)
    ids["payment"] = filling.add(
        "payment", {"бухгалтерия": "m-1"}, amount=Decimal("10"), unresolved={"order": "r-9"}, **who
    )
    filling.lines(
        "order",
        "lines",
        ids["order"],
        {"product_id": ids["bolt"], "quantity": Decimal("3"), "price": Decimal("0.1234"), "amount": Decimal("0.37")},
        {"description": "доставка", "quantity": Decimal("0.5"), "unresolved": {"product": "p-9"}},
    )
    filling.lines("payment", "allocations", ids["payment"], {"amount": Decimal("10"), "contract_id": ids["contract"]})
    return ids


def test_a_document(engine: Engine, shop: dict[str, Any]) -> None:
    (order,) = exported(engine, "orders")
    assert order["counterparty"] == {
        "id": str(shop["he"]),
        "name": "Ромашка",
        "external_id": "k-1",
        "external_ids": {"бухгалтерия": "k-1", "crm": "77"},
    }
    assert order["contract"]["number"] == "12/а"
    assert order["organisation"]["name"] == "ООО Мы"
    assert {
        name: order[name]
        for name in ("id", "external_id", "external_ids", "number", "date", "posted", "deleted", "amount", "currency")
    } == {
        "id": str(shop["order"]),
        "external_id": "r-1",
        "external_ids": {"бухгалтерия": "r-1"},
        "number": "00-7",
        "date": "2026-01-02T00:30:00+03:00",
        "posted": True,
        "deleted": False,
        "amount": "1500.50",
        "currency": "RUB",
    }
    assert (order["status"], order["pay_until"], order["manager"]) == ("part", "2026-02-01", None)


def test_lines_in_their_order(engine: Engine, shop: dict[str, Any]) -> None:
    bolt, delivery = exported(engine, "orders")[0]["lines"]
    assert (bolt["line_number"], bolt["product"]["name"], bolt["product"]["external_ids"]) == (
        1,
        "Болт",
        {"бухгалтерия": "p-1"},
    )
    assert (bolt["quantity"], bolt["price"], bolt["amount"], bolt["vat_amount"]) == ("3", "0.1234", "0.37", None)
    assert (delivery["description"], delivery["quantity"]) == ("доставка", "0.5")
    assert delivery["product"] == {
        "id": None,
        "name": None,
        "external_id": "p-9",
        "external_ids": {"бухгалтерия": "p-9"},
    }


def test_a_payment_shows_allocations_as_lines_and_what_is_not_here_by_its_id(
    engine: Engine, shop: dict[str, Any]
) -> None:
    (payment,) = exported(engine, "payments")
    assert (payment["direction"], payment["method"], payment["amount"]) == ("in", "bank", "10.00")
    assert payment["lines"][0]["contract"]["external_id"] == "c-1"
    assert payment["order"] == {
        "id": None,
        "number": None,
        "date": None,
        "external_id": "r-9",
        "external_ids": {"бухгалтерия": "r-9"},
    }
    (shipment,) = exported(engine, "shipments")
    assert (shipment["order"]["number"], shipment["order"]["date"]) == ("00-7", "2026-01-02T00:30:00+03:00")


def test_ids_accounting_first_and_the_living_one(engine: Engine, filling: Filling) -> None:
    filling.add("product", {"а-crm": "1", "торговля": "2", "бухгалтерия": "3"})
    assert list(exported(engine, "products")[0]["external_ids"].items()) == [
        ("бухгалтерия", "3"),
        ("торговля", "2"),
        ("а-crm", "1"),
    ]
    assert exported(engine, "products", None)[0]["external_id"] == "1"


def test_balances_and_movements(engine: Engine, filling: Filling, shop: dict[str, Any]) -> None:
    filling.balance(
        shop["he"], "k-1", "бухгалтерия", contract_key="c-1", contract_id=shop["contract"], advance=Decimal(5)
    )
    filling.balance(None, "k-9", "бухгалтерия", receivable=Decimal("0.01"), organisation_key="o-9")
    one, other = exported(engine, "balances")
    assert (one["amount"], one["receivable"], one["advance"], one["currency"]) == ("-5.00", "0.00", "5.00", "RUB")
    assert (one["contract"]["number"], one["organisation"]) == ("12/а", None)
    assert one["as_of"] == "2026-11-21T15:00:00+03:00"
    assert other["counterparty"] == {
        "id": None,
        "name": None,
        "external_id": "k-9",
        "external_ids": {"бухгалтерия": "k-9"},
    }
    assert other["organisation"]["external_id"] == "o-9"


def test_contacts_and_counterparties(engine: Engine, filling: Filling) -> None:
    filling.add("counterparty", {"бухгалтерия": "1"}, name="из бухгалтерии")
    filling.add("counterparty", name="только здесь", home="crm")
    filling.add("counterparty", {"бухгалтерия": "3"}, name="стал клиентом", home="crm", status="client")
    contacts = exported(engine, "contacts")
    assert [record["name"] for record in contacts] == ["только здесь", "стал клиентом"]
    assert (contacts[0]["external_id"], contacts[0]["external_ids"]) == (None, {})
    assert [record["name"] for record in exported(engine, "counterparties")] == ["из бухгалтерии", "стал клиентом"]


def test_everything_can_be_exported_in_both_numbers(engine: Engine, shop: dict[str, Any]) -> None:
    assert set(EXPORTS) == {spec.plural for spec in ENTITIES.values()} | {"contacts", "balances", "movements", "deals"}
    for plural, singular in EXPORTS.items():
        assert (export_name(plural), export_name(f" {singular.upper()} ")) == (plural, plural)
        exported(engine, plural)
    assert export_name("заказы") is None


def test_every_record_comes_once_whatever_the_chunk(engine: Engine, filling: Filling) -> None:
    ids = filling.add_many("product", [({"a": str(n)}, {"name": str(n)}) for n in range(7)])
    for size in (1, 2, 7, 8):
        assert [record["id"] for record in exported(engine, "products", size=size)] == [str(key) for key in sorted(ids)]


def test_questions_do_not_grow_with_the_records(
    engine: Engine, filling: Filling, shop: dict[str, Any], count_queries: CountQueries
) -> None:
    values = {"counterparty_id": shop["he"], "currency_id": shop["rub"], "order_id": shop["order"]}
    filling.add_many("shipment", [({"бухгалтерия": f"x-{n}"}, values) for n in range(900)])
    with count_queries(engine) as queries:
        assert len(exported(engine, "shipments")) == 901
    assert len(queries) == 3 + 4  # rows, ids, lines; organisation, currency, counterparty, order
    with count_queries(engine) as queries:
        exported(engine, "shipments", size=300)
    assert len(queries) == 4 * 3 + 4


def test_memory_stays_flat(engine: Engine, filling: Filling, shop: dict[str, Any]) -> None:
    for start in range(0, 6000, 3000):
        records = [({"бухгалтерия": f"y-{start + n}"}, {"counterparty_id": shop["he"]}) for n in range(3000)]
        filling.add_many("shipment", records)

    def peak(number: int) -> int:
        with engine.connect() as conn:
            records = iter_export(conn, "shipments", VIEW, size=200)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(number):
                next(records)
            return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        peak(500)
        few, many = peak(1000), peak(6000)
    finally:
        tracemalloc.stop()
    assert many < few * 2


def test_export_sees_one_moment(engine: Engine, readonly: Engine, filling: Filling) -> None:
    filling.add_many("product", [({}, {"name": str(n)}) for n in range(4)])
    with readonly.connect() as conn:
        records = iter_export(conn, "products", size=2)
        next(records)
        filling.add("product", name="later")
        assert len(list(records)) == 3
    assert len(exported(readonly, "products")) == 5


def test_a_moment_of_summer(engine: Engine, filling: Filling) -> None:
    filling.add("order", date=NOW - timedelta(days=150))
    view = View(zone=ZoneInfo("Europe/Kyiv"))
    assert exported(engine, "orders", view)[0]["date"] == "2026-06-24T15:00:00+03:00"
