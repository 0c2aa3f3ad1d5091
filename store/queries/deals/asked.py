"""Deals and orders as the engine and people ask for them: which to look at again, what belongs to what, in bulk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select, union

from store.bulk import IN_CHUNK, chunks, is_among, select_in
from store.entities import counterparties, entity_tables
from store.queries.settlements.effects import ALLOCATION, PAYMENT, RETURN, SHIPMENT, is_of
from store.tables import binding, deal_order, match_decision

DEAL, ORDER = entity_tables["deal"], entity_tables["order"]
AT_ONCE = 500
COUNTS = (ORDER.c.posted.is_(True), ORDER.c.deleted.is_(False))
"""Which orders belong to a deal at all: those that accounting has posted."""
ALIVE = (*COUNTS, func.coalesce(ORDER.c.status, "") != "cancelled")
"""Which orders decide about a deal's stage."""


def iter_orders_to_assign(conn: Connection, since: datetime | None) -> Iterator[list[UUID]]:
    """Orders that may belong to another deal than a moment ago, or to one at last; all of them where it is None.

    Those that changed; those without a deal whose customer, or a deal of whose customer, changed (all of them where a
    deal without a customer did); those whose deal changed its customer or went.
    """
    every = select(ORDER.c.id.label("id")).where(*COUNTS)
    yield from _pages(conn, every) if since is None else _pages(conn, _to_assign(conn, since), few=True)


def _to_assign(conn: Connection, since: datetime) -> Any:
    """Only what can have something to find is asked at all: most cycles have no news of any deal or customer."""
    fresh, known = DEAL.c.updated_at >= since, counterparties.c.updated_at >= since
    nobodys = and_(fresh, DEAL.c.counterparty_id.is_(None))
    news = conn.execute(select(exists().where(fresh), exists().where(known), exists().where(nobodys))).one()
    parts: list[Any] = [select(ORDER.c.id.label("id")).where(ORDER.c.updated_at >= since, *COUNTS)]
    waiting = select(ORDER.c.id).where(*COUNTS, ~exists().where(deal_order.c.order_id == ORDER.c.id))
    if news[2]:
        parts.append(waiting)
    elif news[0] or news[1]:
        theirs = select(DEAL.c.counterparty_id).where(fresh, DEAL.c.counterparty_id.is_not(None))
        customers = union(theirs, select(counterparties.c.id).where(known))
        parts.append(waiting.where(ORDER.c.counterparty_id.in_(customers)))
    if news[0]:
        parts.append(_lost(fresh))
    return union(*parts)


def _lost(fresh: ColumnElement[bool]) -> Select[Any]:
    moved = or_(DEAL.c.deleted.is_(True), DEAL.c.counterparty_id.is_distinct_from(ORDER.c.counterparty_id))
    return (
        select(ORDER.c.id)
        .join(deal_order, deal_order.c.order_id == ORDER.c.id)
        .join(DEAL, DEAL.c.id == deal_order.c.deal_id)
        .where(fresh, moved, deal_order.c.rule != "person")
    )


def iter_deals_to_move(conn: Connection, connection: str, since: datetime | None) -> Iterator[list[UUID]]:
    """Deals of one connection, with orders, whose stage may have to be another now; all where it is None."""
    every = select(deal_order.c.deal_id.label("id")).where(_bound(connection, deal_order.c.deal_id)).distinct()
    yield from _pages(conn, every) if since is None else _pages(conn, _to_move(connection, since), few=True)


def _to_move(connection: str, since: datetime) -> Any:
    touched = deals_touched(since).subquery("touched")
    return select(touched.c.id).where(_bound(connection, touched.c.id))


def deals_touched(since: datetime) -> Any:
    """A query of deals with orders of which something else could be told since a moment, in a column `id`."""
    shipped, returned, paid = (table.c.updated_at >= since for table in (SHIPMENT, RETURN, PAYMENT))
    rows = ALLOCATION.c.payment_id.in_(select(PAYMENT.c.id).where(paid))
    orders = union(
        select(ORDER.c.id.label("id")).where(ORDER.c.updated_at >= since),
        select(SHIPMENT.c.order_id).where(shipped),
        select(SHIPMENT.c.order_id).join(RETURN, RETURN.c.shipment_id == SHIPMENT.c.id).where(returned),
        select(PAYMENT.c.order_id).where(paid),
        select(ALLOCATION.c.order_id).where(rows),
        select(SHIPMENT.c.order_id).where(SHIPMENT.c.id.in_(select(ALLOCATION.c.shipment_id).where(rows))),
    )
    changed, deal = orders.subquery("changed"), deal_order.c.deal_id.label("id")
    return union(
        select(deal).join(changed, changed.c.id == deal_order.c.order_id),
        select(deal).join(DEAL, DEAL.c.id == deal_order.c.deal_id).where(DEAL.c.updated_at >= since),
        select(deal).where(deal_order.c.decided_at >= since),
    )


def _bound(connection: str, deal: ColumnElement[Any]) -> ColumnElement[bool]:
    return exists().where(binding.c.connection == connection, binding.c.entity == "deal", binding.c.entity_id == deal)


def _pages(conn: Connection, query: Any, *, few: bool = False) -> Iterator[list[UUID]]:
    """Ids in pages. `few`: of a large table only few are looked for, so it is not to be gone through in their order."""
    found = query.subquery()
    key = func.coalesce(found.c.id, found.c.id) if few else found.c.id
    last: UUID | None = None
    while True:
        page = select(found.c.id).order_by(key).limit(AT_ONCE)
        ids = list(conn.execute(page if last is None else page.where(key > last)).scalars())
        if ids:
            yield ids
        if len(ids) < AT_ONCE:
            return
        last = ids[-1]


_DEAL_COLUMNS = (
    "id", "name", "number", "date", "pipeline", "stage", "stage_since", "outcome", "amount", "currency",
    "counterparty_id", "deleted",
)  # fmt: skip


def _deals(connection: str) -> Select[Any]:
    mine = and_(binding.c.entity_id == DEAL.c.id, binding.c.entity == "deal", binding.c.connection == connection)
    columns = [DEAL.c[name] for name in _DEAL_COLUMNS]
    return select(*columns, binding.c.external_id).join(binding, mine)


def load_deals(
    conn: Connection, connection: str, column: ColumnElement[Any], values: Iterable[object]
) -> list[Row[Any]]:
    """Deals of one connection by any column of theirs or of their binding, as they are numbered; those gone too."""
    found: list[Row[Any]] = []
    for part in chunks(dict.fromkeys(values), IN_CHUNK):
        asked = _deals(connection).where(is_among(conn, column, part))
        found += conn.execute(asked.order_by(func.length(binding.c.external_id), binding.c.external_id)).all()
    return found


def load_deals_named(conn: Connection, connection: str, numbers: Iterable[str]) -> list[Row[Any]]:
    """Deals of one connection that have any of these numbers, or are known by it in the CRM."""
    names = list(dict.fromkeys(numbers))
    found = {row.id: row for row in load_deals(conn, connection, DEAL.c.number, names)}
    found |= {row.id: row for row in load_deals(conn, connection, binding.c.external_id, names)}
    return [row for row in found.values() if not row.deleted]


def load_orders(conn: Connection, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Orders whole, with what is decided about them: `deal_id` and `rule` are None where nothing is."""
    query = (
        select(ORDER, deal_order.c.deal_id, deal_order.c.rule)
        .outerjoin(deal_order, deal_order.c.order_id == ORDER.c.id)
        .where(is_among(conn, ORDER.c.id, ids))
    )
    return [dict(row._mapping) for row in conn.execute(query)]


def load_rejected(conn: Connection, connection: str, orders: Sequence[UUID]) -> dict[UUID, set[str]]:
    """Deals (by their id in the CRM) of which a person has said that an order is not theirs."""
    columns = [match_decision.c.entity_id, match_decision.c.external_id]
    wanted = {"connection": connection, "entity": "order", "verdict": "different"}
    found: dict[UUID, set[str]] = {}
    for row in select_in(conn, match_decision, columns, match_decision.c.entity_id, orders, **wanted):
        found.setdefault(row.entity_id, set()).add(row.external_id)
    return found


def iter_unassigned(conn: Connection, connection: str, since: datetime | None) -> Iterator[list[UUID]]:
    """Orders without a deal that perhaps should have one.

    The customer has deals in this CRM, or something is written in the order that may name one.
    """
    theirs = exists().where(
        DEAL.c.counterparty_id == ORDER.c.counterparty_id, DEAL.c.deleted.is_(False), is_of(connection, "deal", DEAL)
    )
    written = or_(ORDER.c.comment.is_not(None), ORDER.c.attributes.is_not(None))
    without = ~exists().where(deal_order.c.order_id == ORDER.c.id)
    query = select(ORDER.c.id.label("id")).where(*ALIVE, without, or_(theirs, written))
    yield from _pages(conn, query if since is None else query.where(ORDER.c.date >= since))


def load_orders_of(conn: Connection, deals: Iterable[UUID]) -> dict[UUID, list[Row[Any]]]:
    """The orders that count, by deal, oldest first; those of one moment by their numbers."""
    columns = [ORDER.c[name] for name in ("id", "number", "date", "amount", "status", "currency_id")]
    query = select(deal_order.c.deal_id, deal_order.c.rule, *columns).join(ORDER, ORDER.c.id == deal_order.c.order_id)
    found: dict[UUID, list[Row[Any]]] = {}
    for part in chunks(dict.fromkeys(deals), IN_CHUNK):
        mine = is_among(conn, deal_order.c.deal_id, part)
        for row in conn.execute(query.where(mine, *ALIVE).order_by(ORDER.c.date, ORDER.c.number, ORDER.c.id)):
            found.setdefault(row.deal_id, []).append(row)
    return found
