"""What mirrored documents say about settlements: their effects on balances, by customer, in a few queries for all.

Only documents that are posted and not marked deleted count. A shipment adds, a return takes away, a payment in takes
away, a payment out adds. A payment with allocation rows counts by its rows. The currency is that of the contract, else
the document's.
A reference that is not here stands as the other side's own key, so that nothing falls out of a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)

from store.bulk import chunks
from store.entities import entity_tables, line_tables
from store.tables import binding
from store.types import Money

SHIPMENT, RETURN, PAYMENT = entity_tables["shipment"], entity_tables["return"], entity_tables["payment"]
ALLOCATION = line_tables["payment", "allocations"]
CONTRACT, CURRENCY = entity_tables["contract"], entity_tables["currency"]
ROWS_AT_ONCE = 2000
WHOM_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Whom:
    """Some counterparties: by our id, and by external id those that we do not have."""

    ids: tuple[UUID, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EffectRow:
    """What documents move one balance by; `document_id` only where each document was asked for.

    Of a reference either the id is given, or the key that the other side has for it, or neither (it names none).
    """

    counterparty_id: UUID | None
    counterparty_key: str | None
    contract_id: UUID | None
    contract_key: str | None
    organisation_id: UUID | None
    organisation_key: str | None
    currency: str | None
    amount: Decimal
    entity: str = ""
    document_id: UUID | None = None


def iter_effects(
    conn: Connection, connection: str, whom: Whom | None = None, since: datetime | None = None
) -> Iterator[EffectRow]:
    """Sums by counterparty × contract × organisation × currency, of all customers or of some.

    Documents dated before `since` are left out: they are part of the opening balance.
    """
    for part in parts(whom):
        every = _effects(connection, part, since).subquery("effect")
        keys = [every.c[name] for name in _KEY_NAMES]
        total = type_coerce(func.sum(every.c.amount), Money).label("amount")
        statement: Select[Any] = select(*keys, total).group_by(*keys)
        for row in conn.execute(statement, execution_options={"yield_per": ROWS_AT_ONCE}):
            yield EffectRow(*tuple(row))


def iter_document_effects(
    conn: Connection, connection: str, whom: Whom, since: datetime | None = None
) -> Iterator[EffectRow]:
    """The same, document by document: what stands behind the sums of some customers."""
    for part in parts(whom):
        every = _effects(connection, part, since).subquery("effect")
        keys = [every.c[name] for name in (*_KEY_NAMES, "entity", "document_id")]
        total = type_coerce(func.sum(every.c.amount), Money).label("amount")
        columns = [*keys[:7], total, *keys[7:]]
        statement: Select[Any] = select(*columns).group_by(*keys)
        for row in conn.execute(statement):
            yield EffectRow(*tuple(row))


def changed_counterparties(conn: Connection, connection: str, since: datetime) -> Whom:
    """Whose settlement documents of this connection have been written since that moment."""
    parts = [
        select(*reference(table, "counterparty")).where(table.c.updated_at >= since, is_of(connection, entity, table))
        for entity, table in (("shipment", SHIPMENT), ("return", RETURN), ("payment", PAYMENT))
    ]
    rows = conn.execute(union_all(*parts)).all()
    ids = {row[0] for row in rows if row[0] is not None}
    return Whom(tuple(ids), tuple({row[1] for row in rows if row[0] is None and row[1]}))


_KEY_NAMES = (
    "counterparty_id",
    "counterparty_key",
    "contract_id",
    "contract_key",
    "organisation_id",
    "organisation_key",
    "currency",
)


def parts(whom: Whom | None) -> Iterator[Whom | None]:
    """The counterparties in lists short enough for one question; one None where all are meant."""
    if whom is None:
        yield None
        return
    for ids in chunks(whom.ids, WHOM_AT_ONCE):
        yield Whom(ids=tuple(ids))
    for keys in chunks(whom.keys, WHOM_AT_ONCE):
        yield Whom(keys=tuple(keys))


def _effects(connection: str, whom: Whom | None, since: datetime | None) -> Any:
    scope = _Scope(connection, whom, since)
    return union_all(
        _whole_document(scope, "shipment", SHIPMENT, SHIPMENT.c.amount),
        _whole_document(scope, "return", RETURN, -RETURN.c.amount),
        _payments_without_rows(scope),
        _payments_by_rows(scope),
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    connection: str
    whom: Whom | None
    since: datetime | None

    def of(self, entity: str, table: Table) -> list[ColumnElement[bool]]:
        dated = [] if self.since is None else [table.c.date >= self.since]
        return [*counts(self.connection, entity, table), *among(table, self.whom), *dated]


def _whole_document(scope: _Scope, entity: str, table: Table, amount: ColumnElement[Any]) -> Select[Any]:
    contract_id, contract_key = reference(table, "contract")
    return _select(entity, table, contract_id, contract_key, amount).where(*scope.of(entity, table))


def _payments_without_rows(scope: _Scope) -> Select[Any]:
    statement = _whole_document(scope, "payment", PAYMENT, signed(PAYMENT.c.amount))
    return statement.where(~exists(select(literal(1)).where(ALLOCATION.c.payment_id == PAYMENT.c.id)))


def _payments_by_rows(scope: _Scope) -> Select[Any]:
    """A row names its contract, or leaves it to the head of the payment."""
    row_key = ALLOCATION.c.unresolved["contract"].as_string()
    head_id, head_key = reference(PAYMENT, "contract")
    contract_id = case(
        (ALLOCATION.c.contract_id.is_not(None), ALLOCATION.c.contract_id), (row_key.is_not(None), null()), else_=head_id
    )
    contract_key = case((ALLOCATION.c.contract_id.is_not(None), null()), else_=func.coalesce(row_key, head_key))
    amount = signed(func.coalesce(ALLOCATION.c.settlement_amount, ALLOCATION.c.amount, PAYMENT.c.amount))
    statement = _select("payment", PAYMENT, contract_id, contract_key, amount, rows=ALLOCATION)
    return statement.where(*scope.of("payment", PAYMENT))


def _select(
    entity: str,
    table: Table,
    contract_id: ColumnElement[Any],
    contract_key: ColumnElement[Any],
    amount: ColumnElement[Any],
    *,
    rows: Table | None = None,
) -> Select[Any]:
    of_contract, of_document = CURRENCY.alias("contract_currency"), CURRENCY.alias("document_currency")
    source = table if rows is None else table.join(rows, rows.c[f"{entity}_id"] == table.c.id)
    source = source.outerjoin(CONTRACT, CONTRACT.c.id == contract_id)
    source = source.outerjoin(of_contract, of_contract.c.id == CONTRACT.c.currency_id)
    source = source.outerjoin(of_document, of_document.c.id == table.c.currency_id)
    return select(
        *reference(table, "counterparty"),
        contract_id.label("contract_id"),
        contract_key.label("contract_key"),
        *reference(table, "organisation"),
        func.coalesce(of_contract.c.code, of_document.c.code).label("currency"),
        type_coerce(amount, Money).label("amount"),
        literal(entity, String).label("entity"),
        table.c.id.label("document_id"),
    ).select_from(source)


def reference(table: Table, name: str) -> Sequence[ColumnElement[Any]]:
    """Our id of a reference, and where that is empty the other side's key."""
    column = table.c[f"{name}_id"]
    key = case((column.is_(None), table.c.unresolved[name].as_string()))
    return column, key.label(f"{name}_key")


def signed(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """What a payment of this amount moves a balance by."""
    return case((PAYMENT.c.direction == "in", -amount), else_=amount)


def counts(connection: str, entity: str, table: Table) -> list[ColumnElement[bool]]:
    """Whether a document of this connection counts: posted and not marked deleted."""
    return [table.c.posted.is_(True), table.c.deleted.is_(False), is_of(connection, entity, table)]


def is_of(connection: str, entity: str, table: Table) -> ColumnElement[bool]:
    """Whether a record came from this connection: several bases may fill one table."""
    return exists(
        select(literal(1)).where(
            binding.c.entity == entity, binding.c.entity_id == table.c.id, binding.c.connection == connection
        )
    )


def among(table: Table, whom: Whom | None) -> list[ColumnElement[bool]]:
    """Whether a document is one of these counterparties'."""
    if whom is None:
        return []
    key = table.c.unresolved["counterparty"].as_string()
    by_id = table.c.counterparty_id.in_(whom.ids)
    by_key = and_(table.c.counterparty_id.is_(None), key.in_(whom.keys))
    return [by_id if not whom.keys else by_key if not whom.ids else or_(by_id, by_key)]
