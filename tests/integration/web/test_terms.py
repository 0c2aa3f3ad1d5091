"""Limits and terms that accounting does not keep: the head sets them, for customers of his department alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from core.settings import ConnectionSettings
from store.customers import write_lists
from store.entities import counterparties, entity_tables
from store.tables import audit, binding, connection, customer_figure, own_value, request
from sync.owners.terms import set_terms
from tests.integration.store.filling import NOW
from tests.integration.web.world import LANGUAGES, SECRET_NAME, World

CONTRACT = entity_tables["contract"]


@pytest.fixture
def kept(world: World, tmp_path: Path) -> World:
    """A base whose mapping reads the terms of contracts, and none of customers."""
    world.site.app.settings.connections["accounting"] = ConnectionSettings(
        name="accounting", connector="onec_odata", mapping="bp30"
    )
    with world.engine.begin() as conn:
        write_lists(conn, list(world.customers.values()))
        source = {"counterparty": "Catalog_Контрагенты", "contract": "Catalog_ДоговорыКонтрагентов"}
        for entity, name in source.items():
            conn.execute(update(binding).where(binding.c.entity == entity).values(source=name))
    return world


def path_of(world: World, name: str = "mine") -> str:
    return f"/customers/{world.customers[name]}/terms"


def put(world: World, login: str, customer: str = "mine", holder: UUID | None = None, **fields: str) -> Any:
    holder = holder or world.customers[customer]
    return world.browser(login).submit(path_of(world, customer), holder=str(holder), **fields)


def in_force(world: World, customer: str = "mine") -> tuple[Any, Any]:
    table = counterparties
    query = select(table.c.credit_limit, table.c.payment_days).where(table.c.id == world.customers[customer])
    with world.engine.connect() as conn:
        return tuple(conn.execute(query).one())


def contract_of(world: World, **values: Any) -> UUID:
    fields = {"counterparty_id": world.customers["mine"], "number": "Д-7", "name": "Договор 7"} | values
    key = world.filling.add("contract", {"accounting": "d-7"}, **fields)
    with world.engine.begin() as conn:
        mine = (binding.c.entity == "contract", binding.c.entity_id == key)
        conn.execute(update(binding).where(*mine).values(source="Catalog_ДоговорыКонтрагентов"))
    return key


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_head_sets_a_limit_and_the_card_shows_what_is_left(kept: World, language: str) -> None:
    answer = put(kept, "head", credit_limit="1 000,00", payment_days="14")
    assert answer.headers["location"] == path_of(kept)
    assert in_force(kept) == (Decimal(1000), 14)
    browser = kept.browser("head")
    browser.cookies.set("sverka-language", language)
    card = browser.get(f"/customers/{kept.customers['mine']}").text
    words = {"en": "over the credit limit of 1,000.00", "ru": "сверх лимита 1", "uk": "понад ліміт 1"}
    assert words[language] in card and path_of(kept) in card
    days = {"en": "Pays within 14 days", "ru": "Платит в течение 14 дней", "uk": "Платить протягом 14 днів"}
    assert days[language] in card
    text = browser.get(path_of(kept)).text
    assert "head" in text and 'value="1000"' in text and 'value="14"' in text


def test_old_and_new_and_who_are_audited(kept: World) -> None:
    put(kept, "head", credit_limit="1000")
    put(kept, "admin", credit_limit="2500.50")
    put(kept, "admin", credit_limit="2500.50")
    with kept.engine.connect() as conn:
        rows = conn.execute(select(audit).where(audit.c.what == "terms.set").order_by(audit.c.at, audit.c.id)).all()
    told = [(row.who, row.subject, row.before, row.after) for row in rows]
    key = str(kept.customers["mine"])
    assert told == [
        ("head", key, {"credit_limit": None}, {"credit_limit": "1000"}),
        ("admin", key, {"credit_limit": "1000"}, {"credit_limit": "2500.5"}),
    ]


def test_an_empty_field_takes_it_back_to_what_was_there(kept: World) -> None:
    key = kept.customers["mine"]
    with kept.engine.begin() as conn:
        conn.execute(update(counterparties).where(counterparties.c.id == key).values(credit_limit=Decimal(70)))
    put(kept, "head", credit_limit="1000", payment_days="0")
    assert in_force(kept) == (Decimal(1000), 0)
    put(kept, "head", credit_limit="", payment_days="0")
    assert in_force(kept) == (Decimal(70), 0)
    put(kept, "head", credit_limit="", payment_days="")
    assert in_force(kept) == (Decimal(70), None)
    with kept.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(own_value)).scalar() == 0


def test_what_accounting_keeps_is_told_and_not_set(kept: World) -> None:
    contract = contract_of(kept, credit_limit=Decimal(500), payment_days=5)
    text = kept.browser("head").get(path_of(kept)).text
    assert "Договор 7" in text and text.count("Kept in accounting") == 2 and "500.00" in text and "5 days" in text
    answer = put(kept, "head", holder=contract, credit_limit="9000", payment_days="90")
    assert answer.status_code == 303
    with kept.engine.connect() as conn:
        row = conn.execute(select(CONTRACT.c.credit_limit, CONTRACT.c.payment_days).where(CONTRACT.c.id == contract))
        assert tuple(row.one()) == (Decimal(500), 5)
        assert conn.execute(select(func.count()).select_from(own_value)).scalar() == 0
    assert not [one for one in kept.audited() if one[1] == "terms.set"]


def test_a_field_that_this_base_never_had_is_kept_by_nobody(kept: World) -> None:
    """The preset names it; records were read, and it was in none of them."""
    contract = contract_of(kept)
    facts = {"fields": {"contract/Catalog_ДоговорыКонтрагентов": ["Ref_Key", "ДопустимаяСуммаЗадолженности"]}}
    with kept.engine.begin() as conn:
        conn.execute(insert(connection).values(name="accounting", facts=facts))
    text = kept.browser("head").get(path_of(kept)).text
    assert text.count("Kept in accounting") == 1 and f'id="payment_days-{contract}"' in text
    put(kept, "head", holder=contract, payment_days="30")
    with kept.engine.connect() as conn:
        assert conn.execute(select(CONTRACT.c.payment_days).where(CONTRACT.c.id == contract)).scalar() == 30


@pytest.mark.parametrize(
    "fields",
    [{"credit_limit": value} for value in ("-5", "0", "abc", "1e9", "9" * 15, "1.2345", "٣")]
    + [{"payment_days": value} for value in ("-1", "3651", "1.5", "много", "²")],
)
def test_what_cannot_be_is_refused_with_the_reason(kept: World, fields: dict[str, str]) -> None:
    answer = put(kept, "head", "mine", None, **fields)
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert in_force(kept) == (None, None)


@pytest.mark.parametrize("typed", ["150000", "150 000", "150\u00a0000,00", "150,000.00", "150.000,00", "150,000"])
def test_sums_as_people_write_them(kept: World, typed: str) -> None:
    put(kept, "head", credit_limit=typed)
    assert in_force(kept)[0] == Decimal(150000)


def test_only_heads_and_only_their_own_department(kept: World) -> None:
    assert put(kept, "manager", credit_limit="1").status_code == 403
    assert put(kept, "ops", credit_limit="1").status_code == 403
    assert put(kept, "north", credit_limit="1").status_code == 303
    for answer in (
        put(kept, "north", "foreign", credit_limit="1"),
        kept.browser("north").get(path_of(kept, "foreign")),
    ):
        assert answer.status_code == 404 and SECRET_NAME not in answer.text
    assert in_force(kept, "foreign") == (None, None)
    others = contract_of(kept, counterparty_id=kept.customers["foreign"])
    assert put(kept, "north", "mine", holder=others, payment_days="1").status_code == 404
    assert "/terms" not in kept.browser("manager").get(f"/customers/{kept.customers['mine']}").text


def test_new_days_ask_for_overdue_to_be_reckoned_and_a_limit_does_not(kept: World) -> None:
    put(kept, "head", credit_limit="10")
    with kept.engine.connect() as conn:
        assert conn.execute(select(request.c.kind)).scalars().all() == []
    put(kept, "head", credit_limit="10", payment_days="3")
    with kept.engine.connect() as conn:
        (row,) = conn.execute(select(request.c.kind, request.c.connection, request.c.arguments)).all()
    assert tuple(row) == ("settle", "accounting", {"customer": str(kept.customers["mine"])})


def test_the_list_is_narrowed_to_those_over_the_limit_and_sorted_by_it(kept: World) -> None:
    put(kept, "head", "mine", credit_limit="1500.49")
    put(kept, "head", "foreign", credit_limit="100")
    put(kept, "head", "nobody", credit_limit="1500.50")
    text = kept.browser("head").get("/customers", params={"owing": "over", "sort": "over"}).text
    assert "Ничей" not in text and text.index(SECRET_NAME) < text.index("Ромашка")
    with kept.engine.connect() as conn:
        mine = customer_figure.c.counterparty_id == kept.customers["mine"]
        assert conn.execute(select(customer_figure.c.over).where(mine)).scalar() == Decimal("0.01")
    assert SECRET_NAME not in kept.browser("manager").get("/customers", params={"owing": "over"}).text


def test_a_contract_over_its_limit_counts_too(kept: World) -> None:
    contract = contract_of(kept, credit_limit=Decimal(100))
    kept.filling.balance(
        kept.customers["mine"], "c-mine", contract_id=contract, contract_key="d-7", receivable=Decimal(130)
    )
    with kept.engine.begin() as conn:
        write_lists(conn, [kept.customers["mine"]])
        mine = customer_figure.c.counterparty_id == kept.customers["mine"]
        assert conn.execute(select(customer_figure.c.over).where(mine)).scalar() == Decimal(30)
        conn.execute(update(CONTRACT).values(closed=True))
        write_lists(conn, [kept.customers["mine"]])
        assert conn.execute(select(customer_figure.c.over).where(mine)).scalar() == Decimal(0)


def test_while_the_mapping_cannot_be_read_nothing_is_set(kept: World) -> None:
    """Nobody knows then who keeps what."""
    kept.site.app.settings.connections["accounting"] = ConnectionSettings(
        name="accounting", connector="onec_odata", mapping="gone.toml"
    )
    assert "Kept in accounting" in kept.browser("head").get(path_of(kept)).text
    put(kept, "head", credit_limit="5")
    assert in_force(kept) == (None, None)


def test_questions_do_not_grow_with_contracts(kept: World, count_queries: Callable[[Any], Any]) -> None:
    browser, counts = kept.browser("head"), []
    for number in (1, 30):
        rows = [
            ({"accounting": f"d{number}-{one}"}, {"counterparty_id": kept.customers["mine"]}) for one in range(number)
        ]
        kept.filling.add_many("contract", rows)
        with count_queries(kept.site.reader) as asked, count_queries(kept.engine) as others:
            assert browser.get(path_of(kept)).status_code == 200
        counts.append(len(asked) + len(others))
    assert counts[0] == counts[1] <= 16


def test_the_same_by_the_engine_says_whether_anything_has_changed(kept: World) -> None:
    key = kept.customers["mine"]
    assert set_terms(kept.site.app, "x", key, key, {"payment_days": 3})
    kept.clock.sleep(timedelta(days=1).total_seconds())
    assert not set_terms(kept.site.app, "y", key, key, {"payment_days": 3, "credit_limit": None})
    with kept.engine.connect() as conn:
        row = conn.execute(select(own_value)).one()
    assert (row.set_by, row.set_at) == ("x", NOW)
