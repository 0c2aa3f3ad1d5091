"""What moved a customer's balance, compared with what the register says (design §5-11, §5-12). Pure.

A settlement is counterparty × contract × organisation × currency. The difference between the register and the mirrored
documents is its *offset*: what stood there before the documents begin, and what no mirrored document stands behind.
As long as the offset stays the same, every move of the balance is explained by documents.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from core.money import ZERO
from store.queries.settlements.balance_rows import (
    StoredBalance,
)
from store.queries.settlements.effects import EffectRow

REFERENCES = ("counterparty", "contract", "organisation")


class SettlementKey(NamedTuple):
    """One settlement. The first three are our id as text, else the other side's key, else empty."""

    counterparty: str
    contract: str
    organisation: str
    currency: str


Totals = dict[SettlementKey, Decimal]


@dataclass(slots=True)
class Identities:
    """Which external ids are which records of ours, so that both books speak of the same settlement."""

    accounting_currency: str
    known: dict[tuple[str, str], UUID] = field(default_factory=dict)

    def text(self, entity: str, entity_id: UUID | None, key: str | None) -> str:
        """One part of a settlement key."""
        if entity_id is None and key:
            entity_id = self.known.get((entity, key))
        return str(entity_id) if entity_id is not None else key or ""

    def of_effect(self, row: EffectRow) -> SettlementKey:
        """The settlement that a document moves."""
        return SettlementKey(
            self.text("counterparty", row.counterparty_id, row.counterparty_key),
            self.text("contract", row.contract_id, row.contract_key),
            self.text("organisation", row.organisation_id, row.organisation_key),
            row.currency or self.accounting_currency,
        )

    def of_balance(self, row: StoredBalance) -> SettlementKey:
        """The settlement that a stored balance speaks of."""
        return SettlementKey(
            self.text("counterparty", row.counterparty_id, row.counterparty_key),
            self.text("contract", row.contract_id, row.contract_key),
            self.text("organisation", row.organisation_id, row.organisation_key),
            row.currency,
        )

    def of_keys(self, counterparty: str, contract: str, organisation: str, currency: str) -> SettlementKey:
        """The settlement behind the other side's keys."""
        return SettlementKey(
            self.text("counterparty", None, counterparty),
            self.text("contract", None, contract),
            self.text("organisation", None, organisation),
            currency,
        )


def unknown_keys(rows: Iterable[EffectRow], identities: Identities) -> dict[str, set[str]]:
    """References that stood open when the documents were written: they may have become known since."""
    found: dict[str, set[str]] = {name: set() for name in REFERENCES}
    for row in rows:
        for name in REFERENCES:
            key = getattr(row, f"{name}_key")
            if key and getattr(row, f"{name}_id") is None and (name, key) not in identities.known:
                found[name].add(key)
    return found


def sum_effects(rows: Iterable[EffectRow], identities: Identities) -> Totals:
    """What the documents moved each settlement by."""
    totals: Totals = {}
    for row in rows:
        key = identities.of_effect(row)
        totals[key] = totals.get(key, ZERO) + row.amount
    return totals


def sum_balances(rows: Iterable[StoredBalance], identities: Identities) -> tuple[Totals, Totals]:
    """What the register says of each settlement, and the offset that was stored with it."""
    register: Totals = {}
    offsets: Totals = {}
    for row in rows:
        key = identities.of_balance(row)
        register[key] = register.get(key, ZERO) + row.amount
        offsets[key] = offsets.get(key, ZERO) + row.unexplained
    return register, offsets


def find_offsets(register: Mapping[SettlementKey, Decimal], documents: Mapping[SettlementKey, Decimal]) -> Totals:
    """Register minus documents, for every settlement that either of them knows."""
    keys = dict.fromkeys((*register, *documents))
    return {key: register.get(key, ZERO) - documents.get(key, ZERO) for key in keys}


def find_moved(offsets: Mapping[SettlementKey, Decimal], before: Mapping[SettlementKey, Decimal]) -> set[str]:
    """Counterparties one of whose balances moved by something that the mirrored documents do not say."""
    keys = dict.fromkeys((*offsets, *before))
    return {key.counterparty for key in keys if offsets.get(key, ZERO) != before.get(key, ZERO)}
