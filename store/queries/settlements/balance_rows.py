"""Stored balances, and which records of ours stand behind the other side's keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, or_, select

from store.bulk import chunks
from store.entities import balances, entity_tables
from store.queries.settlements.effects import CURRENCY, ROWS_AT_ONCE, WHOM_AT_ONCE, Whom, among, parts
from store.tables import binding
from store.tables.records import OUTSIDE


def load_identities(conn: Connection, connection: str, entity: str, keys: Iterable[str]) -> dict[str, UUID]:
    """Our ids of external ids that are bound."""
    found: dict[str, UUID] = {}
    for part in chunks(dict.fromkeys(keys), WHOM_AT_ONCE):
        statement = select(binding.c.external_id, binding.c.entity_id).where(
            binding.c.connection == connection,
            binding.c.entity == entity,
            binding.c.external_id.in_(part),
            binding.c.entity_id.is_not(None),
        )
        found.update((row[0], row[1]) for row in conn.execute(statement))
    return found


def load_external_keys(conn: Connection, connection: str, entity: str, ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """The connection's external ids of our ids, in a fixed order; more than one where twins were linked."""
    found: dict[UUID, list[str]] = {}
    for part in chunks(dict.fromkeys(ids), WHOM_AT_ONCE):
        statement = (
            select(binding.c.entity_id, binding.c.external_id)
            .where(binding.c.entity == entity, binding.c.entity_id.in_(part), binding.c.connection == connection)
            .order_by(binding.c.external_id)
        )
        for entity_id, key in conn.execute(statement):
            found.setdefault(entity_id, []).append(key)
    return found


def load_known_keys(conn: Connection, connection: str, entity: str, keys: Iterable[str]) -> set[str]:
    """Those of the external ids that we have met, whatever became of them."""
    found: set[str] = set()
    for part in chunks(dict.fromkeys(keys), WHOM_AT_ONCE):
        statement = select(binding.c.external_id).where(
            binding.c.connection == connection, binding.c.entity == entity, binding.c.external_id.in_(part)
        )
        found.update(conn.execute(statement).scalars())
    return found


def load_currency_codes(conn: Connection, connection: str, keys: Iterable[str]) -> dict[str, str]:
    """Currency codes by the other side's keys of currencies."""
    statement = (
        select(binding.c.external_id, CURRENCY.c.code)
        .join(CURRENCY, CURRENCY.c.id == binding.c.entity_id)
        .where(binding.c.connection == connection, binding.c.entity == "currency")
        .where(binding.c.external_id.in_(list(keys)))
    )
    return {row[0]: row[1] for row in conn.execute(statement)}


def load_currency_keys(conn: Connection, connection: str) -> dict[str, str]:
    """The other side's keys of currencies by their codes."""
    statement = (
        select(CURRENCY.c.code, binding.c.external_id)
        .join(CURRENCY, CURRENCY.c.id == binding.c.entity_id)
        .where(binding.c.connection == connection, binding.c.entity == "currency")
        .order_by(binding.c.external_id.desc())
    )
    return {row[0]: row[1] for row in conn.execute(statement)}


@dataclass(slots=True)
class StoredBalance:
    """One row of `balances` as it stands."""

    id: UUID
    counterparty_key: str
    contract_key: str
    organisation_key: str
    currency_key: str
    counterparty_id: UUID | None
    contract_id: UUID | None
    organisation_id: UUID | None
    currency: str
    receivable: Decimal
    advance: Decimal
    amount: Decimal
    overdue: Decimal
    overdue_since: date | None
    overdue_rule: str | None
    unexplained: Decimal
    as_of: datetime


def iter_balances_of(conn: Connection, connection: str, whom: Whom | None = None) -> Iterator[StoredBalance]:
    """Stored balances of one connection, zero ones too: of all customers, or of some."""
    columns = [balances.c[item.name] for item in fields(StoredBalance)]
    for part in parts(whom):
        statement = select(*columns).where(balances.c.connection == connection)
        if part is not None and part.ids:
            statement = statement.where(balances.c.counterparty_id.in_(part.ids))
        elif part is not None:
            statement = statement.where(balances.c.counterparty_key.in_(part.keys))
        for row in conn.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}):
            yield StoredBalance(*tuple(row))


def load_stale_identities(conn: Connection, connection: str, counterparty: str | None = None) -> list[dict[str, Any]]:
    """Balances whose counterparty, contract or organisation is bound to something else than when they were written."""
    names = ("counterparty", "contract", "organisation")
    bound = {name: binding.alias(f"bound_{name}") for name in names}
    source: Any = balances
    for name in names:
        key = balances.c[f"{name}_key"]
        on = (bound[name].c.connection == connection, bound[name].c.entity == name, bound[name].c.external_id == key)
        source = source.outerjoin(bound[name], and_(*on))
    differs = [bound[name].c.entity_id.is_distinct_from(balances.c[f"{name}_id"]) for name in names]
    ids = [bound[name].c.entity_id.label(f"{name}_id") for name in names]
    statement = (
        select(balances.c.id, *ids).select_from(source).where(balances.c.connection == connection, or_(*differs))
    )
    return [dict(row) for row in conn.execute(statement).mappings()]


def load_documents_of(
    conn: Connection, connection: str, entity: str, source: str, counterparty: str, start: datetime | None
) -> set[str]:
    """External ids of one customer's documents that one set's list should name, dated from `start` on."""
    table = entity_tables[entity]
    bound = load_identities(conn, connection, "counterparty", [counterparty])
    whom = Whom(tuple(bound.values()), (counterparty,))
    statement = (
        select(binding.c.external_id)
        .join(table, and_(binding.c.entity == entity, binding.c.entity_id == table.c.id))
        .where(binding.c.connection == connection, binding.c.source == source, binding.c.deleted.is_(False))
        .where(binding.c.mapping_version.is_distinct_from(OUTSIDE), *among(table, whom))
    )
    if start is not None:
        statement = statement.where(table.c.date >= start)
    return set(conn.execute(statement).scalars())
