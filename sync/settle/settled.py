"""A second witness for "settled": everything that ever moved a settlement comes to nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from connectors.base import MovementRow
from core.errors import ConfigError, NotFound, RecordError, SchemaDrift
from core.money import ZERO
from sync.context import RunContext
from sync.room.writing import asking
from sync.settle.register import BalanceKey, balance_source, fetch_currencies

CUSTOMERS_AT_MOST = 20
"""More customers than this are not asked for one by one: their balances stay held."""


def find_settled(ctx: RunContext, keys: Iterable[BalanceKey]) -> set[BalanceKey]:
    """Those of the settlements whose movements since ever are there and add up to zero.

    A balance that vanished from the register without a mirrored document (written off by hand, netted) is told by this
    from one that an empty answer only forgot. Where the base offers no movements nothing is confirmed.
    """
    wanted = set(keys)
    source = balance_source(ctx)
    customers = {key.counterparty for key in wanted}
    if source is None or len(customers) > CUSTOMERS_AT_MOST:
        return set()
    connector, spec = source
    found: set[BalanceKey] = set()
    for customer in sorted(customers):
        try:
            with asking(ctx, "fetch-movements"):
                rows = list(connector.fetch_movements(spec, customer, start=None))
        except (ConfigError, SchemaDrift, NotFound, RecordError):
            return found
        sums = _sum(ctx, rows)
        found |= {key for key in wanted if sums.get(key) == ZERO}
    return found


def _sum(ctx: RunContext, rows: Iterable[MovementRow]) -> dict[BalanceKey, Decimal]:
    every = list(rows)
    codes = fetch_currencies(ctx, {row.currency for row in every if row.currency})
    sums: dict[BalanceKey, Decimal] = {}
    for row in every:
        accounting = not row.currency or codes.get(row.currency) == ctx.mapping.accounting_currency
        currency = "" if accounting else row.currency or ""
        key = BalanceKey(row.counterparty, row.contract or "", row.organisation or "", currency)
        sums[key] = sums.get(key, ZERO) + row.amount
    return sums
