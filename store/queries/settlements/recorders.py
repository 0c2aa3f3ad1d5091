"""Documents by the key that the other side has for them, and how they stand here. For reconciling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, exists, func, select, type_coerce

from store.bulk import chunks
from store.entities import counterparties, entity_tables
from store.queries.settlements.effects import CURRENCY, WHOM_AT_ONCE, counts
from store.tables import binding
from store.types import Money


@dataclass(frozen=True, slots=True)
class Standing:
    """How one external id stands here; `present` is false where its record is not there any more."""

    external_id: str
    entity: str
    source: str
    state: str
    version: str
    deleted: bool
    entity_id: UUID | None
    present: bool


def load_standings(conn: Connection, connection: str, entity: str, keys: Iterable[str]) -> dict[str, Standing]:
    """Standings of these external ids, by external id; those never met are left out."""
    table = entity_tables[entity]
    found: dict[str, Standing] = {}
    for part in chunks(dict.fromkeys(keys), WHOM_AT_ONCE):
        statement = (
            select(
                binding.c.external_id,
                binding.c.entity,
                binding.c.source,
                binding.c.state,
                binding.c.version,
                binding.c.deleted,
                binding.c.entity_id,
                table.c.id.is_not(None),
            )
            .outerjoin(table, table.c.id == binding.c.entity_id)
            .where(binding.c.connection == connection, binding.c.entity == entity, binding.c.external_id.in_(part))
        )
        found.update((row[0], Standing(*tuple(row))) for row in conn.execute(statement))
    return found


def load_sums(conn: Connection, connection: str, entity: str) -> dict[str, Decimal]:
    """Amounts of the documents that count, by the document's currency ("" where none is named)."""
    table = entity_tables[entity]
    total = type_coerce(func.sum(table.c.amount), Money)
    statement = (
        select(CURRENCY.c.code, total)
        .select_from(table.outerjoin(CURRENCY, CURRENCY.c.id == table.c.currency_id))
        .where(*counts(connection, entity, table))
        .group_by(CURRENCY.c.code)
    )
    return {row[0] or "": row[1] for row in conn.execute(statement) if row[1] is not None}


def load_sources_of(conn: Connection, connection: str, entity: str, ids: Iterable[UUID]) -> dict[UUID, tuple[str, str]]:
    """Set and external id of records of ours."""
    found: dict[UUID, tuple[str, str]] = {}
    for part in chunks(dict.fromkeys(ids), WHOM_AT_ONCE):
        statement = select(binding.c.entity_id, binding.c.source, binding.c.external_id).where(
            binding.c.entity == entity, binding.c.entity_id.in_(part), binding.c.connection == connection
        )
        found.update((row[0], (row[1], row[2])) for row in conn.execute(statement))
    return found


class Head(NamedTuple):
    """What a document is known by to people, its currency, and its link into its own system."""

    number: str
    date: datetime | None
    currency: str
    link: str = ""


def load_heads(conn: Connection, entity: str, ids: Iterable[UUID]) -> dict[UUID, Head]:
    """Heads of documents of ours."""
    table = entity_tables[entity]
    found: dict[UUID, Head] = {}
    for part in chunks(dict.fromkeys(ids), WHOM_AT_ONCE):
        statement = (
            select(table.c.id, table.c.number, table.c.date, CURRENCY.c.code, table.c.link)
            .select_from(table.outerjoin(CURRENCY, CURRENCY.c.id == table.c.currency_id))
            .where(table.c.id.in_(part))
        )
        found.update(
            (row[0], Head(row[1] or "", row[2], row[3] or "", row[4] or "")) for row in conn.execute(statement)
        )
    return found


def load_names(conn: Connection, connection: str, keys: Iterable[str]) -> dict[str, tuple[UUID, str]]:
    """Id and name of counterparties by external id."""
    found: dict[str, tuple[UUID, str]] = {}
    for part in chunks(dict.fromkeys(keys), WHOM_AT_ONCE):
        statement = (
            select(binding.c.external_id, counterparties.c.id, counterparties.c.name)
            .join(counterparties, counterparties.c.id == binding.c.entity_id)
            .where(binding.c.connection == connection, binding.c.entity == "counterparty")
            .where(binding.c.external_id.in_(part))
        )
        found.update((row[0], (row[1], row[2])) for row in conn.execute(statement))
    return found


class Customer(NamedTuple):
    """Whose a document is: our id of him, his name, and a key that the other side has for him."""

    id: UUID
    name: str
    key: str


def load_customers(conn: Connection, connection: str, entity: str, ids: Iterable[UUID]) -> dict[UUID, Customer]:
    """The counterparties of documents of ours; a document without one is left out."""
    table = entity_tables[entity]
    found: dict[UUID, Customer] = {}
    if "counterparty_id" not in table.c:
        return {}
    mine = (binding.c.connection == connection, binding.c.entity == "counterparty", binding.c.deleted.is_(False))
    for part in chunks(dict.fromkeys(ids), WHOM_AT_ONCE):
        statement = (
            select(table.c.id, counterparties.c.id, counterparties.c.name, func.min(binding.c.external_id))
            .join(counterparties, counterparties.c.id == table.c.counterparty_id)
            .outerjoin(binding, and_(binding.c.entity_id == counterparties.c.id, *mine))
            .where(table.c.id.in_(part))
            .group_by(table.c.id, counterparties.c.id, counterparties.c.name)
        )
        found.update((row[0], Customer(row[1], row[2] or "", row[3] or "")) for row in conn.execute(statement))
    return found


def load_unbound(conn: Connection, entity: str) -> list[UUID]:
    """Documents of ours that no key of any other side leads to, and that are not marked as deleted.

    The other side can neither change nor delete what it has no key for: they would stay as they are for ever.
    """
    table = entity_tables[entity]
    bound = exists().where(binding.c.entity == entity, binding.c.entity_id == table.c.id)
    return list(conn.execute(select(table.c.id).where(table.c.deleted.is_(False), ~bound)).scalars())
