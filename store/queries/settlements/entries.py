"""What moved one customer's settlements, entry by entry, and what accounting's register says now.

An entry is a mirrored document or a movement that reconciliation has named (a debt correction, netting, ...). With the
register's figure of now every earlier balance follows by going back, so that opening balance, entries and closing
balance always fit to the kopeck; what no entry explains stands in `Account.unexplained` and is part of the opening.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from core.clock import on_wall_clock
from core.money import ZERO
from mapping.model import SETTLEMENT_DOCUMENTS
from store.entities import balances, movements
from store.queries.settlements.balance_rows import load_identities
from store.queries.settlements.effects import EffectRow, Whom, iter_document_effects
from store.queries.settlements.recorders import Head, load_heads
from store.tables import binding

PASSING = (
    "not_yet_applied", "missing_document", "missing_record", "extra_document", "extra_record", "different_amount",
    "different_date", "dead_letter", "parked",
)  # fmt: skip
"""Differences that the next reading mends: then the document itself is an entry."""


@dataclass(slots=True)
class Entry:
    """One document's, or named movement's, effect on one account; plus: the customer owes more."""

    kind: str
    number: str
    date: datetime | None
    amount: Decimal
    entity: str = ""
    document_id: UUID | None = None
    contract_id: UUID | None = None
    link: str = ""


@dataclass(slots=True)
class Account:
    """One customer's settlements with one organisation in one currency.

    `amount` is the register's of now, `as_of` when it was asked last. `unexplained`: what of it neither documents nor
    named movements explain, since ever.
    """

    connection: str
    organisation_id: UUID | None
    organisation_key: str
    currency: str
    amount: Decimal = ZERO
    unexplained: Decimal = ZERO
    as_of: datetime | None = None
    entries: list[Entry] = field(default_factory=list)


Place = tuple[str, str, str]


def load_accounts(
    conn: Connection, customer: UUID, connections: Sequence[str], since: datetime | None = None
) -> list[Account]:
    """The accounts of a customer with their entries from `since` on, the oldest first; the greatest account first.

    Nine questions an accounting connection that knows the customer, whatever the number of documents.
    """
    accounts: dict[Place, Account] = {}
    for connection in _known_in(conn, customer, connections):
        of_register = _load_register(conn, customer, connection)
        usual = next((row.currency for row in of_register if not row.currency_key), None)
        usual = usual or (of_register[0].currency if of_register else "")
        _add_register(accounts, connection, of_register)
        _add_documents(conn, accounts, connection, customer, since, usual)
        _add_movements(conn, accounts, connection, customer, since)
    for account in accounts.values():
        account.entries.sort(key=lambda entry: (entry.date is not None, entry.date, entry.kind, entry.number))
    return sorted(accounts.values(), key=lambda account: (account.currency, -abs(account.amount), account.connection))


def _known_in(conn: Connection, customer: UUID, connections: Sequence[str]) -> list[str]:
    mine = (binding.c.entity == "counterparty", binding.c.entity_id == customer)
    found = set(conn.execute(select(binding.c.connection).where(*mine)).scalars())
    owed = select(balances.c.connection).where(balances.c.counterparty_id == customer)
    found |= set(conn.execute(owed).scalars())
    return [name for name in connections if name in found]


def _load_register(conn: Connection, customer: UUID, connection: str) -> Sequence[Any]:
    mine = (balances.c.counterparty_id == customer, balances.c.connection == connection)
    return conn.execute(select(balances).where(*mine).order_by(balances.c.id)).all()


def _account(
    accounts: dict[Place, Account], connection: str, organisation_id: UUID | None, key: str, currency: str
) -> Account:
    place = (connection, str(organisation_id or key), currency)
    return accounts.setdefault(place, Account(connection, organisation_id, key, currency))


def _add_register(accounts: dict[Place, Account], connection: str, rows: Iterable[Any]) -> None:
    for row in rows:
        account = _account(accounts, connection, row.organisation_id, row.organisation_key, row.currency)
        account.amount += row.amount
        account.unexplained += row.unexplained
        account.as_of = row.as_of if account.as_of is None else min(account.as_of, row.as_of)


def _add_documents(
    conn: Connection, accounts: dict[Place, Account], connection: str, customer: UUID, since: datetime | None,
    usual: str,
) -> None:  # fmt: skip
    effects = list(iter_document_effects(conn, connection, Whom(ids=(customer,)), since))
    heads: dict[UUID, Head] = {}
    for entity in SETTLEMENT_DOCUMENTS:
        wanted = [row.document_id for row in effects if row.entity == entity and row.document_id is not None]
        heads |= load_heads(conn, entity, wanted)
    merged: dict[tuple[int, UUID | None], Entry] = {}
    for row in effects:
        currency = row.currency or usual
        account = _account(accounts, connection, row.organisation_id, row.organisation_key or "", currency)
        known = merged.get((id(account), row.document_id))
        if known is not None:
            known.amount += row.amount
            continue
        entry = _document(row, heads)
        merged[id(account), row.document_id] = entry
        account.entries.append(entry)


def _document(row: EffectRow, heads: dict[UUID, Head]) -> Entry:
    head = heads.get(row.document_id) if row.document_id is not None else None
    number, date, _, link = head or Head("", None, "")
    kind = f"{row.entity}_out" if row.entity == "payment" and row.amount > ZERO else row.entity
    return Entry(kind, number, date, row.amount, row.entity, row.document_id, row.contract_id, link)


def _add_movements(
    conn: Connection, accounts: dict[Place, Account], connection: str, customer: UUID, since: datetime | None
) -> None:
    """Named movements lower what is unexplained, whenever they were; those from `since` on are entries."""
    mine = (movements.c.counterparty_id == customer, movements.c.connection == connection)
    rows = conn.execute(select(movements).where(*mine, movements.c.kind.not_in(PASSING))).all()
    known = load_identities(conn, connection, "organisation", {row.organisation_key for row in rows} - {""})
    for row in rows:
        organisation = known.get(row.organisation_key)
        account = _account(accounts, connection, organisation, row.organisation_key, row.currency)
        account.unexplained -= row.amount
        if since is None or (row.date is not None and row.date >= since):
            account.entries.append(Entry(row.kind, row.number or "", row.date, row.amount))


def months_of(entries: Iterable[Entry], zone: Any) -> dict[tuple[int, int], list[Entry]]:
    """Entries by year and month on the wall clock of accounting; those without a date are left out."""
    found: dict[tuple[int, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.date is not None:
            local = on_wall_clock(entry.date, zone)
            found[local.year, local.month].append(entry)
    return found
