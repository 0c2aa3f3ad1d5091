"""Which deal an order belongs to: never guessed, whatever deals there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.deals.choosing import Deal, OrderSeen, choose

ZONE = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 1, 15, 9, tzinfo=UTC)
OURS, OTHER = UUID(int=1), UUID(int=2)


def deal(number: int, *, opened: float = -10, closed: float | None = None, customer: UUID | None = OURS) -> Deal:
    end = None if closed is None else NOON + timedelta(days=closed)
    outcome = "open" if closed is None else "won"
    start = NOON + timedelta(days=opened)
    return Deal(UUID(int=100 + number), str(number), str(number), customer, start, end, outcome)


def order(*named: str, customer: UUID | None = OURS, rejected: frozenset[UUID] = frozenset()) -> OrderSeen:
    return OrderSeen(UUID(int=9), customer, NOON, frozenset(named), rejected)


def decide(seen: OrderSeen, *deals: Deal, only_open: bool = True) -> tuple[str | None, str | None]:
    by_number = {one.label: [one] for one in deals}
    customers: dict[UUID, list[Deal]] = {}
    for one in deals:
        if one.customer is not None:
            customers.setdefault(one.customer, []).append(one)
    found = choose(seen, by_number, customers, ZONE, only_open=only_open)
    assert (found.deal is None) == bool(found.why)
    return (found.deal.label if found.deal else None), found.rule


@pytest.mark.parametrize(
    ("opened", "closed", "fits"),
    [
        (-10, None, True),
        (0.4, None, True),  # the same day: accounting's hours are not what happened when
        (1, None, False),
        (-10, -0.2, True),
        (-10, -1, False),
        (-10, 5, True),
    ],
)
def test_deal_counts_by_the_days_on_which_it_was_open(opened: float, closed: float | None, fits: bool) -> None:
    assert decide(order(), deal(1, opened=opened, closed=closed)) == (("1", "only_open") if fits else (None, None))


def test_number_goes_before_the_only_open_deal() -> None:
    assert decide(order("2"), deal(1), deal(2, opened=5)) == ("2", "number")
    assert decide(order("3"), deal(1)) == (None, None)
    assert decide(order("1", "2"), deal(1), deal(2)) == (None, None)
    assert decide(order("2"), deal(1), deal(2, customer=OTHER)) == (None, None)
    assert decide(order("2"), deal(1), deal(2, customer=None)) == ("2", "number")


def test_two_deals_with_one_number_are_nobodys() -> None:
    twins = [deal(1), deal(2)]
    assert choose(order("7"), {"7": twins}, {}, ZONE).candidates == tuple(twins)


def test_what_a_person_refused_is_not_chosen() -> None:
    refused = frozenset({deal(1).id})
    assert decide(order(rejected=refused), deal(1)) == (None, None)
    assert decide(order("1", rejected=refused), deal(1)) == (None, None)
    assert decide(order(rejected=refused), deal(1), deal(2)) == ("2", "only_open")


def test_rule_of_the_only_open_deal_may_be_off() -> None:
    assert decide(order(), deal(1), only_open=False) == (None, None)
    assert decide(order(customer=None), deal(1)) == (None, None)


days = st.floats(min_value=-30, max_value=30, allow_nan=False)
some_deals = st.lists(
    st.builds(
        deal, st.integers(1, 4), opened=days, closed=st.none() | days, customer=st.sampled_from([OURS, OTHER, None])
    ),
    max_size=5,
    unique_by=lambda one: one.id,
)


@given(some_deals, st.frozensets(st.sampled_from("1234"), max_size=2))
def test_a_chosen_deal_is_the_only_one_that_could_be_meant(deals: list[Deal], named: frozenset[str]) -> None:
    label, rule = decide(order(*named), *deals)
    if label is None:
        return
    chosen = next(one for one in deals if one.label == label)
    assert chosen.customer in (OURS, None)
    if rule == "number":
        assert named == {label}
    else:
        assert not named
        assert [one for one in deals if one.customer == OURS and one.was_open(NOON, ZONE)] == [chosen]
