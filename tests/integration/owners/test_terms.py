"""What the head has set stands while a real base is read; overdue follows within a tick; taken back it is as before."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from core.errors import UsageError
from mapping.rules import parse_mapping
from sandbox.onec.schema import PARTIES
from store.entities import balances, counterparties
from store.tables import audit, binding, own_value, run
from store.versions import ensure_published
from sync.owners.terms import Held, load_books, load_terms, set_terms
from sync.push.merge import apply_merge
from sync.room.dispatch import run_work, tick
from tests.integration.sync_balances.world import NAME, World, open_world

KEPT = 'payment_days = { from = "КодПоОКПО", when = "filled(КодПоОКПО)"%s }'


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    """A company that was read; its mapping reads no terms of customers."""
    with open_world(store_url, documents=120, counterparties=20) as made:
        made.cycle()
        yield made


def late_customer(world: World) -> UUID:
    """Somebody whose debt is overdue by the usual terms."""
    late = (balances.c.overdue > Decimal(0), balances.c.overdue_rule == "default")
    query = select(balances.c.counterparty_id).where(*late, balances.c.counterparty_id.is_not(None))
    with world.engine.connect() as conn:
        found: UUID = conn.execute(query.order_by(balances.c.counterparty_key).limit(1)).scalar_one()
    return found


def row_of(world: World, customer: UUID) -> Any:
    with world.engine.connect() as conn:
        return conn.execute(select(counterparties).where(counterparties.c.id == customer)).one()


def late_of(world: World, customer: UUID) -> list[tuple[Any, ...]]:
    return sorted(
        (row.contract_key, row.currency, row.overdue, str(row.overdue_since), row.overdue_rule)
        for row in world.rows()
        if row.counterparty_id == customer
    )


def tick_until_done(world: World) -> list[str]:
    """What the service does at its next tick; how the runs came out."""
    world.app.clock.sleep(2)
    found = [run_work(world.app, item.to_message()) for item in tick(world.app) if item.kind == "request"]
    return [result.status for result in found if result is not None]


def touch(world: World, customer: UUID, **fields: Any) -> None:
    """Somebody works on the card in accounting; the next cycle reads it."""
    where = (binding.c.entity == "counterparty", binding.c.entity_id == customer)
    with world.engine.connect() as conn:
        key = conn.execute(select(binding.c.external_id).where(*where)).scalar_one()
    world.base.change(PARTIES, key, fields)
    world.cycle()


def use_mapping(world: World, rule: str) -> None:
    """Another mapping rules from now on."""
    text = f'extends = "bp30"\n[entities.counterparty.fields]\n{rule}\n'
    mapping = parse_mapping(text, "own.toml")
    ensure_published(world.engine, "own", mapping.text, "test", version=mapping.version)
    name_mapping(world, "own")


def name_mapping(world: World, name: str) -> None:
    settings = world.app.settings.connections[NAME]
    world.app.settings.connections[NAME] = settings.model_copy(update={"mapping": name})


def held(world: World, customer: UUID) -> Held:
    books = load_books(world.app)
    with world.engine.connect() as conn:
        return load_terms(conn, books, customer)[0]


def audited(world: World, what: str) -> list[tuple[str, Any, Any]]:
    with world.engine.connect() as conn:
        query = select(audit.c.who, audit.c.before, audit.c.after).where(audit.c.what == what)
        return [tuple(row) for row in conn.execute(query.order_by(audit.c.at, audit.c.id))]


def test_overdue_follows_within_a_tick_and_goes_back_with_the_term(world: World) -> None:
    customer = late_customer(world)
    before = late_of(world, customer)
    assert set_terms(world.app, "head", customer, customer, {"payment_days": 3650})
    assert tick_until_done(world) == ["ok"]
    after = late_of(world, customer)
    assert sum(row[2] for row in after) < sum(row[2] for row in before)
    with world.engine.connect() as conn:
        kinds = conn.execute(select(run.c.kind, run.c.status).order_by(run.c.started_at.desc())).first()
    assert tuple(kinds or ()) == ("repair", "ok")
    assert set_terms(world.app, "head", customer, customer, {"payment_days": None})
    assert tick_until_done(world) == ["ok"]
    assert late_of(world, customer) == before


def test_accounting_need_not_answer_for_it(world: World) -> None:
    customer = late_customer(world)
    before = late_of(world, customer)
    asked = len(world.server.requests)
    set_terms(world.app, "head", customer, customer, {"payment_days": 3650})
    assert tick_until_done(world) == ["ok"] and late_of(world, customer) != before
    assert len(world.server.requests) == asked


def test_a_pull_leaves_it_alone(world: World) -> None:
    customer = late_customer(world)
    set_terms(world.app, "head", customer, customer, {"payment_days": 30, "credit_limit": Decimal("1000.50")})
    touch(world, customer, Description="Новое имя", НаименованиеПолное="Новое имя")
    row = row_of(world, customer)
    assert (row.name, row.payment_days, row.credit_limit) == ("Новое имя", 30, Decimal("1000.50"))
    assert audited(world, "terms.overruled") == []


def test_once_the_mapping_reads_it_accounting_rules_and_ours_rests(world: World) -> None:
    customer = late_customer(world)
    set_terms(world.app, "head", customer, customer, {"payment_days": 30})
    use_mapping(world, KEPT % "")
    touch(world, customer, КодПоОКПО="15")
    assert row_of(world, customer).payment_days == 15
    assert audited(world, "terms.overruled") == [(NAME, {"payment_days": "30"}, {"payment_days": "15"})]
    found = held(world, customer)
    assert found.keepers == {"payment_days": NAME} and found.own["payment_days"].theirs == 15
    with pytest.raises(UsageError, match="keeps this"):
        set_terms(world.app, "head", customer, customer, {"payment_days": 60})
    touch(world, customer, КодПоОКПО="")
    assert row_of(world, customer).payment_days == 30, "an empty value blanks nothing"
    touch(world, customer, КодПоОКПО="20")
    name_mapping(world, "bp30")
    touch(world, customer, Description="Опять прежние правила")
    assert row_of(world, customer).payment_days == 30, "with the mapping taken back ours is there again"
    assert held(world, customer).keepers == {}


def test_taken_back_while_accounting_rules_it_is_as_accounting_says(world: World) -> None:
    customer = late_customer(world)
    set_terms(world.app, "head", customer, customer, {"payment_days": 30})
    use_mapping(world, KEPT % "")
    touch(world, customer, КодПоОКПО="15")
    assert set_terms(world.app, "head", customer, customer, {"payment_days": None})
    assert row_of(world, customer).payment_days == 15
    with world.engine.connect() as conn:
        assert conn.execute(select(own_value)).all() == []


def test_a_field_that_the_crm_owns_is_ours_to_set_though_the_mapping_reads_it(world: World) -> None:
    customer = late_customer(world)
    use_mapping(world, KEPT % ', owner = "crm"')
    touch(world, customer, КодПоОКПО="15")
    assert row_of(world, customer).payment_days == 15 and held(world, customer).keepers == {}
    set_terms(world.app, "head", customer, customer, {"payment_days": 30})
    touch(world, customer, Description="Другое имя")
    assert row_of(world, customer).payment_days == 30
    touch(world, customer, КодПоОКПО="20")
    assert row_of(world, customer).payment_days == 30
    assert set_terms(world.app, "head", customer, customer, {"payment_days": None})
    assert row_of(world, customer).payment_days == 20
    assert audited(world, "terms.overruled") == []


def test_taken_back_while_accounting_says_nothing_nothing_is_left(world: World) -> None:
    customer = late_customer(world)
    set_terms(world.app, "head", customer, customer, {"payment_days": 30})
    use_mapping(world, KEPT % "")
    touch(world, customer, КодПоОКПО="")
    assert row_of(world, customer).payment_days == 30 and held(world, customer).keepers == {"payment_days": NAME}
    assert set_terms(world.app, "head", customer, customer, {"payment_days": None})
    assert row_of(world, customer).payment_days is None, "nobody has said it any more"


def test_of_two_who_are_made_one_what_was_set_stays_set(world: World) -> None:
    gone = late_customer(world)
    with world.engine.connect() as conn:
        others = select(counterparties.c.id).where(counterparties.c.id != gone).order_by(counterparties.c.name)
        kept: UUID = conn.execute(others.limit(1)).scalar_one()
    set_terms(world.app, "head", gone, gone, {"payment_days": 30, "credit_limit": Decimal("1000.50")})
    set_terms(world.app, "head", kept, kept, {"payment_days": 45})
    with world.engine.begin() as conn:
        apply_merge(conn, gone, kept, world.app.clock.now(), "anna")
    own = {name: one.value for name, one in held(world, kept).own.items()}
    assert own == {"payment_days": 45, "credit_limit": Decimal("1000.50")}
    assert row_of(world, kept).credit_limit == Decimal("1000.50") and row_of(world, kept).payment_days == 45
    with world.engine.connect() as conn:
        assert conn.execute(select(own_value).where(own_value.c.entity_id == gone)).all() == []
