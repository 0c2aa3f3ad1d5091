"""Whose cards in CRMs may show something else now, asked by page: what a card depends on carries its own moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, or_, select, union

from store.bulk import select_in
from store.entities import balances, counterparties, entity_tables, line_tables
from store.queries.deals.asked import deals_touched
from store.tables import binding, deal_order, intent, outbox

CUSTOMER, DEAL = "counterparty", "deal"
PAGE = 500
_OF_CUSTOMER = ("order", "shipment", "payment")
ORDER, SHIPMENT, RETURN, PAYMENT = (entity_tables[name] for name in ("order", "shipment", "return", "payment"))
ALLOCATION = line_tables["payment", "allocations"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cards are asked about: of one connection, by the mapping's name, of an entity, hanging on others."""

    connection: str
    card: str
    entity: str
    parents: tuple[str, ...] = ()


def load_page(conn: Connection, scope: Scope, after: UUID | None, since: datetime | None) -> list[UUID]:
    """The next ids behind `after`, in order: of records that may have changed `since`, or (None) of all.

    Asks once, whatever the number of changes; an empty list is the end.
    """
    if since is None:
        column: ColumnElement[UUID] = entity_tables[scope.entity].c.id
    else:
        column = union(*_changed(scope, since)).subquery("changed").c.id
    query = select(column).where(column.is_not(None)).order_by(column).limit(PAGE)
    return list(conn.execute(query if after is None else query.where(column > after)).scalars())


def _changed(scope: Scope, since: datetime) -> list[Select[Any]]:
    if scope.entity == DEAL:
        deals = entity_tables[DEAL]
        touched = deals_touched(since).subquery("touched")
        return [select(deals.c.id.label("id")).where(deals.c.updated_at >= since), select(touched.c.id)]
    return _changed_customers(scope, since) if scope.entity == CUSTOMER else _changed_documents(scope, since)


def _changed_customers(scope: Scope, since: datetime) -> list[Select[Any]]:
    """His own row, what he owes, his documents, his way into accounting, and cards that have been bound to him."""
    moved = or_(balances.c.as_of >= since, balances.c.settled_at >= since)
    sent = and_(intent.c.entity == CUSTOMER, intent.c.updated_at >= since)
    parts: list[Select[Any]] = [
        select(counterparties.c.id.label("id")).where(counterparties.c.updated_at >= since),
        select(balances.c.counterparty_id).where(moved),
        select(intent.c.entity_id).where(sent),
        _newly_bound(scope),
    ]
    for name in _OF_CUSTOMER:
        table = entity_tables[name]
        parts.append(select(table.c.counterparty_id).where(table.c.updated_at >= since))
    return parts


def _newly_bound(scope: Scope) -> Select[Any]:
    """Customers who have a card there that the outbox does not know of, or knows as another one."""
    same = and_(
        outbox.c.connection == binding.c.connection,
        outbox.c.card == scope.card,
        outbox.c.entity_id == binding.c.entity_id,
    )
    alive = (binding.c.state == "bound", binding.c.deleted.is_(False), binding.c.source == scope.card)
    mine = (binding.c.connection == scope.connection, binding.c.entity == CUSTOMER, binding.c.entity_id.is_not(None))
    unknown = or_(outbox.c.entity_id.is_(None), outbox.c.external_id.is_distinct_from(binding.c.external_id))
    return select(binding.c.entity_id).select_from(binding.outerjoin(outbox, same)).where(*mine, *alive, unknown)


def _changed_documents(scope: Scope, since: datetime) -> list[Select[Any]]:
    """Its own row, its customer's card that has come into being; of an order what was shipped, paid, and its deal."""
    table = entity_tables[scope.entity]
    parts: list[Select[Any]] = [select(table.c.id.label("id")).where(table.c.updated_at >= since)]
    if scope.parents:
        parts.append(_under_new_parents(scope, table, since))
    if scope.entity == "order":
        of_shipment = RETURN.join(SHIPMENT, SHIPMENT.c.id == RETURN.c.shipment_id)
        rows = ALLOCATION.join(PAYMENT, PAYMENT.c.id == ALLOCATION.c.payment_id)
        by_shipment = rows.join(SHIPMENT, SHIPMENT.c.id == ALLOCATION.c.shipment_id)
        parts += [
            select(SHIPMENT.c.order_id).where(SHIPMENT.c.updated_at >= since),
            select(SHIPMENT.c.order_id).select_from(of_shipment).where(RETURN.c.updated_at >= since),
            select(PAYMENT.c.order_id).where(PAYMENT.c.updated_at >= since),
            select(ALLOCATION.c.order_id).select_from(rows).where(PAYMENT.c.updated_at >= since),
            select(SHIPMENT.c.order_id).select_from(by_shipment).where(PAYMENT.c.updated_at >= since),
            select(deal_order.c.order_id).where(deal_order.c.decided_at >= since),
        ]
    return parts


def _under_new_parents(scope: Scope, table: Table, since: datetime) -> Select[Any]:
    mine = (outbox.c.connection == scope.connection, outbox.c.card.in_(scope.parents), outbox.c.bound_at >= since)
    shown = table.join(outbox, outbox.c.entity_id == table.c.counterparty_id)
    return select(table.c.id).select_from(shown).where(*mine)


def load_bound_cards(conn: Connection, connection: str, customers: Sequence[UUID]) -> dict[UUID, list[Any]]:
    """Cards of these customers in a CRM, those that are gone too: rows of external_id, source, deleted."""
    columns = [binding.c[name] for name in ("entity_id", "external_id", "source", "state", "deleted", "code")]
    rows = select_in(conn, binding, columns, binding.c.entity_id, customers, connection=connection, entity=CUSTOMER)
    found: dict[UUID, list[Any]] = {}
    for row in sorted(rows, key=lambda one: (one.deleted, one.external_id)):
        found.setdefault(row.entity_id, []).append(row)
    return found
