"""Finding a customer and showing his card."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import Engine, insert

from core.errors import UsageError
from store.customers import write_words
from store.queries.customers.card import find_customers, load_card
from store.queries.shapes import View
from store.tables import cursor
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW, Filling

GUID = "8f1c1f6e-0000-11ee-8000-00155d000001"
PEOPLE: dict[str, dict[str, Any]] = {
    "ромашка": {
        "name": "Ромашка ООО",
        "legal_name": 'Общество "Ромашка"',
        "tax_id": "7707083893",
        "code": "БП-000123",
        "phones": ["+7 (495) 123-45-67", "8 916 765 43 21"],
        "emails": ["Info@Romashka.ru"],
    },
    "белая": {"name": "ООО «Белая ромашка»", "tax_id": "7707083894"},
    "ёлкин": {"name": "ИП Ёлкин Пётр Ильич", "tax_id": "770708389412", "emails": ["a_b@mail.ru"]},
    "процент": {"name": "100% хлопок", "emails": ["axb@mail.ru"]},
    "kyiv": {"name": "ТОВ Калина", "phones": ["+380 44 234-56-78"]},
}


@pytest.fixture
def people(filling: Filling) -> dict[str, UUID]:
    ids = {}
    for name, fields in PEOPLE.items():
        ids[name] = filling.add("counterparty", {"accounting": GUID if name == "ромашка" else name}, **fields)
    return ids


FOUND_BY = [
    ("7707083893", ["ромашка"]),
    (" 7707083893 / 770701001 ", ["ромашка"]),
    ("770708389412", ["ёлкин"]),
    ("+74951234567", ["ромашка"]),
    ("8 (495) 123 45 67", ["ромашка"]),
    ("9167654321", ["ромашка"]),
    ("8-916-765-43-21", ["ромашка"]),
    ("123-45-67", ["ромашка"]),
    ("+38(044)2345678", ["kyiv"]),
    ("INFO@romashka.RU", ["ромашка"]),
    ("romashka.ru", ["ромашка"]),
    ("a_b@mail.ru", ["ёлкин"]),
    ("РОМАШКА ООО", ["ромашка"]),
    ("ромашка", ["ромашка", "белая"]),
    ("ооо ромашка", ["белая", "ромашка"]),
    ("«белая", ["белая"]),
    ("елкин петр", ["ёлкин"]),
    ("ёлкин ильич", ["ёлкин"]),
    ("100%", ["процент"]),
    ("бп-000123", ["ромашка"]),
    (GUID.upper(), ["ромашка"]),
    ("%", []),
    ("_", []),
    ("", []),
    ("нет такого", []),
    ("77070838", ["белая", "ромашка", "ёлкин"]),
]


def test_found_by(engine: Engine, people: dict[str, UUID]) -> None:
    names = {str(key): name for name, key in people.items()}
    with engine.connect() as conn:
        hits = [(query, [names[row["id"]] for row in find_customers(conn, query)]) for query, _ in FOUND_BY]
    assert [(query, sorted(found)) for query, found in hits] == [(query, sorted(found)) for query, found in FOUND_BY]
    assert dict(hits)["ромашка"] == ["ромашка", "белая"]  # what begins so stands first


def test_found_by_our_own_id(engine: Engine, people: dict[str, UUID]) -> None:
    with engine.connect() as conn:
        (row,) = find_customers(conn, str(people["kyiv"]))
    assert (row["name"], row["external_ids"]) == ("ТОВ Калина", {"accounting": "kyiv"})


def test_deleted_twins_stand_last(engine: Engine, filling: Filling) -> None:
    for name, deleted in (("Ааа", True), ("Яяя", False)):
        filling.add("counterparty", name=name, tax_id="7728168971", deleted=deleted)
    with engine.connect() as conn:
        assert [row["name"] for row in find_customers(conn, "7728168971")] == ["Яяя", "Ааа"]
        assert len(find_customers(conn, "7728168971", limit=1)) == 1


def test_by_a_code_with_its_zeros_or_without_only_who_has_it(engine: Engine, filling: Filling) -> None:
    """Its last figures alone, with others before them, are a guess."""
    kept = [filling.add("counterparty", name=code, code=code) for code in ("00-000123", "БП-000123", "00-001230")]
    with engine.begin() as conn:
        write_words(conn, kept)
        for typed, wanted in (("123", ["00-000123"]), ("00123", ["00-000123"]), ("БП-123", ["БП-000123"])):
            for guess in (True, False):
                assert [row["name"] for row in find_customers(conn, typed, guess=guess)] == wanted, typed


def test_a_short_number_hides_nobody_whose_name_has_it(engine: Engine, filling: Filling) -> None:
    kept = [
        filling.add("counterparty", name=name, code=code) for name, code in (("Аптека 24", ""), ("Вега", "00-0024"))
    ]
    with engine.begin() as conn:
        write_words(conn, kept)
        assert {row["name"] for row in find_customers(conn, "24")} == {"Аптека 24", "Вега"}
        assert [row["name"] for row in find_customers(conn, "0024")] == ["Вега"]


@pytest.fixture
def customer(filling: Filling, people: dict[str, UUID]) -> UUID:
    key = people["ромашка"]
    we = filling.add("organisation", {"accounting": "o"}, name="Мы")
    contract = filling.add("contract", {"accounting": "c"}, name="Основной", counterparty_id=key)
    filling.add("person", name="Пётр", post="директор", counterparty_id=key)
    for number in range(25):
        when = NOW - timedelta(days=number)
        filling.add("order", date=when, number=str(number), posted=number > 1, deleted=number == 2, counterparty_id=key)
    filling.add("order", date=NOW, number="чужой", counterparty_id=people["белая"])
    filling.balance(
        key,
        GUID,
        organisation_key="o",
        organisation_id=we,
        contract_key="c",
        contract_id=contract,
        receivable=Decimal(100),
        overdue=Decimal(40),
        overdue_since=date(2026, 10, 1),
        overdue_rule="contract",
    )
    filling.balance(key, GUID, contract_key="d", advance=Decimal(30), as_of=NOW - timedelta(hours=1))
    filling.balance(key, GUID, contract_key="e")
    return key


def test_card(engine: Engine, customer: UUID) -> None:
    with engine.begin() as conn:
        row = {"connection": "accounting", "entity": "order", "state": {}, "updated_at": NOW}
        conn.execute(insert(cursor), [row | {"fresh_at": NOW - timedelta(minutes=3)}])
    with engine.connect() as conn:
        card = load_card(conn, customer, View(), now=NOW)
    msgspec.json.encode(card)
    assert (card["customer"]["name"], card["customer"]["tax_id"]) == ("Ромашка ООО", "7707083893")
    assert card["totals"] == [
        {
            "currency": "RUB",
            "receivable": "100.00",
            "advance": "30.00",
            "amount": "70.00",
            "overdue": "40.00",
            "overdue_since": "2026-10-01",
            "as_of": "2026-11-21T11:00:00+00:00",
        }
    ]
    first, second = card["balances"]  # the third is nothing
    assert (first["organisation"]["name"], first["contract"]["name"], first["overdue_rule"]) == (
        "Мы",
        "Основной",
        "contract",
    )
    assert (second["amount"], second["contract"]["external_id"]) == ("-30.00", "d")
    assert card["persons"][0]["post"] == "директор"
    assert card["contracts"][0]["external_id"] == "c"
    assert card["freshness"][0]["age_seconds"] == 180


def test_card_shows_the_newest_documents_and_the_last_that_counts(engine: Engine, customer: UUID) -> None:
    with engine.connect() as conn:
        card = load_card(conn, str(customer), now=NOW, shown=5)
    assert [document["number"] for document in card["documents"]] == ["0", "1", "2", "3", "4"]
    assert (card["last"]["order"]["number"], card["last"]["shipment"]) == ("3", None)


def test_a_card_asks_as_much_for_a_big_customer_as_for_a_small_one(
    engine: Engine, customer: UUID, people: dict[str, UUID], count_queries: CountQueries
) -> None:
    numbers = []
    for key in (customer, people["белая"]):
        with count_queries(engine) as queries, engine.connect() as conn:
            load_card(conn, key, now=NOW)
        numbers.append(len(queries))
    assert max(numbers) <= 30
    assert numbers[0] - numbers[1] <= 8


def test_nobody(engine: Engine) -> None:
    with engine.connect() as conn, pytest.raises(UsageError, match="no customer"):
        load_card(conn, uuid4(), now=NOW)
