"""Customers found and listed: as one types, narrowed, sorted, page by page, each with the viewer's rights."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, delete, event, select, update

from store.customers import forget_people, load_changed, write_figures, write_lists, write_words
from store.entities import counterparties, entity_tables
from store.queries.customers.found import find_ids
from store.queries.customers.listed import SORTS, Wish, iter_customers, load_customers, load_trait_values
from store.queries.customers.lookup import find_alike, lookup_phone
from store.queries.customers.rights import Viewer
from store.queries.customers.visible import load_callers
from store.queries.shapes import View
from store.tables import customer_figure, customer_word, user
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW, Filling

VIEW = View(("accounting",))
ALL = Viewer(uuid4(), "head", NOW.date())
PERSON = entity_tables["person"]


@pytest.fixture
def filling(engine: Engine) -> Filling:
    return Filling(engine)


@pytest.fixture
def anna(filling: Filling) -> Viewer:
    """A manager who logs in."""
    manager = filling.add("manager", name="Анна")
    key = uuid4()
    row = {"id": key, "login": "anna", "name": "Анна", "role": "manager", "manager_id": manager}
    with filling.engine.begin() as conn:
        conn.execute(user.insert().values(**row, created_at=NOW, updated_at=NOW))
    return Viewer(key, "manager", NOW.date(), manager)


@pytest.fixture
def people(filling: Filling, anna: Viewer) -> dict[str, UUID]:
    made = {
        "romashka": filling.add(
            "counterparty", {"accounting": "c1"}, name="ООО «Ромашка Трейд»", tax_id="7707083893", region="Омск",
            phones=["8 (916) 123-45-67"], emails=["info@romashka.ru"], manager_id=anna.manager_id, segment="опт",
        ),
        "vector": filling.add("counterparty", {"accounting": "c2"}, name="Вектор", tax_id="7728168971", region="Киев"),
        "rubashka": filling.add("counterparty", {"accounting": "c3"}, name="Рубашка", manager_id=anna.manager_id),
        "gone": filling.add("counterparty", {"accounting": "c4"}, name="Ромашка старая", deleted=True),
    }  # fmt: skip
    filling.add("person", counterparty_id=made["vector"], name="Ольга Ильина", phones=["+380 67 123 45 67"])
    filling.add("shipment", counterparty_id=made["vector"], number="ТД00-000017", date=NOW - timedelta(days=3))
    filling.add("order", counterparty_id=made["romashka"], number="З-5", date=NOW - timedelta(days=1))
    filling.add("payment", counterparty_id=made["rubashka"], number="П-1", date=NOW, posted=False)
    filling.balance(made["romashka"], "c1", receivable=Decimal("100.50"))
    filling.balance(made["vector"], "c2", receivable=Decimal(900), overdue=Decimal(300))
    filling.balance(made["vector"], "c2", currency="USD", currency_key="usd", receivable=Decimal(10))
    with filling.engine.begin() as conn:
        write_lists(conn, list(made.values()))
    return made


FOUND_BY = [
    ("ромашка", ["romashka", "gone"]),
    ("РОМ", ["romashka", "gone"]),
    ("трейд ромашка", ["romashka"]),
    ("ромшка трейд", ["romashka"]),
    ("рамошка трейд", []),
    ("hjvfirf nhtql", ["romashka"]),
    ("ооо ромашка трейд", ["romashka"]),
    ("7707083893", ["romashka"]),
    ("77070", ["romashka"]),
    ("+7 916 123-45-67", ["romashka"]),
    ("123-45-67", ["romashka", "vector"]),
    ("info@rom", ["romashka"]),
    ("ильина", ["vector"]),
    ("067 1234567", ["vector"]),
    ("ТД00-000017", ["vector"]),
    ("тд00-000017", ["vector"]),
    ("017", ["vector"]),
    ("0017", ["vector"]),
    ("000017", ["vector"]),
    ("ТД-17", ["vector"]),
    ("тд00 17", ["vector"]),
    ("тд 17", ["vector"]),
    ("УТ-17", []),
    ("17", []),  # two figures alone are half of all papers
    ("З-005", ["romashka"]),
    ("З-6", []),
    ("0", []),
    ("ТД00-", []),
    ("нет такого", []),
    ("", []),
    ("%", []),
]


@pytest.mark.parametrize(("text", "wanted"), FOUND_BY)
def test_found_as_one_types(filling: Filling, people: dict[str, UUID], text: str, wanted: list[str]) -> None:
    with filling.engine.begin() as conn:
        found = find_ids(conn, text, ALL)
    assert sorted(found) == sorted(people[name] for name in wanted)


def test_whose_paper_it_is_stands_before_what_only_begins_so(filling: Filling, people: dict[str, UUID]) -> None:
    other = filling.add("counterparty", name="017 Альфа")
    with filling.engine.begin() as conn:
        write_lists(conn, [other])
        assert find_ids(conn, "017", ALL) == [people["vector"], other]


def test_who_has_the_words_himself_stands_before_who_knows_somebody_with_them(filling: Filling) -> None:
    """With typos in both words too, whatever the names begin with."""
    himself = filling.add("counterparty", name="Яшин Дмитрий Сергеевич ИП")
    knows = filling.add("counterparty", name="Авто-Сервис")
    filling.add("person", counterparty_id=knows, name="Яшина Дмитрия Ильинична")
    filling.add("person", counterparty_id=knows, name="Дмитрий Яшин")
    with filling.engine.begin() as conn:
        write_lists(conn, [himself, knows])
        for typed in ("дмитрий яшин", "дмтрий яшни", "lvbnhbq ziby"):
            assert find_ids(conn, typed, ALL) == [himself, knows], typed


def test_papers_are_found_by_an_index(filling: Filling, people: dict[str, UUID]) -> None:
    """By the end of the number too: nothing is read from one end to the other."""
    asked = []

    @event.listens_for(filling.engine, "before_cursor_execute")
    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if "rtrim" in statement and not statement.startswith("EXPLAIN"):
            asked.append((statement, parameters))

    with filling.engine.begin() as conn:
        assert find_ids(conn, "0017", ALL) == [people["vector"]]
    event.remove(filling.engine, "before_cursor_execute", note)
    assert len(asked) == 4
    with filling.engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in asked:
            plan = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
            assert "_number_tail" in str(conn.exec_driver_sql(plan + statement, parameters).all())


def test_a_manager_finds_his_own_only(filling: Filling, people: dict[str, UUID], anna: Viewer) -> None:
    with filling.engine.begin() as conn:
        for text in ("вектор", "7728168971", "ТД00-000017", "ильина", "067 1234567", "вектро"):
            assert find_ids(conn, text, anna) == [], text
        assert find_ids(conn, "ромашка", anna) == [people["romashka"]]
        listed = [row["name"] for sort in SORTS for row in load_customers(conn, anna, Wish(sort=sort), VIEW).rows]
    assert "Вектор" not in listed and "Рубашка" in listed


def test_sorted_and_paged(filling: Filling, people: dict[str, UUID]) -> None:
    names = {"name": ["Вектор", "ООО", "Рубашка"], "balance": ["Вектор", "ООО", "Рубашка"]}
    names |= {"order": ["ООО"], "shipment": ["Вектор"]}
    with filling.engine.begin() as conn:
        for sort in SORTS:
            whole = [row["id"] for row in load_customers(conn, ALL, Wish(sort=sort), VIEW).rows]
            paged, after = [], None
            while True:
                page = load_customers(conn, ALL, Wish(sort=sort), VIEW, after, 1)
                paged += [row["id"] for row in page.rows]
                after = page.following
                if after is None:
                    break
            assert paged == whole and len(whole) == 3, sort
            shown = [row["name"].split()[0] for row in load_customers(conn, ALL, Wish(sort=sort), VIEW).rows]
            assert shown[: len(names.get(sort, []))] == names.get(sort, []), sort


def test_narrowed(filling: Filling, people: dict[str, UUID], anna: Viewer) -> None:
    def names(wish: Wish, viewer: Viewer = ALL) -> set[str]:
        return {row["name"].split()[-1].strip("»") for row in load_customers(conn, viewer, wish, VIEW).rows}

    with filling.engine.begin() as conn:
        assert names(Wish(owing="debtors")) == {"Трейд", "Вектор"}
        assert names(Wish(owing="overdue")) == {"Вектор"}
        assert names(Wish(whose="nobody")) == {"Вектор"}
        assert names(Wish(whose="mine")) == set()  # the head is no manager himself
        assert names(Wish(whose="mine"), anna) == {"Трейд", "Рубашка"}
        assert names(Wish(manager=anna.manager_id, traits=(("region", "Омск"),))) == {"Трейд"}
        assert names(Wish(text="ромашка", owing="overdue")) == set()
        assert load_trait_values(conn, "region") == ["Киев", "Омск"] and load_trait_values(conn, "industry") == []


def test_a_line_shows_each_currency_and_the_last_documents(filling: Filling, people: dict[str, UUID]) -> None:
    with filling.engine.begin() as conn:
        rows = {row["id"]: row for row in iter_customers(conn, ALL, Wish(), VIEW, size=2)}
    vector, rubashka = rows[str(people["vector"])], rows[str(people["rubashka"])]
    assert [(one["currency"], one["amount"]) for one in vector["owed"]] == [("RUB", "900.00"), ("USD", "10.00")]
    assert vector["last_shipment_at"] is not None and vector["last_order_at"] is None
    assert rubashka["last_payment_at"] is None  # not posted: it counts nowhere


@pytest.mark.parametrize("wish", [Wish(), Wish(sort="balance"), Wish(owing="debtors", sort="overdue")])
def test_the_same_number_of_questions_for_many(filling: Filling, count_queries: CountQueries, wish: Wish) -> None:
    def asked() -> int:
        with count_queries(filling.engine) as queries, filling.engine.begin() as conn:
            load_customers(conn, ALL, wish, VIEW)
        return len(queries)

    few = asked()
    many = filling.add_many("counterparty", [({}, {"name": f"Клиент {number}"}) for number in range(60)])
    with filling.engine.begin() as conn:
        write_lists(conn, many)
    assert asked() <= few + 2 <= 5


def test_words_follow_the_record_and_are_not_written_twice(filling: Filling, people: dict[str, UUID]) -> None:
    key = people["vector"]
    with filling.engine.begin() as conn:
        assert write_lists(conn, [key]) == 0
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(name="Сектор"))
        assert write_words(conn, [key]) == 2
        assert find_ids(conn, "вектор", ALL) == [key]  # by its form: one letter differs
        assert find_ids(conn, "сектор", ALL) == [key]


def test_a_person_who_went_to_another_customer_is_found_there(filling: Filling, people: dict[str, UUID]) -> None:
    with filling.engine.begin() as conn:
        person = conn.execute(select(PERSON.c.id)).scalar_one()
        conn.execute(update(PERSON).values(counterparty_id=people["rubashka"], updated_at=NOW + timedelta(hours=1)))
        changed = load_changed(conn, NOW + timedelta(minutes=30), None, 10)
        assert changed == [people["rubashka"]]
        assert forget_people(conn, [person]) > 0 and forget_people(conn, [person]) == 0
        write_lists(conn, changed)
        assert find_ids(conn, "ильина", ALL) == [people["rubashka"]]


def test_figures_of_one_who_is_gone_go_too(filling: Filling, people: dict[str, UUID]) -> None:
    with filling.engine.begin() as conn:
        conn.execute(delete(counterparties).where(counterparties.c.id == people["gone"]))
        write_lists(conn, list(people.values()))
        for table in (customer_word, customer_figure):
            left = select(table.c.counterparty_id).where(table.c.counterparty_id == people["gone"])
            assert conn.execute(left).all() == []


def test_what_moved_to_another_customer_is_made_good_by_a_pass(filling: Filling, people: dict[str, UUID]) -> None:
    order = entity_tables["order"]
    with filling.engine.begin() as conn:
        conn.execute(update(order).values(counterparty_id=people["rubashka"]))
        assert write_figures(conn, list(people.values())) == 2


def test_who_calls(filling: Filling, people: dict[str, UUID], anna: Viewer) -> None:
    with filling.engine.begin() as conn:
        (own,) = lookup_phone(conn, "8 916 123 45 67", anna)
        (other,) = lookup_phone(conn, "+380671234567", anna)
        (seen,) = lookup_phone(conn, "+380671234567", ALL)
        assert lookup_phone(conn, "+7 999 000-00-00", anna) == [] == lookup_phone(conn, "", anna)
        assert lookup_phone(conn, "123-45-67", anna) != []  # an extension, or a number without its town
    assert own["id"] == str(people["romashka"]) and own["visible"]
    assert other["name"] == "Вектор" and other["id"] is None and other["tax_id"] is None and other["person"] is None
    assert seen["person"] == "Ольга Ильина"


@pytest.mark.parametrize(
    "phone",
    [
        "+380 (67) 123-45-67", "380671234567", "00380671234567", "8~10 380 67 1234567", "810380671234567", "0671234567",
        "067 123-45-67", "tel:+380671234567", "+380671234567 доб. 12",
    ],
)  # fmt: skip
def test_a_number_in_any_writing(filling: Filling, people: dict[str, UUID], phone: str) -> None:
    with filling.engine.begin() as conn:
        assert [row["name"] for row in lookup_phone(conn, phone, ALL)] == ["Вектор"]
        found, looked = load_callers(conn, ALL, phone, VIEW)
    assert [(row["name"], row["person"], row["yours"]) for row in found] == [("Вектор", "Ольга Ильина", True)]
    assert looked == [] and {one["amount"] for one in found[0]["balances"]} == {"900.00", "10.00"}


@pytest.mark.parametrize(
    "phone", ["9161234567", "8 916 123 45 67", "+7-916-123-45-67", "007 916 1234567", "89161234567"]
)
def test_a_number_of_ours_in_any_writing(filling: Filling, people: dict[str, UUID], phone: str) -> None:
    with filling.engine.begin() as conn:
        assert [row["id"] for row in lookup_phone(conn, phone, ALL)] == [str(people["romashka"])]


def test_who_is_on_call_learns_what_a_colleagues_customer_owes(
    filling: Filling, people: dict[str, UUID], anna: Viewer
) -> None:
    on_call = replace(anna, on_call=True)
    with filling.engine.begin() as conn:
        (hidden,) = lookup_phone(conn, "+380671234567", anna)
        (told,) = lookup_phone(conn, "+380671234567", on_call)
        (own,) = lookup_phone(conn, "8 916 123 45 67", on_call)
        by_api, looked = load_callers(conn, on_call, "+380671234567", VIEW)
        not_by_api, nobody = load_callers(conn, anna, "+380671234567", VIEW)
    assert hidden["owed"] is None and "key" not in hidden
    assert [one["amount"] for one in told["owed"]] == ["900.00", "10.00"] and told["key"] == people["vector"]
    assert told["id"] is None and told["person"] is None and own["owed"] is None and "key" not in own
    assert looked == [people["vector"]] and by_api[0]["balances"] and by_api[0]["id"] is None
    assert nobody == [] and not_by_api[0]["balances"] is None and not_by_api[0]["person"] is None


def test_whom_a_new_contact_may_be(filling: Filling, people: dict[str, UUID], anna: Viewer) -> None:
    with filling.engine.begin() as conn:
        found = {row["name"]: row for row in find_alike(conn, anna, "вектор", "7707083893", "")}
        assert find_alike(conn, anna, "", "ab") == []
    assert found["Вектор"]["id"] is None and found["ООО «Ромашка Трейд»"]["visible"]


def test_a_contracts_limit_is_held_against_each_currency_by_itself(filling: Filling, people: dict[str, UUID]) -> None:
    contract = filling.add("contract", counterparty_id=people["rubashka"], number="Д", credit_limit=Decimal(1000))
    for code, owed in (("RUB", 800), ("USD", 1001)):
        key: dict[str, Any] = {"contract_id": contract, "contract_key": "d", "currency": code, "currency_key": code}
        filling.balance(people["rubashka"], "c3", receivable=Decimal(owed), **key)
    over = select(customer_figure.c.over).where(customer_figure.c.counterparty_id == people["rubashka"])
    with filling.engine.begin() as conn:
        write_figures(conn, [people["rubashka"]])
        assert conn.execute(over).scalar_one() == Decimal(1), "roubles and dollars make no sum"
