"""Accounting's own terms count where they add up to the balance, and nowhere else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from connectors.base import TermRow
from core.money import ZERO
from store.queries.settlements.balance_rows import StoredBalance
from sync.settle.overdue import Overdue
from sync.settle.terms import RULE, Late, Terms

TODAY = date(2026, 1, 15)
PLACE = ("customer", "deal", "org", "RUB")


def balance(receivable: str) -> StoredBalance:
    owed = Decimal(receivable)
    return StoredBalance(
        uuid4(), "customer", "deal", "org", "", None, None, None, "RUB", owed, ZERO, owed, ZERO, None, None, ZERO,
        datetime(2026, 1, 15, tzinfo=UTC),
    )  # fmt: skip


def terms(*debts: tuple[str, date | None]) -> Terms:
    late = Late()
    for debt, due in debts:
        late.add(TermRow("customer", "deal", "org", None, due, Decimal(debt), ZERO), TODAY)
    return Terms({PLACE: late})


@pytest.mark.parametrize(
    ("debts", "expected"),
    [
        ([("100", TODAY)], Overdue()),
        ([("100", None)], Overdue()),
        ([("100", TODAY - timedelta(days=1))], Overdue(Decimal(100), TODAY, RULE)),
        (
            [("60", date(2026, 1, 10)), ("30", date(2026, 1, 3)), ("10", date(2026, 2, 1))],
            Overdue(Decimal(90), date(2026, 1, 4), RULE),
        ),
    ],
)
def test_what_is_past_its_day_is_overdue_since_the_day_after(
    debts: list[tuple[str, date | None]], expected: Overdue
) -> None:
    assert terms(*debts).find(balance("100")) == expected


def test_terms_that_do_not_add_up_say_nothing() -> None:
    assert terms(("99.99", date(2026, 1, 1))).find(balance("100")) is None
    assert Terms().find(balance("100")) is None
    assert Terms({("other", "deal", "org", "RUB"): Late(Decimal(100))}).find(balance("100")) is None
