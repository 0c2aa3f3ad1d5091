"""What is to be paid when by accounting's own figures, where it keeps them (design §6: they win over our reckoning).

They count only where they add up to the receivable of the register: a base that keeps them half (an older settlement
architecture, a recalculation under way) is no better than the documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from connectors.base import TermRow, TermSource, TermsWithheld
from core.money import ZERO
from store.engine import reading
from store.queries.settlements.balance_rows import StoredBalance, load_currency_codes
from sync.context import RunContext
from sync.room.writing import asking
from sync.settle.overdue import Overdue

RULE = "accounting"
"""How a balance says that accounting itself told what is overdue."""
ASKED_BY_NAME = 100
"""More customers than this are not asked for one by one: everything is read once."""
Place = tuple[str, str, str, str]


@dataclass(slots=True)
class Late:
    """The debts of one settlement: all of them, those whose day has passed, and the first such day."""

    debt: Decimal = ZERO
    late: Decimal = ZERO
    first: date | None = None

    def add(self, row: TermRow, today: date) -> None:
        """One more debt. One without a day is not late."""
        self.debt += row.debt
        if row.debt > ZERO and row.due is not None and row.due < today:
            self.late += row.debt
            self.first = row.due if self.first is None else min(self.first, row.due)


@dataclass(slots=True)
class Terms:
    """What accounting says of some customers; empty where it keeps nothing of the kind."""

    of: dict[Place, Late] = field(default_factory=dict)

    def find(self, row: StoredBalance) -> Overdue | None:
        """What is overdue of a balance by accounting's word; None where it has none that agrees with the register."""
        late = self.of.get((row.counterparty_key, row.contract_key, row.organisation_key, row.currency))
        if late is None or late.debt != row.receivable:
            return None
        if late.late == ZERO or late.first is None:
            return Overdue(rule=None)
        return Overdue(late.late, late.first + timedelta(days=1), RULE)


def fetch_terms(ctx: RunContext, keys: Sequence[str], today: date) -> Terms:
    """Ask for the terms of these customers. Asks nothing where the mapping names no such register.

    Terms that may not be read are a notice: accounting's own figures are the better ones, not the only ones.

    Raises:
        SverkaError: whatever the connector raises.
    """
    spec = ctx.mapping.balance
    if spec is None or spec.terms is None or not isinstance(ctx.connector, TermSource) or not keys:
        return Terms()
    wanted = set(keys)
    sums: dict[tuple[str, str, str, str | None], Late] = {}
    try:
        with asking(ctx, "fetch-terms"):
            for row in ctx.connector.fetch_terms(spec, keys if len(keys) <= ASKED_BY_NAME else None):
                if row.counterparty in wanted:
                    place = (row.counterparty, row.contract or "", row.organisation or "", row.currency)
                    sums.setdefault(place, Late()).add(row, today)
    except TermsWithheld as withheld:
        ctx.notice(f"What is late is reckoned from the documents. {withheld}")
        return Terms()
    with reading(ctx.app.engine) as conn:
        codes = load_currency_codes(conn, ctx.name, {place[3] for place in sums if place[3]})
    own = ctx.mapping.accounting_currency
    return Terms({(*place[:3], codes.get(place[3], "") if place[3] else own): late for place, late in sums.items()})
