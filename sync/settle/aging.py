"""Overdue of stored balances, recomputed in bulk for whoever changed, and for everybody once a day (design §6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, select, update

from core.money import ZERO
from core.settings import ConnectionSettings
from store.bulk import chunks
from store.engine import reading
from store.entities import balances
from store.queries.settlements.balance_rows import StoredBalance, iter_balances_of, load_identities
from store.queries.settlements.charges import ChargeRow, iter_charges, load_closed
from store.queries.settlements.effects import Whom
from sync.context import RunContext
from sync.room.writing import writing
from sync.settle.effects import Identities, SettlementKey
from sync.settle.explain import complete_whom
from sync.settle.overdue import Charge, Overdue, Terms, build_open_items, find_overdue
from sync.settle.register import COMMIT
from sync.settle.terms import Terms as AccountingTerms
from sync.settle.terms import fetch_terms

CUSTOMERS_AT_ONCE = 500


def refresh_overdue(ctx: RunContext, whom: Whom | None) -> None:
    """Recompute what is overdue, for some customers or (None) for all; only what differs is written."""
    today = ctx.app.clock.now().astimezone(ctx.settings.zone).date()
    statement = update(balances).where(balances.c.id == bindparam("row_id"))
    statement = statement.values(
        overdue=bindparam("new_overdue"),
        overdue_since=bindparam("new_since"),
        overdue_rule=bindparam("new_rule"),
        settled_at=ctx.app.clock.now(),
    )
    customers = _customers(ctx, whom)
    terms = fetch_terms(ctx, _every_name(ctx, customers), today)
    for part in chunks(customers, CUSTOMERS_AT_ONCE):
        with reading(ctx.app.engine) as conn:
            values = list(find_overdue_changes(conn, ctx, part, today, terms))
        if values:
            with writing(ctx, COMMIT) as conn:
                conn.execute(statement, values)


def _customers(ctx: RunContext, whom: Whom | None) -> list[str]:
    """The keys of counterparties who have a balance; small values, however many they are."""
    statement = select(balances.c.counterparty_key).where(balances.c.connection == ctx.name).distinct()
    with reading(ctx.app.engine) as conn:
        if whom is not None:
            rows = iter_balances_of(conn, ctx.name, whom)
            return sorted({row.counterparty_key for row in rows})
        owed = statement.where((balances.c.receivable != ZERO) | (balances.c.overdue != ZERO))
        return list(conn.execute(owed).scalars())


def _every_name(ctx: RunContext, keys: list[str]) -> list[str]:
    """The keys of these customers, of their twins in accounting too: balances are looked at together."""
    spec = ctx.mapping.balance
    if spec is None or spec.terms is None:
        return []
    found: set[str] = set()
    for part in chunks(keys, CUSTOMERS_AT_ONCE):
        with reading(ctx.app.engine) as conn:
            found.update(complete_whom(conn, ctx.name, Whom(keys=tuple(part))).keys)
    return sorted(found)


def find_overdue_changes(
    conn: Connection, ctx: RunContext, keys: Iterable[str], today: date, terms: AccountingTerms
) -> Iterator[dict[str, Any]]:
    """New overdue figures of some customers' balances, where they differ from the stored ones."""
    whom = complete_whom(conn, ctx.name, Whom(keys=tuple(keys)))
    rows = {row.id: row for row in iter_balances_of(conn, ctx.name, whom)}
    charges = load_charges(conn, ctx, whom)
    identities = Identities(ctx.mapping.accounting_currency)
    for row in rows.values():
        found = terms.find(row)
        if found is None:
            items = build_open_items(row.receivable, charges.get(identities.of_balance(row), ()), ctx.settings.since)
            found = find_overdue(items, today)
        if (found.amount, found.since, found.rule) != (row.overdue, row.overdue_since, row.overdue_rule):
            yield _change(row, found)


def _change(row: StoredBalance, found: Overdue) -> dict[str, Any]:
    return {"row_id": row.id, "new_overdue": found.amount, "new_since": found.since, "new_rule": found.rule}


class Book(Protocol):
    """Whose shipments are looked at: a run, or anybody who knows the connection and the currency of its books."""

    @property
    def name(self) -> str:
        """The connection's name."""

    @property
    def settings(self) -> ConnectionSettings:
        """Its settings."""

    @property
    def accounting_currency(self) -> str:
        """What a document without a currency is in."""

    @property
    def payment_days(self) -> int:
        """The usual days to pay, where nothing else says."""


def load_charges(conn: Connection, ctx: Book, whom: Whom) -> dict[SettlementKey, list[Charge]]:
    """Shipments by settlement, oldest first, each with what was paid for it by name."""
    by_shipment, by_order = load_closed(conn, ctx.name, whom)
    rows = list(iter_charges(conn, ctx.name, whom))
    identities = _learn(conn, ctx, rows)
    charges: dict[SettlementKey, list[Charge]] = {}
    for row in rows:
        closed = by_shipment.get(row.document_id, ZERO)
        if row.order_id is not None and by_order.get(row.order_id, ZERO) > ZERO and closed < row.amount:
            taken = min(by_order[row.order_id], row.amount - closed)
            by_order[row.order_id] -= taken
            closed += taken
        charges.setdefault(_key(row, identities), []).append(_charge(row, closed, ctx))
    return charges


def _learn(conn: Connection, ctx: Book, rows: Iterable[ChargeRow]) -> Identities:
    identities = Identities(ctx.accounting_currency)
    for entity in ("counterparty", "contract", "organisation"):
        keys = {getattr(row, f"{entity}_key") for row in rows} - {None}
        found = load_identities(conn, ctx.name, entity, keys)
        identities.known.update({(entity, key): entity_id for key, entity_id in found.items()})
    return identities


def _key(row: ChargeRow, identities: Identities) -> SettlementKey:
    return SettlementKey(
        identities.text("counterparty", row.counterparty_id, row.counterparty_key),
        identities.text("contract", row.contract_id, row.contract_key),
        identities.text("organisation", row.organisation_id, row.organisation_key),
        row.currency or identities.accounting_currency,
    )


def _charge(row: ChargeRow, closed: Decimal, book: Book) -> Charge:
    terms = Terms(row.pay_until, row.order_pay_until, row.contract_days, row.counterparty_days, book.payment_days)
    return Charge(row.shipped_at.astimezone(book.settings.zone).date(), row.amount, closed, terms)
