"""What is really so, computed from the movements one by one and never through the tables that HTTP answers from."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sandbox.onec.accounts import ADVANCE, BY_CODE
from sandbox.onec.fields import Fields
from sandbox.onec.schema import CURRENCIES

if TYPE_CHECKING:
    from sandbox.onec.base import Base

Key = tuple[str, str, str, str]


def money(kopecks: int) -> Decimal:
    """Major units with two digits."""
    return Decimal(kopecks).scaleb(-2)


def currency_codes(base: Base) -> dict[str, str]:
    """Currency key -> ``643``; no currency means roubles."""
    codes = {row.key: str(row.get("Code")).strip() for row in base.storage.select(CURRENCIES)}
    return {**codes, "": base.configuration.home_currency}


def customer_legs(base: Base, at: datetime | None) -> list[tuple[str, ...]]:
    """Legs on the customer accounts before ``at``."""
    settled = base.configuration.settled
    marks = ",".join("?" * len(settled))
    sql = f"""SELECT set_id, recorder, period, account, side, sub1, sub2, org, currency, amount, foreign_amount, sub3
              FROM leg
              WHERE account IN ({marks}) AND period < ? ORDER BY period, recorder, line"""  # noqa: S608
    moment = at.isoformat(timespec="seconds")[:19] if at else "9999"
    return base.storage.db.execute(sql, (*settled, moment)).fetchall()


def signed_amount(leg: tuple[str, ...]) -> int:
    """Debit plus, credit minus; in the currency of the account."""
    account = BY_CODE.get(leg[3])  # an accumulation register is kept in the settlement's currency throughout
    value = leg[10] if account is None or account.currency else leg[9]
    return int(value) if int(leg[4]) == 0 else -int(value)


def balances(base: Base, at: datetime | None = None) -> list[Fields]:
    """Counterparty × contract × organisation × currency with receivable, advance, amount (plus: owes us).

    ``at`` is exclusive, as 1C's plain date is (§5); None counts everything. Settled ones are left out.
    """
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    codes = currency_codes(base)
    for leg in customer_legs(base, at):
        key = (leg[5], leg[6], leg[7], codes.get(leg[8], leg[8]))
        sums[key][side_of(leg)] += signed_amount(leg)
    split = {key: sides_of(parts) for key, parts in sums.items()}
    return [balance_of(key, debt, advance) for key, (debt, advance) in sorted(split.items()) if debt or advance]


def side_of(leg: tuple[str, ...]) -> str:
    """Where a debt and an advance stand apart: on two accounts, or on different settlement objects (§8.3)."""
    if leg[3] in BY_CODE:
        return "advance" if leg[3] in ADVANCE else "debt"
    return f"{leg[3]}/{leg[11]}"


def sides_of(parts: dict[str, int]) -> tuple[int, int]:
    """Receivable and advance of one settlement."""
    if parts.keys() <= {"debt", "advance"}:
        return parts.get("debt", 0), -parts.get("advance", 0)
    return sum(max(value, 0) for value in parts.values()), sum(max(-value, 0) for value in parts.values())


def balance_of(key: Key, debt: int, advance: int) -> Fields:
    """One balance line."""
    party, contract, org, currency = key
    return {
        "counterparty": party, "contract": contract, "organisation": org, "currency": currency,
        "receivable": money(debt), "advance": money(advance), "amount": money(debt - advance),
    }  # fmt: skip


def movements(base: Base, at: datetime | None = None) -> list[Fields]:
    """Net movement of each recorder on the customer accounts, by counterparty, contract, organisation, currency."""
    sums: dict[tuple[str, ...], int] = defaultdict(int)
    codes = currency_codes(base)
    for leg in customer_legs(base, at):
        recorder = base.storage.names[int(leg[0])]
        sums[(recorder, leg[1], leg[2], leg[5], leg[6], leg[7], codes.get(leg[8], leg[8]))] += signed_amount(leg)
    names = ("set", "recorder", "period", "counterparty", "contract", "organisation", "currency")
    return [{**dict(zip(names, key, strict=True)), "amount": money(value)} for key, value in sums.items() if value]
