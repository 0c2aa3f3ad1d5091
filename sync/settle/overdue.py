"""What of a receivable is overdue, since when, and by which rule (design §6). Pure.

The receivable is the register's and rules: open items always add up to it. Explicit allocations close their shipment,
the rest closes the oldest first. What is older than the documents we mirror counts as due when they begin.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from core.money import ZERO


@dataclass(frozen=True, slots=True)
class Terms:
    """When something is to be paid, as each of those who may say so says it; None: says nothing."""

    shipment: date | None = None
    order: date | None = None
    contract: int | None = None
    counterparty: int | None = None
    default: int = 0


@dataclass(frozen=True, slots=True)
class Charge:
    """A shipment, what of it has been closed by name (allocations, returns), and when it is to be paid."""

    date: date
    amount: Decimal
    closed: Decimal
    terms: Terms


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A part of the receivable, and the last day on which paying it is in time (None: not known)."""

    amount: Decimal
    due: date | None
    rule: str


@dataclass(frozen=True, slots=True)
class Overdue:
    """What is overdue, since which day, and the rule that said so about the oldest part."""

    amount: Decimal = ZERO
    since: date | None = None
    rule: str | None = None


def find_due(shipped: date, terms: Terms) -> tuple[date, str]:
    """The last day in time, and who said so: document, contract, counterparty or default."""
    said = terms.shipment or terms.order
    if said is not None:
        return said, "document"
    if terms.contract is not None:
        return shipped + timedelta(days=terms.contract), "contract"
    if terms.counterparty is not None:
        return shipped + timedelta(days=terms.counterparty), "counterparty"
    return shipped + timedelta(days=terms.default), "default"


def build_open_items(receivable: Decimal, charges: Iterable[Charge], since: date | None) -> list[OpenItem]:
    """The open parts of a receivable, oldest first; they add up to it exactly.

    Args:
        receivable: what the register says is owed; nothing is open unless it is positive.
        charges: the shipments of this settlement.
        since: the day before which documents are left alone.
    """
    if receivable <= ZERO:
        return []
    left = [
        (charge, max(charge.amount - charge.closed, ZERO)) for charge in sorted(charges, key=lambda item: item.date)
    ]
    surplus = sum((amount for _, amount in left), ZERO) - receivable
    items: list[OpenItem] = []
    if surplus < ZERO:
        items.append(OpenItem(-surplus, since - timedelta(days=1) if since else None, "default"))
    for charge, amount in left:
        paid = min(amount, max(surplus, ZERO))
        surplus -= paid
        if amount > paid:
            items.append(OpenItem(amount - paid, *find_due(charge.date, charge.terms)))
    return items


def find_overdue(items: Sequence[OpenItem], today: date) -> Overdue:
    """What of the open items should have been paid before today. An item whose day is not known is overdue."""
    late = [item for item in items if item.due is None or item.due < today]
    if not late:
        return Overdue()
    dated = [item for item in late if item.due is not None]
    oldest = min(dated, key=lambda item: item.due or today, default=late[0])
    since = oldest.due + timedelta(days=1) if oldest.due else None
    return Overdue(sum((item.amount for item in late), ZERO), since, oldest.rule)
