"""By what customers are found and sorted is level with the records after every run, and is not written without need."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import delete, event, func, select, update

from store.entities import balances, counterparties, entity_tables
from store.queries.customers.found import find_ids
from store.queries.customers.listed import Wish, load_customers
from store.queries.customers.rights import Viewer
from store.queries.shapes import View
from store.tables import customer_figure, customer_mark, customer_word, word_form
from tests.integration.sync_pull.world import World

HEAD = Viewer(uuid4(), "head", date(2026, 1, 1))
DERIVED = ("customer_word", "word_form", "customer_figure", "customer_mark")


@pytest.fixture
def world(build: Callable[..., World]) -> World:
    return build(documents=60)


def contents(world: World) -> list[tuple[object, ...]]:
    with world.engine.begin() as conn:
        return [
            tuple(row)
            for table in (customer_word, word_form, customer_figure)
            for row in conn.execute(select(table).order_by(*table.primary_key.columns))
        ]


def test_after_the_first_cycle_everybody_is_found_and_sorted(world: World) -> None:
    world.sync()
    with world.engine.begin() as conn:
        names = conn.execute(select(counterparties.c.id, counterparties.c.name)).all()
        assert names and all(row.id in find_ids(conn, row.name, HEAD) for row in names)
        rows = load_customers(conn, HEAD, Wish(sort="balance", owing="debtors"), View(), limit=500).rows
        owed = select(balances.c.counterparty_id).group_by(balances.c.counterparty_id, balances.c.currency)
        debtors = conn.execute(owed.having(func.sum(balances.c.amount) > Decimal(0))).scalars()
        assert {row["id"] for row in rows} <= {str(key) for key in debtors}
        shipment = entity_tables["shipment"]
        counts = (shipment.c.posted.is_(True), shipment.c.deleted.is_(False), shipment.c.counterparty_id.is_not(None))
        newest = conn.execute(select(func.max(shipment.c.date)).where(*counts)).scalar()
        assert conn.execute(select(func.max(customer_figure.c.last_shipment_at))).scalar() == newest


def test_a_cycle_without_changes_writes_none_of_it(world: World) -> None:
    world.sync()
    written: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith("SELECT") and any(name in statement for name in DERIVED):
            written.append(statement)

    world.tick()
    event.listen(world.engine, "before_cursor_execute", note)
    world.sync()
    event.remove(world.engine, "before_cursor_execute", note)
    assert written == []


def test_what_was_lost_is_made_anew_and_comes_out_the_same(world: World) -> None:
    world.sync()
    before = contents(world)
    with world.engine.begin() as conn:
        for table in (customer_word, word_form, customer_figure, customer_mark):
            conn.execute(delete(table))
    world.tick()
    world.sync()
    assert contents(world) == before


def test_once_a_day_figures_are_made_anew(world: World) -> None:
    world.sync()
    world.tick(7200)
    world.sync()
    with world.engine.begin() as conn:
        conn.execute(update(customer_figure).values(amount=Decimal(7)))
    world.tick(3600)
    world.sync()
    with world.engine.begin() as conn:
        assert set(conn.execute(select(customer_figure.c.amount)).scalars()) == {7}
    world.tick(timedelta(days=1).total_seconds())
    world.sync()
    with world.engine.begin() as conn:
        assert len(set(conn.execute(select(customer_figure.c.amount)).scalars())) > 1


def test_a_dry_run_writes_none_of_it(world: World) -> None:
    world.sync(status=None, dry_run=True)
    assert contents(world) == []
