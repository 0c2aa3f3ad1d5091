"""The age of a customer's debt: its parts add up to what the register says, the late ones to what is overdue."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from core.money import ZERO
from mapping.rules import parse_mapping
from store.entities import balances
from sync.mappings.publishing import publish_mapping
from sync.settle.ageing import AGES, age_of, load_ageing
from sync.settle.overdue import OpenItem
from tests.integration.sync_pull.conftest import build
from tests.integration.sync_pull.world import ZONE, World

__all__ = ["build"]
RULES = "bp30"
TODAY = date(2026, 1, 15)


@pytest.mark.parametrize(
    ("days", "age"),
    [(-5, "in_time"), (0, "in_time"), (1, "days_30"), (30, "days_30"), (31, "days_60"), (61, "days_90"), (91, "older")],
)
def test_ages_have_sharp_edges(days: int, age: str) -> None:
    assert age_of(OpenItem(Decimal(1), TODAY - timedelta(days=days), "default"), TODAY) == age
    assert age_of(OpenItem(Decimal(1), None, "default"), TODAY) == "older"


def test_ages_add_up_to_the_register_and_to_what_is_overdue(build: Callable[..., World]) -> None:
    world = build(documents=60)
    world.sync()
    check_ages(world)


def check_ages(world: World) -> None:
    today = world.clock.now().astimezone(ZONE).date()
    seen = 0
    with world.engine.begin() as conn:
        rows = conn.execute(select(balances).where(balances.c.counterparty_id.is_not(None))).all()
        for customer in {row.counterparty_id for row in rows}:
            for part in load_ageing(conn, world.app, customer, today):
                mine = [row for row in rows if (row.counterparty_id, row.currency) == (customer, part.currency)]
                assert part.total == sum((max(row.receivable, ZERO) for row in mine), ZERO)
                late = sum((part.amounts[age] for age in AGES if age != "in_time"), ZERO)
                assert late == sum((row.overdue for row in mine), ZERO)
                seen += 1
    assert seen > 3


def test_the_usual_days_to_pay_of_a_mapping_count_from_the_next_cycle_on(build: Callable[..., World]) -> None:
    world = build(documents=60)
    world.sync()
    before = late_of(world)
    own = parse_mapping('extends = "bp30"\n[settings]\npayment_days = 3000', "own")
    publish_mapping(world.app, RULES, own, "admin")
    world.sync()
    after = late_of(world)
    assert before > 0
    assert after == 0, "what was late by the usual term is not any more"
    check_ages(world)


def late_of(world: World) -> int:
    """How many balances are late by the usual term; debts older than the documents here are late by any."""
    since = world.app.settings.connections["accounting"].since
    late = select(balances.c.id).where(balances.c.overdue_rule == "default", balances.c.overdue_since > since)
    with world.engine.begin() as conn:
        return len(conn.execute(late).all())
