"""Opening + movements = register, to the kopeck, for every settlement (design §5-11).

Customers are taken in portions. Where opening + mirrored documents + movements named earlier make the register, nothing
more is asked. Only where they do not, movements are fetched, of several customers at once, and each is tied to its
mirrored document or named as what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import datetime

from connectors.base import BalanceSource
from core.errors import ConfigError, NotFound, RecordError, SchemaDrift
from core.money import ZERO
from store.bulk import chunks
from store.engine import reading
from store.queries.settlements.effects import Whom
from store.queries.settlements.recorders import load_names
from sync.context import RunContext
from sync.pull.prepare import since_moment
from sync.reconcile.books import Books, LargeBooks
from sync.reconcile.customer import Customer, Explanation, unexplained_lines
from sync.reconcile.remembered import remember
from sync.reconcile.result import BalanceLine, Line, Reconciliation
from sync.reconcile.ties import Seen, explain_customers
from sync.room.writing import asking
from sync.settle.absent import never_had, register_of
from sync.settle.effects import Identities, Totals
from sync.settle.explain import compare, complete_whom
from sync.settle.movements import load_movements
from sync.settle.register import Amounts, BalanceKey, fetch_currencies, fold_rows, load_known

LOOKED_AT_ONCE = 60
"""Customers whose movements are in memory at the same time."""


Keep = Callable[[list[Explanation]], None]


def reconcile_balances(ctx: RunContext, result: Reconciliation, keep: Keep, *, fresh: bool = False) -> None:
    """Compare all balances; fills `balances`, `lines` and, where the books cannot be compared, `failure`.

    Args:
        ctx: whose books.
        result: what is filled.
        keep: is given, portion by portion, what was found of the customers whose movements were looked at.
        fresh: whether movements named earlier count for nothing.
    """
    if ctx.mapping.balance is None or not isinstance(ctx.connector, BalanceSource):
        result.notices.append("The mapping names no settlement accounts: balances are not compared.")
        return
    with closing(LargeBooks(ctx, since_moment(ctx.settings))) as books:
        try:
            whole = _open_books(ctx, result, books)
        except SchemaDrift:
            if not never_had(ctx):
                raise
            result.notice(f"{register_of(ctx)} is not published: its records are not compared.")
            return
        if not whole:
            return
        seen = Seen()
        done = 0
        for keys, portion in books.portions():
            settle_portion(ctx, keys, portion, result, seen, keep, fresh=fresh)
            done += len(keys)
            ctx.progress.step("balance", done)


def _open_books(ctx: RunContext, result: Reconciliation, books: LargeBooks) -> bool:
    """Ask the register for now and for the opening; False, with the reason told, where an answer is not whole."""
    if not _take_in(ctx, result, books, None):
        return False
    if books.start is not None and not _take_in(ctx, result, books, books.start):
        return False
    books.order_customers()
    return True


def _take_in(ctx: RunContext, result: Reconciliation, books: LargeBooks, at: datetime | None) -> bool:
    assert isinstance(ctx.connector, BalanceSource) and ctx.mapping.balance is not None  # noqa: S101
    with asking(ctx, "fetch-balances"):
        answer = ctx.connector.open_balances(ctx.mapping.balance, at=at)
    with closing(answer):
        if not answer.whole:
            result.failure = _not_whole(answer.reason)
            return False
        if at is None:
            for account, amount in answer.unassigned.items():
                result.notices.append(f"Account {account} holds {amount} that name no counterparty: nobody's balance.")
        books.add(answer.rows, opening=at is not None)
    return True


def _not_whole(reason: str) -> str:
    return f"The register's answer is not whole: {reason or 'no reason given'}"


def settle_portion(
    ctx: RunContext, keys: list[str], books: Books, result: Reconciliation, seen: Seen, keep: Keep, *, fresh: bool
) -> None:
    """Compare some customers: quietly where the books are equal, else by their movements."""
    looked = _settle_quietly(ctx, build_customers(ctx, books, keys), result, None if fresh else seen)
    for group in chunks(looked, LOOKED_AT_ONCE):
        keep(_look(ctx, group, result, seen))


def fetch_books(ctx: RunContext, result: Reconciliation, keys: Iterable[str]) -> Books | None:
    """The same books of a few customers, asked for one by one; None, with the reason told, where one is not whole."""
    books = Books({}, {}, since_moment(ctx.settings))
    for key in keys:
        now = _fetch(ctx, result, None, key)
        opening = _fetch(ctx, result, books.start, key) if books.start is not None else {}
        if now is None or opening is None:
            return None
        books.now |= now
        books.opening |= opening
    return books


def _fetch(
    ctx: RunContext, result: Reconciliation, at: datetime | None, counterparty: str
) -> dict[BalanceKey, Amounts] | None:
    assert isinstance(ctx.connector, BalanceSource) and ctx.mapping.balance is not None  # noqa: S101
    with asking(ctx, "fetch-balances"):
        answer = ctx.connector.fetch_balances(ctx.mapping.balance, at=at, counterparty=counterparty)
    if not answer.whole:
        result.failure = _not_whole(answer.reason)
        return None
    codes = fetch_currencies(ctx, {row.currency for row in answer.rows if row.currency})
    return fold_rows(answer.rows, codes, ctx.mapping.accounting_currency)


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
        _add(customer, told.lines if told else [], result)
        result.remembered += len(told.lines) if told else 0
    return left


def _look(ctx: RunContext, customers: Sequence[Customer], result: Reconciliation, seen: Seen) -> list[Explanation]:
    """Look closer; what is worse than a name is asked once more by itself, since postings go on."""
    explanations = []
    for first in _explain(ctx, customers, result, seen):
        doubtful = any(line.weight != "named" for line in first.lines)
        again = [_ask_again(ctx, first.customer, result)] if doubtful else []
        found = _explain(ctx, again, result, seen)[0] if again else first
        _add(found.customer, found.lines, result, examined=True)
        explanations.append(found)
    return explanations


def _ask_again(ctx: RunContext, customer: Customer, result: Reconciliation) -> Customer:
    books = fetch_books(ctx, result, customer.keys)
    again = build_customers(ctx, books, customer.keys) if books is not None else []
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


def _add(customer: Customer, lines: list[Line], result: Reconciliation, *, examined: bool = False) -> None:
    parts: dict[str, BalanceLine] = {}

    def part(currency: str) -> BalanceLine:
        return parts.setdefault(currency, BalanceLine(currency))

    for key, amount in customer.register.items():
        part(key.currency).settlements += 1
        part(key.currency).register += amount
    for key, amount in customer.opening.items():
        part(key.currency).opening += amount
    for key, amount in customer.documents.items():
        part(key.currency).documents += amount
    for item in lines:
        if item.weight == "named":
            part(item.currency).named += item.amount or ZERO
        elif item.weight == "unexplained":
            part(item.currency).unexplained += abs(item.amount or ZERO)
    for currency in {item.currency for item in lines} if examined else ():
        part(currency).examined += 1
    result.add_customer(customer.keys, parts, lines)
