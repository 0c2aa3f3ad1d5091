"""Customers found by their code in accounting, and by a word with a typo that is not finished yet."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event

from store.customers import write_lists
from store.queries.customers.found import find_ids
from store.queries.customers.lookup import lookup_phone
from store.queries.customers.rights import Viewer
from store.tables import user
from tests.integration.store.counting import CountQueries
from tests.integration.store.filling import NOW, Filling

ALL = Viewer(uuid4(), "head", NOW.date())


@pytest.fixture
def filling(engine: Engine) -> Filling:
    return Filling(engine)


@pytest.fixture
def anna(filling: Filling) -> Viewer:
    """A manager with customers of her own."""
    manager, key = filling.add("manager", name="Анна"), uuid4()
    row = {"id": key, "login": "anna", "name": "Анна", "role": "manager", "manager_id": manager}
    with filling.engine.begin() as conn:
        conn.execute(user.insert().values(**row, created_at=NOW, updated_at=NOW))
    return Viewer(key, "manager", NOW.date(), manager)


@pytest.fixture
def named(filling: Filling) -> dict[str, UUID]:
    made = {name: filling.add("counterparty", name=name) for name in ("ООО «Ромашка Трейд»", "Вектор", "Рубашка")}
    with filling.engine.begin() as conn:
        write_lists(conn, list(made.values()))
    return made


CODED = [
    ("00-000123", ["bare", "branch"]),
    ("000123", ["bare", "branch"]),
    ("00000123", ["bare", "branch"]),
    ("123", ["bare", "branch"]),
    ("0123", ["bare", "branch"]),
    ("бп-000123", ["branch"]),
    ("БП-123", ["branch"]),
    ("бп 123", ["branch"]),
    ("23", []),
    ("1230", []),
    ("УТ-123", []),
]


@pytest.fixture
def coded(filling: Filling, anna: Viewer) -> dict[str, UUID]:
    made = {
        "branch": filling.add("counterparty", name="Альфа", code="БП-000123"),
        "bare": filling.add("counterparty", name="Бета", code="00-000123", manager_id=anna.manager_id),
        "other": filling.add("counterparty", name="Гамма", code="00-000124"),
    }
    with filling.engine.begin() as conn:
        write_lists(conn, list(made.values()))
    return made


@pytest.mark.parametrize(("text", "wanted"), CODED)
def test_found_by_the_code(filling: Filling, coded: dict[str, UUID], text: str, wanted: list[str]) -> None:
    """Whose whole code it is stands first; with its leading zeros or without."""
    with filling.engine.begin() as conn:
        assert find_ids(conn, text, ALL) == [coded[name] for name in wanted]


def test_a_code_finds_whom_the_asker_may_see_by_an_index_and_calls_nobody(
    filling: Filling, coded: dict[str, UUID], anna: Viewer
) -> None:
    asked = []

    @event.listens_for(filling.engine, "before_cursor_execute")
    def note(conn: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if "counterparties.code" in statement and not statement.startswith("EXPLAIN"):
            asked.append((statement, parameters))

    with filling.engine.begin() as conn:
        assert find_ids(conn, "123", anna) == [coded["bare"]] and find_ids(conn, "бп-123", anna) == []
        assert lookup_phone(conn, "123", ALL) == [], "an extension is no code"
    event.remove(filling.engine, "before_cursor_execute", note)
    assert len(asked) == 2
    with filling.engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = "EXPLAIN QUERY PLAN " if conn.dialect.name == "sqlite" else "EXPLAIN "
        for statement, parameters in asked:
            assert "ix_customer_word_word" in str(conn.exec_driver_sql(plan + statement, parameters).all())


@pytest.mark.parametrize(
    "typed",
    [
        "рмашк",  # a letter left out
        "рамашк",  # another one
        "роомашк",  # one too many
        "рмоашк",  # two in the wrong order
        "трйед рамашк",
        "трэйд рмоаш",
    ],
)
def test_a_typo_in_a_word_that_is_not_finished(filling: Filling, named: dict[str, UUID], typed: str) -> None:
    with filling.engine.begin() as conn:
        assert find_ids(conn, typed, ALL) == [named["ООО «Ромашка Трейд»"]]


def test_what_is_tried_for_a_typo_does_not_grow_with_the_words(filling: Filling, count_queries: CountQueries) -> None:
    names = [{"name": f"Ромашк{first}{second}"} for first in "абвгдежзик" for second in "абвгдежзик"]
    many = filling.add_many("counterparty", [({}, one) for one in names])
    with filling.engine.begin() as conn:
        write_lists(conn, many)
    with count_queries(filling.engine) as queries, filling.engine.begin() as conn:
        assert find_ids(conn, "рамашк", ALL)
    assert len(queries) <= 30
