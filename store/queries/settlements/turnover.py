"""How a customer's balance and turnover went, month by month: data of the card's charts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Connection

from core.money import ZERO
from store.queries.settlements.entries import Account, load_accounts, months_of
from store.queries.shapes import Record, View, amount_text

MONTHS = 12
Month = tuple[int, int]


def load_history(
    conn: Connection, customer: UUID, view: View, today: date, zone: tzinfo, months: int = MONTHS
) -> list[Record]:
    """A record a currency: `months` with what was shipped (returns taken off), paid, and the balance at their end.

    The last month is the running one, its balance that of now. Currencies in which nothing is owed and nothing moved
    are left out.
    """
    every = list(_months_before(today, months))
    start = datetime(every[0][0], every[0][1], 1, tzinfo=zone)
    by_currency: dict[str, list[Account]] = {}
    for account in load_accounts(conn, customer, view.accounting, start):
        by_currency.setdefault(account.currency, []).append(account)
    return [
        {"currency": currency, "months": _build(accounts, every, zone)}
        for currency, accounts in by_currency.items()
        if any(account.amount != ZERO or account.entries for account in accounts)
    ]


def _build(accounts: list[Account], every: list[Month], zone: tzinfo) -> list[Record]:
    entries = months_of((entry for account in accounts for entry in account.entries), zone)
    balance = sum((account.amount for account in accounts), ZERO)
    balance -= sum((entry.amount for month, found in entries.items() if month > every[-1] for entry in found), ZERO)
    built: list[Record] = []
    for month in reversed(every):
        found = entries.get(month, [])
        shipped = _sum(entry.amount for entry in found if entry.entity in ("shipment", "return"))
        paid = -_sum(entry.amount for entry in found if entry.entity == "payment")
        built.append(
            {
                "month": date(*month, 1).isoformat(),
                "shipped": amount_text(shipped),
                "paid": amount_text(paid),
                "balance": amount_text(balance),
            }
        )
        balance -= _sum(entry.amount for entry in found)
    return built[::-1]


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, ZERO)


def _months_before(today: date, number: int) -> Iterator[Month]:
    """So many months, the oldest first, up to that of today."""
    last = today.year * 12 + today.month - 1
    for month in range(last - number + 1, last + 1):
        yield month // 12, month % 12 + 1
