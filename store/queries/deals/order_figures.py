"""What became of orders: how much of each was shipped and how much was paid, asked for many at once.

Only what names the order counts: a shipment that is based on it, a payment whose row (or head) names the order or a
shipment of it. What a customer paid without naming anything is told by his balance, never guessed onto an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, select, type_coerce, union_all

from core.money import ZERO
from store.bulk import IN_CHUNK, chunks, is_among
from store.queries.settlements.effects import ALLOCATION, PAYMENT, RETURN, SHIPMENT, signed
from store.types import Money


@dataclass(frozen=True, slots=True)
class OrderFigures:
    """What of one order was shipped (returns taken off) and paid (paid back taken off), in the order's currency."""

    shipped: Decimal = ZERO
    paid: Decimal = ZERO


NOTHING = OrderFigures()


def load_order_figures(conn: Connection, orders: Iterable[UUID]) -> dict[UUID, OrderFigures]:
    """Shipped and paid of these orders; one of which nothing was shipped or paid is left out (see `NOTHING`).

    Two questions a thousand orders. Documents that are not posted or are marked deleted count nowhere.
    """
    found: dict[UUID, OrderFigures] = {}
    for part in chunks(dict.fromkeys(orders), IN_CHUNK):
        shipped = _sums(conn, _shipped(conn, part))
        paid = _sums(conn, _paid(conn, part))
        for order in shipped.keys() | paid.keys():
            found[order] = OrderFigures(shipped.get(order, ZERO), paid.get(order, ZERO))
    return found


def _sums(conn: Connection, parts: Sequence[Select[Any]]) -> dict[UUID, Decimal]:
    every = union_all(*parts).subquery("named")
    total = type_coerce(func.sum(every.c.amount), Money)
    return {row[0]: row[1] for row in conn.execute(select(every.c.order_id, total).group_by(every.c.order_id))}


def _shipped(conn: Connection, orders: Sequence[UUID]) -> list[Select[Any]]:
    mine = is_among(conn, SHIPMENT.c.order_id, orders)
    went = select(SHIPMENT.c.order_id, SHIPMENT.c.amount.label("amount")).where(mine, *_counts(SHIPMENT))
    came_back = (
        select(SHIPMENT.c.order_id, (-RETURN.c.amount).label("amount"))
        .select_from(RETURN.join(SHIPMENT, SHIPMENT.c.id == RETURN.c.shipment_id))
        .where(mine, *_counts(RETURN), *_counts(SHIPMENT))
    )
    return [went, came_back]


def _paid(conn: Connection, orders: Sequence[UUID]) -> list[Select[Any]]:
    """A row names the order; or only a shipment of it; or the payment's head names it, for rows that say nothing."""
    amount = (-signed(func.coalesce(ALLOCATION.c.settlement_amount, ALLOCATION.c.amount))).label("amount")
    rows = ALLOCATION.join(PAYMENT, PAYMENT.c.id == ALLOCATION.c.payment_id)
    by_row = (
        select(ALLOCATION.c.order_id, amount)
        .select_from(rows)
        .where(is_among(conn, ALLOCATION.c.order_id, orders), *_counts(PAYMENT))
    )
    by_shipment = (
        select(SHIPMENT.c.order_id, amount)
        .select_from(rows.join(SHIPMENT, SHIPMENT.c.id == ALLOCATION.c.shipment_id))
        .where(is_among(conn, SHIPMENT.c.order_id, orders), ALLOCATION.c.order_id.is_(None), *_counts(PAYMENT))
    )
    silent = ALLOCATION.c.order_id.is_(None) & ALLOCATION.c.shipment_id.is_(None)
    whole = func.coalesce(ALLOCATION.c.settlement_amount, ALLOCATION.c.amount, PAYMENT.c.amount)
    by_head = (
        select(PAYMENT.c.order_id, (-signed(whole)).label("amount"))
        .select_from(PAYMENT.outerjoin(ALLOCATION, ALLOCATION.c.payment_id == PAYMENT.c.id))
        .where(is_among(conn, PAYMENT.c.order_id, orders), silent, *_counts(PAYMENT))
    )
    return [by_row, by_shipment, by_head]


def _counts(table: Any) -> list[ColumnElement[bool]]:
    return [table.c.posted.is_(True), table.c.deleted.is_(False)]
