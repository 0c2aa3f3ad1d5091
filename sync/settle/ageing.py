"""The age of one customer's debt: how much of it is due, and since when; for his card. Reads the store alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection

from core.errors import ConfigError
from core.money import ZERO
from core.settings import ConnectionSettings
from mapping.rules import Mapping
from store.queries.settlements.balance_rows import StoredBalance, iter_balances_of
from store.queries.settlements.effects import Whom
from sync.context import App, usual_payment_days
from sync.settle.aging import load_charges
from sync.settle.effects import Identities
from sync.settle.explain import complete_whom
from sync.settle.overdue import OpenItem, build_open_items
from sync.versions import load_ruling

Age = Literal["in_time", "days_30", "days_60", "days_90", "older"]
AGES: tuple[Age, ...] = ("in_time", "days_30", "days_60", "days_90", "older")
_OWN_RULES = (None, "document", "contract", "counterparty", "default")


@dataclass(slots=True)
class Ageing:
    """The debt in one currency by age. `own_terms`: accounting keeps terms itself, and its figure of overdue rules."""

    currency: str
    amounts: dict[Age, Decimal]
    own_terms: bool = False

    @property
    def total(self) -> Decimal:
        """All of it; equals what the register calls receivable."""
        return sum(self.amounts.values(), ZERO)


@dataclass(frozen=True, slots=True)
class _Ledger:
    name: str
    settings: ConnectionSettings
    accounting_currency: str
    payment_days: int


def load_ageing(conn: Connection, app: App, customer: UUID, today: date) -> list[Ageing]:
    """What a customer owes by age, a part a currency; nothing where he owes nothing.

    By the same open items as overdue: explicit allocations close their shipment, the rest the oldest first.
    """
    found: dict[str, Ageing] = {}
    for settings in app.settings.connections.values():
        if settings.role == "accounting":
            for row, items in _open_items(conn, app, settings, customer):
                part = found.setdefault(row.currency, Ageing(row.currency, dict.fromkeys(AGES, ZERO)))
                part.own_terms |= row.overdue_rule not in _OWN_RULES
                for item in items:
                    part.amounts[age_of(item, today)] += item.amount
    return [part for _, part in sorted(found.items()) if part.total > ZERO]


def _open_items(
    conn: Connection, app: App, settings: ConnectionSettings, customer: UUID
) -> Iterable[tuple[StoredBalance, list[OpenItem]]]:
    whom = complete_whom(conn, settings.name, Whom(ids=(customer,)))
    rows = {row.id: row for row in iter_balances_of(conn, settings.name, whom)}
    if not rows:
        return []
    usual = next((row.currency for row in rows.values() if not row.currency_key), "")
    days = usual_payment_days(settings, _rules(app, settings))
    charges = load_charges(conn, _Ledger(settings.name, settings, usual, days), whom)
    identities = Identities(usual)
    return [
        (row, build_open_items(row.receivable, charges.get(identities.of_balance(row), ()), settings.since))
        for row in rows.values()
    ]


def _rules(app: App, settings: ConnectionSettings) -> Mapping | None:
    try:
        return load_ruling(app, settings, publish=False)
    except ConfigError:  # rules that cannot be read just now say nothing of terms; status and doctor tell of them
        return None


def age_of(item: OpenItem, today: date) -> Age:
    """How long ago it should have been paid; what is older than the documents here is the oldest."""
    if item.due is None:
        return "older"
    late = (today - item.due).days
    limits: tuple[tuple[int, Age], ...] = ((0, "in_time"), (30, "days_30"), (60, "days_60"), (90, "days_90"))
    return next((age for limit, age in limits if late <= limit), "older")
