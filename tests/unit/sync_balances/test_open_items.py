"""Overdue: open items make up the receivable, whatever the documents say."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sync.settle.overdue import Charge, OpenItem, Overdue, Terms, build_open_items, find_due, find_overdue

DAY = date(2026, 1, 15)
amounts = st.decimals(min_value=0, max_value=10**6, places=2)
days = st.dates(min_value=date(2024, 1, 1), max_value=date(2026, 12, 31))
terms = st.builds(
    Terms,
    shipment=st.none() | days,
    order=st.none() | days,
    contract=st.none() | st.integers(0, 90),
    counterparty=st.none() | st.integers(0, 90),
    default=st.integers(0, 30),
)
charges = st.lists(st.builds(Charge, date=days, amount=amounts, closed=amounts, terms=terms), max_size=12)


@given(amounts, charges, st.none() | days)
def test_open_items_make_up_the_receivable(receivable: Decimal, found: list[Charge], since: date | None) -> None:
    items = build_open_items(receivable, found, since)
    assert sum((item.amount for item in items), Decimal(0)) == receivable
    assert all(item.amount > 0 for item in items)


@given(amounts, charges, days)
def test_overdue_is_a_part_of_the_receivable(receivable: Decimal, found: list[Charge], today: date) -> None:
    overdue = find_overdue(build_open_items(receivable, found, None), today)
    assert 0 <= overdue.amount <= receivable
    assert overdue.since is None or overdue.since <= today
    assert (overdue.rule is None) == (not overdue.amount)


def charge(day: int, amount: str, closed: str = "0", **said: object) -> Charge:
    return Charge(date(2026, 1, day), Decimal(amount), Decimal(closed), Terms(**said))  # type: ignore[arg-type]


def test_the_oldest_is_closed_first() -> None:
    items = build_open_items(Decimal(150), [charge(2, "100"), charge(1, "100")], None)
    assert [(item.amount, item.due) for item in items] == [
        (Decimal(50), date(2026, 1, 1)),
        (Decimal(100), date(2026, 1, 2)),
    ]


def test_an_allocation_closes_its_own_shipment() -> None:
    items = build_open_items(Decimal(100), [charge(1, "100"), charge(2, "100", closed="100")], None)
    assert items == [OpenItem(Decimal(100), date(2026, 1, 1), "default")]


def test_what_is_older_than_the_mirror_is_overdue_since_it_begins() -> None:
    since = date(2025, 1, 1)
    items = build_open_items(Decimal(300), [charge(14, "100", contract=30)], since)
    assert sum(item.amount for item in items) == 300
    assert find_overdue(items, DAY) == Overdue(Decimal(200), since, "default")


def test_who_says_when_to_pay() -> None:
    shipped = date(2026, 1, 1)
    said = date(2026, 2, 1)
    assert find_due(shipped, Terms(shipment=said, order=DAY, contract=3)) == (said, "document")
    assert find_due(shipped, Terms(order=said, contract=3)) == (said, "document")
    assert find_due(shipped, Terms(contract=3, counterparty=5)) == (shipped + timedelta(days=3), "contract")
    assert find_due(shipped, Terms(counterparty=5, default=9)) == (shipped + timedelta(days=5), "counterparty")
    assert find_due(shipped, Terms(default=9)) == (shipped + timedelta(days=9), "default")


def test_the_due_day_itself_is_in_time() -> None:
    items = [OpenItem(Decimal(1), DAY, "contract")]
    assert find_overdue(items, DAY) == Overdue()
    assert find_overdue(items, DAY + timedelta(days=1)) == Overdue(Decimal(1), DAY + timedelta(days=1), "contract")


def test_nothing_is_open_without_a_receivable() -> None:
    assert build_open_items(Decimal(0), [charge(1, "100")], None) == []
    assert build_open_items(Decimal(-5), [charge(1, "100")], None) == []
