"""Shipments as charges: when each is to be paid, and what was paid for it by name. For open items and overdue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, select, type_coerce, union_all

from store.entities import counterparties, entity_tables
from store.queries.settlements.effects import (
    ALLOCATION,
    CONTRACT,
    CURRENCY,
    PAYMENT,
    RETURN,
    SHIPMENT,
    Whom,
    among,
    counts,
    parts,
    reference,
    signed,
)
from store.types import Money

ORDER = entity_tables["order"]


@dataclass(frozen=True, slots=True)
class ChargeRow:
    """One shipment that counts, with what everybody says about when it is to be paid."""

    document_id: UUID
    order_id: UUID | None
    counterparty_id: UUID | None
    counterparty_key: str | None
    contract_id: UUID | None
    contract_key: str | None
    organisation_id: UUID | None
    organisation_key: str | None
    currency: str | None
    shipped_at: datetime
    amount: Decimal
    pay_until: date | None
    order_pay_until: date | None
    contract_days: int | None
    counterparty_days: int | None


def iter_charges(conn: Connection, connection: str, whom: Whom) -> Iterator[ChargeRow]:
    """Shipments of some customers, oldest first."""
    for part in parts(whom):
        for row in conn.execute(_charges(connection, part)):
            yield ChargeRow(*tuple(row))


def _charges(connection: str, whom: Whom | None) -> Select[Any]:
    of_contract, of_document = CURRENCY.alias("contract_currency"), CURRENCY.alias("document_currency")
    source = (
        SHIPMENT.outerjoin(ORDER, ORDER.c.id == SHIPMENT.c.order_id)
        .outerjoin(CONTRACT, CONTRACT.c.id == SHIPMENT.c.contract_id)
        .outerjoin(counterparties, counterparties.c.id == SHIPMENT.c.counterparty_id)
        .outerjoin(of_contract, of_contract.c.id == CONTRACT.c.currency_id)
        .outerjoin(of_document, of_document.c.id == SHIPMENT.c.currency_id)
    )
    columns: list[ColumnElement[Any]] = [
        SHIPMENT.c.id,
        SHIPMENT.c.order_id,
        *reference(SHIPMENT, "counterparty"),
        *reference(SHIPMENT, "contract"),
        *reference(SHIPMENT, "organisation"),
        func.coalesce(of_contract.c.code, of_document.c.code),
        SHIPMENT.c.date,
        SHIPMENT.c.amount,
        SHIPMENT.c.pay_until,
        ORDER.c.pay_until,
        CONTRACT.c.payment_days,
        counterparties.c.payment_days,
    ]
    statement = select(*columns).select_from(source)
    statement = statement.where(*counts(connection, "shipment", SHIPMENT), *among(SHIPMENT, whom))
    return statement.order_by(SHIPMENT.c.date, SHIPMENT.c.id)


def load_closed(conn: Connection, connection: str, whom: Whom) -> tuple[dict[UUID, Decimal], dict[UUID, Decimal]]:
    """What was paid or returned by name: by shipment, and by order where no shipment was named."""
    by_shipment: dict[UUID, Decimal] = {}
    by_order: dict[UUID, Decimal] = {}
    for part in parts(whom):
        for shipment_id, order_id, amount in conn.execute(_closed(connection, part)):
            target, key = (by_shipment, shipment_id) if shipment_id is not None else (by_order, order_id)
            target[key] = target.get(key, Decimal(0)) + amount
    return by_shipment, by_order


def _closed(connection: str, whom: Whom | None) -> Select[Any]:
    order_id = func.coalesce(ALLOCATION.c.order_id, PAYMENT.c.order_id)
    amount = -signed(func.coalesce(ALLOCATION.c.settlement_amount, ALLOCATION.c.amount, PAYMENT.c.amount))
    paid = (
        select(ALLOCATION.c.shipment_id.label("shipment_id"), order_id.label("order_id"), amount.label("amount"))
        .select_from(PAYMENT.outerjoin(ALLOCATION, ALLOCATION.c.payment_id == PAYMENT.c.id))
        .where(*counts(connection, "payment", PAYMENT), *among(PAYMENT, whom))
        .where(func.coalesce(ALLOCATION.c.shipment_id, order_id).is_not(None))
    )
    returned = (
        select(RETURN.c.shipment_id, SHIPMENT.c.order_id, RETURN.c.amount)
        .select_from(RETURN.outerjoin(SHIPMENT, SHIPMENT.c.id == RETURN.c.shipment_id))
        .where(*counts(connection, "return", RETURN), *among(RETURN, whom), RETURN.c.shipment_id.is_not(None))
    )
    every = union_all(paid, returned).subquery("closed")
    total = type_coerce(func.sum(every.c.amount), Money)
    return select(every.c.shipment_id, every.c.order_id, total).group_by(every.c.shipment_id, every.c.order_id)
