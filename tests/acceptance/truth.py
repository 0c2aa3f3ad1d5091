"""What the stand-in holds, in the words of our command line, so that the two can be compared to the kopeck."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

from sandbox.onec.base import Base
from tests.acceptance.installation import Installation

CODES = {"643": "RUB", "840": "USD", "978": "EUR"}
Balances = dict[tuple[str, str], Decimal]


def true_balances(base: Base) -> Balances:
    """(counterparty key, currency) -> amount, without the zeros."""
    sums: Balances = defaultdict(Decimal)
    for row in base.truth_balances():
        sums[row["counterparty"], CODES[row["currency"]]] += row["amount"]
    return {key: amount for key, amount in sums.items() if amount}


def our_balances(installed: Installation) -> Balances:
    """The same from `sverka balances --json`."""
    rows = installed.lines("balances", "--json")
    amounts = {
        (row["counterparty"]["external_ids"]["accounting"], row["currency"]): Decimal(row["amount"]) for row in rows
    }
    return {key: amount for key, amount in amounts.items() if amount}


def ours(installed: Installation, entity: str) -> dict[str, dict[str, Any]]:
    """Exported records by external id."""
    return {row["external_id"]: row for row in installed.lines("export", entity)}
