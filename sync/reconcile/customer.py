"""One customer's two books, and what of their difference can be said without asking accounting (design §5-11). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.money import ZERO
from sync.reconcile.result import Line
from sync.settle.effects import SettlementKey, Totals, find_offsets
from sync.settle.movements import NamedMovement, Recorder


@dataclass(slots=True)
class Customer:
    """Both books of one customer."""

    who: str
    entity_id: UUID | None
    name: str
    start: datetime | None
    keys: list[str] = field(default_factory=list)
    register: Totals = field(default_factory=dict)
    opening: Totals = field(default_factory=dict)
    documents: Totals = field(default_factory=dict)
    stored: Totals = field(default_factory=dict)
    offsets: Totals = field(default_factory=dict)
    remembered: list[tuple[SettlementKey, NamedMovement]] = field(default_factory=list)
    """Movements that an earlier reconciliation named."""

    @property
    def moved(self) -> Totals:
        """What the register moved by since the opening."""
        return find_offsets(self.register, self.opening)

    @property
    def gaps(self) -> Totals:
        """What the register moved by and mirrored documents did not."""
        return find_offsets(self.moved, self.documents)

    def differs(self) -> bool:
        """Whether opening + documents is not the register, or the stored balance is not."""
        return any(self.gaps.values()) or any(find_offsets(self.register, self.stored).values())


@dataclass(slots=True)
class Explanation:
    """What came of looking closer."""

    customer: Customer
    lines: list[Line]
    named: list[NamedMovement] = field(default_factory=list)


def unexplained_lines(customer: Customer, note: str) -> list[Line]:
    """The same where accounting offers no movements: what differs stays without a name."""
    return [
        *stored_lines(customer),
        *(_line(customer, "unexplained", key, gap, note) for key, gap in customer.gaps.items() if gap),
    ]


def stored_lines(customer: Customer) -> list[Line]:
    """The stored balance against the register.

    Where our own books still agree with each other, accounting has moved on since the last cycle. Where they do not,
    somebody has changed what we keep: nothing explains that.
    """
    lines = []
    for key, gap in find_offsets(customer.register, customer.stored).items():
        if not gap:
            continue
        ours = customer.stored.get(key, ZERO) - customer.documents.get(key, ZERO)
        consistent = ours == customer.offsets.get(key, ZERO)
        kind, note = (
            ("not_yet_applied", "newer than the last cycle") if consistent else ("balance_differs", "stored balance")
        )
        lines.append(_line(customer, kind, key, gap, note))
    return lines


def residual_lines(customer: Customer, theirs: Mapping[tuple[Recorder, SettlementKey], Decimal]) -> list[Line]:
    """Accounting's own books: opening + movements must be the register."""
    moved: Totals = {}
    for (_, key), amount in theirs.items():
        moved[key] = moved.get(key, ZERO) + amount
    gaps = find_offsets(customer.moved, moved)
    note = "opening and movements of accounting do not make its register"
    return [_line(customer, "unexplained", key, gap, note) for key, gap in gaps.items() if gap]


def _line(customer: Customer, kind: str, key: SettlementKey, amount: Decimal, note: str) -> Line:
    return Line(
        kind,
        "balance",
        amount,
        key.currency,
        customer.name,
        customer.keys[0],
        note=note,
        counterparty_id=customer.entity_id,
    )
