"""Opening + movements = register, to the kopeck, for every settlement (design §5-11).

Customers are taken in portions. Where opening + mirrored documents + movements named earlier make the register, nothing
more is asked. Only where they do not, movements are fetched, of several customers at once, and each is tied to its
mirrored document or named as what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.base import BalanceSource
from core.errors import ConfigError, NotFound, RecordError, SchemaDrift
from core.money import ZERO
from store.bulk import chunks
from store.engine import reading
from store.queries.recorders import load_names
from store.queries.settlements import Whom
from sync.context import RunContext
from sync.pull.prepare import since_moment
from sync.reconcile.customer import Customer, Explanation, unexplained_lines
from sync.reconcile.remembered import remember
from sync.reconcile.result import Line, Reconciliation
from sync.reconcile.ties import Seen, explain_customers
from sync.settle.effects import Identities, Totals
from sync.settle.explain import compare, complete_whom
from sync.settle.movements import load_movements
from sync.settle.register import Amounts, BalanceKey, fetch_currencies, fold_rows, load_known

CUSTOMERS_AT_ONCE = 500
LOOKED_AT_ONCE = 60
"""Customers whose movements are in memory at the same time."""


@dataclass(slots=True)
class Books:
    """What accounting says: the register now, and as it stood when the mirrored documents begin."""

    now: dict[BalanceKey, Amounts]
    opening: dict[BalanceKey, Amounts]
    start: datetime | None


Keep = Callable[[list[Explanation]], None]


def reconcile_balances(
    ctx: RunContext, result: Reconciliation, stored_customers: Iterable[str], keep: Keep, *, fresh: bool = False
) -> None:
    """Compare all balances; fills `balances`, `lines` and, where the books cannot be compared, `failure`.

    Args:
        ctx: whose books.
        result: what is filled.
        stored_customers: keys of all customers whom the store has a balance of.
        keep: is given, portion by portion, what was found of the customers whose movements were looked at.
        fresh: whether movements named earlier count for nothing.
    """
    if ctx.mapping.balance is None or not isinstance(ctx.connector, BalanceSource):
        result.notices.append("The mapping names no settlement accounts: balances are not compared.")
        return
    books = fetch_books(ctx, result)
    if books is None:
        return
    now, opening = _by_customer(books.now), _by_customer(books.opening)
    customers = dict.fromkeys((*now, *opening, *stored_customers))
    seen = Seen()
    done = 0
    for part in chunks(customers, CUSTOMERS_AT_ONCE):
        portion = Books(_merged(now, part), _merged(opening, part), books.start)
        looked = _settle_quietly(ctx, build_customers(ctx, portion, part), result, None if fresh else seen)
        for group in chunks(looked, LOOKED_AT_ONCE):
            keep(_look(ctx, group, result, seen))
        done += len(part)
        ctx.progress.step("balance", done)


def fetch_books(ctx: RunContext, result: Reconciliation, counterparty: str | None = None) -> Books | None:
    """Ask the register for now and for the opening; None, with the reason told, where an answer is not whole."""
    start = since_moment(ctx.settings)
    now = _fetch(ctx, result, None, counterparty)
    if now is None:
        return None
    opening = _fetch(ctx, result, start, counterparty) if start is not None else {}
    return None if opening is None else Books(now, opening, start)


def _fetch(
    ctx: RunContext, result: Reconciliation, at: datetime | None, counterparty: str | None
) -> dict[BalanceKey, Amounts] | None:
    assert isinstance(ctx.connector, BalanceSource) and ctx.mapping.balance is not None  # noqa: S101
    ctx.fault("fetch-balances.before")
    answer = ctx.connector.fetch_balances(ctx.mapping.balance, at=at, counterparty=counterparty)
    ctx.fault("fetch-balances.after")
    if not answer.whole:
        result.failure = f"The register's answer is not whole: {answer.reason or 'no reason given'}"
        return None
    if at is None and counterparty is None:
        for account, amount in answer.unassigned.items():
            result.notices.append(f"Account {account} holds {amount} that name no counterparty: nobody's balance.")
    codes = fetch_currencies(ctx, {row.currency for row in answer.rows if row.currency})
    return fold_rows(answer.rows, codes, ctx.mapping.accounting_currency)


def _by_customer(rows: Mapping[BalanceKey, Amounts]) -> dict[str, dict[BalanceKey, Amounts]]:
    found: dict[str, dict[BalanceKey, Amounts]] = {}
    for key, amounts in rows.items():
        found.setdefault(key.counterparty, {})[key] = amounts
    return found


def _merged(rows: Mapping[str, dict[BalanceKey, Amounts]], names: Iterable[str]) -> dict[BalanceKey, Amounts]:
    return {key: amounts for name in names for key, amounts in rows.get(name, {}).items()}


def build_customers(ctx: RunContext, books: Books, keys: list[str]) -> list[Customer]:
    """Both books of some customers, side by side; one whom twins of accounting share is one."""
    with reading(ctx.app.engine) as conn:
        named = load_movements(conn, ctx.name, keys)
        places = [BalanceKey(row.counterparty_key, row.contract_key, row.organisation_key, "") for row in named]
        identities = load_known(conn, ctx, (*books.now, *books.opening, *places))
        comparison = compare(conn, ctx, complete_whom(conn, ctx.name, Whom(keys=tuple(keys))))
        names = load_names(conn, ctx.name, keys)
    customers: dict[str, Customer] = {}
    for outside in keys:
        entity_id, name = names.get(outside, (None, ""))
        who = identities.text("counterparty", entity_id, outside)
        customers.setdefault(who, Customer(who, entity_id, name, books.start)).keys.append(outside)
    for place, totals in (
        ("register", _totals(books.now, identities)),
        ("opening", _totals(books.opening, identities)),
        ("documents", comparison.documents),
        ("stored", comparison.register),
        ("offsets", comparison.before),
    ):
        for settlement, amount in totals.items():
            if settlement.counterparty in customers:
                getattr(customers[settlement.counterparty], place)[settlement] = amount
    for row in named:
        key = identities.of_keys(row.counterparty_key, row.contract_key, row.organisation_key, row.currency)
        if key.counterparty in customers:
            customers[key.counterparty].remembered.append((key, row))
    return list(customers.values())


def _totals(rows: Mapping[BalanceKey, Amounts], identities: Identities) -> Totals:
    totals: Totals = {}
    for key, amounts in rows.items():
        place = identities.of_keys(key.counterparty, key.contract, key.organisation, amounts.currency)
        totals[place] = totals.get(place, ZERO) + amounts.amount
    return totals


def _settle_quietly(
    ctx: RunContext, customers: Iterable[Customer], result: Reconciliation, seen: Seen | None
) -> list[Customer]:
    """Settle all whose books are equal, or whose difference is what it was; returns the others."""
    left = []
    for customer in customers:
        told = remember(ctx, customer, seen) if seen is not None else None
        if told is None and (customer.differs() or customer.remembered):
            left.append(customer)
            continue
        _add_totals(customer, told.lines if told else [], result)
        result.remembered += len(told.lines) if told else 0
    return left


def _look(ctx: RunContext, customers: Sequence[Customer], result: Reconciliation, seen: Seen) -> list[Explanation]:
    """Look closer; what is worse than a name is asked once more by itself, since postings go on."""
    explanations = []
    for first in _explain(ctx, customers, result, seen):
        doubtful = any(line.weight != "named" for line in first.lines)
        again = [_ask_again(ctx, first.customer, result)] if doubtful else []
        found = _explain(ctx, again, result, seen)[0] if again else first
        _add_totals(found.customer, found.lines, result)
        for currency in {line.currency for line in found.lines}:
            result.balance(currency).examined += 1
        explanations.append(found)
    return explanations


def _ask_again(ctx: RunContext, customer: Customer, result: Reconciliation) -> Customer:
    books = Books({}, {}, customer.start)
    for key in customer.keys:
        answer = fetch_books(ctx, result, key)
        if answer is None:
            return customer
        books.now |= answer.now
        books.opening |= answer.opening
    again = build_customers(ctx, books, customer.keys)
    return again[0] if again else customer


def _explain(ctx: RunContext, customers: Sequence[Customer], result: Reconciliation, seen: Seen) -> list[Explanation]:
    try:
        return explain_customers(ctx, customers, seen)
    except (ConfigError, SchemaDrift, NotFound, RecordError) as error:
        if len(customers) > 1:  # it may be one of them only
            return [found for customer in customers for found in _explain(ctx, [customer], result, seen)]
        note = f"accounting offers no movements: {error.message}"
        if note not in result.notices:
            result.notices.append(note)
        return [Explanation(customer, unexplained_lines(customer, note)) for customer in customers]


def _add_totals(customer: Customer, lines: Iterable[Line], result: Reconciliation) -> None:
    for key, amount in customer.register.items():
        line = result.balance(key.currency)
        line.settlements += 1
        line.register += amount
    for key, amount in customer.opening.items():
        result.balance(key.currency).opening += amount
    for key, amount in customer.documents.items():
        result.balance(key.currency).documents += amount
    for item in lines:
        result.add(item)
        amount = item.amount or ZERO
        if item.weight == "named":
            result.balance(item.currency).named += amount
        elif item.weight == "unexplained":
            result.balance(item.currency).unexplained += abs(amount)
