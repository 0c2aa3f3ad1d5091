"""Whatever people do on both sides: one deal an order at most, forward only, and no person is overruled."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.deals.deciding import assign_order
from tests.integration.deals.world import MOVES, NUMBER, Deals, make_deals

PLACES = ("NEW", "PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "FINAL_INVOICE", "WON", "LOSE", "APOLOGY")
ENDED = ("WON", "LOSE", "APOLOGY")
CUSTOMERS = 2


class Company:
    """Both sides, and what people have done on them."""

    def __init__(self, deals: Deals, seed: int) -> None:
        self.deals, self.random = deals, Random(seed)
        self.orders: dict[str, tuple[str, int]] = {}
        self.made: dict[str, int] = {}
        self.decided: dict[str, str] = {}

    def open_deal(self) -> None:
        customer = self.random.randrange(CUSTOMERS)
        self.made[self.deals.deal(customer=customer, stage=self.random.choice(PLACES[:3]))] = customer

    def write_order(self) -> None:
        number, customer = str(len(self.orders) + 1), self.random.randrange(CUSTOMERS)
        named = self.random.choice([*self.made, "404", ""]) if self.made else ""
        comment = f"сделка № {named}" if named else ""
        self.orders[number] = (self.deals.order(number, customer=customer, amount=100, comment=comment), customer)

    def pay(self) -> None:
        if self.orders:
            key, customer = self.random.choice(list(self.orders.values()))
            self.deals.pay({key: self.random.choice([50, 100])}, customer=customer)

    def ship(self) -> None:
        if self.orders:
            key, customer = self.random.choice(list(self.orders.values()))
            self.deals.ship(key, self.random.choice([50, 100]), customer=customer)

    def rename(self) -> None:
        if self.orders and self.made:
            key, _ = self.random.choice(list(self.orders.values()))
            self.deals.comment(key, f"сделка № {self.random.choice(list(self.made))}")

    def move(self) -> None:
        if self.made:
            self.deals.edit(self.random.choice(list(self.made)), stageId=self.random.choice(PLACES))

    def decide(self) -> None:
        orders, deals = sorted(self.deals.assigned()), sorted(self.deals.known())
        if orders and deals:
            number, deal = self.random.choice(orders), self.random.choice(deals)
            assign_order(self.deals.app, self.orders[number][0], deal, who="Анна", force=True)
            self.decided[number] = deal


def cycle_and_check(company: Company) -> None:
    """One period; what it did to the portal goes forward, and out of no end."""
    deals = company.deals
    before = {deal: deals.stage(deal) for deal in company.made}
    deals.sync(status=("ok", "partial"))
    for deal, stage in before.items():
        now = deals.stage(deal)
        if now != stage:
            assert PLACES.index(now) > PLACES.index(stage) and stage not in ENDED and now not in ("LOSE", "APOLOGY")
    assigned = deals.assigned()
    for number, deal in company.decided.items():
        assert assigned[number] == (deal, "person")
    for number, (deal, rule) in assigned.items():
        if rule != "person":
            assert company.made[deal] == company.orders[number][1]


ACTIONS: tuple[Callable[[Company], None], ...] = (
    Company.open_deal, Company.write_order, Company.write_order, Company.pay, Company.pay, Company.ship,
    Company.rename, Company.move, Company.decide, cycle_and_check,
)  # fmt: skip


@pytest.mark.timeout(600)
@settings(
    max_examples=4, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip
@given(st.integers(0, 2**32), st.lists(st.sampled_from(ACTIONS), min_size=15, max_size=30))
def test_edits_on_both_sides(seed: int, actions: list[Callable[[Company], None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with make_deals(f"sqlite:///{path / 'store.db'}", path, NUMBER + MOVES, customers=CUSTOMERS) as deals:
            company = Company(deals, seed)
            for action in (Company.open_deal, Company.write_order, cycle_and_check, *actions):
                action(company)
            cycle_and_check(company)
            cycle_and_check(company)
            sent, held = deals.updates(), deals.assigned()
            cycle_and_check(company)
            assert (deals.updates(), deals.assigned()) == (sent, held), "nothing more is done once people rest"
